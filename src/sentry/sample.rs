//! A sample envelope: what a small shop's checkout would send, so that a newcomer sees a full page before their own
//! first error.

use serde_json::{Value, json};

use crate::model::ids::EventId;
use crate::model::time::rfc3339;

/// One event and one transaction of the same trace, as sentry-sdk would send them. `random` gives the event's id,
/// the transaction's id and the trace's id.
pub fn envelope(now_ms: i64, random: [EventId; 3]) -> Vec<u8> {
    let [event_id, transaction_id, trace] = random.map(|id| id.to_string());
    let ids = SpanIds::from(&trace);
    let event = event(now_ms, &event_id, &trace, &ids);
    let transaction = transaction(now_ms, &transaction_id, &trace, &ids);
    let header = json!({ "event_id": event_id, "sdk": { "name": "trapline.sample", "version": "1" } });
    let lines = [
        header.to_string(),
        json!({ "type": "event" }).to_string(),
        event.to_string(),
        json!({ "type": "transaction" }).to_string(),
        transaction.to_string(),
    ];
    lines.join("\n").into_bytes()
}

struct SpanIds {
    root: String,
    view: String,
    query: String,
}

impl SpanIds {
    /// Three ids out of the trace's random digits.
    fn from(trace: &str) -> Self {
        Self { root: trace[..16].to_string(), view: trace[8..24].to_string(), query: trace[16..].to_string() }
    }
}

fn event(now_ms: i64, event_id: &str, trace: &str, ids: &SpanIds) -> Value {
    let seconds = now_ms as f64 / 1000.0;
    json!({
        "event_id": event_id,
        "timestamp": rfc3339(now_ms),
        "platform": "python",
        "level": "error",
        "environment": "sample",
        "release": "shop@1.4.2",
        "server_name": "sample",
        "transaction": "/checkout/{cart_id}/",
        "transaction_info": { "source": "route" },
        "tags": { "sample": "true" },
        "user": { "id": "88", "email": "ada@example.org" },
        "sdk": { "name": "trapline.sample", "version": "1" },
        "contexts": {
            "trace": { "trace_id": trace, "span_id": ids.view, "parent_span_id": ids.root, "op": "view" },
            "runtime": { "name": "CPython", "version": "3.13.1" },
        },
        "request": {
            "method": "POST",
            "url": "http://localhost:8000/checkout/42/",
            "query_string": "ref=mail",
            "headers": { "Content-Type": "application/json", "User-Agent": "Mozilla/5.0 (sample)" },
            "data": { "voucher": "BF26" },
        },
        "breadcrumbs": { "values": [
            { "timestamp": seconds - 1.24, "category": "shop.cart", "level": "warning", "type": "log",
              "message": "cart 42 has a stale price" },
            { "timestamp": seconds - 0.4, "category": "query", "type": "default",
              "message": "SELECT id, code, percent FROM shop_voucher WHERE code = %s" },
        ] },
        "exception": { "values": [cause(), raised()] },
    })
}

/// The exception that was being handled.
fn cause() -> Value {
    json!({
        "type": "ZeroDivisionError",
        "value": "float division by zero",
        "mechanism": { "type": "django", "handled": false },
        "stacktrace": { "frames": [{
            "filename": "shop/cart.py", "abs_path": "/srv/shop/shop/cart.py", "module": "shop.cart",
            "function": "apply_discount", "lineno": 33, "in_app": true,
            "pre_context": ["def apply_discount(total, voucher):", "    try:"],
            "context_line": "        return total / voucher[\"percent\"]",
            "post_context": ["    except ZeroDivisionError as exc:"],
            "vars": { "total": "49.95", "voucher": { "code": "'BF26'", "percent": "0" } },
        }] },
    })
}

/// The exception that reached nobody.
fn raised() -> Value {
    let library = json!({
        "filename": "django/core/handlers/exception.py", "module": "django.core.handlers.exception",
        "abs_path": "/srv/venv/lib/python3.13/site-packages/django/core/handlers/exception.py",
        "function": "inner", "lineno": 55, "in_app": false,
        "context_line": "            response = get_response(request)",
    });
    let view = json!({
        "filename": "shop/views.py", "abs_path": "/srv/shop/shop/views.py", "module": "shop.views",
        "function": "checkout", "lineno": 29, "in_app": true,
        "pre_context": ["def checkout(request, cart_id):", "    cart = Cart.objects.get(pk=cart_id)"],
        "context_line": "    total = apply_discount(cart.total, voucher)",
        "post_context": ["    return JsonResponse({\"total\": total})"],
        "vars": { "cart_id": "42", "cart": "<Cart: 42>", "request": "<WSGIRequest: POST '/checkout/42/'>" },
    });
    let crash = json!({
        "filename": "shop/cart.py", "abs_path": "/srv/shop/shop/cart.py", "module": "shop.cart",
        "function": "apply_discount", "lineno": 35, "in_app": true,
        "pre_context": [
            "    try:",
            "        return total / voucher[\"percent\"]",
            "    except ZeroDivisionError as exc:",
        ],
        "context_line": "        raise ValueError(f\"Invalid voucher {voucher['code']}\") from exc",
        "post_context": [],
        "vars": { "total": "49.95", "voucher": { "code": "'BF26'", "percent": "0" } },
    });
    json!({
        "type": "ValueError",
        "value": "Invalid voucher BF26",
        "mechanism": { "type": "django", "handled": false },
        "stacktrace": { "frames": [library, view, crash] },
    })
}

fn transaction(now_ms: i64, event_id: &str, trace: &str, ids: &SpanIds) -> Value {
    let end = now_ms as f64 / 1000.0 + 0.02;
    let start = end - 0.412;
    json!({
        "event_id": event_id,
        "type": "transaction",
        "transaction": "/checkout/{cart_id}/",
        "transaction_info": { "source": "route" },
        "platform": "python",
        "environment": "sample",
        "release": "shop@1.4.2",
        "start_timestamp": start,
        "timestamp": end,
        "tags": { "sample": "true", "http.status_code": "500" },
        "request": { "method": "POST", "url": "http://localhost:8000/checkout/42/" },
        "sdk": { "name": "trapline.sample", "version": "1" },
        "contexts": { "trace": {
            "trace_id": trace, "span_id": ids.root, "op": "http.server", "status": "internal_error",
        } },
        "spans": [
            {
                "trace_id": trace, "span_id": ids.view, "parent_span_id": ids.root, "op": "view",
                "description": "checkout", "start_timestamp": start + 0.012, "timestamp": end - 0.004,
            },
            {
                "trace_id": trace, "span_id": ids.query, "parent_span_id": ids.view, "op": "db",
                "description": "SELECT id, code, percent FROM shop_voucher WHERE code = %s",
                "start_timestamp": start + 0.02, "timestamp": start + 0.0214,
                "data": { "db.system": "postgresql", "code.filepath": "shop/views.py", "code.lineno": 27 },
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decoded::Incoming;
    use crate::sentry::TEST_LIMITS;
    use crate::sentry::decode::decode_envelope;

    #[test]
    fn the_sample_is_an_event_and_a_transaction_of_one_trace() {
        let ids = [EventId([1; 16]), EventId([2; 16]), EventId([0xab; 16])];
        let body = envelope(1_800_000_000_000, ids);
        let decoded =
            decode_envelope(&body, 1_800_000_000_000, &mut || EventId([9; 16]), &TEST_LIMITS).unwrap().decoded;
        assert_eq!(decoded.refused, []);
        let [Incoming::Event(event), Incoming::Spans { batch, transactions: 1 }] = &decoded.items[..] else {
            panic!("{decoded:?}")
        };
        assert_eq!(event.trace_id, Some(batch.spans[0].trace_id));
        assert_eq!(event.exceptions.len(), 2);
        assert_eq!(batch.spans.len(), 3);
    }
}
