//! One `log` container to log records.
//!
//! Knows Sentry's shape of a log (protocol notes, section 3.4) and what its SDKs leave unformatted. A log without
//! trace id or time costs that log.

use serde_json::{Map, Value};

use crate::config::LOG_BYTES_MAX;
use crate::model::decoded::Refusal;
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::span::{Attribute, AttributeValue, SpanSource};
use crate::sentry::Limits;
use crate::sentry::clock::{CLOCK_SHIFT, drift_ns, is_future, time_ns};
use crate::sentry::container::{ResourceParts, WireAttributes, read_attributes, read_container};
use crate::sentry::event::{Arrival, ItemError, format_values, span_id, trace_id};
use crate::sentry::json::{Object, Scalar, wire_object};

/// Characters of a body and of a template; longer than an event's message, because a log may be a dump.
const BODY_CHARS_MAX: usize = 64 << 10;
const LOGGER_CHARS_MAX: usize = 200;
/// Parameters that a template is filled with.
const PARAMETERS_MAX: usize = 64;

const PARAMETER: &str = "sentry.message.parameter.";

wire_object! {
    WireLog {
        timestamp: Scalar<'a> = "timestamp",
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        level: Scalar<'a> = "level",
        severity: Scalar<'a> = "severity_number",
        body: Scalar<'a> = "body",
        attributes: WireAttributes<'a> = "attributes",
    }
}

/// Reads the container. Resources name no service where the logs do not; the caller knows the project.
pub(super) fn decode_logs(
    payload: &[u8],
    arrival: &Arrival,
    limits: &Limits,
) -> Result<(LogBatch, Vec<Refusal>), ItemError> {
    let shift_ns = drift_ns(arrival.sent_at_ns, arrival.received_ms);
    let contained = read_container(payload, "log", LOG_BYTES_MAX, limits.depth_max, |text| {
        let wire: Object<WireLog<'_>> = serde_json::from_str(text).map_err(|_| "a value is not readable")?;
        record(wire.0.ok_or("log is not an object")?, shift_ns, arrival.received_ms)
    })?;
    let mut batch = LogBatch::default();
    for (mut record, resource) in contained.items {
        record.resource = resource.place(&mut batch.resources);
        batch.records.push(record);
    }
    Ok((batch, contained.refused))
}

fn record(wire: WireLog<'_>, shift_ns: i64, received_ms: i64) -> Result<(LogRecord, ResourceParts), &'static str> {
    let trace_id = trace_id(&wire.trace_id).ok_or("trace_id is missing or invalid")?;
    let time_ns = item_time_ns(&wire.timestamp, shift_ns, received_ms)?;
    let mut resource = ResourceParts::default();
    let mut severity = severity_number(&wire.severity);
    let (mut logger, mut template) = (None, None);
    let mut attributes = read_attributes(wire.attributes, |key, value| match (key, value) {
        ("logger.name", AttributeValue::Text(name)) => {
            logger = Scalar::Text(name.as_str().into()).limited(LOGGER_CHARS_MAX);
            true
        }
        ("sentry.message.template", AttributeValue::Text(text)) => {
            template = Some(text.clone());
            true
        }
        ("sentry.severity_number", AttributeValue::Int(number)) => {
            severity = severity.or_else(|| severity_number(&Scalar::Int(*number)));
            true
        }
        ("sentry.severity_text", _) => true,
        _ => resource.take(key, value),
    });
    let word = wire.level.limited(32).unwrap_or_default();
    let level = LogLevel::parse(&word);
    let mut body = wire.body.limited(BODY_CHARS_MAX).unwrap_or_default();
    // JavaScript's console leaves the placeholders in: `order %s paid`.
    if template.as_deref() == Some(body.as_str()) {
        body = filled(&body, &attributes.kept).unwrap_or(body);
    }
    let moved_ns = self::time_ns(&wire.timestamp).map_or(0, |sent| time_ns.saturating_sub(sent));
    if moved_ns != 0 {
        let value = AttributeValue::Int(moved_ns / 1_000_000);
        attributes.kept.push(Attribute { key: CLOCK_SHIFT.to_owned(), value });
    }
    let record = LogRecord {
        time_ns,
        observed_ns: None,
        severity: severity.or_else(|| level.map(LogLevel::severity)).unwrap_or(0),
        severity_text: if level.is_some() { String::new() } else { word },
        template: template.filter(|template| *template != body),
        body,
        logger,
        trace_id: Some(trace_id),
        span_id: span_id(&wire.span_id),
        resource: 0,
        source: SpanSource::Sentry,
        dropped: attributes.dropped,
        attributes: attributes.kept,
    };
    Ok((record, resource))
}

/// The time of a log or metric by our clock. What claims to be from the future has just happened.
pub(super) fn item_time_ns(sent: &Scalar<'_>, shift_ns: i64, received_ms: i64) -> Result<i64, &'static str> {
    let time_ns = time_ns(sent).ok_or("timestamp is missing or invalid")?.saturating_add(shift_ns);
    if time_ns <= 0 {
        return Err("timestamp is before 1970");
    }
    let is_future = is_future(time_ns, received_ms);
    Ok(if is_future { received_ms.saturating_mul(1_000_000) } else { time_ns })
}

fn severity_number(sent: &Scalar<'_>) -> Option<u8> {
    sent.unsigned().and_then(|number| u8::try_from(number).ok()).filter(|number| (1..=24).contains(number))
}

/// The template with its parameters in their places; `None` without parameters or placeholders.
fn filled(template: &str, attributes: &[crate::model::span::Attribute]) -> Option<String> {
    let mut named = Map::new();
    let mut placed: Vec<(usize, Value)> = Vec::new();
    for attribute in attributes {
        let Some(name) = attribute.key.strip_prefix(PARAMETER) else { continue };
        let value = match &attribute.value {
            AttributeValue::Text(text) => Value::from(text.as_str()),
            AttributeValue::Int(number) => Value::from(*number),
            AttributeValue::Double(number) => Value::from(*number),
            AttributeValue::Bool(flag) => Value::from(*flag),
            _ => continue,
        };
        if named.len() + placed.len() == PARAMETERS_MAX {
            break;
        }
        match name.parse() {
            Ok(place) => placed.push((place, value)),
            Err(_) => drop(named.insert(name.to_owned(), value)),
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    let values = match (placed.is_empty(), named.is_empty()) {
        (false, _) => Value::Array(placed.into_iter().map(|(_, value)| value).collect()),
        (true, false) => Value::Object(named),
        (true, true) => return None,
    };
    format_values(template, &values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ids::EventId;
    use crate::model::outcome::Reason;
    use crate::model::span::Resource;
    use crate::sentry::TEST_LIMITS;

    const NOW_MS: i64 = 1_700_000_000_000;
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn decode(items: &str) -> (LogBatch, Vec<(Reason, String, u64)>) {
        let payload = format!("{{\"version\":2,\"items\":[{items}]}}");
        let (batch, rest) = decode_logs(payload.as_bytes(), &arrival(), &TEST_LIMITS).unwrap();
        (batch, rest.into_iter().map(|r| (r.reason, r.detail, r.quantity)).collect())
    }

    fn arrival() -> Arrival {
        Arrival {
            header_event_id: None,
            sent_at_ns: None,
            received_ms: NOW_MS,
            client_ip: None,
            infer_ip: None,
            fresh_id: EventId([1; 16]),
        }
    }

    fn log(rest: &str) -> LogRecord {
        let (mut batch, refused) = decode(&format!("{{\"timestamp\":1700000000.5,\"trace_id\":\"{TRACE}\",{rest}}}"));
        assert_eq!(refused, []);
        batch.records.remove(0)
    }

    #[test]
    fn a_python_log_is_read_with_its_resource_apart() {
        let (batch, _) = decode(&format!(
            r#"{{"timestamp":1700000000.5,"trace_id":"{TRACE}","span_id":"b7ad6b7169203331","level":"warn","body":"cart 42 is stale",
               "attributes":{{"sentry.message.template":{{"value":"cart %s is stale","type":"string"}},
               "sentry.message.parameter.0":{{"value":42,"type":"integer"}},"logger.name":{{"value":"shop.cart","type":"string"}},
               "sentry.release":{{"value":"shop@1","type":"string"}},"sentry.environment":{{"value":"production","type":"string"}},
               "sentry.sdk.name":{{"value":"sentry.python","type":"string"}},"sentry.sdk.version":{{"value":"2.75.0","type":"string"}},
               "sentry.severity_number":{{"value":13,"type":"integer"}},"sentry.severity_text":{{"value":"warn","type":"string"}}}}}}"#
        ));
        let expected = LogRecord {
            time_ns: 1_700_000_000_500_000_000,
            severity: 13,
            body: "cart 42 is stale".into(),
            template: Some("cart %s is stale".into()),
            logger: Some("shop.cart".into()),
            trace_id: crate::model::ids::TraceId::parse(TRACE),
            span_id: crate::model::ids::SpanId::parse("b7ad6b7169203331"),
            attributes: vec![Attribute { key: "sentry.message.parameter.0".into(), value: AttributeValue::Int(42) }],
            ..LogRecord::default()
        };
        assert_eq!(batch.records, [expected]);
        let resource = Resource {
            release: Some("shop@1".into()),
            environment: Some("production".into()),
            sdk: Some("sentry.python/2.75.0".into()),
            ..Resource::default()
        };
        assert_eq!(batch.resources, [resource]);
    }

    #[test]
    fn levels_become_severities() {
        for (level, severity) in
            [("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("warning", 13), ("error", 17), ("fatal", 21)]
        {
            let record = log(&format!("\"level\":\"{level}\",\"body\":\"x\""));
            assert_eq!((record.severity, record.severity_text.as_str()), (severity, ""), "{level}");
        }
        let odd = log("\"level\":\"loud\",\"body\":\"x\"");
        assert_eq!((odd.severity, odd.severity_text.as_str()), (0, "loud"));
        assert_eq!(log("\"level\":\"error\",\"severity_number\":20,\"body\":\"x\"").severity, 20);
        assert_eq!(log("\"level\":\"error\",\"severity_number\":99,\"body\":\"x\"").severity, 17);
    }

    #[test]
    fn templates_that_were_not_filled_are() {
        let record = log(
            r#""body":"order %s of %s paid","attributes":{"sentry.message.template":{"value":"order %s of %s paid","type":"string"},
               "sentry.message.parameter.1":{"value":"ada","type":"string"},"sentry.message.parameter.0":{"value":7,"type":"integer"}}"#,
        );
        assert_eq!(record.body, "order 7 of ada paid");
        assert_eq!(record.template.as_deref(), Some("order %s of %s paid"));
        let named =
            log(r#""body":"hi {who}","attributes":{"sentry.message.template":{"value":"hi {who}","type":"string"},
               "sentry.message.parameter.who":{"value":"ada","type":"string"}}"#);
        assert_eq!(named.body, "hi ada");
        let plain =
            log(r#""body":"100 %s","attributes":{"sentry.message.template":{"value":"100 %s","type":"string"}}"#);
        assert_eq!((plain.body.as_str(), plain.template), ("100 %s", None));
    }

    #[test]
    fn a_log_without_trace_or_time_costs_itself() {
        let (batch, refused) = decode(&format!(
            r#"{{"timestamp":1,"body":"a"}},{{"trace_id":"{TRACE}","body":"b"}},{{"timestamp":"1700000000","trace_id":"{TRACE}"}},
               {{"timestamp":1e999,"trace_id":"{TRACE}"}},{{"timestamp":-4,"trace_id":"{TRACE}"}},[],
               {{"timestamp":1700000000,"trace_id":"{TRACE}","body":{{"odd":1}},"level":3}}"#
        ));
        assert_eq!(batch.records.len(), 1);
        assert_eq!(batch.records[0].body, "");
        assert_eq!(refused.iter().map(|(_, _, quantity)| quantity).sum::<u64>(), 6, "{refused:?}");
        assert!(refused.iter().all(|(reason, _, _)| *reason == Reason::Invalid));
    }

    #[test]
    fn logs_of_the_future_have_just_happened() {
        let (batch, _) = decode(&format!(r#"{{"timestamp":1900000000,"trace_id":"{TRACE}","body":"x"}}"#));
        assert_eq!(batch.records[0].time_ns, NOW_MS * 1_000_000);
        let noted = Attribute { key: CLOCK_SHIFT.to_owned(), value: AttributeValue::Int(-200_000_000_000) };
        assert_eq!(batch.records[0].attributes, [noted]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_logs(&payload, &arrival(), &TEST_LIMITS);
        }

        #[test]
        fn no_flipped_bits_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..8)) {
            let mut payload = format!(
                r#"{{"version":2,"items":[{{"timestamp":1700000000.5,"trace_id":"{TRACE}","level":"info","body":"%s {{x}}",
                   "attributes":{{"sentry.message.template":{{"value":"%s {{x}}","type":"string"}},
                   "sentry.message.parameter.0":{{"value":[1,{{"a":2}}],"type":"array"}}}}}}]}}"#
            ).into_bytes();
            for (place, bit) in flips {
                let at = place.index(payload.len());
                payload[at] ^= 1 << bit;
            }
            let _ = decode_logs(&payload, &arrival(), &TEST_LIMITS);
        }

        #[test]
        fn every_sound_log_is_kept(bodies in prop::collection::vec("\\PC{0,40}", 0..20)) {
            let items: Vec<String> = bodies
                .iter()
                .map(|body| serde_json::json!({"timestamp": 1_699_999_999.0, "trace_id": TRACE, "level": "info", "body": body}).to_string())
                .collect();
            let (batch, refused) = decode(&items.join(","));
            prop_assert_eq!(refused, vec![]);
            let kept: Vec<&str> = batch.records.iter().map(|record| record.body.as_str()).collect();
            prop_assert_eq!(kept, bodies);
        }
    }
}
