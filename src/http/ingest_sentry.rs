//! The Sentry ingest routes: envelopes and the older store endpoint, answered as SDKs expect.
//!
//! SDKs never send anything twice after an answer, so whatever can be used is kept, and the answer comes after it
//! is on disk.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::config::{ENVELOPE_ITEMS_MAX, JSON_DEPTH_MAX, REQUEST_SPANS_MAX, TRANSACTION_BYTES_MAX};
use crate::ingest::Digest;
use crate::model::decoded::Decoded;
use crate::model::ids::{EventId, ProjectId, PublicKey};
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::sentry::auth::{AuthError, AuthInputs, read_credentials};
use crate::sentry::decode::{EnvelopeDecoded, EnvelopeError, decode_envelope};
use crate::sentry::store_endpoint::decode_store;
use crate::sentry::{Limits, sample};

use super::error::ApiError;
use super::ledger::{Arrival, Ending};
use super::respond::{Body, json as json_response};
use super::take::{Stored, take_in};
use super::{Ready, Server, fresh_event_id, now_ms};

pub(super) const DSN_FIX: &str = "copy the DSN from the welcome page: it holds this server's key and project";

const NOT_AN_SDK: &str = "no current SDK sends this: look at what else posts here, or at a proxy that changes bodies";
const PARTLY_FIX: &str = "the rest of the request was kept; the part named here was not";
const TOO_LARGE_FIX: &str =
    "send less with an event (max_value_length, max_request_body_size in sentry_sdk.init), or raise event_bytes_max";

/// After a full queue, SDKs pause these categories for this long; a bare 429 would silence them for 60 s.
const PAUSE_S: &str = "5";
const PAUSE_CATEGORIES: &str = "5:default;error;transaction;span:project:queue_full";

pub(super) type Answered = (Response<Body>, Ending);

/// `POST /api/<project>/envelope/`
pub(super) async fn envelope(server: &Arc<Server>, project: &str, request: Request<Incoming>) -> Answered {
    let gate = match Gate::open(&request, Some(project)) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    receive(server, request, gate, Kind::Envelope).await
}

/// `POST /api/<project>/store/` and `POST /api/store/`
pub(super) async fn store(server: &Arc<Server>, project: Option<&str>, request: Request<Incoming>) -> Answered {
    let gate = match Gate::open(&request, project) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_string);
    receive(server, request, gate, Kind::Store { content_type }).await
}

/// Sentry ingest routes of other products.
pub(super) fn refuse_other(name: &str) -> Answered {
    let error = ApiError::new(StatusCode::NOT_IMPLEMENTED, format!("this version does not take {name} reports"));
    refused(&error, 0)
}

enum Kind {
    Envelope,
    /// An event as JSON, or an envelope after all: the content type tells.
    Store {
        content_type: Option<String>,
    },
}

/// What the headers and the address say about who sends; the envelope itself may say it too.
pub(super) struct Gate {
    project: Option<ProjectId>,
    key: Option<PublicKey>,
    pub(super) client: Option<String>,
}

impl Gate {
    pub(super) fn open(request: &Request<Incoming>, project: Option<&str>) -> Result<Self, ApiError> {
        if request.method() != Method::POST {
            return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "events are sent with POST")
                .with_fix("give this address to an SDK as its DSN, not to a browser"));
        }
        Self::of(request, project, None)
    }

    /// Whatever the method; `path_key` is the key in the address of cron routes.
    pub(super) fn of(
        request: &Request<Incoming>,
        project: Option<&str>,
        path_key: Option<&str>,
    ) -> Result<Self, ApiError> {
        let project = match project {
            None => None,
            Some(text) => Some(ProjectId::parse(text).ok_or_else(|| {
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    format!("\"{}\" is not a project id", text.chars().take(40).collect::<String>()),
                )
                .with_fix("a DSN ends in the number of a project, such as /1")
            })?),
        };
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let inputs = AuthInputs {
            x_sentry_auth: text("x-sentry-auth"),
            authorization: text(AUTHORIZATION.as_str()),
            query: request.uri().query(),
            path_key,
        };
        let credentials = read_credentials(&inputs).map_err(auth_error)?;
        let (key, client) = credentials.map_or((None, None), |found| (Some(found.public_key), found.client));
        Ok(Self { project, key, client })
    }

    /// The project that the key may write to. `from_header` is the envelope's own word.
    pub(super) fn project<'r>(
        &self,
        ready: &'r Ready,
        from_header: Option<(PublicKey, ProjectId)>,
    ) -> Result<&'r Project, ApiError> {
        let mismatch = |what: &str| {
            Err(ApiError::new(StatusCode::BAD_REQUEST, format!("{what} header mismatch"))
                .with_fix("a tunnel forwards envelopes of another DSN than its own address says: use one DSN for both"))
        };
        if let Some((header_key, header_project)) = from_header {
            if self.project.is_some_and(|project| project != header_project) {
                return mismatch("project id");
            }
            if self.key.is_some_and(|key| key != header_key) {
                return mismatch("public key");
            }
        }
        let Some(key) = self.key.or(from_header.map(|(key, _)| key)) else {
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "missing authorization information").with_fix(DSN_FIX));
        };
        let rejected = |why: String| {
            ApiError::new(StatusCode::FORBIDDEN, "event submission rejected with_reason: ProjectId")
                .caused_by(why)
                .with_fix(DSN_FIX)
        };
        let Some(owner) = ready.projects.iter().find(|project| project.public_key == key) else {
            let known = self.project.and_then(|id| ready.project(id)).is_some();
            return Err(rejected(match self.project {
                Some(id) if !known => format!("there is no project {id} here, and key {} is unknown", short(key)),
                _ => format!("key {} is unknown: the DSN is from another server or another data directory", short(key)),
            }));
        };
        match self.project {
            Some(id) if id != owner.id => {
                Err(rejected(format!("key {} belongs to project {}, not to project {id}", short(key), owner.id)))
            }
            _ => Ok(owner),
        }
    }
}

/// Enough of a key to recognise it; the whole of it stays out of logs and screens of others.
fn short(key: PublicKey) -> String {
    let text = key.to_string();
    format!("{}…{}", &text[..4], &text[28..])
}

fn auth_error(error: AuthError) -> ApiError {
    let (status, fix) = match error {
        AuthError::Multiple => (
            StatusCode::UNAUTHORIZED,
            "send the key once: in the X-Sentry-Auth header, the Authorization header or the query, not in two of them",
        ),
        AuthError::BadVersion(_) => (StatusCode::BAD_REQUEST, "use an SDK that speaks protocol version 7 or lower"),
        AuthError::MissingKey | AuthError::BadKey(_) => (StatusCode::UNAUTHORIZED, DSN_FIX),
    };
    ApiError::new(status, error.to_string()).with_fix(fix)
}

async fn receive(server: &Arc<Server>, request: Request<Incoming>, gate: Gate, kind: Kind) -> Answered {
    let limits = limits(server);
    let client = gate.client.clone();
    let decode = move |ready: &Ready, body: &[u8]| {
        let mut fresh = fresh_event_id;
        let decoded = match &kind {
            Kind::Envelope => decode_envelope(body, now_ms(), &mut fresh, &limits),
            Kind::Store { content_type } => decode_store(body, content_type.as_deref(), now_ms(), &mut fresh, &limits),
        }
        .map_err(envelope_error)?;
        let EnvelopeDecoded { header, response_id, decoded, .. } = decoded;
        let project = gate.project(ready, header.dsn)?.clone();
        Ok((project, decoded, (response_id, header.sdk)))
    };
    let (body_bytes, stored) = take_in(server, request, decode).await;
    match stored {
        Ok(Stored { digest, appended, project, extra: (response_id, sdk), refusals }) => {
            let problem = digest.problem().or_else(|| appended.refusal());
            let mut ending = Ending {
                status: StatusCode::OK,
                body_bytes,
                summary: digest.summary(),
                client: sdk.or(client),
                fix: problem.as_ref().map(|_| PARTLY_FIX.to_string()),
                problem,
                short_id: appended.events.first().map(|event| project.short_id(event.short_no)),
                trace_id: digest.trace_id.map(|id| id.to_string()),
            };
            let response = match nothing_usable(&digest, &refusals) {
                Some(error) => {
                    ending.status = error.status;
                    ending.fix.clone_from(&error.fix);
                    error_response(&error)
                }
                None => accepted(response_id),
            };
            (response, ending)
        }
        Err(error) => refused(&error, body_bytes),
    }
}

fn envelope_error(error: EnvelopeError) -> ApiError {
    let malformed =
        |what: &str, why: String| ApiError::new(StatusCode::BAD_REQUEST, what).caused_by(why).with_fix(NOT_AN_SDK);
    match error {
        EnvelopeError::Empty => ApiError::new(StatusCode::BAD_REQUEST, "empty request body").with_fix(NOT_AN_SDK),
        EnvelopeError::TooLarge { .. } => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request content exceeded size limits")
                .caused_by(error.to_string())
                .with_fix(TOO_LARGE_FIX)
        }
        EnvelopeError::Envelope(why) => malformed("invalid event envelope", why),
        EnvelopeError::Payload(why) => malformed("invalid event", why),
    }
}

/// An error when everything in the request was refused; what was usable makes it a success.
fn nothing_usable(digest: &Digest, refusals: &[(Reason, String)]) -> Option<ApiError> {
    let kept_something = digest.events > 0 || digest.spans > 0 || digest.check_ins > 0 || !digest.counted.is_empty();
    if kept_something || refusals.is_empty() {
        return None;
    }
    let all_too_large = refusals.iter().all(|(reason, _)| *reason == Reason::TooLarge);
    let mut error = if all_too_large {
        // Sentry's words, with the type of the first item that was too large.
        let ty = refusals.first().and_then(|(_, detail)| detail.split(':').next()).unwrap_or("item");
        let detail = format!("envelope exceeded size limits for type '{ty}'");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail).with_fix(TOO_LARGE_FIX)
    } else {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid event envelope").with_fix(NOT_AN_SDK)
    };
    for (_, detail) in refusals.iter().take(10) {
        error = error.caused_by(detail.clone());
    }
    Some(error)
}

fn accepted(id: Option<EventId>) -> Response<Body> {
    match id {
        Some(id) => json_response(StatusCode::OK, &json!({ "id": id.to_string() })),
        None => json_response(StatusCode::OK, &json!({})),
    }
}

pub(super) fn refused(error: &ApiError, body_bytes: u64) -> Answered {
    // Sentry SDKs do not retry. When the queue is full, a named pause loses less than a refusal of everything.
    if error.status == StatusCode::SERVICE_UNAVAILABLE {
        let mut error = error.clone();
        error.status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = error.response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(PAUSE_S));
        response.headers_mut().insert("x-sentry-rate-limits", HeaderValue::from_static(PAUSE_CATEGORIES));
        return (response, Ending::refused(&error, body_bytes));
    }
    (error_response(error), Ending::refused(error, body_bytes))
}

/// With the header that SDKs log.
pub(super) fn error_response(error: &ApiError) -> Response<Body> {
    let mut response = error.response();
    if let Ok(reason) = HeaderValue::from_str(&error.detail) {
        response.headers_mut().insert("x-sentry-error", reason);
    }
    response
}

fn limits(server: &Server) -> Limits {
    Limits {
        items_max: ENVELOPE_ITEMS_MAX,
        event_bytes_max: server.settings.event_bytes_max,
        transaction_bytes_max: TRANSACTION_BYTES_MAX,
        item_bytes_max: server.settings.expanded_bytes_max,
        depth_max: JSON_DEPTH_MAX,
        spans_max: REQUEST_SPANS_MAX,
    }
}

/// `POST /api/ui/sample`: an event and a transaction of a made-up shop, through the same decoding and storing as
/// any other envelope.
pub(super) async fn send_sample(server: &Arc<Server>, ready: &Arc<Ready>) -> Result<Response<Body>, ApiError> {
    let Some(project) = ready.projects.first().cloned() else { return Err(ApiError::not_found("project")) };
    let random = [fresh_event_id(), fresh_event_id(), fresh_event_id()];
    let body = Bytes::from(sample::envelope(now_ms(), random));
    let arrival =
        Arrival::new(&Method::POST, &format!("/api/{}/envelope/", project.id), "sentry", &HeaderMap::new(), now_ms());
    let limits = limits(server);
    let body_bytes = body.len() as u64;
    let decode = move |_: &Ready, body: &[u8]| {
        let decoded: Decoded = decode_envelope(body, now_ms(), &mut fresh_event_id, &limits)
            .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
            .decoded;
        Ok((project, decoded, ()))
    };
    let stored = super::take::store(server, ready.clone(), body, decode).await?;
    let short_id = stored.appended.events.first().map(|event| stored.project.short_id(event.short_no));
    let trace_id = stored.digest.trace_id.map(|id| id.to_string());
    let answer = json!({ "short_id": short_id, "trace_id": trace_id });
    let ending = Ending {
        status: StatusCode::OK,
        body_bytes,
        summary: stored.digest.summary(),
        client: Some("trapline sample".to_string()),
        short_id,
        trace_id,
        ..Ending::default()
    };
    server.ledger.record(arrival, ending, &server.live);
    Ok(json_response(StatusCode::OK, &answer))
}
