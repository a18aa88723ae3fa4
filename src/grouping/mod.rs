//! Which issue an event belongs to, what that issue is called, and why.
//!
//! This is the frame: the public types, and the dispatch by version. The algorithm lives in one folder per
//! version; a released folder is frozen, because the hashes it gave are the identities of stored issues. What
//! changes behaviour becomes a new folder, and `CURRENT_VERSION` moves. The tests live in `tests/`, outside the
//! frozen folders, so that they may grow.
//!
//! Knows nothing of projects, stored issues, merges or the time: the same event with the same rules gives the same
//! answer for ever. A project's rules are read by `rules` and come in as one argument.

mod component;
mod rules;
#[cfg(test)]
mod tests;
mod title;
mod v1;

use serde::{Serialize, Serializer};

pub use crate::grouping::component::{Component, ComponentValue};
pub use crate::grouping::rules::{RuleError, RuleText, Rules};
pub use crate::grouping::title::title;
use crate::model::event::{Event, Frame};

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
    /// Index of the frame the issue is about, among those of the main (or last) exception, or of the thread.
    pub crash_frame: Option<usize>,
    /// What a fingerprint rule calls the issue.
    pub title: Option<String>,
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
    /// No frames: a browser's report, the line of a template, the message.
    Default,
    /// A fingerprint alone, the client's or a rule's.
    CustomFingerprint,
    /// The same, by a rule that every project has.
    BuiltInFingerprint,
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
    /// Where the fingerprint came from, when there is one.
    pub fingerprint: Option<ExplainedFingerprint>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedFingerprint {
    pub source: FingerprintSource,
    /// As the client or the rule wrote them.
    pub values: Vec<String>,
    /// With variables replaced by what they stood for; `{{ default }}` stays.
    pub resolved: Vec<String>,
    /// What the client asked for, whether or not it was heard.
    pub client_values: Option<Vec<String>>,
    pub rule: Option<MatchedRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FingerprintSource {
    Client,
    Rule,
    BuiltIn,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchedRule {
    /// From 1; `None` for a rule that is built in.
    pub line: Option<u32>,
    /// As written.
    pub text: String,
    /// The title it gave, variables replaced.
    pub title: Option<String>,
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
pub fn group(event: &Event, rules: &Rules) -> Grouping {
    v1::group(event, rules)
}

/// Explains what `group` of that version decides with these rules; `None` for a version this binary does not know.
pub fn explain(event: &Event, version: u32, rules: &Rules) -> Option<Explanation> {
    match version {
        v1::VERSION => Some(v1::explain(event, rules)),
        _ => None,
    }
}

/// For each exception which of its frames are the application's, as grouping sees it: after defaults and rules.
pub fn app_frames(event: &Event, rules: &Rules) -> Vec<Vec<bool>> {
    v1::app_frames(event, rules)
}

/// The frame at that place, as `Grouping` names it.
fn crash_frame(event: &Event, main_exception: Option<usize>, frame: Option<usize>) -> Option<&Frame> {
    let exception = main_exception.and_then(|index| event.exceptions.get(index)).or(event.exceptions.last());
    exception.map_or(&event.thread_frames, |exception| &exception.frames).get(frame?)
}

fn hash_as_hex<S: Serializer>(hash: &Option<GroupingHash>, serializer: S) -> Result<S::Ok, S::Error> {
    match hash {
        Some(bytes) => serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(*bytes))),
        None => serializer.serialize_none(),
    }
}
