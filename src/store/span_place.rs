//! Where a span is, by its id alone: all that a short link in a terminal says of it.
//!
//! No index holds ids of spans, it would be as large as the spans: what is kept is looked through, newest first and for a
//! bounded time. A chunk keeps all ids of its spans side by side, so that a hundred thousand of them take a millisecond.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::readers::check_time;
use super::span_chunks;
use super::trace_search::WAITING_SQL;
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::model::ids::{SpanId, TraceId};

/// What became of looking for a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanPlace {
    /// Of several spans with this id, the one in the youngest chunk.
    Found {
        trace_id: TraceId,
        name: String,
    },
    Nowhere,
    /// Time was up: of traces that start before this, none was looked at.
    SearchedTo {
        ns: i64,
    },
}

impl Store {
    pub async fn span_place(&self, span_id: SpanId, time: Duration) -> Result<SpanPlace, StoreError> {
        self.readers.run(move |connection| find(connection, span_id, Instant::now() + time)).await
    }
}

const CHUNKS_SQL: &str = "SELECT last_trace_ns, id FROM span_chunk ORDER BY last_trace_ns DESC, id DESC";

fn find(connection: &Connection, span_id: SpanId, deadline: Instant) -> Result<SpanPlace, StoreError> {
    // What is not sealed is what came last.
    for (_, id) in rows(connection, WAITING_SQL)? {
        let batch = read_batch(connection, id)?.unwrap_or_default();
        if let Some(span) = batch.spans.into_iter().find(|span| span.span_id == span_id) {
            return Ok(SpanPlace::Found { trace_id: span.trace_id, name: span.name });
        }
    }
    for (last_trace_ns, id) in rows(connection, CHUNKS_SQL)? {
        if Instant::now() >= deadline {
            return Ok(SpanPlace::SearchedTo { ns: last_trace_ns });
        }
        check_time()?;
        if let Some((trace_id, name)) = span_chunks::open(connection, id)?.place_of(span_id)? {
            return Ok(SpanPlace::Found { trace_id, name });
        }
    }
    Ok(SpanPlace::Nowhere)
}

fn rows(connection: &Connection, sql: &str) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
