//! Words within one trace: the spans that have them in a name, an attribute, an event or what they say of their process.
//!
//! For as long as a read may take, and for so many spans; what was not looked at is said.

use rusqlite::Connection;

use super::readers::check_time;
use super::traces::read_spans;
use super::{Store, StoreError};
use crate::config::TRACE_SPANS_SHOWN_MAX;
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Attribute, AttributeValue, Resource, Span};

/// Spans looked at between two looks at the clock.
const STRETCH: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundInTrace {
    pub span_ids: Vec<SpanId>,
    /// Not all spans were looked at, or more have the words than were asked for.
    pub is_partial: bool,
}

impl Store {
    /// Spans of a trace that contain the words, in any case. `name:value` and `name=value` is an attribute whose name ends
    /// and whose value begins with it.
    pub async fn find_in_trace(
        &self,
        trace_id: TraceId,
        words: &str,
        limit: usize,
    ) -> Result<FoundInTrace, StoreError> {
        let wanted = Wanted::new(words);
        self.readers.run(move |connection| find(connection, trace_id, &wanted, limit)).await
    }
}

fn find(connection: &Connection, trace_id: TraceId, wanted: &Wanted, limit: usize) -> Result<FoundInTrace, StoreError> {
    let spans = read_spans(connection, trace_id, TRACE_SPANS_SHOWN_MAX)?;
    let batch = spans.batch;
    let of_resource: Vec<bool> = batch.resources.iter().map(|resource| wanted.is_in_resource(resource)).collect();
    let mut found = FoundInTrace { is_partial: spans.omitted > 0, ..FoundInTrace::default() };
    for stretch in batch.spans.chunks(STRETCH) {
        check_time()?;
        for span in stretch {
            if !of_resource.get(span.resource).copied().unwrap_or(false) && !wanted.is_in(span) {
                continue;
            }
            if found.span_ids.len() == limit {
                found.is_partial = true;
                return Ok(found);
            }
            found.span_ids.push(span.span_id);
        }
    }
    Ok(found)
}

/// What is looked for, in small letters.
struct Wanted {
    words: String,
    /// The same as the name and the value of an attribute.
    pair: Option<(String, String)>,
}

impl Wanted {
    fn new(words: &str) -> Self {
        let words = words.trim().to_lowercase();
        let pair = words
            .split_once([':', '='])
            .map(|(name, value)| (name.trim().to_string(), value.trim().to_string()))
            .filter(|(name, value)| !name.is_empty() && !value.is_empty());
        Self { words, pair }
    }

    fn has(&self, text: &str) -> bool {
        contains(text, &self.words)
    }

    fn is_in(&self, span: &Span) -> bool {
        self.has(&span.name)
            || self.has(&span.op)
            || self.has(&span.status_message)
            || self.is_in_attributes(&span.attributes)
            || span.events.iter().any(|event| self.has(&event.name) || self.is_in_attributes(&event.attributes))
            || span.span_id.to_string() == self.words
    }

    fn is_in_resource(&self, resource: &Resource) -> bool {
        self.has(&resource.service)
            || resource.release.as_deref().is_some_and(|text| self.has(text))
            || resource.environment.as_deref().is_some_and(|text| self.has(text))
            || self.is_in_attributes(&resource.attributes)
    }

    fn is_in_attributes(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().any(|attribute| {
            self.has(&attribute.key)
                || self.is_in_value(&attribute.value)
                || self.pair.as_ref().is_some_and(|(name, value)| {
                    attribute.key.to_lowercase().ends_with(name)
                        && text_of(&attribute.value).is_some_and(|text| text.to_lowercase().starts_with(value))
                })
        })
    }

    fn is_in_value(&self, value: &AttributeValue) -> bool {
        match value {
            AttributeValue::Text(text) => self.has(text),
            AttributeValue::List(values) => values.iter().any(|value| self.is_in_value(value)),
            AttributeValue::Map(members) => self.is_in_attributes(members),
            other => text_of(other).is_some_and(|text| self.has(&text)),
        }
    }
}

/// Texts, numbers and flags as they are written; nothing of what is larger.
pub(super) fn text_of(value: &AttributeValue) -> Option<String> {
    Some(match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Int(number) => number.to_string(),
        AttributeValue::Double(number) => number.to_string(),
        AttributeValue::Bool(flag) => flag.to_string(),
        _ => return None,
    })
}

/// Without copying what is plain ASCII, as nearly all of it is.
fn contains(text: &str, small: &str) -> bool {
    if !text.is_ascii() || !small.is_ascii() {
        return text.to_lowercase().contains(small);
    }
    let (text, small) = (text.as_bytes(), small.as_bytes());
    small.is_empty() || text.windows(small.len()).any(|window| window.eq_ignore_ascii_case(small))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::SpanEvent;

    fn attribute(key: &str, value: AttributeValue) -> Attribute {
        Attribute { key: key.into(), value }
    }

    #[test]
    fn words_are_found_wherever_a_span_says_them() {
        let text = |text: &str| AttributeValue::Text(text.into());
        let span = Span {
            name: "GET /Bücher/".into(),
            op: "http.server".into(),
            status_message: "internal error".into(),
            attributes: vec![
                attribute("http.response.status_code", AttributeValue::Int(500)),
                attribute("shop.tenant", text("Acme & Sons")),
                attribute(
                    "deep",
                    AttributeValue::List(vec![AttributeValue::Map(vec![attribute("leaf", text("found"))])]),
                ),
            ],
            events: vec![SpanEvent {
                name: "exception".into(),
                attributes: vec![attribute("exception.type", text("KeyError"))],
                ..SpanEvent::default()
            }],
            ..Span::default()
        };
        for words in [
            "/büch",
            "HTTP.SERVER",
            "Internal",
            "500",
            "acme & s",
            "tenant",
            "leaf",
            "FOUND",
            "keyerror",
            "status_code:500",
            "http.response.status_code=500",
            "tenant:acme",
            "exception.type:key",
        ] {
            assert!(Wanted::new(words).is_in(&span), "{words}");
        }
        for words in ["nothing", "status_code:404", "tenant:sons", "code:acme"] {
            assert!(!Wanted::new(words).is_in(&span), "{words}");
        }
    }

    proptest::proptest! {
        #[test]
        fn plain_text_is_compared_as_any_other(text in "[a-dA-D ]{0,9}", small in "[a-d]{0,3}") {
            proptest::prop_assert_eq!(contains(&text, &small), text.to_lowercase().contains(&small));
        }
    }
}
