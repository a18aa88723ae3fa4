//! A search answered by the columns of a chunk: only those it asks for are read, and no span is made.

use super::super::StoreError;
use super::super::asked::{AskedKey, attribute_names, rows_taken};
use super::super::columns::{AttributeColumn, TextColumn, decode_fixed, decode_integers};
use super::super::span_asked::{AskedSpans, Roots, kind_word, status_word};
use super::super::staged::{kind_from_code, resource_from_pb, status_from_code};
use super::{Group, OpenChunk, message};
use crate::model::ids::{SpanId, TraceId};
use crate::search::naive::Fact;
use crate::search::{Key, Known, Leaf, Pattern};

impl OpenChunk<'_> {
    /// The traces with a span that is taken and when their first spans here start, the oldest first.
    pub(in crate::store) fn traces_taken(
        &mut self,
        asked: &AskedSpans,
        roots: &mut Roots<'_>,
    ) -> Result<Vec<(TraceId, i64)>, StoreError> {
        let is_taken = self.spans_taken(asked, roots)?;
        let starts = decode_integers(&self.places.trace_starts, self.index.ids.len())?;
        let spans = self.index.starts.windows(2).enumerate();
        let traces = spans.filter(|(_, spans)| is_taken[spans[0]..spans[1]].contains(&true));
        Ok(traces.map(|(trace, _)| (self.index.ids[trace], starts[trace])).collect())
    }

    /// Of every row, whether it is taken.
    pub(in crate::store) fn spans_taken(
        &mut self,
        asked: &AskedSpans,
        roots: &mut Roots<'_>,
    ) -> Result<Vec<bool>, StoreError> {
        let all = vec![true; self.index.span_count()];
        rows_taken(&asked.expr, &all, &mut |leaf, among| match leaf {
            Leaf::Text(pattern) => self.rows_with_words(pattern, among, roots),
            leaf => match AskedKey::of(leaf) {
                Some(asked) if *asked.key == Key::Known(Known::Project) => self.rows_of_project(&asked, among, roots),
                Some(asked) => self.rows_with_key(&asked, among),
                None => Ok(vec![false; among.len()]),
            },
        })
    }

    fn rows_with_words(
        &mut self,
        pattern: &Pattern,
        among: &[bool],
        roots: &mut Roots<'_>,
    ) -> Result<Vec<bool>, StoreError> {
        let count = among.len();
        let names = self.names()?;
        let mut is_taken = vec![false; count];
        for column in [&names.names, &names.ops] {
            let rows = TextColumn::decode(column, count)?.rows_where(|text| pattern.matches(text));
            rows.into_iter().for_each(|row| is_taken[row] = true);
        }
        for (trace, spans) in self.index.starts.windows(2).enumerate() {
            let spans = spans[0]..spans[1];
            let is_open = spans.clone().any(|row| among[row] && !is_taken[row]);
            if is_open && roots.has(self.index.ids[trace], pattern)? {
                is_taken[spans].fill(true);
            }
        }
        Ok(is_taken)
    }

    fn rows_of_project(
        &mut self,
        asked: &AskedKey<'_>,
        among: &[bool],
        roots: &mut Roots<'_>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut is_taken = vec![false; among.len()];
        for (trace, spans) in self.index.starts.windows(2).enumerate() {
            let spans = spans[0]..spans[1];
            if among[spans.clone()].contains(&true) {
                let project = roots.project(self.index.ids[trace])?;
                is_taken[spans].fill(project.is_some_and(|project| asked.takes_text(project)));
            }
        }
        Ok(is_taken)
    }

    fn rows_with_key(&mut self, asked: &AskedKey<'_>, among: &[bool]) -> Result<Vec<bool>, StoreError> {
        let count = among.len();
        let mut is_taken = vec![false; count];
        if let Key::Known(known) = asked.key {
            self.rows_with_fact(*known, asked, among, &mut is_taken)?;
        }
        let names = attribute_names(asked.key);
        if names.is_empty() {
            return Ok(is_taken);
        }
        self.rows_of_resources(&mut is_taken, |resource| asked.takes_one_of(&resource.attributes, &names))?;
        let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
        for name in names {
            let rows = column.rows_where(name, |value| asked.takes_attribute(value))?;
            rows.into_iter().for_each(|row| is_taken[row] = true);
        }
        Ok(is_taken)
    }

    fn rows_of_resources(
        &mut self,
        is_taken: &mut [bool],
        takes: impl Fn(&crate::model::span::Resource) -> bool,
    ) -> Result<(), StoreError> {
        let names = self.names()?;
        let taken: Vec<bool> =
            names.resources.iter().map(|resource| takes(&resource_from_pb(resource.clone()))).collect();
        if taken.contains(&true) {
            let resource = decode_integers(&names.resource, is_taken.len())?;
            for (row, number) in is_taken.iter_mut().zip(resource) {
                *row |= usize::try_from(number).ok().and_then(|number| taken.get(number)) == Some(&true);
            }
        }
        Ok(())
    }

    /// Rows by what is kept of them outside of attributes.
    fn rows_with_fact(
        &mut self,
        known: Known,
        asked: &AskedKey<'_>,
        among: &[bool],
        is_taken: &mut [bool],
    ) -> Result<(), StoreError> {
        let count = among.len();
        let rows: Vec<usize> = match known {
            Known::SpanName => {
                TextColumn::decode(&self.names()?.names, count)?.rows_where(|text| asked.takes_text(text))
            }
            Known::SpanOp => TextColumn::decode(&self.names()?.ops, count)?.rows_where(|text| asked.takes_text(text)),
            Known::SpanStatus => {
                let taken = [0, 1, 2, 3].map(|code| asked.takes_text(status_word(status_from_code(code))));
                self.rows_by_flags(count, |flags| taken[(flags >> 4 & 3) as usize])?
            }
            Known::SpanKind => {
                let taken = [0, 1, 2, 3, 4, 5, 6, 7].map(|code| asked.takes_text(kind_word(kind_from_code(code))));
                self.rows_by_flags(count, |flags| taken[(flags & 7) as usize])?
            }
            Known::Message => {
                let names = TextColumn::decode(&self.names()?.names, count)?;
                let mut rows = names.rows_where(|text| asked.takes_text(text));
                rows.extend(self.rows_by_status_message(asked, count)?);
                rows
            }
            Known::SpanStatusMessage => self.rows_by_status_message(asked, count)?,
            Known::HttpStatus => {
                let statuses = decode_integers(&self.names()?.http_statuses, count)?;
                (0..count).filter(|row| statuses[*row] != 0 && asked.takes(Fact::Int(statuses[*row]))).collect()
            }
            Known::SpanDuration => {
                let durations = self.durations_ns()?;
                (0..count).filter(|row| asked.takes(Fact::DurationNs(durations[*row]))).collect()
            }
            Known::Timestamp => {
                let starts = self.starts_ns()?;
                (0..count).filter(|row| asked.takes(Fact::TimeNs(starts[*row]))).collect()
            }
            Known::Trace => {
                let traces = self.index.starts.windows(2).zip(&self.index.ids);
                traces
                    .filter(|(_, id)| asked.takes_text(&id.to_string()))
                    .flat_map(|(rows, _)| rows[0]..rows[1])
                    .collect()
            }
            Known::SpanId => {
                let ids = decode_fixed::<8>(&self.places.span_ids, count)?;
                (0..count).filter(|row| among[*row] && asked.takes_text(&SpanId(ids[*row]).to_string())).collect()
            }
            Known::Service => {
                self.rows_of_resources(is_taken, |resource| asked.takes_text(&resource.service))?;
                Vec::new()
            }
            Known::Release => {
                let takes = |text: &String| asked.takes_text(text);
                self.rows_of_resources(is_taken, |resource| resource.release.as_ref().is_some_and(takes))?;
                Vec::new()
            }
            Known::Environment => {
                let takes = |text: &String| asked.takes_text(text);
                self.rows_of_resources(is_taken, |resource| resource.environment.as_ref().is_some_and(takes))?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        rows.into_iter().for_each(|row| is_taken[row] = true);
        Ok(())
    }

    fn rows_by_status_message(&mut self, asked: &AskedKey<'_>, count: usize) -> Result<Vec<usize>, StoreError> {
        let extras = match &mut self.extras {
            Some(extras) => extras,
            extras => extras.insert(message(&(self.group)(Group::Extras)?)?),
        };
        Ok(TextColumn::decode(&extras.status_messages, count)?.rows_where(|text| asked.takes_text(text)))
    }

    fn rows_by_flags(&mut self, count: usize, takes: impl Fn(u32) -> bool) -> Result<Vec<usize>, StoreError> {
        let flags = decode_integers(&self.names()?.flags, count)?;
        Ok((0..count).filter(|row| takes(flags[*row] as u32)).collect())
    }

    /// When every span starts.
    pub(in crate::store) fn starts_ns(&self) -> Result<Vec<i64>, StoreError> {
        let trace_starts = decode_integers(&self.places.trace_starts, self.index.ids.len())?;
        let mut starts = decode_integers(&self.places.starts, self.index.span_count())?;
        for (trace, spans) in self.index.starts.windows(2).enumerate() {
            starts[spans[0]..spans[1]].iter_mut().for_each(|start| *start = trace_starts[trace].wrapping_add(*start));
        }
        Ok(starts)
    }

    /// How long every span took.
    pub(in crate::store) fn durations_ns(&self) -> Result<Vec<i64>, StoreError> {
        decode_integers(&self.places.durations, self.index.span_count())
    }
}
