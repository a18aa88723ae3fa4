//! Version 1 of grouping: what Sentry documents of `newstyle:2026-01-20`, rebuilt from its published results.
//!
//! An event is read once into a `Plan` of decisions; a walk over the plan feeds a sink, which is a hash for every
//! event and a tree for the curious one. The order of strategies: exceptions, the stack trace of a thread, a
//! browser's report, the line of a template, the message, nothing. A project's rules are laid over it: stack-trace
//! rules in `enhance`, fingerprint rules in `matching`. Frozen once released: a change of behaviour is a new folder
//! beside this one.

mod chain;
mod enhance;
mod exception;
mod fingerprint;
mod frame;
mod in_app;
mod matching;
mod names;
mod parameterise;
mod report;
mod sink;

use std::borrow::Cow;

use crate::grouping::rules::Rules;
use crate::grouping::v1::chain::Selection;
use crate::grouping::v1::exception::ExceptionPlan;
use crate::grouping::v1::fingerprint::{Fingerprint, Speaker, Token};
use crate::grouping::v1::frame::{Context, Scope, StackPlan};
use crate::grouping::v1::matching::Met;
use crate::grouping::v1::report::ReportPlan;
use crate::grouping::v1::sink::{HashSink, Sink, TreeSink, Verdict};
use crate::grouping::{
    ExplainedFingerprint, ExplainedVariant, Explanation, FingerprintSource, Grouping, GroupingHash, MatchedRule,
    Variant, VariantName,
};
use crate::model::event::{Event, Template};

#[cfg(test)]
pub(in crate::grouping) use crate::grouping::v1::parameterise::{PARAMETERISED_BYTES_MAX, first_lines, parameterise};

pub(in crate::grouping) const VERSION: u32 = 1;

pub(in crate::grouping) fn group(event: &Event, rules: &Rules) -> Grouping {
    let plan = Plan::new(event, rules);
    let mut variants = Vec::with_capacity(2);
    for outcome in plan.outcomes::<HashSink>() {
        if outcome.contributes {
            variants.push(Variant { name: outcome.name, hash: outcome.hash });
        }
    }
    Grouping {
        version: VERSION,
        variants,
        main_exception: plan.selection.main,
        crash_frame: plan.crash_frame,
        title: plan.title(),
    }
}

pub(in crate::grouping) fn app_frames(event: &Event, rules: &Rules) -> Vec<Vec<bool>> {
    Plan::new(event, rules).exceptions.iter().map(|exception| exception.stack.in_app().collect()).collect()
}

pub(in crate::grouping) fn explain(event: &Event, rules: &Rules) -> Explanation {
    let plan = Plan::new(event, rules);
    let mut variants = Vec::new();
    for outcome in plan.outcomes::<TreeSink>() {
        let mut component = outcome.product;
        component.contributes = outcome.contributes;
        component.hint = component.hint.or(outcome.hint.map(str::to_owned));
        variants.push(ExplainedVariant {
            name: outcome.name,
            hash: outcome.contributes.then_some(outcome.hash),
            is_contributing: outcome.contributes,
            component,
        });
    }
    Explanation {
        version: VERSION,
        main_exception: plan.selection.main,
        variants,
        fingerprint: plan.explained_fingerprint(),
    }
}

/// The first that has something to say decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Exceptions,
    Thread,
    Report,
    Template,
    Message,
    Fallback,
}

/// Everything decided about one event, before any hash is computed.
struct Plan<'e> {
    event: &'e Event,
    exceptions: Vec<ExceptionPlan<'e>>,
    selection: Selection,
    thread: StackPlan<'e>,
    report: Option<ReportPlan<'e>>,
    template: Option<&'e Template>,
    message: Cow<'e, str>,
    crash_frame: Option<usize>,
    met: Option<Met<'e>>,
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
    Default,
    Fallback,
}

impl<'e> Plan<'e> {
    fn new(event: &'e Event, rules: &'e Rules) -> Self {
        let context = Context {
            rules,
            in_app: in_app::InApp::of(event),
            platform: &event.platform,
            page_url: event.request_url.as_deref(),
            stack_count: event.exceptions.iter().filter(|exception| !exception.frames.is_empty()).count(),
        };
        let exceptions: Vec<ExceptionPlan> =
            event.exceptions.iter().map(|exception| ExceptionPlan::new(context, exception)).collect();
        let selection = chain::select(event, |index| exceptions[index].key());
        let thread = StackPlan::new(context, &event.thread_frames, None);
        let main = selection.main.or(exceptions.len().checked_sub(1));
        let crash_frame = main.map_or(&thread, |index| &exceptions[index].stack).crash_frame();
        let frames = || marked_frames(event, &exceptions, &thread);
        let met = matching::find(rules, event, frames);
        let speaker = speaker(event, selection.main, crash_frame);
        let fingerprint = Fingerprint::of(fingerprint::values(event, met), speaker);
        let mut plan = Self {
            event,
            exceptions,
            selection,
            thread,
            report: ReportPlan::of(event),
            template: event.template.as_ref(),
            message: Cow::Borrowed(raw_message(event)),
            crash_frame,
            met,
            fingerprint,
            strategy: Strategy::Fallback,
        };
        plan.strategy = plan.deciding_strategy();
        // The message is searched for parameters only where it decides.
        if plan.strategy == Strategy::Message {
            plan.message = parameterise::steady_message(raw_message(event));
        }
        plan
    }

    fn deciding_strategy(&self) -> Strategy {
        let says_something = |index: &usize| {
            let exception = &self.exceptions[*index];
            exception.contributes(Scope::App) || exception.contributes(Scope::System)
        };
        if self.selection.order.iter().any(says_something) {
            Strategy::Exceptions
        } else if self.thread.contributes(Scope::System) {
            Strategy::Thread
        } else if self.report.as_ref().is_some_and(ReportPlan::contributes) {
            Strategy::Report
        } else if self.template.is_some() {
            Strategy::Template
        } else if !self.message.is_empty() {
            Strategy::Message
        } else {
            Strategy::Fallback
        }
    }

    /// What the rule that was met calls the issue.
    fn title(&self) -> Option<String> {
        let title = self.met?.rule.title.as_deref()?;
        Some(speaker(self.event, self.selection.main, self.crash_frame).fill(title))
    }

    fn explained_fingerprint(&self) -> Option<ExplainedFingerprint> {
        let values = fingerprint::values(self.event, self.met);
        if values.is_empty() && self.met.is_none() {
            return None;
        }
        let resolved = match &self.fingerprint {
            Fingerprint::Default => values.to_vec(),
            Fingerprint::Hybrid(tokens) | Fingerprint::Custom(tokens) => {
                let text = |token: &Token| match token {
                    Token::Default => "{{ default }}".to_owned(),
                    Token::Text(text) => text.to_string(),
                };
                tokens.iter().map(text).collect()
            }
        };
        let rule = self.met.map(|met| MatchedRule {
            line: (!met.is_built_in).then_some(met.rule.line),
            text: met.rule.text.clone(),
            title: self.title(),
        });
        Some(ExplainedFingerprint {
            source: match self.met {
                Some(Met { is_built_in: true, .. }) => FingerprintSource::BuiltIn,
                Some(met) if !met.rule.values.is_empty() => FingerprintSource::Rule,
                _ => FingerprintSource::Client,
            },
            values: values.to_vec(),
            resolved,
            client_values: self.event.fingerprint.clone(),
            rule,
        })
    }

    /// The variants in look-up order. A sink that does not explain gets the contributing ones only.
    fn outcomes<S: Sink>(&self) -> Vec<Outcome<S::Product>> {
        let mut outcomes = Vec::with_capacity(2);
        let has_checksum = self.event.checksum.as_deref().filter(|text| !text.is_empty());
        let overruled = if let Some(checksum) = has_checksum {
            outcomes.push(checksum_outcome::<S>(checksum));
            Some("the client sent a checksum")
        } else if let Fingerprint::Custom(tokens) = &self.fingerprint {
            let is_built_in = self.met.is_some_and(|met| met.is_built_in);
            let by_rule = self.met.is_some_and(|met| !met.rule.values.is_empty());
            let name = if is_built_in { VariantName::BuiltInFingerprint } else { VariantName::CustomFingerprint };
            outcomes.push(self.walked::<S>(name, None, |sink| {
                sink.open("fingerprint", Verdict::YES);
                self.walk_tokens(tokens, Base::Fallback, sink);
                sink.close();
            }));
            Some(if by_rule { "a fingerprint rule decides" } else { "the client sent a fingerprint" })
        } else {
            None
        };
        if overruled.is_some() && !S::EXPLAINS {
            return outcomes;
        }
        let mut app_hash = None;
        for base in [Base::Frames(Scope::App), Base::Frames(Scope::System), Base::Default, Base::Fallback] {
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
        let has_default = self.report.is_some() || self.template.is_some() || !self.message.is_empty();
        match (base, self.strategy) {
            (Base::Frames(scope), Strategy::Exceptions | Strategy::Thread) => match scope {
                Scope::App if !has_stack(Scope::App) && has_stack(Scope::System) => {
                    Some(Some("no frame of the application, so all frames decide"))
                }
                Scope::System if !has_stack(Scope::System) => None,
                _ => Some(None),
            },
            (Base::Frames(Scope::App), _) if !self.exceptions.is_empty() || self.thread.is_present() => {
                Some(Some("nothing in the stack trace counts"))
            }
            (Base::Frames(_), _) => None,
            (Base::Default, Strategy::Report | Strategy::Template | Strategy::Message) => Some(None),
            (Base::Default, Strategy::Exceptions) if has_default => Some(Some("exceptions take precedence")),
            (Base::Default, Strategy::Thread) if has_default => Some(Some("the stack trace takes precedence")),
            (Base::Default, _) => None,
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
            (Base::Default, None) => VariantName::Default,
            (Base::Fallback, None) => VariantName::Fallback,
            (Base::Frames(Scope::App), Some(_)) => VariantName::HybridApp,
            (Base::Frames(Scope::System), Some(_)) => VariantName::HybridSystem,
            (Base::Default | Base::Fallback, Some(_)) => VariantName::HybridDefault,
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
            Base::Default => self.walk_default(sink),
            Base::Fallback => {
                sink.open("fallback", Verdict::YES);
                sink.close();
            }
        }
    }

    /// What has no frames: the first that has something to say counts.
    fn walk_default<S: Sink>(&self, sink: &mut S) {
        sink.open("default", Verdict::YES);
        if let Some(report) = &self.report {
            let verdict =
                if report.contributes() { Verdict::YES } else { Verdict::no("the browser names no directive") };
            report.walk(verdict, sink);
        }
        let after_report = match self.strategy {
            Strategy::Report => Verdict::no("the browser's report takes precedence"),
            _ => Verdict::YES,
        };
        if let Some(template) = self.template {
            sink.open("template", after_report);
            if let Some(filename) = &template.filename {
                sink.leaf("filename", filename, Verdict::YES);
            }
            if let Some(line) = &template.context_line {
                sink.leaf("context_line", line, Verdict::YES);
            }
            sink.close();
        }
        if !self.message.is_empty() {
            let verdict = match self.strategy {
                Strategy::Template => Verdict::no("the line of the template takes precedence"),
                _ => after_report,
            };
            sink.leaf("message", &self.message, verdict);
        }
        sink.close();
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

/// What grouping reads of a message: the template, else the text.
fn raw_message(event: &Event) -> &str {
    let Some(message) = &event.message else { return "" };
    let template = message.template.as_deref().filter(|template| !template.trim().is_empty());
    template.unwrap_or(&message.formatted).trim()
}

fn speaker(event: &Event, main_exception: Option<usize>, crash_frame: Option<usize>) -> Speaker<'_> {
    Speaker { event, main_exception, crash_frame: crate::grouping::crash_frame(event, main_exception, crash_frame) }
}

/// All frames with whether they are the application's, the crash first.
fn marked_frames<'e>(
    event: &'e Event,
    exceptions: &[ExceptionPlan<'e>],
    thread: &StackPlan<'e>,
) -> Vec<matching::MarkedFrame<'e>> {
    let mut frames: Vec<_> = event.thread_frames.iter().zip(thread.in_app()).collect();
    for (exception, plan) in event.exceptions.iter().zip(exceptions) {
        frames.extend(exception.frames.iter().zip(plan.stack.in_app()));
    }
    frames.reverse();
    frames
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
