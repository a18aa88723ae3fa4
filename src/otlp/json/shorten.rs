//! A span, log record or metric in JSON that is too large to be decoded, made smaller: its long texts are cut.
//!
//! Reads no structure, only where texts begin and end, so that neither nesting nor length costs more than one look at each
//! byte. What is cut here is cut again, to the limit, where it is decoded.

use std::borrow::Cow;

/// A byte of a text takes up to six in JSON (`\u0041`). A multiple of four, so that base64 stays readable.
const WRITTEN_BYTES: usize = 6 * 4;

/// `text` with no string longer than what `text_bytes_max` bytes may take, written out. Invalid JSON stays so.
pub(in crate::otlp) fn with_short_texts(text: &str, text_bytes_max: usize) -> Cow<'_, str> {
    let kept_max = text_bytes_max.div_ceil(4).saturating_mul(WRITTEN_BYTES);
    let bytes = text.as_bytes();
    let mut out = String::new();
    // Up to here `text` has been copied.
    let mut copied = 0;
    let mut at = 0;
    while let Some(quote) = bytes[at..].iter().position(|byte| *byte == b'"') {
        let start = at + quote + 1;
        let Some(len) = text_len(&bytes[start..]) else { break };
        if len > kept_max {
            let kept = boundary(&text[start..start + len], kept_max);
            out.push_str(&text[copied..start + kept]);
            copied = start + len;
        }
        at = start + len + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Bytes up to the quote that ends a text.
fn text_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The last place up to `max` that is within no character and no escape, nor between the two of a pair of surrogates.
fn boundary(text: &str, max: usize) -> usize {
    let (bytes, mut at, mut last) = (text.as_bytes(), 0, 0);
    while at <= max && at < bytes.len() {
        last = at;
        at += match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(b'u')) => {
                let is_pair =
                    matches!(bytes.get(at + 2..at + 4), Some([b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B']));
                if is_pair && bytes.get(at + 6) == Some(&b'\\') { 12 } else { 6 }
            }
            (b'\\', _) => 2,
            (first, _) if first < 0x80 => 1,
            (first, _) if first < 0xe0 => 2,
            (first, _) if first < 0xf0 => 3,
            _ => 4,
        };
    }
    // What is no JSON may have anything behind a backslash.
    while !text.is_char_boundary(last) {
        last -= 1;
    }
    last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_long_texts_are_cut() {
        let short = r#"{"a":"b\"c","n":[1,"ü"]}"#;
        assert!(matches!(with_short_texts(short, 8), Cow::Borrowed(_)));
        let long =
            json!({ "a": "x".repeat(5_000), "b": ["y"], "c": "\"\\".repeat(900), "d": "ü".repeat(900) }).to_string();
        let cut: Value = serde_json::from_str(&with_short_texts(&long, 100)).unwrap();
        assert_eq!((cut["a"].as_str().unwrap().len(), &cut["b"]), (600, &json!(["y"])));
        assert_eq!((cut["c"].as_str().unwrap().len(), cut["d"].as_str().unwrap().len()), (300, 600));
    }

    proptest! {
        #[test]
        fn what_is_left_is_json_and_long_enough(texts in prop::collection::vec("(\\PC|[\"\\\\\u{7}\n😀]){0,60}", 0..6), max in 0..20_usize, ascii in any::<bool>()) {
            let mut written = serde_json::to_string(&texts).unwrap();
            if ascii {
                written = written.encode_utf16().map(|unit| if unit < 0x80 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") }).collect();
            }
            let cut: Vec<String> = serde_json::from_str(&with_short_texts(&written, max)).unwrap();
            prop_assert_eq!(cut.len(), texts.len());
            for (cut, text) in cut.iter().zip(&texts) {
                prop_assert!(text.starts_with(cut.as_str()));
                prop_assert!(cut == text || cut.len() + 4 > max);
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,200}", max in 0..10_usize) {
            let _ = with_short_texts(&text, max);
        }
    }
}
