//! Rust: a panic with its backtrace, and `std::backtrace::Backtrace` alone.

use crate::model::event::{Exception, Frame};

use super::{filled, in_file, place};

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    let mut exception = Exception::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut in_message = false;
    for line in text.lines() {
        let content = line.trim();
        if let Some(panic) = panicked(content) {
            exception.ty = Some("panic".to_owned());
            exception.value = filled(panic);
            in_message = panic.is_empty();
        } else if content == "stack backtrace:" {
            in_message = false;
        } else if let Some(name) = numbered(content) {
            in_message = false;
            frames.push(named(name));
        } else if let Some(at) = content.strip_prefix("at ").filter(|_| line.starts_with(' ')) {
            if let Some(frame) = frames.last_mut().filter(|frame| frame.line.is_none()) {
                locate(frame, at);
            }
        } else if in_message && !content.is_empty() {
            let value = exception.value.get_or_insert_default();
            if !value.is_empty() {
                value.push('\n');
            }
            value.push_str(line);
        }
    }
    if frames.is_empty() {
        return None;
    }
    // What unwinds and prints stands before what failed.
    let start = frames.iter().rposition(is_unwinding).map_or(0, |at| at + 1);
    if start < frames.len() {
        frames.drain(..start);
    }
    frames.reverse();
    exception.frames = frames;
    Some(vec![exception])
}

/// The message of `thread 'main' panicked at src/main.rs:4:5:`, which follows on lines of its own; before 1.73 it was
/// `panicked at 'message', src/main.rs:4:5`.
fn panicked(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix("thread '").and_then(|rest| rest.split_once("' "))?;
    let (_, rest) = rest.split_once("panicked at ")?;
    match rest.strip_prefix('\'') {
        Some(old) => Some(old.rsplit_once("', ").map_or(old, |(message, _)| message)),
        None => Some(""),
    }
}

/// `12: shop::cart::pay`, with an address: `12:     0x55d0c1f0 - shop::cart::pay::h0123456789abcdef`
fn numbered(content: &str) -> Option<&str> {
    let (number, name) = content.split_once(": ")?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let name = name.trim();
    let name = name.split_once(" - ").filter(|(address, _)| address.starts_with("0x")).map_or(name, |(_, name)| name);
    Some(without_hash(name))
}

fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

fn named(name: &str) -> Frame {
    let is_standard = ["std::", "core::", "alloc::", "<alloc::", "<core::", "<std::", "__libc", "_start", "main"]
        .iter()
        .any(|start| name == start.trim_end_matches("::") || (start.ends_with("::") && name.starts_with(start)))
        || name.starts_with("rust_")
        || name.starts_with("__rust")
        || name.starts_with("_start")
        || name.starts_with("clone")
        || name.starts_with("start_thread");
    Frame { function: filled(name), in_app: Some(!is_standard), ..Frame::default() }
}

fn locate(frame: &mut Frame, at: &str) {
    let (path, line, column) = place(at);
    let is_library = path.starts_with("/rustc/")
        || path.contains("/.cargo/registry/")
        || path.contains("/.cargo/git/")
        || path.contains("/.rustup/");
    let found = in_file(path.strip_prefix("./").unwrap_or(path), line);
    frame.filename = found.filename;
    frame.abs_path = found.abs_path;
    (frame.line, frame.column) = (line, column);
    frame.in_app = Some(frame.in_app == Some(true) && !is_library);
}

fn is_unwinding(frame: &Frame) -> bool {
    let name = frame.function.as_deref().unwrap_or_default();
    name.starts_with("rust_begin_unwind")
        || name.starts_with("__rustc::rust_begin_unwind")
        || name.starts_with("core::panicking::")
        || name.starts_with("std::panicking::")
        || name.starts_with("std::backtrace::")
        || name.starts_with("<std::backtrace::")
        || name.starts_with("core::result::unwrap_failed")
        || name.starts_with("core::option::expect_failed")
        || name.starts_with("core::option::unwrap_failed")
}
