//! Small requests that would become large ones: refused at the limit, in every encoding, everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::Connection;
use crate::harness::Trapline;
use crate::payload::{auth, compress, send_event, to_envelope, to_store};

/// What any of these may cost the process: two bodies of the default 64 MiB while they grow, and room to breathe.
const MEMORY_BYTES_MAX: u64 = 400 << 20;

/// 80 MiB of zeros, by Node's brotli at quality 11: our own library only decompresses.
const BROTLI_ZEROS: &[u8] = &[
    0xcf, 0xff, 0xff, 0x7f, 0xf8, 0x27, 0x00, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x9f, 0xff, 0xff, 0xff, 0xf0, 0x4f,
    0x00, 0xc4, 0x61, 0x01, 0x80, 0xee, 0xfd, 0x3f, 0xff, 0xff, 0xff, 0xe1, 0x9f, 0x00, 0x88, 0xc3, 0x22, 0x00, 0xdd,
    0xfb, 0x7f, 0xfe, 0xff, 0xff, 0xc3, 0x3f, 0x01, 0x10, 0x87, 0x05, 0x00, 0xba, 0xf7, 0xff, 0xf9, 0xff, 0xff, 0x8f,
    0x7f, 0x02, 0x20, 0x0e, 0x0b, 0x00, 0x74, 0xef, 0xff, 0x01,
];
const ENCODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

fn bomb(encoding: &str, bytes: usize) -> Vec<u8> {
    match encoding {
        "br" => BROTLI_ZEROS.to_vec(),
        // Members one after the other are one file (RFC 1952, 2.2), and much faster to make.
        "gzip" => compress("gzip", &vec![0; 1 << 20]).repeat(bytes >> 20),
        _ => compress(encoding, &vec![0; bytes]),
    }
}

#[test]
fn a_bomb_is_refused_in_every_encoding_on_every_route() {
    let server = Trapline::start_with(&["--expanded-bytes-max", "1048576"]);
    let (protobuf, json) = ("application/x-protobuf", "application/json");
    let envelope = "application/x-sentry-envelope";
    for encoding in ENCODINGS {
        let bomb = bomb(encoding, 2 << 20);
        for (path, content_type) in [
            ("/api/1/envelope/", envelope),
            ("/errors/api/1/envelope", envelope),
            ("/api/1/store/", json),
            ("/api/store/", json),
            ("/v1/traces", protobuf),
            ("/v1/traces", json),
            ("/v1/logs", protobuf),
            ("/v1/logs", json),
            ("/v1/metrics", protobuf),
            ("/v1/metrics", json),
            ("/api/1/integration/otlp/v1/traces/", protobuf),
            ("/api/1/otlp/v1/logs", json),
        ] {
            let request =
                server.post(path).header("x-sentry-auth", &auth(server.key())).header("content-type", content_type);
            let request = request.header("content-encoding", encoding).body(bomb.clone());
            assert_eq!(request.send().status, 413, "{encoding} {path} {content_type}");
            let row = server.last_request();
            assert!(row["problem"].as_str().unwrap().contains("1048576"), "{row}");
            assert!(row["fix"].is_string(), "{row}");
        }
    }
    send_event(&server, 1, "KeyError");
}

#[test]
fn a_bomb_inside_a_bomb_is_refused() {
    let server = Trapline::start_with(&["--expanded-bytes-max", "1048576"]);
    for (outer, inner) in [("gzip", "gzip"), ("zstd", "br"), ("deflate", "zstd")] {
        let body = compress(outer, &bomb(inner, 2 << 20));
        let request = to_envelope(&server, body).header("content-encoding", &format!("{inner}, {outer}"));
        assert_eq!(request.send().status, 413, "{inner} in {outer}");
    }
    let five_deep = to_envelope(&server, "x").header("content-encoding", "gzip, gzip, gzip, gzip, gzip");
    assert_eq!(five_deep.send().status, 415);
}

#[test]
fn a_bomb_in_the_legacy_form_of_the_store_endpoint_is_refused() {
    let server = Trapline::start();
    let body = STANDARD.encode(bomb("deflate", 40 << 20));
    let answer = to_store(&server, body).header("content-type", "application/octet-stream").send();
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(server.peak_memory_bytes() < MEMORY_BYTES_MAX);
}

#[test]
fn a_frame_that_asks_for_gigabytes_before_it_says_anything_is_refused() {
    let server = Trapline::start();
    // Magic number, a window of 2^41 bytes (the most there is), and no content.
    let body = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00];
    assert_eq!(to_envelope(&server, body).header("content-encoding", "zstd").send().status, 400);
    assert!(server.peak_memory_bytes() < MEMORY_BYTES_MAX);
}

#[test]
fn bombs_at_the_default_limits_stay_within_memory() {
    let server = Trapline::start();
    let bombs: Vec<(&str, Vec<u8>)> =
        ["gzip", "br", "zstd"].map(|encoding| (encoding, bomb(encoding, 80 << 20))).into();
    std::thread::scope(|scope| {
        for (encoding, body) in &bombs {
            let server = &server;
            scope.spawn(move || {
                let request = to_envelope(server, body.clone()).header("content-encoding", encoding);
                assert_eq!(request.send().status, 413, "{encoding}");
            });
        }
    });
    send_event(&server, 1, "KeyError");
    let peak = server.peak_memory_bytes();
    assert!(peak < MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
}

/// A client that goes away does not stop the work on its request, so it must not make room for the next one either.
#[test]
fn clients_that_hang_up_do_not_start_more_work_than_others() {
    let server = Trapline::start_with(&["--expanded-bytes-max", "16777216"]);
    let bomb = to_envelope(&server, bomb("gzip", 20 << 20)).header("content-encoding", "gzip").encode();
    let cores = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    send_event(&server, 0, "KeyError");
    let before = server.thread_count();
    let mut most = 0;
    for number in 1..cores as u64 + 12 {
        let mut connection = Connection::open(server.address());
        connection.write(&bomb);
        // An answer to somebody else shows that the server has had its turn with the bomb.
        send_event(&server, number, "KeyError");
        most = most.max(server.thread_count());
    }
    // Requests at work, one read and one to spare.
    assert!(most <= before + cores + 2, "{before} threads before, then {most}");
}

#[test]
fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
    let server = Trapline::start_with(&["--request-bytes-max", "1048576"]);
    for path in ["/api/1/envelope/", "/api/1/store/", "/v1/traces", "/v1/logs", "/v1/metrics"] {
        let request = server.post(path).header("x-sentry-auth", &auth(server.key()));
        let request = request.header("content-type", "application/json");
        // Announced: refused before the body is sent.
        let announced = request.clone().header("content-length", "1048577").encode();
        assert_eq!(Connection::open(server.address()).send_raw(&announced).status, 413, "{path}, announced");
        // Not announced: refused when it has become too long.
        let unannounced = request.clone().body(vec![b' '; 2 << 20]).chunked();
        assert_eq!(unannounced.send().status, 413, "{path}, chunked");
        let row = server.last_request();
        assert!(row["problem"].as_str().unwrap().contains("1048576"), "{row}");
        // Just small enough to be read, and then to be refused for what it is.
        assert_ne!(request.body(vec![b' '; 1 << 20]).send().status, 413, "{path}, at the limit");
    }
    send_event(&server, 1, "KeyError");
}

#[test]
fn an_event_over_its_limit_is_refused_and_its_neighbours_are_kept() {
    let server = Trapline::start_with(&["--event-bytes-max", "65536"]);
    let mut large = crate::payload::event(1, "KeyError");
    large["extra"] = serde_json::json!({ "much": "x".repeat(70_000) });
    assert_eq!(to_envelope(&server, crate::payload::event_envelope(&large)).send().status, 413);
    let small = crate::payload::event(2, "KeyError").to_string();
    let body = crate::payload::envelope(&[("event", &large.to_string()), ("event", &small)]);
    to_envelope(&server, body).send().expect(200);
    assert_eq!(server.issues()[0]["event_count"], 1);
    assert_eq!(server.outcome("event", "too_large"), 2);
}
