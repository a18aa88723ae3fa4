//! Exceptions that OpenTelemetry tells of: as issues, and each error once, whoever tells of it and in whatever order.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{event_envelope, id, to_envelope};

/// Now, as far as these tests know, however long they take: what is sent again is the same. In the past, so that no clock
/// is taken for wrong.
fn now_s() -> u64 {
    static NOW_S: LazyLock<u64> =
        LazyLock::new(|| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - 60);
    *NOW_S
}

fn ns(offset_ms: u64) -> String {
    (now_s() * 1_000_000_000 + offset_ms * 1_000_000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn stack(ty: &str, line: u64) -> String {
    format!(
        "Traceback (most recent call last):\n  File \"/venv/lib/python3.11/site-packages/django/core/handlers/base.py\", \
         line 197, in _get_response\n    response = wrapped_callback(request)\n  File \"/srv/shop/views.py\", line {line}, \
         in pay\n    price = cart[\"price\"]\n            ~~~~^^^^^^^^^\nshop.errors.{ty}: no price\n"
    )
}

fn told(ty: &str, line: u64) -> Vec<Value> {
    vec![
        text("exception.type", &format!("shop.errors.{ty}")),
        text("exception.message", "no price"),
        text("exception.stacktrace", &stack(ty, line)),
        text("exception.escaped", "False"),
    ]
}

fn resource(service: &str) -> Value {
    json!({ "attributes": [
        text("service.name", service), text("service.version", "1.2.3"), text("deployment.environment", "production"),
        text("telemetry.sdk.language", "python"), text("telemetry.sdk.name", "opentelemetry"),
    ] })
}

struct Error<'a> {
    trace: u64,
    ty: &'a str,
    line: u64,
    service: &'a str,
}

impl<'a> Error<'a> {
    fn new(trace: u64, ty: &'a str) -> Self {
        Self { trace, ty, line: 12, service: "shop" }
    }

    /// What a span tells; `kind` 2 is a server.
    fn span(&self, span: u64, kind: u64, parent: Option<u64>) -> Value {
        json!({ "resourceSpans": [{ "resource": resource(self.service), "scopeSpans": [{ "spans": [{
            "traceId": id(self.trace), "spanId": format!("{span:016x}"), "name": "GET pay/<int:pk>/", "kind": kind,
            "parentSpanId": parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
            "startTimeUnixNano": ns(0), "endTimeUnixNano": ns(250), "status": { "code": 2 },
            "attributes": [text("http.method", "GET"), text("http.route", "pay/<int:pk>/"),
                text("http.url", "http://shop.test/pay/7/?voucher=A")],
            "events": [{ "name": "exception", "timeUnixNano": ns(200), "attributes": told(self.ty, self.line) }],
        }] }] }] })
    }

    fn log(&self, severity: u64, logger: &str, code_line: u64) -> Value {
        let mut attributes = told(self.ty, self.line);
        attributes.push(json!({ "key": "code.lineno", "value": { "intValue": code_line } }));
        attributes.push(text("cart", "7"));
        // As Python's handler does it: the bare name.
        attributes[0] = text("exception.type", self.ty);
        json!({ "resourceLogs": [{ "resource": resource(self.service), "scopeLogs": [{ "scope": { "name": logger },
            "logRecords": [{
                "traceId": id(self.trace), "spanId": format!("{:016x}", 5), "timeUnixNano": ns(210),
                "severityNumber": severity, "body": { "stringValue": "Internal Server Error: /pay/7/" },
                "attributes": attributes,
            }] }] }] })
    }

    fn event(&self, number: u64) -> Value {
        json!({
            "event_id": id(number), "platform": "python", "level": "error", "timestamp": now_s(),
            "transaction": "/pay/{pk}/", "contexts": { "trace": { "trace_id": id(self.trace), "span_id": "00000000000000aa" } },
            "exception": { "values": [{ "type": self.ty, "module": "shop.errors", "value": "no price",
                "mechanism": { "type": "django", "handled": false }, "stacktrace": { "frames": [
                    { "filename": "django/core/handlers/base.py", "module": "django.core.handlers.base", "in_app": false,
                      "abs_path": "/venv/lib/python3.11/site-packages/django/core/handlers/base.py", "lineno": 197,
                      "function": "_get_response" },
                    { "filename": "shop/views.py", "abs_path": "/srv/shop/views.py", "module": "shop.views",
                      "function": "pay", "lineno": self.line, "in_app": true, "context_line": "    price = cart[\"price\"]",
                      "vars": { "cart": "{}" } },
            ] } }] },
        })
    }
}

fn send_span(server: &Trapline, span: &Value) {
    server.post("/v1/traces").json(span).send().expect(200);
}

fn send_log(server: &Trapline, log: &Value) {
    server.post("/v1/logs").json(log).send().expect(200);
}

fn send_event(server: &Trapline, event: &Value) {
    to_envelope(server, event_envelope(event)).send().expect(200);
}

fn issue(server: &Trapline, ty: &str) -> Value {
    let issues: Vec<Value> =
        server.issues().into_iter().filter(|issue| issue["title"] == format!("{ty}: no price").as_str()).collect();
    assert_eq!(issues.len(), 1, "{ty}: {issues:?}");
    issues[0].clone()
}

fn latest(server: &Trapline, issue: &Value) -> Value {
    server.get_json(&format!("/api/ui/issues/{}/events/latest", issue["id"].as_str().unwrap()))
}

#[test]
fn an_error_is_one_event_in_whatever_order_it_is_told() {
    let server = Trapline::start();
    let orders = ["esl", "els", "sel", "sle", "les", "lse"];
    for round in 0..2 {
        for (at, order) in orders.iter().enumerate() {
            let ty = format!("Unpaid{at}");
            let error = Error::new(at as u64 + 1, &ty);
            for letter in order.chars() {
                match letter {
                    'e' => send_event(&server, &error.event(100 + at as u64)),
                    's' => send_span(&server, &error.span(1, 2, None)),
                    _ => send_log(&server, &error.log(17, "django.request", 241)),
                }
            }
            let issue = issue(&server, &ty);
            assert_eq!(issue["event_count"], 1, "{order}, round {round}: {issue}");
            let event = latest(&server, &issue);
            assert_eq!(event["event_id"], id(100 + at as u64), "{order}");
            assert_eq!(event["culprit"], "/pay/{pk}/", "{order}");
            assert_eq!(issue["culprit"], "/pay/{pk}/", "{order}");
            assert_eq!(event["detail"]["exceptions"][0]["frames"][1]["vars"][0]["name"], "cart", "{order}");
            let mut reports: Vec<_> = event["reports"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| (r["source"].as_str(), r["label"].as_str()))
                .collect();
            reports.sort_unstable();
            let expected =
                [(Some("log_record"), Some("django.request")), (Some("span_event"), Some("GET /pay/<int:pk>/"))];
            assert_eq!(reports, expected, "{order}");
        }
    }
    let count = orders.len() as u64;
    assert_eq!((server.outcome("event", "accepted"), server.outcome("event", "folded")), (count, 2 * count));
    assert_eq!(server.outcome("event", "duplicate"), 3 * count);
    server.expect_sound();
}

#[test]
fn what_was_told_by_a_span_alone_is_an_issue_with_its_frames() {
    let server = Trapline::start();
    send_span(&server, &Error::new(1, "Unpaid").span(1, 2, None));
    let issue = issue(&server, "Unpaid");
    assert_eq!((&issue["is_unhandled"], &issue["culprit"]), (&json!(true), &json!("/pay/<int:pk>/")));
    let event = latest(&server, &issue);
    let detail = &event["detail"];
    let frames = detail["exceptions"][0]["frames"].as_array().unwrap();
    assert_eq!((&frames[0]["in_app"], &frames[0]["module"]), (&json!(false), &json!("django.core.handlers.base")));
    assert_eq!((&frames[1]["in_app"], &frames[1]["is_crash"]), (&json!(true), &json!(true)));
    assert_eq!(frames[1]["context_line"], "price = cart[\"price\"]");
    assert_eq!((&detail["release"], &detail["environment"]), (&json!("1.2.3"), &json!("production")));
    assert_eq!(detail["request"]["url"], "http://shop.test/pay/7/");
    assert_eq!((&event["trace"]["trace_id"], &event["trace"]["has_spans"]), (&json!(id(1)), &json!(true)));
    assert!(detail["extra"].as_array().unwrap().iter().any(|extra| extra["value"] == stack("Unpaid", 12)), "{detail}");
    assert_eq!((&event["reports"], &detail["field_errors"]), (&json!([]), &json!([])));
    // Grouped again from what is stored, it is in the same issue.
    let grouping = server.get_json(&format!("/api/ui/events/{}/grouping", event["event_id"].as_str().unwrap()));
    assert_eq!((&grouping["leads_to"], &grouping["note"]), (&Value::Null, &Value::Null), "{grouping}");
    server.expect_sound();
}

#[test]
fn a_span_says_more_than_a_log_and_takes_its_place() {
    let server = Trapline::start();
    let error = Error::new(1, "Unpaid");
    send_log(&server, &error.log(17, "shop.views", 30));
    let by_log = latest(&server, &issue(&server, "Unpaid"));
    assert_eq!(by_log["culprit"], "srv/shop/views.py in pay");
    assert_eq!(by_log["detail"]["message"], "Internal Server Error: /pay/7/");
    send_span(&server, &error.span(1, 2, None));
    send_log(&server, &error.log(17, "django.request", 241));
    let issue = issue(&server, "Unpaid");
    let event = latest(&server, &issue);
    assert_eq!((&issue["event_count"], &event["culprit"]), (&json!(1), &json!("/pay/<int:pk>/")));
    assert_eq!(event["reports"].as_array().unwrap().len(), 2);
    // The address of the event as it was finds the one that took its place.
    let old = server.get_json(&format!("/api/ui/events/{}", by_log["event_id"].as_str().unwrap()));
    assert_eq!(old["event_id"], event["event_id"]);
    server.expect_sound();
}

#[test]
fn what_is_no_error_makes_no_issue() {
    let server = Trapline::start();
    let error = Error::new(1, "Unpaid");
    for severity in [0, 9, 13, 16] {
        send_log(&server, &error.log(severity, "shop", severity));
    }
    // Inside another span; on a client, whether inside or not.
    send_span(&server, &error.span(2, 1, Some(1)));
    send_span(&server, &error.span(3, 3, Some(1)));
    send_span(&server, &error.span(4, 3, None));
    assert_eq!(server.issues(), [Value::Null; 0]);
    assert_eq!(server.outcome("event", "accepted"), 0);
    // The first of its process is another matter.
    send_span(&server, &error.span(5, 1, None));
    assert_eq!(issue(&server, "Unpaid")["event_count"], 1);
}

#[test]
fn errors_that_only_look_alike_are_counted_each() {
    let server = Trapline::start();
    for trace in 1..=2 {
        send_span(&server, &Error::new(trace, "Traces").span(1, 2, None));
    }
    // The same task twice in one trace; and the same call of a logger.
    for span in 1..=2 {
        send_span(&server, &Error::new(3, "Spans").span(span, 5, None));
    }
    let error = Error::new(4, "Logs");
    let mut again = error.log(17, "shop", 30);
    send_log(&server, &again);
    again["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["timeUnixNano"] = json!(ns(900));
    send_log(&server, &again);
    // Of a logger that does not say where it was called, whatever it says.
    for number in 0..3 {
        let mut bare = Error::new(8, "Bare").log(17, "shop", 30);
        let record = &mut bare["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        record["attributes"].as_array_mut().unwrap().retain(|attribute| attribute["key"] != "code.lineno");
        record["body"] = json!({ "stringValue": format!("card {number}") });
        record["timeUnixNano"] = json!(ns(1_000 * number));
        send_log(&server, &bare);
    }
    assert_eq!(issue(&server, "Bare")["event_count"], 3);
    // Another line of the same function.
    for line in [12, 13] {
        send_span(&server, &Error { line, ..Error::new(5, "Lines") }.span(line, 2, None));
    }
    for ty in ["Traces", "Spans", "Logs", "Lines"] {
        assert_eq!(issue(&server, ty)["event_count"], 2, "{ty}");
    }
    // Whoever shares code does not share issues.
    for service in ["shop", "billing"] {
        let trace = if service == "shop" { 6 } else { 7 };
        send_span(&server, &Error { service, ..Error::new(trace, "Services") }.span(1, 2, None));
    }
    let count = server.issues().iter().filter(|issue| issue["title"] == "Services: no price").count();
    assert_eq!(count, 2);
    server.expect_sound();
}

#[test]
fn once_told_together_both_lead_to_the_same_issue() {
    let server = Trapline::start();
    let first = Error::new(1, "Unpaid");
    send_event(&server, &first.event(100));
    send_span(&server, &first.span(1, 2, None));
    // From then on alone: in traces that only one of the two sees.
    send_span(&server, &Error::new(2, "Unpaid").span(1, 2, None));
    send_event(&server, &Error::new(3, "Unpaid").event(101));
    assert_eq!(issue(&server, "Unpaid")["event_count"], 3);
    server.expect_sound();
}

#[test]
fn a_span_without_frames_is_known_by_its_message() {
    let server = Trapline::start();
    let error = Error::new(1, "Unpaid");
    let mut bare = error.span(1, 2, None);
    let told = &mut bare["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["events"][0]["attributes"];
    told.as_array_mut().unwrap().retain(|attribute| attribute["key"] != "exception.stacktrace");
    send_span(&server, &bare);
    send_event(&server, &error.event(100));
    assert_eq!(issue(&server, "Unpaid")["event_count"], 1);
    assert_eq!(server.outcome("event", "folded"), 1);
}

#[test]
fn secrets_are_replaced_in_stack_traces_too() {
    let server = Trapline::start();
    let mut span = Error::new(1, "Unpaid").span(1, 2, None);
    let told = &mut span["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["events"][0]["attributes"];
    *told = json!([
        text("exception.type", "ValueError"),
        text("exception.message", "card 4111 1111 1111 1111"),
        text(
            "exception.stacktrace",
            "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in f\n    \
            charge()\nValueError: card 4111 1111 1111 1111\n"
        )
    ]);
    send_span(&server, &span);
    let issues = server.issues();
    let event = latest(&server, &issues[0]);
    assert!(!event["detail"]["exceptions"].to_string().contains("4111 1111"), "{event}");
    assert!(!event["detail"]["extra"].to_string().contains("4111 1111"), "{event}");
    assert!(!issues[0].to_string().contains("4111 1111"), "{issues:?}");
}

#[test]
fn a_captured_failure_of_django_is_one_issue_of_one_event() {
    let server = Trapline::start();
    send(&server, "otlp-python-1.45.1/traces-failure");
    send(&server, "otlp-python-1.45.1/logs-failure");
    send(&server, "otlp-python-1.45.1/traces-failure-gzip");
    for issue in server.issues() {
        let event = latest(&server, &issue);
        let frames = event["detail"]["exceptions"][0]["frames"].as_array().unwrap();
        assert!(frames.iter().any(|frame| frame["in_app"] == true), "{event}");
        assert_eq!(event["platform"], "python");
    }
    assert!(!server.issues().is_empty());
    server.expect_sound();
}
