//! Measurements counted by range: what percentiles are read from, of any client's own bounds.
//!
//! A bucket carries its bounds, so histograms of different clients merge: what overlaps is taken apart again when a
//! percentile is asked for. Knows no protocol and no encoding.

/// Values counted one by one fall into ranges that are this part of a power of two wide: 2^(1/8), nine percent.
pub const GRID_SCALE: i32 = 3;
/// Counts beyond it are not believed; floats hold whole numbers so far, and sums of some of them fit the database.
pub const COUNT_MAX: u64 = 1 << 53;

/// So many values above `low` and not above `high`; exactly that value when both are the same. The outermost ones may be
/// without end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Of 32 bits: nothing here is worth more digits, and it halves what is kept.
    pub low: f32,
    pub high: f32,
    pub count: u64,
}

impl Bucket {
    fn place(&self) -> (f32, f32) {
        (self.low, self.high)
    }

    fn holds(&self, other: &Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }
}

/// Sorted, none empty, none twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<Bucket>);

impl Buckets {
    pub fn of_value(value: f64) -> Self {
        let mut buckets = Self::default();
        buckets.add_value(value);
        buckets
    }

    pub fn iter(&self) -> impl Iterator<Item = &Bucket> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count))
    }

    /// Counts values of a range. Bounds that are no numbers, or the wrong way round, count nothing.
    pub fn add(&mut self, low: f64, high: f64, count: u64) {
        // One zero, not two.
        let (low, high) = ((low + 0.0) as f32 + 0.0, (high + 0.0) as f32 + 0.0);
        if count == 0 || low.is_nan() || high.is_nan() || low > high {
            return;
        }
        let bucket = Bucket { low, high, count: count.min(COUNT_MAX) };
        let order = |known: &Bucket| known.low.total_cmp(&low).then(known.high.total_cmp(&high));
        match self.0.binary_search_by(order) {
            Ok(place) => self.0[place].count = self.0[place].count.saturating_add(bucket.count).min(COUNT_MAX),
            Err(place) => self.0.insert(place, bucket),
        }
    }

    /// Counts one value in its range of the grid.
    pub fn add_value(&mut self, value: f64) {
        let size = value.abs();
        if size == 0.0 || !size.is_finite() {
            return self.add(0.0, 0.0, u64::from(value == 0.0));
        }
        let steps = f64::from(1_i32 << GRID_SCALE);
        let index = (size.log2() * steps).ceil() - 1.0;
        let (low, high) = ((index / steps).exp2(), ((index + 1.0) / steps).exp2());
        if value > 0.0 { self.add(low, high, 1) } else { self.add(-high, -low, 1) }
    }

    pub fn merge(&mut self, other: &Self) {
        for bucket in &other.0 {
            self.add(bucket.low.into(), bucket.high.into(), bucket.count);
        }
    }

    /// Makes neighbours one until there are at most so many.
    pub fn coarsen(&mut self, len_max: usize) {
        while self.0.len() > len_max.max(1) {
            let pairs = self.0.chunks(2).map(|pair| Bucket {
                low: pair[0].low,
                high: pair.iter().fold(pair[0].high, |high, bucket| high.max(bucket.high)),
                count: pair.iter().fold(0, |sum: u64, bucket| sum.saturating_add(bucket.count)).min(COUNT_MAX),
            });
            let pairs: Vec<Bucket> = pairs.collect();
            self.0.clear();
            for bucket in pairs {
                self.add(bucket.low.into(), bucket.high.into(), bucket.count);
            }
        }
    }

    /// What came to `earlier` to make it this; `None` when this cannot have grown out of it. Ranges may have become
    /// coarser meanwhile.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let mut grown = self.clone();
        for old in &earlier.0 {
            let same = grown.0.iter().position(|bucket| bucket.place() == old.place());
            let place = same.or_else(|| grown.0.iter().position(|bucket| bucket.holds(old)))?;
            grown.0[place].count = grown.0[place].count.checked_sub(old.count)?;
        }
        grown.0.retain(|bucket| bucket.count > 0);
        Some(grown)
    }

    /// The ends of what was counted, as far as the bounds tell.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let finite = |value: f32, other: f32| f64::from(if value.is_finite() { value } else { other });
        let low = self.0.iter().map(|bucket| finite(bucket.low, bucket.high)).fold(f64::INFINITY, f64::min);
        let high = self.0.iter().map(|bucket| finite(bucket.high, bucket.low)).fold(f64::NEG_INFINITY, f64::max);
        (low.is_finite() && high.is_finite() && low <= high).then_some((low, high))
    }

    /// About what was counted, summed up: for clients that do not say.
    pub fn sum(&self) -> f64 {
        let middle = |bucket: &Bucket| match (bucket.low.is_finite(), bucket.high.is_finite()) {
            (true, true) => (f64::from(bucket.low) + f64::from(bucket.high)) / 2.0,
            (true, false) => f64::from(bucket.low),
            (false, true) => f64::from(bucket.high),
            (false, false) => 0.0,
        };
        self.0.iter().map(|bucket| middle(bucket) * bucket.count as f64).sum()
    }

    /// The value that such a share of the values does not exceed, evenly spread within their ranges. `min` and `max`
    /// are the ends of the values, where they are known: of what is counted beyond the last bound nothing else is.
    pub fn quantile(&self, share: f64, min: Option<f64>, max: Option<f64>) -> Option<f64> {
        let ranges: Vec<(f64, f64, f64)> = self.0.iter().map(|bucket| bounded(bucket, min, max)).collect();
        let mut ends: Vec<f64> = ranges.iter().flat_map(|(low, high, _)| [*low, *high]).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let total: f64 = ranges.iter().map(|(_, _, count)| count).sum();
        let wanted = total * share.clamp(0.0, 1.0);
        let mut seen = 0.0;
        for (place, end) in ends.iter().enumerate() {
            seen += ranges.iter().filter(|(low, high, _)| low == end && high == end).map(|(_, _, n)| n).sum::<f64>();
            if seen >= wanted {
                return Some(*end);
            }
            let Some(next) = ends.get(place + 1) else { break };
            let covering = ranges.iter().filter(|(low, high, _)| low < high && low <= end && high >= next);
            let between: f64 = covering.map(|(low, high, count)| count * ((next - end) / (high - low))).sum();
            if between > 0.0 && seen + between >= wanted {
                return Some(end + (next - end) * ((wanted - seen) / between));
            }
            seen += between;
        }
        // Only rounding gets here.
        ends.last().copied()
    }
}

fn bounded(bucket: &Bucket, min: Option<f64>, max: Option<f64>) -> (f64, f64, f64) {
    let (low, high) = (f64::from(bucket.low), f64::from(bucket.high));
    let (low, high) = match (low.is_finite(), high.is_finite()) {
        (true, true) => (low, high),
        // Most things that are measured begin at zero.
        (false, true) => (min.unwrap_or(0.0).min(high), high),
        (true, false) => (low, max.unwrap_or(low).max(low)),
        (false, false) => {
            let low = min.or(max).unwrap_or(0.0);
            (low, max.unwrap_or(low).max(low))
        }
    };
    // No value lies outside of the ends.
    let (low, high) = (min.map_or(low, |min| low.max(min)), max.map_or(high, |max| high.min(max)));
    (low.min(high), high.max(low), bucket.count as f64)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(ranges: &[(f64, f64, u64)]) -> Buckets {
        let mut buckets = Buckets::default();
        ranges.iter().for_each(|(low, high, count)| buckets.add(*low, *high, *count));
        buckets
    }

    #[test]
    fn percentiles_lie_evenly_within_a_bucket() {
        let buckets = of(&[(0.0, 10.0, 50), (10.0, 20.0, 50)]);
        let quantile = |share| buckets.quantile(share, None, None).unwrap();
        assert_eq!((quantile(0.25), quantile(0.5), quantile(0.75), quantile(1.0)), (5.0, 10.0, 15.0, 20.0));
        assert_eq!(Buckets::default().quantile(0.5, None, None), None);
    }

    #[test]
    fn what_lies_beyond_the_last_bound_ends_at_the_largest_value() {
        let buckets = of(&[(f64::NEG_INFINITY, 5.0, 1), (5.0, 10.0, 1), (10.0, f64::INFINITY, 2)]);
        assert_eq!(buckets.quantile(1.0, None, None), Some(10.0));
        assert_eq!(buckets.quantile(1.0, Some(1.0), Some(40.0)), Some(40.0));
        assert_eq!(buckets.quantile(0.0, Some(1.0), None), Some(1.0));
        let unbounded = of(&[(f64::NEG_INFINITY, f64::INFINITY, 4)]);
        assert_eq!(unbounded.quantile(0.5, Some(2.0), Some(4.0)), Some(3.0));
    }

    #[test]
    fn histograms_of_different_bounds_merge() {
        let mut buckets = of(&[(0.0, 10.0, 10)]);
        buckets.merge(&of(&[(5.0, 15.0, 10), (0.0, 10.0, 10)]));
        assert_eq!((buckets.len(), buckets.count()), (2, 30));
        // Half of what is below ten lies below five; nothing of the other histogram does.
        assert_eq!(buckets.quantile(1.0 / 3.0, None, None), Some(5.0));
    }

    #[test]
    fn growth_is_told_from_a_fresh_start() {
        let (before, after) = (of(&[(0.0, 1.0, 3), (1.0, 2.0, 1)]), of(&[(0.0, 1.0, 5), (1.0, 2.0, 1), (2.0, 4.0, 7)]));
        assert_eq!(after.since(&before), Some(of(&[(0.0, 1.0, 2), (2.0, 4.0, 7)])));
        assert_eq!(before.since(&after), None);
        assert_eq!(of(&[(0.0, 2.0, 5)]).since(&before), Some(of(&[(0.0, 2.0, 1)])), "made coarser");
        assert_eq!(of(&[(0.0, 1.5, 9)]).since(&before), None, "other bounds");
    }

    #[test]
    fn bounds_without_sense_count_nothing_and_counts_without_end_are_cut() {
        let mut buckets = of(&[(f64::NAN, 1.0, 3), (2.0, 1.0, 3), (1.0, 2.0, 0)]);
        assert!(buckets.is_empty());
        (0..3).for_each(|_| buckets.add(0.0, 1.0, u64::MAX));
        assert_eq!(buckets.count(), COUNT_MAX);
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_range_of_the_grid(value in prop_oneof![-1e30..1e30_f64, -1e-3..1e-3_f64, Just(0.0)]) {
            let buckets = Buckets::of_value(value);
            let found = buckets.quantile(0.5, None, None).unwrap();
            prop_assert!((found - value).abs() <= value.abs() * 0.1 + 1e-37, "{value} {found}");
        }

        #[test]
        fn coarser_buckets_count_the_same(ranges in vec((0_u32..1000, 0_u32..1000, 0_u64..100), 0..60), len_max in 1..20_usize) {
            let ranges: Vec<_> = ranges.iter().map(|(a, b, n)| (f64::from(*a.min(b)), f64::from(*a.max(b)), *n)).collect();
            let buckets = of(&ranges);
            let mut coarse = buckets.clone();
            coarse.coarsen(len_max);
            prop_assert!(coarse.len() <= len_max);
            prop_assert_eq!(coarse.count(), buckets.count());
            prop_assert_eq!(coarse.extent(), buckets.extent());
        }

        #[test]
        fn percentiles_rise_and_stay_within(ranges in vec((-50_i32..50, 0_i32..50, 1_u64..100), 1..30), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let ranges: Vec<_> = ranges.iter().map(|(low, wide, n)| (f64::from(*low), f64::from(low + wide), *n)).collect();
            let buckets = of(&ranges);
            let (low, high) = buckets.extent().unwrap();
            let at = |share: f64| buckets.quantile(share, None, None).unwrap();
            prop_assert!(at(a.min(b)) <= at(a.max(b)) + 1e-9);
            prop_assert!(at(a) >= low - 1e-9 && at(a) <= high + 1e-9);
        }
    }
}
