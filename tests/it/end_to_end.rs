//! The whole path: the real binary, two real Django projects and a real browser.
//!
//! This file owns the server's process, and tests/e2e/end_to_end.mjs what is done and seen. It fails when something it
//! needs is missing: a test that is skipped proves nothing. `make test` makes everything ready.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::harness::Trapline;

const SCRIPT_MAX: Duration = Duration::from_secs(240);
/// What the script prints when it wants the server stopped, and started again on the same data and port.
const STOP_LINE: &str = "stop the server, please";
const START_LINE: &str = "start the server, please";

#[test]
fn errors_and_spans_of_django_projects_are_seen_in_the_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = need(root.join(".venv/bin/python"), "the virtual environment of the Django projects");
    need(root.join("web/node_modules/playwright-core"), "playwright-core, which drives the browser,");
    need(root.join("web/dist/index.html"), "the built web app");
    let chromium = find_chromium();

    let mut server = Trapline::start();
    let page = server.get("/").text();
    assert!(
        page.contains("<script"),
        "the server has no web app to show, only a placeholder: run `make test`, which builds web/dist first\n{page}"
    );

    let mut script = Script(
        Command::new("node")
            .arg("tests/e2e/end_to_end.mjs")
            .current_dir(root)
            .env("BASE_URL", format!("http://{}", server.address()))
            .env("DSN", server.dsn())
            .env("PYTHON", python)
            .env("CHROMIUM", chromium)
            .env("OUT", root.join("tests/e2e/out"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start node ({error}): install Node.js 20.19 or newer")),
    );
    let lines = lines_of(&mut script.0);
    let mut to_script = script.0.stdin.take().expect("the script's input is piped");
    let deadline = Instant::now() + SCRIPT_MAX;
    let mut output = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line == STOP_LINE || line == START_LINE => {
                if line == STOP_LINE {
                    assert!(server.terminate().success(), "{}", server.log());
                } else {
                    server.start_again_in_place();
                }
                writeln!(to_script, "done").expect("the script still reads");
            }
            Ok(line) => {
                // Seen while it runs with --no-capture, and kept for the message.
                println!("{line}");
                let _ = writeln!(output, "{line}");
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                script.stop();
                panic!("not done after {SCRIPT_MAX:?}; what it said:\n{output}\nthe server's log:\n{}", server.log());
            }
        }
    }
    let status = script.0.wait().expect("the script can be waited for");
    assert!(status.success(), "{status}; what it said:\n{output}\nthe server's log:\n{}", server.log());
    assert!(server.terminate().success(), "{}", server.log());
}

fn need(path: PathBuf, what: &str) -> PathBuf {
    assert!(path.exists(), "{what} is missing ({}): run `make test`, which makes it first", path.display());
    path
}

/// The same names as tests/e2e/chromium.sh, which `make test` lets install one.
pub fn find_chromium() -> PathBuf {
    let wanted = std::env::var("CHROMIUM").ok().filter(|name| !name.is_empty());
    let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    let names = wanted.as_deref().into_iter().chain(names);
    let path = std::env::var_os("PATH").unwrap_or_default();
    for name in names {
        // An absolute name stands for itself.
        if let Some(found) = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()) {
            return found;
        }
    }
    panic!(
        "Chromium is missing: run `make test`, which installs it, or set CHROMIUM to the path of a Chromium or Chrome"
    );
}

/// The script; what it starts ends when it ends.
struct Script(Child);

impl Script {
    fn stop(&mut self) {
        terminate(&self.0);
        let _ = self.0.wait();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

fn terminate(child: &Child) {
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIGTERM cannot be sent to process {}", child.id());
}

/// Lines of both outputs, as they come; the sender goes when both have ended.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let stdout = child.stdout.take().map(|out| Box::new(out) as Box<dyn std::io::Read + Send>);
    let stderr = child.stderr.take().map(|err| Box::new(err) as Box<dyn std::io::Read + Send>);
    for stream in stdout.into_iter().chain(stderr) {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}
