//! What the page of one trace asks for besides its spans: the same spans packed, its queries, where words stand, all of it.

use serde::Serialize;

use super::trace::{SpanColumns, SpanView, TraceErrorView};
use crate::model::detail::Variable;

/// [`SpanColumns`] as the web app asks for them: each text once, ids in one string, what is nearly always nothing only
/// where it is something. A third of the size, and far fewer strings to make.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PackedSpans {
    /// Of `name`, `op`, `kind`, `status` and `source`, which are indexes into it.
    pub texts: Vec<String>,
    /// 16 hex digits each, without anything between.
    pub span_ids: String,
    pub parent: Vec<i32>,
    pub start_ns: Vec<i64>,
    pub duration_ns: Vec<i64>,
    pub name: Vec<u32>,
    pub op: Vec<u32>,
    pub service: Vec<u32>,
    pub kind: Vec<u32>,
    pub status: Vec<u32>,
    pub source: Vec<u32>,
    /// The spans that are orphans.
    pub orphans: Vec<u32>,
    /// The spans that are drawn elsewhere than their clock says, and by how much.
    pub shifted: Vec<u32>,
    pub shifts_ns: Vec<i64>,
}

impl PackedSpans {
    pub fn of(spans: SpanColumns) -> Self {
        let mut texts = Texts::default();
        let mut codes = |column: Vec<String>| column.into_iter().map(|text| texts.number(text)).collect();
        let (name, op, kind) = (codes(spans.name), codes(spans.op), codes(spans.kind));
        let (status, source) = (codes(spans.status), codes(spans.source));
        let is_shifted = |(_, shift): &(u32, i64)| *shift != 0;
        let (shifted, shifts_ns) = (0..).zip(spans.clock_shift_ns).filter(is_shifted).unzip();
        Self {
            texts: texts.texts,
            span_ids: spans.span_id.concat(),
            parent: spans.parent,
            start_ns: spans.start_ns,
            duration_ns: spans.duration_ns,
            name,
            op,
            service: spans.service,
            kind,
            status,
            source,
            orphans: (0..).zip(spans.is_orphan).filter(|(_, is_orphan)| *is_orphan).map(|(span, _)| span).collect(),
            shifted,
            shifts_ns,
        }
    }
}

/// Texts in the order of their first appearance.
#[derive(Default)]
struct Texts {
    numbers: std::collections::HashMap<String, u32>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: String) -> u32 {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }
}

/// `GET /api/ui/traces/<trace id>/sql`: the queries of a trace, in the order of time, a column per field.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceSqlView {
    pub statements: Vec<StatementView>,
    /// `shop/views.py:12 in books_list`
    pub call_sites: Vec<String>,
    pub span_id: Vec<String>,
    /// Index into `statements`.
    pub statement: Vec<u32>,
    /// Index into `call_sites`, -1 when the SDK did not say.
    pub call_site: Vec<i32>,
    /// Spans of the trace that were not looked at, by the limit on spans per page.
    pub spans_omitted: u64,
}

/// Queries that differ in nothing but values.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatementView {
    /// Without values.
    pub text: String,
    /// One of them as it was sent.
    pub example: String,
    /// `SELECT shop_book`; empty when the statement cannot be read.
    pub summary: String,
    /// Finds its equals, as the attribute `trapline.query.fingerprint`.
    pub fingerprint: String,
    /// `postgresql`; empty when the SDK did not say.
    pub system: String,
    /// Values that were sent beside the example.
    pub parameters: Vec<Variable>,
}

/// `GET /api/ui/traces/<trace id>/find?query=<words>`: the spans in which the words stand anywhere.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceFindView {
    /// In no particular order.
    pub span_ids: Vec<String>,
    /// Not all spans were looked at, or there are more.
    pub is_partial: bool,
}

/// `GET /api/ui/traces/<trace id>/json?limit=<spans>`: the trace with everything its spans carry.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TraceJsonView {
    pub trace_id: String,
    /// By their starts.
    pub spans: Vec<SpanView>,
    pub errors: Vec<TraceErrorView>,
    /// Spans of the trace that are kept but left out here.
    pub spans_omitted: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the web app does it.
    fn unpacked(packed: &PackedSpans) -> SpanColumns {
        let words = |codes: &[u32]| codes.iter().map(|code| packed.texts[*code as usize].clone()).collect();
        let count = packed.parent.len();
        let mut columns = SpanColumns {
            span_id: (0..count).map(|i| packed.span_ids[i * 16..i * 16 + 16].to_string()).collect(),
            parent: packed.parent.clone(),
            start_ns: packed.start_ns.clone(),
            duration_ns: packed.duration_ns.clone(),
            name: words(&packed.name),
            op: words(&packed.op),
            service: packed.service.clone(),
            kind: words(&packed.kind),
            status: words(&packed.status),
            source: words(&packed.source),
            is_orphan: vec![false; count],
            clock_shift_ns: vec![0; count],
            ..SpanColumns::default()
        };
        packed.orphans.iter().for_each(|span| columns.is_orphan[*span as usize] = true);
        packed.shifted.iter().zip(&packed.shifts_ns).for_each(|(i, ns)| columns.clock_shift_ns[*i as usize] = *ns);
        columns
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            rows in prop::collection::vec(("[ab]{0,2}", "[ab]?", any::<bool>(), prop_oneof![Just(0_i64), any::<i64>()]), 0..30)
        ) {
            let columns = || {
                let mut columns = SpanColumns::default();
                for (i, (name, op, is_orphan, shift)) in rows.iter().enumerate() {
                    columns.span_id.push(format!("{i:016x}"));
                    columns.parent.push(i as i32 - 1);
                    columns.start_ns.push(*shift);
                    columns.duration_ns.push(i as i64);
                    columns.name.push(name.clone());
                    columns.op.push(op.clone());
                    columns.service.push(i as u32 % 3);
                    columns.kind.push("client".to_string());
                    columns.status.push("ok".to_string());
                    columns.source.push("otel".to_string());
                    columns.is_orphan.push(*is_orphan);
                    columns.clock_shift_ns.push(*shift);
                }
                columns
            };
            let text = |columns: &SpanColumns| serde_json::to_string(columns).unwrap();
            prop_assert_eq!(text(&unpacked(&PackedSpans::of(columns()))), text(&columns()));
        }
    }
}
