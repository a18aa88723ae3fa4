//! For whoever supervises the server: is it alive, and is it ready to keep what it is sent?
//!
//! Knows no request and reads nothing from the disk, so that it answers whatever the disk does.

use hyper::{Response, StatusCode};

use super::Server;
use super::respond::{Body, bytes};
use crate::store::WriterState;

pub(super) fn live() -> Response<Body> {
    bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// 200, or 503 with the reason. What is there can be read in every state but the first.
pub(super) fn ready(server: &Server) -> Response<Body> {
    let state = server.ready.borrow().as_ref().map(|ready| ready.store.writer_state());
    let (status, words) = match state {
        Some(WriterState::Ready) => (StatusCode::OK, "ready\n"),
        // It stores all the same: taking it out of a balancer would help nobody.
        Some(WriterState::LogHeld) => (
            StatusCode::OK,
            "ready, but the write-ahead log grows and cannot be emptied: another program has been reading the database \
             for long (sqlite3, a backup or an export under way); end it, or wait for it\n",
        ),
        None => (StatusCode::SERVICE_UNAVAILABLE, "starting: the database is being opened\n"),
        Some(WriterState::DiskFull) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "disk full: nothing is stored until some space is freed, then it goes on by itself\n",
        ),
        Some(WriterState::DiskFullOfLog) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "disk full: nothing is stored, because the write-ahead log cannot be emptied: another program has been reading \
             the database for long (sqlite3, a backup or an export under way); end it, then it goes on by itself\n",
        ),
        Some(WriterState::QueueFull) => {
            (StatusCode::SERVICE_UNAVAILABLE, "queue full: more is sent than the disk can take\n")
        }
        Some(WriterState::Stalled) => (StatusCode::SERVICE_UNAVAILABLE, "stalled: the disk does not answer\n"),
    };
    bytes(status, "text/plain; charset=utf-8", words)
}
