//! One `transaction` payload to a batch of spans: the segment span first, then its children.
//!
//! Knows Sentry's transaction shape (protocol notes, section 3.2). Does not know traces: which span is the root of
//! what is decided where spans of several processes meet.

pub(in crate::sentry) mod attributes;
mod parts;
mod profiled;
mod spans;
pub(in crate::sentry) mod words;

#[cfg(test)]
mod tests;

use crate::model::decoded::Refusal;
use crate::model::ids::{EventId, SpanId, TraceId};
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanBatch, SpanKind, SpanSource};
use crate::sentry::clock::{CLOCK_SHIFT, drift_ns, is_future, time_ns};
use crate::sentry::event::{
    Address, Arrival, ItemError, address_of, environment, event_id, release, sdk_name, span_id, tags, trace_id,
    url_without_query, user_agent,
};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Object, Scalar, read_object};
use crate::sentry::wire::{WireTrace, WireTransaction};
use crate::sentry::{Limits, url_name};
use attributes::{Attributes, read_attributes, read_links};
use parts::Parts;
pub use profiled::{Profiled, profiled};

/// Characters of a span's name; SQL is the longest thing in one.
pub(in crate::sentry) const NAME_CHARS_MAX: usize = 8192;
pub(in crate::sentry) const OP_CHARS_MAX: usize = 128;

/// A transaction as spans.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionDecoded {
    pub event_id: EventId,
    /// One resource; its `service` is the `service.name` tag, or empty: the caller knows the project's name.
    pub batch: SpanBatch,
    /// Child spans that could not be used, one line per reason.
    pub refused: Vec<Refusal>,
}

/// Reads a transaction. Without trace id, span id and start there is nothing to draw, and the item is refused; a child
/// span without them costs that span.
pub fn decode_transaction(payload: &[u8], arrival: &Arrival, limits: &Limits) -> Result<TransactionDecoded, ItemError> {
    if payload.len() > limits.transaction_bytes_max {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: limits.transaction_bytes_max });
    }
    let (decoded, _) = read_object(payload, limits.depth_max, |text| {
        let parts: Parts<'_> = serde_json::from_str(text)?;
        let wire: Object<WireTransaction<'_>> = serde_json::from_str(&parts.rest)?;
        let wire = wire.0.unwrap_or_default();
        let segment = match segment(&wire, arrival) {
            Ok(segment) => segment,
            Err(error) => return Ok(Err(error)),
        };
        let children = spans::read_children(parts.spans, &segment.frame, limits.spans_max)?;
        Ok(Ok(assemble(&wire, arrival, segment, children, &parts)))
    })?;
    decoded
}

/// What child spans inherit from their transaction.
struct Enclosing {
    trace_id: TraceId,
    span_id: SpanId,
    /// Unix nanoseconds, corrected.
    end_ns: i64,
    /// Added to every time of the payload.
    shift_ns: i64,
}

struct Segment {
    frame: Enclosing,
    span: Span,
}

fn assemble(
    wire: &WireTransaction<'_>,
    arrival: &Arrival,
    mut segment: Segment,
    children: spans::Children,
    parts: &Parts<'_>,
) -> TransactionDecoded {
    segment.span.transaction_json = Some(parts.rest.clone().into_bytes());
    segment.span.dropped = segment.span.dropped.saturating_add(children.omitted);
    let mut spans = Vec::with_capacity(1 + children.spans.len());
    spans.push(segment.span);
    spans.extend(children.spans);
    TransactionDecoded {
        event_id: event_id(&wire.event_id, arrival),
        batch: SpanBatch { resources: vec![resource(wire)], spans },
        refused: children.refused,
    }
}

fn resource(wire: &WireTransaction<'_>) -> Resource {
    let server_name = wire
        .server_name
        .limited(200)
        .map(|name| Attribute { key: "server_name".to_owned(), value: AttributeValue::Text(name) });
    Resource {
        service: wire.tags.get("service.name").and_then(|tag| tag.limited(200)).unwrap_or_default(),
        release: release(&wire.release),
        environment: environment(&wire.environment).or_else(|| environment(wire.tags.get("environment")?)),
        sdk: wire.sdk.get().and_then(sdk_name),
        attributes: server_name.into_iter().collect(),
    }
}

/// The span of the transaction itself.
fn segment(wire: &WireTransaction<'_>, arrival: &Arrival) -> Result<Segment, ItemError> {
    let none = WireTrace::default();
    let contexts = wire.contexts.get();
    let trace = contexts.and_then(|contexts| contexts.trace.get()).unwrap_or(&none);
    let own_trace_id = trace_id(&trace.trace_id).ok_or_else(|| missing("contexts.trace.trace_id", &trace.trace_id))?;
    let own_span_id = span_id(&trace.span_id).ok_or_else(|| missing("contexts.trace.span_id", &trace.span_id))?;
    let (start_ns, end_ns, shift_ns) = times(wire, arrival)?;

    let Attributes { mut kept, dropped } = read_attributes(trace.data, &trace.origin);
    let tag_status = wire.tags.get("http.status_code").and_then(words::http_status);
    let context_status = || contexts?.response.get().and_then(|response| words::http_status(&response.status_code));
    let http_status = tag_status.or_else(context_status).or_else(|| words::http_status_attribute(&kept));
    let op = trace.op.limited(OP_CHARS_MAX).unwrap_or_default();
    let kind = words::segment_kind(&op);
    let method = words::http_method(&kept).or_else(|| wire.request.get()?.method.limited(32));
    let (status, status_message) = words::status(&trace.status, kind, http_status);
    if let Some(request) = wire.request.get() {
        let named = [("url.full", url_without_query(&request.url)), ("user_agent.original", user_agent(request))];
        for (key, value) in named {
            if let Some(value) = value.filter(|_| !kept.iter().any(|attribute| attribute.key == key)) {
                kept.push(Attribute { key: key.to_owned(), value: AttributeValue::Text(value) });
            }
        }
    }
    for (key, value) in user(wire, arrival) {
        if !kept.iter().any(|attribute| attribute.key == key) {
            kept.push(Attribute { key: key.to_owned(), value: AttributeValue::Text(value) });
        }
    }
    for (key, value) in tags(&wire.tags) {
        if !kept.iter().any(|attribute| attribute.key == key) {
            kept.push(Attribute { key, value: AttributeValue::Text(value) });
        }
    }
    if shift_ns != 0 {
        kept.push(Attribute { key: CLOCK_SHIFT.to_owned(), value: AttributeValue::Int(shift_ns / 1_000_000) });
    }
    let span = Span {
        trace_id: own_trace_id,
        span_id: own_span_id,
        parent_span_id: span_id(&trace.parent_span_id).filter(|parent| *parent != own_span_id),
        source: SpanSource::Sentry,
        kind,
        name: readable_name(wire, &op, kind, method.as_deref()),
        op,
        status,
        status_message,
        start_ns,
        end_ns,
        is_local_root: true,
        http_status,
        attributes: kept,
        links: read_links(&trace.links),
        dropped,
        ..Span::default()
    };
    Ok(Segment { frame: Enclosing { trace_id: own_trace_id, span_id: own_span_id, end_ns, shift_ns }, span })
}

/// Whose request it was, as the attributes of OpenTelemetry that say so; what events keep of a user apart from the body.
fn user(wire: &WireTransaction<'_>, arrival: &Arrival) -> Vec<(&'static str, String)> {
    let user = wire.user.get();
    let platform = wire.platform.as_str().unwrap_or_default();
    let address = match address_of(platform, wire.sdk.get(), wire.request.get(), user, arrival) {
        Address::AsSent => user.and_then(|user| user.ip_address.limited(45)),
        Address::Filled(ip) => Some(ip.to_string()),
        Address::Removed => None,
    };
    let text = |sent: Option<&Scalar<'_>>, chars_max| sent.and_then(|sent| sent.limited(chars_max));
    let named = [
        ("user.id", text(user.map(|user| &user.id), 128)),
        ("user.email", text(user.map(|user| &user.email), 75)),
        ("user.username", text(user.map(|user| &user.username), 128)),
        ("user.ip_address", address),
    ];
    let trimmed = |(key, value): (&'static str, Option<String>)| {
        let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        value.map(|value| (key, value))
    };
    named.into_iter().filter_map(trimmed).collect()
}

/// The name, without its ids when it is an address: Channels has no route to offer. The payload keeps it as sent.
fn readable_name(wire: &WireTransaction<'_>, op: &str, kind: SpanKind, method: Option<&str>) -> String {
    let name = segment_name(&wire.transaction, op, kind, method);
    let source = wire.transaction_info.get().and_then(|info| info.source.as_str());
    if source == Some("url") { url_name::without_ids(&name) } else { name }
}

/// `GET /books/{id}/` for requests whose method is known; a name that says it already is left alone.
pub(in crate::sentry) fn segment_name(sent: &Scalar<'_>, op: &str, kind: SpanKind, method: Option<&str>) -> String {
    let name = sent.limited(NAME_CHARS_MAX).unwrap_or_else(|| op.to_owned());
    match method.map(str::to_ascii_uppercase) {
        Some(method)
            if kind == SpanKind::Server
                && op == "http.server"
                && name.strip_prefix(method.as_str()).is_none_or(|rest| !rest.is_empty() && !rest.starts_with(' ')) =>
        {
            format!("{method} {name}")
        }
        _ => name,
    }
}

/// Start, end and shift in nanoseconds. A clock error, or an end in the future, moves the whole transaction, so that
/// durations stay true.
fn times(wire: &WireTransaction<'_>, arrival: &Arrival) -> Result<(i64, i64, i64), ItemError> {
    let start = time_ns(&wire.start_timestamp).ok_or_else(|| missing("start_timestamp", &wire.start_timestamp))?;
    let received_ns = arrival.received_ms.saturating_mul(1_000_000);
    let mut shift = drift_ns(arrival.sent_at_ns, arrival.received_ms);
    let end = time_ns(&wire.timestamp).unwrap_or_else(|| received_ns.saturating_sub(shift));
    if end < start {
        return Err(ItemError::EndsBeforeStart { by_ms: (start.saturating_sub(end)) / 1_000_000 });
    }
    if is_future(end.saturating_add(shift), arrival.received_ms) {
        shift = received_ns.saturating_sub(end);
    }
    Ok((start.saturating_add(shift), end.saturating_add(shift), shift))
}

fn missing(field: &'static str, found: &Scalar<'_>) -> ItemError {
    ItemError::Field { field, found: found.text().map(|text| cut(&text, 64)).unwrap_or_default() }
}
