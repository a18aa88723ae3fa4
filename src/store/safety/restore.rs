//! A copy back to where the server looks for its database.
//!
//! The copy is tested before anything is touched, and takes the place of the database in one step; what was there is
//! moved aside, never removed, unless nothing was ever sent to it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::backup::{copy_moment, test};
use super::check::check;
use super::{Draft, OnProgress, SafetyError, beside, cannot_write, expect_room, holds_data, open_source, wal_bytes};
use crate::clock::now_ms;
use crate::store::readers::open_read_only;
use crate::store::{DATABASE_FILE, StoreError, database_path, lock_data_dir};

/// What a restore did.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    pub path: PathBuf,
    pub schema: i64,
    /// Rows by table.
    pub rows: Vec<(String, u64)>,
    /// Where the database went that was there before.
    pub moved_aside: Option<PathBuf>,
}

/// Tests the copy at `file` and puts it in place as the database of `data_dir`.
///
/// # Errors
/// When the copy is broken, a server runs there, or a database with data is there already (unless `force`). Then
/// everything is as it was.
pub fn restore(
    file: &Path,
    data_dir: &Path,
    force: bool,
    on_progress: OnProgress<'_>,
) -> Result<Restored, SafetyError> {
    let (source, schema) = open_source(file)?;
    // Everything is read: whoever restores has nothing else left.
    let report = check(file, true, on_progress)?;
    if !report.is_ok() {
        return Err(SafetyError::Broken { path: file.to_path_buf(), findings: report.broken().join("; ") });
    }
    let lock = lock_data_dir(data_dir).map_err(|error| match error {
        StoreError::InUse(data_dir) => SafetyError::Running(data_dir),
        other => other.into(),
    })?;
    let place = database_path(data_dir);
    let is_taken = is_taken(&place);
    if is_taken && !force {
        return Err(SafetyError::NotEmpty(place));
    }
    let bytes = std::fs::metadata(file).map_or(0, |file| file.len()) + wal_bytes(file);
    expect_room(&place, bytes)?;
    let draft = Draft::new(data_dir.join(format!("{DATABASE_FILE}.restoring")))?;
    let rows = copy_moment(&source, file, &draft, on_progress)?;
    drop(source);
    test(&draft, &rows, on_progress)?;
    let moved_aside = if is_taken { Some(move_aside(&place)?) } else { None };
    draft.finish_database(&place)?;
    drop(lock);
    Ok(Restored { path: place, schema, rows, moved_aside })
}

/// Whether there is a database that holds data, or one that cannot be looked into.
fn is_taken(place: &Path) -> bool {
    if std::fs::metadata(place).map_or(0, |file| file.len()) == 0 {
        return false;
    }
    // Only read: it stays as it is when the answer is yes.
    open_read_only(place).map_or(true, |connection| holds_data(&connection))
}

fn move_aside(place: &Path) -> Result<PathBuf, SafetyError> {
    // Its log goes into the file first, so that one name holds everything, whenever the move is interrupted.
    let emptied = Connection::open(place)
        .and_then(|old| old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)));
    if let Err(error) = emptied {
        tracing::warn!(%error, "the old database is moved as it is, with its log");
    }
    let seconds = now_ms() / 1000;
    let aside = (0..)
        .map(|n| beside(place, &format!(".before-restore-{}", seconds + n)))
        .find(|name| !name.exists())
        .expect("some second of the future has no file of its name");
    for suffix in ["", "-wal"] {
        match std::fs::rename(beside(place, suffix), beside(&aside, suffix)) {
            Err(error) if suffix.is_empty() || error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot_write(&aside, &error));
            }
            _ => {}
        }
    }
    Ok(aside)
}
