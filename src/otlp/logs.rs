//! One log record of the wire as a record of the model, and the sink that collects them.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord as WireLog;
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;

use crate::model::decoded::Incoming;
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::span::SpanSource;
use crate::otlp::intake::{ListNames, Sink};
use crate::otlp::{Limits, Signal, attribute, semantic, span};

pub(super) struct LogSink<'a> {
    limits: &'a Limits,
    batch: LogBatch,
    scope_start: usize,
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
        self.batch.records.push(convert(leaf, self.batch.resources.len(), self.limits));
        Ok(())
    }

    fn close_scope(&mut self, scope: InstrumentationScope) {
        for record in &mut self.batch.records[self.scope_start..] {
            record.logger = Some(scope.name.clone()).filter(|name| !name.is_empty());
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

fn convert(wire: WireLog, resource: usize, limits: &Limits) -> LogRecord {
    let observed_ns = span::usable_time(wire.observed_time_unix_nano);
    let mut dropped = wire.dropped_attributes_count;
    let severity = u8::try_from(wire.severity_number).ok().filter(|number| (1..=24).contains(number));
    let severity = severity.or_else(|| LogLevel::parse(&wire.severity_text).map(LogLevel::severity)).unwrap_or(0);
    let body = match wire.body.and_then(|body| body.value) {
        Some(Value::StringValue(text)) => attribute::cut_bytes(text, limits.attribute_text_bytes_max),
        _ => String::new(),
    };
    LogRecord {
        time_ns: span::usable_time(wire.time_unix_nano).or(observed_ns).unwrap_or(0),
        observed_ns,
        severity,
        severity_text: String::new(),
        body,
        template: None,
        logger: None,
        trace_id: span::usable_trace_id(&wire.trace_id),
        span_id: span::usable_span_id(&wire.span_id),
        resource,
        source: SpanSource::Otel,
        attributes: attribute::convert_all(wire.attributes, limits, &mut dropped),
        dropped,
    }
}
