//! Reading: a few read-only connections, used off the async threads and cut when they take too long.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use crate::config::{READ_TIMEOUT_MS, READERS};

use super::StoreError;
use super::trouble::while_reading;

/// Virtual-machine steps between two looks at the clock: about a millisecond.
const STEPS_PER_CHECK: i32 = 20_000;

#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    path: PathBuf,
}

/// A connection that cannot write.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error: rusqlite::Error| StoreError::Open { path: path.to_path_buf(), detail: error.to_string() };
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF;")
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // One is opened at once, so that a file that cannot be read is found at the start.
        let first = open_read_only(path)?;
        Ok(Self {
            idle: Arc::new(Mutex::new(vec![first])),
            turns: Arc::new(Semaphore::new(READERS)),
            path: path.to_path_buf(),
        })
    }

    /// Runs `read` in one read transaction: it sees one moment of the database.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let Ok(turn) = self.turns.clone().acquire_owned().await else { return Err(StoreError::Stopping) };
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut connection = readers.take()?;
            let result = read_once(&mut connection, read).map_err(|error| while_reading(error, &readers.path));
            if !matches!(result, Err(StoreError::TooSlow)) {
                readers.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(connection);
            }
            result
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
}

fn read_once<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(READ_TIMEOUT_MS);
    connection.progress_handler(STEPS_PER_CHECK, Some(move || Instant::now() > deadline))?;
    connection.execute_batch("BEGIN")?;
    let result = read(connection);
    connection.execute_batch("COMMIT")?;
    match result {
        Err(StoreError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Err(StoreError::TooSlow)
        }
        other => other,
    }
}
