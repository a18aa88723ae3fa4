//! Whether what is kept compressed can be read: some of every kind, spread over all there are, or all.
//!
//! Reads a few rows at a time, each a moment of its own, so that a server's log is not held up by a long look.

use rusqlite::{Connection, Row, named_params};

use super::check::Finding;
use super::{OnProgress, Progress, Unit};
use crate::config::CHECK_SAMPLE;
use crate::model::ids::TraceId;
use crate::model::sketch::UserSketch;
use crate::store::StoreError;
use crate::store::bloom::contains_id;
use crate::store::bodies::Bodies;
use crate::store::body::expand;
use crate::store::dictionaries::{expand_event, read_content};
use crate::store::log_chunks::Chunk;
use crate::store::log_columns::Part;
use crate::store::span_chunks;
use crate::store::staged::decode_spans;
use crate::store::staged_signals::{decode_logs, decode_metrics};
use crate::store::traces::read_spans;

/// Rows read in one moment.
const PAGE_ROWS: i64 = 64;
/// Rows of a chunk opened at once.
const CHUNK_ROWS: usize = 4_096;

const UNREADABLE: &str = "the bytes of these are damaged, everything else can be read: restore the last backup that passes \
    this check, or live without them";

/// One kind of row with something to open.
struct Kind {
    claim: &'static str,
    table: &'static str,
    /// Read beside the row's id.
    columns: &'static str,
    /// Some are enough, even where all are looked at: what they need is read for each of them anew.
    is_sampled: bool,
    /// What is wrong with it.
    verify: fn(&Look<'_>, &Row<'_>) -> Result<(), String>,
}

/// What rows are read with.
struct Look<'c> {
    connection: &'c Connection,
    /// Dictionaries that were read.
    bodies: Bodies,
}

/// What cannot be read, in words.
fn why(error: impl Into<StoreError>) -> String {
    error.into().to_string()
}

const KINDS: &[Kind] = &[
    Kind {
        claim: "events can be read",
        table: "event",
        columns: "body_codec, body, body_bytes",
        is_sampled: false,
        verify: verify_event,
    },
    Kind {
        claim: "dictionaries can be read",
        table: "dictionary",
        columns: "id",
        is_sampled: false,
        verify: verify_dictionary,
    },
    Kind {
        claim: "sealed spans can be read",
        table: "span_chunk",
        columns: "span_count, trace_count",
        is_sampled: false,
        verify: verify_span_chunk,
    },
    Kind {
        claim: "traces have their spans",
        table: "trace",
        columns: "trace_id, span_count",
        is_sampled: true,
        verify: verify_trace,
    },
    Kind {
        claim: "sealed logs can be read",
        table: "log_chunk",
        columns: "record_count, first_batch_id, last_batch_id, min_ns, max_ns",
        is_sampled: false,
        verify: verify_log_chunk,
    },
    Kind {
        claim: "spans can be read",
        table: "span_batch",
        columns: "body_codec, body, span_count",
        is_sampled: false,
        verify: verify_spans,
    },
    Kind {
        claim: "logs can be read",
        table: "log_batch",
        columns: "body_codec, body, record_count",
        is_sampled: false,
        verify: verify_logs,
    },
    Kind {
        claim: "metrics can be read",
        table: "metric_batch",
        columns: "body_codec, body, point_count",
        is_sampled: false,
        verify: verify_metrics,
    },
    Kind {
        claim: "feedback can be read",
        table: "feedback",
        columns: "body_codec, body",
        is_sampled: false,
        verify: verify_feedback,
    },
    Kind {
        claim: "attachments, profiles and replays can be read and have their length",
        table: "blob",
        columns: "is_whole, bytes",
        is_sampled: false,
        verify: verify_blob,
    },
    Kind {
        claim: "users of issues can be read",
        table: "issue_users",
        columns: "sketch",
        is_sampled: false,
        verify: verify_sketch,
    },
    Kind {
        claim: "users of releases can be read",
        table: "release_users",
        columns: "users",
        is_sampled: false,
        verify: verify_sketch,
    },
];

pub(super) fn check_bodies(connection: &Connection, is_full: bool, on_progress: OnProgress<'_>) -> Vec<Finding> {
    let look = Look { connection, bodies: Bodies::default() };
    KINDS.iter().map(|kind| check_kind(&look, kind, is_full && !kind.is_sampled, on_progress)).collect()
}

fn check_kind(look: &Look<'_>, kind: &Kind, is_full: bool, on_progress: OnProgress<'_>) -> Finding {
    let mut finding = Finding { claim: kind.claim, advice: UNREADABLE, looked_at: Some(0), ..Finding::default() };
    if let Err(error) = look_through(look, kind, is_full, &mut finding, on_progress) {
        finding.add(error.to_string());
    }
    finding
}

fn look_through(
    look: &Look<'_>,
    kind: &Kind,
    is_full: bool,
    finding: &mut Finding,
    on_progress: OnProgress<'_>,
) -> rusqlite::Result<()> {
    let connection = look.connection;
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
            if let Err(trouble) = (kind.verify)(look, row) {
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

fn verify_event(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let (codec, body): (i64, Vec<u8>) = (row.get(1).map_err(why)?, row.get(2).map_err(why)?);
    let body = expand_event(look.connection, &look.bodies, codec, &body).map_err(why)?;
    expect_count(row, 3, body.len(), "bytes")?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&body).map(|_| ()).map_err(|error| error.to_string())
}

fn verify_spans(_: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_spans(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.spans.len(), "spans")
}

fn verify_logs(_: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_logs(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.records.len(), "records")
}

fn verify_metrics(_: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let batch = decode_metrics(&body_of(row)?).map_err(|error| error.to_string())?;
    expect_count(row, 3, batch.points.len(), "points")
}

fn verify_feedback(_: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    match row.get_ref(2) {
        Ok(rusqlite::types::ValueRef::Null) => Ok(()),
        _ => body_of(row).map(|_| ()),
    }
}

fn verify_dictionary(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    read_content(look.connection, &look.bodies, row.get(0).map_err(why)?).map(|_| ()).map_err(why)
}

fn verify_span_chunk(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let id = row.get(0).map_err(why)?;
    let filter = span_chunks::read_filter(look.connection, id).map_err(why)?;
    let mut chunk = span_chunks::open(look.connection, id).map_err(why)?;
    let (traces, count) = (chunk.index.ids.len(), chunk.index.span_count());
    expect_count(row, 1, count, "spans")?;
    expect_count(row, 2, traces, "traces")?;
    if filter.is_empty() && count > 0 {
        return Err("its filter is empty".to_string());
    }
    for start in (0..count).step_by(CHUNK_ROWS) {
        let rows = start..(start + CHUNK_ROWS).min(count);
        let wanted = rows.len();
        let found = chunk.spans(rows).map_err(why)?.spans.len();
        if found != wanted {
            return Err(format!("{found} spans where there should be {wanted}"));
        }
    }
    Ok(())
}

/// What the list says of a trace, and where the index says it is.
fn verify_trace(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let trace_id = TraceId(row.get(1).map_err(why)?);
    let found = read_spans(look.connection, trace_id, usize::MAX).map_err(why)?;
    // Spans that came twice in different company were counted twice.
    let said: i64 = row.get(2).map_err(why)?;
    match found.batch.spans.len() as i64 {
        0 => Err("none of its spans is where the index says".to_string()),
        found if found > said => Err(format!("{found} spans where there should be {said} at most")),
        _ => Ok(()),
    }
}

fn verify_log_chunk(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let said: i64 = row.get(1).map_err(why)?;
    let chunk = Chunk::new(look.connection, row.get(0).map_err(why)?, said);
    let parts = chunk.parts(true).map_err(why)?;
    let all: Vec<usize> = (0..parts.places.len()).collect();
    let records = parts.records(&all).map_err(why)?;
    expect_count(row, 1, records.len(), "records")?;
    let (first, last): (i64, i64) = (row.get(2).map_err(why)?, row.get(3).map_err(why)?);
    if let Some(odd) = all.iter().map(|row| parts.places.place(*row).0.id).find(|id| *id < first || *id > last) {
        return Err(format!("a record of batch {odd}, which is not among its own"));
    }
    let (min_ns, max_ns): (i64, i64) = (row.get(4).map_err(why)?, row.get(5).map_err(why)?);
    if let Some(odd) = records.iter().map(|record| record.time_ns).find(|ns| *ns < min_ns || *ns > max_ns) {
        return Err(format!("a record of {odd}, outside of its time"));
    }
    for part in [Part::TextFilter, Part::AttributeFilter] {
        chunk.part(part).map_err(why)?;
    }
    let filter = chunk.part(Part::TraceFilter).map_err(why)?;
    match records.iter().filter_map(|record| record.trace_id).find(|trace_id| !contains_id(&filter, &trace_id.0)) {
        Some(trace_id) => Err(format!("trace {trace_id} is not found by its filter")),
        None => Ok(()),
    }
}

fn verify_blob(look: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    // One that is not whole was never acknowledged.
    if !row.get::<_, bool>(1).map_err(text)? {
        return Ok(());
    }
    let id: i64 = row.get(0).map_err(text)?;
    let mut length = 0;
    let mut seq = 0;
    while let Some(chunk) =
        crate::store::blobs::read_chunk(look.connection, id, seq).map_err(|error| error.to_string())?
    {
        length += chunk.len();
        seq += 1;
    }
    expect_count(row, 2, length, "bytes")
}

fn verify_sketch(_: &Look<'_>, row: &Row<'_>) -> Result<(), String> {
    let sketch: Vec<u8> = row.get(1).map_err(|error| error.to_string())?;
    UserSketch::from_bytes(&sketch).map(|_| ()).ok_or_else(|| "not a sketch".to_string())
}
