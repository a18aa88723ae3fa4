//! Which fingerprint rule an event meets: the project's first, then those built in.
//!
//! Conditions on the error must hold for the same exception, conditions on frames for the same frame, as in Sentry.

use std::sync::LazyLock;

use crate::grouping::rules::{FingerprintMatcher, FingerprintRule, FingerprintSubject, Rules};
use crate::grouping::v1::names;
use crate::model::event::{Event, Exception, Frame};

/// Frames of one event that rules look at, the crash first. Bounds the work for an event made of frames alone.
const FRAMES_MAX: usize = 1024;

/// What Sentry groups by itself: a browser that has an old page and no longer finds its scripts, and React pages
/// that came from the server otherwise than the browser drew them.
const BUILT_IN: &str = r#"
family:javascript error.type:"ChunkLoadError" -> chunkload-error
family:javascript error.value:"ChunkLoadError*" -> chunkload-error
family:javascript error.value:"Uncaught *ChunkLoadError*" -> chunkload-error
family:javascript tags.transaction:"*" message:"Text content does not match server-rendered HTML." -> hydration-error {{ tags.transaction }}
family:javascript tags.transaction:"*" message:"Hydration failed because the initial UI does not match what was rendered on the server." -> hydration-error {{ tags.transaction }}
family:javascript tags.transaction:"*" message:"There was an error while hydrating*" -> hydration-error {{ tags.transaction }}
"#;

static BUILT_IN_RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::parse(BUILT_IN, "").expect("the built-in rules are read by a test"));

/// A frame, and whether it belongs to the application.
pub(super) type MarkedFrame<'e> = (&'e Frame, bool);

#[derive(Clone, Copy)]
pub(super) struct Met<'r> {
    pub(super) rule: &'r FingerprintRule,
    pub(super) is_built_in: bool,
}

/// The rule that decides; a client's own fingerprint goes before those built in, not before the project's.
pub(super) fn find<'e>(
    rules: &'e Rules,
    event: &'e Event,
    frames: impl Fn() -> Vec<MarkedFrame<'e>>,
) -> Option<Met<'e>> {
    if !rules.fingerprint.is_empty() {
        let mut frames = frames();
        frames.truncate(FRAMES_MAX);
        let found = rules.fingerprint.iter().find(|rule| meets(rule, event, &frames));
        if let Some(rule) = found {
            return Some(Met { rule, is_built_in: false });
        }
    }
    let has_built_in = event.fingerprint.is_none() && names::family_name(&event.platform) == "javascript";
    let built_in = || BUILT_IN_RULES.fingerprint.iter().find(|rule| meets(rule, event, &[]));
    has_built_in.then(built_in).flatten().map(|rule| Met { rule, is_built_in: true })
}

fn meets(rule: &FingerprintRule, event: &Event, frames: &[MarkedFrame<'_>]) -> bool {
    let is_about = |group: Group| rule.matchers.iter().filter(move |matcher| group_of(&matcher.subject) == group);
    // The cheap ones first.
    is_about(Group::Event).all(|matcher| meets_event(matcher, event))
        && (is_about(Group::Exception).next().is_none()
            || event
                .exceptions
                .iter()
                .any(|exception| is_about(Group::Exception).all(|matcher| meets_exception(matcher, exception))))
        && (is_about(Group::Frame).next().is_none()
            || frames.iter().any(|frame| is_about(Group::Frame).all(|matcher| meets_frame(matcher, frame))))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Event,
    Exception,
    Frame,
}

fn group_of(subject: &FingerprintSubject) -> Group {
    use FingerprintSubject as Subject;
    match subject {
        Subject::Type | Subject::Value => Group::Exception,
        Subject::Path | Subject::Module | Subject::Function | Subject::Package | Subject::App => Group::Frame,
        _ => Group::Event,
    }
}

fn meets_event(matcher: &FingerprintMatcher, event: &Event) -> bool {
    let text = |text: Option<&str>| text.is_some_and(|text| matcher.test.text(text));
    let found = match &matcher.subject {
        // What an exception says is a message to most people.
        FingerprintSubject::Message => {
            text(event.message.as_ref().map(|message| message.formatted.as_str()))
                || event.exceptions.iter().any(|exception| text(exception.value.as_deref()))
        }
        FingerprintSubject::Logger => text(event.logger.as_deref()),
        FingerprintSubject::Level => text(Some(event.level.as_str())),
        FingerprintSubject::Tag(key) => text(tag(event, key)),
        FingerprintSubject::Family => {
            text(Some(names::family_name(&event.platform))) || text(Some(event.platform.as_str()))
        }
        FingerprintSubject::Sdk => {
            text(event.sdk.as_deref().map(|sdk| sdk.split_once('/').map_or(sdk, |(name, _)| name)))
        }
        FingerprintSubject::Release => text(event.release.as_deref()),
        _ => true,
    };
    found != matcher.is_negated
}

fn meets_exception(matcher: &FingerprintMatcher, exception: &Exception) -> bool {
    let text = match matcher.subject {
        FingerprintSubject::Type => exception.ty.as_deref(),
        _ => exception.value.as_deref(),
    };
    text.is_some_and(|text| matcher.test.text(text)) != matcher.is_negated
}

fn meets_frame(matcher: &FingerprintMatcher, (frame, is_in_app): &MarkedFrame<'_>) -> bool {
    let text = |text: Option<&str>| text.is_some_and(|text| matcher.test.text(text));
    let found = match matcher.subject {
        FingerprintSubject::Path => text(frame.abs_path.as_deref()) || text(frame.filename.as_deref()),
        FingerprintSubject::Module => text(frame.module.as_deref()),
        FingerprintSubject::Function => text(frame.function.as_deref()),
        FingerprintSubject::Package => text(frame.package.as_deref()),
        _ => matcher.test.flag_is(*is_in_app),
    };
    found != matcher.is_negated
}

/// A tag as a user sees it: some are fields of the event.
pub(super) fn tag<'e>(event: &'e Event, key: &str) -> Option<&'e str> {
    let field = match key {
        "environment" => event.environment.as_deref(),
        "release" => event.release.as_deref(),
        "server_name" => event.server_name.as_deref(),
        "transaction" => event.transaction.as_deref(),
        "level" => Some(event.level.as_str()),
        "logger" => event.logger.as_deref(),
        _ => None,
    };
    let sent = || event.tags.iter().find(|(tag, _)| tag == key).map(|(_, value)| value.as_str());
    field.or_else(sent)
}
