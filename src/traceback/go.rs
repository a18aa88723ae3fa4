//! Go: what a panic prints, and `runtime/debug.Stack`, which `RecordError` writes.
//!
//! Only the first goroutine: the one that failed.

use crate::model::event::{Exception, Frame};

use super::{directories, filled, in_file};

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    let mut exception = Exception::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut function: Option<&str> = None;
    let mut in_goroutine = false;
    for line in text.lines() {
        let content = line.trim_end();
        if let Some(message) = content.strip_prefix("panic: ").filter(|_| !in_goroutine) {
            (exception.ty, exception.value) = (Some("panic".to_owned()), filled(message));
        } else if let Some(message) = content.strip_prefix("fatal error: ").filter(|_| !in_goroutine) {
            (exception.ty, exception.value) = (Some("fatal error".to_owned()), filled(message));
        } else if content.starts_with("goroutine ") && content.ends_with(':') {
            if in_goroutine {
                break;
            }
            in_goroutine = true;
        } else if !in_goroutine {
            continue;
        } else if let Some(place) = content.strip_prefix('\t') {
            let Some(call) = function.take() else { continue };
            frames.extend(frame(call, place));
        } else if content.is_empty() && !frames.is_empty() {
            break;
        } else {
            let call = content.strip_prefix("created by ").unwrap_or(content);
            function = Some(call.split_once(" in goroutine ").map_or(call, |(call, _)| call));
        }
    }
    if !in_goroutine {
        return None;
    }
    // A panic's stack begins with what prints it.
    let start = frames.iter().rposition(is_panic).map_or(0, |at| at + 1);
    if start < frames.len() {
        frames.drain(..start);
    }
    frames.reverse();
    exception.frames = frames;
    Some(vec![exception])
}

fn is_panic(frame: &Frame) -> bool {
    let function = frame.function.as_deref();
    match frame.module.as_deref() {
        None => function == Some("panic"),
        Some("runtime") => matches!(function, Some("gopanic" | "panicmem" | "sigpanic" | "goPanicIndex")),
        Some("runtime/debug") => function == Some("Stack"),
        _ => false,
    }
}

/// `github.com/acme/shop/cart.(*Cart).Pay(0xc0000b2000, {0x1, 0x2})` and `/app/cart.go:12 +0x1d`
fn frame(call: &str, place: &str) -> Option<Frame> {
    let place = place.split_once(" +0x").map_or(place, |(place, _)| place);
    let (path, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    let name = without_arguments(call);
    let start = name.rfind('/').map_or(0, |at| at + 1);
    let (module, function) = match name[start..].find('.') {
        Some(dot) => (Some(&name[..start + dot]), &name[start + dot + 1..]),
        None => (None, name),
    };
    // Packages of the standard library have no domain, and one's own module need not have one either.
    let is_standard = directories(path).zip(directories(path).skip(1)).any(|(a, b)| a == "go" && b == "src")
        || path.contains("/pkg/mod/golang.org/toolchain")
        || path.starts_with("/usr/lib/go");
    let is_library = is_standard
        || path.contains("/pkg/mod/")
        || directories(path).any(|directory| directory == "vendor")
        || name.starts_with("go.opentelemetry.io/");
    Some(Frame {
        // Dots in paths are printed so.
        module: module.map(|module| module.replace("%2e", ".")),
        function: filled(function),
        in_app: Some(!is_library),
        ..in_file(path, Some(line))
    })
}

/// Without the arguments at its end; a receiver is in parentheses, too.
fn without_arguments(call: &str) -> &str {
    if !call.ends_with(')') {
        return call;
    }
    let mut depth = 0_usize;
    for (at, c) in call.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return &call[..at];
                }
            }
            _ => {}
        }
    }
    call
}
