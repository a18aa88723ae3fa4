//! Steps over JSON text without building anything: strings, scalars, whole containers.
//!
//! Does not validate; what cannot be JSON ends in `None`, never in a panic.

use std::borrow::Cow;

use memchr::memchr2;

/// The contents of a string, between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

pub(super) struct Cursor<'a> {
    pub(super) json: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// The next byte that is not space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.json.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    pub(super) fn string(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let start = self.at;
        let (end, escaped) = string_end(self.json, start)?;
        self.at = end + 1;
        Some(Text { start, end, escaped })
    }

    /// Steps over any value, whatever its depth.
    pub(super) fn skip(&mut self) -> Option<()> {
        let json = self.json;
        let mut depth = 0_usize;
        // Most of an event is stepped over: the place is written back only at the end.
        let mut at = self.at;
        loop {
            match *json.get(at)? {
                b' ' | b'\n' | b'\t' | b'\r' => {
                    at += 1;
                    continue;
                }
                b'"' => at = string_end(json, at + 1)?.0 + 1,
                b'{' | b'[' => {
                    depth += 1;
                    at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    at += 1;
                }
                b',' | b':' if depth > 0 => {
                    at += 1;
                    continue;
                }
                b',' | b':' => return None,
                _ => at = scalar_end(json, at),
            }
            if depth == 0 {
                self.at = at;
                return Some(());
            }
        }
    }

    /// After a member: true when another follows, false when `close` ended the container.
    pub(super) fn another(&mut self, close: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            byte if byte == close => Some(false),
            _ => None,
        }
    }

    pub(super) fn raw(&self, text: Text) -> &'a [u8] {
        &self.json[text.start..text.end]
    }

    /// As a reader sees it.
    pub(super) fn read(&self, text: Text) -> Cow<'a, [u8]> {
        let raw = self.raw(text);
        if text.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }
}

/// The closing quote of a string whose content starts at `at`, and whether it has escapes.
#[inline]
fn string_end(json: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at += quote_or_backslash(json.get(at..)?)?;
        if json[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// The place after a number or a literal.
fn scalar_end(json: &[u8], at: usize) -> usize {
    let rest = &json[at..];
    let ends =
        |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\n' | b'\t' | b'\r' | b'"' | b'{' | b'[');
    at + rest.iter().position(ends).unwrap_or(rest.len()).max(1)
}

/// The first `"` or `\\`. Names and most texts are short: eight bytes at a time without a call are faster there.
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

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(step) = memchr::memchr(b'\\', &raw[at..]) {
        out.extend_from_slice(&raw[at..at + step]);
        at += step;
        let plain = match raw.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'u') => {
                let (character, len) = unicode_escape(&raw[at..]);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at = (at + len).min(raw.len());
                continue;
            }
            Some(byte) => *byte,
            None => b'\\',
        };
        out.push(plain);
        at = (at + 2).min(raw.len());
    }
    out.extend_from_slice(&raw[at..]);
    out
}

/// The character of `\uXXXX` or of a pair of them, and its length here.
fn unicode_escape(raw: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let hex = raw.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&hex[2..]).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// Appends text as the contents of a JSON string.
pub(super) fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte if byte < 0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let mut cursor = Cursor { json: json.as_bytes(), at: 0 };
        let text = cursor.string().expect("a string");
        String::from_utf8(cursor.read(text).into_owned()).expect("utf-8")
    }

    #[test]
    fn strings_are_read_as_json_means_them() {
        for json in [r#""""#, r#""a\"b\\c\/\n\t\r\b\f""#, r#""pass\u0077ord""#, r#""\ud83d\ude00 é \u00e9""#] {
            assert_eq!(text(json), serde_json::from_str::<String>(json).expect("json"), "{json}");
        }
        assert_eq!(text(r#""\ud83d!""#), "\u{fffd}!");
    }

    #[test]
    fn escaping_is_the_reverse_of_reading() {
        let original = "a\"b\\c\n\t\r\u{1}é\u{1f600}";
        let mut json = b"\"".to_vec();
        escape_into(original.as_bytes(), &mut json);
        json.push(b'"');
        assert_eq!(text(std::str::from_utf8(&json).expect("utf-8")), original);
    }

    #[test]
    fn values_are_stepped_over() {
        for (json, rest) in [("1.5e3,x", ",x"), (r#"{"a":[1,{"b":"}"}]} x"#, " x"), (r#""\"",1"#, ",1"), ("null", "")] {
            let mut cursor = Cursor { json: json.as_bytes(), at: 0 };
            cursor.skip().expect("a value");
            assert_eq!(&json[cursor.at..], rest);
        }
        for json in ["", "{", "]", "[\"", ",", "\"\\"] {
            assert_eq!(Cursor { json: json.as_bytes(), at: 0 }.skip(), None, "{json}");
        }
    }
}
