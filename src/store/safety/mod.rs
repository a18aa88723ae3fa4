//! Keeping what is kept: copies of the database, their way back, and the test of either.
//!
//! Owns what `trapline backup`, `restore` and `check` do, and what their errors say. Works on files, beside a running
//! server or without one, and never writes to a database that is in use. Knows nothing of how progress is shown.

mod aside;
mod backup;
mod check;
mod check_bodies;
mod own_files;
mod restore;

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use thiserror::Error;
use xxhash_rust::xxh3::Xxh3;

pub(super) use aside::copy_before_upgrade;
pub use backup::{Manifest, backup};
pub use check::{CheckReport, Finding, check};
pub(super) use own_files::{expect_not_ours, identity_of};
pub use restore::{Restored, restore};

use super::onlooker::{look_into, why};
use super::{DATABASE_FILE, StoreError};
use crate::config::{COPY_PAGES_PER_STEP, COPY_SYNC_BYTES};

/// How far a long piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// `copying`, `checking`, …
    pub stage: &'static str,
    pub done: u64,
    /// 0 when nobody can tell.
    pub total: u64,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Rows,
}

/// Told every few milliseconds by whoever works.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// What happened, why, and what to do.
#[derive(Debug, Error)]
pub enum SafetyError {
    #[error("there is no database {0}: name the data directory with --data-dir, or the file itself")]
    NoDatabase(PathBuf),
    #[error("there is no file {0}: name one that trapline backup made")]
    NoFile(PathBuf),
    #[error("{} is a directory: name the database in it, such as {}", .0.display(), .0.join("trapline.db").display())]
    IsAFolder(PathBuf),
    #[error("{0} is empty: it is no copy of a trapline database")]
    Empty(PathBuf),
    #[error("{0} exists already: choose another name, or replace it with --force")]
    Exists(PathBuf),
    #[error("{0} belongs to the database itself: choose a name outside of the data directory")]
    IsOurs(PathBuf),
    #[error("cannot write {path}: {detail}")]
    Write { path: PathBuf, detail: String },
    #[error("cannot read {path}: {detail}")]
    Read { path: PathBuf, detail: String },
    #[error("{path} would take {bytes} bytes, and its disk has {free} left: free some space, or choose another disk")]
    NoRoom { path: PathBuf, bytes: u64, free: u64 },
    #[error("there is not enough room for {path}: free some space or choose another disk; nothing was left behind")]
    Full { path: PathBuf },
    #[error(
        "so much is written to the database that its log {log} has grown to {bytes} bytes while it was being read: \
         try again at a quieter time, or stop trapline for that time"
    )]
    TooBusy { log: PathBuf, bytes: u64 },
    #[error("the copy differs from the database: {0}. Check both with trapline check; the copy was removed")]
    CopyDiffers(String),
    #[error("{path} is broken, and was not put in place: {findings}. Take another copy")]
    Broken { path: PathBuf, findings: String },
    #[error(
        "the database {0} holds data: move it away, or let --force do it (the old one is kept beside under another name)"
    )]
    NotEmpty(PathBuf),
    #[error("a trapline is running in {0}: stop it first, then restore")]
    Running(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The error in words of what a person can change.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "this user may not. Run it as the owner of the data directory, or choose another place".to_string()
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only. Choose another place".to_string(),
        io::ErrorKind::NotFound => "the folder does not exist. Make it first".to_string(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full. Free some space, or choose another disk".to_string()
        }
        _ => error.to_string(),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> SafetyError {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return SafetyError::Full { path: path.to_path_buf() };
    }
    let detail = match (error.kind(), path.parent()) {
        (io::ErrorKind::PermissionDenied, Some(folder)) if !path.exists() => why(folder, error),
        (io::ErrorKind::PermissionDenied, _) => why(path, error),
        _ => in_words(error),
    };
    SafetyError::Write { path: path.to_path_buf(), detail }
}

fn cannot_read(path: &Path, error: &io::Error) -> SafetyError {
    SafetyError::Read { path: path.to_path_buf(), detail: in_words(error) }
}

/// A database that is there, to be read. Its schema version comes with it.
pub(super) fn open_source(path: &Path) -> Result<(Connection, i64), SafetyError> {
    let metadata = std::fs::metadata(path);
    if metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Err(SafetyError::IsAFolder(path.to_path_buf()));
    }
    if metadata.is_ok_and(|metadata| metadata.len() == 0) && wal_bytes(path) == 0 {
        return Err(SafetyError::Empty(path.to_path_buf()));
    }
    match look_into(path) {
        Err(StoreError::NoDatabase(path)) if path.ends_with(DATABASE_FILE) => Err(SafetyError::NoDatabase(path)),
        Err(StoreError::NoDatabase(path)) => Err(SafetyError::NoFile(path)),
        Err(StoreError::Unreadable { path, why }) => Err(SafetyError::Read { path, detail: why }),
        other => Ok(other?),
    }
}

/// Bytes of the write-ahead log beside a database.
pub(super) fn wal_bytes(path: &Path) -> u64 {
    std::fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len())
}

/// The file with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes or empties a file that nobody else may read.
fn private_file(path: &Path) -> Result<File, SafetyError> {
    let made = File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
    let file = made.map_err(|error| cannot_write(path, &error))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|error| cannot_write(path, &error))?;
    Ok(file)
}

/// A file under construction, removed with what SQLite lays beside it unless it gets its name.
pub(super) struct Draft {
    path: PathBuf,
    file: File,
    is_done: bool,
}

impl Draft {
    pub(super) fn new(path: PathBuf) -> Result<Self, SafetyError> {
        Draft::remove(&path);
        let file = private_file(&path)?;
        Ok(Self { path, file, is_done: false })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// As [`Self::finish`], for a database: the log of an earlier one of that name would be played into this one.
    pub(super) fn finish_database(self, name: &Path) -> Result<(), SafetyError> {
        let failed = |error| cannot_write(name, &error);
        self.file.sync_all().map_err(failed)?;
        for suffix in ["-wal", "-shm", "-journal"] {
            match std::fs::remove_file(beside(name, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        self.finish(name)
    }

    /// On disk, under its name, and the name on disk too.
    pub(super) fn finish(mut self, name: &Path) -> Result<(), SafetyError> {
        let failed = |error| cannot_write(name, &error);
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.path, name).map_err(failed)?;
        self.is_done = true;
        sync_folder_of(name).map_err(failed)
    }

    fn remove(path: &Path) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(beside(path, suffix));
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            Draft::remove(&self.path);
        }
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Copies what `source` sees into the draft: a whole database in one file, with nothing beside it.
///
/// `source` should be in a read transaction, or the copy starts anew whenever somebody writes.
fn copy_into(
    source: &Connection,
    draft: &Draft,
    on_progress: OnProgress<'_>,
    mut is_bearable: impl FnMut() -> Result<(), SafetyError>,
) -> Result<(), SafetyError> {
    let page_bytes: u64 = source.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.max(512) as u64;
    let into_words = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => SafetyError::Full { path: draft.path.clone() },
        Some(ErrorCode::DatabaseCorrupt) => SafetyError::Read {
            path: PathBuf::from(source.path().unwrap_or_default()),
            detail: "it is damaged".to_string(),
        },
        _ => SafetyError::Write { path: draft.path.clone(), detail: error.to_string() },
    };
    let mut copy = Connection::open(&draft.path).map_err(into_words)?;
    // Nobody misses a draft after a crash: it is synced once, as a file, when it is complete.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;")
        .map_err(into_words)?;
    let steps = rusqlite::backup::Backup::new(source, &mut copy).map_err(into_words)?;
    let mut synced_bytes = 0;
    loop {
        let result = steps.step(COPY_PAGES_PER_STEP).map_err(into_words)?;
        let (left, all) = (steps.progress().remaining.max(0) as u64, steps.progress().pagecount.max(0) as u64);
        let done = (all - left.min(all)) * page_bytes;
        on_progress(Progress { stage: "copying", done, total: all * page_bytes, unit: Unit::Bytes });
        if result == rusqlite::backup::StepResult::Done {
            break;
        }
        is_bearable()?;
        // A gigabyte of unwritten pages would hold up the syncs of a server that is at work on the same disk.
        if done - synced_bytes >= COPY_SYNC_BYTES {
            draft.file.sync_data().map_err(|error| cannot_write(&draft.path, &error))?;
            synced_bytes = done;
        }
    }
    drop(steps);
    drop(copy);
    // The pages say "with a log beside it", as those of the source do; a copy is one file.
    let copy = Connection::open(&draft.path).map_err(into_words)?;
    copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)).map_err(into_words)?;
    Ok(())
}

/// Bytes a user may still write on the disk of a folder; `None` when the system does not say.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Asks before writing what cannot fit, so that no disk is filled in vain.
fn expect_room(path: &Path, bytes: u64) -> Result<(), SafetyError> {
    match path.parent().and_then(free_bytes) {
        Some(free) if free < bytes => Err(SafetyError::NoRoom { path: path.to_path_buf(), bytes, free }),
        _ => Ok(()),
    }
}

/// Whether anything was ever sent to a database. One that cannot be read may hold something.
fn holds_data(connection: &Connection) -> bool {
    let any = |table: &str| {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
        connection.query_row(&sql, [], |row| row.get::<_, bool>(0)).unwrap_or(true)
    };
    match tables(connection) {
        // What a new database is made with.
        Ok(tables) => tables
            .iter()
            .filter(|table| !["setting", "project", "project_key", "perf_place"].contains(&table.as_str()))
            .any(|table| any(table)),
        Err(_) => true,
    }
}

/// Rows of every table, by its name.
pub(super) fn count_rows(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut counts = Vec::new();
    for table in tables(connection)? {
        let count: i64 = connection.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| row.get(0))?;
        counts.push((table, count.max(0) as u64));
    }
    Ok(counts)
}

/// The tables that hold rows of ours, by name; those that a search index keeps for itself are not among them.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// XXH3 with 128 bits over the whole file, as hex: for telling whether a copy arrived whole somewhere else.
fn hash_file(path: &Path, on_progress: OnProgress<'_>) -> Result<(String, u64), SafetyError> {
    let failed = |error| cannot_read(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let total = file.metadata().map_err(failed)?.len();
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok((format!("{:032x}", hash.digest128()), done));
        }
        hash.update(&buffer[..count]);
        done += count as u64;
        on_progress(Progress { stage: "hashing", done, total, unit: Unit::Bytes });
    }
}
