//! Handlers of spans of all traces: the list, and where in the code a query is asked.

use hyper::StatusCode;

use crate::model::ids::SpanId;
use crate::model::sql::{Dialect, Sql};
use crate::perf::MeasuredKind;
use crate::store::{CallSiteRuns, PerfQuery, PerfScope, SpanListQuery, SpanRow, Stretches};

use super::error::ApiError;
use super::ui::{Answer, kind_name, ok, page_rows, source_name, spans_asked, status_name};
use super::ui_logs::project;
use super::ui_metrics::range;
use super::ui_traces::{durations, time};
use super::view::span_list::{CallSiteView, CallSitesView, SpanListView, SpanRowView};
use super::{Query, Ready, now_ms};

pub(super) async fn list(ready: &Ready, query: &Query) -> Answer {
    let time = time(query, None)?;
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let page = ready
        .store
        .spans(SpanListQuery {
            project_id: project(ready, query)?,
            service: query.get("service").map(str::to_string),
            expr: spans_asked(ready, query).await?,
            start_ns: time.map_or(i64::MIN..i64::MAX, |(from_ms, to_ms)| ns(from_ms)..ns(to_ms)),
            duration_ns: durations(query)?.unwrap_or(i64::MIN..=i64::MAX),
            before: cursor(query)?,
            limit: page_rows(query),
        })
        .await?;
    ok(&SpanListView {
        spans: page.rows.into_iter().map(row_view).collect(),
        // The time a search was given up at is a place to go on from, behind all that was found.
        next_cursor: page
            .next_before
            .or(page.searched_to_ns.map(|ns| (ns, SpanId([0; 8]))))
            .map(|(start_ns, id)| format!("{start_ns}.{id}")),
        searched_to_ms: page.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

pub(super) async fn call_sites(ready: &Ready, key: &str, query: &Query) -> Answer {
    let missing = || ApiError::not_found("query");
    let key = i64::from_str_radix(key, 16).map_err(|_| missing())?;
    let (from_ms, to_ms) = range(query)?;
    let minute = to_ms.div_euclid(60_000);
    let stretches = Stretches { from_minute: minute, minutes: 1, count: 1 };
    let scope = PerfScope { project_id: None, service: None, environment: None, release: None };
    let found = ready.store.performance_of(key, PerfQuery { scope, stretches, now_ms: now_ms() }).await?;
    let found = found.filter(|found| found.kind == MeasuredKind::Query).ok_or_else(missing)?;
    // What is listed is the statement without its values, which is what its fingerprint is taken of.
    let fingerprint = Sql::read(&found.name, Dialect::Other).fingerprint;
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let found = ready.store.call_sites(fingerprint, ns(from_ms)..ns(to_ms).saturating_add(1)).await?;
    ok(&CallSitesView {
        sites: found.sites.into_iter().map(site_view).collect(),
        runs: found.runs,
        searched_to_ms: found.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

fn site_view(runs: CallSiteRuns) -> CallSiteView {
    CallSiteView {
        call_site: runs.call_site.map(|call_site| call_site.to_string()),
        runs: runs.runs,
        total_ms: runs.total_ns as f64 / 1e6,
        average_ms: runs.total_ns as f64 / 1e6 / runs.runs.max(1) as f64,
        slowest_ms: runs.slowest_ns as f64 / 1e6,
        failed: runs.failed,
        trace_id: runs.example.map(|(trace_id, _)| trace_id.to_string()),
        span_id: runs.example.map(|(_, span_id)| span_id.to_string()),
    }
}

fn row_view(row: SpanRow) -> SpanRowView {
    let span = row.span;
    SpanRowView {
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        start_ms: span.start_ns as f64 / 1e6,
        duration_ns: span.duration_ns(),
        name: span.name,
        op: span.op,
        kind: kind_name(span.kind).to_string(),
        service: row.service,
        status: status_name(span.status).to_string(),
        http_status: span.http_status,
        source: source_name(span.source).to_string(),
    }
}

fn cursor(query: &Query) -> Result<Option<(i64, SpanId)>, ApiError> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let parsed = text.split_once('.').and_then(|(start, id)| Some((start.parse().ok()?, SpanId::parse(id)?)));
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, "that is not a cursor: start again without one");
    parsed.map(Some).ok_or_else(invalid)
}
