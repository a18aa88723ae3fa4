//! The power goes: the writes of the real binary are replayed up to one of many moments, and what an honest disk may then
//! hold is opened.
//!
//! A harness that finds nothing proves nothing: the same one must find losses when the log is not synced before the
//! answer (`durability = "normal"`).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use tempfile::TempDir;

use super::ledger::{Answered, Ledger};
use super::shim::Shim;
use super::timeline::{Chance, Disk, Timeline};
use super::{Budget, Tally};
use crate::harness::Trapline;

const SENDERS: usize = 6;
const DATABASE: &str = "data/trapline.db";

pub fn full(budget: &Budget) -> Tally {
    let mut tally = Tally::of("states");
    let mut seed = budget.seed;
    // Each traced run is another interleaving.
    while budget.goes_on(tally.tried, 1) {
        let run = Traced::of(&["--durability", "full"], if budget.is_long { 200 } else { 90 });
        let (states, starts) = if budget.is_long { (1_500, 12) } else { (160, 3) };
        run.try_states(&mut tally, states, seed, |tried| budget.goes_on(tried, 160));
        run.start_in_states(&mut tally, starts, seed);
        seed += 1;
    }
    tally
}

pub fn normal(budget: &Budget) -> Tally {
    let run = Traced::of(&["--durability", "normal"], 90);
    let mut found = Tally::of("states");
    run.try_states(&mut found, if budget.is_long { 600 } else { 100 }, budget.seed, |_| true);
    // What it must not do even then.
    let mut tally =
        Tally { tried: found.tried, answered: found.answered, damaged: found.damaged, ..Tally::of("states") };
    assert!(found.lost > 0, "the harness found no loss where there must be some: it proves nothing");
    tally.note(format!("{} answers lost, as must be with durability normal", found.lost));
    tally
}

/// A run of the server, written down.
struct Traced {
    timeline: Timeline,
    /// Numbers and where in the timeline their 200 began to be sent.
    answered: Vec<(usize, u64)>,
    ledger: Ledger,
}

impl Traced {
    /// From the very first start on: load, a pause in which the log is moved into the database, load, an orderly stop.
    fn of(args: &[&str], requests: u64) -> Self {
        let shim = Shim::new();
        let mut server = shim.start(args, true);
        let ledger = Ledger::default();
        ledger.send(&server, SENDERS, requests / 2);
        let log = server.database().with_extension("db-wal");
        crate::harness::wait_for("an empty log", || {
            std::fs::metadata(&log).is_ok_and(|log| log.len() == 0).then_some(())
        });
        ledger.send(&server, SENDERS, requests / 2);
        assert!(server.terminate().success(), "{}", server.log());
        let found = ledger.compare_file(&server.database());
        assert!(
            found.is_good() && found.answered + 5 >= requests,
            "before any power cut: {found:?} {:?}",
            ledger.statuses()
        );
        let timeline = Timeline::read(&shim.trace_path());
        let answered = places(&timeline, &ledger.answers());
        Self { timeline, answered, ledger }
    }

    fn try_states(&self, tally: &mut Tally, states: u64, seed: u64, goes_on: impl Fn(u64) -> bool) {
        let mut chance = Chance::new(seed);
        let mut cuts: Vec<usize> = (0..states).map(|_| self.draw_cut(&mut chance)).collect();
        cuts.sort_unstable();
        let mut disk = Disk::default();
        let mut done = 0;
        for cut in cuts {
            for record in &self.timeline.records[done..cut] {
                disk.step(&self.timeline, record);
            }
            done = cut;
            let dir = state_dir();
            disk.write_crashed(&self.timeline, dir.path(), &mut chance);
            let found = super::ledger::compare(&dir.path().join(DATABASE), &self.kept_at(cut));
            tally.tried += 1;
            if !found.is_good() && tally.notes.len() < 5 {
                tally.note(format!("seed {seed}, cut {cut} of {}:", self.timeline.records.len()));
                tally.add(&found);
            } else {
                tally.lost += found.lost;
                tally.doubled += found.doubled;
                tally.damaged += u64::from(found.damage.is_some());
                tally.answered += found.answered;
            }
            if !goes_on(tally.tried) {
                break;
            }
        }
    }

    /// Starts the binary itself in some of the states: it comes up, shows what was answered, and takes it again without
    /// counting it twice.
    fn start_in_states(&self, tally: &mut Tally, states: u64, seed: u64) {
        let mut chance = Chance::new(seed ^ 0x5747);
        for _ in 0..states {
            let cut = self.draw_cut(&mut chance);
            let mut disk = Disk::default();
            self.timeline.records[..cut].iter().for_each(|record| disk.step(&self.timeline, record));
            let dir = state_dir();
            disk.write_crashed(&self.timeline, dir.path(), &mut chance);
            let kept = self.kept_at(cut);
            let mut server = Trapline::start_in(dir, &[]);
            for number in &kept {
                self.ledger.request(&server, *number).send().expect(200);
            }
            assert!(server.terminate().success(), "{}", server.log());
            let found = super::ledger::compare(&server.database(), &kept);
            tally.tried += 1;
            tally.add(&found);
        }
    }

    /// Anywhere, and as often right after an answer, when the least may be lost.
    fn draw_cut(&self, chance: &mut Chance) -> usize {
        if chance.below(2) == 0 {
            return chance.below(self.timeline.records.len() as u64) as usize;
        }
        self.answered[chance.below(self.answered.len() as u64) as usize].0 + 1
    }

    fn kept_at(&self, cut: usize) -> BTreeSet<u64> {
        self.answered.iter().filter(|(place, _)| *place < cut).map(|(_, number)| *number).collect()
    }
}

/// Where each 200 is in the timeline: the answers to one port come in the order of its requests.
fn places(timeline: &Timeline, answers: &[Answered]) -> Vec<(usize, u64)> {
    let by_port = timeline.answers();
    let mut nth: HashMap<u16, usize> = HashMap::new();
    let mut places = Vec::new();
    for answered in answers.iter().filter(|answered| answered.status.is_some()) {
        let nth = nth.entry(answered.port).or_default();
        let (place, status) = by_port[&answered.port][*nth];
        *nth += 1;
        assert_eq!(Some(status), answered.status, "the trace and the ledger tell different stories");
        if status == 200 {
            places.push((place, answered.number));
        }
    }
    places.sort_unstable();
    places
}

/// In memory where there is such a place: thousands of states are written and read once.
fn state_dir() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}
