//! The copy of a database that is made before its schema is changed, beside it: the way back from an upgrade.
//!
//! Runs before the database is opened for writing, so that the copy can be made by the file system, which on btrfs, XFS
//! and the like takes no time and no room.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Draft, SafetyError, beside, expect_room, holds_data, wal_bytes};
use crate::store::StoreError;
use crate::store::migrate::{SCHEMA, found_schema};
use crate::store::readers::open_read_only;

/// Behind the name of the database, before the number of the schema it was changed to.
const BEFORE_SCHEMA: &str = ".before-schema-";

/// What is copied at once, in bytes; a multiple of every file system's block, so that blocks can be shared.
const PIECE_BYTES: u64 = 64 << 20;

/// Copies a database with data in it whose schema is about to be changed, when there is room. The caller holds the lock
/// of the data directory.
///
/// # Errors
/// [`StoreError::TooNew`] and what keeps the database from being read. A copy that cannot be made is told, not an error.
pub(in crate::store) fn copy_before_upgrade(path: &Path) -> Result<(), StoreError> {
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let connection = open_read_only(path)?;
    let found = found_schema(&connection, path)?;
    if found == 0 || found == SCHEMA || !holds_data(&connection) {
        return Ok(());
    }
    drop(connection);
    let to = beside(path, &format!("{BEFORE_SCHEMA}{SCHEMA}"));
    // An upgrade that was interrupted half-way is still told by its own copy.
    let kept = open_read_only(&to).and_then(|copy| found_schema(&copy, &to));
    if kept.is_ok_and(|kept| 0 < kept && kept < found) {
        return Ok(());
    }
    match copy(path, &to) {
        Ok(bytes) => {
            tracing::info!(
                copy = %to.display(), bytes,
                "the database is of schema {found} and is brought to {SCHEMA}; a copy of it was kept"
            );
            remove_older(path, &to);
        }
        Err(error) => tracing::warn!(
            %error, "the database is of schema {found} and is brought to {SCHEMA}; no copy of it could be kept"
        ),
    }
    Ok(())
}

/// Everything is moved from the log into the database first, so that the one file is the whole.
fn copy(path: &Path, to: &Path) -> Result<u64, SafetyError> {
    let connection = Connection::open(path)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(connection);
    if wal_bytes(path) > 0 {
        let detail = "its log could not be emptied, because somebody reads it".to_string();
        return Err(SafetyError::Read { path: path.to_path_buf(), detail });
    }
    let failed = |error: io::Error| super::cannot_write(to, &error);
    let mut from = File::open(path).map_err(failed)?;
    let bytes = from.metadata().map_err(failed)?.len();
    expect_room(to, bytes.saturating_add(bytes / 5))?;
    if bytes > PIECE_BYTES {
        tracing::info!(bytes, "copying the database before it is upgraded");
    }
    let mut draft = Draft::new(beside(to, ".partial"))?;
    let (mut done, mut told) = (0, 0);
    while done < bytes {
        let count = io::copy(&mut from.by_ref().take(PIECE_BYTES), &mut draft.file).map_err(failed)?;
        if count == 0 {
            break;
        }
        done += count;
        let percent = done * 100 / bytes;
        if percent >= told + 10 && done < bytes {
            told = percent;
            tracing::info!("copied {percent} %");
        }
    }
    draft.finish_database(to)?;
    Ok(bytes)
}

/// Copies before earlier upgrades: the newest is enough.
fn remove_older(path: &Path, newest: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    let start = format!("{}{BEFORE_SCHEMA}", name.to_string_lossy());
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let older: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|other| other != newest)
        .filter(|other| other.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start)))
        .collect();
    for other in older {
        match std::fs::remove_file(&other) {
            Ok(()) => tracing::info!(copy = %other.display(), "removed the copy made before an earlier upgrade"),
            Err(error) => tracing::warn!(%error, copy = %other.display(), "cannot remove an old copy"),
        }
    }
}
