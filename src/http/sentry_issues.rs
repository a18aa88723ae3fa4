//! Sentry's web API over issues and their events, reading: lists by the search language, tags and their values.
//!
//! Shapes and names are Sentry's; a search that cannot be read is answered with 400 and says in `detail` what is wrong.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::model::ids::{EventId, IssueId};
use crate::model::issue::Issue;
use crate::model::project::{ORGANISATION_SLUG, Project};
use crate::model::time::{parse_rfc3339_ns, rfc3339};
use crate::search::{Dataset, Expr, Key, Known};
use crate::store::{
    Asker, EventFilter, EventLine, EventPick, EventQuery, EventSearch, IssueOrder, IssueSearch, TagCounts, TagValue,
};

use super::error::ApiError;
use super::sentry_api::{
    Base, asked_cursor, event_json, find_project, issue_json, limit, not_found, paged, parse_cursor,
};
use super::sentry_events::period_s;
use super::ui::{Answer, ok};
use super::ui_search::read;
use super::{Query, Ready, now_ms};

/// `environment`, which may be there several times, `statsPeriod`, or `start` and `end`.
fn event_filter(query: &Query) -> Result<EventFilter, ApiError> {
    let bad = |detail: String| ApiError::new(StatusCode::BAD_REQUEST, detail);
    let time = |key: &str| {
        let text = query.get(key).filter(|text| !text.is_empty());
        // Sentry takes times without a zone for UTC, and a day for its first moment.
        let read =
            |text: &str| ["", "Z", "T00:00:00Z"].iter().find_map(|rest| parse_rfc3339_ns(&format!("{text}{rest}")));
        let ms = |text: &str| read(text).map(|ns| ns.div_euclid(1_000_000));
        text.map(|text| ms(text).ok_or_else(|| bad(format!("{key}: {text:?} is no time as 2026-11-01T12:00:00"))))
            .transpose()
    };
    let (mut from_ms, to_ms) = (time("start")?, time("end")?);
    if let Some(period) = query.get("statsPeriod").filter(|period| !period.is_empty()) {
        let seconds = period_s(period).ok_or_else(|| bad(format!("{period:?} is not a period such as 24h or 14d")))?;
        from_ms = Some(now_ms().saturating_sub(seconds.saturating_mul(1_000)));
    }
    let mut named: Vec<String> = query.all("environment").map(str::to_string).collect();
    named.sort();
    named.dedup();
    let (environment, any_environment) = match named.len() {
        0 | 1 => (named.pop(), Vec::new()),
        _ => (None, named),
    };
    Ok(EventFilter { environment, any_environment, release: None, from_ms, to_ms })
}

fn asker() -> Asker {
    Asker { now_ms: now_ms(), me: None }
}

/// The project of the path, else those `project` names, each once; none for all there are.
pub(super) fn chosen_projects<'r>(
    ready: &'r Ready,
    project: Option<&'r Project>,
    query: &Query,
) -> Result<Vec<&'r Project>, ApiError> {
    if project.is_some() {
        return Ok(project.into_iter().collect());
    }
    // Sentry's word for all of them.
    if query.all("project").any(|name| name == "-1") {
        return Ok(Vec::new());
    }
    let named = query.all("project").map(|name| find_project(ready, ORGANISATION_SLUG, name));
    let mut chosen: Vec<&Project> = named.collect::<Result<_, _>>()?;
    chosen.sort_by_key(|project| project.id.0);
    chosen.dedup_by_key(|project| project.id.0);
    Ok(chosen)
}

/// The issues that are asked for: `query` or else `default`, `status`, in the project of the path or those named by
/// `project`, which may be there several times.
pub(super) fn issue_search(
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
    default: &str,
) -> Result<IssueSearch, ApiError> {
    let mut parts =
        vec![read(query.get("query").unwrap_or(if query.has("query") { "" } else { default }), Dataset::Issues)?];
    if let Some(status) = query.get("status") {
        parts.push(read(&format!("is:{status}"), Dataset::Issues)?);
    }
    let chosen = chosen_projects(ready, project, query)?;
    if chosen.len() > 1 {
        let each = chosen.iter().map(|project| Expr::equals(Key::Known(Known::Project), project.slug.as_str()));
        parts.push(Expr::or(each));
    }
    Ok(IssueSearch {
        expr: Expr::and(parts),
        asker: asker(),
        project_id: chosen.first().filter(|_| chosen.len() == 1).map(|project| project.id),
        filter: event_filter(query)?,
        order: IssueOrder::LastSeen,
        after: None,
        limit: 0,
    })
}

/// Issues of a project, or of all of them.
pub(super) async fn list(ready: &Ready, project: Option<&Project>, query: &Query, base: &Base) -> Answer {
    let order = match query.get("sort") {
        Some("new") => IssueOrder::FirstSeen,
        Some("freq") => IssueOrder::Events,
        Some("user") => IssueOrder::Users,
        Some("trends") => IssueOrder::Trend,
        None | Some("" | "date" | "inbox" | "recommended") => IssueOrder::LastSeen,
        Some(other) => {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                format!("sort: date, new, freq, user or trends, not {other:?}"),
            ));
        }
    };
    let search = IssueSearch {
        order,
        after: asked_cursor(query).map(parse_cursor).transpose()?.map(|(value, id)| (value, IssueId(id))),
        limit: limit(query, 25),
        ..issue_search(ready, project, query, "is:unresolved")?
    };
    let filter = search.filter.clone();
    let mut found = ready.store.search_issues(search).await?;
    if !filter.is_empty() {
        let counts = ready.store.scoped_counts(&found.page.issues, filter, order, (0, 0)).await?;
        for (issue, counts) in found.page.issues.iter_mut().zip(counts) {
            issue.event_count = counts.events;
            issue.user_count = counts.users.unwrap_or(issue.user_count);
        }
    }
    let json_of = |issue: &Issue| Some(issue_json(issue, ready.project(issue.project_id)?, base));
    let issues: Vec<Value> = found.page.issues.iter().filter_map(json_of).collect();
    let next = found.page.next_after.map(|(value, id)| format!("{value}:{}", id.0));
    let path = match project {
        Some(project) => format!("/api/0/projects/{ORGANISATION_SLUG}/{}/issues/", project.slug),
        None => format!("/api/0/organizations/{ORGANISATION_SLUG}/issues/"),
    };
    paged(&json!(issues), base, &path, query, next)
}

fn event_search(query: &Query, issue: IssueId) -> Result<EventSearch, ApiError> {
    let expr = read(query.get("query").unwrap_or_default(), Dataset::Events)?;
    Ok(EventSearch { issue_id: issue, expr, asker: asker(), filter: event_filter(query)? })
}

pub(super) async fn issue_events(ready: &Ready, issue: Issue, query: &Query, base: &Base) -> Answer {
    let before = asked_cursor(query).map(parse_cursor).transpose()?.map(|(id, _)| id);
    let lines = ready.store.event_lines(event_search(query, issue.id)?, before, limit(query, 50)).await?;
    let events: Vec<Value> = lines.events.iter().map(|line| line_json(&issue, line)).collect();
    let path = format!("/api/0/issues/{}/events/", issue.id);
    paged(&json!(events), base, &path, query, lines.next_before.map(|id| format!("{id}:0")))
}

fn line_json(issue: &Issue, line: &EventLine) -> Value {
    let mut tags = vec![json!({ "key": "level", "value": line.level })];
    for (key, value) in [
        ("environment", &line.environment),
        ("release", &line.release),
        ("server_name", &line.server_name),
        ("transaction", &line.transaction),
        ("user", &line.user),
    ] {
        tags.extend(value.as_ref().map(|value| json!({ "key": key, "value": value })));
    }
    json!({
        "id": line.event_id.to_string(),
        "eventID": line.event_id.to_string(),
        "groupID": issue.id.to_string(),
        "projectID": issue.project_id.to_string(),
        "event.type": issue.kind.as_str(),
        "title": line.title,
        "message": line.title,
        "culprit": issue.title.culprit,
        "location": line.location,
        "platform": issue.platform,
        "dateCreated": rfc3339(line.timestamp_ms),
        "tags": tags,
        "user": null,
        "crashFile": null,
    })
}

/// `latest`, `oldest`, `recommended`, or by its id.
pub(super) async fn issue_event(ready: &Ready, issue: Issue, event: &str, query: &Query) -> Answer {
    let search = event_search(query, issue.id)?;
    let pick = match event {
        "latest" => Some(EventPick::Latest),
        "oldest" | "first" => Some(EventPick::First),
        "recommended" => Some(EventPick::Recommended),
        _ => None,
    };
    let id = match pick {
        Some(pick) => ready.store.pick_event(search.clone(), pick).await?,
        None => EventId::parse(event),
    };
    let found = EventQuery::InProject(issue.project_id, id.ok_or_else(not_found)?);
    let row = ready.store.event(found).await?.ok_or_else(not_found)?;
    let is_its =
        row.summary.issue_id == issue.id || ready.store.issue_members(issue.id).await?.contains(&row.summary.issue_id);
    if !is_its {
        return Err(not_found());
    }
    let around = ready.store.event_nav(search, row.summary.id).await?;
    let mut event = event_json(ready, &row);
    event["previousEventID"] = json!(around.previous.map(|id| id.to_string()));
    event["nextEventID"] = json!(around.next.map(|id| id.to_string()));
    ok(&event)
}

pub(super) async fn tags(ready: &Ready, issue: Issue, query: &Query) -> Answer {
    let found = ready.store.event_tags(event_search(query, issue.id)?, false).await?;
    let tags: Vec<Value> = found.tags.iter().map(|tag| tag_json(tag, found.events)).collect();
    ok(&json!(tags))
}

/// One tag with its most frequent values.
pub(super) async fn tag(ready: &Ready, issue: Issue, key: &str, query: &Query) -> Answer {
    let search = event_search(query, issue.id)?;
    let found = ready.store.event_tag(search, key.to_string(), 0, crate::config::facts::FACT_VALUES_SHOWN_MAX).await?;
    let (tag, _) = found.ok_or_else(not_found)?;
    let events = tag.missing + tag.other + tag.values.iter().map(|value| value.count).sum::<u64>();
    ok(&tag_json(&tag, events))
}

pub(super) async fn tag_values(ready: &Ready, issue: Issue, key: &str, query: &Query, base: &Base) -> Answer {
    let offset = match asked_cursor(query).map(parse_cursor).transpose()? {
        Some((offset, _)) => usize::try_from(offset).unwrap_or(0),
        None => 0,
    };
    let search = event_search(query, issue.id)?;
    let found = ready.store.event_tag(search, key.to_string(), offset, limit(query, 50)).await?;
    let (tag, _) = found.ok_or_else(not_found)?;
    let values: Vec<Value> = tag.values.iter().map(|value| value_json(&tag.key, value)).collect();
    let end = offset + values.len();
    let next = (!values.is_empty() && (end as u64) < tag.distinct).then(|| format!("{end}:0"));
    paged(&json!(values), base, &format!("/api/0/issues/{}/tags/{key}/values/", issue.id), query, next)
}

fn tag_json(tag: &TagCounts, events: u64) -> Value {
    let values: Vec<Value> = tag.values.iter().map(|value| value_json(&tag.key, value)).collect();
    json!({
        "key": tag.key, "name": tag.key, "uniqueValues": tag.distinct,
        "totalValues": events.saturating_sub(tag.missing), "topValues": values,
    })
}

fn value_json(key: &str, value: &TagValue) -> Value {
    json!({
        "key": key, "name": value.value, "value": value.value, "count": value.count,
        "firstSeen": rfc3339(value.first_seen_ms), "lastSeen": rfc3339(value.last_seen_ms),
    })
}
