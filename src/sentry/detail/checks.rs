//! What the normalisation left out of an event, in words: fields that broke a rule, and fields nobody knows.
//!
//! Looks at the body as it was sent, with the same functions that normalised it on the way in.

use core::net::IpAddr;
use std::borrow::Cow;

use serde_json::Value;

use crate::model::detail::FieldError;
use crate::sentry::detail::{Raw, WireEventDetail, parse};
use crate::sentry::event::{TAGS_MAX, TagFault, dist, environment, release, tag_fault};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Entries, Scalar};

/// Lines about one field that holds many.
const LINES_MAX: usize = 20;

/// Fields of an event besides those of [`WireEventDetail`]: read elsewhere, or kept as they are.
const OTHER_FIELDS: [&str; 48] = [
    "event_id",
    "type",
    "level",
    "version",
    "fingerprint",
    "culprit",
    "transaction_info",
    "time_spent",
    "platform",
    "timestamp",
    "start_timestamp",
    "received",
    "site",
    "template",
    "debug_meta",
    "ingest_path",
    "key_id",
    "project",
    "measurements",
    "breakdowns",
    "spans",
    "checksum",
    "csp",
    "hpkp",
    "expectct",
    "expectstaple",
    "nel",
    "profile_id",
    "_metrics",
    "_metrics_summary",
    "_performance_issues_spans",
    "_dsc",
    "attachments",
    "grouping_config",
    "metadata",
    "location",
    "title",
    "datetime",
    "threadId",
    "sdkProcessingMetadata",
    "scraping_attempts",
    "sentry.interfaces.Csp",
    "sentry.interfaces.Template",
    "sentry.interfaces.Query",
    "sentry.interfaces.Applecrashreport",
    "debug_id",
    "replay_id",
    "client_ip",
];

const KNOWN_FIELDS: [&str; 29] = [
    "message",
    "logentry",
    "sentry.interfaces.Message",
    "logger",
    "transaction",
    "release",
    "dist",
    "environment",
    "server_name",
    "sdk",
    "exception",
    "sentry.interfaces.Exception",
    "stacktrace",
    "sentry.interfaces.Stacktrace",
    "threads",
    "request",
    "sentry.interfaces.Http",
    "user",
    "sentry.interfaces.User",
    "breadcrumbs",
    "sentry.interfaces.Breadcrumbs",
    "tags",
    "contexts",
    "sentry.interfaces.Contexts",
    "extra",
    "modules",
    "errors",
    "_meta",
    "sentry.interfaces.Threads",
];

/// One line for every field that was left out or changed in meaning.
pub(super) fn checks(wire: &WireEventDetail<'_>, body: &str) -> Vec<FieldError> {
    let mut found = Vec::new();
    text_rule(&mut found, "release", &wire.release, release(&wire.release).is_some(), "not a name of a release");
    text_rule(
        &mut found,
        "dist",
        &wire.dist,
        dist(&wire.dist).is_some(),
        "letters, digits, _ . - and at most 64 of them",
    );
    // "none" means none, which is no mistake.
    let is_none = wire.environment.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("none"));
    let is_fine = is_none || environment(&wire.environment).is_some();
    text_rule(&mut found, "environment", &wire.environment, is_fine, "not a name of an environment");
    level(&mut found, &wire.level);
    tags(&mut found, &wire.tags, body);
    fingerprint(&mut found, wire.fingerprint);
    address(&mut found, wire);
    unknown(&mut found, body);
    found
}

fn line(path: impl Into<String>, problem: String) -> FieldError {
    FieldError { path: path.into(), problem }
}

fn shown(value: &Scalar<'_>) -> String {
    cut(&value.text().unwrap_or_default(), 60)
}

fn text_rule(found: &mut Vec<FieldError>, path: &str, sent: &Scalar<'_>, is_fine: bool, rule: &str) {
    let is_empty = sent.text().is_none_or(|text| text.trim().is_empty());
    if !is_fine && !is_empty {
        found.push(line(path, format!("left out: {rule}: {:?}", shown(sent))));
    }
}

fn level(found: &mut Vec<FieldError>, sent: &Scalar<'_>) {
    const WORDS: [&str; 8] = ["debug", "info", "warning", "error", "fatal", "critical", "log", ""];
    let is_fine = match sent {
        Scalar::Absent => true,
        Scalar::Text(text) => WORDS.contains(&text.as_ref()),
        number => number.unsigned().is_some_and(|n| [10, 20, 30, 40, 50].contains(&n)),
    };
    if !is_fine {
        found.push(line("level", format!("no level, taken for error: {:?}", shown(sent))));
    }
}

fn tags(found: &mut Vec<FieldError>, sent: &Entries<'_, Scalar<'_>>, body: &str) {
    if sent.0.len() > TAGS_MAX {
        let count = members(body, "tags").unwrap_or(sent.0.len());
        found.push(line("tags", format!("{count} were sent, at most {TAGS_MAX} are kept")));
    }
    let mut lines = 0;
    for (key, value) in &sent.0 {
        let problem = match tag_fault(key, value) {
            None | Some(TagFault::Empty) => continue,
            Some(TagFault::Name) => "left out: a name has at most 200 of A-Z a-z 0-9 _ . : - and no others".to_owned(),
            Some(TagFault::Reserved) => "left out: the field of that name counts".to_owned(),
            Some(TagFault::NoText) => "left out: a value is one text".to_owned(),
            Some(TagFault::Newline) => "left out: a value has one line".to_owned(),
            Some(TagFault::Long) => {
                format!("shortened from {} characters", value.text().map_or(0, |t| t.chars().count()))
            }
        };
        lines += 1;
        if lines > LINES_MAX {
            break;
        }
        found.push(line(format!("tags.{}", cut(key, 60)), problem));
    }
}

/// How many members a field has: what reads it stops at a number of its own.
fn members(body: &str, name: &str) -> Option<usize> {
    let fields: Entries<'_, Raw<'_>> = serde_json::from_str(body).unwrap_or_default();
    match parse(*fields.get(name)?) {
        Value::Array(list) => Some(list.len()),
        Value::Object(map) => Some(map.len()),
        _ => None,
    }
}

fn fingerprint(found: &mut Vec<FieldError>, sent: Raw<'_>) {
    let Some(list) = sent.filter(|raw| raw.get().starts_with('[')) else { return };
    let members: Vec<Scalar<'_>> = serde_json::from_str(list.get()).unwrap_or_default();
    if members.contains(&Scalar::Absent) {
        found.push(line("fingerprint", "left out: members that are no text".to_owned()));
    }
}

fn address(found: &mut Vec<FieldError>, wire: &WireEventDetail<'_>) {
    let Some(address) = wire.user.get("ip_address") else { return };
    if let Value::String(text) = parse(*address)
        && !text.is_empty()
        && text != "[Filtered]"
        && text.trim().parse::<IpAddr>().is_err()
    {
        found.push(line("user.ip_address", format!("not an address: {:?}", cut(&text, 60))));
    }
}

/// Scrubbed and kept in the JSON, shown nowhere.
fn unknown(found: &mut Vec<FieldError>, body: &str) {
    let names: Entries<'_, Raw<'_>> = serde_json::from_str(body).unwrap_or_default();
    let strange = names.0.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name);
    let is_known = |name: &&Cow<'_, str>| {
        KNOWN_FIELDS.contains(&name.as_ref()) || OTHER_FIELDS.contains(&name.as_ref()) || name.starts_with("_")
    };
    for name in strange.filter(|name| !is_known(name)).take(LINES_MAX) {
        found.push(line(cut(name, 60), "not a field of an event: only in its JSON".to_owned()));
    }
}
