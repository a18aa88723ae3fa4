//! A hasher for numbers that are hashes, or ids made of them.
//!
//! Owns how they are spread. Knows nothing of what is kept by them.

use std::hash::{BuildHasher, Hasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Spreads hashes anew with a seed of this process: whoever sends texts could choose them so that theirs meet.
#[derive(Clone)]
pub(super) struct Folding {
    seed: u64,
}

impl Default for Folding {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0_u8) | 1 }
    }
}

impl BuildHasher for Folding {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        self.clone()
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        self.seed = xxh3_64_with_seed(bytes, self.seed);
    }

    fn write_u64(&mut self, hash: u64) {
        let product = u128::from(hash ^ self.seed) * u128::from(self.seed);
        self.seed = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.seed
    }
}
