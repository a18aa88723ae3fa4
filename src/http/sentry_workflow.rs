//! What people do to issues in Sentry's web API: changing and deleting one or many, comments, what happened, hashes.
//!
//! Names and shapes are Sentry's, as its command line and scripts send and read them. Options it has and we have not are
//! passed over, as its clients send whole objects; what is not understood of those we have is refused by name.

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::ACTION_ISSUES_MAX;
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::Issue;
use crate::model::project::Project;
use crate::model::time::{MINUTE_MS, rfc3339};
use crate::model::workflow::{Ignoring, Resolution, State};
use crate::store::{Acting, ActivityRow, CommentChange, IssueAction, ResolveIn};

use super::error::ApiError;
use super::projects::read_change;
use super::respond::{Body, empty, json as json_response};
use super::route::Sentry0;
use super::sentry_api::{Base, check_organization, find_project, issue_json, not_found};
use super::sentry_issues::{chosen_projects, issue_search};
use super::ui::find_issue;
use super::ui_workflow::{
    FoundIssues, act_on, bad, comment, comment_text, find_all, hex, ignore_until_events, ignore_until_time,
    ignore_until_users, person, read_priority, release_name, told_detail,
};
use super::{Query, Ready, Server, now_ms};

type Answer = Result<Response<Body>, ApiError>;

/// Whether a request is one of these.
pub(super) fn is_its(route: &Sentry0<'_>, method: &Method) -> bool {
    let is_reading = matches!(*method, Method::GET | Method::HEAD);
    match route {
        Sentry0::IssueComments { .. }
        | Sentry0::IssueComment { .. }
        | Sentry0::IssueActivities { .. }
        | Sentry0::IssueHashes { .. } => true,
        Sentry0::Issue { .. } | Sentry0::ProjectIssues { .. } | Sentry0::OrganizationIssues { .. } => !is_reading,
        _ => false,
    }
}

pub(super) async fn answer(
    server: &Server,
    ready: &Ready,
    route: &Sentry0<'_>,
    query: &Query,
    request: Request<Incoming>,
) -> Answer {
    let base = Base::of(request.headers());
    match route {
        Sentry0::Issue { issue } => {
            let issue = find_issue(ready, issue).await?;
            let found = FoundIssues::of(&issue);
            if request.method() == Method::DELETE {
                act(ready, &found, IssueAction::Delete, None).await?;
                return Ok(empty(StatusCode::ACCEPTED));
            }
            let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
            change(ready, &found, &sent).await?;
            let issue = find_issue(ready, &issue.id.to_string()).await?;
            let project = ready.project(issue.project_id).ok_or_else(not_found)?;
            ok(&issue_json(&issue, project, &base))
        }
        Sentry0::ProjectIssues { organization, project } => {
            let project = find_project(ready, organization, project)?;
            change_many(server, ready, Some(project), query, request).await
        }
        Sentry0::OrganizationIssues { organization } => {
            check_organization(organization)?;
            change_many(server, ready, None, query, request).await
        }
        Sentry0::IssueComments { issue } => {
            let issue = find_issue(ready, issue).await?;
            if request.method() != Method::POST {
                let rows = ready.store.comments(issue.id).await?;
                let comments: Vec<Value> = rows.into_iter().map(|row| comment_json(&issue, row)).collect();
                return ok(&json!(comments));
            }
            let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
            let row = comment(ready, &issue, CommentChange::Add { text: sent_text(&sent)? }, sent_by(&sent)).await?;
            Ok(json_response(StatusCode::CREATED, &comment_json(&issue, row)))
        }
        Sentry0::IssueComment { issue, comment: id } => {
            let issue = find_issue(ready, issue).await?;
            let id: i64 = id.parse().map_err(|_| not_found())?;
            if request.method() == Method::DELETE {
                comment(ready, &issue, CommentChange::Delete { comment: id }, None).await?;
                return Ok(empty(StatusCode::NO_CONTENT));
            }
            let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
            let edit = CommentChange::Edit { comment: id, text: sent_text(&sent)? };
            let row = comment(ready, &issue, edit, sent_by(&sent)).await?;
            ok(&comment_json(&issue, row))
        }
        Sentry0::IssueActivities { issue } => {
            let issue = find_issue(ready, issue).await?;
            let project = ready.project(issue.project_id);
            let rows = ready.store.activity(issue.id).await?;
            let activities: Vec<Value> = rows.into_iter().map(|row| activity_json(&issue, project, row)).collect();
            ok(&json!({ "activity": activities }))
        }
        Sentry0::IssueHashes { issue } => {
            let issue = find_issue(ready, issue).await?;
            let hashes = ready.store.issue_hashes(issue.id).await?;
            let hashes: Vec<Value> = hashes
                .into_iter()
                .map(|hash| {
                    json!({
                        "id": hex(&hash.hash),
                        "mergedBySeer": false,
                        "latestEvent": hash.latest.map(|event| {
                            let id = event.to_string();
                            json!({ "id": id, "eventID": id, "groupID": hash.issue_id.to_string() })
                        }),
                    })
                })
                .collect();
            ok(&json!(hashes))
        }
        _ => Err(not_found()),
    }
}

impl FoundIssues {
    fn of(issue: &Issue) -> Self {
        Self::all(vec![issue.id])
    }

    fn all(ids: Vec<IssueId>) -> Self {
        Self { found: ids.into_iter().map(|id| (id.to_string(), id)).collect(), missing: Vec::new() }
    }
}

/// `PUT` and `DELETE` of many: those named by `id`, else those that are found by `query` and `status`; either way only those
/// of the project of the path, or of the ones `project` names.
async fn change_many(
    server: &Server,
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
    request: Request<Incoming>,
) -> Answer {
    let ids: Vec<String> = query.all("id").map(str::to_string).collect();
    let within: Vec<ProjectId> = chosen_projects(ready, project, query)?.iter().map(|project| project.id).collect();
    let is_asked = query.has("query") || query.has("status");
    if request.method() == Method::DELETE {
        // An empty query, which is all there are, is no word of which.
        if ids.is_empty() && query.get("query").is_none() && query.get("status").is_none() {
            return Err(bad("id: name the issues to delete, or say which by query"));
        }
        let found = match ids.is_empty() {
            false => find_all(ready, &ids, &within).await?,
            true => FoundIssues::all(search(ready, project, query, "").await?),
        };
        act_if_any(ready, &found, IssueAction::Delete, None).await?;
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
    // Of all issues, as `sentry-cli issues resolve --all` asks, those that are open: what was decided of the others is not to
    // be undone by the way. Only `unresolve --all` means these.
    let is_reopening = sent.get("status").is_some_and(|status| status == "unresolved");
    let default = if is_asked || is_reopening { "" } else { "is:unresolved" };
    let found = match ids.is_empty() {
        false => find_all(ready, &ids, &within).await?,
        true => FoundIssues::all(search(ready, project, query, default).await?),
    };
    let mut told = change(ready, &found, &sent).await?;
    if sent.contains_key("merge") {
        told.insert("merge".to_string(), merge(ready, &found, &sent).await?);
    }
    ok(&Value::Object(told))
}

/// What a search finds, `default` where there is none, which must not be more than one action takes.
async fn search(
    ready: &Ready,
    project: Option<&Project>,
    query: &Query,
    default: &str,
) -> Result<Vec<IssueId>, ApiError> {
    let search = issue_search(ready, project, query, default)?;
    let found = ready.store.matching_issues(search, ACTION_ISSUES_MAX + 1).await?;
    if found.len() > ACTION_ISSUES_MAX {
        return Err(bad(format!(
            "query: more than {ACTION_ISSUES_MAX} issues match, which is what can be changed at once: narrow it, or name \
             issues by id"
        )));
    }
    Ok(found)
}

/// The ids of one group of those that are to be one, as Sentry answers: the oldest is the survivor.
async fn merge(ready: &Ready, found: &FoundIssues, sent: &Map<String, Value>) -> Result<Value, ApiError> {
    if !matches!(sent.get("merge"), Some(Value::Bool(true) | Value::Number(_))) {
        return Err(bad("merge: 1"));
    }
    if found.found.len() < 2 {
        return Err(bad("merge: name at least two issues"));
    }
    let mut issues = Vec::with_capacity(found.found.len());
    for (_, id) in &found.found {
        issues.push(ready.store.issue(*id).await?.ok_or_else(not_found)?);
    }
    issues.sort_by_key(|issue| (issue.first_seen_ms, issue.short_no));
    let survivor = issues[0].id;
    act(ready, found, IssueAction::Merge { into: survivor }, sent_by(sent)).await?;
    let children: Vec<String> = issues[1..].iter().map(|issue| issue.id.to_string()).collect();
    Ok(json!({ "parent": survivor.to_string(), "children": children }))
}

/// Everything that is asked of some issues at once; gives back what Sentry says of it.
async fn change(ready: &Ready, found: &FoundIssues, sent: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut told = Map::new();
    let mut actions = Vec::new();
    if let Some(action) = read_status(sent)? {
        told.insert("status".to_string(), json!(sentry_status(&action)));
        told.insert("statusDetails".to_string(), sent.get("statusDetails").cloned().unwrap_or_else(|| json!({})));
        actions.push(action);
    }
    if let Some(to) = sent.get("assignedTo") {
        let to = read_assignee(to)?;
        told.insert("assignedTo".to_string(), assignee_json(to.as_deref()));
        actions.push(IssueAction::Assign(to));
    }
    if let Some(priority) = sent.get("priority").filter(|priority| !priority.is_null()) {
        let priority = read_priority(priority.as_str().unwrap_or_default())?;
        told.insert("priority".to_string(), json!(priority.as_str()));
        actions.push(IssueAction::Priority(priority));
    }
    if let Some(on) = sent.get("isBookmarked") {
        let on = on.as_bool().ok_or_else(|| bad("isBookmarked: true or false"))?;
        told.insert("isBookmarked".to_string(), json!(on));
        actions.push(IssueAction::Bookmark(on));
    }
    for name in ["hasSeen", "isSubscribed", "isPublic"] {
        if let Some(value) = sent.get(name) {
            told.insert(name.to_string(), value.clone());
        }
    }
    if sent.get("discard").and_then(Value::as_bool) == Some(true) {
        actions.push(IssueAction::Discard);
    }
    for action in actions {
        act_if_any(ready, found, action, sent_by(sent)).await?;
    }
    Ok(told)
}

/// A search may find nothing to change.
async fn act_if_any(ready: &Ready, found: &FoundIssues, action: IssueAction, by: Option<&str>) -> Result<(), ApiError> {
    if found.found.is_empty() { Ok(()) } else { act(ready, found, action, by).await }
}

async fn act(ready: &Ready, found: &FoundIssues, action: IssueAction, by: Option<&str>) -> Result<(), ApiError> {
    let by = by.map(|by| person("by", by)).transpose()?;
    let acting = Acting { ids: Vec::new(), action, by, seen_ms: None, token: None, now_ms: now_ms() };
    act_on(ready, found, acting).await?;
    Ok(())
}

fn sentry_status(action: &IssueAction) -> &'static str {
    match action {
        IssueAction::Resolve(_) => "resolved",
        IssueAction::Ignore(_) => "ignored",
        _ => "unresolved",
    }
}

/// `status` with `statusDetails`, which Sentry's older clients also put beside it.
fn read_status(sent: &Map<String, Value>) -> Result<Option<IssueAction>, ApiError> {
    let Some(status) = sent.get("status").filter(|status| !status.is_null()) else { return Ok(None) };
    let empty = Map::new();
    let details = sent.get("statusDetails").and_then(Value::as_object).unwrap_or(&empty);
    let detail = |name: &str| details.get(name).or_else(|| sent.get(name)).filter(|value| !value.is_null());
    let number = |name: &str| match detail(name) {
        None => Ok(None),
        Some(value) => {
            let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.map(Some).ok_or_else(|| bad(format!("{name}: a whole number")))
        }
    };
    Ok(Some(match status.as_str().unwrap_or_default() {
        "resolvedInNextRelease" => IssueAction::Resolve(ResolveIn::NextRelease),
        "resolved" => IssueAction::Resolve(match (detail("inNextRelease"), detail("inRelease")) {
            (Some(Value::Bool(true)), _) => ResolveIn::NextRelease,
            (_, Some(Value::String(latest))) if latest == "latest" => ResolveIn::LatestRelease,
            (_, Some(release)) => ResolveIn::Release(release_name(release.as_str().unwrap_or_default())?),
            _ => ResolveIn::Now,
        }),
        "unresolved" => IssueAction::Unresolve,
        "ignored" | "muted" | "archived" => IssueAction::Ignore(
            match (
                number("ignoreDuration")?.or(number("snoozeDuration")?),
                number("ignoreCount")?,
                number("ignoreUserCount")?,
            ) {
                (Some(minutes), ..) => {
                    let minutes = i64::try_from(minutes).unwrap_or(i64::MAX);
                    ignore_until_time(now_ms().saturating_add(minutes.saturating_mul(MINUTE_MS)))?
                }
                (_, Some(count), _) => ignore_until_events(count, number("ignoreWindow")?)?,
                (.., Some(count)) => ignore_until_users(count)?,
                _ => Ignoring::Forever,
            },
        ),
        _ => return Err(bad("status: one of resolved, resolvedInNextRelease, unresolved, ignored")),
    }))
}

/// A name; Sentry's `user:` in front of it is taken off. Empty for nobody.
fn read_assignee(value: &Value) -> Result<Option<String>, ApiError> {
    let name = match value {
        Value::Null => "",
        Value::String(name) => name.trim_start_matches("user:").trim_start_matches("team:").trim(),
        Value::Object(actor) => actor.get("name").or(actor.get("id")).and_then(Value::as_str).unwrap_or_default(),
        _ => return Err(bad("assignedTo: a name, or an empty text for nobody")),
    };
    (!name.is_empty()).then(|| person("assignedTo", name)).transpose()
}

/// There are no accounts: whoever cares to say is told of.
fn sent_by(sent: &Map<String, Value>) -> Option<&str> {
    sent.get("by").and_then(Value::as_str).filter(|by| !by.trim().is_empty())
}

fn sent_text(sent: &Map<String, Value>) -> Result<String, ApiError> {
    comment_text(sent.get("text").and_then(Value::as_str).unwrap_or_default())
}

/// As Sentry names somebody who has no account.
pub(super) fn assignee_json(name: Option<&str>) -> Value {
    match name {
        Some(name) => json!({ "type": "user", "id": name, "name": name, "email": null }),
        None => Value::Null,
    }
}

fn user_json(name: Option<&str>) -> Value {
    match name {
        Some(name) => json!({ "id": name, "name": name, "username": name, "email": null }),
        None => Value::Null,
    }
}

/// Sentry's `statusDetails`.
pub(super) fn status_details(state: &State) -> Value {
    let (mut details, decided) = match state {
        State::Unresolved(_) => return json!({}),
        State::Resolved(resolution, decided) => {
            let details = match resolution {
                Resolution::Now => json!({}),
                Resolution::NextRelease { .. } => json!({ "inNextRelease": true }),
                Resolution::Release { version } => json!({ "inRelease": version }),
            };
            (details, decided)
        }
        State::Ignored(ignoring, decided) => {
            let details = match ignoring {
                Ignoring::Forever => json!({}),
                Ignoring::Time { until_ms } => json!({ "ignoreUntil": rfc3339(*until_ms) }),
                Ignoring::Events { count, seen, window } => json!({
                    "ignoreCount": count.saturating_sub(*seen),
                    "ignoreWindow": window.as_ref().map(|window| window.minutes),
                }),
                Ignoring::Users { count, seen } => json!({ "ignoreUserCount": count.saturating_sub(*seen) }),
            };
            (details, decided)
        }
    };
    if let Some(by) = &decided.by {
        details["actor"] = user_json(Some(by));
    }
    details
}

/// Sentry's `substatus`.
pub(super) fn sentry_substatus(issue: &Issue, now_ms: i64) -> Value {
    match &issue.state {
        State::Unresolved(_) => json!(issue.substatus(now_ms)),
        State::Ignored(Ignoring::Forever, _) => json!("archived_forever"),
        State::Ignored(..) => json!("archived_until_condition_met"),
        State::Resolved(..) => Value::Null,
    }
}

fn comment_json(issue: &Issue, row: ActivityRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "type": "note",
        "user": user_json(row.by.as_deref()),
        "data": { "text": row.text },
        "dateCreated": rfc3339(row.at_ms),
        "dateEdited": row.edited_ms.map(rfc3339),
        "issue": issue.id.to_string(),
    })
}

fn activity_json(issue: &Issue, project: Option<&Project>, row: ActivityRow) -> Value {
    if row.kind == "comment" {
        return comment_json(issue, row);
    }
    let detail = told_detail(project, row.detail.as_deref());
    let is_in_release = detail.contains_key("release");
    let (kind, data) = match row.kind.as_str() {
        "resolved" if is_in_release => ("set_resolved_in_release", json!({ "version": detail.get("release") })),
        "resolved" => ("set_resolved", json!({})),
        "unresolved" | "unignored" => ("set_unresolved", Value::Object(detail)),
        "regressed" => ("set_regression", json!({ "version": detail.get("release") })),
        "ignored" => ("set_ignored", Value::Object(detail)),
        "assigned" if detail.get("to").is_none_or(Value::is_null) => ("unassigned", json!({})),
        "assigned" => ("assigned", json!({ "assignee": detail.get("to"), "assigneeType": "user" })),
        "priority" => ("set_priority", json!({ "priority": detail.get("to") })),
        "merged" => ("merge", Value::Object(detail)),
        "unmerged" => ("unmerge_source", Value::Object(detail)),
        other => {
            return json!({
                "id": row.id.to_string(), "type": other, "user": user_json(row.by.as_deref()),
                "data": detail, "dateCreated": rfc3339(row.at_ms),
            });
        }
    };
    json!({
        "id": row.id.to_string(), "type": kind, "user": user_json(row.by.as_deref()), "data": data,
        "dateCreated": rfc3339(row.at_ms),
    })
}

fn ok(body: &Value) -> Answer {
    Ok(json_response(StatusCode::OK, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(sent: Value) -> Result<Option<IssueAction>, String> {
        read_status(sent.as_object().unwrap()).map_err(|error| error.detail)
    }

    #[test]
    fn a_status_is_read_as_sentrys_clients_send_it() {
        let resolve = |place| Ok(Some(IssueAction::Resolve(place)));
        assert_eq!(status(json!({})), Ok(None));
        assert_eq!(status(json!({ "status": "resolved" })), resolve(ResolveIn::Now));
        assert_eq!(status(json!({ "status": "resolvedInNextRelease" })), resolve(ResolveIn::NextRelease));
        let next = json!({ "status": "resolved", "statusDetails": { "inNextRelease": true } });
        assert_eq!(status(next), resolve(ResolveIn::NextRelease));
        let release = json!({ "status": "resolved", "statusDetails": { "inRelease": "shop@1.2" } });
        assert_eq!(status(release), resolve(ResolveIn::Release("shop@1.2".to_string())));
        let latest = json!({ "status": "resolved", "statusDetails": { "inRelease": "latest" } });
        assert_eq!(status(latest), resolve(ResolveIn::LatestRelease));
        for muted in ["ignored", "muted", "archived"] {
            assert_eq!(status(json!({ "status": muted })), Ok(Some(IssueAction::Ignore(Ignoring::Forever))));
        }
        let Ok(Some(IssueAction::Ignore(Ignoring::Time { until_ms }))) =
            status(json!({ "status": "ignored", "ignoreDuration": 30 }))
        else {
            panic!("not ignored for a time");
        };
        assert!((until_ms - now_ms() - 30 * MINUTE_MS).abs() < MINUTE_MS);
        // As sentry-cli 3.8.0 sends it.
        let muted = json!({ "status": "muted", "snoozeDuration": null });
        assert_eq!(status(muted), Ok(Some(IssueAction::Ignore(Ignoring::Forever))));
        let counted = status(json!({ "status": "ignored", "statusDetails": { "ignoreCount": 5, "ignoreWindow": 60 } }));
        assert_eq!(counted, Ok(Some(IssueAction::Ignore(ignore_until_events(5, Some(60)).unwrap()))));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (sent, name) in [
            (json!({ "status": "gone" }), "status:"),
            (json!({ "status": 7 }), "status:"),
            (json!({ "status": "ignored", "ignoreCount": -1 }), "ignoreCount:"),
            (json!({ "status": "ignored", "ignoreCount": 0 }), "count:"),
            (json!({ "status": "ignored", "ignoreDuration": u64::MAX }), "until_ms:"),
            (json!({ "status": "ignored", "ignoreCount": 1, "ignoreWindow": 100_000 }), "window_minutes:"),
            (json!({ "status": "resolved", "statusDetails": { "inRelease": "" } }), "release:"),
        ] {
            let refused = status(sent.clone()).unwrap_err();
            assert!(refused.starts_with(name), "{sent} gives {refused}");
        }
        assert!(read_assignee(&json!(7)).is_err());
        assert_eq!(read_assignee(&json!("")).unwrap(), None);
        assert_eq!(read_assignee(&json!("user:ada")).unwrap().as_deref(), Some("ada"));
    }
}
