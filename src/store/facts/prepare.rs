//! From an expression of the search language to a [`Test`]: whatever is of issues is looked up once, and becomes a set.
//!
//! Owns what the keys of issues mean in rows of `issue`. Every value is compared by `search::naive`, so that a set is made by
//! the rules of the language and not by those of SQL.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, named_params};

use super::super::StoreError;
use super::test::{Test, ValuesTest, columns_of};
use crate::model::facts::Field;
use crate::model::issue::NEW_MS;
use crate::search::naive::{Fact, value_takes};
use crate::search::{Expr, IsState, Key, Known, Leaf, Op, Pattern, Value};

/// Issues that lists show at all.
pub(super) const LISTED: &str = "merged_into IS NULL AND deleted_ms IS NULL";

/// An issue nobody has decided anything about, and that is young; `substatus` as [`Open`](crate::model::workflow::Open)
/// is kept.
pub(super) const IS_NEW: &str = "issue.status = 'unresolved' AND issue.substatus NOT IN ('regressed', 'ongoing')
    AND issue.first_seen_ms > :new_from_ms";

pub(super) const IS_REGRESSED: &str = "issue.status = 'unresolved' AND issue.substatus = 'regressed'";

/// Who asks, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asker {
    pub now_ms: i64,
    /// What `me` stands for.
    pub me: Option<String>,
}

/// Whether only keys of issues are asked for, so that no event need be looked at.
pub(super) fn is_of_issues(expr: &Expr) -> bool {
    let mut is_of_issues = true;
    expr.for_each_leaf(&mut |leaf| {
        is_of_issues &= match leaf {
            Leaf::Text(_) => false,
            Leaf::Is(_) => true,
            Leaf::Has(key) | Leaf::Compare { key, .. } => matches!(key, Key::Known(known) if is_issue_key(*known)),
        };
    });
    is_of_issues
}

fn is_issue_key(known: Known) -> bool {
    matches!(
        known,
        Known::Is
            | Known::Assigned
            | Known::Bookmarked
            | Known::FirstSeen
            | Known::LastSeen
            | Known::TimesSeen
            | Known::UserCount
            | Known::Issue
            | Known::IssueCategory
            | Known::IssueType
            | Known::Priority
            | Known::Project
            | Known::FirstRelease
            | Known::Location
    )
}

/// Makes tests of expressions.
pub(super) struct Preparing<'c> {
    pub(super) connection: &'c Connection,
    pub(super) asker: &'c Asker,
}

impl Preparing<'_> {
    pub(super) fn test(&self, expr: &Expr) -> Result<Test, StoreError> {
        Ok(self.of_expr(expr)?.in_order())
    }

    fn of_expr(&self, expr: &Expr) -> Result<Test, StoreError> {
        let all = |parts: &[Expr]| parts.iter().map(|part| self.of_expr(part)).collect::<Result<Vec<_>, _>>();
        Ok(match expr {
            Expr::Everything => Test::Everything,
            Expr::And(parts) => Test::And(all(parts)?),
            Expr::Or(parts) => Test::Or(all(parts)?),
            Expr::Not(inner) => Test::Not(Box::new(self.of_expr(inner)?)),
            Expr::Leaf(leaf) => self.of_leaf(leaf)?,
        })
    }

    fn of_leaf(&self, leaf: &Leaf) -> Result<Test, StoreError> {
        match leaf {
            Leaf::Text(pattern) => {
                let text = Test::Values(ValuesTest::text(pattern));
                let named = self.named_issue(pattern)?.map(|issue| Test::Issues(HashSet::from([issue])));
                let is_place = |fact: Fact<'_>| matches!(fact, Fact::Text(place) if pattern.matches(place));
                let placed = match pattern.names_place() {
                    true => Some(self.issues_with(Known::Location, &is_place)?),
                    false => None,
                };
                // One of a chain or a group; the words are looked for in one text at a time.
                let raised = pattern.names_exception().map(|(ty, said)| {
                    let has = |known, pattern| {
                        Test::Values(ValuesTest::compare(&Key::Known(known), Op::Is, &Value::Text(pattern)))
                    };
                    let ty = has(Known::ErrorType, ty);
                    match said {
                        Some(said) => Test::And(vec![ty, has(Known::ErrorValue, said)]),
                        None => ty,
                    }
                });
                let mut ways: Vec<Test> = named.into_iter().chain(placed).chain(raised).chain([text]).collect();
                Ok(if ways.len() == 1 { ways.remove(0) } else { Test::Or(ways) })
            }
            Leaf::Is(state) => self.of_state(*state),
            Leaf::Has(Key::Known(Known::EventId | Known::Timestamp | Known::Project)) => Ok(Test::Everything),
            Leaf::Has(Key::Known(known)) if is_issue_key(*known) => {
                self.issues_with(*known, &|fact| fact != Fact::Text("") && fact != Fact::Bool(false))
            }
            Leaf::Has(key) => Ok(Test::Values(ValuesTest::has(key))),
            Leaf::Compare { key, op, value } => self.of_comparison(key, *op, value),
        }
    }

    fn of_comparison(&self, key: &Key, op: Op, value: &Value) -> Result<Test, StoreError> {
        if let Value::List(values) = value
            && values.iter().any(|value| matches!(value, Value::Me | Value::Latest))
        {
            let each = values.iter().map(|value| self.of_comparison(key, op, value));
            return Ok(Test::Or(each.collect::<Result<_, _>>()?));
        }
        let known = match key {
            Key::Known(known) => *known,
            other => return Ok(Test::Values(ValuesTest::compare(other, op, value))),
        };
        match (known, value) {
            (Known::Bookmarked, Value::Me) => self.issues_with(known, &|fact| fact == Fact::Bool(true)),
            (Known::Assigned, Value::Me) => {
                let me = self.asker.me.clone().unwrap_or_default().to_lowercase();
                self.issues_with(
                    known,
                    &|fact| matches!(fact, Fact::Text(name) if !me.is_empty() && name.to_lowercase() == me),
                )
            }
            (Known::FirstRelease, Value::Latest) => {
                let latest = latest_releases(self.connection)?;
                let mut statement = self.connection.prepare_cached(&format!(
                    "SELECT id, project_id, first_release FROM issue WHERE {LISTED} AND first_release IS NOT NULL"
                ))?;
                let mut rows = statement.query([])?;
                let mut issues = HashSet::new();
                while let Some(row) = rows.next()? {
                    let release = row.get_ref(2)?.as_str().unwrap_or_default();
                    if latest.get(&row.get(1)?).is_some_and(|latest| latest == release) {
                        issues.insert(row.get(0)?);
                    }
                }
                Ok(Test::Issues(issues))
            }
            (_, Value::Latest) => {
                let latest = latest_releases(self.connection)?.into_iter().map(|(project, release)| {
                    let of_release = Test::Values(ValuesTest::equals(Field::Release, &release));
                    Test::And(vec![Test::Projects(HashSet::from([project])), of_release])
                });
                Ok(Test::Or(latest.collect()))
            }
            // There are no people but those that issues are assigned to.
            (_, Value::Me) => Ok(Test::Not(Box::new(Test::Everything))),
            (Known::Timestamp, value) => Ok(Test::Time(op, value.clone())),
            (Known::EventId, value) => self.events_called(op, value),
            (known, value) if is_issue_key(known) => self.issues_with(known, &|fact| value_takes(op, value, fact)),
            // A key of other data sets: nothing has it.
            _ if columns_of(key).is_empty() => Ok(Test::Not(Box::new(Test::Everything))),
            _ => Ok(Test::Values(ValuesTest::compare(key, op, value))),
        }
    }

    fn of_state(&self, state: IsState) -> Result<Test, StoreError> {
        let sql = state_sql(state);
        let mut statement = self.connection.prepare_cached(&sql)?;
        if let Some(index) = statement.parameter_index(":new_from_ms")? {
            statement.raw_bind_parameter(index, self.asker.now_ms - NEW_MS)?;
        }
        let mut rows = statement.raw_query();
        let mut issues = HashSet::new();
        while let Some(row) = rows.next()? {
            issues.insert(row.get(0)?);
        }
        Ok(Test::Issues(issues))
    }

    /// Issues of which one of the values under a key is taken.
    fn issues_with(&self, known: Known, takes: &dyn Fn(Fact<'_>) -> bool) -> Result<Test, StoreError> {
        let Some(sql) = issues_sql(known) else { return Ok(Test::Not(Box::new(Test::Everything))) };
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut issues = HashSet::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let is_taken = match known {
                Known::FirstSeen | Known::LastSeen => {
                    takes(Fact::TimeNs(row.get::<_, i64>(1)?.saturating_mul(1_000_000)))
                }
                Known::TimesSeen | Known::UserCount => takes(Fact::Int(row.get(1)?)),
                Known::Bookmarked => takes(Fact::Bool(row.get(1)?)),
                _ => {
                    let text = row.get_ref(1)?.as_str_or_null().ok().flatten().unwrap_or_default();
                    match known {
                        Known::IssueCategory => takes(Fact::Text(category_of(text))),
                        // By its short name, or by its number.
                        Known::Project => text.split('\n').any(|name| takes(Fact::Text(name))),
                        // With its line and without.
                        Known::Location => !text.is_empty() && text.split('\n').any(|place| takes(Fact::Text(place))),
                        Known::Issue => takes(Fact::Text(text)) || takes(Fact::Text(&id.to_string())),
                        _ => !text.is_empty() && takes(Fact::Text(text)),
                    }
                }
            };
            if is_taken {
                issues.insert(id);
            }
        }
        Ok(Test::Issues(issues))
    }

    fn events_called(&self, op: Op, value: &Value) -> Result<Test, StoreError> {
        let literals: Option<Vec<&str>> = match value {
            Value::Text(pattern) => pattern.as_literal().map(|literal| vec![literal]),
            Value::List(values) => values
                .iter()
                .map(|value| match value {
                    Value::Text(pattern) => pattern.as_literal(),
                    _ => None,
                })
                .collect(),
            _ => Some(Vec::new()),
        };
        let mut found = HashSet::new();
        if let Some(literals) = literals {
            let mut statement = self.connection.prepare_cached("SELECT id FROM event WHERE event_id = :event_id")?;
            for id in literals.into_iter().filter_map(crate::model::ids::EventId::parse) {
                let rows = statement.query_map(named_params! { ":event_id": &id.0[..] }, |row| row.get::<_, i64>(0))?;
                for row in rows {
                    found.insert(row?);
                }
            }
            return Ok(Test::Events(found));
        }
        // A part of an id: all of them, once.
        let mut statement = self.connection.prepare_cached("SELECT id, lower(hex(event_id)) FROM event")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            super::super::readers::check_time()?;
            if value_takes(op, value, Fact::Text(row.get_ref(1)?.as_str().unwrap_or_default())) {
                found.insert(row.get(0)?);
            }
        }
        Ok(Test::Events(found))
    }

    /// The issue whose short id was typed.
    fn named_issue(&self, pattern: &Pattern) -> Result<Option<i64>, StoreError> {
        let [before, word, after] = pattern.pieces() else { return Ok(None) };
        if !before.is_empty() || !after.is_empty() {
            return Ok(None);
        }
        let Some((slug, number)) = word.rsplit_once('-') else { return Ok(None) };
        let Ok(number) = number.parse::<u32>() else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(issue.merged_into, issue.id) FROM project CROSS JOIN issue
                 ON issue.project_id = project.id AND issue.short_no = :short_no
             WHERE lower(project.slug) = lower(:slug)",
        )?;
        let mut rows = statement.query(named_params! { ":slug": slug, ":short_no": number })?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }
}

/// Of each project the release that was first seen last.
pub(in super::super) fn latest_releases(connection: &Connection) -> Result<HashMap<u32, String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, version, max(first_ms) FROM
             (SELECT project_id, version, min(first_seen_ms) AS first_ms FROM release GROUP BY project_id, version)
         GROUP BY project_id",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The issues in a state.
pub(in super::super) fn state_sql(state: IsState) -> String {
    let condition = match state {
        IsState::Unresolved => "status = 'unresolved'",
        IsState::Resolved => "status = 'resolved'",
        IsState::Ignored => "status = 'ignored'",
        IsState::New => IS_NEW,
        IsState::Regressed => IS_REGRESSED,
        IsState::Ongoing => {
            "status = 'unresolved'
             AND (substatus = 'ongoing' OR (substatus <> 'regressed' AND first_seen_ms <= :new_from_ms))"
        }
        IsState::IgnoredForever => {
            "status = 'ignored' AND coalesce(json_extract(status_json, '$.kind'), 'forever') = 'forever'"
        }
        IsState::IgnoredUntil => {
            "status = 'ignored' AND coalesce(json_extract(status_json, '$.kind'), 'forever') <> 'forever'"
        }
    };
    format!("SELECT id FROM issue WHERE {LISTED} AND {condition}")
}

/// Issues with what they have under a key; `None` when that is no key of issues.
pub(in super::super) fn issues_sql(known: Known) -> Option<String> {
    let column = match known {
        Known::Assigned => "assignee",
        Known::Bookmarked => "is_bookmarked",
        Known::FirstSeen => "first_seen_ms",
        Known::LastSeen => "last_seen_ms",
        Known::TimesSeen => "event_count",
        Known::UserCount => "user_count",
        Known::Priority => "CASE priority WHEN 0 THEN 'low' WHEN 2 THEN 'high' ELSE 'medium' END",
        Known::FirstRelease => "first_release",
        // What the list shows, which is that of the newest event.
        Known::Location => {
            "CASE WHEN line IS NULL THEN filename ELSE filename || char(10) || filename || ':' || line END"
        }
        Known::IssueType | Known::IssueCategory => "kind",
        Known::Project => "(SELECT slug || char(10) || id FROM project WHERE project.id = issue.project_id)",
        Known::Issue => "(SELECT upper(slug) FROM project WHERE project.id = issue.project_id) || '-' || short_no",
        _ => return None,
    };
    Some(format!("SELECT id, {column} FROM issue WHERE {LISTED}"))
}

fn category_of(kind: &str) -> &'static str {
    match kind {
        "cron" => "cron",
        "n_plus_one" | "slow_query" => "performance",
        "csp" | "hpkp" | "expectct" | "expectstaple" | "nel" => "security",
        _ => "error",
    }
}
