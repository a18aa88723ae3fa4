//! The JSON mapping of OTLP, written by the book and apart from the decoder, to compare the two encodings with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Tree, json};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::accent::is_whole;

/// Every field is written, defaults too; a sparse one leaves defaults out, as most exporters do.
pub(super) fn json_of(request: &ExportTraceServiceRequest, is_sparse: bool) -> String {
    finished(json!({ "resourceSpans": list(&request.resource_spans, resource_spans) }), is_sparse)
}

/// As [`json_of`].
pub(super) fn json_of_logs(request: &ExportLogsServiceRequest, is_sparse: bool) -> String {
    let scope_logs = |item: &ScopeLogs| json!({ "scope": item.scope.as_ref().map(scope), "logRecords": list(&item.log_records, log_record) });
    let resource_logs = |item: &ResourceLogs| json!({ "resource": item.resource.as_ref().map(resource), "scopeLogs": list(&item.scope_logs, scope_logs) });
    finished(json!({ "resourceLogs": list(&request.resource_logs, resource_logs) }), is_sparse)
}

/// As [`json_of`].
pub(super) fn json_of_metrics(request: &ExportMetricsServiceRequest, is_sparse: bool) -> String {
    let scope_metrics = |item: &ScopeMetrics| json!({ "scope": item.scope.as_ref().map(scope), "metrics": list(&item.metrics, metric) });
    let resource_metrics = |item: &ResourceMetrics| json!({ "resource": item.resource.as_ref().map(resource), "scopeMetrics": list(&item.scope_metrics, scope_metrics) });
    finished(json!({ "resourceMetrics": list(&request.resource_metrics, resource_metrics) }), is_sparse)
}

fn finished(tree: Tree, is_sparse: bool) -> String {
    if is_sparse { without_defaults(tree).to_string() } else { tree.to_string() }
}

fn list<T>(items: &[T], encode: impl Fn(&T) -> Tree) -> Tree {
    items.iter().map(encode).collect()
}

/// What a default must not be left out of: there it is something else than nothing.
fn is_told_by_its_field(name: &str) -> bool {
    name.ends_with("Value")
        || ["asInt", "asDouble", "sum", "min", "max", "histogram", "gauge", "summary"].contains(&name)
}

fn without_defaults(tree: Tree) -> Tree {
    let is_default = |name: &str, value: &Tree| match value {
        Tree::Null => true,
        Tree::String(text) => text.is_empty() || text == "0" && is_whole(name),
        Tree::Number(number) => number.as_f64() == Some(0.0),
        Tree::Array(items) => items.is_empty(),
        Tree::Bool(_) | Tree::Object(_) => false,
    };
    match tree {
        Tree::Array(items) => items.into_iter().map(without_defaults).collect(),
        // The case of an attribute value is told by its field, so that must stay.
        Tree::Object(fields) => Tree::Object(Map::from_iter(
            fields
                .into_iter()
                .filter(|(name, value)| is_told_by_its_field(name) && !value.is_null() || !is_default(name, value))
                .map(|(name, value)| (name, without_defaults(value))),
        )),
        other => other,
    }
}

fn resource_spans(item: &ResourceSpans) -> Tree {
    json!({
        "resource": item.resource.as_ref().map(resource),
        "scopeSpans": list(&item.scope_spans, scope_spans),
        "schemaUrl": item.schema_url,
    })
}

fn resource(resource: &Resource) -> Tree {
    json!({
        "attributes": attributes(&resource.attributes),
        "droppedAttributesCount": resource.dropped_attributes_count,
    })
}

fn scope_spans(item: &ScopeSpans) -> Tree {
    json!({ "scope": item.scope.as_ref().map(scope), "spans": list(&item.spans, span) })
}

fn scope(scope: &InstrumentationScope) -> Tree {
    json!({ "name": scope.name, "version": scope.version, "attributes": attributes(&scope.attributes) })
}

fn log_record(record: &LogRecord) -> Tree {
    json!({
        "timeUnixNano": record.time_unix_nano.to_string(),
        "observedTimeUnixNano": record.observed_time_unix_nano.to_string(),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": record.body.as_ref().map(any_value),
        "attributes": attributes(&record.attributes),
        "droppedAttributesCount": record.dropped_attributes_count,
        "flags": record.flags,
        "traceId": hex(&record.trace_id),
        "spanId": hex(&record.span_id),
        "eventName": record.event_name,
    })
}

fn metric(metric: &Metric) -> Tree {
    let mut tree = json!({ "name": metric.name, "description": metric.description, "unit": metric.unit });
    let (name, data) = match &metric.data {
        None => return tree,
        Some(Data::Gauge(data)) => ("gauge", json!({ "dataPoints": list(&data.data_points, number_point) })),
        Some(Data::Sum(data)) => (
            "sum",
            json!({
                "dataPoints": list(&data.data_points, number_point),
                "aggregationTemporality": data.aggregation_temporality,
                "isMonotonic": data.is_monotonic,
            }),
        ),
        Some(Data::Histogram(data)) => (
            "histogram",
            json!({
                "dataPoints": list(&data.data_points, histogram_point),
                "aggregationTemporality": data.aggregation_temporality,
            }),
        ),
        Some(Data::ExponentialHistogram(data)) => (
            "exponentialHistogram",
            json!({
                "dataPoints": list(&data.data_points, exponential_point),
                "aggregationTemporality": data.aggregation_temporality,
            }),
        ),
        Some(Data::Summary(data)) => ("summary", json!({ "dataPoints": list(&data.data_points, summary_point) })),
    };
    tree[name] = data;
    tree
}

fn number_point(point: &NumberDataPoint) -> Tree {
    let mut tree = json!({
        "attributes": attributes(&point.attributes),
        "startTimeUnixNano": point.start_time_unix_nano.to_string(),
        "timeUnixNano": point.time_unix_nano.to_string(),
        "exemplars": list(&point.exemplars, exemplar),
        "flags": point.flags,
    });
    match point.value {
        None => {}
        Some(number_data_point::Value::AsInt(number)) => tree["asInt"] = json!(number.to_string()),
        Some(number_data_point::Value::AsDouble(number)) => tree["asDouble"] = double(number),
    }
    tree
}

fn exemplar(exemplar: &Exemplar) -> Tree {
    let mut tree = json!({
        "timeUnixNano": exemplar.time_unix_nano.to_string(),
        "spanId": hex(&exemplar.span_id),
        "traceId": hex(&exemplar.trace_id),
    });
    match exemplar.value {
        None => {}
        Some(exemplar::Value::AsInt(number)) => tree["asInt"] = json!(number.to_string()),
        Some(exemplar::Value::AsDouble(number)) => tree["asDouble"] = double(number),
    }
    tree
}

fn histogram_point(point: &HistogramDataPoint) -> Tree {
    json!({
        "attributes": attributes(&point.attributes),
        "startTimeUnixNano": point.start_time_unix_nano.to_string(),
        "timeUnixNano": point.time_unix_nano.to_string(),
        "count": point.count.to_string(),
        "sum": point.sum.map(double),
        "bucketCounts": list(&point.bucket_counts, |count| json!(count.to_string())),
        "explicitBounds": list(&point.explicit_bounds, |bound| double(*bound)),
        "exemplars": list(&point.exemplars, exemplar),
        "flags": point.flags,
        "min": point.min.map(double),
        "max": point.max.map(double),
    })
}

fn exponential_point(point: &ExponentialHistogramDataPoint) -> Tree {
    let buckets = |buckets: &Buckets| json!({ "offset": buckets.offset, "bucketCounts": list(&buckets.bucket_counts, |count| json!(count.to_string())) });
    json!({
        "attributes": attributes(&point.attributes),
        "startTimeUnixNano": point.start_time_unix_nano.to_string(),
        "timeUnixNano": point.time_unix_nano.to_string(),
        "count": point.count.to_string(),
        "sum": point.sum.map(double),
        "scale": point.scale,
        "zeroCount": point.zero_count.to_string(),
        "positive": point.positive.as_ref().map(buckets),
        "negative": point.negative.as_ref().map(buckets),
        "flags": point.flags,
        "exemplars": list(&point.exemplars, exemplar),
        "min": point.min.map(double),
        "max": point.max.map(double),
        "zeroThreshold": double(point.zero_threshold),
    })
}

fn summary_point(point: &SummaryDataPoint) -> Tree {
    json!({
        "attributes": attributes(&point.attributes),
        "startTimeUnixNano": point.start_time_unix_nano.to_string(),
        "timeUnixNano": point.time_unix_nano.to_string(),
        "count": point.count.to_string(),
        "sum": double(point.sum),
        "quantileValues": list(&point.quantile_values, |at| json!({ "quantile": double(at.quantile), "value": double(at.value) })),
        "flags": point.flags,
    })
}

fn span(span: &Span) -> Tree {
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "traceState": span.trace_state,
        "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": list(&span.events, event),
        "droppedEventsCount": span.dropped_events_count,
        "links": list(&span.links, link),
        "droppedLinksCount": span.dropped_links_count,
        "status": span.status.as_ref().map(|status| json!({ "message": status.message, "code": status.code })),
    })
}

fn event(event: &Event) -> Tree {
    json!({
        "timeUnixNano": event.time_unix_nano.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
        "droppedAttributesCount": event.dropped_attributes_count,
    })
}

fn link(link: &Link) -> Tree {
    json!({
        "traceId": hex(&link.trace_id),
        "spanId": hex(&link.span_id),
        "traceState": link.trace_state,
        "attributes": attributes(&link.attributes),
        "droppedAttributesCount": link.dropped_attributes_count,
        "flags": link.flags,
    })
}

fn attributes(attributes: &[KeyValue]) -> Tree {
    list(attributes, |entry| json!({ "key": entry.key, "value": entry.value.as_ref().map(any_value) }))
}

fn any_value(value: &AnyValue) -> Tree {
    match &value.value {
        None | Some(Value::StringValueStrindex(_)) => json!({}),
        Some(Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(Value::BoolValue(flag)) => json!({ "boolValue": flag }),
        Some(Value::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(Value::DoubleValue(number)) => json!({ "doubleValue": double(*number) }),
        Some(Value::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Some(Value::ArrayValue(array)) => json!({ "arrayValue": { "values": list(&array.values, any_value) } }),
        Some(Value::KvlistValue(list)) => json!({ "kvlistValue": { "values": attributes(&list.values) } }),
    }
}

fn double(number: f64) -> Tree {
    if number.is_nan() {
        json!("NaN")
    } else if number.is_infinite() {
        json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(number)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
