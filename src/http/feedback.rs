//! What people wrote: read by our screens and by clients of Sentry's web API, and written by the latter.
//!
//! Owns the rules of the one writing route of the web API, `user-feedback`. A DSN in the `Authorization` header is the
//! right to write and no more, from any origin, as on the ingest routes: a browser asks first before it sends that
//! header, and the answer tells a page nothing but its own words. Without one the call is a change like any other and
//! needs what our own page sends.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::FEEDBACK_BYTES_MAX;
use crate::model::decoded::{Decoded, Incoming as Item};
use crate::model::ids::EventId;
use crate::model::issue::Issue;
use crate::model::project::Project;
use crate::model::time::rfc3339;
use crate::sentry::detail::event_detail;
use crate::sentry::dsn::parse_dsn;
use crate::sentry::feedback::{Report, decode_report};
use crate::store::{FeedbackPage, FeedbackQuery, FeedbackRow, FeedbackScope, FeedbackWhole};

use super::error::ApiError;
use super::error_page::is_email;
use super::ingest_sentry::{Answered, all_limited, refused};
use super::ledger::Ending;
use super::origins::{self, preflight};
use super::respond::{Body, json as json_response};
use super::sentry_api::{asked_cursor, find_project};
use super::take::take_in_within;
use super::ui::{find_issue, page_rows};
use super::ui_search::range_ms;
use super::view::feedback::{FeedbackIssueView, FeedbackListView, FeedbackOneView, FeedbackView};
use super::{Query, Ready, Server, arrival, fresh_event_id, guard, now_ms};

/// Messages shown beside one event; the list has them all.
const BESIDE_EVENT_MAX: usize = 50;

const TOKEN_FIX: &str = "send the header Authorization: DSN <dsn>, with the DSN as the welcome page shows it";

type Answer = Result<Response<Body>, ApiError>;

/// `GET /api/ui/feedback`
pub(super) async fn list(ready: &Ready, query: &Query) -> Answer {
    let project = match query.get("project") {
        Some(slug) => Some(ready.project_by_slug(slug).ok_or_else(|| ApiError::not_found("project"))?.id),
        None => None,
    };
    let (project_id, scope) = match query.get("issue") {
        Some(name) => {
            let issue = find_issue(ready, name).await?;
            (Some(issue.project_id), FeedbackScope::Issue(issue.id))
        }
        None => (project, FeedbackScope::All),
    };
    let text = query.get("query").map(str::to_string);
    let before = cursor(query)?;
    let (from_ms, to_ms) = range_ms(query)?;
    let name = |key| query.get(key).map(str::to_string);
    let asked = FeedbackQuery {
        project_id,
        scope,
        text,
        environment: name("environment"),
        release: name("release"),
        from_ms,
        to_ms,
        before,
        limit: page_rows(query),
    };
    let page = ready.store.feedback(asked).await?;
    let FeedbackPage { rows, next_before } = page;
    let feedback = rows.into_iter().map(|row| view(ready, row)).collect();
    let next_cursor = next_before.map(|id| id.to_string());
    Ok(json_response(StatusCode::OK, &FeedbackListView { feedback, next_cursor }))
}

/// `GET /api/ui/feedback/<feedback id>`
pub(super) async fn one(ready: &Ready, id: &str) -> Answer {
    let not_found = || ApiError::not_found("feedback");
    let id = EventId::parse(id).ok_or_else(not_found)?;
    let FeedbackWhole { row, body } = ready.store.feedback_by_id(id).await?.ok_or_else(not_found)?;
    let one = FeedbackOneView { feedback: view(ready, row), detail: body.map(|body| event_detail(&body)) };
    Ok(json_response(StatusCode::OK, &one))
}

/// What people wrote about one event.
pub(super) async fn of_event(
    ready: &Ready,
    project: crate::model::ids::ProjectId,
    event: EventId,
) -> Result<Vec<FeedbackView>, ApiError> {
    let query = FeedbackQuery {
        project_id: Some(project),
        scope: FeedbackScope::Event(event),
        limit: BESIDE_EVENT_MAX,
        ..FeedbackQuery::default()
    };
    let page = ready.store.feedback(query).await?;
    Ok(page.rows.into_iter().map(|row| view(ready, row)).collect())
}

/// The text after which the next page starts, as we handed it out: a number, with or without Sentry's `:0`.
fn cursor(query: &Query) -> Result<Option<i64>, ApiError> {
    let Some(text) = asked_cursor(query) else { return Ok(None) };
    let number = text.split(':').next().unwrap_or_default();
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, "that is not a cursor: start again without one");
    number.parse().map(Some).map_err(|_| invalid())
}

fn view(ready: &Ready, row: FeedbackRow) -> FeedbackView {
    let project = ready.project(row.project_id);
    let short_id = |number: u64| project.map(|project| project.short_id(number)).unwrap_or_default();
    FeedbackView {
        feedback_id: row.feedback_id.to_string(),
        project_slug: project.map(|project| project.slug.clone()).unwrap_or_default(),
        source: row.source.as_str().to_string(),
        message: row.message,
        name: row.name,
        email: row.email,
        url: row.url,
        timestamp_ms: row.timestamp_ms,
        release: row.release,
        environment: row.environment,
        event_id: row.event_id.map(|id| id.to_string()),
        issue: row.issue.map(|issue| FeedbackIssueView { short_id: short_id(issue.short_no), title: issue.title }),
        trace_id: row.trace_id.map(|id| id.to_string()),
        span_id: row.span_id.map(|id| id.to_string()),
        has_trace: row.has_trace,
        replay_id: row.replay_id.map(|id| id.to_string()),
    }
}

/// A page in Sentry's shape, and where the next one starts.
pub(super) async fn sentry_page(
    ready: &Ready,
    project: &Project,
    issue: Option<&Issue>,
    query: &Query,
    limit: usize,
) -> Result<(Value, Option<String>), ApiError> {
    let scope = issue.map_or(FeedbackScope::All, |issue| FeedbackScope::Issue(issue.id));
    let before = cursor(query)?;
    let asked = FeedbackQuery { project_id: Some(project.id), scope, before, limit, ..FeedbackQuery::default() };
    let page = ready.store.feedback(asked).await?;
    let rows: Vec<Value> = page.rows.iter().map(|row| sentry_json(project, row)).collect();
    Ok((json!(rows), page.next_before.map(|id| format!("{id}:0"))))
}

fn sentry_json(project: &Project, row: &FeedbackRow) -> Value {
    let event_id = row.event_id.unwrap_or(row.feedback_id).to_string();
    let has_user = row.name.is_some() || row.email.is_some();
    json!({
        "id": row.id.to_string(),
        "eventID": event_id,
        "name": row.name,
        "email": row.email,
        "comments": row.message,
        "dateCreated": rfc3339(row.timestamp_ms),
        "user": if has_user {
            json!({ "id": null, "name": row.name, "email": row.email, "username": null, "ipAddress": null })
        } else {
            Value::Null
        },
        "event": { "id": row.issue.as_ref().map(|_| event_id.clone()), "eventID": event_id },
        "issue": row.issue.as_ref().map(|issue| json!({
            "id": issue.id.to_string(),
            "shortId": project.short_id(issue.short_no),
            "title": issue.title,
            "project": { "id": project.id.to_string(), "slug": project.slug, "name": project.name },
        })),
    })
}

/// The methods of the route that write, or ask whether they may.
pub(super) fn is_write(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::OPTIONS)
}

/// `POST` and `OPTIONS` of `/api/0/projects/<organization>/<project>/user-feedback/`
pub(super) async fn answer_write(
    server: &Arc<Server>,
    organization: &str,
    project: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        // Only what a DSN needs: our own page's header is not granted to others.
        let granted = origins::granted(&server.settings, request.headers());
        let mut response = preflight(None);
        origins::allow(response.headers_mut(), &server.settings, granted);
        return response;
    }
    let arrival = arrival(&request, "sentry");
    let dsn = dsn_of(request.headers());
    let is_guest = dsn.is_some();
    if is_guest && let Err(error) = origins::check(&server.settings, request.headers()) {
        server.ledger.record(arrival, Ending::refused(&error, 0), &server.live);
        return error.response();
    }
    let granted = origins::granted(&server.settings, request.headers());
    if !is_guest && let Err(mut error) = guard::check_mutation(request.headers()) {
        if guard::check_reader(request.headers()).is_ok() {
            error.detail = "a report needs a key".to_string();
        }
        error.fix = Some(TOKEN_FIX.to_string());
        server.ledger.record(arrival, Ending::refused(&error, 0), &server.live);
        // The answer has no place of its own for the way out.
        error.detail = format!("{}: {TOKEN_FIX}", error.detail);
        return error.response();
    }
    let (mut response, ending) = take_report(server, (organization, project), dsn, request).await;
    server.ledger.record(arrival, ending, &server.live);
    if is_guest {
        origins::allow(response.headers_mut(), &server.settings, granted);
    }
    response
}

/// `Authorization: DSN http://…`; a scheme that is not ours counts as none.
fn dsn_of(headers: &HeaderMap) -> Option<String> {
    let (scheme, dsn) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(char::is_whitespace)?;
    scheme.eq_ignore_ascii_case("dsn").then(|| dsn.trim().to_string())
}

async fn take_report(
    server: &Arc<Server>,
    (organization, project): (&str, &str),
    dsn: Option<String>,
    request: Request<Incoming>,
) -> Answered {
    let (organization, project) = (organization.to_string(), project.to_string());
    let is_guest = dsn.is_some();
    let decode = move |ready: &Ready, body: &[u8]| {
        let project = find_project(ready, &organization, &project)?;
        if let Some(dsn) = dsn {
            let invalid = || {
                ApiError::new(StatusCode::UNAUTHORIZED, "Invalid dsn")
                    .with_fix("copy the DSN from the welcome page, and the project's name from its address")
            };
            let (key, id) = parse_dsn(&dsn).map_err(|_| invalid())?;
            if (key, id) != (project.public_key, project.id) {
                return Err(invalid());
            }
        }
        let report = decode_report(body).map_err(|error| {
            ApiError::new(StatusCode::BAD_REQUEST, "the body is no user report").caused_by(error.to_string())
        })?;
        let errors = missing(&report);
        if !errors.is_empty() {
            return Ok((project.clone(), Decoded::default(), Err(errors)));
        }
        let feedback = report.into_feedback(now_ms(), fresh_event_id());
        let id = feedback.feedback_id;
        Ok((project.clone(), Decoded { items: vec![Item::Feedback(Box::new(feedback))], refused: Vec::new() }, Ok(id)))
    };
    let (body_bytes, stored) = take_in_within(server, request, FEEDBACK_BYTES_MAX, decode).await;
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return refused(&error, body_bytes),
    };
    let id = match stored.extra {
        Ok(id) => id,
        Err(errors) => {
            let error = ApiError::new(StatusCode::BAD_REQUEST, "the user report is not complete")
                .with_fix("send event_id, name, email and comments");
            return (json_response(StatusCode::BAD_REQUEST, &errors), Ending::refused(&error, body_bytes));
        }
    };
    if stored.admission.is_all_limited() {
        let ending = stored.ending(StatusCode::TOO_MANY_REQUESTS, body_bytes);
        return (all_limited(&stored.admission), ending);
    }
    let ending = stored.ending(StatusCode::OK, body_bytes);
    let row = match server.ready().await {
        // An earlier report of the same event is not the answer to one that was filtered.
        Ok(_) if stored.admission.filtered > 0 => None,
        Ok(ready) => ready.store.feedback_by_id(id).await.ok().flatten(),
        Err(_) => None,
    };
    let body = row.map_or_else(
        || json!({}),
        |FeedbackWhole { mut row, .. }| {
            // A key may write and not read: whether the event is here, and what it is about, is for others.
            row.issue = row.issue.filter(|_| !is_guest);
            sentry_json(&stored.project, &row)
        },
    );
    (json_response(StatusCode::OK, &body), ending)
}

/// Fields without which a report is no report, in the words of Sentry's API.
fn missing(report: &Report) -> Map<String, Value> {
    let mut errors = Map::new();
    let mut need = |name: &str, is_there: bool, words: &str| {
        if !is_there {
            errors.insert(name.to_string(), json!([words]));
        }
    };
    const REQUIRED: &str = "This field is required.";
    need("event_id", report.event_id.is_some(), REQUIRED);
    need("name", report.name.is_some(), REQUIRED);
    need("comments", report.comments.is_some(), REQUIRED);
    match &report.email {
        None => need("email", false, REQUIRED),
        Some(email) => need("email", is_email(email), "Enter a valid email address."),
    }
    errors
}
