//! A project and the key that may write to it.

use crate::model::ids::{ProjectId, PublicKey};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    /// `default`; part of URLs and, in capitals, of short ids.
    pub slug: String,
    pub name: String,
    pub platform: String,
    pub created_ms: i64,
    pub public_key: PublicKey,
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
