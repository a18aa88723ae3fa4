//! What spans mean, whoever sent them and in which words; what of them is noise; and one trace of all of them.

use serde_json::{Value, json};

use crate::fixture::send;
use crate::harness::Trapline;
use crate::payload::{envelope, id, otlp_request, to_envelope};
use crate::span_chunks::{EAGER, until_sealed};

/// A minute ago, in nanoseconds: what the times of these tests are relative to.
fn base_ns() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    (elapsed.as_secs() as i64 - 60) * 1_000_000_000
}

fn hex(span: u64) -> String {
    format!("{span:016x}")
}

const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// A span of OpenTelemetry, its times in milliseconds after `base`.
struct Otel<'a> {
    trace: u64,
    span: u64,
    parent: u64,
    kind: u8,
    name: &'a str,
    ms: [i64; 2],
    attributes: &'a [(&'a str, &'a str)],
}

impl Otel<'_> {
    fn json(&self, base: i64) -> Value {
        let attributes: Vec<Value> = self
            .attributes
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
            .collect();
        let ns = |ms: i64| (base + ms * 1_000_000).to_string();
        json!({
            "traceId": id(self.trace), "spanId": hex(self.span),
            "parentSpanId": if self.parent == 0 { String::new() } else { hex(self.parent) },
            "name": self.name, "kind": self.kind, "attributes": attributes,
            "startTimeUnixNano": ns(self.ms[0]), "endTimeUnixNano": ns(self.ms[1]),
        })
    }
}

fn send_otel(server: &Trapline, base: i64, spans: &[Otel<'_>]) {
    let spans: Vec<Value> = spans.iter().map(|span| span.json(base)).collect();
    server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
}

/// A transaction of Sentry: a request and one query.
fn transaction(trace: u64, spans: [u64; 2], base: i64, statement: &str) -> Vec<u8> {
    let second = |ms: i64| (base + ms * 1_000_000) as f64 / 1e9;
    let transaction = json!({
        "type": "transaction", "event_id": id(trace), "transaction": "/orders/{id}/",
        "start_timestamp": second(0), "timestamp": second(100),
        "contexts": { "trace": {
            "trace_id": id(trace), "span_id": hex(spans[0]), "op": "http.server", "status": "ok",
            "data": { "http.request.method": "GET", "http.response.status_code": 200 },
        } },
        "spans": [{
            "trace_id": id(trace), "span_id": hex(spans[1]), "parent_span_id": hex(spans[0]), "op": "db",
            "description": statement, "start_timestamp": second(10), "timestamp": second(20),
            "data": { "db.system": "postgresql" },
        }],
    });
    envelope(&[("transaction", &transaction.to_string())])
}

fn found(server: &Trapline, attribute: &str) -> Vec<String> {
    let attribute = attribute.replace(' ', "%20");
    let list = server.get_json(&format!("/api/ui/traces?kind=all&attribute={attribute}"));
    let mut ids: Vec<String> =
        list["traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].as_str().unwrap().into()).collect();
    ids.sort();
    ids
}

fn trace(server: &Trapline, trace: u64) -> Value {
    server.get_json(&format!("/api/ui/traces/{}", id(trace)))
}

fn span(server: &Trapline, trace: u64, span: u64) -> Value {
    server.get_json(&format!("/api/ui/traces/{}/spans/{}", id(trace), hex(span)))
}

#[test]
fn a_fact_is_found_under_every_name_it_has_before_and_after_sealing() {
    for args in [&[][..], &EAGER[..]] {
        let server = Trapline::start_with(args);
        let base = base_ns();
        let old = [("http.method", "GET"), ("db.system", "postgresql"), ("db.statement", "SELECT 1 FROM t")];
        let stable =
            [("http.request.method", "GET"), ("db.system.name", "postgresql"), ("db.query.text", "select 2 from t")];
        let dup: Vec<(&str, &str)> = old.iter().chain(&stable).copied().collect();
        for (number, attributes) in [(1, &old[..]), (2, &stable[..]), (3, &dup[..])] {
            let span = Otel { trace: number, span: 1, parent: 0, kind: CLIENT, name: "SELECT", ms: [0, 9], attributes };
            send_otel(&server, base, &[span]);
        }
        to_envelope(&server, transaction(4, [1, 2], base, "SELECT %s FROM t")).send().expect(200);
        if !args.is_empty() {
            until_sealed(&server);
        }
        let all: Vec<String> = (1..=4).map(id).collect();
        for attribute in
            ["http.method:GET", "http.request.method:GET", "db.system:postgresql", "db.system.name:postgresql"]
        {
            assert_eq!(found(&server, attribute), all, "{attribute}");
        }
        assert_eq!(found(&server, "db.query.text:SELECT 1 FROM t"), [id(1), id(3)]);
        assert!(found(&server, "http.method:POST").is_empty());

        // One query, by four names, with two values and a placeholder.
        let query = span(&server, 1, 1)["query"].clone();
        assert_eq!((&query["text"], &query["summary"]), (&json!("SELECT ? FROM t"), &json!("SELECT t")));
        assert_eq!(span(&server, 4, 2)["query"], query);
        let fingerprint = query["fingerprint"].as_str().unwrap();
        assert_eq!(found(&server, &format!("trapline.query.fingerprint:{fingerprint}")), all);
        // What was sent is there as it was sent.
        let shown = span(&server, 1, 1);
        let sent = shown["attributes"].as_array().unwrap();
        for (key, value) in old {
            assert!(sent.contains(&json!({ "name": key, "value": value })), "{key}: {sent:?}");
        }
    }
}

#[test]
fn captures_of_old_stable_and_both_names_say_the_same() {
    let mut seen = Vec::new();
    for name in ["traces-failure", "traces-failure-semconv-stable", "traces-failure-semconv-dup"] {
        let server = Trapline::start();
        send(&server, &format!("otlp-python-1.45.1/{name}"));
        let listed = server.traces().remove(0);
        let trace = server.get_json(&format!("/api/ui/traces/{}", listed["trace_id"].as_str().unwrap()));
        for attribute in ["http.request.method:POST", "http.method:POST", "db.system.name:sqlite", "db.system:sqlite"] {
            assert_eq!(found(&server, attribute).len(), 1, "{name}: {attribute}");
        }
        let names = |column: &str| trace["spans"][column].clone();
        seen.push((listed["name"].clone(), listed["http_status"].clone(), names("op"), names("name")));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[test]
fn calls_outside_of_any_request_are_hidden_and_counted() {
    let server = Trapline::start();
    let base = base_ns();
    let lone = [("db.system", "redis"), ("db.statement", "GET ?")];
    for number in 10..20 {
        let ms = [number as i64, number as i64 + 1];
        let lone = Otel { trace: number, span: 1, parent: 0, kind: CLIENT, name: "GET", ms, attributes: &lone };
        send_otel(&server, base, &[lone]);
    }
    let with_kind =
        |trace, parent, kind| Otel { trace, span: 5, parent, kind, name: "work", ms: [0, 9], attributes: &[] };
    // A request, a script, and a part of something that has not come.
    send_otel(&server, base, &[with_kind(1, 7, SERVER)]);
    send_otel(&server, base, &[with_kind(2, 0, INTERNAL)]);
    send_otel(&server, base, &[with_kind(3, 7, CLIENT)]);
    let list = |query: &str| server.get_json(&format!("/api/ui/traces?{query}"));
    let shown = list("");
    let names = |list: &Value| {
        let mut ids: Vec<String> =
            list["traces"].as_array().unwrap().iter().map(|row| row["trace_id"].as_str().unwrap().into()).collect();
        ids.sort();
        ids
    };
    assert_eq!(names(&shown), [id(1), id(2), id(3)]);
    assert_eq!(shown["background_hidden"], 10);
    let all = list("kind=all");
    assert_eq!((names(&all).len(), &all["background_hidden"]), (13, &json!(0)));
    // Pages say what is hidden among their own rows, and no trace twice.
    let mut hidden = 0;
    let mut cursor = String::new();
    loop {
        let page = list(&format!("limit=1{cursor}"));
        hidden += page["background_hidden"].as_u64().unwrap();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(hidden, 10);
    let searched = list("attribute=db.system:redis");
    assert_eq!((names(&searched).len(), &searched["background_hidden"]), (0, &json!(10)));
    assert_eq!(list("query=nothing")["background_hidden"], 0);
}

#[test]
fn calls_to_this_server_are_no_spans_of_the_application() {
    let server = Trapline::start();
    let base = base_ns();
    let own = format!("http://{}/v1/traces", server.address());
    let other = "http://127.0.0.1:1/v1/traces";
    let call = |span: u64, url: &str| {
        let attributes = [("http.method", "POST"), ("http.url", url)];
        Otel { trace: 1, span, parent: 1, kind: CLIENT, name: "POST", ms: [1, 2], attributes: &attributes }.json(base)
    };
    let root =
        Otel { trace: 1, span: 1, parent: 0, kind: SERVER, name: "GET /", ms: [0, 9], attributes: &[] }.json(base);
    let spans = [root, call(2, &own), call(3, other), call(4, "http://elsewhere/api/1/envelope/")];
    server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
    assert_eq!(trace(&server, 1)["spans"]["span_id"], json!([hex(1), hex(3)]));
    assert_eq!(server.outcome("sdk_delivery", "not_kept"), 2);
    assert_eq!(server.outcome("span", "accepted"), 2);
    // Nothing else in the request: taken all the same.
    let mut alone = call(9, &own);
    alone["traceId"] = json!(id(2));
    server.post("/v1/traces").json(&otlp_request(&[alone])).send().expect(200);
    assert_eq!((server.traces().len(), server.outcome("sdk_delivery", "not_kept")), (1, 3));
}

#[test]
fn a_span_that_came_by_both_protocols_is_shown_once() {
    let base = base_ns();
    let otel = |server: &Trapline| {
        let root = Otel {
            trace: 1,
            span: 1,
            parent: 0,
            kind: SERVER,
            name: "GET orders",
            ms: [0, 100],
            attributes: &[("otel.only", "1")],
        };
        let query = Otel {
            trace: 1,
            span: 2,
            parent: 1,
            kind: CLIENT,
            name: "SELECT",
            ms: [10, 20],
            attributes: &[("db.system", "postgresql"), ("db.statement", "SELECT a FROM t WHERE b = 7")],
        };
        send_otel(server, base, &[root, query]);
    };
    let sentry = |server: &Trapline| {
        _ = to_envelope(server, transaction(1, [1, 2], base, "SELECT a FROM t WHERE b = %s")).send().expect(200)
    };
    let mut seen = Vec::new();
    for is_otel_first in [true, false] {
        for args in [&[][..], &EAGER[..]] {
            let server = Trapline::start_with(args);
            if is_otel_first {
                otel(&server);
                sentry(&server);
            } else {
                sentry(&server);
                otel(&server);
            }
            // And the same once more, as after a lost answer.
            otel(&server);
            sentry(&server);
            if !args.is_empty() {
                until_sealed(&server);
            }
            let trace = trace(&server, 1);
            assert_eq!(trace["spans"]["span_id"], json!([hex(1), hex(2)]));
            assert_eq!((&trace["has_sentry"], &trace["has_otel"]), (&json!(true), &json!(true)));
            assert_eq!(trace["name"], "GET /orders/{id}/");
            let listed = server.traces();
            assert_eq!(
                (listed.len(), &listed[0]["span_count"], &listed[0]["db_span_count"]),
                (1, &json!(2), &json!(1))
            );
            assert_eq!(server.outcome("span", "duplicate"), 4);
            let root = span(&server, 1, 1);
            assert!(root["attributes"].to_string().contains("otel.only"), "{root}");
            let query = span(&server, 1, 2);
            assert_eq!(query["query"]["text"], "SELECT a FROM t WHERE b = ?");
            seen.push((trace["spans"].clone(), root["status"].clone(), query["query"].clone()));
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

#[test]
fn what_a_skewed_clock_says_is_drawn_inside_the_call_and_marked() {
    let server = Trapline::start();
    let base = base_ns();
    send_otel(
        &server,
        base,
        &[
            Otel { trace: 1, span: 1, parent: 0, kind: SERVER, name: "GET /", ms: [0, 200], attributes: &[] },
            Otel { trace: 1, span: 2, parent: 1, kind: CLIENT, name: "GET", ms: [50, 150], attributes: &[] },
        ],
    );
    // Two seconds behind, on another machine.
    let entry =
        Otel { trace: 1, span: 3, parent: 2, kind: SERVER, name: "GET /b", ms: [-1_940, -1_880], attributes: &[] };
    let query =
        Otel { trace: 1, span: 4, parent: 3, kind: CLIENT, name: "SELECT", ms: [-1_930, -1_920], attributes: &[] };
    let mut behind = otlp_request(&[entry.json(base), query.json(base)]);
    behind["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"] = json!("stock");
    server.post("/v1/traces").json(&behind).send().expect(200);
    let trace = trace(&server, 1);
    let ms = |column: &str| -> Vec<i64> {
        trace["spans"][column].as_array().unwrap().iter().map(|ns| ns.as_i64().unwrap() / 1_000_000).collect()
    };
    assert_eq!(trace["spans"]["span_id"], json!([hex(1), hex(2), hex(3), hex(4)]));
    assert_eq!(ms("start_ns"), [0, 50, 70, 80]);
    assert_eq!(ms("clock_shift_ns"), [0, 0, 2_010, 2_010]);
    assert_eq!(trace["duration_ns"], 200_000_000);
    // The span itself says when it was by its own clock.
    let start_ms = span(&server, 1, 3)["start_ms"].as_f64().unwrap();
    assert!((start_ms - (base as f64 / 1e6 - 1_940.0)).abs() < 1.0, "{start_ms}");
}

#[test]
fn parts_of_a_trace_may_come_in_any_order_and_never_all() {
    let base = base_ns();
    let parts = [
        Otel { trace: 1, span: 1, parent: 0, kind: SERVER, name: "GET /orders", ms: [0, 200], attributes: &[] },
        Otel { trace: 1, span: 2, parent: 1, kind: INTERNAL, name: "view", ms: [10, 190], attributes: &[] },
        Otel { trace: 1, span: 3, parent: 2, kind: CLIENT, name: "SELECT", ms: [20, 30], attributes: &[] },
        // Its parent never comes, and its clock says it was first.
        Otel { trace: 1, span: 4, parent: 99, kind: INTERNAL, name: "lost", ms: [-5, 30], attributes: &[] },
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let server = Trapline::start();
        for place in order {
            send_otel(&server, base, std::slice::from_ref(&parts[place]));
            let listed = server.traces().remove(0);
            let shown = trace(&server, 1);
            // The list and the page agree on what the trace is called, at every moment.
            assert_eq!((&listed["name"], &listed["duration_ns"]), (&shown["name"], &shown["duration_ns"]), "{order:?}");
        }
        let shown = trace(&server, 1);
        assert_eq!(shown["name"], "GET /orders");
        assert_eq!(shown["spans"]["is_orphan"], json!([true, false, false, false]));
        assert_eq!(shown["spans"]["parent"], json!([-1, -1, 1, 2]));
        seen.push((server.traces(), shown));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}
