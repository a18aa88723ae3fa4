//! Two of Sentry's statistics routes: sessions, and what became of what was sent.
//!
//! Both answer groups of series over the same intervals. Of Sentry's fields and groupings these know the ones that mean
//! something here; any other is refused by name.

use std::collections::BTreeMap;

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::model::ids::ProjectId;
use crate::model::session::{ReleaseHour, SessionCounts, SessionFate, crash_free_user_rate};
use crate::model::sketch::UserSketch;
use crate::model::time::{hour_of, parse_rfc3339_ns, rfc3339};
use crate::store::{ReleaseQuery, StatsRow};

use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::{Query, Ready, now_ms};

type Answer = Result<Response<Body>, ApiError>;

const HOUR_MS: i64 = 3_600_000;
/// Intervals of one answer: forty days by the hour, three years by the day.
const INTERVALS_MAX: i64 = 1_100;
/// Values of one answer, over all groups; bounds its memory to some tens of MiB.
const VALUES_MAX: usize = 200_000;
const PERIOD_DEFAULT_HOURS: i64 = 90 * 24;

/// The intervals of an answer.
#[derive(Clone, Copy)]
struct Span {
    first_hour: i64,
    /// Not included.
    end_hour: i64,
    interval_hours: i64,
}

impl Span {
    /// `statsPeriod=14d` or `start` and `end`, and `interval=1h`.
    fn of(query: &Query) -> Result<Self, ApiError> {
        let end_default = hour_of(now_ms()) + 1;
        let (first_hour, end_hour) = match (query.get("start"), query.get("end")) {
            (Some(start), end) => {
                let hour = |text: &str| {
                    let ns = parse_rfc3339_ns(text).or_else(|| parse_rfc3339_ns(&format!("{text}Z")));
                    ns.map(|ns| hour_of(ns / 1_000_000)).ok_or_else(|| bad(format!("\"{text}\" is not a time")))
                };
                (hour(start)?, end.map(hour).transpose()?.map_or(end_default, |end| end + 1))
            }
            _ => {
                let hours = match query.get("statsPeriod") {
                    Some(text) => hours(text).ok_or_else(|| bad(format!("\"{text}\" is not a period such as 14d")))?,
                    None => PERIOD_DEFAULT_HOURS,
                };
                (end_default - hours, end_default)
            }
        };
        let length = end_hour - first_hour;
        let interval_hours = match query.get("interval") {
            Some(text) => hours(text).ok_or_else(|| bad(format!("\"{text}\" is not an interval such as 1h or 1d")))?,
            None if length <= 48 => 1,
            None => 24,
        };
        if length <= 0 || length / interval_hours > INTERVALS_MAX {
            return Err(bad("the period is empty, or has too many intervals"));
        }
        // Whole intervals that end with the period.
        let count = (length + interval_hours - 1) / interval_hours;
        Ok(Self { first_hour: end_hour - count * interval_hours, end_hour, interval_hours })
    }

    fn count(&self) -> usize {
        ((self.end_hour - self.first_hour) / self.interval_hours) as usize
    }

    fn interval_of(&self, hour: i64) -> usize {
        (((hour - self.first_hour) / self.interval_hours).max(0) as usize).min(self.count().saturating_sub(1))
    }

    fn answer(&self, groups: Vec<Value>) -> Response<Body> {
        let starts: Vec<String> = (0..self.count() as i64)
            .map(|index| rfc3339((self.first_hour + index * self.interval_hours) * HOUR_MS))
            .collect();
        let answer = json!({
            "start": rfc3339(self.first_hour * HOUR_MS), "end": rfc3339(self.end_hour * HOUR_MS),
            "intervals": starts, "groups": groups, "query": "",
        });
        json_response(StatusCode::OK, &answer)
    }
}

/// `24h`, `14d`, `2w`; minutes and seconds count as the hour they belong to.
fn hours(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| (1..=100_000).contains(number))?;
    Some(match unit {
        "s" => number.div_euclid(3600).max(1),
        "m" => number.div_euclid(60).max(1),
        "h" => number,
        "d" => number * 24,
        "w" => number * 24 * 7,
        _ => return None,
    })
}

fn bad(problem: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, problem.into())
}

fn check_size(groups: usize, span: Span) -> Result<(), ApiError> {
    if groups.saturating_mul(span.count()) <= VALUES_MAX {
        return Ok(());
    }
    Err(bad("too many groups for so many intervals: ask for a shorter period or a longer interval"))
}

/// The values of a key, each of which must be one of these.
fn words<'q>(
    query: &'q Query,
    key: &'q str,
    known: &[&str],
    default: &'static [&'static str],
) -> Result<Vec<&'q str>, ApiError>
where
    'static: 'q,
{
    let sent: Vec<&str> = query.all(key).collect();
    match sent.iter().find(|word| !known.contains(word)) {
        Some(word) => Err(bad(format!("{key} \"{word}\" is not one of {}", known.join(", ")))),
        None if sent.is_empty() => Ok(default.to_vec()),
        None => Ok(sent),
    }
}

/// `project=1`, by id or slug; none and -1 are all.
fn project(ready: &Ready, query: &Query) -> Result<Option<ProjectId>, ApiError> {
    match query.get("project") {
        None | Some("-1") => Ok(None),
        Some(text) => {
            let by_id = ProjectId::parse(text).and_then(|id| ready.project(id));
            let found = by_id.or_else(|| ready.project_by_slug(text));
            Ok(Some(found.ok_or_else(|| ApiError::not_found("project"))?.id))
        }
    }
}

const SESSION_FIELDS: &[&str] = &[
    "sum(session)",
    "count_unique(user)",
    "crash_rate(session)",
    "crash_free_rate(session)",
    "crash_rate(user)",
    "crash_free_rate(user)",
    "avg(session.duration)",
];
const SESSION_GROUPS: &[&str] = &["project", "release", "environment", "session.status"];
const FATES: [(&str, SessionFate); 5] = [
    ("healthy", SessionFate::Healthy),
    ("errored", SessionFate::Errored),
    ("unhandled", SessionFate::Unhandled),
    ("abnormal", SessionFate::Abnormal),
    ("crashed", SessionFate::Crashed),
];

/// What fields are made of, for a group or for one of its intervals.
#[derive(Clone, Default)]
struct Health {
    sessions: SessionCounts,
    duration_ms: u64,
    durations: u64,
    users: UserSketch,
    crashed_users: UserSketch,
}

impl Health {
    fn add(&mut self, hour: &ReleaseHour) {
        self.sessions.add(&hour.sessions);
        self.duration_ms += hour.duration_ms_sum;
        self.durations += hour.duration_count;
    }

    /// `status` is what the group is of, when it is of one.
    fn field(&self, field: &str, status: Option<SessionFate>) -> Value {
        if let Some(fate) = status {
            // Only counts can be told apart by how a session ended; users of crashed ones are known as well.
            return match (field, fate) {
                ("sum(session)", fate) => json!(count_of(&self.sessions, fate)),
                ("count_unique(user)", SessionFate::Crashed) => json!(self.crashed_users.estimate()),
                _ => Value::Null,
            };
        }
        let of_users = || crash_free_user_rate(self.users.estimate(), self.crashed_users.estimate());
        match field {
            "sum(session)" => json!(self.sessions.total()),
            "count_unique(user)" => json!(self.users.estimate()),
            "crash_free_rate(session)" => json!(self.sessions.crash_free_rate()),
            "crash_rate(session)" => json!(self.sessions.crash_free_rate().map(|rate| 1.0 - rate)),
            "crash_free_rate(user)" => json!(of_users()),
            "crash_rate(user)" => json!(of_users().map(|rate| 1.0 - rate)),
            "avg(session.duration)" if self.durations > 0 => json!(self.duration_ms as f64 / self.durations as f64),
            _ => Value::Null,
        }
    }
}

fn count_of(counts: &SessionCounts, fate: SessionFate) -> u64 {
    match fate {
        SessionFate::Healthy => counts.healthy,
        SessionFate::Errored => counts.errored,
        SessionFate::Unhandled => counts.unhandled,
        SessionFate::Abnormal => counts.abnormal,
        SessionFate::Crashed => counts.crashed,
    }
}

/// `GET /api/0/organizations/<org>/sessions/`
pub(super) async fn sessions(ready: &Ready, query: &Query) -> Answer {
    let span = Span::of(query)?;
    let fields = words(query, "field", SESSION_FIELDS, &["sum(session)"])?;
    let group_by = words(query, "groupBy", SESSION_GROUPS, &[])?;
    let release = match query.get("query") {
        None => None,
        Some(text) => Some(
            text.strip_prefix("release:")
                .map(|version| version.trim_matches('"').to_string())
                .ok_or_else(|| bad("sessions are searched by release:<version> only"))?,
        ),
    };
    let asked = ReleaseQuery {
        project_id: project(ready, query)?,
        environment: query.get("environment").map(str::to_string),
        text: release.clone(),
        first_hour: span.first_hour,
        last_hour: span.end_hour - 1,
        limit: 0,
    };
    let is_asked = |version: &str| release.as_deref().is_none_or(|release| release == version);
    let key_of = |project: ProjectId, release: &str, environment: &str| -> Vec<String> {
        let part = |by: &&str| match *by {
            "project" => Some(project.to_string()),
            "release" => Some(release.to_string()),
            "environment" => Some(environment.to_string()),
            _ => None,
        };
        group_by.iter().filter_map(part).collect()
    };
    let mut groups: BTreeMap<Vec<String>, (Health, Vec<Health>)> = BTreeMap::new();
    let empty = || (Health::default(), vec![Health::default(); span.count()]);
    for hour in ready.store.release_hours(asked.clone()).await? {
        // A release that only sent events has no place here.
        if hour.sessions.total() == 0 || !is_asked(&hour.release) {
            continue;
        }
        let (total, series) =
            groups.entry(key_of(hour.project_id, &hour.release, &hour.environment)).or_insert_with(empty);
        total.add(&hour);
        series[span.interval_of(hour.hour)].add(&hour);
        check_size(groups.len(), span)?;
    }
    for users in ready.store.release_users(asked).await? {
        let key = key_of(users.key.project_id, &users.key.version, &users.key.environment);
        let Some((total, series)) = groups.get_mut(&key).filter(|_| is_asked(&users.key.version)) else { continue };
        for health in [total, &mut series[span.interval_of(users.hour)]] {
            health.users.merge(&users.users);
            health.crashed_users.merge(&users.crashed_users);
        }
    }
    if groups.is_empty() && group_by.is_empty() {
        groups.insert(Vec::new(), empty());
    }
    let is_by_status = group_by.contains(&"session.status");
    let statuses: Vec<Option<(&str, SessionFate)>> =
        if is_by_status { FATES.into_iter().map(Some).collect() } else { vec![None] };
    let mut answer = Vec::new();
    for (key, (total, series)) in &groups {
        for status in &statuses {
            let names = group_by.iter().filter(|by| **by != "session.status");
            let mut by: Map<String, Value> = names.zip(key).map(|(name, value)| group_value(name, value)).collect();
            by.extend(status.map(|(name, _)| ("session.status".to_string(), json!(name))));
            let fate = status.map(|(_, fate)| fate);
            let totals: Map<String, Value> =
                fields.iter().map(|field| (field.to_string(), total.field(field, fate))).collect();
            let series: Map<String, Value> = fields
                .iter()
                .map(|field| (field.to_string(), series.iter().map(|health| health.field(field, fate)).collect()))
                .collect();
            answer.push(json!({ "by": by, "totals": totals, "series": series }));
        }
    }
    Ok(span.answer(answer))
}

/// Projects are numbers in Sentry's groups, everything else is text.
fn group_value(name: &str, value: &str) -> (String, Value) {
    let number = (name == "project").then(|| value.parse::<u32>().ok()).flatten();
    (name.to_string(), number.map_or_else(|| json!(value), |number| json!(number)))
}

const STATS_FIELDS: &[&str] = &["sum(quantity)", "sum(times_seen)"];
const STATS_GROUPS: &[&str] = &["outcome", "category", "reason", "project"];

/// `GET /api/0/organizations/<org>/stats_v2/`
pub(super) async fn stats(ready: &Ready, query: &Query) -> Answer {
    let span = Span::of(query)?;
    let fields = words(query, "field", STATS_FIELDS, &["sum(quantity)"])?;
    let group_by = words(query, "groupBy", STATS_GROUPS, &[])?;
    let rows = ready.store.stats(project(ready, query)?, span.first_hour, span.end_hour - 1).await?;
    let wanted = |key: &str, value: &str| {
        let mut asked = query.all(key).peekable();
        asked.peek().is_none() || asked.any(|asked| asked == value)
    };
    let mut groups: BTreeMap<Vec<String>, Vec<u64>> = BTreeMap::new();
    for row in rows {
        let (outcome, category) = (outcome_of(&row), category_of(&row));
        if !wanted("outcome", outcome) || !wanted("category", category) || !wanted("reason", &row.reason) {
            continue;
        }
        let part = |by: &&str| match *by {
            "outcome" => outcome.to_string(),
            "category" => category.to_string(),
            "project" => row.project_id.to_string(),
            // What was accepted needs no reason.
            _ if outcome == "accepted" => "none".to_string(),
            _ => row.reason.clone(),
        };
        let series = groups.entry(group_by.iter().map(part).collect()).or_insert_with(|| vec![0; span.count()]);
        series[span.interval_of(row.hour)] += row.quantity;
        check_size(groups.len(), span)?;
    }
    let groups = groups
        .into_iter()
        .map(|(key, series)| {
            let by: Map<String, Value> =
                group_by.iter().zip(&key).map(|(name, value)| group_value(name, value)).collect();
            let total: u64 = series.iter().sum();
            let totals: Map<String, Value> = fields.iter().map(|field| (field.to_string(), json!(total))).collect();
            let series: Map<String, Value> = fields.iter().map(|field| (field.to_string(), json!(series))).collect();
            json!({ "by": by, "totals": totals, "series": series })
        })
        .collect();
    Ok(span.answer(groups))
}

/// Sentry's word for what became of it.
fn outcome_of(row: &StatsRow) -> &'static str {
    match (row.kind.as_deref(), row.reason.as_str()) {
        (Some("discarded"), _) => "client_discard",
        (Some("rate_limited"), _) | (None, "rate_limited") => "rate_limited",
        (Some(_), _) | (None, "filtered") => "filtered",
        (None, "accepted") => "accepted",
        (None, _) => "invalid",
    }
}

/// Sentry's word for what it was.
fn category_of(row: &StatsRow) -> &str {
    match row.category.as_str() {
        "event" => "error",
        "check_in" => "monitor",
        "log" => "log_item",
        category => category,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_in_any_unit() {
        for (text, expected) in
            [("24h", Some(24)), ("14d", Some(336)), ("2w", Some(336)), ("90m", Some(1)), ("7200s", Some(2))]
        {
            assert_eq!(hours(text), expected, "{text}");
        }
        for text in ["", "d", "-1d", "0h", "1y", "1", "ä", "999999999999d"] {
            assert_eq!(hours(text), None, "{text}");
        }
    }

    #[test]
    fn what_the_sdk_dropped_is_told_from_what_was_refused_here() {
        let row = |kind: Option<&str>, reason: &str| StatsRow {
            project_id: ProjectId(1),
            hour: 0,
            kind: kind.map(str::to_owned),
            reason: reason.to_owned(),
            category: "event".to_owned(),
            quantity: 1,
        };
        assert_eq!(outcome_of(&row(Some("discarded"), "accepted")), "client_discard");
        assert_eq!(outcome_of(&row(Some("filtered_sampling"), "sampled:1")), "filtered");
        assert_eq!(outcome_of(&row(None, "accepted")), "accepted");
        assert_eq!(outcome_of(&row(None, "too_large")), "invalid");
        assert_eq!(category_of(&row(None, "accepted")), "error");
    }
}
