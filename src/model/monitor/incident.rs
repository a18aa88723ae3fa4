//! From results to incidents: enough failures in a row open one, enough successes in a row end it.

use super::CheckInStatus;

/// Events made of one incident before they are rationed, and the pause between two from then on, in milliseconds.
const INCIDENT_EVENTS_AT_ONCE: u32 = 10;
const INCIDENT_EVENT_PAUSE_MS: i64 = 3_600_000;

/// What is counted of one environment of a monitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Failures in a row; unknown results neither add nor end.
    pub failures: u32,
    /// Successes in a row.
    pub successes: u32,
    pub incident: Option<Incident>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When the failure came that made it one.
    pub since_ms: i64,
    /// Events made of it so far.
    pub events: u32,
    pub last_event_ms: i64,
}

/// What has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// One failure in an incident: an event of its issue.
    Failed,
    /// The incident is over: its issue is resolved.
    Recovered,
}

impl Tally {
    /// Takes one result into account.
    pub fn add(
        &mut self,
        status: CheckInStatus,
        now_ms: i64,
        failure_threshold: u32,
        recovery_threshold: u32,
    ) -> Option<Notice> {
        match status {
            CheckInStatus::InProgress | CheckInStatus::Unknown => None,
            CheckInStatus::Ok => {
                self.failures = 0;
                self.successes = self.successes.saturating_add(1);
                let is_over = self.incident.is_some() && self.successes >= recovery_threshold;
                if is_over {
                    self.incident = None;
                }
                is_over.then_some(Notice::Recovered)
            }
            CheckInStatus::Error | CheckInStatus::Missed | CheckInStatus::Timeout => {
                self.successes = 0;
                self.failures = self.failures.saturating_add(1);
                if self.incident.is_none() && self.failures < failure_threshold {
                    return None;
                }
                let incident =
                    self.incident.get_or_insert(Incident { since_ms: now_ms, events: 0, last_event_ms: i64::MIN });
                // A job that nobody starts any more would otherwise fill its issue for ever.
                let is_quiet = now_ms.saturating_sub(incident.last_event_ms) >= INCIDENT_EVENT_PAUSE_MS;
                if incident.events >= INCIDENT_EVENTS_AT_ONCE && !is_quiet {
                    return None;
                }
                incident.events = incident.events.saturating_add(1);
                incident.last_event_ms = now_ms;
                Some(Notice::Failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CheckInStatus::{Error, InProgress, Missed, Ok, Timeout, Unknown};
    use super::*;

    fn notices(results: &[CheckInStatus], failure_threshold: u32, recovery_threshold: u32) -> String {
        let mut tally = Tally::default();
        let letter = |notice| match notice {
            Some(Notice::Failed) => 'F',
            Some(Notice::Recovered) => 'R',
            None => '.',
        };
        let told = results
            .iter()
            .enumerate()
            .map(|(at, status)| letter(tally.add(*status, at as i64 * 1_000, failure_threshold, recovery_threshold)));
        told.collect()
    }

    #[test]
    fn thresholds_decide_when_an_incident_opens_and_ends() {
        for (results, failures, successes, expected) in [
            (vec![Ok, Error, Ok, Error], 1, 1, ".FRF"),
            (vec![Error, Missed, Timeout, Ok], 1, 1, "FFFR"),
            (vec![Error, Error, Error, Ok, Ok, Ok], 3, 2, "..F.R."),
            (vec![Error, Ok, Error, Ok], 2, 1, "...."),
            (vec![Error, Error, Ok, Error, Ok, Ok], 2, 2, ".F.F.R"),
            (vec![InProgress, Unknown, InProgress], 1, 1, "..."),
            (vec![Error, Unknown, InProgress, Error, Unknown, Ok], 2, 1, "...F.R"),
        ] {
            assert_eq!(notices(&results, failures, successes), expected, "{results:?}");
        }
    }

    #[test]
    fn a_job_that_stays_away_does_not_fill_its_issue() {
        let mut tally = Tally::default();
        let mut told = 0;
        for minute in 0..600 {
            told += u32::from(tally.add(Missed, minute * 60_000, 1, 1).is_some());
        }
        assert!((INCIDENT_EVENTS_AT_ONCE + 8..=INCIDENT_EVENTS_AT_ONCE + 10).contains(&told), "{told}");
        assert_eq!(tally.failures, 600);
        assert_eq!(tally.add(Ok, 601 * 60_000, 1, 1), Some(Notice::Recovered));
        assert_eq!(tally.add(Missed, 602 * 60_000, 1, 1), Some(Notice::Failed));
    }
}
