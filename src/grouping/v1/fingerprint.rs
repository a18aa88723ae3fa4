//! What decides beside the default: nothing, something added to it, or something else altogether.
//!
//! Comes from the client or from a rule of the server; variables are resolved against the event.

use std::borrow::Cow;

use crate::grouping::rules::{is_default_variable, variable, variables_in};
use crate::grouping::v1::matching::{Met, tag};
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

/// What variables stand for.
#[derive(Clone, Copy)]
pub(super) struct Speaker<'e> {
    pub(super) event: &'e Event,
    pub(super) main_exception: Option<usize>,
    pub(super) crash_frame: Option<&'e Frame>,
}

/// The values that apply, unresolved: the rule's, else the client's.
pub(super) fn values<'e>(event: &'e Event, met: Option<Met<'e>>) -> &'e [String] {
    match met {
        Some(met) if !met.rule.values.is_empty() => &met.rule.values,
        _ => event.fingerprint.as_deref().unwrap_or_default(),
    }
}

impl<'e> Fingerprint<'e> {
    pub(super) fn of(values: &'e [String], speaker: Speaker<'e>) -> Self {
        let default_count = values.iter().filter(|value| is_default_variable(value)).count();
        if values.len() == default_count {
            return Self::Default;
        }
        let tokens = values.iter().map(|value| speaker.resolve(value)).collect();
        if default_count > 0 { Self::Hybrid(tokens) } else { Self::Custom(tokens) }
    }
}

impl<'e> Speaker<'e> {
    /// A title with variables in it. `{{ default }}` means nothing there.
    pub(super) fn fill(self, title: &str) -> String {
        let mut out = String::new();
        for piece in variables_in(title) {
            match piece {
                Ok(text) => out.push_str(text),
                Err(name) => out.push_str(&self.variable(name)),
            }
        }
        out
    }

    fn resolve(self, value: &'e str) -> Token<'e> {
        match variable(value) {
            Some("default") => Token::Default,
            Some(name) => Token::Text(self.variable(name)),
            None if self.says(value) => Token::Text(steady_message(value)),
            None => Token::Text(Cow::Borrowed(value)),
        }
    }

    /// A client that puts the message into the fingerprint wants one issue per kind of message.
    fn says(self, value: &str) -> bool {
        self.event.message.as_ref().is_some_and(|message| message.formatted == value)
            || self.event.exceptions.iter().any(|exception| exception.value.as_deref() == Some(value))
    }

    fn variable(self, name: &str) -> Cow<'e, str> {
        let event = self.event;
        let exception = self.main_exception.and_then(|index| event.exceptions.get(index)).or(event.exceptions.last());
        let of_frame = |field: fn(&Frame) -> Option<&str>| self.crash_frame.and_then(field);
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
            _ => {
                let Some(key) = name.strip_prefix("tags.") else {
                    return Cow::Owned(format!("<unrecognized-variable-{name}>"));
                };
                return tag(event, key).map_or_else(|| Cow::Owned(format!("<no-value-for-tag-{key}>")), Cow::Borrowed);
            }
        };
        Cow::Borrowed(found.filter(|text| !text.is_empty()).unwrap_or(missing))
    }
}

fn steady_or<'e>(text: Option<&'e str>, missing: &'static str) -> Cow<'e, str> {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => steady_message(text),
        None => Cow::Borrowed(missing),
    }
}
