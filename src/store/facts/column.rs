//! One column of facts: the values of one key of many events.
//!
//! Owns its layout: every value once, every list of values once, and for each event the number of its list. So a question is
//! asked of each value once, and an answer is looked up. Knows neither keys nor where a column is kept. Bytes are taken for
//! hostile: decoding gives [`StoreError::BadBody`], never panics, and allocates no more than rows and bytes justify.
//!
//! This is a file format: what was sealed must stay readable.

use std::collections::HashMap;
use std::sync::OnceLock;

use memchr::memmem::Finder;

use super::super::StoreError;
use super::super::columns::{Input, decode_integers, encode_integers, pack, put_bytes, put_uint, unpack};
use super::word::find_each;

/// First byte of a column before compression.
const VERSION: u8 = 1;

/// Values of a key; a list of them for each event, number 0 for none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Column {
    arena: String,
    /// Where each value ends.
    ends: Vec<u32>,
    /// Where each list ends among the members; none when every list is the value of its number.
    lists: Option<Lists>,
    codes: Vec<u32>,
    /// All values are.
    is_ascii: bool,
    lower: Lower,
}

/// All values lower-cased, where each takes as many bytes as before; made when a word is first looked for, and only where
/// not all are ASCII.
#[derive(Clone, Debug, Default)]
struct Lower(OnceLock<Option<Box<str>>>);

/// It follows from the values.
impl PartialEq for Lower {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Lists {
    ends: Vec<u32>,
    members: Vec<u32>,
}

fn bad(what: &str) -> StoreError {
    StoreError::BadBody(format!("facts: {what}"))
}

impl Column {
    pub(super) fn value_count(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn value(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.arena[start..self.ends[place] as usize]
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|place| self.value(place))
    }

    /// Bytes of all values.
    pub(super) fn value_bytes(&self) -> usize {
        self.arena.len()
    }

    /// In memory, roughly.
    pub(super) fn weight(&self) -> usize {
        let lists = self.lists.as_ref().map_or(0, |lists| (lists.ends.len() + lists.members.len()) * 4);
        let texts = self.arena.len() * if self.is_ascii { 1 } else { 2 };
        128 + texts + self.ends.len() * 4 + lists + self.codes.len() * 4
    }

    /// Of each event, the number of its list; 0 for none.
    pub(super) fn codes(&self) -> &[u32] {
        &self.codes
    }

    pub(super) fn list_count(&self) -> usize {
        self.lists.as_ref().map_or(self.ends.len(), |lists| lists.ends.len())
    }

    /// The values of a list, which is one less than its code.
    pub(super) fn list(&self, list: usize) -> ListValues<'_> {
        match &self.lists {
            None => ListValues::One(Some(list as u32)),
            Some(lists) => {
                let start = if list == 0 { 0 } else { lists.ends[list - 1] as usize };
                ListValues::Many(lists.members[start..lists.ends[list] as usize].iter())
            }
        }
    }

    /// The values of an event.
    pub(super) fn of_row(&self, row: usize) -> impl Iterator<Item = &str> {
        let list = self.codes.get(row).copied().unwrap_or(0).checked_sub(1);
        list.into_iter().flat_map(|list| self.list(list as usize)).map(|place| self.value(place as usize))
    }

    /// For each code whether `takes` one of its values; it is asked once for each value.
    pub(super) fn codes_where(&self, takes: impl FnMut(&str) -> bool) -> Vec<bool> {
        self.codes_of(self.values().map(takes).collect())
    }

    /// For each code whether one of its values has this in it, whatever the case; `lower` is lower-cased and not empty. All
    /// values are gone through as one text.
    pub(super) fn codes_with(&self, lower: &str) -> Vec<bool> {
        let mut taken = vec![false; self.ends.len()];
        // Where to go on behind a place where it begins.
        let mut take = |at: usize| {
            let place = self.ends.partition_point(|end| *end as usize <= at);
            let Some(end) = self.ends.get(place).map(|end| *end as usize) else { return at + 1 };
            // What begins in one value and ends in the next is in neither.
            let is_within = at + lower.len() <= end;
            taken[place] |= is_within;
            if is_within { end } else { at + 1 }
        };
        if self.is_ascii {
            // What is lower-cased ASCII is ASCII: another word is nowhere.
            find_each(self.arena.as_bytes(), lower, take);
            return self.codes_of(taken);
        }
        let Some(arena) = self.lower.0.get_or_init(|| self.lowered()) else {
            return self.codes_where(|value| value.to_lowercase().contains(lower));
        };
        let finder = Finder::new(lower);
        let mut from = 0;
        while let Some(found) = arena.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
            from = take(from + found);
        }
        self.codes_of(taken)
    }

    /// `None` when a letter takes more bytes or fewer in lower case.
    fn lowered(&self) -> Option<Box<str>> {
        let mut lower = String::with_capacity(self.arena.len());
        for (value, end) in self.values().zip(&self.ends) {
            lower.push_str(&value.to_lowercase());
            if lower.len() != *end as usize {
                return None;
            }
        }
        Some(lower.into())
    }

    /// For each code whether one of its values is taken.
    fn codes_of(&self, taken: Vec<bool>) -> Vec<bool> {
        let mut codes = Vec::with_capacity(self.list_count() + 1);
        codes.push(false);
        match &self.lists {
            None => codes.extend(taken),
            Some(_) => {
                codes.extend((0..self.list_count()).map(|list| self.list(list).any(|place| taken[place as usize])));
            }
        }
        codes
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_uint(&mut out, self.ends.len() as u64);
        put_bytes(&mut out, &encode_integers(&lengths(&self.ends)));
        put_bytes(&mut out, self.arena.as_bytes());
        match &self.lists {
            None => out.push(0),
            Some(lists) => {
                out.push(1);
                put_uint(&mut out, lists.ends.len() as u64);
                put_bytes(&mut out, &encode_integers(&lengths(&lists.ends)));
                put_uint(&mut out, lists.members.len() as u64);
                let members: Vec<i64> = lists.members.iter().map(|member| i64::from(*member)).collect();
                put_bytes(&mut out, &encode_integers(&members));
            }
        }
        encode_codes(&mut out, &self.codes, self.list_count());
        pack(&out)
    }

    pub(super) fn decode(bytes: &[u8], rows: usize) -> Result<Self, StoreError> {
        let bytes = unpack(bytes)?;
        let mut input = Input(&bytes);
        if input.byte()? != VERSION {
            return Err(bad("a column of no known kind"));
        }
        let count = input.len()?;
        let ends = ends(&decode_integers(input.bytes()?, count)?)?;
        let arena = std::str::from_utf8(input.bytes()?).map_err(|_| bad("a text that is none"))?;
        let is_cut_well = ends.iter().all(|end| arena.is_char_boundary(*end as usize));
        if ends.last().map_or(0, |end| *end as usize) != arena.len() || !is_cut_well {
            return Err(bad("texts that do not fit their lengths"));
        }
        let lists = match input.byte()? {
            0 => None,
            1 => {
                let list_count = input.len()?;
                let list_ends = self::ends(&decode_integers(input.bytes()?, list_count)?)?;
                // Members that repeat take next to nothing, so their number is bounded by what rows can have.
                let member_count = usize::try_from(input.uint()?).ok().filter(|count| *count <= MEMBERS_MAX);
                let member_count = member_count.ok_or_else(|| bad("lists beyond their bounds"))?;
                let members: Result<Vec<u32>, StoreError> = decode_integers(input.bytes()?, member_count)?
                    .into_iter()
                    .map(|member| match u32::try_from(member) {
                        Ok(member) if (member as usize) < count => Ok(member),
                        _ => Err(bad("a value that is not there")),
                    })
                    .collect();
                let members = members?;
                if list_ends.last().map_or(0, |end| *end as usize) != members.len() {
                    return Err(bad("lists that do not fit their lengths"));
                }
                Some(Lists { ends: list_ends, members })
            }
            _ => return Err(bad("lists of no known kind")),
        };
        let list_count = lists.as_ref().map_or(count, |lists| lists.ends.len());
        let codes = decode_codes(&mut input, rows, list_count)?;
        input.end()?;
        let is_ascii = arena.is_ascii();
        Ok(Self { arena: arena.to_owned(), ends, lists, codes, is_ascii, lower: Lower::default() })
    }
}

/// Members of all lists of a column: with the most values there may be in the most events there may be.
const MEMBERS_MAX: usize = 1 << 23;

pub(super) enum ListValues<'a> {
    One(Option<u32>),
    Many(std::slice::Iter<'a, u32>),
}

impl Iterator for ListValues<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::One(value) => value.take(),
            Self::Many(values) => values.next().copied(),
        }
    }
}

fn lengths(ends: &[u32]) -> Vec<i64> {
    ends.iter().zip(std::iter::once(&0).chain(ends)).map(|(end, start)| i64::from(*end) - i64::from(*start)).collect()
}

fn ends(lengths: &[i64]) -> Result<Vec<u32>, StoreError> {
    let mut end = 0_i64;
    let sums = lengths.iter().map(|length| {
        end = end.saturating_add((*length).max(0));
        u32::try_from(end).ok().filter(|_| *length >= 0).ok_or_else(|| bad("a length out of its bounds"))
    });
    sums.collect()
}

/// As wide as the greatest needs, so that reading them is copying.
pub(super) fn encode_codes(out: &mut Vec<u8>, codes: &[u32], greatest: usize) {
    match greatest {
        0..=0xff => {
            out.push(1);
            out.extend(codes.iter().map(|code| *code as u8));
        }
        0x100..=0xffff => {
            out.push(2);
            codes.iter().for_each(|code| out.extend_from_slice(&(*code as u16).to_le_bytes()));
        }
        _ => {
            out.push(4);
            codes.iter().for_each(|code| out.extend_from_slice(&code.to_le_bytes()));
        }
    }
}

pub(super) fn decode_codes(input: &mut Input<'_>, rows: usize, greatest: usize) -> Result<Vec<u32>, StoreError> {
    let width = input.byte()?;
    let bytes = rows.checked_mul(usize::from(width)).ok_or_else(|| bad("more rows than there can be"))?;
    let bytes = input.take(bytes)?;
    let codes: Vec<u32> = match width {
        1 => bytes.iter().map(|byte| u32::from(*byte)).collect(),
        2 => bytes.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_le_bytes(*pair))).collect(),
        4 => bytes.as_chunks::<4>().0.iter().map(|four| u32::from_le_bytes(*four)).collect(),
        _ => return Err(bad("codes of no known width")),
    };
    if codes.iter().any(|code| *code as usize > greatest) {
        return Err(bad("a list that is not there"));
    }
    Ok(codes)
}

/// Puts a column together, row by row or out of others.
#[derive(Default)]
pub(super) struct ColumnBuilder {
    values: HashMap<Box<str>, u32>,
    in_order: Vec<Box<str>>,
    lists: HashMap<Box<[u32]>, u32>,
    lists_in_order: Vec<Box<[u32]>>,
    codes: Vec<u32>,
}

impl ColumnBuilder {
    fn value(&mut self, value: &str) -> u32 {
        if let Some(place) = self.values.get(value) {
            return *place;
        }
        let place = self.in_order.len() as u32;
        self.values.insert(value.into(), place);
        self.in_order.push(value.into());
        place
    }

    /// The code of an event with these values.
    pub(super) fn code<'v>(&mut self, values: impl Iterator<Item = &'v str>) -> u32 {
        let mut list: Vec<u32> = Vec::new();
        for value in values {
            let place = self.value(value);
            if !list.contains(&place) {
                list.push(place);
            }
        }
        if list.is_empty() {
            return 0;
        }
        if let Some(code) = self.lists.get(list.as_slice()) {
            return *code;
        }
        self.lists_in_order.push(list.clone().into());
        let code = self.lists_in_order.len() as u32;
        self.lists.insert(list.into(), code);
        code
    }

    pub(super) fn push_code(&mut self, code: u32) {
        self.codes.push(code);
    }

    /// Rows that have a value.
    pub(super) fn present(&self) -> usize {
        self.codes.iter().filter(|code| **code > 0).count()
    }

    pub(super) fn finish(self) -> Column {
        let mut column = Column { codes: self.codes, ..Column::default() };
        for value in &self.in_order {
            column.arena.push_str(value);
            column.ends.push(column.arena.len() as u32);
        }
        column.is_ascii = column.arena.is_ascii();
        let is_plain = self.lists_in_order.iter().enumerate().all(|(place, list)| **list == [place as u32]);
        if !is_plain {
            let mut lists = Lists::default();
            for list in &self.lists_in_order {
                lists.members.extend_from_slice(list);
                lists.ends.push(lists.members.len() as u32);
            }
            column.lists = Some(lists);
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(rows: &[Vec<&str>]) -> Column {
        let mut builder = ColumnBuilder::default();
        for row in rows {
            let code = builder.code(row.iter().copied());
            builder.push_code(code);
        }
        builder.finish()
    }

    #[test]
    fn values_and_lists_stand_once_each() {
        let column = column(&[vec!["a"], vec![], vec!["a", "b"], vec!["a", "b", "a"], vec!["b"]]);
        assert_eq!(column.values().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((column.list_count(), column.codes()), (3, &[1, 0, 2, 2, 3][..]));
        assert_eq!(column.of_row(3).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(column.codes_where(|value| value == "b"), [false, false, true, true]);
        assert_eq!(column.of_row(99).count(), 0);
    }

    /// Chunks on disk are made like this: it never changes.
    #[test]
    fn the_format_is_frozen() {
        let bytes = unpack(&column(&[vec!["x", "y"], vec![], vec!["x"]]).encode()).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "010202000202787901020301040203040100020001010002");
    }

    #[test]
    fn a_word_is_within_one_value() {
        let column = column(&[vec!["Abc"], vec!["dEf", "ABCD"], vec!["İabc"], vec![], vec!["abc"]]);
        assert_eq!(column.codes_with("abc"), column.codes_where(|value| value.to_lowercase().contains("abc")));
        assert_eq!(column.codes_with("cd"), column.codes_where(|value| value.to_lowercase().contains("cd")));
        let ascii = self::column(&[vec!["xa"], vec!["ay"], vec!["AA"]]);
        assert_eq!(ascii.codes_with("aa"), [false, false, false, true]);
        assert_eq!(ascii.codes_with("a"), [false, true, true, true]);
    }

    proptest! {
        #[test]
        fn words_are_found_as_one_by_one(
            rows in prop::collection::vec(prop::collection::vec("[aAbB\u{e9}\u{c9}\u{130}]{0,5}", 0..3), 0..12),
            word in "[ab\u{e9}]{1,3}",
        ) {
            let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
            let column = column(&rows);
            prop_assert_eq!(column.codes_with(&word), column.codes_where(|value| value.to_lowercase().contains(&word)));
        }

        #[test]
        fn columns_come_back(rows in prop::collection::vec(prop::collection::vec("[a-cé]{0,3}", 0..4), 0..60)) {
            let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
            let column = column(&rows);
            let again = Column::decode(&column.encode(), rows.len()).unwrap();
            prop_assert_eq!(&again, &column);
            for (place, row) in rows.iter().enumerate() {
                let mut distinct: Vec<&str> = Vec::new();
                row.iter().for_each(|value| if !distinct.contains(value) { distinct.push(value) });
                prop_assert_eq!(again.of_row(place).collect::<Vec<_>>(), distinct);
            }
        }

        #[test]
        fn damaged_columns_are_told(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let rows = [vec!["x", "y"], vec![], vec!["x"], vec!["ä"]];
            let mut bytes = unpack(&column(&rows).encode()).unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(column) = Column::decode(&pack(&bytes), rows.len()) {
                assert!((0..rows.len()).all(|row| column.of_row(row).count() <= column.value_count()));
                column.codes_where(|_| true);
            }
        }
    }
}
