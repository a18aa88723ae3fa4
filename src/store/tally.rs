//! How often values were met under keys: what completion offers and what a list can be narrowed by.
//!
//! Bounded: a key with too many values is nothing to choose by and is given up.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::config::search::{FACET_KEYS_MAX, FACET_VALUE_BYTES_MAX, FACET_VALUES_MAX};
use crate::model::span::AttributeValue;

/// Values by key, with how often they were met. None of a key that was given up.
#[derive(Default)]
pub(super) struct Tally {
    keys: HashMap<String, Option<HashMap<String, u64>>>,
}

/// What there is, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offered {
    pub names: Vec<(String, u64)>,
    /// There is more that was not looked at.
    pub is_partial: bool,
}

impl Tally {
    pub(super) fn add(&mut self, key: &str, value: &str, count: u64) {
        if value.is_empty() || count == 0 {
            return;
        }
        if !self.keys.contains_key(key) {
            if self.keys.len() >= FACET_KEYS_MAX {
                return;
            }
            self.keys.insert(key.to_string(), Some(HashMap::new()));
        }
        let Some(of_key) = self.keys.get_mut(key) else { return };
        let Some(values) = of_key else { return };
        if let Some(known) = values.get_mut(value) {
            *known += count;
        } else if values.len() < FACET_VALUES_MAX && value.len() <= FACET_VALUE_BYTES_MAX {
            values.insert(value.to_string(), count);
        } else {
            *of_key = None;
        }
    }

    pub(super) fn add_attribute(&mut self, key: &str, value: &AttributeValue, count: u64) {
        match value {
            AttributeValue::Text(text) => self.add(key, text, count),
            AttributeValue::Int(number) => self.add(key, &number.to_string(), count),
            AttributeValue::Double(number) => self.add(key, &number.to_string(), count),
            AttributeValue::Bool(is_true) => self.add(key, if *is_true { "true" } else { "false" }, count),
            _ => {}
        }
    }

    /// Keys with values to choose from, those that were met most often first.
    pub(super) fn into_facets(self) -> Vec<(String, Vec<(String, u64)>)> {
        let mut facets = Vec::new();
        for (key, values) in self.keys {
            let Some(values) = values.filter(|values| !values.is_empty()) else { continue };
            let total: u64 = values.values().sum();
            facets.push(((Reverse(total), key), most_frequent(values)));
        }
        facets.sort_by(|(one, _), (other, _)| one.cmp(other));
        facets.into_iter().map(|((_, key), values)| (key, values)).collect()
    }
}

/// The most frequent first, and by name.
pub(super) fn most_frequent(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut names: Vec<(String, u64)> = counts.into_iter().collect();
    names.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_no_facets_and_the_rest_is_counted() {
        let mut tally = Tally::default();
        for number in 0..FACET_VALUES_MAX + 5 {
            tally.add("id", &number.to_string(), 1);
            tally.add_attribute("shop", &AttributeValue::Int(number as i64 % 3), 2);
        }
        tally.add("level", "error", 1);
        tally.add("level", "", 1);
        tally.add("body", &"x".repeat(FACET_VALUE_BYTES_MAX + 1), 1);
        let facets = tally.into_facets();
        let names: Vec<&str> = facets.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["shop", "level"]);
        assert_eq!(facets[0].1[0], ("0".to_string(), 1_338));
    }
}
