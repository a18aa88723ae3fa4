//! Identifiers. Those that come from outside are parsed to bytes before any use, so no id text ever reaches a
//! path, a query or a page unchecked.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A small positive integer: SDKs refuse anything else in a DSN (sentry-python parses it with `int`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectId(pub u32);

impl ProjectId {
    /// `None` for zero, signs, spaces, letters and anything over `u32::MAX`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().filter(|n| *n > 0).map(Self)
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Accepts hex in either case, with or without dashes; `None` for any other length or letter.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hex::<$bytes>(text).map(Self)
            }

            /// `None` unless there are exactly the right number of bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// All zero means "absent" in both protocols.
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $bytes]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }
    };
}

hex_id!(
    /// What the SDK calls an event; unique within a project.
    EventId,
    16
);
hex_id!(
    /// What the SDK calls one run of a monitored job; unique within a project.
    CheckInId,
    16
);
hex_id!(
    /// Shared by Sentry and OpenTelemetry (W3C trace context).
    TraceId,
    16
);
hex_id!(
    /// Shared by Sentry and OpenTelemetry (W3C trace context).
    SpanId,
    8
);
hex_id!(
    /// The public half of a DSN: 32 hex characters.
    PublicKey,
    16
);

impl EventId {
    /// As a UUID is written.
    pub fn dashed(&self) -> String {
        let hex = self.to_string();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl TraceId {
    /// The 63-bit key traces are indexed by. Spans carry the full id, which is compared after every look-up.
    pub fn key(&self) -> i64 {
        positive(xxh3_64(&self.0))
    }
}

/// Identity of an issue: computed from the project and the grouping hash, never looked up, so that any node
/// would give the same bug the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssueId(pub i64);

impl IssueId {
    /// `hash64(project, grouping hash)`, 63 bits.
    pub fn of(project: ProjectId, hash: &[u8; 16]) -> Self {
        Self(positive(xxh3_64_with_seed(hash, u64::from(project.0))))
    }

    /// The issue that the same bug is when it comes again after this one was deleted, and is not all gone yet.
    pub fn successor(self) -> Self {
        Self(positive(xxh3_64(&self.0.to_le_bytes())))
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn positive(hash: u64) -> i64 {
    (hash & (i64::MAX as u64)) as i64
}

/// Hands out 63-bit ids that rise with time: 42 bits of milliseconds since 2020, 5 bits of node, 16 bits of
/// counter. They never run backwards, whatever the clock does.
#[derive(Debug)]
pub struct ServerIds {
    last_ms: u64,
    counter: u64,
}

/// 2020-01-01T00:00:00Z; 42 bits of milliseconds from here last until 2159.
const ID_EPOCH_MS: u64 = 1_577_836_800_000;
const ID_COUNTER_BITS: u32 = 16;
const ID_NODE_BITS: u32 = 5;

/// How far apart in ids two milliseconds are, at least.
pub const SERVER_IDS_PER_MS: i64 = 1 << (ID_COUNTER_BITS + ID_NODE_BITS);

impl ServerIds {
    /// `last` is the highest id already in use (0 for none): the next one is greater even when the clock was set back.
    pub fn after(last: i64) -> Self {
        let last = last.max(0) as u64;
        Self { last_ms: last >> (ID_COUNTER_BITS + ID_NODE_BITS), counter: last & ((1 << ID_COUNTER_BITS) - 1) }
    }

    /// The least id given at a time, in unix milliseconds, or after it.
    pub fn first_of(time_ms: i64) -> i64 {
        ((time_ms.max(0) as u64).saturating_sub(ID_EPOCH_MS) << (ID_COUNTER_BITS + ID_NODE_BITS)) as i64
    }

    /// The next id, given the present time in unix milliseconds.
    pub fn next(&mut self, now_ms: i64) -> i64 {
        let now = (now_ms.max(0) as u64).saturating_sub(ID_EPOCH_MS);
        if now > self.last_ms {
            self.last_ms = now;
            self.counter = 0;
        } else {
            self.counter += 1;
            if self.counter >> ID_COUNTER_BITS != 0 {
                self.last_ms += 1;
                self.counter = 0;
            }
        }
        ((self.last_ms << (ID_COUNTER_BITS + ID_NODE_BITS)) | self.counter) as i64
    }
}

/// Hex in either case, dashes skipped; `None` unless exactly `N` bytes result.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0_u8; N];
    let mut nibbles = 0;
    for byte in text.bytes() {
        if byte == b'-' {
            continue;
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        *out.get_mut(nibbles / 2)? |= if nibbles % 2 == 0 { value << 4 } else { value };
        nibbles += 1;
    }
    (nibbles == N * 2).then_some(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_come_dashed_plain_and_in_capitals() {
        let plain = EventId::parse("fc6d8c0c43fc4630ad850ee518f1b9d0");
        assert_eq!(plain, EventId::parse("FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0"));
        assert_eq!(plain.map(|id| id.to_string()).as_deref(), Some("fc6d8c0c43fc4630ad850ee518f1b9d0"));
    }

    #[test]
    fn ids_of_another_length_or_alphabet_are_none() {
        for text in
            ["", "abc", "../../etc/passwd", "fc6d8c0c43fc4630ad850ee518f1b9d0ff", "zc6d8c0c43fc4630ad850ee518f1b9d0"]
        {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn project_ids_are_positive_integers() {
        assert_eq!(ProjectId::parse("42"), Some(ProjectId(42)));
        for text in ["", "0", "-1", "+1", " 1", "x", "99999999999"] {
            assert_eq!(ProjectId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn server_ids_rise_even_when_the_clock_goes_back_or_the_process_restarts() {
        let mut ids = ServerIds::after(0);
        let first = ids.next(1_800_000_000_000);
        let second = ids.next(1_700_000_000_000);
        assert!(second > first);
        let mut restarted = ServerIds::after(second);
        assert!(restarted.next(1_600_000_000_000) > second);
    }

    #[test]
    fn server_ids_survive_a_full_counter() {
        let mut ids = ServerIds::after(0);
        let mut last = 0;
        for _ in 0..70_000 {
            let id = ids.next(1_800_000_000_000);
            assert!(id > last);
            last = id;
        }
    }
}
