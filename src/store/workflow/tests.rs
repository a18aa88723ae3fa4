//! Whatever people and events do to some issues in whatever order, every number is what its events say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rusqlite::Connection;

use super::super::safety::check;
use super::super::write::{EventWrite, Write};
use super::super::writer::{open_connection, write_rows};
use super::super::{compress, database_path, migrate, projects};
use super::undoing::undo_for_test;
use super::*;
use crate::config::Durability;
use crate::model::event::{EventKind, Level};
use crate::model::ids::{EventId, ServerIds};
use crate::model::issue::IssueTitle;
use crate::model::time::hour_of;

const PROJECT: ProjectId = ProjectId(1);
const NOW_MS: i64 = 1_800_000_000_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(Clone, Debug)]
enum Op {
    /// Of a bug, with a second hash sometimes.
    Event {
        bug: u8,
        second: Option<u8>,
        environment: u8,
        user: u8,
        release: u8,
        hours: i64,
    },
    Merge(Vec<usize>, usize),
    Unmerge(usize),
    Delete(usize),
    Discard(usize),
    Lift,
    Resolve(usize, u8),
    Ignore(usize, u64),
    Comment(usize),
    /// What was done that many actions ago.
    Undo(usize),
    /// Everything that is deleted goes for good.
    Purge,
}

fn any_op() -> impl Strategy<Value = Op> {
    let issue = || 0..12_usize;
    prop_oneof![
        12 => (0..6_u8, proptest::option::weighted(0.2, 6..9_u8), 0..3_u8, 0..5_u8, 0..4_u8, 0..40_i64).prop_map(
            |(bug, second, environment, user, release, hours)| Op::Event { bug, second, environment, user, release, hours }
        ),
        5 => (proptest::collection::vec(issue(), 1..4), issue()).prop_map(|(ids, into)| Op::Merge(ids, into)),
        3 => issue().prop_map(Op::Unmerge),
        2 => issue().prop_map(Op::Delete),
        1 => issue().prop_map(Op::Discard),
        1 => Just(Op::Lift),
        2 => (issue(), 0..3_u8).prop_map(|(issue, place)| Op::Resolve(issue, place)),
        1 => (issue(), 1..4_u64).prop_map(|(issue, count)| Op::Ignore(issue, count)),
        1 => issue().prop_map(Op::Comment),
        4 => (0..4_usize).prop_map(Op::Undo),
        1 => Just(Op::Purge),
    ]
}

struct World {
    connection: Connection,
    ids: ServerIds,
    dir: tempfile::TempDir,
    sent: u64,
    dropped: u64,
    actions: Vec<String>,
    users: BTreeMap<[u8; 16], u64>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = database_path(dir.path());
        let mut connection = open_connection(&path, Durability::Normal).unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        migrate::migrate(&mut connection, &path).unwrap();
        projects::ensure_first_project(&mut connection).unwrap();
        let (ids, users) = (ServerIds::after(0), BTreeMap::new());
        Self { connection, ids, dir, sent: 0, dropped: 0, actions: Vec::new(), users }
    }

    fn send(&mut self, bug: u8, second: Option<u8>, environment: u8, user: u8, release: u8, hours: i64) {
        self.sent += 1;
        let event_id = EventId(u128::from(self.sent).to_be_bytes());
        self.users.insert(event_id.0, u64::from(user));
        let event = EventWrite {
            project_id: PROJECT,
            facts: crate::model::facts::Facts::default(),
            event_id,
            received_ms: NOW_MS + self.sent as i64,
            timestamp_ms: NOW_MS + hours * HOUR_MS + self.sent as i64,
            kind: EventKind::Error,
            level: Level::Error,
            platform: "python".to_string(),
            title: IssueTitle { title: format!("bug {bug}"), ..IssueTitle::default() },
            is_unhandled: bug.is_multiple_of(2),
            release: (release > 0).then(|| format!("shop@1.{release}")),
            environment: (environment > 0).then(|| format!("env{environment}")),
            user_hash: Some(u64::from(user)),
            trace_id: None,
            span_id: None,
            sighting: None,
            report: None,
            grouping_version: 1,
            hashes: std::iter::once(bug).chain(second).map(|byte| [byte; 16]).collect(),
            body: compress(b"{}"),
        };
        let tx = self.connection.transaction().unwrap();
        let writes = [Write::Event(Box::new(event))];
        let (answers, change) = write_rows(&tx, &mut self.ids, &[&writes]).unwrap();
        let appended = answers[0].events[0];
        self.dropped += u64::from(appended.is_discarded);
        // Whoever is told of is shown.
        for id in change.issues {
            let is_shown: bool = tx
                .query_row(
                    "SELECT merged_into IS NULL AND deleted_ms IS NULL FROM issue WHERE id = ?1",
                    [id.0],
                    |row| row.get(0),
                )
                .unwrap();
            assert!(is_shown, "issue {id} got an event and is not shown");
        }
        tx.commit().unwrap();
    }

    /// One of those there are, hidden and merged ones too.
    fn pick(&self, place: usize) -> Option<IssueId> {
        let ids: Vec<i64> = self.column("SELECT id FROM issue ORDER BY short_no");
        (!ids.is_empty()).then(|| IssueId(ids[place % ids.len()]))
    }

    fn column(&self, sql: &str) -> Vec<i64> {
        let mut statement = self.connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn act(&mut self, ids: Vec<IssueId>, action: IssueAction) -> Acted {
        let token = format!("token {}", self.actions.len());
        self.actions.push(token.clone());
        let acting =
            Acting { ids, action, by: Some("ada".to_string()), seen_ms: None, token: Some(token), now_ms: NOW_MS };
        let (mut acted, mut at, mut seq) = (Acted::default(), 0, 0);
        while at < acting.ids.len() {
            let tx = self.connection.transaction().unwrap();
            let done = act_on_some(&tx, &acting, at, seq).unwrap();
            tx.commit().unwrap();
            (at, seq) = (done.at, done.seq);
            acted.changed += done.acted.changed;
            acted.problems.extend(done.acted.problems);
        }
        acted
    }

    fn undo(&mut self, token: &str) {
        let tx = self.connection.transaction().unwrap();
        undo_for_test(&tx, token, NOW_MS);
        tx.commit().unwrap();
    }

    fn purge(&mut self) {
        while let Some(id) = deleting::next_to_purge(&self.connection, i64::MAX).unwrap() {
            let tx = self.connection.transaction().unwrap();
            deleting::purge_some(&tx, id).unwrap();
            tx.commit().unwrap();
        }
        // As long after as that, nothing can be undone.
        self.actions.clear();
        self.connection.execute_batch("DELETE FROM undo; DELETE FROM undo_entry").unwrap();
    }

    fn go(&mut self, op: &Op) {
        let one = |world: &Self, place: usize| world.pick(place).into_iter().collect::<Vec<_>>();
        match op {
            Op::Event { bug, second, environment, user, release, hours } => {
                self.send(*bug, *second, *environment, *user, *release, *hours);
            }
            Op::Merge(places, into) => {
                let mut ids: Vec<IssueId> = places.iter().filter_map(|place| self.pick(*place)).collect();
                ids.sort();
                ids.dedup();
                if let Some(into) = self.pick(*into) {
                    self.act(ids, IssueAction::Merge { into });
                }
            }
            Op::Unmerge(place) => {
                let merged = self.column("SELECT id FROM issue WHERE merged_into IS NOT NULL ORDER BY short_no");
                if !merged.is_empty() {
                    let id = IssueId(merged[place % merged.len()]);
                    let from = root_of(&self.connection, id).unwrap().unwrap();
                    self.act(vec![id], IssueAction::Unmerge { from });
                }
            }
            Op::Delete(place) => drop(self.act(one(self, *place), IssueAction::Delete)),
            Op::Discard(place) => drop(self.act(one(self, *place), IssueAction::Discard)),
            Op::Lift => {
                if let Some(id) = self.column("SELECT id FROM discard ORDER BY id").first() {
                    let tx = self.connection.transaction().unwrap();
                    assert!(deleting::lift(&tx, *id).unwrap());
                    tx.commit().unwrap();
                }
            }
            Op::Resolve(place, into) => {
                let into = match into {
                    0 => ResolveIn::Now,
                    1 => ResolveIn::NextRelease,
                    _ => ResolveIn::Release("shop@1.2".to_string()),
                };
                self.act(one(self, *place), IssueAction::Resolve(into));
            }
            Op::Ignore(place, count) => {
                let ignoring = Ignoring::Users { count: *count, seen: 0 };
                self.act(one(self, *place), IssueAction::Ignore(ignoring));
            }
            Op::Comment(place) => {
                let shown = self.pick(*place).and_then(|id| root_of(&self.connection, id).unwrap());
                if let Some(id) = shown {
                    let tx = self.connection.transaction().unwrap();
                    let change = CommentChange::Add { text: "so".to_string() };
                    notes::change_comment(&tx, id, &change, None, NOW_MS).unwrap();
                    tx.commit().unwrap();
                }
            }
            Op::Undo(back) => {
                if let Some(token) = self.actions.iter().rev().nth(*back).cloned() {
                    self.undo(&token);
                }
            }
            Op::Purge => self.purge(),
        }
    }

    /// Every number against the events themselves.
    fn expect_right(&self) {
        for id in self.column("SELECT id FROM issue ORDER BY short_no") {
            self.expect_right_numbers(id);
        }
        let kept = self.column("SELECT count(*) FROM event")[0];
        let purged = self.column("SELECT coalesce(sum(event_count), 0) FROM purged")[0];
        assert_eq!((kept + purged) as u64 + self.dropped, self.sent);
        let accepted = "SELECT coalesce(sum(quantity), 0) FROM outcome WHERE category = 'event' AND reason = ";
        assert_eq!(self.column(&format!("{accepted}'accepted'"))[0], kept + purged);
        assert_eq!(self.column(&format!("{accepted}'discarded'"))[0] as u64, self.dropped);
    }

    fn expect_right_numbers(&self, id: i64) {
        let parts = "(SELECT ?1 UNION ALL SELECT id FROM issue WHERE merged_into = ?1)";
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT event_id, timestamp_ms, coalesce(environment, '') FROM event WHERE issue_id IN {parts}"
            ))
            .unwrap();
        let events: Vec<([u8; 16], i64, String)> = statement
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let row: (i64, i64, i64, i64, i64, i64) = self
            .connection
            .query_row(
                "SELECT event_count, first_seen_ms, last_seen_ms, user_count, comment_count, merged_count FROM issue WHERE id = ?1",
                [id],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
            )
            .unwrap();
        let times = || events.iter().map(|(_, at, _)| *at);
        let users: BTreeSet<u64> = events.iter().map(|(event_id, ..)| self.users[event_id]).collect();
        assert_eq!(row.0, events.len() as i64, "events of {id}");
        assert_eq!((Some(row.1), Some(row.2)), (times().min(), times().max()), "times of {id}");
        assert_eq!(row.3, users.len() as i64, "users of {id}");
        let comments = format!("SELECT count(*) FROM issue_activity WHERE kind = 'comment' AND issue_id IN {parts}");
        let count = |sql: &str| self.connection.query_row(sql, [id], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(row.4, count(&comments), "comments of {id}");
        assert_eq!(row.5, count("SELECT count(*) FROM issue WHERE merged_into = ?1"), "merged into {id}");

        let mut hours: BTreeMap<i64, i64> = BTreeMap::new();
        let mut environments: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
        for (_, at, environment) in &events {
            *hours.entry(hour_of(*at)).or_default() += 1;
            let seen = environments.entry(environment.clone()).or_insert((0, *at, *at));
            *seen = (seen.0 + 1, seen.1.min(*at), seen.2.max(*at));
        }
        let mut statement =
            self.connection.prepare("SELECT hour, event_count FROM issue_hour WHERE issue_id = ?1").unwrap();
        let kept: BTreeMap<i64, i64> =
            statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(kept, hours, "hours of {id}");
        let mut statement = self
            .connection
            .prepare("SELECT environment, event_count, first_seen_ms, last_seen_ms FROM issue_environment WHERE issue_id = ?1")
            .unwrap();
        let kept: BTreeMap<String, (i64, i64, i64)> = statement
            .query_map([id], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(kept, environments, "environments of {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_what_its_events_say(ops in proptest::collection::vec(any_op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            world.go(op);
            world.expect_right();
        }
        let path = database_path(world.dir.path());
        let report = check(&path, false, &mut |_| {}).unwrap();
        prop_assert!(report.is_ok(), "{:?} after {ops:?}", report.broken());
        // Made undone, what was merged counts what it did by itself.
        while let Some(token) = world.actions.pop() {
            world.undo(&token);
            world.expect_right();
        }
    }
}

#[test]
fn a_merge_that_is_undone_leaves_everything_as_it_was() {
    let mut world = World::new();
    for (bug, user) in [(0, 1), (1, 1), (1, 2), (2, 3), (3, 4)] {
        world.send(bug, None, bug, user, 1, i64::from(bug));
    }
    let ids: Vec<IssueId> = (0..4).map(|place| world.pick(place).unwrap()).collect();
    world.act(vec![ids[1]], IssueAction::Merge { into: ids[0] });
    let before = dump(&world.connection);
    // The survivor of one merge is merged itself, and takes along what it has.
    let acted = world.act(vec![ids[0], ids[3]], IssueAction::Merge { into: ids[2] });
    assert_eq!((acted.changed, acted.problems), (2, Vec::new()));
    assert_eq!(world.column("SELECT count(*) FROM issue WHERE merged_into IS NULL"), [1]);
    world.expect_right();
    world.undo("token 1");
    assert_eq!(dump(&world.connection), before);
}

#[test]
fn what_comes_for_a_deleted_issue_begins_a_new_one_and_comes_back_with_it() {
    let mut world = World::new();
    world.send(1, Some(7), 0, 1, 0, 0);
    let old = world.pick(0).unwrap();
    world.act(vec![old], IssueAction::Delete);
    world.send(1, Some(7), 0, 2, 0, 1);
    let shown = world.column("SELECT id FROM issue WHERE deleted_ms IS NULL");
    assert_eq!(shown, [old.successor().0]);
    world.undo("token 0");
    world.expect_right();
    assert_eq!(world.column("SELECT event_count FROM issue WHERE merged_into IS NULL AND deleted_ms IS NULL"), [2]);
    // And again, for good: it begins under its old id.
    world.act(vec![old], IssueAction::Delete);
    world.purge();
    assert_eq!(world.column("SELECT count(*) FROM issue_hash"), [0]);
    world.send(1, Some(7), 0, 3, 0, 2);
    assert_eq!(world.pick(0), Some(old));
    world.expect_right();
}

#[test]
fn a_bug_that_is_discarded_is_dropped_until_that_is_lifted() {
    let mut world = World::new();
    world.send(1, None, 0, 1, 0, 0);
    world.act(vec![world.pick(0).unwrap()], IssueAction::Discard);
    world.send(1, None, 0, 1, 0, 0);
    assert_eq!(world.dropped, 1);
    world.purge();
    world.send(1, None, 0, 1, 0, 0);
    assert_eq!(world.column("SELECT event_count FROM discard"), [2]);
    world.go(&Op::Lift);
    world.send(1, None, 0, 1, 0, 0);
    assert_eq!(world.column("SELECT event_count FROM issue"), [1]);
    world.expect_right();
}

#[test]
fn circles_are_no_merges() {
    let mut world = World::new();
    for bug in 0..3 {
        world.send(bug, None, 0, 1, 0, 0);
    }
    let ids: Vec<IssueId> = (0..3).map(|place| world.pick(place).unwrap()).collect();
    let refused = world.act(vec![ids[0]], IssueAction::Merge { into: ids[0] });
    assert_eq!((refused.changed, refused.refused), (0, 0));
    assert!(refused.problems[0].1.contains("into itself"));
    world.act(vec![ids[1]], IssueAction::Merge { into: ids[0] });
    // Into what is merged into it.
    let refused = world.act(vec![ids[0]], IssueAction::Merge { into: ids[1] });
    assert!(refused.problems[0].1.contains("take it out first"), "{refused:?}");
    // Into a merged one goes to its survivor.
    world.act(vec![ids[2]], IssueAction::Merge { into: ids[1] });
    let survivors = world.column("SELECT DISTINCT merged_into FROM issue WHERE merged_into IS NOT NULL");
    assert_eq!(survivors, [ids[0].0]);
    world.expect_right();
}

/// All that is kept of issues, but for when it changed and what can be undone.
fn dump(connection: &Connection) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in [
        (
            "issue",
            "id, status, event_count, user_count, first_seen_ms, last_seen_ms, merged_into, merged_count, first_release, last_release, is_unhandled, deleted_ms",
        ),
        ("issue_hour", "issue_id, hour, event_count"),
        ("issue_environment", "issue_id, environment, first_seen_ms, last_seen_ms, event_count"),
        ("issue_users", "issue_id, hex(sketch)"),
        ("issue_own", "issue_id, event_count, user_count, first_seen_ms, last_seen_ms, hex(sketch)"),
        ("issue_own_hour", "issue_id, hour, event_count"),
        ("issue_hash", "hex(hash), issue_id, is_deleted, discard_id"),
        ("issue_activity", "issue_id, kind, by_name, detail"),
    ] {
        let sql = format!("SELECT {columns} FROM {table} ORDER BY 1, 2");
        let mut statement = connection.prepare(&sql).unwrap();
        let count = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            let value = |column| row.get::<_, rusqlite::types::Value>(column).map(|value| format!("{value:?};"));
            (0..count).map(value).collect::<Result<String, _>>()
        };
        let found: Vec<String> = statement.query_map([], text).unwrap().collect::<Result<_, _>>().unwrap();
        rows.extend(found.into_iter().map(|row| format!("{table}: {row}")));
    }
    rows
}
