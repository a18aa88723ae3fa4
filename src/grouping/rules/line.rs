//! One line of rules into words: quotes, `{{ variables }}`, `key:pattern`.
//!
//! Knows no key and no action.

/// The words of a line. White space inside quotes and inside `{{ }}` belongs to the word.
pub(super) fn words(line: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = word_end(rest, false)?;
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

/// The same, with commas as separators too.
pub(super) fn values(text: &str) -> Result<Vec<&str>, String> {
    let is_between = |c: char| c.is_whitespace() || c == ',';
    let mut values = Vec::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let end = word_end(rest, true)?;
        values.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_between);
    }
    Ok(values)
}

fn word_end(text: &str, ends_at_comma: bool) -> Result<usize, String> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() || (ends_at_comma && c == ',') {
            return Ok(at);
        }
        if c == '"' {
            at += quoted_length(&text[at..]).ok_or("a quote is not closed")?;
        } else if text[at..].starts_with("{{") {
            at += text[at..].find("}}").ok_or("{{ is not followed by }}")? + 2;
        } else {
            at += c.len_utf8();
        }
    }
    Ok(at)
}

/// Bytes of the quoted text at the start, both quotes included.
fn quoted_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// What a word stands for as a value: without quotes, with `\"` and `\\` resolved.
pub(super) fn value(word: &str) -> String {
    let Some(inner) = inside_quotes(word) else { return word.to_owned() };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('"' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// What a word stands for as a pattern: there a backslash means something, so only `\"` is resolved.
pub(super) fn pattern(word: &str) -> String {
    inside_quotes(word).map_or_else(|| word.to_owned(), |inner| inner.replace("\\\"", "\""))
}

fn inside_quotes(word: &str) -> Option<&str> {
    word.strip_prefix('"')?.strip_suffix('"')
}

/// `!key:pattern` taken apart: whether it is negated, the key, the pattern without its quotes.
pub(super) fn condition(word: &str) -> Option<(bool, &str, String)> {
    let (is_negated, rest) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (key, rest) = rest.split_once(':')?;
    (!key.is_empty() && !key.contains('"')).then(|| (is_negated, key, pattern(rest)))
}

/// The name in `{{ name }}` or `{{name}}`, when the text is nothing but that.
pub(in crate::grouping) fn variable(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    (!name.is_empty() && !name.contains(char::is_whitespace) && !name.contains("{{")).then_some(name)
}

pub(in crate::grouping) fn is_default_variable(text: &str) -> bool {
    variable(text) == Some("default")
}

/// A text with variables in it, as pieces: what is written, and `Err(name)` for each variable.
pub(in crate::grouping) fn variables_in(text: &str) -> Vec<Result<&str, &str>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else { break };
        let end = start + length + 2;
        let Some(name) = variable(&rest[start..end]) else {
            pieces.push(Ok(&rest[..end]));
            rest = &rest[end..];
            continue;
        };
        pieces.extend([Ok(&rest[..start]), Err(name)]);
        rest = &rest[end..];
    }
    pieces.push(Ok(rest));
    pieces
}
