//! A question, made ready to be asked of blocks: what is of issues is a set of them, what is of events a test of values.
//!
//! Owns which facts a key of the search language stands for. What a value means is said by `search::naive`, once for each
//! value of a column. Knows no SQL; sets come ready made.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::StoreError;
use super::super::bloom::TextPart;
use super::bits::Bits;
use super::scan::Block;
use crate::model::facts::{FactKey, Field};
use crate::search::naive::{Fact, release_part, value_takes};
use crate::search::{Key, Known, Op, Pattern, Value};

/// A question without texts to be read any more.
#[derive(Debug)]
pub(super) enum Test {
    Everything,
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    /// Events of these issues, as they are shown: of one that is merged into another, that other.
    Issues(HashSet<i64>),
    /// Of these projects.
    Projects(HashSet<u32>),
    /// These very events.
    Events(HashSet<i64>),
    /// When it happened.
    Time(Op, Value),
    Values(ValuesTest),
}

/// One of the values under one of the keys.
#[derive(Debug)]
pub(super) struct ValuesTest {
    keys: Vec<String>,
    takes: Takes,
    /// What a chunk's filter is asked for; one of these is there, or nothing is. None when it cannot be said.
    needs: Option<Vec<Need>>,
}

#[derive(Debug)]
enum Takes {
    /// Whatever there is.
    Any,
    /// Of the value, or the part of a release that is meant.
    Compare {
        part: Option<Known>,
        op: Op,
        value: Value,
    },
    Has {
        part: Known,
    },
    /// Anywhere in it.
    Text(Pattern),
}

struct Need {
    exact: Option<String>,
    parts: Vec<TextPart>,
}

impl std::fmt::Debug for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Need").field("exact", &self.exact).finish_non_exhaustive()
    }
}

/// Where words are looked for that stand without a key.
pub(super) const TEXT_FIELDS: [Field; 8] = [
    Field::ErrorType,
    Field::Transaction,
    Field::Culprit,
    Field::StackFilename,
    Field::StackFunction,
    Field::Title,
    Field::ErrorValue,
    Field::Message,
];

/// The fields that a key of the language stands for; none for keys that are no facts.
pub(super) fn fields_of(known: Known) -> &'static [Field] {
    match known {
        Known::Level => &[Field::Level],
        // What was raised has no message of its own: its title and what it says are what people mean.
        Known::Message => &[Field::Message, Field::Title, Field::ErrorValue],
        Known::Title => &[Field::Title],
        Known::Culprit => &[Field::Culprit],
        Known::Transaction => &[Field::Transaction],
        Known::ErrorType => &[Field::ErrorType],
        Known::ErrorValue => &[Field::ErrorValue],
        Known::ErrorHandled => &[Field::ErrorHandled],
        Known::ErrorMechanism => &[Field::ErrorMechanism],
        Known::Platform => &[Field::Platform],
        Known::Logger => &[Field::Logger],
        Known::EventType => &[Field::Kind],
        Known::HttpMethod => &[Field::HttpMethod],
        Known::HttpUrl => &[Field::HttpUrl],
        Known::HttpReferer => &[Field::HttpReferer],
        Known::HttpStatus => &[Field::HttpStatusCode],
        Known::User => &[Field::User, Field::UserId, Field::UserEmail, Field::UserName, Field::UserIp],
        Known::UserId => &[Field::UserId],
        Known::UserEmail => &[Field::UserEmail],
        Known::UserName => &[Field::UserName],
        Known::UserIp => &[Field::UserIp],
        Known::GeoCountry => &[Field::GeoCountry],
        Known::GeoRegion => &[Field::GeoRegion],
        Known::GeoCity => &[Field::GeoCity],
        Known::Os => &[Field::Os],
        Known::OsName => &[Field::OsName],
        Known::Browser => &[Field::Browser],
        Known::BrowserName => &[Field::BrowserName],
        Known::Device => &[Field::Device],
        Known::DeviceFamily => &[Field::DeviceFamily],
        Known::Runtime => &[Field::Runtime],
        Known::RuntimeName => &[Field::RuntimeName],
        Known::SdkName => &[Field::SdkName],
        Known::SdkVersion => &[Field::SdkVersion],
        Known::StackFilename => &[Field::StackFilename],
        Known::StackPath => &[Field::StackAbsPath],
        Known::StackFunction => &[Field::StackFunction],
        Known::StackModule => &[Field::StackModule],
        Known::StackPackage => &[Field::StackPackage],
        Known::StackInApp => &[Field::StackInApp],
        Known::Trace => &[Field::Trace],
        Known::SpanId => &[Field::SpanId],
        Known::Release | Known::ReleaseVersion | Known::ReleasePackage | Known::ReleaseBuild => &[Field::Release],
        Known::Dist => &[Field::Dist],
        Known::Environment => &[Field::Environment],
        Known::ServerName => &[Field::ServerName],
        _ => &[],
    }
}

/// As columns are called. A tag may be called like a field, and then is a tag all the same.
pub(super) fn columns_of(key: &Key) -> Vec<String> {
    match key {
        Key::Known(known) => fields_of(*known).iter().map(|field| field.name().to_owned()).collect(),
        Key::Tag(name) => vec![FactKey::Tag(name).text()],
        Key::Flag(name) => vec![FactKey::Flag(name).text()],
        Key::Attribute(_) => Vec::new(),
    }
}

fn part_of(key: &Key) -> Option<Known> {
    match key {
        Key::Known(part @ (Known::ReleaseVersion | Known::ReleasePackage | Known::ReleaseBuild)) => Some(*part),
        _ => None,
    }
}

impl ValuesTest {
    pub(super) fn has(key: &Key) -> Self {
        let takes = part_of(key).map_or(Takes::Any, |part| Takes::Has { part });
        Self { keys: columns_of(key), takes, needs: None }
    }

    pub(super) fn has_field(field: Field) -> Self {
        Self { keys: vec![field.name().to_owned()], takes: Takes::Any, needs: None }
    }

    pub(super) fn compare(key: &Key, op: Op, value: &Value) -> Self {
        let part = part_of(key);
        let needs = if part.is_none() && op == Op::Is { needs_of(value) } else { None };
        Self { keys: columns_of(key), takes: Takes::Compare { part, op, value: value.clone() }, needs }
    }

    pub(super) fn text(pattern: &Pattern) -> Self {
        let keys = TEXT_FIELDS.iter().map(|field| field.name().to_owned()).collect();
        let needs = Some(vec![Need { exact: None, parts: parts_of(pattern) }]);
        Self { keys, takes: Takes::Text(pattern.clone()), needs }
    }

    /// The value of one field exactly.
    pub(super) fn equals(field: Field, value: &str) -> Self {
        let value = Value::Text(Pattern::literal(value));
        let needs = needs_of(&value);
        Self { keys: vec![field.name().to_owned()], takes: Takes::Compare { part: None, op: Op::Is, value }, needs }
    }

    fn takes(&self, value: &str) -> bool {
        match &self.takes {
            Takes::Any => true,
            Takes::Has { part } => release_part(*part, value).is_some_and(|part| !part.is_empty()),
            Takes::Compare { part: None, op, value: wanted } => value_takes(*op, wanted, Fact::Text(value)),
            Takes::Compare { part: Some(part), op, value: wanted } => {
                release_part(*part, value).is_some_and(|part| value_takes(*op, wanted, Fact::Text(part)))
            }
            Takes::Text(pattern) => pattern.matches(value),
        }
    }

    /// The lower-cased word that a value has to have somewhere, when that is all that is asked.
    fn word(&self) -> Option<&str> {
        let pattern = match &self.takes {
            Takes::Text(pattern) | Takes::Compare { part: None, op: Op::Is, value: Value::Text(pattern) } => pattern,
            _ => return None,
        };
        match pattern.lower_pieces() {
            [before, word, after] if before.is_empty() && after.is_empty() && !word.is_empty() => Some(word),
            _ => None,
        }
    }

    fn may_be_in(&self, block: &Block<'_>, key: &str) -> Result<bool, StoreError> {
        let Some(needs) = &self.needs else { return Ok(true) };
        for need in needs {
            if block.may_have(key, need.exact.as_deref(), &need.parts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn ask(&self, block: &Block<'_>, among: &Bits) -> Result<Bits, StoreError> {
        let mut found = Bits::none(among.len());
        let mut left = among.clone();
        for key in &self.keys {
            if left.is_empty() {
                break;
            }
            if !self.may_be_in(block, key)? {
                continue;
            }
            let Some(column) = block.column(key)? else { continue };
            let codes = column.codes();
            if matches!(self.takes, Takes::Any) {
                found.set_where(&left, |row| codes[row] > 0);
            } else if left.count() * self.few() < column.list_count() {
                // Few are left: their own values, each list once.
                let mut known: HashMap<u32, bool> = HashMap::new();
                for row in left.iter().filter(|row| codes[*row] > 0) {
                    let taken =
                        known.entry(codes[row]).or_insert_with(|| column.of_row(row).any(|value| self.takes(value)));
                    if *taken {
                        found.set(row);
                    }
                }
            } else {
                let taken = match self.word() {
                    Some(word) => column.codes_with(word),
                    None => column.codes_where(|value| self.takes(value)),
                };
                if taken.contains(&true) {
                    found.set_where(&left, |row| taken[codes[row] as usize]);
                }
            }
            left.and_not(&found);
        }
        Ok(found)
    }

    /// So many values are looked at together in the time that one takes by itself.
    fn few(&self) -> usize {
        if self.word().is_some() { 64 } else { 4 }
    }

    fn cost(&self) -> u32 {
        let of_key = |key: &String| match FactKey::parse(key) {
            Some(FactKey::Field(field)) if field.is_text() => 40,
            Some(FactKey::Field(Field::Trace | Field::SpanId)) => 20,
            _ => 4,
        };
        self.keys.iter().map(of_key).sum::<u32>().max(1)
    }
}

fn needs_of(value: &Value) -> Option<Vec<Need>> {
    match value {
        Value::Text(pattern) => Some(vec![match pattern.as_literal() {
            Some(literal) => Need { exact: Some(literal.to_owned()), parts: Vec::new() },
            None => Need { exact: None, parts: parts_of(pattern) },
        }]),
        Value::List(values) => {
            let mut all = Vec::new();
            for value in values {
                all.extend(needs_of(value)?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn parts_of(pattern: &Pattern) -> Vec<TextPart> {
    // What stands at an end without a wildcard may be part of a longer word as far as the filter is concerned, too.
    pattern.lower_pieces().iter().filter(|piece| !piece.is_empty()).map(|piece| TextPart::new(piece)).collect()
}

impl Test {
    /// Which of these events meet it.
    pub(super) fn ask(&self, block: &Block<'_>, among: &Bits) -> Result<Bits, StoreError> {
        if among.is_empty() {
            return Ok(among.clone());
        }
        Ok(match self {
            Self::Everything => among.clone(),
            Self::And(parts) => {
                let mut left = among.clone();
                for part in parts {
                    left = part.ask(block, &left)?;
                    if left.is_empty() {
                        break;
                    }
                }
                left
            }
            Self::Or(parts) => {
                let mut found = Bits::none(among.len());
                let mut left = among.clone();
                for part in parts {
                    let more = part.ask(block, &left)?;
                    left.and_not(&more);
                    found.or(&more);
                    if left.is_empty() {
                        break;
                    }
                }
                found
            }
            Self::Not(inner) => {
                let mut left = among.clone();
                left.and_not(&inner.ask(block, among)?);
                left
            }
            Self::Issues(issues) => {
                let is_taken: Vec<bool> = block.shown_issues().iter().map(|issue| issues.contains(issue)).collect();
                let issue_of = &block.events().issue_of;
                let mut found = among.clone();
                found.retain(|row| is_taken[issue_of[row] as usize]);
                found
            }
            Self::Projects(projects) => {
                let mut found = among.clone();
                found.retain(|row| projects.contains(&block.events().projects[row]));
                found
            }
            Self::Events(ids) => {
                let mut found = among.clone();
                found.retain(|row| ids.contains(&block.events().ids[row]));
                found
            }
            Self::Time(op, value) => {
                let mut found = among.clone();
                found.retain(|row| {
                    let ns = block.events().times[row].saturating_mul(1_000_000);
                    value_takes(*op, value, Fact::TimeNs(ns))
                });
                found
            }
            Self::Values(test) => test.ask(block, among)?,
        })
    }

    /// Of an issue whose events are all gone: as if it had one without facts.
    pub(super) fn ask_without_events(&self, issue: i64, has_words: &impl Fn(&Pattern) -> bool) -> bool {
        match self {
            Self::Everything => true,
            Self::And(parts) => parts.iter().all(|part| part.ask_without_events(issue, has_words)),
            Self::Or(parts) => parts.iter().any(|part| part.ask_without_events(issue, has_words)),
            Self::Not(inner) => !inner.ask_without_events(issue, has_words),
            Self::Issues(issues) => issues.contains(&issue),
            // What it is called outlives its events.
            Self::Values(ValuesTest { takes: Takes::Text(pattern), .. }) => has_words(pattern),
            Self::Projects(_) | Self::Events(_) | Self::Time(..) | Self::Values(_) => false,
        }
    }

    /// Columns it looks at.
    pub(super) fn add_keys(&self, keys: &mut BTreeSet<String>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.add_keys(keys)),
            Self::Not(inner) => inner.add_keys(keys),
            Self::Values(test) => keys.extend(test.keys.iter().cloned()),
            _ => {}
        }
    }

    /// What costs least stands first, so that the rest is asked of few.
    pub(super) fn in_order(self) -> Self {
        let sorted = |parts: Vec<Self>| {
            let mut parts: Vec<Self> = parts.into_iter().map(Self::in_order).collect();
            parts.sort_by_key(Self::cost);
            parts
        };
        match self {
            Self::And(parts) => Self::And(sorted(parts)),
            Self::Or(parts) => Self::Or(sorted(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.in_order())),
            other => other,
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Everything => 0,
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::cost).sum(),
            Self::Not(inner) => inner.cost(),
            Self::Issues(_) | Self::Projects(_) | Self::Events(_) | Self::Time(..) => 1,
            Self::Values(test) => test.cost(),
        }
    }
}
