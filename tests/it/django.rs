//! Django in depth: the cases every guide to error tracking walks through, with every pinned sentry-sdk that knows them.
//!
//! Each test visits the project of tests/sdks/python/desk and asks the app's own API what a reader then sees.

use serde_json::{Value, json};

use crate::harness::Trapline;
use crate::sdks::{NEWEST, entry, event, issue, python, tag};

const VERSIONS: [&str; 4] = ["0.20.3", "1.14.0", "1.45.1", NEWEST];

fn each_version(check: impl Fn(&str)) {
    for version in VERSIONS {
        #[allow(clippy::print_stdout)] // Shown with the failed test's own output.
        {
            println!("sentry-sdk {version}");
        }
        check(version);
    }
}

fn visited(version: &str, paths: &[&str]) -> Trapline {
    let server = Trapline::start();
    let args: Vec<&str> = ["wsgi"].iter().chain(paths).copied().collect();
    python(&server, version, &args).done();
    server
}

/// Exception types in the order of the event: oldest cause first.
fn exception_types(event: &Value) -> Vec<&str> {
    let exceptions = event["detail"]["exceptions"].as_array().unwrap();
    exceptions.iter().map(|exception| exception["ty"].as_str().unwrap()).collect()
}

fn crash_frame(event: &Value) -> &Value {
    event["detail"]["exceptions"].as_array().unwrap().last().unwrap()["frames"].as_array().unwrap().last().unwrap()
}

#[test]
fn an_unhandled_exception_of_a_view() {
    each_version(|version| {
        let server = visited(version, &["/fine/", "/unhandled/7/", "/unhandled/8/"]);
        let found = issue(&server, "RuntimeError: order cannot be packed");
        assert_eq!(found["event_count"], 2);
        assert_eq!(found["is_unhandled"], true);
        // Before 1.x the SDK leaves the end of Django's pattern in the name.
        let route = if version == "0.20.3" { "/unhandled/{order_id}/Z" } else { "/unhandled/{order_id}/" };
        assert_eq!(found["culprit"], route);
        let event = event(&server, "RuntimeError: order cannot be packed");
        assert_eq!(exception_types(&event), ["KeyError", "RuntimeError"]);
        let frame = crash_frame(&event);
        assert_eq!(frame["function"], "unhandled");
        assert_eq!(frame["context_line"], "        raise RuntimeError(\"order cannot be packed\") from error");
        assert_eq!(entry(&frame["vars"], "order_id"), Some(&json!("8")), "{frame}");
        assert_eq!(event["detail"]["request"]["method"], "GET");
        assert!(event["detail"]["request"]["url"].as_str().unwrap().ends_with("/unhandled/8/"));
        assert_eq!(server.issues().len(), 1, "{:?}", server.issues());
    });
}

#[test]
fn an_exception_of_a_middleware() {
    each_version(|version| {
        let server = visited(version, &["/middleware/"]);
        let event = event(&server, "PermissionError: closed on Sundays");
        assert_eq!(crash_frame(&event)["module"], "stock.middleware");
    });
}

#[test]
fn an_exception_of_a_signal_handler() {
    each_version(|version| {
        let server = visited(version, &["/signal/"]);
        let event = event(&server, "LookupError: nobody packs orders today");
        assert_eq!(crash_frame(&event)["function"], "on_order_placed");
    });
}

#[test]
fn an_error_of_a_template_with_its_name_and_line() {
    each_version(|version| {
        let server = visited(version, &["/template/"]);
        let event = event(&server, "TemplateSyntaxError: Invalid filter: 'no_such_filter'");
        // The SDK puts it after the frame that parses or renders, and Django's own frames follow.
        let frames = event["detail"]["exceptions"][0]["frames"].as_array().unwrap();
        let is_template = |frame: &&Value| frame["filename"].as_str().unwrap().ends_with("stock/shelves.html");
        let frame = frames.iter().find(is_template).unwrap();
        assert_eq!(frame["in_app"], true);
        assert_eq!(frame["line"], 4);
        // Django ends the lines, which is mended, and escapes them, which only the newest SDK undoes.
        let line = frame["context_line"].as_str().unwrap().replace("&lt;", "<").replace("&gt;", ">");
        assert_eq!(line, "  <li>{{ shelf.name|no_such_filter }}</li>", "{frame}");
        assert_eq!(frame["pre_context"].as_array().unwrap().last().unwrap(), "{% for shelf in shelves %}");
    });
}

#[test]
fn failures_of_the_orm() {
    each_version(|version| {
        let server = visited(version, &["/missing/", "/duplicate/"]);
        issue(&server, "Shelf.DoesNotExist: Shelf matching query does not exist.");
        let event = event(&server, "IntegrityError: UNIQUE constraint failed: stock_shelf.name");
        // The driver's own exception first, Django's last.
        assert_eq!(exception_types(&event), ["IntegrityError", "IntegrityError"]);
        assert_eq!(server.issues().len(), 2);
    });
}

#[test]
fn an_exception_captured_in_an_except_block() {
    each_version(|version| {
        let server = visited(version, &["/caught/"]);
        let found = issue(&server, "ZeroDivisionError: division by zero");
        assert_eq!(found["is_unhandled"], false);
        let event = event(&server, "ZeroDivisionError: division by zero");
        assert_eq!(crash_frame(&event)["context_line"], "        1 / 0");
    });
}

#[test]
fn a_message_with_a_level_and_extras() {
    each_version(|version| {
        let server = visited(version, &["/message/"]);
        let event = event(&server, "the shelf is nearly empty");
        assert_eq!(event["level"], "warning");
        assert_eq!(entry(&event["detail"]["extra"], "shelf"), Some(&json!({"name": "oak", "left": 3})));
    });
}

#[test]
fn tags_extras_and_the_user_of_a_scope_do_not_leak() {
    each_version(|version| {
        let server = visited(version, &["/scoped/", "/unscoped/"]);
        let inside = event(&server, "inside the scope");
        assert_eq!(tag(&inside, "shelf"), Some("oak"));
        assert_eq!(entry(&inside["detail"]["extra"], "left"), Some(&json!(3)));
        assert_eq!(entry(&inside["detail"]["user"], "id"), Some(&json!("17")));
        for title in ["outside the scope", "the next request"] {
            let outside = event(&server, title);
            assert_eq!(tag(&outside, "shelf"), None, "{title}");
            assert_eq!(entry(&outside["detail"]["extra"], "left"), None, "{title}");
            assert_eq!(entry(&outside["detail"]["user"], "id"), None, "{title}");
        }
    });
}

#[test]
fn errors_that_are_logged() {
    each_version(|version| {
        let server = visited(version, &["/log/"]);
        let event = event(&server, "shelf oak is broken");
        assert_eq!(event["detail"]["logger"], "stock.views");
        assert_eq!(event["detail"]["message_template"], "shelf %s is %s");
        assert_eq!(entry(&event["detail"]["extra"], "weight"), Some(&json!(12)));
        let found = issue(&server, "ValueError: invalid literal for int() with base 10: 'twelve'");
        assert_eq!(found["is_unhandled"], false);
    });
}

#[test]
fn what_before_send_drops_never_arrives() {
    each_version(|version| {
        let server = visited(version, &["/dropped/"]);
        assert_eq!(server.issues(), Vec::<Value>::new());
    });
}

#[test]
fn the_failure_of_a_management_command() {
    each_version(|version| {
        let server = Trapline::start();
        let output = python(&server, version, &["manage", "restock"]).ended();
        assert!(!output.status.success());
        let found = issue(&server, "NotADirectoryError: the warehouse is a car park");
        assert_eq!(found["is_unhandled"], true);
        let event = event(&server, "NotADirectoryError: the warehouse is a car park");
        assert_eq!(crash_frame(&event)["module"], "stock.management.commands.restock");
    });
}

#[test]
fn a_celery_task_that_fails_after_its_retries_is_one_issue() {
    each_version(|version| {
        let server = Trapline::start();
        python(&server, version, &["celery", "2"]).done();
        let issues = server.issues();
        assert_eq!(issues.len(), 1, "{issues:?}");
        // Two orders, and each reported once: a retry is not a failure.
        assert_eq!(issues[0]["event_count"], 2);
        assert_eq!(issues[0]["ty"], "BankIsAway");
        assert_eq!(issues[0]["culprit"], "stock.tasks.charge");
    });
}

#[test]
fn a_websocket_consumer_behind_the_asgi_middleware() {
    let server = Trapline::start();
    let run = python(&server, NEWEST, &["asgi", "/unhandled/8/", "ws:/ws/counter/3/"]);
    run.options(json!({"traces_sample_rate": 1.0})).done();
    let consumer = issue(&server, "BufferError: cannot count apples");
    assert_eq!(consumer["is_unhandled"], true);
    let event = event(&server, "BufferError: cannot count apples");
    assert_eq!(crash_frame(&event)["module"], "stock.consumers");
    issue(&server, "RuntimeError: order cannot be packed");
}

#[test]
fn environments_and_releases_are_told_apart() {
    each_version(|version| {
        let server = Trapline::start();
        for (environment, release) in [("staging", "desk@1.1"), ("production", "desk@1.0")] {
            let options = json!({"environment": environment, "release": release});
            python(&server, version, &["wsgi", "/unhandled/7/"]).options(options).done();
        }
        for (environment, other) in [("staging", "production"), ("production", "staging")] {
            let list = server.get_json(&format!("/api/ui/issues?environment={environment}"));
            assert_eq!(list["issues"][0]["event_count"], 1, "{list}");
            assert_eq!(list["environments"], json!(["production", "staging"]));
            let path = "/api/0/projects/main/default/issues/?environment=";
            assert_eq!(server.get_json(&format!("{path}{environment}")).as_array().unwrap().len(), 1);
            assert_eq!(server.get_json(&format!("{path}{other}x")), json!([]));
        }
        // The same bug; each event says where it happened.
        let found = issue(&server, "RuntimeError: order cannot be packed");
        assert_eq!((&found["first_release"], &found["last_release"]), (&json!("desk@1.1"), &json!("desk@1.0")));
        let short_id = found["short_id"].as_str().unwrap();
        let latest = server.get_json(&format!("/api/ui/issues/{short_id}/events/latest"));
        let first = server.get_json(&format!("/api/ui/issues/{short_id}/events/first"));
        assert_eq!(latest["detail"]["environment"], "production");
        assert_eq!(first["detail"]["environment"], "staging");
        assert_eq!(first["detail"]["release"], "desk@1.1");
    });
}
