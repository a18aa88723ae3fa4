//! Searches asked of rows in columns: how the parts of an expression are put together, and what attributes say to it.
//!
//! Knows neither spans nor logs: who keeps the columns answers one leaf at a time, for the rows that still matter. Filters of
//! chunks are asked the same way, and may say "maybe". The meaning is that of [`crate::search::naive`].

use super::StoreError;
use super::bloom;
use crate::model::conventions::names_of;
use crate::model::span::{Attribute, AttributeValue};
use crate::search::keys::{KEYS, KeyInfo, Type};
use crate::search::naive::{Fact, release_part, value_takes};
use crate::search::{Expr, Key, Known, Leaf, Op, Pattern, Value};

/// Which rows of some a leaf takes.
type LeafRows<'a> = dyn FnMut(&Leaf, &[bool]) -> Result<Vec<bool>, StoreError> + 'a;

/// The rows that an expression takes, of those `among`. `leaf` says which rows of some a leaf takes; it may be asked for
/// fewer than all, and what it says of others does not count.
pub(super) fn rows_taken(expr: &Expr, among: &[bool], leaf: &mut LeafRows<'_>) -> Result<Vec<bool>, StoreError> {
    let both = |mut rows: Vec<bool>, others: &[bool]| {
        rows.iter_mut().zip(others).for_each(|(row, other)| *row &= other);
        rows
    };
    match expr {
        Expr::Everything => Ok(among.to_vec()),
        Expr::And(parts) => {
            let mut left = among.to_vec();
            // Words last: they are looked for in more than one place.
            for is_last in [false, true] {
                for part in parts.iter().filter(|part| has_words(part) == is_last) {
                    if left.contains(&true) {
                        left = rows_taken(part, &left, leaf)?;
                    }
                }
            }
            Ok(left)
        }
        Expr::Or(parts) => {
            let mut taken = vec![false; among.len()];
            let mut left = among.to_vec();
            for part in parts {
                if !left.contains(&true) {
                    break;
                }
                for (row, found) in rows_taken(part, &left, leaf)?.into_iter().enumerate() {
                    taken[row] |= found;
                    left[row] &= !found;
                }
            }
            Ok(taken)
        }
        Expr::Not(inner) => {
            let mut found = rows_taken(inner, among, leaf)?;
            found.iter_mut().for_each(|row| *row = !*row);
            Ok(both(found, among))
        }
        Expr::Leaf(one) => Ok(both(leaf(one, among)?, among)),
    }
}

fn has_words(expr: &Expr) -> bool {
    let mut has = false;
    expr.for_each_leaf(&mut |leaf| has |= matches!(leaf, Leaf::Text(_)));
    has
}

/// Whether anything of a chunk may be taken. `leaf` says so of a leaf.
pub(super) fn may_take_any(
    expr: &Expr,
    leaf: &mut dyn FnMut(&Leaf) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    match expr {
        Expr::Everything => Ok(true),
        Expr::And(parts) => {
            for part in parts {
                if !may_take_any(part, leaf)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expr::Or(parts) => {
            for part in parts {
                if may_take_any(part, leaf)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        // What is not known to be there may not be there.
        Expr::Not(inner) => Ok(**inner != Expr::Everything),
        Expr::Leaf(one) => leaf(one),
    }
}

/// The exact texts that a leaf is met by, when there is nothing else that meets it.
pub(super) fn exact_texts(leaf: &Leaf) -> Option<Vec<String>> {
    let text_of = |value: &Value| match value {
        Value::Text(pattern) => pattern.as_literal().map(str::to_string),
        // Beyond this numbers are compared less exactly than they are written.
        Value::Number(number) if number.abs() < (1_u64 << 53) as f64 => Some(number.to_string()),
        _ => None,
    };
    match leaf {
        Leaf::Compare { op: Op::Is, value: Value::List(values), .. } => values.iter().map(text_of).collect(),
        Leaf::Compare { op: Op::Is, value, .. } => text_of(value).map(|text| vec![text]),
        _ => None,
    }
}

/// Whether one of these may be in a filter under one of these names.
pub(super) fn is_any_in(filter: &[u8], names: &[&str], texts: &[String]) -> bool {
    texts.iter().any(|text| names.iter().any(|name| bloom::contains(filter, name, text)))
}

/// What a leaf asks of one key: the key the facts stand under, and whether a fact meets it. None for words and states.
pub(super) struct AskedKey<'l> {
    pub(super) key: &'l Key,
    leaf: &'l Leaf,
    /// Of a release.
    part: Option<Known>,
}

const RELEASE: &Key = &Key::Known(Known::Release);

impl<'l> AskedKey<'l> {
    pub(super) fn of(leaf: &'l Leaf) -> Option<Self> {
        let (Leaf::Has(key) | Leaf::Compare { key, .. }) = leaf else { return None };
        Some(match key {
            Key::Known(part @ (Known::ReleaseVersion | Known::ReleasePackage | Known::ReleaseBuild)) => {
                Self { key: RELEASE, leaf, part: Some(*part) }
            }
            key => Self { key, leaf, part: None },
        })
    }

    pub(super) fn takes(&self, fact: Fact<'_>) -> bool {
        let fact = match (self.part, fact) {
            (None, fact) => fact,
            (Some(part), Fact::Text(release)) => match release_part(part, release) {
                Some(text) => Fact::Text(text),
                None => return false,
            },
            (Some(_), _) => return false,
        };
        match self.leaf {
            Leaf::Compare { op, value, .. } => value_takes(*op, value, fact),
            _ => fact != Fact::Text(""),
        }
    }

    pub(super) fn takes_text(&self, text: &str) -> bool {
        self.takes(Fact::Text(text))
    }

    pub(super) fn takes_attribute(&self, value: &AttributeValue) -> bool {
        fact_of(value).is_some_and(|fact| self.takes(fact))
    }

    pub(super) fn takes_one_of(&self, attributes: &[Attribute], names: &[&str]) -> bool {
        attributes
            .iter()
            .any(|attribute| names.contains(&attribute.key.as_str()) && self.takes_attribute(&attribute.value))
    }

    /// Whether only exact texts under the key's own name meet the leaf.
    pub(super) fn is_whole(&self) -> bool {
        self.part.is_none()
    }
}

pub(super) fn fact_of(value: &AttributeValue) -> Option<Fact<'_>> {
    Some(match value {
        AttributeValue::Empty => return None,
        AttributeValue::Bool(is_true) => Fact::Bool(*is_true),
        AttributeValue::Int(number) => Fact::Int(*number),
        AttributeValue::Double(number) => Fact::Number(*number),
        AttributeValue::Text(text) => Fact::Text(text),
        AttributeValue::Bytes(_) | AttributeValue::List(_) | AttributeValue::Map(_) => Fact::Other,
    })
}

/// The names under which attributes state what a key asks for.
pub(super) fn attribute_names(key: &Key) -> Vec<&str> {
    let known = match key {
        Key::Attribute(name) => {
            let names = names_of(name);
            return if names.is_empty() { vec![name] } else { names.to_vec() };
        }
        Key::Known(known) => known,
        Key::Tag(_) | Key::Flag(_) => return Vec::new(),
    };
    let is_text = |ty| matches!(ty, Type::Text | Type::Choice(_) | Type::Capitals | Type::HttpStatus | Type::Release);
    let mut names: Vec<&str> = Vec::new();
    // A user is found by whatever names him.
    let is_asked = |info: &&KeyInfo| info.known == *known || *known == Known::User && info.known.is_of_user();
    for info in KEYS.iter().filter(is_asked).filter(|info| is_text(info.ty)) {
        for name in std::iter::once(&info.name).chain(info.aliases) {
            names.push(name);
            names.extend(names_of(name));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Gives the attributes under some names.
pub(super) fn give_attributes<'s>(attributes: &'s [Attribute], names: &[&str], give: &mut dyn FnMut(Fact<'s>)) {
    let named = attributes.iter().filter(|attribute| names.contains(&attribute.key.as_str()));
    named.filter_map(|attribute| fact_of(&attribute.value)).for_each(give);
}

/// The time that everything taken lies in, both ends included, in nanoseconds.
pub(super) fn time_of(expr: &Expr) -> (i64, i64) {
    let (mut from_ns, mut to_ns) = (i64::MIN, i64::MAX);
    for part in expr.conjuncts() {
        let Expr::Leaf(Leaf::Compare { key: Key::Known(Known::Timestamp), op, value: Value::TimeMs(ms) }) = part else {
            continue;
        };
        let ns = ms.saturating_mul(1_000_000);
        match op {
            Op::Greater | Op::GreaterOrEqual => from_ns = from_ns.max(ns),
            Op::Less | Op::LessOrEqual => to_ns = to_ns.min(ns),
            Op::Is => {}
        }
    }
    (from_ns, to_ns)
}

/// The one value that everything taken has under a key.
pub(super) fn text_of(expr: &Expr, wanted: Known) -> Option<&str> {
    expr.conjuncts().iter().find_map(|part| match part {
        Expr::Leaf(Leaf::Compare { key: Key::Known(known), op: Op::Is, value: Value::Text(pattern) })
            if *known == wanted =>
        {
            pattern.as_literal()
        }
        _ => None,
    })
}

/// The pieces of a text that must be somewhere in what the pattern takes, lower-cased.
pub(super) fn parts_of(pattern: &Pattern) -> impl Iterator<Item = &str> {
    pattern.lower_pieces().iter().map(String::as_str).filter(|piece| !piece.is_empty())
}
