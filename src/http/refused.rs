//! Requests that were refused as a whole, counted for good.
//!
//! Summed in memory and written at most once a second, so that a flood of bad requests is no flood of commits. Knows
//! neither what a request was nor what it was answered.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::config::REFUSED_WRITE_MS;
use crate::model::ids::ProjectId;
use crate::model::outcome::{REQUEST_CATEGORY, RequestReason};
use crate::store::{OutcomeWrite, Write};

use super::{Ready, Server, now_ms};

/// Under which those are counted that name no project there is.
const NO_PROJECT: ProjectId = ProjectId(0);

#[derive(Default)]
pub(super) struct Refused {
    /// By the project in the address, which may not exist.
    sums: Mutex<BTreeMap<(Option<ProjectId>, RequestReason), u64>>,
    /// Held while sums are written, so that whoever reads afterwards finds them.
    writing: tokio::sync::Mutex<()>,
}

impl Refused {
    pub(super) fn add(&self, project: Option<ProjectId>, reason: RequestReason, quantity: u64) {
        let mut sums = self.sums.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut key = (project, reason);
        // Addresses are strangers' choice.
        if sums.len() >= KEYS_MAX && !sums.contains_key(&key) {
            key.0 = None;
        }
        *sums.entry(key).or_default() += quantity;
    }

    /// Writes what has gathered; what could not be written is kept for the next time.
    pub(super) async fn write(&self, ready: &Ready) {
        let _writing = self.writing.lock().await;
        let sums = std::mem::take(&mut *self.sums.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        if sums.is_empty() {
            return;
        }
        let write = |((project, reason), quantity): (&(Option<ProjectId>, RequestReason), &u64)| {
            Write::Outcome(OutcomeWrite {
                project_id: project.filter(|id| ready.project(*id).is_some()).unwrap_or(NO_PROJECT),
                received_ms: now_ms(),
                category: REQUEST_CATEGORY.to_string(),
                reason: reason.as_str(),
                quantity: *quantity,
            })
        };
        if let Err(error) = ready.store.append(sums.iter().map(write).collect()).await {
            tracing::warn!(%error, "refused requests could not be counted yet");
            for ((project, reason), quantity) in sums {
                self.add(project, reason, quantity);
            }
        }
    }
}

/// More projects than anybody has, in one second.
const KEYS_MAX: usize = 1000;

impl Server {
    /// Runs for ever: writes what refused requests there were.
    pub async fn count_refused(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(REFUSED_WRITE_MS)).await;
            self.write_refused().await;
        }
    }

    /// At the end, before the store is closed.
    pub async fn write_refused(&self) {
        if let Ok(ready) = self.ready().await {
            self.ledger.refused.write(&ready).await;
        }
    }
}
