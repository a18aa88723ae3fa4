//! Reading what is kept as bytes: attachments, profiles and replays, as Sentry's web API lists them and for our screens.

use std::io::{BufReader, Read};

use bytes::{Buf as _, Bytes};
use flate2::read::ZlibDecoder;
use hyper::{Response, StatusCode};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::config::{PREVIEW_BYTES_MAX, REPLAY_BYTES_MAX, REPLAY_EXPANDED_BYTES_MAX};
use crate::model::blob::ReplayKind;
use crate::model::detail::EventDetail;
use crate::model::ids::{EventId, ProjectId, TraceId};
use crate::model::project::{ORGANISATION_SLUG, Project};
use crate::model::span::{Span, text_attribute};
use crate::model::time::rfc3339;
use crate::sentry::transaction::{Profiled, profiled};
use crate::store::{AttachmentRow, ProfileRow, ProfiledTime, ReplayPartRow, ReplayRow, Store};

use super::download::{SNIFF_BYTES, Shown, sniff, stream, stream_blob};
use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::view::blob::{AttachmentTextView, AttachmentView, ProfileView, ReplayView};
use super::{Query, Ready};

type Answer = Result<Response<Body>, ApiError>;

/// Profiles and replays named on one screen.
const SHOWN_MAX: usize = 50;
/// Stretches of a trace that chunks of profiles are looked up for.
const PROFILED_TIMES_MAX: usize = 50;

/// Sentry's own words.
fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "The requested resource does not exist")
}

// Attachments.

/// `GET /api/0/projects/<org>/<project>/events/<event>/attachments/`: also for an event that never came.
pub(super) async fn attachments(ready: &Ready, project: &Project, event: &str) -> Answer {
    let event_id = EventId::parse(event).ok_or_else(not_found)?;
    let rows = ready.store.attachments(project.id, event_id).await?;
    let list: Vec<Value> = rows.iter().filter(|row| row.blob_id.is_some()).map(attachment_json).collect();
    Ok(json_response(StatusCode::OK, &list))
}

/// `GET …/attachments/<id>/`: about it, its bytes with `?download`, shown by the browser with `?inline`.
pub(super) async fn attachment(ready: &Ready, project: &Project, event: &str, id: &str, query: &Query) -> Answer {
    let row = find_attachment(ready, project.id, event, id).await?;
    let Some(blob_id) = row.blob_id else { return Err(not_found()) };
    let shown = if query.has("inline") {
        sniff(&ready.store.blob_head(blob_id, SNIFF_BYTES).await?).map_or(Shown::Download, Shown::Inline)
    } else if query.has("download") {
        Shown::Download
    } else {
        return Ok(json_response(StatusCode::OK, &attachment_json(&row)));
    };
    Ok(stream_blob(&ready.store, blob_id, row.bytes, &row.name, shown))
}

/// `GET /api/ui/events/<event>/attachments/<id>/text`
pub(super) async fn attachment_text(ready: &Ready, event: &str, id: &str) -> Answer {
    let not_found = || ApiError::not_found("attachment");
    let mut found = None;
    for project in &ready.projects {
        found = found.or(find_attachment(ready, project.id, event, id).await.ok());
    }
    let row = found.ok_or_else(not_found)?;
    let blob_id = row.blob_id.ok_or_else(not_found)?;
    let head = ready.store.blob_head(blob_id, PREVIEW_BYTES_MAX).await?;
    let is_cut = row.bytes > head.len() as u64;
    let text = String::from_utf8_lossy(&head);
    let text = if is_cut { text.trim_end_matches('\u{fffd}').to_string() } else { text.into_owned() };
    Ok(json_response(StatusCode::OK, &AttachmentTextView { text, is_cut }))
}

async fn find_attachment(
    ready: &Ready,
    project_id: ProjectId,
    event: &str,
    id: &str,
) -> Result<AttachmentRow, ApiError> {
    let event_id = EventId::parse(event).ok_or_else(not_found)?;
    let id: i64 = id.parse().map_err(|_| not_found())?;
    ready.store.attachment(project_id, event_id, id).await?.ok_or_else(not_found)
}

fn attachment_json(row: &AttachmentRow) -> Value {
    let content_type = row.content_type.as_deref().unwrap_or("application/octet-stream");
    json!({
        "id": row.id.to_string(),
        "event_id": row.event_id.to_string(),
        "name": row.name,
        "mimetype": content_type,
        "type": row.kind,
        "size": row.bytes,
        "sha1": hex(&row.sha1),
        "dateCreated": rfc3339(row.received_ms),
        "headers": { "Content-Type": content_type },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of an event, for its page.
pub(super) async fn attachment_views(
    ready: &Ready,
    project_id: ProjectId,
    event_id: EventId,
) -> Result<Vec<AttachmentView>, ApiError> {
    let Some(project) = ready.project(project_id) else { return Ok(Vec::new()) };
    let rows = ready.store.attachments(project_id, event_id).await?;
    let view = |row: AttachmentRow| AttachmentView {
        url: format!("{}/events/{event_id}/attachments/{}/", project_path(project), row.id),
        id: row.id.to_string(),
        preview: if row.problem.is_some() { String::new() } else { preview(&row).to_string() },
        name: row.name,
        kind: row.kind,
        content_type: row.content_type,
        bytes: row.bytes,
        received_ms: row.received_ms,
        problem: row.problem,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// What to offer, by type and name; what is really shown depends on the bytes.
fn preview(row: &AttachmentRow) -> &'static str {
    const IMAGES: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];
    const TEXTS: [&str; 26] = [
        "txt", "log", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "md",
        "rst", "html", "htm", "svg", "css", "js", "ts", "py", "sql", "sh", "diff",
    ];
    let ending = row.name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let ty = row.content_type.as_deref().unwrap_or_default();
    if IMAGES.contains(&ending.as_str()) || matches!(ty, "image/png" | "image/jpeg" | "image/gif" | "image/webp") {
        "image"
    } else if TEXTS.contains(&ending.as_str())
        || ty.starts_with("text/")
        || ty.ends_with("+json")
        || ty.ends_with("+xml")
        || matches!(ty, "application/json" | "application/xml" | "application/javascript" | "application/x-sh")
        || matches!(row.kind.as_str(), "event.view_hierarchy" | "form_data")
    {
        "text"
    } else {
        ""
    }
}

// Profiles.

/// `GET /api/0/projects/<org>/<project>/profiling/profiles/<id>/`: the JSON as the SDK sent it; `?download` names it.
pub(super) async fn profile(ready: &Ready, project: &Project, id: &str, query: &Query) -> Answer {
    let id = EventId::parse(id).ok_or_else(not_found)?;
    let row = ready.store.profile(project.id, id).await?.ok_or_else(not_found)?;
    let shown = if query.has("download") { Shown::Download } else { Shown::Inline("application/json") };
    let name = format!("profile-{id}.json");
    Ok(stream_blob(&ready.store, row.blob_id, row.profile.json_bytes, &name, shown))
}

/// What is kept about the CPU time of a trace.
pub(super) async fn profile_views(
    ready: &Ready,
    trace_id: TraceId,
    spans: &[Span],
) -> Result<Vec<ProfileView>, ApiError> {
    let times: Vec<ProfiledTime> = spans.iter().filter_map(profiled_time).take(PROFILED_TIMES_MAX).collect();
    let rows = ready.store.trace_profiles(trace_id, times, SHOWN_MAX).await?;
    let view = |ProfileRow { project_id, profile, bytes, .. }| {
        let project = ready.project(project_id)?;
        Some(ProfileView {
            url: format!("{}/profiling/profiles/{}/?download", project_path(project), profile.profile_id),
            profile_id: profile.profile_id.to_string(),
            name: profile.name,
            platform: profile.platform,
            is_chunk: profile.profiler_id.is_some(),
            samples: profile.samples,
            start_ms: profile.start_ms,
            duration_ms: profile.end_ms - profile.start_ms,
            bytes,
        })
    };
    Ok(rows.into_iter().filter_map(view).collect())
}

/// When a process that sends chunks of its profile did this: a span says it itself, a transaction in its contexts.
fn profiled_time(span: &Span) -> Option<ProfiledTime> {
    if let Some(Profiled { profiler_id, start_ns, end_ns }) = span.transaction_json.as_deref().and_then(profiled) {
        return Some(ProfiledTime { profiler_id, start_ms: start_ns / 1_000_000, end_ms: end_ns / 1_000_000 + 1 });
    }
    let profiler_id = ["profiler_id", "sentry.profiler_id", "profiler.id"]
        .into_iter()
        .find_map(|key| text_attribute(&span.attributes, key).and_then(EventId::parse))?;
    Some(ProfiledTime { profiler_id, start_ms: span.start_ns / 1_000_000, end_ms: span.end_ns / 1_000_000 + 1 })
}

// Replays.

/// `GET /api/0/organizations/<org>/replays/`
pub(super) async fn replays(
    ready: &Ready,
    query: &Query,
    before: Option<(i64, i64)>,
    limit: usize,
) -> Result<(Value, Option<(i64, i64)>), ApiError> {
    let project = match query.get("project") {
        None | Some("-1") => None,
        Some(name) => {
            let found = ready.project_by_slug(name).or_else(|| ready.project(ProjectId::parse(name)?));
            Some(found.ok_or_else(not_found)?.id)
        }
    };
    let page = ready.store.replays(project, before, limit).await?;
    let list: Vec<Value> = page.replays.iter().map(replay_json).collect();
    Ok((json!({ "data": list }), page.next_before))
}

/// `GET /api/0/organizations/<org>/replays/<id>/` and `GET /api/0/projects/<org>/<project>/replays/<id>/`
pub(super) async fn replay(ready: &Ready, project: Option<&Project>, id: &str) -> Answer {
    let row = find_replay(ready, project, id).await?;
    Ok(json_response(StatusCode::OK, &json!({ "data": replay_json(&row) })))
}

/// `GET …/replays/<id>/recording-segments/`: which there are; with `?download` one list of the events of each.
pub(super) async fn recording_segments(ready: &Ready, project: &Project, id: &str, query: &Query) -> Answer {
    let row = find_replay(ready, Some(project), id).await?;
    let parts = ready.store.replay_parts(row.project_id, row.replay_id, ReplayKind::Recording).await?;
    if !query.has("download") {
        let list: Vec<Value> = parts
            .iter()
            .map(|part| {
                json!({
                    "replayId": row.replay_id.to_string(), "segmentId": part.segment_id,
                    "projectId": row.project_id.to_string(), "dateAdded": rfc3339(row.received_ms),
                })
            })
            .collect();
        return Ok(json_response(StatusCode::OK, &json!({ "data": list })));
    }
    let (to_client, chunks) = mpsc::channel(1);
    let store = ready.store.clone();
    tokio::spawn(async move {
        if let Err(error) = send_segments(&store, parts, &to_client).await {
            // The list stays open, which every reader of JSON notices.
            tracing::error!(%error, "a segment of a replay cannot be read");
        }
    });
    Ok(stream(chunks, &format!("replay-{}.json", row.replay_id), Shown::Download))
}

/// `GET …/replays/<id>/videos/<segment>/`
pub(super) async fn replay_video(ready: &Ready, project: &Project, id: &str, segment: &str) -> Answer {
    let row = find_replay(ready, Some(project), id).await?;
    let parts = ready.store.replay_parts(row.project_id, row.replay_id, ReplayKind::Video).await?;
    let wanted: u32 = segment.parse().map_err(|_| not_found())?;
    let part = parts.into_iter().find(|part| part.segment_id == wanted).ok_or_else(not_found)?;
    let name = format!("replay-{}-{wanted}.mp4", row.replay_id);
    Ok(stream_blob(&ready.store, part.blob_id, part.bytes, &name, Shown::Download))
}

async fn find_replay(ready: &Ready, project: Option<&Project>, id: &str) -> Result<ReplayRow, ApiError> {
    let id = EventId::parse(id).ok_or_else(not_found)?;
    ready.store.replay(project.map(|project| project.id), id).await?.ok_or_else(not_found)
}

/// Every segment's list in one. What cannot be read is an empty list, not the end of all.
async fn send_segments(
    store: &Store,
    parts: Vec<ReplayPartRow>,
    to_client: &mpsc::Sender<Bytes>,
) -> Result<(), crate::store::StoreError> {
    let mut separator = "[";
    for part in parts {
        let sent = Bytes::from(store.blob_head(part.blob_id, REPLAY_BYTES_MAX).await?);
        let mut recording = if is_recording(sent.clone()).await { expanded(sent) } else { expanded("[]".into()) };
        let mut piece = separator.as_bytes().to_vec();
        // A client that is gone wants no end. The bytes have been read before, so they do not fail now.
        while recording.by_ref().take(PIECE_BYTES).read_to_end(&mut piece).is_ok() && !piece.is_empty() {
            if to_client.send(std::mem::take(&mut piece).into()).await.is_err() {
                return Ok(());
            }
        }
        separator = ",";
    }
    let end = if separator == "[" { "[]" } else { "]" };
    let _ = to_client.send(Bytes::from_static(end.as_bytes())).await;
    Ok(())
}

/// Of a recording, in one piece of an answer: it may expand to a hundred times the memory it is sent in.
const PIECE_BYTES: u64 = 64 << 10;

/// Recordings read whole at one time, to see whether they are JSON.
static READ_WHOLE: Semaphore = Semaphore::const_new(1);

async fn is_recording(sent: Bytes) -> bool {
    // It is never closed.
    let _turn = READ_WHOLE.acquire().await;
    tokio::task::spawn_blocking(move || is_json(expanded(sent))).await.unwrap_or(false)
}

/// SDKs send JSON as it is or as zlib.
fn expanded(sent: Bytes) -> Box<dyn Read + Send> {
    match sent.first() {
        Some(b'[') => Box::new(sent.reader()),
        _ => Box::new(ZlibDecoder::new(sent.reader())),
    }
}

/// False for damaged data, bombs and what is no JSON. Holds a buffer's worth of it at a time.
fn is_json(recording: impl Read) -> bool {
    let mut bounded = recording.take(REPLAY_EXPANDED_BYTES_MAX as u64 + 1);
    let is_read = serde_json::from_reader::<_, IgnoredAny>(BufReader::new(&mut bounded)).is_ok();
    is_read && bounded.limit() > 0
}

fn replay_json(row: &ReplayRow) -> Value {
    let seconds = (row.end_ms - row.start_ms).max(0) / 1000;
    json!({
        "id": row.replay_id.to_string(),
        "project_id": row.project_id.to_string(),
        "started_at": rfc3339(row.start_ms),
        "finished_at": rfc3339(row.end_ms),
        "duration": seconds,
        "count_segments": row.segment_count,
        "count_errors": row.error_count,
        "urls": row.url.iter().collect::<Vec<_>>(),
        "platform": row.platform,
        "environment": row.environment,
        "releases": row.release.iter().collect::<Vec<_>>(),
        "is_archived": false,
    })
}

/// Replays of an event: those that name it, and the one it names.
pub(super) async fn event_replays(
    ready: &Ready,
    event_id: EventId,
    detail: &EventDetail,
) -> Result<Vec<ReplayView>, ApiError> {
    let mut rows = ready.store.replays_naming(event_id.0, SHOWN_MAX).await?;
    let context = detail.contexts.iter().find(|context| context.name == "replay");
    let entry = context.and_then(|context| context.entries.iter().find(|entry| entry.name == "replay_id"));
    let named = entry.and_then(|entry| EventId::parse(entry.value.as_str()?));
    if let Some(id) = named.filter(|id| !rows.iter().any(|row| row.replay_id == *id)) {
        rows.extend(ready.store.replay(None, id).await?);
    }
    Ok(replay_views(ready, rows))
}

/// Replays that name a trace.
pub(super) async fn trace_replays(ready: &Ready, trace_id: TraceId) -> Result<Vec<ReplayView>, ApiError> {
    Ok(replay_views(ready, ready.store.replays_naming(trace_id.0, SHOWN_MAX).await?))
}

fn replay_views(ready: &Ready, rows: Vec<ReplayRow>) -> Vec<ReplayView> {
    let view = |row: ReplayRow| {
        let project = ready.project(row.project_id)?;
        Some(ReplayView {
            url: format!("{}/replays/{}/recording-segments/?download", project_path(project), row.replay_id),
            replay_id: row.replay_id.to_string(),
            page: row.url,
            segment_count: row.segment_count,
            error_count: row.error_count,
            start_ms: row.start_ms,
            end_ms: row.end_ms,
            bytes: row.bytes,
        })
    };
    rows.into_iter().filter_map(view).collect()
}

fn project_path(project: &Project) -> String {
    format!("/api/0/projects/{ORGANISATION_SLUG}/{}", project.slug)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn recordings_are_read_plain_and_compressed() {
        let read = |sent: &[u8]| {
            let mut text = String::new();
            expanded(Bytes::copy_from_slice(sent)).read_to_string(&mut text).map(|_| text).ok()
        };
        for sent in [b"[1,2]".to_vec(), zlib(b"[1,2]")] {
            assert!(is_json(expanded(Bytes::from(sent.clone()))));
            assert_eq!(read(&sent).as_deref(), Some("[1,2]"));
        }
        for damaged in [&b""[..], b"[1", b"x", &zlib(b"[1,2]")[..6], &zlib(b"no json")] {
            assert!(!is_json(expanded(Bytes::copy_from_slice(damaged))), "{damaged:?}");
        }
    }
}
