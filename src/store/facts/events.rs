//! The events of one issue: which match, what stands before and after one, and a page of them.
//!
//! Events of issues that are merged into it are its own. Their order is that in which they happened, and of those of one
//! moment that in which they came. As long as events of before an upgrade are without facts, what asks for nothing is answered
//! by the index of the table of events, in the order in which they came.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::{Store, StoreError, trace_rows};
use super::bits::Bits;
use super::chunks::FactCache;
use super::issues::members;
use super::prepare::{Asker, Preparing};
use super::scan::{Block, EventFilter, Scan, Wanted};
use super::test::Test;
use crate::config::facts::{POSITION_COUNTED_MAX, RECOMMENDED_AMONG};
use crate::model::facts::Field;
use crate::model::ids::{EventId, IssueId, TraceId};
use crate::search::Expr;

/// Which events of an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSearch {
    pub issue_id: IssueId,
    pub expr: Expr,
    pub asker: Asker,
    pub filter: EventFilter,
}

impl EventSearch {
    /// All of them.
    pub fn all(issue_id: IssueId) -> Self {
        let (asker, filter) = (Asker::default(), EventFilter::default());
        Self { issue_id, expr: Expr::Everything, asker, filter }
    }

    pub(super) fn is_all(&self) -> bool {
        self.expr == Expr::Everything && self.filter.is_empty()
    }
}

/// Where an event stands among those that match.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventNav {
    pub first: Option<EventId>,
    pub previous: Option<EventId>,
    pub next: Option<EventId>,
    pub latest: Option<EventId>,
    pub recommended: Option<EventId>,
    pub total: u64,
    /// From the oldest on, 1 is the first; `None` when it does not match, or stands too far from both ends to be counted.
    pub position: Option<u64>,
}

/// A line of a list of events.
#[derive(Clone, Debug, PartialEq)]
pub struct EventLine {
    /// Of its row.
    pub id: i64,
    pub event_id: EventId,
    pub timestamp_ms: i64,
    pub title: String,
    pub level: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub user: Option<String>,
    pub trace_id: Option<TraceId>,
    pub transaction: Option<String>,
    pub server_name: Option<String>,
    /// The file it happened in.
    pub location: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EventLines {
    pub events: Vec<EventLine>,
    /// Pass as `before` for the next page.
    pub next_before: Option<i64>,
    pub total: u64,
    pub is_partial: bool,
}

/// An end of what matches, or the event that says most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventPick {
    First,
    Latest,
    Recommended,
}

impl Store {
    /// Newest first; `before` is exclusive.
    pub async fn event_lines(
        &self,
        search: EventSearch,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventLines, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_lines(connection, &cache, &search, before, limit)).await
    }

    /// What stands around an event (its row's id) among those that match. It need not match itself.
    pub async fn event_nav(&self, search: EventSearch, id: i64) -> Result<EventNav, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_nav(connection, &cache, &search, id)).await
    }

    /// One of those that match.
    pub async fn pick_event(&self, search: EventSearch, pick: EventPick) -> Result<Option<EventId>, StoreError> {
        let cache = self.facts.clone();
        self.readers
            .run(move |connection| {
                let all = Matching::read(connection, &cache, &search)?;
                let row = match pick {
                    EventPick::First => all.first(connection)?,
                    EventPick::Latest => all.latest(connection)?,
                    EventPick::Recommended => all.recommended(connection, &cache)?,
                };
                row.map(|row| event_id_of(connection, row)).transpose().map(Option::flatten)
            })
            .await
    }

    /// An issue's id and those of the issues merged into it.
    pub async fn issue_members(&self, issue_id: IssueId) -> Result<Vec<IssueId>, StoreError> {
        self.readers.run(move |connection| Ok(members(connection, issue_id)?.into_iter().map(IssueId).collect())).await
    }
}

/// The events that match.
enum Matching {
    /// All of these issues: the index of the table knows them.
    All(Vec<i64>),
    /// When each happened, and its row: rising.
    Rows { rows: Vec<Moment>, is_partial: bool },
}

/// When an event happened, and its row.
type Moment = (i64, i64);

impl Matching {
    fn read(connection: &Connection, cache: &FactCache, search: &EventSearch) -> Result<Self, StoreError> {
        let mut rows: Vec<Moment> = Vec::new();
        let is_partial = each_match(connection, cache, search, &BTreeSet::new(), |block, found| {
            let events = block.events();
            rows.extend(found.iter().map(|row| (events.times[row], events.ids[row])));
            Ok(true)
        })?;
        if is_partial && search.is_all() {
            return Ok(Self::All(members(connection, search.issue_id)?.into_iter().collect()));
        }
        // Each block is in order, or nearly: that is made use of.
        rows.sort();
        Ok(Self::Rows { rows, is_partial })
    }

    fn total(&self, connection: &Connection) -> Result<u64, StoreError> {
        match self {
            Self::Rows { rows, .. } => Ok(rows.len() as u64),
            Self::All(issues) => {
                let mut statement =
                    connection.prepare_cached("SELECT count(*) FROM event WHERE issue_id = :issue_id")?;
                let mut total = 0;
                for issue in issues {
                    let count: i64 = statement.query_row(named_params! { ":issue_id": issue }, |row| row.get(0))?;
                    total += count.max(0) as u64;
                }
                Ok(total)
            }
        }
    }

    fn first(&self, connection: &Connection) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Rows { rows, .. } => Ok(rows.first().map(|(_, row)| *row)),
            Self::All(_) => self.after(connection, i64::MIN),
        }
    }

    fn latest(&self, connection: &Connection) -> Result<Option<i64>, StoreError> {
        Ok(self.page(connection, None, 1)?.first().copied())
    }

    /// The last one before a row.
    fn before(&self, connection: &Connection, id: i64) -> Result<Option<i64>, StoreError> {
        Ok(self.page(connection, Some(id), 1)?.first().copied())
    }

    /// The first one after a row.
    fn after(&self, connection: &Connection, id: i64) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Rows { rows, .. } => {
                let Some(here) = moment_of(connection, id)? else { return Ok(None) };
                Ok(rows.get(rows.partition_point(|row| *row <= here)).map(|(_, row)| *row))
            }
            Self::All(issues) => {
                let mut statement = connection.prepare_cached(
                    "SELECT id FROM event WHERE issue_id = :issue_id AND id > :id ORDER BY id LIMIT 1",
                )?;
                let mut best: Option<i64> = None;
                for issue in issues {
                    let params = named_params! { ":issue_id": issue, ":id": id };
                    let found: Option<i64> = statement.query_row(params, |row| row.get(0)).optional()?;
                    best = best.into_iter().chain(found).min();
                }
                Ok(best)
            }
        }
    }

    /// Where a row stands, the oldest being 1.
    fn position(&self, connection: &Connection, id: i64, total: u64) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Rows { rows, .. } => {
                let here = moment_of(connection, id)?;
                Ok(here.and_then(|here| rows.binary_search(&here).ok()).map(|at| at as u64 + 1))
            }
            Self::All(issues) => {
                let newer = count_beyond(connection, issues, NEWER, id)?;
                if newer < POSITION_COUNTED_MAX {
                    return Ok(Some(total.saturating_sub(newer)));
                }
                let older = count_beyond(connection, issues, OLDER, id)?;
                Ok((older < POSITION_COUNTED_MAX).then_some(older + 1))
            }
        }
    }

    /// The last ones, or those before a row, the newest first. There are none before a row that is gone.
    fn page(&self, connection: &Connection, before: Option<i64>, limit: usize) -> Result<Vec<i64>, StoreError> {
        match self {
            Self::Rows { rows, .. } => {
                let end = match before.map(|before| moment_of(connection, before)).transpose()? {
                    None => rows.len(),
                    Some(None) => 0,
                    Some(Some(before)) => rows.partition_point(|row| *row < before),
                };
                Ok(rows[end.saturating_sub(limit)..end].iter().rev().map(|(_, row)| *row).collect())
            }
            Self::All(issues) => {
                let mut statement = connection.prepare_cached(
                    "SELECT id FROM event WHERE issue_id = :issue_id AND id < :before ORDER BY id DESC LIMIT :limit",
                )?;
                let mut found: Vec<i64> = Vec::new();
                for issue in issues {
                    let params = named_params! { ":issue_id": issue, ":before": before.unwrap_or(i64::MAX), ":limit": limit as i64 };
                    for row in statement.query_map(params, |row| row.get(0))? {
                        found.push(row?);
                    }
                }
                found.sort_unstable_by(|one, other| other.cmp(one));
                found.truncate(limit);
                Ok(found)
            }
        }
    }

    /// The newest of the last ones that has frames of the application, a user, and a trace with spans; else the one that has
    /// most of these.
    fn recommended(&self, connection: &Connection, cache: &FactCache) -> Result<Option<i64>, StoreError> {
        let rows = self.page(connection, None, RECOMMENDED_AMONG)?;
        let facts = facts_of(connection, cache, &rows, &[Field::StackFunction, Field::User])?;
        let mut trace_of = connection.prepare_cached("SELECT trace_id FROM event WHERE id = :id")?;
        let mut best: Option<(u32, i64)> = None;
        for row in rows {
            let known = facts.get(&row);
            let has = |place: usize| known.is_some_and(|facts| facts[place].is_some());
            let trace: Option<Option<[u8; 16]>> =
                trace_of.query_row(named_params! { ":id": row }, |found| found.get(0)).optional()?;
            let has_trace = trace.flatten().map(|id| trace_rows::has(connection, TraceId(id))).transpose()?;
            let has_trace = has_trace.unwrap_or(false);
            let score = u32::from(has(0)) * 4 + u32::from(has_trace) * 2 + u32::from(has(1));
            // The newest of equals, which come first.
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, row));
            }
            if score == 7 {
                break;
            }
        }
        Ok(best.map(|(_, row)| row))
    }

    fn is_partial(&self) -> bool {
        matches!(self, Self::Rows { is_partial: true, .. })
    }
}

const NEWER: &str = "SELECT count(*) FROM (SELECT 1 FROM event WHERE issue_id = :issue_id AND id > :id LIMIT :limit)";
const OLDER: &str = "SELECT count(*) FROM (SELECT 1 FROM event WHERE issue_id = :issue_id AND id < :id LIMIT :limit)";

/// How many of these issues' events are on one side of a row; of each issue no more than are counted are looked at.
fn count_beyond(connection: &Connection, issues: &[i64], side: &str, id: i64) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(side)?;
    let mut found = 0;
    for issue in issues {
        let params = named_params! { ":issue_id": issue, ":id": id, ":limit": POSITION_COUNTED_MAX as i64 };
        let count: i64 = statement.query_row(params, |row| row.get(0))?;
        found += count.max(0) as u64;
    }
    Ok(found)
}

/// `None` for a row that is gone.
fn moment_of(connection: &Connection, id: i64) -> Result<Option<Moment>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT timestamp_ms FROM event WHERE id = :id")?;
    let time: Option<i64> = statement.query_row(named_params! { ":id": id }, |row| row.get(0)).optional()?;
    Ok(time.map(|time| (time, id)))
}

fn event_id_of(connection: &Connection, id: i64) -> Result<Option<EventId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT event_id FROM event WHERE id = :id")?;
    Ok(statement.query_row(named_params! { ":id": id }, |row| row.get(0).map(EventId)).optional()?)
}

fn read_nav(connection: &Connection, cache: &FactCache, search: &EventSearch, id: i64) -> Result<EventNav, StoreError> {
    let all = Matching::read(connection, cache, search)?;
    let named = |row: Option<i64>| row.map(|row| event_id_of(connection, row)).transpose().map(Option::flatten);
    let total = all.total(connection)?;
    Ok(EventNav {
        first: named(all.first(connection)?)?,
        previous: named(all.before(connection, id)?)?,
        next: named(all.after(connection, id)?)?,
        latest: named(all.latest(connection)?)?,
        recommended: named(all.recommended(connection, cache)?)?,
        total,
        position: all.position(connection, id, total)?,
    })
}

/// Facts shown in a line. Of files the first is that of the innermost frame of the application.
const LINE_FIELDS: [Field; 4] = [Field::User, Field::Transaction, Field::ServerName, Field::StackFilename];

fn read_lines(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    before: Option<i64>,
    limit: usize,
) -> Result<EventLines, StoreError> {
    let all = Matching::read(connection, cache, search)?;
    let mut rows = all.page(connection, before, limit + 1)?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let facts = facts_of(connection, cache, &rows, &LINE_FIELDS)?;
    let mut statement = connection.prepare_cached(
        "SELECT event_id, timestamp_ms, title, level, release, environment, trace_id FROM event WHERE id = :id",
    )?;
    let mut events = Vec::with_capacity(rows.len());
    for id in &rows {
        let fact = |place: usize| facts.get(id).and_then(|facts| facts[place].clone());
        let line = statement.query_row(named_params! { ":id": id }, |row| {
            Ok(EventLine {
                id: *id,
                event_id: EventId(row.get(0)?),
                timestamp_ms: row.get(1)?,
                title: row.get(2)?,
                level: row.get(3)?,
                release: row.get(4)?,
                environment: row.get(5)?,
                trace_id: row.get::<_, Option<[u8; 16]>>(6)?.map(TraceId),
                user: fact(0),
                transaction: fact(1),
                server_name: fact(2),
                location: fact(3),
            })
        });
        events.extend(line.optional()?);
    }
    let next_before = rows.last().copied().filter(|_| has_more);
    Ok(EventLines { events, next_before, total: all.total(connection)?, is_partial: all.is_partial() })
}

/// Gives `take` the events of each block that match, until it returns false. True when there may be more than was seen.
pub(super) fn each_match(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    more_keys: &BTreeSet<String>,
    take: impl FnMut(&Block<'_>, Bits) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    each_match_wanting(connection, cache, search, Wanted::These(more_keys.clone()), take)
}

/// As [`each_match`], with these columns of the events that wait beside those the question looks at.
pub(super) fn each_match_wanting(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    mut wanted: Wanted,
    mut take: impl FnMut(&Block<'_>, Bits) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let scan = Scan::new(connection, cache, &search.filter)?;
    let test = match search.expr {
        Expr::Everything => Test::Everything,
        _ => Preparing { connection, asker: &search.asker }.test(&search.expr)?,
    };
    if let Wanted::These(keys) = &mut wanted {
        test.add_keys(keys);
    }
    let shown_as = scan.shown_as(search.issue_id.0);
    for place in scan.places() {
        let block = scan.open(place, &wanted)?;
        let its = |(place, issue): (usize, &i64)| (*issue == shown_as).then_some(place as u32);
        let its: Vec<u32> = block.shown_issues().iter().enumerate().filter_map(its).collect();
        let issue_of = &block.events().issue_of;
        let mut among = match its.as_slice() {
            [] => continue,
            // Hardly any has others merged into it.
            [only] => Bits::of(block.events().len(), |row| issue_of[row] == *only),
            several => Bits::of(block.events().len(), |row| several.contains(&issue_of[row])),
        };
        among.and(&scan.alive(place, &block));
        let among = scan.narrow(&block, among)?;
        let found = test.ask(&block, &among)?;
        if !found.is_empty() && !take(&block, found)? {
            return Ok(true);
        }
    }
    Ok(scan.due.is_some())
}

/// The first value of each of some fields, of each of some events that has facts.
pub(super) fn facts_of(
    connection: &Connection,
    cache: &FactCache,
    rows: &[i64],
    fields: &[Field],
) -> Result<HashMap<i64, Vec<Option<String>>>, StoreError> {
    let mut found = HashMap::with_capacity(rows.len());
    let mut left: HashSet<i64> = rows.iter().copied().collect();
    let scan = Scan::new(connection, cache, &EventFilter::default())?;
    let wanted = Wanted::These(fields.iter().map(|field| field.name().to_owned()).collect());
    for place in scan.places() {
        if left.is_empty() {
            break;
        }
        let range = place.first_event_id()..=place.last_event_id();
        if !left.iter().any(|id| range.contains(id)) {
            continue;
        }
        let block = scan.open(place, &wanted)?;
        let alive = scan.alive(place, &block);
        let here: Vec<(i64, usize)> = left
            .iter()
            .filter_map(|id| Some((*id, block.events().ids.binary_search(id).ok()?)))
            .filter(|(_, row)| alive.has(*row))
            .collect();
        if here.is_empty() {
            continue;
        }
        let columns = fields.iter().map(|field| block.column(field.name())).collect::<Result<Vec<_>, _>>()?;
        for (id, row) in here {
            left.remove(&id);
            let values = columns
                .iter()
                .map(|column| column.as_ref().and_then(|column| column.of_row(row).next().map(str::to_owned)));
            found.insert(id, values.collect());
        }
    }
    Ok(found)
}
