//! Bodies of answers, in the encoding of the request: success, partial success and errors.
//!
//! Owns `Export…ServiceResponse` and `google.rpc.Status` on the wire. Does not decide which answer to give, nor set a
//! status line. The protobuf bodies serve gRPC as well.

use prost::Message;
use serde_json::json;

use crate::config::OTLP_MESSAGE_CHARS_MAX;
use crate::model::decoded::Refusal;
use crate::otlp::attribute::cut_chars;
use crate::otlp::{Format, Signal};

/// `Export{Trace,Logs,Metrics}ServiceResponse`: the three are the same on the wire but for the JSON names.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.BadRequest`
#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A code of gRPC.
    pub code: i32,
    /// For humans; cut to [`OTLP_MESSAGE_CHARS_MAX`].
    pub message: String,
    /// The same data may be sent again after so long. `None` for what can never be taken.
    pub retry_after_s: Option<u64>,
}

/// The body of a 200 for a request of which these were refused: full success when there are none, else partial
/// success with their number and details (specification, "Full Success", "Partial Success").
pub fn accepted(format: Format, signal: Signal, refused: &[Refusal]) -> Vec<u8> {
    if refused.is_empty() {
        return success(format);
    }
    // An exception that made no event is in its span or log all the same.
    let is_of_signal = |refusal: &&Refusal| refusal.category != "event";
    let rejected = refused.iter().filter(is_of_signal).map(|refusal| refusal.quantity).sum();
    let details: Vec<String> =
        refused.iter().map(|refusal| format!("{} refused: {}", refusal.quantity, refusal.detail)).collect();
    partial_success(format, signal, rejected, &details.join("; "))
}

/// The body of a full success: no bytes in protobuf, `{}` in JSON.
pub fn success(format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => Vec::new(),
        Format::Json => b"{}".to_vec(),
    }
}

/// The body of a partial success; with `rejected` 0 it is a warning. The quantity is in spans, log records or data
/// points; the message is cut to [`OTLP_MESSAGE_CHARS_MAX`].
pub fn partial_success(format: Format, signal: Signal, rejected: u64, message: &str) -> Vec<u8> {
    let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
    let error_message = cut_chars(message, OTLP_MESSAGE_CHARS_MAX);
    match format {
        Format::Protobuf => {
            ExportResponse { partial_success: Some(PartialSuccess { rejected, error_message }) }.encode_to_vec()
        }
        Format::Json => {
            let name = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            // 64-bit integers are text in the JSON mapping.
            json!({ "partialSuccess": { name: rejected.to_string(), "errorMessage": error_message } })
                .to_string()
                .into_bytes()
        }
    }
}

/// The body of any 4xx or 5xx: a `google.rpc.Status` (specification, "Failures"), with `BadRequest` for bad data and
/// `RetryInfo` for what may be sent again. In protobuf it is what gRPC calls `grpc-status-details-bin`.
pub fn failure(format: Format, failure: &Failure) -> Vec<u8> {
    let &Failure { code, retry_after_s, .. } = failure;
    let message = cut_chars(&failure.message, OTLP_MESSAGE_CHARS_MAX);
    let bad_request = (code == INVALID_ARGUMENT).then(|| message.clone());
    match format {
        Format::Protobuf => {
            let bad_request = bad_request.map(|description| {
                let field_violations = vec![FieldViolation { field: String::new(), description }];
                Any { type_url: BAD_REQUEST.to_owned(), value: BadRequest { field_violations }.encode_to_vec() }
            });
            let retry = retry_after_s.map(|s| Any { type_url: RETRY_INFO.to_owned(), value: retry_info(s) });
            let details = bad_request.into_iter().chain(retry).collect();
            RpcStatus { code, message, details }.encode_to_vec()
        }
        Format::Json => {
            let bad_request = bad_request
                .map(|text| json!({ "@type": BAD_REQUEST, "fieldViolations": [{ "field": "", "description": text }] }));
            let retry = retry_after_s.map(|s| json!({ "@type": RETRY_INFO, "retryDelay": format!("{s}s") }));
            let details: Vec<_> = bad_request.into_iter().chain(retry).collect();
            let mut status = json!({ "code": code, "message": message });
            if !details.is_empty() {
                status["details"] = details.into();
            }
            status.to_string().into_bytes()
        }
    }
}

/// A `google.rpc.RetryInfo` by itself, which Python's gRPC exporter looks for.
pub fn retry_info(seconds: u64) -> Vec<u8> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    RetryInfo { retry_delay: Some(Delay { seconds, nanos: 0 }) }.encode_to_vec()
}

/// Bad data; not to be sent again.
pub const INVALID_ARGUMENT: i32 = 3;
/// No such method, or not in this encoding.
pub const UNIMPLEMENTED: i32 = 12;

/// The gRPC code that says the same as an HTTP status; 2 (unknown) for those without a counterpart.
pub fn grpc_code(http_status: u16) -> i32 {
    match http_status {
        200..=299 => 0,
        400 | 415 => INVALID_ARGUMENT,
        // DEADLINE_EXCEEDED
        408 | 504 => 4,
        // NOT_FOUND
        404 => 5,
        // PERMISSION_DENIED
        403 | 421 => 7,
        // RESOURCE_EXHAUSTED
        413 | 429 => 8,
        405 | 501 => UNIMPLEMENTED,
        // INTERNAL
        500 => 13,
        // UNAVAILABLE
        502 | 503 => 14,
        // UNAUTHENTICATED
        401 => 16,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};

    use super::*;
    use crate::model::outcome::Reason;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).expect("text")
    }

    fn refusal(detail: &str, quantity: u64) -> Refusal {
        Refusal { category: "span".into(), reason: Reason::Invalid, detail: detail.into(), quantity }
    }

    #[test]
    fn success_is_empty_in_both_encodings() {
        assert_eq!(accepted(Format::Protobuf, Signal::Traces, &[]), b"");
        assert_eq!(accepted(Format::Json, Signal::Logs, &[]), b"{}");
    }

    #[test]
    fn partial_success_names_what_was_rejected_by_signal() {
        let refused = [refusal("no start", 2), refusal("too large", 1)];
        assert_eq!(
            text(accepted(Format::Json, Signal::Traces, &refused)),
            r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"2 refused: no start; 1 refused: too large"}}"#
        );
        assert!(text(partial_success(Format::Json, Signal::Logs, 1, "")).contains("rejectedLogRecords"));
        assert!(text(partial_success(Format::Json, Signal::Metrics, 1, "")).contains("rejectedDataPoints"));
    }

    #[test]
    fn protobuf_answers_are_read_by_the_generated_types() {
        let body = partial_success(Format::Protobuf, Signal::Traces, 3, "why");
        let traces = ExportTraceServiceResponse::decode(&body[..]).map(|response| response.partial_success);
        assert_eq!(traces, Ok(Some(ExportTracePartialSuccess { rejected_spans: 3, error_message: "why".into() })));
        let logs = ExportLogsServiceResponse::decode(&body[..]).map(|response| response.partial_success);
        assert_eq!(logs, Ok(Some(ExportLogsPartialSuccess { rejected_log_records: 3, error_message: "why".into() })));
        let metrics = ExportMetricsServiceResponse::decode(&body[..]).map(|response| response.partial_success);
        let expected = ExportMetricsPartialSuccess { rejected_data_points: 3, error_message: "why".into() };
        assert_eq!(metrics, Ok(Some(expected)));
    }

    #[test]
    fn failures_carry_code_and_message() {
        let failed = |code, message: &str, retry_after_s| Failure { code, message: message.to_owned(), retry_after_s };
        let unauthenticated = failed(16, "no", None);
        assert_eq!(text(failure(Format::Json, &unauthenticated)), r#"{"code":16,"message":"no"}"#);
        assert_eq!(failure(Format::Protobuf, &unauthenticated), [0x08, 16, 0x12, 2, b'n', b'o']);
        assert!(failure(Format::Protobuf, &failed(3, &"x".repeat(90_000), None)).len() < 1200);
    }

    #[test]
    fn failures_say_what_is_bad_and_when_to_come_back() {
        let bad = Failure { code: INVALID_ARGUMENT, message: "cut off".into(), retry_after_s: None };
        let body: serde_json::Value = serde_json::from_slice(&failure(Format::Json, &bad)).expect("JSON");
        assert_eq!(body["details"][0]["@type"], BAD_REQUEST);
        assert_eq!(body["details"][0]["fieldViolations"][0]["description"], "cut off");
        let status = RpcStatus::decode(&failure(Format::Protobuf, &bad)[..]).expect("a status");
        assert_eq!(status.details[0].type_url, BAD_REQUEST);
        let details = BadRequest::decode(&status.details[0].value[..]).expect("details");
        assert_eq!(details.field_violations[0].description, "cut off");

        let busy = Failure { code: 14, message: "busy".into(), retry_after_s: Some(3) };
        let body: serde_json::Value = serde_json::from_slice(&failure(Format::Json, &busy)).expect("JSON");
        assert_eq!(body["details"], json!([{ "@type": RETRY_INFO, "retryDelay": "3s" }]));
        let status = RpcStatus::decode(&failure(Format::Protobuf, &busy)[..]).expect("a status");
        assert_eq!((status.details[0].type_url.as_str(), &status.details[0].value), (RETRY_INFO, &retry_info(3)));
        // Field 1 is a Duration of 3 seconds.
        assert_eq!(retry_info(3), [0x0a, 2, 0x08, 3]);
    }

    #[test]
    fn codes_follow_the_table() {
        let table = [(400, 3), (415, 3), (401, 16), (403, 7), (404, 5), (408, 4), (413, 8), (429, 8), (501, 12)];
        for (http, grpc) in table.into_iter().chain([(502, 14), (503, 14), (504, 4), (200, 0), (418, 2)]) {
            assert_eq!(grpc_code(http), grpc, "{http}");
        }
    }
}
