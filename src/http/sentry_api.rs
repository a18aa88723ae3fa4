//! A first slice of Sentry's web API (`/api/0/`), reading: for scripts and tools that know Sentry.
//!
//! Shapes and key names are Sentry's, as its clients require them. Ids are strings, dates RFC 3339 with `Z`, lists
//! are paged by a `Link` header.

use hyper::header::{HOST, HeaderMap, HeaderValue, LINK};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::config::{CURSOR_PAGES_MAX, PAGE_ROWS_MAX};
use crate::model::detail::{Breadcrumb, EventDetail, ExceptionDetail, FrameDetail, Pair, Variable};
use crate::model::event::EventKind;
use crate::model::ids::EventId;
use crate::model::issue::Issue;
use crate::model::project::{ORGANISATION_SLUG, Project};
use crate::model::time::rfc3339;
use crate::store::{EventQuery, EventRow, EventSearch};

use super::blobs;
use super::error::ApiError;
use super::feedback::sentry_page;
use super::monitors;
use super::respond::{Body, json as json_response};
use super::route::Sentry0;
use super::sentry_workflow::{assignee_json, sentry_substatus, status_details};
use super::ui::find_issue;
use super::{Query, Ready, grouping, now_ms, releases, sentry_events, sentry_issues, sentry_trace, stats_api};

type Answer = Result<Response<Body>, ApiError>;

/// What a request needs to build links that lead back here.
pub(super) struct Base {
    url: String,
}

impl Base {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // The host was checked to be ours before we got here.
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:4318");
        Self { url: format!("http://{host}") }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

pub(super) async fn answer(ready: &Ready, route: &Sentry0<'_>, query: &Query, headers: &HeaderMap) -> Answer {
    let base = Base::of(headers);
    match route {
        Sentry0::OrganizationEvents { organization } => sentry_events::events(ready, organization, query, &base).await,
        Sentry0::Root => ok(&json!({ "version": "0", "auth": null, "user": null })),
        Sentry0::Organizations => ok(&json!([organization_json(ready)])),
        Sentry0::Projects => {
            let projects: Vec<Value> = ready.projects.iter().map(project_json).collect();
            ok(&json!(projects))
        }
        // Read and changed elsewhere: `sentry_project`.
        Sentry0::Project { .. } | Sentry0::ProjectKeys { .. } | Sentry0::ProjectKey { .. } => Err(not_found()),
        // `sentry_workflow`.
        Sentry0::IssueComments { .. }
        | Sentry0::IssueComment { .. }
        | Sentry0::IssueActivities { .. }
        | Sentry0::IssueHashes { .. } => Err(not_found()),
        Sentry0::OrganizationIssues { organization } => {
            check_organization(organization)?;
            sentry_issues::list(ready, None, query, &base).await
        }
        Sentry0::IssueTags { issue } => sentry_issues::tags(ready, find_issue(ready, issue).await?, query).await,
        Sentry0::IssueTag { issue, key } => {
            sentry_issues::tag(ready, find_issue(ready, issue).await?, key, query).await
        }
        Sentry0::IssueTagValues { issue, key } => {
            sentry_issues::tag_values(ready, find_issue(ready, issue).await?, key, query, &base).await
        }
        Sentry0::Trace { organization, trace } => {
            check_organization(organization)?;
            sentry_trace::tree(ready, trace).await
        }
        Sentry0::TraceTransactions { organization, trace } => {
            check_organization(organization)?;
            sentry_trace::transactions(ready, trace).await
        }
        Sentry0::TraceMeta { organization, trace } => {
            check_organization(organization)?;
            sentry_trace::meta(ready, trace).await
        }
        Sentry0::OrganizationEvent { organization, event } => {
            check_organization(organization)?;
            project_event(ready, EventQuery::ById(EventId::parse(event).ok_or_else(not_found)?)).await
        }
        Sentry0::ProjectIssues { organization, project } => {
            let project = find_project(ready, organization, project)?;
            sentry_issues::list(ready, Some(project), query, &base).await
        }
        Sentry0::ProjectReleases { organization, project } => {
            let project = find_project(ready, organization, project)?;
            let path = format!("/api/0/projects/{ORGANISATION_SLUG}/{}/releases/", project.slug);
            list_releases(ready, Some(project), query, &base, &path).await
        }
        Sentry0::OrganizationReleases { organization } => {
            check_organization(organization)?;
            let path = format!("/api/0/organizations/{ORGANISATION_SLUG}/releases/");
            list_releases(ready, None, query, &base, &path).await
        }
        Sentry0::OrganizationSessions { organization } => {
            check_organization(organization)?;
            stats_api::sessions(ready, query).await
        }
        Sentry0::OrganizationStats { organization } => {
            check_organization(organization)?;
            stats_api::stats(ready, query).await
        }
        Sentry0::ProjectEvent { organization, project, event } => {
            let project = find_project(ready, organization, project)?;
            let id = EventId::parse(event).ok_or_else(not_found)?;
            project_event(ready, EventQuery::InProject(project.id, id)).await
        }
        Sentry0::ProjectEventGrouping { organization, project, event } => {
            let project = find_project(ready, organization, project)?;
            super::grouping::info(ready, project.id, event).await
        }
        Sentry0::Attachments { organization, project, event } => {
            blobs::attachments(ready, find_project(ready, organization, project)?, event).await
        }
        Sentry0::Attachment { organization, project, event, attachment } => {
            let project = find_project(ready, organization, project)?;
            blobs::attachment(ready, project, event, attachment, query).await
        }
        Sentry0::Profile { organization, project, profile } => {
            blobs::profile(ready, find_project(ready, organization, project)?, profile, query).await
        }
        Sentry0::Replays { organization } => {
            check_organisation(organization)?;
            let before = asked_cursor(query).map(parse_cursor).transpose()?;
            let (list, next) = blobs::replays(ready, query, before, limit(query, 50)).await?;
            let path = format!("/api/0/organizations/{ORGANISATION_SLUG}/replays/");
            paged(&list, &base, &path, query, next.map(|(received_ms, id)| format!("{received_ms}:{id}")))
        }
        Sentry0::Replay { organization, replay } => {
            check_organisation(organization)?;
            blobs::replay(ready, None, replay).await
        }
        Sentry0::ProjectReplay { organization, project, replay } => {
            blobs::replay(ready, Some(find_project(ready, organization, project)?), replay).await
        }
        Sentry0::RecordingSegments { organization, project, replay } => {
            blobs::recording_segments(ready, find_project(ready, organization, project)?, replay, query).await
        }
        Sentry0::ReplayVideo { organization, project, replay, segment } => {
            blobs::replay_video(ready, find_project(ready, organization, project)?, replay, segment).await
        }
        Sentry0::UserFeedback { organization, project } => {
            let project = find_project(ready, organization, project)?;
            let (rows, next) = sentry_page(ready, project, None, query, limit(query, 50)).await?;
            let path = format!("/api/0/projects/{ORGANISATION_SLUG}/{}/user-feedback/", project.slug);
            paged(&rows, &base, &path, query, next)
        }
        Sentry0::IssueUserReports { issue } => {
            let issue = find_issue(ready, issue).await?;
            let project = ready.project(issue.project_id).ok_or_else(not_found)?;
            let (rows, next) = sentry_page(ready, project, Some(&issue), query, limit(query, 50)).await?;
            let path = format!("/api/0/issues/{}/user-reports/", issue.id);
            paged(&rows, &base, &path, query, next)
        }
        Sentry0::Issue { issue } => {
            let issue = find_issue(ready, issue).await?;
            let project = ready.project(issue.project_id).ok_or_else(not_found)?;
            let mut json = issue_json(&issue, project, &base);
            let reports = ready.store.issue_feedback_count(project.id, issue.id).await?;
            json["userReportCount"] = json!(reports);
            ok(&json)
        }
        Sentry0::IssueEvents { issue } => {
            sentry_issues::issue_events(ready, find_issue(ready, issue).await?, query, &base).await
        }
        Sentry0::Monitors { organization, project } => {
            let project = scope(ready, organization, *project, query)?;
            let (body, next) = monitors::list_json(ready, project, query).await?;
            paged(&body, &base, &monitors_path(project), query, next)
        }
        Sentry0::Monitor { organization, project, monitor } => {
            ok(&monitors::one_json(ready, scope(ready, organization, *project, query)?, monitor).await?)
        }
        Sentry0::MonitorCheckIns { organization, project, monitor } => {
            let project = scope(ready, organization, *project, query)?;
            let (body, next) = monitors::check_ins_json(ready, project, monitor, query).await?;
            paged(&body, &base, &format!("{}{monitor}/checkins/", monitors_path(project)), query, next)
        }
        Sentry0::IssueEvent { issue, event } => {
            sentry_issues::issue_event(ready, find_issue(ready, issue).await?, event, query).await
        }
    }
}

/// The one project asked for, in the path or as `project`; `None` for the whole organisation.
fn scope<'r>(
    ready: &'r Ready,
    organization: &str,
    project: Option<&str>,
    query: &Query,
) -> Result<Option<&'r Project>, ApiError> {
    match project.or_else(|| query.get("project")) {
        // Sentry's word for all of them.
        Some("-1") | None if organization == ORGANISATION_SLUG => Ok(None),
        Some(project) => find_project(ready, organization, project).map(Some),
        None => Err(not_found()),
    }
}

fn monitors_path(project: Option<&Project>) -> String {
    match project {
        None => format!("/api/0/organizations/{ORGANISATION_SLUG}/monitors/"),
        Some(project) => format!("/api/0/projects/{ORGANISATION_SLUG}/{}/monitors/", project.slug),
    }
}

pub(super) fn check_organization(organization: &str) -> Result<(), ApiError> {
    if organization == ORGANISATION_SLUG { Ok(()) } else { Err(not_found()) }
}

async fn list_releases(ready: &Ready, project: Option<&Project>, query: &Query, base: &Base, path: &str) -> Answer {
    let offset = match asked_cursor(query) {
        None => 0,
        Some(cursor) => usize::try_from(parse_cursor(cursor)?.0).unwrap_or(0),
    };
    let limit = limit(query, 25);
    let (releases, total) = releases::sentry_list(ready, project, query, offset, limit).await?;
    let next = (offset + limit < total).then(|| format!("{}:0", offset + limit));
    paged(&json!(releases), base, path, query, next)
}

async fn project_event(ready: &Ready, query: EventQuery) -> Answer {
    let row = ready.store.event(query).await?.ok_or_else(not_found)?;
    let around = ready.store.event_nav(EventSearch::all(row.summary.issue_id), row.summary.id).await?;
    let mut event = event_json(ready, &row);
    event["previousEventID"] = json!(around.previous.map(|id| id.to_string()));
    event["nextEventID"] = json!(around.next.map(|id| id.to_string()));
    ok(&event)
}

fn organization_json(ready: &Ready) -> Value {
    let created = ready.projects.first().map_or(0, |project| project.created_ms);
    json!({
        "id": "1", "slug": ORGANISATION_SLUG, "name": "Main", "dateCreated": rfc3339(created),
        "status": { "id": "active", "name": "active" }, "isEarlyAdopter": false, "features": [],
        "links": { "organizationUrl": "", "regionUrl": "" },
    })
}

pub(super) fn project_json(project: &Project) -> Value {
    json!({
        "id": project.id.to_string(), "slug": project.slug, "name": project.name, "platform": project.platform,
        "dateCreated": rfc3339(project.created_ms), "status": "active", "isMember": true, "hasAccess": true,
        "features": [],
        "organization": { "id": "1", "slug": ORGANISATION_SLUG, "name": "Main" },
    })
}

pub(super) fn issue_json(issue: &Issue, project: &Project, base: &Base) -> Value {
    let short_id = project.short_id(issue.short_no);
    json!({
        "id": issue.id.to_string(),
        "shortId": short_id,
        "title": issue.title.title,
        "culprit": issue.title.culprit,
        "level": issue.level.as_str(),
        "status": issue.status.as_str(),
        "statusDetails": status_details(&issue.state),
        "substatus": sentry_substatus(issue, now_ms()),
        "type": if matches!(issue.kind, EventKind::Cron | EventKind::NPlusOne | EventKind::SlowQuery) { "generic" } else { issue.kind.as_str() },
        "issueType": match issue.kind {
            EventKind::Cron => "monitor_check_in_failure",
            EventKind::NPlusOne => "performance_n_plus_one_db_queries",
            EventKind::SlowQuery => "performance_slow_db_query",
            _ => "error",
        },
        "issueCategory": match issue.kind {
            EventKind::Cron => "cron",
            EventKind::NPlusOne | EventKind::SlowQuery => "performance",
            _ => "error",
        },
        "priority": issue.priority.as_str(),
        "platform": issue.platform,
        "logger": null,
        "isUnhandled": issue.is_unhandled,
        "isPublic": false,
        "isBookmarked": issue.is_bookmarked,
        "isSubscribed": false,
        "hasSeen": false,
        "annotations": [],
        "numComments": issue.comment_count,
        "assignedTo": assignee_json(issue.assignee.as_deref()),
        "shareId": null,
        "count": issue.event_count.to_string(),
        "userCount": issue.user_count,
        "firstSeen": rfc3339(issue.first_seen_ms),
        "lastSeen": rfc3339(issue.last_seen_ms),
        "permalink": format!("{}/issues/{short_id}", base.url),
        "project": {
            "id": project.id.to_string(), "slug": project.slug, "name": project.name, "platform": project.platform,
        },
        "metadata": {
            "type": issue.title.ty, "value": issue.title.value, "filename": issue.title.filename,
            "function": issue.title.function, "title": issue.title.title,
        },
    })
}

pub(super) fn event_json(ready: &Ready, row: &EventRow) -> Value {
    let event = &row.summary;
    let detail = grouping::shown(ready, event, &row.body);
    let first_exception = detail.exceptions.last();
    json!({
        "id": event.event_id.to_string(),
        "eventID": event.event_id.to_string(),
        "groupID": event.issue_id.to_string(),
        "projectID": event.project_id.to_string(),
        "type": event.kind,
        "title": event.title,
        "message": detail.message.clone().unwrap_or_default(),
        "culprit": event.culprit,
        "location": location(&detail),
        "platform": event.platform,
        "dateCreated": rfc3339(event.timestamp_ms),
        "dateReceived": rfc3339(event.received_ms),
        "size": row.body.len(),
        "dist": detail.dist,
        "release": detail.release.as_ref().map(|version| json!({ "version": version, "shortVersion": version })),
        "metadata": {
            "type": first_exception.and_then(|e| e.ty.clone()),
            "value": first_exception.and_then(|e| e.value.clone()),
            "title": event.title,
            "filename": location(&detail),
        },
        "entries": entries_json(&detail),
        "tags": tags_json(&detail, &event.level),
        "user": if detail.user.is_empty() { Value::Null } else { object(&detail.user) },
        "contexts": contexts_json(&detail, event.event_id),
        "context": object(&detail.extra),
        "packages": pairs_object(&detail.modules),
        "sdk": detail.sdk.as_ref().map(|sdk| {
            let (name, version) = sdk.split_once('/').unwrap_or((sdk, ""));
            json!({ "name": name, "version": version })
        }),
        "errors": detail.field_errors.iter()
            .map(|error| json!({ "type": "invalid_data", "message": error.problem, "data": { "name": error.path } }))
            .collect::<Vec<_>>(),
        "fingerprints": [],
        "_meta": {},
    })
}

/// Where it happened: the file of the innermost frame of the application, or of the innermost at all.
fn location(detail: &EventDetail) -> Option<&str> {
    let frames = || detail.exceptions.last().into_iter().flat_map(|exception| exception.frames.iter().rev());
    let frame = frames().find(|frame| frame.in_app).or_else(|| frames().next())?;
    frame.filename.as_deref().filter(|name| !name.is_empty())
}

fn entries_json(detail: &EventDetail) -> Value {
    let mut entries = Vec::new();
    if let Some(message) = &detail.message {
        let template = detail.message_template.as_ref().unwrap_or(message);
        entries.push(json!({ "type": "message", "data": { "formatted": message, "message": template } }));
    }
    if !detail.exceptions.is_empty() {
        let values: Vec<Value> = detail.exceptions.iter().map(exception_json).collect();
        let has_system = detail.exceptions.iter().flat_map(|e| &e.frames).any(|frame| !frame.in_app);
        entries.push(json!({
            "type": "exception", "data": { "values": values, "hasSystemFrames": has_system, "excOmitted": null },
        }));
    }
    if !detail.threads.is_empty() {
        let values: Vec<Value> = detail
            .threads
            .iter()
            .map(|thread| {
                json!({
                    "name": thread.name, "crashed": thread.is_crashed, "current": thread.is_current,
                    "state": thread.state,
                    "stacktrace": { "frames": thread.frames.iter().map(frame_json).collect::<Vec<_>>() },
                })
            })
            .collect();
        entries.push(json!({ "type": "threads", "data": { "values": values } }));
    }
    if let Some(csp) = &detail.csp {
        entries.push(json!({
            "type": "csp",
            "data": {
                "effective_directive": csp.effective_directive, "violated_directive": csp.violated_directive,
                "blocked_uri": csp.blocked_uri, "document_uri": csp.document_uri, "referrer": csp.referrer,
                "original_policy": csp.original_policy, "source_file": csp.source_file,
                "line_number": csp.line, "column_number": csp.column, "script_sample": csp.sample,
                "status_code": csp.status_code, "disposition": csp.disposition,
            },
        }));
    }
    if !detail.breadcrumbs.is_empty() {
        let values: Vec<Value> = detail.breadcrumbs.iter().map(breadcrumb_json).collect();
        entries.push(json!({ "type": "breadcrumbs", "data": { "values": values } }));
    }
    if let Some(request) = &detail.request {
        entries.push(json!({
            "type": "request",
            "data": {
                "method": request.method, "url": request.url, "query": pairs_list(&request.query),
                "headers": pairs_list(&request.headers), "cookies": pairs_list(&request.cookies),
                "env": object(&request.env), "data": request.data, "fragment": null,
                "inferredContentType": request.inferred_content_type,
            },
        }));
    }
    Value::Array(entries)
}

fn exception_json(exception: &ExceptionDetail) -> Value {
    json!({
        "type": exception.ty,
        "value": exception.value,
        "module": exception.module,
        "threadId": null,
        "mechanism": exception.mechanism.as_ref().map(|mechanism| json!({
            "type": mechanism.ty, "handled": mechanism.handled, "source": mechanism.source,
            "description": mechanism.description, "help_link": mechanism.help_link, "data": object(&mechanism.data),
        })),
        "stacktrace": if exception.frames.is_empty() { Value::Null } else {
            json!({
                "frames": exception.frames.iter().map(frame_json).collect::<Vec<_>>(),
                "framesOmitted": null, "hasSystemFrames": exception.frames.iter().any(|frame| !frame.in_app),
            })
        },
    })
}

fn frame_json(frame: &FrameDetail) -> Value {
    json!({
        "filename": frame.filename,
        "absPath": frame.abs_path,
        "module": frame.module,
        "function": frame.function,
        "lineNo": frame.line,
        "colNo": frame.column,
        "inApp": frame.in_app,
        "context": source_context(frame),
        "vars": if frame.vars.is_empty() { Value::Null } else { object(&frame.vars) },
    })
}

/// Sentry's pairs of line number and text.
fn source_context(frame: &FrameDetail) -> Value {
    let (Some(line), Some(text)) = (frame.line, &frame.context_line) else { return json!([]) };
    let first = line.saturating_sub(frame.pre_context.len() as u64);
    let texts = frame.pre_context.iter().chain([text]).chain(&frame.post_context);
    Value::Array(texts.enumerate().map(|(index, text)| json!([first + index as u64, text])).collect())
}

fn breadcrumb_json(crumb: &Breadcrumb) -> Value {
    json!({
        "timestamp": crumb.timestamp_ms.map(rfc3339), "type": crumb.ty, "category": crumb.category,
        "level": crumb.level, "message": crumb.message, "data": crumb.data, "event_id": null,
    })
}

/// The tags sent, and those Sentry derives from fields.
fn tags_json(detail: &EventDetail, level: &str) -> Value {
    let derived = [
        ("environment", detail.environment.clone()),
        ("level", Some(level.to_string())),
        ("release", detail.release.clone()),
        ("server_name", detail.server_name.clone()),
        ("transaction", detail.transaction.clone()),
    ];
    let mut tags: Vec<(String, String)> =
        detail.tags.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect();
    for (key, value) in derived {
        if let Some(value) = value.filter(|_| !tags.iter().any(|(known, _)| known == key)) {
            tags.push((key.to_string(), value));
        }
    }
    tags.sort();
    Value::Array(tags.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect())
}

fn contexts_json(detail: &EventDetail, event_id: EventId) -> Value {
    let mut contexts = serde_json::Map::new();
    for context in &detail.contexts {
        let mut members = object(&context.entries);
        members["type"] = json!(context.ty);
        // Under the type's own name: `"runtime": "CPython 3.11.8"`.
        if let Some(summary) = context.summary.as_ref().filter(|_| context.ty != "device") {
            members[context.ty.as_str()] = json!(summary);
        }
        contexts.insert(context.name.clone(), members);
    }
    // Clients count on a trace; one that an event did not name is made of the event's own id, as in Sentry.
    let own = event_id.to_string();
    let trace = match detail.trace_id {
        Some(trace_id) => {
            let span_id = detail.span_id.map(|id| id.to_string());
            json!({ "type": "trace", "trace_id": trace_id.to_string(), "span_id": span_id })
        }
        None => json!({ "type": "trace", "trace_id": own, "span_id": own[..16], "status": "unknown" }),
    };
    contexts.insert("trace".to_string(), trace);
    Value::Object(contexts)
}

fn object(variables: &[Variable]) -> Value {
    Value::Object(variables.iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect())
}

fn pairs_object(pairs: &[Pair]) -> Value {
    Value::Object(pairs.iter().map(|pair| (pair.key.clone(), Value::String(pair.value.clone()))).collect())
}

fn pairs_list(pairs: &[Pair]) -> Value {
    Value::Array(pairs.iter().map(|pair| json!([pair.key, pair.value])).collect())
}

pub(super) fn find_project<'r>(ready: &'r Ready, organization: &str, project: &str) -> Result<&'r Project, ApiError> {
    check_organisation(organization)?;
    // Sentry takes the id wherever it takes the slug.
    ready
        .project_by_slug(project)
        .or_else(|| ready.projects.iter().find(|known| known.id.to_string() == project))
        .ok_or_else(not_found)
}

fn check_organisation(organization: &str) -> Result<(), ApiError> {
    if organization == ORGANISATION_SLUG { Ok(()) } else { Err(not_found()) }
}

/// Sentry's own words.
pub(super) fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "The requested resource does not exist")
}

pub(super) fn limit(query: &Query, default: usize) -> usize {
    let asked = query.get("limit").or_else(|| query.get("per_page")).and_then(|text| text.parse().ok());
    asked.unwrap_or(default).clamp(1, PAGE_ROWS_MAX)
}

pub(super) fn parse_cursor(cursor: &str) -> Result<(i64, i64), ApiError> {
    let parsed = cursor.split_once(':').and_then(|(value, id)| {
        let id = id.split(':').next().unwrap_or(id);
        Some((value.parse().ok()?, id.parse().ok()?))
    });
    parsed.ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "Invalid cursor parameter."))
}

/// Between the cursor of a page and those of the pages before it.
const TRAIL: char = '~';
/// The beginning of a list, as Sentry writes it where one pages back to it.
const BEGINNING: &str = "0:0:1";
/// What stands for the pages before those that are remembered.
const FORGOTTEN: &str = "0";

/// The cursor of the page that is asked for; `None` for the first.
pub(super) fn asked_cursor(query: &Query) -> Option<&str> {
    let cursor = query.get("cursor")?;
    let own = cursor.split(TRAIL).next().unwrap_or(cursor);
    (own != BEGINNING).then_some(own)
}

/// The cursors of the pages after and before the one that is asked for. A page is found by where the one before it ended: to
/// page back, each cursor has those of the pages before it behind it, which are nobody's business but ours.
fn cursors(query: &Query, next: Option<String>) -> (Option<String>, Option<String>) {
    let here = asked_cursor(query).and_then(|_| query.get("cursor"));
    let Some(here) = here else { return (next, None) };
    let mut trail: Vec<&str> = here.split(TRAIL).collect();
    let previous = match trail[1..] {
        [] => Some(BEGINNING.to_string()),
        [FORGOTTEN] => None,
        ref before => Some(before.join(&TRAIL.to_string())),
    };
    if trail.len() >= CURSOR_PAGES_MAX {
        trail.truncate(CURSOR_PAGES_MAX - 1);
        trail.push(FORGOTTEN);
    }
    let next = next.map(|next| format!("{next}{TRAIL}{}", trail.join(&TRAIL.to_string())));
    (next, previous)
}

/// A list with the `Link` header that Sentry's clients follow until `results="false"`. The links keep whatever else
/// was asked for.
pub(super) fn paged(body: &Value, base: &Base, path: &str, query: &Query, next: Option<String>) -> Answer {
    let mut response = json_response(StatusCode::OK, body);
    let (next, previous) = cursors(query, next);
    let (has_next, has_previous) = (next.is_some(), previous.is_some());
    let after = next.unwrap_or_else(|| "0:0:0".to_string());
    let before = previous.unwrap_or_else(|| BEGINNING.to_string());
    let link = format!(
        "<{url}{path}?{to_before}>; rel=\"previous\"; results=\"{has_previous}\"; cursor=\"{before}\", \
         <{url}{path}?{to_after}>; rel=\"next\"; results=\"{has_next}\"; cursor=\"{after}\"",
        url = base.url,
        to_before = query.with_cursor(&before),
        to_after = query.with_cursor(&after),
    );
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

fn ok(body: &Value) -> Answer {
    Ok(json_response(StatusCode::OK, body))
}
