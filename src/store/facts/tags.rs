//! How the facts of events are distributed: by key and value, of an issue and of the rest, by time, by user, and what there is
//! to choose from while somebody types.
//!
//! Counts the newest events, as many as there is time for, and says when there were more.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, named_params};

use super::super::{Store, StoreError};
use super::bits::Bits;
use super::block::{OVERFLOW, shared_fact};
use super::chunks::FactCache;
use super::events::{EventSearch, each_match, each_match_wanting};
use super::issues::members;
use super::scan::{Block, EventFilter, Scan, Wanted};
use super::test::columns_of;
use crate::config::facts::{
    FACT_COMPLETION_EVENTS_MAX, FACT_EVENTS_COUNTED_MAX, FACT_KEYS_COUNTED_MAX, FACT_KEYS_SHOWN_MAX,
    FACT_VALUES_SHOWN_MAX,
};
use crate::model::facts::{FactKey, Field};
use crate::model::ids::{IssueId, ProjectId};
use crate::search::Key;

/// Fields shown among the tags, and as what.
pub const TAG_FIELDS: [(Field, &str); 13] = [
    (Field::Environment, "environment"),
    (Field::Release, "release"),
    (Field::Level, "level"),
    (Field::Transaction, "transaction"),
    (Field::User, "user"),
    (Field::ServerName, "server_name"),
    (Field::Browser, "browser"),
    (Field::Os, "os"),
    (Field::Device, "device"),
    (Field::Runtime, "runtime"),
    (Field::HttpUrl, "url"),
    (Field::HttpMethod, "method"),
    (Field::ErrorHandled, "handled"),
];

/// How a key's values are distributed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagCounts {
    /// As it is shown: the name of a tag, or of a field.
    pub key: String,
    /// As it is searched by.
    pub fact: String,
    pub distinct: u64,
    /// Events without it.
    pub missing: u64,
    /// The most frequent first.
    pub values: Vec<TagValue>,
    /// Events with other values.
    pub other: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagValue {
    pub value: String,
    pub count: u64,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    /// Share of the other events of the project that have it, and how many times as frequent it is here.
    pub rest_share: Option<f64>,
    pub lift: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    /// Events that were counted.
    pub events: u64,
    pub is_partial: bool,
    pub tags: Vec<TagCounts>,
    /// Tags beyond the `FACT_KEYS_SHOWN_MAX` that most events have.
    pub left_out: u64,
}

/// Which events completion looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FactScope {
    pub project_id: Option<ProjectId>,
    pub environment: Option<String>,
}

/// What there is, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FactNames {
    /// Key or value, and how many events have it.
    pub names: Vec<(String, u64)>,
    /// There are events that were not looked at.
    pub is_partial: bool,
}

impl Store {
    /// Tags of the events that match, the most telling first; with `compare_rest` beside the rest of the project.
    pub async fn event_tags(&self, search: EventSearch, compare_rest: bool) -> Result<Tags, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_tags(connection, &cache, &search, compare_rest)).await
    }

    /// All values of one tag or field, by the name it is shown under, from `offset` on.
    pub async fn event_tag(
        &self,
        search: EventSearch,
        key: String,
        offset: usize,
        limit: usize,
    ) -> Result<Option<(TagCounts, bool)>, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_tag(connection, &cache, &search, &key, offset, limit)).await
    }

    /// Events that match, counted by steps of time from `start_ms` on.
    pub async fn event_history(
        &self,
        search: EventSearch,
        start_ms: i64,
        step_ms: i64,
        steps: usize,
    ) -> Result<(Vec<u64>, bool), StoreError> {
        let cache = self.facts.clone();
        self.readers
            .run(move |connection| {
                let mut counts = vec![0; steps];
                let is_partial = each_match(connection, &cache, &search, &BTreeSet::new(), |block, found| {
                    for row in found.iter() {
                        let step = (block.events().times[row] - start_ms).div_euclid(step_ms.max(1));
                        if let Some(count) = usize::try_from(step).ok().and_then(|step| counts.get_mut(step)) {
                            *count += 1;
                        }
                    }
                    Ok(true)
                })?;
                Ok((counts, is_partial))
            })
            .await
    }

    /// Names of tags and flags that events have, by how many do: `tags[tenant]`, `flags[new-cart]`, `user.email`.
    pub async fn fact_keys(&self, scope: FactScope) -> Result<FactNames, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_keys(connection, &cache, &scope)).await
    }

    /// Values under a key of the search language that `takes` lets through, by how many events have them; `limit` at most.
    pub async fn fact_values(
        &self,
        scope: FactScope,
        key: Key,
        takes: impl Fn(&str) -> bool + Send + 'static,
        limit: usize,
    ) -> Result<FactNames, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| read_values(connection, &cache, &scope, &key, &takes, limit)).await
    }
}

/// Counts of one value.
#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// Of a key: its values, and events that have any.
#[derive(Default)]
pub(super) struct Counts {
    values: HashMap<String, Tally>,
    present: u64,
}

impl Counts {
    /// The most frequent value.
    pub(super) fn most(&self) -> Option<String> {
        self.sorted().first().map(|(value, _)| (*value).clone())
    }

    /// Events that have a value at all.
    pub(super) fn present(&self) -> u64 {
        self.present
    }

    pub(super) fn of(&self, value: &str) -> u64 {
        self.values.get(value).map_or(0, |tally| tally.count)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(value, tally)| (value.as_str(), tally.count))
    }

    pub(super) fn add_column(&mut self, block: &Block<'_>, key: &str, found: &Bits) -> Result<(), StoreError> {
        let Some(column) = block.column(key)? else { return Ok(()) };
        let (codes, times) = (column.codes(), &block.events().times);
        let mut of_codes: Vec<Option<Tally>> = vec![None; column.list_count() + 1];
        for row in found.iter() {
            let tally = Tally { count: 1, first_ms: times[row], last_ms: times[row] };
            match &mut of_codes[codes[row] as usize] {
                Some(known) => known.add(tally),
                none => *none = Some(tally),
            }
        }
        for (code, tally) in of_codes.into_iter().enumerate().skip(1) {
            let Some(tally) = tally else { continue };
            self.present += tally.count;
            for place in column.list(code - 1) {
                self.add_value(column.value(place as usize), tally);
            }
        }
        Ok(())
    }

    fn add_value(&mut self, value: &str, tally: Tally) {
        match self.values.get_mut(value) {
            Some(known) => known.add(tally),
            None => drop(self.values.insert(value.to_owned(), tally)),
        }
    }

    fn sorted(&self) -> Vec<(&String, &Tally)> {
        let mut values: Vec<(&String, &Tally)> = self.values.iter().collect();
        values.sort_unstable_by(|one, other| (other.1.count, one.0).cmp(&(one.1.count, other.0)));
        values
    }
}

/// As what a column is shown; `None` for those that are no tags.
fn shown_as(key: &str) -> Option<&str> {
    match FactKey::parse(key)? {
        FactKey::Tag(name) => Some(name),
        FactKey::Field(field) => TAG_FIELDS.iter().find(|(known, _)| *known == field).map(|(_, name)| *name),
        FactKey::Flag(_) => None,
    }
}

/// Columns that may be shown under a name, a tag of that name first.
fn columns_shown_as(name: &str) -> Vec<String> {
    let field = TAG_FIELDS.iter().find(|(_, known)| *known == name).map(|(field, _)| field.name().to_owned());
    std::iter::once(FactKey::Tag(name).text()).chain(field).collect()
}

/// Counts every key that `is_wanted` of the events that match.
fn count(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(BTreeMap<String, Counts>, u64, bool), StoreError> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut events = 0;
    let is_partial = each_match_wanting(connection, cache, search, Wanted::All, |block, found| {
        // Events that were left out make it a part, not that there were so many.
        if events >= FACT_EVENTS_COUNTED_MAX as u64 {
            return Ok(false);
        }
        events += found.count() as u64;
        for key in block.keys()? {
            if key == OVERFLOW {
                add_shared(&mut counts, block, &found, &is_wanted)?;
            } else if is_wanted(&key) {
                counts.entry(key.clone()).or_default().add_column(block, &key, &found)?;
            }
        }
        Ok(true)
    })?;
    Ok((counts, events, is_partial))
}

/// Counts the keys that share a column, which are those fewest events have. When there are more keys than anybody looks
/// at, the first ones are counted, each as it is.
fn add_shared(
    counts: &mut BTreeMap<String, Counts>,
    block: &Block<'_>,
    found: &Bits,
    is_wanted: &impl Fn(&str) -> bool,
) -> Result<(), StoreError> {
    let Some(column) = block.column(OVERFLOW)? else { return Ok(()) };
    let times = &block.events().times;
    for row in found.iter() {
        let tally = Tally { count: 1, first_ms: times[row], last_ms: times[row] };
        let mut last: Option<&str> = None;
        // Values of one key follow each other.
        for (key, value) in column.of_row(row).filter_map(shared_fact).filter(|(key, _)| is_wanted(key)) {
            if !counts.contains_key(key) {
                if counts.len() >= FACT_KEYS_COUNTED_MAX {
                    continue;
                }
                counts.insert(key.to_owned(), Counts::default());
            }
            let Some(known) = counts.get_mut(key) else { continue };
            known.present += u64::from(last != Some(key));
            known.add_value(value, tally);
            last = Some(key);
        }
    }
    Ok(())
}

pub(super) fn read_tags(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    compare_rest: bool,
) -> Result<Tags, StoreError> {
    let (mut counts, events, is_partial) = count(connection, cache, search, |key| shown_as(key).is_some())?;
    // A tag that is called like a field stands for it.
    let tags: HashSet<String> = counts.keys().filter(|key| key.starts_with("tags[")).cloned().collect();
    counts.retain(|key, counts| {
        let is_hidden =
            !key.starts_with("tags[") && shown_as(key).is_some_and(|name| tags.contains(&FactKey::Tag(name).text()));
        // A column of a chunk may be of other events alone.
        !is_hidden && counts.present() > 0
    });
    let mut found: Vec<TagCounts> = counts.iter().map(|(key, counts)| tag_counts(key, counts, events)).collect();
    found.sort_by(|one, other| (one.missing, &one.key).cmp(&(other.missing, &other.key)));
    let left_out = found.len().saturating_sub(FACT_KEYS_SHOWN_MAX) as u64;
    found.truncate(FACT_KEYS_SHOWN_MAX);
    if compare_rest && events > 0 {
        add_rest(connection, cache, search, &mut found, events)?;
    }
    Ok(Tags { events, is_partial, tags: found, left_out })
}

fn tag_counts(key: &str, counts: &Counts, events: u64) -> TagCounts {
    let sorted = counts.sorted();
    let shown = &sorted[..sorted.len().min(FACT_VALUES_SHOWN_MAX)];
    let values: Vec<TagValue> = shown.iter().map(|(value, tally)| tag_value(value, tally)).collect();
    TagCounts {
        key: shown_as(key).unwrap_or(key).to_owned(),
        fact: key.to_owned(),
        distinct: sorted.len() as u64,
        missing: events.saturating_sub(counts.present),
        other: sorted[shown.len()..].iter().map(|(_, tally)| tally.count).sum(),
        values,
    }
}

fn tag_value(value: &str, tally: &Tally) -> TagValue {
    TagValue {
        value: value.to_owned(),
        count: tally.count,
        first_seen_ms: tally.first_ms,
        last_seen_ms: tally.last_ms,
        rest_share: None,
        lift: None,
    }
}

/// How frequent the values are among the other events of the project, within the same time and environment.
fn add_rest(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    found: &mut [TagCounts],
    events: u64,
) -> Result<(), StoreError> {
    let issues = members(connection, search.issue_id)?;
    let project: Option<u32> = project_of(connection, search.issue_id)?;
    let scan = Scan::new(connection, cache, &search.filter)?;
    let wanted = Wanted::These(found.iter().map(|tag| tag.fact.clone()).collect());
    let mut rest: Vec<Counts> = found.iter().map(|_| Counts::default()).collect();
    let mut rest_events = 0;
    for place in scan.places() {
        let block = scan.open(place, &wanted)?;
        let is_its: Vec<bool> = block.events().issues.iter().map(|issue| issues.contains(issue)).collect();
        let (issue_of, projects) = (&block.events().issue_of, &block.events().projects);
        let mut among =
            Bits::of(issue_of.len(), |row| !is_its[issue_of[row] as usize] && Some(projects[row]) == project);
        among.and(&scan.alive(place, &block));
        let among = scan.narrow(&block, among)?;
        if among.is_empty() {
            continue;
        }
        rest_events += among.count() as u64;
        for (tag, counts) in found.iter().zip(&mut rest) {
            counts.add_values(&block, &tag.fact, &among, &tag.values)?;
        }
        if rest_events >= FACT_EVENTS_COUNTED_MAX as u64 {
            break;
        }
    }
    if rest_events == 0 {
        return Ok(());
    }
    for (tag, counts) in found.iter_mut().zip(&rest) {
        for value in &mut tag.values {
            let there = counts.values.get(&value.value).map_or(0, |tally| tally.count);
            let (share, rest_share) = (value.count as f64 / events as f64, there as f64 / rest_events as f64);
            value.rest_share = Some(rest_share);
            // One more event there, so that what is nowhere else is frequent but not infinitely so.
            value.lift = Some(share / ((there as f64 + 1.0) / (rest_events as f64 + 1.0)));
        }
    }
    Ok(())
}

impl Counts {
    /// As [`Self::add_column`], of a few values alone.
    fn add_values(
        &mut self,
        block: &Block<'_>,
        key: &str,
        among: &Bits,
        values: &[TagValue],
    ) -> Result<(), StoreError> {
        let Some(column) = block.column(key)? else { return Ok(()) };
        let wanted: HashMap<&str, usize> =
            values.iter().enumerate().map(|(place, value)| (value.value.as_str(), place)).collect();
        let places: Vec<Option<usize>> = column.values().map(|value| wanted.get(value).copied()).collect();
        if places.iter().all(Option::is_none) {
            return Ok(());
        }
        let mut of_codes = vec![0_u64; column.list_count() + 1];
        among.iter().for_each(|row| of_codes[column.codes()[row] as usize] += 1);
        for (code, count) in of_codes.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0) {
            for place in column.list(code - 1).filter_map(|value| places[value as usize]) {
                let tally = Tally { count, first_ms: 0, last_ms: 0 };
                match self.values.get_mut(&values[place].value) {
                    Some(known) => known.add(tally),
                    None => drop(self.values.insert(values[place].value.clone(), tally)),
                }
            }
        }
        Ok(())
    }
}

pub(super) fn project_of(connection: &Connection, issue: IssueId) -> Result<Option<u32>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT project_id FROM issue WHERE id = :id")?;
    let mut rows = statement.query(named_params! { ":id": issue.0 })?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn read_tag(
    connection: &Connection,
    cache: &FactCache,
    search: &EventSearch,
    name: &str,
    offset: usize,
    limit: usize,
) -> Result<Option<(TagCounts, bool)>, StoreError> {
    for key in columns_shown_as(name) {
        let mut counts = Counts::default();
        let mut events = 0;
        let keys = BTreeSet::from([key.clone()]);
        let is_partial = each_match(connection, cache, search, &keys, |block, found| {
            if events >= FACT_EVENTS_COUNTED_MAX as u64 {
                return Ok(false);
            }
            events += found.count() as u64;
            counts.add_column(block, &key, &found)?;
            Ok(true)
        })?;
        if counts.present == 0 {
            continue;
        }
        let sorted = counts.sorted();
        let shown = &sorted[offset.min(sorted.len())..sorted.len().min(offset.saturating_add(limit))];
        let values: Vec<TagValue> = shown.iter().map(|(value, tally)| tag_value(value, tally)).collect();
        let all: u64 = sorted.iter().map(|(_, tally)| tally.count).sum();
        let tag = TagCounts {
            key: name.to_owned(),
            fact: key,
            distinct: sorted.len() as u64,
            missing: events.saturating_sub(counts.present),
            other: all - values.iter().map(|value| value.count).sum::<u64>(),
            values,
        };
        return Ok(Some((tag, is_partial)));
    }
    Ok(None)
}

/// Events within a scope, the newest as far as completion looks; true when there are more.
fn each_in_scope(
    connection: &Connection,
    cache: &FactCache,
    scope: &FactScope,
    wanted: &Wanted,
    mut take: impl FnMut(&Block<'_>, &Bits) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let filter = EventFilter { environment: scope.environment.clone(), ..EventFilter::default() };
    let scan = Scan::new(connection, cache, &filter)?;
    // What was deleted is offered to nobody, also while its facts are still there.
    let deleted: HashSet<i64> = connection
        .prepare_cached("SELECT id FROM issue WHERE deleted_ms IS NOT NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut events = 0;
    for place in scan.places() {
        if events >= FACT_COMPLETION_EVENTS_MAX {
            return Ok(true);
        }
        let block = scan.open(place, wanted)?;
        let is_listed: Vec<bool> = block.shown_issues().iter().map(|issue| !deleted.contains(issue)).collect();
        let mut among = scan.alive(place, &block);
        among.retain(|row| is_listed[block.events().issue_of[row] as usize]);
        if let Some(project) = scope.project_id {
            among.retain(|row| block.events().projects[row] == project.0);
        }
        let among = scan.narrow(&block, among)?;
        events += among.count();
        if !among.is_empty() {
            take(&block, &among)?;
        }
    }
    Ok(scan.due.is_some())
}

fn read_keys(connection: &Connection, cache: &FactCache, scope: &FactScope) -> Result<FactNames, StoreError> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let is_partial = each_in_scope(connection, cache, scope, &Wanted::All, |block, among| {
        let share = among.count() as u64;
        for (key, count) in block.key_counts()? {
            *counts.entry(key).or_default() += count.min(share);
        }
        Ok(())
    })?;
    // Keys that share a column are not offered, and that is said.
    let has_more = counts.remove(OVERFLOW).is_some();
    Ok(FactNames { names: sorted(counts, usize::MAX), is_partial: is_partial || has_more })
}

fn read_values(
    connection: &Connection,
    cache: &FactCache,
    scope: &FactScope,
    key: &Key,
    takes: &dyn Fn(&str) -> bool,
    limit: usize,
) -> Result<FactNames, StoreError> {
    let keys = columns_of(key);
    let mut values: HashMap<String, u64> = HashMap::new();
    let wanted = Wanted::These(keys.iter().cloned().collect());
    let is_partial = each_in_scope(connection, cache, scope, &wanted, |block, among| {
        for key in &keys {
            let Some(column) = block.column(key)? else { continue };
            let taken: Vec<bool> = column.values().map(takes).collect();
            if !taken.contains(&true) {
                continue;
            }
            let mut of_codes = vec![0_u64; column.list_count() + 1];
            among.iter().for_each(|row| of_codes[column.codes()[row] as usize] += 1);
            for (code, count) in of_codes.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0) {
                for place in column.list(code - 1).filter(|place| taken[*place as usize]) {
                    let value = column.value(place as usize);
                    match values.get_mut(value) {
                        Some(known) => *known += count,
                        None => drop(values.insert(value.to_owned(), count)),
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(FactNames { names: sorted(values, limit), is_partial })
}

fn sorted(counts: HashMap<String, u64>, limit: usize) -> Vec<(String, u64)> {
    let mut names: Vec<(String, u64)> = counts.into_iter().collect();
    names.sort_unstable_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    names.truncate(limit);
    names
}
