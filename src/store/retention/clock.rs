//! The time that age is reckoned by: the machine's clock, unless that has jumped far ahead and nobody has seen it stay
//! there. Believing a clock set back costs nothing, because then less is too old.

use crate::config::{CLOCK_CONFIRM_MS, CLOCK_JUMP_MS};

/// Remembered from look to look, also over a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AgeClock {
    /// What is believed.
    pub(super) now_ms: i64,
    /// The latest that was ever believed: a clock that starts in 1970 and is set right jumps ahead of nothing.
    highest_ms: i64,
    /// Since when, by the machine's clock, it has been too far ahead to be believed.
    pub(super) ahead_since_ms: Option<i64>,
}

impl AgeClock {
    /// Before the first look: what came in last, came in then.
    pub(super) fn starting_at(newest_received_ms: i64) -> Self {
        Self { now_ms: newest_received_ms, highest_ms: newest_received_ms, ahead_since_ms: None }
    }

    /// After a look at the machine's clock.
    pub(super) fn look(self, clock_ms: i64) -> Self {
        let believed = Self { now_ms: clock_ms, highest_ms: self.highest_ms.max(clock_ms), ahead_since_ms: None };
        if clock_ms <= self.highest_ms.saturating_add(CLOCK_JUMP_MS) {
            return believed;
        }
        match self.ahead_since_ms {
            // It went on from there as clocks do, for long enough.
            Some(since) if (CLOCK_CONFIRM_MS..=CLOCK_JUMP_MS).contains(&clock_ms.saturating_sub(since)) => believed,
            Some(since) if (0..CLOCK_CONFIRM_MS).contains(&clock_ms.saturating_sub(since)) => self,
            // Seen for the first time, or it jumped again.
            _ => Self { now_ms: self.highest_ms, ahead_since_ms: Some(clock_ms), ..self },
        }
    }

    pub(super) fn to_text(self) -> String {
        match self.ahead_since_ms {
            None => format!("{} {}", self.now_ms, self.highest_ms),
            Some(since) => format!("{} {} {since}", self.now_ms, self.highest_ms),
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|number| number.parse::<i64>().ok());
        let (now_ms, highest_ms) = (numbers.next()??, numbers.next()??);
        Some(Self { now_ms, highest_ms, ahead_since_ms: numbers.next().flatten() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::DAY_MS;

    const NOW: i64 = 1_800_000_000_000;
    const YEARS: i64 = 3_650 * DAY_MS;
    const HOUR: i64 = DAY_MS / 24;

    #[test]
    fn a_clock_that_goes_is_believed() {
        let mut clock = AgeClock::starting_at(NOW);
        for step in [1, 60_000, HOUR, DAY_MS, 6 * DAY_MS] {
            let now = clock.now_ms + step;
            clock = clock.look(now);
            assert_eq!(clock, AgeClock::starting_at(now));
        }
        // Set back: believed at once, because then less is too old; and set right again, too.
        let back = clock.look(NOW - YEARS);
        assert_eq!((back.now_ms, back.look(NOW + DAY_MS).now_ms), (NOW - YEARS, NOW + DAY_MS));
    }

    #[test]
    fn a_jump_ahead_is_not_believed_and_forgotten_when_it_is_mended() {
        let mut clock = AgeClock::starting_at(NOW);
        for minute in 0..60 {
            clock = clock.look(NOW + YEARS + minute * 60_000);
            assert_eq!((clock.now_ms, clock.ahead_since_ms), (NOW, Some(NOW + YEARS)));
        }
        assert_eq!(clock.look(NOW + HOUR), AgeClock::starting_at(NOW + HOUR));
    }

    #[test]
    fn one_that_stays_ahead_for_a_day_is_believed() {
        let ahead = AgeClock::starting_at(NOW).look(NOW + YEARS);
        assert_eq!(ahead.look(NOW + YEARS + DAY_MS - 1).now_ms, NOW);
        assert_eq!(ahead.look(NOW + YEARS + DAY_MS), AgeClock::starting_at(NOW + YEARS + DAY_MS));
        // The server was off for two months, runs for an hour, and is started again the next day but one.
        let back = AgeClock::starting_at(NOW).look(NOW + 60 * DAY_MS).look(NOW + 60 * DAY_MS + HOUR);
        assert_eq!(back.now_ms, NOW);
        assert_eq!(back.look(NOW + 62 * DAY_MS).now_ms, NOW + 62 * DAY_MS);
    }

    #[test]
    fn one_that_jumps_and_jumps_again_is_never_believed() {
        let mut clock = AgeClock::starting_at(NOW);
        for jump in [YEARS, 2 * YEARS, 3 * YEARS, YEARS, YEARS + 8 * DAY_MS, YEARS] {
            clock = clock.look(NOW + jump);
            assert_eq!((clock.now_ms, clock.ahead_since_ms), (NOW, Some(NOW + jump)));
        }
    }

    #[test]
    fn it_is_remembered_as_text() {
        let clock = AgeClock::starting_at(NOW);
        for clock in [clock, clock.look(NOW + YEARS), AgeClock::starting_at(0)] {
            assert_eq!(AgeClock::from_text(&clock.to_text()), Some(clock));
        }
        assert_eq!(AgeClock::from_text("soon"), None);
    }
}
