//! What a search for `key = value` over spans means: the attribute of that name, of the span or its resource, or what
//! we keep under a name of our own.
//!
//! One meaning for spans as they were acknowledged and for chunks, and for the filters that say which chunks to open.

use super::bloom::{BloomBuilder, contains};
use crate::model::conventions::names_of;
use crate::model::span::{Attribute, AttributeValue, Resource, Span, SpanStatus};

/// What is kept of a span or its resource outside of its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanFact {
    Name,
    Op,
    Status,
    HttpStatus,
    Service,
    Release,
    Environment,
}

impl SpanFact {
    /// By the names that both protocols and people have for it.
    fn of(key: &str) -> Option<Self> {
        Some(match key {
            "span.name" | "name" | "span.description" => Self::Name,
            "span.op" | "op" | "sentry.op" => Self::Op,
            "span.status" | "status" | "otel.status_code" => Self::Status,
            "http.response.status_code" | "http.status_code" => Self::HttpStatus,
            "service.name" | "service" => Self::Service,
            "service.version" | "release" | "sentry.release" => Self::Release,
            "deployment.environment.name" | "deployment.environment" | "environment" | "sentry.environment" => {
                Self::Environment
            }
            _ => return None,
        })
    }

    /// Its name in filters, which never changes.
    pub(super) fn filter_key(self) -> &'static str {
        match self {
            Self::Name => "span.name",
            Self::Op => "span.op",
            Self::Status => "span.status",
            Self::HttpStatus => "http.response.status_code",
            Self::Service => "service.name",
            Self::Release => "service.version",
            Self::Environment => "deployment.environment.name",
        }
    }
}

/// A key and the value it must have.
pub(super) struct SpanMatch {
    key: String,
    /// Under all of which the same fact is stated, `key` among them; none when it is stated under `key` alone.
    names: &'static [&'static str],
    value: String,
    fact: Option<SpanFact>,
    /// The value, when it is a whole number written as we write them.
    number: Option<i64>,
    status: String,
}

impl SpanMatch {
    pub(super) fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.to_string(),
            names: names_of(key),
            value: value.to_string(),
            fact: SpanFact::of(key),
            number: value.parse().ok().filter(|number: &i64| number.to_string() == value),
            status: value.to_ascii_lowercase(),
        }
    }

    /// Every name to look under.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let own = self.names.is_empty().then_some(self.key.as_str());
        own.into_iter().chain(self.names.iter().copied())
    }

    pub(super) fn fact(&self) -> Option<SpanFact> {
        self.fact
    }

    /// Whether a chunk with this filter may hold what is looked for.
    pub(super) fn may_be_in(&self, filter: &[u8]) -> bool {
        let value = if self.fact == Some(SpanFact::Status) { &self.status } else { &self.value };
        self.keys().any(|key| contains(filter, key, &self.value))
            || self.fact.is_some_and(|fact| contains(filter, fact.filter_key(), value))
    }

    pub(super) fn takes(&self, span: &Span, resource: &Resource) -> bool {
        let is_fact = match self.fact {
            Some(SpanFact::Name) => self.is_text(&span.name),
            Some(SpanFact::Op) => self.is_text(&span.op),
            Some(SpanFact::Status) => self.is_status(span.status),
            Some(SpanFact::HttpStatus) => span.http_status.is_some_and(|status| self.is_number(i64::from(status))),
            Some(SpanFact::Service | SpanFact::Release | SpanFact::Environment) | None => false,
        };
        is_fact || self.has_attribute(&span.attributes) || self.takes_resource(resource)
    }

    pub(super) fn takes_resource(&self, resource: &Resource) -> bool {
        let is_fact = match self.fact {
            Some(SpanFact::Service) => self.is_text(&resource.service),
            Some(SpanFact::Release) => resource.release.as_deref().is_some_and(|text| self.is_text(text)),
            Some(SpanFact::Environment) => resource.environment.as_deref().is_some_and(|text| self.is_text(text)),
            _ => false,
        };
        is_fact || self.has_attribute(&resource.attributes)
    }

    fn has_attribute(&self, attributes: &[Attribute]) -> bool {
        attributes
            .iter()
            .any(|attribute| self.takes_value(&attribute.value) && self.keys().any(|key| attribute.key == key))
    }

    pub(super) fn takes_value(&self, value: &AttributeValue) -> bool {
        match value {
            AttributeValue::Text(text) => self.is_text(text),
            AttributeValue::Int(number) => self.is_number(*number),
            AttributeValue::Double(number) => number.to_string() == self.value,
            AttributeValue::Bool(flag) => self.is_text(if *flag { "true" } else { "false" }),
            _ => false,
        }
    }

    pub(super) fn is_text(&self, text: &str) -> bool {
        text == self.value
    }

    pub(super) fn is_number(&self, number: i64) -> bool {
        self.number == Some(number)
    }

    pub(super) fn is_status(&self, status: SpanStatus) -> bool {
        status_name(status) == self.status
    }
}

pub(super) fn status_name(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    }
}

/// Tells a filter of what a span is called; its attributes are told by their column.
pub(super) fn insert_span_facts(filter: &mut BloomBuilder, span: &Span) {
    filter.insert(SpanFact::Name.filter_key(), &span.name);
    filter.insert(SpanFact::Op.filter_key(), &span.op);
    filter.insert(SpanFact::Status.filter_key(), status_name(span.status));
    if let Some(status) = span.http_status {
        filter.insert(SpanFact::HttpStatus.filter_key(), &status.to_string());
    }
}

pub(super) fn insert_resource(filter: &mut BloomBuilder, resource: &Resource) {
    filter.insert(SpanFact::Service.filter_key(), &resource.service);
    if let Some(release) = &resource.release {
        filter.insert(SpanFact::Release.filter_key(), release);
    }
    if let Some(environment) = &resource.environment {
        filter.insert(SpanFact::Environment.filter_key(), environment);
    }
    resource.attributes.iter().for_each(|attribute| insert_attribute(filter, &attribute.key, &attribute.value));
}

pub(super) fn insert_attribute(filter: &mut BloomBuilder, key: &str, value: &AttributeValue) {
    match value {
        AttributeValue::Text(text) => filter.insert(key, text),
        AttributeValue::Int(number) => filter.insert(key, &number.to_string()),
        AttributeValue::Double(number) => filter.insert(key, &number.to_string()),
        AttributeValue::Bool(flag) => filter.insert(key, if *flag { "true" } else { "false" }),
        _ => {}
    }
}
