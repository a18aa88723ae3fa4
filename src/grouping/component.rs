//! The tree that explains a hash: what was looked at, what counted, and why the rest did not.
//!
//! A shape for readers, the same for every version. Knows no rule of grouping.

use std::borrow::Cow;

use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Component {
    /// `app`, `exception`, `frame`, `context_line`, …: stable, for programs.
    pub id: &'static str,
    /// The same for people: `context line`.
    pub name: Cow<'static, str>,
    /// Whether its leaves went into the hash. Leaves below a component that does not contribute never did.
    pub contributes: bool,
    /// Why it does not contribute, or what was done to the value.
    pub hint: Option<String>,
    pub values: Vec<ComponentValue>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ComponentValue {
    Leaf(String),
    Component(Component),
}

impl Component {
    pub(in crate::grouping) fn new(id: &'static str, contributes: bool, hint: Option<&str>) -> Self {
        let name = if id.contains('_') { Cow::Owned(id.replace('_', " ")) } else { Cow::Borrowed(id) };
        Self { id, name, contributes, hint: hint.map(str::to_owned), values: Vec::new() }
    }
}
