//! What to say about a request in one line: the ledger's summary.

use crate::model::decoded::Refusal;
use crate::model::event::Level;
use crate::model::ids::TraceId;
use crate::model::issue::IssueTitle;
use crate::model::monitor::CheckIn;
use crate::model::span::SpanBatch;
use crate::store::TracePart;

/// Parts named one by one; the rest is counted.
const PARTS_SHOWN_MAX: usize = 4;
const PROBLEM_CHARS_MAX: usize = 300;

/// Collected while a request is prepared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    parts: Vec<String>,
    problems: Vec<String>,
    pub events: u64,
    pub spans: u64,
    pub check_ins: u64,
    /// Understood but not kept, by item type.
    pub counted: Vec<(String, u64)>,
    pub refused: u64,
    pub trace_id: Option<TraceId>,
}

impl Digest {
    pub(super) fn add_event(&mut self, title: &IssueTitle, level: Level, trace_id: Option<TraceId>) {
        self.events += 1;
        let word = if level >= Level::Error { "error" } else { level.as_str() };
        self.parts.push(format!("{word} {}", short(&title.title)));
        self.trace_id = self.trace_id.or(trace_id);
    }

    pub(super) fn add_spans(&mut self, batch: &SpanBatch, parts: &[TracePart], transactions: u32) {
        let count = batch.spans.len();
        self.spans += count as u64;
        let Some(first) = parts.first() else { return };
        self.trace_id = self.trace_id.or(Some(first.summary.trace_id));
        let spans = format!("{count} {}", if count == 1 { "span" } else { "spans" });
        self.parts.push(if transactions > 0 {
            format!("transaction {} · {spans}", short(&first.summary.root.name))
        } else if parts.len() == 1 {
            format!("{spans} from {} · {}", short(&first.summary.root.service), short(&first.summary.root.name))
        } else {
            format!("{spans} in {} traces from {}", parts.len(), short(&first.summary.root.service))
        });
    }

    pub(super) fn add_check_in(&mut self, check_in: &CheckIn) {
        self.check_ins += 1;
        self.trace_id = self.trace_id.or(check_in.trace_id);
        self.parts.push(format!("check-in {} {}", check_in.slug, check_in.status.as_str()));
    }

    pub(super) fn add_counted(&mut self, category: &str, quantity: u64) {
        self.counted.push((category.to_string(), quantity));
        self.parts.push(if quantity == 1 { category.to_string() } else { format!("{quantity} × {category}") });
    }

    pub(super) fn add_refusal(&mut self, refusal: &Refusal) {
        self.refused += refusal.quantity;
        self.problems.push(format!("{}: {}", refusal.category, refusal.detail));
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
        assert_eq!(digest.problem(), None);
    }
}
