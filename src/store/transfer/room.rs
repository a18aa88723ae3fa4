//! Whether the disk has room for what an import writes next: as much is left free as a server leaves.
//!
//! Owns how much a commit may bring when there is little, and the words for when there is none. SQLite's own word that the
//! disk is full means the same, and comes first only where the disk is filled by somebody else.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::TransferError;
use crate::config::{
    IMPORT_BYTES_PER_COMMIT, IMPORT_LINES_PER_COMMIT, IMPORT_ROOM_MIN, IMPORT_ROOM_PER_BYTE, IMPORT_ROOM_PER_LINE,
};
use crate::store::StoreError;
use crate::store::retention::{Space, read_space};
use crate::store::trouble::{DiskTrouble, disk_trouble, trouble_of};

/// What one commit may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Most {
    pub(super) lines: usize,
    pub(super) bytes: usize,
}

const ALL: Most = Most { lines: IMPORT_LINES_PER_COMMIT, bytes: IMPORT_BYTES_PER_COMMIT };

impl Most {
    /// In so much room, in bytes; `None` when an import stops.
    fn in_room(room: u64) -> Option<Self> {
        let part = |of: u64| usize::try_from(room / of).unwrap_or(usize::MAX).max(1);
        (room >= IMPORT_ROOM_MIN).then(|| Self {
            lines: ALL.lines.min(part(IMPORT_ROOM_PER_LINE)),
            bytes: ALL.bytes.min(part(IMPORT_ROOM_PER_BYTE)),
        })
    }
}

pub(super) struct Room {
    path: PathBuf,
    used_before: u64,
}

impl Room {
    pub(super) fn new(connection: &Connection, path: &Path) -> Result<Self, TransferError> {
        Ok(Self { path: path.to_path_buf(), used_before: read_space(connection, path)?.used })
    }

    /// # Errors
    /// As SQLite when the disk is full: when nothing beyond the reserve is left.
    pub(super) fn for_commit(&self, connection: &Connection) -> Result<Most, TransferError> {
        if Most::in_room(beyond_reserve(&read_space(connection, &self.path)?)) == Some(ALL) {
            return Ok(ALL);
        }
        // What the log takes is there twice.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        let space = read_space(connection, &self.path)?;
        Most::in_room(beyond_reserve(&space)).ok_or_else(|| StoreError::Full.into())
    }

    /// What is said then. `share_read` of the whole input is what made the file grow so far.
    pub(super) fn none_left(
        &self,
        connection: &Connection,
        lines: u64,
        share_read: Option<f64>,
    ) -> Result<TransferError, TransferError> {
        let space = read_space(connection, &self.path)?;
        let grown = space.used.saturating_sub(self.used_before);
        let more = match share_read.filter(|share| *share > 0.0 && lines > 0) {
            Some(share) => {
                let missing = (grown as f64 * (1.0 - share) / share) as u64 + IMPORT_ROOM_MIN;
                let short = (missing + space.reserve()).saturating_sub(space.disk_free).max(IMPORT_ROOM_MIN);
                format!("Free about {} MiB more", short.div_ceil(1 << 20))
            }
            None => "Free some space".to_string(),
        };
        Ok(TransferError::NoRoom { path: self.path.clone(), lines, mib: space.disk_free >> 20, more })
    }
}

fn beyond_reserve(space: &Space) -> u64 {
    space.disk_free.saturating_sub(space.reserve())
}

/// Whether it failed for want of room.
pub(super) fn is_full(error: &TransferError) -> bool {
    match error {
        TransferError::Store(StoreError::Full) => true,
        TransferError::Store(error) => disk_trouble(error) == Some(DiskTrouble::Full),
        TransferError::Sqlite(error) => trouble_of(error) == Some(DiskTrouble::Full),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_become_smaller_before_there_is_no_room() {
        assert_eq!(Most::in_room(1 << 40), Some(ALL));
        assert_eq!(Most::in_room(IMPORT_ROOM_MIN - 1), None);
        let last = Most::in_room(IMPORT_ROOM_MIN).unwrap();
        assert!(last.lines >= 16 && last.bytes >= 64 << 10, "{last:?}");
        assert!(last.lines as u64 * IMPORT_ROOM_PER_LINE <= IMPORT_ROOM_MIN);
        assert!(Most::in_room(16 << 20).unwrap().bytes < ALL.bytes);
    }
}
