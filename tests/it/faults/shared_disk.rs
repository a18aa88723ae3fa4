//! Others fill the disk that the store is on, a real ext4 of its own: that may cost what is sent meanwhile, never what
//! was answered before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::ledger::Ledger;
use super::{Budget, Tally, pass};
use crate::harness::{Surroundings, Trapline, run_among, wait_for};

/// Of the file system: the cap is the smallest there is, 64 MiB, and has room to spare in it.
const DISK: &str = "96M";
/// Makes it once and mounts it where the data is.
const MOUNT: &str = "{ [ -f disk ] || { truncate -s \"$SIZE\" disk && mkfs.ext4 -q -F disk; }; } && mkdir -p data \
                     && mount -o loop disk data && chmod 700 data";

/// A program that gives the server an ext4 of its own for its data; why not, where that is not allowed.
fn own_ext4() -> Result<Surroundings, String> {
    let script = MOUNT.replace("$SIZE", DISK);
    let tried_in = TempDir::new().unwrap();
    let tried = Command::new("unshare").args(["-m", "sh", "-c", &script]).current_dir(tried_in.path()).output();
    match tried {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => return Err(String::from_utf8_lossy(&tried.stderr).trim().to_string()),
        Err(error) => return Err(format!("unshare: {error}")),
    }
    let script = format!("{script} && exec \"$@\"");
    let wrapper = ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_string).to_vec();
    Ok(Surroundings { wrapper, ..Surroundings::default() })
}

pub fn filled_by_others(budget: &Budget) -> Tally {
    let surroundings = match own_ext4() {
        Ok(surroundings) => surroundings,
        Err(why) => {
            return Tally::skipped(format!(
                "needs root, a loop device, unshare (util-linux) and mkfs.ext4 (e2fsprogs) to mount an ext4 of its own: {why}"
            ));
        }
    };
    let mut tally = Tally::of("fillings");
    while budget.goes_on(tally.tried, 1) {
        let server = Trapline::start_among(TempDir::new().unwrap(), &[], surroundings.clone());
        let ledger = Ledger::default();
        let rounds = if budget.is_long { 4 } else { 2 };
        for round in 0..rounds {
            fill_and_free(&server, &ledger, round, &mut tally);
        }
    }
    tally
}

fn fill_and_free(server: &Trapline, ledger: &Ledger, round: u64, tally: &mut Tally) {
    // Seen from here, the server's mounts are below its own root.
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.pid(), server.dir().join("data").display()));
    ledger.send(server, 4, 90);
    let before = ledger.kept().len();
    let filler = inside.join("filler");
    let full_for = Duration::from_millis(1_500);
    ledger.send_during(server, 4, || {
        fill(&filler);
        wait_for("somebody to be told", || (server.get("/readyz").status == 503).then_some(()));
        // Some turns of what drops the oldest.
        pass(full_for);
    });
    let ready = server.get("/readyz");
    assert!(ready.status == 200 || ready.text().starts_with("disk full"), "{}", ready.text());
    let statuses = ledger.statuses();
    assert!(statuses.contains_key(&503), "{statuses:?}");
    assert!(statuses.keys().all(|status| [200, 429, 503].contains(status)), "{statuses:?}");
    let storage = server.get_json("/api/ui/storage");
    assert_eq!(storage["dropped"].as_array().map(Vec::len), Some(0), "dropped for others: {}", storage["dropped"]);
    let shown = ledger.compare_screens(server, 20);
    assert!(shown.is_good(), "not readable while the disk is full: {shown:?}");

    std::fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    wait_for("the server to see that there is room", || (server.get("/readyz").status == 200).then_some(()));
    // What was freed is not there for everybody at once: the file system gives it out with its next commit.
    wait_for("an error to be stored again", || {
        (ledger.request(server, 800_000 + round).send().status == 200).then_some(())
    });
    assert!(freed.elapsed() < Duration::from_secs(5), "healed after {:?}", freed.elapsed());
    ledger.send(server, 4, 30);
    tally.note(format!(
        "{before} before, {} in all, healed after {} ms",
        ledger.kept().len(),
        freed.elapsed().as_millis()
    ));

    let beside = ["nsenter", "-t", &server.pid().to_string(), "-m", "--"].map(str::to_string).to_vec();
    let beside = Surroundings { wrapper: beside, ..Surroundings::default() };
    let data = server.dir().join("data");
    let checked = run_among(server.dir(), &["check", "--full", "--data-dir", data.to_str().unwrap()], &beside);
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
    let storage = server.get_json("/api/ui/storage");
    assert!(storage["used_bytes"].as_u64() < storage["full_bytes"].as_u64(), "the cap was not the reason: {storage}");
    assert_eq!(storage["dropped"].as_array().map(Vec::len), Some(0), "{}", storage["dropped"]);
    let copy = TempDir::new().unwrap();
    wait_for("an idle log", || {
        std::fs::metadata(inside.join("trapline.db-wal")).is_ok_and(|log| log.len() == 0).then_some(())
    });
    std::fs::copy(inside.join("trapline.db"), copy.path().join("trapline.db")).unwrap();
    let found = ledger.compare_file(&copy.path().join("trapline.db"));
    tally.tried += 1;
    tally.add(&found);
}

/// Everything that is left.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for bytes in [1 << 20, 64 << 10, 1 << 10] {
        let block = vec![1; bytes];
        while file.write(&block).is_ok_and(|written| written > 0) {}
    }
}
