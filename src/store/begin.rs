//! When the first of what a chart shows is from: where a chart begins that nobody chose a time for.
//!
//! Of the whole store, out of indexes alone. Knows no ranges.

use rusqlite::Connection;

use super::{Store, StoreError};
use crate::model::time::MINUTE_MS;

/// What is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    Traces,
    Logs,
    Metrics,
    Performance,
}

const FIRST_LOG_SQL: &str = "SELECT min(minute) FROM log_minute";
const FIRST_METRIC_SQL: &str = "SELECT min(minute) FROM metric_minute";
const FIRST_MEASURED_MINUTE_SQL: &str = "SELECT min(minute) FROM perf_minute";
const FIRST_MEASURED_HOUR_SQL: &str = "SELECT min(hour) FROM perf_hour";

impl Store {
    /// The time of the first that is stored, in unix milliseconds, to the minute; `None` when there is none.
    pub async fn first_ms(&self, drawn: Drawn) -> Result<Option<i64>, StoreError> {
        if drawn == Drawn::Traces {
            return Ok(self.oldest_trace_ns().await?.map(|ns| ns / 1_000_000));
        }
        self.readers
            .run(move |connection| first_minute(connection, drawn))
            .await
            .map(|minute| minute.map(|minute| minute.saturating_mul(MINUTE_MS)))
    }
}

fn first_minute(connection: &Connection, drawn: Drawn) -> Result<Option<i64>, StoreError> {
    let least = |sql: &str| -> Result<Option<i64>, StoreError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    match drawn {
        Drawn::Traces => Ok(None),
        Drawn::Logs => least(FIRST_LOG_SQL),
        Drawn::Metrics => least(FIRST_METRIC_SQL),
        Drawn::Performance => {
            let (minute, hour) = (least(FIRST_MEASURED_MINUTE_SQL)?, least(FIRST_MEASURED_HOUR_SQL)?);
            // Hours outlive their minutes, and begin before the first of them.
            Ok(match (minute, hour) {
                (Some(minute), Some(hour)) if hour >= minute.div_euclid(60) => Some(minute),
                (minute, hour) => hour.map(|hour| hour.saturating_mul(60)).or(minute),
            })
        }
    }
}
