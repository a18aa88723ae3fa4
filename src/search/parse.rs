//! From text to [`Expr`]: AND, OR, NOT and parentheses, and the limits.
//!
//! Owns precedence, what becomes of words, and errors. What one filter means is said in [`super::terms`].

use super::expr::{Expr, Leaf, Op, Value};
use super::keys::{Dataset, Key, Known, find};
use super::lex::{Kind, Raw, Token, lex};
use super::pattern::Pattern;
use super::terms::Terms;
use super::utf16_offset;
use crate::config::search::{SEARCH_BYTES_MAX, SEARCH_DEPTH_MAX, SEARCH_TERMS_MAX, SEARCH_WILDCARDS_MAX};

/// What cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {help}")]
pub struct SearchError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Bytes of the text; `to` is behind the last one.
    pub from: usize,
    pub to: usize,
}

impl SearchError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>, from: usize, to: usize) -> Self {
        Self { message: message.into(), help: help.into(), from, to }
    }

    /// The place as JavaScript counts it.
    pub fn utf16(&self, text: &str) -> (usize, usize) {
        (utf16_offset(text, self.from), utf16_offset(text, self.to))
    }
}

type Result<T> = std::result::Result<T, SearchError>;

/// What a text asks for. Nothing typed asks for everything; `now_ms` is what relative times are relative to.
///
/// # Errors
/// What is wrong, what to write, and where.
pub fn parse(text: &str, dataset: Dataset, now_ms: i64) -> Result<Expr> {
    if text.len() > SEARCH_BYTES_MAX {
        let from = (0..=SEARCH_BYTES_MAX).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
        let help = format!("a search takes {SEARCH_BYTES_MAX} bytes: leave out what is here and behind");
        return Err(SearchError::new("the search is too long", help, from, text.len()));
    }
    let tokens = lex(text, dataset);
    let operators = (0..tokens.len()).map(|place| operator(&tokens, place)).collect();
    let mut parser = Parser { tokens: &tokens, operators, place: 0, terms: Terms { dataset, now_ms }, count: 0 };
    let expr = parser.either(0)?;
    match parser.tokens.get(parser.place) {
        None => Ok(expr),
        // Only a parenthesis ends what is read above, and none was opened.
        Some(token) => Err(SearchError::new("this parenthesis was never opened", QUOTE_IT, token.from, token.to)),
    }
}

const QUOTE_IT: &str = "put it in quotes if it is part of what you look for";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

/// Words that follow NOT in messages of databases and servers: `NOT NULL constraint failed`, `404 NOT FOUND`.
const AFTER_NOT: [&str; 11] =
    ["NULL", "FOUND", "EXIST", "EXISTS", "ALLOWED", "IMPLEMENTED", "ACCEPTABLE", "MODIFIED", "IN", "LIKE", "BE"];

/// Whether a word is an operator. In capitals it is; in small letters only between filters, because "and", "or" and "not" are
/// in every other message.
fn operator(tokens: &[Token<'_>], place: usize) -> Option<Operator> {
    let token = &tokens[place];
    let Kind::Word(word) = token.kind else { return None };
    if token.is_negated {
        return None;
    }
    let before = place.checked_sub(1).and_then(|place| tokens.get(place));
    let behind = tokens.get(place + 1);
    let ends_filter = |token: &Token<'_>| matches!(token.kind, Kind::Filter(_) | Kind::Close);
    let begins_filter = |token: &Token<'_>| matches!(token.kind, Kind::Filter(_) | Kind::Open);
    let is_between = before.is_some_and(ends_filter) && behind.is_some_and(begins_filter);
    match word {
        "AND" => Some(Operator::And),
        "OR" => Some(Operator::Or),
        "NOT" => {
            let is_of_message =
                matches!(behind.map(|token| &token.kind), Some(Kind::Word(next)) if AFTER_NOT.contains(next));
            (!is_of_message).then_some(Operator::Not)
        }
        _ if word.eq_ignore_ascii_case("and") => is_between.then_some(Operator::And),
        _ if word.eq_ignore_ascii_case("or") => is_between.then_some(Operator::Or),
        _ if word.eq_ignore_ascii_case("not") => {
            let follows_word = before.is_some_and(|token| matches!(token.kind, Kind::Word(_) | Kind::Phrase(_)));
            (behind.is_some_and(begins_filter) && !follows_word).then_some(Operator::Not)
        }
        _ => None,
    }
}

/// What is wrong with a word that nobody means as text: it would be a filter or a parenthesis if it were written right.
fn slip(word: &str, token: &Token<'_>, before: Option<&Token<'_>>, dataset: Dataset) -> Option<SearchError> {
    let error = |message: &str, help: String| {
        Some(SearchError::new(message, format!("{help}, or {QUOTE_IT}"), token.from, token.to))
    };
    let bare = word.trim_start_matches('!');
    if let Some(behind) = bare.strip_prefix(')') {
        // `foo( a ), b` and `print( a ):` are text.
        let is_text = behind.starts_with([',', '.', ':', ';']);
        return (!is_text).then(|| {
            let to = token.from + word.len() - behind.len();
            SearchError::new("this parenthesis was never opened", format!("take it away, or {QUOTE_IT}"), to - 1, to)
        });
    }
    if word.starts_with("!!") {
        let is_filter = matches!(lex(bare, dataset).first()?.kind, Kind::Filter(_) | Kind::Open);
        return is_filter.then(|| error("one ! says not", format!("write !{bare}")))?;
    }
    let opens = |name: &&&str| bare.strip_prefix(**name).is_some_and(|behind| behind.starts_with('['));
    if let Some(name) = ["tags", "tag", "attributes", "flags", "flag"].iter().find(opens)
        && !bare.contains(']')
    {
        return error("this bracket is not closed", format!("write {name}[name]:value"));
    }
    // `level :error`
    let name = match before?.kind {
        Kind::Word(name) if before?.to < token.from => name,
        _ => return None,
    };
    find(name, dataset).filter(|info| info.is_written(name))?;
    let value = word.strip_prefix(':').filter(|value| !value.starts_with(':') && !value.is_empty())?;
    let help = format!("write {name}:{value} without a blank, or {QUOTE_IT}");
    Some(SearchError::new(format!("there is a blank between `{name}` and its colon"), help, before?.from, token.to))
}

struct Parser<'p, 't> {
    tokens: &'p [Token<'t>],
    operators: Vec<Option<Operator>>,
    place: usize,
    terms: Terms,
    /// Words and filters so far.
    count: usize,
}

impl<'t> Parser<'_, 't> {
    fn next_operator(&self) -> Option<Operator> {
        self.operators.get(self.place).copied().flatten()
    }

    /// One or another, up to the end or a parenthesis.
    fn either(&mut self, depth: usize) -> Result<Expr> {
        let mut any = vec![self.all(depth)?];
        while self.next_operator() == Some(Operator::Or) {
            let or = self.place;
            self.place += 1;
            let next = self.all(depth)?;
            match (any.last(), next) {
                (Some(Some(_)), Some(next)) => any.push(Some(next)),
                _ => return Err(self.lonely(or, "OR", "on both sides")),
            }
        }
        Ok(Expr::or(any.into_iter().map(|expr| expr.unwrap_or(Expr::Everything))))
    }

    /// All of what stands together; none when nothing does.
    fn all(&mut self, depth: usize) -> Result<Option<Expr>> {
        let mut all = Vec::new();
        loop {
            match self.next_operator() {
                Some(Operator::Or) => break,
                Some(Operator::And) => {
                    let and = self.place;
                    self.place += 1;
                    let ends = self.ends() || matches!(self.next_operator(), Some(Operator::And | Operator::Or));
                    if all.is_empty() || ends {
                        return Err(self.lonely(and, "AND", "on both sides"));
                    }
                }
                _ if self.ends() => break,
                _ => all.push(self.one(depth)?),
            }
        }
        Ok((!all.is_empty()).then(|| Expr::and(all)))
    }

    fn ends(&self) -> bool {
        self.tokens.get(self.place).is_none_or(|token| token.kind == Kind::Close)
    }

    fn one(&mut self, depth: usize) -> Result<Expr> {
        let at = self.place;
        let token = &self.tokens[at];
        if depth > SEARCH_DEPTH_MAX {
            let help = format!("at most {SEARCH_DEPTH_MAX} parentheses and NOTs go into each other: take some away");
            return Err(SearchError::new("this goes too deep", help, token.from, token.to));
        }
        self.place += 1;
        if self.operators[at] == Some(Operator::Not) {
            if self.ends() || matches!(self.next_operator(), Some(Operator::And | Operator::Or)) {
                return Err(self.lonely(at, "NOT", "behind it"));
            }
            return Ok(self.one(depth + 1)?.negated());
        }
        let expr = match &token.kind {
            Kind::Open => {
                if let Some(close) = self.tokens.get(self.place).filter(|close| close.kind == Kind::Close) {
                    let help = format!("write a search between them, or {QUOTE_IT}");
                    return Err(SearchError::new("there is nothing in these parentheses", help, token.from, close.to));
                }
                let inner = self.either(depth + 1)?;
                match self.tokens.get(self.place) {
                    Some(close) if close.kind == Kind::Close => self.place += 1,
                    _ => {
                        let help = format!("write ) where it ends, or {QUOTE_IT}");
                        return Err(SearchError::new("this parenthesis is not closed", help, token.from, token.to));
                    }
                }
                inner
            }
            // Never: whoever calls looks for the end first.
            Kind::Close => Expr::Everything,
            Kind::Word(word) => {
                self.count_one(token)?;
                let before = at.checked_sub(1).map(|before| &self.tokens[before]);
                if let Some(error) = slip(word, token, before, self.terms.dataset) {
                    return Err(error);
                }
                let raw = Raw { text: word, is_quoted: false, is_closed: true, from: token.from, to: token.to };
                self.text(raw)?
            }
            Kind::Phrase(raw) => {
                self.count_one(token)?;
                self.text(*raw)?
            }
            Kind::Filter(filter) => {
                self.count_one(token)?;
                self.terms.filter(filter)?
            }
        };
        Ok(if token.is_negated { expr.negated() } else { expr })
    }

    fn count_one(&mut self, token: &Token<'_>) -> Result<()> {
        self.count += 1;
        if self.count <= SEARCH_TERMS_MAX {
            return Ok(());
        }
        let help =
            format!("at most {SEARCH_TERMS_MAX} words and filters: put a message in quotes, values in a list [a, b]");
        Err(SearchError::new("there are too many words", help, token.from, token.to))
    }

    fn text(&self, raw: Raw<'_>) -> Result<Expr> {
        if !raw.is_closed {
            let help = "write \" at its end, or \\\" for a quote that is meant";
            return Err(SearchError::new("the quote is not closed", help, raw.from, raw.to));
        }
        if !raw.is_quoted
            && let Some(of_id) = self.id(raw.text)
        {
            return Ok(of_id);
        }
        let pattern = Pattern::read(raw.text).open();
        if pattern.wildcards() > SEARCH_WILDCARDS_MAX {
            let help = format!("write at most {SEARCH_WILDCARDS_MAX} in one word, or \\* for a star that is meant");
            return Err(SearchError::new("too many wildcards", help, raw.from, raw.to));
        }
        Ok(if pattern.is_anything() { Expr::Everything } else { Expr::Leaf(Leaf::Text(pattern)) })
    }

    /// An id that was pasted: of an event or a trace.
    fn id(&self, word: &str) -> Option<Expr> {
        let is_uuid =
            word.len() == 36 && word.char_indices().all(|(at, char)| (char == '-') == [8, 13, 18, 23].contains(&at));
        let hex = if is_uuid { word.replace('-', "") } else { word.to_string() }.to_ascii_lowercase();
        if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let is = |known| Expr::compare(Key::Known(known), Op::Is, Value::Text(Pattern::literal(&hex)));
        Some(match self.terms.dataset {
            Dataset::Issues | Dataset::Events => Expr::or([is(Known::EventId), is(Known::Trace)]),
            Dataset::Spans | Dataset::Logs => is(Known::Trace),
        })
    }

    fn lonely(&self, place: usize, word: &str, where_: &str) -> SearchError {
        let token = &self.tokens[place];
        let message = format!("{word} needs something {where_}");
        SearchError::new(
            message,
            format!("take it away, or put it in quotes to look for \"{word}\""),
            token.from,
            token.to,
        )
    }
}
