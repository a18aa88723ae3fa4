//! Tests of grouping, by subject. Outside the version folders, which are frozen with their hashes.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod behaviour;
mod fingerprints;
mod frames;
mod groups;
mod messages;
mod properties;
mod published;
mod reports;
mod rules;
mod titles;

use crate::grouping::{self, Component, ComponentValue, Explanation, Grouping, GroupingHash, Rules, VariantName};
use crate::model::event::{Event, EventKind, Exception, Frame, Level, Message};
use crate::model::ids::EventId;
use crate::model::issue::IssueTitle;

fn group(event: &Event) -> Grouping {
    grouping::group(event, Rules::none())
}

fn explain(event: &Event, version: u32) -> Option<Explanation> {
    grouping::explain(event, version, Rules::none())
}

fn title(event: &Event, main_exception: Option<usize>) -> IssueTitle {
    grouping::title(event, &Grouping { main_exception, ..group(event) })
}

fn event(platform: &str) -> Event {
    Event {
        event_id: EventId([7; 16]),
        kind: EventKind::Error,
        timestamp_ms: 0,
        level: Level::Error,
        platform: platform.to_owned(),
        logger: None,
        message: None,
        exceptions: Vec::new(),
        thread_frames: Vec::new(),
        transaction: None,
        culprit: None,
        release: None,
        environment: None,
        server_name: None,
        request_url: None,
        user_agent: None,
        tags: Vec::new(),
        user: None,
        trace_id: None,
        span_id: None,
        sdk: None,
        more: None,
        fingerprint: None,
        checksum: None,
        report: None,
        csp: None,
        template: None,
        body: Vec::new(),
    }
}

fn raised(platform: &str, exceptions: Vec<Exception>) -> Event {
    Event { exceptions, ..event(platform) }
}

fn logged(text: &str) -> Event {
    let message = Message { template: None, formatted: text.to_owned() };
    Event { kind: EventKind::Default, message: Some(message), ..event("python") }
}

fn exception(ty: &str, value: &str, frames: Vec<Frame>) -> Exception {
    Exception { ty: Some(ty.to_owned()), value: Some(value.to_owned()), frames, ..Exception::default() }
}

fn frame(module: &str, function: &str, line: &str, in_app: bool) -> Frame {
    Frame {
        module: Some(module.to_owned()),
        function: Some(function.to_owned()),
        context_line: Some(line.to_owned()),
        in_app: Some(in_app),
        ..Frame::default()
    }
}

fn file(filename: &str, in_app: bool) -> Frame {
    Frame { filename: Some(filename.to_owned()), in_app: Some(in_app), ..Frame::default() }
}

fn hex(hash: GroupingHash) -> String {
    format!("{:032x}", u128::from_be_bytes(hash))
}

fn hashes(event: &Event) -> Vec<String> {
    group(event).hashes().map(hex).collect()
}

fn names(event: &Event) -> Vec<VariantName> {
    group(event).variants.iter().map(|variant| variant.name).collect()
}

/// The leaves that made the first hash.
fn leaves(event: &Event) -> Vec<String> {
    leaves_with(event, Rules::none())
}

fn leaves_with(event: &Event, rules: &Rules) -> Vec<String> {
    let explanation = grouping::explain(event, 1, rules).unwrap();
    let variant = explanation.variants.iter().find(|variant| variant.is_contributing).unwrap();
    let mut found = Vec::new();
    collect_leaves(&variant.component, &mut found);
    found
}

fn collect_leaves(component: &Component, found: &mut Vec<String>) {
    if !component.contributes {
        return;
    }
    for value in &component.values {
        match value {
            ComponentValue::Leaf(text) => found.push(text.clone()),
            ComponentValue::Component(inner) => collect_leaves(inner, found),
        }
    }
}
