//! Wrong bits in the database itself: the start or the read that meets them says so in words; nothing panics, and nothing
//! is answered with 200 that was not written.

use tempfile::TempDir;

use super::ledger::Ledger;
use super::timeline::Chance;
use super::{Budget, Tally};
use crate::harness::{Surroundings, Trapline, run, wait_for};

const PAGE: usize = 4096;

pub fn flipped_database(budget: &Budget) -> Tally {
    let mut tally = Tally::of("databases");
    let mut server = Trapline::start();
    let ledger = Ledger::default();
    ledger.send(&server, 4, 60);
    assert!(server.terminate().success());
    let whole = std::fs::read(server.database()).unwrap();

    let mut chance = Chance::new(budget.seed);
    let (mut refused, mut died, mut told, mut unseen, mut sent) = (0, 0, 0, 0, 0);
    while budget.goes_on(tally.tried, 14) {
        let mut damaged = whole.clone();
        damage(&mut damaged, tally.tried, &mut chance);
        tally.tried += 1;
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::fs::write(dir.path().join("data/trapline.db"), &damaged).unwrap();

        // `dsn` goes through the same opening and comes back.
        let asked = run(dir.path(), &["dsn", "--data-dir", "data"]);
        assert_no_panic(&asked.stderr);
        if !asked.status.success() {
            assert_one_line(&asked.stderr);
            refused += 1;
            continue;
        }
        let mut server = match start(dir) {
            Ok(server) => server,
            // The upkeep may meet it before anybody could ask.
            Err(stderr) if stderr.contains("storing has become impossible") => {
                assert!(stderr.contains("restore a backup"), "{stderr}");
                assert_no_panic(&stderr);
                died += 1;
                continue;
            }
            Err(stderr) => {
                assert_one_line(&stderr);
                refused += 1;
                continue;
            }
        };
        let failed = read_everything(&mut server, &ledger);
        let fresh = Ledger::default();
        fresh.send_while(&server, 2, || {
            // It may end at any of them, and then there is nobody to send to.
            std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).map_or(true, |stat| stat.contains(") Z "))
                || fresh.answers().len() > 30
        });
        sent += fresh.answers().len();
        assert_no_panic(&server.log());
        if server.is_running() {
            server.kill9();
            if failed > 0 { told += 1 } else { unseen += 1 }
        } else {
            assert_eq!(server.wait().code(), Some(1), "{}", server.log());
            assert!(server.log().contains("restore a backup"), "{}", server.log());
            died += 1;
        }
    }
    assert!(sent > 0, "nobody could be sent anything");
    tally.note(format!(
        "{refused} refused at the start, {died} ended while running, {told} told by a failed read, {unseen} not met"
    ));
    tally
}

/// What a disk does: a bit, a sector of zeros, a page of something else.
fn damage(bytes: &mut [u8], number: u64, chance: &mut Chance) {
    let page = chance.below((bytes.len() / PAGE) as u64) as usize * PAGE;
    match number % 4 {
        0 => {
            // In the header or the cell pointers of a page, where it hurts most.
            let place = page + chance.below(60) as usize;
            bytes[place] ^= 1 << chance.below(8);
        }
        1 => bytes[page..page + 512].fill(0),
        2 => {
            for _ in 0..64 {
                let place = chance.below(bytes.len() as u64) as usize;
                bytes[place] ^= 1 << chance.below(8);
            }
        }
        _ => {
            let other = chance.below((bytes.len() / PAGE) as u64) as usize * PAGE;
            let copy = bytes[other..other + PAGE].to_vec();
            bytes[page..page + PAGE].copy_from_slice(&copy);
        }
    }
}

/// The server, or what it said instead of starting.
fn start(dir: TempDir) -> Result<Trapline, String> {
    Trapline::try_start_among(dir, &[], Surroundings::default())
}

/// Looks at all there was; gives back how much of it could not be shown.
fn read_everything(server: &mut Trapline, ledger: &Ledger) -> u64 {
    let mut failed = 0;
    let mut look = |path: &str| {
        let Some(mut connection) = crate::client::Connection::try_open(server.address()) else { return };
        let answer = connection.exchange(&server.request("GET", path));
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        assert!([0, 200, 404, 500].contains(&status), "{path}: {status}");
        failed += u64::from(status != 200);
    };
    for list in
        ["issues?status=all", "traces?kind=all", "logs", "releases", "metrics", "feedback", "monitors", "ingest"]
    {
        look(&format!("/api/ui/{list}"));
    }
    for number in ledger.kept().into_iter().step_by(7) {
        look(&format!("/api/ui/events/{}", crate::payload::id(number)));
        look(&format!("/api/ui/traces/{}", crate::payload::id(number)));
    }
    failed
}

fn assert_no_panic(text: &str) {
    assert!(!text.contains("panicked"), "{text}");
}

fn assert_one_line(stderr: &str) {
    let said: Vec<&str> = stderr.lines().filter(|line| line.starts_with("trapline: ")).collect();
    assert_eq!(said.len(), 1, "{stderr}");
    assert_no_panic(stderr);
}

/// For a process that is about to end. A chore that was at work may still complain before it does.
pub fn wait_for_last_words(server: &mut Trapline, words: &str) {
    wait_for("the end of the process", || (!server.is_running()).then_some(()));
    let log = server.log();
    let last: Vec<&str> = log.lines().rev().take(3).collect();
    assert!(last.iter().any(|line| line.contains(words)), "its last words were {last:?}, in {log}");
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(server.wait().code(), Some(1));
}
