//! Which lines of the application asked a query last.
//!
//! Owns how many are told apart, their order, and how they are written down. A line that is asked from no more makes way
//! for those that are: code moves, and the line that a list names should be the one that is there now.

use std::cmp::Reverse;

use super::find::CallSite;
use crate::config::{CALL_SITE_BYTES_MAX, CALL_SITES_MAX};

/// The latest first; of the same minute the one that asked most often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSites(Vec<Asked>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    /// `shop/views.py:12 in books_list`
    place: String,
    count: u64,
    /// Since the epoch, when it asked last.
    minute: i64,
}

impl CallSites {
    pub fn add(&mut self, call_site: &CallSite, minute: i64) {
        let place = call_site.to_string();
        if place.len() <= CALL_SITE_BYTES_MAX {
            self.add_asked(Asked { place, count: 1, minute });
            self.settle();
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|asked| self.add_asked(asked.clone()));
        self.settle();
    }

    fn add_asked(&mut self, asked: Asked) {
        match self.0.iter_mut().find(|known| known.place == asked.place) {
            Some(known) => {
                known.count = known.count.saturating_add(asked.count);
                known.minute = known.minute.max(asked.minute);
            }
            None => self.0.push(asked),
        }
    }

    fn settle(&mut self) {
        self.0.sort_by(|a, b| (Reverse((a.minute, a.count)), &a.place).cmp(&(Reverse((b.minute, b.count)), &b.place)));
        self.0.truncate(CALL_SITES_MAX);
    }

    /// None of them asked later than this.
    pub fn not_after(&mut self, minute: i64) {
        self.0.iter_mut().for_each(|asked| asked.minute = asked.minute.min(minute));
        self.settle();
    }

    /// Those that asked then or later.
    pub fn since(mut self, minute: i64) -> Self {
        self.0.retain(|asked| asked.minute >= minute);
        self
    }

    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|asked| asked.place.as_str())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// There may have been more than are told apart.
    pub fn is_full(&self) -> bool {
        self.0.len() >= CALL_SITES_MAX
    }

    pub fn to_json(&self) -> String {
        let rows: Vec<(&str, u64, i64)> =
            self.0.iter().map(|asked| (asked.place.as_str(), asked.count, asked.minute)).collect();
        // Texts and numbers are always JSON.
        serde_json::to_string(&rows).unwrap_or_default()
    }

    /// Of anything else none.
    pub fn from_json(json: &str) -> Self {
        let rows: Vec<(String, u64, i64)> = serde_json::from_str(json).unwrap_or_default();
        let mut read = Self(rows.into_iter().map(|(place, count, minute)| Asked { place, count, minute }).collect());
        read.settle();
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(line: u64) -> CallSite {
        CallSite { file: "shop/views.py".to_string(), line: Some(line), function: Some("books".to_string()) }
    }

    fn of(asked: &[(u64, i64)]) -> CallSites {
        let mut sites = CallSites::default();
        asked.iter().for_each(|(line, minute)| sites.add(&site(*line), *minute));
        sites
    }

    fn lines(sites: &CallSites) -> Vec<u64> {
        let line = |place: &str| place.split([':', ' ']).nth(1).and_then(|line| line.parse().ok());
        sites.places().map(|place| line(place).unwrap()).collect()
    }

    #[test]
    fn the_line_that_asked_last_is_first_and_of_one_minute_the_commonest() {
        assert_eq!(lines(&of(&[(1, 5), (1, 5), (2, 6)])), [2, 1]);
        assert_eq!(lines(&of(&[(1, 5), (2, 5), (2, 5), (2, 5), (3, 5), (3, 5)])), [2, 3, 1]);
        let mut late = of(&[(2, 6)]);
        late.merge(&of(&[(1, 5), (1, 5)]));
        assert_eq!(lines(&late), [2, 1]);
        late.merge(&of(&[(1, 6)]));
        assert_eq!(lines(&late), [1, 2]);
        assert_eq!(late.places().next(), Some("shop/views.py:1 in books"));
    }

    #[test]
    fn lines_without_end_leave_the_latest() {
        let all: Vec<(u64, i64)> = (0..100).map(|n| (n, n as i64)).collect();
        let sites = of(&all);
        assert_eq!(lines(&sites), (92..100).rev().collect::<Vec<_>>());
        assert!(sites.is_full() && !of(&all[..7]).is_full());
        let mut merged = of(&all[..8]);
        merged.merge(&of(&all[50..54]));
        assert_eq!(lines(&merged), [53, 52, 51, 50, 7, 6, 5, 4]);
    }

    #[test]
    fn a_place_as_long_as_no_path_is_left_out() {
        let mut sites = CallSites::default();
        sites.add(&CallSite { file: "x".repeat(CALL_SITE_BYTES_MAX + 1), line: None, function: None }, 1);
        assert!(sites.is_empty());
        sites.add(&CallSite { file: "x".repeat(CALL_SITE_BYTES_MAX), line: None, function: None }, 1);
        assert!(!sites.is_empty());
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let sites = of(&[(1, 5), (2, 6), (2, 6)]);
        assert_eq!(CallSites::from_json(&sites.to_json()), sites);
        for json in ["", "{}", "[1]", "[[\"a\"]]", "null"] {
            assert!(CallSites::from_json(json).is_empty(), "{json}");
        }
    }

    #[test]
    fn a_time_has_those_that_asked_in_it() {
        let sites = of(&[(1, 5), (2, 6), (3, 7)]);
        assert_eq!(lines(&sites.clone().since(6)), [3, 2]);
        let mut early = sites;
        early.not_after(6);
        assert_eq!(lines(&early.since(6)), [2, 3]);
    }
}
