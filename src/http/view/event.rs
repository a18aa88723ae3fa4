//! One event, complete, in the order a Python developer reads it.

use serde::Serialize;
use serde_json::Value;

/// `GET /api/ui/issues/<short id or id>/events/<event id | latest | first>` and `GET /api/ui/events/<event id>`
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
    /// Formatted log message, when there is one.
    pub message: Option<String>,
    /// The message with its placeholders, when that differs.
    pub message_template: Option<String>,
    pub logger: Option<String>,
    pub transaction: Option<String>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub server_name: Option<String>,
    pub sdk: Option<String>,
    /// Oldest cause first, the raised one last.
    pub exceptions: Vec<ExceptionView>,
    /// Threads with a stack trace, when there is no exception.
    pub threads: Vec<ThreadView>,
    pub request: Option<RequestView>,
    /// `id`, `username`, `email`, `ip_address` and whatever else was sent.
    pub user: Vec<VariableView>,
    /// Oldest first.
    pub breadcrumbs: Vec<BreadcrumbView>,
    pub tags: Vec<PairView>,
    /// Without `trace`, which has a field of its own.
    pub contexts: Vec<ContextView>,
    pub extra: Vec<VariableView>,
    /// Package, version; sorted by package.
    pub modules: Vec<PairView>,
    pub trace: Option<EventTraceView>,
    /// Fields of the payload that could not be used, with the reason.
    pub field_errors: Vec<FieldErrorView>,
    /// Size of the JSON, in bytes.
    pub body_bytes: u64,
}

/// Neighbours within the issue, by time received. Event ids.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventNavView {
    pub first: String,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub latest: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExceptionView {
    /// `ValueError`; falls back to `Error` wording in the app when absent.
    pub ty: Option<String>,
    pub value: Option<String>,
    /// `django.db.utils`, when it is not builtins.
    pub module: Option<String>,
    pub mechanism: Option<MechanismView>,
    /// The last of the chain: what was raised and names the issue.
    pub is_raised: bool,
    /// How this exception came to be the reason for the one after it; `null` for the raised one.
    pub relation: Option<ExceptionRelation>,
    /// Depth in a tree of exception groups; 0 outside groups.
    pub group_depth: u32,
    pub frames: Vec<FrameView>,
    /// Frames the SDK or the server left out, counted.
    pub frames_omitted: u64,
}

/// Python's two joints, and the members of an exception group.
#[derive(Clone, Copy, Serialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ExceptionRelation {
    /// `raise … from …`: "The above exception was the direct cause of the following exception"
    Cause,
    /// "During handling of the above exception, another exception occurred"
    Context,
    /// The SDK does not say which of the two.
    Chained,
    /// A member of the exception group that follows.
    GroupMember,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MechanismView {
    pub ty: Option<String>,
    pub handled: Option<bool>,
    pub source: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FrameView {
    pub filename: Option<String>,
    pub abs_path: Option<String>,
    pub module: Option<String>,
    pub function: Option<String>,
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// Written by the user rather than by a library.
    pub in_app: bool,
    /// The frame to open first: the last in-app frame of the raised exception, else its last frame.
    pub is_crash: bool,
    pub pre_context: Vec<String>,
    pub context_line: Option<String>,
    pub post_context: Vec<String>,
    pub vars: Vec<VariableView>,
}

/// A name and a JSON value. Strings in frame variables are Python reprs, as the SDK sends them: `"'BF26'"`.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct VariableView {
    pub name: String,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub value: Value,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ThreadView {
    pub name: Option<String>,
    pub is_crashed: bool,
    pub is_current: bool,
    pub frames: Vec<FrameView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RequestView {
    pub method: Option<String>,
    pub url: Option<String>,
    pub query: Vec<PairView>,
    pub headers: Vec<PairView>,
    pub cookies: Vec<PairView>,
    pub env: Vec<VariableView>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub data: Value,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PairView {
    pub key: String,
    pub value: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BreadcrumbView {
    pub timestamp_ms: Option<i64>,
    /// `default`, `http`, `query`, `navigation`, `error`, …
    pub ty: String,
    pub category: Option<String>,
    pub level: String,
    pub message: Option<String>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub data: Value,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ContextView {
    /// `runtime`, `os`, `browser`, `flags`, …
    pub name: String,
    pub entries: Vec<VariableView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventTraceView {
    pub trace_id: String,
    pub span_id: Option<String>,
    /// Spans of this trace are stored, so the link leads somewhere.
    pub has_spans: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FieldErrorView {
    /// `exception.values.0.value`
    pub path: String,
    pub problem: String,
}
