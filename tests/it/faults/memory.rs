//! A flood, and a reader that does not go away: memory and the log stay within bounds, and nobody is turned away for it.

use std::time::{Duration, Instant};

use rusqlite::{Connection as Database, OpenFlags};

use super::ledger::Ledger;
use super::{Budget, Tally};
use crate::harness::{Trapline, wait_for};

/// Of the table of faults.
const MEMORY_BYTES_MAX: u64 = 256 << 20;
const LOG_BYTES_MAX: u64 = 256 << 20;

pub fn flood(budget: &Budget) -> Tally {
    let mut tally = Tally::of("requests");
    let mut server = Trapline::start();
    let ledger = Ledger::default();
    let until = Instant::now() + Duration::from_secs(if budget.is_long { 60 } else { 3 });
    ledger.send_while(&server, 64, || Instant::now() > until);
    let statuses = ledger.statuses();
    assert!(statuses.keys().all(|status| [200, 429, 503].contains(status)), "{statuses:?}");
    let peak = server.peak_memory_bytes();
    assert!(peak <= MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
    tally.note(format!("{} MiB at most", peak >> 20));
    assert!(server.terminate().success(), "{}", server.log());
    tally.tried = ledger.answers().len() as u64;
    tally.add(&ledger.compare_file(&server.database()));
    tally
}

pub fn long_reader(budget: &Budget) -> Tally {
    let mut tally = Tally::of("requests");
    let mut server = Trapline::start();
    let ledger = Ledger::default();
    ledger.send(&server, 4, 12);
    // Another program, as sqlite3 with a transaction left open: nothing of ours stays longer than 5 s.
    let reader = Database::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    let log = server.database().with_extension("db-wal");
    let log_bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let until = Instant::now() + Duration::from_secs(if budget.is_long { 30 } else { 2 });
    let enough = || Instant::now() > until || log_bytes() > LOG_BYTES_MAX;
    ledger.send_while(&server, 8, enough);
    let most = log_bytes();
    assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
    reader.execute_batch("COMMIT").unwrap();
    let gone = Instant::now();
    wait_for("the log to be moved into the database", || (log_bytes() == 0).then_some(()));
    tally.note(format!("log of {} MiB, gone {} ms after the reader", most >> 20, gone.elapsed().as_millis()));
    assert!(server.terminate().success(), "{}", server.log());
    tally.tried = ledger.answers().len() as u64;
    tally.add(&ledger.compare_file(&server.database()));
    tally
}
