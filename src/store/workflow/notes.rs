//! What is told of an issue beside its events: what happened to it, what people wrote about it, what is merged into it.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, named_params};

use super::super::{Store, StoreError};
use super::{deleting, in_the_background, remember_person};
use crate::config::{ACTIVITY_SHOWN_MAX, COMMENTS_MAX, HASHES_SHOWN_MAX, MERGED_ISSUES_MAX, PEOPLE_SHOWN_MAX};
use crate::model::ids::{EventId, IssueId};

/// A line of what happened.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityRow {
    pub id: i64,
    pub at_ms: i64,
    pub by: Option<String>,
    pub kind: String,
    /// Of a comment.
    pub text: Option<String>,
    pub edited_ms: Option<i64>,
    /// JSON, by kind.
    pub detail: Option<String>,
}

/// What somebody does to the comments of an issue.
#[derive(Clone, Debug, PartialEq)]
pub enum CommentChange {
    Add { text: String },
    Edit { comment: i64, text: String },
    Delete { comment: i64 },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Commented {
    /// As it is now, or was before it was deleted.
    Done(ActivityRow),
    Missing,
    TooMany,
}

/// An issue that is shown as another one, and what it counts by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedIssue {
    pub id: IssueId,
    pub short_no: u64,
    pub title: String,
    pub event_count: u64,
    pub last_seen_ms: i64,
    /// One of its grouping hashes.
    pub hash: Option<[u8; 16]>,
}

/// A grouping hash of an issue, and the issue that it was of before merging.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueHash {
    pub hash: [u8; 16],
    pub issue_id: IssueId,
    pub latest: Option<EventId>,
}

impl Store {
    /// What happened to an issue and what was written about it and all that are merged into it, newest first.
    pub async fn activity(&self, id: IssueId) -> Result<Vec<ActivityRow>, StoreError> {
        self.readers.run(move |connection| read_activity(connection, id, false)).await
    }

    /// Comments alone, newest first.
    pub async fn comments(&self, id: IssueId) -> Result<Vec<ActivityRow>, StoreError> {
        self.readers.run(move |connection| read_activity(connection, id, true)).await
    }

    /// Writes, edits or deletes a comment and returns after it is on disk.
    pub async fn comment(
        &self,
        id: IssueId,
        change: CommentChange,
        by: Option<String>,
        now_ms: i64,
    ) -> Result<Commented, StoreError> {
        let writer = self.writer.clone();
        in_the_background(move || {
            writer.run_told(move |tx, _| {
                let commented = change_comment(tx, id, &change, by.as_deref(), now_ms)?;
                Ok((commented, deleting::told(vec![id])))
            })
        })
        .await
    }

    /// For each of some issues the release of the event that reopened it last, if one did and it named a release.
    pub async fn regressed_in(&self, ids: Vec<IssueId>) -> Result<Vec<Option<String>>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT json_extract(detail, '$.release') FROM issue_activity
                     WHERE issue_id = :id AND kind = 'regressed' ORDER BY id DESC LIMIT 1",
                )?;
                let of = |id: &IssueId| statement.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional();
                Ok(ids
                    .iter()
                    .map(of)
                    .collect::<Result<Vec<Option<_>>, _>>()?
                    .into_iter()
                    .map(Option::flatten)
                    .collect())
            })
            .await
    }

    /// Everybody who was ever assigned or did something, whoever was active last first.
    pub async fn people(&self) -> Result<Vec<String>, StoreError> {
        self.readers
            .run(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT name FROM person ORDER BY last_ms DESC, name LIMIT :limit")?;
                let rows =
                    statement.query_map(named_params! { ":limit": PEOPLE_SHOWN_MAX as i64 }, |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// What is merged into an issue.
    pub async fn merged_issues(&self, id: IssueId) -> Result<Vec<MergedIssue>, StoreError> {
        self.readers.run(move |connection| read_merged(connection, id)).await
    }

    /// The grouping hashes of an issue and of all that are merged into it.
    pub async fn issue_hashes(&self, id: IssueId) -> Result<Vec<IssueHash>, StoreError> {
        self.readers.run(move |connection| read_hashes(connection, id)).await
    }
}

const ACTIVITY_COLUMNS: &str = "id, at_ms, by_name, kind, text, edited_ms, detail";

fn read_activity(connection: &Connection, id: IssueId, comments_only: bool) -> Result<Vec<ActivityRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ACTIVITY_COLUMNS} FROM (
             SELECT {ACTIVITY_COLUMNS} FROM issue_activity
             WHERE issue_id = :id AND (kind = 'comment' OR NOT :comments_only)
             UNION ALL
             SELECT told.id, told.at_ms, told.by_name, told.kind, told.text, told.edited_ms, told.detail
             FROM issue CROSS JOIN issue_activity AS told ON told.issue_id = issue.id
             WHERE issue.merged_into = :id AND told.kind = 'comment')
         ORDER BY at_ms DESC, id DESC LIMIT :limit"
    ))?;
    let params = named_params! { ":id": id.0, ":comments_only": comments_only, ":limit": ACTIVITY_SHOWN_MAX as i64 };
    let rows = statement.query_map(params, activity_from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn activity_from_row(row: &Row<'_>) -> rusqlite::Result<ActivityRow> {
    Ok(ActivityRow {
        id: row.get(0)?,
        at_ms: row.get(1)?,
        by: row.get(2)?,
        kind: row.get(3)?,
        text: row.get(4)?,
        edited_ms: row.get(5)?,
        detail: row.get(6)?,
    })
}

pub(super) fn change_comment(
    tx: &Transaction<'_>,
    id: IssueId,
    change: &CommentChange,
    by: Option<&str>,
    now_ms: i64,
) -> Result<Commented, StoreError> {
    let (comment, owner) = match change {
        CommentChange::Add { text } => {
            let count: Option<i64> = tx
                .prepare_cached("SELECT comment_count FROM issue WHERE id = :id AND deleted_ms IS NULL")?
                .query_row(named_params! { ":id": id.0 }, |row| row.get(0))
                .optional()?;
            match count {
                None => return Ok(Commented::Missing),
                Some(count) if count >= COMMENTS_MAX as i64 => return Ok(Commented::TooMany),
                Some(_) => {}
            }
            let comment = tx
                .prepare_cached(
                    "INSERT INTO issue_activity (issue_id, at_ms, by_name, kind, text)
                     VALUES (:id, :now_ms, :by, 'comment', :text)",
                )?
                .insert(named_params! { ":id": id.0, ":now_ms": now_ms, ":by": by, ":text": text })?;
            (comment, id)
        }
        CommentChange::Edit { comment, .. } | CommentChange::Delete { comment } => {
            let Some(owner) = owner_of(tx, id, *comment)? else { return Ok(Commented::Missing) };
            if let CommentChange::Edit { text, .. } = change {
                tx.prepare_cached("UPDATE issue_activity SET text = :text, edited_ms = :now_ms WHERE id = :comment")?
                    .execute(named_params! { ":comment": comment, ":text": text, ":now_ms": now_ms })?;
            }
            (*comment, owner)
        }
    };
    let row = tx
        .prepare_cached(&format!("SELECT {ACTIVITY_COLUMNS} FROM issue_activity WHERE id = :comment"))?
        .query_row(named_params! { ":comment": comment }, activity_from_row)?;
    if let CommentChange::Delete { .. } = change {
        tx.prepare_cached("DELETE FROM issue_activity WHERE id = :comment")?
            .execute(named_params! { ":comment": comment })?;
    }
    let more = match change {
        CommentChange::Add { .. } => 1,
        CommentChange::Edit { .. } => 0,
        CommentChange::Delete { .. } => -1,
    };
    count_comments(tx, owner, id, more)?;
    if let Some(by) = by {
        remember_person(tx, by, now_ms)?;
    }
    Ok(Commented::Done(row))
}

/// The issue a comment was written about, when it is shown with `id`.
fn owner_of(tx: &Transaction<'_>, id: IssueId, comment: i64) -> Result<Option<IssueId>, StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT issue.id FROM issue_activity JOIN issue ON issue.id = issue_activity.issue_id
         WHERE issue_activity.id = :comment AND issue_activity.kind = 'comment' AND issue.deleted_ms IS NULL
             AND (issue.id = :id OR issue.merged_into = :id)",
    )?;
    let params = named_params! { ":id": id.0, ":comment": comment };
    Ok(statement.query_row(params, |row| row.get(0)).optional()?.map(IssueId))
}

/// In the row of the issue it was written about, in that of the one it is shown as, and in what a survivor has by itself.
fn count_comments(tx: &Transaction<'_>, owner: IssueId, shown: IssueId, more: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE issue SET comment_count = max(0, comment_count + :more) WHERE id IN (:owner, :shown)",
    )?;
    statement.execute(named_params! { ":owner": owner.0, ":shown": shown.0, ":more": more })?;
    if owner == shown {
        tx.prepare_cached(
            "UPDATE issue_own SET comment_count = max(0, comment_count + :more) WHERE issue_id = :owner",
        )?
        .execute(named_params! { ":owner": owner.0, ":more": more })?;
    }
    Ok(())
}

fn read_merged(connection: &Connection, id: IssueId) -> Result<Vec<MergedIssue>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, short_no, title, event_count, last_seen_ms,
             (SELECT hash FROM issue_hash WHERE issue_hash.issue_id = issue.id LIMIT 1)
         FROM issue WHERE merged_into = :id ORDER BY short_no LIMIT :limit",
    )?;
    let params = named_params! { ":id": id.0, ":limit": MERGED_ISSUES_MAX as i64 };
    let rows = statement.query_map(params, |row| {
        Ok(MergedIssue {
            id: IssueId(row.get(0)?),
            short_no: row.get::<_, i64>(1)?.max(0) as u64,
            title: row.get(2)?,
            event_count: row.get::<_, i64>(3)?.max(0) as u64,
            last_seen_ms: row.get(4)?,
            hash: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_hashes(connection: &Connection, id: IssueId) -> Result<Vec<IssueHash>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, issue_hash.issue_id,
             (SELECT event.event_id FROM event WHERE event.issue_id = issue_hash.issue_id ORDER BY event.id DESC LIMIT 1)
         FROM (SELECT :id AS id UNION ALL SELECT id FROM issue WHERE merged_into = :id) AS part
             CROSS JOIN issue_hash ON issue_hash.issue_id = part.id
         LIMIT :limit",
    )?;
    let params = named_params! { ":id": id.0, ":limit": HASHES_SHOWN_MAX as i64 };
    let rows = statement.query_map(params, |row| {
        Ok(IssueHash {
            hash: row.get(0)?,
            issue_id: IssueId(row.get(1)?),
            latest: row.get::<_, Option<[u8; 16]>>(2)?.map(EventId),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
