//! What a reader sees, on the smallest bodies that show it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::detail::ExceptionRelation;

fn detail(body: &serde_json::Value) -> EventDetail {
    event_detail(body.to_string().as_bytes())
}

fn names(variables: &[Variable]) -> Vec<&str> {
    variables.iter().map(|variable| variable.name.as_str()).collect()
}

#[test]
fn frames_show_lines_and_variables_in_order() {
    let body = r#"{"exception":{"values":[{"type":"E","value":"v","module":"builtins","stacktrace":{"frames_omitted":[2,5],"frames":[
        {"filename":"a.py","lineno":2,"in_app":true,"pre_context":["x",null],"context_line":"","post_context":["y"],"vars":{"z":"'1'","a":[1]}},
        {"filename":"b.py"}]}}]}}"#;
    let detail = event_detail(body.as_bytes());
    let exception = &detail.exceptions[0];
    assert_eq!((exception.is_raised, exception.relation, exception.module.as_deref()), (true, None, None));
    assert_eq!(exception.frames_omitted, 3);
    let frame = &exception.frames[0];
    assert_eq!(names(&frame.vars), ["z", "a"]);
    assert_eq!((frame.pre_context.len(), frame.context_line.as_deref()), (2, Some("")));
    assert_eq!((frame.is_crash, exception.frames[1].is_crash), (true, false));
}

#[test]
fn without_app_frames_the_last_one_is_opened() {
    let detail = detail(&json!({"exception": {"type": "E", "stacktrace": {"frames": [{"lineno": 1}, {"lineno": 2}]}}}));
    let opened: Vec<_> = detail.exceptions[0].frames.iter().map(|frame| frame.is_crash).collect();
    assert_eq!(opened, [false, true]);
}

fn member(id: u64, parent: Option<u64>, source: Option<&str>) -> serde_json::Value {
    let mechanism = json!({"exception_id": id, "parent_id": parent, "source": source});
    json!({"type": format!("E{id}"), "mechanism": mechanism})
}

fn shape(detail: &EventDetail) -> Vec<(&str, u32, Option<ExceptionRelation>)> {
    detail.exceptions.iter().map(|e| (e.ty.as_deref().unwrap_or(""), e.group_depth, e.relation)).collect()
}

#[test]
fn groups_end_with_what_was_raised() {
    use ExceptionRelation::{Cause, GroupMember};
    // Group 0 of 1 and of group 2, whose member 3 was caused by 4: sentry-python gives 4 the parent 0.
    let members = [
        member(0, None, None),
        member(1, Some(0), Some("exceptions[0]")),
        member(2, Some(0), Some("exceptions[1]")),
        member(3, Some(2), Some("exceptions[0]")),
        member(4, Some(0), Some("__cause__")),
    ];
    let reversed: Vec<_> = members.iter().rev().cloned().collect();
    let expected = [
        ("E4", 2, Some(Cause)),
        ("E3", 2, Some(GroupMember)),
        ("E2", 1, Some(GroupMember)),
        ("E1", 1, Some(GroupMember)),
        ("E0", 0, None),
    ];
    assert_eq!(shape(&detail(&json!({"exception": reversed}))), expected);
    assert_eq!(shape(&detail(&json!({"exception": members}))), expected);
}

#[test]
fn ids_in_a_circle_mean_nothing() {
    let circle = [member(1, Some(2), Some("exceptions[0]")), member(2, Some(1), Some("exceptions[0]"))];
    let twice = [member(1, None, None), member(1, Some(1), None)];
    for members in [circle, twice] {
        let detail = detail(&json!({"exception": members}));
        assert!(detail.exceptions.iter().all(|e| e.group_depth == 0));
        assert!(detail.exceptions[1].is_raised);
    }
}

#[test]
fn everything_else_is_there_in_the_order_sent() {
    let body = r#"{"logentry":{"message":"%s","params":["a"]},"logger":"l","user":{"username":"u","id":1},
        "breadcrumbs":{"values":[{"timestamp":1,"message":"m","data":{"a":1}},"text"]},"tags":[["b","1"],["a","2"]],
        "contexts":{"trace":{"trace_id":"0af7651916cd43dd8448eb211c80319c"},"runtime":{"type":"runtime","name":"CPython"},
        "flags":{"values":[{"flag":"f","result":true}]},"odd":3},"extra":{"z":1,"a":2},"modules":{"b":"2","a":"1"},
        "release":"r","dist":1,"environment":"e","server_name":"s","sdk":{"name":"n","version":"v"}}"#;
    let filtered = event_detail(br#"{"contexts":{"auth":"[Filtered]","odd":"text"}}"#);
    let shown = filtered.contexts.iter().map(|c| (c.name.as_str(), names(&c.entries), &c.entries[0].value));
    assert_eq!(shown.collect::<Vec<_>>(), [("auth", vec!["auth"], &json!("[Filtered]"))]);
    let detail = event_detail(body.as_bytes());
    assert_eq!((detail.message.as_deref(), detail.message_template.as_deref()), (Some("a"), Some("%s")));
    assert_eq!((names(&detail.user), names(&detail.extra)), (vec!["username", "id"], vec!["z", "a"]));
    assert_eq!(detail.breadcrumbs.len(), 2);
    let crumb = &detail.breadcrumbs[0];
    assert_eq!((crumb.timestamp_ms, crumb.ty.as_str(), crumb.level.as_str()), (Some(1000), "default", "info"));
    assert_eq!(detail.breadcrumbs[1].message.as_deref(), Some("text"));
    let contexts: Vec<_> = detail.contexts.iter().map(|c| (c.name.as_str(), names(&c.entries))).collect();
    assert_eq!(contexts, [("runtime", vec!["name"]), ("flags", vec!["f"])]);
    assert_eq!(detail.modules.iter().map(|m| m.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(detail.tags[0].key, "b");
    assert!(detail.trace_id.is_some() && detail.span_id.is_none());
    assert_eq!((detail.dist.as_deref(), detail.sdk.as_deref()), (Some("1"), Some("n/v")));
}

#[test]
fn messages_with_a_stack_show_their_threads() {
    let stack = json!({"frames": [{"function": "f"}]});
    let threads = json!({"threads": {"values": [{"id": 7, "current": true, "stacktrace": stack}, {"id": 8}]}});
    let shown = detail(&threads).threads;
    assert_eq!((shown.len(), shown[0].name.as_deref(), shown[0].is_current), (1, Some("7"), true));
    assert_eq!(detail(&json!({"stacktrace": stack})).threads.len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = event_detail(&body);
    }

    #[test]
    fn no_source_line_panics(line in ".{0,60}", after in prop::collection::vec(".{0,30}", 0..3)) {
        let frame = json!({"context_line": line, "post_context": after, "filename": "a.py"});
        let exceptions = [json!({"type": "A"}), json!({"type": "B", "stacktrace": {"frames": [frame]}})];
        let shown = detail(&json!({"exception": exceptions}));
        prop_assert!(shown.exceptions[0].relation.is_some());
        let raise = json!({"context_line": format!("raise {line}"), "post_context": after, "filename": "a.py"});
        let exceptions = [json!({"type": "A"}), json!({"type": "B", "stacktrace": {"frames": [raise]}})];
        let shown = detail(&json!({"exception": exceptions}));
        prop_assert!(shown.exceptions[0].relation.is_some());
    }
}
