//! Columns: how the fields of many rows are laid out beside each other in a chunk.
//!
//! Owns the encodings (integers, fixed-width bytes, flags, texts, attributes) and the compression of a group of them.
//! Knows neither spans nor logs, nor where a chunk is kept. A column does not say how many rows it has; whoever reads
//! it does, and bounds it. All bytes are taken for hostile: a decoder returns [`StoreError::BadBody`], it never panics,
//! and allocates no more than the rows it was told of and the bytes it was given justify.
//!
//! Columns are made for the compressor behind them: equal values stand together, and what does not vary takes no room.
//! Builders are fed row by row, in any order, and lay the rows out in the order given at the end, so that a chunk can
//! be sorted without moving its rows about.
//!
//! This is a file format: the golden chunks in the tests must stay readable.

use std::collections::HashMap;
use std::hash::Hash;

mod attributes;

pub(super) use attributes::{AttributeColumn, AttributesBuilder};

use super::StoreError;

/// Of a chunk's groups. 3 gives 9/10 of the size of 1 and costs half as much again; beyond it little is gained.
const GROUP_ZSTD_LEVEL: i32 = 3;
/// Far above any chunk; only a damaged length gets here.
const GROUP_BYTES_MAX: usize = 1 << 30;

fn bad(what: &str) -> StoreError {
    StoreError::BadBody(format!("column: {what}"))
}

// Groups

/// Compresses a group of columns.
pub(super) fn pack(group: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(group, GROUP_ZSTD_LEVEL).expect("the output buffer is as large as zstd says it must be")
}

/// As [`pack`], for what is soon written anew: by whoever must not be held up.
pub(super) fn pack_quickly(group: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(group, 1).expect("the output buffer is as large as zstd says it must be")
}

/// The inverse of [`pack`].
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let size = zstd::zstd_safe::get_frame_content_size(bytes)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= GROUP_BYTES_MAX)
        .ok_or_else(|| bad("a group without its length"))?;
    zstd::bulk::decompress(bytes, size).map_err(|error| bad(&error.to_string()))
}

// Parts of columns

pub(super) fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn uint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// What is left of a column's bytes.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, StoreError> {
        let (first, rest) = self.0.split_first().ok_or_else(|| bad("it ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn uint(&mut self) -> Result<u64, StoreError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(bad("a number without end"))
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(|| bad("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let len = self.len()?;
        self.take(len)
    }

    /// A number of things of at least a byte each.
    pub(super) fn len(&mut self) -> Result<usize, StoreError> {
        let len = usize::try_from(self.uint()?).map_err(|_| bad("a length beyond the end"))?;
        if len > self.0.len() {
            return Err(bad("a length beyond the end"));
        }
        Ok(len)
    }

    pub(super) fn end(&self) -> Result<(), StoreError> {
        if self.0.is_empty() { Ok(()) } else { Err(bad("more than its rows")) }
    }
}

// Integers

const ALL_EQUAL: u8 = 0;
const PLAIN: u8 = 1;
const DELTA: u8 = 2;
/// Added to one of the above: the numbers stand divided by what they all are multiples of, as nanoseconds from a clock
/// of microseconds are.
const SCALED: u8 = 4;

/// Integers of any size; rising or repeating ones are the cheapest.
pub(super) fn encode_integers(values: &[i64]) -> Vec<u8> {
    let Some(first) = values.first() else { return Vec::new() };
    let mut out = Vec::new();
    if values.iter().all(|value| value == first) {
        out.push(ALL_EQUAL);
        put_uint(&mut out, zigzag(*first));
        return out;
    }
    let divisor = common_divisor(values);
    let plain = || values.iter().map(move |value| value / divisor);
    let deltas = || plain().zip(std::iter::once(0).chain(plain())).map(|(value, before)| value.wrapping_sub(before));
    let plain_len: usize = plain().map(|value| uint_len(zigzag(value))).sum();
    let delta_len: usize = deltas().map(|value| uint_len(zigzag(value))).sum();
    out.reserve(12 + plain_len.min(delta_len));
    // Numbers as they are repeat more often than their steps do; near equal, they compress better.
    let is_delta = delta_len * 8 < plain_len * 7;
    let mode = if is_delta { DELTA } else { PLAIN };
    if divisor > 1 {
        out.push(mode | SCALED);
        put_uint(&mut out, divisor as u64);
    } else {
        out.push(mode);
    }
    if is_delta {
        deltas().for_each(|value| put_uint(&mut out, zigzag(value)));
    } else {
        plain().for_each(|value| put_uint(&mut out, zigzag(value)));
    }
    out
}

/// At least 1.
fn common_divisor(values: &[i64]) -> i64 {
    let mut common = 0_u64;
    for value in values {
        let mut other = value.unsigned_abs();
        while other != 0 {
            (common, other) = (other, common % other);
        }
        if common == 1 {
            break;
        }
    }
    i64::try_from(common).unwrap_or(1).max(1)
}

/// The inverse of [`encode_integers`].
pub(super) fn decode_integers(bytes: &[u8], rows: usize) -> Result<Vec<i64>, StoreError> {
    let mut input = Input(bytes);
    if rows == 0 {
        input.end()?;
        return Ok(Vec::new());
    }
    let mode = input.byte()?;
    if mode == ALL_EQUAL {
        let value = unzigzag(input.uint()?);
        input.end()?;
        return Ok(vec![value; rows]);
    }
    let factor = if mode & SCALED == 0 { 1 } else { input.uint()? as i64 };
    let is_delta = match mode & !SCALED {
        PLAIN => false,
        DELTA => true,
        _ => return Err(bad("numbers of no known kind")),
    };
    if input.0.len() < rows {
        return Err(bad("fewer numbers than rows"));
    }
    let mut values = Vec::with_capacity(rows);
    let mut before = 0_i64;
    for _ in 0..rows {
        let value = unzigzag(input.uint()?);
        before = if is_delta { before.wrapping_add(value) } else { value };
        values.push(before.wrapping_mul(factor));
    }
    input.end()?;
    Ok(values)
}

// Fixed-width bytes

/// Ids and the like: nothing to gain by any encoding.
pub(super) fn encode_fixed<const N: usize>(values: &[[u8; N]]) -> Vec<u8> {
    values.as_flattened().to_vec()
}

/// The inverse of [`encode_fixed`].
pub(super) fn decode_fixed<const N: usize>(bytes: &[u8], rows: usize) -> Result<&[[u8; N]], StoreError> {
    match bytes.as_chunks::<N>() {
        (values, []) if values.len() == rows => Ok(values),
        _ => Err(bad("not as many ids as rows")),
    }
}

// Flags

/// Yes or no, and which rows have a value of an optional column.
pub(super) fn encode_flags(values: &[bool]) -> Vec<u8> {
    if values.iter().all(|value| !value) {
        return Vec::new();
    }
    if values.iter().all(|value| *value) {
        return vec![1];
    }
    let mut out = vec![0_u8; 1 + values.len().div_ceil(8)];
    for (row, value) in values.iter().enumerate() {
        out[1 + row / 8] |= u8::from(*value) << (row % 8);
    }
    out
}

/// The inverse of [`encode_flags`].
pub(super) fn decode_flags(bytes: &[u8], rows: usize) -> Result<Vec<bool>, StoreError> {
    match bytes {
        [] => Ok(vec![false; rows]),
        [1] => Ok(vec![true; rows]),
        [0, bits @ ..] if bits.len() == rows.div_ceil(8) => {
            Ok((0..rows).map(|row| bits[row / 8] >> (row % 8) & 1 == 1).collect())
        }
        _ => Err(bad("not as many flags as rows")),
    }
}

/// A column in which most rows have nothing: which have something, and their place among those that do.
#[derive(Debug, PartialEq)]
pub(super) struct Presence {
    /// For every row how many rows before it have a value, and the number of all at the end.
    before: Vec<u32>,
}

impl Presence {
    /// From the bytes of [`encode_flags`].
    pub(super) fn decode(bytes: &[u8], rows: usize) -> Result<Self, StoreError> {
        let mut before = Vec::with_capacity(rows + 1);
        let mut count = 0;
        for is_there in decode_flags(bytes, rows)? {
            before.push(count);
            count += u32::from(is_there);
        }
        before.push(count);
        Ok(Self { before })
    }

    /// Rows with a value.
    pub(super) fn count(&self) -> usize {
        self.before.last().map_or(0, |count| *count as usize)
    }

    /// The row's place among the values, if it has one.
    pub(super) fn place(&self, row: usize) -> Option<usize> {
        match self.before.get(row..row + 2)? {
            [before, after] if after > before => Some(*before as usize),
            _ => None,
        }
    }
}

// Texts and other bytes

/// Gives equal values equal numbers, from 0 on in the order of their first appearance.
struct Numbered<T> {
    numbers: HashMap<T, u32>,
}

impl<T: Hash + Eq> Numbered<T> {
    fn new() -> Self {
        Self { numbers: HashMap::new() }
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn number<Q: ?Sized + Hash + Eq>(&mut self, value: &Q) -> u32
    where
        T: std::borrow::Borrow<Q> + for<'q> From<&'q Q>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(T::from(value), number);
        number
    }

    /// By number.
    fn values(&self) -> Vec<&T> {
        let mut values: Vec<(&T, u32)> = self.numbers.iter().map(|(value, number)| (value, *number)).collect();
        values.sort_unstable_by_key(|(_, number)| *number);
        values.into_iter().map(|(value, _)| value).collect()
    }
}

/// Texts, each kept once; a row may also have none.
pub(super) struct TextBuilder {
    known: Numbered<Box<str>>,
    /// 0 for none, else the number of the text and one.
    codes: Vec<u32>,
}

impl TextBuilder {
    pub(super) fn new() -> Self {
        Self { known: Numbered::new(), codes: Vec::new() }
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(0, |text| self.known.number(text) + 1);
        self.codes.push(code);
    }

    /// Lays out the rows in the order given: places of what was pushed.
    pub(super) fn finish(self, order: &[u32]) -> Vec<u8> {
        let texts = self.known.values();
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        encode_entries(&texts, order.iter().map(|row| self.codes[*row as usize]))
    }
}

/// Entries in the order of their first appearance among the rows, then the rows' codes, 0 for none.
fn encode_entries(entries: &[&[u8]], codes: impl Iterator<Item = u32>) -> Vec<u8> {
    // Renumbered, because the rows come in another order than they were pushed in: neighbours in time have neighbouring
    // numbers, and a column in which every row is new has 1, 2, 3.
    let mut renumbered = vec![0_u32; entries.len()];
    let mut ordered = Vec::new();
    let codes: Vec<i64> = codes
        .map(|code| {
            let Some(old) = (code as usize).checked_sub(1) else { return 0 };
            if renumbered[old] == 0 {
                ordered.push(entries[old]);
                renumbered[old] = ordered.len() as u32;
            }
            i64::from(renumbered[old])
        })
        .collect();
    if ordered.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    put_uint(&mut out, ordered.len() as u64);
    let lengths: Vec<i64> = ordered.iter().map(|entry| entry.len() as i64).collect();
    put_bytes(&mut out, &encode_integers(&lengths));
    put_bytes(&mut out, &ordered.concat());
    out.extend_from_slice(&encode_integers(&codes));
    out
}

/// The inverse of [`encode_entries`]: entries, and a code for every row.
fn decode_entries(bytes: &[u8], rows: usize) -> Result<(Vec<&[u8]>, Vec<u32>), StoreError> {
    if bytes.is_empty() {
        return Ok((Vec::new(), vec![0; rows]));
    }
    let mut input = Input(bytes);
    let count = usize::try_from(input.uint()?).ok().filter(|count| *count <= rows);
    let count = count.ok_or_else(|| bad("more texts than rows"))?;
    let lengths = decode_integers(input.bytes()?, count)?;
    let mut arena = Input(input.bytes()?);
    let mut entries = Vec::with_capacity(count);
    for len in lengths {
        entries.push(arena.take(usize::try_from(len).map_err(|_| bad("a length below zero"))?)?);
    }
    arena.end()?;
    let codes = decode_integers(input.0, rows)?.into_iter().map(|code| match u32::try_from(code) {
        Ok(code) if code as usize <= count => Ok(code),
        _ => Err(bad("a text that is not there")),
    });
    let codes = codes.collect::<Result<_, _>>()?;
    Ok((entries, codes))
}

/// A column of texts, still in the bytes it was read from.
#[derive(Debug, PartialEq)]
pub(super) struct TextColumn<'a> {
    entries: Vec<&'a str>,
    codes: Vec<u32>,
}

impl<'a> TextColumn<'a> {
    pub(super) fn decode(bytes: &'a [u8], rows: usize) -> Result<Self, StoreError> {
        let (entries, codes) = decode_entries(bytes, rows)?;
        let text = |entry: &'a [u8]| std::str::from_utf8(entry).map_err(|_| bad("a text that is none"));
        Ok(Self { entries: entries.into_iter().map(text).collect::<Result<_, _>>()?, codes })
    }

    /// The row's text, if it has one. Rows beyond the last have none.
    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        let code = *self.codes.get(row)? as usize;
        code.checked_sub(1).map(|entry| self.entries[entry])
    }

    /// Every text of the column, once.
    pub(super) fn entries(&self) -> &[&'a str] {
        &self.entries
    }

    /// The rows whose text is taken by `takes`, which is asked once for each text.
    pub(super) fn rows_where(&self, mut takes: impl FnMut(&str) -> bool) -> Vec<usize> {
        let taken: Vec<bool> = std::iter::once(false).chain(self.entries.iter().map(|entry| takes(entry))).collect();
        if !taken.contains(&true) {
            return Vec::new();
        }
        (0..self.codes.len()).filter(|row| taken[self.codes[*row] as usize]).collect()
    }

    /// Each text with the rows that have it, rising.
    pub(super) fn for_each_group(&self, mut take: impl FnMut(&str, &[u32])) {
        let mut groups = vec![Vec::new(); self.entries.len()];
        for (row, code) in (0..).zip(&self.codes) {
            if let Some(entry) = (*code as usize).checked_sub(1) {
                groups[entry].push(row);
            }
        }
        self.entries.iter().zip(&groups).for_each(|(text, rows): (_, &Vec<u32>)| take(text, rows));
    }
}

/// Bytes without a structure of ours (JSON, messages), each kept once; a row may also have none.
pub(super) struct BytesBuilder {
    known: Numbered<Box<[u8]>>,
    codes: Vec<u32>,
}

impl BytesBuilder {
    pub(super) fn new() -> Self {
        Self { known: Numbered::new(), codes: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: Option<&[u8]>) {
        let code = bytes.map_or(0, |bytes| self.known.number(bytes) + 1);
        self.codes.push(code);
    }

    /// As [`TextBuilder::finish`].
    pub(super) fn finish(self, order: &[u32]) -> Vec<u8> {
        let entries: Vec<&[u8]> = self.known.values().into_iter().map(AsRef::as_ref).collect();
        encode_entries(&entries, order.iter().map(|row| self.codes[*row as usize]))
    }
}

/// A column of [`BytesBuilder`].
#[derive(Debug, PartialEq)]
pub(super) struct BytesColumn<'a> {
    entries: Vec<&'a [u8]>,
    codes: Vec<u32>,
}

impl<'a> BytesColumn<'a> {
    pub(super) fn decode(bytes: &'a [u8], rows: usize) -> Result<Self, StoreError> {
        let (entries, codes) = decode_entries(bytes, rows)?;
        Ok(Self { entries, codes })
    }

    pub(super) fn get(&self, row: usize) -> Option<&'a [u8]> {
        let code = *self.codes.get(row)? as usize;
        code.checked_sub(1).map(|entry| self.entries[entry])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows, and an order to lay them out in.
    pub(super) fn in_any_order<T: std::fmt::Debug + Clone>(
        row: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = (Vec<T>, Vec<u32>)> {
        prop::collection::vec(row, 0..40).prop_flat_map(|rows| {
            let order: Vec<u32> = (0..rows.len() as u32).collect();
            (Just(rows), Just(order).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn integers_come_back(values in prop_oneof![
            prop::collection::vec(any::<i64>(), 0..50),
            prop::collection::vec(1_700_000_000_000..1_700_000_000_900_i64, 0..50),
            prop::collection::vec(Just(-7_i64), 0..5),
            prop::collection::vec((-9_000_000_000..9_000_000_000_i64).prop_map(|us| us * 1000), 0..50),
            prop::collection::vec(prop_oneof![Just(i64::MIN), Just(0)], 0..5),
        ]) {
            prop_assert_eq!(decode_integers(&encode_integers(&values), values.len()).unwrap(), values);
        }

        #[test]
        fn ids_and_flags_come_back(ids in prop::collection::vec(any::<[u8; 8]>(), 0..20), flags in prop::collection::vec(any::<bool>(), 0..70)) {
            let bytes = encode_fixed(&ids);
            prop_assert_eq!(decode_fixed::<8>(&bytes, ids.len()).unwrap(), &ids[..]);
            let bytes = encode_flags(&flags);
            prop_assert_eq!(&decode_flags(&bytes, flags.len()).unwrap(), &flags);
            let presence = Presence::decode(&bytes, flags.len()).unwrap();
            prop_assert_eq!(presence.count(), flags.iter().filter(|flag| **flag).count());
            let mut next = 0;
            for (row, flag) in flags.iter().enumerate() {
                prop_assert_eq!(presence.place(row), flag.then_some(next));
                next += usize::from(*flag);
            }
        }

        #[test]
        fn texts_come_back_in_the_order_asked_for((rows, order) in in_any_order(prop::option::of("[ab]{0,2}|\\PC{0,9}"))) {
            let mut texts = TextBuilder::new();
            let mut bytes = BytesBuilder::new();
            for row in &rows {
                texts.push(row.as_deref());
                bytes.push(row.as_deref().map(str::as_bytes));
            }
            let (texts, bytes) = (texts.finish(&order), bytes.finish(&order));
            let column = TextColumn::decode(&texts, rows.len()).unwrap();
            let byte_column = BytesColumn::decode(&bytes, rows.len()).unwrap();
            for (place, row) in order.iter().enumerate() {
                let expected = rows[*row as usize].as_deref();
                prop_assert_eq!(column.get(place), expected);
                prop_assert_eq!(byte_column.get(place), expected.map(str::as_bytes));
            }
            let with_a: Vec<usize> = (0..rows.len()).filter(|place| column.get(*place).is_some_and(|text| text.contains('a'))).collect();
            let mut grouped = Vec::new();
            column.for_each_group(|text, rows| if text.contains('a') {
                grouped.extend(rows.iter().map(|row| *row as usize));
            });
            grouped.sort_unstable();
            prop_assert_eq!(&grouped, &with_a);
            prop_assert_eq!(column.rows_where(|text| text.contains('a')), with_a);
        }

        #[test]
        fn groups_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(unpack(&pack(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn other_bytes_are_errors_or_values_but_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), rows in 0..9_usize) {
            read_everything(&bytes, rows);
        }
    }

    fn read_everything(bytes: &[u8], rows: usize) {
        let _ = unpack(bytes);
        let _ = decode_integers(bytes, rows);
        let _ = decode_fixed::<16>(bytes, rows);
        let _ = Presence::decode(bytes, rows).map(|presence| (0..=rows).filter_map(|row| presence.place(row)).max());
        let _ = TextColumn::decode(bytes, rows).map(|column| column.rows_where(|_| true));
        let _ = BytesColumn::decode(bytes, rows).map(|column| (0..=rows).filter_map(|row| column.get(row)).count());
    }
}
