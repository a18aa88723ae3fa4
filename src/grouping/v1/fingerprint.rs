//! What the client's fingerprint asks for: nothing, something beside the default, or something else altogether.
//!
//! Resolves variables against the event. Rules of the server, which may replace a client's fingerprint, will
//! give the same `Fingerprint`.

use std::borrow::Cow;

use crate::grouping::v1::in_app::crash_frame;
use crate::grouping::v1::parameterise::steady_message;
use crate::model::event::{Event, Frame};

pub(super) enum Fingerprint<'e> {
    Default,
    /// At least one token is `Token::Default`, and there is another.
    Hybrid(Vec<Token<'e>>),
    Custom(Vec<Token<'e>>),
}

pub(super) enum Token<'e> {
    /// Stands for everything the default would hash.
    Default,
    Text(Cow<'e, str>),
}

impl<'e> Fingerprint<'e> {
    pub(super) fn of(event: &'e Event, main_exception: Option<usize>) -> Self {
        let values = event.fingerprint.as_deref().unwrap_or_default();
        let default_count = values.iter().filter(|value| is_default(value)).count();
        if values.len() == default_count {
            return Self::Default;
        }
        let tokens = values.iter().map(|value| resolve(event, main_exception, value)).collect();
        if default_count > 0 { Self::Hybrid(tokens) } else { Self::Custom(tokens) }
    }
}

fn is_default(value: &str) -> bool {
    variable(value) == Some("default")
}

/// The name in `{{ name }}` or `{{name}}`, when the value is nothing but that.
fn variable(value: &str) -> Option<&str> {
    let name = value.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

fn resolve<'e>(event: &'e Event, main_exception: Option<usize>, value: &'e str) -> Token<'e> {
    match variable(value) {
        Some("default") => Token::Default,
        Some(name) => Token::Text(resolve_variable(event, main_exception, name)),
        None if is_said_by_event(event, value) => Token::Text(steady_message(value)),
        None => Token::Text(Cow::Borrowed(value)),
    }
}

/// A client that puts the message into the fingerprint wants one issue per kind of message.
fn is_said_by_event(event: &Event, value: &str) -> bool {
    event.message.as_ref().is_some_and(|message| message.formatted == value)
        || event.exceptions.iter().any(|exception| exception.value.as_deref() == Some(value))
}

fn resolve_variable<'e>(event: &'e Event, main_exception: Option<usize>, name: &str) -> Cow<'e, str> {
    let exception = main_exception.and_then(|index| event.exceptions.get(index)).or(event.exceptions.last());
    let of_frame = |field: fn(&Frame) -> Option<&str>| crash_frame(event, main_exception).and_then(field);
    let (found, missing) = match name {
        "transaction" => (event.transaction.as_deref(), "<no-transaction>"),
        "message" => {
            let message = event.message.as_ref().map(|message| message.formatted.as_str());
            return steady_or(message, "<no-message>");
        }
        "type" | "error.type" => (exception.and_then(|exception| exception.ty.as_deref()), "<no-type>"),
        "value" | "error.value" => {
            return steady_or(exception.and_then(|exception| exception.value.as_deref()), "<no-value>");
        }
        "function" | "stack.function" => (of_frame(|frame| frame.function.as_deref()), "<no-function>"),
        "path" | "stack.abs_path" => (of_frame(|frame| frame.abs_path.as_deref()), "<no-abs-path>"),
        "stack.filename" => (of_frame(|frame| frame.filename.as_deref()), "<no-filename>"),
        "module" | "stack.module" => (of_frame(|frame| frame.module.as_deref()), "<no-module>"),
        "package" | "stack.package" => (of_frame(|frame| frame.package.as_deref()), "<no-package>"),
        "level" => (Some(event.level.as_str()), "<no-level>"),
        "logger" => (event.logger.as_deref(), "<no-logger>"),
        _ => return resolve_tag(event, name),
    };
    Cow::Borrowed(found.filter(|text| !text.is_empty()).unwrap_or(missing))
}

fn steady_or<'e>(text: Option<&'e str>, missing: &'static str) -> Cow<'e, str> {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => steady_message(text),
        None => Cow::Borrowed(missing),
    }
}

fn resolve_tag<'e>(event: &'e Event, name: &str) -> Cow<'e, str> {
    let Some(key) = name.strip_prefix("tags.") else {
        return Cow::Owned(format!("<unrecognized-variable-{name}>"));
    };
    // Normalisation takes these three out of the tags.
    let field = match key {
        "environment" => event.environment.as_deref(),
        "release" => event.release.as_deref(),
        "server_name" => event.server_name.as_deref(),
        _ => None,
    };
    let tag = || event.tags.iter().find(|(tag, _)| tag == key).map(|(_, value)| value.as_str());
    match field.or_else(tag) {
        Some(value) => Cow::Borrowed(value),
        None => Cow::Owned(format!("<no-value-for-tag-{key}>")),
    }
}
