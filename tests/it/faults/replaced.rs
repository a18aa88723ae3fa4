//! Somebody replaces or removes the files of a running server: it must not go on answering 200 for what nobody will ever
//! find.

use std::path::Path;
use std::time::{Duration, Instant};

use super::damage::wait_for_last_words;
use super::disk::is_over;
use super::ledger::Ledger;
use super::{Budget, Tally};
use crate::harness::{Trapline, run as command};
use crate::payload::send_event;

/// Longer than it may take to be noticed, on a busy machine.
const NOTICED: Duration = Duration::from_secs(20);

type Touch = fn(&Path);

/// What people do.
const TOUCHES: [(&str, Touch); 4] = [
    ("mv copy.db trapline.db", |dir| std::fs::rename(dir.join("copy.db"), dir.join("data/trapline.db")).unwrap()),
    ("mv trapline.db away.db", |dir| std::fs::rename(dir.join("data/trapline.db"), dir.join("away.db")).unwrap()),
    ("rm trapline.db", |dir| std::fs::remove_file(dir.join("data/trapline.db")).unwrap()),
    ("rm trapline.db-wal", |dir| std::fs::remove_file(dir.join("data/trapline.db-wal")).unwrap()),
];

/// With a writer that rests and with one that never does.
pub fn run(_: &Budget) -> Tally {
    let mut tally = Tally::of("losses");
    for ((name, touch), is_busy) in TOUCHES.into_iter().zip([true, false, true, false]) {
        let mut server = Trapline::start();
        send_event(&server, 1, "KeyError");
        let copied = command(server.dir(), &["backup", "copy.db", "--data-dir", "data"]);
        assert!(copied.status.success(), "{}", copied.stderr);
        assert!(server.is_running());
        touch(server.dir());
        let touched = Instant::now();
        if is_busy {
            let ledger = Ledger::default();
            ledger.send_while(&server, 4, || is_over(&server) || touched.elapsed() > NOTICED);
        }
        wait_for_last_words(&mut server, "start trapline again");
        assert!(touched.elapsed() < NOTICED, "{name}: {:?}", touched.elapsed());
        assert!(server.log().contains("was removed or replaced while trapline ran"), "{name}: {}", server.log());
        tally.tried += 1;
    }
    tally
}
