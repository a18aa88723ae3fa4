//! How the exceptions of an event hang together: cause, context, or member of a group.
//!
//! Python knows; the SDK says it only within exception groups. For plain chains it is read off the source lines.

use crate::model::detail::{ExceptionRelation, FrameDetail};
use crate::sentry::wire::WireMechanism;

/// The tree that `exception_id` and `parent_id` describe; a plain list when they do not.
pub(super) struct Tree<'m> {
    mechanisms: &'m [Option<&'m WireMechanism<'m>>],
    /// Index of each exception's parent; `None` for roots and in plain lists.
    parents: Vec<Option<usize>>,
}

impl<'m> Tree<'m> {
    pub(super) fn of(mechanisms: &'m [Option<&'m WireMechanism<'m>>]) -> Self {
        let ids: Vec<Option<u64>> = mechanisms.iter().map(|m| (*m)?.exception_id.unsigned()).collect();
        let is_tree = ids.iter().enumerate().all(|(at, id)| id.is_some() && !ids[..at].contains(id));
        let parent_of = |index: usize| {
            let mechanism = mechanisms[index]?;
            let sent = mechanism.parent_id.unsigned();
            let parent = match mechanism.source.as_str() {
                // sentry-python (2.75.0, utils.exceptions_from_error) says 0 here, however deep it is; but it numbers
                // a cause right after the exception it caused.
                Some("__cause__" | "__context__") => ids[index]?.checked_sub(1).or(sent)?,
                _ => sent?,
            };
            ids.iter().position(|id| *id == Some(parent)).filter(|at| *at != index)
        };
        let parents = (0..mechanisms.len()).map(|index| if is_tree { parent_of(index) } else { None }).collect();
        Self { mechanisms, parents }
    }

    /// Indexes in reading order: members and causes before what they led to, the raised one last.
    ///
    /// SDKs send it like that; only a list whose single root is elsewhere is turned round.
    pub(super) fn order(&self) -> Vec<usize> {
        let as_sent: Vec<usize> = (0..self.parents.len()).collect();
        let mut roots = as_sent.iter().filter(|index| self.parents[**index].is_none());
        let (Some(root), None) = (roots.next(), roots.next()) else { return as_sent };
        if root + 1 == as_sent.len() {
            return as_sent;
        }
        let mut order = Vec::with_capacity(as_sent.len());
        let mut open = vec![*root];
        while let Some(index) = open.pop() {
            order.push(index);
            open.extend(as_sent.iter().rev().filter(|child| self.parents[**child] == Some(index)));
        }
        order.reverse();
        // A cycle leaves some out: then the ids mean nothing.
        if order.len() == as_sent.len() { order } else { as_sent }
    }

    /// How many groups an exception is a member of.
    pub(super) fn group_depth(&self, index: usize) -> u32 {
        let mut depth = 0;
        let mut at = index;
        // Bounded by the number of exceptions, as ids from outside may form a circle.
        for _ in 0..self.parents.len() {
            let Some(parent) = self.parents[at] else { return depth };
            if self.source(at).is_some_and(|source| source.contains('[')) {
                depth += 1;
            }
            at = parent;
        }
        0
    }

    /// `__cause__`, `__context__`, `exceptions[0]`, `cause`, `errors[1]`, …
    pub(super) fn source(&self, index: usize) -> Option<&str> {
        self.mechanisms.get(index)?.as_ref()?.source.as_str()
    }
}

/// The relation to the following exception: as the SDK says, else as the frames of the following one show.
pub(super) fn of(source: Option<&str>, following: &[FrameDetail]) -> ExceptionRelation {
    match source {
        // The JavaScript SDK says `cause` for Error.cause and `errors[0]` for AggregateError.
        Some("__cause__" | "cause") => ExceptionRelation::Cause,
        Some("__context__") => ExceptionRelation::Context,
        Some(source) if source.ends_with(']') => ExceptionRelation::GroupMember,
        _ => from_lines(following),
    }
}

fn from_lines(frames: &[FrameDetail]) -> ExceptionRelation {
    let Some((crash, callers)) = frames.split_last() else { return ExceptionRelation::Chained };
    // `raise X.with_traceback(tb) from exc` lets the frames of `tb` follow its own. Every database error in Django is
    // raised like that (django/db/utils.py; fixture sentry-python-2.75.0/django-integrity-error).
    let is_rewrapped = |frame: &FrameDetail| {
        frame.context_line.as_ref().is_some_and(|line| line.contains(".with_traceback("))
            && raise_statement(frame) == Some(Raise::From)
    };
    if callers.iter().any(is_rewrapped) {
        return ExceptionRelation::Cause;
    }
    match raise_statement(crash) {
        Some(Raise::From) => ExceptionRelation::Cause,
        Some(Raise::Plain) => ExceptionRelation::Context,
        Some(Raise::Unfinished) => ExceptionRelation::Chained,
        // A line that does not raise failed within the interpreter, where nobody can write `from`.
        None if crash.context_line.as_ref().is_some_and(|line| !line.trim().is_empty()) && is_python(crash) => {
            ExceptionRelation::Context
        }
        None => ExceptionRelation::Chained,
    }
}

fn is_python(frame: &FrameDetail) -> bool {
    frame.filename.as_ref().is_some_and(|name| name.ends_with(".py"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raise {
    From,
    Plain,
    /// The statement goes on beyond the lines that were sent.
    Unfinished,
}

/// The `raise` statement at the line of a frame; `None` when the line is no such statement.
fn raise_statement(frame: &FrameDetail) -> Option<Raise> {
    let line = frame.context_line.as_deref()?;
    let mut scan = StatementScan::default();
    let start = statement_start(line)?;
    scan.read(&line[start..]);
    for line in &frame.post_context {
        if scan.has_from || !scan.is_open() {
            break;
        }
        scan.read(line);
    }
    Some(match (scan.has_from, scan.is_open()) {
        (true, _) => Raise::From,
        (false, true) => Raise::Unfinished,
        (false, false) => Raise::Plain,
    })
}

/// Where `raise` begins: at the start of the line, or after the colon of `except X: raise Y`.
fn statement_start(line: &str) -> Option<usize> {
    let is_raise = |text: &str| {
        text.strip_prefix("raise").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(', '\t', '#', '\\']))
    };
    let indent = line.len() - line.trim_start().len();
    if is_raise(&line[indent..]) {
        return Some(indent);
    }
    let after_colon = line.match_indices(": raise").map(|(at, _)| at + 2);
    after_colon.into_iter().find(|at| is_raise(&line[*at..]))
}

/// Reads a statement line by line: brackets, quotes, and the word `from` outside both.
#[derive(Default)]
struct StatementScan {
    depth: usize,
    has_from: bool,
    is_continued: bool,
    in_triple_quotes: Option<char>,
}

impl StatementScan {
    fn is_open(&self) -> bool {
        self.depth > 0 || self.is_continued || self.in_triple_quotes.is_some()
    }

    fn read(&mut self, line: &str) {
        self.is_continued = line.trim_end().ends_with('\\');
        let mut rest = line;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            if let Some(quote) = self.in_triple_quotes {
                let end: String = [quote; 3].iter().collect();
                let Some(at) = rest.find(&end) else { return };
                self.in_triple_quotes = None;
                rest = &rest[at + 3..];
                continue;
            }
            match c {
                '\'' | '"' => {
                    let quotes: String = [c; 3].iter().collect();
                    if let Some(after) = rest.strip_prefix(quotes.as_str()) {
                        self.in_triple_quotes = Some(c);
                        rest = after;
                    } else {
                        rest = after_string(&rest[1..], c);
                    }
                    before = c;
                    continue;
                }
                '#' => return,
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                'f' if self.depth == 0 && !is_word(before) && starts_with_word(rest, "from") => self.has_from = true,
                _ => {}
            }
            before = c;
            rest = &rest[c.len_utf8()..];
        }
    }
}

fn after_string(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return &text[at + 1..];
        }
        escaped = c == '\\' && !escaped;
    }
    ""
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.chars().next().is_some_and(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(context_line: &str, post_context: &[&str]) -> FrameDetail {
        FrameDetail {
            filename: Some("shop/views.py".to_owned()),
            context_line: Some(context_line.to_owned()),
            post_context: post_context.iter().map(|line| (*line).to_owned()).collect(),
            ..FrameDetail::default()
        }
    }

    fn relation(context_line: &str, post_context: &[&str]) -> ExceptionRelation {
        of(None, &[frame("f()", &[]), frame(context_line, post_context)])
    }

    #[test]
    fn a_raise_with_from_is_a_cause() {
        assert_eq!(relation("    raise ValueError(f\"no {x['a']}\") from exc", &[]), ExceptionRelation::Cause);
        assert_eq!(relation("except KeyError as e: raise X() from e  # why", &[]), ExceptionRelation::Cause);
        assert_eq!(relation("raise X(", &["    'a (b',", ") from e"]), ExceptionRelation::Cause);
        assert_eq!(relation("raise X \\", &["    from e"]), ExceptionRelation::Cause);
        assert_eq!(relation("raise X(\"\"\"a", &["b\"\"\") from e"]), ExceptionRelation::Cause);
    }

    #[test]
    fn a_raise_without_from_is_a_context() {
        for line in [
            "raise",
            "raise X",
            "raise X('a from b')",
            "raise X(a) # from e",
            "raise from_error(e)",
            "raise X(y for y in from_)",
        ] {
            assert_eq!(relation(line, &["other() from x"]), ExceptionRelation::Context, "{line}");
        }
    }

    #[test]
    fn a_line_that_does_not_raise_is_a_context() {
        assert_eq!(relation("currency = row[\"currency\"]", &[]), ExceptionRelation::Context);
        assert_eq!(relation("raised = compute()", &[]), ExceptionRelation::Context);
    }

    #[test]
    fn what_the_lines_do_not_show_is_just_chained() {
        assert_eq!(relation("", &[]), ExceptionRelation::Chained);
        assert_eq!(relation("raise X(", &["    a,"]), ExceptionRelation::Chained);
        assert_eq!(of(None, &[]), ExceptionRelation::Chained);
        assert_eq!(of(None, &[FrameDetail::default()]), ExceptionRelation::Chained);
    }

    #[test]
    fn a_traceback_put_into_a_new_exception_hides_the_raise_in_the_middle() {
        let frames = [
            frame("raise dj_exc_value.with_traceback(traceback) from exc_value", &[]),
            frame("return self.cursor.execute(sql, params)", &[]),
        ];
        assert_eq!(of(None, &frames), ExceptionRelation::Cause);
    }

    #[test]
    fn the_sdk_knows_best() {
        let frames = [frame("raise X", &[])];
        assert_eq!(of(Some("__cause__"), &frames), ExceptionRelation::Cause);
        assert_eq!(of(Some("__context__"), &frames), ExceptionRelation::Context);
        assert_eq!(of(Some("exceptions[12]"), &frames), ExceptionRelation::GroupMember);
        assert_eq!(of(Some("errors[0]"), &frames), ExceptionRelation::GroupMember);
    }
}
