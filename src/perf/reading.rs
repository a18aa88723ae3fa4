//! The spans of one trace as requests and jobs with the queries they made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::conventions::Conventions;
use crate::model::ids::SpanId;
use crate::model::span::{Resource, Span, SpanBatch, SpanKind, SpanSource, text_attribute};
use crate::model::sql::Sql;

use super::stats::MeasuredKind;
use super::twins::{Segment, twins};

/// Statements read once and met again, by their fingerprints: a request's queries are the same from one to the next.
#[derive(Default)]
pub struct SqlCache(HashMap<u64, Arc<Sql>>);

/// Statements remembered before all are forgotten.
const SQL_CACHE_MAX: usize = 2_000;
/// A statement longer than this is not remembered, in bytes.
const SQL_CACHED_BYTES_MAX: usize = 4_096;

impl SqlCache {
    /// The statement of a query to a database that takes SQL.
    fn read(&mut self, known: &Conventions<'_>) -> Option<Arc<Sql>> {
        let fingerprint = known.query_fingerprint.and_then(|text| u64::from_str_radix(text, 16).ok());
        let Some(fingerprint) = fingerprint else { return known.sql().map(Arc::new) };
        if let Some(sql) = self.0.get(&fingerprint) {
            return Some(sql.clone());
        }
        // It was taken before values that look like secrets were replaced, and links to traces with the same query.
        let sql = Arc::new(Sql { fingerprint, ..known.sql()? });
        if sql.text.len() <= SQL_CACHED_BYTES_MAX {
            if self.0.len() >= SQL_CACHE_MAX {
                self.0.clear();
            }
            self.0.insert(fingerprint, sql.clone());
        }
        Some(sql)
    }
}

/// What is known of one trace; indexes are those of its spans.
pub struct Reading<'b> {
    pub batch: &'b SpanBatch,
    parents: Vec<Option<usize>>,
    segments: Vec<Option<usize>>,
    queries: Vec<Option<Arc<Sql>>>,
    has_twins: bool,
}

impl<'b> Reading<'b> {
    /// Reads spans of one trace, each there once, in any order.
    pub fn of(batch: &'b SpanBatch, cache: &mut SqlCache) -> Self {
        Self::ranked(batch, cache, &|_| 0)
    }

    /// The same, where a request or job that was told of twice ([`super::twins`]) counts as the one of lower rank.
    pub fn ranked(batch: &'b SpanBatch, cache: &mut SqlCache, rank: &dyn Fn(usize) -> u8) -> Self {
        let places: HashMap<SpanId, usize> =
            batch.spans.iter().enumerate().map(|(place, span)| (span.span_id, place)).collect();
        let parent_of = |(place, span): (usize, &Span)| {
            span.parent_span_id.and_then(|id| places.get(&id).copied()).filter(|parent| *parent != place)
        };
        let parents: Vec<Option<usize>> = batch.spans.iter().enumerate().map(parent_of).collect();
        let read: Vec<Option<Arc<Sql>>> = batch.spans.iter().map(|span| statement_of(span, cache)).collect();
        // A library and the driver below it both tell of the same query: the outer one counts.
        let is_outer = |place: &usize| parents[*place].is_none_or(|parent| read[parent].is_none());
        let queries = (0..read.len()).map(|place| read[place].clone().filter(|_| is_outer(&place))).collect();
        let segments = segments_of(batch, &parents);
        let mut reading = Self { batch, parents, segments, queries, has_twins: false };
        reading.count_twins_once(rank);
        reading
    }

    /// What the other SDK saw of a request belongs to the one that counts, but for its queries when that has its own.
    fn count_twins_once(&mut self, rank: &dyn Fn(usize) -> u8) {
        let first = self.batch.spans.first().map(|span| span.source);
        if self.batch.spans.iter().all(|span| Some(span.source) == first) {
            return;
        }
        let segments: Vec<Segment> = (0..self.segments.len())
            .filter_map(|place| {
                let is_task = match self.kind(place)? {
                    MeasuredKind::Endpoint => false,
                    MeasuredKind::Task => true,
                    MeasuredKind::Query => return None,
                };
                Some(Segment { place, is_task, name: self.segment_name(place) })
            })
            .collect();
        let counted_by = twins(self.batch, &self.parents, &self.segments, &segments, rank);
        self.has_twins = !counted_by.is_empty();
        if !self.has_twins {
            return;
        }
        let asking: HashSet<usize> = (0..self.queries.len())
            .filter(|place| self.queries[*place].is_some())
            .filter_map(|place| self.segments[place])
            .collect();
        for place in 0..self.segments.len() {
            let Some(winner) = self.segments[place].and_then(|segment| counted_by.get(&segment)) else { continue };
            self.segments[place] = Some(*winner);
            if asking.contains(winner) {
                self.queries[place] = None;
            }
        }
    }

    /// Some request or job was told of twice.
    pub fn has_twins(&self) -> bool {
        self.has_twins
    }

    pub fn span(&self, place: usize) -> &'b Span {
        &self.batch.spans[place]
    }

    pub fn parent(&self, place: usize) -> Option<usize> {
        self.parents[place]
    }

    /// The request or job that a span is part of; itself when it is one.
    pub fn segment(&self, place: usize) -> Option<usize> {
        self.segments[place]
    }

    /// What a span measures, when it is a request, a job or a query.
    pub fn kind(&self, place: usize) -> Option<MeasuredKind> {
        if self.queries[place].is_some() {
            return Some(MeasuredKind::Query);
        }
        (self.segments[place] == Some(place)).then(|| match self.span(place).kind {
            SpanKind::Server => MeasuredKind::Endpoint,
            _ => MeasuredKind::Task,
        })
    }

    pub fn query(&self, place: usize) -> Option<&Arc<Sql>> {
        self.queries[place].as_ref()
    }

    pub fn resource(&self, place: usize) -> Option<&'b Resource> {
        self.batch.resources.get(self.span(place).resource)
    }

    /// What a request or job is called where many are counted together.
    pub fn segment_name(&self, place: usize) -> String {
        name_of(self.span(place))
    }
}

/// The statement of a span that is a query to a database that takes SQL.
fn statement_of(span: &Span, cache: &mut SqlCache) -> Option<Arc<Sql>> {
    if !span.is_query() {
        return None;
    }
    // The name may say more than the statement.
    let is_statement = |sql: &Arc<Sql>| !sql.text.is_empty() && sql.text != "connect";
    cache.read(&Conventions::of_span(span)).filter(is_statement)
}

/// Sentry says which spans are whole transactions. OpenTelemetry says kinds: a server span below another of the same
/// process (a framework within its server) is part of that one's request.
fn is_segment(batch: &SpanBatch, parents: &[Option<usize>], place: usize) -> bool {
    let span = &batch.spans[place];
    match (span.source, span.kind) {
        (_, SpanKind::Client | SpanKind::Producer) => false,
        (SpanSource::Sentry, SpanKind::Server | SpanKind::Consumer) => span.is_local_root,
        (SpanSource::Sentry, SpanKind::Internal) => span.is_local_root && is_job(&span.op),
        (SpanSource::Otel, SpanKind::Internal) => false,
        // Fetching messages is not working on them.
        (SpanSource::Otel, SpanKind::Consumer) => span.op != "queue.receive",
        (SpanSource::Otel, SpanKind::Server) => {
            let service = |place: usize| batch.resources.get(batch.spans[place].resource).map(|r| r.service.as_str());
            !parents[place].is_some_and(|parent| {
                let outer = &batch.spans[parent];
                !matches!(outer.kind, SpanKind::Client | SpanKind::Producer) && service(parent) == service(place)
            })
        }
    }
}

/// A transaction that is no request is a job, unless a browser or a telephone made it.
fn is_job(op: &str) -> bool {
    let family = op.split('.').next().unwrap_or_default();
    !matches!(
        family,
        "pageload" | "navigation" | "ui" | "browser" | "resource" | "mobile" | "app" | "http" | "default" | ""
    )
}

fn segments_of(batch: &SpanBatch, parents: &[Option<usize>]) -> Vec<Option<usize>> {
    /// Not looked at yet, on the way up, known.
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Now,
        Yes,
    }
    let mut segments = vec![None; parents.len()];
    let mut seen = vec![Seen::No; parents.len()];
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut at = Some(start);
        let mut found = None;
        while let Some(place) = at {
            match seen[place] {
                Seen::Yes => found = segments[place],
                // Spans that are each other's parents belong to nothing.
                Seen::Now => {}
                Seen::No => {
                    seen[place] = Seen::Now;
                    path.push(place);
                    if is_segment(batch, parents, place) {
                        found = Some(place);
                    } else {
                        at = parents[place];
                        continue;
                    }
                }
            }
            break;
        }
        for place in path.drain(..) {
            segments[place] = found;
            seen[place] = Seen::Yes;
        }
    }
    segments
}

/// A name that does not hold what changes from one request to the next. Where no route is known the address stands in
/// the name: its ids are left out, and addresses that nothing answers are one.
fn name_of(span: &Span) -> String {
    let is_routed = match span.source {
        _ if span.kind != SpanKind::Server => true,
        // Where no route was found, instrumentations name the span by its method alone, or by its path.
        SpanSource::Otel => {
            let is_bare = !span.name.contains('/') && span.http_status != Some(404);
            is_bare || Conventions::of(&span.attributes).http_route.is_some()
        }
        SpanSource::Sentry => {
            !span.transaction_json.as_deref().is_some_and(says_url)
                && text_attribute(&span.attributes, "sentry.span.source").is_none_or(|source| source != "url")
        }
    };
    if is_routed {
        return with_braces(&span.name);
    }
    if span.http_status == Some(404) {
        let method = span.name.split(' ').next().filter(|word| !word.contains('/')).unwrap_or_default();
        return format!("{method} (no route)").trim_start().to_owned();
    }
    let (method, path) = span.name.split_once(' ').unwrap_or(("", &span.name));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    format!("{method} {}", parts.join("/")).trim_start().to_owned()
}

/// Django's `books/<int:pk>/`, as OpenTelemetry sends it, in the words that Sentry's SDK has for it: `books/{pk}/`.
fn with_braces(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let Some((inner, after)) = behind.split_once('>').filter(|(inner, _)| is_placeholder(inner)) else {
            out.push('<');
            rest = behind;
            continue;
        };
        out.push_str(&format!("{{{}}}", inner.rsplit(':').next().unwrap_or(inner)));
        rest = after;
    }
    out + rest
}

/// `pk` or `int:pk`
fn is_placeholder(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

/// `"transaction_info":{"source":"url"}`, looked for without reading the rest.
fn says_url(json: &[u8]) -> bool {
    let key = b"\"transaction_info\"";
    let Some(at) = json.windows(key.len()).position(|window| window == key) else { return false };
    let rest = &json[at + key.len()..json.len().min(at + key.len() + 64)];
    rest.windows(5).any(|window| window == b"\"url\"")
}

/// Numbers, UUIDs and long hexadecimal words.
fn is_id(part: &str) -> bool {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_number || is_hex
}
