//! What every request looks things up in: projects, keys and compiled policies, replaced as a whole when one changes.
//!
//! A request holds the directory it began with, so a change never tears one apart. Knows no SQL.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ingest::{Limiter, Policy, ServerPolicy};
use crate::model::ids::{ProjectId, PublicKey};
use crate::model::project::settings::ProjectSettings;
use crate::model::project::{Project, ProjectKey};
use crate::model::time::{day_of, month_of};
use crate::store::{ProjectChange, ProjectChanged, Store, StoreError};

use super::error::ApiError;
use super::{Server, now_ms};

/// What exists once the database is open.
pub struct Ready {
    pub store: Store,
    /// By id; never empty.
    pub projects: Vec<Project>,
    keys: HashMap<PublicKey, ProjectKey>,
    /// One per project.
    entries: HashMap<ProjectId, Entry>,
}

struct Entry {
    policy: Arc<Policy>,
    settings: Versioned,
}

/// Settings and the version a change of them is based on; 0 as long as nobody changed any.
#[derive(Clone, Default)]
pub(super) struct Versioned {
    pub(super) version: i64,
    pub(super) updated_ms: Option<i64>,
    pub(super) settings: Arc<ProjectSettings>,
}

impl Ready {
    /// Reads everything; `before` keeps its counters.
    async fn load(store: Store, server: &ServerPolicy, before: Option<&Self>) -> Result<Self, StoreError> {
        let projects = store.projects().await?;
        let keys = store.project_keys().await?.into_iter().map(|key| (key.public_key, key)).collect();
        let mut stored: HashMap<ProjectId, Versioned> = HashMap::new();
        for row in store.project_settings().await? {
            let (settings, problems) = ProjectSettings::read(&row.settings);
            for problem in problems {
                tracing::warn!(project = %row.project_id, field = problem.field, why = problem.message, "a setting cannot be read");
            }
            let versioned =
                Versioned { version: row.version, updated_ms: Some(row.updated_ms), settings: Arc::new(settings) };
            stored.insert(row.project_id, versioned);
        }
        let mut entries = HashMap::new();
        let now_ms = now_ms();
        for project in &projects {
            let settings = stored.remove(&project.id).unwrap_or_default();
            let known = before.and_then(|before| before.entries.get(&project.id));
            let limiter: Arc<Limiter> = known.map(|entry| entry.policy.limiter.clone()).unwrap_or_default();
            let policy = Policy::new(&settings.settings, server, limiter);
            let uses = match policy.has_quotas() {
                true => store.key_uses(project.id, day_of(month_of(now_ms).0)).await?,
                false => Vec::new(),
            };
            policy.limiter.remember(&policy.limits, &uses, now_ms);
            entries.insert(project.id, Entry { policy: Arc::new(policy), settings });
        }
        Ok(Self { store, projects, keys, entries })
    }

    pub(super) fn project(&self, id: ProjectId) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    pub(super) fn project_by_slug(&self, slug: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.slug == slug)
    }

    pub(super) fn key(&self, key: PublicKey) -> Option<&ProjectKey> {
        self.keys.get(&key)
    }

    /// Oldest first.
    pub(super) fn keys_of(&self, project: ProjectId) -> Vec<ProjectKey> {
        let mut keys: Vec<ProjectKey> = self.keys.values().filter(|key| key.project_id == project).cloned().collect();
        keys.sort_by_key(|key| (key.created_ms, key.public_key));
        keys
    }

    pub(super) fn policy(&self, project: ProjectId) -> Option<&Arc<Policy>> {
        self.entries.get(&project).map(|entry| &entry.policy)
    }

    pub(super) fn settings(&self, project: ProjectId) -> Versioned {
        self.entries.get(&project).map(|entry| entry.settings.clone()).unwrap_or_default()
    }
}

impl Server {
    /// From here on requests are answered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(&self, store: Store) -> Result<Arc<Ready>, StoreError> {
        let ready = Arc::new(Ready::load(store, &self.policy, None).await?);
        self.ready.send_replace(Some(ready.clone()));
        Ok(ready)
    }

    /// Makes a change and puts it to work: what comes in after this answer is treated by it.
    pub(super) async fn change(&self, change: ProjectChange) -> Result<(ProjectChanged, Arc<Ready>), ApiError> {
        let ready = self.ready().await?;
        // One at a time, so that an older reading never replaces a newer one.
        let _turn = self.changing.lock().await;
        let changed = ready.store.change_project(change).await?;
        let before = self.ready().await?;
        let fresh = Arc::new(Ready::load(ready.store.clone(), &self.policy, Some(&before)).await?);
        self.ready.send_replace(Some(fresh.clone()));
        Ok((changed, fresh))
    }
}
