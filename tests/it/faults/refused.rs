//! A data directory that cannot be had: the start ends soon, with one line that says why, and leaves every file as it was.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::disk::{NO_MOUNTS, own_mounts};
use super::ledger::Ledger;
use super::{Budget, Tally};
use crate::harness::{Surroundings, Trapline, run_among};

/// Of the table of faults, with a second for the lock and a busy machine besides.
const SOON: Duration = Duration::from_secs(3);

pub fn run(_: &Budget) -> Tally {
    let mut tally = Tally::of("starts");
    let Some(read_only) = own_mounts("mount --bind . . && mount -o remount,bind,ro . && cd .") else {
        return Tally::skipped(NO_MOUNTS);
    };
    // A directory with something in it, and one that is yet to be made.
    let ended = stopped();
    refuses(&ended, &read_only, "data", &mut tally);
    let empty = TempDir::new().unwrap();
    refuses(empty.path(), &read_only, "data", &mut tally);

    if let Some(nobody) = somebody_else() {
        let ended = stopped();
        std::fs::set_permissions(&ended, std::fs::Permissions::from_mode(0o755)).unwrap();
        refuses(&ended, &nobody, "data", &mut tally);
    } else {
        tally.note("not tried: a directory of another user (needs root and setpriv)");
    }

    let garbage = TempDir::new().unwrap();
    std::fs::create_dir(garbage.path().join("data")).unwrap();
    std::fs::write(garbage.path().join("data/trapline.db"), "a shopping list\n".repeat(400)).unwrap();
    refuses(garbage.path(), &Surroundings::default(), "data", &mut tally);

    // A second one beside the first, under load.
    let mut server = Trapline::start();
    let ledger = Ledger::default();
    ledger.send_during(&server, 4, || {
        for _ in 0..3 {
            let said = refused(server.dir(), &Surroundings::default(), "data", &mut tally);
            assert!(said.contains("in use by another trapline"), "{said}");
        }
    });
    assert_eq!(ledger.statuses().keys().copied().collect::<Vec<_>>(), [200]);
    assert!(server.terminate().success());
    tally.add(&ledger.compare_file(&server.database()));
    tally
}

/// A directory that a server has left.
fn stopped() -> std::path::PathBuf {
    let mut server = Trapline::start();
    Ledger::default().send(&server, 2, 6);
    assert!(server.terminate().success());
    let kept = TempDir::new().unwrap().keep();
    std::fs::rename(server.dir().join("data"), kept.join("data")).unwrap();
    kept
}

/// Somebody without any rights to what is here; only root can be somebody else.
pub fn somebody_else() -> Option<Surroundings> {
    let wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_string).to_vec();
    let binary = env!("CARGO_BIN_EXE_trapline");
    let tried = std::process::Command::new(&wrapper[0]).args(&wrapper[1..]).args([binary, "--version"]).output();
    tried.is_ok_and(|tried| tried.status.success()).then(|| Surroundings { wrapper, ..Surroundings::default() })
}

fn refuses(dir: &Path, surroundings: &Surroundings, data_dir: &str, tally: &mut Tally) {
    let before = files(dir);
    refused(dir, surroundings, data_dir, tally);
    assert_eq!(files(dir), before, "files were touched");
}

fn refused(dir: &Path, surroundings: &Surroundings, data_dir: &str, tally: &mut Tally) -> String {
    let started = Instant::now();
    let args = ["serve", "--data-dir", data_dir, "--listen", "127.0.0.1:0"];
    let finished = run_among(dir, &args, surroundings);
    tally.tried += 1;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.starts_with("trapline: "), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    assert!(started.elapsed() < SOON, "it took {:?}", started.elapsed());
    finished.stderr
}

/// Names and hashes of the contents; but for the lock, which is what is looked at first.
fn files(dir: &Path) -> BTreeMap<std::path::PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
            found.insert(path, 0);
        } else if !path.ends_with("trapline.lock") {
            let hash = xxhash_rust::xxh3::xxh3_64(&std::fs::read(&path).unwrap());
            found.insert(path, hash);
        }
    }
    found
}
