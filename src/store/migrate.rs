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
    include_str!("migrations/0010_log_chunks.sql"),
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

    /// A database as the first release left it, with a row of everything, is the newest one with the same rows.
    #[test]
    fn the_first_schema_is_brought_up_to_date_with_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection.execute_batch(ROWS_OF_THE_FIRST).unwrap();
        let tables = texts(&connection, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        let before: Vec<Vec<String>> = tables.iter().map(|table| rows_of(&connection, table)).collect();
        for (table, rows) in tables.iter().zip(&before) {
            assert_eq!(rows.len(), 1, "the test writes a row of every table: {table}");
        }

        migrate(&mut connection, Path::new("x.db")).unwrap();
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, MIGRATIONS.len() as i64);
        assert_eq!(texts(&connection, "PRAGMA integrity_check"), ["ok"]);
        assert_eq!(texts(&connection, "SELECT \"table\" FROM pragma_foreign_key_check"), [""; 0]);
        for (table, rows) in tables.iter().zip(&before) {
            let now = rows_of(&connection, table);
            // Columns may have come behind the ones there were.
            assert!(now.len() == 1 && now[0].starts_with(rows[0].as_str()), "{table}: {rows:?} became {now:?}");
        }
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, Path::new("x.db")).unwrap();
        let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
        assert_eq!(texts(&connection, schema), texts(&fresh, schema));
    }

    const ROWS_OF_THE_FIRST: &str = "
        INSERT INTO setting VALUES ('server_id', 'abc');
        INSERT INTO project VALUES (1, 'default', 'Default', 'python-django', 1, 1);
        INSERT INTO project_key VALUES (x'0a', 1, 'Default', 1, 1);
        INSERT INTO issue VALUES (5, 1, 1, 'error', 'KeyError: x', 'shop.cart', 'KeyError', 'x', 'cart.py', 'add', 7,
            'error', 'python', 'unresolved', 1, 10, 20, 1, 1, 'shop@1', 'shop@1');
        INSERT INTO issue_hash VALUES (1, x'0b', 5);
        INSERT INTO issue_hour VALUES (5, 0, 1);
        INSERT INTO issue_users VALUES (5, x'0c');
        INSERT INTO event VALUES (9, 1, x'0d', 5, 10, 20, 'error', 'error', 'python', 'KeyError: x', 'shop.cart',
            'shop@1', 'live', x'0e', x'0f', 1, 2, 1, x'28b52ffd');
        INSERT INTO span_batch VALUES (3, 20, 1, 1, x'28b52ffd');
        INSERT INTO trace_part VALUES (4, 6, 3);
        INSERT INTO trace VALUES (4, x'0e', 1, 10, 20, 1, x'0f', 'GET /', 'http.server', 'shop', 1, 1, 1, 200, 10, 10,
            1, 0, 0, 1, 0, 1, 'shop');
        INSERT INTO outcome VALUES (1, 0, 'event', 'accepted', 1);";

    fn texts(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Every row as a text of all its values.
    fn rows_of(connection: &Connection, table: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            let value = |column| row.get::<_, rusqlite::types::Value>(column).map(|value| format!("{value:?};"));
            (0..columns).map(value).collect::<Result<String, _>>()
        };
        statement.query_map([], text).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("x.db")).unwrap();
        migrate(&mut connection, Path::new("x.db")).unwrap();
    }
}
