//! What people do to issues, what is done when events meet that, and what can be undone.
//!
//! Owns the rows of the workflow: states, activity, comments, merges, deletions, discards. What becomes of a state is
//! decided elsewhere (`model::workflow`). An action on many issues is written in slices between which what is sent is
//! stored, each issue in one of them whole.

mod deleting;
pub(super) mod merging;
mod notes;
mod similar;
mod states;
pub(super) mod undoing;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use serde_json::{Value, json};

pub use deleting::Discard;
pub(super) use deleting::{DiscardDeltas, PURGE, lead_on, successor_of};
pub(super) use merging::{dissolve_all, mend, merge_planned, plan_merge};
pub use notes::{ActivityRow, CommentChange, Commented, IssueHash, MergedIssue};
pub use similar::SimilarIssue;
pub(super) use states::{resolve_if_open, root_of};
pub use undoing::Undone;
pub(super) use undoing::{FORGET, WAKE};
pub(super) use watch::{Watch, look_at};

use super::releases::newest_releases;
use super::writer::WriterHandle;
use super::{Store, StoreError};
use crate::config::{LATEST_RELEASE_LOOKED_AT, MERGED_ISSUES_MAX, SLICE_MS};
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::Priority;
use crate::model::sketch::UserSketch;
use crate::model::workflow::{
    ActivityKind, Decided, Decision, Ignoring, Input, Release, Resolution, State, latest_release, transition,
};
use undoing::{Before, Kept};

/// What a person does.
#[derive(Clone, Debug, PartialEq)]
pub enum IssueAction {
    Resolve(ResolveIn),
    Ignore(Ignoring),
    Unresolve,
    Assign(Option<String>),
    Priority(Priority),
    Bookmark(bool),
    Merge {
        into: IssueId,
    },
    /// Takes merged issues out of one again.
    Unmerge {
        from: IssueId,
    },
    Delete,
    Discard,
}

/// Where the fix is, as people say it.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolveIn {
    Now,
    NextRelease,
    /// The one that is the latest of the project.
    LatestRelease,
    Release(String),
}

/// An action and the issues it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Acting {
    pub ids: Vec<IssueId>,
    pub action: IssueAction,
    pub by: Option<String>,
    /// What the person had seen: whoever changed an issue since is told of.
    pub seen_ms: Option<i64>,
    /// By which it can be undone; `None` when nobody is going to.
    pub token: Option<String>,
    pub now_ms: i64,
}

/// What became of an action.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acted {
    /// Issues that are not as they were.
    pub changed: u64,
    /// Why some were left as they were, or what somebody else did to them meanwhile.
    pub problems: Vec<(IssueId, String)>,
    /// How many of the problems are issues that were left as they were.
    pub refused: u64,
    /// Some of it can be undone by the token given.
    pub is_undoable: bool,
}

/// How an issue is named by whoever asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IssueName {
    Id(IssueId),
    ShortNo(ProjectId, u64),
}

impl Store {
    /// Does something to issues, in slices, and returns after the last one is on disk.
    pub async fn act(&self, acting: Acting) -> Result<Acted, StoreError> {
        let writer = self.writer.clone();
        in_the_background(move || act_in_slices(&writer, acting)).await
    }

    /// The issues of some names, in the order given: also those that are merged into others, but none that is deleted, and
    /// none of another project than those of `within`, if any are named there.
    pub async fn find_issues(
        &self,
        names: Vec<IssueName>,
        within: Vec<ProjectId>,
    ) -> Result<Vec<Option<IssueId>>, StoreError> {
        let found = move |connection: &Connection| {
            names
                .iter()
                .map(|name| {
                    let found = find(connection, *name)?;
                    let is_within = |project: &ProjectId| within.is_empty() || within.contains(project);
                    Ok(found.filter(|(_, project)| is_within(project)).map(|(id, _)| id))
                })
                .collect()
        };
        self.readers.run(found).await
    }

    /// The latest release of a project, if it has told any.
    pub async fn latest_release(&self, project: ProjectId) -> Result<Option<String>, StoreError> {
        self.readers.run(move |connection| read_latest_release(connection, project)).await
    }
}

/// Runs what waits for the writer thread.
async fn in_the_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    // A panic has been told on its thread.
    let failed = |_| StoreError::NotStored("the action was broken off".to_string());
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

fn act_in_slices(writer: &WriterHandle, acting: Acting) -> Result<Acted, StoreError> {
    let acting = Arc::new(acting);
    let mut acted = Acted::default();
    let (mut from, mut seq) = (0, 0);
    while from < acting.ids.len() {
        let acting = acting.clone();
        let slice = writer.run_told(move |tx, _| {
            let slice = act_on_some(tx, &acting, from, seq)?;
            Ok(((slice.acted, slice.at, slice.seq), deleting::told(slice.touched)))
        })?;
        acted.changed += slice.0.changed;
        acted.is_undoable |= slice.0.is_undoable;
        acted.refused += slice.0.refused;
        acted.problems.extend(slice.0.problems);
        (from, seq) = (slice.1, slice.2);
    }
    Ok(acted)
}

/// What one transaction did.
struct Done {
    acted: Acted,
    /// The issue to go on with.
    at: usize,
    seq: i64,
    touched: Vec<IssueId>,
}

fn act_on_some(tx: &Transaction<'_>, acting: &Acting, from: usize, seq: i64) -> Result<Done, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SLICE_MS / 2);
    let mut slice = Slice { tx, acting, acted: Acted::default(), seq, touched: Vec::new(), latest: BTreeMap::new() };
    let mut at = from;
    while at < acting.ids.len() {
        slice.act_on(acting.ids[at])?;
        at += 1;
        if Instant::now() > deadline {
            break;
        }
    }
    let Slice { acted, seq, touched, .. } = slice;
    if acted.changed > 0 {
        remember_people(tx, acting)?;
    }
    Ok(Done { acted, at, seq, touched })
}

/// An issue as an action finds it.
struct Found {
    id: IssueId,
    project_id: ProjectId,
    short_no: u64,
    title: String,
    culprit: String,
    state: State,
    assignee: Option<String>,
    priority: i64,
    is_bookmarked: bool,
    merged_into: Option<IssueId>,
    merged_count: u64,
    changed_ms: i64,
}

/// One transaction's part of an action.
struct Slice<'a> {
    tx: &'a Transaction<'a>,
    acting: &'a Acting,
    acted: Acted,
    /// Of the next entry for undoing it.
    seq: i64,
    touched: Vec<IssueId>,
    /// Of projects, once they were looked for.
    latest: BTreeMap<ProjectId, Option<String>>,
}

const NO_RELEASE: &str = "its project has told of no release yet, so there is no next one: resolve it without, or let the \
    SDK say which release it runs";

impl Slice<'_> {
    fn act_on(&mut self, id: IssueId) -> Result<(), StoreError> {
        let Some(asked) = read_found(self.tx, id)? else { return self.problem(id, "there is no such issue") };
        // What is said of a merged issue is said of the one it is shown as, but that it should not be shown so.
        let found = match (&self.acting.action, asked.merged_into) {
            (IssueAction::Unmerge { .. }, _) | (_, None) => asked,
            (_, Some(survivor)) => match read_found(self.tx, survivor)? {
                Some(found) => found,
                None => return self.problem(id, "there is no such issue"),
            },
        };
        self.tell_what_was_not_seen(id, &found)?;
        let action = self.acting.action.clone();
        match action {
            IssueAction::Resolve(place) => {
                let resolution = match self.resolution(&found, place)? {
                    Ok(resolution) => resolution,
                    Err(problem) => return self.problem(id, problem),
                };
                self.decide(&found, Decision::Resolve(resolution))
            }
            IssueAction::Ignore(ignoring) => self.decide(&found, Decision::Ignore(ignoring)),
            IssueAction::Unresolve => self.decide(&found, Decision::Unresolve),
            IssueAction::Assign(to) => self.assign(&found, to),
            IssueAction::Priority(priority) => self.prioritise(&found, priority),
            IssueAction::Bookmark(on) => self.bookmark(&found, on),
            IssueAction::Merge { into } => self.merge(id, &found, into),
            IssueAction::Unmerge { from } => self.unmerge(&found, from),
            IssueAction::Delete => self.delete(&found, None),
            IssueAction::Discard => {
                let discard = deleting::begin_discard(self.tx, &found, &self.decided())?;
                self.delete(&found, Some(discard))
            }
        }
    }

    fn decided(&self) -> Decided {
        Decided { by: self.acting.by.clone(), at_ms: self.acting.now_ms }
    }

    fn problem(&mut self, id: IssueId, problem: impl Into<String>) -> Result<(), StoreError> {
        self.acted.problems.push((id, problem.into()));
        self.acted.refused += 1;
        Ok(())
    }

    /// The action wins, but nobody is overruled in silence.
    fn tell_what_was_not_seen(&mut self, id: IssueId, found: &Found) -> Result<(), StoreError> {
        let Some(seen_ms) = self.acting.seen_ms.filter(|seen_ms| found.changed_ms > *seen_ms) else { return Ok(()) };
        let mut statement = self.tx.prepare_cached(
            "SELECT kind, by_name FROM issue_activity WHERE issue_id = :id AND at_ms > :seen_ms AND kind <> 'comment'
             ORDER BY id DESC LIMIT 1",
        )?;
        let last: Option<(String, Option<String>)> = statement
            .query_row(named_params! { ":id": found.id.0, ":seen_ms": seen_ms }, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((kind, by)) = last.filter(|(_, by)| by.is_none() || *by != self.acting.by) else { return Ok(()) };
        let who = by.as_deref().unwrap_or("somebody");
        let what = match kind.as_str() {
            "regressed" => "it came again".to_string(),
            "unignored" => "it stopped being ignored".to_string(),
            "resolved" | "unresolved" | "ignored" | "assigned" => format!("{who} marked it {kind}"),
            _ => format!("{who} changed it ({kind})"),
        };
        self.acted.problems.push((id, format!("{what} after it was last looked at; what was done now counts")));
        Ok(())
    }

    fn resolution(&mut self, found: &Found, place: ResolveIn) -> Result<Result<Resolution, &'static str>, StoreError> {
        let latest = match place {
            ResolveIn::Now => return Ok(Ok(Resolution::Now)),
            ResolveIn::Release(version) => return Ok(Ok(Resolution::Release { version })),
            ResolveIn::NextRelease | ResolveIn::LatestRelease => match self.latest.get(&found.project_id) {
                Some(latest) => latest.clone(),
                None => {
                    let latest = read_latest_release(self.tx, found.project_id)?;
                    self.latest.insert(found.project_id, latest.clone());
                    latest
                }
            },
        };
        Ok(match latest {
            Some(version) if place == ResolveIn::LatestRelease => Ok(Resolution::Release { version }),
            Some(after) => Ok(Resolution::NextRelease { after }),
            None => Err(NO_RELEASE),
        })
    }

    fn decide(&mut self, found: &Found, decision: Decision) -> Result<(), StoreError> {
        let (state, activities) = transition(found.state.clone(), &Input::Person(decision, self.decided()));
        if activities.is_empty() {
            return Ok(());
        }
        states::write(self.tx, found.id, &state, Some(self.acting.now_ms))?;
        let activity = states::tell(self.tx, found.id, &activities)?;
        let before = Before::State { before: Kept::of(&found.state), after: Kept::of(&state) };
        self.changed(found.id, before, activity)
    }

    fn assign(&mut self, found: &Found, to: Option<String>) -> Result<(), StoreError> {
        if found.assignee == to {
            return Ok(());
        }
        self.tx
            .prepare_cached("UPDATE issue SET assignee = :to, changed_ms = :now_ms WHERE id = :id")?
            .execute(named_params! { ":id": found.id.0, ":to": to, ":now_ms": self.acting.now_ms })?;
        let activity = self.tell(found.id, ActivityKind::Assigned, json!({ "to": to, "from": found.assignee }))?;
        self.changed(found.id, Before::Assignee { before: found.assignee.clone(), after: to }, activity)
    }

    fn prioritise(&mut self, found: &Found, priority: Priority) -> Result<(), StoreError> {
        if found.priority == priority.code() {
            return Ok(());
        }
        self.tx.prepare_cached("UPDATE issue SET priority = :priority, changed_ms = :now_ms WHERE id = :id")?.execute(
            named_params! {
                ":id": found.id.0, ":priority": priority.code(), ":now_ms": self.acting.now_ms,
            },
        )?;
        let from = Priority::from_code(found.priority).as_str();
        let activity = self.tell(found.id, ActivityKind::Priority, json!({ "to": priority.as_str(), "from": from }))?;
        self.changed(found.id, Before::Priority { before: found.priority, after: priority.code() }, activity)
    }

    fn bookmark(&mut self, found: &Found, on: bool) -> Result<(), StoreError> {
        if found.is_bookmarked == on {
            return Ok(());
        }
        self.tx
            .prepare_cached("UPDATE issue SET is_bookmarked = :on, changed_ms = :now_ms WHERE id = :id")?
            .execute(named_params! { ":id": found.id.0, ":on": on, ":now_ms": self.acting.now_ms })?;
        let activity = self.tell(found.id, ActivityKind::Bookmarked, json!({ "on": on }))?;
        self.changed(found.id, Before::Bookmark { before: found.is_bookmarked, after: on }, activity)
    }

    fn merge(&mut self, asked: IssueId, found: &Found, into: IssueId) -> Result<(), StoreError> {
        let survivor = root_of(self.tx, into)?.map(|root| read_found(self.tx, root)).transpose()?.flatten();
        let Some(survivor) = survivor else { return self.problem(asked, "the issue to merge it into is not there") };
        if survivor.id == found.id {
            if asked == into {
                // One of many that are merged is the survivor.
                let is_alone = self.acting.ids.len() == 1;
                return if is_alone { self.problem(asked, "an issue cannot be merged into itself") } else { Ok(()) };
            }
            if asked == found.id {
                return self.problem(asked, "the issue to merge it into is merged into this one: take it out first");
            }
            return Ok(());
        }
        if survivor.project_id != found.project_id {
            return self.problem(asked, "it is of another project: only issues of one project can be merged");
        }
        if survivor.merged_count + found.merged_count >= MERGED_ISSUES_MAX {
            let detail = format!("so many are merged already: there is room for {MERGED_ISSUES_MAX} in one issue");
            return self.problem(asked, detail);
        }
        let members = merging::members(self.tx, found.id)?;
        for member in &members {
            self.tx
                .prepare_cached("UPDATE issue SET merged_into = NULL WHERE id = :id")?
                .execute(named_params! { ":id": member.0 })?;
        }
        merging::dissolve(self.tx, found.id)?;
        merging::join(self.tx, survivor.id, found.id)?;
        for member in &members {
            merging::join(self.tx, survivor.id, *member)?;
        }
        self.touch(survivor.id)?;
        let told = json!({ "id": found.id.to_string(), "short_no": found.short_no, "title": found.title });
        let activity = self.tell(survivor.id, ActivityKind::Merged, told)?;
        let into = json!({ "into": survivor.id.to_string(), "into_no": survivor.short_no });
        self.tell(found.id, ActivityKind::Merged, into)?;
        for member in &members {
            let before = Before::Merged { into: survivor.id.0, from: Some(found.id.0) };
            self.remember(*member, &before, None)?;
        }
        self.touched.push(survivor.id);
        self.changed(found.id, Before::Merged { into: survivor.id.0, from: None }, activity)
    }

    fn unmerge(&mut self, member: &Found, from: IssueId) -> Result<(), StoreError> {
        let survivor = root_of(self.tx, from)?;
        let Some(survivor) = survivor.filter(|root| member.merged_into == Some(*root)) else {
            return self.problem(member.id, "it is not merged into that issue");
        };
        merging::leave(self.tx, survivor, member.id)?;
        self.touch(survivor)?;
        self.touch(member.id)?;
        let told = json!({ "id": member.id.to_string(), "short_no": member.short_no, "title": member.title });
        let activity = self.tell(survivor, ActivityKind::Unmerged, told)?;
        self.tell(member.id, ActivityKind::Unmerged, json!({ "from": survivor.to_string() }))?;
        self.touched.push(survivor);
        self.changed(member.id, Before::Unmerged { from: survivor.0 }, activity)
    }

    fn delete(&mut self, found: &Found, discard: Option<i64>) -> Result<(), StoreError> {
        deleting::delete(self.tx, found.id, discard, self.acting.now_ms)?;
        let activity = self.tell(found.id, ActivityKind::Deleted, json!({}))?;
        self.changed(found.id, Before::Deleted { discard }, activity)
    }

    fn touch(&self, id: IssueId) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE issue SET changed_ms = :now_ms WHERE id = :id")?
            .execute(named_params! { ":id": id.0, ":now_ms": self.acting.now_ms })?;
        Ok(())
    }

    fn tell(&self, id: IssueId, kind: ActivityKind, detail: Value) -> Result<Option<i64>, StoreError> {
        states::tell(self.tx, id, &[states::activity(kind, &self.decided(), detail)])
    }

    /// An issue is not as it was; `activity` is the line that says so.
    fn changed(&mut self, id: IssueId, before: Before, activity: Option<i64>) -> Result<(), StoreError> {
        self.acted.changed += 1;
        self.touched.push(id);
        self.remember(id, &before, activity)
    }

    fn remember(&mut self, id: IssueId, before: &Before, activity: Option<i64>) -> Result<(), StoreError> {
        let Some(token) = &self.acting.token else { return Ok(()) };
        undoing::remember(self.tx, token, self.acting, self.seq, id, before, activity)?;
        self.seq += 1;
        self.acted.is_undoable = true;
        Ok(())
    }
}

fn read_found(connection: &Connection, id: IssueId) -> Result<Option<Found>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, short_no, title, culprit, status, substatus, status_json, assignee, priority, is_bookmarked,
             merged_into, merged_count, changed_ms
         FROM issue WHERE id = :id AND deleted_ms IS NULL",
    )?;
    let found = statement.query_row(named_params! { ":id": id.0 }, |row| {
        let (status, substatus): (String, String) = (row.get(4)?, row.get(5)?);
        Ok(Found {
            id,
            project_id: ProjectId(row.get(0)?),
            short_no: row.get::<_, i64>(1)?.max(0) as u64,
            title: row.get(2)?,
            culprit: row.get(3)?,
            state: State::parse(&status, &substatus, row.get::<_, Option<String>>(6)?.as_deref()),
            assignee: row.get(7)?,
            priority: row.get(8)?,
            is_bookmarked: row.get(9)?,
            merged_into: row.get::<_, Option<i64>>(10)?.map(IssueId),
            merged_count: row.get::<_, i64>(11)?.max(0) as u64,
            changed_ms: row.get(12)?,
        })
    });
    Ok(found.optional()?)
}

fn find(connection: &Connection, name: IssueName) -> Result<Option<(IssueId, ProjectId)>, StoreError> {
    let (sql, first, second) = match name {
        IssueName::Id(id) => {
            ("SELECT id, project_id FROM issue WHERE id = ?1 AND ?2 = 0 AND deleted_ms IS NULL", id.0, 0)
        }
        IssueName::ShortNo(project, short_no) => (
            "SELECT id, project_id FROM issue WHERE project_id = ?1 AND short_no = ?2 AND deleted_ms IS NULL",
            i64::from(project.0),
            i64::try_from(short_no).unwrap_or(-1),
        ),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((first, second), |row| Ok((IssueId(row.get(0)?), ProjectId(row.get(1)?))));
    Ok(found.optional()?)
}

fn read_latest_release(connection: &Connection, project: ProjectId) -> Result<Option<String>, StoreError> {
    let found = newest_releases(connection, project, LATEST_RELEASE_LOOKED_AT)?;
    let releases: Vec<Release<'_>> =
        found.iter().map(|(version, seen_ms)| Release { version, first_seen_ms: Some(*seen_ms) }).collect();
    Ok(latest_release(&releases).map(str::to_string))
}

fn remember_people(tx: &Transaction<'_>, acting: &Acting) -> Result<(), StoreError> {
    let assigned = match &acting.action {
        IssueAction::Assign(to) => to.as_deref(),
        _ => None,
    };
    for name in [acting.by.as_deref(), assigned].into_iter().flatten() {
        remember_person(tx, name, acting.now_ms)?;
    }
    Ok(())
}

fn remember_person(tx: &Transaction<'_>, name: &str, now_ms: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO person (name, last_ms) VALUES (:name, :now_ms)
         ON CONFLICT (name) DO UPDATE SET last_ms = max(last_ms, :now_ms)",
    )?
    .execute(named_params! { ":name": name, ":now_ms": now_ms })?;
    Ok(())
}

/// The users that are kept for `:id`; none when nothing is.
fn read_sketch(connection: &Connection, sql: &str, id: IssueId) -> Result<UserSketch, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let stored: Option<Vec<u8>> = statement.query_row(named_params! { ":id": id.0 }, |row| row.get(0)).optional()?;
    match stored {
        None => Ok(UserSketch::default()),
        Some(bytes) => {
            UserSketch::from_bytes(&bytes).ok_or_else(|| StoreError::BadBody(format!("user sketch of issue {id}")))
        }
    }
}

#[cfg(test)]
mod tests;
