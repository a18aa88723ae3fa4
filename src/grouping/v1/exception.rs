//! What of one exception counts: its type, its number where it has one, and its stack trace or else its value.
//!
//! Knows nothing of the exceptions around it (`chain` does).

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::grouping::GroupingHash;
use crate::grouping::v1::frame::{Context, Leaf, Scope, StackPlan};
use crate::grouping::v1::parameterise::steady_message;
use crate::grouping::v1::sink::{HashSink, Sink, Verdict};
use crate::model::event::{Exception, NsError};

pub(super) struct ExceptionPlan<'e> {
    ty: Leaf<'e>,
    value: &'e str,
    /// Searched for parameters only when some variant has no stack trace to go by.
    steady_value: OnceCell<Cow<'e, str>>,
    ns_error: Option<&'e NsError>,
    pub(super) stack: StackPlan<'e>,
}

impl<'e> ExceptionPlan<'e> {
    pub(super) fn new(context: Context<'e>, exception: &'e Exception) -> Self {
        let ty = match exception.ty.as_deref().unwrap_or_default() {
            "" => Leaf::absent(),
            ty if exception.mechanism.synthetic => Leaf::ignored(ty, "made up by the SDK"),
            ty => Leaf::taken(ty),
        };
        Self {
            ty,
            value: exception.value.as_deref().unwrap_or_default().trim(),
            steady_value: OnceCell::new(),
            ns_error: exception.mechanism.ns_error.as_ref(),
            stack: StackPlan::new(context, &exception.frames, Some(exception)),
        }
    }

    /// Without a stack trace an exception is the same whichever frames are looked at: it belongs to the app
    /// variant alone.
    pub(super) fn is_in_scope(&self, scope: Scope) -> bool {
        scope == Scope::App || self.stack.is_present()
    }

    pub(super) fn contributes(&self, scope: Scope) -> bool {
        self.is_in_scope(scope)
            && (self.ty.verdict.contributes
                || !self.value.is_empty()
                || self.ns_error.is_some()
                || self.stack.contributes(scope))
    }

    /// `ignored` overrules: the exception as a whole is left out, for the reason given.
    pub(super) fn walk<S: Sink>(&self, scope: Scope, ignored: Option<&'static str>, sink: &mut S) {
        let verdict = match ignored {
            Some(reason) => Verdict::no(reason),
            None if !self.is_in_scope(scope) => Verdict::no("no stack trace"),
            None if !self.contributes(scope) => Verdict::no("nothing in it counts"),
            None => Verdict::YES,
        };
        if !verdict.contributes && !S::EXPLAINS {
            return;
        }
        sink.open("exception", verdict);
        self.ty.walk("type", sink);
        self.walk_value(scope, sink);
        self.walk_ns_error(sink);
        self.stack.walk(scope, sink);
        sink.close();
    }

    fn walk_value<S: Sink>(&self, scope: Scope, sink: &mut S) {
        if self.value.is_empty() {
            return;
        }
        if self.stack.contributes(scope) {
            sink.leaf("value", self.value, Verdict::no("the stack trace says it better"));
            return;
        }
        let steady = self.steady_value.get_or_init(|| steady_message(self.value));
        let verdict = if steady == self.value { Verdict::YES } else { Verdict::changed("parameters replaced") };
        sink.leaf("value", steady, verdict);
    }

    fn walk_ns_error<S: Sink>(&self, sink: &mut S) {
        let Some(error) = self.ns_error else { return };
        sink.open("ns_error", Verdict::YES);
        if let Some(domain) = error.domain.as_deref() {
            sink.leaf("domain", domain, Verdict::YES);
        }
        if let Some(code) = error.code {
            sink.leaf("code", &code.to_string(), Verdict::YES);
        }
        sink.close();
    }

    /// Tells exceptions of a group apart: the hashes they would have alone.
    pub(super) fn key(&self) -> (GroupingHash, GroupingHash) {
        let hash = |scope| {
            let mut sink = HashSink::new();
            self.walk(scope, None, &mut sink);
            sink.finish().0
        };
        (hash(Scope::App), hash(Scope::System))
    }
}
