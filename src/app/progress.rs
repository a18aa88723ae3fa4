//! How far a long command is: a bar for a person at a terminal, now and then a line for everything else.
//!
//! Written to standard error, so that standard output holds results alone.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::storage::bytes;
use crate::store::safety::{Progress, Unit};

/// A terminal is told often enough to look alive, a log seldom enough to stay readable.
const BAR_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(10);

const BAR_CELLS: u64 = 24;

pub(super) struct Display {
    is_terminal: bool,
    stage: &'static str,
    stage_began: Instant,
    told: Instant,
    /// A bar stands on the line the cursor is on.
    is_on_line: bool,
}

impl Display {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let is_terminal = std::io::stderr().is_terminal();
        Self { is_terminal, stage: "", stage_began: now, told: now, is_on_line: false }
    }

    pub(super) fn tell(&mut self, progress: Progress) {
        let is_new_stage = self.stage != progress.stage;
        if is_new_stage {
            self.stage = progress.stage;
            self.stage_began = Instant::now();
        }
        let pause = if self.is_terminal { BAR_EVERY } else { LINE_EVERY };
        if self.told.elapsed() < pause && !(is_new_stage && self.is_terminal) {
            return;
        }
        self.told = Instant::now();
        let line = line(progress, self.stage_began.elapsed());
        let text = if self.is_terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") };
        self.is_on_line = self.is_terminal;
        // Nobody may be looking; the work goes on.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// Clears the bar, so that the result stands alone.
    pub(super) fn finish(&mut self) {
        if std::mem::take(&mut self.is_on_line) {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn line(progress: Progress, elapsed: Duration) -> String {
    let Progress { stage, done, total, unit } = progress;
    if total == 0 {
        return match (done, unit) {
            (0, _) => format!("{stage} …"),
            (_, Unit::Bytes) => format!("{stage}  {}", bytes(done)),
            (_, Unit::Rows) => format!("{stage}  {done}"),
        };
    }
    let cells = (done.min(total) * BAR_CELLS / total) as usize;
    let bar = format!("{}{}", "█".repeat(cells), "░".repeat(BAR_CELLS as usize - cells));
    let amount = match unit {
        Unit::Bytes => format!("{} of {}", bytes(done), bytes(total)),
        Unit::Rows => format!("{done} of {total}"),
    };
    let left = match eta(done, total, elapsed) {
        Some(left) => format!(", {} left", duration(left)),
        None => String::new(),
    };
    format!("{stage:<16} {bar} {:>3} %  {amount}{left}", done.min(total) * 100 / total)
}

/// Not before there is something to judge by.
fn eta(done: u64, total: u64, elapsed: Duration) -> Option<Duration> {
    if done == 0 || done >= total || elapsed < Duration::from_secs(1) {
        return None;
    }
    Some(elapsed.mul_f64((total - done) as f64 / done as f64))
}

fn duration(time: Duration) -> String {
    match time.as_secs() + 1 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(done: u64, total: u64) -> Progress {
        Progress { stage: "copying", done, total, unit: Unit::Bytes }
    }

    #[test]
    fn a_bar_says_how_much_is_done_and_how_long_it_takes() {
        let half = line(at(512 << 20, 1 << 30), Duration::from_secs(4));
        assert_eq!(half, "copying          ████████████░░░░░░░░░░░░  50 %  512 MiB of 1 GiB, 5 s left");
        assert_eq!(line(at(0, 10), Duration::ZERO), "copying          ░░░░░░░░░░░░░░░░░░░░░░░░   0 %  0 B of 10 B");
        assert!(line(at(20, 10), Duration::from_secs(9)).contains("100 %"), "a database may have grown meanwhile");
    }

    #[test]
    fn what_nobody_can_tell_is_not_told() {
        assert_eq!(line(at(0, 0), Duration::from_secs(9)), "copying …");
        assert_eq!(line(Progress { unit: Unit::Rows, ..at(7, 0) }, Duration::ZERO), "copying  7");
    }

    #[test]
    fn durations_are_short() {
        let long = [59, 60, 3_599, 7_260].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(long, ["1 min 0 s", "1 min 1 s", "1 h 0 min", "2 h 1 min"]);
    }
}
