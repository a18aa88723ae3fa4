//! The server under load: the real binary on a data directory of its own, and what the system says about it.
//!
//! Numbers come from /proc and from the closed database file; elsewhere than on Linux those of /proc are absent.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

/// Linux gives CPU time in these ticks on every architecture (USER_HZ).
const TICKS_PER_S: f64 = 100.0;

/// A child that listens; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub key: String,
    data_dir: PathBuf,
    /// Read end of its standard output, kept so that it may go on printing.
    _output: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// `trapline serve` on a free port, ready to take requests.
    pub fn start(binary: &Path, data_dir: &Path) -> Self {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--data-dir"]).arg(data_dir);
        // No settings file and no environment but what is said here.
        command.current_dir(data_dir);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRAPLINE_")) {
            command.env_remove(name);
        }
        Self::spawn(command, data_dir, "DSN")
    }

    /// This very program as the server of [`crate::raw`].
    pub fn start_raw(data_dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg("--raw-server").arg(data_dir);
        Self::spawn(command, data_dir, "DSN")
    }

    fn spawn(mut command: Command, data_dir: &Path, marker: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let dsn = loop {
            line.clear();
            let read = output.read_line(&mut line).expect("text on standard output");
            assert!(read > 0, "the server ended before it was ready");
            if let Some(dsn) = line.trim().strip_prefix(marker) {
                break dsn.trim().to_string();
            }
        };
        // http://<key>@127.0.0.1:<port>/1
        let (key, rest) = dsn.trim_start_matches("http://").split_once('@').expect("a DSN with a key");
        let authority = rest.split('/').next().unwrap_or(rest);
        let address = authority.parse().expect("a DSN with address and port");
        Self { child, address, key: key.to_string(), data_dir: data_dir.to_path_buf(), _output: output }
    }

    /// User and system time of all threads so far, those that ended included.
    pub fn cpu(&self) -> Option<Cpu> {
        cpu_of(&self.child.id().to_string())
    }

    /// Bytes handed to the disk so far.
    pub fn written(&self) -> Option<u64> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).ok()?;
        io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.trim().parse().ok()
    }

    /// Waits until it has nothing more to do for itself: sealing, training, checkpoints.
    pub fn settle(&self, at_most: Duration) {
        let begin = Instant::now();
        let mut quiet = 0;
        while quiet < 3 && begin.elapsed() < at_most {
            let before = self.cpu();
            std::thread::sleep(Duration::from_secs(1));
            let spent = before.zip(self.cpu()).map_or(0.0, |(before, after)| after.since(before).total());
            quiet = if spent < 0.03 { quiet + 1 } else { 0 };
        }
    }

    /// As a power cut would, but for what the system still writes.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// `VmRSS` or `VmHWM`, in bytes.
    pub fn memory(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
    }

    /// Commits so far: SQLite counts them in the header of the shared index of its log (`iChange`, 4 bytes at 8).
    pub fn commits(&self) -> Option<u32> {
        let header = std::fs::read(self.data_dir.join("trapline.db-shm")).ok()?;
        Some(u32::from_ne_bytes(header.get(8..12)?.try_into().ok()?))
    }

    /// Events it counted as accepted so far.
    pub fn accepted_events(&self, data_dir: &Path) -> u64 {
        let db = Connection::open_with_flags(data_dir.join("trapline.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
        let sql = "SELECT coalesce(sum(quantity), 0) FROM outcome WHERE category = 'event' AND reason = 'accepted'";
        db.and_then(|db| db.query_row(sql, [], |row| row.get::<_, i64>(0))).expect("a database") as u64
    }

    /// Asks it to end as a supervisor would, and waits.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill -TERM failed");
        let begin = Instant::now();
        while self.child.try_wait().expect("own child").is_none() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the server did not end within 60 s of SIGTERM");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time in seconds.
#[derive(Clone, Copy)]
pub struct Cpu {
    pub user: f64,
    pub system: f64,
}

impl Cpu {
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    pub fn since(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }
}

/// CPU time of a process: a pid, or `self`.
pub fn cpu_of(process: &str) -> Option<Cpu> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let seconds = |place: usize| Some(fields.get(place)?.parse::<f64>().ok()? / TICKS_PER_S);
    Some(Cpu { user: seconds(11)?, system: seconds(12)? })
}

/// Time all cores together were busy so far, what the host of a virtual machine took away included.
pub fn cpu_of_machine() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    // cpu user nice system idle iowait irq softirq steal …
    let ticks: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    let busy: f64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|place| ticks.get(*place)).sum();
    Some(busy / TICKS_PER_S)
}

/// What a stopped server left behind.
pub struct Disk {
    /// The database and its log.
    pub file_bytes: u64,
    /// The pages in use, without free ones.
    pub used_bytes: u64,
    /// Bytes of each table and index, largest first.
    pub parts: Vec<(String, u64)>,
    /// What the server itself counted as accepted: events, spans.
    pub events: u64,
    pub spans: u64,
    pub issues: u64,
}

impl Disk {
    /// The database and its log.
    pub fn file_bytes(data_dir: &Path) -> u64 {
        let size = |name: &str| std::fs::metadata(data_dir.join(name)).map_or(0, |metadata| metadata.len());
        size("trapline.db") + size("trapline.db-wal")
    }

    pub fn read(data_dir: &Path) -> Self {
        let path = data_dir.join("trapline.db");
        let file_bytes = Self::file_bytes(data_dir);
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database was left");
        let number = |query: &str| db.query_row(query, [], |row| row.get::<_, i64>(0)).expect(query) as u64;
        let accepted = |category: &str| {
            number(&format!(
                "SELECT coalesce(sum(quantity), 0) FROM outcome WHERE category = '{category}' AND reason = 'accepted'"
            ))
        };
        let mut statement = db
            .prepare("SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = TRUE GROUP BY name ORDER BY 2 DESC")
            .expect("SQLite has dbstat");
        let parts = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)));
        Self {
            file_bytes,
            used_bytes: number("PRAGMA page_size") * (number("PRAGMA page_count") - number("PRAGMA freelist_count")),
            parts: parts.expect("dbstat can be read").map(|row| row.expect("dbstat can be read")).collect(),
            events: accepted("event"),
            spans: accepted("span"),
            issues: number("SELECT count(*) FROM issue"),
        }
    }
}
