//! A text to compare with, in which `*` stands for anything.
//!
//! Owns how patterns are written with backslashes and what they match: without a wildcard what is exactly so, with one in
//! any case.

/// The pieces between wildcards: one piece is a plain text. No piece between two others is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    pieces: Vec<String>,
    lower: Vec<String>,
}

impl Pattern {
    pub fn literal(text: &str) -> Self {
        Self::of_pieces(vec![text.to_string()])
    }

    /// The pieces between wildcards, which may be empty at both ends.
    pub fn of_pieces(mut pieces: Vec<String>) -> Self {
        let last = pieces.len().saturating_sub(1);
        let mut place = 0;
        pieces.retain(|piece| {
            place += 1;
            place == 1 || place == last + 1 || !piece.is_empty()
        });
        let lower = pieces.iter().map(|piece| piece.to_lowercase()).collect();
        Self { pieces, lower }
    }

    /// As written: `\*`, `\"` and `\\` stand for the character, any other backslash for itself.
    pub fn read(written: &str) -> Self {
        let mut pieces = vec![String::new()];
        let mut chars = written.chars().peekable();
        while let Some(char) = chars.next() {
            let is_escape = char == '\\' && matches!(chars.peek(), Some('*' | '"' | '\\'));
            match char {
                '*' => pieces.push(String::new()),
                _ => {
                    let meant = if is_escape { chars.next().unwrap_or(char) } else { char };
                    if let Some(piece) = pieces.last_mut() {
                        piece.push(meant);
                    }
                }
            }
        }
        Self::of_pieces(pieces)
    }

    /// With anything in front.
    pub fn open_start(&self) -> Self {
        let mut pieces = self.pieces.clone();
        if pieces.len() == 1 || pieces.first().is_some_and(|first| !first.is_empty()) {
            pieces.insert(0, String::new());
        }
        Self::of_pieces(pieces)
    }

    /// With anything behind.
    pub fn open_end(&self) -> Self {
        let mut pieces = self.pieces.clone();
        if pieces.len() == 1 || pieces.last().is_some_and(|last| !last.is_empty()) {
            pieces.push(String::new());
        }
        Self::of_pieces(pieces)
    }

    /// Anywhere in a text.
    pub fn open(&self) -> Self {
        self.open_start().open_end()
    }

    /// The text, when there is no wildcard.
    pub fn as_literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    /// As written: what is between the wildcards, which stand between every two.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Lower-cased.
    pub fn lower_pieces(&self) -> &[String] {
        &self.lower
    }

    /// Whether any text is taken.
    pub fn is_anything(&self) -> bool {
        self.pieces.len() > 1 && self.pieces.iter().all(String::is_empty)
    }

    /// Whether it is the place of a line, pasted from a log or a list: `shop/views.py:42`.
    pub fn names_place(&self) -> bool {
        let [before, word, after] = self.pieces.as_slice() else { return false };
        let is_line = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        let is_place = |(file, line): (&str, &str)| file.contains('.') && is_line(line);
        before.is_empty() && after.is_empty() && word.rsplit_once(':').is_some_and(is_place)
    }

    /// Type and value, when it is the line an exception ends with, pasted from a traceback: `KeyError: 'sku'`, of which the first
    /// word alone is a type without a value. The type is the last part of a name with dots, which is how it is kept; the value
    /// may go on.
    pub fn names_exception(&self) -> Option<(Self, Option<Self>)> {
        let [before, text, after] = self.pieces.as_slice() else { return None };
        if !before.is_empty() || !after.is_empty() {
            return None;
        }
        let (name, value) = text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, "")))?;
        let (ty, value) = (name.rsplit('.').next().unwrap_or(name), value.trim());
        let is_name = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '$');
        let begins = ty.chars().next().is_some_and(char::is_alphabetic);
        let said = (!value.is_empty()).then(|| Self::literal(value).open());
        (begins && name.chars().all(is_name)).then(|| (Self::literal(ty), said))
    }

    pub fn wildcards(&self) -> usize {
        self.pieces.len() - 1
    }

    pub fn matches(&self, text: &str) -> bool {
        match self.as_literal() {
            Some(literal) => literal == text,
            None => self.matches_lower(&text.to_lowercase()),
        }
    }

    /// With a wildcard: as [`Self::matches`], of a text that is lower-cased already.
    pub fn matches_lower(&self, lower: &str) -> bool {
        let [first, between @ .., last] = self.lower.as_slice() else {
            return self.lower.first().is_some_and(|only| only == lower);
        };
        let Some(mut rest) = lower.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_anything_and_a_backslash_takes_that_away() {
        for (pattern, text, is_match) in [
            ("a", "a", true),
            ("a", "A", false),
            ("a*", "Abc", true),
            ("*c", "abC", true),
            ("a*c", "abc", true),
            ("a*c", "acb", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "x", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"a\\*", r"a\b", true),
            (r"C:\app\x.py", r"C:\app\x.py", true),
            (r#"say \"hi\""#, r#"say "hi""#, true),
            ("*Σίσυφος*", "ο σίσυφος", true),
        ] {
            assert_eq!(Pattern::read(pattern).matches(text), is_match, "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_of_an_exception_is_known() {
        let names = |text: &str| {
            let (ty, said) = Pattern::literal(text).open().names_exception()?;
            Some((ty.as_literal()?.to_string(), said.map(|said| said.pieces()[1].clone())))
        };
        let found = |ty: &str, said: Option<&str>| Some((ty.to_string(), said.map(str::to_string)));
        assert_eq!(names("KeyError: 'sku'"), found("KeyError", Some("'sku'")));
        assert_eq!(names("KeyError:"), found("KeyError", None));
        assert_eq!(names("django.db.utils.DataError: a: b"), found("DataError", Some("a: b")));
        for text in ["KeyError", "10:", "a b: c", ": c", "shop/views.py:", "x.: y", "KeyError:'sku'"] {
            assert_eq!(names(text), None, "{text}");
        }
        assert_eq!(Pattern::literal("KeyError: x").names_exception(), None, "of a whole text");
    }

    #[test]
    fn a_pattern_is_opened_once() {
        let word = Pattern::read("a").open();
        assert_eq!(word.pieces(), ["", "a", ""]);
        assert_eq!(word.open(), word);
        assert_eq!(Pattern::read("*a").open_start(), Pattern::read("*a"));
        assert_eq!(Pattern::read("a").open_end(), Pattern::read("a*"));
        assert!(Pattern::read("").open().is_anything() && Pattern::read("***").is_anything());
        assert!(!Pattern::read("").is_anything());
    }
}
