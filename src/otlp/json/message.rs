//! The JSON form of spans, log records, resources and attribute values.
//!
//! Each definition mirrors a generated type field by field (`serde(remote)`), so nothing is converted afterwards; the
//! compiler notices when a field is missing. snake_case names are read too: some producers print the proto's own.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::scalar::{self, AnyNumber, Number, Text, enum_number, hex, list, message, text, uint32, uint64};
use super::{Json, Wire};

#[derive(Default, Deserialize)]
#[serde(remote = "Span", rename_all = "camelCase", default)]
struct SpanFields {
    #[serde(deserialize_with = "hex", alias = "trace_id")]
    trace_id: Vec<u8>,
    #[serde(deserialize_with = "hex", alias = "span_id")]
    span_id: Vec<u8>,
    #[serde(deserialize_with = "text", alias = "trace_state")]
    trace_state: String,
    #[serde(deserialize_with = "hex", alias = "parent_span_id")]
    parent_span_id: Vec<u8>,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "span_kind")]
    kind: i32,
    #[serde(deserialize_with = "uint64", alias = "start_time_unix_nano")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "end_time_unix_nano")]
    end_time_unix_nano: u64,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
    #[serde(deserialize_with = "list")]
    events: Vec<Event>,
    #[serde(deserialize_with = "uint32", alias = "dropped_events_count")]
    dropped_events_count: u32,
    #[serde(deserialize_with = "list")]
    links: Vec<Link>,
    #[serde(deserialize_with = "uint32", alias = "dropped_links_count")]
    dropped_links_count: u32,
    #[serde(deserialize_with = "message")]
    status: Option<Status>,
}

impl Json for Span {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SpanFields::deserialize(deserializer)
    }
}

fn span_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    const NAMES: [(&str, i32); 5] = [("INTERNAL", 1), ("SERVER", 2), ("CLIENT", 3), ("PRODUCER", 4), ("CONSUMER", 5)];
    scalar::enumeration(deserializer, |text| enum_number(text, "SPAN_KIND_", &NAMES))
}

#[derive(Default, Deserialize)]
#[serde(remote = "Event", rename_all = "camelCase", default)]
struct EventFields {
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
}

impl Json for Event {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EventFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Link", rename_all = "camelCase", default)]
struct LinkFields {
    #[serde(deserialize_with = "hex", alias = "trace_id")]
    trace_id: Vec<u8>,
    #[serde(deserialize_with = "hex", alias = "span_id")]
    span_id: Vec<u8>,
    #[serde(deserialize_with = "text", alias = "trace_state")]
    trace_state: String,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
}

impl Json for Link {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LinkFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Status", rename_all = "camelCase", default)]
struct StatusFields {
    #[serde(deserialize_with = "text")]
    message: String,
    #[serde(deserialize_with = "status_code")]
    code: i32,
}

impl Json for Status {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StatusFields::deserialize(deserializer)
    }
}

fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    scalar::enumeration(deserializer, |text| enum_number(text, "STATUS_CODE_", &[("OK", 1), ("ERROR", 2)]))
}

#[derive(Default, Deserialize)]
#[serde(remote = "LogRecord", rename_all = "camelCase", default)]
struct LogRecordFields {
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "observed_time_unix_nano")]
    observed_time_unix_nano: u64,
    #[serde(deserialize_with = "severity_number", alias = "severity_number")]
    severity_number: i32,
    #[serde(deserialize_with = "text", alias = "severity_text")]
    severity_text: String,
    #[serde(deserialize_with = "message")]
    body: Option<AnyValue>,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
    #[serde(deserialize_with = "hex", alias = "trace_id")]
    trace_id: Vec<u8>,
    #[serde(deserialize_with = "hex", alias = "span_id")]
    span_id: Vec<u8>,
    #[serde(deserialize_with = "text", alias = "event_name")]
    event_name: String,
}

impl Json for LogRecord {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LogRecordFields::deserialize(deserializer)
    }
}

fn severity_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    scalar::enumeration(deserializer, |text| {
        let named = SeverityNumber::from_str_name(&text.to_ascii_uppercase());
        named.map(|number| Number::Int(i64::from(number as i32))).or_else(|| enum_number(text, "", &[]))
    })
}

#[derive(Default, Deserialize)]
#[serde(remote = "Resource", rename_all = "camelCase", default)]
struct ResourceFields {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
    #[serde(skip)]
    entity_refs: Vec<EntityRef>,
}

impl Json for Resource {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ResourceFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "InstrumentationScope", rename_all = "camelCase", default)]
struct InstrumentationScopeFields {
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "text")]
    version: String,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint32", alias = "dropped_attributes_count")]
    dropped_attributes_count: u32,
}

impl Json for InstrumentationScope {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        InstrumentationScopeFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "KeyValue", rename_all = "camelCase", default)]
struct KeyValueFields {
    #[serde(deserialize_with = "text")]
    key: String,
    #[serde(deserialize_with = "message")]
    value: Option<AnyValue>,
    #[serde(skip)]
    key_strindex: i32,
}

impl Json for KeyValue {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyValueFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "ArrayValue", rename_all = "camelCase", default)]
struct ArrayValueFields {
    #[serde(deserialize_with = "list")]
    values: Vec<AnyValue>,
}

impl Json for ArrayValue {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ArrayValueFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "KeyValueList", rename_all = "camelCase", default)]
struct KeyValueListFields {
    #[serde(deserialize_with = "list")]
    values: Vec<KeyValue>,
}

impl Json for KeyValueList {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyValueListFields::deserialize(deserializer)
    }
}

impl Json for AnyValue {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValueVisitor)
    }
}

/// By hand: serde's `flatten` would buffer every attribute once more.
struct AnyValueVisitor;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ValueField {
    #[serde(alias = "string_value")]
    StringValue,
    #[serde(alias = "bool_value")]
    BoolValue,
    #[serde(alias = "int_value")]
    IntValue,
    #[serde(alias = "double_value")]
    DoubleValue,
    #[serde(alias = "array_value")]
    ArrayValue,
    #[serde(alias = "kvlist_value")]
    KvlistValue,
    #[serde(alias = "bytes_value")]
    BytesValue,
    #[serde(other)]
    Unknown,
}

impl<'de> Visitor<'de> for AnyValueVisitor {
    type Value = AnyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value such as {\"stringValue\": …}")
    }

    fn visit_unit<E>(self) -> Result<AnyValue, E> {
        Ok(AnyValue::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AnyValue, A::Error> {
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(AnyValue::default()),
            Some(_) => Err(Error::custom("expected an attribute value, found a list")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue, A::Error> {
        let mut out = None;
        while let Some(field) = map.next_key()? {
            let value = match field {
                ValueField::StringValue => map.next_value::<Option<Text>>()?.map(|text| Value::StringValue(text.0)),
                ValueField::BoolValue => map.next_value::<Option<bool>>()?.map(Value::BoolValue),
                ValueField::IntValue => map.next_value::<AnyNumber>()?.0.map(int_value),
                ValueField::DoubleValue => {
                    map.next_value::<AnyNumber>()?.0.map(|number| Value::DoubleValue(number.to_f64()))
                }
                ValueField::ArrayValue => {
                    map.next_value::<Option<Wire<ArrayValue>>>()?.map(|wire| Value::ArrayValue(wire.0))
                }
                ValueField::KvlistValue => {
                    map.next_value::<Option<Wire<KeyValueList>>>()?.map(|wire| Value::KvlistValue(wire.0))
                }
                ValueField::BytesValue => match map.next_value::<Option<Text>>()? {
                    Some(text) => Some(Value::BytesValue(scalar::base64(&text.0)?)),
                    None => None,
                },
                ValueField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            out = value.or(out);
        }
        Ok(AnyValue { value: out })
    }
}

/// What no 64-bit integer holds is kept as a float rather than cut off or refused.
fn int_value(number: Number) -> Value {
    match number.to_i64() {
        Some(number) => Value::IntValue(number),
        None => Value::DoubleValue(number.to_f64()),
    }
}
