//! Was it missed, or were we not looking?

use super::CheckInStatus;

/// A stretch in which no check-in could reach the server: it was stopped, or the machine slept. Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwatched {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// What is written about a check-in that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: CheckInStatus,
    /// Why nobody can tell.
    pub unwatched: Option<Unwatched>,
}

/// A check-in was due at `expected_ms`, could come from `early_ms` before, and has not by its deadline.
pub fn judge_missed(expected_ms: i64, early_ms: i64, deadline_ms: i64, unwatched: &[Unwatched]) -> Verdict {
    judge(CheckInStatus::Missed, expected_ms - early_ms, deadline_ms, unwatched)
}

/// A job began at `started_ms` and has not said by its deadline that it ended.
pub fn judge_timeout(started_ms: i64, deadline_ms: i64, unwatched: &[Unwatched]) -> Verdict {
    judge(CheckInStatus::Timeout, started_ms, deadline_ms, unwatched)
}

/// SDKs never send a second time, so a report that met a closed door is gone: whoever was not looking during any part
/// of the time accuses nobody.
fn judge(status: CheckInStatus, from_ms: i64, to_ms: i64, unwatched: &[Unwatched]) -> Verdict {
    match unwatched.iter().find(|gap| gap.from_ms < to_ms && gap.to_ms > from_ms) {
        Some(gap) => Verdict { status: CheckInStatus::Unknown, unwatched: Some(*gap) },
        None => Verdict { status, unwatched: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missed_while_nobody_looks() {
        let gap = |from_ms, to_ms| Unwatched { from_ms, to_ms };
        for (gaps, expected) in [
            (vec![], CheckInStatus::Missed),
            (vec![gap(0, 50)], CheckInStatus::Missed),
            (vec![gap(0, 95)], CheckInStatus::Unknown),
            (vec![gap(120, 130)], CheckInStatus::Unknown),
            (vec![gap(0, 10), gap(159, 900)], CheckInStatus::Unknown),
            (vec![gap(160, 900)], CheckInStatus::Missed),
        ] {
            let verdict = judge_missed(100, 10, 160, &gaps);
            assert_eq!(verdict.status, expected, "{gaps:?}");
            assert_eq!(verdict.unwatched.is_some(), expected == CheckInStatus::Unknown);
        }
        assert_eq!(judge_timeout(100, 160, &[gap(0, 100)]).status, CheckInStatus::Timeout);
        assert_eq!(judge_timeout(100, 160, &[gap(0, 101)]).status, CheckInStatus::Unknown);
    }
}
