//! Handlers of `/api/ui/projects`: projects, their keys and their settings, read and changed.
//!
//! What is sent is checked here and named by field when it is wrong; what must hold between rows is the store's.

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::config::CHANGE_BYTES_MAX;
use crate::ingest::policy::check;
use crate::model::ids::{ProjectId, PublicKey};
use crate::model::project::Project;
use crate::model::project::settings::{FieldProblem, ProjectSettings};
use crate::model::quota::DataGroup;
use crate::model::time::day_of;
use crate::scrub;
use crate::store::{ProjectChange, ProjectChanged};

use super::body::receive;
use super::error::ApiError;
use super::respond::{Body, json};
use super::view::project::{
    DropView, KeyChange, KeyUsedView, LimitStateView, NewProject, ProjectKeyView, ProjectNameChange,
    ProjectSettingsView, RefusedChangeView, ScrubPreview, ScrubPreviewView, SettingsChange,
};
use super::{Ready, Server, now_ms};

const NAME_CHARS_MAX: usize = 80;
const SLUG_CHARS_MAX: usize = 40;
const DAYS_SHOWN: i64 = 30;

type Answer = Result<Response<Body>, ApiError>;

/// Reads the JSON of a change.
pub(super) async fn read_change<T: DeserializeOwned>(server: &Server, body: Incoming) -> Result<T, ApiError> {
    let received = receive(body, CHANGE_BYTES_MAX, &server.room).await?;
    serde_json::from_slice(&received.bytes).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "the body is not the JSON this address takes")
            .caused_by(error.to_string())
    })
}

/// `POST /api/ui/projects`
pub(super) async fn create(server: &Server, request: Request<Incoming>) -> Answer {
    let sent: NewProject = read_change(server, request.into_body()).await?;
    let change = new_project(&sent.name, sent.slug.as_deref(), sent.platform.as_deref())?;
    let (changed, ready) = server.change(change).await?;
    let id = done(changed)?;
    let mut response = view(server, &ready, find(&ready, id)?).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `PUT /api/ui/projects/<id>`
pub(super) async fn rename(server: &Server, ready: &Ready, id: &str, request: Request<Incoming>) -> Answer {
    let project_id = parse(ready, id)?;
    let sent: ProjectNameChange = read_change(server, request.into_body()).await?;
    let name = checked_name("name", &sent.name)?;
    let (changed, ready) = server.change(ProjectChange::Rename { project_id, name }).await?;
    done(changed)?;
    view(server, &ready, find(&ready, project_id)?).await
}

/// `GET` and `PUT /api/ui/projects/<id>/settings`
pub(super) async fn settings(server: &Server, ready: &Ready, id: &str, request: Request<Incoming>) -> Answer {
    let project_id = parse(ready, id)?;
    if request.method() != Method::PUT {
        return view(server, ready, find(ready, project_id)?).await;
    }
    let sent: SettingsChange = read_change(server, request.into_body()).await?;
    let (settings, mut problems) = ProjectSettings::read_strictly(&sent.settings);
    problems.extend(check(&settings, &ready.keys_of(project_id)));
    if !problems.is_empty() {
        return Ok(refused(&problems));
    }
    let fresh = save(server, project_id, Some(sent.version), &settings).await?;
    view(server, &fresh, find(&fresh, project_id)?).await
}

/// Keeps checked settings and puts them to work.
pub(super) async fn save(
    server: &Server,
    project_id: ProjectId,
    based_on: Option<i64>,
    settings: &ProjectSettings,
) -> Result<std::sync::Arc<Ready>, ApiError> {
    let settings = serde_json::to_string(settings).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "the settings cannot be kept").caused_by(error.to_string())
    })?;
    let (changed, ready) =
        server.change(ProjectChange::Settings { project_id, based_on, settings, now_ms: now_ms() }).await?;
    done(changed)?;
    Ok(ready)
}

/// `POST /api/ui/projects/<id>/keys`
pub(super) async fn add_key(server: &Server, ready: &Ready, id: &str, request: Request<Incoming>) -> Answer {
    let project_id = parse(ready, id)?;
    let sent: KeyChange = read_change(server, request.into_body()).await?;
    let label = checked_name("label", sent.label.as_deref().unwrap_or("Key"))?;
    let (changed, ready) =
        server.change(ProjectChange::AddKey { project_id, key: fresh_key()?, label, now_ms: now_ms() }).await?;
    done(changed)?;
    let mut response = view(server, &ready, find(&ready, project_id)?).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// `PUT` and `DELETE /api/ui/projects/<id>/keys/<key>`
pub(super) async fn edit_key(
    server: &Server,
    ready: &Ready,
    id: &str,
    key: &str,
    request: Request<Incoming>,
) -> Answer {
    let project_id = parse(ready, id)?;
    let key = PublicKey::parse(key).ok_or_else(|| ApiError::not_found("key"))?;
    let change = if request.method() == Method::DELETE {
        ProjectChange::DeleteKey { project_id, key }
    } else {
        let sent: KeyChange = read_change(server, request.into_body()).await?;
        let label = sent.label.as_deref().map(|label| checked_name("label", label)).transpose()?;
        ProjectChange::EditKey { project_id, key, label, is_active: sent.is_active }
    };
    let (changed, ready) = server.change(change).await?;
    done(changed)?;
    view(server, &ready, find(&ready, project_id)?).await
}

/// `POST /api/ui/projects/<id>/scrub-preview`
pub(super) async fn scrub_preview(server: &Server, ready: &Ready, id: &str, request: Request<Incoming>) -> Answer {
    parse(ready, id)?;
    let sent: ScrubPreview = read_change(server, request.into_body()).await?;
    // The scrubber relies on valid JSON of bounded depth.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&sent.text) {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "this is not JSON").caused_by(error.to_string()));
    }
    let wanted = sent.scrub;
    let rules = scrub::Rules::new(&scrub::Options {
        enabled: wanted.enabled && server.policy.scrub,
        defaults: wanted.defaults,
        sensitive_keys: wanted.sensitive_keys.into_iter().filter(|word| !word.trim().is_empty()).collect(),
        safe_keys: wanted.safe_keys,
        scrub_ip: wanted.scrub_ip,
    });
    let text = String::from_utf8_lossy(&scrub::scrub_event(sent.text.as_bytes(), &rules)).into_owned();
    Ok(json(StatusCode::OK, &ScrubPreviewView { text }))
}

async fn view(server: &Server, ready: &Ready, project: &Project) -> Answer {
    let now_ms = now_ms();
    let drops = ready.store.drop_counts(project.id, now_ms).await?;
    let uses = ready.store.key_uses(project.id, day_of(now_ms) - DAYS_SHOWN + 1).await?;
    let keys = ready.keys_of(project.id).into_iter().map(|key| {
        let sum = |group: DataGroup| -> u64 {
            uses.iter().filter(|(of, found, ..)| *of == key.public_key && *found == group).map(|(.., n)| n).sum()
        };
        let used =
            DataGroup::ALL.into_iter().map(|group| KeyUsedView { group: group.as_str().into(), quantity: sum(group) });
        ProjectKeyView {
            public_key: key.public_key.to_string(),
            label: key.label,
            is_active: key.is_active,
            created_ms: key.created_ms,
            used: used.filter(|used| used.quantity > 0).collect(),
        }
    });
    let current = ready.settings(project.id);
    let limit_states = ready.policy(project.id).map_or_else(Vec::new, |policy| {
        let state = |limit: &crate::ingest::limiter::Limit| LimitStateView {
            name: limit.name.clone(),
            used: policy.limiter.used(limit, now_ms),
            max: limit.max,
        };
        policy.limits.iter().map(state).collect()
    });
    let drops = drops.into_iter().map(|drop| DropView {
        reason: drop.reason,
        detail: drop.detail,
        category: drop.category,
        last_day: drop.last_day,
        last_month: drop.last_month,
    });
    Ok(json(
        StatusCode::OK,
        &ProjectSettingsView {
            id: project.id.to_string(),
            slug: project.slug.clone(),
            name: project.name.clone(),
            platform: project.platform.clone(),
            created_ms: project.created_ms,
            keys: keys.collect(),
            version: current.version,
            updated_ms: current.updated_ms,
            settings: (*current.settings).clone(),
            is_scrub_off: !server.policy.scrub,
            server_limits: server.policy.limits.clone(),
            drops: drops.collect(),
            limit_states,
        },
    ))
}

fn refused(problems: &[FieldProblem]) -> Response<Body> {
    let line = |problem: &FieldProblem| match problem.line {
        Some(line) => format!("{}, line {line}: {}", problem.field, problem.message),
        None => format!("{}: {}", problem.field, problem.message),
    };
    json(
        StatusCode::BAD_REQUEST,
        &RefusedChangeView {
            detail: "nothing was saved: some fields cannot be used".to_string(),
            causes: problems.iter().map(line).collect(),
            problems: problems.to_vec(),
        },
    )
}

/// The first problem as an error, for answers that have no list of them.
pub(super) fn first_problem(problems: &[FieldProblem]) -> Option<ApiError> {
    let first = problems.first()?;
    let place = first.line.map_or_else(String::new, |line| format!(", line {line}"));
    Some(ApiError::new(StatusCode::BAD_REQUEST, format!("{}{place}: {}", first.field, first.message)))
}

/// What a change came to, as an error when it was not made.
pub(super) fn done(changed: ProjectChanged) -> Result<ProjectId, ApiError> {
    let conflict = |detail: &str| Err(ApiError::new(StatusCode::CONFLICT, detail));
    match changed {
        ProjectChanged::Done(id) => Ok(id),
        ProjectChanged::Missing => Err(ApiError::not_found("project or key")),
        ProjectChanged::SlugTaken => conflict("slug: another project has this one"),
        ProjectChanged::TooMany => conflict("there are as many as there can be: delete one first"),
        ProjectChanged::LastKey => conflict("this is the project's only key that works: make another one first"),
        ProjectChanged::Outdated { version } => conflict(&format!(
            "somebody else changed these settings in the meantime (version {version}): reload, and make your change again"
        )),
    }
}

pub(super) fn new_project(name: &str, slug: Option<&str>, platform: Option<&str>) -> Result<ProjectChange, ApiError> {
    let name = checked_name("name", name)?;
    let slug = match slug.map(str::trim).filter(|slug| !slug.is_empty()) {
        Some(slug) => slug.to_string(),
        None => slug_of(&name),
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_good = slug.starts_with(|c: char| c.is_ascii_lowercase())
        && slug.chars().all(is_plain)
        && !slug.ends_with('-')
        && slug.len() <= SLUG_CHARS_MAX;
    if !is_good {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!(
                "slug: write up to {SLUG_CHARS_MAX} lower-case letters, digits and dashes, a letter first; it is part \
                 of addresses and of issue names such as SHOP-12"
            ),
        ));
    }
    let platform = platform.map(str::trim).filter(|platform| !platform.is_empty()).unwrap_or("python");
    let platform: String = platform.chars().filter(|c| !c.is_control()).take(SLUG_CHARS_MAX).collect();
    Ok(ProjectChange::Create { slug, name, platform, key: fresh_key()?, now_ms: now_ms() })
}

/// `My Shop (Berlin)` becomes `my-shop-berlin`.
fn slug_of(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.chars().take(SLUG_CHARS_MAX).collect::<String>().trim_end_matches('-').to_string()
}

pub(super) fn checked_name(field: &str, name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let detail = format!("{field}: write one line of 1 to {NAME_CHARS_MAX} characters");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
    }
    Ok(name.to_string())
}

pub(super) fn fresh_key() -> Result<PublicKey, ApiError> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the system gives no random bytes for a key")
    })?;
    Ok(PublicKey(key))
}

fn parse(ready: &Ready, id: &str) -> Result<ProjectId, ApiError> {
    // The slug, too: pages have it in their address.
    let by_id = ProjectId::parse(id).and_then(|id| ready.project(id));
    Ok(by_id.or_else(|| ready.project_by_slug(id)).ok_or_else(|| ApiError::not_found("project"))?.id)
}

fn find(ready: &Ready, id: ProjectId) -> Result<&Project, ApiError> {
    ready.project(id).ok_or_else(|| ApiError::not_found("project"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_the_name() {
        assert_eq!(slug_of("My Shop (Berlin)"), "my-shop-berlin");
        assert_eq!(slug_of("  Größe  "), "gr-e");
        assert!(new_project("日本", None, None).unwrap_err().detail.starts_with("slug:"));
        assert!(new_project("", Some("a"), None).unwrap_err().detail.starts_with("name:"));
        for slug in ["Shop", "1shop", "shop-", "a/b", "a b", "ä"] {
            assert!(new_project("Shop", Some(slug), None).is_err(), "{slug}");
        }
    }
}
