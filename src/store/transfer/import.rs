//! Lines back to rows: in the order they come, some thousand in one transaction, each changing nothing the second time.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::begun;
use super::json::{Members, Ty, bytes, column, int, log_of, members, points_of, span_of, text};
use super::room::{Room, is_full};
use super::stored::{forget_delivery, has_part, known_logs, known_spans};
use super::sums::LAST;
use super::tables::{BLOB, CHUNK_WRITE, FIRST, MIDDLE, Table};
use super::{Again, FORMAT, TransferError};
use crate::config::{Durability, IMPORT_GROUP_BYTES, IMPORT_GROUP_ROWS, IMPORT_LINE_BYTES_MAX, MaxSize};
use crate::model::ids::{ProjectId, ServerIds, SpanId, TraceId};
use crate::model::log::LogBatch;
use crate::model::metric::MetricBatch;
use crate::model::sketch::UserSketch;
use crate::model::span::SpanBatch;
use crate::store::body::{CODEC_ZSTD, compress};
use crate::store::facts;
use crate::store::logs::insert_logs;
use crate::store::metrics::insert_metrics;
use crate::store::perf::pass_over;
use crate::store::repack::forget_reached;
use crate::store::safety::{OnProgress, Progress, Unit, copy_before_upgrade, count_rows, in_words};
use crate::store::traces::insert_spans;
use crate::store::writer::{Batch, last_server_id, open_connection};
use crate::store::{
    OverMaxSize, StoreError, StoreSettings, database_path, lock_data_dir, migrate, projects, retention, trouble,
    workflow,
};

/// What came in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// Lines by kind.
    pub lines: BTreeMap<String, u64>,
    /// Of these, what was not here before.
    pub new: BTreeMap<String, u64>,
    /// Lines that need a row which is not here, and why the first of them.
    pub skipped: u64,
    pub first_skipped: Option<String>,
    /// When the store holds so much now that a server drops what is oldest.
    pub over: Option<OverMaxSize>,
}

/// Reads the file `from`, or standard input for `None`, into the database of `data_dir`, which is made when there is none.
/// Compressed lines are told by their first bytes.
///
/// # Errors
/// At the first line that cannot be understood, and when there is no room for more. What stands before it is imported.
pub fn import(
    from: Option<&Path>,
    data_dir: &Path,
    mut settings: StoreSettings,
    again: &Again,
    on_progress: OnProgress<'_>,
) -> Result<Imported, TransferError> {
    let mut lines = Lines::open(from)?;
    expect_header(&mut lines)?;

    let _lock = lock_data_dir(data_dir).map_err(|error| match error {
        StoreError::InUse(data_dir) => TransferError::Running(data_dir),
        other => other.into(),
    })?;
    let path = database_path(data_dir);
    // Refuses what is newer or another program's before anything is opened for writing.
    copy_before_upgrade(&path)?;
    let mut connection = open_connection(&path, Durability::Full)?;
    migrate::migrate(&mut connection, &path).map_err(|error| trouble::at_start(error, &path))?;
    // Every commit is moved into the database at once now and then: there is no writer to do it.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    // As a first start does: before what comes in takes of the room that it is chosen by.
    if settings.keep.max_size == MaxSize::Auto {
        retention::read_policy(&connection, &mut settings)?;
    }
    retention::settle_max_size(&connection, &path, &mut settings).map_err(|error| trouble::at_start(error, &path))?;
    let before = count_rows(&connection)?;
    super::counts::begin(&connection)?;
    super::issues::begin(&connection)?;
    super::releases::begin(&connection)?;
    super::accepted::begin(&connection)?;
    // Events come without; a server gives them theirs.
    facts::look_again(&connection)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    workflow::dissolve_all(&tx)?;
    tx.commit()?;
    let mut importer = Importer {
        ids: ServerIds::after(last_server_id(&connection)?),
        again,
        spans: SpanGroup::default(),
        logs: LogGroup::default(),
        done: Imported::default(),
        came: super::accepted::Came::default(),
        committed: 0,
        ended: false,
    };
    let room = Room::new(&connection, &path)?;
    let written = importer.write_all(&mut connection, &mut lines, &room, on_progress);
    if let Err(error) = written.and_then(|()| importer.finish(&mut connection)) {
        return Err(match is_full(&error) {
            true => {
                importer.stop(&mut connection);
                room.none_left(&connection, importer.committed, lines.share_read())?
            }
            false => error,
        });
    }
    importer.done.count_new(&before, &count_rows(&connection)?);
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(TransferError::from) {
        // Everything is in, if only in the log.
        Err(error) if !is_full(&error) => return Err(error),
        _ => {}
    }
    importer.done.over = retention::over_max_size(&connection, &path, &settings)?;
    Ok(importer.done)
}

/// What is counted here and there, when the last line has come.
fn merge(tx: &Transaction<'_>) -> Result<(), StoreError> {
    super::counts::merge(tx)?;
    super::issues::merge(tx)?;
    super::issues::merge_shown(tx)?;
    Ok(super::releases::merge(tx)?)
}

impl Imported {
    /// Spans and logs are counted as they are written; of everything else a line is a row.
    fn count_new(&mut self, before: &[(String, u64)], after: &[(String, u64)]) {
        let rows = |counts: &[(String, u64)], table: &str| {
            counts.iter().find(|(name, _)| name == table).map_or(0, |(_, count)| *count)
        };
        for (kind, read) in &self.lines {
            let table = match kind.as_str() {
                "span" | "log" => continue,
                "chunk" => "blob_chunk",
                "metric_points" => "metric_batch",
                kind => kind,
            };
            let more = rows(after, table).saturating_sub(rows(before, table));
            self.new.insert(kind.clone(), more.min(*read));
        }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> TransferError {
    let detail = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        _ => in_words(error),
    };
    TransferError::Read { path: path.to_path_buf(), detail }
}

/// A file of which is known how much of it was read.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// One line after the other, each within bounds.
struct Lines {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    path: std::path::PathBuf,
    read: Rc<Cell<u64>>,
    /// Of the file as it lies; 0 when nobody knows.
    length: u64,
}

impl Lines {
    fn open(from: Option<&Path>) -> Result<Self, TransferError> {
        let read = Rc::new(Cell::new(0));
        let path = from.unwrap_or(Path::new("standard input"));
        let (input, length): (Box<dyn Read>, u64) = match from {
            Some(path) => {
                let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                (Box::new(Counted { file, read: read.clone() }), length)
            }
            None => (Box::new(std::io::stdin()), 0),
        };
        let mut input = BufReader::with_capacity(1 << 16, input);
        let head = input.fill_buf().map_err(|error| cannot_read(path, &error))?;
        let input: Box<dyn BufRead> = match head {
            [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(input))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let decoder = zstd::stream::read::Decoder::with_buffer(input);
                Box::new(BufReader::new(decoder.map_err(|error| cannot_read(path, &error))?))
            }
            _ => Box::new(input),
        };
        Ok(Self { input, line: Vec::new(), number: 0, path: path.to_path_buf(), read, length })
    }

    /// Between 0 and 1.
    fn share_read(&self) -> Option<f64> {
        (self.length > 0).then(|| (self.read.get() as f64 / self.length as f64).min(1.0))
    }

    fn next_line(&mut self) -> Result<Option<&str>, TransferError> {
        self.line.clear();
        let limit = IMPORT_LINE_BYTES_MAX as u64;
        let count = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line);
        let count = match count {
            Ok(count) => count,
            // The compressed file ends in the middle.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(TransferError::CutOff(self.number));
            }
            Err(error) => return Err(cannot_read(&self.path, &error)),
        };
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.len() >= IMPORT_LINE_BYTES_MAX {
            return Err(self.wrong(format!("it is longer than {IMPORT_LINE_BYTES_MAX} bytes")));
        }
        // A last line without its end was cut off.
        if self.line.pop_if(|byte| *byte == b'\n').is_none() {
            return Err(TransferError::CutOff(self.number - 1));
        }
        let number = self.number;
        let wrong = |_| TransferError::Line { line: number, detail: "it is not UTF-8".to_string() };
        std::str::from_utf8(&self.line).map(Some).map_err(wrong)
    }

    fn wrong(&self, detail: String) -> TransferError {
        TransferError::Line { line: self.number, detail }
    }

    fn unwritten(&self, why: Unwritten) -> TransferError {
        match why {
            Unwritten::Wrong(detail) => self.wrong(detail),
            Unwritten::NoRoom => StoreError::Full.into(),
        }
    }
}

fn expect_header(lines: &mut Lines) -> Result<(), TransferError> {
    let first = match lines.next_line() {
        Ok(Some(first)) => first,
        Ok(None) | Err(TransferError::Line { .. } | TransferError::CutOff(_)) => return Err(TransferError::NoHeader),
        Err(other) => return Err(other),
    };
    let header = members(first).map_err(|_| TransferError::NoHeader)?;
    if text(&header, "kind").ok().as_deref() != Some("header") {
        return Err(TransferError::NoHeader);
    }
    match int(&header, "format") {
        Ok(format) if format <= FORMAT => Ok(()),
        Ok(format) => Err(TransferError::TooNew(format)),
        Err(_) => Err(TransferError::NoHeader),
    }
}

/// Spans that are written together.
#[derive(Default)]
struct SpanGroup {
    project_id: u32,
    bytes: usize,
    batch: SpanBatch,
}

/// Records that are written together.
#[derive(Default)]
struct LogGroup {
    project_id: u32,
    bytes: usize,
    batch: LogBatch,
}

struct Importer<'a> {
    ids: ServerIds,
    again: &'a Again,
    spans: SpanGroup,
    logs: LogGroup,
    done: Imported,
    came: super::accepted::Came,
    /// Lines that are in for good.
    committed: u64,
    ended: bool,
}

/// Why a line is not written.
enum Unwritten {
    Wrong(String),
    NoRoom,
}

impl From<String> for Unwritten {
    fn from(detail: String) -> Self {
        Self::Wrong(detail)
    }
}

impl From<&str> for Unwritten {
    fn from(detail: &str) -> Self {
        Self::Wrong(detail.to_string())
    }
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        match trouble::disk_trouble(&error) {
            Some(trouble::DiskTrouble::Full) => Self::NoRoom,
            _ => Self::Wrong(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Unwritten {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Sqlite(error).into()
    }
}

impl Importer<'_> {
    fn write_all(
        &mut self,
        connection: &mut Connection,
        lines: &mut Lines,
        room: &Room,
        on_progress: OnProgress<'_>,
    ) -> Result<(), TransferError> {
        while !self.ended {
            let most = room.for_commit(connection)?;
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            begun::begin(&tx)?;
            let mut is_over = false;
            let (mut count, mut bytes) = (0, 0);
            while count < most.lines && bytes < most.bytes {
                let Some(line) = lines.next_line()? else {
                    is_over = true;
                    break;
                };
                (count, bytes) = (count + 1, bytes + line.len());
                if let Err(unwritten) = self.line(&tx, line) {
                    let error = lines.unwritten(unwritten);
                    if !is_full(&error) {
                        // What stands before is imported, as the error says.
                        self.flush(&tx).map_err(|error| lines.unwritten(error))?;
                        merge(&tx)?;
                        tx.commit()?;
                    }
                    return Err(error);
                }
                on_progress(Progress { stage: "importing", done: lines.number, total: 0, unit: Unit::Rows });
                if self.ended {
                    break;
                }
            }
            self.flush(&tx).map_err(|error| lines.unwritten(error))?;
            if is_over {
                merge(&tx)?;
            }
            tx.commit()?;
            self.committed = lines.number;
            if is_over && !self.ended {
                return Err(TransferError::CutOff(lines.number));
            }
        }
        Ok(())
    }

    /// When the last line is in.
    fn finish(&mut self, connection: &mut Connection) -> Result<(), TransferError> {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        merge(&tx)?;
        super::accepted::reconcile(&tx, &self.came)?;
        // Of spans that came with their counts.
        if self.done.lines.contains_key("perf_hour") {
            pass_over(&tx)?;
        }
        forget_reached(&tx)?;
        begun::end(&tx)?;
        tx.commit()?;
        projects::ensure_first_project(connection)?;
        Ok(())
    }

    /// When there is no room for the next line: counts that have come are taken as far as they can be.
    fn stop(&mut self, connection: &mut Connection) {
        let merged = connection.transaction_with_behavior(TransactionBehavior::Immediate).map(|tx| {
            merge(&tx)?;
            Ok::<(), StoreError>(tx.commit()?)
        });
        // The log gives its room back.
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        tracing::debug!(?merged, ?emptied, "stopped for want of room");
    }

    fn line(&mut self, tx: &Transaction<'_>, line: &str) -> Result<(), Unwritten> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let members = members(line)?;
        let kind = text(&members, "kind")?;
        *self.done.lines.entry(kind.clone()).or_default() += 1;
        // Sums come behind what they are sums of.
        if !matches!(kind.as_str(), "span" | "log") {
            self.flush(tx)?;
        }
        match kind.as_str() {
            "span" => return self.add_span(tx, &members, line.len()),
            "log" => return self.add_log(tx, &members, line.len()),
            "metric_points" => return self.write_points(tx, &members),
            "chunk" => return self.write_chunk(tx, &members),
            "end" => {
                self.ended = true;
                return Ok(());
            }
            "header" => return Ok(()),
            _ => {}
        }
        let all = FIRST.iter().chain([&BLOB]).chain(MIDDLE).chain(LAST);
        match all.into_iter().find(|table| table.kind == kind) {
            Some(table) => self.write_row(tx, table, &members),
            None => Err(format!("nothing is known of the kind {kind:.40}").into()),
        }
    }

    fn write_row(&mut self, tx: &Transaction<'_>, table: &Table, line: &Members<'_>) -> Result<(), Unwritten> {
        let mut values: Vec<(String, Value)> = Vec::with_capacity(table.fields.len() + 3);
        for (name, ty, _) in table.fields {
            values.push((format!(":{name}"), column(line, name, *ty)?));
        }
        if table.has_body {
            values.extend(body_of(line)?);
        }
        // Each row stands for itself: one that cannot be placed takes no other along.
        let mut written = Ok(());
        for sql in table.write {
            written = written.and_then(|()| run(tx, sql, &values));
        }
        match written {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                self.done.skipped += 1;
                self.done.first_skipped.get_or_insert_with(|| format!("{}: {error}", table.kind));
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(()) => merge_sketches(tx, table, &values),
        }
    }

    fn write_chunk(&mut self, tx: &Transaction<'_>, line: &Members<'_>) -> Result<(), Unwritten> {
        let packed = crate::store::pack_blob(&bytes(line, "base64")?).into_only_chunk();
        let (codec, body) = packed.ok_or("a chunk is empty or too long")?;
        let values = [
            (":key".to_string(), column(line, "key", Ty::Hex)?),
            (":seq".to_string(), column(line, "seq", Ty::Int)?),
            (":codec".to_string(), Value::Integer(codec)),
            (":body".to_string(), Value::Blob(body)),
        ];
        Ok(CHUNK_WRITE.iter().try_for_each(|sql| run(tx, sql, &values))?)
    }

    fn add_span(&mut self, tx: &Transaction<'_>, line: &Members<'_>, bytes: usize) -> Result<(), Unwritten> {
        let project_id = project(line)?;
        let is_full = self.spans.batch.spans.len() >= IMPORT_GROUP_ROWS || self.spans.bytes >= IMPORT_GROUP_BYTES;
        if is_full || self.spans.project_id != project_id {
            self.flush_spans(tx)?;
        }
        let (mut span, resource) = span_of(line)?;
        span.resource = resource.place_in(&mut self.spans.batch.resources);
        self.spans.project_id = project_id;
        self.spans.bytes += bytes;
        self.spans.batch.spans.push(span);
        Ok(())
    }

    fn flush(&mut self, tx: &Transaction<'_>) -> Result<(), Unwritten> {
        self.flush_spans(tx)?;
        self.flush_logs(tx)
    }

    fn flush_spans(&mut self, tx: &Transaction<'_>) -> Result<(), Unwritten> {
        let SpanGroup { project_id, batch, .. } = std::mem::take(&mut self.spans);
        let make = |batch: SpanBatch| {
            // When they were over; when they came is not kept of spans.
            let received_ms = batch.spans.iter().map(|span| span.end_ns / 1_000_000).max().unwrap_or_default();
            (self.again.spans)(ProjectId(project_id), received_ms, batch)
        };
        if batch.spans.is_empty() {
            return Ok(());
        }
        // Traces of which these very spans are here need no closer look.
        let mut new_traces: HashSet<TraceId> = HashSet::new();
        let first_look = make(batch.clone());
        for part in &first_look.parts {
            if !has_part(tx, part.summary.trace_id.key(), part.spans_key)? {
                new_traces.insert(part.summary.trace_id);
            }
        }
        if new_traces.is_empty() {
            return Ok(());
        }
        let mut known: HashSet<(TraceId, SpanId)> = known_spans(tx, &new_traces)?;
        let mut batch = batch;
        // A span may stand twice in an export that was made while a server was sealing.
        batch.spans.retain(|span| new_traces.contains(&span.trace_id) && known.insert((span.trace_id, span.span_id)));
        if batch.spans.is_empty() {
            return Ok(());
        }
        *self.done.new.entry("span".to_string()).or_default() += batch.spans.len() as u64;
        let mut written = Batch::new(&mut self.ids);
        insert_spans(tx, &make(batch), &mut written)?;
        self.came.add(&written.outcomes);
        Ok(())
    }

    fn add_log(&mut self, tx: &Transaction<'_>, line: &Members<'_>, bytes: usize) -> Result<(), Unwritten> {
        let project_id = project(line)?;
        let is_full = self.logs.batch.records.len() >= IMPORT_GROUP_ROWS || self.logs.bytes >= IMPORT_GROUP_BYTES;
        if is_full || self.logs.project_id != project_id {
            self.flush_logs(tx)?;
        }
        let (mut record, resource) = log_of(line)?;
        record.resource = resource.place_in(&mut self.logs.batch.resources);
        self.logs.project_id = project_id;
        self.logs.bytes += bytes;
        self.logs.batch.records.push(record);
        Ok(())
    }

    fn flush_logs(&mut self, tx: &Transaction<'_>) -> Result<(), Unwritten> {
        let LogGroup { project_id, mut batch, .. } = std::mem::take(&mut self.logs);
        let times = || batch.records.iter().map(|record| record.time_ns);
        let (Some(min_ns), Some(max_ns)) = (times().min(), times().max()) else { return Ok(()) };
        let project_id = ProjectId(project_id);
        let mut known = known_logs(tx, project_id, min_ns, max_ns)?;
        let resources = &batch.resources;
        batch.records.retain(|record| {
            let Some(same_time) = known.get_mut(&record.time_ns) else { return true };
            // Where it stands in its batch is no part of it.
            let is_same = |(other, resource): &(_, _)| {
                let alike = crate::model::log::LogRecord { resource: 0, ..record.clone() };
                *other == alike && *resource == resources[record.resource]
            };
            // As often as it is there, and no more: the same line may have been logged twice in an instant.
            match same_time.iter().position(is_same) {
                Some(place) => {
                    same_time.swap_remove(place);
                    false
                }
                None => true,
            }
        });
        *self.done.new.entry("log".to_string()).or_default() += batch.records.len() as u64;
        for write in (self.again.logs)(project_id, max_ns / 1_000_000, batch) {
            // They are not here, so this is no second delivery, even if they once were.
            forget_delivery(tx, write.content_key)?;
            let mut written = Batch::new(&mut self.ids);
            insert_logs(tx, &write, &mut written)?;
            self.came.add(&written.outcomes);
        }
        Ok(())
    }

    fn write_points(&mut self, tx: &Transaction<'_>, line: &Members<'_>) -> Result<(), Unwritten> {
        let mut batch = MetricBatch::default();
        for (mut point, resource) in points_of(line)? {
            point.resource = resource.place_in(&mut batch.resources);
            batch.points.push(point);
        }
        let Some(mut write) = (self.again.metrics)(ProjectId(project(line)?), int(line, "received_ms")?, batch) else {
            return Ok(());
        };
        write.content_key = int(line, "content_key")?;
        let mut written = Batch::new(&mut self.ids);
        insert_metrics(tx, &write, &mut written)?;
        self.came.add(&written.outcomes);
        Ok(())
    }
}

fn project(line: &Members<'_>) -> Result<u32, String> {
    let id = int(line, "project_id")?;
    u32::try_from(id).map_err(|_| format!("project_id is {id}"))
}

fn body_of(line: &Members<'_>) -> Result<Vec<(String, Value)>, String> {
    let body = match (line.get("body"), line.contains_key("body_base64")) {
        (Some(raw), _) => Some(raw.get().as_bytes().to_vec()),
        (None, true) => Some(bytes(line, "body_base64")?),
        (None, false) => None,
    };
    let length = body.as_ref().map_or(0, Vec::len);
    let packed = body.map_or(Value::Null, |body| Value::Blob(compress(&body).bytes));
    Ok(vec![
        (":body".to_string(), packed),
        (":body_bytes".to_string(), Value::Integer(length as i64)),
        (":body_codec".to_string(), Value::Integer(CODEC_ZSTD)),
    ])
}

/// Binds what the statement names.
fn run(tx: &Transaction<'_>, sql: &str, values: &[(String, Value)]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(sql)?;
    for (name, value) in values {
        if let Some(place) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(place, value)?;
        }
    }
    statement.raw_execute().map(|_| ())
}

/// Adds the users of a line to those that are there.
fn merge_sketches(tx: &Transaction<'_>, table: &Table, values: &[(String, Value)]) -> Result<(), Unwritten> {
    for (field, read, write) in table.sketches {
        let name = format!(":{field}");
        let Some(Value::Blob(brought)) = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value) else {
            continue;
        };
        let brought = UserSketch::from_bytes(brought).ok_or_else(|| format!("{field} is no sketch"))?;
        let mut statement = tx.prepare_cached(read)?;
        for (name, value) in values {
            if let Some(place) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(place, value)?;
            }
        }
        let mut rows = statement.raw_query();
        let known: Option<Vec<u8>> = rows.next().and_then(|row| row.map(|row| row.get(0)).transpose())?;
        drop(rows);
        let mut merged = known.as_deref().and_then(UserSketch::from_bytes).unwrap_or_default();
        merged.merge(&brought);
        let merged = merged.to_bytes();
        if known.as_ref() == Some(&merged) {
            continue;
        }
        let mut values = values.to_vec();
        values.push((":sketch".to_string(), Value::Blob(merged)));
        run(tx, write, &values)?;
    }
    Ok(())
}
