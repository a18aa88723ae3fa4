//! Items of which an envelope may hold so many: spans, sessions, client reports.
//!
//! Owns those limits, and nothing of what the items mean. What is over a limit costs itself.

use crate::config::{CLIENT_REPORT_BYTES_MAX, CLIENT_REPORT_ITEMS_MAX, SESSION_ITEMS_MAX, STANDALONE_SPANS_MAX};
use crate::model::decoded::{Incoming, Refusal};
use crate::model::outcome::Reason;
use crate::sentry::client_report::decode_client_report;
use crate::sentry::event::ItemError;
use crate::sentry::session::{decode_session, decode_sessions, delivery_key};
use crate::sentry::span_items::decode_span_item;

use super::Run;

/// What an envelope has held so far.
#[derive(Default)]
pub(super) struct Tally {
    standalone_spans: usize,
    session_items: usize,
    report_items: usize,
    report_bytes: usize,
}

impl Run<'_> {
    pub(super) fn take_spans(&mut self, payload: &[u8]) {
        let arrival = self.arrival();
        let mut decoded = match decode_span_item(payload, &arrival, self.limits) {
            Ok(decoded) => decoded,
            Err(error) => return self.refuse("span", &error),
        };
        if decoded.is_standalone {
            self.tally.standalone_spans += 1;
            if self.tally.standalone_spans > STANDALONE_SPANS_MAX {
                return self.refuse_many("span", format!("more than {STANDALONE_SPANS_MAX} single spans at once"));
            }
        }
        for resource in &mut decoded.batch.resources {
            resource.sdk = resource.sdk.take().or_else(|| self.result.header.sdk.clone());
        }
        if !decoded.batch.spans.is_empty() {
            self.result.decoded.items.push(Incoming::Spans { batch: decoded.batch, transactions: 0 });
        }
        if decoded.deliveries > 0 {
            let category = "sdk_delivery".to_owned();
            self.result.decoded.items.push(Incoming::Counted { category, quantity: decoded.deliveries });
        }
        self.result.decoded.refused.extend(decoded.refused);
    }

    pub(super) fn take_sessions(&mut self, ty: &str, payload: &[u8]) {
        self.tally.session_items += 1;
        if self.tally.session_items > SESSION_ITEMS_MAX {
            return self.refuse_many("session", format!("more than {SESSION_ITEMS_MAX} session items at once"));
        }
        let arrival = self.arrival();
        let decoded = match ty {
            "session" => decode_session(payload, &arrival, self.limits),
            _ => decode_sessions(payload, &arrival, self.limits),
        };
        match decoded {
            Ok(mut decoded) => {
                decoded.batch.delivery_key = self.delivery_key(payload);
                if !decoded.batch.updates.is_empty() || !decoded.batch.buckets.is_empty() {
                    self.result.decoded.items.push(Incoming::Sessions(decoded.batch));
                }
                self.result.decoded.refused.extend(decoded.refused);
            }
            Err(error) => self.refuse("session", &error),
        }
    }

    pub(super) fn take_client_report(&mut self, payload: &[u8]) {
        self.tally.report_items += 1;
        self.tally.report_bytes = self.tally.report_bytes.saturating_add(payload.len());
        if self.tally.report_items > CLIENT_REPORT_ITEMS_MAX {
            let problem = format!("more than {CLIENT_REPORT_ITEMS_MAX} client reports at once");
            return self.refuse_many("client_report", problem);
        }
        if self.tally.report_bytes > CLIENT_REPORT_BYTES_MAX {
            let error = ItemError::TooLarge { bytes: self.tally.report_bytes, max: CLIENT_REPORT_BYTES_MAX };
            return self.refuse("client_report", &error);
        }
        match decode_client_report(payload, self.limits) {
            Ok((mut report, refused)) => {
                self.result.decoded.refused.extend(refused);
                report.delivery_key = self.delivery_key(payload);
                self.result.decoded.items.push(Incoming::ClientReport(report));
            }
            Err(error) => self.refuse("client_report", &error),
        }
    }

    fn delivery_key(&self, payload: &[u8]) -> Option<i64> {
        delivery_key(payload, self.result.header.event_id, self.result.header.sent_at_ns)
    }

    fn refuse_many(&mut self, category: &str, detail: String) {
        let refused = &mut self.result.decoded.refused;
        match refused.iter_mut().find(|refusal| refusal.category == category && refusal.detail == detail) {
            Some(refusal) => refusal.quantity += 1,
            None => {
                refused.push(Refusal { category: category.to_owned(), reason: Reason::TooLarge, detail, quantity: 1 });
            }
        }
    }
}
