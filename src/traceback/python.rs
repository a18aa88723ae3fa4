//! Python: `traceback.format_exception`, from 3.8 to 3.14, with chains, exception groups and notes.
//!
//! Gives what the Sentry SDK for Python (2.75) would have sent of the same exception: its order, and within exception
//! groups its ids, parents and sources. For plain chains the SDK does not say cause from context; the text does.

use crate::config::STACK_GROUP_DEPTH_MAX;
use crate::model::event::{Exception, Frame, Mechanism};

use super::{directories, filled, in_file};

const HEAD: &str = "Traceback (most recent call last):";
const GROUP_HEAD: &str = "Exception Group Traceback (most recent call last):";
const CAUSE: &str = "The above exception was the direct cause of the following exception:";
const CONTEXT: &str = "During handling of the above exception, another exception occurred:";

/// An exception, what led to it and, of a group, what is in it.
#[derive(Default)]
struct Node {
    exception: Exception,
    is_group: bool,
    /// The one before it in its chain, and `__cause__` or `__context__`.
    before: Option<(Box<Node>, &'static str)>,
    members: Vec<Node>,
}

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| is_start(line)).or_else(|| {
        // An exception that was never raised has no stack.
        let first = lines.iter().position(|line| !line.trim().is_empty())?;
        name_and_value(lines[first]).map(|_| first)
    })?;
    let mut cursor = Cursor { lines: &lines, at: start };
    let raised = parse_chain(&mut cursor, Margin::None, 0)?;
    Some(flatten(raised))
}

fn is_start(line: &str) -> bool {
    line == HEAD || line == "  + Exception Group Traceback (most recent call last):" || is_frame(line)
}

fn is_frame(line: &str) -> bool {
    line.starts_with("  File \"") && line.contains("\", line ")
}

/// What stands before each line of a block: nothing, or so many blanks and `| `.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Margin {
    None,
    Blanks(usize),
}

struct Cursor<'t> {
    lines: &'t [&'t str],
    at: usize,
}

impl<'t> Cursor<'t> {
    fn line(&self) -> Option<&'t str> {
        self.lines.get(self.at).copied()
    }

    /// The line without its margin; `None` at the end of the block.
    fn within(&self, margin: Margin) -> Option<&'t str> {
        self.within_at(self.at, margin)
    }

    fn within_at(&self, at: usize, margin: Margin) -> Option<&'t str> {
        let line = self.lines.get(at).copied()?;
        let Margin::Blanks(blanks) = margin else { return Some(line) };
        let rest = without_blanks(line, blanks)?;
        rest.strip_prefix("| ").or_else(|| (rest.trim_end() == "|").then_some(""))
    }

    /// Between the members of a group: `+---------------- 2 ----------------`, the first one behind `+-`.
    fn member_line(&self, blanks: usize, is_first: bool) -> bool {
        let Some(rest) = self.line().and_then(|line| without_blanks(line, blanks)) else { return false };
        let rest = if is_first { rest.strip_prefix("+-") } else { Some(rest) };
        let Some(label) = rest.and_then(|rest| rest.strip_prefix("+---------------- ")) else { return false };
        let Some(label) = label.trim_end().strip_suffix(" ----------------") else { return false };
        label == "..." || (!label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn end_line(&self, blanks: usize) -> bool {
        let rest = self.line().and_then(|line| without_blanks(line, blanks));
        rest.is_some_and(|rest| rest.trim_end() == "+------------------------------------")
    }
}

fn without_blanks(line: &str, blanks: usize) -> Option<&str> {
    let (before, rest) = line.split_at_checked(blanks)?;
    before.bytes().all(|byte| byte == b' ').then_some(rest)
}

/// A chain, oldest first, as its last exception; `None` when there is none.
fn parse_chain(cursor: &mut Cursor<'_>, margin: Margin, depth: usize) -> Option<Node> {
    let mut raised: Option<Node> = None;
    let mut source = None;
    while let Some(line) = cursor.within(margin) {
        match line.trim_end() {
            "" => cursor.at += 1,
            CAUSE => (source, cursor.at) = (Some("__cause__"), cursor.at + 1),
            CONTEXT => (source, cursor.at) = (Some("__context__"), cursor.at + 1),
            // Only what is said to follow from it belongs to a chain; what else comes is other output.
            _ if raised.is_some() && source.is_none() => break,
            _ => {
                let mut next = parse_one(cursor, margin, depth);
                if let (Some(before), Some(source)) = (raised.take(), source.take()) {
                    next.before = Some((Box::new(before), source));
                }
                raised = Some(next);
            }
        }
    }
    raised
}

fn parse_one(cursor: &mut Cursor<'_>, margin: Margin, depth: usize) -> Node {
    let mut node = Node::default();
    let mut margin = margin;
    match (cursor.within(margin).unwrap_or_default(), margin) {
        (HEAD, _) => cursor.at += 1,
        (GROUP_HEAD, _) => (node.is_group, cursor.at) = (true, cursor.at + 1),
        (line, Margin::None) if line.strip_prefix("  + ") == Some(GROUP_HEAD) => {
            (node.is_group, margin) = (true, Margin::Blanks(2));
            cursor.at += 1;
        }
        // A group that was never raised.
        (line, Margin::None) if line.starts_with("  | ") => margin = Margin::Blanks(2),
        _ => {}
    }
    let faulty = parse_frames(cursor, margin, &mut node.exception.frames);
    parse_message(cursor, margin, &mut node.exception);
    if let (Some(place), Some(value)) = (faulty, &mut node.exception.value) {
        // As `str` says it of a SyntaxError.
        value.push_str(&place);
    }
    if let Margin::Blanks(blanks) = margin
        && cursor.member_line(blanks, true)
    {
        node.is_group = true;
        parse_members(cursor, blanks + 2, depth, &mut node);
    }
    node
}

/// Frames until a line that is none. What a SyntaxError points at comes like a frame without function; it is told.
fn parse_frames(cursor: &mut Cursor<'_>, margin: Margin, frames: &mut Vec<Frame>) -> Option<String> {
    let mut faulty = None;
    while let Some(line) = cursor.within(margin) {
        if line.trim_start().starts_with("[Previous line repeated ") && line.starts_with("  ") {
            cursor.at += 1;
            continue;
        }
        let Some((path, number, function)) = parse_frame(line) else { break };
        cursor.at += 1;
        let source = parse_source(cursor, margin);
        match function {
            Some(function) => frames.push(frame(path, number, function, source)),
            None => {
                let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
                faulty = number.map(|number| format!(" ({file}, line {number})"));
            }
        }
    }
    faulty
}

/// `  File "/app/shop/views.py", line 12, in checkout`
fn parse_frame(line: &str) -> Option<(&str, Option<u64>, Option<&str>)> {
    let rest = line.strip_prefix("  File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    match rest.split_once(", in ") {
        Some((number, function)) => Some((path, number.parse().ok(), Some(function.trim_end()))),
        None => Some((path, rest.trim_end().parse().ok(), None)),
    }
}

/// The line of source under a frame, if it is there. From 3.13 there may be several, and marks under each.
fn parse_source(cursor: &mut Cursor<'_>, margin: Margin) -> Option<String> {
    let mut source = None;
    while let Some(line) = cursor.within(margin) {
        let Some(line) = line.strip_prefix("    ") else { break };
        if source.is_none() && !is_marks(line) {
            source = Some(line.trim_end().to_owned());
        }
        cursor.at += 1;
    }
    source
}

/// `    ~~~~^^^^^^^^^`
fn is_marks(line: &str) -> bool {
    line.chars().all(|c| matches!(c, ' ' | '^' | '~'))
}

fn frame(path: &str, number: Option<u64>, function: &str, source: Option<String>) -> Frame {
    let is_library = is_library(path);
    let mut frame =
        Frame { function: filled(function), context_line: source, in_app: Some(!is_library), ..in_file(path, number) };
    if let Some(below) = below_library(path) {
        frame.filename = Some(below.to_owned());
        let stem = below.strip_suffix(".py").map(|stem| stem.strip_suffix("/__init__").unwrap_or(stem));
        frame.module = stem.map(|stem| stem.replace(['/', '\\'], "."));
    }
    frame
}

/// Installed packages, the standard library, and the agent that wrote the text down.
fn is_library(path: &str) -> bool {
    path.starts_with('<')
        || library_end(path).is_some()
        || directories(path).any(|directory| directory == "opentelemetry")
}

fn below_library(path: &str) -> Option<&str> {
    library_end(path).map(|end| &path[end..])
}

/// Where the path below a library's directory begins.
fn library_end(path: &str) -> Option<usize> {
    let mut at = 0;
    let mut end = None;
    let mut before = "";
    for part in path.split_inclusive(['/', '\\']) {
        at += part.len();
        let directory = part.trim_end_matches(['/', '\\']);
        let is_standard = is_versioned(directory) && matches!(before, "lib" | "lib64");
        let is_windows = directory == "Lib" && before.starts_with("Python");
        if directory.len() < part.len()
            && (is_standard || is_windows || matches!(directory, "site-packages" | "dist-packages"))
        {
            end = Some(at);
        }
        before = directory;
    }
    end
}

/// `python3`, `python3.13`, `python3.13t`, `pypy3.10`
fn is_versioned(directory: &str) -> bool {
    let version = directory.strip_prefix("python").or_else(|| directory.strip_prefix("pypy"));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Type and message; the message ends with the block, or before the sentence that joins the next exception.
fn parse_message(cursor: &mut Cursor<'_>, margin: Margin, exception: &mut Exception) {
    let Some(line) = cursor.within(margin) else { return };
    cursor.at += 1;
    let (name, value) = match name_and_value(line) {
        Some((name, value)) => (Some(name), value),
        None => (None, line),
    };
    let mut value = value.to_owned();
    while let Some(line) = cursor.within(margin) {
        let joined = |at| matches!(cursor.within_at(at, margin), Some(CAUSE | CONTEXT));
        if line.trim().is_empty() && joined(cursor.at + 1) {
            break;
        }
        value.push('\n');
        value.push_str(line);
        cursor.at += 1;
    }
    let value = value.trim_end();
    exception.value = (!value.is_empty()).then(|| value.to_owned());
    if let Some(name) = name {
        let (module, ty) = split_name(name);
        exception.ty = Some(ty.to_owned());
        exception.module = module.map(str::to_owned);
    }
}

fn name_and_value(line: &str) -> Option<(&str, &str)> {
    super::type_and_value(line, |c| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>'))
}

/// `shop.models.Book.DoesNotExist` to `shop.models` and `Book.DoesNotExist`: modules are written small, classes large.
pub(super) fn split_name(name: &str) -> (Option<&str>, &str) {
    let mut start = 0;
    let mut function = None;
    for part in name.split('.') {
        if part == "<locals>" {
            // What stands before is the function the class was made in.
            start = function.unwrap_or(0);
            break;
        }
        if part.starts_with(char::is_uppercase) {
            break;
        }
        function = Some(start);
        start += part.len() + 1;
    }
    if start >= name.len() {
        start = name.rfind('.').map_or(0, |at| at + 1);
    }
    if start == name.len() {
        return (None, name);
    }
    let module = name[..start].trim_end_matches('.');
    let is_said = !matches!(module, "" | "builtins" | "__builtins__");
    (is_said.then_some(module), &name[start..])
}

fn parse_members(cursor: &mut Cursor<'_>, blanks: usize, depth: usize, group: &mut Node) {
    // The margin of the group itself is two less.
    let mut is_first = true;
    loop {
        let is_member = cursor.member_line(if is_first { blanks - 2 } else { blanks }, is_first);
        if !is_member {
            if cursor.end_line(blanks) {
                cursor.at += 1;
            }
            return;
        }
        (is_first, cursor.at) = (false, cursor.at + 1);
        if depth >= STACK_GROUP_DEPTH_MAX {
            // Deeper than Python prints: skipped, not followed.
            while cursor.line().is_some_and(|line| without_blanks(line, blanks).is_some()) && !cursor.end_line(blanks) {
                cursor.at += 1;
            }
            continue;
        }
        if let Some(member) = parse_chain(cursor, Margin::Blanks(blanks), depth + 1)
            // `... and 3 more exceptions`, `... (max_group_depth is 10)`
            && !member.exception.value.as_deref().is_some_and(|value| value.starts_with("..."))
        {
            group.members.push(member);
        }
        // Whatever is not understood must not be looked at again for ever.
        while cursor.line().is_some() && !cursor.member_line(blanks, false) && !cursor.end_line(blanks) {
            if cursor.within(Margin::Blanks(blanks)).is_none() {
                return;
            }
            cursor.at += 1;
        }
    }
}

/// The order and the numbers of the SDK: an exception, what led to it, then its members; all that turned round.
fn flatten(raised: Node) -> Vec<Exception> {
    let mut list = Vec::new();
    let has_group = has_group(&raised);
    number(raised, 0, None, &mut list);
    if !has_group {
        for exception in &mut list {
            (exception.mechanism.exception_id, exception.mechanism.parent_id) = (None, None);
        }
    }
    list.reverse();
    list
}

fn has_group(node: &Node) -> bool {
    let mut at = Some(node);
    while let Some(node) = at {
        if node.is_group {
            return true;
        }
        at = node.before.as_ref().map(|(before, _)| &**before);
    }
    false
}

fn number(node: Node, parent: u64, source: Option<String>, list: &mut Vec<Exception>) {
    // Chains may be long, groups are never deep.
    let mut groups = Vec::new();
    let mut at = Some((node, parent, source));
    while let Some((node, parent, source)) = at.take() {
        let id = list.len() as u64;
        let Node { mut exception, is_group, before, members } = node;
        exception.mechanism = Mechanism {
            ty: (id > 0).then(|| "chained".to_owned()),
            exception_id: Some(id),
            parent_id: (id > 0).then_some(parent),
            is_exception_group: is_group,
            source,
            ..Mechanism::default()
        };
        list.push(exception);
        if !members.is_empty() {
            groups.push((id, members));
        }
        // The SDK names the outermost as the parent of every cause, however deep it is.
        at = before.map(|(before, source)| (*before, 0, Some(source.to_owned())));
    }
    for (id, members) in groups.into_iter().rev() {
        for (index, member) in members.into_iter().enumerate() {
            number(member, id, Some(format!("exceptions[{index}]")), list);
        }
    }
}
