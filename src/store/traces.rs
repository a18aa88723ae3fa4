//! Spans and the traces they make up: bodies by request, an index by trace, a summary per trace.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::readers::check_time;
use super::staged::{
    decode_spans, kind_from_code, kind_to_code, source_from_code, source_to_code, status_from_code, status_to_code,
};
use super::write::SpansWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::TRACE_SERVICES_MAX;
use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::outcome::Reason;
use crate::model::span::SpanBatch;
use crate::model::trace::{RootRank, TraceRoot, TraceSummary};

/// Which traces, newest first, from where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceQuery {
    /// Leave out traces that hold no request and no job.
    pub requests_only: bool,
    /// Substring of the root's name or op, in any case.
    pub text: Option<String>,
    pub service: Option<String>,
    /// Start and key of the last row seen.
    pub after: Option<(i64, i64)>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TracePage {
    pub traces: Vec<TraceSummary>,
    pub next_after: Option<(i64, i64)>,
}

/// All spans of one trace, without repeats, in no particular order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSpans {
    pub batch: SpanBatch,
    /// Beyond the limit asked for; kept but not returned.
    pub omitted: u64,
}

/// Inserts the spans of one request, unless every trace part of it is there already.
pub(super) fn insert_spans(tx: &Transaction<'_>, spans: &SpansWrite, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let batch_id = batch.ids.next(batch.now_ms);
    let mut new_spans = 0;
    let mut old_spans = 0;
    for part in &spans.parts {
        let mut statement = tx.prepare_cached(
            "INSERT INTO trace_part (trace_key, spans_key, batch_id) VALUES (:trace_key, :spans_key, :batch_id)
             ON CONFLICT (trace_key, spans_key) DO NOTHING",
        )?;
        let inserted = statement.execute(named_params! {
            ":trace_key": part.summary.trace_id.key(),
            ":spans_key": part.spans_key,
            ":batch_id": batch_id,
        })?;
        if inserted == 0 {
            old_spans += part.summary.span_count;
            continue;
        }
        new_spans += part.summary.span_count;
        batch.traces += 1;
        let merged = match read_summary(tx, part.summary.trace_id)? {
            Some(mut known) => {
                known.merge(part.summary.clone(), TRACE_SERVICES_MAX);
                known
            }
            None => part.summary.clone(),
        };
        write_summary(tx, &merged)?;
    }
    let mut count = |category: &str, reason: Reason, quantity: u64| {
        if quantity > 0 {
            batch.outcomes.add(spans.project_id, spans.received_ms, category, reason.as_str(), quantity);
        }
    };
    count("span", Reason::Accepted, new_spans);
    count("span", Reason::Duplicate, old_spans);
    let transactions = u64::from(spans.transactions);
    count("transaction", if new_spans > 0 { Reason::Accepted } else { Reason::Duplicate }, transactions);
    if new_spans == 0 {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO span_batch (id, received_ms, span_count, body_codec, body)
         VALUES (:id, :received_ms, :span_count, :body_codec, :body)",
    )?;
    statement.execute(named_params! {
        ":id": batch_id,
        ":received_ms": spans.received_ms,
        ":span_count": (new_spans + old_spans) as i64,
        ":body_codec": CODEC_ZSTD,
        ":body": spans.body.bytes,
    })?;
    Ok(())
}

const TRACE_COLUMNS: &str = "trace.trace_id, trace.project_id, trace.start_ns, trace.end_ns, trace.root_rank,
    trace.root_span_id, trace.root_name, trace.root_op, trace.root_service, trace.root_kind, trace.root_source,
    trace.root_status, trace.root_http_status, trace.root_start_ns, trace.root_duration_ns, trace.span_count,
    trace.failed_span_count, trace.db_span_count, trace.has_sentry, trace.has_otel, trace.is_request,
    trace.services";

pub(super) fn read_summary(connection: &Connection, trace_id: TraceId) -> Result<Option<TraceSummary>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {TRACE_COLUMNS}, 0 FROM trace WHERE trace_key = :key AND trace_id = :id"))?;
    let found = statement
        .query_row(named_params! { ":key": trace_id.key(), ":id": &trace_id.0[..] }, summary_from_row)
        .optional()?;
    Ok(found)
}

fn write_summary(tx: &Transaction<'_>, trace: &TraceSummary) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO trace (trace_key, trace_id, project_id, start_ns, end_ns, root_rank, root_span_id,
             root_name, root_op, root_service, root_kind, root_source, root_status, root_http_status, root_start_ns,
             root_duration_ns, span_count, failed_span_count, db_span_count, has_sentry, has_otel, is_request,
             services)
         VALUES (:trace_key, :trace_id, :project_id, :start_ns, :end_ns, :root_rank, :root_span_id, :root_name,
             :root_op, :root_service, :root_kind, :root_source, :root_status, :root_http_status, :root_start_ns,
             :root_duration_ns, :span_count, :failed_span_count, :db_span_count, :has_sentry, :has_otel,
             :is_request, :services)",
    )?;
    statement.execute(named_params! {
        ":trace_key": trace.trace_id.key(),
        ":trace_id": &trace.trace_id.0[..],
        ":project_id": trace.project_id.0,
        ":start_ns": trace.start_ns,
        ":end_ns": trace.end_ns,
        ":root_rank": trace.root.rank as i64,
        ":root_span_id": &trace.root.span_id.0[..],
        ":root_name": trace.root.name,
        ":root_op": trace.root.op,
        ":root_service": trace.root.service,
        ":root_kind": kind_to_code(trace.root.kind),
        ":root_source": source_to_code(trace.root.source),
        ":root_status": status_to_code(trace.root.status),
        ":root_http_status": trace.root.http_status,
        ":root_start_ns": trace.root.start_ns,
        ":root_duration_ns": trace.root.duration_ns,
        ":span_count": trace.span_count as i64,
        ":failed_span_count": trace.failed_span_count as i64,
        ":db_span_count": trace.db_span_count as i64,
        ":has_sentry": trace.has_sentry,
        ":has_otel": trace.has_otel,
        ":is_request": trace.is_request,
        ":services": trace.services.join("\n"),
    })?;
    Ok(())
}

impl Store {
    pub async fn traces(&self, query: TraceQuery) -> Result<TracePage, StoreError> {
        self.readers.run(move |connection| read_traces(connection, &query)).await
    }

    /// The spans of a trace; empty when there are none.
    pub async fn trace_spans(&self, trace_id: TraceId, limit: usize) -> Result<TraceSpans, StoreError> {
        self.readers.run(move |connection| read_spans(connection, trace_id, limit)).await
    }

    /// Whether any span of the trace is stored.
    pub async fn has_trace(&self, trace_id: TraceId) -> Result<bool, StoreError> {
        self.readers.run(move |connection| Ok(read_summary(connection, trace_id)?.is_some())).await
    }

    /// Whether there is any event, and any trace: an empty store shows the welcome page.
    pub async fn has_data(&self) -> Result<(bool, bool), StoreError> {
        self.readers
            .run(|connection| {
                let sql = "SELECT EXISTS (SELECT 1 FROM event), EXISTS (SELECT 1 FROM trace)";
                Ok(connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
            })
            .await
    }
}

/// A page of the list. Both forms are told apart in the text, so that each has an index to walk.
pub(super) fn list_sql(requests_only: bool) -> String {
    let requests = if requests_only { "trace.is_request = 1 AND" } else { "" };
    format!(
        "SELECT {TRACE_COLUMNS},
             (SELECT count(*) FROM event WHERE event.trace_id = trace.trace_id),
             trace.trace_key
         FROM trace
         WHERE {requests} (trace.start_ns, trace.trace_key) < (:after_start, :after_key)
             AND (:text IS NULL OR instr(lower(trace.root_name), :text) OR instr(lower(trace.root_op), :text)
                  OR instr(lower(hex(trace.trace_id)), :text))
             AND (:service IS NULL OR instr(char(10) || trace.services || char(10), char(10) || :service || char(10)))
         ORDER BY trace.start_ns DESC, trace.trace_key DESC LIMIT :limit"
    )
}

fn read_traces(connection: &Connection, query: &TraceQuery) -> Result<TracePage, StoreError> {
    let mut statement = connection.prepare_cached(&list_sql(query.requests_only))?;
    let (after_start, after_key) = query.after.unwrap_or((i64::MAX, i64::MAX));
    let rows = statement.query_map(
        named_params! {
            ":after_start": after_start,
            ":after_key": after_key,
            ":text": query.text.as_deref().map(str::to_ascii_lowercase),
            ":service": query.service,
            ":limit": query.limit as i64 + 1,
        },
        |row| Ok((summary_from_row(row)?, row.get::<_, i64>(23)?)),
    )?;
    let mut traces: Vec<(TraceSummary, i64)> = rows.collect::<Result<_, _>>()?;
    let more = traces.len() > query.limit;
    traces.truncate(query.limit);
    let next_after = traces.last().filter(|_| more).map(|(trace, key)| (trace.start_ns, *key));
    Ok(TracePage { traces: traces.into_iter().map(|(trace, _)| trace).collect(), next_after })
}

/// The bodies that hold spans of one trace.
pub(super) const SPANS_SQL: &str = "SELECT span_batch.id, span_batch.body_codec, span_batch.body
    FROM trace_part JOIN span_batch ON span_batch.id = trace_part.batch_id
    WHERE trace_part.trace_key = :key ORDER BY span_batch.id";

pub(super) fn read_spans(connection: &Connection, trace_id: TraceId, limit: usize) -> Result<TraceSpans, StoreError> {
    let mut statement = connection.prepare_cached(SPANS_SQL)?;
    let mut rows = statement.query(named_params! { ":key": trace_id.key() })?;
    let mut found = TraceSpans::default();
    let mut seen = HashSet::new();
    while let Some(row) = rows.next()? {
        check_time()?;
        let body: Vec<u8> = row.get(2)?;
        let batch = decode_spans(&expand(row.get(1)?, &body)?)?;
        let first_resource = found.batch.resources.len();
        found.batch.resources.extend(batch.resources);
        for mut span in batch.spans {
            if span.trace_id != trace_id || !seen.insert(span.span_id) {
                continue;
            }
            if found.batch.spans.len() >= limit {
                found.omitted += 1;
                continue;
            }
            span.resource += first_resource;
            found.batch.spans.push(span);
        }
    }
    Ok(found)
}

fn summary_from_row(row: &Row<'_>) -> rusqlite::Result<TraceSummary> {
    let services: String = row.get(21)?;
    Ok(TraceSummary {
        trace_id: TraceId(row.get(0)?),
        project_id: ProjectId(row.get(1)?),
        start_ns: row.get(2)?,
        end_ns: row.get(3)?,
        root: TraceRoot {
            rank: match row.get::<_, i64>(4)? {
                0 => RootRank::Root,
                1 => RootRank::Entry,
                _ => RootRank::Inner,
            },
            span_id: SpanId(row.get(5)?),
            name: row.get(6)?,
            op: row.get(7)?,
            service: row.get(8)?,
            kind: kind_from_code(row.get(9)?),
            source: source_from_code(row.get(10)?),
            status: status_from_code(row.get(11)?),
            http_status: row.get(12)?,
            start_ns: row.get(13)?,
            duration_ns: row.get(14)?,
        },
        span_count: row.get::<_, i64>(15)?.max(0) as u64,
        failed_span_count: row.get::<_, i64>(16)?.max(0) as u64,
        db_span_count: row.get::<_, i64>(17)?.max(0) as u64,
        has_sentry: row.get(18)?,
        has_otel: row.get(19)?,
        is_request: row.get(20)?,
        services: services.split('\n').filter(|name| !name.is_empty()).map(str::to_string).collect(),
        error_count: row.get::<_, i64>(22)?.max(0) as u64,
    })
}
