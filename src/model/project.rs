//! A project and the key that may write to it.

pub mod settings;

use crate::model::ids::{ProjectId, PublicKey};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    /// `default`; part of URLs and, in capitals, of short ids.
    pub slug: String,
    pub name: String,
    pub platform: String,
    pub created_ms: i64,
    /// The key that was used, on the way in; else the oldest one that works.
    pub public_key: PublicKey,
}

/// A key that may write to a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectKey {
    pub public_key: PublicKey,
    pub project_id: ProjectId,
    pub label: String,
    /// What is sent with it is refused otherwise.
    pub is_active: bool,
    pub created_ms: i64,
}

/// The one organisation there is; Sentry's tools cannot do without the word.
pub const ORGANISATION_SLUG: &str = "main";

impl Project {
    /// `http://<key>@127.0.0.1:4318/1`
    pub fn dsn(&self, authority: &str) -> String {
        format!("http://{}@{authority}/{}", self.public_key, self.id)
    }

    /// `DEFAULT-12`
    pub fn short_id(&self, short_no: u64) -> String {
        format!("{}-{short_no}", self.slug.to_uppercase())
    }
}
