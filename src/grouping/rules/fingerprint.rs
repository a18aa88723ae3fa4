//! `matchers -> values title="…"`: which events get a fingerprint of the project's making.

use crate::config::GROUPING_RULE_PARTS_MAX;
use crate::grouping::rules::line::{condition, value, values, words};
use crate::grouping::rules::matcher::Test;
use crate::grouping::rules::pattern::Reading;

/// Characters of a rule's own title.
const TITLE_CHARS_MAX: usize = 256;

#[derive(Clone, Debug)]
pub(in crate::grouping) struct FingerprintRule {
    /// From 1, in the text the rule stands in.
    pub(in crate::grouping) line: u32,
    /// As written.
    pub(in crate::grouping) text: String,
    pub(in crate::grouping) matchers: Vec<FingerprintMatcher>,
    /// As a client would send them: variables unresolved. Empty when the rule only gives a title.
    pub(in crate::grouping) values: Vec<String>,
    pub(in crate::grouping) title: Option<String>,
}

#[derive(Clone, Debug)]
pub(in crate::grouping) struct FingerprintMatcher {
    pub(in crate::grouping) subject: FingerprintSubject,
    pub(in crate::grouping) is_negated: bool,
    pub(in crate::grouping) test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::grouping) enum FingerprintSubject {
    Type,
    Value,
    Message,
    Logger,
    Level,
    Tag(String),
    Path,
    Module,
    Function,
    Package,
    Family,
    App,
    Sdk,
    Release,
}

const SUBJECTS: &str = "error.type, error.value, message, logger, level, tags.NAME, stack.abs_path, stack.module, \
    stack.function, stack.package, family, app, sdk, release";

pub(super) fn parse(line: &str, number: u32) -> Result<FingerprintRule, String> {
    let arrow = arrow_at(line).ok_or("a fingerprint rule is: conditions -> values; the -> is missing")?;
    let mut matchers = Vec::new();
    for word in words(&line[..arrow])? {
        matchers.push(matcher(word)?);
    }
    if matchers.is_empty() {
        return Err("there is no condition before the ->".to_owned());
    }
    let mut fingerprint = Vec::new();
    let mut title = None;
    for word in values(&line[arrow + 2..])? {
        match word.strip_prefix("title=") {
            Some(text) => title = Some(value(text)).filter(|text| !text.trim().is_empty()),
            None => fingerprint.push(value(word)),
        }
    }
    if fingerprint.is_empty() && title.is_none() {
        return Err("there is no value after the ->".to_owned());
    }
    if matchers.len().max(fingerprint.len()) > GROUPING_RULE_PARTS_MAX {
        return Err(format!("more than {GROUPING_RULE_PARTS_MAX} conditions or values"));
    }
    if title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARS_MAX) {
        return Err(format!("a title of more than {TITLE_CHARS_MAX} characters"));
    }
    Ok(FingerprintRule { line: number, text: line.to_owned(), matchers, values: fingerprint, title })
}

/// The first `->` outside quotes.
fn arrow_at(line: &str) -> Option<usize> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'-' if !is_quoted && line[at..].starts_with("->") => return Some(at),
            _ => {}
        }
    }
    None
}

fn matcher(word: &str) -> Result<FingerprintMatcher, String> {
    let (is_negated, key, pattern) =
        condition(word).ok_or_else(|| format!("{word:?} is no condition: write key:pattern"))?;
    let (subject, test) = match key {
        "error.type" | "type" => (FingerprintSubject::Type, Test::glob(&pattern, Reading::Exact)),
        "error.value" | "value" => (FingerprintSubject::Value, Test::glob(&pattern, Reading::AnyCase)),
        "message" => (FingerprintSubject::Message, Test::glob(&pattern, Reading::AnyCase)),
        "logger" => (FingerprintSubject::Logger, Test::glob(&pattern, Reading::Exact)),
        "level" => (FingerprintSubject::Level, Test::glob(&pattern, Reading::AnyCase)),
        "stack.abs_path" | "path" => (FingerprintSubject::Path, Test::glob(&pattern, Reading::Path)),
        "stack.module" | "module" => (FingerprintSubject::Module, Test::glob(&pattern, Reading::Exact)),
        "stack.function" | "function" => (FingerprintSubject::Function, Test::glob(&pattern, Reading::Exact)),
        "stack.package" | "package" => (FingerprintSubject::Package, Test::glob(&pattern, Reading::Path)),
        "family" => (FingerprintSubject::Family, Test::one_of(&pattern)),
        "app" => (FingerprintSubject::App, Test::flag(&pattern)),
        "sdk" => (FingerprintSubject::Sdk, Test::glob(&pattern, Reading::Exact)),
        "release" => (FingerprintSubject::Release, Test::glob(&pattern, Reading::Exact)),
        _ => match key.strip_prefix("tags.").filter(|tag| !tag.is_empty()) {
            Some(tag) => (FingerprintSubject::Tag(tag.to_owned()), Test::glob(&pattern, Reading::Exact)),
            None => return Err(format!("there is no condition {key:?}; there are {SUBJECTS}")),
        },
    };
    Ok(FingerprintMatcher { subject, is_negated, test: test? })
}
