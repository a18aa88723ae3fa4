//! A chunk of spans: its groups of columns (`proto/chunk.proto`) made of the model's spans, and back.
//!
//! Knows the format and nothing of where chunks are kept. Whatever a group holds is taken for hostile.

mod asked;
mod offers;
mod outline;
mod rows;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use prost::Message as _;

use super::StoreError;
use super::bloom::BloomBuilder;
use super::columns::{
    AttributeColumn, AttributesBuilder, BytesBuilder, BytesColumn, TextBuilder, TextColumn, decode_fixed,
    decode_integers, encode_fixed, encode_integers, pack, unpack,
};
use super::span_match::{SpanFact, SpanMatch, insert_attribute, insert_resource, insert_span_facts};
use super::staged::{
    event_from_pb, event_to_pb, kind_from_code, kind_to_code, link_from_pb, link_to_pb, resource_from_pb,
    resource_to_pb, source_from_code, source_to_code, status_from_code, status_to_code,
};
use crate::r#gen::chunk as pb;
use crate::model::ids::{SpanId, TraceId};
use crate::model::span::{Resource, Span, SpanBatch, SpanSource};

/// Spans a chunk may say it has: more than the largest request brings, and the largest chunk.
const SPANS_MAX: usize = 4_000_000;

/// What a chunk is stored as.
#[derive(Debug, Default)]
pub(super) struct SealedSpans {
    pub(super) span_count: usize,
    pub(super) trace_count: usize,
    /// Starts of the first span and of the last one.
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    /// Of the youngest trace, its first span.
    pub(super) last_trace_ns: i64,
    /// Distinct, sorted.
    pub(super) services: Vec<String>,
    pub(super) bloom: Vec<u8>,
    /// Compressed, in the order of [`Group`].
    pub(super) groups: [Vec<u8>; GROUPS],
}

/// Parts of a chunk that are read by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Places = 0,
    Names = 1,
    Attributes = 2,
    Extras = 3,
}

pub(super) const GROUPS: usize = 4;

struct Row {
    /// Its number among the chunk's traces, as they came.
    trace: u32,
    span_id: SpanId,
    parent: Option<SpanId>,
    start_ns: i64,
    duration_ns: i64,
    resource: u32,
    flags: u8,
    http_status: u16,
    dropped: u32,
}

/// Collects spans, in any order; what was there already is left out.
pub(super) struct SpanChunkBuilder {
    traces: Vec<TraceId>,
    /// Starts of the first span of each.
    trace_starts: Vec<i64>,
    trace_numbers: HashMap<TraceId, u32>,
    /// A span that came by both protocols stands in the chunk twice: what each says is put together when it is read.
    seen: HashSet<(u32, SpanId, SpanSource)>,
    resources: Vec<Resource>,
    resource_numbers: HashMap<Vec<u8>, u32>,
    rows: Vec<Row>,
    ops: TextBuilder,
    names: TextBuilder,
    status_messages: TextBuilder,
    attributes: AttributesBuilder,
    events: BytesBuilder,
    links: BytesBuilder,
    transactions: BytesBuilder,
    bloom: BloomBuilder,
}

impl SpanChunkBuilder {
    pub(super) fn new() -> Self {
        Self {
            traces: Vec::new(),
            trace_starts: Vec::new(),
            trace_numbers: HashMap::new(),
            seen: HashSet::new(),
            resources: Vec::new(),
            resource_numbers: HashMap::new(),
            rows: Vec::new(),
            ops: TextBuilder::new(),
            names: TextBuilder::new(),
            status_messages: TextBuilder::new(),
            attributes: AttributesBuilder::new(),
            events: BytesBuilder::new(),
            links: BytesBuilder::new(),
            transactions: BytesBuilder::new(),
            bloom: BloomBuilder::new(1_024),
        }
    }

    /// Batches in the order they were acknowledged: of two spans with the same ids, the first one counts.
    pub(super) fn push(&mut self, batch: SpanBatch) {
        let resources: Vec<u32> = batch.resources.into_iter().map(|resource| self.number_of(resource)).collect();
        for span in batch.spans {
            self.push_span(span, &resources);
        }
    }

    fn number_of(&mut self, resource: Resource) -> u32 {
        let bytes = resource_to_pb(resource.clone()).encode_to_vec();
        if let Some(number) = self.resource_numbers.get(&bytes) {
            return *number;
        }
        let number = self.resources.len() as u32;
        insert_resource(&mut self.bloom, &resource);
        self.resources.push(resource);
        self.resource_numbers.insert(bytes, number);
        number
    }

    fn push_span(&mut self, span: Span, resources: &[u32]) {
        let known = self.traces.len() as u32;
        let trace = *self.trace_numbers.entry(span.trace_id).or_insert(known);
        if trace == known {
            self.traces.push(span.trace_id);
            self.trace_starts.push(span.start_ns);
        }
        if !self.seen.insert((trace, span.span_id, span.source)) {
            return;
        }
        let first = &mut self.trace_starts[trace as usize];
        *first = (*first).min(span.start_ns);
        self.rows.push(Row {
            trace,
            span_id: span.span_id,
            parent: span.parent_span_id,
            start_ns: span.start_ns,
            duration_ns: span.end_ns.wrapping_sub(span.start_ns),
            resource: resources[span.resource],
            flags: flags_of(&span),
            http_status: span.http_status.unwrap_or(0),
            dropped: span.dropped,
        });
        insert_span_facts(&mut self.bloom, &span);
        self.ops.push(Some(&span.op));
        self.names.push(Some(&span.name));
        self.status_messages.push(some_text(&span.status_message));
        self.attributes.push(&span.attributes);
        let events = span.events.into_iter().map(event_to_pb).collect::<Vec<_>>();
        let events = (!events.is_empty()).then(|| pb::SpanEvents { events }.encode_to_vec());
        self.events.push(events.as_deref());
        let links = span.links.into_iter().map(link_to_pb).collect::<Vec<_>>();
        let links = (!links.is_empty()).then(|| pb::SpanLinks { links }.encode_to_vec());
        self.links.push(links.as_deref());
        self.transactions.push(span.transaction_json.as_deref());
    }

    pub(super) fn finish(mut self) -> Result<SealedSpans, StoreError> {
        let trace_order = order_of(&self.trace_starts);
        let mut trace_places = vec![0_u32; trace_order.len()];
        for (place, trace) in trace_order.iter().enumerate() {
            trace_places[*trace as usize] = place as u32;
        }
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        order.sort_by_key(|row| {
            let row = &self.rows[*row as usize];
            (trace_places[row.trace as usize], row.start_ns)
        });
        let places = self.places(&trace_order, &order);
        let column = |value: fn(&Row) -> i64| {
            let values: Vec<i64> = order.iter().map(|row| value(&self.rows[*row as usize])).collect();
            encode_integers(&values)
        };
        let mut sealed = SealedSpans {
            span_count: self.rows.len(),
            trace_count: self.traces.len(),
            min_ns: self.rows.iter().map(|row| row.start_ns).min().unwrap_or(0),
            max_ns: self.rows.iter().map(|row| row.start_ns).max().unwrap_or(0),
            last_trace_ns: self.trace_starts.iter().copied().max().unwrap_or(0),
            services: self.resources.iter().map(|resource| resource.service.clone()).collect(),
            ..SealedSpans::default()
        };
        sealed.services.sort();
        sealed.services.dedup();
        let (resource, flags) = (column(|row| i64::from(row.resource)), column(|row| i64::from(row.flags)));
        let http_statuses = column(|row| i64::from(row.http_status));
        let dropped = column(|row| i64::from(row.dropped));
        let attributes = self.attributes.finish(&order);
        // From the column, where equal values stand once.
        AttributeColumn::decode(&attributes, order.len())?
            .for_each_value(|key, value| insert_attribute(&mut self.bloom, key, value))?;
        let names = pb::SpanNames {
            resources: self.resources.into_iter().map(resource_to_pb).collect(),
            resource,
            ops: self.ops.finish(&order),
            names: self.names.finish(&order),
            flags,
            http_statuses,
        };
        let extras = pb::SpanExtras {
            status_messages: self.status_messages.finish(&order),
            dropped,
            events: self.events.finish(&order),
            links: self.links.finish(&order),
            transactions: self.transactions.finish(&order),
        };
        sealed.groups = [
            pack(&places.encode_to_vec()),
            pack(&names.encode_to_vec()),
            pack(&pb::SpanAttributes { attributes }.encode_to_vec()),
            pack(&extras.encode_to_vec()),
        ];
        sealed.bloom = self.bloom.finish();
        Ok(sealed)
    }

    fn places(&self, trace_order: &[u32], order: &[u32]) -> pb::SpanPlaces {
        let mut trace_spans = vec![0_i64; self.traces.len()];
        self.rows.iter().for_each(|row| trace_spans[row.trace as usize] += 1);
        let ordered =
            |values: &[i64]| -> Vec<i64> { trace_order.iter().map(|trace| values[*trace as usize]).collect() };
        let rows: Vec<&Row> = order.iter().map(|row| &self.rows[*row as usize]).collect();
        let mut parents = Vec::with_capacity(rows.len());
        let mut foreign = Vec::new();
        for spans in rows.chunk_by(|one, other| one.trace == other.trace) {
            let in_trace: HashMap<SpanId, usize> =
                spans.iter().enumerate().map(|(place, row)| (row.span_id, place)).collect();
            for row in spans {
                parents.push(match row.parent {
                    None => 0,
                    Some(parent) => match in_trace.get(&parent) {
                        Some(place) => *place as i64 + 2,
                        None => {
                            foreign.push(parent.0);
                            1
                        }
                    },
                });
            }
        }
        let since_trace = |row: &&Row| row.start_ns.wrapping_sub(self.trace_starts[row.trace as usize]);
        pb::SpanPlaces {
            spans: rows.len() as u32,
            traces: self.traces.len() as u32,
            trace_ids: encode_fixed(
                &trace_order.iter().map(|trace| self.traces[*trace as usize].0).collect::<Vec<_>>(),
            ),
            trace_spans: encode_integers(&ordered(&trace_spans)),
            trace_starts: encode_integers(&ordered(&self.trace_starts)),
            span_ids: encode_fixed(&rows.iter().map(|row| row.span_id.0).collect::<Vec<_>>()),
            parents: encode_integers(&parents),
            foreign_parents: encode_fixed(&foreign),
            starts: encode_integers(&rows.iter().map(since_trace).collect::<Vec<_>>()),
            durations: encode_integers(&rows.iter().map(|row| row.duration_ns).collect::<Vec<_>>()),
        }
    }
}

/// Places of the values by value, equal ones in the order they stand in.
fn order_of(values: &[i64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by_key(|place| values[*place as usize]);
    order
}

fn some_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn flags_of(span: &Span) -> u8 {
    let code = kind_to_code(span.kind)
        | source_to_code(span.source) << 3
        | status_to_code(span.status) << 4
        | u32::from(span.is_local_root) << 6;
    code as u8
}

fn bad(what: &str) -> StoreError {
    StoreError::BadBody(format!("chunk: {what}"))
}

fn message<M: prost::Message + Default>(group: &[u8]) -> Result<M, StoreError> {
    M::decode(unpack(group)?.as_slice()).map_err(|error| bad(&error.to_string()))
}

/// Which traces a chunk holds and where their spans are.
#[derive(Debug)]
pub(super) struct TraceIndex {
    pub(super) ids: Vec<TraceId>,
    /// Where each trace's spans begin, and the number of all at the end.
    starts: Vec<usize>,
}

impl TraceIndex {
    fn of(places: &pb::SpanPlaces) -> Result<Self, StoreError> {
        let (spans, traces) = (places.spans as usize, places.traces as usize);
        if spans > SPANS_MAX || traces > spans || places.trace_ids.len() != traces * 16 {
            return Err(bad("not as many traces as it says"));
        }
        let ids = decode_fixed::<16>(&places.trace_ids, traces)?.iter().map(|id| TraceId(*id)).collect();
        let mut starts = Vec::with_capacity(traces + 1);
        let mut start = 0_usize;
        for count in decode_integers(&places.trace_spans, traces)? {
            starts.push(start);
            let count = usize::try_from(count).ok().filter(|count| *count <= spans);
            start += count.ok_or_else(|| bad("more spans than it says"))?;
        }
        if start != spans {
            return Err(bad("not as many spans as it says"));
        }
        starts.push(start);
        Ok(Self { ids, starts })
    }

    pub(super) fn read(places: &[u8]) -> Result<Self, StoreError> {
        Self::of(&message(places)?)
    }

    pub(super) fn span_count(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The number of the trace that a row belongs to.
    fn trace_of(&self, row: usize) -> usize {
        self.starts.partition_point(|start| *start <= row).saturating_sub(1).min(self.ids.len() - 1)
    }

    fn rows_of(&self, trace_id: TraceId) -> Option<Range<usize>> {
        let place = self.ids.iter().position(|id| *id == trace_id)?;
        Some(self.starts[place]..self.starts[place + 1])
    }
}

/// Gives the bytes of a group.
type ReadGroup<'c> = Box<dyn FnMut(Group) -> Result<Vec<u8>, StoreError> + 'c>;

/// A chunk whose groups are read as they are needed, each once.
pub(super) struct OpenChunk<'c> {
    group: ReadGroup<'c>,
    places: pb::SpanPlaces,
    pub(super) index: TraceIndex,
    names: Option<pb::SpanNames>,
    attributes: Option<pb::SpanAttributes>,
    extras: Option<pb::SpanExtras>,
}

impl<'c> OpenChunk<'c> {
    /// `group` gives the bytes of a group.
    pub(super) fn open(group: impl FnMut(Group) -> Result<Vec<u8>, StoreError> + 'c) -> Result<Self, StoreError> {
        let mut group: ReadGroup<'c> = Box::new(group);
        let places: pb::SpanPlaces = message(&group(Group::Places)?)?;
        let index = TraceIndex::of(&places)?;
        Ok(Self { group, places, index, names: None, attributes: None, extras: None })
    }

    /// The spans of a trace, none when it is not here.
    pub(super) fn trace(&mut self, trace_id: TraceId) -> Result<SpanBatch, StoreError> {
        match self.index.rows_of(trace_id) {
            Some(rows) => self.spans(rows),
            None => Ok(SpanBatch::default()),
        }
    }

    /// The ids of a trace's spans.
    pub(super) fn span_ids(&self, trace_id: TraceId) -> Result<Vec<SpanId>, StoreError> {
        let Some(rows) = self.index.rows_of(trace_id) else { return Ok(Vec::new()) };
        let ids = decode_fixed::<8>(&self.places.span_ids, self.index.span_count())?;
        Ok(ids[rows].iter().map(|id| SpanId(*id)).collect())
    }

    pub(super) fn spans(&mut self, rows: Range<usize>) -> Result<SpanBatch, StoreError> {
        let count = self.index.span_count();
        if rows.is_empty() || rows.end > count {
            return Ok(SpanBatch::default());
        }
        let first = rows.start;
        let mut spans = read_places(&self.places, &self.index, rows.clone())?;
        let resources = read_names(self.names()?, count, first, &mut spans)?;
        let column = AttributeColumn::decode(&self.attributes()?.attributes, count)?;
        for (span, attributes) in spans.iter_mut().zip(column.rows(rows)?) {
            span.attributes = attributes;
        }
        let extras = match &mut self.extras {
            Some(extras) => extras,
            extras => extras.insert(message(&(self.group)(Group::Extras)?)?),
        };
        read_extras(extras, count, first, &mut spans)?;
        Ok(SpanBatch { resources, spans })
    }

    fn names(&mut self) -> Result<&pb::SpanNames, StoreError> {
        Ok(match &mut self.names {
            Some(names) => names,
            names => names.insert(message(&(self.group)(Group::Names)?)?),
        })
    }

    fn attributes(&mut self) -> Result<&pb::SpanAttributes, StoreError> {
        Ok(match &mut self.attributes {
            Some(attributes) => attributes,
            attributes => attributes.insert(message(&(self.group)(Group::Attributes)?)?),
        })
    }
}

/// Rows that are what is looked for by what they are called or by their resource.
fn rows_by_name(names: &pb::SpanNames, count: usize, wanted: &SpanMatch) -> Result<Vec<usize>, StoreError> {
    let mut rows = match wanted.fact() {
        Some(SpanFact::Name) => TextColumn::decode(&names.names, count)?.rows_where(|name| wanted.is_text(name)),
        Some(SpanFact::Op) => TextColumn::decode(&names.ops, count)?.rows_where(|op| wanted.is_text(op)),
        Some(SpanFact::Status) => {
            let flags = decode_integers(&names.flags, count)?;
            let is_taken = |flags: i64| wanted.is_status(status_from_code(flags as u32 >> 4 & 3));
            (0..count).filter(|row| is_taken(flags[*row])).collect()
        }
        Some(SpanFact::HttpStatus) => {
            let statuses = decode_integers(&names.http_statuses, count)?;
            (0..count).filter(|row| statuses[*row] != 0 && wanted.is_number(statuses[*row])).collect()
        }
        Some(SpanFact::Service | SpanFact::Release | SpanFact::Environment) | None => Vec::new(),
    };
    let taken: HashSet<i64> = (0..)
        .zip(&names.resources)
        .filter(|(_, resource)| wanted.takes_resource(&resource_from_pb((*resource).clone())))
        .map(|(number, _)| number)
        .collect();
    if !taken.is_empty() {
        let resource = decode_integers(&names.resource, count)?;
        rows.extend((0..count).filter(|row| taken.contains(&resource[*row])));
    }
    Ok(rows)
}

fn read_places(places: &pb::SpanPlaces, index: &TraceIndex, rows: Range<usize>) -> Result<Vec<Span>, StoreError> {
    let count = index.span_count();
    let trace_starts = decode_integers(&places.trace_starts, index.ids.len())?;
    let span_ids = decode_fixed::<8>(&places.span_ids, count)?;
    let parents = decode_integers(&places.parents, count)?;
    let foreign = parents.iter().filter(|parent| **parent == 1).count();
    let mut foreign = decode_fixed::<8>(&places.foreign_parents, foreign)?.iter();
    // Of the spans before those asked for.
    let skipped = parents[..rows.start].iter().filter(|parent| **parent == 1).count();
    if skipped > 0 {
        foreign.nth(skipped - 1);
    }
    let starts = decode_integers(&places.starts, count)?;
    let durations = decode_integers(&places.durations, count)?;
    let mut trace = index.trace_of(rows.start);
    let mut spans = Vec::with_capacity(rows.len());
    for row in rows {
        while index.starts[trace + 1] <= row {
            trace += 1;
        }
        let in_trace = &span_ids[index.starts[trace]..index.starts[trace + 1]];
        let parent_span_id = match parents[row] {
            0 => None,
            1 => foreign.next().copied(),
            place => {
                let place = usize::try_from(place - 2).ok().and_then(|place| in_trace.get(place));
                Some(*place.ok_or_else(|| bad("a parent that is not there"))?)
            }
        };
        let start_ns = trace_starts[trace].wrapping_add(starts[row]);
        spans.push(Span {
            trace_id: index.ids[trace],
            span_id: SpanId(span_ids[row]),
            parent_span_id: parent_span_id.map(SpanId),
            start_ns,
            end_ns: start_ns.wrapping_add(durations[row]),
            ..Span::default()
        });
    }
    Ok(spans)
}

fn read_names(
    names: &pb::SpanNames,
    count: usize,
    first: usize,
    spans: &mut [Span],
) -> Result<Vec<Resource>, StoreError> {
    let resource = decode_integers(&names.resource, count)?;
    let ops = TextColumn::decode(&names.ops, count)?;
    let texts = TextColumn::decode(&names.names, count)?;
    let flags = decode_integers(&names.flags, count)?;
    let http_statuses = decode_integers(&names.http_statuses, count)?;
    // Only those that are referred to, in the order of their first use.
    let mut renumbered: HashMap<i64, usize> = HashMap::new();
    let mut resources = Vec::new();
    for (row, span) in (first..).zip(spans) {
        let number = resource[row];
        let known = resources.len();
        span.resource = *renumbered.entry(number).or_insert(known);
        if span.resource == known {
            let found = usize::try_from(number).ok().and_then(|number| names.resources.get(number));
            resources.push(resource_from_pb(found.ok_or_else(|| bad("span without its resource"))?.clone()));
        }
        span.op = ops.get(row).unwrap_or_default().to_string();
        span.name = texts.get(row).unwrap_or_default().to_string();
        let flags = flags[row] as u32;
        span.kind = kind_from_code(flags & 7);
        span.source = source_from_code(flags >> 3 & 1);
        span.status = status_from_code(flags >> 4 & 3);
        span.is_local_root = flags >> 6 & 1 == 1;
        span.http_status = u16::try_from(http_statuses[row]).ok().filter(|status| *status != 0);
    }
    Ok(resources)
}

fn read_extras(extras: &pb::SpanExtras, count: usize, first: usize, spans: &mut [Span]) -> Result<(), StoreError> {
    let messages = TextColumn::decode(&extras.status_messages, count)?;
    let dropped = decode_integers(&extras.dropped, count)?;
    let events = BytesColumn::decode(&extras.events, count)?;
    let links = BytesColumn::decode(&extras.links, count)?;
    let transactions = BytesColumn::decode(&extras.transactions, count)?;
    let not_read = |error: prost::DecodeError| bad(&error.to_string());
    for (row, span) in (first..).zip(spans) {
        span.status_message = messages.get(row).unwrap_or_default().to_string();
        span.dropped = u32::try_from(dropped[row]).unwrap_or(0);
        if let Some(bytes) = events.get(row) {
            let events = pb::SpanEvents::decode(bytes).map_err(not_read)?.events;
            span.events = events.into_iter().map(event_from_pb).collect();
        }
        if let Some(bytes) = links.get(row) {
            let links = pb::SpanLinks::decode(bytes).map_err(not_read)?.links;
            span.links = links.into_iter().filter_map(link_from_pb).collect();
        }
        span.transaction_json = transactions.get(row).map(<[u8]>::to_vec);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::super::span_asked::{AskedSpans, Roots};
    use super::*;
    use crate::model::span::{Attribute, AttributeValue, SpanEvent, SpanKind, SpanLink, SpanStatus};
    use crate::search;

    fn span(trace: u8, id: u8) -> Span {
        let text = |key: &str, value: &str| Attribute { key: key.into(), value: AttributeValue::Text(value.into()) };
        let start_ns = 1_800_000_000_000_000_000 + i64::from(trace) * 1_000 + i64::from(id);
        Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([id; 8]),
            parent_span_id: (id > 1).then_some(SpanId([id / 2; 8])),
            resource: usize::from(id % 2),
            source: SpanSource::Otel,
            kind: SpanKind::Server,
            op: "http.server".into(),
            name: format!("GET /{}", id % 3),
            status: SpanStatus::Error,
            status_message: if id == 3 { "boom".into() } else { String::new() },
            start_ns,
            end_ns: start_ns + 5,
            is_local_root: id == 1,
            http_status: Some(500),
            attributes: vec![text("db.system", "sqlite"), text("thread", &id.to_string())],
            events: vec![SpanEvent { name: "exception".into(), time_ns: start_ns, attributes: vec![text("a", "b")] }],
            links: vec![SpanLink { trace_id: TraceId([9; 16]), span_id: SpanId([9; 8]), attributes: vec![] }],
            dropped: 2,
            transaction_json: (id == 1).then(|| b"{}".to_vec()),
        }
    }

    fn batch() -> SpanBatch {
        let resource = |service: &str| Resource { service: service.into(), ..Resource::default() };
        let spans = (1..4).flat_map(|trace| (1..6).map(move |id| span(trace, id))).collect();
        SpanBatch { resources: vec![resource("shop"), resource("billing")], spans }
    }

    fn sealed(batch: SpanBatch) -> SealedSpans {
        let mut builder = SpanChunkBuilder::new();
        builder.push(batch);
        builder.finish().unwrap()
    }

    fn asked(text: &str) -> AskedSpans {
        AskedSpans::new(search::parse(text, search::Dataset::Spans, 0).unwrap())
    }

    fn taken(chunk: &mut OpenChunk<'_>, text: &str) -> usize {
        let connection = Connection::open_in_memory().unwrap();
        chunk.traces_taken(&asked(text), &mut Roots::new(&connection)).unwrap().len()
    }

    fn open(groups: &[Vec<u8>]) -> OpenChunk<'_> {
        OpenChunk::open(|group| Ok(groups[group as usize].clone())).unwrap()
    }

    /// Whatever the spans were, with the resources they name.
    fn with_resources(batch: SpanBatch) -> Vec<(Span, Resource)> {
        let resources = batch.resources;
        let mut spans: Vec<_> = batch
            .spans
            .into_iter()
            .map(|span| (Span { resource: 0, ..span.clone() }, resources[span.resource].clone()))
            .collect();
        spans.sort_by_key(|(span, _)| (span.trace_id, span.span_id));
        spans
    }

    #[test]
    fn what_is_not_asked_for_is_not_read() {
        let sealed = sealed(batch());
        let mut read = Vec::new();
        let mut chunk = OpenChunk::open(|group| {
            read.push(group);
            Ok(sealed.groups[group as usize].clone())
        })
        .unwrap();
        assert_eq!(chunk.trace(TraceId([77; 16])).unwrap(), SpanBatch::default());
        assert_eq!(taken(&mut chunk, "thread:3"), 3);
        drop(chunk);
        assert_eq!(read, [Group::Places, Group::Names, Group::Attributes]);
    }

    #[test]
    fn a_filter_says_no_of_what_is_not_there() {
        let filter = sealed(batch()).bloom;
        for (key, value) in [("thread", "3"), ("span.name", "GET /1"), ("status", "ERROR"), ("service", "shop")] {
            assert!(SpanMatch::new(key, value).may_be_in(&filter), "{key}");
        }
        let misses = (0..1_000).filter(|no| !SpanMatch::new("thread", &format!("x{no}")).may_be_in(&filter)).count();
        assert!(misses > 950, "{misses}");
    }

    /// A chunk as the first version wrote it. If this fails, chunks people have can no longer be read: mend the code, do
    /// not write the fixture anew.
    #[test]
    fn the_first_chunks_stay_readable() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/chunks/spans-1.bin");
        if std::env::var_os("WRITE_GOLDEN_CHUNK").is_some() {
            let mut bytes = Vec::new();
            for group in &sealed(batch()).groups {
                bytes.extend_from_slice(&(group.len() as u32).to_le_bytes());
                bytes.extend_from_slice(group);
            }
            std::fs::write(path, bytes).unwrap();
        }
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut groups = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (group, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            groups.push(group.to_vec());
            rest = after;
        }
        let found = open(&groups).spans(0..15).unwrap();
        assert_eq!(with_resources(found), with_resources(batch()));
    }

    proptest! {
        #[test]
        fn spans_of_any_times_and_parents_come_back(
            rows in prop::collection::vec((0..3_u8, 0..9_u8, any::<i64>(), any::<i64>(), prop::option::of(0..12_u8)), 1..40),
        ) {
            let spans = rows.iter().map(|(trace, id, start_ns, end_ns, parent)| Span {
                start_ns: *start_ns,
                end_ns: *end_ns,
                parent_span_id: parent.map(|id| SpanId([id; 8])),
                ..span(*trace, *id)
            });
            let batch = SpanBatch { spans: spans.collect(), ..batch() };
            let mut first_ones = batch.clone();
            let mut seen = HashSet::new();
            first_ones.spans.retain(|span| seen.insert((span.trace_id, span.span_id, span.source)));
            let sealed = sealed(batch);
            prop_assert_eq!(sealed.span_count, first_ones.spans.len());
            let mut chunk = open(&sealed.groups);
            let all = chunk.spans(0..sealed.span_count).unwrap();
            prop_assert_eq!(with_resources(all), with_resources(first_ones.clone()));
            for trace in 0..3 {
                let trace_id = TraceId([trace; 16]);
                let found = chunk.trace(trace_id).unwrap();
                let mut expected = first_ones.clone();
                expected.spans.retain(|span| span.trace_id == trace_id);
                prop_assert_eq!(with_resources(found), with_resources(expected));
            }
        }

        /// Sound groups with a byte changed, compressed again so that it gets past the compressor.
        #[test]
        fn damaged_groups_are_errors_or_spans_but_no_panic(
            group in 0..GROUPS, place in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut groups = sealed(batch()).groups;
            let mut bytes = unpack(&groups[group]).unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            groups[group] = pack(&bytes);
            if let Ok(mut chunk) = OpenChunk::open(|group| Ok(groups[group as usize].clone())) {
                let count = chunk.index.span_count();
                let _ = chunk.spans(0..count.min(100));
                let _ = chunk.trace(TraceId([2; 16]));
                for text in ["http.status_code:5xx", "thread:3 OR !has:thread", "span.status:error span.duration:>1ns"] {
                    let connection = Connection::open_in_memory().unwrap();
                    let _ = chunk.traces_taken(&asked(text), &mut Roots::new(&connection));
                }
            }
        }
    }
}
