//! Handlers that show monitors: the web app's own and Sentry's (`sentry-cli monitors list`).

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::config::{PAGE_ROWS, PAGE_ROWS_MAX};
use crate::model::monitor::{CheckInStatus, MonitorConfig, Schedule};
use crate::model::project::Project;
use crate::model::time::rfc3339;
use crate::store::{CheckInRow, MonitorEnvironment, MonitorOverview, MonitorPage, MonitorQuery};

use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::sentry_api::{asked_cursor, project_json};
use super::view::monitor::{CheckInListView, CheckInView, MonitorEnvironmentView, MonitorListView, MonitorView};
use super::{Query, Ready};

/// Check-ins of one environment in its strip, and in the chart of durations.
const STRIP_CHECK_INS: usize = 30;
const CHART_CHECK_INS: usize = 90;

type Answer = Result<Response<Body>, ApiError>;

pub(super) async fn list(ready: &Ready, query: &Query) -> Answer {
    let page = read_page(ready, asked_project(ready, query)?, query, STRIP_CHECK_INS).await?;
    let next_cursor = page.next_after.map(|(slug, id)| format!("{id}.{slug}"));
    let mut monitors = Vec::with_capacity(page.monitors.len());
    for overview in page.monitors {
        monitors.push(monitor_view(ready, overview).await?);
    }
    ok(&MonitorListView { monitors, next_cursor, total: page.total })
}

pub(super) async fn one(ready: &Ready, slug: &str, query: &Query) -> Answer {
    let (overview, _) = find(ready, asked_project(ready, query)?, slug, CHART_CHECK_INS).await?;
    ok(&monitor_view(ready, overview).await?)
}

pub(super) async fn check_ins(ready: &Ready, slug: &str, query: &Query) -> Answer {
    let (overview, _) = find(ready, asked_project(ready, query)?, slug, 0).await?;
    let environment = query.get("environment").map(str::to_string);
    let page = ready.store.check_ins(overview.monitor.id, environment, before(query)?, limit(query)).await?;
    let mut check_ins = Vec::with_capacity(page.check_ins.len());
    for row in page.check_ins {
        let has_trace = match row.trace_id {
            Some(trace_id) => ready.store.has_trace(trace_id).await?,
            None => false,
        };
        check_ins.push(check_in_view(row, has_trace));
    }
    ok(&CheckInListView { check_ins, next_cursor: page.next_before.map(|id| id.to_string()) })
}

fn asked_project<'r>(ready: &'r Ready, query: &Query) -> Result<Option<&'r Project>, ApiError> {
    match query.get("project") {
        None => Ok(None),
        Some(slug) => ready.project_by_slug(slug).map(Some).ok_or_else(|| ApiError::not_found("project")),
    }
}

async fn read_page(
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
    check_ins: usize,
) -> Result<MonitorPage, ApiError> {
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, "that is not a cursor: start again without one");
    let after = match asked_cursor(query) {
        None => None,
        Some(cursor) => {
            let (id, slug) = cursor.split_once('.').ok_or_else(invalid)?;
            Some((slug.to_string(), id.parse().map_err(|_| invalid())?))
        }
    };
    let query = MonitorQuery { project_id: project.map(|project| project.id), after, limit: limit(query), check_ins };
    Ok(ready.store.monitors(query).await?)
}

fn limit(query: &Query) -> usize {
    let asked = query.get("limit").or_else(|| query.get("per_page")).and_then(|text| text.parse().ok());
    asked.unwrap_or(PAGE_ROWS).clamp(1, PAGE_ROWS_MAX)
}

fn before(query: &Query) -> Result<Option<i64>, ApiError> {
    let Some(cursor) = asked_cursor(query) else { return Ok(None) };
    let parsed = cursor.split(':').next().unwrap_or(cursor).parse();
    parsed.map(Some).map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "Invalid cursor parameter."))
}

/// The monitor of that slug, in that project or in the first that has one.
async fn find<'r>(
    ready: &'r Ready,
    project: Option<&'r Project>,
    slug: &str,
    check_ins: usize,
) -> Result<(MonitorOverview, &'r Project), ApiError> {
    let projects = match project {
        Some(project) => std::slice::from_ref(project),
        None => &ready.projects[..],
    };
    for project in projects {
        if let Some(found) = ready.store.monitor(project.id, slug.to_string(), check_ins).await? {
            return Ok((found, project));
        }
    }
    Err(ApiError::not_found("monitor"))
}

async fn monitor_view(ready: &Ready, overview: MonitorOverview) -> Result<MonitorView, ApiError> {
    let MonitorOverview { monitor, environments } = overview;
    let project = ready.project(monitor.project_id);
    let mut views = Vec::with_capacity(environments.len());
    for (environment, check_ins) in environments {
        let issue = match environment.issue_id {
            Some(id) => ready.store.issue(id).await?,
            None => None,
        };
        let short_id = issue.zip(project).map(|(issue, project)| project.short_id(issue.short_no));
        views.push(environment_view(environment, check_ins, short_id));
    }
    let config = monitor.config;
    Ok(MonitorView {
        slug: monitor.slug,
        name: monitor.name,
        project_slug: project.map(|project| project.slug.clone()).unwrap_or_default(),
        schedule_type: config.schedule.as_ref().map(|schedule| schedule_type(schedule).to_string()),
        schedule: config.schedule.as_ref().map(Schedule::as_written),
        schedule_words: config.schedule.as_ref().map(|schedule| schedule.words().trim_end_matches('.').to_string()),
        timezone: config.timezone.unwrap_or_else(|| "UTC".to_string()),
        margin_min: config.margin_min,
        runtime_min_max: config.runtime_min_max,
        failure_threshold: config.failure_threshold,
        recovery_threshold: config.recovery_threshold,
        owner: config.owner,
        created_ms: monitor.created_ms,
        environments: views,
    })
}

fn environment_view(
    environment: MonitorEnvironment,
    check_ins: Vec<CheckInRow>,
    short_id: Option<String>,
) -> MonitorEnvironmentView {
    MonitorEnvironmentView {
        state: state(&environment).to_string(),
        is_running: check_ins.first().is_some_and(|row| row.status == CheckInStatus::InProgress),
        failures: environment.tally.failures,
        incident_since_ms: environment.tally.incident.map(|incident| incident.since_ms),
        short_id,
        next_expected_ms: environment.next_expected_ms,
        overdue_ms: environment.overdue_ms,
        last_check_in_ms: environment.last_check_in_ms,
        last_duration_ms: check_ins.iter().find_map(|row| row.duration_ms),
        check_ins: check_ins.into_iter().map(|row| check_in_view(row, false)).collect(),
        name: environment.name,
    }
}

fn state(environment: &MonitorEnvironment) -> &'static str {
    let tally = environment.tally;
    match (tally.incident.is_some(), tally.failures, tally.successes) {
        (true, _, _) => "failing",
        (false, 0, 0) => "waiting",
        (false, 0, _) => "ok",
        (false, _, _) => "shaky",
    }
}

fn schedule_type(schedule: &Schedule) -> &'static str {
    match schedule {
        Schedule::Crontab(_) => "crontab",
        Schedule::Interval { .. } => "interval",
    }
}

fn check_in_view(row: CheckInRow, has_trace: bool) -> CheckInView {
    CheckInView {
        check_in_id: row.check_in_id.to_string(),
        environment: row.environment,
        status: row.status.as_str().to_string(),
        started_ms: row.started_ms,
        finished_ms: row.finished_ms,
        expected_ms: row.expected_ms,
        duration_ms: row.duration_ms,
        unwatched_from_ms: row.unwatched.map(|gap| gap.from_ms),
        unwatched_to_ms: row.unwatched.map(|gap| gap.to_ms),
        release: row.release,
        trace_id: row.trace_id.map(|id| id.to_string()),
        has_trace,
    }
}

/// Monitors as Sentry's API has them, and the cursor of the next page.
pub(super) async fn list_json(
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
) -> Result<(Value, Option<String>), ApiError> {
    let page = read_page(ready, project, query, 1).await?;
    let monitors: Vec<Value> = page.monitors.iter().map(|overview| monitor_json(ready, overview)).collect();
    Ok((json!(monitors), page.next_after.map(|(slug, id)| format!("{id}.{slug}"))))
}

pub(super) async fn one_json(ready: &Ready, project: Option<&Project>, slug: &str) -> Result<Value, ApiError> {
    let (overview, _) = find(ready, project, slug, 1).await?;
    Ok(monitor_json(ready, &overview))
}

pub(super) async fn check_ins_json(
    ready: &Ready,
    project: Option<&Project>,
    slug: &str,
    query: &Query,
) -> Result<(Value, Option<String>), ApiError> {
    let (overview, _) = find(ready, project, slug, 0).await?;
    let environment = query.get("environment").map(str::to_string);
    let page = ready.store.check_ins(overview.monitor.id, environment, before(query)?, limit(query)).await?;
    let config = config_json(&overview.monitor.config);
    let check_ins: Vec<Value> = page.check_ins.iter().map(|row| check_in_json(row, &config)).collect();
    Ok((json!(check_ins), page.next_before.map(|id| format!("{id}:0"))))
}

fn monitor_json(ready: &Ready, overview: &MonitorOverview) -> Value {
    let monitor = &overview.monitor;
    let environments: Vec<Value> =
        overview
            .environments
            .iter()
            .map(|(environment, _)| {
                let incident = environment.tally.incident.map(|incident| json!({
            "startingTimestamp": rfc3339(incident.since_ms), "resolvingTimestamp": null, "brokenNotice": null,
        }));
                let status = match state(environment) {
                    "failing" => "error",
                    "waiting" => "active",
                    _ => "ok",
                };
                json!({
                    "name": environment.name, "status": status, "isMuted": false,
                    "dateCreated": rfc3339(environment.created_ms),
                    "lastCheckIn": environment.last_check_in_ms.map(rfc3339),
                    "nextCheckIn": environment.next_expected_ms.map(rfc3339),
                    "nextCheckInLatest": environment.overdue_ms.map(rfc3339),
                    "activeIncident": incident,
                })
            })
            .collect();
    json!({
        "id": monitor.id.to_string(), "slug": monitor.slug, "name": monitor.name, "status": "active",
        "type": "cron_job", "isMuted": false, "isUpserting": true, "owner": null, "alertRule": null,
        "config": config_json(&monitor.config), "dateCreated": rfc3339(monitor.created_ms),
        "project": ready.project(monitor.project_id).map(project_json),
        "environments": environments,
    })
}

fn config_json(config: &MonitorConfig) -> Value {
    let schedule = match &config.schedule {
        None => Value::Null,
        Some(Schedule::Crontab(text)) => json!(text),
        Some(Schedule::Interval { value, unit }) => json!([value, unit.as_str()]),
    };
    json!({
        "schedule_type": config.schedule.as_ref().map(schedule_type), "schedule": schedule,
        "checkin_margin": config.margin_min, "max_runtime": config.runtime_min_max,
        "timezone": config.timezone.as_deref().unwrap_or("UTC"),
        "failure_issue_threshold": config.failure_threshold, "recovery_threshold": config.recovery_threshold,
        "alert_rule_id": null,
    })
}

fn check_in_json(row: &CheckInRow, config: &Value) -> Value {
    let ended_ms = row.finished_ms.unwrap_or(row.received_ms);
    let is_begun = !matches!(row.status, CheckInStatus::Missed);
    json!({
        "id": row.check_in_id.to_string(), "environment": row.environment, "status": row.status.as_str(),
        "duration": row.duration_ms, "dateCreated": rfc3339(row.started_ms), "dateAdded": rfc3339(row.started_ms),
        "dateUpdated": rfc3339(ended_ms), "dateClock": rfc3339(row.received_ms),
        "dateInProgress": is_begun.then(|| rfc3339(row.started_ms)),
        "expectedTime": row.expected_ms.map(rfc3339), "attachmentId": null, "groups": [],
        "monitorConfig": config,
    })
}

fn ok(view: &impl serde::Serialize) -> Answer {
    Ok(json_response(StatusCode::OK, view))
}
