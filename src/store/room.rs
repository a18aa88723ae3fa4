//! Keeping to `max_size` while it is written: sizes that scale with the cap, and the gate that what comes in waits at.
//!
//! Owns how the cap is parted into the file, its log and what is left free, and who is let in when there is little.
//! Knows no table: what makes room is retention's business, and how much is used the writer tells after every commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use super::StoreError;
use crate::config::{
    ADMISSION_WAIT_MS, COMMIT_BYTES_MAX, ROOM_HEADROOM_BYTES_MAX, ROOM_UPKEEP_BYTES_MAX, WAL_CHECKPOINT_BYTES,
    WAL_CHECKPOINT_STEP_BYTES, WAL_KEPT_BYTES, WAL_RESTART_BYTES,
};

/// How a cap is parted, in bytes. A large cap has the sizes that are best for speed; a small one scales them down, so that
/// the file and its log together stay below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    cap: u64,
    /// Of the log: when it is moved into the file without waiting for readers, and how much later again.
    pub(super) wal_checkpoint: u64,
    pub(super) wal_step: u64,
    /// Of the log: when readers have to make way.
    pub(super) wal_restart: u64,
    /// Of the log: what the file keeps when it begins anew.
    pub(super) wal_kept: u64,
    /// Of one commit of many requests.
    pub(super) commit: usize,
}

impl Sizes {
    pub(super) fn of(cap: u64) -> Self {
        Self {
            cap,
            wal_checkpoint: WAL_CHECKPOINT_BYTES.min(cap / 16),
            wal_step: WAL_CHECKPOINT_STEP_BYTES.min(cap / 32),
            wal_restart: WAL_RESTART_BYTES.min(cap / 8),
            wal_kept: WAL_KEPT_BYTES.min(cap / 16),
            commit: COMMIT_BYTES_MAX.min(usize::try_from(cap / 32).unwrap_or(usize::MAX)),
        }
    }

    /// What the log may take while its readers make way, with its index.
    fn wal_max(&self) -> u64 {
        self.wal_restart + self.wal_restart / 2
    }

    /// What the file may never grow beyond.
    pub(super) fn file(&self) -> u64 {
        self.cap.saturating_sub(self.wal_max())
    }

    /// What may be used before senders have to wait: the store packs and drops in what is left.
    pub(super) fn senders(&self) -> u64 {
        self.file() - (self.file() / 16).min(ROOM_UPKEEP_BYTES_MAX)
    }

    /// From where on the oldest goes: so far ahead of what senders may use that they need not wait.
    pub(super) fn full(&self) -> u64 {
        self.senders() - (self.senders() / 12).min(ROOM_HEADROOM_BYTES_MAX)
    }
}

/// What a request is reckoned to take in the file: a small one needs as much again for its indexes.
fn need_of(weight: usize) -> u64 {
    const OVERHEAD: u64 = 64 << 10;
    weight as u64 + OVERHEAD.min(weight as u64)
}

/// Lets in what there is room for. Who finds none waits while the oldest is dropped, in the order of coming.
pub(super) struct Gate {
    /// Senders may use so much, in bytes.
    limit: AtomicU64,
    used: AtomicU64,
    /// Let in, and not written yet.
    coming: AtomicU64,
    /// What the first who waits needs.
    wanted: AtomicU64,
    /// Whether the file's bound is that of the cap, not of the disk.
    is_capped: AtomicBool,
    turn: Mutex<()>,
    changed: Notify,
    patience: Duration,
}

impl Default for Gate {
    /// Open.
    fn default() -> Self {
        Self {
            limit: AtomicU64::new(u64::MAX),
            used: AtomicU64::new(0),
            coming: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            is_capped: AtomicBool::new(false),
            turn: Mutex::new(()),
            changed: Notify::new(),
            patience: Duration::from_millis(ADMISSION_WAIT_MS),
        }
    }
}

/// Held from being let in until it is written, or is not.
pub(super) struct Pass {
    gate: Arc<Gate>,
    need: u64,
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.coming.fetch_sub(self.need, Ordering::Relaxed);
        self.gate.changed.notify_waiters();
    }
}

/// Nobody wants any more what somebody waited for.
struct Wanted<'a>(&'a Gate);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted.store(0, Ordering::Relaxed);
    }
}

impl Gate {
    /// # Errors
    /// [`StoreError::NoRoomYet`] when room was not made in time.
    pub(super) async fn admit(self: &Arc<Self>, weight: usize) -> Result<Pass, StoreError> {
        let need = need_of(weight);
        // Whoever waits already is first.
        if self.turn.try_lock().is_ok() && self.take(need) {
            return Ok(Pass { gate: self.clone(), need });
        }
        let wait = async {
            let _turn = self.turn.lock().await;
            self.wanted.store(need, Ordering::Relaxed);
            let _wanted = Wanted(self);
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if self.take(need) {
                    return Pass { gate: self.clone(), need };
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(self.patience, wait).await;
        waited.map_err(|_| StoreError::NoRoomYet)
    }

    fn take(&self, need: u64) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed);
        let fits = |coming: u64| used.saturating_add(coming).saturating_add(need) <= limit;
        let added = |coming: u64| fits(coming).then_some(coming + need);
        self.coming.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added).is_ok()
    }

    /// After every commit: pages that hold something.
    pub(super) fn set_used(&self, bytes: u64) {
        self.used.store(bytes, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// What senders may use from now on, `u64::MAX` for no bound but the disk's.
    pub(super) fn set_limit(&self, bytes: u64, is_capped: bool) {
        self.is_capped.store(is_capped, Ordering::Relaxed);
        self.limit.store(bytes, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// What room has to be made for besides what is usual.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    pub(super) fn is_capped(&self) -> bool {
        self.is_capped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXPANDED_BYTES_MAX, MAX_SIZE_MIN, REQUEST_BYTES_MAX};

    const MIB: u64 = 1 << 20;

    #[test]
    fn everything_together_is_the_cap_whatever_it_is() {
        for cap in [MAX_SIZE_MIN, 100 * MIB, 256 * MIB, 1 << 30, 10 << 30, 1 << 40] {
            let sizes = Sizes::of(cap);
            assert!(sizes.file() + sizes.wal_max() <= cap, "{sizes:?}");
            assert!(sizes.wal_checkpoint + sizes.wal_step < sizes.wal_restart + sizes.commit as u64, "{sizes:?}");
            assert!(sizes.full() < sizes.senders() && sizes.senders() < sizes.file(), "{sizes:?}");
            // Most of it holds data.
            assert!(sizes.full() >= cap / 100 * 69, "{} of {cap}", sizes.full());
        }
        let large = Sizes::of(10 << 30);
        assert_eq!((large.wal_checkpoint, large.wal_restart), (WAL_CHECKPOINT_BYTES, WAL_RESTART_BYTES));
        assert_eq!((large.commit, large.full() / MIB * 100 / (10 << 10)), (COMMIT_BYTES_MAX, 92));
    }

    /// Otherwise it would be told to come back later, for ever.
    #[test]
    fn the_largest_request_fits_into_the_smallest_cap() {
        let sizes = Sizes::of(MAX_SIZE_MIN);
        assert!(need_of(REQUEST_BYTES_MAX) < sizes.senders());
        assert!(EXPANDED_BYTES_MAX as u64 <= MAX_SIZE_MIN);
    }

    async fn admit(gate: &Arc<Gate>, weight: usize) -> Result<Pass, StoreError> {
        gate.admit(weight).await
    }

    #[tokio::test]
    async fn who_finds_no_room_waits_for_it_in_turn_or_is_told() {
        let gate = Arc::new(Gate { patience: Duration::from_millis(300), ..Gate::default() });
        gate.set_limit(100 * MIB, true);
        gate.set_used(90 * MIB);
        let first = admit(&gate, 6 << 20).await.unwrap();
        // Neither fits; the small one would, but came later.
        let (large, small) = (gate.clone(), gate.clone());
        let large = tokio::spawn(async move { large.admit(8 << 20).await.map(drop) });
        tokio::task::yield_now().await;
        assert_eq!(gate.wanted(), (8 << 20) + (64 << 10));
        let small = tokio::spawn(async move { small.admit(1).await.map(drop) });
        tokio::task::yield_now().await;
        assert!(!small.is_finished());
        drop(first);
        assert!(large.await.unwrap().is_ok() && small.await.unwrap().is_ok());
        assert_eq!((gate.wanted(), gate.coming.load(Ordering::Relaxed)), (0, 0));
        gate.set_used(100 * MIB);
        assert!(matches!(admit(&gate, 1).await, Err(StoreError::NoRoomYet)));
        assert_eq!(gate.wanted(), 0);
        gate.set_limit(u64::MAX, false);
        assert!(admit(&gate, 1 << 40).await.is_ok());
    }
}
