//! Sentry's `events` endpoint for logs (`dataset=logs`, formerly `ourlogs`), as `sentry-cli logs list` and scripts ask it.
//!
//! Understands the search language of logs, and in it `project:` of those who do not say it beside the search.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::config::LOG_ROWS_MAX;
use crate::model::log::LogLevel;
use crate::model::project::ORGANISATION_SLUG;
use crate::model::time::{parse_rfc3339_ns, rfc3339};
use crate::search::Dataset;
use crate::store::{LogFilter, LogQuery, LogRow};

use super::error::ApiError;
use super::sentry_api::{Base, asked_cursor, not_found, paged};
use super::ui::{Answer, attribute_json};
use super::ui_logs::{cursor, parse_cursor};
use super::{Query, Ready, now_ms, ui_search};

/// What is shown when nothing was asked for.
const FIELDS: [&str; 5] = ["sentry.item_id", "timestamp", "severity", "message", "trace"];
/// A request that does not say how many it wants gets as many as Sentry gives.
const ROWS: usize = 50;

/// `GET /api/0/organizations/<org>/events/?dataset=logs&field=…`
pub(super) async fn events(ready: &Ready, organization: &str, query: &Query, base: &Base) -> Answer {
    if organization != ORGANISATION_SLUG {
        return Err(not_found());
    }
    if !matches!(query.get("dataset"), Some("logs" | "ourlogs")) {
        return Err(bad("this version answers dataset=logs here; issues and their events are under /issues/"));
    }
    let page = ready.store.logs(read_query(ready, query)?).await?;
    let (rows, next) = (page.logs, page.next_before.map(cursor));
    let mut fields: Vec<&str> = query.all("field").collect();
    if fields.is_empty() {
        fields = FIELDS.to_vec();
    }
    let data: Vec<Value> = rows.iter().map(|row| row_json(ready, row, &fields)).collect();
    let types: Map<String, Value> =
        fields.iter().map(|field| ((*field).to_string(), Value::from(field_type(field)))).collect();
    let body = json!({ "data": data, "meta": { "fields": types, "units": {}, "dataset": "logs" } });
    paged(&body, base, &format!("/api/0/organizations/{ORGANISATION_SLUG}/events/"), query, next)
}

fn read_query(ready: &Ready, query: &Query) -> Result<LogQuery, ApiError> {
    let mut filter = LogFilter::default();
    // Projects are no matter of logs themselves.
    let mut words = Vec::new();
    for word in query.get("query").unwrap_or("").split(' ') {
        match word.split_once(':') {
            Some(("project" | "project.id", value)) => filter.project_id = Some(find_project(ready, value)?),
            _ => words.push(word),
        }
    }
    let expr = ui_search::read(&words.join(" "), Dataset::Logs)?;
    // sentry-cli sends -1 for all projects.
    if let Some(project) = query.get("project").filter(|project| *project != "-1") {
        filter.project_id = Some(find_project(ready, project)?);
    }
    if let Some(environment) = query.get("environment") {
        filter.environment = Some(environment.to_string());
    }
    let time =
        |key: &str| query.get(key).map(|text| parse_rfc3339_ns(text).ok_or_else(|| bad("that is no RFC 3339 time")));
    filter.from_ns = time("start").transpose()?.unwrap_or(0);
    filter.to_ns = time("end").transpose()?.unwrap_or(i64::MAX);
    if let Some(period) = query.get("statsPeriod") {
        let seconds = period_s(period).ok_or_else(|| bad(&format!("{period:?} is not a period such as 24h or 14d")))?;
        filter.from_ns = now_ms().saturating_sub(seconds.saturating_mul(1000)).saturating_mul(1_000_000);
    }
    let before = match asked_cursor(query) {
        Some(text) => Some(parse_cursor(text).ok_or_else(|| bad("Invalid cursor parameter."))?),
        None => None,
    };
    let limit = query.get("per_page").or_else(|| query.get("limit")).and_then(|text| text.parse().ok());
    let limit = limit.unwrap_or(ROWS).clamp(1, LOG_ROWS_MAX);
    Ok(LogQuery { filter, expr, before, limit, with_details: true })
}

/// `24h`, `14d`, `90m`, `30s`, `2w`.
pub(super) fn period_s(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds)
}

fn find_project(ready: &Ready, text: &str) -> Result<crate::model::ids::ProjectId, ApiError> {
    let project = ready.project_by_slug(text).or_else(|| ready.projects.iter().find(|p| p.id.to_string() == text));
    project.map(|project| project.id).ok_or_else(not_found)
}

fn row_json(ready: &Ready, row: &LogRow, fields: &[&str]) -> Value {
    Value::Object(fields.iter().map(|field| ((*field).to_string(), field_json(ready, row, field))).collect())
}

fn field_json(ready: &Ready, row: &LogRow, field: &str) -> Value {
    let record = &row.record;
    match field {
        "sentry.item_id" | "id" => Value::from(row.id.to_string()),
        "timestamp" => Value::from(rfc3339(record.time_ns.div_euclid(1_000_000))),
        "timestamp_precise" => Value::from(record.time_ns.to_string()),
        "severity" | "level" => Value::from(LogLevel::of(record.severity).as_str()),
        "severity_number" => Value::from(record.severity),
        "message" | "log.body" => Value::from(record.body.as_str()),
        "trace" | "trace_id" => json!(record.trace_id.map(|id| id.to_string())),
        "span_id" | "sentry.span_id" | "trace.parent_span_id" => json!(record.span_id.map(|id| id.to_string())),
        "logger" | "logger.name" => json!(record.logger),
        "sentry.message.template" => json!(record.template),
        "project" | "project.name" => json!(ready.project(row.project_id).map(|project| &project.slug)),
        "project.id" => Value::from(row.project_id.0),
        "release" | "sentry.release" => json!(row.resource.release),
        "environment" | "sentry.environment" => json!(row.resource.environment),
        "service.name" => Value::from(row.resource.service.as_str()),
        _ => {
            let name = field.strip_prefix("tags[").and_then(|rest| rest.split([',', ']']).next()).unwrap_or(field);
            let all = record.attributes.iter().chain(&row.resource.attributes);
            let found = all.into_iter().find(|attribute| attribute.key == name);
            found.map_or(Value::Null, |attribute| attribute_json(attribute.value.clone()))
        }
    }
}

fn field_type(field: &str) -> &'static str {
    match field {
        "timestamp" => "date",
        "severity_number" | "project.id" => "integer",
        _ => "string",
    }
}

fn bad(detail: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read() {
        let read: Vec<_> = ["90s", "5m", "24h", "14d", "2w"].into_iter().filter_map(period_s).collect();
        assert_eq!(read, [90, 300, 86_400, 1_209_600, 1_209_600]);
        for text in ["", "h", "-3h", "3y", "99999999999999999999h", "9223372036854775807w", "3ä"] {
            assert_eq!(period_s(text), None, "{text}");
        }
    }
}
