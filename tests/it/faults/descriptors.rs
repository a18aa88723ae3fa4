//! More connections than file descriptors: those that are there are served, the database goes on, and nothing spins.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use super::{Budget, Tally, pass};
use crate::client::Connection;
use crate::harness::{Trapline, wait_for};

const DESCRIPTORS: usize = 256;
const CONNECTIONS: usize = 1_000;
/// Clock ticks of `/proc/<pid>/stat`, on every Linux there is.
const TICKS_PER_S: f64 = 100.0;

pub fn run(budget: &Budget) -> Tally {
    let mut tally = Tally::of("connections");
    let mut server = Trapline::start();
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let limited = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
    if !limited.is_ok_and(|status| status.success()) {
        return Tally::skipped("needs prlimit (util-linux)");
    }
    let ledger = Ledger::default();
    ledger.send(&server, 2, 6);
    let mut old = Connection::open(server.address());
    old.exchange(&server.request("GET", "/livez")).unwrap();
    // What the system does not even queue is not waited for.
    let patience = Duration::from_millis(if budget.is_long { 20 } else { 3 });
    let crowd: Vec<TcpStream> =
        (0..CONNECTIONS).filter_map(|_| TcpStream::connect_timeout(&server.address(), patience).ok()).collect();
    tally.tried = CONNECTIONS as u64;
    tally.note(format!("{} of them got through", crowd.len()));
    let has_all = || descriptors(&server) >= DESCRIPTORS - 2;
    wait_for("the descriptors to be used up", || has_all().then_some(()));

    let (cpu, started) = (cpu_s(&server), Instant::now());
    pass(Duration::from_secs(2));
    let share = (cpu_s(&server) - cpu) / started.elapsed().as_secs_f64();
    assert!(share < 0.05, "{:.0} % of a core while there is nothing to do", share * 100.0);
    tally.note(format!("{:.1} % of a core meanwhile", share * 100.0));
    for number in 100..120 {
        let answer = old.exchange(&ledger.request(&server, number)).expect("an answer on a connection from before");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let warnings = server.log().lines().filter(|line| line.contains("cannot accept")).count();
    assert!((1..=8).contains(&warnings), "{warnings} lines in the log about it");
    assert_eq!(old.exchange(&server.request("GET", "/api/ui/issues")).unwrap().status, 200);

    drop(crowd);
    let freed = Instant::now();
    wait_for("a new connection to be served", || {
        let mut fresh = Connection::try_open(server.address())?;
        fresh.exchange(&server.request("GET", "/livez"))
    });
    tally.note(format!("served again after {} ms", freed.elapsed().as_millis()));
    ledger.send(&server, 4, 12);
    assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
    for number in 100..120 {
        ledger.request(&server, number).send().expect(200);
    }
    tally.add(&ledger.compare_screens(&server, 50));
    assert!(server.terminate().success(), "{}", server.log());
    tally
}

/// Nothing is refused for good: whoever is not told 200 is told to come again.
pub fn few(_: &Budget) -> Tally {
    let mut tally = Tally::of("requests");
    let server = Trapline::start();
    let limited = Command::new("prlimit").args(["--pid", &server.pid().to_string(), "--nofile=64:64"]).status();
    if !limited.is_ok_and(|status| status.success()) {
        return Tally::skipped("needs prlimit (util-linux)");
    }
    let ledger = Ledger::default();
    ledger.send(&server, 150, 600);
    let statuses = ledger.statuses();
    assert!(statuses.keys().all(|status| matches!(status, 200 | 503)), "{statuses:?}\n{}", server.log());
    tally.tried = statuses.values().sum::<usize>() as u64;
    tally.note(format!("{statuses:?}"));
    tally.add(&ledger.compare_screens(&server, 50));
    tally
}

fn descriptors(server: &Trapline) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn cpu_s(server: &Trapline) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_S
}
