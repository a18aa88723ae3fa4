//! Attributes of the wire as attributes of the model, within the limits; and the one way texts are cut.
//!
//! Consumes the generated types, so a text is moved, not copied. Knows no attribute by name but the scope's.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};

use crate::model::span::{Attribute, AttributeValue};
use crate::otlp::Limits;

/// Converts a list of attributes, in order. What the limits leave out is added to `dropped`.
pub(super) fn convert_all(list: Vec<KeyValue>, limits: &Limits, dropped: &mut u32) -> Vec<Attribute> {
    convert_entries(list, limits, 0, dropped)
}

/// What the OpenTelemetry specification calls these where there is no scope ("Mapping to non-OTLP formats").
pub(super) fn push_scope(attributes: &mut Vec<Attribute>, scope: &InstrumentationScope, limits: &Limits) {
    for (key, text) in [("otel.scope.name", &scope.name), ("otel.scope.version", &scope.version)] {
        if !text.is_empty() {
            let text = cut_bytes(text.clone(), limits.attribute_text_bytes_max);
            attributes.push(Attribute { key: key.to_owned(), value: AttributeValue::Text(text) });
        }
    }
}

fn convert_entries(list: Vec<KeyValue>, limits: &Limits, depth: usize, dropped: &mut u32) -> Vec<Attribute> {
    // Two more: the scope's name and version are added to every span.
    let mut out = Vec::with_capacity(list.len().min(limits.attributes_max) + if depth == 0 { 2 } else { 0 });
    for entry in list {
        // An attribute without a key cannot be named on any screen, nor searched for.
        if entry.key.is_empty() || out.len() == limits.attributes_max {
            *dropped = dropped.saturating_add(1);
            continue;
        }
        let key = cut_bytes(entry.key, limits.attribute_text_bytes_max);
        out.push(Attribute { key, value: convert_value(entry.value, limits, depth, dropped) });
    }
    out
}

fn convert_value(value: Option<AnyValue>, limits: &Limits, depth: usize, dropped: &mut u32) -> AttributeValue {
    let Some(value) = value.and_then(|value| value.value) else { return AttributeValue::Empty };
    match value {
        Value::StringValue(text) => AttributeValue::Text(cut_bytes(text, limits.attribute_text_bytes_max)),
        Value::BoolValue(flag) => AttributeValue::Bool(flag),
        Value::IntValue(number) => AttributeValue::Int(number),
        Value::DoubleValue(number) => AttributeValue::Double(number),
        Value::BytesValue(mut bytes) => {
            bytes.truncate(limits.attribute_text_bytes_max);
            AttributeValue::Bytes(bytes)
        }
        Value::ArrayValue(_) | Value::KvlistValue(_) if depth == limits.depth_max => {
            *dropped = dropped.saturating_add(1);
            AttributeValue::Empty
        }
        Value::ArrayValue(array) => {
            let left_out = array.values.len().saturating_sub(limits.attributes_max);
            *dropped = dropped.saturating_add(u32::try_from(left_out).unwrap_or(u32::MAX));
            let kept = array.values.into_iter().take(limits.attributes_max);
            AttributeValue::List(kept.map(|value| convert_value(Some(value), limits, depth + 1, dropped)).collect())
        }
        Value::KvlistValue(list) => AttributeValue::Map(convert_entries(list.values, limits, depth + 1, dropped)),
        // An index into a table of strings that only profiles have.
        Value::StringValueStrindex(_) => AttributeValue::Empty,
    }
}

/// At most `bytes_max` bytes, cut at a character boundary.
pub(super) fn cut_bytes(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(cut_str(&text, bytes_max).len());
        text.shrink_to_fit();
    }
    text
}

/// As [`cut_bytes`], of a text that is somebody else's.
pub(super) fn cut_str(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// At most `chars_max` characters, the last one `…` when something was cut.
pub(super) fn cut_chars(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::ArrayValue;

    use super::*;
    use crate::otlp::testing::{LIMITS, text_value};

    fn entry(key: &str, value: Option<Value>) -> KeyValue {
        KeyValue { key: key.into(), value: Some(AnyValue { value }), key_strindex: 0 }
    }

    fn convert(list: Vec<KeyValue>, limits: &Limits) -> (Vec<Attribute>, u32) {
        let mut dropped = 0;
        (convert_all(list, limits, &mut dropped), dropped)
    }

    #[test]
    fn every_kind_of_value_has_its_counterpart() {
        let list = Value::ArrayValue(ArrayValue { values: vec![text_value("a"), AnyValue::default()] });
        let (out, dropped) = convert(
            vec![
                entry("text", text_value("x").value),
                entry("flag", Some(Value::BoolValue(true))),
                entry("bytes", Some(Value::BytesValue(vec![1]))),
                entry("list", Some(list)),
                entry("empty", None),
            ],
            &LIMITS,
        );
        let values: Vec<_> = out.into_iter().map(|attribute| attribute.value).collect();
        assert_eq!(
            values,
            [
                AttributeValue::Text("x".into()),
                AttributeValue::Bool(true),
                AttributeValue::Bytes(vec![1]),
                AttributeValue::List(vec![AttributeValue::Text("a".into()), AttributeValue::Empty]),
                AttributeValue::Empty,
            ]
        );
        assert_eq!(dropped, 0);
    }

    #[test]
    fn what_is_over_the_limits_is_left_out_and_counted() {
        let limits = Limits { attributes_max: 1, attribute_text_bytes_max: 3, depth_max: 1, ..LIMITS };
        let inner = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![text_value("deep")] })) };
        let outer = Value::ArrayValue(ArrayValue { values: vec![inner, text_value("second")] });
        let (out, dropped) = convert(vec![entry("", None), entry("kéy", Some(outer)), entry("late", None)], &limits);
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].key, "ké");
        assert_eq!(out[0].value, AttributeValue::List(vec![AttributeValue::Empty]));
        assert_eq!(dropped, 4);
    }

    #[test]
    fn characters_are_cut_with_an_ellipsis() {
        assert_eq!(cut_chars("abc", 3), "abc");
        assert_eq!(cut_chars("äbcd", 3), "äb…");
    }
}
