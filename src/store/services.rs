//! Which services there are: the names by which lists are filtered.
//!
//! Told by the labels of traces, which many traces share. Knows no span.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{Store, StoreError};

impl Store {
    /// The services of all traces, sorted; the first `limit` of them.
    pub async fn trace_services(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.readers.run(move |connection| read_services(connection, limit)).await
    }
}

const SERVICES_SQL: &str = "SELECT DISTINCT services FROM trace_label";

fn read_services(connection: &Connection, limit: usize) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(SERVICES_SQL)?;
    let mut rows = statement.query([])?;
    let mut services: BTreeSet<String> = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let names: String = row.get(0)?;
        services.extend(names.split('\n').filter(|name| !name.is_empty()).map(str::to_string));
        if services.len() > limit {
            services.pop_last();
        }
    }
    Ok(services.into_iter().collect())
}
