//! The `sentry` crate in a program that panics.

use serde_json::json;

use super::{attribute, log, nothing_was_refused, release, waterfall};
use crate::harness::Trapline;
use crate::sdks::{event, issue, rust, trace};

#[test]
fn sentry_for_rust() {
    let server = Trapline::start();
    rust(&server).done();
    nothing_was_refused(&server);

    let error = event(&server, "Packing: order cannot be packed by Rust");
    let exceptions = error["detail"]["exceptions"].as_array().unwrap();
    let types: Vec<_> = exceptions.iter().map(|exception| exception["ty"].as_str().unwrap()).collect();
    assert_eq!(types, ["ParseIntError", "Packing"]);
    assert_eq!(issue(&server, "panic: the shelf fell over")["is_unhandled"], true);
    let panic = event(&server, "panic: the shelf fell over");
    assert_eq!(panic["level"], "fatal");
    let frames = panic["detail"]["exceptions"][0]["frames"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["function"] == "desk::main" && frame["in_app"] == true), "{frames:?}");
    assert_eq!(event(&server, "said by Rust")["level"], "warning");

    assert_eq!(waterfall(&trace(&server, "pack order")), ["0 task: pack order", "1 db: SELECT shelf"]);
    let pears = log(&server, "only 2 pears left");
    assert_eq!((pears["level"].as_str(), pears["template"].as_str()), (Some("warn"), Some("only {} pears left")));
    assert_eq!(attribute(&pears, "weight"), Some(&json!(31.5)));

    let release = release(&server);
    assert_eq!((&release["version"], &release["environment"]), (&json!("desk-rust@1.0"), &json!("matrix")));
    assert_eq!((&release["session_count"], &release["crashed_count"]), (&json!(1), &json!(1)));
}
