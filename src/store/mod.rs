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

mod asked;
mod attachments;
mod awaited;
mod begin;
mod blobs;
mod bloom;
mod bodies;
mod body;
mod check_ins;
mod client_reports;
mod columns;
mod dictionaries;
mod dictionary_rules;
mod drops;
mod events;
mod facts;
mod feedback;
mod folding;
mod grouping;
mod issue_list;
mod issue_search;
mod issues;
mod keeper;
mod linger;
mod log_asked;
mod log_chunks;
mod log_columns;
mod log_sealer;
mod log_totals;
mod logs;
mod metric_buckets;
mod metric_totals;
mod metrics;
mod migrate;
mod missing;
mod monitor_reads;
mod monitors;
mod onlooker;
mod outcomes;
mod perf;
mod pieces;
#[cfg(test)]
mod plans;
mod profiles;
mod project_changes;
mod projects;
mod readers;
mod releases;
mod repack;
mod repack_rules;
mod replays;
mod reports;
mod rescue;
mod retention;
mod room;
pub mod safety;
mod services;
mod sessions;
mod settle;
mod span_asked;
mod span_chunk;
mod span_chunks;
mod span_list;
mod span_match;
mod span_offers;
mod span_place;
mod span_sealer;
mod span_search;
mod staged;
mod staged_signals;
mod tally;
#[cfg(test)]
mod tests;
mod trace_breakdown;
mod trace_compare;
mod trace_find;
mod trace_heat;
mod trace_rows;
mod trace_search;
mod traces;
pub mod transfer;
mod trouble;
mod watch;
mod workflow;
mod write;
mod writer;

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thiserror::Error;

pub use attachments::AttachmentRow;
pub use begin::Drawn;
pub use blobs::{BlobWrite, pack as pack_blob};
pub use bodies::{Bodies, ReadFacts};
pub use body::{CompressedBody, compress};
pub use client_reports::StatsRow;
pub use drops::KeyUse;
pub use events::{EventNeighbours, EventQuery, EventRow, EventSummary, IssueEvents};
pub use facts::{
    Asker, ChangedFact, Changes, EventFilter, EventLine, EventLines, EventNav, EventPick, EventSearch, FactNames,
    FactScope, FoundIssues, IssueOrder, IssueSearch, ReleaseMark, ScopedCounts, StateCounts, TagCounts, TagValue, Tags,
};
pub use feedback::{FeedbackPage, FeedbackQuery, FeedbackRow, FeedbackScope, FeedbackWhole};
pub use grouping::HashOwner;
pub use issue_list::{IssuePage, IssueQuery, IssueSort};
pub use issues::IssueHistory;
pub use log_totals::LogFacets;
pub use logs::{LogFilter, LogPage, LogPosition, LogQuery, LogRow, LogVolume};
pub use metrics::{MetricPoints, MetricRow, Stretches};
pub use missing::Gone;
pub use monitor_reads::{
    CheckInPage, CheckInRow, MonitorNotice, MonitorOverview, MonitorPage, MonitorQuery, MonitorsDue,
};
pub use monitors::{Monitor, MonitorEnvironment};
pub use perf::{PerfDetail, PerfFound, PerfList, PerfQuery, PerfRow, PerfScope};
pub use profiles::{ProfileRow, ProfiledTime};
pub use project_changes::{ProjectChange, ProjectChanged, StoredSettings};
pub use releases::{ReleaseKey, ReleasePage, ReleaseQuery, ReleaseRow, ReleaseSeen, ReleaseUsers};
pub use replays::{ReplayPage, ReplayPartRow, ReplayRow};
pub use reports::ReportRow;
pub use retention::OverMaxSize;
pub use span_list::{CallSiteRuns, CallSites, SpanListPage, SpanListQuery, SpanRow};
pub use span_place::SpanPlace;
pub use span_search::{SpanCondition, SpanNames, SpanQuery, SpanSearch};
pub use staged::encode_spans;
pub use staged_signals::{encode_logs, encode_metrics};
pub use tally::Offered;
pub use trace_breakdown::TraceBreakdown;
pub use trace_compare::{ComparedFact, TraceComparison, TraceSelection};
pub use trace_find::FoundInTrace;
pub use trace_heat::{TraceFacets, TraceHeat, TraceScope};
pub use traces::{TracePage, TracePosition, TraceQuery, TraceSpans};
pub use trouble::WriterState;
pub use workflow::{
    Acted, Acting, ActivityRow, CommentChange, Commented, Discard, IssueAction, IssueHash, IssueName, MergedIssue,
    ResolveIn, SimilarIssue, Undone,
};
pub use write::{
    Appended, CheckInAppended, CheckInWrite, ClientReportWrite, DropWrite, EventAppended, EventWrite, FeedbackWrite,
    FindingTold, KeyUseWrite, LogMinute, LogsWrite, MetricPart, MetricsWrite, MonitorTick, NoticeTold, OutcomeWrite,
    SessionBucketWrite, SessionUpdateWrite, SessionsWrite, SpansWrite, TracePart, Write,
};

use crate::config::{
    DSN_WAIT_MS, Durability, Keep, LOCK_WAIT_MS, MAX_SIZE_DEFAULT, MaxSize, Performance, SEAL_AFTER_S, START_BYTES,
};
use crate::model::live::LiveChange;
use crate::model::storage::StorageReport;
use keeper::KeeperHandle;
use readers::{MakeWay, Patience, Readers};
use room::Sizes;
use writer::WriterHandle;

/// The database file inside the data directory.
pub const DATABASE_FILE: &str = "trapline.db";
const LOCK_FILE: &str = "trapline.lock";
const LOCK_RETRY: Duration = Duration::from_millis(20);

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot make or write the data directory {path}: {why}. Another one can be named with --data-dir")]
    DataDir { path: PathBuf, why: String },
    #[error("cannot write {path}: {why}")]
    Unwritable { path: PathBuf, why: String },
    #[error("cannot read {path}: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error(
        "the database {path} is of an earlier version (schema {found}, this one reads {known}): let its owner start this \
         trapline on it once"
    )]
    TooOld { path: PathBuf, found: i64, known: i64 },
    #[error("cannot open the database {path}: {detail}. Is it a trapline database, and may this user write it?")]
    Open { path: PathBuf, detail: String },
    #[error(
        "{0} is not a trapline database, and was left as it is: name the right file, or another directory with --data-dir"
    )]
    NotOurs(PathBuf),
    #[error("there is no database {0}: name its directory with --data-dir")]
    NoDatabase(PathBuf),
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
    /// Nothing was stored; what is oldest is being dropped for it.
    #[error("all of max_size is in use, and room is still being made for what is new: send it again in a moment")]
    NoRoomYet,
    /// Nothing was stored; the file may not grow as far as the disk lets it again.
    #[error("the disk was full and has room again: what is sent in a moment is stored")]
    RoomComesBack,
    /// Nothing was stored; another program has the database locked.
    #[error(
        "another program holds the database: close it (sqlite3, a copy under way), and what is sent is stored again"
    )]
    Held,
    /// Nothing was stored; connections will end.
    #[error(
        "no more files can be opened: there are too many connections for the limit of open files (ulimit -n, LimitNOFILE)"
    )]
    NoDescriptors,
    /// Some rows are stored, others cannot be; the writer goes on.
    #[error("not everything of the request could be stored: {lost} failed, the rest is on disk")]
    PartlyStored { lost: String },
    #[error(
        "the database {path} is damaged ({detail}): stop trapline, run trapline check to see what is hurt, and restore a \
         backup if it cannot be read"
    )]
    Damaged { path: PathBuf, detail: String },
    /// What is written goes to a file that has no name any more.
    #[error("{0} was removed, or replaced by another file, while trapline had it open")]
    Replaced(PathBuf),
    #[error(
        "the disk under {0} is full: free some space (an empty store takes {mib} MiB with its log), then start again",
        mib = START_BYTES >> 20
    )]
    FullAtStart(PathBuf),
    /// One request's own trouble; the writer goes on.
    #[error("nothing of the request was stored: {0}")]
    NotStored(String),
    #[error(
        "the read was cut: it took longer than {} s, or stood in the way of what is written",
        crate::config::READ_TIMEOUT_MS / 1000
    )]
    TooSlow,
    #[error("every reader of the database has been busy for {} s: try again", crate::config::READ_WAIT_MS / 1000)]
    ReadersBusy,
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
    settings: Arc<StoreSettings>,
    bodies: Bodies,
    facts: facts::FactCache,
    path: PathBuf,
}

/// What the operator decides about what is kept and how.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    pub durability: Durability,
    pub keep: Keep,
    /// Chosen at the first start and remembered, when `keep` names none; filled in by [`Store::open`].
    pub max_size_default: Option<u64>,
    /// How long what was sent waits for more of its kind before it is packed into chunks, in seconds.
    pub seal_after_s: u64,
    /// What is a slow query, and an N+1 query.
    pub performance: Performance,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            keep: Keep::default(),
            max_size_default: None,
            seal_after_s: SEAL_AFTER_S,
            performance: Performance::default(),
        }
    }
}

impl StoreSettings {
    /// What the database may hold, in bytes.
    fn max_size(&self) -> u64 {
        match self.keep.max_size {
            MaxSize::Bytes(bytes) => bytes,
            MaxSize::Auto => self.max_size_default.unwrap_or(MAX_SIZE_DEFAULT),
        }
    }
}

/// What a caller may choose at opening.
pub struct StoreOptions {
    pub settings: StoreSettings,
    /// Where this server is reached, `127.0.0.1:4318`; remembered for `trapline dsn`.
    pub authority: String,
    /// What events are searched by, out of a body that is kept.
    pub read_facts: ReadFacts,
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
    pub fn open(data_dir: &Path, mut options: StoreOptions) -> Result<Self, StoreError> {
        let lock = wait_for_data_dir(data_dir)?;
        let path = database_path(data_dir);
        let in_words = |error| trouble::at_start(error, &path);
        let connection = prepare(&path, options.settings.durability).map_err(in_words)?;
        // A full disk is no reason not to show what is there.
        let mut is_full = false;
        let mut unless_full = |done: Result<(), StoreError>| match done {
            Err(error) if trouble::disk_trouble(&error) == Some(trouble::DiskTrouble::Full) => {
                if !std::mem::replace(&mut is_full, true) {
                    tracing::error!(
                        %error, "the disk is full: what is there can be read, nothing is stored until there is room"
                    );
                }
                Ok(())
            }
            other => other.map_err(in_words),
        };
        unless_full(projects::remember_authority(&connection, &options.authority))?;
        unless_full(retention::make_shrinkable(&connection, &path))?;
        unless_full(retention::settle_max_size(&connection, &path, &mut options.settings))?;
        unless_full(retention::remember_policy(&connection, &options.settings))?;
        let settings = Arc::new(options.settings);
        // Whichever thread dies first tells.
        let on_death = Arc::new(Mutex::new(Some(options.on_death)));
        let tell = || {
            let on_death = on_death.clone();
            move |why: String| {
                let tell = on_death.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
                tell.into_iter().for_each(|tell| tell(why.clone()));
            }
        };
        let make_way = MakeWay::default();
        let sizes = Sizes::of(settings.max_size());
        let writer = WriterHandle::start(connection, &path, lock, sizes, make_way.clone(), options.on_change, tell())
            .map_err(in_words)?;
        if is_full || !trouble::has_room_to_begin(&path) {
            writer.begin_full();
        }
        let readers = Readers::open(&path, Patience::default(), make_way)?;
        let bodies = Bodies::new(options.read_facts);
        let keeper = KeeperHandle::start(&path, settings.clone(), writer.clone(), bodies.clone(), tell())?;
        Ok(Self { writer, keeper, readers, settings, bodies, facts: facts::FactCache::default(), path })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What compresses the bodies of events to be written.
    pub fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// Stores everything given, in one transaction with whatever else is waiting, and returns after its fsync. What is large
    /// takes several, one after the other; large attachments exist from the last one.
    ///
    /// # Errors
    /// On any error nothing of `writes` is stored, unless they were large: then what came first may be, and to write all of
    /// it again changes nothing. [`StoreError::Busy`] when there was no room in the queue for
    /// [`crate::config::ADMISSION_WAIT_MS`], [`StoreError::NoRoomYet`] when there was none below `max_size`.
    pub async fn append(&self, mut writes: Vec<Write>) -> Result<Appended, StoreError> {
        let pieces = blobs::take_pieces_ahead(&mut writes);
        if pieces.is_empty() {
            return self.append_in_pieces(writes).await;
        }
        // First what is small: a client that hangs up meanwhile loses its attachment, not its event.
        let (named, rest): (Vec<Write>, Vec<Write>) =
            writes.into_iter().partition(|write| matches!(write, Write::Blob(_)));
        let _awaiting = self.writer.awaited().until_dropped(pieces.iter().map(blobs::BlobPiece::key));
        let appended = self.append_in_pieces(rest).await;
        if !matches!(appended, Ok(_) | Err(StoreError::PartlyStored { .. })) {
            return appended;
        }
        for piece in pieces {
            self.writer.append(vec![Write::BlobPiece(piece)]).await?;
        }
        self.writer.append(named).await?;
        appended
    }

    async fn append_in_pieces(&self, writes: Vec<Write>) -> Result<Appended, StoreError> {
        let mut appended = Appended::default();
        let mut lost = None;
        for piece in pieces::in_pieces(writes) {
            match self.writer.append(piece).await {
                Ok(more) => appended.extend(more),
                Err(error @ StoreError::PartlyStored { .. }) => lost = Some(error),
                Err(error) => return Err(error),
            }
        }
        lost.map_or(Ok(appended), Err)
    }

    /// How long each kind is kept.
    pub fn keep(&self) -> &Keep {
        &self.settings.keep
    }

    /// What takes how much room, and when it will be dropped.
    pub async fn storage(&self) -> Result<StorageReport, StoreError> {
        let (path, settings) = (self.path.clone(), self.settings.clone());
        let read = move |connection: &_| retention::read_report(connection, &path, &settings, writer::now_ms());
        self.readers.run(read).await
    }

    /// Finishes what is queued, moves the write-ahead log into the database and closes it. Idempotent.
    pub async fn close(&self) {
        self.keeper.close().await;
        self.writer.close().await;
    }
}

/// The DSN parts of the first project without starting a writer: for `trapline dsn`, also while a server runs.
/// Makes the database when there is none and no server holds the directory. Waits while the very first start of a server
/// is going on, which leaves a database that is not whole yet.
///
/// # Errors
/// As [`Store::open`], except that a running server is fine.
pub fn first_project(data_dir: &Path) -> Result<(crate::model::project::Project, Option<String>), StoreError> {
    let path = database_path(data_dir);
    let look = || projects::first_project_and_authority(&onlooker::look_into_current(&path)?);
    let deadline = Instant::now() + Duration::from_millis(DSN_WAIT_MS);
    loop {
        match lock_data_dir(data_dir) {
            Ok(_lock) => return projects::first_project_and_authority(&prepare(&path, Durability::Full)?),
            Err(StoreError::InUse(_)) => match look() {
                // Where it listens is written down last.
                Ok(found @ (_, Some(_))) => return Ok(found),
                found if Instant::now() >= deadline => return found,
                _ => std::thread::sleep(LOCK_RETRY),
            },
            // Where nothing can be made or brought up to date, what is there can still be told.
            Err(StoreError::DataDir { .. } | StoreError::Unwritable { .. }) if may_be_there(&path) => return look(),
            Err(other) => return Err(other),
        }
    }
}

/// As [`Store::storage`] without starting anything: for `trapline storage`, also while a server runs. What the last server
/// went by counts, not `settings`, unless there was none.
///
/// # Errors
/// When there is no database.
pub fn storage(data_dir: &Path, mut settings: StoreSettings) -> Result<StorageReport, StoreError> {
    let (path, connection, _lock) = open_existing(data_dir)?;
    // All numbers are of one moment, or what does not fit would seem to belong to nothing.
    let connection = connection.unchecked_transaction()?;
    settings.max_size_default = retention::read_default_max_size(&connection)?;
    retention::read_policy(&connection, &mut settings)?;
    retention::read_report(&connection, &path, &settings, writer::now_ms())
}

/// Rewrites the file without its free pages, so that those to come can go back to the file system. Gives back its length
/// before and after.
///
/// # Errors
/// When a server runs, there is no database, or the disk has no room for a second one.
pub fn compact(data_dir: &Path) -> Result<(u64, u64), StoreError> {
    if !may_be_there(&database_path(data_dir)) {
        return Err(StoreError::NoDatabase(database_path(data_dir)));
    }
    let _lock = lock_data_dir(data_dir)?;
    let path = database_path(data_dir);
    let connection = prepare(&path, Durability::Full)?;
    let length = || std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let before = length();
    retention::rewrite(&connection)?;
    Ok((before, length()))
}

/// The database that is there, brought up to date unless a server has it.
fn open_existing(data_dir: &Path) -> Result<(PathBuf, rusqlite::Connection, Option<File>), StoreError> {
    let path = database_path(data_dir);
    if !may_be_there(&path) {
        return Err(StoreError::NoDatabase(path));
    }
    match lock_data_dir(data_dir) {
        Ok(lock) => match prepare(&path, Durability::Full) {
            Err(error) if trouble::disk_trouble(&error) == Some(trouble::DiskTrouble::Full) => {
                Ok((path.clone(), onlooker::look_into_current(&path)?, None))
            }
            prepared => Ok((path.clone(), prepared?, Some(lock))),
        },
        Err(StoreError::InUse(_) | StoreError::DataDir { .. } | StoreError::Unwritable { .. }) => {
            Ok((path.clone(), onlooker::look_into_current(&path)?, None))
        }
        Err(other) => Err(other),
    }
}

/// False only when there is certainly no database: in a directory that may not be entered there may be one.
fn may_be_there(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.len() > 0,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

/// Absolute, because it is shown to people who are not where the server was started.
pub fn database_path(data_dir: &Path) -> PathBuf {
    let path = data_dir.join(DATABASE_FILE);
    std::path::absolute(&path).unwrap_or(path)
}

fn prepare(path: &Path, durability: Durability) -> Result<rusqlite::Connection, StoreError> {
    safety::copy_before_upgrade(path)?;
    let mut connection = writer::open_connection(path, durability)?;
    migrate::migrate(&mut connection, path)?;
    projects::ensure_first_project(&mut connection)?;
    workflow::mend(&mut connection)?;
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

/// Where the database really is, when its name in `data_dir` is a link to another place: there it may be somebody else's.
fn home_of(data_dir: &Path) -> PathBuf {
    let real = std::fs::canonicalize(database_path(data_dir)).ok();
    let home = real.and_then(|path| path.parent().map(Path::to_path_buf));
    home.filter(|_| database_path(data_dir).is_symlink()).unwrap_or_else(|| data_dir.to_path_buf())
}

/// Held for as long as the file is open; the system releases it when the process dies.
fn lock_data_dir(data_dir: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::DataDir { path: data_dir.to_path_buf(), why: onlooker::why(data_dir, &source) };
    trouble::make_directory(data_dir).map_err(failed)?;
    let is_new = !data_dir.join(DATABASE_FILE).exists();
    let private = |dir: &Path, name: &str| {
        let path = dir.join(name);
        let opened = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        opened.map_err(|source| match path.exists() {
            true => StoreError::Unwritable { why: onlooker::why(&path, &source), path },
            false => failed(source),
        })
    };
    let file = private(&home_of(data_dir), LOCK_FILE)?;
    match file.try_lock() {
        Ok(()) => {
            // SQLite gives its log files the mode of the database.
            private(data_dir, DATABASE_FILE)?;
            if is_new {
                trouble::sync_directory(data_dir).map_err(failed)?;
            }
            Ok(file)
        }
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(data_dir.to_path_buf())),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
