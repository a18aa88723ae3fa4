//! What every ingest route does: receive, expand, decode and prepare off the async threads, store, and only then
//! answer.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use hyper::{Request, StatusCode};

use crate::ingest::{Digest, prepare};
use crate::model::decoded::Decoded;
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::store::Appended;

use super::body::{expand, receive};
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
    let (parts, body) = request.into_parts();
    let received = match receive(body, server.settings.request_bytes_max, &server.room).await {
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
    let limit = server.settings.expanded_bytes_max;
    let work = move |ready: &Ready| {
        // The room in memory is given back when the work is done, whether the client still waits or not.
        let received = received;
        let expanded = expand(received.bytes.clone(), &encodings, limit)?;
        decode(ready, &expanded)
    };
    (body_bytes, work_and_store(server, ready, work).await)
}

/// Decodes and stores bytes that are already here.
pub(super) async fn store<T, D>(
    server: &Arc<Server>,
    ready: Arc<Ready>,
    body: Bytes,
    decode: D,
) -> Result<Stored<T>, ApiError>
where
    T: Send + 'static,
    D: FnOnce(&Ready, &[u8]) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    work_and_store(server, ready, move |ready| decode(ready, &body)).await
}

async fn work_and_store<T, W>(server: &Arc<Server>, ready: Arc<Ready>, work: W) -> Result<Stored<T>, ApiError>
where
    T: Send + 'static,
    W: FnOnce(&Ready) -> Result<(Project, Decoded, T), ApiError> + Send + 'static,
{
    let stopping = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
    let turn = server.decoding.clone().acquire_owned().await.map_err(stopping)?;
    let (for_task, for_rules) = (ready.clone(), server.clone());
    let task = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let (project, decoded, extra) = work(&for_task)?;
        let refusals: Vec<(Reason, String)> =
            decoded.refused.iter().map(|r| (r.reason, format!("{}: {}", r.category, r.detail))).collect();
        let prepared = prepare(&project, decoded, &for_rules.rules, now_ms());
        Ok::<_, ApiError>((project, prepared, extra, refusals))
    });
    let (project, prepared, extra, refusals) = task.await.map_err(|error| {
        tracing::error!(%error, "decoding a request panicked");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed on this request: see its log")
    })??;
    let appended = ready.store.append(prepared.writes).await?;
    Ok(Stored { digest: prepared.digest, appended, project, extra, refusals })
}
