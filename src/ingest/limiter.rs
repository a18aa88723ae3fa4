//! Rate limits and quotas: how much of what was let in, and whether there is room for more.
//!
//! Owns the counters. The time is passed in; windows are aligned to the epoch (UTC days and months for quotas), so
//! that all counters of a rule start again together, at a moment that can be told to the client.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::config::LIMIT_PAUSE_S_MAX;
use crate::model::ids::PublicKey;
use crate::model::project::settings::{LimitPeriod, LimitRule};
use crate::model::quota::{DataGroup, DataGroups};
use crate::model::time::{DAY_MS, day_of, month_of};

/// A rule made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `None`: the whole project.
    pub key: Option<PublicKey>,
    pub group: DataGroup,
    pub max: u64,
    pub per: LimitPeriod,
    pub seconds: u64,
    /// As the settings screen knows it.
    pub name: String,
}

/// A refusal: what was limited, by what, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    pub group: DataGroup,
    pub is_key: bool,
    pub per: LimitPeriod,
    pub retry_after_s: u64,
    /// The rule's name.
    pub name: String,
}

impl Limited {
    /// One member of `X-Sentry-Rate-Limits`: `60:default;error;security:key:rate_limit`.
    pub fn header(&self) -> String {
        let scope = if self.is_key { "key" } else { "project" };
        let reason = match self.per {
            LimitPeriod::Seconds => "rate_limit",
            LimitPeriod::Day => "quota_day",
            LimitPeriod::Month => "quota_month",
        };
        format!("{}:{}:{scope}:{reason}", self.retry_after_s, self.group.sdk_categories())
    }
}

/// The counters of one project; they outlive a change of its settings.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<HashMap<CounterId, Counter>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CounterId {
    key: Option<PublicKey>,
    group: DataGroup,
    per: LimitPeriod,
    seconds: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    start_ms: i64,
    end_ms: i64,
    used: u64,
}

impl Limit {
    pub fn new(rule: &LimitRule) -> Option<Self> {
        let key = match &rule.key {
            None => None,
            Some(text) => Some(PublicKey::parse(text)?),
        };
        let LimitRule { group, max, per, seconds, .. } = *rule;
        (per != LimitPeriod::Seconds || seconds > 0).then(|| Self { key, group, max, per, seconds, name: rule.name() })
    }

    fn id(&self) -> CounterId {
        // The length of a window means nothing to days and months: two rules over one day count together.
        let seconds = if self.per == LimitPeriod::Seconds { self.seconds } else { 0 };
        CounterId { key: self.key, group: self.group, per: self.per, seconds }
    }

    fn is_about(&self, key: PublicKey) -> bool {
        self.key.is_none_or(|own| own == key)
    }

    /// The window that holds an instant.
    fn window(&self, now_ms: i64) -> (i64, i64) {
        match self.per {
            LimitPeriod::Month => month_of(now_ms),
            LimitPeriod::Day => (day_of(now_ms) * DAY_MS, (day_of(now_ms) + 1) * DAY_MS),
            LimitPeriod::Seconds => {
                let length = i64::try_from(self.seconds.saturating_mul(1000)).unwrap_or(i64::MAX).max(1000);
                let start = now_ms.div_euclid(length).saturating_mul(length);
                (start, start.saturating_add(length))
            }
        }
    }

    /// What is larger than the whole limit may pass as the first of its window; it could never pass otherwise.
    fn has_room(&self, used: u64, quantity: u64) -> bool {
        used.saturating_add(quantity) <= self.max || (used == 0 && self.max > 0)
    }

    fn refusal(&self, counter: &Counter, now_ms: i64) -> Limited {
        let left_ms = counter.end_ms.saturating_sub(now_ms).max(0) as u64;
        let retry_after_s = left_ms.div_ceil(1000).clamp(1, LIMIT_PAUSE_S_MAX);
        Limited { group: self.group, is_key: self.key.is_some(), per: self.per, retry_after_s, name: self.name.clone() }
    }
}

impl Counter {
    /// The counter at an instant: empty when its window is over. A clock that goes back changes nothing.
    fn at(self, limit: &Limit, now_ms: i64) -> Self {
        if now_ms < self.end_ms && self.end_ms != 0 {
            return self;
        }
        let (start_ms, end_ms) = limit.window(now_ms);
        Self { start_ms, end_ms, used: 0 }
    }
}

impl Limiter {
    /// Takes `quantity` of a group in under all rules that are about it, or under none.
    ///
    /// # Errors
    /// The refusal that lasts longest; nothing was counted.
    pub fn admit(
        &self,
        limits: &[Limit],
        key: PublicKey,
        group: DataGroup,
        quantity: u64,
        now_ms: i64,
    ) -> Result<(), Limited> {
        let concerned = || limits.iter().filter(|limit| limit.group == group && limit.is_about(key));
        if concerned().next().is_none() {
            return Ok(());
        }
        let mut counters = self.lock();
        let mut refusal: Option<Limited> = None;
        for limit in concerned() {
            let counter = counters.get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms);
            if !limit.has_room(counter.used, quantity) {
                let found = limit.refusal(&counter, now_ms);
                if refusal.as_ref().is_none_or(|known| known.retry_after_s < found.retry_after_s) {
                    refusal = Some(found);
                }
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let mut counted = Vec::new();
        for limit in concerned().filter(|limit| first_time(&mut counted, limit.id())) {
            let counter = counters.get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms);
            counters.insert(limit.id(), Counter { used: counter.used.saturating_add(quantity), ..counter });
        }
        Ok(())
    }

    /// Gives back what was let in and then could not be stored.
    pub fn give_back(&self, limits: &[Limit], key: PublicKey, group: DataGroup, quantity: u64, now_ms: i64) {
        let mut counters = self.lock();
        let mut counted = Vec::new();
        let concerned = limits.iter().filter(|limit| limit.group == group && limit.is_about(key));
        for limit in concerned.filter(|limit| first_time(&mut counted, limit.id())) {
            if let Some(counter) = counters.get_mut(&limit.id()).filter(|counter| now_ms < counter.end_ms) {
                counter.used = counter.used.saturating_sub(quantity);
            }
        }
    }

    /// Groups that have no room for anything at this moment.
    pub fn closed(&self, limits: &[Limit], key: PublicKey, now_ms: i64) -> DataGroups {
        let mut closed = DataGroups::NONE;
        if limits.is_empty() {
            return closed;
        }
        let counters = self.lock();
        for limit in limits.iter().filter(|limit| limit.is_about(key)) {
            let counter = counters.get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms);
            if counter.used >= limit.max {
                closed.insert(limit.group);
            }
        }
        closed
    }

    /// Why a group is closed; `None` when it has room again.
    pub fn why_closed(&self, limits: &[Limit], key: PublicKey, group: DataGroup, now_ms: i64) -> Option<Limited> {
        let counters = self.lock();
        let concerned = limits.iter().filter(|limit| limit.group == group && limit.is_about(key));
        let refusals = concerned.filter_map(|limit| {
            let counter = counters.get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms);
            (counter.used >= limit.max).then(|| limit.refusal(&counter, now_ms))
        });
        refusals.max_by_key(|refusal| refusal.retry_after_s)
    }

    /// What was let in before this process started, or before the rule was made: `uses` are key, group, day and
    /// quantity. Counters that count already keep the larger number.
    pub fn remember(&self, limits: &[Limit], uses: &[(PublicKey, DataGroup, i64, u64)], now_ms: i64) {
        let mut counters = self.lock();
        for limit in limits.iter().filter(|limit| limit.per != LimitPeriod::Seconds) {
            let counter = counters.get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms);
            let within = |day: i64| (counter.start_ms..counter.end_ms).contains(&day.saturating_mul(DAY_MS));
            let used: u64 = uses
                .iter()
                .filter(|(key, group, day, _)| limit.is_about(*key) && *group == limit.group && within(*day))
                .map(|(_, _, _, quantity)| quantity)
                .sum();
            counters.insert(limit.id(), Counter { used: counter.used.max(used), ..counter });
        }
        counters.retain(|id, _| limits.iter().any(|limit| limit.id() == *id));
    }

    /// How much of a rule's current window is used.
    pub fn used(&self, limit: &Limit, now_ms: i64) -> u64 {
        self.lock().get(&limit.id()).copied().unwrap_or_default().at(limit, now_ms).used
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CounterId, Counter>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn first_time(seen: &mut Vec<CounterId>, id: CounterId) -> bool {
    let is_new = !seen.contains(&id);
    seen.push(id);
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey([1; 16]);
    const OTHER: PublicKey = PublicKey([2; 16]);
    /// 2026-11-21T12:00:00Z
    const NOW: i64 = 1_795_262_400_000;

    fn limit(key: Option<PublicKey>, max: u64, per: LimitPeriod, seconds: u64) -> Limit {
        Limit { key, group: DataGroup::Error, max, per, seconds, name: "rule".into() }
    }

    fn admit(limiter: &Limiter, limits: &[Limit], key: PublicKey, now_ms: i64) -> Result<(), Limited> {
        limiter.admit(limits, key, DataGroup::Error, 1, now_ms)
    }

    #[test]
    fn a_window_takes_so_many_and_then_starts_again() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 2, LimitPeriod::Seconds, 60)]);
        assert!(admit(&limiter, &limits, KEY, NOW + 1).is_ok());
        assert!(admit(&limiter, &limits, OTHER, NOW + 2).is_ok());
        let refusal = admit(&limiter, &limits, KEY, NOW + 50_500).unwrap_err();
        assert_eq!(refusal.retry_after_s, 10);
        assert_eq!(refusal.header(), "10:default;error;security:project:rate_limit");
        assert!(limiter.closed(&limits, KEY, NOW + 50_500).contains(DataGroup::Error));
        assert!(admit(&limiter, &limits, KEY, NOW + 60_000).is_ok());
        assert_eq!(limiter.used(&limits[0], NOW + 60_000), 1);
    }

    #[test]
    fn a_key_has_a_limit_of_its_own() {
        let limits = [limit(Some(KEY), 1, LimitPeriod::Seconds, 60)];
        let limiter = Limiter::default();
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        assert!(admit(&limiter, &limits, KEY, NOW).unwrap_err().is_key);
        assert!(admit(&limiter, &limits, OTHER, NOW).is_ok());
        assert!(limiter.closed(&limits, OTHER, NOW).is_empty());
    }

    #[test]
    fn what_one_rule_refuses_is_counted_by_none() {
        let limits = [limit(None, 10, LimitPeriod::Day, 0), limit(None, 1, LimitPeriod::Seconds, 60)];
        let limiter = Limiter::default();
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        for _ in 0..5 {
            assert!(admit(&limiter, &limits, KEY, NOW).is_err());
        }
        assert_eq!(limiter.used(&limits[0], NOW), 1);
    }

    #[test]
    fn the_longest_refusal_is_told_and_never_more_than_an_hour() {
        let limits = [limit(None, 1, LimitPeriod::Seconds, 60), limit(None, 1, LimitPeriod::Day, 0)];
        let limiter = Limiter::default();
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        let refusal = admit(&limiter, &limits, KEY, NOW).unwrap_err();
        assert_eq!((refusal.per, refusal.retry_after_s), (LimitPeriod::Day, 3600));
        assert!(refusal.header().ends_with(":project:quota_day"));
    }

    #[test]
    fn other_groups_are_not_touched() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 0, LimitPeriod::Seconds, 1)]);
        assert!(admit(&limiter, &limits, KEY, NOW).is_err());
        assert_eq!(limiter.admit(&limits, KEY, DataGroup::Span, 1000, NOW), Ok(()));
    }

    #[test]
    fn what_is_larger_than_the_limit_passes_as_the_first_of_a_window() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 100, LimitPeriod::Seconds, 60)]);
        let take = |quantity, now_ms| limiter.admit(&limits, KEY, DataGroup::Error, quantity, now_ms).is_ok();
        assert!(take(512, NOW));
        assert!(!take(1, NOW));
        assert!(take(1, NOW + 60_000));
        assert!(!take(512, NOW + 60_000));
        assert!(take(99, NOW + 60_000));
    }

    #[test]
    fn a_month_is_remembered_from_its_days() {
        let limits = [limit(None, 5, LimitPeriod::Month, 0), limit(Some(KEY), 5, LimitPeriod::Day, 0)];
        let today = day_of(NOW);
        let uses = [
            (KEY, DataGroup::Error, today, 1),
            (OTHER, DataGroup::Error, today - 3, 2),
            (KEY, DataGroup::Error, today - 40, 100),
            (KEY, DataGroup::Span, today, 100),
        ];
        let limiter = Limiter::default();
        limiter.remember(&limits, &uses, NOW);
        assert_eq!((limiter.used(&limits[0], NOW), limiter.used(&limits[1], NOW)), (3, 1));
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        // A later look at the table, which may lag behind, takes nothing back.
        limiter.remember(&limits, &uses, NOW);
        assert_eq!(limiter.used(&limits[0], NOW), 4);
    }

    #[test]
    fn what_could_not_be_stored_is_given_back() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 1, LimitPeriod::Seconds, 60)]);
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        limiter.give_back(&limits, KEY, DataGroup::Error, 1, NOW);
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        limiter.give_back(&limits, KEY, DataGroup::Error, 1, NOW + 60_000);
        assert!(admit(&limiter, &limits, KEY, NOW).is_err());
    }

    #[test]
    fn a_clock_that_goes_back_opens_nothing() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 1, LimitPeriod::Seconds, 10)]);
        assert!(admit(&limiter, &limits, KEY, NOW).is_ok());
        assert!(admit(&limiter, &limits, KEY, NOW - 25_000).is_err());
        assert!(admit(&limiter, &limits, KEY, NOW + 10_000).is_ok());
    }

    #[test]
    fn many_threads_take_exactly_what_there_is() {
        let (limiter, limits) = (Limiter::default(), [limit(None, 1000, LimitPeriod::Day, 0)]);
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..500).filter(|_| admit(&limiter, &limits, KEY, NOW).is_ok()).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1000);
    }
}
