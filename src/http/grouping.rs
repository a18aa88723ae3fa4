//! Why an event belongs to its issue, computed again from what is stored: for the app and in Sentry's shape.
//!
//! The hashes themselves are not kept with the event, so the answer is checked against the issue it is in, and says
//! so when it would be another today.

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::{EVENT_BYTES_MAX, GROUPING_COMPONENTS_SHOWN_MAX, JSON_DEPTH_MAX};
use crate::grouping::{
    Component, ComponentValue, ExplainedVariant, Explanation, FingerprintSource, Rules, VariantName, app_frames,
    explain,
};
use crate::model::detail::EventDetail;
use crate::model::event::Event;
use crate::model::ids::{EventId, ProjectId};
use crate::model::quota::DataGroups;
use crate::sentry::Limits;
use crate::sentry::detail::{event_detail, take_over_app_frames};
use crate::sentry::event::{Arrival, decode_event};
use crate::store::{EventQuery, EventSummary, HashOwner};

use super::Ready;
use super::error::ApiError;
use super::respond::{Body, json as json_response};
use super::view::grouping::{ComponentView, FingerprintRuleView, FingerprintView, GroupingVariantView, GroupingView};

type Answer = Result<Response<Body>, ApiError>;

/// Explained, and held against where the event is.
struct Found {
    event: EventSummary,
    explanation: Explanation,
    /// For each variant the issue its hash leads to.
    owners: Vec<Option<HashOwner>>,
}

/// `GET /api/ui/events/<event id>/grouping`
pub(super) async fn of_event(ready: &Ready, event: &str) -> Answer {
    let id = EventId::parse(event).ok_or_else(|| ApiError::not_found("event"))?;
    let found = find(ready, EventQuery::ById(id)).await?;
    Ok(json_response(StatusCode::OK, &found.view(ready)))
}

/// `GET /api/0/projects/<org>/<project>/events/<event id>/grouping-info/`
pub(super) async fn info(ready: &Ready, project: ProjectId, event: &str) -> Answer {
    let id = EventId::parse(event).ok_or_else(|| ApiError::not_found("event"))?;
    let found = find(ready, EventQuery::InProject(project, id)).await?;
    Ok(json_response(StatusCode::OK, &found.sentry_json()))
}

/// A stored event as its reader wants it: with the frames that this server takes for the application's.
///
/// Old clients call everything theirs, and a project's stack-trace rules say more than any client knows.
pub(super) fn shown(ready: &Ready, event: &EventSummary, body: &[u8]) -> EventDetail {
    let mut detail = event_detail(body);
    if detail.exceptions.iter().any(|exception| !exception.frames.is_empty())
        && let Ok(decoded) = decode_again(event, body)
    {
        let rules = ready.policy(event.project_id).map_or(Rules::none(), |policy| &policy.grouping);
        take_over_app_frames(&mut detail, &decoded, &app_frames(&decoded, rules));
    }
    detail
}

fn decode_again(event: &EventSummary, body: &[u8]) -> Result<Event, String> {
    let arrival = Arrival {
        header_event_id: Some(event.event_id),
        sent_at_ns: None,
        received_ms: event.received_ms,
        client_ip: None,
        infer_ip: None,
        fresh_id: event.event_id,
    };
    // What was small enough to be stored may have grown by what stands in for secrets.
    let limits = Limits {
        items_max: 1,
        event_bytes_max: EVENT_BYTES_MAX.saturating_mul(8),
        transaction_bytes_max: 0,
        item_bytes_max: 0,
        closed: DataGroups::NONE,
        attachment_bytes_max: 0,
        depth_max: JSON_DEPTH_MAX,
        spans_max: 0,
    };
    decode_event(body, &arrival, &limits).map_err(|error| error.to_string())
}

async fn find(ready: &Ready, query: EventQuery) -> Result<Found, ApiError> {
    let row = ready.store.event(query).await?.ok_or_else(|| ApiError::not_found("event"))?;
    let event = row.summary;
    let version = ready.store.grouping_version(event.id).await?.ok_or_else(|| ApiError::not_found("event"))?;
    let policy = ready.policy(event.project_id).cloned();
    let asked = event.clone();
    let explained = tokio::task::spawn_blocking(move || {
        let event = decode_again(&asked, &row.body)?;
        let rules = policy.as_deref().map_or(Rules::none(), |policy| &policy.grouping);
        explain(&event, version, rules).ok_or_else(|| format!("version {version} of grouping is not known here"))
    });
    let explanation = explained.await.map_err(|error| error.to_string()).and_then(|explained| explained);
    let explanation = explanation.map_err(|cause| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the stored event cannot be grouped again").caused_by(cause)
    })?;
    let hashes = explanation.variants.iter().filter_map(|variant| variant.hash).collect();
    let mut known = ready.store.hash_owners(event.project_id, hashes).await?.into_iter();
    let owners = explanation.variants.iter().map(|variant| variant.hash.and_then(|_| known.next().flatten())).collect();
    Ok(Found { event, explanation, owners })
}

impl Found {
    /// The first variant whose hash is known decides, as when the event came in.
    fn deciding(&self) -> Option<(usize, HashOwner)> {
        self.owners.iter().enumerate().find_map(|(index, owner)| Some((index, (*owner)?)))
    }

    /// The variant that leads to the issue the event is in, if the same would happen today.
    fn chosen(&self) -> Option<usize> {
        self.deciding().filter(|(_, owner)| owner.issue_id == self.event.issue_id).map(|(index, _)| index)
    }

    fn view(&self, ready: &Ready) -> GroupingView {
        let chosen = self.chosen();
        let elsewhere = self.deciding().filter(|_| chosen.is_none()).map(|(_, owner)| owner);
        let project = ready.project(self.event.project_id);
        let leads_to = elsewhere.zip(project).map(|(owner, project)| project.short_id(owner.short_no));
        let note = match (chosen, &leads_to) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(
                "Grouped again today, this event would belong to another issue: rules or merges have changed since it came.",
            ),
            (None, None) => {
                Some("Grouped again today, this event would be an issue of its own: rules have changed since it came.")
            }
        };
        let mut variants: Vec<(u8, GroupingVariantView)> = Vec::new();
        for (index, variant) in self.explanation.variants.iter().enumerate() {
            let mut shown = 0;
            let mut omitted = 0;
            let component = component_view(&variant.component, &mut shown, &mut omitted);
            let is_chosen = chosen == Some(index);
            let rank = if is_chosen {
                0
            } else if variant.is_contributing {
                1
            } else {
                2
            };
            let view = GroupingVariantView {
                key: key_of(variant.name),
                description: description(variant, &self.explanation),
                hash: variant.hash.map(hex),
                is_contributing: variant.is_contributing,
                is_chosen,
                hint: variant.component.hint.clone(),
                component,
                omitted,
            };
            variants.push((rank, view));
        }
        variants.sort_by_key(|(rank, _)| *rank);
        GroupingView {
            version: self.explanation.version,
            note: note.map(str::to_owned),
            leads_to,
            fingerprint: self.fingerprint_view(),
            variants: variants.into_iter().map(|(_, view)| view).collect(),
        }
    }

    fn fingerprint_view(&self) -> Option<FingerprintView> {
        let fingerprint = self.explanation.fingerprint.as_ref()?;
        let is_clients = fingerprint.source == FingerprintSource::Client;
        Some(FingerprintView {
            source: match fingerprint.source {
                FingerprintSource::Client => "client",
                FingerprintSource::Rule => "rule",
                FingerprintSource::BuiltIn => "built_in",
            },
            values: fingerprint.values.clone(),
            resolved: fingerprint.resolved.clone(),
            overruled: fingerprint.client_values.clone().filter(|_| !is_clients),
            rule: fingerprint.rule.as_ref().map(|rule| FingerprintRuleView {
                line: rule.line,
                text: rule.text.clone(),
                title: rule.title.clone(),
            }),
        })
    }

    fn sentry_json(&self) -> Value {
        let mut variants = Map::new();
        for (variant, owner) in self.explanation.variants.iter().zip(&self.owners) {
            let is_here = owner.is_some_and(|owner| owner.issue_id == self.event.issue_id);
            let mut json = json!({
                "key": key_of(variant.name),
                "type": type_of(variant),
                "description": description(variant, &self.explanation),
                "hash": variant.hash.map(hex),
                // Of the variants that count: not a hash of the issue the event is in.
                "hashMismatch": variant.hash.is_some() && !is_here,
                "contributes": variant.is_contributing,
                "hint": variant.component.hint,
            });
            match variant.name {
                VariantName::Checksum => json["checksum"] = json!(first_text(&variant.component)),
                VariantName::Fallback => {}
                name => {
                    let is_component =
                        !matches!(name, VariantName::CustomFingerprint | VariantName::BuiltInFingerprint);
                    if is_component {
                        let mut shown = 0;
                        json["component"] = component_json(&variant.component, &mut shown);
                        json["config"] = json!({ "id": format!("trapline:{}", self.explanation.version) });
                    }
                    let is_salted =
                        matches!(name, VariantName::HybridApp | VariantName::HybridSystem | VariantName::HybridDefault);
                    if !is_component || is_salted {
                        self.add_fingerprint(&mut json);
                    }
                }
            }
            variants.insert(key_of(variant.name).to_owned(), json);
        }
        Value::Object(variants)
    }

    fn add_fingerprint(&self, variant: &mut Value) {
        let Some(fingerprint) = &self.explanation.fingerprint else { return };
        variant["values"] = json!(fingerprint.resolved);
        variant["client_values"] = json!(fingerprint.client_values);
        variant["matched_rule"] = json!(fingerprint.rule.as_ref().map(|rule| &rule.text));
    }
}

/// As in Sentry: a variant with a fingerprint added keeps its name.
fn key_of(name: VariantName) -> &'static str {
    match name {
        VariantName::App | VariantName::HybridApp => "app",
        VariantName::System | VariantName::HybridSystem => "system",
        VariantName::Default | VariantName::HybridDefault => "default",
        VariantName::CustomFingerprint => "custom_fingerprint",
        VariantName::BuiltInFingerprint => "built_in_fingerprint",
        VariantName::Checksum => "checksum",
        VariantName::Fallback => "fallback",
    }
}

fn type_of(variant: &ExplainedVariant) -> &'static str {
    match variant.name {
        VariantName::App | VariantName::System | VariantName::Default => "component",
        VariantName::HybridApp | VariantName::HybridSystem | VariantName::HybridDefault => "salted-component",
        VariantName::CustomFingerprint => "custom-fingerprint",
        VariantName::BuiltInFingerprint => "built-in-fingerprint",
        VariantName::Checksum if variant.component.hint.is_some() => "hashed-checksum",
        VariantName::Checksum => "checksum",
        VariantName::Fallback => "fallback",
    }
}

/// What the variant is made of, in words.
fn description(variant: &ExplainedVariant, explanation: &Explanation) -> String {
    let source = explanation.fingerprint.as_ref().map(|fingerprint| fingerprint.source);
    let (is_in_app, is_salted) = match variant.name {
        VariantName::App => (true, false),
        VariantName::HybridApp => (true, true),
        VariantName::System | VariantName::Default => (false, false),
        VariantName::HybridSystem | VariantName::HybridDefault => (false, true),
        VariantName::CustomFingerprint if source == Some(FingerprintSource::Rule) => {
            return "custom fingerprint by a rule".to_owned();
        }
        VariantName::CustomFingerprint => return "custom fingerprint by the client".to_owned(),
        VariantName::BuiltInFingerprint => return "fingerprint by a built-in rule".to_owned(),
        VariantName::Checksum => return "checksum by the client".to_owned(),
        VariantName::Fallback => return "nothing to go by".to_owned(),
    };
    let mut words = String::new();
    if is_salted {
        words.push_str("fingerprint and ");
    }
    let what = told_parts(&variant.component);
    if is_in_app && what.contains("stack trace") {
        words.push_str("in-app ");
    }
    words.push_str(&what);
    words
}

/// `exception stack trace`, `thread stack trace`, `message`, …
fn told_parts(component: &Component) -> String {
    let has = |id: &str| is_told(component, id, false);
    let subject = match () {
        () if has("exception") => "exception",
        () if has("threads") => "thread",
        () if has("csp") => return "CSP report".to_owned(),
        () if has("template") => return "template line".to_owned(),
        () if has("hpkp") || has("expect_ct") || has("expect_staple") => return "browser report".to_owned(),
        () if has("message") => return "message".to_owned(),
        () => return "nothing to go by".to_owned(),
    };
    if is_told(component, "stacktrace", component.contributes) {
        format!("{subject} stack trace")
    } else {
        subject.to_owned()
    }
}

/// Whether a component of that id is in the tree; one that contributes, if `counting`.
fn is_told(component: &Component, id: &str, counting: bool) -> bool {
    component.values.iter().any(|value| match value {
        ComponentValue::Leaf(_) => false,
        ComponentValue::Component(part) => {
            (!counting || part.contributes) && (part.id == id || is_told(part, id, counting))
        }
    })
}

fn first_text(component: &Component) -> Option<&str> {
    component.values.iter().find_map(|value| match value {
        ComponentValue::Leaf(text) => Some(text.as_str()),
        ComponentValue::Component(part) => first_text(part),
    })
}

/// Trees are as deep as the code that makes them, six levels; only their width is the client's.
fn component_view(component: &Component, shown: &mut usize, omitted: &mut usize) -> ComponentView {
    *shown += 1;
    let mut view = ComponentView {
        id: component.id,
        name: component.name.to_string(),
        contributes: component.contributes,
        hint: component.hint.clone(),
        values: Vec::new(),
        parts: Vec::new(),
    };
    for value in &component.values {
        match value {
            ComponentValue::Leaf(text) => view.values.push(text.clone()),
            ComponentValue::Component(_) if *shown >= GROUPING_COMPONENTS_SHOWN_MAX => *omitted += 1,
            ComponentValue::Component(part) => view.parts.push(component_view(part, shown, omitted)),
        }
    }
    view
}

fn component_json(component: &Component, shown: &mut usize) -> Value {
    *shown += 1;
    let mut values = Vec::new();
    for value in &component.values {
        match value {
            ComponentValue::Leaf(text) => values.push(json!(text)),
            ComponentValue::Component(_) if *shown >= GROUPING_COMPONENTS_SHOWN_MAX => {}
            ComponentValue::Component(part) => values.push(component_json(part, shown)),
        }
    }
    json!({
        "id": component.id, "name": component.name, "contributes": component.contributes, "hint": component.hint,
        "values": values,
    })
}

fn hex(hash: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}
