//! Sessions into the counters of their release, each once, wherever it ends up.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::StoreError;
use super::releases::{ReleaseKey, SessionDelta};
use super::write::{SessionUpdateWrite, SessionsWrite};
use super::writer::Batch;
use crate::config::{SESSION_AGE_MAX_DAYS, SESSION_PRUNE_ROWS};
use crate::model::ids::ProjectId;
use crate::model::outcome::Reason;
use crate::model::session::{SessionFate, SessionState};

const DAY_MS: i64 = 24 * 3_600_000;

/// Counts what is new in a batch of sessions.
pub(super) fn insert_sessions(
    tx: &Transaction<'_>,
    sessions: &SessionsWrite,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let (mut started, mut moved, mut old) = (0, 0, 0);
    for update in &sessions.updates {
        match update_session(tx, sessions, update, batch)? {
            Updated::Started => started += 1,
            Updated::Moved => moved += 1,
            Updated::Old => old += 1,
        }
    }
    let counted: u64 = sessions.buckets.iter().map(|bucket| bucket.counts.total()).sum();
    let is_new =
        counted == 0 || is_new_delivery(tx, sessions.key.project_id, sessions.delivery_key, sessions.received_ms)?;
    let mut count = |category: &str, reason: Reason, quantity: u64| {
        if quantity > 0 {
            batch.outcomes.add(sessions.key.project_id, sessions.received_ms, category, reason.as_str(), quantity);
        }
    };
    count("session", Reason::Accepted, started + if is_new { counted } else { 0 });
    count("session", Reason::Duplicate, if is_new { 0 } else { counted });
    count("session_update", Reason::Accepted, moved);
    count("session_update", Reason::Duplicate, old);
    if is_new {
        for bucket in &sessions.buckets {
            let counts = &bucket.counts;
            for (fate, quantity) in [
                (SessionFate::Healthy, counts.healthy),
                (SessionFate::Errored, counts.errored),
                (SessionFate::Unhandled, counts.unhandled),
                (SessionFate::Abnormal, counts.abnormal),
                (SessionFate::Crashed, counts.crashed),
            ] {
                if quantity > 0 {
                    let delta = SessionDelta {
                        started_ms: bucket.started_ms,
                        seen_ms: (bucket.started_ms + 59_999).min(sessions.received_ms).max(bucket.started_ms),
                        fate,
                        quantity: quantity as i64,
                        duration_ms: 0,
                        duration_count: 0,
                        user_hash: bucket.user_hash,
                    };
                    batch.releases.add_sessions(sessions.key.clone(), &delta);
                }
            }
        }
    }
    prune(tx, sessions.received_ms)
}

enum Updated {
    Started,
    Moved,
    /// Said before, or overtaken by a later word.
    Old,
}

fn update_session(
    tx: &Transaction<'_>,
    sessions: &SessionsWrite,
    update: &SessionUpdateWrite,
    batch: &mut Batch<'_>,
) -> Result<Updated, StoreError> {
    let Some((key, started_ms, known)) = read_session(tx, sessions.key.project_id, &update.sid)? else {
        insert_session(tx, &sessions.key, update)?;
        let delta = SessionDelta {
            started_ms: update.started_ms,
            seen_ms: update.started_ms,
            fate: update.state.fate,
            quantity: 1,
            duration_ms: update.state.duration_ms.unwrap_or(0) as i64,
            duration_count: i64::from(update.state.duration_ms.is_some()),
            user_hash: update.user_hash,
        };
        batch.releases.add_sessions(sessions.key.clone(), &delta);
        return Ok(Updated::Started);
    };
    if !known.is_older_than(&update.state) {
        return Ok(Updated::Old);
    }
    let duration_ms = update.state.duration_ms.or(known.duration_ms);
    let mut statement = tx.prepare_cached(
        "UPDATE session SET sequence = :sequence, timestamp_ms = :timestamp_ms, fate = :fate,
             duration_ms = :duration_ms WHERE project_id = :project_id AND sid = :sid",
    )?;
    statement.execute(named_params! {
        ":project_id": sessions.key.project_id.0, ":sid": &update.sid[..],
        ":sequence": update.state.sequence as i64, ":timestamp_ms": update.state.timestamp_ms,
        ":fate": update.state.fate.code(), ":duration_ms": duration_ms.map(|ms| ms as i64),
    })?;
    // Out of one counter and into the other, in the hour and under the release it was first counted in.
    let mut change = |state: &SessionState, quantity: i64, duration: Option<u64>, user_hash| {
        let delta = SessionDelta {
            started_ms,
            seen_ms: started_ms,
            fate: state.fate,
            quantity,
            duration_ms: quantity * duration.unwrap_or(0) as i64,
            duration_count: quantity * i64::from(duration.is_some()),
            user_hash,
        };
        batch.releases.add_sessions(key.clone(), &delta);
    };
    change(&known, -1, known.duration_ms, None);
    change(&update.state, 1, duration_ms, update.user_hash);
    Ok(Updated::Moved)
}

type KnownSession = (ReleaseKey, i64, SessionState);

fn read_session(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    sid: &[u8; 16],
) -> Result<Option<KnownSession>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT version, environment, started_ms, sequence, timestamp_ms, fate, duration_ms FROM session
         WHERE project_id = :project_id AND sid = :sid",
    )?;
    let found = statement
        .query_row(named_params! { ":project_id": project_id.0, ":sid": &sid[..] }, |row| {
            let key = ReleaseKey { project_id, version: row.get(0)?, environment: row.get(1)? };
            let state = SessionState {
                sequence: row.get::<_, i64>(3)?.max(0) as u64,
                timestamp_ms: row.get(4)?,
                fate: SessionFate::from_code(row.get(5)?),
                duration_ms: row.get::<_, Option<i64>>(6)?.map(|ms| ms.max(0) as u64),
            };
            Ok((key, row.get(2)?, state))
        })
        .optional()?;
    Ok(found)
}

fn insert_session(tx: &Transaction<'_>, key: &ReleaseKey, update: &SessionUpdateWrite) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO session (project_id, sid, version, environment, started_ms, sequence, timestamp_ms, fate,
             duration_ms)
         VALUES (:project_id, :sid, :version, :environment, :started_ms, :sequence, :timestamp_ms, :fate,
             :duration_ms)",
    )?;
    statement.execute(named_params! {
        ":project_id": key.project_id.0, ":sid": &update.sid[..], ":version": key.version,
        ":environment": key.environment, ":started_ms": update.started_ms,
        ":sequence": update.state.sequence as i64, ":timestamp_ms": update.state.timestamp_ms,
        ":fate": update.state.fate.code(), ":duration_ms": update.state.duration_ms.map(|ms| ms as i64),
    })?;
    Ok(())
}

/// Whether this has not been stored before, as far as one can tell; remembers it.
pub(super) fn is_new_delivery(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    delivery_key: Option<i64>,
    received_ms: i64,
) -> Result<bool, StoreError> {
    let Some(delivery_key) = delivery_key else { return Ok(true) };
    let mut statement = tx.prepare_cached(
        "INSERT INTO delivery (project_id, delivery_key, received_ms) VALUES (:project_id, :key, :received_ms)
         ON CONFLICT (project_id, delivery_key) DO NOTHING",
    )?;
    let inserted = statement
        .execute(named_params! { ":project_id": project_id.0, ":key": delivery_key, ":received_ms": received_ms })?;
    Ok(inserted == 1)
}

/// Forgets sessions too old to be heard of again, and deliveries nobody repeats any more. A day of grace, so that a
/// session refused for its age is never one that was just forgotten.
pub(super) fn prune(tx: &Transaction<'_>, received_ms: i64) -> Result<(), StoreError> {
    let before_ms = received_ms - (SESSION_AGE_MAX_DAYS + 1) * DAY_MS;
    for sql in [
        "DELETE FROM session WHERE id IN
             (SELECT id FROM session WHERE started_ms < :before_ms ORDER BY started_ms LIMIT :limit)",
        "DELETE FROM delivery WHERE id IN
             (SELECT id FROM delivery WHERE received_ms < :before_ms ORDER BY received_ms LIMIT :limit)",
    ] {
        let mut statement = tx.prepare_cached(sql)?;
        statement.execute(named_params! { ":before_ms": before_ms, ":limit": SESSION_PRUNE_ROWS as i64 })?;
    }
    Ok(())
}
