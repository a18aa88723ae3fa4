//! An expression as text that is read as the same expression.

use std::fmt::{Display, Formatter, Result, Write as _};

use super::expr::{Expr, Leaf, Op, Value};
use super::keys::{Dataset, KEYS, Key, Known, find};
use super::lex::is_plain_key;
use super::pattern::Pattern;
use super::suggest::slip_of;
use super::values::{written_duration, written_time};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Everything => Ok(()),
            Self::And(parts) => write_parts(parts, " ", f),
            Self::Or(parts) => write_parts(parts, " OR ", f),
            Self::Not(inner) => match inner.as_ref() {
                Self::Everything => f.write_str("!*"),
                Self::Leaf(leaf) => write!(f, "!{leaf}"),
                group => write!(f, "!({group})"),
            },
            Self::Leaf(leaf) => leaf.fmt(f),
        }
    }
}

fn write_parts(parts: &[Expr], between: &str, f: &mut Formatter<'_>) -> Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        match part {
            Expr::And(_) | Expr::Or(_) => write!(f, "({part})")?,
            Expr::Everything => f.write_char('*')?,
            other => other.fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(pattern) => f.write_str(&written_word(pattern)),
            Self::Is(state) => write!(f, "is:{}", state.as_str()),
            Self::Has(key) => write!(f, "has:{}", written_key(key)),
            Self::Compare { key, op, value } => write!(f, "{}:{}", written_key(key), Written { key, op: *op, value }),
        }
    }
}

struct Written<'a> {
    key: &'a Key,
    op: Op,
    value: &'a Value,
}

impl Display for Written<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.op.as_str())?;
        match self.value {
            Value::Text(pattern) => f.write_str(&written_pattern(pattern, self.key)),
            Value::Number(number) => write!(f, "{number}"),
            Value::DurationNs(ns) => f.write_str(&written_duration(*ns)),
            Value::TimeMs(ms) => f.write_str(&written_time(*ms)),
            Value::Bool(is_true) => write!(f, "{is_true}"),
            Value::Version(version) => write!(f, "{version}"),
            Value::Me => f.write_str("me"),
            Value::Latest => f.write_str("latest"),
            Value::List(values) => {
                f.write_char('[')?;
                for (place, value) in values.iter().enumerate() {
                    f.write_str(if place > 0 { ", " } else { "" })?;
                    Written { key: self.key, op: Op::Is, value }.fmt(f)?;
                }
                f.write_char(']')
            }
        }
    }
}

/// As a filter names it.
pub(super) fn written_key(key: &Key) -> String {
    match key {
        Key::Known(known) => known.name().to_string(),
        Key::Flag(name) => format!("flags[{}]", bracketed(name)),
        Key::Tag(name) | Key::Attribute(name) => {
            let is_known = Dataset::ALL.iter().any(|dataset| find(name, *dataset).is_some());
            let is_plain =
                is_plain_key(name) && !is_known && slip_of(name, KEYS.iter().map(|info| info.name)).is_none();
            if is_plain { name.clone() } else { format!("tags[{}]", bracketed(name)) }
        }
    }
}

fn bracketed(name: &str) -> String {
    let is_plain = name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | ' '))
        && name.trim() == name;
    if is_plain { name.to_string() } else { quoted(&escaped(name)) }
}

/// A value, without wildcards, as it must be written behind a key; its stars are stars.
pub fn written_value(value: &str) -> String {
    quoted_where_needed(&escaped(value))
}

fn written_pattern(pattern: &Pattern, key: &Key) -> String {
    let pieces: Vec<String> = pattern.pieces().iter().map(|piece| escaped(piece)).collect();
    let written = pieces.join("*");
    let means_more = match key {
        Key::Known(Known::Assigned | Known::Bookmarked) => true,
        Key::Known(Known::Release | Known::FirstRelease) => written.eq_ignore_ascii_case("latest"),
        _ => false,
    };
    if means_more { quoted(&written) } else { quoted_where_needed(&written) }
}

fn written_word(pattern: &Pattern) -> String {
    // Open at both ends without saying so.
    let pieces = pattern.pieces();
    let inner = if pieces.len() > 2 { &pieces[1..pieces.len() - 1] } else { pieces };
    let written = inner.iter().map(|piece| escaped(piece)).collect::<Vec<_>>().join("*");
    let is_operator = ["and", "or", "not"].iter().any(|word| written.eq_ignore_ascii_case(word));
    let is_id = written.len() >= 32;
    let is_plain = written.starts_with(|first: char| first.is_alphanumeric())
        && written.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | '*' | '@'));
    if is_plain && !is_operator && !is_id { written } else { quoted(&written) }
}

/// With backslashes where a character would mean something else.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '\\' | '*' | '"') {
            written.push('\\');
        }
        written.push(char);
    }
    written
}

fn quoted(escaped: &str) -> String {
    format!("\"{escaped}\"")
}

fn quoted_where_needed(escaped: &str) -> String {
    let is_plain = escaped.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '_' | '*'))
        && escaped
            .chars()
            .all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | '@' | '+' | ':' | '*' | '%'));
    if is_plain { escaped.to_string() } else { quoted(escaped) }
}
