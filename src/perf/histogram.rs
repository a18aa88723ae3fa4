//! How durations are spread, in fixed buckets: any two histograms add up to that of both, whoever made them and when.
//!
//! Eight buckets to each doubling, from 1 microsecond to 19 hours, so that a percentile read from one is off by 6 % at
//! most. Kept as pairs of numbers for the buckets that hold something: a minute of one endpoint is some tens of bytes.
//! The buckets are part of what is stored and never change.

/// Buckets of one doubling, as a power of two.
const SUB_BITS: u32 = 3;
const SUB: u64 = 1 << SUB_BITS;
/// Longest duration told apart, in microseconds; what is longer counts as this.
const LONGEST_US: u64 = (1 << 36) - 1;
/// Buckets in all.
const BUCKETS: usize = bucket_of_us(LONGEST_US) + 1;

/// Counts by bucket; most are empty, so those that are not are listed in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<(u16, u64)>,
}

/// Below 8 microseconds a bucket each, above that eight to a doubling.
const fn bucket_of_us(us: u64) -> usize {
    if us < SUB {
        return us as usize;
    }
    let exponent = 63 - us.leading_zeros();
    let shift = exponent - SUB_BITS;
    ((shift as u64 + 1) * SUB + ((us >> shift) - SUB)) as usize
}

/// The shortest duration of a bucket, in microseconds.
const fn start_of_bucket(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SUB {
        return bucket;
    }
    let shift = bucket / SUB - 1;
    (SUB + bucket % SUB) << shift
}

impl Histogram {
    pub fn add(&mut self, duration_us: u64) {
        self.add_many(bucket_of_us(duration_us.min(LONGEST_US)) as u16, 1);
    }

    fn add_many(&mut self, bucket: u16, count: u64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(count),
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            self.add_many(*bucket, *count);
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The duration that this share of all does not exceed, in microseconds: the middle of its bucket.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).max(1);
        let mut seen = 0_u64;
        for (bucket, count) in &self.counts {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return Some(middle_of_bucket(usize::from(*bucket)));
            }
        }
        None
    }

    /// How many were no longer than this, to the precision of a bucket: one counts when its middle is.
    pub fn count_within_us(&self, duration_us: u64) -> u64 {
        let within = self.counts.iter().take_while(|(bucket, _)| middle_of_bucket(usize::from(*bucket)) <= duration_us);
        within.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Shortest and longest duration of each bucket that holds something, in microseconds, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.counts.iter().map(|(bucket, count)| {
            let bucket = usize::from(*bucket);
            (start_of_bucket(bucket), start_of_bucket(bucket + 1), *count)
        })
    }

    /// Number of buckets, then for each the distance from the one before and its count.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_varint(out, self.counts.len() as u64);
        let mut last = 0;
        for (bucket, count) in &self.counts {
            write_varint(out, u64::from(*bucket - last));
            write_varint(out, *count);
            last = *bucket;
        }
    }

    /// The inverse of [`Self::write`]. `None` for bytes of something else.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(read_varint(bytes)?).ok().filter(|len| *len <= BUCKETS)?;
        let mut counts: Vec<(u16, u64)> = Vec::with_capacity(len);
        let mut last = 0_u64;
        for n in 0..len {
            let step = read_varint(bytes)?;
            if n > 0 && step == 0 {
                return None;
            }
            last = last.checked_add(step).filter(|bucket| *bucket < BUCKETS as u64)?;
            counts.push((last as u16, read_varint(bytes)?));
        }
        Some(Self { counts })
    }
}

fn middle_of_bucket(bucket: usize) -> u64 {
    (start_of_bucket(bucket) + start_of_bucket(bucket + 1) - 1) / 2
}

pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        value |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        durations.iter().for_each(|us| histogram.add(*us));
        histogram
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for bucket in 1..=BUCKETS {
            let start = start_of_bucket(bucket);
            assert!(start > last, "{bucket}");
            assert_eq!(bucket_of_us(start - 1), bucket - 1);
            last = start;
        }
        assert_eq!(bucket_of_us(LONGEST_US), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_of_the_durations_that_were_counted() {
        let histogram = of(&(1..=1_000).map(|ms| ms * 1_000).collect::<Vec<_>>());
        for (share, exact) in [(0.5, 500_000.0), (0.95, 950_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let found = histogram.quantile_us(share).unwrap() as f64;
            assert!((found / exact - 1.0).abs() < 0.07, "{share}: {found}");
        }
        assert_eq!(Histogram::default().quantile_us(0.5), None);
        assert_eq!(of(&[3]).quantile_us(0.0), Some(3));
        assert_eq!(of(&[u64::MAX]).count(), 1);
        let within = histogram.count_within_us(500_000) as f64;
        assert!((within / 500.0 - 1.0).abs() < 0.07, "{within}");
    }

    #[test]
    fn a_minute_of_an_endpoint_is_small() {
        let mut bytes = Vec::new();
        of(&(0..1_000).map(|n| 20_000 + n * 40).collect::<Vec<_>>()).write(&mut bytes);
        assert!(bytes.len() < 60, "{}", bytes.len());
    }

    proptest! {
        #[test]
        fn merging_is_counting_all_in_any_order(
            one in prop::collection::vec(any::<u64>(), 0..60),
            two in prop::collection::vec(0..5_000_000_u64, 0..60),
            three in prop::collection::vec(0..50_u64, 0..60),
        ) {
            let all = of(&[one.clone(), two.clone(), three.clone()].concat());
            let mut forwards = of(&one);
            forwards.merge(&of(&two));
            forwards.merge(&of(&three));
            let mut backwards = of(&three);
            let mut rest = of(&two);
            rest.merge(&of(&one));
            backwards.merge(&rest);
            prop_assert_eq!(&forwards, &all);
            prop_assert_eq!(&backwards, &all);
            prop_assert_eq!(all.count() as usize, one.len() + two.len() + three.len());
        }

        #[test]
        fn a_percentile_is_off_by_no_more_than_a_bucket(mut durations in prop::collection::vec(0..LONGEST_US, 1..80), share in 0.0..1.0) {
            let found = of(&durations).quantile_us(share).unwrap() as f64;
            durations.sort_unstable();
            let rank = ((share * durations.len() as f64).ceil() as usize).max(1);
            let exact = durations[rank - 1] as f64;
            prop_assert!((found - exact).abs() <= exact / 8.0 + 1.0, "{} for {}", found, exact);
        }

        #[test]
        fn bytes_give_the_same_back_and_others_never_panic(
            durations in prop::collection::vec(any::<u64>(), 0..60),
            noise in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let histogram = of(&durations);
            let mut bytes = Vec::new();
            histogram.write(&mut bytes);
            let mut read = bytes.as_slice();
            prop_assert_eq!(Histogram::read(&mut read), Some(histogram));
            prop_assert!(read.is_empty());
            for end in 0..bytes.len() {
                prop_assert_eq!(Histogram::read(&mut &bytes[..end]), None);
            }
            let _ = Histogram::read(&mut noise.as_slice());
        }
    }
}
