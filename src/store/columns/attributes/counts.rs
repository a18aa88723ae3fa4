//! How often values stand in a column: for what there is to choose from.

use std::collections::HashMap;

use super::super::TextColumn;
use super::{AttributeColumn, EMPTY, OTHER, StoreError, TEXT, decode_whole, value_counts};
use crate::model::span::AttributeValue;

impl TextColumn<'_> {
    /// Every text and how many of the rows that are taken have it.
    pub(in crate::store) fn for_each_count(&self, is_taken: &[bool], mut take: impl FnMut(&str, u64)) {
        let mut counts = vec![0_u64; self.entries.len() + 1];
        for (code, _) in self.codes.iter().zip(is_taken).filter(|(_, is_taken)| **is_taken) {
            counts[*code as usize] += 1;
        }
        for (text, count) in self.entries.iter().zip(&counts[1..]).filter(|(_, count)| **count > 0) {
            take(text, *count);
        }
    }
}

impl AttributeColumn<'_> {
    /// Every key and how often it is there. Rows that are kept whole are passed by.
    pub(in crate::store) fn for_each_key(&self, mut take: impl FnMut(&str, u64)) -> Result<(), StoreError> {
        let counts = value_counts(&self.sets, self.kinds.len(), &self.row_sets)?;
        for (kind, count) in self.kinds.iter().zip(counts).filter(|(_, count)| *count > 0) {
            take(self.keys[kind.key as usize], count as u64);
        }
        Ok(())
    }

    /// Every value that can be searched for under the keys that are wanted, and how often it stands in the rows that are
    /// taken; numbers one by one.
    pub(in crate::store) fn for_each_count(
        &self,
        is_taken: &[bool],
        mut wants: impl FnMut(&str) -> bool,
        mut take: impl FnMut(&str, &AttributeValue, u64),
    ) -> Result<(), StoreError> {
        for (number, kind) in self.kinds.iter().enumerate() {
            let key = self.keys[kind.key as usize];
            if matches!(kind.ty, EMPTY | OTHER) || !wants(key) {
                continue;
            }
            let times: Vec<usize> =
                self.sets.iter().map(|set| set.iter().filter(|known| **known as usize == number).count()).collect();
            let values = self.values(number)?;
            let mut counts: HashMap<usize, u64> = HashMap::new();
            let mut used = 0;
            for (set, is_taken) in self.row_sets.iter().zip(is_taken) {
                let next = used + times[*set as usize];
                if *is_taken {
                    (used..next).for_each(|place| *counts.entry(values.entry(place)).or_default() += 1);
                }
                used = next;
            }
            let mut entry = 0;
            values.for_each_entry(|value| {
                // Of texts, entry 0 stands for none.
                if let Some(count) = counts.get(&entry).filter(|_| !(kind.ty == TEXT && entry == 0)) {
                    take(key, value, *count);
                }
                entry += 1;
                Ok(())
            })?;
        }
        let whole_rows = (0..self.row_sets.len()).filter(|row| self.row_sets[*row] == 0);
        for (row, bytes) in whole_rows.zip(&self.whole) {
            if is_taken.get(row) == Some(&true) {
                for attribute in decode_whole(bytes)? {
                    let is_other = !matches!(
                        attribute.value,
                        AttributeValue::Bool(_)
                            | AttributeValue::Int(_)
                            | AttributeValue::Double(_)
                            | AttributeValue::Text(_)
                    );
                    if !is_other && wants(&attribute.key) {
                        take(&attribute.key, &attribute.value, 1);
                    }
                }
            }
        }
        Ok(())
    }
}
