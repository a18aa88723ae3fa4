//! A project's rules: what they do, and what is said of those that cannot be read.

use super::*;
use crate::grouping::{FingerprintSource, RuleText};

fn django() -> Event {
    let at = |path: &str, frame: Frame| Frame { abs_path: Some(path.to_owned()), ..frame };
    let frames = vec![
        at("/v/lib/django/handlers.py", frame("django.handlers", "respond", "view(request)", false)),
        at("/srv/shop/views.py", frame("shop.views", "checkout", "pay(cart)", true)),
        at("/srv/shop/retry.py", frame("shop.retry", "again", "call()", true)),
        at("/v/lib/stripe/api.py", frame("stripe.api", "charge", "post()", false)),
    ];
    let mut event = raised("python", vec![exception("CardError", "card 12 declined", frames)]);
    event.transaction = Some("/checkout/".to_owned());
    event.tags = vec![("gateway".to_owned(), "stripe".to_owned())];
    event.sdk = Some("sentry.python.django/2.75.0".to_owned());
    event
}

fn functions(stack_rules: &str) -> Vec<String> {
    let rules = Rules::parse("", stack_rules).unwrap();
    let known = ["respond", "checkout", "again", "charge"];
    leaves_with(&django(), &rules).into_iter().filter(|leaf| known.contains(&leaf.as_str())).collect()
}

#[test]
fn stack_trace_rules_mark_frames_and_take_them_out() {
    let rows: &[(&str, &[&str])] = &[
        ("", &["checkout", "again"]),
        ("module:shop.retry -app", &["checkout"]),
        ("path:**/stripe/** +app", &["checkout", "again", "charge"]),
        ("stack.function:again -group", &["checkout"]),
        ("stack.function:again ^+app", &["checkout", "again", "charge"]),
        ("stack.function:again v-group", &["again"]),
        ("stack.function:checkout ^-group", &["checkout"]),
        ("function:again v-group\nfunction:checkout +group", &["checkout", "again"]),
        ("app:no +app", &["respond", "checkout", "again", "charge"]),
        ("!app:yes !path:**/django/** +app", &["checkout", "again", "charge"]),
        ("family:javascript module:shop.* -app", &["checkout", "again"]),
        ("family:other,native module:shop.retry -app", &["checkout"]),
        ("family:python module:shop.retry -app", &["checkout"]),
        ("error.type:CardError function:again -group", &["checkout"]),
        ("error.type:KeyError function:again -group", &["checkout", "again"]),
        ("error.value:\"card * declined\" function:again -group", &["checkout"]),
        ("!error.mechanism:celery function:again -group", &["checkout"]),
        ("[ function:checkout ] | function:again -group", &["checkout"]),
        ("[function:respond] | function:again -group", &["checkout", "again"]),
        ("function:again | [ module:stripe.* ] -group", &["checkout"]),
        ("[ function:checkout ] | function:again | [ function:charge ] -group", &["checkout"]),
        ("function:again category=retry\ncategory:retry -group", &["checkout"]),
        ("app:yes max-frames=1", &["again"]),
        ("app:yes invert-stacktrace=1", &["again", "checkout"]),
        ("app:yes invert-stacktrace=1\napp:yes invert-stacktrace=0", &["checkout", "again"]),
        ("# a comment\n\n  module:shop.retry   -app  ", &["checkout"]),
        // Nothing of the application is left, so all frames decide.
        ("module:shop.* -app", &["respond", "checkout", "again", "charge"]),
    ];
    for (rules, expected) in rows {
        assert_eq!(functions(rules), *expected, "{rules}");
    }
}

#[test]
fn a_stack_trace_with_too_few_frames_gives_way_to_the_value() {
    let rules = Rules::parse("", "family:all min-frames=9").unwrap();
    assert_eq!(leaves_with(&django(), &rules), ["CardError", "card <int> declined"]);
}

#[test]
fn the_frames_of_the_title_follow_the_rules() {
    let rules = Rules::parse("", "module:shop.retry -app").unwrap();
    let grouping = grouping::group(&django(), &rules);
    assert_eq!(grouping::title(&django(), &grouping).function.as_deref(), Some("checkout"));
    let rules = Rules::parse("message:* -> {{ function }}", "module:shop.retry -app").unwrap();
    assert_eq!(leaves_with(&django(), &rules), ["checkout"]);
}

#[test]
fn the_reader_is_told_which_rule_took_a_frame_out() {
    let rules = Rules::parse("", "\nmodule:shop.retry -app\nfunction:charge -group").unwrap();
    let json = serde_json::to_value(grouping::explain(&django(), 1, &rules).unwrap()).unwrap();
    let hint = |variant: usize, frame: usize| {
        let stack = &json["variants"][variant]["component"]["values"][0]["values"][2];
        stack["values"][frame]["hint"].clone()
    };
    assert_eq!(hint(0, 2), "put outside the application by the stack-trace rule on line 2: module:shop.retry -app");
    assert_eq!(hint(1, 3), "left out by the stack-trace rule on line 3: function:charge -group");
}

#[test]
fn fingerprint_rules_match_what_an_event_says() {
    let rows = [
        ("error.type:CardError", true),
        ("type:Card*", true),
        ("type:carderror", false),
        ("error.value:\"CARD * declined\"", true),
        ("message:\"*declined\"", true),
        ("logger:*", false),
        ("!logger:*", true),
        ("level:error", true),
        ("tags.gateway:stripe", true),
        ("tags.transaction:/checkout/", true),
        ("tags.other:*", false),
        ("stack.abs_path:**/shop/*.py", true),
        ("path:**/shop.py", false),
        ("module:shop.*", true),
        ("function:checkout app:yes", true),
        // The same frame has to meet both.
        ("function:checkout module:stripe.api", false),
        ("function:charge app:no", true),
        ("function:charge app:yes", false),
        ("family:other", true),
        ("family:native,javascript", false),
        ("sdk:sentry.python.*", true),
        ("sdk:sentry.python", false),
        ("release:*", false),
        ("type:CardError value:*refused*", false),
    ];
    for (condition, expected) in rows {
        let rules = Rules::parse(&format!("{condition} -> met"), "").unwrap();
        assert_eq!(leaves_with(&django(), &rules) == ["met"], expected, "{condition}");
    }
}

#[test]
fn the_first_rule_decides_over_the_client_and_its_values_are_resolved() {
    let mut event = django();
    event.fingerprint = Some(vec!["mine".to_owned()]);
    let text = "type:KeyError -> other\ntype:CardError -> \"card, error\", {{ tags.gateway }} title=\"{{ type }} at {{ transaction }}\"\ntype:CardError -> late";
    let rules = Rules::parse(text, "").unwrap();
    assert_eq!(leaves_with(&event, &rules), ["card, error", "stripe"]);
    let grouping = grouping::group(&event, &rules);
    assert_eq!(grouping.variants[0].name, VariantName::CustomFingerprint);
    let title = grouping::title(&event, &grouping);
    assert_eq!(
        (title.title.as_str(), title.ty, title.culprit.as_str()),
        ("CardError at /checkout/", None, "/checkout/")
    );
    let fingerprint = grouping::explain(&event, 1, &rules).unwrap().fingerprint.unwrap();
    assert_eq!(fingerprint.source, FingerprintSource::Rule);
    assert_eq!(fingerprint.values, ["card, error", "{{ tags.gateway }}"]);
    assert_eq!(fingerprint.resolved, ["card, error", "stripe"]);
    assert_eq!(fingerprint.client_values, Some(vec!["mine".to_owned()]));
    let rule = fingerprint.rule.unwrap();
    assert_eq!((rule.line, rule.title.as_deref()), (Some(2), Some("CardError at /checkout/")));
    assert!(rule.text.starts_with("type:CardError -> \"card, error\""));
}

#[test]
fn a_rule_may_add_to_the_default_or_only_name_the_issue() {
    let rules = Rules::parse("type:CardError -> {{ default }} {{ tags.gateway }}", "").unwrap();
    let grouping = grouping::group(&django(), &rules);
    let names: Vec<VariantName> = grouping.variants.iter().map(|variant| variant.name).collect();
    assert_eq!(names, [VariantName::HybridApp, VariantName::HybridSystem]);
    let rules = Rules::parse("type:CardError -> title=\"Card refused\"", "").unwrap();
    let named = grouping::group(&django(), &rules);
    assert_eq!(named.variants, group(&django()).variants);
    assert_eq!(grouping::title(&django(), &named).title, "Card refused");
}

#[test]
fn pages_that_lost_their_scripts_are_one_issue_unless_the_client_says_otherwise() {
    let mut event = raised("javascript", vec![exception("ChunkLoadError", "Loading chunk 7 failed", vec![])]);
    assert_eq!(names(&event), [VariantName::BuiltInFingerprint]);
    assert_eq!(leaves(&event), ["chunkload-error"]);
    let fingerprint = explain(&event, 1).unwrap().fingerprint.unwrap();
    assert_eq!((fingerprint.source, fingerprint.rule.unwrap().line), (FingerprintSource::BuiltIn, None));
    event.fingerprint = Some(vec!["mine".to_owned()]);
    assert_eq!(leaves(&event), ["mine"]);
    event.platform = "python".to_owned();
    event.fingerprint = None;
    assert_eq!(names(&event), [VariantName::App]);
    let mut event = raised("javascript", vec![exception("Error", "There was an error while hydrating.", vec![])]);
    event.transaction = Some("/cart".to_owned());
    assert_eq!(leaves(&event), ["hydration-error", "/cart"]);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let fingerprint = [
        ("error.type:X", "the -> is missing"),
        ("-> x", "no condition before"),
        ("error.type:X ->", "no value after"),
        ("colour:red -> x", "no condition \"colour\""),
        ("colour -> x", "write key:pattern"),
        ("tags.:x -> x", "no condition \"tags.\""),
        ("error.type:\"X -> x", "-> is missing"),
        ("error.type:X -> \"x", "quote is not closed"),
        ("error.type:X -> {{ default", "not followed by }}"),
        ("error.type: -> x", "pattern is empty"),
        ("app:maybe -> x", "neither yes nor no"),
        ("family:, -> x", "pattern is empty"),
    ];
    for (line, problem) in fingerprint {
        let error = Rules::parse(&format!("# fine\n\n{line}"), "").unwrap_err();
        assert_eq!((error.text, error.line), (RuleText::Fingerprint, 3), "{line}");
        assert!(error.message.contains(problem), "{line}: {error}");
    }
    let stack = [
        ("function:x", "there is no action"),
        ("-group", "no condition"),
        ("function:x +grup", "no action \"+grup\""),
        ("function:x -group function:y", "is no action"),
        ("function:x maximum=3", "no setting \"maximum\""),
        ("function:x max-frames=many", "not a number"),
        ("function:x invert-stacktrace=maybe", "neither yes nor no"),
        ("weather:x -group", "no condition \"weather\""),
        ("[ function:x -group", "neither a condition"),
        ("[ function:x", "[ is not closed"),
        ("[ ] | function:x -group", "nothing between"),
        ("[ function:x ] function:y -group", "| is missing"),
        ("[ function:x ] | -group", "nothing after the |"),
        ("function:x | -group", "nothing after the |"),
        ("function:x | function:y -group", "stands a [ callee ]"),
        ("function:x [ function:y ] -group", "joined to its frame"),
        ("| function:y -group", "stands between"),
        ("[ error.type:x ] | function:y -group", "not about a neighbouring frame"),
        ("nonsense -group", "neither a condition"),
    ];
    for (line, problem) in stack {
        let error = Rules::parse("", &format!("function:a -group\n{line}")).unwrap_err();
        assert_eq!((error.text, error.line), (RuleText::StackTrace, 2), "{line}");
        assert!(error.message.contains(problem), "{line}: {error}");
    }
}

#[test]
fn texts_are_bounded() {
    let many = "type:x -> y\n".repeat(crate::config::GROUPING_RULES_MAX + 1);
    assert_eq!(Rules::parse(&many, "").unwrap_err().line, crate::config::GROUPING_RULES_MAX as u32 + 1);
    let long = format!("# {}", "x".repeat(crate::config::GROUPING_RULES_BYTES_MAX));
    assert_eq!(Rules::parse("", &long).unwrap_err().line, 0);
    let wide = format!("{} -> y", "type:x ".repeat(crate::config::GROUPING_RULE_PARTS_MAX + 1));
    assert!(Rules::parse(&wide, "").unwrap_err().message.contains("more than"));
    assert!(Rules::parse("", "").unwrap().is_empty());
}

/// Every rule matches every frame and speaks of all others; an event is made of frames alone.
#[test]
fn the_worst_rules_and_the_worst_event_are_done_in_time() {
    let frames: Vec<Frame> = (0..250).map(|at| Frame { line: Some(at), ..file("a.py", true) }).collect();
    let event = raised("python", vec![exception("E", "v", frames); 128]);
    let stack = "!function:*x*y*z* v-group ^+group -app\n".repeat(crate::config::GROUPING_RULES_MAX);
    let fingerprint = "!path:**/x/** function:y -> z\n".repeat(crate::config::GROUPING_RULES_MAX);
    let rules = Rules::parse(&fingerprint, &stack).unwrap();
    let start = std::time::Instant::now();
    grouping::group(&event, &rules);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}
