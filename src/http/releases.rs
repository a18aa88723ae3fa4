//! Releases: the web app's list, and Sentry's.
//!
//! Owns what is made of the counters: periods, rates, adoption. Knows no SQL.

use std::collections::{BTreeMap, HashMap};

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::config::RELEASES_SHOWN_MAX;
use crate::model::ids::ProjectId;
use crate::model::project::Project;
use crate::model::session::{SessionCounts, crash_free_user_rate};
use crate::model::sketch::UserSketch;
use crate::model::time::{hour_of, rfc3339};
use crate::store::{ReleaseKey, ReleaseQuery, ReleaseRow};

use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::view::release::{ReleaseListView, ReleaseRowView};
use super::{Query, Ready, now_ms};

type Answer = Result<Response<Body>, ApiError>;

const HOUR_MS: i64 = 3_600_000;
/// Releases looked through for one answer of Sentry's list, which is paged after projects and environments are merged.
const RELEASES_MERGED_MAX: usize = 10_000;

/// A stretch of hours in equal buckets, the last of which holds the present.
#[derive(Clone, Copy)]
struct Period {
    first_hour: i64,
    last_hour: i64,
    bucket_hours: i64,
}

impl Period {
    /// A day by the hour, a week by the quarter of a day, thirty days by the day.
    fn of(query: &Query, now_ms: i64) -> Self {
        let (hours, bucket_hours) = match query.get("period") {
            Some("24h") => (24, 1),
            Some("30d") => (30 * 24, 24),
            _ => (7 * 24, 6),
        };
        let last_hour = hour_of(now_ms);
        Self { first_hour: last_hour - hours + 1, last_hour, bucket_hours }
    }

    fn bucket_count(&self) -> usize {
        ((self.last_hour - self.first_hour + 1) / self.bucket_hours) as usize
    }

    fn bucket_of(&self, hour: i64) -> usize {
        (((hour - self.first_hour) / self.bucket_hours).max(0) as usize).min(self.bucket_count() - 1)
    }
}

/// What a release comes to over a period.
#[derive(Default)]
struct Sum {
    events: u64,
    new_issues: u64,
    sessions: SessionCounts,
    duration_ms: u64,
    durations: u64,
    users: UserSketch,
    crashed_users: UserSketch,
    session_buckets: Vec<u64>,
    event_buckets: Vec<u64>,
}

/// `GET /api/ui/releases`
pub(super) async fn list(ready: &Ready, query: &Query) -> Answer {
    let project_id = match query.get("project") {
        Some(slug) => Some(ready.project_by_slug(slug).ok_or_else(|| ApiError::not_found("project"))?.id),
        None => None,
    };
    let period = Period::of(query, now_ms());
    let asked = ReleaseQuery {
        project_id,
        environment: query.get("environment").map(str::to_string),
        text: query.get("query").map(str::to_string),
        first_hour: period.first_hour,
        last_hour: period.last_hour,
        limit: RELEASES_SHOWN_MAX,
    };
    let page = ready.store.releases(asked.clone()).await?;
    // The text filters what is listed, not what a release is compared with.
    let sums = sums(ready, ReleaseQuery { text: None, ..asked }, period).await?;
    let mut all_sessions: HashMap<(ProjectId, &str), u64> = HashMap::new();
    for (key, sum) in &sums {
        *all_sessions.entry((key.project_id, &key.environment)).or_default() += sum.sessions.total();
    }
    let releases: Vec<ReleaseRowView> = page
        .releases
        .into_iter()
        .map(|row| {
            let nothing = Sum::default();
            let sum = sums.get(&row.key).unwrap_or(&nothing);
            let all = all_sessions.get(&(row.key.project_id, row.key.environment.as_str())).copied().unwrap_or(0);
            release_row(ready, row, sum, all, period)
        })
        .collect();
    let view = ReleaseListView {
        has_sessions: all_sessions.values().any(|sessions| *sessions > 0),
        releases,
        total: page.total,
        version_count: page.version_count,
        environments: page.environments.into_iter().filter(|name| !name.is_empty()).collect(),
        start_ms: period.first_hour * HOUR_MS,
        bucket_ms: period.bucket_hours * HOUR_MS,
    };
    Ok(json_response(StatusCode::OK, &view))
}

async fn sums(ready: &Ready, query: ReleaseQuery, period: Period) -> Result<HashMap<ReleaseKey, Sum>, ApiError> {
    let mut sums: HashMap<ReleaseKey, Sum> = HashMap::new();
    for hour in ready.store.release_hours(query.clone()).await? {
        let key = ReleaseKey { project_id: hour.project_id, version: hour.release, environment: hour.environment };
        let sum = sums.entry(key).or_default();
        sum.events += hour.event_count;
        sum.new_issues += hour.new_issue_count;
        sum.sessions.add(&hour.sessions);
        sum.duration_ms += hour.duration_ms_sum;
        sum.durations += hour.duration_count;
        let bucket = period.bucket_of(hour.hour);
        for (buckets, count) in
            [(&mut sum.session_buckets, hour.sessions.total()), (&mut sum.event_buckets, hour.event_count)]
        {
            buckets.resize(period.bucket_count(), 0);
            buckets[bucket] += count;
        }
    }
    for users in ready.store.release_users(query).await? {
        let sum = sums.entry(users.key).or_default();
        sum.users.merge(&users.users);
        sum.crashed_users.merge(&users.crashed_users);
    }
    Ok(sums)
}

fn release_row(ready: &Ready, row: ReleaseRow, sum: &Sum, all_sessions: u64, period: Period) -> ReleaseRowView {
    let session_count = sum.sessions.total();
    let user_count = sum.users.estimate();
    let mut buckets = if session_count > 0 { sum.session_buckets.clone() } else { sum.event_buckets.clone() };
    buckets.resize(period.bucket_count(), 0);
    ReleaseRowView {
        project_slug: ready.project(row.key.project_id).map(|project| project.slug.clone()).unwrap_or_default(),
        version: row.key.version,
        environment: Some(row.key.environment).filter(|name| !name.is_empty()),
        first_seen_ms: row.first_seen_ms,
        last_seen_ms: row.last_seen_ms,
        event_count: sum.events,
        new_issue_count: sum.new_issues,
        session_count,
        errored_count: sum.sessions.errored + sum.sessions.unhandled + sum.sessions.abnormal,
        crashed_count: sum.sessions.crashed,
        crash_free_sessions: sum.sessions.crash_free_rate(),
        user_count,
        crash_free_users: crash_free_user_rate(user_count, sum.crashed_users.estimate()),
        adoption: (all_sessions > 0).then(|| session_count as f64 / all_sessions as f64),
        duration_ms_mean: (sum.durations > 0).then(|| sum.duration_ms as f64 / sum.durations as f64),
        buckets,
    }
}

/// A version in Sentry's list: all projects and environments together.
#[derive(Default)]
struct Version {
    first_seen_ms: i64,
    last_seen_ms: i64,
    new_issues: u64,
    /// By project: new issues, and whether there are sessions.
    projects: BTreeMap<ProjectId, (u64, bool)>,
}

/// Sentry's list of releases, newest first: the page that starts at `offset`, and how many there are.
pub(super) async fn sentry_list(
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
    offset: usize,
    limit: usize,
) -> Result<(Vec<Value>, usize), ApiError> {
    let now_hour = hour_of(now_ms());
    let asked = ReleaseQuery {
        project_id: project.map(|project| project.id),
        environment: query.get("environment").map(str::to_string),
        text: query.get("query").map(str::to_string),
        first_hour: 0,
        last_hour: now_hour + 1,
        limit: RELEASES_MERGED_MAX,
    };
    let mut versions: HashMap<String, Version> = HashMap::new();
    for row in ready.store.releases(asked.clone()).await?.releases {
        let version = versions.entry(row.key.version).or_insert_with(|| Version {
            first_seen_ms: i64::MAX,
            last_seen_ms: i64::MIN,
            ..Version::default()
        });
        version.first_seen_ms = version.first_seen_ms.min(row.first_seen_ms);
        version.last_seen_ms = version.last_seen_ms.max(row.last_seen_ms);
        version.projects.entry(row.key.project_id).or_default();
    }
    for hour in ready.store.release_hours(asked).await? {
        let Some(version) = versions.get_mut(&hour.release) else { continue };
        version.new_issues += hour.new_issue_count;
        let of_project = version.projects.entry(hour.project_id).or_default();
        of_project.0 += hour.new_issue_count;
        of_project.1 |= hour.sessions.total() > 0;
    }
    let mut sorted: Vec<(String, Version)> = versions.into_iter().collect();
    // By when it came to be, as Sentry sorts; the name decides between equals, so that pages do not overlap.
    sorted.sort_by(|(a_name, a), (b_name, b)| b.first_seen_ms.cmp(&a.first_seen_ms).then_with(|| b_name.cmp(a_name)));
    let total = sorted.len();
    let page = sorted.iter().skip(offset).take(limit).map(|(name, version)| release_json(ready, name, version));
    Ok((page.collect(), total))
}

fn release_json(ready: &Ready, name: &str, version: &Version) -> Value {
    let projects: Vec<Value> = version
        .projects
        .iter()
        .filter_map(|(id, (new_issues, has_sessions))| {
            let project = ready.project(*id)?;
            Some(json!({
                "id": project.id.0, "slug": project.slug, "name": project.name, "platform": project.platform,
                "newGroups": new_issues, "hasHealthData": has_sessions,
            }))
        })
        .collect();
    let (package, short) = match name.split_once('@') {
        Some((package, version)) => (Some(package), version),
        None => (None, name),
    };
    json!({
        "version": name,
        "shortVersion": short,
        "versionInfo": {
            "package": package, "description": short, "version": { "raw": short }, "buildHash": null,
        },
        "status": "open",
        "ref": null,
        "url": null,
        "dateCreated": rfc3339(version.first_seen_ms),
        "dateReleased": null,
        "firstEvent": rfc3339(version.first_seen_ms),
        "lastEvent": rfc3339(version.last_seen_ms),
        "newGroups": version.new_issues,
        "commitCount": 0,
        "deployCount": 0,
        "authors": [],
        "data": {},
        "owner": null,
        "lastCommit": null,
        "lastDeploy": null,
        "projects": projects,
    })
}
