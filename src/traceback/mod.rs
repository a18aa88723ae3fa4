//! Stack traces as programs print them, read back into exceptions with frames.
//!
//! Owns the eight ways in which OpenTelemetry SDKs write `exception.stacktrace`. Text in, exceptions of the model out, in
//! its order: oldest cause first, what was raised last; oldest call first. Knows no protocol, and keeps nothing: whoever
//! asks keeps the text as well. What it cannot read it says nothing about.
//!
//! Every parser goes over the lines once. Texts, exceptions and frames beyond their limits are left out.

mod chain;
mod dotnet;
mod go;
mod java;
mod javascript;
mod php;
mod python;
mod ruby;
mod rust;
#[cfg(test)]
mod tests;

use crate::config::{
    STACK_EXCEPTIONS_MAX, STACK_FRAMES_MAX, STACK_LINE_CHARS_MAX, STACK_NAME_CHARS_MAX, STACK_TEXT_BYTES_MAX,
    STACK_VALUE_CHARS_MAX,
};
use crate::model::event::{Exception, Frame};

/// Whose way of printing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Java,
    JavaScript,
    Go,
    Ruby,
    Php,
    DotNet,
    Rust,
}

impl Language {
    /// Those whose frames say most first: whoever is asked first must not take another's.
    pub const ALL: [Self; 8] =
        [Self::Python, Self::Rust, Self::Java, Self::Go, Self::Php, Self::DotNet, Self::Ruby, Self::JavaScript];

    /// From `telemetry.sdk.language`, and from what Sentry calls platforms. JVM languages print as Java does.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "python" => Self::Python,
            "java" | "kotlin" | "scala" | "groovy" | "clojure" => Self::Java,
            "nodejs" | "webjs" | "javascript" | "node" | "typescript" | "deno" | "bun" => Self::JavaScript,
            "go" => Self::Go,
            "ruby" => Self::Ruby,
            "php" => Self::Php,
            "dotnet" | "csharp" => Self::DotNet,
            "rust" => Self::Rust,
            _ => return None,
        })
    }

    /// The exceptions in a text of this language; `None` when it does not read like one.
    fn parse(self, text: &str) -> Option<Vec<Exception>> {
        match self {
            Self::Python => python::parse(text),
            Self::Java => java::parse(text),
            Self::JavaScript => javascript::parse(text),
            Self::Go => go::parse(text),
            Self::Ruby => ruby::parse(text),
            Self::Php => php::parse(text),
            Self::DotNet => dotnet::parse(text),
            Self::Rust => rust::parse(text),
        }
    }
}

/// The name of a type as it is written out, as the module it is said to be of and the rest.
pub fn split_type(name: &str, language: Option<Language>) -> (Option<&str>, &str) {
    match language {
        Some(Language::Python) => python::split_name(name),
        Some(Language::Java | Language::DotNet) => match name.rsplit_once('.') {
            Some((module, ty)) if !module.is_empty() && !ty.is_empty() => (Some(module), ty),
            _ => (None, name),
        },
        _ => (None, name),
    }
}

/// A text that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Traceback {
    pub language: Language,
    /// At least one; at least one of them has a type or a frame.
    pub exceptions: Vec<Exception>,
}

/// Reads a stack trace: as the language that is said to have printed it, else as any that fits. A text in which no
/// frame was found is believed only of the language that was said.
pub fn parse(text: &str, language: Option<Language>) -> Option<Traceback> {
    let text = head(text, STACK_TEXT_BYTES_MAX);
    let read = |language: Language| {
        let exceptions: Vec<Exception> = language.parse(text)?.into_iter().map(bounded).collect();
        let exceptions = newest(exceptions);
        let says_something = exceptions.iter().any(|exception| exception.ty.is_some() || !exception.frames.is_empty());
        says_something.then_some(Traceback { language, exceptions })
    };
    let has_frames = |found: &Traceback| found.exceptions.iter().any(|exception| !exception.frames.is_empty());
    let said = language.and_then(read);
    if said.as_ref().is_some_and(has_frames) {
        return said;
    }
    let others = Language::ALL.into_iter().filter(|other| Some(*other) != language);
    others.filter_map(read).find(has_frames).or(said)
}

/// The last ones are nearest to what was raised.
fn newest(mut exceptions: Vec<Exception>) -> Vec<Exception> {
    let excess = exceptions.len().saturating_sub(STACK_EXCEPTIONS_MAX);
    exceptions.drain(..excess);
    exceptions
}

fn bounded(mut exception: Exception) -> Exception {
    let count = exception.frames.len();
    if count > STACK_FRAMES_MAX {
        // Both ends say more than the middle of a recursion.
        let half = STACK_FRAMES_MAX / 2;
        exception.frames.drain(half..count - half);
    }
    for text in [&mut exception.ty, &mut exception.module].into_iter().flatten() {
        cut(text, STACK_NAME_CHARS_MAX);
    }
    exception.value.iter_mut().for_each(|value| cut(value, STACK_VALUE_CHARS_MAX));
    for frame in &mut exception.frames {
        let names = [&mut frame.module, &mut frame.function, &mut frame.filename, &mut frame.abs_path];
        names.into_iter().flatten().for_each(|name| cut(name, STACK_NAME_CHARS_MAX));
        frame.context_line.iter_mut().for_each(|line| cut(line, STACK_LINE_CHARS_MAX));
    }
    exception
}

fn cut(text: &mut String, chars_max: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
    }
}

/// At most so many bytes, cut at a character boundary.
fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `some`, unless it is empty.
fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A frame in a file; the shown name is the end of the path.
fn in_file(path: &str, line: Option<u64>) -> Frame {
    Frame { filename: Some(end_of(path).to_owned()), abs_path: Some(path.to_owned()), line, ..Frame::default() }
}

/// The last three parts of a path: the root of an application is not known, and its absolute path is kept beside.
fn end_of(path: &str) -> &str {
    if path.contains("://") {
        return path;
    }
    let mut slashes = path.rmatch_indices(['/', '\\']).map(|(at, _)| at);
    slashes.nth(2).map_or_else(|| path.trim_start_matches('/'), |at| &path[at + 1..])
}

fn directories(path: &str) -> impl Iterator<Item = &str> {
    let end = path.rfind(['/', '\\']).unwrap_or(0);
    path[..end].split(['/', '\\'])
}

/// `path:12:34` or `path:12` to path, line and column.
fn place(text: &str) -> (&str, Option<u64>, Option<u64>) {
    let number = |text: &str| text.parse::<u64>().ok();
    let Some((before, last)) = text.rsplit_once(':') else { return (text, None, None) };
    let Some(last) = number(last) else { return (text, None, None) };
    match before.rsplit_once(':').map(|(path, line)| (path, number(line))) {
        Some((path, Some(line))) => (path, Some(line), Some(last)),
        _ => (before, Some(last), None),
    }
}

/// `some.module.Type: what is wrong`, as most languages print it; `None` when it does not begin with a name.
fn type_and_value(line: &str, is_name: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let (name, value) = match line.split_once(": ") {
        Some((name, value)) => (name, value),
        None => (line.trim_end().trim_end_matches(':'), ""),
    };
    let is_type = !name.is_empty() && name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
    is_type.then_some((name, value))
}
