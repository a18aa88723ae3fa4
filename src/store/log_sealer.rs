//! Sealing of logs: batches become chunks, small chunks larger ones, and what was sealed is remembered for a while.
//!
//! Three chores of the keeper. Each writes one transaction at a time that puts the new in and takes the old out, so a
//! crash at any point leaves every record once.

use rusqlite::{Connection, Transaction, named_params};

use super::StoreError;
use super::keeper::{Keeper, Progress};
use super::log_chunks::{Chunk, drop_log_chunk, insert_chunk};
use super::log_columns::{BatchPlace, LogRows};
use super::logs::{OpenedBatch, read_batch};
use crate::config::{
    LOG_CHUNK_RECORDS_MAX, LOG_CHUNK_SPAN_NS, LOG_DELIVERIES_MAX, LOG_DELIVERY_MS, LOG_MERGE_RUNS_MAX,
    LOG_MERGE_RUNS_MIN, LOG_SEAL_BATCHES_MAX, LOG_SEAL_BYTES_MAX,
};

/// Seals the oldest batches when they fill a chunk or have waited long enough.
pub(super) fn seal(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    seal_at_most(keeper, LOG_SEAL_BATCHES_MAX)
}

fn seal_at_most(keeper: &Keeper, batches: usize) -> Result<Progress, StoreError> {
    let Some(waiting) = waiting(&keeper.reader, batches)? else { return Ok(Progress::Idle) };
    let age_ms = keeper.now_ms().saturating_sub(waiting.received_ms);
    // Backwards as well: a clock that was set back must not keep them waiting.
    let is_due = age_ms.unsigned_abs() >= keeper.settings.seal_after_s.saturating_mul(1000);
    if !waiting.is_full && !is_due {
        return Ok(Progress::Idle);
    }
    let mut rows = LogRows::default();
    let mut ids = Vec::new();
    let mut bytes = 0;
    for id in waiting.ids {
        match read_batch(&keeper.reader, id) {
            Ok(Some((opened, expanded_bytes))) => {
                let OpenedBatch { id, project_id, received_ms, batch } = opened;
                rows.push_batch(BatchPlace { id, project_id, received_ms }, batch);
                ids.push(id);
                bytes += expanded_bytes;
            }
            Ok(None) => {}
            Err(error @ StoreError::BadBody(_)) => set_aside(keeper, id, &error)?,
            Err(error) => return Err(error),
        }
        if rows.len() >= LOG_CHUNK_RECORDS_MAX || bytes >= LOG_SEAL_BYTES_MAX || keeper.is_stopping() {
            break;
        }
    }
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else { return Ok(Progress::More) };
    let chunks = rows.into_chunks();
    keeper.write(move |tx, _| {
        let found = take_batches(tx, first, last)?;
        if found != ids.len() {
            return Err(StoreError::BadBody(format!("{} batches of logs became {found} while sealed", ids.len())));
        }
        chunks.iter().try_for_each(|chunk| insert_chunk(tx, first, last, chunk))
    })?;
    Ok(Progress::More)
}

struct Waiting {
    ids: Vec<i64>,
    /// When the oldest came.
    received_ms: i64,
    /// There are enough for a chunk.
    is_full: bool,
}

/// Batches to be sealed, the oldest first.
pub(super) const WAITING_SQL: &str =
    "SELECT id, received_ms, record_count FROM log_batch WHERE body_codec > 0 ORDER BY id LIMIT :limit";

fn waiting(connection: &Connection, most: usize) -> Result<Option<Waiting>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let mut rows = statement.query(named_params! { ":limit": most as i64 })?;
    let mut waiting: Option<Waiting> = None;
    let mut records = 0;
    while let Some(row) = rows.next()? {
        let received_ms = row.get(1)?;
        let waiting = waiting.get_or_insert_with(|| Waiting { ids: Vec::new(), received_ms, is_full: false });
        waiting.ids.push(row.get(0)?);
        records += row.get::<_, i64>(2)?;
        waiting.is_full = waiting.ids.len() == most || records >= LOG_CHUNK_RECORDS_MAX as i64;
        if records >= LOG_CHUNK_RECORDS_MAX as i64 {
            break;
        }
    }
    Ok(waiting)
}

/// A batch that cannot be read stays where it is, for whoever repairs it, and does not hold up the others.
fn set_aside(keeper: &Keeper, id: i64, error: &StoreError) -> Result<(), StoreError> {
    tracing::error!(%error, batch = id, "a batch of logs cannot be read, left as it is");
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached("UPDATE log_batch SET body_codec = -body_codec WHERE id = :id")?;
        statement.execute(named_params! { ":id": id })?;
        Ok(())
    })
}

/// Removes the readable batches of a range but for what tells a second delivery, and says how many there were.
fn take_batches(tx: &Transaction<'_>, first: i64, last: i64) -> Result<usize, StoreError> {
    let range = named_params! { ":first": first, ":last": last };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO log_delivery (content_key, batch_id)
         SELECT content_key, id FROM log_batch WHERE id >= :first AND id <= :last AND body_codec > 0",
    )?
    .execute(range)?;
    tx.prepare_cached("DELETE FROM log_batch_trace WHERE batch_id >= :first AND batch_id <= :last")?.execute(range)?;
    let sql = "DELETE FROM log_batch WHERE id >= :first AND id <= :last AND body_codec > 0";
    Ok(tx.prepare_cached(sql)?.execute(range)?)
}

/// The chunks of one range of batches.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    first_batch_id: i64,
    last_batch_id: i64,
    records: usize,
    bytes: usize,
    /// Of each of its chunks, the first and the last time.
    spans: Vec<(i64, i64)>,
}

/// Merges neighbouring runs of small chunks.
pub(super) fn merge(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let runs = newest_runs(&keeper.reader)?;
    let Some(merged) = choose(&runs) else { return Ok(Progress::Idle) };
    let (Some(first), Some(last)) = (merged.first(), merged.last()) else { return Ok(Progress::Idle) };
    let (first, last) = (first.first_batch_id, last.last_batch_id);
    let old = chunks_between(&keeper.reader, first, last)?;
    let mut rows = LogRows::default();
    for (id, record_count) in &old {
        rows.push_chunk(Chunk::new(&keeper.reader, *id, *record_count).parts(true)?)?;
    }
    let chunks = rows.into_chunks();
    keeper.write(move |tx, _| {
        if chunks_between(tx, first, last)? != old {
            return Err(StoreError::BadBody("chunks of logs changed while merged".to_string()));
        }
        old.iter().try_for_each(|(id, _)| drop_log_chunk(tx, *id))?;
        chunks.iter().try_for_each(|chunk| insert_chunk(tx, first, last, chunk))
    })?;
    Ok(Progress::More)
}

/// The newest ranges, the oldest of them first.
fn newest_runs(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT first_batch_id, last_batch_id, record_count, bytes, min_ns, max_ns FROM log_chunk
         ORDER BY last_batch_id DESC LIMIT :limit",
    )?;
    let mut rows = statement.query(named_params! { ":limit": LOG_MERGE_RUNS_MAX as i64 })?;
    let mut runs: Vec<Run> = Vec::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        let last_batch_id = row.get(1)?;
        if runs.last().is_none_or(|run| run.last_batch_id != last_batch_id) {
            let first_batch_id = row.get(0)?;
            runs.push(Run { first_batch_id, last_batch_id, records: 0, bytes: 0, spans: Vec::new() });
        }
        if let Some(run) = runs.last_mut() {
            run.records += row.get::<_, i64>(2)?.max(0) as usize;
            run.bytes += row.get::<_, i64>(3)?.max(0) as usize;
            run.spans.push((row.get(4)?, row.get(5)?));
        }
    }
    if count == LOG_MERGE_RUNS_MAX {
        // It may have more chunks than were read.
        runs.pop();
    }
    runs.reverse();
    Ok(runs)
}

/// The neighbours to merge, given from the oldest on. A group that can take no more is merged at once; one that more will
/// join, when there are many of about one size, so that no record is written again more often than sizes have steps.
fn choose(runs: &[Run]) -> Option<&[Run]> {
    let mut start = 0;
    while start < runs.len() {
        let mut end = start + 1;
        let mut group = runs[start].clone();
        while let Some(next) = runs.get(end) {
            match joined(&group, next) {
                Some(both) => group = both,
                None => break,
            }
            end += 1;
        }
        if end < runs.len() && end - start > 1 {
            return Some(&runs[start..end]);
        }
        if end == runs.len() {
            return alike(&runs[start..]);
        }
        start = end;
    }
    None
}

/// The newest runs of about one size, if there are many.
fn alike(runs: &[Run]) -> Option<&[Run]> {
    let step = |run: &Run| run.records.max(1).ilog(LOG_MERGE_RUNS_MIN);
    let steps = LOG_CHUNK_RECORDS_MAX.ilog(LOG_MERGE_RUNS_MIN);
    (0..=steps).find_map(|most| {
        let small = runs.iter().rev().take_while(|run| step(run) <= most).count();
        (small >= LOG_MERGE_RUNS_MIN).then(|| &runs[runs.len() - small..])
    })
}

/// Two runs as one, if that is a chunk at most as large as one may be and makes fewer chunks of them.
fn joined(run: &Run, next: &Run) -> Option<Run> {
    let is_settled = |run: &Run| run.records > LOG_CHUNK_RECORDS_MAX / 2;
    let (records, bytes) = (run.records + next.records, run.bytes + next.bytes);
    if is_settled(run) || is_settled(next) || records > LOG_CHUNK_RECORDS_MAX || bytes > LOG_SEAL_BYTES_MAX / 4 {
        return None;
    }
    let mut all: Vec<(i64, i64)> = run.spans.iter().chain(&next.spans).copied().collect();
    all.sort_unstable();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for (min_ns, max_ns) in all {
        match spans.last_mut() {
            Some(last) if last.1.max(max_ns).saturating_sub(last.0) <= LOG_CHUNK_SPAN_NS => last.1 = last.1.max(max_ns),
            _ => spans.push((min_ns, max_ns)),
        }
    }
    (spans.len() < run.spans.len() + next.spans.len()).then_some(Run {
        first_batch_id: run.first_batch_id,
        last_batch_id: next.last_batch_id,
        records,
        bytes,
        spans,
    })
}

/// Id and number of records.
fn chunks_between(connection: &Connection, first: i64, last: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, record_count FROM log_chunk WHERE last_batch_id >= :first AND last_batch_id <= :last ORDER BY id",
    )?;
    let rows =
        statement.query_map(named_params! { ":first": first, ":last": last }, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rows looked through and removed in one transaction.
const DELIVERIES_AT_ONCE: usize = 2_000;

/// Forgets the contents of requests of yesterday, and of those more than are remembered.
pub(super) fn forget_deliveries(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let Some(before) = forget_before(&keeper.reader, keeper.now_ms())? else { return Ok(Progress::Idle) };
    let keys: Vec<i64> = {
        let mut statement = keeper
            .reader
            .prepare_cached("SELECT content_key FROM log_delivery WHERE batch_id < :before LIMIT :limit")?;
        let limit = DELIVERIES_AT_ONCE as i64;
        let keys = statement.query_map(named_params! { ":before": before, ":limit": limit }, |row| row.get(0))?;
        keys.collect::<Result<_, _>>()?
    };
    if keys.is_empty() {
        return Ok(Progress::Idle);
    }
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached("DELETE FROM log_delivery WHERE content_key = :key")?;
        for key in keys {
            statement.execute(named_params! { ":key": key })?;
        }
        Ok(())
    })?;
    Ok(Progress::More)
}

/// The oldest batch whose content is still remembered; `None` while all are.
fn forget_before(connection: &Connection, now_ms: i64) -> Result<Option<i64>, StoreError> {
    let oldest_ms = now_ms.saturating_sub(LOG_DELIVERY_MS);
    let by_age = crate::model::ids::ServerIds::first_of(oldest_ms);
    let count: i64 = connection.query_row("SELECT count(*) FROM log_delivery", [], |row| row.get(0))?;
    if count as u64 <= LOG_DELIVERIES_MAX {
        return Ok(Some(by_age));
    }
    let mut statement =
        connection.prepare_cached("SELECT batch_id FROM log_delivery ORDER BY batch_id DESC LIMIT 1 OFFSET :kept")?;
    let by_number: i64 = statement.query_row(named_params! { ":kept": LOG_DELIVERIES_MAX as i64 }, |row| row.get(0))?;
    Ok(Some(by_age.max(by_number + 1)))
}

#[cfg(test)]
mod tests;
