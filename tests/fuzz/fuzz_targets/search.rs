//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz search`

#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::search(data));
