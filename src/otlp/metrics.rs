//! The metrics of the wire as points of the model, and the sink that collects them.
//!
//! Owns which of our three kinds each of the protocol's five is, and what makes a point unusable. Totals stay totals here:
//! what one adds to the last is found out where the last one is known.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as WireBuckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;

use crate::config::{
    METRIC_BUCKETS_MAX, METRIC_DESCRIPTION_BYTES_MAX, METRIC_NAME_BYTES_MAX, METRIC_UNIT_BYTES_MAX, REQUEST_POINTS_MAX,
};
use crate::model::buckets::{Buckets, COUNT_MAX, GRID_SCALE};
use crate::model::decoded::Incoming;
use crate::model::metric::{MetricBatch, MetricHistogram, MetricKind, MetricPoint};
use crate::model::span::Attribute;
use crate::otlp::intake::{ListNames, Sink};
use crate::otlp::{Limits, Signal, attribute, semantic, span};

const NO_VALUE: &str = "point without a value that is a number";
const ODD_BUCKETS: &str = "histogram whose counts and bounds do not belong together";
const TOO_MANY: &str = "too many points in one request";
const NO_NAME: &str = "metric without a name";

/// Of one summary; clients are configured with three to five.
const QUANTILES_MAX: usize = 32;

/// Metric points, converted one by one.
pub(super) struct MetricSink<'a> {
    limits: &'a Limits,
    batch: MetricBatch,
    /// Index of the first point of the scope being read.
    scope_start: usize,
    /// Index of the first point of the resource being read.
    resource_start: usize,
    refused: Vec<(&'static str, u64)>,
}

impl<'a> MetricSink<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, batch: MetricBatch::default(), scope_start: 0, resource_start: 0, refused: Vec::new() }
    }

    /// Takes the points of one metric that could be read; one without a value on purpose is no point.
    fn take_points<T>(
        &mut self,
        points: Vec<T>,
        mut convert: impl FnMut(T, &Limits) -> Result<Option<MetricPoint>, &'static str>,
    ) {
        for point in points {
            match convert(point, self.limits) {
                Ok(Some(_)) if self.batch.points.len() >= REQUEST_POINTS_MAX => self.refuse(TOO_MANY),
                Ok(Some(point)) => self.batch.points.push(point),
                Ok(None) => {}
                Err(kind) => self.refuse(kind),
            }
        }
    }

    fn refuse(&mut self, kind: &'static str) {
        match self.refused.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, quantity)) => *quantity += 1,
            None => self.refused.push((kind, 1)),
        }
    }

    fn describe(&mut self, name: &str, description: String) {
        if !description.is_empty() && !self.batch.descriptions.iter().any(|(known, _)| known == name) {
            let text = attribute::cut_bytes(description, METRIC_DESCRIPTION_BYTES_MAX);
            self.batch.descriptions.push((name.to_owned(), text));
        }
    }
}

impl Sink for MetricSink<'_> {
    type Leaf = Metric;
    const SIGNAL: Signal = Signal::Metrics;
    const LIST_NAMES: ListNames =
        [["resourceMetrics", "resource_metrics"], ["scopeMetrics", "scope_metrics"], ["metrics", "metrics"]];

    fn take(&mut self, leaf: Metric) -> Result<(), &'static str> {
        let Metric { name, description, unit, data, .. } = leaf;
        if name.trim().is_empty() {
            return Err(NO_NAME);
        }
        let name = attribute::cut_bytes(name, METRIC_NAME_BYTES_MAX);
        let before = self.batch.points.len();
        let resource = self.batch.resources.len();
        let shape = |kind: MetricKind, is_total: bool| Shape {
            name: name.clone(),
            unit: attribute::cut_bytes(unit.clone(), METRIC_UNIT_BYTES_MAX),
            kind,
            is_total,
            // The resource may come after its points, so they get its future index.
            resource,
        };
        match data {
            None => {}
            Some(Data::Gauge(gauge)) => {
                let shape = shape(MetricKind::Gauge, false);
                self.take_points(gauge.data_points, |point, limits| shape.number(point, limits));
            }
            Some(Data::Sum(sum)) => {
                let is_total = is_total(sum.aggregation_temporality);
                // A total that may fall is how many there are; only what is added to it one by one is counted.
                let kind = if is_total && !sum.is_monotonic { MetricKind::Gauge } else { MetricKind::Counter };
                let shape = shape(kind, is_total && sum.is_monotonic);
                self.take_points(sum.data_points, |point, limits| shape.number(point, limits));
            }
            Some(Data::Histogram(histogram)) => {
                let shape = shape(MetricKind::Distribution, is_total(histogram.aggregation_temporality));
                self.take_points(histogram.data_points, |point, limits| shape.histogram(point, limits));
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let shape = shape(MetricKind::Distribution, is_total(histogram.aggregation_temporality));
                self.take_points(histogram.data_points, |point, limits| shape.exponential(point, limits));
            }
            Some(Data::Summary(summary)) => {
                // Summaries have no temporality: their count and sum run for as long as the process does.
                let (whole, parts) = (shape(MetricKind::Distribution, true), shape(MetricKind::Gauge, false));
                let quantiles = summary.data_points.iter().flat_map(quantiles).collect();
                self.take_points(quantiles, |point, limits| parts.number(point, limits));
                self.take_points(summary.data_points, |point, limits| whole.summary(point, limits));
            }
        }
        if self.batch.points.len() > before {
            self.describe(&name, description);
        }
        Ok(())
    }

    fn close_scope(&mut self, scope: InstrumentationScope) {
        for point in &mut self.batch.points[self.scope_start..] {
            attribute::push_scope(&mut point.attributes, &scope, self.limits);
        }
        self.scope_start = self.batch.points.len();
    }

    fn close_resource(&mut self, resource: WireResource) {
        if self.batch.points.len() > self.resource_start {
            let attributes = attribute::convert_all(resource.attributes, self.limits, &mut 0);
            self.batch.resources.push(semantic::resource_meaning(attributes));
        }
        self.resource_start = self.batch.points.len();
    }

    fn refused(&mut self) -> Vec<(&'static str, u64)> {
        std::mem::take(&mut self.refused)
    }

    fn finish(self) -> Option<Incoming> {
        (!self.batch.points.is_empty()).then_some(Incoming::Metrics(self.batch))
    }
}

/// Whether points are totals since a start. "Unspecified" must not be sent; totals are what SDKs send unless told.
fn is_total(temporality: i32) -> bool {
    temporality != AggregationTemporality::Delta as i32
}

/// What the points of one metric have in common.
struct Shape {
    name: String,
    unit: String,
    kind: MetricKind,
    is_total: bool,
    resource: usize,
}

/// What the points of every kind have.
struct Base {
    attributes: Vec<KeyValue>,
    since: u64,
    time: u64,
    flags: u32,
    exemplars: Vec<Exemplar>,
}

impl Shape {
    fn number(&self, point: NumberDataPoint, limits: &Limits) -> Result<Option<MetricPoint>, &'static str> {
        let value = match point.value {
            Some(number_data_point::Value::AsInt(number)) => Some(number as f64),
            Some(number_data_point::Value::AsDouble(number)) => Some(number).filter(|number| number.is_finite()),
            None => None,
        };
        let base = Base {
            attributes: point.attributes,
            since: point.start_time_unix_nano,
            time: point.time_unix_nano,
            flags: point.flags,
            exemplars: point.exemplars,
        };
        self.point(base, limits, || value.map(|value| (value, None)).ok_or(NO_VALUE))
    }

    fn histogram(&self, point: HistogramDataPoint, limits: &Limits) -> Result<Option<MetricPoint>, &'static str> {
        let base = Base {
            attributes: point.attributes,
            since: point.start_time_unix_nano,
            time: point.time_unix_nano,
            flags: point.flags,
            exemplars: point.exemplars,
        };
        let Spread { count, sum, min, max } =
            Spread { count: point.count, sum: point.sum, min: point.min, max: point.max };
        self.point(base, limits, || {
            let buckets = explicit_buckets(&point.explicit_bounds, &point.bucket_counts, count)?;
            Spread { count, sum, min, max }.with(buckets)
        })
    }

    fn exponential(
        &self,
        point: ExponentialHistogramDataPoint,
        limits: &Limits,
    ) -> Result<Option<MetricPoint>, &'static str> {
        let base = Base {
            attributes: point.attributes,
            since: point.start_time_unix_nano,
            time: point.time_unix_nano,
            flags: point.flags,
            exemplars: point.exemplars,
        };
        let spread = Spread { count: point.count, sum: point.sum, min: point.min, max: point.max };
        self.point(base, limits, || {
            let mut buckets = Buckets::default();
            buckets.add(-point.zero_threshold.abs(), point.zero_threshold.abs(), point.zero_count);
            for (wire, is_negative) in [(&point.positive, false), (&point.negative, true)] {
                wire.iter().for_each(|wire| add_exponential(&mut buckets, wire, point.scale, is_negative));
            }
            spread.with(buckets)
        })
    }

    fn summary(&self, point: SummaryDataPoint, limits: &Limits) -> Result<Option<MetricPoint>, &'static str> {
        let base = Base {
            attributes: point.attributes,
            since: point.start_time_unix_nano,
            time: point.time_unix_nano,
            flags: point.flags,
            exemplars: Vec::new(),
        };
        let spread = Spread { count: point.count, sum: Some(point.sum), min: None, max: None };
        self.point(base, limits, || spread.with(Buckets::default()))
    }

    fn point(
        &self,
        base: Base,
        limits: &Limits,
        value: impl FnOnce() -> Result<(f64, Option<Box<MetricHistogram>>), &'static str>,
    ) -> Result<Option<MetricPoint>, &'static str> {
        if base.flags & DataPointFlags::NoRecordedValueMask as u32 != 0 {
            return Ok(None);
        }
        let (value, histogram) = value()?;
        let mut dropped = 0;
        let attributes: Vec<Attribute> = attribute::convert_all(base.attributes, limits, &mut dropped);
        let (trace_id, span_id, example) = match exemplar(base.exemplars) {
            Some(found) => {
                (span::usable_trace_id(&found.trace_id), span::usable_span_id(&found.span_id), exemplar_value(&found))
            }
            None => (None, None, None),
        };
        Ok(Some(MetricPoint {
            name: self.name.clone(),
            kind: self.kind,
            unit: self.unit.clone(),
            value,
            histogram,
            since_ns: self.is_total.then(|| span::usable_time(base.since).unwrap_or(0)),
            time_ns: span::usable_time(base.time).unwrap_or(0),
            trace_id,
            span_id,
            example,
            resource: self.resource,
            attributes,
            dropped,
        }))
    }
}

/// The quantiles of a summary as gauges, told apart by an attribute as Prometheus does: they are of a time nobody knows,
/// and cannot be added up.
fn quantiles(point: &SummaryDataPoint) -> Vec<NumberDataPoint> {
    let gauge = |share: f64, value: f64| {
        let mut attributes = point.attributes.clone();
        let share = Some(AnyValue { value: Some(Value::DoubleValue(share)) });
        attributes.push(KeyValue { key: "quantile".to_owned(), value: share, key_strindex: 0 });
        NumberDataPoint {
            attributes,
            time_unix_nano: point.time_unix_nano,
            flags: point.flags,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        }
    };
    // Nothing was measured lately: Prometheus says so with NaN.
    let known = point.quantile_values.iter().filter(|known| known.value.is_finite() && known.quantile.is_finite());
    known.take(QUANTILES_MAX).map(|known| gauge(known.quantile, known.value)).collect()
}

/// The highest measurement that names a trace: the one a reader of a histogram wants to see.
fn exemplar(exemplars: Vec<Exemplar>) -> Option<Exemplar> {
    let traced = exemplars.into_iter().filter(|exemplar| span::usable_trace_id(&exemplar.trace_id).is_some());
    traced.max_by(|a, b| exemplar_value(a).unwrap_or(f64::MIN).total_cmp(&exemplar_value(b).unwrap_or(f64::MIN)))
}

fn exemplar_value(exemplar: &Exemplar) -> Option<f64> {
    match exemplar.value {
        Some(exemplar::Value::AsInt(number)) => Some(number as f64),
        Some(exemplar::Value::AsDouble(number)) => Some(number).filter(|number| number.is_finite()),
        None => None,
    }
}

/// What a histogram says beside its buckets.
struct Spread {
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Spread {
    fn with(self, mut buckets: Buckets) -> Result<(f64, Option<Box<MetricHistogram>>), &'static str> {
        buckets.coarsen(METRIC_BUCKETS_MAX);
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        // Left out where measurements may be negative; then the buckets tell about how much it was.
        let sum = self.sum.unwrap_or_else(|| buckets.sum());
        if !sum.is_finite() {
            return Err(NO_VALUE);
        }
        let histogram = MetricHistogram {
            count: self.count.min(COUNT_MAX),
            sum,
            min: finite(self.min),
            max: finite(self.max),
            buckets,
        };
        Ok((histogram.average(), Some(Box::new(histogram))))
    }
}

/// One more count than bounds, which rise; or neither, when only count and sum are told.
fn explicit_buckets(bounds: &[f64], counts: &[u64], count: u64) -> Result<Buckets, &'static str> {
    let mut buckets = Buckets::default();
    if bounds.is_empty() && counts.len() <= 1 {
        buckets.add(f64::NEG_INFINITY, f64::INFINITY, count);
        return Ok(buckets);
    }
    // Written so that bounds that are no numbers do not pass either.
    if counts.len() != bounds.len() + 1 || !bounds.windows(2).all(|pair| pair[0] < pair[1]) || bounds[0].is_nan() {
        return Err(ODD_BUCKETS);
    }
    let mut low = f64::NEG_INFINITY;
    for (high, count) in bounds.iter().copied().chain([f64::INFINITY]).zip(counts) {
        buckets.add(low, high, *count);
        low = high;
    }
    Ok(buckets)
}

/// Finer buckets than those of the grid become its own, so that histograms of any scale merge.
fn add_exponential(buckets: &mut Buckets, wire: &WireBuckets, scale: i32, is_negative: bool) {
    let shift = (i64::from(scale) - i64::from(GRID_SCALE)).clamp(0, 62);
    let scale = f64::from(scale.min(GRID_SCALE));
    for (place, count) in wire.bucket_counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let index = (i64::from(wire.offset) + place as i64) >> shift;
        // base^index, where base is 2^(2^-scale).
        let bound = |index: i64| (index as f64 * (-scale).exp2()).exp2();
        let (low, high) = (bound(index), bound(index + 1));
        if is_negative { buckets.add(-high, -low, *count) } else { buckets.add(low, high, *count) }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
    use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogram, Gauge, Histogram, Sum, Summary};

    use super::*;
    use crate::otlp::testing::{LIMITS, text_value};

    const DELTA: i32 = AggregationTemporality::Delta as i32;
    const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

    type Taken = (Vec<MetricPoint>, Vec<(&'static str, u64)>);

    fn taken(data: Data) -> Taken {
        let mut sink = MetricSink::new(&LIMITS);
        let metric = Metric { name: "m".into(), unit: "ms".into(), data: Some(data), ..Metric::default() };
        sink.take(metric).expect("a name");
        (std::mem::take(&mut sink.batch.points), sink.refused())
    }

    fn number(value: f64) -> NumberDataPoint {
        NumberDataPoint {
            value: Some(number_data_point::Value::AsDouble(value)),
            start_time_unix_nano: 5,
            time_unix_nano: 9,
            ..NumberDataPoint::default()
        }
    }

    fn sum(aggregation_temporality: i32, is_monotonic: bool) -> MetricPoint {
        let (mut points, refused) =
            taken(Data::Sum(Sum { data_points: vec![number(2.5)], aggregation_temporality, is_monotonic }));
        assert_eq!((points.len(), refused.len()), (1, 0));
        points.remove(0)
    }

    fn histogram(change: impl FnOnce(&mut HistogramDataPoint)) -> Taken {
        let mut point = HistogramDataPoint {
            count: 3,
            sum: Some(12.0),
            bucket_counts: vec![1, 0, 2],
            explicit_bounds: vec![1.0, 5.0],
            start_time_unix_nano: 5,
            time_unix_nano: 9,
            ..HistogramDataPoint::default()
        };
        change(&mut point);
        taken(Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: DELTA }))
    }

    #[test]
    fn sums_are_counters_unless_they_may_fall() {
        let facts = |point: MetricPoint| (point.kind, point.since_ns, point.value);
        assert_eq!(facts(sum(DELTA, true)), (MetricKind::Counter, None, 2.5));
        assert_eq!(facts(sum(DELTA, false)), (MetricKind::Counter, None, 2.5));
        assert_eq!(facts(sum(CUMULATIVE, true)), (MetricKind::Counter, Some(5), 2.5));
        assert_eq!(facts(sum(0, true)), (MetricKind::Counter, Some(5), 2.5));
        assert_eq!(facts(sum(CUMULATIVE, false)), (MetricKind::Gauge, None, 2.5));
        let (points, _) = taken(Data::Gauge(Gauge { data_points: vec![number(-1.0)] }));
        assert_eq!((points[0].kind, points[0].time_ns, points[0].unit.as_str()), (MetricKind::Gauge, 9, "ms"));
    }

    #[test]
    fn histograms_keep_their_counts_by_bounds() {
        let (points, refused) = histogram(|_| ());
        let point = &points[0];
        let kept = point.histogram.as_deref().expect("a histogram");
        assert_eq!((point.value, kept.count, kept.sum, refused.len()), (4.0, 3, 12.0, 0));
        let buckets: Vec<_> = kept.buckets.iter().map(|bucket| (bucket.low, bucket.high, bucket.count)).collect();
        assert_eq!(buckets, [(f32::NEG_INFINITY, 1.0, 1), (5.0, f32::INFINITY, 2)]);
        let (points, _) = histogram(|point| (point.bucket_counts, point.explicit_bounds) = (vec![], vec![]));
        assert_eq!(points[0].buckets().count(), 3, "only count and sum are told");
    }

    #[test]
    fn histograms_without_sense_are_refused() {
        let odd: [fn(&mut HistogramDataPoint); 5] = [
            |point| point.bucket_counts.push(1),
            |point| point.explicit_bounds.reverse(),
            |point| point.explicit_bounds[0] = f64::NAN,
            |point| point.explicit_bounds.clear(),
            |point| point.sum = Some(f64::INFINITY),
        ];
        for (number, change) in odd.into_iter().enumerate() {
            let (points, refused) = histogram(change);
            assert_eq!((points.len(), refused.len()), (0, 1), "{number}");
        }
    }

    #[test]
    fn exponential_histograms_come_onto_the_grid() {
        let point = |scale: i32, offset: i32, bucket_counts: Vec<u64>| ExponentialHistogramDataPoint {
            count: 6,
            sum: None,
            scale,
            zero_count: 1,
            positive: Some(WireBuckets { offset, bucket_counts: bucket_counts.clone() }),
            negative: Some(WireBuckets { offset, bucket_counts }),
            time_unix_nano: 9,
            ..ExponentialHistogramDataPoint::default()
        };
        let kept = |point| {
            let (points, refused) = taken(Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![point],
                aggregation_temporality: DELTA,
            }));
            assert_eq!(refused, []);
            points[0].buckets()
        };
        // (1, 2] and (2, 4] at scale 0.
        let coarse: Vec<_> = kept(point(0, 0, vec![1, 2])).iter().map(|b| (b.low, b.high, b.count)).collect();
        assert_eq!(coarse, [(-4.0, -2.0, 2), (-2.0, -1.0, 1), (0.0, 0.0, 1), (1.0, 2.0, 1), (2.0, 4.0, 2)]);
        // Eight buckets of scale 6 are one of scale 3.
        let fine = kept(point(6, -8, vec![1; 16]));
        assert_eq!(
            fine.iter().filter(|bucket| bucket.low > 0.0).map(|bucket| bucket.count).collect::<Vec<_>>(),
            [8, 8]
        );
        for (scale, offset) in [(i32::MAX, i32::MIN), (i32::MIN, i32::MAX), (-11, 5), (20, i32::MAX)] {
            kept(point(scale, offset, vec![1, 2]));
        }
    }

    #[test]
    fn summaries_are_their_counts_and_sums_and_a_gauge_per_quantile() {
        let quantile = |quantile: f64, value: f64| ValueAtQuantile { quantile, value };
        let quantile_values = vec![quantile(0.5, 2.0), quantile(0.99, f64::NAN)];
        let point =
            SummaryDataPoint { count: 4, sum: 10.0, start_time_unix_nano: 5, quantile_values, ..Default::default() };
        let (points, _) = taken(Data::Summary(Summary { data_points: vec![point] }));
        let [gauge, whole] = &points[..] else { panic!("{points:?}") };
        assert_eq!((whole.value, whole.since_ns, whole.buckets().len()), (2.5, Some(5), 0));
        assert_eq!((gauge.kind, gauge.value, gauge.since_ns), (MetricKind::Gauge, 2.0, None));
        assert_eq!(gauge.attributes[0].value, crate::model::span::AttributeValue::Double(0.5));
    }

    #[test]
    fn points_without_a_number_are_refused_and_those_without_any_passed_by() {
        let none = NumberDataPoint { value: None, ..number(0.0) };
        let absent = NumberDataPoint { flags: 1, ..none.clone() };
        let points = vec![number(f64::NAN), number(f64::INFINITY), none, absent, number(1.0)];
        let (points, refused) = taken(Data::Gauge(Gauge { data_points: points }));
        assert_eq!((points.len(), refused), (1, vec![(NO_VALUE, 3)]));
        let nameless = MetricSink::new(&LIMITS).take(Metric { name: " ".into(), ..Metric::default() });
        assert_eq!(nameless, Err(NO_NAME));
    }

    #[test]
    fn the_highest_measurement_with_a_trace_is_the_example() {
        let exemplar = |value: f64, trace_id: Vec<u8>| Exemplar {
            value: Some(exemplar::Value::AsDouble(value)),
            trace_id,
            span_id: vec![2; 8],
            ..Exemplar::default()
        };
        let (points, _) = histogram(|point| {
            point.exemplars = vec![exemplar(3.0, vec![1; 16]), exemplar(9.0, vec![3; 16]), exemplar(99.0, vec![0; 16])];
        });
        assert_eq!((points[0].example, points[0].trace_id.map(|id| id.0)), (Some(9.0), Some([3; 16])));
    }

    #[test]
    fn descriptions_and_scopes_come_along() {
        let mut sink = MetricSink::new(&LIMITS);
        let data = Some(Data::Gauge(Gauge { data_points: vec![number(1.0)] }));
        let attributes =
            vec![KeyValue { key: "service.name".into(), value: Some(text_value("shop")), key_strindex: 0 }];
        sink.take(Metric { name: "m".into(), description: "how many".into(), data, ..Metric::default() }).expect("one");
        sink.close_scope(InstrumentationScope { name: "django".into(), ..InstrumentationScope::default() });
        sink.close_resource(WireResource { attributes, ..WireResource::default() });
        let Some(Incoming::Metrics(batch)) = sink.finish() else { panic!("metrics") };
        assert_eq!(batch.descriptions, [("m".to_owned(), "how many".to_owned())]);
        assert_eq!(batch.resources[batch.points[0].resource].service, "shop");
        assert_eq!(batch.points[0].attributes[0].key, "otel.scope.name");
    }
}
