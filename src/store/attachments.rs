//! Files of events: named by the event's id, which may come later or never.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::blobs::BlobWrite;
use super::{Store, StoreError};
use crate::config::ATTACHMENTS_SHOWN_MAX;
use crate::model::blob::{Attachment, RefusedAttachment};
use crate::model::ids::{EventId, ProjectId};

/// A file without its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct AttachmentRow {
    pub id: i64,
    pub event_id: EventId,
    pub name: String,
    pub content_type: Option<String>,
    pub kind: String,
    pub bytes: u64,
    /// Empty when it was refused.
    pub sha1: Vec<u8>,
    /// Why it was refused.
    pub problem: Option<String>,
    /// `None` when it was refused.
    pub blob_id: Option<i64>,
    pub received_ms: i64,
}

const COLUMNS: &str = "id, event_id, name, content_type, kind, bytes, sha1, problem, blob_id, received_ms";

/// Whether it was not there before.
pub(super) fn insert_attachment(
    tx: &Transaction<'_>,
    id: i64,
    blob_id: i64,
    write: &BlobWrite,
    file: &Attachment,
) -> Result<bool, StoreError> {
    let row = NewRow {
        id,
        project_id: write.project_id,
        received_ms: write.received_ms,
        file,
        bytes: write.body.bytes(),
        sha1: &write.sha1,
        problem: None,
        blob_id: Some(blob_id),
    };
    insert(tx, &row)
}

/// A note that there was one.
pub(super) fn insert_refused(
    tx: &Transaction<'_>,
    id: i64,
    project_id: ProjectId,
    received_ms: i64,
    refused: &RefusedAttachment,
) -> Result<(), StoreError> {
    let row = NewRow {
        id,
        project_id,
        received_ms,
        file: &refused.file,
        bytes: refused.bytes,
        sha1: &[],
        problem: Some(&refused.problem),
        blob_id: None,
    };
    insert(tx, &row).map(|_| ())
}

struct NewRow<'a> {
    id: i64,
    project_id: ProjectId,
    received_ms: i64,
    file: &'a Attachment,
    bytes: u64,
    sha1: &'a [u8],
    problem: Option<&'a str>,
    blob_id: Option<i64>,
}

fn insert(tx: &Transaction<'_>, row: &NewRow<'_>) -> Result<bool, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO attachment (id, project_id, event_id, name, content_type, kind, bytes, sha1, problem, blob_id,
             received_ms)
         VALUES (:id, :project_id, :event_id, :name, :content_type, :kind, :bytes, :sha1, :problem, :blob_id,
             :received_ms)
         ON CONFLICT (event_id, project_id, sha1, name, kind) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": row.id,
        ":project_id": row.project_id.0,
        ":event_id": &row.file.event_id.0[..],
        ":name": row.file.name,
        ":content_type": row.file.content_type,
        ":kind": row.file.kind,
        ":bytes": row.bytes as i64,
        ":sha1": row.sha1,
        ":problem": row.problem,
        ":blob_id": row.blob_id,
        ":received_ms": row.received_ms,
    })?;
    Ok(inserted > 0)
}

impl Store {
    /// The files of an event in the order they came, those refused included; at most [`ATTACHMENTS_SHOWN_MAX`].
    pub async fn attachments(
        &self,
        project_id: ProjectId,
        event_id: EventId,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        self.readers.run(move |connection| read_of_event(connection, project_id, event_id)).await
    }

    /// One of them.
    pub async fn attachment(
        &self,
        project_id: ProjectId,
        event_id: EventId,
        id: i64,
    ) -> Result<Option<AttachmentRow>, StoreError> {
        self.readers.run(move |connection| read_one(connection, project_id, event_id, id)).await
    }
}

fn read_of_event(
    connection: &Connection,
    project_id: ProjectId,
    event_id: EventId,
) -> Result<Vec<AttachmentRow>, StoreError> {
    let mut statement = connection.prepare_cached(&of_event_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": project_id.0, ":event_id": &event_id.0[..], ":limit": ATTACHMENTS_SHOWN_MAX as i64,
        },
        from_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn of_event_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM attachment WHERE event_id = :event_id AND project_id = :project_id
         ORDER BY id LIMIT :limit"
    )
}

fn read_one(
    connection: &Connection,
    project_id: ProjectId,
    event_id: EventId,
    id: i64,
) -> Result<Option<AttachmentRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM attachment WHERE id = :id AND event_id = :event_id AND project_id = :project_id"
    ))?;
    let found = statement
        .query_row(named_params! { ":id": id, ":project_id": project_id.0, ":event_id": &event_id.0[..] }, from_row)
        .optional()?;
    Ok(found)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<AttachmentRow> {
    Ok(AttachmentRow {
        id: row.get(0)?,
        event_id: EventId(row.get(1)?),
        name: row.get(2)?,
        content_type: row.get(3)?,
        kind: row.get(4)?,
        bytes: row.get::<_, i64>(5)?.max(0) as u64,
        sha1: row.get(6)?,
        problem: row.get(7)?,
        blob_id: row.get(8)?,
        received_ms: row.get(9)?,
    })
}
