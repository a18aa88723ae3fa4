//! A project's settings screen.

use serde::{Deserialize, Serialize};

use crate::model::project::settings::{FieldProblem, LimitRule, ProjectSettings, ScrubSettings};

/// `GET /api/ui/projects/<id>/settings`, and the answer to every change of a project.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProjectSettingsView {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub platform: String,
    pub created_ms: i64,
    /// Oldest first.
    pub keys: Vec<ProjectKeyView>,
    /// What a change has to be based on; 0 as long as nobody changed anything.
    pub version: i64,
    pub updated_ms: Option<i64>,
    pub settings: ProjectSettings,
    /// The server's settings file switches scrubbing off for all projects.
    pub is_scrub_off: bool,
    /// Limits of the settings file, which hold besides the project's own.
    pub server_limits: Vec<LimitRule>,
    /// What the filters and limits dropped, by their names.
    pub drops: Vec<DropView>,
    /// How full each limit is, the project's own first.
    pub limit_states: Vec<LimitStateView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProjectKeyView {
    /// 32 hex characters.
    pub public_key: String,
    pub label: String,
    pub is_active: bool,
    pub created_ms: i64,
    /// Let in during the last 30 days, by group of data; attachments in bytes.
    pub used: Vec<KeyUsedView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyUsedView {
    pub group: String,
    pub quantity: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DropView {
    /// `filtered` or `rate_limited`.
    pub reason: String,
    /// `crawlers`, `project/error/60s`, …
    pub detail: String,
    /// `event`, `transaction`, `span`, …
    pub category: String,
    /// Within 24 hours and 30 days.
    pub last_day: u64,
    pub last_month: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LimitStateView {
    /// As in [`DropView::detail`].
    pub name: String,
    pub used: u64,
    pub max: u64,
}

/// `PUT /api/ui/projects/<id>/settings`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SettingsChange {
    /// The version it is based on.
    pub version: i64,
    #[cfg_attr(test, ts(as = "ProjectSettings"))]
    pub settings: serde_json::Value,
}

/// The body of a refused change: an error that names the fields.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RefusedChangeView {
    pub detail: String,
    pub causes: Vec<String>,
    pub problems: Vec<FieldProblem>,
}

/// `POST /api/ui/projects`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NewProject {
    pub name: String,
    /// Made from the name when absent.
    pub slug: Option<String>,
    pub platform: Option<String>,
}

/// `PUT /api/ui/projects/<id>`
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProjectNameChange {
    pub name: String,
}

/// `POST /api/ui/projects/<id>/keys` and `PUT /api/ui/projects/<id>/keys/<key>`; what is absent stays.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyChange {
    pub label: Option<String>,
    pub is_active: Option<bool>,
}

/// `POST /api/ui/projects/<id>/scrub-preview`: settings that need not be saved, and JSON to try them on.
#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ScrubPreview {
    pub scrub: ScrubSettings,
    pub text: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ScrubPreviewView {
    pub text: String,
}
