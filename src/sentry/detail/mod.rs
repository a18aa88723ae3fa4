//! A stored body to everything a reader wants to see of the event.
//!
//! Runs when somebody looks, never on the way in, so it may build trees of values. Knows how SDKs spell things; not
//! how they are shown. Reads any bytes: what cannot be read is missing and named in `field_errors`.

mod exceptions;
mod field_errors;
mod relation;
mod request;

#[cfg(test)]
mod tests;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::detail::{Breadcrumb, Context, EventDetail, FieldError, Pair, Variable};
use crate::model::event::Message;
use crate::sentry::clock::time_ns;
use crate::sentry::csp::{self, WireCsp};
use crate::sentry::event::{environment, read_message, release, sdk_name, span_id, tags, trace_id};
use crate::sentry::json::{Entries, Listed, Object, Scalar, read_object, wire_object};
use crate::sentry::wire::{Exceptions, Threads, WireContexts, WireMessage, WireSdk};
use exceptions::{WireExceptionDetail, WireStacktraceDetail, WireThreadDetail};
use field_errors::WireError;
use request::WireRequestDetail;

/// Stored bodies were checked on the way in; this only keeps foreign bytes from being scanned for nothing.
const DEPTH_MAX: usize = 1000;

/// Any JSON, as sent.
pub(super) type Raw<'a> = Option<&'a RawValue>;

wire_object! {
    WireEventDetail {
        message: Object<WireMessage<'a>> = "message",
        logentry: Object<WireMessage<'a>> = "logentry" | "sentry.interfaces.Message",
        logger: Scalar<'a> = "logger",
        transaction: Scalar<'a> = "transaction",
        release: Scalar<'a> = "release",
        dist: Scalar<'a> = "dist",
        environment: Scalar<'a> = "environment",
        server_name: Scalar<'a> = "server_name",
        sdk: Object<WireSdk<'a>> = "sdk",
        exception: Exceptions<WireExceptionDetail<'a>> = "exception" | "sentry.interfaces.Exception",
        stacktrace: Object<WireStacktraceDetail<'a>> = "stacktrace" | "sentry.interfaces.Stacktrace",
        threads: Threads<WireThreadDetail<'a>> = "threads",
        request: Object<WireRequestDetail<'a>> = "request" | "sentry.interfaces.Http",
        user: Entries<'a, Raw<'a>> = "user" | "sentry.interfaces.User",
        breadcrumbs: Listed<WireBreadcrumb<'a>, 0, 200> = "breadcrumbs" | "sentry.interfaces.Breadcrumbs",
        tags: Entries<'a, Scalar<'a>> = "tags",
        contexts: Raw<'a> = "contexts" | "sentry.interfaces.Contexts",
        extra: Entries<'a, Raw<'a>> = "extra",
        modules: Entries<'a, Scalar<'a>> = "modules",
        csp: Object<WireCsp<'a>> = "csp" | "sentry.interfaces.Csp",
        report: Entries<'a, Raw<'a>> = "nel" | "hpkp" | "expectct" | "expectstaple",
        errors: Listed<WireError<'a>, 100, 0> = "errors",
        meta: Raw<'a> = "_meta",
    }
}

wire_object! {
    WireBreadcrumb {
        timestamp: Scalar<'a> = "timestamp",
        ty: Scalar<'a> = "type",
        category: Scalar<'a> = "category",
        level: Scalar<'a> = "level",
        message: Scalar<'a> = "message",
        data: Raw<'a> = "data",
    }
    text message
}

/// Everything worth showing of an event body.
pub fn event_detail(body: &[u8]) -> EventDetail {
    let read = read_object(body, DEPTH_MAX, |text| {
        let wire: Object<WireEventDetail<'_>> = serde_json::from_str(text)?;
        Ok(wire.0.map(|wire| detail(&wire)).unwrap_or_default())
    });
    match read {
        Ok((detail, _)) => detail,
        Err(error) => {
            let problem = FieldError { path: String::new(), problem: error.to_string() };
            EventDetail { field_errors: vec![problem], ..EventDetail::default() }
        }
    }
}

fn detail(wire: &WireEventDetail<'_>) -> EventDetail {
    let entry = wire.logentry.get().and_then(read_message);
    let message = entry.or_else(|| wire.message.get().and_then(read_message));
    // As on the way in: a report that came as an event says nothing in words.
    let from_csp = || wire.csp.get().map(|csp| Message { template: None, formatted: csp::message(&csp::read(csp)) });
    let message = message.or_else(from_csp);
    let (message, message_template) = message.map_or((None, None), |m| (Some(m.formatted), m.template));
    let contexts: Entries<'_, Raw<'_>> = parse(wire.contexts);
    let known: Object<WireContexts<'_>> = parse(wire.contexts);
    let trace = known.get().and_then(|known| known.trace.get());
    let exceptions = exceptions::exceptions(&wire.exception.members, &wire.stacktrace);
    EventDetail {
        message,
        message_template,
        logger: wire.logger.limited(200),
        csp: wire.csp.get().map(csp::detail),
        report: variables(&wire.report),
        transaction: wire.transaction.limited(200),
        release: release(&wire.release),
        dist: wire.dist.limited(64),
        environment: environment(&wire.environment).or_else(|| environment(wire.tags.get("environment")?)),
        server_name: wire.server_name.limited(200),
        sdk: wire.sdk.get().and_then(sdk_name),
        threads: if exceptions.is_empty() {
            exceptions::threads(&wire.threads.members, &wire.stacktrace)
        } else {
            Vec::new()
        },
        exceptions,
        request: wire.request.get().map(request::request),
        user: variables(&wire.user),
        breadcrumbs: wire.breadcrumbs.members.iter().map(breadcrumb).collect(),
        tags: tags(&wire.tags).into_iter().map(|(key, value)| Pair { key, value }).collect(),
        contexts: contexts.0.iter().filter_map(|(name, raw)| context(name, *raw)).collect(),
        extra: variables(&wire.extra),
        modules: modules(&wire.modules),
        trace_id: trace.and_then(|trace| trace_id(&trace.trace_id)),
        span_id: trace.and_then(|trace| span_id(&trace.span_id)),
        field_errors: field_errors::field_errors(&wire.errors.members, wire.meta),
    }
}

/// A value of a known shape; its default when something else was sent.
pub(super) fn parse<'a, T: serde::Deserialize<'a> + Default>(raw: Raw<'a>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Members in the order sent.
pub(super) fn variables(entries: &Entries<'_, Raw<'_>>) -> Vec<Variable> {
    entries.0.iter().map(|(name, raw)| Variable { name: name.to_string(), value: parse(*raw) }).collect()
}

fn breadcrumb(wire: &WireBreadcrumb<'_>) -> Breadcrumb {
    Breadcrumb {
        timestamp_ms: time_ns(&wire.timestamp).map(|time| time.div_euclid(1_000_000)),
        ty: wire.ty.limited(128).unwrap_or_else(|| "default".to_owned()),
        category: wire.category.limited(128),
        level: wire.level.limited(32).unwrap_or_else(|| "info".to_owned()),
        message: wire.message.limited(8192),
        data: parse(wire.data),
    }
}

/// `None` for the trace, which has fields of its own, and for contexts without members.
fn context(name: &str, raw: Raw<'_>) -> Option<Context> {
    if name == "trace" {
        return None;
    }
    let mut entries = match name {
        "flags" => flags(raw),
        _ => variables(&parse(raw)),
    };
    entries.retain(|entry| entry.name != "type" || entry.value != name);
    (!entries.is_empty()).then(|| Context { name: name.to_owned(), entries })
}

wire_object! {
    WireFlag {
        flag: Scalar<'a> = "flag",
        result: Raw<'a> = "result",
    }
}

/// Feature flags are a list of pairs spelled as objects (fixture sentry-python-2.75.0/event-with-feature-flags).
fn flags(raw: Raw<'_>) -> Vec<Variable> {
    let flags: Listed<WireFlag<'_>, 0, 500> = parse(raw);
    let named = flags.members.iter().filter_map(|flag| Some((flag.flag.limited(256)?, parse::<Value>(flag.result))));
    named.map(|(name, value)| Variable { name, value }).collect()
}

fn modules(entries: &Entries<'_, Scalar<'_>>) -> Vec<Pair> {
    let pair = |(name, version): &(std::borrow::Cow<'_, str>, Scalar<'_>)| Pair {
        key: name.to_string(),
        value: version.limited(200).unwrap_or_default(),
    };
    let mut modules: Vec<Pair> = entries.0.iter().map(pair).collect();
    modules.sort_by(|a, b| a.key.cmp(&b.key));
    modules
}
