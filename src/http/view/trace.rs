//! Traces as listed, as a waterfall, and one span with everything it carries.

use serde::Serialize;
use serde_json::Value;

use super::blob::{ProfileView, ReplayView};
use super::performance::TraceFindingView;
use super::trace_parts::PackedSpans;
use crate::model::detail::Variable;

/// `GET /api/ui/traces?query=<search>&project=<slug>&service=<name>&environment=<name>&release=<name>&kind=requests|all&attribute=<name:value>&range=<24h>&from=<ms>&to=<ms>&cursor=<opaque>`:
/// a trace is listed when one of its spans meets the search.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceListView {
    /// Newest first.
    pub traces: Vec<TraceRowView>,
    pub next_cursor: Option<String>,
    /// The search took too long and was given up here; `null` when the page is what it should be.
    pub searched_to_ms: Option<f64>,
    /// Traces that would stand among these, were it not for `kind=requests`: lone calls and queries outside of any
    /// request.
    pub background_hidden: u64,
    /// Of an empty list: keys that nothing has.
    pub notes: Vec<String>,
}

/// `GET /api/ui/services`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServiceListView {
    /// What traces name as `service.name`, sorted.
    pub services: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceRowView {
    pub trace_id: String,
    pub start_ms: f64,
    pub duration_ns: i64,
    /// Name, op and service of the root span.
    pub name: String,
    pub op: String,
    pub service: String,
    /// All services, sorted.
    pub services: Vec<String>,
    pub span_count: u64,
    pub db_span_count: u64,
    pub failed_span_count: u64,
    /// Error events linked by trace id.
    pub error_count: u64,
    /// `unset`, `ok`, `error`, of the root span.
    pub status: String,
    pub http_status: Option<u16>,
    pub has_sentry: bool,
    pub has_otel: bool,
    /// The real root has not arrived: the row is named after the best span there is.
    pub is_partial: bool,
}

/// `GET /api/ui/traces/<trace id>?packed=1`: answers also when there are only errors and no spans.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceView {
    pub trace_id: String,
    /// The root's name, op and service; empty when there are no spans.
    pub name: String,
    pub op: String,
    pub service: String,
    /// Unix nanoseconds as text (they do not fit a JavaScript number); all other times are relative to it.
    pub start_ns: String,
    pub start_ms: f64,
    pub duration_ns: i64,
    pub services: Vec<String>,
    pub has_sentry: bool,
    pub has_otel: bool,
    /// Empty when they are asked for packed.
    pub spans: SpanColumns,
    /// With `?packed=1`.
    pub packed: Option<PackedSpans>,
    /// There are so many spans that what takes reading all they carry is not here: findings and profiles are asked for
    /// with `?part=rest`, which leaves out the spans.
    pub rest_later: bool,
    pub errors: Vec<TraceErrorView>,
    /// Queries that are a mistake, the ones that cost most first.
    pub findings: Vec<TraceFindingView>,
    /// Logs that name this trace.
    pub log_count: u64,
    /// Spans of the trace that are kept but left out of this answer, by the limit on spans per page.
    pub spans_omitted: u64,
    pub profiles: Vec<ProfileView>,
    pub replays: Vec<ReplayView>,
}

/// The spans in drawing order (depth first, siblings by start), a column per field; all columns are equally long.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanColumns {
    pub span_id: Vec<String>,
    /// Index of the parent in these columns, -1 for none.
    pub parent: Vec<i32>,
    pub depth: Vec<u32>,
    /// Relative to the trace's start.
    pub start_ns: Vec<i64>,
    pub duration_ns: Vec<i64>,
    pub name: Vec<String>,
    pub op: Vec<String>,
    /// Index into the trace's `services`.
    pub service: Vec<u32>,
    /// `internal`, `server`, `client`, `producer`, `consumer`.
    pub kind: Vec<String>,
    /// `unset`, `ok`, `error`.
    pub status: Vec<String>,
    /// `sentry` or `otel`.
    pub source: Vec<String>,
    /// The span names a parent that is not in the trace.
    pub is_orphan: Vec<bool>,
    /// By how much the span is drawn later than its own clock says (earlier when negative), because that differs from
    /// its caller's; 0 for nearly all. Already in `start_ns`.
    pub clock_shift_ns: Vec<i64>,
}

/// An error event in the trace.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceErrorView {
    pub event_id: String,
    pub issue_id: String,
    pub short_id: String,
    pub title: String,
    pub level: String,
    /// Relative to the trace's start.
    pub time_ns: i64,
    /// Index of the span it belongs to, -1 when there is none.
    pub span: i32,
    /// The event named no span of this trace, so it was placed by time.
    pub is_placed_by_time: bool,
}

/// `GET /api/ui/spans/<span id>`: where a span is, by its id alone.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanPlaceView {
    pub trace_id: String,
    pub span_id: String,
    pub name: String,
}

/// `GET /api/ui/traces/<trace id>/spans/<span id>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanView {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub name: String,
    pub op: String,
    pub kind: String,
    pub service: String,
    pub source: String,
    pub status: String,
    pub status_message: String,
    pub start_ms: f64,
    pub duration_ns: i64,
    pub http_status: Option<u16>,
    /// Of a database query.
    pub query: Option<QueryView>,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub sdk: Option<String>,
    pub attributes: Vec<Variable>,
    pub resource: Vec<Variable>,
    pub events: Vec<SpanEventView>,
    pub links: Vec<SpanLinkView>,
    /// Left out by the SDK's own limits.
    pub dropped: u32,
    /// For Sentry transactions: tags, contexts, request and so on, as sent.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub transaction: Value,
}

/// A statement as it is known again.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QueryView {
    /// Without values.
    pub text: String,
    /// `SELECT shop_book`; empty when the statement cannot be read.
    pub summary: String,
    /// Finds its equals, as the attribute `trapline.query.fingerprint`.
    pub fingerprint: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanEventView {
    pub name: String,
    /// Relative to the span's start.
    pub time_ns: i64,
    pub attributes: Vec<Variable>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanLinkView {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: Vec<Variable>,
}
