//! What the page of an issue is told of its events' places: over HTTP, against the real binary.

use serde_json::json;

use crate::harness::Trapline;
use crate::payload::{event, event_envelope, id, to_envelope};

#[test]
fn an_event_says_which_of_how_many_it_is_within_the_filters() {
    let server = Trapline::start();
    for number in 1..=5 {
        let mut event = event(number, "KeyError");
        event["environment"] = if number % 2 == 0 { "staging" } else { "production" }.into();
        to_envelope(&server, event_envelope(&event)).send().expect(200);
    }
    let place = |event: &str, filters: &str| {
        let event = server.get_json(&format!("/api/ui/issues/DEFAULT-1/events/{event}{filters}"));
        json!([event["nav"]["position"], event["nav"]["total"]])
    };
    for number in 1..=5 {
        assert_eq!(place(&id(number), ""), json!([number, 5]));
    }
    assert_eq!(place("latest", "?environment=production"), json!([3, 3]));
    assert_eq!(place("first", "?environment=production"), json!([1, 3]));
    assert_eq!(place(&id(3), "?environment=production"), json!([2, 3]));
    // It is shown though it is none of those that are asked for.
    assert_eq!(place(&id(2), "?environment=production"), json!([null, 3]));
}
