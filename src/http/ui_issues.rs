//! Handlers of `/api/ui/issues`: lists by the search language, and what there is to know of an issue's events.

use hyper::StatusCode;

use crate::config::ENVIRONMENTS_SHOWN_MAX;
use crate::config::facts::{FACT_VALUES_SHOWN_MAX, HISTORY_STEPS_MAX, RELEASES_SHOWN_MAX};
use crate::model::facts::{FactKey, Field};
use crate::model::ids::{EventId, IssueId};
use crate::model::issue::Issue;
use crate::model::time::{DAY_MS, HOUR_MS, MINUTE_MS, rfc3339};
use crate::search::{Dataset, Expr};
use crate::store::{
    Asker, EventFilter, EventLine, EventPick, EventQuery, EventSearch, IssueOrder, IssueSearch, TagCounts,
};

use super::error::ApiError;
use super::ui::{Answer, cursor, event_view, find_issue, ok, page_rows, scoped_issue_rows};
use super::ui_search::{self, range_ms, read};
use super::view::issue::{
    ChangeView, ChangesView, EventLineView, IssueCountsView, IssueEventsView, IssueHistoryView, IssueListView,
    IssueTagView, IssueTagsView, IssueUserView, IssueUsersView, ReleaseMarkView, TagValueView,
};
use super::{Query, Ready, grouping, now_ms};

/// What is shown of an issue's time when nothing was asked for.
const HISTORY_MINUTES: i64 = 2 * 60;
const HISTORY_FIVE_MINUTES: i64 = 24 * 12;
const HISTORY_HOURS: i64 = 7 * 24;
const HISTORY_DAYS: i64 = 90;

/// `query`, or what a list shows when there is none.
fn expression(query: &Query, dataset: Dataset, default: &str) -> Result<Expr, ApiError> {
    read(query.first("query").unwrap_or(default), dataset)
}

fn asker(query: &Query, now_ms: i64) -> Asker {
    Asker { now_ms, me: query.get("me").filter(|me| !me.is_empty()).map(str::to_string) }
}

fn bad(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}

/// `environment`, `release`, and time: `range`, or `from` and `to`.
pub(super) fn event_filter(query: &Query) -> Result<EventFilter, ApiError> {
    let name = |key: &str| query.get(key).filter(|value| !value.is_empty()).map(str::to_string);
    let (from_ms, to_ms) = range_ms(query)?;
    Ok(EventFilter {
        environment: name("environment"),
        release: name("release"),
        from_ms,
        to_ms,
        ..EventFilter::default()
    })
}

fn issue_search(ready: &Ready, query: &Query, expr: Expr, now_ms: i64) -> Result<IssueSearch, ApiError> {
    let project_id = match query.get("project").filter(|slug| !slug.is_empty()) {
        Some(slug) => Some(ready.project_by_slug(slug).ok_or_else(|| ApiError::not_found("project"))?.id),
        None => None,
    };
    let order = match query.get("sort") {
        Some("first_seen") => IssueOrder::FirstSeen,
        Some("events") => IssueOrder::Events,
        Some("users") => IssueOrder::Users,
        Some("trend") => IssueOrder::Trend,
        Some("priority") => IssueOrder::Priority,
        _ => IssueOrder::LastSeen,
    };
    Ok(IssueSearch {
        expr,
        asker: asker(query, now_ms),
        project_id,
        filter: event_filter(query)?,
        order,
        after: cursor(query)?.map(|(value, id)| (value, IssueId(id))),
        limit: page_rows(query),
    })
}

pub(super) async fn issues(ready: &Ready, query: &Query) -> Answer {
    let now_ms = now_ms();
    // An older page asks for a status of its own.
    let default = match query.get("status") {
        Some("all") => "",
        Some("resolved") => "is:resolved",
        Some("ignored") => "is:ignored",
        _ => "is:unresolved",
    };
    let mut expr = expression(query, Dataset::Issues, default)?;
    if query.get("query").is_some() && query.get("status").is_some() && !default.is_empty() {
        expr = Expr::and([read(default, Dataset::Issues)?, expr]);
    }
    let search = issue_search(ready, query, expr, now_ms)?;
    let project_id = search.project_id;
    let (expr, filter, order) = (search.expr.clone(), search.filter.clone(), search.order);
    let found = ready.store.search_issues(search).await?;
    let notes = match found.page.total {
        0 => ui_search::notes(ready, Dataset::Issues, &expr).await?,
        _ => Vec::new(),
    };
    let next_cursor = found.page.next_after.map(|(value, id)| format!("{value}.{}", id.0));
    let issues = scoped_issue_rows(ready, found.page.issues, filter, order).await?;
    ok(&IssueListView {
        issues,
        next_cursor,
        total: found.page.total,
        environments: ready.store.issue_environments(ENVIRONMENTS_SHOWN_MAX).await?,
        releases: ready.store.release_names(project_id, RELEASES_SHOWN_MAX).await?,
        partial: found.partial,
        notes,
    })
}

/// Of what is asked for besides a state, in which states it is.
pub(super) async fn counts(ready: &Ready, query: &Query) -> Answer {
    let expr = expression(query, Dataset::Issues, "")?;
    let counts = ready.store.count_by_state(issue_search(ready, query, expr, now_ms())?).await?;
    ok(&IssueCountsView {
        open: counts.unresolved,
        new: counts.new,
        regressed: counts.regressed,
        ignored: counts.ignored,
        resolved: counts.resolved,
        all: counts.all,
    })
}

/// The events of an issue that are asked for.
fn event_search(query: &Query, issue: IssueId) -> Result<EventSearch, ApiError> {
    let now_ms = now_ms();
    let expr = expression(query, Dataset::Events, "")?;
    Ok(EventSearch { issue_id: issue, expr, asker: asker(query, now_ms), filter: event_filter(query)? })
}

pub(super) async fn issue_event(ready: &Ready, issue: &str, event: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let search = event_search(query, issue.id)?;
    let pick = match event {
        "latest" => Some(EventPick::Latest),
        "first" | "oldest" => Some(EventPick::First),
        "recommended" => Some(EventPick::Recommended),
        _ => None,
    };
    let id = match pick {
        Some(pick) => ready.store.pick_event(search.clone(), pick).await?,
        None => EventId::parse(event),
    };
    let id = id.ok_or_else(|| ApiError::not_found("event"))?;
    let row = ready.store.event(EventQuery::InProject(issue.project_id, id)).await?;
    let row = row.ok_or_else(|| ApiError::not_found("event"))?;
    if row.summary.issue_id != issue.id && !ready.store.issue_members(issue.id).await?.contains(&row.summary.issue_id) {
        return Err(ApiError::not_found("event"));
    }
    event_view(ready, row, search).await
}

pub(super) async fn issue_events(ready: &Ready, issue: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let search = event_search(query, issue.id)?;
    let before = match query.get("cursor") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| bad("that is not a cursor: start again without one"))?),
    };
    let lines = ready.store.event_lines(search, before, page_rows(query)).await?;
    ok(&IssueEventsView {
        events: lines.events.into_iter().map(event_line).collect(),
        next_cursor: lines.next_before.map(|id| id.to_string()),
        total: lines.total,
        is_partial: lines.is_partial,
    })
}

fn event_line(line: EventLine) -> EventLineView {
    EventLineView {
        event_id: line.event_id.to_string(),
        timestamp_ms: line.timestamp_ms,
        title: line.title,
        level: line.level,
        release: line.release,
        environment: line.environment,
        user: line.user,
        trace_id: line.trace_id.map(|id| id.to_string()),
        transaction: line.transaction,
        server_name: line.server_name,
    }
}

pub(super) async fn tags(ready: &Ready, issue: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let with_rest = query.get("compare") == Some("rest");
    let found = ready.store.event_tags(event_search(query, issue.id)?, with_rest).await?;
    ok(&IssueTagsView {
        events: found.events,
        is_partial: found.is_partial,
        tags: found.tags.into_iter().map(tag_view).collect(),
        left_out: found.left_out,
        next_cursor: None,
    })
}

pub(super) async fn tag(ready: &Ready, issue: &str, key: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    // A part of a path holds neither & nor =, so it reads as the name of a single parameter.
    let key = form_urlencoded::parse(key.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default();
    let offset: usize = match query.get("cursor") {
        None => 0,
        Some(text) => text.parse().map_err(|_| bad("that is not a cursor: start again without one"))?,
    };
    let limit = page_rows(query);
    let search = event_search(query, issue.id)?;
    let found = ready.store.event_tag(search, key, offset, limit).await?;
    let (tag, is_partial) = found.ok_or_else(|| ApiError::not_found("tag of this issue"))?;
    let next = offset + tag.values.len();
    let has_more = (next as u64) < tag.distinct && !tag.values.is_empty();
    let events = tag.missing + tag.other + tag.values.iter().map(|value| value.count).sum::<u64>();
    ok(&IssueTagsView {
        events,
        is_partial,
        tags: vec![tag_view(tag)],
        left_out: 0,
        next_cursor: has_more.then(|| next.to_string()),
    })
}

fn tag_view(tag: TagCounts) -> IssueTagView {
    IssueTagView {
        key: tag.key,
        distinct: tag.distinct,
        missing: tag.missing,
        other: tag.other,
        values: tag
            .values
            .into_iter()
            .map(|value| TagValueView {
                value: value.value,
                count: value.count,
                last_seen_ms: value.last_seen_ms,
                rest_share: value.rest_share,
                lift: value.lift,
            })
            .collect(),
    }
}

/// Equal steps of time: from when on, how long each, how many.
#[derive(Clone, Copy)]
struct Steps {
    start_ms: i64,
    step_ms: i64,
    count: usize,
}

impl Steps {
    /// Those that what is asked for lies in, the latest where that is too much; so many of them when it has no beginning.
    fn of(step_ms: i64, filter: &EventFilter, now_ms: i64, shown: i64) -> Self {
        let last = filter.to_ms.unwrap_or(now_ms).min(now_ms).div_euclid(step_ms);
        let first = filter.from_ms.map_or(last - shown + 1, |from_ms| from_ms.div_euclid(step_ms));
        let first = first.clamp(last - HISTORY_STEPS_MAX as i64 + 1, last);
        let count = (last - first + 1).clamp(1, HISTORY_STEPS_MAX as i64) as usize;
        Self { start_ms: first * step_ms, step_ms, count }
    }

    fn hours(&self) -> usize {
        self.count * (self.step_ms / HOUR_MS) as usize
    }

    /// Numbers of the first and last hour that lie in them whole; of the one that is not over all there is of it.
    fn whole_hours(&self, now_ms: i64) -> Option<(i64, i64)> {
        let end_ms = self.start_ms + self.count as i64 * self.step_ms;
        let first = (self.start_ms + HOUR_MS - 1).div_euclid(HOUR_MS);
        let last = if end_ms >= now_ms { now_ms.div_euclid(HOUR_MS) } else { end_ms.div_euclid(HOUR_MS) - 1 };
        (first <= last).then_some((first, last))
    }

    /// Of counts by these steps the sum of those in the hours from the first to the last.
    fn sum_of(&self, counts: &[u64], (first, last): (i64, i64)) -> u64 {
        let is_in = |step: usize| {
            let hour = (self.start_ms + step as i64 * self.step_ms).div_euclid(HOUR_MS);
            (first..=last).contains(&hour)
        };
        counts.iter().enumerate().filter(|(step, _)| is_in(*step)).map(|(_, count)| count).sum()
    }
}

pub(super) async fn history(ready: &Ready, issue: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let mut search = event_search(query, issue.id)?;
    let now_ms = now_ms();
    let is_long = search.filter.from_ms.is_some_and(|from_ms| now_ms - from_ms > HISTORY_HOURS * 2 * HOUR_MS);
    let (mut unit, mut steps) = match query.get("unit") {
        Some("minute") => ("minute", Steps::of(MINUTE_MS, &search.filter, now_ms, HISTORY_MINUTES)),
        Some("five_minutes") => {
            ("five_minutes", Steps::of(5 * MINUTE_MS, &search.filter, now_ms, HISTORY_FIVE_MINUTES))
        }
        Some("hour") => ("hour", Steps::of(HOUR_MS, &search.filter, now_ms, HISTORY_HOURS)),
        Some("day") => ("day", Steps::of(DAY_MS, &search.filter, now_ms, HISTORY_DAYS)),
        None if is_long => ("day", Steps::of(DAY_MS, &search.filter, now_ms, HISTORY_DAYS)),
        None => ("hour", Steps::of(HOUR_MS, &search.filter, now_ms, HISTORY_HOURS)),
        Some(other) => return Err(bad(format!("a unit is minute, five_minutes, hour or day, not {other:?}"))),
    };
    let is_all =
        search.expr == Expr::Everything && search.filter.environment.is_none() && search.filter.release.is_none();
    let by_hour = async |last: i64, hours: usize| -> Result<Vec<u64>, ApiError> {
        let histories = ready.store.issue_histories(vec![issue.id], last, hours).await?;
        Ok(histories.into_iter().next().map(|history| history.hours).unwrap_or_default())
    };
    let mut told = None;
    if !is_all || steps.step_ms < HOUR_MS {
        // Asked first: what comes meanwhile must not look as if it were missing.
        let hours = steps.whole_hours(now_ms).filter(|_| is_all);
        let known = match hours {
            Some((first, last)) => by_hour(last, (last - first + 1) as usize).await?.iter().sum(),
            None => 0,
        };
        search.filter.from_ms =
            Some(search.filter.from_ms.map_or(steps.start_ms, |from_ms| from_ms.max(steps.start_ms)));
        let (counts, is_partial) =
            ready.store.event_history(search.clone(), steps.start_ms, steps.step_ms, steps.count).await?;
        // Numbers outlive events: those of hours are whole where some events are gone already.
        let is_missing = is_partial || hours.is_some_and(|hours| steps.sum_of(&counts, hours) < known);
        if is_all && is_missing {
            (unit, steps) = ("hour", Steps::of(HOUR_MS, &search.filter, now_ms, HISTORY_HOURS));
        } else {
            told = Some((counts, is_partial));
        }
    }
    let (counts, is_partial) = match told {
        Some(told) => told,
        None => {
            let hours = by_hour(steps.start_ms / HOUR_MS + steps.hours() as i64 - 1, steps.hours()).await?;
            (hours.chunks((steps.step_ms / HOUR_MS) as usize).map(|step| step.iter().sum()).collect(), false)
        }
    };
    let Steps { start_ms, step_ms, .. } = steps;
    let end_ms = search.filter.to_ms.unwrap_or(now_ms).min(now_ms);
    let marks = ready.store.release_marks(issue.project_id, start_ms, end_ms, RELEASES_SHOWN_MAX).await?;
    let releases = marks.into_iter().map(|mark| ReleaseMarkView { version: mark.version, at_ms: mark.at_ms }).collect();
    ok(&IssueHistoryView { unit: unit.to_string(), start_ms, step_ms, counts, releases, is_partial })
}

pub(super) async fn users(ready: &Ready, issue: &str, query: &Query) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let search = event_search(query, issue.id)?;
    let is_all = search == EventSearch { asker: search.asker.clone(), ..EventSearch::all(issue.id) };
    let found = ready.store.event_tag(search, "user".to_string(), 0, page_rows(query)).await?;
    let (tag, is_partial) = found.unwrap_or_default();
    ok(&IssueUsersView {
        // Of those whose events are gone the number is kept, not the names.
        count: if is_all { issue.user_count.max(tag.distinct) } else { tag.distinct },
        users: tag
            .values
            .into_iter()
            .map(|value| IssueUserView { label: value.value, count: value.count, last_seen_ms: value.last_seen_ms })
            .collect(),
        is_partial,
    })
}

pub(super) async fn changes(ready: &Ready, issue: &str) -> Answer {
    let issue = find_issue(ready, issue).await?;
    let regressed = ready.store.regressed_ms(issue.id).await?;
    let (since_ms, basis) = match regressed {
        Some(at_ms) => (
            at_ms,
            format!(
                "Since it came back on {}, beside the project's events of the day before that come from the same SDK and package.",
                day(at_ms)
            ),
        ),
        None => (
            issue.first_seen_ms,
            format!(
                "Since it was first seen on {}, beside the project's other events of the day before that come from the same \
                 SDK and package.",
                day(issue.first_seen_ms)
            ),
        ),
    };
    let found = ready.store.issue_changes(issue.id, since_ms).await?;
    let mut items = Vec::new();
    for (version, at_ms) in &found.releases {
        items.push(ChangeView {
            kind: "release".to_string(),
            key: "release".to_string(),
            before: found.release_before.as_ref().map(|(before, _)| before.clone()).filter(|before| before != version),
            after: Some(version.clone()),
            share_before: None,
            share_after: None,
            lift: None,
            sentence: match since_ms - at_ms {
                0..1_000 => format!("Release {version} was first seen at the same time."),
                before_ms => format!("Release {version} was first seen {} before.", stretch(before_ms)),
            },
        });
    }
    if let (Some((before, of_before)), Some((after, of_after))) = (&found.release_before, &found.release_after)
        && before != after
        && !found.releases.iter().any(|(version, _)| version == after)
    {
        items.push(ChangeView {
            kind: "release".to_string(),
            key: "release".to_string(),
            before: Some(before.clone()),
            after: Some(after.clone()),
            share_before: None,
            share_after: None,
            lift: None,
            sentence: format!(
                "{} come from {after}, {} from {before}.",
                part_of("its events", "Its events", *of_after),
                part_of("those before", "those before", *of_before)
            ),
        });
    }
    for fact in found.facts {
        let (kind, key) = match FactKey::parse(&fact.fact) {
            Some(FactKey::Tag(name)) => ("tag", name.to_string()),
            Some(FactKey::Flag(name)) => ("flag", name.to_string()),
            Some(FactKey::Field(Field::Environment)) => ("environment", "environment".to_string()),
            Some(FactKey::Field(Field::ServerName)) => ("server", "server_name".to_string()),
            Some(FactKey::Field(field)) => ("tag", field.name().to_string()),
            None => continue,
        };
        let percent = |share: f64| (share * 100.0).round();
        let (after, before) = (percent(fact.share_after), percent(fact.share_before));
        items.push(ChangeView {
            kind: kind.to_string(),
            sentence: format!("{key} is {} in {after}% of its events, {before}% of those before.", fact.value),
            key,
            before: None,
            after: Some(fact.value),
            share_before: Some(fact.share_before),
            share_after: Some(fact.share_after),
            lift: Some(fact.lift),
        });
    }
    if let (Some(before), Some(after)) = (found.event_before, found.event_after) {
        items.extend(packages(ready, &issue, before, after).await?);
    }
    ok(&ChangesView { since_ms, basis, items })
}

/// `Its events`, or `64 % of its events` where others are not.
fn part_of(some: &str, all: &str, share: f64) -> String {
    // What rounds to all of them is not all.
    let percent = (share * 100.0).round().clamp(1.0, 99.0);
    if share >= 1.0 { all.to_string() } else { format!("{percent}% of {some}") }
}

/// Packages whose versions differ between two events.
async fn packages(ready: &Ready, issue: &Issue, before: EventId, after: EventId) -> Result<Vec<ChangeView>, ApiError> {
    let mut modules = Vec::new();
    for id in [before, after] {
        let Some(row) = ready.store.event(EventQuery::InProject(issue.project_id, id)).await? else {
            return Ok(Vec::new());
        };
        modules.push(grouping::shown(ready, &row.summary, &row.body).modules);
    }
    let [before, after] = modules.as_slice() else { return Ok(Vec::new()) };
    if before.is_empty() || after.is_empty() {
        return Ok(Vec::new());
    }
    let version = |all: &[crate::model::detail::Pair], name: &str| {
        all.iter().find(|pair| pair.key == name).map(|pair| pair.value.clone())
    };
    let mut names: Vec<&str> = before.iter().chain(after).map(|pair| pair.key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter_map(|name| {
        let (old, new) = (version(before, name), version(after, name));
        let sentence = match (&old, &new) {
            (Some(old), Some(new)) if old != new => format!("{name} went from {old} to {new}."),
            (None, Some(new)) => format!("{name} {new} was added."),
            (Some(old), None) => format!("{name} {old} was removed."),
            _ => return None,
        };
        Some(ChangeView {
            kind: "package".to_string(),
            key: name.to_string(),
            before: old,
            after: new,
            share_before: None,
            share_after: None,
            lift: None,
            sentence,
        })
    });
    Ok(changed.take(FACT_VALUES_SHOWN_MAX).collect())
}

fn day(at_ms: i64) -> String {
    rfc3339(at_ms).get(..16).unwrap_or_default().replace('T', " ")
}

/// `40 s`, `12 min`, `3 h`
fn stretch(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
