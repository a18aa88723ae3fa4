//! Everything kept, as lines: read a page at a time, all in one read transaction, so that what is counted is what is
//! there. As long as it reads, a running server's log cannot begin anew; an export that makes it grow too far gives up.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::json::{Object, log_line, on_one_line, point_json, span_line};
use super::stored::{next_logs, next_points, next_spans, project_of, set_aside};
use super::sums::LAST;
use super::tables::{BLOB, FIRST, MIDDLE, Table};
use super::{FORMAT, TransferError, group_of};
use crate::clock::now_ms;
use crate::config::{BACKUP_LOG_BYTES_MAX, EXPORT_PAGE_ROWS};
use crate::model::ids::{ProjectId, TraceId};
use crate::store::StoreError;
use crate::store::blobs::read_chunk;
use crate::store::bodies::Bodies;
use crate::store::dictionaries::expand_event;
use crate::store::migrate::SCHEMA;
use crate::store::safety::{
    Draft, OnProgress, Progress, SafetyError, Unit, beside, expect_not_ours, in_words, open_source, wal_bytes,
};

/// What of it.
#[derive(Clone, Debug, Default)]
pub struct ExportFilter {
    /// Number or slug.
    pub project: Option<String>,
    /// Of [`super::GROUPS`]; empty for all.
    pub groups: Vec<String>,
    /// Nothing that came before, in unix milliseconds.
    pub since_ms: Option<i64>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// Lines by kind.
    pub lines: BTreeMap<&'static str, u64>,
    /// Requests' spans and logs that could not be read when they were to be sealed, and are not in it.
    pub left_out: u64,
    /// Rows whose bodies cannot be read, and are not in it.
    pub unreadable: u64,
    /// The first of them, each with why.
    pub first_unreadable: Vec<String>,
}

/// Rows that are named one by one.
const UNREADABLE_NAMED: usize = 10;

struct Exporter<'a> {
    connection: Connection,
    from: &'a Path,
    /// Of the database's log when it began.
    log_bytes: u64,
    /// Dictionaries that were read.
    bodies: Bodies,
    out: Box<dyn Write + 'a>,
    filter: ExportFilter,
    project_id: Option<i64>,
    done: Exported,
    count: u64,
    on_progress: OnProgress<'a>,
}

/// Writes the database at `from` to the file `to`, or to standard output for `None`. Compressed when the name ends in
/// `.zst` or `.gz`.
///
/// # Errors
/// When the database cannot be read, or the lines cannot be written. Then there is no file.
pub fn export<'a>(
    from: &'a Path,
    to: Option<&Path>,
    overwrite: bool,
    filter: ExportFilter,
    on_progress: OnProgress<'a>,
) -> Result<Exported, TransferError> {
    let (connection, schema) = open_source(from)?;
    if schema != SCHEMA {
        let detail = format!("it is of schema {schema}, this trapline writes {SCHEMA}: start trapline on it once");
        return Err(TransferError::Read { path: from.to_path_buf(), detail });
    }
    let project_id = filter.project.as_deref().map(|project| find_project(&connection, project)).transpose()?;
    let Some(to) = to else {
        let out: Box<dyn Write + 'a> = Box::new(BufWriter::new(std::io::stdout().lock()));
        return Exporter::run(connection, from, out, filter, project_id, on_progress);
    };
    if to.is_dir() {
        return Err(TransferError::IsAFolder(to.to_path_buf()));
    }
    expect_not_ours(to, from)?;
    if to.exists() && !overwrite {
        return Err(SafetyError::Exists(to.to_path_buf()).into());
    }
    let draft = Draft::new(beside(to, ".partial"))?;
    let file = draft.file().try_clone().map_err(failed)?;
    let exported = match to.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => {
            let encoder = flate2::write::GzEncoder::new(BufWriter::new(file), flate2::Compression::fast());
            Exporter::run(connection, from, Box::new(encoder), filter, project_id, on_progress)?
        }
        Some("zst") => {
            let encoder = zstd::stream::write::Encoder::new(BufWriter::new(file), 3).map_err(failed)?.auto_finish();
            Exporter::run(connection, from, Box::new(encoder), filter, project_id, on_progress)?
        }
        _ => Exporter::run(connection, from, Box::new(BufWriter::new(file)), filter, project_id, on_progress)?,
    };
    // The encoders write their ends when they are dropped, and cannot say then that the disk is full: look.
    expect_end(draft.path(), to)?;
    draft.finish(to)?;
    Ok(exported)
}

/// Reads the whole compressed file back once, because its end may be missing without a word.
fn expect_end(written: &Path, name: &Path) -> Result<(), TransferError> {
    let file = std::io::BufReader::new(File::open(written).map_err(failed)?);
    let read = match name.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => std::io::copy(&mut flate2::bufread::GzDecoder::new(file), &mut std::io::sink()),
        Some("zst") => zstd::stream::read::Decoder::with_buffer(file)
            .and_then(|mut decoder| std::io::copy(&mut decoder, &mut std::io::sink())),
        _ => Ok(0),
    };
    read.map(|_| ()).map_err(failed)
}

fn failed(error: std::io::Error) -> TransferError {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => TransferError::Unread,
        _ => TransferError::Write(in_words(&error)),
    }
}

fn find_project(connection: &Connection, project: &str) -> Result<i64, TransferError> {
    let sql = "SELECT id FROM project WHERE slug = :project OR CAST(id AS TEXT) = :project";
    let found = connection.query_row(sql, named_params! { ":project": project }, |row| row.get(0)).optional()?;
    found.ok_or_else(|| TransferError::NoProject(project.to_string()))
}

impl<'a> Exporter<'a> {
    fn run(
        connection: Connection,
        from: &'a Path,
        out: Box<dyn Write + 'a>,
        filter: ExportFilter,
        project_id: Option<i64>,
        on_progress: OnProgress<'a>,
    ) -> Result<Exported, TransferError> {
        let mut exporter = Self {
            connection,
            from,
            log_bytes: wal_bytes(from),
            bodies: Bodies::default(),
            out,
            filter,
            project_id,
            done: Exported::default(),
            count: 0,
            on_progress,
        };
        // The moment is that of the first read.
        exporter.connection.execute_batch("BEGIN")?;
        exporter.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        exporter.header()?;
        for table in FIRST {
            exporter.table(table)?;
        }
        exporter.blobs()?;
        for table in MIDDLE {
            exporter.table(table)?;
        }
        exporter.spans()?;
        exporter.logs()?;
        exporter.points()?;
        for table in LAST {
            exporter.table(table)?;
        }
        exporter.connection.execute_batch("COMMIT")?;
        let mut end = Object::new("end");
        end.int("lines", i64::try_from(exporter.count).unwrap_or(i64::MAX));
        exporter.line("end", &end.finish())?;
        exporter.out.flush().map_err(failed)?;
        Ok(exporter.done)
    }

    fn header(&mut self) -> Result<(), TransferError> {
        let mut header = Object::new("header");
        header.int("format", FORMAT);
        header.text("trapline", env!("CARGO_PKG_VERSION"));
        header.int("schema", SCHEMA);
        header.int("exported_ms", now_ms());
        self.line("header", &header.finish())
    }

    fn line(&mut self, kind: &'static str, line: &str) -> Result<(), TransferError> {
        self.out.write_all(line.as_bytes()).and_then(|()| self.out.write_all(b"\n")).map_err(failed)?;
        *self.done.lines.entry(kind).or_default() += 1;
        self.count += 1;
        if self.count.is_multiple_of(EXPORT_PAGE_ROWS as u64) {
            self.expect_bearable()?;
        }
        (self.on_progress)(Progress { stage: "exporting", done: self.count, total: 0, unit: Unit::Rows });
        Ok(())
    }

    /// Whether a server at work can bear that its log is held.
    fn expect_bearable(&self) -> Result<(), TransferError> {
        let bytes = wal_bytes(self.from);
        if bytes.saturating_sub(self.log_bytes) > BACKUP_LOG_BYTES_MAX {
            return Err(SafetyError::TooBusy { log: beside(self.from, "-wal"), bytes }.into());
        }
        Ok(())
    }

    fn wants(&self, kind: &str) -> bool {
        match group_of(kind) {
            Some(group) => self.filter.groups.is_empty() || self.filter.groups.iter().any(|wanted| wanted == group),
            None => true,
        }
    }

    /// Pages through a table by its key.
    fn table(&mut self, table: &Table) -> Result<(), TransferError> {
        if !self.wants(table.kind) {
            return Ok(());
        }
        let mut after: Option<Vec<Value>> = None;
        loop {
            let (lines, last) = self.page(table, after.as_deref())?;
            for line in &lines {
                self.line(table.kind, line)?;
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    /// The lines behind a key, and the key of the last one.
    fn page(
        &mut self,
        table: &Table,
        after: Option<&[Value]>,
    ) -> Result<(Vec<String>, Option<Vec<Value>>), TransferError> {
        let key = table.key.join(", ");
        let columns: Vec<&str> = table.fields.iter().map(|(_, _, column)| *column).collect();
        let body = if table.has_body { ", body_codec, body" } else { "" };
        let mut conditions = Vec::new();
        if after.is_some() {
            let places: Vec<String> = (1..=table.key.len()).map(|place| format!("?{place}")).collect();
            conditions.push(format!("({key}) > ({})", places.join(", ")));
        }
        // Numbers of our own: nothing to bind.
        conditions.extend(self.project_id.zip(table.project).map(|(id, column)| format!("{column} = {id}")));
        conditions.extend(self.filter.since_ms.zip(table.time).map(|(since, column)| format!("{column} >= {since}")));
        let condition =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        let sql = format!(
            "SELECT {key}, {}{body} FROM {} {condition} ORDER BY {key} LIMIT {EXPORT_PAGE_ROWS}",
            columns.join(", "),
            table.from,
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(after.unwrap_or_default()))?;
        let (mut lines, mut last, mut unreadable) = (Vec::new(), None, Vec::new());
        while let Some(row) = rows.next()? {
            let mut line = Object::new(table.kind);
            for (place, (name, ty, _)) in table.fields.iter().enumerate() {
                line.column(name, *ty, row.get_ref(table.key.len() + place)?);
            }
            let mut is_readable = true;
            if table.has_body {
                let place = table.key.len() + table.fields.len();
                if let Some(body) = row.get::<_, Option<Vec<u8>>>(place + 1)? {
                    match expand_event(&self.connection, &self.bodies, row.get(place)?, &body) {
                        Ok(body) => push_body(&mut line, &body),
                        Err(StoreError::BadBody(why)) => {
                            is_readable = false;
                            let id: i64 = row.get(0)?;
                            unreadable.push(format!("{} {id}: {why}", table.kind));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            if is_readable {
                lines.push(line.finish());
            }
            last = Some((0..table.key.len()).map(|place| row.get(place)).collect::<Result<Vec<Value>, _>>()?);
        }
        drop(rows);
        drop(statement);
        unreadable.into_iter().for_each(|what| self.pass_by(what));
        Ok((lines, last))
    }

    /// One that cannot be read costs itself, and no other.
    fn pass_by(&mut self, what: String) {
        self.done.unreadable += 1;
        if self.done.first_unreadable.len() < UNREADABLE_NAMED {
            self.done.first_unreadable.push(what);
        }
    }

    /// What was read; `None` for what cannot be, which is noted under that name.
    fn readable<T>(&mut self, name: &str, read: Result<T, StoreError>) -> Result<Option<T>, TransferError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(StoreError::BadBody(why)) => {
                self.pass_by(format!("{name}: {why}"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Each with its chunks behind it.
    fn blobs(&mut self) -> Result<(), TransferError> {
        if !self.wants(BLOB.kind) {
            return Ok(());
        }
        let mut after: Option<Vec<Value>> = None;
        loop {
            let (lines, last) = self.page(&BLOB, after.as_deref())?;
            let Some(last) = last else { return Ok(()) };
            for line in &lines {
                self.line(BLOB.kind, line)?;
                self.chunks(line)?;
            }
            after = Some(last);
        }
    }

    fn chunks(&mut self, blob: &str) -> Result<(), TransferError> {
        let blob: serde_json::Value =
            serde_json::from_str(blob).map_err(|error| TransferError::Write(error.to_string()))?;
        let key = blob["key"].as_str().unwrap_or_default();
        let sql = "SELECT id FROM blob WHERE key = unhex(:key)";
        let found = self.connection.query_row(sql, named_params! { ":key": key }, |row| row.get(0)).optional()?;
        let Some(id) = found else { return Ok(()) };
        for seq in 0.. {
            let read = read_chunk(&self.connection, id, seq);
            let Some(Some(chunk)) = self.readable(&format!("file {key}"), read)? else { break };
            let mut line = Object::new("chunk");
            line.text("key", key);
            line.int("seq", i64::from(seq));
            line.base64("base64", &chunk);
            self.line("chunk", &line.finish())?;
        }
        Ok(())
    }

    fn is_of_project(&self, project_id: ProjectId) -> bool {
        self.project_id.is_none_or(|wanted| wanted == i64::from(project_id.0))
    }

    fn spans(&mut self) -> Result<(), TransferError> {
        if !self.wants("span") {
            return Ok(());
        }
        let since_ns = self.filter.since_ms.map_or(i64::MIN, |since| since.saturating_mul(1_000_000));
        let mut after = -1;
        while let Some(found) = next_spans(&self.connection, after)? {
            after = found.next;
            let name = format!("spans up to batch {after}");
            let Some(mut found) = self.readable(&name, found.batch)? else { continue };
            let mut projects: HashMap<TraceId, Option<ProjectId>> = HashMap::new();
            while let Some(Some(batch)) = self.readable(&name, found.next_batch())? {
                for span in &batch.spans {
                    let project_id = match projects.get(&span.trace_id) {
                        Some(known) => *known,
                        None => *projects.entry(span.trace_id).or_insert(project_of(&self.connection, span.trace_id)?),
                    };
                    // A trace that is being dropped is listed nowhere any more.
                    let Some(project_id) = project_id else { continue };
                    if self.is_of_project(project_id) && span.end_ns >= since_ns {
                        let line = span_line(project_id.0, span, &batch.resources[span.resource]);
                        self.line("span", &line)?;
                    }
                }
            }
        }
        self.done.left_out += set_aside(&self.connection, "span_batch")?;
        Ok(())
    }

    fn logs(&mut self) -> Result<(), TransferError> {
        if !self.wants("log") {
            return Ok(());
        }
        let since_ns = self.filter.since_ms.map_or(i64::MIN, |since| since.saturating_mul(1_000_000));
        let mut after = -1;
        while let Some(found) = next_logs(&self.connection, after)? {
            after = found.next;
            let name = format!("logs up to batch {after}");
            for (project_id, batch) in self.readable(&name, found.batch)?.unwrap_or_default() {
                if !self.is_of_project(project_id) {
                    continue;
                }
                for record in batch.records.iter().filter(|record| record.time_ns >= since_ns) {
                    let line = log_line(project_id.0, record, &batch.resources[record.resource]);
                    self.line("log", &line)?;
                }
            }
        }
        self.done.left_out += set_aside(&self.connection, "log_batch")?;
        Ok(())
    }

    fn points(&mut self) -> Result<(), TransferError> {
        if !self.wants("metric_points") {
            return Ok(());
        }
        let mut after = -1;
        while let Some(found) = next_points(&self.connection, after)? {
            after = found.next;
            let name = format!("metrics of batch {after}");
            let Some(points) = self.readable(&name, found.batch)? else { continue };
            if !self.is_of_project(points.project_id)
                || self.filter.since_ms.is_some_and(|since| points.received_ms < since)
            {
                continue;
            }
            let mut line = Object::new("metric_points");
            line.int("project_id", i64::from(points.project_id.0));
            line.int("received_ms", points.received_ms);
            line.int("content_key", points.content_key);
            let resources = &points.batch.resources;
            let each: Vec<String> =
                points.batch.points.iter().map(|point| point_json(point, &resources[point.resource])).collect();
            line.raw("points", &format!("[{}]", each.join(",")));
            self.line("metric_points", &line.finish())?;
        }
        Ok(())
    }
}

/// JSON as it is; what is none, which only damage can make, as bytes.
fn push_body(line: &mut Object, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => line.raw("body", &on_one_line(text)),
        _ => line.base64("body_base64", body),
    }
}
