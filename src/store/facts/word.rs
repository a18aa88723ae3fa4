//! Looks for a word in a long ASCII text, whatever the case of its letters, without a copy of the text in lower case.
//!
//! Owns how much of the text is made lower-cased at a time. Knows nothing of columns.

use memchr::memmem::Finder;

/// So much stays in the nearest memory: making it costs about what looking through it costs.
const PART_BYTES: usize = 8 << 10;

/// Calls `found` with each place where `lower`, which is lower-cased and not empty, begins in `text`; it says where to go on
/// from.
pub(super) fn find_each(text: &[u8], lower: &str, mut found: impl FnMut(usize) -> usize) {
    let finder = Finder::new(lower);
    // A word over the end of a part begins the next one.
    let mut part = vec![0; PART_BYTES.max(lower.len() * 2)];
    let mut from = 0;
    while text.len().saturating_sub(from) >= lower.len() {
        let length = part.len().min(text.len() - from);
        let part = &mut part[..length];
        part.copy_from_slice(&text[from..from + length]);
        part.make_ascii_lowercase();
        let mut at = 0;
        while let Some(here) = part.get(at..).and_then(|rest| finder.find(rest)) {
            at = found(from + at + here).max(from + at + here + 1) - from;
        }
        from += at.max(length + 1 - lower.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(text: &str, word: &str, step: usize) -> Vec<usize> {
        let mut found = Vec::new();
        find_each(text.as_bytes(), word, |at| {
            found.push(at);
            at + step
        });
        found
    }

    #[test]
    fn every_place_is_found() {
        assert_eq!(places("xABABAx aba", "aba", 1), [1, 3, 8]);
        assert_eq!(places("xABABAx aba", "aba", 3), [1, 8]);
        assert_eq!(places("aba", "aba", 99), [0]);
        assert_eq!(places("ab", "aba", 1).len() + places("", "a", 1).len(), 0);
    }

    #[test]
    fn a_word_may_lie_over_the_end_of_a_part() {
        for before in PART_BYTES - 9..PART_BYTES + 3 {
            let text = format!("{}VOUCHER{}voucher", "x".repeat(before), "y".repeat(PART_BYTES));
            assert_eq!(places(&text, "voucher", 1), [before, before + 7 + PART_BYTES], "{before}");
        }
        let long = "ab".repeat(PART_BYTES);
        assert_eq!(places(&format!("x{}", long.to_uppercase()), &long, 1), [1]);
    }

    proptest! {
        #[test]
        fn it_finds_what_the_library_finds(text in "[aAbB_ 1]{0,40}", word in "[ab_1]{1,4}") {
            let lower = text.to_ascii_lowercase();
            let expected: Vec<usize> = (0..lower.len()).filter(|at| lower[*at..].starts_with(&word)).collect();
            prop_assert_eq!(places(&text, &word, 1), expected);
        }
    }
}
