//! Spans and the traces they make up: what is written of a request, and what is read of a trace.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{Range, RangeInclusive};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::readers::check_time;
use super::span_asked::AskedSpans;
use super::span_chunks::{self, ChunkRange};
use super::staged::decode_spans;
use super::trace_rows::{self, TraceFilter};
use super::trace_search::search;
use super::write::SpansWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::TRACE_SCAN_MS;
use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::outcome::Reason;
use crate::model::span::{SpanBatch, SpanSource};
use crate::model::trace::TraceSummary;
use crate::search::Expr;

/// Rows of the list looked at between two looks at the clock: a page's worth first, then as many as take about 50 ms.
const STRETCH_ROWS: usize = 1_000;
const STRETCH_ROWS_MAX: usize = 100_000;

/// Which traces, newest first, from where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceQuery {
    /// Leave out traces that hold no request and no job.
    pub requests_only: bool,
    pub project_id: Option<ProjectId>,
    pub service: Option<String>,
    /// What one of its spans must meet.
    pub expr: Expr,
    /// When they started: from, and up to but not including.
    pub start_ns: Option<Range<i64>>,
    pub duration_ns: Option<RangeInclusive<i64>>,
    /// Place of the last row seen.
    pub before: Option<TracePosition>,
    pub limit: usize,
}

/// A place in the list of all traces: rises with their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracePosition(pub i64);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TracePage {
    pub traces: Vec<TraceSummary>,
    /// Where the next page begins; `None` at the end.
    pub next_before: Option<TracePosition>,
    /// The search was given up here, without having filled the page.
    pub searched_to_ns: Option<i64>,
    /// Traces that would stand on this page, were it not for `requests_only`.
    pub hidden: u64,
}

/// All spans of one trace, without repeats, in no particular order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSpans {
    pub batch: SpanBatch,
    /// Beyond the limit asked for; kept but not returned.
    pub omitted: u64,
    /// Which protocols brought them; one span may have come by both.
    pub has_sentry: bool,
    pub has_otel: bool,
}

/// Inserts the spans of one request, unless every trace part of it is there already.
pub(super) fn insert_spans(tx: &Transaction<'_>, spans: &SpansWrite, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let batch_id = next_batch_id(tx)?;
    let mut new_spans = 0;
    let mut old_spans = 0;
    let mut last_trace_ns = i64::MIN;
    for part in &spans.parts {
        last_trace_ns = last_trace_ns.max(part.summary.start_ns);
        if trace_rows::add_part(tx, part, batch_id)? {
            new_spans += part.summary.span_count;
            batch.traces += 1;
        } else {
            old_spans += part.summary.span_count;
        }
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
        "INSERT INTO span_batch (id, received_ms, span_count, last_trace_ns, expanded_bytes, body_codec, body)
         VALUES (:id, :received_ms, :span_count, :last_trace_ns, :expanded_bytes, :body_codec, :body)",
    )?;
    statement.execute(named_params! {
        ":id": batch_id,
        ":received_ms": spans.received_ms,
        ":span_count": (new_spans + old_spans) as i64,
        ":last_trace_ns": last_trace_ns,
        ":expanded_bytes": spans.body.expanded_bytes as i64,
        ":body_codec": CODEC_ZSTD,
        ":body": spans.body.bytes,
    })?;
    Ok(())
}

/// The id the next batch gets. Ids are never given again, so what names one of a batch long gone finds nothing.
fn next_batch_id(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'span_batch'")?;
    let last: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(0) + 1)
}

impl Store {
    pub async fn traces(&self, query: TraceQuery) -> Result<TracePage, StoreError> {
        self.readers.run(move |connection| read_traces(connection, &query)).await
    }

    /// The spans of a trace; empty when there are none.
    pub async fn trace_spans(&self, trace_id: TraceId, limit: usize) -> Result<TraceSpans, StoreError> {
        self.readers.run(move |connection| read_spans(connection, trace_id, limit)).await
    }

    /// The same without what spans carry, as far as that is cheaper.
    pub async fn trace_outline(&self, trace_id: TraceId, limit: usize) -> Result<TraceSpans, StoreError> {
        self.readers.run(move |connection| read_to_depth(connection, trace_id, limit, Depth::Outline)).await
    }

    /// About how many spans a trace has.
    pub async fn trace_size(&self, trace_id: TraceId) -> Result<u64, StoreError> {
        self.readers.run(move |connection| trace_rows::size_of(connection, trace_id)).await
    }

    /// Whether any span of the trace is stored.
    pub async fn has_trace(&self, trace_id: TraceId) -> Result<bool, StoreError> {
        self.readers.run(move |connection| trace_rows::has(connection, trace_id)).await
    }

    /// Whether there is any event or what is left of some, and any trace: an empty store shows the welcome page.
    pub async fn has_data(&self) -> Result<(bool, bool), StoreError> {
        self.readers
            .run(|connection| {
                let sql =
                    "SELECT EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM issue), EXISTS (SELECT 1 FROM trace)";
                Ok(connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
            })
            .await
    }
}

fn read_traces(connection: &Connection, query: &TraceQuery) -> Result<TracePage, StoreError> {
    let before = query.before.map_or(i64::MAX, |position| position.0);
    // To the microsecond, and rows of a crowded one stand a little later than their traces.
    let rows =
        query.start_ns.as_ref().map(|time| (trace_rows::first_id_at(time.start), trace_rows::first_id_at(time.end)));
    let (from, to) = rows.unwrap_or((i64::MIN, i64::MAX));
    let filter = TraceFilter {
        before: before.min(to),
        from,
        duration_ns: query.duration_ns.clone().unwrap_or(i64::MIN..=i64::MAX),
        requests_only: query.requests_only,
        project_id: query.project_id,
        service: query.service.clone(),
    };
    let time = Duration::from_millis(TRACE_SCAN_MS);
    if query.expr == Expr::Everything {
        return list_traces(connection, filter, query.limit, time);
    }
    search(connection, &filter, &AskedSpans::new(query.expr.clone()), query.limit, time)
}

/// No index knows the filters, and few of ten million traces may pass them: rows are looked at in stretches, for a bounded
/// time, and what was not looked at is said.
fn list_traces(
    connection: &Connection,
    mut filter: TraceFilter,
    limit: usize,
    time: Duration,
) -> Result<TracePage, StoreError> {
    let first = filter.before;
    let deadline = Instant::now() + time;
    let mut rows = Vec::new();
    let mut stretch = STRETCH_ROWS;
    let mut searched_to_ns = None;
    let mut next_before = None;
    loop {
        let floor = trace_rows::floor_of(connection, filter.before, stretch)?.filter(|floor| *floor > filter.from);
        rows.extend(trace_rows::list(connection, &filter, floor.unwrap_or(filter.from), limit + 1 - rows.len())?);
        if rows.len() > limit {
            rows.truncate(limit);
            next_before = rows.last().map(|row| TracePosition(row.id));
            break;
        }
        let Some(floor) = floor else { break };
        if Instant::now() >= deadline {
            searched_to_ns = Some(trace_rows::start_of_id(floor));
            next_before = Some(TracePosition(floor));
            break;
        }
        filter.before = floor;
        stretch = (stretch * 8).min(STRETCH_ROWS_MAX);
    }
    // Of what was looked at, so that it takes no longer than that did.
    let hidden = if filter.requests_only {
        filter.before = first;
        trace_rows::count_hidden(connection, &filter, next_before.map_or(filter.from, |position| position.0))?
    } else {
        0
    };
    let traces = rows.into_iter().map(|row| row.summary).collect();
    Ok(TracePage { traces, next_before, searched_to_ns, hidden })
}

/// The batches that hold spans of one trace, whether they are sealed or not.
pub(super) const PARTS_SQL: &str = "SELECT batch_id FROM trace_part WHERE trace_key = :key ORDER BY batch_id";
/// A batch that is not sealed.
pub(super) const BATCH_SQL: &str = "SELECT body_codec, body FROM span_batch WHERE id = :id";

/// How much is read of spans that are sealed.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Whole,
    /// Places, names and times.
    Outline,
}

pub(super) fn read_spans(connection: &Connection, trace_id: TraceId, limit: usize) -> Result<TraceSpans, StoreError> {
    read_to_depth(connection, trace_id, limit, Depth::Whole)
}

fn read_to_depth(
    connection: &Connection,
    trace_id: TraceId,
    limit: usize,
    depth: Depth,
) -> Result<TraceSpans, StoreError> {
    let mut statement = connection.prepare_cached(PARTS_SQL)?;
    let batch_ids = statement.query_map(named_params! { ":key": trace_id.key() }, |row| row.get(0))?;
    let batch_ids: Vec<i64> = batch_ids.collect::<Result<_, _>>()?;
    let mut found = Collected { trace_id, limit, seen: HashMap::new(), spans: TraceSpans::default() };
    let mut read_to = i64::MIN;
    for batch_id in batch_ids {
        if batch_id <= read_to {
            continue;
        }
        check_time()?;
        read_to = batch_id;
        match span_chunks::covering(connection, batch_id)? {
            Some(ChunkRange { id, last_batch_id }) => {
                read_to = last_batch_id;
                let mut chunk = span_chunks::open(connection, id)?;
                found.add(match depth {
                    Depth::Whole => chunk.trace(trace_id)?,
                    Depth::Outline => chunk.outline(trace_id)?,
                });
            }
            None => found.add(read_batch(connection, batch_id)?.unwrap_or_default()),
        }
    }
    Ok(found.spans)
}

/// A batch that is not sealed, if there is one.
pub(super) fn read_batch(connection: &Connection, batch_id: i64) -> Result<Option<SpanBatch>, StoreError> {
    let mut statement = connection.prepare_cached(BATCH_SQL)?;
    let body: Option<(i64, Vec<u8>)> =
        statement.query_row(named_params! { ":id": batch_id }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    body.map(|(codec, body)| decode_spans(&expand(codec, &body)?)).transpose()
}

struct Collected {
    trace_id: TraceId,
    limit: usize,
    /// Where the spans are that are returned; `None` of those that are not.
    seen: HashMap<SpanId, Option<usize>>,
    spans: TraceSpans,
}

impl Collected {
    fn add(&mut self, batch: SpanBatch) {
        let found = &mut self.spans;
        let resources = batch.resources.into_iter().map(|resource| resource.place_in(&mut found.batch.resources));
        let resources: Vec<usize> = resources.collect();
        for mut span in batch.spans {
            if span.trace_id != self.trace_id {
                continue;
            }
            span.resource = resources.get(span.resource).copied().unwrap_or(0);
            found.has_sentry |= span.source == SpanSource::Sentry;
            found.has_otel |= span.source == SpanSource::Otel;
            match self.seen.entry(span.span_id) {
                Entry::Occupied(known) => {
                    // Sent again, or by both protocols of one process: one span.
                    if let Some(place) = *known.get() {
                        found.batch.spans[place].merge_duplicate(span);
                    }
                }
                Entry::Vacant(place) if found.batch.spans.len() < self.limit => {
                    place.insert(Some(found.batch.spans.len()));
                    found.batch.spans.push(span);
                }
                Entry::Vacant(place) => {
                    place.insert(None);
                    found.omitted += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::migrate;
    use super::*;
    use crate::model::trace::{RootRank, TraceRoot};

    #[test]
    fn a_filter_that_few_pass_is_looked_through_in_pages_that_say_how_far_they_came() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, std::path::Path::new("memory")).unwrap();
        let tx = connection.transaction().unwrap();
        for n in 1..=5_000_u64 {
            let summary = TraceSummary {
                trace_id: TraceId(u128::from(n).to_be_bytes()),
                start_ns: n as i64 * 1_000_000,
                end_ns: n as i64 * 1_000_000,
                is_request: n % 2_400 == 1,
                project_id: ProjectId(1),
                root: TraceRoot {
                    rank: RootRank::Root,
                    start_ns: n as i64 * 1_000_000,
                    tie: 1,
                    name: "GET /".to_string(),
                    op: String::new(),
                    service: String::new(),
                    kind: crate::model::span::SpanKind::default(),
                    source: crate::model::span::SpanSource::default(),
                    status: crate::model::span::SpanStatus::default(),
                    http_status: None,
                    duration_ns: 0,
                },
                span_count: 1,
                failed_span_count: 0,
                db_span_count: 0,
                has_sentry: true,
                has_otel: false,
                services: Vec::new(),
                error_count: 0,
            };
            let part = super::super::write::TracePart { spans_key: n as i64, summary };
            assert!(trace_rows::add_part(&tx, &part, 1).unwrap());
        }
        tx.commit().unwrap();
        let filter = TraceFilter { requests_only: true, ..TraceFilter::default() };
        let whole = list_traces(&connection, filter.clone(), 50, Duration::from_secs(60)).unwrap();
        assert_eq!((whole.traces.len(), whole.next_before, whole.searched_to_ns), (3, None, None));
        // Without time, a stretch each.
        let (mut found, mut pages, mut before) = (Vec::new(), 0, i64::MAX);
        loop {
            let filter = TraceFilter { before, ..filter.clone() };
            let page = list_traces(&connection, filter, 50, Duration::ZERO).unwrap();
            pages += 1;
            assert_eq!(page.next_before.is_some(), page.searched_to_ns.is_some());
            found.extend(page.traces);
            match page.next_before {
                Some(next) => before = next.0,
                None => break,
            }
        }
        assert_eq!((found, pages), (whole.traces.clone(), 5));
        // A full page ends where its last row is.
        let page = list_traces(&connection, filter, 2, Duration::from_secs(60)).unwrap();
        assert_eq!((page.traces.as_slice(), page.searched_to_ns), (&whole.traces[..2], None));
    }
}
