//! Which texts and attributes a chunk may hold: a bloom filter in bytes that say themselves how they are read.
//!
//! Owns the hashes, the bits and how a text is taken apart. Knows nothing of chunks. A filter may say "maybe" of what is
//! not there, about once in a hundred times; it never says "no" of what is, whatever its bytes are.
//!
//! A part of a text is looked for by its pieces: four letters, and one in four of the pieces of six that have a digit. Over a
//! million log lines that is 1.2 bytes a line; a rare word opens the chunks it is in and no other. Tokens alone would be
//! smaller and useless: the first and the last word of what is looked for may be parts of longer ones.
//!
//! The format is frozen: filters made years ago answer what is asked today.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::folding::Folding;
use crate::config::BLOOM_BYTES_MAX;

/// First byte of a filter; the second is the number of bits of an item (0: too full to say anything), the rest the bits.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 2;

/// Bits for each item: one wrong "maybe" in a hundred.
const BITS_PER_ITEM: f64 = 9.6;
/// With fewer bits than this for each item two answers of five would be wrong, and the filter is left away.
const BITS_PER_ITEM_MIN: f64 = 2.0;
/// Items a filter can hold at all.
const ITEMS_MAX: usize = (BLOOM_BYTES_MAX as f64 * 8.0 / BITS_PER_ITEM_MIN) as usize;

// Items of different kinds have nothing to do with each other.
const PAIR_SEED: u64 = 1;
const TOKEN_SEED: u64 = 2;
const GRAM_SEED: u64 = 3;
const ID_SEED: u64 = 4;

/// Letters that follow each other: long enough to tell words apart, short enough for words of four letters.
const WORD_GRAM_CHARS: usize = 4;
/// Of what has digits in it, longer pieces: every four of them occur among a few thousand numbers.
const NUMBER_GRAM_CHARS: usize = 6;
/// One in so many of them: numbers and ids repeat nowhere, and whole they would be most of a filter.
const NUMBER_GRAMS_LEFT_OUT: u64 = 4;
/// Whole tokens, in characters. Shorter ones are everywhere, longer ones are found by their pieces.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 3..=64;

/// Collects what a filter is to know.
pub(super) struct BloomBuilder {
    hashes: HashSet<u64, Folding>,
    is_full: bool,
}

impl BloomBuilder {
    /// More or fewer items than expected cost nothing but time.
    pub(super) fn new(expected_items: usize) -> Self {
        let hashes = HashSet::with_capacity_and_hasher(expected_items.min(ITEMS_MAX), Folding::default());
        Self { hashes, is_full: false }
    }

    /// An attribute and its value as text.
    pub(super) fn insert(&mut self, key: &str, value: &str) {
        self.insert_hash(pair_hash(key, value));
    }

    /// The bytes of an id.
    pub(super) fn insert_id(&mut self, id: &[u8]) {
        self.insert_hash(xxh3_64_with_seed(id, ID_SEED));
    }

    /// A text that parts of are looked for, lower-cased as those will be.
    pub(super) fn insert_text(&mut self, lower: &str) {
        take_apart(lower, false, |hash| self.insert_hash(hash));
    }

    fn insert_hash(&mut self, hash: u64) {
        if !self.is_full {
            self.hashes.insert(hash);
            self.is_full = self.hashes.len() > ITEMS_MAX;
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        if self.is_full {
            return vec![VERSION, 0];
        }
        let items = self.hashes.len().max(1) as f64;
        let bytes = ((items * BITS_PER_ITEM / 8.0).ceil() as usize).clamp(8, BLOOM_BYTES_MAX);
        let bits_per_item = (bytes * 8) as f64 / items;
        // The number of bits that gives the fewest wrong answers is ln 2 of those there are for each item.
        let probes = (bits_per_item * std::f64::consts::LN_2).round().clamp(1.0, 7.0) as u8;
        let mut filter = vec![0; HEADER_BYTES + bytes];
        filter[0] = VERSION;
        filter[1] = probes;
        let bits = &mut filter[HEADER_BYTES..];
        for hash in self.hashes {
            for place in places(hash, probes, bytes) {
                bits[place / 8] |= 1 << (place % 8);
            }
        }
        filter
    }
}

/// Whether an attribute with this value may be there.
pub(super) fn contains(filter: &[u8], key: &str, value: &str) -> bool {
    contains_hash(filter, pair_hash(key, value))
}

/// Whether an id may be there.
pub(super) fn contains_id(filter: &[u8], id: &[u8]) -> bool {
    contains_hash(filter, xxh3_64_with_seed(id, ID_SEED))
}

/// What must be in a filter for a text to be part of one of its texts.
pub(super) struct TextPart {
    hashes: Vec<u64>,
}

impl TextPart {
    pub(super) fn new(lower: &str) -> Self {
        let mut hashes = Vec::new();
        take_apart(lower, true, |hash| hashes.push(hash));
        Self { hashes }
    }

    pub(super) fn may_be_in(&self, filter: &[u8]) -> bool {
        self.hashes.iter().all(|hash| contains_hash(filter, *hash))
    }
}

fn contains_hash(filter: &[u8], hash: u64) -> bool {
    match filter {
        [VERSION, probes, bits @ ..] if *probes > 0 && !bits.is_empty() => {
            places(hash, *probes, bits.len()).all(|place| bits[place / 8] & (1 << (place % 8)) != 0)
        }
        _ => true,
    }
}

/// The bits of an item.
fn places(hash: u64, probes: u8, bytes: usize) -> impl Iterator<Item = usize> {
    let bits = bytes as u128 * 8;
    let step = hash.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..u64::from(probes)).map(move |probe| {
        let at = hash.wrapping_add(probe.wrapping_mul(step));
        ((u128::from(at) * bits) >> 64) as usize
    })
}

fn pair_hash(key: &str, value: &str) -> u64 {
    xxh3_64_with_seed(value.as_bytes(), xxh3_64_with_seed(key.as_bytes(), PAIR_SEED))
}

fn token_hash(token: &str) -> u64 {
    xxh3_64_with_seed(token.as_bytes(), TOKEN_SEED)
}

/// Gives the pieces of a lower-cased text: its tokens (letters and digits without anything between them), and pieces of
/// those. Of a part of another text, only what the other must have as well: its first and last token may be longer there.
fn take_apart(lower: &str, is_part: bool, mut give: impl FnMut(u64)) {
    let mut start = 0;
    while start < lower.len() {
        let rest = &lower[start..];
        let token = &rest[..rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(rest.len())];
        let end = start + token.len();
        if !token.is_empty() {
            let may_be_longer = is_part && (start == 0 || end == lower.len());
            take_token_apart(token, may_be_longer, &mut give);
        }
        // Past the character that ended it.
        start = end + lower[end..].chars().next().map_or(1, char::len_utf8);
    }
}

fn take_token_apart(token: &str, may_be_longer: bool, give: &mut impl FnMut(u64)) {
    let mut chars = 0;
    // Where the last few characters begin, the newest in front.
    let mut starts = [0; NUMBER_GRAM_CHARS];
    let mut since_digit = usize::MAX;
    for (start, char) in token.char_indices() {
        chars += 1;
        starts.rotate_right(1);
        starts[0] = start;
        since_digit = if char.is_numeric() { 0 } else { since_digit.saturating_add(1) };
        let end = start + char.len_utf8();
        if chars >= WORD_GRAM_CHARS && since_digit >= WORD_GRAM_CHARS {
            give(xxh3_64_with_seed(&token.as_bytes()[starts[WORD_GRAM_CHARS - 1]..end], GRAM_SEED));
        }
        if chars >= NUMBER_GRAM_CHARS && since_digit < NUMBER_GRAM_CHARS {
            let hash = xxh3_64_with_seed(&token.as_bytes()[starts[NUMBER_GRAM_CHARS - 1]..end], GRAM_SEED);
            if hash.is_multiple_of(NUMBER_GRAMS_LEFT_OUT) {
                give(hash);
            }
        }
    }
    if !may_be_longer && TOKEN_CHARS.contains(&chars) {
        give(token_hash(token));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter_of(texts: &[&str]) -> Vec<u8> {
        let mut builder = BloomBuilder::new(8);
        texts.iter().for_each(|text| builder.insert_text(&text.to_lowercase()));
        builder.finish()
    }

    fn may_hold(filter: &[u8], part: &str) -> bool {
        TextPart::new(&part.to_lowercase()).may_be_in(filter)
    }

    /// Filters on disk are made of these hashes and bits: this never changes.
    #[test]
    fn the_format_is_frozen() {
        let mut builder = BloomBuilder::new(4);
        builder.insert("http.method", "GET");
        builder.insert_text("order 123456789 naïvely shipped");
        builder.insert_id(&[7; 16]);
        let hex: String = builder.finish().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0107ca846fb5a9334e4e10072c9fdab04ea3257fc1f2");
    }

    #[test]
    fn what_was_put_in_is_there_and_hardly_anything_else() {
        let mut builder = BloomBuilder::new(0);
        for number in 0..20_000 {
            builder.insert("order", &number.to_string());
            builder.insert_id(&i32::to_le_bytes(number));
        }
        let filter = builder.finish();
        assert_eq!(filter.len(), HEADER_BYTES + 48_000);
        for number in 0..20_000 {
            assert!(contains(&filter, "order", &number.to_string()) && contains_id(&filter, &i32::to_le_bytes(number)));
        }
        let wrong = (20_000..60_000).filter(|number| contains(&filter, "order", &number.to_string())).count();
        assert!((200..600).contains(&wrong), "about 1 % of 40,000, not {wrong}");
        assert!(!contains(&filter, "orde", "r1"));
    }

    #[test]
    fn too_many_items_make_it_less_sure_and_then_silent() {
        let filled = |items: usize| {
            let mut builder = BloomBuilder::new(items);
            (0..items).for_each(|number| builder.insert("n", &number.to_string()));
            builder.finish()
        };
        let crowded = filled(ITEMS_MAX / 2);
        assert_eq!(crowded.len(), HEADER_BYTES + BLOOM_BYTES_MAX);
        let wrong = (0..1_000).filter(|number| contains(&crowded, "other", &number.to_string())).count();
        assert!((50..300).contains(&wrong), "4 bits an item are wrong in 15 % of cases, not {wrong} of 1000");
        let full = filled(ITEMS_MAX + 1);
        assert_eq!(full, [VERSION, 0]);
        assert!(contains(&full, "other", "1") && may_hold(&full, "anything"));
    }

    #[test]
    fn nothing_is_in_an_empty_filter_and_everything_in_unknown_bytes() {
        let empty = BloomBuilder::new(0).finish();
        assert!(!contains(&empty, "a", "b") && !may_hold(&empty, "words"));
        for unknown in [&b""[..], &[VERSION], &[VERSION, 3], &[9, 3, 0, 0], &[0; 40]] {
            assert!(contains(unknown, "a", "b") && may_hold(unknown, "words"), "{unknown:?}");
        }
    }

    #[test]
    fn parts_of_texts_are_found_and_others_ruled_out() {
        let filter = filter_of(&["Payment 4711 of order 8f3a21bc-99d2 TIMED OUT after 3000ms: ConnectionResetError"]);
        for part in ["timed out", "ResetErr", "4711 of", "4711", "a21bc-99d2 t", "ms: connection", "of", "", " ", "00m"]
        {
            assert!(may_hold(&filter, part), "{part}");
        }
        for part in ["refund", "connectionrefused", "order 4712 of", "payment xyz order"] {
            assert!(!may_hold(&filter, part), "{part}");
        }
    }

    proptest! {
        #[test]
        fn no_part_of_a_text_is_ever_denied(
            text in "[a-zA-Z0-9 _.:/ßΣİéあ字-]{0,80}", from in 0..80_usize, chars in 0..40_usize,
        ) {
            let lower = text.to_lowercase();
            let part: String = lower.chars().skip(from).take(chars).collect();
            let filter = filter_of(&["something else", &text]);
            prop_assert!(TextPart::new(&part).may_be_in(&filter), "{:?} of {:?}", part, lower);
        }

        #[test]
        fn any_bytes_can_be_asked(bytes in prop::collection::vec(any::<u8>(), 0..40), part in "\\PC{0,12}") {
            let _ = contains(&bytes, &part, &part);
            let _ = may_hold(&bytes, &part);
        }
    }
}
