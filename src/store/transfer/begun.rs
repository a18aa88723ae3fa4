//! That an import has begun and not come to its end: remembered in the database, because what ends it may be a power cut.
//!
//! Its rows are whole, but what a project has accepted comes with the last of the lines, and adds up when they are there.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

const BEGUN: &str = "import_begun";

pub(super) fn begin(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement =
        tx.prepare_cached("INSERT INTO setting (key, value) VALUES (?1, '1') ON CONFLICT (key) DO NOTHING")?;
    statement.execute([BEGUN]).map(|_| ())
}

pub(super) fn end(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM setting WHERE key = ?1", [BEGUN]).map(|_| ())
}

/// Whether an import into this database was not completed.
pub(in crate::store) fn is_begun(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(connection.query_row("SELECT 1 FROM setting WHERE key = ?1", [BEGUN], |_| Ok(())).optional()?.is_some())
}
