//! One event, complete, in the order a Python developer reads it.

use serde::Serialize;

use super::blob::{AttachmentView, ReplayView};
use crate::model::detail::EventDetail;

use super::feedback::FeedbackView;

/// `GET /api/ui/issues/<short id or id>/events/<event id | latest | first | recommended>?query=&…` and `GET /api/ui/events/<event id>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventView {
    pub event_id: String,
    pub issue_id: String,
    pub short_id: String,
    pub nav: EventNavView,
    pub title: String,
    pub culprit: String,
    pub level: String,
    pub platform: String,
    pub timestamp_ms: i64,
    pub received_ms: i64,
    pub trace: Option<EventTraceView>,
    /// Who else told of this error, in the order of time.
    pub reports: Vec<EventReportView>,
    /// Size of the JSON, in bytes.
    pub body_bytes: u64,
    /// In the order they came, those refused included.
    pub attachments: Vec<AttachmentView>,
    pub replays: Vec<ReplayView>,
    /// What people wrote about this very event, newest first.
    pub feedback: Vec<FeedbackView>,
    pub detail: EventDetail,
}

/// Another report of the same error, which counts with it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventReportView {
    /// `span_event`, `log_record`
    pub source: String,
    pub timestamp_ms: i64,
    pub span_id: Option<String>,
    /// Name of the span, or of the logger; may be empty.
    pub label: String,
}

/// Neighbours within the issue and what it is narrowed to, by time received. Event ids.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventNavView {
    pub first: String,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub latest: String,
    /// The one that says most.
    pub recommended: Option<String>,
    /// All that match.
    pub total: Option<u64>,
    /// From the oldest on, 1 is the first; `null` when the event itself does not match, or is far from both ends.
    pub position: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventTraceView {
    pub trace_id: String,
    pub span_id: Option<String>,
    /// Spans of this trace are stored, so the link leads somewhere.
    pub has_spans: bool,
    /// About how many: a small trace is read before anybody scrolls to it, so that nothing moves when they do.
    pub span_count: u64,
    /// Logs that name this trace.
    pub log_count: u64,
}
