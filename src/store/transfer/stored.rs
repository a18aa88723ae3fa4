//! How spans, logs and metrics lie in the file: the next of them in order, and whether some are there already.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::log::{LogBatch, LogRecord};
use crate::model::metric::MetricBatch;
use crate::model::span::{Resource, SpanBatch};
use crate::store::StoreError;
use crate::store::body::expand;
use crate::store::staged::decode_spans;
use crate::store::staged_signals::{decode_logs, decode_metrics};
use crate::store::trace_rows;
use crate::store::traces::read_spans;

/// A batch and the place behind it.
pub(super) struct Placed<T> {
    pub(super) batch: T,
    pub(super) next: i64,
}

/// The spans behind a place, as many as lie together.
pub(super) fn next_spans(connection: &Connection, after: i64) -> Result<Option<Placed<SpanBatch>>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, body_codec, body FROM span_batch WHERE id > :after ORDER BY id LIMIT 1")?;
    let found = statement
        .query_row(named_params! { ":after": after }, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))
        .optional()?;
    let Some((next, codec, body)) = found else { return Ok(None) };
    Ok(Some(Placed { batch: decode_spans(&expand(codec, &body)?)?, next }))
}

/// Which project a trace is listed under.
pub(super) fn project_of(connection: &Connection, trace_id: TraceId) -> Result<Option<ProjectId>, StoreError> {
    trace_rows::project_of(connection, trace_id)
}

/// Whether these very spans of a trace came together before.
pub(super) fn has_part(connection: &Connection, trace_key: i64, spans_key: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :trace_key AND spans_key = :spans_key)";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(named_params! { ":trace_key": trace_key, ":spans_key": spans_key }, |row| row.get(0))?)
}

/// The spans of a trace that are there.
pub(super) fn known_spans(connection: &Connection, trace_id: TraceId) -> Result<HashSet<SpanId>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM trace_part WHERE trace_key = :trace_key)";
    let mut statement = connection.prepare_cached(sql)?;
    let is_known: bool = statement.query_row(named_params! { ":trace_key": trace_id.key() }, |row| row.get(0))?;
    if !is_known {
        return Ok(HashSet::new());
    }
    Ok(read_spans(connection, trace_id, usize::MAX)?.batch.spans.iter().map(|span| span.span_id).collect())
}

/// The logs behind a place, as many as lie together, and their project.
pub(super) fn next_logs(
    connection: &Connection,
    after: i64,
) -> Result<Option<Placed<(ProjectId, LogBatch)>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body_codec, body, project_id FROM log_batch WHERE id > :after ORDER BY id LIMIT 1",
    )?;
    let found = statement
        .query_row(named_params! { ":after": after }, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?, ProjectId(row.get(3)?)))
        })
        .optional()?;
    let Some((next, codec, body, project_id)) = found else { return Ok(None) };
    Ok(Some(Placed { batch: (project_id, decode_logs(&expand(codec, &body)?)?), next }))
}

/// The records of a project in a stretch of time, with how often each is there. Nothing is read when there is none.
pub(super) fn known_logs(
    connection: &Connection,
    project_id: ProjectId,
    min_ns: i64,
    max_ns: i64,
) -> Result<HashMap<i64, Vec<(LogRecord, Resource)>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT body_codec, body FROM log_batch WHERE max_ns >= :min_ns AND min_ns <= :max_ns AND project_id = :project_id",
    )?;
    let mut rows =
        statement.query(named_params! { ":min_ns": min_ns, ":max_ns": max_ns, ":project_id": project_id.0 })?;
    let mut known: HashMap<i64, Vec<(LogRecord, Resource)>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let batch = decode_logs(&expand(row.get(0)?, &row.get::<_, Vec<u8>>(1)?)?)?;
        for mut record in batch.records.into_iter().filter(|record| (min_ns..=max_ns).contains(&record.time_ns)) {
            let resource = batch.resources[std::mem::take(&mut record.resource)].clone();
            known.entry(record.time_ns).or_default().push((record, resource));
        }
    }
    Ok(known)
}

/// The points of one request.
pub(super) struct Points {
    pub(super) project_id: ProjectId,
    pub(super) content_key: i64,
    pub(super) received_ms: i64,
    pub(super) batch: MetricBatch,
}

pub(super) fn next_points(connection: &Connection, after: i64) -> Result<Option<Placed<Points>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body_codec, body, project_id, content_key, received_ms FROM metric_batch WHERE id > :after
         ORDER BY id LIMIT 1",
    )?;
    let found = statement
        .query_row(named_params! { ":after": after }, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((next, codec, body, project_id, content_key, received_ms)) = found else { return Ok(None) };
    let batch = decode_metrics(&expand(codec, &body)?)?;
    Ok(Some(Placed { batch: Points { project_id: ProjectId(project_id), content_key, received_ms, batch }, next }))
}
