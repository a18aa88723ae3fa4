//! Metrics as listed, and one over time.

use serde::Serialize;

/// `GET /api/ui/metrics?project=<slug>&query=<text>&from=<ms>&to=<ms>&fit=true`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricListView {
    /// By name.
    pub metrics: Vec<MetricRowView>,
    /// There are more than are listed.
    pub is_cut: bool,
    /// Any metric was ever stored.
    pub has_any: bool,
    /// Where the small charts begin.
    pub from_ms: i64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricRowView {
    pub name: String,
    /// `counter`, `gauge`, `distribution`.
    pub kind: String,
    /// Empty when it was not said.
    pub unit: String,
    pub project_slug: String,
    pub last: f64,
    pub last_ms: f64,
    /// Points in the time asked for.
    pub count: u64,
    /// Sums of a counter, averages of anything else, oldest first; `null` where nothing was measured.
    pub spark: Vec<Option<f64>>,
    /// What it measures, in the words of whoever made it; empty when it was not said.
    pub description: String,
}

/// `GET /api/ui/metrics/<name>?kind=<kind>&unit=<unit>&project=<slug>&from=<ms>&to=<ms>&fit=true&split=<attribute>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricView {
    pub name: String,
    pub kind: String,
    pub unit: String,
    /// What it measures, in the words of whoever made it; empty when it was not said.
    pub description: String,
    pub project_slug: String,
    /// The metrics of this name; this is one of them.
    pub variants: Vec<MetricVariantView>,
    pub from_ms: i64,
    /// Length of one stretch.
    pub step_ms: i64,
    pub series: MetricSeriesView,
    /// One per value of the attribute asked for, the one with most points first; the rest together under `null`.
    pub split: Vec<MetricSplitView>,
    /// Names of attributes that points of the time carry.
    pub attributes: Vec<String>,
    /// Of a distribution, over all of the time: exact where every measurement was looked at, else read from buckets.
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    /// Points looked at for split and examples.
    pub points_seen: u64,
    /// Older points were not looked at; `null` when all of the time were.
    pub searched_to_ms: Option<f64>,
    /// Measurements with a trace, the highest first for distributions, else the latest.
    pub examples: Vec<MetricExampleView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricVariantView {
    pub kind: String,
    pub unit: String,
    pub project_slug: String,
}

/// A column per sum; all are equally long, oldest first. `null` where nothing was measured.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricSeriesView {
    pub count: Vec<u64>,
    pub sum: Vec<Option<f64>>,
    pub min: Vec<Option<f64>>,
    pub max: Vec<Option<f64>>,
    pub last: Vec<Option<f64>>,
    /// Of a distribution; `null` also where no spread was kept.
    pub p50: Vec<Option<f64>>,
    pub p95: Vec<Option<f64>>,
    pub p99: Vec<Option<f64>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricSplitView {
    /// `null`: all values that have no line of their own.
    pub value: Option<String>,
    pub points: u64,
    pub series: MetricSeriesView,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MetricExampleView {
    pub time_ms: f64,
    pub value: f64,
    pub trace_id: String,
    pub span_id: Option<String>,
    pub has_spans: bool,
}
