//! The schema's history: numbered files, forward only, each in one transaction.
//!
//! A shipped file is never edited; `tests/it/architecture.rs` keeps its hash.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;
use super::trouble::{DiskTrouble, disk_trouble};

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
    include_str!("migrations/0009_span_chunks.sql"),
    include_str!("migrations/0010_log_chunks.sql"),
    include_str!("migrations/0011_dictionaries.sql"),
    include_str!("migrations/0012_retention.sql"),
    include_str!("migrations/0013_issue_search.sql"),
    include_str!("migrations/0014_repacking.sql"),
    include_str!("migrations/0015_metric_totals.sql"),
    include_str!("migrations/0016_error_reports.sql"),
    include_str!("migrations/0017_performance.sql"),
    include_str!("migrations/0018_workflow.sql"),
    include_str!("migrations/0019_facts.sql"),
    include_str!("migrations/0020_call_sites.sql"),
];

/// "Trap": in the header of every database of ours.
const APPLICATION_ID: i64 = 0x5472_6170;

/// Of the tables of every schema so far, in [`whose`]: by these, databases are known that were made before they said whose
/// they are.
const TABLES_EVER: i64 = 4;

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    /// There is nothing in it.
    Nobodys,
    /// Another program's, which must not be changed.
    Foreign,
}

pub(super) fn whose(connection: &Connection) -> rusqlite::Result<Whose> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(Whose::Ours);
    }
    let sql = "SELECT count(*),
            coalesce(sum(type = 'table' AND name IN ('setting', 'project', 'issue', 'event')), 0)
        FROM sqlite_schema";
    connection.query_row(sql, [], |row| {
        Ok(match (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?) {
            (_, TABLES_EVER) => Whose::Ours,
            (0, _) if id == 0 => Whose::Nobodys,
            _ => Whose::Foreign,
        })
    })
}

/// What this version of trapline makes.
pub(super) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// The schema version of a database that can be changed by this trapline; 0 when there is nothing in it.
pub(super) fn found_schema(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    if whose(connection)? == Whose::Foreign {
        return Err(StoreError::NotOurs(path.to_path_buf()));
    }
    let (known, found) = (SCHEMA, connection.query_row("PRAGMA user_version", [], |row| row.get(0))?);
    if found > known { Err(StoreError::TooNew { path: path.to_path_buf(), found, known }) } else { Ok(found) }
}

/// Brings the schema up to date.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = found_schema(connection, path)?;
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let tx = connection.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", index as i64 + 1)?;
        tx.commit()?;
    }
    // Not part of a migration: one that was done by an earlier version is said to be ours, too.
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if id != APPLICATION_ID {
        match connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(StoreError::from) {
            // No reason not to show what is there; its tables tell as much.
            Err(error) if disk_trouble(&error) == Some(DiskTrouble::Full) => {}
            other => other?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::trace_rows::{self, TraceFilter};
    use super::*;
    use crate::model::ids::{ProjectId, TraceId};
    use crate::model::span::{SpanKind, SpanSource, SpanStatus};
    use crate::model::trace::{RootRank, TraceRoot, TraceSummary};

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
    fn what_another_program_made_is_told_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(whose(&connection).unwrap(), Whose::Nobodys);
        migrate(&mut connection, Path::new("x.db")).unwrap();
        assert_eq!(whose(&connection).unwrap(), Whose::Ours);

        for sql in [
            "CREATE TABLE event (id INTEGER)",
            "PRAGMA application_id = 7",
            "CREATE TABLE a (b); PRAGMA user_version = 3",
        ] {
            let mut foreign = Connection::open_in_memory().unwrap();
            foreign.execute_batch(sql).unwrap();
            assert_eq!(whose(&foreign).unwrap(), Whose::Foreign, "{sql}");
            let before = texts(&foreign, "SELECT name FROM sqlite_schema");
            let error = migrate(&mut foreign, Path::new("x.db")).unwrap_err();
            assert!(matches!(error, StoreError::NotOurs(_)), "{error}");
            assert_eq!(texts(&foreign, "SELECT name FROM sqlite_schema"), before);
        }
    }

    /// Databases of all schemas so far came without an application id.
    #[test]
    fn a_database_from_before_it_said_whose_it_is_is_known_by_its_tables() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        assert_eq!(whose(&connection).unwrap(), Whose::Ours);
        migrate(&mut connection, Path::new("x.db")).unwrap();
        let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).unwrap();
        assert_eq!(id, APPLICATION_ID);
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
            if ["span_batch", "trace_part", "trace"].contains(&table.as_str()) {
                // Laid out anew: see below.
                continue;
            }
            let mut now = rows_of(&connection, table);
            // Its event has still to be made searchable.
            now.retain(|row| !row.contains("facts_due"));
            // Columns may have come behind the ones there were.
            assert!(now.len() == 1 && now[0].starts_with(rows[0].as_str()), "{table}: {rows:?} became {now:?}");
        }
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, Path::new("x.db")).unwrap();
        let schema = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
        assert_eq!(texts(&connection, schema), texts(&fresh, schema));
    }

    /// Traces of the eighth schema are listed as they were, each with its parts and its spans.
    #[test]
    fn traces_keep_what_is_known_of_them_when_their_rows_are_made_small() {
        let mut connection = Connection::open_in_memory().unwrap();
        for (index, sql) in MIGRATIONS.iter().enumerate().take(8) {
            connection.execute_batch(sql).unwrap();
            connection.pragma_update(None, "user_version", index as i64 + 1).unwrap();
        }
        let ids = [TraceId([1; 16]), TraceId([2; 16]), TraceId([3; 16])];
        let start_ns = 1_800_000_000_123_456_789_i64;
        // Two that start at the same time, and one at the beginning of it.
        for (id, start_ns) in ids.iter().zip([start_ns, start_ns, 5]) {
            let sql =
                "INSERT INTO trace VALUES (?1, ?2, 1, ?3, ?3 + 900, 1, x'0f10000000000000', 'GET /', 'http.server',
                'shop', 1, 1, 2, 500, ?3 + 100, 300, 12, 3, 4, 1, 0, 1, 'mail' || char(10) || 'shop')";
            connection.execute(sql, rusqlite::params![id.key(), &id.0[..], start_ns]).unwrap();
            for spans_key in [7_i64, i64::MAX - 1, 3 + (1 << 50)] {
                let sql = "INSERT INTO trace_part VALUES (?1, ?2, 3)";
                connection.execute(sql, rusqlite::params![id.key(), spans_key]).unwrap();
            }
        }
        connection.execute("INSERT INTO span_batch VALUES (3, 20, 1, 1, x'28b52ffd')", []).unwrap();

        migrate(&mut connection, Path::new("x.db")).unwrap();
        let filter = TraceFilter { requests_only: true, ..TraceFilter::default() };
        let listed = trace_rows::list(&connection, &filter, i64::MIN, 10).unwrap();
        assert_eq!(listed.len(), 3);
        for (place, id) in ids.iter().enumerate() {
            let found = trace_rows::find(&connection, *id, &filter).unwrap().unwrap();
            assert!(listed.iter().any(|row| row.id == found.id && row.summary == found.summary));
            let start_ns = [start_ns, start_ns, 5][place];
            let expected = TraceSummary {
                trace_id: *id,
                project_id: ProjectId(1),
                start_ns,
                end_ns: start_ns + 900,
                root: TraceRoot {
                    rank: RootRank::Entry,
                    tie: 0x0f10,
                    name: "GET /".into(),
                    op: "http.server".into(),
                    service: "shop".into(),
                    kind: SpanKind::Server,
                    source: SpanSource::Otel,
                    status: SpanStatus::Error,
                    http_status: Some(500),
                    start_ns: start_ns + 100,
                    duration_ns: 300,
                },
                span_count: 12,
                failed_span_count: 3,
                db_span_count: 4,
                has_sentry: true,
                has_otel: false,
                is_request: true,
                services: vec!["mail".into(), "shop".into()],
                error_count: 0,
            };
            assert_eq!(found.summary, expected);
        }
        let parts = "SELECT count(*) || ' ' || count(trace_row) || ' ' || min(batch_id) FROM trace_part";
        assert_eq!(texts(&connection, parts), ["9 3 3"]);
        assert_eq!(texts(&connection, "SELECT name FROM trace_label"), ["GET /"]);
        let batch = "SELECT id || ' ' || received_ms || ' ' || hex(body) FROM span_batch";
        assert_eq!(texts(&connection, batch), ["3 20 28B52FFD"]);
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

    /// A database of an earlier schema with rows of everything, in a file.
    fn fixture(folder: &Path, schema: usize) -> std::path::PathBuf {
        let path = folder.join("trapline.db");
        let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/schemas/schema-{schema:04}.sql"));
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;").unwrap();
        connection.execute_batch(&std::fs::read_to_string(dump).unwrap()).unwrap();
        path
    }

    fn everything_after_an_upgrade(path: &Path) -> Vec<(String, Vec<String>)> {
        let mut connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        migrate(&mut connection, path).unwrap();
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
        let tables = texts(&connection, sql).into_iter();
        tables.map(|table| (table.clone(), rows_of(&connection, &table))).collect()
    }

    /// Where each statement of a migration ends.
    fn statement_ends(sql: &str) -> Vec<usize> {
        let mut ends = vec![0];
        for (at, _) in sql.match_indices(';') {
            let is_comment = sql[..at].rsplit('\n').next().is_some_and(|line| line.contains("--"));
            // The end of a trigger is behind its own statements.
            let open = sql[ends.last().copied().unwrap_or(0)..at].to_ascii_uppercase();
            if !is_comment && (!open.contains("CREATE TRIGGER") || open.trim_end().ends_with("END")) {
                ends.push(at + 1);
            }
        }
        ends
    }

    /// Each migration is stopped behind each of its statements, as by kill -9, and done again from the files as they
    /// are at that moment.
    #[test]
    fn a_migration_cut_off_anywhere_is_done_again() {
        for (schema, sql) in MIGRATIONS.iter().enumerate().skip(1) {
            let folder = tempfile::tempdir().unwrap();
            let whole = everything_after_an_upgrade(&fixture(folder.path(), schema));
            let ends = statement_ends(sql);
            assert!(ends.len() > 1, "{sql}");
            for end in ends {
                let (running, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                let path = fixture(running.path(), schema);
                let connection = Connection::open(&path).unwrap();
                // So little memory that the unfinished transaction reaches the log.
                connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 1; BEGIN").unwrap();
                connection.execute_batch(&sql[..end]).unwrap();
                for name in ["trapline.db", "trapline.db-wal"] {
                    std::fs::copy(running.path().join(name), killed.path().join(name)).unwrap();
                }
                let again = everything_after_an_upgrade(&killed.path().join("trapline.db"));
                assert_eq!(again, whole, "schema {schema}, cut off at byte {end} of the next migration");
            }
        }
    }
}
