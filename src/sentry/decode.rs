//! One request body to what the product keeps: events, spans, counts, and what was refused.
//!
//! Knows which item types mean something. A bad item never costs the others; an unknown one is counted by name.

mod numbered;

use core::net::IpAddr;

use thiserror::Error;

use crate::config::ENVELOPE_ITEMS_COUNTED_MAX;
use crate::model::decoded::{Decoded, Incoming, Refusal};
use crate::model::ids::{EventId, ProjectId, PublicKey};
use crate::model::outcome::Reason;
use crate::model::quota::{DataGroup, DataGroups};
use crate::model::span::Resource;
use crate::sentry::Limits;
use crate::sentry::blobs::is_attachment;
use crate::sentry::check_in::{CheckInDecoded, decode_check_in};
use crate::sentry::clock::time_ns;
use crate::sentry::dsn::parse_dsn;
use crate::sentry::envelope::{FrameError, FramedItem, count_items, split_envelope};
use crate::sentry::event::{Arrival, InferIp, ItemError, decode_event, sdk_name};
use crate::sentry::feedback::{decode_feedback, decode_user_report};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Listed, Object, Scalar, depth_within, read_object, wire_object};
use crate::sentry::logs::decode_logs;
use crate::sentry::security::{self, decode_security};
use crate::sentry::session::decode_sessions;
use crate::sentry::trace_metrics::decode_metrics;
use crate::sentry::transaction::decode_transaction;
use crate::sentry::wire::WireSdk;
use numbered::Tally;

/// Item types named in [`EnvelopeDecoded::item_types`]; the ledger shows a handful.
const ITEM_TYPES_MAX: usize = 16;
/// Nothing of use in a header is nested deeper than three levels.
const HEADER_DEPTH_MAX: usize = 100;
/// Characters of an item type nobody knows.
const CATEGORY_CHARS_MAX: usize = 32;

/// The envelope header, as far as it can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeHeader {
    pub event_id: Option<EventId>,
    /// Key and project, for tunnels that send no HTTP authentication. Must agree with the URL when both are there.
    pub dsn: Option<(PublicKey, ProjectId)>,
    /// `name/version`
    pub sdk: Option<String>,
    /// Unix nanoseconds by the client's clock.
    pub sent_at_ns: Option<i64>,
    /// Stands for events that do not say it themselves.
    pub infer_ip: Option<InferIp>,
}

/// A whole request, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvelopeDecoded {
    pub header: EnvelopeHeader,
    /// What to answer as `{"id": …}`; `None` is answered `{}`.
    pub response_id: Option<EventId>,
    pub decoded: Decoded,
    /// Types of the first items in the order sent, sanitised.
    pub item_types: Vec<String>,
}

/// Nothing of the request could be used: 400.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    #[error("empty request body")]
    Empty,
    #[error("invalid event envelope: {0}")]
    Envelope(String),
    /// Only from the store endpoint: neither JSON nor base64 of compressed JSON.
    #[error("invalid event: {0}")]
    Payload(String),
    /// Only from the store endpoint: the compressed event is too large. 413.
    #[error("request content exceeds the limit of {max} bytes")]
    TooLarge { max: usize },
}

impl From<FrameError> for EnvelopeError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Empty => Self::Empty,
            FrameError::Header(_) => Self::Envelope(error.to_string()),
        }
    }
}

/// When and from where a request came.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// Unix milliseconds by our clock.
    pub received_ms: i64,
    /// Whoever sent it, proxies apart.
    pub client_ip: Option<IpAddr>,
}

impl From<i64> for Receipt {
    fn from(received_ms: i64) -> Self {
        Self { received_ms, client_ip: None }
    }
}

wire_object! {
    WireHeader {
        event_id: Scalar<'a> = "event_id",
        dsn: Scalar<'a> = "dsn",
        sdk: Object<WireSdk<'a>> = "sdk",
        sent_at: Scalar<'a> = "sent_at",
    }
}

wire_object! {
    /// A container of logs or metrics.
    WireContainer {
        items: Listed<WireEntry<'a>, 0, 1> = "items",
    }
}

wire_object! {
    /// A transaction whose spans are only counted.
    WireChildren {
        spans: Listed<WireEntry<'a>, 0, 1> = "spans",
    }
}

wire_object! {
    /// An entry of a container; only counted.
    WireEntry {
        ty: Scalar<'a> = "type",
    }
}

/// Reads an envelope. `receipt` is when it came, in unix milliseconds, and from where; `fresh_ids` is asked for every event and
/// transaction, and its answer used where the client gave none.
pub fn decode_envelope(
    body: &[u8],
    receipt: impl Into<Receipt>,
    fresh_ids: &mut dyn FnMut() -> EventId,
    limits: &Limits,
) -> Result<EnvelopeDecoded, EnvelopeError> {
    let framed = split_envelope(body, limits.items_max)?;
    let header = read_header(framed.header);
    let mut run = Run::new(header, receipt.into(), fresh_ids, limits);
    run.unread = unread_event(&framed.items, limits.closed);
    for item in &framed.items {
        run.take(item);
    }
    run.take_attached_items(&framed.items);
    if let Some(fault) = framed.fault {
        run.result.decoded.refused.push(Refusal {
            category: fault.item_type.map_or_else(|| "envelope".to_owned(), |ty| category(&ty)),
            reason: Reason::Invalid,
            detail: fault.problem,
            quantity: 1,
        });
    }
    let beyond = count_items(framed.beyond, ENVELOPE_ITEMS_COUNTED_MAX, |item| {
        let category = category(&item.header.ty);
        let entries = said_entries(&category, item);
        (category, entries)
    });
    run.result.decoded.refused.extend(beyond.into_iter().map(|(category, quantity)| Refusal {
        category: if category.is_empty() { "envelope".to_owned() } else { category },
        reason: Reason::TooMany,
        detail: format!("more than {} items in one envelope", limits.items_max),
        quantity,
    }));
    Ok(run.result)
}

/// How many entries an item says it holds, as far as they fit into it.
fn said_entries(category: &str, item: &FramedItem<'_>) -> u64 {
    let fits = (item.payload.len() as u64 / 3).max(1);
    match category {
        "log" | "span" | "trace_metric" => item.header.item_count.unwrap_or(1).clamp(1, fits),
        _ => 1,
    }
}

/// Reads only the header of an envelope: who sends, when HTTP does not say.
pub fn decode_header(body: &[u8]) -> Result<EnvelopeHeader, EnvelopeError> {
    Ok(read_header(split_envelope(body, 0)?.header))
}

/// The closed group of the envelope's event, when all there is of the kind in it goes unread: what belongs to it then
/// goes, too.
fn unread_event(items: &[FramedItem<'_>], closed: DataGroups) -> Option<DataGroup> {
    if closed.is_empty() {
        return None;
    }
    let mut groups = items
        .iter()
        .map(|item| category(&item.header.ty))
        .filter(|category| matches!(category.as_str(), "event" | "transaction" | "feedback"))
        .filter_map(|category| DataGroup::of(&category));
    let first = groups.next()?;
    (closed.contains(first) && groups.all(|group| closed.contains(group))).then_some(first)
}

fn read_header(header: &str) -> EnvelopeHeader {
    let read = read_object(header.as_bytes(), HEADER_DEPTH_MAX, |text| {
        let wire: Object<WireHeader<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        Ok(EnvelopeHeader {
            event_id: wire.event_id.as_str().and_then(EventId::parse).filter(|id| !id.is_zero()),
            dsn: wire.dsn.as_str().and_then(|dsn| parse_dsn(dsn).ok()),
            sdk: wire.sdk.get().and_then(sdk_name),
            sent_at_ns: time_ns(&wire.sent_at),
            infer_ip: wire.sdk.get().and_then(InferIp::of),
        })
    });
    // Framing has seen a JSON object; a header that still cannot be read costs its members, not the items.
    read.map(|(header, _)| header).unwrap_or_default()
}

/// The decoding of one request, item by item.
pub(super) struct Run<'r> {
    pub(super) result: EnvelopeDecoded,
    pub(super) received_ms: i64,
    client_ip: Option<IpAddr>,
    fresh_ids: &'r mut dyn FnMut() -> EventId,
    pub(super) limits: &'r Limits,
    /// As the replay event of this envelope says.
    pub(super) replay_id: Option<EventId>,
    /// The group for which the envelope's event is not read.
    pub(super) unread: Option<DataGroup>,
    /// The header's id belongs to the first event; Sentry allows no second one, we do.
    header_event_id: Option<EventId>,
    tally: Tally,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        header: EnvelopeHeader,
        receipt: Receipt,
        fresh_ids: &'r mut dyn FnMut() -> EventId,
        limits: &'r Limits,
    ) -> Self {
        let header_event_id = header.event_id;
        let result = EnvelopeDecoded { response_id: header_event_id, header, ..EnvelopeDecoded::default() };
        let Receipt { received_ms, client_ip } = receipt;
        Self {
            result,
            received_ms,
            client_ip,
            fresh_ids,
            limits,
            replay_id: None,
            unread: None,
            header_event_id,
            tally: Tally::default(),
        }
    }

    fn take(&mut self, item: &FramedItem<'_>) {
        let category = category(&item.header.ty);
        if self.result.item_types.len() < ITEM_TYPES_MAX {
            self.result.item_types.push(category.clone());
        }
        let is_closed = DataGroup::of(&category).is_some_and(|group| self.limits.closed.contains(group));
        // Files are looked at when everything else is known: one of them may be the event.
        if is_closed && !is_attachment(&category) {
            return self.refuse_unread(category, item);
        }
        match category.as_str() {
            "event" => self.take_event(item.payload),
            "transaction" => self.take_transaction(item.payload),
            "span" => self.take_spans(item.payload),
            "session" | "sessions" => self.take_sessions(&category, item.payload),
            "client_report" => self.take_client_report(item.payload),
            "profile" if self.unread == Some(DataGroup::Span) => self.push_orphan("profile", DataGroup::Span),
            "profile" | "profile_chunk" => self.take_profile(&category, item),
            "replay_event" | "replay_recording" | "replay_video" => self.take_replay(&category, item),
            // Taken after everything else, when the event is known.
            ty if is_attachment(ty) => {}
            "log" => self.take_logs(item),
            "trace_metric" => self.take_metrics(item),
            "feedback" => self.take_feedback(item.payload),
            "user_report" => self.take_user_report(item.payload),
            "security" | "raw_security" => self.take_security(item),
            "check_in" => self.take_check_in(item.payload),
            _ => self.count(category, item),
        }
    }

    pub(super) fn take_event(&mut self, payload: &[u8]) {
        let arrival = self.arrival();
        match decode_event(payload, &arrival, self.limits) {
            Ok(mut event) => {
                event.sdk = event.sdk.or_else(|| self.result.header.sdk.clone());
                self.answer(event.event_id);
                self.result.decoded.items.push(Incoming::Event(Box::new(event)));
            }
            // Old clients label transactions as events.
            Err(ItemError::IsTransaction) => self.take_transaction(payload),
            Err(ItemError::IsFeedback) => self.take_feedback(payload),
            Err(error) => self.refuse("event", &error),
        }
    }

    fn take_feedback(&mut self, payload: &[u8]) {
        let arrival = self.arrival();
        match decode_feedback(payload, &arrival, self.limits.depth_max) {
            Ok(feedback) => {
                self.answer(feedback.feedback_id);
                self.result.decoded.items.push(Incoming::Feedback(Box::new(feedback)));
            }
            Err(error) => self.refuse("feedback", &error),
        }
    }

    fn take_user_report(&mut self, payload: &[u8]) {
        // The header's id is that of the event it is about, which may be in the same envelope.
        let arrival = Arrival { header_event_id: self.result.header.event_id, ..self.arrival() };
        match decode_user_report(payload, &arrival) {
            Ok(report) => self.result.decoded.items.push(Incoming::Feedback(Box::new(report))),
            Err(error) => self.refuse("user_report", &error),
        }
    }

    fn take_security(&mut self, item: &FramedItem<'_>) {
        let context = security::Context {
            release: item.header.sentry_release.as_deref().map(|text| cut(text, 200)),
            environment: item.header.sentry_environment.as_deref().map(|text| cut(text, 64)),
            user_agent: None,
            received_ms: self.received_ms,
        };
        match decode_security(item.payload, &context, self.fresh_ids, self.limits) {
            Ok(decoded) => {
                self.result.decoded.items.extend(decoded.items);
                self.result.decoded.refused.extend(decoded.refused);
            }
            Err(error) => self.result.decoded.refused.push(error.refusal()),
        }
    }

    fn take_transaction(&mut self, payload: &[u8]) {
        let arrival = self.arrival();
        match decode_transaction(payload, &arrival, self.limits) {
            Ok(mut transaction) => {
                self.answer(transaction.event_id);
                for resource in &mut transaction.batch.resources {
                    resource.sdk = resource.sdk.take().or_else(|| self.result.header.sdk.clone());
                }
                self.result.decoded.items.push(Incoming::Spans { batch: transaction.batch, transactions: 1 });
                self.result.decoded.refused.extend(transaction.refused);
            }
            Err(error) => self.refuse("transaction", &error),
        }
    }

    fn take_logs(&mut self, item: &FramedItem<'_>) {
        let arrival = self.arrival();
        match decode_logs(item.payload, &arrival, self.limits) {
            Ok((mut batch, refused)) => {
                name_sdk(&mut batch.resources, self.result.header.sdk.as_deref());
                if !batch.records.is_empty() {
                    self.result.decoded.items.push(Incoming::Logs(batch));
                }
                self.result.decoded.refused.extend(refused);
            }
            Err(error) => self.refuse_container("log", item, &error),
        }
    }

    fn take_metrics(&mut self, item: &FramedItem<'_>) {
        let arrival = self.arrival();
        match decode_metrics(item.payload, &arrival, self.limits) {
            Ok((mut batch, refused)) => {
                name_sdk(&mut batch.resources, self.result.header.sdk.as_deref());
                if !batch.points.is_empty() {
                    self.result.decoded.items.push(Incoming::Metrics(batch));
                }
                self.result.decoded.refused.extend(refused);
            }
            Err(error) => self.refuse_container("trace_metric", item, &error),
        }
    }

    /// A container that cannot be read costs as many items as it is said to hold, and at most as many as fit.
    fn refuse_container(&mut self, category: &str, item: &FramedItem<'_>, error: &ItemError) {
        self.refuse(category, error);
        if let Some(refusal) = self.result.decoded.refused.last_mut() {
            refusal.quantity = item.header.item_count.unwrap_or(1).clamp(1, (item.payload.len() as u64 / 3).max(1));
        }
    }

    fn take_check_in(&mut self, payload: &[u8]) {
        match decode_check_in(payload) {
            Ok(decoded) => push_check_in(&mut self.result.decoded, decoded),
            Err(error) => self.refuse("check_in", &error),
        }
    }

    fn arrival(&mut self) -> Arrival {
        Arrival {
            header_event_id: self.header_event_id,
            sent_at_ns: self.result.header.sent_at_ns,
            received_ms: self.received_ms,
            client_ip: self.client_ip,
            infer_ip: self.result.header.infer_ip,
            fresh_id: (self.fresh_ids)(),
        }
    }

    fn answer(&mut self, id: EventId) {
        self.header_event_id = None;
        self.result.response_id.get_or_insert(id);
    }

    fn refuse(&mut self, category: &str, error: &ItemError) {
        self.result.decoded.refused.push(Refusal {
            category: category.to_owned(),
            reason: error.reason(),
            detail: error.to_string(),
            quantity: 1,
        });
    }

    /// For a rate limit: the quantity is what the item's header says, as far as it fits, or what a quick look finds.
    fn refuse_unread(&mut self, category: String, item: &FramedItem<'_>) {
        let counted = match category.as_str() {
            "log" | "span" | "trace_metric" => {
                let said = said_entries(&category, item);
                vec![(category, said)]
            }
            // As those are called that are read and dropped.
            "session" => vec![(category, 1)],
            "sessions" => vec![("session".to_owned(), self.sessions_in(item.payload))],
            "transaction" => {
                let spans = ("span".to_owned(), 1 + self.children_in(item.payload));
                vec![(category, 1), spans]
            }
            _ => vec![(category, 1)],
        };
        for (category, quantity) in counted {
            self.refuse_unread_as(category, quantity);
        }
    }

    pub(super) fn refuse_unread_as(&mut self, category: String, quantity: u64) {
        let detail = "over a rate limit".to_owned();
        self.result.decoded.refused.push(Refusal { category, reason: Reason::RateLimited, detail, quantity });
    }

    pub(super) fn push_orphan(&mut self, category: &str, of: DataGroup) {
        self.result.decoded.items.push(Incoming::Orphan { category: category.to_owned(), of });
    }

    /// Items are small: reading one is cheaper than being wrong about it.
    fn sessions_in(&mut self, payload: &[u8]) -> u64 {
        let arrival = self.arrival();
        let decoded = decode_sessions(payload, &arrival, self.limits).unwrap_or_default();
        let kept: u64 = decoded.batch.buckets.iter().map(|bucket| bucket.counts.total()).sum();
        let refused: u64 = decoded.refused.iter().map(|refusal| refusal.quantity).sum();
        kept.saturating_add(refused).max(1)
    }

    /// Spans of a transaction, counted in one pass that builds nothing.
    fn children_in(&self, payload: &[u8]) -> u64 {
        if payload.len() > self.limits.transaction_bytes_max || !depth_within(payload, self.limits.depth_max) {
            return 0;
        }
        let read = serde_json::from_slice::<Object<WireChildren<'_>>>(payload).ok();
        let spans = read.and_then(|Object(wire)| Some(wire?.spans));
        spans.map_or(0, |spans| spans.members.len() as u64 + spans.omitted)
    }

    /// Counts an item that this version does not keep.
    fn count(&mut self, category: String, item: &FramedItem<'_>) {
        if item.payload.len() > self.limits.item_bytes_max {
            let error = ItemError::TooLarge { bytes: item.payload.len(), max: self.limits.item_bytes_max };
            return self.refuse(&category, &error);
        }
        let quantity = match category.as_str() {
            "log" | "trace_metric" => self.container_len(item),
            "span" => self.container_len(item),
            _ => 1,
        };
        let counted = self.result.decoded.items.iter_mut().find_map(|incoming| match incoming {
            Incoming::Counted { category: earlier, quantity } if *earlier == category => Some(quantity),
            _ => None,
        });
        match counted {
            Some(earlier) => *earlier = earlier.saturating_add(quantity),
            None => self.result.decoded.items.push(Incoming::Counted { category, quantity }),
        }
    }

    /// What is really in a container; what its header says only when it cannot be read, and then at most what fits.
    fn container_len(&self, item: &FramedItem<'_>) -> u64 {
        let readable = depth_within(item.payload, self.limits.depth_max);
        let container = readable.then(|| serde_json::from_slice::<Object<WireContainer<'_>>>(item.payload).ok());
        let entries = container.flatten().and_then(|Object(container)| Some(container?.items));
        let actual = entries.map(|entries| entries.members.len() as u64 + entries.omitted).filter(|count| *count > 0);
        let fits = (item.payload.len() as u64 / 3).max(1);
        actual.unwrap_or_else(|| item.header.item_count.unwrap_or(1).clamp(1, fits))
    }
}

fn name_sdk(resources: &mut [Resource], sdk: Option<&str>) {
    for resource in resources {
        resource.sdk = resource.sdk.take().or_else(|| sdk.map(str::to_owned));
    }
}

/// The check-in, and what of it could not be used: that is counted apart, because the check-in itself is kept.
pub fn push_check_in(decoded: &mut Decoded, check_in: CheckInDecoded) {
    decoded.items.push(Incoming::CheckIn(Box::new(check_in.check_in)));
    decoded.refused.extend(check_in.problems.into_iter().map(|detail| Refusal {
        category: "check_in_field".to_owned(),
        reason: Reason::Invalid,
        detail,
        quantity: 1,
    }));
}

/// The name an item type is counted under: itself when it is a plain word, bounded because strangers choose it.
pub(super) fn category(ty: &str) -> String {
    match ty {
        "" => "unknown".to_owned(),
        "profile_chunk_ui" => "profile_chunk".to_owned(),
        _ => {
            let plain: String = ty
                .chars()
                .take(CATEGORY_CHARS_MAX)
                .map(|c| {
                    if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c.to_ascii_lowercase() } else { '_' }
                })
                .collect();
            cut(&plain, CATEGORY_CHARS_MAX)
        }
    }
}

#[cfg(test)]
mod tests;
