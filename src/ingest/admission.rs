//! Who comes in: every decoded item passes the project's filters, then its limits.
//!
//! Counts what is turned away, by name of the filter or limit. Does not decide what a client is answered.

use crate::model::blob::{About, Attachment, Blob, RefusedAttachment};
use crate::model::decoded::{Incoming, Refusal};
use crate::model::ids::{EventId, TraceId};
use crate::model::outcome::Reason;
use crate::model::project::Project;
use crate::model::quota::DataGroup;
use crate::model::span::SpanBatch;
use crate::store::{DropWrite, KeyUseWrite, Write};

use super::filters::Filter;
use super::limiter::Limited;
use super::policy::Policy;
use super::{Digest, outcome};

/// How spans are counted that are calls to this server; sentry's decoder calls its own ones the same.
const OWN_CALL_CATEGORY: &str = "sdk_delivery";

/// What became of a request's items at the door.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Admission {
    /// What was let in and counted.
    pub charges: Vec<(DataGroup, u64)>,
    /// Items let in, those included that are never limited.
    pub admitted: u64,
    /// One per group, the refusal that lasts longest.
    pub limited: Vec<Limited>,
    /// Things dropped by filters.
    pub filtered: u64,
}

impl Admission {
    /// Nothing came in, and only for limits.
    pub fn is_all_limited(&self) -> bool {
        self.admitted == 0 && self.filtered == 0 && !self.limited.is_empty()
    }

    /// The longest pause that a refusal asks for, in seconds.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.limited.iter().map(|limited| limited.retry_after_s).max()
    }

    /// The value of `X-Sentry-Rate-Limits`.
    pub fn header(&self) -> Option<String> {
        let members: Vec<String> = self.limited.iter().map(Limited::header).collect();
        (!members.is_empty()).then(|| members.join(", "))
    }

    fn add_limited(&mut self, limited: Limited) {
        match self.limited.iter_mut().find(|known| known.group == limited.group) {
            Some(known) if known.retry_after_s < limited.retry_after_s => *known = limited,
            Some(_) => {}
            None => self.limited.push(limited),
        }
    }
}

/// The door of one project during one request.
pub(super) struct Door<'p> {
    project: &'p Project,
    policy: &'p Policy,
    now_ms: i64,
    pub(super) admission: Admission,
    gone: Gone,
}

/// Events and transactions of this request that did not come in, and why: what belongs to them goes, too.
#[derive(Default)]
struct Gone {
    events: Vec<(EventId, Why)>,
    /// By the traces they were part of.
    transactions: Vec<(Vec<TraceId>, Why)>,
    /// Events that did come in.
    kept: Vec<EventId>,
}

#[derive(Clone)]
enum Why {
    Filtered(Filter),
    Limited(String),
}

impl Gone {
    /// A transaction is all there is in its request to belong to, unless an event was let in.
    fn why(&self, blob: &Blob) -> Option<Why> {
        match &blob.about {
            About::Attachment(Attachment { event_id, .. })
            | About::Refused(RefusedAttachment { file: Attachment { event_id, .. }, .. }) => {
                let event = self.events.iter().find(|(id, _)| id == event_id).map(|(_, why)| why);
                let transaction = self.transactions.first().filter(|_| !self.kept.contains(event_id));
                event.or(transaction.map(|(_, why)| why)).cloned()
            }
            About::Profile(profile) if profile.profiler_id.is_none() => {
                let is_its =
                    |(traces, _): &&(Vec<TraceId>, Why)| profile.trace_id.is_none_or(|id| traces.contains(&id));
                self.transactions.iter().find(is_its).map(|(_, why)| why.clone())
            }
            _ => None,
        }
    }
}

/// What an item weighs: as which categories it is counted when it is dropped, and how much of which group it takes.
struct Weight {
    counted: Vec<(String, u64)>,
    charge: Option<(DataGroup, u64)>,
}

impl Weight {
    /// Counted as it is charged.
    fn of(category: &str, group: DataGroup, quantity: u64) -> Self {
        Self { counted: vec![(category.to_string(), quantity)], charge: Some((group, quantity)) }
    }
}

/// Without a catch-all, so that a new kind of item has to say what it weighs.
fn weigh(item: &Incoming) -> Weight {
    match item {
        Incoming::Event(_) => Weight::of("event", DataGroup::Error, 1),
        Incoming::Spans { batch, transactions } => {
            let spans = batch.spans.len() as u64;
            let mut counted = vec![("span".to_string(), spans)];
            if *transactions > 0 {
                counted.push(("transaction".to_string(), u64::from(*transactions)));
            }
            Weight { counted, charge: (spans > 0).then_some((DataGroup::Span, spans)) }
        }
        Incoming::Sessions(batch) => {
            let buckets: u64 = batch.buckets.iter().map(|bucket| bucket.counts.total()).sum();
            Weight::of("session", DataGroup::Session, buckets + batch.updates.len() as u64)
        }
        // What SDKs did not send costs nobody anything.
        Incoming::ClientReport(_) => Weight { counted: vec![("client_report".to_string(), 1)], charge: None },
        Incoming::Feedback(_) => Weight::of("feedback", DataGroup::Feedback, 1),
        Incoming::Orphan { category, .. } => Weight { counted: vec![(category.clone(), 1)], charge: None },
        Incoming::Filtered { category, quantity, .. } => {
            Weight { counted: vec![(category.clone(), *quantity)], charge: None }
        }
        Incoming::CheckIn(_) => Weight::of("check_in", DataGroup::Monitor, 1),
        Incoming::Logs(batch) => Weight::of("log", DataGroup::Log, batch.records.len() as u64),
        Incoming::Metrics(batch) => Weight::of("trace_metric", DataGroup::Metric, batch.points.len() as u64),
        Incoming::Blob(blob) => Weight {
            counted: vec![(blob.category.clone(), 1)],
            charge: match &blob.about {
                About::Refused(_) => None,
                About::Attachment(_) => Some((DataGroup::Attachment, blob.bytes.len() as u64)),
                About::Profile(_) => Some((DataGroup::Profile, 1)),
                About::Replay(_) => Some((DataGroup::Replay, 1)),
            },
        },
        Incoming::Counted { category, quantity } => Weight {
            counted: vec![(category.clone(), *quantity)],
            charge: DataGroup::of(category).map(|group| (group, *quantity)),
        },
    }
}

fn traces_of(batch: &SpanBatch) -> Vec<TraceId> {
    let mut traces: Vec<TraceId> = batch.spans.iter().map(|span| span.trace_id).collect();
    traces.dedup();
    traces
}

impl<'p> Door<'p> {
    pub(super) fn new(project: &'p Project, policy: &'p Policy, now_ms: i64) -> Self {
        Self { project, policy, now_ms, admission: Admission::default(), gone: Gone::default() }
    }

    /// The item, if it may come in; spans may be fewer than came.
    pub(super) fn let_in(
        &mut self,
        mut item: Incoming,
        digest: &mut Digest,
        writes: &mut Vec<Write>,
    ) -> Option<Incoming> {
        match &mut item {
            Incoming::Event(event) => {
                if let Some(filter) = self.policy.filters.event(event) {
                    self.gone.events.push((event.event_id, Why::Filtered(filter)));
                    self.drop_filtered(filter, vec![("event".to_string(), 1)], digest, writes);
                    return None;
                }
            }
            Incoming::Feedback(feedback) => {
                if let Some(filter) = self.policy.filters.release(feedback.release.as_deref()) {
                    self.gone.events.push((feedback.feedback_id, Why::Filtered(filter)));
                    self.drop_filtered(filter, vec![("feedback".to_string(), 1)], digest, writes);
                    return None;
                }
            }
            Incoming::Sessions(batch) => {
                if let Some(filter) = self.policy.filters.release(Some(&batch.release)) {
                    self.drop_filtered(filter, weigh(&item).counted, digest, writes);
                    return None;
                }
            }
            Incoming::Logs(batch) => {
                for (filter, records) in self.policy.filters.logs(batch) {
                    self.drop_filtered(filter, vec![("log".to_string(), records)], digest, writes);
                }
                if batch.records.is_empty() {
                    return None;
                }
            }
            Incoming::Metrics(batch) => {
                for (filter, points) in self.policy.filters.metrics(batch) {
                    self.drop_filtered(filter, vec![("trace_metric".to_string(), points)], digest, writes);
                }
                if batch.points.is_empty() {
                    return None;
                }
            }
            Incoming::Spans { batch, transactions } => {
                let own_calls = self.policy.own_address.take_calls_out(batch);
                if own_calls > 0 {
                    digest.add_counted(OWN_CALL_CATEGORY, own_calls);
                    let category = OWN_CALL_CATEGORY.to_string();
                    writes.push(outcome(self.project, self.now_ms, category, Reason::NotKept, own_calls));
                    if batch.spans.is_empty() && *transactions == 0 {
                        self.admission.admitted += 1;
                        return None;
                    }
                }
                let traces = if *transactions > 0 { traces_of(batch) } else { Vec::new() };
                let dropped = self.policy.filters.spans(batch);
                let is_gone = batch.spans.is_empty();
                for (index, (filter, spans)) in dropped.into_iter().enumerate() {
                    let mut counted = vec![("span".to_string(), spans)];
                    if is_gone && index == 0 && *transactions > 0 {
                        counted.push(("transaction".to_string(), u64::from(*transactions)));
                        self.gone.transactions.push((traces.clone(), Why::Filtered(filter)));
                    }
                    self.drop_filtered(filter, counted, digest, writes);
                    if is_gone && index == 0 {
                        *transactions = 0;
                    }
                }
                if is_gone && self.admission.filtered > 0 {
                    return None;
                }
            }
            Incoming::Blob(blob) => {
                if let Some(why) = self.gone.why(blob) {
                    // A note of what was refused is counted as a refusal already.
                    if !matches!(blob.about, About::Refused(_)) {
                        self.drop_along(blob.category.clone(), why, digest, writes);
                    }
                    return None;
                }
            }
            Incoming::Orphan { category, of } => {
                let name = self.closed_by(*of).map_or_else(|| "changed".to_string(), |limited| limited.name);
                self.drop_along(category.clone(), Why::Limited(name), digest, writes);
                return None;
            }
            // Nothing else carries what filters look at.
            _ => {}
        }
        let weight = weigh(&item);
        let Some((group, quantity)) = weight.charge else {
            self.admission.admitted += 1;
            return Some(item);
        };
        match self.policy.admit(self.project.public_key, group, quantity, self.now_ms) {
            Ok(()) => {
                self.admission.admitted += 1;
                match &item {
                    Incoming::Event(event) => self.gone.kept.push(event.event_id),
                    Incoming::Feedback(feedback) => self.gone.kept.push(feedback.feedback_id),
                    _ => {}
                }
                match self.admission.charges.iter_mut().find(|(known, _)| *known == group) {
                    Some((_, sum)) => *sum += quantity,
                    None => self.admission.charges.push((group, quantity)),
                }
                Some(item)
            }
            Err(limited) => {
                let why = Why::Limited(limited.name.clone());
                match &item {
                    Incoming::Event(event) => self.gone.events.push((event.event_id, why)),
                    Incoming::Feedback(feedback) => self.gone.events.push((feedback.feedback_id, why)),
                    Incoming::Spans { batch, transactions } if *transactions > 0 => {
                        self.gone.transactions.push((traces_of(batch), why));
                    }
                    _ => {}
                }
                for (category, quantity) in weight.counted {
                    digest.add_limited(&category, quantity, &limited.name);
                    writes.push(self.dropped(category, Reason::RateLimited, &limited.name, quantity));
                }
                self.admission.add_limited(limited);
                None
            }
        }
    }

    /// An item that was not even read, because its group was closed.
    pub(super) fn refused_unread(&mut self, refusal: &Refusal, digest: &mut Digest, writes: &mut Vec<Write>) {
        let limited = DataGroup::of(&refusal.category).and_then(|group| self.closed_by(group));
        let name = limited.as_ref().map_or_else(|| "changed".to_string(), |limited| limited.name.clone());
        digest.add_limited(&refusal.category, refusal.quantity, &name);
        writes.push(self.dropped(refusal.category.clone(), Reason::RateLimited, &name, refusal.quantity));
        if let Some(limited) = limited {
            self.admission.add_limited(limited);
        }
    }

    /// The limit for which a group was not read.
    fn closed_by(&self, group: DataGroup) -> Option<Limited> {
        let (policy, key) = (self.policy, self.project.public_key);
        policy.limiter.why_closed(&policy.limits, key, group, self.now_ms).or_else(|| {
            // The window ended in the meantime: the item is gone, the next may come.
            let limit = policy.limits.iter().find(|limit| limit.group == group)?;
            Some(Limited {
                group,
                is_key: limit.key.is_some(),
                per: limit.per,
                retry_after_s: 1,
                name: limit.name.clone(),
            })
        })
    }

    /// Drops what belongs to something that was dropped, for the same reason.
    fn drop_along(&mut self, category: String, why: Why, digest: &mut Digest, writes: &mut Vec<Write>) {
        match why {
            Why::Filtered(filter) => self.drop_filtered(filter, vec![(category, 1)], digest, writes),
            Why::Limited(name) => {
                digest.add_limited(&category, 1, &name);
                writes.push(self.dropped(category, Reason::RateLimited, &name, 1));
            }
        }
    }

    /// What was let in, counted for quotas that outlive the process.
    pub(super) fn close(self, writes: &mut Vec<Write>) -> Admission {
        for (group, quantity) in &self.admission.charges {
            writes.push(Write::KeyUse(KeyUseWrite {
                project_id: self.project.id,
                public_key: self.project.public_key,
                received_ms: self.now_ms,
                group: *group,
                quantity: *quantity,
            }));
        }
        self.admission
    }

    fn drop_filtered(
        &mut self,
        filter: Filter,
        counted: Vec<(String, u64)>,
        digest: &mut Digest,
        writes: &mut Vec<Write>,
    ) {
        for (category, quantity) in counted {
            self.admission.filtered += quantity;
            digest.add_filtered(&category, quantity, filter.as_str());
            writes.push(self.dropped(category, Reason::Filtered, filter.as_str(), quantity));
        }
    }

    fn dropped(&self, category: String, reason: Reason, detail: &str, quantity: u64) -> Write {
        Write::Dropped(DropWrite {
            project_id: self.project.id,
            received_ms: self.now_ms,
            category,
            reason: reason.as_str(),
            detail: detail.to_string(),
            quantity,
        })
    }
}
