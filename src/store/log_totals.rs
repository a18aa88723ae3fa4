//! Records that a search takes, counted: over time, and by the values they have.
//!
//! Newest first and for a bounded time, as the list: what was not looked at is said. Where nothing is searched for, counts by
//! minute are kept ready ([`super::logs`]).

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::asked::attribute_names;
use super::log_asked::AskedLogs;
use super::log_chunks::Chunk;
use super::log_columns::Places;
use super::logs::{Candidate, LogFilter, LogVolume, each_candidate, read_batch, read_volume};
use super::tally::{Offered, Tally};
use super::{Store, StoreError};
use crate::config::LOG_SCAN_MS;
use crate::config::search::{FACET_KEYS_SHOWN_MAX, FACET_VALUES_SHOWN_MAX, SEARCH_OFFER_MS};
use crate::model::log::LogLevel;
use crate::model::time::minute_of;
use crate::search::{Expr, Key, Known};

/// What the records that were found have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogFacets {
    /// Key and its most frequent values, with how many of the records have them.
    pub facets: Vec<(String, Vec<(String, u64)>)>,
    /// Records that were counted.
    pub of: u64,
    /// Time was up: what is older was not counted.
    pub searched_to_ns: Option<i64>,
}

/// Counted besides attributes, in this order.
const FACETS: [Known; 5] = [Known::Level, Known::Service, Known::Environment, Known::Logger, Known::Release];

impl Store {
    /// Counts in `stretches` equal stretches of `minutes` each, from `from_minute` on; and how far a search got.
    pub async fn log_volume(
        &self,
        filter: LogFilter,
        expr: Expr,
        from_minute: i64,
        minutes: i64,
        stretches: usize,
    ) -> Result<(LogVolume, Option<i64>), StoreError> {
        self.readers
            .run(move |connection| {
                let mut volume = read_volume(connection, &filter, from_minute, minutes, stretches)?;
                if expr == Expr::Everything {
                    return Ok((volume, None));
                }
                let (counts, searched_to_ns) =
                    count(connection, filter.clone(), &expr, from_minute, minutes, stretches)?;
                volume.counts = counts;
                Ok((volume, searched_to_ns))
            })
            .await
    }

    /// What the records that meet a search can be narrowed by.
    pub async fn log_facets(&self, filter: LogFilter, expr: Expr) -> Result<LogFacets, StoreError> {
        self.readers
            .run(move |connection| {
                let asked = AskedLogs::new(&filter, &expr, None);
                let mut tally = Tally::default();
                let mut of = 0;
                let searched_to_ns = each_taken(connection, &asked, LOG_SCAN_MS, |taken| {
                    of += taken.count();
                    FACETS.iter().try_for_each(|known| taken.add(&Key::Known(*known), known.name(), &mut tally))?;
                    taken.add_attributes(&mut tally)
                })?;
                Ok(LogFacets { facets: shown(tally), of, searched_to_ns })
            })
            .await
    }

    /// Names of attributes that recent records have.
    pub async fn log_keys(&self, filter: LogFilter) -> Result<Offered, StoreError> {
        self.readers
            .run(move |connection| {
                let asked = AskedLogs::new(&filter, &Expr::Everything, None);
                let mut keys = Tally::default();
                let searched_to_ns =
                    each_taken(connection, &asked, SEARCH_OFFER_MS, |taken| taken.add_keys(&mut keys))?;
                Ok(offered(keys, searched_to_ns))
            })
            .await
    }

    /// Values that recent records have under a key.
    pub async fn log_values(&self, filter: LogFilter, key: Key) -> Result<Offered, StoreError> {
        self.readers
            .run(move |connection| {
                let asked = AskedLogs::new(&filter, &Expr::Everything, None);
                let mut values = Tally::default();
                let searched_to_ns =
                    each_taken(connection, &asked, SEARCH_OFFER_MS, |taken| taken.add(&key, "", &mut values))?;
                Ok(offered(values, searched_to_ns))
            })
            .await
    }
}

fn offered(tally: Tally, searched_to_ns: Option<i64>) -> Offered {
    let names = tally.into_facets().pop().map(|(_, names)| names).unwrap_or_default();
    Offered { names, is_partial: searched_to_ns.is_some() }
}

/// What we have names for first, then the attributes that most records have.
fn shown(tally: Tally) -> Vec<(String, Vec<(String, u64)>)> {
    let mut facets = tally.into_facets();
    let place = |key: &str| FACETS.iter().position(|known| known.name() == key).unwrap_or(FACETS.len());
    facets.sort_by_key(|(key, _)| place(key));
    facets.truncate(FACET_KEYS_SHOWN_MAX);
    facets.iter_mut().for_each(|(_, values)| values.truncate(FACET_VALUES_SHOWN_MAX));
    facets
}

/// Records that are taken, of one place.
enum Taken<'t, 'c> {
    Row(&'t super::LogRow),
    Chunk { chunk: &'t Chunk<'c>, places: &'t Places, rows: &'t [usize] },
}

impl Taken<'_, '_> {
    fn count(&self) -> u64 {
        match self {
            Self::Row(_) => 1,
            Self::Chunk { rows, .. } => rows.len() as u64,
        }
    }

    /// The values under a key, told to the tally under `name`.
    fn add(&self, key: &Key, name: &str, tally: &mut Tally) -> Result<(), StoreError> {
        let (chunk, places, rows) = match self {
            Self::Row(row) => {
                let resource = &row.resource;
                match key {
                    Key::Known(Known::Level) => tally.add(name, LogLevel::of(row.record.severity).as_str(), 1),
                    Key::Known(Known::Service) => tally.add(name, &resource.service, 1),
                    Key::Known(Known::Environment) => tally.add(name, resource.environment.as_deref().unwrap_or(""), 1),
                    Key::Known(Known::Release) => tally.add(name, resource.release.as_deref().unwrap_or(""), 1),
                    Key::Known(Known::Logger) => tally.add(name, row.record.logger.as_deref().unwrap_or(""), 1),
                    Key::Known(Known::Template) => tally.add(name, row.record.template.as_deref().unwrap_or(""), 1),
                    key => {
                        let names = attribute_names(key);
                        let all = row.record.attributes.iter().chain(&resource.attributes);
                        let named = all.filter(|attribute| names.contains(&attribute.key.as_str()));
                        named.for_each(|attribute| tally.add_attribute(name, &attribute.value, 1));
                    }
                }
                return Ok(());
            }
            Self::Chunk { chunk, places, rows } => (chunk, places, rows),
        };
        let resource_of = |row: &usize| &places.resources[places.record_resources[*row] as usize];
        match key {
            Key::Known(Known::Level) => {
                let mut counts = [0; LogLevel::ALL.len()];
                rows.iter().for_each(|row| counts[LogLevel::of(places.severities[*row]) as usize] += 1);
                LogLevel::ALL.iter().zip(counts).for_each(|(level, count)| tally.add(name, level.as_str(), count));
            }
            Key::Known(Known::Service) => rows.iter().for_each(|row| tally.add(name, &resource_of(row).service, 1)),
            Key::Known(Known::Environment) => {
                rows.iter().for_each(|row| tally.add(name, resource_of(row).environment.as_deref().unwrap_or(""), 1));
            }
            Key::Known(Known::Release) => {
                rows.iter().for_each(|row| tally.add(name, resource_of(row).release.as_deref().unwrap_or(""), 1));
            }
            Key::Known(known @ (Known::Logger | Known::Template)) => {
                let texts = chunk.texts()?;
                let column = if *known == Known::Logger { texts.loggers()? } else { texts.templates()? };
                column.for_each_count(&flags(rows, places.len()), |text, count| tally.add(name, text, count));
            }
            key @ Key::Attribute(_) => {
                let names = attribute_names(key);
                let wants = |key: &str| names.contains(&key);
                let details = chunk.details()?;
                details.attributes()?.for_each_count(&flags(rows, places.len()), wants, |_, value, count| {
                    tally.add_attribute(name, value, count);
                })?;
                for row in *rows {
                    let named = resource_of(row).attributes.iter().filter(|attribute| wants(&attribute.key));
                    named.for_each(|attribute| tally.add_attribute(name, &attribute.value, 1));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// All but those that are called as what is counted of every record anyway: what a resource says of its service is the
    /// service, and a press on another one's value would ask for the record's own.
    fn add_attributes(&self, tally: &mut Tally) -> Result<(), StoreError> {
        let is_apart = |key: &str| !FACETS.iter().any(|known| known.name() == key);
        match self {
            Self::Row(row) => {
                let all = row.record.attributes.iter().chain(&row.resource.attributes);
                let apart = all.filter(|attribute| is_apart(&attribute.key));
                apart.for_each(|attribute| tally.add_attribute(&attribute.key, &attribute.value, 1));
            }
            Self::Chunk { chunk, places, rows } => {
                let details = chunk.details()?;
                let column = details.attributes()?;
                column.for_each_count(&flags(rows, places.len()), is_apart, |key, value, count| {
                    tally.add_attribute(key, value, count);
                })?;
                for (resource, count) in by_resource(places, rows) {
                    let all = places.resources[resource].attributes.iter();
                    for attribute in all.filter(|attribute| is_apart(&attribute.key)) {
                        tally.add_attribute(&attribute.key, &attribute.value, count);
                    }
                }
            }
        }
        Ok(())
    }

    /// The names of attributes, as values of no key.
    fn add_keys(&self, tally: &mut Tally) -> Result<(), StoreError> {
        match self {
            Self::Row(row) => {
                let all = row.record.attributes.iter().chain(&row.resource.attributes);
                all.for_each(|attribute| tally.add("", &attribute.key, 1));
            }
            Self::Chunk { chunk, places, rows } => {
                chunk.details()?.attributes()?.for_each_key(|key, count| tally.add("", key, count))?;
                for (resource, count) in by_resource(places, rows) {
                    for attribute in &places.resources[resource].attributes {
                        tally.add("", &attribute.key, count);
                    }
                }
            }
        }
        Ok(())
    }
}

fn by_resource(places: &Places, rows: &[usize]) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(places.record_resources[*row] as usize).or_default() += 1);
    counts
}

fn flags(rows: &[usize], count: usize) -> Vec<bool> {
    let mut is_taken = vec![false; count];
    rows.iter().for_each(|row| is_taken[*row] = true);
    is_taken
}

/// Gives everything that is taken, the newest places first, for so long; where it stopped.
fn each_taken(
    connection: &Connection,
    asked: &AskedLogs,
    time_ms: u64,
    mut take: impl FnMut(&Taken<'_, '_>) -> Result<(), StoreError>,
) -> Result<Option<i64>, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(time_ms);
    let mut searched_to_ns = None;
    let mut is_first = true;
    each_candidate(connection, asked, asked.filter().to_ns, |max_ns, candidate| {
        // One place is looked at in any case.
        if !is_first && Instant::now() > deadline {
            searched_to_ns = Some(max_ns);
            return Ok(ControlFlow::Break(()));
        }
        is_first = false;
        match candidate {
            Candidate::Batch(id) => {
                let Some((opened, _)) = read_batch(connection, id)? else { return Ok(ControlFlow::Continue(())) };
                opened.rows().filter(|row| asked.takes(row)).try_for_each(|row| take(&Taken::Row(&row)))?;
            }
            Candidate::Chunk(id, record_count) => {
                let chunk = Chunk::new(connection, id, record_count);
                if asked.may_take_any(&chunk)? {
                    let places = chunk.places()?;
                    let rows = asked.rows_taken(&chunk, &places)?;
                    if !rows.is_empty() {
                        take(&Taken::Chunk { chunk: &chunk, places: &places, rows: &rows })?;
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(searched_to_ns)
}

/// Counts by stretch and level.
type Counts = Vec<(usize, LogLevel, u64)>;

fn count(
    connection: &Connection,
    mut filter: LogFilter,
    expr: &Expr,
    from_minute: i64,
    minutes: i64,
    stretches: usize,
) -> Result<(Counts, Option<i64>), StoreError> {
    const MINUTE_NS: i64 = 60_000_000_000;
    filter.from_ns = from_minute.saturating_mul(MINUTE_NS);
    let end = from_minute.saturating_add(minutes.saturating_mul(stretches as i64));
    filter.to_ns = end.saturating_mul(MINUTE_NS).saturating_sub(1);
    let asked = AskedLogs::new(&filter, expr, None);
    let mut counts: BTreeMap<(usize, LogLevel), u64> = BTreeMap::new();
    let mut add = |time_ns: i64, severity: u8| {
        let stretch = (minute_of(time_ns) - from_minute) / minutes.max(1);
        *counts.entry((stretch.max(0) as usize, LogLevel::of(severity))).or_default() += 1;
    };
    let searched_to_ns = each_taken(connection, &asked, LOG_SCAN_MS, |taken| {
        match taken {
            Taken::Row(row) => add(row.record.time_ns, row.record.severity),
            Taken::Chunk { places, rows, .. } => {
                rows.iter().for_each(|row| add(places.times[*row], places.severities[*row]));
            }
        }
        Ok(())
    })?;
    let counts = counts.into_iter().map(|((stretch, level), count)| (stretch, level, count)).collect();
    Ok((counts, searched_to_ns))
}
