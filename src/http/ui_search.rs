//! Searches as they come in addresses: text and choices to one expression; and `/api/ui/search/`: what may be typed next.
//!
//! Owns what the parameters of lists of spans and logs mean beside the text. The language is [`crate::search`]'s.

use hyper::StatusCode;

use crate::config::facts::FACT_LIMITS;
use crate::config::search::SEARCH_OFFERED_MAX;
use crate::model::conventions::names_of;
use crate::model::facts::FactKey;
use crate::model::time::{DAY_MS, HOUR_MS};
use crate::search::keys::KeyInfo;
use crate::search::{self, Candidate, Context, Dataset, Expr, Key, Known, Leaf};
use crate::store::{FactScope, LogFilter, Offered};

use super::error::ApiError;
use super::ui::{Answer, ok};
use super::ui_logs::{self, query_ms};
use super::view::search::{CompletionItemView, CompletionView, SearchKeyListView, SearchKeyView};
use super::{Query, Ready, now_ms};

/// What was typed.
pub(super) fn read(text: &str, dataset: Dataset) -> Result<Expr, ApiError> {
    search::parse(text, dataset, now_ms()).map_err(|error| ApiError {
        at: Some(error.utf16(text)),
        ..ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
    })
}

/// What was typed into the search of spans or logs, and what was chosen beside it: an attribute, a release.
pub(super) async fn asked(ready: &Ready, query: &Query, dataset: Dataset) -> Result<Expr, ApiError> {
    let mut all = vec![read(query.get("query").unwrap_or_default(), dataset)?];
    if let Some((name, value)) = attribute(query)? {
        all.push(Expr::equals(key_named(name, dataset), value));
    }
    if let Some(release) = query.get("release") {
        all.push(Expr::equals(Key::Known(Known::Release), release));
    }
    Ok(ready.store.settled(Expr::and(all)).await?)
}

/// Why nothing was found: keys that nothing has, and where words are looked for. What is typed is taken for the name of a tag
/// or attribute, which may come tomorrow, so it is no error.
pub(super) async fn notes(ready: &Ready, dataset: Dataset, expr: &Expr) -> Result<Vec<String>, ApiError> {
    let mut free: Vec<Key> = Vec::new();
    let mut asks_for_words = false;
    expr.for_each_leaf(&mut |leaf| {
        let prose = [Known::Message, Known::ErrorValue, Known::Title].map(Key::Known);
        asks_for_words |= match leaf {
            Leaf::Text(_) => true,
            Leaf::Compare { key, .. } => prose.contains(key),
            _ => false,
        };
        if let Leaf::Has(key) | Leaf::Compare { key, .. } = leaf
            && !matches!(key, Key::Known(_))
            && !free.contains(key)
        {
            free.push(key.clone());
        }
    });
    let mut notes = Vec::new();
    if asks_for_words && matches!(dataset, Dataset::Issues | Dataset::Events) {
        notes.push(format!("Words are looked for in the first {} KiB of a message.", FACT_LIMITS.text_bytes >> 10));
    }
    if free.is_empty() {
        return Ok(notes);
    }
    let known = keys(ready, dataset, &Query::parse(""), false).await?;
    // What was not looked at may have it.
    if known.is_partial {
        return Ok(notes);
    }
    let thing = match dataset {
        Dataset::Issues | Dataset::Events => "event",
        Dataset::Spans => "span",
        Dataset::Logs => "log",
    };
    let own = search::keys::KEYS.iter().filter(|info| info.is_in(dataset)).flat_map(KeyInfo::names);
    for key in free {
        let name = search::written_key(&key);
        let is_met = known.names.iter().any(|(known, _)| *known == name || is_another_name(known, &key));
        if !is_met {
            let mut all: Vec<&str> = known.names.iter().map(|(known, _)| known.as_str()).collect();
            own.clone().for_each(|name| all.push(name));
            let meant = search::nearest(&name, all).map(|meant| format!(": did you mean `{meant}`?"));
            notes.push(format!("No {thing} has a key `{name}`{}", meant.unwrap_or_else(|| ".".to_string())));
        }
    }
    Ok(notes)
}

/// Attributes have an old and a new name.
fn is_another_name(known: &str, key: &Key) -> bool {
    matches!(key, Key::Attribute(name) if names_of(name).contains(&known))
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

/// `GET /api/ui/search/complete`
pub(super) async fn complete(ready: &Ready, query: &Query) -> Answer {
    let dataset = dataset(query)?;
    let text = query.get("query").unwrap_or_default();
    let at = match query.get("at") {
        Some(at) => at.parse().map_err(|_| bad(format!("at is a place in the query, not {at:?}")))?,
        None => usize::MAX,
    };
    if matches!(dataset, Dataset::Issues | Dataset::Events) {
        // Whoever begins to type will search.
        let store = ready.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.read_words_ahead().await {
                tracing::debug!(%error, "words were not read ahead");
            }
        });
    }
    let found = search::complete(text, search::byte_offset(text, at), dataset);
    let mut items: Vec<CompletionItemView> = found.candidates.into_iter().map(item).collect();
    let (mut context, mut is_partial) = ("key", false);
    match found.context {
        Context::Nothing => context = "none",
        Context::Key { prefix } | Context::KeyName { prefix } => {
            let is_name = text[..found.from].ends_with("has:");
            // Whoever begins with the long form goes on with it.
            let is_long = prefix.to_ascii_lowercase().starts_with("tags[");
            let offered = keys(ready, dataset, query, is_long).await?;
            is_partial = offered.is_partial;
            add(&mut items, offered, &prefix, |key| if is_name { key.to_string() } else { format!("{key}:") });
        }
        Context::Value { key, prefix } => {
            context = "value";
            if !found.is_closed {
                let offered = values(ready, dataset, key, &prefix, query).await?;
                is_partial = offered.is_partial;
                add(&mut items, offered, &prefix, search::written_value);
            }
        }
    }
    items.truncate(SEARCH_OFFERED_MAX);
    ok(&CompletionView {
        from: search::utf16_offset(text, found.from),
        to: search::utf16_offset(text, found.to),
        context: context.to_string(),
        items,
        is_partial,
    })
}

/// `GET /api/ui/search/keys`
pub(super) fn help(query: &Query) -> Answer {
    let dataset = dataset(query)?;
    let keys = search::keys::KEYS.iter().filter(|info| info.is_in(dataset)).map(|info| SearchKeyView {
        key: info.name.to_string(),
        aliases: info.aliases.iter().map(ToString::to_string).collect(),
        doc: info.doc.to_string(),
    });
    ok(&SearchKeyListView { keys: keys.collect() })
}

/// Tags and attributes there are, as they are searched by.
async fn keys(ready: &Ready, dataset: Dataset, query: &Query, is_long: bool) -> Result<Offered, ApiError> {
    let mut offered = match dataset {
        Dataset::Issues | Dataset::Events => {
            let found = ready.store.fact_keys(fact_scope(ready, query)?).await?;
            let names = found.names.into_iter().map(|(fact, count)| (fact_key(fact, is_long), count)).collect();
            return Ok(Offered { names, is_partial: found.is_partial });
        }
        Dataset::Spans => ready.store.span_keys().await?,
        Dataset::Logs => ready.store.log_keys(log_scope(ready, query)?).await?,
    };
    // Facts that have a key of their own are offered as that.
    offered.names.retain(|(name, _)| search::keys::find(name, dataset).is_none());
    offered.names.iter_mut().for_each(|(name, _)| *name = search::written_key(&Key::Attribute(std::mem::take(name))));
    Ok(offered)
}

/// How the key of a fact is typed: a tag by its name alone where that means nothing else.
fn fact_key(fact: String, is_long: bool) -> String {
    match FactKey::parse(&fact) {
        Some(FactKey::Tag(name)) if !is_long => search::written_key(&Key::Tag(name.to_string())),
        _ => fact,
    }
}

async fn values(ready: &Ready, dataset: Dataset, key: Key, prefix: &str, query: &Query) -> Result<Offered, ApiError> {
    let lower = prefix.to_lowercase();
    let mut offered = match (dataset, key) {
        (_, Key::Known(Known::Project)) => {
            let names = ready.projects.iter().map(|project| (project.slug.clone(), 0)).collect();
            Offered { names, is_partial: false }
        }
        (_, Key::Known(Known::Assigned)) => {
            let names = ready.store.people().await?.into_iter().map(|name| (name, 0)).collect();
            Offered { names, is_partial: false }
        }
        (Dataset::Issues | Dataset::Events, key) => {
            // The crash may be in any of the files there are.
            let key = if key == Key::Known(Known::Location) { Key::Known(Known::StackFilename) } else { key };
            let (scope, lower) = (fact_scope(ready, query)?, lower.clone());
            let takes = move |value: &str| value.to_lowercase().contains(&lower);
            let found = ready.store.fact_values(scope, key, takes, SEARCH_OFFERED_MAX).await?;
            Offered { names: found.names, is_partial: found.is_partial }
        }
        (Dataset::Spans, key) => ready.store.span_values(key).await?,
        (Dataset::Logs, key) => ready.store.log_values(log_scope(ready, query)?, key).await?,
    };
    offered.names.retain(|(value, _)| value.to_lowercase().contains(&lower));
    Ok(offered)
}

fn fact_scope(ready: &Ready, query: &Query) -> Result<FactScope, ApiError> {
    let environment = query.get("environment").map(str::to_string);
    Ok(FactScope { project_id: ui_logs::project(ready, query)?, environment })
}

fn log_scope(ready: &Ready, query: &Query) -> Result<LogFilter, ApiError> {
    let environment = query.get("environment").map(str::to_string);
    Ok(LogFilter { project_id: ui_logs::project(ready, query)?, environment, ..LogFilter::default() })
}

/// What was met, behind what the language offers: first what begins as typed, then what has it somewhere.
fn add(items: &mut Vec<CompletionItemView>, offered: Offered, prefix: &str, insert: impl Fn(&str) -> String) {
    let prefix = prefix.to_lowercase();
    let (begins, contains): (Vec<_>, Vec<_>) =
        offered.names.into_iter().partition(|(name, _)| name.to_lowercase().starts_with(&prefix));
    let contains = contains.into_iter().filter(|(name, _)| name.to_lowercase().contains(&prefix));
    for (name, count) in begins.into_iter().chain(contains) {
        let count = Some(count).filter(|count| *count > 0);
        match items.iter_mut().find(|item| item.label == name) {
            Some(item) => item.count = count,
            None => items.push(CompletionItemView { insert: insert(&name), label: name, note: String::new(), count }),
        }
    }
}

fn item(candidate: Candidate) -> CompletionItemView {
    let Candidate { insert, label, note } = candidate;
    CompletionItemView { insert, label, note, count: None }
}

fn dataset(query: &Query) -> Result<Dataset, ApiError> {
    let text = query.get("dataset").unwrap_or("issues");
    Dataset::parse(text).ok_or_else(|| bad(format!("dataset is issues, events, spans or logs, not {text:?}")))
}

fn bad(detail: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, detail)
}
