//! Spans of all traces, the one that started last first: a page of those that meet what is asked; and where in the code a
//! query is asked, by its fingerprint.
//!
//! By columns, chunk by chunk from the youngest, for a bounded time: what was not looked at is said.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::time::Instant;

use rusqlite::{Connection, named_params};

use super::readers::check_time;
use super::span_asked::{AskedSpans, Roots};
use super::span_chunks;
use super::span_match::SpanMatch;
use super::trace_heat::{Place, deadline};
use super::trace_rows;
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::config::explore::CALL_SITE_RUNS_MAX;
use crate::model::conventions::QUERY_FINGERPRINT;
use crate::model::ids::{ProjectId, SpanId};
use crate::model::span::{Resource, Span};
use crate::perf::CallSite;
use crate::search::Expr;

/// Which spans.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanListQuery {
    pub project_id: Option<ProjectId>,
    pub service: Option<String>,
    pub expr: Expr,
    pub start_ns: Range<i64>,
    pub duration_ns: RangeInclusive<i64>,
    /// The last span seen.
    pub before: Option<(i64, SpanId)>,
    pub limit: usize,
}

/// A span without what it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRow {
    pub span: Span,
    pub service: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanListPage {
    pub rows: Vec<SpanRow>,
    /// Where the next page begins; `None` at the end.
    pub next_before: Option<(i64, SpanId)>,
    /// Time was up: of spans that started before this some may be missing.
    pub searched_to_ns: Option<i64>,
}

impl Store {
    pub async fn spans(&self, query: SpanListQuery) -> Result<SpanListPage, StoreError> {
        self.readers.run(move |connection| list(connection, &query, deadline())).await
    }

    /// Where the query of a fingerprint was asked, of its last runs.
    pub async fn call_sites(&self, fingerprint: u64, start_ns: Range<i64>) -> Result<CallSites, StoreError> {
        self.readers.run(move |connection| call_sites(connection, fingerprint, &start_ns)).await
    }
}

/// What a span must be, made ready to be asked of many.
pub(super) struct ListWanted<'q> {
    query: &'q SpanListQuery,
    pub(super) asked: AskedSpans,
    pub(super) service: Option<SpanMatch>,
}

impl<'q> ListWanted<'q> {
    fn new(query: &'q SpanListQuery) -> Self {
        let service = query.service.as_ref().map(|name| SpanMatch::new("service.name", name));
        Self { query, asked: AskedSpans::new(query.expr.clone()), service }
    }

    fn may_be_in(&self, filter: &[u8]) -> Result<bool, StoreError> {
        Ok(self.service.as_ref().is_none_or(|service| service.may_be_in(filter)) && self.asked.may_be_in(filter)?)
    }

    /// Of the times asked for, and not on an earlier page.
    pub(super) fn takes_time(&self, start_ns: i64, duration_ns: i64) -> bool {
        self.query.start_ns.contains(&start_ns)
            && self.query.duration_ns.contains(&duration_ns)
            && self.query.before.is_none_or(|(before_ns, _)| start_ns <= before_ns)
    }

    fn is_behind(&self, span: &Span) -> bool {
        self.query.before.is_none_or(|(start_ns, id)| (Reverse(span.start_ns), span.span_id) > (Reverse(start_ns), id))
    }

    fn takes(&self, span: &Span, resource: &Resource, roots: &mut Roots<'_>) -> Result<bool, StoreError> {
        Ok(self.takes_time(span.start_ns, span.duration_ns())
            && self.service.as_ref().is_none_or(|service| service.takes(span, resource))
            && self.asked.takes(span, resource, roots)?)
    }
}

/// The page so far, by start and id, one more than it holds.
struct Page<'q> {
    wanted: ListWanted<'q>,
    rows: BTreeMap<(Reverse<i64>, SpanId), SpanRow>,
    projects: HashMap<crate::model::ids::TraceId, Option<ProjectId>>,
}

impl Page<'_> {
    fn take(&mut self, connection: &Connection, span: Span, service: &str) -> Result<(), StoreError> {
        let key = (Reverse(span.start_ns), span.span_id);
        let limit = self.wanted.query.limit;
        if !self.wanted.is_behind(&span)
            || self.rows.len() > limit && self.rows.last_key_value().is_some_and(|(last, _)| *last < key)
        {
            return Ok(());
        }
        if let Some(project_id) = self.wanted.query.project_id {
            let known = match self.projects.get(&span.trace_id) {
                Some(known) => *known,
                None => {
                    let found = trace_rows::project_of(connection, span.trace_id)?;
                    self.projects.insert(span.trace_id, found);
                    found
                }
            };
            if known != Some(project_id) {
                return Ok(());
            }
        }
        // A span that came by both protocols is one; what Sentry's SDK says of it comes first.
        match self.rows.get_mut(&key) {
            Some(known) if known.span.trace_id == span.trace_id => known.span.merge_duplicate(span),
            _ => {
                self.rows.insert(key, SpanRow { span, service: service.to_string() });
            }
        }
        if self.rows.len() > limit + 1 {
            self.rows.pop_last();
        }
        Ok(())
    }

    /// Of a full page: spans that start earlier are not on it.
    fn is_beyond(&self, start_ns: i64) -> bool {
        let last = self.rows.last_key_value().map(|((Reverse(start_ns), _), _)| *start_ns);
        self.rows.len() > self.wanted.query.limit && last.is_some_and(|last| last > start_ns)
    }
}

/// What is not sealed, and chunks with spans of that time, those with the youngest span first.
const BATCHES_SQL: &str = "SELECT id FROM span_batch WHERE body_codec > 0 ORDER BY id DESC";
const CHUNKS_SQL: &str = "SELECT max_ns, id FROM span_chunk WHERE min_ns <= :last_ns AND max_ns >= :first_ns
    ORDER BY max_ns DESC, id DESC";

fn places(connection: &Connection, start_ns: &Range<i64>) -> Result<Vec<(i64, Place)>, StoreError> {
    let mut statement = connection.prepare_cached(BATCHES_SQL)?;
    let rows = statement.query_map([], |row| Ok((i64::MAX, Place::Batch(row.get(0)?))))?;
    let mut places: Vec<(i64, Place)> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(CHUNKS_SQL)?;
    let time = named_params! { ":first_ns": start_ns.start, ":last_ns": start_ns.end };
    let rows = statement.query_map(time, |row| Ok((row.get(0)?, Place::Chunk(row.get(1)?))))?;
    for row in rows {
        places.push(row?);
    }
    Ok(places)
}

fn list(connection: &Connection, query: &SpanListQuery, until: Instant) -> Result<SpanListPage, StoreError> {
    let upper =
        query.before.map_or(query.start_ns.end, |(start_ns, _)| query.start_ns.end.min(start_ns.saturating_add(1)));
    let mut page = Page { wanted: ListWanted::new(query), rows: BTreeMap::new(), projects: HashMap::new() };
    let mut roots = Roots::new(connection);
    let mut searched_to_ns = None;
    for (max_ns, place) in places(connection, &(query.start_ns.start..upper))? {
        if page.is_beyond(max_ns) {
            break;
        }
        if Instant::now() >= until {
            searched_to_ns = Some(max_ns.min(upper));
            break;
        }
        check_time()?;
        match place {
            Place::Batch(id) => {
                let batch = read_batch(connection, id)?.unwrap_or_default();
                for span in batch.spans {
                    let resource = &batch.resources[span.resource];
                    if page.wanted.takes(&span, resource, &mut roots)? {
                        page.take(connection, span, &resource.service)?;
                    }
                }
            }
            Place::Chunk(id) => {
                if !page.wanted.may_be_in(&span_chunks::read_filter(connection, id)?)? {
                    continue;
                }
                let found = span_chunks::open(connection, id)?.spans_listed(&page.wanted, &mut roots)?;
                for span in found.spans {
                    page.take(connection, span.clone(), &found.resources[span.resource].service)?;
                }
            }
        }
    }
    let is_more = page.rows.len() > query.limit;
    let rows: Vec<SpanRow> = page.rows.into_values().take(query.limit).collect();
    let next_before = rows.last().filter(|_| is_more).map(|row| (row.span.start_ns, row.span.span_id));
    Ok(SpanListPage { rows, next_before, searched_to_ns })
}

// Call sites

/// Where a query was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallSites {
    /// The one with most time first.
    pub sites: Vec<CallSiteRuns>,
    /// Runs that were looked at.
    pub runs: u64,
    /// Older runs were not looked at; nor were those of before this when time was up.
    pub searched_to_ns: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallSiteRuns {
    /// `None`: the SDK did not say.
    pub call_site: Option<CallSite>,
    pub runs: u64,
    pub total_ns: i64,
    pub slowest_ns: i64,
    pub failed: u64,
    /// One of the traces in which it was asked, and the span.
    pub example: Option<(crate::model::ids::TraceId, SpanId)>,
}

fn call_sites(connection: &Connection, fingerprint: u64, start_ns: &Range<i64>) -> Result<CallSites, StoreError> {
    let until = deadline();
    let wanted = SpanMatch::new(QUERY_FINGERPRINT, &format!("{fingerprint:016x}"));
    let mut sites: HashMap<Option<CallSite>, CallSiteRuns> = HashMap::new();
    let mut found = CallSites::default();
    for (max_ns, place) in places(connection, start_ns)? {
        if Instant::now() >= until || found.runs >= CALL_SITE_RUNS_MAX {
            found.searched_to_ns = Some(max_ns.min(start_ns.end));
            break;
        }
        check_time()?;
        let batch = match place {
            Place::Batch(id) => read_batch(connection, id)?.unwrap_or_default(),
            Place::Chunk(id) => {
                if !wanted.may_be_in(&span_chunks::read_filter(connection, id)?) {
                    continue;
                }
                span_chunks::open(connection, id)?.spans_with(&wanted)?
            }
        };
        for span in &batch.spans {
            if !start_ns.contains(&span.start_ns) || !wanted.takes(span, &batch.resources[span.resource]) {
                continue;
            }
            found.runs += 1;
            let call_site = CallSite::of(span);
            let runs =
                sites.entry(call_site.clone()).or_insert_with(|| CallSiteRuns { call_site, ..CallSiteRuns::default() });
            runs.runs += 1;
            runs.total_ns = runs.total_ns.saturating_add(span.duration_ns());
            runs.failed += u64::from(span.status == crate::model::span::SpanStatus::Error);
            if runs.example.is_none() || span.duration_ns() > runs.slowest_ns {
                runs.example = Some((span.trace_id, span.span_id));
            }
            runs.slowest_ns = runs.slowest_ns.max(span.duration_ns());
        }
    }
    found.sites = sites.into_values().collect();
    found.sites.sort_by(|a, b| (b.total_ns, &a.call_site).cmp(&(a.total_ns, &b.call_site)));
    Ok(found)
}
