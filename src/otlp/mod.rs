//! OTLP: requests in either encoding in, what every protocol decodes into out; answers in the encoding they came in.
//!
//! Owns the meaning of the bytes: the protobuf and JSON encodings, the semantic conventions old and new, and partial
//! success. The only place that knows `opentelemetry_proto`. Refuses to know how a request travelled, what becomes of
//! a span, and what time it is.
//!
//! Both encodings are walked down to one span, log record or metric at a time (`protobuf`, `json`), each is decoded
//! into the same generated type, and one conversion (`span`, `logs`, `metrics`) follows: so the two cannot drift, a broken
//! span costs only itself, and a hostile request never exists as a whole tree in memory.

mod attribute;
mod exception;
mod intake;
mod json;
mod logs;
mod metrics;
mod protobuf;
pub mod response;
pub mod semantic;
mod span;
#[cfg(test)]
mod testing;

use crate::model::decoded::Decoded;
use crate::otlp::intake::{Intake, Sink, SpanSink};
use crate::otlp::logs::LogSink;
use crate::otlp::metrics::MetricSink;

/// The two encodings of OTLP/HTTP (specification, "OTLP/HTTP Request").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// Reads a `Content-Type`: `application/json; charset=utf-8` in any case. `None` is a 415.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        [Self::Protobuf, Self::Json].into_iter().find(|format| media_type.eq_ignore_ascii_case(format.content_type()))
    }

    /// The media type of requests, which that of the answer must equal.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What a request carries; each has a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// The outcome category: `span`, `log`, `trace_metric`.
    pub fn category(self) -> &'static str {
        match self {
            Self::Traces => "span",
            Self::Logs => "log",
            // As of Sentry SDKs: what is kept is the same.
            Self::Metrics => "trace_metric",
        }
    }
}

/// What one request may ask of us. The size of the body is bounded before it gets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Spans (log records, metrics) taken from one request; those after it are refused unread and counted.
    /// Collectors send batches of 8192 and more.
    pub spans_max: usize,
    /// Encoded bytes (of protobuf or JSON) of one span, log record, metric, resource or scope. Bounds what decoding may
    /// allocate: an empty link takes 2 bytes on the wire and about 100 in memory. What is larger is refused, a resource is an
    /// error; but spans in protobuf are read within the other limits whatever their size, and of JSON the texts are cut first
    /// that would be cut anyway.
    pub message_bytes_max: usize,
    /// Attributes kept of one span, event, link or resource, and entries of one list or map in an attribute. The rest
    /// is left out and counted in `Span::dropped`.
    pub attributes_max: usize,
    /// Events kept of one span, and links; the rest is counted in `Span::dropped`.
    pub events_max: usize,
    /// UTF-8 bytes kept of an attribute's key, of its text or bytes, of a status message or event name; cut at a
    /// character boundary.
    pub attribute_text_bytes_max: usize,
    /// Lists and maps inside each other in one attribute; what is deeper becomes empty and is counted in
    /// `Span::dropped`. The parsers themselves refuse a span at about 28 (JSON) and 47 (protobuf), so stay below 28.
    pub depth_max: usize,
    /// The severity number from which a log record with an exception is an error: 17 is ERROR, 13 WARN.
    pub exception_severity_min: u8,
}

/// Why a request as a whole could not be used: a 400, not to be retried (specification, "Bad Data").
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// Not the encoding it claims to be, or nothing in it could be read.
    #[error("invalid {} request: {detail}", format_name(*format))]
    Malformed {
        format: Format,
        /// What the decoder said; at most 200 characters.
        detail: String,
    },
    /// Nested deeper than the decoder follows.
    #[error("invalid {} request: nested too deeply", format_name(*format))]
    TooDeep { format: Format },
    /// One resource is larger than [`Limits::message_bytes_max`].
    #[error("resource of {bytes} bytes is larger than {bytes_max}")]
    ResourceTooLarge { bytes: usize, bytes_max: usize },
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Protobuf => "protobuf",
        Format::Json => "json",
    }
}

impl OtlpError {
    /// From a decoder's own words, which may be kilobytes long (prost names every level of the path).
    fn from_decoder(format: Format, text: &str) -> Self {
        // Neither prost nor serde_json tells this case apart in its types.
        if text.contains("recursion limit") {
            return Self::TooDeep { format };
        }
        Self::Malformed { format, detail: attribute::cut_chars(text, DETAIL_CHARS_MAX) }
    }
}

/// Long enough for a path into the message and a reason, short enough for an answer and a log line.
const DETAIL_CHARS_MAX: usize = 200;

/// Decodes an `ExportTraceServiceRequest` into at most one `Incoming::Spans` (none for an empty request), and an
/// `Incoming::Event` for each error that these spans tell of. Spans that cannot be used (no valid ids, no start, too
/// large, unreadable) are in `refused`, category `span`.
pub fn decode_traces(format: Format, body: &[u8], limits: &Limits) -> Result<Decoded, OtlpError> {
    let mut decoded = decode(format, body, limits, SpanSink::new(limits))?;
    exception::add_errors(&mut decoded, limits.exception_severity_min);
    Ok(decoded)
}

/// Decodes an `ExportLogsServiceRequest` into at most one `Incoming::Logs` (none for an empty request), and an
/// `Incoming::Event` for each error that these records tell of. Records that cannot be read are in `refused`, category
/// `log`; what is odd in one costs that field.
pub fn decode_logs(format: Format, body: &[u8], limits: &Limits) -> Result<Decoded, OtlpError> {
    let mut decoded = decode(format, body, limits, LogSink::new(limits))?;
    exception::add_errors(&mut decoded, limits.exception_severity_min);
    Ok(decoded)
}

/// Decodes an `ExportMetricsServiceRequest` into at most one `Incoming::Metrics` (none for an empty request). Refusals,
/// of category `trace_metric` as those of every metric are, count points; a metric of which nothing could be read counts as one.
pub fn decode_metrics(format: Format, body: &[u8], limits: &Limits) -> Result<Decoded, OtlpError> {
    decode(format, body, limits, MetricSink::new(limits))
}

fn decode<S: Sink>(format: Format, body: &[u8], limits: &Limits, sink: S) -> Result<Decoded, OtlpError> {
    let mut intake = Intake::new(format, limits, sink);
    match format {
        Format::Protobuf => protobuf::walk(body, &mut intake)?,
        Format::Json => json::walk(body, &mut intake)?,
    }
    intake.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_with_parameters_and_in_any_case() {
        for (text, format) in [
            ("application/x-protobuf", Some(Format::Protobuf)),
            ("application/json; charset=utf-8", Some(Format::Json)),
            ("Application/JSON;charset=UTF-8", Some(Format::Json)),
            (" application/x-protobuf ", Some(Format::Protobuf)),
            ("application/grpc", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(Format::from_content_type(text), format, "{text}");
        }
    }

    #[test]
    fn decoder_errors_are_cut() {
        let error = OtlpError::from_decoder(Format::Protobuf, &"é".repeat(5000));
        assert!(error.to_string().chars().count() < 250, "{error}");
    }
}
