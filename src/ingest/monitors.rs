//! The clock of monitors: looks at them a few times a minute, and tells as events what has become of them.
//!
//! Decides nothing about monitors: what is missed and what is an incident is decided where it is written. Here the news
//! left there becomes an event like any other, on the route every event takes, so that it is grouped, listed and shown.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::{Notify, watch};
use xxhash_rust::xxh3::xxh3_128;

use crate::config::{MONITOR_BATCH_ROWS, MONITOR_TICK_MS};
use crate::ingest::{Policy, prepare};
use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::{Event, EventKind, Level, Message};
use crate::model::ids::EventId;
use crate::model::monitor::{CheckInStatus, Notice};
use crate::model::project::Project;
use crate::model::time::rfc3339;
use crate::store::{CheckInRow, MonitorNotice, MonitorTick, NoticeTold, Store, StoreError, Write};

/// A look that finds nothing is written down this often, in milliseconds, to know later that somebody looked.
const NOTED_EVERY_MS: i64 = 30_000;
const SDK: &str = "trapline.monitors";

/// Watches until told to stop; `wake` says that there is news.
pub async fn watch_monitors(store: Store, policy: Policy, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut last_noted_ms = None;
    loop {
        let is_last = *stop.borrow();
        if let Err(error) = look(&store, &policy, &mut last_noted_ms, is_last).await {
            tracing::warn!(%error, "monitors could not be looked at, trying again soon");
        }
        if is_last {
            return;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(MONITOR_TICK_MS)) => {}
        }
    }
}

/// One look. The last one is always noted, so that a restart knows to the second how long nobody was there.
async fn look(
    store: &Store,
    policy: &Policy,
    last_noted_ms: &mut Option<i64>,
    is_last: bool,
) -> Result<(), StoreError> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64);
    let due = store.monitors_due(now_ms).await?;
    if !due.has_monitors {
        return Ok(());
    }
    let is_stale = last_noted_ms.is_none_or(|noted_ms| (now_ms - noted_ms).abs() >= NOTED_EVERY_MS);
    let is_noted = due.is_overdue || is_stale || is_last;
    if is_noted {
        let tick = MonitorTick { now_ms, is_first: last_noted_ms.is_none() };
        store.append(vec![Write::MonitorTick(tick)]).await?;
        *last_noted_ms = Some(now_ms);
    }
    if due.has_notices || is_noted { tell(store, policy, now_ms).await } else { Ok(()) }
}

/// Makes events of all news, in order.
async fn tell(store: &Store, policy: &Policy, now_ms: i64) -> Result<(), StoreError> {
    loop {
        let notices = store.monitor_notices(MONITOR_BATCH_ROWS).await?;
        if notices.is_empty() {
            return Ok(());
        }
        let projects = store.projects().await?;
        let mut writes = Vec::with_capacity(notices.len() * 2);
        for notice in notices {
            let project = projects.iter().find(|project| project.id == notice.monitor.project_id);
            let mut told = NoticeTold { notice_id: notice.id, environment_id: notice.environment.id, event: None };
            if let (Notice::Failed, Some(project)) = (notice.notice, project) {
                let event = failure_event(project, &notice);
                told.event = Some((project.id, event.event_id));
                let decoded = Decoded { items: vec![Incoming::Event(Box::new(event))], refused: Vec::new() };
                writes.extend(prepare(project, decoded, policy, store.bodies(), now_ms).writes);
            }
            writes.push(Write::NoticeTold(told));
        }
        store.append(writes).await?;
    }
}

/// One failure as an event. Its id is made of the check-in's, so that telling twice changes nothing.
fn failure_event(project: &Project, notice: &MonitorNotice) -> Event {
    let MonitorNotice { monitor, environment, check_in, .. } = notice;
    let id_source = [&check_in.check_in_id.0[..], check_in.status.as_str().as_bytes()].concat();
    let event_id = EventId(xxh3_128(&id_source).to_be_bytes());
    let title = format!("Cron failure: {}", monitor.name);
    let formatted = format!("{title}\n{}", what_happened(notice));
    let level = if check_in.status == CheckInStatus::Missed { Level::Warning } else { Level::Error };
    let culprit = format!("{} in {}", words(check_in.status), environment.name);
    let fingerprint = vec![SDK.to_string(), monitor.slug.clone(), environment.name.clone()];
    let tags = vec![
        ("monitor.slug".to_string(), monitor.slug.clone()),
        ("monitor.status".to_string(), check_in.status.as_str().to_string()),
    ];
    let mut body = json!({
        "event_id": event_id.to_string(),
        "timestamp": rfc3339(notice.created_ms),
        "platform": "other",
        "level": level.as_str(),
        "logentry": { "formatted": formatted },
        "culprit": culprit,
        "environment": environment.name,
        "release": check_in.release,
        "fingerprint": fingerprint,
        "tags": { "monitor.slug": monitor.slug, "monitor.status": check_in.status.as_str() },
        "sdk": { "name": SDK, "version": env!("CARGO_PKG_VERSION") },
        "contexts": { "monitor": {
            "type": "monitor",
            "slug": monitor.slug,
            "name": monitor.name,
            "project": project.slug,
            "environment": environment.name,
            "status": check_in.status.as_str(),
            "check_in_id": check_in.check_in_id.to_string(),
            "schedule": monitor.config.schedule.as_ref().map(|schedule| schedule.as_written()),
            "timezone": monitor.config.timezone,
            "expected": check_in.expected_ms.map(rfc3339),
            "failures_in_a_row": notice.failures,
        } },
    });
    if let Some(trace_id) = check_in.trace_id {
        body["contexts"]["trace"] = json!({ "type": "trace", "trace_id": trace_id.to_string() });
    }
    Event {
        event_id,
        kind: EventKind::Cron,
        timestamp_ms: notice.created_ms,
        level,
        platform: "other".to_string(),
        logger: None,
        message: Some(Message { template: None, formatted }),
        exceptions: Vec::new(),
        thread_frames: Vec::new(),
        transaction: None,
        culprit: Some(culprit),
        release: check_in.release.clone(),
        environment: Some(environment.name.clone()),
        server_name: None,
        request_url: None,
        tags,
        user: None,
        trace_id: check_in.trace_id,
        span_id: None,
        sdk: Some(format!("{SDK}/{}", env!("CARGO_PKG_VERSION"))),
        more: None,
        fingerprint: Some(fingerprint),
        checksum: None,
        report: None,
        template: None,
        csp: None,
        user_agent: None,
        body: body.to_string().into_bytes(),
    }
}

fn words(status: CheckInStatus) -> &'static str {
    match status {
        CheckInStatus::Missed => "missed",
        CheckInStatus::Timeout => "ran for too long",
        _ => "failed",
    }
}

/// One sentence for the reader of the event.
fn what_happened(notice: &MonitorNotice) -> String {
    let MonitorNotice { monitor, environment, check_in, failures, .. } = notice;
    let mut text = match check_in.status {
        CheckInStatus::Missed => format!(
            "No check-in came in {}: it was due at {}{}.",
            environment.name,
            rfc3339(check_in.started_ms),
            match monitor.config.margin_min {
                0 => String::new(),
                margin_min => format!(" and could be {} late", minutes(margin_min)),
            },
        ),
        CheckInStatus::Timeout => format!(
            "The run that began at {} in {} has not reported its end within {}.",
            rfc3339(check_in.started_ms),
            environment.name,
            minutes(monitor.config.runtime_min_max),
        ),
        _ => format!("The run in {} reported an error{}.", environment.name, after(check_in)),
    };
    if *failures > 1 {
        text.push_str(&format!(" That is failure {failures} in a row."));
    }
    text
}

fn minutes(count: u32) -> String {
    if count == 1 { "1 minute".to_string() } else { format!("{count} minutes") }
}

fn after(check_in: &CheckInRow) -> String {
    check_in.duration_ms.map_or_else(String::new, |ms| format!(" after {:.1} s", ms as f64 / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grouping;
    use crate::model::ids::{CheckInId, ProjectId, PublicKey};
    use crate::model::monitor::{MonitorConfig, Tally};
    use crate::store::{Monitor, MonitorEnvironment};

    fn notice(status: CheckInStatus, environment: &str) -> MonitorNotice {
        MonitorNotice {
            id: 1,
            notice: Notice::Failed,
            created_ms: 1_800_000_000_000,
            failures: 2,
            monitor: Monitor {
                id: 1,
                project_id: ProjectId(1),
                slug: "nightly".to_string(),
                name: "Nightly".to_string(),
                created_ms: 0,
                config: MonitorConfig::default(),
            },
            environment: MonitorEnvironment {
                id: 1,
                monitor_id: 1,
                name: environment.to_string(),
                created_ms: 0,
                next_expected_ms: None,
                overdue_ms: None,
                last_check_in_ms: None,
                tally: Tally::default(),
                issue_id: None,
            },
            check_in: CheckInRow {
                id: 1,
                check_in_id: CheckInId([7; 16]),
                environment_id: 1,
                environment: environment.to_string(),
                status,
                started_ms: 1_799_999_000_000,
                received_ms: 1_800_000_000_000,
                finished_ms: None,
                expected_ms: None,
                duration_ms: Some(1_250),
                timeout_ms: None,
                unwatched: None,
                release: None,
                trace_id: None,
            },
        }
    }

    fn project() -> Project {
        Project {
            id: ProjectId(1),
            slug: "shop".to_string(),
            name: "Shop".to_string(),
            platform: "python".to_string(),
            created_ms: 0,
            public_key: PublicKey([1; 16]),
        }
    }

    fn issue_of(status: CheckInStatus, environment: &str) -> (String, Vec<[u8; 16]>) {
        let event = failure_event(&project(), &notice(status, environment));
        let grouping = grouping::group(&event, grouping::Rules::none());
        (grouping::title(&event, &grouping).title, grouping.hashes().collect())
    }

    #[test]
    fn all_failures_of_a_monitor_in_one_environment_are_one_issue_with_its_name() {
        let missed = issue_of(CheckInStatus::Missed, "production");
        assert_eq!(missed.0, "Cron failure: Nightly");
        assert_eq!(missed, issue_of(CheckInStatus::Error, "production"));
        assert_ne!(missed.1, issue_of(CheckInStatus::Missed, "staging").1);
    }

    #[test]
    fn an_event_says_what_happened() {
        let said = |status| failure_event(&project(), &notice(status, "production")).message.unwrap().formatted;
        assert!(said(CheckInStatus::Error).contains("reported an error after 1.2 s. That is failure 2 in a row."));
        assert!(said(CheckInStatus::Missed).contains("due at 2027-01-15T07:43:20.000Z and could be 1 minute late"));
        assert!(said(CheckInStatus::Timeout).contains("has not reported its end within 30 minutes"));
    }

    #[test]
    fn telling_twice_is_the_same_event() {
        let id = |status| failure_event(&project(), &notice(status, "production")).event_id;
        assert_eq!(id(CheckInStatus::Error), id(CheckInStatus::Error));
        assert_ne!(id(CheckInStatus::Error), id(CheckInStatus::Timeout));
    }
}
