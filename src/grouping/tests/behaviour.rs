//! What a user means by "the same bug".

use super::*;

fn view(line: u64, value: &str) -> Event {
    let mut handler = frame("django.core.handlers.base", "_get_response", "response = wrapped(request)", false);
    handler.line = Some(197);
    let mut checkout = frame("shop.views", "checkout", "    voucher = VOUCHERS[code]", true);
    checkout.line = Some(line);
    checkout.abs_path = Some(format!("/srv/release-{line}/shop/views.py"));
    raised("python", vec![exception("KeyError", value, vec![handler, checkout])])
}

#[test]
fn lines_paths_and_values_do_not_split_an_issue() {
    assert_eq!(hashes(&view(10, "'x'")), hashes(&view(99, "'y'")));
    assert_eq!(group(&view(10, "'x'")).main_exception, None);
}

#[test]
fn type_function_and_source_line_do() {
    let original = view(10, "'x'");
    let mut other_type = original.clone();
    other_type.exceptions[0].ty = Some("IndexError".to_owned());
    let mut other_function = original.clone();
    other_function.exceptions[0].frames[1].function = Some("pay".to_owned());
    let mut other_line = original.clone();
    other_line.exceptions[0].frames[1].context_line = Some("voucher = None".to_owned());
    for changed in [other_type, other_function, other_line] {
        assert_ne!(hashes(&changed)[0], hashes(&original)[0]);
    }
}

/// A new Django release changes the system hash alone; the app hash keeps the issue together.
#[test]
fn framework_frames_change_only_the_second_hash() {
    let before = view(10, "'x'");
    let mut after = before.clone();
    after.exceptions[0].frames[0].function = Some("_get_response_async".to_owned());
    assert_eq!(hashes(&before)[0], hashes(&after)[0]);
    assert_ne!(hashes(&before)[1], hashes(&after)[1]);
}

#[test]
fn without_frames_the_value_decides_with_parameters_replaced() {
    let bare = |value| raised("python", vec![exception("Timeout", value, vec![])]);
    assert_eq!(hashes(&bare("after 30s on 10.0.0.1")), hashes(&bare("after 7s on 10.9.0.2")));
    assert_ne!(hashes(&bare("while reading")), hashes(&bare("while writing")));
    assert_eq!(leaves(&bare("after 30s on 10.0.0.1")), ["Timeout", "after <duration> on <ip>"]);
}

#[test]
fn without_application_frames_all_frames_decide() {
    let event = raised("python", vec![exception("OSError", "42", vec![file("a.py", false), file("b.py", false)])]);
    assert_eq!(names(&event), [VariantName::System]);
    assert_eq!(leaves(&event), ["OSError", "a.py", "b.py"]);
}

#[test]
fn with_application_frames_only_the_second_hash_is_dropped() {
    let event = raised("python", vec![exception("OSError", "42", vec![file("a.py", true)])]);
    assert_eq!(names(&event), [VariantName::App]);
    let explanation = explain(&event, 1).unwrap();
    assert_eq!(explanation.variants[1].component.hint.as_deref(), Some("the same hash as the app variant"));
}

#[test]
fn a_cause_that_was_never_raised_stays_out_of_the_system_variant() {
    let cause = exception("ValueError", "bad colour", vec![]);
    let outer = exception("TypeError", "", vec![file("a.py", true), file("b.py", false)]);
    let event = raised("python", vec![cause, outer.clone()]);
    assert_eq!(leaves(&event), ["ValueError", "bad colour", "TypeError", "a.py"]);
    assert_eq!(hashes(&event)[1], hashes(&raised("python", vec![outer]))[1]);
}

#[test]
fn a_made_up_type_says_nothing() {
    let mut event = raised("javascript", vec![exception("Error", "boom", vec![])]);
    event.exceptions[0].mechanism.synthetic = true;
    assert_eq!(leaves(&event), ["boom"]);
    event.exceptions[0].value = None;
    event.exceptions[0].frames = vec![file("a.js", false)];
    assert_eq!(leaves(&event), ["a.js"]);
}

#[test]
fn a_thread_comes_before_the_message_and_exceptions_before_both() {
    let mut event = logged("slow query");
    event.thread_frames = vec![file("tasks.py", true)];
    assert_eq!(leaves(&event), ["tasks.py"]);
    event.exceptions = vec![exception("Slow", "query", vec![])];
    assert_eq!(leaves(&event), ["Slow", "query"]);
    event.thread_frames.clear();
    event.exceptions = vec![exception("", " ", vec![])];
    assert_eq!(leaves(&event), ["slow query"]);
}

#[test]
fn the_template_decides_and_the_formatted_text_is_shown() {
    let mut event = logged("user ann failed");
    event.message =
        Some(Message { template: Some("user %s failed".to_owned()), formatted: "user ann failed".to_owned() });
    assert_eq!(leaves(&event), ["user %s failed"]);
}

#[test]
fn a_checksum_is_the_hash_or_is_hashed() {
    let mut event = view(10, "'x'");
    event.fingerprint = Some(vec!["mine".to_owned()]);
    event.checksum = Some("BEB01C07D991F36B9DA1E90FC7169AD8".to_owned());
    assert_eq!(hashes(&event), ["beb01c07d991f36b9da1e90fc7169ad8"]);
    event.checksum = Some("Hello there world!".to_owned());
    assert_eq!(hashes(&event), ["329b29efcf1f77067a063e34f56e7791"]);
    assert_eq!(names(&event), [VariantName::Checksum]);
}

#[test]
fn an_explanation_serialises_and_names_what_was_left_out() {
    let mut event = view(10, "'x'");
    event.message = Some(Message { template: None, formatted: "also said".to_owned() });
    let json = serde_json::to_value(explain(&event, 1).unwrap()).unwrap();
    assert_eq!(json["variants"][0]["name"], "app");
    assert_eq!(json["variants"][0]["hash"], hashes(&event)[0]);
    assert_eq!(json["variants"][2]["component"]["hint"], "exceptions take precedence");
    let exception = &json["variants"][0]["component"]["values"][0];
    assert_eq!(exception["values"][1]["hint"], "the stack trace says it better");
    assert_eq!(exception["values"][2]["values"][0]["hint"], "not a frame of the application");
    assert_eq!(exception["values"][2]["values"][1]["values"][2]["name"], "context line");
    assert_eq!(explain(&event, 2), None);
}
