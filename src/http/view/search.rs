//! What may be typed into a search, and what a list can be narrowed by.

use serde::Serialize;

/// `GET /api/ui/search/complete?dataset=issues|events|spans|logs&query=<text>&at=<offset>&project=<slug>&environment=<name>`
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompletionView {
    /// The part of the text that an item takes the place of, in UTF-16 units.
    pub from: usize,
    pub to: usize,
    /// `key`, `value`, or `none` when there is nothing to offer.
    pub context: String,
    /// The best first.
    pub items: Vec<CompletionItemView>,
    /// Counts are of what there was time to look at.
    pub is_partial: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CompletionItemView {
    /// What to put in, with quotes where it needs them.
    pub insert: String,
    /// What to show.
    pub label: String,
    /// What a key is for; may be empty.
    pub note: String,
    /// How often it was met lately.
    pub count: Option<u64>,
}

/// `GET /api/ui/search/keys?dataset=issues|events|spans|logs`: the keys of the language, for the help beside a search.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchKeyListView {
    pub keys: Vec<SearchKeyView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchKeyView {
    pub key: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    pub doc: String,
}

/// `GET /api/ui/logs/facets?…` with the filters of the list.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogFacetsView {
    pub facets: Vec<LogFacetView>,
    /// Records that were counted.
    pub of: u64,
    /// What is older was not counted; `null` when all was.
    pub searched_to_ms: Option<f64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogFacetView {
    /// As it is searched by.
    pub key: String,
    /// The most frequent first.
    pub values: Vec<LogFacetValueView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogFacetValueView {
    pub value: String,
    /// The value as it is written behind the key.
    pub insert: String,
    pub count: u64,
}
