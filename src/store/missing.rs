//! Why something is not here: what is known of what was dropped and deleted, when somebody asks for what is not kept.
//!
//! Ids of events and traces are forgotten with them, so of one id alone it is only known whether it may have been here.

use rusqlite::{Connection, named_params};

use super::{Store, StoreError};
use crate::model::ids::ProjectId;
use crate::model::time::DAY_MS;

/// What may have become of an event or a trace that is not here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Some were dropped for their age or for room.
    pub has_dropped: bool,
    /// The day of the oldest that is kept.
    pub kept_from_ms: Option<i64>,
    /// Some issues were deleted, with their events.
    pub has_deleted: bool,
}

impl Store {
    /// Of events.
    pub async fn gone_events(&self) -> Result<Gone, StoreError> {
        self.readers.run(|connection| read_gone(connection, "errors", true)).await
    }

    /// Of traces.
    pub async fn gone_traces(&self) -> Result<Gone, StoreError> {
        self.readers.run(|connection| read_gone(connection, "spans", false)).await
    }

    /// The highest number an issue of a project was given.
    pub async fn last_short_no(&self, project: ProjectId) -> Result<u64, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached("SELECT last_short_no FROM project WHERE id = :id")?;
                let last: i64 = statement.query_row(named_params! { ":id": project.0 }, |row| row.get(0))?;
                Ok(last.max(0) as u64)
            })
            .await
    }
}

fn read_gone(connection: &Connection, kind: &str, with_issues: bool) -> Result<Gone, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM dropped_day WHERE kind = :kind),
             (SELECT min(day) FROM stored_day WHERE kind = :kind AND row_count > 0)",
    )?;
    let (has_dropped, day): (bool, Option<i64>) =
        statement.query_row(named_params! { ":kind": kind }, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let has_deleted = with_issues
        && connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1 FROM project
                     WHERE last_short_no > (
                         SELECT count(*) FROM issue WHERE issue.project_id = project.id AND deleted_ms IS NULL))",
            )?
            .query_row([], |row| row.get(0))?;
    Ok(Gone { has_dropped, kept_from_ms: day.map(|day| day * DAY_MS), has_deleted })
}
