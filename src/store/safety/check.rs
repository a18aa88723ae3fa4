//! Whether a database is whole: SQLite's own test of its pages, and what must hold between our rows.
//!
//! Owns the list of what must hold. Every line of it is one statement and so one moment of the database, which may be
//! in use. Knows nothing of what is inside the bodies ([`super::check_bodies`]).

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::check_bodies::check_bodies;
use super::{OnProgress, Progress, SafetyError, Unit, open_source};
use crate::store::migrate::SCHEMA;

/// Troubles of one kind that are told one by one.
const TOLD_MAX: usize = 3;

/// The result of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    pub path: PathBuf,
    pub schema: i64,
    /// Every body was looked at, not only some.
    pub is_full: bool,
    pub findings: Vec<Finding>,
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
    /// A row with a text for everything that breaks it.
    sql: &'static str,
    advice: &'static str,
}

const LOST_ROWS: &str = "rows were lost or changed by something other than trapline: restore the last backup that passes \
    this check, or export what is there (trapline export) and import it into a new data directory";
const COUNTS_OFF: &str = "the numbers shown for these are off, nothing else; please report it";
const LEFT_OVER: &str = "takes some room and does no harm; please report it";

const INVARIANTS: &[Invariant] = &[
    Invariant {
        claim: "the counts of all issues add up to the events ever accepted",
        since: 1,
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
        sql: "SELECT 'issue ' || issue.id || ': ' || issue.event_count || ' counted, ' || present || ' here'
              FROM (SELECT issue_id, count(*) AS present FROM event GROUP BY issue_id) JOIN issue ON issue.id = issue_id
              WHERE present > issue.event_count",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "the hours of every issue add up to its count",
        since: 1,
        sql: "SELECT 'issue ' || issue.id || ': ' || event_count || ' counted, ' || by_hour || ' by hours' FROM (
                SELECT issue.id, issue.event_count, (SELECT coalesce(sum(issue_hour.event_count), 0) FROM issue_hour
                    WHERE issue_hour.issue_id = issue.id) AS by_hour FROM issue) AS issue
              WHERE event_count <> by_hour",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "the environments of every issue add up to its count",
        since: 8,
        sql: "SELECT 'issue ' || issue.id || ': ' || issue.event_count || ' counted, ' || coalesce(seen, 0) || ' in environments'
              FROM issue LEFT JOIN (SELECT issue_id, sum(event_count) AS seen FROM issue_environment GROUP BY issue_id)
                  ON issue_id = issue.id
              WHERE issue.event_count <> coalesce(seen, 0)",
        advice: COUNTS_OFF,
    },
    Invariant {
        claim: "every event has its issue",
        since: 1,
        sql: "SELECT present || ' events of issue ' || issue_id || ', which is not here'
              FROM (SELECT issue_id, count(*) AS present FROM event GROUP BY issue_id)
              WHERE NOT EXISTS (SELECT 1 FROM issue WHERE issue.id = issue_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every grouping hash, hour, environment and sketch of users belongs to an issue",
        since: 8,
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
        sql: "SELECT 'trace ' || printf('%016x', trace_key) || ' in batch ' || batch_id || ', which is not here'
              FROM trace_part WHERE NOT EXISTS (SELECT 1 FROM span_batch WHERE span_batch.id = batch_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every listed trace has spans, and every trace with spans is listed",
        since: 1,
        sql: "SELECT 'trace ' || hex(trace_id) || ' has no spans' FROM trace
                  WHERE NOT EXISTS (SELECT 1 FROM trace_part WHERE trace_part.trace_key = trace.trace_key)
              UNION ALL SELECT 'trace ' || printf('%016x', trace_key) || ' is not listed' FROM trace_part
                  WHERE NOT EXISTS (SELECT 1 FROM trace WHERE trace.trace_key = trace_part.trace_key)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "the logs of every trace are found where the index says",
        since: 4,
        sql: "SELECT 'trace ' || printf('%016x', trace_key) || ' in batch ' || batch_id || ', which is not here'
              FROM log_trace WHERE NOT EXISTS (SELECT 1 FROM log_batch WHERE log_batch.id = batch_id)",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "the points and minutes of every metric are found where the index says",
        since: 4,
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
        sql: "SELECT 'blob ' || id || ': ' || here || ' of ' || chunk_count || ' chunks' FROM (
                SELECT blob.id, chunk_count, (SELECT count(*) FROM blob_chunk WHERE blob_id = blob.id
                    AND seq BETWEEN 0 AND chunk_count - 1) AS here FROM blob WHERE is_whole = 1)
              WHERE here <> chunk_count",
        advice: LOST_ROWS,
    },
    Invariant {
        claim: "every chunk belongs to a blob",
        since: 3,
        sql: "SELECT 'a chunk of blob ' || blob_id || ', which is not here' FROM (SELECT DISTINCT blob_id FROM blob_chunk)
              WHERE NOT EXISTS (SELECT 1 FROM blob WHERE blob.id = blob_id)",
        advice: LEFT_OVER,
    },
    Invariant {
        claim: "every attachment, profile and part of a replay has its bytes",
        since: 3,
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
    let mut findings = vec![check_pages(&connection), check_references(&connection)];
    for invariant in INVARIANTS.iter().filter(|invariant| invariant.since <= schema) {
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
    Ok(CheckReport { path: path.to_path_buf(), schema, is_full, findings })
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
