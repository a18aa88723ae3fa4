//! Every filter, with what it drops and what it must not.

use super::*;
use crate::model::event::{EventKind, Exception, Frame, Level, Message};
use crate::model::ids::{EventId, SpanId};
use crate::model::span::{Attribute, AttributeValue, Resource};

fn event() -> Event {
    Event {
        event_id: EventId([7; 16]),
        kind: EventKind::Error,
        timestamp_ms: 0,
        level: Level::Error,
        platform: "python".to_string(),
        logger: None,
        message: None,
        exceptions: Vec::new(),
        thread_frames: Vec::new(),
        transaction: None,
        culprit: None,
        release: None,
        environment: None,
        server_name: None,
        request_url: None,
        user_agent: None,
        tags: Vec::new(),
        user: None,
        trace_id: None,
        span_id: None,
        sdk: None,
        more: None,
        fingerprint: None,
        checksum: None,
        report: None,
        template: None,
        csp: None,
        body: Vec::new(),
    }
}

fn raised(ty: &str, value: &str) -> Event {
    let exception = Exception { ty: Some(ty.into()), value: Some(value.into()), ..Exception::default() };
    Event { exceptions: vec![exception], ..event() }
}

fn all_on() -> FilterSettings {
    FilterSettings {
        disallowed_hosts: true,
        crawlers: true,
        health_checks: GlobSettings { enabled: true, ..FilterSettings::default().health_checks },
        localhost: true,
        browser_extensions: true,
        releases: GlobSettings { enabled: true, patterns: vec!["shop@1.*".into(), "*-dev".into()] },
        error_messages: GlobSettings { enabled: true, patterns: vec!["BrokenPipeError*".into(), "*timed out*".into()] },
    }
}

fn all_off() -> FilterSettings {
    let mut off = all_on();
    (off.disallowed_hosts, off.crawlers, off.localhost, off.browser_extensions) = (false, false, false, false);
    (off.health_checks.enabled, off.releases.enabled, off.error_messages.enabled) = (false, false, false);
    off
}

fn cases() -> Vec<(Option<Filter>, Event)> {
    let url = |url: &str| Event { request_url: Some(url.into()), ..raised("ValueError", "x") };
    let agent = |agent: &str| Event { user_agent: Some(agent.into()), ..raised("ValueError", "x") };
    let release = |release: &str| Event { release: Some(release.into()), ..raised("ValueError", "x") };
    let logged = |text: &str| Event {
        message: Some(Message { template: None, formatted: text.into() }),
        kind: EventKind::Default,
        ..event()
    };
    let script = |path: &str| {
        let frames = vec![Frame { abs_path: Some(path.into()), ..Frame::default() }];
        let exceptions = vec![Exception { ty: Some("TypeError".into()), frames, ..Exception::default() }];
        Event { platform: "javascript".into(), exceptions, ..event() }
    };
    vec![
        (Some(Filter::DisallowedHosts), raised("DisallowedHost", "Invalid HTTP_HOST header: 'x'.")),
        (Some(Filter::DisallowedHosts), raised("django.core.exceptions.DisallowedHost", "no")),
        (Some(Filter::DisallowedHosts), logged("Invalid HTTP_HOST header: '10.0.0.1'. You may need to add …")),
        (
            Some(Filter::DisallowedHosts),
            Event { logger: Some("django.security.DisallowedHost".into()), ..logged("anything") },
        ),
        (None, Event { logger: Some("django.security.SuspiciousSession".into()), ..logged("odd") }),
        (None, raised("SuspiciousOperation", "Invalid")),
        (Some(Filter::Crawlers), agent("Mozilla/5.0 (compatible; Googlebot/2.1)")),
        (None, agent("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")),
        (Some(Filter::HealthChecks), url("https://shop.example/healthz")),
        (Some(Filter::HealthChecks), url("https://shop.example/Health/db/?format=json")),
        (Some(Filter::HealthChecks), url("https://shop.example/ht/")),
        (Some(Filter::HealthChecks), Event { transaction: Some("/readyz/".into()), ..raised("ValueError", "x") }),
        (None, url("https://shop.example/healthy-food/")),
        (None, url("https://shop.example/shop/healthz-report")),
        (None, Event { transaction: Some("shop.views.health".into()), ..raised("ValueError", "x") }),
        (Some(Filter::Localhost), url("http://localhost:8000/cart/")),
        (Some(Filter::Localhost), url("http://127.0.0.1:8000/")),
        (Some(Filter::Localhost), url("http://[::1]:8000/")),
        (Some(Filter::Localhost), url("http://shop.localhost/")),
        (Some(Filter::Localhost), Event { server_name: Some("localhost".into()), ..raised("ValueError", "x") }),
        (None, url("http://localhost.example.org/")),
        (None, Event { user: Some("ip:127.0.0.1".into()), ..raised("ValueError", "x") }),
        (None, Event { server_name: Some("web-1".into()), ..raised("ValueError", "x") }),
        (Some(Filter::BrowserExtensions), script("chrome-extension://abc/inject.js")),
        (Some(Filter::BrowserExtensions), script("moz-extension://abc/inject.js")),
        (None, script("https://shop.example/static/app.js")),
        (Some(Filter::Releases), release("shop@1.4.0")),
        (Some(Filter::Releases), release("shop@2.0-dev")),
        (None, release("shop@2.0.0")),
        (Some(Filter::ErrorMessages), raised("BrokenPipeError", "[Errno 32] Broken pipe")),
        (Some(Filter::ErrorMessages), raised("ReadTimeout", "the read timed out after 3 s")),
        (Some(Filter::ErrorMessages), logged("upstream timed out")),
        (None, raised("MyBrokenPipeError", "no")),
        (None, event()),
    ]
}

#[test]
fn every_filter_drops_its_own_and_nothing_else() {
    let filters = Filters::new(&all_on());
    for (expected, event) in cases() {
        assert_eq!(filters.event(&event), expected, "{event:?}");
    }
}

#[test]
fn a_filter_that_is_off_drops_nothing() {
    let filters = Filters::new(&all_off());
    for (_, event) in cases() {
        assert_eq!(filters.event(&event), None, "{event:?}");
    }
}

#[test]
fn from_the_start_only_foreign_hosts_are_dropped() {
    let filters = Filters::new(&FilterSettings::default());
    for (expected, event) in cases() {
        assert_eq!(filters.event(&event), expected.filter(|filter| *filter == Filter::DisallowedHosts), "{event:?}");
    }
}

fn span(trace: u8, name: &str, attributes: &[(&str, &str)]) -> Span {
    let text = |(key, value): &(&str, &str)| Attribute {
        key: key.to_string(),
        value: AttributeValue::Text(value.to_string()),
    };
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([trace; 8]),
        name: name.into(),
        kind: SpanKind::Server,
        is_local_root: true,
        attributes: attributes.iter().map(text).collect(),
        ..Span::default()
    }
}

fn child(trace: u8) -> Span {
    Span { kind: SpanKind::Client, is_local_root: false, ..span(trace, "SELECT 1", &[("url.path", "/healthz")]) }
}

#[test]
fn a_root_takes_its_spans_along_and_leaves_those_of_others() {
    let resource = Resource { release: Some("shop@2.0".into()), ..Resource::default() };
    let spans = vec![
        child(1),
        span(1, "GET /healthz", &[]),
        span(2, "GET /cart/", &[("url.full", "https://shop.example/cart/")]),
        child(2),
        span(3, "GET", &[("user_agent.original", "bingbot/2.0")]),
        span(4, "GET", &[("url.full", "http://localhost:8000/")]),
        span(5, "GET", &[("http.target", "/livez?full")]),
    ];
    let mut batch = SpanBatch { resources: vec![resource], spans };
    let dropped = Filters::new(&all_on()).spans(&mut batch);
    let expected = [(Filter::HealthChecks, 3), (Filter::Crawlers, 1), (Filter::Localhost, 1)];
    assert_eq!(dropped, expected);
    assert_eq!(batch.spans.iter().map(|span| span.trace_id.0[0]).collect::<Vec<_>>(), [2, 2]);

    let mut off = SpanBatch { spans: vec![span(1, "GET /healthz", &[])], ..SpanBatch::default() };
    assert!(Filters::new(&all_off()).spans(&mut off).is_empty());
    assert_eq!(off.spans.len(), 1);
}

#[test]
fn spans_of_an_unwanted_release_go() {
    let resource = Resource { release: Some("shop@1.9".into()), ..Resource::default() };
    let mut batch = SpanBatch { resources: vec![resource], spans: vec![span(1, "GET /", &[]), child(1)] };
    assert_eq!(Filters::new(&all_on()).spans(&mut batch), [(Filter::Releases, 2)]);
}
