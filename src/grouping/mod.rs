//! Which issue an event belongs to, what that issue is called, and why.
//!
//! This is the frame: the public types, and the dispatch by version. The algorithm lives in one folder per
//! version; a released folder is frozen, because the hashes it gave are the identities of stored issues. What
//! changes behaviour becomes a new folder, and `CURRENT_VERSION` moves. The tests live in `tests/`, outside the
//! frozen folders, so that they may grow.
//!
//! Knows nothing of projects, stored issues, merges or the time: the same event gives the same answer for ever.
//! Project rules (server fingerprints, stack-trace rules) are not here yet; they will come in as one more
//! argument of `group`, turned into verdicts by `v1::frame` and tokens by `v1::fingerprint`.

mod component;
#[cfg(test)]
mod tests;
mod title;
mod v1;

use serde::{Serialize, Serializer};

pub use crate::grouping::component::{Component, ComponentValue};
pub use crate::grouping::title::title;
use crate::model::event::Event;

/// The version new events are grouped with. Stored beside every hash.
pub const CURRENT_VERSION: u32 = v1::VERSION;

/// MD5 over the contributing leaves: sixteen bytes that name a kind of event.
pub type GroupingHash = [u8; 16];

/// The answer of the hot path: the hashes and nothing that only a reader wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    pub version: u32,
    /// The contributing variants in look-up order (app, then system); never empty.
    pub variants: Vec<Variant>,
    /// Index of the exception the issue is about, when it is not simply the last of `Event::exceptions`.
    pub main_exception: Option<usize>,
}

impl Grouping {
    /// The hashes in look-up order: the first names a new issue, a hit on any finds an old one.
    pub fn hashes(&self) -> impl Iterator<Item = GroupingHash> + '_ {
        self.variants.iter().map(|variant| variant.hash)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    pub name: VariantName,
    pub hash: GroupingHash,
}

/// What a hash was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariantName {
    /// Frames of the application only.
    App,
    /// All frames.
    System,
    /// No frames: the message.
    Default,
    /// The client's fingerprint alone.
    CustomFingerprint,
    /// The client's fingerprint with `{{ default }}` standing for the app variant.
    HybridApp,
    HybridSystem,
    HybridDefault,
    /// The client computed the hash.
    Checksum,
    /// Nothing to go by: all such events are one issue.
    Fallback,
}

/// Why an event was grouped as it was: every variant, contributing or not, with its tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub version: u32,
    pub main_exception: Option<usize>,
    /// In the order of the hot path; those that do not contribute come with the reason.
    pub variants: Vec<ExplainedVariant>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedVariant {
    pub name: VariantName,
    /// 32 hex digits when it serialises; `None` when the variant does not contribute.
    #[serde(serialize_with = "hash_as_hex")]
    pub hash: Option<GroupingHash>,
    pub is_contributing: bool,
    pub component: Component,
}

/// Groups an event with the current version.
pub fn group(event: &Event) -> Grouping {
    v1::group(event)
}

/// Explains what `group` of that version decided; `None` for a version this binary does not know.
pub fn explain(event: &Event, version: u32) -> Option<Explanation> {
    match version {
        v1::VERSION => Some(v1::explain(event)),
        _ => None,
    }
}

fn hash_as_hex<S: Serializer>(hash: &Option<GroupingHash>, serializer: S) -> Result<S::Ok, S::Error> {
    match hash {
        Some(bytes) => serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(*bytes))),
        None => serializer.serialize_none(),
    }
}
