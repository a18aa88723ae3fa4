//! Where a walk over the decisions ends: in a hash (every event) or in a tree (when somebody asks why).
//!
//! Both are fed by the same walk, so they cannot disagree about what contributes. Knows no rule of grouping but
//! one: leaves are concatenated as UTF-8 without separators, as Sentry publishes its hashes.

use md5::{Digest, Md5};

use crate::grouping::GroupingHash;
use crate::grouping::component::{Component, ComponentValue};

/// Whether something counts, and what is worth saying about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict<'h> {
    pub(super) contributes: bool,
    pub(super) hint: Option<&'h str>,
}

impl<'h> Verdict<'h> {
    pub(super) const YES: Self = Self { contributes: true, hint: None };

    pub(super) fn changed(hint: &'h str) -> Self {
        Self { contributes: true, hint: Some(hint) }
    }

    pub(super) fn no(hint: &'h str) -> Self {
        Self { contributes: false, hint: Some(hint) }
    }
}

/// Receives components from the outside in; every `open` has its `close`.
pub(super) trait Sink {
    type Product;

    /// Whether what does not contribute is of interest; the walk skips it otherwise.
    const EXPLAINS: bool;

    fn new() -> Self;
    fn open(&mut self, id: &'static str, verdict: Verdict<'_>);
    fn text(&mut self, text: &str);
    fn close(&mut self);
    fn finish(self) -> (GroupingHash, Self::Product);

    /// A component with one value.
    fn leaf(&mut self, id: &'static str, text: &str, verdict: Verdict<'_>) {
        if verdict.contributes || Self::EXPLAINS {
            self.open(id, verdict);
            self.text(text);
            self.close();
        }
    }
}

/// The leaves whose every ancestor contributes, hashed as they come.
pub(super) struct HashSink {
    md5: Md5,
    /// Open components, counted from the outermost one that does not contribute; 0 when all do.
    muted_depth: usize,
}

impl Sink for HashSink {
    type Product = ();
    const EXPLAINS: bool = false;

    fn new() -> Self {
        Self { md5: Md5::new(), muted_depth: 0 }
    }

    fn open(&mut self, _id: &'static str, verdict: Verdict<'_>) {
        if self.muted_depth > 0 || !verdict.contributes {
            self.muted_depth += 1;
        }
    }

    fn text(&mut self, text: &str) {
        if self.muted_depth == 0 {
            self.md5.update(text.as_bytes());
        }
    }

    fn close(&mut self) {
        self.muted_depth = self.muted_depth.saturating_sub(1);
    }

    fn finish(self) -> (GroupingHash, ()) {
        (self.md5.finalize().into(), ())
    }
}

/// The whole tree, and the same hash.
pub(super) struct TreeSink {
    hash: HashSink,
    open: Vec<Component>,
    root: Component,
}

impl Sink for TreeSink {
    type Product = Component;
    const EXPLAINS: bool = true;

    fn new() -> Self {
        Self { hash: HashSink::new(), open: Vec::new(), root: Component::default() }
    }

    fn open(&mut self, id: &'static str, verdict: Verdict<'_>) {
        self.hash.open(id, verdict);
        self.open.push(Component::new(id, verdict.contributes, verdict.hint));
    }

    fn text(&mut self, text: &str) {
        self.hash.text(text);
        if let Some(component) = self.open.last_mut() {
            component.values.push(ComponentValue::Leaf(text.to_owned()));
        }
    }

    fn close(&mut self) {
        self.hash.close();
        let Some(closed) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.values.push(ComponentValue::Component(closed)),
            None => self.root = closed,
        }
    }

    fn finish(self) -> (GroupingHash, Component) {
        (self.hash.finish().0, self.root)
    }
}

/// MD5 of one text, for checksums that are not hashes themselves.
pub(super) fn hash_text(text: &str) -> GroupingHash {
    Md5::digest(text.as_bytes()).into()
}
