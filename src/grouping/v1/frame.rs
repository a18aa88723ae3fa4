//! What of a stack trace counts: for every frame its module, file name, function and source line.
//!
//! Line numbers, columns, variables and absolute paths never count: they change without the bug changing.
//! Decides once per stack trace; the app and the system variant then read the same decisions. What a project's
//! rules say (`enhance`) is laid over what holds by default.

use std::borrow::Cow;

use crate::grouping::rules::Rules;
use crate::grouping::v1::enhance::{Enhanced, Surroundings, enhance};
use crate::grouping::v1::in_app::InApp;
use crate::grouping::v1::names::{self, Family};
use crate::grouping::v1::parameterise::parameterise;
use crate::grouping::v1::sink::{Sink, Verdict};
use crate::model::event::{Exception, Frame};

/// Longer source lines are minified or generated code.
const CONTEXT_LINE_CHARS_MAX: usize = 120;

/// Which frames a variant looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    App,
    System,
}

/// What is the same for all stack traces of an event.
#[derive(Clone, Copy)]
pub(super) struct Context<'e> {
    pub(super) rules: &'e Rules,
    pub(super) in_app: InApp,
    pub(super) platform: &'e str,
    pub(super) page_url: Option<&'e str>,
    pub(super) stack_count: usize,
}

pub(super) struct StackPlan<'e> {
    frames: Vec<FramePlan<'e>>,
    /// Why the stack trace says nothing as a whole, for each scope.
    ignored: [Option<&'static str>; 2],
    contributes: [bool; 2],
    /// Frames before this one are beyond what a rule lets count, for each scope.
    first_considered: [usize; 2],
    is_inverted: bool,
}

struct FramePlan<'e> {
    module: Leaf<'e>,
    filename: Leaf<'e>,
    function: Leaf<'e>,
    context_line: Leaf<'e>,
    verdict: Verdict<'e>,
    in_app: Verdict<'e>,
}

/// A text, if there is one, and whether it counts.
pub(super) struct Leaf<'e> {
    pub(super) text: Cow<'e, str>,
    pub(super) verdict: Verdict<'static>,
}

impl<'e> StackPlan<'e> {
    /// `error` is the exception the frames belong to.
    pub(super) fn new(context: Context<'e>, frames: &'e [Frame], error: Option<&'e Exception>) -> Self {
        let mut plans = Vec::with_capacity(frames.len());
        let mut previous = None;
        for frame in frames {
            plans.push(FramePlan::new(context, frame, previous));
            previous = Some(frame);
        }
        let page = is_bare_page_frame(Family::of(context.platform), frames, context.page_url)
            .then_some("a single frame without a function, at the address of the page");
        let mut plan = Self {
            frames: plans,
            ignored: [page; 2],
            contributes: [false; 2],
            first_considered: [0; 2],
            is_inverted: false,
        };
        let mut frame_limits = (0, 0);
        if !context.rules.stack.is_empty() && !frames.is_empty() {
            let surroundings = Surroundings { platform: context.platform, error, stack_count: context.stack_count };
            let enhanced =
                enhance(context.rules, surroundings, frames, |frame| context.in_app.judge(frame).contributes);
            frame_limits = (enhanced.max_frames, enhanced.min_frames);
            plan.is_inverted = enhanced.is_inverted;
            plan.lay_over(enhanced);
        }
        for scope in [Scope::App, Scope::System] {
            plan.count(scope, frame_limits);
        }
        plan
    }

    fn lay_over(&mut self, enhanced: Enhanced<'e>) {
        for (frame, judgement) in self.frames.iter_mut().zip(enhanced.frames) {
            match judgement.app {
                Some((true, _)) => frame.in_app = Verdict::YES,
                Some((false, rule)) => frame.in_app = Verdict::no(&rule.hints.outside_app),
                None => {}
            }
            match judgement.group {
                Some((true, rule)) if frame.has_leaf() && !frame.verdict.contributes => {
                    frame.verdict = Verdict::changed(&rule.hints.taken_in);
                }
                Some((false, rule)) => frame.verdict = Verdict::no(&rule.hints.left_out),
                _ => {}
            }
        }
    }

    /// What is left of the stack trace in one scope, under the bounds rules set (0 for none).
    fn count(&mut self, scope: Scope, (frames_max, frames_min): (usize, usize)) {
        let at = scope as usize;
        let mut count = 0;
        for (index, frame) in self.frames.iter().enumerate().rev() {
            if !frame.contributes(scope) {
                continue;
            }
            if frames_max > 0 && count == frames_max {
                self.first_considered[at] = index + 1;
                break;
            }
            count += 1;
        }
        if count > 0 && count < frames_min {
            self.ignored[at] = self.ignored[at].or(Some("fewer frames than a stack-trace rule asks for"));
        }
        self.contributes[at] = count > 0 && self.ignored[at].is_none();
    }

    /// The client sent frames, whatever they are worth.
    pub(super) fn is_present(&self) -> bool {
        !self.frames.is_empty()
    }

    pub(super) fn contributes(&self, scope: Scope) -> bool {
        self.contributes[scope as usize]
    }

    /// The frame it is about: the last of the application, else the last.
    pub(super) fn crash_frame(&self) -> Option<usize> {
        self.frames.iter().rposition(|frame| frame.in_app.contributes).or(self.frames.len().checked_sub(1))
    }

    /// For each frame whether it belongs to the application.
    pub(super) fn in_app(&self) -> impl DoubleEndedIterator<Item = bool> + '_ {
        self.frames.iter().map(|frame| frame.in_app.contributes)
    }

    pub(super) fn walk<S: Sink>(&self, scope: Scope, sink: &mut S) {
        let verdict = match (self.contributes(scope), self.ignored[scope as usize]) {
            (true, _) => Verdict::YES,
            (false, Some(reason)) => Verdict::no(reason),
            (false, None) if self.frames.is_empty() => return,
            (false, None) if self.contributes(Scope::System) => Verdict::no("no frame of the application"),
            (false, None) => Verdict::no("no frame counts"),
        };
        if !verdict.contributes && !S::EXPLAINS {
            return;
        }
        sink.open("stacktrace", verdict);
        let first_considered = self.first_considered[scope as usize];
        let walk_one = |index: usize, sink: &mut S| self.frames[index].walk(scope, index < first_considered, sink);
        for position in 0..self.frames.len() {
            walk_one(if self.is_inverted { self.frames.len() - 1 - position } else { position }, sink);
        }
        sink.close();
    }
}

impl<'e> FramePlan<'e> {
    fn new(context: Context<'e>, frame: &'e Frame, previous: Option<&Frame>) -> Self {
        let family = Family::of(frame.platform.as_deref().unwrap_or(context.platform));
        let module = module_leaf(family, frame);
        let filename = filename_leaf(family, frame, module.verdict.contributes);
        let context_line = context_line_leaf(family, frame);
        let function = function_leaf(family, frame, context_line.verdict.contributes);
        let mut plan = Self {
            verdict: Verdict::YES,
            in_app: context.in_app.judge(frame),
            module,
            filename,
            function,
            context_line,
        };
        if previous.is_some_and(|previous| is_same_call(previous, frame)) {
            plan.verdict = Verdict::no("the same call as the frame before (recursion)");
        } else if context.in_app.is_agent(frame) {
            plan.verdict = Verdict::no("a monitoring agent's frame");
        } else if family.is_javascript() && is_engine_frame(frame) {
            plan.verdict = Verdict::no("evaluated or native code");
        } else if !plan.has_leaf() {
            plan.verdict = Verdict::no("nothing in it counts");
        }
        plan
    }

    fn has_leaf(&self) -> bool {
        [&self.module, &self.filename, &self.function, &self.context_line].iter().any(|leaf| leaf.verdict.contributes)
    }

    fn contributes(&self, scope: Scope) -> bool {
        self.verdict.contributes && (scope == Scope::System || self.in_app.contributes)
    }

    fn walk<S: Sink>(&self, scope: Scope, is_beyond: bool, sink: &mut S) {
        let verdict = if self.verdict.contributes && !self.contributes(scope) {
            self.in_app
        } else if self.verdict.contributes && is_beyond {
            Verdict::no("beyond the frames a stack-trace rule considers")
        } else {
            self.verdict
        };
        if !verdict.contributes && !S::EXPLAINS {
            return;
        }
        sink.open("frame", verdict);
        self.module.walk("module", sink);
        self.filename.walk("filename", sink);
        self.function.walk("function", sink);
        self.context_line.walk("context_line", sink);
        sink.close();
    }
}

impl<'e> Leaf<'e> {
    pub(super) fn absent() -> Self {
        Self { text: Cow::Borrowed(""), verdict: Verdict { contributes: false, hint: None } }
    }

    pub(super) fn taken(text: &'e str) -> Self {
        Self { text: Cow::Borrowed(text), verdict: Verdict::YES }
    }

    pub(super) fn ignored(text: &'e str, hint: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), verdict: Verdict::no(hint) }
    }

    /// Taken, with the hint only if cleaning changed the text; absent when nothing is left.
    fn cleaned(text: Cow<'e, str>, original: &str, hint: &'static str) -> Self {
        if text.is_empty() {
            return Self::absent();
        }
        let verdict = if text == original { Verdict::YES } else { Verdict::changed(hint) };
        Self { text, verdict }
    }

    pub(super) fn walk<S: Sink>(&self, id: &'static str, sink: &mut S) {
        if !self.text.is_empty() {
            sink.leaf(id, &self.text, self.verdict);
        }
    }
}

fn module_leaf(family: Family, frame: &Frame) -> Leaf<'_> {
    let Some(module) = frame.module.as_deref() else { return Leaf::absent() };
    if family == Family::Java {
        if module.contains("$$Lambda$") {
            return Leaf::ignored(module, "a lambda: its name is made up at run time");
        }
        return Leaf::cleaned(names::java_module(module), module, "generated parts taken out");
    }
    let is_address = family.is_javascript()
        && frame.abs_path.as_deref().is_some_and(|abs_path| names::is_module_from_url(module, abs_path));
    if is_address {
        return Leaf::ignored(module, "only the path of the address");
    }
    Leaf::cleaned(Cow::Borrowed(module), module, "")
}

fn filename_leaf(family: Family, frame: &Frame, module_contributes: bool) -> Leaf<'_> {
    let Some(filename) = frame.filename.as_deref().filter(|name| !name.is_empty()) else { return Leaf::absent() };
    let is_url = |path: &str| names::is_url(path, family == Family::JavaScript);
    if (filename.starts_with('<') && filename.ends_with('>')) || filename == "[native code]" {
        return Leaf::ignored(filename, "not a file");
    }
    if module_contributes {
        return Leaf::ignored(filename, "the module says it better");
    }
    if is_url(filename) || frame.abs_path.as_deref().is_some_and(is_url) {
        return Leaf::ignored(filename, "a web address");
    }
    let basename = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
    let lower = if basename.chars().any(char::is_uppercase) {
        Cow::Owned(basename.to_lowercase())
    } else {
        Cow::Borrowed(basename)
    };
    Leaf::cleaned(lower, filename, "file name alone, in lower case")
}

fn function_leaf(family: Family, frame: &Frame, has_line: bool) -> Leaf<'_> {
    let Some(function) = frame.function.as_deref().filter(|name| !name.is_empty()) else { return Leaf::absent() };
    if let Some(reason) = names::why_function_is_ignored(family, function) {
        return Leaf::ignored(function, reason);
    }
    if family.is_javascript() && frame.is_source_mapped && has_line {
        return Leaf::ignored(function, "the source line says it better than a name from before minification");
    }
    Leaf::cleaned(names::function(family, function), function, "generated parts taken out")
}

fn context_line_leaf(family: Family, frame: &Frame) -> Leaf<'_> {
    let Some(line) = frame.context_line.as_deref().filter(|_| family.has_context_lines()) else {
        return Leaf::absent();
    };
    let trimmed = line.trim();
    // Bytes first: no need to count the characters of a minified bundle.
    if trimmed.len() > CONTEXT_LINE_CHARS_MAX * 4 {
        return Leaf::ignored(trimmed, "too long to be written by hand");
    }
    let collapsed = collapse_whitespace(trimmed);
    if collapsed.chars().count() > CONTEXT_LINE_CHARS_MAX {
        return Leaf::ignored(trimmed, "too long to be written by hand");
    }
    // `spawn_main(tracker_fd=13, pipe_handle=43)`: the numbers differ in every process.
    if family == Family::Python && collapsed.starts_with("from multiprocessing.") {
        let steady = Cow::Owned(parameterise(&collapsed).into_owned());
        return Leaf::cleaned(steady, trimmed, "numbers replaced");
    }
    Leaf::cleaned(collapsed, trimmed, "white space collapsed")
}

/// One space for every run of white space; borrows when there is nothing to do.
fn collapse_whitespace(text: &str) -> Cow<'_, str> {
    let mut after_space = false;
    let is_collapsed = text.chars().all(|c| {
        let is_space = c.is_whitespace();
        let is_fine = !is_space || (c == ' ' && !after_space);
        after_space = is_space;
        is_fine
    });
    if is_collapsed {
        return Cow::Borrowed(text);
    }
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    Cow::Owned(collapsed)
}

/// How deep a recursion got before it failed says nothing about the bug.
fn is_same_call(previous: &Frame, frame: &Frame) -> bool {
    previous.line == frame.line
        && previous.column == frame.column
        && previous.function == frame.function
        && previous.module == frame.module
        && previous.filename == frame.filename
        && previous.abs_path == frame.abs_path
        && previous.package == frame.package
}

fn is_engine_frame(frame: &Frame) -> bool {
    [frame.filename.as_deref(), frame.abs_path.as_deref()].into_iter().flatten().any(|path| {
        matches!(path, "native" | "native code" | "[native code]" | "eval" | "eval code")
            || path.starts_with("eval at ")
            || path.contains("> eval")
    })
}

/// Inline script of a page: one frame that knows only where the user was.
fn is_bare_page_frame(family: Family, frames: &[Frame], page_url: Option<&str>) -> bool {
    let ([frame], Some(page_url), Family::JavaScript) = (frames, page_url, family) else { return false };
    let has_function =
        frame.function.as_deref().is_some_and(|name| names::why_function_is_ignored(family, name).is_none());
    let abs_path = frame.abs_path.as_deref().unwrap_or_default();
    !has_function && !abs_path.is_empty() && without_query(abs_path) == without_query(page_url)
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
