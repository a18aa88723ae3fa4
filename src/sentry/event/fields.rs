//! The small fields and their limits: release, environment, tags, user, fingerprint, url, sdk.
//!
//! Limits are Sentry's (protocol notes, section 3.1): they are part of what a user sees and searches for, not settings.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::config::event::{LOGGER_CHARS_MAX, URL_CHARS_MAX};
use crate::model::event::tag_key;
use crate::sentry::event::address::Address;
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Entries, Scalar};
use crate::sentry::wire::{WireRequest, WireSdk, WireUser};

/// Tags kept of one event. Sentry has no limit; a page and an index do.
pub(crate) const TAGS_MAX: usize = 256;
/// Values kept of a client's fingerprint, and characters of each.
const FINGERPRINT_MAX: usize = 64;
const FINGERPRINT_CHARS_MAX: usize = 1024;

const PLATFORMS: [&str; 18] = [
    "as3",
    "c",
    "cfml",
    "cocoa",
    "csharp",
    "elixir",
    "go",
    "groovy",
    "haskell",
    "java",
    "javascript",
    "native",
    "node",
    "objc",
    "perl",
    "php",
    "python",
    "ruby",
];

/// One of Sentry's platforms, spelled exactly so; else `other`.
pub(crate) fn platform(sent: &Scalar<'_>) -> String {
    let known = sent.as_str().filter(|text| PLATFORMS.contains(text));
    known.unwrap_or("other").to_owned()
}

/// Trimmed; a name that is too long keeps its end, from a dot on: `*.payments.retry`, as Java's loggers are shortened.
pub(crate) fn logger(sent: &Scalar<'_>) -> Option<String> {
    let text = sent.text()?;
    let text = text.trim();
    let excess = text.chars().count().saturating_sub(LOGGER_CHARS_MAX);
    if excess == 0 {
        return (!text.is_empty()).then(|| cut(text, LOGGER_CHARS_MAX));
    }
    // One more, for the star.
    let start = text.char_indices().nth(excess + 1).map_or(text.len(), |(at, _)| at);
    let tail = &text[start..];
    let word = if tail.starts_with('.') { 0 } else { tail.find('.').unwrap_or(0) };
    Some(cut(&format!("*{}", &tail[word..]), LOGGER_CHARS_MAX))
}

/// Trimmed, at most 200 characters; names that could not be part of a URL are dropped.
pub(crate) fn release(sent: &Scalar<'_>) -> Option<String> {
    let text = sent.text()?;
    let text = text.trim();
    let is_bad = text.is_empty()
        || matches!(text, "." | ".." | "latest")
        || text.contains(['/', '\\', '\n', '\r', '\t', '\0', '\u{c}'])
        || text.chars().count() > 200;
    (!is_bad).then(|| text.to_owned())
}

/// At most 64 characters without slash or newline; `none` in any case means none.
pub(crate) fn environment(sent: &Scalar<'_>) -> Option<String> {
    let text = sent.text()?;
    let text = text.trim();
    let is_bad = text.is_empty()
        || text.eq_ignore_ascii_case("none")
        || text.contains(['/', '\n', '\r', '\0', '\u{c}'])
        || text.chars().count() > 64;
    (!is_bad).then(|| text.to_owned())
}

/// Letters, digits, `_`, `.` and `-`, at most 64.
pub(crate) fn dist(sent: &Scalar<'_>) -> Option<String> {
    let text = sent.text()?;
    let text = text.trim();
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    (!text.is_empty() && text.len() <= 64 && is_plain).then(|| text.to_owned())
}

/// Tags that can be used, in the order sent; a name sent twice keeps its last value.
pub(crate) fn tags(sent: &Entries<'_, Scalar<'_>>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (key, value) in &sent.0 {
        let (None | Some(TagFault::Long), Some(text)) = (tag_fault(key, value), value.python_text()) else { continue };
        let key = tag_key(key);
        let value = cut(&text, TAG_VALUE_CHARS_MAX);
        if let Some((_, earlier)) = kept.iter_mut().find(|(k, _)| *k == key) {
            *earlier = value;
        } else if kept.len() < TAGS_MAX {
            kept.push((key, value));
        }
    }
    kept
}

const TAG_VALUE_CHARS_MAX: usize = 200;

/// Why a tag is not kept as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagFault {
    Name,
    /// The name of a field of its own.
    Reserved,
    /// A list or an object.
    NoText,
    /// Nothing was sent, which is nothing to tell.
    Empty,
    Newline,
    /// Kept, but cut.
    Long,
}

pub(crate) fn tag_fault(key: &str, value: &Scalar<'_>) -> Option<TagFault> {
    let key = key.trim();
    let is_plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-' | b' '));
    if key.is_empty() || key.len() > 200 || !is_plain {
        return Some(TagFault::Name);
    }
    if matches!(key, "environment" | "release" | "dist" | "user" | "filename" | "function") {
        return Some(TagFault::Reserved);
    }
    match value {
        Scalar::Absent => Some(TagFault::NoText),
        Scalar::Text(text) if text.is_empty() => Some(TagFault::Empty),
        Scalar::Text(text) if text.contains('\n') => Some(TagFault::Newline),
        Scalar::Text(text) if text.len() > TAG_VALUE_CHARS_MAX && text.chars().count() > TAG_VALUE_CHARS_MAX => {
            Some(TagFault::Long)
        }
        _ => None,
    }
}

/// The old `site` field is a tag.
pub(super) fn with_site(mut tags: Vec<(String, String)>, site: &Scalar<'_>) -> Vec<(String, String)> {
    if let Some(site) = site.limited(200).filter(|_| !tags.iter().any(|(key, _)| key == "site")) {
        tags.push(("site".to_owned(), site));
    }
    tags
}

/// `id:…`, `username:…`, `email:…` or `ip:…`, the first that was sent.
pub(super) fn user_name(user: Option<&WireUser<'_>>, address: &Address) -> Option<String> {
    let nobody = WireUser::default();
    let user = user.unwrap_or(&nobody);
    let named = [("id", &user.id, 128), ("username", &user.username, 128), ("email", &user.email, 75)];
    for (kind, sent, chars_max) in named {
        if let Some(text) = sent.limited(chars_max).filter(|text| !text.trim().is_empty()) {
            return Some(format!("{kind}:{}", text.trim()));
        }
    }
    let address = match address {
        Address::Filled(ip) => ip.to_string(),
        Address::Removed => return None,
        Address::AsSent => cut(user.ip_address.as_str()?.trim(), 45),
    };
    (!address.is_empty()).then(|| format!("ip:{address}"))
}

/// Query and fragment belong to the body; what is left is cut to 256 characters.
pub(crate) fn url_without_query(sent: &Scalar<'_>) -> Option<String> {
    let url = sent.as_str()?.split(['?', '#']).next()?;
    (!url.is_empty()).then(|| cut(url, URL_CHARS_MAX))
}

/// The browser or robot behind the request, at most 512 characters. Header names come in any case.
pub(crate) fn user_agent(request: &WireRequest<'_>) -> Option<String> {
    agent_and_referer(request).0
}

/// [`user_agent`], and the page the request came from, without its query.
pub(super) fn agent_and_referer(request: &WireRequest<'_>) -> (Option<String>, Option<String>) {
    let headers = request.headers.and_then(|headers| serde_json::from_str(headers.get()).ok());
    let headers: Entries<'_, Scalar<'_>> = headers.unwrap_or_default();
    let header = |wanted: &str| headers.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let agent = header("user-agent").and_then(|(_, value)| value.limited(512));
    (agent, header("referer").and_then(|(_, value)| url_without_query(value)))
}

/// `name/version`, or the name alone.
pub(crate) fn sdk_name(sdk: &WireSdk<'_>) -> Option<String> {
    let name = sdk.name.limited(128)?;
    Some(match sdk.version.limited(64) {
        Some(version) => format!("{name}/{version}"),
        None => name,
    })
}

/// The client's own grouping; `None` when it asks for the default one.
pub(super) fn fingerprint(sent: &RawValue) -> Option<Vec<String>> {
    let values: Vec<Scalar<'_>> = match serde_json::from_str(sent.get()) {
        Ok(values) => values,
        Err(_) => vec![serde_json::from_str(sent.get()).ok()?],
    };
    let texts = values.iter().filter_map(Scalar::python_text).take(FINGERPRINT_MAX);
    let texts: Vec<String> = texts.map(|text: Cow<'_, str>| cut(&text, FINGERPRINT_CHARS_MAX)).collect();
    match texts.as_slice() {
        [] => None,
        [only] if is_default_token(only) => None,
        _ => Some(texts),
    }
}

fn is_default_token(text: &str) -> bool {
    let inner = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|word| word.trim() == "default")
}
