//! The child spans of a transaction, read one by one so that a list of ten thousand costs one span at a time.

use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::attributes::{read_attributes, read_links};
use super::{Enclosing, NAME_CHARS_MAX, OP_CHARS_MAX, words};
use crate::model::decoded::Refusal;
use crate::model::outcome::Reason;
use crate::model::span::{AttributeValue, Span, SpanSource, SpanStatus};
use crate::sentry::clock::time_ns;
use crate::sentry::event::{span_id, trace_id};
use crate::sentry::json::{Object, Scalar};
use crate::sentry::wire::WireSpan;

/// Tags looked at of one child span.
const TAGS_MAX: usize = 64;

/// What became of the list.
#[derive(Default)]
pub(super) struct Children {
    pub(super) spans: Vec<Span>,
    /// One line per reason.
    pub(super) refused: Vec<Refusal>,
    /// Spans beyond the limit; also among `refused`.
    pub(super) omitted: u32,
}

/// Reads the list; anything else in its place is no spans.
pub(super) fn read_children(
    list: Option<&RawValue>,
    enclosing: &Enclosing,
    spans_max: usize,
) -> serde_json::Result<Children> {
    let Some(list) = list.filter(|raw| raw.get().starts_with('[')) else { return Ok(Children::default()) };
    let sink = Sink { enclosing, spans_max, children: Children::default() };
    serde_json::Deserializer::from_str(list.get()).deserialize_any(sink)
}

struct Sink<'e> {
    enclosing: &'e Enclosing,
    spans_max: usize,
    children: Children,
}

impl<'de> Visitor<'de> for Sink<'_> {
    type Value = Children;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of spans")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Children, A::Error> {
        while self.children.spans.len() < self.spans_max {
            let Some(Object(wire)) = list.next_element::<Object<WireSpan<'de>>>()? else { return Ok(self.children) };
            let span = wire.ok_or("span is not an object").and_then(|wire| span(&wire, self.enclosing));
            match span {
                Ok(span) => self.children.spans.push(span),
                Err(problem) => refuse(&mut self.children.refused, Reason::Invalid, problem),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.children.omitted = self.children.omitted.saturating_add(1);
            refuse(&mut self.children.refused, Reason::TooLarge, "more spans than one transaction may have");
        }
        Ok(self.children)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Children, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.children)
    }
}

fn refuse(refused: &mut Vec<Refusal>, reason: Reason, problem: &str) {
    match refused.iter_mut().find(|refusal| refusal.detail == problem) {
        Some(refusal) => refusal.quantity += 1,
        None => {
            let (category, detail) = ("span".to_owned(), problem.to_owned());
            refused.push(Refusal { category, reason, detail, quantity: 1 });
        }
    }
}

fn span(wire: &WireSpan<'_>, enclosing: &Enclosing) -> Result<Span, &'static str> {
    let own_span_id = span_id(&wire.span_id).ok_or("span_id is missing or invalid")?;
    let start = time_ns(&wire.start_timestamp).ok_or("start_timestamp is missing or invalid")?;
    let start_ns = start.saturating_add(enclosing.shift_ns);
    let sent_end_ns = time_ns(&wire.timestamp).map(|end| end.saturating_add(enclosing.shift_ns));
    // A span still open when the transaction ended is closed with it.
    let end_ns = sent_end_ns.unwrap_or(enclosing.end_ns.max(start_ns));
    if end_ns < start_ns {
        return Err("span ends before it starts");
    }

    let mut attributes = read_attributes(wire.data, &wire.origin);
    for (key, value) in wire.tags.0.iter().take(TAGS_MAX) {
        // sentry-python repeats the status as a tag.
        if key == "status" || attributes.kept.iter().any(|attribute| attribute.key == *key) {
            continue;
        }
        if let Some(text) = value.limited(200) {
            attributes.push(key.as_ref().into(), AttributeValue::Text(text));
        }
    }
    let op = wire.op.limited(OP_CHARS_MAX).unwrap_or_default();
    let kind = words::child_kind(&op);
    let http_status = words::http_status_attribute(&attributes.kept);
    let (status, status_message) = match sent_end_ns {
        None if wire.status == Scalar::Absent => (SpanStatus::Error, "deadline_exceeded".to_owned()),
        _ => words::status(&wire.status, kind, http_status),
    };
    let mut span = Span {
        trace_id: trace_id(&wire.trace_id).unwrap_or(enclosing.trace_id),
        span_id: own_span_id,
        parent_span_id: Some(span_id(&wire.parent_span_id).unwrap_or(enclosing.span_id)),
        source: SpanSource::Sentry,
        kind,
        name: wire.description.limited(NAME_CHARS_MAX).unwrap_or_else(|| op.clone()),
        op,
        status,
        status_message,
        start_ns,
        end_ns,
        http_status,
        attributes: attributes.kept,
        links: read_links(&wire.links),
        dropped: attributes.dropped,
        ..Span::default()
    };
    words::set_query_fingerprint(&mut span);
    Ok(span)
}
