//! When facts that wait become chunks, small chunks larger ones, and events from before there were facts get theirs.
//!
//! Chores of the keeper: it reads and packs on its own thread, and hands the writer one transaction that puts the new in the
//! place of what it was made of. So at any moment an event's facts are in one place, whole.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::StoreError;
use super::super::dictionaries::expand_event;
use super::super::keeper::{Keeper, Progress};
use super::block::{self, Source, of_staged};
use super::chunks::{self, ChunkRow, NewChunk, delete_chunk, read_chunks, read_source};
use super::staged::{self, StagedEvent};
use crate::config::facts::{
    FACT_CHUNK_BYTES_MAX, FACT_CHUNK_EVENTS_MAX, FACT_CHUNK_KEYS_MAX, FACT_FILL_EVENTS, FACT_LIMITS,
    FACT_MERGE_CHUNKS_MIN, FACT_SEAL_AFTER_MS, FACT_SEAL_BATCHES_MAX, FACT_SEAL_EVENTS,
};
use crate::model::facts::RowFacts;

/// The setting that says up to which event all are still to be looked at for want of facts.
const DUE: &str = "facts_due";

/// Seals what waits, when it is enough or has waited for long.
pub(in super::super) fn seal(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    seal_from(keeper, FACT_SEAL_EVENTS)
}

/// `enough` events are sealed at once.
pub(super) fn seal_from(keeper: &Keeper, enough: u64) -> Result<Progress, StoreError> {
    let waiting = read_waiting(&keeper.reader)?;
    let events: u64 = waiting.iter().map(|batch| batch.events).sum();
    let Some(oldest) = waiting.first() else { return Ok(Progress::Idle) };
    // Backwards as well: a clock that was set back must not keep them waiting.
    let has_waited = (keeper.now_ms() - oldest.received_ms).unsigned_abs() >= FACT_SEAL_AFTER_MS as u64;
    if events < enough && waiting.len() < FACT_SEAL_BATCHES_MAX && !has_waited {
        return Ok(Progress::Idle);
    }
    let mut staged: Vec<StagedEvent> = Vec::new();
    let mut bytes = 0;
    let mut taken: Vec<Waiting> = Vec::new();
    for batch in waiting {
        let body: Option<Vec<u8>> = keeper
            .reader
            .prepare_cached("SELECT body FROM fact_batch WHERE id = :id")?
            .query_row(named_params! { ":id": batch.id }, |row| row.get(0))
            .optional()?;
        let before = staged.len();
        match staged::decode(&body.unwrap_or_default(), &mut staged) {
            Err(error @ StoreError::BadBody(_)) => {
                // Its events are still there: they get their facts again from their bodies.
                tracing::error!(%error, batch = batch.id, "facts of events cannot be read and are made anew");
                staged.truncate(before);
                fill_again(keeper, batch)?;
                return Ok(Progress::More);
            }
            other => other?,
        }
        bytes += staged[before..].iter().map(|event| event.facts.as_bytes().len() + 64).sum::<usize>();
        taken.push(batch);
        if staged.len() >= FACT_CHUNK_EVENTS_MAX || bytes >= FACT_CHUNK_BYTES_MAX || keeper.is_stopping() {
            break;
        }
    }
    let (Some(first), Some(last)) = (taken.first().copied(), taken.last().copied()) else { return Ok(Progress::Idle) };
    let received_ms = taken.iter().map(|batch| batch.received_ms).max().unwrap_or(0);
    let (events, columns) = of_staged(&staged, |_| true);
    let sealed = block::join(&[Source { events, columns }], FACT_CHUNK_KEYS_MAX, |_, _| true);
    let chunk = NewChunk::new(&sealed, last.id, received_ms);
    let count = taken.len();
    keeper.write(move |tx, ids| {
        let deleted = tx
            .prepare_cached("DELETE FROM fact_batch WHERE id BETWEEN :first AND :last")?
            .execute(named_params! { ":first": first.id, ":last": last.id })?;
        if deleted != count {
            return Err(StoreError::NotStored("facts changed while they were sealed".to_string()));
        }
        match chunk {
            Some(chunk) => chunk.insert(tx, ids.next(received_ms)),
            None => Ok(()),
        }
    })?;
    Ok(Progress::More)
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: i64,
    events: u64,
    received_ms: i64,
    last_event_id: i64,
}

pub(in super::super) const WAITING_SQL: &str =
    "SELECT id, event_count, received_ms, last_event_id FROM fact_batch ORDER BY id LIMIT :limit";

fn read_waiting(connection: &Connection) -> Result<Vec<Waiting>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let rows = statement.query_map(named_params! { ":limit": FACT_SEAL_BATCHES_MAX as i64 }, |row| {
        Ok(Waiting {
            id: row.get(0)?,
            events: row.get::<_, i64>(1)?.max(0) as u64,
            received_ms: row.get(2)?,
            last_event_id: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fill_again(keeper: &Keeper, batch: Waiting) -> Result<(), StoreError> {
    keeper.write(move |tx, _| {
        tx.prepare_cached("DELETE FROM fact_batch WHERE id = :id")?.execute(named_params! { ":id": batch.id })?;
        let due = read_due(tx)?.unwrap_or(0).max(batch.last_event_id);
        write_due(tx, Some(due))
    })
}

/// Merges neighbours that are small, and forgets what is of events that are gone.
pub(in super::super) fn merge(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let oldest = oldest_event(&keeper.reader)?;
    if forget(keeper, oldest)? {
        return Ok(Progress::More);
    }
    // In the order they were sealed in, because of two facts of one event the later ones count.
    let mut chunks = read_chunks(&keeper.reader)?;
    chunks.sort_unstable_by_key(|chunk| (chunk.last_batch_id, chunk.first_event_id, chunk.id));
    // Those that were filled in stand apart: they are older than all that was sealed.
    let filled = chunks.iter().filter(|chunk| chunk.last_batch_id == 0).count();
    let (filled, sealed) = chunks.split_at(filled);
    for part in [sealed, filled] {
        let chosen = part[choose(part)].to_vec();
        if !chosen.is_empty() {
            return merge_these(keeper, chosen, oldest);
        }
    }
    Ok(Progress::Idle)
}

fn merge_these(keeper: &Keeper, chosen: Vec<ChunkRow>, oldest: Option<i64>) -> Result<Progress, StoreError> {
    let mut sources = Vec::with_capacity(chosen.len());
    for chunk in &chosen {
        if keeper.is_stopping() {
            return Ok(Progress::Idle);
        }
        match read_source(&keeper.reader, chunk) {
            Ok(source) => sources.push(source),
            Err(error @ StoreError::BadBody(_)) => {
                tracing::error!(%error, chunk = chunk.id, "facts of events cannot be read and are made anew");
                let (id, last_event_id) = (chunk.id, chunk.last_event_id);
                keeper.write(move |tx, _| {
                    delete_chunk(tx, id)?;
                    write_due(tx, Some(read_due(tx)?.unwrap_or(0).max(last_event_id)))
                })?;
                return Ok(Progress::More);
            }
            Err(error) => return Err(error),
        }
    }
    let issues: HashSet<i64> = sources.iter().flat_map(|source| source.events.issues.iter().copied()).collect();
    let alive = living_issues(&keeper.reader, &issues)?;
    let replaced = read_replaced(&keeper.reader)?;
    let sealed = block::join(&sources, FACT_CHUNK_KEYS_MAX, |place, row| {
        let (events, last_batch_id) = (&sources[place].events, chosen[place].last_batch_id);
        let id = events.ids[row];
        oldest.is_none_or(|oldest| id >= oldest)
            && alive.contains(&events.issue(row))
            && replaced.get(&id).is_none_or(|batch| *batch <= last_batch_id)
    });
    let last_batch_id = chosen.iter().map(|chunk| chunk.last_batch_id).max().unwrap_or(0);
    let received_ms = chosen.iter().map(|chunk| chunk.received_ms).max().unwrap_or(0);
    let chunk = NewChunk::new(&sealed, last_batch_id, received_ms);
    let ids: Vec<i64> = chosen.iter().map(|chunk| chunk.id).collect();
    keeper.write(move |tx, server_ids| {
        for id in &ids {
            if !delete_chunk(tx, *id)? {
                return Err(StoreError::NotStored("facts changed while they were merged".to_string()));
            }
        }
        match chunk {
            Some(chunk) => chunk.insert(tx, server_ids.next(received_ms)),
            None => Ok(()),
        }
    })?;
    Ok(Progress::More)
}

/// Neighbours that together are no more than a chunk holds, none of them more than half of it all, so that whatever is
/// merged becomes at least twice as large. The longest such run, none if it is short.
fn choose(chunks: &[ChunkRow]) -> Range<usize> {
    let mut best = 0..0;
    for start in 0..chunks.len() {
        let (mut events, mut bytes, mut largest) = (0, 0, 0);
        for (end, chunk) in chunks.iter().enumerate().skip(start) {
            events += chunk.event_count;
            bytes += chunk.expanded_bytes;
            largest = largest.max(chunk.event_count);
            if events > FACT_CHUNK_EVENTS_MAX || bytes > FACT_CHUNK_BYTES_MAX {
                break;
            }
            let len = end + 1 - start;
            if len >= FACT_MERGE_CHUNKS_MIN && largest * 2 <= events && len > best.len() {
                best = start..end + 1;
            }
        }
    }
    best
}

/// Chunks and batches of which every event is gone; true when there were some.
fn forget(keeper: &Keeper, oldest: Option<i64>) -> Result<bool, StoreError> {
    let before = oldest.unwrap_or(i64::MAX);
    let gone: Option<i64> = keeper
        .reader
        .prepare_cached("SELECT id FROM fact_chunk WHERE last_event_id < :before ORDER BY last_event_id LIMIT 1")?
        .query_row(named_params! { ":before": before }, |row| row.get(0))
        .optional()?;
    let is_replaced_gone: bool = keeper
        .reader
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM fact_replaced WHERE event_id < :before)")?
        .query_row(named_params! { ":before": before }, |row| row.get(0))?;
    if gone.is_none() && !is_replaced_gone {
        return Ok(false);
    }
    keeper.write(move |tx, _| {
        // What came in since it was looked at is newer than all of them.
        let before = oldest_event(tx)?.unwrap_or(before);
        if let Some(id) = gone {
            tx.prepare_cached("DELETE FROM fact_chunk WHERE id = :id AND last_event_id < :before")?
                .execute(named_params! { ":id": id, ":before": before })?;
        }
        tx.prepare_cached(
            "DELETE FROM fact_replaced WHERE event_id IN
                 (SELECT event_id FROM fact_replaced WHERE event_id < :before LIMIT 1000)",
        )?
        .execute(named_params! { ":before": before })?;
        Ok(())
    })?;
    Ok(true)
}

/// Events before it are gone.
pub(super) fn oldest_event(connection: &Connection) -> Result<Option<i64>, StoreError> {
    Ok(connection.prepare_cached("SELECT min(id) FROM event")?.query_row([], |row| row.get(0))?)
}

fn living_issues(connection: &Connection, issues: &HashSet<i64>) -> Result<HashSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM issue WHERE id = :id)")?;
    let mut alive = HashSet::with_capacity(issues.len());
    for id in issues {
        if statement.query_row(named_params! { ":id": id }, |row| row.get(0))? {
            alive.insert(*id);
        }
    }
    Ok(alive)
}

/// Events whose facts count from a batch on.
pub(super) fn read_replaced(connection: &Connection) -> Result<HashMap<i64, i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT event_id, batch_id FROM fact_replaced")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Up to which event all are still to be looked at; `None` when every event has its facts.
pub(in super::super) fn read_due(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = :key")?;
    let text: Option<String> = statement.query_row(named_params! { ":key": DUE }, |row| row.get(0)).optional()?;
    Ok(text.and_then(|text| text.parse().ok()).filter(|due| *due > 0))
}

fn write_due(tx: &Connection, due: Option<i64>) -> Result<(), StoreError> {
    match due {
        Some(due) => tx
            .prepare_cached(
                "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
            )?
            .execute(named_params! { ":key": DUE, ":value": due.to_string() })?,
        None => tx.prepare_cached("DELETE FROM setting WHERE key = :key")?.execute(named_params! { ":key": DUE })?,
    };
    Ok(())
}

/// Every event there is, and that is about to come, may be without facts: what is imported comes without.
pub(in super::super) fn look_again(connection: &Connection) -> Result<(), StoreError> {
    write_due(connection, Some(i64::MAX))
}

/// Gives events without facts theirs, the newest first, a slice at a time.
pub(in super::super) fn fill(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let Some(due) = read_due(&keeper.reader)? else { return Ok(Progress::Idle) };
    let ids = events_up_to(&keeper.reader, due)?;
    let next = ids.last().map(|last| last - 1).filter(|_| ids.len() == FACT_FILL_EVENTS);
    let known = events_with_facts(&keeper.reader, &ids)?;
    let mut found: Vec<StagedEvent> = Vec::new();
    let mut received_ms = 0;
    for id in ids.iter().filter(|id| !known.contains(id)) {
        if keeper.is_stopping() {
            return Ok(Progress::Idle);
        }
        if let Some((event, received)) = read_event(keeper, *id)? {
            found.push(event);
            received_ms = received_ms.max(received);
        }
    }
    let (events, columns) = of_staged(&found, |_| true);
    let sealed = block::join(&[Source { events, columns }], FACT_CHUNK_KEYS_MAX, |_, _| true);
    let chunk = NewChunk::new(&sealed, 0, received_ms);
    if let Some(chunk) = &chunk {
        tracing::debug!(events = chunk.event_count(), "events of before have become searchable");
    }
    keeper.write(move |tx, ids| {
        if read_due(tx)? != Some(due) {
            return Ok(());
        }
        write_due(tx, next)?;
        match chunk {
            Some(chunk) => chunk.insert(tx, ids.next(received_ms)),
            None => Ok(()),
        }
    })?;
    Ok(Progress::More)
}

fn events_up_to(connection: &Connection, due: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM event WHERE id <= :due ORDER BY id DESC LIMIT :limit")?;
    let params = named_params! { ":due": due, ":limit": FACT_FILL_EVENTS as i64 };
    let ids = statement.query_map(params, |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Which of these, given from the newest on, have facts.
fn events_with_facts(connection: &Connection, ids: &[i64]) -> Result<HashSet<i64>, StoreError> {
    let (Some(newest), Some(oldest)) = (ids.first(), ids.last()) else { return Ok(HashSet::new()) };
    let mut known: HashSet<i64> = HashSet::new();
    let cache = chunks::FactCache::default();
    for chunk in read_chunks(connection)? {
        if chunk.first_event_id <= *newest && chunk.last_event_id >= *oldest {
            let events = chunks::Chunk::new(connection, &cache, chunk).events()?;
            known.extend(events.ids.iter().filter(|id| (*oldest..=*newest).contains(*id)));
        }
    }
    known.extend(staged::read_staged(connection)?.into_iter().map(|event| event.id));
    Ok(known)
}

/// `None` when it is gone, or cannot be read, which whoever opens it is told.
fn read_event(keeper: &Keeper, id: i64) -> Result<Option<(StagedEvent, i64)>, StoreError> {
    let mut statement = keeper.reader.prepare_cached(
        "SELECT issue_id, project_id, timestamp_ms, received_ms, level, platform, kind, release, environment, trace_id,
             title, culprit, body_codec, body, span_id
         FROM event WHERE id = :id",
    )?;
    let mut rows = statement.query(named_params! { ":id": id })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let body =
        expand_event(&keeper.reader, &keeper.bodies, row.get(12)?, row.get_ref(13)?.as_blob().unwrap_or_default());
    let body = match body {
        Ok(body) => body,
        Err(StoreError::BadBody(_)) => Vec::new(),
        Err(other) => return Err(other),
    };
    let text =
        |column: usize| -> rusqlite::Result<String> { Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default()) };
    let (level, platform, kind, title, culprit) = (text(4)?, text(5)?, text(6)?, text(10)?, text(11)?);
    let (release, environment): (Option<String>, Option<String>) = (row.get(7)?, row.get(8)?);
    let trace: Option<Vec<u8>> = row.get(9)?;
    let trace = trace.and_then(|bytes| crate::model::ids::TraceId::from_slice(&bytes)).map(|trace| trace.to_string());
    let span: Option<Vec<u8>> = row.get(14)?;
    let span = span.and_then(|bytes| crate::model::ids::SpanId::from_slice(&bytes)).map(|span| span.to_string());
    let mut facts = keeper.bodies.read_facts(&body);
    let of_row = RowFacts {
        level: &level,
        platform: &platform,
        kind: &kind,
        release: release.as_deref(),
        environment: environment.as_deref(),
        trace: trace.as_deref(),
        span: span.as_deref(),
        title: &title,
        culprit: &culprit,
    };
    facts.add_row(&of_row, &FACT_LIMITS);
    let event = StagedEvent { id, issue_id: row.get(0)?, project_id: row.get(1)?, timestamp_ms: row.get(2)?, facts };
    Ok(Some((event, row.get(3)?)))
}
