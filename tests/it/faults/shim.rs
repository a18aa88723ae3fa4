//! Builds `shim.c`, puts it before the binary's system calls, and tells it what to do while the binary runs.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::harness::{Surroundings, Trapline};

/// Which calls fail.
#[derive(Clone, Copy)]
pub enum Call {
    Write = 1,
    Sync = 2,
    Read = 4,
}

/// Places in the control page, in 8-byte words: `struct control` of shim.c.
const CLOCK: u64 = 0;
const FAIL_CALLS: u64 = 1;
const FAIL_ERRNO: u64 = 2;
const FAIL_OF_1000: u64 = 3;
const FAILED: u64 = 4;
const SYNC_DELAY: u64 = 5;

pub const EIO: u64 = 5;

/// The shim of one server: its control page and what it wrote down.
pub struct Shim {
    dir: TempDir,
    control: File,
}

impl Shim {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let control =
            File::options().read(true).write(true).create(true).truncate(true).open(dir.path().join("control"));
        let control = control.unwrap();
        control.set_len(4096).unwrap();
        Self { dir, control }
    }

    /// For a server started in `files`.
    pub fn surroundings(&self, files: &Path, is_traced: bool) -> Surroundings {
        let text = |path: &Path| path.to_str().expect("a path of text").to_string();
        let mut env = vec![
            ("LD_PRELOAD".to_string(), text(library())),
            ("SHIM_DIR".to_string(), text(files)),
            ("SHIM_CONTROL".to_string(), text(&self.dir.path().join("control"))),
        ];
        if is_traced {
            env.push(("SHIM_TRACE".to_string(), text(&self.trace_path())));
        }
        Surroundings { env, wrapper: Vec::new() }
    }

    /// A server in a directory of its own, with the shim before it.
    pub fn start(&self, args: &[&str], is_traced: bool) -> Trapline {
        let dir = TempDir::new().unwrap();
        let surroundings = self.surroundings(dir.path(), is_traced);
        Trapline::start_among(dir, args, surroundings)
    }

    pub fn trace_path(&self) -> PathBuf {
        self.dir.path().join("trace")
    }

    pub fn move_clock(&self, seconds: i64) {
        self.set(CLOCK, seconds as u64);
    }

    pub fn fail(&self, call: Call, errno: u64, of_1000: u64) {
        self.set(FAIL_ERRNO, errno);
        self.set(FAIL_OF_1000, of_1000);
        self.set(FAIL_CALLS, call as u64);
    }

    pub fn delay_syncs(&self, micros: u64) {
        self.set(SYNC_DELAY, micros);
    }

    /// How many calls it has failed so far.
    pub fn failed(&self) -> u64 {
        let mut word = [0; 8];
        self.control.read_exact_at(&mut word, FAILED * 8).unwrap();
        u64::from_ne_bytes(word)
    }

    fn set(&self, place: u64, value: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), place * 8).unwrap();
    }
}

/// Built once a process; several processes may build it at the same time.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (mine, shared) = (target.join(format!("shim-{}.so", std::process::id())), target.join("shim.so"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/shim.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_string());
        let built =
            Command::new(&compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&mine).arg(source).arg("-ldl").status();
        assert!(built.is_ok_and(|status| status.success()), "{compiler} cannot build {source}");
        std::fs::rename(&mine, &shared).unwrap();
        shared
    })
}
