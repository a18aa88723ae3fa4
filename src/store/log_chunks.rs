//! Chunks of sealed logs: the rows of `log_chunk` and `log_part`, and what is looked for in them.
//!
//! Owns their SQL. Knows of queries what [`super::logs`] tells it; how columns are laid out is said in
//! [`super::log_columns`], when they are made in [`super::log_sealer`].

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::StoreError;
use super::bloom::contains_id;
use super::log_columns::{ChunkParts, Details, NewChunk, Part, Places, Texts, Traces};
use super::logs::{LogPosition, LogRow};
use crate::model::ids::TraceId;
use crate::model::log::LogId;

/// `log_part.id` is this many times the chunk's, and the part.
const PARTS: i64 = 16;

/// A chunk whose parts are read when they are needed.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'c> {
    connection: &'c Connection,
    pub(super) id: i64,
    pub(super) record_count: usize,
}

impl<'c> Chunk<'c> {
    pub(super) fn new(connection: &'c Connection, id: i64, record_count: i64) -> Self {
        Self { connection, id, record_count: usize::try_from(record_count).unwrap_or(0) }
    }

    pub(super) fn part(&self, part: Part) -> Result<Vec<u8>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT body FROM log_part WHERE id = :id")?;
        let body = statement.query_row(named_params! { ":id": self.id * PARTS + part as i64 }, |row| row.get(0));
        body.optional()?.ok_or_else(|| StoreError::BadBody(format!("log chunk {} without its {part:?}", self.id)))
    }

    pub(super) fn places(&self) -> Result<Places, StoreError> {
        Places::decode(&self.part(Part::Places)?, self.record_count)
    }

    pub(super) fn texts(&self) -> Result<Texts, StoreError> {
        Texts::decode(&self.part(Part::Texts)?, self.record_count)
    }

    pub(super) fn traces(&self) -> Result<Traces, StoreError> {
        Traces::decode(&self.part(Part::Traces)?, self.record_count)
    }

    pub(super) fn details(&self) -> Result<Details, StoreError> {
        Details::decode(&self.part(Part::Details)?, self.record_count)
    }

    pub(super) fn parts(&self, with_details: bool) -> Result<ChunkParts, StoreError> {
        Ok(ChunkParts {
            places: self.places()?,
            texts: self.texts()?,
            traces: self.traces()?,
            details: if with_details { Some(self.details()?) } else { None },
        })
    }

    /// The records at `rows`, rising.
    pub(super) fn rows(&self, rows: &[usize], with_details: bool) -> Result<Vec<LogRow>, StoreError> {
        let parts = self.parts(with_details)?;
        let records = parts.records(rows)?;
        let rows = records.into_iter().zip(rows).map(|(record, row)| {
            let (batch, index) = parts.places.place(*row);
            LogRow {
                id: LogId { batch: batch.id, index },
                project_id: batch.project_id,
                received_ms: batch.received_ms,
                resource: parts.places.resources[record.resource].clone(),
                record: crate::model::log::LogRecord { resource: 0, ..record },
            }
        });
        Ok(rows.collect())
    }
}

impl Places {
    pub(super) fn position(&self, row: usize) -> LogPosition {
        let (batch, index) = self.place(row);
        LogPosition { time_ns: self.times[row], id: LogId { batch: batch.id, index } }
    }
}

/// The chunks that hold records of a batch, if it is sealed.
pub(super) const OF_BATCH_SQL: &str = "SELECT id, record_count FROM log_chunk
    WHERE last_batch_id = (SELECT last_batch_id FROM log_chunk WHERE last_batch_id >= :batch_id
                           ORDER BY last_batch_id LIMIT 1)
        AND first_batch_id <= :batch_id";

/// A record of a sealed batch.
pub(super) fn find_log(connection: &Connection, id: LogId) -> Result<Option<LogRow>, StoreError> {
    let mut statement = connection.prepare_cached(OF_BATCH_SQL)?;
    let mut chunks = statement.query(named_params! { ":batch_id": id.batch })?;
    while let Some(row) = chunks.next()? {
        let chunk = Chunk::new(connection, row.get(0)?, row.get(1)?);
        if let Some(row) = chunk.places()?.find(id.batch, id.index) {
            return Ok(chunk.rows(&[row], true)?.pop());
        }
    }
    Ok(None)
}

/// The filters of traces of all chunks: as many bytes as a row for every trace would take for a few.
pub(super) const TRACE_FILTERS_SQL: &str = "SELECT log_chunk.id, log_chunk.record_count, log_part.body
    FROM log_chunk CROSS JOIN log_part ON log_part.id = log_chunk.id * 16 + 6";

/// Every chunk with records of a trace, and which those are.
pub(super) fn each_of_trace<'c>(
    connection: &'c Connection,
    trace_id: TraceId,
    mut take: impl FnMut(Chunk<'c>, Vec<usize>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(TRACE_FILTERS_SQL)?;
    let mut chunks = statement.query([])?;
    while let Some(row) = chunks.next()? {
        if contains_id(row.get_ref(2)?.as_blob().unwrap_or_default(), &trace_id.0) {
            let chunk = Chunk::new(connection, row.get(0)?, row.get(1)?);
            let rows = chunk.traces()?.rows_of(trace_id);
            if !rows.is_empty() {
                take(chunk, rows)?;
            }
        }
    }
    Ok(())
}

/// Writes a chunk of the batches from `first_batch_id` to `last_batch_id`.
pub(super) fn insert_chunk(
    tx: &Transaction<'_>,
    first_batch_id: i64,
    last_batch_id: i64,
    chunk: &NewChunk,
) -> Result<(), StoreError> {
    let bytes: usize = chunk.parts.iter().map(|(_, body)| body.len()).sum();
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_chunk (first_batch_id, last_batch_id, min_ns, max_ns, received_ms, record_count, bytes, levels,
             projects, services, environments)
         VALUES (:first_batch_id, :last_batch_id, :min_ns, :max_ns, :received_ms, :record_count, :bytes, :levels,
             :projects, :services, :environments)",
    )?;
    statement.execute(named_params! {
        ":first_batch_id": first_batch_id,
        ":last_batch_id": last_batch_id,
        ":min_ns": chunk.min_ns,
        ":max_ns": chunk.max_ns,
        ":received_ms": chunk.received_ms,
        ":record_count": chunk.record_count as i64,
        ":bytes": bytes as i64,
        ":levels": chunk.levels,
        ":projects": chunk.projects,
        ":services": chunk.services,
        ":environments": chunk.environments,
    })?;
    let id = tx.last_insert_rowid();
    let mut statement = tx.prepare_cached("INSERT INTO log_part (id, body) VALUES (:id, :body)")?;
    for (part, body) in &chunk.parts {
        statement.execute(named_params! { ":id": id * PARTS + *part as i64, ":body": body })?;
    }
    Ok(())
}

/// Removes a chunk with all its records: about half a megabyte at most.
pub(super) fn drop_log_chunk(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM log_part WHERE id >= :first AND id < :end")?;
    statement.execute(named_params! { ":first": id * PARTS, ":end": (id + 1) * PARTS })?;
    tx.prepare_cached("DELETE FROM log_chunk WHERE id = :id")?.execute(named_params! { ":id": id })?;
    Ok(())
}

/// Removes a batch that is not sealed.
pub(super) fn drop_log_batch(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM log_batch_trace WHERE batch_id = :id")?.execute(named_params! { ":id": id })?;
    tx.prepare_cached("DELETE FROM log_batch WHERE id = :id")?.execute(named_params! { ":id": id })?;
    Ok(())
}

/// Removes at most `limit` counts of minutes before `minute` (minutes since the epoch), the oldest first, and says how
/// many.
pub(super) fn drop_log_minutes(tx: &Transaction<'_>, minute: i64, limit: usize) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM log_minute WHERE (minute, project_id, service, environment, level) IN
             (SELECT minute, project_id, service, environment, level FROM log_minute WHERE minute < :minute
              ORDER BY minute LIMIT :limit)",
    )?;
    Ok(statement.execute(named_params! { ":minute": minute, ":limit": limit as i64 })?)
}
