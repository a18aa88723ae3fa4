//! A search asked of log records: as they were acknowledged, by the filters of chunks, and by their columns.
//!
//! Words are looked for in the body and the logger's name. Owns what is pushed down to the rows of batches and chunks; how
//! those are walked is in [`super::logs`].

use std::cell::RefCell;

use memchr::memmem::Finder;

use super::StoreError;
use super::asked::{self, AskedKey, attribute_names, exact_texts, give_attributes, is_any_in, parts_of, rows_taken};
use super::bloom::{TextPart, contains_id};
use super::log_chunks::Chunk;
use super::log_columns::{Details, LOGGER, Part, Places, RELEASE, TEMPLATE, Texts, Traces, is_fraction};
use super::logs::{LogFilter, LogPosition, LogRow};
use crate::model::ids::TraceId;
use crate::model::log::LogLevel;
use crate::model::span::Resource;
use crate::search::naive::{self, Fact, Subject};
use crate::search::{Expr, IsState, Key, Known, Leaf, Op, Pattern, Value};

/// A filter and a search, made ready to be asked of many records.
pub(super) struct AskedLogs {
    filter: LogFilter,
    expr: Expr,
    before: Option<LogPosition>,
}

impl AskedLogs {
    pub(super) fn new(filter: &LogFilter, expr: &Expr, before: Option<LogPosition>) -> Self {
        let (from_ns, to_ns) = asked::time_of(expr);
        let mut filter = filter.clone();
        filter.from_ns = filter.from_ns.max(from_ns);
        filter.to_ns = filter.to_ns.min(to_ns);
        Self { filter, expr: expr.clone(), before }
    }

    /// With the time of the search.
    pub(super) fn filter(&self) -> &LogFilter {
        &self.filter
    }

    /// The one service that everything taken is of.
    pub(super) fn service(&self) -> Option<&str> {
        self.filter.service.as_deref().or_else(|| asked::text_of(&self.expr, Known::Service))
    }

    pub(super) fn environment(&self) -> Option<&str> {
        self.filter.environment.as_deref().or_else(|| asked::text_of(&self.expr, Known::Environment))
    }

    /// The levels that anything taken may have, as a set.
    pub(super) fn levels(&self) -> i64 {
        let mut levels = self.filter.level.and_above();
        for part in self.expr.conjuncts() {
            let Expr::Leaf(leaf @ Leaf::Compare { key: Key::Known(Known::Level), .. }) = part else { continue };
            let Some(asked) = AskedKey::of(leaf) else { continue };
            levels &= LogLevel::ALL
                .iter()
                .filter(|level| asked.takes_text(level.as_str()))
                .map(|level| level.bit())
                .sum::<i64>();
        }
        levels
    }

    pub(super) fn takes(&self, row: &LogRow) -> bool {
        let LogFilter { project_id, level, from_ns, to_ns, .. } = &self.filter;
        let position = LogPosition { time_ns: row.record.time_ns, id: row.id };
        (*from_ns..=*to_ns).contains(&row.record.time_ns)
            && self.before.is_none_or(|before| position < before)
            && project_id.is_none_or(|project_id| row.project_id == project_id)
            && LogLevel::of(row.record.severity) >= *level
            && self.takes_resource(&row.resource)
            && naive::matches(&self.expr, &LogSubject { row, ids: ids_of(&self.expr, row) })
    }

    fn takes_resource(&self, resource: &Resource) -> bool {
        let LogFilter { service, environment, .. } = &self.filter;
        service.as_ref().is_none_or(|service| resource.service == *service)
            && environment.as_ref().is_none_or(|name| resource.environment.as_deref().unwrap_or("") == name)
    }

    /// What the chunk's filters say.
    pub(super) fn may_take_any(&self, chunk: &Chunk<'_>) -> Result<bool, StoreError> {
        let mut filters = Filters { chunk, texts: None, attributes: None, traces: None };
        asked::may_take_any(&self.expr, &mut |leaf| filters.may_hold(leaf))
    }

    /// The records of a chunk that are taken, the first in time in front.
    pub(super) fn rows_taken(&self, chunk: &Chunk<'_>, places: &Places) -> Result<Vec<usize>, StoreError> {
        let LogFilter { project_id, level, from_ns, to_ns, .. } = &self.filter;
        let start = places.times.partition_point(|time_ns| time_ns < from_ns);
        let end = places.times.partition_point(|time_ns| time_ns <= to_ns);
        let of_resources: Vec<bool> = places.resources.iter().map(|resource| self.takes_resource(resource)).collect();
        let mut among = vec![false; places.len()];
        for row in start..end.max(start) {
            among[row] = of_resources[places.record_resources[row] as usize]
                && LogLevel::of(places.severities[row]) >= *level
                && project_id.is_none_or(|project_id| places.place(row).0.project_id == project_id)
                && self.before.is_none_or(|before| places.position(row) < before);
        }
        if !among.contains(&true) {
            return Ok(Vec::new());
        }
        let mut columns = Columns { chunk, places, texts: None, details: None, traces: None };
        let is_taken = rows_taken(&self.expr, &among, &mut |leaf, among| columns.rows(leaf, among))?;
        Ok((0..is_taken.len()).filter(|row| is_taken[*row]).collect())
    }
}

/// The filters of a chunk, each read once.
struct Filters<'c, 'p> {
    chunk: &'p Chunk<'c>,
    texts: Option<Vec<u8>>,
    attributes: Option<Vec<u8>>,
    traces: Option<Vec<u8>>,
}

impl Filters<'_, '_> {
    fn may_hold(&mut self, leaf: &Leaf) -> Result<bool, StoreError> {
        if let Leaf::Text(pattern) = leaf {
            return self.may_hold_parts(pattern);
        }
        let Some(asked) = AskedKey::of(leaf).filter(AskedKey::is_whole) else {
            return Ok(!matches!(leaf, Leaf::Is(_)));
        };
        if let (Key::Known(Known::Message | Known::Logger), Leaf::Compare { value: Value::Text(pattern), .. }) =
            (asked.key, leaf)
            && !self.may_hold_parts(pattern)?
        {
            return Ok(false);
        }
        let Some(texts) = exact_texts(leaf) else { return Ok(true) };
        let names = match asked.key {
            Key::Known(Known::Logger) => vec![LOGGER],
            Key::Known(Known::Template) => vec![TEMPLATE],
            Key::Known(Known::Release) => vec![RELEASE],
            Key::Known(Known::Trace) => {
                let filter = read(&mut self.traces, self.chunk, Part::TraceFilter)?;
                let ids = texts.iter().map(|text| TraceId::parse(text));
                return Ok(ids.into_iter().any(|id| id.is_none_or(|id| contains_id(filter, &id.0))));
            }
            Key::Attribute(_) if !texts.iter().any(|text| is_fraction(text)) => attribute_names(asked.key),
            _ => return Ok(true),
        };
        Ok(is_any_in(read(&mut self.attributes, self.chunk, Part::AttributeFilter)?, &names, &texts))
    }

    fn may_hold_parts(&mut self, pattern: &Pattern) -> Result<bool, StoreError> {
        let filter = read(&mut self.texts, self.chunk, Part::TextFilter)?;
        Ok(parts_of(pattern).all(|part| TextPart::new(part).may_be_in(filter)))
    }
}

fn read<'f>(known: &'f mut Option<Vec<u8>>, chunk: &Chunk<'_>, part: Part) -> Result<&'f [u8], StoreError> {
    Ok(match known {
        Some(filter) => filter,
        filter => filter.insert(chunk.part(part)?),
    })
}

/// The columns of a chunk, each group read once.
struct Columns<'c, 'p> {
    chunk: &'p Chunk<'c>,
    places: &'p Places,
    texts: Option<Texts>,
    details: Option<Details>,
    traces: Option<Traces>,
}

impl Columns<'_, '_> {
    fn texts(&mut self) -> Result<&Texts, StoreError> {
        Ok(match &mut self.texts {
            Some(texts) => texts,
            texts => texts.insert(self.chunk.texts()?),
        })
    }

    fn rows(&mut self, leaf: &Leaf, among: &[bool]) -> Result<Vec<bool>, StoreError> {
        let places = self.places;
        let mut is_taken = vec![false; among.len()];
        let mut take = |rows: Vec<usize>| rows.into_iter().for_each(|row| is_taken[row] = true);
        if let Leaf::Text(pattern) = leaf {
            let needle = Needle::new(pattern);
            let texts = self.texts()?;
            take(texts.bodies()?.rows_where(|text| needle.is_in(text)));
            take(texts.loggers()?.rows_where(|text| needle.is_in(text)));
            return Ok(is_taken);
        }
        let Some(asked) = AskedKey::of(leaf) else { return Ok(is_taken) };
        let rows = 0..among.len();
        let of_resource = |takes: &dyn Fn(&Resource) -> bool| {
            let taken: Vec<bool> = places.resources.iter().map(takes).collect();
            (0..places.len()).filter(|row| taken[places.record_resources[*row] as usize]).collect::<Vec<_>>()
        };
        let takes = |text: &String| asked.takes_text(text);
        match asked.key {
            Key::Known(Known::Level) => {
                let taken = LogLevel::ALL.map(|level| asked.takes_text(level.as_str()));
                take(rows.filter(|row| taken[LogLevel::of(places.severities[*row]) as usize]).collect());
            }
            Key::Known(Known::Timestamp) => {
                take(rows.filter(|row| asked.takes(Fact::TimeNs(places.times[*row]))).collect());
            }
            Key::Known(Known::Message) => {
                let bodies = self.texts()?.bodies()?;
                match leaf {
                    Leaf::Compare { op: Op::Is, value: Value::Text(pattern), .. } => {
                        let needle = Needle::new(pattern);
                        take(bodies.rows_where(|text| needle.is_in(text)));
                    }
                    _ => take(bodies.rows_where(|text| asked.takes_text(text))),
                }
            }
            Key::Known(Known::Logger) => take(self.texts()?.loggers()?.rows_where(|text| asked.takes_text(text))),
            Key::Known(Known::Template) => take(self.texts()?.templates()?.rows_where(|text| asked.takes_text(text))),
            Key::Known(Known::Service) => take(of_resource(&|resource| asked.takes_text(&resource.service))),
            Key::Known(Known::Release) => take(of_resource(&|resource| resource.release.as_ref().is_some_and(takes))),
            Key::Known(Known::Environment) => {
                take(of_resource(&|resource| resource.environment.as_ref().is_some_and(takes)));
            }
            Key::Known(key @ (Known::Trace | Known::SpanId)) => {
                let traces = match &mut self.traces {
                    Some(traces) => traces,
                    traces => traces.insert(self.chunk.traces()?),
                };
                let is_taken = |row: &usize| {
                    let (trace_id, span_id) = traces.of(*row);
                    let text = match key {
                        Known::Trace => trace_id.map(|id| id.to_string()),
                        _ => span_id.map(|id| id.to_string()),
                    };
                    among[*row] && text.is_some_and(|text| asked.takes_text(&text))
                };
                take(rows.filter(is_taken).collect());
            }
            Key::Known(Known::Project) => {
                let of_row = |row: &usize| places.place(*row).0.project_id.to_string();
                take(rows.filter(|row| among[*row] && asked.takes_text(&of_row(row))).collect());
            }
            key @ Key::Attribute(_) => {
                let names = attribute_names(key);
                take(of_resource(&|resource| asked.takes_one_of(&resource.attributes, &names)));
                let details = match &mut self.details {
                    Some(details) => details,
                    details => details.insert(self.chunk.details()?),
                };
                let column = details.attributes()?;
                for name in names {
                    take(column.rows_where(name, |value| asked.takes_attribute(value))?);
                }
            }
            _ => {}
        }
        Ok(is_taken)
    }
}

/// A pattern looked for in many texts: one with a single piece is found without lower-casing into new memory.
struct Needle<'p> {
    pattern: &'p Pattern,
    finder: Option<Finder<'p>>,
    buffer: RefCell<Vec<u8>>,
}

impl<'p> Needle<'p> {
    fn new(pattern: &'p Pattern) -> Self {
        let finder = match pattern.lower_pieces() {
            [start, piece, end] if start.is_empty() && end.is_empty() => Some(Finder::new(piece.as_str())),
            _ => None,
        };
        Self { pattern, finder, buffer: RefCell::default() }
    }

    fn is_in(&self, text: &str) -> bool {
        let Some(finder) = self.finder.as_ref().filter(|_| text.is_ascii()) else { return self.pattern.matches(text) };
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        buffer.extend_from_slice(text.as_bytes());
        buffer.make_ascii_lowercase();
        finder.find(&buffer).is_some()
    }
}

/// Ids of trace, span and project, where one is asked for.
#[derive(Default)]
struct Ids {
    trace: Option<String>,
    span: Option<String>,
    project: Option<String>,
}

fn ids_of(expr: &Expr, row: &LogRow) -> Ids {
    let mut is_asked = false;
    expr.for_each_leaf(&mut |leaf| {
        let key = AskedKey::of(leaf).map(|asked| asked.key);
        is_asked |= matches!(key, Some(Key::Known(Known::Trace | Known::SpanId | Known::Project)));
    });
    if !is_asked {
        return Ids::default();
    }
    Ids {
        trace: row.record.trace_id.map(|id| id.to_string()),
        span: row.record.span_id.map(|id| id.to_string()),
        project: Some(row.project_id.to_string()),
    }
}

struct LogSubject<'r> {
    row: &'r LogRow,
    ids: Ids,
}

impl Subject for LogSubject<'_> {
    fn facts<'s>(&'s self, key: &Key, give: &mut dyn FnMut(Fact<'s>)) {
        let LogRow { record, resource, .. } = self.row;
        let mut some = |text: Option<&'s str>| text.into_iter().for_each(|text| give(Fact::Text(text)));
        match key {
            Key::Known(known) => match known {
                Known::Level => some(Some(LogLevel::of(record.severity).as_str())),
                Known::Message => some(Some(&record.body)),
                Known::Template => some(record.template.as_deref()),
                Known::Logger => some(record.logger.as_deref()),
                Known::Service => some(Some(&resource.service)),
                Known::Release => some(resource.release.as_deref()),
                Known::Environment => some(resource.environment.as_deref()),
                Known::Trace => some(self.ids.trace.as_deref()),
                Known::SpanId => some(self.ids.span.as_deref()),
                Known::Project => some(self.ids.project.as_deref()),
                Known::Timestamp => give(Fact::TimeNs(record.time_ns)),
                _ => {}
            },
            key => {
                let names = attribute_names(key);
                give_attributes(&record.attributes, &names, give);
                give_attributes(&resource.attributes, &names, give);
            }
        }
    }

    fn texts<'s>(&'s self, give: &mut dyn FnMut(&'s str)) {
        give(&self.row.record.body);
        self.row.record.logger.iter().for_each(|logger| give(logger));
    }

    fn is(&self, _state: IsState) -> bool {
        false
    }
}
