//! What is said of an event, a trace or an issue that is not here: that it never was, that it is no longer kept, or that it
//! may be either, as far as anybody can know.

use crate::model::project::Project;
use crate::model::time::rfc3339;
use crate::store::Gone;

use super::Ready;
use super::error::ApiError;

pub(super) async fn event(ready: &Ready) -> ApiError {
    match ready.store.gone_events().await {
        Ok(gone) => ApiError::not_found("event").caused_by(words("events", gone)),
        Err(error) => error.into(),
    }
}

pub(super) async fn trace(ready: &Ready) -> ApiError {
    match ready.store.gone_traces().await {
        Ok(gone) => ApiError::not_found("trace").caused_by(words("traces", gone)),
        Err(error) => error.into(),
    }
}

/// `project` is what its name begins with, `number` what it ends in.
pub(super) async fn issue(ready: &Ready, project: Option<&Project>, number: Option<u64>) -> ApiError {
    let missing = ApiError::not_found("issue");
    let (Some(project), Some(number)) = (project, number) else { return missing };
    let last = match ready.store.last_short_no(project.id).await {
        Ok(last) => last,
        Err(error) => return error.into(),
    };
    missing.caused_by(match (number, last) {
        (1.., last) if number <= last => "It was deleted: issues go in no other way, however old they are.".to_string(),
        (_, 0) => format!("The project {} has had no issue yet.", project.slug),
        _ => format!("It never was: the last issue of its project so far is {}.", project.short_id(last)),
    })
}

fn words(what: &str, gone: Gone) -> String {
    let Gone { has_dropped, kept_from_ms, has_deleted } = gone;
    let from = kept_from_ms.map(|ms| rfc3339(ms).get(..10).unwrap_or_default().to_string());
    let lost = match (has_dropped, from, has_deleted) {
        (false, _, false) => {
            return format!("It has never reached this server: of its {what} none was dropped so far.");
        }
        (true, Some(from), false) => format!("{what} before {from} are no longer kept: it was one of these"),
        (true, Some(from), true) => {
            format!("{what} before {from} are no longer kept, nor those of deleted issues: it was one of these")
        }
        (true, None, _) => format!("{what} that came here are no longer kept: it was one of these"),
        (false, _, true) => format!("{what} of deleted issues are no longer kept: it was one of these"),
    };
    let mut letters = lost.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}, or it has never reached this server.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_no_more() {
        let gone = |has_dropped, kept_from_ms, has_deleted| Gone { has_dropped, kept_from_ms, has_deleted };
        for (gone, expected) in [
            (gone(false, Some(0), false), "It has never reached this server: of its events none was dropped so far."),
            (
                gone(true, Some(1_700_000_000_000), false),
                "Events before 2023-11-14 are no longer kept: it was one of these, or it has never reached this server.",
            ),
            (
                gone(false, None, true),
                "Events of deleted issues are no longer kept: it was one of these, or it has never reached this server.",
            ),
        ] {
            assert_eq!(words("events", gone), expected);
        }
    }
}
