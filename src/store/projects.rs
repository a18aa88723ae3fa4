//! Projects, their keys, and the few settings the database remembers.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Store, StoreError};
use crate::clock::now_ms;
use crate::model::ids::{ProjectId, PublicKey};
use crate::model::project::{Project, ProjectKey};

/// Where the server listened last, `127.0.0.1:4318`: what `trapline dsn` prints.
const AUTHORITY: &str = "authority";

/// Makes project 1 with a random key when there is no project.
pub(super) fn ensure_first_project(connection: &mut Connection) -> Result<(), StoreError> {
    let tx = connection.transaction()?;
    let count: i64 = tx.query_row("SELECT count(*) FROM project", [], |row| row.get(0))?;
    if count == 0 {
        let created_ms = now_ms();
        let mut key = [0_u8; 16];
        getrandom::fill(&mut key)
            .map_err(|error| StoreError::BadBody(format!("the system gives no random bytes for a key: {error}")))?;
        tx.execute(
            "INSERT INTO project (id, slug, name, platform, created_ms)
             VALUES (1, 'default', 'Default', 'python', :created_ms)",
            named_params! { ":created_ms": created_ms },
        )?;
        tx.execute(
            "INSERT INTO project_key (public_key, project_id, label, is_active, created_ms)
             VALUES (:public_key, 1, 'Default', 1, :created_ms)",
            named_params! { ":public_key": &key[..], ":created_ms": created_ms },
        )?;
    }
    tx.commit()?;
    Ok(())
}

pub(super) fn read_projects(connection: &Connection) -> Result<Vec<Project>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT project.id, project.slug, project.name, project.platform, project.created_ms,
             (SELECT public_key FROM project_key WHERE project_id = project.id AND is_active = 1
              ORDER BY created_ms, public_key LIMIT 1) AS oldest_key
         FROM project WHERE oldest_key IS NOT NULL ORDER BY project.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Project {
            id: ProjectId(row.get(0)?),
            slug: row.get(1)?,
            name: row.get(2)?,
            platform: row.get(3)?,
            created_ms: row.get(4)?,
            public_key: PublicKey(row.get(5)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_keys(connection: &Connection) -> Result<Vec<ProjectKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT public_key, project_id, label, is_active, created_ms FROM project_key
         ORDER BY project_id, created_ms, public_key",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ProjectKey {
            public_key: PublicKey(row.get(0)?),
            project_id: ProjectId(row.get(1)?),
            label: row.get(2)?,
            is_active: row.get(3)?,
            created_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn first_project_and_authority(connection: &Connection) -> Result<(Project, Option<String>), StoreError> {
    let project = read_projects(connection)?
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::BadBody("the database holds no project with an active key".to_string()))?;
    let authority = connection
        .query_row("SELECT value FROM setting WHERE key = :key", named_params! { ":key": AUTHORITY }, |row| row.get(0))
        .optional()?;
    Ok((project, authority))
}

/// Remembers where the server listens. Called before the writer starts, by the process that holds the lock.
pub(super) fn remember_authority(connection: &Connection, authority: &str) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
        named_params! { ":key": AUTHORITY, ":value": authority },
    )?;
    Ok(())
}

impl Store {
    /// All projects with an active key, by id; never empty.
    pub async fn projects(&self) -> Result<Vec<Project>, StoreError> {
        self.readers.run(read_projects).await
    }

    /// The keys of all projects, disabled ones included, oldest first.
    pub async fn project_keys(&self) -> Result<Vec<ProjectKey>, StoreError> {
        self.readers.run(read_keys).await
    }
}
