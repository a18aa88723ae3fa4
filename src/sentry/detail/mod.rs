//! A stored body to everything a reader wants to see of the event.
//!
//! Runs when somebody looks, never on the way in, so it may build trees of values. Knows how SDKs spell things; not
//! how they are shown. Reads any bytes: what cannot be read is missing and named in `field_errors`.

mod agent;
mod checks;
mod contexts;
mod exceptions;
mod field_errors;
mod relation;
mod request;
mod shapes;

#[cfg(test)]
mod tests;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::event::DATA_DEPTH_MAX;
use crate::model::detail::{Breadcrumb, EventDetail, ExceptionDetail, FieldError, Pair, Variable};
use crate::model::event::{Event, Message};
use crate::sentry::clock::time_ns;
use crate::sentry::csp::{self, WireCsp};
use crate::sentry::event::{
    CLOCK_DRIFT, dist, environment, logger, read_message, release, sdk_name, span_id, tags, trace_id,
};
use crate::sentry::json::{Entries, Listed, Object, Scalar, read_object, wire_object};
use crate::sentry::wire::{Crumbs, Exceptions, Threads, WireContexts, WireMessage, WireSdk};
pub(in crate::sentry) use agent::{Agent, Product, agent_of_header};
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
        breadcrumbs: Crumbs<WireBreadcrumb<'a>> = "breadcrumbs" | "sentry.interfaces.Breadcrumbs",
        tags: Entries<'a, Scalar<'a>> = "tags",
        contexts: Raw<'a> = "contexts" | "sentry.interfaces.Contexts",
        extra: Entries<'a, Raw<'a>> = "extra",
        modules: Entries<'a, Scalar<'a>> = "modules",
        level: Scalar<'a> = "level",
        site: Scalar<'a> = "site",
        platform: Scalar<'a> = "platform",
        fingerprint: Raw<'a> = "fingerprint",
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
        Ok(wire.0.map(|wire| detail(&wire, text)).unwrap_or_default())
    });
    match read {
        Ok((detail, _)) => detail,
        Err(error) => {
            let problem = FieldError { path: String::new(), problem: error.to_string() };
            EventDetail { field_errors: vec![problem], ..EventDetail::default() }
        }
    }
}

/// Shows as the application's the frames that are so for the server: `in_app` has a list for each exception of the event
/// as it was decoded from the same body.
pub fn take_over_app_frames(detail: &mut EventDetail, event: &Event, in_app: &[Vec<bool>]) {
    exceptions::take_over_app_frames(&mut detail.exceptions, &event.exceptions, in_app);
}

fn detail(wire: &WireEventDetail<'_>, body: &str) -> EventDetail {
    let entry = wire.logentry.get().and_then(read_message);
    let message = entry.or_else(|| wire.message.get().and_then(read_message));
    // As on the way in: a report that came as an event says nothing in words.
    let from_csp = || wire.csp.get().map(|csp| Message { template: None, formatted: csp::message(&csp::read(csp)) });
    let message = message.or_else(from_csp);
    let (message, message_template) = message.map_or((None, None), |m| (Some(m.formatted), m.template));
    let known: Object<WireContexts<'_>> = parse(wire.contexts);
    let trace = known.get().and_then(|known| known.trace.get());
    let exceptions = exceptions::exceptions(&wire.exception.members, &wire.stacktrace);
    let request = wire.request.get().map(request::request);
    let environment = environment(&wire.environment).or_else(|| self::environment(wire.tags.get("environment")?));
    let shift_ms = clock_shift_ms(&wire.errors.members);
    let mut field_errors = checks::checks(wire, body);
    field_errors.extend(shapes::shapes(body));
    field_errors.extend(field_errors::field_errors(&wire.errors.members, wire.meta));
    if wire.breadcrumbs.omitted > 0 {
        let problem = format!("{} older ones are only in the JSON", wire.breadcrumbs.omitted);
        field_errors.push(FieldError { path: "breadcrumbs".to_owned(), problem });
    }
    EventDetail {
        message,
        message_template,
        logger: logger(&wire.logger),
        csp: wire.csp.get().map(csp::detail),
        report: variables(&wire.report, DATA_DEPTH_MAX),
        transaction: wire.transaction.limited(200),
        release: release(&wire.release),
        dist: dist(&wire.dist),
        environment,
        server_name: wire.server_name.limited(200),
        sdk: wire.sdk.get().and_then(sdk_name),
        threads: if exceptions.is_empty() {
            exceptions::threads(&wire.threads.members, &wire.stacktrace)
        } else {
            Vec::new()
        },
        contexts: contexts::contexts(wire.contexts, request.as_ref(), wire.platform.as_str()),
        tags: tags_shown(wire, &exceptions),
        exceptions,
        request,
        user: user(&wire.user),
        breadcrumbs: wire.breadcrumbs.members.iter().map(|crumb| breadcrumb(crumb, shift_ms)).collect(),
        extra: variables(&wire.extra, DATA_DEPTH_MAX),
        modules: modules(&wire.modules),
        trace_id: trace.and_then(|trace| trace_id(&trace.trace_id)),
        span_id: trace.and_then(|trace| span_id(&trace.span_id)),
        field_errors,
    }
}

/// By how much the way in moved the times of this event; those of its breadcrumbs move with it.
fn clock_shift_ms(errors: &[WireError<'_>]) -> i64 {
    let drift = errors.iter().find(|error| error.ty.as_str() == Some(CLOCK_DRIFT));
    drift.and_then(|error| parse::<Value>(error.value).as_i64()).unwrap_or(0)
}

/// Those sent, then those that stand for other fields, as in Sentry.
fn tags_shown(wire: &WireEventDetail<'_>, exceptions: &[ExceptionDetail]) -> Vec<Pair> {
    let mut shown: Vec<Pair> = tags(&wire.tags).into_iter().map(|(key, value)| Pair { key, value }).collect();
    let raised = exceptions.last().and_then(|exception| exception.mechanism.as_ref());
    // Nobody caught it, if anybody in the chain says so.
    let handled: Vec<bool> = exceptions.iter().filter_map(|e| e.mechanism.as_ref()?.handled).collect();
    let handled = if handled.contains(&false) { Some("no") } else { handled.first().map(|_| "yes") };
    for (key, value) in [
        ("server_name", wire.server_name.limited(200)),
        ("site", wire.site.limited(200)),
        ("handled", handled.map(str::to_owned)),
        ("mechanism", raised.and_then(|mechanism| mechanism.ty.clone())),
    ] {
        if let Some(value) = value.filter(|_| !shown.iter().any(|tag| tag.key == key)) {
            shown.push(Pair { key: key.to_owned(), value });
        }
    }
    shown
}

/// Identity first, each within its limit; whatever else was sent after it.
fn user(sent: &Entries<'_, Raw<'_>>) -> Vec<Variable> {
    let mut shown = variables(sent, DATA_DEPTH_MAX);
    for entry in &mut shown {
        let chars_max = match entry.name.as_str() {
            "id" | "username" | "name" => 128,
            "email" => 75,
            _ => continue,
        };
        let raw = sent.get(&entry.name).copied().flatten();
        entry.value = parse::<Scalar<'_>>(raw).limited(chars_max).map_or(Value::Null, Value::String);
    }
    shown.retain(|entry| !entry.value.is_null());
    shown
}

/// A value of a known shape; its default when something else was sent.
pub(super) fn parse<'a, T: serde::Deserialize<'a> + Default>(raw: Raw<'a>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Members in the order sent; what lies deeper than so many levels is shown as its JSON.
pub(super) fn variables(entries: &Entries<'_, Raw<'_>>, depth_max: usize) -> Vec<Variable> {
    let shown = |raw: Raw<'_>| shallow(parse(raw), depth_max.saturating_sub(1));
    entries.0.iter().map(|(name, raw)| Variable { name: name.to_string(), value: shown(*raw) }).collect()
}

/// The value down to so many levels; below them lists and objects become their JSON, as a text.
pub(super) fn shallow(value: Value, levels: usize) -> Value {
    match value {
        Value::Array(list) if levels > 0 => list.into_iter().map(|member| shallow(member, levels - 1)).collect(),
        Value::Object(map) if levels > 0 => {
            map.into_iter().map(|(name, member)| (name, shallow(member, levels - 1))).collect()
        }
        Value::Array(list) if !list.is_empty() => Value::String(Value::Array(list).to_string()),
        Value::Object(map) if !map.is_empty() => Value::String(Value::Object(map).to_string()),
        other => other,
    }
}

fn breadcrumb(wire: &WireBreadcrumb<'_>, shift_ms: i64) -> Breadcrumb {
    let time_ms = time_ns(&wire.timestamp).map(|time| time.div_euclid(1_000_000));
    Breadcrumb {
        timestamp_ms: time_ms.map(|time| time.saturating_add(shift_ms)),
        ty: wire.ty.limited(128).unwrap_or_else(|| "default".to_owned()),
        category: wire.category.limited(128),
        level: wire.level.limited(32).unwrap_or_else(|| "info".to_owned()),
        message: wire.message.limited(8192),
        data: shallow(parse(wire.data), DATA_DEPTH_MAX),
    }
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
