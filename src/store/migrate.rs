//! The schema's history: numbered files, forward only, each in one transaction.
//!
//! A shipped file is never edited; `tests/it/architecture.rs` keeps its hash.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// In order; the place in this list, from 1, is the schema version (`user_version`).
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_release_health.sql"),
    include_str!("migrations/0003_blobs.sql"),
    include_str!("migrations/0004_logs_and_metrics.sql"),
    include_str!("migrations/0005_monitors.sql"),
    include_str!("migrations/0006_feedback.sql"),
    include_str!("migrations/0007_project_settings.sql"),
    include_str!("migrations/0008_issue_environments.sql"),
];

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::TooNew { path: path.to_path_buf(), found, known });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = connection.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", index as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection, Path::new("x.db")).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 99, .. }));
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("x.db")).unwrap();
        migrate(&mut connection, Path::new("x.db")).unwrap();
    }
}
