//! Sealed facts: the rows of `fact_chunk` and `fact_column`, read when they are needed and kept ready for the next question.
//!
//! Owns their SQL and the memory of what was read. Ids of chunks are never used twice, so what is remembered stays true.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use super::super::bloom::{self, BloomBuilder, TextPart};
use super::ahead::Ahead;
use super::block::{Columns, Events, OVERFLOW, Sealed, Source, out_of_overflow};
use super::column::Column;
use crate::config::facts::{FACT_CACHE_BYTES_MAX, FACT_CACHE_BYTES_MIN, FACT_CACHE_SHARE, FACT_FILTER_FROM_BYTES};

/// A chunk without what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ChunkRow {
    pub(super) id: i64,
    pub(super) last_batch_id: i64,
    pub(super) first_event_id: i64,
    pub(super) last_event_id: i64,
    pub(super) event_count: usize,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) received_ms: i64,
    pub(super) expanded_bytes: usize,
}

const CHUNK_COLUMNS: &str =
    "id, last_batch_id, first_event_id, last_event_id, event_count, min_ms, max_ms, received_ms,
    expanded_bytes";

fn chunk_from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ChunkRow> {
    Ok(ChunkRow {
        id: row.get(0)?,
        last_batch_id: row.get(1)?,
        first_event_id: row.get(2)?,
        last_event_id: row.get(3)?,
        event_count: row.get::<_, i64>(4)?.max(0) as usize,
        min_ms: row.get(5)?,
        max_ms: row.get(6)?,
        received_ms: row.get(7)?,
        expanded_bytes: row.get::<_, i64>(8)?.max(0) as usize,
    })
}

/// All chunks, those with the newest events first.
pub(super) fn read_chunks(connection: &Connection) -> Result<Vec<ChunkRow>, StoreError> {
    let sql = format!("SELECT {CHUNK_COLUMNS} FROM fact_chunk ORDER BY last_event_id DESC, id DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([], chunk_from_row)?.collect::<Result<_, _>>()?)
}

/// What was read lately, shared by all readers; cheap to clone.
#[derive(Clone, Default)]
pub(in super::super) struct FactCache {
    kept: Arc<Mutex<Kept>>,
    ahead: Ahead,
}

/// A column when the chunk has it, and when it was last used.
type KeptColumn = (Option<Arc<Column>>, u64);
/// Its filter when it has one, likewise.
type KeptFilter = (Option<Arc<[u8]>>, u64);

#[derive(Default)]
struct Kept {
    events: HashMap<i64, (Arc<Events>, u64)>,
    columns: HashMap<(i64, String), KeptColumn>,
    filters: HashMap<(i64, String), KeptFilter>,
    bytes: usize,
    uses: u64,
    /// Before so many uses there is nothing that was not used for long.
    looks_at: u64,
}

impl FactCache {
    pub(super) fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What an absent column weighs.
const ABSENT_BYTES: usize = 64;

fn filter_weight(filter: Option<&[u8]>) -> usize {
    ABSENT_BYTES + filter.map_or(0, <[u8]>::len)
}

impl Kept {
    /// Whether there is room for so many bytes more. A question walks over all chunks in turn: were the oldest to make way for
    /// the newest, of more than fits nothing would be found again. So what is kept stays until it was passed by for some
    /// questions, and of what does not fit each is read anew.
    fn has_room(&mut self, bytes: usize) -> bool {
        let most = room();
        if self.bytes + bytes > most && self.uses >= self.looks_at {
            let entries = (self.columns.len() + self.events.len() + self.filters.len()) as u64;
            let since = self.uses.saturating_sub(IDLE_ROUNDS * entries);
            self.columns.retain(|_, (_, used)| *used >= since);
            self.events.retain(|_, (_, used)| *used >= since);
            self.filters.retain(|_, (_, used)| *used >= since);
            let columns = self.columns.values().map(|(column, _)| column.as_ref().map_or(ABSENT_BYTES, |c| c.weight()));
            let events = self.events.values().map(|(events, _)| events.weight());
            let filters = self.filters.values().map(|(filter, _)| filter_weight(filter.as_deref()));
            self.bytes = columns.sum::<usize>() + events.sum::<usize>() + filters.sum::<usize>();
            // Looking costs a walk over all of them.
            self.looks_at = self.uses + entries;
        }
        let is_room = bytes <= ABSENT_BYTES || self.bytes + bytes <= most;
        self.bytes += if is_room { bytes } else { 0 };
        is_room
    }
}

/// So many times as there are things kept, others are used before one is forgotten.
const IDLE_ROUNDS: u64 = 4;

/// How much is kept, in bytes: on a large machine more.
fn room() -> usize {
    static ROOM: OnceLock<usize> = OnceLock::new();
    *ROOM.get_or_init(|| {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        // Of a container its own, as it sees it; of a service that systemd limits the one of its group.
        let group = read("/proc/self/cgroup");
        let own = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").trim_end_matches('/');
        let limit = match read(&format!("/sys/fs/cgroup{own}/memory.max")) {
            none if none.is_empty() => read("/sys/fs/cgroup/memory.max"),
            limit => limit,
        };
        room_of(&read("/proc/meminfo"), &limit)
    })
}

/// By what Linux says of the machine and, in a container, of its limit. Elsewhere both are empty.
fn room_of(meminfo: &str, limit: &str) -> usize {
    let of_machine = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<usize>().ok())
        .map_or(0, |kib| kib.saturating_mul(1 << 10));
    let of_container = limit.trim().parse::<usize>().unwrap_or(usize::MAX);
    (of_machine.min(of_container) / FACT_CACHE_SHARE).clamp(FACT_CACHE_BYTES_MIN, FACT_CACHE_BYTES_MAX)
}

/// A chunk whose columns are read when they are needed.
pub(super) struct Chunk<'c> {
    connection: &'c Connection,
    cache: &'c FactCache,
    pub(super) row: ChunkRow,
}

impl<'c> Chunk<'c> {
    pub(super) fn new(connection: &'c Connection, cache: &'c FactCache, row: ChunkRow) -> Self {
        Self { connection, cache, row }
    }

    pub(super) fn events(&self) -> Result<Arc<Events>, StoreError> {
        {
            let mut kept = self.cache.kept();
            kept.uses += 1;
            let now = kept.uses;
            if let Some((events, used)) = kept.events.get_mut(&self.row.id) {
                *used = now;
                return Ok(events.clone());
            }
        }
        let events = Arc::new(read_events(self.connection, &self.row)?);
        let mut kept = self.cache.kept();
        if kept.has_room(events.weight()) {
            let now = kept.uses;
            kept.events.insert(self.row.id, (events.clone(), now));
        }
        Ok(events)
    }

    /// The column of a key, also when it has to share one.
    pub(super) fn column(&self, key: &str) -> Result<Option<Arc<Column>>, StoreError> {
        let name = (self.row.id, key.to_owned());
        {
            let mut kept = self.cache.kept();
            kept.uses += 1;
            let now = kept.uses;
            if let Some((column, used)) = kept.columns.get_mut(&name) {
                *used = now;
                return Ok(column.clone());
            }
        }
        let found = match self.read_column(key)? {
            Some(column) => Some(Arc::new(column)),
            None if key == OVERFLOW => None,
            None => self.column(OVERFLOW)?.and_then(|shared| out_of_overflow(&shared, key)).map(Arc::new),
        };
        let mut kept = self.cache.kept();
        if kept.has_room(found.as_ref().map_or(ABSENT_BYTES, |column| column.weight())) {
            let now = kept.uses;
            kept.columns.insert(name, (found.clone(), now));
        }
        Ok(found)
    }

    /// Whether its events are kept now.
    pub(super) fn keep_events(&self) -> Result<bool, StoreError> {
        self.events()?;
        Ok(self.cache.kept().events.contains_key(&self.row.id))
    }

    /// Whether a column and its filter are kept now; one that is not there is.
    pub(super) fn keep_column(&self, key: &str) -> Result<bool, StoreError> {
        self.filter(key)?;
        self.column(key)?;
        Ok(self.cache.kept().columns.contains_key(&(self.row.id, key.to_owned())))
    }

    fn read_column(&self, key: &str) -> Result<Option<Column>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM fact_column WHERE chunk_id = :chunk_id AND key = :key")?;
        let params = named_params! { ":chunk_id": self.row.id, ":key": key };
        let body: Option<Vec<u8>> = statement.query_row(params, |row| row.get(0)).optional()?;
        body.map(|body| Column::decode(&body, self.row.event_count)).transpose()
    }

    /// False when the column certainly has no such value: one that is exactly so, or one that holds all these parts.
    pub(super) fn may_have(&self, key: &str, exact: Option<&str>, parts: &[TextPart]) -> Result<bool, StoreError> {
        // Without a column of its own it may be in the shared one.
        let Some(filter) = self.filter(key)? else { return Ok(true) };
        let has_exact = exact.is_none_or(|exact| bloom::contains(&filter, key, exact));
        Ok(has_exact && parts.iter().all(|part| part.may_be_in(&filter)))
    }

    fn filter(&self, key: &str) -> Result<Option<Arc<[u8]>>, StoreError> {
        let name = (self.row.id, key.to_owned());
        {
            let mut kept = self.cache.kept();
            kept.uses += 1;
            let now = kept.uses;
            if let Some((filter, used)) = kept.filters.get_mut(&name) {
                *used = now;
                return Ok(filter.clone());
            }
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT filter FROM fact_column WHERE chunk_id = :chunk_id AND key = :key")?;
        let params = named_params! { ":chunk_id": self.row.id, ":key": key };
        let filter: Option<Option<Vec<u8>>> = statement.query_row(params, |row| row.get(0)).optional()?;
        let filter: Option<Arc<[u8]>> = filter.flatten().map(Arc::from);
        let mut kept = self.cache.kept();
        if kept.has_room(filter_weight(filter.as_deref())) {
            let now = kept.uses;
            kept.filters.insert(name, (filter.clone(), now));
        }
        Ok(filter)
    }

    /// Keys with a column of their own and the events that have them, and whether others share one.
    pub(super) fn keys(&self) -> Result<Vec<(String, u64)>, StoreError> {
        read_keys(self.connection, self.row.id)
    }
}

fn read_keys(connection: &Connection, chunk_id: i64) -> Result<Vec<(String, u64)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT key, event_count FROM fact_column WHERE chunk_id = :chunk_id ORDER BY key")?;
    let rows = statement.query_map(named_params! { ":chunk_id": chunk_id }, |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0) as u64))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_events(connection: &Connection, chunk: &ChunkRow) -> Result<Events, StoreError> {
    let mut statement = connection.prepare_cached("SELECT events FROM fact_chunk WHERE id = :id")?;
    let bytes: Vec<u8> = statement.query_row(named_params! { ":id": chunk.id }, |row| row.get(0))?;
    Events::decode(&bytes, chunk.event_count)
}

/// A whole chunk, to be made into another.
pub(super) fn read_source(connection: &Connection, chunk: &ChunkRow) -> Result<Source, StoreError> {
    let events = read_events(connection, chunk)?;
    let mut statement = connection.prepare_cached("SELECT key, body FROM fact_column WHERE chunk_id = :chunk_id")?;
    let mut rows = statement.query(named_params! { ":chunk_id": chunk.id })?;
    let mut columns = Columns::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_blob().unwrap_or_default();
        columns.insert(row.get(0)?, Arc::new(Column::decode(body, chunk.event_count)?));
    }
    Ok(Source { events, columns })
}

/// Key, events that have it, filter, body.
type NewColumn = (String, usize, Option<Vec<u8>>, Vec<u8>);

/// A chunk's rows, encoded: what takes time is done before the writer is asked.
#[derive(Debug)]
pub(super) struct NewChunk {
    row: ChunkRow,
    bytes: usize,
    events: Vec<u8>,
    columns: Vec<NewColumn>,
}

impl NewChunk {
    /// `None` when there is nothing in it.
    pub(super) fn new(sealed: &Sealed, last_batch_id: i64, received_ms: i64) -> Option<Self> {
        let events = &sealed.events;
        let mut columns = Vec::with_capacity(sealed.columns.len());
        let mut expanded_bytes = events.len() * 16;
        for (key, column, present) in &sealed.columns {
            expanded_bytes += column.weight();
            let filter =
                (key != OVERFLOW && column.value_bytes() > FACT_FILTER_FROM_BYTES).then(|| filter(key, column));
            columns.push((key.clone(), *present, filter, column.encode()));
        }
        let packed = events.encode();
        let bytes =
            columns.iter().map(|(key, _, filter, body)| key.len() + body.len() + filter.as_ref().map_or(0, Vec::len));
        let row = ChunkRow {
            id: 0,
            last_batch_id,
            first_event_id: *events.ids.first()?,
            last_event_id: *events.ids.last()?,
            event_count: events.len(),
            min_ms: *events.times.iter().min()?,
            max_ms: *events.times.iter().max()?,
            received_ms,
            expanded_bytes,
        };
        Some(Self { row, bytes: bytes.sum::<usize>() + packed.len(), events: packed, columns })
    }

    pub(super) fn event_count(&self) -> usize {
        self.row.event_count
    }

    /// `id` is a new one of the server's.
    pub(super) fn insert(&self, tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
        let mut statement = tx.prepare_cached(
            "INSERT INTO fact_chunk (id, last_batch_id, first_event_id, last_event_id, event_count, min_ms, max_ms,
                 received_ms, bytes, expanded_bytes, events)
             VALUES (:id, :last_batch_id, :first_event_id, :last_event_id, :event_count, :min_ms, :max_ms,
                 :received_ms, :bytes, :expanded_bytes, :events)",
        )?;
        statement.execute(named_params! {
            ":id": id,
            ":last_batch_id": self.row.last_batch_id,
            ":first_event_id": self.row.first_event_id,
            ":last_event_id": self.row.last_event_id,
            ":event_count": self.row.event_count as i64,
            ":min_ms": self.row.min_ms,
            ":max_ms": self.row.max_ms,
            ":received_ms": self.row.received_ms,
            ":bytes": self.bytes as i64,
            ":expanded_bytes": self.row.expanded_bytes as i64,
            ":events": self.events,
        })?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO fact_column (chunk_id, key, event_count, filter, body)
             VALUES (:chunk_id, :key, :event_count, :filter, :body)",
        )?;
        for (key, present, filter, body) in &self.columns {
            statement.execute(named_params! {
                ":chunk_id": id, ":key": key, ":event_count": *present as i64, ":filter": filter, ":body": body,
            })?;
        }
        Ok(())
    }
}

fn filter(key: &str, column: &Column) -> Vec<u8> {
    let mut builder = BloomBuilder::new(column.value_count() * 8);
    for value in column.values() {
        builder.insert(key, value);
        builder.insert_text(&value.to_lowercase());
    }
    builder.finish()
}

/// With its columns, by a trigger.
pub(super) fn delete_chunk(tx: &Transaction<'_>, id: i64) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("DELETE FROM fact_chunk WHERE id = :id")?.execute(named_params! { ":id": id })? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_or_container_keeps_less() {
        let machine = |gib: usize| format!("MemTotal:       {} kB\nMemFree: 1 kB\n", gib << 20);
        assert_eq!(room_of(&machine(24), "max\n"), FACT_CACHE_BYTES_MAX);
        assert_eq!(room_of(&machine(2), ""), (2 << 30) / FACT_CACHE_SHARE);
        assert_eq!(room_of(&machine(24), "536870912\n"), FACT_CACHE_BYTES_MIN);
        assert_eq!(room_of("", ""), FACT_CACHE_BYTES_MIN);
    }

    #[test]
    fn what_is_used_stays_and_what_is_idle_goes() {
        let mut kept = Kept::default();
        let filter = || Some(Arc::from(vec![0_u8; room() / 8]));
        let weight = filter_weight(filter().as_deref());
        let put = |kept: &mut Kept, id: i64| {
            kept.uses += 1;
            let (is_room, now) = (kept.has_room(weight), kept.uses);
            if is_room {
                kept.filters.insert((id, String::new()), (filter(), now));
            }
            is_room
        };
        let kept_first = (0..7).filter(|id| put(&mut kept, *id)).count();
        assert_eq!(kept_first, 7);
        assert!(!put(&mut kept, 7), "there is no room");
        for _ in 0..100 {
            for id in 0..7 {
                kept.uses += 1;
                let now = kept.uses;
                if let Some((_, used)) = kept.filters.get_mut(&(id, String::new())) {
                    *used = now;
                }
            }
            assert!(!put(&mut kept, 8), "those that are used stay");
        }
        let others = (100..200).filter(|id| put(&mut kept, *id)).count();
        assert!(others >= 7, "{others}: what nobody asked for any more has gone");
        assert!(kept.bytes <= room());
    }
}
