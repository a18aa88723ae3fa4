//! Which profiler watched a kept transaction, and when by the client's own clock.
//!
//! Chunks of profiles name a profiler and times of that clock and nothing else, so they are found by these, not by the
//! times of spans, which were corrected where the clock was wrong.

use crate::model::ids::EventId;
use crate::sentry::clock::time_ns;
use crate::sentry::json::{Object, Scalar, wire_object};

/// A stretch of a profiled process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profiled {
    pub profiler_id: EventId,
    /// Unix nanoseconds as sent.
    pub start_ns: i64,
    pub end_ns: i64,
}

wire_object! {
    WireProfiled {
        start: Scalar<'a> = "start_timestamp",
        end: Scalar<'a> = "timestamp",
        contexts: Object<WireContexts<'a>> = "contexts",
    }
}

wire_object! {
    WireContexts {
        profile: Object<WireProfile<'a>> = "profile",
    }
}

wire_object! {
    WireProfile {
        profiler_id: Scalar<'a> = "profiler_id",
    }
}

/// `None` for transactions that no continuous profiler watched, and for anything that is no transaction.
pub fn profiled(transaction: &[u8]) -> Option<Profiled> {
    memchr::memmem::find(transaction, b"\"profiler_id\"")?;
    let Object(wire) = serde_json::from_slice::<Object<WireProfiled<'_>>>(transaction).ok()?;
    let wire = wire?;
    let profiler_id = EventId::parse(wire.contexts.get()?.profile.get()?.profiler_id.as_str()?)?;
    Some(Profiled { profiler_id, start_ns: time_ns(&wire.start)?, end_ns: time_ns(&wire.end)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_the_clients() {
        let json = br#"{"start_timestamp":"2026-11-21T10:00:00Z","timestamp":1795255201.5,
            "contexts":{"profile":{"profiler_id":"0af7651916cd43dd8448eb211c80319c"}}}"#;
        let found = profiled(json).unwrap();
        assert_eq!((found.end_ns - found.start_ns) / 1_000_000, 1500);
        assert_eq!(profiled(br#"{"profiler_id":1}"#), None);
        assert_eq!(profiled(b"\"profiler_id\""), None);
    }
}
