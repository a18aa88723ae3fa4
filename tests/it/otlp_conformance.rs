//! What a server of OTLP/HTTP owes its clients, row by row (opentelemetry-proto docs/specification.md 1.11): each row for
//! every signal in both encodings, with what Python's exporters sent as the data.

use prost::Message as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, Request};
use crate::fixture::Fixture;
use crate::grpc_client::GrpcClient;
use crate::harness::{Surroundings, Trapline};
use crate::payload::{auth, compress};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A signal in an encoding.
#[derive(Clone, Copy, Debug)]
struct Case {
    signal: &'static str,
    content_type: &'static str,
}

const CASES: [Case; 6] = [
    Case { signal: "traces", content_type: PROTOBUF },
    Case { signal: "traces", content_type: JSON },
    Case { signal: "logs", content_type: PROTOBUF },
    Case { signal: "logs", content_type: JSON },
    Case { signal: "metrics", content_type: PROTOBUF },
    Case { signal: "metrics", content_type: JSON },
];

/// `google.rpc.Status`
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `Export…ServiceResponse`, which is the same for all signals but for names.
#[derive(Clone, PartialEq, prost::Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl Case {
    fn path(&self) -> String {
        format!("/v1/{}", self.signal)
    }

    fn is_json(&self) -> bool {
        self.content_type == JSON
    }

    /// What an exporter sent.
    fn body(&self) -> Vec<u8> {
        let folder = if self.is_json() { "otlp-json-python-0.66b1" } else { "otlp-python-1.45.1" };
        let name = if self.signal == "metrics" { "metrics" } else { &format!("{}-failure", self.signal) };
        Fixture::load(&format!("{folder}/{name}")).body
    }

    /// What makes the innermost list, and what it is made of.
    fn lists(&self) -> [&'static str; 3] {
        match self.signal {
            "traces" => ["resourceSpans", "scopeSpans", "spans"],
            "logs" => ["resourceLogs", "scopeLogs", "logRecords"],
            _ => ["resourceMetrics", "scopeMetrics", "metrics"],
        }
    }

    /// What an exporter sent, and one more that nobody could read.
    fn body_with_a_bad_one(&self) -> Vec<u8> {
        let [resources, scopes, leaves] = self.lists();
        if self.is_json() {
            let mut body: Value = serde_json::from_slice(&self.body()).unwrap();
            body[resources][0][scopes][0][leaves].as_array_mut().unwrap().push(json!(7));
            return body.to_string().into_bytes();
        }
        // A request may come in pieces: what is encoded behind is added. Field 1, field 2, field 2, and a field of type 7.
        let bad = [0x0a, 6, 0x12, 4, 0x12, 2, 0xff, 0xff];
        [self.body(), bad.to_vec()].concat()
    }

    fn post(&self, server: &Trapline, path: &str) -> Request {
        server.post(path).header("content-type", self.content_type)
    }

    fn send(&self, server: &Trapline, body: impl Into<Vec<u8>>) -> Answer {
        self.post(server, &self.path()).body(body).send()
    }

    /// Success in the request's own encoding, and nothing else.
    #[track_caller]
    fn expect_success(&self, answer: Answer) {
        assert_eq!(answer.status, 200, "{self:?}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some(self.content_type), "{self:?}");
        let success: &[u8] = if self.is_json() { b"{}" } else { b"" };
        assert_eq!(answer.body, success, "{self:?}");
    }

    /// Number and message of a partial success.
    #[track_caller]
    fn partial_success(&self, answer: Answer) -> (i64, String) {
        assert_eq!(answer.status, 200, "{self:?}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some(self.content_type), "{self:?}");
        if self.is_json() {
            let name = match self.signal {
                "traces" => "rejectedSpans",
                "logs" => "rejectedLogRecords",
                _ => "rejectedDataPoints",
            };
            let partial = &answer.json()["partialSuccess"];
            let rejected = partial[name].as_str().map_or(0, |text| text.parse().unwrap());
            return (rejected, partial["errorMessage"].as_str().unwrap().to_owned());
        }
        let partial = ExportResponse::decode(&answer.body[..]).unwrap().partial_success.unwrap();
        (partial.rejected, partial.error_message)
    }

    /// A `google.rpc.Status` in the request's own encoding: code, message, and the types of its details.
    #[track_caller]
    fn rpc_status(&self, answer: &Answer) -> (i32, String, Vec<String>) {
        assert!(answer.status >= 400, "{self:?}: {}", answer.status);
        assert_eq!(answer.header("content-type"), Some(self.content_type), "{self:?}");
        assert_eq!(answer.header("location"), None, "{self:?}");
        let status = if self.is_json() {
            let body = answer.json();
            let details = body["details"].as_array().cloned().unwrap_or_default();
            let types = details.iter().map(|any| any["@type"].as_str().unwrap().to_owned()).collect();
            (body["code"].as_i64().unwrap() as i32, body["message"].as_str().unwrap().to_owned(), types)
        } else {
            let status = RpcStatus::decode(&answer.body[..]).unwrap();
            (status.code, status.message, status.details.into_iter().map(|any| any.type_url).collect())
        };
        assert!(!status.1.is_empty(), "{self:?}");
        status
    }

    /// Refused for good: nothing that makes an exporter send it again.
    #[track_caller]
    fn expect_refused(&self, answer: Answer, status: u16, code: i32) {
        assert_eq!(answer.status, status, "{self:?}: {}", answer.text());
        assert!(![429, 502, 503, 504].contains(&answer.status) && answer.header("retry-after").is_none(), "{self:?}");
        let (found, _, details) = self.rpc_status(&answer);
        assert_eq!(found, code, "{self:?}");
        let is_bad_request = details.iter().any(|ty| ty == "type.googleapis.com/google.rpc.BadRequest");
        assert_eq!(is_bad_request, code == 3, "{self:?}: {details:?}");
    }

    /// Refused for now: to be sent again, and soon.
    #[track_caller]
    fn expect_come_back(&self, answer: Answer, status: u16, code: i32) {
        assert_eq!(answer.status, status, "{self:?}: {}", answer.text());
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds), "{self:?}: {seconds}");
        let (found, _, details) = self.rpc_status(&answer);
        assert_eq!((found, details), (code, vec!["type.googleapis.com/google.rpc.RetryInfo".to_owned()]), "{self:?}");
    }
}

/// Rows 1, 2 and 6: the paths, one port for both encodings, and the answer in the request's own.
#[test]
fn each_signal_is_posted_to_its_path_in_either_encoding() {
    let server = Trapline::start();
    for case in CASES {
        let signal = case.signal;
        for path in [format!("/v1/{signal}"), format!("/v1/{signal}/"), format!("//v1//{signal}")] {
            case.expect_success(case.post(&server, &path).body(case.body()).send());
        }
        let content_type = format!("{}; charset=utf-8", case.content_type.to_uppercase());
        let request = server.post(&case.path()).header("content-type", &content_type);
        case.expect_success(request.body(case.body()).send());
        for method in ["GET", "PUT", "DELETE"] {
            let answer = server.request(method, &case.path()).send().expect(405);
            assert!(answer.header("allow").unwrap().contains("POST"));
        }
    }
}

/// Row 1: what is in development is not there, and not to be sent again.
#[test]
fn a_signal_there_is_not_is_not_found() {
    let server = Trapline::start();
    for case in CASES.iter().take(2) {
        for path in ["/v1/profiles", "/v1development/profiles", "/v1/traces2", "/api/1/otlp/v1/profiles"] {
            case.expect_refused(case.post(&server, path).body("{}").send(), 404, 5);
            assert!(server.last_request()["fix"].as_str().unwrap().contains("/v1/traces"));
        }
    }
}

/// Row 3, and every other encoding a Collector or an SDK can be told to use.
#[test]
fn each_content_encoding_is_undone() {
    let server = Trapline::start();
    for case in CASES {
        for (name, how) in [
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("deflate", "deflate"),
            ("deflate", "raw deflate"),
            ("zstd", "zstd"),
            ("identity", ""),
            ("", ""),
        ] {
            let request = case.post(&server, &case.path()).header("content-encoding", name);
            let request = request.body(compress(how, &case.body()));
            case.expect_success(request.send());
            // Node's exporters always send in chunks.
            case.expect_success(request.chunked().send());
        }
        let unknown = case.post(&server, &case.path()).header("content-encoding", "snappy").body("x").send();
        assert_eq!(unknown.status, 415);
        case.rpc_status(&unknown);
    }
}

/// Row 4: before and after decompression, with and without a length said first.
#[test]
fn what_is_too_large_is_refused_as_such() {
    let args = ["--expanded-bytes-max", "2097152", "--request-bytes-max", "1048576"];
    let server = Trapline::start_with(&args);
    let zeros = vec![b' '; 16 << 20];
    for case in CASES {
        for encoding in ["gzip", "deflate", "raw deflate", "zstd"] {
            let name = encoding.trim_start_matches("raw ");
            let request = case.post(&server, &case.path()).header("content-encoding", name);
            let request = request.body(compress(encoding, &zeros));
            case.expect_refused(request.send(), 413, 8);
            case.expect_refused(request.chunked().send(), 413, 8);
        }
        let request = case.post(&server, &case.path()).body(&zeros[..3 << 20]);
        case.expect_refused(request.send(), 413, 8);
        case.expect_refused(request.chunked().send(), 413, 8);
        case.expect_success(case.send(&server, case.body()));
    }
}

/// Rows 5 and 7: what is refused of a request costs nothing else of it, and however much it is, the answer is short.
#[test]
fn what_cannot_be_kept_of_a_request_is_a_partial_success() {
    let server = Trapline::start();
    for case in CASES {
        let (rejected, message) = case.partial_success(case.send(&server, case.body_with_a_bad_one()));
        assert_eq!(rejected, 1, "{case:?}: {message}");
        assert!(!message.is_empty(), "{case:?}");
        let [resources, scopes, leaves] = case.lists();
        let many = if case.is_json() {
            let mut list = vec![json!(["x".repeat(2_000)]); 3_000];
            list.push(json!({}));
            json!({ resources: [{ scopes: [{ leaves: list }] }] }).to_string().into_bytes()
        } else {
            [case.body(), [0x0a, 6, 0x12, 4, 0x12, 2, 0xff, 0xff].repeat(30_000)].concat()
        };
        let answer = case.send(&server, many);
        assert!(answer.body.len() < 4096, "{case:?}: {}", answer.body.len());
        assert!(case.partial_success(answer).0 >= 3_000);
    }
}

/// Row 8: nothing at all, and envelopes around nothing.
#[test]
fn an_empty_request_is_a_success() {
    let server = Trapline::start();
    for case in CASES {
        let [resources, scopes, _] = case.lists();
        let bodies = if case.is_json() {
            let texts = [
                json!({}),
                json!({ resources: [] }),
                json!({ resources: [{}] }),
                json!({ resources: [{ scopes: [{}] }] }),
            ];
            texts.map(|text| text.to_string().into_bytes())
        } else {
            [vec![], vec![0x0a, 0], vec![0x0a, 2, 0x12, 0], vec![0x0a, 2, 0x0a, 0]]
        };
        for body in bodies {
            case.expect_success(case.send(&server, body));
        }
    }
}

/// Rows 9 and 10: bad data is refused for good, in the encoding it claims to be.
#[test]
fn what_cannot_be_decoded_is_bad_data() {
    let server = Trapline::start();
    for case in CASES {
        for body in [&b"\xff\xff\xff\xff\xff\xff"[..], b"{\"resourceSpans\": [", b"\x0a\xff", b"[[]]", b"true"] {
            case.expect_refused(case.send(&server, body), 400, 3);
        }
        let other = if case.is_json() { PROTOBUF } else { JSON };
        let swapped = server.post(&case.path()).header("content-type", other).body(case.body()).send();
        assert_eq!(swapped.status, 400, "{case:?}");
        for encoding in ["gzip", "deflate", "zstd"] {
            let request = case.post(&server, &case.path()).header("content-encoding", encoding);
            case.expect_refused(request.clone().body("not compressed").send(), 400, 3);
            let mut cut = compress(encoding, &case.body());
            cut.truncate(cut.len() / 2);
            case.expect_refused(request.body(cut).send(), 400, 3);
        }
    }
}

/// Rows 9 and 10, for what is wrong with the sender and not with the data.
#[test]
fn other_refusals_are_in_the_requests_encoding_too() {
    let server = Trapline::start_with(&["--otlp-without-key", "never"]);
    for case in CASES {
        case.expect_refused(case.send(&server, case.body()), 401, 16);
        let unknown = case.post(&server, &case.path()).header("authorization", &format!("Bearer {}", "f".repeat(32)));
        case.expect_refused(unknown.body(case.body()).send(), 403, 7);
        for content_type in ["text/plain", "application/octet-stream", "application/x-protobuf2", ""] {
            let answer = server.post(&case.path()).header("content-type", content_type).body(case.body()).send();
            // Nobody knows what it can read, so it is JSON.
            assert_eq!((answer.status, answer.header("content-type")), (415, Some(JSON)), "{content_type:?}");
            assert!(answer.json()["message"].as_str().unwrap().contains(PROTOBUF));
        }
    }
}

/// Row 11: who is over a limit is asked to come back, and soon, because an exporter that cannot wait drops the batch.
#[test]
fn over_a_limit_is_429_with_a_short_retry_after() {
    let dir = TempDir::new().unwrap();
    let limit = |group: &str| format!("[[limits]]\ngroup = \"{group}\"\nmax = 0\nper = \"day\"\n");
    let settings = ["span", "log", "metric"].map(limit).concat();
    std::fs::write(dir.path().join("trapline.toml"), settings).unwrap();
    let server = Trapline::start_in(dir, &[]);
    all_are_to_come_back(&server);
    // Errors that spans and logs tell of have a limit of their own, and count once however often they come.
    let errors = server.outcome("event", "accepted");
    assert!(errors > 0);
    all_are_to_come_back(&server);
    assert_eq!(server.outcome("event", "accepted"), errors);
}

fn all_are_to_come_back(server: &Trapline) {
    for case in CASES {
        case.expect_come_back(case.send(server, case.body()), 429, 8);
    }
}

/// Rows 10 and 11: while the disk cannot be written it is 503, never 500, and what is sent again afterwards is taken.
#[test]
fn an_outage_is_503_with_a_short_retry_after() {
    let server = Trapline::start_among(TempDir::new().unwrap(), &[], Surroundings::default());
    let holder = rusqlite::Connection::open(server.database()).unwrap();
    holder.busy_timeout(crate::harness::DEADLINE).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        for case in CASES {
            let server = &server;
            scope.spawn(move || case.expect_come_back(case.send(server, case.body()), 503, 14));
        }
    });
    holder.execute_batch("ROLLBACK").unwrap();
    for case in CASES {
        case.expect_success(case.send(&server, case.body()));
    }
}

/// Row 14: the same over HTTP/2, on the same port as gRPC.
#[test]
fn http_2_takes_the_same() {
    let server = Trapline::start();
    let client = GrpcClient::open(server.address());
    for case in CASES {
        let called = client.call(&case.path(), &[("content-type", case.content_type)], case.body());
        let success: &[u8] = if case.is_json() { b"{}" } else { b"" };
        assert_eq!((called.http_status, &called.body[..]), (200, success), "{case:?}");
        assert_eq!(called.headers["content-type"], case.content_type);
    }
}

/// Row 15: the answer may get lost on its way, and the same comes again.
#[test]
fn the_same_request_twice_is_stored_once() {
    let server = Trapline::start();
    for case in CASES {
        case.expect_success(case.send(&server, case.body()));
        let before = server.traces();
        case.expect_success(case.send(&server, case.body()));
        assert_eq!(server.traces(), before, "{case:?}");
    }
}

/// Sentry's own path, with its key and the slash at its end, and the path with a project.
#[test]
fn paths_with_a_project_take_the_same() {
    let server = Trapline::start();
    for case in CASES {
        let signal = case.signal;
        for path in [
            format!("/api/1/integration/otlp/v1/{signal}/"),
            format!("/api/1/integration/otlp/v1/{signal}"),
            format!("/api/1/otlp/v1/{signal}"),
            format!("/some/prefix/api/1/otlp/v1/{signal}/"),
        ] {
            let request = case.post(&server, &path).header("x-sentry-auth", &auth(server.key()));
            case.expect_success(request.body(case.body()).send());
        }
        let without = case.post(&server, &format!("/api/1/integration/otlp/v1/{signal}/")).body(case.body()).send();
        case.expect_refused(without, 401, 16);
    }
}

/// Browsers ask first, because of the content type.
#[test]
fn pages_may_send_from_everywhere_or_from_where_the_settings_say() {
    let preflight = |server: &Trapline, path: &str, origin: &str| {
        let request = server.request("OPTIONS", path).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type,x-sentry-auth").send().expect(200)
    };
    let everywhere = Trapline::start();
    let some = Trapline::start_with(&["--allowed-origins", "https://shop.example,http://localhost:3000"]);
    for case in CASES {
        let path = case.path();
        let answer = preflight(&everywhere, &path, "https://any.example");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("content-type,x-sentry-auth"));
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));

        for origin in ["https://shop.example", "http://localhost:3000"] {
            let answer = preflight(&some, &path, origin);
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("vary"), Some("origin"));
            let answer = case.post(&some, &path).header("origin", origin).body(case.body()).send();
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            case.expect_success(answer);
        }
        for origin in ["https://evil.test", "null", "https://shop.example.evil.test"] {
            assert_eq!(preflight(&some, &path, origin).header("access-control-allow-origin"), None, "{origin}");
            let answer = case.post(&some, &path).header("origin", origin).body(case.body()).send();
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None), "{origin}");
            assert!(some.last_request()["fix"].as_str().unwrap().contains("allowed_origins"));
        }
        // No browser.
        case.expect_success(case.send(&some, case.body()));
    }
    // Sentry's SDKs in a browser send plain text, without asking first.
    let envelope = some.post("/api/1/envelope/").header("origin", "https://evil.test").body("{}\n").send();
    envelope.expect(403);
}
