//! The life of an issue: what people decide about it, and what events and time make of that.
//!
//! One function ([`transition`]) decides everything, from the state and what happened; nothing else changes a state. Knows
//! no rows and no clock: who asks brings the time, and of releases when they were first seen.
//!
//! What a release does to an issue that is resolved in one:
//! - resolved in a release: that one and later ones reopen it, earlier ones do not;
//! - resolved in the next release: the latest release of that moment is remembered, and only later ones reopen it;
//! - an event that names no release reopens neither, for nothing says that it comes from code with the fix; it does reopen
//!   what was resolved without naming a release, as every event does that happened afterwards.
//!
//! What is resolved now is not reopened by what clearly happened before: a client that was offline, or a queue that was
//! full, tells late of what was settled since. Clocks are not exact, so whatever is within [`CLOCK_TOLERANCE_MS`] of the
//! decision counts as after it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::issue::IssueStatus;

/// Into how many parts a window is cut that events are counted in.
const WINDOW_SLOTS: i64 = 60;

/// By how much an event may seem to have happened before an issue was resolved and still count as one that came after, in
/// milliseconds: clocks that are set by a network differ by less than a second, those of phones by some. A client that is
/// slower than this reopens what was resolved later by as much as it is slow, not never.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

/// What people decided about an issue, and where that stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Unresolved(Open),
    Resolved(Resolution, Decided),
    Ignored(Ignoring, Decided),
}

/// Why an issue is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Open {
    /// Nobody has decided anything about it yet.
    #[default]
    Undecided,
    /// It was resolved, and came again.
    Regressed,
    /// Somebody opened it again, or the time it was ignored for is over.
    Reopened,
}

impl Open {
    const ALL: [Self; 3] = [Self::Undecided, Self::Regressed, Self::Reopened];

    /// As it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "",
            Self::Regressed => "regressed",
            Self::Reopened => "ongoing",
        }
    }

    /// What was kept by another version is taken for undecided.
    fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|open| open.as_str() == text).unwrap_or_default()
    }
}

/// Who decided, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// `None` for what nobody in particular did.
    pub by: Option<String>,
    pub at_ms: i64,
}

/// From when on it must not happen again.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    Now,
    /// From any release after the one that was the latest.
    NextRelease {
        after: String,
    },
    /// From this release on.
    Release {
        version: String,
    },
}

/// Until when nobody wants to hear of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ignoring {
    Forever,
    Time {
        until_ms: i64,
    },
    /// Until `count` more events have come, or come within a window.
    Events {
        count: u64,
        seen: u64,
        window: Option<Window>,
    },
    /// Until it has met `count` users more.
    Users {
        count: u64,
        seen: u64,
    },
}

/// Events of the last minutes, by when they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub minutes: u32,
    /// Number of a slot and the events in it, oldest first, none that is out of the window.
    pub slots: Vec<(i64, u64)>,
}

/// What people do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Resolve(Resolution),
    Ignore(Ignoring),
    Unresolve,
}

/// A release and when it was first seen; `None` for one that was not seen yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Release<'a> {
    pub version: &'a str,
    pub first_seen_ms: Option<i64>,
}

/// An event that has just been stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival<'a> {
    pub received_ms: i64,
    /// When it happened, as far as the client's clock is to be believed.
    pub timestamp_ms: i64,
    pub release: Option<Release<'a>>,
    /// When the release was first seen that [`State::release`] names.
    pub bound_seen_ms: Option<i64>,
    /// It is the first event of this user in the issue.
    pub is_new_user: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Input<'a> {
    Person(Decision, Decided),
    Event(Arrival<'a>),
    Time { now_ms: i64 },
}

/// A line of what happened to an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub kind: ActivityKind,
    pub by: Option<String>,
    pub at_ms: i64,
    /// A JSON object, by kind.
    pub detail: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityKind {
    FirstSeen,
    Resolved,
    Unresolved,
    Regressed,
    Ignored,
    Unignored,
    Assigned,
    Priority,
    Bookmarked,
    Merged,
    Unmerged,
    Comment,
    Deleted,
    Restored,
}

impl ActivityKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstSeen => "first_seen",
            Self::Resolved => "resolved",
            Self::Unresolved => "unresolved",
            Self::Regressed => "regressed",
            Self::Ignored => "ignored",
            Self::Unignored => "unignored",
            Self::Assigned => "assigned",
            Self::Priority => "priority",
            Self::Bookmarked => "bookmarked",
            Self::Merged => "merged",
            Self::Unmerged => "unmerged",
            Self::Comment => "comment",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
        }
    }
}

/// What becomes of an issue in a state when something happens, and what is to be told of it. Nothing is told when nothing
/// changed but how much has been counted.
pub fn transition(state: State, input: &Input<'_>) -> (State, Vec<Activity>) {
    match (state, input) {
        (state, Input::Person(decision, decided)) => decide(state, decision, decided),
        (State::Resolved(resolution, decided), Input::Event(event)) => {
            if !is_reopened(&resolution, decided.at_ms, event) {
                return (State::Resolved(resolution, decided), Vec::new());
            }
            let mut detail = Map::new();
            put(&mut detail, "release", event.release.map(|release| release.version));
            put(&mut detail, "resolved_in", resolution.release());
            // What changed then is looked for from when it happened, not from when it came in.
            detail.insert("happened_ms".to_string(), event.timestamp_ms.into());
            let told = told(ActivityKind::Regressed, None, event.received_ms, detail);
            (State::Unresolved(Open::Regressed), vec![told])
        }
        (State::Ignored(ignoring, decided), Input::Event(event)) => {
            let (ignoring, ended) = count(ignoring, event);
            wake(ignoring, decided, ended, event.received_ms)
        }
        (State::Ignored(ignoring, decided), Input::Time { now_ms }) => {
            let ended = matches!(ignoring, Ignoring::Time { until_ms } if until_ms <= *now_ms).then_some("time");
            wake(ignoring, decided, ended, *now_ms)
        }
        (state @ State::Unresolved(_), Input::Event(_) | Input::Time { .. })
        | (state @ State::Resolved(..), Input::Time { .. }) => (state, Vec::new()),
    }
}

/// The state to go back to when `after`, which a person had made of `before`, is undone; `None` when somebody has decided
/// otherwise since, which is not undone along with it. What events and time made of it since is. Whether somebody has
/// (`is_decided_since`) cannot be seen of what is open: a person reopens as events do.
pub fn undone(current: &State, after: &State, before: State, is_decided_since: bool) -> Option<State> {
    let is_same = current.is_as_decided(after);
    let is_reopened = matches!(current, State::Unresolved(_)) && !is_decided_since;
    (is_same || is_reopened).then_some(before)
}

/// Kinds of lines that tell of a person's decision about the state.
pub const DECIDED: [ActivityKind; 3] = [ActivityKind::Resolved, ActivityKind::Ignored, ActivityKind::Unresolved];

fn decide(state: State, decision: &Decision, decided: &Decided) -> (State, Vec<Activity>) {
    let tell = |kind, detail| vec![told(kind, decided.by.clone(), decided.at_ms, detail)];
    match (state, decision) {
        (state @ State::Unresolved(Open::Undecided | Open::Reopened), Decision::Unresolve) => (state, Vec::new()),
        // Two people at once: whoever is second changes nothing.
        (state @ State::Resolved(..), Decision::Resolve(wanted)) if state.resolution() == Some(wanted) => {
            (state, Vec::new())
        }
        (state @ State::Ignored(Ignoring::Forever, _), Decision::Ignore(Ignoring::Forever)) => (state, Vec::new()),
        // `unignored` is what time and events do: a person reopens it, whatever it was.
        (State::Ignored(..), Decision::Unresolve) => {
            let mut detail = Map::new();
            put(&mut detail, "was", Some(IssueStatus::Ignored.as_str()));
            (State::Unresolved(Open::Reopened), tell(ActivityKind::Unresolved, detail))
        }
        (_, Decision::Unresolve) => (State::Unresolved(Open::Reopened), tell(ActivityKind::Unresolved, Map::new())),
        (_, Decision::Resolve(resolution)) => {
            let state = State::Resolved(resolution.clone(), decided.clone());
            let detail = state.standing().map(|standing| standing.told()).unwrap_or_default();
            (state, tell(ActivityKind::Resolved, detail))
        }
        (_, Decision::Ignore(ignoring)) => {
            let state = State::Ignored(ignoring.clone(), decided.clone());
            let detail = state.standing().map(|standing| standing.told()).unwrap_or_default();
            (state, tell(ActivityKind::Ignored, detail))
        }
    }
}

fn is_reopened(resolution: &Resolution, decided_ms: i64, event: &Arrival<'_>) -> bool {
    let Some(bound) = resolution.release() else { return !is_before(event, decided_ms) };
    let Some(release) = event.release else { return false };
    let order = compare_releases(release, Release { version: bound, first_seen_ms: event.bound_seen_ms });
    match resolution {
        Resolution::Now => true,
        Resolution::NextRelease { .. } => order == Some(Ordering::Greater),
        Resolution::Release { .. } => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// Whether an event clearly happened before a moment.
fn is_before(event: &Arrival<'_>, at_ms: i64) -> bool {
    event.timestamp_ms < at_ms.saturating_sub(CLOCK_TOLERANCE_MS)
}

/// Counts an event, and why being ignored ends with it.
fn count(ignoring: Ignoring, event: &Arrival<'_>) -> (Ignoring, Option<&'static str>) {
    match ignoring {
        Ignoring::Forever => (Ignoring::Forever, None),
        Ignoring::Time { until_ms } => (Ignoring::Time { until_ms }, (until_ms <= event.received_ms).then_some("time")),
        Ignoring::Events { count, seen, window: None } => {
            let seen = seen.saturating_add(1);
            (Ignoring::Events { count, seen, window: None }, (seen >= count).then_some("events"))
        }
        Ignoring::Events { count, window: Some(mut window), .. } => {
            let seen = window.add(event.received_ms);
            (Ignoring::Events { count, seen, window: Some(window) }, (seen >= count).then_some("events"))
        }
        Ignoring::Users { count, seen } => {
            let seen = seen.saturating_add(u64::from(event.is_new_user));
            (Ignoring::Users { count, seen }, (seen >= count).then_some("users"))
        }
    }
}

fn wake(ignoring: Ignoring, decided: Decided, ended: Option<&str>, at_ms: i64) -> (State, Vec<Activity>) {
    let Some(reason) = ended else { return (State::Ignored(ignoring, decided), Vec::new()) };
    let mut detail = Map::new();
    put(&mut detail, "reason", Some(reason));
    if let Ignoring::Events { count, .. } | Ignoring::Users { count, .. } = ignoring {
        detail.insert("count".to_string(), count.into());
    }
    (State::Unresolved(Open::Reopened), vec![told(ActivityKind::Unignored, None, at_ms, detail)])
}

fn told(kind: ActivityKind, by: Option<String>, at_ms: i64, detail: Map<String, Value>) -> Activity {
    Activity { kind, by, at_ms, detail: Value::Object(detail) }
}

fn put(detail: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        detail.insert(key.to_string(), value.into());
    }
}

impl Resolution {
    /// The release that decides what reopens it.
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Now => None,
            Self::NextRelease { after } => Some(after),
            Self::Release { version } => Some(version),
        }
    }
}

impl Window {
    /// A window is as wide as the minutes say, give or take one of its slots.
    pub fn new(minutes: u32) -> Self {
        Self { minutes, slots: Vec::new() }
    }

    /// Counts one more; how many there are in the window now.
    fn add(&mut self, at_ms: i64) -> u64 {
        let slot_ms = (i64::from(self.minutes.max(1)) * 60_000 / WINDOW_SLOTS).max(1);
        // The clock may have been set back: nothing is older than what came last.
        let slot = at_ms.div_euclid(slot_ms).max(self.slots.last().map_or(i64::MIN, |(slot, _)| *slot));
        match self.slots.last_mut().filter(|(last, _)| *last == slot) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.slots.push((slot, 1)),
        }
        self.slots.retain(|(known, _)| *known > slot.saturating_sub(WINDOW_SLOTS));
        self.slots.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// How an issue is resolved or ignored: what is kept of a state beside its name, and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// `now`, `next_release`, `release`, `forever`, `until_time`, `until_events`, `until_users`
    pub kind: String,
    /// Of `next_release`: the one that was the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slots: Vec<(i64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    pub at_ms: i64,
}

impl Standing {
    /// For a line of what happened, where who and when stand beside it.
    fn told(&self) -> Map<String, Value> {
        let told = Self { seen: None, slots: Vec::new(), by: None, ..self.clone() };
        match serde_json::to_value(told) {
            Ok(Value::Object(mut members)) => {
                members.shift_remove("at_ms");
                members
            }
            _ => Map::new(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Unresolved(Open::Undecided)
    }
}

impl State {
    /// As it is kept. What cannot be read is taken for the plainest of its name.
    pub fn parse(status: &str, substatus: &str, standing: Option<&str>) -> Self {
        let kept: Standing = standing.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let decided = Decided { by: kept.by, at_ms: kept.at_ms };
        let (count, seen) = (kept.count.unwrap_or(1), kept.seen.unwrap_or(0));
        match IssueStatus::parse(status).unwrap_or(IssueStatus::Unresolved) {
            IssueStatus::Unresolved => Self::Unresolved(Open::parse(substatus)),
            IssueStatus::Resolved => {
                let resolution = match (kept.kind.as_str(), kept.release) {
                    ("next_release", Some(after)) => Resolution::NextRelease { after },
                    ("release", Some(version)) => Resolution::Release { version },
                    _ => Resolution::Now,
                };
                Self::Resolved(resolution, decided)
            }
            IssueStatus::Ignored => {
                let window = kept.window_minutes.map(|minutes| Window { minutes, slots: kept.slots });
                let ignoring = match (kept.kind.as_str(), kept.until_ms) {
                    ("until_time", Some(until_ms)) => Ignoring::Time { until_ms },
                    ("until_events", _) => Ignoring::Events { count, seen, window },
                    ("until_users", _) => Ignoring::Users { count, seen },
                    _ => Ignoring::Forever,
                };
                Self::Ignored(ignoring, decided)
            }
        }
    }

    pub fn status(&self) -> IssueStatus {
        match self {
            Self::Unresolved(_) => IssueStatus::Unresolved,
            Self::Resolved(..) => IssueStatus::Resolved,
            Self::Ignored(..) => IssueStatus::Ignored,
        }
    }

    /// As it is kept beside the status: why it is open; nothing of what is not.
    pub fn substatus(&self) -> &'static str {
        match self {
            Self::Unresolved(open) => open.as_str(),
            Self::Resolved(..) | Self::Ignored(..) => "",
        }
    }

    pub fn standing(&self) -> Option<Standing> {
        let (mut standing, decided) = match self {
            Self::Unresolved(_) => return None,
            Self::Resolved(resolution, decided) => {
                let kind = match resolution {
                    Resolution::Now => "now",
                    Resolution::NextRelease { .. } => "next_release",
                    Resolution::Release { .. } => "release",
                };
                let release = resolution.release().map(str::to_string);
                (Standing { kind: kind.to_string(), release, ..Standing::default() }, decided)
            }
            Self::Ignored(ignoring, decided) => (ignoring_standing(ignoring), decided),
        };
        standing.by.clone_from(&decided.by);
        standing.at_ms = decided.at_ms;
        Some(standing)
    }

    /// As it is kept: JSON.
    pub fn standing_json(&self) -> Option<String> {
        self.standing().and_then(|standing| serde_json::to_string(&standing).ok())
    }

    /// When [`Input::Time`] changes it.
    pub fn wake_ms(&self) -> Option<i64> {
        match self {
            Self::Ignored(Ignoring::Time { until_ms }, _) => Some(*until_ms),
            _ => None,
        }
    }

    /// The release that decides whether an event reopens it.
    pub fn release(&self) -> Option<&str> {
        self.resolution().and_then(Resolution::release)
    }

    /// Whether an arrival must say if its user is new.
    pub fn counts_users(&self) -> bool {
        matches!(self, Self::Ignored(Ignoring::Users { .. }, _))
    }

    fn resolution(&self) -> Option<&Resolution> {
        match self {
            Self::Resolved(resolution, _) => Some(resolution),
            _ => None,
        }
    }

    /// The same decision, however much has been counted since.
    fn is_as_decided(&self, other: &Self) -> bool {
        // Kinds of resolved and of ignored have different names.
        let plain = |of: Standing| Standing { seen: None, slots: Vec::new(), ..of };
        match (self.standing(), other.standing()) {
            (Some(one), Some(other)) => plain(one) == plain(other),
            (None, None) => self == other,
            _ => false,
        }
    }
}

fn ignoring_standing(ignoring: &Ignoring) -> Standing {
    let mut standing = Standing::default();
    let kind = match ignoring {
        Ignoring::Forever => "forever",
        Ignoring::Time { until_ms } => {
            standing.until_ms = Some(*until_ms);
            "until_time"
        }
        Ignoring::Events { count, seen, window } => {
            (standing.count, standing.seen) = (Some(*count), Some(*seen));
            standing.window_minutes = window.as_ref().map(|window| window.minutes);
            standing.slots = window.as_ref().map(|window| window.slots.clone()).unwrap_or_default();
            "until_events"
        }
        Ignoring::Users { count, seen } => {
            (standing.count, standing.seen) = (Some(*count), Some(*seen));
            "until_users"
        }
    };
    standing.kind = kind.to_string();
    standing
}

/// Which of two releases is later; `None` when nothing tells. Versions of one package tell by themselves
/// (`shop@1.10.0` is later than `shop@1.9.0`); otherwise the one that was seen first is the earlier one, and one that was
/// not seen yet is later than all that were.
pub fn compare_releases(one: Release<'_>, other: Release<'_>) -> Option<Ordering> {
    if one.version == other.version {
        return Some(Ordering::Equal);
    }
    let by_version = match (Version::parse(one.version), Version::parse(other.version)) {
        (Some(one), Some(other)) if one.package == other.package => one.compare(&other),
        _ => Ordering::Equal,
    };
    if by_version != Ordering::Equal {
        return Some(by_version);
    }
    match (one.first_seen_ms, other.first_seen_ms) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(_), None) => Some(Ordering::Less),
        (None, None) => None,
    }
}

/// The latest of some releases: of the package of the one that was first seen last, the highest version.
pub fn latest_release<'a>(releases: &[Release<'a>]) -> Option<&'a str> {
    let newest = releases.iter().max_by_key(|release| release.first_seen_ms)?;
    let Some(version) = Version::parse(newest.version) else { return Some(newest.version) };
    let of_package = releases
        .iter()
        .filter(|release| Version::parse(release.version).is_some_and(|other| other.package == version.package));
    let latest = of_package.fold(*newest, |latest, release| {
        let is_later = compare_releases(*release, latest) == Some(Ordering::Greater);
        if is_later { *release } else { latest }
    });
    Some(latest.version)
}

/// The part of a release that names what is released; empty for one that is a version or a commit alone.
pub fn package_of(release: &str) -> &str {
    release.rsplit_once('@').map_or("", |(package, _)| package)
}

/// `package@1.2.3-rc.1+build`, as far as it orders.
struct Version<'a> {
    package: &'a str,
    /// Without zeros at the end: 1.2 and 1.2.0 are one.
    numbers: Vec<u64>,
    /// Before the release itself.
    pre: Option<&'a str>,
}

/// Numbers of a version; more make no version of it.
const VERSION_NUMBERS_MAX: usize = 4;

impl<'a> Version<'a> {
    fn parse(release: &'a str) -> Option<Self> {
        let package = package_of(release);
        let version = release.rsplit_once('@').map_or(release, |(_, version)| version);
        let version = version.strip_prefix('v').unwrap_or(version);
        let version = version.split_once('+').map_or(version, |(version, _)| version);
        let (numbers, pre) = match version.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (version, None),
        };
        let mut parsed = Vec::new();
        for number in numbers.split('.') {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number || parsed.len() == VERSION_NUMBERS_MAX {
                return None;
            }
            parsed.push(number.parse().ok()?);
        }
        while parsed.last() == Some(&0) {
            parsed.pop();
        }
        Some(Self { package, numbers: parsed, pre: pre.filter(|pre| !pre.is_empty()) })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre, other.pre) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => compare_pre(one, other),
        })
    }
}

/// Part by part: numbers by value and before words, words by letter, more parts after fewer.
fn compare_pre(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let (one, other) = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(one), Some(other)) => (one, other),
        };
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests;
