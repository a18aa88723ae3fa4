//! Which pages may send: CORS on the ingest routes.
//!
//! Browser SDKs post from the pages of applications, which are other origins to us. Whatever they may send, they can
//! read nothing but the answer to it. Knows nothing of reading routes, which no other origin may ever ask (`guard`).

use hyper::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap, HeaderValue, ORIGIN, VARY};
use hyper::{Response, StatusCode};

use crate::config::Settings;

use super::error::ApiError;
use super::respond::{Body, empty, set};

/// The value of `Access-Control-Allow-Origin` for whoever asks; `None` for a page that may not.
pub(super) fn granted(settings: &Settings, headers: &HeaderMap) -> Option<HeaderValue> {
    if settings.allows_every_origin() {
        return Some(HeaderValue::from_static("*"));
    }
    let origin = headers.get(ORIGIN)?;
    origin.to_str().is_ok_and(|origin| settings.allows_origin(origin)).then(|| origin.clone())
}

/// What browser SDKs need to post from a page, and to read why they were refused.
pub(super) fn allow(headers: &mut HeaderMap, settings: &Settings, granted: Option<HeaderValue>) {
    if !settings.allows_every_origin() {
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = granted else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    set(headers, "access-control-expose-headers", "x-sentry-error, x-sentry-rate-limits, retry-after");
    set(headers, "cross-origin-resource-policy", "cross-origin");
}

/// Refuses pages that may not send. A browser sends plain text without asking first, so not granting is not enough.
pub(super) fn check(settings: &Settings, headers: &HeaderMap) -> Result<(), ApiError> {
    // Every program but a browser.
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("?");
    if settings.allows_origin(origin) {
        return Ok(());
    }
    let shown: String = origin.chars().take(100).collect();
    Err(ApiError::new(StatusCode::FORBIDDEN, format!("pages of {shown} may not send here"))
        .with_fix(format!("add \"{shown}\" to allowed_origins in the settings, or leave those at \"*\"")))
}

/// The answer to a browser's preflight on an ingest route. `requested` is what it asked to send.
pub(super) fn preflight(requested: Option<&HeaderValue>) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    set(headers, "access-control-allow-methods", "POST, OPTIONS");
    set(
        headers,
        "access-control-allow-headers",
        "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, \
         authorization, content-encoding, transfer-encoding",
    );
    // OpenTelemetry's browser exporter sends headers of the user's choosing: they are granted by name.
    if let Some(requested) = requested {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
    }
    set(headers, "access-control-max-age", "3600");
    response
}
