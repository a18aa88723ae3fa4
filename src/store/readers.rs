//! Reading: a few read-only connections, used off the async threads and cut when they take too long.
//!
//! Nobody waits for ever: not for a turn, not in SQLite, and not in our own loops over rows, which ask [`check_time`].
//! An open read keeps the write-ahead log from starting again, so readers make way when the writer says that it has
//! grown too long ([`MakeWay`]). What was cut for that alone is read again, by itself.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::{READ_MAKE_WAY_MS, READ_TIMEOUT_MS, READ_TRIES_MAX, READ_WAIT_MS, READERS};

use super::StoreError;
use super::issue_search::add_functions;
use super::trouble::while_reading;

/// Virtual-machine steps between two looks at the clock: about a millisecond.
const STEPS_PER_CHECK: i32 = 20_000;

/// More than there are statements of the store that read.
const STATEMENTS_MAX: usize = 128;

#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    path: PathBuf,
    patience: Patience,
    make_way: MakeWay,
}

/// How long a read may take, and wait.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) read: Duration,
    pub(super) turn: Duration,
    /// A read this old is cut when the writer asks to make way; new ones wait this long for it at most.
    pub(super) make_way: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            read: Duration::from_millis(READ_TIMEOUT_MS),
            turn: Duration::from_millis(READ_WAIT_MS),
            make_way: Duration::from_millis(READ_MAKE_WAY_MS),
        }
    }
}

/// The writer's word to the readers that the write-ahead log is too long to go on with reads that hold it.
#[derive(Clone)]
pub(super) struct MakeWay(Arc<watch::Sender<bool>>);

impl Default for MakeWay {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl MakeWay {
    pub(super) fn ask(&self, is_asked: bool) {
        self.0.send_if_modified(|asked| std::mem::replace(asked, is_asked) != is_asked);
    }

    pub(super) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when nobody asks any more, or after `longest`: what is asked for may be long over.
    async fn wait(&self, longest: Duration) {
        let mut asked = self.0.subscribe();
        let _ = tokio::time::timeout(longest, asked.wait_for(|asked| !asked)).await;
    }
}

/// A connection that cannot write.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    open(path, path, OpenFlags::empty())
}

/// The same for a file that nobody writes, and that has no log: nothing is made or locked beside it.
pub(super) fn open_unchanging(path: &Path) -> Result<Connection, StoreError> {
    let mut address = OsString::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => address.push(format!("%{byte:02x}")),
            byte => address.push(OsStr::from_bytes(&[*byte])),
        }
    }
    address.push("?immutable=1");
    open(path, Path::new(&address), OpenFlags::SQLITE_OPEN_URI)
}

fn open(path: &Path, name: &Path, more: OpenFlags) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let failed = |error: rusqlite::Error| StoreError::Open { path: path.to_path_buf(), detail: error.to_string() };
    let mut connection = Connection::open_with_flags(name, flags).map_err(failed)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF;")
        .map_err(failed)?;
    add_functions(&connection).map_err(failed)?;
    connection.authorizer(Some(authorize)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// What no statement of ours does, none can be made to do: another file attached, a setting changed, code loaded.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive | AuthAction::Transaction { .. } => {
            Authorization::Allow
        }
        AuthAction::Pragma { pragma_value: None, .. } | AuthAction::Pragma { pragma_name: "quick_check", .. } => {
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name != "load_extension" => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

impl Readers {
    pub(super) fn open(path: &Path, patience: Patience, make_way: MakeWay) -> Result<Self, StoreError> {
        // One is opened at once, so that a file that cannot be read is found at the start.
        let first = open_read_only(path)?;
        Ok(Self {
            idle: Arc::new(Mutex::new(vec![first])),
            turns: Arc::new(Semaphore::new(READERS)),
            path: path.to_path_buf(),
            patience,
            make_way,
        })
    }

    /// Runs `read` in one read transaction: it sees one moment of the database. It is run again from its beginning when it
    /// had to make way, as long as all of it together takes no longer than a read may.
    pub(super) async fn run<T, F>(&self, mut read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let waiting = self.turns.clone().acquire_owned();
        let mut turn = match tokio::time::timeout(self.patience.turn, waiting).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) => return Err(StoreError::Stopping),
            Err(_) => return Err(StoreError::ReadersBusy),
        };
        self.make_way.wait(self.patience.make_way).await;
        let began = Instant::now();
        for _ in 1..READ_TRIES_MAX {
            let (result, kept_turn, kept_read) = self.run_once(turn, read, began).await?;
            match result {
                Err(ReadError::MadeWay) => (turn, read) = (kept_turn, kept_read),
                Err(ReadError::Failed(error)) => return Err(error),
                Ok(found) => return Ok(found),
            }
            self.make_way.wait(self.patience.make_way).await;
        }
        let (result, ..) = self.run_once(turn, read, began).await?;
        result.map_err(|error| match error {
            ReadError::MadeWay => StoreError::TooSlow,
            ReadError::Failed(error) => error,
        })
    }

    /// Gives back what the next try needs.
    async fn run_once<T, F>(
        &self,
        turn: OwnedSemaphorePermit,
        read: F,
        began: Instant,
    ) -> Result<Tried<T, F>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = readers.take()?;
            let result = readers.read_once(&mut connection, &read, began);
            // After an error nobody knows what a connection still holds. A panic drops it, too.
            if result.is_ok() {
                readers.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(connection);
            }
            let result = result.map_err(|error| match error {
                ReadError::Failed(error) => ReadError::Failed(while_reading(error, &readers.path)),
                ReadError::MadeWay => ReadError::MadeWay,
            });
            // The turn belongs to the read, not to the client that may hang up meanwhile.
            Ok((result, turn, read))
        });
        task.await.unwrap_or_else(|error| Err(StoreError::BadBody(format!("a read panicked: {error}"))))
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => open_read_only(&self.path),
        }
    }

    fn read_once<T>(
        &self,
        connection: &mut Connection,
        read: &impl Fn(&Connection) -> Result<T, StoreError>,
        began: Instant,
    ) -> Result<T, ReadError> {
        let time = Time { began, tried: Instant::now(), patience: self.patience, make_way: self.make_way.clone() };
        let in_sqlite = time.clone();
        connection.progress_handler(STEPS_PER_CHECK, Some(move || in_sqlite.is_up()))?;
        let _limited = Limited::by(time.clone());
        connection.execute_batch("BEGIN")?;
        let result = read(connection);
        let is_cut = match &result {
            Err(StoreError::Sqlite(error)) => error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted),
            Err(StoreError::TooSlow) => true,
            _ => false,
        };
        match result {
            Err(_) if is_cut && !time.is_over() => Err(ReadError::MadeWay),
            Err(_) if is_cut => Err(StoreError::TooSlow.into()),
            Err(other) => Err(other.into()),
            Ok(found) => {
                connection.execute_batch("COMMIT")?;
                Ok(found)
            }
        }
    }
}

/// Of one try: what came of it, the turn it had, and what to try again.
type Tried<T, F> = (Result<T, ReadError>, OwnedSemaphorePermit, F);

/// Why a try ended without an answer.
enum ReadError {
    /// The log had to be emptied, and there is time for another try.
    MadeWay,
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// When the read of this thread has to end.
#[derive(Clone)]
struct Time {
    /// The first try.
    began: Instant,
    /// This one.
    tried: Instant,
    patience: Patience,
    make_way: MakeWay,
}

impl Time {
    fn is_up(&self) -> bool {
        self.is_over() || (self.tried.elapsed() > self.patience.make_way && self.make_way.is_asked())
    }

    /// Whether all tries together have taken as long as a read may.
    fn is_over(&self) -> bool {
        self.began.elapsed() > self.patience.read
    }
}

thread_local! {
    static TIME: RefCell<Option<Time>> = const { RefCell::new(None) };
}

/// Sets the limit of this thread, and takes it away again, also when the read panics.
struct Limited;

impl Limited {
    fn by(time: Time) -> Self {
        TIME.set(Some(time));
        Self
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        TIME.set(None);
    }
}

/// To be asked by every loop over rows that does more with a row than keep it: SQLite looks at the clock in its own
/// steps only, and a thousand bodies are expanded in the steps of one look.
pub(super) fn check_time() -> Result<(), StoreError> {
    let is_up = TIME.with_borrow(|time| time.as_ref().is_some_and(Time::is_up));
    if is_up { Err(StoreError::TooSlow) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::room::Sizes;
    use super::super::writer::{WriterHandle, open_connection};
    use super::super::{DATABASE_FILE, Write, blobs, lock_data_dir, prepare};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::{Durability, WAL_RESTART_BYTES};

    struct Opened {
        readers: Readers,
        writer: WriterHandle,
        make_way: MakeWay,
        path: PathBuf,
        _dir: tempfile::TempDir,
    }

    fn open(read_ms: u64, turn_ms: u64) -> Opened {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE_FILE);
        let lock = lock_data_dir(dir.path()).unwrap();
        let connection = prepare(&path, Durability::Normal).unwrap();
        let make_way = MakeWay::default();
        let died = |why: String| panic!("{why}");
        let writer =
            WriterHandle::start(connection, &path, lock, Sizes::of(1 << 40), make_way.clone(), Box::new(|_| ()), died)
                .unwrap();
        let patience = Patience {
            read: Duration::from_millis(read_ms),
            turn: Duration::from_millis(turn_ms),
            make_way: Duration::from_millis(50),
        };
        let readers = Readers::open(&path, patience, make_way.clone()).unwrap();
        Opened { readers, writer, make_way, path, _dir: dir }
    }

    /// Counts for ever, in SQLite's own steps.
    fn count_for_ever(connection: &Connection) -> Result<i64, StoreError> {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_read_is_cut_in_the_steps_of_sqlite_and_in_our_own() {
        let opened = open(100, 5_000);
        let cut = opened.readers.run(count_for_ever).await;
        assert!(matches!(cut, Err(StoreError::TooSlow)), "{cut:?}");
        // Each statement takes a handful of steps, so SQLite alone would not look at the clock for a thousand of them.
        let cut: Result<(), _> = opened
            .readers
            .run(|connection| {
                loop {
                    connection.prepare_cached("SELECT 1")?.query_row([], |_| Ok(()))?;
                    check_time()?;
                }
            })
            .await;
        assert!(matches!(cut, Err(StoreError::TooSlow)), "{cut:?}");
        // The limit was that read's own.
        opened.readers.run(|_| check_time()).await.unwrap();
        check_time().unwrap();
    }

    #[tokio::test]
    async fn what_had_to_make_way_is_read_again() {
        let opened = open(60_000, 5_000);
        // The writer takes its word back as soon as the log is short.
        let make_way = MakeWay::default();
        let readers = Readers::open(&opened.path, opened.readers.patience, make_way.clone()).unwrap();
        let tries = Arc::new(AtomicUsize::new(0));
        let counting = |endless: usize| {
            let tries = tries.clone();
            tries.store(0, Ordering::Relaxed);
            move |connection: &Connection| match tries.fetch_add(1, Ordering::Relaxed) < endless {
                true => count_for_ever(connection),
                false => Ok(connection.query_row("SELECT 7", [], |row| row.get(0))?),
            }
        };
        make_way.ask(true);
        assert_eq!(readers.run(counting(2)).await.unwrap(), 7);
        assert_eq!(tries.load(Ordering::Relaxed), 3);
        // In loops of our own as well.
        let looped = tries.clone();
        looped.store(0, Ordering::Relaxed);
        let read = move |_: &Connection| {
            if looped.fetch_add(1, Ordering::Relaxed) > 0 {
                return Ok(8);
            }
            loop {
                check_time()?;
            }
        };
        assert_eq!(readers.run(read).await.unwrap(), 8);
        // Not for ever, and not for any other reason.
        let cut = readers.run(counting(usize::MAX)).await;
        assert!(matches!(cut, Err(StoreError::TooSlow)), "{cut:?}");
        assert_eq!(tries.load(Ordering::Relaxed), READ_TRIES_MAX);
        assert_eq!(readers.turns.available_permits(), READERS);
        let opened = open(100, 5_000);
        let cut = opened.readers.run(counting(usize::MAX)).await;
        assert!(matches!(cut, Err(StoreError::TooSlow)), "{cut:?}");
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_connection_lives_on_after_success_only() {
        let opened = open(100, 5_000);
        let idle = || opened.readers.idle.lock().unwrap().len();
        opened.readers.run(|_| Ok(())).await.unwrap();
        assert_eq!(idle(), 1);
        opened.readers.run(count_for_ever).await.unwrap_err();
        assert_eq!(idle(), 0);
        opened.readers.run(|_| Ok(())).await.unwrap();
        let broken =
            opened.readers.run(|connection| Ok(connection.execute_batch("SELECT nothing FROM nowhere")?)).await;
        assert!(matches!(broken, Err(StoreError::Sqlite(_))), "{broken:?}");
        assert_eq!(idle(), 0);
        let panicked: Result<(), _> = opened.readers.run(|_| panic!("as a test")).await;
        assert!(panicked.is_err());
        // Every turn came back.
        assert_eq!(opened.readers.turns.available_permits(), READERS);
        opened.readers.run(|_| check_time()).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_waits_too_long_for_a_turn_is_told() {
        let opened = open(600, 50);
        let long: Vec<_> = (0..READERS)
            .map(|_| {
                let readers = opened.readers.clone();
                tokio::spawn(async move { readers.run(count_for_ever).await })
            })
            .collect();
        while opened.readers.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = opened.readers.run(|_| Ok(())).await;
        assert!(matches!(refused, Err(StoreError::ReadersBusy)), "{refused:?}");
        for read in long {
            assert!(matches!(read.await.unwrap(), Err(StoreError::TooSlow)));
        }
        opened.readers.run(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_can_do_nothing_but_read() {
        let opened = open(5_000, 5_000);
        let path = opened.path.display().to_string();
        for sql in [
            "DELETE FROM event".to_string(),
            format!("ATTACH '{path}' AS other"),
            "PRAGMA query_only = OFF".to_string(),
            "PRAGMA journal_mode = DELETE".to_string(),
            "CREATE TEMP TABLE t (x)".to_string(),
            "SELECT load_extension('x')".to_string(),
            "REINDEX".to_string(),
        ] {
            let text = sql.clone();
            let denied = opened.readers.run(move |connection| Ok(connection.execute_batch(&text)?)).await;
            assert!(matches!(denied, Err(StoreError::Sqlite(_))), "{sql}: {denied:?}");
        }
        let sql = "PRAGMA page_count";
        let pages = |connection: &Connection| Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?);
        assert!(opened.readers.run(pages).await.unwrap() > 1);
    }

    async fn write_noise(writer: &WriterHandle, bytes: usize, key: u8) {
        let mut noise = vec![0; bytes];
        getrandom::fill(&mut noise).unwrap();
        let mut writes = super::super::tests::profile(&noise, key);
        for piece in blobs::take_pieces_ahead(&mut writes) {
            writer.append(vec![Write::BlobPiece(piece)]).await.unwrap();
        }
    }

    /// One read begins before the other ends, so that there is always one, while as much is written as can be.
    #[tokio::test]
    async fn reads_that_overlap_for_ever_cannot_make_the_log_grow_for_ever() {
        let opened = open(60_000, 5_000);
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let reading: Vec<_> = (0..2)
            .map(|_| {
                let (readers, stop) = (opened.readers.clone(), stop.clone());
                tokio::spawn(async move {
                    // Each was cut when the next begins.
                    let begun = Arc::new(AtomicUsize::new(0));
                    while !stop.load(Ordering::Relaxed) {
                        let (begun, stop) = (begun.clone(), stop.clone());
                        let looked = move |connection: &Connection| {
                            if stop.load(Ordering::Relaxed) {
                                return Ok(0);
                            }
                            begun.fetch_add(1, Ordering::Relaxed);
                            connection.query_row("SELECT count(*) FROM blob", [], |_| Ok(()))?;
                            count_for_ever(connection)
                        };
                        let _ = readers.run(looked).await;
                    }
                    begun.load(Ordering::Relaxed)
                })
            })
            .collect();
        let wal = opened.path.with_extension("db-wal");
        let mut longest = 0;
        for key in 0..64 {
            write_noise(&opened.writer, 3 << 20, key).await;
            longest = longest.max(std::fs::metadata(&wal).unwrap().len());
        }
        // The limit was reached, and not left far behind; a log that begins anew is cut before anybody looks.
        assert!((WAL_RESTART_BYTES - (8 << 20)..2 * WAL_RESTART_BYTES).contains(&longest), "{longest}");
        stop.store(true, Ordering::Relaxed);
        opened.make_way.ask(true);
        for reading in reading {
            assert!(reading.await.unwrap() > 0, "nothing had to make way");
        }
        opened.writer.close().await;
        assert!(open_connection(&opened.path, Durability::Full).is_ok());
    }
}
