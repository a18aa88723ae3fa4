//! Many traces at a glance: when they ran and how long they took, as a grid; and what they are called and how they ended.
//!
//! Out of the rows of traces alone, newest first and for a bounded time: what was not looked at is said. Knows no chunks
//! but through a search by attribute, which is [`super::trace_search`]'s.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::readers::check_time;
use super::span_asked::{AskedSpans, Roots};
use super::span_chunks;
use super::staged::status_from_code;
use super::trace_rows::{self, FILTER_SQL, SPREAD_NS, TraceFilter, first_id_at, start_of_id};
use super::trace_search::WAITING_SQL;
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::config::explore::TRACE_FACET_LABELS_MAX;
use crate::config::{TRACE_SCAN_MS, TRACE_SPREAD_NS};
use crate::model::ids::{ProjectId, TraceId};
use crate::model::span::SpanStatus;
use crate::search::Expr;

/// Rows looked at between two looks at the clock.
const STRETCH_ROWS: usize = 4_000;
const STRETCH_ROWS_MAX: usize = 64_000;

/// Which traces, of which time. As [`super::TraceQuery`], but for the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceScope {
    pub requests_only: bool,
    pub project_id: Option<ProjectId>,
    pub service: Option<String>,
    /// What one of its spans must meet.
    pub expr: Expr,
    /// When they started: from, and up to but not including.
    pub from_ns: i64,
    pub to_ns: i64,
}

/// What a map of traces is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LeanTrace {
    pub(super) trace_id: TraceId,
    pub(super) start_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) label_id: i64,
    pub(super) http_status: Option<u16>,
    pub(super) status: SpanStatus,
    pub(super) has_sentry: bool,
    pub(super) has_otel: bool,
}

impl LeanTrace {
    /// The request itself failed, whatever failed within it and was mended.
    pub(super) fn is_failed(&self) -> bool {
        self.status == SpanStatus::Error || self.http_status.is_some_and(|status| status >= 500)
    }
}

/// How many traces began in a stretch of time and took how long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceHeat {
    /// Durations between which the rows lie, one more than there are rows.
    pub bounds_ns: Vec<i64>,
    /// By column, then by row.
    pub counts: Vec<Vec<u64>>,
    pub failed: Vec<Vec<u64>>,
    pub total: u64,
    /// Time was up: columns before this are missing some or all of theirs.
    pub searched_to_ns: Option<i64>,
}

/// A fact and how many traces have each value of it, the most common first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceFacets {
    pub facets: Vec<(&'static str, Vec<(String, u64)>)>,
    pub of: u64,
    pub searched_to_ns: Option<i64>,
}

impl Store {
    /// `step_ns`: of a column.
    pub async fn trace_heat(&self, scope: TraceScope, step_ns: i64) -> Result<TraceHeat, StoreError> {
        self.readers.run(move |connection| read_heat(connection, &scope, step_ns)).await
    }

    /// When the oldest trace started, or a moment later.
    pub async fn oldest_trace_ns(&self) -> Result<Option<i64>, StoreError> {
        self.readers
            .run(|connection| {
                let oldest: Option<i64> = connection.query_row("SELECT min(id) FROM trace", [], |row| row.get(0))?;
                Ok(oldest.map(|id| start_of_id(id).saturating_sub(SPREAD_NS)))
            })
            .await
    }

    /// At most `values` of each fact.
    pub async fn trace_facets(&self, scope: TraceScope, values: usize) -> Result<TraceFacets, StoreError> {
        self.readers.run(move |connection| read_facets(connection, &scope, values)).await
    }
}

// Durations

/// Rows to a tenfold of the finest grid, which begins at a microsecond.
const ROWS_PER_TENFOLD: usize = 8;
const TENFOLDS: usize = 11;
const FINE_ROWS: usize = ROWS_PER_TENFOLD * TENFOLDS;
/// Fewer than a tenfold is no map; more rows than this are too low to point at, and two become one.
const ROWS_MIN: usize = 8;
const ROWS_MAX: usize = 40;

/// From a microsecond to a day and a bit.
fn fine_bounds() -> Vec<i64> {
    (0..=FINE_ROWS).map(|row| 10_f64.powf(3.0 + row as f64 / ROWS_PER_TENFOLD as f64).round() as i64).collect()
}

/// The row of a duration: what is shorter than all is in the first, what is longer in the last.
fn row_of(bounds: &[i64], duration_ns: i64) -> usize {
    bounds.partition_point(|bound| *bound <= duration_ns).saturating_sub(1).min(bounds.len().saturating_sub(2))
}

fn read_heat(connection: &Connection, scope: &TraceScope, step_ns: i64) -> Result<TraceHeat, StoreError> {
    let step_ns = step_ns.max(1);
    let columns = usize::try_from((scope.to_ns.saturating_sub(scope.from_ns)).max(0) / step_ns).unwrap_or(0) + 1;
    let bounds = fine_bounds();
    let mut counts = vec![[0_u64; FINE_ROWS]; columns];
    let mut failed = vec![[0_u64; FINE_ROWS]; columns];
    let mut total = 0;
    let searched_to_ns = for_each(connection, scope, deadline(), &mut |trace| {
        let column = usize::try_from((trace.start_ns - scope.from_ns) / step_ns).unwrap_or(0).min(columns - 1);
        let row = row_of(&bounds, trace.duration_ns);
        counts[column][row] += 1;
        failed[column][row] += u64::from(trace.is_failed());
        total += 1;
    })?;
    let (first, height, rows) = rows_used(&counts);
    let coarse = |column: &[u64; FINE_ROWS]| -> Vec<u64> {
        (0..rows).map(|row| column[first + row * height..first + (row + 1) * height].iter().sum()).collect()
    };
    Ok(TraceHeat {
        bounds_ns: (0..=rows).map(|row| bounds[first + row * height]).collect(),
        counts: counts.iter().map(coarse).collect(),
        failed: failed.iter().map(coarse).collect(),
        total,
        searched_to_ns,
    })
}

/// The part of the fine grid that holds something: its first row, how many fine rows are one, and how many there are.
fn rows_used(counts: &[[u64; FINE_ROWS]]) -> (usize, usize, usize) {
    let is_used = |row: &usize| counts.iter().any(|column| column[*row] > 0);
    let least = (0..FINE_ROWS).find(is_used).unwrap_or(3 * ROWS_PER_TENFOLD);
    let most = (0..FINE_ROWS).rev().find(is_used).unwrap_or(5 * ROWS_PER_TENFOLD);
    let height = if most - least + 1 > ROWS_MAX { 2 } else { 1 };
    // On whole rows of the coarser grid, so that the bounds stay when a trace more moves an end.
    let mut first = least / height;
    let mut last = most / height;
    while last - first + 1 < ROWS_MIN {
        first = first.saturating_sub(1);
        if last - first + 1 < ROWS_MIN && last + 1 < FINE_ROWS / height {
            last += 1;
        }
    }
    (first * height, height, last - first + 1)
}

// Facts

fn read_facets(connection: &Connection, scope: &TraceScope, values: usize) -> Result<TraceFacets, StoreError> {
    let mut labels: HashMap<i64, u64> = HashMap::new();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut http_statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut sources: BTreeMap<String, u64> = BTreeMap::new();
    let mut of = 0;
    let searched_to_ns = for_each(connection, scope, deadline(), &mut |trace| {
        of += 1;
        *labels.entry(trace.label_id).or_default() += 1;
        *statuses.entry(if trace.is_failed() { "error" } else { "ok" }.to_string()).or_default() += 1;
        if let Some(status) = trace.http_status {
            *http_statuses.entry(status.to_string()).or_default() += 1;
        }
        for (is_there, name) in [(trace.has_sentry, "sentry"), (trace.has_otel, "otel")] {
            if is_there {
                *sources.entry(name.to_string()).or_default() += 1;
            }
        }
    })?;
    let mut labels: Vec<(i64, u64)> = labels.into_iter().collect();
    labels.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
    labels.truncate(TRACE_FACET_LABELS_MAX);
    let mut services: BTreeMap<String, u64> = BTreeMap::new();
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    let mut ops: BTreeMap<String, u64> = BTreeMap::new();
    let mut statement =
        connection.prepare_cached("SELECT name, op, service, services FROM trace_label WHERE id = :id")?;
    for (id, count) in labels {
        check_time()?;
        let texts = |row: &Row<'_>| Ok([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        let Some([name, op, service, all]) = statement.query_row(named_params! { ":id": id }, texts).optional()? else {
            continue;
        };
        // The same as the filter takes: every service of the trace.
        let all: HashSet<&str> = all.split('\n').chain([service.as_str()]).filter(|name| !name.is_empty()).collect();
        all.into_iter().for_each(|service| *services.entry(service.to_string()).or_default() += count);
        if !name.is_empty() {
            *names.entry(name).or_default() += count;
        }
        if !op.is_empty() {
            *ops.entry(op).or_default() += count;
        }
    }
    let all = [
        ("service", services),
        ("name", names),
        ("op", ops),
        ("status", statuses),
        ("http.status_code", http_statuses),
        ("source", sources),
    ];
    let facets = all.into_iter().map(|(key, counts)| {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(values);
        (key, counts)
    });
    Ok(TraceFacets { facets: facets.filter(|(_, counts)| !counts.is_empty()).collect(), of, searched_to_ns })
}

// Rows

pub(super) fn deadline() -> Instant {
    Instant::now() + Duration::from_millis(TRACE_SCAN_MS)
}

/// What a map needs of a trace; of those of `FILTER_SQL`.
pub(super) fn lean_sql() -> String {
    format!("SELECT {LEAN} FROM trace WHERE {FILTER_SQL} AND trace.id >= :floor ORDER BY trace.id DESC")
}

/// The same of one trace.
pub(super) fn lean_one_sql() -> String {
    format!(
        "SELECT {LEAN} FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id AND {FILTER_SQL}"
    )
}

const LEAN: &str = "trace.id, trace.trace_id, trace.start_rest_ns, trace.duration_ns, trace.label_id, trace.flags,
    trace.http_status";

fn lean(row: &Row<'_>) -> rusqlite::Result<LeanTrace> {
    let flags: i64 = row.get(5)?;
    Ok(LeanTrace {
        trace_id: TraceId(row.get(1)?),
        start_ns: start_of_id(row.get(0)?).wrapping_add(row.get(2)?),
        duration_ns: row.get(3)?,
        label_id: row.get(4)?,
        http_status: row.get(6)?,
        status: status_from_code((flags >> 6 & 3) as u32),
        has_sentry: flags & trace_rows::HAS_SENTRY != 0,
        has_otel: flags & trace_rows::HAS_OTEL != 0,
    })
}

/// Every trace of the scope, about newest first, until the deadline; how far it came when that was too soon.
pub(super) fn for_each(
    connection: &Connection,
    scope: &TraceScope,
    deadline: Instant,
    take: &mut dyn FnMut(&LeanTrace),
) -> Result<Option<i64>, StoreError> {
    let filter = TraceFilter {
        // A row may stand a little later than its trace.
        before: first_id_at(scope.to_ns.saturating_add(SPREAD_NS)),
        requests_only: scope.requests_only,
        project_id: scope.project_id,
        service: scope.service.clone(),
        ..TraceFilter::default()
    };
    let mut take = |trace: &LeanTrace| {
        if (scope.from_ns..scope.to_ns).contains(&trace.start_ns) {
            take(trace);
        }
    };
    if scope.expr == Expr::Everything {
        return for_each_row(connection, scope, filter, deadline, &mut take);
    }
    for_each_with(connection, scope, &filter, &AskedSpans::new(scope.expr.clone()), deadline, &mut take)
}

fn for_each_row(
    connection: &Connection,
    scope: &TraceScope,
    mut filter: TraceFilter,
    deadline: Instant,
    take: &mut dyn FnMut(&LeanTrace),
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(&lean_sql())?;
    let first = first_id_at(scope.from_ns);
    let mut stretch = STRETCH_ROWS;
    loop {
        let floor = trace_rows::floor_of(connection, filter.before, stretch)?.filter(|floor| *floor > first);
        let mut rows = statement.query(named_params! {
            ":before": filter.before,
            ":least_ns": filter.duration_ns.start(),
            ":most_ns": filter.duration_ns.end(),
            ":requests_only": filter.requests_only,
            ":project_id": filter.project_id.map(|id| id.0),
            ":service": filter.service,
            ":floor": floor.unwrap_or(first),
        })?;
        while let Some(row) = rows.next()? {
            take(&lean(row)?);
        }
        let Some(floor) = floor else { return Ok(None) };
        if Instant::now() >= deadline {
            return Ok(Some(start_of_id(floor)));
        }
        filter.before = floor;
        stretch = (stretch * 2).min(STRETCH_ROWS_MAX);
    }
}

/// Chunks with spans of that time, those with the youngest traces first.
const CHUNKS_SQL: &str = "SELECT last_trace_ns, id FROM span_chunk WHERE min_ns <= :last_ns AND max_ns >= :first_ns
    ORDER BY last_trace_ns DESC, id DESC";

/// Where spans are.
pub(super) enum Place {
    Chunk(i64),
    Batch(i64),
}

/// All that may hold spans of traces of that time: first those with the youngest traces, and when these began.
pub(super) fn places(connection: &Connection, from_ns: i64, to_ns: i64) -> Result<Vec<(i64, Place)>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Place::Batch(row.get(1)?))))?;
    let mut places: Vec<(i64, Place)> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(CHUNKS_SQL)?;
    let time = named_params! { ":first_ns": from_ns, ":last_ns": to_ns.saturating_add(TRACE_SPREAD_NS) };
    let rows = statement.query_map(time, |row| Ok((row.get(0)?, Place::Chunk(row.get(1)?))))?;
    for row in rows {
        places.push(row?);
    }
    places.sort_by_key(|(last_trace_ns, _)| std::cmp::Reverse(*last_trace_ns));
    Ok(places)
}

fn for_each_with(
    connection: &Connection,
    scope: &TraceScope,
    filter: &TraceFilter,
    asked: &AskedSpans,
    deadline: Instant,
    take: &mut dyn FnMut(&LeanTrace),
) -> Result<Option<i64>, StoreError> {
    let mut roots = Roots::new(connection);
    let mut one = connection.prepare_cached(&lean_one_sql())?;
    let mut seen = HashSet::new();
    let mut look_up = |trace_id: TraceId| -> Result<(), StoreError> {
        if !seen.insert(trace_id) {
            return Ok(());
        }
        let found = one.query_row(
            named_params! {
                ":key": trace_id.key(),
                ":trace_id": &trace_id.0[..],
                ":before": filter.before,
                ":least_ns": filter.duration_ns.start(),
                ":most_ns": filter.duration_ns.end(),
                ":requests_only": filter.requests_only,
                ":project_id": filter.project_id.map(|id| id.0),
                ":service": filter.service,
            },
            lean,
        );
        if let Some(trace) = found.optional()? {
            take(&trace);
        }
        Ok(())
    };
    for (last_trace_ns, place) in places(connection, scope.from_ns, scope.to_ns)? {
        if last_trace_ns < scope.from_ns {
            break;
        }
        if Instant::now() >= deadline {
            return Ok(Some(last_trace_ns));
        }
        check_time()?;
        match place {
            Place::Batch(id) => {
                let Some(batch) = read_batch(connection, id)? else { continue };
                for span in &batch.spans {
                    if asked.takes(span, &batch.resources[span.resource], &mut roots)? {
                        look_up(span.trace_id)?;
                    }
                }
            }
            Place::Chunk(id) => {
                if !asked.may_be_in(&span_chunks::read_filter(connection, id)?)? {
                    continue;
                }
                for (trace_id, _) in span_chunks::open(connection, id)?.traces_taken(asked, &mut roots)? {
                    look_up(trace_id)?;
                }
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_duration_has_one_row() {
        let bounds = fine_bounds();
        assert_eq!((bounds.len(), bounds[0], bounds[FINE_ROWS]), (89, 1_000, 100_000_000_000_000));
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
        for (ns, row) in [(i64::MIN, 0), (0, 0), (1_000, 0), (1_333, 0), (1_334, 1), (i64::MAX, FINE_ROWS - 1)] {
            assert_eq!(row_of(&bounds, ns), row, "{ns}");
        }
    }

    proptest! {
        #[test]
        fn the_rows_shown_hold_all_that_is_there(used in prop::collection::vec(0..FINE_ROWS, 0..9)) {
            let mut column = [0_u64; FINE_ROWS];
            used.iter().for_each(|row| column[*row] += 1);
            let (first, height, rows) = rows_used(&[column]);
            prop_assert!((ROWS_MIN..=FINE_ROWS / 2).contains(&rows) && first + rows * height <= FINE_ROWS);
            let shown: u64 = column[first..first + rows * height].iter().sum();
            prop_assert_eq!(shown, used.len() as u64);
        }
    }
}
