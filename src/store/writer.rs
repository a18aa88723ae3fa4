//! The writer: one thread, one connection, one transaction for everything that waits.
//!
//! Owns the group commit, the queue in front of it, the checkpoints and what happens when the disk fails. Knows
//! nothing of what the rows mean.

use std::ffi::c_int;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub(super) use crate::clock::now_ms;
use crate::config::{
    ADMISSION_WAIT_MS, COMMIT_BYTES_MAX, COMMIT_REQUESTS_MAX, Durability, PAGE_BYTES, READ_TIMEOUT_MS,
    WAL_RESTART_EVERY_MS, WAL_RESTART_WAIT_MS, WRITE_QUEUE_BYTES_MAX, WRITE_QUEUE_LENGTH_MAX,
};
use crate::model::ids::{IssueId, ServerIds};
use crate::model::live::LiveChange;

use super::awaited::Awaited;
use super::blobs::{insert_blob, insert_piece};
use super::check_ins::{finish_notice, insert_check_in, tick};
use super::client_reports::insert_client_report;
use super::drops::DropDeltas;
use super::events::insert_event;
use super::facts::FactDeltas;
use super::feedback::insert_feedback;
use super::issues::IssueDeltas;
use super::linger::Linger;
use super::logs::insert_logs;
use super::metrics::insert_metrics;
use super::outcomes::OutcomeDeltas;
use super::project_changes::change_project;
use super::readers::MakeWay;
use super::releases::ReleaseDeltas;
use super::rescue::write_one_by_one;
use super::room::{Gate, Pass, Sizes};
use super::sessions::insert_sessions;
use super::traces::insert_spans;
use super::trouble::{DiskTrouble, WriterHealth, WriterState, disk_trouble, has_free, has_room, last_words};
use super::watch::Watch;
use super::workflow::DiscardDeltas;
use super::write::{Appended, Write};
use super::{StoreError, perf, trouble};

/// The first SQLite without the WAL-reset corruption bug; 3.52.0 was withdrawn.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long the writer waits for work before it uses the quiet to checkpoint.
const IDLE: Duration = Duration::from_secs(1);

/// Longer than any reader of our own may take.
const LOG_HELD: Duration = Duration::from_millis(READ_TIMEOUT_MS + 1_000);

/// A permit of the queue's semaphore stands for this many bytes; every request takes at least as many as make the
/// queue full at [`WRITE_QUEUE_LENGTH_MAX`] requests, so that one semaphore bounds both.
const PERMIT_BYTES: usize = 1024;
const PERMITS: usize = WRITE_QUEUE_BYTES_MAX / PERMIT_BYTES;
const PERMITS_PER_REQUEST_MIN: usize = PERMITS / WRITE_QUEUE_LENGTH_MAX;

/// A request's rows.
struct Job {
    writes: Vec<Write>,
    weight: usize,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
    /// Room in the queue and in the file, given back when the job is done.
    _room: OwnedSemaphorePermit,
    _pass: Pass,
}

/// Work of the store's own, done between two group commits; tells its asker itself, and screens what it changed. An error is
/// one the writer may not survive.
type ChoreJob = Box<dyn FnOnce(&mut Connection, &mut ServerIds) -> Result<LiveChange, StoreError> + Send>;

enum Work {
    Append(Job),
    Chore(ChoreJob),
}

#[derive(Clone)]
pub(super) struct WriterHandle {
    jobs: Arc<Mutex<Option<Sender<Work>>>>,
    room: Arc<Semaphore>,
    gate: Arc<Gate>,
    awaited: Awaited,
    health: Arc<WriterHealth>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

/// A connection fit for writing: WAL, every commit synced unless `durability` says otherwise.
pub(super) fn open_connection(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::SqliteTooOld(rusqlite::version().to_string()));
    }
    let failed = |error: rusqlite::Error| trouble::at_start(error.into(), path);
    let connection = Connection::open(path).map_err(failed)?;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).map_err(failed)?;
    if pages == 0 {
        // Decided before the first table. A file there is stays as it is: one that is refused must not be written at all.
        connection
            .execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL;"))
            .map_err(failed)?;
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA busy_timeout = 5000;
             PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA cache_size = -32768;",
        )
        .map_err(failed)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Tables whose ids come from [`ServerIds`].
pub(super) const ID_TABLES: [&str; 9] =
    ["event", "blob", "attachment", "log_batch", "metric_batch", "feedback", "check_in", "fact_batch", "fact_chunk"];

pub(super) fn last_id_sql(table: &str) -> String {
    format!("SELECT coalesce(max(id), 0) FROM {table}")
}

/// The newest id given to a row, so that ids go on growing after a start.
pub(super) fn last_server_id(connection: &Connection) -> Result<i64, StoreError> {
    let mut last = 0;
    for table in ID_TABLES {
        last = last.max(connection.query_row(&last_id_sql(table), [], |row| row.get(0))?);
    }
    // Batches that are sealed keep their ids there.
    for sql in [
        "SELECT coalesce(max(last_batch_id), 0) FROM log_chunk",
        "SELECT coalesce(max(last_batch_id), 0) FROM fact_chunk",
    ] {
        last = last.max(connection.query_row(sql, [], |row| row.get(0))?);
    }
    Ok(last)
}

impl WriterHandle {
    pub(super) fn start(
        mut connection: Connection,
        path: &Path,
        lock: File,
        sizes: Sizes,
        make_way: MakeWay,
        on_change: Box<dyn Fn(LiveChange) + Send>,
        on_death: impl FnOnce(String) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let last_id = last_server_id(&connection)?;
        let wal_pages = Arc::new(AtomicU64::new(0));
        let seen = wal_pages.clone();
        connection.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            seen.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        connection.pragma_update(None, "journal_size_limit", sizes.wal_kept as i64)?;
        let (jobs, queue) = mpsc::channel();
        let gate = Arc::new(Gate::default());
        let mut wal_path = path.as_os_str().to_owned();
        wal_path.push("-wal");
        let health = Arc::new(WriterHealth::default());
        let database = path.to_path_buf();
        let mut writer = Writer {
            health: health.clone(),
            sizes,
            gate: gate.clone(),
            turned_away: 0,
            looked_for_room: Instant::now(),
            page_bytes: connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.max(512) as u64,
            connection,
            wal_pages,
            ids: ServerIds::after(last_id),
            linger: Linger::new(Instant::now()),
            wal_path: PathBuf::from(wal_path),
            watch: Watch::new(path),
            make_way,
            checkpoint_from_bytes: 0,
            log_held_since: None,
            restart_from: Instant::now(),
            on_change,
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_string())
            .spawn(move || {
                // A panic here would otherwise leave a server that answers and stores nothing.
                match std::panic::catch_unwind(AssertUnwindSafe(|| writer.run(&queue))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => on_death(last_words(&error, &database)),
                    Err(_) => on_death("the writer thread panicked".to_string()),
                }
            })
            .map_err(|source| StoreError::Open { path: path.to_path_buf(), detail: source.to_string() })?;
        Ok(Self {
            jobs: Arc::new(Mutex::new(Some(jobs))),
            room: Arc::new(Semaphore::new(PERMITS)),
            gate,
            awaited: Awaited::default(),
            health,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    pub(super) fn state(&self) -> WriterState {
        self.health.state(self.room.available_permits() >= PERMITS_PER_REQUEST_MIN)
    }

    /// The start has found the disk full already.
    pub(super) fn begin_full(&self) {
        self.health.set_full(true);
    }

    /// Whether any request's rows are queued or in the making.
    pub(super) fn has_work(&self) -> bool {
        self.room.available_permits() < PERMITS
    }

    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Whose chunks are on their way.
    pub(super) fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    pub(super) async fn append(&self, writes: Vec<Write>) -> Result<Appended, StoreError> {
        if writes.is_empty() {
            return Ok(Appended::default());
        }
        let weight: usize = writes.iter().map(Write::weight).sum();
        let pass = self.gate.admit(weight).await?;
        let permits = weight.div_ceil(PERMIT_BYTES).clamp(PERMITS_PER_REQUEST_MIN, PERMITS);
        let waiting = self.room.clone().acquire_many_owned(permits as u32);
        let room = match tokio::time::timeout(Duration::from_millis(ADMISSION_WAIT_MS), waiting).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) => return Err(StoreError::Stopping),
            Err(_) => return Err(StoreError::Busy),
        };
        let (answer, answered) = oneshot::channel();
        let job = Job { writes, weight, answer, _room: room, _pass: pass };
        let sent = match &*self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(jobs) => jobs.send(Work::Append(job)).is_ok(),
            None => false,
        };
        if !sent {
            return Err(StoreError::Stopping);
        }
        answered.await.unwrap_or(Err(StoreError::Stopping))
    }

    /// Runs `write` in a transaction of its own, between two group commits, and waits for its commit.
    pub(super) fn run_chore<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>, &mut ServerIds) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run_told(|tx, ids| Ok((write(tx, ids)?, LiveChange::default())))
    }

    /// As [`Self::run_chore`], and open screens are told what `write` says has changed.
    pub(super) fn run_told<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Transaction<'_>, &mut ServerIds) -> Result<(T, LiveChange), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(move |connection, ids| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = write(&tx, ids)?;
            tx.commit()?;
            Ok(done)
        })
    }

    /// Runs `work` on the connection, between two group commits.
    pub(super) fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(move |connection, _| Ok((work(connection)?, LiveChange::default())))
    }

    /// Must not be called on an async thread: it waits.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &mut ServerIds) -> Result<(T, LiveChange), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let chore: ChoreJob = Box::new(move |connection, ids| {
            let (result, change) = match work(connection, ids) {
                Ok((done, change)) => (Ok(done), change),
                Err(error) => (Err(error), LiveChange::default()),
            };
            let fatal = match &result {
                Err(error) if disk_trouble(error) == Some(DiskTrouble::Broken) => Err(trouble::copy_of(error)),
                _ => Ok(change),
            };
            let _ = answer.send(result.map_err(|error| match disk_trouble(&error) {
                Some(DiskTrouble::Full) => StoreError::Full,
                _ => error,
            }));
            fatal
        });
        let sent = match &*self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(jobs) => jobs.send(Work::Chore(chore)).is_ok(),
            None => false,
        };
        if !sent {
            return Err(StoreError::Stopping);
        }
        answered.recv().unwrap_or(Err(StoreError::Stopping))
    }

    pub(super) async fn close(&self) {
        // Dropping the sender lets the thread finish the queue and end.
        self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let thread = self.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(thread) = thread {
            // A panic of the thread was dealt with inside it; a panic of the join task cannot happen.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

struct Writer {
    connection: Connection,
    page_bytes: u64,
    /// Pages in the write-ahead log after the last commit, as SQLite's hook reports them.
    wal_pages: Arc<AtomicU64>,
    ids: ServerIds,
    linger: Linger,
    wal_path: PathBuf,
    watch: Watch,
    make_way: MakeWay,
    /// Size of the log before which another checkpoint would only find the reader that held up the last one.
    checkpoint_from_bytes: u64,
    /// Since when checkpoints have left the log too long.
    log_held_since: Option<Instant>,
    restart_from: Instant,
    sizes: Sizes,
    gate: Arc<Gate>,
    health: Arc<WriterHealth>,
    /// Requests turned away since the disk was found full.
    turned_away: u64,
    looked_for_room: Instant,
    on_change: Box<dyn Fn(LiveChange) + Send>,
    /// Keeps other processes out of the data directory.
    _lock: File,
}

/// State of one transaction: what is derived from its rows, applied once at its end.
pub(super) struct Batch<'a> {
    pub(super) ids: &'a mut ServerIds,
    pub(super) now_ms: i64,
    pub(super) issues: IssueDeltas,
    pub(super) outcomes: OutcomeDeltas,
    pub(super) releases: ReleaseDeltas,
    pub(super) facts: FactDeltas,
    pub(super) discards: DiscardDeltas,
    pub(super) traces: u64,
    pub(super) logs: u64,
    pub(super) metrics: u64,
    pub(super) feedback: u64,
    /// Environments of monitors that changed.
    pub(super) monitors: u64,
    /// Issues that changed without an event.
    pub(super) changed_issues: Vec<IssueId>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(ids: &'a mut ServerIds) -> Self {
        Self {
            ids,
            now_ms: now_ms(),
            issues: IssueDeltas::default(),
            outcomes: OutcomeDeltas::default(),
            releases: ReleaseDeltas::default(),
            facts: FactDeltas::default(),
            discards: DiscardDeltas::default(),
            traces: 0,
            logs: 0,
            metrics: 0,
            feedback: 0,
            monitors: 0,
            changed_issues: Vec::new(),
        }
    }

    fn touched_issues(&self) -> Vec<IssueId> {
        let mut ids = self.issues.ids();
        ids.extend(self.changed_issues.iter().filter(|id| !ids.contains(id)).copied().collect::<Vec<_>>());
        ids
    }
}

/// What goes into the next commit, and the chore that comes after it.
struct Gathered {
    jobs: Vec<Job>,
    weight: usize,
    weight_max: usize,
    chore: Option<ChoreJob>,
}

impl Gathered {
    /// Takes what waits, up to what one commit may hold; how many requests that were.
    fn take_waiting(&mut self, queue: &Receiver<Work>) -> usize {
        let before = self.jobs.len();
        while self.jobs.len() < COMMIT_REQUESTS_MAX && self.weight < self.weight_max && self.chore.is_none() {
            match queue.try_recv() {
                Ok(Work::Append(job)) => {
                    self.weight += job.weight;
                    self.jobs.push(job);
                }
                Ok(Work::Chore(chore)) => self.chore = Some(chore),
                Err(_) => break,
            }
        }
        self.jobs.len() - before
    }
}

impl Writer {
    /// Until the last sender is gone. An error means that storing has become impossible.
    fn run(&mut self, queue: &Receiver<Work>) -> Result<(), StoreError> {
        loop {
            self.health.rest();
            let work = queue.recv_timeout(IDLE);
            self.health.begin();
            // Whoever waits is told that nothing is stored.
            self.watch.look()?;
            let first = match work {
                Ok(Work::Append(job)) => job,
                Ok(Work::Chore(chore)) => {
                    self.do_chore(chore)?;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.checkpoint_when_idle()?;
                    self.look_for_room();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut gathered =
                Gathered { weight: first.weight, weight_max: self.sizes.commit, jobs: vec![first], chore: None };
            gathered.take_waiting(queue);
            for _ in 0..self.linger.steps() {
                std::thread::sleep(Linger::STEP);
                if gathered.take_waiting(queue) == 0 {
                    break;
                }
            }
            self.linger.count(gathered.jobs.len(), Instant::now());
            self.commit_jobs(gathered.jobs)?;
            self.checkpoint_when_large()?;
            self.look_for_room();
            if let Some(chore) = gathered.chore {
                self.do_chore(chore)?;
            }
        }
        self.checkpoint("TRUNCATE")
    }

    fn do_chore(&mut self, chore: ChoreJob) -> Result<(), StoreError> {
        let change = chore(&mut self.connection, &mut self.ids)?;
        if change != LiveChange::default() {
            (self.on_change)(change);
        }
        self.checkpoint_when_large()
    }

    /// One transaction for all; when it fails, one for each, row by row, so that a single bad row takes nothing along.
    fn commit_jobs(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let writes: Vec<&[Write]> = jobs.iter().map(|job| job.writes.as_slice()).collect();
        let together = self.commit(&writes);
        drop(writes);
        match together {
            Ok(answers) => {
                for (job, answer) in jobs.into_iter().zip(answers) {
                    // The client may be gone; what it sent is stored all the same.
                    let _ = job.answer.send(Ok(answer));
                }
                Ok(())
            }
            Err(error) if disk_trouble(&error).is_some() => self.answer_all(jobs, error),
            Err(error) => {
                tracing::warn!(%error, requests = jobs.len(), "commit failed, trying each row alone");
                let mut jobs = jobs.into_iter();
                while let Some(job) = jobs.next() {
                    match self.commit_one_by_one(&job.writes) {
                        Ok(answer) => {
                            let _ = job.answer.send(answer);
                        }
                        Err(error) if disk_trouble(&error).is_some() => {
                            return self.answer_all(std::iter::once(job).chain(jobs).collect(), error);
                        }
                        Err(error) => self.answer_all(vec![job], error)?,
                    }
                }
                Ok(())
            }
        }
    }

    /// The way out of trouble. The outer error is one of the transaction, the inner one of rows left out of it.
    fn commit_one_by_one(&mut self, writes: &[Write]) -> Result<Result<Appended, StoreError>, StoreError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rescued = write_one_by_one(&tx, &mut self.ids, writes)?;
        tx.commit()?;
        rescued.changes.into_iter().filter(|change| *change != LiveChange::default()).for_each(&self.on_change);
        Ok(match rescued.failure {
            None => Ok(rescued.appended),
            Some(StoreError::Sqlite(error)) => Err(StoreError::NotStored(error.to_string())),
            Some(error) => Err(error),
        })
    }

    fn commit(&mut self, jobs: &[&[Write]]) -> Result<Vec<Appended>, StoreError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (answers, change) = write_rows(&tx, &mut self.ids, jobs)?;
        tx.commit()?;
        if change != LiveChange::default() {
            (self.on_change)(change);
        }
        Ok(answers)
    }

    fn wal_bytes(&self) -> u64 {
        std::fs::metadata(&self.wal_path).map_or(0, |metadata| metadata.len())
    }

    /// The file's length does not tell: a finished checkpoint leaves it as long as it was, and the log starts again
    /// from its beginning.
    fn checkpoint_when_large(&mut self) -> Result<(), StoreError> {
        let bytes = self.wal_pages.load(Ordering::Relaxed) * self.page_bytes;
        self.tell_used();
        if bytes < self.sizes.wal_checkpoint {
            self.checkpoint_from_bytes = 0;
            self.make_way.ask(false);
            self.tell_log_held(None);
        } else if bytes >= self.sizes.wal_restart {
            self.make_way.ask(true);
            if Instant::now() >= self.restart_from {
                self.checkpoint("RESTART")?;
                let left = self.wal_pages.load(Ordering::Relaxed) * self.page_bytes;
                self.tell_log_held(Some(left).filter(|left| *left >= self.sizes.wal_restart));
                self.restart_from = Instant::now() + Duration::from_millis(WAL_RESTART_EVERY_MS);
            }
        } else if bytes >= self.checkpoint_from_bytes {
            self.checkpoint("PASSIVE")?;
            self.checkpoint_from_bytes = bytes + self.sizes.wal_step;
        }
        Ok(())
    }

    /// Our own readers are cut after seconds: a log that stays long after that is held by somebody else, and only people
    /// can end that.
    fn tell_log_held(&mut self, bytes: Option<u64>) {
        let Some(bytes) = bytes else {
            self.log_held_since = None;
            if self.health.set_log_held(false) {
                tracing::info!("the write-ahead log can be emptied again");
            }
            return;
        };
        let since = *self.log_held_since.get_or_insert_with(Instant::now);
        if since.elapsed() > LOG_HELD && self.health.set_log_held(true) {
            tracing::warn!(
                bytes,
                path = %self.wal_path.display(),
                "the write-ahead log grows and cannot be emptied, also beyond max_size: another program has been reading the \
                 database for long (sqlite3, a backup or an export under way); end it, or wait for it"
            );
        }
    }

    fn tell_used(&self) {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            self.connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))
        };
        // What cannot be read says nothing; the next commit will.
        if let (Ok(pages), Ok(free)) = (number("PRAGMA page_count"), number("PRAGMA freelist_count")) {
            self.gate.set_used(u64::try_from(pages - free).unwrap_or(0) * self.page_bytes);
        }
    }

    fn checkpoint_when_idle(&mut self) -> Result<(), StoreError> {
        if self.wal_bytes() > 0 {
            self.checkpoint("TRUNCATE")?;
            if self.wal_pages.load(Ordering::Relaxed) == 0 {
                self.tell_log_held(None);
            }
        }
        Ok(())
    }

    /// Finding no room or a reader in the way is not fatal: the log is complete without it, and the next one tries again.
    /// A disk that failed is: a second fsync may report success for what the first one lost.
    fn checkpoint(&self, mode: &str) -> Result<(), StoreError> {
        // Readers are cut at 5 s; a writer that waited for them would hold up ingest instead.
        let _ = self.connection.busy_timeout(Duration::from_millis(WAL_RESTART_WAIT_MS));
        let result: rusqlite::Result<bool> =
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0));
        let _ = self.connection.busy_timeout(Duration::from_secs(5));
        let error = match result {
            Ok(false) if mode != "PASSIVE" => {
                // The log begins anew, and no commit may come to notice it.
                self.wal_pages.store(0, Ordering::Relaxed);
                self.make_way.ask(false);
                return Ok(());
            }
            Ok(_) => return Ok(()),
            Err(error) => StoreError::from(error),
        };
        if disk_trouble(&error) == Some(DiskTrouble::Broken) {
            return Err(error);
        }
        tracing::debug!(%error, mode, "checkpoint did not finish");
        Ok(())
    }

    /// While the disk is full, a file the size of a whole commit tells whether there is room again. What is small may be
    /// stored long before, and a balancer that heeds the health check would never send what finds out.
    fn look_for_room(&mut self) {
        if self.health.is_full() && self.looked_for_room.elapsed() >= IDLE {
            self.looked_for_room = Instant::now();
            if has_room(&self.wal_path.with_extension("room"), COMMIT_BYTES_MAX) {
                self.health.set_full(false);
                let requests = std::mem::take(&mut self.turned_away);
                tracing::info!(
                    requests_turned_away = requests,
                    "the disk has room again, what is sent is stored again"
                );
            }
        }
    }

    /// Whether the file has been bounded by the cap. While the disk was full it was bounded by that, and is for some seconds
    /// after.
    fn is_bounded_by_cap(&self) -> bool {
        let pages = self.connection.query_row("PRAGMA max_page_count", [], |row| row.get::<_, i64>(0));
        let bound = pages.map_or(u64::MAX, |pages| pages.unsigned_abs().saturating_mul(self.page_bytes));
        bound.saturating_add(self.page_bytes) >= self.sizes.file()
    }

    /// Tells every waiter, and decides whether the writer may go on.
    fn answer_all(&mut self, jobs: Vec<Job>, error: StoreError) -> Result<(), StoreError> {
        let trouble = disk_trouble(&error);
        let text = error.to_string();
        let requests = jobs.len();
        // The file has grown to its part of the cap: no trouble of the disk's, and over when retention has caught up.
        let is_cap = trouble == Some(DiskTrouble::Full) && self.gate.is_capped() && has_free(&self.wal_path);
        match trouble {
            Some(DiskTrouble::Full) if is_cap => tracing::debug!(requests, "the file may not grow yet"),
            // Once: the log may be on the same disk.
            Some(DiskTrouble::Full) => {
                self.turned_away += requests as u64;
                self.looked_for_room = Instant::now();
                if self.health.set_full(true) {
                    tracing::error!(error = %text, "the disk is full: nothing is stored until there is room, senders are told 503");
                }
            }
            Some(DiskTrouble::Held) => {
                tracing::error!(error = %text, requests, "another program holds the database, senders are told 503");
            }
            Some(DiskTrouble::NoDescriptors) => tracing::error!(
                error = %text, requests,
                "no more files can be opened, senders are told 503: there are too many connections for the limit of open \
                 files (ulimit -n, LimitNOFILE)"
            ),
            _ => tracing::error!(error = %text, requests, "nothing of these requests was stored"),
        }
        for job in jobs {
            let answer = match trouble {
                Some(DiskTrouble::Full) if is_cap && self.is_bounded_by_cap() => StoreError::NoRoomYet,
                Some(DiskTrouble::Full) if is_cap => StoreError::RoomComesBack,
                Some(DiskTrouble::Full) => StoreError::Full,
                Some(DiskTrouble::Held) => StoreError::Held,
                Some(DiskTrouble::NoDescriptors) => StoreError::NoDescriptors,
                _ => StoreError::NotStored(text.clone()),
            };
            let _ = job.answer.send(Err(answer));
        }
        match trouble {
            Some(DiskTrouble::Broken) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The rows of all `jobs` and what is derived from them, within `tx`.
pub(super) fn write_rows(
    tx: &Transaction<'_>,
    ids: &mut ServerIds,
    jobs: &[&[Write]],
) -> Result<(Vec<Appended>, LiveChange), StoreError> {
    let mut batch = Batch::new(ids);
    let mut drops = DropDeltas::default();
    let mut answers = Vec::with_capacity(jobs.len());
    for writes in jobs {
        let mut appended = Appended::default();
        for write in *writes {
            match write {
                Write::Event(event) => appended.events.push(insert_event(tx, event, &mut batch)?),
                Write::Feedback(feedback) => insert_feedback(tx, feedback, &mut batch)?,
                Write::Spans(spans) => insert_spans(tx, spans, &mut batch)?,
                Write::Sessions(sessions) => insert_sessions(tx, sessions, &mut batch)?,
                Write::ClientReport(report) => insert_client_report(tx, report, &mut batch)?,
                Write::Releases(seen) => {
                    seen.iter().for_each(|seen| batch.releases.see(seen.key.clone(), seen.first_ms, seen.last_ms));
                }
                Write::Blob(blob) => insert_blob(tx, blob, &mut batch)?,
                Write::BlobPiece(piece) => insert_piece(tx, piece, &mut batch)?,
                Write::Dropped(drop) => {
                    let (at, reason) = (drop.received_ms, drop.reason);
                    batch.outcomes.add(drop.project_id, at, &drop.category, reason, drop.quantity);
                    drops.add_drop(drop);
                }
                Write::KeyUse(key_use) => drops.add_use(key_use),
                Write::Project(change) => appended.changed = Some(change_project(tx, change)?),
                Write::Logs(logs) => insert_logs(tx, logs, &mut batch)?,
                Write::Metrics(metrics) => insert_metrics(tx, metrics, &mut batch)?,
                Write::CheckIn(check_in) => {
                    appended.check_ins.push(insert_check_in(tx, check_in, &mut batch)?);
                }
                Write::MonitorTick(look) => tick(tx, look, &mut batch)?,
                Write::NoticeTold(told) => finish_notice(tx, told, &mut batch)?,
                Write::FindingTold(told) => perf::forget_finding(tx, told.event_id)?,
                Write::Outcome(outcome) => batch.outcomes.add(
                    outcome.project_id,
                    outcome.received_ms,
                    &outcome.category,
                    outcome.reason,
                    outcome.quantity,
                ),
            }
        }
        answers.push(appended);
    }
    let change = LiveChange {
        issues: batch.touched_issues(),
        traces: batch.traces,
        logs: batch.logs,
        metrics: batch.metrics,
        feedback: batch.feedback,
        monitors: batch.monitors,
    };
    batch.issues.apply(tx, batch.now_ms)?;
    batch.discards.apply(tx)?;
    batch.outcomes.apply(tx)?;
    batch.releases.apply(tx)?;
    batch.facts.apply(tx, batch.ids, batch.now_ms)?;
    drops.apply(tx)?;
    Ok((answers, change))
}
