//! Every state with everything that can happen to it, and what holds for any life an issue may have.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;

const LATEST: &str = "shop@1.1.0";
const FIXED: &str = "shop@1.2.0";
const UNTIL_MS: i64 = 5_000;

fn by(name: &str, at_ms: i64) -> Decided {
    Decided { by: Some(name.to_string()), at_ms }
}

fn resolution(name: &str) -> Option<Resolution> {
    Some(match name {
        "now" => Resolution::Now,
        "next" => Resolution::NextRelease { after: LATEST.to_string() },
        "release" => Resolution::Release { version: FIXED.to_string() },
        _ => return None,
    })
}

fn ignoring(name: &str) -> Option<Ignoring> {
    Some(match name {
        "forever" => Ignoring::Forever,
        "time" => Ignoring::Time { until_ms: UNTIL_MS },
        "events" => Ignoring::Events { count: 1, seen: 0, window: None },
        "window" => Ignoring::Events { count: 1, seen: 0, window: Some(Window::new(60)) },
        "users" => Ignoring::Users { count: 1, seen: 0 },
        _ => return None,
    })
}

fn state(name: &str) -> State {
    match name {
        "open" => State::Unresolved(Open::Undecided),
        "reopened" => State::Unresolved(Open::Reopened),
        "regressed" => State::Unresolved(Open::Regressed),
        name => match (resolution(name), ignoring(name)) {
            (Some(resolution), _) => State::Resolved(resolution, by("ada", 1_000)),
            (_, Some(ignoring)) => State::Ignored(ignoring, by("ada", 1_000)),
            _ => panic!("{name}"),
        },
    }
}

fn name_of(state: &State) -> &'static str {
    match state {
        State::Unresolved(Open::Undecided) => "open",
        State::Unresolved(Open::Reopened) => "reopened",
        State::Unresolved(Open::Regressed) => "regressed",
        State::Resolved(Resolution::Now, _) => "now",
        State::Resolved(Resolution::NextRelease { .. }, _) => "next",
        State::Resolved(Resolution::Release { .. }, _) => "release",
        State::Ignored(Ignoring::Forever, _) => "forever",
        State::Ignored(Ignoring::Time { .. }, _) => "time",
        State::Ignored(Ignoring::Events { window: None, .. }, _) => "events",
        State::Ignored(Ignoring::Events { .. }, _) => "window",
        State::Ignored(Ignoring::Users { .. }, _) => "users",
    }
}

fn arrival(release: Option<&str>, received_ms: i64) -> Arrival<'_> {
    let release = release.map(|version| Release { version, first_seen_ms: Some(2_000) });
    Arrival { received_ms, timestamp_ms: received_ms, release, bound_seen_ms: Some(1_500), is_new_user: true }
}

/// One that happened at some time and is told of much later.
fn late(release: Option<&str>, timestamp_ms: i64) -> Arrival<'_> {
    Arrival { timestamp_ms, ..arrival(release, 3_000) }
}

fn input(name: &str) -> Input<'static> {
    match name {
        "ev 1.0" => Input::Event(arrival(Some("shop@1.0.0"), 3_000)),
        "ev 1.1" => Input::Event(arrival(Some(LATEST), 3_000)),
        "ev 1.2" => Input::Event(arrival(Some(FIXED), 3_000)),
        "ev 1.10" => Input::Event(arrival(Some("shop@1.10.0"), 3_000)),
        "ev none" => Input::Event(arrival(None, 3_000)),
        "ev late" => Input::Event(arrival(None, 6_000)),
        // All was decided at 1,000.
        "old" => Input::Event(late(None, 1_000 - CLOCK_TOLERANCE_MS - 1)),
        "old 1.2" => Input::Event(late(Some(FIXED), 1_000 - CLOCK_TOLERANCE_MS - 1)),
        "old enough" => Input::Event(late(None, 1_000 - CLOCK_TOLERANCE_MS)),
        "4.9 s" => Input::Time { now_ms: UNTIL_MS - 1 },
        "5 s" => Input::Time { now_ms: UNTIL_MS },
        "unresolve" => Input::Person(Decision::Unresolve, by("bob", 4_000)),
        name => match (resolution(name), ignoring(name)) {
            (Some(resolution), _) => Input::Person(Decision::Resolve(resolution), by("bob", 4_000)),
            (_, Some(ignoring)) => Input::Person(Decision::Ignore(ignoring), by("bob", 4_000)),
            _ => panic!("{name}"),
        },
    }
}

const INPUTS: [&str; 20] = [
    "ev 1.0",
    "ev 1.1",
    "ev 1.2",
    "ev 1.10",
    "ev none",
    "ev late",
    "old",
    "old 1.2",
    "old enough",
    "4.9 s",
    "5 s",
    "unresolve",
    "now",
    "next",
    "release",
    "forever",
    "time",
    "events",
    "window",
    "users",
];

/// What becomes of each state by each of [`INPUTS`]; `.` where nothing changes.
#[rustfmt::skip]
const TABLE: &[(&str, [&str; 20])] = &[
    ("open",      [".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("reopened",  [".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("regressed", [".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "reopened", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("now",       ["regressed", "regressed", "regressed", "regressed", "regressed", "regressed", ".", ".", "regressed", ".", ".", "reopened", ".", "next", "release", "forever", "time", "events", "window", "users"]),
    ("next",      [".", ".", "regressed", "regressed", ".", ".", ".", "regressed", ".", ".", ".", "reopened", "now", ".", "release", "forever", "time", "events", "window", "users"]),
    ("release",   [".", ".", "regressed", "regressed", ".", ".", ".", "regressed", ".", ".", ".", "reopened", "now", "next", ".", "forever", "time", "events", "window", "users"]),
    ("forever",   [".", ".", ".", ".", ".", ".", ".", ".", ".", ".", ".", "reopened", "now", "next", "release", ".", "time", "events", "window", "users"]),
    ("time",      [".", ".", ".", ".", ".", "reopened", ".", ".", ".", ".", "reopened", "reopened", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("events",    ["reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", ".", ".", "reopened", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("window",    ["reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", ".", ".", "reopened", "now", "next", "release", "forever", "time", "events", "window", "users"]),
    ("users",     ["reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", "reopened", ".", ".", "reopened", "now", "next", "release", "forever", "time", "events", "window", "users"]),
];

/// What is told of a change from one state to another.
fn told_of(from: &str, to: &str, is_person: bool) -> &'static str {
    let was_ignored = ["forever", "time", "events", "window", "users"].contains(&from);
    match to {
        "regressed" => "regressed",
        "reopened" if was_ignored && !is_person => "unignored",
        "reopened" => "unresolved",
        "now" | "next" | "release" => "resolved",
        _ => {
            assert!(is_person);
            "ignored"
        }
    }
}

#[test]
fn every_state_meets_everything() {
    for (from, row) in TABLE {
        for (input_name, expected) in INPUTS.iter().zip(row) {
            let before = state(from);
            let input = input(input_name);
            let (after, activities) = transition(before.clone(), &input);
            let case = format!("{from} + {input_name}");
            if *expected == "." {
                assert_eq!(after, before, "{case}");
                assert_eq!(activities, [], "{case}");
                continue;
            }
            let is_person = matches!(input, Input::Person(..));
            assert_eq!(name_of(&after), *expected, "{case}");
            assert_eq!(activities.len(), 1, "{case}");
            assert_eq!(activities[0].kind.as_str(), told_of(from, expected, is_person), "{case}");
            assert_eq!(activities[0].by.as_deref(), is_person.then_some("bob"), "{case}");
        }
    }
    assert_eq!(TABLE.len(), 11);
}

#[test]
fn an_issue_is_ignored_until_so_many_more_have_come() {
    let mut state = State::Ignored(Ignoring::Events { count: 3, seen: 0, window: None }, by("ada", 0));
    for seen in 1..3 {
        state = transition(state, &Input::Event(arrival(None, seen))).0;
        assert_eq!(state.standing().unwrap().seen, Some(seen as u64));
    }
    let (state, activities) = transition(state, &Input::Event(arrival(None, 3)));
    assert_eq!(name_of(&state), "reopened");
    assert_eq!(activities[0].detail, serde_json::json!({ "reason": "events", "count": 3 }));
}

#[test]
fn only_users_it_has_not_met_are_counted() {
    let known = Arrival { is_new_user: false, ..arrival(None, 1) };
    let state = State::Ignored(Ignoring::Users { count: 2, seen: 0 }, by("ada", 0));
    assert!(state.counts_users());
    let state = [known, arrival(None, 2), known].iter().fold(state, |state, event| {
        let (state, activities) = transition(state, &Input::Event(*event));
        assert_eq!(activities, []);
        state
    });
    assert_eq!(name_of(&transition(state, &Input::Event(arrival(None, 4))).0), "reopened");
}

#[test]
fn events_in_a_window_are_those_of_its_last_minutes() {
    const MINUTE: i64 = 60_000;
    let ignored =
        || State::Ignored(Ignoring::Events { count: 3, seen: 0, window: Some(Window::new(10)) }, by("ada", 0));
    let after = |minutes: &[i64]| {
        let events = minutes.iter().map(|minute| arrival(None, minute * MINUTE));
        events.fold(ignored(), |state, event| transition(state, &Input::Event(event)).0)
    };
    assert_eq!(name_of(&after(&[100, 104, 109])), "reopened");
    assert_eq!(name_of(&after(&[100, 109, 118, 127])), "window");
    // A clock that was set back hides none.
    assert_eq!(name_of(&after(&[100, 50, 101])), "reopened");
    let kept = after(&(0..5_000).step_by(20).collect::<Vec<_>>());
    let State::Ignored(Ignoring::Events { window: Some(window), .. }, _) = kept else { panic!("{kept:?}") };
    assert!(window.slots.len() <= WINDOW_SLOTS as usize);
}

#[test]
fn releases_are_ordered_by_version_and_else_by_when_they_were_seen() {
    use Ordering::{Equal, Greater, Less};
    let at = |version, first_seen_ms| Release { version, first_seen_ms };
    let cases = [
        ("shop@1.10.0", None, "shop@1.9.0", Some(1), Some(Greater)),
        ("shop@1.2", Some(9), "shop@1.2.1", Some(1), Some(Less)),
        ("shop@1.2.0", Some(1), "shop@1.2", Some(2), Some(Less)),
        ("shop@2.0.0-rc.1", Some(9), "shop@2.0.0", Some(1), Some(Less)),
        ("shop@2.0.0-rc.10", None, "shop@2.0.0-rc.9", None, Some(Greater)),
        ("shop@2.0.0-alpha", None, "shop@2.0.0-1", None, Some(Greater)),
        ("shop@1.0.0+build.7", Some(2), "shop@1.0.0+build.6", Some(1), Some(Greater)),
        ("v1.2.3", None, "1.2.4", None, Some(Less)),
        ("2024.11.3", None, "2024.9.30", None, Some(Greater)),
        // Another package, and commits: by when they were first seen.
        ("shop@1.0.0", Some(5), "mail@9.0.0", Some(4), Some(Greater)),
        ("9f2c1aa", Some(5), "1b7d3e4", Some(6), Some(Less)),
        ("9f2c1aa", Some(5), "1b7d3e4", None, Some(Less)),
        ("9f2c1aa", None, "1b7d3e4", None, None),
        ("9f2c1aa", None, "9f2c1aa", Some(3), Some(Equal)),
        ("1.2.3.4.5", Some(2), "1.2", Some(1), Some(Greater)),
        ("99999999999999999999.0", Some(1), "1.0", Some(2), Some(Less)),
    ];
    for (one, one_ms, other, other_ms, expected) in cases {
        let (one, other) = (at(one, one_ms), at(other, other_ms));
        assert_eq!(compare_releases(one, other), expected, "{one:?} {other:?}");
        assert_eq!(compare_releases(other, one), expected.map(Ordering::reverse), "{other:?} {one:?}");
    }
}

#[test]
fn the_latest_release_is_the_highest_version_of_the_newest_package() {
    let at = |version, ms| Release { version, first_seen_ms: Some(ms) };
    assert_eq!(latest_release(&[]), None);
    let hotfix = [at("shop@1.9.0", 1), at("shop@2.0.0", 2), at("shop@1.9.1", 3)];
    assert_eq!(latest_release(&hotfix), Some("shop@2.0.0"));
    assert_eq!(latest_release(&[at("mail@7.0.0", 1), at("shop@1.0.0", 2)]), Some("shop@1.0.0"));
    assert_eq!(latest_release(&[at("1b7d3e4c", 1), at("9f2c1aae", 2)]), Some("9f2c1aae"));
}

#[test]
fn an_event_of_a_release_nobody_has_seen_yet_does_not_exist() {
    // Resolved in a release to come: whatever runs now is before it.
    let resolved = State::Resolved(Resolution::Release { version: "9f2c1aa".to_string() }, by("ada", 0));
    let event = Arrival { bound_seen_ms: None, ..arrival(Some("1b7d3e4"), 1) };
    assert_eq!(transition(resolved.clone(), &Input::Event(event)).0, resolved);
    let fixed = Arrival { bound_seen_ms: None, ..arrival(Some("9f2c1aa"), 1) };
    assert_eq!(name_of(&transition(resolved, &Input::Event(fixed)).0), "regressed");
}

#[test]
fn what_somebody_else_decided_since_is_not_undone() {
    let (before, resolved) = (state("open"), state("now"));
    let ignored = transition(resolved.clone(), &input("forever")).0;
    assert_eq!(undone(&ignored, &resolved, before.clone(), true), None);
    assert_eq!(undone(&resolved, &resolved, before.clone(), false), Some(before.clone()));
    let regressed = transition(resolved.clone(), &input("ev none")).0;
    assert_eq!(undone(&regressed, &resolved, before.clone(), false), Some(before.clone()));
    let reopened = transition(resolved.clone(), &Input::Person(Decision::Unresolve, Decided::default())).0;
    assert_eq!(undone(&reopened, &resolved, before, true), None);
}

#[test]
fn what_is_kept_of_a_state_is_read_leniently() {
    for damaged in [None, Some(""), Some("[]"), Some("{\"kind\":7}"), Some("{\"kind\":\"until_time\"}")] {
        assert_eq!(name_of(&State::parse("ignored", "", damaged)), "forever");
        assert_eq!(name_of(&State::parse("resolved", "", damaged)), "now");
    }
    assert_eq!(State::parse("nonsense", "regressed", None), state("regressed"));
    // As it was kept before there was a word for what was opened again, and as a later version may keep it.
    assert_eq!(State::parse("unresolved", "", None), state("open"));
    assert_eq!(State::parse("unresolved", "escalating", None), state("open"));
}

fn any_release() -> impl Strategy<Value = String> {
    prop_oneof![
        "(shop@|mail@|)[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(-(rc|a)\\.[0-9])?(\\+[0-9])?",
        "[0-9a-f]{7}",
        "\\PC{0,12}",
    ]
}

fn any_decision() -> impl Strategy<Value = Decision> {
    let window = proptest::option::of((1_u32..2_000).prop_map(Window::new));
    prop_oneof![
        Just(Decision::Unresolve),
        Just(Decision::Resolve(Resolution::Now)),
        any_release().prop_map(|after| Decision::Resolve(Resolution::NextRelease { after })),
        any_release().prop_map(|version| Decision::Resolve(Resolution::Release { version })),
        Just(Decision::Ignore(Ignoring::Forever)),
        (0_i64..10_000_000).prop_map(|until_ms| Decision::Ignore(Ignoring::Time { until_ms })),
        (1_u64..5, window).prop_map(|(count, window)| Decision::Ignore(Ignoring::Events { count, seen: 0, window })),
        (1_u64..5).prop_map(|count| Decision::Ignore(Ignoring::Users { count, seen: 0 })),
    ]
}

/// Anything that may happen, owned.
#[derive(Clone, Debug)]
enum Happening {
    Person(Decision, Decided),
    Event(i64, Option<(String, i64)>, Option<i64>, bool),
    Time(i64),
}

impl Happening {
    fn input(&self) -> Input<'_> {
        match self {
            Self::Person(decision, decided) => Input::Person(decision.clone(), decided.clone()),
            Self::Time(now_ms) => Input::Time { now_ms: *now_ms },
            Self::Event(received_ms, release, bound_seen_ms, is_new_user) => Input::Event(Arrival {
                received_ms: *received_ms,
                timestamp_ms: *received_ms,
                release: release.as_ref().map(|(version, seen)| Release { version, first_seen_ms: Some(*seen) }),
                bound_seen_ms: *bound_seen_ms,
                is_new_user: *is_new_user,
            }),
        }
    }
}

fn any_unasked() -> impl Strategy<Value = Happening> {
    let seen = 0_i64..10_000_000;
    prop_oneof![
        4 => (seen.clone(), proptest::option::of((any_release(), seen.clone())), proptest::option::of(seen.clone()),
            any::<bool>()).prop_map(|(at, release, bound, user)| Happening::Event(at, release, bound, user)),
        1 => seen.prop_map(Happening::Time),
    ]
}

fn any_person() -> impl Strategy<Value = (Decision, Decided)> {
    (any_decision(), proptest::option::of("[a-c]"), 0_i64..10_000_000)
        .prop_map(|(decision, by, at_ms)| (decision, Decided { by, at_ms }))
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![any_unasked(), any_person().prop_map(|(decision, decided)| Happening::Person(decision, decided)),]
}

proptest! {
    #[test]
    fn any_life_of_an_issue_keeps_the_rules(life in proptest::collection::vec(any_happening(), 0..40)) {
        let mut state = State::default();
        for happening in &life {
            let input = happening.input();
            let (after, activities) = transition(state.clone(), &input);
            // Told exactly when something else is the case now.
            prop_assert_eq!(activities.is_empty(), after.is_as_decided(&state) || after == state);
            prop_assert!(activities.len() <= 1);
            for activity in &activities {
                prop_assert!(activity.detail.is_object());
                prop_assert_eq!(activity.kind == ActivityKind::Regressed, after == State::Unresolved(Open::Regressed));
                if activity.kind == ActivityKind::Regressed {
                    prop_assert!(matches!(state, State::Resolved(..)));
                    prop_assert!(matches!(input, Input::Event(_)));
                }
            }
            // What was decided once is never undecided again.
            let is_undecided = |state: &State| *state == State::Unresolved(Open::Undecided);
            prop_assert!(!is_undecided(&after) || is_undecided(&state));
            if !matches!(input, Input::Person(..)) {
                prop_assert!(!matches!(after, State::Resolved(..)) || matches!(state, State::Resolved(..)));
                prop_assert!(!matches!(after, State::Ignored(..)) || matches!(state, State::Ignored(..)));
            }
            // Kept and read again, it is the same.
            let kept = State::parse(after.status().as_str(), after.substatus(), after.standing_json().as_deref());
            prop_assert_eq!(&kept, &after);
            state = after;
        }
    }

    #[test]
    fn undo_restores_whatever_events_and_time_did_since(
        life in proptest::collection::vec(any_happening(), 0..12),
        person in any_person(),
        since in proptest::collection::vec(any_unasked(), 0..12),
    ) {
        let go = |state, happening: &Happening| transition(state, &happening.input()).0;
        let before = life.iter().fold(State::default(), go);
        let after = transition(before.clone(), &Input::Person(person.0, person.1)).0;
        let now = since.iter().fold(after.clone(), go);
        prop_assert_eq!(undone(&now, &after, before.clone(), false), Some(before));
    }

    #[test]
    fn two_releases_are_ordered_the_same_from_both_sides(
        one in any_release(), other in any_release(),
        one_ms in proptest::option::of(0_i64..3), other_ms in proptest::option::of(0_i64..3),
    ) {
        let (one, other) = (Release { version: &one, first_seen_ms: one_ms }, Release { version: &other, first_seen_ms: other_ms });
        prop_assert_eq!(compare_releases(one, other), compare_releases(other, one).map(Ordering::reverse));
    }
}
