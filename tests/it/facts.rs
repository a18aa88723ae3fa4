//! Issues and events by what stands in their events: over HTTP, against the real binary.

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::payload::{envelope, event, event_envelope, id, to_envelope};

fn send(server: &Trapline, event: &Value) {
    to_envelope(server, event_envelope(event)).send().expect(200);
}

fn query(path: &str, text: &str) -> String {
    let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("{path}{}query={text}", if path.contains('?') { '&' } else { '?' })
}

fn total(server: &Trapline, text: &str) -> u64 {
    let page = server.get_json(&query("/api/ui/issues", text));
    assert_eq!(page["issues"].as_array().unwrap().len() as u64, page["total"].as_u64().unwrap(), "{text}");
    page["total"].as_u64().unwrap()
}

/// Two bugs: the first of three events with two tenants, the second of one.
fn some_events() -> Trapline {
    let server = Trapline::start();
    for (number, ty, tenant, environment, user) in [
        (1, "KeyError", "acme", "production", "ada"),
        (2, "KeyError", "acme", "staging", "bob"),
        (3, "KeyError", "beta corp", "production", "ada"),
        (4, "OSError", "acme", "production", "eve"),
    ] {
        let mut event = event(number, ty);
        event["tags"] = json!({ "tenant": tenant, "number": number.to_string() });
        event["environment"] = environment.into();
        event["release"] = format!("shop@1.{number}").into();
        event["user"] = json!({ "id": user, "email": format!("{user}@example.org") });
        event["contexts"] = json!({ "flags": { "values": [{ "flag": "new-cart", "result": number > 2 }] } });
        send(&server, &event);
    }
    server
}

#[test]
fn issues_are_found_by_what_stands_in_one_of_their_events() {
    let server = some_events();
    for (text, count) in [
        ("", 2),
        ("tenant:acme", 2),
        ("tenant:\"beta corp\"", 1),
        ("!tenant:acme", 1),
        ("tenant:acme environment:staging", 1),
        ("tenant:\"beta corp\" environment:staging", 0),
        ("tenant:b* OR error.type:OSError", 2),
        ("number:>3", 1),
        ("user.email:*@example.org", 2),
        ("user:eve", 1),
        ("flags[\"new-cart\"]:true", 2),
        ("release.version:>1.3", 1),
        ("release:latest", 1),
        ("stack.function:OSError", 1),
        ("made up", 2),
        ("OSError", 1),
        ("is:unresolved KeyError", 1),
        ("is:resolved", 0),
        ("is:new timesSeen:>2", 1),
        ("issue:DEFAULT-2", 1),
        ("has:tenant !has:dist", 2),
        ("assigned:none", 2),
    ] {
        assert_eq!(total(&server, text), count, "{text}");
    }
    let page = server.get_json("/api/ui/issues?query=&release=shop%401.2&environment=staging");
    assert_eq!(page["total"], 1, "{page}");
    assert_eq!(page["releases"].as_array().unwrap().len(), 4);
    for sort in ["users", "trend", "events"] {
        let page = server.get_json(&format!("/api/ui/issues?query=&sort={sort}&limit=1"));
        assert_eq!(page["issues"][0]["ty"], "KeyError", "{sort}");
        let next = page["next_cursor"].as_str().unwrap();
        let page = server.get_json(&format!("/api/ui/issues?query=&sort={sort}&limit=1&cursor={next}"));
        assert_eq!((&page["issues"][0]["ty"], &page["next_cursor"]), (&json!("OSError"), &Value::Null), "{sort}");
    }
    let counts = server.get_json("/api/ui/issues/counts");
    assert_eq!(counts, json!({ "open": 2, "new": 2, "regressed": 0, "ignored": 0, "resolved": 0, "all": 2 }));
}

#[test]
fn a_search_that_cannot_be_read_says_where() {
    let server = Trapline::start();
    let error = server.get(&query("/api/ui/issues", "tenant:acme is:gone")).expect(400).json();
    assert_eq!(error["at"], json!({ "from": 15, "to": 19 }), "{error}");
    let error = server.get(&query("/api/0/projects/main/default/issues/", "firstSeen:soon")).expect(400).json();
    assert!(error["detail"].as_str().unwrap().contains("soon"), "{error}");
    server.get("/api/ui/issues?range=3y").expect(400);
    server.get("/api/ui/issues?cursor=x").expect(400);
}

#[test]
fn events_of_an_issue_are_paged_within_what_is_asked_for() {
    let server = some_events();
    let nav = |event: &str, filter: &str| {
        let event = server.get_json(&format!("/api/ui/issues/DEFAULT-1/events/{event}?{filter}"));
        (event["event_id"].as_str().unwrap().to_string(), event["nav"].clone())
    };
    let (event, around) = nav("latest", "environment=production");
    assert_eq!(event, id(3));
    assert_eq!((&around["previous"], &around["next"], &around["total"]), (&json!(id(1)), &Value::Null, &json!(2)));
    let (event, around) = nav("first", "");
    assert_eq!((event, &around["next"], &around["total"]), (id(1), &json!(id(2)), &json!(3)));
    assert_eq!(nav("recommended", "").0, id(3));
    let (event, around) = nav(&id(2), "query=tenant%3Aacme");
    assert_eq!((event, &around["previous"], &around["next"]), (id(2), &json!(id(1)), &Value::Null));
    server.get("/api/ui/issues/DEFAULT-1/events/latest?query=tenant%3Anobody").expect(404);
    server.get(&format!("/api/ui/issues/DEFAULT-1/events/{}", id(4))).expect(404);

    let page = server.get_json("/api/ui/issues/DEFAULT-1/events?limit=2");
    assert_eq!((&page["total"], &page["events"][0]["user"]), (&json!(3), &json!("id:ada")));
    let next = page["next_cursor"].as_str().unwrap();
    let rest = server.get_json(&format!("/api/ui/issues/DEFAULT-1/events?limit=2&cursor={next}"));
    assert_eq!((&rest["events"][0]["event_id"], &rest["next_cursor"]), (&json!(id(1)), &Value::Null));
}

#[test]
fn tags_users_and_history_are_those_of_the_events() {
    let server = some_events();
    let tags = server.get_json("/api/ui/issues/DEFAULT-1/tags?compare=rest");
    let tag = |key: &str| tags["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == key).unwrap().clone();
    assert_eq!(tags["events"], 3);
    assert_eq!((&tag("tenant")["distinct"], &tag("tenant")["values"][0]["count"]), (&json!(2), &json!(2)));
    assert_eq!(tag("tenant")["values"][0]["rest_share"], 1.0);
    assert_eq!(tag("environment")["values"][0]["value"], "production");
    let values = server.get_json("/api/ui/issues/DEFAULT-1/tags/number?limit=2");
    assert_eq!((&values["tags"][0]["distinct"], &values["next_cursor"]), (&json!(3), &json!("2")));
    server.get("/api/ui/issues/DEFAULT-1/tags/nothing").expect(404);
    let users = server.get_json("/api/ui/issues/DEFAULT-1/users");
    assert_eq!((&users["count"], &users["users"][0]["label"]), (&json!(2), &json!("id:ada")));
    for filter in ["", "&environment=production", "&query=tenant%3Aacme"] {
        let history = server.get_json(&format!("/api/ui/issues/DEFAULT-1/history?unit=hour{filter}"));
        let sum: u64 = history["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, if filter.is_empty() { 3 } else { 2 }, "{filter}");
        assert_eq!(history["releases"].as_array().unwrap().len(), 4);
    }
    finer_steps_tell_the_same(&server);
    let changes = server.get_json("/api/ui/issues/DEFAULT-2/changes");
    assert!(!changes["items"].as_array().unwrap().is_empty(), "{changes}");
}

fn finer_steps_tell_the_same(server: &Trapline) {
    let events = server.get_json("/api/ui/issues/DEFAULT-1/events")["events"].clone();
    let times: Vec<i64> =
        events.as_array().unwrap().iter().map(|event| event["timestamp_ms"].as_i64().unwrap()).collect();
    let (from, to) = (times.iter().min().unwrap() - 600_000, times.iter().max().unwrap() + 1);
    for (unit, step_ms) in [("minute", 60_000), ("five_minutes", 300_000)] {
        for filter in ["", "&environment=production", "&query=tenant%3Aacme", "&release=nowhere"] {
            let asked = format!("/api/ui/issues/DEFAULT-1/history?unit={unit}&from={from}&to={to}{filter}");
            let history = server.get_json(&asked);
            assert_eq!((&history["unit"], &history["step_ms"]), (&json!(unit), &json!(step_ms)), "{filter}");
            let start_ms = history["start_ms"].as_i64().unwrap();
            assert_eq!(start_ms, from.div_euclid(step_ms) * step_ms);
            let mut expected = vec![0; ((to.div_euclid(step_ms) * step_ms - start_ms) / step_ms) as usize + 1];
            let listed = server.get_json(&format!("/api/ui/issues/DEFAULT-1/events?{filter}"))["events"].clone();
            for event in listed.as_array().unwrap() {
                expected[((event["timestamp_ms"].as_i64().unwrap() - start_ms) / step_ms) as usize] += 1;
            }
            assert_eq!(history["counts"], json!(expected), "{unit} {filter}");
        }
        // As far back as there is room for when nothing says from when, and no further when it is said.
        let counts = |range: &str| {
            let history = server.get_json(&format!("/api/ui/issues/DEFAULT-1/history?unit={unit}{range}"));
            assert_eq!(history["unit"], unit);
            history["counts"].as_array().unwrap().len()
        };
        assert_eq!(counts(""), if unit == "minute" { 120 } else { 288 });
        assert_eq!(counts("&from=0"), 400);
    }
    server.get("/api/ui/issues/DEFAULT-1/history?unit=second").expect(400);
}

#[test]
fn a_time_beyond_all_times_is_the_last_there_is() {
    let server = some_events();
    let (least, most) = (i64::MIN, i64::MAX);
    let reads =
        ["issues/DEFAULT-1/history?", "issues?", "issues/DEFAULT-1/events?", "logs?", "logs/volume?", "feedback?"];
    let more = ["performance?", "performance?kind=query&fit=true&", "traces?", "traces/heat?fit=true&"];
    let units = ["minute", "five_minutes", "hour", "day"].map(|unit| format!("issues/DEFAULT-1/history?unit={unit}&"));
    for path in reads.iter().chain(&more).map(ToString::to_string).chain(units) {
        for times in [format!("to={least}"), format!("from={least}"), format!("from={most}&to={least}")] {
            let answer = server.get(&format!("/api/ui/{path}{times}"));
            assert!([200, 400].contains(&answer.status), "{path}{times}: {} {}", answer.status, answer.text());
        }
    }
    server.expect_sound();
}

#[test]
fn what_changed_claims_no_order_that_is_not_known_and_nothing_of_other_services() {
    let server = Trapline::start();
    let now_ms = server.get_json("/api/ui/boot")["now_ms"].as_i64().unwrap();
    let minute_s = now_ms / 60_000 * 60 - 600;
    let mut number = 0;
    let mut occur = |ty: &str, at_s: i64, release: &str, is_browser: bool| {
        number += 1;
        let mut event = event(number, ty);
        event["timestamp"] = json!(minute_s + at_s);
        event["release"] = release.into();
        let (platform, sdk) = if is_browser { ("javascript", "javascript.react") } else { ("python", "python.django") };
        event["platform"] = platform.into();
        event["sdk"] =
            json!({ "name": format!("sentry.{sdk}"), "version": if is_browser { "9.1.0" } else { "2.75.0" } });
        send(&server, &event);
    };
    for at_s in [-300, -240, -180, -120] {
        occur("TypeError", at_s, "1.9.2", true);
        occur("OSError", at_s + 1, "shop@1.0.0", false);
    }
    occur("KeyError", 10, "shop@1.0.0", false);
    // Of the minute in which the issue began, which is all that is known of it; its first event came half a minute later.
    let bucket = json!([{ "started": minute_s, "exited": 3 }]);
    let sessions = json!({ "attrs": { "release": "shop@1.1.0" }, "aggregates": bucket }).to_string();
    to_envelope(&server, envelope(&[("sessions", &sessions)])).send().expect(200);
    for at_s in [40, 41, 42] {
        occur("KeyError", at_s, "shop@1.1.0", false);
    }
    for at_s in [100, 101, 102] {
        occur("ValueError", at_s, "shop@1.1.0", false);
    }
    let told = |ty: &str| {
        let issue =
            server.get_json(&query("/api/ui/issues", ty))["issues"][0]["short_id"].as_str().unwrap().to_string();
        let changes = server.get_json(&format!("/api/ui/issues/{issue}/changes"));
        let items = changes["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["sentence"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let of_key_error = told("KeyError");
    assert!(of_key_error.iter().all(|sentence| !sentence.contains("shop@1.1.0 was first seen")), "{of_key_error:?}");
    let of_value_error = told("ValueError");
    assert_eq!(of_value_error[0], "Release shop@1.1.0 was first seen 60 s before.");
    for sentence in of_key_error.iter().chain(&of_value_error) {
        assert!(!sentence.contains("1.9.2") && !sentence.contains("sdk.version"), "{sentence}");
    }
}

#[test]
fn sentrys_api_reads_the_same() {
    let server = some_events();
    let issues = server.get_json(&query("/api/0/organizations/main/issues/?sort=user", "tenant:acme"));
    assert_eq!(issues.as_array().unwrap().len(), 2);
    let issue = issues[0]["id"].as_str().unwrap();
    let path = |rest: &str| format!("/api/0/issues/{issue}/{rest}");
    assert_eq!(server.get_json(&query(&path("events/"), "environment:staging")).as_array().unwrap().len(), 1);
    assert_eq!(server.get_json(&path("events/recommended/"))["eventID"], json!(id(3)));
    assert_eq!(server.get_json(&path("tags/tenant/"))["uniqueValues"], 2);
    assert_eq!(server.get_json(&path("tags/tenant/values/"))[0]["value"], "acme");
    let tags = server.get_json(&path("tags/"));
    assert!(tags.as_array().unwrap().iter().any(|tag| tag["key"] == "tenant"), "{tags}");
    assert_eq!(server.get_json(&format!("/api/0/organizations/main/eventids/{}/", id(4)))["eventID"], json!(id(4)));
}

/// What was taken away before it was written must not be found, nor guessed letter by letter.
#[test]
fn what_is_scrubbed_is_not_searchable() {
    let server = Trapline::start();
    let mut event = event(1, "KeyError");
    event["exception"]["values"][0]["value"] = "card 4111 1111 1111 1111 declined".into();
    event["request"] = json!({ "url": "https://ada:hunter2@shop.example/cart", "headers": {
        "Referer": "https://shop.example/?token=hunter3", "User-Agent": "curl/8.0" } });
    event["contexts"] = json!({
        "device": { "model": "my password is hunter4" },
        "runtime": { "name": "CPython", "version": "secret hunter5" },
        "os": { "name": "Linux" },
    });
    event["logentry"] = json!({ "formatted": "Bearer hunter6abcdefghijkl went away" });
    event["tags"] = json!({ "tenant": "acme" });
    send(&server, &event);
    for found in ["tenant:acme", "os:Linux", "KeyError", "browser.name:curl", "http.url:*shop.example*"] {
        assert_eq!(total(&server, found), 1, "{found}");
    }
    for hidden in [
        "4111",
        "hunter2",
        "hunter3",
        "hunter4",
        "hunter5",
        "hunter6",
        "http.url:*hunter*",
        "http.referer:*hunter*",
        "device:*hunter*",
        "runtime:*hunter*",
        "error.value:*4111*",
        "message:hunter6",
    ] {
        assert_eq!(total(&server, hidden), 0, "{hidden}");
    }
    let tags = server.get_json("/api/ui/issues/DEFAULT-1/tags").to_string();
    assert!(!tags.contains("hunter"), "{tags}");
}

#[test]
fn a_list_counts_what_it_is_narrowed_to() {
    let server = some_events();
    let rows = |params: &str| {
        let page = server.get_json(&format!("/api/ui/issues?query=&{params}"));
        let row = |row: &Value| {
            let hours: u64 = row["hours"].as_array().unwrap().iter().map(|hour| hour.as_u64().unwrap()).sum();
            assert_eq!(row["users_in_all"], false, "{params}");
            (
                row["short_id"].as_str().unwrap().to_string(),
                row["event_count"].as_u64(),
                row["user_count"].as_u64(),
                hours,
            )
        };
        page["issues"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let first = |events, users| ("DEFAULT-1".to_string(), Some(events), Some(users), events);
    let second = |events, users| ("DEFAULT-2".to_string(), Some(events), Some(users), events);
    assert_eq!(rows("sort=users"), [first(3, 2), second(1, 1)]);
    assert_eq!(rows("environment=production&sort=events"), [first(2, 1), second(1, 1)]);
    assert_eq!(rows("environment=staging&sort=users"), [first(1, 1)]);
    assert_eq!(rows("release=shop%401.3"), [first(1, 1)]);
    assert_eq!(rows("from=1000&sort=events"), [first(3, 2), second(1, 1)]);
    // A second user there, and most events of all elsewhere.
    for (number, environment, user) in [(5, "production", "bob"), (6, "staging", "ann"), (7, "staging", "eli")] {
        let mut event = event(number, if number == 5 { "OSError" } else { "KeyError" });
        event["environment"] = environment.into();
        event["user"] = json!({ "id": user });
        send(&server, &event);
    }
    let last_first = [second(2, 2), first(2, 1)];
    assert_eq!(rows("environment=production&sort=users"), last_first);
    assert_eq!(rows("environment=production&sort=users&query=made"), last_first);
    let sentrys = server.get_json("/api/0/projects/main/default/issues/?environment=production&sort=user");
    let counts = |issue: &Value| (issue["shortId"].clone(), issue["count"].clone(), issue["userCount"].clone());
    let told: Vec<_> = sentrys.as_array().unwrap().iter().map(counts).collect();
    assert_eq!(told, [(json!("DEFAULT-2"), json!("2"), json!(2)), (json!("DEFAULT-1"), json!("2"), json!(1))]);
    // Several are any of them.
    let several = "/api/0/projects/main/default/issues/?query=&environment=staging&environment=nowhere";
    let told = server.get_json(several);
    assert_eq!((told[0]["shortId"].as_str(), told[0]["count"].as_str()), (Some("DEFAULT-1"), Some("3")));
    assert_eq!(told.as_array().unwrap().len(), 1);
    let both = server.get_json("/api/0/projects/main/default/issues/?environment=staging&environment=production");
    assert_eq!(both.as_array().unwrap().len(), 2);
    let events = server.get_json("/api/0/issues/DEFAULT-1/events/?environment=staging&environment=production");
    assert_eq!(events.as_array().unwrap().len(), 5);
}

#[test]
fn sentrys_lists_are_paged_both_ways_and_take_days_for_times() {
    let server = Trapline::start();
    for number in 1..=7 {
        send(&server, &event(number, &format!("Error{number}")));
    }
    for number in 11..=16 {
        send(&server, &event(number, "Error1"));
    }
    let page = |path: &str| {
        let answer = server.get(path).expect(200);
        let link = answer.header("link").unwrap_or_default().to_string();
        let ids = answer.json().as_array().unwrap().iter().map(|row| row["id"].to_string()).collect::<Vec<_>>();
        let to = |rel: &str| {
            let part = link.split(", <").find(|part| part.contains(&format!("rel=\"{rel}\""))).unwrap();
            let path = part.split("/api/").nth(1).unwrap().split('>').next().unwrap();
            part.contains("results=\"true\"").then(|| format!("/api/{path}"))
        };
        (ids, to("previous"), to("next"))
    };
    for start in [
        "/api/0/projects/main/default/issues/?limit=2",
        "/api/0/projects/main/default/issues/?limit=2&sort=freq&query=made",
        "/api/0/issues/DEFAULT-1/events/?limit=2",
    ] {
        let mut seen = vec![page(start)];
        while let Some(next) = seen.last().unwrap().2.clone() {
            seen.push(page(&next));
        }
        assert_eq!(seen.len(), 4, "{start}");
        assert_eq!(seen[0].1, None);
        for at in (1..seen.len()).rev() {
            let before = page(seen[at].1.as_ref().unwrap());
            assert_eq!(before.0, seen[at - 1].0, "{start} {at}");
            assert!(before.2.is_some());
        }
        let first = page(page(seen[2].1.as_ref().unwrap()).1.as_ref().unwrap());
        assert_eq!((first.0, first.1), (seen[0].0.clone(), None));
    }
    let issues = "/api/0/projects/main/default/issues/";
    assert_eq!(server.get_json(&format!("{issues}?start=2020-01-01&end=2090-12-31")).as_array().unwrap().len(), 7);
    assert_eq!(server.get_json(&format!("{issues}?start=2090-12-31&end=2091-12-31")).as_array().unwrap().len(), 0);
    server.get(&format!("{issues}?start=yesterday")).expect(400);
}

#[test]
fn events_stand_in_the_order_in_which_they_happened() {
    let server = Trapline::start();
    let now_s = server.get_json("/api/ui/boot")["now_ms"].as_f64().unwrap() / 1_000.0;
    let days = |number: u64, days: f64, release: &str| {
        let mut event = event(number, "KeyError");
        event["timestamp"] = json!(now_s - days * 86_400.0);
        event["release"] = release.into();
        send(&server, &event);
    };
    days(1, 0.0, "shop@1.4.0");
    days(2, 3.0, "shop@1.0.0");
    days(3, 1.0, "shop@1.2.0");
    let of = |which: &str| server.get_json(&format!("/api/ui/issues/DEFAULT-1/events/{which}"));
    let latest = of("latest");
    assert_eq!(latest["event_id"], id(1));
    assert_eq!((&latest["nav"]["next"], &latest["nav"]["previous"]), (&Value::Null, &json!(id(3))));
    assert_eq!((&latest["nav"]["first"], &latest["nav"]["position"]), (&json!(id(2)), &json!(3)));
    assert_eq!(of("first")["event_id"], id(2));
    assert_eq!(of(&id(3))["nav"]["next"], id(1));
    for filter in ["", "?query=made"] {
        let mut path = format!("/api/ui/issues/DEFAULT-1/events{filter}");
        path.push_str(if filter.is_empty() { "?limit=2" } else { "&limit=2" });
        let page = server.get_json(&path);
        let ids = |page: &Value| -> Vec<Value> {
            page["events"].as_array().unwrap().iter().map(|event| event["event_id"].clone()).collect()
        };
        assert_eq!(ids(&page), [json!(id(1)), json!(id(3))], "{path}");
        let rest = server.get_json(&format!("{path}&cursor={}", page["next_cursor"].as_str().unwrap()));
        assert_eq!((ids(&rest), &rest["next_cursor"]), (vec![json!(id(2))], &Value::Null));
    }
    let issue = server.get_json("/api/ui/issues/DEFAULT-1")["issue"].clone();
    assert_eq!((&issue["first_release"], &issue["last_release"]), (&json!("shop@1.0.0"), &json!("shop@1.4.0")));
}

#[test]
fn what_a_cause_or_a_member_of_a_group_says_is_found_as_it_is_printed() {
    let server = Trapline::start();
    let mut chained = event(1, "RuntimeError");
    chained["exception"]["values"] = json!([
        { "type": "ZeroDivisionError", "value": "float division by zero" },
        { "type": "KeyError", "value": "'x'" },
        { "type": "RuntimeError", "value": "it went wrong" },
    ]);
    send(&server, &chained);
    send(&server, &event(2, "KeyError"));
    for (text, count) in [
        ("ZeroDivisionError: float division by zero", 1),
        ("\"ZeroDivisionError: float division by zero\"", 1),
        ("KeyError: 'x'", 1),
        ("KeyError: made up", 1),
        ("builtins.KeyError: 'x'", 1),
        ("RuntimeError: it went wrong", 1),
        ("ZeroDivisionError: made up", 0),
        ("ValueError: 'x'", 0),
    ] {
        assert_eq!(total(&server, text), count, "{text}");
    }
}

#[test]
fn what_changed_says_how_many_events_come_from_the_new_release() {
    let server = Trapline::start();
    let now_s = server.get_json("/api/ui/boot")["now_ms"].as_f64().unwrap() / 1_000.0;
    for (number, ty, hours, release) in [
        (1, "OSError", 40.0, "my-app@1.0.0"),
        (5, "OSError", 5.0, "my-app@1.0.0"),
        (2, "KeyError", 4.0, "my-app@1.0.0"),
        (3, "KeyError", 3.0, "my-app@1.1.0"),
        (4, "KeyError", 2.0, "my-app@1.1.0"),
    ] {
        let mut event = event(number, ty);
        event["timestamp"] = json!(now_s - hours * 3_600.0);
        event["release"] = release.into();
        send(&server, &event);
    }
    let sentence = || {
        let changes = server.get_json("/api/ui/issues/DEFAULT-2/changes");
        let item = changes["items"].as_array().unwrap().iter().find(|item| item["key"] == "release").cloned();
        item.map(|item| item["sentence"].as_str().unwrap().to_string())
    };
    assert_eq!(sentence().unwrap(), "67% of its events come from my-app@1.1.0, those before from my-app@1.0.0.");
}
