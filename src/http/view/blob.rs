//! Kept bytes as a screen names them: what they are, how large, and where to fetch them.

use serde::Serialize;

/// A file that was sent with an event.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AttachmentView {
    pub id: String,
    pub name: String,
    /// In Sentry's words: `event.attachment`, `event.minidump`, …
    pub kind: String,
    pub content_type: Option<String>,
    pub bytes: u64,
    pub received_ms: i64,
    /// Why it was not kept; then there is nothing to download.
    pub problem: Option<String>,
    /// Of the bytes; add `?download` or `?inline`.
    pub url: String,
    /// What a browser may show of it: `image`, `text` or nothing.
    pub preview: String,
}

/// `GET /api/ui/events/<event id>/attachments/<id>/text`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AttachmentTextView {
    pub text: String,
    /// There is more in the file.
    pub is_cut: bool,
}

/// A profile of a transaction of a trace, or a chunk of the process it ran in.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProfileView {
    pub profile_id: String,
    /// Of the transaction; empty for a chunk.
    pub name: String,
    pub platform: String,
    /// A chunk covers whatever the process did in that time, not only this trace.
    pub is_chunk: bool,
    pub samples: u64,
    pub start_ms: i64,
    pub duration_ms: i64,
    pub bytes: u64,
    pub url: String,
}

/// A session replay that names the event or the trace, or is named by it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReplayView {
    pub replay_id: String,
    /// The first page.
    pub page: Option<String>,
    pub segment_count: u64,
    pub error_count: u64,
    pub start_ms: i64,
    pub end_ms: i64,
    pub bytes: u64,
    pub url: String,
}
