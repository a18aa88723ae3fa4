//! Whether what is kept compressed can be read: some of every kind, spread over all there are, or all.
//!
//! Reads a few rows at a time, each a moment of its own, so that a server's log is not held up by a long look.

use rusqlite::{Connection, Row, named_params};

use super::check::Finding;
use super::{OnProgress, Progress, Unit};
use crate::config::CHECK_SAMPLE;
use crate::model::sketch::UserSketch;
use crate::store::body::expand;
use crate::store::staged::decode_spans;
use crate::store::staged_signals::{decode_logs, decode_metrics};

/// Rows read in one moment.
const PAGE_ROWS: i64 = 64;

const UNREADABLE: &str = "the bytes of these are damaged, everything else can be read: restore the last backup that passes \
    this check, or live without them";

/// One kind of row with something to open.
struct Kind {
    claim: &'static str,
    table: &'static str,
    /// Read beside the row's id.
    columns: &'static str,
    /// What is wrong with it.
    verify: fn(&Connection, &Row<'_>) -> Result<(), String>,
}

const KINDS: &[Kind] = &[
    Kind { claim: "events can be read", table: "event", columns: "body_codec, body, body_bytes", verify: verify_event },
    Kind {
        claim: "spans can be read",
        table: "span_batch",
        columns: "body_codec, body, span_count",
        verify: verify_spans,
    },
    Kind {
        claim: "logs can be read",
        table: "log_batch",
        columns: "body_codec, body, record_count",
        verify: verify_logs,
    },
    Kind {
        claim: "metrics can be read",
        table: "metric_batch",
        columns: "body_codec, body, point_count",
        verify: verify_metrics,
    },
    Kind { claim: "feedback can be read", table: "feedback", columns: "body_codec, body", verify: verify_feedback },
    Kind {
        claim: "attachments, profiles and replays can be read and have their length",
        table: "blob",
        columns: "is_whole, bytes",
        verify: verify_blob,
    },
    Kind { claim: "users of issues can be read", table: "issue_users", columns: "sketch", verify: verify_sketch },
    Kind { claim: "users of releases can be read", table: "release_users", columns: "users", verify: verify_sketch },
];

pub(super) fn check_bodies(connection: &Connection, is_full: bool, on_progress: OnProgress<'_>) -> Vec<Finding> {
    KINDS.iter().map(|kind| check_kind(connection, kind, is_full, on_progress)).collect()
}

fn check_kind(connection: &Connection, kind: &Kind, is_full: bool, on_progress: OnProgress<'_>) -> Finding {
    let mut finding = Finding { claim: kind.claim, advice: UNREADABLE, looked_at: Some(0), ..Finding::default() };
    if let Err(error) = look_through(connection, kind, is_full, &mut finding, on_progress) {
        finding.add(error.to_string());
    }
    finding
}

fn look_through(
    connection: &Connection,
    kind: &Kind,
    is_full: bool,
    finding: &mut Finding,
    on_progress: OnProgress<'_>,
) -> rusqlite::Result<()> {
    let ends = format!("SELECT (SELECT min(rowid) FROM {0}), (SELECT max(rowid) FROM {0})", kind.table);
    let ends = connection.query_row(&ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(()) };
    let sql = format!(
        "SELECT rowid, {} FROM {} WHERE rowid >= :from AND rowid <= :last ORDER BY rowid LIMIT :limit",
        kind.columns, kind.table
    );
    let mut statement = connection.prepare(&sql)?;
    // Rows written while we look are none of ours: this comes to an end.
    let stretch = i128::from(last) - i128::from(first);
    let total = if is_full { 0 } else { CHECK_SAMPLE as u64 };
    let (limit, mut from, mut probe) = (if is_full { PAGE_ROWS } else { 1 }, first, 0);
    loop {
        let mut rows = statement.query(named_params! { ":from": from, ":last": last, ":limit": limit })?;
        let mut newest = None;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            newest = Some(id);
            finding.looked_at = finding.looked_at.map(|count| count + 1);
            if let Err(trouble) = (kind.verify)(connection, row) {
                finding.add(format!("{} {id}: {trouble}", kind.table));
            }
        }
        drop(rows);
        let Some(next) = newest.and_then(|newest| newest.checked_add(1)) else { return Ok(()) };
        on_progress(Progress {
            stage: "checking bodies",
            done: finding.looked_at.unwrap_or_default(),
            total,
            unit: Unit::Rows,
        });
        from = next;
        if !is_full {
            probe += 1;
            if probe >= CHECK_SAMPLE {
                return Ok(());
            }
            let at = i128::from(first) + stretch * i128::from(probe) / i128::from(CHECK_SAMPLE - 1);
            from = from.max(i64::try_from(at).unwrap_or(last));
        }
    }
}

fn body_of(row: &Row<'_>) -> Result<Vec<u8>, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let body: Vec<u8> = row.get(2).map_err(text)?;
    expand(row.get(1).map_err(text)?, &body).map_err(|error| error.to_string())
}

fn expect_count(row: &Row<'_>, column: usize, found: usize, what: &str) -> Result<(), String> {
    let said: i64 = row.get(column).map_err(|error| error.to_string())?;
    if usize::try_from(said) == Ok(found) {
        Ok(())
    } else {
        Err(format!("{found} {what} where there should be {said}"))
    }
}

fn verify_event(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    let body = body_of(row)?;
    expect_count(row, 3, body.len(), "bytes")?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&body).map(|_| ()).map_err(|error| error.to_string())
}

fn verify_spans(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_spans(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.spans.len(), "spans")
}

fn verify_logs(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_logs(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.records.len(), "records")
}

fn verify_metrics(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_metrics(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.points.len(), "points")
}

fn verify_feedback(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    match row.get_ref(2) {
        Ok(rusqlite::types::ValueRef::Null) => Ok(()),
        _ => body_of(row).map(|_| ()),
    }
}

fn verify_blob(connection: &Connection, row: &Row<'_>) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    // One that is not whole was never acknowledged.
    if !row.get::<_, bool>(1).map_err(text)? {
        return Ok(());
    }
    let id: i64 = row.get(0).map_err(text)?;
    let mut length = 0;
    let mut seq = 0;
    while let Some(chunk) = crate::store::blobs::read_chunk(connection, id, seq).map_err(|error| error.to_string())? {
        length += chunk.len();
        seq += 1;
    }
    expect_count(row, 2, length, "bytes")
}

fn verify_sketch(_: &Connection, row: &Row<'_>) -> Result<(), String> {
    let sketch: Vec<u8> = row.get(1).map_err(|error| error.to_string())?;
    UserSketch::from_bytes(&sketch).map(|_| ()).ok_or_else(|| "not a sketch".to_string())
}
