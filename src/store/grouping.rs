//! What is kept of how events were grouped: the version, and which issue a hash leads to.

use rusqlite::{OptionalExtension, named_params};

use super::{Store, StoreError};
use crate::model::ids::{IssueId, ProjectId};

/// Where a hash leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashOwner {
    pub issue_id: IssueId,
    /// 0 when the issue is gone.
    pub short_no: u64,
}

impl Store {
    /// The version an event was grouped with; `id` is the row's.
    pub async fn grouping_version(&self, id: i64) -> Result<Option<u32>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT event.grouping_version FROM event WHERE event.id = :id")?;
                Ok(statement.query_row(named_params! { ":id": id }, |row| row.get(0)).optional()?)
            })
            .await
    }

    /// The issue each hash leads to now, in the order asked; `None` for hashes nobody has.
    pub async fn hash_owners(
        &self,
        project_id: ProjectId,
        hashes: Vec<[u8; 16]>,
    ) -> Result<Vec<Option<HashOwner>>, StoreError> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT issue_hash.issue_id, coalesce(issue.short_no, 0)
                     FROM issue_hash LEFT JOIN issue ON issue.id = issue_hash.issue_id
                     WHERE issue_hash.project_id = :project_id AND issue_hash.hash = :hash",
                )?;
                let mut owners = Vec::with_capacity(hashes.len());
                for hash in &hashes {
                    let owner =
                        statement.query_row(named_params! { ":project_id": project_id.0, ":hash": &hash[..] }, |row| {
                            let short_no: i64 = row.get(1)?;
                            Ok(HashOwner { issue_id: IssueId(row.get(0)?), short_no: short_no.max(0) as u64 })
                        });
                    owners.push(owner.optional()?);
                }
                Ok(owners)
            })
            .await
    }
}
