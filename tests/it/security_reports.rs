//! What browsers report by themselves, from Chromium's own bytes and from shapes nobody should send.

use serde_json::{Value, json};

use crate::client::Request;
use crate::fixture::{Fixture, send};
use crate::harness::Trapline;
use crate::payload::{compress, envelope, to_envelope};

fn report_to(server: &Trapline, route: &str, content_type: &str, body: &Value) -> Request {
    let path = format!("/api/1/{route}/?sentry_key={}&sentry_release=shop@2&sentry_environment=live", server.key());
    server.post(&path).header("content-type", content_type).body(body.to_string())
}

fn csp(blocked: &str) -> Value {
    json!({ "csp-report": {
        "document-uri": "http://shop.example/cart?token=hush-hush", "violated-directive": "script-src 'self'",
        "blocked-uri": blocked, "source-file": "http://shop.example/cart", "line-number": 7, "column-number": 3,
        "original-policy": "script-src 'self'; report-uri /csp", "script-sample": "alert(1)", "disposition": "enforce",
    } })
}

fn latest(server: &Trapline) -> Value {
    let issue = server.issues()[0]["short_id"].as_str().unwrap().to_string();
    server.get_json(&format!("/api/ui/issues/{issue}/events/latest"))
}

#[test]
fn a_report_becomes_an_issue_that_says_what_was_blocked() {
    let server = Trapline::start();
    let body = csp("https://evil.example/a.js?token=hush-hush");
    let request = report_to(&server, "security", "application/csp-report", &body).header("user-agent", "Browser/1");
    let answer = request.send().expect(200);
    assert_eq!((answer.text().as_str(), answer.header("access-control-allow-origin")), ("", Some("*")));
    let issue = server.issues()[0].clone();
    assert_eq!(
        (&issue["title"], &issue["culprit"]),
        (&json!("Blocked 'script' from 'evil.example'"), &json!("script-src"))
    );
    let event = latest(&server);
    let csp = &event["detail"]["csp"];
    for (key, value) in [
        ("effective_directive", json!("script-src")),
        ("document_uri", json!("http://shop.example/cart?token=[Filtered]")),
        ("source_file", json!("http://shop.example/cart")),
        ("line", json!(7)),
        ("column", json!(3)),
        ("sample", json!("alert(1)")),
        ("original_policy", json!("script-src 'self'; report-uri /csp")),
        ("disposition", json!("enforce")),
    ] {
        assert_eq!(csp[key], value, "{key}");
    }
    let detail = &event["detail"];
    assert_eq!((&detail["release"], &detail["environment"]), (&json!("shop@2"), &json!("live")));
    assert_eq!((&detail["logger"], &detail["request"]["url"]), (&json!("csp"), &json!("http://shop.example/cart")));
    let tags = detail["tags"].to_string();
    assert!(tags.contains("effective-directive") && tags.contains("https://evil.example/a.js"), "{tags}");
    assert!(!event.to_string().contains("hush-hush"), "{event}");
    assert!(event.to_string().contains("Browser/1"));
    let listed = server.get_json("/api/0/projects/main/default/issues/");
    assert_eq!(listed[0]["type"], "csp");
    let api = server.get_json("/api/0/issues/DEFAULT-1/events/latest/");
    let entries = api["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["type"] == "csp").unwrap();
    assert_eq!(entry["data"]["effective_directive"], "script-src");
}

#[test]
fn what_chromium_sends_is_understood() {
    for (name, titles) in [
        ("chromium-csp/report-uri-script", &["Blocked 'script' from '127.0.0.1:8011'"][..]),
        ("chromium-csp/report-uri-inline", &["Blocked inline 'script'"]),
        ("chromium-csp/report-uri-image-data", &["Blocked 'image' from 'data:'"]),
        ("chromium-csp/report-to", &["Blocked inline 'script'", "Blocked 'image' from 'data:'"]),
    ] {
        let server = Trapline::start();
        send(&server, name);
        let issues: Vec<Value> = server.issues().iter().map(|issue| issue["title"].clone()).collect();
        for title in titles {
            assert!(issues.contains(&json!(title)), "{name}: {title} is not among {issues:?}");
        }
        assert_eq!(server.last_request()["problem"], Value::Null, "{name}");
        assert_eq!(issues.len(), titles.len(), "{name}");
        let event = latest(&server);
        assert_eq!(event["detail"]["csp"]["disposition"], "enforce");
        assert!(event["detail"]["csp"]["original_policy"].as_str().unwrap().contains("default-src"), "{name}");
        assert!(event["detail"]["request"]["headers"].to_string().contains("Chrome"), "{event}");
        // The Reporting API holds reports back for a minute and says so.
        let age_ms = event["received_ms"].as_i64().unwrap() - event["timestamp_ms"].as_i64().unwrap();
        let held_ms = if name.ends_with("report-to") { 59_999 } else { 0 };
        assert!((held_ms..held_ms + 1000).contains(&age_ms), "{name}: {age_ms}");
    }
}

#[test]
fn what_firefox_documents_is_understood() {
    // By hand, from the documented shape: there is no Firefox where the tests run. It names the directive with its
    // sources and reports inline scripts as "inline" since version 82, as "self" before.
    let server = Trapline::start();
    let body = json!({ "csp-report": {
        "blocked-uri": "inline", "column-number": 5, "disposition": "enforce", "document-uri": "http://shop.example/",
        "effective-directive": "script-src-elem", "line-number": 3, "original-policy": "script-src 'self'",
        "referrer": "", "source-file": "http://shop.example/", "status-code": 200,
        "violated-directive": "script-src-elem",
    } });
    report_to(&server, "csp-report", "application/csp-report", &body).send().expect(200);
    let old = json!({ "csp-report": {
        "blocked-uri": "http://ads.example", "document-uri": "http://shop.example/", "original-policy": "img-src 'self'",
        "referrer": "", "violated-directive": "img-src http://shop.example",
    } });
    report_to(&server, "csp-report", "application/csp-report", &old).send().expect(200);
    let titles: Vec<Value> = server.issues().iter().map(|issue| issue["title"].clone()).collect();
    assert_eq!(titles, [json!("Blocked 'image' from 'ads.example'"), json!("Blocked inline 'script'")]);
}

#[test]
fn all_three_addresses_take_all_three_content_types_and_no_other() {
    let server = Trapline::start();
    for route in ["security", "csp-report", "nel"] {
        for content_type in ["application/json", "application/csp-report", "Application/Reports+JSON; charset=utf-8"] {
            report_to(&server, route, content_type, &csp("https://a.example/")).send().expect(200);
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] {
            report_to(&server, route, content_type, &csp("https://a.example/")).send().expect(415);
        }
        let preflight = server.request("OPTIONS", &format!("/api/1/{route}/")).send().expect(200);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    }
    assert_eq!(server.outcome("event", "accepted"), 9);
    let gzip = compress("gzip", csp("https://a.example/").to_string().as_bytes());
    let request = report_to(&server, "security", "application/json", &json!(0)).body(gzip);
    request.header("content-encoding", "gzip").send().expect(200);
}

#[test]
fn network_errors_and_the_older_kinds_are_events_with_their_report() {
    let server = Trapline::start();
    let nel = json!([{ "age": 10, "type": "network-error", "url": "https://shop.example/pay", "user_agent": "B/1", "body": {
        "elapsed_time": 18, "method": "POST", "phase": "dns", "protocol": "http/1.1", "referrer": "https://shop.example/",
        "sampling_fraction": 1, "server_ip": "", "status_code": 0, "type": "dns.name_not_resolved",
    } }]);
    for (body, title, kind) in [
        (nel, "Network error 'dns.name_not_resolved' on 'shop.example'", "nel"),
        (
            json!({ "expect-ct-report": { "hostname": "shop.example", "port": 443 } }),
            "Expect-CT failed for 'shop.example'",
            "expectct",
        ),
        (
            json!({ "expect-staple-report": { "hostname": "shop.example", "port": 443 } }),
            "Expect-Staple failed for 'shop.example'",
            "expectstaple",
        ),
        (
            json!({ "hostname": "shop.example", "port": 443, "known-pins": ["pin-sha256=\"x\""] }),
            "Public key pinning failed for 'shop.example'",
            "hpkp",
        ),
    ] {
        report_to(&server, "nel", "application/reports+json", &body).send().expect(200);
        let event = latest(&server);
        assert_eq!((&event["title"], event["detail"]["logger"].as_str()), (&json!(title), Some(kind)));
        assert!(!event["detail"]["report"].as_array().unwrap().is_empty(), "{kind}");
        assert_eq!(server.get_json("/api/0/projects/main/default/issues/")[0]["type"], kind);
    }
}

#[test]
fn noise_and_other_reports_are_answered_with_success_and_counted() {
    let server = Trapline::start();
    for (blocked, reason) in [("chrome-extension://abc/x.js", "browser_extension"), ("about", "local_page")] {
        report_to(&server, "security", "application/csp-report", &csp(blocked)).send().expect(200);
        assert_eq!(server.outcome("security", reason), 1);
    }
    let others = json!([
        { "type": "deprecation", "age": 1, "url": "http://shop.example/", "body": { "id": "x" } },
        { "type": "intervention", "age": 1, "url": "http://shop.example/", "body": { "id": "x" } },
    ]);
    report_to(&server, "security", "application/reports+json", &others).send().expect(200);
    assert_eq!((server.outcome("deprecation_report", "not_kept"), server.issues().len()), (1, 0));
    report_to(&server, "security", "application/reports+json", &json!([])).send().expect(200);
    // The same within an envelope is no bad envelope either.
    let noise = csp("moz-extension://x").to_string();
    to_envelope(&server, envelope(&[("raw_security", &noise)])).send().expect(200);
    assert_eq!(server.outcome("security", "browser_extension"), 2);
}

#[test]
fn items_and_events_carry_reports_too() {
    let server = Trapline::start();
    let text = csp("https://a.example/x.js").to_string();
    let header = json!({ "type": "raw_security", "sentry_release": "shop@3", "sentry_environment": "test" });
    to_envelope(&server, format!("{{}}\n{header}\n{text}\n")).send().expect(200);
    assert_eq!(latest(&server)["detail"]["release"], "shop@3");
    to_envelope(&server, envelope(&[("security", &text)])).send().expect(200);
    let event = json!({ "type": "csp", "csp": { "effective_directive": "img-src", "blocked_uri": "https://b.example/x.png",
        "document_uri": "http://shop.example/" } });
    to_envelope(&server, envelope(&[("event", &event.to_string())])).send().expect(200);
    let shown = latest(&server);
    assert_eq!((&shown["title"], &shown["culprit"]), (&json!("Blocked 'image' from 'b.example'"), &json!("img-src")));
    assert_eq!(shown["detail"]["message"], "Blocked 'image' from 'b.example'");
    assert_eq!(shown["detail"]["csp"]["blocked_uri"], "https://b.example/x.png");
    assert_eq!(server.outcome("event", "accepted"), 3);
}

#[test]
fn bad_reports_are_refused_with_the_status_that_says_why() {
    let server = Trapline::start();
    let send = |body: &str| {
        let path = format!("/api/1/security/?sentry_key={}", server.key());
        server.post(&path).header("content-type", "application/json").body(body).send()
    };
    for body in ["", "{", "{}", "7", "{\"csp-report\":{}}", "{\"csp-report\":7}", "[7]", &"[".repeat(100_000)] {
        let answer = send(body);
        assert_eq!(answer.status, 400, "{body:.20}: {}", answer.text());
        assert!(server.last_request()["fix"].is_string(), "{body:.20}");
    }
    let large = csp(&"a".repeat(1 << 20)).to_string();
    send(&large).expect(413);
    let bomb = compress("gzip", &vec![b' '; 4 << 20]);
    let request = report_to(&server, "security", "application/json", &json!(0)).body(bomb);
    request.header("content-encoding", "gzip").send().expect(413);
    let json_type =
        |request: Request| request.header("content-type", "application/json").body(csp("inline").to_string());
    json_type(server.post("/api/1/security/")).send().expect(401);
    json_type(server.post("/api/1/security/?sentry_key=x")).send().expect(401);
    json_type(server.post(&format!("/api/1/security/?sentry_key={}", "a".repeat(32)))).send().expect(403);
    json_type(server.post(&format!("/api/2/security/?sentry_key={}", server.key()))).send().expect(403);
    json_type(server.post(&format!("/api/x/security/?sentry_key={}", server.key()))).send().expect(400);
    server.get("/api/1/security/").expect(405);
    assert_eq!(server.issues().len(), 0);
}

#[test]
fn the_address_for_reports_is_among_the_keys() {
    let server = Trapline::start();
    let keys = server.get_json("/api/0/projects/main/default/keys/");
    let address = keys[0]["dsn"]["security"].as_str().unwrap();
    let path = address.strip_prefix(&format!("http://{}", server.address())).unwrap();
    let request = server.post(path).header("content-type", "application/csp-report");
    request.body(csp("https://a.example/").to_string()).send().expect(200);
}

#[test]
fn captures_of_chromium_are_real() {
    // Made by tests/fixtures/csp.mjs; a capture that lost its content type or its key would test nothing.
    for name in ["report-uri-script", "report-uri-inline", "report-uri-image-data", "report-to"] {
        let fixture = Fixture::load(&format!("chromium-csp/{name}"));
        let expected = if name == "report-to" { "application/reports+json" } else { "application/csp-report" };
        assert_eq!(fixture.header("content-type"), Some(expected), "{name}");
        assert!(fixture.path.contains("sentry_key="), "{name}: {}", fixture.path);
    }
}
