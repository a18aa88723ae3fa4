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
use crate::ingest::{Digest, Prepared, prepare};
use crate::model::decoded::Decoded;
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::scrub::Rules;
use crate::store::Appended;

use super::body::{BodyError, Received, expand, receive};
use super::error::ApiError;
use super::{Ready, Server, now_ms};

/// A request whose contents are on disk.
pub(super) struct Stored<T> {
    pub(super) digest: Digest,
    pub(super) appended: Appended,
    pub(super) project: Project,
    /// Whatever the decoder wants to have back for its answer.
    pub(super) extra: T,
    /// What was refused: reason and detail.
    pub(super) refusals: Vec<(Reason, String)>,
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
    let ready = match server.ready().await {
        Ok(ready) => ready,
        Err(error) => return (body_bytes, Err(error)),
    };
    if received.bytes.len() <= INLINE_BYTES_MAX {
        match expand(received.bytes.clone(), &encodings, INLINE_EXPANDED_BYTES_MAX.min(bytes_max)) {
            Ok(expanded) => return (body_bytes, store(server, ready, expanded, decode).await),
            // A bomb, or just a very regular body: there is more room on the other path.
            Err(BodyError::ExpandsTooFar { .. }) if bytes_max > INLINE_EXPANDED_BYTES_MAX => {}
            Err(error) => return (body_bytes, Err(error.into())),
        }
    }
    (body_bytes, work_elsewhere(server, ready, received, (encodings, bytes_max), decode).await)
}

/// Decodes and stores a small body on this very thread: an error event takes about a fifth of a millisecond, and
/// handing it to another thread and back would cost as much again.
pub(super) async fn store<T, D>(
    server: &Server,
    ready: Arc<Ready>,
    body: Bytes,
    decode: D,
) -> Result<Stored<T>, ApiError>
where
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError>,
{
    let work = || Worked::of(decode(&ready, &body)?, &server.rules);
    let worked = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))?;
    worked.store(&ready).await
}

/// Expands, decodes and stores a large body off the async threads, a few at a time.
async fn work_elsewhere<T, D>(
    server: &Arc<Server>,
    ready: Arc<Ready>,
    received: Received,
    (encodings, bytes_max): (String, usize),
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
        let (expanded, _large_turn) = expand_in_turn(&server, &received, &encodings, bytes_max)?;
        Worked::of(decode(&for_task, &expanded)?, &server.rules)
    });
    let worked = task.await.unwrap_or_else(|_| Err(panicked()))?;
    worked.store(&ready).await
}

/// Expands a body; one that turns out to be large waits for its turn among those, holding nothing but what it was sent
/// as. Only for blocking threads.
fn expand_in_turn(
    server: &Server,
    received: &Received,
    encodings: &str,
    bytes_max: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let limit = server.settings.expanded_bytes_max.min(bytes_max);
    match expand(received.bytes.clone(), encodings, limit.min(LARGE_BODY_BYTES)) {
        Err(BodyError::ExpandsTooFar { .. }) if limit > LARGE_BODY_BYTES => {}
        result => return Ok((result?, None)),
    }
    let waiting = server.decoding_large.clone().acquire_owned();
    let turn = Handle::current().block_on(waiting).map_err(|_| stopping())?;
    Ok((expand(received.bytes.clone(), encodings, limit)?, Some(turn)))
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
    prepared: Prepared,
    extra: T,
    refusals: Vec<(Reason, String)>,
}

impl<T> Worked<T> {
    fn of((project, decoded, extra): (Project, Decoded, T), rules: &Rules) -> Result<Self, ApiError> {
        let refusals = decoded.refused.iter().map(|r| (r.reason, format!("{}: {}", r.category, r.detail))).collect();
        let prepared = prepare(&project, decoded, rules, now_ms());
        Ok(Self { project, prepared, extra, refusals })
    }

    async fn store(self, ready: &Ready) -> Result<Stored<T>, ApiError> {
        let appended = ready.store.append(self.prepared.writes).await?;
        Ok(Stored {
            digest: self.prepared.digest,
            appended,
            project: self.project,
            extra: self.extra,
            refusals: self.refusals,
        })
    }
}
