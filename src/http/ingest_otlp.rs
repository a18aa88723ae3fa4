//! OTLP: traces, logs and metrics, over HTTP answered in the encoding they came in. What gRPC shares is here, too.
//!
//! Exporters retry 429, 502, 503 and 504 and nothing else, and honour `Retry-After` when it is short, so overload is
//! said with 503 and bad data with 400.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};

use crate::config::{
    ATTRIBUTE_BYTES_MAX, EXCEPTION_SEVERITY_MIN, OTLP_RETRY_AFTER_S, OTLP_RETRY_AFTER_S_MAX, REQUEST_SPANS_MAX,
    SPAN_ATTRIBUTES_MAX, SPAN_BYTES_MAX, SPAN_EVENTS_MAX,
};
use crate::ingest::Admission;
use crate::model::decoded::{Decoded, Refusal};
use crate::model::project::Project;
use crate::model::quota::DataGroup;
use crate::otlp::response::{self, Failure};
use crate::otlp::{Format, Limits, Signal, decode_logs, decode_metrics, decode_traces};

use super::error::ApiError;
use super::ledger::Ending;
use super::otlp_sender::{Place, Sender};
use super::respond::{Body, bytes};
use super::take::{Stored, take_in};
use super::{Ready, Server, Settings};

const LIMITED_FIX: &str = "a limit of the project was reached: raise it in the settings, or send less (sampling)";

pub(super) type Answered = (Response<Body>, Ending);

/// How an export ended, before it is said in HTTP or gRPC.
pub(super) enum Outcome {
    /// What could be kept is on disk; `body` in the encoding of the request.
    Taken {
        body: Vec<u8>,
        ending: Ending,
    },
    Refused {
        status: StatusCode,
        failure: Failure,
        ending: Ending,
    },
}

/// `POST /v1/<signal>`, and the paths with a project in them.
pub(super) async fn export(
    server: &Arc<Server>,
    place: Place<'_>,
    signal: Signal,
    request: Request<Incoming>,
) -> Answered {
    if request.method() != Method::POST {
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "OTLP is sent with POST");
        let (mut response, ending) = say(Format::Json, refused(&error, 0));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
        return (response, ending);
    }
    let Some(format) = format_of(request.headers()) else {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let error = ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content-type \"{}\" is not OTLP", content_type.chars().take(60).collect::<String>()),
        )
        .with_fix("send application/x-protobuf or application/json, as OTLP/HTTP exporters do");
        return say(Format::Json, refused(&error, 0));
    };
    let sender = match Sender::of(&server.settings, &request, place) {
        Ok(sender) => sender,
        Err(error) => return say(format, refused(&error, 0)),
    };
    let (body_bytes, stored) = take_in(server, request, decoder(&server.settings, sender, signal, format)).await;
    say(format, outcome(format, signal, body_bytes, stored))
}

/// `POST /v1/profiles` and the like: not to be sent again.
pub(super) fn refuse_signal(signal: &str, request: &Request<Incoming>) -> Answered {
    let signal: String = signal.chars().take(60).collect();
    let error = ApiError::new(StatusCode::NOT_FOUND, format!("\"{signal}\" are not taken here")).with_fix(
        "the endpoint has no path but /v1/traces, /v1/logs and /v1/metrics, which exporters add themselves; switch others \
         off",
    );
    say(format_of(request.headers()).unwrap_or(Format::Json), refused(&error, 0))
}

/// The address of a gRPC service, asked in HTTP.
pub(super) fn refuse_other_than_grpc(request: &Request<Incoming>) -> Answered {
    let error = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this address takes gRPC only")
        .with_fix("OTLP over HTTP goes to /v1/traces, /v1/logs and /v1/metrics");
    say(format_of(request.headers()).unwrap_or(Format::Json), refused(&error, 0))
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(Format::from_content_type)
}

/// Of whom, what could be read, and what could not.
type Read = (Project, Decoded, Vec<Refusal>);

/// What makes rows of a request's bytes; who may not send is refused before any of them is looked at.
pub(super) fn decoder(
    settings: &Settings,
    sender: Sender,
    signal: Signal,
    format: Format,
) -> impl FnOnce(&Ready, &[u8]) -> Result<Read, ApiError> + Send + 'static + use<> {
    let limits = limits(settings);
    move |ready, body| {
        let project = sender.project(ready)?;
        let decoded = match signal {
            Signal::Traces => decode_traces(format, body, &limits),
            Signal::Logs => decode_logs(format, body, &limits),
            Signal::Metrics => decode_metrics(format, body, &limits),
        }
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        let refused = decoded.refused.clone();
        Ok((project, decoded, refused))
    }
}

pub(super) fn outcome(
    format: Format,
    signal: Signal,
    body_bytes: u64,
    stored: Result<Stored<Vec<Refusal>>, ApiError>,
) -> Outcome {
    match stored {
        Ok(Stored { digest, admission, .. }) if is_limited(&admission, signal) => {
            let detail = digest.problem().unwrap_or_else(|| "over a limit of the project".to_string());
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, detail).with_fix(LIMITED_FIX);
            let seconds = admission.retry_after_s().unwrap_or(1);
            // Counted by what was in it.
            let ending = Ending { refused: None, ..Ending::refused(&error, body_bytes) };
            refused_until(&error, Some(seconds), ending)
        }
        Ok(stored) => {
            let ending = stored.ending(StatusCode::OK, body_bytes);
            let body = match (&stored.extra[..], &ending.problem) {
                // Nothing was refused that could be counted, but something was not kept: a warning.
                ([], Some(problem)) => response::partial_success(format, signal, 0, problem),
                (refused, _) => response::accepted(format, signal, refused),
            };
            Outcome::Taken { body, ending }
        }
        Err(error) => refused(&error, body_bytes),
    }
}

/// The request is to come again: errors that came in with spans or logs are known then.
fn is_limited(admission: &Admission, signal: Signal) -> bool {
    let group = DataGroup::of(signal.category());
    admission.is_all_limited() || admission.limited.iter().any(|limited| Some(limited.group) == group)
}

/// Refused; exporters are to come back after what is over in a moment.
pub(super) fn refused(error: &ApiError, body_bytes: u64) -> Outcome {
    let is_passing = matches!(
        error.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    );
    refused_until(error, is_passing.then_some(OTLP_RETRY_AFTER_S), Ending::refused(error, body_bytes))
}

fn refused_until(error: &ApiError, retry_after_s: Option<u64>, ending: Ending) -> Outcome {
    let mut message = match error.causes.last() {
        Some(cause) => format!("{}: {cause}", error.detail),
        None => error.detail.clone(),
    };
    // Exporters print it, and nobody who only sees their log has seen our screens.
    if let Some(fix) = &error.fix {
        message = format!("{message}. To mend it: {fix}");
    }
    let retry_after_s = retry_after_s.map(|seconds| seconds.clamp(1, OTLP_RETRY_AFTER_S_MAX));
    let code = response::grpc_code(error.status.as_u16());
    Outcome::Refused { status: error.status, failure: Failure { code, message, retry_after_s }, ending }
}

/// An outcome in HTTP.
fn say(format: Format, outcome: Outcome) -> Answered {
    match outcome {
        Outcome::Taken { body, ending } => (bytes(StatusCode::OK, format.content_type(), body), ending),
        Outcome::Refused { status, failure, ending } => {
            let mut answer = bytes(status, format.content_type(), response::failure(format, &failure));
            if let Some(seconds) = failure.retry_after_s {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            if status == StatusCode::UNAUTHORIZED {
                answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            (answer, ending)
        }
    }
}

/// From WARN on an exception in a log is an error only when the operator says so.
const WARN: u8 = 13;

fn limits(settings: &Settings) -> Limits {
    let exception_severity_min = if settings.warnings_are_errors { WARN } else { EXCEPTION_SEVERITY_MIN };
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
