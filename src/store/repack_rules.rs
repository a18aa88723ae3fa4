//! What is worth writing a second time.
//!
//! Pure: numbers in, a decision out. An event is compressed on its way in with what there is at that moment, and quickly;
//! the first ones of a bug, those from before a training and those that were imported are five times as large as they need
//! be. Writing one again costs about what writing it cost, so it has to be worth it.

use std::time::Duration;

use crate::config::{REPACK_BUSY_REST, REPACK_BUSY_TURN_MS, REPACK_ISSUE_EVENTS_MIN, REPACK_TURN_MS};

/// What a body is kept with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// zstd alone.
    Plain,
    /// A dictionary that was trained on its project, by this id.
    Project(i64),
    /// An event of an issue, by this id.
    Issue(i64),
}

/// Whether an event is to be compressed once more, with a dictionary of its issue or for want of one. While others are
/// waiting to be written only what gains most.
pub(super) fn is_wanted(kept: Kept, with_issues: bool, is_busy: bool) -> bool {
    match kept {
        Kept::Plain => true,
        Kept::Project(_) => with_issues || !is_busy,
        Kept::Issue(_) => !is_busy,
    }
}

/// Whether an issue gets a dictionary of its own, with so many events kept without.
pub(super) fn gets_dictionary(events_without: usize) -> bool {
    events_without >= REPACK_ISSUE_EVENTS_MIN
}

/// Whether a body came out well with its issue's dictionary. When not, the bug looks different by now, and the project's
/// may do better: that one leaves 6 % of an event.
pub(super) fn is_well_packed(expanded: usize, packed: usize) -> bool {
    packed * 20 <= expanded
}

/// Whether the smaller body is worth being written: an eighth less.
pub(super) fn pays(before: usize, after: usize) -> bool {
    after < before && after + before.div_ceil(8) <= before
}

/// Whether a dictionary may go on: it is an event's content, and is to go soon after that event would have.
pub(super) fn is_young(created_ms: i64, now_ms: i64, age_max_ms: i64) -> bool {
    created_ms > now_ms.saturating_sub(age_max_ms)
}

pub(super) fn turn(is_busy: bool) -> Duration {
    Duration::from_millis(if is_busy { REPACK_BUSY_TURN_MS } else { REPACK_TURN_MS })
}

/// How long to leave the processors to others after a turn that took so long.
pub(super) fn rest(took: Duration, is_busy: bool) -> Duration {
    if is_busy { took * REPACK_BUSY_REST } else { took }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_gains_most_is_wanted_while_others_wait() {
        for kept in [Kept::Plain, Kept::Project(16), Kept::Issue(17)] {
            assert!(is_wanted(kept, true, false) && is_wanted(kept, false, false));
        }
        assert!(is_wanted(Kept::Plain, false, true) && is_wanted(Kept::Plain, true, true));
        assert!(is_wanted(Kept::Project(16), true, true) && !is_wanted(Kept::Project(16), false, true));
        assert!(!is_wanted(Kept::Issue(17), true, true));
    }

    #[test]
    fn a_lone_event_is_no_dictionary() {
        assert!(!gets_dictionary(0) && !gets_dictionary(1) && gets_dictionary(2));
    }

    #[test]
    fn what_saves_little_is_left_alone() {
        assert!(pays(7_400, 2_300) && pays(1_400, 870) && pays(800, 700));
        assert!(!pays(800, 701) && !pays(800, 800) && !pays(800, 900) && !pays(1, 1) && !pays(0, 0));
    }

    #[test]
    fn a_body_unlike_its_dictionary_is_noticed() {
        assert!(is_well_packed(35_000, 1_400) && !is_well_packed(35_000, 2_300));
    }

    #[test]
    fn dictionaries_age() {
        assert!(is_young(11, 110, 100) && !is_young(10, 110, 100));
        assert!(is_young(0, i64::MIN, 100));
    }

    #[test]
    fn under_load_it_takes_three_percent() {
        let took = turn(true);
        assert!(took < turn(false));
        let share = took.as_secs_f64() / (took + rest(took, true)).as_secs_f64();
        assert!(share < 0.035, "{share}");
        assert_eq!(rest(took, false), took);
    }
}
