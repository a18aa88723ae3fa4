//! Spans that are calls to this server: an application that traces its HTTP client also traces what its SDK and its
//! exporter send here, and every delivery would be the beginning of the next one.
//!
//! Decides by the address of a call alone. Sentry's addresses and OTLP's gRPC services are nobody else's; `/v1/logs` may
//! well be, so there the host has to be this one.

use crate::config::is_loopback_name;
use crate::model::conventions::Conventions;
use crate::model::span::{Span, SpanBatch, SpanKind};

/// Where this server is reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnAddress {
    /// Listened on, on this machine.
    pub ports: Vec<u16>,
    /// Names that lead here from elsewhere, in lower case, whatever the port.
    pub names: Vec<String>,
}

impl OwnAddress {
    /// Takes the calls to this server out, and says how many there were.
    pub(super) fn take_calls_out(&self, batch: &mut SpanBatch) -> u64 {
        let before = batch.spans.len();
        batch.spans.retain(|span| !self.is_call(span));
        (before - batch.spans.len()) as u64
    }

    fn is_call(&self, span: &Span) -> bool {
        if span.kind != SpanKind::Client || !matches!(span.op.as_str(), "http.client" | "rpc.client" | "grpc.client") {
            return false;
        }
        let known = Conventions::of(&span.attributes);
        if known.rpc_service.is_some_and(is_collector) || is_collector(&span.name) {
            return true;
        }
        if known.http_method.is_some_and(|method| !method.eq_ignore_ascii_case("POST")) {
            return false;
        }
        let (host, port, path) = match known.url_full {
            Some(url) => split_url(url),
            None => (known.server.unwrap_or_default(), None, known.url_path.unwrap_or_default()),
        };
        let (host, port) = match host.rsplit_once(':') {
            Some((name, digits)) if !name.ends_with(':') && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, digits.parse().ok().or(port))
            }
            _ => (host, known.server_port.or(port)),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        if is_sentry_path(path) {
            return true;
        }
        let is_otlp = ["/v1/traces", "/v1/logs", "/v1/metrics"].contains(&path);
        is_otlp && self.is_here(host, port)
    }

    fn is_here(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_our_port = port.is_some_and(|port| self.ports.contains(&port));
        is_our_port && is_loopback_name(&host) || self.names.contains(&host)
    }
}

/// `opentelemetry.proto.collector.trace.v1.TraceService`, with or without a method behind it.
fn is_collector(service: &str) -> bool {
    service.trim_start_matches('/').starts_with("opentelemetry.proto.collector.")
}

/// `/api/1/envelope`, `/api/1/integration/otlp/v1/traces`, with whatever a proxy has in front.
fn is_sentry_path(path: &str) -> bool {
    let Some((_, rest)) = path.rsplit_once("/api/") else { return false };
    let Some((project, what)) = rest.split_once('/') else { return false };
    let is_known = match what {
        "envelope" | "store" => true,
        _ => what.strip_prefix("integration/").unwrap_or(what).starts_with("otlp/v1/"),
    };
    is_known && !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit())
}

/// Host with port, the port that goes with the scheme, and what follows.
fn split_url(url: &str) -> (&str, Option<u16>, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    (host, port, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::{Attribute, AttributeValue};

    fn is_call(name: &str, op: &str, pairs: &[(&str, &str)]) -> bool {
        let own = OwnAddress { ports: vec![4318, 4317], names: vec!["trapline.example.com".into()] };
        let attribute = |(key, value): &(&str, &str)| Attribute {
            key: (*key).to_owned(),
            value: AttributeValue::Text((*value).to_owned()),
        };
        let attributes = pairs.iter().map(attribute).collect();
        let span = Span { kind: SpanKind::Client, name: name.into(), op: op.into(), attributes, ..Span::default() };
        own.take_calls_out(&mut SpanBatch { resources: vec![], spans: vec![span] }) == 1
    }

    #[test]
    fn deliveries_are_known_by_their_address() {
        for url in [
            "http://127.0.0.1:4318/v1/traces",
            "http://localhost:4318/v1/logs/",
            "http://[::1]:4318/v1/metrics?x=1",
            "https://trapline.example.com/v1/traces",
            "http://sentry.example.com/api/1/envelope/",
            "https://o1.ingest.example.com/api/4505/store/",
            "http://key@elsewhere:9000/base/api/7/integration/otlp/v1/traces/",
            "http://127.0.0.1:4318/api/1/otlp/v1/logs",
        ] {
            assert!(is_call("POST", "http.client", &[("http.method", "POST"), ("http.url", url)]), "{url}");
            assert!(is_call("POST", "http.client", &[("http.request.method", "POST"), ("url.full", url)]), "{url}");
        }
        let parts = [("server.address", "localhost"), ("server.port", "4318"), ("url.path", "/v1/traces")];
        assert!(is_call("POST", "http.client", &parts));
        let service = [("rpc.service", "opentelemetry.proto.collector.trace.v1.TraceService")];
        assert!(is_call("Export", "rpc.client", &service));
        assert!(is_call("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "rpc.client", &[]));
    }

    #[test]
    fn calls_of_the_application_are_its_own() {
        for url in [
            "http://127.0.0.1:8000/v1/logs",
            "http://api.example.com/v1/traces",
            "http://api.example.com:4318/v1/traces",
            "http://127.0.0.1:4318/v1/traces/1",
            "http://127.0.0.1:4318/checkout",
            "http://shop/api/orders/envelope/",
            "http://shop/api/1/orders/",
            "",
            "::/:",
        ] {
            assert!(!is_call("POST", "http.client", &[("http.method", "POST"), ("http.url", url)]), "{url}");
        }
        let get = [("http.method", "GET"), ("http.url", "http://127.0.0.1:4318/v1/traces")];
        assert!(!is_call("GET", "http.client", &get));
        let post = [("http.method", "POST"), ("http.url", "http://127.0.0.1:4318/v1/traces")];
        assert!(!is_call("POST", "http.server", &post));
        assert!(!is_call("GET", "rpc.client", &[("rpc.service", "shop.Orders")]));
    }
}
