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
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::config::{
    ADMISSION_WAIT_MS, COMMIT_BYTES_MAX, COMMIT_REQUESTS_MAX, Durability, WAL_CHECKPOINT_BYTES, WAL_RESTART_BYTES,
    WRITE_QUEUE_BYTES_MAX, WRITE_QUEUE_LENGTH_MAX,
};
use crate::model::ids::{IssueId, ServerIds};
use crate::model::live::LiveChange;

use super::StoreError;
use super::blobs::{insert_blob, insert_piece};
use super::check_ins::{finish_notice, insert_check_in, tick};
use super::client_reports::insert_client_report;
use super::drops::DropDeltas;
use super::events::insert_event;
use super::feedback::insert_feedback;
use super::issues::IssueDeltas;
use super::logs::insert_logs;
use super::metrics::insert_metrics;
use super::outcomes::OutcomeDeltas;
use super::project_changes::change_project;
use super::releases::ReleaseDeltas;
use super::sessions::insert_sessions;
use super::traces::insert_spans;
use super::write::{Appended, Write};

/// The first SQLite without the WAL-reset corruption bug; 3.52.0 was withdrawn.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long the writer waits for work before it uses the quiet to checkpoint.
const IDLE: Duration = Duration::from_secs(1);

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
    /// Room in the queue, given back when the job is done.
    _room: OwnedSemaphorePermit,
}

/// Work of the store's own, done between two group commits; tells its asker itself. An error is one the writer may not
/// survive.
type ChoreJob = Box<dyn FnOnce(&mut Connection, &mut ServerIds) -> Result<(), StoreError> + Send>;

enum Work {
    Append(Job),
    Chore(ChoreJob),
}

#[derive(Clone)]
pub(super) struct WriterHandle {
    jobs: Arc<Mutex<Option<Sender<Work>>>>,
    room: Arc<Semaphore>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

/// A connection fit for writing: WAL, every commit synced unless `durability` says otherwise.
pub(super) fn open_connection(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::SqliteTooOld(rusqlite::version().to_string()));
    }
    let failed = |error: rusqlite::Error| StoreError::Open { path: path.to_path_buf(), detail: error.to_string() };
    let connection = Connection::open(path).map_err(failed)?;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).map_err(failed)?;
    if pages == 0 {
        // Of a new file alone: on any other it would write, and one of a newer version is left as it is.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
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

/// The newest id given to a row, so that ids go on growing after a start.
fn last_server_id(connection: &Connection) -> Result<i64, StoreError> {
    let mut last = 0;
    for table in ["event", "blob", "attachment", "log_batch", "metric_batch", "feedback", "check_in"] {
        let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
        last = last.max(connection.query_row(&sql, [], |row| row.get(0))?);
    }
    // Batches that are sealed keep their ids there.
    let sql = "SELECT coalesce(max(last_batch_id), 0) FROM log_chunk";
    last = last.max(connection.query_row(sql, [], |row| row.get(0))?);
    Ok(last)
}

impl WriterHandle {
    pub(super) fn start(
        mut connection: Connection,
        path: &Path,
        lock: File,
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
        let (jobs, queue) = mpsc::channel();
        let mut wal_path = path.as_os_str().to_owned();
        wal_path.push("-wal");
        let mut writer = Writer {
            page_bytes: connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.max(512) as u64,
            connection,
            wal_pages,
            ids: ServerIds::after(last_id),
            wal_path: PathBuf::from(wal_path),
            on_change,
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_string())
            .spawn(move || {
                // A panic here would otherwise leave a server that answers and stores nothing.
                match std::panic::catch_unwind(AssertUnwindSafe(|| writer.run(&queue))) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => on_death(error.to_string()),
                    Err(_) => on_death("the writer thread panicked".to_string()),
                }
            })
            .map_err(|source| StoreError::Open { path: path.to_path_buf(), detail: source.to_string() })?;
        Ok(Self {
            jobs: Arc::new(Mutex::new(Some(jobs))),
            room: Arc::new(Semaphore::new(PERMITS)),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    pub(super) async fn append(&self, writes: Vec<Write>) -> Result<Appended, StoreError> {
        if writes.is_empty() {
            return Ok(Appended::default());
        }
        let weight: usize = writes.iter().map(Write::weight).sum();
        let permits = weight.div_ceil(PERMIT_BYTES).clamp(PERMITS_PER_REQUEST_MIN, PERMITS);
        let waiting = self.room.clone().acquire_many_owned(permits as u32);
        let room = match tokio::time::timeout(Duration::from_millis(ADMISSION_WAIT_MS), waiting).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) => return Err(StoreError::Stopping),
            Err(_) => return Err(StoreError::Busy),
        };
        let (answer, answered) = oneshot::channel();
        let job = Job { writes, weight, answer, _room: room };
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
        self.ask(move |connection, _| work(connection))
    }

    /// Must not be called on an async thread: it waits.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &mut ServerIds) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let chore: ChoreJob = Box::new(move |connection, ids| {
            let result = work(connection, ids);
            let fatal = match &result {
                Err(error) if disk_trouble(error) == Some(DiskTrouble::Broken) => {
                    Err(StoreError::NotStored(error.to_string()))
                }
                _ => Ok(()),
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
    wal_path: PathBuf,
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
    pub(super) traces: u64,
    pub(super) logs: u64,
    pub(super) metrics: u64,
    pub(super) feedback: u64,
    /// Environments of monitors that changed.
    pub(super) monitors: u64,
    /// Issues that changed without an event.
    pub(super) changed_issues: Vec<IssueId>,
}

impl Batch<'_> {
    fn touched_issues(&self) -> Vec<IssueId> {
        let mut ids = self.issues.ids();
        ids.extend(self.changed_issues.iter().filter(|id| !ids.contains(id)).copied().collect::<Vec<_>>());
        ids
    }
}

impl Writer {
    /// Until the last sender is gone. An error means that storing has become impossible.
    fn run(&mut self, queue: &Receiver<Work>) -> Result<(), StoreError> {
        loop {
            let first = match queue.recv_timeout(IDLE) {
                Ok(Work::Append(job)) => job,
                Ok(Work::Chore(chore)) => {
                    self.do_chore(chore)?;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.checkpoint_when_idle();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut weight = first.weight;
            let mut jobs = vec![first];
            let mut chore = None;
            while jobs.len() < COMMIT_REQUESTS_MAX && weight < COMMIT_BYTES_MAX && chore.is_none() {
                match queue.try_recv() {
                    Ok(Work::Append(job)) => {
                        weight += job.weight;
                        jobs.push(job);
                    }
                    Ok(Work::Chore(next)) => chore = Some(next),
                    Err(_) => break,
                }
            }
            self.commit_jobs(jobs)?;
            self.checkpoint_when_large();
            if let Some(chore) = chore {
                self.do_chore(chore)?;
            }
        }
        self.checkpoint("TRUNCATE");
        Ok(())
    }

    fn do_chore(&mut self, chore: ChoreJob) -> Result<(), StoreError> {
        chore(&mut self.connection, &mut self.ids)?;
        self.checkpoint_when_large();
        Ok(())
    }

    /// One transaction for all; when it fails, one for each, so that a single bad row cannot take the others along.
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
            Err(error) if jobs.len() == 1 || disk_trouble(&error).is_some() => answer_all(jobs, error),
            Err(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "commit failed, trying each request alone");
                for job in jobs {
                    match self.commit(&[&job.writes]) {
                        Ok(mut answers) => {
                            let _ = job.answer.send(Ok(answers.pop().unwrap_or_default()));
                        }
                        Err(error) => answer_all(vec![job], error)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn commit(&mut self, jobs: &[&[Write]]) -> Result<Vec<Appended>, StoreError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch {
            ids: &mut self.ids,
            now_ms: now_ms(),
            issues: IssueDeltas::default(),
            outcomes: OutcomeDeltas::default(),
            releases: ReleaseDeltas::default(),
            traces: 0,
            logs: 0,
            metrics: 0,
            feedback: 0,
            monitors: 0,
            changed_issues: Vec::new(),
        };
        let mut drops = DropDeltas::default();
        let mut answers = Vec::with_capacity(jobs.len());
        for writes in jobs {
            let mut appended = Appended::default();
            for write in *writes {
                match write {
                    Write::Event(event) => appended.events.push(insert_event(&tx, event, &mut batch)?),
                    Write::Feedback(feedback) => insert_feedback(&tx, feedback, &mut batch)?,
                    Write::Spans(spans) => insert_spans(&tx, spans, &mut batch)?,
                    Write::Sessions(sessions) => insert_sessions(&tx, sessions, &mut batch)?,
                    Write::ClientReport(report) => insert_client_report(&tx, report, &mut batch)?,
                    Write::Releases(seen) => {
                        seen.iter().for_each(|seen| batch.releases.see(seen.key.clone(), seen.first_ms, seen.last_ms));
                    }
                    Write::Blob(blob) => insert_blob(&tx, blob, &mut batch)?,
                    Write::BlobPiece(piece) => insert_piece(&tx, piece, &mut batch)?,
                    Write::Dropped(drop) => {
                        let (at, reason) = (drop.received_ms, drop.reason);
                        batch.outcomes.add(drop.project_id, at, &drop.category, reason, drop.quantity);
                        drops.add_drop(drop);
                    }
                    Write::KeyUse(key_use) => drops.add_use(key_use),
                    Write::Project(change) => appended.changed = Some(change_project(&tx, change)?),
                    Write::Logs(logs) => insert_logs(&tx, logs, &mut batch)?,
                    Write::Metrics(metrics) => insert_metrics(&tx, metrics, &mut batch)?,
                    Write::CheckIn(check_in) => {
                        appended.check_ins.push(insert_check_in(&tx, check_in, &mut batch)?);
                    }
                    Write::MonitorTick(look) => tick(&tx, look, &mut batch)?,
                    Write::NoticeTold(told) => finish_notice(&tx, told, &mut batch)?,
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
        batch.issues.apply(&tx)?;
        batch.outcomes.apply(&tx)?;
        batch.releases.apply(&tx)?;
        drops.apply(&tx)?;
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
    fn checkpoint_when_large(&self) {
        let bytes = self.wal_pages.load(Ordering::Relaxed) * self.page_bytes;
        if bytes >= WAL_RESTART_BYTES {
            self.checkpoint("RESTART");
        } else if bytes >= WAL_CHECKPOINT_BYTES {
            self.checkpoint("PASSIVE");
        }
    }

    fn checkpoint_when_idle(&self) {
        if self.wal_bytes() > 0 {
            self.checkpoint("TRUNCATE");
        }
    }

    /// Failing is not fatal: the log is complete without it, and the next one tries again.
    fn checkpoint(&self, mode: &str) {
        // Readers are cut at 5 s; a writer that waited for them would hold up ingest instead.
        let _ = self.connection.busy_timeout(Duration::from_millis(50));
        let result: rusqlite::Result<i64> =
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0));
        let _ = self.connection.busy_timeout(Duration::from_secs(5));
        if let Err(error) = result {
            tracing::debug!(%error, mode, "checkpoint did not finish");
        }
    }
}

/// Tells every waiter, and decides whether the writer may go on.
fn answer_all(jobs: Vec<Job>, error: StoreError) -> Result<(), StoreError> {
    let trouble = disk_trouble(&error);
    let text = error.to_string();
    tracing::error!(error = %text, requests = jobs.len(), "nothing of these requests was stored");
    for job in jobs {
        let answer = match trouble {
            Some(DiskTrouble::Full) => StoreError::Full,
            _ => StoreError::NotStored(text.clone()),
        };
        let _ = job.answer.send(Err(answer));
    }
    match trouble {
        Some(DiskTrouble::Broken) => Err(error),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum DiskTrouble {
    /// Heals when room comes back.
    Full,
    /// After a failed fsync nobody knows what is on the disk: stop, so that recovery runs at the next start.
    Broken,
}

fn disk_trouble(error: &StoreError) -> Option<DiskTrouble> {
    let StoreError::Sqlite(error) = error else { return None };
    match error.sqlite_error_code()? {
        ErrorCode::DiskFull => Some(DiskTrouble::Full),
        ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(DiskTrouble::Broken),
        _ => None,
    }
}

/// The one clock of the store: ids rise with it, but never fall with it.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}
