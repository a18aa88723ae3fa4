//! Traces with a span that a search takes: filters of chunks, then the columns asked for, and what is not sealed yet.
//!
//! Newest first, and for a bounded time: what was not looked at is said, and the next page goes on there.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::StoreError;
use super::span_asked::{AskedSpans, Roots};
use super::span_chunks;
use super::trace_rows::{self, SPREAD_NS, StoredTrace, TraceFilter, first_id_at, start_of_id};
use super::traces::{PARTS_SQL, TracePage, TracePosition, read_batch};
use crate::config::TRACE_SPREAD_NS;
use crate::model::ids::TraceId;
use crate::model::trace::TraceSummary;

/// Where spans are, those with the youngest traces first.
pub(super) const PLACES_SQL: &str = "SELECT last_trace_ns, id FROM span_chunk WHERE min_ns <= :upper_ns
        AND max_ns >= :from_ns
    ORDER BY last_trace_ns DESC, id DESC";
/// The same of what is not sealed, which is little.
pub(super) const WAITING_SQL: &str = "SELECT last_trace_ns, id FROM span_batch WHERE body_codec > 0
    ORDER BY last_trace_ns DESC, id DESC";

enum Place {
    Chunk(i64),
    Batch(i64),
}

/// Looks for as long as `time`, and a little longer where the next page would begin no further back than this one.
pub(super) fn search(
    connection: &Connection,
    filter: &TraceFilter,
    asked: &AskedSpans,
    limit: usize,
    time: Duration,
) -> Result<TracePage, StoreError> {
    let deadline = Instant::now() + time;
    let mut roots = Roots::new(connection);
    let is_first_page = filter.before == i64::MAX;
    // Where the page begins: no trace of it starts later.
    let before_ns = if is_first_page { i64::MAX } else { start_of_id(filter.before).saturating_add(1_000) };
    let mut found = Found { filter, limit, seen: HashSet::new(), rows: BTreeMap::new(), hidden: Vec::new() };
    let mut searched_to_ns = None;
    for (last_trace_ns, place) in places(connection, asked, before_ns)? {
        if found.oldest_ns().is_some_and(|oldest_ns| oldest_ns > last_trace_ns) {
            break;
        }
        if last_trace_ns.saturating_add(SPREAD_NS) < start_of_id(filter.from) {
            break;
        }
        // Stops only where something is gained: the next page begins further back than this one.
        let rest_ns = last_trace_ns.saturating_add(SPREAD_NS);
        if first_id_at(rest_ns) < filter.before && Instant::now() >= deadline {
            searched_to_ns = Some(rest_ns);
            break;
        }
        match place {
            Place::Batch(id) => {
                let Some(batch) = read_batch(connection, id)? else { continue };
                for span in &batch.spans {
                    if asked.takes(span, &batch.resources[span.resource], &mut roots)? {
                        found.take(connection, span.trace_id)?;
                    }
                }
            }
            Place::Chunk(id) => {
                if !asked.may_be_in(&span_chunks::read_filter(connection, id)?)? {
                    continue;
                }
                // The youngest first, so that a value that all have is not looked up for all.
                let traces = span_chunks::open(connection, id)?.traces_taken(asked, &mut roots)?;
                for (trace_id, start_ns) in traces.into_iter().rev() {
                    if found.oldest_ns().is_some_and(|oldest_ns| oldest_ns > start_ns) {
                        break;
                    }
                    found.take(connection, trace_id)?;
                }
            }
        }
    }
    Ok(found.page(searched_to_ns))
}

/// Where to look, in the order of looking.
fn places(connection: &Connection, asked: &AskedSpans, before_ns: i64) -> Result<Vec<(i64, Place)>, StoreError> {
    if let Some(trace_id) = asked.trace_id() {
        return places_of(connection, trace_id);
    }
    let (from_ns, to_ns) = asked.time_ns();
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Place::Batch(row.get(1)?))))?;
    let mut places: Vec<(i64, Place)> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(PLACES_SQL)?;
    let upper_ns = before_ns.saturating_add(TRACE_SPREAD_NS).min(to_ns);
    let time = named_params! { ":upper_ns": upper_ns, ":from_ns": from_ns };
    let rows = statement.query_map(time, |row| Ok((row.get(0)?, Place::Chunk(row.get(1)?))))?;
    for row in rows {
        places.push(row?);
    }
    places.sort_by_key(|(last_trace_ns, _)| std::cmp::Reverse(*last_trace_ns));
    Ok(places)
}

/// Where the spans of one trace are.
fn places_of(connection: &Connection, trace_id: TraceId) -> Result<Vec<(i64, Place)>, StoreError> {
    let mut statement = connection.prepare_cached(PARTS_SQL)?;
    let batch_ids = statement.query_map(named_params! { ":key": trace_id.key() }, |row| row.get(0))?;
    let mut places = Vec::new();
    let mut known_to = i64::MIN;
    for batch_id in batch_ids {
        let batch_id: i64 = batch_id?;
        if batch_id <= known_to {
            continue;
        }
        // In no order of time: the page is one trace.
        places.push(match span_chunks::covering(connection, batch_id)? {
            Some(chunk) => {
                known_to = chunk.last_batch_id;
                (i64::MAX, Place::Chunk(chunk.id))
            }
            None => (i64::MAX, Place::Batch(batch_id)),
        });
    }
    Ok(places)
}

struct Found<'q> {
    filter: &'q TraceFilter,
    limit: usize,
    seen: HashSet<TraceId>,
    /// The newest so far, one more than the page holds.
    rows: BTreeMap<i64, TraceSummary>,
    /// What the filter leaves out for being no request.
    hidden: Vec<i64>,
}

impl Found<'_> {
    /// Of a full page: traces that start earlier are not on it.
    fn oldest_ns(&self) -> Option<i64> {
        let (id, _) = self.rows.first_key_value()?;
        (self.rows.len() > self.limit).then_some(start_of_id(*id).saturating_sub(SPREAD_NS))
    }

    fn take(&mut self, connection: &Connection, trace_id: TraceId) -> Result<(), StoreError> {
        if !self.seen.insert(trace_id) {
            return Ok(());
        }
        let all = TraceFilter { requests_only: false, ..self.filter.clone() };
        if let Some(StoredTrace { id, summary }) = trace_rows::find(connection, trace_id, &all)? {
            if self.filter.requests_only && !summary.is_request {
                self.hidden.push(id);
                return Ok(());
            }
            self.rows.insert(id, summary);
            if self.rows.len() > self.limit + 1 {
                self.rows.pop_first();
            }
        }
        Ok(())
    }

    fn page(mut self, searched_to_ns: Option<i64>) -> TracePage {
        if let Some(time_ns) = searched_to_ns {
            // What was found beyond is found again, with what was not.
            self.rows = self.rows.split_off(&first_id_at(time_ns));
        }
        let more = self.rows.len() > self.limit;
        let mut page = TracePage::default();
        for (id, trace) in self.rows.into_iter().rev().take(self.limit) {
            if more {
                page.next_before = Some(TracePosition(id));
            }
            page.traces.push(trace);
        }
        let from = match (page.next_before, searched_to_ns) {
            (Some(position), _) => position.0,
            (None, Some(time_ns)) => first_id_at(time_ns),
            (None, None) => i64::MIN,
        };
        page.hidden = self.hidden.iter().filter(|id| **id >= from).count() as u64;
        if !more && let Some(time_ns) = searched_to_ns {
            page.next_before = Some(TracePosition(first_id_at(time_ns)));
            page.searched_to_ns = searched_to_ns;
        }
        page
    }
}
