//! What takes room: the kinds of things kept, how much of each there is, and when it goes.
//!
//! Owns the words and the shape of the answer. Counts nothing and decides nothing.

/// What is kept, as far as it is kept and dropped for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoredKind {
    /// Events with their bodies.
    Errors,
    Spans,
    Logs,
    Metrics,
    Attachments,
    Profiles,
    Replays,
    CheckIns,
    /// What people wrote.
    Feedback,
    /// Sessions and users of releases, by hour.
    Sessions,
    /// What was counted by hour: events of issues, outcomes, what keys were let in with.
    Counts,
    /// How often and how fast endpoints, jobs and queries were.
    Performance,
    /// Issues with their numbers, and releases: never dropped.
    Issues,
    /// Projects, keys, settings, monitors, and the pages that hold the database together.
    /// And what kinds without a row take all the same.
    Server,
}

impl StoredKind {
    pub const ALL: [Self; 14] = [
        Self::Errors,
        Self::Spans,
        Self::Logs,
        Self::Metrics,
        Self::Attachments,
        Self::Profiles,
        Self::Replays,
        Self::CheckIns,
        Self::Feedback,
        Self::Sessions,
        Self::Counts,
        Self::Performance,
        Self::Issues,
        Self::Server,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Attachments => "attachments",
            Self::Profiles => "profiles",
            Self::Replays => "replays",
            Self::CheckIns => "check_ins",
            Self::Feedback => "feedback",
            Self::Sessions => "sessions",
            Self::Counts => "counts",
            Self::Performance => "performance",
            Self::Issues => "issues",
            Self::Server => "server",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Errors => "Errors",
            Self::Spans => "Spans",
            Self::Logs => "Logs",
            Self::Metrics => "Metrics",
            Self::Attachments => "Attachments",
            Self::Profiles => "Profiles",
            Self::Replays => "Replays",
            Self::CheckIns => "Check-ins",
            Self::Feedback => "Feedback",
            Self::Sessions => "Sessions",
            Self::Counts => "Counts by hour",
            Self::Performance => "Performance",
            Self::Issues => "Issues",
            Self::Server => "The rest",
        }
    }

    /// Whether its rows are counted one by one, and the oldest go when room is short. What is not is small.
    pub fn is_counted(self) -> bool {
        !matches!(self, Self::Sessions | Self::Counts | Self::Issues | Self::Server)
    }

    /// Whether it is never dropped.
    pub fn is_for_ever(self) -> bool {
        matches!(self, Self::Issues | Self::Server)
    }
}

/// Why something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropCause {
    /// Older than it is kept.
    Age,
    /// Room was short, and it was the oldest of what takes more than its share.
    Size,
}

impl DropCause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Size => "size",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Age, Self::Size].into_iter().find(|cause| cause.as_str() == text)
    }
}

/// One kind's part of the database.
#[derive(Clone, Debug, PartialEq)]
pub struct KindStored {
    pub kind: StoredKind,
    /// `None` for what is not counted one by one.
    pub rows: Option<u64>,
    /// Pages of the file, indexes included.
    pub bytes: u64,
    /// When the oldest came in, to the day.
    pub oldest_ms: Option<i64>,
    /// 0: as long as there is room. `None`: for ever.
    pub keep_days: Option<u32>,
    /// What came in a day of late and is still here.
    pub bytes_per_day: u64,
    /// When the oldest will go, and why, if everything goes on as it does.
    pub next_drop: Option<(i64, DropCause)>,
}

impl KindStored {
    /// Whether there is anything of it. What there is not is told with the rest.
    pub fn holds_something(&self) -> bool {
        match self.rows {
            Some(rows) => rows > 0,
            None => self.oldest_ms.is_some() || self.kind.is_for_ever(),
        }
    }
}

/// What retention dropped of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindDropped {
    pub kind: StoredKind,
    pub cause: DropCause,
    /// Days since the epoch, UTC.
    pub day: i64,
    pub rows: u64,
    pub bytes: u64,
}

/// Where the room goes.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageReport {
    pub path: String,
    pub now_ms: i64,
    pub kinds: Vec<KindStored>,
    /// Pages in use.
    pub used_bytes: u64,
    /// Pages of the file that hold nothing; they are filled again or given back.
    pub free_page_bytes: u64,
    pub file_bytes: u64,
    pub wal_bytes: u64,
    /// What may be used at most.
    pub max_bytes: u64,
    /// It was not set, but chosen at the first start.
    pub is_max_default: bool,
    /// From here on the oldest goes.
    pub full_bytes: u64,
    /// Less than `max_bytes` allows, because the disk has no more.
    pub is_disk_short: bool,
    pub disk_bytes: u64,
    pub disk_free_bytes: u64,
    /// Left free on the disk, whatever the cap.
    pub reserve_bytes: u64,
    /// Free pages can go back to the file system.
    pub can_shrink: bool,
    /// The machine's clock is far ahead of what was seen last, since this time: nothing is dropped for its age.
    pub clock_ahead_since_ms: Option<i64>,
    /// Nothing is answered before the disk has confirmed it.
    pub is_synced: bool,
    /// By day, newest first.
    pub dropped: Vec<KindDropped>,
}
