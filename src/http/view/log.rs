//! Logs as listed, counted over time, and one with everything it carries.

use serde::Serialize;

use crate::model::detail::Variable;

/// `GET /api/ui/logs?project=<slug>&level=<lowest>&query=<search>&service=<name>&environment=<name>&release=<name>&attribute=<name:value>&range=<24h>&from=<ms>&to=<ms>&cursor=<opaque>`,
/// newest first; with `trace=<trace id>` those of one trace, oldest first and all on one page.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogListView {
    pub logs: Vec<LogRowView>,
    /// Pass back as `cursor` for the next page; `null` at the end.
    pub next_cursor: Option<String>,
    /// The search took too long and was given up here; `null` when the page is what it should be.
    pub searched_to_ms: Option<f64>,
    /// Of a trace: kept, but more than one page shows.
    pub omitted: u64,
    /// Any log was ever stored.
    pub has_any: bool,
    /// Of an empty list: keys that nothing has.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogRowView {
    pub id: String,
    pub time_ms: f64,
    /// Unix nanoseconds as text: they do not fit a JavaScript number.
    pub time_ns: String,
    /// `unknown`, `trace`, `debug`, `info`, `warn`, `error`, `fatal`.
    pub level: String,
    /// Cut to what a row can show.
    pub body: String,
    pub is_cut: bool,
    pub service: String,
    pub logger: Option<String>,
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
}

/// `GET /api/ui/logs/<id>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogView {
    pub id: String,
    pub time_ms: f64,
    pub received_ms: i64,
    pub level: String,
    /// OpenTelemetry's number, 0 when unknown.
    pub severity: u8,
    /// The client's own word, when it is another one.
    pub severity_text: String,
    pub body: String,
    /// The body with placeholders, where that differs.
    pub template: Option<String>,
    pub logger: Option<String>,
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    /// Spans of the trace are stored, so the link leads somewhere.
    pub has_spans: bool,
    pub project_slug: String,
    pub service: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub sdk: Option<String>,
    /// `sentry` or `otel`.
    pub source: String,
    pub attributes: Vec<Variable>,
    pub resource: Vec<Variable>,
    /// Left out by the SDK's own limits or ours.
    pub dropped: u32,
    /// Error events of the same trace, nearest in time first.
    pub events: Vec<LogEventView>,
}

/// An error event beside a log.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogEventView {
    pub event_id: String,
    pub short_id: String,
    pub title: String,
    pub level: String,
    /// After the log, before it when negative.
    pub offset_ms: f64,
}

/// `GET /api/ui/logs/volume?…&fit=true` with the filters of the list.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogVolumeView {
    pub from_ms: i64,
    /// Length of one stretch.
    pub step_ms: i64,
    /// One entry per level that occurs, lowest first.
    pub levels: Vec<LogLevelVolume>,
    /// The search took too long: what is older was not counted; `null` when all was.
    pub searched_to_ms: Option<f64>,
    /// All there are in the time, whatever is chosen of them.
    pub services: Vec<String>,
    pub environments: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLevelVolume {
    pub level: String,
    /// Records per stretch, oldest first.
    pub counts: Vec<u64>,
}
