//! The order in which the spans of a trace are drawn: depth first, siblings by start.
//!
//! Takes spans in any order, with parents missing, doubled or in a circle, and places each exactly once.

use std::collections::HashMap;

use crate::model::ids::SpanId;
use crate::model::span::{Span, SpanKind};

/// One span in drawing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Index into the spans given.
    pub span: usize,
    /// Index into the placed list.
    pub parent: Option<usize>,
    pub depth: u32,
    /// The span names a parent that is not among the spans.
    pub is_orphan: bool,
}

/// Places every span once.
pub fn arrange(spans: &[Span]) -> Vec<Placed> {
    let by_id: HashMap<SpanId, usize> = spans.iter().enumerate().map(|(index, span)| (span.span_id, index)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        match span.parent_span_id.and_then(|id| by_id.get(&id)) {
            Some(parent) if *parent != index => children[*parent].push(index),
            _ => roots.push(index),
        }
    }
    let by_start = |index: &usize| (spans[*index].start_ns, spans[*index].span_id);
    roots.sort_by_key(by_start);
    for siblings in &mut children {
        siblings.sort_by_key(by_start);
    }

    let mut placed = Vec::with_capacity(spans.len());
    let mut seen = vec![false; spans.len()];
    let mut place_below = |root: usize, placed: &mut Vec<Placed>| {
        let mut stack = vec![(root, None, 0)];
        while let Some((index, parent, depth)) = stack.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            let is_orphan = spans[index].parent_span_id.is_some() && parent.is_none();
            placed.push(Placed { span: index, parent, depth, is_orphan });
            let here = placed.len() - 1;
            // Reversed, because the stack gives back the last one first.
            stack.extend(children[index].iter().rev().map(|child| (*child, Some(here), depth + 1)));
        }
    };
    for root in roots {
        place_below(root, &mut placed);
    }
    // Whatever is left hangs in a circle of parents: the earliest of it stands in for the root.
    if placed.len() < spans.len() {
        let mut rest: Vec<usize> = (0..spans.len()).collect();
        rest.sort_by_key(by_start);
        for index in rest {
            place_below(index, &mut placed);
        }
    }
    placed
}

/// By how many nanoseconds each span has to be moved to stand where it can have happened, in the order of `placed`: no
/// request is taken before it was made, nor after its caller had the answer. The clocks of two machines say so all the
/// same when they differ. What a process did itself moves with it.
pub fn clock_shifts(spans: &[Span], placed: &[Placed]) -> Vec<i64> {
    let mut shifts: Vec<i64> = Vec::with_capacity(placed.len());
    for place in placed {
        let shift = match place.parent {
            // A parent is placed before its children.
            Some(parent) => shift_below(&spans[placed[parent].span], shifts[parent], &spans[place.span]),
            None => 0,
        };
        shifts.push(shift);
    }
    shifts
}

fn shift_below(above: &Span, above_shift: i64, span: &Span) -> i64 {
    // A page is the child of the request that brought it, but has begun before: only what a message set off is sure to
    // come after it.
    let is_entry = span.is_local_root && matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
    if !is_entry || above.resource == span.resource {
        return above_shift;
    }
    let above_start = above.start_ns.saturating_add(above_shift);
    let above_end = above.end_ns.saturating_add(above_shift);
    let is_answered = span.kind == SpanKind::Server && above.kind == SpanKind::Client;
    if span.start_ns >= above_start && (!is_answered || span.start_ns <= above_end) {
        return 0;
    }
    // The way there takes as long as the way back, for all one knows.
    let spare = if is_answered { (above.duration_ns() - span.duration_ns()).max(0) / 2 } else { 0 };
    above_start.saturating_add(spare).saturating_sub(span.start_ns)
}

/// The span in which something happened, by time alone: the shortest one that encloses it. Index into `placed`.
pub fn enclosing(spans: &[Span], placed: &[Placed], time_ns: i64) -> Option<usize> {
    (0..placed.len())
        .filter(|place| {
            let span = &spans[placed[*place].span];
            span.start_ns <= time_ns && time_ns <= span.end_ns
        })
        .min_by_key(|place| spans[placed[*place].span].duration_ns())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(id: u8, parent: Option<u8>, start_ns: i64) -> Span {
        Span {
            span_id: SpanId([id; 8]),
            parent_span_id: parent.map(|id| SpanId([id; 8])),
            start_ns,
            end_ns: start_ns + 10,
            ..Span::default()
        }
    }

    fn order(spans: &[Span]) -> Vec<(u8, u32)> {
        arrange(spans).iter().map(|placed| (spans[placed.span].span_id.0[0], placed.depth)).collect()
    }

    #[test]
    fn children_follow_their_parent_by_start() {
        let spans = [span(3, Some(1), 30), span(2, Some(1), 20), span(1, None, 0), span(4, Some(2), 25)];
        assert_eq!(order(&spans), [(1, 0), (2, 1), (4, 2), (3, 1)]);
    }

    #[test]
    fn a_span_whose_parent_is_missing_is_a_root_and_says_so() {
        let placed = arrange(&[span(2, Some(9), 0)]);
        assert!(placed[0].is_orphan && placed[0].parent.is_none());
    }

    #[test]
    fn circles_are_broken_at_the_earliest_span() {
        let spans = [span(1, Some(2), 5), span(2, Some(1), 3), span(7, Some(7), 9)];
        assert_eq!(order(&spans), [(7, 0), (2, 0), (1, 1)]);
    }

    fn shifts(spans: &[Span]) -> Vec<i64> {
        clock_shifts(spans, &arrange(spans))
    }

    /// A call from 1000 to 1100, what it calls on another machine for 60, and a query of that.
    fn call(server_start_ns: i64) -> [Span; 3] {
        let mut spans =
            [span(1, None, 1_000), span(2, Some(1), server_start_ns), span(3, Some(2), server_start_ns + 5)];
        spans[0].kind = SpanKind::Client;
        spans[0].end_ns = 1_100;
        spans[1].end_ns = server_start_ns + 60;
        for span in &mut spans[1..] {
            span.resource = 1;
        }
        spans[1].kind = SpanKind::Server;
        spans[1].is_local_root = true;
        spans
    }

    #[test]
    fn a_skewed_clock_moves_what_was_called_and_all_below_it() {
        assert_eq!(shifts(&call(1_020)), [0, 0, 0]);
        assert_eq!(shifts(&call(1_090)), [0, 0, 0], "the caller may have given up waiting");
        assert_eq!(shifts(&call(400)), [0, 620, 620], "in the middle of the call");
        assert_eq!(shifts(&call(9_000)), [0, -7_980, -7_980]);
    }

    #[test]
    fn what_is_no_answer_to_a_call_may_come_late_but_not_early() {
        let with_kind = |start_ns, kind| {
            let mut spans = call(start_ns);
            spans[0].kind = SpanKind::Producer;
            spans[1].kind = kind;
            shifts(&spans)
        };
        assert_eq!(with_kind(9_000, SpanKind::Consumer), [0, 0, 0]);
        assert_eq!(with_kind(400, SpanKind::Consumer), [0, 600, 600]);
        assert_eq!(with_kind(400, SpanKind::Internal), [0, 0, 0], "a page began before its request");
        let mut same = call(400);
        same[1].resource = 0;
        assert_eq!(shifts(&same), [0, 0, 600 - 600], "one process has one clock");
    }

    #[test]
    fn what_happens_belongs_to_the_innermost_span() {
        let mut spans = [span(1, None, 0), span(2, Some(1), 4)];
        spans[1].end_ns = 6;
        let placed = arrange(&spans);
        assert_eq!(enclosing(&spans, &placed, 5), Some(1));
        assert_eq!(enclosing(&spans, &placed, 9), Some(0));
        assert_eq!(enclosing(&spans, &placed, 99), None);
    }

    proptest! {
        #[test]
        fn every_span_is_placed_once_below_a_parent_placed_before_it(
            links in proptest::collection::vec((0_u8..40, proptest::option::of(0_u8..40), 0_i64..100), 0..40)
        ) {
            let spans: Vec<Span> = links
                .iter()
                .enumerate()
                .map(|(index, (_, parent, start))| span(index as u8, *parent, *start))
                .collect();
            let placed = arrange(&spans);
            let mut indexes: Vec<usize> = placed.iter().map(|p| p.span).collect();
            indexes.sort_unstable();
            prop_assert_eq!(indexes, (0..spans.len()).collect::<Vec<_>>());
            for (place, p) in placed.iter().enumerate() {
                if let Some(parent) = p.parent {
                    prop_assert!(parent < place);
                    prop_assert_eq!(p.depth, placed[parent].depth + 1);
                }
            }
        }
    }
}
