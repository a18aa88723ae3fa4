//! What people wrote, as listed and beside the event it is about.

use serde::Serialize;

use crate::model::detail::EventDetail;

/// `GET /api/ui/feedback?project=<slug>&environment=<name>&release=<version>&issue=<short id>&query=<text>&cursor=<opaque>`
/// and the time: `range=1h|24h|…`, or `from=<ms>&to=<ms>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FeedbackListView {
    /// Newest first.
    pub feedback: Vec<FeedbackView>,
    /// Pass back as `cursor` for the next page; `null` at the end.
    pub next_cursor: Option<String>,
}

/// `GET /api/ui/feedback/<feedback id>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FeedbackOneView {
    pub feedback: FeedbackView,
    /// Tags, contexts and whatever else came with it; `null` for user reports.
    pub detail: Option<EventDetail>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FeedbackView {
    pub feedback_id: String,
    pub project_slug: String,
    /// `feedback` (a widget or the SDK) or `user_report` (a crash page, an old SDK, the web API).
    pub source: String,
    pub message: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The page they were on; any text, may be no address at all.
    pub url: Option<String>,
    pub timestamp_ms: i64,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// What it is about, as the sender says; the event may not be here.
    pub event_id: Option<String>,
    /// Set when the event is here.
    pub issue: Option<FeedbackIssueView>,
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    /// Spans of this trace are stored, so the link leads somewhere.
    pub has_trace: bool,
    pub replay_id: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FeedbackIssueView {
    pub short_id: String,
    pub title: String,
}
