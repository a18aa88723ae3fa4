//! What people do to issues in the web app: actions, undoing them, comments, and what is told of all that.
//!
//! Owns what may be asked for. What it makes of an issue is decided in `model::workflow` and written by the store.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::{
    ACTION_ISSUES_MAX, COMMENT_CHARS_MAX, IGNORE_COUNT_MAX, IGNORE_MS_MAX, IGNORE_WINDOW_MINUTES_MAX,
    PERSON_NAME_CHARS_MAX, RELEASE_CHARS_MAX, SIMILAR_SHOWN_MAX,
};
use crate::model::detail::EventDetail;
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::{Issue, Priority};
use crate::model::project::Project;
use crate::model::similar::{Likeness, compare};
use crate::model::workflow::{ActivityKind, Ignoring, Window};
use crate::store::{
    Acting, ActivityRow, CommentChange, Commented, EventQuery, IssueAction, IssueName, ResolveIn, SimilarIssue,
};

use super::error::ApiError;
use super::projects::read_change;
use super::ui::{Answer, find_issue, issue_rows, ok};
use super::view::workflow::{
    self as view, ActedView, ActionProblemView, ActivityListView, ActivityView, CommentRequest, DiscardListView,
    DiscardView, IgnoreUntil, IssueActions, MergedListView, MergedView, PeopleView, ResolvePlace, SimilarListView,
    SimilarView, UndoRequest, UndoneView,
};
use super::{Query, Ready, Server, fresh_event_id, grouping, now_ms};

/// An issue less alike than this is not shown.
const SIMILAR_SCORE_MIN: f64 = 0.35;
/// Issues whose newest events are compared, frame by frame.
const SIMILAR_READ_MAX: usize = 12;

/// `POST /api/ui/issues/actions`
pub(super) async fn act(server: &Server, ready: &Ready, request: Request<Incoming>) -> Answer {
    let sent: IssueActions = read_change(server, request.into_body()).await?;
    // Beside the ids or in the action: both are said somewhere.
    let seen_ms = sent.seen_ms.or_else(|| sent.action.get("seen_ms").and_then(Value::as_i64));
    let wanted: view::IssueAction = serde_json::from_value(sent.action).map_err(|error| {
        bad("the action cannot be read: see the kinds of actions and what each needs").caused_by(error.to_string())
    })?;
    let action = read_action(ready, wanted).await?;
    let by = sent.by.as_deref().map(|by| person("by", by)).transpose()?;
    let token = fresh_event_id().to_string();
    let ids = find_all(ready, &sent.ids, &[]).await?;
    let acted = act_on(
        ready,
        &ids,
        Acting { ids: Vec::new(), action, by, seen_ms, token: Some(token.clone()), now_ms: now_ms() },
    )
    .await?;
    ok(&ActedView { changed: acted.changed, undo: acted.is_undoable.then_some(token), problems: acted.problems })
}

/// The issues asked for, and those that are not there.
pub(super) struct FoundIssues {
    pub(super) found: Vec<(String, IssueId)>,
    pub(super) missing: Vec<String>,
}

/// What an action came to, in the words of whoever asked.
pub(super) struct ActedOn {
    pub(super) changed: u64,
    pub(super) is_undoable: bool,
    pub(super) problems: Vec<ActionProblemView>,
}

/// Ids and short ids as sent, of the projects `within`, or of all when it names none. 404 when none of them is there.
pub(super) async fn find_all(ready: &Ready, ids: &[String], within: &[ProjectId]) -> Result<FoundIssues, ApiError> {
    if ids.is_empty() {
        return Err(bad("ids: name at least one issue"));
    }
    if ids.len() > ACTION_ISSUES_MAX {
        return Err(bad(format!("ids: {} are too many at once, take up to {ACTION_ISSUES_MAX}", ids.len())));
    }
    let named: Vec<(&String, IssueName)> =
        ids.iter().filter_map(|id| issue_name(ready, id).map(|name| (id, name))).collect();
    let ids_here = ready.store.find_issues(named.iter().map(|(_, name)| *name).collect(), within.to_vec()).await?;
    let mut found: Vec<(String, IssueId)> = Vec::with_capacity(ids.len());
    for ((sent, _), id) in named.iter().zip(ids_here) {
        if let Some(id) = id {
            found.push(((*sent).clone(), id));
        }
    }
    let missing: Vec<String> = ids.iter().filter(|id| !found.iter().any(|(sent, _)| sent == *id)).cloned().collect();
    if found.is_empty() {
        return Err(ApiError::not_found("issue").caused_by(missing.into_iter().take(10).collect::<Vec<_>>().join(", ")));
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|(_, id)| seen.insert(*id));
    Ok(FoundIssues { found, missing })
}

/// `DEFAULT-12`, in any case, or the id.
fn issue_name(ready: &Ready, text: &str) -> Option<IssueName> {
    match text.rsplit_once('-') {
        None => text.parse().ok().map(|id| IssueName::Id(IssueId(id))),
        Some((slug, number)) => {
            let project = ready.projects.iter().find(|project| project.slug.eq_ignore_ascii_case(slug))?;
            Some(IssueName::ShortNo(project.id, u64::from(number.parse::<u32>().ok()?)))
        }
    }
}

/// Does it; `acting` has no ids yet.
pub(super) async fn act_on(ready: &Ready, issues: &FoundIssues, acting: Acting) -> Result<ActedOn, ApiError> {
    let ids: Vec<IssueId> = issues.found.iter().map(|(_, id)| *id).collect();
    let is_one = ids.len() == 1 && issues.missing.is_empty();
    let acted = ready.store.act(Acting { ids, ..acting }).await?;
    // Of one issue, what cannot be done is an error and no remark.
    if let (true, 1, Some((_, problem))) = (is_one, acted.refused, acted.problems.last()) {
        return Err(bad(problem.clone()));
    }
    let as_sent = |id: IssueId| {
        let sent = issues.found.iter().find(|(_, found)| *found == id);
        sent.map_or_else(|| id.to_string(), |(sent, _)| sent.clone())
    };
    let gone = issues
        .missing
        .iter()
        .map(|id| ActionProblemView { id: id.clone(), detail: "there is no such issue".to_string() });
    let met = acted.problems.into_iter().map(|(id, detail)| ActionProblemView { id: as_sent(id), detail });
    Ok(ActedOn { changed: acted.changed, is_undoable: acted.is_undoable, problems: met.chain(gone).collect() })
}

async fn read_action(ready: &Ready, wanted: view::IssueAction) -> Result<IssueAction, ApiError> {
    Ok(match wanted {
        view::IssueAction::Resolve { place, release } => IssueAction::Resolve(match place {
            None | Some(ResolvePlace::Now) => ResolveIn::Now,
            Some(ResolvePlace::NextRelease) => ResolveIn::NextRelease,
            Some(ResolvePlace::Release) => ResolveIn::Release(release_name(release.as_deref().unwrap_or_default())?),
        }),
        view::IssueAction::Ignore { until, until_ms, count, window_minutes } => {
            let until = until.unwrap_or(IgnoreUntil::Forever);
            IssueAction::Ignore(match until {
                IgnoreUntil::Forever => Ignoring::Forever,
                IgnoreUntil::Time => ignore_until_time(until_ms.ok_or_else(|| bad("until_ms: say until when"))?)?,
                IgnoreUntil::Events => {
                    ignore_until_events(count.ok_or_else(|| bad("count: say how many"))?, window_minutes)?
                }
                IgnoreUntil::Users => ignore_until_users(count.ok_or_else(|| bad("count: say how many"))?)?,
            })
        }
        view::IssueAction::Unresolve => IssueAction::Unresolve,
        view::IssueAction::Assign { to } => IssueAction::Assign(
            to.as_deref().filter(|to| !to.trim().is_empty()).map(|to| person("to", to)).transpose()?,
        ),
        view::IssueAction::Priority { priority } => IssueAction::Priority(read_priority(&priority)?),
        view::IssueAction::Bookmark { on } => IssueAction::Bookmark(on),
        view::IssueAction::Merge { into } => IssueAction::Merge { into: find_named(ready, &into).await? },
        view::IssueAction::Unmerge { from } => IssueAction::Unmerge { from: find_named(ready, &from).await? },
        view::IssueAction::Delete => IssueAction::Delete,
        view::IssueAction::Discard => IssueAction::Discard,
    })
}

/// As it was named, not what it is shown as.
async fn find_named(ready: &Ready, id: &str) -> Result<IssueId, ApiError> {
    let missing = || ApiError::not_found("issue").caused_by(id.chars().take(100).collect::<String>());
    let name = issue_name(ready, id).ok_or_else(missing)?;
    ready.store.find_issues(vec![name], Vec::new()).await?.into_iter().next().flatten().ok_or_else(missing)
}

pub(super) fn read_priority(text: &str) -> Result<Priority, ApiError> {
    Priority::parse(text).ok_or_else(|| bad("priority: one of low, medium, high"))
}

pub(super) fn release_name(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > RELEASE_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(bad(format!("release: name one, in one line of up to {RELEASE_CHARS_MAX} characters")));
    }
    Ok(text.to_string())
}

pub(super) fn ignore_until_time(until_ms: i64) -> Result<Ignoring, ApiError> {
    let now_ms = now_ms();
    if until_ms <= now_ms || until_ms - now_ms > IGNORE_MS_MAX {
        return Err(bad("until_ms: a time to come, within ten years"));
    }
    Ok(Ignoring::Time { until_ms })
}

pub(super) fn ignore_until_events(count: u64, window_minutes: Option<u64>) -> Result<Ignoring, ApiError> {
    let window = match window_minutes {
        None | Some(0) => None,
        Some(minutes) => {
            let minutes = u32::try_from(minutes).ok().filter(|minutes| *minutes <= IGNORE_WINDOW_MINUTES_MAX);
            let too_long = || bad(format!("window_minutes: up to {IGNORE_WINDOW_MINUTES_MAX}, which is a week"));
            Some(Window::new(minutes.ok_or_else(too_long)?))
        }
    };
    Ok(Ignoring::Events { count: ignore_count(count)?, seen: 0, window })
}

pub(super) fn ignore_until_users(count: u64) -> Result<Ignoring, ApiError> {
    Ok(Ignoring::Users { count: ignore_count(count)?, seen: 0 })
}

fn ignore_count(count: u64) -> Result<u64, ApiError> {
    if (1..=IGNORE_COUNT_MAX).contains(&count) {
        return Ok(count);
    }
    Err(bad(format!("count: from 1 to {IGNORE_COUNT_MAX}")))
}

/// What a person says they are called.
pub(super) fn person(field: &str, name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > PERSON_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(bad(format!("{field}: write one line of 1 to {PERSON_NAME_CHARS_MAX} characters")));
    }
    Ok(name.to_string())
}

pub(super) fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

/// `POST /api/ui/issues/undo`
pub(super) async fn undo(server: &Server, ready: &Ready, request: Request<Incoming>) -> Answer {
    let sent: UndoRequest = read_change(server, request.into_body()).await?;
    let undone = ready.store.undo(sent.token, now_ms()).await?.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "this cannot be undone any more: it was undone already, or is too long ago",
        )
    })?;
    let problems = undone.problems.into_iter().map(|(id, detail)| ActionProblemView { id: id.to_string(), detail });
    ok(&UndoneView { changed: undone.changed, problems: problems.collect() })
}

/// `GET /api/ui/people`
pub(super) async fn people(ready: &Ready) -> Answer {
    ok(&PeopleView { names: ready.store.people().await? })
}

/// `GET /api/ui/issues/<id>/activity`
pub(super) async fn activity(ready: &Ready, issue: &str) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let rows = ready.store.activity(issue.id).await?;
    let mut entries: Vec<ActivityView> =
        rows.into_iter().map(|row| activity_view(ready, issue.project_id, row)).collect();
    entries.push(first_seen(&issue));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms));
    ok(&ActivityListView { entries })
}

/// Told by the issue itself.
fn first_seen(issue: &Issue) -> ActivityView {
    ActivityView {
        id: "0".to_string(),
        at_ms: issue.first_seen_ms,
        by: None,
        kind: ActivityKind::FirstSeen.as_str().to_string(),
        text: None,
        edited_ms: None,
        detail: json!({ "release": issue.first_release }),
    }
}

fn activity_view(ready: &Ready, project: ProjectId, row: ActivityRow) -> ActivityView {
    let detail = told_detail(ready.project(project), row.detail.as_deref());
    // Older stores have a person's reopening under the same name as that by time and events, which alone has a reason.
    let is_reopened = row.kind == ActivityKind::Unignored.as_str() && !detail.contains_key("reason");
    ActivityView {
        id: row.id.to_string(),
        at_ms: row.at_ms,
        by: row.by,
        kind: if is_reopened { ActivityKind::Unresolved.as_str().to_string() } else { row.kind },
        text: row.text,
        edited_ms: row.edited_ms,
        detail: Value::Object(detail),
    }
}

/// Issues are kept by their number and told by their short id.
pub(super) fn told_detail(project: Option<&Project>, detail: Option<&str>) -> Map<String, Value> {
    let mut members: Map<String, Value> = detail.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (number, name) in [("short_no", "short_id"), ("into_no", "into_short_id")] {
        if let (Some(short_no), Some(project)) = (members.get(number).and_then(Value::as_u64), project) {
            members.insert(name.to_string(), project.short_id(short_no).into());
            members.shift_remove(number);
        }
    }
    members
}

/// `POST /api/ui/issues/<id>/comments`
pub(super) async fn add_comment(server: &Server, ready: &Ready, issue: &str, request: Request<Incoming>) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let sent: CommentRequest = read_change(server, request.into_body()).await?;
    let text = comment_text(&sent.text)?;
    let row = comment(ready, &issue, CommentChange::Add { text }, sent.by.as_deref()).await?;
    let mut response = ok(&activity_view(ready, issue.project_id, row))?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `PUT` and `DELETE /api/ui/issues/<id>/comments/<comment>`
pub(super) async fn edit_comment(
    server: &Server,
    ready: &Ready,
    issue: &str,
    comment_id: &str,
    request: Request<Incoming>,
) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let id: i64 = comment_id.parse().map_err(|_| ApiError::not_found("comment"))?;
    let (change, by) = if request.method() == Method::DELETE {
        (CommentChange::Delete { comment: id }, None)
    } else {
        let sent: CommentRequest = read_change(server, request.into_body()).await?;
        (CommentChange::Edit { comment: id, text: comment_text(&sent.text)? }, sent.by)
    };
    let row = comment(ready, &issue, change, by.as_deref()).await?;
    ok(&activity_view(ready, issue.project_id, row))
}

pub(super) fn comment_text(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    // Lines are its own; anything else that cannot be seen has no place in it.
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.is_empty() || text.chars().count() > COMMENT_CHARS_MAX || !text.chars().all(is_plain) {
        return Err(bad(format!("text: write 1 to {COMMENT_CHARS_MAX} characters, without control characters")));
    }
    Ok(text.to_string())
}

pub(super) async fn comment(
    ready: &Ready,
    issue: &Issue,
    change: CommentChange,
    by: Option<&str>,
) -> Result<ActivityRow, ApiError> {
    let by = by.filter(|by| !by.trim().is_empty()).map(|by| person("by", by)).transpose()?;
    match ready.store.comment(issue.id, change, by, now_ms()).await? {
        Commented::Done(row) => Ok(row),
        Commented::Missing => Err(ApiError::not_found("comment")),
        Commented::TooMany => Err(ApiError::new(
            StatusCode::CONFLICT,
            "this issue has as many comments as there can be: delete some first",
        )),
    }
}

/// `GET /api/ui/issues/<id>/merged`
pub(super) async fn merged(ready: &Ready, issue: &str) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let members = ready.store.merged_issues(issue.id).await?;
    let members = members.into_iter().map(|member| MergedView {
        id: member.id.to_string(),
        short_id: short_id(ready, issue.project_id, member.short_no),
        title: member.title,
        event_count: member.event_count,
        last_seen_ms: member.last_seen_ms,
        hash: member.hash.map(|hash| hex(&hash)).unwrap_or_default(),
    });
    ok(&MergedListView { members: members.collect() })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn short_id(ready: &Ready, project: ProjectId, short_no: u64) -> String {
    ready.project(project).map(|project| project.short_id(short_no)).unwrap_or_default()
}

/// `GET /api/ui/issues/<id>/similar`
pub(super) async fn similar(ready: &Ready, issue: &str) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let candidates = ready.store.similar_issues(issue.clone(), SIMILAR_READ_MAX).await?;
    let own = Likeness { frames: frames(ready, issue.id).await?, ..Likeness::of_issue(&issue) };
    let mut found = Vec::with_capacity(candidates.len());
    for SimilarIssue { issue, .. } in candidates {
        let frames = if own.frames.is_empty() { Vec::new() } else { frames(ready, issue.id).await? };
        let similarity = compare(&own, &Likeness { frames, ..Likeness::of_issue(&issue) });
        if similarity.score >= SIMILAR_SCORE_MIN {
            found.push((issue, similarity));
        }
    }
    found.sort_by(|one, other| other.1.score.total_cmp(&one.1.score));
    found.truncate(SIMILAR_SHOWN_MAX);
    let (issues, similarities): (Vec<Issue>, Vec<_>) = found.into_iter().unzip();
    let rows = issue_rows(ready, issues).await?;
    let issues = rows.into_iter().zip(similarities).map(|(row, similarity)| SimilarView {
        row,
        score: similarity.score,
        reasons: similarity.reasons,
    });
    ok(&SimilarListView { issues: issues.collect() })
}

/// The frames of the application in the newest event of an issue, innermost first.
async fn frames(ready: &Ready, issue: IssueId) -> Result<Vec<(String, String)>, ApiError> {
    let Some(row) = ready.store.event(EventQuery::Latest(issue)).await? else { return Ok(Vec::new()) };
    Ok(app_frames(&grouping::shown(ready, &row.summary, &row.body)))
}

fn app_frames(detail: &EventDetail) -> Vec<(String, String)> {
    let raised = detail.exceptions.iter().find(|exception| exception.is_raised);
    let Some(exception) = raised.or(detail.exceptions.last()) else { return Vec::new() };
    let frames = exception.frames.iter().rev().filter(|frame| frame.in_app);
    frames
        .map(|frame| {
            let place = frame.module.as_ref().or(frame.filename.as_ref()).cloned().unwrap_or_default();
            (place, frame.function.clone().unwrap_or_default())
        })
        .collect()
}

/// `GET /api/ui/discarded?project=<slug>`
pub(super) async fn discarded(ready: &Ready, query: &Query) -> Answer {
    let project = match query.get("project") {
        Some(slug) => Some(ready.project_by_slug(slug).ok_or_else(|| ApiError::not_found("project"))?.id),
        None => None,
    };
    let discards = ready.store.discards(project).await?;
    let discarded = discards.into_iter().map(|discard| DiscardView {
        id: discard.id.to_string(),
        project_slug: ready.project(discard.project_id).map(|project| project.slug.clone()).unwrap_or_default(),
        short_id: short_id(ready, discard.project_id, discard.short_no),
        title: discard.title,
        culprit: discard.culprit,
        by: discard.by,
        at_ms: discard.at_ms,
        event_count: discard.event_count,
        last_ms: discard.last_ms,
    });
    ok(&DiscardListView { discarded: discarded.collect() })
}

/// `POST /api/ui/discarded/<id>/lift`
pub(super) async fn lift(ready: &Ready, discard: &str) -> Answer {
    let id: i64 = discard.parse().map_err(|_| ApiError::not_found("discard"))?;
    if !ready.store.lift_discard(id).await? {
        return Err(ApiError::not_found("discard"));
    }
    discarded(ready, &Query(Vec::new())).await
}
