//! The disk is full, fails, or is slow.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::damage::wait_for_last_words;
use super::ledger::Ledger;
use super::shim::{Call, EIO, Shim};
use super::{Budget, Tally};
use crate::client::Connection;
use crate::harness::{Surroundings, Trapline, wait_for};

/// Of the file system that fills up.
const DISK: &str = "24m";

/// A program that gives the server a file system of its own to mount things in, where that is allowed.
pub fn own_mounts(script: &str) -> Option<Surroundings> {
    for unshare in [["unshare", "-rm"], ["unshare", "-m"]] {
        let tried = Command::new(unshare[0]).args([unshare[1], "mount", "-t", "tmpfs", "none", "/mnt"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            let script = format!("{script} && exec \"$@\"");
            let wrapper = [unshare[0], unshare[1], "sh", "-c", &script, "sh"].map(str::to_string).to_vec();
            return Some(Surroundings { wrapper, ..Surroundings::default() });
        }
    }
    None
}

pub const NO_MOUNTS: &str = "needs unshare (util-linux) and the right to mount in a namespace of its own: run it as root, \
                             or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)";

pub fn full(budget: &Budget) -> Tally {
    let Some(surroundings) = own_mounts(&format!("mount -t tmpfs -o size={DISK},mode=700 none data")) else {
        return Tally::skipped(NO_MOUNTS);
    };
    let mut tally = Tally::of("fillings");
    while budget.goes_on(tally.tried, 2) {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        let server = Trapline::start_among(dir, &[], surroundings.clone());
        let ledger = Ledger::default();
        for round in 0..2_u64 {
            fill_and_free(&server, &ledger, round, &mut tally);
        }
    }
    tally
}

fn fill_and_free(server: &Trapline, ledger: &Ledger, round: u64, tally: &mut Tally) {
    // Seen from here, the server's mounts are below its own root.
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.pid(), server.dir().join("data").display()));
    ledger.send(server, 4, 12);
    wait_for("room in the log", || (server.get("/readyz").status == 200).then_some(()));
    let filler = inside.join("filler");
    fill(&filler, 700 << 10);
    // What room is left is taken by what is sent, so that it ends in the middle of a commit.
    ledger.send_while(server, 4, || server.get("/readyz").status == 503);
    let ready = server.get("/readyz");
    assert!(ready.text().starts_with("disk full"), "{}", ready.text());

    let since = ledger.answers().len();
    ledger.send(server, 4, 12);
    let while_full: Vec<_> = ledger.answers()[since..].iter().map(|answered| answered.status).collect();
    assert!(while_full.contains(&Some(503)), "{while_full:?}");
    assert!(while_full.iter().all(|status| matches!(status, Some(503 | 200))), "{while_full:?}");
    let sentry = ledger.request(server, 900_000 + round * 3).send();
    if sentry.status == 503 {
        assert!(sentry.text().contains("disk is full"), "{}", sentry.text());
    }
    let otlp = ledger.request(server, 900_002 + round * 3).send();
    if otlp.status == 503 {
        assert!(otlp.header("retry-after").is_some() && otlp.text().contains("disk is full"), "{}", otlp.text());
    }
    let shown = ledger.compare_screens(server, 20);
    assert!(shown.is_good(), "not readable while the disk is full: {shown:?}");
    assert_eq!(server.get("/api/ui/issues").status, 200);
    assert_eq!(server.get_json("/api/ui/storage")["writer"], "disk_full");

    std::fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    wait_for("the server to see that there is room", || (server.get("/readyz").status == 200).then_some(()));
    assert!(freed.elapsed() < Duration::from_secs(5), "healed after {:?}", freed.elapsed());
    ledger.request(server, 800_000 + round).send().expect(200);
    // Once for all that the store has to do for itself, not once for each.
    let log = server.log();
    assert!(!log.contains("upkeep of the store did not succeed"), "{log}");
    assert!(log.matches("upkeep of the store has to wait").count() <= 2 * (1 + round as usize), "{log}");
    tally.note(format!("healed after {} ms", freed.elapsed().as_millis()));
    let copy = TempDir::new().unwrap();
    wait_for("an idle log", || {
        std::fs::metadata(inside.join("trapline.db-wal")).is_ok_and(|log| log.len() == 0).then_some(())
    });
    std::fs::copy(inside.join("trapline.db"), copy.path().join("trapline.db")).unwrap();
    let found = ledger.compare_file(&copy.path().join("trapline.db"));
    tally.tried += 1;
    tally.add(&found);
}

/// What is there can be read, whoever asks is told, and it heals; also when no cap was ever chosen, as after an import.
pub fn full_at_start(_: &Budget) -> Tally {
    // Nine pages: the index of the log takes eight.
    let script = format!(
        "mount -t tmpfs -o size={DISK},mode=700 none data && cp seed/* data/ && (dd if=/dev/zero of=data/filler bs=4k 2>/dev/null; truncate -s -36K data/filler)"
    );
    let Some(surroundings) = own_mounts(&script) else { return Tally::skipped(NO_MOUNTS) };
    let mut tally = Tally::of("starts");
    let ledger = Ledger::default();
    let mut first = Trapline::start();
    ledger.send(&first, 4, 24);
    assert!(first.terminate().success());
    let connection = rusqlite::Connection::open(first.database()).unwrap();
    assert_eq!(connection.execute("DELETE FROM setting WHERE key LIKE '%max_size%'", []).unwrap(), 1);
    drop(connection);
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::rename(first.dir().join("data"), dir.path().join("seed")).unwrap();

    let server = Trapline::start_among(dir, &[], surroundings);
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().starts_with("disk full"), "{}", ready.text());
    let shown = ledger.compare_screens(&server, 20);
    assert!(shown.is_good(), "not readable while the disk is full: {shown:?}");
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.pid(), server.dir().join("data").display()));
    std::fs::remove_file(inside.join("filler")).unwrap();
    wait_for("the server to see that there is room", || (server.get("/readyz").status == 200).then_some(()));
    ledger.send(&server, 4, 12);
    tally.tried += 1;
    tally.add(&ledger.compare_screens(&server, 40));
    tally
}

/// A file that leaves `left` bytes of room.
fn fill(path: &std::path::Path, left: u64) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write(&[1; 64 << 10]).is_ok_and(|written| written > 0) {}
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(left)).unwrap();
}

pub fn failing_sync(budget: &Budget) -> Tally {
    failing(budget, Call::Sync)
}

pub fn failing_write(budget: &Budget) -> Tally {
    failing(budget, Call::Write)
}

/// All such calls fail, or a few; either way the process ends with the reason, and the next one finds what was answered.
fn failing(budget: &Budget, call: Call) -> Tally {
    let mut tally = Tally::of("failures");
    while budget.goes_on(tally.tried, 2) {
        let of_1000 = [1000, 30][(tally.tried % 2) as usize];
        let shim = Shim::new();
        let mut server = shim.start(&[], false);
        let ledger = Ledger::default();
        ledger.send(&server, 8, 40);
        shim.fail(call, EIO, of_1000);
        ledger.send_during(&server, 8, || wait_for("its end", || is_over(&server).then_some(())));
        wait_for_last_words(&mut server, "start trapline again");
        assert!(shim.failed() > 0);
        let statuses = ledger.statuses();
        assert!(statuses.keys().all(|status| [0, 200, 500, 503].contains(status)), "{statuses:?}");
        let after = ledger.answers().iter().filter(|answered| answered.status == Some(200)).count();
        assert!(after >= 40, "{statuses:?}");

        shim.fail(call, EIO, 0);
        server.start_again();
        ledger.send(&server, 4, 8);
        assert!(server.terminate().success(), "{}", server.log());
        tally.tried += 1;
        tally.add(&ledger.compare_file(&server.database()));
    }
    tally
}

pub fn is_over(server: &Trapline) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).map_or(true, |stat| stat.contains(") Z "))
}

pub fn failing_read(budget: &Budget) -> Tally {
    let mut tally = Tally::of("failures");
    while budget.goes_on(tally.tried, 1) {
        let shim = Shim::new();
        let mut server = shim.start(&[], false);
        let ledger = Ledger::default();
        ledger.send(&server, 4, 40);
        // So that the pages are no longer in anybody's memory.
        server.restart();
        shim.fail(Call::Read, EIO, 1000);
        for number in ledger.kept() {
            let Some(mut connection) = Connection::try_open(server.address()) else { break };
            let path = format!("/api/ui/events/{}", crate::payload::id(number));
            if let Some(answer) = connection.exchange(&server.request("GET", &path)) {
                assert!([200, 404, 500].contains(&answer.status), "{}", answer.status);
            }
        }
        assert!(shim.failed() > 0);
        let fresh = Ledger::default();
        fresh.send_while(&server, 2, || is_over(&server) || fresh.answers().len() > 20);
        assert!(!server.log().contains("panicked"), "{}", server.log());
        if server.is_running() {
            server.kill9();
        } else {
            server.wait();
        }
        shim.fail(Call::Read, EIO, 0);
        server.start_again();
        assert!(server.terminate().success(), "{}", server.log());
        tally.tried += 1;
        tally.add(&ledger.compare_file(&server.database()));
    }
    tally
}

pub fn slow(_: &Budget) -> Tally {
    const SYNC: Duration = Duration::from_millis(200);
    let mut tally = Tally::of("requests");
    let shim = Shim::new();
    let mut server = shim.start(&[], false);
    shim.delay_syncs(SYNC.as_micros() as u64);
    let ledger = Ledger::default();
    let started = Instant::now();
    ledger.send(&server, 16, 120);
    let took = started.elapsed();
    // Many share one: alone, each would wait for its own.
    assert!(took < SYNC * 120 / 2, "120 requests took {took:?}");
    assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
    let mut waits: Vec<Duration> = ledger.answers().iter().map(|answered| answered.took).collect();
    waits.sort_unstable();
    tally.note(format!("slowest answer {} ms", waits[waits.len() - 1].as_millis()));
    assert!(server.peak_memory_bytes() < 256 << 20);
    shim.delay_syncs(0);
    assert!(server.terminate().success(), "{}", server.log());
    tally.tried = waits.len() as u64;
    tally.add(&ledger.compare_file(&server.database()));
    tally
}
