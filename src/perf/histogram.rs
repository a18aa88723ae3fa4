//! How durations are spread, in fixed buckets: any two histograms add up to that of both, whoever made them and when.
//!
//! Eight buckets to each doubling, from 1 microsecond to 19 hours, so that a percentile read from one is off by
//! [`ERROR_MAX`] at most, and never below the shortest or above the longest there was. Few durations are kept as they are,
//! and their percentiles are those of the durations. Kept as pairs of numbers for the buckets that hold something, or as
//! steps from one duration to the next: a minute of one endpoint is some tens of bytes. The buckets are part of what is
//! stored and never change.

/// Buckets of one doubling, as a power of two.
const SUB_BITS: u32 = 3;
const SUB: u64 = 1 << SUB_BITS;
/// Longest duration told apart, in microseconds; what is longer counts as this.
const LONGEST_US: u64 = (1 << 36) - 1;
/// How far a percentile that is read from buckets can be off: half of the width of a bucket, as a part of its start.
pub const ERROR_MAX: f64 = 1.0 / (2 * SUB) as f64;
/// Durations kept as they are at rest; more are kept as buckets, which are no larger then.
const KEPT_MAX: usize = 32;
/// Durations told apart where many rows are added up: those of a quiet endpoint's day.
const TOLD_MAX: usize = 256;
/// Buckets in all.
const BUCKETS: usize = bucket_of_us(LONGEST_US) + 1;

/// Counts by bucket; most are empty, so those that are not are listed in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<(u16, u64)>,
    /// All of them in rising order, or none when there are too many.
    values: Vec<u64>,
    /// None was shorter than the first nor longer than the second; nothing was counted without.
    range: Option<(u64, u64)>,
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
        if self.is_exact() && self.values.len() < TOLD_MAX {
            let place = self.values.partition_point(|known| *known <= duration_us);
            self.values.insert(place, duration_us);
        } else {
            self.values.clear();
        }
        self.add_many(bucket_of_us(duration_us.min(LONGEST_US)) as u16, 1);
        self.widen(Some((duration_us, duration_us)));
    }

    fn widen(&mut self, by: Option<(u64, u64)>) {
        self.range = match (self.range, by) {
            (Some((least, most)), Some((low, high))) => Some((least.min(low), most.max(high))),
            (one, other) => one.or(other),
        };
    }

    fn add_many(&mut self, bucket: u16, count: u64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(count),
            Err(place) => self.counts.insert(place, (bucket, count)),
        }
    }

    pub fn merge(&mut self, other: &Self) {
        if self.is_exact() && other.is_exact() && self.values.len() + other.values.len() <= TOLD_MAX {
            self.values.extend(&other.values);
            self.values.sort_unstable();
        } else {
            self.values.clear();
        }
        self.widen(other.range);
        for (bucket, count) in &other.counts {
            self.add_many(*bucket, *count);
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Every duration is known, so that percentiles are no estimates.
    pub fn is_exact(&self) -> bool {
        self.values.len() as u64 == self.count()
    }

    /// None is longer than this: what was counted before the longest was kept.
    pub(super) fn is_within_us(&mut self, most_us: u64) {
        if let Some((least, most)) = self.range {
            self.range = Some((least.min(most_us), most.min(most_us)));
        }
    }

    /// The duration that this share of all does not exceed, in microseconds: the middle of its bucket where not all are
    /// known.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).max(1);
        if self.is_exact() {
            return self.values.get(usize::try_from(rank - 1).ok()?).copied();
        }
        let mut seen = 0_u64;
        for (bucket, count) in &self.counts {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                let middle = middle_of_bucket(usize::from(*bucket));
                return Some(self.range.map_or(middle, |(least, most)| middle.max(least).min(most)));
            }
        }
        None
    }

    /// How many were no longer than this, of those that are all known.
    pub fn exact_within_us(&self, duration_us: u64) -> u64 {
        self.values.partition_point(|known| *known <= duration_us) as u64
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

    /// Twice the number of durations and one, then the steps from each to the next; or twice the number of buckets, then for
    /// each the distance from the one before and its count, then the shortest and how much longer the longest was.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.is_exact() && self.values.len() <= KEPT_MAX {
            write_varint(out, (self.values.len() as u64) << 1 | 1);
            let mut last = 0;
            for value in &self.values {
                write_varint(out, value - last);
                last = *value;
            }
            return;
        }
        write_varint(out, (self.counts.len() as u64) << 1);
        let mut last = 0;
        for (bucket, count) in &self.counts {
            write_varint(out, u64::from(*bucket - last));
            write_varint(out, *count);
            last = *bucket;
        }
        let (least, most) = self.range.unwrap_or_default();
        write_varint(out, least);
        write_varint(out, most - least);
    }

    /// The inverse of [`Self::write`]. `None` for bytes of something else.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let head = read_varint(bytes)?;
        if head & 1 == 0 {
            let mut read = Self::read_buckets(bytes, head >> 1)?;
            let least = read_varint(bytes)?;
            let most = least.checked_add(read_varint(bytes)?)?;
            read.range = (!read.counts.is_empty()).then_some((least, most));
            return Some(read);
        }
        let len = usize::try_from(head >> 1).ok().filter(|len| *len <= KEPT_MAX)?;
        let mut read = Self::default();
        let mut last = 0_u64;
        for _ in 0..len {
            last = last.checked_add(read_varint(bytes)?)?;
            read.add(last);
        }
        Some(read)
    }

    /// As buckets alone were kept at first; the shortest and the longest are only known as well as their buckets tell.
    pub(super) fn read_first_format(bytes: &mut &[u8]) -> Option<Self> {
        let len = read_varint(bytes)?;
        Self::read_buckets(bytes, len)
    }

    fn read_buckets(bytes: &mut &[u8], len: u64) -> Option<Self> {
        let len = usize::try_from(len).ok().filter(|len| *len <= BUCKETS)?;
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
        let range = counts.first().zip(counts.last()).map(|((low, _), (high, _))| {
            let most =
                if usize::from(*high) + 1 == BUCKETS { u64::MAX } else { start_of_bucket(usize::from(*high) + 1) - 1 };
            (start_of_bucket(usize::from(*low)), most)
        });
        Some(Self { counts, values: Vec::new(), range })
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
    fn a_percentile_is_never_outside_of_what_was_measured() {
        // One request of 10 s, which is 9.96 s in the middle of its bucket.
        assert_eq!(of(&[10_000_000]).quantile_us(0.5), Some(10_000_000));
        let many: Vec<u64> = (0..TOLD_MAX as u64 + 1).map(|_| 212_000).collect();
        let mut histogram = of(&many);
        assert!(!histogram.is_exact());
        assert_eq!(histogram.quantile_us(0.99), Some(212_000));
        histogram.add(1_999_000);
        assert_eq!(histogram.quantile_us(1.0), Some(1_999_000));
        // The same after it was kept, where fewer are known.
        let mut bytes = Vec::new();
        histogram.write(&mut bytes);
        let read = Histogram::read(&mut bytes.as_slice()).unwrap();
        assert_eq!((read.quantile_us(0.5), read.quantile_us(1.0)), (Some(212_000), Some(1_999_000)));
    }

    #[test]
    fn percentiles_of_few_are_exact_also_when_they_come_from_many_rows() {
        let mut all = Histogram::default();
        for minute in 0..5_u64 {
            let mut bytes = Vec::new();
            of(&(1..=20).map(|n| (minute * 20 + n) * 1_000).collect::<Vec<_>>()).write(&mut bytes);
            all.merge(&Histogram::read(&mut bytes.as_slice()).unwrap());
        }
        assert!(all.is_exact());
        let found = [0.5, 0.95, 0.99].map(|share| all.quantile_us(share).unwrap());
        assert_eq!(found, [50_000, 95_000, 99_000]);
        assert_eq!(all.exact_within_us(50_000), 50);
    }

    #[test]
    fn buckets_kept_before_the_durations_were_are_read() {
        let mut bytes = vec![2];
        for number in [bucket_of_us(212_000) as u64, 3, 4, 1] {
            write_varint(&mut bytes, number);
        }
        let mut read = Histogram::read_first_format(&mut bytes.as_slice()).unwrap();
        assert_eq!((read.count(), read.is_exact()), (4, false));
        read.is_within_us(270_000);
        assert_eq!(read.quantile_us(1.0), Some(270_000));
        assert!(read.quantile_us(0.0).unwrap() <= 212_000 * 17 / 16);
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
        fn a_percentile_is_off_by_no_more_than_it_says(mut durations in prop::collection::vec(0..LONGEST_US, 1..80), share in 0.0..1.0) {
            let found = of(&durations).quantile_us(share).unwrap() as f64;
            let kept = Histogram { values: Vec::new(), ..of(&durations) }.quantile_us(share).unwrap() as f64;
            durations.sort_unstable();
            let rank = ((share * durations.len() as f64).ceil() as usize).max(1);
            let exact = durations[rank - 1] as f64;
            prop_assert!((kept - exact).abs() <= exact * ERROR_MAX + 1.0, "{} for {}", kept, exact);
            prop_assert_eq!(found, exact);
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
            let found = Histogram::read(&mut read).unwrap();
            prop_assert_eq!(found.is_exact(), durations.len() <= KEPT_MAX);
            prop_assert_eq!(&found.counts, &histogram.counts);
            prop_assert_eq!(found.range, histogram.range);
            prop_assert!(found.values.is_empty() || found.values == histogram.values);
            prop_assert!(read.is_empty());
            for end in 0..bytes.len() {
                prop_assert_eq!(Histogram::read(&mut &bytes[..end]), None);
            }
            let _ = Histogram::read(&mut noise.as_slice());
            let _ = Histogram::read_first_format(&mut noise.as_slice());
        }
    }
}
