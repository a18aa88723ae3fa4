//! Rows of a chunk that meet several conditions at once, and the names of a service's spans, by columns: no span is made.

use std::collections::HashSet;

use super::super::StoreError;
use super::super::columns::{AttributeColumn, TextColumn, decode_fixed, decode_integers};
use super::super::span_search::{Wanted, WantedFact};
use super::super::staged::kind_from_code;
use super::{Group, OpenChunk, message, rows_by_name};
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::SpanKind;

impl OpenChunk<'_> {
    /// The traces with one span that meets all conditions, and when their first spans here start, the oldest first.
    pub(in crate::store) fn traces_with_all(&mut self, wanted: &Wanted) -> Result<Vec<(TraceId, i64)>, StoreError> {
        let count = self.index.span_count();
        let trace_starts = decode_integers(&self.places.trace_starts, self.index.ids.len())?;
        let starts = decode_integers(&self.places.starts, count)?;
        let durations = decode_integers(&self.places.durations, count)?;
        let mut is_met = vec![false; count];
        for (trace, spans) in self.index.starts.windows(2).enumerate() {
            for row in spans[0]..spans[1] {
                is_met[row] = wanted.takes_time(trace_starts[trace].wrapping_add(starts[row]), durations[row]);
            }
        }
        for any in &wanted.conditions {
            if !is_met.contains(&true) {
                return Ok(Vec::new());
            }
            let mut is_any = vec![false; count];
            for fact in any {
                for row in self.rows_with(fact, count)? {
                    is_any[row] = true;
                }
            }
            is_met.iter_mut().zip(is_any).for_each(|(is_met, is_any)| *is_met &= is_any);
        }
        let spans = self.index.starts.windows(2).enumerate();
        let traces = spans.filter(|(_, spans)| is_met[spans[0]..spans[1]].contains(&true));
        Ok(traces.map(|(trace, _)| (self.index.ids[trace], trace_starts[trace])).collect())
    }

    /// The trace and the name of the span with this id.
    pub(in crate::store) fn place_of(&mut self, span_id: SpanId) -> Result<Option<(TraceId, String)>, StoreError> {
        let ids = decode_fixed::<8>(&self.places.span_ids, self.index.span_count())?;
        let Some(row) = ids.iter().position(|id| *id == span_id.0) else { return Ok(None) };
        let trace_id = self.index.ids[self.index.trace_of(row)];
        let name = self.spans(row..row + 1)?.spans.pop().map(|span| span.name).unwrap_or_default();
        Ok(Some((trace_id, name)))
    }

    fn rows_with(&mut self, fact: &WantedFact, count: usize) -> Result<Vec<usize>, StoreError> {
        Ok(match fact {
            WantedFact::Match(wanted) => {
                let mut rows = rows_by_name(self.names()?, count, wanted)?;
                let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
                for key in wanted.keys() {
                    rows.extend(column.rows_where(key, |value| wanted.takes_value(value))?);
                }
                rows
            }
            WantedFact::Kind(kind) => {
                let flags = decode_integers(&self.names()?.flags, count)?;
                (0..count).filter(|row| kind_from_code(flags[*row] as u32 & 7) == *kind).collect()
            }
            WantedFact::StatusMessage(text) => {
                let extras = match &mut self.extras {
                    Some(extras) => extras,
                    extras => extras.insert(message(&(self.group)(Group::Extras)?)?),
                };
                TextColumn::decode(&extras.status_messages, count)?.rows_where(|message| message == text)
            }
        })
    }

    /// Every name and kind of a service's spans, some more than once.
    pub(in crate::store) fn for_each_name(
        &mut self,
        service: &str,
        mut take: impl FnMut(&str, SpanKind),
    ) -> Result<(), StoreError> {
        let count = self.index.span_count();
        let names = self.names()?;
        let of_service: Vec<bool> = names.resources.iter().map(|resource| resource.service == service).collect();
        let resource = decode_integers(&names.resource, count)?;
        let flags = decode_integers(&names.flags, count)?;
        let texts = TextColumn::decode(&names.names, count)?;
        let mut seen = HashSet::new();
        for row in 0..count {
            let number = usize::try_from(resource[row]).ok();
            if number.and_then(|number| of_service.get(number)) != Some(&true) {
                continue;
            }
            let (name, kind) = (texts.get(row).unwrap_or_default(), flags[row] as u32 & 7);
            if seen.insert((name, kind)) {
                take(name, kind_from_code(kind));
            }
        }
        Ok(())
    }
}
