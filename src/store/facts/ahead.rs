//! Reads what words are looked for in before they are, so that the first search of a large store finds it in memory.
//!
//! Owns when that is worth it. Knows nothing of questions.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::super::{Store, StoreError};
use super::chunks::{Chunk, read_chunks};
use super::test::TEXT_FIELDS;
use crate::config::facts::FACT_AHEAD_EVERY_MS;

/// Whether somebody is at it, and when it was last done; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead(Arc<Mutex<Turn>>);

#[derive(Debug, Default)]
struct Turn {
    is_taken: bool,
    ended: Option<Instant>,
}

/// While it lives nobody else is at it.
struct Reading(Ahead);

impl Ahead {
    /// `None` while another one is at it, and for a while behind it.
    fn begin(&self) -> Option<Reading> {
        let mut turn = self.turn();
        let is_due = turn.ended.is_none_or(|ended| ended.elapsed() > Duration::from_millis(FACT_AHEAD_EVERY_MS));
        if turn.is_taken || !is_due {
            return None;
        }
        turn.is_taken = true;
        Some(Reading(self.clone()))
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *self.0.turn() = Turn { is_taken: false, ended: Some(Instant::now()) };
    }
}

impl Store {
    /// Texts and filters of all events into memory, the newest first, as far as there is room; what is there already costs
    /// next to nothing. Returns at once while another call is at it, and when one was lately. Others have their turns in
    /// between.
    pub async fn read_words_ahead(&self) -> Result<(), StoreError> {
        let cache = self.facts.clone();
        let Some(_reading) = cache.ahead().begin() else { return Ok(()) };
        for row in self.readers.run(read_chunks).await? {
            let cache = cache.clone();
            let has_room = self
                .readers
                .run(move |connection| {
                    let chunk = Chunk::new(connection, &cache, row);
                    let mut has_room = chunk.keep_events()?;
                    for field in TEXT_FIELDS {
                        has_room = has_room && chunk.keep_column(field.name())?;
                    }
                    Ok(has_room)
                })
                .await?;
            if !has_room {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_not_again_and_again() {
        let ahead = Ahead::default();
        let reading = ahead.begin();
        assert!(reading.is_some() && ahead.begin().is_none());
        drop(reading);
        assert!(ahead.begin().is_none(), "it was done just now");
        ahead.turn().ended = Instant::now().checked_sub(Duration::from_millis(FACT_AHEAD_EVERY_MS + 1));
        assert!(ahead.begin().is_some());
    }
}
