//! Endpoints, jobs and queries: how often, how fast, and which are a mistake.

use serde::Serialize;

/// `GET /api/ui/performance?kind=endpoint|task|query&project=<slug>&service=&environment=&release=&from=<ms>&to=<ms>&fit=true`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceView {
    /// `endpoint`, `task`, `query`.
    pub kind: String,
    /// Those that take most time first.
    pub rows: Vec<PerformanceRowView>,
    /// There are more than are listed.
    pub is_cut: bool,
    /// Any performance data was ever counted.
    pub has_any: bool,
    pub from_ms: i64,
    pub step_ms: i64,
    /// Up to so many milliseconds a request satisfies.
    pub apdex_ms: u64,
    /// What there is to choose from in this time.
    pub services: Vec<String>,
    pub environments: Vec<String>,
    pub releases: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceRowView {
    /// Names it in addresses.
    pub key: String,
    pub name: String,
    pub services: Vec<String>,
    pub numbers: PerformanceNumbers,
    /// Of the time of all that are listed with it, from 0 to 1.
    pub time_share: f64,
    /// How many in each stretch, oldest first.
    pub counts: Vec<u64>,
    /// Of a query: the lines that asked it last, `shop/views.py:12 in books_list`, the latest first. None when the SDK did
    /// not say.
    pub call_sites: Vec<String>,
    /// There are as many as are told apart, and may be more.
    pub may_have_more_call_sites: bool,
}

/// Durations are in milliseconds.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceNumbers {
    pub count: u64,
    pub per_minute: f64,
    pub failed: u64,
    /// From 0 to 1.
    pub error_share: f64,
    pub total_ms: f64,
    pub average_ms: f64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// By which part of itself a percentile may be off: 0 where they are exact, because there are few enough to know all.
    pub percentile_error: f64,
    /// From 0 to 1; `null` for queries.
    pub apdex: Option<f64>,
    /// Queries of a request, and their part of its time; `null` for queries.
    pub sql_per_request: Option<f64>,
    pub sql_share: Option<f64>,
}

/// `GET /api/ui/performance/<key>?project=&service=&environment=&release=&from=<ms>&to=<ms>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceDetailView {
    pub key: String,
    pub kind: String,
    pub name: String,
    pub numbers: PerformanceNumbers,
    pub from_ms: i64,
    pub step_ms: i64,
    pub apdex_ms: u64,
    pub series: PerformanceSeries,
    /// How durations are spread.
    pub histogram: Vec<PerformanceBucket>,
    /// The one with most requests first, whichever is chosen.
    pub by_release: Vec<PerformanceRelease>,
    /// Of an endpoint or job its queries; of a query the endpoints and jobs that make it.
    pub others: Vec<PerformanceOther>,
    /// The slowest of each minute or hour that is counted as one, of one release and environment: not the slowest of all.
    pub slowest: Vec<SlowTraceView>,
    pub services: Vec<String>,
    pub environments: Vec<String>,
    pub releases: Vec<String>,
}

/// A value for each stretch, oldest first; `null` where nothing happened.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceSeries {
    pub count: Vec<u64>,
    pub failed: Vec<u64>,
    pub p50_ms: Vec<Option<f64>>,
    pub p95_ms: Vec<Option<f64>>,
    pub p99_ms: Vec<Option<f64>>,
    /// As in the numbers.
    pub percentile_error: Vec<f64>,
    pub sql_per_request: Vec<Option<f64>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceBucket {
    pub from_ms: f64,
    pub to_ms: f64,
    pub count: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceRelease {
    /// Empty for none.
    pub release: String,
    pub numbers: PerformanceNumbers,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PerformanceOther {
    pub key: String,
    pub name: String,
    pub numbers: PerformanceNumbers,
    /// Of an endpoint's queries: how many in one request.
    pub per_request: Option<f64>,
    /// Of the time of all of them, from 0 to 1.
    pub time_share: f64,
    /// Of an endpoint's queries: the lines that asked them last within it, as in the list.
    pub call_sites: Vec<String>,
    pub may_have_more_call_sites: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SlowTraceView {
    pub trace_id: String,
    pub duration_ms: f64,
    /// Its spans are still kept.
    pub has_spans: bool,
}

/// Queries of a trace that are a mistake.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceFindingView {
    /// `n_plus_one`, `slow_query`.
    pub kind: String,
    pub count: u64,
    pub total_ms: f64,
    /// Without values.
    pub sql: String,
    pub operation: String,
    pub table: Option<String>,
    /// `shop/views.py:12 in books_list`
    pub call_site: Option<String>,
    /// Indexes into the columns of the trace's spans.
    pub spans: Vec<u32>,
    pub event_id: String,
    /// Of its issue, once there is one.
    pub short_id: Option<String>,
}
