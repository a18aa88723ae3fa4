//! Mistakes found in traces become events, on the route every event takes: grouped, listed, searched and shown like others.
//!
//! Finds nothing itself: what counts as one is decided in [`crate::perf`], and the store looks for them behind the
//! acknowledgement and leaves them in a row. An event has the id of its cause and its trace, so that telling twice changes
//! nothing.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use crate::clock::now_ms;
use crate::config::{FINDING_BATCH_ROWS, FINDING_LOOK_MS};
use crate::ingest::{Policy, prepare};
use crate::model::decoded::{Decoded, Incoming};
use crate::model::event::{Event, EventKind, Level, Message};
use crate::model::time::rfc3339;
use crate::perf::{Asker, CallSite, Finding, FindingKind};
use crate::store::{Store, StoreError, Write};

const SDK: &str = "trapline.queries";

/// Tells until told to stop.
pub async fn tell_findings(store: Store, policy: Policy, mut stop: watch::Receiver<bool>) {
    loop {
        let is_last = *stop.borrow();
        if let Err(error) = tell(&store, &policy).await {
            tracing::warn!(%error, "slow and repeated queries could not be told, trying again soon");
        }
        if is_last {
            return;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(Duration::from_millis(FINDING_LOOK_MS)) => {}
        }
    }
}

async fn tell(store: &Store, policy: &Policy) -> Result<(), StoreError> {
    loop {
        let findings = store.perf_findings(FINDING_BATCH_ROWS).await?;
        if findings.is_empty() {
            return Ok(());
        }
        let now_ms = now_ms();
        let projects = store.projects().await?;
        let mut writes = Vec::with_capacity(findings.len() * 2);
        for (told, finding) in findings {
            let project = projects.iter().find(|project| project.id == told.project_id);
            if let (Some(finding), Some(project)) = (finding, project) {
                let decoded = Decoded { items: vec![Incoming::Event(Box::new(event(&finding)))], refused: Vec::new() };
                writes.extend(prepare(project, decoded, policy, store.bodies(), now_ms).writes);
            }
            writes.push(Write::FindingTold(told));
        }
        store.append(writes).await?;
    }
}

fn event(finding: &Finding) -> Event {
    let kind = match finding.kind {
        FindingKind::NPlusOne => EventKind::NPlusOne,
        FindingKind::SlowQuery => EventKind::SlowQuery,
    };
    let event_id = finding.event_id();
    let title = title(finding);
    let formatted = format!("{title}\n{}", finding.sql);
    let culprit = match (&finding.call_site, finding.within.as_str()) {
        (_, within) if !within.is_empty() => within.to_owned(),
        (Some(site), _) => site.words(),
        _ => finding.service.clone(),
    };
    let mut fingerprint = vec![SDK.to_string()];
    fingerprint.extend(finding.cause());
    let mut tags = vec![("db.operation".to_string(), finding.operation.clone())];
    tags.extend(finding.table.iter().map(|table| ("db.table".to_string(), table.clone())));
    if !finding.service.is_empty() {
        tags.push(("service.name".to_string(), finding.service.clone()));
    }
    let body = json!({
        "event_id": event_id.to_string(),
        "timestamp": rfc3339(finding.timestamp_ms),
        "platform": platform(finding),
        "level": Level::Warning.as_str(),
        "logentry": { "formatted": formatted },
        "culprit": culprit,
        "transaction": finding.within,
        "environment": finding.environment,
        "release": finding.release,
        "fingerprint": fingerprint,
        "user": finding.asker,
        "tags": tags.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "sdk": { "name": SDK, "version": env!("CARGO_PKG_VERSION") },
        "contexts": {
            "trace": { "type": "trace", "trace_id": finding.trace_id.to_string() },
            "query": {
                "type": "query",
                "finding": finding.kind.as_str(),
                "trace_id": finding.trace_id.to_string(),
                "sql": finding.sql,
                "example": finding.example,
                "operation": finding.operation,
                "table": finding.table,
                "db_system": finding.db_system,
                "count": finding.count,
                "total_ms": ms(finding.total_us),
                "within": finding.within,
                "within_ms": ms(finding.within_us),
                "is_task": finding.is_task,
                "file": finding.call_site.as_ref().map(|site| &site.file),
                "line": finding.call_site.as_ref().and_then(|site| site.line),
                "function": finding.call_site.as_ref().and_then(|site| site.function.as_ref()),
                "spans": finding.spans,
                "service": finding.service,
                "sdk": finding.sdk,
            },
        },
    });
    Event {
        event_id,
        kind,
        timestamp_ms: finding.timestamp_ms,
        level: Level::Warning,
        platform: platform(finding).to_owned(),
        logger: None,
        message: Some(Message { template: None, formatted }),
        exceptions: Vec::new(),
        thread_frames: Vec::new(),
        transaction: (!finding.within.is_empty()).then(|| finding.within.clone()),
        culprit: Some(culprit),
        release: finding.release.clone(),
        environment: finding.environment.clone(),
        server_name: None,
        request_url: None,
        tags,
        user: finding.asker.as_ref().and_then(user_name),
        // It says something about its trace, and is no error in it: the trace's page finds it by its id.
        trace_id: None,
        span_id: None,
        sdk: Some(format!("{SDK}/{}", env!("CARGO_PKG_VERSION"))),
        more: None,
        fingerprint: Some(fingerprint),
        checksum: None,
        template: None,
        csp: None,
        user_agent: None,
        report: None,
        body: body.to_string().into_bytes(),
    }
}

/// As users of other events are called, and cut.
fn user_name(asker: &Asker) -> Option<String> {
    let named = [
        ("id", &asker.id, 128),
        ("username", &asker.username, 128),
        ("email", &asker.email, 75),
        ("ip", &asker.ip_address, 45),
    ];
    named.into_iter().find_map(|(kind, text, chars_max)| {
        let text: String = text.as_ref()?.chars().take(chars_max).collect();
        Some(format!("{kind}:{text}"))
    })
}

/// `N+1 query: SELECT shop_author in books_list (shop/views.py)`
fn title(finding: &Finding) -> String {
    let what = match finding.kind {
        FindingKind::NPlusOne => "N+1 query",
        FindingKind::SlowQuery => "Slow query",
    };
    let summary = match &finding.table {
        Some(table) => format!("{} {table}", finding.operation),
        None => finding.operation.clone(),
    };
    match &finding.call_site {
        Some(site) => format!("{what}: {summary} in {}", site.words()),
        None => format!("{what}: {summary}"),
    }
}

impl CallSite {
    /// `books_list (shop/views.py)`
    fn words(&self) -> String {
        let parts: Vec<&str> = self.file.rsplit('/').take(2).collect();
        let file: Vec<&str> = parts.into_iter().rev().collect();
        match &self.function {
            Some(function) => format!("{function} ({})", file.join("/")),
            None => file.join("/"),
        }
    }
}

fn platform(finding: &Finding) -> &'static str {
    let sdk = finding.sdk.as_deref().unwrap_or_default();
    let known = ["python", "javascript", "node", "ruby", "php", "java", "go", "rust"];
    known.into_iter().find(|name| sdk.contains(name)).unwrap_or("other")
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}
