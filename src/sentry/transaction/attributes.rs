//! Span data as attributes: any JSON, in the order sent, bounded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::model::span::{Attribute, AttributeValue, SpanLink};
use crate::sentry::event::{span_id, trace_id};
use crate::sentry::json::lenient::{Key, cut};
use crate::sentry::json::{Entries, Listed, Scalar};
use crate::sentry::wire::WireLink;

/// Attributes kept of one span: OpenTelemetry's default is 128, Sentry has none.
pub(in crate::sentry) const ATTRIBUTES_MAX: usize = 256;
pub(in crate::sentry) const KEY_CHARS_MAX: usize = 256;
/// Characters of one text value.
pub(in crate::sentry) const TEXT_CHARS_MAX: usize = 8192;

/// What was kept, and how many were not.
#[derive(Default)]
pub(in crate::sentry) struct Attributes {
    pub(in crate::sentry) kept: Vec<Attribute>,
    pub(in crate::sentry) dropped: u32,
}

/// `data` as attributes; `origin` (who made the span, `auto.db.django`) becomes `sentry.origin`.
pub(in crate::sentry) fn read_attributes(data: Option<&RawValue>, origin: &Scalar<'_>) -> Attributes {
    let entries: Entries<'_, AnyValue> = data.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut attributes = Attributes::default();
    for (key, AnyValue(value)) in entries.0 {
        attributes.push(key, value);
    }
    // `manual` is what the SDK says when nobody said anything.
    if let Some(origin) = origin.limited(KEY_CHARS_MAX).filter(|origin| origin != "manual") {
        attributes.push("sentry.origin".into(), AttributeValue::Text(origin));
    }
    attributes
}

impl Attributes {
    pub(in crate::sentry) fn push(&mut self, key: Cow<'_, str>, value: AttributeValue) {
        if self.kept.len() < ATTRIBUTES_MAX {
            self.kept.push(Attribute { key: cut(&key, KEY_CHARS_MAX), value });
        } else {
            self.dropped += 1;
        }
    }
}

/// Links with two usable ids.
pub(in crate::sentry) fn read_links(links: &Listed<WireLink<'_>, 32, 0>) -> Vec<SpanLink> {
    let link = |wire: &WireLink<'_>| {
        Some(SpanLink {
            trace_id: trace_id(&wire.trace_id)?,
            span_id: span_id(&wire.span_id)?,
            attributes: read_attributes(wire.attributes, &Scalar::Absent).kept,
        })
    };
    links.members.iter().filter_map(link).collect()
}

/// Any JSON value.
#[derive(Debug, Default)]
pub(in crate::sentry) struct AnyValue(pub(in crate::sentry) AttributeValue);

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyVisitor;
        impl<'de> Visitor<'de> for AnyVisitor {
            type Value = AnyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any json")
            }
            fn visit_unit<E>(self) -> Result<AnyValue, E> {
                Ok(AnyValue(AttributeValue::Empty))
            }
            fn visit_bool<E>(self, b: bool) -> Result<AnyValue, E> {
                Ok(AnyValue(AttributeValue::Bool(b)))
            }
            fn visit_i64<E>(self, n: i64) -> Result<AnyValue, E> {
                Ok(AnyValue(AttributeValue::Int(n)))
            }
            fn visit_u64<E>(self, n: u64) -> Result<AnyValue, E> {
                // Beyond i64 only a text keeps every digit.
                Ok(AnyValue(i64::try_from(n).map_or_else(|_| AttributeValue::Text(n.to_string()), AttributeValue::Int)))
            }
            fn visit_f64<E>(self, n: f64) -> Result<AnyValue, E> {
                Ok(AnyValue(AttributeValue::Double(n)))
            }
            fn visit_str<E>(self, text: &str) -> Result<AnyValue, E> {
                Ok(AnyValue(AttributeValue::Text(cut(text, TEXT_CHARS_MAX))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnyValue, A::Error> {
                let mut values = Vec::new();
                while let Some(AnyValue(value)) = list.next_element()? {
                    if values.len() < ATTRIBUTES_MAX {
                        values.push(value);
                    }
                }
                Ok(AnyValue(AttributeValue::List(values)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    let AnyValue(value) = map.next_value()?;
                    if members.len() < ATTRIBUTES_MAX {
                        members.push(Attribute { key: cut(&key, KEY_CHARS_MAX), value });
                    }
                }
                Ok(AnyValue(AttributeValue::Map(members)))
            }
        }
        deserializer.deserialize_any(AnyVisitor)
    }
}
