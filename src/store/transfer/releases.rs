//! What two stores count of a release by the hour: of each count the larger one, and never less than the events and single
//! sessions that are here.
//!
//! Owns the counters, and what a session does to them that one of the stores has heard more of. Lines are collected
//! (`temp.release_hour_in`) until the sessions behind them have come: one that has moved since stands in another count
//! there than here, and would be counted in both.

use rusqlite::{Connection, Transaction};

/// Before the first line.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(concat!(
        "CREATE TEMP TABLE release_hour_in (project_id INTEGER NOT NULL, version TEXT NOT NULL, environment TEXT NOT NULL,
             hour INTEGER NOT NULL, event_count INTEGER NOT NULL, new_issue_count INTEGER NOT NULL,
             healthy_count INTEGER NOT NULL, errored_count INTEGER NOT NULL, unhandled_count INTEGER NOT NULL,
             abnormal_count INTEGER NOT NULL, crashed_count INTEGER NOT NULL, duration_ms_sum INTEGER NOT NULL,
             duration_count INTEGER NOT NULL);
         CREATE INDEX temp.release_hour_in_key ON release_hour_in (project_id, version, environment, hour);
         CREATE TEMP TABLE hour_of_new (hour INTEGER PRIMARY KEY);
         CREATE TEMP TRIGGER event_of_hour AFTER INSERT ON main.event BEGIN
             INSERT INTO hour_of_new VALUES (",
        hour!("new.timestamp_ms"),
        ") ON CONFLICT DO NOTHING;
         END;",
    ))
}

/// Out of the count of one fate and into that of the other.
macro_rules! moved {
    ($from:literal, $to:literal, $from_ms:literal, $to_ms:literal) => {
        concat!(
            "healthy_count = healthy_count - (",
            $from,
            " = 0) + (",
            $to,
            " = 0),
             errored_count = errored_count - (",
            $from,
            " = 1) + (",
            $to,
            " = 1),
             unhandled_count = unhandled_count - (",
            $from,
            " = 2) + (",
            $to,
            " = 2),
             abnormal_count = abnormal_count - (",
            $from,
            " = 3) + (",
            $to,
            " = 3),
             crashed_count = crashed_count - (",
            $from,
            " = 4) + (",
            $to,
            " = 4),
             duration_ms_sum = duration_ms_sum - coalesce(",
            $from_ms,
            ", 0) + coalesce(",
            $to_ms,
            ", ",
            $from_ms,
            ", 0),
             duration_count = duration_count - (",
            $from_ms,
            " IS NOT NULL)
                 + (coalesce(",
            $to_ms,
            ", ",
            $from_ms,
            ") IS NOT NULL)"
        )
    };
}

pub(super) const SESSION_WRITE: &[&str] = &[
    // Here it has moved on: what they count of it, too.
    concat!(
        "UPDATE temp.release_hour_in SET ",
        moved!(":fate", "session.fate", ":duration_ms", "session.duration_ms"),
        " FROM session
         WHERE session.project_id = :project_id AND session.sid = :sid
             AND (session.sequence, session.timestamp_ms, session.fate) > (:sequence, :timestamp_ms, :fate)
             AND release_hour_in.project_id = :project_id AND release_hour_in.version = :version
             AND release_hour_in.environment = :environment AND release_hour_in.hour = ",
        hour!(":started_ms"),
    ),
    // There it has.
    concat!(
        "UPDATE release_hour SET ",
        moved!("session.fate", ":fate", "session.duration_ms", ":duration_ms"),
        " FROM session
         WHERE session.project_id = :project_id AND session.sid = :sid
             AND (session.sequence, session.timestamp_ms, session.fate) < (:sequence, :timestamp_ms, :fate)
             AND release_hour.project_id = :project_id AND release_hour.version = session.version
             AND release_hour.environment = session.environment AND release_hour.hour = ",
        hour!("session.started_ms"),
    ),
    "INSERT INTO session (project_id, sid, version, environment, started_ms, sequence, timestamp_ms, fate, duration_ms)
     VALUES (:project_id, :sid, :version, :environment, :started_ms, :sequence, :timestamp_ms, :fate, :duration_ms)
     ON CONFLICT (project_id, sid) DO UPDATE SET sequence = excluded.sequence, timestamp_ms = excluded.timestamp_ms,
         fate = excluded.fate, duration_ms = coalesce(excluded.duration_ms, duration_ms)
     WHERE (sequence, timestamp_ms, fate) < (excluded.sequence, excluded.timestamp_ms, excluded.fate)",
];

/// Behind the last line.
pub(super) fn merge(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "INSERT INTO release_hour (project_id, version, environment, hour, event_count, new_issue_count, healthy_count,
             errored_count, unhandled_count, abnormal_count, crashed_count, duration_ms_sum, duration_count)
         SELECT project_id, version, environment, hour, event_count, new_issue_count, healthy_count, errored_count,
             unhandled_count, abnormal_count, crashed_count, duration_ms_sum, duration_count
         FROM temp.release_hour_in WHERE true
         ON CONFLICT (project_id, version, environment, hour) DO UPDATE SET
             event_count = max(event_count, excluded.event_count),
             new_issue_count = max(new_issue_count, excluded.new_issue_count),
             healthy_count = max(healthy_count, excluded.healthy_count),
             errored_count = max(errored_count, excluded.errored_count),
             unhandled_count = max(unhandled_count, excluded.unhandled_count),
             abnormal_count = max(abnormal_count, excluded.abnormal_count),
             crashed_count = max(crashed_count, excluded.crashed_count),
             duration_ms_sum = max(duration_ms_sum, excluded.duration_ms_sum),
             duration_count = max(duration_count, excluded.duration_count);",
    )?;
    tx.execute_batch(concat!(
        "UPDATE release_hour SET
             healthy_count = max(healthy_count, here.healthy), errored_count = max(errored_count, here.errored),
             unhandled_count = max(unhandled_count, here.unhandled),
             abnormal_count = max(abnormal_count, here.abnormal), crashed_count = max(crashed_count, here.crashed),
             duration_ms_sum = max(duration_ms_sum, here.duration_ms),
             duration_count = max(duration_count, here.durations)
         FROM (SELECT project_id, version, environment, ",
        hour!("started_ms"),
        " AS hour, sum(fate = 0) AS healthy, sum(fate = 1) AS errored, sum(fate = 2) AS unhandled,
                 sum(fate = 3) AS abnormal, sum(fate = 4) AS crashed, sum(coalesce(duration_ms, 0)) AS duration_ms,
                 count(duration_ms) AS durations
             FROM session WHERE EXISTS (SELECT 1 FROM temp.release_hour_in) GROUP BY 1, 2, 3, 4) AS here
         WHERE here.project_id = release_hour.project_id AND here.version = release_hour.version
             AND here.environment = release_hour.environment AND here.hour = release_hour.hour;
         UPDATE release_hour SET event_count = here.event_count
         FROM (SELECT project_id, release AS version, coalesce(environment, '') AS environment, ",
        hour!("timestamp_ms"),
        " AS hour, count(*) AS event_count
             FROM event WHERE release IS NOT NULL AND EXISTS (SELECT 1 FROM temp.hour_of_new) AND ",
        hour!("timestamp_ms"),
        " IN (SELECT hour FROM temp.hour_of_new) GROUP BY 1, 2, 3, 4) AS here
         WHERE here.project_id = release_hour.project_id AND here.version = release_hour.version
             AND here.environment = release_hour.environment AND here.hour = release_hour.hour
             AND here.event_count > release_hour.event_count;
         DELETE FROM temp.release_hour_in;
         DELETE FROM temp.hour_of_new;",
    ))
}
