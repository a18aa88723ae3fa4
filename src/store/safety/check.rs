//! Whether a database is whole: SQLite's own test of its pages, and what must hold between our rows.
//!
//! Owns the list of what must hold. Every line of it is one statement and so one moment of the database, which may be
//! in use. Knows nothing of what is inside the bodies ([`super::check_bodies`]).

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::check_bodies::check_bodies;
use super::{OnProgress, Progress, SafetyError, Unit, open_source};
use crate::store::migrate::SCHEMA;
use crate::store::transfer::begun::is_begun;

/// Troubles of one kind that are told one by one.
const TOLD_MAX: usize = 3;

/// The schema in which minutes of metrics got buckets (`0015_metric_totals.sql`).
const METRIC_BUCKETS_SCHEMA: i64 = 15;
/// The schema with performance data (`0017_performance.sql`).
const PERFORMANCE_SCHEMA: i64 = 17;
/// The schema with facts of events (`0019_facts.sql`).
const FACTS_SCHEMA: i64 = 19;
/// The schema with call sites of queries (`0020_call_sites.sql`).
const CALL_SITES_SCHEMA: i64 = 20;

/// The schema in which issues can be merged and deleted (`0018_workflow.sql`).
const WORKFLOW_SCHEMA: i64 = 18;

/// As triggers count it (migration 12), by kind; minutes of metrics as told.
macro_rules! stored {
    ($minutes:literal, $facts:literal) => {
        concat!(
            "SELECT kind || ': ' || sum(counted_rows) || ' rows of ' || sum(counted_bytes) || ' bytes counted, '
        || sum(row_count) || ' of ' || sum(bytes) || ' here'
    FROM (SELECT kind, row_count AS counted_rows, bytes AS counted_bytes, 0 AS row_count, 0 AS bytes FROM stored_day
            WHERE kind <> 'performance'
        UNION ALL SELECT 'errors', 0, 0, count(*), coalesce(sum(length(body) + 250), 0) FROM event
        UNION ALL SELECT 'spans', 0, 0, coalesce(sum(span_count), 0), coalesce(sum(length(body) + 50), 0) FROM span_batch
        UNION ALL SELECT 'spans', 0, 0, coalesce(sum(span_count), 0),
            coalesce(sum(bytes + trace_count * 80 + 200), 0) FROM span_chunk
        UNION ALL SELECT 'logs', 0, 0, coalesce(sum(record_count), 0), coalesce(sum(length(body) + 150), 0) FROM log_batch
        UNION ALL SELECT 'logs', 0, 0, coalesce(sum(record_count), 0), coalesce(sum(bytes + 200), 0) FROM log_chunk
        UNION ALL SELECT 'metrics', 0, 0, coalesce(sum(point_count), 0), coalesce(sum(length(body) + 50), 0)
            FROM metric_batch
        UNION ALL SELECT 'metrics', 0, 0, 0, ", $minutes, " FROM metric_minute
        UNION ALL SELECT kind, 0, 0, 1, stored_bytes + 150 FROM blob WHERE is_whole = 1
        UNION ALL SELECT 'check_ins', 0, 0, count(*), count(*) * 150 FROM check_in
        UNION ALL SELECT 'feedback', 0, 0, count(*), coalesce(sum(coalesce(length(body), 0) + 500), 0) FROM feedback
        ",
            $facts,
            ")
    GROUP BY kind HAVING sum(counted_rows) <> sum(row_count) OR sum(counted_bytes) <> sum(bytes)"
        )
    };
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    pub path: PathBuf,
    pub schema: i64,
    /// Every body was looked at, not only some.
    pub is_full: bool,
    pub findings: Vec<Finding>,
    /// Nothing else could be asked, because not even the names of the tables can be read.
    pub is_cut_short: bool,
    /// An import was begun and not completed: what was accepted has not been counted yet.
    pub is_half_imported: bool,
}

/// What one question found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// What ought to hold, in words.
    pub claim: &'static str,
    /// What was looked at, when that can be counted.
    pub looked_at: Option<u64>,
    /// How often it does not hold.
    pub trouble_count: u64,
    /// The first few of these.
    pub troubles: Vec<String>,
    pub advice: &'static str,
}

impl Finding {
    pub fn is_ok(&self) -> bool {
        self.trouble_count == 0
    }

    pub(super) fn add(&mut self, trouble: String) {
        self.trouble_count += 1;
        if self.troubles.len() < TOLD_MAX {
            self.troubles.push(trouble);
        }
    }
}

impl CheckReport {
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(Finding::is_ok)
    }

    /// The first trouble of every claim that does not hold.
    pub fn broken(&self) -> Vec<String> {
        let broken = self.findings.iter().filter(|finding| !finding.is_ok());
        broken
            .map(|finding| {
                let first = finding.troubles.first().map_or("", String::as_str);
                format!("{} does not hold: {first}", finding.claim)
            })
            .collect()
    }
}

/// Something that must hold between rows.
struct Invariant {
    claim: &'static str,
    /// The first schema with all the tables.
    since: i64,
    /// The last one, when they became others since.
    until: Option<i64>,
    /// A row with a text for everything that breaks it.
    sql: &'static str,
    advice: &'static str,
}

const LOST_ROWS: &str = "rows were lost or changed by something other than trapline: restore the last backup that passes \
    this check, or export what is there (trapline export) and import it into a new data directory";
const ROOM_OFF: &str =
    "the room shown for these is off, and old data may be dropped too early or too late by as much; please report it";
const COUNTS_OFF: &str = "the numbers shown for these are off, nothing else; please report it";
const NOT_FOUND: &str = "these are not found by a search, nothing else; please report it";
const DAMAGED: &str = "their contents cannot be read: restore the last backup that passes this check";
const LEFT_OVER: &str = "takes some room and does no harm; please report it";

/// Holds when the last line of an import has come.
const ADDS_UP: &str = "the counts of all issues add up to the events ever accepted";

const INVARIANTS: &[Invariant] = &[
    Invariant {
        claim: ADDS_UP,
        since: WORKFLOW_SCHEMA,
        until: None,
        // A survivor counts what is merged into it.
        sql: "SELECT 'project ' || id || ': ' || counted || ' counted by its issues, ' || accepted || ' accepted' FROM (
                SELECT project.id,
                    (SELECT coalesce(sum(event_count), 0) FROM issue
                     WHERE issue.project_id = project.id AND merged_into IS NULL)
                        + coalesce((SELECT event_count FROM purged WHERE purged.project_id = project.id), 0) AS counted,
                    (SELECT coalesce(sum(quantity), 0) FROM outcome WHERE outcome.project_id = project.id
                        AND category = 'event' AND reason = 'accepted') AS accepted
                FROM project) WHERE counted <> accepted",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "what others are merged into counts them, and nothing is merged into what is merged itself",
        since: WORKFLOW_SCHEMA,
        until: None,
        sql: "SELECT 'issue ' || member.id || ' is merged into ' || member.merged_into || ', which is not here or merged itself'
              FROM issue AS member LEFT JOIN issue AS survivor ON survivor.id = member.merged_into
              WHERE member.merged_into IS NOT NULL AND (survivor.id IS NULL OR survivor.merged_into IS NOT NULL)
              UNION ALL
              SELECT 'issue ' || issue.id || ': ' || issue.event_count || ' counted, ' || (own.event_count + merged) || ' of its own and merged into it'
              FROM issue_own AS own JOIN issue ON issue.id = own.issue_id
                  JOIN (SELECT merged_into, sum(event_count) AS merged, count(*) AS members FROM issue
                        WHERE merged_into IS NOT NULL GROUP BY merged_into) AS part ON part.merged_into = issue.id
              WHERE issue.event_count <> own.event_count + merged OR issue.merged_count <> members
              UNION ALL
              SELECT 'issue ' || id || ' counts ' || merged_count || ' merged into it' FROM issue
              WHERE (merged_count > 0) <> EXISTS (SELECT 1 FROM issue_own WHERE issue_id = issue.id)",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "every line of what happened, and every comment, belongs to an issue",
        since: WORKFLOW_SCHEMA,
        until: None,
        sql: "SELECT 'line ' || id || ' of issue ' || issue_id || ', which is not here' FROM issue_activity
              WHERE NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_id)",
        advice: LEFT_OVER,
    },
    Invariant {
        claim: ADDS_UP,
        since: 1,
        until: Some(WORKFLOW_SCHEMA - 1),
        sql: "SELECT 'project ' || id || ': ' || counted || ' counted by its issues, ' || accepted || ' accepted' FROM (
                SELECT project.id,
                    (SELECT coalesce(sum(event_count), 0) FROM issue WHERE issue.project_id = project.id) AS counted,
                    (SELECT coalesce(sum(quantity), 0) FROM outcome WHERE outcome.project_id = project.id
                        AND category = 'event' AND reason = 'accepted') AS accepted
                FROM project) WHERE counted <> accepted",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "every issue counts at least the events that are here",
        since: 1,
        until: None,
        sql: "SELECT 'issue ' || issue.id || ': ' || issue.event_count || ' counted, ' || present || ' here'
              FROM (SELECT issue_id, count(*) AS present FROM event GROUP BY issue_id) JOIN issue ON issue.id = issue_id
              WHERE present > issue.event_count",
        advice: COUNTS_OFF,
    },
    Invariant {
        // Retention drops the oldest.
        claim: "the hours of every issue add up to its count at most",
        since: 1,
        until: None,
        sql: "SELECT 'issue ' || issue.id || ': ' || event_count || ' counted, ' || by_hour || ' by hours' FROM (
                SELECT issue.id, issue.event_count, (SELECT coalesce(sum(issue_hour.event_count), 0) FROM issue_hour
                    WHERE issue_hour.issue_id = issue.id) AS by_hour FROM issue) AS issue
              WHERE event_count < by_hour",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "the environments of every issue add up to its count",
        since: 8,
        until: None,
        sql: "SELECT 'issue ' || issue.id || ': ' || issue.event_count || ' counted, ' || coalesce(seen, 0) || ' in environments'
              FROM issue LEFT JOIN (SELECT issue_id, sum(event_count) AS seen FROM issue_environment GROUP BY issue_id)
                  ON issue_id = issue.id
              WHERE issue.event_count <> coalesce(seen, 0)",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "every event has its issue",
        since: 1,
        until: None,
        sql: "SELECT present || ' events of issue ' || issue_id || ', which is not here'
              FROM (SELECT issue_id, count(*) AS present FROM event GROUP BY issue_id)
              WHERE NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        // What is discarded needs no issue.
        claim: "every grouping hash, hour, environment and sketch of users belongs to an issue",
        since: WORKFLOW_SCHEMA,
        until: None,
        sql: "SELECT part || ' of issue ' || issue_id || ', which is not here' FROM (
                SELECT 'a hash' AS part, issue_id FROM issue_hash WHERE discard_id IS NULL
                UNION ALL SELECT 'an hour', issue_id FROM issue_hour
                UNION ALL SELECT 'an environment', issue_id FROM issue_environment
                UNION ALL SELECT 'users', issue_id FROM issue_users
                UNION ALL SELECT 'counts', issue_id FROM issue_own)
              WHERE NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every grouping hash, hour, environment and sketch of users belongs to an issue",
        since: 8,
        until: Some(WORKFLOW_SCHEMA - 1),
        sql: "SELECT part || ' of issue ' || issue_id || ', which is not here' FROM (
                SELECT 'a hash' AS part, issue_id FROM issue_hash
                UNION ALL SELECT 'an hour', issue_id FROM issue_hour
                UNION ALL SELECT 'an environment', issue_id FROM issue_environment
                UNION ALL SELECT 'users', issue_id FROM issue_users)
              WHERE NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every indexed trace is found where the index says",
        since: 1,
        until: Some(8),
        sql: "SELECT 'trace ' || printf('%016x', trace_key) || ' in batch ' || batch_id || ', which is not here'
              FROM trace_part WHERE NOT EXISTS (SELECT 1 FROM span_batch WHERE span_batch.id = batch_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every indexed trace is found where the index says",
        since: 9,
        until: None,
        sql: "SELECT 'trace ' || printf('%016x', trace_key) || ' in batch ' || batch_id || ', which is not here'
              FROM trace_part WHERE NOT EXISTS (SELECT 1 FROM span_batch WHERE span_batch.id = batch_id)
                  AND coalesce((SELECT first_batch_id FROM span_chunk WHERE last_batch_id >= batch_id
                                ORDER BY last_batch_id LIMIT 1) > batch_id, 1)",
        advice: LOST_ROWS,
    },
    Invariant {
        // Spans that were sent twice are in a chunk without being indexed there.
        claim: "every chunk of spans holds the traces that the index says, at least",
        since: 9,
        until: None,
        sql: "SELECT 'chunk ' || id || ': ' || (trace_count - dropped_traces) || ' traces here, ' || indexed || ' indexed'
              FROM (SELECT (SELECT id FROM span_chunk WHERE last_batch_id >= batch_id AND first_batch_id <= batch_id
                            ORDER BY last_batch_id LIMIT 1) AS chunk_id, count(DISTINCT trace_key) AS indexed
                    FROM trace_part GROUP BY chunk_id)
                  JOIN span_chunk ON span_chunk.id = chunk_id
              WHERE indexed > trace_count - dropped_traces",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every listed trace has spans, and every trace with spans is listed",
        since: 9,
        until: None,
        // The first part of a trace knows its row.
        sql: "SELECT 'trace ' || hex(trace_id) || ' has no spans' FROM trace
                  WHERE id NOT IN (SELECT trace_row FROM trace_part WHERE trace_row IS NOT NULL)
              UNION ALL SELECT 'trace ' || printf('%016x', trace_key) || ' is not listed' FROM trace_part AS part
                  WHERE NOT EXISTS (SELECT 1 FROM trace WHERE trace.id = part.trace_row)
                      AND NOT EXISTS (SELECT 1 FROM trace_part AS first WHERE first.trace_key = part.trace_key
                                      AND first.spans_key < part.spans_key)
              UNION ALL SELECT 'trace ' || printf('%016x', trace_key) || ' is listed twice' FROM trace_part AS part
                  WHERE trace_row IS NOT NULL
                      AND EXISTS (SELECT 1 FROM trace_part AS first WHERE first.trace_key = part.trace_key
                                  AND first.spans_key < part.spans_key)
              UNION ALL SELECT 'trace ' || hex(trace_id) || ' has no name' FROM trace
                  WHERE NOT EXISTS (SELECT 1 FROM trace_label WHERE trace_label.id = label_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every listed trace has spans, and every trace with spans is listed",
        since: 1,
        until: Some(8),
        sql: "SELECT 'trace ' || hex(trace_id) || ' has no spans' FROM trace
                  WHERE NOT EXISTS (SELECT 1 FROM trace_part WHERE trace_part.trace_key = trace.trace_key)
              UNION ALL SELECT 'trace ' || printf('%016x', trace_key) || ' is not listed' FROM trace_part
                  WHERE NOT EXISTS (SELECT 1 FROM trace WHERE trace.trace_key = trace_part.trace_key)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "the logs of every trace are found where the index says",
        since: 10,
        until: None,
        sql: "SELECT 'traces of batch ' || batch_id || ', which is not here' FROM log_batch_trace
              WHERE NOT EXISTS (SELECT 1 FROM log_batch WHERE log_batch.id = batch_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "no two chunks of spans, or of logs, stand for the same requests",
        since: 10,
        until: None,
        sql: "SELECT 'spans of batches ' || first_batch_id || ' to ' || last_batch_id || ', and of those before' FROM (
                SELECT first_batch_id, last_batch_id, lag(last_batch_id) OVER (ORDER BY last_batch_id) AS before
                FROM span_chunk) WHERE before >= first_batch_id OR last_batch_id < first_batch_id
              UNION ALL
              SELECT 'logs of batches ' || first_batch_id || ' to ' || last_batch_id || ', and of those before' FROM (
                SELECT first_batch_id, last_batch_id, lag(last_batch_id) OVER (ORDER BY last_batch_id, first_batch_id)
                    AS before
                FROM (SELECT DISTINCT first_batch_id, last_batch_id FROM log_chunk))
              WHERE before >= first_batch_id OR last_batch_id < first_batch_id
              UNION ALL
              SELECT 'spans of batch ' || span_batch.id || ', sealed and not' FROM span_batch
              WHERE (SELECT first_batch_id FROM span_chunk WHERE last_batch_id >= span_batch.id
                     ORDER BY last_batch_id LIMIT 1) <= span_batch.id
              UNION ALL
              SELECT 'logs of batch ' || log_batch.id || ', sealed and not' FROM log_batch
              WHERE body_codec > 0 AND (SELECT first_batch_id FROM log_chunk WHERE last_batch_id >= log_batch.id
                     ORDER BY last_batch_id LIMIT 1) <= log_batch.id",
        advice: "these are shown twice, nothing is lost; please report it",
    },
    Invariant {
        claim: "every chunk of spans and logs has all its parts",
        since: 10,
        until: None,
        sql: "SELECT 'chunk of spans ' || id || ': ' || here || ' of 5 parts' FROM (
                SELECT id, (SELECT count(*) FROM span_chunk_part AS part
                    WHERE part.id BETWEEN span_chunk.id * 8 AND span_chunk.id * 8 + 4) AS here FROM span_chunk)
              WHERE here <> 5
              UNION ALL SELECT 'chunk of logs ' || id || ': ' || here || ' of 7 parts' FROM (
                SELECT id, (SELECT count(*) FROM log_part AS part
                    WHERE part.id BETWEEN log_chunk.id * 16 AND log_chunk.id * 16 + 6) AS here FROM log_chunk)
              WHERE here <> 7",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every part of a chunk belongs to one",
        since: 10,
        until: None,
        sql: "SELECT 'part ' || id || ' of spans' FROM span_chunk_part
                  WHERE NOT EXISTS (SELECT 1 FROM span_chunk WHERE span_chunk.id = span_chunk_part.id / 8)
              UNION ALL SELECT 'part ' || id || ' of logs' FROM log_part
                  WHERE NOT EXISTS (SELECT 1 FROM log_chunk WHERE log_chunk.id = log_part.id / 16)",
        advice: LEFT_OVER,
    },
    Invariant {
        claim: "every dictionary that events are compressed with is here",
        since: 11,
        until: None,
        sql: "SELECT present || ' events need dictionary ' || body_codec || ', which is not here'
              FROM (SELECT body_codec, count(*) AS present FROM event WHERE body_codec >= 16 GROUP BY body_codec)
              WHERE NOT EXISTS (SELECT 1 FROM dictionary WHERE dictionary.id = body_codec)
              UNION ALL SELECT 'project ' || project_id || ' needs dictionary ' || dictionary_id || ', which is not here'
              FROM dictionary_use WHERE NOT EXISTS (SELECT 1 FROM dictionary WHERE dictionary.id = dictionary_id)",
        advice: DAMAGED,
    },
    Invariant {
        claim: "every dictionary that others are compressed with is here",
        since: 14,
        until: None,
        sql: "SELECT 'dictionary ' || id || ' needs ' || content_codec || ', which is not here' FROM dictionary AS packed
              WHERE content_codec >= 16
                  AND NOT EXISTS (SELECT 1 FROM dictionary WHERE dictionary.id = packed.content_codec)",
        advice: DAMAGED,
    },
    Invariant {
        claim: "what is counted as kept of performance is what is kept",
        since: PERFORMANCE_SCHEMA,
        until: None,
        sql: "SELECT 'performance: ' || counted.row_count || ' rows of ' || counted.bytes || ' bytes counted, '
                || here.row_count || ' of ' || here.bytes || ' here'
              FROM (SELECT coalesce(sum(row_count), 0) AS row_count, coalesce(sum(bytes), 0) AS bytes FROM stored_day
                    WHERE kind = 'performance') AS counted,
                (SELECT coalesce(sum(row_count), 0) AS row_count, coalesce(sum(bytes), 0) AS bytes FROM (
                    SELECT count(*) AS row_count, coalesce(sum(length(body) + 24), 0) AS bytes FROM perf_hour
                    UNION ALL SELECT 0, coalesce(sum(length(body) + 24), 0) FROM perf_minute)) AS here
              WHERE counted.row_count <> here.row_count OR counted.bytes <> here.bytes",
        advice: ROOM_OFF,
    },
    Invariant {
        claim: "every minute and hour of performance has its endpoint, job or query, and that its name",
        since: PERFORMANCE_SCHEMA,
        until: None,
        sql: "SELECT 'sums of group ' || group_id || ', which is not here'
              FROM (SELECT DISTINCT group_id FROM perf_minute UNION SELECT DISTINCT group_id FROM perf_hour)
              WHERE NOT EXISTS (SELECT 1 FROM perf_group WHERE perf_group.id = group_id)
              UNION ALL SELECT 'group ' || id || ' has no name' FROM perf_group
              WHERE NOT EXISTS (SELECT 1 FROM perf_name WHERE key = name_key)
                  OR within_key <> 0 AND NOT EXISTS (SELECT 1 FROM perf_name WHERE key = within_key)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "the lines of code that asked a query can be read",
        since: CALL_SITES_SCHEMA,
        until: None,
        sql: "SELECT 'group ' || id || ' says ' || substr(call_sites, 1, 40) FROM perf_group
              WHERE call_sites IS NOT NULL AND NOT json_valid(call_sites)",
        advice: DAMAGED,
    },
    Invariant {
        claim: "what is counted as kept is what is kept",
        since: 12,
        until: Some(METRIC_BUCKETS_SCHEMA - 1),
        sql: stored!("count(*) * 80", ""),
        advice: ROOM_OFF,
    },
    Invariant {
        claim: "what is counted as kept is what is kept",
        since: METRIC_BUCKETS_SCHEMA,
        until: Some(FACTS_SCHEMA - 1),
        sql: stored!("coalesce(sum(80 + coalesce(length(buckets), 0)), 0)", ""),
        advice: ROOM_OFF,
    },
    Invariant {
        claim: "what is counted as kept is what is kept",
        since: FACTS_SCHEMA,
        until: None,
        sql: stored!(
            "coalesce(sum(80 + coalesce(length(buckets), 0)), 0)",
            "UNION ALL SELECT 'errors', 0, 0, 0, coalesce(sum(length(body) + 50), 0) FROM fact_batch
             UNION ALL SELECT 'errors', 0, 0, 0, coalesce(sum(bytes + 200), 0) FROM fact_chunk"
        ),
        advice: ROOM_OFF,
    },
    Invariant {
        claim: "what events are searched by has all its parts",
        since: FACTS_SCHEMA,
        until: None,
        sql: "SELECT 'a column of chunk ' || chunk_id || ', which is not here' FROM (SELECT DISTINCT chunk_id FROM fact_column)
                  WHERE NOT EXISTS (SELECT 1 FROM fact_chunk WHERE fact_chunk.id = chunk_id)
              UNION ALL SELECT 'chunk ' || id || ' without levels' FROM fact_chunk
                  WHERE NOT EXISTS (SELECT 1 FROM fact_column WHERE chunk_id = fact_chunk.id AND key = 'level')",
        advice: NOT_FOUND,
    },
    Invariant {
        claim: "every report of an error belongs to an event",
        since: 16,
        until: None,
        sql: "SELECT 'report ' || lower(hex(report_id)) || ' of event ' || event_row || ', which is not here' FROM error_report
                  WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.id = event_row)
              UNION ALL SELECT 'an error of trace ' || lower(hex(trace_id)) || ' of event ' || event_row || ', which is not here'
                  FROM trace_error WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.id = event_row)",
        advice: LEFT_OVER,
    },
    Invariant {
        claim: "every issue is found by a search",
        since: 13,
        until: None,
        sql: "SELECT 'issue ' || id FROM issue WHERE NOT EXISTS (SELECT 1 FROM issue_search_due WHERE issue_id = issue.id)
                  AND NOT EXISTS (SELECT 1 FROM issue_search WHERE rowid = project_id << 40 | short_no)",
        advice: NOT_FOUND,
    },
    Invariant {
        claim: "the logs of every trace are found where the index says",
        since: 4,
        until: Some(9),
        sql: "SELECT 'trace ' || printf('%016x', trace_key) || ' in batch ' || batch_id || ', which is not here'
              FROM log_trace WHERE NOT EXISTS (SELECT 1 FROM log_batch WHERE log_batch.id = batch_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "the points and minutes of every metric are found where the index says",
        since: 4,
        until: None,
        sql: "SELECT 'metric ' || metric_id || ' in batch ' || batch_id || ', which is not here' FROM metric_part
                  WHERE NOT EXISTS (SELECT 1 FROM metric_batch WHERE metric_batch.id = batch_id)
              UNION ALL SELECT 'minutes of metric ' || metric_id || ', which is not here'
                  FROM (SELECT DISTINCT metric_id FROM metric_minute)
                  WHERE NOT EXISTS (SELECT 1 FROM metric WHERE metric.id = metric_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every blob has all its chunks",
        since: 3,
        until: None,
        sql: "SELECT 'blob ' || id || ': ' || here || ' of ' || chunk_count || ' chunks' FROM (
                SELECT blob.id, chunk_count, (SELECT count(*) FROM blob_chunk WHERE blob_id = blob.id
                    AND seq BETWEEN 0 AND chunk_count - 1) AS here FROM blob WHERE is_whole = 1)
              WHERE here <> chunk_count",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every chunk belongs to a blob",
        since: 3,
        until: None,
        sql: "SELECT 'a chunk of blob ' || blob_id || ', which is not here' FROM (SELECT DISTINCT blob_id FROM blob_chunk)
              WHERE NOT EXISTS (SELECT 1 FROM blob WHERE blob.id = blob_id)",
        advice: LEFT_OVER,
    },
    Invariant {
        claim: "every attachment, profile and part of a replay has its bytes",
        since: 3,
        until: None,
        sql: "SELECT part || ' needs blob ' || blob_id || ', which is not here' FROM (
                SELECT 'attachment ' || id AS part, blob_id FROM attachment WHERE blob_id IS NOT NULL
                UNION ALL SELECT 'profile ' || id, blob_id FROM profile
                UNION ALL SELECT 'replay part ' || id, blob_id FROM replay_part)
              WHERE NOT EXISTS (SELECT 1 FROM blob WHERE blob.id = blob_id AND is_whole = 1)",
        advice: LOST_ROWS,
    },
];

/// Asks everything of the database at `path`, which may be in use.
///
/// # Errors
/// When it cannot be opened or is of a newer schema. What is broken in it is no error but a finding.
pub fn check(path: &Path, is_full: bool, on_progress: OnProgress<'_>) -> Result<CheckReport, SafetyError> {
    let (connection, schema) = open_source(path)?;
    on_progress(Progress { stage: "checking pages", done: 0, total: 0, unit: Unit::Bytes });
    let pages = check_pages(&connection);
    // One cause is told once: every other question would fail with the same words.
    let schema_read = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    if let (Err(error), false) = (schema_read, pages.is_ok()) {
        let mut pages = pages;
        let error = error.to_string();
        if !pages.troubles.contains(&error) {
            pages.add(error);
        }
        let findings = vec![pages];
        return Ok(CheckReport {
            path: path.to_path_buf(),
            schema,
            is_full,
            findings,
            is_cut_short: true,
            is_half_imported: false,
        });
    }
    let mut findings = vec![pages, check_references(&connection)];
    let is_of_schema =
        |invariant: &&Invariant| invariant.since <= schema && invariant.until.is_none_or(|until| schema <= until);
    // A damaged database says so by its findings.
    let is_half_imported = is_begun(&connection).unwrap_or(false);
    let is_asked = |invariant: &&Invariant| !(is_half_imported && invariant.claim == ADDS_UP);
    for invariant in INVARIANTS.iter().filter(is_of_schema).filter(is_asked) {
        on_progress(Progress {
            stage: "checking rows",
            done: findings.len() as u64,
            total: INVARIANTS.len() as u64 + 2,
            unit: Unit::Rows,
        });
        let finding = Finding { claim: invariant.claim, advice: invariant.advice, ..Finding::default() };
        findings.push(ask(&connection, invariant.sql, finding));
    }
    // How bodies are kept changes with the schema; an older database is read by this version after its upgrade.
    if schema == SCHEMA {
        findings.extend(check_bodies(&connection, is_full, on_progress));
    }
    Ok(CheckReport { path: path.to_path_buf(), schema, is_full, findings, is_cut_short: false, is_half_imported })
}

fn check_pages(connection: &Connection) -> Finding {
    let finding = Finding {
        claim: "the file is whole (SQLite's quick check)",
        advice: "the disk, or something that wrote to the file, has damaged it: restore the last backup that passes this \
                 check, and look at the disk's health",
        ..Finding::default()
    };
    let mut finding = ask(connection, "PRAGMA quick_check(100)", finding);
    finding.looked_at =
        connection.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)).ok().map(|n| n.max(0) as u64);
    finding
}

fn check_references(connection: &Connection) -> Finding {
    let sql =
        "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' names a row of ' || parent || ' that is not here'
        FROM pragma_foreign_key_check";
    let finding = Finding {
        claim: "every row that another one needs is here (foreign keys)",
        advice: LOST_ROWS,
        ..Finding::default()
    };
    ask(connection, sql, finding)
}

/// Every row is a trouble, and so is an error.
fn ask(connection: &Connection, sql: &str, mut finding: Finding) -> Finding {
    let mut collect = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            // What SQLite's own check says when it finds nothing.
            if text != "ok" {
                finding.add(text);
            }
        }
        Ok(())
    };
    if let Err(error) = collect() {
        finding.add(error.to_string());
    }
    finding
}
