//! Sentry's words for operations and statuses, in OpenTelemetry's.

use crate::model::conventions::{Conventions, fingerprint_attribute};
use crate::model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};
use crate::sentry::json::Scalar;

/// The kind of a transaction's own span. Ops: <https://develop.sentry.dev/sdk/performance/span-operations/>
pub(in crate::sentry) fn segment_kind(op: &str) -> SpanKind {
    // function.aws, function.gcp: the handler of a serverless function.
    if op.ends_with(".server") || op.starts_with("function.") {
        SpanKind::Server
    } else if op.starts_with("queue.task") || op == "queue.process" {
        SpanKind::Consumer
    } else {
        child_kind(op)
    }
}

/// The kind of a child span.
pub(in crate::sentry) fn child_kind(op: &str) -> SpanKind {
    let family = op.split('.').next().unwrap_or_default();
    if op.starts_with("http.client") || op == "grpc.client" || matches!(family, "db" | "cache") {
        SpanKind::Client
    } else if op.starts_with("queue.submit") || op == "queue.publish" {
        SpanKind::Producer
    } else {
        SpanKind::Internal
    }
}

/// Status and, for failures, Sentry's word for it.
///
/// Sentry counts everything but `ok`, `cancelled` and `unknown` as failed. OpenTelemetry does not blame a server for
/// what a client got wrong, and neither do we: a request answered 4xx has not failed.
pub(in crate::sentry) fn status(sent: &Scalar<'_>, kind: SpanKind, http_status: Option<u16>) -> (SpanStatus, String) {
    let word = sent.limited(64).unwrap_or_default();
    match word.as_str() {
        "ok" => (SpanStatus::Ok, String::new()),
        "" | "unset" | "unknown" | "cancelled" => (SpanStatus::Unset, String::new()),
        _ if kind == SpanKind::Server && http_status.is_some_and(|code| (400..500).contains(&code)) => {
            (SpanStatus::Unset, word)
        }
        _ => (SpanStatus::Error, word),
    }
}

/// A number or numeric text from 100 to 599.
pub(in crate::sentry) fn http_status(sent: &Scalar<'_>) -> Option<u16> {
    sent.unsigned().and_then(|code| u16::try_from(code).ok()).filter(|code| (100..600).contains(code))
}

/// The status under the new or the old name.
pub(in crate::sentry) fn http_status_attribute(attributes: &[Attribute]) -> Option<u16> {
    let value = value_of(attributes, &["http.response.status_code", "http.status_code"])?;
    match value {
        AttributeValue::Int(code) => http_status(&Scalar::Int(*code)),
        AttributeValue::Text(text) => http_status(&Scalar::Text(text.as_str().into())),
        _ => None,
    }
}

/// The method under the new or the old name.
pub(in crate::sentry) fn http_method(attributes: &[Attribute]) -> Option<String> {
    match value_of(attributes, &["http.request.method", "http.method"])? {
        AttributeValue::Text(text) if !text.is_empty() && text.len() <= 32 => Some(text.clone()),
        _ => None,
    }
}

/// Gives a query what equal queries have in common.
pub(in crate::sentry) fn set_query_fingerprint(span: &mut Span) {
    if span.is_db()
        && span.op != "db.redis"
        && let Some(sql) = Conventions::of_span(span).sql()
    {
        span.attributes.push(fingerprint_attribute(&sql));
    }
}

fn value_of<'a>(attributes: &'a [Attribute], keys: &[&str]) -> Option<&'a AttributeValue> {
    keys.iter().find_map(|key| attributes.iter().find(|a| a.key == *key)).map(|a| &a.value)
}
