//! The Sentry ingest routes: envelopes and the older store endpoint, answered as SDKs expect.
//!
//! SDKs never send anything twice after an answer, so whatever can be used is kept, and the answer comes after it
//! is on disk.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::config::{ENVELOPE_ITEMS_MAX, JSON_DEPTH_MAX, REQUEST_SPANS_MAX, TRANSACTION_BYTES_MAX};
use crate::ingest::{Admission, Digest};
use crate::model::decoded::Decoded;
use crate::model::ids::{EventId, ProjectId, PublicKey};
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::model::quota::DataGroups;
use crate::sentry::auth::{AuthError, AuthInputs, read_credentials};
use crate::sentry::decode::{EnvelopeDecoded, EnvelopeError, Receipt, decode_envelope};
use crate::sentry::store_endpoint::decode_store;
use crate::sentry::uploads::{decode_attachments, decode_minidump};
use crate::sentry::{Limits, sample};

use super::error::ApiError;
use super::ledger::{Arrival, Ending};
use super::peer::client_address;
use super::respond::{Body, bytes, empty, json as json_response};
use super::take::{Stored, take_in};
use super::{Ready, Server, fresh_event_id, now_ms};

pub(super) const DSN_FIX: &str = "copy the DSN from the welcome page: it holds this server's key and project";

const NOT_AN_SDK: &str = "no current SDK sends this: look at what else posts here, or at a proxy that changes bodies";
const DUMP_FIX: &str = "send the dump file itself, or a form with it as the file upload_file_minidump";
pub(super) const PARTLY_FIX: &str = "the rest of the request was kept; the part named here was not";
pub(super) const NOTHING_FIX: &str = "the part named here was not kept, and there was no other part to keep";
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

/// `POST /api/<project>/store/` and `POST /api/store/`, and `GET` with the event in `sentry_data`
pub(super) async fn store(server: &Arc<Server>, project: Option<&str>, request: Request<Incoming>) -> Answered {
    let is_query = request.method() == Method::GET
        && request.uri().query().is_some_and(|query| query.split('&').any(|part| part.starts_with("sentry_data=")));
    let gate = match if is_query { Gate::of(&request, project, None) } else { Gate::open(&request, project) } {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    if is_query {
        return receive_query(server, &request, gate).await;
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_string);
    receive(server, request, gate, Kind::Store { content_type }).await
}

/// `POST /api/<project>/minidump/`
pub(super) async fn minidump(server: &Arc<Server>, project: &str, request: Request<Incoming>) -> Answered {
    let gate = match Gate::open(&request, Some(project)) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    let content_type = content_type(&request);
    receive(server, request, gate, Kind::Minidump { content_type }).await
}

/// `POST /api/<project>/events/<event>/attachments/`
pub(super) async fn attachments(
    server: &Arc<Server>,
    project: &str,
    event: &str,
    request: Request<Incoming>,
) -> Answered {
    let gate = match Gate::open(&request, Some(project)) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    let Some(event_id) = EventId::parse(event).filter(|id| !id.is_zero()) else {
        return refused(&ApiError::new(StatusCode::BAD_REQUEST, "the address does not name an event"), 0);
    };
    let content_type = content_type(&request);
    receive(server, request, gate, Kind::Attachments { event_id, content_type }).await
}

fn content_type(request: &Request<Incoming>) -> String {
    request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string()
}

/// Sentry ingest routes of other products.
pub(super) fn refuse_other(name: &str) -> Answered {
    let (what, fix) = match name {
        "upload" => (
            "files are not taken apart from their event here",
            "leave the SDK's option for uploading large files off: attachments of up to attachment_bytes_max are sent \
             with their event",
        ),
        _ => (
            "crash reports of the Unreal Engine are not taken here",
            "let Unreal's crash reporter send a minidump instead, to the same DSN with /minidump/ in its address, or \
             use the Sentry plugin for Unreal, which sends crash reports as attachments",
        ),
    };
    refused(&ApiError::new(StatusCode::NOT_IMPLEMENTED, what).with_fix(fix), 0)
}

enum Kind {
    Envelope,
    /// An event as JSON, or an envelope after all: the content type tells.
    Store {
        content_type: Option<String>,
    },
    Minidump {
        content_type: String,
    },
    Attachments {
        event_id: EventId,
        content_type: String,
    },
}

/// Which route was asked, as far as the answer depends on it.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Envelope,
    /// Speaks of events in its errors.
    Store,
    /// Answers with an id in dashes, which crash reporters print.
    Minidump,
    /// Answers 201.
    Attachments,
}

impl Kind {
    fn form(&self) -> Form {
        match self {
            Self::Envelope => Form::Envelope,
            Self::Store { .. } => Form::Store,
            Self::Minidump { .. } => Form::Minidump,
            Self::Attachments { .. } => Form::Attachments,
        }
    }
}

/// What the headers and the address say about who sends; the envelope itself may say it too.
pub(super) struct Gate {
    pub(super) project: Option<ProjectId>,
    pub(super) key: Option<PublicKey>,
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

    /// What would be refused for a limit anyway and need not be read; only what HTTP itself says about the sender counts.
    fn closed(&self, ready: &Ready) -> DataGroups {
        let known = self.key.and_then(|key| ready.key(key));
        let policy = known.and_then(|key| Some((key, ready.policy(key.project_id)?)));
        policy.map_or(DataGroups::NONE, |(key, policy)| policy.closed(key.public_key, now_ms()))
    }

    /// The project that the key may write to. `from_header` is the envelope's own word.
    /// Its `public_key` is the one that was used.
    pub(super) fn project(
        &self,
        ready: &Ready,
        from_header: Option<(PublicKey, ProjectId)>,
    ) -> Result<Project, ApiError> {
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
        let found = ready.key(key);
        if found.is_some_and(|key| !key.is_active) {
            return Err(rejected(format!("key {} is disabled in the settings of its project", short(key))));
        }
        let Some(owner) = found.and_then(|key| ready.project(key.project_id)) else {
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
            _ => Ok(Project { public_key: key, ..owner.clone() }),
        }
    }
}

/// Said in the ledger of whoever ran into a limit.
pub(super) const LIMITED_FIX: &str = "a limit of the project was reached: raise it in the settings, or send less";

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
    let client = gate.client.clone();
    let form = kind.form();
    let decode = decoder(server, &request, gate, kind);
    let (body_bytes, stored) = take_in(server, request, decode).await;
    answer(stored, body_bytes, client, form)
}

/// `GET /api/<project>/store/?sentry_data=…`: what browsers could send before they had anything better, answered with
/// the smallest image there is.
async fn receive_query(server: &Arc<Server>, request: &Request<Incoming>, gate: Gate) -> Answered {
    let mut query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let data = query.find(|(name, _)| name == "sentry_data").map(|(_, value)| value.into_owned()).unwrap_or_default();
    // A plus that was not escaped arrives as a space.
    let data = if data.trim_start().starts_with('{') { data } else { data.trim().replace(' ', "+") };
    let client = gate.client.clone();
    let body = Bytes::from(data);
    let body_bytes = body.len() as u64;
    let decode = decoder(server, request, gate, Kind::Store { content_type: None });
    let stored = match server.ready().await {
        Ok(ready) => super::take::store(ready, body, decode).await,
        Err(error) => Err(error),
    };
    let (response, ending) = answer(stored, body_bytes, client, Form::Store);
    if ending.status != StatusCode::OK {
        return (response, ending);
    }
    let mut image = super::respond::bytes(StatusCode::OK, "image/gif", PIXEL);
    image.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (image, ending)
}

/// One transparent point.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

type Read = (Option<EventId>, Option<String>);

fn decoder(
    server: &Server,
    request: &Request<Incoming>,
    gate: Gate,
    kind: Kind,
) -> impl FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, Read), ApiError> + Send + 'static {
    let limits = limits(server);
    let client_ip = client_address(request.extensions(), request.headers(), &server.settings.trusted_proxies);
    move |ready, body| {
        let limits = Limits { closed: gate.closed(ready), ..limits };
        let mut fresh = fresh_event_id;
        let receipt = Receipt { received_ms: now_ms(), client_ip };
        let decoded = match &kind {
            Kind::Envelope => decode_envelope(body, receipt, &mut fresh, &limits),
            Kind::Store { content_type } => decode_store(body, content_type.as_deref(), receipt, &mut fresh, &limits),
            // These carry no DSN, so whether they may is known before anything is looked at.
            Kind::Minidump { content_type } => {
                gate.project(ready, None)?;
                decode_minidump(body, content_type, receipt, &mut fresh, &limits)
            }
            Kind::Attachments { event_id, content_type } => {
                gate.project(ready, None)?;
                decode_attachments(body, content_type, *event_id, receipt, &limits)
            }
        }
        .map_err(envelope_error)
        .map_err(|error| match &kind {
            Kind::Minidump { .. } if error.status == StatusCode::BAD_REQUEST => error.with_fix(DUMP_FIX),
            _ => error,
        })?;
        let EnvelopeDecoded { header, response_id, decoded, .. } = decoded;
        let project = gate.project(ready, header.dsn)?;
        Ok((project, decoded, (response_id, header.sdk)))
    }
}

fn answer(stored: Result<Stored<Read>, ApiError>, body_bytes: u64, client: Option<String>, form: Form) -> Answered {
    match stored {
        Ok(stored) => {
            let mut ending = stored.ending(StatusCode::OK, body_bytes);
            let Stored { digest, admission, extra: (response_id, sdk), refusals, .. } = stored;
            ending.client = sdk.or(client);
            // A crash reporter that is told to slow down throws the dump away.
            if admission.is_all_limited() && form != Form::Minidump {
                ending.status = StatusCode::TOO_MANY_REQUESTS;
                return (all_limited(&admission), ending);
            }
            let mut response = match nothing_usable(&digest, &admission, &refusals, form == Form::Store) {
                Some(error) => {
                    ending.status = error.status;
                    ending.fix.clone_from(&error.fix);
                    error_response(&error)
                }
                None => accepted(form, response_id),
            };
            tell_limits(&mut response, &admission);
            (response, ending)
        }
        Err(error) if form == Form::Minidump => (error_response(&error), Ending::refused(&error, body_bytes)),
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
fn nothing_usable(
    digest: &Digest,
    admission: &Admission,
    refusals: &[(Reason, String)],
    is_store: bool,
) -> Option<ApiError> {
    let kept_something = digest.kept_something() || !digest.counted.is_empty();
    // Nothing is wrong with a client that was offline for a week.
    let all_too_old = refusals.iter().all(|(reason, _)| *reason == Reason::TooOld);
    let is_understood = admission.filtered > 0 || !admission.limited.is_empty();
    if kept_something || is_understood || all_too_old {
        return None;
    }
    let all_too_large = refusals.iter().all(|(reason, _)| *reason == Reason::TooLarge);
    let mut error = if all_too_large {
        // Sentry's words, with the type of the first item that was too large.
        let ty = refusals.first().and_then(|(_, detail)| detail.split(':').next()).unwrap_or("item");
        let whole = if is_store { "event" } else { "envelope" };
        let detail = format!("{whole} exceeded size limits for type '{ty}'");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, detail).with_fix(TOO_LARGE_FIX)
    } else {
        let what = if is_store { "invalid event" } else { "invalid event envelope" };
        ApiError::new(StatusCode::BAD_REQUEST, what).with_fix(NOT_AN_SDK)
    };
    for (_, detail) in refusals.iter().take(10) {
        error = error.caused_by(detail.clone());
    }
    Some(error)
}

/// Which categories an SDK should not send for a while; honoured on any status.
pub(super) fn tell_limits(response: &mut Response<Body>, admission: &Admission) {
    if let Some(value) = admission.header().and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert("x-sentry-rate-limits", value);
    }
}

/// Never bare: without the named categories an SDK would hold back everything, for a minute.
pub(super) fn all_limited(admission: &Admission) -> Response<Body> {
    let names: Vec<&str> = admission.limited.iter().map(|limited| limited.name.as_str()).collect();
    let detail = format!("rate limited: {}", names.join(", "));
    let mut response = error_response(&ApiError::new(StatusCode::TOO_MANY_REQUESTS, detail));
    tell_retry(&mut response, admission);
    response
}

/// When to come back, and with what.
pub(super) fn tell_retry(response: &mut Response<Body>, admission: &Admission) {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(admission.retry_after_s().unwrap_or(1)));
    tell_limits(response, admission);
}

fn accepted(form: Form, id: Option<EventId>) -> Response<Body> {
    match id {
        _ if form == Form::Attachments => empty(StatusCode::CREATED),
        Some(id) if form == Form::Minidump => bytes(StatusCode::OK, "text/plain", id.dashed()),
        Some(id) => json_response(StatusCode::OK, &json!({ "id": id.to_string() })),
        None => json_response(StatusCode::OK, &json!({})),
    }
}

pub(super) fn refused(error: &ApiError, body_bytes: u64) -> Answered {
    // Sentry SDKs do not retry. When the queue is full, a named pause loses less than a refusal of everything; when the
    // disk is, it would only lose what comes after there is room again.
    if error.status == StatusCode::SERVICE_UNAVAILABLE && !error.is_outage {
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

pub(super) fn limits(server: &Server) -> Limits {
    Limits {
        items_max: ENVELOPE_ITEMS_MAX,
        event_bytes_max: server.settings.event_bytes_max,
        attachment_bytes_max: server.settings.attachment_bytes_max,
        transaction_bytes_max: TRANSACTION_BYTES_MAX,
        item_bytes_max: server.settings.expanded_bytes_max,
        depth_max: JSON_DEPTH_MAX,
        spans_max: REQUEST_SPANS_MAX,
        closed: DataGroups::NONE,
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
    let stored = super::take::store(ready.clone(), body, decode).await?;
    let short_id = stored
        .appended
        .events
        .first()
        .filter(|event| !event.is_discarded)
        .map(|event| stored.project.short_id(event.short_no));
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
