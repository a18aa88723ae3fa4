//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz traceback`

#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::traceback(data));
