//! What a project's stack-trace rules make of the frames of one stack trace.
//!
//! Two passes, as in Sentry: first which frames belong to the application (each rule sees what the ones before it
//! decided), then which frames count. Knows nothing of components and hashes.

use crate::grouping::rules::{Action, Flag, Range, Rules, StackMatcher, StackRule, StackSubject};
use crate::grouping::v1::names;
use crate::model::event::{Exception, Frame};

/// Frames of one event that rules look at: those nearest the crash, the same number of every stack trace. SDKs send
/// a few dozen, this bounds the work for an event made of frames alone.
const FRAMES_MAX: usize = 1024;

/// The stack trace as a whole, and the error it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'e> {
    pub(super) platform: &'e str,
    pub(super) error: Option<&'e Exception>,
    /// Stack traces of the event, this one included.
    pub(super) stack_count: usize,
}

/// What the rules decided; frames they say nothing of keep what they had.
pub(super) struct Enhanced<'r> {
    pub(super) frames: Vec<Judgement<'r>>,
    pub(super) max_frames: usize,
    pub(super) min_frames: usize,
    pub(super) is_inverted: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Judgement<'r> {
    pub(super) app: Option<(bool, &'r StackRule)>,
    pub(super) group: Option<(bool, &'r StackRule)>,
    category: Option<&'r str>,
}

/// `is_in_app` says what holds before any rule.
pub(super) fn enhance<'r>(
    rules: &'r Rules,
    surroundings: Surroundings<'_>,
    frames: &[Frame],
    is_in_app: impl Fn(&Frame) -> bool,
) -> Enhanced<'r> {
    let seen_max = FRAMES_MAX / surroundings.stack_count.max(1);
    let first = frames.len().saturating_sub(seen_max);
    let mut pass = Pass {
        surroundings,
        frames: &frames[first..],
        in_app: frames[first..].iter().map(is_in_app).collect(),
        judgements: vec![Judgement::default(); frames.len() - first],
    };
    let rules: Vec<&StackRule> = rules.stack.iter().filter(|rule| pass.is_about_error(rule)).collect();
    let decides_app = |action: &Action| matches!(action, Action::Mark { flag: Flag::App, .. } | Action::Category(_));
    for rule in rules.iter().filter(|rule| rule.actions.iter().any(decides_app)) {
        let matched = pass.matched(rule);
        pass.apply(rule, &matched, Flag::App);
    }
    let (mut max_frames, mut min_frames, mut is_inverted) = (0, 0, false);
    for rule in rules.iter().filter(|rule| !rule.actions.iter().all(decides_app)) {
        let matched = pass.matched(rule);
        pass.apply(rule, &matched, Flag::Group);
        if !matched.contains(&true) {
            continue;
        }
        for action in &rule.actions {
            match action {
                Action::MaxFrames(count) => max_frames = *count,
                Action::MinFrames(count) => min_frames = *count,
                Action::Invert(inverted) => is_inverted = *inverted,
                Action::Mark { .. } | Action::Category(_) => {}
            }
        }
    }
    let mut judgements = vec![Judgement::default(); first];
    judgements.append(&mut pass.judgements);
    Enhanced { frames: judgements, max_frames, min_frames, is_inverted }
}

struct Pass<'e, 'r> {
    surroundings: Surroundings<'e>,
    frames: &'e [Frame],
    /// What holds at this point of the rules.
    in_app: Vec<bool>,
    judgements: Vec<Judgement<'r>>,
}

impl<'r> Pass<'_, 'r> {
    /// The conditions that are the same for all frames, asked once.
    fn is_about_error(&self, rule: &StackRule) -> bool {
        rule.error.iter().all(|matcher| {
            let text = self.surroundings.error.and_then(|error| match matcher.subject {
                StackSubject::ErrorType => error.ty.as_deref(),
                StackSubject::ErrorValue => error.value.as_deref(),
                StackSubject::ErrorMechanism => error.mechanism.ty.as_deref(),
                _ => None,
            });
            text.is_some_and(|text| matcher.test.text(text)) != matcher.is_negated
        })
    }

    fn matched(&self, rule: &StackRule) -> Vec<bool> {
        let holds = |at: usize, matchers: &[StackMatcher]| matchers.iter().all(|matcher| self.matches(at, matcher));
        (0..self.frames.len())
            .map(|at| {
                holds(at, &rule.frame)
                    && rule.caller.as_ref().is_none_or(|caller| at > 0 && holds(at - 1, caller))
                    && rule.callee.as_ref().is_none_or(|callee| at + 1 < self.frames.len() && holds(at + 1, callee))
            })
            .collect()
    }

    fn matches(&self, at: usize, matcher: &StackMatcher) -> bool {
        let frame = &self.frames[at];
        let text = |text: Option<&str>| text.is_some_and(|text| matcher.test.text(text));
        let found = match matcher.subject {
            StackSubject::Family => {
                let platform = frame.platform.as_deref().unwrap_or(self.surroundings.platform);
                matcher.test.text(names::family_name(platform)) || matcher.test.text(platform)
            }
            StackSubject::Path => text(frame.abs_path.as_deref().or(frame.filename.as_deref())),
            StackSubject::Module => text(frame.module.as_deref()),
            StackSubject::Function => text(frame.function.as_deref()),
            StackSubject::Package => text(frame.package.as_deref()),
            StackSubject::App => matcher.test.flag_is(self.in_app[at]),
            StackSubject::Category => text(self.judgements[at].category),
            StackSubject::ErrorType | StackSubject::ErrorValue | StackSubject::ErrorMechanism => true,
        };
        found != matcher.is_negated
    }

    /// Frame by frame in order, action by action, each over what was there before; done from the result backwards,
    /// because `v-group` on every one of n frames would otherwise be n squared.
    fn apply(&mut self, rule: &'r StackRule, matched: &[bool], flag: Flag) {
        let last = matched.iter().rposition(|is_matched| *is_matched);
        let mut is_below_match = false;
        for (at, is_matched) in matched.iter().copied().enumerate() {
            let set = |wanted: Range| {
                rule.actions.iter().rev().find_map(|action| match action {
                    Action::Mark { range, flag: of, is_set } if *range == wanted && *of == flag => Some(*is_set),
                    _ => None,
                })
            };
            // The later the frame that matched, the later its word: callees of this frame, itself, then its callers.
            let down = if last.is_some_and(|last| last > at) { set(Range::Down) } else { None };
            let itself = if is_matched { set(Range::Itself) } else { None };
            let up = if is_below_match { set(Range::Up) } else { None };
            if let Some(is_set) = down.or(itself).or(up) {
                let judgement = &mut self.judgements[at];
                match flag {
                    Flag::App => {
                        judgement.app = Some((is_set, rule));
                        self.in_app[at] = is_set;
                    }
                    Flag::Group => judgement.group = Some((is_set, rule)),
                }
            }
            if is_matched && flag == Flag::App {
                let category = rule.actions.iter().rev().find_map(|action| match action {
                    Action::Category(name) => Some(name.as_str()),
                    _ => None,
                });
                self.judgements[at].category = category.or(self.judgements[at].category);
            }
            is_below_match |= is_matched;
        }
    }
}
