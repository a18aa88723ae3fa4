//! Which blobs are being sent at this moment: their chunks go ahead of the row that names them, in commits of their own.
//!
//! Owns who awaits what, in memory alone: what a process that ended awaited comes again whole. Knows no rows and no clock,
//! on purpose. Whether a blob was given up by its sender is told by its age, and of a clock that was set back between two
//! chunks everything is old.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Hash over the bytes of a blob and what they are.
pub(super) type BlobKey = [u8; 20];

/// Shared by those who send and those who tidy up.
#[derive(Clone, Debug, Default)]
pub(super) struct Awaited(Arc<Mutex<HashMap<BlobKey, usize>>>);

/// While it lives the blobs are awaited.
pub(super) struct Awaiting {
    awaited: Awaited,
    keys: Vec<BlobKey>,
}

impl Awaited {
    /// The same blob may be awaited by several at once.
    pub(super) fn until_dropped(&self, keys: impl IntoIterator<Item = BlobKey>) -> Awaiting {
        let keys: Vec<BlobKey> = keys.into_iter().collect();
        let mut counts = self.counts();
        for key in &keys {
            *counts.entry(*key).or_default() += 1;
        }
        drop(counts);
        Awaiting { awaited: self.clone(), keys }
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        BlobKey::try_from(key).is_ok_and(|key| self.counts().contains_key(&key))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<BlobKey, usize>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        let mut counts = self.awaited.counts();
        for key in &self.keys {
            if let Some(count) = counts.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_awaits_it_gives_it_up() {
        let awaited = Awaited::default();
        let one = awaited.until_dropped([[1; 20], [2; 20]]);
        let other = awaited.until_dropped([[1; 20], [1; 20]]);
        drop(one);
        assert_eq!([1, 2].map(|key| awaited.has(&[key; 20])), [true, false]);
        drop(other);
        assert!(!awaited.has(&[1; 20]) && !awaited.has(b"short"));
    }
}
