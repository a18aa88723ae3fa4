//! Half a log, or a log with wrong bits in it: what opens is a beginning of what was written, whole and in order.

use std::path::Path;

use rusqlite::Connection as Database;
use tempfile::TempDir;

use super::ledger::{Ledger, compare};
use super::timeline::Chance;
use super::{Budget, Tally};
use crate::harness::Trapline;

const FRAME: usize = 24 + 4096;

pub fn torn_log(budget: &Budget) -> Tally {
    let mut tally = Tally::of("states");
    let mut server = Trapline::start();
    let ledger = Ledger::default();
    ledger.send(&server, 4, 45);
    server.kill9();
    let database = std::fs::read(server.database()).unwrap();
    let log = std::fs::read(server.database().with_extension("db-wal")).unwrap();
    assert!(log.len() > 20 * FRAME, "the log has {} bytes", log.len());

    // Shorter and shorter: never more than before, and never half a request.
    let frames = if budget.is_long { 40 } else { 4 };
    let first = log.len() - frames * FRAME;
    let mut before = u64::MAX;
    for end in (first..=log.len()).rev().step_by(512) {
        let events = opened(&database, &log[..end], &mut tally);
        assert!(events <= before, "{events} events in a log of {end} bytes, {before} in a longer one");
        before = events;
    }

    let whole = opened(&database, &log, &mut tally);
    let mut chance = Chance::new(budget.seed);
    let mut flips = 0;
    while budget.goes_on(flips, 30) {
        let mut torn = log.clone();
        let place = chance.below(torn.len() as u64) as usize;
        if flips % 3 == 0 {
            let end = (place + 1 + chance.below(3 * FRAME as u64) as usize).min(torn.len());
            torn[place..end].fill(chance.below(256) as u8);
        } else {
            torn[place] ^= 1 << chance.below(8);
        }
        assert!(opened(&database, &torn, &mut tally) <= whole);
        flips += 1;
    }

    // The binary itself, on a log that ends in the middle of a frame.
    let dir = TempDir::new().unwrap();
    write_pair(&dir.path().join("data"), &database, &log[..log.len() - FRAME - 100]);
    let mut server = Trapline::start_in(dir, &[]);
    ledger.send_again(&server);
    assert!(server.terminate().success(), "{}", server.log());
    let found = ledger.compare_file(&server.database());
    tally.add(&found);
    tally
}

/// How many events there are, when nothing else is wrong.
fn opened(database: &[u8], log: &[u8], tally: &mut Tally) -> u64 {
    let dir = TempDir::new().unwrap();
    write_pair(dir.path(), database, log);
    let path = dir.path().join("trapline.db");
    let found = compare(&path, &std::collections::BTreeSet::new());
    tally.tried += 1;
    tally.add(&found);
    let db = Database::open(path).unwrap();
    db.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, i64>(0)).unwrap_or(0) as u64
}

fn write_pair(dir: &Path, database: &[u8], log: &[u8]) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("trapline.db"), database).unwrap();
    std::fs::write(dir.join("trapline.db-wal"), log).unwrap();
}
