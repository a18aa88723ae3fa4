//! Events without a stack trace that are more than a message: browsers' reports, templates, numbered errors.

use super::*;
use crate::model::event::{Csp, NsError, Template};

fn blocked(uri: &str) -> Event {
    let csp = Csp {
        effective_directive: "script-src".to_owned(),
        blocked_uri: uri.to_owned(),
        document_uri: "https://shop.example/cart".to_owned(),
        ..Csp::default()
    };
    Event { kind: EventKind::Csp, csp: Some(csp), ..event("other") }
}

#[test]
fn a_policy_violation_is_its_directive_and_who_was_blocked() {
    let rows = [
        ("https://evil.example/x.js?7", "evil.example"),
        ("http://evil.example:8080/", "evil.example:8080"),
        ("evil.example", "evil.example"),
        ("data", "data"),
        ("data:text/javascript,alert(1)", "data"),
        ("blob:https://shop.example/1", "'self'"),
        ("chrome-extension://abc/x.js", "chrome-extension"),
        ("https://shop.example/static/x.js", "'self'"),
        ("self", "'self'"),
        ("", "'self'"),
    ];
    for (uri, said) in rows {
        assert_eq!(leaves(&blocked(uri)), ["script-src", said], "{uri}");
    }
}

#[test]
fn a_page_that_blocks_its_own_scripts_is_told_by_the_rule_it_broke() {
    for (uri, directive, said) in [
        ("inline", "script-src 'self'", "unsafe-inline"),
        ("eval", "script-src 'self'", "unsafe-eval"),
        ("self", "script-src 'unsafe-eval'", "unsafe-eval"),
        ("", "script-src", "unsafe-inline"),
    ] {
        let mut event = blocked(uri);
        let csp = event.csp.as_mut().unwrap();
        csp.local_script_violation = true;
        csp.violated_directive = directive.to_owned();
        assert_eq!(leaves(&event), ["script-src", said], "{uri} {directive}");
    }
}

#[test]
fn other_reports_are_their_kind_and_host() {
    for (kind, said) in [
        (EventKind::Hpkp, "public-key-pins"),
        (EventKind::ExpectCt, "expect-ct"),
        (EventKind::ExpectStaple, "expect-staple"),
    ] {
        let event = Event { kind, request_url: Some("https://shop.example/".to_owned()), ..logged("told") };
        assert_eq!(leaves(&event), [said, "shop.example"]);
        assert_eq!(leaves(&Event { request_url: None, ..event }), ["told"]);
    }
}

#[test]
fn a_report_comes_before_the_message_and_after_the_stack_trace() {
    let mut event = blocked("https://evil.example/");
    event.message = Some(Message { template: None, formatted: "Blocked".to_owned() });
    let explanation = explain(&event, 1).unwrap();
    let json = serde_json::to_value(&explanation.variants[0].component).unwrap();
    assert_eq!(json["values"][1]["hint"], "the browser's report takes precedence");
    event.csp.as_mut().unwrap().effective_directive.clear();
    assert_eq!(leaves(&event), ["Blocked"]);
    event.thread_frames = vec![file("a.py", true)];
    assert_eq!(leaves(&event), ["a.py"]);
}

#[test]
fn a_line_of_a_template_comes_before_the_message() {
    let mut event = logged("template failed");
    event.template =
        Some(Template { filename: Some("orders/cancel.html".to_owned()), context_line: Some("{% if %}".to_owned()) });
    assert_eq!(leaves(&event), ["orders/cancel.html", "{% if %}"]);
    assert_eq!(names(&event), [VariantName::Default]);
    event.exceptions = vec![exception("TemplateSyntaxError", "", vec![])];
    assert_eq!(leaves(&event), ["TemplateSyntaxError"]);
}

#[test]
fn errors_of_apples_frameworks_are_told_apart_by_their_number() {
    let mut event = raised("cocoa", vec![exception("NSURLErrorDomain", "offline", vec![file("a.m", true)])]);
    event.exceptions[0].mechanism.ns_error =
        Some(NsError { domain: Some("NSURLErrorDomain".to_owned()), code: Some(-1009) });
    assert_eq!(leaves(&event), ["NSURLErrorDomain", "NSURLErrorDomain", "-1009", "a.m"]);
}
