//! What may stand behind `is:`: one table, read by the parser, by completion, and by the answer to a word that is not in it.
//!
//! Knows our own states and Sentry's words for them; what a state means in rows is known where issues are kept.

use super::expr::{Expr, IsState, Leaf, Op, Value};
use super::keys::{Key, Known};

#[derive(Clone, Copy)]
enum Meaning {
    Is(IsState),
    Assigned,
    Unassigned,
    Bookmarked,
    /// New or back again.
    ForReview,
    /// There is nothing to link an issue to, and nothing that rises on its own.
    Nothing,
    Everything,
}

/// In the order they are offered.
const STATES: [(&str, Meaning); 21] = [
    ("unresolved", Meaning::Is(IsState::Unresolved)),
    ("resolved", Meaning::Is(IsState::Resolved)),
    ("ignored", Meaning::Is(IsState::Ignored)),
    ("new", Meaning::Is(IsState::New)),
    ("regressed", Meaning::Is(IsState::Regressed)),
    ("ongoing", Meaning::Is(IsState::Ongoing)),
    ("assigned", Meaning::Assigned),
    ("unassigned", Meaning::Unassigned),
    ("bookmarked", Meaning::Bookmarked),
    ("for_review", Meaning::ForReview),
    ("ignored_forever", Meaning::Is(IsState::IgnoredForever)),
    ("ignored_until", Meaning::Is(IsState::IgnoredUntil)),
    // What the tab and other tools call them.
    ("open", Meaning::Is(IsState::Unresolved)),
    ("archived", Meaning::Is(IsState::Ignored)),
    ("archived_forever", Meaning::Is(IsState::IgnoredForever)),
    ("archived_until_escalating", Meaning::Is(IsState::IgnoredUntil)),
    ("archived_until_condition_met", Meaning::Is(IsState::IgnoredUntil)),
    ("muted", Meaning::Is(IsState::Ignored)),
    ("escalating", Meaning::Nothing),
    ("linked", Meaning::Nothing),
    ("unlinked", Meaning::Everything),
];

pub(super) fn names() -> Vec<&'static str> {
    STATES.iter().map(|(name, _)| *name).collect()
}

/// What a state asks for; in any case.
pub(super) fn read(word: &str) -> Option<Expr> {
    let (_, meaning) = STATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
    let is = |state| Expr::Leaf(Leaf::Is(state));
    let assigned = Expr::Leaf(Leaf::Has(Key::Known(Known::Assigned)));
    Some(match meaning {
        Meaning::Is(state) => is(*state),
        Meaning::Assigned => assigned,
        Meaning::Unassigned => assigned.negated(),
        Meaning::Bookmarked => Expr::compare(Key::Known(Known::Bookmarked), Op::Is, Value::Bool(true)),
        Meaning::ForReview => Expr::or([is(IsState::New), is(IsState::Regressed)]),
        Meaning::Nothing => Expr::nothing(),
        Meaning::Everything => Expr::Everything,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_that_is_read() {
        for state in IsState::ALL {
            assert_eq!(read(state.as_str()), Some(Expr::Leaf(Leaf::Is(state))));
        }
        let mut all = names();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), STATES.len());
        assert_eq!((read("Open"), read("opened")), (read("unresolved"), None));
    }
}
