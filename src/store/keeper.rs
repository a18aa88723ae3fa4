//! What the store does for itself between requests: sealing, training, dropping what is too old.
//!
//! Owns the one background thread of the store, whose turn it is and when it looks again. Knows nothing of what a chore
//! does; each is a function in the module it belongs to. A chore reads and computes here, on a read-only connection, and
//! hands the writer what is to be written, a slice at a time, so that ingest never waits longer than for one slice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::awaited::Awaited;
use super::bodies::Bodies;
use super::dictionaries::{self, Tending};
use super::log_sealer;
use super::readers::open_read_only;
use super::repack::{self, Repacking};
use super::retention::{self, Retention};
use super::room::Gate;
use super::span_sealer;
use super::trouble::{DiskTrouble, disk_trouble};
use super::writer::{WriterHandle, now_ms};
use super::{StoreError, StoreSettings};
use crate::config::{DICTIONARY_LOOK_MS, KEEPER_PAUSE_MS, KEEPER_RETRY_MS, REPACK_LOOK_MS, SEARCH_INDEX_EVERY_MS};
use crate::model::ids::ServerIds;
use crate::model::live::LiveChange;

/// What a chore says when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more of the same to do at once.
    More,
    /// Nothing to do until time has passed or something was written.
    Idle,
}

/// One kind of work, done again and again for as long as the store is open.
pub(super) struct Chore {
    /// For the log.
    pub(super) name: &'static str,
    /// Does a bounded piece of work, of some hundred milliseconds at most, so that the others get their turns and a stop
    /// is not held up.
    pub(super) run: fn(&mut Keeper) -> Result<Progress, StoreError>,
    /// Least time between two looks that found nothing to do, in milliseconds.
    pub(super) every_ms: u64,
}

/// In the order of their turns.
const CHORES: &[Chore] = &[
    Chore { name: "issue search", run: super::issue_search::index_due, every_ms: SEARCH_INDEX_EVERY_MS },
    Chore { name: "dictionaries", run: dictionaries::tend, every_ms: DICTIONARY_LOOK_MS },
    Chore { name: "sealing spans", run: span_sealer::seal, every_ms: 1_000 },
    Chore { name: "forgetting minutes of performance", run: super::perf::forget_minutes, every_ms: 600_000 },
    Chore { name: "merging chunks of spans", run: span_sealer::merge, every_ms: 5_000 },
    Chore { name: "sealing logs", run: log_sealer::seal, every_ms: 1_000 },
    Chore { name: "merging logs", run: log_sealer::merge, every_ms: 10_000 },
    Chore { name: "forgetting deliveries of logs", run: log_sealer::forget_deliveries, every_ms: 3_600_000 },
    Chore { name: "sealing facts", run: super::facts::seal, every_ms: 1_000 },
    Chore { name: "merging facts", run: super::facts::merge, every_ms: 10_000 },
    Chore { name: "facts of events from before", run: super::facts::fill, every_ms: 5_000 },
    Chore { name: "repacking events", run: repack::repack, every_ms: REPACK_LOOK_MS },
    Chore { name: "forgetting totals of metrics", run: super::metric_totals::forget_totals, every_ms: 600_000 },
    super::workflow::WAKE,
    super::workflow::PURGE,
    super::workflow::FORGET,
    retention::CHORE,
];

/// What a chore works with.
pub(super) struct Keeper {
    /// Read-only. Whatever a chore opens on it must be closed when it returns: an open read keeps the log growing.
    pub(super) reader: Connection,
    pub(super) settings: Arc<StoreSettings>,
    pub(super) retention: Retention,
    pub(super) bodies: Bodies,
    pub(super) tending: Tending,
    pub(super) repacking: Repacking,
    pub(super) looking: super::perf::Looking,
    writer: WriterHandle,
    stop: Arc<Stop>,
}

#[derive(Default)]
struct Stop {
    asked: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

/// The running thread.
#[derive(Clone)]
pub(super) struct KeeperHandle {
    stop: Arc<Stop>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

impl Keeper {
    /// One to run chores with by hand.
    #[cfg(test)]
    pub(super) fn of(store: &super::Store, settings: StoreSettings) -> Result<Self, StoreError> {
        let reader = open_read_only(store.path())?;
        Ok(Self {
            reader,
            settings: Arc::new(settings),
            retention: Retention::new(store.path()),
            bodies: store.bodies.clone(),
            tending: Tending::default(),
            repacking: Repacking::default(),
            looking: super::perf::Looking::default(),
            writer: store.writer.clone(),
            stop: Arc::default(),
        })
    }

    /// The clock chores go by, in unix milliseconds.
    #[expect(clippy::unused_self, reason = "chores have one source of everything")]
    pub(super) fn now_ms(&self) -> i64 {
        now_ms()
    }

    /// Whether the store is closing: return soon.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.asked.load(Ordering::Relaxed)
    }

    /// Whether something sent is waiting to be written, or being written, at this moment.
    pub(super) fn is_ingest_busy(&self) -> bool {
        self.writer.has_work()
    }

    /// Runs `write` on the writer thread in a transaction of its own, and returns after its commit. Keep it under
    /// [`crate::config::SLICE_MS`]: requests wait meanwhile.
    pub(super) fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>, &mut ServerIds) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run_chore(write)
    }

    /// As [`Self::write`], and open screens are told what `write` says has changed.
    pub(super) fn write_told<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<(T, LiveChange), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run_told(move |tx, _| write(tx))
    }

    pub(super) fn gate(&self) -> &Gate {
        self.writer.gate()
    }

    pub(super) fn awaited(&self) -> &Awaited {
        self.writer.awaited()
    }

    /// Runs `work` on the writer's connection outside of a transaction, for what cannot be in one. Keep it as short.
    pub(super) fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.with_connection(work)
    }
}

impl KeeperHandle {
    /// `on_panic` is told when the thread ended in one.
    pub(super) fn start(
        path: &std::path::Path,
        settings: Arc<StoreSettings>,
        writer: WriterHandle,
        bodies: Bodies,
        on_panic: impl FnOnce(String) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let stop = Arc::new(Stop::default());
        let mut keeper = Keeper {
            reader: open_read_only(path)?,
            settings,
            retention: Retention::new(path),
            bodies,
            tending: Tending::default(),
            repacking: Repacking::default(),
            looking: super::perf::Looking::default(),
            writer,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("store-keeper".to_string())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| keeper.run(CHORES));
                if std::panic::catch_unwind(run).is_err() {
                    on_panic("the keeper thread panicked".to_string());
                }
            })
            .map_err(|source| StoreError::Open { path: path.to_path_buf(), detail: source.to_string() })?;
        Ok(Self { stop, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// As [`Self::close`], for tests that do the chores themselves.
    #[cfg(test)]
    pub(super) fn close_now(&self) {
        self.stop.asked.store(true, Ordering::Relaxed);
        self.stop.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        thread.into_iter().for_each(|thread| drop(thread.join()));
    }

    /// Lets the running chore finish its piece, then ends the thread. Idempotent.
    pub(super) async fn close(&self) {
        self.stop.asked.store(true, Ordering::Relaxed);
        self.stop.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Trouble that no chore is to blame for, and that all of them have at the same time.
fn is_shared(error: &StoreError) -> bool {
    let is_told = matches!(
        error,
        StoreError::Full
            | StoreError::Held
            | StoreError::NoDescriptors
            | StoreError::Busy
            | StoreError::NoRoomYet
            | StoreError::RoomComesBack
    );
    is_told || matches!(disk_trouble(error), Some(DiskTrouble::Full | DiskTrouble::Held | DiskTrouble::NoDescriptors))
}

/// Which chores are in trouble that they share, so that it is told once when it begins and once when it is over.
#[derive(Default)]
struct SharedTrouble(Vec<&'static str>);

impl SharedTrouble {
    /// After a chore's turn. `Some(true)` when the trouble begins, `Some(false)` when the last chore is out of it.
    fn after(&mut self, chore: &'static str, is_in_trouble: bool) -> Option<bool> {
        let was = !self.0.is_empty();
        self.0.retain(|known| *known != chore);
        if is_in_trouble {
            self.0.push(chore);
        }
        let is = !self.0.is_empty();
        (was != is).then_some(is)
    }
}

impl Keeper {
    fn run(&mut self, chores: &[Chore]) {
        let mut trouble = SharedTrouble::default();
        // When each is due again.
        let mut due: Vec<Instant> = vec![Instant::now(); chores.len()];
        while !self.is_stopping() {
            let mut did_something = false;
            for (chore, due) in chores.iter().zip(&mut due) {
                if self.is_stopping() {
                    return;
                }
                if Instant::now() < *due {
                    continue;
                }
                let result = (chore.run)(self);
                let is_shared = result.as_ref().is_err_and(is_shared);
                match trouble.after(chore.name, is_shared) {
                    Some(true) => {
                        let error = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
                        tracing::warn!(
                            error,
                            "upkeep of the store has to wait (sealing, dropping what is old), trying again"
                        );
                    }
                    Some(false) => tracing::info!("upkeep of the store goes on"),
                    None => {}
                }
                match result {
                    Ok(Progress::More) => did_something = true,
                    Ok(Progress::Idle) => *due = Instant::now() + Duration::from_millis(chore.every_ms),
                    Err(StoreError::Stopping) => return,
                    Err(_) if is_shared => *due = Instant::now() + Duration::from_millis(KEEPER_RETRY_MS),
                    Err(error) => {
                        tracing::warn!(%error, chore = chore.name, "upkeep of the store did not succeed, trying again later");
                        *due = Instant::now() + Duration::from_millis(KEEPER_RETRY_MS);
                    }
                }
            }
            if !did_something {
                self.pause();
            }
        }
    }

    fn pause(&self) {
        let guard = self.stop.lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !self.is_stopping() {
            // Woken early or late makes no difference.
            let _ = self.stop.changed.wait_timeout(guard, Duration::from_millis(KEEPER_PAUSE_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_all_share_is_told_when_it_begins_and_when_it_is_over() {
        let mut trouble = SharedTrouble::default();
        let turns = [
            ("sealing", false, None),
            ("sealing", true, Some(true)),
            ("retention", true, None),
            ("sealing", true, None),
            ("merging", false, None),
            ("retention", false, None),
            ("sealing", false, Some(false)),
            ("retention", false, None),
            ("retention", true, Some(true)),
        ];
        for (chore, is_in_trouble, told) in turns {
            assert_eq!(trouble.after(chore, is_in_trouble), told, "{chore}");
        }
        assert!(is_shared(&StoreError::Full) && is_shared(&StoreError::Held));
        assert!(!is_shared(&StoreError::BadBody("x".to_string())));
    }
}
