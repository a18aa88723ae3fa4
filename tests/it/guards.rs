//! Without a login, only this machine and only our own pages may read.

use serde_json::Value;

use crate::harness::Trapline;
use crate::payload::{auth, event, event_envelope, otlp_request, otlp_span, send_event, send_span, to_envelope};

const READING: [&str; 14] = [
    "/",
    "/issues/DEFAULT-1",
    "/api/ui/boot",
    "/api/ui/issues",
    "/api/ui/issues/DEFAULT-1",
    "/api/ui/issues/DEFAULT-1/events/latest",
    "/api/ui/traces",
    "/api/ui/ingest",
    "/api/ui/live",
    "/api/0/organizations/",
    "/api/0/projects/main/default/issues/",
    "/api/0/projects/main/default/keys/",
    "/api/0/issues/DEFAULT-1/",
    "/api/traces/a0000000000000000000000000000001",
];

const WRITING: [&str; 6] =
    ["/api/1/envelope/", "/api/1/store/", "/v1/traces", "/v1/logs", "/v1/metrics", "/api/ui/sample"];

fn filled() -> Trapline {
    let server = Trapline::start();
    send_event(&server, 1, "KeyError");
    send_span(&server, 1, "/pay/");
    server
}

#[test]
fn another_host_name_is_misdirected_on_every_route() {
    let server = filled();
    for host in ["evil.test", "evil.test:4318", "127.0.0.1.evil.test", "localhost.evil.test", "192.168.0.1", ""] {
        for path in READING {
            let answer = server.request("GET", path).header("host", host).send();
            assert_eq!(answer.status, 421, "{host} {path}");
            assert!(!answer.text().contains(server.key()), "{host} {path}");
        }
        for path in WRITING {
            let request = server.post(path).header("host", host).header("x-trapline", "1").body("{}");
            assert_eq!(request.send().status, 421, "{host} {path}");
        }
        assert_eq!(server.request("OPTIONS", "/api/1/envelope/").header("host", host).send().status, 421, "{host}");
    }
}

#[test]
fn a_host_name_in_the_address_counts_like_the_header() {
    let server = filled();
    server.request("GET", "http://evil.test/api/ui/issues").send().expect(421);
    server.request("GET", "http://evil.test/api/ui/issues").header("host", "localhost").send().expect(421);
    let own = format!("http://{}/api/ui/issues", server.address());
    server.request("GET", &own).send().expect(200);
}

#[test]
fn names_of_this_machine_are_answered() {
    let server = filled();
    let port = server.address().port();
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "shop.localhost", "127.1.2.3"] {
        for host in [host.to_string(), format!("{host}:{port}")] {
            server.request("GET", "/api/ui/issues").header("host", &host).send().expect(200);
        }
    }
}

#[test]
fn a_name_that_was_allowed_is_answered() {
    let server = Trapline::start_with(&["--allowed-hosts", "Host.Docker.Internal,other.test"]);
    for host in ["host.docker.internal:4318", "other.test"] {
        server.request("GET", "/api/ui/issues").header("host", host).send().expect(200);
        let request = to_envelope(&server, event_envelope(&event(1, "KeyError"))).header("host", host);
        request.send().expect(200);
    }
    server.request("GET", "/api/ui/issues").header("host", "docker.internal").send().expect(421);
}

#[test]
fn pages_of_other_origins_may_not_read() {
    let server = filled();
    let origin_of_a_dev_server = format!("http://127.0.0.1:{}", server.address().port() ^ 1);
    for (name, value) in [
        ("origin", "http://evil.test"),
        ("origin", "null"),
        ("origin", &origin_of_a_dev_server),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for path in READING {
            let answer = server.request("GET", path).header(name, value).send();
            assert_eq!(answer.status, 403, "{name}: {value} {path}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
            assert!(!answer.text().contains(server.key()) && !answer.text().contains("KeyError"), "{path}");
        }
    }
}

#[test]
fn our_own_page_may_read() {
    let server = filled();
    let own = format!("http://{}", server.address());
    let request = server.request("GET", "/api/ui/issues").header("origin", &own);
    request.header("sec-fetch-site", "same-origin").send().expect(200);
    server.request("GET", "/").header("sec-fetch-site", "none").send().expect(200);
}

#[test]
fn nobody_reads_through_a_proxy() {
    let server = filled();
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"] {
        for path in READING {
            let answer = server.request("GET", path).header(header, "10.0.0.1").send();
            assert_eq!(answer.status, 403, "{header} {path}");
            assert!(answer.text().contains("proxy"), "{}", answer.text());
        }
    }
}

#[test]
fn a_sample_is_made_for_our_own_page_only() {
    let server = Trapline::start();
    server.post("/api/ui/sample").send().expect(403);
    let foreign = server.post("/api/ui/sample").header("x-trapline", "1").header("origin", "http://evil.test");
    foreign.send().expect(403);
    assert_eq!((server.issues().len(), server.traces().len()), (0, 0));

    let answer = server.post("/api/ui/sample").header("x-trapline", "1").send().expect(200).json();
    assert_eq!(answer["short_id"], server.issues()[0]["short_id"]);
    let trace_id = answer["trace_id"].as_str().unwrap();
    assert_eq!(server.traces()[0]["trace_id"], trace_id);
    let trace = server.get_json(&format!("/api/ui/traces/{trace_id}"));
    assert_eq!(trace["errors"].as_array().unwrap().len(), 1);
    assert_ne!(trace["errors"][0]["span"], -1);
    assert_eq!(trace["errors"][0]["is_placed_by_time"], false);
    assert_eq!(server.last_request()["short_id"], answer["short_id"]);
    // Once more is another occurrence, not another bug.
    server.post("/api/ui/sample").header("x-trapline", "1").send().expect(200);
    assert_eq!(server.issues().len(), 1);
    assert_eq!(server.issues()[0]["event_count"], 2);
}

#[test]
fn the_header_of_our_own_page_is_never_granted_to_others() {
    let server = Trapline::start();
    for path in ["/api/ui/sample", "/api/ui/issues", "/"] {
        let preflight = server
            .request("OPTIONS", path)
            .header("origin", "http://evil.test")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-trapline");
        let answer = preflight.send();
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), None, "{path}");
    }
}

#[test]
fn every_answer_carries_the_security_headers() {
    let server = filled();
    let span = otlp_request(&[otlp_span(1, 1, "/pay/")]);
    let good = to_envelope(&server, event_envelope(&event(2, "KeyError")));
    let mut requests = vec![
        good.clone(),
        good.header("host", "evil.test"),
        server.post("/api/1/envelope/").body("{}"),
        server.post("/v1/traces").json(&span),
        server.post("/v1/traces").header("content-type", "application/grpc"),
        server.post("/nothing"),
        server.request("DELETE", "/api/ui/issues"),
        server.request("OPTIONS", "/api/1/envelope/"),
        server.request("GET", "/livez"),
        server.request("GET", "/api/ui/nothing"),
        server.request("GET", "/assets/gone.js"),
        server.request("GET", "/api/ui/issues").header("origin", "http://evil.test"),
    ];
    requests.extend(READING.iter().filter(|path| **path != "/api/ui/live").map(|path| server.request("GET", path)));
    for request in requests {
        let answer = request.send();
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[test]
fn what_may_change_is_not_cached() {
    let server = filled();
    for path in READING.iter().filter(|path| path.starts_with("/api/") && !path.ends_with("/live")) {
        assert_eq!(server.get(path).expect(200).header("cache-control"), Some("no-store"), "{path}");
    }
    assert_ne!(server.get("/").header("cache-control"), Some("public, max-age=31536000, immutable"));
}

#[test]
fn refused_requests_are_in_the_ledger_with_problem_and_way_out() {
    let server = Trapline::start();
    let wrong_key = auth("ffffffffffffffffffffffffffffffff");
    let requests = [
        (server.post("/api/1/envelope/").header("x-sentry-auth", &wrong_key).body("{}\n"), 403, true),
        (server.post("/api/1/envelope/").body("{}\n"), 401, true),
        (server.post("/api/shop/envelope/").body("{}\n"), 400, true),
        (to_envelope(&server, "no envelope"), 400, false),
        (to_envelope(&server, "").header("content-encoding", "lzma"), 415, false),
        (server.post("/v1/traces").header("content-type", "text/plain"), 415, true),
        (server.post("/v1/traces").header("content-type", "application/grpc"), 501, true),
        (server.post("/nothing"), 404, true),
        (server.post("/api/1/envelope/").header("host", "evil.test"), 421, false),
    ];
    for (request, status, has_fix) in &requests {
        request.send();
        let row = server.last_request();
        assert_eq!(row["status"], *status, "{row}");
        assert!(row["problem"].as_str().is_some_and(|problem| !problem.is_empty()), "{row}");
        assert!(!has_fix || row["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{row}");
    }
    let rows = server.get_json("/api/ui/ingest")["rows"].as_array().unwrap().clone();
    assert_eq!(rows.len(), requests.len());
    let ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
    assert!(rows.iter().all(|row| row["short_id"] == Value::Null));
}
