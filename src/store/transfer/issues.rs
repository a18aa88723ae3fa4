//! What another store counts of an issue, and what is counted of it here: the union of both, as far as they tell.
//!
//! Owns which issue here a line means, and the hours, environments and totals of those that are in both. Lines of
//! issues that are here already are collected (`temp.issue_in`) and merged behind the last line, because it takes the
//! events to tell: what is here is known one by one, and what was dropped since only as counts. Every count that comes
//! out is one that is certain, so merging the same again changes nothing, and none is ever lowered.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use crate::model::ids::IssueId;
use crate::model::sketch::UserSketch;
use crate::model::time::hour_of;
use crate::store::retention::ISSUE_HOURS_FROM;
use crate::store::{StoreError, workflow};

/// First seen, last seen, events.
type Seen = (i64, i64, i64);

/// What one store says of an issue, or what both say together.
#[derive(Clone, Debug, Default)]
struct Counts {
    total: i64,
    hours: BTreeMap<i64, i64>,
    environments: BTreeMap<String, Seen>,
    /// Before which hour some were dropped; `None` when all are there.
    dropped_before: Option<i64>,
}

impl Counts {
    /// `hours_from` is where the hours of its store begin, if it has dropped some and says so. Else those that are missing
    /// can lie anywhere before the oldest that is left.
    fn new(
        total: i64,
        hours: BTreeMap<i64, i64>,
        environments: BTreeMap<String, Seen>,
        last_seen_ms: i64,
        hours_from: Option<i64>,
    ) -> Self {
        let is_short = total > hours.values().fold(0, |sum: i64, count| sum.saturating_add(*count));
        let least = || hours.keys().next().copied().unwrap_or(i64::MAX).min(hour_of(last_seen_ms) + 1);
        let dropped_before = is_short.then(|| hours_from.unwrap_or_else(least));
        Self { total, hours, environments, dropped_before }
    }

    /// Of another issue that is the same one here.
    fn add(&mut self, other: Self) {
        self.total = self.total.saturating_add(other.total);
        self.dropped_before = self.dropped_before.max(other.dropped_before);
        for (hour, count) in other.hours {
            let known = self.hours.entry(hour).or_default();
            *known = known.saturating_add(count);
        }
        for (name, (first, last, count)) in other.environments {
            let known = self.environments.entry(name).or_insert((first, last, 0));
            *known = (known.0.min(first), known.1.max(last), known.2.saturating_add(count));
        }
    }

    fn in_hour(&self, hour: i64) -> i64 {
        self.hours.get(&hour).copied().unwrap_or(0)
    }

    fn seen_in(&self, environment: &str) -> i64 {
        self.environments.get(environment).map_or(0, |seen| seen.2)
    }

    /// Events before an hour, those whose hours were dropped included.
    fn before(&self, hour: i64) -> i64 {
        self.total.saturating_sub(sum(self.hours.range(hour..).map(|(_, count)| *count)))
    }
}

fn sum(counts: impl Iterator<Item = i64>) -> i64 {
    counts.fold(0, i64::saturating_add)
}

/// `here`, `theirs`, and the events of it that are here after the import, by their own hours and environments.
///
/// Of the same hour or environment it is certain that there were as many events as the larger count says, and as many as
/// are here; hours before the later of the two ends of what was dropped are compared as a total. Where one view is certain
/// of more than the other, the other takes the rest where both stores have counted, for there it may have hidden it.
fn merged(here: &Counts, theirs: &Counts, present: &Counts) -> Counts {
    let from = here.dropped_before.max(theirs.dropped_before).unwrap_or(i64::MIN);
    let mut hours = here.hours.clone();
    for (hour, count) in theirs.hours.range(from..).chain(present.hours.range(from..)) {
        let known = hours.entry(*hour).or_default();
        *known = (*known).max(*count);
    }
    let by_hour = sum(hours.range(..from).map(|(_, count)| *count));
    let before = here.before(from).max(theirs.before(from)).max(present.before(from)).max(by_hour);
    let by_hour = before.saturating_add(sum(hours.range(from..).map(|(_, count)| *count)));

    let mut environments: BTreeMap<String, Seen> = BTreeMap::new();
    for (name, (first, last, count)) in [here, theirs, present].iter().flat_map(|of| &of.environments) {
        let known = environments.entry(name.clone()).or_insert((*first, *last, 0));
        *known = (known.0.min(*first), known.1.max(*last), known.2.max(*count));
    }
    let by_environment = sum(environments.values().map(|seen| seen.2));

    let total = by_hour.max(by_environment);
    // Events without a line of their issue speak for it.
    let others = if theirs.total > 0 { theirs } else { present };
    let room = |here: i64, others: i64, known: i64| here.saturating_add(others) - known;
    let rooms: Vec<i64> =
        hours.range(from..).map(|(hour, known)| room(here.in_hour(*hour), others.in_hour(*hour), *known)).collect();
    let shares = share(total - by_hour, &rooms);
    let mut left = total - by_hour - sum(shares.iter().copied());
    for ((_, count), share) in hours.range_mut(from..).zip(shares) {
        *count = count.saturating_add(share);
    }
    // Nobody says when; but an hour that is missing would mean that it was dropped.
    if left > 0 && from == i64::MIN {
        match hours.last_entry() {
            Some(mut newest) => *newest.get_mut() = newest.get().saturating_add(left),
            None => {
                let last_ms = environments.values().map(|seen| seen.1).max().unwrap_or_default();
                hours.insert(hour_of(last_ms), left);
            }
        }
    }

    let rooms: Vec<i64> =
        environments.iter().map(|(name, known)| room(here.seen_in(name), others.seen_in(name), known.2)).collect();
    let shares = share(total - by_environment, &rooms);
    left = total - by_environment - sum(shares.iter().copied());
    for (known, share) in environments.values_mut().zip(shares) {
        known.2 = known.2.saturating_add(share);
    }
    if left > 0
        && let Some(largest) = environments.values_mut().max_by_key(|seen| seen.2)
    {
        largest.2 = largest.2.saturating_add(left);
    }
    Counts { total, hours, environments, dropped_before: None }
}

/// `amount` over what has room for it, in proportion, and no more than there is room for.
pub(super) fn share(amount: i64, rooms: &[i64]) -> Vec<i64> {
    let mut room_left: i128 = rooms.iter().map(|room| i128::from((*room).max(0))).sum();
    let mut left = i128::from(amount.max(0)).min(room_left);
    let mut shares = Vec::with_capacity(rooms.len());
    for room in rooms.iter().map(|room| i128::from((*room).max(0))) {
        let share = if room_left > 0 { left * room / room_left } else { 0 };
        (left, room_left) = (left - share, room_left - room);
        // Not more than its room, which is 64 bits wide.
        shares.push(share as i64);
    }
    shares
}

/// Counts of one that is here already are set aside, until its events have come.
pub(super) const ISSUE_WRITE: &[&str] = &[
            "INSERT INTO temp.issue_as (theirs, here)
             VALUES (:id, coalesce((SELECT id FROM issue WHERE id = :id),
                 (SELECT issue.id FROM json_each(:hashes) JOIN issue_hash ON hash = unhex(json_each.value)
                      JOIN issue ON issue.id = issue_id
                  WHERE issue_hash.project_id = :project_id ORDER BY json_each.key LIMIT 1), :id))
             ON CONFLICT (theirs) DO NOTHING",
            "INSERT INTO temp.issue_shown (member, survivor) SELECT :id, :merged_into WHERE :merged_into IS NOT NULL
             ON CONFLICT (member) DO NOTHING",
            concat!(
                "INSERT INTO temp.issue_in (theirs, here, event_count, last_seen_ms, hours_from, hours, environments)
                 SELECT :id, id, :event_count, :last_seen_ms, :hours_from, :hours, :environments FROM issue WHERE id = ",
                here!(":id"),
                " ON CONFLICT (theirs) DO UPDATE SET event_count = excluded.event_count, hours = excluded.hours,
                     last_seen_ms = excluded.last_seen_ms, hours_from = excluded.hours_from,
                     environments = excluded.environments
                 WHERE excluded.event_count > event_count"
            ),
            concat!(
                "INSERT INTO issue (id, project_id, short_no, kind, title, culprit, ty, value, filename, function, line,
                     level, platform, status, is_unhandled, first_seen_ms, last_seen_ms, event_count, user_count,
                     first_release, last_release, substatus, status_json, wake_ms, changed_ms, assignee, priority,
                     is_bookmarked, deleted_ms)
                 VALUES (",
                here!(":id"),
                ", :project_id,
                     CASE WHEN EXISTS
                         (SELECT 1 FROM issue WHERE project_id = :project_id AND short_no = :short_no AND id <> :id)
                         THEN (SELECT last_short_no + 1 FROM project WHERE id = :project_id) ELSE :short_no END,
                     :issue_kind, :title, :culprit, :ty, :value, :filename, :function, :line, :level, :platform, :status,
                     :is_unhandled, :first_seen_ms, :last_seen_ms, :event_count, :user_count, :first_release,
                     :last_release, coalesce(:substatus, ''), :standing,
                     iif(:status = 'ignored' AND :standing ->> 'kind' = 'until_time', :standing ->> 'until_ms', NULL),
                     coalesce(:changed_ms, 0), :assignee,
                     coalesce(:priority, iif(:is_unhandled OR :level = 'fatal', 2, :level IN ('error', 'warning'))),
                     coalesce(:is_bookmarked, 0), :deleted_ms)
                 ON CONFLICT (id) DO UPDATE SET
                     status = iif(excluded.changed_ms > changed_ms, excluded.status, status),
                     substatus = iif(excluded.changed_ms > changed_ms, excluded.substatus, substatus),
                     status_json = iif(excluded.changed_ms > changed_ms, excluded.status_json, status_json),
                     wake_ms = iif(excluded.changed_ms > changed_ms, excluded.wake_ms, wake_ms),
                     assignee = iif(excluded.changed_ms > changed_ms, excluded.assignee, assignee),
                     priority = iif(excluded.changed_ms > changed_ms, excluded.priority, priority),
                     is_bookmarked = iif(excluded.changed_ms > changed_ms, excluded.is_bookmarked, is_bookmarked),
                     changed_ms = max(changed_ms, excluded.changed_ms),
                     title = iif(excluded.last_seen_ms > last_seen_ms, excluded.title, title),
                     culprit = iif(excluded.last_seen_ms > last_seen_ms, excluded.culprit, culprit),
                     ty = iif(excluded.last_seen_ms > last_seen_ms, excluded.ty, ty),
                     value = iif(excluded.last_seen_ms > last_seen_ms, excluded.value, value),
                     filename = iif(excluded.last_seen_ms > last_seen_ms, excluded.filename, filename),
                     function = iif(excluded.last_seen_ms > last_seen_ms, excluded.function, function),
                     line = iif(excluded.last_seen_ms > last_seen_ms, excluded.line, line),
                     level = iif(excluded.last_seen_ms > last_seen_ms, excluded.level, level),
                     first_release = iif(excluded.first_seen_ms < first_seen_ms, excluded.first_release, first_release),
                     last_release = iif(excluded.last_seen_ms > last_seen_ms,
                         coalesce(excluded.last_release, last_release), coalesce(last_release, excluded.last_release)),
                     is_unhandled = is_unhandled OR excluded.is_unhandled,
                     first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
                     last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)"
            ),
            concat!(
                "UPDATE project SET last_short_no = max(last_short_no, (SELECT short_no FROM issue WHERE id = ",
                here!(":id"),
                ")) WHERE id = :project_id"
            ),
            concat!(
                "INSERT INTO issue_hash (project_id, hash, issue_id, is_deleted) SELECT :project_id, unhex(value), ",
                here!(":id"),
                ", :deleted_ms IS NOT NULL FROM json_each(:hashes) WHERE true ON CONFLICT (project_id, hash) DO NOTHING"
            ),
            "INSERT INTO issue_hour (issue_id, hour, event_count)
             SELECT :id, value ->> 0, value ->> 1 FROM json_each(:hours)
             WHERE NOT EXISTS (SELECT 1 FROM temp.issue_in WHERE theirs = :id)",
            "INSERT INTO issue_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
             SELECT :id, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(:environments)
             WHERE NOT EXISTS (SELECT 1 FROM temp.issue_in WHERE theirs = :id)",
            "INSERT INTO setting (key, value) SELECT 'issue_hours_from', :hours_from WHERE :hours_from IS NOT NULL
             ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
        ];

/// Before the first line.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    // Which issue here is meant by theirs: itself, or the one that has a hash of it.
    connection.execute_batch(
        "CREATE TEMP TABLE issue_as (theirs INTEGER PRIMARY KEY, here INTEGER NOT NULL);
         CREATE TEMP TABLE issue_in (theirs INTEGER PRIMARY KEY, here INTEGER NOT NULL, event_count INTEGER NOT NULL,
             last_seen_ms INTEGER NOT NULL, hours_from INTEGER, hours TEXT NOT NULL, environments TEXT NOT NULL);
         CREATE TEMP TABLE issue_shown (member INTEGER PRIMARY KEY, survivor INTEGER NOT NULL);
         CREATE INDEX temp.issue_in_here ON issue_in (here);
         CREATE TEMP TABLE issue_of_new (issue_id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE present (issue_id INTEGER, hour INTEGER, environment TEXT, first_ms INTEGER, last_ms INTEGER,
             event_count INTEGER, PRIMARY KEY (issue_id, hour, environment)) WITHOUT ROWID;
         CREATE TEMP TRIGGER event_of_issue AFTER INSERT ON main.event BEGIN
             INSERT INTO issue_of_new VALUES (new.issue_id) ON CONFLICT DO NOTHING;
         END;",
    )
}

/// Behind the last line. Changes nothing where everything is counted.
pub(super) fn merge(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(concat!(
        // Also what an import left that was ended in the middle.
        "INSERT INTO temp.issue_of_new
             SELECT issue_id FROM (SELECT issue_id, count(*) AS present FROM event GROUP BY issue_id)
                 JOIN issue ON issue.id = issue_id WHERE present > issue.event_count
             ON CONFLICT DO NOTHING;
         INSERT INTO temp.present
             SELECT event.issue_id, ",
        hour!("timestamp_ms"),
        " AS hour, coalesce(environment, '') AS environment, min(timestamp_ms), max(timestamp_ms), count(*)
             FROM temp.issue_of_new CROSS JOIN event ON event.issue_id = issue_of_new.issue_id GROUP BY 1, 2, 3;",
    ))?;
    let found: Vec<i64> = tx
        .prepare("SELECT here FROM temp.issue_in UNION SELECT issue_id FROM temp.issue_of_new ORDER BY 1")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let hours_from = hours_from(tx)?;
    for issue_id in found {
        // An issue that could not be written has no events either.
        if let Some(here) = read_here(tx, issue_id, hours_from)? {
            let both = merged(&here, &read_theirs(tx, issue_id)?, &read_present(tx, issue_id)?);
            write(tx, issue_id, &here, &both)?;
        }
    }
    reconcile_users(tx)?;
    tx.execute_batch("DELETE FROM temp.issue_in; DELETE FROM temp.issue_of_new; DELETE FROM temp.present;")
}

/// Behind [`merge`]: what is merged in either store is, as far as it is not merged otherwise here. Until then every issue
/// counts what it does by itself.
pub(super) fn merge_shown(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE issue SET comment_count
             = (SELECT count(*) FROM issue_activity WHERE issue_id = issue.id AND issue_activity.kind = 'comment')
         WHERE id IN (SELECT issue_id FROM issue_activity WHERE kind = 'comment')
             AND NOT EXISTS (SELECT 1 FROM issue_own WHERE issue_own.issue_id = issue.id)",
        [],
    )?;
    let shown: Vec<(i64, i64)> = tx
        .prepare(concat!(
            "SELECT coalesce(",
            here!("member"),
            ", member), coalesce(",
            here!("survivor"),
            ", survivor) FROM temp.issue_shown ORDER BY member"
        ))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (member, survivor) in shown {
        workflow::plan_merge(tx, IssueId(member), IssueId(survivor))?;
    }
    tx.execute("DELETE FROM temp.issue_shown", [])?;
    workflow::merge_planned(tx)
}

fn hours_from(tx: &Transaction<'_>) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT CAST(value AS INTEGER) FROM setting WHERE key = :key";
    tx.query_row(sql, named_params! { ":key": ISSUE_HOURS_FROM }, |row| row.get(0)).optional()
}

fn read_hours(tx: &Transaction<'_>, sql: &str, id: i64) -> rusqlite::Result<BTreeMap<i64, i64>> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0))))?;
    rows.collect()
}

fn read_environments(tx: &Transaction<'_>, sql: &str, id: i64) -> rusqlite::Result<BTreeMap<String, Seen>> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows =
        statement.query_map([id], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?.max(0)))))?;
    rows.collect()
}

fn read_here(tx: &Transaction<'_>, issue_id: i64, hours_from: Option<i64>) -> rusqlite::Result<Option<Counts>> {
    let mut statement = tx.prepare_cached("SELECT event_count, last_seen_ms FROM issue WHERE id = ?1")?;
    let found: Option<(i64, i64)> = statement.query_row([issue_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((total, last_seen_ms)) = found else { return Ok(None) };
    let hours = read_hours(tx, "SELECT hour, event_count FROM issue_hour WHERE issue_id = ?1", issue_id)?;
    let environments = read_environments(
        tx,
        "SELECT environment, first_seen_ms, last_seen_ms, event_count FROM issue_environment WHERE issue_id = ?1",
        issue_id,
    )?;
    Ok(Some(Counts::new(total, hours, environments, last_seen_ms, hours_from)))
}

/// Of all lines that mean this issue. What is no list of numbers says nothing.
fn read_theirs(tx: &Transaction<'_>, issue_id: i64) -> rusqlite::Result<Counts> {
    let mut statement =
        tx.prepare_cached("SELECT theirs, event_count, last_seen_ms, hours_from FROM temp.issue_in WHERE here = ?1")?;
    let lines: Vec<(i64, i64, i64, Option<i64>)> = statement
        .query_map([issue_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let mut all = Counts::default();
    for (theirs, total, last_seen_ms, hours_from) in lines {
        let hours = read_hours(
            tx,
            "SELECT value ->> 0, value ->> 1 FROM temp.issue_in, json_each(hours) WHERE theirs = ?1
                 AND typeof(value ->> 0) = 'integer' AND typeof(value ->> 1) = 'integer'",
            theirs,
        )?;
        let environments = read_environments(
            tx,
            "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM temp.issue_in, json_each(environments)
             WHERE theirs = ?1 AND typeof(value ->> 0) = 'text' AND typeof(value ->> 1) = 'integer'
                 AND typeof(value ->> 2) = 'integer' AND typeof(value ->> 3) = 'integer'",
            theirs,
        )?;
        all.add(Counts::new(total.max(0), hours, environments, last_seen_ms, hours_from));
    }
    Ok(all)
}

fn read_present(tx: &Transaction<'_>, issue_id: i64) -> rusqlite::Result<Counts> {
    let hours =
        read_hours(tx, "SELECT hour, sum(event_count) FROM temp.present WHERE issue_id = ?1 GROUP BY hour", issue_id)?;
    let environments = read_environments(
        tx,
        "SELECT environment, min(first_ms), max(last_ms), sum(event_count) FROM temp.present WHERE issue_id = ?1
         GROUP BY environment",
        issue_id,
    )?;
    Ok(Counts { total: sum(hours.values().copied()), hours, environments, dropped_before: None })
}

/// What is different.
fn write(tx: &Transaction<'_>, issue_id: i64, here: &Counts, both: &Counts) -> rusqlite::Result<()> {
    if here.total != both.total {
        tx.prepare_cached("UPDATE issue SET event_count = ?2 WHERE id = ?1")?.execute((issue_id, both.total))?;
    }
    for (hour, count) in both.hours.iter().filter(|(hour, count)| here.hours.get(hour) != Some(count)) {
        tx.prepare_cached(
            "INSERT INTO issue_hour (issue_id, hour, event_count) VALUES (?1, ?2, ?3)
             ON CONFLICT (issue_id, hour) DO UPDATE SET event_count = excluded.event_count",
        )?
        .execute((issue_id, hour, count))?;
    }
    let changed = both.environments.iter().filter(|(name, seen)| here.environments.get(*name) != Some(seen));
    for (environment, (first_ms, last_ms, count)) in changed {
        tx.prepare_cached(
            "INSERT INTO issue_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (environment, issue_id) DO UPDATE SET first_seen_ms = excluded.first_seen_ms,
                 last_seen_ms = excluded.last_seen_ms, event_count = excluded.event_count",
        )?
        .execute((issue_id, environment, first_ms, last_ms, count))?;
    }
    Ok(())
}

/// An issue counts the users of its sketch.
fn reconcile_users(tx: &Connection) -> rusqlite::Result<()> {
    let mut statement = tx.prepare(
        "SELECT issue_id, sketch, user_count FROM issue_users JOIN issue ON issue.id = issue_id ORDER BY issue_id",
    )?;
    let mut update = tx.prepare("UPDATE issue SET user_count = ?2 WHERE id = ?1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (issue_id, sketch, said): (i64, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let count = UserSketch::from_bytes(&sketch).map_or(said, |sketch| sketch.estimate() as i64);
        if count != said {
            update.execute((issue_id, count))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const NAMES: [&str; 3] = ["", "live", "test"];

    /// One that was accepted: when, where, by whom, and who has it still.
    #[derive(Clone, Debug)]
    struct Event {
        hour: i64,
        environment: usize,
        here: bool,
        theirs: bool,
        is_present_here: bool,
        is_present_there: bool,
    }

    fn event() -> impl Strategy<Value = Event> {
        (0..12_i64, 0..NAMES.len(), 1..4, any::<bool>(), any::<bool>()).prop_map(
            |(hour, environment, of, is_present_here, is_present_there)| Event {
                hour,
                environment,
                here: of & 1 > 0,
                theirs: of & 2 > 0,
                is_present_here,
                is_present_there,
            },
        )
    }

    /// As a store counts them that has dropped the hours before `from`.
    fn counts<'a>(events: impl Iterator<Item = &'a Event>, from: Option<i64>) -> Counts {
        let (mut all, mut last_ms) = (Counts::default(), 0);
        for event in events {
            let at_ms = event.hour * HOUR_MS;
            last_ms = at_ms.max(last_ms);
            all.total += 1;
            *all.hours.entry(event.hour).or_default() += 1;
            let seen = all.environments.entry(NAMES[event.environment].to_string()).or_insert((at_ms, at_ms, 0));
            *seen = (seen.0.min(at_ms), seen.1.max(at_ms), seen.2 + 1);
        }
        let hours = all.hours.split_off(&from.unwrap_or(0));
        Counts::new(all.total, hours, all.environments, last_ms, from)
    }

    fn of_both(events: &[Event], here_from: Option<i64>, theirs_from: Option<i64>) -> (Counts, Counts, Counts) {
        let is_present = |event: &&Event| event.here && event.is_present_here || event.theirs && event.is_present_there;
        (
            counts(events.iter().filter(|event| event.here), here_from),
            counts(events.iter().filter(|event| event.theirs), theirs_from),
            counts(events.iter().filter(is_present), None),
        )
    }

    fn told(counts: &Counts) -> (i64, BTreeMap<i64, i64>, BTreeMap<String, Seen>) {
        (counts.total, counts.hours.clone(), counts.environments.clone())
    }

    proptest! {
        #[test]
        fn what_is_here_is_never_less_and_twice_is_once(
            events in proptest::collection::vec(event(), 1..40),
            here_from in proptest::option::of(0..12_i64),
            theirs_from in proptest::option::of(0..12_i64),
            says_from in any::<bool>(),
        ) {
            let (here, mut theirs, present) = of_both(&events, here_from, theirs_from);
            if !says_from {
                theirs = Counts::new(theirs.total, theirs.hours, theirs.environments, 12 * HOUR_MS, None);
            }
            let both = merged(&here, &theirs, &present);
            prop_assert!(both.total >= here.total.max(theirs.total).max(present.total));
            prop_assert!(both.total <= events.len() as i64, "more than there ever were");
            for (hour, count) in &here.hours {
                prop_assert!(both.hours[hour] >= *count);
            }
            for (name, seen) in &here.environments {
                let known = both.environments[name];
                prop_assert!(known.0 <= seen.0 && known.1 >= seen.1 && known.2 >= seen.2);
            }
            prop_assert!(sum(both.hours.values().copied()) <= both.total);
            prop_assert_eq!(sum(both.environments.values().map(|seen| seen.2)), both.total);

            let last_ms = both.environments.values().map(|seen| seen.1).max().unwrap();
            let from = here_from.max(theirs.dropped_before.filter(|_| says_from));
            let both = Counts::new(both.total, both.hours, both.environments, last_ms, from);
            prop_assert_eq!(told(&merged(&both, &theirs, &present)), told(&both), "their export again");
            prop_assert_eq!(told(&merged(&both, &theirs, &Counts::default())), told(&both), "with events known");
            prop_assert_eq!(told(&merged(&both, &here, &Counts::default())), told(&both), "an older one of our own");
        }

        #[test]
        fn events_that_are_here_are_counted_one_by_one(mut events in proptest::collection::vec(event(), 1..40)) {
            for event in &mut events {
                (event.is_present_here, event.is_present_there) = (true, true);
            }
            let (here, theirs, present) = of_both(&events, None, None);
            let took_all = counts(events.iter(), None);
            prop_assert_eq!(told(&merged(&here, &theirs, &present)), told(&took_all));
        }

        #[test]
        fn hours_of_one_store_alone_are_added_up_without_their_events(mut events in proptest::collection::vec(event(), 1..40)) {
            for event in &mut events {
                (event.here, event.theirs) = (event.hour % 2 == 0, event.hour % 2 == 1);
            }
            let (here, theirs, present) = of_both(&events, None, None);
            let took_all = counts(events.iter(), None);
            prop_assert_eq!(told(&merged(&here, &theirs, &present)), told(&took_all));
            prop_assert_eq!(told(&merged(&here, &theirs, &Counts::default())), told(&took_all));
        }

        #[test]
        fn shares_fit_into_their_rooms(amount in -5..100_i64, rooms in proptest::collection::vec(-3..30_i64, 0..8)) {
            let shares = share(amount, &rooms);
            let room = sum(rooms.iter().map(|room| (*room).max(0)));
            prop_assert_eq!(sum(shares.iter().copied()), amount.clamp(0, room));
            prop_assert!(shares.iter().zip(&rooms).all(|(share, room)| *share >= 0 && *share <= (*room).max(0)));
        }
    }

    #[test]
    fn totals_are_compared_where_hours_were_dropped() {
        let seen = |count| BTreeMap::from([(String::new(), (0, 200 * HOUR_MS, count))]);
        // 50 events before hour 100 here, and then 7; theirs are of hours that are dropped here, and of later ones.
        let here = Counts::new(57, BTreeMap::from([(150, 7)]), seen(57), 150 * HOUR_MS, Some(100));
        let theirs = Counts::new(9, BTreeMap::from([(90, 4), (120, 5)]), seen(9), 120 * HOUR_MS, None);
        let both = merged(&here, &theirs, &Counts::default());
        assert_eq!((both.total, both.hours), (62, BTreeMap::from([(120, 5), (150, 7)])));
        // The other way round, what was dropped there is more than what is known here.
        let both = merged(&theirs, &here, &Counts::default());
        assert_eq!((both.total, both.hours), (62, BTreeMap::from([(90, 4), (120, 5), (150, 7)])));
    }
}
