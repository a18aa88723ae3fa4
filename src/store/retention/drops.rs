//! What goes with a row that is dropped, kind by kind: every function takes the oldest first, a bounded number of them, in
//! the transaction it is given, and says how many it took.
//!
//! Ids rise with the time rows came in, so the oldest are the first of a table. Rows that say they came in the future are
//! from a time when the clock was wrong; they go with what stands behind them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::super::StoreError;
use super::super::body::expand;
use super::super::sessions::prune;
use super::super::staged::decode_spans;
use super::super::writer::now_ms;
use crate::config::{BLOB_UNFINISHED_MS, SLICE_MS};
use crate::model::storage::StoredKind;
use crate::model::time::{DAY_MS, day_of, hour_of};

/// What one slice takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Only what came in before; `i64::MAX` for whatever is oldest.
    pub(super) before_ms: i64,
    pub(super) rows: usize,
}

/// Rows behind a head of rows from the future that are looked at for one that is too old.
const DEEP_ROWS: usize = 20_000;

/// Drops the oldest rows of a kind. Not for spans, which are read first: see [`read_span_batches`].
pub(super) fn drop_oldest(tx: &Transaction<'_>, kind: StoredKind, cut: Cut) -> Result<usize, StoreError> {
    match kind {
        StoredKind::Errors => drop_head(tx, "event", cut),
        StoredKind::Feedback => drop_head(tx, "feedback", cut),
        StoredKind::Logs => drop_log_batches(tx, cut),
        StoredKind::Metrics => drop_metrics(tx, cut),
        StoredKind::Attachments => drop_attachments(tx, cut),
        StoredKind::Profiles => drop_profiles(tx, cut),
        StoredKind::Replays => drop_replays(tx, cut),
        StoredKind::CheckIns => drop_check_ins(tx, cut),
        StoredKind::Sessions => drop_sessions(tx, cut),
        StoredKind::Counts => drop_counts(tx, cut),
        StoredKind::Spans | StoredKind::Issues | StoredKind::Server => Ok(0),
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

/// A batch of spans that is to go, and the traces that have spans in it.
pub(super) struct SpanBatchToGo {
    id: i64,
    trace_keys: Vec<i64>,
}

/// The oldest batches. Finding out what is in them takes longer than dropping it, so it is not done by the writer.
pub(super) fn read_span_batches(connection: &Connection, cut: Cut) -> Result<Vec<SpanBatchToGo>, StoreError> {
    let Some(last) = end_of_head(connection, "span_batch", cut)? else { return Ok(Vec::new()) };
    let deadline = Instant::now() + Duration::from_millis(5 * SLICE_MS);
    let mut statement =
        connection.prepare_cached("SELECT id, body_codec, body FROM span_batch WHERE id <= :last ORDER BY id")?;
    let mut rows = statement.query(named_params! { ":last": last })?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(2)?;
        // A body that cannot be read has no traces anybody could look at, but it takes room.
        let spans = expand(row.get(1)?, &body).and_then(|body| decode_spans(&body)).map(|batch| batch.spans);
        let keys: BTreeSet<i64> = spans.unwrap_or_default().iter().map(|span| span.trace_id.key()).collect();
        batches.push(SpanBatchToGo { id: row.get(0)?, trace_keys: keys.into_iter().collect() });
        if Instant::now() > deadline {
            break;
        }
    }
    Ok(batches)
}

/// Drops as many of them as a slice has time for.
pub(super) fn drop_span_batches(tx: &Transaction<'_>, batches: &[SpanBatchToGo]) -> Result<usize, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SLICE_MS);
    let mut part = tx.prepare_cached("DELETE FROM trace_part WHERE trace_key = :key AND batch_id = :batch_id")?;
    // The summary of a trace stays for as long as any of its spans.
    let mut trace = tx.prepare_cached(
        "DELETE FROM trace WHERE trace_key = :key AND NOT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :key)",
    )?;
    let mut batch = tx.prepare_cached("DELETE FROM span_batch WHERE id = :id")?;
    for (count, to_go) in batches.iter().enumerate() {
        if count > 0 && Instant::now() > deadline {
            return Ok(count);
        }
        for key in &to_go.trace_keys {
            part.execute(named_params! { ":key": key, ":batch_id": to_go.id })?;
            trace.execute(named_params! { ":key": key })?;
        }
        batch.execute(named_params! { ":id": to_go.id })?;
    }
    Ok(batches.len())
}

fn drop_log_batches(tx: &Transaction<'_>, cut: Cut) -> Result<usize, StoreError> {
    let mut dropped = 0;
    if let Some(last) = end_of_head(tx, "log_batch", cut)? {
        let mut statement = tx.prepare_cached("DELETE FROM log_trace WHERE batch_id <= :last")?;
        dropped += statement.execute(named_params! { ":last": last })?;
        let mut statement = tx.prepare_cached("DELETE FROM log_batch WHERE id <= :last")?;
        dropped += statement.execute(named_params! { ":last": last })?;
    }
    // Counts stay for as long as there is a record of that time; none of what is left begins earlier.
    let mut statement = tx.prepare_cached(
        "DELETE FROM log_minute WHERE minute IN (
             SELECT DISTINCT minute FROM log_minute
             WHERE minute < coalesce((SELECT min(max_ns) FROM log_batch) / 60000000000 - 60, :before_minute)
             ORDER BY minute LIMIT :rows)",
    )?;
    dropped += statement.execute(named_params! {
        ":before_minute": cut.before_ms / 60_000, ":rows": cut.rows.div_ceil(8) as i64,
    })?;
    Ok(dropped)
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
fn give_up_blob(tx: &Transaction<'_>, blob_id: i64) -> Result<(), StoreError> {
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
pub(super) fn has_loose_blob(connection: &Connection, now_ms: i64) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM blob WHERE is_whole = 0 AND received_ms < :before_ms LIMIT 1")?;
    Ok(statement.exists(named_params! { ":before_ms": loose_before_ms(now_ms) })?)
}

fn loose_before_ms(now_ms: i64) -> i64 {
    now_ms.saturating_sub(BLOB_UNFINISHED_MS).max(1)
}

/// Bytes of blobs that nothing names: given up, or never finished by their sender.
pub(super) fn drop_loose_chunks(tx: &Transaction<'_>, now_ms: i64, rows: usize) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM blob WHERE is_whole = 0 AND received_ms < :before_ms ORDER BY received_ms LIMIT 1",
    )?;
    let bounds = named_params! { ":before_ms": loose_before_ms(now_ms) };
    let loose: Option<i64> = statement.query_row(bounds, |row| row.get(0)).optional()?;
    let Some(id) = loose else { return Ok(0) };
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
            tx.prepare_cached(sum)?.execute(old)?;
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
    let mut statement = tx.prepare_cached(
        "DELETE FROM issue_hour WHERE hour < :hour AND issue_id IN
             (SELECT id FROM issue WHERE id > :after AND id <= :last)",
    )?;
    statement.execute(named_params! { ":hour": hour_of(before_ms), ":after": after, ":last": last })?;
    Ok(Some(last))
}
