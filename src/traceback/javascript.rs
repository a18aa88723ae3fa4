//! JavaScript: `Error.prototype.stack` of V8 (Node, Deno, Chrome, Edge), Firefox and Safari, and causes as Node prints
//! them.

use crate::model::event::{Exception, Frame};

use super::chain::Chain;
use super::{directories, filled, in_file, place};

pub(super) fn parse(text: &str) -> Option<Vec<Exception>> {
    let mut chain = Chain::default();
    for line in text.lines() {
        let content = line.trim();
        if let Some(frame) = frame(content) {
            // Firefox and Safari print no message.
            chain.frame(frame);
        } else if let Some(head) = content.strip_prefix("[cause]: ").or_else(|| content.strip_prefix("Caused by: ")) {
            let (ty, value) = type_of(head).unwrap_or(("", head));
            chain.begin(ty, value);
        } else if chain.is_empty() {
            if let Some((ty, value)) = type_of(content.strip_prefix("Uncaught ").unwrap_or(content)) {
                chain.begin(ty, value);
            }
        } else {
            chain.other(line);
        }
    }
    chain.finish()
}

/// `TypeError: x`, and Node's own `Error [ERR_CODE]: x`.
fn type_of(head: &str) -> Option<(&str, &str)> {
    let (name, value) =
        super::type_and_value(head, |c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | ' ' | '[' | ']'))?;
    let name = name.split_once(" [").map_or(name, |(name, _)| name);
    (!name.contains([' ', '[', ']'])).then_some((name, value))
}

fn frame(content: &str) -> Option<Frame> {
    let (function, location) = match content.strip_prefix("at ") {
        Some(call) => v8(call.trim_end_matches(" {"))?,
        None => gecko(content)?,
    };
    let location = location.strip_prefix("file://").unwrap_or(location);
    let (path, line, column) = place(location);
    if path == "<anonymous>" || path == "native" || path == "[native code]" {
        let filename = Some(path.to_owned());
        return Some(Frame { function, filename, in_app: Some(false), ..Frame::default() });
    }
    line?;
    let is_library = path.starts_with("node:")
        || path.starts_with("internal/")
        || directories(path).any(|directory| directory == "node_modules");
    Some(Frame { function, column, in_app: Some(!is_library), ..in_file(path, line) })
}

/// `pay (/app/cart.js:3:9)`, `async Object.pay [as handler] (…)`, `/app/cart.js:3:9`
fn v8(call: &str) -> Option<(Option<String>, &str)> {
    let call = call.strip_prefix("async ").unwrap_or(call);
    let Some((name, rest)) = call.split_once(" (") else { return Some((None, call)) };
    let location = rest.strip_suffix(')')?;
    // `eval at run (/app/a.js:1:2), <anonymous>:1:1`: where the text of it was evaluated.
    let location = match location.strip_prefix("eval at ") {
        Some(nested) => nested.split_once(" (").map_or(nested, |(_, rest)| rest).split(')').next().unwrap_or(nested),
        None => location,
    };
    let name = name.split_once(" [as ").map_or(name, |(name, _)| name);
    let name = name.strip_prefix("new ").unwrap_or(name);
    Some((filled(name), location))
}

/// `pay@http://127.0.0.1/app.js:3:9`, `async*pay@…`, `@…`, and Safari's `pay@[native code]`
fn gecko(content: &str) -> Option<(Option<String>, &str)> {
    // Paths of packages have an @ of their own.
    let (name, location) = content.split_once('@')?;
    let is_place = location == "[native code]"
        || ["http://", "https://", "file://", "webpack", "blob:", "moz-extension:", "app://", "/", "resource:"]
            .iter()
            .any(|start| location.starts_with(start));
    if !is_place || name.contains([' ', ':']) && name != "global code" && name != "module code" && name != "eval code" {
        return None;
    }
    let name = name.strip_prefix("async*").unwrap_or(name);
    let name = name.trim_end_matches("/<").trim_end_matches("</");
    Some((filled(name).filter(|name| !matches!(name.as_str(), "global code" | "module code")), location))
}
