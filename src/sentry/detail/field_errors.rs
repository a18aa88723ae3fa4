//! What SDK or server could not use or took out, in words: from the payload's own `errors` and `_meta`.
//!
//! `_meta` mirrors the payload; under the key `""` of each place stands what happened there:
//! `{"rem": [[rule, kind, start, end]], "err": [problem], "len": original length}`.

use serde_json::{Map, Value};

use crate::model::detail::FieldError;
use crate::sentry::detail::{Raw, parse};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Scalar, wire_object};

/// Lines shown of one event.
const FIELD_ERRORS_MAX: usize = 100;

wire_object! {
    WireError {
        ty: Scalar<'a> = "type",
        name: Scalar<'a> = "name",
        reason: Scalar<'a> = "reason",
        value: Raw<'a> = "value",
    }
}

pub(super) fn field_errors(errors: &[WireError<'_>], meta: Raw<'_>) -> Vec<FieldError> {
    let mut found: Vec<FieldError> = errors.iter().filter_map(sent_error).collect();
    if let Value::Object(meta) = parse(meta) {
        walk(&meta, &mut String::new(), &mut found);
    }
    found.truncate(FIELD_ERRORS_MAX);
    found
}

fn sent_error(wire: &WireError<'_>) -> Option<FieldError> {
    let ty = wire.ty.limited(128)?;
    let mut problem = words(&ty);
    if let Some(reason) = wire.reason.limited(200) {
        problem = format!("{problem}: {reason}");
    } else if let Some(value) = wire.value {
        problem = format!("{problem}: {}", cut(value.get(), 100));
    }
    Some(FieldError { path: wire.name.limited(200).unwrap_or_default(), problem })
}

/// Depth is bounded by the JSON reader.
fn walk(meta: &Map<String, Value>, path: &mut String, found: &mut Vec<FieldError>) {
    if found.len() >= FIELD_ERRORS_MAX {
        return;
    }
    if let Some(Value::Object(here)) = meta.get("") {
        found.extend(meta_problem(here).map(|problem| FieldError { path: path.clone(), problem }));
    }
    for (key, value) in meta {
        if let (false, Value::Object(below)) = (key.is_empty(), value) {
            let len = path.len();
            if len > 0 {
                path.push('.');
            }
            path.push_str(&cut(key, 100));
            walk(below, path, found);
            path.truncate(len);
        }
    }
}

fn meta_problem(here: &Map<String, Value>) -> Option<String> {
    let mut problems: Vec<String> = Vec::new();
    for remark in list(here, "rem") {
        let rule = remark.get(0).and_then(Value::as_str).unwrap_or_default();
        let kind = remark.get(1).and_then(Value::as_str).unwrap_or_default();
        problems.push(match (rule, remark.get(3).and_then(Value::as_u64)) {
            ("@more", Some(count)) => format!("{count} more values filtered by this server"),
            _ => remark_words(rule, kind),
        });
    }
    for error in list(here, "err") {
        // Either the name of the problem or a pair of name and details.
        let name = error.as_str().or_else(|| error.get(0).and_then(Value::as_str));
        problems.extend(name.map(words));
    }
    problems.dedup();
    let len = here.get("len").and_then(Value::as_u64);
    match (problems.is_empty(), len) {
        (true, None) => None,
        (true, Some(len)) => Some(format!("shortened from {len}")),
        (false, Some(len)) => Some(format!("{}, {len} long before", problems.join(", "))),
        (false, None) => Some(problems.join(", ")),
    }
}

fn list<'v>(here: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    // A handful stands here in practice.
    here.get(key).and_then(Value::as_array).map(|list| &list[..list.len().min(8)]).unwrap_or_default()
}

/// `!config` is sentry-python's EventScrubber, `!limit` its string limit, `!raw` a body it could not parse.
fn remark_words(rule: &str, kind: &str) -> String {
    if let Some(why) = scrubbing_words(rule) {
        return format!("filtered by this server: {why}");
    }
    match (rule, kind) {
        ("!config", "x") => "removed by the SDK".to_owned(),
        ("!config", _) => "filtered by the SDK".to_owned(),
        ("!limit", _) => "cut to the size limit of the SDK".to_owned(),
        ("!raw", _) => "not sent, because the SDK could not parse it".to_owned(),
        ("", _) => "changed before it arrived".to_owned(),
        (rule, "x") => format!("removed by the rule {}", cut(rule, 64)),
        (rule, _) => format!("filtered by the rule {}", cut(rule, 64)),
    }
}

/// The rules of our own scrubbing (`crate::scrub`), some of which Sentry's Relay has under the same name.
fn scrubbing_words(rule: &str) -> Option<&'static str> {
    Some(match rule {
        "@password:filter" => "the name looks like a secret's",
        "@password:text" => "the text mentions a secret",
        "@cookie:filter" => "a session cookie",
        "@creditcard:filter" => "a card number",
        "@iban:filter" => "a bank account number",
        "@usssn:filter" => "a US social security number",
        "@pemkey:filter" => "a key",
        "@urlauth:filter" => "a password in a URL",
        "@bearer:filter" => "a bearer token",
        "@parameter:filter" => "a parameter whose name looks like a secret's",
        "@ip:remove" => "an address",
        _ => return None,
    })
}

/// `future_timestamp` as `future timestamp`.
fn words(name: &str) -> String {
    cut(name, 128).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use crate::sentry::detail::event_detail;

    fn lines(body: &str) -> Vec<(String, String)> {
        event_detail(body.as_bytes()).field_errors.into_iter().map(|e| (e.path, e.problem)).collect()
    }

    fn line(path: &str, problem: &str) -> (String, String) {
        (path.to_owned(), problem.to_owned())
    }

    #[test]
    fn what_the_sdk_filtered_is_named_by_place() {
        let body = r#"{"_meta":{"request":{"headers":{"Cookie":{"":{"rem":[["!config","s"]]}}},
            "data":{"":{"len":9000,"rem":[["!raw","x"]]}}},"exception":{"values":{"0":{"value":{"":{"len":5,"rem":[["!limit","x",1,2]]}}}}},
            "extra":{"a":{"":{"rem":[["@custom:filter","s"]],"err":["invalid_data",["past_timestamp",{}]]}}, "b":{"":{}},
            "c":{"":{"rem":[["@password:filter","s",0,10]],"len":7}}},"":{"rem":[["@more","s",0,3]]}}}"#;
        assert_eq!(
            lines(body),
            [
                line("", "3 more values filtered by this server"),
                line("request.headers.Cookie", "filtered by the SDK"),
                line("request.data", "not sent, because the SDK could not parse it, 9000 long before"),
                line("exception.values.0.value", "cut to the size limit of the SDK, 5 long before"),
                line("extra.a", "filtered by the rule @custom:filter, invalid data, past timestamp"),
                line("extra.c", "filtered by this server: the name looks like a secret's, 7 long before"),
            ]
        );
    }

    #[test]
    fn the_payloads_own_errors_are_shown() {
        let body = r#"{"errors":[{"type":"invalid_data","name":"timestamp","value":"x"},{"type":"value_too_long","name":"a","reason":"r"},{}]}"#;
        assert_eq!(lines(body), [line("timestamp", "invalid data: \"x\""), line("a", "value too long: r")]);
    }

    #[test]
    fn a_body_that_cannot_be_read_says_so() {
        assert_eq!(lines("[]"), [line("", "payload is not a json object but starts with '['")]);
        assert_eq!(lines(r#"{"_meta":[[]]}"#), []);
    }
}
