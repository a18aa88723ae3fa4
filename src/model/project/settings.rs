//! What a project wants done with what it is sent: scrubbing, filters, limits, grouping rules.
//!
//! Owns the shape as it is kept and shown. Every member has a default, and what a newer version wrote is read as far
//! as it is understood. Knows neither how the options work nor what is a valid one (`ingest::policy`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::quota::DataGroup;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct ProjectSettings {
    pub scrub: ScrubSettings,
    pub filters: FilterSettings,
    pub limits: LimitSettings,
    pub grouping: GroupingSettings,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct ScrubSettings {
    pub enabled: bool,
    /// The usual suspects: passwords, tokens, cookies, card numbers. Off: only `sensitive_keys` and `scrub_ip`.
    pub defaults: bool,
    /// Words; a name that contains one loses its value.
    pub sensitive_keys: Vec<String>,
    /// Whole names whose values are never touched.
    pub safe_keys: Vec<String>,
    pub scrub_ip: bool,
}

impl Default for ScrubSettings {
    fn default() -> Self {
        Self { enabled: true, defaults: true, sensitive_keys: Vec::new(), safe_keys: Vec::new(), scrub_ip: false }
    }
}

/// Off, all but the first: nothing is lost before somebody said so. A request for a foreign host name is never the
/// application's own error and the loudest noise a public Django site has, so that one is dropped from the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct FilterSettings {
    pub disallowed_hosts: bool,
    pub crawlers: bool,
    pub health_checks: GlobSettings,
    pub localhost: bool,
    pub browser_extensions: bool,
    pub releases: GlobSettings,
    pub error_messages: GlobSettings,
}

/// A filter by patterns: `*` is any text, `?` one character.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct GlobSettings {
    pub enabled: bool,
    pub patterns: Vec<String>,
}

/// Where load balancers and orchestrators usually ask, and what `django-health-check` and `django-alive` answer to.
const HEALTH_CHECK_PATHS: [&str; 11] = [
    "/health",
    "/healthz",
    "/health/*",
    "/healthcheck",
    "/livez",
    "/readyz",
    "/ready",
    "/live",
    "/ping",
    "/ht",
    "/-/alive",
];

impl Default for FilterSettings {
    fn default() -> Self {
        let paths = HEALTH_CHECK_PATHS.iter().map(ToString::to_string).collect();
        Self {
            disallowed_hosts: true,
            crawlers: false,
            health_checks: GlobSettings { enabled: false, patterns: paths },
            localhost: false,
            browser_extensions: false,
            releases: GlobSettings::default(),
            error_messages: GlobSettings::default(),
        }
    }
}

/// No limits unless somebody sets some.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct LimitSettings {
    pub rules: Vec<LimitRule>,
}

/// At most so much of something in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct LimitRule {
    /// 32 hex characters; `null` means the whole project.
    pub key: Option<String>,
    pub group: DataGroup,
    /// In items, or bytes for attachments. 0 takes nothing at all.
    pub max: u64,
    pub per: LimitPeriod,
    /// Length of the window when `per` is `seconds`.
    pub seconds: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LimitPeriod {
    #[default]
    Seconds,
    /// A calendar day, UTC.
    Day,
    /// A calendar month, UTC.
    Month,
}

impl LimitRule {
    /// `project/error/60s`, `key 0a1b2c3d/span/month`: under which what it refused is counted.
    pub fn name(&self) -> String {
        let scope = match &self.key {
            None => "project".to_string(),
            Some(key) => format!("key {}", key.get(..8).unwrap_or(key)),
        };
        let period = match self.per {
            LimitPeriod::Seconds => format!("{}s", self.seconds),
            LimitPeriod::Day => "day".to_string(),
            LimitPeriod::Month => "month".to_string(),
        };
        format!("{scope}/{}/{period}", self.group.as_str())
    }
}

/// Rules as written, one per line; `#` starts a comment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct GroupingSettings {
    pub fingerprint_rules: String,
    pub stack_trace_rules: String,
}

/// Something in the settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FieldProblem {
    /// `limits.rules.0.seconds`
    pub field: String,
    /// Line of a text of several, from 1.
    pub line: Option<u32>,
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), line: None, message: message.into() }
    }
}

const SECTIONS: [&str; 4] = ["scrub", "filters", "limits", "grouping"];

impl ProjectSettings {
    /// As kept: unknown members are passed over, and a section that cannot be read is at its default and named.
    pub fn read(text: &str) -> (Self, Vec<FieldProblem>) {
        let value = serde_json::from_str(text).unwrap_or(Value::Null);
        Self::from_sections(&value)
    }

    /// As sent by a user: as [`ProjectSettings::read`], but members that mean nothing are problems, because a typing
    /// mistake must not be silently ignored.
    pub fn read_strictly(value: &Value) -> (Self, Vec<FieldProblem>) {
        let (settings, mut problems) = Self::from_sections(value);
        if !value.is_object() {
            problems.push(FieldProblem::new("settings", "must be an object"));
        }
        if let Ok(known) = serde_json::to_value(&settings) {
            name_unknown("", value, &known, &mut problems);
        }
        (settings, problems)
    }

    fn from_sections(value: &Value) -> (Self, Vec<FieldProblem>) {
        let mut problems = Vec::new();
        let settings = Self {
            scrub: section(value, SECTIONS[0], &mut problems),
            filters: section(value, SECTIONS[1], &mut problems),
            limits: section(value, SECTIONS[2], &mut problems),
            grouping: section(value, SECTIONS[3], &mut problems),
        };
        (settings, problems)
    }
}

fn section<T: Default + for<'de> Deserialize<'de>>(value: &Value, name: &str, problems: &mut Vec<FieldProblem>) -> T {
    let Some(found) = value.get(name) else { return T::default() };
    T::deserialize(found).unwrap_or_else(|error| {
        problems.push(FieldProblem::new(name, error.to_string()));
        T::default()
    })
}

fn name_unknown(path: &str, sent: &Value, known: &Value, problems: &mut Vec<FieldProblem>) {
    match (sent, known) {
        (Value::Object(sent), Value::Object(known)) => {
            for (key, value) in sent {
                let short: String = key.chars().take(60).collect();
                let path = if path.is_empty() { short } else { format!("{path}.{short}") };
                match known.get(key) {
                    Some(known) => name_unknown(&path, value, known, problems),
                    None => problems.push(FieldProblem::new(path, "is not a setting")),
                }
            }
        }
        (Value::Array(sent), Value::Array(known)) => {
            for (index, (sent, known)) in sent.iter().zip(known).enumerate() {
                name_unknown(&format!("{path}.{index}"), sent, known, problems);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_said_scrubs_filters_foreign_hosts_and_limits_nothing() {
        let (settings, problems) = ProjectSettings::read("{}");
        assert_eq!((settings.clone(), problems.len()), (ProjectSettings::default(), 0));
        assert!(settings.scrub.enabled && settings.scrub.defaults && !settings.scrub.scrub_ip);
        assert!(settings.filters.disallowed_hosts && !settings.filters.crawlers && !settings.filters.localhost);
        assert!(settings.limits.rules.is_empty());
    }

    #[test]
    fn what_a_newer_version_wrote_is_read_as_far_as_it_is_understood() {
        let text = r#"{"scrub":{"scrub_ip":true,"new":1},"filters":{"crawlers":"often"},"later":{}}"#;
        let (settings, problems) = ProjectSettings::read(text);
        assert!(settings.scrub.scrub_ip);
        assert_eq!(settings.filters, FilterSettings::default());
        assert_eq!(problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(), ["filters"]);
    }

    #[test]
    fn a_typing_mistake_is_named() {
        let sent = json!({ "scrub": { "enable": true }, "limits": { "rules": [{ "groop": "error" }] } });
        let (_, problems) = ProjectSettings::read_strictly(&sent);
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["scrub.enable", "limits.rules.0.groop"]);
        assert!(!ProjectSettings::read_strictly(&json!([])).1.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_and_what_was_read_is_stable(
            text in r#"\{"(scrub|filters|limits|grouping)":(\{"(enabled|rules|crawlers|releases)":[\[\]{}0-9a-z",:]{0,12}\}|[0-9]|null|"x")\}|.{0,40}"#,
        ) {
            let (settings, _) = ProjectSettings::read(&text);
            let value = serde_json::to_value(&settings).unwrap();
            proptest::prop_assert_eq!(ProjectSettings::read_strictly(&value), (settings, vec![]));
        }
    }

    #[test]
    fn writing_and_reading_changes_nothing() {
        let rule = LimitRule { max: 5, seconds: 60, ..LimitRule::default() };
        let settings = ProjectSettings { limits: LimitSettings { rules: vec![rule] }, ..ProjectSettings::default() };
        let value = serde_json::to_value(&settings).unwrap();
        assert_eq!(ProjectSettings::read_strictly(&value), (settings, vec![]));
    }
}
