//! Sentry's web API over one trace: its spans as a tree, its transactions alone, and what there is of it in numbers.
//!
//! Shapes and names are Sentry's. A transaction is the first span of its process in the trace, whichever protocol brought
//! it. What lies deeper than [`SENTRY_TRACE_DEPTH_MAX`] is hung on the last span that does not: whoever reads JSON has a
//! stack that ends somewhere.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::config::explore::{SENTRY_TRACE_DEPTH_MAX, SENTRY_TRACE_ERRORS_MAX, SENTRY_TRACE_SPANS_MAX};
use crate::model::event::EventKind;
use crate::model::ids::{SpanId, TraceId};
use crate::model::project::Project;
use crate::model::segment::resolve_segment_names;
use crate::model::span::{Span, SpanBatch, SpanStatus};
use crate::model::time::rfc3339;
use crate::store::EventSummary;

use super::Ready;
use super::error::ApiError;
use super::sentry_api::not_found;
use super::ui::{Answer, ok, short_id};

/// What is known of a trace.
struct Trace {
    trace_id: TraceId,
    batch: SpanBatch,
    /// Beyond those that are shown.
    omitted: u64,
    /// Events, oldest first, each with its issue's short number.
    events: Vec<(EventSummary, u64)>,
    logs: u64,
}

/// A span knows no project: that of the trace's errors, or the only one there is.
fn project_of<'r>(ready: &'r Ready, events: &[(EventSummary, u64)]) -> Option<&'r Project> {
    match events.first() {
        Some((event, _)) => ready.project(event.project_id),
        None => ready.projects.first().filter(|_| ready.projects.len() == 1),
    }
}

async fn read(ready: &Ready, trace: &str) -> Result<Trace, ApiError> {
    let trace_id = TraceId::parse(trace).ok_or_else(not_found)?;
    let found = ready.store.trace_spans(trace_id, SENTRY_TRACE_SPANS_MAX).await?;
    let events = ready.store.trace_events(trace_id, SENTRY_TRACE_ERRORS_MAX).await?;
    let logs = ready.store.trace_log_count(trace_id).await?;
    let mut batch = found.batch;
    if batch.spans.is_empty() && events.is_empty() && logs == 0 {
        return Err(not_found());
    }
    resolve_segment_names(&mut batch.spans);
    batch.spans.sort_by_key(|span| (span.start_ns, span.span_id));
    Ok(Trace { trace_id, batch, omitted: found.omitted, events, logs })
}

/// `GET /api/0/organizations/<org>/trace-meta/<trace>/`, and by its older name `events-trace-meta`
pub(super) async fn meta(ready: &Ready, trace: &str) -> Answer {
    let trace = read(ready, trace).await?;
    let spans = &trace.batch.spans;
    let mut ops: BTreeMap<&str, u64> = BTreeMap::new();
    spans.iter().for_each(|span| *ops.entry(&span.op).or_default() += 1);
    let transactions: Vec<usize> = (0..spans.len()).filter(|place| spans[*place].is_local_root).collect();
    let parents = parents(spans);
    let mut children: HashMap<usize, u64> = HashMap::new();
    for place in 0..spans.len() {
        if let Some(transaction) = transaction_of(spans, &parents, place) {
            *children.entry(transaction).or_default() += 1;
        }
    }
    let child_counts: Vec<Value> = transactions
        .iter()
        .map(|place| {
            let count = children.get(place).copied().unwrap_or(0);
            json!({ "transaction.event_id": event_id_of(&spans[*place]), "count()": count })
        })
        .collect();
    let performance = trace.events.iter().filter(|(event, _)| is_performance(event)).count();
    let mut projects: Vec<u32> = trace.events.iter().map(|(event, _)| event.project_id.0).collect();
    projects.sort_unstable();
    projects.dedup();
    ok(&json!({
        "projects": projects.len().max(1),
        "errors": trace.events.len() - performance,
        "performance_issues": performance,
        "transactions": transactions.len(),
        "span_count": spans.len() as u64 + trace.omitted,
        "span_count_map": ops,
        "transaction_child_count_map": child_counts,
        "logs": trace.logs,
    }))
}

/// `GET /api/0/organizations/<org>/trace/<trace>/`: every span with its children, and errors without a span beside them.
pub(super) async fn tree(ready: &Ready, trace: &str) -> Answer {
    let trace = read(ready, trace).await?;
    let spans = &trace.batch.spans;
    let parents = parents(spans);
    let project = project_of(ready, &trace.events);
    let (mut errors, rest) = errors_by_span(ready, &trace);
    let nodes = spans
        .iter()
        .enumerate()
        .map(|(place, span)| {
            let transaction = transaction_of(spans, &parents, place);
            let (errors, occurrences) = errors.remove(&span.span_id).unwrap_or_default();
            json!({
                "event_type": "span",
                "event_id": span.span_id.to_string(),
                "parent_span_id": span.parent_span_id.map(|id| id.to_string()),
                "op": span.op,
                "description": span.name,
                "name": span.name,
                "start_timestamp": seconds(span.start_ns),
                "end_timestamp": seconds(span.end_ns),
                "duration": span.duration_ns() as f64 / 1e6,
                "is_transaction": span.is_local_root,
                "transaction": transaction.map(|place| &spans[place].name),
                "transaction_id": transaction.map(|place| event_id_of(&spans[place])),
                "project_id": project.map(|project| project.id.0),
                "project_slug": project.map(|project| &project.slug),
                "sdk_name": trace.batch.resources.get(span.resource).and_then(|resource| resource.sdk.as_ref()),
                "measurements": {},
                "errors": errors,
                "occurrences": occurrences,
                "children": [],
            })
        })
        .collect();
    let mut roots = hang(nodes, &parents);
    roots.extend(rest);
    ok(&Value::Array(roots))
}

/// `GET /api/0/organizations/<org>/events-trace/<trace>/`: transactions alone, with the errors within each.
pub(super) async fn transactions(ready: &Ready, trace: &str) -> Answer {
    let trace = read(ready, trace).await?;
    let spans = &trace.batch.spans;
    let parents = parents(spans);
    let project = project_of(ready, &trace.events);
    let (errors, orphans) = errors_by_span(ready, &trace);
    let mut within: HashMap<usize, (Vec<Value>, Vec<Value>)> = HashMap::new();
    for (place, span) in spans.iter().enumerate() {
        let Some((errors, occurrences)) = errors.get(&span.span_id) else { continue };
        let of = within.entry(transaction_of(spans, &parents, place).unwrap_or(place)).or_default();
        of.0.extend(errors.iter().cloned());
        of.1.extend(occurrences.iter().cloned());
    }
    let shown: Vec<usize> =
        (0..spans.len()).filter(|place| transaction_of(spans, &parents, *place) == Some(*place)).collect();
    let places: HashMap<usize, usize> = shown.iter().enumerate().map(|(node, place)| (*place, node)).collect();
    let parent_of = |place: usize| parents[place].and_then(|parent| transaction_of(spans, &parents, parent));
    let node_parents: Vec<Option<usize>> =
        shown.iter().map(|place| parent_of(*place).and_then(|parent| places.get(&parent).copied())).collect();
    let depths = depths(&node_parents);
    let nodes = shown
        .iter()
        .enumerate()
        .map(|(node, place)| {
            let span = &spans[*place];
            let (errors, performance) = within.remove(place).unwrap_or_default();
            json!({
                "event_id": event_id_of(span),
                "span_id": span.span_id.to_string(),
                "transaction": span.name,
                "transaction.op": span.op,
                "transaction.status": if matches!(span.status, SpanStatus::Error) { "internal_error" } else { "ok" },
                "transaction.duration": span.duration_ns() as f64 / 1e6,
                "start_timestamp": seconds(span.start_ns),
                "timestamp": seconds(span.end_ns),
                "generation": depths[node],
                "parent_span_id": span.parent_span_id.map(|id| id.to_string()),
                "parent_event_id": parent_of(*place).map(|parent| event_id_of(&spans[parent])),
                "project_id": project.map(|project| project.id.0),
                "project_slug": project.map(|project| &project.slug),
                "sdk_name": trace.batch.resources.get(span.resource).and_then(|resource| resource.sdk.as_ref()),
                "errors": errors,
                "performance_issues": performance,
                "children": [],
            })
        })
        .collect();
    ok(&json!({ "transactions": hang(nodes, &node_parents), "orphan_errors": orphans }))
}

/// Of each span the place of its parent, if that is there and no descendant of its own.
fn parents(spans: &[Span]) -> Vec<Option<usize>> {
    let places: HashMap<SpanId, usize> = spans.iter().enumerate().map(|(place, span)| (span.span_id, place)).collect();
    let mut parents: Vec<Option<usize>> =
        spans.iter().map(|span| span.parent_span_id.and_then(|id| places.get(&id).copied())).collect();
    // 0 not looked at, else the walk it was met in. Whoever sends ids can make rings of them.
    let mut met = vec![0_usize; spans.len()];
    for start in 0..spans.len() {
        let mut place = start;
        while met[place] == 0 {
            met[place] = start + 1;
            match parents[place] {
                Some(parent) if met[parent] == start + 1 => parents[place] = None,
                Some(parent) => place = parent,
                None => break,
            }
        }
    }
    parents
}

/// The transaction a span belongs to: itself, or the nearest above it; what has none above it stands for one.
fn transaction_of(spans: &[Span], parents: &[Option<usize>], place: usize) -> Option<usize> {
    let mut place = place;
    while !spans[place].is_local_root {
        place = parents[place]?;
    }
    Some(place)
}

fn depths(parents: &[Option<usize>]) -> Vec<usize> {
    let mut depths: Vec<Option<usize>> = vec![None; parents.len()];
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut next = Some(start);
        while let Some(place) = next.filter(|place| depths[*place].is_none()) {
            path.push(place);
            next = parents[place];
        }
        let mut depth = next.and_then(|place| depths[place]).map_or(0, |depth| depth + 1);
        while let Some(place) = path.pop() {
            depths[place] = Some(depth);
            depth += 1;
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

/// Puts nodes among the `children` of their parents, in their order; gives back those that have none.
fn hang(nodes: Vec<Value>, parents: &[Option<usize>]) -> Vec<Value> {
    let depths = depths(parents);
    let clipped = |place: usize| {
        let mut parent = parents[place];
        while let Some(above) = parent.filter(|above| depths[*above] + 1 >= SENTRY_TRACE_DEPTH_MAX) {
            parent = parents[above];
        }
        parent
    };
    let parents: Vec<Option<usize>> = (0..nodes.len()).map(clipped).collect();
    let depths = self::depths(&parents);
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    // The deepest first, so that whoever is hung up has all of its own already; of one depth in their order.
    order.sort_by_key(|place| (std::cmp::Reverse(depths[*place]), *place));
    let mut nodes: Vec<Option<Value>> = nodes.into_iter().map(Some).collect();
    let mut roots = Vec::new();
    for place in order {
        let Some(node) = nodes[place].take() else { continue };
        match parents[place].and_then(|parent| nodes[parent].as_mut()) {
            Some(parent) => {
                if let Some(children) = parent["children"].as_array_mut() {
                    children.push(node);
                }
            }
            None => roots.push(node),
        }
    }
    roots
}

/// Errors, and what was found slow, by the span they name; and those that name none that is there.
type BySpan = HashMap<SpanId, (Vec<Value>, Vec<Value>)>;

fn errors_by_span(ready: &Ready, trace: &Trace) -> (BySpan, Vec<Value>) {
    let places: HashMap<SpanId, usize> =
        trace.batch.spans.iter().enumerate().map(|(place, span)| (span.span_id, place)).collect();
    let mut by_span = BySpan::new();
    let mut orphans = Vec::new();
    for (event, short_no) in &trace.events {
        let json = error_json(ready, trace.trace_id, event, *short_no);
        match event.span_id.filter(|id| places.contains_key(id)) {
            Some(span) if is_performance(event) => by_span.entry(span).or_default().1.push(json),
            Some(span) => by_span.entry(span).or_default().0.push(json),
            None => orphans.push(json),
        }
    }
    (by_span, orphans)
}

fn error_json(ready: &Ready, trace_id: TraceId, event: &EventSummary, short_no: u64) -> Value {
    json!({
        "event_type": if is_performance(event) { "occurrence" } else { "error" },
        "event_id": event.event_id.to_string(),
        "issue_id": event.issue_id.0,
        "issue": short_id(ready, event, short_no),
        "title": event.title,
        "message": event.title,
        "culprit": event.culprit,
        "transaction": event.culprit,
        "level": event.level,
        "span": event.span_id.map(|id| id.to_string()),
        "trace": trace_id.to_string(),
        "timestamp": rfc3339(event.timestamp_ms),
        "start_timestamp": event.timestamp_ms as f64 / 1e3,
        "project_id": event.project_id.0,
        "project_slug": ready.project(event.project_id).map(|project| &project.slug),
    })
}

fn is_performance(event: &EventSummary) -> bool {
    [EventKind::NPlusOne, EventKind::SlowQuery].iter().any(|kind| kind.as_str() == event.kind)
}

/// The id of the event a transaction came as; of a span that came otherwise its own.
fn event_id_of(span: &Span) -> String {
    let sent = span.transaction_json.as_deref().and_then(|json| serde_json::from_slice::<Value>(json).ok());
    let id = sent.as_ref().and_then(|sent| sent["event_id"].as_str());
    id.map_or_else(|| span.span_id.to_string(), str::to_string)
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u8, parent: u8, is_local_root: bool) -> Span {
        let parent_span_id = (parent > 0).then_some(SpanId([parent; 8]));
        Span { span_id: SpanId([id; 8]), parent_span_id, is_local_root, ..Span::default() }
    }

    #[test]
    fn rings_of_parents_are_cut_and_every_span_has_its_transaction() {
        let spans = [span(1, 0, true), span(2, 1, false), span(3, 2, true), span(4, 3, false), span(5, 9, false)];
        let tree = parents(&spans);
        assert_eq!(tree, [None, Some(0), Some(1), Some(2), None]);
        let of: Vec<_> = (0..5).map(|place| transaction_of(&spans, &tree, place)).collect();
        assert_eq!(of, [Some(0), Some(0), Some(2), Some(2), None]);
        assert_eq!(depths(&tree), [0, 1, 2, 3, 0]);
        let ring = [span(1, 3, false), span(2, 1, false), span(3, 2, false), span(4, 4, false), span(5, 2, false)];
        let tree = parents(&ring);
        assert_eq!(tree.iter().filter(|parent| parent.is_none()).count(), 2, "{tree:?}");
        assert_eq!(depths(&tree).len(), 5);
    }

    #[test]
    fn a_tree_is_as_deep_as_may_be_and_loses_nothing() {
        let count = SENTRY_TRACE_DEPTH_MAX * 3;
        let nodes = (0..count).map(|place| json!({ "place": place, "children": [] })).collect();
        let parents: Vec<Option<usize>> = (0..count).map(|place| place.checked_sub(1)).collect();
        let roots = hang(nodes, &parents);
        fn measure(node: &Value) -> (usize, usize) {
            let parts = node["children"].as_array().unwrap().iter().map(measure);
            parts.fold((1, 1), |(count, depth), (more, below)| (count + more, depth.max(below + 1)))
        }
        assert_eq!(roots.len(), 1);
        assert_eq!(measure(&roots[0]), (count, SENTRY_TRACE_DEPTH_MAX));
    }
}
