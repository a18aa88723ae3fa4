//! A bit for each event of a block.

/// As many bits as there are events.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    pub(super) fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    pub(super) fn all(len: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        if let Some(last) = bits.words.last_mut().filter(|_| !len.is_multiple_of(64)) {
            *last = (1 << (len % 64)) - 1;
        }
        bits
    }

    pub(super) fn of(len: usize, is_set: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self::none(len);
        for (place, word) in bits.words.iter_mut().enumerate() {
            let first = place * 64;
            let rows = (len - first).min(64);
            *word = (0..rows).fold(0, |bits, bit| bits | u64::from(is_set(first + bit)) << bit);
        }
        bits
    }

    pub(super) fn set(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    pub(super) fn has(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    pub(super) fn clear(&mut self, row: usize) {
        self.words[row / 64] &= !(1 << (row % 64));
    }

    pub(super) fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn and_not(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    pub(super) fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Leaves those set that `is_kept` takes.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(usize) -> bool) {
        for (place, word) in self.words.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                if !is_kept(place * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Sets those of `among` that `is_set`.
    pub(super) fn set_where(&mut self, among: &Self, is_set: impl Fn(usize) -> bool) {
        for (place, (word, among)) in self.words.iter_mut().zip(&among.words).enumerate() {
            let first = place * 64;
            if *among == u64::MAX {
                // All of a word, and nothing to decide on the way.
                *word |= (0..64).fold(0, |bits, bit| bits | u64::from(is_set(first + bit)) << bit);
                continue;
            }
            let mut left = *among;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                *word |= u64::from(is_set(first + bit)) << bit;
            }
        }
    }

    /// Those that are set, rising.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> {
        let words = self.words.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(place, word)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_sets(one in prop::collection::vec(any::<bool>(), 0..200), seed in any::<u64>()) {
            let len = one.len();
            let other: Vec<bool> = (0..len).map(|row| seed >> (row % 64) & 1 == 1).collect();
            let (a, b) = (Bits::of(len, |row| one[row]), Bits::of(len, |row| other[row]));
            let rows = |bits: &Bits| bits.iter().collect::<Vec<_>>();
            let expected = |is: &dyn Fn(usize) -> bool| (0..len).filter(|row| is(*row)).collect::<Vec<_>>();
            let with = |change: fn(&mut Bits, &Bits)| { let mut bits = a.clone(); change(&mut bits, &b); bits };
            prop_assert_eq!(rows(&with(Bits::and)), expected(&|row| one[row] && other[row]));
            prop_assert_eq!(rows(&with(Bits::and_not)), expected(&|row| one[row] && !other[row]));
            prop_assert_eq!(rows(&with(Bits::or)), expected(&|row| one[row] || other[row]));
            prop_assert_eq!(a.count(), rows(&a).len());
            prop_assert_eq!(Bits::all(len).count(), len);
            let mut set = b.clone();
            set.set_where(&a, |row| row % 3 == 0);
            prop_assert_eq!(rows(&set), expected(&|row| other[row] || one[row] && row % 3 == 0));
            let mut set = Bits::none(len);
            set.set_where(&Bits::all(len), |row| one[row]);
            prop_assert_eq!(&set, &a);
            prop_assert_eq!(a.iter().rev().collect::<Vec<_>>(), rows(&a).into_iter().rev().collect::<Vec<_>>());
            let mut kept = Bits::all(len);
            kept.retain(|row| one[row]);
            prop_assert_eq!(kept.is_empty(), a.is_empty());
            prop_assert_eq!(kept, a);
        }
    }
}
