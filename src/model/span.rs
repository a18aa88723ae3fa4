//! A span: one shape for Sentry transactions, Sentry spans and OpenTelemetry spans.
//!
//! Knows neither protocol. Whoever decodes fills it in; from then on nobody asks where it came from, except the
//! screen, which shows it.

use crate::model::ids::{SpanId, TraceId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanSource {
    #[default]
    Sentry,
    Otel,
}

/// OpenTelemetry's span kinds; Sentry's ops are mapped onto them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanKind {
    #[default]
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStatus {
    #[default]
    Unset,
    Ok,
    Error,
}

/// The spans of one request from a client, with the resources they refer to by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanBatch {
    pub resources: Vec<Resource>,
    pub spans: Vec<Span>,
}

/// The process that made the spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// `service.name`, or the Sentry server name; empty when unknown.
    pub service: String,
    pub release: Option<String>,
    pub environment: Option<String>,
    /// SDK name and version, `opentelemetry/python 1.38.0` or `sentry.python.django/2.75.0`.
    pub sdk: Option<String>,
    pub attributes: Vec<Attribute>,
}

/// Resources that a new one is compared with: those of the last few. Items of one process follow each other; a list in
/// which every item names another one must not be compared each with each.
const RESOURCES_COMPARED: usize = 32;

impl Resource {
    /// Its place in `resources`, which gets it unless it is among the last ones there.
    pub(crate) fn place_in(self, resources: &mut Vec<Self>) -> usize {
        let first = resources.len().saturating_sub(RESOURCES_COMPARED);
        match resources[first..].iter().rposition(|known| *known == self) {
            Some(place) => first + place,
            None => {
                resources.push(self);
                resources.len() - 1
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    /// Index into [`SpanBatch::resources`].
    pub resource: usize,
    pub source: SpanSource,
    pub kind: SpanKind,
    /// What is done: `http.server`, `http.client`, `db`, `cache`, `template`, `queue`, `middleware`, `view`, …
    pub op: String,
    /// What a reader wants to see first: `GET /checkout/{id}/`, `SELECT … FROM shop_book`.
    pub name: String,
    pub status: SpanStatus,
    pub status_message: String,
    /// Unix nanoseconds.
    pub start_ns: i64,
    /// Never before `start_ns`.
    pub end_ns: i64,
    /// The first span of its process in this trace: no parent, or a parent elsewhere.
    pub is_local_root: bool,
    pub http_status: Option<u16>,
    pub attributes: Vec<Attribute>,
    pub events: Vec<SpanEvent>,
    pub links: Vec<SpanLink>,
    /// Attributes, events and links the SDK says it left out.
    pub dropped: u32,
    /// For Sentry transactions: everything that came with it except `spans`, as JSON.
    pub transaction_json: Option<Vec<u8>>,
}

impl Span {
    pub fn duration_ns(&self) -> i64 {
        self.end_ns - self.start_ns
    }

    /// Adds what another delivery of the same span says. What Sentry's SDK says of it comes first, because it says
    /// more; so the order of the deliveries does not matter.
    pub fn merge_duplicate(&mut self, mut other: Self) {
        if self.source == SpanSource::Otel && other.source == SpanSource::Sentry {
            std::mem::swap(self, &mut other);
        } else if self.source == other.source {
            return;
        }
        let own = self.attributes.len();
        for attribute in other.attributes {
            if !self.attributes[..own].iter().any(|known| known.key == attribute.key) {
                self.attributes.push(attribute);
            }
        }
        self.parent_span_id = self.parent_span_id.or(other.parent_span_id);
        self.is_local_root |= other.is_local_root;
        self.http_status = self.http_status.or(other.http_status);
        if self.status == SpanStatus::Unset {
            self.status = other.status;
            self.status_message = other.status_message;
        }
        if self.events.is_empty() {
            self.events = other.events;
        }
        if self.links.is_empty() {
            self.links = other.links;
        }
    }

    /// `db`, `db.sql.query`, `db.redis`, …
    pub fn is_db(&self) -> bool {
        self.op == "db" || self.op.starts_with("db.")
    }

    /// A statement sent to a database: what every count of queries counts. Opening a connection is none, which Sentry's SDK
    /// tells of in the same way; neither is asking a store of keys and values, which takes no statements.
    pub fn is_query(&self) -> bool {
        self.is_db() && self.name != "connect" && !self.op.contains("redis") && !self.op.contains("memcache")
    }
}

/// Key and typed value, in the order sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attribute {
    pub key: String,
    pub value: AttributeValue,
}

/// OpenTelemetry's AnyValue, which also covers Sentry's typed attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AttributeValue {
    #[default]
    Empty,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<AttributeValue>),
    Map(Vec<Attribute>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanEvent {
    pub name: String,
    pub time_ns: i64,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanLink {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub attributes: Vec<Attribute>,
}

/// The text under a key, if it is text.
pub fn text_attribute<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes.iter().find(|a| a.key == key).and_then(|a| match &a.value {
        AttributeValue::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_came_by_both_protocols_says_what_both_say() {
        let attribute = |key: &str, n| Attribute { key: key.into(), value: AttributeValue::Int(n) };
        let sentry = Span {
            name: "GET /orders/{id}/".into(),
            attributes: vec![attribute("both", 1), attribute("sentry", 1)],
            ..Span::default()
        };
        let otel = Span {
            source: SpanSource::Otel,
            name: "GET orders/<id>/".into(),
            status: SpanStatus::Error,
            attributes: vec![attribute("both", 2), attribute("otel", 2)],
            events: vec![SpanEvent::default()],
            ..Span::default()
        };
        let (mut one, mut other) = (sentry.clone(), otel.clone());
        one.merge_duplicate(otel);
        other.merge_duplicate(sentry.clone());
        assert_eq!(one, other);
        assert_eq!((one.name.as_str(), one.status, one.events.len()), ("GET /orders/{id}/", SpanStatus::Error, 1));
        assert_eq!(one.attributes, [attribute("both", 1), attribute("sentry", 1), attribute("otel", 2)]);
        other.merge_duplicate(sentry);
        assert_eq!(one, other, "once more changes nothing");
    }

    #[test]
    fn equal_resources_are_one_and_different_ones_are_not_compared_each_with_each() {
        let named = |n: usize| Resource { service: n.to_string(), ..Resource::default() };
        let mut resources = Vec::new();
        let places: Vec<usize> = [0, 1, 0, 1, 2].map(|n| named(n).place_in(&mut resources)).into();
        assert_eq!((places.as_slice(), resources.len()), (&[0, 1, 0, 1, 2][..], 3));
        for n in 0..1_000 {
            let place = named(10 + n).place_in(&mut resources);
            assert_eq!(resources[place], named(10 + n));
        }
        assert_eq!(named(0).place_in(&mut resources), 1_003, "the first is long gone");
    }
}
