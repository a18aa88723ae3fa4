//! A copy of a JSON text that nests no deeper than allowed: what lies deeper is a text that says so.
//!
//! One look at each byte, and a counter instead of recursion, so that no depth costs more than its length.

use super::lenient::cut;
use super::scan::string_end;

/// What stands where something deeper was.
const TOO_DEEP: &[u8] = b"\"...\"";
/// Characters of the name of a member.
const NAME_CHARS_MAX: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flattened {
    pub(crate) json: Vec<u8>,
    /// The member of the outermost object that was too deep first.
    pub(crate) name: String,
    /// Lists and objects replaced.
    pub(crate) count: usize,
}

/// `None` when a bracket too deep is never closed, so that nobody knows where its end would be.
pub(crate) fn flatten(json: &[u8], depth_max: usize) -> Option<Flattened> {
    let mut flat = Flattened { json: Vec::with_capacity(json.len()), name: String::new(), count: 0 };
    let (mut depth, mut at, mut copied) = (0_usize, 0, 0);
    // Of the outermost object: before a list or an object this is its name.
    let mut last_text = 0..0;
    let mut ignored = false;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at + 1, &mut ignored);
                if depth == 1 {
                    last_text = at + 1..end.saturating_sub(1).max(at + 1);
                }
                at = end;
                continue;
            }
            b'{' | b'[' if depth == depth_max => {
                let end = end_of(json, at)?;
                if flat.count == 0 {
                    let name = json.get(last_text.clone()).unwrap_or_default();
                    flat.name = cut(&String::from_utf8_lossy(name), NAME_CHARS_MAX);
                }
                flat.count += 1;
                flat.json.extend_from_slice(&json[copied..at]);
                flat.json.extend_from_slice(TOO_DEEP);
                (at, copied) = (end, end);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    flat.json.extend_from_slice(&json[copied..]);
    Some(flat)
}

/// The place after the bracket that closes the one at `start`.
fn end_of(json: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut at, mut ignored) = (0_usize, start, false);
    loop {
        match json.get(at)? {
            b'"' => {
                at = string_end(json, at + 1, &mut ignored);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::depth_within;
    use super::*;

    #[test]
    fn what_is_too_deep_is_a_text() {
        let flat = flatten(br#"{"a":[1],"extra":{"x":[[2,"]"]],"y":{}},"z":"e"}"#, 2).unwrap();
        assert_eq!(flat.json, br#"{"a":[1],"extra":{"x":"...","y":"..."},"z":"e"}"#);
        assert_eq!((flat.name.as_str(), flat.count), ("extra", 2));
        let deep = format!("{{\"extra\":{}1{}}}", "[".repeat(800_000), "]".repeat(800_000));
        assert_eq!(flatten(deep.as_bytes(), 3).unwrap().json, br#"{"extra":[["..."]]}"#);
        assert_eq!(flatten(b"[[[", 2), None);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_is_deeper(text in "[\\[\\]{}\",:a\\\\ ]{0,80}", depth_max in 1..6_usize) {
            if let Some(flat) = flatten(text.as_bytes(), depth_max) {
                prop_assert!(depth_within(&flat.json, depth_max), "{}", String::from_utf8_lossy(&flat.json));
                prop_assert!(flat.count > 0 || flat.json == text.as_bytes());
            }
        }
    }
}
