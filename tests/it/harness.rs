//! Starts the real binary on a free port with a directory of its own, and ends it.
//!
//! Owns the process: how it is started, waited for, killed and started again. Knows nothing of what is sent to it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Answer, Request};

/// How long anything may take before the test is given up: far beyond what a busy machine needs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What a server is started in, besides a directory.
#[derive(Clone, Default)]
pub struct Surroundings {
    pub env: Vec<(String, String)>,
    /// A program and its arguments that ends in becoming the server, whose own command line follows.
    pub wrapper: Vec<String>,
}

/// A running server. Killed when dropped.
pub struct Trapline {
    dir: TempDir,
    args: Vec<String>,
    surroundings: Surroundings,
    process: Option<Child>,
    address: SocketAddr,
    printed: String,
}

impl Trapline {
    /// On a free port, with a directory that does not exist yet.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more flags.
    pub fn start_with(args: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), args)
    }

    /// In a directory that may hold a settings file or `data/` of an earlier run.
    pub fn start_in(dir: TempDir, args: &[&str]) -> Self {
        Self::start_among(dir, args, Surroundings::default())
    }

    pub fn start_among(dir: TempDir, args: &[&str], surroundings: Surroundings) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { dir, args, surroundings, process: None, address: nowhere, printed: String::new() };
        server.start_again();
        server
    }

    /// As [`Self::start_among`]; what it said when it ended instead.
    pub fn try_start_among(dir: TempDir, args: &[&str], surroundings: Surroundings) -> Result<Self, String> {
        let args = args.iter().map(ToString::to_string).collect();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { dir, args, surroundings, process: None, address: nowhere, printed: String::new() };
        if server.spawn_on("127.0.0.1:0") { Ok(server) } else { Err(server.log()) }
    }

    /// After the end of an earlier process: other flags for the next.
    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(ToString::to_string).collect();
        self
    }

    /// After the end of an earlier process: in the same directory, on another free port.
    pub fn start_again(&mut self) {
        self.start_on("127.0.0.1:0");
    }

    /// After the end of an earlier process: in the same directory, where clients look for it.
    pub fn start_again_in_place(&mut self) {
        self.start_on(&self.address.to_string());
    }

    fn start_on(&mut self, listen: &str) {
        assert!(self.spawn_on(listen), "it did not start: {}", self.log());
        assert_eq!(self.get("/livez").status, 200);
    }

    /// False when it ended before it was ready.
    fn spawn_on(&mut self, listen: &str) -> bool {
        assert!(self.process.is_none(), "it is still running");
        let log = std::fs::File::create(self.log_path()).unwrap();
        let mut command = command_among(self.dir.path(), &self.surroundings);
        command.args(["serve", "--data-dir", "data"]);
        if !self.args.iter().any(|arg| arg == "--listen") {
            command.args(["--listen", listen]);
        }
        // There is only one of that port, and many tests.
        if !self.args.iter().any(|arg| arg == "--grpc-listen") {
            command.args(["--grpc-listen", "off"]);
        }
        let mut process = command.args(&self.args).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        self.process = Some(process);
        let Some(printed) = read_announcement(stdout) else { return false };
        self.printed = printed;
        let url = self.printed_after("Open");
        self.address = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}")).parse().unwrap();
        true
    }

    /// Ends it in an orderly way and starts it again.
    pub fn restart(&mut self) {
        assert!(self.terminate().success(), "{}", self.log());
        self.start_again();
    }

    /// The power cut: no chance to tidy up.
    pub fn kill9(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM, as a service manager stops it.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    pub fn signal(&self, name: &str) {
        // The standard library sends no signal but SIGKILL.
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Its end, by itself or by a signal sent before.
    pub fn wait(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        wait_for("the end of the process", || process.try_wait().unwrap())
    }

    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_none())
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it was started; its data is in `data`.
    /// What `trapline check --full` says beside the running server: everything is there and can be read.
    pub fn expect_sound(&self) {
        let checked = run(self.dir(), &["check", "--full", "--data-dir", "data"]);
        assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("data/trapline.db")
    }

    /// Everything it printed for people at the start.
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// The rest of the printed line that starts with `label`, up to the next blank.
    pub fn printed_after(&self, label: &str) -> &str {
        let line = self.printed.lines().find_map(|line| line.trim().strip_prefix(label));
        line.and_then(|rest| rest.split_whitespace().next()).unwrap_or_else(|| panic!("no {label} in {}", self.printed))
    }

    pub fn dsn(&self) -> &str {
        self.printed_after("DSN")
    }

    /// The public key of the first project.
    pub fn key(&self) -> &str {
        self.dsn().strip_prefix("http://").and_then(|rest| rest.split('@').next()).unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The most memory it has had so far, in bytes.
    pub fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub fn thread_count(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap().count()
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// The JSON of a successful answer.
    pub fn get_json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    /// All issues, newest first.
    pub fn issues(&self) -> Vec<Value> {
        self.get_json("/api/ui/issues?status=all&limit=100")["issues"].as_array().unwrap().clone()
    }

    /// All traces, newest first, lone spans too.
    pub fn traces(&self) -> Vec<Value> {
        self.get_json("/api/ui/traces?kind=all&limit=100")["traces"].as_array().unwrap().clone()
    }

    /// How many of a category ended that way since the database was made.
    pub fn outcome(&self, category: &str, reason: &str) -> u64 {
        let ingest = self.get_json("/api/ui/ingest");
        let rows = ingest["outcomes"].as_array().unwrap();
        let row = rows.iter().find(|row| row["category"] == category && row["reason"] == reason);
        row.map_or(0, |row| row["quantity"].as_u64().unwrap())
    }

    /// The newest row of the ledger.
    pub fn last_request(&self) -> Value {
        self.get_json("/api/ui/ingest")["rows"][0].clone()
    }
}

impl Drop for Trapline {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            #[allow(clippy::print_stderr)] // Shown with the failed test's own output.
            {
                eprintln!("server's log:\n{}", self.log());
            }
        }
    }
}

/// What a command printed and how it ended.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary to its end, in `dir`. One that goes on (a server that should have refused) fails the test.
pub fn run(dir: &Path, args: &[&str]) -> Finished {
    run_with_env(dir, args, &[])
}

pub fn run_with_env(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Finished {
    let mut command = command(dir);
    run_command(command.args(args).envs(env.iter().copied()))
}

/// As [`run`], among `surroundings`.
pub fn run_among(dir: &Path, args: &[&str], surroundings: &Surroundings) -> Finished {
    run_command(command_among(dir, surroundings).args(args))
}

fn run_command(command: &mut Command) -> Finished {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Killed(command.spawn().unwrap());
    let status = wait_for("the end of the command", || process.0.try_wait().unwrap());
    let stdout = std::io::read_to_string(process.0.stdout.take().unwrap()).unwrap();
    let stderr = std::io::read_to_string(process.0.stderr.take().unwrap()).unwrap();
    Finished { status, stdout, stderr }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(dir: &Path) -> Command {
    command_among(dir, &Surroundings::default())
}

fn command_among(dir: &Path, surroundings: &Surroundings) -> Command {
    let binary = env!("CARGO_BIN_EXE_trapline");
    let mut command = match surroundings.wrapper.split_first() {
        None => Command::new(binary),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
    };
    command.current_dir(dir).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRAPLINE_") {
            command.env_remove(name);
        }
    }
    // The port for gRPC is one of the machine, and others may have it.
    command.env("TRAPLINE_GRPC_LISTEN", "off");
    command.envs(surroundings.env.iter().map(|(name, value)| (name, value)));
    command
}

/// Everything up to the last line for people; `None` when the process ends before or says nothing for too long.
fn read_announcement(stdout: std::process::ChildStdout) -> Option<String> {
    let (to_test, lines) = mpsc::channel();
    // Reads to the end, so that the server never writes into a closed pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = to_test.send(line);
        }
    });
    let mut text = String::new();
    loop {
        let line = lines.recv_timeout(DEADLINE).ok()?;
        text.push_str(&line);
        text.push('\n');
        if line.contains("Ctrl+C") {
            return Some(text);
        }
    }
}

/// Asks again and again until there is an answer; the one place where a test waits.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
