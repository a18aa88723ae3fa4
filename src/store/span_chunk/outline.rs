//! Parts of a chunk for what is asked of many traces at once: spans without their attributes, and facts with the traces
//! that have them. By columns: of what all have alike one value is looked at.

use std::ops::Range;

use super::super::StoreError;
use super::super::columns::{AttributeColumn, TextColumn, decode_integers};
use super::super::span_asked::Roots;
use super::super::span_list::ListWanted;
use super::super::span_match::{SpanMatch, status_name};
use super::super::staged::{kind_from_code, resource_from_pb, status_from_code};
use super::super::trace_compare::{for_each_resource_fact, kind_name};
use super::{OpenChunk, read_names, read_places, rows_by_name};
use crate::model::conventions::names_of;
use crate::model::ids::TraceId;
use crate::model::span::{AttributeValue, SpanBatch};

impl OpenChunk<'_> {
    /// What the spans of a trace are and how long they took, without anything they carry.
    pub(in crate::store) fn outline(&mut self, trace_id: TraceId) -> Result<SpanBatch, StoreError> {
        let Some(rows) = self.index.rows_of(trace_id) else { return Ok(SpanBatch::default()) };
        if rows.is_empty() {
            return Ok(SpanBatch::default());
        }
        let (count, first) = (self.index.span_count(), rows.start);
        let mut spans = read_places(&self.places, &self.index, rows)?;
        let resources = read_names(self.names()?, count, first, &mut spans)?;
        Ok(SpanBatch { resources, spans })
    }

    /// Tells of every fact which rows have it, once for each value or little more often.
    pub(in crate::store) fn for_each_fact(
        &mut self,
        mut take: impl FnMut(&str, &AttributeValue, &[u32]),
    ) -> Result<(), StoreError> {
        let count = self.index.span_count();
        let text = |text: &str| AttributeValue::Text(text.to_string());
        let names = self.names()?;
        let resource = decode_integers(&names.resource, count)?;
        for (number, rows) in grouped(count, |row| usize::try_from(resource[row]).unwrap_or(usize::MAX)) {
            let Some(found) = names.resources.get(number) else { continue };
            for_each_resource_fact(&resource_from_pb(found.clone()), |key, value| take(key, value, &rows));
        }
        for (key, bytes) in [("span.name", &names.names), ("span.op", &names.ops)] {
            TextColumn::decode(bytes, count)?.for_each_group(|value, rows| {
                if !value.is_empty() {
                    take(key, &text(value), rows);
                }
            });
        }
        let flags = decode_integers(&names.flags, count)?;
        for (code, rows) in grouped(count, |row| (flags[row] as u32 & 7) as usize) {
            if let Some(kind) = kind_name(kind_from_code(code as u32)) {
                take("span.kind", &text(kind), &rows);
            }
        }
        for (code, rows) in grouped(count, |row| (flags[row] as u32 >> 4 & 3) as usize) {
            take("span.status", &text(status_name(status_from_code(code as u32))), &rows);
        }
        let statuses = decode_integers(&names.http_statuses, count)?;
        for (status, rows) in grouped(count, |row| usize::try_from(statuses[row]).unwrap_or(0)) {
            if status != 0 {
                take("http.response.status_code", &AttributeValue::Int(status as i64), &rows);
            }
        }
        let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
        column.for_each_group(|key, value, rows| take(names_of(key).first().copied().unwrap_or(key), value, rows))
    }

    /// The spans that meet what a list asks, without what they carry.
    pub(in crate::store) fn spans_listed(
        &mut self,
        wanted: &ListWanted<'_>,
        roots: &mut Roots<'_>,
    ) -> Result<SpanBatch, StoreError> {
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
        if !is_met.contains(&true) {
            return Ok(SpanBatch::default());
        }
        if let Some(service) = &wanted.service {
            let mut is_of_service = vec![false; count];
            self.rows_matching(service, count)?.into_iter().for_each(|row| is_of_service[row] = true);
            is_met.iter_mut().zip(is_of_service).for_each(|(is_met, is_one)| *is_met &= is_one);
        }
        let is_taken = self.spans_taken(&wanted.asked, roots)?;
        is_met.iter_mut().zip(is_taken).for_each(|(is_met, is_taken)| *is_met &= is_taken);
        if !is_met.contains(&true) {
            return Ok(SpanBatch::default());
        }
        let mut spans = read_places(&self.places, &self.index, 0..count)?;
        let resources = read_names(self.names()?, count, 0, &mut spans)?;
        let mut met = is_met.into_iter();
        spans.retain(|_| met.next() == Some(true));
        Ok(SpanBatch { resources, spans })
    }

    /// The spans that are looked for, with their attributes.
    pub(in crate::store) fn spans_with(&mut self, wanted: &SpanMatch) -> Result<SpanBatch, StoreError> {
        let count = self.index.span_count();
        let rows = self.rows_matching(wanted, count)?;
        let mut is_met = vec![false; count];
        rows.into_iter().for_each(|row| is_met[row] = true);
        let Some(first) = is_met.iter().position(|is_met| *is_met) else { return Ok(SpanBatch::default()) };
        let last = is_met.iter().rposition(|is_met| *is_met).unwrap_or(first);
        let mut spans = read_places(&self.places, &self.index, first..last + 1)?;
        let resources = read_names(self.names()?, count, first, &mut spans)?;
        let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
        for (span, attributes) in spans.iter_mut().zip(column.rows(first..last + 1)?) {
            span.attributes = attributes;
        }
        let mut met = is_met[first..=last].iter();
        spans.retain(|_| met.next() == Some(&true));
        Ok(SpanBatch { resources, spans })
    }

    fn rows_matching(&mut self, wanted: &SpanMatch, count: usize) -> Result<Vec<usize>, StoreError> {
        let mut rows = rows_by_name(self.names()?, count, wanted)?;
        let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
        for key in wanted.keys() {
            rows.extend(column.rows_where(key, |value| wanted.takes_value(value))?);
        }
        Ok(rows)
    }

    /// The traces of rows that rise, each once, by their place in the chunk.
    pub(in crate::store) fn traces_of(&self, rows: &[u32], mut take: impl FnMut(usize)) {
        let mut within: Range<usize> = 0..0;
        for row in rows {
            let row = *row as usize;
            if within.contains(&row) {
                continue;
            }
            let trace = self.index.trace_of(row);
            within = self.index.starts[trace]..self.index.starts[trace + 1];
            take(trace);
        }
    }
}

/// Rows by a small number each of them has.
fn grouped(count: usize, number: impl Fn(usize) -> usize) -> Vec<(usize, Vec<u32>)> {
    let mut groups: std::collections::BTreeMap<usize, Vec<u32>> = std::collections::BTreeMap::new();
    for row in 0..count {
        groups.entry(number(row)).or_default().push(row as u32);
    }
    groups.into_iter().collect()
}
