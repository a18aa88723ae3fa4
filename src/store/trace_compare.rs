//! What a selection of traces has that the others have not: every fact and attribute of their spans, by how many traces of
//! either side have it.
//!
//! Rows of traces say which are selected; what they have is counted in the columns of chunks, the newest first and for a
//! bounded time. What was looked at is counted on both sides, so that shares are of what was seen.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Instant;

use rusqlite::Connection;

use super::readers::check_time;
use super::span_chunks;
use super::span_match::status_name;
use super::trace_find::text_of;
use super::trace_heat::{Place, TraceScope, deadline, for_each, places};
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::config::explore::{
    COMPARE_ITEMS_MAX, COMPARE_MARKS_MAX, COMPARE_TRACES_MAX, COMPARE_VALUE_BYTES_MAX, COMPARE_VALUES_MAX,
    COMPARE_VALUES_TOLD,
};
use crate::model::conventions::{QUERY_FINGERPRINT, names_of};
use crate::model::ids::TraceId;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanKind};

/// A part of a map of traces.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSelection {
    pub start_ns: Range<i64>,
    pub duration_ns: Range<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceComparison {
    /// Traces of the scope, in the selection and out of it.
    pub selected: u64,
    pub rest: u64,
    /// Of these, traces whose spans were looked at.
    pub selected_seen: u64,
    pub rest_seen: u64,
    /// What sets the selection apart most first.
    pub items: Vec<ComparedFact>,
    /// Not all traces of the scope were looked at.
    pub is_sampled: bool,
}

/// A fact, and the traces seen with a span that has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparedFact {
    pub key: String,
    pub value: String,
    pub selected: u64,
    pub rest: u64,
}

impl Store {
    pub async fn compare_traces(
        &self,
        scope: TraceScope,
        selection: TraceSelection,
    ) -> Result<TraceComparison, StoreError> {
        self.readers.run(move |connection| compare(connection, &scope, &selection)).await
    }
}

/// A trace of the scope.
#[derive(Clone, Copy)]
struct Known {
    number: u32,
    is_selected: bool,
}

fn compare(
    connection: &Connection,
    scope: &TraceScope,
    selection: &TraceSelection,
) -> Result<TraceComparison, StoreError> {
    let until = deadline();
    let mut known: HashMap<TraceId, Known> = HashMap::new();
    let mut found = TraceComparison::default();
    let searched_to_ns = for_each(connection, scope, until, &mut |trace| {
        let is_selected =
            selection.start_ns.contains(&trace.start_ns) && selection.duration_ns.contains(&trace.duration_ns);
        *(if is_selected { &mut found.selected } else { &mut found.rest }) += 1;
        // Of a large rest a part says as much as all of it; the selection is what was asked about.
        if known.len() < COMPARE_TRACES_MAX || is_selected && known.len() < 2 * COMPARE_TRACES_MAX {
            let number = known.len() as u32;
            known.insert(trace.trace_id, Known { number, is_selected });
        }
    })?;
    let mut marks = Marks { seen: vec![None; known.len()], ..Marks::default() };
    let is_whole = mark_all(connection, scope, &known, deadline(), &mut marks)?;
    let is_all_known = known.len() as u64 == found.selected + found.rest;
    found.is_sampled = searched_to_ns.is_some() || !is_all_known || !is_whole || marks.is_full;
    for is_selected in marks.seen.iter().flatten() {
        *(if *is_selected { &mut found.selected_seen } else { &mut found.rest_seen }) += 1;
    }
    found.items = marks.items(found.selected_seen, found.rest_seen);
    Ok(found)
}

/// Whether all was looked at.
fn mark_all(
    connection: &Connection,
    scope: &TraceScope,
    known: &HashMap<TraceId, Known>,
    until: Instant,
    marks: &mut Marks,
) -> Result<bool, StoreError> {
    for (last_trace_ns, place) in places(connection, scope.from_ns, scope.to_ns)? {
        if last_trace_ns < scope.from_ns {
            break;
        }
        if Instant::now() >= until || marks.is_full {
            return Ok(false);
        }
        check_time()?;
        match place {
            Place::Batch(id) => {
                let Some(batch) = read_batch(connection, id)? else { continue };
                for span in &batch.spans {
                    let Some(trace) = known.get(&span.trace_id) else { continue };
                    marks.see(*trace);
                    for_each_span_fact(span, |key, value| marks.add(key, value, &[trace.number]));
                    for_each_resource_fact(&batch.resources[span.resource], |key, value| {
                        marks.add(key, value, &[trace.number]);
                    });
                }
            }
            Place::Chunk(id) => {
                let mut chunk = span_chunks::open(connection, id)?;
                let here: Vec<Option<Known>> = chunk.index.ids.iter().map(|id| known.get(id).copied()).collect();
                if here.iter().all(Option::is_none) {
                    continue;
                }
                here.iter().flatten().for_each(|trace| marks.see(*trace));
                let mut groups: Vec<(String, AttributeValue, Vec<u32>)> = Vec::new();
                chunk.for_each_fact(|key, value, rows| groups.push((key.to_string(), value.clone(), rows.to_vec())))?;
                for (key, value, rows) in groups {
                    let mut numbers = Vec::new();
                    chunk.traces_of(&rows, |trace| numbers.extend(here[trace].map(|known| known.number)));
                    marks.add(&key, &value, &numbers);
                }
            }
        }
    }
    Ok(true)
}

/// Which traces have which facts.
#[derive(Default)]
struct Marks {
    /// By number of the trace: whether it is selected, once it was seen.
    seen: Vec<Option<bool>>,
    /// Traces by key and value; a trace may stand there more than once.
    facts: HashMap<String, HashMap<String, Vec<u32>>>,
    count: usize,
    is_full: bool,
}

impl Marks {
    fn see(&mut self, trace: Known) {
        self.seen[trace.number as usize] = Some(trace.is_selected);
    }

    fn add(&mut self, key: &str, value: &AttributeValue, numbers: &[u32]) {
        if numbers.is_empty() || key == QUERY_FINGERPRINT {
            return;
        }
        let Some(value) = text_of(value).filter(|text| !text.is_empty() && text.len() <= COMPARE_VALUE_BYTES_MAX)
        else {
            return;
        };
        if self.count + numbers.len() > COMPARE_MARKS_MAX {
            self.is_full = true;
            return;
        }
        if !self.facts.contains_key(key) {
            self.facts.insert(key.to_string(), HashMap::new());
        }
        let Some(values) = self.facts.get_mut(key) else { return };
        // A key of which every span has another value says nothing of many traces: its first values are kept.
        if values.len() >= COMPARE_VALUES_MAX && !values.contains_key(&value) {
            return;
        }
        let traces = values.entry(value).or_default();
        let before = traces.len();
        for number in numbers {
            if traces.last() != Some(number) {
                traces.push(*number);
            }
        }
        self.count += traces.len() - before;
    }

    fn items(self, selected: u64, rest: u64) -> Vec<ComparedFact> {
        let share = |has: u64, of: u64| if of == 0 { 0.0 } else { has as f64 / of as f64 };
        let apart = |fact: &ComparedFact| share(fact.selected, selected) - share(fact.rest, rest);
        let mut items = Vec::new();
        for (key, values) in self.facts {
            for (value, mut traces) in values {
                traces.sort_unstable();
                traces.dedup();
                let in_selection = |number: &u32| self.seen[*number as usize] == Some(true);
                let has = traces.iter().filter(|number| in_selection(number)).count() as u64;
                let key = key.clone();
                let fact = ComparedFact { key, value, selected: has, rest: traces.len() as u64 - has };
                if apart(&fact) >= APART_MIN {
                    items.push(fact);
                }
            }
        }
        items.sort_by(|a, b| apart(b).total_cmp(&apart(a)).then_with(|| (&a.key, &a.value).cmp(&(&b.key, &b.value))));
        // Of many values that are equally telling (statements with their values in them) a few are enough.
        let mut of_key: HashMap<String, usize> = HashMap::new();
        items.retain(|item| {
            let told = of_key.entry(item.key.clone()).or_default();
            *told += 1;
            *told <= COMPARE_VALUES_TOLD
        });
        items.truncate(COMPARE_ITEMS_MAX);
        items
    }
}

/// Shares that differ less than this do not set anything apart.
pub(super) const APART_MIN: f64 = 0.05;

pub(super) fn kind_name(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Internal => None,
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    }
}

fn for_each_span_fact(span: &Span, mut take: impl FnMut(&str, &AttributeValue)) {
    let mut text = |key: &str, text: &str| {
        if !text.is_empty() {
            take(key, &AttributeValue::Text(text.to_string()));
        }
    };
    text("span.name", &span.name);
    text("span.op", &span.op);
    text("span.kind", kind_name(span.kind).unwrap_or_default());
    text("span.status", status_name(span.status));
    if let Some(status) = span.http_status {
        take("http.response.status_code", &AttributeValue::Int(i64::from(status)));
    }
    for_each_attribute(&span.attributes, take);
}

pub(super) fn for_each_resource_fact(resource: &Resource, mut take: impl FnMut(&str, &AttributeValue)) {
    let facts = [
        ("service.name", Some(resource.service.as_str())),
        ("service.version", resource.release.as_deref()),
        ("deployment.environment.name", resource.environment.as_deref()),
    ];
    for (key, text) in facts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            take(key, &AttributeValue::Text(text.to_string()));
        }
    }
    for_each_attribute(&resource.attributes, take);
}

/// Under the name that all names of a fact have in common.
fn for_each_attribute(attributes: &[Attribute], mut take: impl FnMut(&str, &AttributeValue)) {
    for attribute in attributes {
        take(names_of(&attribute.key).first().copied().unwrap_or(&attribute.key), &attribute.value);
    }
}
