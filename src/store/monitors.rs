//! Monitors and their environments: made by the check-ins that name them, changed by the configuration those carry.
//!
//! Owns who is admitted, and when the next check-in is due. What a check-in changes is in `check_ins`.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::StoreError;
use crate::config::{MONITOR_ENVIRONMENTS_MAX, MONITORS_PER_PROJECT_MAX};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::monitor::{CheckIn, Incident, IntervalUnit, MonitorConfig, Schedule, SentConfig, Tally};

/// A monitor as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    pub id: i64,
    pub project_id: ProjectId,
    pub slug: String,
    pub name: String,
    pub created_ms: i64,
    pub config: MonitorConfig,
}

/// One environment of a monitor, with what is counted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorEnvironment {
    pub id: i64,
    pub monitor_id: i64,
    pub name: String,
    pub created_ms: i64,
    pub next_expected_ms: Option<i64>,
    /// The end of the margin.
    pub overdue_ms: Option<i64>,
    pub last_check_in_ms: Option<i64>,
    pub tally: Tally,
    pub issue_id: Option<IssueId>,
}

impl MonitorEnvironment {
    pub(super) fn expect_next(&mut self, next_ms: Option<i64>, config: &MonitorConfig) {
        self.next_expected_ms = next_ms;
        self.overdue_ms = next_ms.map(|next_ms| next_ms.saturating_add(config.margin_ms()));
    }
}

/// The monitor and environment a check-in names, made when there are none and changed as it says; or why there can be
/// none.
pub(super) fn admit(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    check_in: &CheckIn,
    now_ms: i64,
) -> Result<Result<(Monitor, MonitorEnvironment), String>, StoreError> {
    let sent = check_in.config.clone().unwrap_or_default();
    let monitor = match read_monitor(tx, project_id, &check_in.slug)? {
        Some(known) => apply(tx, known, &sent, now_ms)?,
        None => {
            if count(tx, "SELECT count(*) FROM monitor WHERE project_id = ?1", i64::from(project_id.0))?
                >= MONITORS_PER_PROJECT_MAX
            {
                return Ok(Err(format!(
                    "the project has {MONITORS_PER_PROJECT_MAX} monitors, which is the most: \"{}\" would be one more",
                    check_in.slug
                )));
            }
            insert_monitor(tx, project_id, check_in, sent.applied_to(&MonitorConfig::default()), now_ms)?
        }
    };
    let environment = match read_environment(tx, monitor.id, &check_in.environment)? {
        Some(known) => known,
        None => {
            if count(tx, "SELECT count(*) FROM monitor_environment WHERE monitor_id = ?1", monitor.id)?
                >= MONITOR_ENVIRONMENTS_MAX
            {
                return Ok(Err(format!(
                    "the monitor \"{}\" has {MONITOR_ENVIRONMENTS_MAX} environments, which is the most: \"{}\" would \
                     be one more",
                    monitor.slug, check_in.environment
                )));
            }
            insert_environment(tx, monitor.id, &check_in.environment, now_ms)?
        }
    };
    Ok(Ok((monitor, environment)))
}

fn count(connection: &Connection, sql: &str, id: i64) -> Result<usize, StoreError> {
    let count: i64 = connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The monitor with what the client says of it. Another schedule is counted from now, in every environment.
fn apply(tx: &Transaction<'_>, mut monitor: Monitor, sent: &SentConfig, now_ms: i64) -> Result<Monitor, StoreError> {
    let config = sent.applied_to(&monitor.config);
    if config == monitor.config {
        return Ok(monitor);
    }
    let is_due_otherwise = (&config.schedule, &config.timezone) != (&monitor.config.schedule, &monitor.config.timezone)
        || config.margin_min != monitor.config.margin_min;
    monitor.config = config;
    let columns = ScheduleColumns::of(&monitor.config);
    let mut statement = tx.prepare_cached(
        "UPDATE monitor SET schedule = :schedule, schedule_unit = :schedule_unit, timezone = :timezone,
             margin_min = :margin_min, runtime_min_max = :runtime_min_max, failure_threshold = :failure_threshold,
             recovery_threshold = :recovery_threshold, owner = :owner
         WHERE id = :id",
    )?;
    statement.execute(named_params! {
        ":id": monitor.id,
        ":schedule": columns.schedule,
        ":schedule_unit": columns.unit,
        ":timezone": monitor.config.timezone,
        ":margin_min": monitor.config.margin_min,
        ":runtime_min_max": monitor.config.runtime_min_max,
        ":failure_threshold": monitor.config.failure_threshold,
        ":recovery_threshold": monitor.config.recovery_threshold,
        ":owner": monitor.config.owner,
    })?;
    if is_due_otherwise {
        for mut environment in read_environments(tx, monitor.id)? {
            environment.expect_next(monitor.config.next_expected_ms(now_ms, None, 0), &monitor.config);
            update_environment(tx, &environment)?;
        }
    }
    Ok(monitor)
}

fn insert_monitor(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    check_in: &CheckIn,
    config: MonitorConfig,
    now_ms: i64,
) -> Result<Monitor, StoreError> {
    let columns = ScheduleColumns::of(&config);
    let mut statement = tx.prepare_cached(
        "INSERT INTO monitor (project_id, slug, name, schedule, schedule_unit, timezone, margin_min, runtime_min_max,
             failure_threshold, recovery_threshold, owner, created_ms)
         VALUES (:project_id, :slug, :name, :schedule, :schedule_unit, :timezone, :margin_min, :runtime_min_max,
             :failure_threshold, :recovery_threshold, :owner, :created_ms)",
    )?;
    statement.execute(named_params! {
        ":project_id": project_id.0,
        ":slug": check_in.slug,
        ":name": check_in.name,
        ":schedule": columns.schedule,
        ":schedule_unit": columns.unit,
        ":timezone": config.timezone,
        ":margin_min": config.margin_min,
        ":runtime_min_max": config.runtime_min_max,
        ":failure_threshold": config.failure_threshold,
        ":recovery_threshold": config.recovery_threshold,
        ":owner": config.owner,
        ":created_ms": now_ms,
    })?;
    Ok(Monitor {
        id: tx.last_insert_rowid(),
        project_id,
        slug: check_in.slug.clone(),
        name: check_in.name.clone(),
        created_ms: now_ms,
        config,
    })
}

fn insert_environment(
    tx: &Transaction<'_>,
    monitor_id: i64,
    name: &str,
    now_ms: i64,
) -> Result<MonitorEnvironment, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO monitor_environment (monitor_id, name, created_ms) VALUES (:monitor_id, :name, :created_ms)",
    )?;
    statement.execute(named_params! { ":monitor_id": monitor_id, ":name": name, ":created_ms": now_ms })?;
    Ok(MonitorEnvironment {
        id: tx.last_insert_rowid(),
        monitor_id,
        name: name.to_string(),
        created_ms: now_ms,
        next_expected_ms: None,
        overdue_ms: None,
        last_check_in_ms: None,
        tally: Tally::default(),
        issue_id: None,
    })
}

pub(super) fn update_environment(tx: &Transaction<'_>, environment: &MonitorEnvironment) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE monitor_environment SET next_expected_ms = :next_expected_ms, overdue_ms = :overdue_ms,
             last_check_in_ms = :last_check_in_ms, failures = :failures, successes = :successes,
             incident_since_ms = :incident_since_ms, incident_events = :incident_events,
             incident_event_ms = :incident_event_ms, issue_id = :issue_id
         WHERE id = :id",
    )?;
    let incident = environment.tally.incident;
    statement.execute(named_params! {
        ":id": environment.id,
        ":next_expected_ms": environment.next_expected_ms,
        ":overdue_ms": environment.overdue_ms,
        ":last_check_in_ms": environment.last_check_in_ms,
        ":failures": environment.tally.failures,
        ":successes": environment.tally.successes,
        ":incident_since_ms": incident.map(|incident| incident.since_ms),
        ":incident_events": incident.map_or(0, |incident| incident.events),
        ":incident_event_ms": incident.map(|incident| incident.last_event_ms),
        ":issue_id": environment.issue_id.map(|id| id.0),
    })?;
    Ok(())
}

pub(super) const MONITOR_COLUMNS: &str = "monitor.id, monitor.project_id, monitor.slug, monitor.name,
    monitor.created_ms, monitor.schedule, monitor.schedule_unit, monitor.timezone, monitor.margin_min,
    monitor.runtime_min_max, monitor.failure_threshold, monitor.recovery_threshold, monitor.owner";

pub(super) fn monitor_from_row(row: &Row<'_>) -> rusqlite::Result<Monitor> {
    let (text, unit): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
    Ok(Monitor {
        id: row.get(0)?,
        project_id: ProjectId(row.get(1)?),
        slug: row.get(2)?,
        name: row.get(3)?,
        created_ms: row.get(4)?,
        config: MonitorConfig {
            schedule: text.and_then(|text| read_schedule(text, unit.as_deref())),
            timezone: row.get(7)?,
            margin_min: row.get(8)?,
            runtime_min_max: row.get(9)?,
            failure_threshold: row.get(10)?,
            recovery_threshold: row.get(11)?,
            owner: row.get(12)?,
        },
    })
}

struct ScheduleColumns {
    schedule: Option<String>,
    unit: Option<&'static str>,
}

impl ScheduleColumns {
    fn of(config: &MonitorConfig) -> Self {
        match &config.schedule {
            None => Self { schedule: None, unit: None },
            Some(Schedule::Crontab(text)) => Self { schedule: Some(text.clone()), unit: None },
            Some(Schedule::Interval { value, unit }) => {
                Self { schedule: Some(value.to_string()), unit: Some(unit.as_str()) }
            }
        }
    }
}

/// It was checked before it was kept.
fn read_schedule(text: String, unit: Option<&str>) -> Option<Schedule> {
    match unit {
        None => Some(Schedule::Crontab(text)),
        Some(unit) => Some(Schedule::Interval { value: text.parse().ok()?, unit: IntervalUnit::parse(unit)? }),
    }
}

pub(super) const ENVIRONMENT_COLUMNS: &str = "monitor_environment.id, monitor_environment.monitor_id,
    monitor_environment.name, monitor_environment.created_ms, monitor_environment.next_expected_ms,
    monitor_environment.overdue_ms, monitor_environment.last_check_in_ms, monitor_environment.failures,
    monitor_environment.successes, monitor_environment.incident_since_ms, monitor_environment.incident_events,
    monitor_environment.incident_event_ms, monitor_environment.issue_id";

/// `first` is the place of the first of [`ENVIRONMENT_COLUMNS`].
pub(super) fn environment_from_row(row: &Row<'_>, first: usize) -> rusqlite::Result<MonitorEnvironment> {
    let since_ms: Option<i64> = row.get(first + 9)?;
    let incident = match since_ms {
        None => None,
        Some(since_ms) => Some(Incident {
            since_ms,
            events: row.get(first + 10)?,
            last_event_ms: row.get::<_, Option<i64>>(first + 11)?.unwrap_or(since_ms),
        }),
    };
    Ok(MonitorEnvironment {
        id: row.get(first)?,
        monitor_id: row.get(first + 1)?,
        name: row.get(first + 2)?,
        created_ms: row.get(first + 3)?,
        next_expected_ms: row.get(first + 4)?,
        overdue_ms: row.get(first + 5)?,
        last_check_in_ms: row.get(first + 6)?,
        tally: Tally { failures: row.get(first + 7)?, successes: row.get(first + 8)?, incident },
        issue_id: row.get::<_, Option<i64>>(first + 12)?.map(IssueId),
    })
}

pub(super) fn read_monitor(
    connection: &Connection,
    project_id: ProjectId,
    slug: &str,
) -> Result<Option<Monitor>, StoreError> {
    let sql = format!("SELECT {MONITOR_COLUMNS} FROM monitor WHERE project_id = :project_id AND slug = :slug");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row(named_params! { ":project_id": project_id.0, ":slug": slug }, monitor_from_row)
        .optional()?;
    Ok(found)
}

fn read_environment(
    connection: &Connection,
    monitor_id: i64,
    name: &str,
) -> Result<Option<MonitorEnvironment>, StoreError> {
    let sql = format!(
        "SELECT {ENVIRONMENT_COLUMNS} FROM monitor_environment WHERE monitor_id = :monitor_id AND name = :name"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row(named_params! { ":monitor_id": monitor_id, ":name": name }, |row| environment_from_row(row, 0))
        .optional()?;
    Ok(found)
}

/// By name.
pub(super) fn read_environments(
    connection: &Connection,
    monitor_id: i64,
) -> Result<Vec<MonitorEnvironment>, StoreError> {
    let sql = format!(
        "SELECT {ENVIRONMENT_COLUMNS} FROM monitor_environment WHERE monitor_id = :monitor_id ORDER BY name LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement
        .query_map(named_params! { ":monitor_id": monitor_id, ":limit": MONITOR_ENVIRONMENTS_MAX as i64 }, |row| {
            environment_from_row(row, 0)
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn read_environment_by_id(
    connection: &Connection,
    id: i64,
) -> Result<Option<(Monitor, MonitorEnvironment)>, StoreError> {
    let sql = format!(
        "SELECT {MONITOR_COLUMNS}, {ENVIRONMENT_COLUMNS}
         FROM monitor_environment JOIN monitor ON monitor.id = monitor_environment.monitor_id
         WHERE monitor_environment.id = :id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row(named_params! { ":id": id }, |row| Ok((monitor_from_row(row)?, environment_from_row(row, 13)?)))
        .optional()?;
    Ok(found)
}
