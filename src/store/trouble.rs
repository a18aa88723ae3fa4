//! When storing fails: what kind of trouble it is, what is said about it, and what others may know of the writer.
//!
//! Owns the sorting of SQLite's errors into what heals by itself, what is one row's own fault and what nobody should go
//! on after, and the writer's state for health checks. Knows nothing of rows.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rusqlite::{ErrorCode, ffi};

use super::writer::now_ms;
use super::{Store, StoreError};
use crate::config::{COMMIT_BYTES_MAX, WRITER_STALLED_MS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskTrouble {
    /// Heals when room comes back.
    Full,
    /// Another program holds the database. Heals when it lets go.
    Held,
    /// The process may open no more files. Heals when connections end.
    NoDescriptors,
    /// After a failed fsync nobody knows what is on the disk: stop, so that recovery runs at the next start.
    Broken,
}

/// `None` for what is the row's own fault.
pub(super) fn disk_trouble(error: &StoreError) -> Option<DiskTrouble> {
    match error {
        StoreError::Sqlite(error) => trouble_of(error),
        _ => None,
    }
}

/// The same of SQLite's own error.
pub(super) fn trouble_of(error: &rusqlite::Error) -> Option<DiskTrouble> {
    let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
    match error.sqlite_error_code()? {
        ErrorCode::DiskFull => Some(DiskTrouble::Full),
        // The index of the log grows by a page at a time, which is where a full disk may be felt first.
        ErrorCode::SystemIoFailure if extended == ffi::SQLITE_IOERR_SHMSIZE => Some(DiskTrouble::Full),
        ErrorCode::SystemIoFailure if extended == ffi::SQLITE_IOERR_NOMEM => None,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(DiskTrouble::Held),
        // The files are open by the time anything is written: what cannot be opened is a temporary one.
        ErrorCode::CannotOpen => Some(DiskTrouble::NoDescriptors),
        // Read-only is what a file system becomes that found itself damaged.
        ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly => {
            Some(DiskTrouble::Broken)
        }
        _ => None,
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// What the process says before it ends: what happened, and what to do.
pub(super) fn last_words(error: &StoreError, path: &Path) -> String {
    let path = path.display();
    match error {
        StoreError::Sqlite(cause) if is_damage(cause) => format!(
            "the database {path} is damaged ({cause}). What could not be written was not answered with 200; run trapline \
             check to see what is hurt, and restore a backup if it cannot be read"
        ),
        StoreError::Replaced(lost) => format!(
            "{} was removed or replaced while trapline ran; what came in during the last second may be lost, and nothing more \
             is taken. Look at what is in its place, then start trapline again: it goes on with {path} as it is then. Stop \
             trapline before you touch its files, and bring copies back with trapline restore",
            lost.display()
        ),
        other => format!(
            "the disk under {path} failed ({other}). What could not be written was not answered with 200. Look at the \
             disk (dmesg, free space, mount options), then start trapline again: it recovers by itself"
        ),
    }
}

/// The same error once more, for whoever else has to hear of it.
pub(super) fn copy_of(error: &StoreError) -> StoreError {
    let StoreError::Sqlite(error) = error else { return StoreError::NotStored(error.to_string()) };
    match error.sqlite_error() {
        Some(cause) => StoreError::Sqlite(rusqlite::Error::SqliteFailure(*cause, Some(error.to_string()))),
        None => StoreError::NotStored(error.to_string()),
    }
}

/// An error of opening, in words for the one line that a start ends with.
pub(super) fn at_start(error: StoreError, path: &Path) -> StoreError {
    match &error {
        StoreError::Sqlite(cause) if is_damage(cause) => {
            StoreError::Damaged { path: path.to_path_buf(), detail: cause.to_string() }
        }
        StoreError::Sqlite(cause) => match disk_trouble(&error) {
            Some(DiskTrouble::Full) => StoreError::FullAtStart(path.to_path_buf()),
            _ => StoreError::Open { path: path.to_path_buf(), detail: cause.to_string() },
        },
        _ => error,
    }
}

/// A read that met damage says so.
pub(super) fn while_reading(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Sqlite(cause) if is_damage(&cause) => {
            StoreError::Damaged { path: path.to_path_buf(), detail: cause.to_string() }
        }
        other => other,
    }
}

/// How the writer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterState {
    Ready,
    /// The last thing written found no room on the disk.
    DiskFull,
    /// The same, while the write-ahead log cannot be emptied, because another program has been reading for long.
    DiskFullOfLog,
    /// More is sent than it can write.
    QueueFull,
    /// All is well but that the write-ahead log grows, because another program has been reading for long.
    LogHeld,
    /// Has been at one thing for longer than [`WRITER_STALLED_MS`]: the disk hangs.
    Stalled,
}

/// What the writer leaves for others to see.
#[derive(Default)]
pub(super) struct WriterHealth {
    is_full: AtomicBool,
    is_log_held: AtomicBool,
    /// Since when it has been at what it is doing, in unix milliseconds; 0 when it waits for work.
    busy_since_ms: AtomicI64,
}

impl WriterHealth {
    pub(super) fn begin(&self) {
        self.busy_since_ms.store(now_ms(), Ordering::Relaxed);
    }

    pub(super) fn rest(&self) {
        self.busy_since_ms.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// True when that is news.
    pub(super) fn set_full(&self, is_full: bool) -> bool {
        self.is_full.swap(is_full, Ordering::Relaxed) != is_full
    }

    /// True when that is news.
    pub(super) fn set_log_held(&self, is_held: bool) -> bool {
        self.is_log_held.swap(is_held, Ordering::Relaxed) != is_held
    }

    pub(super) fn state(&self, has_room: bool) -> WriterState {
        let since = self.busy_since_ms.load(Ordering::Relaxed);
        // The clock may have been set: only what looks like a while counts.
        if since > 0 && now_ms() - since > WRITER_STALLED_MS {
            return WriterState::Stalled;
        }
        let is_log_held = self.is_log_held.load(Ordering::Relaxed);
        match (self.is_full(), has_room) {
            (true, _) if is_log_held => WriterState::DiskFullOfLog,
            (true, _) => WriterState::DiskFull,
            (false, false) => WriterState::QueueFull,
            (false, true) if is_log_held => WriterState::LogHeld,
            (false, true) => WriterState::Ready,
        }
    }
}

impl Store {
    /// For health checks: without a read, so that it answers whatever the disk does.
    pub fn writer_state(&self) -> WriterState {
        self.writer.state()
    }
}

/// Makes the directory and everything above it that is missing, with names that survive a power cut: a file that was
/// synced is gone all the same when its name was not.
pub(super) fn make_directory(dir: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    // Local variables, cookies and addresses are nobody else's business on this machine: other users may not look in.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    missing.into_iter().try_for_each(|dir| match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    })
}

/// Whether so many bytes fit on the disk, by writing them to a file that is removed again.
pub(super) fn has_room(path: &Path, bytes: usize) -> bool {
    let fill = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        let piece = [0; 64 << 10];
        for _ in 0..bytes.div_ceil(piece.len()) {
            file.write_all(&piece)?;
        }
        file.sync_all()
    };
    let fits = fill().is_ok();
    let _ = std::fs::remove_file(path);
    fits
}

/// Whether anything can be written beside the file of that name. Nothing is, where there is room enough at a glance.
pub(super) fn has_room_to_begin(path: &Path) -> bool {
    has_free(path) || has_room(&path.with_extension("room"), ROOM_TO_BEGIN_BYTES)
}

/// An event of usual size with all that is derived of it.
const ROOM_TO_BEGIN_BYTES: usize = 256 << 10;

/// Whether the file system says that it has room for a commit, beside the file of that name.
pub(super) fn has_free(path: &Path) -> bool {
    let disk = rustix::fs::statvfs(path.parent().unwrap_or(Path::new(".")));
    disk.is_ok_and(|disk| disk.f_bavail * disk.f_frsize > COMMIT_BYTES_MAX as u64)
}

pub(super) fn sync_directory(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> StoreError {
        StoreError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn what_heals_is_told_from_what_does_not() {
        for (code, expected) in [
            (ffi::SQLITE_FULL, Some(DiskTrouble::Full)),
            (ffi::SQLITE_IOERR_SHMSIZE, Some(DiskTrouble::Full)),
            (ffi::SQLITE_BUSY, Some(DiskTrouble::Held)),
            (ffi::SQLITE_CANTOPEN, Some(DiskTrouble::NoDescriptors)),
            (ffi::SQLITE_IOERR_FSYNC, Some(DiskTrouble::Broken)),
            (ffi::SQLITE_IOERR_WRITE, Some(DiskTrouble::Broken)),
            (ffi::SQLITE_CORRUPT, Some(DiskTrouble::Broken)),
            (ffi::SQLITE_READONLY, Some(DiskTrouble::Broken)),
            (ffi::SQLITE_CONSTRAINT, None),
            (ffi::SQLITE_TOOBIG, None),
            (ffi::SQLITE_NOMEM, None),
        ] {
            assert_eq!(disk_trouble(&failed(code)), expected, "{code}");
        }
        assert_eq!(disk_trouble(&StoreError::Busy), None);
    }

    #[test]
    fn last_words_say_what_to_do() {
        let path = Path::new("/data/trapline.db");
        assert!(last_words(&failed(ffi::SQLITE_CORRUPT), path).contains("restore a backup"));
        assert!(last_words(&failed(ffi::SQLITE_IOERR_FSYNC), path).contains("start trapline again"));
    }

    #[test]
    fn a_writer_at_one_thing_for_long_is_stalled() {
        let health = WriterHealth::default();
        assert_eq!(health.state(true), WriterState::Ready);
        assert_eq!(health.state(false), WriterState::QueueFull);
        health.begin();
        assert_eq!(health.state(true), WriterState::Ready);
        health.busy_since_ms.store(now_ms() - WRITER_STALLED_MS - 1000, Ordering::Relaxed);
        assert_eq!(health.state(true), WriterState::Stalled);
        health.rest();
        assert!(health.set_log_held(true) && !health.set_log_held(true));
        assert_eq!(health.state(true), WriterState::LogHeld);
        assert!(health.set_full(true) && !health.set_full(true));
        assert_eq!(health.state(true), WriterState::DiskFullOfLog);
        health.set_log_held(false);
        assert_eq!(health.state(true), WriterState::DiskFull);
    }
}
