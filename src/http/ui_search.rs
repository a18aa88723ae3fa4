//! Searches as they come in addresses: text and choices to one expression; and `/api/ui/search/`: what may be typed next.
//!
//! Owns what the parameters of lists of spans and logs mean beside the text. The language is [`crate::search`]'s.

use hyper::StatusCode;

use crate::model::time::{DAY_MS, HOUR_MS};
use crate::search::{self, Dataset, Expr, Key, Known, Op, Value};

use super::error::ApiError;
use super::ui_logs::query_ms;
use super::{Query, now_ms};

/// What was typed.
pub(super) fn read(text: &str, dataset: Dataset) -> Result<Expr, ApiError> {
    search::parse(text, dataset, now_ms()).map_err(|error| ApiError {
        at: Some(error.utf16(text)),
        ..ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
    })
}

/// What was typed into the search of spans or logs, and what was chosen beside it: an attribute, a release, a time.
pub(super) fn asked(query: &Query, dataset: Dataset) -> Result<Expr, ApiError> {
    let mut all = vec![asked_of_any_time(query, dataset)?];
    let (from_ms, to_ms) = range_ms(query)?;
    let time = |op, ms| Expr::compare(Key::Known(Known::Timestamp), op, Value::TimeMs(ms));
    all.extend(from_ms.map(|ms| time(Op::GreaterOrEqual, ms)));
    // To the end of the millisecond.
    all.extend(to_ms.map(|ms| time(Op::Less, ms.saturating_add(1))));
    Ok(Expr::and(all))
}

/// The same but for the time.
pub(super) fn asked_of_any_time(query: &Query, dataset: Dataset) -> Result<Expr, ApiError> {
    let mut all = vec![read(query.get("query").unwrap_or_default(), dataset)?];
    if let Some((name, value)) = attribute(query)? {
        all.push(Expr::equals(key_named(name, dataset), value));
    }
    if let Some(release) = query.get("release") {
        all.push(Expr::equals(Key::Known(Known::Release), release));
    }
    Ok(Expr::and(all))
}

/// The key that an attribute of that name is asked by.
fn key_named(name: &str, dataset: Dataset) -> Key {
    match search::keys::find(name, dataset) {
        Some(info) => Key::Known(info.known),
        None => Key::Attribute(name.to_string()),
    }
}

/// `attribute=name:value`
fn attribute(query: &Query) -> Result<Option<(&str, &str)>, ApiError> {
    let Some(text) = query.get("attribute") else { return Ok(None) };
    let invalid = || ApiError::new(StatusCode::BAD_REQUEST, format!("an attribute is name:value, not {text:?}"));
    text.split_once(':').map(Some).ok_or_else(invalid)
}

/// `range=24h`, or `from` and `to` in unix milliseconds, both included; without any of them all there is.
pub(super) fn range_ms(query: &Query) -> Result<(Option<i64>, Option<i64>), ApiError> {
    let length_ms = match query.get("range") {
        None | Some("all") => None,
        Some("1h") => Some(HOUR_MS),
        Some("24h") => Some(DAY_MS),
        Some("7d") => Some(7 * DAY_MS),
        Some("14d") => Some(14 * DAY_MS),
        Some("30d") => Some(30 * DAY_MS),
        Some("90d") => Some(90 * DAY_MS),
        Some(other) => {
            let detail = format!("range is 1h, 24h, 7d, 14d, 30d, 90d or all, not {other:?}");
            return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    let (from_ms, to_ms) = (query_ms(query, "from")?, query_ms(query, "to")?);
    Ok((from_ms.or_else(|| length_ms.map(|length_ms| now_ms() - length_ms)), to_ms))
}
