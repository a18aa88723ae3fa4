//! A project's own rules of grouping: two texts in, typed rules or the line that is wrong out.
//!
//! Owns the grammar (protocol notes, sections 5.6 and 5.7) and the patterns. Knows no event: what a rule does to one
//! is decided in the folder of a version. Everything is bounded, and every pattern is matched in linear time.

mod fingerprint;
mod line;
mod matcher;
mod pattern;
mod stack;

use thiserror::Error;

use crate::config::{GROUPING_RULES_BYTES_MAX, GROUPING_RULES_MAX};

pub(in crate::grouping) use fingerprint::{FingerprintMatcher, FingerprintRule, FingerprintSubject};
pub(in crate::grouping) use line::{is_default_variable, variable, variables_in};
pub(in crate::grouping) use stack::{Action, Flag, Range, StackMatcher, StackRule, StackSubject};

/// What a project wants grouped otherwise. The default has no rules.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The first that matches decides.
    pub(in crate::grouping) fingerprint: Vec<FingerprintRule>,
    /// All that match apply, the later over the earlier.
    pub(in crate::grouping) stack: Vec<StackRule>,
}

/// Which of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleText {
    Fingerprint,
    StackTrace,
}

/// The first rule that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct RuleError {
    pub text: RuleText,
    /// From 1; 0 when the text as a whole is at fault.
    pub line: u32,
    pub message: String,
}

impl Rules {
    /// No rules, for ever: what events are grouped with where a project has none.
    pub fn none() -> &'static Self {
        static NONE: Rules = Rules { fingerprint: Vec::new(), stack: Vec::new() };
        &NONE
    }

    /// Reads both texts; empty ones are fine.
    pub fn parse(fingerprint_text: &str, stack_trace_text: &str) -> Result<Self, RuleError> {
        Ok(Self {
            fingerprint: parse_lines(RuleText::Fingerprint, fingerprint_text, fingerprint::parse)?,
            stack: parse_lines(RuleText::StackTrace, stack_trace_text, stack::parse)?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.fingerprint.is_empty() && self.stack.is_empty()
    }
}

/// One rule per line; blank lines and those that start with `#` say nothing.
fn parse_lines<T>(
    text: RuleText,
    source: &str,
    parse: impl Fn(&str, u32) -> Result<T, String>,
) -> Result<Vec<T>, RuleError> {
    let fail = |line, message| Err(RuleError { text, line, message });
    if source.len() > GROUPING_RULES_BYTES_MAX {
        return fail(0, format!("{} bytes of rules; at most {GROUPING_RULES_BYTES_MAX} are read", source.len()));
    }
    let mut rules = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if rules.len() == GROUPING_RULES_MAX {
            return fail(number, format!("this is one rule more than the {GROUPING_RULES_MAX} a project may have"));
        }
        match parse(line, number) {
            Ok(rule) => rules.push(rule),
            Err(message) => return fail(number, message),
        }
    }
    Ok(rules)
}
