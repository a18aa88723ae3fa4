//! What to say about a request in one line: the ledger's summary.
//!
//! A ledger is read over somebody's shoulder: nothing gets in here that was not scrubbed.

use crate::model::blob::{About, Blob};
use crate::model::client_report::ClientReport;
use crate::model::decoded::Refusal;
use crate::model::event::Level;
use crate::model::ids::TraceId;
use crate::model::issue::IssueTitle;
use crate::model::log::LogBatch;
use crate::model::metric::MetricBatch;
use crate::model::monitor::CheckIn;
use crate::model::outcome::Reason;
use crate::model::session::SessionBatch;
use crate::model::span::SpanBatch;
use crate::scrub::{self, scrub_line};
use crate::store::TracePart;

/// Parts named one by one; the rest is counted.
const PARTS_SHOWN_MAX: usize = 4;
const PROBLEM_CHARS_MAX: usize = 300;

/// Collected while a request is prepared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    parts: Vec<String>,
    problems: Vec<String>,
    /// By filter.
    filtered: Vec<(String, Vec<String>)>,
    pub events: u64,
    pub spans: u64,
    /// Items of other kinds that are kept.
    pub others: u64,
    /// Understood but not kept, by item type.
    pub counted: Vec<(String, u64)>,
    pub refused: u64,
    pub trace_id: Option<TraceId>,
}

impl Digest {
    /// Whether anything of the request is stored.
    pub fn kept_something(&self) -> bool {
        self.events > 0 || self.spans > 0 || self.others > 0
    }

    pub(super) fn add_event(&mut self, title: &IssueTitle, level: Level, trace_id: Option<TraceId>) {
        self.events += 1;
        let word = if level >= Level::Error { "error" } else { level.as_str() };
        self.parts.push(format!("{word} {}", short(&title.title)));
        self.trace_id = self.trace_id.or(trace_id);
    }

    pub(super) fn add_spans(
        &mut self,
        batch: &SpanBatch,
        parts: &[TracePart],
        transactions: u32,
        rules: &scrub::Rules,
    ) {
        let count = batch.spans.len();
        self.spans += count as u64;
        let Some(first) = parts.first() else { return };
        self.trace_id = self.trace_id.or(Some(first.summary.trace_id));
        let spans = format!("{count} {}", if count == 1 { "span" } else { "spans" });
        self.parts.push(if transactions > 0 {
            format!("transaction {} · {spans}", clean(&first.summary.root.name, rules))
        } else if parts.len() == 1 {
            format!(
                "{spans} from {} · {}",
                clean(&first.summary.root.service, rules),
                clean(&first.summary.root.name, rules)
            )
        } else {
            format!("{spans} in {} traces from {}", parts.len(), clean(&first.summary.root.service, rules))
        });
    }

    pub(super) fn add_sessions(&mut self, batch: &SessionBatch, rules: &scrub::Rules) {
        self.others += 1;
        let buckets: u64 = batch.buckets.iter().map(|bucket| bucket.counts.total()).sum();
        let count = buckets + batch.updates.len() as u64;
        let sessions = if count == 1 { "session" } else { "sessions" };
        self.parts.push(format!("{count} {sessions} of {}", clean(&batch.release, rules)));
    }

    pub(super) fn add_client_report(&mut self, report: &ClientReport) {
        self.others += 1;
        // Bytes are told apart: added to things they would be all one sees.
        let sum = |of_bytes: bool| -> u64 {
            report.discards.iter().filter(|d| d.is_of_bytes() == of_bytes).map(|d| d.quantity).sum()
        };
        self.parts.push(match (sum(false), sum(true)) {
            (things, 0) => format!("client report of {things} not sent"),
            (0, bytes) => format!("client report of {bytes} bytes not sent"),
            (things, bytes) => format!("client report of {things} and {bytes} bytes not sent"),
        });
    }

    pub(super) fn add_blob(&mut self, blob: &Blob, rules: &scrub::Rules) {
        let what = match &blob.about {
            About::Attachment(file) => format!("{} {}", blob.category, clean(&file.name, rules)),
            // Among the problems already.
            About::Refused(_) => return,
            About::Profile(profile) => format!("{} of {} samples", blob.category, profile.samples),
            About::Replay(part) => format!("{} segment {}", blob.category, part.segment_id),
        };
        self.others += 1;
        self.parts.push(what);
        if let About::Profile(profile) = &blob.about {
            self.trace_id = self.trace_id.or(profile.trace_id);
        }
    }

    /// Of scrubbed records.
    pub(super) fn add_logs(&mut self, batch: &LogBatch) {
        let count = batch.records.len();
        self.others += count as u64;
        let trace_id = batch.records.iter().find_map(|record| record.trace_id);
        self.trace_id = self.trace_id.or(trace_id);
        let first = batch.records.first().map(|record| short(&record.body)).unwrap_or_default();
        self.parts.push(if count == 1 { format!("log {first}") } else { format!("{count} logs") });
    }

    pub(super) fn add_metrics(&mut self, batch: &MetricBatch, rules: &scrub::Rules) {
        let count = batch.points.len();
        self.others += count as u64;
        let name = batch.points.first().map(|point| clean(&point.name, rules)).unwrap_or_default();
        self.parts.push(if count == 1 { format!("metric {name}") } else { format!("{count} metrics") });
    }

    /// Of a scrubbed message.
    pub(super) fn add_feedback(&mut self, message: &str, trace_id: Option<TraceId>) {
        self.others += 1;
        let line = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        self.parts.push(format!("feedback {}", short(line)).trim_end().to_owned());
        self.trace_id = self.trace_id.or(trace_id);
    }

    pub(super) fn add_check_in(&mut self, check_in: &CheckIn, rules: &scrub::Rules) {
        self.others += 1;
        self.trace_id = self.trace_id.or(check_in.trace_id);
        self.parts.push(format!("check-in {} {}", clean(&check_in.slug, rules), check_in.status.as_str()));
    }

    pub(super) fn add_counted(&mut self, category: &str, quantity: u64) {
        self.counted.push((category.to_string(), quantity));
        self.parts.push(if quantity == 1 { category.to_string() } else { format!("{quantity} × {category}") });
    }

    /// Noise that is counted and not kept on purpose.
    pub(super) fn add_noise(&mut self, category: &str, reason: Reason, quantity: u64) {
        self.counted.push((category.to_string(), quantity));
        let what = if quantity == 1 { format!("{category} report") } else { format!("{quantity} {category} reports") };
        let why = match reason {
            Reason::BrowserExtension => "caused by a visitor's browser extension",
            Reason::LocalPage => "of a page that is not on the web",
            other => other.as_str(),
        };
        self.parts.push(format!("{what} {why}: counted, not kept"));
    }

    pub(super) fn add_refusal(&mut self, refusal: &Refusal, rules: &scrub::Rules) {
        self.refused += refusal.quantity;
        let mut detail = refusal.detail.clone();
        scrub_line(&mut detail, rules);
        self.problems.push(format!("{}: {detail}", refusal.category));
    }

    pub(super) fn add_limited(&mut self, category: &str, quantity: u64, limit: &str) {
        self.refused += quantity;
        self.problems.push(format!("{quantity} × {category} over the limit {limit}"));
    }

    pub(super) fn add_filtered(&mut self, category: &str, quantity: u64, filter: &str) {
        let filter = filter.replace('_', " ");
        let part = if quantity == 1 { category.to_string() } else { format!("{quantity} × {category}") };
        match self.filtered.iter_mut().find(|(known, _)| *known == filter) {
            Some((_, parts)) => parts.push(part),
            None => self.filtered.push((filter, vec![part])),
        }
    }

    /// `crawlers: 4 × span, transaction; releases: event`; `None` when the project's filters dropped nothing.
    pub fn filtered(&self) -> Option<String> {
        let by_filter = |(filter, parts): &(String, Vec<String>)| {
            let mut text =
                format!("{filter}: {}", parts.iter().take(PARTS_SHOWN_MAX).cloned().collect::<Vec<_>>().join(", "));
            if parts.len() > PARTS_SHOWN_MAX {
                text.push_str(&format!(", and {} more", parts.len() - PARTS_SHOWN_MAX));
            }
            text
        };
        (!self.filtered.is_empty()).then(|| self.filtered.iter().map(by_filter).collect::<Vec<_>>().join("; "))
    }

    /// `error ValueError, transaction GET /books/ · 29 spans, and 3 more`
    pub fn summary(&self) -> String {
        let mut text = self.parts.iter().take(PARTS_SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
        if self.parts.len() > PARTS_SHOWN_MAX {
            text.push_str(&format!(", and {} more", self.parts.len() - PARTS_SHOWN_MAX));
        }
        text
    }

    /// What was refused and why; `None` when everything was fine.
    pub fn problem(&self) -> Option<String> {
        if self.problems.is_empty() {
            return None;
        }
        let mut text = self.problems.iter().take(PARTS_SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
        if self.problems.len() > PARTS_SHOWN_MAX {
            text.push_str(&format!("; and {} more", self.problems.len() - PARTS_SHOWN_MAX));
        }
        Some(text.chars().take(PROBLEM_CHARS_MAX).collect())
    }
}

/// Scrubbed before it is cut: half a number is not recognised.
fn clean(text: &str, rules: &scrub::Rules) -> String {
    let mut text = text.to_string();
    scrub_line(&mut text, rules);
    short(&text)
}

/// At most 80 characters, so that one name cannot fill the line.
fn short(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(80).collect();
    if characters.next().is_some() { format!("{head}…") } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_many_items_is_summed_up() {
        let mut digest = Digest::default();
        for _ in 0..6 {
            digest.add_counted("session", 1);
        }
        assert_eq!(digest.summary(), "session, session, session, session, and 2 more");
        assert_eq!((digest.problem(), digest.filtered()), (None, None));
    }

    #[test]
    fn what_filters_dropped_is_told_by_filter() {
        let mut digest = Digest::default();
        digest.add_filtered("span", 4, "health_checks");
        digest.add_filtered("event", 1, "releases");
        digest.add_filtered("transaction", 1, "health_checks");
        assert_eq!(digest.filtered().as_deref(), Some("health checks: 4 × span, transaction; releases: event"));
    }
}
