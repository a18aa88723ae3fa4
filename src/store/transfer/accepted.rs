//! What projects have accepted: after a merge of two stores as many events as their issues count, and of spans, logs and
//! metrics at least what was accepted here before and what came and was not here.
//!
//! Of the same hour the larger count holds ([`super::counts`]), but issues tell better what both have counted, by their
//! events and one by one. What is missing goes to the hours in which events came that were not here, then to those that
//! both have counted. What is too much goes off what the import itself has added, never off what was here before.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction};

use super::issues::share;
use crate::store::outcomes::OutcomeDeltas;

/// What is counted as it is written, by its category. What belongs to it (`transaction`) comes as counts alone.
const WRITTEN: [&str; 3] = ["span", "log", "trace_metric"];

/// What came and was not here, by project and category: how much in which hour.
#[derive(Default)]
pub(super) struct Came(BTreeMap<(u32, String), BTreeMap<i64, i64>>);

impl Came {
    pub(super) fn add(&mut self, outcomes: &OutcomeDeltas) {
        for (project_id, hour, category, quantity) in outcomes.accepted() {
            if WRITTEN.contains(&category) {
                let hours = self.0.entry((project_id, category.to_string())).or_default();
                *hours.entry(hour).or_default() += quantity as i64;
            }
        }
    }
}

/// One hour of a project.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    before: i64,
    theirs: i64,
    /// Events that were not here, by when they were received.
    came: i64,
    now: i64,
}

/// Before the first line, behind [`super::counts::begin`].
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE accepted_before AS SELECT project_id, hour, category, quantity FROM outcome
             WHERE reason = 'accepted';
         CREATE TEMP TABLE accepted_in (project_id INTEGER NOT NULL, hour INTEGER NOT NULL, quantity INTEGER NOT NULL);
         CREATE TEMP TRIGGER accepted_comes AFTER INSERT ON outcome_in
         WHEN new.category = 'event' AND new.reason = 'accepted' BEGIN
             INSERT INTO accepted_in VALUES (new.project_id, new.hour, new.quantity);
         END;
         CREATE TEMP TABLE event_in (project_id INTEGER NOT NULL, hour INTEGER NOT NULL, event_count INTEGER NOT NULL,
             PRIMARY KEY (project_id, hour)) WITHOUT ROWID;
         CREATE TEMP TRIGGER event_comes AFTER INSERT ON main.event BEGIN
             INSERT INTO event_in VALUES (new.project_id, new.received_ms / 3600000, 1)
             ON CONFLICT (project_id, hour) DO UPDATE SET event_count = event_count + 1;
         END;",
    )
}

/// Behind everything else. Changes nothing where it adds up.
pub(super) fn reconcile(tx: &Transaction<'_>, came: &Came) -> rusqlite::Result<()> {
    for ((project_id, category), came) in &came.0 {
        raise(tx, i64::from(*project_id), category, came)?;
    }
    let projects: Vec<(i64, i64, i64)> = tx
        .prepare(
            // A survivor counts what is merged into it.
            "SELECT id, (SELECT coalesce(sum(event_count), 0) FROM issue
                         WHERE issue.project_id = project.id AND merged_into IS NULL)
                     + coalesce((SELECT event_count FROM purged WHERE project_id = project.id), 0),
                 (SELECT coalesce(max(last_seen_ms), 0) FROM issue WHERE issue.project_id = project.id) FROM project",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (project_id, counted, last_seen_ms) in projects {
        let before = read(tx, project_id)?;
        let mut hours = before.clone();
        settle(&mut hours, counted, last_seen_ms / 3_600_000);
        for (hour, Hour { now, before: here, .. }) in &hours {
            if before.get(hour).map_or(0, |hour| hour.now) == *now {
                continue;
            }
            if *now == 0 && *here == 0 {
                tx.prepare_cached(
                    "DELETE FROM outcome WHERE project_id = ?1 AND hour = ?2 AND category = 'event' AND reason = 'accepted'",
                )?
                .execute((project_id, hour))?;
                continue;
            }
            write(tx, project_id, *hour, "event", *now)?;
        }
    }
    Ok(())
}

/// To what was accepted before, and what came.
fn raise(tx: &Transaction<'_>, project_id: i64, category: &str, came: &BTreeMap<i64, i64>) -> rusqlite::Result<()> {
    let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
    for (hour, count) in came {
        hours.entry(*hour).or_default().came = *count;
    }
    let mut take = |table: &str, put: fn(&mut Hour, i64)| -> rusqlite::Result<()> {
        let sql = format!("SELECT hour, quantity FROM {table} project_id = ?1 AND category = ?2");
        let mut statement = tx.prepare_cached(&sql)?;
        let mut rows = statement.query((project_id, category))?;
        while let Some(row) = rows.next()? {
            put(hours.entry(row.get(0)?).or_default(), row.get(1)?);
        }
        Ok(())
    };
    take("temp.accepted_before WHERE", |hour, count| hour.before = count)?;
    take("outcome WHERE reason = 'accepted' AND", |hour, count| hour.now = count)?;
    let known: BTreeMap<i64, i64> = hours.iter().map(|(hour, of)| (*hour, of.now)).collect();
    let least = hours.values().map(|of| of.before + of.came).sum::<i64>();
    let counted = least.max(known.values().sum());
    let newest = came.keys().last().copied().unwrap_or_default();
    settle(&mut hours, counted, newest);
    for (hour, of) in hours.iter().filter(|(hour, of)| known.get(hour).copied().unwrap_or(0) != of.now) {
        write(tx, project_id, *hour, category, of.now)?;
    }
    Ok(())
}

fn write(tx: &Transaction<'_>, project_id: i64, hour: i64, category: &str, quantity: i64) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO outcome (project_id, hour, category, reason, quantity) VALUES (?1, ?2, ?3, 'accepted', ?4)
         ON CONFLICT (project_id, hour, category, reason) DO UPDATE SET quantity = excluded.quantity",
    )?;
    statement.execute((project_id, hour, category, quantity)).map(|_| ())
}

fn read(tx: &Transaction<'_>, project_id: i64) -> rusqlite::Result<BTreeMap<i64, Hour>> {
    let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
    let mut take = |sql: &str, put: fn(&mut Hour, i64)| -> rusqlite::Result<()> {
        let mut statement = tx.prepare_cached(sql)?;
        let mut rows = statement.query([project_id])?;
        while let Some(row) = rows.next()? {
            put(hours.entry(row.get(0)?).or_default(), row.get(1)?);
        }
        Ok(())
    };
    take(
        "SELECT hour, quantity FROM temp.accepted_before WHERE project_id = ?1 AND category = 'event'",
        |hour, count| {
            hour.before = count;
        },
    )?;
    take("SELECT hour, max(quantity) FROM temp.accepted_in WHERE project_id = ?1 GROUP BY hour", |hour, count| {
        hour.theirs = count;
    })?;
    take("SELECT hour, event_count FROM temp.event_in WHERE project_id = ?1", |hour, count| hour.came = count)?;
    take(
        "SELECT hour, quantity FROM outcome WHERE project_id = ?1 AND category = 'event' AND reason = 'accepted'",
        |hour, count| hour.now = count,
    )?;
    Ok(hours)
}

/// Until the hours add up to what issues have counted.
fn settle(hours: &mut BTreeMap<i64, Hour>, counted: i64, last_hour: i64) {
    let missing = |hours: &BTreeMap<i64, Hour>| counted - hours.values().map(|hour| hour.now).sum::<i64>();
    let too_much = -missing(hours);
    if too_much > 0 {
        let added: Vec<i64> = hours.values().map(|hour| hour.now - hour.before).collect();
        for (hour, less) in hours.values_mut().zip(share(too_much, &added)) {
            hour.now -= less;
        }
        return;
    }
    let rooms: [fn(&Hour) -> i64; 2] =
        [|hour| hour.before + hour.came - hour.now, |hour| hour.before + hour.theirs - hour.now];
    for room in rooms {
        let rooms: Vec<i64> = hours.values().map(room).collect();
        let shares = share(missing(hours), &rooms);
        for (hour, more) in hours.values_mut().zip(shares) {
            hour.now += more;
        }
    }
    let left = missing(hours);
    if left > 0 {
        let newest = hours.iter().rfind(|(_, hour)| hour.now > 0).map_or(last_hour, |(hour, _)| *hour);
        hours.entry(newest).or_default().now += left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of hours: what was here before, what they say, what came of it, what is here now.
    fn settled(counted: i64, hours: &[(i64, i64, i64, i64, i64)]) -> Vec<(i64, i64)> {
        let mut hours: BTreeMap<i64, Hour> = hours
            .iter()
            .map(|(hour, before, theirs, came, now)| {
                (*hour, Hour { before: *before, theirs: *theirs, came: *came, now: *now })
            })
            .collect();
        settle(&mut hours, counted, 99);
        hours.into_iter().map(|(hour, of)| (hour, of.now)).collect()
    }

    #[test]
    fn what_is_missing_goes_to_the_hours_it_came_in() {
        // Five here and four there, all of them known one by one.
        assert_eq!(settled(12, &[(5, 5, 4, 4, 5), (6, 3, 3, 0, 3)]), [(5, 9), (6, 3)]);
        // Counts alone: where both have counted.
        assert_eq!(settled(14, &[(5, 5, 4, 0, 5), (6, 5, 0, 0, 5)]), [(5, 9), (6, 5)]);
        // Nobody says when.
        assert_eq!(settled(7, &[(5, 5, 0, 0, 5)]), [(5, 7)]);
        assert_eq!(settled(7, &[]), [(99, 7)]);
        assert_eq!(settled(5, &[(5, 5, 5, 5, 5)]), [(5, 5)]);
    }

    #[test]
    fn what_is_too_much_goes_off_what_was_added_alone() {
        assert_eq!(settled(8, &[(5, 5, 5, 0, 5), (6, 0, 6, 0, 6)]), [(5, 5), (6, 3)]);
        // Less than was accepted before is never said.
        assert_eq!(settled(3, &[(5, 5, 7, 0, 7)]), [(5, 5)]);
    }
}
