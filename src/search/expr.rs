//! What a search asks for: the tree that everything after the parser works on.
//!
//! Owns how trees are put together, so that equal questions are equal trees. Knows no text.

use super::keys::Key;
use super::pattern::Pattern;
use super::version::Version;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Expr {
    #[default]
    Everything,
    /// Two or more, none of them an `And`.
    And(Vec<Expr>),
    /// Two or more, none of them an `Or`.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Leaf(Leaf),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// A word or phrase somewhere in the texts that are searched without a key. The pattern is open at both ends.
    Text(Pattern),
    /// Of issues.
    Is(IsState),
    /// A value under the key that is not empty.
    Has(Key),
    /// One of the values under the key compares like that. Of nothing there is nothing to compare.
    Compare { key: Key, op: Op, value: Value },
}

/// `assigned` is [`Leaf::Has`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsState {
    Unresolved,
    Resolved,
    Ignored,
    /// Unresolved, and first seen within a day.
    New,
    /// Unresolved after having been resolved.
    Regressed,
    /// Unresolved and neither of the two.
    Ongoing,
    IgnoredForever,
    /// Ignored until something happens.
    IgnoredUntil,
}

impl IsState {
    pub const ALL: [Self; 8] = [
        Self::Unresolved,
        Self::Resolved,
        Self::Ignored,
        Self::New,
        Self::Regressed,
        Self::Ongoing,
        Self::IgnoredForever,
        Self::IgnoredUntil,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
            Self::New => "new",
            Self::Regressed => "regressed",
            Self::Ongoing => "ongoing",
            Self::IgnoredForever => "ignored_forever",
            Self::IgnoredUntil => "ignored_until",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The only one for texts, truths, people and lists.
    Is,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Op {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Is => "",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    /// Whether something that stands like this to the value is meant.
    pub fn takes(self, found: std::cmp::Ordering) -> bool {
        match self {
            Self::Is => found.is_eq(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(Pattern),
    /// Finite. Sizes are in bytes.
    Number(f64),
    DurationNs(i64),
    /// Never with [`Op::Is`]: a day is two comparisons.
    TimeMs(i64),
    Bool(bool),
    Version(Version),
    /// Whoever asks.
    Me,
    /// The newest release.
    Latest,
    /// Any of these; two or more, none of them a list.
    List(Vec<Value>),
}

impl Expr {
    /// All of them.
    pub fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::Everything => {}
                Self::And(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        match all.len() {
            0 => Self::Everything,
            1 => all.remove(0),
            _ => Self::And(all),
        }
    }

    /// Any of them; of none, nothing.
    pub fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Vec::new();
        for part in parts {
            match part {
                Self::Everything => return Self::Everything,
                Self::Or(inner) => any.extend(inner),
                other => any.push(other),
            }
        }
        match any.len() {
            0 => Self::nothing(),
            1 => any.remove(0),
            _ => Self::Or(any),
        }
    }

    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub fn nothing() -> Self {
        Self::Not(Box::new(Self::Everything))
    }

    pub fn compare(key: Key, op: Op, value: Value) -> Self {
        Self::Leaf(Leaf::Compare { key, op, value })
    }

    /// Key and value as they are, without wildcards.
    pub fn equals(key: Key, value: &str) -> Self {
        if value.is_empty() {
            return Self::Leaf(Leaf::Has(key)).negated();
        }
        Self::compare(key, Op::Is, Value::Text(Pattern::literal(value)))
    }

    /// What must all hold.
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::And(all) => all,
            Self::Everything => &[],
            other => std::slice::from_ref(other),
        }
    }

    pub fn for_each_leaf(&self, take: &mut impl FnMut(&Leaf)) {
        match self {
            Self::Everything => {}
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.for_each_leaf(take)),
            Self::Not(inner) => inner.for_each_leaf(take),
            Self::Leaf(leaf) => take(leaf),
        }
    }
}
