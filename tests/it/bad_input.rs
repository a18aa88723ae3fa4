//! Broken, hostile and strange requests: refused or kept in part, and the server goes on.

use serde_json::json;

use crate::client::{Answer, Connection};
use crate::fixture::Fixture;
use crate::harness::Trapline;
use crate::payload::{
    envelope, event, event_envelope, id, otlp_request, otlp_span, send_event, send_span, to_envelope, to_store,
};

/// More than any parser's stack holds.
const LEVELS: usize = 400_000;

fn deep(open: &str, close: &str) -> String {
    format!("{}1{}", open.repeat(LEVELS), close.repeat(LEVELS))
}

/// The server still takes and shows a good event and a good span.
fn assert_well(mut server: Trapline) {
    send_event(&server, 987_654, "StillWellError");
    send_span(&server, 987_654, "/still-well/");
    let event = server.get_json(&format!("/api/ui/events/{}", id(987_654)));
    assert_eq!(event["title"], "StillWellError: made up");
    assert!(server.traces().iter().any(|trace| trace["name"].as_str().unwrap().contains("/still-well/")));
    assert!(server.is_running());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn assert_refused(answer: &Answer, about: &str) {
    assert_eq!(answer.status, 400, "{about}: {}", answer.text());
    assert!(!answer.json()["detail"].as_str().unwrap().is_empty(), "{about}");
}

/// As [`assert_refused`]; a limit of ours may also be called one.
fn assert_refused_or_too_large(answer: &Answer, about: &str) {
    assert!(matches!(answer.status, 400 | 413), "{about}: {} {}", answer.status, answer.text());
}

#[test]
fn malformed_envelopes_are_refused_with_a_reason() {
    let server = Trapline::start();
    let cases: [&[u8]; 14] = [
        b"",
        b"\n\n\n",
        b"garbage",
        b"[]\n",
        b"null\n",
        b"{\n",
        b"{}garbage\n{\"type\":\"event\"}\n{}\n",
        b"{}\n{\"type\":\"event\"",
        b"{}\n[]\n{}\n",
        b"{}\n{\"type\":\"event\",\"length\":99}\n{}\n",
        b"{}\n{\"type\":\"event\",\"length\":-1}\n{}\n",
        b"{}\n{\"type\":\"event\",\"length\":18446744073709551616}\n{}\n",
        b"{}\n{\"type\":\"event\"}\nnot json\n",
        b"\x1f\x8b\x08garbage",
    ];
    for body in cases {
        let about = String::from_utf8_lossy(body).into_owned();
        assert_refused(&to_envelope(&server, body).send(), &about);
    }
    assert_eq!(server.issues().len(), 0);
    assert_well(server);
}

/// SDKs log this header and not the body.
#[test]
fn every_refusal_says_why_in_the_header_that_sdks_log() {
    let server = Trapline::start();
    for body in ["garbage", "{}\n{\"type\":\"event\"}\nnot json\n", "{}\n{\"type\":\"event\",\"length\":99}\n{}\n"] {
        let answer = to_envelope(&server, body).send().expect(400);
        assert!(answer.header("x-sentry-error").is_some(), "{body:?}: {}", answer.text());
    }
}

#[test]
fn an_envelope_without_items_is_no_error() {
    let server = Trapline::start();
    assert_eq!(to_envelope(&server, "{}").send().expect(200).json(), json!({}));
    let answer = to_envelope(&server, format!("{{\"event_id\":\"{}\"}}\n", id(1))).send().expect(200);
    assert_eq!(answer.json()["id"], id(1));
}

#[test]
fn envelopes_cut_anywhere_are_never_a_server_error() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    for name in ["django-key-error-identity", "logs", "django-n-plus-one-transaction", "event-with-attachment"] {
        let body = Fixture::load(&format!("sentry-python-2.75.0/{name}")).plain_body();
        for step in 0..150 {
            let at = body.len() * step / 150;
            let answer = connection.send(&to_envelope(&server, &body[..at]));
            assert!(answer.status == 200 || answer.status == 400, "{name} cut at {at}: {}", answer.text());
        }
    }
    assert_well(server);
}

#[test]
fn envelopes_with_one_byte_changed_are_never_a_server_error() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    let body = Fixture::load("sentry-python-2.75.0/django-key-error-identity").body;
    for step in 0..250_usize {
        let mut bent = body.clone();
        let at = body.len() * step / 250;
        bent[at] = bent[at].wrapping_add(1 + (step % 255) as u8);
        let answer = connection.send(&to_envelope(&server, bent));
        assert!(matches!(answer.status, 200 | 400 | 403), "changed at {at}: {} {}", answer.status, answer.text());
    }
    for issue in server.issues() {
        let short_id = issue["short_id"].as_str().unwrap();
        server.get_json(&format!("/api/ui/issues/{short_id}/events/latest"));
        server.get_json(&format!("/api/0/issues/{short_id}/events/latest/"));
    }
    assert_well(server);
}

#[test]
fn damaged_compression_is_refused() {
    let server = Trapline::start();
    let gzip = Fixture::load("sentry-python-2.75.0/django-key-error").body;
    let brotli = Fixture::load("sentry-python-2.75.0/django-key-error-br").body;
    let mut flipped = gzip.clone();
    flipped[gzip.len() / 2] ^= 0xff;
    let mut wrong_sum = gzip.clone();
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 1;
    let cut = |body: &[u8]| body[..body.len() / 2].to_vec();
    for (encoding, body) in [
        ("gzip", cut(&gzip)),
        ("gzip", gzip[..gzip.len() - 8].to_vec()),
        ("gzip", flipped),
        ("gzip", wrong_sum),
        ("gzip", Vec::new()),
        ("br", cut(&brotli)),
        ("br", gzip.clone()),
        ("zstd", gzip.clone()),
        ("deflate", gzip.clone()),
        ("gzip", brotli),
    ] {
        assert_refused(&to_envelope(&server, body).header("content-encoding", encoding).send(), encoding);
    }
    assert_eq!(server.issues().len(), 0);
    assert_well(server);
}

#[test]
fn json_nested_without_end_is_refused_or_cut() {
    let server = Trapline::start();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = deep(open, close);
        // As large as they may be, so that it is the depth they are refused for.
        let event_of = |inner: &str| {
            let value = &deep[..];
            let json = inner.replace("DEEP", value);
            if json.len() < 1 << 20 {
                json
            } else {
                inner.replace("DEEP", &format!("{}1{}", open.repeat(9000), close.repeat(9000)))
            }
        };
        let frame =
            r#"{"exception":{"values":[{"type":"E","stacktrace":{"frames":[{"function":"f","vars":{"x":DEEP}}]}}]}}"#;
        for payload in
            [event_of("DEEP"), event_of(r#"{"extra":{"x":DEEP}}"#), event_of(frame), event_of(r#"{"contexts":DEEP}"#)]
        {
            // An event loses what lies too deep and nothing else; a list is none.
            let is_object = payload.starts_with('{');
            let event = to_envelope(&server, envelope(&[("event", &payload)])).send();
            assert_eq!(event.status, if is_object { 200 } else { 400 }, "{}", event.text());
            assert_refused_or_too_large(
                &to_envelope(&server, envelope(&[("transaction", &payload)])).send(),
                "transaction",
            );
            if is_object {
                to_store(&server, payload).send().expect(200);
            }
        }
        // A header costs its members alone, as there is nothing else in this envelope.
        to_envelope(&server, format!("{{\"x\":{deep}}}\n")).send().expect(200);
        // Nor does an item of no type: it is counted as unknown.
        to_envelope(&server, format!("{{}}\n{{\"x\":{deep}}}\n{{}}\n")).send().expect(200);
        for ty in ["log", "trace_metric"] {
            let container = envelope(&[(ty, &format!("{{\"items\":{deep}}}"))]);
            assert_refused_or_too_large(&to_envelope(&server, container).send(), ty);
        }

        for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
            let list = match path {
                "/v1/traces" => ["resourceSpans", "scopeSpans", "spans"],
                "/v1/logs" => ["resourceLogs", "scopeLogs", "logRecords"],
                _ => ["resourceMetrics", "scopeMetrics", "metrics"],
            };
            let attribute = format!("{{\"attributes\":[{{\"key\":\"k\",\"value\":{deep}}}]}}");
            // A metric's own attributes go by another name.
            let leaf =
                attribute.replacen("attributes", if path == "/v1/metrics" { "metadata" } else { "attributes" }, 1);
            for body in [
                deep.clone(),
                format!("{{\"{}\":[{{\"resource\":{attribute}}}]}}", list[0]),
                format!("{{\"{}\":[{{\"{}\":[{{\"{}\":[{leaf}]}}]}}]}}", list[0], list[1], list[2]),
            ] {
                let answer = server.post(path).header("content-type", "application/json").body(body.as_str()).send();
                // Members nobody knows may be skipped, however deep; lists where a message belongs may not.
                let is_fine = answer.status == 400 || open != "[" && answer.status == 200;
                assert!(is_fine, "{path} {}: {}", &body[..body.len().min(60)], answer.text());
            }
            // What nobody knows is skipped, as the specification asks.
            let unknown = server.post(path).header("content-type", "application/json");
            unknown.body(format!("{{\"unknown\":{deep}}}")).send().expect(200);
        }
    }
    assert_well(server);
}

#[test]
fn values_that_contain_themselves_in_otlp_are_refused_or_cut() {
    let server = Trapline::start();
    // AnyValue.array_value of AnyValue.array_value …, written from the inside out.
    let mut value: Vec<u8> = vec![0x10, 1];
    for _ in 0..400 {
        for field in [0x0a, 0x2a] {
            let mut outer = vec![field];
            prost::encoding::encode_varint(value.len() as u64, &mut outer);
            outer.extend(&value);
            value = outer;
        }
    }
    let wrap = |field: u8, inner: &[u8]| {
        let mut outer = vec![field];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    };
    let mut attribute = wrap(0x0a, b"k");
    attribute.extend(wrap(0x12, &value));
    let span = wrap(0x4a, &attribute);
    let request = wrap(0x0a, &wrap(0x12, &wrap(0x12, &span)));
    let answer = server.post("/v1/traces").header("content-type", "application/x-protobuf").body(request).send();
    assert!(answer.status == 200 || answer.status == 400, "{}", answer.status);
    assert_eq!(server.traces().len(), 0);
    assert_well(server);
}

#[test]
fn an_envelope_of_very_many_items_costs_only_those_over_the_limit() {
    let server = Trapline::start();
    let mut body = event_envelope(&event(1, "KeyError"));
    body.extend(b"{\"type\":\"of_the_future\"}\n{}\n".repeat(100_000));
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.issues().len(), 1);
    assert_eq!(server.outcome("of_the_future", "not_kept"), 499);
    assert!(server.last_request()["problem"].as_str().unwrap().contains("500"));
    let only_types: Vec<u8> =
        (0..500).flat_map(|n| format!("{{\"type\":\"type-{n}\"}}\n{{}}\n").into_bytes()).collect();
    to_envelope(&server, [b"{}\n".to_vec(), only_types].concat()).send().expect(200);
    assert_well(server);
}

#[test]
fn what_sdks_send_but_json_forbids_is_read_as_well_as_it_goes() {
    let server = Trapline::start();
    let cases: [(&str, &[u8]); 12] = [
        ("a lone surrogate", br#"{"message":"a \ud800 b"}"#),
        ("a lone low surrogate as a key", br#"{"message":"m","extra":{"\udc00":1}}"#),
        ("NaN", br#"{"message":"m","extra":{"x":NaN,"y":[Infinity,-Infinity]}}"#),
        ("invalid UTF-8", b"{\"message\":\"a \xff\xfe b\"}"),
        ("an escaped NUL", br#"{"message":"a \u0000 b","tags":{"a\u0000":"b\u0000"}}"#),
        ("a huge number", br#"{"message":"m","extra":{"x":1e999,"y":123456789012345678901234567890}}"#),
        ("duplicate keys", br#"{"message":"one","message":"two","extra":{"a":1,"a":2}}"#),
        ("a time far away", br#"{"message":"m","timestamp":1e300}"#),
        ("a time that is none", br#"{"message":"m","timestamp":"yesterday"}"#),
        ("wrong types everywhere", br#"{"message":7,"level":[],"tags":3,"user":"u","exception":"e","extra":null}"#),
        ("null everywhere", br#"{"message":null,"exception":{"values":[null,{"stacktrace":{"frames":[null]}}]}}"#),
        ("nothing", b"{}"),
    ];
    for (about, payload) in cases {
        let mut body = b"{}\n{\"type\":\"event\"}\n".to_vec();
        body.extend(payload);
        let answer = to_envelope(&server, body).send();
        assert_eq!(answer.status, 200, "{about}: {}", answer.text());
        let id = answer.json()["id"].as_str().unwrap().to_string();
        let event = server.get_json(&format!("/api/ui/events/{id}"));
        assert_ne!(event["title"], "", "{about}");
        server.get_json(&format!("/api/0/projects/main/default/events/{id}/"));
    }
    assert_eq!(server.outcome("event", "accepted"), cases.len() as u64);
    assert_well(server);
}

#[test]
fn strange_spans_of_sentry_are_read_as_well_as_they_go() {
    let server = Trapline::start();
    let trace = json!({ "trace": { "trace_id": id(1), "span_id": "00000000000000aa" } });
    for (about, transaction) in [
        ("ends before it starts", json!({ "start_timestamp": 1_800_000_010.0, "timestamp": 1_800_000_000.0 })),
        ("spans that are none", json!({ "start_timestamp": 1.8e9, "timestamp": 1.8e9, "spans": [null, 7, {}, []] })),
        ("spans that is none", json!({ "start_timestamp": 1.8e9, "timestamp": 1.8e9, "spans": "many" })),
        ("times far away", json!({ "start_timestamp": -1e300, "timestamp": 1e300 })),
    ] {
        let mut transaction = transaction;
        transaction["type"] = json!("transaction");
        transaction["contexts"] = trace.clone();
        let answer = to_envelope(&server, envelope(&[("transaction", &transaction.to_string())])).send();
        assert!(answer.status == 200 || answer.status == 400, "{about}: {} {}", answer.status, answer.text());
    }
    server.traces();
    if server.get(&format!("/api/ui/traces/{}", id(1))).status == 200 {
        server.get_json(&format!("/api/traces/{}", id(1)));
    }
    assert_well(server);
}

#[test]
fn strange_spans_of_otlp_are_read_as_well_as_they_go() {
    let server = Trapline::start();
    let mut own_parent = otlp_span(1, 1, "own parent");
    own_parent["parentSpanId"] = own_parent["spanId"].clone();
    let mut circle = [otlp_span(2, 1, "a"), otlp_span(2, 2, "b")];
    circle[0]["parentSpanId"] = circle[1]["spanId"].clone();
    circle[1]["parentSpanId"] = circle[0]["spanId"].clone();
    let mut backwards = otlp_span(3, 1, "backwards");
    backwards["endTimeUnixNano"] = json!("1");
    let mut for_ever = otlp_span(4, 1, "for ever");
    for_ever["endTimeUnixNano"] = json!("18446744073709551615");
    let twice = otlp_span(5, 1, "twice");
    let spans = [own_parent, circle[0].clone(), circle[1].clone(), backwards, for_ever, twice.clone(), twice];
    let answer = server.post("/v1/traces").json(&otlp_request(&spans)).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    for trace in server.traces() {
        let trace_id = trace["trace_id"].as_str().unwrap();
        let whole = server.get_json(&format!("/api/ui/traces/{trace_id}"));
        assert!(whole["duration_ns"].as_i64().unwrap() >= 0, "{whole}");
        let durations = whole["spans"]["duration_ns"].as_array().unwrap();
        assert!(durations.iter().all(|duration| duration.as_i64().unwrap() >= 0), "{whole}");
        server.get_json(&format!("/api/traces/{trace_id}"));
    }
    assert_well(server);
}

#[test]
fn good_items_of_a_partly_bad_envelope_are_kept() {
    let server = Trapline::start();
    let good = |number| event(number, "KeyError").to_string();
    let body = envelope(&[("event", &good(1)), ("event", "not json"), ("of_the_future", "{}"), ("event", &good(2))]);
    assert_eq!(to_envelope(&server, body).send().expect(200).json()["id"], id(1));
    let row = server.last_request();
    assert!(row["problem"].as_str().unwrap().contains("event"), "{row}");

    let mut torn = event_envelope(&event(3, "KeyError"));
    torn.extend(b"{\"type\":\"attachment\",\"length\":1000}\nonly a few bytes");
    assert_eq!(to_envelope(&server, torn).send().expect(200).json()["id"], id(3));

    assert_eq!(server.issues()[0]["event_count"], 3);
    assert_eq!(server.outcome("event", "invalid"), 1);
    assert_eq!(server.outcome("of_the_future", "not_kept"), 1);
    assert_eq!(server.outcome("attachment", "invalid"), 1);
}

#[test]
fn requests_that_break_off_store_nothing_and_block_nobody() {
    let server = Trapline::start_with(&["--header-timeout-s", "2"]);
    let whole = to_envelope(&server, event_envelope(&event(1, "KeyError")));
    for request in [whole.clone().encode(), whole.chunked().encode()] {
        for part in [1, 20, request.len() / 3, request.len() / 2, request.len() - 1] {
            // Gone without a word.
            Connection::open(server.address()).write(&request[..part]);
            // Says that nothing more comes, and listens.
            let mut connection = Connection::open(server.address());
            connection.write(&request[..part]);
            connection.finish_writing();
            if let Some(answer) = connection.read_if_any() {
                assert!((400..500).contains(&answer.status), "{part}: {}", answer.status);
            }
        }
    }
    assert_eq!(server.issues().len(), 0);
    assert_well(server);
}

#[test]
fn connections_that_dawdle_do_not_block_others() {
    let server = Trapline::start();
    let whole = to_envelope(&server, event_envelope(&event(1, "KeyError"))).encode();
    let dawdling: Vec<Connection> = (0..100)
        .map(|number| {
            let mut connection = Connection::open(server.address());
            connection.write(&whole[..whole.len() * number / 100]);
            connection
        })
        .collect();
    for number in 10..20 {
        send_event(&server, number, "KeyError");
    }
    assert_eq!(server.issues()[0]["event_count"], 10);
    drop(dawdling);
    assert_well(server);
}

#[test]
fn what_is_not_http_is_answered_or_cut_off() {
    let server = Trapline::start();
    let many_headers: String = (0..1000).map(|n| format!("x-{n}: y\r\n")).collect();
    let requests: [Vec<u8>; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"hello\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n".to_vec(),
        b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many_headers}\r\n").into_bytes(),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(200_000)).into_bytes(),
    ];
    for request in requests {
        let mut connection = Connection::open(server.address());
        connection.write(&request);
        connection.finish_writing();
        let about = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        if let Some(answer) = connection.read_if_any() {
            assert!((400..500).contains(&answer.status), "{about}: {}", answer.status);
        }
    }
    assert_well(server);
}

#[test]
fn bytes_outside_ascii_in_headers_and_address_are_refused_or_ignored() {
    let server = Trapline::start();
    let raw = |head: &[u8]| {
        let mut connection = Connection::open(server.address());
        connection.write(head);
        connection.read_if_any().map_or(400, |answer| answer.status)
    };
    assert_eq!(raw(b"GET /api/ui/boot HTTP/1.1\r\nhost: \xff\r\n\r\n"), 421);
    assert_eq!(raw(b"GET /api/ui/boot HTTP/1.1\r\nhost: localhost\r\norigin: \xff\r\n\r\n"), 403);
    assert_eq!(
        raw(b"POST /api/1/envelope/ HTTP/1.1\r\nhost: localhost\r\nx-sentry-auth: \xff\r\ncontent-length: 0\r\n\r\n"),
        400
    );
    assert_eq!(
        raw(b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: \xff\r\ncontent-length: 0\r\n\r\n"),
        415
    );
    assert!(raw(b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n") < 500);
    assert_eq!(server.get("/api/ui/issues/%FF%FE").status, 404);
    assert_well(server);
}
