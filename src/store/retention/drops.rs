//! What goes with a row that is dropped, kind by kind: every function takes the oldest first, a bounded number of them, in
//! the transaction it is given, and says how many it took.
//!
//! Ids rise with the time rows came in, so the oldest are the first of a table. Rows that say they came in the future are
//! from a time when the clock was wrong; they go with what stands behind them.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use super::super::awaited::Awaited;
use super::super::log_chunks::{drop_log_batch, drop_log_chunk, drop_log_minutes};
use super::super::perf::drop_performance;
use super::super::sessions::prune;
use super::super::span_chunks::{drop_span_batch, drop_span_chunk};
use super::super::writer::now_ms;
use crate::config::{BLOB_UNFINISHED_MS, SLICE_MS};
use crate::model::storage::StoredKind;
use crate::model::time::{DAY_MS, day_of, hour_of, minute_of};

/// What one slice takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Only what came in before; `i64::MAX` for whatever is oldest.
    pub(super) before_ms: i64,
    pub(super) rows: usize,
}

/// Rows behind a head of rows from the future that are looked at for one that is too old.
const DEEP_ROWS: usize = 20_000;
/// As many chunks.
const DEEP_CHUNKS: usize = 200;

/// Drops the oldest rows of a kind.
pub(super) fn drop_oldest(tx: &Transaction<'_>, kind: StoredKind, cut: Cut) -> Result<usize, StoreError> {
    match kind {
        StoredKind::Errors => drop_head(tx, "event", cut),
        StoredKind::Feedback => drop_head(tx, "feedback", cut),
        StoredKind::Spans => drop_spans(tx, cut),
        StoredKind::Logs => drop_logs(tx, cut),
        StoredKind::Metrics => drop_metrics(tx, cut),
        StoredKind::Attachments => drop_attachments(tx, cut),
        StoredKind::Profiles => drop_profiles(tx, cut),
        StoredKind::Replays => drop_replays(tx, cut),
        StoredKind::CheckIns => drop_check_ins(tx, cut),
        StoredKind::Sessions => drop_sessions(tx, cut),
        StoredKind::Counts => drop_counts(tx, cut),
        StoredKind::Performance => drop_performance(tx, cut.before_ms, cut.rows),
        StoredKind::Issues | StoredKind::Server => Ok(0),
    }
}

/// The last row of the head of a table that is to go.
fn end_of_head(connection: &Connection, table: &str, cut: Cut) -> Result<Option<i64>, StoreError> {
    let look = |rows: usize| -> Result<Option<i64>, StoreError> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT max(id) FROM (SELECT id, received_ms FROM {table} ORDER BY id LIMIT :rows)
             WHERE received_ms < :before_ms"
        ))?;
        Ok(statement
            .query_row(named_params! { ":rows": rows as i64, ":before_ms": cut.before_ms }, |row| row.get(0))?)
    };
    if let Some(last) = look(cut.rows)? {
        return Ok(Some(last));
    }
    let mut statement = connection.prepare_cached(&format!("SELECT received_ms FROM {table} ORDER BY id LIMIT 1"))?;
    let first_ms: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
    // Younger than what may go; a day of grace for clocks that are nearly right.
    let is_wrong = first_ms.is_some_and(|ms| ms > now_ms() + DAY_MS);
    if !is_wrong || look(DEEP_ROWS)?.is_none() {
        return Ok(None);
    }
    let sql = format!("SELECT max(id) FROM (SELECT id FROM {table} ORDER BY id LIMIT :rows)");
    Ok(connection.query_row(&sql, named_params! { ":rows": cut.rows as i64 }, |row| row.get(0))?)
}

fn drop_head(tx: &Transaction<'_>, table: &str, cut: Cut) -> Result<usize, StoreError> {
    let Some(last) = end_of_head(tx, table, cut)? else { return Ok(0) };
    let mut statement = tx.prepare_cached(&format!("DELETE FROM {table} WHERE id <= :last"))?;
    Ok(statement.execute(named_params! { ":last": last })?)
}

/// The first chunk of a table in the order its batches came in, when it or one soon behind it is too old.
fn first_chunk(tx: &Transaction<'_>, table: &str, before_ms: i64) -> Result<Option<i64>, StoreError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT id FROM {table} WHERE EXISTS (
             SELECT 1 FROM (SELECT received_ms FROM {table} ORDER BY last_batch_id LIMIT :rows)
             WHERE received_ms < :before_ms)
         ORDER BY last_batch_id, id LIMIT 1"
    ))?;
    let bounds = named_params! { ":rows": DEEP_CHUNKS as i64, ":before_ms": before_ms };
    Ok(statement.query_row(bounds, |row| row.get(0)).optional()?)
}

/// The first batches of a table that wait to be sealed and are too old.
fn first_batches(tx: &Transaction<'_>, table: &str, cut: Cut) -> Result<Vec<i64>, StoreError> {
    let Some(last) = end_of_head(tx, table, cut)? else { return Ok(Vec::new()) };
    let mut statement = tx.prepare_cached(&format!("SELECT id FROM {table} WHERE id <= :last ORDER BY id"))?;
    Ok(statement.query_map(named_params! { ":last": last }, |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Chunks, and batches when there is no chunk left; as many as a slice has time for. A large chunk takes several slices.
fn drop_spans(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let until = Instant::now() + Duration::from_millis(SLICE_MS / 2);
    let mut dropped = 0;
    while let Some(id) = first_chunk(tx, "span_chunk", cut.before_ms)? {
        drop_span_chunk(tx, id)?;
        dropped += 1;
        if dropped >= cut.rows || Instant::now() > until {
            return Ok(dropped);
        }
    }
    for id in first_batches(tx, "span_batch", Cut { rows: cut.rows.saturating_sub(dropped), ..cut })? {
        drop_span_batch(tx, id)?;
        dropped += 1;
        if Instant::now() > until {
            break;
        }
    }
    Ok(dropped)
}

fn drop_logs(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let until = Instant::now() + Duration::from_millis(SLICE_MS / 2);
    let mut dropped = 0;
    while let Some(id) = first_chunk(tx, "log_chunk", cut.before_ms)? {
        drop_log_chunk(tx, id)?;
        dropped += 1;
        if dropped >= cut.rows || Instant::now() > until {
            return Ok(dropped);
        }
    }
    for id in first_batches(tx, "log_batch", Cut { rows: cut.rows.saturating_sub(dropped), ..cut })? {
        drop_log_batch(tx, id)?;
        dropped += 1;
        if Instant::now() > until {
            return Ok(dropped);
        }
    }
    // Counts stay for as long as there is a record of that time.
    let oldest_ns: Option<i64> = tx
        .prepare_cached(
            "SELECT min(ns) FROM (SELECT min(min_ns) AS ns FROM log_chunk UNION ALL SELECT min(min_ns) FROM log_batch)",
        )?
        .query_row([], |row| row.get(0))?;
    let minute = oldest_ns.map_or(cut.before_ms / 60_000, minute_of);
    Ok(dropped + drop_log_minutes(tx, minute, cut.rows)?)
}

/// Points as they were sent go first; the sums by minute and the names of what is no longer measured follow by age, or when
/// there is nothing else.
fn drop_metrics(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    if let Some(last) = end_of_head(tx, "metric_batch", cut)? {
        let mut statement = tx.prepare_cached("DELETE FROM metric_part WHERE batch_id <= :last")?;
        let parts = statement.execute(named_params! { ":last": last })?;
        let mut statement = tx.prepare_cached("DELETE FROM metric_batch WHERE id <= :last")?;
        return Ok(parts + statement.execute(named_params! { ":last": last })?);
    }
    let mut statement = tx.prepare_cached(
        "SELECT metric_id, minute FROM metric_minute WHERE minute < :before_minute ORDER BY minute LIMIT :rows",
    )?;
    let bounds = named_params! { ":before_minute": cut.before_ms / 60_000, ":rows": cut.rows as i64 };
    let rows: Vec<(i64, i64)> =
        statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut minute = tx.prepare_cached("DELETE FROM metric_minute WHERE metric_id = :id AND minute = :minute")?;
    let mut metric = tx.prepare_cached(
        "DELETE FROM metric WHERE id = :id AND NOT EXISTS (SELECT 1 FROM metric_minute WHERE metric_id = :id)",
    )?;
    for (id, at) in &rows {
        minute.execute(named_params! { ":id": id, ":minute": at })?;
        metric.execute(named_params! { ":id": id })?;
    }
    Ok(rows.len())
}

fn drop_attachments(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id, blob_id FROM attachment WHERE received_ms < :before_ms ORDER BY received_ms LIMIT :rows",
    )?;
    let bounds = named_params! { ":before_ms": cut.before_ms, ":rows": cut.rows as i64 };
    let rows: Vec<(i64, Option<i64>)> =
        statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut statement = tx.prepare_cached("DELETE FROM attachment WHERE id = :id")?;
    for (id, blob_id) in &rows {
        statement.execute(named_params! { ":id": id })?;
        if let Some(blob_id) = blob_id {
            give_up_blob(tx, *blob_id)?;
        }
    }
    Ok(rows.len())
}

fn drop_profiles(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id, blob_id FROM profile WHERE received_ms < :before_ms ORDER BY received_ms LIMIT :rows",
    )?;
    let bounds = named_params! { ":before_ms": cut.before_ms, ":rows": cut.rows as i64 };
    let rows: Vec<(i64, i64)> =
        statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut statement = tx.prepare_cached("DELETE FROM profile WHERE id = :id")?;
    for (id, blob_id) in &rows {
        statement.execute(named_params! { ":id": id })?;
        give_up_blob(tx, *blob_id)?;
    }
    Ok(rows.len())
}

/// A replay is of no use in part: all of it goes, the one that was heard of longest ago first.
fn drop_replays(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id, replay_id, project_id FROM replay WHERE received_ms < :before_ms
         ORDER BY received_ms, id LIMIT 1",
    )?;
    let oldest: Option<(i64, [u8; 16], u32)> = statement
        .query_row(named_params! { ":before_ms": cut.before_ms }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((id, replay_id, project_id)) = oldest else {
        let mut statement = tx.prepare_cached(
            "DELETE FROM replay_link WHERE (target, replay_id, project_id) IN (
                 SELECT target, replay_id, project_id FROM replay_link INDEXED BY replay_link_received
                 WHERE received_ms < min(:before_ms, (SELECT coalesce(min(received_ms), :before_ms) FROM replay_part))
                 ORDER BY received_ms LIMIT :rows)",
        )?;
        return Ok(statement.execute(named_params! { ":before_ms": cut.before_ms, ":rows": cut.rows as i64 })?);
    };
    let mut statement = tx.prepare_cached(
        "SELECT id, blob_id FROM replay_part WHERE replay_id = :replay_id AND project_id = :project_id LIMIT :rows",
    )?;
    let of_it = named_params! { ":replay_id": &replay_id[..], ":project_id": project_id, ":rows": cut.rows as i64 };
    let parts: Vec<(i64, i64)> =
        statement.query_map(of_it, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut statement = tx.prepare_cached("DELETE FROM replay_part WHERE id = :id")?;
    for (part, blob_id) in &parts {
        statement.execute(named_params! { ":id": part })?;
        give_up_blob(tx, *blob_id)?;
    }
    if parts.len() < cut.rows {
        let mut statement = tx.prepare_cached("DELETE FROM replay WHERE id = :id")?;
        statement.execute(named_params! { ":id": id })?;
    }
    Ok(parts.len() + 1)
}

/// Whatever named the blob is gone: unless something else names it, too, its bytes follow piece by piece.
pub(in super::super) fn give_up_blob(tx: &Transaction<'_>, blob_id: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE blob SET is_whole = 0, received_ms = 0 WHERE id = :id
             AND NOT EXISTS (SELECT 1 FROM attachment WHERE blob_id = :id)
             AND NOT EXISTS (SELECT 1 FROM profile WHERE id = :id AND blob_id = :id)
             AND NOT EXISTS (SELECT 1 FROM replay_part WHERE id = :id AND blob_id = :id)",
    )?;
    statement.execute(named_params! { ":id": blob_id })?;
    Ok(())
}

/// Whether there is a blob for [`drop_loose_chunks`].
pub(super) fn has_loose_blob(connection: &Connection, now_ms: i64, awaited: &Awaited) -> Result<bool, StoreError> {
    Ok(loose_blob(connection, now_ms, awaited)?.is_some())
}

/// The oldest that nothing names and nobody is sending.
fn loose_blob(connection: &Connection, now_ms: i64, awaited: &Awaited) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, key FROM blob WHERE is_whole = 0 AND received_ms < :before_ms ORDER BY received_ms",
    )?;
    let before_ms = now_ms.saturating_sub(BLOB_UNFINISHED_MS).max(1);
    let mut rows = statement.query(named_params! { ":before_ms": before_ms })?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        if !awaited.has(key) {
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}

/// Bytes of blobs that nothing names: given up, or never finished by their sender.
pub(in super::super) fn drop_loose_chunks(
    tx: &Transaction<'_>,
    now_ms: i64,
    rows: usize,
    awaited: &Awaited,
) -> Result<usize, StoreError> {
    let Some(id) = loose_blob(tx, now_ms, awaited)? else { return Ok(0) };
    let mut statement = tx.prepare_cached(
        "DELETE FROM blob_chunk WHERE rowid IN (SELECT rowid FROM blob_chunk WHERE blob_id = :id LIMIT :rows)",
    )?;
    let chunks = statement.execute(named_params! { ":id": id, ":rows": rows as i64 })?;
    if chunks < rows {
        tx.prepare_cached("DELETE FROM blob WHERE id = :id")?.execute(named_params! { ":id": id })?;
    }
    Ok(chunks + 1)
}

/// The last one of each monitor's environment stays, so that it can be told when a job was heard of last.
fn drop_check_ins(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM check_in WHERE id IN (
             SELECT id FROM check_in AS old
             WHERE received_ms < :before_ms AND status <> 'in_progress'
                 AND EXISTS (SELECT 1 FROM check_in AS newer
                             WHERE newer.environment_id = old.environment_id AND newer.id > old.id)
             ORDER BY received_ms LIMIT :rows)",
    )?;
    Ok(statement.execute(named_params! { ":before_ms": cut.before_ms, ":rows": cut.rows as i64 })?)
}

fn drop_sessions(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let hour = hour_of(cut.before_ms);
    let rows = cut.rows as i64;
    let mut statement = tx.prepare_cached(
        "DELETE FROM release_users WHERE rowid IN
             (SELECT rowid FROM release_users WHERE hour < :hour ORDER BY hour LIMIT :rows)",
    )?;
    let mut dropped = statement.execute(named_params! { ":hour": hour, ":rows": rows })?;
    let mut statement = tx.prepare_cached(
        "DELETE FROM release_hour WHERE (project_id, version, environment, hour) IN
             (SELECT project_id, version, environment, hour FROM release_hour INDEXED BY release_hour_hour
              WHERE hour < :hour ORDER BY hour LIMIT :rows)",
    )?;
    dropped += statement.execute(named_params! { ":hour": hour, ":rows": rows })?;
    Ok(dropped)
}

/// Sessions that are too old to be heard of again, and deliveries nobody repeats any more, when none come in that would
/// do it.
pub(super) fn forget_sessions(tx: &Transaction<'_>, now_ms: i64) -> Result<(), StoreError> {
    prune(tx, now_ms)
}

/// Hours of counts before this one may be in the sum under hour 0, for whoever compares stores.
pub(in super::super) const COUNTS_SUMMED_TO: &str = "counts_summed_to";

pub(in super::super) fn remember_summed(connection: &Connection, hour: i64) -> rusqlite::Result<()> {
    remember_hour(connection, COUNTS_SUMMED_TO, hour)
}

/// Where the hours of issues begin, once some were dropped, for whoever compares stores.
pub(in super::super) const ISSUE_HOURS_FROM: &str = "issue_hours_from";

fn remember_hour(connection: &Connection, key: &str, hour: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO setting (key, value) VALUES (:key, :hour)
         ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
    )?;
    statement.execute(named_params! { ":key": key, ":hour": hour.to_string() })?;
    Ok(())
}

/// What was counted by hour is summed under hour 0 where totals are told, and dropped elsewhere.
fn drop_counts(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let (hour, day) = (hour_of(cut.before_ms), day_of(cut.before_ms));
    let mut statement = tx.prepare_cached("SELECT id FROM project")?;
    let projects: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut dropped = 0;
    for project_id in projects {
        let old = named_params! { ":project_id": project_id, ":hour": hour, ":rows": cut.rows as i64 };
        for (sum, gone) in [
            (
                "INSERT INTO outcome (project_id, hour, category, reason, quantity)
                 SELECT project_id, 0, category, reason, quantity FROM outcome
                 WHERE project_id = :project_id AND hour > 0 AND hour < :hour
                 ORDER BY hour, category, reason LIMIT :rows
                 ON CONFLICT (project_id, hour, category, reason) DO UPDATE SET quantity = quantity + excluded.quantity",
                "DELETE FROM outcome WHERE (project_id, hour, category, reason) IN (
                     SELECT project_id, hour, category, reason FROM outcome
                     WHERE project_id = :project_id AND hour > 0 AND hour < :hour
                     ORDER BY hour, category, reason LIMIT :rows)",
            ),
            (
                "INSERT INTO client_discard (project_id, hour, kind, reason, category, quantity)
                 SELECT project_id, 0, kind, reason, category, quantity FROM client_discard
                 WHERE project_id = :project_id AND hour > 0 AND hour < :hour
                 ORDER BY hour, kind, reason, category LIMIT :rows
                 ON CONFLICT (project_id, hour, kind, reason, category)
                     DO UPDATE SET quantity = quantity + excluded.quantity",
                "DELETE FROM client_discard WHERE (project_id, hour, kind, reason, category) IN (
                     SELECT project_id, hour, kind, reason, category FROM client_discard
                     WHERE project_id = :project_id AND hour > 0 AND hour < :hour
                     ORDER BY hour, kind, reason, category LIMIT :rows)",
            ),
        ] {
            if tx.prepare_cached(sum)?.execute(old)? > 0 {
                remember_summed(tx, hour)?;
            }
            dropped += tx.prepare_cached(gone)?.execute(old)?;
        }
        let mut statement = tx.prepare_cached(
            "DELETE FROM outcome_detail WHERE (project_id, reason, detail, hour, category) IN (
                 SELECT project_id, reason, detail, hour, category FROM outcome_detail
                 WHERE project_id = :project_id AND hour < :hour LIMIT :rows)",
        )?;
        dropped += statement.execute(old)?;
        let mut statement = tx.prepare_cached(
            "DELETE FROM key_use WHERE (project_id, day, public_key, data_group) IN (
                 SELECT project_id, day, public_key, data_group FROM key_use
                 WHERE project_id = :project_id AND day < :day LIMIT :rows)",
        )?;
        dropped +=
            statement.execute(named_params! { ":project_id": project_id, ":day": day, ":rows": cut.rows as i64 })?;
    }
    Ok(dropped)
}

/// Hours of issues, a stretch of issues at a time: they have no index by time, and there are many of them. Gives back where
/// to go on; `None` at the end.
pub(super) fn drop_issue_hours(
    tx: &Transaction<'_>,
    after: i64,
    before_ms: i64,
    rows: usize,
) -> Result<Option<i64>, StoreError> {
    let last: Option<i64> = tx.query_row(
        "SELECT max(id) FROM (SELECT id FROM issue WHERE id > :after ORDER BY id LIMIT :rows)",
        named_params! { ":after": after, ":rows": rows as i64 },
        |row| row.get(0),
    )?;
    let Some(last) = last else { return Ok(None) };
    let hour = hour_of(before_ms);
    // Few issues have others merged into them.
    tx.prepare_cached("DELETE FROM issue_own_hour WHERE hour < :hour AND issue_id > :after AND issue_id <= :last")?
        .execute(named_params! { ":hour": hour, ":after": after, ":last": last })?;
    let mut statement = tx.prepare_cached(
        "DELETE FROM issue_hour WHERE hour < :hour AND issue_id IN
             (SELECT id FROM issue WHERE id > :after AND id <= :last)",
    )?;
    if statement.execute(named_params! { ":hour": hour, ":after": after, ":last": last })? > 0 {
        remember_hour(tx, ISSUE_HOURS_FROM, hour)?;
    }
    Ok(Some(last))
}
