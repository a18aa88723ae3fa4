//! Log records: bodies by request, what a list needs to pass a batch by, an index by trace, and counts by minute.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Row, Rows, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::log_asked::AskedLogs;
use super::log_chunks::{Chunk, each_of_trace, find_log};
use super::readers::check_time;
use super::staged_signals::decode_logs;
use super::write::LogsWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::{LOG_BATCH_SPAN_NS, LOG_CHUNK_SPAN_NS, LOG_SCAN_MS, LOG_SCAN_RECORDS_MAX};
use crate::model::ids::{ProjectId, TraceId};
use crate::model::log::{LogBatch, LogId, LogLevel, LogRecord};
use crate::model::outcome::Reason;
use crate::model::span::Resource;
use crate::search::Expr;

/// Which records, newest first, from where.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    pub filter: LogFilter,
    /// What they must meet besides.
    pub expr: Expr,
    /// Only records before this one.
    pub before: Option<LogPosition>,
    pub limit: usize,
    /// With attributes and whatever else only a single record shows; a list does without.
    pub with_details: bool,
}

/// What batches and counts by minute can be chosen by.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter {
    pub project_id: Option<ProjectId>,
    /// This level and those above it.
    pub level: LogLevel,
    pub service: Option<String>,
    pub environment: Option<String>,
    /// Unix nanoseconds, both ends included.
    pub from_ns: i64,
    pub to_ns: i64,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self {
            project_id: None,
            level: LogLevel::Unknown,
            service: None,
            environment: None,
            from_ns: 0,
            to_ns: i64::MAX,
        }
    }
}

/// A place in the list of all records. Later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub time_ns: i64,
    pub id: LogId,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    pub logs: Vec<LogRow>,
    /// Where the next page begins; `None` at the end.
    pub next_before: Option<LogPosition>,
    /// The search was given up here, without having filled the page.
    pub searched_to_ns: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    pub id: LogId,
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub record: LogRecord,
    pub resource: Resource,
}

/// Records by stretch of time and level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogVolume {
    /// Index of the stretch, level, number of records.
    pub counts: Vec<(usize, LogLevel, u64)>,
    /// All there are in the time, whatever is chosen of them.
    pub services: Vec<String>,
    pub environments: Vec<String>,
}

/// Inserts the records of one request, unless they are there already.
pub(super) fn insert_logs(tx: &Transaction<'_>, logs: &LogsWrite, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let batch_id = batch.ids.next(batch.now_ms);
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_batch (id, project_id, content_key, received_ms, min_ns, max_ns, record_count, levels,
             services, environments, body_codec, body)
         SELECT :id, :project_id, :content_key, :received_ms, :min_ns, :max_ns, :record_count, :levels, :services,
             :environments, :body_codec, :body
         WHERE NOT EXISTS (SELECT 1 FROM log_delivery WHERE content_key = :content_key)
         ON CONFLICT (content_key) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": batch_id,
        ":project_id": logs.project_id.0,
        ":content_key": logs.content_key,
        ":received_ms": logs.received_ms,
        ":min_ns": logs.min_ns,
        ":max_ns": logs.max_ns,
        ":record_count": logs.record_count as i64,
        ":levels": logs.levels,
        ":services": logs.services.join("\n"),
        ":environments": logs.environments.join("\n"),
        ":body_codec": CODEC_ZSTD,
        ":body": logs.body.bytes,
    })?;
    let reason = if inserted == 0 { Reason::Duplicate } else { Reason::Accepted };
    batch.outcomes.add(logs.project_id, logs.received_ms, "log", reason.as_str(), logs.record_count);
    if inserted == 0 {
        return Ok(());
    }
    batch.logs += logs.record_count;
    if !logs.traces.is_empty() {
        let mut statement =
            tx.prepare_cached("INSERT INTO log_batch_trace (batch_id, traces) VALUES (:batch_id, :traces)")?;
        statement.execute(named_params! { ":batch_id": batch_id, ":traces": encode_traces(&logs.traces) })?;
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_minute (minute, project_id, service, environment, level, record_count)
         VALUES (:minute, :project_id, :service, :environment, :level, :record_count)
         ON CONFLICT (minute, project_id, service, environment, level)
             DO UPDATE SET record_count = record_count + :record_count",
    )?;
    for minute in &logs.minutes {
        statement.execute(named_params! {
            ":minute": minute.minute,
            ":project_id": logs.project_id.0,
            ":service": minute.service,
            ":environment": minute.environment,
            ":level": minute.level as i64,
            ":record_count": minute.count as i64,
        })?;
    }
    Ok(())
}

/// Bytes of a trace of a batch: its key, and how many records name it.
const TRACE_ENTRY_BYTES: usize = 12;

fn encode_traces(traces: &[(i64, u64)]) -> Vec<u8> {
    let entry = |(key, count): &(i64, u64)| {
        let count = u32::try_from(*count).unwrap_or(u32::MAX);
        [&key.to_be_bytes()[..], &count.to_be_bytes()].concat()
    };
    traces.iter().flat_map(entry).collect()
}

/// How many records of a batch name the trace.
fn count_of_trace(traces: &[u8], key: i64) -> u64 {
    let key = key.to_be_bytes();
    let (entries, _) = traces.as_chunks::<TRACE_ENTRY_BYTES>();
    let found = entries.iter().find(|entry| entry.starts_with(&key));
    found.map_or(0, |[.., a, b, c, d]| u64::from(u32::from_be_bytes([*a, *b, *c, *d])))
}

impl Store {
    pub async fn logs(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.readers.run(move |connection| read_logs(connection, &query)).await
    }

    /// The logs of a trace in the order of time, and how many there are.
    pub async fn trace_logs(&self, trace_id: TraceId, limit: usize) -> Result<(Vec<LogRow>, u64), StoreError> {
        self.readers.run(move |connection| read_trace_logs(connection, trace_id, limit)).await
    }

    /// How many logs name a trace.
    pub async fn trace_log_count(&self, trace_id: TraceId) -> Result<u64, StoreError> {
        self.readers
            .run(move |connection| {
                let mut count: u64 = batches_of_trace(connection, trace_id)?.iter().map(|(_, count)| count).sum();
                each_of_trace(connection, trace_id, |_, rows| {
                    count += rows.len() as u64;
                    Ok(())
                })?;
                Ok(count)
            })
            .await
    }

    pub async fn log(&self, id: LogId) -> Result<Option<LogRow>, StoreError> {
        self.readers
            .run(move |connection| match read_batch(connection, id.batch)? {
                Some((opened, _)) => Ok(opened.rows().nth(id.index as usize)),
                None => find_log(connection, id),
            })
            .await
    }

    /// Counts in `stretches` equal stretches of `minutes` each, from `from_minute` on.
    pub async fn log_volume(
        &self,
        filter: LogFilter,
        from_minute: i64,
        minutes: i64,
        stretches: usize,
    ) -> Result<LogVolume, StoreError> {
        self.readers.run(move |connection| read_volume(connection, &filter, from_minute, minutes, stretches)).await
    }

    /// Whether any log was ever stored.
    pub async fn has_logs(&self) -> Result<bool, StoreError> {
        self.readers
            .run(|connection| {
                Ok(connection.query_row(
                    "SELECT EXISTS (SELECT 1 FROM log_batch UNION ALL SELECT 1 FROM log_chunk)",
                    [],
                    |row| row.get(0),
                )?)
            })
            .await
    }
}

/// Batches that may hold what is looked for, those with the newest records first; answered from the index alone.
pub(super) const BATCHES_SQL: &str = "SELECT id, max_ns FROM log_batch
    WHERE max_ns <= :upper_ns AND max_ns >= :from_ns AND min_ns <= :start_ns
        AND (:project_id IS NULL OR project_id = :project_id)
        AND levels & :levels <> 0
        AND (:service IS NULL OR instr(char(10) || services || char(10), char(10) || :service || char(10)))
        AND (:environment IS NULL
             OR instr(char(10) || environments || char(10), char(10) || :environment || char(10)))
    ORDER BY max_ns DESC, id DESC";

/// Chunks that may hold what is looked for, in the same order.
pub(super) const CHUNKS_SQL: &str = "SELECT id, max_ns, record_count FROM log_chunk
    WHERE max_ns <= :upper_ns AND max_ns >= :from_ns AND min_ns <= :start_ns
        AND levels & :levels <> 0
        AND (:project_id IS NULL OR projects IS NULL
             OR instr(char(10) || projects || char(10), char(10) || :project_id || char(10)))
        AND (:service IS NULL OR services IS NULL
             OR instr(char(10) || services || char(10), char(10) || :service || char(10)))
        AND (:environment IS NULL OR environments IS NULL
             OR instr(char(10) || environments || char(10), char(10) || :environment || char(10)))
    ORDER BY max_ns DESC";

/// Where records are kept, the places with the newest in front.
struct Candidates<'s> {
    batches: Rows<'s>,
    chunks: Rows<'s>,
    next_batch: Option<(i64, Candidate)>,
    next_chunk: Option<(i64, Candidate)>,
}

#[derive(Clone, Copy)]
pub(super) enum Candidate {
    Batch(i64),
    /// With the number of its records.
    Chunk(i64, i64),
}

impl<'s> Candidates<'s> {
    fn new(batches: Rows<'s>, chunks: Rows<'s>) -> Result<Self, StoreError> {
        let mut candidates = Self { batches, chunks, next_batch: None, next_chunk: None };
        candidates.step_batch()?;
        candidates.step_chunk()?;
        Ok(candidates)
    }

    fn step_batch(&mut self) -> Result<(), StoreError> {
        let row = self.batches.next()?;
        self.next_batch =
            row.map(|row| Ok::<_, StoreError>((row.get(1)?, Candidate::Batch(row.get(0)?)))).transpose()?;
        Ok(())
    }

    fn step_chunk(&mut self) -> Result<(), StoreError> {
        let row = self.chunks.next()?;
        let candidate = |row: &Row<'_>| Ok::<_, StoreError>((row.get(1)?, Candidate::Chunk(row.get(0)?, row.get(2)?)));
        self.next_chunk = row.map(candidate).transpose()?;
        Ok(())
    }

    /// The next one and the time of its newest record.
    fn next(&mut self) -> Result<Option<(i64, Candidate)>, StoreError> {
        let is_batch = match (&self.next_batch, &self.next_chunk) {
            (Some((batch_ns, _)), Some((chunk_ns, _))) => batch_ns >= chunk_ns,
            (batch, _) => batch.is_some(),
        };
        if is_batch {
            let next = self.next_batch.take();
            self.step_batch()?;
            return Ok(next);
        }
        let next = self.next_chunk.take();
        if next.is_some() {
            self.step_chunk()?;
        }
        Ok(next)
    }
}

/// Gives every batch and chunk that may hold what is asked for and begins before a time, the ones with the newest records
/// first, with the time of their newest.
pub(super) fn each_candidate(
    connection: &Connection,
    asked: &AskedLogs,
    start_ns: i64,
    mut take: impl FnMut(i64, Candidate) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut batches = connection.prepare_cached(BATCHES_SQL)?;
    let mut chunks = connection.prepare_cached(CHUNKS_SQL)?;
    let filter = asked.filter();
    // No batch or chunk reaches further than that, so this leaves none out that begins before the start.
    let upper_ns = |span_ns: i64| start_ns.saturating_add(span_ns);
    let (project_id, levels) = (filter.project_id.map(|id| id.0), asked.levels());
    let batches = batches.query(named_params! {
        ":upper_ns": upper_ns(LOG_BATCH_SPAN_NS),
        ":from_ns": filter.from_ns,
        ":start_ns": start_ns,
        ":project_id": project_id,
        ":levels": levels,
        ":service": asked.service(),
        ":environment": asked.environment(),
    })?;
    let chunks = chunks.query(named_params! {
        ":upper_ns": upper_ns(LOG_CHUNK_SPAN_NS),
        ":from_ns": filter.from_ns,
        ":start_ns": start_ns,
        ":project_id": project_id,
        ":levels": levels,
        ":service": asked.service(),
        ":environment": asked.environment(),
    })?;
    let mut candidates = Candidates::new(batches, chunks)?;
    while let Some((max_ns, candidate)) = candidates.next()? {
        check_time()?;
        if take(max_ns, candidate)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// A match: as it is, or where in a chunk it is.
enum Found {
    Row(Box<LogRow>),
    InChunk { id: i64, record_count: i64, row: usize },
}

fn read_logs(connection: &Connection, query: &LogQuery) -> Result<LogPage, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(LOG_SCAN_MS);
    let asked = AskedLogs::new(&query.filter, &query.expr, query.before);
    let start_ns = query.before.map_or(i64::MAX, |before| before.time_ns).min(asked.filter().to_ns);
    // The newest matches so far, one more than the page holds.
    let mut found: BTreeMap<LogPosition, Found> = BTreeMap::new();
    let mut looked_at = 0;
    let mut searched_to_ns = None;
    each_candidate(connection, &asked, start_ns, |max_ns, candidate| {
        let is_full = found.len() > query.limit;
        if is_full && found.first_key_value().is_some_and(|(oldest, _)| oldest.time_ns > max_ns) {
            return Ok(ControlFlow::Break(()));
        }
        // Stops only where something is gained: the next page starts further back than this one.
        if max_ns < start_ns && (looked_at >= LOG_SCAN_RECORDS_MAX || Instant::now() > deadline) {
            found.retain(|position, _| position.time_ns > max_ns);
            searched_to_ns = Some(max_ns);
            return Ok(ControlFlow::Break(()));
        }
        let mut add = |position, row| {
            found.insert(position, row);
            if found.len() > query.limit + 1 {
                found.pop_first();
            }
        };
        match candidate {
            Candidate::Batch(id) => {
                let Some((opened, _)) = read_batch(connection, id)? else { return Ok(ControlFlow::Continue(())) };
                looked_at += opened.batch.records.len();
                for row in opened.rows().filter(|row| asked.takes(row)) {
                    add(LogPosition { time_ns: row.record.time_ns, id: row.id }, Found::Row(Box::new(row)));
                }
            }
            Candidate::Chunk(id, record_count) => {
                let chunk = Chunk::new(connection, id, record_count);
                if asked.may_take_any(&chunk)? {
                    looked_at += chunk.record_count / CHUNK_RECORDS_FOR_ONE;
                    let places = chunk.places()?;
                    for row in asked.rows_taken(&chunk, &places)?.into_iter().rev().take(query.limit + 1) {
                        add(places.position(row), Found::InChunk { id, record_count, row });
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let more = found.len() > query.limit;
    if more {
        found.pop_first();
    }
    let next_before = found.first_key_value().filter(|_| more).map(|(position, _)| *position);
    let logs = read_found(connection, found, query.with_details)?;
    let mut page = LogPage { logs, next_before, searched_to_ns: None };
    if !more && let Some(time_ns) = searched_to_ns {
        page.next_before = Some(LogPosition { time_ns, id: LogId { batch: i64::MAX, index: u32::MAX } });
        page.searched_to_ns = searched_to_ns;
    }
    Ok(page)
}

/// Records of a chunk that are looked at in the time one of a batch is.
const CHUNK_RECORDS_FOR_ONE: usize = 8;

/// The rows of what was found, the newest in front; of each chunk all at once.
fn read_found(
    connection: &Connection,
    found: BTreeMap<LogPosition, Found>,
    with_details: bool,
) -> Result<Vec<LogRow>, StoreError> {
    let mut logs: BTreeMap<LogPosition, LogRow> = BTreeMap::new();
    let mut of_chunks: BTreeMap<i64, (i64, Vec<usize>)> = BTreeMap::new();
    for (position, found) in found {
        match found {
            Found::Row(mut row) => {
                if !with_details {
                    row.record.leave_details();
                }
                logs.insert(position, *row);
            }
            Found::InChunk { id, record_count, row } => {
                of_chunks.entry(id).or_insert((record_count, Vec::new())).1.push(row);
            }
        }
    }
    for (id, (record_count, mut rows)) in of_chunks {
        rows.sort_unstable();
        for row in Chunk::new(connection, id, record_count).rows(&rows, with_details)? {
            logs.insert(LogPosition { time_ns: row.record.time_ns, id: row.id }, row);
        }
    }
    Ok(logs.into_values().rev().collect())
}

/// A batch that is not sealed.
pub(super) struct OpenedBatch {
    pub(super) id: i64,
    pub(super) project_id: ProjectId,
    pub(super) received_ms: i64,
    pub(super) batch: LogBatch,
}

impl OpenedBatch {
    pub(super) fn rows(self) -> impl Iterator<Item = LogRow> {
        let Self { id, project_id, received_ms, batch } = self;
        let resources = batch.resources;
        batch.records.into_iter().enumerate().map(move |(index, record)| LogRow {
            id: LogId { batch: id, index: index as u32 },
            project_id,
            received_ms,
            resource: resources[record.resource].clone(),
            // Of no meaning outside of the batch.
            record: LogRecord { resource: 0, ..record },
        })
    }
}

/// A batch and how many bytes it expanded to, unless it is sealed.
pub(super) fn read_batch(connection: &Connection, id: i64) -> Result<Option<(OpenedBatch, usize)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT project_id, received_ms, body_codec, body FROM log_batch WHERE id = :id")?;
    let found = statement
        .query_row(named_params! { ":id": id }, |row| {
            Ok((ProjectId(row.get(0)?), row.get(1)?, row.get::<_, i64>(2)?, row.get::<_, Vec<u8>>(3)?))
        })
        .optional()?;
    let Some((project_id, received_ms, codec, body)) = found else { return Ok(None) };
    let bytes = expand(codec, &body)?;
    let batch = decode_logs(&bytes)?;
    Ok(Some((OpenedBatch { id, project_id, received_ms, batch }, bytes.len())))
}

/// Batches that are not sealed, with their traces: few enough to be looked at one by one.
pub(super) const BATCH_TRACES_SQL: &str = "SELECT batch_id, traces FROM log_batch_trace ORDER BY batch_id";

/// The batches that are not sealed and have logs of a trace, and how many. Two traces in 2^63 share a key.
fn batches_of_trace(connection: &Connection, trace_id: TraceId) -> Result<Vec<(i64, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(BATCH_TRACES_SQL)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let count = count_of_trace(row.get_ref(1)?.as_blob().unwrap_or_default(), trace_id.key());
        if count > 0 {
            found.push((row.get(0)?, count));
        }
    }
    Ok(found)
}

fn read_trace_logs(connection: &Connection, trace_id: TraceId, limit: usize) -> Result<(Vec<LogRow>, u64), StoreError> {
    let mut found: BTreeMap<LogPosition, LogRow> = BTreeMap::new();
    let mut total = 0;
    let mut add = |row: LogRow| {
        found.insert(LogPosition { time_ns: row.record.time_ns, id: row.id }, row);
        if found.len() > limit {
            found.pop_last();
        }
    };
    for (batch_id, _) in batches_of_trace(connection, trace_id)? {
        check_time()?;
        let Some((opened, _)) = read_batch(connection, batch_id)? else { continue };
        for row in opened.rows().filter(|row| row.record.trace_id == Some(trace_id)) {
            total += 1;
            add(row);
        }
    }
    each_of_trace(connection, trace_id, |chunk, mut rows| {
        total += rows.len() as u64;
        // In the order of time: no more of one chunk can be shown.
        rows.truncate(limit);
        chunk.rows(&rows, true)?.into_iter().for_each(&mut add);
        Ok(())
    })?;
    Ok((found.into_values().collect(), total))
}

/// Counts by stretch and level.
pub(super) const VOLUME_SQL: &str =
    "SELECT (minute - :from_minute) / :minutes AS stretch, level, sum(record_count) FROM log_minute
     WHERE minute >= :from_minute AND minute < :to_minute
         AND (:project_id IS NULL OR project_id = :project_id)
         AND (:service IS NULL OR service = :service)
         AND (:environment IS NULL OR environment = :environment)
         AND level >= :level
     GROUP BY stretch, level";

fn read_volume(
    connection: &Connection,
    filter: &LogFilter,
    from_minute: i64,
    minutes: i64,
    stretches: usize,
) -> Result<LogVolume, StoreError> {
    let to_minute = from_minute.saturating_add(minutes.saturating_mul(stretches as i64));
    let mut statement = connection.prepare_cached(VOLUME_SQL)?;
    let rows = statement.query_map(
        named_params! {
            ":from_minute": from_minute,
            ":to_minute": to_minute,
            ":minutes": minutes.max(1),
            ":project_id": filter.project_id.map(|id| id.0),
            ":service": filter.service,
            ":environment": filter.environment,
            ":level": filter.level as i64,
        },
        |row| {
            let count: i64 = row.get(2)?;
            Ok((row.get::<_, i64>(0)?.max(0) as usize, LogLevel::from_code(row.get(1)?), count.max(0) as u64))
        },
    )?;
    let counts = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT service, environment FROM log_minute WHERE minute >= :from_minute AND minute < :to_minute
         LIMIT 1000",
    )?;
    let pairs = statement
        .query_map(named_params! { ":from_minute": from_minute, ":to_minute": to_minute }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    let (mut services, mut environments): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for names in [&mut services, &mut environments] {
        names.sort();
        names.dedup();
        names.retain(|name| !name.is_empty());
    }
    Ok(LogVolume { counts, services, environments })
}
