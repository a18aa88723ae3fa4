//! How long the writer waits for company: not at all while requests are few, a few milliseconds when many come.
//!
//! Every commit costs the same few hundred microseconds and the same pages, counters and indexes over again, whatever it
//! holds, so under load fewer and larger ones are most of what can be saved. A lone request never waits. Owns the
//! estimate of how many come; knows nothing of what they carry.

use std::time::{Duration, Instant};

use crate::config::{LINGER_MS, LINGER_REQUESTS_MIN, LINGER_STEP_MS};

/// Requests per second, as of late.
pub(super) struct Linger {
    per_s: f64,
    since: Instant,
}

impl Linger {
    pub(super) fn new(now: Instant) -> Self {
        Self { per_s: 0.0, since: now }
    }

    /// Counts the requests of one commit.
    pub(super) fn count(&mut self, requests: usize, now: Instant) {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64().max(1e-6);
        // Half of the last value: a burst is over after a few commits, and one late request does not end it.
        self.per_s = (self.per_s + requests as f64 / elapsed) / 2.0;
        self.since = now;
    }

    /// How many times to wait for [`Linger::STEP`] while each brings something.
    pub(super) fn steps(&self) -> u64 {
        let expected = self.per_s * LINGER_MS as f64 / 1000.0;
        if expected >= LINGER_REQUESTS_MIN { LINGER_MS / LINGER_STEP_MS } else { 0 }
    }

    /// Slept through, because being woken by each request would cost both sides more than the commit saves.
    pub(super) const STEP: Duration = Duration::from_millis(LINGER_STEP_MS);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps after commits of `requests` every `ms`.
    fn steps_after(linger: &mut Linger, now: &mut Instant, requests: usize, ms: u64) -> u64 {
        for _ in 0..5 {
            *now += Duration::from_millis(ms);
            linger.count(requests, *now);
        }
        linger.steps()
    }

    #[test]
    fn only_who_has_company_waits() {
        let mut now = Instant::now();
        let mut linger = Linger::new(now);
        assert_eq!(linger.steps(), 0);
        // One client that sends as fast as it is answered.
        assert_eq!(steps_after(&mut linger, &mut now, 1, 2), 0);
        // Many, and the commits they then share.
        assert_eq!(steps_after(&mut linger, &mut now, 4, 2), LINGER_MS / LINGER_STEP_MS);
        assert_eq!(steps_after(&mut linger, &mut now, 24, 6), LINGER_MS / LINGER_STEP_MS);
        // A pause, then one more.
        now += Duration::from_secs(10);
        for _ in 0..8 {
            linger.count(1, now);
            now += Duration::from_millis(20);
        }
        assert_eq!(linger.steps(), 0);
        // Two at the same moment are no reason to fall over.
        linger.count(1, now);
        linger.count(1, now);
    }
}
