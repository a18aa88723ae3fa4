//! Lists of issues: by every order, of one environment or all, searched or not, a page at a time.
//!
//! A list that is not searched walks an index in its order. A search takes what is found as it comes and keeps the best
//! page of it, because every hit is looked at anyway to be counted. What counts as a hit is known elsewhere
//! ([`super::issue_search`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rusqlite::{Connection, OptionalExtension, ToSql, named_params};

use super::issue_search::{SEARCHED, Wanted};
use super::issues::{ISSUE_COLUMNS, issue_from_row};
use super::{Store, StoreError};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::{Issue, IssueStatus};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum IssueSort {
    #[default]
    LastSeen,
    FirstSeen,
    Events,
}

/// Which issues, in what order, from where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IssueQuery {
    pub project_id: Option<ProjectId>,
    pub status: Option<IssueStatus>,
    /// Only what was seen there; counts and times are those of this environment.
    pub environment: Option<String>,
    /// Words that must all stand in title, culprit, type, value, file or function, in any case and literally; or a short
    /// id.
    pub text: Option<String>,
    pub sort: IssueSort,
    /// The sort value and id of the last row seen.
    pub after: Option<(i64, IssueId)>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct IssuePage {
    pub issues: Vec<Issue>,
    /// Pass as `after` for the next page.
    pub next_after: Option<(i64, IssueId)>,
    /// All that match.
    pub total: u64,
}

impl Store {
    pub async fn issues(&self, query: IssueQuery) -> Result<IssuePage, StoreError> {
        self.readers.run(move |connection| read_issues(connection, &query)).await
    }

    /// Environments that issues were seen in, in the order of the alphabet; `limit` at most.
    pub async fn issue_environments(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.readers.run(move |connection| read_environments(connection, limit)).await
    }
}

/// As [`ISSUE_COLUMNS`], but what is counted by environment comes from there.
const ISSUE_COLUMNS_THERE: &str = "issue.id, project_id, short_no, kind, title, culprit, ty, value, filename, function,
    line, level, platform, status, is_unhandled, there.first_seen_ms, there.last_seen_ms, there.event_count, user_count,
    first_release, last_release, substatus, status_json, assignee, priority, is_bookmarked, comment_count, merged_into,
    merged_count, deleted_ms, changed_ms";

/// The first two are what the indexes of lists are made of: what is merged into another or deleted is in none.
const FILTER: &str = "merged_into IS NULL AND deleted_ms IS NULL
    AND (:project_id IS NULL OR project_id = :project_id) AND (:status IS NULL OR status = :status)";

impl IssueSort {
    fn column(self) -> &'static str {
        match self {
            Self::LastSeen => "last_seen_ms",
            Self::FirstSeen => "first_seen_ms",
            Self::Events => "event_count",
        }
    }

    fn value(self, issue: &Issue) -> i64 {
        match self {
            Self::LastSeen => issue.last_seen_ms,
            Self::FirstSeen => issue.first_seen_ms,
            Self::Events => issue.event_count as i64,
        }
    }
}

/// A page of the list in the order of `sort`, of one environment or of all.
pub(super) fn list_sql(sort: IssueSort, by_environment: bool) -> String {
    let column = sort.column();
    if by_environment {
        return format!(
            "SELECT {ISSUE_COLUMNS_THERE}
             FROM issue_environment AS there CROSS JOIN issue INDEXED BY issue_filter ON issue.id = there.issue_id
             WHERE there.environment = :environment AND (there.{column}, there.issue_id) < (:after_value, :after_id)
               AND {FILTER}
             ORDER BY there.{column} DESC, there.issue_id DESC LIMIT :limit"
        );
    }
    format!(
        "SELECT {ISSUE_COLUMNS} FROM issue
         WHERE :environment IS NULL AND ({column}, id) < (:after_value, :after_id) AND {FILTER}
         ORDER BY {column} DESC, id DESC LIMIT :limit"
    )
}

/// How long such a list is.
pub(super) fn count_sql(by_environment: bool) -> String {
    if by_environment {
        return format!(
            "SELECT count(*)
             FROM issue_environment AS there CROSS JOIN issue INDEXED BY issue_filter ON issue.id = there.issue_id
             WHERE there.environment = :environment AND {FILTER}"
        );
    }
    format!("SELECT count(*) FROM issue INDEXED BY issue_filter WHERE :environment IS NULL AND {FILTER}")
}

pub(super) fn read_issues(connection: &Connection, query: &IssueQuery) -> Result<IssuePage, StoreError> {
    match query.text.as_deref().and_then(Wanted::parse) {
        Some(wanted) => search_issues(connection, query, &wanted),
        None => list_issues(connection, query),
    }
}

fn list_issues(connection: &Connection, query: &IssueQuery) -> Result<IssuePage, StoreError> {
    let project_id = query.project_id.map(|id| id.0);
    let status = query.status.map(IssueStatus::as_str);
    let by_environment = query.environment.is_some();
    let (after_value, after_id) = query.after.map_or((i64::MAX, i64::MAX), |(value, id)| (value, id.0));
    let mut statement = connection.prepare_cached(&list_sql(query.sort, by_environment))?;
    let rows = statement.query_map(
        named_params! {
            ":after_value": after_value,
            ":after_id": after_id,
            ":project_id": project_id,
            ":status": status,
            ":environment": query.environment,
            ":limit": query.limit as i64 + 1,
        },
        issue_from_row,
    )?;
    let issues: Vec<Issue> = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(&count_sql(by_environment))?;
    let total: i64 = statement.query_row(
        named_params! { ":project_id": project_id, ":status": status, ":environment": query.environment },
        |row| row.get(0),
    )?;
    Ok(page(query, issues, total.max(0) as u64))
}

/// `issues` are one more than asked for, when there are more.
fn page(query: &IssueQuery, mut issues: Vec<Issue>, total: u64) -> IssuePage {
    let more = issues.len() > query.limit;
    issues.truncate(query.limit);
    let next_after = issues.last().filter(|_| more).map(|issue| (query.sort.value(issue), issue.id));
    IssuePage { issues, next_after, total }
}

/// Where a search takes issues from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// The index, for all that it has taken in.
    Indexed,
    /// What the index has still to take in.
    Due,
    /// All, because no word is long enough for the index.
    Everywhere,
    /// The one whose short id was typed.
    Named,
}

/// Id and sort value of what is found in one way.
pub(super) fn found_sql(found: Found, sort: IssueSort, by_environment: bool) -> String {
    let from = match found {
        Found::Indexed => {
            "issue_search CROSS JOIN issue
                 ON issue.project_id = issue_search.rowid >> 40 AND issue.short_no = issue_search.rowid & 1099511627775"
        }
        Found::Due => "issue_search_due AS due CROSS JOIN issue ON issue.id = due.issue_id",
        Found::Everywhere | Found::Named => "issue",
    };
    let (joined, value) = if by_environment {
        (
            "CROSS JOIN issue_environment AS there
                 ON there.environment = :environment AND there.issue_id = issue.id",
            format!("there.{}", sort.column()),
        )
    } else {
        ("", format!("issue.{}", sort.column()))
    };
    let condition = match found {
        // An issue that is due stands in the index with what it was called before.
        Found::Indexed => {
            format!(
                "issue_search MATCH :wanted AND (:short_words IS NULL OR has_words(:short_words, {SEARCHED}))
               AND NOT EXISTS (SELECT 1 FROM issue_search_due WHERE issue_search_due.issue_id = issue.id)"
            )
        }
        Found::Due | Found::Everywhere => format!("has_words(:wanted, {SEARCHED})"),
        Found::Named => "issue.id = :wanted".to_string(),
    };
    format!("SELECT issue.id, {value} FROM {from} {joined} WHERE {condition} AND {FILTER}")
}

/// The best page of all that was found.
struct Search<'a> {
    connection: &'a Connection,
    query: &'a IssueQuery,
    /// Sort value and id, one more than the page holds; the least is the first to go.
    best: BinaryHeap<Reverse<(i64, i64)>>,
    total: u64,
    /// The issue whose short id was typed, until it is found by its words.
    named: Option<IssueId>,
}

impl Search<'_> {
    fn take_all(&mut self, found: Found, wanted: &dyn ToSql, short_words: Option<&str>) -> Result<(), StoreError> {
        let query = self.query;
        let before = query.after.map_or((i64::MAX, i64::MAX), |(value, id)| (value, id.0));
        let sql = found_sql(found, query.sort, query.environment.is_some());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut bind = |name: &str, value: &dyn ToSql| match statement.parameter_index(name)? {
            Some(index) => statement.raw_bind_parameter(index, value),
            None => Ok(()),
        };
        bind(":wanted", wanted)?;
        bind(":short_words", &short_words)?;
        bind(":project_id", &query.project_id.map(|id| id.0))?;
        bind(":status", &query.status.map(IssueStatus::as_str))?;
        bind(":environment", &query.environment)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let place = (row.get(1)?, id);
            self.total += 1;
            self.named = self.named.filter(|named| named.0 != id);
            if place < before {
                self.best.push(Reverse(place));
                if self.best.len() > query.limit + 1 {
                    self.best.pop();
                }
            }
        }
        Ok(())
    }
}

fn search_issues(connection: &Connection, query: &IssueQuery, wanted: &Wanted) -> Result<IssuePage, StoreError> {
    let named = wanted.named_issue(connection)?;
    let mut search = Search { connection, query, best: BinaryHeap::new(), total: 0, named };
    match wanted.match_expression() {
        Some(expression) => {
            search.take_all(Found::Indexed, &expression, wanted.short_words().as_deref())?;
            search.take_all(Found::Due, &wanted.all_words(), None)?;
        }
        None => search.take_all(Found::Everywhere, &wanted.all_words(), None)?,
    }
    if let Some(named) = search.named {
        search.take_all(Found::Named, &named.0, None)?;
    }
    let mut statement = connection.prepare_cached(&one_sql(query.environment.is_some()))?;
    let mut issues = Vec::with_capacity(search.best.len());
    for Reverse((_, id)) in search.best.into_sorted_vec() {
        let params = named_params! { ":id": id, ":environment": query.environment };
        issues.extend(statement.query_row(params, issue_from_row).optional()?);
    }
    Ok(page(query, issues, search.total))
}

/// One issue, as it is listed.
pub(super) fn one_sql(by_environment: bool) -> String {
    if by_environment {
        return format!(
            "SELECT {ISSUE_COLUMNS_THERE} FROM issue CROSS JOIN issue_environment AS there
                 ON there.environment = :environment AND there.issue_id = issue.id
             WHERE issue.id = :id"
        );
    }
    format!("SELECT {ISSUE_COLUMNS} FROM issue WHERE :environment IS NULL AND id = :id")
}

/// Steps from one name to the next, because there are few of them and many rows.
fn read_environments(connection: &Connection, limit: usize) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT environment FROM issue_environment WHERE environment > :after ORDER BY environment LIMIT 1",
    )?;
    let mut found: Vec<String> = Vec::new();
    while found.len() < limit {
        let after = found.last().map(String::as_str).unwrap_or_default();
        match statement.query_row(named_params! { ":after": after }, |row| row.get(0)).optional()? {
            Some(environment) => found.push(environment),
            None => break,
        }
    }
    Ok(found)
}
