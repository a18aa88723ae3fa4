//! Whatever is asked, however facts lie: the answer is that of the naive evaluator.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::events::{EventSearch, facts_of};
use super::issues::{IssueOrder, IssueSearch, matching};
use super::scan::EventFilter;
use super::staged::FactDeltas;
use super::test::{TEXT_FIELDS, fields_of};
use super::{Asker, FactCache, sealer};
use crate::config::facts::{FACT_CHUNK_KEYS_MAX, FACT_KEYS_SHOWN_MAX, FACT_LIMITS};
use crate::model::event::{EventKind, Level};
use crate::model::facts::{FactKey, Facts, Field};
use crate::model::ids::{EventId, IssueId, ProjectId};
use crate::model::issue::IssueTitle;
use crate::model::workflow::Open;
use crate::search::naive::{Fact, Subject, matches};
use crate::search::{Dataset, Expr, IsState, Key, Known, parse};
use crate::store::keeper::{Keeper, Progress};
use crate::store::{EventWrite, Store, StoreOptions, StoreSettings, Write, compress};

const NOW_MS: i64 = 1_790_000_000_000;
const HOUR_MS: i64 = 3_600_000;

struct Opened {
    runtime: Runtime,
    store: Store,
    keeper: Keeper,
    _dir: tempfile::TempDir,
}

impl Opened {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings { seal_after_s: u64::MAX, ..StoreSettings::default() };
        let options = StoreOptions {
            settings: settings.clone(),
            authority: "127.0.0.1:4318".to_string(),
            read_facts: |body| {
                let mut facts = Facts::default();
                let pairs: Vec<(String, String)> = serde_json::from_slice(body).unwrap();
                for (key, value) in &pairs {
                    facts.push(FactKey::parse(key).unwrap(), value, &FACT_LIMITS);
                }
                facts
            },
            on_change: Box::new(|_| ()),
            on_death: Box::new(|why| panic!("{why}")),
        };
        let store = Store::open(dir.path(), options).unwrap();
        // Chores are done here, when a test wants them.
        store.keeper.close_now();
        let keeper = Keeper::of(&store, settings).unwrap();
        Self { runtime, store, keeper, _dir: dir }
    }

    fn append(&self, events: &[Made]) {
        let writes = events.iter().map(|event| Write::Event(Box::new(event.write()))).collect();
        self.runtime.block_on(self.store.append(writes)).unwrap();
    }

    fn sql(&self, sql: &str) {
        let sql = sql.to_string();
        self.store.writer.with_connection(move |connection| Ok(connection.execute_batch(&sql)?)).unwrap();
    }

    fn seal(&mut self) {
        while sealer::seal_from(&self.keeper, 1).unwrap() == Progress::More {}
    }

    fn merge(&mut self) {
        while super::merge(&mut self.keeper).unwrap() == Progress::More {}
    }

    fn fill(&mut self) {
        while super::fill(&mut self.keeper).unwrap() == Progress::More {}
    }

    fn count(&self, sql: &str) -> i64 {
        self.keeper.reader.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Rows of events, by the first byte of their ids.
    fn rows(&self) -> BTreeMap<u8, i64> {
        let mut statement = self.keeper.reader.prepare("SELECT event_id, id FROM event").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?[0], row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn found(&self, expr: &Expr, filter: &EventFilter) -> BTreeSet<u8> {
        let search = IssueSearch {
            expr: expr.clone(),
            asker: asker(),
            project_id: None,
            filter: filter.clone(),
            order: IssueOrder::LastSeen,
            after: None,
            limit: 100,
        };
        let found = matching(&self.keeper.reader, &search).unwrap();
        (0..ISSUES).filter(|issue| found.contains(&issue_id(*issue).0)).collect()
    }
}

fn asker() -> Asker {
    Asker { now_ms: NOW_MS, me: Some("ada".to_string()) }
}

const ISSUES: u8 = 6;

fn issue_id(issue: u8) -> IssueId {
    IssueId::of(ProjectId(1), &[issue + 1; 16])
}

const LINE: u64 = 42;

/// Where an issue is put down to.
fn file_of(issue: u8) -> Option<&'static str> {
    [None, Some("shop/pay.py"), Some("shop/cart.py")][issue as usize % 3]
}

/// An event as it was made up.
#[derive(Clone, Debug)]
struct Made {
    id: u8,
    issue: u8,
    at_ms: i64,
    level: Level,
    release: Option<&'static str>,
    environment: Option<&'static str>,
    facts: Vec<(FactKey<'static>, String)>,
}

impl Made {
    fn title(&self) -> String {
        format!("Title of {}", self.issue)
    }

    fn write(&self) -> EventWrite {
        let mut facts = Facts::default();
        self.facts.iter().for_each(|(key, value)| facts.push(*key, value, &FACT_LIMITS));
        let body: Vec<(String, &str)> = self.facts.iter().map(|(key, value)| (key.text(), value.as_str())).collect();
        EventWrite {
            project_id: ProjectId(1),
            event_id: EventId([self.id; 16]),
            received_ms: NOW_MS,
            timestamp_ms: self.at_ms,
            kind: EventKind::Error,
            level: self.level,
            platform: "python".to_string(),
            title: IssueTitle {
                title: self.title(),
                culprit: "/x/".to_string(),
                filename: file_of(self.issue).map(str::to_string),
                line: file_of(self.issue).map(|_| LINE),
                ..IssueTitle::default()
            },
            is_unhandled: false,
            release: self.release.map(str::to_string),
            environment: self.environment.map(str::to_string),
            user_hash: None,
            trace_id: None,
            span_id: None,
            sighting: None,
            report: None,
            facts,
            grouping_version: 1,
            hashes: vec![[self.issue + 1; 16]],
            body: compress(&serde_json::to_vec(&body).unwrap()),
        }
    }

    fn values(&self, field: Field) -> Vec<String> {
        let own = |text: &str| vec![text.to_string()];
        match field {
            Field::Level => own(self.level.as_str()),
            Field::Platform => own("python"),
            Field::Kind => own("error"),
            Field::Title => own(&self.title()),
            Field::Culprit => own("/x/"),
            Field::Release => self.release.iter().map(|text| (*text).to_string()).collect(),
            Field::Environment => self.environment.iter().map(|text| (*text).to_string()).collect(),
            field => self.of_key(FactKey::Field(field)),
        }
    }

    fn of_key(&self, key: FactKey<'_>) -> Vec<String> {
        self.facts.iter().filter(|(known, _)| *known == key).map(|(_, value)| value.clone()).collect()
    }

    fn is_within(&self, filter: &EventFilter) -> bool {
        filter.environment.as_deref().is_none_or(|name| self.environment.unwrap_or_default() == name)
            && (filter.any_environment.is_empty()
                || filter.any_environment.iter().any(|name| self.environment == Some(name.as_str())))
            && filter.release.as_deref().is_none_or(|name| self.release.unwrap_or_default() == name)
            && filter.from_ms.is_none_or(|from_ms| self.at_ms >= from_ms)
            && filter.to_ms.is_none_or(|to_ms| self.at_ms <= to_ms)
    }
}

/// What people did to an issue.
#[derive(Clone, Copy, Debug)]
struct Standing {
    status: &'static str,
    /// Why it is open, when it is.
    open: Open,
    assignee: Option<&'static str>,
    priority: u8,
}

/// An event of an issue, or an issue without any.
struct Asked<'a> {
    standing: Standing,
    issue: u8,
    short_no: u64,
    first_ms: i64,
    last_ms: i64,
    count: usize,
    event: Option<&'a Made>,
    values: BTreeMap<String, Vec<String>>,
}

impl Subject for Asked<'_> {
    fn facts<'s>(&'s self, key: &Key, give: &mut dyn FnMut(Fact<'s>)) {
        match key {
            Key::Known(Known::Assigned) => self.standing.assignee.into_iter().for_each(|name| give(Fact::Text(name))),
            Key::Known(Known::Priority) => give(Fact::Text(["low", "medium", "high"][self.standing.priority as usize])),
            Key::Known(Known::FirstSeen) => give(Fact::TimeNs(self.first_ms * 1_000_000)),
            Key::Known(Known::LastSeen) => give(Fact::TimeNs(self.last_ms * 1_000_000)),
            Key::Known(Known::TimesSeen) => give(Fact::Int(self.count as i64)),
            Key::Known(Known::Location) => file_of(self.issue).into_iter().for_each(|file| {
                give(Fact::Text(file));
                give(Fact::Text(if file == "shop/pay.py" { "shop/pay.py:42" } else { "shop/cart.py:42" }));
            }),
            // What an issue is called outlives its events, but for words alone.
            Key::Known(Known::Message) if self.event.is_none() => {}
            Key::Known(Known::IssueCategory | Known::IssueType) => give(Fact::Text("error")),
            Key::Known(Known::Timestamp) => {
                self.event.iter().for_each(|event| give(Fact::TimeNs(event.at_ms * 1_000_000)));
            }
            Key::Known(known) => {
                for field in fields_of(*known) {
                    self.values[field.name()].iter().for_each(|value| give(Fact::Text(value)));
                }
            }
            Key::Tag(name) => {
                let values = self.values.get(&FactKey::Tag(name).text());
                values.into_iter().flatten().for_each(|value| give(Fact::Text(value)));
            }
            _ => {}
        }
    }

    fn texts<'s>(&'s self, give: &mut dyn FnMut(&'s str)) {
        for field in TEXT_FIELDS {
            self.values[field.name()].iter().for_each(|value| give(value));
        }
    }

    fn is(&self, state: IsState) -> bool {
        let is_unresolved = self.standing.status == "unresolved";
        let open = self.standing.open;
        let is_new = open == Open::Undecided && self.first_ms > NOW_MS - 24 * HOUR_MS;
        match state {
            IsState::Unresolved => is_unresolved,
            IsState::Resolved => self.standing.status == "resolved",
            IsState::Ignored | IsState::IgnoredForever => self.standing.status == "ignored",
            IsState::New => is_unresolved && is_new,
            IsState::Regressed => is_unresolved && open == Open::Regressed,
            IsState::Ongoing => is_unresolved && !is_new && open != Open::Regressed,
            IsState::IgnoredUntil => false,
        }
    }

    fn is_special(&self, key: &Key, _value: &crate::search::Value, fact: Fact<'_>) -> bool {
        *key == Key::Known(Known::Assigned) && fact == Fact::Text("ada")
    }
}

/// Some of everything the language has.
const LEAVES: [&str; 59] = [
    "\"KeyError: missing\"",
    "KeyError: missing key",
    "shop.OSError: key 42",
    "cart.py:42",
    "cart.py:7",
    "location:shop/pay.py:42",
    "location:shop/pay.py:4",
    "message:KEY",
    "message:*key 4*",
    "!message:\"Title of\"",
    "has:message",
    "location:*/Pay.py",
    "!has:location",
    "level:error",
    "level:>=warning",
    "!level:info",
    "release:1.0",
    "release:[1.0,2.0]",
    "has:release",
    "!has:release",
    "release:1.*",
    "release.version:>1.5",
    "environment:prod",
    "has:environment",
    "tenant:acme",
    "tenant:*C*",
    "!tenant:acme",
    "has:tenant",
    "tenant:[acme,\"beta corp\"]",
    "n:>5",
    "n:<=2",
    "n:3",
    "error.type:KeyError",
    "error.type:*Error",
    "error.value:missing",
    "error.value:*42*",
    "user:ada",
    "user.email:*@example.org",
    "timestamp:>2026-09-21",
    "timestamp:-3h",
    "is:unresolved",
    "is:resolved",
    "is:ignored",
    "is:new",
    "is:ongoing",
    "assigned:me",
    "assigned:none",
    "assigned:bob",
    "priority:high",
    "timesSeen:>2",
    "firstSeen:-24h",
    "lastSeen:+2h",
    "keyerror",
    "missing",
    "\"missing key\"",
    "title",
    "error.handled:true",
    "platform:python",
    "dist:7",
];

fn exprs() -> impl Strategy<Value = Expr> {
    let leaf = prop::sample::select(LEAVES.to_vec())
        .prop_map(|text| parse(text, Dataset::Issues, NOW_MS).unwrap_or_else(|error| panic!("{text}: {error}")));
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::or),
            inner.prop_map(Expr::negated),
        ]
    })
}

fn facts() -> impl Strategy<Value = Vec<(FactKey<'static>, String)>> {
    let fact = prop_oneof![
        prop::sample::select(vec!["acme", "beta corp", "Acme"]).prop_map(|v| (FactKey::Tag("tenant"), v.to_string())),
        (0..9_u8).prop_map(|n| (FactKey::Tag("n"), n.to_string())),
        prop::sample::select(vec!["KeyError", "OSError", "Stop"])
            .prop_map(|v| (FactKey::Field(Field::ErrorType), v.to_string())),
        (0..60_u8).prop_map(|n| (FactKey::Field(Field::ErrorValue), format!("Missing key {n}"))),
        (0..60_u8).prop_map(|n| (FactKey::Field(Field::Message), format!("No key {n}"))),
        prop::sample::select(vec!["true", "false"]).prop_map(|v| (FactKey::Field(Field::ErrorHandled), v.to_string())),
        prop::sample::select(vec!["ada", "bob"]).prop_map(|v| (FactKey::Field(Field::UserName), v.to_string())),
        Just((FactKey::Field(Field::UserEmail), "ada@example.org".to_string())),
        Just((FactKey::Field(Field::Dist), "7".to_string())),
    ];
    prop::collection::vec(fact, 0..6).prop_map(|facts| {
        // An event has a value of a key once.
        let mut distinct: Vec<(FactKey<'static>, String)> = Vec::new();
        for fact in facts {
            if !distinct.contains(&fact) {
                distinct.push(fact);
            }
        }
        distinct
    })
}

fn made() -> impl Strategy<Value = Made> {
    let level = prop::sample::select(vec![Level::Info, Level::Warning, Level::Error]);
    let release = prop::sample::select(vec![None, Some("1.0"), Some("1.5.2"), Some("2.0")]);
    let environment = prop::sample::select(vec![None, Some("prod"), Some("dev")]);
    (0..ISSUES, 0..40_i64, level, release, environment, facts()).prop_map(
        |(issue, hours, level, release, environment, facts)| Made {
            id: 0,
            issue,
            at_ms: NOW_MS - hours * HOUR_MS - 1,
            level,
            release,
            environment,
            facts,
        },
    )
}

/// What happens between two batches.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Seal,
    Merge,
    /// All facts are lost, and made anew of the bodies.
    Fill,
    /// The oldest event goes.
    Drop,
    /// A better report of the event of this number.
    Replace(u8),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Wait),
        4 => Just(Step::Seal),
        2 => Just(Step::Merge),
        1 => Just(Step::Fill),
        1 => Just(Step::Drop),
        1 => any::<u8>().prop_map(Step::Replace),
    ]
}

fn standings() -> impl Strategy<Value = Standing> {
    let status = prop::sample::select(vec!["unresolved", "unresolved", "resolved", "ignored"]);
    let assignee = prop::sample::select(vec![None, Some("ada"), Some("bob")]);
    let open = prop::sample::select(vec![Open::Undecided, Open::Undecided, Open::Reopened, Open::Regressed]);
    (status, open, assignee, 0..3_u8).prop_map(|(status, open, assignee, priority)| Standing {
        status,
        open,
        assignee,
        priority,
    })
}

fn filters() -> impl Strategy<Value = EventFilter> {
    let environment = prop::sample::select(vec![None, None, Some("prod"), Some("")]);
    let any = prop::sample::select(vec![&[][..], &[], &["prod", "dev"]]);
    let release = prop::sample::select(vec![None, None, Some("1.0")]);
    let hours = prop::option::of(0..40_i64);
    (environment, any, release, hours.clone(), hours).prop_map(|(environment, any, release, from, to)| EventFilter {
        environment: environment.map(str::to_string),
        any_environment: any.iter().map(|name| (*name).to_string()).collect(),
        release: release.map(str::to_string),
        from_ms: from.map(|hours| NOW_MS - hours * HOUR_MS),
        to_ms: to.map(|hours| NOW_MS - hours * HOUR_MS),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_question_is_answered_as_the_naive_evaluator_does(
        batches in prop::collection::vec((prop::collection::vec(made(), 1..5), steps()), 1..9),
        standings in prop::collection::vec(standings(), ISSUES as usize),
        questions in prop::collection::vec((exprs(), filters()), 12),
    ) {
        let mut opened = Opened::new();
        let mut kept: Vec<Made> = Vec::new();
        // Of each issue ever seen: number, first and last seen, events ever, and where it was seen.
        let mut issues: BTreeMap<u8, (u64, i64, i64, usize, BTreeSet<String>)> = BTreeMap::new();
        let mut next = 0_u8;
        for (events, step) in batches {
            let events: Vec<Made> = events
                .into_iter()
                .map(|event| { next += 1; Made { id: next, ..event } })
                .collect();
            opened.append(&events);
            for event in &events {
                let number = issues.len() as u64 + 1;
                let of_issue = issues.entry(event.issue).or_insert((number, i64::MAX, i64::MIN, 0, BTreeSet::new()));
                of_issue.1 = of_issue.1.min(event.at_ms);
                of_issue.2 = of_issue.2.max(event.at_ms);
                of_issue.3 += 1;
                of_issue.4.insert(event.environment.unwrap_or_default().to_string());
            }
            kept.extend(events);
            match step {
                Step::Wait => {}
                Step::Seal => opened.seal(),
                Step::Merge => { opened.seal(); opened.merge(); }
                Step::Fill => {
                    opened.sql("DELETE FROM fact_batch; DELETE FROM fact_chunk; DELETE FROM fact_replaced;
                        INSERT OR REPLACE INTO setting VALUES ('facts_due', '9223372036854775807');");
                    opened.fill();
                }
                Step::Drop if kept.len() > 1 => {
                    opened.sql("DELETE FROM event WHERE id = (SELECT min(id) FROM event)");
                    kept.remove(0);
                }
                Step::Drop => {}
                Step::Replace(number) => {
                    let rows = opened.rows();
                    let place = number as usize % kept.len();
                    let better = Made { facts: vec![(FactKey::Tag("n"), "8".to_string())], ..kept[place].clone() };
                    let (row, write) = (rows[&better.id], better.write());
                    let of = issue_id(better.issue);
                    opened.store.writer.run_chore(move |tx, ids| {
                        tx.execute("UPDATE event SET body = ?2, body_codec = ?3 WHERE id = ?1",
                            (row, &write.body.bytes, write.body.codec))?;
                        let mut deltas = FactDeltas::default();
                        deltas.replace(row, of, &write, (write.release.as_deref(), write.environment.as_deref()));
                        deltas.apply(tx, ids, NOW_MS)
                    }).unwrap();
                    kept[place] = better;
                }
            }
        }
        for (issue, standing) in (0..ISSUES).zip(&standings) {
            let assignee = standing.assignee.map_or("NULL".to_string(), |name| format!("'{name}'"));
            let substatus = if standing.status == "unresolved" { standing.open.as_str() } else { "" };
            opened.sql(&format!(
                "UPDATE issue SET status = '{}', substatus = '{substatus}', assignee = {assignee}, priority = {}
                 WHERE id = {}",
                standing.status, standing.priority, issue_id(issue).0
            ));
        }
        for (expr, filter) in questions {
            let narrowed = EventFilter { environment: None, ..filter.clone() };
            let mut expected = BTreeSet::new();
            for (issue, (short_no, first_ms, last_ms, count, places)) in &issues {
                let own: Vec<&Made> = kept.iter().filter(|event| event.issue == *issue).collect();
                let asked = |event: Option<&Made>| {
                    let of_field = |field: &Field| event.map_or_else(Vec::new, |event| event.values(*field));
                    let mut values: BTreeMap<String, Vec<String>> =
                        Field::ALL.iter().map(|field| (field.name().to_string(), of_field(field))).collect();
                    for name in ["tenant", "n"] {
                        let key = FactKey::Tag(name);
                        values.insert(key.text(), event.map_or_else(Vec::new, |event| event.of_key(key)));
                    }
                    if event.is_none() {
                        values.insert("title".to_string(), vec![format!("Title of {issue}")]);
                        values.insert("culprit".to_string(), vec!["/x/".to_string()]);
                    }
                    let standing = standings[*issue as usize];
                    let (issue, short_no, count) = (*issue, *short_no, *count);
                    let (first_ms, last_ms) = (*first_ms, *last_ms);
                    let asked = Asked { standing, issue, short_no, first_ms, last_ms, count, event, values };
                    (asked.issue, asked.short_no) == (issue, short_no) && matches(&expr, &asked)
                };
                let is_found = match own.is_empty() {
                    true => narrowed.is_empty()
                        && filter.environment.as_ref().is_none_or(|name| places.contains(name))
                        && asked(None),
                    // Keys of the issue alone need no event.
                    false if narrowed.is_empty() && super::prepare::is_of_issues(&expr) =>
                        filter.environment.as_ref().is_none_or(|name| places.contains(name)) && asked(Some(own[0])),
                    false => own.iter().any(|event| event.is_within(&filter) && asked(Some(event))),
                };
                if is_found {
                    expected.insert(*issue);
                }
            }
            prop_assert_eq!(opened.found(&expr, &filter), expected, "{:?} in {:?}", expr, filter);
        }
        // And the events of one issue.
        let rows = opened.rows();
        for issue in issues.keys() {
            let search = EventSearch { asker: asker(), ..EventSearch::all(issue_id(*issue)) };
            let own: BTreeSet<i64> = kept.iter().filter(|e| e.issue == *issue).map(|e| rows[&e.id]).collect();
            let mut found = BTreeSet::new();
            super::events::each_match(&opened.keeper.reader, &FactCache::default(), &search, &BTreeSet::new(), |block, bits| {
                bits.iter().for_each(|row| assert!(found.insert(block.events().ids[row]), "each once"));
                Ok(true)
            }).unwrap();
            prop_assert_eq!(found, own);
        }
    }
}

fn simple(id: u8, issue: u8, facts: &[(FactKey<'static>, &str)]) -> Made {
    let facts = facts.iter().map(|(key, value)| (*key, (*value).to_string())).collect();
    let at_ms = NOW_MS - i64::from(id);
    Made { id, issue, at_ms, level: Level::Error, release: None, environment: None, facts }
}

fn ask(opened: &Opened, text: &str) -> BTreeSet<u8> {
    opened.found(&parse(text, Dataset::Issues, NOW_MS).unwrap(), &EventFilter::default())
}

#[test]
fn chunks_are_merged_and_go_with_their_events() {
    let mut opened = Opened::new();
    for id in 1..=40 {
        opened.append(&[simple(id, id % 3, &[(FactKey::Tag("n"), "1")])]);
        opened.seal();
    }
    assert_eq!(opened.count("SELECT count(*) FROM fact_chunk"), 40);
    opened.merge();
    assert!(opened.count("SELECT count(*) FROM fact_chunk") < 4);
    assert_eq!(opened.count("SELECT sum(event_count) FROM fact_chunk"), 40);
    assert_eq!(ask(&opened, "n:1"), BTreeSet::from([0, 1, 2]));
    opened.sql("DELETE FROM event WHERE id < (SELECT max(id) FROM event)");
    assert_eq!(ask(&opened, "n:1"), BTreeSet::from([1]), "what is gone is not found, before its chunks go");
    opened.append(&[simple(50, 1, &[])]);
    opened.sql("DELETE FROM event WHERE id < (SELECT max(id) FROM event)");
    opened.merge();
    assert_eq!(opened.count("SELECT count(*) FROM fact_chunk"), 0);
    assert_eq!(opened.count("SELECT count(*) FROM fact_column"), 0);
    let findings = crate::store::safety::check(opened.store.path(), true, &mut |_| ()).unwrap();
    assert_eq!(findings.broken(), [""; 0]);
}

#[test]
fn an_issue_that_is_merged_into_another_is_found_as_that_one() {
    let mut opened = Opened::new();
    opened.append(&[simple(1, 0, &[(FactKey::Tag("n"), "1")]), simple(2, 1, &[(FactKey::Tag("n"), "2")])]);
    opened.seal();
    let (one, other) = (issue_id(0).0, issue_id(1).0);
    opened.sql(&format!("UPDATE issue SET merged_into = {one} WHERE id = {other}"));
    assert_eq!(ask(&opened, "n:2"), BTreeSet::from([0]));
    assert_eq!(ask(&opened, "n:1 n:2"), BTreeSet::new(), "one event has to meet it all");
    let search = EventSearch { asker: asker(), ..EventSearch::all(issue_id(0)) };
    let lines = opened.runtime.block_on(opened.store.event_lines(search, None, 10)).unwrap();
    assert_eq!(lines.events.len(), 2);
    opened.sql(&format!("UPDATE issue SET deleted_ms = 1 WHERE id = {one}"));
    assert_eq!(ask(&opened, "n:2"), BTreeSet::new());
}

#[test]
fn a_damaged_chunk_is_made_anew() {
    let mut opened = Opened::new();
    for id in 1..=8 {
        opened.append(&[simple(id, id % 3, &[(FactKey::Tag("n"), "1")])]);
        opened.seal();
    }
    opened.sql("UPDATE fact_column SET body = x'00' WHERE chunk_id = (SELECT max(id) FROM fact_chunk)");
    opened.merge();
    opened.fill();
    opened.merge();
    assert_eq!(ask(&opened, "n:1"), BTreeSet::from([0, 1, 2]));
    assert_eq!(opened.count("SELECT sum(event_count) FROM fact_chunk"), 8);
}

#[test]
fn tags_are_counted_and_compared_with_the_rest() {
    let opened = Opened::new();
    let tag = |value: &'static str| [(FactKey::Tag("tenant"), value)];
    let mut events: Vec<Made> = (1..=9).map(|id| simple(id, 0, &tag("acme"))).collect();
    events.push(simple(10, 0, &[]));
    events.extend((11..=19).map(|id| simple(id, 1, &tag(if id == 11 { "acme" } else { "other" }))));
    let mut many = vec![(FactKey::Tag("tenant"), "other")];
    let names = (0..FACT_KEYS_SHOWN_MAX).map(|number| &*Box::leak(format!("of others {number}").into_boxed_str()));
    many.extend(names.map(|name: &'static str| (FactKey::Tag(name), "x")));
    events.push(simple(20, 1, &many));
    opened.append(&events);
    let search = EventSearch { asker: asker(), ..EventSearch::all(issue_id(0)) };
    let tags = opened.runtime.block_on(opened.store.event_tags(search.clone(), true)).unwrap();
    assert_eq!((tags.events, tags.is_partial, tags.left_out), (10, false, 0));
    assert!(tags.tags.iter().all(|tag| tag.missing < 10), "{:?}", tags.tags);
    let tenant = tags.tags.iter().find(|tag| tag.key == "tenant").unwrap();
    assert_eq!((tenant.distinct, tenant.missing, tenant.other), (1, 1, 0));
    assert_eq!((tenant.values[0].value.as_str(), tenant.values[0].count), ("acme", 9));
    assert_eq!(tenant.values[0].rest_share, Some(0.1));
    assert!(tenant.values[0].lift.unwrap() > 4.0);
    let all = opened.store.event_tag(search, "tenant".to_string(), 0, 10);
    let (tag, _) = opened.runtime.block_on(all).unwrap().unwrap();
    assert_eq!((tag.fact.as_str(), tag.values.len()), ("tags[tenant]", 1));
}

#[test]
fn tags_beyond_those_that_have_a_column_are_counted_too() {
    let mut opened = Opened::new();
    let names: Vec<&'static str> =
        (0..FACT_CHUNK_KEYS_MAX + 5).map(|number| &*Box::leak(format!("t{number:04}").into_boxed_str())).collect();
    let many: Vec<(FactKey<'static>, &'static str)> = names.iter().map(|name| (FactKey::Tag(name), "x")).collect();
    opened.append(&[simple(1, 0, &many), simple(2, 0, &many[..1]), simple(3, 0, &[(FactKey::Tag("t0000"), "y")])]);
    let counted = |opened: &Opened| {
        let search = EventSearch { asker: asker(), ..EventSearch::all(issue_id(0)) };
        opened.runtime.block_on(opened.store.event_tags(search, false)).unwrap()
    };
    let waiting = counted(&opened);
    assert!(!waiting.is_partial);
    opened.seal();
    assert!(opened.count("SELECT count(*) FROM fact_column WHERE key = ''") == 1, "some keys share a column");
    let sealed = counted(&opened);
    assert_eq!((sealed.events, sealed.is_partial), (3, false), "all three events were counted");
    assert_eq!(sealed, waiting);
    assert_eq!(sealed.tags.len(), FACT_KEYS_SHOWN_MAX);
    assert!(sealed.left_out >= (names.len() - FACT_KEYS_SHOWN_MAX) as u64, "{} are told of", sealed.left_out);
    let first = sealed.tags.iter().find(|tag| tag.key == "t0000").unwrap();
    assert_eq!((first.distinct, first.missing, first.values[0].count), (2, 0, 2));
    let search = EventSearch { asker: asker(), ..EventSearch::all(issue_id(0)) };
    let last = opened.store.event_tag(search, (*names.last().unwrap()).to_string(), 0, 10);
    let (last, is_partial) = opened.runtime.block_on(last).unwrap().unwrap();
    assert_eq!((last.distinct, last.missing, is_partial), (1, 2, false));
}

#[test]
fn there_is_something_to_choose_from() {
    let mut opened = Opened::new();
    opened.append(&[simple(1, 0, &[(FactKey::Tag("tenant"), "acme"), (FactKey::Flag("new"), "true")])]);
    opened.seal();
    opened.append(&[
        simple(2, 1, &[(FactKey::Tag("tenant"), "beta")]),
        simple(3, 1, &[(FactKey::Tag("tenant"), "acme")]),
    ]);
    let keys = opened.runtime.block_on(opened.store.fact_keys(super::FactScope::default())).unwrap();
    let count = |name: &str| keys.names.iter().find(|(key, _)| key == name).map(|(_, count)| *count);
    assert_eq!((count("tags[tenant]"), count("flags[new]"), count("level")), (Some(3), Some(1), Some(3)));
    let key = Key::Tag("tenant".to_string());
    let values = opened.store.fact_values(super::FactScope::default(), key, |_| true, 10);
    let values = opened.runtime.block_on(values).unwrap();
    assert_eq!(values.names, [("acme".to_string(), 2), ("beta".to_string(), 1)]);
}

#[test]
fn facts_of_some_events_are_read_wherever_they_are() {
    let mut opened = Opened::new();
    let user = |name: &'static str| [(FactKey::Field(Field::UserName), name)];
    opened.append(&[simple(1, 0, &user("ada")), simple(2, 0, &[])]);
    opened.seal();
    opened.append(&[simple(3, 1, &user("bob"))]);
    let rows: Vec<i64> = opened.rows().into_values().collect();
    let facts = facts_of(&opened.keeper.reader, &FactCache::default(), &rows, &[Field::UserName]).unwrap();
    let names: Vec<Option<String>> = rows.iter().map(|row| facts[row][0].clone()).collect();
    assert_eq!(names, [Some("ada".to_string()), None, Some("bob".to_string())]);
}
