//! OTLP/HTTP: traces, logs and metrics, answered in the encoding they came in.
//!
//! Exporters retry 429, 502, 503 and 504 and nothing else, and honour `Retry-After` when it is short, so overload is
//! said with 503 and bad data with 400.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};

use crate::config::{
    ATTRIBUTE_BYTES_MAX, EXCEPTION_SEVERITY_MIN, REQUEST_SPANS_MAX, SPAN_ATTRIBUTES_MAX, SPAN_BYTES_MAX,
    SPAN_EVENTS_MAX,
};
use crate::model::decoded::Refusal;
use crate::otlp::{Format, Limits, Signal, decode_logs, decode_metrics, decode_traces, response};

use super::error::ApiError;
use super::ledger::Ending;
use super::respond::{Body, bytes, empty};
use super::take::{Stored, take_in};
use super::{Ready, Server, ingest_sentry};

/// Longer than this, the Python exporter drops the batch instead of waiting (its whole deadline is 10 s).
const RETRY_AFTER_S: &str = "3";

const LIMITED_FIX: &str = "a limit of the project was reached: raise it in the settings, or send less (sampling)";

const GRPC_FIX: &str = "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf: this version takes OTLP over HTTP";

type Answered = (Response<Body>, Ending);

/// `POST /v1/<signal>`, and Sentry's own paths with a project in them.
pub(super) async fn export(
    server: &Arc<Server>,
    project: Option<&str>,
    signal: Signal,
    request: Request<Incoming>,
) -> Answered {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if content_type.starts_with("application/grpc") {
        return refuse_grpc();
    }
    if request.method() != Method::POST {
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "OTLP is sent with POST");
        return refused(Format::Json, &error, 0);
    }
    let Some(format) = Format::from_content_type(content_type) else {
        let error = ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content-type \"{}\" is not OTLP", content_type.chars().take(60).collect::<String>()),
        )
        .with_fix("send application/x-protobuf or application/json, as OTLP/HTTP exporters do");
        return refused(Format::Json, &error, 0);
    };
    let gate = match project {
        None => None,
        Some(project) => match ingest_sentry::Gate::open(&request, Some(project)) {
            Ok(gate) => Some(gate),
            Err(error) => return refused(format, &error, 0),
        },
    };
    let limits = limits(server);
    let decode = move |ready: &Ready, body: &[u8]| {
        let project = match &gate {
            Some(gate) => gate.project(ready, None)?,
            None => ready.projects.first().cloned().ok_or_else(|| ApiError::not_found("project"))?,
        };
        let decoded = match signal {
            Signal::Traces => decode_traces(format, body, &limits),
            Signal::Logs => decode_logs(format, body, &limits),
            Signal::Metrics => decode_metrics(format, body, &limits),
        }
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        let refused: Vec<Refusal> = decoded.refused.clone();
        Ok((project, decoded, refused))
    };
    let (body_bytes, stored) = take_in(server, request, decode).await;
    match stored {
        Ok(Stored { digest, admission, .. }) if admission.is_all_limited() => {
            let detail = digest.problem().unwrap_or_else(|| "over a limit of the project".to_string());
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, detail).with_fix(LIMITED_FIX);
            let (mut answer, ending) = refused(format, &error, body_bytes);
            // Exporters wait and send the same again.
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(admission.retry_after_s().unwrap_or(1)));
            // Counted by what was in it.
            (answer, Ending { refused: None, ..ending })
        }
        Ok(stored) => {
            let ending = stored.ending(StatusCode::OK, body_bytes);
            (bytes(StatusCode::OK, format.content_type(), response::accepted(format, signal, &stored.extra)), ending)
        }
        Err(error) => refused(format, &error, body_bytes),
    }
}

/// gRPC is answered in gRPC, so that the exporter prints the way out instead of "failed parsing HTTP/2".
pub(super) fn refuse_grpc() -> Answered {
    let mut answer = empty(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static("12"));
    headers.insert("grpc-message", HeaderValue::from_static(GRPC_FIX));
    let error = ApiError::new(StatusCode::NOT_IMPLEMENTED, "OTLP over gRPC").with_fix(GRPC_FIX);
    (answer, Ending::refused(&error, 0))
}

fn refused(format: Format, error: &ApiError, body_bytes: u64) -> Answered {
    let message = match error.causes.last() {
        Some(cause) => format!("{}: {cause}", error.detail),
        None => error.detail.clone(),
    };
    let body = response::failure(format, error.status.as_u16(), &message);
    let mut answer = bytes(error.status, format.content_type(), body);
    if error.status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    (answer, Ending::refused(error, body_bytes))
}

/// From WARN on an exception in a log is an error only when the operator says so.
const WARN: u8 = 13;

fn limits(server: &Server) -> Limits {
    let exception_severity_min = if server.settings.warnings_are_errors { WARN } else { EXCEPTION_SEVERITY_MIN };
    Limits { exception_severity_min, ..LIMITS }
}

const LIMITS: Limits = Limits {
    spans_max: REQUEST_SPANS_MAX,
    message_bytes_max: SPAN_BYTES_MAX,
    attributes_max: SPAN_ATTRIBUTES_MAX,
    events_max: SPAN_EVENTS_MAX,
    attribute_text_bytes_max: ATTRIBUTE_BYTES_MAX,
    depth_max: crate::config::ATTRIBUTE_DEPTH_MAX,
    exception_severity_min: EXCEPTION_SEVERITY_MIN,
};
