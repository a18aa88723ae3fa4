//! The container: a list of spans whose attributes say their type.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{CATEGORY, SpansDecoded, kind_of, set_readable_name, take_resource, text_of};
use crate::config::SPAN_ITEM_BYTES_MAX;
use crate::model::span::{Attribute, Resource, Span, SpanLink, SpanSource};
use crate::sentry::clock::time_ns;
use crate::sentry::container::{WireAttributes, read_attributes, read_list};
use crate::sentry::event::{span_id, trace_id};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Listed, Object, Scalar, wire_object};
use crate::sentry::transaction::{NAME_CHARS_MAX, OP_CHARS_MAX, segment_name, words};
use crate::sentry::url_name;

wire_object! {
    WireSpanV2 {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        parent_span_id: Scalar<'a> = "parent_span_id",
        name: Scalar<'a> = "name",
        status: Scalar<'a> = "status",
        is_segment: Scalar<'a> = "is_segment",
        start_timestamp: Scalar<'a> = "start_timestamp",
        end_timestamp: Scalar<'a> = "end_timestamp",
        attributes: Option<&'a RawValue> = "attributes",
        links: Listed<WireLinkV2<'a>, 32, 0> = "links",
    }
}

wire_object! {
    WireLinkV2 {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        attributes: Option<&'a RawValue> = "attributes",
    }
}

/// Reads the list, one span at a time.
pub(super) fn read(items: &RawValue, spans_max: usize) -> serde_json::Result<SpansDecoded> {
    let contained = read_list(items, spans_max, CATEGORY, SPAN_ITEM_BYTES_MAX, |text| {
        let wire: Object<WireSpanV2<'_>> = serde_json::from_str(text).map_err(|_| "a value is not readable")?;
        span(&wire.0.ok_or("span is not an object")?)
    })?;
    let mut decoded = SpansDecoded { refused: contained.refused, ..SpansDecoded::default() };
    for (span, resource) in contained.items {
        decoded.push(span, resource);
    }
    Ok(decoded)
}

fn span(wire: &WireSpanV2<'_>) -> Result<(Span, Resource), &'static str> {
    let own_trace_id = trace_id(&wire.trace_id).ok_or("trace_id is missing or invalid")?;
    let own_span_id = span_id(&wire.span_id).ok_or("span_id is missing or invalid")?;
    let start_ns = time_ns(&wire.start_timestamp).ok_or("start_timestamp is missing or invalid")?;
    let end_ns = time_ns(&wire.end_timestamp).ok_or("end_timestamp is missing or invalid")?;
    if end_ns < start_ns {
        return Err("span ends before it starts");
    }
    let mut dropped = 0;
    let mut attributes = typed_attributes(wire.attributes, &mut dropped);
    let resource = take_resource(&mut attributes);
    let parent_span_id = span_id(&wire.parent_span_id).filter(|parent| *parent != own_span_id);
    let is_segment = wire.is_segment.flag().unwrap_or(parent_span_id.is_none());
    let op: String = text_of(&attributes, &["sentry.op"]).unwrap_or_default().chars().take(OP_CHARS_MAX).collect();
    let kind = kind_of(&attributes, &op, is_segment);
    let http_status = words::http_status_attribute(&attributes);
    let (status, mut status_message) = words::status(&wire.status, kind, http_status);
    // The word says no more than the status does; the message might.
    if wire.status.as_str() == Some("error") {
        status_message = text_of(&attributes, &["sentry.status.message"]).unwrap_or_default().to_owned();
    }
    let described = text_of(&attributes, &["sentry.description"]).map(|text| cut(text, NAME_CHARS_MAX));
    let name = wire.name.limited(NAME_CHARS_MAX).or(described).unwrap_or_else(|| op.clone());
    let name = if is_segment && is_only_method(&name, &attributes) {
        address_name(&format!("{name} "), &attributes).unwrap_or(name)
    } else if is_segment && is_nameless_page(&name, &op) {
        address_name("", &attributes).unwrap_or(name)
    } else if is_segment {
        segment_name(&Scalar::Text(Cow::Owned(name)), &op, kind, words::http_method(&attributes).as_deref())
    } else {
        name
    };
    let mut span = Span {
        trace_id: own_trace_id,
        span_id: own_span_id,
        parent_span_id,
        source: SpanSource::Sentry,
        kind,
        name,
        op,
        status,
        status_message,
        start_ns,
        end_ns,
        is_local_root: is_segment || parent_span_id.is_none(),
        http_status,
        attributes,
        links: wire.links.members.iter().filter_map(|link| self::link(link, &mut dropped)).collect(),
        ..Span::default()
    };
    span.dropped = dropped;
    set_readable_name(&mut span);
    words::set_query_fingerprint(&mut span);
    Ok((span, resource))
}

/// Where there is no framework, @sentry/node 11 names every request after its method alone.
fn is_only_method(name: &str, attributes: &[Attribute]) -> bool {
    words::http_method(attributes).is_some_and(|method| method.eq_ignore_ascii_case(name))
}

/// What @sentry/browser 11 calls every page and every move between pages where there is no router.
fn is_nameless_page(name: &str, op: &str) -> bool {
    matches!((op, name), ("pageload", "Pageload") | ("navigation", "Navigation"))
}

/// `GET /users/*`, of the route or else of the address without its ids; `before` stands in front of it.
fn address_name(before: &str, attributes: &[Attribute]) -> Option<String> {
    if let Some(route) = text_of(attributes, &["http.route"]) {
        return Some(cut(&format!("{before}{route}"), NAME_CHARS_MAX));
    }
    let address = text_of(attributes, &["url.path", "http.target", "url.full", "http.url"])?;
    let path = address.split_once("://").map_or(address, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    Some(cut(&url_name::without_ids(&format!("{before}{path}")), NAME_CHARS_MAX))
}

fn link(wire: &WireLinkV2<'_>, dropped: &mut u32) -> Option<SpanLink> {
    Some(SpanLink {
        trace_id: trace_id(&wire.trace_id)?,
        span_id: span_id(&wire.span_id)?,
        attributes: typed_attributes(wire.attributes, dropped),
    })
}

/// Attributes whose value is what their type says; others, and those beyond the limit, are added to `dropped`.
fn typed_attributes(sent: Option<&RawValue>, dropped: &mut u32) -> Vec<Attribute> {
    let sent: WireAttributes<'_> = sent.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let read = read_attributes(sent, |_, _| false);
    *dropped = dropped.saturating_add(read.dropped);
    read.kept
}
