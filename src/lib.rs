//! trapline
pub mod config;
mod r#gen;
pub mod grouping;
pub mod http;
pub mod model;
pub mod otlp;
pub mod sentry;
pub mod store;
