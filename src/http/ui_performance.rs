//! Handlers of `/api/ui/performance`: endpoints, jobs and queries as listed, and one of them; and the mistakes of a trace.

use std::collections::{HashMap, HashSet};

use crate::config::PERF_SHOWN_MAX;
use crate::model::span::SpanBatch;
use crate::perf::{self, CallSites, ERROR_MAX, MeasuredKind, Reading, SqlCache, Stats};
use crate::store::{Drawn, EventQuery, PerfDetail, PerfQuery, PerfRow, PerfScope, Stretches};

use super::error::ApiError;
use super::ui::{Answer, ok, short_id};
use super::ui_logs::project;
use super::ui_metrics::{range, stretches};
use super::view::performance::{
    PerformanceBucket, PerformanceDetailView, PerformanceNumbers, PerformanceOther, PerformanceRelease,
    PerformanceRowView, PerformanceSeries, PerformanceView, SlowTraceView, TraceFindingView,
};
use super::{Query, Ready, fit, now_ms};

/// Points of a chart, and of the small one in the list.
const STRETCHES: i64 = 96;
const SPARK_STRETCHES: i64 = 30;
const OTHERS_SHOWN_MAX: usize = 50;
const RELEASES_SHOWN_MAX: usize = 20;

pub(super) async fn list(ready: &Ready, query: &Query) -> Answer {
    let kind = match query.get("kind") {
        None => MeasuredKind::Endpoint,
        Some(text) => MeasuredKind::parse(text).ok_or_else(|| ApiError::not_found("kind"))?,
    };
    let asked = asked(ready, query, SPARK_STRETCHES).await?;
    let stretches = asked.stretches;
    let found = ready.store.performance(kind, asked).await?;
    let all_us: u64 = found.rows.iter().map(|row| row.stats.total_us).sum();
    let mut rows = found.rows;
    rows.sort_by(|a, b| (b.stats.total_us, &a.name).cmp(&(a.stats.total_us, &b.name)));
    let is_cut = rows.len() > PERF_SHOWN_MAX;
    rows.truncate(PERF_SHOWN_MAX);
    ok(&PerformanceView {
        kind: kind.as_str().to_string(),
        rows: rows.into_iter().map(|row| row_view(ready, kind, row, all_us, &stretches)).collect(),
        is_cut,
        has_any: found.has_any,
        from_ms: stretches.from_minute * 60_000,
        step_ms: stretches.minutes * 60_000,
        apdex_ms: ready.store.thresholds().apdex_ms,
        services: found.services.into_iter().collect(),
        environments: found.environments.into_iter().collect(),
        releases: found.releases.into_iter().collect(),
    })
}

pub(super) async fn one(ready: &Ready, key: &str, query: &Query) -> Answer {
    let key = i64::from_str_radix(key, 16).map_err(|_| ApiError::not_found("endpoint, job or query"))?;
    let asked = asked(ready, query, STRETCHES).await?;
    let stretches = asked.stretches;
    let found = ready.store.performance_of(key, asked).await?;
    let found = found.ok_or_else(|| ApiError::not_found("endpoint, job or query"))?;
    let mut slowest = Vec::new();
    for slow in &found.slowest {
        slowest.push(SlowTraceView {
            trace_id: slow.trace_id.to_string(),
            duration_ms: ms(slow.us),
            has_spans: ready.store.has_trace(slow.trace_id).await?,
        });
    }
    ok(&detail_view(ready, key, found, slowest, &stretches))
}

async fn asked(ready: &Ready, query: &Query, wanted: i64) -> Result<PerfQuery, ApiError> {
    let (from_ms, to_ms) = range(query)?;
    let from_ms = fit::from_ms(ready, query, Drawn::Performance, from_ms, to_ms).await?;
    let text = |key| query.get(key).filter(|text: &&str| !text.is_empty()).map(str::to_string);
    let scope = PerfScope {
        project_id: project(ready, query)?,
        service: text("service"),
        environment: text("environment"),
        release: text("release"),
    };
    Ok(PerfQuery { scope, stretches: whole_hours(stretches(from_ms, to_ms, wanted)), now_ms: now_ms() })
}

/// A stretch of more than half an hour is made of whole hours, because that is how they are kept.
fn whole_hours(stretches: Stretches) -> Stretches {
    if stretches.minutes <= 30 {
        return stretches;
    }
    let minutes = (stretches.minutes + 59) / 60 * 60;
    let to_minute = stretches.to_minute();
    let from_minute = stretches.from_minute.div_euclid(minutes) * minutes;
    let count = usize::try_from((to_minute - from_minute + minutes - 1) / minutes).unwrap_or(1);
    Stretches { from_minute, minutes, count }
}

fn numbers(ready: &Ready, kind: MeasuredKind, stats: &Stats, minutes: f64) -> PerformanceNumbers {
    let each = |n: f64| if stats.count == 0 { 0.0 } else { n / stats.count as f64 };
    let quantile = |share| stats.histogram.quantile_us(share).map(ms);
    let is_query = kind == MeasuredKind::Query;
    PerformanceNumbers {
        count: stats.count,
        per_minute: stats.count as f64 / minutes.max(1.0),
        failed: stats.failed(),
        error_share: each(stats.failed() as f64),
        total_ms: ms(stats.total_us),
        average_ms: each(ms(stats.total_us)),
        p50_ms: quantile(0.5),
        p95_ms: quantile(0.95),
        p99_ms: quantile(0.99),
        percentile_error: percentile_error(stats),
        apdex: (!is_query).then(|| stats.apdex(ready.store.thresholds().apdex_ms * 1_000)).flatten(),
        sql_per_request: (!is_query).then(|| each(stats.sql_count as f64)),
        sql_share: (!is_query && stats.total_us > 0).then(|| (stats.sql_us as f64 / stats.total_us as f64).min(1.0)),
    }
}

fn percentile_error(stats: &Stats) -> f64 {
    if stats.histogram.is_exact() { 0.0 } else { ERROR_MAX }
}

/// Minutes of the time that have been.
fn minutes_of(stretches: &Stretches) -> f64 {
    let to_minute = stretches.to_minute().min(now_ms() / 60_000 + 1);
    (to_minute - stretches.from_minute).max(1) as f64
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

fn row_view(ready: &Ready, kind: MeasuredKind, row: PerfRow, all_us: u64, stretches: &Stretches) -> PerformanceRowView {
    PerformanceRowView {
        key: format!("{:x}", row.key),
        numbers: numbers(ready, kind, &row.stats, minutes_of(stretches)),
        time_share: share(row.stats.total_us, all_us),
        name: row.name,
        services: row.services.into_iter().collect(),
        counts: row.counts,
        call_sites: places(&row.call_sites),
        may_have_more_call_sites: row.call_sites.is_full(),
    }
}

fn places(call_sites: &CallSites) -> Vec<String> {
    call_sites.places().map(str::to_owned).collect()
}

fn detail_view(
    ready: &Ready,
    key: i64,
    found: PerfDetail,
    slowest: Vec<SlowTraceView>,
    stretches: &Stretches,
) -> PerformanceDetailView {
    let minutes = minutes_of(stretches);
    let mut series = PerformanceSeries::default();
    for stats in &found.stretches {
        let quantile = |share| stats.histogram.quantile_us(share).map(ms);
        series.count.push(stats.count);
        series.failed.push(stats.failed());
        series.p50_ms.push(quantile(0.5));
        series.p95_ms.push(quantile(0.95));
        series.p99_ms.push(quantile(0.99));
        series.percentile_error.push(percentile_error(stats));
        series.sql_per_request.push((stats.count > 0).then(|| stats.sql_count as f64 / stats.count as f64));
    }
    let mut by_release: Vec<PerformanceRelease> = found
        .releases
        .into_iter()
        .map(|(release, stats)| PerformanceRelease { release, numbers: numbers(ready, found.kind, &stats, minutes) })
        .collect();
    by_release.sort_by(|a, b| (b.numbers.count, &b.release).cmp(&(a.numbers.count, &a.release)));
    by_release.truncate(RELEASES_SHOWN_MAX);
    let others_us: u64 = found.others.iter().map(|row| row.stats.total_us).sum();
    let mut others = found.others;
    others.sort_by(|a, b| (b.stats.total_us, &a.name).cmp(&(a.stats.total_us, &b.name)));
    others.truncate(OTHERS_SHOWN_MAX);
    let is_query = found.kind == MeasuredKind::Query;
    let other_view = |row: PerfRow| PerformanceOther {
        key: format!("{:x}", row.key),
        // Both of a query's tables count queries.
        numbers: numbers(ready, MeasuredKind::Query, &row.stats, minutes),
        per_request: (!is_query && found.stats.count > 0).then(|| row.stats.count as f64 / found.stats.count as f64),
        time_share: share(row.stats.total_us, others_us),
        call_sites: places(&row.call_sites),
        may_have_more_call_sites: row.call_sites.is_full(),
        name: row.name,
    };
    PerformanceDetailView {
        key: format!("{key:x}"),
        kind: found.kind.as_str().to_string(),
        numbers: numbers(ready, found.kind, &found.stats, minutes),
        from_ms: stretches.from_minute * 60_000,
        step_ms: stretches.minutes * 60_000,
        apdex_ms: ready.store.thresholds().apdex_ms,
        series,
        histogram: found
            .stats
            .histogram
            .buckets()
            .map(|(from, to, count)| PerformanceBucket { from_ms: ms(from), to_ms: ms(to), count })
            .collect(),
        by_release,
        others: others.into_iter().map(other_view).collect(),
        slowest,
        services: found.found.services.into_iter().collect(),
        environments: found.found.environments.into_iter().collect(),
        releases: found.found.releases.into_iter().collect(),
        name: found.name,
    }
}

/// The mistakes of a trace, with the places of their spans in its columns.
pub(super) async fn findings(
    ready: &Ready,
    batch: &SpanBatch,
    columns: &[String],
) -> Result<Vec<TraceFindingView>, ApiError> {
    let found = perf::find(&Reading::of(batch, &mut SqlCache::default()), ready.store.thresholds());
    let named: HashSet<&str> = found.iter().flat_map(|finding| finding.spans.iter().map(String::as_str)).collect();
    let places: HashMap<&str, u32> =
        (0..).zip(columns).map(|(place, id)| (id.as_str(), place)).filter(|(id, _)| named.contains(id)).collect();
    let mut views = Vec::with_capacity(found.len());
    for finding in &found {
        let event_id = finding.event_id();
        let event = ready.store.event(EventQuery::ById(event_id)).await?;
        views.push(TraceFindingView {
            kind: finding.kind.as_str().to_string(),
            count: finding.count,
            total_ms: ms(finding.total_us),
            call_site: finding.call_site.as_ref().map(ToString::to_string),
            spans: finding.spans.iter().filter_map(|id| places.get(id.as_str()).copied()).collect(),
            event_id: event_id.to_string(),
            short_id: event.map(|event| short_id(ready, &event.summary, event.short_no)),
            sql: finding.sql.clone(),
            operation: finding.operation.clone(),
            table: finding.table.clone(),
        });
    }
    Ok(views)
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}
