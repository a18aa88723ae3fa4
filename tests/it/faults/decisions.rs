//! What people decide while the server is ended: whatever was answered with 200 is there afterwards.
//!
//! One person, one decision after the other about one issue, each under a name of its own; so what must be there follows
//! from the last answer. Knows nothing of what goes wrong meanwhile.

use serde_json::{Value, json};

use crate::client::Connection;
use crate::harness::Trapline;

/// The first issue there is.
const ISSUE: &str = "DEFAULT-1";
/// Of the newest lines of what happened to an issue, which are all that is shown.
const TOLD_MAX: usize = 400;

#[derive(Default)]
pub struct Decisions {
    /// Numbers answered with 200, and the last one that was sent.
    answered: Vec<u64>,
    sent: u64,
}

/// Ignored for ever and open in turn: no event changes either of them.
fn action(number: u64) -> Value {
    if number % 2 == 1 { json!({ "kind": "ignore", "until": "forever" }) } else { json!({ "kind": "unresolve" }) }
}

fn status(number: u64) -> &'static str {
    if number % 2 == 1 { "ignored" } else { "unresolved" }
}

impl Decisions {
    /// Decides on until `is_over`, whatever happens to the server meanwhile.
    pub fn decide_while(&mut self, server: &Trapline, is_over: impl Fn() -> bool) {
        let mut connection = None;
        while !is_over() {
            let Some(mut open) = connection.take().or_else(|| Connection::try_open(server.address())) else {
                std::thread::park_timeout(std::time::Duration::from_millis(5));
                continue;
            };
            let number = self.sent + 1;
            let body = json!({ "ids": [ISSUE], "by": format!("p{number}"), "action": action(number) });
            let request = server.post("/api/ui/issues/actions").header("x-trapline", "1").json(&body);
            let Some(answer) = open.exchange(&request) else {
                self.sent = number;
                continue;
            };
            match answer.status {
                200 => {
                    self.sent = number;
                    self.answered.push(number);
                }
                // There is no event yet, or the server is ending.
                404 | 429 | 503 => std::thread::park_timeout(std::time::Duration::from_millis(5)),
                other => panic!("{other}: {}", answer.text()),
            }
            connection = Some(open);
        }
    }

    /// How many were answered, and what of them is not there.
    pub fn compare(&mut self, server: &Trapline) -> (usize, Vec<String>) {
        let answered = std::mem::take(&mut self.answered);
        let mut wrong = Vec::new();
        let shown = server.get(&format!("/api/ui/issues/{ISSUE}"));
        if shown.status != 200 {
            return (answered.len(), answered.first().map(|_| shown.text()).into_iter().collect());
        }
        let now = shown.json()["issue"]["status"].as_str().unwrap_or_default().to_string();
        // What was sent and not answered may have come to something.
        if let Some(last) = answered.last().copied()
            && ![status(last), status(self.sent)].contains(&now.as_str())
        {
            wrong.push(format!("{ISSUE} is {now} after decision {last} of {}", self.sent));
        }
        let told = server.get_json(&format!("/api/ui/issues/{ISSUE}/activity"))["entries"].clone();
        let told: Vec<&str> = told.as_array().into_iter().flatten().filter_map(|entry| entry["by"].as_str()).collect();
        for number in answered.iter().rev().take(TOLD_MAX) {
            if !told.contains(&format!("p{number}").as_str()) {
                wrong.push(format!("decision {number} is not told of"));
            }
        }
        // The next one must change something, or nothing would be told of it.
        self.sent += u64::from(now == status(self.sent + 1));
        (answered.len(), wrong)
    }
}
