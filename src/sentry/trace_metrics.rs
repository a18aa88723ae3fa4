//! One `trace_metric` container to metric points.
//!
//! Knows Sentry's shape of a metric (protocol notes, section 3.4). A point without trace id, time, name or a finite
//! value costs itself.

use crate::config::METRIC_BYTES_MAX;
use crate::model::decoded::Refusal;
use crate::model::metric::{MetricBatch, MetricKind, MetricPoint};
use crate::sentry::Limits;
use crate::sentry::clock::drift_ns;
use crate::sentry::container::{ResourceParts, WireAttributes, read_attributes, read_container};
use crate::sentry::event::{Arrival, ItemError, span_id, trace_id};
use crate::sentry::json::{Object, Scalar, wire_object};
use crate::sentry::logs::item_time_ns;

const NAME_CHARS_MAX: usize = 200;
const UNIT_CHARS_MAX: usize = 64;

wire_object! {
    WireMetric {
        timestamp: Scalar<'a> = "timestamp",
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        name: Scalar<'a> = "name",
        ty: Scalar<'a> = "type",
        unit: Scalar<'a> = "unit",
        value: Scalar<'a> = "value",
        attributes: WireAttributes<'a> = "attributes",
    }
}

/// Reads the container. Resources name no service where the metrics do not; the caller knows the project.
pub(super) fn decode_metrics(
    payload: &[u8],
    arrival: &Arrival,
    limits: &Limits,
) -> Result<(MetricBatch, Vec<Refusal>), ItemError> {
    let shift_ns = drift_ns(arrival.sent_at_ns, arrival.received_ms);
    let contained = read_container(payload, "trace_metric", METRIC_BYTES_MAX, limits.depth_max, |text| {
        let wire: Object<WireMetric<'_>> = serde_json::from_str(text).map_err(|_| "a value is not readable")?;
        point(wire.0.ok_or("metric is not an object")?, shift_ns, arrival.received_ms)
    })?;
    let mut batch = MetricBatch::default();
    for (mut point, resource) in contained.items {
        point.resource = resource.place(&mut batch.resources);
        batch.points.push(point);
    }
    Ok((batch, contained.refused))
}

fn point(wire: WireMetric<'_>, shift_ns: i64, received_ms: i64) -> Result<(MetricPoint, ResourceParts), &'static str> {
    let name = wire.name.limited(NAME_CHARS_MAX).filter(|name| !name.trim().is_empty()).ok_or("name is missing")?;
    let kind = wire.ty.as_str().and_then(MetricKind::parse).ok_or("type is none of counter, gauge and distribution")?;
    let value = match &wire.value {
        Scalar::Int(n) => *n as f64,
        Scalar::UInt(n) => *n as f64,
        Scalar::Float(n) if n.is_finite() => *n,
        _ => return Err("value is not a number"),
    };
    let trace_id = trace_id(&wire.trace_id).ok_or("trace_id is missing or invalid")?;
    let time_ns = item_time_ns(&wire.timestamp, shift_ns, received_ms)?;
    let mut resource = ResourceParts::default();
    let attributes = read_attributes(wire.attributes, |key, value| resource.take(key, value));
    let point = MetricPoint {
        name,
        kind,
        unit: wire.unit.limited(UNIT_CHARS_MAX).filter(|unit| unit != "none").unwrap_or_default(),
        value,
        time_ns,
        trace_id: Some(trace_id),
        span_id: span_id(&wire.span_id),
        dropped: attributes.dropped,
        attributes: attributes.kept,
        ..MetricPoint::default()
    };
    Ok((point, resource))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ids::EventId;
    use crate::sentry::TEST_LIMITS;

    const NOW_MS: i64 = 1_700_000_000_000;
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

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

    fn decode(items: &str) -> (MetricBatch, u64) {
        let payload = format!("{{\"items\":[{items}]}}");
        let (batch, rest) = decode_metrics(payload.as_bytes(), &arrival(), &TEST_LIMITS).unwrap();
        (batch, rest.iter().map(|refusal| refusal.quantity).sum())
    }

    #[test]
    fn the_three_kinds_are_read() {
        let item = |ty: &str, value: &str| {
            format!(
                r#"{{"timestamp":1699999999.5,"trace_id":"{TRACE}","name":"cart.size","type":"{ty}","value":{value},"unit":"item"}}"#
            )
        };
        let (batch, refused) =
            decode(&[item("counter", "3"), item("gauge", "-2.5"), item("distribution", "1e3")].join(","));
        let read: Vec<_> =
            batch.points.iter().map(|point| (point.kind.as_str(), point.value, point.unit.as_str())).collect();
        assert_eq!(read, [("counter", 3.0, "item"), ("gauge", -2.5, "item"), ("distribution", 1000.0, "item")]);
        assert_eq!((refused, batch.points[0].time_ns), (0, 1_699_999_999_500_000_000));
    }

    #[test]
    fn a_point_that_means_nothing_costs_itself() {
        let good = format!(r#"{{"timestamp":1699999999,"trace_id":"{TRACE}","name":"a","type":"counter","value":1}}"#);
        let bad = [
            good.replace("counter", "set"),
            good.replace("\"value\":1", "\"value\":\"1\""),
            good.replace("\"value\":1", "\"value\":1e400"),
            good.replace("\"name\":\"a\"", "\"name\":\" \""),
            good.replace(TRACE, "00000000000000000000000000000000"),
            good.replace("1699999999", "null"),
            "7".to_owned(),
        ];
        let (batch, refused) = decode(&format!("{},{good}", bad.join(",")));
        assert_eq!((batch.points.len(), refused), (1, bad.len() as u64));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_metrics(&payload, &arrival(), &TEST_LIMITS);
        }

        #[test]
        fn no_truncation_panics(end in any::<prop::sample::Index>()) {
            let payload = format!(r#"{{"items":[{{"timestamp":1,"trace_id":"{TRACE}","name":"a","type":"gauge","value":1.5,"attributes":{{"x":{{"value":1,"type":"integer"}}}}}}]}}"#);
            let _ = decode_metrics(&payload.as_bytes()[..end.index(payload.len())], &arrival(), &TEST_LIMITS);
        }
    }
}
