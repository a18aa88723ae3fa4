//! Where the time of some traces went: of every operation what its spans did themselves, for a bounded time.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::span_chunk::OpenChunk;
use super::span_chunks::{self, ChunkRange};
use super::traces::{PARTS_SQL, read_batch};
use super::{Store, StoreError};
use crate::config::explore::{BREAKDOWN_MS, BREAKDOWN_SPANS_MAX};
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Span, SpanKind};

/// Time of a trace by op and kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceBreakdown {
    pub trace_id: TraceId,
    /// What spans of that op and kind did themselves, the most first.
    pub parts: Vec<(String, SpanKind, i64)>,
    /// There are more spans than were looked at.
    pub is_partial: bool,
}

impl Store {
    /// Of as many of the traces as there is time for, in their order.
    pub async fn trace_breakdowns(&self, traces: Vec<TraceId>) -> Result<Vec<TraceBreakdown>, StoreError> {
        self.readers.run(move |connection| read_breakdowns(connection, &traces)).await
    }
}

fn read_breakdowns(connection: &Connection, traces: &[TraceId]) -> Result<Vec<TraceBreakdown>, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(BREAKDOWN_MS);
    // Neighbours in a list mostly lie in one chunk.
    let mut open: Option<(i64, OpenChunk<'_>)> = None;
    let mut found = Vec::new();
    for trace_id in traces {
        if Instant::now() >= deadline {
            break;
        }
        found.push(read_one(connection, *trace_id, &mut open)?);
    }
    Ok(found)
}

fn read_one<'c>(
    connection: &'c Connection,
    trace_id: TraceId,
    open: &mut Option<(i64, OpenChunk<'c>)>,
) -> Result<TraceBreakdown, StoreError> {
    let mut statement = connection.prepare_cached(PARTS_SQL)?;
    let batch_ids = statement.query_map(named_params! { ":key": trace_id.key() }, |row| row.get(0))?;
    let batch_ids: Vec<i64> = batch_ids.collect::<Result<_, _>>()?;
    let mut spans: HashMap<SpanId, Span> = HashMap::new();
    let mut is_partial = false;
    let mut read_to = i64::MIN;
    for batch_id in batch_ids {
        if batch_id <= read_to {
            continue;
        }
        read_to = batch_id;
        let batch = match span_chunks::covering(connection, batch_id)? {
            Some(ChunkRange { id, last_batch_id }) => {
                read_to = last_batch_id;
                let is_open = open.as_ref().is_some_and(|(known, _)| *known == id);
                if !is_open {
                    *open = Some((id, span_chunks::open(connection, id)?));
                }
                match open {
                    Some((_, chunk)) => chunk.outline(trace_id)?,
                    None => continue,
                }
            }
            None => read_batch(connection, batch_id)?.unwrap_or_default(),
        };
        for span in batch.spans {
            if span.trace_id != trace_id {
                continue;
            }
            if spans.len() >= BREAKDOWN_SPANS_MAX && !spans.contains_key(&span.span_id) {
                is_partial = true;
                continue;
            }
            spans.entry(span.span_id).or_insert(span);
        }
    }
    Ok(TraceBreakdown { trace_id, parts: parts(spans.into_values().collect()), is_partial })
}

pub(super) fn parts(mut spans: Vec<Span>) -> Vec<(String, SpanKind, i64)> {
    // By start, so that the children of each stand in the order of theirs.
    spans.sort_by_key(|span| (span.start_ns, span.span_id));
    let mut children: HashMap<SpanId, Vec<(i64, i64)>> = HashMap::new();
    for span in &spans {
        if let Some(parent) = span.parent_span_id {
            children.entry(parent).or_default().push((span.start_ns, span.end_ns));
        }
    }
    let mut totals: BTreeMap<(String, u8), (SpanKind, i64)> = BTreeMap::new();
    for span in spans {
        let own = own_ns(&span, children.get(&span.span_id).map_or(&[], Vec::as_slice));
        totals.entry((span.op, span.kind as u8)).or_insert((span.kind, 0)).1 += own;
    }
    let mut parts: Vec<_> = totals.into_iter().map(|((op, _), (kind, ns))| (op, kind, ns)).collect();
    parts.sort_by_key(|(_, _, ns)| std::cmp::Reverse(*ns));
    parts
}

/// What of a span's time no child covers; children come by their starts.
fn own_ns(span: &Span, children: &[(i64, i64)]) -> i64 {
    let (mut reached, mut covered) = (span.start_ns, 0_i64);
    for (start, end) in children {
        let (from, to) = ((*start).max(reached), (*end).min(span.end_ns));
        if to > from {
            covered = covered.saturating_add(to - from);
            reached = to;
        }
    }
    (span.duration_ns() - covered).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u8, parent: Option<u8>, op: &str, start_ns: i64, end_ns: i64) -> Span {
        Span {
            span_id: SpanId([id; 8]),
            parent_span_id: parent.map(|id| SpanId([id; 8])),
            op: op.to_string(),
            start_ns,
            end_ns,
            ..Span::default()
        }
    }

    #[test]
    fn time_belongs_to_the_innermost_span() {
        let spans = vec![
            span(1, None, "http.server", 0, 100),
            span(3, Some(1), "db", 30, 60),
            span(2, Some(1), "view", 10, 50),
            span(4, Some(2), "db", 20, 25),
            span(5, Some(1), "queue", 90, 400),
        ];
        let found = parts(spans);
        let told: Vec<(&str, i64)> = found.iter().map(|(op, _, ns)| (op.as_str(), *ns)).collect();
        assert_eq!(told, [("queue", 310), ("http.server", 40), ("db", 35), ("view", 35)]);
    }
}
