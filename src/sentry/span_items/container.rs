//! The container: a list of spans whose attributes say their type.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Collected, SpansDecoded, kind_of, set_readable_name, take_resource, text_of};
use crate::config::SPAN_ITEM_BYTES_MAX;
use crate::model::outcome::Reason;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanLink, SpanSource};
use crate::sentry::clock::time_ns;
use crate::sentry::event::{span_id, trace_id};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Entries, Listed, Object, Scalar, wire_object};
use crate::sentry::transaction::attributes::{ATTRIBUTES_MAX, AnyValue, KEY_CHARS_MAX};
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

wire_object! {
    /// One attribute; its name stands outside.
    WireTyped {
        value: Option<&'a RawValue> = "value",
        ty: Scalar<'a> = "type",
    }
}

/// Reads the list, one span at a time.
pub(super) fn read(items: &RawValue, spans_max: usize) -> serde_json::Result<SpansDecoded> {
    let sink = Sink { spans_max, collected: Collected::default() };
    serde_json::Deserializer::from_str(items.get()).deserialize_seq(sink)
}

struct Sink {
    spans_max: usize,
    collected: Collected,
}

impl<'de> Visitor<'de> for Sink {
    type Value = SpansDecoded;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<SpansDecoded, A::Error> {
        while self.collected.0.batch.spans.len() < self.spans_max {
            let Some(raw) = list.next_element::<&'de RawValue>()? else { return Ok(self.collected.0) };
            if raw.get().len() > SPAN_ITEM_BYTES_MAX {
                self.collected.refuse(Reason::TooLarge, "span is larger than one may be");
                continue;
            }
            let wire: Object<WireSpanV2<'de>> = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            match wire.0.ok_or("span is not an object").and_then(|wire| span(&wire)) {
                Ok((span, resource)) => self.collected.push(span, resource),
                Err(problem) => self.collected.refuse(Reason::Invalid, problem),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.collected.refuse(Reason::TooLarge, "more spans than one container may have");
        }
        Ok(self.collected.0)
    }
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
    let entries: Entries<'_, Object<WireTyped<'_>>> =
        sent.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut kept: Vec<Attribute> = Vec::with_capacity(entries.0.len().min(ATTRIBUTES_MAX));
    for (key, Object(typed)) in entries.0 {
        let value = typed.and_then(|typed| typed_value(&typed));
        match value {
            Some(value) if kept.len() < ATTRIBUTES_MAX => {
                kept.push(Attribute { key: cut(&key, KEY_CHARS_MAX), value });
            }
            _ => *dropped = dropped.saturating_add(1),
        }
    }
    kept
}

fn typed_value(typed: &WireTyped<'_>) -> Option<AttributeValue> {
    let AnyValue(value) = serde_json::from_str(typed.value?.get()).ok()?;
    match (typed.ty.as_str()?, value) {
        ("string", value @ AttributeValue::Text(_))
        | ("boolean", value @ AttributeValue::Bool(_))
        | ("integer", value @ AttributeValue::Int(_))
        | ("double", value @ AttributeValue::Double(_))
        | ("array", value @ AttributeValue::List(_)) => Some(value),
        // JSON has one kind of number, and serialisers write 1.0 as 1 and the other way round.
        ("double", AttributeValue::Int(number)) => Some(AttributeValue::Double(number as f64)),
        ("integer", AttributeValue::Double(number)) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
            Some(AttributeValue::Int(number as i64))
        }
        // Beyond 64 bits with sign the reader already made a text of it, which keeps every digit.
        ("integer", AttributeValue::Text(digits)) if digits.parse::<u64>().is_ok() => {
            Some(AttributeValue::Text(digits))
        }
        ("string", AttributeValue::Int(number)) => Some(AttributeValue::Text(number.to_string())),
        ("string", AttributeValue::Bool(flag)) => Some(AttributeValue::Text(flag.to_string())),
        _ => None,
    }
}
