//! Sessions, made up.

use proptest::prelude::*;

use super::*;
use crate::sentry::TEST_LIMITS;

const NOW_MS: i64 = 1_700_000_000_000;

fn arrival() -> Arrival {
    Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: NOW_MS,
        client_ip: None,
        infer_ip: None,
        fresh_id: EventId([9; 16]),
    }
}

fn single(members: &str) -> Result<SessionsDecoded, ItemError> {
    let json = format!(
        r#"{{"sid":"7c7b6585-f901-4351-bf8d-02711b721929","started":1699999000,"timestamp":1699999990.5,
            "attrs":{{"release":"shop@1","environment":"production"}}{members}}}"#
    );
    decode_session(json.as_bytes(), &arrival(), &TEST_LIMITS)
}

fn update(members: &str) -> SessionUpdate {
    single(members).expect("a session").batch.updates.remove(0)
}

#[test]
fn a_session_is_read() {
    let found = update(r#","did":"ada","seq":3,"status":"ok","errors":0,"duration":1.25,"init":false"#);
    assert_eq!((found.user.as_deref(), found.sequence, found.fate), (Some("ada"), 3, SessionFate::Healthy));
    assert_eq!((found.started_ms, found.timestamp_ms), (1_699_999_000_000, 1_699_999_990_500));
    assert_eq!(found.duration_ms, Some(1250));
    let batch = single("").expect("a session").batch;
    assert_eq!((batch.release.as_str(), batch.environment.as_str()), ("shop@1", "production"));
    assert_eq!(batch.updates[0].sequence, 1_699_999_990_500, "the time counts where the SDK does not");
}

#[test]
fn the_fate_is_the_status_or_else_the_errors() {
    for (members, fate) in [
        (r#","status":"exited""#, SessionFate::Healthy),
        (r#","status":"exited","errors":2"#, SessionFate::Errored),
        (r#","status":"errored""#, SessionFate::Errored),
        (r#","status":"unhandled","errors":1"#, SessionFate::Unhandled),
        (r#","status":"abnormal""#, SessionFate::Abnormal),
        (r#","status":"crashed","errors":1"#, SessionFate::Crashed),
        (r#","status":"new word""#, SessionFate::Healthy),
        (r#","status":7"#, SessionFate::Healthy),
    ] {
        assert_eq!(update(members).fate, fate, "{members}");
    }
}

#[test]
fn without_release_or_sid_there_is_nothing_to_count() {
    for (json, field) in [
        (r#"{"sid":"7c7b6585f9014351bf8d02711b721929","started":1}"#, "attrs.release"),
        (r#"{"sid":"7c7b6585f9014351bf8d02711b721929","attrs":{"release":"a/b"}}"#, "attrs.release"),
        (r#"{"attrs":{"release":"a"},"started":1}"#, "sid"),
        (r#"{"sid":"00000000000000000000000000000000","attrs":{"release":"a"}}"#, "sid"),
        (r#"{"sid":"7c7b6585f9014351bf8d02711b721929","attrs":{"release":"a"}}"#, "started"),
    ] {
        let error = decode_session(json.as_bytes(), &arrival(), &TEST_LIMITS).expect_err(json);
        assert!(matches!(error, ItemError::Field { field: found, .. } if found == field), "{json}: {error}");
    }
    let error = decode_sessions(br#"{"aggregates":[{"started":1,"exited":5}]}"#, &arrival(), &TEST_LIMITS);
    assert!(error.is_err());
}

#[test]
fn old_sessions_are_refused_and_future_ones_start_now() {
    let json = r#"{"attrs":{"release":"r"},"aggregates":[
        {"started":"2023-11-09T22:13:20Z","exited":3},{"started":"2023-11-09T22:13:19Z","exited":4,"crashed":1},
        {"started":1700009999,"errored":2},{"exited":9},{"started":1699999999},8]}"#;
    let decoded = decode_sessions(json.as_bytes(), &arrival(), &TEST_LIMITS).expect("sessions");
    let started: Vec<_> = decoded.batch.buckets.iter().map(|b| (b.started_ms, b.counts.total())).collect();
    assert_eq!(started, [(NOW_MS - 5 * DAY_MS, 3), (NOW_MS, 2)]);
    let refused: Vec<_> = decoded.refused.iter().map(|r| (r.reason, r.quantity)).collect();
    assert_eq!(refused, [(Reason::TooOld, 5), (Reason::Invalid, 9)]);
    let old = decode_session(
        br#"{"sid":"7c7b6585f9014351bf8d02711b721929","started":1,"attrs":{"release":"r"}}"#,
        &arrival(),
        &TEST_LIMITS,
    );
    let old = old.expect("read");
    assert_eq!((old.batch.updates.len(), old.refused[0].reason), (0, Reason::TooOld));
}

#[test]
fn buckets_keep_their_users_and_hostile_counts_are_bounded() {
    let json =
        r#"{"attrs":{"release":" r "},"aggregates":[{"started":1699999999,"did":"u","exited":1e30,"crashed":-4}]}"#;
    let decoded = decode_sessions(json.as_bytes(), &arrival(), &TEST_LIMITS).expect("sessions");
    let bucket = &decoded.batch.buckets;
    assert!(bucket.iter().all(|bucket| bucket.counts.total() <= SESSION_BUCKET_COUNT_MAX), "{bucket:?}");
    let json =
        r#"{"attrs":{"release":" r "},"aggregates":[{"started":1699999999,"did":"u","exited":2,"unhandled":1}]}"#;
    let decoded = decode_sessions(json.as_bytes(), &arrival(), &TEST_LIMITS).expect("sessions");
    let bucket = &decoded.batch.buckets[0];
    assert_eq!((bucket.user.as_deref(), bucket.counts.total(), bucket.counts.unhandled), (Some("u"), 3, 1));
    assert_eq!((decoded.batch.release.as_str(), decoded.batch.environment.as_str()), ("r", ""));
}

#[test]
fn more_buckets_than_allowed_are_counted() {
    let bucket = r#"{"started":1699999999,"exited":1},"#.repeat(SESSION_BUCKETS_MAX + 3);
    let json = format!(r#"{{"attrs":{{"release":"r"}},"aggregates":[{}]}}"#, bucket.trim_end_matches(','));
    let decoded = decode_sessions(json.as_bytes(), &arrival(), &TEST_LIMITS).expect("sessions");
    assert_eq!(decoded.batch.buckets.len(), SESSION_BUCKETS_MAX);
    assert_eq!((decoded.refused[0].reason, decoded.refused[0].quantity), (Reason::TooLarge, 3));
}

#[test]
fn only_what_says_who_it_is_can_be_recognised() {
    assert_eq!(delivery_key(b"{}", None, None), None);
    let key = delivery_key(b"{}", None, Some(1));
    assert!(key.is_some());
    assert_eq!(key, delivery_key(b"{}", None, Some(1)));
    assert_ne!(key, delivery_key(b"{}", None, Some(2)));
    assert_ne!(key, delivery_key(b"{ }", None, Some(1)));
    assert_ne!(delivery_key(b"{}", Some(EventId([1; 16])), None), delivery_key(b"{}", Some(EventId([2; 16])), None));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_session(&bytes, &arrival(), &TEST_LIMITS);
        let _ = decode_sessions(&bytes, &arrival(), &TEST_LIMITS);
    }

    #[test]
    fn a_truncated_item_is_refused_whole(at in 0_usize..150) {
        let json = r#"{"attrs":{"release":"shop@1","environment":"production"},"aggregates":[{"started":1699999999,"exited":5,"did":"someone","crashed":1}]}"#;
        prop_assert!(decode_sessions(&json.as_bytes()[..at.min(json.len() - 1)], &arrival(), &TEST_LIMITS).is_err());
    }

    #[test]
    fn every_session_of_a_bucket_is_counted_once(exited in 0_u64..1000, errored in 0_u64..1000, crashed in 0_u64..1000) {
        let json = serde_json::json!({ "attrs": { "release": "r" }, "aggregates": [
            { "started": 1_699_999_999, "exited": exited, "errored": errored, "crashed": crashed }] });
        let decoded = decode_sessions(json.to_string().as_bytes(), &arrival(), &TEST_LIMITS).expect("sessions");
        let total: u64 = decoded.batch.buckets.iter().map(|bucket| bucket.counts.total()).sum();
        prop_assert_eq!(total, exited + errored + crashed);
    }
}
