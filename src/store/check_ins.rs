//! Check-ins on the way in: begun, ended, missed, timed out, and what each changes of its monitor.
//!
//! Everything here runs in the writer's transaction. An incident's news is left in `monitor_notice`, in the same
//! transaction, and becomes an event when the route in has made one of it, so that a crash between loses nothing.

use rusqlite::{OptionalExtension, Row, Transaction, named_params};
use xxhash_rust::xxh3::xxh3_128;

use super::monitors::{
    ENVIRONMENT_COLUMNS, MONITOR_COLUMNS, Monitor, MonitorEnvironment, admit, environment_from_row, monitor_from_row,
    read_environment_by_id, update_environment,
};
use super::write::{CheckInAppended, CheckInWrite, MonitorTick, NoticeTold};
use super::writer::Batch;
use super::{StoreError, workflow};
use crate::config::{MONITOR_BATCH_ROWS, MONITOR_CATCH_UP_MAX, MONITOR_EARLY_MS, MONITOR_GAP_MS};
use crate::model::ids::{CheckInId, IssueId, ProjectId};
use crate::model::monitor::{CheckIn, CheckInStatus, MonitorConfig, Notice, Unwatched, judge_missed, judge_timeout};
use crate::model::outcome::Reason;

/// When monitors were last looked at.
const TICKED: &str = "monitors_ticked_ms";
/// Longer ago than any margin or run time reaches, in milliseconds.
const UNWATCHED_KEPT_MS: i64 = 90 * 24 * 3_600_000;

/// Takes one report of a job.
pub(super) fn insert_check_in(
    tx: &Transaction<'_>,
    write: &CheckInWrite,
    batch: &mut Batch<'_>,
) -> Result<CheckInAppended, StoreError> {
    let CheckInWrite { project_id, received_ms, check_in } = write;
    let outcome = |batch: &mut Batch<'_>, reason: Reason| {
        batch.outcomes.add(*project_id, *received_ms, "check_in", reason.as_str(), 1);
    };
    let (monitor, environment) = match admit(tx, *project_id, check_in, *received_ms)? {
        Ok(found) => found,
        Err(why) => {
            outcome(batch, Reason::TooMany);
            return Ok(CheckInAppended { refused: Some(why) });
        }
    };
    let known = match check_in.id {
        Some(id) => read_by_id(tx, *project_id, id)?,
        // A job that begins anew has not ended: its earlier run may have died.
        None if check_in.status == CheckInStatus::InProgress => None,
        None => read_running(tx, environment.id)?,
    };
    batch.monitors += 1;
    match known {
        None => {
            insert_new(tx, write, &monitor.config, environment, batch)?;
            outcome(batch, Reason::Accepted);
        }
        Some(known) => {
            let Some((owner, environment)) = read_environment_by_id(tx, known.environment_id)? else {
                return Err(StoreError::BadBody(format!("check-in {} belongs to no environment", known.id)));
            };
            if owner.id != monitor.id {
                outcome(batch, Reason::Invalid);
                let why = format!("its check_in_id belongs to a run of the monitor \"{}\"", owner.slug);
                return Ok(CheckInAppended { refused: Some(why) });
            }
            let is_new = update_known(tx, write, &known, &owner.config, environment)?;
            outcome(batch, if is_new { Reason::Accepted } else { Reason::Duplicate });
        }
    }
    Ok(CheckInAppended::default())
}

/// A check-in as far as writing needs it.
struct Known {
    id: i64,
    environment_id: i64,
    status: CheckInStatus,
    started_ms: i64,
    finished_ms: Option<i64>,
}

const KNOWN_COLUMNS: &str = "id, environment_id, status, started_ms, finished_ms";

fn known_from_row(row: &Row<'_>) -> rusqlite::Result<Known> {
    let status: String = row.get(2)?;
    Ok(Known {
        id: row.get(0)?,
        environment_id: row.get(1)?,
        status: CheckInStatus::parse(&status).unwrap_or(CheckInStatus::Unknown),
        started_ms: row.get(3)?,
        finished_ms: row.get(4)?,
    })
}

fn read_by_id(tx: &Transaction<'_>, project_id: ProjectId, id: CheckInId) -> Result<Option<Known>, StoreError> {
    let sql =
        format!("SELECT {KNOWN_COLUMNS} FROM check_in WHERE check_in_id = :check_in_id AND project_id = :project_id");
    let mut statement = tx.prepare_cached(&sql)?;
    let params = named_params! { ":check_in_id": &id.0[..], ":project_id": project_id.0 };
    Ok(statement.query_row(params, known_from_row).optional()?)
}

/// The run that began last and has not ended.
fn read_running(tx: &Transaction<'_>, environment_id: i64) -> Result<Option<Known>, StoreError> {
    let sql = format!(
        "SELECT {KNOWN_COLUMNS} FROM check_in WHERE environment_id = :environment_id AND status = 'in_progress'
         ORDER BY id DESC LIMIT 1"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    Ok(statement.query_row(named_params! { ":environment_id": environment_id }, known_from_row).optional()?)
}

fn insert_new(
    tx: &Transaction<'_>,
    write: &CheckInWrite,
    config: &MonitorConfig,
    mut environment: MonitorEnvironment,
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let CheckIn { id, status, duration_ms, .. } = write.check_in;
    let is_running = status == CheckInStatus::InProgress;
    // Later than the next look would have called it missed, it stands for no time of the schedule: the machine slept.
    let latest_ms = environment.overdue_ms.unwrap_or(i64::MAX).saturating_add(MONITOR_GAP_MS);
    let expected_ms = environment
        .next_expected_ms
        .filter(|due_ms| (due_ms.saturating_sub(MONITOR_EARLY_MS)..=latest_ms).contains(&write.received_ms));
    let row_id = batch.ids.next(batch.now_ms);
    let row = NewCheckIn {
        row_id,
        project_id: write.project_id,
        // A run that nobody named is named after its row.
        check_in_id: id.unwrap_or_else(|| CheckInId(xxh3_128(&row_id.to_be_bytes()).to_be_bytes())),
        environment_id: environment.id,
        status,
        started_ms: write.received_ms - if is_running { 0 } else { duration_ms.unwrap_or(0) },
        received_ms: write.received_ms,
        finished_ms: (!is_running).then_some(write.received_ms),
        expected_ms,
        duration_ms: duration_ms.filter(|_| !is_running),
        timeout_ms: is_running.then(|| write.received_ms + config.runtime_ms_max()),
        unwatched: None,
        release: write.check_in.release.as_deref(),
        trace_id: write.check_in.trace_id.as_ref().map(|id| &id.0[..]),
    };
    row.insert(tx)?;
    let next_ms = config.next_expected_ms(write.received_ms, environment.next_expected_ms, MONITOR_EARLY_MS);
    environment.expect_next(next_ms, config);
    environment.last_check_in_ms = Some(write.received_ms);
    settle(tx, &mut environment, config, row_id, status, write.received_ms)?;
    update_environment(tx, &environment)
}

/// Ends a run that was begun. False when this changes nothing that was not known.
fn update_known(
    tx: &Transaction<'_>,
    write: &CheckInWrite,
    known: &Known,
    config: &MonitorConfig,
    mut environment: MonitorEnvironment,
) -> Result<bool, StoreError> {
    let CheckIn { status, duration_ms, .. } = write.check_in;
    match (known.status, status) {
        (CheckInStatus::InProgress, CheckInStatus::InProgress) => {
            // A sign of life: from here on it may run as long again.
            let mut statement = tx.prepare_cached("UPDATE check_in SET timeout_ms = :timeout_ms WHERE id = :id")?;
            let timeout_ms = write.received_ms + config.runtime_ms_max();
            statement.execute(named_params! { ":id": known.id, ":timeout_ms": timeout_ms })?;
            return Ok(false);
        }
        (CheckInStatus::InProgress, _) => {}
        // Nobody could tell, and now somebody does.
        (CheckInStatus::Unknown, status) if status.is_final() => {}
        // Too late to have been in time, but how long it took is worth knowing.
        (CheckInStatus::Timeout, status) if status.is_final() && known.finished_ms.is_none() => {}
        _ => return Ok(false),
    }
    let is_late = known.status == CheckInStatus::Timeout;
    let kept = if is_late { CheckInStatus::Timeout } else { status };
    let mut statement = tx.prepare_cached(
        "UPDATE check_in SET status = :status, finished_ms = :finished_ms, duration_ms = :duration_ms,
             timeout_ms = NULL, unwatched_from_ms = NULL, unwatched_to_ms = NULL,
             release = coalesce(:release, release), trace_id = coalesce(:trace_id, trace_id)
         WHERE id = :id",
    )?;
    statement.execute(named_params! {
        ":id": known.id,
        ":status": kept.as_str(),
        ":finished_ms": write.received_ms,
        ":duration_ms": duration_ms.unwrap_or_else(|| (write.received_ms - known.started_ms).max(0)),
        ":release": write.check_in.release,
        ":trace_id": write.check_in.trace_id.as_ref().map(|id| &id.0[..]),
    })?;
    environment.last_check_in_ms = Some(write.received_ms);
    if !is_late {
        settle(tx, &mut environment, config, known.id, status, write.received_ms)?;
    }
    update_environment(tx, &environment)?;
    Ok(true)
}

/// Counts a result, and leaves word of what it made of the incident.
fn settle(
    tx: &Transaction<'_>,
    environment: &mut MonitorEnvironment,
    config: &MonitorConfig,
    row_id: i64,
    status: CheckInStatus,
    now_ms: i64,
) -> Result<(), StoreError> {
    let notice = environment.tally.add(status, now_ms, config.failure_threshold, config.recovery_threshold);
    let Some(notice) = notice else { return Ok(()) };
    let mut statement = tx.prepare_cached(
        "INSERT INTO monitor_notice (environment_id, check_in, kind, created_ms, failures)
         VALUES (:environment_id, :check_in, :kind, :created_ms, :failures)",
    )?;
    statement.execute(named_params! {
        ":environment_id": environment.id,
        ":check_in": row_id,
        ":kind": notice_kind(notice),
        ":created_ms": now_ms,
        ":failures": environment.tally.failures,
    })?;
    Ok(())
}

pub(super) fn notice_kind(notice: Notice) -> &'static str {
    match notice {
        Notice::Failed => "failed",
        Notice::Recovered => "recovered",
    }
}

struct NewCheckIn<'a> {
    row_id: i64,
    project_id: ProjectId,
    check_in_id: CheckInId,
    environment_id: i64,
    status: CheckInStatus,
    started_ms: i64,
    received_ms: i64,
    finished_ms: Option<i64>,
    expected_ms: Option<i64>,
    duration_ms: Option<i64>,
    timeout_ms: Option<i64>,
    unwatched: Option<Unwatched>,
    release: Option<&'a str>,
    trace_id: Option<&'a [u8]>,
}

impl NewCheckIn<'_> {
    /// False when there is one of that id.
    fn insert(&self, tx: &Transaction<'_>) -> Result<bool, StoreError> {
        let mut statement = tx.prepare_cached(
            "INSERT INTO check_in (id, project_id, check_in_id, environment_id, status, started_ms, received_ms,
                 finished_ms, expected_ms, duration_ms, timeout_ms, unwatched_from_ms, unwatched_to_ms, release,
                 trace_id)
             VALUES (:id, :project_id, :check_in_id, :environment_id, :status, :started_ms, :received_ms,
                 :finished_ms, :expected_ms, :duration_ms, :timeout_ms, :unwatched_from_ms, :unwatched_to_ms, :release,
                 :trace_id)
             ON CONFLICT (check_in_id, project_id) DO NOTHING",
        )?;
        let inserted = statement.execute(named_params! {
            ":id": self.row_id,
            ":project_id": self.project_id.0,
            ":check_in_id": &self.check_in_id.0[..],
            ":environment_id": self.environment_id,
            ":status": self.status.as_str(),
            ":started_ms": self.started_ms,
            ":received_ms": self.received_ms,
            ":finished_ms": self.finished_ms,
            ":expected_ms": self.expected_ms,
            ":duration_ms": self.duration_ms,
            ":timeout_ms": self.timeout_ms,
            ":unwatched_from_ms": self.unwatched.map(|gap| gap.from_ms),
            ":unwatched_to_ms": self.unwatched.map(|gap| gap.to_ms),
            ":release": self.release,
            ":trace_id": self.trace_id,
        })?;
        Ok(inserted > 0)
    }
}

/// One look at all monitors: what should have come and has not, what should have ended and has not.
pub(super) fn tick(tx: &Transaction<'_>, tick: &MonitorTick, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let unwatched = note_time(tx, tick)?;
    // News about a run that is no longer kept would be in the way of all later news.
    tx.execute(
        "DELETE FROM monitor_notice WHERE NOT EXISTS (SELECT 1 FROM check_in WHERE check_in.id = monitor_notice.check_in)",
        [],
    )?;
    for (monitor, environment) in read_overdue(tx, tick.now_ms)? {
        write_missed(tx, &monitor, environment, tick.now_ms, &unwatched, batch)?;
    }
    for (known, timeout_ms) in read_overlong(tx, tick.now_ms)? {
        let Some((monitor, mut environment)) = read_environment_by_id(tx, known.environment_id)? else { continue };
        let verdict = judge_timeout(known.started_ms, timeout_ms, &unwatched);
        let mut statement = tx.prepare_cached(
            "UPDATE check_in SET status = :status, unwatched_from_ms = :from_ms, unwatched_to_ms = :to_ms
             WHERE id = :id",
        )?;
        statement.execute(named_params! {
            ":id": known.id,
            ":status": verdict.status.as_str(),
            ":from_ms": verdict.unwatched.map(|gap| gap.from_ms),
            ":to_ms": verdict.unwatched.map(|gap| gap.to_ms),
        })?;
        settle(tx, &mut environment, &monitor.config, known.id, verdict.status, tick.now_ms)?;
        update_environment(tx, &environment)?;
        batch.monitors += 1;
    }
    Ok(())
}

/// Remembers this look, and the stretch since the last one when nobody was looking. Returns all such stretches.
fn note_time(tx: &Transaction<'_>, tick: &MonitorTick) -> Result<Vec<Unwatched>, StoreError> {
    let last: Option<String> = tx
        .query_row("SELECT value FROM setting WHERE key = :key", named_params! { ":key": TICKED }, |row| row.get(0))
        .optional()?;
    let last_ms: Option<i64> = last.and_then(|text| text.parse().ok());
    if let Some(last_ms) = last_ms
        && tick.now_ms > last_ms
        && (tick.is_first || tick.now_ms - last_ms > MONITOR_GAP_MS)
    {
        tx.execute(
            "INSERT OR REPLACE INTO unwatched (from_ms, to_ms) VALUES (:from_ms, :to_ms)",
            named_params! { ":from_ms": last_ms, ":to_ms": tick.now_ms },
        )?;
        tx.execute(
            "DELETE FROM unwatched WHERE to_ms < :before_ms",
            named_params! { ":before_ms": tick.now_ms.saturating_sub(UNWATCHED_KEPT_MS) },
        )?;
    }
    tx.execute(
        "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
        named_params! { ":key": TICKED, ":value": tick.now_ms.to_string() },
    )?;
    let mut statement = tx.prepare_cached("SELECT from_ms, to_ms FROM unwatched ORDER BY from_ms DESC LIMIT :limit")?;
    let rows = statement.query_map(named_params! { ":limit": MONITOR_BATCH_ROWS as i64 }, |row| {
        Ok(Unwatched { from_ms: row.get(0)?, to_ms: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_overdue(tx: &Transaction<'_>, now_ms: i64) -> Result<Vec<(Monitor, MonitorEnvironment)>, StoreError> {
    let sql = format!(
        "SELECT {MONITOR_COLUMNS}, {ENVIRONMENT_COLUMNS}
         FROM monitor_environment JOIN monitor ON monitor.id = monitor_environment.monitor_id
         WHERE overdue_ms <= :now_ms ORDER BY overdue_ms LIMIT :limit"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement
        .query_map(named_params! { ":now_ms": now_ms, ":limit": MONITOR_BATCH_ROWS as i64 }, |row| {
            Ok((monitor_from_row(row)?, environment_from_row(row, 13)?))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_overlong(tx: &Transaction<'_>, now_ms: i64) -> Result<Vec<(Known, i64)>, StoreError> {
    let sql = format!(
        "SELECT {KNOWN_COLUMNS}, timeout_ms FROM check_in
         WHERE status = 'in_progress' AND timeout_ms <= :now_ms ORDER BY timeout_ms LIMIT :limit"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement
        .query_map(named_params! { ":now_ms": now_ms, ":limit": MONITOR_BATCH_ROWS as i64 }, |row| {
            Ok((known_from_row(row)?, row.get(5)?))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The check-ins that were due in one environment and did not come, the first few one by one, the rest passed over.
fn write_missed(
    tx: &Transaction<'_>,
    monitor: &Monitor,
    mut environment: MonitorEnvironment,
    now_ms: i64,
    unwatched: &[Unwatched],
    batch: &mut Batch<'_>,
) -> Result<(), StoreError> {
    let config = &monitor.config;
    let mut written = 0;
    while let (Some(expected_ms), Some(overdue_ms)) = (environment.next_expected_ms, environment.overdue_ms) {
        if overdue_ms > now_ms {
            break;
        }
        if written == MONITOR_CATCH_UP_MAX {
            let from_ms = now_ms.saturating_sub(config.margin_ms()).max(expected_ms);
            environment.expect_next(config.next_expected_ms(from_ms, None, 0), config);
            break;
        }
        let verdict = judge_missed(expected_ms, MONITOR_EARLY_MS, overdue_ms, unwatched);
        let row_id = batch.ids.next(batch.now_ms);
        let name = [environment.id.to_be_bytes(), expected_ms.to_be_bytes()].concat();
        let row = NewCheckIn {
            row_id,
            project_id: monitor.project_id,
            check_in_id: CheckInId(xxh3_128(&name).to_be_bytes()),
            environment_id: environment.id,
            status: verdict.status,
            started_ms: expected_ms,
            received_ms: now_ms,
            finished_ms: None,
            expected_ms: Some(expected_ms),
            duration_ms: None,
            timeout_ms: None,
            unwatched: verdict.unwatched,
            release: None,
            trace_id: None,
        };
        if row.insert(tx)? {
            settle(tx, &mut environment, config, row_id, verdict.status, now_ms)?;
        }
        environment.expect_next(config.next_expected_ms(expected_ms, None, 0), config);
        written += 1;
    }
    batch.monitors += 1;
    update_environment(tx, &environment)
}

/// A notice has become an event, or the end of an incident its issue's.
pub(super) fn finish_notice(tx: &Transaction<'_>, told: &NoticeTold, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let issue_id: Option<i64> = match told.event {
        Some((project_id, event_id)) => tx
            .query_row(
                "SELECT issue_id FROM event WHERE event_id = :event_id AND project_id = :project_id",
                named_params! { ":event_id": &event_id.0[..], ":project_id": project_id.0 },
                |row| row.get(0),
            )
            .optional()?,
        None => tx
            .query_row(
                "SELECT issue_id FROM monitor_environment WHERE id = :id",
                named_params! { ":id": told.environment_id },
                |row| row.get(0),
            )
            .optional()?
            .flatten(),
    };
    if let Some(issue_id) = issue_id {
        // Resolved by recovery; what a person has put aside stays so. A failure has opened it again as it was stored.
        let shown = workflow::root_of(tx, IssueId(issue_id))?.unwrap_or(IssueId(issue_id));
        if told.event.is_none() {
            workflow::resolve_if_open(tx, shown, batch.now_ms)?;
        }
        tx.execute(
            "UPDATE monitor_environment SET issue_id = :issue_id WHERE id = :id",
            named_params! { ":id": told.environment_id, ":issue_id": issue_id },
        )?;
        batch.changed_issues.push(shown);
        batch.monitors += 1;
    }
    tx.execute("DELETE FROM monitor_notice WHERE id = :id", named_params! { ":id": told.notice_id })?;
    Ok(())
}
