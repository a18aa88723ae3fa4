//! What goes next, and how much of it at once: decisions on numbers, without a database or a clock.

use std::time::Duration;

use super::super::room::Sizes;
use crate::config::{
    DISK_RESERVE_BYTES, DISK_RESERVE_PART, DISK_SETTLED_MS, FREE_PAGES_BYTES_MAX, FREE_PAGES_PERCENT, MAX_SIZE_DEFAULT,
    MAX_SIZE_MIN, SLICE_MS,
};
use crate::model::storage::StoredKind;
use crate::model::time::DAY_MS;

/// What every kind may always take of the room there is, in percent, in the order of sacrifice. Room that one does not use
/// is free for the others; when there is none left, the kind furthest above its share gives up its oldest. So a flood of
/// one kind drops that kind, and errors are the last to go.
pub(super) const SHARES: [(StoredKind, u64); 10] = [
    (StoredKind::Replays, 5),
    (StoredKind::Profiles, 5),
    (StoredKind::Attachments, 6),
    (StoredKind::Metrics, 5),
    (StoredKind::Logs, 15),
    (StoredKind::Spans, 18),
    (StoredKind::Performance, 4),
    (StoredKind::CheckIns, 2),
    (StoredKind::Errors, 38),
    (StoredKind::Feedback, 2),
];

/// The kind that is to give up its oldest for want of room; `None` when nothing is left that could.
pub(super) fn next_to_drop(taken: &[(StoredKind, u64)], room: u64) -> Option<StoredKind> {
    let mut next: Option<(u64, StoredKind)> = None;
    for (kind, percent) in SHARES {
        let bytes = taken.iter().find(|(known, _)| *known == kind).map_or(0, |(_, bytes)| *bytes);
        if bytes == 0 {
            continue;
        }
        let excess = bytes.saturating_sub(room / 100 * percent);
        // The first of equals goes: nothing is above its share when what cannot be dropped takes the room.
        if next.is_none_or(|(most, _)| excess > most) {
            next = Some((excess, kind));
        }
    }
    next.map(|(_, kind)| kind)
}

/// The database and the disk it is on, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Space {
    /// Pages that hold something.
    pub(in super::super) used: u64,
    pub(in super::super) free_pages: u64,
    /// As the file system says; pages still in the write-ahead log may be missing.
    pub(in super::super) file: u64,
    pub(in super::super) wal: u64,
    pub(in super::super) disk: u64,
    pub(in super::super) disk_free: u64,
}

impl Space {
    pub(in super::super) fn reserve(&self) -> u64 {
        DISK_RESERVE_BYTES.min(self.disk / DISK_RESERVE_PART)
    }

    /// What the file may grow to, by the disk.
    pub(super) fn file_max(&self) -> u64 {
        (self.file + self.disk_free).saturating_sub(self.reserve())
    }

    /// What may be used of `max_size`, now that the disk is as it is.
    pub(super) fn room(&self, max_size: u64) -> u64 {
        max_size.min(self.file_max())
    }

    /// Bytes of free pages that should go back to the file system.
    pub(super) fn surplus(&self) -> u64 {
        let kept = (self.used / 100 * FREE_PAGES_PERCENT).min(FREE_PAGES_BYTES_MAX);
        self.free_pages.saturating_sub(kept)
    }
}

/// How far the disk lets the file grow, as retention goes by it. Where the database itself fills the disk, the oldest goes,
/// as at the cap. What others take costs nothing that is here: until the disk has stayed short for [`DISK_SETTLED_MS`],
/// what comes is refused when it is full; from then on it takes the place of the oldest, and no more than that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DiskBound {
    file_max: u64,
    /// How long the disk has allowed less than that.
    less_for: Duration,
    /// What was in use when a disk that others took was first gone by.
    floor: Option<u64>,
}

impl DiskBound {
    /// The disk as it is found.
    pub(super) fn starting_at(space: &Space) -> Self {
        let file_max = space.file_max();
        let is_short = Sizes::of(file_max).full() < space.used;
        Self { file_max, less_for: Duration::ZERO, floor: is_short.then_some(space.used) }
    }

    /// What is known after another look, so long after the last one.
    pub(super) fn look(self, space: &Space, since: Duration) -> Self {
        let file_max = space.file_max();
        let is_short = Sizes::of(file_max).full() < space.used;
        let floor = self.floor.filter(|_| is_short);
        if file_max >= self.file_max {
            return Self { file_max, less_for: Duration::ZERO, floor };
        }
        let less_for = self.less_for + since;
        if less_for < Duration::from_millis(DISK_SETTLED_MS) {
            return Self { less_for, floor, ..self };
        }
        Self { file_max, less_for: Duration::ZERO, floor: is_short.then(|| floor.unwrap_or(space.used)) }
    }

    /// From where on the oldest goes.
    pub(super) fn full(&self, max_size: u64) -> u64 {
        let by_disk = Sizes::of(self.file_max).full().max(self.floor.unwrap_or(0));
        Sizes::of(max_size).full().min(by_disk)
    }
}

/// The cap when nobody set one. What is there already fits, so that no upgrade drops anything for its size.
pub(super) fn default_max_size(space: &Space) -> u64 {
    let half = (space.used + space.disk_free) / 2;
    MAX_SIZE_DEFAULT.min(half).max(space.used + space.used / 2).max(MAX_SIZE_MIN)
}

/// Until when something is too old; `None` when it is kept as long as there is room.
pub(super) fn too_old_before(keep_days: u32, now_ms: i64) -> Option<i64> {
    (keep_days > 0).then(|| now_ms.saturating_sub(i64::from(keep_days) * DAY_MS))
}

/// How many rows one slice takes, learnt from how long the last ones took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SliceRows(pub(super) usize);

/// A bounded look at the head of a table, and at what one transaction changes.
const ROWS_MAX: usize = 4_096;
/// Half of the slice is for the commit, which cannot be measured from inside of it.
const AIM: Duration = Duration::from_millis(SLICE_MS / 2);

impl Default for SliceRows {
    fn default() -> Self {
        Self(32)
    }
}

impl SliceRows {
    /// After a slice of `rows` that took so long. Grows at most twofold, so that one lucky slice does not lead to one that
    /// holds up everybody; shrinks at once.
    pub(super) fn after(self, rows: usize, took: Duration) -> Self {
        if rows == 0 {
            return self;
        }
        // Rows that went along with those counted here teach nothing either.
        let fitting = rows.min(self.0) as f64 * AIM.as_secs_f64() / took.as_secs_f64().max(1e-6);
        let rows = if took > AIM { fitting } else { fitting.min(self.0 as f64 * 2.0) };
        Self((rows as usize).clamp(1, ROWS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_flood_of_one_kind_drops_that_kind_alone() {
        let room = 100 * MIB;
        for (flooding, percent) in SHARES {
            let mut taken: Vec<(StoredKind, u64)> =
                SHARES.iter().map(|(kind, percent)| (*kind, percent * MIB)).collect();
            for (kind, bytes) in &mut taken {
                if *kind == flooding {
                    *bytes += (1 + percent) * MIB;
                }
            }
            assert_eq!(next_to_drop(&taken, room), Some(flooding));
        }
    }

    #[test]
    fn the_largest_excess_goes_first_and_errors_last() {
        let taken = [(StoredKind::Errors, 60 * MIB), (StoredKind::Spans, 39 * MIB)];
        assert_eq!(next_to_drop(&taken, 100 * MIB), Some(StoredKind::Errors));
        let taken = [(StoredKind::Errors, 50 * MIB), (StoredKind::Spans, 39 * MIB)];
        assert_eq!(next_to_drop(&taken, 100 * MIB), Some(StoredKind::Spans));
        // Nothing above its share: what is never dropped takes the room.
        let taken = [(StoredKind::Errors, MIB), (StoredKind::Logs, MIB), (StoredKind::Replays, 1)];
        assert_eq!(next_to_drop(&taken, 100 * MIB), Some(StoredKind::Replays));
        assert_eq!(next_to_drop(&taken[..2], 100 * MIB), Some(StoredKind::Logs));
        assert_eq!(next_to_drop(&taken[..1], 100 * MIB), Some(StoredKind::Errors));
        assert_eq!(next_to_drop(&[(StoredKind::Errors, 0)], 100 * MIB), None);
        assert_eq!(next_to_drop(&[(StoredKind::Issues, MIB)], 1), None);
    }

    #[test]
    fn shares_are_all_of_the_room() {
        assert_eq!(SHARES.iter().map(|(_, percent)| percent).sum::<u64>(), 100);
        assert!(StoredKind::ALL.iter().all(|kind| kind.is_counted() == SHARES.iter().any(|(known, _)| known == kind)));
    }

    #[test]
    fn the_disk_bounds_the_room_before_it_is_full() {
        let disk = Space { used: 4 << 30, file: 5 << 30, disk: 100 << 30, disk_free: 50 << 30, ..Space::default() };
        assert_eq!(disk.room(10 << 30), 10 << 30);
        assert_eq!(DiskBound::starting_at(&disk).full(10 << 30) * 100 / (10 << 30), 92);
        let short = Space { disk_free: 100 * MIB, ..disk };
        // 156 MiB less than the file has now.
        assert_eq!(short.room(10 << 30), (5 << 30) - 156 * MIB);
        let tiny = Space { file: MIB, disk: 64 * MIB, disk_free: 60 * MIB, ..Space::default() };
        assert_eq!(tiny.reserve(), 64 * MIB / 10);
    }

    const CAP: u64 = 10 << 30;
    const MOMENT: Duration = Duration::from_millis(250);
    const SETTLED: Duration = Duration::from_millis(DISK_SETTLED_MS);

    #[test]
    fn a_disk_that_others_fill_takes_nothing_of_what_is_here() {
        let before = Space { used: 900 * MIB, file: 950 * MIB, disk: 2 << 30, disk_free: 1 << 30, ..Space::default() };
        let bound = DiskBound::starting_at(&before);
        let full = bound.full(CAP);
        assert!(full > 1_300 * MIB);
        // Whatever comes in meanwhile, the oldest stays: there was room for it.
        let filled = Space { disk_free: 0, ..before };
        let more = Space { used: 945 * MIB, ..filled };
        let meanwhile = bound.look(&filled, MOMENT).look(&more, MOMENT);
        assert_eq!(meanwhile.full(CAP), full);
        assert_eq!(meanwhile.look(&before, MOMENT), bound);
        // The cap holds all the same.
        assert!(meanwhile.full(500 * MIB) < 500 * MIB);
    }

    #[test]
    fn what_comes_displaces_the_oldest_once_a_disk_has_stayed_short() {
        let before = Space { used: 900 * MIB, file: 950 * MIB, disk: 2 << 30, disk_free: 1 << 30, ..Space::default() };
        let filled = Space { disk_free: 0, ..before };
        let settled = DiskBound::starting_at(&before).look(&filled, SETTLED);
        assert_eq!(settled.full(CAP), 900 * MIB);
        let more = Space { used: 910 * MIB, ..filled };
        assert_eq!(settled.look(&more, MOMENT).full(CAP), 900 * MIB);
        // A file that shrank, and another that others put there, take nothing along.
        let shrunk = Space { used: 900 * MIB, file: 901 * MIB, ..filled };
        assert_eq!(settled.look(&shrunk, MOMENT).look(&shrunk, SETTLED).full(CAP), 900 * MIB);
        // So is a disk that is found like that, and one that is free again is nothing to remember.
        assert_eq!(DiskBound::starting_at(&filled).full(CAP), 900 * MIB);
        assert_eq!(settled.look(&before, MOMENT), DiskBound::starting_at(&before));
    }

    #[test]
    fn where_the_database_itself_fills_the_disk_the_oldest_goes_at_once() {
        let growing = |used: u64| {
            let file = used + 10 * MIB;
            Space { used, file, disk: 2 << 30, disk_free: (1 << 30) - file, ..Space::default() }
        };
        let bound = DiskBound::starting_at(&growing(100 * MIB));
        let grown = growing(800 * MIB);
        assert_eq!(bound.look(&grown, MOMENT), bound);
        assert!(bound.full(CAP) < 800 * MIB);
    }

    #[test]
    fn the_default_cap_leaves_half_of_the_disk_and_takes_what_is_there() {
        let fresh = |disk_free: u64| default_max_size(&Space { disk_free, ..Space::default() });
        assert_eq!((fresh(1 << 40), fresh(8 << 30), fresh(0)), (10 << 30, 4 << 30, MAX_SIZE_MIN));
        let old = Space { used: 20 << 30, disk_free: 1 << 30, ..Space::default() };
        assert_eq!(default_max_size(&old), 30 << 30);
    }

    #[test]
    fn free_pages_go_back_but_for_some() {
        let space = |used: u64, free_pages: u64| Space { used, free_pages, ..Space::default() };
        assert_eq!(space(100 * MIB, 4 * MIB).surplus(), 0);
        assert_eq!(space(100 * MIB, 5 * MIB).surplus(), MIB);
        assert_eq!(space(100 << 30, 65 * MIB).surplus(), MIB);
    }

    #[test]
    fn slices_shrink_at_once_and_grow_step_by_step() {
        let rows = SliceRows(100);
        assert_eq!(rows.after(100, Duration::from_millis(1)), SliceRows(200));
        assert_eq!(rows.after(100, Duration::from_millis(10)), SliceRows(100));
        assert_eq!(rows.after(100, Duration::from_millis(100)), SliceRows(10));
        assert_eq!(rows.after(100, Duration::from_secs(100)), SliceRows(1));
        // The last few rows of a kind teach nothing, and nothing at all teaches nothing.
        assert_eq!(rows.after(1, Duration::from_micros(10)), SliceRows(200));
        assert_eq!(rows.after(0, Duration::ZERO), rows);
        let mut growing = SliceRows::default();
        for _ in 0..20 {
            growing = growing.after(growing.0, Duration::ZERO);
        }
        assert_eq!(growing, SliceRows(ROWS_MAX));
    }

    #[test]
    fn nothing_is_too_old_that_is_kept_as_long_as_there_is_room() {
        assert_eq!(too_old_before(0, 5), None);
        assert_eq!(too_old_before(2, 3 * DAY_MS), Some(DAY_MS));
    }
}
