//! How spans, logs and metrics lie in the file: the next of them in order, and whether some are there already.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::log::{LogBatch, LogRecord};
use crate::model::metric::MetricBatch;
use crate::model::span::{Resource, SpanBatch};
use crate::store::body::expand;
use crate::store::log_chunks::Chunk;
use crate::store::log_columns::BatchPlace;
use crate::store::span_chunk::OpenChunk;
use crate::store::staged_signals::{decode_logs, decode_metrics};
use crate::store::traces::{PARTS_SQL, read_batch};
use crate::store::{StoreError, logs, span_chunks, trace_rows};

/// A batch and the place behind it: a place is the id of the last batch that lies before it, sealed or not.
pub(super) struct Placed<T> {
    /// [`StoreError::BadBody`] when it is there and cannot be read: then what is behind it can be.
    pub(super) batch: Result<T, StoreError>,
    pub(super) next: i64,
}

/// Rows of a chunk told at once.
const CHUNK_ROWS: usize = 4_096;

/// Spans that lie together, some at a time.
pub(super) enum Spans {
    Batch(SpanBatch),
    /// With the rows told already.
    Chunk(Box<OpenChunk<'static>>, usize),
}

impl Spans {
    pub(super) fn next_batch(&mut self) -> Result<Option<SpanBatch>, StoreError> {
        let batch = match self {
            Self::Batch(batch) => std::mem::take(batch),
            Self::Chunk(chunk, told) => {
                let rows = *told..(*told + CHUNK_ROWS).min(chunk.index.span_count());
                *told = rows.end;
                chunk.spans(rows)?
            }
        };
        Ok(Some(batch).filter(|batch| !batch.spans.is_empty()))
    }
}

/// What of a table that is sealed comes first behind a place.
enum First {
    Batch(i64),
    Chunk { last_batch_id: i64 },
}

/// The batch or the range of chunks that comes first. Those sealed since a place was reached may hold what lies before
/// it, too. Batches that cannot be read are passed by ([`set_aside`] counts them).
fn first_behind(connection: &Connection, batches: &str, chunks: &str, after: i64) -> Result<Option<First>, StoreError> {
    let at = named_params! { ":after": after };
    let batch = format!("SELECT id FROM {batches} WHERE id > :after AND body_codec > 0 ORDER BY id LIMIT 1");
    let batch: Option<i64> = connection.prepare_cached(&batch)?.query_row(at, |row| row.get(0)).optional()?;
    let chunk = format!(
        "SELECT first_batch_id, last_batch_id FROM {chunks} WHERE last_batch_id > :after ORDER BY last_batch_id LIMIT 1"
    );
    let chunk: Option<(i64, i64)> =
        connection.prepare_cached(&chunk)?.query_row(at, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(match (batch, chunk) {
        (Some(id), Some((first_batch_id, _))) if id < first_batch_id => Some(First::Batch(id)),
        (_, Some((_, last_batch_id))) => Some(First::Chunk { last_batch_id }),
        (Some(id), None) => Some(First::Batch(id)),
        (None, None) => None,
    })
}

/// How many batches could not be read when they were to be sealed, and were left as they are.
pub(super) fn set_aside(connection: &Connection, batches: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM {batches} WHERE body_codec <= 0");
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(count.max(0) as u64)
}

/// The spans behind a place, as many as lie together.
pub(super) fn next_spans(connection: &Connection, after: i64) -> Result<Option<Placed<Spans>>, StoreError> {
    match first_behind(connection, "span_batch", "span_chunk", after)? {
        None => Ok(None),
        Some(First::Batch(id)) => {
            let batch = read_batch(connection, id).map(|batch| Spans::Batch(batch.unwrap_or_default()));
            Ok(Some(Placed { batch, next: id }))
        }
        Some(First::Chunk { last_batch_id }) => {
            let Some(chunk) = span_chunks::covering(connection, last_batch_id)? else { return Ok(None) };
            let open = span_chunks::open_whole(connection, chunk.id);
            let batch = open.map(|open| Spans::Chunk(Box::new(open), 0));
            Ok(Some(Placed { batch, next: last_batch_id }))
        }
    }
}

/// Which project a trace is listed under.
pub(super) fn project_of(connection: &Connection, trace_id: TraceId) -> Result<Option<ProjectId>, StoreError> {
    trace_rows::project_of(connection, trace_id)
}

/// Whether these very spans of a trace came together before.
pub(super) fn has_part(connection: &Connection, trace_key: i64, spans_key: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :trace_key AND spans_key = :spans_key)";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":trace_key": trace_key, ":spans_key": spans_key }, |row| row.get(0))?)
}

/// The spans of some traces that are there. A chunk is read once, however many of them it holds.
pub(super) fn known_spans(
    connection: &Connection,
    traces: &HashSet<TraceId>,
) -> Result<HashSet<(TraceId, SpanId)>, StoreError> {
    // By the last batch of the chunk, or the batch alone, and the chunk, if it is one.
    let mut places: BTreeMap<i64, (Option<i64>, HashSet<TraceId>)> = BTreeMap::new();
    for trace_id in traces {
        let mut statement = connection.prepare_cached(PARTS_SQL)?;
        let mut rows = statement.query(named_params! { ":key": trace_id.key() })?;
        while let Some(row) = rows.next()? {
            let batch_id = row.get(0)?;
            let (last, chunk) = match span_chunks::covering(connection, batch_id)? {
                Some(chunk) => (chunk.last_batch_id, Some(chunk.id)),
                None => (batch_id, None),
            };
            places.entry(last).or_insert_with(|| (chunk, HashSet::new())).1.insert(*trace_id);
        }
    }
    let mut known = HashSet::new();
    for (batch_id, (chunk, traces)) in places {
        if let Some(id) = chunk {
            let open = span_chunks::open(connection, id)?;
            for trace_id in traces {
                known.extend(open.span_ids(trace_id)?.into_iter().map(|span_id| (trace_id, span_id)));
            }
        } else {
            let spans = read_batch(connection, batch_id)?.unwrap_or_default().spans;
            known.extend(spans.iter().map(|span| (span.trace_id, span.span_id)));
        }
    }
    Ok(known)
}

/// Logs by the project they belong to.
type Logs = Vec<(ProjectId, LogBatch)>;

/// The logs behind a place, as many as lie together.
pub(super) fn next_logs(connection: &Connection, after: i64) -> Result<Option<Placed<Logs>>, StoreError> {
    match first_behind(connection, "log_batch", "log_chunk", after)? {
        None => Ok(None),
        Some(First::Batch(id)) => {
            let read = logs::read_batch(connection, id);
            let batch = read.map(|read| read.map(|(read, _)| (read.project_id, read.batch)).into_iter().collect());
            Ok(Some(Placed { batch, next: id }))
        }
        Some(First::Chunk { last_batch_id }) => {
            // All of the range in one moment: merging lays it out anew.
            let mut statement = connection
                .prepare_cached("SELECT id, record_count FROM log_chunk WHERE last_batch_id = :last ORDER BY id")?;
            let mut rows = statement.query(named_params! { ":last": last_batch_id })?;
            let mut all = Ok(Vec::new());
            while let Some(row) = rows.next()? {
                let chunk = Chunk::new(connection, row.get(0)?, row.get(1)?);
                // What was told as a batch before it was sealed is not told again.
                let read = read_chunk(&chunk, |batch, _| batch.id > after);
                all = all.and_then(|mut all: Logs| {
                    read.map(|read| {
                        all.extend(read);
                        all
                    })
                });
            }
            Ok(Some(Placed { batch: all, next: last_batch_id }))
        }
    }
}

/// Records of a chunk by project, those of the batches and times that are wanted.
fn read_chunk(chunk: &Chunk<'_>, wants: impl Fn(BatchPlace, i64) -> bool) -> Result<Logs, StoreError> {
    let parts = chunk.parts(true)?;
    let places = &parts.places;
    let rows: Vec<usize> = (0..places.len()).filter(|row| wants(places.place(*row).0, places.times[*row])).collect();
    let mut found: Logs = Vec::new();
    for (record, row) in parts.records(&rows)?.into_iter().zip(rows) {
        let project_id = places.place(row).0.project_id;
        let place = found.iter().position(|(known, _)| *known == project_id).unwrap_or_else(|| {
            let resources = places.resources.clone();
            found.push((project_id, LogBatch { resources, ..LogBatch::default() }));
            found.len() - 1
        });
        found[place].1.records.push(record);
    }
    Ok(found)
}

/// The records of a project in a stretch of time, with how often each is there. Nothing is read when there is none.
pub(super) fn known_logs(
    connection: &Connection,
    project_id: ProjectId,
    min_ns: i64,
    max_ns: i64,
) -> Result<HashMap<i64, Vec<(LogRecord, Resource)>>, StoreError> {
    let mut known: HashMap<i64, Vec<(LogRecord, Resource)>> = HashMap::new();
    let mut add = |batch: LogBatch| {
        for mut record in batch.records.into_iter().filter(|record| (min_ns..=max_ns).contains(&record.time_ns)) {
            let resource = batch.resources[std::mem::take(&mut record.resource)].clone();
            known.entry(record.time_ns).or_default().push((record, resource));
        }
    };
    let mut statement = connection.prepare_cached(
        "SELECT body_codec, body FROM log_batch WHERE max_ns >= :min_ns AND min_ns <= :max_ns AND project_id = :project_id
             AND body_codec > 0",
    )?;
    let of_project = named_params! { ":min_ns": min_ns, ":max_ns": max_ns, ":project_id": project_id.0 };
    let mut rows = statement.query(of_project)?;
    while let Some(row) = rows.next()? {
        add(decode_logs(&expand(row.get(0)?, &row.get::<_, Vec<u8>>(1)?)?)?);
    }
    let mut statement = connection.prepare_cached(
        "SELECT id, record_count FROM log_chunk WHERE max_ns >= :min_ns AND min_ns <= :max_ns
             AND (projects IS NULL OR instr(char(10) || projects || char(10), char(10) || :project_id || char(10)))",
    )?;
    let mut rows = statement.query(of_project)?;
    while let Some(row) = rows.next()? {
        let chunk = Chunk::new(connection, row.get(0)?, row.get(1)?);
        let wants = |batch: BatchPlace, time_ns| batch.project_id == project_id && (min_ns..=max_ns).contains(&time_ns);
        read_chunk(&chunk, wants)?.into_iter().for_each(|(_, batch)| add(batch));
    }
    Ok(known)
}

/// Takes a request's content for new, even if it is remembered.
pub(super) fn forget_delivery(connection: &Connection, content_key: i64) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM log_delivery WHERE content_key = :content_key")?;
    statement.execute(named_params! { ":content_key": content_key })?;
    Ok(())
}

/// The points of one request.
pub(super) struct Points {
    pub(super) project_id: ProjectId,
    pub(super) content_key: i64,
    pub(super) received_ms: i64,
    pub(super) batch: MetricBatch,
}

pub(super) fn next_points(connection: &Connection, after: i64) -> Result<Option<Placed<Points>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body_codec, body, project_id, content_key, received_ms FROM metric_batch WHERE id > :after
         ORDER BY id LIMIT 1",
    )?;
    let found = statement
        .query_row(named_params! { ":after": after }, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((next, codec, body, project_id, content_key, received_ms)) = found else { return Ok(None) };
    let project_id = ProjectId(project_id);
    let batch = expand(codec, &body).and_then(|body| decode_metrics(&body));
    let batch = batch.map(|batch| Points { project_id, content_key, received_ms, batch });
    Ok(Some(Placed { batch, next }))
}
