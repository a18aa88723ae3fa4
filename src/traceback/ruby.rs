//! Ruby: `Exception#full_message`, the interpreter's own output, and a backtrace joined by line ends.

use crate::model::event::{Exception, Frame};

use super::chain::Chain;
use super::{directories, filled, in_file};

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    let mut chain = Chain::default();
    for line in text.lines() {
        let content = line.trim();
        let (is_from, call) = match content.strip_prefix("from ") {
            Some(call) => (true, call),
            None => (false, content),
        };
        // Without a function it might be any text with a place in it.
        let found = call_and_message(call).filter(|(frame, _)| is_from || frame.function.is_some());
        match found {
            Some((frame, Some(message))) if !is_from => {
                let (ty, value) = type_and_value(message);
                chain.begin(ty, value);
                chain.frame_within_message(frame);
            }
            Some((frame, _)) => chain.frame(frame),
            None => chain.other(line),
        }
    }
    chain.finish()
}

/// `no price (Shop::PriceError)`
fn type_and_value(message: &str) -> (&str, &str) {
    let (value, ty) = match message.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((value, ty)) if ty.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) => (value, ty),
        _ => (message, ""),
    };
    (ty, value)
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
