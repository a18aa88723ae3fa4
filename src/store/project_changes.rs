//! Changes of projects, their keys and their settings: each one in the writer's transaction, or refused whole.
//!
//! Knows what must hold between the rows (unique names, a key that works, the version a change was based on), not
//! what a valid setting is.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{Store, StoreError, Write};
use crate::config::{PROJECT_KEYS_MAX, PROJECTS_MAX};
use crate::model::ids::{ProjectId, PublicKey};

/// What to change.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectChange {
    /// Makes a project with one key.
    Create {
        slug: String,
        name: String,
        platform: String,
        key: PublicKey,
        now_ms: i64,
    },
    Rename {
        project_id: ProjectId,
        name: String,
    },
    AddKey {
        project_id: ProjectId,
        key: PublicKey,
        label: String,
        now_ms: i64,
    },
    EditKey {
        project_id: ProjectId,
        key: PublicKey,
        label: Option<String>,
        is_active: Option<bool>,
    },
    DeleteKey {
        project_id: ProjectId,
        key: PublicKey,
    },
    /// `based_on` is the version the writer of the settings had read, 0 for the first; `None` overwrites whatever is there.
    Settings {
        project_id: ProjectId,
        based_on: Option<i64>,
        settings: String,
        now_ms: i64,
    },
}

impl ProjectChange {
    /// Bytes of memory, roughly.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Settings { settings, .. } => settings.len(),
            _ => 0,
        }
    }
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectChanged {
    Done(ProjectId),
    Missing,
    SlugTaken,
    TooMany,
    /// The project would be left without a key that works.
    LastKey,
    /// Somebody changed the settings since: this is their version.
    Outdated {
        version: i64,
    },
}

/// Settings as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSettings {
    pub project_id: ProjectId,
    pub version: i64,
    pub settings: String,
    pub updated_ms: i64,
}

impl Store {
    /// Makes a change through the writer and returns after its fsync.
    pub async fn change_project(&self, change: ProjectChange) -> Result<ProjectChanged, StoreError> {
        let appended = self.append(vec![Write::Project(Box::new(change))]).await?;
        appended.changed.ok_or_else(|| StoreError::NotStored("the change was not made".to_string()))
    }

    /// The settings of all projects that have some of their own.
    pub async fn project_settings(&self) -> Result<Vec<StoredSettings>, StoreError> {
        self.readers
            .run(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT project_id, version, settings, updated_ms FROM project_settings ORDER BY project_id",
                )?;
                let rows = statement.query_map([], |row| {
                    Ok(StoredSettings {
                        project_id: ProjectId(row.get(0)?),
                        version: row.get(1)?,
                        settings: row.get(2)?,
                        updated_ms: row.get(3)?,
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

pub(super) fn change_project(tx: &Transaction<'_>, change: &ProjectChange) -> Result<ProjectChanged, StoreError> {
    match change {
        ProjectChange::Create { slug, name, platform, key, now_ms } => create(tx, slug, name, platform, *key, *now_ms),
        ProjectChange::Rename { project_id, name } => {
            let changed = tx.execute(
                "UPDATE project SET name = :name WHERE id = :id",
                named_params! { ":name": name, ":id": project_id.0 },
            )?;
            Ok(if changed == 0 { ProjectChanged::Missing } else { ProjectChanged::Done(*project_id) })
        }
        ProjectChange::AddKey { project_id, key, label, now_ms } => add_key(tx, *project_id, *key, label, *now_ms),
        ProjectChange::EditKey { project_id, key, label, is_active } => {
            if *is_active == Some(false) && is_last_active(tx, *project_id, *key)? {
                return Ok(ProjectChanged::LastKey);
            }
            let changed = tx.execute(
                "UPDATE project_key SET label = coalesce(:label, label), is_active = coalesce(:is_active, is_active)
                 WHERE public_key = :key AND project_id = :project_id",
                named_params! {
                    ":label": label, ":is_active": is_active, ":key": &key.0[..], ":project_id": project_id.0,
                },
            )?;
            Ok(if changed == 0 { ProjectChanged::Missing } else { ProjectChanged::Done(*project_id) })
        }
        ProjectChange::DeleteKey { project_id, key } => {
            if is_last_active(tx, *project_id, *key)? {
                return Ok(ProjectChanged::LastKey);
            }
            let changed = tx.execute(
                "DELETE FROM project_key WHERE public_key = :key AND project_id = :project_id",
                named_params! { ":key": &key.0[..], ":project_id": project_id.0 },
            )?;
            Ok(if changed == 0 { ProjectChanged::Missing } else { ProjectChanged::Done(*project_id) })
        }
        ProjectChange::Settings { project_id, based_on, settings, now_ms } => {
            save_settings(tx, *project_id, *based_on, settings, *now_ms)
        }
    }
}

fn create(
    tx: &Transaction<'_>,
    slug: &str,
    name: &str,
    platform: &str,
    key: PublicKey,
    now_ms: i64,
) -> Result<ProjectChanged, StoreError> {
    let count: i64 = tx.query_row("SELECT count(*) FROM project", [], |row| row.get(0))?;
    if count as usize >= PROJECTS_MAX {
        return Ok(ProjectChanged::TooMany);
    }
    let inserted = tx.execute(
        "INSERT INTO project (slug, name, platform, created_ms) VALUES (:slug, :name, :platform, :created_ms)
         ON CONFLICT (slug) DO NOTHING",
        named_params! { ":slug": slug, ":name": name, ":platform": platform, ":created_ms": now_ms },
    )?;
    if inserted == 0 {
        return Ok(ProjectChanged::SlugTaken);
    }
    let id: u32 =
        tx.query_row("SELECT id FROM project WHERE slug = :slug", named_params! { ":slug": slug }, |row| row.get(0))?;
    add_key(tx, ProjectId(id), key, "Default", now_ms)
}

fn add_key(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    key: PublicKey,
    label: &str,
    now_ms: i64,
) -> Result<ProjectChanged, StoreError> {
    let exists: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM project WHERE id = :id)",
        named_params! { ":id": project_id.0 },
        |row| row.get(0),
    )?;
    let count: i64 = tx.query_row(
        "SELECT count(*) FROM project_key WHERE project_id = :id",
        named_params! { ":id": project_id.0 },
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(ProjectChanged::Missing);
    }
    if count as usize >= PROJECT_KEYS_MAX {
        return Ok(ProjectChanged::TooMany);
    }
    tx.execute(
        "INSERT INTO project_key (public_key, project_id, label, is_active, created_ms)
         VALUES (:key, :project_id, :label, 1, :created_ms)",
        named_params! { ":key": &key.0[..], ":project_id": project_id.0, ":label": label, ":created_ms": now_ms },
    )?;
    Ok(ProjectChanged::Done(project_id))
}

fn is_last_active(tx: &Transaction<'_>, project_id: ProjectId, key: PublicKey) -> Result<bool, StoreError> {
    let (own, others): (i64, i64) = tx.query_row(
        "SELECT coalesce(sum(public_key = :key), 0), coalesce(sum(public_key <> :key), 0) FROM project_key
         WHERE project_id = :project_id AND is_active = 1",
        named_params! { ":key": &key.0[..], ":project_id": project_id.0 },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(own > 0 && others == 0)
}

fn save_settings(
    tx: &Transaction<'_>,
    project_id: ProjectId,
    based_on: Option<i64>,
    settings: &str,
    now_ms: i64,
) -> Result<ProjectChanged, StoreError> {
    let exists: bool = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM project WHERE id = :id)",
        named_params! { ":id": project_id.0 },
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(ProjectChanged::Missing);
    }
    let version: i64 = tx
        .query_row(
            "SELECT version FROM project_settings WHERE project_id = :id",
            named_params! { ":id": project_id.0 },
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(0);
    if based_on.is_some_and(|based_on| based_on != version) {
        return Ok(ProjectChanged::Outdated { version });
    }
    tx.execute(
        "INSERT INTO project_settings (project_id, version, settings, updated_ms)
         VALUES (:id, :version, :settings, :updated_ms)
         ON CONFLICT (project_id) DO UPDATE SET version = :version, settings = :settings, updated_ms = :updated_ms",
        named_params! { ":id": project_id.0, ":version": version + 1, ":settings": settings, ":updated_ms": now_ms },
    )?;
    Ok(ProjectChanged::Done(project_id))
}
