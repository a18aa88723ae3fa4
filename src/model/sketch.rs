//! Distinct users as a mergeable sketch: exact up to a few hundred, then HyperLogLog.
//!
//! Knows only 64-bit hashes. The same bytes merge on any node, which is why a count is not simply stored.

/// Up to this many hashes are kept as they are; 256 of them cost 2 KiB, half of the registers.
const EXACT_MAX: usize = 256;
/// 2^12 registers of a byte: 4 KiB, standard error 1.6 %.
const PRECISION: u32 = 12;
const REGISTERS: usize = 1 << PRECISION;
/// Ranks are below this: a hash has 64 bits, of which [`PRECISION`] choose the register.
const RANKS: usize = 64;

const TAG_EXACT: u8 = 1;
const TAG_REGISTERS: u8 = 2;

/// A set of hashes whose size can be estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct UserSketch(Repr);

#[derive(Clone, Debug, PartialEq)]
enum Repr {
    /// Sorted, without duplicates.
    Exact(Vec<u64>),
    Registers(Box<[u8]>),
}

impl Default for UserSketch {
    fn default() -> Self {
        Self(Repr::Exact(Vec::new()))
    }
}

impl UserSketch {
    /// Adds a hash; `true` when the sketch changed and must be written again.
    pub fn insert(&mut self, hash: u64) -> bool {
        match &mut self.0 {
            Repr::Exact(hashes) => {
                let Err(place) = hashes.binary_search(&hash) else { return false };
                hashes.insert(place, hash);
                if hashes.len() > EXACT_MAX {
                    let mut registers = vec![0; REGISTERS].into_boxed_slice();
                    for hash in hashes.iter() {
                        set_register(&mut registers, *hash);
                    }
                    self.0 = Repr::Registers(registers);
                }
                true
            }
            Repr::Registers(registers) => set_register(registers, hash),
        }
    }

    /// Adds everything that is in another sketch: the same as if its hashes had been inserted here.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Repr::Exact(hashes)) => {
                for hash in hashes {
                    self.insert(*hash);
                }
            }
            (Repr::Registers(registers), Repr::Registers(others)) => {
                for (register, other) in registers.iter_mut().zip(others) {
                    *register = (*register).max(*other);
                }
            }
            (Repr::Exact(hashes), Repr::Registers(others)) => {
                let mut registers = others.clone();
                for hash in hashes.iter() {
                    set_register(&mut registers, *hash);
                }
                self.0 = Repr::Registers(registers);
            }
        }
    }

    /// The number of distinct hashes, exact while small.
    pub fn estimate(&self) -> u64 {
        match &self.0 {
            Repr::Exact(hashes) => hashes.len() as u64,
            Repr::Registers(registers) => estimate(registers),
        }
    }

    /// Tag byte, then hashes (little endian) or registers.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Repr::Exact(hashes) => {
                let mut out = Vec::with_capacity(1 + hashes.len() * 8);
                out.push(TAG_EXACT);
                for hash in hashes {
                    out.extend_from_slice(&hash.to_le_bytes());
                }
                out
            }
            Repr::Registers(registers) => {
                let mut out = Vec::with_capacity(1 + REGISTERS);
                out.push(TAG_REGISTERS);
                out.extend_from_slice(registers);
                out
            }
        }
    }

    /// `None` for bytes that [`UserSketch::to_bytes`] did not write.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        match *tag {
            TAG_EXACT if rest.len() % 8 == 0 && rest.len() / 8 <= EXACT_MAX => {
                let mut hashes: Vec<u64> =
                    rest.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
                hashes.sort_unstable();
                hashes.dedup();
                Some(Self(Repr::Exact(hashes)))
            }
            TAG_REGISTERS if rest.len() == REGISTERS => Some(Self(Repr::Registers(rest.into()))),
            _ => None,
        }
    }
}

fn set_register(registers: &mut [u8], hash: u64) -> bool {
    let index = (hash >> (64 - PRECISION)) as usize;
    // The remaining bits, with a stop bit so that the rank of an all-zero rest is bounded.
    let rank = ((hash << PRECISION) | (1 << (PRECISION - 1))).leading_zeros() as u8 + 1;
    let higher = registers[index] < rank;
    if higher {
        registers[index] = rank;
    }
    higher
}

fn estimate(registers: &[u8]) -> u64 {
    let m = REGISTERS as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / m);
    // Counted by rank first: few ranks occur, and the writer does this for every issue of every commit. In four tables,
    // because most registers hold the same few ranks and one counter would wait for itself.
    let mut by_rank = [[0_u32; RANKS]; 4];
    for four in registers.as_chunks::<4>().0 {
        for (table, rank) in by_rank.iter_mut().zip(four) {
            table[usize::from(*rank).min(RANKS - 1)] += 1;
        }
    }
    let count = |rank: usize| f64::from(by_rank.iter().map(|table| table[rank]).sum::<u32>());
    let mut sum = 0.0;
    let mut weight = 1.0;
    for rank in 0..RANKS {
        sum += count(rank) * weight;
        weight *= 0.5;
    }
    let raw = alpha * m * m / sum;
    let zeros = count(0);
    // Linear counting is the better estimate while many registers are still empty (Flajolet et al., 2007).
    let best = if raw <= 2.5 * m && zeros > 0.0 { m * (m / zeros).ln() } else { raw };
    best.round() as u64
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn sketch_of(count: u64) -> UserSketch {
        let mut sketch = UserSketch::default();
        for user in 0..count {
            sketch.insert(xxh3_64(&user.to_le_bytes()));
        }
        sketch
    }

    #[test]
    fn small_counts_are_exact_and_repeats_change_nothing() {
        let mut sketch = sketch_of(200);
        assert_eq!(sketch.estimate(), 200);
        assert!(!sketch.insert(xxh3_64(&7_u64.to_le_bytes())));
    }

    #[test]
    fn large_counts_are_within_five_percent() {
        for count in [257, 1_000, 10_000, 200_000] {
            let estimate = sketch_of(count).estimate();
            assert!(estimate.abs_diff(count) <= count / 20, "{estimate} for {count}");
        }
    }

    #[test]
    fn both_forms_survive_bytes() {
        for count in [0, 3, 256, 257, 5_000] {
            let sketch = sketch_of(count);
            assert_eq!(UserSketch::from_bytes(&sketch.to_bytes()), Some(sketch));
        }
    }

    #[test]
    fn merging_is_the_same_as_inserting_whatever_their_form() {
        for (first, second) in [(10, 20), (300, 20), (20, 300), (5_000, 9_000)] {
            let mut merged = sketch_of(first);
            merged.merge(&sketch_of(second));
            assert_eq!(merged, sketch_of(first.max(second)), "{first} and {second}");
        }
    }

    #[test]
    fn foreign_bytes_are_refused() {
        for bytes in [&[][..], &[9], &[1, 2], &[2, 0, 0]] {
            assert_eq!(UserSketch::from_bytes(bytes), None);
        }
    }
}
