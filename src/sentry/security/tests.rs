//! Bodies as browsers write them, and as strangers do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::event::Event;
use crate::sentry::TEST_LIMITS;

const NOW_MS: i64 = 1_800_000_000_000;

fn decode_bytes(body: &[u8]) -> Result<Decoded, SecurityError> {
    let context = Context {
        release: Some("shop@2".to_owned()),
        environment: Some("live".to_owned()),
        user_agent: Some("Browser/1".to_owned()),
        received_ms: NOW_MS,
    };
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        EventId([next; 16])
    };
    decode_security(body, &context, &mut fresh, &TEST_LIMITS)
}

fn decode(body: &Value) -> Decoded {
    decode_bytes(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn only_event(body: &Value) -> Event {
    let decoded = decode(body);
    let [Incoming::Event(event)] = decoded.items.as_slice() else { panic!("{decoded:?}") };
    assert_eq!(decoded.refused, []);
    event.as_ref().clone()
}

fn csp_report(blocked: &str) -> Value {
    json!({ "csp-report": {
        "document-uri": "http://shop.example/cart?step=2", "referrer": "http://shop.example/",
        "violated-directive": "script-src 'self'", "original-policy": "script-src 'self'; report-uri /x",
        "blocked-uri": blocked, "source-file": "http://shop.example/cart", "line-number": 7,
    } })
}

#[test]
fn a_policy_report_is_an_event_with_the_report_in_it() {
    let event = only_event(&csp_report("https://evil.example/a.js"));
    assert_eq!((event.kind, event.event_id), (EventKind::Csp, EventId([1; 16])));
    assert_eq!(event.message.unwrap().formatted, "Blocked 'script' from 'evil.example'");
    assert_eq!(event.culprit.as_deref(), Some("script-src"));
    assert_eq!((event.logger.as_deref(), event.timestamp_ms), (Some("csp"), NOW_MS));
    assert_eq!((event.release.as_deref(), event.environment.as_deref()), (Some("shop@2"), Some("live")));
    assert_eq!(event.request_url.as_deref(), Some("http://shop.example/cart"));
    assert!(event.tags.contains(&("effective-directive".to_owned(), "script-src".to_owned())));
    let csp = event.csp.unwrap();
    assert_eq!(
        (csp.effective_directive.as_str(), csp.blocked_uri.as_str()),
        ("script-src", "https://evil.example/a.js")
    );
    let body: Value = serde_json::from_slice(&event.body).unwrap();
    assert_eq!(body["csp"], csp_report("https://evil.example/a.js")["csp-report"]);
    assert_eq!(body["request"]["headers"], json!([["User-Agent", "Browser/1"], ["Referer", "http://shop.example/"]]));
}

#[test]
fn a_list_of_the_reporting_api_is_an_event_for_each_violation() {
    let violation = |blocked: &str| {
        json!({ "type": "csp-violation", "age": 5000, "url": "http://shop.example/", "user_agent": "Other/2", "body": {
            "documentURL": "http://shop.example/", "effectiveDirective": "img-src", "blockedURL": blocked,
            "disposition": "enforce", "statusCode": 200, "originalPolicy": "img-src 'self'",
        } })
    };
    let decoded = decode(&json!([
        violation("https://evil.example/x.png"),
        { "type": "deprecation", "age": 1, "url": "http://shop.example/", "body": { "id": "x" } },
        violation("chrome-extension"),
        violation("data"),
        { "type": "network-error", "age": 0, "url": "http://shop.example/pay", "body": {
            "phase": "dns", "type": "dns.name_not_resolved", "server_ip": "", "status_code": 0 } },
        { "type": "network-error", "age": 0, "url": "http://shop.example/pay", "body": { "type": "ok" } },
        7,
        { "type": "csp-violation" },
    ]));
    let names: Vec<String> = decoded
        .items
        .iter()
        .map(|item| match item {
            Incoming::Event(event) => event.message.clone().unwrap().formatted,
            Incoming::Counted { category, .. } => format!("counted {category}"),
            Incoming::Filtered { reason, .. } => format!("filtered {}", reason.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        names,
        [
            "Blocked 'image' from 'evil.example'",
            "counted deprecation_report",
            "filtered browser_extension",
            "Blocked 'image' from 'data:'",
            "Network error 'dns.name_not_resolved' on 'shop.example'",
            "counted network_success_report",
        ]
    );
    assert_eq!(decoded.refused.len(), 2);
    let Incoming::Event(first) = &decoded.items[0] else { panic!() };
    assert_eq!(first.timestamp_ms, NOW_MS - 5000);
    assert!(String::from_utf8_lossy(&first.body).contains("Other/2"));
}

#[test]
fn the_older_kinds_are_events_of_their_kind() {
    for (body, kind, message) in [
        (
            json!({ "expect-ct-report": { "hostname": "shop.example", "port": 443, "scts": [] } }),
            EventKind::ExpectCt,
            "Expect-CT failed for 'shop.example'",
        ),
        (
            json!({ "expect-staple-report": { "hostname": "shop.example", "response-status": "MISSING" } }),
            EventKind::ExpectStaple,
            "Expect-Staple failed for 'shop.example'",
        ),
        (
            json!({ "hostname": "shop.example", "known-pins": ["pin-sha256=\"x\""], "port": 443 }),
            EventKind::Hpkp,
            "Public key pinning failed for 'shop.example'",
        ),
    ] {
        let event = only_event(&body);
        assert_eq!(event.kind, kind);
        assert_eq!(event.message.unwrap().formatted, message);
        assert_eq!(event.logger.as_deref(), Some(kind.as_str()));
        let stored: Value = serde_json::from_slice(&event.body).unwrap();
        assert!(stored[kind.as_str()].is_object(), "{stored}");
    }
}

#[test]
fn a_single_report_of_the_reporting_api_needs_no_list() {
    let body = json!({ "type": "csp-violation", "url": "http://shop.example/", "body": {
        "documentURL": "http://shop.example/", "effectiveDirective": "script-src-elem", "blockedURL": "inline" } });
    let event = only_event(&body);
    assert_eq!(event.message.unwrap().formatted, "Blocked inline 'script'");
    assert!(event.csp.unwrap().local_script_violation);
}

#[test]
fn noise_is_named_and_kept_out() {
    let filtered = |report: Value| match decode(&json!({ "csp-report": report })).items.as_slice() {
        [Incoming::Filtered { reason, category, quantity: 1 }] if category == "security" => Some(*reason),
        [Incoming::Event(_)] => None,
        other => panic!("{other:?}"),
    };
    let report = |document: &str, blocked: &str, source: &str| json!({ "document-uri": document, "blocked-uri": blocked, "source-file": source, "effective-directive": "img-src" });
    let page = "https://shop.example/";
    for (report, reason) in [
        (report(page, "chrome-extension://abc/x.js", ""), Some(Reason::BrowserExtension)),
        (report(page, "moz-extension", ""), Some(Reason::BrowserExtension)),
        (report(page, "https://x.example/", "safari-web-extension://x"), Some(Reason::BrowserExtension)),
        (report(page, "inline", "resource://gre/x.js"), Some(Reason::BrowserExtension)),
        (report("about:blank", "https://x.example/", ""), Some(Reason::LocalPage)),
        (report("about", "inline", ""), Some(Reason::LocalPage)),
        (report(page, "about", ""), Some(Reason::LocalPage)),
        (report("file:///home/x.html", "inline", ""), Some(Reason::LocalPage)),
        (report(page, "webviewprogressproxy://x", ""), Some(Reason::LocalPage)),
        (report(page, "data", ""), None),
        (report(page, "blob", "https://shop.example/a.js"), None),
        (report(page, "inline", page), None),
        (report("", "https://x.example/", ""), None),
    ] {
        assert_eq!(filtered(report.clone()), reason, "{report}");
    }
}

#[test]
fn other_bodies_are_refused_with_the_reason() {
    for (body, words) in [
        ("", "empty"),
        ("  ", "empty"),
        ("{}", "no known report"),
        (r#"{"message":"hello"}"#, "no known report"),
        ("7", "not a json object"),
        ("\"csp\"", "not a json object"),
        ("{\"csp-report\":", "not json"),
        (&"[".repeat(100_000), "nested deeper"),
    ] {
        let error = decode_bytes(body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{body:.20}: {error}");
    }
    let large = format!("{{\"csp-report\":{{\"x\":\"{}\"}}}}", "a".repeat(SECURITY_BYTES_MAX));
    assert!(matches!(decode_bytes(large.as_bytes()), Err(SecurityError::TooLarge { .. })));
    for report in [json!(7), json!([]), json!({}), json!({ "line-number": 7 })] {
        let decoded = decode(&json!({ "csp-report": report }));
        assert_eq!((decoded.items.len(), decoded.refused.len()), (0, 1), "{report}");
    }
}

#[test]
fn more_reports_than_allowed_are_counted() {
    let report = json!({ "type": "deprecation", "body": {} });
    let decoded = decode(&Value::Array(vec![report; SECURITY_REPORTS_MAX + 3]));
    assert_eq!(decoded.items.len(), SECURITY_REPORTS_MAX);
    assert_eq!((decoded.refused[0].reason, decoded.refused[0].quantity), (Reason::TooLarge, 3));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        Just(Value::from("https://a.example/b?c#d")),
        Just(Value::from("inline")),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_bytes(&bytes);
    }

    /// Whatever stands in the fields, a report is an event with a body that can be read, or is counted.
    #[test]
    fn any_fields_end_in_an_event_or_a_count(
        directive in any_json(), blocked in any_json(), document in any_json(), source in any_json(), is_list in any::<bool>(),
    ) {
        let body = if is_list {
            json!([{ "type": "csp-violation", "url": document.clone(), "age": blocked.clone(), "body": {
                "effectiveDirective": directive, "blockedURL": blocked, "documentURL": document, "sourceFile": source,
            } }])
        } else {
            json!({ "csp-report": {
                "violated-directive": directive, "blocked-uri": blocked, "document-uri": document, "source-file": source,
            } })
        };
        let decoded = decode(&body);
        prop_assert_eq!(decoded.items.len() + decoded.refused.len(), 1);
        if let [Incoming::Event(event)] = decoded.items.as_slice() {
            prop_assert!(serde_json::from_slice::<Value>(&event.body).is_ok());
            prop_assert!(event.csp.is_some() && event.kind == EventKind::Csp);
            prop_assert!(event.message.as_ref().is_some_and(|message| message.formatted.starts_with("Blocked ")));
        }
    }

    #[test]
    fn a_body_cut_off_anywhere_is_refused(at in 0_usize..300) {
        let text = csp_report("https://evil.example/a.js").to_string();
        let at = at.min(text.len() - 1);
        prop_assert!(decode_bytes(&text.as_bytes()[..at]).is_err());
    }
}
