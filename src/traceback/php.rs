//! PHP: a Throwable as text. What OpenTelemetry's SDK writes looks like Java and is read as that.

use crate::model::event::{Exception, Frame, Mechanism};

use super::{directories, filled, in_file};

/// An exception while its lines are read.
#[derive(Default)]
struct Found {
    exception: Exception,
    /// Where the next call was made: first where it was thrown.
    place: Option<(String, Option<u64>)>,
    /// Innermost first.
    frames: Vec<Frame>,
    /// Its head is not finished: the message has several lines.
    is_open: bool,
}

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    // Oldest first, as printed: each is the previous one of the next.
    let mut list: Vec<Found> = Vec::new();
    let mut has_stack = false;
    for line in text.lines() {
        let content = line.trim_end();
        if content == "Stack trace:" {
            has_stack = true;
            if let Some(found) = list.last_mut() {
                close_head(found);
            }
        } else if let Some(call) = numbered(content).filter(|_| has_stack) {
            add_call(list.last_mut()?, call);
        } else if let Some(head) = content.strip_prefix("Next ") {
            list.push(head_of(head));
        } else if list.is_empty() {
            let head = content.split_once("Uncaught ").map_or(content, |(_, head)| head);
            if super::type_and_value(head, is_name).is_some() {
                list.push(head_of(head));
            }
        } else if let Some(found) = list.last_mut().filter(|found| found.is_open) {
            let value = found.exception.value.get_or_insert_default();
            value.push('\n');
            value.push_str(content);
        }
    }
    if !has_stack {
        return None;
    }
    let count = list.len();
    let exceptions: Vec<Exception> = list
        .into_iter()
        .enumerate()
        .map(|(index, mut found)| {
            close_head(&mut found);
            finish_call(&mut found, None);
            let Found { mut exception, mut frames, .. } = found;
            frames.reverse();
            exception.frames = frames;
            if index + 1 < count {
                let chained = Mechanism { ty: Some("chained".to_owned()), ..Mechanism::default() };
                exception.mechanism = Mechanism { source: Some("cause".to_owned()), ..chained };
            }
            exception
        })
        .collect();
    (!exceptions.is_empty()).then_some(exceptions)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '\\')
}

fn head_of(head: &str) -> Found {
    let (ty, value) = super::type_and_value(head, is_name).unwrap_or(("", head));
    let exception = Exception { ty: filled(ty), value: filled(value), ..Exception::default() };
    Found { exception, is_open: true, ..Found::default() }
}

/// The place is at the end of the message: ` in /app/Cart.php:12`.
fn close_head(found: &mut Found) {
    if !std::mem::take(&mut found.is_open) {
        return;
    }
    // Without a message the type takes it all.
    if found.exception.ty.is_some() && found.exception.value.is_none() {
        return;
    }
    let value = found.exception.value.take().unwrap_or_default();
    let split = format!(" {value}");
    let (message, place) = match split.rsplit_once(" in ") {
        Some((message, place)) if place.rsplit_once(':').is_some_and(|(_, line)| line.parse::<u64>().is_ok()) => {
            (message, Some(super::place(place)))
        }
        _ => (split.as_str(), None),
    };
    found.place = place.map(|(path, line, _)| (path.to_owned(), line));
    found.exception.value = filled(message);
    if found.exception.ty.is_none()
        && let Some(text) = found.exception.value.take()
    {
        // `RuntimeException in /app/Cart.php:12`
        (found.exception.ty, found.exception.value) =
            if text.chars().all(is_name) { (Some(text), None) } else { (None, Some(text)) };
    }
}

/// `#0 /app/Shop.php(8): App\Cart->pay(1)` without its number.
fn numbered(line: &str) -> Option<&str> {
    let (number, call) = line.strip_prefix('#')?.split_once(' ')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(call)
}

/// A line says where its function was called from, so its function is the one of the place before.
fn add_call(found: &mut Found, call: &str) {
    if call == "{main}" {
        return;
    }
    let (place, function) = call.split_once(": ").unwrap_or((call, ""));
    let function = function.find('(').map_or(function, |at| if at == 0 { function } else { &function[..at] });
    finish_call(found, Some(function));
    let at = place.strip_suffix(')').and_then(|place| place.rsplit_once('('));
    found.place = at.map(|(path, line)| (path.to_owned(), line.parse().ok()));
}

fn finish_call(found: &mut Found, function: Option<&str>) {
    let place = found.place.take();
    let Some((path, line)) = place else {
        // `[internal function]`
        let function = function.and_then(filled);
        if function.is_some() {
            found.frames.push(Frame { function, in_app: Some(false), ..Frame::default() });
        }
        return;
    };
    let is_library = directories(&path).any(|directory| directory == "vendor");
    let frame = Frame { function: function.and_then(filled), in_app: Some(!is_library), ..in_file(&path, line) };
    found.frames.push(frame);
}
