//! What a condition holds against a value, in both kinds of rules.

use crate::grouping::rules::pattern::{Pattern, Reading};

#[derive(Clone, Debug)]
pub(in crate::grouping) enum Test {
    Glob(Pattern),
    Flag(bool),
    /// One of these names; `all` is any.
    OneOf(Vec<String>),
}

impl Test {
    pub(super) fn glob(text: &str, reading: Reading) -> Result<Self, String> {
        Pattern::parse(text, reading).map(Self::Glob)
    }

    pub(super) fn flag(text: &str) -> Result<Self, String> {
        match text {
            "1" | "yes" | "true" => Ok(Self::Flag(true)),
            "0" | "no" | "false" => Ok(Self::Flag(false)),
            other => Err(format!("{other:?} is neither yes nor no")),
        }
    }

    pub(super) fn one_of(text: &str) -> Result<Self, String> {
        let names: Vec<String> =
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        if names.is_empty() { Err("a pattern is empty".to_owned()) } else { Ok(Self::OneOf(names)) }
    }

    pub(in crate::grouping) fn text(&self, text: &str) -> bool {
        match self {
            Self::Glob(pattern) => pattern.matches(text),
            Self::OneOf(names) => names.iter().any(|name| name == "all" || name == text),
            Self::Flag(_) => false,
        }
    }

    pub(in crate::grouping) fn flag_is(&self, flag: bool) -> bool {
        matches!(self, Self::Flag(wanted) if *wanted == flag)
    }
}
