//! Chunks of spans where they are kept: found by batch, opened, written, dropped.
//!
//! Owns the tables `span_chunk` and `span_chunk_part`. A chunk stands for all batches of a range of ids, so whatever
//! names a batch goes on finding its spans when the batch is sealed and when its chunk is merged with others.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::StoreError;
use super::span_chunk::{GROUPS, Group, OpenChunk, SealedSpans, TraceIndex};
use super::trace_rows;
use super::traces::read_batch;
use crate::config::SPAN_DROP_TRACES;

/// The groups of `proto/chunk.proto`, each compressed with zstd.
const FORMAT_COLUMNS: i64 = 1;

/// Parts of a chunk have ids of this many times its own: the filter of its attributes, then the groups.
const PARTS: i64 = 8;
const FILTER_PART: i64 = 0;

/// A chunk and the last batch it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkRange {
    pub(super) id: i64,
    pub(super) last_batch_id: i64,
}

pub(super) const COVERING_SQL: &str = "SELECT id, first_batch_id, last_batch_id FROM span_chunk
    WHERE last_batch_id >= :batch_id ORDER BY last_batch_id LIMIT 1";

/// The chunk that a batch is sealed in.
pub(super) fn covering(connection: &Connection, batch_id: i64) -> Result<Option<ChunkRange>, StoreError> {
    let mut statement = connection.prepare_cached(COVERING_SQL)?;
    let found: Option<(i64, i64, i64)> = statement
        .query_row(named_params! { ":batch_id": batch_id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(found
        .filter(|(_, first_batch_id, _)| *first_batch_id <= batch_id)
        .map(|(id, _, last_batch_id)| ChunkRange { id, last_batch_id }))
}

/// Opens a chunk; its groups are read as they are needed.
pub(super) fn open(connection: &Connection, id: i64) -> Result<OpenChunk<'_>, StoreError> {
    OpenChunk::open(move |group: Group| read_part(connection, id, 1 + group as i64))
}

/// Reads a chunk whole: what is done with it needs the database no more.
pub(super) fn open_whole(connection: &Connection, id: i64) -> Result<OpenChunk<'static>, StoreError> {
    let read = |part| read_part(connection, id, part);
    let mut groups = (1..=GROUPS as i64).map(read).collect::<Result<Vec<_>, _>>()?;
    OpenChunk::open(move |group: Group| Ok(std::mem::take(&mut groups[group as usize])))
}

/// The filter of a chunk's attributes.
pub(super) fn read_filter(connection: &Connection, id: i64) -> Result<Vec<u8>, StoreError> {
    read_part(connection, id, FILTER_PART)
}

pub(super) const PART_SQL: &str = "SELECT body FROM span_chunk_part WHERE id = :id";

fn read_part(connection: &Connection, id: i64, part: i64) -> Result<Vec<u8>, StoreError> {
    let mut statement = connection.prepare_cached(PART_SQL)?;
    let body = statement.query_row(named_params! { ":id": id * PARTS + part }, |row| row.get(0)).optional()?;
    body.ok_or_else(|| StoreError::BadBody(format!("chunk {id} has no part {part}")))
}

/// Writes a chunk of the batches from `first_batch_id` to `last_batch_id`.
pub(super) fn insert(
    tx: &Transaction<'_>,
    first_batch_id: i64,
    last_batch_id: i64,
    received_ms: i64,
    sealed: &SealedSpans,
) -> Result<(), StoreError> {
    let bytes = sealed.bloom.len() + sealed.groups.iter().map(Vec::len).sum::<usize>();
    let mut statement = tx.prepare_cached(
        "INSERT INTO span_chunk (first_batch_id, last_batch_id, format, received_ms, min_ns, max_ns, last_trace_ns,
             span_count, trace_count, bytes, services)
         VALUES (:first_batch_id, :last_batch_id, :format, :received_ms, :min_ns, :max_ns, :last_trace_ns, :span_count,
             :trace_count, :bytes, :services)",
    )?;
    let id = statement.insert(named_params! {
        ":first_batch_id": first_batch_id,
        ":last_batch_id": last_batch_id,
        ":format": FORMAT_COLUMNS,
        ":received_ms": received_ms,
        ":min_ns": sealed.min_ns,
        ":max_ns": sealed.max_ns,
        ":last_trace_ns": sealed.last_trace_ns,
        ":span_count": sealed.span_count as i64,
        ":trace_count": sealed.trace_count as i64,
        ":bytes": bytes as i64,
        ":services": sealed.services.join("\n"),
    })?;
    let parts = std::iter::once(&sealed.bloom).chain(&sealed.groups);
    let mut statement = tx.prepare_cached("INSERT INTO span_chunk_part (id, body) VALUES (:id, :body)")?;
    for (part, body) in (0..).zip(parts) {
        statement.execute(named_params! { ":id": id * PARTS + part, ":body": body })?;
    }
    Ok(())
}

/// Deletes a chunk and nothing that refers to it.
pub(super) fn delete(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM span_chunk WHERE id = :id")?;
    if statement.execute(named_params! { ":id": id })? == 0 {
        return Err(StoreError::NotStored(format!("chunk {id} is gone")));
    }
    let mut statement = tx.prepare_cached("DELETE FROM span_chunk_part WHERE id BETWEEN :first AND :last")?;
    statement.execute(named_params! { ":first": id * PARTS, ":last": id * PARTS + GROUPS as i64 })?;
    Ok(())
}

/// What is left of something that is dropped a slice at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropping {
    /// Call again.
    More,
    Done,
}

/// Drops a chunk with what refers to it: its parts of traces, and the traces that have no other. Each call takes a
/// bounded slice; between them the chunk is there, less some of its traces.
pub(super) fn drop_span_chunk(tx: &Transaction<'_>, id: i64) -> Result<Dropping, StoreError> {
    let sql = "SELECT first_batch_id, last_batch_id, dropped_traces FROM span_chunk WHERE id = :id";
    let found: Option<(i64, i64, i64)> = tx
        .prepare_cached(sql)?
        .query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((first_batch_id, last_batch_id, dropped)) = found else { return Ok(Dropping::Done) };
    // What cannot be read any more goes without its traces: they are found by nothing else.
    let traces = read_part(tx, id, 1).and_then(|places| TraceIndex::read(&places)).map(|index| index.ids);
    let traces = match traces {
        Ok(traces) => traces,
        Err(StoreError::BadBody(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let first = usize::try_from(dropped).unwrap_or(0).min(traces.len());
    let last = (first + SPAN_DROP_TRACES).min(traces.len());
    for trace_id in &traces[first..last] {
        trace_rows::forget_parts(tx, *trace_id, first_batch_id, last_batch_id)?;
    }
    if last < traces.len() {
        let mut statement = tx.prepare_cached("UPDATE span_chunk SET dropped_traces = :dropped WHERE id = :id")?;
        statement.execute(named_params! { ":dropped": last as i64, ":id": id })?;
        return Ok(Dropping::More);
    }
    delete(tx, id)?;
    trace_rows::forget_labels(tx)?;
    Ok(Dropping::Done)
}

/// Drops a batch that is not sealed, as [`drop_span_chunk`] does a chunk; in one slice, as it was written in one.
pub(super) fn drop_span_batch(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    let batch = match read_batch(tx, id) {
        Err(StoreError::BadBody(_)) => None,
        batch => batch?,
    };
    let mut traces: Vec<_> = batch.unwrap_or_default().spans.iter().map(|span| span.trace_id).collect();
    traces.sort_unstable();
    traces.dedup();
    for trace_id in traces {
        trace_rows::forget_parts(tx, trace_id, id, id)?;
    }
    tx.prepare_cached("DELETE FROM span_batch WHERE id = :id")?.execute(named_params! { ":id": id })?;
    Ok(())
}
