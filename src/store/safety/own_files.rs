//! Which files nobody may write over: those of a data directory that a server has, or may have, open.
//!
//! Owns what of a data directory is whose. A file is known by where it lies and by its device and inode, because one file
//! has many names.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{SafetyError, beside};
use crate::store::{DATABASE_FILE, LOCK_FILE};

/// Behind the name of a database.
const BESIDE_DATABASE: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// Behind the name of a database without its ending: written for a moment to see whether the disk has room.
const ROOM_FILE_ENDING: &str = "room";

/// # Errors
/// When `to` is a file of the data directory that `database` lies in, or of the one that `to` itself lies in.
pub(in crate::store) fn expect_not_ours(to: &Path, database: &Path) -> Result<(), SafetyError> {
    let place = place(to);
    let mut own = of_database(database);
    if let Ok(real) = std::fs::canonicalize(database) {
        own.extend(of_database(&real));
    }
    if let Some(folder) = place.parent()
        && folder.join(LOCK_FILE).exists()
    {
        own.extend(of_database(&folder.join(DATABASE_FILE)));
    }
    let target = identity(to);
    let is_same = |own: &PathBuf| self::place(own) == place || (target.is_some() && identity(own) == target);
    if own.iter().any(is_same) { Err(SafetyError::IsOurs(to.to_path_buf())) } else { Ok(()) }
}

fn of_database(database: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = BESIDE_DATABASE.iter().map(|suffix| beside(database, suffix)).collect();
    files.push(database.with_extension(ROOM_FILE_ENDING));
    files.push(database.with_file_name(LOCK_FILE));
    files
}

/// The file's place without links in its folder: it need not be there.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().and_then(|folder| std::fs::canonicalize(folder).ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().as_ref().map(identity_of)
}

/// What tells a file from every other one that is there at the same time.
pub(in crate::store) fn identity_of(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
