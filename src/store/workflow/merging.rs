//! Merging: some issues are shown as one of them, the survivor.
//!
//! Nothing is moved. Every issue keeps its row, its hashes, its events and what is counted of them, and goes on counting;
//! the survivor's row, hours, environments and users are the sums of all. What it counts by itself stands beside it
//! (`issue_own`, `issue_own_hour`, `issue_own_environment`), so that taking one out again is as exact as putting it in.
//! One deep: what is merged into a merged issue goes to its survivor, and whoever is merged takes those that were merged
//! into it along.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use super::super::issues::{IssueDelta, merge_users};
use super::read_sketch;
use crate::model::ids::IssueId;
use crate::model::sketch::UserSketch;

/// Counts what came for a merged issue for the one it is shown as. Its wording stays that of its own events.
pub(super) fn count_for_survivor(
    tx: &Transaction<'_>,
    survivor: IssueId,
    delta: &IssueDelta,
) -> Result<(), StoreError> {
    let users = match delta.user_hashes.is_empty() {
        true => None,
        false => merge_users(tx, survivor, &delta.user_hashes)?,
    };
    let mut statement = tx.prepare_cached(
        "UPDATE issue SET
             first_release = iif(:first_seen_ms < first_seen_ms, coalesce(:first_release, first_release), first_release),
             last_release = iif(:newest_ms >= last_seen_ms, coalesce(:release, last_release), last_release),
             is_unhandled = is_unhandled OR :is_unhandled,
             first_seen_ms = min(first_seen_ms, :first_seen_ms),
             last_seen_ms = max(last_seen_ms, :last_seen_ms),
             event_count = event_count + :event_count,
             user_count = coalesce(:user_count, user_count)
         WHERE id = :id",
    )?;
    statement.execute(named_params! {
        ":id": survivor.0,
        ":newest_ms": delta.newest_ms,
        ":release": delta.release,
        ":first_release": delta.first_release,
        ":is_unhandled": delta.is_unhandled,
        ":first_seen_ms": delta.first_seen_ms,
        ":last_seen_ms": delta.last_seen_ms,
        ":event_count": delta.event_count as i64,
        ":user_count": users.map(|count| count as i64),
    })?;
    delta.add_to_hours(tx, "issue_hour", survivor)?;
    delta.add_to_environments(tx, "issue_environment", survivor)
}

/// Counts what came for a survivor itself beside the sums in its row.
pub(super) fn count_own(tx: &Transaction<'_>, id: IssueId, delta: &IssueDelta) -> Result<(), StoreError> {
    let mut sketch = read_sketch(tx, OWN_SKETCH, id)?;
    let mut is_met = false;
    for hash in &delta.user_hashes {
        is_met |= sketch.insert(*hash);
    }
    let mut statement = tx.prepare_cached(
        "UPDATE issue_own SET
             first_release = iif(:first_seen_ms < first_seen_ms, coalesce(:first_release, first_release), first_release),
             last_release = iif(:newest_ms >= last_seen_ms, coalesce(:release, last_release), last_release),
             is_unhandled = is_unhandled OR :is_unhandled,
             first_seen_ms = min(first_seen_ms, :first_seen_ms),
             last_seen_ms = max(last_seen_ms, :last_seen_ms),
             event_count = event_count + :event_count,
             user_count = coalesce(:user_count, user_count),
             sketch = coalesce(:sketch, sketch)
         WHERE issue_id = :id",
    )?;
    statement.execute(named_params! {
        ":id": id.0,
        ":newest_ms": delta.newest_ms,
        ":release": delta.release,
        ":first_release": delta.first_release,
        ":is_unhandled": delta.is_unhandled,
        ":first_seen_ms": delta.first_seen_ms,
        ":last_seen_ms": delta.last_seen_ms,
        ":event_count": delta.event_count as i64,
        ":user_count": is_met.then(|| sketch.estimate() as i64),
        ":sketch": is_met.then(|| sketch.to_bytes()),
    })?;
    delta.add_to_hours(tx, "issue_own_hour", id)?;
    delta.add_to_environments(tx, "issue_own_environment", id)
}

/// Tables of sums, where an issue's own part of them is, and its columns.
pub(in super::super) const COUNTED_APART: [(&str, &str, &str); 2] = [
    ("issue_hour", "issue_own_hour", "hour, event_count"),
    ("issue_environment", "issue_own_environment", "environment, first_seen_ms, last_seen_ms, event_count"),
];

const OWN_SKETCH: &str = "SELECT sketch FROM issue_own WHERE issue_id = :id AND sketch IS NOT NULL";
const SKETCH: &str = "SELECT sketch FROM issue_users WHERE issue_id = :id";

/// Those that are merged into an issue.
pub(super) fn members(connection: &Connection, survivor: IssueId) -> Result<Vec<IssueId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM issue WHERE merged_into = :id ORDER BY short_no")?;
    let rows = statement.query_map(named_params! { ":id": survivor.0 }, |row| row.get(0).map(IssueId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Shows `member`, which nothing is merged into and which is merged into nothing, as `survivor`.
pub(super) fn join(tx: &Transaction<'_>, survivor: IssueId, member: IssueId) -> Result<(), StoreError> {
    let both = named_params! { ":into": survivor.0, ":from": member.0 };
    remember_own(tx, survivor)?;
    tx.prepare_cached("UPDATE issue SET merged_into = :into WHERE id = :from")?.execute(both)?;
    tx.prepare_cached(
        "INSERT INTO issue_hour (issue_id, hour, event_count)
         SELECT :into, hour, event_count FROM issue_hour WHERE issue_id = :from
         ON CONFLICT (issue_id, hour) DO UPDATE SET event_count = event_count + excluded.event_count",
    )?
    .execute(both)?;
    tx.prepare_cached(
        "INSERT INTO issue_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
         SELECT :into, environment, first_seen_ms, last_seen_ms, event_count FROM issue_environment
         WHERE issue_id = :from
         ON CONFLICT (environment, issue_id) DO UPDATE SET
             first_seen_ms = min(first_seen_ms, excluded.first_seen_ms),
             last_seen_ms = max(last_seen_ms, excluded.last_seen_ms),
             event_count = event_count + excluded.event_count",
    )?
    .execute(both)?;
    let mut users = read_sketch(tx, SKETCH, survivor)?;
    users.merge(&read_sketch(tx, SKETCH, member)?);
    write_users(tx, survivor, &users)?;
    sum_up(tx, survivor)
}

/// Shows `member` by itself again.
pub(super) fn leave(tx: &Transaction<'_>, survivor: IssueId, member: IssueId) -> Result<(), StoreError> {
    let both = named_params! { ":into": survivor.0, ":from": member.0 };
    let left = tx
        .prepare_cached("UPDATE issue SET merged_into = NULL WHERE id = :from AND merged_into = :into")?
        .execute(both)?;
    if left == 0 {
        return Ok(());
    }
    let rest = members(tx, survivor)?;
    if rest.is_empty() {
        return dissolve(tx, survivor);
    }
    // Retention drops the same hours of both.
    tx.prepare_cached(
        "UPDATE issue_hour SET event_count = issue_hour.event_count - part.event_count
         FROM (SELECT hour, event_count FROM issue_hour WHERE issue_id = :from) AS part
         WHERE issue_hour.issue_id = :into AND issue_hour.hour = part.hour",
    )?
    .execute(both)?;
    tx.prepare_cached("DELETE FROM issue_hour WHERE issue_id = :into AND event_count <= 0")?
        .execute(named_params! { ":into": survivor.0 })?;
    let id = named_params! { ":id": survivor.0 };
    tx.prepare_cached("DELETE FROM issue_environment WHERE issue_id = :id")?.execute(id)?;
    tx.prepare_cached(
        "INSERT INTO issue_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
         SELECT :id, environment, min(first_seen_ms), max(last_seen_ms), sum(event_count) FROM (
             SELECT environment, first_seen_ms, last_seen_ms, event_count FROM issue_own_environment
             WHERE issue_id = :id
             UNION ALL
             SELECT environment, there.first_seen_ms, there.last_seen_ms, there.event_count
             FROM issue CROSS JOIN issue_environment AS there ON there.issue_id = issue.id
             WHERE issue.merged_into = :id)
         GROUP BY environment",
    )?
    .execute(id)?;
    let mut users = read_sketch(tx, OWN_SKETCH, survivor)?;
    for member in rest {
        users.merge(&read_sketch(tx, SKETCH, member)?);
    }
    write_users(tx, survivor, &users)?;
    sum_up(tx, survivor)
}

/// Makes a survivor count what it does by itself again. Those that are merged into it are left as they are: whoever asks
/// puts them elsewhere.
pub(super) fn dissolve(tx: &Transaction<'_>, survivor: IssueId) -> Result<(), StoreError> {
    let id = named_params! { ":id": survivor.0 };
    let dissolved = tx
        .prepare_cached(
            "UPDATE issue SET (first_seen_ms, last_seen_ms, event_count, comment_count, is_unhandled, first_release,
                     last_release, merged_count)
                 = (SELECT own.first_seen_ms, own.last_seen_ms, own.event_count, own.comment_count, own.is_unhandled,
                     own.first_release, own.last_release, 0 FROM issue_own AS own WHERE own.issue_id = :id)
             WHERE id = :id AND EXISTS (SELECT 1 FROM issue_own WHERE issue_own.issue_id = :id)",
        )?
        .execute(id)?;
    if dissolved == 0 {
        return Ok(());
    }
    for (table, own, columns) in COUNTED_APART {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE issue_id = :id"))?.execute(id)?;
        tx.prepare_cached(&own_back_sql(table, own, columns))?.execute(id)?;
    }
    let users = read_sketch(tx, OWN_SKETCH, survivor)?;
    write_users(tx, survivor, &users)?;
    forget_own(tx, survivor)
}

/// Puts what an issue counts by itself where the sums were.
pub(in super::super) fn own_back_sql(sums: &str, own: &str, columns: &str) -> String {
    format!("INSERT INTO {sums} (issue_id, {columns}) SELECT :id, {columns} FROM {own} WHERE issue_id = :id")
}

pub(super) fn forget_own(tx: &Transaction<'_>, id: IssueId) -> Result<(), StoreError> {
    for table in ["issue_own", "issue_own_hour", "issue_own_environment"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE issue_id = :id"))?
            .execute(named_params! { ":id": id.0 })?;
    }
    Ok(())
}

/// When the first one is merged into an issue.
fn remember_own(tx: &Transaction<'_>, id: IssueId) -> Result<(), StoreError> {
    let id = named_params! { ":id": id.0 };
    let is_new = tx
        .prepare_cached(
            "INSERT INTO issue_own (issue_id, first_seen_ms, last_seen_ms, event_count, user_count, comment_count,
                 is_unhandled, first_release, last_release, sketch)
             SELECT id, first_seen_ms, last_seen_ms, event_count, user_count, comment_count, is_unhandled,
                 first_release, last_release, (SELECT sketch FROM issue_users WHERE issue_users.issue_id = issue.id)
             FROM issue WHERE id = :id
             ON CONFLICT (issue_id) DO NOTHING",
        )?
        .execute(id)?;
    if is_new > 0 {
        tx.prepare_cached(
            "INSERT INTO issue_own_hour (issue_id, hour, event_count)
             SELECT issue_id, hour, event_count FROM issue_hour WHERE issue_id = :id",
        )?
        .execute(id)?;
        tx.prepare_cached(
            "INSERT INTO issue_own_environment (issue_id, environment, first_seen_ms, last_seen_ms, event_count)
             SELECT issue_id, environment, first_seen_ms, last_seen_ms, event_count FROM issue_environment
             WHERE issue_id = :id",
        )?
        .execute(id)?;
    }
    Ok(())
}

/// The numbers of a survivor's row but for its users: of itself and of all that are merged into it.
fn sum_up(tx: &Transaction<'_>, survivor: IssueId) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "WITH part AS MATERIALIZED (
             SELECT first_seen_ms, last_seen_ms, event_count, comment_count, is_unhandled, first_release, last_release,
                 0 AS members FROM issue_own WHERE issue_id = :id
             UNION ALL
             SELECT first_seen_ms, last_seen_ms, event_count, comment_count, is_unhandled, first_release, last_release, 1
             FROM issue WHERE merged_into = :id)
         UPDATE issue SET (first_seen_ms, last_seen_ms, event_count, comment_count, is_unhandled, merged_count)
                 = (SELECT min(first_seen_ms), max(last_seen_ms), sum(event_count), sum(comment_count),
                     max(is_unhandled), sum(members) FROM part),
             first_release = (SELECT first_release FROM part ORDER BY first_release IS NULL, first_seen_ms LIMIT 1),
             last_release = (SELECT last_release FROM part ORDER BY last_release IS NULL, last_seen_ms DESC LIMIT 1)
         WHERE id = :id",
    )?;
    statement.execute(named_params! { ":id": survivor.0 })?;
    Ok(())
}

fn write_users(tx: &Transaction<'_>, id: IssueId, users: &UserSketch) -> Result<(), StoreError> {
    let count = users.estimate();
    if count > 0 {
        tx.prepare_cached(
            "INSERT INTO issue_users (issue_id, sketch) VALUES (:id, :sketch)
             ON CONFLICT (issue_id) DO UPDATE SET sketch = :sketch",
        )?
        .execute(named_params! { ":id": id.0, ":sketch": users.to_bytes() })?;
    } else {
        tx.prepare_cached("DELETE FROM issue_users WHERE issue_id = :id")?.execute(named_params! { ":id": id.0 })?;
    }
    tx.prepare_cached("UPDATE issue SET user_count = :count WHERE id = :id")?
        .execute(named_params! { ":id": id.0, ":count": count as i64 })?;
    Ok(())
}

/// Makes every survivor count what it does by itself, for whoever compares counts issue by issue.
pub(in super::super) fn dissolve_all(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let survivors: Vec<i64> =
        tx.prepare("SELECT issue_id FROM issue_own")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    survivors.into_iter().try_for_each(|id| dissolve(tx, IssueId(id)))
}

/// Behind [`dissolve_all`]: `member` is to be shown as `survivor`, unless it is shown as another one already.
pub(in super::super) fn plan_merge(tx: &Transaction<'_>, member: IssueId, survivor: IssueId) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT coalesce(survivor.merged_into, survivor.id) FROM issue AS member JOIN issue AS survivor
             ON survivor.project_id = member.project_id
         WHERE member.id = :member AND survivor.id = :survivor AND member.merged_into IS NULL",
    )?;
    let both = named_params! { ":member": member.0, ":survivor": survivor.0 };
    let root: Option<i64> = statement.query_row(both, |row| row.get(0)).optional()?;
    let Some(root) = root.filter(|root| *root != member.0) else { return Ok(()) };
    tx.prepare_cached("UPDATE issue SET merged_into = :root WHERE id = :member OR merged_into = :member")?
        .execute(named_params! { ":member": member.0, ":root": root })?;
    Ok(())
}

/// Makes survivors of those that do not count yet what is merged into them.
pub(in super::super) fn merge_planned(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let planned: Vec<(i64, i64)> = tx
        .prepare(
            "SELECT merged_into, id FROM issue WHERE merged_into IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM issue_own WHERE issue_own.issue_id = issue.merged_into)
             ORDER BY merged_into, short_no",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (_, member) in &planned {
        tx.prepare_cached("UPDATE issue SET merged_into = NULL WHERE id = :id")?
            .execute(named_params! { ":id": member })?;
    }
    planned.into_iter().try_for_each(|(survivor, member)| join(tx, IssueId(survivor), IssueId(member)))
}

/// An import that was broken off leaves issues that do not count yet what is merged into them.
pub(in super::super) fn mend(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM issue WHERE merged_into IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM issue_own WHERE issue_own.issue_id = issue.merged_into))";
    if connection.query_row(sql, [], |row| row.get(0))? {
        let tx = connection.transaction()?;
        merge_planned(&tx)?;
        tx.commit()?;
    }
    Ok(())
}

/// Where an issue stands among merges.
pub(super) struct Place {
    pub(super) merged_into: Option<IssueId>,
    pub(super) merged_count: u64,
}

pub(super) fn place(connection: &Connection, id: IssueId) -> Result<Option<Place>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT merged_into, merged_count FROM issue WHERE id = :id AND deleted_ms IS NULL")?;
    let found = statement.query_row(named_params! { ":id": id.0 }, |row| {
        Ok(Place {
            merged_into: row.get::<_, Option<i64>>(0)?.map(IssueId),
            merged_count: row.get::<_, i64>(1)?.max(0) as u64,
        })
    });
    Ok(found.optional()?)
}
