//! Many traces at a glance: the map of durations over time, facts, what sets a selection apart, where time went.

use serde::Serialize;

/// `GET /api/ui/traces/heat?query=&project=&service=&kind=&attribute=&range=1h|24h|…` or `from=<ms>&to=<ms>`, and `fit=true`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HeatView {
    pub from_ms: i64,
    pub step_ms: i64,
    pub columns: usize,
    /// Durations between which the rows lie, the shortest first: one more than there are rows.
    pub bounds_ns: Vec<i64>,
    /// Traces, by column and then by row.
    pub counts: Vec<Vec<u64>>,
    /// Those of them whose request failed.
    pub errors: Vec<Vec<u64>>,
    pub total: u64,
    /// Time was up: of traces before this some or all are missing.
    pub searched_to_ms: Option<f64>,
}

/// `GET /api/ui/traces/facets?…`, as the map.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FacetsView {
    pub facets: Vec<FacetView>,
    /// Traces that were looked at.
    pub of: u64,
    pub searched_to_ms: Option<f64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FacetView {
    /// `service`, `name`, `op`, `status`, `http.status_code`, `source`.
    pub key: String,
    /// The most common first.
    pub values: Vec<FacetValueView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FacetValueView {
    pub value: String,
    pub count: u64,
}

/// `GET /api/ui/traces/compare?…&sel_from=<ms>&sel_to=<ms>&sel_min_ns=&sel_max_ns=`, as the map with a part of it.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompareView {
    /// Traces in the selection and all others.
    pub selected: u64,
    pub rest: u64,
    /// Of these, the ones whose spans were looked at: what shares are of.
    pub selected_seen: u64,
    pub rest_seen: u64,
    /// What sets the selection apart most first.
    pub items: Vec<CompareItemView>,
    pub is_sampled: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompareItemView {
    pub key: String,
    pub value: String,
    /// Of the traces of either side those with a span that has it, from 0 to 1.
    pub share_in: f64,
    pub share_out: f64,
    /// How many times as common it is in the selection; `null` when none of the others has it.
    pub lift: Option<f64>,
}

/// `GET /api/ui/traces/breakdown?id=<trace id>&id=…`: of as many as there was time for.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BreakdownListView {
    pub traces: Vec<BreakdownView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BreakdownView {
    pub trace_id: String,
    pub parts: Vec<BreakdownPartView>,
    /// The trace has more spans than were looked at.
    pub is_partial: bool,
}

/// What the spans of one op and kind did themselves.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BreakdownPartView {
    pub op: String,
    /// `internal`, `server`, `client`, `producer`, `consumer`.
    pub kind: String,
    pub self_ns: i64,
}
