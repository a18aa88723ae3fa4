//! One `check_in` payload, or one request to the cron route, to a [`CheckIn`].
//!
//! Knows how SDKs, sentry-cli and curl spell a check-in and its `monitor_config`. A field that means nothing costs that
//! field and is named; only a name for the monitor is needed. Does not know which monitors there are.

use std::borrow::Cow;

use crate::config::CHECK_IN_BYTES_MAX;
use crate::model::ids::CheckInId;
use crate::model::monitor::{
    CheckIn, CheckInStatus, ENVIRONMENT_DEFAULT, MINUTES_MAX, Schedule, SentConfig, THRESHOLD_MAX, Zone, slugify,
};
use crate::sentry::event::{ItemError, environment, release, trace_id};
use crate::sentry::json::lenient::cut;
use crate::sentry::json::{Object, Scalar, read_object, wire_object};
use crate::sentry::wire::WireContexts;

/// Characters of a monitor's name and of its owner.
const NAME_CHARS_MAX: usize = 128;
const OWNER_CHARS_MAX: usize = 64;
const ZONE_CHARS_MAX: usize = 64;
/// A job that runs for longer than ten years is a wrong number.
const DURATION_S_MAX: f64 = 315_360_000.0;
/// A payload is flat but for contexts and configuration.
const DEPTH_MAX: usize = 100;

/// A check-in, and what of it could not be used.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckInDecoded {
    pub check_in: CheckIn,
    pub problems: Vec<String>,
}

wire_object! {
    WireCheckIn {
        check_in_id: Scalar<'a> = "check_in_id",
        monitor_slug: Scalar<'a> = "monitor_slug",
        status: Scalar<'a> = "status",
        duration: Scalar<'a> = "duration",
        environment: Scalar<'a> = "environment",
        release: Scalar<'a> = "release",
        contexts: Object<WireContexts<'a>> = "contexts",
        monitor_config: Object<WireMonitorConfig<'a>> = "monitor_config",
    }
}

wire_object! {
    WireMonitorConfig {
        schedule: Object<WireSchedule<'a>> = "schedule",
        checkin_margin: Scalar<'a> = "checkin_margin",
        max_runtime: Scalar<'a> = "max_runtime",
        timezone: Scalar<'a> = "timezone",
        failure_issue_threshold: Scalar<'a> = "failure_issue_threshold",
        recovery_threshold: Scalar<'a> = "recovery_threshold",
        owner: Scalar<'a> = "owner",
    }
}

wire_object! {
    /// `{"type": "crontab", "value": "*/5 * * * *"}` or `{"type": "interval", "value": 2, "unit": "hour"}`; a bare text
    /// is a crontab line.
    WireSchedule {
        ty: Scalar<'a> = "type",
        value: Scalar<'a> = "value",
        unit: Scalar<'a> = "unit",
    }
    text value
}

/// Reads the payload of a `check_in` item.
pub fn decode_check_in(payload: &[u8]) -> Result<CheckInDecoded, ItemError> {
    read(payload, |wire| normalise(&wire))
}

/// Reads a request to `/api/<project>/cron/<slug>`: the query, and a body of JSON or of a form, which wins. Without a
/// status it says nothing, and guessing one could hide a failure.
pub fn decode_cron(slug: &str, query: &str, body: &[u8]) -> Result<CheckInDecoded, ItemError> {
    if body.len() > CHECK_IN_BYTES_MAX {
        return Err(ItemError::TooLarge { bytes: body.len(), max: CHECK_IN_BYTES_MAX });
    }
    let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(&b'{') {
        return read(body, |mut wire| {
            take_pairs(&mut wire, query, false);
            take_slug(&mut wire, slug);
            with_status(&wire)
        });
    }
    // curl -d status=ok sends a form.
    let form = String::from_utf8_lossy(body);
    let mut wire = WireCheckIn::default();
    take_pairs(&mut wire, query, true);
    take_pairs(&mut wire, form.trim(), true);
    take_slug(&mut wire, slug);
    with_status(&wire)
}

fn read<T>(payload: &[u8], of: impl Fn(WireCheckIn<'_>) -> Result<T, ItemError>) -> Result<T, ItemError> {
    if payload.len() > CHECK_IN_BYTES_MAX {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: CHECK_IN_BYTES_MAX });
    }
    let (decoded, _) = read_object(payload, DEPTH_MAX, |text| {
        let wire: Object<WireCheckIn<'_>> = serde_json::from_str(text)?;
        Ok(of(wire.0.unwrap_or_default()))
    })?;
    decoded
}

/// The members of a query or a form, each where nothing is yet, or instead of what is.
fn take_pairs(wire: &mut WireCheckIn<'_>, pairs: &str, is_stronger: bool) {
    for (name, value) in form_urlencoded::parse(pairs.as_bytes()) {
        let field = match name.as_ref() {
            "status" => &mut wire.status,
            "check_in_id" => &mut wire.check_in_id,
            "duration" => &mut wire.duration,
            "environment" => &mut wire.environment,
            "release" => &mut wire.release,
            _ => continue,
        };
        if is_stronger || *field == Scalar::Absent {
            *field = Scalar::Text(Cow::Owned(value.into_owned()));
        }
    }
}

/// The address names the monitor, still as it stands in a path.
fn take_slug(wire: &mut WireCheckIn<'_>, slug: &str) {
    let name = form_urlencoded::parse(slug.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned());
    wire.monitor_slug = Scalar::Text(Cow::Owned(name));
}

fn with_status(wire: &WireCheckIn<'_>) -> Result<CheckInDecoded, ItemError> {
    match wire.status.text() {
        Some(_) => normalise(wire),
        None => Err(ItemError::Field { field: "status", found: String::new() }),
    }
}

fn normalise(wire: &WireCheckIn<'_>) -> Result<CheckInDecoded, ItemError> {
    let name = wire.monitor_slug.limited(NAME_CHARS_MAX).unwrap_or_default();
    let slug = slugify(&name).ok_or_else(|| ItemError::Field { field: "monitor_slug", found: name.clone() })?;
    let mut problems = Vec::new();
    let id = wire.check_in_id.text().filter(|text| !text.trim().is_empty());
    let parsed = id.as_deref().map(|text| CheckInId::parse(text.trim()));
    if let (Some(sent), Some(None)) = (&id, parsed) {
        problems.push(format!("check_in_id \"{}\" is not 32 hex digits", cut(sent, 64)));
    }
    let status = wire.status.text();
    let status = CheckInStatus::from_client(status.as_deref().unwrap_or_default().trim());
    if status == CheckInStatus::Unknown {
        let sent = wire.status.limited(32).unwrap_or_default();
        problems.push(format!("status \"{sent}\" is not one that a job sends: in_progress, ok or error"));
    }
    let duration_ms = duration_ms(&wire.duration);
    if duration_ms.is_none() && wire.duration.text().is_some_and(|text| !text.is_empty()) {
        problems.push("duration is not a number of seconds".to_owned());
    }
    let trace = wire.contexts.get().and_then(|contexts| contexts.trace.get());
    let check_in = CheckIn {
        id: parsed.flatten().filter(|id| !id.is_zero()),
        slug,
        name: name.trim().to_owned(),
        status,
        duration_ms,
        environment: environment(&wire.environment).unwrap_or_else(|| ENVIRONMENT_DEFAULT.to_owned()),
        release: release(&wire.release),
        trace_id: trace.and_then(|trace| trace_id(&trace.trace_id)),
        config: wire.monitor_config.get().map(|config| sent_config(config, &mut problems)),
    };
    Ok(CheckInDecoded { check_in, problems })
}

fn duration_ms(sent: &Scalar<'_>) -> Option<i64> {
    let seconds = match sent {
        Scalar::Int(n) => *n as f64,
        Scalar::UInt(n) => *n as f64,
        Scalar::Float(n) => *n,
        Scalar::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (0.0..=DURATION_S_MAX).contains(&seconds).then(|| (seconds * 1000.0).round() as i64)
}

fn sent_config(wire: &WireMonitorConfig<'_>, problems: &mut Vec<String>) -> SentConfig {
    let mut number = |name: &str, sent: &Scalar<'_>, low: u32, high: u32| match sent {
        Scalar::Absent => None,
        sent => {
            let number = sent.unsigned().and_then(|n| u32::try_from(n.min(u64::from(high))).ok());
            let number = number.filter(|n| *n >= low);
            if number.is_none() && sent.text().is_some() {
                problems.push(format!("monitor_config.{name} is not a whole number from {low} to {high}"));
            }
            number
        }
    };
    let margin_min = number("checkin_margin", &wire.checkin_margin, 0, MINUTES_MAX);
    let runtime_min_max = number("max_runtime", &wire.max_runtime, 1, MINUTES_MAX);
    let failure_threshold = number("failure_issue_threshold", &wire.failure_issue_threshold, 1, THRESHOLD_MAX);
    let recovery_threshold = number("recovery_threshold", &wire.recovery_threshold, 1, THRESHOLD_MAX);
    let timezone = wire.timezone.limited(ZONE_CHARS_MAX).filter(|name| {
        let is_known = Zone::named(Some(name)).is_some();
        if !is_known {
            problems.push(format!("monitor_config.timezone \"{name}\" is no IANA name, such as Europe/Berlin"));
        }
        is_known
    });
    let schedule = wire.schedule.get().and_then(|sent| match schedule(sent) {
        Ok(schedule) => Some(schedule),
        Err(problem) => {
            problems.push(format!("monitor_config.schedule: {problem}"));
            None
        }
    });
    SentConfig {
        schedule,
        margin_min,
        runtime_min_max,
        timezone,
        failure_threshold,
        recovery_threshold,
        owner: wire.owner.limited(OWNER_CHARS_MAX),
    }
}

fn schedule(wire: &WireSchedule<'_>) -> Result<Schedule, String> {
    let is_interval = match wire.ty.as_str() {
        Some(ty) => ty == "interval",
        None => wire.unit.text().is_some(),
    };
    let parsed = if is_interval {
        let value = wire.value.unsigned().map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX));
        Schedule::interval(value, &wire.unit.text().unwrap_or_default())
    } else {
        Schedule::parse_crontab(&wire.value.text().unwrap_or_default())
    };
    parsed.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::monitor::IntervalUnit;

    fn decode(payload: &str) -> CheckInDecoded {
        decode_check_in(payload.as_bytes()).unwrap_or_else(|error| panic!("{payload}: {error}"))
    }

    fn config(config: &str) -> (SentConfig, Vec<String>) {
        let decoded = decode(&format!(r#"{{"monitor_slug":"a","status":"ok","monitor_config":{config}}}"#));
        (decoded.check_in.config.unwrap(), decoded.problems)
    }

    #[test]
    fn a_whole_check_in_is_read() {
        let decoded = decode(
            r#"{"check_in_id":"83A7C03E-D0A0-4E1B-97E2-E3B18D6F244B","monitor_slug":"My Nightly Job!","status":"error",
                "duration":1.2345,"environment":"staging","release":"shop@1","server_name":"x","event_id":"7",
                "contexts":{"trace":{"trace_id":"0af7651916cd43dd8448eb211c80319c"}},
                "monitor_config":{"schedule":{"type":"crontab","value":"*/5  * * * *"},"checkin_margin":5,
                "max_runtime":"10","timezone":"europe/berlin","failure_issue_threshold":2,"recovery_threshold":3,
                "owner":"team:1"}}"#,
        );
        assert_eq!(decoded.problems, [""; 0]);
        let check_in = decoded.check_in;
        assert_eq!(check_in.id.unwrap().to_string(), "83a7c03ed0a04e1b97e2e3b18d6f244b");
        assert_eq!((check_in.slug.as_str(), check_in.name.as_str()), ("my-nightly-job", "My Nightly Job!"));
        assert_eq!((check_in.status, check_in.duration_ms), (CheckInStatus::Error, Some(1235)));
        assert_eq!((check_in.environment.as_str(), check_in.release.as_deref()), ("staging", Some("shop@1")));
        assert!(check_in.trace_id.is_some());
        let config = check_in.config.unwrap();
        assert_eq!(config.schedule, Some(Schedule::Crontab("*/5 * * * *".into())));
        assert_eq!((config.margin_min, config.runtime_min_max), (Some(5), Some(10)));
        assert_eq!((config.failure_threshold, config.recovery_threshold), (Some(2), Some(3)));
        assert_eq!((config.timezone.as_deref(), config.owner.as_deref()), (Some("europe/berlin"), Some("team:1")));
    }

    #[test]
    fn little_is_needed_and_odd_fields_cost_themselves() {
        let check_in = decode(r#"{"monitor_slug":"a","status":"in_progress","duration":null}"#).check_in;
        assert_eq!((check_in.id, check_in.duration_ms, check_in.config), (None, None, None));
        assert_eq!(check_in.environment, "production");
        let zero = decode(&format!(r#"{{"monitor_slug":"a","status":"ok","check_in_id":"{}"}}"#, "0".repeat(32)));
        assert_eq!((zero.check_in.id, zero.problems.len()), (None, 0));
        let odd = decode(
            r#"{"monitor_slug":7,"status":"missed","check_in_id":"xyz","duration":-3,"environment":"","release":{},
                "contexts":[],"monitor_config":"x"}"#,
        );
        assert_eq!((odd.check_in.slug.as_str(), odd.check_in.status), ("7", CheckInStatus::Unknown));
        assert_eq!(odd.problems.len(), 3, "{:?}", odd.problems);
        for refused in ["{}", r#"{"monitor_slug":"!!"}"#, r#"{"monitor_slug":{}}"#] {
            let error = decode_check_in(refused.as_bytes()).unwrap_err();
            assert!(matches!(error, ItemError::Field { field: "monitor_slug", .. }), "{refused}");
        }
        let large = format!(r#"{{"monitor_slug":"a","x":"{}"}}"#, "x".repeat(CHECK_IN_BYTES_MAX));
        assert!(matches!(decode_check_in(large.as_bytes()), Err(ItemError::TooLarge { .. })));
    }

    #[test]
    fn both_forms_of_schedule_and_their_faults() {
        let (every, problems) = config(r#"{"schedule":{"type":"interval","value":2,"unit":"hour"}}"#);
        assert_eq!(every.schedule, Some(Schedule::Interval { value: 2, unit: IntervalUnit::Hour }));
        assert_eq!(problems, [""; 0]);
        assert_eq!(config(r#"{"schedule":"@daily"}"#).0.schedule, Some(Schedule::Crontab("@daily".into())));
        for bad in [
            r#"{"schedule":{"type":"crontab","value":"every day"}}"#,
            r#"{"schedule":{"type":"crontab","value":"0 0 31 2 *"}}"#,
            r#"{"schedule":{"type":"interval","value":0,"unit":"hour"}}"#,
            r#"{"schedule":{"type":"interval","value":1,"unit":"second"}}"#,
            r#"{"timezone":"Mars/Base"}"#,
            r#"{"max_runtime":0}"#,
            r#"{"checkin_margin":-1}"#,
            r#"{"recovery_threshold":"many"}"#,
        ] {
            let (read, problems) = config(bad);
            assert_eq!((read, problems.len()), (SentConfig::default(), 1), "{bad}");
        }
        assert_eq!(config(r#"{"max_runtime":99999999}"#).0.runtime_min_max, Some(MINUTES_MAX));
    }

    #[test]
    fn the_cron_route_takes_queries_forms_and_json() {
        let cron = |query: &str, body: &str| decode_cron("My%20Job", query, body.as_bytes()).map(|d| d.check_in);
        let check_in = cron("status=ok&environment=staging&duration=2.5&sentry_key=x", "").unwrap();
        assert_eq!((check_in.slug.as_str(), check_in.name.as_str()), ("my-job", "My Job"));
        assert_eq!((check_in.status, check_in.duration_ms), (CheckInStatus::Ok, Some(2500)));
        assert_eq!(check_in.environment, "staging");
        assert_eq!(cron("", "status=error").unwrap().status, CheckInStatus::Error);
        let json = r#" {"status":"error","monitor_slug":"other","monitor_config":{"schedule":"0 3 * * *"}}"#;
        let check_in = cron("status=ok&environment=staging", json).unwrap();
        assert_eq!((check_in.slug.as_str(), check_in.status), ("my-job", CheckInStatus::Error));
        assert_eq!(check_in.environment, "staging");
        assert!(check_in.config.unwrap().schedule.is_some());
        for nothing in ["", "status=", "staus=error"] {
            assert!(matches!(cron(nothing, ""), Err(ItemError::Field { field: "status", .. })), "{nothing}");
        }
        assert!(decode_cron("%20", "status=ok", b"").is_err());
        assert!(decode_cron("a", "status=ok", b"{").is_err());
    }

    const WHOLE: &str = r#"{"check_in_id":"83a7c03ed0a04e1b97e2e3b18d6f244b","monitor_slug":"a b","status":"ok",
        "duration":1e3,"environment":"x","monitor_config":{"schedule":{"type":"crontab","value":"1-5 */2 * JAN mon#2"},
        "checkin_margin":5,"timezone":"UTC"}}"#;

    proptest! {
        #[test]
        fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_check_in(&payload);
            let _ = decode_cron("a", "status=ok", &payload);
        }

        #[test]
        fn a_whole_one_cut_or_changed_anywhere_does_not_panic(at in 0..WHOLE.len(), byte in any::<u8>()) {
            let _ = decode_check_in(&WHOLE.as_bytes()[..at]);
            let mut changed = WHOLE.as_bytes().to_vec();
            changed[at] = byte;
            if let Ok(decoded) = decode_check_in(&changed) {
                prop_assert!(decoded.check_in.slug.len() <= 50);
            }
        }

        #[test]
        fn any_crontab_line_is_read_or_refused(line in "[0-9*/,#LW?@A-Z -]{0,40}") {
            let decoded = decode(&serde_json::json!({
                "monitor_slug": "a", "status": "ok", "monitor_config": { "schedule": { "type": "crontab", "value": line } },
            }).to_string());
            let schedule = decoded.check_in.config.unwrap().schedule;
            prop_assert_eq!(schedule.is_none(), !decoded.problems.is_empty());
            if let Some(schedule) = schedule {
                let _ = schedule.next_ms(1_800_000_000_000, &Zone::default());
                let _ = schedule.words();
            }
        }
    }
}
