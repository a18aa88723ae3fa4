//! A text cut into words, phrases, filters and parentheses, each with its place.
//!
//! Owns the decision what is text and what is a filter, which is made for people who paste messages of exceptions, file
//! names and addresses. Never fails: what is not closed says so, and the parser objects. Knows no types of values.

use super::keys::{Dataset, find};
use crate::model::conventions::names_of;

/// A piece of the text as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'t> {
    /// Without quotes.
    pub(super) text: &'t str,
    pub(super) is_quoted: bool,
    /// A quote that was opened has its end.
    pub(super) is_closed: bool,
    /// With quotes.
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    /// `!` stands in front.
    pub(super) is_negated: bool,
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'t> {
    Open,
    Close,
    /// As written.
    Word(&'t str),
    Phrase(Raw<'t>),
    Filter(Filter<'t>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter<'t> {
    pub(super) key: RawKey<'t>,
    pub(super) op: Option<Comparison>,
    pub(super) value: RawValue<'t>,
    /// Of the value with its operator.
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawKey<'t> {
    pub(super) name: Raw<'t>,
    pub(super) form: KeyForm,
    /// With brackets.
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// A known key, or else a tag or attribute.
    Plain,
    /// `tags[…]`, `attributes[…]` or in quotes: never a known key.
    Tag,
    /// `flags[…]`
    Flag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawValue<'t> {
    Missing,
    One(Raw<'t>),
    /// `[a, b]`; whether it is closed.
    List(Vec<Raw<'t>>, bool),
    /// `contains(a, b)`; whether it is closed.
    Call(Part, Vec<Raw<'t>>, bool),
    /// What `has:` asks for.
    Key(RawKey<'t>),
}

/// Where in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Anywhere,
    Start,
    End,
}

const CALLS: [(&str, Part); 5] = [
    ("contains", Part::Anywhere),
    ("startsWith", Part::Start),
    ("starts_with", Part::Start),
    ("endsWith", Part::End),
    ("ends_with", Part::End),
];

/// Sentry's own web app puts its operators between two of these.
const SENTRY_MARK: char = '\u{f00d}';

pub(super) fn lex(text: &str, dataset: Dataset) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, dataset, depth: 0 };
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(start) = lexer.next_start(at) {
        let token = lexer.token(start);
        debug_assert!(token.to > start);
        at = token.to.max(start + 1);
        tokens.push(token);
    }
    tokens
}

struct Lexer<'t> {
    text: &'t str,
    dataset: Dataset,
    /// Parentheses that are open.
    depth: usize,
}

impl<'t> Lexer<'t> {
    /// The next place with something.
    fn next_start(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        rest.find(|char: char| !is_blank(char)).map(|blanks| at + blanks)
    }

    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    fn token(&mut self, start: usize) -> Token<'t> {
        let rest = self.rest(start);
        let behind = rest.strip_prefix('!').and_then(|behind| behind.chars().next());
        // `!=` and a lone `!` are words.
        let is_negated = behind.is_some_and(|next| !is_blank(next) && !matches!(next, '=' | '!' | ')'));
        let at = start + usize::from(is_negated);
        let (kind, to) = self.kind(at);
        Token { kind, is_negated, from: start, to }
    }

    fn kind(&mut self, at: usize) -> (Kind<'t>, usize) {
        let rest = self.rest(at);
        if rest.starts_with('(') && !rest.starts_with("()") {
            self.depth += 1;
            return (Kind::Open, at + 1);
        }
        if rest.starts_with(')') && self.depth > 0 {
            self.depth -= 1;
            return (Kind::Close, at + 1);
        }
        if let Some(filter) = self.filter(at) {
            let to = filter.to;
            return (Kind::Filter(filter), to);
        }
        if rest.starts_with('"') {
            let phrase = self.quoted(at);
            return (Kind::Phrase(phrase), phrase.to);
        }
        let to = self.end_of_word(at);
        (Kind::Word(&self.text[at..to]), to)
    }

    /// The next blank, or the parenthesis that ends a group; parentheses of the word's own belong to it.
    fn end_of_word(&self, at: usize) -> usize {
        let mut inside = 0;
        for (place, char) in self.rest(at).char_indices() {
            match char {
                '(' => inside += 1,
                ')' if inside > 0 => inside -= 1,
                ')' if self.depth > 0 && place > 0 => return at + place,
                _ if is_blank(char) => return at + place,
                _ => {}
            }
        }
        self.text.len()
    }

    /// From a quote on.
    fn quoted(&self, at: usize) -> Raw<'t> {
        let inside = at + 1;
        let mut is_escaped = false;
        for (place, char) in self.rest(inside).char_indices() {
            match char {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    let end = inside + place;
                    return Raw {
                        text: &self.text[inside..end],
                        is_quoted: true,
                        is_closed: true,
                        from: at,
                        to: end + 1,
                    };
                }
                _ => {}
            }
        }
        let to = self.text.len();
        Raw { text: &self.text[inside..], is_quoted: true, is_closed: false, from: at, to }
    }

    fn filter(&self, at: usize) -> Option<Filter<'t>> {
        let (key, colon) = self.key(at)?;
        let separator = self.rest(colon).chars().next()?;
        let is_old_equals = separator == '=' && self.dataset == Dataset::Spans && key.form == KeyForm::Plain;
        if !(separator == ':' || is_old_equals) {
            return None;
        }
        let start = colon + 1;
        // `"detail": "Not found."` is a line of JSON.
        if key.name.is_quoted && self.rest(start).chars().next().is_none_or(is_blank) {
            return None;
        }
        if key.form == KeyForm::Plain && !key.name.is_quoted && self.is_text(key.name.text, self.rest(start)) {
            return None;
        }
        if is_old_equals && self.rest(start).starts_with('=') {
            return None;
        }
        let is_has = key.form == KeyForm::Plain && key.name.text.eq_ignore_ascii_case("has");
        if is_has && let Some((of, to)) = self.key(start) {
            return Some(Filter { key, op: None, value: RawValue::Key(of), from: start, to });
        }
        let (op, operand) = comparison(self.rest(start));
        let (value, to) = self.value(start + operand);
        Some(Filter { key, op, value, from: start, to })
    }

    /// A key and where it ends; whatever follows it.
    fn key(&self, at: usize) -> Option<(RawKey<'t>, usize)> {
        let rest = self.rest(at);
        if rest.starts_with('"') {
            let name = self.quoted(at);
            let is_key = name.is_closed && !name.text.is_empty();
            return is_key.then_some((RawKey { name, form: KeyForm::Tag, from: at, to: name.to }, name.to));
        }
        let len = rest.find(|char: char| !is_name_char(char)).unwrap_or(rest.len());
        let name = &rest[..len];
        if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        if rest[len..].starts_with('[') {
            return self.bracketed(at, name, at + len + 1);
        }
        let raw = Raw { text: name, is_quoted: false, is_closed: true, from: at, to: at + len };
        Some((RawKey { name: raw, form: KeyForm::Plain, from: at, to: at + len }, at + len))
    }

    /// `tags[name]`, from behind the bracket on.
    fn bracketed(&self, from: usize, outer: &str, inside: usize) -> Option<(RawKey<'t>, usize)> {
        let form = match outer.to_ascii_lowercase().as_str() {
            "tags" | "tag" | "attributes" | "attribute" | "attr" => KeyForm::Tag,
            "flags" | "flag" => KeyForm::Flag,
            _ => return None,
        };
        let name = if self.rest(inside).starts_with('"') {
            let name = self.quoted(inside);
            if !name.is_closed {
                return None;
            }
            name
        } else {
            let len = self.rest(inside).find(']')?;
            // Sentry writes the type of a tag behind its name.
            let typed = &self.text[inside..inside + len];
            let text = ["string", "number", "boolean"].into_iter().find_map(|ty| {
                let name = typed.strip_suffix(ty)?.trim_end().strip_suffix(',')?;
                Some(name)
            });
            let text = text.unwrap_or(typed).trim();
            Raw { text, is_quoted: false, is_closed: true, from: inside, to: inside + len }
        };
        let to = name.to + 1;
        let is_key = !name.text.is_empty() && self.rest(name.to).starts_with(']');
        is_key.then_some((RawKey { name, form, from, to }, to))
    }

    /// Whether what looks like a key is text. `behind` follows the colon.
    fn is_text(&self, name: &str, behind: &str) -> bool {
        let next = behind.chars().next().filter(|next| !is_blank(*next));
        // Addresses, paths of C++ and Rust, drives of Windows.
        if behind.starts_with("//") || behind.starts_with(':') || behind.starts_with('\\') {
            return true;
        }
        if let Some(info) = find(name, self.dataset) {
            // `Release: 1.2` is a sentence; `release: 1.2` is a slip that deserves an answer.
            return next.is_none() && !info.is_written(name);
        }
        let Some(next) = next else {
            // A slip as well: nobody writes these in sentences.
            let is_convention = !self.dataset.has_tags() && name.contains('.') && !names_of(name).is_empty();
            return !is_convention;
        };
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_exception = last.starts_with(|first: char| first.is_ascii_uppercase())
            && ["Error", "Exception", "Warning", "Exit", "Interrupt"].iter().any(|end| last.ends_with(end));
        if is_exception {
            return true;
        }
        if name.len() == 1 && next == '/' {
            return true;
        }
        // `shop/views.py:42`, `localhost:8000`.
        let is_number = next.is_ascii_digit();
        is_number && (name == "localhost" || name.contains('.') && SOURCES.contains(&last))
    }

    /// Of a filter, from behind its operator on.
    fn value(&self, at: usize) -> (RawValue<'t>, usize) {
        let rest = self.rest(at);
        if let Some(marked) = rest.strip_prefix(SENTRY_MARK)
            && let Some((name, behind)) = marked.split_once(SENTRY_MARK)
            && let Some((_, part)) = CALLS.iter().find(|(call, _)| call.eq_ignore_ascii_case(name))
        {
            let (value, to) = self.value(self.text.len() - behind.len());
            let items = match value {
                RawValue::One(item) => (vec![item], true),
                RawValue::List(items, is_closed) => (items, is_closed),
                _ => (Vec::new(), true),
            };
            return (RawValue::Call(*part, items.0, items.1), to);
        }
        if rest.starts_with('[') {
            let (items, is_closed, to) = self.items(at + 1, ']');
            return (RawValue::List(items, is_closed), to);
        }
        for (name, part) in CALLS {
            let is_call = rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
            if is_call && rest[name.len()..].starts_with('(') {
                let (items, is_closed, to) = self.items(at + name.len() + 1, ')');
                return (RawValue::Call(part, items, is_closed), to);
            }
        }
        match self.one(at) {
            Some(raw) => (RawValue::One(raw), raw.to),
            None => (RawValue::Missing, at),
        }
    }

    fn one(&self, at: usize) -> Option<Raw<'t>> {
        if self.rest(at).starts_with('"') {
            return Some(self.quoted(at));
        }
        let is_over = self.rest(at).starts_with(')') && self.depth > 0;
        let to = self.end_of_word(at);
        if is_over || to == at {
            return None;
        }
        Some(Raw { text: &self.text[at..to], is_quoted: false, is_closed: true, from: at, to })
    }

    /// Values between commas, up to `end`: whether it is there, and where they end.
    fn items(&self, start: usize, end: char) -> (Vec<Raw<'t>>, bool, usize) {
        let mut items = Vec::new();
        let mut at = start;
        loop {
            let Some(next) = self.next_start(at) else { return (items, false, self.text.len()) };
            at = next;
            let rest = self.rest(at);
            if rest.starts_with(end) {
                return (items, true, at + 1);
            }
            if rest.starts_with(',') {
                at += 1;
            } else if rest.starts_with('"') {
                let item = self.quoted(at);
                at = item.to;
                items.push(item);
            } else {
                let len = rest.find([',', end]).unwrap_or(rest.len());
                let text = rest[..len].trim_end();
                items.push(Raw { text, is_quoted: false, is_closed: true, from: at, to: at + text.len() });
                at += len;
            }
        }
    }
}

/// Files that a number behind a colon is a line of.
const SOURCES: [&str; 22] = [
    "py", "pyx", "pyi", "js", "jsx", "mjs", "ts", "tsx", "vue", "html", "htm", "css", "sql", "sh", "go", "rs", "rb",
    "java", "c", "cpp", "h", "php",
];

/// The operator that a value begins with, and how long it is.
fn comparison(text: &str) -> (Option<Comparison>, usize) {
    let all = [
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        ("!=", Comparison::NotEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
        ("=", Comparison::Equal),
    ];
    match all.into_iter().find(|(written, _)| text.starts_with(written)) {
        Some((written, comparison)) => (Some(comparison), written.len()),
        None => (None, 0),
    }
}

/// Other control characters mean themselves.
pub(super) fn is_blank(char: char) -> bool {
    char.is_whitespace()
}

fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.')
}

/// Whether a tag or attribute of that name may be written as it is, wherever it is read.
pub(super) fn is_plain_key(name: &str) -> bool {
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(is_name_char)
        && name.len() > 1
        && name != "localhost"
        && !name.rsplit_once('.').is_some_and(|(_, last)| SOURCES.contains(&last));
    is_name && !name.chars().any(|char| char.is_ascii_uppercase())
}
