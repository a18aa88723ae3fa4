//! What is kept of every trace besides its spans: a small row, and which batches hold its parts.
//!
//! Owns the tables `trace`, `trace_label` and `trace_part`: how a summary is packed into a row, how a row is found by the
//! key of its trace, and what happens to both when parts come and go. Knows nothing of bodies and chunks.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::StoreError;
use super::staged::{kind_from_code, kind_to_code, source_from_code, source_to_code, status_from_code, status_to_code};
use super::write::TracePart;
use crate::config::TRACE_SERVICES_MAX;
use crate::model::ids::{ProjectId, TraceId};
use crate::model::trace::{RootRank, TraceRoot, TraceSummary};

/// Ids of rows are microseconds times this, plus something that tells traces of one microsecond apart.
const PER_US: i64 = 1_024;
/// The latest a row can stand in the list, in microseconds: the year 2255.
const START_US_MAX: i64 = 9_007_199_254_740_000;
const DAY_NS: i64 = 86_400_000_000_000;
/// How much later than its trace a row may stand: see [`insert_row`].
const SPREAD_STEPS_MAX: u64 = 20;
pub(super) const SPREAD_NS: i64 = (1 << SPREAD_STEPS_MAX) * 1_000;

pub(super) const HAS_SENTRY: i64 = 1 << 8;
pub(super) const HAS_OTEL: i64 = 1 << 9;
/// Also in [`FILTER_SQL`].
const IS_REQUEST: i64 = 1 << 10;

/// A trace as it stands in its row.
pub(super) struct StoredTrace {
    /// Rises with the start.
    pub(super) id: i64,
    pub(super) summary: TraceSummary,
}

/// The id of the first row that a trace starting then can have.
pub(super) fn first_id_at(start_ns: i64) -> i64 {
    start_ns.div_euclid(1_000).clamp(0, START_US_MAX) * PER_US
}

/// About when the trace of a row started, in nanoseconds: at most a microsecond earlier, at most [`SPREAD_NS`] later.
pub(super) fn start_of_id(id: i64) -> i64 {
    (id / PER_US).saturating_mul(1_000)
}

/// Adds a part of a trace, unless it is known. Whether it was new.
pub(super) fn add_part(tx: &Transaction<'_>, part: &TracePart, batch_id: i64) -> Result<bool, StoreError> {
    let trace_key = part.summary.trace_id.key();
    let head = read_head(tx, trace_key)?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO trace_part (trace_key, spans_key, batch_id) VALUES (:trace_key, :spans_key, :batch_id)
         ON CONFLICT (trace_key, spans_key) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":trace_key": trace_key,
        ":spans_key": part.spans_key,
        ":batch_id": batch_id,
    })?;
    if inserted == 0 {
        return Ok(false);
    }
    let known = match head {
        Some((_, row)) => read_by_row(tx, row)?.filter(|known| known.summary.trace_id == part.summary.trace_id),
        None => None,
    };
    let row = match known {
        Some(known) => {
            let mut merged = known.summary.clone();
            let mut added = part.summary.clone();
            let is_of_both = added.has_otel && known.summary.has_sentry || added.has_sentry && known.summary.has_otel;
            if is_of_both && has_part(tx, trace_key, part.spans_key ^ 1)? {
                // The same spans by the other protocol: they are shown once, so they count once.
                (added.span_count, added.failed_span_count, added.db_span_count) = (0, 0, 0);
            }
            merged.merge(added, TRACE_SERVICES_MAX);
            update_row(tx, &known, &merged)?
        }
        None => insert_row(tx, &part.summary)?,
    };
    match head {
        Some((spans_key, known)) if spans_key < part.spans_key => {
            if known != row {
                point(tx, trace_key, spans_key, Some(row))?;
            }
        }
        head => {
            if let Some((spans_key, _)) = head {
                point(tx, trace_key, spans_key, None)?;
            }
            point(tx, trace_key, part.spans_key, Some(row))?;
        }
    }
    Ok(true)
}

/// Forgets the parts of a trace that are in these batches, and the trace when there are no others.
pub(super) fn forget_parts(
    tx: &Transaction<'_>,
    trace_id: TraceId,
    first_batch_id: i64,
    last_batch_id: i64,
) -> Result<(), StoreError> {
    let trace_key = trace_id.key();
    let Some((_, row)) = read_head(tx, trace_key)? else { return Ok(()) };
    let mut statement =
        tx.prepare_cached("DELETE FROM trace_part WHERE trace_key = :key AND batch_id BETWEEN :first AND :last")?;
    statement.execute(named_params! { ":key": trace_key, ":first": first_batch_id, ":last": last_batch_id })?;
    let sql = "SELECT spans_key, trace_row FROM trace_part WHERE trace_key = :key ORDER BY spans_key LIMIT 1";
    let mut statement = tx.prepare_cached(sql)?;
    let left: Option<(i64, Option<i64>)> =
        statement.query_row(named_params! { ":key": trace_key }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match left {
        Some((_, Some(_))) => Ok(()),
        Some((spans_key, None)) => point(tx, trace_key, spans_key, Some(row)),
        None => delete_row(tx, row),
    }
}

/// Forgets some of the labels that no trace can have any more.
pub(super) fn forget_labels(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM trace_label WHERE id IN (
             SELECT id FROM trace_label
             WHERE last_day < (SELECT min(id) FROM trace) / :ids_per_day - 1
             ORDER BY last_day LIMIT 500)",
    )?;
    statement.execute(named_params! { ":ids_per_day": DAY_NS / 1_000 * PER_US })?;
    Ok(())
}

/// The part that knows the row of its trace: the one with the smallest key.
fn read_head(connection: &Connection, trace_key: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let sql = "SELECT spans_key, trace_row FROM trace_part WHERE trace_key = :key ORDER BY spans_key LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let head: Option<(i64, Option<i64>)> =
        statement.query_row(named_params! { ":key": trace_key }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(head.and_then(|(spans_key, row)| Some((spans_key, row?))))
}

fn has_part(connection: &Connection, trace_key: i64, spans_key: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :trace_key AND spans_key = :spans_key)";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":trace_key": trace_key, ":spans_key": spans_key }, |row| row.get(0))?)
}

fn point(tx: &Transaction<'_>, trace_key: i64, spans_key: i64, row: Option<i64>) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE trace_part SET trace_row = :row WHERE trace_key = :trace_key AND spans_key = :spans_key",
    )?;
    statement.execute(named_params! { ":row": row, ":trace_key": trace_key, ":spans_key": spans_key })?;
    Ok(())
}

/// Writes what was learned of a trace; its row now, which is another one when the trace began earlier than was known.
fn update_row(tx: &Transaction<'_>, known: &StoredTrace, merged: &TraceSummary) -> Result<i64, StoreError> {
    if merged.start_ns < known.summary.start_ns {
        delete_row(tx, known.id)?;
        return insert_row(tx, merged);
    }
    let label_id = label_of(tx, merged)?;
    let mut statement = tx.prepare_cached(
        "UPDATE trace SET project_id = :project_id, label_id = :label_id, start_rest_ns = :start_rest_ns,
             duration_ns = :duration_ns, flags = :flags, http_status = :http_status, root_tie = :root_tie,
             root_offset_ns = :root_offset_ns, root_rest_ns = :root_rest_ns, span_count = :span_count,
             failed_span_count = :failed_span_count, db_span_count = :db_span_count
         WHERE id = :id AND :trace_id IS NOT NULL",
    )?;
    write_row(&mut statement, known.id, label_id, merged)?;
    Ok(known.id)
}

fn insert_row(tx: &Transaction<'_>, trace: &TraceSummary) -> Result<i64, StoreError> {
    let label_id = label_of(tx, trace)?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO trace (id, trace_id, project_id, label_id, start_rest_ns, duration_ns, flags, http_status, root_tie,
             root_offset_ns, root_rest_ns, span_count, failed_span_count, db_span_count)
         VALUES (:id, :trace_id, :project_id, :label_id, :start_rest_ns, :duration_ns, :flags, :http_status, :root_tie,
             :root_offset_ns, :root_rest_ns, :span_count, :failed_span_count, :db_span_count)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let first = first_id_at(trace.start_ns);
    // Many traces of one microsecond (clocks of milliseconds, made-up times) spread over the ones that follow.
    for attempt in 0..48_u64 {
        let spread = (PER_US as u64) << (attempt / 2).min(SPREAD_STEPS_MAX);
        let id = first + (xxh3_64_with_seed(&trace.trace_id.0, attempt) % spread) as i64;
        if write_row(&mut statement, id, label_id, trace)? > 0 {
            return Ok(id);
        }
    }
    Err(StoreError::NotStored("there are more traces of this time than can be told apart".to_string()))
}

fn write_row(
    statement: &mut rusqlite::Statement<'_>,
    id: i64,
    label_id: i64,
    trace: &TraceSummary,
) -> Result<usize, StoreError> {
    let root = &trace.root;
    let flags = root.rank as i64
        | i64::from(kind_to_code(root.kind)) << 2
        | i64::from(source_to_code(root.source)) << 5
        | i64::from(status_to_code(root.status)) << 6
        | if trace.has_sentry { HAS_SENTRY } else { 0 }
        | if trace.has_otel { HAS_OTEL } else { 0 }
        | if trace.is_request { IS_REQUEST } else { 0 };
    let root_offset_ns = root.start_ns.wrapping_sub(trace.start_ns);
    let duration_ns = trace.end_ns.wrapping_sub(trace.start_ns);
    Ok(statement.execute(named_params! {
        ":id": id,
        ":trace_id": &trace.trace_id.0[..],
        ":project_id": trace.project_id.0,
        ":label_id": label_id,
        ":start_rest_ns": trace.start_ns.wrapping_sub(start_of_id(id)),
        ":duration_ns": duration_ns,
        ":flags": flags,
        ":http_status": root.http_status,
        ":root_tie": root.tie,
        ":root_offset_ns": root_offset_ns,
        ":root_rest_ns": duration_ns.wrapping_sub(root_offset_ns).wrapping_sub(root.duration_ns),
        ":span_count": trace.span_count as i64,
        ":failed_span_count": trace.failed_span_count as i64,
        ":db_span_count": trace.db_span_count as i64,
    })?)
}

fn delete_row(tx: &Transaction<'_>, row: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM trace WHERE id = :id")?.execute(named_params! { ":id": row })?;
    Ok(())
}

/// The label of what a trace is called, made when there is none.
fn label_of(tx: &Transaction<'_>, trace: &TraceSummary) -> Result<i64, StoreError> {
    let services = trace.services.join("\n");
    let root = &trace.root;
    // With their lengths, so that no text can pass for the end of one and the beginning of the next.
    let lengths = (root.name.len(), root.op.len(), root.service.len());
    let texts = format!("{lengths:?}{}{}{}{services}", root.name, root.op, root.service);
    let key = (xxh3_64(texts.as_bytes()) >> 1) as i64;
    let day = start_of_id(first_id_at(trace.start_ns)) / DAY_NS;
    let mut statement = tx.prepare_cached("SELECT id, last_day FROM trace_label WHERE key = :key")?;
    let known: Option<(i64, i64)> =
        statement.query_row(named_params! { ":key": key }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match known {
        Some((id, last_day)) => {
            if last_day < day {
                let sql = "UPDATE trace_label SET last_day = :day WHERE id = :id";
                tx.prepare_cached(sql)?.execute(named_params! { ":day": day, ":id": id })?;
            }
            Ok(id)
        }
        None => {
            let mut statement = tx.prepare_cached(
                "INSERT INTO trace_label (key, name, op, service, services, last_day)
                 VALUES (:key, :name, :op, :service, :services, :day)",
            )?;
            Ok(statement.insert(named_params! {
                ":key": key,
                ":name": root.name,
                ":op": root.op,
                ":service": root.service,
                ":services": services,
                ":day": day,
            })?)
        }
    }
}

/// Of `trace` and `trace_label`.
const COLUMNS: &str = "trace.id, trace.trace_id, trace.project_id, trace_label.name, trace_label.op,
    trace_label.service, trace_label.services, trace.start_rest_ns, trace.duration_ns, trace.flags, trace.http_status,
    trace.root_tie, trace.root_offset_ns, trace.root_rest_ns, trace.span_count, trace.failed_span_count,
    trace.db_span_count";

/// What a list can be narrowed by.
pub(super) const FILTER_SQL: &str = "trace.id < :before
    AND trace.duration_ns BETWEEN :least_ns AND :most_ns
    AND (:requests_only = 0 OR trace.flags & 1024 <> 0)
    AND (:project_id IS NULL OR trace.project_id = :project_id)
    AND (:service IS NULL
         OR trace.label_id IN (SELECT id FROM trace_label
                               WHERE instr(char(10) || services || char(10), char(10) || :service || char(10))))";

/// Which traces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TraceFilter {
    /// Rows before this one, and not before that.
    pub(super) before: i64,
    pub(super) from: i64,
    pub(super) duration_ns: RangeInclusive<i64>,
    pub(super) requests_only: bool,
    pub(super) project_id: Option<ProjectId>,
    pub(super) service: Option<String>,
}

impl Default for TraceFilter {
    fn default() -> Self {
        Self {
            before: i64::MAX,
            from: i64::MIN,
            duration_ns: i64::MIN..=i64::MAX,
            requests_only: false,
            project_id: None,
            service: None,
        }
    }
}

/// A page of the list: the rows themselves are in its order.
pub(super) fn list_sql() -> String {
    format!(
        "SELECT {COLUMNS}, (SELECT count(*) FROM event WHERE event.trace_id = trace.trace_id)
         FROM trace CROSS JOIN trace_label ON trace_label.id = trace.label_id
         WHERE {FILTER_SQL} AND trace.id >= :floor ORDER BY trace.id DESC LIMIT :limit"
    )
}

/// A trace, when it is one of those that are listed.
pub(super) fn one_sql() -> String {
    format!(
        "SELECT {COLUMNS}, (SELECT count(*) FROM event WHERE event.trace_id = trace.trace_id)
         FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
             CROSS JOIN trace_label ON trace_label.id = trace.label_id
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id AND {FILTER_SQL}"
    )
}

/// Traces of the same filter that `requests_only` leaves out, as far as a page of the list reaches.
pub(super) fn hidden_sql() -> String {
    format!("SELECT count(*) FROM trace WHERE {FILTER_SQL} AND trace.id >= :from AND trace.flags & 1024 = 0")
}

pub(super) fn count_hidden(connection: &Connection, filter: &TraceFilter, from: i64) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(&hidden_sql())?;
    let count: i64 = statement.query_row(
        named_params! {
            ":before": filter.before,
            ":least_ns": filter.duration_ns.start(),
            ":most_ns": filter.duration_ns.end(),
            ":requests_only": false,
            ":project_id": filter.project_id.map(|id| id.0),
            ":service": filter.service,
            ":from": from,
        },
        |row| row.get(0),
    )?;
    Ok(count.unsigned_abs())
}

/// The first of the rows that are looked at together, as many as that; `None` when they are the last.
pub(super) fn floor_of(connection: &Connection, before: i64, rows: usize) -> Result<Option<i64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM trace WHERE id < :before ORDER BY id DESC LIMIT 1 OFFSET :rows")?;
    let bounds = named_params! { ":before": before, ":rows": rows as i64 };
    Ok(statement.query_row(bounds, |row| row.get(0)).optional()?)
}

/// Of the rows from `floor` on.
pub(super) fn list(
    connection: &Connection,
    filter: &TraceFilter,
    floor: i64,
    limit: usize,
) -> Result<Vec<StoredTrace>, StoreError> {
    let mut statement = connection.prepare_cached(&list_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":before": filter.before,
            ":least_ns": filter.duration_ns.start(),
            ":most_ns": filter.duration_ns.end(),
            ":requests_only": filter.requests_only,
            ":project_id": filter.project_id.map(|id| id.0),
            ":service": filter.service,
            ":floor": floor,
            ":limit": limit as i64,
        },
        stored_trace,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn find(
    connection: &Connection,
    trace_id: TraceId,
    filter: &TraceFilter,
) -> Result<Option<StoredTrace>, StoreError> {
    let mut statement = connection.prepare_cached(&one_sql())?;
    let found = statement.query_row(
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
        stored_trace,
    );
    Ok(found.optional()?.filter(|trace| trace.id >= filter.from))
}

/// The project a trace is listed under.
pub(super) fn project_of(connection: &Connection, trace_id: TraceId) -> Result<Option<ProjectId>, StoreError> {
    let sql = "SELECT trace.project_id FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(named_params! { ":key": trace_id.key(), ":trace_id": &trace_id.0[..] }, |row| {
        row.get(0).map(ProjectId)
    });
    Ok(found.optional()?)
}

/// When a trace started.
pub(super) fn start_of(connection: &Connection, trace_id: TraceId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT trace.id, trace.start_rest_ns FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(named_params! { ":key": trace_id.key(), ":trace_id": &trace_id.0[..] }, |row| {
        Ok(start_of_id(row.get(0)?).wrapping_add(row.get(1)?))
    });
    Ok(found.optional()?)
}

/// How many spans were counted of a trace; some may have been counted twice.
pub(super) fn size_of(connection: &Connection, trace_id: TraceId) -> Result<u64, StoreError> {
    let sql = "SELECT trace.span_count FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id";
    let mut statement = connection.prepare_cached(sql)?;
    let found: Option<i64> = statement
        .query_row(named_params! { ":key": trace_id.key(), ":trace_id": &trace_id.0[..] }, |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0).max(0) as u64)
}

/// Name and operation of the root of a trace.
pub(super) fn root_of(connection: &Connection, trace_id: TraceId) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT trace_label.name, trace_label.op
         FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
             CROSS JOIN trace_label ON trace_label.id = trace.label_id
         WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id";
    let mut statement = connection.prepare_cached(sql)?;
    let root = named_params! { ":key": trace_id.key(), ":trace_id": &trace_id.0[..] };
    Ok(statement.query_row(root, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Whether there is any part of a trace. Two traces in 2^63 share a key.
pub(super) fn has(connection: &Connection, trace_id: TraceId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :key)";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":key": trace_id.key() }, |row| row.get(0))?)
}

fn read_by_row(connection: &Connection, row: i64) -> Result<Option<StoredTrace>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, 0 FROM trace CROSS JOIN trace_label ON trace_label.id = trace.label_id WHERE trace.id = :id"
    ))?;
    Ok(statement.query_row(named_params! { ":id": row }, stored_trace).optional()?)
}

fn stored_trace(row: &Row<'_>) -> rusqlite::Result<StoredTrace> {
    let id: i64 = row.get(0)?;
    let start_ns = start_of_id(id).wrapping_add(row.get(7)?);
    let duration_ns: i64 = row.get(8)?;
    let flags: i64 = row.get(9)?;
    let bits = |shift: u32, mask: i64| (flags >> shift & mask) as u32;
    let root_offset_ns: i64 = row.get(12)?;
    let root_rest_ns: i64 = row.get(13)?;
    let services: String = row.get(6)?;
    let count = |column: usize| row.get::<_, i64>(column).map(|count| count.max(0) as u64);
    let summary = TraceSummary {
        trace_id: TraceId(row.get(1)?),
        project_id: ProjectId(row.get(2)?),
        start_ns,
        end_ns: start_ns.wrapping_add(duration_ns),
        root: TraceRoot {
            rank: match bits(0, 3) {
                0 => RootRank::Root,
                1 => RootRank::Entry,
                _ => RootRank::Inner,
            },
            tie: row.get(11)?,
            name: row.get(3)?,
            op: row.get(4)?,
            service: row.get(5)?,
            kind: kind_from_code(bits(2, 7)),
            source: source_from_code(bits(5, 1)),
            status: status_from_code(bits(6, 3)),
            http_status: row.get(10)?,
            start_ns: start_ns.wrapping_add(root_offset_ns),
            duration_ns: duration_ns.wrapping_sub(root_offset_ns).wrapping_sub(root_rest_ns),
        },
        span_count: count(14)?,
        failed_span_count: count(15)?,
        db_span_count: count(16)?,
        has_sentry: flags & HAS_SENTRY != 0,
        has_otel: flags & HAS_OTEL != 0,
        is_request: flags & IS_REQUEST != 0,
        services: services.split('\n').filter(|name| !name.is_empty()).map(str::to_string).collect(),
        error_count: count(17)?,
    };
    Ok(StoredTrace { id, summary })
}
