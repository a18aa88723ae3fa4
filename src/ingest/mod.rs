//! The route in, between decoding and storing: scrubbing, grouping, summarising, compressing.
//!
//! Turns [`Decoded`] into rows to be. Knows no protocol (both decode into the same type) and no SQL. All the work
//! happens on the caller's thread, so that the writer's has as little as possible.

mod digest;
mod monitors;
mod spans;

use xxhash_rust::xxh3::xxh3_64;

pub use digest::Digest;
pub use monitors::watch_monitors;

use crate::grouping;
use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::Event;
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::scrub::{self, scrub_whole_event};
use crate::store::{CheckInWrite, EventWrite, OutcomeWrite, SpansWrite, Write, compress, encode_spans};

/// Rows ready to be stored, and what to say about them.
pub struct Prepared {
    pub writes: Vec<Write>,
    pub digest: Digest,
}

/// Scrubs, groups, summarises and compresses everything decoded from one request. CPU work: call it off the async
/// threads.
pub fn prepare(project: &Project, decoded: Decoded, rules: &scrub::Rules, received_ms: i64) -> Prepared {
    let mut digest = Digest::default();
    let mut writes = Vec::with_capacity(decoded.items.len() + decoded.refused.len());
    for item in decoded.items {
        match item {
            Incoming::Event(event) => {
                let write = prepare_event(project, *event, rules, received_ms);
                digest.add_event(&write.title, write.level, write.trace_id);
                writes.push(Write::Event(Box::new(write)));
            }
            Incoming::Spans { mut batch, transactions } => {
                spans::normalise(&mut batch, project, rules);
                let parts = spans::summarise(&batch, project.id);
                digest.add_spans(&batch, &parts, transactions);
                if parts.is_empty() {
                    continue;
                }
                let body = compress(&encode_spans(batch));
                writes.push(Write::Spans(SpansWrite {
                    project_id: project.id,
                    received_ms,
                    body,
                    parts,
                    transactions,
                }));
            }
            Incoming::CheckIn(check_in) => {
                digest.add_check_in(&check_in);
                let check_in = CheckInWrite { project_id: project.id, received_ms, check_in: *check_in };
                writes.push(Write::CheckIn(Box::new(check_in)));
            }
            Incoming::Counted { category, quantity } => {
                digest.add_counted(&category, quantity);
                writes.push(outcome(project, received_ms, category, Reason::NotKept, quantity));
            }
        }
    }
    for refusal in decoded.refused {
        digest.add_refusal(&refusal);
        writes.push(outcome(project, received_ms, refusal.category, refusal.reason, refusal.quantity));
    }
    Prepared { writes, digest }
}

fn outcome(project: &Project, received_ms: i64, category: String, reason: Reason, quantity: u64) -> Write {
    Write::Outcome(OutcomeWrite { project_id: project.id, received_ms, category, reason: reason.as_str(), quantity })
}

fn prepare_event(project: &Project, mut event: Event, rules: &scrub::Rules, received_ms: i64) -> EventWrite {
    // Before grouping, as in Sentry: titles are made of what is kept, and reading the body again finds the same group.
    scrub_whole_event(&mut event, rules);
    let grouping = grouping::group(&event);
    let title = grouping::title(&event, grouping.main_exception);
    EventWrite {
        project_id: project.id,
        event_id: event.event_id,
        received_ms,
        timestamp_ms: event.timestamp_ms,
        kind: event.kind,
        level: event.level,
        is_unhandled: event.is_unhandled(),
        title,
        user_hash: event.user.as_deref().map(|user| xxh3_64(user.as_bytes())),
        grouping_version: grouping.version,
        hashes: grouping.hashes().collect(),
        body: compress(&event.body),
        platform: event.platform,
        release: event.release,
        environment: event.environment,
        trace_id: event.trace_id,
        span_id: event.span_id,
    }
}
