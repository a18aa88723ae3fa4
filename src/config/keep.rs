//! How long each kind of thing is kept, and how much room all of it may take.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::storage::StoredKind;

/// Days, 0 for as long as there is room.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Keep {
    pub errors: u32,
    pub spans: u32,
    pub logs: u32,
    pub metrics: u32,
    pub attachments: u32,
    pub profiles: u32,
    pub replays: u32,
    pub check_ins: u32,
    pub feedback: u32,
    pub sessions: u32,
    pub counts: u32,
    pub performance: u32,
    pub max_size: MaxSize,
}

/// Longest time that can be asked for, in days: a century.
pub const KEEP_DAYS_MAX: u32 = 36_500;

impl Default for Keep {
    fn default() -> Self {
        Self {
            // A bug is found again when it comes back a release or two later.
            errors: 90,
            // What is slow or odd is looked at within days; these are most of the bytes.
            spans: 30,
            logs: 30,
            metrics: 30,
            // Large, and looked at while the error is fresh.
            attachments: 30,
            profiles: 30,
            replays: 30,
            // Jobs that run once a month are seen to have run.
            check_ins: 90,
            // People wrote it, and it is small.
            feedback: 365,
            // Releases are compared with those of last season.
            sessions: 90,
            // A year can be compared with the one before.
            counts: 400,
            // Longer than the spans it was counted from: last season's releases are compared with this one's.
            performance: 120,
            max_size: MaxSize::Auto,
        }
    }
}

impl Keep {
    /// `None` for what is never dropped.
    pub fn days(&self, kind: StoredKind) -> Option<u32> {
        Some(match kind {
            StoredKind::Errors => self.errors,
            StoredKind::Spans => self.spans,
            StoredKind::Logs => self.logs,
            StoredKind::Metrics => self.metrics,
            StoredKind::Attachments => self.attachments,
            StoredKind::Profiles => self.profiles,
            StoredKind::Replays => self.replays,
            StoredKind::CheckIns => self.check_ins,
            StoredKind::Feedback => self.feedback,
            StoredKind::Sessions => self.sessions,
            StoredKind::Counts => self.counts,
            StoredKind::Performance => self.performance,
            StoredKind::Issues | StoredKind::Server => return None,
        })
    }
}

/// How much the database may hold, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxSize {
    /// The smaller of [`super::MAX_SIZE_DEFAULT`] and half of the disk's free room at the first start.
    #[default]
    Auto,
    Bytes(u64),
}

impl FromStr for MaxSize {
    type Err = String;

    /// `auto`, `10 GiB`, `500MB`, `10737418240`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRITE: &str = "write a number of bytes, a size such as \"10 GiB\", or \"auto\"";
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "t" | "tib" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(format!("\"{text}\" is no size: {WRITE}")),
        };
        let number: f64 = number.parse().map_err(|_| format!("\"{text}\" is no size: {WRITE}"))?;
        Ok(Self::Bytes((number * factor as f64) as u64))
    }
}

impl std::fmt::Display for MaxSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Bytes(bytes) => bytes.fmt(f),
        }
    }
}

impl Serialize for MaxSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text, or a bare number of bytes.
impl<'de> Deserialize<'de> for MaxSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of bytes, a size such as \"10 GiB\", or \"auto\"")]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self::Bytes(bytes)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("10 GiB", 10 << 30),
            ("10gib", 10 << 30),
            ("1.5G", 3 << 29),
            ("500 MB", 500_000_000),
            ("123", 123),
            (" 64 MiB ", 64 << 20),
        ] {
            assert_eq!(text.parse(), Ok(MaxSize::Bytes(bytes)), "{text}");
        }
        assert_eq!("Auto".parse(), Ok(MaxSize::Auto));
        for text in ["", "GiB", "-1", "ten", "10 apples", "1.2.3 GB"] {
            assert!(text.parse::<MaxSize>().is_err(), "{text}");
        }
    }
}
