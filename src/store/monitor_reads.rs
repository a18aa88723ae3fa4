//! Monitors as screens, tools and the clock read them.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::monitors::{
    ENVIRONMENT_COLUMNS, MONITOR_COLUMNS, Monitor, MonitorEnvironment, environment_from_row, monitor_from_row,
    read_environments, read_monitor,
};
use super::{Store, StoreError};
use crate::model::ids::{CheckInId, ProjectId, TraceId};
use crate::model::monitor::{CheckInStatus, Notice, Unwatched};

/// A check-in as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckInRow {
    pub id: i64,
    pub check_in_id: CheckInId,
    pub environment_id: i64,
    /// The environment's name.
    pub environment: String,
    pub status: CheckInStatus,
    pub started_ms: i64,
    pub received_ms: i64,
    pub finished_ms: Option<i64>,
    pub expected_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    pub timeout_ms: Option<i64>,
    pub unwatched: Option<Unwatched>,
    pub release: Option<String>,
    pub trace_id: Option<TraceId>,
}

/// A monitor with its environments, and the last check-ins of each, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorOverview {
    pub monitor: Monitor,
    pub environments: Vec<(MonitorEnvironment, Vec<CheckInRow>)>,
}

/// Which monitors, by slug and project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitorQuery {
    pub project_id: Option<ProjectId>,
    /// The slug and id of the last one seen.
    pub after: Option<(String, i64)>,
    pub limit: usize,
    /// Check-ins of each environment.
    pub check_ins: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MonitorPage {
    pub monitors: Vec<MonitorOverview>,
    pub next_after: Option<(String, i64)>,
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CheckInPage {
    /// Newest first.
    pub check_ins: Vec<CheckInRow>,
    /// Pass as `before` for the next page.
    pub next_before: Option<i64>,
}

/// News of a monitor that is not told yet.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorNotice {
    pub id: i64,
    pub notice: Notice,
    pub created_ms: i64,
    pub failures: u32,
    pub monitor: Monitor,
    pub environment: MonitorEnvironment,
    pub check_in: CheckInRow,
}

/// Whether there is anything to look after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonitorsDue {
    pub has_monitors: bool,
    /// Something was due or should have ended by now.
    pub is_overdue: bool,
    pub has_notices: bool,
}

impl Store {
    pub async fn monitors(&self, query: MonitorQuery) -> Result<MonitorPage, StoreError> {
        self.readers.run(move |connection| read_page(connection, &query)).await
    }

    pub async fn monitor(
        &self,
        project_id: ProjectId,
        slug: String,
        check_ins: usize,
    ) -> Result<Option<MonitorOverview>, StoreError> {
        self.readers
            .run(move |connection| match read_monitor(connection, project_id, &slug)? {
                Some(monitor) => Ok(Some(overview(connection, monitor, check_ins)?)),
                None => Ok(None),
            })
            .await
    }

    /// Of one monitor, of all its environments or of one; `before` is exclusive.
    pub async fn check_ins(
        &self,
        monitor_id: i64,
        environment: Option<String>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<CheckInPage, StoreError> {
        self.readers
            .run(move |connection| read_check_ins(connection, monitor_id, environment.as_deref(), before, limit))
            .await
    }

    pub async fn monitors_due(&self, now_ms: i64) -> Result<MonitorsDue, StoreError> {
        self.readers.run(move |connection| read_due(connection, now_ms)).await
    }

    /// Oldest first.
    pub async fn monitor_notices(&self, limit: usize) -> Result<Vec<MonitorNotice>, StoreError> {
        self.readers.run(move |connection| read_notices(connection, limit)).await
    }
}

fn read_due(connection: &Connection, now_ms: i64) -> Result<MonitorsDue, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM monitor),
             EXISTS (SELECT 1 FROM monitor_environment WHERE overdue_ms <= :now_ms)
             OR EXISTS (SELECT 1 FROM check_in WHERE status = 'in_progress' AND timeout_ms <= :now_ms),
             EXISTS (SELECT 1 FROM monitor_notice)",
    )?;
    let due = statement.query_row(named_params! { ":now_ms": now_ms }, |row| {
        Ok(MonitorsDue { has_monitors: row.get(0)?, is_overdue: row.get(1)?, has_notices: row.get(2)? })
    })?;
    Ok(due)
}

fn read_page(connection: &Connection, query: &MonitorQuery) -> Result<MonitorPage, StoreError> {
    let project_id = query.project_id.map(|id| id.0);
    let (after_slug, after_id) = query.after.clone().unwrap_or((String::new(), i64::MIN));
    let sql = format!(
        "SELECT {MONITOR_COLUMNS} FROM monitor
         WHERE (:project_id IS NULL OR project_id = :project_id) AND (slug, id) > (:after_slug, :after_id)
         ORDER BY slug, id LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":project_id": project_id,
            ":after_slug": after_slug,
            ":after_id": after_id,
            ":limit": query.limit as i64 + 1,
        },
        monitor_from_row,
    )?;
    let mut found: Vec<Monitor> = rows.collect::<Result<_, _>>()?;
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next_after = found.last().filter(|_| has_more).map(|monitor| (monitor.slug.clone(), monitor.id));
    let mut monitors = Vec::with_capacity(found.len());
    for monitor in found {
        monitors.push(overview(connection, monitor, query.check_ins)?);
    }
    let total: i64 = connection
        .prepare_cached("SELECT count(*) FROM monitor WHERE (:project_id IS NULL OR project_id = :project_id)")?
        .query_row(named_params! { ":project_id": project_id }, |row| row.get(0))?;
    Ok(MonitorPage { monitors, next_after, total: total.max(0) as u64 })
}

fn overview(connection: &Connection, monitor: Monitor, limit: usize) -> Result<MonitorOverview, StoreError> {
    let mut environments = Vec::new();
    for environment in read_environments(connection, monitor.id)? {
        let check_ins = read_of_environment(connection, environment.id, i64::MAX, limit)?;
        environments.push((environment, check_ins));
    }
    Ok(MonitorOverview { monitor, environments })
}

const CHECK_IN_COLUMNS: &str = "check_in.id, check_in.check_in_id, check_in.environment_id, check_in.status,
    check_in.started_ms, check_in.received_ms, check_in.finished_ms, check_in.expected_ms, check_in.duration_ms,
    check_in.timeout_ms, check_in.unwatched_from_ms, check_in.unwatched_to_ms, check_in.release, check_in.trace_id";

fn check_in_from_row(row: &Row<'_>, first: usize, environment: String) -> rusqlite::Result<CheckInRow> {
    let status: String = row.get(first + 3)?;
    let gap: (Option<i64>, Option<i64>) = (row.get(first + 10)?, row.get(first + 11)?);
    Ok(CheckInRow {
        id: row.get(first)?,
        check_in_id: CheckInId(row.get(first + 1)?),
        environment_id: row.get(first + 2)?,
        environment,
        status: CheckInStatus::parse(&status).unwrap_or(CheckInStatus::Unknown),
        started_ms: row.get(first + 4)?,
        received_ms: row.get(first + 5)?,
        finished_ms: row.get(first + 6)?,
        expected_ms: row.get(first + 7)?,
        duration_ms: row.get(first + 8)?,
        timeout_ms: row.get(first + 9)?,
        unwatched: match gap {
            (Some(from_ms), Some(to_ms)) => Some(Unwatched { from_ms, to_ms }),
            _ => None,
        },
        release: row.get(first + 12)?,
        trace_id: row.get::<_, Option<[u8; 16]>>(first + 13)?.map(TraceId),
    })
}

/// The last of one environment.
pub(super) fn of_environment_sql() -> String {
    format!(
        "SELECT {CHECK_IN_COLUMNS}, monitor_environment.name
         FROM check_in JOIN monitor_environment ON monitor_environment.id = check_in.environment_id
         WHERE check_in.environment_id = :environment_id AND check_in.id < :before
         ORDER BY check_in.id DESC LIMIT :limit"
    )
}

fn read_of_environment(
    connection: &Connection,
    environment_id: i64,
    before: i64,
    limit: usize,
) -> Result<Vec<CheckInRow>, StoreError> {
    let mut statement = connection.prepare_cached(&of_environment_sql())?;
    let rows = statement.query_map(
        named_params! { ":environment_id": environment_id, ":before": before, ":limit": limit as i64 },
        |row| check_in_from_row(row, 0, row.get(14)?),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_check_ins(
    connection: &Connection,
    monitor_id: i64,
    environment: Option<&str>,
    before: Option<i64>,
    limit: usize,
) -> Result<CheckInPage, StoreError> {
    let before = before.unwrap_or(i64::MAX);
    let mut check_ins = Vec::new();
    // An environment has an index to walk, a monitor has not: the few environments are merged.
    for known in read_environments(connection, monitor_id)? {
        if environment.is_none_or(|wanted| wanted == known.name) {
            check_ins.extend(read_of_environment(connection, known.id, before, limit + 1)?);
        }
    }
    check_ins.sort_by_key(|check_in| std::cmp::Reverse(check_in.id));
    let has_more = check_ins.len() > limit;
    check_ins.truncate(limit);
    let next_before = check_ins.last().filter(|_| has_more).map(|check_in| check_in.id);
    Ok(CheckInPage { check_ins, next_before })
}

fn read_notices(connection: &Connection, limit: usize) -> Result<Vec<MonitorNotice>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT monitor_notice.id, monitor_notice.kind, monitor_notice.created_ms, monitor_notice.failures,
             monitor_notice.environment_id, monitor_notice.check_in
         FROM monitor_notice ORDER BY monitor_notice.id LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! { ":limit": limit as i64 }, |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, u32>(3)?,
            row.get::<_, i64>(4)?,
            row.get::<_, i64>(5)?,
        ))
    })?;
    let sql = format!(
        "SELECT {MONITOR_COLUMNS}, {ENVIRONMENT_COLUMNS}, {CHECK_IN_COLUMNS}
         FROM monitor_environment JOIN monitor ON monitor.id = monitor_environment.monitor_id
             JOIN check_in ON check_in.id = :check_in
         WHERE monitor_environment.id = :environment_id"
    );
    let mut about = connection.prepare_cached(&sql)?;
    let mut notices = Vec::new();
    for row in rows {
        let (id, kind, created_ms, failures, environment_id, check_in) = row?;
        let found = about
            .query_row(named_params! { ":environment_id": environment_id, ":check_in": check_in }, |row| {
                let environment = environment_from_row(row, 13)?;
                let check_in = check_in_from_row(row, 26, environment.name.clone())?;
                Ok((monitor_from_row(row)?, environment, check_in))
            })
            .optional()?;
        let Some((monitor, environment, check_in)) = found else { continue };
        let notice = if kind == "recovered" { Notice::Recovered } else { Notice::Failed };
        notices.push(MonitorNotice { id, notice, created_ms, failures, monitor, environment, check_in });
    }
    Ok(notices)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::migrate::migrate;
    use super::*;

    #[track_caller]
    fn assert_walks(connection: &Connection, sql: &str, index: &str) {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
    }

    #[test]
    fn what_is_asked_often_walks_its_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("x.db")).unwrap();
        let of_one = of_environment_sql();
        let of_one = of_one.replace(":environment_id", "1").replace(":before", "9").replace(":limit", "5");
        assert_walks(&connection, &of_one, "check_in_environment");
        let overdue = "SELECT id FROM monitor_environment WHERE overdue_ms <= 5 ORDER BY overdue_ms LIMIT 5";
        assert_walks(&connection, overdue, "monitor_environment_overdue");
        let running = "SELECT id FROM check_in WHERE status = 'in_progress' AND timeout_ms <= 5 ORDER BY timeout_ms";
        assert_walks(&connection, running, "check_in_running");
        assert_walks(&connection, "SELECT id FROM check_in WHERE received_ms < 5 LIMIT 5", "check_in_received");
    }
}
