//! Bodies of answers, in the encoding of the request: success, partial success and errors.
//!
//! Owns `Export…ServiceResponse` and `google.rpc.Status` on the wire. Does not decide which answer to give, nor set a
//! status line. The protobuf bodies serve gRPC as well.

use prost::Message;
use serde_json::json;

use crate::model::decoded::Refusal;
use crate::otlp::attribute::cut_chars;
use crate::otlp::{Format, Signal};

/// Long enough to name a handful of kinds of refusal; the specification asks for a message "for humans".
const MESSAGE_CHARS_MAX: usize = 500;

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

/// `google.rpc.Status`, without details.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
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
/// points; the message is cut to 500 characters.
pub fn partial_success(format: Format, signal: Signal, rejected: u64, message: &str) -> Vec<u8> {
    let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
    let error_message = cut_chars(message, MESSAGE_CHARS_MAX);
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

/// The body of any 4xx or 5xx: a `google.rpc.Status` (specification, "Failures"). `http_status` gives the code; the
/// message is cut to 500 characters.
pub fn failure(format: Format, http_status: u16, message: &str) -> Vec<u8> {
    let code = grpc_code(http_status);
    let message = cut_chars(message, MESSAGE_CHARS_MAX);
    match format {
        Format::Protobuf => RpcStatus { code, message }.encode_to_vec(),
        Format::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    }
}

/// The gRPC code that says the same as an HTTP status; 2 (unknown) for those without a counterpart.
pub fn grpc_code(http_status: u16) -> i32 {
    match http_status {
        200..=299 => 0,
        // INVALID_ARGUMENT
        400 | 415 => 3,
        // DEADLINE_EXCEEDED
        408 | 504 => 4,
        // NOT_FOUND
        404 => 5,
        // PERMISSION_DENIED
        403 => 7,
        // RESOURCE_EXHAUSTED
        413 | 429 => 8,
        // UNIMPLEMENTED
        405 | 501 => 12,
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
        assert_eq!(text(failure(Format::Json, 400, "bad")), r#"{"code":3,"message":"bad"}"#);
        assert_eq!(failure(Format::Protobuf, 401, "no"), [0x08, 16, 0x12, 2, b'n', b'o']);
        assert!(failure(Format::Protobuf, 400, &"x".repeat(9000)).len() < 600);
    }

    #[test]
    fn codes_follow_the_table() {
        let table = [(400, 3), (415, 3), (401, 16), (403, 7), (404, 5), (408, 4), (413, 8), (429, 8), (501, 12)];
        for (http, grpc) in table.into_iter().chain([(502, 14), (503, 14), (504, 4), (200, 0), (418, 2)]) {
            assert_eq!(grpc_code(http), grpc, "{http}");
        }
    }
}
