//! A copy of the database as it is at one moment, made beside a running server.
//!
//! The copy is made by whoever asked for it, not by the server: a read transaction of its own sees one moment, and is
//! copied page by page. Nothing waits for it. What it costs is room: as long as it reads, the server's write-ahead log
//! cannot begin anew, and grows by what is written meanwhile.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{
    Draft, OnProgress, Progress, SafetyError, Unit, beside, cannot_read, cannot_write, copy_into, count_rows,
    expect_room, hash_file, open_source, wal_bytes,
};
use crate::config::BACKUP_LOG_BYTES_MAX;
use crate::model::time::rfc3339;
use crate::store::readers::open_read_only;
use crate::store::writer::now_ms;

/// What a copy holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub path: PathBuf,
    pub bytes: u64,
    pub schema: i64,
    /// Rows by table.
    pub rows: Vec<(String, u64)>,
    /// XXH3 with 128 bits, as hex.
    pub xxh3: String,
}

/// Copies the database at `from` to `to`, tests the copy, and puts it in place. For a folder that is a file in it, named
/// after this second.
///
/// # Errors
/// When `to` is there already (unless `overwrite`), cannot be written, or does not pass the test. Then nothing of it is
/// left behind.
pub fn backup(from: &Path, to: &Path, overwrite: bool, on_progress: OnProgress<'_>) -> Result<Manifest, SafetyError> {
    let mut to = std::path::absolute(to).map_err(|error| cannot_write(to, &error))?;
    if to.is_dir() {
        to.push(name_of_now(now_ms()));
    }
    let (source, schema) = open_source(from)?;
    if to.exists() {
        if is_same_file(from, &to) {
            return Err(SafetyError::IsTheDatabase(to));
        }
        if !overwrite {
            return Err(SafetyError::Exists(to));
        }
    }
    let size = std::fs::metadata(from).map_err(|error| cannot_read(from, &error))?.len() + wal_bytes(from);
    expect_room(&to, size)?;
    let draft = Draft::new(beside(&to, ".partial"))?;
    let rows = copy_moment(&source, from, &draft, on_progress)?;
    drop(source);
    test(&draft, &rows, on_progress)?;
    let (xxh3, bytes) = hash_file(&draft.path, on_progress)?;
    draft.finish(&to)?;
    Ok(Manifest { path: to, bytes, schema, rows, xxh3 })
}

/// Copies what one read transaction sees, and says how many rows that is.
pub(super) fn copy_moment(
    source: &Connection,
    from: &Path,
    draft: &Draft,
    on_progress: OnProgress<'_>,
) -> Result<Vec<(String, u64)>, SafetyError> {
    source.execute_batch("BEGIN")?;
    // The moment is that of the first read.
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    let before = wal_bytes(from);
    copy_into(source, draft, on_progress, || {
        let bytes = wal_bytes(from);
        if bytes.saturating_sub(before) > BACKUP_LOG_BYTES_MAX {
            return Err(SafetyError::TooBusy { log: beside(from, "-wal"), bytes });
        }
        Ok(())
    })?;
    on_progress(Progress { stage: "counting", done: 0, total: 0, unit: Unit::Rows });
    let rows = count_rows(source)?;
    source.execute_batch("COMMIT")?;
    Ok(rows)
}

pub(super) fn test(draft: &Draft, rows: &[(String, u64)], on_progress: OnProgress<'_>) -> Result<(), SafetyError> {
    on_progress(Progress { stage: "checking", done: 0, total: 0, unit: Unit::Bytes });
    let copy = open_read_only(&draft.path)?;
    let found: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(SafetyError::CopyDiffers(found));
    }
    let copied = count_rows(&copy)?;
    let differing = rows.iter().zip(&copied).find(|(ours, theirs)| ours != theirs);
    match differing {
        Some(((table, there), (_, here))) => {
            Err(SafetyError::CopyDiffers(format!("{table} has {there} rows, the copy {here}")))
        }
        None if rows.len() != copied.len() => Err(SafetyError::CopyDiffers("not the same tables".to_string())),
        None => Ok(()),
    }
}

/// `trapline-2026-11-21-081530.db`, UTC: sorted by name they are sorted by age.
fn name_of_now(now_ms: i64) -> String {
    let text = rfc3339(now_ms);
    let (day, time) = text.split_at(10);
    let time: String = time.chars().filter(char::is_ascii_digit).take(6).collect();
    format!("trapline-{day}-{time}.db")
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_in_a_folder_is_named_after_its_second() {
        assert_eq!(name_of_now(1_795_248_930_123), "trapline-2026-11-21-081530.db");
    }
}
