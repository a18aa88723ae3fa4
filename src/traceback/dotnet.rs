//! .NET: `Exception.ToString()`, with inner exceptions and those of an AggregateException.

use crate::model::event::{Exception, Frame, Mechanism};

use super::{filled, in_file};

const END_OF_INNER: &str = "--- End of inner exception stack trace ---";
/// The platform, its frameworks and the agent.
const LIBRARIES: [&str; 4] = ["System.", "Microsoft.", "OpenTelemetry.", "Npgsql."];

#[derive(Default)]
struct Found {
    exception: Exception,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
}

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    // Inner exceptions are printed before the frames of what they led to.
    let mut open: Vec<Found> = Vec::new();
    let mut done: Vec<Exception> = Vec::new();
    let mut in_message = false;
    for line in text.lines() {
        let content = line.trim();
        if let Some(head) = content.strip_prefix("---> ") {
            let head = head.split_once(") ").filter(|(n, _)| n.starts_with("(Inner Exception #")).map_or(head, |s| s.1);
            // One that follows the frames of an earlier one: the earlier one is finished, unless it is the outermost.
            open.push(head_of(head, true));
            in_message = true;
        } else if content == END_OF_INNER {
            close(&mut open, &mut done);
            in_message = false;
        } else if let Some(frame) = content.strip_prefix("at ").and_then(|call| frame(call.trim_end_matches("<---"))) {
            open.last_mut()?.frames.push(frame);
            in_message = false;
            if content.ends_with("<---") {
                close(&mut open, &mut done);
            }
        } else if content == "<---" {
            close(&mut open, &mut done);
        } else if open.is_empty() {
            let head = content.strip_prefix("Unhandled exception. ").unwrap_or(content);
            if super::type_and_value(head, is_name).is_some() {
                let (head, inner) = head.split_once(" ---> ").map_or((head, None), |(head, inner)| (head, Some(inner)));
                open.push(head_of(head, false));
                // Frameworks before .NET Core print it all on one line.
                open.extend(inner.into_iter().flat_map(|inner| inner.split(" ---> ")).map(|head| head_of(head, true)));
                in_message = true;
            } else if !content.is_empty() {
                return None;
            }
        } else if in_message && let Some(found) = open.last_mut() {
            let value = found.exception.value.get_or_insert_default();
            value.push('\n');
            value.push_str(line);
        }
    }
    while open.len() > 1 {
        close(&mut open, &mut done);
    }
    done.extend(open.pop().map(finished));
    (!done.is_empty()).then_some(done)
}

/// Finishes an inner exception; the outermost stays open for the frames that follow.
fn close(open: &mut Vec<Found>, done: &mut Vec<Exception>) {
    if open.len() > 1 {
        done.extend(open.pop().map(finished));
    }
}

fn finished(Found { mut exception, mut frames }: Found) -> Exception {
    frames.reverse();
    exception.frames = frames;
    exception.value = exception.value.as_deref().and_then(filled);
    exception
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '`')
}

fn head_of(head: &str, is_inner: bool) -> Found {
    // `System.IO.IOException (0x80131620): x`
    let (name, value) = super::type_and_value(head, is_name)
        .or_else(|| {
            let (name, rest) = head.split_once(" (0x")?;
            Some((name, rest.split_once("): ").map_or("", |(_, value)| value)))
        })
        .unwrap_or(("", head));
    let (module, ty) = name.rsplit_once('.').unwrap_or(("", name));
    let mechanism = Mechanism {
        ty: is_inner.then(|| "chained".to_owned()),
        source: is_inner.then(|| "cause".to_owned()),
        ..Mechanism::default()
    };
    let exception =
        Exception { ty: filled(ty), value: filled(value), module: filled(module), mechanism, ..Exception::default() };
    Found { exception, frames: Vec::new() }
}

/// `Shop.Cart.Pay(Int32 id) in /app/Cart.cs:line 12`
fn frame(call: &str) -> Option<Frame> {
    let (name, after) = call.split_once('(')?;
    let (_, rest) = after.split_once(')')?;
    let place = rest.trim().strip_prefix("in ").and_then(|place| place.rsplit_once(":line "));
    // Elsewhere the place is inside the parentheses.
    if place.is_none() && (!rest.trim().is_empty() || after.contains(['/', '\\']) || has_place(after)) {
        return None;
    }
    let name = name.trim_end();
    if name.is_empty() || name.split('[').next()?.contains(' ') {
        return None;
    }
    let (module, function) = name.rsplit_once('.').map_or(("", name), |(module, function)| (module, function));
    let (module, function) = outside_of_state_machine(module, function);
    let is_library = LIBRARIES.iter().any(|library| module.starts_with(library));
    let in_app = Some(!is_library);
    let mut frame = Frame { in_app, ..Frame::default() };
    if let Some((path, line)) = place {
        frame = Frame { in_app, ..in_file(path, line.trim().parse().ok()) };
    }
    Some(Frame { module: filled(module.trim_end_matches('.')), function: filled(function), ..frame })
}

/// `Cart.java:12)`
fn has_place(after: &str) -> bool {
    let inside = after.split(')').next().unwrap_or_default();
    inside.rsplit_once(':').is_some_and(|(_, line)| line.parse::<u64>().is_ok())
        || matches!(inside, "Native Method" | "Unknown Source" | "<anonymous>")
}

/// `Shop.Cart.<Pay>d__3` and `MoveNext` is how an async method `Pay` of `Shop.Cart` runs.
fn outside_of_state_machine<'n>(module: &'n str, function: &'n str) -> (&'n str, &'n str) {
    let found = module.rfind(".<").filter(|_| function == "MoveNext").and_then(|at| {
        let (name, _) = module[at + 2..].split_once('>')?;
        (!name.is_empty()).then_some((&module[..at], name))
    });
    found.unwrap_or((module, function))
}
