//! Handlers of the traces explorer: the map of durations over time, facts, a selection against the rest, breakdowns.

use std::ops::RangeInclusive;

use hyper::StatusCode;

use crate::config::explore::BREAKDOWN_TRACES_MAX;
use crate::model::ids::TraceId;
use crate::store::{Drawn, TraceScope, TraceSelection};

use super::error::ApiError;
use super::ui::{Answer, kind_name, ok, spans_asked};
use super::ui_logs::{project, query_ms};
use super::view::trace_map::{
    BreakdownListView, BreakdownPartView, BreakdownView, CompareItemView, CompareView, FacetValueView, FacetView,
    FacetsView, HeatView,
};
use super::{Query, Ready, fit, now_ms};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Columns of a map, at most one more.
const COLUMNS: i64 = 96;
/// Values of a fact that are told.
const FACET_VALUES_MAX: usize = 12;
/// Steps of a column: what a clock has marks for.
const STEPS_MS: [i64; 20] = [
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
    8 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    30 * DAY_MS,
];

pub(super) async fn heat(ready: &Ready, query: &Query) -> Answer {
    let scope = scope(ready, query).await?;
    let (from_ms, step_ms) = grid(scope.from_ns / 1_000_000, scope.to_ns / 1_000_000);
    let scope = TraceScope { from_ns: from_ms.saturating_mul(1_000_000), ..scope };
    let found = ready.store.trace_heat(scope, step_ms.saturating_mul(1_000_000)).await?;
    ok(&HeatView {
        from_ms,
        step_ms,
        columns: found.counts.len(),
        bounds_ns: found.bounds_ns,
        counts: found.counts,
        errors: found.failed,
        total: found.total,
        searched_to_ms: found.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

pub(super) async fn facets(ready: &Ready, query: &Query) -> Answer {
    let scope = scope(ready, query).await?;
    let found = ready.store.trace_facets(scope, FACET_VALUES_MAX).await?;
    let view = |(value, count)| FacetValueView { value, count };
    let facets = found
        .facets
        .into_iter()
        .map(|(key, values)| FacetView { key: key.to_string(), values: values.into_iter().map(view).collect() });
    ok(&FacetsView {
        facets: facets.collect(),
        of: found.of,
        searched_to_ms: found.searched_to_ns.map(|ns| ns as f64 / 1e6),
    })
}

pub(super) async fn compare(ready: &Ready, query: &Query) -> Answer {
    let scope = scope(ready, query).await?;
    let whole = |key: &str| whole(query, key);
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let from_ns = whole("sel_from")?.map_or(scope.from_ns, ns);
    let to_ns = whole("sel_to")?.map_or(scope.to_ns, ns);
    // The first row of a map holds what is shorter than its bound, too.
    let least_ns = whole("sel_min_ns")?.filter(|ns| *ns > 0).unwrap_or(i64::MIN);
    let most_ns = whole("sel_max_ns")?.unwrap_or(i64::MAX);
    if from_ns >= to_ns || least_ns >= most_ns {
        return Err(bad("a selection ends behind where it begins".to_string()));
    }
    let selection = TraceSelection { start_ns: from_ns..to_ns, duration_ns: least_ns..most_ns };
    let found = ready.store.compare_traces(scope, selection).await?;
    let share = |has: u64, of: u64| if of == 0 { 0.0 } else { has as f64 / of as f64 };
    let items = found.items.into_iter().map(|item| {
        let (share_in, share_out) = (share(item.selected, found.selected_seen), share(item.rest, found.rest_seen));
        let lift = (share_out > 0.0).then(|| share_in / share_out);
        CompareItemView { key: item.key, value: item.value, share_in, share_out, lift }
    });
    ok(&CompareView {
        items: items.collect(),
        selected: found.selected,
        rest: found.rest,
        selected_seen: found.selected_seen,
        rest_seen: found.rest_seen,
        is_sampled: found.is_sampled,
    })
}

pub(super) async fn breakdown(ready: &Ready, query: &Query) -> Answer {
    let read = |text: &str| TraceId::parse(text).ok_or_else(|| bad(format!("{text:?} is no trace id")));
    let ids = query.all("id").take(BREAKDOWN_TRACES_MAX).map(read).collect::<Result<Vec<_>, _>>()?;
    let found = ready.store.trace_breakdowns(ids).await?;
    let part = |(op, kind, self_ns)| BreakdownPartView { op, kind: kind_name(kind).to_string(), self_ns };
    let traces = found.into_iter().map(|trace| BreakdownView {
        trace_id: trace.trace_id.to_string(),
        parts: trace.parts.into_iter().map(part).collect(),
        is_partial: trace.is_partial,
    });
    ok(&BreakdownListView { traces: traces.collect() })
}

/// What the list of traces takes, and the time: `from` and `to` in unix ms, or a `range` up to now; a day unless said.
async fn scope(ready: &Ready, query: &Query) -> Result<TraceScope, ApiError> {
    let (from_ms, to_ms) = match time(query, Some(DAY_MS))? {
        Some((from_ms, to_ms)) => (fit::from_ms(ready, query, Drawn::Traces, from_ms, to_ms).await?, to_ms),
        None => {
            let now = now_ms();
            (ready.store.oldest_trace_ns().await?.map_or(now - DAY_MS, |ns| ns / 1_000_000).min(now), now + 1)
        }
    };
    Ok(TraceScope {
        requests_only: query.get("kind") != Some("all"),
        project_id: project(ready, query)?,
        service: query.get("service").map(str::to_string),
        expr: spans_asked(ready, query).await?,
        from_ns: from_ms.saturating_mul(1_000_000),
        to_ns: to_ms.saturating_mul(1_000_000),
    })
}

/// From and up to; `None` is all there is. `unsaid`: how far back it goes when nothing is said.
pub(super) fn time(query: &Query, unsaid: Option<i64>) -> Result<Option<(i64, i64)>, ApiError> {
    // A trace of this very moment is in it.
    let now = now_ms() + 1;
    let from = query_ms(query, "from")?;
    let to = query_ms(query, "to")?;
    if from.is_some() || to.is_some() {
        let to = to.unwrap_or(now);
        let from = from.unwrap_or(to.saturating_sub(DAY_MS));
        return if from < to { Ok(Some((from, to))) } else { Err(bad("to is behind from".to_string())) };
    }
    let back = match query.get("range") {
        Some("all") => return Ok(None),
        None => match unsaid {
            Some(back) => back,
            None => return Ok(None),
        },
        Some(text) => read_range(text)
            .ok_or_else(|| bad(format!("a range is 15m, 1h, 24h, 7d, 14d, 30d, 90d or all, not {text:?}")))?,
    };
    Ok(Some((now - back, now)))
}

fn read_range(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'm' => 60_000,
        'h' => HOUR_MS,
        'd' => DAY_MS,
        _ => return None,
    };
    let number: i64 = text[..text.len() - 1].parse().ok().filter(|number| (1..=10_000).contains(number))?;
    Some(number * unit)
}

/// Where the first column begins and how long each is: at whole ones, so that they stay where they are as time goes on.
fn grid(from_ms: i64, to_ms: i64) -> (i64, i64) {
    let least = (to_ms - from_ms).max(1) / COLUMNS;
    let step = STEPS_MS.iter().copied().find(|step| *step >= least).unwrap_or_else(|| {
        let days = least / DAY_MS + 1;
        days * DAY_MS
    });
    (from_ms.div_euclid(step) * step, step)
}

/// `min_ns` and below `max_ns`.
pub(super) fn durations(query: &Query) -> Result<Option<RangeInclusive<i64>>, ApiError> {
    let (least, most) = (whole(query, "min_ns")?, whole(query, "max_ns")?);
    if least.is_none() && most.is_none() {
        return Ok(None);
    }
    let least = least.filter(|ns| *ns > 0).unwrap_or(i64::MIN);
    Ok(Some(least..=most.map_or(i64::MAX, |ns| ns.saturating_sub(1))))
}

fn whole(query: &Query, key: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| bad(format!("{key} is a whole number, not {text:?}")))
}

fn bad(detail: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_holds_all_of_its_time_in_whole_steps() {
        for (from, to) in
            [(0, 1), (0, HOUR_MS), (1_234_567, 1_234_567 + DAY_MS), (5, 400 * DAY_MS), (0, 40_000 * DAY_MS)]
        {
            let (start, step) = grid(from, to);
            assert!(start <= from && start % step == 0, "{from} {to}");
            assert!((to - start) / step <= COLUMNS + 1, "{from} {to}: {step}");
        }
        assert_eq!(grid(0, DAY_MS).1, 900_000);
    }

    #[test]
    fn ranges_are_read() {
        for (text, ms) in [("15m", 900_000), ("1h", HOUR_MS), ("90d", 90 * DAY_MS)] {
            assert_eq!(read_range(text), Some(ms));
        }
        for text in ["", "h", "1", "1y", "-1h", "0d", "99999999999999d", "é"] {
            assert_eq!(read_range(text), None, "{text}");
        }
    }
}
