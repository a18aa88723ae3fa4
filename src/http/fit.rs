//! Where a chart begins: at the time asked for, or, when nobody chose one, with the first that is stored.
//!
//! A server that is minutes old has nothing to show for most of a day: its charts would be a line at the right edge.

use crate::store::Drawn;

use super::error::ApiError;
use super::{Query, Ready};

/// A chart is at least so long: a few seconds as wide as the page would say nothing of how often.
const LENGTH_MIN_MS: i64 = 15 * 60_000;
/// The part of a chart that is left free before the first, so that one sees it begin.
const ROOM: i64 = 20;

/// `from_ms`, or later with `fit=true` when all that is stored came in the second half of the time asked for.
pub(super) async fn from_ms(
    ready: &Ready,
    query: &Query,
    drawn: Drawn,
    from_ms: i64,
    to_ms: i64,
) -> Result<i64, ApiError> {
    if query.get("fit") != Some("true") {
        return Ok(from_ms);
    }
    Ok(ready.store.first_ms(drawn).await?.map_or(from_ms, |first_ms| begin(from_ms, to_ms, first_ms)))
}

fn begin(from_ms: i64, to_ms: i64, first_ms: i64) -> i64 {
    let asked = to_ms.saturating_sub(from_ms);
    let held = to_ms.saturating_sub(first_ms);
    if held > asked / 2 {
        return from_ms;
    }
    to_ms.saturating_sub((held + held / ROOM).max(LENGTH_MIN_MS)).max(from_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const DAY_MS: i64 = 24 * HOUR_MS;

    #[test]
    fn a_chart_begins_a_little_before_the_first_of_a_young_store() {
        assert_eq!(begin(0, DAY_MS, DAY_MS - 2 * HOUR_MS), DAY_MS - 2 * HOUR_MS - 6 * 60_000);
        assert_eq!(begin(0, DAY_MS, DAY_MS - 1_000), DAY_MS - LENGTH_MIN_MS);
    }

    #[test]
    fn a_chart_begins_where_it_was_asked_to_when_most_of_it_holds_something() {
        for first in [i64::MIN, -DAY_MS, 0, DAY_MS / 2 - 1] {
            assert_eq!(begin(0, DAY_MS, first), 0, "{first}");
        }
        // Never before what was asked for, whatever the clock of a sender says.
        assert_eq!(begin(0, LENGTH_MIN_MS / 2, LENGTH_MIN_MS / 2 - 1), 0);
        assert_eq!(begin(0, DAY_MS, DAY_MS + HOUR_MS), DAY_MS - LENGTH_MIN_MS);
    }
}
