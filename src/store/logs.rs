//! Log records: bodies by request, what a list needs to pass a batch by, an index by trace, and counts by minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use super::body::{CODEC_ZSTD, expand};
use super::readers::check_time;
use super::staged_signals::decode_logs;
use super::write::LogsWrite;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::{LOG_BATCH_SPAN_NS, LOG_SCAN_MS, LOG_SCAN_RECORDS_MAX};
use crate::model::ids::{ProjectId, TraceId};
use crate::model::log::{LogBatch, LogId, LogLevel, LogRecord};
use crate::model::outcome::Reason;
use crate::model::span::{AttributeValue, Resource};

/// Which records, newest first, from where.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    pub filter: LogFilter,
    /// In the body or the logger's name, in any case.
    pub text: Option<String>,
    /// Name and value of an attribute, of the record or its resource.
    pub attribute: Option<(String, String)>,
    /// Only records before this one.
    pub before: Option<LogPosition>,
    pub limit: usize,
}

/// What batches and counts by minute can be chosen by.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter {
    pub project_id: Option<ProjectId>,
    /// This level and those above it.
    pub level: LogLevel,
    pub service: Option<String>,
    pub environment: Option<String>,
    /// Unix nanoseconds, both ends included.
    pub from_ns: i64,
    pub to_ns: i64,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self {
            project_id: None,
            level: LogLevel::Unknown,
            service: None,
            environment: None,
            from_ns: 0,
            to_ns: i64::MAX,
        }
    }
}

/// A place in the list of all records. Later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub time_ns: i64,
    pub id: LogId,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogPage {
    pub logs: Vec<LogRow>,
    /// Where the next page begins; `None` at the end.
    pub next_before: Option<LogPosition>,
    /// The search was given up here, without having filled the page.
    pub searched_to_ns: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    pub id: LogId,
    pub project_id: ProjectId,
    pub received_ms: i64,
    pub record: LogRecord,
    pub resource: Resource,
}

/// Records by stretch of time and level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogVolume {
    /// Index of the stretch, level, number of records.
    pub counts: Vec<(usize, LogLevel, u64)>,
    /// All there are in the time, whatever is chosen of them.
    pub services: Vec<String>,
    pub environments: Vec<String>,
}

/// Inserts the records of one request, unless they are there already.
pub(super) fn insert_logs(tx: &Transaction<'_>, logs: &LogsWrite, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let batch_id = batch.ids.next(batch.now_ms);
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_batch (id, project_id, content_key, received_ms, min_ns, max_ns, record_count, levels,
             services, environments, body_codec, body)
         VALUES (:id, :project_id, :content_key, :received_ms, :min_ns, :max_ns, :record_count, :levels, :services,
             :environments, :body_codec, :body)
         ON CONFLICT (content_key) DO NOTHING",
    )?;
    let inserted = statement.execute(named_params! {
        ":id": batch_id,
        ":project_id": logs.project_id.0,
        ":content_key": logs.content_key,
        ":received_ms": logs.received_ms,
        ":min_ns": logs.min_ns,
        ":max_ns": logs.max_ns,
        ":record_count": logs.record_count as i64,
        ":levels": logs.levels,
        ":services": logs.services.join("\n"),
        ":environments": logs.environments.join("\n"),
        ":body_codec": CODEC_ZSTD,
        ":body": logs.body.bytes,
    })?;
    let reason = if inserted == 0 { Reason::Duplicate } else { Reason::Accepted };
    batch.outcomes.add(logs.project_id, logs.received_ms, "log", reason.as_str(), logs.record_count);
    if inserted == 0 {
        return Ok(());
    }
    batch.logs += logs.record_count;
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_trace (trace_key, batch_id, record_count) VALUES (:trace_key, :batch_id, :record_count)",
    )?;
    for (trace_key, count) in &logs.traces {
        statement.execute(
            named_params! { ":trace_key": trace_key, ":batch_id": batch_id, ":record_count": *count as i64 },
        )?;
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_minute (minute, project_id, service, environment, level, record_count)
         VALUES (:minute, :project_id, :service, :environment, :level, :record_count)
         ON CONFLICT (minute, project_id, service, environment, level)
             DO UPDATE SET record_count = record_count + :record_count",
    )?;
    for minute in &logs.minutes {
        statement.execute(named_params! {
            ":minute": minute.minute,
            ":project_id": logs.project_id.0,
            ":service": minute.service,
            ":environment": minute.environment,
            ":level": minute.level as i64,
            ":record_count": minute.count as i64,
        })?;
    }
    Ok(())
}

impl Store {
    pub async fn logs(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.readers.run(move |connection| read_logs(connection, &query)).await
    }

    /// The logs of a trace in the order of time, and how many there are.
    pub async fn trace_logs(&self, trace_id: TraceId, limit: usize) -> Result<(Vec<LogRow>, u64), StoreError> {
        self.readers.run(move |connection| read_trace_logs(connection, trace_id, limit)).await
    }

    /// How many logs name a trace. Two traces in 2^63 share a key.
    pub async fn trace_log_count(&self, trace_id: TraceId) -> Result<u64, StoreError> {
        self.readers
            .run(move |connection| {
                let sql = "SELECT coalesce(sum(record_count), 0) FROM log_trace WHERE trace_key = :key";
                let mut statement = connection.prepare_cached(sql)?;
                let count: i64 = statement.query_row(named_params! { ":key": trace_id.key() }, |row| row.get(0))?;
                Ok(count.max(0) as u64)
            })
            .await
    }

    pub async fn log(&self, id: LogId) -> Result<Option<LogRow>, StoreError> {
        self.readers
            .run(move |connection| {
                let Some(opened) = open_batch(connection, id.batch)? else { return Ok(None) };
                Ok(opened.rows().nth(id.index as usize))
            })
            .await
    }

    /// Counts in `stretches` equal stretches of `minutes` each, from `from_minute` on.
    pub async fn log_volume(
        &self,
        filter: LogFilter,
        from_minute: i64,
        minutes: i64,
        stretches: usize,
    ) -> Result<LogVolume, StoreError> {
        self.readers.run(move |connection| read_volume(connection, &filter, from_minute, minutes, stretches)).await
    }

    /// Whether any log was ever stored.
    pub async fn has_logs(&self) -> Result<bool, StoreError> {
        self.readers
            .run(
                |connection| Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM log_batch)", [], |row| row.get(0))?),
            )
            .await
    }
}

/// Batches that may hold what is looked for, those with the newest records first; answered from the index alone.
pub(super) const BATCHES_SQL: &str = "SELECT id, max_ns FROM log_batch
    WHERE max_ns <= :upper_ns AND max_ns >= :from_ns AND min_ns <= :start_ns
        AND (:project_id IS NULL OR project_id = :project_id)
        AND levels & :levels <> 0
        AND (:service IS NULL OR instr(char(10) || services || char(10), char(10) || :service || char(10)))
        AND (:environment IS NULL
             OR instr(char(10) || environments || char(10), char(10) || :environment || char(10)))
    ORDER BY max_ns DESC, id DESC";

fn read_logs(connection: &Connection, query: &LogQuery) -> Result<LogPage, StoreError> {
    let filter = &query.filter;
    let deadline = Instant::now() + Duration::from_millis(LOG_SCAN_MS);
    let start_ns = query.before.map_or(filter.to_ns, |before| before.time_ns.min(filter.to_ns));
    let matcher = Matcher::new(query);
    let mut statement = connection.prepare_cached(BATCHES_SQL)?;
    let mut batches = statement.query(named_params! {
        // No batch reaches further than that, so this leaves none out that begins before the start.
        ":upper_ns": start_ns.saturating_add(LOG_BATCH_SPAN_NS),
        ":from_ns": filter.from_ns,
        ":start_ns": start_ns,
        ":project_id": filter.project_id.map(|id| id.0),
        ":levels": filter.level.and_above(),
        ":service": filter.service,
        ":environment": filter.environment,
    })?;
    // The newest matches so far, one more than the page holds.
    let mut found: BTreeMap<LogPosition, LogRow> = BTreeMap::new();
    let mut looked_at = 0;
    let mut searched_to_ns = None;
    while let Some(batch) = batches.next()? {
        check_time()?;
        let max_ns: i64 = batch.get(1)?;
        let is_full = found.len() > query.limit;
        if is_full && found.first_key_value().is_some_and(|(oldest, _)| oldest.time_ns > max_ns) {
            break;
        }
        // Stops only where something is gained: the next page starts further back than this one.
        if max_ns < start_ns && (looked_at >= LOG_SCAN_RECORDS_MAX || Instant::now() > deadline) {
            found.retain(|position, _| position.time_ns > max_ns);
            searched_to_ns = Some(max_ns);
            break;
        }
        let Some(opened) = open_batch(connection, batch.get(0)?)? else { continue };
        looked_at += opened.batch.records.len();
        for row in opened.rows() {
            let position = LogPosition { time_ns: row.record.time_ns, id: row.id };
            if query.before.is_some_and(|before| position >= before) || !matcher.takes(&row) {
                continue;
            }
            found.insert(position, row);
            if found.len() > query.limit + 1 {
                found.pop_first();
            }
        }
    }
    let mut page = LogPage::default();
    let more = found.len() > query.limit;
    for (position, row) in found.into_iter().rev().take(query.limit) {
        if more {
            page.next_before = Some(position);
        }
        page.logs.push(row);
    }
    if !more && let Some(time_ns) = searched_to_ns {
        page.next_before = Some(LogPosition { time_ns, id: LogId { batch: i64::MAX, index: u32::MAX } });
        page.searched_to_ns = searched_to_ns;
    }
    Ok(page)
}

/// The part of a query that only the record itself can answer.
struct Matcher<'q> {
    query: &'q LogQuery,
    text: Option<String>,
}

impl<'q> Matcher<'q> {
    fn new(query: &'q LogQuery) -> Self {
        Self { query, text: query.text.as_deref().map(str::to_lowercase) }
    }

    fn takes(&self, row: &LogRow) -> bool {
        let LogFilter { level, service, environment, from_ns, to_ns, .. } = &self.query.filter;
        let record = &row.record;
        record.time_ns >= *from_ns
            && record.time_ns <= *to_ns
            && LogLevel::of(record.severity) >= *level
            && service.as_ref().is_none_or(|service| row.resource.service == *service)
            && environment.as_ref().is_none_or(|name| row.resource.environment.as_deref().unwrap_or("") == name)
            && self.text.as_deref().is_none_or(|text| {
                record.body.to_lowercase().contains(text)
                    || record.logger.as_ref().is_some_and(|logger| logger.to_lowercase().contains(text))
            })
            && self.query.attribute.as_ref().is_none_or(|(key, value)| has_attribute(row, key, value))
    }
}

fn has_attribute(row: &LogRow, key: &str, value: &str) -> bool {
    let is_value = |found: &AttributeValue| match found {
        AttributeValue::Text(text) => text == value,
        AttributeValue::Int(number) => number.to_string() == value,
        AttributeValue::Double(number) => number.to_string() == value,
        AttributeValue::Bool(flag) => flag.to_string() == value,
        _ => false,
    };
    let is_text = |found: Option<&str>| found == Some(value);
    match key {
        "logger.name" => is_text(row.record.logger.as_deref()),
        "sentry.message.template" => is_text(row.record.template.as_deref()),
        "sentry.release" | "release" => is_text(row.resource.release.as_deref()),
        _ => {
            let all = row.record.attributes.iter().chain(&row.resource.attributes);
            all.into_iter().any(|attribute| attribute.key == key && is_value(&attribute.value))
        }
    }
}

struct OpenedBatch {
    id: i64,
    project_id: ProjectId,
    received_ms: i64,
    batch: LogBatch,
}

impl OpenedBatch {
    fn rows(self) -> impl Iterator<Item = LogRow> {
        let Self { id, project_id, received_ms, batch } = self;
        let resources = batch.resources;
        batch.records.into_iter().enumerate().map(move |(index, record)| LogRow {
            id: LogId { batch: id, index: index as u32 },
            project_id,
            received_ms,
            resource: resources[record.resource].clone(),
            record,
        })
    }
}

fn open_batch(connection: &Connection, id: i64) -> Result<Option<OpenedBatch>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT project_id, received_ms, body_codec, body FROM log_batch WHERE id = :id")?;
    let found = statement
        .query_row(named_params! { ":id": id }, |row| {
            Ok((ProjectId(row.get(0)?), row.get(1)?, row.get::<_, i64>(2)?, row.get::<_, Vec<u8>>(3)?))
        })
        .optional()?;
    let Some((project_id, received_ms, codec, body)) = found else { return Ok(None) };
    let batch = decode_logs(&expand(codec, &body)?)?;
    Ok(Some(OpenedBatch { id, project_id, received_ms, batch }))
}

/// The batches with logs of a trace.
pub(super) const TRACE_SQL: &str = "SELECT batch_id FROM log_trace WHERE trace_key = :key ORDER BY batch_id";

fn read_trace_logs(connection: &Connection, trace_id: TraceId, limit: usize) -> Result<(Vec<LogRow>, u64), StoreError> {
    let mut statement = connection.prepare_cached(TRACE_SQL)?;
    let mut batches = statement.query(named_params! { ":key": trace_id.key() })?;
    let mut found: BTreeMap<LogPosition, LogRow> = BTreeMap::new();
    let mut total = 0;
    while let Some(batch) = batches.next()? {
        check_time()?;
        let Some(opened) = open_batch(connection, batch.get(0)?)? else { continue };
        for row in opened.rows().filter(|row| row.record.trace_id == Some(trace_id)) {
            total += 1;
            found.insert(LogPosition { time_ns: row.record.time_ns, id: row.id }, row);
            if found.len() > limit {
                found.pop_last();
            }
        }
    }
    Ok((found.into_values().collect(), total))
}

/// Counts by stretch and level.
pub(super) const VOLUME_SQL: &str =
    "SELECT (minute - :from_minute) / :minutes AS stretch, level, sum(record_count) FROM log_minute
     WHERE minute >= :from_minute AND minute < :to_minute
         AND (:project_id IS NULL OR project_id = :project_id)
         AND (:service IS NULL OR service = :service)
         AND (:environment IS NULL OR environment = :environment)
         AND level >= :level
     GROUP BY stretch, level";

fn read_volume(
    connection: &Connection,
    filter: &LogFilter,
    from_minute: i64,
    minutes: i64,
    stretches: usize,
) -> Result<LogVolume, StoreError> {
    let to_minute = from_minute.saturating_add(minutes.saturating_mul(stretches as i64));
    let mut statement = connection.prepare_cached(VOLUME_SQL)?;
    let rows = statement.query_map(
        named_params! {
            ":from_minute": from_minute,
            ":to_minute": to_minute,
            ":minutes": minutes.max(1),
            ":project_id": filter.project_id.map(|id| id.0),
            ":service": filter.service,
            ":environment": filter.environment,
            ":level": filter.level as i64,
        },
        |row| {
            let count: i64 = row.get(2)?;
            Ok((row.get::<_, i64>(0)?.max(0) as usize, LogLevel::from_code(row.get(1)?), count.max(0) as u64))
        },
    )?;
    let counts = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT service, environment FROM log_minute WHERE minute >= :from_minute AND minute < :to_minute
         LIMIT 1000",
    )?;
    let pairs = statement
        .query_map(named_params! { ":from_minute": from_minute, ":to_minute": to_minute }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    let (mut services, mut environments): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for names in [&mut services, &mut environments] {
        names.sort();
        names.dedup();
        names.retain(|name| !name.is_empty());
    }
    Ok(LogVolume { counts, services, environments })
}
