//! Fast looks at JSON text before it is parsed: how deep it nests, and whether a string is only half a character.
//!
//! None of them validates anything; the parser does that later.

use memchr::{memchr2, memmem};

/// What one look from end to end tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// More brackets and braces are open at once than allowed.
    TooDeep,
    /// No string holds a `\uD…`, so none can be half a character.
    Whole,
    /// Only [`has_lone_surrogate`] knows.
    Surrogates,
}

/// Looks at how deep a text nests, and on the way for escapes that may be half a character.
///
/// Needed because the parser bounds its own recursion but skips unread values without counting, so a deep value would
/// be stored now and fail every reader later.
pub(crate) fn look(json: &[u8], depth_max: usize) -> Look {
    let mut depth = 0_usize;
    let mut has_surrogates = false;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at = string_end(json, at + 1, &mut has_surrogates);
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return Look::TooDeep;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    if has_surrogates { Look::Surrogates } else { Look::Whole }
}

/// Whether at most `depth_max` brackets and braces are open at once.
pub(crate) fn depth_within(json: &[u8], depth_max: usize) -> bool {
    look(json, depth_max) != Look::TooDeep
}

/// The place after the closing quote of a string whose content starts at `at`; the end of the text when it never closes.
pub(super) fn string_end(json: &[u8], mut at: usize, has_surrogates: &mut bool) -> usize {
    while let Some(step) = json.get(at..).and_then(quote_or_backslash) {
        at += step;
        if json[at] == b'"' {
            return at + 1;
        }
        *has_surrogates |= matches!(json.get(at + 1..at + 3), Some(b"ud" | b"uD"));
        at += 2;
    }
    json.len()
}

/// The first `"` or `\`. Names and most texts are short: eight bytes at a time without a call are faster there.
#[inline]
fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (eights, _) = text.as_chunks::<8>();
    for (at, eight) in eights.iter().take(4).enumerate() {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        // The high bit of the lowest byte that is zero in either; what is above it may be wrong.
        let found = ((quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash)) & HIGH;
        if found != 0 {
            return Some(8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let at = 8 * eights.len().min(4);
    Some(at + memchr2(b'"', b'\\', &text[at..])?)
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
    fn strings_of_any_length_end_where_their_quote_is() {
        for len in 0..100 {
            let text = format!("\"{}\\\"]\"[", "x".repeat(len));
            let mut has_surrogates = false;
            assert_eq!(string_end(text.as_bytes(), 1, &mut has_surrogates), text.len() - 1, "{text}");
        }
    }

    #[test]
    fn a_look_tells_where_halves_of_characters_may_be() {
        for (text, seen) in [
            (r#"{"a":"\u00e9 \n ud800","\\ud800":1}"#, Look::Whole),
            (r#"{"a":"\ud83d\ude00"}"#, Look::Surrogates),
            (r#"{"\uDE00":1}"#, Look::Surrogates),
            (r#"["\ud800",[[]]]"#, Look::TooDeep),
        ] {
            assert_eq!(look(text.as_bytes(), 2), seen, "{text}");
        }
    }

    #[test]
    fn only_halves_of_characters_are_found() {
        assert!(!has_lone_surrogate(br#""\ud83d\ude00 \uD83D\uDE00 \uD83d\ude00 \ud7ff""#));
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\uDE00""#, r#""\ud83d\ud83d\ude00""#, r#""\ud83d x \ude00""#] {
            assert!(has_lone_surrogate(text.as_bytes()), "{text}");
        }
    }
}
