//! Looks for a word in a long ASCII text, whatever the case of its letters, without a copy of the text in lower case.
//!
//! Owns which of the word's letters is looked for first: the one that texts like these have least of. Knows nothing of
//! columns.

/// Letters as frequent as they are in names of code, paths and English, the rarest first. What is not here is rarer.
const FREQUENT: &[u8] = b"zjqxkwvybgh0fmdpu2c13l_n.is/ort ae";

/// A lower-cased ASCII word, made ready.
pub(super) struct Word<'w> {
    lower: &'w [u8],
    /// Where its rarest letter stands, and that letter both ways.
    rarest: usize,
    letters: [u8; 2],
    /// Where the next rarest one stands, which most of those that have the first are refused by.
    second: usize,
}

impl<'w> Word<'w> {
    /// `None` for the empty word and for what is not ASCII.
    pub(super) fn new(lower: &'w str) -> Option<Self> {
        let bytes = lower.as_bytes();
        let rank = |place: &usize| FREQUENT.iter().position(|letter| *letter == bytes[*place]).map_or(0, |at| at + 1);
        let rarest = (0..bytes.len()).min_by_key(rank)?;
        let second = (0..bytes.len()).filter(|place| *place != rarest).min_by_key(rank).unwrap_or(rarest);
        let letters = [bytes[rarest], bytes[rarest].to_ascii_uppercase()];
        lower.is_ascii().then_some(Self { lower: bytes, rarest, letters, second })
    }

    /// Where it begins in `text` at or behind `from`.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from.checked_add(self.rarest)?;
        loop {
            let rest = text.get(at..)?;
            let found = match self.letters {
                [only, other] if only == other => memchr::memchr(only, rest),
                [lower, upper] => memchr::memchr2(lower, upper, rest),
            };
            at += found?;
            let begin = at - self.rarest;
            let there = text.get(begin..begin + self.lower.len())?;
            if there[self.second].to_ascii_lowercase() == self.lower[self.second]
                && there.eq_ignore_ascii_case(self.lower)
            {
                return Some(begin);
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_rarest_letter_is_looked_for() {
        let rarest = |word| Word::new(word).map(|word| char::from(word.letters[0]));
        assert_eq!(["voucher", "services.py", "a=b", "42"].map(rarest), [Some('v'), Some('v'), Some('='), Some('4')]);
        assert!(Word::new("").is_none() && Word::new("é").is_none());
    }

    #[test]
    fn every_place_is_found() {
        let word = Word::new("aba").expect("a word");
        let text = b"xABABAx aba";
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = word.find(text, from) {
            found.push(at);
            from = at + 1;
        }
        assert_eq!(found, [1, 3, 8]);
        assert_eq!(word.find(b"ab", 0), None);
        assert_eq!(word.find(text, 99), None);
    }

    proptest! {
        #[test]
        fn it_finds_what_the_library_finds(text in "[aAbB_ 1]{0,40}", word in "[ab_1]{1,4}", from in 0_usize..8) {
            let lower = text.to_ascii_lowercase();
            let expected = lower.get(from..).and_then(|rest| rest.find(&word)).map(|at| at + from);
            prop_assert_eq!(Word::new(&word).expect("a word").find(text.as_bytes(), from), expected);
        }
    }
}
