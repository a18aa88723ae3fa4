//! Requests and jobs that were told of twice: by Sentry's SDK and by OpenTelemetry, in one process and one trace.
//!
//! Owns which two are one. Both read who called them from the same headers, so their spans stand beside each other, each
//! with the queries and calls that its own SDK saw. Spans that came by both protocols under one id are one already.

use std::collections::HashMap;

use crate::model::ids::SpanId;
use crate::model::span::{Span, SpanBatch, SpanSource};

/// Pairs compared in one trace. One of a thousand requests by each protocol is a loop that calls them, one after the
/// other.
const PAIRS_MAX: usize = 1_000_000;

/// What is known of a request or job when it is compared.
pub(super) struct Segment {
    pub(super) place: usize,
    pub(super) is_task: bool,
    pub(super) name: String,
}

/// By the place of each that does not count the place of the one that counts for it. That is the one of lower `rank`,
/// Sentry's of two that are equal.
pub(super) fn twins(
    batch: &SpanBatch,
    parents: &[Option<usize>],
    segment_of: &[Option<usize>],
    segments: &[Segment],
    rank: &dyn Fn(usize) -> u8,
) -> HashMap<usize, usize> {
    let mut counted_by = HashMap::new();
    let of_source = |source: SpanSource| {
        let mut chosen: Vec<&Segment> =
            segments.iter().filter(|segment| batch.spans[segment.place].source == source).collect();
        // Callers before those they call.
        chosen.sort_by_key(|segment| (batch.spans[segment.place].start_ns, batch.spans[segment.place].span_id.0));
        chosen
    };
    let (sentrys, mut otels) = (of_source(SpanSource::Sentry), of_source(SpanSource::Otel));
    if sentrys.len().saturating_mul(otels.len()) > PAIRS_MAX {
        return counted_by;
    }
    for sentry in sentrys {
        let caller = |place: usize| -> Option<Caller> {
            let Some(parent) = parents[place] else {
                return Some(Caller::Elsewhere(batch.spans[place].parent_span_id));
            };
            let segment = segment_of[parent]?;
            Some(Caller::Here(counted_by.get(&segment).copied().unwrap_or(segment)))
        };
        let is_same = |otel: &Segment| {
            let (one, other) = (&batch.spans[sentry.place], &batch.spans[otel.place]);
            let has_one_caller = one.parent_span_id == other.parent_span_id
                || caller(sentry.place).is_some_and(|known| caller(otel.place) == Some(known));
            let service = |span: &Span| batch.resources.get(span.resource).map(|resource| resource.service.as_str());
            // Each of these can be otherwise for one request: names are a matter of settings, Sentry's service is its
            // project where no tag says another, and what calls may be told of twice as well.
            let alike = [sentry.name == otel.name, service(one) == service(other), has_one_caller];
            sentry.is_task == otel.is_task
                && overlap(one, other)
                && alike.iter().filter(|is_alike| **is_alike).count() >= 2
                && !is_below(parents, sentry.place, otel.place)
                && !is_below(parents, otel.place, sentry.place)
        };
        let start_ns = batch.spans[sentry.place].start_ns;
        let nearest = (0..otels.len())
            .filter(|n| is_same(otels[*n]))
            .min_by_key(|n| batch.spans[otels[*n].place].start_ns.abs_diff(start_ns));
        if let Some(nearest) = nearest {
            let (sentry, otel) = (sentry.place, otels.remove(nearest).place);
            let (loser, winner) = if rank(otel) < rank(sentry) { (sentry, otel) } else { (otel, sentry) };
            counted_by.insert(loser, winner);
        }
    }
    counted_by
}

#[derive(PartialEq)]
enum Caller {
    /// Within a request that is here.
    Here(usize),
    Elsewhere(Option<SpanId>),
}

/// The shorter one happened while the other did, for half of its time at least: they begin and end in different layers
/// of the same process.
fn overlap(one: &Span, other: &Span) -> bool {
    let both_ns = one.end_ns.min(other.end_ns).saturating_sub(one.start_ns.max(other.start_ns));
    both_ns >= 0 && both_ns >= one.duration_ns().min(other.duration_ns()) / 2
}

fn is_below(parents: &[Option<usize>], place: usize, above: usize) -> bool {
    // Parents may be a circle.
    let mut steps = parents.len();
    let mut at = parents[place];
    while let Some(parent) = at.filter(|_| steps > 0) {
        if parent == above {
            return true;
        }
        steps -= 1;
        at = parents[parent];
    }
    false
}
