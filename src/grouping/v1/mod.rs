//! Version 1 of grouping: what Sentry documents of `newstyle:2026-01-20`, rebuilt from its published results.
//!
//! An event is read once into a `Plan` of decisions; a walk over the plan feeds a sink, which is a hash for every
//! event and a tree for the curious one. The order of strategies: exceptions, the stack trace of a thread, the
//! message, nothing. Frozen once released: a change of behaviour is a new folder beside this one.
//!
//! Not in here: rules of a project (their seams are in `frame` and `fingerprint`), CSP and other browser reports
//! (the model carries no directive), NSError codes and source-map marks (likewise).

mod chain;
mod exception;
mod fingerprint;
mod frame;
mod in_app;
mod names;
mod parameterise;
mod sink;

use std::borrow::Cow;

use crate::grouping::v1::chain::Selection;
use crate::grouping::v1::exception::ExceptionPlan;
use crate::grouping::v1::fingerprint::{Fingerprint, Token};
use crate::grouping::v1::frame::{Scope, StackPlan};
use crate::grouping::v1::names::Family;
use crate::grouping::v1::sink::{HashSink, Sink, TreeSink, Verdict};
use crate::grouping::{ExplainedVariant, Explanation, Grouping, GroupingHash, Variant, VariantName};
use crate::model::event::Event;

pub(in crate::grouping) use crate::grouping::v1::in_app::crash_frame;
#[cfg(test)]
pub(in crate::grouping) use crate::grouping::v1::parameterise::{PARAMETERISED_BYTES_MAX, first_lines, parameterise};

pub(in crate::grouping) const VERSION: u32 = 1;

pub(in crate::grouping) fn group(event: &Event) -> Grouping {
    let plan = Plan::new(event);
    let mut variants = Vec::with_capacity(2);
    for outcome in plan.outcomes::<HashSink>() {
        if outcome.contributes {
            variants.push(Variant { name: outcome.name, hash: outcome.hash });
        }
    }
    Grouping { version: VERSION, variants, main_exception: plan.selection.main }
}

pub(in crate::grouping) fn explain(event: &Event) -> Explanation {
    let plan = Plan::new(event);
    let mut variants = Vec::new();
    for outcome in plan.outcomes::<TreeSink>() {
        let mut component = outcome.product;
        component.contributes = outcome.contributes;
        component.hint = component.hint.or(outcome.hint);
        variants.push(ExplainedVariant {
            name: outcome.name,
            hash: outcome.contributes.then_some(outcome.hash),
            is_contributing: outcome.contributes,
            component,
        });
    }
    Explanation { version: VERSION, main_exception: plan.selection.main, variants }
}

/// The first that has something to say decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Exceptions,
    Thread,
    Message,
    Fallback,
}

/// Everything decided about one event, before any hash is computed.
struct Plan<'e> {
    event: &'e Event,
    exceptions: Vec<ExceptionPlan<'e>>,
    selection: Selection,
    thread: StackPlan<'e>,
    message: Cow<'e, str>,
    fingerprint: Fingerprint<'e>,
    strategy: Strategy,
}

/// One variant with what its sink made of it.
struct Outcome<P> {
    name: VariantName,
    hash: GroupingHash,
    contributes: bool,
    hint: Option<&'static str>,
    product: P,
}

/// What the default algorithm looks at: frames in a scope, or no frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Frames(Scope),
    Message,
    Fallback,
}

impl<'e> Plan<'e> {
    fn new(event: &'e Event) -> Self {
        let family = Family::of(&event.platform);
        let in_app = in_app::InApp::of(event);
        let exceptions: Vec<ExceptionPlan> =
            event.exceptions.iter().map(|exception| ExceptionPlan::new(event, exception, family, in_app)).collect();
        let selection = chain::select(event, |index| exceptions[index].key());
        let thread = StackPlan::new(family, &event.thread_frames, in_app, event.request_url.as_deref());
        let message = event.message.as_ref().map(|message| {
            let template = message.template.as_deref().filter(|template| !template.trim().is_empty());
            template.unwrap_or(&message.formatted).trim()
        });
        let message = message.unwrap_or_default();
        let says_something = |index: &usize| {
            let exception: &ExceptionPlan = &exceptions[*index];
            exception.contributes(Scope::App) || exception.contributes(Scope::System)
        };
        let strategy = if selection.order.iter().any(says_something) {
            Strategy::Exceptions
        } else if thread.contributes(Scope::System) {
            Strategy::Thread
        } else if !message.is_empty() {
            Strategy::Message
        } else {
            Strategy::Fallback
        };
        // The message is searched for parameters only where it decides.
        let message = match strategy {
            Strategy::Message => parameterise::steady_message(message),
            _ => Cow::Borrowed(message),
        };
        let fingerprint = Fingerprint::of(event, selection.main);
        Self { event, exceptions, selection, thread, message, fingerprint, strategy }
    }

    /// The variants in look-up order. A sink that does not explain gets the contributing ones only.
    fn outcomes<S: Sink>(&self) -> Vec<Outcome<S::Product>> {
        let mut outcomes = Vec::with_capacity(2);
        let overruled = if let Some(checksum) = self.event.checksum.as_deref().filter(|text| !text.is_empty()) {
            outcomes.push(checksum_outcome::<S>(checksum));
            Some("the client sent a checksum")
        } else if let Fingerprint::Custom(tokens) = &self.fingerprint {
            outcomes.push(self.walked::<S>(VariantName::CustomFingerprint, None, |sink| {
                sink.open("fingerprint", Verdict::YES);
                self.walk_tokens(tokens, Base::Fallback, sink);
                sink.close();
            }));
            Some("the client sent a fingerprint")
        } else {
            None
        };
        if overruled.is_some() && !S::EXPLAINS {
            return outcomes;
        }
        let mut app_hash = None;
        for base in [Base::Frames(Scope::App), Base::Frames(Scope::System), Base::Message, Base::Fallback] {
            let Some(reason) = self.why_ignored(base) else { continue };
            let hint = reason.or(overruled);
            if hint.is_some() && !S::EXPLAINS {
                continue;
            }
            let mut outcome = self.base_outcome::<S>(base, hint);
            if base == Base::Frames(Scope::App) {
                app_hash = outcome.contributes.then_some(outcome.hash);
            } else if outcome.contributes && app_hash == Some(outcome.hash) {
                outcome.contributes = false;
                outcome.hint = Some("the same hash as the app variant");
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// `None`: the event has nothing of the kind. `Some(None)`: it contributes. Else the reason why not.
    fn why_ignored(&self, base: Base) -> Option<Option<&'static str>> {
        let has_stack = |scope| match self.strategy {
            Strategy::Exceptions => {
                self.selection.order.iter().any(|index| self.exceptions[*index].stack.contributes(scope))
            }
            _ => self.thread.contributes(scope),
        };
        match (base, self.strategy) {
            (Base::Frames(scope), Strategy::Exceptions | Strategy::Thread) => match scope {
                Scope::App if !has_stack(Scope::App) && has_stack(Scope::System) => {
                    Some(Some("no frame of the application, so all frames decide"))
                }
                Scope::System if !has_stack(Scope::System) => None,
                _ => Some(None),
            },
            (Base::Frames(Scope::App), Strategy::Message | Strategy::Fallback)
                if !self.exceptions.is_empty() || self.thread.is_present() =>
            {
                Some(Some("nothing in the stack trace counts"))
            }
            (Base::Frames(_), _) => None,
            (Base::Message, Strategy::Message) => Some(None),
            (Base::Message, Strategy::Exceptions) if !self.message.is_empty() => {
                Some(Some("exceptions take precedence"))
            }
            (Base::Message, Strategy::Thread) if !self.message.is_empty() => {
                Some(Some("the stack trace takes precedence"))
            }
            (Base::Message, _) => None,
            (Base::Fallback, Strategy::Fallback) => Some(None),
            (Base::Fallback, _) => None,
        }
    }

    fn base_outcome<S: Sink>(&self, base: Base, hint: Option<&'static str>) -> Outcome<S::Product> {
        let hybrid = match &self.fingerprint {
            Fingerprint::Hybrid(tokens) => Some(tokens),
            _ => None,
        };
        let name = match (base, hybrid) {
            (Base::Frames(Scope::App), None) => VariantName::App,
            (Base::Frames(Scope::System), None) => VariantName::System,
            (Base::Message, None) => VariantName::Default,
            (Base::Fallback, None) => VariantName::Fallback,
            (Base::Frames(Scope::App), Some(_)) => VariantName::HybridApp,
            (Base::Frames(Scope::System), Some(_)) => VariantName::HybridSystem,
            (Base::Message | Base::Fallback, Some(_)) => VariantName::HybridDefault,
        };
        self.walked::<S>(name, hint, |sink| match hybrid {
            None => self.walk_base(base, sink),
            Some(tokens) => {
                sink.open("fingerprint", Verdict::YES);
                self.walk_tokens(tokens, base, sink);
                sink.close();
            }
        })
    }

    fn walked<S: Sink>(
        &self,
        name: VariantName,
        hint: Option<&'static str>,
        walk: impl FnOnce(&mut S),
    ) -> Outcome<S::Product> {
        let mut sink = S::new();
        walk(&mut sink);
        let (hash, product) = sink.finish();
        Outcome { name, hash, contributes: hint.is_none(), hint, product }
    }

    fn walk_tokens<S: Sink>(&self, tokens: &[Token], base: Base, sink: &mut S) {
        for token in tokens {
            match token {
                Token::Default => self.walk_base(base, sink),
                Token::Text(text) => sink.leaf("fingerprint_value", text, Verdict::YES),
            }
        }
    }

    fn walk_base<S: Sink>(&self, base: Base, sink: &mut S) {
        match base {
            Base::Frames(scope) => {
                sink.open(if scope == Scope::App { "app" } else { "system" }, Verdict::YES);
                self.walk_exceptions(scope, sink);
                self.walk_thread(scope, sink);
                sink.close();
            }
            Base::Message => {
                sink.open("default", Verdict::YES);
                sink.leaf("message", &self.message, Verdict::YES);
                sink.close();
            }
            Base::Fallback => {
                sink.open("fallback", Verdict::YES);
                sink.close();
            }
        }
    }

    fn walk_exceptions<S: Sink>(&self, scope: Scope, sink: &mut S) {
        if self.exceptions.is_empty() {
            return;
        }
        let is_chain = self.exceptions.len() > 1;
        if is_chain {
            sink.open("chained_exception", Verdict::YES);
        }
        for index in &self.selection.order {
            self.exceptions[*index].walk(scope, None, sink);
        }
        if S::EXPLAINS {
            for (index, exception) in self.exceptions.iter().enumerate() {
                if !self.selection.order.contains(&index) {
                    exception.walk(scope, Some("an exception group, or one like it is counted already"), sink);
                }
            }
        }
        if is_chain {
            sink.close();
        }
    }

    fn walk_thread<S: Sink>(&self, scope: Scope, sink: &mut S) {
        if !self.thread.is_present() || (self.strategy != Strategy::Thread && !S::EXPLAINS) {
            return;
        }
        let verdict = match self.strategy {
            Strategy::Exceptions => Verdict::no("exceptions take precedence"),
            _ => Verdict::YES,
        };
        sink.open("threads", verdict);
        self.thread.walk(scope, sink);
        sink.close();
    }
}

/// A client's own hash is taken as it is; any other text stands for its hash.
fn checksum_outcome<S: Sink>(checksum: &str) -> Outcome<S::Product> {
    let is_hash = checksum.len() == 32 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parsed = if is_hash { u128::from_str_radix(checksum, 16).ok() } else { None };
    let mut sink = S::new();
    sink.leaf("checksum", checksum, if is_hash { Verdict::YES } else { Verdict::changed("hashed") });
    let (_, product) = sink.finish();
    let hash = parsed.map_or_else(|| sink::hash_text(checksum), u128::to_be_bytes);
    Outcome { name: VariantName::Checksum, hash, contributes: true, hint: None, product }
}
