//! What is counted of issues within what their list is narrowed to: events, users, the bars of the last hours.
//!
//! Counts events that are kept, by their facts. Knows no search: which issues there are to count was found elsewhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use rusqlite::Connection;

use super::super::{Store, StoreError};
use super::bits::Bits;
use super::chunks::FactCache;
use super::issues::IssueOrder;
use super::scan::{EventFilter, Place, Scan, Wanted};
use crate::config::facts::FACT_LIST_EVENTS_MAX;
use crate::model::facts::Field;
use crate::model::ids::IssueId;
use crate::model::issue::Issue;
use crate::model::time::{HOUR_MS, hour_of};

/// Of one issue, within a filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopedCounts {
    pub events: u64,
    /// `None` where there were too many events to look at.
    pub users: Option<u64>,
    /// Events of each of the hours asked for; `None` as above.
    pub hours: Option<Vec<u64>>,
}

/// Which bars: so many hours up to this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hours {
    pub(super) last: i64,
    pub(super) count: usize,
}

impl Hours {
    fn first(self) -> i64 {
        self.last - self.count as i64 + 1
    }

    fn place_of(self, time_ms: i64) -> Option<usize> {
        usize::try_from(hour_of(time_ms) - self.first()).ok().filter(|place| *place < self.count)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) events: u64,
    pub(super) users: u64,
    hours: Vec<u64>,
}

#[derive(Default)]
pub(super) struct CountedAll {
    pub(super) of: HashMap<i64, Counted>,
    /// There are events that were not looked at.
    is_partial: bool,
    /// Some of these may be of the hours asked for.
    lacks_hours: bool,
}

impl Store {
    /// What is counted of these issues, as they are listed, within a filter: in their order. Of an environment alone events
    /// are counted in its own table, so that no more events are looked at than a list has time for.
    pub async fn scoped_counts(
        &self,
        issues: &[Issue],
        filter: EventFilter,
        order: IssueOrder,
        (last_hour, hours): (i64, usize),
    ) -> Result<Vec<ScopedCounts>, StoreError> {
        let cache = self.facts.clone();
        let issues: Vec<(IssueId, u64)> = issues.iter().map(|issue| (issue.id, issue.event_count)).collect();
        let hours = Hours { last: last_hour, count: hours };
        // A list that is narrowed by more than an environment, or is in the order of its users, has looked at all events to be found.
        let is_all_looked_at = order == IssueOrder::Users || !is_of_environment(&filter);
        let events_max = if is_all_looked_at { usize::MAX } else { FACT_LIST_EVENTS_MAX };
        self.readers.run(move |connection| read_scoped(connection, &cache, &issues, &filter, hours, events_max)).await
    }
}

fn read_scoped(
    connection: &Connection,
    cache: &FactCache,
    issues: &[(IssueId, u64)],
    filter: &EventFilter,
    hours: Hours,
    events_max: usize,
) -> Result<Vec<ScopedCounts>, StoreError> {
    let is_of_environment = is_of_environment(filter);
    let ids: HashSet<i64> = issues.iter().map(|(id, _)| id.0).collect();
    let mut all = count_scoped(connection, cache, &ids, filter, Some(hours), events_max)?;
    let counts_of = |(id, listed): &(IssueId, u64)| {
        let counted = all.of.remove(&id.0).unwrap_or_default();
        let events = if is_of_environment { *listed } else { counted.events };
        // Events that are kept no longer had users, too.
        let is_whole = !all.is_partial && (counted.events > 0 || events == 0);
        ScopedCounts {
            events,
            users: (is_whole || counted.events >= events).then_some(counted.users),
            hours: (!all.lacks_hours).then(|| padded(counted.hours, hours.count)),
        }
    };
    Ok(issues.iter().map(counts_of).collect())
}

/// Whether the table of environments counts what a filter lets through.
fn is_of_environment(filter: &EventFilter) -> bool {
    EventFilter { environment: None, ..filter.clone() }.is_empty()
}

fn padded(mut hours: Vec<u64>, count: usize) -> Vec<u64> {
    hours.resize(count, 0);
    hours
}

/// Counts the newest events first, until so many were looked at.
pub(super) fn count_scoped(
    connection: &Connection,
    cache: &FactCache,
    issues: &HashSet<i64>,
    filter: &EventFilter,
    hours: Option<Hours>,
    events_max: usize,
) -> Result<CountedAll, StoreError> {
    let scan = Scan::new(connection, cache, filter)?;
    let wanted = Wanted::These(BTreeSet::from([Field::User.name().to_owned()]));
    let mut all = CountedAll { is_partial: scan.due.is_some(), ..CountedAll::default() };
    let mut users: HashSet<(i64, u64)> = HashSet::new();
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let mut looked_at = 0;
    for place in scan.places() {
        if looked_at >= events_max {
            all.is_partial = true;
            all.lacks_hours |= hours.is_some_and(|hours| reaches(place, hours));
            continue;
        }
        let block = scan.open(place, &wanted)?;
        let events = block.events();
        looked_at += events.len();
        let is_asked: Vec<bool> = block.shown_issues().iter().map(|issue| issues.contains(issue)).collect();
        if !is_asked.contains(&true) {
            continue;
        }
        let mut among = Bits::of(events.len(), |row| is_asked[events.issue_of[row] as usize]);
        among.and(&scan.alive(place, &block));
        let among = scan.narrow(&block, among)?;
        let column = block.column(Field::User.name())?;
        // Whoever has many events is looked at once.
        let mut pairs: HashSet<(i64, u32)> = HashSet::new();
        for row in among.iter() {
            let issue = block.shown_issue(row);
            let counted = all.of.entry(issue).or_default();
            counted.events += 1;
            if let Some(hours) = hours
                && let Some(hour) = hours.place_of(events.times[row])
            {
                if counted.hours.is_empty() {
                    counted.hours.resize(hours.count, 0);
                }
                counted.hours[hour] += 1;
            }
            let Some(column) = &column else { continue };
            let code = column.codes()[row];
            if code == 0 || !pairs.insert((issue, code)) {
                continue;
            }
            for user in column.of_row(row).take(1) {
                if users.insert((issue, hash.hash_one(user))) {
                    counted.users += 1;
                }
            }
        }
    }
    Ok(all)
}

/// Whether events of a place may be of these hours.
fn reaches(place: Place, hours: Hours) -> bool {
    match place {
        Place::Staged => true,
        Place::Sealed(chunk) => chunk.max_ms >= hours.first() * HOUR_MS,
    }
}
