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
