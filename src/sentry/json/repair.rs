//! Mends the ways real SDKs break JSON, once a parse has failed. Knows tokens, not structure.
//!
//! - `NaN`, `Infinity`, `-Infinity`: Python's `json.dumps` writes them (sentry-python up to 1.x in `extra` and `vars`).
//! - numbers beyond a double (`1e999`): legal JSON that no parser here can hold.
//! - half surrogate pairs: JavaScript strings cut in the middle of an emoji.
//! - bytes that are not UTF-8, raw control characters, unknown escapes: hand-written clients.
//!
//! Duplicate keys need no mending: every reader lets the last one win.

use super::scan::{Surrogate, surrogate_at};

/// The mended text, or `None` when there was nothing to mend. The result may still not be JSON.
pub(crate) fn repair(json: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(json);
    let source = text.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(source.len() + 16);
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' => copy_string(source, at, &mut out),
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => copy_word(source, at, &mut out),
            byte => {
                // Only ASCII starts a token; other characters are copied whole.
                let end = at + if byte < 0x80 { 1 } else { character_len(source, at) };
                out.push_str(&source[at..end]);
                end
            }
        };
    }
    (out.as_bytes() != json).then_some(out)
}

/// Copies a string from its opening quote to its closing one; returns the place after it.
fn copy_string(source: &str, start: usize, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    out.push('"');
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                out.push('"');
                return at + 1;
            }
            b'\\' => at = copy_escape(source, at, out),
            byte if byte < 0x20 => {
                out.push_str(&format!("\\u{byte:04x}"));
                at += 1;
            }
            _ => {
                let end = at + character_len(source, at);
                out.push_str(&source[at..end]);
                at = end;
            }
        }
    }
    at
}

fn copy_escape(source: &str, at: usize, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    match surrogate_at(bytes, at) {
        Some(Surrogate::High) if surrogate_at(bytes, at + 6) == Some(Surrogate::Low) => {
            out.push_str(&source[at..at + 12]);
            return at + 12;
        }
        Some(_) => {
            out.push_str("\\ufffd");
            return at + 6;
        }
        None => {}
    }
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            out.push_str(&source[at..at + 2]);
            at + 2
        }
        Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => {
            out.push_str(&source[at..at + 6]);
            at + 6
        }
        _ => {
            out.push_str("\\\\");
            at + 1
        }
    }
}

/// Copies a literal or a number; those JSON does not have become `null`.
fn copy_word(source: &str, start: usize, out: &mut String) -> usize {
    let rest = &source.as_bytes()[start..];
    let len = rest.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'+' | b'.'));
    let end = start + len.unwrap_or(rest.len());
    let word = &source[start..end];
    let is_number = rest[0] == b'-' || rest[0].is_ascii_digit();
    let is_foreign = matches!(word, "NaN" | "Infinity" | "-Infinity" | "-NaN")
        || (is_number && word.parse::<f64>().is_ok_and(f64::is_infinite));
    out.push_str(if is_foreign { "null" } else { word });
    end
}

fn character_len(source: &str, at: usize) -> usize {
    source[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(json: &str) -> Option<String> {
        repair(json.as_bytes())
    }

    #[test]
    fn sound_json_is_left_alone() {
        let json = r#"{"a":[1,-2.5e3,true,null,"NaN \ud83d\ude00 \\ud800 é"]}"#;
        assert_eq!(mended(json), None);
    }

    #[test]
    fn literals_and_numbers_json_does_not_have_become_null() {
        let json = r#"{"a":[NaN,Infinity,-Infinity,1e999,-1e999,1.5]}"#;
        assert_eq!(mended(json).as_deref(), Some(r#"{"a":[null,null,null,null,null,1.5]}"#));
    }

    #[test]
    fn half_characters_control_characters_and_odd_escapes_are_mended() {
        assert_eq!(mended(r#"["\ud83d!","\uDE00"]"#).as_deref(), Some(r#"["\ufffd!","\ufffd"]"#));
        assert_eq!(mended("[\"a\nb\"]").as_deref(), Some(r#"["a\u000ab"]"#));
        assert_eq!(mended(r#"["C:\path"]"#).as_deref(), Some(r#"["C:\\path"]"#));
    }

    #[test]
    fn bytes_that_are_not_utf8_become_replacement_characters() {
        assert_eq!(repair(b"[\"\xff\xfe\"]").as_deref(), Some("[\"\u{fffd}\u{fffd}\"]"));
    }
}
