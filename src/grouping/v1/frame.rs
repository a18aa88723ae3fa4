//! What of a stack trace counts: for every frame its module, file name, function and source line.
//!
//! Line numbers, columns, variables and absolute paths never count: they change without the bug changing.
//! Decides once per stack trace; the app and the system variant then read the same decisions. Verdicts of
//! project rules will be laid over `FramePlan::verdict` and `FramePlan::is_in_app` here.

use std::borrow::Cow;

use crate::grouping::v1::in_app::InApp;
use crate::grouping::v1::names::{self, Family};
use crate::grouping::v1::parameterise::parameterise;
use crate::grouping::v1::sink::{Sink, Verdict};
use crate::model::event::Frame;

/// Longer source lines are minified or generated code.
const CONTEXT_LINE_CHARS_MAX: usize = 120;

/// Which frames a variant looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    App,
    System,
}

pub(super) struct StackPlan<'e> {
    frames: Vec<FramePlan<'e>>,
    /// Why the stack trace says nothing as a whole.
    ignored: Option<&'static str>,
    app_contributes: bool,
    system_contributes: bool,
}

struct FramePlan<'e> {
    module: Leaf<'e>,
    filename: Leaf<'e>,
    function: Leaf<'e>,
    context_line: Leaf<'e>,
    verdict: Verdict,
    is_in_app: bool,
}

/// A text, if there is one, and whether it counts.
pub(super) struct Leaf<'e> {
    pub(super) text: Cow<'e, str>,
    pub(super) verdict: Verdict,
}

impl<'e> StackPlan<'e> {
    pub(super) fn new(family: Family, frames: &'e [Frame], in_app: InApp, page_url: Option<&str>) -> Self {
        let mut plans = Vec::with_capacity(frames.len());
        let mut previous = None;
        for frame in frames {
            plans.push(FramePlan::new(family, frame, previous, in_app));
            previous = Some(frame);
        }
        let ignored = is_bare_page_frame(family, frames, page_url)
            .then_some("a single frame without a function, at the address of the page");
        let system_contributes = ignored.is_none() && plans.iter().any(|frame| frame.verdict.contributes);
        let app_contributes =
            ignored.is_none() && plans.iter().any(|frame| frame.verdict.contributes && frame.is_in_app);
        Self { frames: plans, ignored, app_contributes, system_contributes }
    }

    /// The client sent frames, whatever they are worth.
    pub(super) fn is_present(&self) -> bool {
        !self.frames.is_empty()
    }

    pub(super) fn contributes(&self, scope: Scope) -> bool {
        match scope {
            Scope::App => self.app_contributes,
            Scope::System => self.system_contributes,
        }
    }

    pub(super) fn walk<S: Sink>(&self, scope: Scope, sink: &mut S) {
        let verdict = match (self.contributes(scope), self.ignored) {
            (true, _) => Verdict::YES,
            (false, Some(reason)) => Verdict::no(reason),
            (false, None) if self.frames.is_empty() => return,
            (false, None) if self.system_contributes => Verdict::no("no frame of the application"),
            (false, None) => Verdict::no("no frame counts"),
        };
        if !verdict.contributes && !S::EXPLAINS {
            return;
        }
        sink.open("stacktrace", verdict);
        for frame in &self.frames {
            frame.walk(scope, sink);
        }
        sink.close();
    }
}

impl<'e> FramePlan<'e> {
    fn new(family: Family, frame: &'e Frame, previous: Option<&Frame>, in_app: InApp) -> Self {
        let module = module_leaf(family, frame);
        let filename = filename_leaf(family, frame, module.verdict.contributes);
        let function = function_leaf(family, frame);
        let context_line = context_line_leaf(family, frame);
        let leaves = [&module, &filename, &function, &context_line];
        let verdict = if previous.is_some_and(|previous| is_same_call(previous, frame)) {
            Verdict::no("the same call as the frame before (recursion)")
        } else if in_app.is_agent(frame) {
            Verdict::no("a monitoring agent's frame")
        } else if family.is_javascript() && is_engine_frame(frame) {
            Verdict::no("evaluated or native code")
        } else if !leaves.iter().any(|leaf| leaf.verdict.contributes) {
            Verdict::no("nothing in it counts")
        } else {
            Verdict::YES
        };
        Self { verdict, is_in_app: in_app.is_in_app(frame), module, filename, function, context_line }
    }

    fn walk<S: Sink>(&self, scope: Scope, sink: &mut S) {
        let verdict = if self.verdict.contributes && scope == Scope::App && !self.is_in_app {
            Verdict::no("not a frame of the application")
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

fn function_leaf(family: Family, frame: &Frame) -> Leaf<'_> {
    let Some(function) = frame.function.as_deref().filter(|name| !name.is_empty()) else { return Leaf::absent() };
    if let Some(reason) = names::why_function_is_ignored(family, function) {
        return Leaf::ignored(function, reason);
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
