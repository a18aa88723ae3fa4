//! Patterns with `*` and `?`, as filters are written.
//!
//! Ignores case, matches whole texts, and never takes longer than pattern times text.

use crate::config::FILTER_TEXT_CHARS_MAX;

/// One pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<char>);

impl Glob {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.trim().chars().flat_map(char::to_lowercase).collect())
    }

    /// Longer texts are matched by their beginning.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().take(FILTER_TEXT_CHARS_MAX).flat_map(char::to_lowercase).collect();
        let pattern = &self.0;
        let (mut at, mut place) = (0, 0);
        // Where the last star stands, and how far its text reaches so far.
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match pattern.get(place) {
                Some('*') => {
                    star = Some((place, at));
                    place += 1;
                }
                Some(c) if *c == '?' || *c == text[at] => {
                    place += 1;
                    at += 1;
                }
                _ => {
                    let Some((star_place, reach)) = star else { return false };
                    star = Some((star_place, reach + 1));
                    place = star_place + 1;
                    at = reach + 1;
                }
            }
        }
        pattern[place..].iter().all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_texts_and_characters() {
        let cases = [
            ("*", "", true),
            ("*", "anything", true),
            ("ConnectionError*", "ConnectionError: reset", true),
            ("connectionerror*", "ConnectionError", true),
            ("ConnectionError", "ConnectionError: reset", false),
            ("*timed out*", "Timeout: read timed out after 3 s", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("1.2.?", "1.2.3", true),
            ("1.2.?", "1.2.10", false),
            ("größe*", "GRÖSSE", false),
            ("GRÖßE*", "größe 7", true),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_stars_is_no_trap() {
        assert!(!Glob::new(&"*a".repeat(100)).matches(&"b".repeat(1_000_000)));
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_between_stars(text in "[a-z]{0,20}", before in "[a-z]{0,9}", after in "[a-z]{0,9}") {
            let sandwich = format!("{before}{text}{after}");
            let pattern = format!("*{text}*");
            prop_assert!(Glob::new(&pattern).matches(&sandwich), "{} {}", pattern, sandwich);
            prop_assert!(Glob::new(&text).matches(&text));
        }
    }
}
