//! One log record of the wire as a record of the model, and the sink that collects them.
//!
//! Owns what is repaired of a record and how a structured body reads. No record is refused for what is in it: an odd field
//! costs that field. What a record means besides being a record (an exception, say) is decided from the finished batch,
//! in [`super::decode_logs`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord as WireLog;
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use serde_json::{Map, Value as Json};

use crate::config::{LOG_BODY_BYTES_MAX, LOG_WORD_BYTES_MAX};
use crate::model::decoded::Incoming;
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::span::{Attribute, AttributeValue, SpanSource, text_attribute};
use crate::otlp::intake::{ListNames, Sink};
use crate::otlp::{Limits, Signal, attribute, semantic, span};

/// What the specification calls the lower eight bits of `flags` outside of OTLP ("Trace Context in non-OTLP Log Formats").
const TRACE_FLAGS: &str = "trace_flags";
const EVENT_NAME: &str = "event.name";

/// Log records, converted one by one.
pub(super) struct LogSink<'a> {
    limits: &'a Limits,
    batch: LogBatch,
    /// Index of the first record of the scope being read.
    scope_start: usize,
    /// Index of the first record of the resource being read.
    resource_start: usize,
}

impl<'a> LogSink<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, batch: LogBatch::default(), scope_start: 0, resource_start: 0 }
    }
}

impl Sink for LogSink<'_> {
    type Leaf = WireLog;
    const SIGNAL: Signal = Signal::Logs;
    const LIST_NAMES: ListNames =
        [["resourceLogs", "resource_logs"], ["scopeLogs", "scope_logs"], ["logRecords", "log_records"]];

    fn take(&mut self, leaf: WireLog) -> Result<(), &'static str> {
        // The resource may come after its records, so they get its future index.
        let record = convert(leaf, self.batch.resources.len(), self.limits);
        self.batch.records.push(record);
        Ok(())
    }

    fn close_scope(&mut self, scope: InstrumentationScope) {
        let own = scope_attributes(&scope, self.limits);
        // Loggers are scopes: Python's `logging`, Log4j and slog bridges name theirs by the logger.
        let name = attribute::cut_bytes(scope.name, LOG_WORD_BYTES_MAX);
        for record in &mut self.batch.records[self.scope_start..] {
            record.logger = Some(name.clone()).filter(|name| !name.is_empty());
            record.attributes.extend(own.iter().cloned());
        }
        self.scope_start = self.batch.records.len();
    }

    fn close_resource(&mut self, resource: WireResource) {
        if self.batch.records.len() > self.resource_start {
            let attributes = attribute::convert_all(resource.attributes, self.limits, &mut 0);
            self.batch.resources.push(semantic::resource_meaning(attributes));
        }
        self.resource_start = self.batch.records.len();
    }

    fn finish(self) -> Option<Incoming> {
        (!self.batch.records.is_empty()).then_some(Incoming::Logs(self.batch))
    }
}

/// Version and attributes of a scope, as attributes of what it holds; its name stands elsewhere.
fn scope_attributes(scope: &InstrumentationScope, limits: &Limits) -> Vec<Attribute> {
    let nameless = InstrumentationScope { name: String::new(), version: scope.version.clone(), ..Default::default() };
    let mut own = Vec::new();
    attribute::push_scope(&mut own, &nameless, limits);
    own.extend(attribute::convert_all(scope.attributes.clone(), limits, &mut 0));
    own
}

/// Converts a record that belongs to the resource at index `resource`. Its time is when it was written, else when it was
/// first seen; 0 when neither was said.
fn convert(wire: WireLog, resource: usize, limits: &Limits) -> LogRecord {
    let observed_ns = span::usable_time(wire.observed_time_unix_nano);
    let time_ns = span::usable_time(wire.time_unix_nano).or(observed_ns).unwrap_or(0);
    let trace_id = span::usable_trace_id(&wire.trace_id);
    let mut dropped = wire.dropped_attributes_count;
    let mut attributes = attribute::convert_all(wire.attributes, limits, &mut dropped);
    let mut body = wire.body.map(|body| body_text(body, limits, &mut dropped)).unwrap_or_default();
    if body.is_empty() {
        body = title_of(&wire.event_name, &attributes);
    }
    if !wire.event_name.is_empty() && text_attribute(&attributes, EVENT_NAME).is_none() {
        let name = attribute::cut_bytes(wire.event_name, LOG_WORD_BYTES_MAX);
        attributes.push(Attribute { key: EVENT_NAME.to_owned(), value: AttributeValue::Text(name) });
    }
    let trace_flags = i64::from(wire.flags & 0xff);
    if trace_id.is_some() && trace_flags != 0 {
        attributes.push(Attribute { key: TRACE_FLAGS.to_owned(), value: AttributeValue::Int(trace_flags) });
    }
    let (severity, severity_text) = severity(wire.severity_number, wire.severity_text);
    LogRecord {
        time_ns,
        observed_ns,
        severity,
        severity_text,
        body,
        template: None,
        logger: None,
        trace_id,
        span_id: span::usable_span_id(&wire.span_id),
        resource,
        source: SpanSource::Otel,
        attributes,
        dropped,
    }
}

/// The number, or that of the word when there is none; and the word, when it says more than the level's own.
fn severity(number: i32, word: String) -> (u8, String) {
    let known = LogLevel::parse(&word);
    let severity = u8::try_from(number).ok().filter(|number| (1..=24).contains(number));
    let severity = severity.or_else(|| known.map(LogLevel::severity)).unwrap_or(0);
    let level = LogLevel::of(severity);
    let says_the_same =
        known == Some(level) && (word.eq_ignore_ascii_case(level.as_str()) || word.eq_ignore_ascii_case("warning"));
    let word = if says_the_same { String::new() } else { attribute::cut_bytes(word, LOG_WORD_BYTES_MAX) };
    (severity, word)
}

/// What a reader sees of a record without a body, as exceptions and events are: `KeyError: 'price'`, or the event's name.
fn title_of(event_name: &str, attributes: &[Attribute]) -> String {
    let text = |key| text_attribute(attributes, key).filter(|text| !text.is_empty());
    let title = match (text("exception.type"), text("exception.message")) {
        (Some(ty), Some(message)) => format!("{ty}: {message}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => event_name.to_owned(),
    };
    attribute::cut_bytes(title, LOG_BODY_BYTES_MAX)
}

/// Text as it is; anything else as JSON.
fn body_text(body: AnyValue, limits: &Limits, dropped: &mut u32) -> String {
    // A body may be longer than an attribute.
    let limits = Limits { attribute_text_bytes_max: LOG_BODY_BYTES_MAX, ..*limits };
    let entry = KeyValue { key: "body".to_owned(), value: Some(body), key_strindex: 0 };
    let value = attribute::convert_all(vec![entry], &limits, dropped).pop().map(|entry| entry.value);
    match value {
        None | Some(AttributeValue::Empty) => String::new(),
        Some(AttributeValue::Text(text)) => text,
        Some(other) => attribute::cut_bytes(json_of(other).to_string(), LOG_BODY_BYTES_MAX),
    }
}

fn json_of(value: AttributeValue) -> Json {
    match value {
        AttributeValue::Empty => Json::Null,
        AttributeValue::Bool(flag) => Json::from(flag),
        AttributeValue::Int(number) => Json::from(number),
        // JSON has no word for NaN and infinity; their names are.
        AttributeValue::Double(number) if !number.is_finite() => Json::from(number.to_string()),
        AttributeValue::Double(number) => Json::from(number),
        AttributeValue::Text(text) => Json::from(text),
        AttributeValue::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        AttributeValue::List(values) => values.into_iter().map(json_of).collect(),
        AttributeValue::Map(entries) => {
            Json::Object(entries.into_iter().map(|entry| (entry.key, json_of(entry.value))).collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;
    use crate::otlp::testing::{LIMITS, text_value};

    fn converted(change: impl FnOnce(&mut WireLog)) -> LogRecord {
        let mut wire = WireLog {
            time_unix_nano: 1_700_000_000_000_000_000,
            observed_time_unix_nano: 1_700_000_000_000_000_009,
            severity_number: 9,
            severity_text: "INFO".into(),
            body: Some(text_value("paid")),
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            ..WireLog::default()
        };
        change(&mut wire);
        convert(wire, 0, &LIMITS)
    }

    fn pair(key: &str, value: Option<Value>) -> KeyValue {
        KeyValue { key: key.into(), value: Some(AnyValue { value }), key_strindex: 0 }
    }

    #[test]
    fn times_are_the_records_own_then_the_observers_then_none() {
        let times = |time, observed| {
            let record = converted(|wire| (wire.time_unix_nano, wire.observed_time_unix_nano) = (time, observed));
            (record.time_ns, record.observed_ns)
        };
        assert_eq!(times(5, 7), (5, Some(7)));
        assert_eq!(times(5, 0), (5, None));
        assert_eq!(times(0, 7), (7, Some(7)));
        assert_eq!(times(u64::MAX, 7), (7, Some(7)));
        assert_eq!(times(0, 0), (0, None));
    }

    #[test]
    fn severities_are_numbers_with_words_that_add_something() {
        let severity = |number, word: &str| severity(number, word.to_owned());
        assert_eq!(severity(9, "INFO"), (9, String::new()));
        assert_eq!(severity(13, "WARNING"), (13, String::new()));
        assert_eq!(severity(21, "CRITICAL"), (21, "CRITICAL".into()));
        assert_eq!(severity(10, "Information"), (10, "Information".into()));
        assert_eq!(severity(0, "error"), (17, String::new()));
        assert_eq!(severity(0, "notice"), (9, "notice".into()));
        assert_eq!(severity(99, "loud"), (0, "loud".into()));
        assert_eq!(severity(-3, ""), (0, String::new()));
        assert_eq!(severity(17, "info"), (17, "info".into()), "a word that contradicts is kept");
    }

    #[test]
    fn bodies_are_text_or_json() {
        let body = |value: Option<Value>| converted(|wire| wire.body = Some(AnyValue { value })).body;
        assert_eq!(body(text_value("a\nb").value), "a\nb");
        assert_eq!(body(Some(Value::IntValue(-7))), "-7");
        assert_eq!(body(Some(Value::DoubleValue(f64::NAN))), "\"NaN\"");
        assert_eq!(body(Some(Value::BytesValue(vec![255, 0]))), "\"/wA=\"");
        assert_eq!(body(None), "");
        let list = Value::ArrayValue(ArrayValue { values: vec![text_value("x"), AnyValue::default()] });
        let map = KeyValueList { values: vec![pair("b", Some(list)), pair("a", Some(Value::BoolValue(true)))] };
        assert_eq!(body(Some(Value::KvlistValue(map))), r#"{"b":["x",null],"a":true}"#);
        let long = body(text_value(&"é".repeat(LOG_BODY_BYTES_MAX)).value);
        assert!(long.len() <= LOG_BODY_BYTES_MAX && long.len() > LIMITS.attribute_text_bytes_max);
    }

    #[test]
    fn a_record_without_a_body_is_titled_by_its_exception_or_event() {
        let exception = vec![pair("exception.type", text_value("KeyError").value), pair("exception.message", None)];
        let record = converted(|wire| {
            (wire.body, wire.attributes, wire.event_name) = (None, exception, "http.server.request.exception".into());
        });
        assert_eq!(record.body, "KeyError");
        assert_eq!(text_attribute(&record.attributes, EVENT_NAME), Some("http.server.request.exception"));
        assert_eq!(converted(|wire| (wire.body, wire.event_name) = (None, "user.login".into())).body, "user.login");
    }

    #[test]
    fn odd_ids_are_none_and_flags_stand_with_the_trace_they_are_of() {
        let record = converted(|wire| wire.flags = 0x301);
        assert_eq!((record.trace_id.is_some(), record.span_id.is_some()), (true, true));
        assert_eq!(record.attributes.last().map(|entry| entry.value.clone()), Some(AttributeValue::Int(1)));
        let record = converted(|wire| (wire.trace_id, wire.span_id, wire.flags) = (vec![0; 16], vec![1; 3], 1));
        assert_eq!((record.trace_id, record.span_id, record.attributes.len()), (None, None, 0));
    }
}
