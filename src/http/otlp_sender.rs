//! Who sends OpenTelemetry data, and into which project: by a key wherever exporters can put one, or without.
//!
//! Decides from where data without a key is taken. Knows nothing of what is sent.

use hyper::Request;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap};

use crate::config::{OtlpWithoutKey, Settings};
use crate::model::ids::{ProjectId, PublicKey};
use crate::model::project::Project;

use super::Ready;
use super::error::ApiError;
use super::ingest_sentry::{DSN_FIX, Gate};
use super::peer::is_from_this_machine;

/// Where the address says the data belongs.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// `/v1/traces`, and everything over gRPC.
    Anywhere,
    /// `/api/<project or key>/otlp/v1/traces`
    Path(&'a str),
    /// `/api/<project>/integration/otlp/v1/traces`, as Sentry's own SDKs send it: always with a key.
    Sentry(&'a str),
}

/// What headers and address say about a sender.
pub(super) struct Sender {
    gate: Gate,
    /// Why nothing is taken from this sender without a key.
    needs_key: Option<ApiError>,
}

impl Sender {
    pub(super) fn of(settings: &Settings, request: &Request<Incoming>, place: Place<'_>) -> Result<Self, ApiError> {
        let (project, path_key) = match place {
            Place::Anywhere => (None, None),
            Place::Path(text) if PublicKey::parse(text).is_some() => (None, Some(text)),
            Place::Path(text) | Place::Sentry(text) => (Some(text), None),
        };
        let bearer = if path_key.is_some() { None } else { bearer(request.headers())? };
        let gate = Gate::of(request, project, path_key.or(bearer)).map_err(|error| match error.status {
            StatusCode::UNAUTHORIZED => error.with_fix(KEY_FIX),
            _ => error,
        })?;
        let needs_key = match place {
            Place::Sentry(_) => Some(unauthorized("missing authorization information").with_fix(DSN_FIX)),
            _ => needs_key(settings.otlp_without_key, || {
                is_from_this_machine(request.extensions(), request.headers(), &settings.trusted_proxies)
            }),
        };
        Ok(Self { gate, needs_key })
    }

    /// The project of the key; without one that of the address, else the first.
    pub(super) fn project(&self, ready: &Ready) -> Result<Project, ApiError> {
        if self.gate.key.is_some() {
            return self.gate.project(ready, None).map_err(|error| error.with_fix(KEY_FIX));
        }
        if let Some(error) = &self.needs_key {
            return Err(error.clone());
        }
        let Some(id) = self.gate.project else {
            return ready.projects.first().cloned().ok_or_else(|| ApiError::not_found("project"));
        };
        ready.project(id).cloned().ok_or_else(|| no_such_project(id))
    }
}

const KEY_FIX: &str = "send the key of a project of this server (the part of its DSN before the @) as \
                       OTEL_EXPORTER_OTLP_HEADERS=\"authorization=Bearer%20KEY\"";

fn needs_key(setting: OtlpWithoutKey, is_local: impl FnOnce() -> bool) -> Option<ApiError> {
    let what = match setting {
        OtlpWithoutKey::Always => return None,
        OtlpWithoutKey::Local if is_local() => return None,
        OtlpWithoutKey::Local => {
            "this request names no key of a project, and it did not come from this machine: anybody who reaches this \
             address could fill your project"
        }
        OtlpWithoutKey::Never => "this request names no key of a project, and otlp_without_key is \"never\" here",
    };
    Some(unauthorized(what).with_fix(format!("{KEY_FIX}, or set otlp_without_key = \"always\" in trapline's settings")))
}

/// The key of `Authorization: Bearer <key>`, unless the sender's key is in the header meant for it.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    if headers.contains_key("x-sentry-auth") {
        return Ok(None);
    }
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    // Who sets the header by hand may have written it as the variable of the environment wants it.
    let header = header.trim();
    let Some((scheme, token)) = header.split_once(' ').or_else(|| header.split_once("%20")) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim();
    if PublicKey::parse(token).is_some() {
        return Ok(Some(token));
    }
    // It may well be a secret for somebody else, so it is not repeated.
    Err(unauthorized("the token in the Authorization header is no key of a project: those have 32 hex digits")
        .with_fix(format!("{KEY_FIX}, or leave that header out")))
}

fn unauthorized(what: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, what)
}

fn no_such_project(id: ProjectId) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("there is no project {id} here"))
        .with_fix("take the number at the end of the project's DSN, or leave /api/<project>/otlp out of the endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_bearer_token_is_a_key_or_an_error_that_keeps_it_secret() {
        let of = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            bearer(&headers).map(|key| key.map(str::to_owned))
        };
        assert_eq!(of(&format!("Bearer {KEY}")), Ok(Some(KEY.to_owned())));
        assert_eq!(of(&format!("bearer  {KEY} ")), Ok(Some(KEY.to_owned())));
        // Not ours to read.
        assert_eq!(of("Basic YTpi"), Ok(None));
        assert_eq!(of(""), Ok(None));
        let error = of("Bearer hush-hush").unwrap_err();
        assert_eq!(error.status, StatusCode::UNAUTHORIZED);
        assert!(!format!("{error:?}").contains("hush-hush"));
    }

    #[test]
    fn a_token_for_somebody_else_beside_our_own_header_is_left_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, "Bearer hush-hush".parse().unwrap());
        headers.insert("x-sentry-auth", format!("sentry sentry_key={KEY}").parse().unwrap());
        assert_eq!(bearer(&headers), Ok(None));
    }

    #[test]
    fn without_a_key_the_setting_decides() {
        assert!(needs_key(OtlpWithoutKey::Local, || true).is_none());
        assert!(needs_key(OtlpWithoutKey::Always, || false).is_none());
        for (setting, is_local) in [(OtlpWithoutKey::Local, false), (OtlpWithoutKey::Never, true)] {
            let error = needs_key(setting, || is_local).unwrap();
            assert_eq!(error.status, StatusCode::UNAUTHORIZED);
            assert!(error.fix.unwrap().contains("otlp_without_key"));
        }
    }
}
