//! Java and what else runs on its machine: `Throwable.printStackTrace`, which PHP's OpenTelemetry SDK writes, too.

use crate::config::{STACK_EXCEPTIONS_MAX, STACK_FRAMES_MAX};
use crate::model::event::{Exception, Frame, Mechanism};

use super::filled;

/// Packages of the platform, of frameworks and of the agent; whatever else is the application's.
const LIBRARIES: [&str; 20] = [
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "android.",
    "androidx.",
    "io.opentelemetry.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.eclipse.jetty.",
    "io.netty.",
    "reactor.",
    "com.zaxxer.",
];

#[derive(Default)]
struct Block {
    /// Blanks and tabs before its first line.
    indent: usize,
    exception: Exception,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
}

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    // Those that are finished are behind what they led to.
    let mut done: Vec<Block> = Vec::new();
    let mut in_message = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let content = trimmed.trim_end();
        if done.len() > STACK_EXCEPTIONS_MAX {
            // Deeper causes than are kept.
            break;
        }
        if let Some(call) = content.strip_prefix("at ").and_then(frame) {
            done.last_mut()?.frames.push(call);
            in_message = false;
        } else if let Some(count) = more(content) {
            take_common(&mut done, count);
            in_message = false;
        } else if let Some(head) = content.strip_prefix("Caused by: ") {
            done.push(block(head, indent, Some("cause")));
            in_message = true;
        } else if let Some(head) = content.strip_prefix("Suppressed: ") {
            done.push(block(head, indent, Some("suppressed[0]")));
            in_message = true;
        } else if done.is_empty() {
            let head = content.strip_prefix("Exception in thread \"").and_then(|rest| Some(rest.split_once("\" ")?.1));
            let head = head.unwrap_or(content);
            if super::type_and_value(head, is_name).is_some() {
                done.push(block(head, indent, None));
                in_message = true;
            } else if !content.is_empty() {
                return None;
            }
        } else if in_message && let Some(block) = done.last_mut() {
            let value = block.exception.value.get_or_insert_default();
            value.push('\n');
            value.push_str(line);
        }
    }
    let mut exceptions: Vec<Exception> = done
        .into_iter()
        .map(|Block { mut exception, mut frames, .. }| {
            frames.reverse();
            exception.frames = frames;
            exception.value = exception.value.as_deref().and_then(filled);
            exception
        })
        .collect();
    exceptions.reverse();
    (!exceptions.is_empty()).then_some(exceptions)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '\\')
}

fn block(head: &str, indent: usize, source: Option<&str>) -> Block {
    // `[CIRCULAR REFERENCE: java.lang.Error: a]`
    let head = head.strip_prefix("[CIRCULAR REFERENCE: ").map_or(head, |rest| rest.trim_end_matches(']'));
    let (name, value) = super::type_and_value(head, is_name).unwrap_or(("", head));
    let (module, ty) = name.rsplit_once('.').map_or(("", name), |(module, ty)| (module, ty));
    let mechanism = Mechanism {
        ty: source.map(|_| "chained".to_owned()),
        source: source.map(str::to_owned),
        ..Mechanism::default()
    };
    let exception =
        Exception { ty: filled(ty), value: filled(value), module: filled(module), mechanism, ..Exception::default() };
    Block { indent, exception, frames: Vec::new() }
}

/// `... 12 more`
fn more(content: &str) -> Option<usize> {
    content.strip_prefix("... ")?.strip_suffix(" more")?.parse().ok()
}

/// The frames a cause has in common with what it caused: the outermost ones of the block it is printed under.
fn take_common(done: &mut [Block], count: usize) {
    let Some((last, before)) = done.split_last_mut() else { return };
    let is_suppressed =
        last.exception.mechanism.source.as_deref().is_some_and(|source| source.starts_with("suppressed"));
    let is_owner =
        |block: &&Block| if is_suppressed { block.indent < last.indent } else { block.indent <= last.indent };
    let Some(owner) = before.iter().rev().find(is_owner) else { return };
    // A hostile text must not multiply itself.
    if last.frames.len() + count > STACK_FRAMES_MAX {
        return;
    }
    let start = owner.frames.len().saturating_sub(count);
    last.frames.extend_from_slice(&owner.frames[start..]);
}

/// `com.example.Cart.pay(Cart.java:12)`, with a class loader and a module before it: `app//`, `java.base@21.0.2/`.
fn frame(call: &str) -> Option<Frame> {
    let call = call.split_once(" ~[").map_or(call, |(call, _)| call);
    let (name, rest) = call.split_once('(')?;
    let place = rest.strip_suffix(')')?;
    if name.contains(' ') && !name.contains('/') {
        return None;
    }
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    let (module, function) = name.rsplit_once('.').unwrap_or(("", name));
    if function.is_empty() {
        return None;
    }
    let (file, line) = match place.rsplit_once(':') {
        Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => (Some(file), line.parse().ok()),
        // A JavaScript place has two numbers or is a path.
        _ if place.contains(['/', '\\']) => return None,
        _ => (Some(place).filter(|place| !matches!(*place, "Native Method" | "Unknown Source")), None),
    };
    if file.is_some_and(|file| file.contains(':')) {
        return None;
    }
    let is_library = LIBRARIES.iter().any(|library| module.starts_with(library));
    Some(Frame {
        module: filled(module),
        function: filled(function),
        filename: file.and_then(filled),
        line,
        in_app: Some(!is_library),
        ..Frame::default()
    })
}
