//! What people write: feedback of SDKs, user reports in every order, the crash-report dialog, and Sentry's web API.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::harness::Trapline;
use crate::payload::{auth, envelope, event, event_envelope, id, send_event, to_envelope, to_store};
use crate::sentry_api::all_pages;

const API: &str = "/api/0/projects/main/default/user-feedback/";

fn all(server: &Trapline) -> Vec<Value> {
    server.get_json("/api/ui/feedback?limit=100")["feedback"].as_array().unwrap().clone()
}

fn only(server: &Trapline) -> Value {
    let mut all = all(server);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn feedback_event(number: u64, message: &str, about: Option<u64>) -> Value {
    json!({
        "event_id": id(number), "type": "feedback", "platform": "python", "level": "info",
        "timestamp": "2026-11-02T10:00:00Z", "environment": "live", "release": "shop@2",
        "contexts": {
            "feedback": {
                "message": message, "contact_email": "ada@shop.example", "name": "Ada",
                "url": "http://shop.example/cart", "associated_event_id": about.map(id),
            },
            "trace": { "trace_id": id(70), "span_id": "00000000000000aa" },
        },
        "tags": { "plan": "basic" },
    })
}

fn report(about: u64, email: &str, comments: &str) -> String {
    json!({ "event_id": id(about), "name": "Ada", "email": email, "comments": comments }).to_string()
}

fn send_items(server: &Trapline, items: &[(&str, &str)]) -> Answer {
    to_envelope(server, envelope(items)).send().expect(200)
}

#[test]
fn what_a_form_adds_to_feedback_goes_by_its_name() {
    let server = Trapline::start();
    let mut sent = feedback_event(5, "m", None);
    sent["contexts"]["feedback"]["password"] = json!("LEAK");
    send_items(&server, &[("feedback", &sent.to_string())]);
    let one = server.get_json(&format!("/api/ui/feedback/{}", id(5)));
    assert_eq!((&one["feedback"]["name"], &one["feedback"]["email"]), (&json!("Ada"), &json!("ada@shop.example")));
    assert!(!one.to_string().contains("LEAK"), "{one}");
}

#[test]
fn feedback_is_kept_with_who_where_and_what_it_is_about() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let sent = feedback_event(5, "The basket is empty", Some(1)).to_string();
    let answer = send_items(&server, &[("feedback", &sent)]);
    assert_eq!(answer.json()["id"], id(5));
    let kept = only(&server);
    for (key, value) in [
        ("message", "The basket is empty"),
        ("name", "Ada"),
        ("email", "ada@shop.example"),
        ("url", "http://shop.example/cart"),
        ("source", "feedback"),
        ("environment", "live"),
        ("release", "shop@2"),
        ("project_slug", "default"),
    ] {
        assert_eq!(kept[key], value, "{key}");
    }
    assert_eq!((&kept["event_id"], &kept["trace_id"]), (&json!(id(1)), &json!(id(70))));
    assert_eq!(kept["issue"]["short_id"], "DEFAULT-1");
    assert_eq!(kept["has_trace"], false);
    let one = server.get_json(&format!("/api/ui/feedback/{}", id(5)));
    assert_eq!(one["feedback"], kept);
    assert_eq!(one["detail"]["tags"][0], json!({ "key": "plan", "value": "basic" }));
    assert_eq!(server.outcome("feedback", "accepted"), 1);
    assert!(server.last_request()["summary"].as_str().unwrap().contains("The basket is empty"));
}

#[test]
fn feedback_sent_twice_is_one_and_makes_no_issue() {
    let server = Trapline::start();
    let sent = feedback_event(5, "once", None).to_string();
    send_items(&server, &[("feedback", &sent)]);
    send_items(&server, &[("feedback", &sent)]);
    assert_eq!(only(&server)["message"], "once");
    assert_eq!((server.outcome("feedback", "accepted"), server.outcome("feedback", "duplicate")), (1, 1));
    assert_eq!(server.issues().len(), 0);
}

#[test]
fn an_event_that_is_feedback_is_feedback() {
    let server = Trapline::start();
    // sentry-python's capture_event makes an item of type "event" of it; the second has no type either.
    let typed = feedback_event(5, "typed", None);
    let mut untyped = feedback_event(6, "untyped", None);
    untyped.as_object_mut().unwrap().remove("type");
    to_envelope(&server, event_envelope(&typed)).send().expect(200);
    to_store(&server, untyped.to_string()).send().expect(200);
    assert_eq!((all(&server).len(), server.issues().len()), (2, 0));
    // An error that carries the context is still an error.
    let mut error = event(7, "KeyError");
    error["contexts"] = json!({ "feedback": { "message": "x" } });
    to_envelope(&server, event_envelope(&error)).send().expect(200);
    assert_eq!((all(&server).len(), server.issues().len()), (2, 1));
}

#[test]
fn a_report_may_come_before_its_event_with_it_after_it_or_alone() {
    let server = Trapline::start();
    send_items(&server, &[("user_report", &report(1, "before@x.example", "before"))]);
    assert_eq!(only(&server)["issue"], Value::Null);
    send_event(&server, 1, "KeyError");
    send_items(&server, &[("user_report", &report(1, "after@x.example", "after"))]);
    let with = event(2, "KeyError").to_string();
    send_items(&server, &[("event", &with), ("user_report", &report(2, "with@x.example", "with"))]);
    send_items(&server, &[("user_report", &report(99, "alone@x.example", "alone"))]);
    let linked: Vec<(String, bool)> = all(&server)
        .iter()
        .map(|row| (row["message"].as_str().unwrap().to_string(), row["issue"]["short_id"] == "DEFAULT-1"))
        .collect();
    let expected = [("alone", false), ("with", true), ("after", true), ("before", true)];
    assert_eq!(linked, expected.map(|(message, is_linked)| (message.to_string(), is_linked)));
    assert_eq!(server.get_json("/api/ui/issues/DEFAULT-1")["feedback_count"], 3);
    let beside = server.get_json(&format!("/api/ui/events/{}", id(1)))["feedback"].clone();
    let said: Vec<&str> = beside.as_array().unwrap().iter().map(|row| row["message"].as_str().unwrap()).collect();
    assert_eq!(said, ["after", "before"]);
    let of_issue = server.get_json("/api/ui/feedback?issue=DEFAULT-1")["feedback"].as_array().unwrap().len();
    assert_eq!(of_issue, 3);
    assert_eq!(server.get_json("/api/0/issues/DEFAULT-1/")["userReportCount"], 3);
}

#[test]
fn the_last_report_of_a_person_about_an_event_counts() {
    let server = Trapline::start();
    for comments in ["first", "second", "second"] {
        send_items(&server, &[("user_report", &report(1, "ada@shop.example", comments))]);
    }
    send_items(&server, &[("user_report", &report(1, "ADA@shop.example", "third"))]);
    assert_eq!(only(&server)["message"], "third");
    let counted = ["accepted", "replaced", "duplicate"].map(|reason| server.outcome("user_report", reason));
    assert_eq!(counted, [1, 2, 1]);
    send_items(&server, &[("user_report", &report(1, "bob@shop.example", "other"))]);
    send_items(&server, &[("user_report", &report(2, "ada@shop.example", "other"))]);
    assert_eq!(all(&server).len(), 3);
}

#[test]
fn a_report_without_an_event_of_its_own_means_that_of_the_envelope() {
    let server = Trapline::start();
    let header = json!({ "event_id": id(3) });
    let body = format!("{header}\n{{\"type\":\"user_report\"}}\n{{\"comments\":\"it broke\"}}\n");
    to_envelope(&server, body).send().expect(200);
    assert_eq!(only(&server)["event_id"], id(3));
}

#[test]
fn what_says_nothing_is_refused_and_costs_only_itself() {
    let server = Trapline::start();
    for (ty, payload) in [
        ("feedback", r#"{"contexts":{"feedback":{"name":"Ada"}}}"#),
        ("feedback", "[]"),
        ("user_report", "{}"),
        ("user_report", r#"{"comments":"#),
    ] {
        let answer = to_envelope(&server, envelope(&[(ty, payload)])).send().expect(400);
        assert!(answer.text().contains(ty), "{}", answer.text());
        let with_event = [(ty, payload), ("event", &event(1, "KeyError").to_string())];
        send_items(&server, &with_event);
    }
    let large = feedback_event(5, &"a".repeat(2 << 20), None).to_string();
    to_envelope(&server, envelope(&[("feedback", &large)])).send().expect(413);
    assert_eq!((all(&server).len(), server.issues().len()), (0, 1));
    assert_eq!((server.outcome("feedback", "invalid"), server.outcome("feedback", "too_large")), (4, 1));
    assert_eq!(server.outcome("user_report", "invalid"), 4);
}

#[test]
fn long_messages_are_cut_and_secrets_are_gone_but_names_stay() {
    let server = Trapline::start();
    let long = feedback_event(5, &"ä".repeat(5000), None).to_string();
    send_items(&server, &[("feedback", &long)]);
    assert_eq!(only(&server)["message"].as_str().unwrap().chars().count(), 4096);
    let mut secret = feedback_event(6, "my card 4111 1111 1111 1111 was refused", None);
    secret["contexts"]["feedback"]["url"] = json!("http://shop.example/?token=hush-hush");
    send_items(&server, &[("feedback", &secret.to_string())]);
    send_items(&server, &[("user_report", &report(1, "token@shop.example", "password=hush-hush"))]);
    let shown = server.get("/api/ui/feedback").text();
    for kept in ["my card [Filtered] was refused", "token@shop.example", "ada@shop.example"] {
        assert!(shown.contains(kept), "{kept} is not in {shown}");
    }
    let stored = std::fs::read(server.database()).unwrap();
    let log = std::fs::read(server.database().with_file_name("trapline.db-wal")).unwrap_or_default();
    for secret in ["4111 1111", "hush-hush"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
        for bytes in [&stored, &log] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is on disk");
        }
    }
}

#[test]
fn the_list_is_paged_searched_and_filtered() {
    let server = Trapline::start();
    for number in 0..7 {
        let sent = feedback_event(10 + number, &format!("message {number}"), None).to_string();
        send_items(&server, &[("feedback", &sent)]);
    }
    let mut seen = Vec::new();
    let mut path = "/api/ui/feedback?limit=3".to_string();
    loop {
        let page = server.get_json(&path);
        seen.extend(page["feedback"].as_array().unwrap().iter().map(|row| row["message"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/ui/feedback?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, (0..7).rev().map(|number| json!(format!("message {number}"))).collect::<Vec<_>>());
    let found =
        |query: &str| server.get_json(&format!("/api/ui/feedback?{query}"))["feedback"].as_array().unwrap().len();
    assert_eq!((found("query=MESSAGE%203"), found("query=ada@shop"), found("query=%25")), (1, 7, 0));
    assert_eq!(found("project=default"), 7);
    server.get("/api/ui/feedback?project=other").expect(404);
    server.get("/api/ui/feedback?issue=DEFAULT-9").expect(404);
    server.get("/api/ui/feedback?cursor=x").expect(400);
    server.get(&format!("/api/ui/feedback/{}", id(99))).expect(404);
    server.get("/api/ui/feedback/x").expect(404);
}

#[test]
fn messages_are_narrowed_by_environment_release_and_time() {
    let server = Trapline::start();
    let mut about = event(1, "KeyError");
    (about["environment"], about["release"]) = (json!("staging"), json!("shop@1"));
    send_items(&server, &[("event", &about.to_string()), ("user_report", &report(1, "ada@shop.example", "old"))]);
    send_items(&server, &[("feedback", &feedback_event(5, "new", None).to_string())]);
    let found = |query: &str| -> Vec<String> {
        let list = server.get_json(&format!("/api/ui/feedback?{query}"));
        list["feedback"].as_array().unwrap().iter().map(|row| row["message"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(found("environment=live"), ["new"]);
    // A report names none: it is of the environment and the release of its event.
    assert_eq!(found("environment=staging"), ["old"]);
    assert_eq!(found("release=shop@1"), ["old"]);
    assert_eq!(found("release=shop@2&environment=live"), ["new"]);
    assert_eq!(found("environment=nowhere"), [""; 0]);
    let written = all(&server).iter().find(|row| row["message"] == "new").unwrap()["timestamp_ms"].as_i64().unwrap();
    assert_eq!(found(&format!("from={}&to={written}", written - 1)), ["new"]);
    assert_eq!(found(&format!("from={}&to={}", written - 2, written - 1)), [""; 0]);
    server.get("/api/ui/feedback?range=soon").expect(400);
}

#[test]
fn reports_survive_a_restart() {
    let mut server = Trapline::start();
    send_items(&server, &[("user_report", &report(1, "ada@shop.example", "kept"))]);
    server.kill9();
    server.start_again();
    assert_eq!(only(&server)["message"], "kept");
}

// The web API.

fn post_report(server: &Trapline, body: &Value) -> Request {
    server.post(API).header("authorization", &format!("DSN {}", server.dsn())).json(body)
}

fn whole_report() -> Value {
    json!({ "event_id": id(1), "name": "Ada", "email": "ada@shop.example", "comments": "It broke" })
}

#[test]
fn a_dsn_may_write_a_report_from_any_origin_and_read_nothing() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let preflight = server.request("OPTIONS", API).header("origin", "http://shop.example");
    let preflight = preflight.header("access-control-request-headers", "authorization,x-trapline").send().expect(200);
    let granted = preflight.header("access-control-allow-headers").unwrap();
    assert!(granted.contains("authorization") && !granted.contains("x-trapline"), "{granted}");
    let request = post_report(&server, &whole_report()).header("origin", "http://shop.example");
    let answer = request.header("sec-fetch-site", "cross-site").send().expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let written = answer.json();
    assert_eq!((&written["eventID"], &written["comments"]), (&json!(id(1)), &json!("It broke")));
    assert_eq!((&written["issue"], &written["event"]["id"]), (&Value::Null, &Value::Null));
    assert_eq!(only(&server)["issue"]["short_id"], "DEFAULT-1");
    // Reading stays with our own pages, DSN or not.
    let read = server.request("GET", API).header("authorization", &format!("DSN {}", server.dsn()));
    read.header("origin", "http://shop.example").send().expect(403);
}

#[test]
fn without_a_dsn_writing_takes_what_only_our_own_page_sends() {
    let server = Trapline::start();
    server.post(API).json(&whole_report()).send().expect(403);
    let own = server.post(API).header("x-trapline", "1").json(&whole_report());
    own.clone().header("origin", "http://evil.example").send().expect(403);
    own.clone().header("sec-fetch-site", "cross-site").send().expect(403);
    own.clone().header("x-forwarded-for", "10.0.0.1").send().expect(403);
    assert_eq!(all(&server).len(), 0);
    own.send().expect(200);
    assert_eq!(all(&server).len(), 1);
    assert_eq!(server.last_request()["path"], API);
}

#[test]
fn wrong_keys_projects_and_fields_are_named() {
    let server = Trapline::start();
    let with = |dsn: &str| server.post(API).header("authorization", &format!("DSN {dsn}")).json(&whole_report()).send();
    with("nonsense").expect(401);
    with(&server.dsn().replace(server.key(), &id(1))).expect(401);
    with(&format!("{}2", server.dsn())).expect(401);
    server.post("/api/0/projects/main/other/user-feedback/").header("x-trapline", "1").body("{}").send().expect(404);
    let wrong = post_report(&server, &json!({ "event_id": "x", "email": "ada", "comments": " " })).send().expect(400);
    for field in ["event_id", "name", "email", "comments"] {
        assert!(wrong.json()[field][0].is_string(), "{field}: {}", wrong.text());
    }
    post_report(&server, &json!([])).send().expect(400);
    let large = json!({ "comments": "a".repeat(2 << 20) });
    post_report(&server, &large).send().expect(413);
    assert_eq!(all(&server).len(), 0);
    server.request("PUT", API).header("x-trapline", "1").send().expect(405);
}

#[test]
fn reports_are_listed_in_sentrys_shape() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    for number in 0..5 {
        let email = format!("{number}@shop.example");
        send_items(&server, &[("user_report", &report(1, &email, "It broke"))]);
    }
    send_items(&server, &[("user_report", &report(9, "alone@shop.example", "nobody knows why"))]);
    let listed = all_pages(&server, &format!("{API}?per_page=2"));
    assert_eq!(listed.len(), 6);
    for key in ["id", "eventID", "name", "email", "comments", "dateCreated", "user", "event", "issue"] {
        assert!(listed[0].get(key).is_some(), "no {key} in {}", listed[0]);
    }
    assert_eq!((&listed[0]["issue"], &listed[1]["issue"]["shortId"]), (&Value::Null, &json!("DEFAULT-1")));
    let of_issue = all_pages(&server, "/api/0/issues/DEFAULT-1/user-reports/?per_page=2");
    assert_eq!(of_issue.len(), 5);
    server.get(&format!("{API}?cursor=x")).expect(400);
}

// The crash-report dialog.

const DIALOG: &str = "/api/embed/error-page/";

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn dialog(server: &Trapline, more: &[(&str, &str)]) -> String {
    let event = id(1);
    let pairs = [&[("dsn", server.dsn()), ("eventId", &event)], more].concat();
    format!("{DIALOG}?{}", encoded(&pairs))
}

const FORM: [(&str, &str); 3] = [("name", "Ada"), ("email", "ada@shop.example"), ("comments", "It broke & burnt")];

fn submit(server: &Trapline, path: &str, form: &[(&str, &str)]) -> Request {
    let content_type = "application/x-www-form-urlencoded;charset=UTF-8";
    server.post(path).header("content-type", content_type).header("origin", "http://shop.example").body(encoded(form))
}

#[test]
fn the_dialog_is_a_script_that_pages_of_any_origin_may_load() {
    let server = Trapline::start();
    let request = server.request("GET", &dialog(&server, &[("title", "Hoppla")]));
    let request = request.header("origin", "http://shop.example").header("sec-fetch-site", "cross-site");
    let answer = request.header("sec-fetch-dest", "script").send().expect(200);
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://shop.example"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(answer.header("vary"), Some("origin"));
    let script = answer.text();
    assert!(script.starts_with("(function (texts)") && script.contains("\"title\":\"Hoppla\""), "{script}");
    assert!(!script.contains("http://") && !script.contains("https://"), "it names another host");
    let options = server.request("OPTIONS", DIALOG).header("origin", "https://shop.example").send().expect(200);
    assert_eq!(options.header("access-control-allow-methods"), Some("GET, POST, OPTIONS"));
    assert_eq!(options.header("access-control-allow-origin"), Some("https://shop.example"));
    // As the SDK writes the address, with the DSN not encoded; and behind the path prefix of a DSN.
    server.get(&format!("/errors{DIALOG}?dsn={}&eventId={}", server.dsn(), id(1))).expect(200);
}

#[test]
fn texts_of_the_address_stay_texts() {
    let server = Trapline::start();
    let hostile = "</script><script>alert(1)//\u{2028}\"'`\\";
    let names = ["title", "subtitle", "labelSubmit", "successMessage", "name", "email"];
    let texts: Vec<(&str, &str)> = names.map(|name| (name, hostile)).to_vec();
    let script = server.get(&dialog(&server, &texts)).expect(200).text();
    let arguments = &script[script.rfind("})({").unwrap() + 3..script.rfind(");").unwrap()];
    assert!(!arguments.contains(['<', '>', '\u{2028}', '\'', '`', '\n']), "{arguments}");
    let read: Value = serde_json::from_str(arguments).unwrap();
    for name in names {
        assert_eq!(read[name], hostile, "{name}");
    }
    let long = server.get(&dialog(&server, &[("title", &"a".repeat(20_000))])).expect(200);
    assert!(long.text().len() < 20_000);
}

#[test]
fn the_form_of_the_dialog_is_a_user_report() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let answer = submit(&server, &dialog(&server, &[]), &FORM).send().expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://shop.example"));
    let kept = only(&server);
    assert_eq!((&kept["message"], &kept["source"]), (&json!("It broke & burnt"), &json!("user_report")));
    assert_eq!((&kept["name"], &kept["email"]), (&json!("Ada"), &json!("ada@shop.example")));
    assert_eq!(kept["issue"]["short_id"], "DEFAULT-1");
    let row = server.last_request();
    assert_eq!((&row["status"], &row["path"]), (&json!(200), &json!(DIALOG)));
    // Sent again with other words, it is the same report.
    let again = [FORM[0], FORM[1], ("comments", "It still burns")];
    submit(&server, &dialog(&server, &[]), &again).send().expect(200);
    assert_eq!(only(&server)["message"], "It still burns");
}

#[test]
fn wrong_parameters_are_named_in_sentrys_words() {
    let server = Trapline::start();
    let words = "Missing or invalid parameter.";
    let dsn = encoded(&[("dsn", server.dsn())]);
    let other_key = encoded(&[("dsn", &server.dsn().replace(server.key(), &id(1))), ("eventId", &id(1))]);
    let other_project = encoded(&[("dsn", &format!("{}2", server.dsn())), ("eventId", &id(1))]);
    for (query, status, name) in [
        (dsn.clone(), 400, "eventId"),
        (format!("{dsn}&eventId=xyz"), 400, "eventId"),
        (format!("{dsn}&eventId={}", "0".repeat(32)), 400, "eventId"),
        (format!("eventId={}", id(1)), 404, "dsn"),
        (format!("eventId={}&dsn=nonsense", id(1)), 404, "dsn"),
        (other_key, 404, "dsn"),
        (other_project, 404, "dsn"),
    ] {
        let path = format!("{DIALOG}?{query}");
        for answer in [server.get(&path), submit(&server, &path, &FORM).send()] {
            assert_eq!((answer.status, answer.json()), (status, json!({ name: words })), "{path}");
        }
    }
    let answer = submit(&server, &dialog(&server, &[]), &[("name", " "), ("email", "ada")]).send().expect(400);
    let errors = answer.json()["errors"].clone();
    for field in ["name", "email", "comments"] {
        assert!(errors[field][0].is_string(), "{field}: {errors}");
    }
    let large = [FORM[0], FORM[1], ("comments", &*"a".repeat(1 << 20))];
    submit(&server, &dialog(&server, &[]), &large).send().expect(413);
    for origin in ["http://shop.example/path", "nonsense", "http://a, http://b"] {
        let answer = server.request("GET", &dialog(&server, &[])).header("origin", origin).send().expect(403);
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    server.request("GET", &dialog(&server, &[])).header("host", "evil.example").send().expect(421);
    server.request("PUT", &dialog(&server, &[])).send().expect(405);
    assert_eq!(all(&server).len(), 0);
}

#[test]
fn the_auth_of_an_sdk_is_no_dsn_of_the_web_api() {
    let server = Trapline::start();
    let request = server.post(API).header("authorization", &auth(server.key())).json(&whole_report());
    request.send().expect(403);
}
