//! What a project's settings come to: checked, compiled once, shared by all requests until they change.
//!
//! Owns what a valid setting is. Knows neither where settings are kept nor who may change them.

use std::sync::Arc;

use crate::config::{
    GROUPING_RULES_BYTES_MAX, LIMIT_RULES_MAX, LIMIT_WINDOW_S_MAX, SETTINGS_LIST_MAX, SETTINGS_TEXT_CHARS_MAX,
};
use crate::grouping::{RuleError, RuleText, Rules};
use crate::model::ids::PublicKey;
use crate::model::project::ProjectKey;
use crate::model::project::settings::{FieldProblem, GroupingSettings, LimitPeriod, LimitRule, ProjectSettings};
use crate::model::quota::{DataGroup, DataGroups};
use crate::scrub;

use super::filters::Filters;
use super::limiter::{Limit, Limited, Limiter};
use super::own_calls::OwnAddress;

/// How what is sent to one project is treated.
pub struct Policy {
    pub scrub: scrub::Rules,
    pub grouping: Rules,
    pub filters: Filters,
    /// Calls to it are left out of traces.
    pub own_address: OwnAddress,
    /// The project's own, then those of the server.
    pub limits: Vec<Limit>,
    /// Shared with the policies before and after this one.
    pub limiter: Arc<Limiter>,
}

/// What the server's own settings say about every project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerPolicy {
    /// Off: nothing is scrubbed, whatever a project says.
    pub scrub: bool,
    pub limits: Vec<LimitRule>,
    pub own_address: OwnAddress,
}

impl Policy {
    /// Of settings that were checked before they were kept; what is wrong with them all the same is left out.
    pub fn new(settings: &ProjectSettings, server: &ServerPolicy, limiter: Arc<Limiter>) -> Self {
        let wanted = &settings.scrub;
        let rules = settings.limits.rules.iter().chain(&server.limits);
        Self {
            scrub: scrub::Rules::new(&scrub::Options {
                enabled: server.scrub && wanted.enabled,
                defaults: wanted.defaults,
                sensitive_keys: trimmed(&wanted.sensitive_keys),
                safe_keys: trimmed(&wanted.safe_keys),
                scrub_ip: wanted.scrub_ip,
            }),
            grouping: rules_of(&settings.grouping),
            filters: Filters::new(&settings.filters),
            own_address: server.own_address.clone(),
            limits: rules.filter_map(Limit::new).collect(),
            limiter,
        }
    }

    /// Groups that are refused at this moment, before anything is read.
    pub fn closed(&self, key: PublicKey, now_ms: i64) -> DataGroups {
        self.limiter.closed(&self.limits, key, now_ms)
    }

    pub(super) fn admit(&self, key: PublicKey, group: DataGroup, quantity: u64, now_ms: i64) -> Result<(), Limited> {
        self.limiter.admit(&self.limits, key, group, quantity, now_ms)
    }

    /// After a failed append.
    pub fn give_back(&self, key: PublicKey, charges: &[(DataGroup, u64)], now_ms: i64) {
        for (group, quantity) in charges {
            self.limiter.give_back(&self.limits, key, *group, *quantity, now_ms);
        }
    }

    pub fn has_quotas(&self) -> bool {
        self.limits.iter().any(|limit| limit.per != LimitPeriod::Seconds)
    }
}

fn trimmed(texts: &[String]) -> Vec<String> {
    // An empty word would be part of every name.
    texts.iter().map(|text| text.trim().to_string()).filter(|text| !text.is_empty()).collect()
}

/// What is wrong with settings, each with the field that holds it; empty when they can be kept.
pub fn check(settings: &ProjectSettings, keys: &[ProjectKey]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let filters = &settings.filters;
    let lists = [
        ("scrub.sensitive_keys", &settings.scrub.sensitive_keys),
        ("scrub.safe_keys", &settings.scrub.safe_keys),
        ("filters.health_checks.patterns", &filters.health_checks.patterns),
        ("filters.releases.patterns", &filters.releases.patterns),
        ("filters.error_messages.patterns", &filters.error_messages.patterns),
    ];
    for (field, list) in lists {
        check_list(field, list, &mut problems);
    }
    for (field, globs) in [
        ("filters.health_checks.patterns", &filters.health_checks),
        ("filters.releases.patterns", &filters.releases),
        ("filters.error_messages.patterns", &filters.error_messages),
    ] {
        if globs.enabled && globs.patterns.iter().all(|pattern| pattern.trim().is_empty()) {
            problems.push(FieldProblem::new(field, "write at least one pattern, or turn the filter off"));
        }
        if globs.enabled
            && let Some(index) = globs.patterns.iter().position(|pattern| matches_everything(pattern))
        {
            let message = "this pattern matches everything: to take nothing at all, set a limit of 0";
            problems.push(FieldProblem::new(format!("{field}.{index}"), message));
        }
    }
    for (index, word) in settings.scrub.sensitive_keys.iter().enumerate() {
        if word.trim().chars().count() < 2 {
            let message = "write at least two characters: one letter is part of nearly every name";
            problems.push(FieldProblem::new(format!("scrub.sensitive_keys.{index}"), message));
        }
    }
    check_limits(&settings.limits.rules, keys, &mut problems);
    let grouping = &settings.grouping;
    check_rules(
        "grouping.fingerprint_rules",
        &grouping.fingerprint_rules,
        |text| Rules::parse(text, ""),
        &mut problems,
    );
    check_rules(
        "grouping.stack_trace_rules",
        &grouping.stack_trace_rules,
        |text| Rules::parse("", text),
        &mut problems,
    );
    problems
}

fn matches_everything(pattern: &str) -> bool {
    let pattern = pattern.trim();
    !pattern.is_empty() && pattern.chars().all(|c| c == '*')
}

fn check_list(field: &str, list: &[String], problems: &mut Vec<FieldProblem>) {
    if list.len() > SETTINGS_LIST_MAX {
        problems.push(FieldProblem::new(field, format!("at most {SETTINGS_LIST_MAX} lines, not {}", list.len())));
    }
    for (index, text) in list.iter().enumerate().take(SETTINGS_LIST_MAX) {
        if text.chars().count() > SETTINGS_TEXT_CHARS_MAX || text.contains(['\n', '\0']) {
            let message = format!("must be one line of at most {SETTINGS_TEXT_CHARS_MAX} characters");
            problems.push(FieldProblem::new(format!("{field}.{index}"), message));
        }
    }
}

fn check_limits(rules: &[LimitRule], keys: &[ProjectKey], problems: &mut Vec<FieldProblem>) {
    if rules.len() > LIMIT_RULES_MAX {
        problems.push(FieldProblem::new("limits.rules", format!("at most {LIMIT_RULES_MAX} rules")));
    }
    for (index, rule) in rules.iter().enumerate().take(LIMIT_RULES_MAX) {
        let mut wrong = |member: &str, message: String| {
            problems.push(FieldProblem::new(format!("limits.rules.{index}.{member}"), message));
        };
        if rule.per == LimitPeriod::Seconds && !(1..=LIMIT_WINDOW_S_MAX).contains(&rule.seconds) {
            wrong("seconds", format!("must be between 1 and {LIMIT_WINDOW_S_MAX}"));
        }
        if rule.max > i64::MAX as u64 {
            wrong("max", "is too large".to_string());
        }
        if let Some(key) = &rule.key {
            let known = PublicKey::parse(key).is_some_and(|key| keys.iter().any(|known| known.public_key == key));
            if !known {
                wrong("key", "is not a key of this project".to_string());
            }
        }
        if rules[..index].iter().any(|earlier| same_counter(earlier, rule)) {
            wrong("group", "there is a rule for the same thing above".to_string());
        }
    }
}

fn same_counter(one: &LimitRule, other: &LimitRule) -> bool {
    let seconds = |rule: &LimitRule| if rule.per == LimitPeriod::Seconds { rule.seconds } else { 0 };
    (&one.key, one.group, one.per, seconds(one)) == (&other.key, other.group, other.per, seconds(other))
}

/// Each line of a text of rules: blank, a comment, or what `is_rule` says. Grouping reads the rules themselves; this
/// is the least that every one of them has.
/// Each text by itself, so that a mistake in one leaves the other.
fn rules_of(settings: &GroupingSettings) -> Rules {
    let (fingerprint, stack) = (&settings.fingerprint_rules, &settings.stack_trace_rules);
    Rules::parse(fingerprint, stack)
        .or_else(|error| match error.text {
            RuleText::Fingerprint => Rules::parse("", stack),
            RuleText::StackTrace => Rules::parse(fingerprint, ""),
        })
        .unwrap_or_default()
}

fn check_rules(field: &str, text: &str, parse: fn(&str) -> Result<Rules, RuleError>, problems: &mut Vec<FieldProblem>) {
    if text.len() > GROUPING_RULES_BYTES_MAX {
        problems.push(FieldProblem::new(field, format!("at most {GROUPING_RULES_BYTES_MAX} bytes")));
        return;
    }
    // Line by line, so that all that is wrong is said at once; what is wrong with the whole comes last.
    let before = problems.len();
    let wrong = |line, error: RuleError| FieldProblem { field: field.to_string(), line, message: error.message };
    for (index, line) in text.lines().enumerate() {
        if let Err(error) = parse(line) {
            problems.push(wrong(Some(index as u32 + 1), error));
        }
    }
    if problems.len() == before
        && let Err(error) = parse(text)
    {
        problems.push(wrong(Some(error.line).filter(|line| *line > 0), error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ProjectId;
    use crate::model::project::settings::{GlobSettings, LimitSettings};

    fn key() -> ProjectKey {
        let (public_key, project_id) = (PublicKey([0xab; 16]), ProjectId(1));
        ProjectKey { public_key, project_id, label: "Default".into(), is_active: true, created_ms: 0 }
    }

    fn fields(settings: &ProjectSettings) -> Vec<String> {
        let place = |problem: FieldProblem| match problem.line {
            Some(line) => format!("{}:{line}", problem.field),
            None => problem.field,
        };
        check(settings, &[key()]).into_iter().map(place).collect()
    }

    #[test]
    fn the_defaults_are_fine() {
        assert_eq!(fields(&ProjectSettings::default()), [""; 0]);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let mut settings = ProjectSettings::default();
        settings.scrub.sensitive_keys = vec!["iban".into(), "x".into(), "y".repeat(1000)];
        settings.filters.releases = GlobSettings { enabled: true, patterns: vec![" ".into()] };
        settings.filters.error_messages = GlobSettings { enabled: true, patterns: vec!["A*".into(), "**".into()] };
        let rule = LimitRule { max: 1, seconds: 60, ..LimitRule::default() };
        settings.limits = LimitSettings {
            rules: vec![
                rule.clone(),
                LimitRule { seconds: 0, ..rule.clone() },
                LimitRule { key: Some("abc".into()), ..rule.clone() },
                LimitRule { key: Some("ab".repeat(16)), ..rule.clone() },
                rule,
            ],
        };
        settings.grouping.fingerprint_rules = "# ok\n\nerror.type:KeyError -> keys\nnonsense\nx -> y".into();
        settings.grouping.stack_trace_rules = "stack.module:shop.* +app\nfamily:native".into();
        assert_eq!(
            fields(&settings),
            [
                "scrub.sensitive_keys.2",
                "filters.releases.patterns",
                "filters.error_messages.patterns.1",
                "scrub.sensitive_keys.1",
                "limits.rules.1.seconds",
                "limits.rules.2.key",
                "limits.rules.4.group",
                "grouping.fingerprint_rules:4",
                "grouping.fingerprint_rules:5",
                "grouping.stack_trace_rules:2",
            ]
        );
    }

    #[test]
    fn the_server_may_switch_scrubbing_off_for_all_and_limit_all() {
        let rule = LimitRule { max: 1, seconds: 60, ..LimitRule::default() };
        let server = ServerPolicy { limits: vec![rule], ..ServerPolicy::default() };
        let policy = Policy::new(&ProjectSettings::default(), &server, Arc::default());
        assert_eq!(policy.limits.len(), 1);
        let body = br#"{"extra":{"password":"x"}}"#;
        assert_eq!(scrub::scrub_event(body, &policy.scrub), &body[..]);
        let server = ServerPolicy { scrub: true, ..server };
        let policy = Policy::new(&ProjectSettings::default(), &server, Arc::default());
        assert_ne!(scrub::scrub_event(body, &policy.scrub), &body[..]);
    }
}
