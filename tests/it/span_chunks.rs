//! Spans while they are packed into chunks behind the reader's back: none lost, none doubled, all found.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Trapline, wait_for};
use crate::payload::{id, otlp_request, otlp_span};

/// Seals whatever there is at every look.
const EAGER: [&str; 2] = ["--seal-after-s", "0"];

fn rows(server: &Trapline, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(server.database()).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn until_sealed(server: &Trapline) {
    wait_for("everything to be sealed", || (rows(server, "span_batch") == 0).then_some(()));
}

/// Spans of ten traces, with numbers nobody had before.
fn request(number: u64) -> (Value, Vec<(u64, u64)>) {
    let ids: Vec<(u64, u64)> = (0..50).map(|place| (1 + place % 10, 1 + number * 50 + place)).collect();
    let spans: Vec<Value> = ids
        .iter()
        .map(|(trace, span)| {
            let mut value = otlp_span(*trace, *span, &format!("/pay/{trace}/"));
            value["attributes"]
                .as_array_mut()
                .unwrap()
                .push(json!({ "key": "order.id", "value": { "intValue": span.to_string() } }));
            value
        })
        .collect();
    (otlp_request(&spans), ids)
}

fn spans_of(server: &Trapline, trace: u64) -> Vec<String> {
    let view = server.get_json(&format!("/api/ui/traces/{}", id(trace)));
    let mut spans: Vec<String> =
        view["spans"]["span_id"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_string()).collect();
    spans.sort();
    spans
}

fn found(server: &Trapline, attribute: &str) -> Vec<String> {
    let list = server.get_json(&format!("/api/ui/traces?kind=all&attribute={attribute}"));
    assert_eq!(list["searched_to_ms"], Value::Null);
    list["traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].as_str().unwrap().to_string()).collect()
}

#[test]
fn power_cuts_while_spans_are_sealed_and_merged_neither_lose_nor_double_one() {
    let mut server = Trapline::start_with(&EAGER);
    let mut ledger: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut number = 0;
    for round in 0..6 {
        let mut last = None;
        for _ in 0..8 {
            number += 1;
            let (body, ids) = request(number);
            server.post("/v1/traces").json(&body).send().expect(200);
            for (trace, span) in ids {
                ledger.entry(trace).or_default().push(format!("{span:016x}"));
            }
            last = Some(body);
        }
        if round % 2 == 0 {
            // As soon as a chunk is there, others are made or merged.
            wait_for("a chunk", || (rows(&server, "span_chunk") > 0).then_some(()));
        }
        server.kill9();
        server.start_again();
        // A client that did not hear the answer.
        server.post("/v1/traces").json(&last.unwrap()).send().expect(200);
    }
    let is_complete = |server: &Trapline| {
        for (trace, spans) in &ledger {
            assert_eq!(&spans_of(server, *trace), spans, "trace {trace}");
        }
        for trace in server.traces() {
            assert_eq!(trace["span_count"], 6 * 8 * 5);
        }
        assert_eq!(server.outcome("span", "accepted"), number * 50);
        assert_eq!(server.outcome("span", "duplicate"), 6 * 50);
    };
    is_complete(&server);
    until_sealed(&server);
    is_complete(&server);
    server.restart();
    is_complete(&server);
    assert_eq!(rows(&server, "trace"), 10);
    server.expect_sound();
}

#[test]
fn traces_are_found_by_any_attribute_before_and_after_sealing() {
    // By itself nothing is sealed in this test's time.
    let mut server = Trapline::start();
    for number in 1..4 {
        server.post("/v1/traces").json(&request(number).0).send().expect(200);
    }
    let searches = ["order.id:51", "order.id:9999", "http.route:/pay/3/", "service.name:billing", "span.name:/pay/7/"];
    let before: Vec<Vec<String>> = searches.iter().map(|search| found(&server, search)).collect();
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 1, 10, 1]);
    assert_eq!((before[0][0].clone(), before[2][0].clone()), (id(1), id(3)));
    assert_eq!(server.get("/api/ui/traces?attribute=order.id").status, 400);
    assert_eq!(server.get("/api/ui/traces?cursor=1.2").status, 400);

    assert!(server.terminate().success());
    let mut server = server.with_args(&EAGER);
    server.start_again();
    until_sealed(&server);
    let after: Vec<Vec<String>> = searches.iter().map(|search| found(&server, search)).collect();
    assert_eq!(before, after);

    // With other filters, and of one project.
    let narrowed = |query: &str| {
        let list = server.get_json(&format!("/api/ui/traces?kind=all&attribute=service.name:billing&{query}"));
        list["traces"].as_array().unwrap().len()
    };
    assert_eq!((narrowed("query=pay/4"), narrowed("service=shop"), narrowed("project=default")), (1, 0, 10));
    assert_eq!(server.get("/api/ui/traces?project=nobody").status, 404);
}

/// More than one batch may hold: several are made, and all of it is known when it comes again.
#[test]
fn a_request_of_thousands_of_traces_is_stored_once() {
    const TRACES: u64 = 2_300;
    let server = Trapline::start();
    let spans: Vec<Value> = (1..=TRACES).map(|n| otlp_span(n, n, "GET /many/")).collect();
    for (accepted, duplicate) in [(TRACES, 0), (TRACES, TRACES)] {
        server.post("/v1/traces").json(&otlp_request(&spans)).send().expect(200);
        assert_eq!((server.outcome("span", "accepted"), server.outcome("span", "duplicate")), (accepted, duplicate));
    }
    assert_eq!(rows(&server, "span_batch"), 5);
    server.expect_sound();
}
