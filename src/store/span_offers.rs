//! Keys and values that recent spans have: what completion offers.
//!
//! The newest chunks and what is not sealed, for a bounded time. Counts are of what was looked at.

use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::asked::attribute_names;
use super::readers::check_time;
use super::span_asked::{kind_word, status_word};
use super::span_chunks;
use super::tally::{Offered, Tally};
use super::trace_search::{PLACES_SQL, WAITING_SQL};
use super::traces::read_batch;
use super::{Store, StoreError};
use crate::config::search::SEARCH_OFFER_MS;
use crate::model::span::{Resource, Span};
use crate::search::{Key, Known};

impl Store {
    /// Names of attributes that recent spans and their processes have.
    pub async fn span_keys(&self) -> Result<Offered, StoreError> {
        self.readers.run(|connection| offers(connection, None)).await
    }

    /// Values that recent spans have under a key.
    pub async fn span_values(&self, key: Key) -> Result<Offered, StoreError> {
        self.readers.run(move |connection| offers(connection, Some(&key))).await
    }
}

/// Values under a key; without one, the names of attributes.
fn offers(connection: &Connection, key: Option<&Key>) -> Result<Offered, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SEARCH_OFFER_MS);
    let mut tally = Tally::default();
    let mut is_partial = false;
    let mut is_first = true;
    let mut has_time = || {
        let is_left = is_first || Instant::now() < deadline;
        is_first = false;
        is_partial |= !is_left;
        is_left
    };
    let mut statement = connection.prepare_cached(WAITING_SQL)?;
    let mut waiting = statement.query([])?;
    while let Some(row) = waiting.next()? {
        if !has_time() {
            break;
        }
        check_time()?;
        let batch = read_batch(connection, row.get(1)?)?.unwrap_or_default();
        for span in &batch.spans {
            add_span(span, &batch.resources[span.resource], key, &mut tally);
        }
    }
    let mut statement = connection.prepare_cached(PLACES_SQL)?;
    let mut chunks = statement.query(named_params! { ":upper_ns": i64::MAX, ":from_ns": i64::MIN })?;
    while let Some(row) = chunks.next()? {
        if !has_time() {
            break;
        }
        check_time()?;
        let mut chunk = span_chunks::open(connection, row.get(1)?)?;
        match key {
            Some(key) => chunk.tally_values(key, &mut tally)?,
            None => chunk.tally_keys(&mut tally)?,
        }
    }
    let names = tally.into_facets().pop().map(|(_, names)| names).unwrap_or_default();
    Ok(Offered { names, is_partial })
}

fn add_span(span: &Span, resource: &Resource, key: Option<&Key>, tally: &mut Tally) {
    let all = span.attributes.iter().chain(&resource.attributes);
    let Some(key) = key else {
        all.for_each(|attribute| tally.add("", &attribute.key, 1));
        return;
    };
    let mut add = |text: &str| tally.add("", text, 1);
    match key {
        Key::Known(Known::SpanName) => add(&span.name),
        Key::Known(Known::SpanOp) => add(&span.op),
        Key::Known(Known::SpanStatus) => add(status_word(span.status)),
        Key::Known(Known::SpanKind) => add(kind_word(span.kind)),
        Key::Known(Known::SpanStatusMessage) => add(&span.status_message),
        Key::Known(Known::HttpStatus) => span.http_status.iter().for_each(|status| add(&status.to_string())),
        Key::Known(Known::Service) => add(&resource.service),
        Key::Known(Known::Release) => resource.release.iter().for_each(|text| add(text)),
        Key::Known(Known::Environment) => resource.environment.iter().for_each(|text| add(text)),
        _ => {}
    }
    let names = attribute_names(key);
    let named = all.filter(|attribute| names.contains(&attribute.key.as_str()));
    named.for_each(|attribute| tally.add_attribute("", &attribute.value, 1));
}
