//! Events of one chunk, or those that wait: which they are, and their columns by key.
//!
//! Owns the layout of the events themselves (ids, issues, projects, times), how facts become columns, and what becomes of
//! keys beyond those that have a column of their own: they share one, of `key NUL value`. Knows no question and no SQL.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::StoreError;
use super::super::columns::{Input, decode_integers, encode_integers, pack, put_bytes, put_uint, unpack};
use super::column::{Column, ColumnBuilder, decode_codes, encode_codes};
use super::staged::StagedEvent;
use crate::model::facts::{FactKey, Field};

/// Key of the column of all that have none of their own.
pub(super) const OVERFLOW: &str = "";
/// Between key and value there. Names do not contain it.
const OVERFLOW_MARK: char = '\0';

/// The events, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Events {
    pub(super) ids: Vec<i64>,
    /// Every issue once.
    pub(super) issues: Vec<i64>,
    /// Of each event, the place of its issue.
    pub(super) issue_of: Vec<u32>,
    pub(super) projects: Vec<u32>,
    pub(super) times: Vec<i64>,
}

fn bad(what: &str) -> StoreError {
    StoreError::BadBody(format!("facts: {what}"))
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn issue(&self, row: usize) -> i64 {
        self.issues[self.issue_of[row] as usize]
    }

    pub(super) fn push(&mut self, places: &mut HashMap<i64, u32>, id: i64, issue: i64, project: u32, time: i64) {
        let place = *places.entry(issue).or_insert_with(|| {
            self.issues.push(issue);
            self.issues.len() as u32 - 1
        });
        self.ids.push(id);
        self.issue_of.push(place);
        self.projects.push(project);
        self.times.push(time);
    }

    pub(super) fn weight(&self) -> usize {
        self.len() * 24 + self.issues.len() * 8
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, &encode_integers(&self.ids));
        put_uint(&mut out, self.issues.len() as u64);
        self.issues.iter().for_each(|issue| out.extend_from_slice(&issue.to_le_bytes()));
        encode_codes(&mut out, &self.issue_of, self.issues.len());
        let projects: Vec<i64> = self.projects.iter().map(|project| i64::from(*project)).collect();
        put_bytes(&mut out, &encode_integers(&projects));
        put_bytes(&mut out, &encode_integers(&self.times));
        pack(&out)
    }

    pub(super) fn decode(bytes: &[u8], rows: usize) -> Result<Self, StoreError> {
        let bytes = unpack(bytes)?;
        let mut input = Input(&bytes);
        let ids = decode_integers(input.bytes()?, rows)?;
        let issue_count = input.len()?;
        let issues = input.take(issue_count * 8)?.as_chunks::<8>().0.iter().map(|id| i64::from_le_bytes(*id)).collect();
        let issue_of = decode_codes(&mut input, rows, issue_count)?;
        if issue_of.iter().any(|place| *place as usize >= issue_count) {
            return Err(bad("an issue that is not there"));
        }
        let projects = decode_integers(input.bytes()?, rows)?;
        let projects = projects.into_iter().map(|id| u32::try_from(id).map_err(|_| bad("a project that is none")));
        let projects = projects.collect::<Result<_, _>>()?;
        let times = decode_integers(input.bytes()?, rows)?;
        input.end()?;
        if !ids.is_sorted() {
            return Err(bad("events out of their order"));
        }
        Ok(Self { ids, issues, issue_of, projects, times })
    }
}

/// Columns by the text of their key.
pub(super) type Columns = HashMap<String, Arc<Column>>;

/// Columns while events are looked through.
struct Building<'f> {
    fields: Vec<Option<Pending>>,
    named: HashMap<FactKey<'f>, Pending>,
}

#[derive(Default)]
struct Pending {
    builder: ColumnBuilder,
    rows: u32,
}

impl Pending {
    /// The row's code, after nothing for those since the last one.
    fn put(&mut self, row: u32, code: u32) {
        while self.rows < row {
            self.builder.push_code(0);
            self.rows += 1;
        }
        self.builder.push_code(code);
        self.rows += 1;
    }
}

/// The events in the order of their ids, the later of two with the same one alone; and their columns, of the keys that are
/// wanted.
pub(super) fn of_staged(staged: &[StagedEvent], wanted: impl Fn(FactKey<'_>) -> bool) -> (Events, Columns) {
    let mut latest: HashMap<i64, usize> = HashMap::with_capacity(staged.len());
    latest.extend(staged.iter().enumerate().map(|(place, event)| (event.id, place)));
    let mut order: Vec<usize> = latest.into_values().collect();
    order.sort_unstable_by_key(|place| staged[*place].id);
    let mut events = Events::default();
    let mut places = HashMap::new();
    let mut building = Building { fields: Field::ALL.iter().map(|_| None).collect(), named: HashMap::new() };
    let mut found: Vec<(FactKey<'_>, &str)> = Vec::new();
    for (row, place) in order.into_iter().enumerate() {
        let event = &staged[place];
        events.push(&mut places, event.id, event.issue_id, event.project_id, event.timestamp_ms);
        found.clear();
        found.extend(event.facts.iter().filter(|(key, _)| wanted(*key)));
        // Values of one key next to each other, in their order.
        found.sort_by_key(|(key, _)| *key);
        for facts in found.chunk_by(|(one, _), (other, _)| one == other) {
            let key = facts[0].0;
            let pending = match key {
                FactKey::Field(field) => building.fields[field as usize].get_or_insert_default(),
                key => building.named.entry(key).or_default(),
            };
            let code = pending.builder.code(facts.iter().map(|(_, value)| *value));
            pending.put(row as u32, code);
        }
    }
    let rows = events.len() as u32;
    let fields = building.fields.into_iter().zip(Field::ALL);
    let fields = fields.filter_map(|(pending, field)| Some((FactKey::Field(*field), pending?)));
    let columns = fields.chain(building.named).map(|(key, mut pending)| {
        while pending.rows < rows {
            pending.builder.push_code(0);
            pending.rows += 1;
        }
        (key.text(), Arc::new(pending.builder.finish()))
    });
    (events, columns.collect())
}

/// Key and value of what stands in the column that keys share.
pub(super) fn shared_fact(text: &str) -> Option<(&str, &str)> {
    text.split_once(OVERFLOW_MARK)
}

/// The column of a key that has to share one.
pub(super) fn out_of_overflow(overflow: &Column, key: &str) -> Option<Column> {
    let mine: Vec<Option<&str>> = overflow
        .values()
        .map(|value| value.split_once(OVERFLOW_MARK).filter(|(known, _)| *known == key).map(|(_, value)| value))
        .collect();
    if mine.iter().all(Option::is_none) {
        return None;
    }
    let mut builder = ColumnBuilder::default();
    let codes: Vec<u32> = (0..overflow.list_count())
        .map(|list| builder.code(overflow.list(list).filter_map(|place| mine[place as usize])))
        .collect();
    for code in overflow.codes() {
        builder.push_code(code.checked_sub(1).map_or(0, |list| codes[list as usize]));
    }
    Some(builder.finish())
}

/// What is made into one chunk: later ones win.
pub(super) struct Source {
    pub(super) events: Events,
    pub(super) columns: Columns,
}

/// A chunk to be.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) events: Events,
    /// Key, column, events that have it; the shared one last.
    pub(super) columns: Vec<(String, Column, usize)>,
}

/// Puts `sources` together, without the rows that `is_kept` does not take.
pub(super) fn join(sources: &[Source], keys_max: usize, is_kept: impl Fn(usize, usize) -> bool) -> Sealed {
    let mut latest: HashMap<i64, (u32, u32)> = HashMap::new();
    for (place, source) in sources.iter().enumerate() {
        for (row, id) in source.events.ids.iter().enumerate().filter(|(row, _)| is_kept(place, *row)) {
            latest.insert(*id, (place as u32, row as u32));
        }
    }
    let mut order: Vec<(i64, u32, u32)> = latest.into_iter().map(|(id, (place, row))| (id, place, row)).collect();
    order.sort_unstable();
    let mut events = Events::default();
    let mut places = HashMap::new();
    for (id, place, row) in &order {
        let (from, row) = (&sources[*place as usize].events, *row as usize);
        events.push(&mut places, *id, from.issue(row), from.projects[row], from.times[row]);
    }
    let (chosen, rest) = choose_keys(sources, keys_max);
    let mut columns = Vec::with_capacity(chosen.len() + 1);
    for key in &chosen {
        let of_sources: Vec<Option<Arc<Column>>> = sources
            .iter()
            .map(|source| match source.columns.get(key) {
                Some(column) => Some(column.clone()),
                None => source.columns.get(OVERFLOW).and_then(|column| out_of_overflow(column, key)).map(Arc::new),
            })
            .collect();
        let (column, present) = join_column(&of_sources, &order);
        if present > 0 {
            columns.push((key.clone(), column, present));
        }
    }
    if !rest.is_empty() || sources.iter().any(|source| source.columns.contains_key(OVERFLOW)) {
        let (column, present) = join_rest(sources, &chosen, &rest, &order);
        if present > 0 {
            columns.push((OVERFLOW.to_owned(), column, present));
        }
    }
    Sealed { events, columns }
}

/// Keys that get a column, and those of columns that get none any more. Fields always do, then the most frequent names.
fn choose_keys(sources: &[Source], keys_max: usize) -> (Vec<String>, Vec<String>) {
    let mut rows: HashMap<&str, usize> = HashMap::new();
    for source in sources {
        for (key, column) in &source.columns {
            if key != OVERFLOW {
                *rows.entry(key).or_default() += column.codes().iter().filter(|code| **code > 0).count();
                continue;
            }
            let mut rows_of_list = vec![0_usize; column.list_count() + 1];
            column.codes().iter().for_each(|code| rows_of_list[*code as usize] += 1);
            for list in 0..column.list_count() {
                for place in column.list(list) {
                    if let Some((key, _)) = column.value(place as usize).split_once(OVERFLOW_MARK) {
                        *rows.entry(key).or_default() += rows_of_list[list + 1];
                    }
                }
            }
        }
    }
    let mut keys: Vec<(bool, usize, &str)> =
        rows.into_iter().map(|(key, rows)| (Field::parse(key).is_some(), rows, key)).collect();
    keys.sort_unstable_by(|one, other| (other.0, other.1, one.2).cmp(&(one.0, one.1, other.2)));
    let mut keys: Vec<String> = keys.into_iter().map(|(_, _, key)| key.to_owned()).collect();
    let rest = keys.split_off(keys_max.min(keys.len()));
    (keys, rest)
}

const UNKNOWN: u32 = u32::MAX;

fn join_column(of_sources: &[Option<Arc<Column>>], order: &[(i64, u32, u32)]) -> (Column, usize) {
    let mut builder = ColumnBuilder::default();
    // Of each source, what its codes are now.
    let mut codes: Vec<Vec<u32>> = of_sources
        .iter()
        .map(|column| column.as_ref().map_or_else(Vec::new, |column| vec![UNKNOWN; column.list_count() + 1]))
        .collect();
    for (_, place, row) in order {
        let Some(column) = &of_sources[*place as usize] else {
            builder.push_code(0);
            continue;
        };
        let old = column.codes()[*row as usize] as usize;
        let known = &mut codes[*place as usize][old];
        if *known == UNKNOWN {
            *known = match old.checked_sub(1) {
                Some(list) => builder.code(column.list(list).map(|place| column.value(place as usize))),
                None => 0,
            };
        }
        builder.push_code(*known);
    }
    let present = builder.present();
    (builder.finish(), present)
}

/// All facts of keys that are not chosen, in one column.
fn join_rest(sources: &[Source], chosen: &[String], rest: &[String], order: &[(i64, u32, u32)]) -> (Column, usize) {
    let chosen: std::collections::HashSet<&str> = chosen.iter().map(String::as_str).collect();
    let mut builder = ColumnBuilder::default();
    let mut texts: Vec<String> = Vec::new();
    for (_, place, row) in order {
        let (columns, row) = (&sources[*place as usize].columns, *row as usize);
        texts.clear();
        for key in rest {
            if let Some(column) = columns.get(key) {
                texts.extend(column.of_row(row).map(|value| format!("{key}{OVERFLOW_MARK}{value}")));
            }
        }
        if let Some(overflow) = columns.get(OVERFLOW) {
            let kept = overflow
                .of_row(row)
                .filter(|text| text.split_once(OVERFLOW_MARK).is_some_and(|(key, _)| !chosen.contains(key)));
            texts.extend(kept.map(str::to_owned));
        }
        let code = builder.code(texts.iter().map(String::as_str));
        builder.push_code(code);
    }
    let present = builder.present();
    (builder.finish(), present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::facts::FACT_LIMITS;
    use crate::model::facts::Facts;

    fn staged(id: i64, issue_id: i64, facts: &[(FactKey<'_>, &str)]) -> StagedEvent {
        let mut kept = Facts::default();
        facts.iter().for_each(|(key, value)| kept.push(*key, value, &FACT_LIMITS));
        StagedEvent { id, issue_id, project_id: 1, timestamp_ms: id * 10, facts: kept }
    }

    fn source(staged: &[StagedEvent]) -> Source {
        let (events, columns) = of_staged(staged, |_| true);
        Source { events, columns }
    }

    fn values(sealed: &Sealed, key: &str) -> Vec<String> {
        let column = sealed.columns.iter().find(|(known, ..)| known == key).map(|(_, column, _)| column);
        let text = |row| column.map(|column| column.of_row(row).collect::<Vec<_>>().join("|")).unwrap_or_default();
        (0..sealed.events.len()).map(text).collect()
    }

    const LEVEL: FactKey<'static> = FactKey::Field(Field::Level);
    const TYPE: FactKey<'static> = FactKey::Field(Field::ErrorType);

    #[test]
    fn events_stand_in_the_order_of_their_ids_and_the_later_facts_win() {
        let sources = [
            source(&[staged(3, 7, &[(LEVEL, "error"), (TYPE, "A"), (TYPE, "B")]), staged(1, 8, &[])]),
            source(&[staged(2, 7, &[(LEVEL, "info")]), staged(3, 9, &[(LEVEL, "fatal")])]),
        ];
        let sealed = join(&sources, 10, |_, _| true);
        assert_eq!(sealed.events.ids, [1, 2, 3]);
        assert_eq!((sealed.events.issue(2), sealed.events.times[2]), (9, 30));
        assert_eq!(values(&sealed, "level"), ["", "info", "fatal"]);
        assert_eq!(values(&sealed, "error.type"), ["", "", ""], "of what was replaced nothing is left");
        let again = Events::decode(&sealed.events.encode(), 3).unwrap();
        assert_eq!(again, sealed.events);
    }

    #[test]
    fn keys_beyond_their_number_share_a_column_and_come_out_of_it_again() {
        let tag = FactKey::Tag;
        let sources = [source(&[
            staged(1, 7, &[(LEVEL, "error"), (tag("often"), "1"), (tag("a"), "x"), (tag("b"), "y")]),
            staged(2, 7, &[(LEVEL, "error"), (tag("often"), "2"), (tag("a"), "z")]),
        ])];
        let sealed = join(&sources, 2, |_, _| true);
        let keys: Vec<&str> = sealed.columns.iter().map(|(key, ..)| key.as_str()).collect();
        assert_eq!(keys, ["level", "tags[a]", ""], "fields first, then the most frequent, then by name");
        let overflow = &sealed.columns[2].1;
        let often = out_of_overflow(overflow, "tags[often]").unwrap();
        assert_eq!((0..2).map(|row| often.of_row(row).collect::<String>()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(out_of_overflow(overflow, "tags[c]").is_none());

        // Merged with another, where `often` is the most frequent.
        let columns = sealed.columns.iter().map(|(key, column, _)| (key.clone(), Arc::new(column.clone()))).collect();
        let first = Source { events: sealed.events, columns };
        let second = source(&[staged(3, 7, &[(tag("often"), "3")]), staged(4, 7, &[(tag("often"), "4")])]);
        let merged = join(&[first, second], 2, |_, row| row != 1);
        assert_eq!(merged.events.ids, [1, 3], "the second row of both is left out");
        let merged = join(
            &[
                source(&[staged(1, 7, &[(tag("often"), "1"), (tag("b"), "y")])]),
                source(&[staged(3, 7, &[(tag("often"), "3")])]),
            ],
            1,
            |_, _| true,
        );
        assert_eq!(values(&merged, "tags[often]"), ["1", "3"]);
        assert_eq!(out_of_overflow(&merged.columns[1].1, "tags[b]").unwrap().of_row(0).collect::<String>(), "y");
    }

    #[test]
    fn only_what_is_wanted_is_built() {
        let (events, columns) = of_staged(&[staged(1, 7, &[(LEVEL, "error"), (TYPE, "A")])], |key| key == TYPE);
        assert_eq!(events.len(), 1);
        assert_eq!(columns.keys().collect::<Vec<_>>(), ["error.type"]);
    }
}
