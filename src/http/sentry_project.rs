//! A project and its keys in Sentry's web API, read and changed: the options that have a counterpart here.
//!
//! Names and shapes are Sentry's. Options it has and we have not are passed over, as its clients send whole objects.

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::ingest::policy::check;
use crate::model::ids::PublicKey;
use crate::model::project::settings::{GlobSettings, LimitPeriod, LimitRule, ProjectSettings};
use crate::model::project::{Project, ProjectKey};
use crate::model::quota::DataGroup;
use crate::model::time::rfc3339;
use crate::store::ProjectChange;

use super::error::ApiError;
use super::projects::{checked_name, done, first_problem, fresh_key, read_change, save};
use super::respond::{Body, json as json_response};
use super::sentry_api::{Base, find_project, not_found, project_json};
use super::{Ready, Server, now_ms};

type Answer = Result<Response<Body>, ApiError>;

/// `GET` and `PUT /api/0/projects/<organisation>/<project>/`
pub(super) async fn project(
    server: &Server,
    ready: &Ready,
    organization: &str,
    project: &str,
    request: Request<Incoming>,
) -> Answer {
    let project = find_project(ready, organization, project)?;
    if request.method() != Method::PUT {
        return Ok(json_response(StatusCode::OK, &detailed_json(ready, project)));
    }
    let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
    let current = ready.settings(project.id);
    let mut settings = (*current.settings).clone();
    apply(&sent, &mut settings)?;
    if let Some(error) = first_problem(&check(&settings, &ready.keys_of(project.id))) {
        return Err(error);
    }
    if let Some(name) = sent.get("name") {
        let name = checked_name("name", name.as_str().unwrap_or(""))?;
        done(server.change(ProjectChange::Rename { project_id: project.id, name }).await?.0)?;
    }
    if settings != *current.settings {
        save(server, project.id, Some(current.version), &settings).await?;
    }
    let ready = server.ready().await?;
    Ok(json_response(StatusCode::OK, &detailed_json(&ready, ready.project(project.id).ok_or_else(not_found)?)))
}

/// `GET` and `POST /api/0/projects/<organisation>/<project>/keys/`
pub(super) async fn keys(
    server: &Server,
    ready: &Ready,
    organization: &str,
    project: &str,
    request: Request<Incoming>,
) -> Answer {
    let base = Base::of(request.headers());
    let project = find_project(ready, organization, project)?;
    if request.method() != Method::POST {
        let keys: Vec<Value> =
            ready.keys_of(project.id).iter().map(|key| key_json(ready, project, key, &base)).collect();
        return Ok(json_response(StatusCode::OK, &keys));
    }
    let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
    let label = checked_name("name", sent.get("name").and_then(Value::as_str).unwrap_or("Key"))?;
    let key = fresh_key()?;
    let change = ProjectChange::AddKey { project_id: project.id, key, label, now_ms: now_ms() };
    let (changed, ready) = server.change(change).await?;
    done(changed)?;
    let key = ready.key(key).ok_or_else(not_found)?;
    Ok(json_response(StatusCode::CREATED, &key_json(&ready, project, key, &base)))
}

/// `GET`, `PUT` and `DELETE /api/0/projects/<organisation>/<project>/keys/<key>/`
pub(super) async fn key(
    server: &Server,
    ready: &Ready,
    organization: &str,
    project: &str,
    key: &str,
    request: Request<Incoming>,
) -> Answer {
    let base = Base::of(request.headers());
    let project = find_project(ready, organization, project)?;
    let public_key = PublicKey::parse(key).ok_or_else(not_found)?;
    let known = ready.key(public_key).filter(|key| key.project_id == project.id).ok_or_else(not_found)?;
    let change = match *request.method() {
        Method::DELETE => ProjectChange::DeleteKey { project_id: project.id, key: public_key },
        Method::PUT => {
            let sent: Map<String, Value> = read_change(server, request.into_body()).await?;
            let label = sent.get("name").and_then(Value::as_str).map(|name| checked_name("name", name)).transpose()?;
            let is_active = flag(&sent, "isActive")?;
            if let Some(rate) = sent.get("rateLimit") {
                set_rate_limit(server, ready, project, public_key, rate).await?;
            }
            ProjectChange::EditKey { project_id: project.id, key: public_key, label, is_active }
        }
        _ => return Ok(json_response(StatusCode::OK, &key_json(ready, project, known, &base))),
    };
    let is_deletion = matches!(change, ProjectChange::DeleteKey { .. });
    let (changed, ready) = server.change(change).await?;
    done(changed)?;
    if is_deletion {
        return Ok(super::respond::empty(StatusCode::NO_CONTENT));
    }
    let key = ready.key(public_key).ok_or_else(not_found)?;
    Ok(json_response(StatusCode::OK, &key_json(&ready, project, key, &base)))
}

/// Sentry limits errors of a key: `{"count": 100, "window": 60}`; `null` lifts the limit.
async fn set_rate_limit(
    server: &Server,
    ready: &Ready,
    project: &Project,
    key: PublicKey,
    sent: &Value,
) -> Result<(), ApiError> {
    let current = ready.settings(project.id);
    let mut settings = (*current.settings).clone();
    let key = key.to_string();
    settings.limits.rules.retain(|rule| !is_key_rate(rule, &key));
    if let Value::Object(rate) = sent {
        let number = |name: &str| {
            rate.get(name).and_then(Value::as_u64).ok_or_else(|| wrong(&format!("rateLimit.{name}"), "a whole number"))
        };
        let (max, seconds) = (number("count")?, number("window")?);
        let (group, per) = (DataGroup::Error, LimitPeriod::Seconds);
        settings.limits.rules.push(LimitRule { key: Some(key), group, max, per, seconds });
    } else if !sent.is_null() {
        return Err(wrong("rateLimit", "an object or null"));
    }
    if let Some(error) = first_problem(&check(&settings, &ready.keys_of(project.id))) {
        return Err(error);
    }
    if settings != *current.settings {
        save(server, project.id, Some(current.version), &settings).await?;
    }
    Ok(())
}

fn is_key_rate(rule: &LimitRule, key: &str) -> bool {
    rule.key.as_deref() == Some(key) && rule.group == DataGroup::Error && rule.per == LimitPeriod::Seconds
}

fn key_json(ready: &Ready, project: &Project, key: &ProjectKey, base: &Base) -> Value {
    let dsn = Project { public_key: key.public_key, ..project.clone() }.dsn(base.authority());
    let public = key.public_key.to_string();
    let route = |name: &str| format!("{}/api/{}/{name}/?sentry_key={public}", base.url(), project.id);
    let (reports, minidump) = (route("security"), route("minidump"));
    let settings = ready.settings(project.id).settings;
    let rate = settings.limits.rules.iter().find(|rule| is_key_rate(rule, &public));
    let rate = rate.map(|rule| json!({ "count": rule.max, "window": rule.seconds }));
    json!({
        "id": public, "name": key.label, "label": key.label, "public": public, "secret": "",
        "isActive": key.is_active, "projectId": project.id.0, "dateCreated": rfc3339(key.created_ms),
        "rateLimit": rate,
        "dsn": { "public": dsn, "secret": dsn, "csp": reports, "security": reports, "minidump": minidump, "cdn": "" },
    })
}

fn detailed_json(ready: &Ready, project: &Project) -> Value {
    let settings = ready.settings(project.id).settings;
    let (scrub, filters) = (&settings.scrub, &settings.filters);
    let mut body = project_json(project);
    let more = json!({
        "dataScrubber": scrub.enabled,
        "dataScrubberDefaults": scrub.defaults,
        "sensitiveFields": scrub.sensitive_keys,
        "safeFields": scrub.safe_keys,
        "scrubIPAddresses": scrub.scrub_ip,
        "fingerprintingRules": settings.grouping.fingerprint_rules,
        "groupingEnhancements": settings.grouping.stack_trace_rules,
        "options": {
            "filters:web-crawlers": filters.crawlers,
            "filters:localhost": filters.localhost,
            "filters:browser-extensions": filters.browser_extensions,
            "filters:filtered-transaction": filters.health_checks.enabled,
            "filters:disallowed-hosts": filters.disallowed_hosts,
            "filters:releases": lines(&filters.releases),
            "filters:error_messages": lines(&filters.error_messages),
        },
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

fn lines(globs: &GlobSettings) -> String {
    if globs.enabled { globs.patterns.join("\n") } else { String::new() }
}

/// Puts what was sent into the settings; a member of the wrong type is an error that names it.
fn apply(sent: &Map<String, Value>, settings: &mut ProjectSettings) -> Result<(), ApiError> {
    let scrub = &mut settings.scrub;
    set(&mut scrub.enabled, flag(sent, "dataScrubber")?);
    set(&mut scrub.defaults, flag(sent, "dataScrubberDefaults")?);
    set(&mut scrub.scrub_ip, flag(sent, "scrubIPAddresses")?);
    set(&mut scrub.sensitive_keys, words(sent, "sensitiveFields")?);
    set(&mut scrub.safe_keys, words(sent, "safeFields")?);
    set(&mut settings.grouping.fingerprint_rules, text(sent, "fingerprintingRules")?);
    set(&mut settings.grouping.stack_trace_rules, text(sent, "groupingEnhancements")?);
    let Some(options) = sent.get("options") else { return Ok(()) };
    let Value::Object(options) = options else { return Err(wrong("options", "an object")) };
    let filters = &mut settings.filters;
    set(&mut filters.crawlers, flag(options, "filters:web-crawlers")?);
    set(&mut filters.localhost, flag(options, "filters:localhost")?);
    set(&mut filters.browser_extensions, flag(options, "filters:browser-extensions")?);
    set(&mut filters.health_checks.enabled, flag(options, "filters:filtered-transaction")?);
    set(&mut filters.disallowed_hosts, flag(options, "filters:disallowed-hosts")?);
    for (name, globs) in
        [("filters:releases", &mut filters.releases), ("filters:error_messages", &mut filters.error_messages)]
    {
        if let Some(text) = text(options, name)? {
            let patterns = text.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty());
            globs.patterns = patterns.collect();
            globs.enabled = !globs.patterns.is_empty();
        }
    }
    Ok(())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn flag(sent: &Map<String, Value>, name: &str) -> Result<Option<bool>, ApiError> {
    match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(wrong(name, "true or false")),
    }
}

fn text(sent: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(_) => Err(wrong(name, "a text")),
    }
}

fn words(sent: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => {
            let texts = values.iter().map(|value| value.as_str().map(str::to_string));
            texts.collect::<Option<Vec<_>>>().map(Some).ok_or_else(|| wrong(name, "a list of texts"))
        }
        Some(_) => Err(wrong(name, "a list of texts")),
    }
}

fn wrong(name: &str, expected: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, format!("{name}: expected {expected}"))
}
