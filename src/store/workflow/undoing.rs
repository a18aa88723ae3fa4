//! Undoing what people did, for some minutes: each issue goes back to what it was, unless somebody else has decided since.
//!
//! Owns what is remembered for it. A token is used once. What is undone leaves no line behind, as if it had not happened,
//! unless events have told of it meanwhile.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use serde::{Deserialize, Serialize};

use super::super::keeper::{Chore, Keeper, Progress};
use super::super::writer::WriterHandle;
use super::super::{Store, StoreError};
use super::{Acting, IssueAction, deleting, in_the_background, merging, states};
use crate::config::{PURGE_LOOK_MS, SLICE_MS, UNDO_MS, WAKE_ISSUES_MAX, WAKE_LOOK_MS};
use crate::model::ids::IssueId;
use crate::model::workflow::{DECIDED, Input, State, transition, undone};

/// What became of undoing something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Undone {
    pub changed: u64,
    /// Issues that were left as they are, and why.
    pub problems: Vec<(IssueId, String)>,
}

/// A state as its row has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    status: String,
    substatus: String,
    standing: Option<String>,
}

impl Kept {
    pub(super) fn of(state: &State) -> Self {
        Self {
            status: state.status().as_str().to_string(),
            substatus: state.substatus().to_string(),
            standing: state.standing_json(),
        }
    }

    fn state(&self) -> State {
        State::parse(&self.status, &self.substatus, self.standing.as_deref())
    }
}

/// What an issue was before something was done to it, and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Before {
    State {
        before: Kept,
        after: Kept,
    },
    Assignee {
        before: Option<String>,
        after: Option<String>,
    },
    Priority {
        before: i64,
        after: i64,
    },
    Bookmark {
        before: bool,
        after: bool,
    },
    /// It was shown as `from`, or by itself.
    Merged {
        into: i64,
        from: Option<i64>,
    },
    Unmerged {
        from: i64,
    },
    Deleted {
        discard: Option<i64>,
    },
}

/// As kept: with the line that tells of it.
#[derive(Serialize, Deserialize)]
struct Entry {
    before: Before,
    activity: Option<i64>,
}

pub(super) fn remember(
    tx: &Transaction<'_>,
    token: &str,
    acting: &Acting,
    seq: i64,
    id: IssueId,
    before: &Before,
    activity: Option<i64>,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO undo (token, at_ms, by_name, kind) VALUES (:token, :at_ms, :by, :kind)
         ON CONFLICT (token) DO NOTHING",
    )?
    .execute(named_params! {
        ":token": token, ":at_ms": acting.now_ms, ":by": acting.by, ":kind": kind_of(&acting.action),
    })?;
    let entry = serde_json::to_string(&Entry { before: before.clone(), activity })
        .map_err(|error| StoreError::NotStored(error.to_string()))?;
    tx.prepare_cached(
        "INSERT INTO undo_entry (token, seq, issue_id, before) VALUES (:token, :seq, :issue_id, :before)",
    )?
    .execute(named_params! { ":token": token, ":seq": seq, ":issue_id": id.0, ":before": entry })?;
    Ok(())
}

fn kind_of(action: &IssueAction) -> &'static str {
    match action {
        IssueAction::Resolve(_) => "resolve",
        IssueAction::Ignore(_) => "ignore",
        IssueAction::Unresolve => "unresolve",
        IssueAction::Assign(_) => "assign",
        IssueAction::Priority(_) => "priority",
        IssueAction::Bookmark(_) => "bookmark",
        IssueAction::Merge { .. } => "merge",
        IssueAction::Unmerge { .. } => "unmerge",
        IssueAction::Delete => "delete",
        IssueAction::Discard => "discard",
    }
}

impl Store {
    /// Undoes what was done by a token, in slices; `None` when there is nothing (any more) to undo by it.
    pub async fn undo(&self, token: String, now_ms: i64) -> Result<Option<Undone>, StoreError> {
        let writer = self.writer.clone();
        in_the_background(move || undo_in_slices(&writer, &token, now_ms)).await
    }
}

fn undo_in_slices(writer: &WriterHandle, token: &str, now_ms: i64) -> Result<Option<Undone>, StoreError> {
    let wanted = token.to_string();
    let claimed = writer.run_chore(move |tx, _| claim(tx, &wanted, now_ms))?;
    if !claimed {
        return Ok(None);
    }
    let mut all = Undone::default();
    loop {
        let wanted = token.to_string();
        let (slice, is_done) = writer.run_told(move |tx, _| {
            let mut undone = Undone::default();
            let mut touched = Vec::new();
            let is_done = undo_some(tx, &wanted, now_ms, &mut undone, &mut touched)?;
            Ok(((undone, is_done), deleting::told(touched)))
        })?;
        all.changed += slice.changed;
        all.problems.extend(slice.problems);
        if is_done {
            return Ok(Some(all));
        }
    }
}

/// A token is used once, whoever comes with it first.
fn claim(tx: &Transaction<'_>, token: &str, now_ms: i64) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached("DELETE FROM undo WHERE token = :token AND at_ms >= :since_ms")?;
    Ok(statement.execute(named_params! { ":token": token, ":since_ms": now_ms - UNDO_MS })? > 0)
}

/// The last entry first: what was merged into something that was then merged itself goes back to it. Whether that was all.
fn undo_some(
    tx: &Transaction<'_>,
    token: &str,
    now_ms: i64,
    undone: &mut Undone,
    touched: &mut Vec<IssueId>,
) -> Result<bool, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SLICE_MS / 2);
    loop {
        let next: Option<(i64, i64, String)> = tx
            .prepare_cached(
                "SELECT seq, issue_id, before FROM undo_entry WHERE token = :token ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(named_params! { ":token": token }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((seq, id, entry)) = next else { return Ok(true) };
        tx.prepare_cached("DELETE FROM undo_entry WHERE token = :token AND seq = :seq")?
            .execute(named_params! { ":token": token, ":seq": seq })?;
        let id = IssueId(id);
        // Written by us; one that cannot be read is passed by like one whose issue is gone.
        let Ok(entry) = serde_json::from_str::<Entry>(&entry) else { continue };
        match undo_one(tx, id, &entry, now_ms)? {
            Restored::Yes { is_told_away } => {
                // What was merged along with another one is counted with it.
                if !matches!(entry.before, Before::Merged { from: Some(_), .. }) {
                    undone.changed += 1;
                }
                touched.push(id);
                if let (Some(activity), true) = (entry.activity, is_told_away) {
                    tx.prepare_cached("DELETE FROM issue_activity WHERE id = :id")?
                        .execute(named_params! { ":id": activity })?;
                }
            }
            Restored::No(why) => undone.problems.push((id, why.to_string())),
            Restored::Gone => {}
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
    }
}

/// All of it in one transaction.
#[cfg(test)]
pub(super) fn undo_for_test(tx: &Transaction<'_>, token: &str, now_ms: i64) {
    if claim(tx, token, now_ms).unwrap() {
        while !undo_some(tx, token, now_ms, &mut Undone::default(), &mut Vec::new()).unwrap() {}
    }
}

enum Restored {
    Yes {
        /// The line that told of it goes.
        is_told_away: bool,
    },
    No(&'static str),
    Gone,
}

const DECIDED_SINCE: &str = "somebody has decided otherwise since: it is left as it is";

/// Whether a person has decided about an issue's state after the line that tells of something.
fn is_decided_since(tx: &Transaction<'_>, id: IssueId, activity: Option<i64>) -> Result<bool, StoreError> {
    let Some(activity) = activity else { return Ok(false) };
    let mut statement = tx.prepare_cached("SELECT kind FROM issue_activity WHERE issue_id = :id AND id > :activity")?;
    let mut rows = statement.query(named_params! { ":id": id.0, ":activity": activity })?;
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(0)?.as_str().unwrap_or_default();
        if DECIDED.iter().any(|decided| decided.as_str() == kind) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn undo_one(tx: &Transaction<'_>, id: IssueId, entry: &Entry, now_ms: i64) -> Result<Restored, StoreError> {
    let column = |name: &str, before: &dyn rusqlite::ToSql, after: &dyn rusqlite::ToSql| -> Result<_, StoreError> {
        let params = named_params! { ":id": id.0, ":before": before, ":after": after, ":now_ms": now_ms };
        Ok(match tx.prepare_cached(&restore_sql(name))?.execute(params)? {
            0 => Restored::No(DECIDED_SINCE),
            _ => Restored::Yes { is_told_away: true },
        })
    };
    match &entry.before {
        Before::State { before, after } => {
            let Some(current) = states::read(tx, id)? else { return Ok(Restored::Gone) };
            let after = after.state();
            let is_decided_since = is_decided_since(tx, id, entry.activity)?;
            let Some(state) = undone(&current, &after, before.state(), is_decided_since) else {
                return Ok(Restored::No(DECIDED_SINCE));
            };
            states::write(tx, id, &state, Some(now_ms))?;
            Ok(Restored::Yes { is_told_away: current.status() == after.status() })
        }
        Before::Assignee { before, after } => column("assignee", before, after),
        Before::Priority { before, after } => column("priority", before, after),
        Before::Bookmark { before, after } => column("is_bookmarked", before, after),
        Before::Merged { into, from } => {
            let into = IssueId(*into);
            if merging::place(tx, id)?.and_then(|place| place.merged_into) != Some(into) {
                return Ok(Restored::No("it was taken out or merged into another issue since"));
            }
            merging::leave(tx, into, id)?;
            // The line of the other side of it.
            tx.prepare_cached(
                "DELETE FROM issue_activity WHERE id = (SELECT max(id) FROM issue_activity WHERE issue_id = :id
                     AND kind = 'merged' AND detail ->> 'into' = :into)",
            )?
            .execute(named_params! { ":id": id.0, ":into": into.to_string() })?;
            // Undone after the one it was part of.
            match from.map(IssueId) {
                Some(from) => rejoin(tx, from, id),
                None => Ok(Restored::Yes { is_told_away: true }),
            }
        }
        Before::Unmerged { from } => {
            let is_alone =
                merging::place(tx, id)?.is_some_and(|place| place.merged_into.is_none() && place.merged_count == 0);
            if !is_alone {
                return Ok(Restored::No("it was merged with other issues since"));
            }
            tx.prepare_cached(
                "DELETE FROM issue_activity WHERE id = (SELECT max(id) FROM issue_activity WHERE issue_id = :id
                     AND kind = 'unmerged')",
            )?
            .execute(named_params! { ":id": id.0 })?;
            rejoin(tx, IssueId(*from), id)
        }
        Before::Deleted { discard } => {
            if let Some(discard) = discard {
                deleting::lift(tx, *discard)?;
            }
            let is_hidden: Option<bool> = tx
                .prepare_cached("SELECT deleted_ms IS NOT NULL FROM issue WHERE id = :id")?
                .query_row(named_params! { ":id": id.0 }, |row| row.get(0))
                .optional()?;
            if is_hidden == Some(true) {
                deleting::restore(tx, id, now_ms)?;
                return Ok(Restored::Yes { is_told_away: true });
            }
            Ok(Restored::Gone)
        }
    }
}

/// Puts what stood in a column back, unless somebody has changed it since.
pub(in super::super) fn restore_sql(column: &str) -> String {
    format!("UPDATE issue SET {column} = :before, changed_ms = :now_ms WHERE id = :id AND {column} IS :after")
}

/// Shows `id` as `survivor` again, if that is still shown by itself.
fn rejoin(tx: &Transaction<'_>, survivor: IssueId, id: IssueId) -> Result<Restored, StoreError> {
    match merging::place(tx, survivor)? {
        Some(place) if place.merged_into.is_none() => {
            merging::join(tx, survivor, id)?;
            Ok(Restored::Yes { is_told_away: true })
        }
        _ => Ok(Restored::No("the issue it was merged into is not there any more")),
    }
}

/// Ignored issues whose time is over.
pub(in super::super) const WAKE: Chore = Chore { name: "waking ignored issues", run: wake, every_ms: WAKE_LOOK_MS };

fn wake(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let now_ms = keeper.now_ms();
    let due = due(&keeper.reader, now_ms)?;
    if due.is_empty() {
        return Ok(Progress::Idle);
    }
    keeper.write_told(move |tx| {
        for id in &due {
            let Some(before) = states::read(tx, *id)? else { continue };
            let (state, activities) = transition(before, &Input::Time { now_ms });
            states::write(tx, *id, &state, (!activities.is_empty()).then_some(now_ms))?;
            states::tell(tx, *id, &activities)?;
        }
        Ok(((), deleting::told(due)))
    })?;
    Ok(Progress::More)
}

fn due(connection: &Connection, now_ms: i64) -> Result<Vec<IssueId>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM issue WHERE wake_ms <= :now_ms ORDER BY wake_ms LIMIT :limit")?;
    let params = named_params! { ":now_ms": now_ms, ":limit": WAKE_ISSUES_MAX as i64 };
    let rows = statement.query_map(params, |row| row.get(0).map(IssueId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What can no longer be undone.
pub(in super::super) const FORGET: Chore =
    Chore { name: "forgetting what cannot be undone any more", run: forget, every_ms: PURGE_LOOK_MS };

/// Entries forgotten in one slice.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

fn forget(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let before_ms = keeper.now_ms() - UNDO_MS;
    let sql = "SELECT token FROM undo WHERE at_ms < :before_ms LIMIT 1";
    let token: Option<String> = keeper
        .reader
        .prepare_cached(sql)?
        .query_row(named_params! { ":before_ms": before_ms }, |row| row.get(0))
        .optional()?;
    let Some(token) = token else { return Ok(Progress::Idle) };
    keeper.write(move |tx, _| {
        let gone = tx
            .prepare_cached(
                "DELETE FROM undo_entry WHERE token = :token AND seq IN
                     (SELECT seq FROM undo_entry WHERE token = :token LIMIT :limit)",
            )?
            .execute(named_params! { ":token": token, ":limit": FORGOTTEN_AT_ONCE })?;
        if (gone as i64) < FORGOTTEN_AT_ONCE {
            tx.prepare_cached("DELETE FROM undo WHERE token = :token")?.execute(named_params! { ":token": token })?;
        }
        Ok(())
    })?;
    Ok(Progress::More)
}
