//! What every ingest route does: receive, expand, decode, prepare, store, and only then answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use hyper::{Request, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::config::{INLINE_BYTES_MAX, INLINE_EXPANDED_BYTES_MAX, LARGE_BODY_BYTES};
use crate::ingest::{Admission, Digest, Policy, Prepared, prepare};
use crate::model::decoded::Decoded;
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::store::Appended;

use super::body::{BodyError, Received, expand, expand_up_to, receive};
use super::error::ApiError;
use super::ingest_sentry::{LIMITED_FIX, NOTHING_FIX, PARTLY_FIX};
use super::ledger::Ending;
use super::{Ready, Server, now_ms};

/// A request whose contents are on disk.
pub(super) struct Stored<T> {
    pub(super) digest: Digest,
    /// What was let in and what was limited.
    pub(super) admission: Admission,
    pub(super) appended: Appended,
    pub(super) project: Project,
    /// Whatever the decoder wants to have back for its answer.
    pub(super) extra: T,
    /// What was refused: reason and detail.
    pub(super) refusals: Vec<(Reason, String)>,
}

impl<T> Stored<T> {
    /// The ledger's words for a request that was understood, whatever became of its items.
    pub(super) fn ending(&self, status: StatusCode, body_bytes: u64) -> Ending {
        let problem = self.digest.problem().or_else(|| self.appended.refusal());
        let summary = self.digest.summary();
        let fix = match self.admission.limited.is_empty() {
            true if summary.is_empty() => NOTHING_FIX,
            true => PARTLY_FIX,
            false => LIMITED_FIX,
        };
        Ending {
            status,
            body_bytes,
            summary,
            fix: problem.as_ref().map(|_| fix.to_string()),
            problem,
            filtered: self.digest.filtered(),
            short_id: self
                .appended
                .events
                .first()
                .filter(|event| !event.is_discarded)
                .map(|event| self.project.short_id(event.short_no)),
            trace_id: self.digest.trace_id.map(|id| id.to_string()),
            ..Ending::default()
        }
    }
}

/// Takes a whole request in. The first value is the size of the body as received, as far as it got.
pub(super) async fn take_in<T, D>(
    server: &Arc<Server>,
    request: Request<Incoming>,
    decode: D,
) -> (u64, Result<Stored<T>, ApiError>)
where
    T: Send + 'static,
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    take_in_within(server, request, usize::MAX, decode).await
}

/// As [`take_in`], for bodies of at most `bytes_max`, as received and as expanded.
pub(super) async fn take_in_within<T, D>(
    server: &Arc<Server>,
    request: Request<Incoming>,
    bytes_max: usize,
    decode: D,
) -> (u64, Result<Stored<T>, ApiError>)
where
    T: Send + 'static,
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let received = match receive(body, server.settings.request_bytes_max.min(bytes_max), &server.room).await {
        Ok(received) => received,
        Err(error) => return (0, Err(error.into())),
    };
    let body_bytes = received.bytes.len() as u64;
    let encodings = parts
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let is_envelope = parts.uri.path().trim_end_matches('/').ends_with("/envelope");
    let coding = Coding { encodings, bytes_max, is_envelope };
    (body_bytes, take_received(server, received, coding, decode).await)
}

/// Takes in a body that is here, to be expanded as `coding` says.
pub(super) async fn take_received<T, D>(
    server: &Arc<Server>,
    received: Received,
    coding: Coding,
    decode: D,
) -> Result<Stored<T>, ApiError>
where
    T: Send + 'static,
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    let ready = server.ready().await?;
    if received.bytes.len() <= INLINE_BYTES_MAX {
        let limit = INLINE_EXPANDED_BYTES_MAX.min(coding.bytes_max);
        match expand(received.bytes.clone(), &coding.encodings, limit) {
            Ok(expanded) => {
                // Whoever waits for the disk holds its rows, not what they were made of.
                drop(received);
                return store(ready, expanded, decode).await;
            }
            // A bomb, or just a very regular body: there is more room on the other path.
            Err(BodyError::ExpandsTooFar { .. }) if coding.bytes_max > INLINE_EXPANDED_BYTES_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
    work_elsewhere(server, ready, received, coding, decode).await
}

/// Decodes and stores a small body on this very thread: an error event takes about a fifth of a millisecond, and
/// handing it to another thread and back would cost as much again.
pub(super) async fn store<T, D>(ready: Arc<Ready>, body: Bytes, decode: D) -> Result<Stored<T>, ApiError>
where
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError>,
{
    let work = || Worked::of(decode(&ready, &body)?, &ready);
    let worked = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))?;
    // Before the wait: the next request on this thread expands into the same memory, still warm.
    drop(body);
    worked.store(&ready).await
}

/// Expands, decodes and stores a large body off the async threads, a few at a time.
async fn work_elsewhere<T, D>(
    server: &Arc<Server>,
    ready: Arc<Ready>,
    received: Received,
    coding: Coding,
    decode: D,
) -> Result<Stored<T>, ApiError>
where
    T: Send + 'static,
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    let turn = server.decoding.clone().acquire_owned().await.map_err(|_| stopping())?;
    let (for_task, server) = (ready.clone(), server.clone());
    let task = tokio::task::spawn_blocking(move || {
        // The turns and the room in memory are given back when the work is done, whether the client still waits or not.
        let (_turn, received) = (turn, received);
        // In this order: the body is freed before the turn goes to the next one.
        let (_large_turn, expanded, too_far) = expand_in_turn(&server, &received, &coding)?;
        let decoded = match too_far {
            None => decode(&for_task, &expanded)?,
            // An event stands before its attachments: what is too much at the end need not cost it.
            Some(error) if coding.is_envelope => match decode(&for_task, &expanded) {
                Ok(beginning) => without_the_end(beginning, error)?,
                Err(_) => return Err(error.into()),
            },
            Some(error) => return Err(error.into()),
        };
        Worked::of(decoded, &for_task)
    });
    let worked = task.await.unwrap_or_else(|_| Err(panicked()))?;
    // To its end, because it is written in pieces: a client that goes away must not leave a part.
    tokio::spawn(async move { worked.store(&ready).await }).await.unwrap_or_else(|_| Err(panicked()))
}

/// The beginning of an envelope whose end is missing: the item that was cut off is too large, not damaged.
fn without_the_end<T>(
    (project, mut decoded, extra): (Project, Decoded, T),
    error: BodyError,
) -> Result<(Project, Decoded, T), ApiError> {
    if decoded.items.is_empty() {
        return Err(error.into());
    }
    if let Some(last) = decoded.refused.last_mut() {
        (last.reason, last.detail) = (Reason::TooLarge, error.to_string());
    }
    Ok((project, decoded, extra))
}

/// How a body is to be expanded, and what it is.
pub(super) struct Coding {
    /// The text of `Content-Encoding`.
    pub(super) encodings: String,
    /// After expansion, where the route allows less than the settings do.
    pub(super) bytes_max: usize,
    /// The beginning of one is of use by itself.
    pub(super) is_envelope: bool,
}

/// Expands a body; one that turns out to be large waits for its turn among those, holding nothing but what it was sent
/// as. Only for blocking threads.
fn expand_in_turn(
    server: &Server,
    received: &Received,
    Coding { encodings, bytes_max, .. }: &Coding,
) -> Result<(Option<OwnedSemaphorePermit>, Bytes, Option<BodyError>), ApiError> {
    let limit = server.settings.expanded_bytes_max.min(*bytes_max);
    let too_far = |is_cut: bool| is_cut.then_some(BodyError::ExpandsTooFar { limit });
    let (small, is_cut) = expand_up_to(received.bytes.clone(), encodings, limit.min(LARGE_BODY_BYTES))?;
    if !is_cut || limit <= LARGE_BODY_BYTES {
        return Ok((None, small, too_far(is_cut)));
    }
    drop(small);
    let waiting = server.decoding_large.clone().acquire_owned();
    let turn = Handle::current().block_on(waiting).map_err(|_| stopping())?;
    let (large, is_cut) = expand_up_to(received.bytes.clone(), encodings, limit)?;
    Ok((Some(turn), large, too_far(is_cut)))
}

fn stopping() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping")
}

/// The panic itself has been printed by the panic hook.
fn panicked() -> ApiError {
    tracing::error!("decoding a request panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed on this request: see its log")
}

/// A request decoded and made ready for the store.
struct Worked<T> {
    project: Project,
    policy: Arc<Policy>,
    prepared: Prepared,
    extra: T,
    refusals: Vec<(Reason, String)>,
}

impl<T> Worked<T> {
    fn of((project, decoded, extra): (Project, Decoded, T), ready: &Ready) -> Result<Self, ApiError> {
        let refusals = decoded.refused.iter().map(|r| (r.reason, format!("{}: {}", r.category, r.detail))).collect();
        let policy = ready.policy(project.id).cloned().ok_or_else(|| ApiError::not_found("project"))?;
        let prepared = prepare(&project, decoded, &policy, ready.store.bodies(), now_ms());
        Ok(Self { project, policy, prepared, extra, refusals })
    }

    async fn store(self, ready: &Ready) -> Result<Stored<T>, ApiError> {
        let appended = match ready.store.append(self.prepared.writes).await {
            Ok(appended) => appended,
            Err(error) => {
                self.policy.give_back(self.project.public_key, &self.prepared.admission.charges, now_ms());
                return Err(error.into());
            }
        };
        Ok(Stored {
            digest: self.prepared.digest,
            admission: self.prepared.admission,
            appended,
            project: self.project,
            extra: self.extra,
            refusals: self.refusals,
        })
    }
}
