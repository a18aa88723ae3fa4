//! What is limited, filtered or refused: said truthfully to the sender, in the ledger and in the counts that last.

use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::harness::{Trapline, wait_for};
use crate::payload::{auth, envelope, event, id, otlp_request, otlp_span, send_event, to_envelope};

const SETTINGS: &str = "/api/ui/projects/1/settings";
const FEEDBACK: &str = "/api/0/projects/main/default/user-feedback/";

fn change(server: &Trapline, edit: impl FnOnce(&mut Value)) {
    let mut view = server.get_json(SETTINGS);
    edit(&mut view["settings"]);
    let body = json!({ "version": view["version"], "settings": view["settings"] });
    server.request("PUT", SETTINGS).header("x-trapline", "1").json(&body).send().expect(200);
}

/// Nothing of this group any more.
fn close(server: &Trapline, group: &str) {
    limit(server, group, 0);
}

fn limit(server: &Trapline, group: &str, max: u64) {
    change(server, |settings| {
        settings["limits"]["rules"] = json!([{ "key": null, "group": group, "max": max, "per": "day", "seconds": 0 }]);
    });
}

fn filter(server: &Trapline, name: &str, pattern: &str) {
    change(server, |settings| settings["filters"][name] = json!({ "enabled": true, "patterns": [pattern] }));
}

fn send(server: &Trapline, ty: &str, payload: &Value) -> Answer {
    to_envelope(server, envelope(&[(ty, &payload.to_string())])).send()
}

/// An item with its length, as files need it.
fn item(mut header: Value, bytes: &[u8]) -> Vec<u8> {
    header["length"] = json!(bytes.len());
    [header.to_string().as_bytes(), b"\n", bytes, b"\n"].concat()
}

fn with_id(number: u64, items: &[Vec<u8>]) -> Vec<u8> {
    [json!({ "event_id": id(number) }).to_string().as_bytes(), b"\n", &items.concat()].concat()
}

fn row(server: &Trapline, member: &str) -> String {
    server.last_request()[member].as_str().unwrap_or_default().to_string()
}

fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() - 30.0
}

fn log(body: &str) -> Value {
    json!({ "timestamp": now_s(), "trace_id": id(7), "level": "info", "body": body,
        "attributes": { "sentry.release": { "value": "shop@1.2", "type": "string" } } })
}

fn csp(blocked: &str) -> Value {
    json!({ "csp-report": { "document-uri": "http://shop.example/cart", "violated-directive": "script-src 'self'",
        "blocked-uri": blocked, "original-policy": "script-src 'self'", "disposition": "enforce" } })
}

fn report_csp(server: &Trapline, body: &Value, release: &str) -> Request {
    let path = format!("/api/1/security/?sentry_key={}&sentry_release={release}", server.key());
    server.post(&path).header("content-type", "application/csp-report").body(body.to_string())
}

#[test]
fn the_ledger_shows_no_secret_of_what_was_sent() {
    let server = Trapline::start();
    let secret = "user password=hunter2 card 4111111111111111";
    let long = format!("{} card 4111111111111111", "x".repeat(60));
    send(&server, "log", &json!({ "items": [log(secret)] })).expect(200);
    assert!(row(&server, "summary").starts_with("log user password="), "{}", row(&server, "summary"));
    send(&server, "log", &json!({ "items": [log(&long)] })).expect(200);
    let metric = json!({ "timestamp": now_s(), "trace_id": id(7), "name": secret, "type": "counter", "value": 1.0 });
    send(&server, "trace_metric", &json!({ "items": [metric] })).expect(200);
    let feedback = json!({ "event_id": id(5), "contexts": { "feedback": { "message": secret } } });
    send(&server, "feedback", &feedback).expect(200);
    let file = item(json!({ "type": "attachment", "filename": "password=hunter2.txt" }), b"x");
    to_envelope(&server, with_id(1, &[file])).send().expect(200);
    assert!(row(&server, "summary").starts_with("attachment password="), "{}", row(&server, "summary"));
    let mut session = json!({ "sid": secret, "attrs": { "release": secret } });
    send(&server, "session", &session);
    session["sid"] = json!(id(3));
    session["started"] = json!(secret);
    send(&server, "session", &session);
    send(&server, "check_in", &json!({ "monitor_slug": "x", "status": secret }));
    let rows = server.get_json("/api/ui/ingest")["rows"].to_string();
    for part in ["hunter2", "411111111"] {
        assert!(!rows.contains(part), "{part} in {rows}");
    }
}

#[test]
fn a_limited_security_report_is_a_429() {
    let server = Trapline::start();
    close(&server, "error");
    let answer = report_csp(&server, &csp("https://evil.example/a.js"), "x").send().expect(429);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(
        answer.header("x-sentry-rate-limits").unwrap().split_once(':').unwrap().1,
        "default;error;security:project:quota_day"
    );
    assert!(row(&server, "fix").contains("raise it in the settings"), "{}", row(&server, "fix"));
}

#[test]
fn a_limited_report_of_a_person_is_no_success() {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    let report = json!({ "event_id": id(1), "name": "Ada", "email": "ada@shop.example", "comments": "first" });
    let send = |comments: &str| {
        let mut report = report.clone();
        report["comments"] = json!(comments);
        server.post(FEEDBACK).header("authorization", &format!("DSN {}", server.dsn())).json(&report).send()
    };
    assert_eq!(send("first").expect(200).json()["comments"], "first");
    close(&server, "feedback");
    let answer = send("second").expect(429);
    assert!(!answer.text().contains("first"), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(row(&server, "problem").contains("project/feedback/day"), "{}", row(&server, "problem"));
    assert!(row(&server, "fix").contains("settings"));

    let dsn: String = form_urlencoded::byte_serialize(server.dsn().as_bytes()).collect();
    let dialog = format!("/api/embed/error-page/?eventId={}&dsn={dsn}", id(1));
    let form = "name=Ada&email=ada%40shop.example&comments=second";
    let post = server.post(&dialog).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = post.send().expect(429);
    assert_eq!(answer.json()["later"], true);
    assert!(row(&server, "problem").contains("project/feedback/day"), "{}", row(&server, "problem"));
    let script = server.get(&dialog).text();
    assert!(script.contains("The report could not be taken now. Please try again later."), "{script}");
    // A page in another language has no English of ours in it.
    let script = server.get(&format!("{dialog}&errorGeneric=Leider+nicht")).text();
    assert!(!script.contains("could not be taken"), "{script}");
}

#[test]
fn a_limited_check_in_is_said_to_be_dropped() {
    let server = Trapline::start();
    close(&server, "monitor");
    let path = format!("/api/1/cron/backup/{}?status=ok", server.key());
    server.get(&path).expect(202);
    assert!(row(&server, "problem").contains("project/monitor/day"));
    let fix = row(&server, "fix");
    assert!(fix.contains("dropped") && !fix.contains("was kept"), "{fix}");
}

fn attachments(server: &Trapline, number: u64) -> usize {
    let path = format!("/api/0/projects/main/default/events/{}/attachments/", id(number));
    let answer = server.get(&path);
    if answer.status == 404 { 0 } else { answer.json().as_array().unwrap().len() }
}

fn event_with_file(number: u64) -> Vec<u8> {
    let mut event = event(number, "KeyError");
    event["release"] = json!("shop@1.2");
    let event = item(json!({ "type": "event" }), event.to_string().as_bytes());
    with_id(number, &[item(json!({ "type": "attachment", "filename": "a.txt" }), b"hello"), event])
}

fn transaction() -> Value {
    let span = |number: u64| {
        json!({ "trace_id": id(7), "span_id": format!("{number:016x}"), "parent_span_id": "00000000000000aa",
            "op": "db", "start_timestamp": now_s(), "timestamp": now_s() + 0.1 })
    };
    json!({ "event_id": id(1), "type": "transaction", "transaction": "/a/", "release": "shop@1.2",
        "start_timestamp": now_s(), "timestamp": now_s() + 1.0,
        "contexts": { "trace": { "trace_id": id(7), "span_id": "00000000000000aa", "op": "http.server" } },
        "spans": [span(1), span(2), span(3)] })
}

fn transaction_with_more() -> Vec<u8> {
    let profile = json!({ "event_id": id(50), "version": "1", "platform": "python", "timestamp": "2026-11-02T10:00:00Z",
        "transaction": { "id": id(1), "trace_id": id(7), "name": "/a/", "active_thread_id": "1" },
        "profile": { "samples": [{ "stack_id": 0, "thread_id": "1", "elapsed_since_start_ns": "10" }],
            "stacks": [[0]], "frames": [{ "function": "f" }], "thread_metadata": {} } });
    let items = [
        item(json!({ "type": "profile" }), profile.to_string().as_bytes()),
        item(json!({ "type": "transaction" }), transaction().to_string().as_bytes()),
        item(json!({ "type": "attachment", "filename": "a.txt" }), b"hello"),
    ];
    with_id(1, &items)
}

#[test]
fn what_belongs_to_a_dropped_event_goes_with_it() {
    let server = Trapline::start();
    filter(&server, "releases", "shop@1.*");
    to_envelope(&server, event_with_file(1)).send().expect(200);
    assert_eq!((attachments(&server, 1), server.outcome("attachment", "filtered")), (0, 1));
    assert_eq!(row(&server, "filtered"), "releases: event, attachment");
    to_envelope(&server, transaction_with_more()).send().expect(200);
    assert_eq!((server.outcome("attachment", "filtered"), server.outcome("profile", "filtered")), (2, 1));
    assert_eq!((server.outcome("profile", "accepted"), server.outcome("attachment", "accepted")), (0, 0));

    // Of a limit that was reached before, and of one that is reached by the event itself.
    for max in [0, 1] {
        let server = Trapline::start();
        limit(&server, "error", max);
        if max == 1 {
            send_event(&server, 9, "KeyError");
        }
        for number in 1..3 {
            to_envelope(&server, event_with_file(number)).send().expect(429);
            assert_eq!((attachments(&server, number), server.outcome("attachment", "rate_limited")), (0, number));
        }
        if max == 1 {
            server.post("/v1/traces").json(&otlp_request(&[otlp_span(99, 1, "/a/")])).send().expect(200);
        }
        // Room for one more span, not for four.
        limit(&server, "span", 2 * max);
        to_envelope(&server, transaction_with_more()).send().expect(429);
        assert_eq!((server.outcome("attachment", "rate_limited"), server.outcome("profile", "rate_limited")), (3, 1));
        assert_eq!((server.outcome("profile", "accepted"), server.outcome("attachment", "accepted")), (0, 0));
        assert_eq!((server.outcome("transaction", "rate_limited"), server.outcome("span", "rate_limited")), (1, 4));
    }
    // What was sent before is not of this request.
    let server = Trapline::start();
    to_envelope(&server, event_with_file(1)).send().expect(200);
    assert_eq!(attachments(&server, 1), 1);
}

#[test]
fn what_is_not_read_is_counted_as_what_it_is() {
    let server = Trapline::start();
    close(&server, "attachment");
    to_envelope(&server, event_with_file(1)).send().expect(200);
    assert_eq!((server.outcome("attachment", "rate_limited"), server.issues().len()), (1, 1));
    assert_eq!(row(&server, "problem"), "1 × attachment over the limit project/attachment/day");
    close(&server, "session");
    let sessions = json!({ "attrs": { "release": "shop@1" },
        "aggregates": [{ "started": "2026-11-02T10:00:00Z", "exited": 4, "crashed": 1 }, { "started": now_s(), "exited": 2 }] });
    send(&server, "sessions", &sessions).expect(429);
    assert_eq!(server.outcome("session", "rate_limited"), 7);
    close(&server, "span");
    send(&server, "transaction", &transaction()).expect(429);
    assert_eq!((server.outcome("transaction", "rate_limited"), server.outcome("span", "rate_limited")), (1, 4));
}

#[test]
fn refused_requests_are_counted_for_good() {
    let mut server = Trapline::start();
    let key = server.key().to_string();
    let stranger = server.post("/api/1/envelope/").header("x-sentry-auth", &auth(&"ab".repeat(16)));
    stranger.body("{}\n").send().expect(403);
    server.post("/api/1/envelope/").body("{}\n").send().expect(401);
    server
        .post("/api/1/envelope/")
        .header("x-sentry-auth", &auth(&key))
        .header("content-encoding", "gzip")
        .body("no")
        .send()
        .expect(400);
    to_envelope(&server, "no header").send().expect(400);
    to_envelope(&server, "{}\n").header("content-encoding", "lzma").send().expect(415);
    report_csp(&server, &json!({ "nothing": 1 }), "x").send().expect(400);
    server.post("/api/1/minidump/").header("x-sentry-auth", &auth(&key)).body("no dump").send().expect(400);
    server.get(&format!("/api/1/cron/backup/{key}")).expect(400);
    report_csp(&server, &json!({ "csp-report": "x".repeat(3 << 20) }), "x").send().expect(413);
    let counts = |server: &Trapline| {
        ["bad_key", "undecodable", "unknown_encoding", "too_large"].map(|reason| server.outcome("request", reason))
    };
    // What came and was refused item by item is counted as items.
    send(&server, "event", &json!([])).expect(400);
    close(&server, "error");
    send(&server, "event", &event(1, "E")).expect(429);
    assert_eq!(counts(&server), [2, 5, 1, 1]);
    to_envelope(&server, "no header").send().expect(400);
    server.restart();
    assert_eq!(counts(&server), [2, 6, 1, 1]);
    to_envelope(&server, "no header").send().expect(400);
    // Written without anybody asking: reading these counts writes none.
    let path =
        "/api/0/organizations/main/stats_v2/?groupBy=category&groupBy=project&field=sum(quantity)&statsPeriod=24h";
    wait_for("the counts to be written", || {
        let stats = server.get_json(path);
        let groups = stats["groups"].as_array().unwrap().clone();
        let of = |group: &&Value| group["by"] == json!({ "category": "request", "project": 1 });
        groups.iter().find(of).filter(|group| group["totals"]["sum(quantity)"] == 11).map(|_| ())
    });
    server.kill9();
    server.start_again();
    assert_eq!(counts(&server), [2, 7, 1, 1]);
}

#[test]
fn a_release_or_text_is_filtered_wherever_it_stands() {
    let server = Trapline::start();
    filter(&server, "releases", "shop@1.*");
    send(&server, "log", &json!({ "items": [log("a"), log("b")] })).expect(200);
    let metric = json!({ "timestamp": now_s(), "trace_id": id(7), "name": "orders", "type": "counter", "value": 1.0,
        "attributes": { "sentry.release": { "value": "shop@1.2", "type": "string" } } });
    send(&server, "trace_metric", &json!({ "items": [metric] })).expect(200);
    let session = json!({ "sid": id(3), "started": now_s(), "attrs": { "release": "shop@1.2" } });
    send(&server, "session", &session).expect(200);
    let feedback = json!({ "event_id": id(5), "release": "shop@1.2", "contexts": { "feedback": { "message": "x" } } });
    send(&server, "feedback", &feedback).expect(200);
    assert_eq!(row(&server, "filtered"), "releases: feedback");
    for (category, count) in [("log", 2), ("trace_metric", 1), ("session", 1), ("feedback", 1)] {
        assert_eq!(
            (server.outcome(category, "filtered"), server.outcome(category, "accepted")),
            (count, 0),
            "{category}"
        );
    }
    let server = Trapline::start();
    filter(&server, "error_messages", "*broken pipe*");
    send(&server, "log", &json!({ "items": [log("a Broken pipe again"), log("fine")] })).expect(200);
    assert_eq!((server.outcome("log", "filtered"), server.outcome("log", "accepted")), (1, 1));
    assert_eq!((row(&server, "filtered"), row(&server, "summary")), ("error messages: log".into(), "log fine".into()));
}

#[test]
fn a_report_that_is_not_kept_says_why() {
    let server = Trapline::start();
    report_csp(&server, &csp("chrome-extension://abc"), "x").send().expect(200);
    assert_eq!(row(&server, "summary"), "security report caused by a visitor's browser extension: counted, not kept");
    let mut local = csp("inline");
    local["csp-report"]["document-uri"] = json!("about:blank");
    report_csp(&server, &local, "x").send().expect(200);
    assert_eq!(row(&server, "summary"), "security report of a page that is not on the web: counted, not kept");
    filter(&server, "releases", "shop@1.*");
    report_csp(&server, &csp("https://evil.example/a.js"), "shop@1.2").send().expect(200);
    assert_eq!(row(&server, "filtered"), "releases: event");
}

#[test]
fn refusals_say_what_the_sender_can_do() {
    let server = Trapline::start();
    let report = json!({ "event_id": id(1), "name": "Ada", "email": "ada@shop.example", "comments": "x" });
    let answer = server.post(FEEDBACK).json(&report).send().expect(403);
    assert!(answer.text().contains("Authorization: DSN"), "{}", answer.text());
    assert!(row(&server, "fix").contains("Authorization: DSN"), "{}", row(&server, "fix"));
    server.post("/api/1/upload/").header("x-sentry-auth", &auth(server.key())).body("x").send().expect(501);
    assert!(!row(&server, "problem").contains("this version"), "{}", row(&server, "problem"));
    assert!(row(&server, "fix").contains("attachment"), "{}", row(&server, "fix"));
    let dump = server.post("/api/1/minidump/").header("x-sentry-auth", &auth(server.key())).body("no dump");
    dump.send().expect(400);
    let problem = row(&server, "problem");
    assert!(problem.contains("MDMP") && !problem.contains("content type"), "{problem}");
    assert!(row(&server, "fix").contains("upload_file_minidump"), "{}", row(&server, "fix"));
}

#[test]
fn refused_requests_are_written_while_others_wait_for_nothing() {
    let server = Trapline::start();
    for _ in 0..50 {
        to_envelope(&server, "no header").send().expect(400);
    }
    let found = wait_for("the count", || Some(server.outcome("request", "undecodable")).filter(|count| *count == 50));
    assert_eq!(found, 50);
}
