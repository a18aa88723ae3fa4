//! Ruby: `Exception#full_message`, the interpreter's own output, and a backtrace joined by line ends.

use crate::model::event::{Exception, Frame, Mechanism};

use super::{directories, filled, in_file};

#[derive(Default)]
struct Found {
    exception: Exception,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
}

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    // Each one is the cause of the one before.
    let mut list: Vec<Found> = Vec::new();
    let mut in_message = false;
    for line in text.lines() {
        let content = line.trim();
        let (is_from, call) = match content.strip_prefix("from ") {
            Some(call) => (true, call),
            None => (false, content),
        };
        // Without a function it might be any text with a place in it.
        let found = call_and_message(call).filter(|(frame, _)| is_from || frame.function.is_some());
        if let Some((frame, message)) = found {
            match message {
                Some(message) if !is_from => {
                    let mut found = head_of(message, !list.is_empty());
                    found.frames.push(frame);
                    list.push(found);
                    in_message = true;
                }
                _ => {
                    if list.is_empty() {
                        list.push(Found::default());
                    }
                    list.last_mut()?.frames.push(frame);
                    in_message = false;
                }
            }
        } else if in_message && let Some(found) = list.last_mut() {
            let value = found.exception.value.get_or_insert_default();
            value.push('\n');
            value.push_str(line);
        }
    }
    let mut exceptions: Vec<Exception> = list
        .into_iter()
        .map(|Found { mut exception, mut frames }| {
            frames.reverse();
            exception.frames = frames;
            exception.value = exception.value.as_deref().and_then(filled);
            exception
        })
        .collect();
    exceptions.reverse();
    (!exceptions.is_empty()).then_some(exceptions)
}

/// `no price (Shop::PriceError)`
fn head_of(message: &str, is_cause: bool) -> Found {
    let (value, ty) = match message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((value, ty)) if ty.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) => (value, ty),
        _ => (message, ""),
    };
    let mechanism = Mechanism {
        ty: is_cause.then(|| "chained".to_owned()),
        source: is_cause.then(|| "cause".to_owned()),
        ..Mechanism::default()
    };
    let exception = Exception { ty: filled(ty), value: filled(value), mechanism, ..Exception::default() };
    Found { exception, frames: Vec::new() }
}

/// ``app/cart.rb:12:in `pay'``, from 3.4 `app/cart.rb:12:in 'Cart#pay'`, `app/cart.rb:3`; and what follows a colon.
fn call_and_message(text: &str) -> Option<(Frame, Option<&str>)> {
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    // A drive has a colon of its own.
    let colon = colons.find(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    let (path, rest) = (&text[..colon], &text[colon + 1..]);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let line = rest[..digits].parse().ok()?;
    if path.is_empty() || path.contains(' ') && !path.contains('/') {
        return None;
    }
    let rest = &rest[digits..];
    let (function, message) = match rest.strip_prefix(":in ") {
        Some(named) => {
            let named = named.strip_prefix(['`', '\''])?;
            let end = named.find('\'')?;
            let after = &named[end + 1..];
            (Some(&named[..end]), after.strip_prefix(": "))
        }
        None if rest.is_empty() => (None, None),
        None => (None, Some(rest.strip_prefix(": ")?)),
    };
    let is_library = path.starts_with("<internal:")
        || directories(path).any(|directory| directory == "gems" || directory == "rubygems")
        || directories(path)
            .zip(directories(path).skip(1))
            .any(|(a, b)| a == "ruby" && b.starts_with(|c: char| c.is_ascii_digit()) && b.contains('.'));
    let frame = Frame { function: function.and_then(filled), in_app: Some(!is_library), ..in_file(path, Some(line)) };
    Some((frame, message))
}
