//! trapline
pub mod app;
pub mod config;
mod r#gen;
pub mod grouping;
pub mod http;
pub mod ingest;
pub mod model;
pub mod otlp;
pub mod sentry;
pub mod store;
