//! What can go wrong around the store, done to the real binary on purpose: power cuts, full and failing disks, damaged
//! files, clocks that jump, too few file descriptors.
//!
//! One list for two uses: each fault has a short form that runs with the other tests, and a long one in `make torture`
//! (`tests/torture`), which only differ in how often they try. Whatever happens, what was answered with 200 is there, and
//! once. Senders keep the ledger ([`ledger`]); [`shim`] stands between the binary and the system.

mod clock;
mod damage;
mod decisions;
mod descriptors;
pub mod disk;
mod files;
mod ledger;
mod memory;
mod poison;
mod power;
pub mod refused;
mod replaced;
mod shared_disk;
mod shim;
mod stops;
mod timeline;

use std::time::{Duration, Instant};

/// How often to try.
pub struct Budget {
    until: Instant,
    pub is_long: bool,
    pub seed: u64,
}

impl Budget {
    /// As little as shows anything.
    pub fn short() -> Self {
        Self { until: Instant::now(), is_long: false, seed: 1 }
    }

    /// As often as there is time for.
    pub fn long(duration: Duration, seed: u64) -> Self {
        Self { until: Instant::now() + duration, is_long: true, seed }
    }

    /// Whether to go on after so many tries; at least `least` in any case.
    pub fn goes_on(&self, tried: u64, least: u64) -> bool {
        tried < least || Instant::now() < self.until
    }
}

/// What came of a fault.
#[derive(Default)]
pub struct Tally {
    /// What is counted in `tried`: cycles, states, requests.
    pub unit: &'static str,
    pub tried: u64,
    /// Requests answered with 200, and what of them was not there, or there twice.
    pub answered: u64,
    pub lost: u64,
    pub doubled: u64,
    /// Databases that could not be read, or whose counters were wrong.
    pub damaged: u64,
    pub notes: Vec<String>,
    /// Why it could not be tried on this machine.
    pub skipped: Option<String>,
}

impl Tally {
    fn of(unit: &'static str) -> Self {
        Self { unit, ..Self::default() }
    }

    fn skipped(why: impl Into<String>) -> Self {
        Self { unit: "", skipped: Some(why.into()), ..Self::default() }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn add(&mut self, found: &ledger::Found) {
        self.answered += found.answered;
        self.lost += found.lost;
        self.doubled += found.doubled;
        self.damaged += u64::from(found.damage.is_some());
        self.notes.extend(found.damage.clone());
        self.notes.extend(found.first_lost.clone());
    }

    /// As [`Self::add`], of answers that will be counted once more.
    fn add_meanwhile(&mut self, found: ledger::Found) {
        self.add(&ledger::Found { answered: 0, ..found });
    }

    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.damaged == 0
    }
}

pub struct Fault {
    pub name: &'static str,
    pub what: &'static str,
    /// Of the long form's time, in hundredths; a fault without a share is done once.
    pub share: u32,
    pub run: fn(&Budget) -> Tally,
}

pub const FAULTS: &[Fault] = &[
    Fault { name: "kill", what: "kill -9 under load, again and again", share: 25, run: stops::kill },
    Fault { name: "term", what: "SIGTERM under load", share: 12, run: stops::terminate },
    Fault { name: "power", what: "power cuts, durability full", share: 35, run: power::full },
    Fault { name: "power-normal", what: "power cuts, durability normal: must lose", share: 3, run: power::normal },
    Fault { name: "torn-log", what: "log cut at every 512 bytes, bits turned in it", share: 5, run: files::torn_log },
    Fault { name: "damaged-db", what: "bits turned in the database", share: 5, run: damage::flipped_database },
    Fault { name: "full-disk", what: "disk fills up and has room again", share: 5, run: disk::full },
    Fault { name: "full-at-start", what: "the disk is full when it starts", share: 0, run: disk::full_at_start },
    Fault { name: "shared-disk", what: "others fill the disk, an ext4", share: 3, run: shared_disk::filled_by_others },
    Fault { name: "eio-sync", what: "fsync fails", share: 3, run: disk::failing_sync },
    Fault { name: "eio-write", what: "writes fail", share: 3, run: disk::failing_write },
    Fault { name: "eio-read", what: "reads fail", share: 1, run: disk::failing_read },
    Fault { name: "replaced", what: "the database or its log is replaced or removed", share: 0, run: replaced::run },
    Fault { name: "slow-disk", what: "every fsync takes 200 ms", share: 0, run: disk::slow },
    Fault { name: "poison", what: "rows that the database refuses", share: 0, run: poison::run },
    Fault { name: "refused", what: "read-only, foreign or taken directory", share: 0, run: refused::run },
    Fault { name: "clock", what: "clock jumps by 1 h and 10 years, both ways", share: 3, run: clock::run },
    Fault { name: "descriptors", what: "1000 connections, 256 descriptors", share: 0, run: descriptors::run },
    Fault { name: "few-descriptors", what: "150 senders, 64 descriptors", share: 0, run: descriptors::few },
    Fault { name: "memory", what: "flood; most memory used", share: 0, run: memory::flood },
    Fault { name: "long-reader", what: "a reader that stays open", share: 0, run: memory::long_reader },
];

/// Lets time pass while others work: until a moment, not until something is seen.
pub fn pass(duration: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, FAULTS};

    #[track_caller]
    fn survives(name: &str) {
        let fault = FAULTS.iter().find(|fault| fault.name == name).unwrap();
        let tally = (fault.run)(&Budget::short());
        if let Some(why) = tally.skipped {
            #[allow(clippy::print_stderr)] // Nextest shows it, and a test that did nothing must say so.
            {
                eprintln!("NOT TRIED: {}: {why}", fault.what);
            }
            assert!(std::env::var_os("CI").is_none(), "the CI has to be able to try this: {why}");
            return;
        }
        assert!(tally.tried > 0);
        assert!(
            tally.is_good(),
            "{name}: of {} answered {} lost, {} doubled, {} damaged: {:?}",
            tally.answered,
            tally.lost,
            tally.doubled,
            tally.damaged,
            tally.notes
        );
    }

    macro_rules! survived {
        ($($test:ident: $name:literal)*) => { $(#[test] fn $test() { survives($name); })* };
    }

    survived! {
        kill_9_loses_nothing: "kill"
        a_stop_under_load_answers_what_it_took: "term"
        a_power_cut_at_any_moment_loses_nothing: "power"
        a_power_cut_with_durability_normal_is_seen_to_lose: "power-normal"
        a_torn_log_opens_with_what_is_whole: "torn-log"
        a_damaged_database_is_named_never_a_panic: "damaged-db"
        a_full_disk_heals_by_itself: "full-disk"
        a_disk_that_is_full_at_the_start_is_told_and_heals: "full-at-start"
        a_disk_that_others_fill_costs_nothing_that_was_stored: "shared-disk"
        a_failing_fsync_ends_the_process: "eio-sync"
        a_failing_write_ends_the_process: "eio-write"
        a_failing_read_is_told: "eio-read"
        a_lost_file_ends_the_process: "replaced"
        a_slow_disk_only_makes_wait: "slow-disk"
        a_bad_row_costs_itself: "poison"
        a_directory_it_cannot_have_is_refused: "refused"
        the_clock_may_jump: "clock"
        a_thousand_connections_and_few_descriptors: "descriptors"
        what_finds_no_descriptor_may_be_sent_again: "few-descriptors"
        a_flood_stays_within_memory: "memory"
        a_reader_that_stays_does_not_stop_it: "long-reader"
    }
}
