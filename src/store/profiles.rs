//! Profiles: found by their id, by their trace, or by the profiler that sent them and the time they cover.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::blobs::BlobWrite;
use super::{Store, StoreError};
use crate::model::blob::Profile;
use crate::model::ids::{EventId, ProjectId, TraceId};

/// A profile without its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    pub project_id: ProjectId,
    pub profile: Profile,
    pub bytes: u64,
    pub blob_id: i64,
}

/// A stretch of a running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfiledTime {
    pub profiler_id: EventId,
    pub start_ms: i64,
    pub end_ms: i64,
}

/// A chunk covers a minute at most in every SDK; one that started longer ago is over.
const CHUNK_MS_MAX: i64 = 120_000;

const COLUMNS: &str = "project_id, profile_id, profiler_id, transaction_id, trace_id, name, platform, start_ms, end_ms,
    samples, json_bytes, bytes, blob_id";

/// Whether it was not there before.
pub(super) fn insert_profile(
    tx: &Transaction<'_>,
    blob_id: i64,
    write: &BlobWrite,
    profile: &Profile,
) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO profile (id, project_id, profile_id, profiler_id, transaction_id, trace_id, name, platform,
             start_ms, end_ms, samples, bytes, json_bytes, blob_id, received_ms)
         VALUES (:blob_id, :project_id, :profile_id, :profiler_id, :transaction_id, :trace_id, :name, :platform,
             :start_ms, :end_ms, :samples, :bytes, :json_bytes, :blob_id, :received_ms)
         ON CONFLICT (profile_id, project_id) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":blob_id": blob_id,
        ":project_id": write.project_id.0,
        ":profile_id": &profile.profile_id.0[..],
        ":profiler_id": profile.profiler_id.as_ref().map(|id| &id.0[..]),
        ":transaction_id": profile.transaction_id.as_ref().map(|id| &id.0[..]),
        ":trace_id": profile.trace_id.as_ref().map(|id| &id.0[..]),
        ":name": profile.name,
        ":platform": profile.platform,
        ":start_ms": profile.start_ms,
        ":end_ms": profile.end_ms,
        ":samples": profile.samples as i64,
        ":bytes": write.body.bytes() as i64,
        ":json_bytes": profile.json_bytes as i64,
        ":received_ms": write.received_ms,
    })?;
    Ok(inserted > 0)
}

impl Store {
    /// By its own id, or by that of the transaction it came with.
    pub async fn profile(&self, project_id: ProjectId, id: EventId) -> Result<Option<ProfileRow>, StoreError> {
        self.readers.run(move |connection| read_one(connection, project_id, id)).await
    }

    /// Profiles of a trace, and chunks that overlap the times given; each once, in order of their start, at most
    /// `limit` of each kind.
    pub async fn trace_profiles(
        &self,
        trace_id: TraceId,
        times: Vec<ProfiledTime>,
        limit: usize,
    ) -> Result<Vec<ProfileRow>, StoreError> {
        self.readers.run(move |connection| read_of_trace(connection, trace_id, &times, limit)).await
    }
}

fn read_one(connection: &Connection, project_id: ProjectId, id: EventId) -> Result<Option<ProfileRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM profile WHERE profile_id = :id AND project_id = :project_id"
    ))?;
    let found =
        statement.query_row(named_params! { ":id": &id.0[..], ":project_id": project_id.0 }, from_row).optional()?;
    Ok(found)
}

pub(super) fn of_trace_sql() -> String {
    format!("SELECT {COLUMNS} FROM profile WHERE trace_id = :trace_id ORDER BY start_ms, id LIMIT :limit")
}

pub(super) fn of_profiler_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM profile
         WHERE profiler_id = :profiler_id AND start_ms BETWEEN :earliest AND :latest AND end_ms >= :start_ms
         ORDER BY start_ms, id LIMIT :limit"
    )
}

fn read_of_trace(
    connection: &Connection,
    trace_id: TraceId,
    times: &[ProfiledTime],
    limit: usize,
) -> Result<Vec<ProfileRow>, StoreError> {
    let mut statement = connection.prepare_cached(&of_trace_sql())?;
    let rows = statement.query_map(named_params! { ":trace_id": &trace_id.0[..], ":limit": limit as i64 }, from_row)?;
    let mut found: Vec<ProfileRow> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(&of_profiler_sql())?;
    for time in times {
        let rows = statement.query_map(
            named_params! {
                ":profiler_id": &time.profiler_id.0[..],
                ":earliest": time.start_ms.saturating_sub(CHUNK_MS_MAX),
                ":latest": time.end_ms,
                ":start_ms": time.start_ms,
                ":limit": limit as i64,
            },
            from_row,
        )?;
        for row in rows {
            let row = row?;
            if !found.iter().any(|known| known.blob_id == row.blob_id) {
                found.push(row);
            }
        }
    }
    found.sort_by_key(|row| (row.profile.start_ms, row.blob_id));
    found.truncate(2 * limit);
    Ok(found)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ProfileRow> {
    Ok(ProfileRow {
        project_id: ProjectId(row.get(0)?),
        profile: Profile {
            profile_id: EventId(row.get(1)?),
            profiler_id: row.get::<_, Option<[u8; 16]>>(2)?.map(EventId),
            transaction_id: row.get::<_, Option<[u8; 16]>>(3)?.map(EventId),
            trace_id: row.get::<_, Option<[u8; 16]>>(4)?.map(TraceId),
            name: row.get(5)?,
            platform: row.get(6)?,
            start_ms: row.get(7)?,
            end_ms: row.get(8)?,
            samples: row.get::<_, i64>(9)?.max(0) as u64,
            json_bytes: row.get::<_, i64>(10)?.max(0) as u64,
        },
        bytes: row.get::<_, i64>(11)?.max(0) as u64,
        blob_id: row.get(12)?,
    })
}
