//! Spans of all traces as listed, and where in the code a query is asked.

use serde::Serialize;

/// `GET /api/ui/spans?query=&project=&service=&attribute=&range=&from=&to=&min_ns=&max_ns=&cursor=&limit=`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanListView {
    /// The one that started last first.
    pub spans: Vec<SpanRowView>,
    pub next_cursor: Option<String>,
    /// The search took too long and was given up here.
    pub searched_to_ms: Option<f64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpanRowView {
    pub trace_id: String,
    pub span_id: String,
    pub start_ms: f64,
    pub duration_ns: i64,
    pub name: String,
    pub op: String,
    /// `internal`, `server`, `client`, `producer`, `consumer`.
    pub kind: String,
    pub service: String,
    /// `unset`, `ok`, `error`.
    pub status: String,
    pub http_status: Option<u16>,
    pub source: String,
}

/// `GET /api/ui/performance/<key of a query>/call-sites?from=<ms>&to=<ms>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CallSitesView {
    /// The one with most time first.
    pub sites: Vec<CallSiteView>,
    /// Runs of the query that were looked at, the newest.
    pub runs: u64,
    /// Older ones than this were not.
    pub searched_to_ms: Option<f64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CallSiteView {
    /// `shop/views.py:12 in books_list`; `null` when the SDK did not say.
    pub call_site: Option<String>,
    pub runs: u64,
    pub total_ms: f64,
    pub average_ms: f64,
    pub slowest_ms: f64,
    pub failed: u64,
    /// Where the slowest of them is.
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
}
