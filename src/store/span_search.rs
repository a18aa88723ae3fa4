//! Traces in which one span meets several conditions at once, and what spans there are to be found by: services and names.
//!
//! Newest first and for a bounded time, as [`super::trace_search`], whose filters and columns these are. Knows no
//! protocol's names for the conditions, and nothing of what becomes of the traces.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::readers::check_time;
use super::span_chunks;
use super::span_match::SpanMatch;
use super::trace_rows;
use super::trace_search::WAITING_SQL;
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::model::ids::TraceId;
use crate::model::span::{Resource, Span, SpanKind};

/// A span that has all of this.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanQuery {
    /// Empty: of a process that has not said what it is.
    pub service: String,
    pub name: Option<String>,
    /// Of each of these, one.
    pub conditions: Vec<Vec<SpanCondition>>,
    /// When it started.
    pub start_ns: RangeInclusive<i64>,
    pub duration_ns: RangeInclusive<i64>,
    /// Traces, at most.
    pub limit: usize,
    pub time: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanCondition {
    /// Key and value, as [`super::TraceQuery`] takes them.
    Attribute(String, String),
    Kind(SpanKind),
    StatusMessage(String),
}

/// The newest traces of those that were looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanSearch {
    /// The one that started last first.
    pub traces: Vec<TraceId>,
    /// Time was up: of traces that start before this, some may be missing.
    pub searched_to_ns: Option<i64>,
}

/// What spans are called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanNames {
    /// Sorted.
    pub names: Vec<(String, SpanKind)>,
    /// Time was up, or there are more than were asked for: names that were only seen before this are missing.
    pub searched_to_ns: Option<i64>,
}

impl Store {
    pub async fn find_spans(&self, query: SpanQuery) -> Result<SpanSearch, StoreError> {
        self.readers.run(move |connection| find(connection, &query)).await
    }

    /// All services, sorted; an empty one stands for spans that name none.
    pub async fn span_services(&self) -> Result<Vec<String>, StoreError> {
        self.readers.run(read_services).await
    }

    /// What a service calls its spans.
    pub async fn span_names(&self, service: String, limit: usize, time: Duration) -> Result<SpanNames, StoreError> {
        self.readers.run(move |connection| read_names(connection, &service, limit, time)).await
    }
}

/// A [`SpanQuery`], made ready to be asked of many spans.
pub(super) struct Wanted {
    start_ns: RangeInclusive<i64>,
    duration_ns: RangeInclusive<i64>,
    /// Of each, one.
    pub(super) conditions: Vec<Vec<WantedFact>>,
}

pub(super) enum WantedFact {
    Match(SpanMatch),
    Kind(SpanKind),
    StatusMessage(String),
}

impl Wanted {
    pub(super) fn new(query: &SpanQuery) -> Self {
        // The service first: it rules out most, for least.
        let mut conditions = vec![vec![WantedFact::Match(SpanMatch::new("service.name", &query.service))]];
        conditions.extend(query.name.iter().map(|name| vec![WantedFact::Match(SpanMatch::new("span.name", name))]));
        for any in &query.conditions {
            let facts = any.iter().map(|condition| match condition {
                SpanCondition::Attribute(key, value) => WantedFact::Match(SpanMatch::new(key, value)),
                SpanCondition::Kind(kind) => WantedFact::Kind(*kind),
                SpanCondition::StatusMessage(text) => WantedFact::StatusMessage(text.clone()),
            });
            conditions.push(facts.collect());
        }
        Self { start_ns: query.start_ns.clone(), duration_ns: query.duration_ns.clone(), conditions }
    }

    /// Whether a chunk with this filter may hold such a span.
    fn may_be_in(&self, filter: &[u8]) -> bool {
        let may_be = |fact: &WantedFact| match fact {
            WantedFact::Match(wanted) => wanted.may_be_in(filter),
            WantedFact::Kind(_) | WantedFact::StatusMessage(_) => true,
        };
        self.conditions.iter().all(|any| any.iter().any(may_be))
    }

    pub(super) fn takes_time(&self, start_ns: i64, duration_ns: i64) -> bool {
        self.start_ns.contains(&start_ns) && self.duration_ns.contains(&duration_ns)
    }

    fn takes(&self, span: &Span, resource: &Resource) -> bool {
        let has = |fact: &WantedFact| match fact {
            WantedFact::Match(wanted) => wanted.takes(span, resource),
            WantedFact::Kind(kind) => span.kind == *kind,
            WantedFact::StatusMessage(text) => span.status_message == *text,
        };
        self.takes_time(span.start_ns, span.duration_ns()) && self.conditions.iter().all(|any| any.iter().any(has))
    }
}

/// Chunks with spans of that time, those with the youngest traces first.
const CHUNKS_SQL: &str = "SELECT last_trace_ns, id FROM span_chunk WHERE min_ns <= :last_ns AND max_ns >= :first_ns
    ORDER BY last_trace_ns DESC, id DESC";

enum Place {
    Chunk(i64),
    Batch(i64),
}

fn find(connection: &Connection, query: &SpanQuery) -> Result<SpanSearch, StoreError> {
    let deadline = Instant::now() + query.time;
    let wanted = Wanted::new(query);
    let mut places = waiting(connection)?;
    let mut statement = connection.prepare_cached(CHUNKS_SQL)?;
    let time = named_params! { ":first_ns": query.start_ns.start(), ":last_ns": query.start_ns.end() };
    let rows = statement.query_map(time, |row| Ok((row.get(0)?, Place::Chunk(row.get(1)?))))?;
    for row in rows {
        places.push(row?);
    }
    places.sort_by_key(|(last_trace_ns, _)| std::cmp::Reverse(*last_trace_ns));
    let mut found = Newest { limit: query.limit, seen: HashSet::new(), traces: BTreeMap::new() };
    let mut searched_to_ns = None;
    for (last_trace_ns, place) in places {
        if found.is_beyond(last_trace_ns) {
            break;
        }
        if Instant::now() >= deadline {
            searched_to_ns = Some(last_trace_ns);
            break;
        }
        check_time()?;
        match place {
            Place::Batch(id) => {
                let Some(batch) = read_batch(connection, id)? else { continue };
                for span in &batch.spans {
                    if wanted.takes(span, &batch.resources[span.resource]) {
                        found.take(connection, span.trace_id)?;
                    }
                }
            }
            Place::Chunk(id) => {
                if !wanted.may_be_in(&span_chunks::read_filter(connection, id)?) {
                    continue;
                }
                let traces = span_chunks::open(connection, id)?.traces_with_all(&wanted)?;
                // The youngest first, so that what all have is not looked up for all.
                for (trace_id, start_ns) in traces.into_iter().rev() {
                    if found.is_beyond(start_ns) {
                        break;
                    }
                    found.take(connection, trace_id)?;
                }
            }
        }
    }
    let traces = found.traces.into_values().rev().collect();
    Ok(SpanSearch { traces, searched_to_ns })
}

/// What is not sealed.
fn waiting(connection: &Connection) -> Result<Vec<(i64, Place)>, StoreError> {
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Place::Batch(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

struct Newest {
    limit: usize,
    seen: HashSet<TraceId>,
    /// By their starts.
    traces: BTreeMap<(i64, TraceId), TraceId>,
}

impl Newest {
    /// Whether there are enough, and all of them start after that.
    fn is_beyond(&self, start_ns: i64) -> bool {
        self.traces.len() >= self.limit && self.traces.keys().next().is_none_or(|(oldest, _)| *oldest > start_ns)
    }

    fn take(&mut self, connection: &Connection, trace_id: TraceId) -> Result<(), StoreError> {
        if !self.seen.insert(trace_id) {
            return Ok(());
        }
        if let Some(start_ns) = trace_rows::start_of(connection, trace_id)? {
            self.traces.insert((start_ns, trace_id), trace_id);
            if self.traces.len() > self.limit {
                self.traces.pop_first();
            }
        }
        Ok(())
    }
}

/// Labels know a handful of a trace's services, at once; chunks know all of theirs.
const SERVICES_SQL: &str = "SELECT services FROM trace_label UNION SELECT services FROM span_chunk";

fn read_services(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(SERVICES_SQL)?;
    let mut rows = statement.query([])?;
    let mut services = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let lines: &str = row.get_ref(0)?.as_str().unwrap_or_default();
        for service in lines.split('\n') {
            if !services.contains(service) {
                services.insert(service.to_string());
            }
        }
    }
    Ok(services.into_iter().collect())
}

/// Chunks with spans of a service, those with the youngest traces first.
const OF_SERVICE_SQL: &str = "SELECT last_trace_ns, id FROM span_chunk
    WHERE instr(char(10) || services || char(10), char(10) || :service || char(10))
    ORDER BY last_trace_ns DESC, id DESC";

fn read_names(connection: &Connection, service: &str, limit: usize, time: Duration) -> Result<SpanNames, StoreError> {
    let deadline = Instant::now() + time;
    let mut places = waiting(connection)?;
    let mut statement = connection.prepare_cached(OF_SERVICE_SQL)?;
    let rows = statement
        .query_map(named_params! { ":service": service }, |row| Ok((row.get(0)?, Place::Chunk(row.get(1)?))))?;
    for row in rows {
        places.push(row?);
    }
    let mut names: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
    let mut count = 0;
    let mut add = |name: &str, kind: SpanKind| {
        if count < limit {
            match names.get_mut(name) {
                Some(kinds) => count += usize::from(kinds.insert(kind as u8)),
                None => {
                    names.insert(name.to_string(), BTreeSet::from([kind as u8]));
                    count += 1;
                }
            }
        }
        count >= limit
    };
    let mut searched_to_ns = None;
    for (last_trace_ns, place) in places {
        if Instant::now() >= deadline {
            searched_to_ns = Some(last_trace_ns);
            break;
        }
        check_time()?;
        let mut is_full = false;
        match place {
            Place::Batch(id) => {
                let batch = read_batch(connection, id)?.unwrap_or_default();
                for span in batch.spans.iter().filter(|span| batch.resources[span.resource].service == service) {
                    is_full |= add(&span.name, span.kind);
                }
            }
            Place::Chunk(id) => {
                span_chunks::open(connection, id)?.for_each_name(service, |name, kind| is_full |= add(name, kind))?;
            }
        }
        if is_full {
            searched_to_ns = Some(last_trace_ns);
            break;
        }
    }
    let kinds = [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    let names = names.into_iter().flat_map(|(name, of_name)| {
        let of_name = kinds.into_iter().filter(move |kind| of_name.contains(&(*kind as u8)));
        of_name.map(move |kind| (name.clone(), kind)).collect::<Vec<_>>()
    });
    Ok(SpanNames { names: names.collect(), searched_to_ns })
}
