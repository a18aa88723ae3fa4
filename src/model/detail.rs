//! One event as a reader sees it: everything worth showing, in the order a Python developer reads it.
//!
//! Made from the stored body when somebody looks, never on the way in. Serialises as it stands for the web app.

use serde::Serialize;
use serde_json::Value;

use crate::model::ids::{SpanId, TraceId};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventDetail {
    /// Formatted log message, when there is one.
    pub message: Option<String>,
    /// The message with its placeholders, when that differs.
    pub message_template: Option<String>,
    pub logger: Option<String>,
    pub transaction: Option<String>,
    pub release: Option<String>,
    pub dist: Option<String>,
    pub environment: Option<String>,
    pub server_name: Option<String>,
    /// `name/version`
    pub sdk: Option<String>,
    /// What a browser blocked, when the event is its report.
    pub csp: Option<CspDetail>,
    /// A browser's report of another kind (network errors, certificates), as sent.
    pub report: Vec<Variable>,
    /// Oldest cause first, the raised one last.
    pub exceptions: Vec<ExceptionDetail>,
    /// Threads with a stack trace, when there is no exception.
    pub threads: Vec<ThreadDetail>,
    pub request: Option<RequestDetail>,
    /// `id`, `username`, `email`, `ip_address` and whatever else was sent.
    pub user: Vec<Variable>,
    /// Oldest first.
    pub breadcrumbs: Vec<Breadcrumb>,
    pub tags: Vec<Pair>,
    /// Without `trace`, which has fields of its own.
    pub contexts: Vec<Context>,
    pub extra: Vec<Variable>,
    /// Package, version; sorted by package.
    pub modules: Vec<Pair>,
    #[serde(skip)]
    pub trace_id: Option<TraceId>,
    #[serde(skip)]
    pub span_id: Option<SpanId>,
    /// Fields of the payload that could not be used, with the reason.
    pub field_errors: Vec<FieldError>,
}

/// A violation of a Content Security Policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CspDetail {
    /// `script-src-elem`
    pub effective_directive: Option<String>,
    /// As sent: older browsers add the list of sources.
    pub violated_directive: Option<String>,
    /// An address, or `inline`, `eval`, `data`, …
    pub blocked_uri: Option<String>,
    pub document_uri: Option<String>,
    pub referrer: Option<String>,
    pub source_file: Option<String>,
    pub line: Option<u64>,
    pub column: Option<u64>,
    /// The start of the script or style that was blocked, when the policy asks for it.
    pub sample: Option<String>,
    /// The whole policy.
    pub original_policy: Option<String>,
    /// `enforce` or `report`: a policy on trial blocks nothing.
    pub disposition: Option<String>,
    pub status_code: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ExceptionDetail {
    /// `ValueError`; falls back to `Error` wording in the app when absent.
    pub ty: Option<String>,
    pub value: Option<String>,
    /// `django.db.utils`, when it is not builtins.
    pub module: Option<String>,
    pub mechanism: Option<MechanismDetail>,
    /// The last of the chain: what was raised and names the issue.
    pub is_raised: bool,
    /// How this exception came to be the reason for the one after it; `null` for the raised one.
    pub relation: Option<ExceptionRelation>,
    /// Depth in a tree of exception groups; 0 outside groups.
    pub group_depth: u32,
    pub frames: Vec<FrameDetail>,
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

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MechanismDetail {
    pub ty: Option<String>,
    pub handled: Option<bool>,
    pub source: Option<String>,
    pub description: Option<String>,
    pub help_link: Option<String>,
    /// Whatever else the SDK says of it: `data`, and codes of signals under `meta`.
    pub data: Vec<Variable>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FrameDetail {
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
    pub vars: Vec<Variable>,
}

/// A name and a JSON value. Strings in frame variables are Python reprs, as the SDK sends them: `"'BF26'"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Variable {
    pub name: String,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub value: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ThreadDetail {
    pub name: Option<String>,
    pub is_crashed: bool,
    pub is_current: bool,
    /// `RUNNABLE`, `WAITING`, …, as the platform calls it.
    pub state: Option<String>,
    pub frames: Vec<FrameDetail>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RequestDetail {
    pub method: Option<String>,
    pub url: Option<String>,
    pub query: Vec<Pair>,
    pub headers: Vec<Pair>,
    pub cookies: Vec<Pair>,
    pub env: Vec<Variable>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub data: Value,
    /// What `data` was read as when it came as text.
    pub inferred_content_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pair {
    pub key: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Breadcrumb {
    pub timestamp_ms: Option<i64>,
    /// `default`, `http`, `query`, `navigation`, `error`, …
    pub ty: String,
    pub category: Option<String>,
    pub level: String,
    pub message: Option<String>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub data: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Context {
    /// `runtime`, `os`, `browser`, `client_os`, `flags`, …; those the SDK did not send come from the request's headers.
    pub name: String,
    /// What kind of context it is; its name unless the SDK says otherwise.
    pub ty: String,
    /// `CPython 3.11.8`: the one line that sums it up.
    pub summary: Option<String>,
    pub entries: Vec<Variable>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FieldError {
    /// `exception.values.0.value`
    pub path: String,
    pub problem: String,
}
