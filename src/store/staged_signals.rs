//! Logs and metrics between acknowledgement and sealing: the model's batches to our own bytes (`proto/staged.proto`)
//! and back. What they share with spans is in [`super::staged`].

use prost::Message as _;

use crate::r#gen::staged as pb;
use crate::model::buckets::Buckets;
use crate::model::ids::{SpanId, TraceId};
use crate::model::log::{LogBatch, LogRecord};
use crate::model::metric::{MetricBatch, MetricHistogram, MetricKind, MetricPoint};
use crate::model::span::Resource;

use super::StoreError;
use super::staged::{
    attributes_from_pb, attributes_to_pb, resource_from_pb, resource_to_pb, source_from_code, source_to_code,
};

/// The bytes of a batch, uncompressed.
pub fn encode_logs(batch: LogBatch) -> Vec<u8> {
    pb::StagedLogs {
        resources: batch.resources.into_iter().map(resource_to_pb).collect(),
        records: batch.records.into_iter().map(record_to_pb).collect(),
    }
    .encode_to_vec()
}

/// The inverse of [`encode_logs`].
pub(super) fn decode_logs(bytes: &[u8]) -> Result<LogBatch, StoreError> {
    let staged = pb::StagedLogs::decode(bytes).map_err(|error| StoreError::BadBody(error.to_string()))?;
    let records: Vec<LogRecord> = staged.records.into_iter().map(record_from_pb).collect();
    let resources = named_resources(staged.resources, records.iter().map(|record| record.resource))?;
    Ok(LogBatch { resources, records })
}

/// The bytes of a batch, uncompressed.
pub fn encode_metrics(batch: MetricBatch) -> Vec<u8> {
    pb::StagedMetrics {
        resources: batch.resources.into_iter().map(resource_to_pb).collect(),
        points: batch.points.into_iter().map(point_to_pb).collect(),
    }
    .encode_to_vec()
}

/// The inverse of [`encode_metrics`].
pub(super) fn decode_metrics(bytes: &[u8]) -> Result<MetricBatch, StoreError> {
    let staged = pb::StagedMetrics::decode(bytes).map_err(|error| StoreError::BadBody(error.to_string()))?;
    let points: Vec<MetricPoint> = staged.points.into_iter().map(point_from_pb).collect();
    let resources = named_resources(staged.resources, points.iter().map(|point| point.resource))?;
    Ok(MetricBatch { resources, points, descriptions: Vec::new() })
}

/// The resources of a batch, in which each of `named` is the place of one.
fn named_resources(
    resources: Vec<pb::Resource>,
    mut named: impl Iterator<Item = usize>,
) -> Result<Vec<Resource>, StoreError> {
    if named.any(|place| place >= resources.len()) {
        return Err(StoreError::BadBody("a row without its resource".to_string()));
    }
    Ok(resources.into_iter().map(resource_from_pb).collect())
}

pub(super) fn metric_kind_to_code(kind: MetricKind) -> u32 {
    match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Distribution => 2,
    }
}

pub(super) fn metric_kind_from_code(code: u32) -> MetricKind {
    match code {
        1 => MetricKind::Gauge,
        2 => MetricKind::Distribution,
        _ => MetricKind::Counter,
    }
}

fn record_to_pb(record: LogRecord) -> pb::LogRecord {
    pb::LogRecord {
        time_ns: record.time_ns,
        observed_ns: record.observed_ns,
        severity: u32::from(record.severity),
        severity_text: record.severity_text,
        body: record.body,
        template: record.template,
        logger: record.logger,
        trace_id: record.trace_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        span_id: record.span_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        resource: record.resource as u32,
        source: source_to_code(record.source),
        attributes: attributes_to_pb(record.attributes),
        dropped: record.dropped,
    }
}

fn record_from_pb(record: pb::LogRecord) -> LogRecord {
    LogRecord {
        time_ns: record.time_ns,
        observed_ns: record.observed_ns,
        severity: u8::try_from(record.severity).unwrap_or(0),
        severity_text: record.severity_text,
        body: record.body,
        template: record.template,
        logger: record.logger,
        trace_id: TraceId::from_slice(&record.trace_id),
        span_id: SpanId::from_slice(&record.span_id),
        resource: record.resource as usize,
        source: source_from_code(record.source),
        attributes: attributes_from_pb(record.attributes),
        dropped: record.dropped,
    }
}

fn point_to_pb(point: MetricPoint) -> pb::MetricPoint {
    pb::MetricPoint {
        name: point.name,
        kind: metric_kind_to_code(point.kind),
        unit: point.unit,
        value: point.value,
        time_ns: point.time_ns,
        trace_id: point.trace_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        span_id: point.span_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        resource: point.resource as u32,
        attributes: attributes_to_pb(point.attributes),
        dropped: point.dropped,
        since_ns: point.since_ns,
        histogram: point.histogram.map(|histogram| histogram_to_pb(*histogram)),
        example: point.example,
    }
}

fn histogram_to_pb(histogram: MetricHistogram) -> pb::MetricHistogram {
    pb::MetricHistogram {
        count: histogram.count,
        sum: histogram.sum,
        min: histogram.min,
        max: histogram.max,
        lows: histogram.buckets.iter().map(|bucket| bucket.low).collect(),
        highs: histogram.buckets.iter().map(|bucket| bucket.high).collect(),
        counts: histogram.buckets.iter().map(|bucket| bucket.count).collect(),
    }
}

fn histogram_from_pb(histogram: pb::MetricHistogram) -> MetricHistogram {
    let mut buckets = Buckets::default();
    for ((low, high), count) in histogram.lows.into_iter().zip(histogram.highs).zip(histogram.counts) {
        buckets.add(low.into(), high.into(), count);
    }
    MetricHistogram { count: histogram.count, sum: histogram.sum, min: histogram.min, max: histogram.max, buckets }
}

fn point_from_pb(point: pb::MetricPoint) -> MetricPoint {
    MetricPoint {
        name: point.name,
        kind: metric_kind_from_code(point.kind),
        unit: point.unit,
        value: point.value,
        time_ns: point.time_ns,
        trace_id: TraceId::from_slice(&point.trace_id),
        span_id: SpanId::from_slice(&point.span_id),
        resource: point.resource as usize,
        attributes: attributes_from_pb(point.attributes),
        dropped: point.dropped,
        since_ns: point.since_ns,
        histogram: point.histogram.map(|histogram| Box::new(histogram_from_pb(histogram))),
        example: point.example,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::span::{Attribute, AttributeValue, SpanSource};

    fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
        let leaf = prop_oneof![
            Just(AttributeValue::Empty),
            any::<bool>().prop_map(AttributeValue::Bool),
            any::<i64>().prop_map(AttributeValue::Int),
            (-1e300..1e300_f64).prop_map(AttributeValue::Double),
            "\\PC{0,12}".prop_map(AttributeValue::Text),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(AttributeValue::Bytes),
        ];
        let value =
            leaf.prop_recursive(3, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(AttributeValue::List));
        prop::collection::vec(("[a-z.]{1,9}", value).prop_map(|(key, value)| Attribute { key, value }), 0..5)
    }

    fn ids() -> impl Strategy<Value = (Option<TraceId>, Option<SpanId>)> {
        (prop::option::of(any::<[u8; 16]>()), prop::option::of(any::<[u8; 8]>()))
            .prop_map(|(trace, span)| (trace.map(TraceId), span.map(SpanId)))
    }

    fn log() -> impl Strategy<Value = LogRecord> {
        let texts = ("\\PC{0,20}", prop::option::of("\\PC{0,20}"), prop::option::of("\\PC{0,9}"), "[a-z]{0,5}");
        (
            any::<i64>(),
            prop::option::of(any::<i64>()),
            0..25_u8,
            texts,
            ids(),
            attributes(),
            any::<u32>(),
            any::<bool>(),
        )
            .prop_map(
                |(
                    time_ns,
                    observed_ns,
                    severity,
                    (body, template, logger, severity_text),
                    ids,
                    attributes,
                    dropped,
                    otel,
                )| {
                    LogRecord {
                        time_ns,
                        observed_ns,
                        severity,
                        severity_text,
                        body,
                        template,
                        logger,
                        trace_id: ids.0,
                        span_id: ids.1,
                        resource: 0,
                        source: if otel { SpanSource::Otel } else { SpanSource::Sentry },
                        attributes,
                        dropped,
                    }
                },
            )
    }

    fn point() -> impl Strategy<Value = MetricPoint> {
        (
            "\\PC{1,20}",
            prop::sample::select(MetricKind::ALL.to_vec()),
            "[a-z]{0,9}",
            -1e300..1e300_f64,
            any::<i64>(),
            ids(),
            attributes(),
            (prop::option::of(any::<i64>()), prop::option::of(histogram()), prop::option::of(-1e9..1e9_f64)),
        )
            .prop_map(|(name, kind, unit, value, time_ns, ids, attributes, (since_ns, histogram, example))| {
                MetricPoint {
                    name,
                    kind,
                    unit,
                    value,
                    histogram: histogram.map(Box::new),
                    since_ns,
                    time_ns,
                    trace_id: ids.0,
                    span_id: ids.1,
                    example,
                    resource: 0,
                    attributes,
                    dropped: 0,
                }
            })
    }

    fn histogram() -> impl Strategy<Value = MetricHistogram> {
        let ranges = prop::collection::vec((-9_i32..9, 0_i32..9, 0_u64..99), 0..9);
        (0_u64..999, -1e9..1e9_f64, prop::option::of(-1e9..1e9_f64), ranges).prop_map(|(count, sum, max, ranges)| {
            let mut buckets = Buckets::default();
            ranges.iter().for_each(|(low, wide, n)| buckets.add(f64::from(*low), f64::from(low + wide), *n));
            buckets.add(f64::NEG_INFINITY, f64::INFINITY, 3);
            MetricHistogram { count, sum, min: None, max, buckets }
        })
    }

    fn resource() -> Resource {
        Resource { service: "shop".into(), release: Some("1".into()), ..Resource::default() }
    }

    proptest! {
        #[test]
        fn logs_come_back_as_they_were(records in prop::collection::vec(log(), 0..6)) {
            let batch = LogBatch { resources: vec![resource()], records };
            prop_assert_eq!(decode_logs(&encode_logs(batch.clone())).unwrap(), batch);
        }

        #[test]
        fn metrics_come_back_as_they_were(points in prop::collection::vec(point(), 0..6)) {
            let batch = MetricBatch { resources: vec![resource()], points, ..MetricBatch::default() };
            prop_assert_eq!(decode_metrics(&encode_metrics(batch.clone())).unwrap(), batch);
        }

        #[test]
        fn other_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode_logs(&bytes);
            let _ = decode_metrics(&bytes);
        }
    }

    #[test]
    fn what_names_no_resource_is_an_error() {
        let log = LogBatch { resources: vec![], records: vec![LogRecord::default()] };
        assert!(decode_logs(&encode_logs(log)).is_err());
        let metric = MetricBatch { points: vec![MetricPoint::default()], ..MetricBatch::default() };
        assert!(decode_metrics(&encode_metrics(metric)).is_err());
    }
}
