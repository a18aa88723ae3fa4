//! What was different when an issue began: its first events beside what came in the project before.
//!
//! Owns what is compared and what is worth telling; who tells it in words does so elsewhere.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::{Store, StoreError};
use super::bits::Bits;
use super::block::OVERFLOW;
use super::chunks::FactCache;
use super::events::{EventSearch, each_match_wanting};
use super::issues::members;
use super::scan::{Block, EventFilter, Scan, Wanted};
use super::tags::{Counts, project_of};
use crate::model::facts::{FactKey, Field};
use crate::model::ids::{EventId, IssueId};
use crate::model::time::DAY_MS;
use crate::model::workflow::package_of;

/// A value that is more frequent since then.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedFact {
    /// As in [`FactKey::text`].
    pub fact: String,
    pub value: String,
    /// Share of the events before that have it, and of those after.
    pub share_before: f64,
    pub share_after: f64,
    pub lift: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    pub events_before: u64,
    pub events_after: u64,
    /// The most telling first.
    pub facts: Vec<ChangedFact>,
    /// Releases of its events that were first seen in the day before, with when; the latest first.
    pub releases: Vec<(String, i64)>,
    /// The release of most events before and after, and which share of them come from it.
    pub release_before: Option<(String, f64)>,
    pub release_after: Option<(String, f64)>,
    /// The last event of the project before, and the first of the issue since, whose packages can be compared.
    pub event_before: Option<EventId>,
    pub event_after: Option<EventId>,
}

/// A release and when it was seen first.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseMark {
    pub version: String,
    pub at_ms: i64,
}

/// Told at most; more would be noise.
const TOLD_MAX: usize = 12;
/// Releases of the day before that are looked through.
const MARKS_MAX: usize = 200;
/// Below these a difference is chance.
const EVENTS_MIN: u64 = 3;
const SHARE_MIN: f64 = 0.5;
const LIFT_MIN: f64 = 2.0;

impl Store {
    /// Releases of a project first seen in a stretch of time, the oldest first, `limit` at most: the newest.
    pub async fn release_marks(
        &self,
        project: crate::model::ids::ProjectId,
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<ReleaseMark>, StoreError> {
        self.readers.run(move |connection| read_marks(connection, project.0, from_ms, to_ms, limit)).await
    }

    /// Versions of releases, the newest first: a late event of an old one makes it no newer.
    pub async fn release_names(
        &self,
        project: Option<crate::model::ids::ProjectId>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT version FROM release WHERE :project_id IS NULL OR project_id = :project_id
                     GROUP BY version ORDER BY min(first_seen_ms) DESC, version LIMIT :limit",
                )?;
                let params = named_params! { ":project_id": project.map(|id| id.0), ":limit": limit as i64 };
                Ok(statement.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// When the event happened by which an issue last came back, if it did; as far as that was kept, else when it came in.
    pub async fn regressed_ms(&self, issue: IssueId) -> Result<Option<i64>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT min(at_ms, coalesce(json_extract(detail, '$.happened_ms'), at_ms)) FROM issue_activity
                     WHERE issue_id = :id AND kind = 'regressed' ORDER BY id DESC LIMIT 1",
                )?;
                Ok(statement.query_row(named_params! { ":id": issue.0 }, |row| row.get(0)).optional()?)
            })
            .await
    }

    /// The day since `since_ms` beside the day before.
    pub async fn issue_changes(&self, issue: IssueId, since_ms: i64) -> Result<Changes, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_changes(connection, &cache, issue, since_ms)).await
    }
}

fn read_marks(
    connection: &Connection,
    project: u32,
    from_ms: i64,
    to_ms: i64,
    limit: usize,
) -> Result<Vec<ReleaseMark>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT version, min(first_seen_ms) AS at_ms FROM release WHERE project_id = :project_id
         GROUP BY version HAVING at_ms BETWEEN :from_ms AND :to_ms ORDER BY at_ms DESC LIMIT :limit",
    )?;
    let params = named_params! { ":project_id": project, ":from_ms": from_ms, ":to_ms": to_ms, ":limit": limit as i64 };
    let marks = statement.query_map(params, |row| Ok(ReleaseMark { version: row.get(0)?, at_ms: row.get(1)? }))?;
    let mut marks: Vec<ReleaseMark> = marks.collect::<Result<_, _>>()?;
    marks.reverse();
    Ok(marks)
}

/// Keys that tell whose an event is: those of other services have releases, SDKs and servers of their own, which says
/// nothing about what changed in this one.
fn tells_service(key: &str) -> bool {
    match FactKey::parse(key) {
        Some(FactKey::Field(field)) => matches!(field, Field::Release | Field::Platform | Field::SdkName),
        Some(FactKey::Tag(name)) => name == "service.name",
        _ => false,
    }
}

/// As far as it tells the service: of a release its package.
fn service_part<'v>(key: &str, value: &'v str) -> &'v str {
    if key == Field::Release.name() { package_of(value) } else { value }
}

/// The events of the services that `own` events are of.
fn of_same_service(block: &Block<'_>, own: &BTreeMap<String, Counts>, events: u64) -> Result<Bits, StoreError> {
    let mut same = Bits::all(block.events().len());
    for (key, counts) in own.iter().filter(|(key, _)| tells_service(key)) {
        let parts: HashSet<&str> = counts.each().map(|(value, _)| service_part(key, value)).collect();
        let may_lack = counts.present() < events;
        let Some(column) = block.column(key)? else {
            if !may_lack {
                return Ok(Bits::none(block.events().len()));
            }
            continue;
        };
        let mut takes = column.codes_where(|value| parts.contains(service_part(key, value)));
        takes[0] = may_lack;
        let codes = column.codes();
        same.retain(|row| takes[codes[row] as usize]);
    }
    Ok(same)
}

/// The last moment at which something is first seen that is known to have been seen at `at_ms`: SDKs that count sessions say
/// of them in which minute they began.
fn seen_by_ms(at_ms: i64) -> i64 {
    if at_ms % 60_000 == 0 { at_ms.saturating_add(59_999) } else { at_ms }
}

/// Keys that say something about what changed; all others (the user, the address) differ anyway.
fn is_telling(key: &str) -> bool {
    match FactKey::parse(key) {
        Some(FactKey::Tag(_) | FactKey::Flag(_)) => true,
        Some(FactKey::Field(field)) => matches!(
            field,
            Field::Environment | Field::ServerName | Field::Runtime | Field::Browser | Field::Os | Field::SdkVersion
        ),
        None => false,
    }
}

fn read_changes(
    connection: &Connection,
    cache: &FactCache,
    issue: IssueId,
    since_ms: i64,
) -> Result<Changes, StoreError> {
    let mut changes = Changes::default();
    let after = EventFilter { from_ms: Some(since_ms), to_ms: Some(since_ms + DAY_MS), ..EventFilter::default() };
    let search = EventSearch { filter: after, ..EventSearch::all(issue) };
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let release = Field::Release.name();
    let mut first: Option<i64> = None;
    each_match_wanting(connection, cache, &search, Wanted::All, |block, found| {
        changes.events_after += found.count() as u64;
        first = first.into_iter().chain(found.iter().map(|row| block.events().ids[row])).min();
        for key in block.keys()? {
            if key != OVERFLOW && (is_telling(&key) || tells_service(&key)) {
                counts.entry(key.clone()).or_default().add_column(block, &key, &found)?;
            }
        }
        Ok(true)
    })?;
    let mut before: BTreeMap<String, Counts> = counts.keys().map(|key| (key.clone(), Counts::default())).collect();
    let issues = members(connection, issue)?;
    let project = project_of(connection, issue)?;
    let filter = EventFilter { from_ms: Some(since_ms - DAY_MS), to_ms: Some(since_ms - 1), ..EventFilter::default() };
    let scan = Scan::new(connection, cache, &filter)?;
    let wanted = Wanted::These(counts.keys().cloned().collect());
    let mut last: Option<i64> = None;
    for place in scan.places() {
        let block = scan.open(place, &wanted)?;
        let (events, issues) = (block.events(), &issues);
        let is_its: Vec<bool> = events.issues.iter().map(|id| issues.contains(id)).collect();
        let mut among = Bits::of(events.len(), |row| {
            !is_its[events.issue_of[row] as usize] && Some(events.projects[row]) == project
        });
        among.and(&scan.alive(place, &block));
        among.and(&of_same_service(&block, &counts, changes.events_after)?);
        let among = scan.narrow(&block, among)?;
        changes.events_before += among.count() as u64;
        last = last.into_iter().chain(among.iter().map(|row| events.ids[row])).max();
        for (key, counts) in &mut before {
            counts.add_column(&block, key, &among)?;
        }
    }
    let most = |counts: Option<&Counts>, events: u64| {
        let counts = counts?;
        let release = counts.most()?;
        let share = counts.of(&release) as f64 / events.max(1) as f64;
        Some((release, share))
    };
    changes.release_after = most(counts.get(release), changes.events_after);
    changes.release_before = most(before.get(release), changes.events_before);
    let (all_before, all_after) = (changes.events_before as f64, changes.events_after as f64);
    if changes.events_after >= EVENTS_MIN && changes.events_before >= EVENTS_MIN {
        for (key, counts) in counts.iter().filter(|(key, _)| is_telling(key)) {
            for (value, count) in counts.each() {
                let there = before.get(key).map_or(0, |counts| counts.of(value));
                let (share_after, share_before) = (count as f64 / all_after, there as f64 / all_before);
                let lift = share_after / ((there as f64 + 1.0) / (all_before + 1.0));
                if share_after >= SHARE_MIN && lift >= LIFT_MIN {
                    let (fact, value) = (key.clone(), value.to_owned());
                    changes.facts.push(ChangedFact { fact, value, share_before, share_after, lift });
                }
            }
        }
        let weight = |fact: &ChangedFact| fact.share_after * fact.lift.ln_1p();
        changes
            .facts
            .sort_by(|one, other| weight(other).total_cmp(&weight(one)).then_with(|| one.fact.cmp(&other.fact)));
        changes.facts.truncate(TOLD_MAX);
    }
    if let Some(project) = project {
        let marks = read_marks(connection, project, since_ms - DAY_MS, since_ms, MARKS_MAX)?;
        let own = counts.get(release);
        // One that no event of the issue comes from is another service's, or did not bring it.
        let is_its = |mark: &ReleaseMark| own.is_some_and(|counts| counts.of(&mark.version) > 0);
        let is_before = |mark: &ReleaseMark| seen_by_ms(mark.at_ms) <= since_ms;
        let marks = marks.into_iter().rev().filter(|mark| is_its(mark) && is_before(mark));
        changes.releases = marks.map(|mark| (mark.version, mark.at_ms)).take(TOLD_MAX).collect();
    }
    let mut event_id = connection.prepare_cached("SELECT event_id FROM event WHERE id = :id")?;
    let mut named = |row: Option<i64>| -> Result<Option<EventId>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        Ok(event_id.query_row(named_params! { ":id": row }, |row| row.get(0).map(EventId)).optional()?)
    };
    changes.event_before = named(last)?;
    changes.event_after = named(first)?;
    Ok(changes)
}
