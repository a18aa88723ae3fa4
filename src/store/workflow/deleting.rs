//! Deleting and discarding issues: hidden at once, gone when it can no longer be undone.
//!
//! Owns what becomes of the hashes of a deleted issue. As long as its rows are here, what comes for it begins another one,
//! whose id is computed from its own; afterwards it begins under the id it had. What is discarded is not kept at all, and
//! counted where people can see it and take it back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::keeper::{Chore, Keeper, Progress};
use super::super::retention::give_up_blob;
use super::super::{Store, StoreError};
use super::{Found, in_the_background, merging};
use crate::config::{DISCARDS_SHOWN_MAX, PURGE_GRACE_MS, PURGE_LOOK_MS, SLICE_MS, UNDO_MS};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::live::LiveChange;
use crate::model::workflow::Decided;

/// A bug nobody wants to hear of again, as it was called.
#[derive(Clone, Debug, PartialEq)]
pub struct Discard {
    pub id: i64,
    pub project_id: ProjectId,
    pub short_no: u64,
    pub title: String,
    pub culprit: String,
    pub by: Option<String>,
    pub at_ms: i64,
    /// Events dropped since, and when the last of them came.
    pub event_count: u64,
    pub last_ms: Option<i64>,
}

/// What one transaction dropped, by discard: how many events, and when the last came.
#[derive(Default)]
pub(in super::super) struct DiscardDeltas(BTreeMap<i64, (i64, i64)>);

impl DiscardDeltas {
    pub(in super::super) fn add(&mut self, discard_id: i64, received_ms: i64) {
        let delta = self.0.entry(discard_id).or_insert((0, received_ms));
        *delta = (delta.0 + 1, delta.1.max(received_ms));
    }

    pub(in super::super) fn apply(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        for (id, (count, last_ms)) in self.0 {
            tx.prepare_cached(
                "UPDATE discard SET event_count = event_count + :count, last_ms = max(coalesce(last_ms, 0), :last_ms)
                 WHERE id = :id",
            )?
            .execute(named_params! { ":id": id, ":count": count, ":last_ms": last_ms })?;
        }
        Ok(())
    }
}

impl Store {
    /// What is discarded, newest first.
    pub async fn discards(&self, project: Option<ProjectId>) -> Result<Vec<Discard>, StoreError> {
        self.readers.run(move |connection| read_discards(connection, project)).await
    }

    /// Keeps what comes from now on of a bug that was discarded. Whether there was such a discard.
    pub async fn lift_discard(&self, id: i64) -> Result<bool, StoreError> {
        let writer = self.writer.clone();
        in_the_background(move || writer.run_chore(move |tx, _| lift(tx, id))).await
    }
}

fn read_discards(connection: &Connection, project: Option<ProjectId>) -> Result<Vec<Discard>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, project_id, short_no, title, culprit, by_name, at_ms, event_count, last_ms FROM discard
         WHERE :project_id IS NULL OR project_id = :project_id ORDER BY id DESC LIMIT :limit",
    )?;
    let params = named_params! { ":project_id": project.map(|id| id.0), ":limit": DISCARDS_SHOWN_MAX as i64 };
    let rows = statement.query_map(params, |row| {
        Ok(Discard {
            id: row.get(0)?,
            project_id: ProjectId(row.get(1)?),
            short_no: row.get::<_, i64>(2)?.max(0) as u64,
            title: row.get(3)?,
            culprit: row.get(4)?,
            by: row.get(5)?,
            at_ms: row.get(6)?,
            event_count: row.get::<_, i64>(7)?.max(0) as u64,
            last_ms: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn begin_discard(tx: &Transaction<'_>, found: &Found, decided: &Decided) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO discard (project_id, issue_id, short_no, title, culprit, by_name, at_ms)
         VALUES (:project_id, :issue_id, :short_no, :title, :culprit, :by, :at_ms)",
    )?;
    Ok(statement.insert(named_params! {
        ":project_id": found.project_id.0,
        ":issue_id": found.id.0,
        ":short_no": found.short_no as i64,
        ":title": found.title,
        ":culprit": found.culprit,
        ":by": decided.by,
        ":at_ms": decided.at_ms,
    })?)
}

/// Hashes of an issue that is still here lead to one that begins anew; others are as if they had never been.
pub(super) fn lift(tx: &Transaction<'_>, discard_id: i64) -> Result<bool, StoreError> {
    let id = named_params! { ":id": discard_id };
    tx.prepare_cached(
        "DELETE FROM issue_hash WHERE discard_id = :id
             AND NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_hash.issue_id)",
    )?
    .execute(id)?;
    tx.prepare_cached("UPDATE issue_hash SET discard_id = NULL WHERE discard_id = :id")?.execute(id)?;
    Ok(tx.prepare_cached("DELETE FROM discard WHERE id = :id")?.execute(id)? > 0)
}

/// Hides an issue with all that are merged into it.
pub(super) fn delete(
    tx: &Transaction<'_>,
    id: IssueId,
    discard_id: Option<i64>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut all = merging::members(tx, id)?;
    all.push(id);
    for id in all {
        tx.prepare_cached(
            "UPDATE issue SET deleted_ms = :now_ms, wake_ms = NULL, changed_ms = :now_ms WHERE id = :id",
        )?
        .execute(named_params! { ":id": id.0, ":now_ms": now_ms })?;
        tx.prepare_cached("UPDATE issue_hash SET is_deleted = 1, discard_id = :discard_id WHERE issue_id = :id")?
            .execute(named_params! { ":id": id.0, ":discard_id": discard_id })?;
    }
    Ok(())
}

/// Shows a deleted issue again, with what has come since.
pub(super) fn restore(tx: &Transaction<'_>, id: IssueId, now_ms: i64) -> Result<(), StoreError> {
    let mut all = merging::members(tx, id)?;
    all.push(id);
    for id in &all {
        tx.prepare_cached("UPDATE issue SET deleted_ms = NULL, changed_ms = :now_ms WHERE id = :id")?
            .execute(named_params! { ":id": id.0, ":now_ms": now_ms })?;
        tx.prepare_cached("UPDATE issue_hash SET is_deleted = 0 WHERE issue_id = :id")?
            .execute(named_params! { ":id": id.0 })?;
        // Not to be woken while it was hidden.
        if let Some(state) = super::states::read(tx, *id)? {
            super::states::write(tx, *id, &state, None)?;
        }
    }
    for deleted in &all {
        let successor = deleted.successor();
        let is_free = |place: &merging::Place| place.merged_into.is_none() && successor != id;
        if let Some(place) = merging::place(tx, successor)?.filter(is_free) {
            let members = if place.merged_count > 0 { merging::members(tx, successor)? } else { Vec::new() };
            for member in &members {
                tx.prepare_cached("UPDATE issue SET merged_into = NULL WHERE id = :id")?
                    .execute(named_params! { ":id": member.0 })?;
            }
            merging::dissolve(tx, successor)?;
            for newborn in members.into_iter().chain([successor]) {
                merging::join(tx, id, newborn)?;
            }
        }
    }
    Ok(())
}

/// The issue that what comes for a deleted one belongs to.
pub(in super::super) fn successor_of(connection: &Connection, deleted: IssueId) -> Result<IssueId, StoreError> {
    let mut statement = connection.prepare_cached("SELECT deleted_ms IS NOT NULL FROM issue WHERE id = :id")?;
    let mut id = deleted.successor();
    // One that came again may have been deleted again.
    while statement.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional()? == Some(true) {
        id = id.successor();
    }
    Ok(id)
}

/// From now on the hashes of a deleted issue lead to its successor, which has its first event.
pub(in super::super) fn lead_on(tx: &Transaction<'_>, deleted: IssueId, successor: IssueId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE issue_hash SET issue_id = :to, is_deleted = 0 WHERE issue_id = :from AND is_deleted = 1",
    )?
    .execute(named_params! { ":from": deleted.0, ":to": successor.0 })?;
    Ok(())
}

/// What people deleted goes when it can no longer be undone.
pub(in super::super) const PURGE: Chore = Chore { name: "purging deleted issues", run: purge, every_ms: PURGE_LOOK_MS };

fn purge(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let before_ms = keeper.now_ms() - UNDO_MS - PURGE_GRACE_MS;
    let Some(id) = next_to_purge(&keeper.reader, before_ms)? else { return Ok(Progress::Idle) };
    keeper.write(move |tx, _| purge_some(tx, id))?;
    Ok(Progress::More)
}

/// A survivor goes last: it counts what is merged into it.
pub(super) fn next_to_purge(connection: &Connection, before_ms: i64) -> Result<Option<IssueId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM issue WHERE deleted_ms < :before_ms
             AND NOT EXISTS (SELECT 1 FROM issue AS member WHERE member.merged_into = issue.id)
         ORDER BY deleted_ms LIMIT 1",
    )?;
    Ok(statement.query_row(named_params! { ":before_ms": before_ms }, |row| row.get(0)).optional()?.map(IssueId))
}

/// Events and their attachments read at once.
const PURGED_AT_ONCE: i64 = 100;

/// Takes a slice of an issue away, and the issue when nothing else is left of it.
pub(super) fn purge_some(tx: &Transaction<'_>, id: IssueId) -> Result<(), StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SLICE_MS / 2);
    let of_issue = named_params! { ":id": id.0 };
    loop {
        let mut statement = tx.prepare_cached(
            "SELECT id, event_id, project_id FROM event WHERE issue_id = :id ORDER BY id LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! { ":id": id.0, ":limit": PURGED_AT_ONCE }, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?, row.get::<_, u32>(2)?))
        })?;
        let events: Vec<(i64, [u8; 16], u32)> = rows.collect::<Result<_, _>>()?;
        if events.is_empty() {
            break;
        }
        for (row, event_id, project_id) in events {
            drop_attachments(tx, &event_id, project_id)?;
            tx.prepare_cached("DELETE FROM event WHERE id = :row")?.execute(named_params! { ":row": row })?;
            if Instant::now() > deadline {
                return Ok(());
            }
        }
    }
    let activities = tx
        .prepare_cached(
            "DELETE FROM issue_activity WHERE id IN (SELECT id FROM issue_activity WHERE issue_id = :id LIMIT 1000)",
        )?
        .execute(of_issue)?;
    if activities == 1_000 || Instant::now() > deadline {
        return Ok(());
    }
    for table in ["issue_hour", "issue_environment", "issue_users"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE issue_id = :id"))?.execute(of_issue)?;
    }
    merging::forget_own(tx, id)?;
    tx.prepare_cached("DELETE FROM issue_hash WHERE issue_id = :id AND discard_id IS NULL")?.execute(of_issue)?;
    tx.prepare_cached("UPDATE monitor_environment SET issue_id = NULL WHERE issue_id = :id")?.execute(of_issue)?;
    // Those of a merged issue are in the count of its survivor, which goes after it.
    tx.prepare_cached(
        "INSERT INTO purged (project_id, event_count)
         SELECT project_id, event_count FROM issue WHERE id = :id AND merged_into IS NULL
         ON CONFLICT (project_id) DO UPDATE SET event_count = event_count + excluded.event_count",
    )?
    .execute(of_issue)?;
    tx.prepare_cached("DELETE FROM issue WHERE id = :id")?.execute(of_issue)?;
    Ok(())
}

fn drop_attachments(tx: &Transaction<'_>, event_id: &[u8; 16], project_id: u32) -> Result<(), StoreError> {
    let mut statement = tx
        .prepare_cached("SELECT id, blob_id FROM attachment WHERE event_id = :event_id AND project_id = :project_id")?;
    let of_event = named_params! { ":event_id": &event_id[..], ":project_id": project_id };
    let rows: Vec<(i64, Option<i64>)> =
        statement.query_map(of_event, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (id, blob_id) in rows {
        tx.prepare_cached("DELETE FROM attachment WHERE id = :id")?.execute(named_params! { ":id": id })?;
        if let Some(blob_id) = blob_id {
            give_up_blob(tx, blob_id)?;
        }
    }
    Ok(())
}

/// What screens are told of issues that are shown again or no more.
pub(super) fn told(ids: Vec<IssueId>) -> LiveChange {
    LiveChange { issues: ids, ..LiveChange::default() }
}
