//! Spans: attributes by name, and secrets within any text of a span.
//!
//! Texts are never filtered whole for a word they mention: routes (`/auth/login/`), places in code and statements are
//! what a trace is read for.

use std::borrow::Cow;

use crate::model::span::{Attribute, AttributeValue, Span};

use super::text::{self, Style};
use super::walk::is_address_name;
use super::{FILTERED, Rules, scrub_event, scrub_text};

/// Scrubs a span with everything in it.
pub fn scrub_span(span: &mut Span, rules: &Rules) {
    if !rules.enabled {
        return;
    }
    if let Some(Cow::Owned(scrubbed)) = span.transaction_json.as_deref().map(|json| scrub_event(json, rules)) {
        span.transaction_json = Some(scrubbed);
    }
    scrub_text(&mut span.name, Style::Inline, rules);
    scrub_text(&mut span.status_message, Style::Cards, rules);
    scrub_attributes(&mut span.attributes, rules);
    for event in &mut span.events {
        scrub_attributes(&mut event.attributes, rules);
    }
    for link in &mut span.links {
        scrub_attributes(&mut link.attributes, rules);
    }
}

/// Values under sensitive names become `[Filtered]`; in all others secret parts do. No remarks: an attribute has no
/// place for them. Nesting is bounded by whoever calls.
pub fn scrub_attributes(attributes: &mut [Attribute], rules: &Rules) {
    if rules.enabled {
        attributes.iter_mut().for_each(|attribute| scrub_attribute(attribute, rules));
    }
}

fn scrub_attribute(attribute: &mut Attribute, rules: &Rules) {
    let name = attribute.key.as_bytes();
    if rules.is_safe(name) || matches!(attribute.value, AttributeValue::Empty) {
        return;
    }
    let is_secret = rules.patterns.is_sensitive(name) && !is_token_count(attribute);
    if is_secret || is_cookie(name, rules) || (rules.scrub_ip && is_address_name(name)) {
        if attribute.value != AttributeValue::Text(String::new()) {
            attribute.value = AttributeValue::Text(FILTERED.to_owned());
        }
        return;
    }
    let style = match attribute.key.as_str() {
        "url.query" | "http.query" | "url.fragment" | "http.fragment" => Style::Query,
        "url" | "url.full" | "http.url" | "http.target" => Style::Url,
        "exception.message" => Style::Cards,
        _ => Style::Inline,
    };
    scrub_value(&mut attribute.value, style, rules);
}

fn scrub_value(value: &mut AttributeValue, style: Style, rules: &Rules) {
    match value {
        AttributeValue::Text(text) => scrub_text(text, style, rules),
        AttributeValue::List(values) => values.iter_mut().for_each(|value| scrub_value(value, style, rules)),
        AttributeValue::Map(members) => scrub_attributes(members, rules),
        _ => {}
    }
}

/// `gen_ai.usage.input_tokens` and the like count what a model read.
fn is_token_count(attribute: &Attribute) -> bool {
    let is_of_model = ["gen_ai.", "ai.", "llm."].iter().any(|prefix| attribute.key.starts_with(prefix));
    is_of_model && matches!(attribute.value, AttributeValue::Int(_) | AttributeValue::Double(_))
}

/// `http.request.header.cookie`, `http.response.header.set-cookie`, `http.request.cookie.sessionid`.
fn is_cookie(name: &[u8], rules: &Rules) -> bool {
    if !rules.patterns.looks_at_values() || !name.starts_with(b"http.") {
        return false;
    }
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    let is_cookie_list = matches!(last.as_slice(), b"cookie" | b"set-cookie" | b"set_cookie" | b"cookies");
    is_cookie_list || (memchr::memmem::find(name, b".cookie.").is_some() && text::is_session_cookie(&last))
}
