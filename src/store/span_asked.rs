//! A search asked of spans: as they were acknowledged, by the filters of chunks, and what a trace is called.
//!
//! Words are looked for in the name and the operation of a span and of its trace's root, and in the trace's id. A span is of
//! the project its trace is of. Everything else is asked of one span and its resource. How columns answer is in [`super::span_chunk`].

use std::collections::HashMap;

use rusqlite::Connection;

use super::StoreError;
use super::asked::{self, AskedKey, attribute_names, exact_texts, give_attributes, is_any_in};
use super::span_match::SpanFact;
use super::trace_rows;
use crate::model::ids::TraceId;
use crate::model::span::{Resource, Span, SpanKind, SpanStatus};
use crate::search::naive::{self, Fact, Subject};
use crate::search::{Expr, IsState, Key, Known, Leaf, Pattern, Value};

/// A search, made ready to be asked of many spans.
pub(super) struct AskedSpans {
    pub(super) expr: Expr,
    has_words: bool,
    has_project: bool,
}

impl AskedSpans {
    pub(super) fn new(expr: Expr) -> Self {
        let mut has_words = false;
        let mut has_project = false;
        expr.for_each_leaf(&mut |leaf| {
            has_words |= matches!(leaf, Leaf::Text(_));
            has_project |= AskedKey::of(leaf).is_some_and(|asked| *asked.key == Key::Known(Known::Project));
        });
        Self { expr, has_words, has_project }
    }

    /// Whether a chunk with this filter may hold a span that is taken.
    pub(super) fn may_be_in(&self, filter: &[u8]) -> Result<bool, StoreError> {
        asked::may_take_any(&self.expr, &mut |leaf| Ok(leaf_may_be_in(leaf, filter)))
    }

    /// When spans that are taken start, both ends included.
    pub(super) fn time_ns(&self) -> (i64, i64) {
        asked::time_of(&self.expr)
    }

    /// The one trace they are of.
    pub(super) fn trace_id(&self) -> Option<TraceId> {
        asked::text_of(&self.expr, Known::Trace).and_then(TraceId::parse)
    }

    pub(super) fn takes(&self, span: &Span, resource: &Resource, roots: &mut Roots<'_>) -> Result<bool, StoreError> {
        let project = if self.has_project { roots.project(span.trace_id)?.map(str::to_string) } else { None };
        let ids = ids_of(&self.expr, span);
        let of_trace = if self.has_words { roots.texts(span.trace_id)? } else { &[] };
        Ok(naive::matches(&self.expr, &SpanSubject { span, resource, of_trace, project, ids }))
    }
}

/// Trace and span id, where they are asked for.
fn ids_of(expr: &Expr, span: &Span) -> Option<(String, String)> {
    let mut is_asked = false;
    expr.for_each_leaf(&mut |leaf| {
        let key = AskedKey::of(leaf).map(|asked| asked.key);
        is_asked |= matches!(key, Some(Key::Known(Known::Trace | Known::SpanId)));
    });
    is_asked.then(|| (span.trace_id.to_string(), span.span_id.to_string()))
}

fn leaf_may_be_in(leaf: &Leaf, filter: &[u8]) -> bool {
    let Some(asked) = AskedKey::of(leaf) else { return !matches!(leaf, Leaf::Is(_)) };
    let (true, Some(texts)) = (asked.is_whole(), exact_texts(leaf)) else { return true };
    let mut names = attribute_names(asked.key);
    match fact_of(asked.key) {
        Some(fact) => names.push(fact.filter_key()),
        None if !is_attribute(asked.key) => return true,
        None => {}
    }
    is_any_in(filter, &names, &texts)
}

/// What is kept of a span outside of its attributes and told to filters.
pub(super) fn fact_of(key: &Key) -> Option<SpanFact> {
    let Key::Known(known) = key else { return None };
    Some(match known {
        Known::SpanName => SpanFact::Name,
        Known::SpanOp => SpanFact::Op,
        Known::SpanStatus => SpanFact::Status,
        Known::HttpStatus => SpanFact::HttpStatus,
        Known::Service => SpanFact::Service,
        Known::Release => SpanFact::Release,
        Known::Environment => SpanFact::Environment,
        _ => return None,
    })
}

/// Whether a key is an attribute and nothing else.
fn is_attribute(key: &Key) -> bool {
    match key {
        Key::Attribute(_) | Key::Known(Known::HttpMethod | Known::HttpUrl | Known::User) => true,
        Key::Known(known) => known.is_of_user(),
        Key::Tag(_) | Key::Flag(_) => false,
    }
}

pub(super) fn status_word(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    }
}

pub(super) fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

/// What the traces of spans are called: looked up once for each.
pub(super) struct Roots<'c> {
    connection: &'c Connection,
    known: HashMap<TraceId, Vec<String>>,
    projects: HashMap<TraceId, Option<String>>,
}

/// Traces remembered; then they are looked up anew.
const KNOWN_MAX: usize = 50_000;

impl<'c> Roots<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, known: HashMap::new(), projects: HashMap::new() }
    }

    /// The id of a trace, and the name and the operation of its root.
    pub(super) fn texts(&mut self, trace_id: TraceId) -> Result<&[String], StoreError> {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        match self.known.entry(trace_id) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                let mut texts = vec![trace_id.to_string()];
                if let Some((name, op)) = trace_rows::root_of(self.connection, trace_id)? {
                    texts.extend([name, op]);
                }
                Ok(place.insert(texts))
            }
        }
    }

    /// The number of the project a trace is of.
    pub(super) fn project(&mut self, trace_id: TraceId) -> Result<Option<&str>, StoreError> {
        if self.projects.len() >= KNOWN_MAX {
            self.projects.clear();
        }
        if let std::collections::hash_map::Entry::Vacant(place) = self.projects.entry(trace_id) {
            let found = trace_rows::project_of(self.connection, trace_id)?;
            place.insert(found.map(|id| id.to_string()));
        }
        Ok(self.projects.get(&trace_id).and_then(Option::as_deref))
    }

    pub(super) fn has(&mut self, trace_id: TraceId, pattern: &Pattern) -> Result<bool, StoreError> {
        Ok(self.texts(trace_id)?.iter().any(|text| pattern.matches(text)))
    }
}

struct SpanSubject<'s> {
    span: &'s Span,
    resource: &'s Resource,
    of_trace: &'s [String],
    project: Option<String>,
    ids: Option<(String, String)>,
}

impl Subject for SpanSubject<'_> {
    fn facts<'s>(&'s self, key: &Key, give: &mut dyn FnMut(Fact<'s>)) {
        let Self { span, resource, .. } = self;
        let mut text = |text: &'s str| give(Fact::Text(text));
        if let Key::Known(known) = key {
            match known {
                Known::SpanName => text(&span.name),
                Known::SpanOp => text(&span.op),
                Known::Message => [&span.name, &span.status_message].into_iter().for_each(|said| text(said)),
                Known::Project => self.project.iter().for_each(|project| text(project)),
                Known::SpanStatus => text(status_word(span.status)),
                Known::SpanKind => text(kind_word(span.kind)),
                Known::SpanStatusMessage if !span.status_message.is_empty() => text(&span.status_message),
                Known::Service => text(&resource.service),
                Known::Release => resource.release.iter().for_each(|release| text(release)),
                Known::Environment => resource.environment.iter().for_each(|environment| text(environment)),
                Known::Trace => self.ids.iter().for_each(|(trace_id, _)| text(trace_id)),
                Known::SpanId => self.ids.iter().for_each(|(_, span_id)| text(span_id)),
                Known::HttpStatus => span.http_status.iter().for_each(|status| give(Fact::Int(i64::from(*status)))),
                Known::SpanDuration => give(Fact::DurationNs(span.end_ns.wrapping_sub(span.start_ns))),
                Known::Timestamp => give(Fact::TimeNs(span.start_ns)),
                _ => {}
            }
        }
        let names = attribute_names(key);
        give_attributes(&span.attributes, &names, give);
        give_attributes(&resource.attributes, &names, give);
    }

    fn texts<'s>(&'s self, give: &mut dyn FnMut(&'s str)) {
        give(&self.span.name);
        give(&self.span.op);
        self.of_trace.iter().for_each(|text| give(text));
    }

    fn is(&self, _state: IsState) -> bool {
        false
    }

    fn is_special(&self, _key: &Key, _value: &Value, _fact: Fact<'_>) -> bool {
        false
    }
}
