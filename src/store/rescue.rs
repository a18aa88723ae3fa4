//! A group commit that failed, tried again row by row, so that a bad row costs itself and takes nothing along.
//!
//! Owns the savepoints and the counting of what was lost. Only the way out of trouble comes through here: as long as
//! nothing fails, a row costs no savepoint. Knows nothing of what rows mean.

use rusqlite::Transaction;

use super::outcomes::OutcomeDeltas;
use super::trouble::disk_trouble;
use super::write::{Appended, Write};
use super::writer::write_rows;
use super::{StoreError, writer};
use crate::model::ids::ServerIds;
use crate::model::live::LiveChange;
use crate::model::outcome::Reason;

/// What became of one request.
pub(super) struct Rescued {
    pub(super) appended: Appended,
    pub(super) changes: Vec<LiveChange>,
    /// Why the request is not to be answered with 200 after all.
    pub(super) failure: Option<StoreError>,
}

/// Writes every row with everything derived from it, or leaves it out and counts it. An error is one that the whole
/// transaction does not survive.
pub(super) fn write_one_by_one(
    tx: &Transaction<'_>,
    ids: &mut ServerIds,
    writes: &[Write],
) -> Result<Rescued, StoreError> {
    let mut appended = Appended::default();
    let mut changes = Vec::new();
    let mut lost: Vec<(&str, u64)> = Vec::new();
    let mut last_error = None;
    let mut outcomes = OutcomeDeltas::default();
    for write in writes {
        tx.execute_batch("SAVEPOINT one_row")?;
        match write_rows(tx, ids, &[std::slice::from_ref(write)]) {
            Ok((answers, change)) => {
                tx.execute_batch("RELEASE one_row")?;
                answers.into_iter().for_each(|one| appended.extend(one));
                changes.push(change);
            }
            // SQLite gave the whole transaction up by itself.
            Err(error) if disk_trouble(&error).is_some() || tx.is_autocommit() => return Err(error),
            Err(error) => {
                tx.execute_batch("ROLLBACK TO one_row; RELEASE one_row")?;
                let (category, quantity) = write.what();
                tracing::error!(%error, category, quantity, "a row could not be stored; the rest of its request is");
                if let Some(project_id) = write.project_id() {
                    outcomes.add(project_id, writer::now_ms(), category, Reason::NotStored.as_str(), quantity);
                }
                lost.push((category, quantity));
                last_error = Some(error);
            }
        }
    }
    outcomes.apply(tx)?;
    let failure = match last_error {
        None => None,
        Some(error) if lost.len() == writes.len() => Some(error),
        Some(_) => Some(StoreError::PartlyStored { lost: in_words(&lost) }),
    };
    Ok(Rescued { appended, changes, failure })
}

fn in_words(lost: &[(&str, u64)]) -> String {
    let words: Vec<String> = lost.iter().map(|(category, quantity)| format!("{quantity} {category}")).collect();
    words.join(", ")
}
