//! Which exceptions told by spans and logs are errors, and each of them as an event.
//!
//! Owns the rules: a log record of level error or above that carries an exception; a span's `exception` event on a
//! span that serves somebody (server, consumer) or is the first of its process. What a client span or one within records
//! was caught further out, or is told there: the trace shows it, and it is no event. Every span is decided on by itself, as
//! its parent may come later or never. `exception.escaped` says nothing: SDKs send False for what does escape.
//!
//! The events are like those of Sentry's SDKs, bodies included (`body`), so that nothing behind here knows the difference,
//! but for [`Report`]: one error is told several times.

mod attributes;
mod body;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::config::{REQUEST_EXCEPTIONS_MAX, SPAN_EXCEPTIONS_MAX};
use crate::model::decoded::{Decoded, Incoming, Refusal};
use crate::model::event::{Event, EventKind, Exception, Level, Mechanism, Message, Report, ReportSource};
use crate::model::ids::{EventId, SpanId, TraceId};
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::outcome::Reason;
use crate::model::span::{Attribute, Resource, Span, SpanBatch, SpanEvent, SpanKind, SpanStatus, text_attribute};
use crate::traceback::{self, Language};
use attributes::Known;

/// What the specification calls the event of a span.
const EXCEPTION_EVENT: &str = "exception";

/// Adds the errors that a request's spans and logs tell of to what was decoded of it. The exceptions stay where they
/// are, too.
pub(super) fn add_errors(decoded: &mut Decoded, severity_min: u8) {
    let mut events = Events::default();
    for item in &decoded.items {
        match item {
            Incoming::Spans { batch, .. } => of_spans(batch, &mut events),
            Incoming::Logs(batch) => of_logs(batch, severity_min, &mut events),
            _ => {}
        }
    }
    decoded.items.extend(events.list.into_iter().map(|event| Incoming::Event(Box::new(event))));
    if events.omitted > 0 {
        decoded.refused.push(Refusal {
            category: "event".to_owned(),
            reason: Reason::TooMany,
            detail: format!("more than {REQUEST_EXCEPTIONS_MAX} exceptions in one request"),
            quantity: events.omitted,
        });
    }
}

#[derive(Default)]
struct Events {
    list: Vec<Event>,
    omitted: u64,
}

impl Events {
    fn add(&mut self, make: impl FnOnce() -> Option<Event>) {
        if self.list.len() < REQUEST_EXCEPTIONS_MAX {
            self.list.extend(make());
        } else {
            self.omitted += 1;
        }
    }
}

fn of_spans(batch: &SpanBatch, events: &mut Events) {
    let nowhere = Resource::default();
    for span in batch.spans.iter().filter(|span| is_outermost(span)) {
        let resource = batch.resources.get(span.resource).unwrap_or(&nowhere);
        let told = span.events.iter().filter(|event| event.name == EXCEPTION_EVENT);
        for event in told.take(SPAN_EXCEPTIONS_MAX) {
            events.add(|| of_span_event(span, event, resource));
        }
    }
}

fn of_logs(batch: &LogBatch, severity_min: u8, events: &mut Events) {
    let nowhere = Resource::default();
    for record in batch.records.iter().filter(|record| is_error(record, severity_min)) {
        let resource = batch.resources.get(record.resource).unwrap_or(&nowhere);
        events.add(|| of_log(record, resource));
    }
}

/// Nobody further out in this process can have caught what ends here.
fn is_outermost(span: &Span) -> bool {
    match span.kind {
        SpanKind::Server | SpanKind::Consumer => true,
        SpanKind::Internal => span.is_local_root,
        // The caller decides what a failed call means, and may have no span.
        SpanKind::Client | SpanKind::Producer => false,
    }
}

/// Whether a log record tells of an exception that is an error.
pub(super) fn is_error(record: &LogRecord, severity_min: u8) -> bool {
    record.severity >= severity_min && Told::of(&record.attributes).is_some()
}

/// What is said of an exception itself.
struct Told<'a> {
    ty: &'a str,
    message: &'a str,
    stacktrace: &'a str,
}

impl<'a> Told<'a> {
    fn of(attributes: &'a [Attribute]) -> Option<Self> {
        let text = |key| text_attribute(attributes, key).unwrap_or_default();
        let told = Self {
            ty: text("exception.type").trim(),
            message: text("exception.message"),
            stacktrace: text("exception.stacktrace"),
        };
        let is_empty = told.ty.is_empty() && told.message.trim().is_empty() && told.stacktrace.trim().is_empty();
        (!is_empty).then_some(told)
    }
}

/// Of an `exception` event; `None` when it says nothing.
pub(super) fn of_span_event(span: &Span, event: &SpanEvent, resource: &Resource) -> Option<Event> {
    let told = Told::of(&event.attributes)?;
    let known = Known::of([&span.attributes, &event.attributes], resource);
    let is_unhandled = span.status == SpanStatus::Error;
    let report = Report {
        source: ReportSource::SpanEvent,
        reporter: number_of(&[&span.trace_id.0, &span.span_id.0]),
        label: span.name.clone(),
    };
    let (exceptions, language) = exceptions(&told, known.language, is_unhandled.then_some(false));
    Some(finish(Found {
        told,
        known,
        exceptions,
        language,
        report,
        event_id: id_of(&[b"span", &span.trace_id.0, &span.span_id.0, &event.time_ns.to_be_bytes()]),
        time_ms: event.time_ns.div_euclid(1_000_000),
        level: Level::Error,
        logger: None,
        message: None,
        transaction: transaction_of(span),
        trace_id: Some(span.trace_id),
        span_id: Some(span.span_id),
        resource,
    }))
}

/// Of a log record; `None` when it carries no exception.
pub(super) fn of_log(record: &LogRecord, resource: &Resource) -> Option<Event> {
    let told = Told::of(&record.attributes)?;
    let known = Known::of([&record.attributes, &[]], resource);
    let logger = record.logger.as_deref().unwrap_or_default();
    let report = Report {
        source: ReportSource::LogRecord,
        // A logger tells of an error once, where the line is not known: its words may be others every time.
        reporter: match known.code_line {
            Some(line) => number_of(&[logger.as_bytes(), known.code_file.as_bytes(), &line.to_be_bytes()]),
            None => number_of(&[logger.as_bytes()]),
        },
        label: logger.to_owned(),
    };
    let zero = (TraceId::default(), SpanId::default());
    let (trace_id, span_id) = (record.trace_id.unwrap_or(zero.0), record.span_id.unwrap_or(zero.1));
    let is_said = !record.body.trim().is_empty() && record.body != told.message;
    let message = is_said.then(|| Message { template: record.template.clone(), formatted: record.body.clone() });
    let (exceptions, language) = exceptions(&told, known.language, None);
    let event_id = id_of(&[
        b"log",
        &trace_id.0,
        &span_id.0,
        &record.time_ns.to_be_bytes(),
        known.instance.as_bytes(),
        logger.as_bytes(),
        record.body.as_bytes(),
        told.ty.as_bytes(),
        told.message.as_bytes(),
        &xxh3_64(told.stacktrace.as_bytes()).to_be_bytes(),
    ]);
    Some(finish(Found {
        told,
        known,
        exceptions,
        language,
        report,
        event_id,
        time_ms: record.time_ns.div_euclid(1_000_000),
        level: match LogLevel::of(record.severity) {
            LogLevel::Fatal => Level::Fatal,
            LogLevel::Error | LogLevel::Unknown => Level::Error,
            _ => Level::Warning,
        },
        logger: record.logger.clone().filter(|logger| !logger.is_empty()),
        message,
        transaction: None,
        trace_id: record.trace_id,
        span_id: record.span_id,
        resource,
    }))
}

/// An error while it is put together.
struct Found<'a> {
    told: Told<'a>,
    known: Known<'a>,
    exceptions: Vec<Exception>,
    /// In which the stack trace was read.
    language: Option<Language>,
    report: Report,
    event_id: EventId,
    time_ms: i64,
    level: Level,
    logger: Option<String>,
    message: Option<Message>,
    transaction: Option<String>,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    resource: &'a Resource,
}

fn finish(found: Found<'_>) -> Event {
    let Found { known, resource, .. } = &found;
    // Services that share code have the same frames, and somebody else looks after each.
    let fingerprint =
        (!resource.service.is_empty()).then(|| vec!["{{ default }}".to_owned(), resource.service.clone()]);
    let mut event = Event {
        event_id: found.event_id,
        kind: EventKind::Error,
        timestamp_ms: found.time_ms,
        level: found.level,
        platform: known.platform(found.language).to_owned(),
        logger: found.logger.as_deref().map(|logger| cut(logger, crate::config::event::LOGGER_CHARS_MAX)),
        message: found.message.clone(),
        exceptions: found.exceptions.clone(),
        thread_frames: Vec::new(),
        transaction: found.transaction.as_deref().map(|name| cut(name, FIELD_CHARS_MAX)),
        culprit: None,
        release: resource.release.clone(),
        environment: resource.environment.clone(),
        server_name: known.host.map(|host| cut(host, FIELD_CHARS_MAX)),
        request_url: known.url.as_deref().map(|url| cut(url, crate::config::event::URL_CHARS_MAX)),
        user_agent: known.user_agent.map(|agent| cut(agent, USER_AGENT_CHARS_MAX)),
        tags: known.tags(resource),
        user: known.user_name(),
        trace_id: found.trace_id,
        span_id: found.span_id,
        sdk: known.sdk(),
        more: None,
        fingerprint,
        checksum: None,
        csp: None,
        template: None,
        report: Some(found.report.clone()),
        body: Vec::new(),
    };
    event.body = body::of(&event, &found);
    event
}

/// As Sentry's protocol cuts them.
const FIELD_CHARS_MAX: usize = 200;
const USER_AGENT_CHARS_MAX: usize = 512;

pub(super) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// The chain the stack trace tells of, else the one exception that is named.
fn exceptions(
    told: &Told<'_>,
    language: Option<Language>,
    handled: Option<bool>,
) -> (Vec<Exception>, Option<Language>) {
    let (mut exceptions, language) = match traceback::parse(told.stacktrace, language) {
        Some(found) => (found.exceptions, Some(found.language)),
        None => (vec![Exception::default()], language),
    };
    if let Some(raised) = exceptions.last_mut() {
        if raised.ty.is_none() && !told.ty.is_empty() {
            let (module, ty) = traceback::split_type(told.ty, language);
            (raised.module, raised.ty) = (module.map(str::to_owned), Some(ty.to_owned()));
        }
        if raised.value.is_none() && !told.message.trim().is_empty() {
            raised.value = Some(cut(told.message.trim(), crate::config::STACK_VALUE_CHARS_MAX));
        }
        raised.mechanism = Mechanism { ty: Some("opentelemetry".to_owned()), ..std::mem::take(&mut raised.mechanism) };
    }
    for exception in &mut exceptions {
        exception.mechanism.handled = handled;
        for frame in &mut exception.frames {
            // As of Sentry's SDKs: each stands in for the other.
            frame.abs_path = frame.abs_path.take().or_else(|| frame.filename.clone());
        }
    }
    (exceptions, language)
}

/// `/orders/<int:pk>/` of `GET /orders/<int:pk>/`, as Sentry's SDKs call a request; the name of anything else.
fn transaction_of(span: &Span) -> Option<String> {
    let name = span.name.trim();
    let route = name.split_once(' ').filter(|(method, route)| {
        route.starts_with('/') && !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    let name = route.map_or(name, |(_, route)| route);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The same whenever the same is sent again. The lengths keep texts from passing for each other's ends.
fn id_of(parts: &[&[u8]]) -> EventId {
    let mut hash = Xxh3::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    EventId(hash.digest128().to_be_bytes())
}

fn number_of(parts: &[&[u8]]) -> i64 {
    let EventId(bytes) = id_of(parts);
    (xxh3_64(&bytes) >> 1) as i64
}

#[cfg(test)]
mod tests;
