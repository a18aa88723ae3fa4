//! What an expression means for one thing: the meaning that indexes, filters and columns must keep to.
//!
//! Asks the thing for its facts one key at a time and looks at all of them. Good enough for what is in memory anyway; knows
//! nothing of where things are kept.

use std::cmp::Ordering;

use super::expr::{Expr, IsState, Leaf, Op, Value};
use super::keys::{Key, Known};
use super::pattern::Pattern;
use super::values;
use super::version::{ReleaseName, Version};

/// One value that a thing has under a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact<'a> {
    Text(&'a str),
    Int(i64),
    Number(f64),
    DurationNs(i64),
    TimeNs(i64),
    Bool(bool),
    /// There is something, of a kind that is compared with nothing.
    Other,
}

/// What is searched.
pub trait Subject {
    /// Every value under a key. Parts of releases are read from [`Known::Release`]; nobody has to give them.
    fn facts<'s>(&'s self, key: &Key, give: &mut dyn FnMut(Fact<'s>));

    /// Every text that is searched without a key.
    fn texts<'s>(&'s self, give: &mut dyn FnMut(&'s str));

    fn is(&self, state: IsState) -> bool;

    /// Whether that value is the one who asks (`me`), or the newest release (`latest`).
    fn is_special(&self, _key: &Key, _value: &Value, _fact: Fact<'_>) -> bool {
        false
    }
}

pub fn matches(expr: &Expr, subject: &impl Subject) -> bool {
    match expr {
        Expr::Everything => true,
        Expr::And(parts) => parts.iter().all(|part| matches(part, subject)),
        Expr::Or(parts) => parts.iter().any(|part| matches(part, subject)),
        Expr::Not(inner) => !matches(inner, subject),
        Expr::Leaf(leaf) => leaf_matches(leaf, subject),
    }
}

pub fn leaf_matches(leaf: &Leaf, subject: &impl Subject) -> bool {
    let mut is_met = false;
    match leaf {
        Leaf::Text(pattern) => {
            subject.texts(&mut |text| is_met = is_met || pattern.matches(text));
            if let Some((ty, said)) = pattern.names_exception() {
                let has = |known: Known, pattern: &Pattern| {
                    let mut has = false;
                    each_fact(subject, &Key::Known(known), &mut |fact| {
                        has |= matches!(fact, Fact::Text(text) if pattern.matches(text));
                    });
                    has
                };
                let says = |said: &Pattern| has(Known::ErrorValue, said);
                is_met = is_met || has(Known::ErrorType, &ty) && said.as_ref().is_none_or(says);
            }
            if pattern.names_place() {
                let place = Key::Known(Known::Location);
                each_fact(subject, &place, &mut |fact| {
                    is_met |= matches!(fact, Fact::Text(text) if pattern.matches(text))
                });
            }
        }
        Leaf::Is(state) => is_met = subject.is(*state),
        Leaf::Has(key) => each_fact(subject, key, &mut |fact| is_met |= fact != Fact::Text("")),
        Leaf::Compare { key, op, value } => {
            each_fact(subject, key, &mut |fact| is_met = is_met || compares(subject, key, *op, value, fact));
        }
    }
    is_met
}

/// The facts of a key, with those that are parts of others.
fn each_fact<'s>(subject: &'s impl Subject, key: &Key, give: &mut dyn FnMut(Fact<'s>)) {
    let Key::Known(part @ (Known::ReleaseVersion | Known::ReleasePackage | Known::ReleaseBuild)) = key else {
        return subject.facts(key, give);
    };
    subject.facts(&Key::Known(Known::Release), &mut |fact| {
        let Fact::Text(release) = fact else { return };
        if let Some(text) = release_part(*part, release) {
            give(Fact::Text(text));
        }
    });
}

/// What a release says of its package, version or build.
pub fn release_part(part: Known, release: &str) -> Option<&str> {
    let name = ReleaseName::of(release);
    match part {
        Known::ReleaseVersion => Some(name.version),
        Known::ReleasePackage => name.package,
        Known::ReleaseBuild => name.build,
        _ => None,
    }
}

fn compares<S: Subject>(subject: &S, key: &Key, op: Op, value: &Value, fact: Fact<'_>) -> bool {
    match value {
        Value::Me | Value::Latest => subject.is_special(key, value, fact),
        Value::List(values) => values.iter().any(|value| compares(subject, key, op, value, fact)),
        plain => value_takes(op, plain, fact),
    }
}

/// Whether a fact stands to a value as `op` says. [`Value::Me`] and [`Value::Latest`] take nothing here.
pub fn value_takes(op: Op, value: &Value, fact: Fact<'_>) -> bool {
    let is = |order: Option<Ordering>| order.is_some_and(|order| op.takes(order));
    match (value, fact) {
        (Value::List(values), fact) => values.iter().any(|value| value_takes(op, value, fact)),
        (Value::Text(pattern), fact) => text_takes(pattern, fact),
        (Value::Number(wanted), Fact::Text(text)) if op == Op::Is => text == wanted.to_string(),
        (Value::Number(wanted), fact) => is(number_of(fact).and_then(|number| number.partial_cmp(wanted))),
        (Value::DurationNs(wanted), Fact::DurationNs(ns)) => is(Some(ns.cmp(wanted))),
        (Value::DurationNs(wanted), Fact::Text(text)) if values::duration_ns(text).is_some() => {
            is(values::duration_ns(text).map(|ns| ns.cmp(wanted)))
        }
        // What is no duration by itself is one in milliseconds.
        (Value::DurationNs(wanted), fact) => {
            is(number_of(fact).and_then(|ms| (ms * 1e6).partial_cmp(&(*wanted as f64))))
        }
        (Value::TimeMs(wanted), Fact::TimeNs(ns)) => is(Some(ns.cmp(&wanted.saturating_mul(1_000_000)))),
        (Value::Bool(wanted), Fact::Bool(is_true)) => is_true == *wanted,
        (Value::Bool(wanted), Fact::Text(text)) => values::truth(text) == Some(*wanted),
        (Value::Version(wanted), Fact::Text(text)) => is(Version::parse(text).map(|version| version.cmp(wanted))),
        _ => false,
    }
}

fn text_takes(pattern: &Pattern, fact: Fact<'_>) -> bool {
    match fact {
        Fact::Text(text) => pattern.matches(text),
        Fact::Int(number) => pattern.matches(&number.to_string()),
        Fact::Number(number) => pattern.matches(&number.to_string()),
        Fact::Bool(is_true) => pattern.matches(if is_true { "true" } else { "false" }),
        Fact::DurationNs(_) | Fact::TimeNs(_) | Fact::Other => false,
    }
}

fn number_of(fact: Fact<'_>) -> Option<f64> {
    match fact {
        Fact::Int(number) => Some(number as f64),
        Fact::Number(number) => Some(number),
        Fact::Text(text) => values::plain_number(text),
        _ => None,
    }
}
