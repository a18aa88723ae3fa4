//! Releases: when they were seen, what is counted of them by the hour, and who used them.
//!
//! Owns the counters, whatever moves them: events, spans, sessions. What a session is worth is decided elsewhere.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::{Store, StoreError};
use crate::model::ids::ProjectId;
use crate::model::session::{ReleaseHour, SessionCounts, SessionFate};
use crate::model::sketch::UserSketch;
use crate::model::time::hour_of;

/// A release in one environment of one project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReleaseKey {
    pub project_id: ProjectId,
    pub version: String,
    /// Empty for none.
    pub environment: String,
}

/// A release was seen on something; seeing it again changes nothing but the times.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseSeen {
    pub key: ReleaseKey,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// A release as listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseRow {
    pub key: ReleaseKey,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
}

/// Which releases and hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReleaseQuery {
    pub project_id: Option<ProjectId>,
    pub environment: Option<String>,
    /// Substring of the version, in any case.
    pub text: Option<String>,
    /// Hours since the epoch, both included.
    pub first_hour: i64,
    pub last_hour: i64,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReleasePage {
    /// Most recently seen first.
    pub releases: Vec<ReleaseRow>,
    /// All that match.
    pub total: u64,
    /// The same, each once however many environments it was seen in.
    pub version_count: u64,
    /// Of any release, sorted.
    pub environments: Vec<String>,
}

/// Who used a release in one hour.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseUsers {
    pub key: ReleaseKey,
    pub hour: i64,
    pub users: UserSketch,
    pub crashed_users: UserSketch,
}

/// What one transaction adds to releases; written once per release and hour at its end.
#[derive(Default)]
pub(super) struct ReleaseDeltas {
    seen: BTreeMap<ReleaseKey, (i64, i64)>,
    hours: BTreeMap<(ReleaseKey, i64), HourDelta>,
}

#[derive(Default)]
struct HourDelta {
    events: i64,
    new_issues: i64,
    /// By [`SessionFate::code`]; negative where a session moved away.
    sessions: [i64; 5],
    duration_ms_sum: i64,
    duration_count: i64,
    users: Vec<u64>,
    crashed_users: Vec<u64>,
}

/// How a session, or many, change the counters.
pub(super) struct SessionDelta {
    pub(super) started_ms: i64,
    /// By when the release was seen for sure: sessions that the SDK counted began at some moment of a minute.
    pub(super) seen_ms: i64,
    pub(super) fate: SessionFate,
    /// Negative when they leave.
    pub(super) quantity: i64,
    /// Negative when a duration is taken back.
    pub(super) duration_ms: i64,
    pub(super) duration_count: i64,
    pub(super) user_hash: Option<u64>,
}

impl ReleaseKey {
    /// `None` without a release: what has none is no release's.
    pub fn of(project_id: ProjectId, release: Option<&str>, environment: Option<&str>) -> Option<Self> {
        let environment = environment.unwrap_or_default().to_owned();
        Some(Self { project_id, version: release?.to_owned(), environment })
    }
}

impl ReleaseDeltas {
    pub(super) fn see(&mut self, key: ReleaseKey, first_ms: i64, last_ms: i64) {
        let seen = self.seen.entry(key).or_insert((first_ms, last_ms));
        *seen = (seen.0.min(first_ms), seen.1.max(last_ms));
    }

    /// An event that was new.
    pub(super) fn add_event(&mut self, key: ReleaseKey, timestamp_ms: i64, is_new_issue: bool) {
        self.see(key.clone(), timestamp_ms, timestamp_ms);
        let hour = self.hours.entry((key, hour_of(timestamp_ms))).or_default();
        hour.events += 1;
        hour.new_issues += i64::from(is_new_issue);
    }

    pub(super) fn add_sessions(&mut self, key: ReleaseKey, delta: &SessionDelta) {
        if delta.quantity > 0 {
            self.see(key.clone(), delta.seen_ms, delta.seen_ms);
        }
        let hour = self.hours.entry((key, hour_of(delta.started_ms))).or_default();
        hour.sessions[delta.fate.code() as usize] += delta.quantity;
        hour.duration_ms_sum += delta.duration_ms;
        hour.duration_count += delta.duration_count;
        if let Some(user) = delta.user_hash.filter(|_| delta.quantity > 0) {
            hour.users.push(user);
            if delta.fate == SessionFate::Crashed {
                hour.crashed_users.push(user);
            }
        }
    }

    pub(super) fn apply(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        for (key, (first_ms, last_ms)) in self.seen {
            let mut statement = tx.prepare_cached(
                "INSERT INTO release (project_id, version, environment, first_seen_ms, last_seen_ms)
                 VALUES (:project_id, :version, :environment, :first_ms, :last_ms)
                 ON CONFLICT (project_id, version, environment) DO UPDATE SET
                     first_seen_ms = min(first_seen_ms, :first_ms), last_seen_ms = max(last_seen_ms, :last_ms)
                 WHERE :first_ms < first_seen_ms OR :last_ms > last_seen_ms",
            )?;
            statement.execute(named_params! {
                ":project_id": key.project_id.0, ":version": key.version, ":environment": key.environment,
                ":first_ms": first_ms, ":last_ms": last_ms,
            })?;
        }
        for ((key, hour), delta) in self.hours {
            add_hour(tx, &key, hour, &delta)?;
            if !delta.users.is_empty() {
                add_users(tx, &key, hour, &delta)?;
            }
        }
        Ok(())
    }
}

fn add_hour(tx: &Transaction<'_>, key: &ReleaseKey, hour: i64, delta: &HourDelta) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO release_hour (project_id, version, environment, hour, event_count, new_issue_count,
             healthy_count, errored_count, unhandled_count, abnormal_count, crashed_count, duration_ms_sum,
             duration_count)
         VALUES (:project_id, :version, :environment, :hour, :events, :new_issues, :healthy, :errored, :unhandled,
             :abnormal, :crashed, :duration_ms_sum, :duration_count)
         ON CONFLICT (project_id, version, environment, hour) DO UPDATE SET
             event_count = event_count + :events,
             new_issue_count = new_issue_count + :new_issues,
             healthy_count = healthy_count + :healthy,
             errored_count = errored_count + :errored,
             unhandled_count = unhandled_count + :unhandled,
             abnormal_count = abnormal_count + :abnormal,
             crashed_count = crashed_count + :crashed,
             duration_ms_sum = duration_ms_sum + :duration_ms_sum,
             duration_count = duration_count + :duration_count",
    )?;
    let [healthy, errored, unhandled, abnormal, crashed] = delta.sessions;
    statement.execute(named_params! {
        ":project_id": key.project_id.0, ":version": key.version, ":environment": key.environment, ":hour": hour,
        ":events": delta.events, ":new_issues": delta.new_issues,
        ":healthy": healthy, ":errored": errored, ":unhandled": unhandled, ":abnormal": abnormal, ":crashed": crashed,
        ":duration_ms_sum": delta.duration_ms_sum, ":duration_count": delta.duration_count,
    })?;
    Ok(())
}

fn add_users(tx: &Transaction<'_>, key: &ReleaseKey, hour: i64, delta: &HourDelta) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT users, crashed_users FROM release_users
         WHERE project_id = :project_id AND version = :version AND environment = :environment AND hour = :hour",
    )?;
    let stored: Option<(Vec<u8>, Vec<u8>)> = statement
        .query_row(
            named_params! {
                ":project_id": key.project_id.0, ":version": key.version, ":environment": key.environment,
                ":hour": hour,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (mut users, mut crashed_users) = match stored {
        Some((users, crashed_users)) => (read_sketch(&users)?, read_sketch(&crashed_users)?),
        None => (UserSketch::default(), UserSketch::default()),
    };
    let mut is_changed = false;
    for hash in &delta.users {
        is_changed |= users.insert(*hash);
    }
    for hash in &delta.crashed_users {
        is_changed |= crashed_users.insert(*hash);
    }
    if !is_changed {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO release_users (project_id, version, environment, hour, users, crashed_users)
         VALUES (:project_id, :version, :environment, :hour, :users, :crashed_users)
         ON CONFLICT (project_id, version, environment, hour)
             DO UPDATE SET users = :users, crashed_users = :crashed_users",
    )?;
    statement.execute(named_params! {
        ":project_id": key.project_id.0, ":version": key.version, ":environment": key.environment, ":hour": hour,
        ":users": users.to_bytes(), ":crashed_users": crashed_users.to_bytes(),
    })?;
    Ok(())
}

/// When a release was first seen in any environment of its project.
pub(super) fn first_seen_ms(
    connection: &Connection,
    project_id: ProjectId,
    version: &str,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT min(first_seen_ms) FROM release WHERE project_id = :project_id AND version = :version",
    )?;
    Ok(statement.query_row(named_params! { ":project_id": project_id.0, ":version": version }, |row| row.get(0))?)
}

/// The releases of a project that were first seen last, each once, `limit` at most.
pub(super) fn newest_releases(
    connection: &Connection,
    project_id: ProjectId,
    limit: usize,
) -> Result<Vec<(String, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT version, min(first_seen_ms) AS first_ms FROM release WHERE project_id = :project_id
         GROUP BY version ORDER BY first_ms DESC, version LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":project_id": project_id.0, ":limit": limit as i64 }, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_sketch(bytes: &[u8]) -> Result<UserSketch, StoreError> {
    UserSketch::from_bytes(bytes).ok_or_else(|| StoreError::BadBody("user sketch of a release".to_string()))
}

impl Store {
    /// Releases seen at or after the first hour asked for.
    pub async fn releases(&self, query: ReleaseQuery) -> Result<ReleasePage, StoreError> {
        self.readers.run(move |connection| read_releases(connection, &query)).await
    }

    /// The counts of all releases that match, by hour, in no particular order.
    pub async fn release_hours(&self, query: ReleaseQuery) -> Result<Vec<ReleaseHour>, StoreError> {
        self.readers.run(move |connection| read_hours(connection, &query)).await
    }

    /// The users of all releases that match, by hour, in no particular order.
    pub async fn release_users(&self, query: ReleaseQuery) -> Result<Vec<ReleaseUsers>, StoreError> {
        self.readers.run(move |connection| read_users(connection, &query)).await
    }
}

/// `:text` is in small letters; `instr` takes it literally, whatever is in it.
const FILTER: &str = "(:project_id IS NULL OR project_id = :project_id)
         AND (:environment IS NULL OR environment = :environment)
         AND (:text IS NULL OR instr(lower(version), :text))";

pub(super) fn list_sql() -> String {
    format!(
        "SELECT project_id, version, environment, first_seen_ms, last_seen_ms FROM release
         WHERE last_seen_ms >= :first_ms AND {FILTER}
         ORDER BY last_seen_ms DESC, version DESC, environment, project_id LIMIT :limit"
    )
}

fn read_releases(connection: &Connection, query: &ReleaseQuery) -> Result<ReleasePage, StoreError> {
    let project_id = query.project_id.map(|id| id.0);
    let text = query.text.as_deref().map(str::to_ascii_lowercase);
    let first_ms = query.first_hour.saturating_mul(3_600_000);
    let mut statement = connection.prepare_cached(&list_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": project_id, ":environment": query.environment, ":text": text, ":first_ms": first_ms,
            ":limit": query.limit as i64,
        },
        |row| {
            let key = ReleaseKey { project_id: ProjectId(row.get(0)?), version: row.get(1)?, environment: row.get(2)? };
            Ok(ReleaseRow { key, first_seen_ms: row.get(3)?, last_seen_ms: row.get(4)? })
        },
    )?;
    let releases = rows.collect::<Result<_, _>>()?;
    let (total, version_count): (i64, i64) = connection
        .prepare_cached(&format!(
            "SELECT count(*), count(DISTINCT project_id || char(10) || version) FROM release
             WHERE last_seen_ms >= :first_ms AND {FILTER}"
        ))?
        .query_row(
            named_params! {
                ":project_id": project_id, ":environment": query.environment, ":text": text, ":first_ms": first_ms,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    let mut statement = connection.prepare_cached("SELECT DISTINCT environment FROM release ORDER BY environment")?;
    let environments = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ReleasePage { releases, total: total.max(0) as u64, version_count: version_count.max(0) as u64, environments })
}

/// Either by hour alone, or by release and hour within one project: both have an index to walk.
pub(super) fn hours_sql() -> String {
    format!(
        "SELECT project_id, version, environment, hour, event_count, new_issue_count, healthy_count, errored_count,
             unhandled_count, abnormal_count, crashed_count, duration_ms_sum, duration_count
         FROM release_hour WHERE hour BETWEEN :first_hour AND :last_hour AND {FILTER}"
    )
}

fn read_hours(connection: &Connection, query: &ReleaseQuery) -> Result<Vec<ReleaseHour>, StoreError> {
    let mut statement = connection.prepare_cached(&hours_sql())?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": query.project_id.map(|id| id.0), ":environment": query.environment,
            ":text": query.text.as_deref().map(str::to_ascii_lowercase),
            ":first_hour": query.first_hour, ":last_hour": query.last_hour,
        },
        |row| {
            let count = |column: usize| row.get::<_, i64>(column).map(|count| count.max(0) as u64);
            Ok(ReleaseHour {
                project_id: ProjectId(row.get(0)?),
                release: row.get(1)?,
                environment: row.get(2)?,
                hour: row.get(3)?,
                event_count: count(4)?,
                new_issue_count: count(5)?,
                sessions: SessionCounts {
                    healthy: count(6)?,
                    errored: count(7)?,
                    unhandled: count(8)?,
                    abnormal: count(9)?,
                    crashed: count(10)?,
                },
                duration_ms_sum: count(11)?,
                duration_count: count(12)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_users(connection: &Connection, query: &ReleaseQuery) -> Result<Vec<ReleaseUsers>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT project_id, version, environment, hour, users, crashed_users
         FROM release_users WHERE hour BETWEEN :first_hour AND :last_hour AND {FILTER}"
    ))?;
    let mut rows = statement.query(named_params! {
        ":project_id": query.project_id.map(|id| id.0), ":environment": query.environment,
        ":text": query.text.as_deref().map(str::to_ascii_lowercase),
        ":first_hour": query.first_hour, ":last_hour": query.last_hour,
    })?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(ReleaseUsers {
            key: ReleaseKey { project_id: ProjectId(row.get(0)?), version: row.get(1)?, environment: row.get(2)? },
            hour: row.get(3)?,
            users: read_sketch(&row.get::<_, Vec<u8>>(4)?)?,
            crashed_users: read_sketch(&row.get::<_, Vec<u8>>(5)?)?,
        });
    }
    Ok(found)
}
