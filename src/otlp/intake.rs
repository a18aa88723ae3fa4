//! Where both decoders deliver: one span, log record or metric at a time, with its resource and scope.
//!
//! Owns the limits on how many and how large, the refusals, and the rule that a request in which nothing at all could
//! be read is an error. Does not know the encodings, nor what a span means.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::model::decoded::{Decoded, Incoming, Refusal};
use crate::model::outcome::Reason;
use crate::model::span::SpanBatch;
use crate::otlp::json::{self, Json};
use crate::otlp::{Format, Limits, OtlpError, Signal, attribute, protobuf, semantic, span};

/// The lists of a request in JSON, outermost first; each in the specification's camelCase, then in snake_case.
/// (In protobuf the three signals share their field numbers.)
pub(super) type ListNames = [[&'static str; 2]; 3];

/// What becomes of the leaves of a request.
pub(super) trait Sink {
    /// What is in the innermost list, as generated.
    type Leaf: prost::Message + Default + Json;
    const SIGNAL: Signal;
    const LIST_NAMES: ListNames;
    /// [`Self::take_protobuf`] allocates within the limits whatever the message, which then may be of any size.
    const READS_WITHIN_LIMITS: bool = false;

    /// Takes one leaf, or says why not.
    fn take(&mut self, leaf: Self::Leaf) -> Result<(), &'static str>;
    /// As [`Self::take`], from the bytes; fails with the decoder's own words.
    fn take_protobuf(&mut self, message: &[u8]) -> Result<Result<(), &'static str>, String> {
        let leaf = Self::Leaf::decode(message).map_err(|error| error.to_string())?;
        Ok(self.take(leaf))
    }
    /// What of the leaves taken could not be used, by kind.
    fn refused(&mut self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
    /// Everything since the last call belongs to this scope.
    fn close_scope(&mut self, _scope: InstrumentationScope) {}
    /// Everything since the last call belongs to this resource.
    fn close_resource(&mut self, _resource: Resource) {}
    fn finish(self) -> Option<Incoming>;
}

/// A request being decoded.
pub(super) struct Intake<'a, S> {
    format: Format,
    limits: &'a Limits,
    sink: S,
    leaves_seen: usize,
    leaves_read: usize,
    refused: Vec<KindOfRefusal>,
    first_unreadable: Option<OtlpError>,
}

/// Refusals are counted by kind, so that ten thousand bad spans make one line.
struct KindOfRefusal {
    kind: &'static str,
    refusal: Refusal,
}

impl<'a, S: Sink> Intake<'a, S> {
    pub(super) fn new(format: Format, limits: &'a Limits, sink: S) -> Self {
        Self { format, limits, sink, leaves_seen: 0, leaves_read: 0, refused: Vec::new(), first_unreadable: None }
    }

    /// A leaf in JSON, its long texts cut when it is too large with them.
    pub(super) fn shortened<'t>(&self, leaf: &'t str) -> Cow<'t, str> {
        match leaf.len() > self.limits.message_bytes_max && self.leaves_seen < self.limits.spans_max {
            true => json::with_short_texts(leaf, self.limits.attribute_text_bytes_max),
            false => Cow::Borrowed(leaf),
        }
    }

    /// Takes one leaf of `bytes` encoded bytes. It is decoded only when it may be used; `take` fails with the decoder's
    /// own words.
    pub(super) fn leaf(&mut self, bytes: usize, take: impl FnOnce(&mut S) -> Result<Result<(), &'static str>, String>) {
        self.leaves_seen += 1;
        if self.leaves_seen > self.limits.spans_max {
            return self.refuse(Reason::TooLarge, "too many in one request", "");
        }
        if bytes > self.limits.message_bytes_max {
            return self.refuse(Reason::TooLarge, "too large", &format!("{bytes} bytes"));
        }
        let taken = match take(&mut self.sink) {
            Ok(taken) => taken,
            Err(text) => {
                let error = OtlpError::from_decoder(self.format, &text);
                self.refuse(Reason::Invalid, "unreadable", &error.to_string());
                self.first_unreadable.get_or_insert(error);
                return;
            }
        };
        self.leaves_read += 1;
        if let Err(kind) = taken {
            self.refuse(Reason::Invalid, kind, "");
        }
    }

    pub(super) fn close_scope(&mut self, scope: InstrumentationScope) {
        self.sink.close_scope(scope);
    }

    pub(super) fn close_resource(&mut self, resource: Resource) {
        self.sink.close_resource(resource);
    }

    /// An error when a resource or scope of `bytes` encoded bytes is too large to be decoded.
    pub(super) fn check_owner_bytes(&self, bytes: usize) -> Result<(), OtlpError> {
        let bytes_max = self.limits.message_bytes_max;
        if bytes > bytes_max {
            return Err(OtlpError::ResourceTooLarge { bytes, bytes_max });
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Decoded, OtlpError> {
        for (kind, quantity) in self.sink.refused() {
            self.refuse_some(Reason::Invalid, kind, "", quantity);
        }
        if let Some(error) = self.first_unreadable
            && self.leaves_read == 0
        {
            // Typically the body of another signal.
            return Err(error);
        }
        Ok(Decoded {
            items: self.sink.finish().into_iter().collect(),
            refused: self.refused.into_iter().map(|entry| entry.refusal).collect(),
        })
    }

    fn refuse(&mut self, reason: Reason, kind: &'static str, example: &str) {
        self.refuse_some(reason, kind, example, 1);
    }

    fn refuse_some(&mut self, reason: Reason, kind: &'static str, example: &str, quantity: u64) {
        if let Some(entry) = self.refused.iter_mut().find(|entry| entry.kind == kind) {
            entry.refusal.quantity += quantity;
            return;
        }
        let detail = if example.is_empty() { kind.to_owned() } else { format!("{kind}: {example}") };
        let category = S::SIGNAL.category().to_owned();
        self.refused.push(KindOfRefusal { kind, refusal: Refusal { category, reason, detail, quantity } });
    }
}

/// Spans, converted one by one.
pub(super) struct SpanSink<'a> {
    limits: &'a Limits,
    batch: SpanBatch,
    /// Index of the first span of the scope being read.
    scope_start: usize,
    /// Index of the first span of the resource being read.
    resource_start: usize,
}

impl<'a> SpanSink<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, batch: SpanBatch::default(), scope_start: 0, resource_start: 0 }
    }
}

impl Sink for SpanSink<'_> {
    type Leaf = Span;
    const SIGNAL: Signal = Signal::Traces;
    const LIST_NAMES: ListNames =
        [["resourceSpans", "resource_spans"], ["scopeSpans", "scope_spans"], ["spans", "spans"]];
    const READS_WITHIN_LIMITS: bool = true;

    fn take(&mut self, leaf: Span) -> Result<(), &'static str> {
        // The resource may come after its spans, so they get its future index.
        let span = span::convert(leaf, self.batch.resources.len(), self.limits)?;
        self.batch.spans.push(span);
        Ok(())
    }

    fn take_protobuf(&mut self, message: &[u8]) -> Result<Result<(), &'static str>, String> {
        let parts = protobuf::read_span(message, self.limits)?;
        Ok(parts.finish(self.batch.resources.len()).map(|span| self.batch.spans.push(span)))
    }

    fn close_scope(&mut self, scope: InstrumentationScope) {
        for span in &mut self.batch.spans[self.scope_start..] {
            attribute::push_scope(&mut span.attributes, &scope, self.limits);
        }
        self.scope_start = self.batch.spans.len();
    }

    fn close_resource(&mut self, resource: Resource) {
        if self.batch.spans.len() > self.resource_start {
            // What a resource drops has no counter in the model, and no SDK comes near the limits with it.
            let attributes = attribute::convert_all(resource.attributes, self.limits, &mut 0);
            self.batch.resources.push(semantic::resource_meaning(attributes));
        }
        self.resource_start = self.batch.spans.len();
    }

    fn finish(self) -> Option<Incoming> {
        (!self.batch.spans.is_empty()).then_some(Incoming::Spans { batch: self.batch, transactions: 0 })
    }
}
