//! The JSON form of metrics.
//!
//! Mirrors the generated types like `message`; where those have a `oneof`, the fields of its cases are read apart and
//! put together.

use serde::Deserialize;
use serde::de::Deserializer;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};

use super::scalar::{
    self, Number, double, doubles, enum_number, flag, hex, list, maybe_double, message, number, sint32, text, uint32,
    uint64, uint64s,
};
use super::{Json, Wire};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricFields {
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default, deserialize_with = "text")]
    description: String,
    #[serde(default, deserialize_with = "text")]
    unit: String,
    #[serde(default, deserialize_with = "list")]
    metadata: Vec<KeyValue>,
    gauge: Option<Wire<Gauge>>,
    sum: Option<Wire<Sum>>,
    histogram: Option<Wire<Histogram>>,
    #[serde(alias = "exponential_histogram")]
    exponential_histogram: Option<Wire<ExponentialHistogram>>,
    summary: Option<Wire<Summary>>,
}

impl Json for Metric {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = MetricFields::deserialize(deserializer)?;
        let data = fields.gauge.map(|wire| Data::Gauge(wire.0));
        let data = data.or(fields.sum.map(|wire| Data::Sum(wire.0)));
        let data = data.or(fields.histogram.map(|wire| Data::Histogram(wire.0)));
        let data = data.or(fields.exponential_histogram.map(|wire| Data::ExponentialHistogram(wire.0)));
        let data = data.or(fields.summary.map(|wire| Data::Summary(wire.0)));
        let MetricFields { name, description, unit, metadata, .. } = fields;
        Ok(Self { name, description, unit, metadata, data })
    }
}

fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    const NAMES: [(&str, i32); 2] = [("DELTA", 1), ("CUMULATIVE", 2)];
    scalar::enumeration(deserializer, |text| enum_number(text, "AGGREGATION_TEMPORALITY_", &NAMES))
}

#[derive(Default, Deserialize)]
#[serde(remote = "Gauge", rename_all = "camelCase", default)]
struct GaugeFields {
    #[serde(deserialize_with = "list", alias = "data_points")]
    data_points: Vec<NumberDataPoint>,
}

impl Json for Gauge {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        GaugeFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Sum", rename_all = "camelCase", default)]
struct SumFields {
    #[serde(deserialize_with = "list", alias = "data_points")]
    data_points: Vec<NumberDataPoint>,
    #[serde(deserialize_with = "temporality", alias = "aggregation_temporality")]
    aggregation_temporality: i32,
    #[serde(deserialize_with = "flag", alias = "is_monotonic")]
    is_monotonic: bool,
}

impl Json for Sum {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SumFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Histogram", rename_all = "camelCase", default)]
struct HistogramFields {
    #[serde(deserialize_with = "list", alias = "data_points")]
    data_points: Vec<HistogramDataPoint>,
    #[serde(deserialize_with = "temporality", alias = "aggregation_temporality")]
    aggregation_temporality: i32,
}

impl Json for Histogram {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HistogramFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "ExponentialHistogram", rename_all = "camelCase", default)]
struct ExponentialHistogramFields {
    #[serde(deserialize_with = "list", alias = "data_points")]
    data_points: Vec<ExponentialHistogramDataPoint>,
    #[serde(deserialize_with = "temporality", alias = "aggregation_temporality")]
    aggregation_temporality: i32,
}

impl Json for ExponentialHistogram {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ExponentialHistogramFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Summary", rename_all = "camelCase", default)]
struct SummaryFields {
    #[serde(deserialize_with = "list", alias = "data_points")]
    data_points: Vec<SummaryDataPoint>,
}

impl Json for Summary {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SummaryFields::deserialize(deserializer)
    }
}

/// The value of a point or exemplar: a float, or an integer.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NumberFields {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "list", alias = "filtered_attributes")]
    filtered_attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint64", alias = "start_time_unix_nano")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "list")]
    exemplars: Vec<Exemplar>,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
    #[serde(deserialize_with = "hex", alias = "span_id")]
    span_id: Vec<u8>,
    #[serde(deserialize_with = "hex", alias = "trace_id")]
    trace_id: Vec<u8>,
    #[serde(deserialize_with = "maybe_double", alias = "as_double")]
    as_double: Option<f64>,
    #[serde(deserialize_with = "number", alias = "as_int")]
    as_int: Option<Number>,
}

impl NumberFields {
    /// What no 64-bit integer holds is a float.
    fn value(&self) -> Result<Option<i64>, f64> {
        match (self.as_double, self.as_int) {
            (Some(number), _) => Err(number),
            (None, Some(number)) => number.to_i64().map(Some).ok_or(number.to_f64()),
            (None, None) => Ok(None),
        }
    }
}

impl Json for NumberDataPoint {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = NumberFields::deserialize(deserializer)?;
        let value = match fields.value() {
            Ok(number) => number.map(number_data_point::Value::AsInt),
            Err(number) => Some(number_data_point::Value::AsDouble(number)),
        };
        let NumberFields { attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, .. } = fields;
        Ok(Self { attributes, start_time_unix_nano, time_unix_nano, exemplars, flags, value })
    }
}

impl Json for Exemplar {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = NumberFields::deserialize(deserializer)?;
        let value = match fields.value() {
            Ok(number) => number.map(exemplar::Value::AsInt),
            Err(number) => Some(exemplar::Value::AsDouble(number)),
        };
        let NumberFields { filtered_attributes, time_unix_nano, span_id, trace_id, .. } = fields;
        Ok(Self { filtered_attributes, time_unix_nano, span_id, trace_id, value })
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "HistogramDataPoint", rename_all = "camelCase", default)]
struct HistogramDataPointFields {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint64", alias = "start_time_unix_nano")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "uint64")]
    count: u64,
    #[serde(deserialize_with = "maybe_double")]
    sum: Option<f64>,
    #[serde(deserialize_with = "uint64s", alias = "bucket_counts")]
    bucket_counts: Vec<u64>,
    #[serde(deserialize_with = "doubles", alias = "explicit_bounds")]
    explicit_bounds: Vec<f64>,
    #[serde(deserialize_with = "list")]
    exemplars: Vec<Exemplar>,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
    #[serde(deserialize_with = "maybe_double")]
    min: Option<f64>,
    #[serde(deserialize_with = "maybe_double")]
    max: Option<f64>,
}

impl Json for HistogramDataPoint {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HistogramDataPointFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "ExponentialHistogramDataPoint", rename_all = "camelCase", default)]
struct ExponentialHistogramDataPointFields {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint64", alias = "start_time_unix_nano")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "uint64")]
    count: u64,
    #[serde(deserialize_with = "maybe_double")]
    sum: Option<f64>,
    #[serde(deserialize_with = "sint32")]
    scale: i32,
    #[serde(deserialize_with = "uint64", alias = "zero_count")]
    zero_count: u64,
    #[serde(deserialize_with = "message")]
    positive: Option<Buckets>,
    #[serde(deserialize_with = "message")]
    negative: Option<Buckets>,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
    #[serde(deserialize_with = "list")]
    exemplars: Vec<Exemplar>,
    #[serde(deserialize_with = "maybe_double")]
    min: Option<f64>,
    #[serde(deserialize_with = "maybe_double")]
    max: Option<f64>,
    #[serde(deserialize_with = "double", alias = "zero_threshold")]
    zero_threshold: f64,
}

impl Json for ExponentialHistogramDataPoint {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ExponentialHistogramDataPointFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "Buckets", rename_all = "camelCase", default)]
struct BucketsFields {
    #[serde(deserialize_with = "sint32")]
    offset: i32,
    #[serde(deserialize_with = "uint64s", alias = "bucket_counts")]
    bucket_counts: Vec<u64>,
}

impl Json for Buckets {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BucketsFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "SummaryDataPoint", rename_all = "camelCase", default)]
struct SummaryDataPointFields {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "uint64", alias = "start_time_unix_nano")]
    start_time_unix_nano: u64,
    #[serde(deserialize_with = "uint64", alias = "time_unix_nano")]
    time_unix_nano: u64,
    #[serde(deserialize_with = "uint64")]
    count: u64,
    #[serde(deserialize_with = "double")]
    sum: f64,
    #[serde(deserialize_with = "list", alias = "quantile_values")]
    quantile_values: Vec<ValueAtQuantile>,
    #[serde(deserialize_with = "uint32")]
    flags: u32,
}

impl Json for SummaryDataPoint {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SummaryDataPointFields::deserialize(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(remote = "ValueAtQuantile", rename_all = "camelCase", default)]
struct ValueAtQuantileFields {
    #[serde(deserialize_with = "double")]
    quantile: f64,
    #[serde(deserialize_with = "double")]
    value: f64,
}

impl Json for ValueAtQuantile {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueAtQuantileFields::deserialize(deserializer)
    }
}
