//! `matchers actions`: which frames belong to the application, and which of them count.
//!
//! `[ caller ] | frame | [ callee ]` holds a frame against its neighbours.

use crate::config::GROUPING_RULE_PARTS_MAX;
use crate::grouping::rules::line::{condition, value, words};
use crate::grouping::rules::matcher::Test;
use crate::grouping::rules::pattern::Reading;

#[derive(Clone, Debug)]
pub(in crate::grouping) struct StackRule {
    /// Of the stack trace as a whole: the error it belongs to.
    pub(in crate::grouping) error: Vec<StackMatcher>,
    pub(in crate::grouping) frame: FrameMatchers,
    /// The frame that called it, and the one it called.
    pub(in crate::grouping) caller: Option<FrameMatchers>,
    pub(in crate::grouping) callee: Option<FrameMatchers>,
    pub(in crate::grouping) actions: Vec<Action>,
    pub(in crate::grouping) hints: Hints,
}

/// All of them must hold for one frame.
pub(in crate::grouping) type FrameMatchers = Vec<StackMatcher>;

/// What a reader is told of a frame the rule touched.
#[derive(Clone, Debug)]
pub(in crate::grouping) struct Hints {
    pub(in crate::grouping) outside_app: String,
    pub(in crate::grouping) left_out: String,
    pub(in crate::grouping) taken_in: String,
}

#[derive(Clone, Debug)]
pub(in crate::grouping) struct StackMatcher {
    pub(in crate::grouping) subject: StackSubject,
    pub(in crate::grouping) is_negated: bool,
    pub(in crate::grouping) test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grouping) enum StackSubject {
    Family,
    Path,
    Module,
    Function,
    Package,
    App,
    Category,
    ErrorType,
    ErrorValue,
    ErrorMechanism,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::grouping) enum Action {
    Mark {
        range: Range,
        flag: Flag,
        is_set: bool,
    },
    Category(String),
    /// Only so many frames, those nearest the crash; 0 for all.
    MaxFrames(usize),
    /// A stack trace with fewer does not count; 0 for any.
    MinFrames(usize),
    Invert(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grouping) enum Flag {
    App,
    Group,
}

/// Which frames an action is about. Sentry lists the crash on top: up is towards it, down is towards the callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grouping) enum Range {
    Itself,
    Up,
    Down,
}

const SUBJECTS: &str = "stack.abs_path, stack.module, stack.function, stack.package, family, app, category, \
    error.type, error.value, error.mechanism";
const ACTIONS: &str = "+app, -app, +group, -group, each also with ^ or v before it, max-frames=N, min-frames=N, \
    invert-stacktrace=1, category=NAME";

pub(super) fn parse(line: &str, number: u32) -> Result<StackRule, String> {
    let mut reader = Reader::default();
    for word in words(line)? {
        reader.read(word)?;
    }
    if reader.inside.is_some() {
        return Err("a [ is not closed".to_owned());
    }
    if reader.wants_frame {
        return Err("there is nothing after the |".to_owned());
    }
    if reader.frame.is_empty() && reader.error.is_empty() {
        return Err("there is no condition; write key:pattern before the actions".to_owned());
    }
    if reader.actions.is_empty() {
        return Err(format!("there is no action; there are {ACTIONS}"));
    }
    let sides = [reader.caller.as_ref(), reader.callee.as_ref()].into_iter().flatten().map(Vec::len);
    let matcher_count = reader.frame.len() + reader.error.len() + sides.sum::<usize>();
    if matcher_count.max(reader.actions.len()) > GROUPING_RULE_PARTS_MAX {
        return Err(format!("more than {GROUPING_RULE_PARTS_MAX} conditions or actions"));
    }
    let told = |what: &str| format!("{what} by the stack-trace rule on line {number}: {line}");
    Ok(StackRule {
        error: reader.error,
        frame: reader.frame,
        caller: reader.caller,
        callee: reader.callee,
        actions: reader.actions,
        hints: Hints {
            outside_app: told("put outside the application"),
            left_out: told("left out"),
            taken_in: told("taken in"),
        },
    })
}

/// What was read so far of one line, word by word.
#[derive(Default)]
struct Reader {
    error: Vec<StackMatcher>,
    frame: FrameMatchers,
    caller: Option<FrameMatchers>,
    callee: Option<FrameMatchers>,
    actions: Vec<Action>,
    /// Between `[` and `]`: the neighbour's conditions.
    inside: Option<FrameMatchers>,
    /// Behind a `|` that nothing follows yet.
    wants_frame: bool,
    has_pipe_after_caller: bool,
    has_pipe_before_callee: bool,
}

impl Reader {
    fn read(&mut self, word: &str) -> Result<(), String> {
        if let Some(rest) = word.strip_prefix('[').filter(|_| self.inside.is_none()) {
            self.inside = Some(Vec::new());
            return if rest.is_empty() { Ok(()) } else { self.read(rest) };
        }
        if self.inside.is_some() {
            if word == "]" {
                return self.close();
            }
            let (word, closes) = match word.strip_suffix(']') {
                Some(rest) if !rest.contains('[') => (rest, true),
                _ => (word, false),
            };
            let matcher = matcher(word)?;
            if is_about_error(matcher.subject) {
                return Err(format!("{word:?} is about the error, not about a neighbouring frame"));
            }
            self.inside.get_or_insert_default().push(matcher);
            return if closes { self.close() } else { Ok(()) };
        }
        if word == "|" {
            if self.caller.is_some() && self.frame.is_empty() && !self.has_pipe_after_caller {
                self.has_pipe_after_caller = true;
            } else if !self.frame.is_empty() && !self.has_pipe_before_callee && self.actions.is_empty() {
                self.has_pipe_before_callee = true;
            } else {
                return Err("a | stands between a [ neighbour ] and a frame".to_owned());
            }
            self.wants_frame = true;
            return Ok(());
        }
        if let Some(action) = action(word)? {
            self.actions.push(action);
            return Ok(());
        }
        if !self.actions.is_empty() {
            return Err(format!("{word:?} is no action; there are {ACTIONS}"));
        }
        if self.caller.is_some() && !self.has_pipe_after_caller {
            return Err("a | is missing between the [ caller ] and the frame".to_owned());
        }
        if self.has_pipe_before_callee {
            return Err("behind the second | stands a [ callee ]".to_owned());
        }
        let matcher = matcher(word)?;
        if is_about_error(matcher.subject) {
            self.error.push(matcher);
        } else {
            self.frame.push(matcher);
            self.wants_frame = false;
        }
        Ok(())
    }

    /// At a `]`: a caller stands before the frame, a callee behind it.
    fn close(&mut self) -> Result<(), String> {
        let matchers = self.inside.take().unwrap_or_default();
        if matchers.is_empty() {
            return Err("there is nothing between [ and ]".to_owned());
        }
        if self.has_pipe_before_callee && self.callee.is_none() {
            self.callee = Some(matchers);
            self.wants_frame = false;
        } else if self.frame.is_empty() && self.caller.is_none() {
            self.caller = Some(matchers);
        } else {
            return Err("a [ neighbour ] is joined to its frame by a |".to_owned());
        }
        Ok(())
    }
}

fn is_about_error(subject: StackSubject) -> bool {
    matches!(subject, StackSubject::ErrorType | StackSubject::ErrorValue | StackSubject::ErrorMechanism)
}

fn matcher(word: &str) -> Result<StackMatcher, String> {
    let (is_negated, key, pattern) = condition(word)
        .ok_or_else(|| format!("{word:?} is neither a condition (key:pattern) nor an action ({ACTIONS})"))?;
    let (subject, test) = match key {
        "stack.abs_path" | "path" => (StackSubject::Path, Test::glob(&pattern, Reading::Path)),
        "stack.module" | "module" => (StackSubject::Module, Test::glob(&pattern, Reading::Exact)),
        "stack.function" | "function" => (StackSubject::Function, Test::glob(&pattern, Reading::Exact)),
        "stack.package" | "package" => (StackSubject::Package, Test::glob(&pattern, Reading::Path)),
        "family" => (StackSubject::Family, Test::one_of(&pattern)),
        "app" => (StackSubject::App, Test::flag(&pattern)),
        "category" => (StackSubject::Category, Test::glob(&pattern, Reading::Exact)),
        "error.type" | "type" => (StackSubject::ErrorType, Test::glob(&pattern, Reading::Exact)),
        "error.value" | "value" => (StackSubject::ErrorValue, Test::glob(&pattern, Reading::Exact)),
        "error.mechanism" | "mechanism" => (StackSubject::ErrorMechanism, Test::glob(&pattern, Reading::Exact)),
        _ => return Err(format!("there is no condition {key:?}; there are {SUBJECTS}")),
    };
    Ok(StackMatcher { subject, is_negated, test: test? })
}

/// `None` when the word does not look like an action at all.
fn action(word: &str) -> Result<Option<Action>, String> {
    let (range, rest) = match word.strip_prefix(['^', 'v']) {
        Some(rest) if word.starts_with('^') => (Range::Up, rest),
        Some(rest) => (Range::Down, rest),
        None => (Range::Itself, word),
    };
    let flag = match rest {
        "+app" => Some((Flag::App, true)),
        "-app" => Some((Flag::App, false)),
        "+group" => Some((Flag::Group, true)),
        "-group" => Some((Flag::Group, false)),
        _ => None,
    };
    if let Some((flag, is_set)) = flag {
        return Ok(Some(Action::Mark { range, flag, is_set }));
    }
    if word.starts_with(['+', '-', '^']) {
        return Err(format!("there is no action {word:?}; there are {ACTIONS}"));
    }
    let Some((name, text)) = word.split_once('=').filter(|(name, _)| !name.contains([':', '"'])) else {
        return Ok(None);
    };
    let number = || text.parse().map_err(|_| format!("{text:?} is not a number of frames"));
    Ok(Some(match name {
        "max-frames" => Action::MaxFrames(number()?),
        "min-frames" => Action::MinFrames(number()?),
        "invert-stacktrace" => Action::Invert(Test::flag(text)?.flag_is(true)),
        "category" => Action::Category(value(text)),
        _ => return Err(format!("there is no setting {name:?}; there are {ACTIONS}")),
    }))
}
