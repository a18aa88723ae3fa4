//! OTLP over gRPC: the same as over HTTP, in gRPC's own words; and what hostile clients of HTTP/2 get.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::json;
use tempfile::TempDir;

use crate::client::Connection;
use crate::fixture::Fixture;
use crate::grpc_client::{GrpcClient, framed};
use crate::harness::{Surroundings, Trapline, wait_for};
use crate::payload::{auth, compress, send_span};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const SERVICES: [(&str, &str); 3] = [(TRACES, "traces-failure"), (LOGS, "logs-failure"), (METRICS, "metrics")];

const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const RESOURCE_EXHAUSTED: i32 = 8;
const UNIMPLEMENTED: i32 = 12;
const UNAUTHENTICATED: i32 = 16;

/// What Python's exporter sends over HTTP, which is what it sends over gRPC.
fn capture(name: &str) -> Vec<u8> {
    Fixture::load(&format!("otlp-python-1.45.1/{name}")).body
}

fn started() -> (Trapline, GrpcClient) {
    let server = Trapline::start();
    let client = GrpcClient::open(server.address());
    (server, client)
}

#[test]
fn each_service_takes_each_compression() {
    for encoding in ["identity", "gzip", "deflate", "zstd"] {
        let (server, client) = started();
        for (path, name) in SERVICES {
            let body = framed(encoding != "identity", &compress(encoding, &capture(name)));
            let called = client.call(path, &[("grpc-encoding", encoding)], body);
            assert_eq!(called.message(), b"", "{path} {encoding}");
            assert_eq!(called.headers["content-type"], "application/grpc");
            let row = server.last_request();
            assert_eq!(row["client"], "OTel-OTLP-Exporter-Test/1");
            assert_eq!(
                (&row["protocol"], &row["problem"], &row["status"]),
                (&json!("otlp"), &json!(null), &json!(200))
            );
        }
        let traces = server.traces();
        assert_eq!((&traces[0]["service"], &traces[0]["http_status"]), (&json!("billing"), &json!(500)));
    }
}

#[test]
fn the_same_spans_over_grpc_and_over_http_are_stored_once() {
    let (server, client) = started();
    let batch = ExportTraceServiceRequest::decode(&capture("traces-failure")[..]).unwrap().encode_to_vec();
    client.call(TRACES, &[], framed(false, &batch)).message();
    let before = server.traces();
    let over_http = server.post("/v1/traces").header("content-type", "application/x-protobuf").body(batch);
    over_http.send().expect(200);
    assert_eq!(server.traces(), before);
    assert!(server.outcome("span", "duplicate") > 0);
}

#[test]
fn an_empty_request_is_a_success() {
    let (_server, client) = started();
    for (path, _) in SERVICES {
        assert_eq!(client.call(path, &[], framed(false, b"")).message(), b"");
    }
}

#[test]
fn one_bad_span_costs_only_itself() {
    let (server, client) = started();
    let mut batch = ExportTraceServiceRequest::decode(&capture("traces-failure")[..]).unwrap();
    batch.resource_spans[0].scope_spans[0].spans[0].trace_id = vec![0; 16];
    let called = client.call(TRACES, &[], framed(false, &batch.encode_to_vec()));
    let partial = ExportTraceServiceResponse::decode(called.message()).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert!(!partial.error_message.is_empty());
    assert_eq!(server.outcome("span", "invalid"), 1);
}

#[test]
fn what_cannot_be_read_is_an_invalid_argument_and_not_to_be_sent_again() {
    let (server, client) = started();
    for (path, _) in SERVICES {
        for body in [
            framed(false, b"\xff\xff\xff\xff"),
            framed(true, b"no gzip"),
            // Compressed, and nobody says how.
            framed(true, &compress("gzip", b"")),
            b"".to_vec(),
            b"\0\0\0\0".to_vec(),
            b"\0\0\0\0\x09abc".to_vec(),
            b"\x07\0\0\0\0".to_vec(),
            [framed(false, b""), framed(false, b"")].concat(),
        ] {
            let is_gzip = body.ends_with(b"no gzip");
            let headers: &[(&str, &str)] = if is_gzip { &[("grpc-encoding", "gzip")] } else { &[] };
            let called = client.call(path, headers, body.clone());
            called.failure(INVALID_ARGUMENT);
            assert_eq!(called.retry_after_s(), None, "{path} {body:?}");
            assert!(server.last_request()["problem"].is_string());
        }
    }
}

#[test]
fn a_cut_or_bent_message_never_is_a_server_error() {
    let (server, client) = started();
    for (path, name) in SERVICES {
        let whole = capture(name);
        for step in 0..12 {
            let at = whole.len() * step / 12;
            let mut bent = whole.clone();
            bent[at] = bent[at].wrapping_add(step as u8 + 1);
            for message in [&whole[..at], &bent] {
                let status = client.call(path, &[], framed(false, message)).status();
                assert!(status == 0 || status == INVALID_ARGUMENT, "{name} at {at}: {status}");
            }
        }
    }
    send_span(&server, 999, "/pay/");
}

#[test]
fn other_methods_encodings_and_subtypes_are_not_implemented() {
    let (server, client) = started();
    let other_paths = [
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/v1/traces",
        "/api/ui/issues",
        "/",
    ];
    for path in other_paths {
        let called = client.call(path, &[], framed(false, b""));
        assert!(called.failure(UNIMPLEMENTED).contains(path), "{called:?}");
        assert!(server.last_request()["fix"].is_string());
    }
    let called = client.call(TRACES, &[("grpc-encoding", "snappy")], framed(true, b"x"));
    assert!(called.failure(UNIMPLEMENTED).contains("snappy"), "{called:?}");
    assert!(called.headers["grpc-accept-encoding"].to_str().unwrap().contains("gzip"));
    // What is not compressed needs no decoder, whatever else the client could do.
    client.call(TRACES, &[("grpc-encoding", "snappy")], framed(false, b"")).message();
    client.call(TRACES, &[("content-type", "application/grpc+json")], framed(false, b"{}")).failure(UNIMPLEMENTED);
    client.call(TRACES, &[("content-type", "application/grpc+proto")], framed(false, b"")).message();
}

#[test]
fn grpc_over_http_1_is_told_what_is_wrong() {
    let server = Trapline::start();
    for path in [TRACES, "/v1/traces"] {
        let answer = server.post(path).header("content-type", "application/grpc").body(vec![0; 5]).send().expect(200);
        assert_eq!(answer.header("grpc-status"), Some("12"), "{path}");
        assert!(answer.header("grpc-message").unwrap().contains("HTTP/2"), "{path}");
        assert!(server.last_request()["fix"].as_str().unwrap().contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{path}");
    }
    server.post(TRACES).json(&json!({})).send().expect(415);
}

#[test]
fn a_bomb_is_exhausting_and_the_next_call_is_taken() {
    let server = Trapline::start_with(&["--expanded-bytes-max", "2097152", "--request-bytes-max", "1048576"]);
    let client = GrpcClient::open(server.address());
    let zeros = vec![0; 32 << 20];
    let bomb = framed(true, &compress("gzip", &zeros));
    let called = client.call(TRACES, &[("grpc-encoding", "gzip")], bomb);
    assert!(called.failure(RESOURCE_EXHAUSTED).contains("expanded_bytes_max"), "{called:?}");
    // Nothing that would become smaller by waiting.
    assert_eq!(called.retry_after_s(), None);
    let called = client.call(TRACES, &[], framed(false, &zeros[..3 << 20]));
    assert!(called.failure(RESOURCE_EXHAUSTED).contains("request_bytes_max"), "{called:?}");
    client.call(TRACES, &[], framed(false, &capture("traces-failure"))).message();
}

#[test]
fn keys_are_read_from_metadata() {
    let (server, client) = started();
    let body = || framed(false, &capture("traces-failure"));
    let bearer = format!("Bearer {}", server.key());
    for (name, value) in [("authorization", bearer.as_str()), ("x-sentry-auth", &auth(server.key()))] {
        client.call(TRACES, &[(name, value)], body()).message();
    }
    let unknown = format!("Bearer {}", "f".repeat(32));
    let called = client.call(TRACES, &[("authorization", &unknown)], body());
    assert!(called.failure(PERMISSION_DENIED).contains("ffff"), "{called:?}");
    let called = client.call(TRACES, &[("authorization", "Bearer hush-hush")], body());
    assert!(called.failure(UNAUTHENTICATED).contains("OTEL_EXPORTER_OTLP_HEADERS"), "{called:?}");
    assert!(!called.status_message().contains("hush-hush"));
    let called = client.call(TRACES, &[("x-forwarded-for", "203.0.113.9")], body());
    assert!(called.failure(UNAUTHENTICATED).contains("otlp_without_key"), "{called:?}");
    assert_eq!(server.traces().len(), 1);
}

#[test]
fn foreign_names_and_pages_are_refused() {
    let server = Trapline::start_with(&["--allowed-origins", "https://shop.example"]);
    let client = GrpcClient::open(server.address());
    client.call(TRACES, &[("origin", "https://evil.test")], framed(false, b"")).failure(PERMISSION_DENIED);
    client.call(TRACES, &[("origin", "https://shop.example")], framed(false, b"")).message();
}

#[test]
fn who_is_over_a_limit_is_told_when_to_come_back() {
    let dir = TempDir::new().unwrap();
    let limit = "limits = [{ group = \"span\", max = 1, per = \"seconds\", seconds = 3600 }]";
    std::fs::write(dir.path().join("trapline.toml"), limit).unwrap();
    let server = Trapline::start_in(dir, &[]);
    let client = GrpcClient::open(server.address());
    send_span(&server, 1, "/pay/");
    let called = client.call(TRACES, &[], framed(false, &capture("traces-failure")));
    called.failure(RESOURCE_EXHAUSTED);
    // Not for the rest of the hour: an exporter that waits longer than it may throws the batch away at once.
    assert!((1..=5).contains(&called.retry_after_s().unwrap()), "{called:?}");
    assert!(called.headers.contains_key("grpc-status-details-bin"));
}

#[test]
fn a_port_of_its_own_takes_grpc_and_http() {
    let server = Trapline::start_with(&["--grpc-listen", "127.0.0.1:0"]);
    let port: u16 = wait_for("the port in the announcement", || {
        let (_, rest) = server.printed().split_once("gRPC on port ")?;
        rest.split(' ').next()?.parse().ok()
    });
    let address = ([127, 0, 0, 1], port).into();
    GrpcClient::open(address).call(TRACES, &[], framed(false, &capture("traces-failure"))).message();
    assert_eq!(server.traces().len(), 1);
    assert_eq!(crate::client::Request::new(address, "GET", "/livez").send().status, 200);
}

#[test]
fn a_port_that_was_asked_for_has_to_be_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let started =
        Trapline::try_start_among(TempDir::new().unwrap(), &["--grpc-listen", &address], Surroundings::default());
    let said = started.err().unwrap();
    assert!(said.contains("taken") && said.contains(&address), "{said}");
}

#[test]
fn opening_and_resetting_streams_ends_the_connection_and_nothing_else() {
    let (server, client) = started();
    let through = client.reset_streams(TRACES, 20_000);
    let is_closed = client.try_call(TRACES, &[], framed(false, b"")).is_err();
    assert!(through < 20_000 || is_closed, "all {through} went through");
    send_span(&server, 1, "/pay/");
    GrpcClient::open(server.address()).call(TRACES, &[], framed(false, b"")).message();
}

/// A large request is written in pieces: whoever goes away in between leaves all of it, and a line that tells.
#[test]
fn a_client_that_goes_away_leaves_no_part() {
    let (server, client) = started();
    let span = |number: u64| Span {
        trace_id: u128::from(number + 1).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_500_000_000,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..5_000).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let body = framed(false, &ExportTraceServiceRequest { resource_spans }.encode_to_vec());
    let holder = rusqlite::Connection::open(server.database()).unwrap();
    holder.busy_timeout(crate::harness::DEADLINE).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    client.leave(TRACES, body, Duration::from_secs(3));
    wait_for("the line that tells of it", || (server.last_request()["status"] == 499).then_some(()));
    holder.execute_batch("ROLLBACK").unwrap();
    wait_for("all spans", || (server.outcome("span", "accepted") == 5_000).then_some(()));
    assert!(server.last_request()["problem"].as_str().unwrap().contains("went away"));
}

#[test]
fn metadata_beyond_all_measure_is_refused_unread() {
    let (server, client) = started();
    let much = "x".repeat(60 << 10);
    match client.try_call(TRACES, &[("x-a", &much), ("x-b", &much)], framed(false, b"")) {
        Ok(called) => assert_eq!(called.http_status, 431, "{called:?}"),
        Err(error) => assert!(error.is_reset() || error.is_go_away(), "{error}"),
    }
    GrpcClient::open(server.address()).call(TRACES, &[], framed(false, b"")).message();
}

#[test]
fn an_open_connection_does_not_hold_up_the_end() {
    let (mut server, client) = started();
    client.call(TRACES, &[], framed(false, b"")).message();
    let began = std::time::Instant::now();
    assert!(server.terminate().success());
    // Told to go away, and gone, instead of cut.
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    assert!(client.try_call(TRACES, &[], framed(false, b"")).is_err());
}

#[test]
fn a_connection_that_only_says_hello_is_closed() {
    let server = Trapline::start_with(&["--header-timeout-s", "1"]);
    let mut connections: Vec<Connection> = (0..3).map(|_| Connection::open(server.address())).collect();
    connections[0].write(b"PRI * HT");
    connections[1].write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connections[2].write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    for mut connection in connections {
        // Whatever it said before, it hangs up.
        connection.read_to_end();
    }
}
