//! The clock is set under load: ids go on rising, and nothing is lost or written over.

use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};

use super::ledger::Ledger;
use super::shim::Shim;
use super::{Budget, Tally, pass};

const HOUR_S: i64 = 3_600;
const YEARS_10_S: i64 = 10 * 365 * 24 * HOUR_S;

pub fn run(budget: &Budget) -> Tally {
    let mut tally = Tally::of("jumps");
    while budget.goes_on(tally.tried, 5) {
        let shim = Shim::new();
        let mut server = shim.start(&[], false);
        let ledger = Ledger::default();
        ledger.send(&server, 4, 12);
        for offset in [HOUR_S, -HOUR_S, YEARS_10_S, -YEARS_10_S, 0] {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
            let db = Database::open_with_flags(server.database(), flags).unwrap();
            let newest: i64 = db.query_row("SELECT max(id) FROM event", [], |row| row.get(0)).unwrap();
            let up_to = || -> i64 {
                db.query_row("SELECT count(*) FROM event WHERE id <= ?1", [newest], |row| row.get(0)).unwrap()
            };
            let before = up_to();
            ledger.send_during(&server, 4, || {
                shim.move_clock(offset);
                pass(Duration::from_millis(250));
            });
            assert_eq!(up_to(), before, "an id of before was given again after a jump to {offset} s");
            let after: i64 = db.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
            assert!(after > before, "nothing came in after a jump to {offset} s");
            tally.tried += 1;
        }
        assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
        // Sessions of ten years ago are refused by design, so counts of kinds differ; events, traces and files do not.
        let found = ledger.compare_screens(&server, 150);
        tally.add(&found);
        assert!(server.terminate().success(), "{}", server.log());
        let db = Database::open(server.database()).unwrap();
        let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
    tally
}
