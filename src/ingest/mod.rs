//! The route in, between decoding and storing: filters and limits, scrubbing, grouping, summarising, compressing.
//!
//! Turns [`Decoded`] into rows to be. Knows no protocol (both decode into the same type) and no SQL. All the work
//! happens on the caller's thread, so that the writer's has as little as possible.

mod admission;
mod blobs;
mod crawlers;
mod digest;
mod feedback;
pub mod filters;
mod findings;
mod glob;
mod health;
pub mod limiter;
mod logs;
mod metrics;
mod monitors;
mod own_calls;
pub mod policy;
mod reports;
mod spans;

use admission::Door;
use xxhash_rust::xxh3::xxh3_64;

pub use admission::Admission;
pub use digest::Digest;
use feedback::prepare_feedback;
pub use findings::tell_findings;
pub use limiter::Limiter;
pub use monitors::watch_monitors;
pub use own_calls::OwnAddress;
pub use policy::{Policy, ServerPolicy};

use crate::config::facts::FACT_LIMITS;
use crate::grouping;
use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::Event;
use crate::model::facts::Facts;
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::scrub::scrub_whole_event;
use crate::store::transfer::Again;
use crate::store::{Bodies, CheckInWrite, EventWrite, OutcomeWrite, SpansWrite, Write, compress, encode_spans};

/// Rows ready to be stored, and what to say about them.
pub struct Prepared {
    pub writes: Vec<Write>,
    pub digest: Digest,
    /// What was let in and what was not.
    pub admission: Admission,
}

/// Filters, limits, scrubs, groups, summarises and compresses everything decoded from one request. CPU work: call it off the async
/// threads.
pub fn prepare(project: &Project, decoded: Decoded, policy: &Policy, bodies: &Bodies, received_ms: i64) -> Prepared {
    let rules = &policy.scrub;
    let mut door = Door::new(project, policy, received_ms);
    let mut digest = Digest::default();
    let mut writes = Vec::with_capacity(decoded.items.len() + decoded.refused.len());
    // Files and profiles last: whether they come in depends on what they belong to.
    let (blobs, others): (Vec<_>, Vec<_>) =
        decoded.items.into_iter().partition(|item| matches!(item, Incoming::Blob(_)));
    for item in others.into_iter().chain(blobs) {
        let Some(item) = door.let_in(item, &mut digest, &mut writes) else { continue };
        match item {
            Incoming::Event(event) => {
                let write = prepare_event(project, *event, policy, bodies, received_ms);
                digest.add_event(&write.title, write.level, write.trace_id);
                writes.push(Write::Event(Box::new(write)));
            }
            Incoming::Spans { mut batch, transactions } => {
                spans::normalise(&mut batch, project, rules);
                let parts = spans::summarise(&batch, project.id);
                digest.add_spans(&batch, &parts, transactions, rules);
                if parts.is_empty() {
                    continue;
                }
                let seen = health::releases_of(&batch, project.id, received_ms);
                if !seen.is_empty() {
                    writes.push(Write::Releases(seen));
                }
                let mut transactions = transactions;
                for (batch, parts) in spans::divide(batch, parts) {
                    let body = compress(&encode_spans(batch));
                    let transactions = std::mem::take(&mut transactions);
                    writes.push(Write::Spans(SpansWrite {
                        project_id: project.id,
                        received_ms,
                        body,
                        parts,
                        transactions,
                    }));
                }
            }
            Incoming::Sessions(batch) => {
                digest.add_sessions(&batch, rules);
                writes.push(Write::Sessions(health::prepare_sessions(batch, project.id, received_ms)));
            }
            Incoming::ClientReport(report) => {
                digest.add_client_report(&report);
                writes.push(Write::ClientReport(health::prepare_client_report(report, project.id, received_ms)));
            }
            Incoming::Blob(blob) => {
                digest.add_blob(&blob, rules);
                writes.push(Write::Blob(Box::new(blobs::prepare_blob(project, *blob, rules, received_ms))));
            }
            Incoming::Logs(mut batch) => {
                logs::normalise(&mut batch, project, rules, received_ms);
                digest.add_logs(&batch);
                let (kept, refusal) = logs::prepare(batch, project, received_ms);
                writes.extend(kept.into_iter().map(Write::Logs));
                if let Some(refusal) = refusal {
                    digest.add_refusal(&refusal, rules);
                    writes.push(outcome(project, received_ms, refusal.category, refusal.reason, refusal.quantity));
                }
            }
            Incoming::Metrics(batch) => {
                digest.add_metrics(&batch, rules);
                writes.extend(metrics::prepare(batch, project, rules, received_ms).map(Write::Metrics));
            }
            Incoming::Feedback(feedback) => {
                let write = prepare_feedback(project, *feedback, rules, received_ms);
                digest.add_feedback(&write.message, write.trace_id);
                writes.push(Write::Feedback(Box::new(write)));
            }
            // Never gets past the door.
            Incoming::Orphan { .. } => {}
            Incoming::Filtered { category, reason, quantity } => {
                digest.add_noise(&category, reason, quantity);
                writes.push(outcome(project, received_ms, category, reason, quantity));
            }
            Incoming::CheckIn(check_in) => {
                digest.add_check_in(&check_in, rules);
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
        if refusal.reason == Reason::RateLimited {
            door.refused_unread(&refusal, &mut digest, &mut writes);
            continue;
        }
        digest.add_refusal(&refusal, rules);
        writes.push(outcome(project, received_ms, refusal.category, refusal.reason, refusal.quantity));
    }
    let admission = door.close(&mut writes);
    Prepared { writes, digest, admission }
}

/// Records that were kept before, of another store, to rows to be: nothing is filtered, scrubbed or counted again.
pub const AGAIN: Again = Again {
    spans: |project_id, received_ms, batch| {
        let parts = spans::summarise(&batch, project_id);
        SpansWrite { project_id, received_ms, body: compress(&encode_spans(batch)), parts, transactions: 0 }
    },
    logs: |project_id, received_ms, batch| logs::prepare_again(batch, project_id, received_ms),
    metrics: |project_id, received_ms, batch| metrics::write(batch, project_id, received_ms),
};

/// Of an event that is scrubbed. One of which something was taken away is read again as it is kept, and so is one that was
/// made elsewhere.
fn facts_of(event: &Event, bodies: &Bodies) -> Facts {
    if event.more.is_some() { Facts::of(event, &FACT_LIMITS) } else { bodies.read_facts(&event.body) }
}

fn outcome(project: &Project, received_ms: i64, category: String, reason: Reason, quantity: u64) -> Write {
    Write::Outcome(OutcomeWrite { project_id: project.id, received_ms, category, reason: reason.as_str(), quantity })
}

fn prepare_event(
    project: &Project,
    mut event: Event,
    policy: &Policy,
    bodies: &Bodies,
    received_ms: i64,
) -> EventWrite {
    if event.report.is_some() {
        reports::settle(&mut event, &policy.scrub, received_ms);
    }
    // Before grouping, as in Sentry: titles are made of what is kept, and reading the body again finds the same group.
    scrub_whole_event(&mut event, &policy.scrub);
    let grouping = grouping::group(&event, &policy.grouping);
    let title = grouping::title(&event, &grouping);
    let hashes: Vec<[u8; 16]> = grouping.hashes().collect();
    let sighting = reports::sighting(&event, &grouping, &policy.grouping);
    let facts = facts_of(&event, bodies);
    EventWrite {
        project_id: project.id,
        facts,
        event_id: event.event_id,
        received_ms,
        timestamp_ms: event.timestamp_ms,
        kind: event.kind,
        level: event.level,
        is_unhandled: event.is_unhandled(),
        title,
        user_hash: event.user.as_deref().map(|user| xxh3_64(user.as_bytes())),
        grouping_version: grouping.version,
        body: bodies.compress_event(project.id, hashes.first().copied(), &event.body),
        hashes,
        sighting,
        report: event.report,
        platform: event.platform,
        release: event.release,
        environment: event.environment,
        trace_id: event.trace_id,
        span_id: event.span_id,
    }
}
