//! The column of attributes: keys and typed values of many rows.
//!
//! Owns how sets of keys and columns of values are laid out; [`super`] owns the encodings they are made of.

mod counts;

use std::collections::HashMap;
use std::ops::Range;

use prost::Message as _;

use super::{
    BytesColumn, Input, Numbered, StoreError, TextColumn, bad, decode_fixed, decode_flags, decode_integers,
    encode_entries, encode_fixed, encode_flags, encode_integers, put_bytes, put_uint,
};
use crate::r#gen::staged as pb;
use crate::model::span::{Attribute, AttributeValue};
use crate::store::staged::{attributes_from_pb, attributes_to_pb};

/// A column of attributes holds at most so many kinds of (key, type), sets of them, and values; rows beyond are kept
/// whole beside the columns. Bounds what a client that makes up keys costs.
const ATTRIBUTE_KINDS_MAX: usize = 4_096;
const ATTRIBUTE_SETS_MAX: usize = 16_384;
const ATTRIBUTE_VALUES_MAX: usize = 8 << 20;

/// Types of values. The last is any other, as it stands in a staged body.
const EMPTY: u8 = 0;
const BOOL: u8 = 1;
const INT: u8 = 2;
const DOUBLE: u8 = 3;
const TEXT: u8 = 4;
const OTHER: u8 = 5;

/// Attributes of rows. Which keys and types a row has, in which order, is a set kept once; the values stand in a column
/// for each key and type, so that rows with the same keys cost what differs in their values.
pub(in crate::store) struct AttributesBuilder {
    keys: Numbered<Box<str>>,
    /// Key and type.
    kinds: Numbered<Kind>,
    /// Of each kind, the values that are told apart by number.
    entries: Vec<Numbered<Box<[u8]>>>,
    /// Kinds in order; number 0 is that of rows kept whole.
    sets: Numbered<Box<[u32]>>,
    rows: Vec<RowAttributes>,
    /// Values of all rows: a number of [`Self::entries`], or the value's own bits.
    values: Vec<u64>,
    whole: Vec<Vec<u8>>,
    kind_buffer: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    key: u32,
    ty: u8,
}

impl From<&Kind> for Kind {
    fn from(kind: &Kind) -> Self {
        *kind
    }
}

#[derive(Clone, Copy)]
struct RowAttributes {
    set: u32,
    /// Where its values begin, or its place among those kept whole.
    start: u32,
}

/// The set that stands for a row kept whole.
const WHOLE: &[u32] = &[u32::MAX];

impl AttributesBuilder {
    pub(in crate::store) fn new() -> Self {
        let mut sets = Numbered::new();
        sets.number(WHOLE);
        Self {
            keys: Numbered::new(),
            kinds: Numbered::new(),
            entries: Vec::new(),
            sets,
            rows: Vec::new(),
            values: Vec::new(),
            whole: Vec::new(),
            kind_buffer: Vec::new(),
        }
    }

    pub(in crate::store) fn push(&mut self, attributes: &[Attribute]) {
        let is_full = (self.kinds.len() + attributes.len() > ATTRIBUTE_KINDS_MAX && !self.knows_all(attributes))
            || self.values.len() + attributes.len() > ATTRIBUTE_VALUES_MAX
            || self.sets.len() >= ATTRIBUTE_SETS_MAX;
        if is_full {
            let list = pb::AttributeList { attributes: attributes_to_pb(attributes.to_vec()) };
            self.rows.push(RowAttributes { set: 0, start: self.whole.len() as u32 });
            self.whole.push(list.encode_to_vec());
            return;
        }
        let start = self.values.len() as u32;
        self.kind_buffer.clear();
        for attribute in attributes {
            let kind = Kind { key: self.keys.number(attribute.key.as_str()), ty: type_of(&attribute.value) };
            let kind = self.kinds.number(&kind);
            if kind as usize == self.entries.len() {
                self.entries.push(Numbered::new());
            }
            self.kind_buffer.push(kind);
            let entries = &mut self.entries[kind as usize];
            self.values.push(match &attribute.value {
                AttributeValue::Empty => 0,
                AttributeValue::Bool(value) => u64::from(*value),
                AttributeValue::Int(value) => *value as u64,
                AttributeValue::Double(value) => value.to_bits(),
                AttributeValue::Text(text) => u64::from(entries.number(text.as_bytes())),
                other => u64::from(entries.number(encode_other(other).as_slice())),
            });
        }
        let set = self.sets.number(self.kind_buffer.as_slice());
        self.rows.push(RowAttributes { set, start });
    }

    fn knows_all(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().all(|attribute| {
            let key = self.keys.numbers.get(attribute.key.as_str());
            key.is_some_and(|key| self.kinds.numbers.contains_key(&Kind { key: *key, ty: type_of(&attribute.value) }))
        })
    }

    /// As [`TextBuilder::finish`].
    pub(in crate::store) fn finish(self, order: &[u32]) -> Vec<u8> {
        let sets = self.sets.values();
        let mut columns: Vec<Vec<u64>> = vec![Vec::new(); self.kinds.len()];
        let mut row_sets = Vec::with_capacity(order.len());
        let mut whole = Vec::new();
        for row in order {
            let RowAttributes { set, start } = self.rows[*row as usize];
            row_sets.push(i64::from(set));
            if set == 0 {
                put_bytes(&mut whole, &self.whole[start as usize]);
                continue;
            }
            let kinds = sets[set as usize];
            for (kind, value) in kinds.iter().zip(&self.values[start as usize..]) {
                columns[*kind as usize].push(*value);
            }
        }
        if row_sets.iter().all(|set| *set != 0 && sets[*set as usize].is_empty()) {
            return Vec::new();
        }
        let mut out = Vec::new();
        let keys = self.keys.values();
        put_uint(&mut out, keys.len() as u64);
        keys.iter().for_each(|key| put_bytes(&mut out, key.as_bytes()));
        let kinds = self.kinds.values();
        put_uint(&mut out, kinds.len() as u64);
        for kind in &kinds {
            put_uint(&mut out, u64::from(kind.key));
            out.push(kind.ty);
        }
        put_uint(&mut out, sets.len() as u64 - 1);
        for set in &sets[1..] {
            put_uint(&mut out, set.len() as u64);
            set.iter().for_each(|kind| put_uint(&mut out, u64::from(*kind)));
        }
        put_bytes(&mut out, &encode_integers(&row_sets));
        for ((kind, entries), column) in kinds.iter().zip(&self.entries).zip(columns) {
            put_bytes(&mut out, &encode_values(kind.ty, entries, &column));
        }
        out.extend_from_slice(&whole);
        out
    }
}

fn type_of(value: &AttributeValue) -> u8 {
    match value {
        AttributeValue::Empty => EMPTY,
        AttributeValue::Bool(_) => BOOL,
        AttributeValue::Int(_) => INT,
        AttributeValue::Double(_) => DOUBLE,
        AttributeValue::Text(_) => TEXT,
        AttributeValue::Bytes(_) | AttributeValue::List(_) | AttributeValue::Map(_) => OTHER,
    }
}

fn encode_other(value: &AttributeValue) -> Vec<u8> {
    let attribute = Attribute { key: String::new(), value: value.clone() };
    pb::AttributeList { attributes: attributes_to_pb(vec![attribute]) }.encode_to_vec()
}

fn decode_other(bytes: &[u8]) -> Result<AttributeValue, StoreError> {
    let mut attributes = decode_whole(bytes)?;
    attributes.pop().map(|attribute| attribute.value).ok_or_else(|| bad("a value that is none"))
}

fn decode_whole(bytes: &[u8]) -> Result<Vec<Attribute>, StoreError> {
    let list = pb::AttributeList::decode(bytes).map_err(|error| bad(&error.to_string()))?;
    Ok(attributes_from_pb(list.attributes))
}

fn encode_values(ty: u8, entries: &Numbered<Box<[u8]>>, values: &[u64]) -> Vec<u8> {
    match ty {
        EMPTY => Vec::new(),
        BOOL => encode_flags(&values.iter().map(|value| *value != 0).collect::<Vec<_>>()),
        INT => encode_integers(&values.iter().map(|value| *value as i64).collect::<Vec<_>>()),
        DOUBLE => encode_fixed(&values.iter().map(|value| value.to_le_bytes()).collect::<Vec<_>>()),
        _ => {
            let entries: Vec<&[u8]> = entries.values().into_iter().map(AsRef::as_ref).collect();
            encode_entries(&entries, values.iter().map(|value| *value as u32 + 1))
        }
    }
}

/// A column of attributes: which keys there are is known, values are decoded when asked for.
pub(in crate::store) struct AttributeColumn<'a> {
    keys: Vec<&'a str>,
    kinds: Vec<Kind>,
    /// By set, from 1 on; the first is that of rows kept whole.
    sets: Vec<Vec<u32>>,
    row_sets: Vec<u32>,
    /// Of each kind: its bytes and how many values they hold.
    columns: Vec<(&'a [u8], usize)>,
    whole: Vec<&'a [u8]>,
}

/// Decoded values of one kind.
enum Values<'a> {
    Empty,
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Doubles(&'a [[u8; 8]]),
    Texts(TextColumn<'a>),
    Others(BytesColumn<'a>),
}

impl<'a> AttributeColumn<'a> {
    pub(in crate::store) fn decode(bytes: &'a [u8], rows: usize) -> Result<Self, StoreError> {
        if bytes.is_empty() {
            let (sets, row_sets) = (vec![Vec::new(); 2], vec![1; rows]);
            return Ok(Self { keys: vec![], kinds: vec![], sets, row_sets, columns: vec![], whole: vec![] });
        }
        let mut input = Input(bytes);
        let mut keys = Vec::new();
        for _ in 0..input.len()? {
            keys.push(std::str::from_utf8(input.bytes()?).map_err(|_| bad("a key that is no text"))?);
        }
        let mut kinds = Vec::new();
        for _ in 0..input.len()? {
            let key = input.uint()?;
            let ty = input.byte()?;
            if key >= keys.len() as u64 || ty > OTHER {
                return Err(bad("an attribute of no key or type"));
            }
            kinds.push(Kind { key: key as u32, ty });
        }
        let mut sets = vec![Vec::new()];
        for _ in 0..input.len()? {
            let mut set = Vec::new();
            for _ in 0..input.len()? {
                let kind = input.uint()?;
                if kind >= kinds.len() as u64 {
                    return Err(bad("an attribute that is not there"));
                }
                set.push(kind as u32);
            }
            sets.push(set);
        }
        let row_sets = decode_integers(input.bytes()?, rows)?.into_iter().map(|set| match u32::try_from(set) {
            Ok(set) if (set as usize) < sets.len() => Ok(set),
            _ => Err(bad("attributes that are not there")),
        });
        let row_sets: Vec<u32> = row_sets.collect::<Result<_, _>>()?;
        let counts = value_counts(&sets, kinds.len(), &row_sets)?;
        let mut columns = Vec::with_capacity(kinds.len());
        for count in counts {
            columns.push((input.bytes()?, count));
        }
        let mut whole = Vec::new();
        for _ in row_sets.iter().filter(|set| **set == 0) {
            whole.push(input.bytes()?);
        }
        input.end()?;
        Ok(Self { keys, kinds, sets, row_sets, columns, whole })
    }

    /// The attributes of some rows, as they were pushed.
    pub(in crate::store) fn rows(&self, rows: Range<usize>) -> Result<Vec<Vec<Attribute>>, StoreError> {
        let sets = self.row_sets.get(rows.clone()).ok_or_else(|| bad("rows that are not there"))?;
        let mut values: Vec<Option<Values<'a>>> = self.kinds.iter().map(|_| None).collect();
        // How many values of each kind the rows before have used up.
        let mut used = value_counts(&self.sets, self.kinds.len(), &self.row_sets[..rows.start])?;
        let mut whole = self.row_sets[..rows.start].iter().filter(|set| **set == 0).count();
        let mut found = Vec::with_capacity(sets.len());
        for set in sets {
            if *set == 0 {
                found.push(decode_whole(self.whole[whole])?);
                whole += 1;
                continue;
            }
            let kinds = &self.sets[*set as usize];
            let mut attributes = Vec::with_capacity(kinds.len());
            for kind in kinds {
                let kind = *kind as usize;
                let column = match &mut values[kind] {
                    Some(column) => column,
                    column => column.insert(self.values(kind)?),
                };
                let value = column.get(used[kind])?;
                used[kind] += 1;
                attributes.push(Attribute { key: self.keys[self.kinds[kind].key as usize].to_string(), value });
            }
            found.push(attributes);
        }
        Ok(found)
    }

    /// The rows, rising, in which some attribute named `key` is taken by `takes`. Decodes the values of that key alone.
    pub(in crate::store) fn rows_where(
        &self,
        key: &str,
        mut takes: impl FnMut(&AttributeValue) -> bool,
    ) -> Result<Vec<usize>, StoreError> {
        let mut found = Vec::new();
        if let Some(key) = self.keys.iter().position(|known| *known == key) {
            for kind in (0..self.kinds.len()).filter(|kind| self.kinds[*kind].key as usize == key) {
                self.rows_of_kind(kind, &mut takes, &mut found)?;
            }
        }
        let whole_rows = (0..self.row_sets.len()).filter(|row| self.row_sets[*row] == 0);
        for (row, bytes) in whole_rows.zip(&self.whole) {
            let attributes = decode_whole(bytes)?;
            if attributes.iter().any(|attribute| attribute.key == key && takes(&attribute.value)) {
                found.push(row);
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Every key and value, equal ones mostly once: what a filter over the chunk is made of.
    pub(in crate::store) fn for_each_value(
        &self,
        mut take: impl FnMut(&str, &AttributeValue),
    ) -> Result<(), StoreError> {
        for (number, kind) in self.kinds.iter().enumerate() {
            let is_numbered = matches!(kind.ty, TEXT | OTHER);
            self.values(number)?.for_each_entry(|value| {
                if !(is_numbered && *value == AttributeValue::Empty) {
                    take(self.keys[kind.key as usize], value);
                }
                Ok(())
            })?;
        }
        for bytes in &self.whole {
            decode_whole(bytes)?.iter().for_each(|attribute| take(&attribute.key, &attribute.value));
        }
        Ok(())
    }

    /// Every key and value that is plain, with the rows that have it, rising: once for each, but that rows kept whole are
    /// told one by one.
    pub(in crate::store) fn for_each_group(
        &self,
        mut take: impl FnMut(&str, &AttributeValue, &[u32]),
    ) -> Result<(), StoreError> {
        for (number, kind) in self.kinds.iter().enumerate() {
            let values = self.values(number)?;
            let times: Vec<usize> =
                self.sets.iter().map(|set| set.iter().filter(|known| **known as usize == number).count()).collect();
            let mut groups: HashMap<u64, (usize, Vec<u32>)> = HashMap::new();
            let mut used = 0;
            for (row, set) in (0..).zip(&self.row_sets) {
                let next = used + times[*set as usize];
                for place in used..next {
                    let Some(code) = values.code(place) else { continue };
                    let (_, rows) = groups.entry(code).or_insert_with(|| (place, Vec::new()));
                    if rows.last() != Some(&row) {
                        rows.push(row);
                    }
                }
                used = next;
            }
            for (place, rows) in groups.into_values() {
                take(self.keys[kind.key as usize], &values.get(place)?, &rows);
            }
        }
        let whole_rows = (0..).zip(&self.row_sets).filter(|(_, set)| **set == 0).map(|(row, _)| row);
        for (row, bytes) in whole_rows.zip(&self.whole) {
            for attribute in decode_whole(bytes)? {
                if type_of(&attribute.value) != OTHER && type_of(&attribute.value) != EMPTY {
                    take(&attribute.key, &attribute.value, &[row]);
                }
            }
        }
        Ok(())
    }

    fn rows_of_kind(
        &self,
        kind: usize,
        takes: &mut impl FnMut(&AttributeValue) -> bool,
        found: &mut Vec<usize>,
    ) -> Result<(), StoreError> {
        let values = self.values(kind)?;
        let mut taken = Vec::new();
        values.for_each_entry(|value| {
            taken.push(takes(value));
            Ok(())
        })?;
        if !taken.contains(&true) {
            return Ok(());
        }
        let times: Vec<usize> =
            self.sets.iter().map(|set| set.iter().filter(|known| **known as usize == kind).count()).collect();
        let mut used = 0;
        for (row, set) in self.row_sets.iter().enumerate() {
            let next = used + times[*set as usize];
            if (used..next).any(|value| taken[values.entry(value)]) {
                found.push(row);
            }
            used = next;
        }
        Ok(())
    }

    fn values(&self, kind: usize) -> Result<Values<'a>, StoreError> {
        let (bytes, count) = self.columns[kind];
        Ok(match self.kinds[kind].ty {
            EMPTY => Values::Empty,
            BOOL => Values::Bools(decode_flags(bytes, count)?),
            INT => Values::Ints(decode_integers(bytes, count)?),
            DOUBLE => Values::Doubles(decode_fixed(bytes, count)?),
            TEXT => Values::Texts(TextColumn::decode(bytes, count)?),
            _ => Values::Others(BytesColumn::decode(bytes, count)?),
        })
    }
}

impl Values<'_> {
    fn get(&self, place: usize) -> Result<AttributeValue, StoreError> {
        let missing = || bad("a value that is not there");
        Ok(match self {
            Self::Empty => AttributeValue::Empty,
            Self::Bools(values) => AttributeValue::Bool(*values.get(place).ok_or_else(missing)?),
            Self::Ints(values) => AttributeValue::Int(*values.get(place).ok_or_else(missing)?),
            Self::Doubles(values) => {
                AttributeValue::Double(f64::from_le_bytes(*values.get(place).ok_or_else(missing)?))
            }
            Self::Texts(column) => AttributeValue::Text(column.get(place).ok_or_else(missing)?.to_string()),
            Self::Others(column) => decode_other(column.get(place).ok_or_else(missing)?)?,
        })
    }

    /// Each value that is told apart by [`Self::entry`], in the order of that number.
    fn for_each_entry(
        &self,
        mut take: impl FnMut(&AttributeValue) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Empty => take(&AttributeValue::Empty),
            Self::Bools(_) => [false, true].iter().try_for_each(|value| take(&AttributeValue::Bool(*value))),
            Self::Ints(values) => values.iter().try_for_each(|value| take(&AttributeValue::Int(*value))),
            Self::Doubles(values) => {
                values.iter().try_for_each(|value| take(&AttributeValue::Double(f64::from_le_bytes(*value))))
            }
            Self::Texts(column) => {
                // Entry 0 is for rows without a text, of which a sound column has none.
                take(&AttributeValue::Empty)?;
                column.entries.iter().try_for_each(|text| take(&AttributeValue::Text((*text).to_string())))
            }
            Self::Others(column) => {
                take(&AttributeValue::Empty)?;
                column.entries.iter().try_for_each(|bytes| take(&decode_other(bytes)?))
            }
        }
    }

    /// What equal values have in common; none of what is not plain.
    fn code(&self, place: usize) -> Option<u64> {
        Some(match self {
            Self::Empty | Self::Others(_) => return None,
            Self::Bools(values) => u64::from(*values.get(place)?),
            Self::Ints(values) => *values.get(place)? as u64,
            Self::Doubles(values) => u64::from_le_bytes(*values.get(place)?),
            Self::Texts(column) => u64::from(*column.codes.get(place)?).checked_sub(1)?,
        })
    }

    fn entry(&self, place: usize) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bools(values) => usize::from(values[place]),
            Self::Ints(_) | Self::Doubles(_) => place,
            Self::Texts(column) => column.codes[place] as usize,
            Self::Others(column) => column.codes[place] as usize,
        }
    }
}

/// How many values of each kind some rows have.
fn value_counts(sets: &[Vec<u32>], kinds: usize, row_sets: &[u32]) -> Result<Vec<usize>, StoreError> {
    let mut times = vec![0_usize; sets.len()];
    row_sets.iter().for_each(|set| times[*set as usize] += 1);
    let mut counts = vec![0_usize; kinds];
    let mut total = 0_usize;
    for (set, times) in sets.iter().zip(times).filter(|(_, times)| *times > 0) {
        total = total.saturating_add(set.len().saturating_mul(times));
        if total > ATTRIBUTE_VALUES_MAX {
            return Err(bad("more values than a chunk holds"));
        }
        set.iter().for_each(|kind| counts[*kind as usize] += times);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::in_any_order;
    use super::*;

    fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
        let leaf = prop_oneof![
            Just(AttributeValue::Empty),
            any::<bool>().prop_map(AttributeValue::Bool),
            any::<i64>().prop_map(AttributeValue::Int),
            (0..3_i64).prop_map(AttributeValue::Int),
            (-1e300..1e300_f64).prop_map(AttributeValue::Double),
            "[ab]{0,2}".prop_map(AttributeValue::Text),
            "\\PC{0,12}".prop_map(AttributeValue::Text),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(AttributeValue::Bytes),
        ];
        let value =
            leaf.prop_recursive(3, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(AttributeValue::List));
        prop::collection::vec(("[abc]{1,2}", value).prop_map(|(key, value)| Attribute { key, value }), 0..5)
    }

    fn attribute_column(rows: &[Vec<Attribute>], order: &[u32]) -> Vec<u8> {
        let mut builder = AttributesBuilder::new();
        rows.iter().for_each(|row| builder.push(row));
        builder.finish(order)
    }

    fn assert_attributes_come_back(rows: &[Vec<Attribute>], order: &[u32]) {
        let bytes = attribute_column(rows, order);
        let column = AttributeColumn::decode(&bytes, rows.len()).unwrap();
        let expected: Vec<&Vec<Attribute>> = order.iter().map(|row| &rows[*row as usize]).collect();
        for range in [0..rows.len(), 0..rows.len() / 2, rows.len() / 2..rows.len()] {
            let found = column.rows(range.clone()).unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected[range]);
        }
        let one = expected.iter().flat_map(|row| row.iter()).last();
        let Some(wanted) = one else { return };
        let matching = |attribute: &&Attribute| attribute.key == wanted.key && attribute.value == wanted.value;
        let rows_with: Vec<usize> =
            (0..expected.len()).filter(|row| expected[*row].iter().any(|one| matching(&one))).collect();
        assert_eq!(column.rows_where(&wanted.key, |value| *value == wanted.value).unwrap(), rows_with.clone());
        let mut grouped = Vec::new();
        column
            .for_each_group(|key, value, rows| {
                if key == wanted.key && *value == wanted.value {
                    grouped.extend(rows.iter().map(|row| *row as usize));
                }
            })
            .unwrap();
        grouped.sort_unstable();
        let is_plain = !matches!(type_of(&wanted.value), EMPTY | OTHER);
        assert_eq!(grouped, if is_plain { rows_with } else { Vec::new() });
        let mut is_told = false;
        column.for_each_value(|key, value| is_told |= key == wanted.key && *value == wanted.value).unwrap();
        assert!(is_told);
    }

    proptest! {
        #[test]
        fn attributes_come_back_in_the_order_asked_for((rows, order) in in_any_order(attributes())) {
            assert_attributes_come_back(&rows, &order);
        }

        #[test]
        fn other_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), rows in 0..9_usize) {
            read_everything(&bytes, rows);
        }

        /// Sound columns with a byte changed, or cut off.
        #[test]
        fn damaged_columns_do_not_panic((rows, order) in in_any_order(attributes()), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = attribute_column(&rows, &order);
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                read_everything(&bytes[..place], rows.len());
                bytes[place] = byte;
                read_everything(&bytes, rows.len());
            }
        }
    }

    fn read_everything(bytes: &[u8], rows: usize) {
        if let Ok(column) = AttributeColumn::decode(bytes, rows) {
            let _ = column.rows(0..rows);
            let _ = column.rows(rows / 2..rows + 1);
            let _ = column.for_each_value(|_, _| {});
            let _ = column.for_each_group(|_, _, _| {});
            for key in ["a", "b", "ab"] {
                let _ = column.rows_where(key, |_| true);
            }
        }
    }

    #[test]
    fn equal_rows_cost_nothing_more() {
        let row = vec![
            Attribute { key: "db.system".into(), value: AttributeValue::Text("sqlite".into()) },
            Attribute { key: "server.port".into(), value: AttributeValue::Int(5432) },
        ];
        let size = |rows: usize| {
            let order: Vec<u32> = (0..rows as u32).collect();
            attribute_column(&vec![row.clone(); rows], &order).len()
        };
        assert_eq!(size(10_000), size(2));
    }

    /// A client that makes up keys: the rows beyond the limit are kept whole, and are found all the same.
    #[test]
    fn more_keys_than_a_column_has_room_for_come_back() {
        let rows: Vec<Vec<Attribute>> = (0..ATTRIBUTE_KINDS_MAX as i64 + 50)
            .map(|no| vec![Attribute { key: format!("key{no}"), value: AttributeValue::Int(no) }])
            .collect();
        let order: Vec<u32> = (0..rows.len() as u32).rev().collect();
        assert_attributes_come_back(&rows, &order);
        let order: Vec<u32> = (0..rows.len() as u32).collect();
        assert_attributes_come_back(&rows, &order);
    }

    /// A few bytes that say they are very many values: no memory is taken for them.
    #[test]
    fn claims_are_not_believed() {
        let mut bytes = Vec::new();
        put_uint(&mut bytes, 1);
        put_bytes(&mut bytes, b"key");
        put_uint(&mut bytes, 1);
        bytes.extend([0, INT]);
        put_uint(&mut bytes, 1);
        put_uint(&mut bytes, 900);
        bytes.extend([0; 900]);
        put_bytes(&mut bytes, &encode_integers(&[1; 2]));
        put_bytes(&mut bytes, &encode_integers(&[5; 2]));
        assert!(AttributeColumn::decode(&bytes, 100_000).is_err());
        assert!(AttributeColumn::decode(&bytes, 2).is_ok());
    }
}
