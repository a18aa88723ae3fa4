//! When staged spans become chunks, and small chunks larger ones.
//!
//! Two chores of the keeper: it reads and packs on its own thread, and hands the writer one transaction that puts the
//! chunk in the place of what it was made of. So at any moment a span is in one place, whole.

use std::ops::Range;
use std::time::Instant;

use rusqlite::{Connection, named_params};

use super::StoreError;
use super::body::CODEC_ZSTD;
use super::keeper::{Keeper, Progress};
use super::span_chunk::SpanChunkBuilder;
use super::{perf, span_chunks, traces};
use crate::config::{
    SPAN_CHUNK_BATCHES_MAX, SPAN_CHUNK_EXPANDED_BYTES_MAX, SPAN_CHUNK_SPANS_MAX, SPAN_MERGE_CHUNKS_MIN, SPAN_SEAL_AT,
    SPAN_SEAL_PATIENCE, SPAN_SEAL_WAITED_AT,
};

/// Chunks looked at for merging, the newest: further back everything is as large as it gets.
const MERGE_CHUNKS_SEEN: usize = 256;
/// Rows of a chunk unpacked at once when it is merged, for the sake of memory.
const MERGE_ROWS: usize = 4_096;

/// A batch that waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Waiting {
    id: i64,
    received_ms: i64,
    spans: u64,
    expanded_bytes: u64,
    /// Its body could not be read: it stays as it is, for whoever mends it.
    is_set_aside: bool,
}

/// Seals what waits, when it is enough or has waited for long.
pub(super) fn seal(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    // Only what has been counted: in a chunk it could not be told from what has.
    let looked_to = perf::look(keeper)?;
    let mut waiting = read_waiting(&keeper.reader)?;
    waiting.retain(|batch| batch.id <= looked_to);
    let seal_after_ms = i64::try_from(keeper.settings.seal_after_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let chosen = &waiting[choose_batches(&waiting, keeper.now_ms(), seal_after_ms)];
    let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else { return Ok(Progress::Idle) };
    let mut builder = SpanChunkBuilder::new();
    for batch in chosen {
        if keeper.is_stopping() {
            return Ok(Progress::Idle);
        }
        match traces::read_batch(&keeper.reader, batch.id) {
            Ok(spans) => builder.push(spans.unwrap_or_default()),
            Err(StoreError::BadBody(error)) => return set_aside(keeper, batch.id, error),
            Err(error) => return Err(error),
        }
    }
    let sealed = builder.finish()?;
    let (first_id, last_id, count) = (first.id, last.id, chosen.len());
    let received_ms = chosen.iter().map(|batch| batch.received_ms).max().unwrap_or(0);
    let (spans, traces, packed) = (sealed.span_count, sealed.trace_count, Instant::now());
    keeper.write(move |tx, _| {
        span_chunks::insert(tx, first_id, last_id, received_ms, &sealed)?;
        let deleted = tx
            .prepare_cached("DELETE FROM span_batch WHERE id BETWEEN :first AND :last")?
            .execute(named_params! { ":first": first_id, ":last": last_id })?;
        if deleted != count {
            return Err(StoreError::NotStored("batches changed while they were sealed".to_string()));
        }
        Ok(())
    })?;
    tracing::debug!(batches = count, spans, traces, write_ms = packed.elapsed().as_millis() as u64, "spans are sealed");
    Ok(Progress::More)
}

pub(super) const WAITING_SQL: &str = "SELECT id, received_ms, span_count, expanded_bytes, body_codec FROM span_batch
    ORDER BY id LIMIT :limit";

fn read_waiting(connection: &Connection) -> Result<Vec<Waiting>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let rows = statement.query_map(named_params! { ":limit": SPAN_CHUNK_BATCHES_MAX as i64 }, |row| {
        Ok(Waiting {
            id: row.get(0)?,
            received_ms: row.get(1)?,
            spans: row.get::<_, i64>(2)?.max(0) as u64,
            expanded_bytes: row.get::<_, i64>(3)?.max(0) as u64,
            is_set_aside: row.get::<_, i64>(4)? != CODEC_ZSTD,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Which of the waiting batches are sealed now, if any: neighbours, from the oldest on, as many as a chunk holds.
fn choose_batches(waiting: &[Waiting], now_ms: i64, seal_after_ms: i64) -> Range<usize> {
    let start = waiting.iter().position(|batch| !batch.is_set_aside).unwrap_or(waiting.len());
    let mut end = start;
    let (mut spans, mut bytes) = (0, 0);
    for batch in &waiting[start..] {
        spans += batch.spans;
        bytes += batch.expanded_bytes;
        let is_too_much = spans > SPAN_CHUNK_SPANS_MAX || bytes > SPAN_CHUNK_EXPANDED_BYTES_MAX;
        if batch.is_set_aside || (is_too_much && end > start) {
            break;
        }
        end += 1;
    }
    let chosen = &waiting[start..end];
    let Some(oldest_ms) = chosen.iter().map(|batch| batch.received_ms).min() else { return 0..0 };
    let is_full = end < waiting.len() || waiting.len() == SPAN_CHUNK_BATCHES_MAX;
    let spans: u64 = chosen.iter().map(|batch| batch.spans).sum();
    let waited_ms = now_ms.saturating_sub(oldest_ms);
    let is_due = is_full
        || spans >= SPAN_SEAL_AT
        || (waited_ms >= seal_after_ms && spans >= SPAN_SEAL_WAITED_AT)
        || waited_ms >= seal_after_ms.saturating_mul(SPAN_SEAL_PATIENCE)
        // A clock that was set back: nothing waits for it to come round again.
        || waited_ms < -seal_after_ms;
    if is_due { start..end } else { 0..0 }
}

/// A body that cannot be read must not keep all others from being sealed.
fn set_aside(keeper: &Keeper, id: i64, error: String) -> Result<Progress, StoreError> {
    tracing::error!(error, batch = id, "spans cannot be read and are left as they are");
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached("UPDATE span_batch SET body_codec = -abs(body_codec) WHERE id = :id")?;
        statement.execute(named_params! { ":id": id })?;
        Ok(())
    })?;
    Ok(Progress::More)
}

/// A chunk as far as merging is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Chunk {
    id: i64,
    first_batch_id: i64,
    last_batch_id: i64,
    received_ms: i64,
    spans: u64,
    is_being_dropped: bool,
}

/// Merges neighbours that are small.
pub(super) fn merge(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let chunks = read_chunks(&keeper.reader)?;
    let chosen = &chunks[choose_chunks(&chunks)];
    let [first, .., last] = chosen else { return Ok(Progress::Idle) };
    // Between them may stand a batch that was set aside; it belongs to no chunk.
    let sql = "SELECT EXISTS (SELECT 1 FROM span_batch WHERE id BETWEEN :first AND :last)";
    let between = named_params! { ":first": first.first_batch_id, ":last": last.last_batch_id };
    if keeper.reader.prepare_cached(sql)?.query_row(between, |row| row.get(0))? {
        return Ok(Progress::Idle);
    }
    let mut builder = SpanChunkBuilder::new();
    for chunk in chosen {
        let mut open = span_chunks::open(&keeper.reader, chunk.id)?;
        let count = open.index.span_count();
        for start in (0..count).step_by(MERGE_ROWS) {
            if keeper.is_stopping() {
                return Ok(Progress::Idle);
            }
            builder.push(open.spans(start..(start + MERGE_ROWS).min(count))?);
        }
    }
    let sealed = builder.finish()?;
    let ids: Vec<i64> = chosen.iter().map(|chunk| chunk.id).collect();
    let received_ms = chosen.iter().map(|chunk| chunk.received_ms).max().unwrap_or(0);
    let (first_id, last_id) = (first.first_batch_id, last.last_batch_id);
    let (chunks, spans, packed) = (ids.len(), sealed.span_count, Instant::now());
    keeper.write(move |tx, _| {
        ids.iter().try_for_each(|id| span_chunks::delete(tx, *id))?;
        span_chunks::insert(tx, first_id, last_id, received_ms, &sealed)
    })?;
    tracing::debug!(chunks, spans, write_ms = packed.elapsed().as_millis() as u64, "chunks of spans are merged");
    Ok(Progress::More)
}

pub(super) const CHUNKS_SQL: &str = "SELECT id, first_batch_id, last_batch_id, received_ms, span_count, dropped_traces
    FROM span_chunk ORDER BY last_batch_id DESC LIMIT :limit";

/// The newest, oldest first.
fn read_chunks(connection: &Connection) -> Result<Vec<Chunk>, StoreError> {
    let mut statement = connection.prepare_cached(CHUNKS_SQL)?;
    let rows = statement.query_map(named_params! { ":limit": MERGE_CHUNKS_SEEN as i64 }, |row| {
        Ok(Chunk {
            id: row.get(0)?,
            first_batch_id: row.get(1)?,
            last_batch_id: row.get(2)?,
            received_ms: row.get(3)?,
            spans: row.get::<_, i64>(4)?.max(0) as u64,
            is_being_dropped: row.get::<_, i64>(5)? != 0,
        })
    })?;
    let mut chunks: Vec<Chunk> = rows.collect::<Result<_, _>>()?;
    chunks.reverse();
    Ok(chunks)
}

/// Neighbours that together are no more than a chunk holds, none of them more than half of it all: whatever is merged
/// becomes at least twice as large, so nothing is merged often. The longest such run, none if it is short.
fn choose_chunks(chunks: &[Chunk]) -> Range<usize> {
    let mut best = 0..0;
    for start in 0..chunks.len() {
        let (mut spans, mut largest) = (0, 0);
        for (end, chunk) in chunks.iter().enumerate().skip(start) {
            spans += chunk.spans;
            largest = largest.max(chunk.spans);
            if chunk.is_being_dropped || spans > SPAN_CHUNK_SPANS_MAX {
                break;
            }
            let len = end + 1 - start;
            if len >= SPAN_MERGE_CHUNKS_MIN && largest * 2 <= spans && len > best.len() {
                best = start..end + 1;
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(spans: u64, received_ms: i64) -> Waiting {
        Waiting { received_ms, spans, expanded_bytes: spans * 500, ..Waiting::default() }
    }

    #[test]
    fn enough_is_sealed_at_once_and_little_waits() {
        let after = 30_000;
        let many = vec![batch(512, 0); 16];
        assert_eq!(choose_batches(&many, 0, after), 0..16, "8192 spans");
        assert_eq!(choose_batches(&many[..15], 0, after), 0..0);
        assert_eq!(choose_batches(&many[..4], after, after), 0..4, "2048 that waited");
        assert_eq!(choose_batches(&many[..3], after, after), 0..0);
        assert_eq!(choose_batches(&many[..1], after * SPAN_SEAL_PATIENCE, after), 0..1, "whatever waited for long");
        assert_eq!(choose_batches(&many[..1], 0, 0), 0..1, "nothing waits");
        assert_eq!(choose_batches(&many[..1], -1_000_000, after), 0..1, "the clock was set back");
        assert_eq!(choose_batches(&[], 0, 0), 0..0);
    }

    #[test]
    fn a_chunk_has_its_size_and_a_batch_is_never_cut() {
        let backlog = vec![batch(512, 0); 100];
        assert_eq!(choose_batches(&backlog, 0, 30_000), 0..72, "36864 spans");
        let huge = [batch(90_000, 0), batch(10, 0)];
        assert_eq!(choose_batches(&huge, 0, 30_000), 0..1);
    }

    #[test]
    fn a_batch_that_cannot_be_read_is_gone_around() {
        let mut waiting = vec![batch(512, 0); 40];
        waiting[0].is_set_aside = true;
        waiting[20].is_set_aside = true;
        assert_eq!(choose_batches(&waiting, 0, 30_000), 1..20);
        waiting.drain(1..20);
        assert_eq!(choose_batches(&waiting, 0, 30_000), 2..21);
    }

    fn chunks(spans: &[u64]) -> Vec<Chunk> {
        spans.iter().map(|spans| Chunk { spans: *spans, ..Chunk::default() }).collect()
    }

    #[test]
    fn small_neighbours_are_merged_and_large_ones_left() {
        assert_eq!(choose_chunks(&chunks(&[10, 10, 10])), 0..0, "few");
        assert_eq!(choose_chunks(&chunks(&[10, 10, 10, 10])), 0..4);
        assert_eq!(choose_chunks(&chunks(&[8_200; 9])), 0..4);
        assert_eq!(choose_chunks(&chunks(&[30_000, 9_000, 10, 10, 10])), 0..0, "one is nearly all");
        assert_eq!(choose_chunks(&chunks(&[30_000, 9_000, 10, 10, 10, 10])), 2..6);
        assert_eq!(choose_chunks(&chunks(&[33_000, 33_000, 33_000, 33_000])), 0..0);
        let mut dropping = chunks(&[10; 6]);
        dropping[1].is_being_dropped = true;
        assert_eq!(choose_chunks(&dropping), 2..6);
    }

    /// However little comes at a time, a span is packed again a few times and no more.
    #[test]
    fn merging_ends() {
        let mut all: Vec<Chunk> = Vec::new();
        let mut packed = 0;
        for _ in 0..10_000 {
            all.push(Chunk { spans: 12, ..Chunk::default() });
            loop {
                let run = choose_chunks(&all[all.len().saturating_sub(MERGE_CHUNKS_SEEN)..]);
                if run.is_empty() {
                    break;
                }
                let first = all.len().saturating_sub(MERGE_CHUNKS_SEEN) + run.start;
                let spans = all[first..first + run.len()].iter().map(|chunk| chunk.spans).sum();
                packed += spans;
                all.splice(first..first + run.len(), [Chunk { spans, ..Chunk::default() }]);
            }
        }
        let spans: u64 = all.iter().map(|chunk| chunk.spans).sum();
        assert_eq!(spans, 120_000);
        assert!(packed < spans * 8, "{packed}");
        assert!(all.len() < 30, "{}", all.len());
    }
}
