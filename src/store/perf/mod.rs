//! Performance data: spans that have settled are counted once, behind the acknowledgement.
//!
//! Owns the place up to which batches of spans have been looked at, and what is read for it: each batch once, in order,
//! before it may be sealed, together with what is there of its traces by then. So a request knows its queries although
//! they came before it in another batch, and a span that comes again in other company is known by the batches before it.
//! What a look found is written in one transaction with its place: after a crash it is done again, and nothing is counted
//! twice. Knows nothing of what is counted ([`crate::perf`]).

mod names;
mod reads;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::body::CODEC_ZSTD;
use super::keeper::{Keeper, Progress};
use super::{StoreError, span_chunks, traces};
use crate::config::{
    FINDINGS_PER_CAUSE_HOUR, PERF_MINUTES_HOURS, PERF_ROWS_PER_BATCH, PERF_SPANS_PER_TURN, PERF_TRACE_SPANS_MAX,
    SPAN_CHUNK_BATCHES_MAX, SPAN_SETTLE_MS,
};
use crate::model::ids::{EventId, ProjectId, SpanId, TraceId};
use crate::model::span::SpanBatch;
use crate::model::time::{HOUR_MS, MINUTE_MS, hour_of};
use crate::perf::{self, CallSites, Counted, Finding, Reading, Rollup, SqlCache};

use names::Names;
pub use reads::{PerfDetail, PerfFound, PerfList, PerfQuery, PerfRow, PerfScope};
pub(super) use rows::drop_performance;

/// Batches of one trace that are read together with it. One with more goes on for long, and is counted as it comes.
const TRACE_BATCHES_MAX: usize = 64;
/// Of one turn.
const TURN: Duration = Duration::from_millis(200);

/// What is remembered from turn to turn.
#[derive(Default)]
pub(super) struct Looking {
    looked_to: Option<i64>,
    statements: SqlCache,
    /// Traces told of each cause in the hour.
    told: HashMap<u64, (i64, u32)>,
    names: Option<Names>,
}

/// Looks at what has settled, for a bounded time; the batch up to which everything is counted, and may be sealed.
pub(super) fn look(keeper: &mut Keeper) -> Result<i64, StoreError> {
    let started = Instant::now();
    let mut looked_to = look_once(keeper)?;
    while started.elapsed() < TURN && !keeper.is_stopping() {
        let before = looked_to;
        looked_to = look_once(keeper)?;
        if looked_to == before {
            break;
        }
    }
    Ok(looked_to)
}

fn look_once(keeper: &mut Keeper) -> Result<i64, StoreError> {
    let looked_to = match keeper.looking.looked_to {
        Some(looked_to) => looked_to,
        None => read_place(&keeper.reader)?,
    };
    keeper.looking.looked_to = Some(looked_to);
    let seal_after_ms = keeper.settings.seal_after_s.saturating_mul(1_000);
    let settle_ms = SPAN_SETTLE_MS.min(seal_after_ms) as i64;
    let settled = read_settled(&keeper.reader, looked_to, keeper.now_ms(), settle_ms)?;
    let Some((last, _)) = settled.last().copied() else { return Ok(looked_to) };
    let looked = look_at(keeper, &settled, looked_to)?;
    keeper.write(move |tx, _| {
        looked.write(tx)?;
        write_place(tx, last)
    })?;
    keeper.looking.looked_to = Some(last);
    Ok(last)
}

/// Drops minutes that are told by the hour alone from here on.
pub(super) fn forget_minutes(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let before = keeper.now_ms() / MINUTE_MS - PERF_MINUTES_HOURS * 60;
    let dropped = keeper.write(move |tx, _| rows::drop_minutes(tx, before, 500))?;
    Ok(if dropped > 0 { Progress::More } else { Progress::Idle })
}

/// Batches that are here already and will not be counted: whoever brought them brought their counts, too.
pub(super) fn pass_over(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'span_batch'), 0)";
    let last: i64 = tx.query_row(sql, [], |row| row.get(0))?;
    write_place(tx, last)
}

/// It has become an event.
pub(super) fn forget_finding(tx: &Transaction<'_>, event_id: EventId) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM perf_finding WHERE event_id = :event_id")?;
    statement.execute(named_params! { ":event_id": &event_id.0[..] })?;
    Ok(())
}

fn read_place(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT batch_id FROM perf_place WHERE id = 1")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn write_place(tx: &Transaction<'_>, batch_id: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("UPDATE perf_place SET batch_id = :batch_id WHERE id = 1")?;
    statement.execute(named_params! { ":batch_id": batch_id })?;
    Ok(())
}

/// The next batches, as long as they have waited for the rest of their traces; id, and whether it can be read.
fn read_settled(
    connection: &Connection,
    looked_to: i64,
    now_ms: i64,
    settle_ms: i64,
) -> Result<Vec<(i64, bool)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, received_ms, span_count, body_codec FROM span_batch WHERE id > :looked_to ORDER BY id LIMIT :limit",
    )?;
    let bounds = named_params! { ":looked_to": looked_to, ":limit": SPAN_CHUNK_BATCHES_MAX as i64 };
    let mut rows = statement.query(bounds)?;
    let mut settled = Vec::new();
    let mut spans = 0;
    while let Some(row) = rows.next()? {
        let waited_ms = now_ms.saturating_sub(row.get(1)?);
        // A clock that was set back is not waited for.
        let is_settled = waited_ms >= settle_ms || waited_ms < -MINUTE_MS;
        if !is_settled || spans >= PERF_SPANS_PER_TURN {
            break;
        }
        spans += row.get::<_, i64>(2)?.max(0) as u64;
        settled.push((row.get(0)?, row.get::<_, i64>(3)? == CODEC_ZSTD));
    }
    Ok(settled)
}

/// What a look has to write.
#[derive(Default)]
struct Looked {
    minutes: HashMap<ProjectId, Rollup>,
    hours: HashMap<ProjectId, Rollup>,
    findings: Vec<(ProjectId, Finding)>,
}

impl Looked {
    fn write(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        rows::add(tx, rows::MINUTE, &self.minutes)?;
        rows::add(tx, rows::HOUR, &self.hours)?;
        for (project_id, finding) in &self.findings {
            let event_id = finding.event_id();
            let body = serde_json::to_string(finding).map_err(|error| StoreError::BadBody(error.to_string()))?;
            let mut statement = tx.prepare_cached(
                "INSERT INTO perf_finding (event_id, project_id, body) VALUES (:event_id, :project_id, :body)
                 ON CONFLICT (event_id) DO NOTHING",
            )?;
            statement.execute(named_params! {
                ":event_id": &event_id.0[..], ":project_id": project_id.0, ":body": body,
            })?;
        }
        Ok(())
    }
}

/// Reads the batches and counts what is in them.
fn look_at(keeper: &mut Keeper, settled: &[(i64, bool)], looked_to: i64) -> Result<Looked, StoreError> {
    let mut batches: Vec<SpanBatch> = Vec::new();
    for (id, is_readable) in settled {
        match traces::read_batch(&keeper.reader, *id) {
            Ok(batch) => batches.extend(batch.filter(|_| *is_readable)),
            // The sealer says so, and sets it aside.
            Err(StoreError::BadBody(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let mut by_trace: BTreeMap<TraceId, Vec<(usize, usize)>> = BTreeMap::new();
    for (batch, spans) in batches.iter().enumerate() {
        for (place, span) in spans.spans.iter().enumerate() {
            by_trace.entry(span.trace_id).or_default().push((batch, place));
        }
    }
    let (now_ms, limits) = (keeper.now_ms(), keeper.settings.performance.clone());
    let ids: HashSet<i64> = settled.iter().map(|(id, _)| *id).collect();
    let mut around = Around { looked_to, ids, read: HashMap::new() };
    let mut looked = Looked::default();
    for (trace_id, places) in by_trace {
        let Some(project_id) = read_project(&keeper.reader, trace_id)? else { continue };
        let mut whole = WholeTrace::default();
        for (batch, place) in places {
            whole.add(&batches[batch], place, Standing::New);
        }
        around.add_to(&keeper.reader, trace_id, &mut whole)?;
        let statements = &mut keeper.looking.statements;
        // Of a request that both protocols tell of, the one that was counted first counts.
        let trace = Reading::ranked(&whole.batch, statements, &|place| whole.standing[place] as u8);
        perf::roll_up(
            &trace,
            |place| whole.standing[place] == Standing::New,
            looked.minutes.entry(project_id).or_default(),
        );
        // What is found is the same whoever came first.
        let found = match trace.has_twins() {
            true => perf::find(&Reading::of(&whole.batch, statements), &limits),
            false => perf::find(&trace, &limits),
        };
        for finding in found {
            if !is_told(&keeper.reader, project_id, &finding)? && keeper.looking.may_tell(&finding) {
                looked.findings.push((project_id, finding));
            }
        }
    }
    if keeper.looking.names.as_ref().is_none_or(|names| names.read_hour != hour_of(now_ms)) {
        keeper.looking.names = Some(Names::read(&keeper.reader, hour_of(now_ms))?);
    }
    looked.settle(now_ms, keeper.looking.names.get_or_insert_default());
    Ok(looked)
}

impl Looking {
    fn may_tell(&mut self, finding: &Finding) -> bool {
        let hour = hour_of(finding.timestamp_ms);
        if self.told.len() > 10_000 {
            self.told.clear();
        }
        let told = self.told.entry(finding.cause_key()).or_insert((hour, 0));
        if told.0 != hour {
            *told = (hour, 0);
        }
        told.1 += 1;
        told.1 <= FINDINGS_PER_CAUSE_HOUR
    }
}

impl Looked {
    /// Sums hours, and keeps what clocks and senders say within bounds.
    fn settle(&mut self, now_ms: i64, names: &mut Names) {
        let now = now_ms / MINUTE_MS;
        let oldest_minute = now - PERF_MINUTES_HOURS * 60;
        let mut rows = 0_usize;
        for (project_id, minutes) in &mut self.minutes {
            let hours = self.hours.entry(*project_id).or_default();
            let mut kept = Rollup::with_capacity(minutes.len());
            for ((minute, key), mut counted) in minutes.drain() {
                // What claims to be from the future is from now.
                let minute = if minute > now + 60 { now } else { minute };
                rows += 1;
                let key = match rows.div_ceil(PERF_ROWS_PER_BATCH) {
                    ..=1 => names.settle(*project_id, key),
                    2 => names::others(key),
                    _ => names::nothing_but_kind(key),
                };
                counted.call_sites.not_after(minute);
                if key.name == names::OTHERS {
                    // They say where one of many was asked.
                    counted.call_sites = CallSites::default();
                }
                merge(hours, (minute.div_euclid(60), key.clone()), &counted);
                if minute >= oldest_minute {
                    merge(&mut kept, (minute, key), &counted);
                }
            }
            *minutes = kept;
        }
    }
}

fn merge(into: &mut Rollup, key: (i64, perf::RollupKey), counted: &Counted) {
    into.entry(key).or_default().merge(counted);
}

/// Where a span comes from, as seen from the batches being looked at; what is counted first comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// From one before: counted.
    Old,
    /// From these.
    New,
    /// From one behind: counted later.
    Later,
}

/// All that is there of one trace.
#[derive(Default)]
struct WholeTrace {
    batch: SpanBatch,
    standing: Vec<Standing>,
    places: HashMap<SpanId, usize>,
}

impl WholeTrace {
    fn add(&mut self, from: &SpanBatch, place: usize, standing: Standing) {
        let span = &from.spans[place];
        let known = self.places.get(&span.span_id).copied();
        if let Some(known) = known {
            // It came before, too.
            self.standing[known] = self.standing[known].min(standing);
        }
        let is_known = known.is_some_and(|known| self.batch.spans[known].source == span.source);
        if is_known || known.is_none() && self.standing.len() >= PERF_TRACE_SPANS_MAX {
            return;
        }
        let mut span = span.clone();
        let resource = from.resources.get(span.resource).cloned().unwrap_or_default();
        span.resource = resource.place_in(&mut self.batch.resources);
        if let Some(known) = known {
            // By both protocols of one process.
            self.batch.spans[known].merge_duplicate(span);
            return;
        }
        self.places.insert(span.span_id, self.standing.len());
        self.batch.spans.push(span);
        self.standing.push(standing);
    }
}

/// The batches besides these that hold spans of the same traces.
struct Around {
    looked_to: i64,
    ids: HashSet<i64>,
    read: HashMap<i64, Rc<SpanBatch>>,
}

impl Around {
    fn add_to(&mut self, connection: &Connection, trace_id: TraceId, whole: &mut WholeTrace) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(traces::PARTS_SQL)?;
        let ids = statement.query_map(named_params! { ":key": trace_id.key() }, |row| row.get(0))?;
        let others: Vec<i64> = ids.collect::<Result<Vec<i64>, _>>()?;
        let others: Vec<i64> = others.into_iter().filter(|id| !self.ids.contains(id)).collect();
        if others.len() > TRACE_BATCHES_MAX {
            return Ok(());
        }
        let mut read_to = i64::MIN;
        for id in others {
            if id <= read_to {
                continue;
            }
            let standing = if id <= self.looked_to { Standing::Old } else { Standing::Later };
            let batch = match span_chunks::covering(connection, id)? {
                Some(chunk) => {
                    read_to = chunk.last_batch_id;
                    Rc::new(span_chunks::open(connection, chunk.id)?.trace(trace_id)?)
                }
                None => self.read_batch(connection, id)?,
            };
            let of_trace = (0..batch.spans.len()).filter(|place| batch.spans[*place].trace_id == trace_id);
            of_trace.for_each(|place| whole.add(&batch, place, standing));
        }
        Ok(())
    }

    fn read_batch(&mut self, connection: &Connection, id: i64) -> Result<Rc<SpanBatch>, StoreError> {
        if let Some(known) = self.read.get(&id) {
            return Ok(known.clone());
        }
        let batch = match traces::read_batch(connection, id) {
            Err(StoreError::BadBody(_)) => None,
            batch => batch?,
        };
        if self.read.len() >= TRACE_BATCHES_MAX {
            self.read.clear();
        }
        let batch = Rc::new(batch.unwrap_or_default());
        self.read.insert(id, batch.clone());
        Ok(batch)
    }
}

/// Where a trace is at home.
pub(super) const PROJECT_SQL: &str = "SELECT trace.project_id
    FROM trace_part CROSS JOIN trace ON trace.id = trace_part.trace_row
    WHERE trace_part.trace_key = :key AND trace.trace_id = :trace_id";

fn read_project(connection: &Connection, trace_id: TraceId) -> Result<Option<ProjectId>, StoreError> {
    let mut statement = connection.prepare_cached(PROJECT_SQL)?;
    let of_trace = named_params! { ":key": trace_id.key(), ":trace_id": &trace_id.0[..] };
    Ok(statement.query_row(of_trace, |row| row.get(0)).optional()?.map(ProjectId))
}

/// Whether the trace has been told of already.
fn is_told(connection: &Connection, project_id: ProjectId, finding: &Finding) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM event WHERE event_id = :event_id AND project_id = :project_id)",
    )?;
    let event_id = finding.event_id();
    Ok(statement
        .query_row(named_params! { ":event_id": &event_id.0[..], ":project_id": project_id.0 }, |row| row.get(0))?)
}

/// For those who have hours and want minutes.
pub(super) fn hour_minutes(hour: i64) -> i64 {
    hour.saturating_mul(HOUR_MS / MINUTE_MS)
}
