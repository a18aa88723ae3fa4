//! The JSON encoding of a request, walked down to its spans, log records or metrics.
//!
//! Owns the three outer levels; `message` and `metric` read what is inside into the same generated types that prost
//! fills, `scalar` holds every leniency. Not `opentelemetry-proto`'s own serde: it refuses what real exporters send
//! (an `arrayValue` without `values`, enums by name, NaN as text), and one such attribute would cost the batch.
//!
//! A leaf is first taken as raw text, then read: a span with a mistake in it costs only itself, and none is built that
//! is larger than the limit. The scan costs about a third on top.

mod message;
mod metric;
mod scalar;
mod shorten;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::otlp::intake::{Intake, Sink};
use crate::otlp::{Format, OtlpError};
pub(in crate::otlp) use shorten::with_short_texts;

/// A message of the protocol that can be read from its JSON form.
pub(super) trait Json: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// [`Json`] as serde's own trait, which cannot be implemented for generated types.
struct Wire<T>(T);

impl<'de, T: Json> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Wire)
    }
}

/// Reads a whole request. Bytes that are not UTF-8 are replaced.
pub(super) fn walk<S: Sink>(body: &[u8], intake: &mut Intake<'_, S>) -> Result<(), OtlpError> {
    let text = String::from_utf8_lossy(body);
    let text: Cow<'_, str> = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned().into(),
        None => text,
    };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let mut failed = None;
    let request = Object { intake, failed: &mut failed, level: Level::Request };
    let read = request.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    // The error behind serde's, which can carry only text.
    if let Some(error) = failed {
        return Err(error);
    }
    read.map_err(|error| OtlpError::from_decoder(Format::Json, &error.to_string()))
}

/// Reads one message from its text; fails with the decoder's words.
fn from_text<T: Json>(text: &str) -> Result<T, String> {
    serde_json::from_str::<Wire<T>>(text).map(|wire| wire.0).map_err(|error| error.to_string())
}

/// `{resourceSpans: [{resource, scopeSpans: [{scope, spans: [leaf]}]}]}`
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Request = 0,
    Resource = 1,
    Scope = 2,
}

impl Level {
    fn inner(self) -> Option<Self> {
        match self {
            Self::Request => Some(Self::Resource),
            Self::Resource => Some(Self::Scope),
            Self::Scope => None,
        }
    }
}

/// The object at a level. `null` and `[]` (PHP's empty object) are empty.
struct Object<'i, 'a, S> {
    intake: &'i mut Intake<'a, S>,
    failed: &'i mut Option<OtlpError>,
    level: Level,
}

/// The list inside the object at a level.
struct List<'i, 'a, S>(Object<'i, 'a, S>);

/// What a field of such an object is to us.
enum Field {
    /// The list of the next level.
    Children,
    /// The resource or the scope.
    Owner,
    Unknown,
}

struct FieldName<'n>(&'n [&'static str; 2], Level);

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(match (self.1, name) {
            _ if self.0.contains(&name) => Field::Children,
            (Level::Resource, "resource") | (Level::Scope, "scope") => Field::Owner,
            _ => Field::Unknown,
        })
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Object<'_, '_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Object<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(serde::de::Error::custom("expected an object, found a list")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { intake, failed, level } = self;
        let names = &S::LIST_NAMES[level as usize];
        let mut owner: Option<&RawValue> = None;
        while let Some(field) = map.next_key_seed(FieldName(names, level))? {
            match field {
                Field::Children => map.next_value_seed(List(Object { intake, failed, level }))?,
                Field::Owner => owner = map.next_value()?,
                Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let text = owner.map_or("{}", RawValue::get);
        let closed = match level {
            Level::Request => Ok(()),
            Level::Resource => read_owner(intake, text).map(|resource| intake.close_resource(resource)),
            Level::Scope => read_owner(intake, text).map(|scope| intake.close_scope(scope)),
        };
        closed.map_err(|error| {
            let text = error.to_string();
            *failed = Some(error);
            serde::de::Error::custom(text)
        })
    }
}

fn read_owner<S: Sink, T: Json>(intake: &Intake<'_, S>, text: &str) -> Result<T, OtlpError> {
    intake.check_owner_bytes(text.len())?;
    from_text(text).map_err(|error| OtlpError::from_decoder(Format::Json, &error))
}

impl<'de, S: Sink> DeserializeSeed<'de> for List<'_, '_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for List<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(serde::de::Error::custom("expected a list, found an object")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Object { intake, failed, level } = self.0;
        match level.inner() {
            Some(level) => while seq.next_element_seed(Object { intake, failed, level })?.is_some() {},
            None => {
                while let Some(leaf) = seq.next_element::<Option<&RawValue>>()? {
                    if let Some(leaf) = leaf {
                        let leaf = intake.shortened(leaf.get());
                        intake.leaf(leaf.len(), |sink| Ok(sink.take(from_text(&leaf)?)));
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::decoded::{Decoded, Incoming};
    use crate::model::span::{AttributeValue, Span, SpanKind, SpanStatus};
    use crate::otlp::testing::LIMITS;
    use crate::otlp::{Format, OtlpError, decode_logs, decode_metrics, decode_traces};

    fn decode(body: &str) -> Result<Decoded, OtlpError> {
        decode_traces(Format::Json, body.as_bytes(), &LIMITS)
    }

    /// The one span of a request whose span has these fields besides the necessary ones.
    fn span(fields: &str) -> Span {
        let span = format!(
            r#"{{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"B7AD6B7169203331","startTimeUnixNano":"5",{fields}}}"#
        );
        let decoded = decode(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#));
        let decoded = decoded.expect("a request");
        let [Incoming::Spans { batch, .. }] = &decoded.items[..] else { panic!("{decoded:?}") };
        batch.spans[0].clone()
    }

    fn attribute(value: &str) -> AttributeValue {
        span(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#)).attributes[0].value.clone()
    }

    #[test]
    fn empty_requests_in_every_shape_are_fine() {
        for body in [
            "{}",
            "null",
            "[]",
            "\u{feff}{}",
            r#"{"resourceSpans":null}"#,
            r#"{"resourceSpans":{}}"#,
            r#"{"resourceSpans":[null,{},{"resource":null,"scopeSpans":null}]}"#,
            r#"{"resourceSpans":[{"resource":{},"scopeSpans":[null,{"scope":null,"spans":[null]}]}]}"#,
            r#"{"other":[{"\ud800":1}]}"#,
        ] {
            assert_eq!(decode(body), Ok(Decoded::default()), "{body}");
        }
    }

    #[test]
    fn broken_json_is_malformed() {
        for body in ["", "{", "{} {}", "[1]", "7", r#"{"resourceSpans":[5]}"#, r#"{"resourceSpans":{"a":1}}"#] {
            assert!(matches!(decode(body), Err(OtlpError::Malformed { .. })), "{body}");
        }
    }

    #[test]
    fn ids_come_in_either_case() {
        assert_eq!(span(r#""name":"n""#).span_id.to_string(), "b7ad6b7169203331");
        assert_eq!(span(r#""parentSpanId":"00F067AA0BA902B7""#).parent_span_id.map(|id| id.0[0]), Some(0));
        for none in ["null", r#""""#] {
            assert_eq!(span(&format!(r#""parentSpanId":{none}"#)).parent_span_id, None);
        }
    }

    #[test]
    fn times_are_text_numbers_or_floats() {
        for time in ["\"1700000000000000000\"", "1700000000000000000", "1.7e18", "\"1.7e18\"", "1700000000000000000.0"]
        {
            assert_eq!(span(&format!(r#""endTimeUnixNano":{time}"#)).end_ns, 1_700_000_000_000_000_000, "{time}");
        }
    }

    #[test]
    fn enums_are_numbers_or_names() {
        for kind in ["2", "\"2\"", "2.0", "\"SPAN_KIND_SERVER\"", "\"SERVER\"", "\"server\""] {
            assert_eq!(span(&format!(r#""kind":{kind}"#)).kind, SpanKind::Server, "{kind}");
        }
        for kind in ["null", "0", "99", "\"SPAN_KIND_NEW\""] {
            assert_eq!(span(&format!(r#""kind":{kind}"#)).kind, SpanKind::Internal, "{kind}");
        }
        assert_eq!(span(r#""status":{"code":"STATUS_CODE_ERROR","message":null}"#).status, SpanStatus::Error);
        assert_eq!(span(r#""status":null"#).status, SpanStatus::Unset);
    }

    #[test]
    fn values_are_read_however_they_are_written() {
        use AttributeValue::{Bool, Bytes, Double, Empty, Int, List, Map, Text};
        for (json, value) in [
            (r#"{"stringValue":"x"}"#, Text("x".into())),
            (r#"{"stringValue":"a\ud800b"}"#, Text("a\u{fffd}b".into())),
            (r#"{"string_value":"x"}"#, Text("x".into())),
            (r#"{"boolValue":true}"#, Bool(true)),
            (r#"{"intValue":"42"}"#, Int(42)),
            (r#"{"intValue":-42}"#, Int(-42)),
            (r#"{"intValue":42.0}"#, Int(42)),
            (r#"{"intValue":18446744073709551615}"#, Double(18_446_744_073_709_551_615.0)),
            (r#"{"intValue":42.5}"#, Double(42.5)),
            (r#"{"doubleValue":1}"#, Double(1.0)),
            (r#"{"doubleValue":"1.5"}"#, Double(1.5)),
            (r#"{"doubleValue":"-Infinity"}"#, Double(f64::NEG_INFINITY)),
            (r#"{"bytesValue":"/+8="}"#, Bytes(vec![0xff, 0xef])),
            (r#"{"bytesValue":"_-8"}"#, Bytes(vec![0xff, 0xef])),
            (r#"{"arrayValue":{}}"#, List(vec![])),
            (r#"{"arrayValue":{"values":null}}"#, List(vec![])),
            (r#"{"arrayValue":{"values":[{},{"intValue":1},null]}}"#, List(vec![Empty, Int(1), Empty])),
            (r#"{"kvlistValue":{}}"#, Map(vec![])),
            (r#"{"kvlistValue":null}"#, Empty),
            (r#"{"futureValue":{"x":[1]}}"#, Empty),
            ("{}", Empty),
            ("[]", Empty),
            ("null", Empty),
        ] {
            assert_eq!(attribute(json), value, "{json}");
        }
        let Double(number) = attribute(r#"{"doubleValue":"NaN"}"#) else { panic!("not a double") };
        assert!(number.is_nan());
    }

    #[test]
    fn missing_unknown_and_snake_case_fields_are_fine() {
        let span = span(
            r#""name":null,"attributes":[{"value":{"intValue":1}},null,{"key":"k"}],"end_time_unix_nano":9,
            "droppedAttributesCount":"3","new":{"a":[1,{"b":null}]},"links":{},"events":[{"name":"e","attributes":{}}],
            "traceState":"""#,
        );
        assert_eq!(span.end_ns, 9);
        assert_eq!(span.attributes.len(), 1);
        assert_eq!(span.dropped, 5);
        assert_eq!(span.events.len(), 1);
    }

    #[test]
    fn a_span_with_a_mistake_costs_only_itself() {
        let good =
            r#"{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","startTimeUnixNano":5}"#;
        let spans = format!(r#"[{good},{{"name":{{}}}},{{"traceId":"xyz"}},{{"startTimeUnixNano":"soon"}},7]"#);
        let decoded =
            decode(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":{spans}}}]}}]}}"#)).expect("a request");
        assert_eq!(decoded.items.len(), 1);
        let quantities: Vec<_> = decoded.refused.iter().map(|refusal| refusal.quantity).collect();
        assert_eq!(quantities, [3, 1], "{:?}", decoded.refused);
    }

    #[test]
    fn deep_nesting_is_said_clearly() {
        let deep = format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(100), "]}}".repeat(100));
        let span = format!(r#"{{"attributes":[{{"key":"k","value":{deep}}}]}}"#);
        let error =
            decode(&format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#)).expect_err("too deep");
        assert_eq!(error, OtlpError::TooDeep { format: Format::Json });
    }

    #[test]
    fn the_resource_may_come_last() {
        let good =
            r#"{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","startTimeUnixNano":5}"#;
        let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],"entityRefs":[{}]}"#;
        let body = format!(
            r#"{{"resourceSpans":[{{}},{{"scopeSpans":[{{"spans":[{good}],"scope":{{"name":"s"}}}}],"resource":{resource}}}]}}"#
        );
        let decoded = decode(&body).expect("a request");
        let [Incoming::Spans { batch, .. }] = &decoded.items[..] else { panic!("{decoded:?}") };
        assert_eq!(batch.resources[batch.spans[0].resource].service, "shop");
        assert_eq!(batch.spans[0].attributes[0].key, "otel.scope.name");
    }

    #[test]
    fn logs_and_metrics_are_read_with_every_leniency() {
        let logs = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
            {"timeUnixNano":"1","severityNumber":"SEVERITY_NUMBER_INFO","body":{"stringValue":"x"},"traceId":""},{}]}]}]}"#;
        let decoded = decode_logs(Format::Json, logs.as_bytes(), &LIMITS).expect("a request");
        let [Incoming::Logs(batch)] = &decoded.items[..] else { panic!("{decoded:?}") };
        assert_eq!((batch.records.len(), batch.records[0].severity, batch.records[0].time_ns), (2, 9, 1));

        let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
            {"name":"a","gauge":{"dataPoints":[{"asInt":"1"},{"asDouble":"NaN","exemplars":[{"asInt":2}]}]}},
            {"name":"b","sum":{"dataPoints":[{"asDouble":1}],"aggregationTemporality":2,"isMonotonic":true}},
            {"name":"c","histogram":{"dataPoints":[{"count":"3","bucketCounts":["1",2],"explicitBounds":[0.5],
              "sum":1,"min":null}],"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"}},
            {"name":"d","exponentialHistogram":{"dataPoints":[{"scale":-1,"positive":{"offset":"1","bucketCounts":["1"]}}]}},
            {"name":"e","summary":{"dataPoints":[{"quantileValues":[{"quantile":0.5,"value":1}]}]}},
            {"name":"f"}]}]}]}"#;
        let decoded = decode_metrics(Format::Json, metrics.as_bytes(), &LIMITS).expect("a request");
        let [Incoming::Metrics(batch)] = &decoded.items[..] else { panic!("{decoded:?}") };
        let points: Vec<_> = batch.points.iter().map(|p| (p.name.as_str(), p.since_ns, p.buckets().count())).collect();
        let expected =
            [("a", None, 0), ("b", Some(0), 0), ("c", None, 3), ("d", Some(0), 1), ("e", None, 0), ("e", Some(0), 0)];
        assert_eq!(points, expected);
        let refused: Vec<_> =
            decoded.refused.iter().map(|refusal| (refusal.category.as_str(), refusal.quantity)).collect();
        assert_eq!(refused, [("trace_metric", 1)], "the value that is no number");
    }
}
