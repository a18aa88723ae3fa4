//! Two fast looks at JSON text before it is parsed: how deep it nests, and whether a string is only half a character.
//!
//! Neither validates anything; the parser does that later.

use memchr::{memchr2, memmem};

/// Whether at most `depth_max` brackets and braces are open at once.
///
/// Needed because the parser bounds its own recursion but skips unread values without counting, so a deep value would
/// be stored now and fail every reader later.
pub(crate) fn depth_within(json: &[u8], depth_max: usize) -> bool {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = string_end(json, at + 1);
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    true
}

/// The place after the closing quote of a string whose content starts at `at`; the end of the text when it never closes.
fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(step) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += step;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// Whether a `\uD8xx` stands without its `\uDCxx`, or the reverse. JavaScript strings cut in the middle of an emoji
/// arrive like this: legal in JSON's grammar, refused by every parser that makes text of it.
///
/// May say yes wrongly for a backslash that is itself escaped; repair then changes nothing.
pub(crate) fn has_lone_surrogate(json: &[u8]) -> bool {
    has_lone(json, b"\\ud") || has_lone(json, b"\\uD")
}

fn has_lone(json: &[u8], start: &[u8; 3]) -> bool {
    let mut pair_end = 0;
    for at in memmem::find_iter(json, start) {
        if at < pair_end {
            continue;
        }
        match surrogate_at(json, at) {
            None => {}
            Some(Surrogate::Low) => {
                // The high half may be spelled in the other case (`\uD83d\ude00`).
                let high = at.checked_sub(6).and_then(|before| surrogate_at(json, before));
                if high != Some(Surrogate::High) {
                    return true;
                }
            }
            Some(Surrogate::High) if surrogate_at(json, at + 6) == Some(Surrogate::Low) => pair_end = at + 12,
            Some(Surrogate::High) => return true,
        }
    }
    false
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surrogate {
    High,
    Low,
}

/// Which half of a pair the escape at this place is; `None` for anything else.
pub(super) fn surrogate_at(json: &[u8], at: usize) -> Option<Surrogate> {
    let escape = json.get(at..at.checked_add(6)?)?;
    let is_escape = escape[0] == b'\\' && escape[1] == b'u' && escape[2..].iter().all(u8::is_ascii_hexdigit);
    if !is_escape || !escape[2].eq_ignore_ascii_case(&b'd') {
        return None;
    }
    match escape[3] {
        b'8' | b'9' | b'a' | b'b' | b'A' | b'B' => Some(Surrogate::High),
        b'c'..=b'f' | b'C'..=b'F' => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(depth_within(br#"{"a":["[[[[\"[["]}"#, 2));
        assert!(!depth_within(b"[[[]]]", 2));
        assert!(depth_within(br#"[[],[],[]]"#, 2));
        assert!(depth_within(br#"["never closed \"#, 1));
        assert!(!depth_within(&b"[".repeat(400_000), 100));
    }

    #[test]
    fn only_halves_of_characters_are_found() {
        assert!(!has_lone_surrogate(br#""\ud83d\ude00 \uD83D\uDE00 \uD83d\ude00 \ud7ff""#));
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\uDE00""#, r#""\ud83d\ud83d\ude00""#, r#""\ud83d x \ude00""#] {
            assert!(has_lone_surrogate(text.as_bytes()), "{text}");
        }
    }
}
