//! Buckets at rest: a few bytes for each, because neighbours share a bound.
//!
//! Owns the bytes. For each bucket, in order: the count and whether it begins where the one before it ends, as one number
//! of variable length (`count << 1 | begins_there`); its low, unless it does; its high. Bounds are 32-bit floats, little
//! endian.

use prost::encoding::{decode_varint, encode_varint};

use super::StoreError;
use crate::model::buckets::Buckets;

/// `None` when there are none.
pub(super) fn encode_buckets(buckets: &Buckets) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(buckets.len() * 6);
    let mut end = None;
    for bucket in buckets.iter() {
        let begins_there = end == Some(bucket.low.to_bits());
        encode_varint(bucket.count << 1 | u64::from(begins_there), &mut bytes);
        if !begins_there {
            bytes.extend(bucket.low.to_le_bytes());
        }
        bytes.extend(bucket.high.to_le_bytes());
        end = Some(bucket.high.to_bits());
    }
    (!bytes.is_empty()).then_some(bytes)
}

pub(super) fn decode_buckets(mut bytes: &[u8]) -> Result<Buckets, StoreError> {
    let mut buckets = Buckets::default();
    let mut end = None;
    while !bytes.is_empty() {
        let head = decode_varint(&mut bytes).map_err(|error| StoreError::BadBody(error.to_string()))?;
        let low = match end.filter(|_| head & 1 == 1) {
            Some(end) => end,
            None => take_float(&mut bytes)?,
        };
        let high = take_float(&mut bytes)?;
        buckets.add(low.into(), high.into(), head >> 1);
        end = Some(high);
    }
    Ok(buckets)
}

fn take_float(bytes: &mut &[u8]) -> Result<f32, StoreError> {
    let cut = || StoreError::BadBody("buckets end within a bound".to_string());
    let (float, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
    *bytes = rest;
    Ok(f32::from_le_bytes(*float))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buckets_come_back(ranges in prop::collection::vec((any::<f32>(), any::<f32>(), 0..1_u64 << 53), 0..40)) {
            let mut buckets = Buckets::default();
            for (low, high, count) in &ranges {
                buckets.add(f64::from(low.min(*high)), f64::from(low.max(*high)), *count);
            }
            let back = encode_buckets(&buckets).map_or_else(|| Ok(Buckets::default()), |bytes| decode_buckets(&bytes));
            prop_assert_eq!(back.unwrap(), buckets);
        }

        #[test]
        fn other_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode_buckets(&bytes);
        }
    }

    #[test]
    fn fifteen_usual_buckets_take_some_six_bytes_each() {
        let bounds = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4];
        let mut buckets = Buckets::default();
        bounds.windows(2).for_each(|pair| buckets.add(pair[0], pair[1], 300));
        assert!(encode_buckets(&buckets).unwrap().len() < 7 * 15);
    }
}
