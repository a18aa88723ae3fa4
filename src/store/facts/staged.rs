//! Facts of one group commit: the row they wait in, and how they come to be in it.
//!
//! Written in the transaction of their events, of those alone that were new. An event that a better report took the place
//! of has facts again, and the later ones count.

use rusqlite::{Connection, Transaction, named_params};

use super::super::StoreError;
use super::super::columns::{Input, pack_quickly, put_bytes, put_uint, unpack, unzigzag, zigzag};
use super::super::write::EventWrite;
use crate::config::facts::FACT_LIMITS;
use crate::model::facts::{Facts, RowFacts};
use crate::model::ids::{IssueId, ServerIds};

/// An event with its facts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StagedEvent {
    /// `event.id`
    pub(super) id: i64,
    pub(super) issue_id: i64,
    pub(super) project_id: u32,
    pub(super) timestamp_ms: i64,
    pub(super) facts: Facts,
}

/// What one transaction adds; written once at its end.
#[derive(Default)]
pub(in super::super) struct FactDeltas {
    events: Vec<StagedEvent>,
    /// Of these, those that had facts before.
    replaced: Vec<i64>,
}

impl FactDeltas {
    /// Of a new event.
    pub(in super::super) fn add(&mut self, id: i64, issue_id: IssueId, event: &EventWrite) {
        let row = (event.release.as_deref(), event.environment.as_deref());
        self.push(id, issue_id, event, row);
    }

    /// Of the event that a better report took the place of, which may leave it release and environment.
    pub(in super::super) fn replace(
        &mut self,
        id: i64,
        issue_id: IssueId,
        event: &EventWrite,
        kept: (Option<&str>, Option<&str>),
    ) {
        self.replaced.push(id);
        self.push(id, issue_id, event, kept);
    }

    fn push(
        &mut self,
        id: i64,
        issue_id: IssueId,
        event: &EventWrite,
        (release, environment): (Option<&str>, Option<&str>),
    ) {
        let mut facts = event.facts.clone();
        let trace = event.trace_id.map(|trace| trace.to_string());
        let span = event.span_id.map(|span| span.to_string());
        let row = RowFacts {
            level: event.level.as_str(),
            platform: &event.platform,
            kind: event.kind.as_str(),
            release,
            environment,
            trace: trace.as_deref(),
            span: span.as_deref(),
            title: &event.title.title,
            culprit: &event.title.culprit,
        };
        facts.add_row(&row, &FACT_LIMITS);
        let (project_id, timestamp_ms) = (event.project_id.0, event.timestamp_ms);
        self.events.push(StagedEvent { id, issue_id: issue_id.0, project_id, timestamp_ms, facts });
    }

    pub(in super::super) fn apply(
        self,
        tx: &Transaction<'_>,
        ids: &mut ServerIds,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let Some(first) = self.events.iter().map(|event| event.id).min() else { return Ok(()) };
        let last = self.events.iter().map(|event| event.id).max().unwrap_or(first);
        let batch_id = ids.next(now_ms);
        let mut statement = tx.prepare_cached(
            "INSERT INTO fact_batch (id, first_event_id, last_event_id, event_count, received_ms, body)
             VALUES (:id, :first, :last, :count, :received_ms, :body)",
        )?;
        statement.execute(named_params! {
            ":id": batch_id,
            ":first": first,
            ":last": last,
            ":count": self.events.len() as i64,
            ":received_ms": now_ms,
            ":body": encode(&self.events),
        })?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO fact_replaced (event_id, batch_id) VALUES (:event_id, :batch_id)
             ON CONFLICT (event_id) DO UPDATE SET batch_id = :batch_id",
        )?;
        for event_id in self.replaced {
            statement.execute(named_params! { ":event_id": event_id, ":batch_id": batch_id })?;
        }
        Ok(())
    }
}

fn encode(events: &[StagedEvent]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.iter().map(|event| event.facts.as_bytes().len() + 32).sum());
    put_uint(&mut out, events.len() as u64);
    let (mut id, mut time) = (0_i64, 0_i64);
    for event in events {
        put_uint(&mut out, zigzag(event.id.wrapping_sub(id)));
        put_uint(&mut out, zigzag(event.timestamp_ms.wrapping_sub(time)));
        (id, time) = (event.id, event.timestamp_ms);
        out.extend_from_slice(&event.issue_id.to_le_bytes());
        put_uint(&mut out, u64::from(event.project_id));
        put_bytes(&mut out, event.facts.as_bytes());
    }
    pack_quickly(&out)
}

pub(super) fn decode(bytes: &[u8], events: &mut Vec<StagedEvent>) -> Result<(), StoreError> {
    let bad = |what: &str| StoreError::BadBody(format!("staged facts: {what}"));
    let bytes = unpack(bytes)?;
    let mut input = Input(&bytes);
    let count = input.len()?;
    let (mut id, mut timestamp_ms) = (0_i64, 0_i64);
    for _ in 0..count {
        id = id.wrapping_add(unzigzag(input.uint()?));
        timestamp_ms = timestamp_ms.wrapping_add(unzigzag(input.uint()?));
        let issue_id = input.take(8)?.try_into().map(i64::from_le_bytes).map_err(|_| bad("an issue cut short"))?;
        let project_id = u32::try_from(input.uint()?).map_err(|_| bad("a project that is none"))?;
        let facts = Facts::from_bytes(input.bytes()?.to_vec());
        events.push(StagedEvent { id, issue_id, project_id, timestamp_ms, facts });
    }
    input.end()
}

/// The batches that wait, oldest first.
pub(super) const STAGED_SQL: &str = "SELECT id, body FROM fact_batch ORDER BY id LIMIT :limit";

/// All events that wait, in the order they came in. A batch that cannot be read is passed by, and told once it is sealed.
pub(super) fn read_staged(connection: &Connection) -> Result<Vec<StagedEvent>, StoreError> {
    let mut statement = connection.prepare_cached(STAGED_SQL)?;
    let mut rows = statement.query(named_params! { ":limit": i64::MAX })?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        super::super::readers::check_time()?;
        let before = events.len();
        if let Err(StoreError::BadBody(_)) = decode(row.get_ref(1)?.as_blob().unwrap_or_default(), &mut events) {
            events.truncate(before);
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::facts::FactKey;
    use crate::store::columns::pack;

    proptest! {
        #[test]
        fn batches_come_back(
            events in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u32>(), any::<i64>(), "[a-z]{0,9}"), 0..20),
        ) {
            let events: Vec<StagedEvent> = events
                .into_iter()
                .map(|(id, issue_id, project_id, timestamp_ms, value)| {
                    let mut facts = Facts::default();
                    facts.push(FactKey::Tag("t"), &value, &FACT_LIMITS);
                    StagedEvent { id, issue_id, project_id, timestamp_ms, facts }
                })
                .collect();
            let mut again = Vec::new();
            decode(&encode(&events), &mut again).unwrap();
            prop_assert_eq!(again, events);
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut events = Vec::new();
            let _ = decode(&bytes, &mut events);
            let _ = decode(&pack(&bytes), &mut events);
        }
    }
}
