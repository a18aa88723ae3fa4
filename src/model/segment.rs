//! What spans say of the segment they belong to, set right once the segment itself is there.
//!
//! An SDK that streams its spans sends children while the request still runs, under whatever name it had then
//! (`generic WSGI request`). The segment's id never changes, so the name is looked up when a trace is read.

use std::collections::HashMap;

use crate::model::span::{AttributeValue, Span, text_attribute};

const SEGMENT_ID: &str = "sentry.segment.id";
const SEGMENT_NAME: &str = "sentry.segment.name";

/// Gives every span the name its segment ended up with. A segment that has not arrived leaves what was sent.
pub fn resolve_segment_names(spans: &mut [Span]) {
    let names: HashMap<String, String> = spans
        .iter()
        .filter(|span| span.is_local_root)
        .map(|span| {
            // As sent, not as listed: `GET /orders/{id}/` is the list's, `/orders/{id}/` the segment's.
            let own = text_attribute(&span.attributes, SEGMENT_NAME).unwrap_or(&span.name);
            (span.span_id.to_string(), own.to_owned())
        })
        .collect();
    for span in spans.iter_mut().filter(|span| !span.is_local_root) {
        let Some(name) = text_attribute(&span.attributes, SEGMENT_ID).and_then(|id| names.get(id)) else { continue };
        if let Some(said) = span.attributes.iter_mut().find(|attribute| attribute.key == SEGMENT_NAME) {
            said.value = AttributeValue::Text(name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::SpanId;
    use crate::model::span::Attribute;

    fn span(id: u8, segment: u8, segment_name: &str) -> Span {
        let text = |key: &str, text: String| Attribute { key: key.to_owned(), value: AttributeValue::Text(text) };
        Span {
            span_id: SpanId([id; 8]),
            is_local_root: id == segment,
            attributes: vec![
                text(SEGMENT_ID, SpanId([segment; 8]).to_string()),
                text(SEGMENT_NAME, segment_name.to_owned()),
            ],
            ..Span::default()
        }
    }

    #[test]
    fn early_children_learn_the_name_and_lone_ones_keep_theirs() {
        let mut spans = [span(2, 1, "generic WSGI request"), span(1, 1, "/orders/{id}/"), span(4, 3, "stale")];
        resolve_segment_names(&mut spans);
        let names: Vec<_> = spans.iter().map(|span| text_attribute(&span.attributes, SEGMENT_NAME)).collect();
        assert_eq!(names, [Some("/orders/{id}/"), Some("/orders/{id}/"), Some("stale")]);
    }
}
