//! All events with their facts, block by block: those that wait first, then the chunks, the newest first.
//!
//! Owns which events count at all: those that are there still, by their latest facts, within what a list is narrowed to
//! (environment, release, time, project). Knows no question.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;

use super::super::StoreError;
use super::super::bloom::TextPart;
use super::super::folding::Folding;
use super::super::readers::check_time;
use super::bits::Bits;
use super::block::{Columns, Events, of_staged};
use super::chunks::{Chunk, ChunkRow, FactCache, read_chunks};
use super::column::Column;
use super::sealer::{oldest_event, read_due, read_replaced};
use super::staged::{StagedEvent, read_staged};
use super::test::{Test, ValuesTest};
use crate::model::facts::{FactKey, Field};

/// What a list is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFilter {
    pub environment: Option<String>,
    /// One of these, if there are any: beside `environment`, which indexes know.
    pub any_environment: Vec<String>,
    pub release: Option<String>,
    /// Both ends belong to it.
    pub from_ms: Option<i64>,
    pub to_ms: Option<i64>,
}

impl EventFilter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn tests(&self) -> Vec<Test> {
        let named = [(Field::Environment, &self.environment), (Field::Release, &self.release)];
        let named = named.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
        let any = self.any_environment.iter().map(|name| is_named(Field::Environment, name)).collect();
        let any = if self.any_environment.is_empty() { None } else { Some(Test::Or(any)) };
        named.map(|(field, value)| is_named(field, value)).chain(any).collect()
    }
}

fn is_named(field: Field, value: &str) -> Test {
    match value {
        // The events that name none.
        "" => Test::Not(Box::new(Test::Values(ValuesTest::has_field(field)))),
        value => Test::Values(ValuesTest::equals(field, value)),
    }
}

enum BlockColumns<'c> {
    Staged(Columns),
    Sealed(Chunk<'c>),
}

/// Some events and their columns.
pub(super) struct Block<'c> {
    events: Arc<Events>,
    columns: BlockColumns<'c>,
    /// Of each of its issues, as what it is shown; none when no issue is merged into another.
    shown: Option<Vec<i64>>,
}

impl Block<'_> {
    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// In the order of [`Events::issues`]; of one that is merged into another, that other.
    pub(super) fn shown_issues(&self) -> &[i64] {
        self.shown.as_deref().unwrap_or(&self.events.issues)
    }

    pub(super) fn shown_issue(&self, row: usize) -> i64 {
        self.shown_issues()[self.events.issue_of[row] as usize]
    }

    pub(super) fn column(&self, key: &str) -> Result<Option<Arc<Column>>, StoreError> {
        match &self.columns {
            BlockColumns::Staged(columns) => Ok(columns.get(key).cloned()),
            BlockColumns::Sealed(chunk) => chunk.column(key),
        }
    }

    pub(super) fn may_have(&self, key: &str, exact: Option<&str>, parts: &[TextPart]) -> Result<bool, StoreError> {
        match &self.columns {
            BlockColumns::Staged(_) => Ok(true),
            BlockColumns::Sealed(chunk) => chunk.may_have(key, exact, parts),
        }
    }

    /// As [`Self::keys`], with how many events have each.
    pub(super) fn key_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        match &self.columns {
            BlockColumns::Sealed(chunk) => chunk.keys(),
            BlockColumns::Staged(columns) => {
                let present = |column: &Column| column.codes().iter().filter(|code| **code > 0).count() as u64;
                Ok(columns.iter().map(|(key, column)| (key.clone(), present(column))).collect())
            }
        }
    }

    /// Keys it has columns of; empty for the one that others share.
    pub(super) fn keys(&self) -> Result<Vec<String>, StoreError> {
        match &self.columns {
            BlockColumns::Staged(columns) => Ok(columns.keys().cloned().collect()),
            BlockColumns::Sealed(chunk) => Ok(chunk.keys()?.into_iter().map(|(key, _)| key).collect()),
        }
    }
}

/// Which keys of events that wait are made into columns.
pub(super) enum Wanted {
    All,
    These(BTreeSet<String>),
}

/// Everything a look at events needs, of one moment.
pub(super) struct Scan<'c> {
    connection: &'c Connection,
    cache: &'c FactCache,
    filter: EventFilter,
    narrowed: Test,
    /// Merged issues, and as which they are shown.
    merged: HashMap<i64, i64, Folding>,
    replaced: HashMap<i64, i64>,
    oldest: i64,
    staged: Vec<StagedEvent>,
    chunks: Vec<ChunkRow>,
    /// Events up to this one may be without facts still.
    pub(super) due: Option<i64>,
}

/// A block to be looked at, not opened yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Staged,
    Sealed(ChunkRow),
}

impl Place {
    /// No event in it is newer.
    pub(super) fn last_event_id(&self) -> i64 {
        match self {
            Self::Staged => i64::MAX,
            Self::Sealed(chunk) => chunk.last_event_id,
        }
    }

    /// No event in it is older.
    pub(super) fn first_event_id(&self) -> i64 {
        match self {
            Self::Staged => i64::MIN,
            Self::Sealed(chunk) => chunk.first_event_id,
        }
    }
}

impl<'c> Scan<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        cache: &'c FactCache,
        filter: &EventFilter,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            cache,
            narrowed: Test::And(filter.tests()),
            filter: filter.clone(),
            merged: read_merged(connection)?,
            replaced: read_replaced(connection)?,
            oldest: oldest_event(connection)?.unwrap_or(i64::MAX),
            staged: read_staged(connection)?,
            chunks: read_chunks(connection)?,
            due: read_due(connection)?,
        })
    }

    /// The newest events first, as far as chunks are in order.
    pub(super) fn places(&self) -> Vec<Place> {
        let staged = (!self.staged.is_empty()).then_some(Place::Staged);
        let is_in_time = |chunk: &&ChunkRow| {
            chunk.last_event_id >= self.oldest
                && self.filter.from_ms.is_none_or(|from_ms| chunk.max_ms >= from_ms)
                && self.filter.to_ms.is_none_or(|to_ms| chunk.min_ms <= to_ms)
        };
        staged.into_iter().chain(self.chunks.iter().filter(is_in_time).copied().map(Place::Sealed)).collect()
    }

    pub(super) fn open(&self, place: Place, wanted: &Wanted) -> Result<Block<'c>, StoreError> {
        check_time()?;
        let (events, columns) = match place {
            Place::Staged => {
                let (events, columns) = match wanted {
                    Wanted::All => of_staged(&self.staged, |_| true),
                    Wanted::These(keys) => {
                        let fields: HashSet<Field> = keys.iter().filter_map(|key| Field::parse(key)).collect();
                        let is_named = keys.len() > fields.len();
                        of_staged(&self.staged, |key| match key {
                            FactKey::Field(Field::Environment | Field::Release) => true,
                            FactKey::Field(field) => fields.contains(&field),
                            named => is_named && keys.contains(&named.text()),
                        })
                    }
                };
                (Arc::new(events), BlockColumns::Staged(columns))
            }
            Place::Sealed(row) => {
                let chunk = Chunk::new(self.connection, self.cache, row);
                (chunk.events()?, BlockColumns::Sealed(chunk))
            }
        };
        let merged = !self.merged.is_empty();
        let shown = merged.then(|| events.issues.iter().map(|issue| self.shown_as(*issue)).collect());
        Ok(Block { events, columns, shown })
    }

    /// The events of a block that are there still, whatever a list is narrowed to.
    pub(super) fn alive(&self, place: Place, block: &Block<'_>) -> Bits {
        let ids = &block.events.ids;
        let first = ids.partition_point(|id| *id < self.oldest);
        let mut alive = if first == 0 { Bits::all(ids.len()) } else { Bits::of(ids.len(), |row| row >= first) };
        if let Place::Sealed(chunk) = place {
            for (id, batch) in &self.replaced {
                if *batch > chunk.last_batch_id
                    && let Ok(row) = ids.binary_search(id)
                {
                    alive.clear(row);
                }
            }
        }
        alive
    }

    /// Of these, those within what the list is narrowed to.
    pub(super) fn narrow(&self, block: &Block<'_>, mut among: Bits) -> Result<Bits, StoreError> {
        let times = &block.events.times;
        if let Some(from_ms) = self.filter.from_ms {
            among.retain(|row| times[row] >= from_ms);
        }
        if let Some(to_ms) = self.filter.to_ms {
            among.retain(|row| times[row] <= to_ms);
        }
        self.narrowed.ask(block, &among)
    }

    /// As which an issue is shown.
    pub(super) fn shown_as(&self, issue: i64) -> i64 {
        self.merged.get(&issue).copied().unwrap_or(issue)
    }
}

fn read_merged(connection: &Connection) -> Result<HashMap<i64, i64, Folding>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, merged_into FROM issue WHERE merged_into IS NOT NULL")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
