//! The whole binary, over HTTP: stories a user would recognise, and the rules of the source that can be checked.
//!
//! Every test has its own server and directory ([`harness`]), so they run side by side in any order. Edge cases of one
//! function are tested beside that function; here is what only shows when everything is wired together.

// A test that cannot go on says so by panicking; that is what unwrap is for.
#![allow(clippy::unwrap_used)]

mod client;
/// The load generator's errors.
#[allow(dead_code)] // It makes more kinds of them.
#[path = "../bench/errors.rs"]
mod errors;
mod fixture;
mod grpc_client;
mod harness;
mod payload;
mod sdks;
#[path = "../bench/seed.rs"]
mod seed;

mod architecture;
mod attacks;
mod bad_input;
mod blobs;
mod bombs;
mod commands;
mod dictionaries;
mod django;
mod end_to_end;
mod facts;
#[allow(dead_code)] // Some of it is for the long form alone, `tests/torture`.
mod faults;
mod feedback;
mod filters;
mod first_run;
mod fuzzed;
mod grouped;
mod grouping;
mod grpc;
mod guards;
mod imports;
mod issue_page;
mod issue_search;
mod jaeger;
mod kept;
mod live;
mod logs;
mod meaning;
mod merged;
mod metrics;
mod monitors;
mod normalised;
mod one_trace;
mod otel_errors;
mod otlp_conformance;
mod otlp_ingest;
mod otlp_keys;
mod otlp_rust;
mod otlp_signals;
mod performance;
mod project_settings;
mod rate_limits;
mod reading;
mod release_health;
mod repack;
mod retention;
mod safety;
mod schemas;
mod sdk_matrix;
mod sealed_logs;
mod search;
mod security_reports;
mod sentry_api;
mod sentry_auth;
mod sentry_ingest;
mod short_links;
mod span_chunks;
mod span_items;
mod storm;
mod trace_page;
mod transfer;
mod truth;
mod turned_away;
mod workflow;
