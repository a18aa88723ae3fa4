//! The search box of the issue list and the same question of Sentry's API, typed as people type.

use crate::harness::Trapline;
use crate::payload::{event, event_envelope, to_envelope};

fn percent_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn two_issues() -> Trapline {
    let server = Trapline::start();
    for (number, ty, value, place) in
        [(1, "KeyError", "'sku' of \"Größe 40\"", "/checkout/{id}/"), (2, "ValueError", "100% of shop.cart", "/cart/")]
    {
        let mut event = event(number, ty);
        event["exception"]["values"][0]["value"] = value.into();
        event["transaction"] = place.into();
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    server
}

#[test]
fn words_are_found_literally_in_any_case() {
    let server = two_issues();
    for (typed, total) in [
        ("KeyError", 1),
        ("keyerr", 1),
        ("error", 2),
        ("shop.cart", 1),
        ("/checkout/", 1),
        ("GRÖSSE", 0),
        ("GRÖßE", 1),
        ("\"größe 40\"", 1),
        ("cart valueerror", 1),
        ("DEFAULT-2", 1),
        ("%", 1),
        ("k", 1),
        ("cart NOT key", 1),
        ("title:cart", 1),
    ] {
        let page = server.get_json(&format!("/api/ui/issues?query={}", percent_encoded(typed)));
        assert_eq!(page["total"], total, "{typed}: {page}");
        assert_eq!(page["issues"].as_array().unwrap().len(), total, "{typed}");
    }
}

#[test]
fn sentrys_api_finds_the_same() {
    let server = two_issues();
    for (typed, count) in [("is:unresolved shop.cart", 1), ("KeyError: 'sku'", 1), ("is:resolved KeyError", 0)] {
        let path = format!("/api/0/projects/main/default/issues/?query={}", percent_encoded(typed));
        let issues = server.get_json(&path);
        assert_eq!(issues.as_array().unwrap().len(), count, "{typed}: {issues}");
    }
}
