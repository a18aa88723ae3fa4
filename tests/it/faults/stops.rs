//! The process ends under load: at once, and in an orderly way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::decisions::Decisions;
use super::ledger::Ledger;
use super::timeline::Chance;
use super::{Budget, Tally, pass};
use crate::harness::Trapline;

const SENDERS: usize = 16;
/// Requests read again over HTTP at the end.
const SHOWN_MAX: usize = 300;

pub fn kill(budget: &Budget) -> Tally {
    let mut tally = Tally::of("cycles");
    let mut chance = Chance::new(budget.seed);
    let mut slowest = Duration::ZERO;
    let mut decided = 0;
    // A database gets too large for cycles of half a second to be about anything else.
    while budget.goes_on(tally.tried, 6) {
        let mut server = Trapline::start();
        let ledger = Ledger::default();
        let mut decisions = Decisions::default();
        for cycle in 0..if budget.is_long { 25 } else { 6 } {
            let wait = Duration::from_millis(150 + chance.below(if budget.is_long { 1_000 } else { 300 }));
            ledger.send_during(&server, SENDERS, || {
                let killed = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    scope.spawn(|| decisions.decide_while(&server, || killed.load(Ordering::Relaxed)));
                    pass(wait);
                    server.signal("KILL");
                    killed.store(true, Ordering::Relaxed);
                });
            });
            server.wait();
            if cycle % 2 == 0 {
                tally.add_meanwhile(compare_a_copy(&ledger, &server));
            }
            let started = Instant::now();
            server.start_again();
            slowest = slowest.max(started.elapsed());
            let (count, wrong) = decisions.compare(&server);
            decided += count;
            tally.lost += wrong.len() as u64;
            wrong.into_iter().for_each(|wrong| tally.note(wrong));
            tally.tried += 1;
            if !budget.goes_on(tally.tried, 6) {
                break;
            }
        }
        tally.add_meanwhile(ledger.compare_screens(&server, SHOWN_MAX));
        let unfound = unfound_events(&server);
        tally.lost += unfound;
        if unfound > 0 {
            tally.note(format!("{unfound} events are not found by their tags"));
        }
        // The last answers were lost with the process, as far as a client knows.
        ledger.send(&server, 1, 1);
        assert!(server.terminate().success(), "{}", server.log());
        tally.add(&ledger.compare_file(&server.database()));
    }
    assert!(decided > 0, "nothing was decided");
    tally.note(format!("slowest start after it {} ms, {decided} decisions answered", slowest.as_millis()));
    tally
}

/// Events that a search for a tag which all of them have does not find.
fn unfound_events(server: &Trapline) -> u64 {
    let total = |issue: &str, query: &str| {
        let path = format!("/api/ui/issues/{issue}/events?limit=1&query={query}");
        server.get_json(&path)["total"].as_u64().unwrap()
    };
    let issues = server.issues();
    assert!(!issues.is_empty(), "there are no issues to ask for");
    let of = |issue: &serde_json::Value| {
        let name = issue["short_id"].as_str().unwrap();
        total(name, "").abs_diff(total(name, "has%3Anumber"))
    };
    issues.iter().map(of).sum()
}

/// The server's own start must find the log as the kill left it.
fn compare_a_copy(ledger: &Ledger, server: &Trapline) -> super::ledger::Found {
    let copy = tempfile::TempDir::new().unwrap();
    for name in ["trapline.db", "trapline.db-wal"] {
        let from = server.dir().join("data").join(name);
        if from.exists() {
            std::fs::copy(from, copy.path().join(name)).unwrap();
        }
    }
    ledger.compare_file(&copy.path().join("trapline.db"))
}

pub fn terminate(budget: &Budget) -> Tally {
    let mut tally = Tally::of("cycles");
    let mut chance = Chance::new(budget.seed);
    let mut slowest = Duration::ZERO;
    while budget.goes_on(tally.tried, 3) {
        let mut server = Trapline::start();
        let ledger = Ledger::default();
        for _ in 0..if budget.is_long { 20 } else { 3 } {
            let wait = Duration::from_millis(100 + chance.below(400));
            let (status, took) = ledger.send_during(&server, SENDERS, || {
                pass(wait);
                server.signal("TERM");
                let asked = Instant::now();
                // Its senders go on all the while.
                (wait_for_end(server.pid()), asked.elapsed())
            });
            assert!(status && server.wait().success(), "{}", server.log());
            assert!(took < Duration::from_secs(5), "it took {took:?} to stop");
            slowest = slowest.max(took);
            tally.tried += 1;
            server.start_again();
            if !budget.goes_on(tally.tried, 3) {
                break;
            }
        }
        // What it read whole was answered, and with 200; what it did not take got no answer.
        let statuses = ledger.statuses();
        assert!(statuses.keys().all(|status| [0, 200].contains(status)), "{statuses:?}");
        assert!(server.terminate().success(), "{}", server.log());
        tally.add(&ledger.compare_file(&server.database()));
    }
    tally.note(format!("slowest stop {} ms", slowest.as_millis()));
    tally
}

fn wait_for_end(pid: u32) -> bool {
    let stat = format!("/proc/{pid}/stat");
    // A child that ended stays as a zombie until it is waited for.
    let is_over = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    crate::harness::wait_for("the end of the process", || is_over().then_some(true))
}
