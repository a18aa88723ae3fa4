//! Whether the files that the writer has open are still those of their names.
//!
//! Owns what is compared and how often. A database that is moved away, removed or written over by a copy stays open and
//! takes every commit, and nobody will ever read it again: there is nothing to do but stop.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;
use super::safety::{beside, identity_of};

/// A lost file is noticed within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Watch {
    /// The database and its log, each with device and inode from when it was opened.
    files: [(PathBuf, Option<(u64, u64)>); 2],
    next_look: Instant,
}

impl Watch {
    /// Of a database that was just opened and written by its only writer: the log stays as long as it is open.
    pub(super) fn new(database: &Path) -> Self {
        let files = [database.to_path_buf(), beside(database, "-wal")];
        let files = files.map(|path| {
            let opened = look(&path).ok();
            (path, opened)
        });
        Self { files, next_look: Instant::now() + LOOK_EVERY }
    }

    /// Asks the system at most once a second.
    ///
    /// # Errors
    /// [`StoreError::Replaced`].
    pub(super) fn look(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now + LOOK_EVERY;
        for (path, opened) in &mut self.files {
            let is_lost = match (look(path), *opened) {
                (Ok(found), Some(opened)) => found != opened,
                (Ok(found), None) => {
                    *opened = Some(found);
                    false
                }
                (Err(error), Some(_)) => error.kind() == io::ErrorKind::NotFound,
                (Err(_), None) => false,
            };
            if is_lost {
                return Err(StoreError::Replaced(path.clone()));
            }
        }
        Ok(())
    }
}

/// By name only: to open and close the file would give up SQLite's locks on it.
fn look(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|metadata| identity_of(&metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_another_one_or_gone_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trapline.db");
        for name in ["trapline.db", "trapline.db-wal", "copy"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let looked = |watch: &mut Watch| {
            watch.next_look = Instant::now();
            watch.look()
        };
        let mut watch = Watch::new(&path);
        assert!(looked(&mut watch).is_ok());
        std::fs::write(&path, "longer than before").unwrap();
        assert!(looked(&mut watch).is_ok(), "what is in it is not looked at");
        std::fs::rename(dir.path().join("copy"), &path).unwrap();
        assert!(watch.look().is_ok(), "not yet");
        assert!(matches!(looked(&mut watch), Err(StoreError::Replaced(lost)) if lost == path));
        let mut watch = Watch::new(&path);
        std::fs::remove_file(beside(&path, "-wal")).unwrap();
        assert!(matches!(looked(&mut watch), Err(StoreError::Replaced(_))));
    }
}
