//! Session replays: parts in whatever order they come, one summary row, and the traces and errors they name.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::blobs::BlobWrite;
use super::{Store, StoreError};
use crate::config::REPLAY_PARTS_MAX;
use crate::model::blob::{ReplayKind, ReplayPart};
use crate::model::ids::{EventId, ProjectId};

/// What has arrived of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    pub id: i64,
    pub project_id: ProjectId,
    pub replay_id: EventId,
    /// By the browser's clock; the time of receipt when only recordings have come.
    pub start_ms: i64,
    pub end_ms: i64,
    pub url: Option<String>,
    pub platform: Option<String>,
    pub environment: Option<String>,
    pub release: Option<String>,
    pub segment_count: u64,
    pub error_count: u64,
    pub bytes: u64,
    pub received_ms: i64,
}

/// A part without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayPartRow {
    pub segment_id: u32,
    pub kind: ReplayKind,
    pub bytes: u64,
    pub blob_id: i64,
}

/// A page of replays, the one that was heard of last first.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayPage {
    pub replays: Vec<ReplayRow>,
    /// Pass as `before` for the next page.
    pub next_before: Option<(i64, i64)>,
}

const COLUMNS: &str = "replay.id, replay.project_id, replay.replay_id, coalesce(replay.start_ms, replay.received_ms),
    coalesce(replay.end_ms, replay.received_ms), replay.url, replay.platform, replay.environment, replay.release,
    replay.segment_count, replay.error_count, replay.bytes, replay.received_ms";

/// Whether it was not there before.
pub(super) fn insert_replay_part(
    tx: &Transaction<'_>,
    blob_id: i64,
    write: &BlobWrite,
    part: &ReplayPart,
) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT 1 FROM replay_part
         WHERE replay_id = :replay_id AND project_id = :project_id AND segment_id = :segment_id",
    )?;
    let is_new_segment = !statement.exists(named_params! {
        ":replay_id": &part.replay_id.0[..], ":project_id": write.project_id.0, ":segment_id": part.segment_id,
    })?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO replay_part (id, project_id, replay_id, segment_id, kind, bytes, blob_id, received_ms)
         VALUES (:blob_id, :project_id, :replay_id, :segment_id, :kind, :bytes, :blob_id, :received_ms)
         ON CONFLICT (replay_id, project_id, segment_id, kind) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":blob_id": blob_id,
        ":project_id": write.project_id.0,
        ":replay_id": &part.replay_id.0[..],
        ":segment_id": part.segment_id,
        ":kind": part.kind.as_str(),
        ":bytes": write.body.bytes() as i64,
        ":received_ms": write.received_ms,
    })?;
    if inserted == 0 {
        return Ok(false);
    }
    let links = insert_links(tx, write, part)?;
    let story = &part.story;
    let mut statement = tx.prepare_cached(
        "INSERT INTO replay (id, project_id, replay_id, start_ms, end_ms, url, platform, environment, release,
             segment_count, error_count, bytes, received_ms)
         VALUES (:id, :project_id, :replay_id, :start_ms, :end_ms, :url, :platform, :environment, :release, :segments,
             :errors, :bytes, :received_ms)
         ON CONFLICT (replay_id, project_id) DO UPDATE SET
             start_ms = min(coalesce(start_ms, :start_ms), coalesce(:start_ms, start_ms)),
             end_ms = max(coalesce(end_ms, :end_ms), coalesce(:end_ms, end_ms)),
             url = coalesce(url, :url), platform = coalesce(platform, :platform),
             environment = coalesce(environment, :environment), release = coalesce(release, :release),
             segment_count = segment_count + :segments, error_count = error_count + :errors, bytes = bytes + :bytes,
             received_ms = max(received_ms, :received_ms)",
    )?;
    statement.execute(named_params! {
        ":id": blob_id,
        ":project_id": write.project_id.0,
        ":replay_id": &part.replay_id.0[..],
        ":start_ms": story.start_ms,
        ":end_ms": story.end_ms,
        ":url": story.url,
        ":platform": story.platform,
        ":environment": story.environment,
        ":release": story.release,
        ":segments": i64::from(is_new_segment),
        ":errors": links,
        ":bytes": write.body.bytes() as i64,
        ":received_ms": write.received_ms,
    })?;
    Ok(true)
}

/// How many errors were named for the first time.
fn insert_links(tx: &Transaction<'_>, write: &BlobWrite, part: &ReplayPart) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO replay_link (target, replay_id, project_id, received_ms)
         VALUES (:target, :replay_id, :project_id, :received_ms)
         ON CONFLICT (target, replay_id, project_id) DO NOTHING",
    )?;
    let mut insert = |target: &[u8; 16]| {
        statement.execute(named_params! {
            ":target": &target[..],
            ":replay_id": &part.replay_id.0[..],
            ":project_id": write.project_id.0,
            ":received_ms": write.received_ms,
        })
    };
    for trace in &part.story.trace_ids {
        insert(&trace.0)?;
    }
    let mut errors = 0;
    for error in &part.story.error_ids {
        errors += insert(&error.0)? as i64;
    }
    Ok(errors)
}

impl Store {
    pub async fn replays(
        &self,
        project_id: Option<ProjectId>,
        before: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<ReplayPage, StoreError> {
        self.readers.run(move |connection| read_page(connection, project_id, before, limit)).await
    }

    /// In any project when none is given.
    pub async fn replay(
        &self,
        project_id: Option<ProjectId>,
        replay_id: EventId,
    ) -> Result<Option<ReplayRow>, StoreError> {
        self.readers.run(move |connection| read_one(connection, project_id, replay_id)).await
    }

    /// The parts in order; at most [`REPLAY_PARTS_MAX`].
    pub async fn replay_parts(
        &self,
        project_id: ProjectId,
        replay_id: EventId,
        kind: ReplayKind,
    ) -> Result<Vec<ReplayPartRow>, StoreError> {
        self.readers.run(move |connection| read_parts(connection, project_id, replay_id, kind)).await
    }

    /// Replays that name this trace or this error event (both are 16 bytes).
    pub async fn replays_naming(&self, target: [u8; 16], limit: usize) -> Result<Vec<ReplayRow>, StoreError> {
        self.readers.run(move |connection| read_naming(connection, target, limit)).await
    }
}

pub(super) fn page_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM replay
         WHERE (replay.received_ms, replay.id) < (:received_ms, :id)
             AND (:project_id IS NULL OR replay.project_id = :project_id)
         ORDER BY replay.received_ms DESC, replay.id DESC LIMIT :limit"
    )
}

fn read_page(
    connection: &Connection,
    project_id: Option<ProjectId>,
    before: Option<(i64, i64)>,
    limit: usize,
) -> Result<ReplayPage, StoreError> {
    let (received_ms, id) = before.unwrap_or((i64::MAX, i64::MAX));
    let mut statement = connection.prepare_cached(&page_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":received_ms": received_ms,
            ":id": id,
            ":project_id": project_id.map(|id| id.0),
            ":limit": limit as i64 + 1,
        },
        from_row,
    )?;
    let mut replays: Vec<ReplayRow> = rows.collect::<Result<_, _>>()?;
    let more = replays.len() > limit;
    replays.truncate(limit);
    let next_before = replays.last().filter(|_| more).map(|replay| (replay.received_ms, replay.id));
    Ok(ReplayPage { replays, next_before })
}

fn read_one(
    connection: &Connection,
    project_id: Option<ProjectId>,
    replay_id: EventId,
) -> Result<Option<ReplayRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM replay WHERE replay.replay_id = :replay_id
             AND (:project_id IS NULL OR replay.project_id = :project_id) LIMIT 1"
    ))?;
    let found = statement
        .query_row(named_params! { ":replay_id": &replay_id.0[..], ":project_id": project_id.map(|id| id.0) }, from_row)
        .optional()?;
    Ok(found)
}

fn read_parts(
    connection: &Connection,
    project_id: ProjectId,
    replay_id: EventId,
    kind: ReplayKind,
) -> Result<Vec<ReplayPartRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT segment_id, bytes, blob_id FROM replay_part
         WHERE replay_id = :replay_id AND project_id = :project_id AND kind = :kind ORDER BY segment_id LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! {
            ":replay_id": &replay_id.0[..],
            ":project_id": project_id.0,
            ":kind": kind.as_str(),
            ":limit": REPLAY_PARTS_MAX as i64,
        },
        |row| {
            Ok(ReplayPartRow {
                segment_id: row.get(0)?,
                kind,
                bytes: row.get::<_, i64>(1)?.max(0) as u64,
                blob_id: row.get(2)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_naming(connection: &Connection, target: [u8; 16], limit: usize) -> Result<Vec<ReplayRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM replay_link
         JOIN replay ON replay.replay_id = replay_link.replay_id AND replay.project_id = replay_link.project_id
         WHERE replay_link.target = :target ORDER BY replay.id LIMIT :limit"
    ))?;
    let rows = statement.query_map(named_params! { ":target": &target[..], ":limit": limit as i64 }, from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ReplayRow> {
    let count = |column: usize| row.get::<_, i64>(column).map(|count| count.max(0) as u64);
    Ok(ReplayRow {
        id: row.get(0)?,
        project_id: ProjectId(row.get(1)?),
        replay_id: EventId(row.get(2)?),
        start_ms: row.get(3)?,
        end_ms: row.get(4)?,
        url: row.get(5)?,
        platform: row.get(6)?,
        environment: row.get(7)?,
        release: row.get(8)?,
        segment_count: count(9)?,
        error_count: count(10)?,
        bytes: count(11)?,
        received_ms: row.get(12)?,
    })
}
