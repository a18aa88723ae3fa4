//! The Rust `sentry` crate with its default options: an error with a source, a panic, a message, a transaction, a log.

use std::fmt;

#[derive(Debug)]
struct Packing(std::num::ParseIntError);

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order cannot be packed by Rust")
    }
}

impl std::error::Error for Packing {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn main() {
    let dsn = std::env::var("DSN").expect("DSN says where to");
    let guard = sentry::init((
        dsn,
        sentry::ClientOptions::new()
            .release("desk-rust@1.0")
            .environment("matrix")
            .traces_sample_rate(1.0)
            .auto_session_tracking(true)
    ));
    let transaction = sentry::start_transaction(sentry::TransactionContext::new("pack order", "task"));
    transaction.start_child("db", "SELECT shelf").finish();
    transaction.finish();
    if let Err(error) = "twelve".parse::<i32>() {
        sentry::capture_error(&Packing(error));
    }
    sentry::capture_message("said by Rust", sentry::Level::Warning);
    sentry::logger_warn!(weight = 31.5, "only {} pears left", 2);
    let _ = std::panic::catch_unwind(|| panic!("the shelf fell over"));
    drop(guard);
}
