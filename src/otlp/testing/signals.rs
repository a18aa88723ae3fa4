//! What holds for any request with logs or metrics: both encodings mean the same, nothing is lost uncounted, and no bytes
//! bring a decoder down.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};

use super::LIMITS;
use super::accent::accented;
use super::encode::{json_of_logs, json_of_metrics};
use super::properties::{
    TIGHT, any_attributes, any_double, any_resource, any_scope, any_text, any_value, decode_everything,
};
use crate::model::decoded::Incoming;
use crate::otlp::{Format, decode_logs, decode_metrics};

fn any_id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), bytes), 1 => Just(vec![0; bytes]), 1 => vec(any::<u8>(), 0..bytes)]
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1_600_000_000_000_000_000..1_900_000_000_000_000_000_u64, 1 => Just(0), 1 => any::<u64>()]
}

fn any_log() -> impl Strategy<Value = LogRecord> {
    let word = prop_oneof![Just("INFO".to_owned()), Just("Warning".to_owned()), any_text()];
    let severity = (prop_oneof![0..25_i32, any::<i32>()], word);
    let ids = (any_id(16), any_id(8), any::<u32>());
    let rest = (option::of(any_value()), any_attributes(), any::<u32>(), any_text());
    ((any_time(), any_time()), severity, ids, rest).prop_map(|(times, severity, ids, rest)| LogRecord {
        time_unix_nano: times.0,
        observed_time_unix_nano: times.1,
        severity_number: severity.0,
        severity_text: severity.1,
        body: rest.0,
        attributes: rest.1,
        dropped_attributes_count: rest.2,
        flags: ids.2,
        trace_id: ids.0,
        span_id: ids.1,
        event_name: rest.3,
    })
}

fn any_logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scope_logs = (any_scope(), vec(any_log(), 0..4)).prop_map(|(scope, log_records)| ScopeLogs {
        scope,
        log_records,
        ..ScopeLogs::default()
    });
    let resource_logs = (any_resource(), vec(scope_logs, 0..3)).prop_map(|(resource, scope_logs)| ResourceLogs {
        resource,
        scope_logs,
        ..ResourceLogs::default()
    });
    vec(resource_logs, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

fn any_exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let value = prop_oneof![
        Just(None),
        any::<i64>().prop_map(|number| Some(exemplar::Value::AsInt(number))),
        any_double().prop_map(|number| Some(exemplar::Value::AsDouble(number))),
    ];
    let exemplar = (any_time(), any_id(16), any_id(8), value).prop_map(|(time_unix_nano, trace_id, span_id, value)| {
        Exemplar { time_unix_nano, trace_id, span_id, value, ..Exemplar::default() }
    });
    vec(exemplar, 0..3)
}

fn any_flags() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0_u32), 1 => any::<u32>()]
}

fn any_number() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![
        1 => Just(None),
        4 => any::<i64>().prop_map(|number| Some(number_data_point::Value::AsInt(number))),
        4 => any_double().prop_map(|number| Some(number_data_point::Value::AsDouble(number))),
    ];
    (any_attributes(), any_time(), any_time(), any_exemplars(), any_flags(), value).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            exemplars,
            flags,
            value,
        },
    )
}

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..1000_u64, 1 => any::<u64>()]
}

/// Mostly bounds that rise and counts that go with them.
fn any_bounds() -> impl Strategy<Value = (Vec<f64>, Vec<u64>)> {
    let sound = vec((1..100_u32, any_count()), 0..6).prop_map(|steps| {
        let mut bound = 0.0;
        let mut rise = |step: u32| {
            bound += f64::from(step);
            bound
        };
        let bounds = steps.iter().map(|(step, _)| rise(*step)).collect();
        (bounds, steps.iter().map(|(_, count)| *count).chain([1]).collect())
    });
    prop_oneof![3 => sound, 1 => (vec(any_double(), 0..4), vec(any_count(), 0..5))]
}

fn any_histogram() -> impl Strategy<Value = HistogramDataPoint> {
    let spread = (any_count(), option::of(any_double()), option::of(any_double()), option::of(any_double()));
    (any_attributes(), (any_time(), any_time()), any_exemplars(), any_flags(), spread, any_bounds()).prop_map(
        |(attributes, times, exemplars, flags, spread, bounds)| HistogramDataPoint {
            attributes,
            start_time_unix_nano: times.0,
            time_unix_nano: times.1,
            count: spread.0,
            sum: spread.1,
            min: spread.2,
            max: spread.3,
            explicit_bounds: bounds.0,
            bucket_counts: bounds.1,
            exemplars,
            flags,
        },
    )
}

fn any_exponential() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let number = || prop_oneof![4 => -12..24_i32, 1 => any::<i32>()];
    let buckets = || {
        let buckets = (number(), vec(any_count(), 0..6));
        option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let spread = (any_count(), option::of(any_double()), any_count(), any_double());
    (any_attributes(), any_time(), spread, number(), buckets(), buckets()).prop_map(
        |(attributes, time_unix_nano, spread, scale, positive, negative)| ExponentialHistogramDataPoint {
            attributes,
            time_unix_nano,
            count: spread.0,
            sum: spread.1,
            zero_count: spread.2,
            zero_threshold: spread.3,
            scale,
            positive,
            negative,
            ..ExponentialHistogramDataPoint::default()
        },
    )
}

fn any_summary() -> impl Strategy<Value = SummaryDataPoint> {
    let at = (any_double(), any_double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    (any_attributes(), any_time(), any_count(), any_double(), vec(at, 0..4), any_flags()).prop_map(
        |(attributes, time_unix_nano, count, sum, quantile_values, flags)| SummaryDataPoint {
            attributes,
            time_unix_nano,
            count,
            sum,
            quantile_values,
            flags,
            ..SummaryDataPoint::default()
        },
    )
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let temporality = || prop_oneof![0..3_i32, any::<i32>()];
    let data = prop_oneof![
        vec(any_number(), 0..3).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (vec(any_number(), 0..3), temporality(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (vec(any_histogram(), 0..3), temporality()).prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        (vec(any_exponential(), 0..3), temporality()).prop_map(|(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }),
        vec(any_summary(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ];
    (any_text(), any_text(), any_text(), option::of(data)).prop_map(|(name, description, unit, data)| Metric {
        name,
        description,
        unit,
        data,
        ..Metric::default()
    })
}

fn any_metrics() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let scope_metrics = (any_scope(), vec(any_metric(), 0..4)).prop_map(|(scope, metrics)| ScopeMetrics {
        scope,
        metrics,
        ..ScopeMetrics::default()
    });
    let resource_metrics = (any_resource(), vec(scope_metrics, 0..3)).prop_map(|(resource, scope_metrics)| {
        ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }
    });
    vec(resource_metrics, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn logs_mean_the_same_in_both_encodings(request in any_logs(), is_sparse: bool, seed: u64) {
        let protobuf = request.encode_to_vec();
        let json = json_of_logs(&request, is_sparse);
        for limits in [&LIMITS, &TIGHT] {
            let from_protobuf = decode_logs(Format::Protobuf, &protobuf, limits);
            prop_assert!(from_protobuf.is_ok());
            for json in [&json, &accented(&json, seed)] {
                let from_json = decode_logs(Format::Json, json.as_bytes(), limits);
                // As text, because NaN is not equal to itself.
                prop_assert_eq!(format!("{:?}", from_protobuf), format!("{from_json:?}"), "{}", json);
            }
        }
    }

    #[test]
    fn metrics_mean_the_same_in_both_encodings(request in any_metrics(), is_sparse: bool, seed: u64) {
        let protobuf = request.encode_to_vec();
        let json = json_of_metrics(&request, is_sparse);
        for limits in [&LIMITS, &TIGHT] {
            let from_protobuf = decode_metrics(Format::Protobuf, &protobuf, limits);
            prop_assert!(from_protobuf.is_ok());
            for json in [&json, &accented(&json, seed)] {
                let from_json = decode_metrics(Format::Json, json.as_bytes(), limits);
                prop_assert_eq!(format!("{:?}", from_protobuf), format!("{from_json:?}"), "{}", json);
            }
        }
    }

    #[test]
    fn every_log_is_kept_or_refused(request in any_logs()) {
        let sent: usize =
            request.resource_logs.iter().flat_map(|item| &item.scope_logs).map(|item| item.log_records.len()).sum();
        for limits in [&LIMITS, &TIGHT] {
            let decoded = decode_logs(Format::Protobuf, &request.encode_to_vec(), limits).expect("a request");
            let refused: u64 = decoded.refused.iter().map(|refusal| refusal.quantity).sum();
            let kept = match &decoded.items[..] {
                [Incoming::Logs(batch)] => {
                    prop_assert!(batch.records.iter().all(|record| record.resource < batch.resources.len()));
                    batch.records.len()
                }
                _ => 0,
            };
            prop_assert_eq!(sent, kept + usize::try_from(refused).expect("few"));
        }
    }

    #[test]
    fn every_metric_point_is_a_number_that_belongs_somewhere(request in any_metrics()) {
        let decoded = decode_metrics(Format::Protobuf, &request.encode_to_vec(), &LIMITS).expect("a request");
        for item in decoded.items {
            let Incoming::Metrics(batch) = item else { panic!("{item:?}") };
            for point in &batch.points {
                prop_assert!(point.value.is_finite() && point.resource < batch.resources.len(), "{point:?}");
                let sum = point.sum();
                prop_assert!(sum.sum.is_finite() && sum.min.is_finite() && sum.max.is_finite(), "{point:?}");
            }
        }
    }

    #[test]
    fn damaged_logs_and_metrics_bring_nothing_down(
        logs in any_logs(),
        metrics in any_metrics(),
        cut: prop::sample::Index,
        flips in vec((any::<prop::sample::Index>(), 0..8_u32), 0..4),
    ) {
        let bodies = [
            logs.encode_to_vec(),
            json_of_logs(&logs, false).into_bytes(),
            metrics.encode_to_vec(),
            json_of_metrics(&metrics, false).into_bytes(),
        ];
        for mut body in bodies {
            body.truncate(cut.index(body.len() + 1));
            decode_everything(&body);
            for (at, bit) in flips.iter().filter(|_| !body.is_empty()).collect::<Vec<_>>() {
                let at = at.index(body.len());
                body[at] ^= 1 << bit;
            }
            decode_everything(&body);
        }
    }
}
