//! The columns of log records: many batches' records laid out by time, cut into chunks, and back.
//!
//! Owns which column is in which part of a chunk, what its filters are made of, and where one chunk ends. Knows no SQL.
//! A chunk's records keep the batch and the place they came with, so that what names a record names it for ever.

use std::collections::HashMap;

use prost::Message as _;

use super::StoreError;
use super::bloom::BloomBuilder;
use super::columns::{
    AttributeColumn, AttributesBuilder, Presence, TextBuilder, TextColumn, decode_fixed, decode_flags, decode_integers,
    encode_fixed, encode_flags, encode_integers, pack, unpack,
};
use super::staged::{resource_from_pb, resource_to_pb};
use crate::config::{LOG_CHUNK_RECORDS_MAX, LOG_CHUNK_SPAN_NS, LOG_CHUNK_TEXT_BYTES_MAX};
use crate::r#gen::{log_chunk as pb, staged};
use crate::model::ids::{ProjectId, SpanId, TraceId};
use crate::model::log::{LogBatch, LogLevel, LogRecord};
use crate::model::span::{Attribute, AttributeValue, Resource, SpanSource};

/// The parts of a chunk, each a row of its own. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Places = 0,
    Texts = 1,
    Traces = 2,
    Details = 3,
    TextFilter = 4,
    AttributeFilter = 5,
    TraceFilter = 6,
}

/// Names listed of a chunk; with more it counts as holding any.
const NAMES_MAX: usize = 64;

/// A request's records, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BatchPlace {
    pub(super) id: i64,
    pub(super) project_id: ProjectId,
    pub(super) received_ms: i64,
}

/// Records of many batches, to be laid out in chunks.
#[derive(Default)]
pub(super) struct LogRows {
    batches: Vec<BatchPlace>,
    batch_numbers: HashMap<BatchPlace, usize>,
    resources: Vec<Resource>,
    /// By their bytes.
    resource_numbers: HashMap<Vec<u8>, usize>,
    rows: Vec<Placed>,
}

/// A record with its resource in [`LogRows`].
struct Placed {
    batch: usize,
    index: u32,
    record: LogRecord,
}

/// A chunk ready to be written.
pub(super) struct NewChunk {
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    pub(super) received_ms: i64,
    pub(super) record_count: usize,
    pub(super) levels: i64,
    /// One per line; none when there are too many.
    pub(super) projects: Option<String>,
    pub(super) services: Option<String>,
    pub(super) environments: Option<String>,
    pub(super) parts: Vec<(Part, Vec<u8>)>,
}

impl LogRows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push_batch(&mut self, place: BatchPlace, batch: LogBatch) {
        let resources = self.number_resources(batch.resources);
        for (index, record) in batch.records.into_iter().enumerate() {
            self.push(place, index as u32, LogRecord { resource: resources[record.resource], ..record });
        }
    }

    /// The records of a chunk, to be laid out again with others.
    pub(super) fn push_chunk(&mut self, chunk: ChunkParts) -> Result<(), StoreError> {
        let places = &chunk.places;
        let count = places.len();
        let all: Vec<usize> = (0..count).collect();
        let records = chunk.records(&all)?;
        let resources = self.number_resources(places.resources.clone());
        for (row, record) in records.into_iter().enumerate() {
            let (place, index) = places.place(row);
            self.push(place, index, LogRecord { resource: resources[record.resource], ..record });
        }
        Ok(())
    }

    fn push(&mut self, place: BatchPlace, index: u32, record: LogRecord) {
        let batch = *self.batch_numbers.entry(place).or_insert_with(|| {
            self.batches.push(place);
            self.batches.len() - 1
        });
        self.rows.push(Placed { batch, index, record });
    }

    fn number_resources(&mut self, resources: Vec<Resource>) -> Vec<usize> {
        let mut numbers = Vec::with_capacity(resources.len());
        for resource in resources {
            let bytes = resource_to_pb(resource.clone()).encode_to_vec();
            numbers.push(*self.resource_numbers.entry(bytes).or_insert_with(|| {
                self.resources.push(resource);
                self.resources.len() - 1
            }));
        }
        numbers
    }

    /// Sorted by time and cut: no chunk is wider, longer or heavier than a chunk may be.
    pub(super) fn into_chunks(mut self) -> Vec<NewChunk> {
        let batches = &self.batches;
        self.rows.sort_by_key(|row| (row.record.time_ns, batches[row.batch].id, row.index));
        let mut chunks = Vec::new();
        let mut rest = self.rows.as_slice();
        while let Some(first) = rest.first() {
            let end_ns = first.record.time_ns.saturating_add(LOG_CHUNK_SPAN_NS);
            let mut bytes = 0;
            let fits = |row: &&Placed| {
                bytes += row.record.body.len();
                row.record.time_ns <= end_ns && bytes <= LOG_CHUNK_TEXT_BYTES_MAX
            };
            let count = rest.iter().take(LOG_CHUNK_RECORDS_MAX).take_while(fits).count().max(1);
            let (piece, after) = rest.split_at(count);
            chunks.push(self.chunk(piece));
            rest = after;
        }
        chunks
    }

    fn chunk(&self, rows: &[Placed]) -> NewChunk {
        let mut builder = ChunkBuilder::new(self, rows.len());
        rows.iter().for_each(|row| builder.push(row));
        builder.finish()
    }
}

struct ChunkBuilder<'r> {
    all: &'r LogRows,
    batches: Numbering,
    resources: Numbering,
    /// Of each batch, the place behind its last record so far.
    next_places: Vec<u32>,
    times: Vec<i64>,
    severities: Vec<i64>,
    record_resources: Vec<i64>,
    record_batches: Vec<i64>,
    record_places: Vec<i64>,
    bodies: TextBuilder,
    templates: TextBuilder,
    loggers: TextBuilder,
    severity_texts: TextBuilder,
    trace_numbers: HashMap<TraceId, i64>,
    trace_ids: Vec<[u8; 16]>,
    record_traces: Vec<i64>,
    has_span: Vec<bool>,
    span_ids: Vec<[u8; 8]>,
    attributes: AttributesBuilder,
    dropped: Vec<i64>,
    has_observed: Vec<bool>,
    observed: Vec<i64>,
    is_otel: Vec<bool>,
    levels: i64,
    text_filter: BloomBuilder,
    attribute_filter: BloomBuilder,
}

/// Numbers from 0 on, in the order of first use.
#[derive(Default)]
struct Numbering {
    numbers: HashMap<usize, usize>,
    used: Vec<usize>,
}

impl Numbering {
    fn number(&mut self, of: usize) -> usize {
        *self.numbers.entry(of).or_insert_with(|| {
            self.used.push(of);
            self.used.len() - 1
        })
    }
}

impl<'r> ChunkBuilder<'r> {
    fn new(all: &'r LogRows, rows: usize) -> Self {
        Self {
            all,
            batches: Numbering::default(),
            resources: Numbering::default(),
            next_places: Vec::new(),
            times: Vec::with_capacity(rows),
            severities: Vec::with_capacity(rows),
            record_resources: Vec::with_capacity(rows),
            record_batches: Vec::with_capacity(rows),
            record_places: Vec::with_capacity(rows),
            bodies: TextBuilder::new(),
            templates: TextBuilder::new(),
            loggers: TextBuilder::new(),
            severity_texts: TextBuilder::new(),
            trace_numbers: HashMap::new(),
            trace_ids: Vec::new(),
            record_traces: Vec::with_capacity(rows),
            has_span: Vec::with_capacity(rows),
            span_ids: Vec::new(),
            attributes: AttributesBuilder::new(),
            dropped: Vec::with_capacity(rows),
            has_observed: Vec::with_capacity(rows),
            observed: Vec::new(),
            is_otel: Vec::with_capacity(rows),
            levels: 0,
            text_filter: BloomBuilder::new(rows),
            attribute_filter: BloomBuilder::new(rows),
        }
    }

    fn push(&mut self, row: &Placed) {
        let record = &row.record;
        let batch = self.batches.number(row.batch);
        if batch == self.next_places.len() {
            self.next_places.push(0);
        }
        self.times.push(record.time_ns);
        self.severities.push(i64::from(record.severity));
        self.record_resources.push(self.resources.number(record.resource) as i64);
        self.record_batches.push(batch as i64);
        self.record_places.push(i64::from(row.index) - i64::from(self.next_places[batch]));
        self.next_places[batch] = row.index.saturating_add(1);
        self.levels |= LogLevel::of(record.severity).bit();

        self.bodies.push(Some(&record.body));
        self.templates.push(record.template.as_deref());
        self.loggers.push(record.logger.as_deref());
        let severity_text = Some(record.severity_text.as_str()).filter(|text| !text.is_empty());
        self.severity_texts.push(severity_text);

        let trace = record.trace_id.map_or(0, |trace_id| {
            *self.trace_numbers.entry(trace_id).or_insert_with(|| {
                self.trace_ids.push(trace_id.0);
                self.trace_ids.len() as i64
            })
        });
        self.record_traces.push(trace);
        self.has_span.push(record.span_id.is_some());
        self.span_ids.extend(record.span_id.map(|id| id.0));

        self.attributes.push(&record.attributes);
        self.dropped.push(i64::from(record.dropped));
        self.has_observed.push(record.observed_ns.is_some());
        self.observed.extend(record.observed_ns.map(|at| at.wrapping_sub(record.time_ns)));
        self.is_otel.push(record.source == SpanSource::Otel);

        for attribute in &record.attributes {
            insert_attribute(&mut self.attribute_filter, attribute);
        }
    }

    fn finish(mut self) -> NewChunk {
        let batches: Vec<BatchPlace> = self.batches.used.iter().map(|batch| self.all.batches[*batch]).collect();
        let resources: Vec<&Resource> =
            self.resources.used.iter().map(|resource| &self.all.resources[*resource]).collect();
        for resource in &resources {
            resource.attributes.iter().for_each(|attribute| insert_attribute(&mut self.attribute_filter, attribute));
            if let Some(release) = &resource.release {
                self.attribute_filter.insert(RELEASE, release);
            }
        }
        let order: Vec<u32> = (0..self.times.len() as u32).collect();
        let texts = pb::Texts {
            bodies: self.bodies.finish(&order),
            templates: self.templates.finish(&order),
            loggers: self.loggers.finish(&order),
            severity_texts: self.severity_texts.finish(&order),
        };
        insert_texts(&texts, order.len(), &mut self.text_filter, &mut self.attribute_filter);
        let mut trace_filter = BloomBuilder::new(self.trace_ids.len());
        self.trace_ids.iter().for_each(|id| trace_filter.insert_id(id));

        let batch_column = |of: fn(&BatchPlace) -> i64| encode_integers(&batches.iter().map(of).collect::<Vec<_>>());
        let all_resources = staged::StagedLogs {
            resources: resources.iter().map(|resource| resource_to_pb((*resource).clone())).collect(),
            records: Vec::new(),
        };
        let places = pb::Places {
            batch_count: batches.len() as u32,
            batch_ids: batch_column(|batch| batch.id),
            batch_projects: batch_column(|batch| i64::from(batch.project_id.0)),
            batch_received_ms: batch_column(|batch| batch.received_ms),
            resources: all_resources.encode_to_vec(),
            times: encode_integers(&self.times),
            severities: encode_integers(&self.severities),
            record_resources: encode_integers(&self.record_resources),
            record_batches: encode_integers(&self.record_batches),
            record_places: encode_integers(&self.record_places),
        };
        let traces = pb::Traces {
            trace_count: self.trace_ids.len() as u32,
            trace_ids: encode_fixed(&self.trace_ids),
            record_traces: encode_integers(&self.record_traces),
            has_span: encode_flags(&self.has_span),
            span_ids: encode_fixed(&self.span_ids),
        };
        let details = pb::Details {
            attributes: self.attributes.finish(&order),
            dropped: encode_integers(&self.dropped),
            has_observed: encode_flags(&self.has_observed),
            observed: encode_integers(&self.observed),
            is_otel: encode_flags(&self.is_otel),
        };
        NewChunk {
            min_ns: self.times.first().copied().unwrap_or(0),
            max_ns: self.times.last().copied().unwrap_or(0),
            received_ms: batches.iter().map(|batch| batch.received_ms).max().unwrap_or(0),
            record_count: self.times.len(),
            levels: self.levels,
            projects: lines(batches.iter().map(|batch| batch.project_id.to_string())),
            services: lines(resources.iter().map(|resource| resource.service.clone())),
            environments: lines(resources.iter().map(|resource| resource.environment.clone().unwrap_or_default())),
            parts: vec![
                (Part::Places, pack(&places.encode_to_vec())),
                (Part::Texts, pack(&texts.encode_to_vec())),
                (Part::Traces, pack(&traces.encode_to_vec())),
                (Part::Details, pack(&details.encode_to_vec())),
                (Part::TextFilter, self.text_filter.finish()),
                (Part::AttributeFilter, self.attribute_filter.finish()),
                (Part::TraceFilter, trace_filter.finish()),
            ],
        }
    }
}

/// Distinct, sorted, one per line.
fn lines(names: impl Iterator<Item = String>) -> Option<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    (names.len() <= NAMES_MAX).then(|| names.join("\n"))
}

// The names under which what is no attribute is searched as one.
pub(super) const LOGGER: &str = "logger.name";
pub(super) const TEMPLATE: &str = "sentry.message.template";
pub(super) const RELEASE: &str = "sentry.release";

fn insert_attribute(filter: &mut BloomBuilder, attribute: &Attribute) {
    let Attribute { key, value } = attribute;
    match value {
        AttributeValue::Text(text) => filter.insert(key, text),
        AttributeValue::Int(number) => filter.insert(key, &number.to_string()),
        AttributeValue::Bool(flag) => filter.insert(key, &flag.to_string()),
        AttributeValue::Double(number) => {
            let text = number.to_string();
            if !is_fraction(&text) {
                filter.insert(key, &text);
            }
        }
        _ => {}
    }
}

/// A number with a fraction: every measurement is another, and nobody looks for one. Not in filters.
pub(super) fn is_fraction(value: &str) -> bool {
    value.contains('.') && value.parse::<f64>().is_ok()
}

/// Each text once.
fn insert_texts(texts: &pb::Texts, rows: usize, filter: &mut BloomBuilder, attributes: &mut BloomBuilder) {
    let each = |column: &[u8], mut take: Box<dyn FnMut(&str) + '_>| {
        // Just encoded.
        let column = TextColumn::decode(column, rows);
        column.iter().flat_map(TextColumn::entries).for_each(|text| take(text));
    };
    each(&texts.bodies, Box::new(|text| filter.insert_text(&text.to_lowercase())));
    each(
        &texts.loggers,
        Box::new(|text| {
            filter.insert_text(&text.to_lowercase());
            attributes.insert(LOGGER, text);
        }),
    );
    each(&texts.templates, Box::new(|text| attributes.insert(TEMPLATE, text)));
}

/// What a list is chosen by and ordered by, of every record of a chunk.
pub(super) struct Places {
    batches: Vec<BatchPlace>,
    pub(super) resources: Vec<Resource>,
    pub(super) times: Vec<i64>,
    pub(super) severities: Vec<u8>,
    /// In [`Self::resources`].
    pub(super) record_resources: Vec<u32>,
    record_batches: Vec<u32>,
    indexes: Vec<u32>,
}

impl Places {
    pub(super) fn decode(part: &[u8], rows: usize) -> Result<Self, StoreError> {
        let places: pb::Places = decode_part(part)?;
        let count = (places.batch_count as usize).min(rows);
        let ids = decode_integers(&places.batch_ids, count)?;
        let projects = numbers(&places.batch_projects, count, u32::MAX as usize)?;
        let received = decode_integers(&places.batch_received_ms, count)?;
        let batches = ids.into_iter().zip(projects).zip(received).map(|((id, project), received_ms)| BatchPlace {
            id,
            project_id: ProjectId(project),
            received_ms,
        });
        let resources =
            staged::StagedLogs::decode(places.resources.as_slice()).map_err(|error| bad(&error.to_string()))?;
        let resources: Vec<Resource> = resources.resources.into_iter().map(resource_from_pb).collect();
        let record_batches = numbers(&places.record_batches, rows, count)?;
        let mut next_places = vec![0_i64; count];
        let mut indexes = Vec::with_capacity(rows);
        for (batch, behind) in record_batches.iter().zip(decode_integers(&places.record_places, rows)?) {
            let next = &mut next_places[*batch as usize];
            let index = next.checked_add(behind).and_then(|index| u32::try_from(index).ok());
            indexes.push(index.ok_or_else(|| bad("a place below zero"))?);
            *next = i64::from(indexes[indexes.len() - 1]) + 1;
        }
        Ok(Self {
            batches: batches.collect(),
            times: decode_integers(&places.times, rows)?,
            severities: numbers(&places.severities, rows, 256)?.into_iter().map(|severity| severity as u8).collect(),
            record_resources: numbers(&places.record_resources, rows, resources.len())?,
            resources,
            record_batches,
            indexes,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// The batch a record came in, and its place there.
    pub(super) fn place(&self, row: usize) -> (BatchPlace, u32) {
        (self.batches[self.record_batches[row] as usize], self.indexes[row])
    }

    /// The record of a batch at a place.
    pub(super) fn find(&self, batch_id: i64, index: u32) -> Option<usize> {
        let batch = self.batches.iter().position(|batch| batch.id == batch_id)? as u32;
        (0..self.len()).find(|row| self.record_batches[*row] == batch && self.indexes[*row] == index)
    }
}

/// The columns searched in.
pub(super) struct Texts {
    columns: pb::Texts,
    rows: usize,
}

impl Texts {
    pub(super) fn decode(part: &[u8], rows: usize) -> Result<Self, StoreError> {
        Ok(Self { columns: decode_part(part)?, rows })
    }

    pub(super) fn bodies(&self) -> Result<TextColumn<'_>, StoreError> {
        TextColumn::decode(&self.columns.bodies, self.rows)
    }

    pub(super) fn loggers(&self) -> Result<TextColumn<'_>, StoreError> {
        TextColumn::decode(&self.columns.loggers, self.rows)
    }

    pub(super) fn templates(&self) -> Result<TextColumn<'_>, StoreError> {
        TextColumn::decode(&self.columns.templates, self.rows)
    }
}

pub(super) struct Traces {
    trace_ids: Vec<[u8; 16]>,
    record_traces: Vec<u32>,
    has_span: Presence,
    span_ids: Vec<[u8; 8]>,
}

impl Traces {
    pub(super) fn decode(part: &[u8], rows: usize) -> Result<Self, StoreError> {
        let traces: pb::Traces = decode_part(part)?;
        let count = (traces.trace_count as usize).min(rows);
        let has_span = Presence::decode(&traces.has_span, rows)?;
        Ok(Self {
            trace_ids: decode_fixed(&traces.trace_ids, count)?.to_vec(),
            record_traces: numbers(&traces.record_traces, rows, count + 1)?,
            span_ids: decode_fixed(&traces.span_ids, has_span.count())?.to_vec(),
            has_span,
        })
    }

    /// The records of a trace, the first in time in front.
    pub(super) fn rows_of(&self, trace_id: TraceId) -> Vec<usize> {
        let Some(place) = self.trace_ids.iter().position(|id| *id == trace_id.0) else { return Vec::new() };
        let is_in = |row: &usize| self.record_traces[*row] as usize == place + 1;
        (0..self.record_traces.len()).filter(is_in).collect()
    }

    pub(super) fn of(&self, row: usize) -> (Option<TraceId>, Option<SpanId>) {
        let trace = (self.record_traces[row] as usize).checked_sub(1).map(|place| TraceId(self.trace_ids[place]));
        (trace, self.has_span.place(row).map(|place| SpanId(self.span_ids[place])))
    }
}

/// What only a single record shows.
pub(super) struct Details {
    columns: pb::Details,
    rows: usize,
}

impl Details {
    pub(super) fn decode(part: &[u8], rows: usize) -> Result<Self, StoreError> {
        Ok(Self { columns: decode_part(part)?, rows })
    }

    pub(super) fn attributes(&self) -> Result<AttributeColumn<'_>, StoreError> {
        AttributeColumn::decode(&self.columns.attributes, self.rows)
    }
}

/// Everything needed for whole records.
pub(super) struct ChunkParts {
    pub(super) places: Places,
    pub(super) texts: Texts,
    pub(super) traces: Traces,
    /// Left away where they are not wanted.
    pub(super) details: Option<Details>,
}

impl ChunkParts {
    /// The records at `rows`, rising; their resources are places in [`Places::resources`].
    pub(super) fn records(&self, rows: &[usize]) -> Result<Vec<LogRecord>, StoreError> {
        let Self { places, texts, traces, details } = self;
        let count = places.len();
        let (bodies, templates, loggers) = (texts.bodies()?, texts.templates()?, texts.loggers()?);
        let severity_texts = TextColumn::decode(&texts.columns.severity_texts, count)?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows.iter().copied() {
            let (trace_id, span_id) = traces.of(row);
            let text = |column: &TextColumn<'_>| column.get(row).map(str::to_string);
            records.push(LogRecord {
                time_ns: places.times[row],
                severity: places.severities[row],
                severity_text: text(&severity_texts).unwrap_or_default(),
                body: text(&bodies).unwrap_or_default(),
                template: text(&templates),
                logger: text(&loggers),
                trace_id,
                span_id,
                resource: places.record_resources[row] as usize,
                ..LogRecord::default()
            });
        }
        let (Some(details), Some(first), Some(last)) = (details, rows.first(), rows.last()) else { return Ok(records) };
        let columns = &details.columns;
        let dropped = numbers(&columns.dropped, count, u32::MAX as usize + 1)?;
        let has_observed = Presence::decode(&columns.has_observed, count)?;
        let observed = decode_integers(&columns.observed, has_observed.count())?;
        let is_otel = decode_flags(&columns.is_otel, count)?;
        let mut attributes = details.attributes()?.rows(*first..last + 1)?;
        for (record, row) in records.iter_mut().zip(rows.iter().copied()) {
            record.dropped = dropped[row];
            record.observed_ns = has_observed.place(row).map(|place| record.time_ns.wrapping_add(observed[place]));
            record.source = if is_otel[row] { SpanSource::Otel } else { SpanSource::Sentry };
            record.attributes = std::mem::take(&mut attributes[row - first]);
        }
        Ok(records)
    }
}

fn bad(what: &str) -> StoreError {
    StoreError::BadBody(format!("log chunk: {what}"))
}

fn decode_part<M: prost::Message + Default>(part: &[u8]) -> Result<M, StoreError> {
    M::decode(unpack(part)?.as_slice()).map_err(|error| bad(&error.to_string()))
}

/// Integers from 0 to below `end`.
fn numbers(column: &[u8], rows: usize, end: usize) -> Result<Vec<u32>, StoreError> {
    let numbers = decode_integers(column, rows)?.into_iter().map(|number| match usize::try_from(number) {
        Ok(small) if small < end => u32::try_from(small).map_err(|_| bad("a number out of its range")),
        _ => Err(bad("a number out of its range")),
    });
    numbers.collect()
}
