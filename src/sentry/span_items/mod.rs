//! `span` items: containers of spans with typed attributes, and the older single span, both to a batch of spans.
//!
//! Knows Sentry's two shapes of a span outside of transactions (protocol notes, section 3.4). Does not know segments:
//! a child may come long before the span it belongs to, so what is said of its segment is kept as sent and set right
//! when a trace is read.

mod container;
mod standalone;

#[cfg(test)]
mod tests;

use serde_json::value::RawValue;

use crate::config::SPAN_CONTAINER_BYTES_MAX;
use crate::model::decoded::Refusal;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanBatch, SpanKind};
use crate::sentry::clock::{CLOCK_SHIFT, drift_ns, is_future};
use crate::sentry::event::{Arrival, ItemError, environment, release};
use crate::sentry::json::{Object, Scalar, read_object, wire_object};
use crate::sentry::transaction::words;
use crate::sentry::{Limits, url_name};

/// Attributes that say who made the span, not what it did: they become the resource of the batch, once.
const RESOURCE_KEYS: [&str; 2] = ["process.runtime.name", "process.runtime.version"];
/// Where Sentry's own names for the same things stand in the attributes.
const RELEASE: &str = "sentry.release";
const ENVIRONMENT: &str = "sentry.environment";
const SDK_NAME: &str = "sentry.sdk.name";
const SDK_VERSION: &str = "sentry.sdk.version";
/// The name as sent, when the list shows another one.
const ORIGINAL_NAME: &str = "sentry.name.original";

/// What an item held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpansDecoded {
    pub batch: SpanBatch,
    /// Spans that could not be used, one line per reason.
    pub refused: Vec<Refusal>,
    /// Requests of the SDK to a server like this one, left out: sentry-python 2.75 traces its own deliveries when it
    /// streams spans, and every delivery would be the beginning of the next one.
    pub deliveries: u64,
    /// A span by itself; SDKs send few of these at once.
    pub is_standalone: bool,
}

wire_object! {
    /// Only what tells the two shapes apart.
    WireShape {
        items: Option<&'a RawValue> = "items",
    }
}

/// Reads either shape: what has a list of `items` is a container, whatever its header says.
pub fn decode_span_item(payload: &[u8], arrival: &Arrival, limits: &Limits) -> Result<SpansDecoded, ItemError> {
    let bytes_max = SPAN_CONTAINER_BYTES_MAX.min(limits.item_bytes_max);
    if payload.len() > bytes_max {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: bytes_max });
    }
    let (mut decoded, _) = read_object(payload, limits.depth_max, |text| {
        let shape: Object<WireShape<'_>> = serde_json::from_str(text)?;
        match shape.0.and_then(|shape| shape.items).filter(|items| items.get().starts_with('[')) {
            Some(items) => container::read(items, limits.spans_max),
            None => standalone::read(text),
        }
    })?;
    set_clock_right(&mut decoded.batch.spans, arrival);
    Ok(decoded)
}

/// A clock error, or an end in the future, moves all spans of the item alike, so that durations stay true.
fn set_clock_right(spans: &mut [Span], arrival: &Arrival) {
    let received_ns = arrival.received_ms.saturating_mul(1_000_000);
    let mut shift = drift_ns(arrival.sent_at_ns, arrival.received_ms);
    let last_ns = spans.iter().map(|span| span.end_ns).max().unwrap_or(0);
    if is_future(last_ns.saturating_add(shift), arrival.received_ms) {
        shift = received_ns.saturating_sub(last_ns);
    }
    if shift != 0 {
        for span in spans {
            span.start_ns = span.start_ns.saturating_add(shift);
            span.end_ns = span.end_ns.saturating_add(shift);
            let value = AttributeValue::Int(shift / 1_000_000);
            span.attributes.push(Attribute { key: CLOCK_SHIFT.to_owned(), value });
        }
    }
}

/// Under which name spans are counted.
const CATEGORY: &str = "span";

impl SpansDecoded {
    fn push(&mut self, mut span: Span, resource: Resource) {
        if is_delivery(&span) {
            self.deliveries += 1;
            return;
        }
        span.resource = resource.place_in(&mut self.batch.resources);
        self.batch.spans.push(span);
    }
}

/// `POST http://…/api/1/envelope/`
fn is_delivery(span: &Span) -> bool {
    // Without send_default_pii the address stands in the name alone.
    let named = span.name.split_once(' ').map_or(span.name.as_str(), |(_, url)| url);
    let url = text_of(&span.attributes, &["url.full", "http.url", "url"]).unwrap_or(named);
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let Some(rest) = path.strip_suffix("/envelope").filter(|_| span.op == "http.client") else { return false };
    rest.rsplit_once("/api/").is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Takes what belongs to the process out of a span's attributes. A release that cannot be one stays where it was.
fn take_resource(attributes: &mut Vec<Attribute>) -> Resource {
    let mut resource = Resource::default();
    let (mut sdk_name, mut sdk_version) = (None, None);
    attributes.retain_mut(|attribute| {
        let AttributeValue::Text(text) = &mut attribute.value else { return true };
        let as_sent = || Scalar::Text(text.as_str().into());
        match attribute.key.as_str() {
            RELEASE | "release" if resource.release.is_none() => {
                resource.release = release(&as_sent());
                resource.release.is_none()
            }
            ENVIRONMENT | "environment" if resource.environment.is_none() => {
                resource.environment = environment(&as_sent());
                resource.environment.is_none()
            }
            SDK_NAME => {
                sdk_name = Some(std::mem::take(text));
                false
            }
            SDK_VERSION => {
                sdk_version = Some(std::mem::take(text));
                false
            }
            "service.name" | "sentry.service.name" if resource.service.is_empty() => {
                resource.service = text.chars().take(200).collect();
                false
            }
            key if RESOURCE_KEYS.contains(&key) => {
                resource.attributes.push(std::mem::take(attribute));
                false
            }
            _ => true,
        }
    });
    resource.sdk = match (sdk_name, sdk_version) {
        (Some(name), Some(version)) => Some(format!("{name}/{version}")),
        (name, _) => name,
    };
    resource
}

/// The kind of a span: as OpenTelemetry's bridge says, else by its op.
fn kind_of(attributes: &[Attribute], op: &str, is_segment: bool) -> SpanKind {
    match text_of(attributes, &["sentry.kind"]).unwrap_or_default() {
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ if is_segment => words::segment_kind(op),
        _ => words::child_kind(op),
    }
}

/// An address in place of a name loses its ids; what was sent stays among the attributes.
fn set_readable_name(span: &mut Span) {
    let source = text_of(&span.attributes, &["sentry.segment.name.source", "sentry.span.source"]);
    if !span.is_local_root || source != Some("url") {
        return;
    }
    let readable = url_name::without_ids(&span.name);
    if readable != span.name {
        let original = AttributeValue::Text(std::mem::replace(&mut span.name, readable));
        span.attributes.push(Attribute { key: ORIGINAL_NAME.to_owned(), value: original });
    }
}

/// The first text that is there under one of these keys.
fn text_of<'a>(attributes: &'a [Attribute], keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| crate::model::span::text_attribute(attributes, key)).filter(|text| !text.is_empty())
}
