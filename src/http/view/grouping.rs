//! Why an event belongs to its issue: what was looked at, what counted, and the rule or fingerprint that decided.

use serde::Serialize;

/// `GET /api/ui/events/<event id>/grouping`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupingView {
    /// Of the algorithm the event was grouped with.
    pub version: u32,
    /// Said when grouping the event again does not lead to the issue it is in.
    pub note: Option<String>,
    /// Where it would go today instead, when that issue exists.
    pub leads_to: Option<String>,
    pub fingerprint: Option<FingerprintView>,
    /// The one that decided first, then those that would find the issue too, then the rest.
    pub variants: Vec<GroupingVariantView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FingerprintView {
    /// `client`, `rule`, `built_in`
    pub source: &'static str,
    pub values: Vec<String>,
    /// With variables replaced by what they stood for.
    pub resolved: Vec<String>,
    /// What the client asked for, when a rule decided instead.
    pub overruled: Option<Vec<String>>,
    pub rule: Option<FingerprintRuleView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FingerprintRuleView {
    /// `None` for a rule every project has.
    pub line: Option<u32>,
    pub text: String,
    pub title: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupingVariantView {
    /// `app`, `system`, `default`, `custom_fingerprint`, …
    pub key: &'static str,
    /// `in-app exception stack trace`
    pub description: String,
    pub hash: Option<String>,
    pub is_contributing: bool,
    /// Its hash is the one that leads to the issue.
    pub is_chosen: bool,
    pub hint: Option<String>,
    pub component: ComponentView,
    /// Parts too many to show.
    pub omitted: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ComponentView {
    pub id: &'static str,
    pub name: String,
    pub contributes: bool,
    pub hint: Option<String>,
    /// Texts, hashed as they stand here.
    pub values: Vec<String>,
    pub parts: Vec<ComponentView>,
}
