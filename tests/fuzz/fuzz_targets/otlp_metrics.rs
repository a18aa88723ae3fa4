//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz otlp_metrics`

#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::otlp_metrics(data));
