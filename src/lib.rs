//! trapline: errors and traces of a Django application, kept and explained by one process and one file.
pub mod grouping;
pub mod http;
pub mod model;
pub mod otlp;
pub mod sentry;
