//! OpenTelemetry exporters: both encodings, and answers they understand.

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use serde_json::{Value, json};

use crate::client::{Answer, Connection};
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{auth, compress, id, otlp_request, otlp_span, send_span};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const SIGNALS: [&str; 3] = ["/v1/traces", "/v1/logs", "/v1/metrics"];

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Code and message, in the encoding that was asked in.
#[track_caller]
fn rpc_status(answer: &Answer, content_type: &str) -> (i32, String) {
    assert_eq!(answer.header("content-type"), Some(content_type));
    let status = match content_type {
        JSON => {
            let body = answer.json();
            (body["code"].as_i64().unwrap() as i32, body["message"].as_str().unwrap().to_string())
        }
        _ => {
            let status = RpcStatus::decode(&answer.body[..]).unwrap();
            (status.code, status.message)
        }
    };
    assert!(!status.1.is_empty());
    status
}

fn as_protobuf(name: &str) -> Vec<u8> {
    Fixture::load(name).body
}

#[test]
fn every_capture_of_an_exporter_is_taken_and_answered_in_its_encoding() {
    let server = Trapline::start();
    for fixture in Fixture::all().iter().filter(|fixture| fixture.is_otlp()) {
        let answer = fixture.request(&server).send();
        assert_eq!(answer.status, 200, "{}: {}", fixture.name, answer.text());
        assert_eq!(answer.header("content-type"), fixture.header("content-type"), "{}", fixture.name);
        let success: &[u8] = if fixture.header("content-type") == Some(JSON) { b"{}" } else { b"" };
        assert_eq!(answer.body, success, "{}", fixture.name);
        let row = server.last_request();
        assert_eq!((&row["protocol"], &row["problem"]), (&json!("otlp"), &Value::Null), "{}", fixture.name);
        assert!(row["client"].as_str().unwrap().starts_with("OTel-OTLP"), "{row}");
    }
}

#[test]
fn spans_say_the_same_in_every_encoding() {
    let mut seen: Vec<(String, String, Value)> = Vec::new();
    let batch = ExportTraceServiceRequest::decode(&as_protobuf("otlp-python-1.45.1/traces-failure")[..]).unwrap();
    for encoding in ["", "gzip", "deflate", "zstd"] {
        let server = Trapline::start();
        let request = server.post("/v1/traces").header("content-type", PROTOBUF);
        request
            .header("content-encoding", encoding)
            .body(compress(encoding, &batch.encode_to_vec()))
            .send()
            .expect(200);
        let trace = server.traces().remove(0);
        let trace_id = trace["trace_id"].as_str().unwrap().to_string();
        seen.push((encoding.to_string(), trace_id.clone(), server.get_json(&format!("/api/ui/traces/{trace_id}"))));
    }
    let (_, first_id, first) = &seen[0];
    for (encoding, trace_id, trace) in &seen {
        assert_eq!((trace_id, trace), (first_id, first), "{encoding}");
    }
    for name in ["traces-failure", "traces-failure-gzip", "traces-failure-deflate"] {
        let server = Trapline::start();
        send(&server, &format!("otlp-python-1.45.1/{name}"));
        let trace = server.traces().remove(0);
        assert_eq!(trace["service"], "billing", "{name}");
        assert_eq!(trace["http_status"], 500, "{name}");
        assert_eq!((&trace["status"], &trace["has_otel"]), (&json!("error"), &json!(true)), "{name}");
    }
}

#[test]
fn json_of_both_exporters_is_read() {
    for name in ["otlp-json-python-0.66b1/traces-failure", "otlp-js-0.223.1/traces-failure"] {
        let server = Trapline::start();
        send(&server, name);
        let trace = server.traces().remove(0);
        assert!(trace["failed_span_count"].as_u64().unwrap() > 0, "{name}: {trace}");
        assert!(trace["duration_ns"].as_i64().unwrap() > 0, "{name}: {trace}");
    }
}

#[test]
fn old_and_new_names_of_attributes_mean_the_same() {
    for name in ["traces-failure", "traces-failure-semconv-stable", "traces-failure-semconv-dup"] {
        let server = Trapline::start();
        send(&server, &format!("otlp-python-1.45.1/{name}"));
        let trace = server.traces().remove(0);
        assert_eq!(trace["http_status"], 500, "{name}");
        assert!(trace["db_span_count"].as_u64().unwrap() > 0, "{name}: {trace}");
    }
}

#[test]
fn an_empty_request_is_a_success() {
    let server = Trapline::start();
    for path in SIGNALS {
        let answer = server.post(path).header("content-type", PROTOBUF).send().expect(200);
        assert_eq!((answer.header("content-type"), &answer.body[..]), (Some(PROTOBUF), &b""[..]));
        let answer = server.post(path).header("content-type", "application/json; charset=utf-8").body("{}").send();
        assert_eq!((answer.header("content-type"), answer.text().as_str()), (Some(JSON), "{}"), "{path}");
    }
}

#[test]
fn a_wrong_content_type_is_refused_with_the_right_one() {
    let server = Trapline::start();
    for path in SIGNALS {
        for content_type in ["text/plain", "application/octet-stream", ""] {
            let answer = server.post(path).header("content-type", content_type).body("{}").send().expect(415);
            assert_eq!(rpc_status(&answer, JSON).0, 3);
            assert!(server.last_request()["fix"].as_str().unwrap().contains(PROTOBUF));
        }
    }
}

#[test]
fn garbage_is_refused_as_bad_data_in_the_encoding_it_came_in() {
    let server = Trapline::start();
    let garbage: [&[u8]; 4] = [b"garbage", b"{\"resourceSpans\": [", b"\xff\xff\xff\xff\xff\xff\xff", b"\x0a\xff"];
    for path in SIGNALS {
        for body in garbage {
            for content_type in [PROTOBUF, JSON] {
                let answer = server.post(path).header("content-type", content_type).body(body).send();
                assert_eq!(answer.status, 400, "{path} {content_type} {body:?}");
                assert_eq!(rpc_status(&answer, content_type).0, 3);
                assert!(answer.header("retry-after").is_none());
            }
        }
        let damaged = server.post(path).header("content-type", PROTOBUF).header("content-encoding", "gzip");
        let answer = damaged.body("not gzip").send().expect(400);
        rpc_status(&answer, PROTOBUF);
        let unknown = server.post(path).header("content-type", PROTOBUF).header("content-encoding", "snappy");
        rpc_status(&unknown.body("x").send().expect(415), PROTOBUF);
    }
}

#[test]
fn json_that_is_no_object_is_bad_data() {
    let server = Trapline::start();
    for path in SIGNALS {
        for body in ["7", "true", "\"x\"", "[[]]", "[{}]"] {
            let answer = server.post(path).header("content-type", JSON).body(body).send();
            assert_eq!(answer.status, 400, "{path} {body}");
        }
    }
}

#[test]
fn no_cut_or_bent_body_is_a_server_error() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    for (name, path) in [
        ("otlp-python-1.45.1/traces-failure", "/v1/traces"),
        ("otlp-python-1.45.1/logs-failure", "/v1/logs"),
        ("otlp-python-1.45.1/metrics", "/v1/metrics"),
        ("otlp-json-python-0.66b1/traces-failure", "/v1/traces"),
        ("otlp-json-python-0.66b1/logs-failure", "/v1/logs"),
        ("otlp-json-python-0.66b1/metrics", "/v1/metrics"),
    ] {
        let fixture = Fixture::load(name);
        let content_type = fixture.header("content-type").unwrap();
        for step in 0..60 {
            let at = fixture.body.len() * step / 60;
            let mut bent = fixture.body.clone();
            bent[at] = bent[at].wrapping_add(step as u8 + 1);
            for body in [fixture.body[..at].to_vec(), bent] {
                let request = server.post(path).header("content-type", content_type).body(body);
                let answer = connection.send(&request);
                assert!(answer.status == 200 || answer.status == 400, "{name} at {at}: {}", answer.status);
            }
        }
    }
    send_span(&server, 999, "/pay/");
}

#[test]
fn the_body_of_another_signal_is_refused_or_holds_nothing() {
    let server = Trapline::start();
    for (name, path) in [
        ("otlp-json-python-0.66b1/logs-failure", "/v1/traces"),
        ("otlp-python-1.45.1/metrics", "/v1/traces"),
        ("otlp-python-1.45.1/logs-failure", "/v1/metrics"),
    ] {
        let fixture = Fixture::load(name);
        let request = server.post(path).header("content-type", fixture.header("content-type").unwrap());
        let answer = request.body(fixture.body).send();
        assert!(answer.status == 200 || answer.status == 400, "{name}: {}", answer.status);
    }
    assert_eq!(server.traces().len(), 0);
}

#[test]
fn the_same_batch_twice_counts_once() {
    let server = Trapline::start();
    send(&server, "otlp-python-1.45.1/traces-failure");
    let before = server.traces();
    send(&server, "otlp-python-1.45.1/traces-failure-gzip");
    send(&server, "otlp-python-1.45.1/traces-failure");
    let twice = server.traces();
    let of_first = twice.iter().find(|trace| trace["trace_id"] == before[0]["trace_id"]);
    assert_eq!(of_first, Some(&before[0]));
    let spans = before[0]["span_count"].as_u64().unwrap();
    assert_eq!(server.outcome("span", "duplicate"), spans);
}

#[test]
fn one_bad_span_costs_only_itself() {
    let server = Trapline::start();
    let batch = otlp_request(&[otlp_span(1, 1, "/good/"), otlp_span(0, 2, "/bad/"), otlp_span(1, 3, "/good/")]);
    let answer = server.post("/v1/traces").json(&batch).send().expect(200).json();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");
    assert!(!answer["partialSuccess"]["errorMessage"].as_str().unwrap().is_empty());
    assert_eq!(server.traces()[0]["span_count"], 2);
    assert_eq!(server.outcome("span", "invalid"), 1);
    assert!(server.last_request()["problem"].is_string());

    let mut batch = ExportTraceServiceRequest::decode(&as_protobuf("otlp-python-1.45.1/traces-failure")[..]).unwrap();
    let spans = &mut batch.resource_spans[0].scope_spans[0].spans;
    spans[0].trace_id = vec![0; 16];
    let answer = server.post("/v1/traces").header("content-type", PROTOBUF).body(batch.encode_to_vec()).send();
    let response = ExportTraceServiceResponse::decode(&answer.expect(200).body[..]).unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(!partial.error_message.is_empty());
}

#[test]
fn a_batch_of_nothing_but_bad_spans_is_not_a_failure_to_be_retried() {
    let server = Trapline::start();
    let answer = server.post("/v1/traces").json(&otlp_request(&[otlp_span(0, 1, "/bad/")])).send().expect(200);
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1");
    assert_eq!(server.traces().len(), 0);
}

#[test]
fn logs_and_metrics_are_taken_and_counted() {
    let server = Trapline::start();
    for folder in ["otlp-python-1.45.1", "otlp-json-python-0.66b1"] {
        let (logs, metrics) = (server.outcome("log", "accepted"), server.outcome("metric", "not_kept"));
        send(&server, &format!("{folder}/logs-failure"));
        send(&server, &format!("{folder}/metrics"));
        assert!(server.outcome("log", "accepted") > logs, "{folder}");
        assert!(server.outcome("metric", "not_kept") > metrics, "{folder}");
    }
}

#[test]
fn grpc_is_told_the_way_out_in_its_own_words() {
    let server = Trapline::start();
    let service = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    for path in ["/v1/traces", service] {
        let answer = server.post(path).header("content-type", "application/grpc").body(vec![0; 5]).send().expect(200);
        assert_eq!(answer.header("content-type"), Some("application/grpc"), "{path}");
        assert_eq!(answer.header("grpc-status"), Some("12"), "{path}");
        assert!(answer.header("grpc-message").unwrap().contains("http/protobuf"), "{path}");
        assert!(server.last_request()["fix"].as_str().unwrap().contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{path}");
    }
}

#[test]
fn a_grpc_exporter_over_http2_gets_a_whole_answer() {
    let server = Trapline::start();
    let mut connection = Connection::open(server.address());
    connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.write(&http2_frame(SETTINGS, 0, 0, b""));
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        (":authority", "127.0.0.1:4317"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // A literal that is not indexed, without Huffman coding (RFC 7541, 6.2.2).
        block.extend([0, name.len() as u8]);
        block.extend(name.bytes());
        block.push(value.len() as u8);
        block.extend(value.bytes());
    }
    connection.write(&http2_frame(HEADERS, END_HEADERS, 1, &block));
    connection.write(&http2_frame(DATA, END_STREAM, 1, &[0; 5]));
    let (mut has_headers, mut has_ended) = (false, false);
    while !has_ended {
        let head = connection.read_bytes(9);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        connection.read_bytes(length);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        assert_ne!(head[3], GOAWAY);
        if stream == 1 {
            assert!(matches!(head[3], HEADERS | DATA | WINDOW_UPDATE), "frame type {}", head[3]);
            has_headers |= head[3] == HEADERS;
            has_ended |= matches!(head[3], HEADERS | DATA) && head[4] & END_STREAM != 0;
        }
    }
    assert!(has_headers);
    assert!(server.last_request()["fix"].as_str().unwrap().contains("http/protobuf"));
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// RFC 9113, section 4.1.
fn http2_frame(ty: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([ty, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[test]
fn sentrys_own_otlp_paths_need_the_projects_key() {
    let server = Trapline::start();
    let batch = otlp_request(&[otlp_span(1, 1, "/pay/")]);
    for path in ["/api/1/integration/otlp/v1/traces/", "/api/1/otlp/v1/traces"] {
        server.post(path).json(&batch).header("x-sentry-auth", &auth(server.key())).send().expect(200);
        rpc_status(&server.post(path).json(&batch).send().expect(401), JSON);
    }
    let traces = server.traces();
    assert_eq!((traces.len(), &traces[0]["trace_id"]), (1, &json!(id(1))));
}

#[test]
fn an_endpoint_with_a_wrong_path_is_told_so() {
    let server = Trapline::start();
    for path in ["/", "/v1/profiles", "/v1/traces/v1/traces"] {
        server.post(path).json(&json!({})).send().expect(404);
        let row = server.last_request();
        assert!(row["fix"].as_str().unwrap().contains("endpoint"), "{path}: {row}");
    }
    server.get("/v1/traces").expect(405);
}
