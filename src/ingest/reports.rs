//! What is decided of an error that may be told several times: when it was, and what it is known by.
//!
//! Whether it is told already is for the store to see.

use crate::config::event::EVENT_AGE_DAYS_MAX;
use crate::grouping::{Grouping, Rules, app_frames};
use crate::model::event::Event;
use crate::model::sighting::Sighting;
use crate::scrub::{self, scrub_line};

/// How far ahead of ours a clock may be, in milliseconds: as for events of Sentry's SDKs.
const FUTURE_MS_MAX: i64 = 60_000;

/// Mends what a report says of itself: OpenTelemetry has times by the client's clock alone.
pub(super) fn settle(event: &mut Event, rules: &scrub::Rules, received_ms: i64) {
    let oldest_ms = received_ms.saturating_sub(EVENT_AGE_DAYS_MAX * 86_400_000);
    if event.timestamp_ms > received_ms.saturating_add(FUTURE_MS_MAX) || event.timestamp_ms < oldest_ms {
        event.timestamp_ms = received_ms;
    }
    if let Some(report) = &mut event.report {
        scrub_line(&mut report.label, rules);
        report.label = report.label.chars().take(LABEL_CHARS_MAX).collect();
    }
}

/// A name, not a text.
const LABEL_CHARS_MAX: usize = 200;

/// What an event of a trace is known by; only there can two reports be of one error.
pub(super) fn sighting(event: &Event, grouping: &Grouping, rules: &Rules) -> Option<Sighting> {
    event.trace_id?;
    let raised = event.exceptions.len().checked_sub(1)?;
    let app_frame = if grouping.main_exception.is_none_or(|main| main == raised) {
        grouping.crash_frame
    } else {
        app_frames(event, rules).get(raised)?.iter().rposition(|in_app| *in_app)
    };
    Sighting::of(event, app_frame)
}
