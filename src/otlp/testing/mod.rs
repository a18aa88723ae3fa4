//! What the tests of this module share: generous limits and the smallest usable span. Besides, the tests of the whole:
//! `properties` of both decoders (`signals`: of logs and metrics), and `captures` of real exporters.

mod accent;
pub(super) mod captures;
mod encode;
mod properties;
mod signals;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::otlp::Limits;

pub(super) const LIMITS: Limits = Limits {
    spans_max: 10_000,
    message_bytes_max: 1 << 20,
    attributes_max: 128,
    events_max: 128,
    attribute_text_bytes_max: 16_384,
    depth_max: 8,
    exception_severity_min: 17,
};

pub(super) fn wire_span() -> Span {
    Span {
        trace_id: vec![0xaa; 16],
        span_id: vec![0xbb; 8],
        name: "GET".into(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_500_000_000,
        ..Span::default()
    }
}

pub(super) fn text_value(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())) }
}
