//! The routes browsers report to by themselves, on behalf of a page of any origin: policies, networks, certificates.
//!
//! The address carries the key, and release and environment of the page that named it. The body alone says what kind of
//! report it is. A browser reads no answer, so the ledger is where a wrong address shows.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, StatusCode};

use crate::config::SECURITY_BYTES_MAX;
use crate::ingest::{Admission, Digest};
use crate::sentry::security::{Context, SecurityError, decode_security};

use super::error::ApiError;
use super::ingest_sentry::{Answered, Gate, all_limited, error_response, limits, refused, tell_limits};
use super::respond::empty;
use super::take::take_in_within;
use super::{Query, Ready, Server, fresh_event_id, now_ms};

/// Others are not what a browser sends, and a form of any page could send `text/plain`.
const CONTENT_TYPES: [&str; 3] = ["application/json", "application/csp-report", "application/reports+json"];

const SHAPE_FIX: &str =
    "point report-uri, or an endpoint of Reporting-Endpoints, at this address; browsers do the rest";

/// `POST /api/<project>/security/`, `/csp-report/` and `/nel/`
pub(super) async fn report(server: &Arc<Server>, project: &str, request: Request<Incoming>) -> Answered {
    let gate = match Gate::open(&request, Some(project)) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = text(CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !CONTENT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type)) {
        let shown: String = media_type.chars().take(60).collect();
        let error = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("content type \"{shown}\" is no report"))
            .with_fix(format!("send one of {}", CONTENT_TYPES.join(", ")));
        return refused(&error, 0);
    }
    let query = Query::of(&request);
    let context = Context {
        release: query.get("sentry_release").map(str::to_owned),
        environment: query.get("sentry_environment").map(str::to_owned),
        user_agent: text(USER_AGENT).map(|agent| agent.chars().take(512).collect()),
        received_ms: now_ms(),
    };
    let limits = limits(server);
    let decode = move |ready: &Ready, body: &[u8]| {
        let project = gate.project(ready, None)?.clone();
        let decoded = decode_security(body, &context, &mut fresh_event_id, &limits).map_err(security_error)?;
        Ok((project, decoded, ()))
    };
    let (body_bytes, stored) = take_in_within(server, request, SECURITY_BYTES_MAX, decode).await;
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return refused(&error, body_bytes),
    };
    let mut ending = stored.ending(StatusCode::OK, body_bytes);
    if stored.admission.is_all_limited() {
        ending.status = StatusCode::TOO_MANY_REQUESTS;
        return (all_limited(&stored.admission), ending);
    }
    if nothing_usable(&stored.digest, &stored.admission) {
        let mut error = ApiError::new(StatusCode::BAD_REQUEST, "invalid security report").with_fix(SHAPE_FIX);
        for (_, detail) in stored.refusals.iter().take(10) {
            error = error.caused_by(detail.clone());
        }
        ending.status = error.status;
        ending.fix.clone_from(&error.fix);
        return (error_response(&error), ending);
    }
    let mut response = empty(StatusCode::OK);
    tell_limits(&mut response, &stored.admission);
    (response, ending)
}

/// Everything in the request was refused.
fn nothing_usable(digest: &Digest, admission: &Admission) -> bool {
    let is_understood = admission.filtered > 0 || !admission.limited.is_empty();
    !is_understood && digest.refused > 0 && digest.events == 0 && digest.counted.is_empty()
}

fn security_error(error: SecurityError) -> ApiError {
    let status = match error {
        SecurityError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError::new(status, "invalid security report").caused_by(error.to_string()).with_fix(SHAPE_FIX)
}
