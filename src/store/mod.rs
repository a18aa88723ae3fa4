//! The one file: everything kept, and the only place with SQL.
//!
//! Owns the database, its single writer thread, its read-only connections, the schema and the compression of
//! bodies. Knows no protocol and no screen: writes come in as rows to be, questions as typed queries. No connection
//! ever leaves this module.
//!
//! - Only the writer thread ([`writer`]) writes. An append is answered after the fsync of the group commit it was part of.
//! - Everything derived from a row (issue, counters, trace summary) is written in the row's own transaction, and only
//!   when the row was new, so writing the same thing twice changes nothing.
//! - A writer that dies takes the process with it: there must be no server that answers and stores nothing.

mod attachments;
mod blobs;
mod body;
mod check_ins;
mod client_reports;
mod drops;
mod events;
mod feedback;
mod grouping;
mod issues;
mod keeper;
mod linger;
mod logs;
mod metrics;
mod migrate;
mod monitor_reads;
mod monitors;
mod outcomes;
mod profiles;
mod project_changes;
mod projects;
mod readers;
mod releases;
mod replays;
mod sessions;
mod staged;
mod staged_signals;
#[cfg(test)]
mod tests;
mod traces;
mod write;
mod writer;

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thiserror::Error;

pub use attachments::AttachmentRow;
pub use blobs::{BlobWrite, pack as pack_blob};
pub use body::{CompressedBody, compress};
pub use client_reports::StatsRow;
pub use drops::KeyUse;
pub use events::{EventNeighbours, EventQuery, EventRow, EventSummary, IssueEvents};
pub use feedback::{FeedbackPage, FeedbackQuery, FeedbackRow, FeedbackScope, FeedbackWhole};
pub use grouping::HashOwner;
pub use issues::{IssueHistory, IssuePage, IssueQuery, IssueSort};
pub use logs::{LogFilter, LogPage, LogPosition, LogQuery, LogRow, LogVolume};
pub use metrics::{MetricPoints, MetricRow, Stretches};
pub use monitor_reads::{
    CheckInPage, CheckInRow, MonitorNotice, MonitorOverview, MonitorPage, MonitorQuery, MonitorsDue,
};
pub use monitors::{Monitor, MonitorEnvironment};
pub use profiles::{ProfileRow, ProfiledTime};
pub use project_changes::{ProjectChange, ProjectChanged, StoredSettings};
pub use releases::{ReleaseKey, ReleasePage, ReleaseQuery, ReleaseRow, ReleaseSeen, ReleaseUsers};
pub use replays::{ReplayPage, ReplayPartRow, ReplayRow};
pub use staged::encode_spans;
pub use staged_signals::{encode_logs, encode_metrics};
pub use traces::{TracePage, TraceQuery, TraceSpans};
pub use write::{
    Appended, CheckInAppended, CheckInWrite, ClientReportWrite, DropWrite, EventAppended, EventWrite, FeedbackWrite,
    KeyUseWrite, LogMinute, LogsWrite, MetricPart, MetricsWrite, MonitorTick, NoticeTold, OutcomeWrite,
    SessionBucketWrite, SessionUpdateWrite, SessionsWrite, SpansWrite, TracePart, Write,
};

use crate::config::{Durability, LOCK_WAIT_MS};
use crate::model::live::LiveChange;
use keeper::KeeperHandle;
use readers::Readers;
use writer::WriterHandle;

/// The database file inside the data directory.
pub const DATABASE_FILE: &str = "trapline.db";
const LOCK_FILE: &str = "trapline.lock";
const LOCK_RETRY: Duration = Duration::from_millis(20);

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot make or write the data directory {path}: choose another with --data-dir")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error("cannot open the database {path}: {detail}. Is it a trapline database, and may this user write it?")]
    Open { path: PathBuf, detail: String },
    #[error(
        "the data directory {0} is in use by another trapline: stop that one, or give this one a --data-dir of its own"
    )]
    InUse(PathBuf),
    #[error(
        "the database {path} was written by a newer trapline (schema {found}, this one knows {known}): start that \
         version again, or restore a backup made before the upgrade"
    )]
    TooNew { path: PathBuf, found: i64, known: i64 },
    #[error("SQLite {0} is too old to be safe (3.51.3 fixed a corruption bug): build trapline with its bundled SQLite")]
    SqliteTooOld(String),
    /// Nothing was stored; room may come back.
    #[error("the disk is full: free some space, and what is sent from then on is stored again")]
    Full,
    /// Nothing was stored; the writer has more to do than it can.
    #[error("the write queue is full")]
    Busy,
    /// One request's own trouble; the writer goes on.
    #[error("nothing of the request was stored: {0}")]
    NotStored(String),
    #[error("the read took longer than {} s and was cut", crate::config::READ_TIMEOUT_MS / 1000)]
    TooSlow,
    #[error("a stored body cannot be read: {0}")]
    BadBody(String),
    #[error("the store is stopping")]
    Stopping,
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A handle on the open database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: WriterHandle,
    keeper: KeeperHandle,
    readers: Readers,
    path: PathBuf,
}

/// What the operator decides about what is kept and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreSettings {
    pub durability: Durability,
}

/// What a caller may choose at opening.
pub struct StoreOptions {
    pub settings: StoreSettings,
    /// Where this server is reached, `127.0.0.1:4318`; remembered for `trapline dsn`.
    pub authority: String,
    /// Called by the writer thread after every commit that changed something a screen shows. Must not block.
    pub on_change: Box<dyn Fn(LiveChange) + Send>,
    /// Called once, by the dying writer thread, when storing has become impossible; should end the process.
    pub on_death: Box<dyn FnOnce(String) + Send>,
}

impl Store {
    /// Opens or makes the database in `data_dir`, brings the schema up to date, makes the first project if there is
    /// none, and starts the writer.
    ///
    /// # Errors
    /// When the directory cannot be made or written, another process holds it, or the schema is newer.
    pub fn open(data_dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = wait_for_data_dir(data_dir)?;
        let path = database_path(data_dir);
        let connection = prepare(&path, options.settings.durability)?;
        projects::remember_authority(&connection, &options.authority)?;
        // Whichever thread dies first tells.
        let on_death = Arc::new(Mutex::new(Some(options.on_death)));
        let tell = || {
            let on_death = on_death.clone();
            move |why: String| {
                let tell = on_death.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
                tell.into_iter().for_each(|tell| tell(why.clone()));
            }
        };
        let writer = WriterHandle::start(connection, &path, lock, options.on_change, tell())?;
        let readers = Readers::open(&path)?;
        let keeper = KeeperHandle::start(&path, Arc::new(options.settings), writer.clone(), tell())?;
        Ok(Self { writer, keeper, readers, path })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores everything given, in one transaction with whatever else is waiting, and returns after its fsync.
    /// Large attachments are the exception: they follow in commits of their own, and exist from the last one.
    ///
    /// # Errors
    /// On any error nothing of `writes` is stored, but for what came with a large attachment. [`StoreError::Busy`] when there was no room in the queue for
    /// [`crate::config::ADMISSION_WAIT_MS`].
    pub async fn append(&self, mut writes: Vec<Write>) -> Result<Appended, StoreError> {
        let pieces = blobs::take_pieces_ahead(&mut writes);
        if pieces.is_empty() {
            return self.writer.append(writes).await;
        }
        // First what is small: a client that hangs up meanwhile loses its attachment, not its event.
        let (named, rest): (Vec<Write>, Vec<Write>) =
            writes.into_iter().partition(|write| matches!(write, Write::Blob(_)));
        let appended = self.writer.append(rest).await?;
        for piece in pieces {
            self.writer.append(vec![Write::BlobPiece(piece)]).await?;
        }
        self.writer.append(named).await?;
        Ok(appended)
    }

    /// Finishes what is queued, moves the write-ahead log into the database and closes it. Idempotent.
    pub async fn close(&self) {
        self.keeper.close().await;
        self.writer.close().await;
    }
}

/// The DSN parts of the first project without starting a writer: for `trapline dsn`, also while a server runs.
/// Makes the database when there is none and no server holds the directory.
///
/// # Errors
/// As [`Store::open`], except that a running server is fine.
pub fn first_project(data_dir: &Path) -> Result<(crate::model::project::Project, Option<String>), StoreError> {
    let path = database_path(data_dir);
    let connection = match lock_data_dir(data_dir) {
        Ok(_lock) => prepare(&path, Durability::Full)?,
        Err(StoreError::InUse(_)) => readers::open_read_only(&path)?,
        Err(other) => return Err(other),
    };
    projects::first_project_and_authority(&connection)
}

/// Absolute, because it is shown to people who are not where the server was started.
fn database_path(data_dir: &Path) -> PathBuf {
    let path = data_dir.join(DATABASE_FILE);
    std::path::absolute(&path).unwrap_or(path)
}

fn prepare(path: &Path, durability: Durability) -> Result<rusqlite::Connection, StoreError> {
    let mut connection = writer::open_connection(path, durability)?;
    migrate::migrate(&mut connection, path)?;
    projects::ensure_first_project(&mut connection)?;
    Ok(connection)
}

/// As [`lock_data_dir`], but patient with a `trapline dsn` that is just looking.
fn wait_for_data_dir(data_dir: &Path) -> Result<File, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(LOCK_WAIT_MS);
    loop {
        match lock_data_dir(data_dir) {
            Err(StoreError::InUse(_)) if Instant::now() < deadline => std::thread::sleep(LOCK_RETRY),
            other => return other,
        }
    }
}

/// Held for as long as the file is open; the system releases it when the process dies.
fn lock_data_dir(data_dir: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::DataDir { path: data_dir.to_path_buf(), source };
    // Local variables, cookies and addresses are nobody else's business on this machine: other users may not look in.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
    let private =
        |name: &str| File::options().create(true).truncate(false).write(true).mode(0o600).open(data_dir.join(name));
    let file = private(LOCK_FILE).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            // SQLite gives its log files the mode of the database.
            private(DATABASE_FILE).map_err(failed)?;
            Ok(file)
        }
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(data_dir.to_path_buf())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
