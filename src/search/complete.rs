//! What is being typed where the cursor stands, and what the language itself has to offer there.
//!
//! Reads the text as the parser does, but takes what is not finished for what it may become. Knows no data: which tags there
//! are, and which values they have, is added by whoever asks.

use super::keys::{Dataset, KEYS, Key, KeyInfo, Known, Type, find};
use super::lex::{Filter, KeyForm, Kind, Raw, RawKey, RawValue, Token, lex};
use super::pattern::Pattern;
use super::states;
use crate::model::event::{Level, tag_key};
use crate::model::log::LogLevel;

/// What is being typed.
#[derive(Clone, Debug, PartialEq)]
pub enum Context {
    /// The beginning of a key, or of a word.
    Key { prefix: String },
    /// The name of a key, behind `has:`.
    KeyName { prefix: String },
    /// A value of that key.
    Value { key: Key, prefix: String },
    /// Nothing there is an offer for.
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    pub context: Context,
    /// Bytes that a candidate takes the place of.
    pub from: usize,
    pub to: usize,
    /// The best first.
    pub candidates: Vec<Candidate>,
    /// Whether these are all there can be, so that no data has to be asked.
    pub is_closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub insert: String,
    pub label: String,
    pub note: String,
}

impl Candidate {
    fn of(insert: impl Into<String>, note: &str) -> Self {
        let insert = insert.into();
        Self { label: insert.trim_end_matches(':').to_string(), insert, note: note.to_string() }
    }
}

/// `at` is in bytes; within a character it stands for its start.
pub fn complete(text: &str, at: usize, dataset: Dataset) -> Completion {
    let at = (0..=at.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
    let nothing = Completion { context: Context::Nothing, from: at, to: at, candidates: Vec::new(), is_closed: true };
    if text.len() > crate::config::search::SEARCH_BYTES_MAX {
        return nothing;
    }
    let tokens = lex(text, dataset);
    // A token that ends where the cursor is is being typed; parentheses are done.
    let is_typed =
        |token: &&Token<'_>| token.from < at && at <= token.to && !matches!(token.kind, Kind::Open | Kind::Close);
    let Some(token) = tokens.iter().find(is_typed) else {
        return keys(String::new(), at, at, dataset);
    };
    let start = token.from + usize::from(token.is_negated);
    if at < start {
        return nothing;
    }
    match &token.kind {
        // `shop.tenant:` is a word until it has a value.
        Kind::Word(word) => match unfinished_filter(word, start, at, dataset) {
            Some((key, from)) => values(key, "", from, token.to, dataset),
            None => keys(text[start..at].to_string(), start, token.to, dataset),
        },
        Kind::Phrase(_) | Kind::Open | Kind::Close => nothing,
        Kind::Filter(filter) if at <= filter.key.to => {
            // The colon belongs to what is put in.
            keys(text[start..at].to_string(), start, filter.from, dataset)
        }
        Kind::Filter(filter) => in_value(text, filter, at, dataset).unwrap_or(nothing),
    }
}

/// `name:` with the cursor behind it.
fn unfinished_filter(word: &str, start: usize, at: usize, dataset: Dataset) -> Option<(Key, usize)> {
    let name = word.strip_suffix(':')?;
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.'));
    let is_behind = at == start + word.len();
    (is_name && is_behind).then(|| (key_named(name, KeyForm::Plain, dataset), at))
}

fn key_named(name: &str, form: KeyForm, dataset: Dataset) -> Key {
    let known = if form == KeyForm::Plain { find(name, dataset) } else { None };
    match (known, form) {
        (Some(info), _) => Key::Known(info.known),
        (None, KeyForm::Flag) if dataset.has_tags() => Key::Flag(name.to_string()),
        (None, KeyForm::Flag) => Key::Attribute(format!("flag.evaluation.{name}")),
        (None, _) if dataset.has_tags() => Key::Tag(tag_key(name)),
        (None, _) => Key::Attribute(name.to_string()),
    }
}

fn key_of(raw: &RawKey<'_>, dataset: Dataset) -> Key {
    let read = Pattern::read(raw.name.text);
    let name = if raw.name.is_quoted { read.as_literal().unwrap_or(raw.name.text) } else { raw.name.text };
    key_named(name, raw.form, dataset)
}

fn in_value(text: &str, filter: &Filter<'_>, at: usize, dataset: Dataset) -> Option<Completion> {
    let key = key_of(&filter.key, dataset);
    if at < filter.from {
        return None;
    }
    if key == Key::Known(Known::Has) {
        let (from, to) = match &filter.value {
            RawValue::Key(of) => (of.from, of.to),
            _ => (filter.from, filter.to),
        };
        let prefix = text.get(from..at)?.to_string();
        let candidates = known_keys(&prefix, dataset)
            .filter(|info| !matches!(info.ty, Type::State | Type::KeyName))
            .map(|info| Candidate::of(info.name, info.doc))
            .collect();
        return Some(Completion { context: Context::KeyName { prefix }, from, to, candidates, is_closed: false });
    }
    let items: &[Raw<'_>] = match &filter.value {
        RawValue::One(raw) => std::slice::from_ref(raw),
        RawValue::List(items, _) | RawValue::Call(_, items, _) => items,
        RawValue::Missing | RawValue::Key(_) => &[],
    };
    let Some(item) = items.iter().find(|item| item.from <= at && at <= item.to) else {
        // Behind a colon, an operator or a comma.
        return Some(values(key, "", at, at, dataset));
    };
    let info = match &key {
        Key::Known(known) => KEYS.iter().find(|info| info.known == *known && info.is_in(dataset)),
        _ => None,
    };
    // What is offered brings its operator along.
    if info.is_some_and(|info| matches!(info.ty, Type::Number | Type::Duration | Type::Time | Type::Age)) {
        let from = if items.len() == 1 && filter.from <= at { filter.from } else { item.from };
        return Some(values(key, text.get(from..at)?, from, item.to, dataset));
    }
    let inside = item.from + usize::from(item.is_quoted);
    let typed = text.get(inside.min(at)..at)?;
    let prefix = Pattern::read(typed.trim_end_matches('"')).pieces().join("*");
    Some(values(key, &prefix, item.from, item.to, dataset))
}

fn keys(prefix: String, from: usize, to: usize, dataset: Dataset) -> Completion {
    let candidates = known_keys(&prefix, dataset);
    let candidates = candidates.map(|info| Candidate::of(format!("{}:", info.name), info.doc)).collect();
    Completion { context: Context::Key { prefix }, from, to, candidates, is_closed: false }
}

/// Those that begin like that, then those with it somewhere.
fn known_keys(prefix: &str, dataset: Dataset) -> impl Iterator<Item = &'static KeyInfo> {
    let prefix = prefix.to_ascii_lowercase();
    let begins = |name: &str, prefix: &str| name.to_ascii_lowercase().starts_with(prefix);
    let rank = move |info: &KeyInfo| {
        if begins(info.name, &prefix) {
            return Some(0);
        }
        if info.aliases.iter().any(|alias| begins(alias, &prefix)) {
            return Some(1);
        }
        info.name.to_ascii_lowercase().contains(&prefix).then_some(2)
    };
    let mut ranked: Vec<(i32, &'static KeyInfo)> =
        KEYS.iter().filter(|info| info.is_in(dataset)).filter_map(|info| Some((rank(info)?, info))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, info)| info)
}

fn values(key: Key, prefix: &str, from: usize, to: usize, dataset: Dataset) -> Completion {
    let info = match &key {
        Key::Known(known) => KEYS.iter().find(|info| info.known == *known && info.is_in(dataset)),
        _ => None,
    };
    let ty = info.map_or(Type::Text, |info| info.ty);
    let levels = || -> Vec<&'static str> {
        if dataset == Dataset::Logs {
            return LogLevel::ALL.into_iter().rev().map(LogLevel::as_str).collect();
        }
        [Level::Fatal, Level::Error, Level::Warning, Level::Info, Level::Debug].map(Level::as_str).to_vec()
    };
    let (words, is_closed): (Vec<&'static str>, bool) = match ty {
        Type::State => (states::names(), true),
        Type::Choice(choices) => (choices.to_vec(), true),
        Type::Level => (levels(), true),
        Type::Flag | Type::NotFlag => (vec!["true", "false"], true),
        Type::Time => (vec!["-1h", "-24h", "-7d", "-30d", "+7d"], true),
        Type::Age => (vec!["-1h", "-24h", "-7d", "+7d"], true),
        Type::Duration => (vec![">100ms", ">300ms", ">1s", ">5s"], true),
        Type::Number => (vec![">10", ">100", ">1k"], true),
        Type::HttpStatus => (vec!["5xx", "4xx", "404", "500"], false),
        Type::Release => (vec!["latest"], false),
        Type::Person if key == Key::Known(Known::Bookmarked) => (vec!["me"], true),
        Type::Person => (vec!["me", "none"], false),
        Type::Capitals => (vec!["GET", "POST", "PUT", "PATCH", "DELETE"], false),
        _ => (Vec::new(), false),
    };
    let lower = prefix.to_lowercase();
    let mut fitting: Vec<&str> = words.iter().copied().filter(|word| word.to_lowercase().starts_with(&lower)).collect();
    fitting.extend(words.iter().filter(|word| {
        let word = word.to_lowercase();
        !word.starts_with(&lower) && word.contains(&lower)
    }));
    let candidates = fitting.into_iter().map(|word| Candidate::of(word, "")).collect();
    Completion { context: Context::Value { key, prefix: prefix.to_string() }, from, to, candidates, is_closed }
}
