//! Lists of issues by an expression of the search language: which match, in what order, a page of them.
//!
//! An issue matches when one of its events does, within what the list is narrowed to; keys of issues are those of its issue.
//! An issue whose events are all gone is asked as if it had one without facts. What asks for one state alone is answered by
//! the index its order has ([`super::super::issue_list`]).

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::folding::Folding;
use super::super::issue_list::{IssuePage, IssueQuery, IssueSort, one_sql, read_issues};
use super::super::issue_search::Wanted as Words;
use super::super::issues::issue_from_row;
use super::super::{Store, StoreError};
use super::bits::Bits;
use super::chunks::FactCache;
use super::prepare::{Asker, IS_NEW, IS_REGRESSED, LISTED, Preparing, is_of_issues};
use super::scan::{EventFilter, Scan, Wanted};
use super::scoped::count_scoped;
use crate::model::ids::{IssueId, ProjectId};
use crate::model::issue::{IssueStatus, NEW_MS};
use crate::model::time::hour_of;
use crate::search::{Expr, IsState, Leaf, Pattern};

/// In what order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IssueOrder {
    #[default]
    LastSeen,
    FirstSeen,
    Events,
    Users,
    /// What rose most: events of the last 24 hours less those of the 24 before.
    Trend,
    /// High first, and of those the ones seen last.
    Priority,
}

/// Which issues, in what order, from where.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueSearch {
    pub expr: Expr,
    pub asker: Asker,
    pub project_id: Option<ProjectId>,
    pub filter: EventFilter,
    pub order: IssueOrder,
    /// The value it is ordered by and the id of the last row seen.
    pub after: Option<(i64, IssueId)>,
    pub limit: usize,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundIssues {
    pub page: IssuePage,
    /// Why not everything that matches is among it, when that is so.
    pub partial: Option<String>,
}

impl Store {
    pub async fn search_issues(&self, search: IssueSearch) -> Result<FoundIssues, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| search_issues(connection, &cache, &search)).await
    }

    /// In which states the issues are that match.
    pub async fn count_by_state(&self, search: IssueSearch) -> Result<StateCounts, StoreError> {
        let cache = self.facts.clone();
        self.readers.run(move |connection| count_by_state(connection, &cache, &search)).await
    }

    /// All that match, in no order: for acting on them.
    pub async fn matching_issues(&self, search: IssueSearch, limit: usize) -> Result<Vec<IssueId>, StoreError> {
        let cache = self.facts.clone();
        self.readers
            .run(move |connection| {
                let found = find(connection, &cache, &search)?;
                Ok(found.places.into_iter().take(limit).map(|(_, id)| IssueId(id)).collect())
            })
            .await
    }
}

pub(super) fn search_issues(
    connection: &Connection,
    cache: &FactCache,
    search: &IssueSearch,
) -> Result<FoundIssues, StoreError> {
    if let Some(query) = by_index(search) {
        return Ok(FoundIssues { page: read_issues(connection, &query)?, partial: None });
    }
    let mut found = find(connection, cache, search)?;
    let is_counted_here = match search.order {
        IssueOrder::Users => !search.filter.is_empty(),
        IssueOrder::Events => !EventFilter { environment: None, ..search.filter.clone() }.is_empty(),
        _ => false,
    };
    if is_counted_here {
        let ids: HashSet<i64> = found.places.iter().map(|(_, id)| *id).collect();
        let counted = count_scoped(connection, cache, &ids, &search.filter, None, usize::MAX)?;
        for (value, id) in &mut found.places {
            let counts = counted.of.get(id).map_or((0, 0), |counts| (counts.events, counts.users));
            *value = if search.order == IssueOrder::Users { counts.1 } else { counts.0 } as i64;
        }
    }
    let before = search.after.map_or((i64::MAX, i64::MAX), |(value, id)| (value, id.0));
    let mut best: BinaryHeap<Reverse<(i64, i64)>> = BinaryHeap::new();
    for place in found.places.iter().filter(|place| **place < before) {
        best.push(Reverse(*place));
        if best.len() > search.limit + 1 {
            best.pop();
        }
    }
    let mut places: Vec<(i64, i64)> = best.into_iter().map(|Reverse(place)| place).collect();
    places.sort_unstable_by_key(|place| Reverse(*place));
    let has_more = places.len() > search.limit;
    places.truncate(search.limit);
    let environment = search.filter.environment.as_deref();
    let mut statement = connection.prepare_cached(&one_sql(environment.is_some()))?;
    let mut issues = Vec::with_capacity(places.len());
    for (_, id) in &places {
        let params = named_params! { ":id": id, ":environment": environment };
        issues.extend(statement.query_row(params, issue_from_row).optional()?);
    }
    let next_after = places.last().filter(|_| has_more).map(|(value, id)| (*value, IssueId(*id)));
    let page = IssuePage { issues, next_after, total: found.places.len() as u64 };
    Ok(FoundIssues { page, partial: found.partial })
}

/// How many issues are in each state; an issue may be in more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub unresolved: u64,
    pub new: u64,
    pub regressed: u64,
    pub ignored: u64,
    pub resolved: u64,
    pub all: u64,
}

fn count_by_state(connection: &Connection, cache: &FactCache, search: &IssueSearch) -> Result<StateCounts, StoreError> {
    let new_from_ms = search.asker.now_ms - NEW_MS;
    let narrowed = EventFilter { environment: None, ..search.filter.clone() };
    if search.expr != Expr::Everything || !narrowed.is_empty() {
        // One look at what matches, whatever its state.
        let found = find(connection, cache, search)?;
        let mut state_of = connection.prepare_cached(&state_of_sql())?;
        let mut counts = StateCounts { all: found.places.len() as u64, ..StateCounts::default() };
        for (_, id) in found.places {
            let mut rows = state_of.query(named_params! { ":id": id, ":new_from_ms": new_from_ms })?;
            if let Some(row) = rows.next()? {
                let status = row.get_ref(0)?.as_str().unwrap_or_default();
                counts.unresolved += u64::from(status == "unresolved");
                counts.ignored += u64::from(status == "ignored");
                counts.resolved += u64::from(status == "resolved");
                counts.new += u64::from(row.get::<_, bool>(1)?);
                counts.regressed += u64::from(row.get::<_, bool>(2)?);
            }
        }
        return Ok(counts);
    }
    let mut statement = connection.prepare_cached(&counts_sql(search.filter.environment.is_some()))?;
    if let Some(index) = statement.parameter_index(":environment")? {
        statement.raw_bind_parameter(index, &search.filter.environment)?;
    }
    let given = [(":project_id", search.project_id.map(|id| i64::from(id.0))), (":new_from_ms", Some(new_from_ms))];
    for (name, value) in given {
        if let Some(index) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    let mut rows = statement.raw_query();
    let Some(row) = rows.next()? else { return Ok(StateCounts::default()) };
    let count = |column: usize| row.get::<_, i64>(column).map(|count| count.max(0) as u64);
    Ok(StateCounts {
        all: count(0)?,
        unresolved: count(1)?,
        ignored: count(2)?,
        resolved: count(3)?,
        new: count(4)?,
        regressed: count(5)?,
    })
}

/// Status, and whether it is new or regressed.
pub(in super::super) fn state_of_sql() -> String {
    format!("SELECT status, {IS_NEW}, {IS_REGRESSED} FROM issue WHERE id = :id")
}

/// All states in one walk of the issues, of an environment alone those seen there.
pub(in super::super) fn counts_sql(there: bool) -> String {
    let from = from_listed(there);
    format!(
        "SELECT count(*), count(*) FILTER (WHERE issue.status = 'unresolved'),
             count(*) FILTER (WHERE issue.status = 'ignored'), count(*) FILTER (WHERE issue.status = 'resolved'),
             count(*) FILTER (WHERE {IS_NEW}), count(*) FILTER (WHERE {IS_REGRESSED})
         {from} AND (:project_id IS NULL OR issue.project_id = :project_id)"
    )
}

/// The list that an index answers in its order.
fn by_index(search: &IssueSearch) -> Option<IssueQuery> {
    let status = match &search.expr {
        Expr::Everything => None,
        Expr::Leaf(Leaf::Is(IsState::Unresolved)) => Some(IssueStatus::Unresolved),
        Expr::Leaf(Leaf::Is(IsState::Resolved)) => Some(IssueStatus::Resolved),
        Expr::Leaf(Leaf::Is(IsState::Ignored)) => Some(IssueStatus::Ignored),
        _ => return None,
    };
    let sort = match search.order {
        IssueOrder::LastSeen => IssueSort::LastSeen,
        IssueOrder::FirstSeen => IssueSort::FirstSeen,
        IssueOrder::Events => IssueSort::Events,
        _ => return None,
    };
    let filter = EventFilter { environment: None, ..search.filter.clone() };
    filter.is_empty().then(|| IssueQuery {
        project_id: search.project_id,
        status,
        environment: search.filter.environment.clone(),
        text: None,
        sort,
        after: search.after,
        limit: search.limit,
    })
}

/// Everything found.
struct Found {
    /// What each is ordered by, and its id.
    places: Vec<(i64, i64)>,
    partial: Option<String>,
}

fn find(connection: &Connection, cache: &FactCache, search: &IssueSearch) -> Result<Found, StoreError> {
    let mut places = read_places(connection, search)?;
    let test = Preparing { connection, asker: &search.asker }.test(&search.expr)?;
    let has_words = |id: i64, pattern: &Pattern| has_words(connection, id, pattern).unwrap_or(false);
    let narrowed = EventFilter { environment: None, ..search.filter.clone() };
    if narrowed.is_empty() && is_of_issues(&search.expr) {
        places.retain(|(_, id)| test.ask_without_events(*id, &|pattern| has_words(*id, pattern)));
        return Ok(Found { places, partial: None });
    }
    let scan = Scan::new(connection, cache, &search.filter)?;
    let mut looked_for = LookedFor::of(&places);
    // What is of issues alone is settled first, so that fewer are looked for.
    let preparing = Preparing { connection, asker: &search.asker };
    for part in search.expr.conjuncts().iter().filter(|part| is_of_issues(part)) {
        let part = preparing.test(part)?;
        for (place, (_, id)) in places.iter().enumerate() {
            looked_for.pending[place] &= part.ask_without_events(*id, &|_| false);
        }
    }
    if search.filter.is_empty() {
        found_by_words(connection, search, &mut looked_for)?;
    }
    let mut keys = BTreeSet::new();
    test.add_keys(&mut keys);
    let wanted = Wanted::These(keys);
    for block_place in scan.places() {
        if !looked_for.pending.contains(&true) {
            break;
        }
        let block = scan.open(block_place, &wanted)?;
        let alive = scan.alive(block_place, &block);
        let of_block: Vec<Option<usize>> = block.shown_issues().iter().map(|issue| looked_for.place(*issue)).collect();
        let issue_of = &block.events().issue_of;
        if alive.count() == alive.len() {
            of_block.iter().flatten().for_each(|place| looked_for.living[*place] = true);
        } else {
            let there = alive.iter().filter_map(|row| of_block[issue_of[row] as usize]);
            there.for_each(|place| looked_for.living[place] = true);
        }
        let is_pending: Vec<bool> =
            of_block.iter().map(|place| place.is_some_and(|place| looked_for.pending[place])).collect();
        if !is_pending.contains(&true) {
            continue;
        }
        let mut among = Bits::none(alive.len());
        among.set_where(&alive, |row| is_pending[issue_of[row] as usize]);
        let among = scan.narrow(&block, among)?;
        for row in test.ask(&block, &among)?.iter() {
            if let Some(place) = of_block[issue_of[row] as usize] {
                looked_for.find(place);
            }
        }
    }
    // Those whose events are gone; what a list is narrowed to by time or release, they are not in.
    if narrowed.is_empty() {
        let is_gone = |place: &usize| looked_for.pending[*place] && !looked_for.living[*place];
        let gone: Vec<usize> = (0..places.len()).filter(is_gone).collect();
        for place in gone {
            let id = places[place].1;
            if test.ask_without_events(id, &|pattern| has_words(id, pattern)) {
                looked_for.find(place);
            }
        }
    }
    let mut is_found = looked_for.found.iter();
    places.retain(|_| is_found.next() == Some(&true));
    let partial = scan.due.map(|_| "events of before the upgrade are still being made searchable".to_string());
    Ok(Found { places, partial })
}

/// What is known of each issue on the way, by its place in the list: it is asked for each block.
struct LookedFor {
    places: HashMap<i64, usize, Folding>,
    pending: Vec<bool>,
    found: Vec<bool>,
    /// It has an event that is there still.
    living: Vec<bool>,
}

impl LookedFor {
    fn of(places: &[(i64, i64)]) -> Self {
        Self {
            places: places.iter().enumerate().map(|(place, (_, id))| (*id, place)).collect(),
            pending: vec![true; places.len()],
            found: vec![false; places.len()],
            living: vec![false; places.len()],
        }
    }

    fn place(&self, issue: i64) -> Option<usize> {
        self.places.get(&issue).copied()
    }

    fn find(&mut self, place: usize) {
        if std::mem::take(&mut self.pending[place]) {
            self.found[place] = true;
        }
    }
}

/// Issues that are called so: their newest event has the words, so nothing need be looked at for them. Holds for one word and
/// keys of issues, in every environment.
fn found_by_words(connection: &Connection, search: &IssueSearch, looked_for: &mut LookedFor) -> Result<(), StoreError> {
    let mut words = None;
    for part in search.expr.conjuncts() {
        match part {
            Expr::Leaf(Leaf::Text(pattern)) if words.is_none() => words = Some(pattern),
            part if is_of_issues(part) => {}
            _ => return Ok(()),
        }
    }
    let Some([before, word, after]) = words.map(Pattern::pieces) else { return Ok(()) };
    if !before.is_empty() || !after.is_empty() || word.contains(char::is_whitespace) {
        return Ok(());
    }
    let Some(expression) = Words::parse(word).and_then(|words| words.match_expression()) else { return Ok(()) };
    let mut statement = connection.prepare_cached(
        "SELECT issue.id FROM issue_search CROSS JOIN issue
             ON issue.project_id = issue_search.rowid >> 40 AND issue.short_no = issue_search.rowid & 1099511627775
         WHERE issue_search MATCH :wanted
             AND NOT EXISTS (SELECT 1 FROM issue_search_due WHERE issue_search_due.issue_id = issue.id)",
    )?;
    let rows = statement.query_map(named_params! { ":wanted": expression }, |row| row.get::<_, i64>(0))?;
    for row in rows {
        if let Some(place) = looked_for.place(row?) {
            looked_for.find(place);
        }
    }
    Ok(())
}

/// Whether an issue is called so.
fn has_words(connection: &Connection, id: i64, pattern: &Pattern) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT title, culprit, ty, value, filename, function FROM issue WHERE id = :id")?;
    let found = statement.query_row(named_params! { ":id": id }, |row| {
        let has = |column: usize| -> rusqlite::Result<bool> {
            Ok(row.get_ref(column)?.as_str_or_null()?.is_some_and(|text| pattern.matches(text)))
        };
        Ok((0..6).map(has).collect::<Result<Vec<bool>, _>>()?.contains(&true))
    });
    Ok(found.optional()?.unwrap_or(false))
}

/// All issues that are listed, with what they are ordered by; of an environment alone those seen there.
fn read_places(connection: &Connection, search: &IssueSearch) -> Result<Vec<(i64, i64)>, StoreError> {
    if search.order == IssueOrder::Trend {
        return read_trends(connection, search);
    }
    let sql = places_sql(search.order, search.filter.environment.is_some());
    let mut statement = connection.prepare_cached(&sql)?;
    if let Some(index) = statement.parameter_index(":environment")? {
        statement.raw_bind_parameter(index, &search.filter.environment)?;
    }
    if let Some(index) = statement.parameter_index(":project_id")? {
        statement.raw_bind_parameter(index, search.project_id.map(|id| id.0))?;
    }
    let mut rows = statement.raw_query();
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        places.push((row.get(0)?, row.get(1)?));
    }
    Ok(places)
}

/// What issues are ordered by, of an environment alone those seen there.
pub(in super::super) fn places_sql(order: IssueOrder, there: bool) -> String {
    let value = match (order, there) {
        (IssueOrder::LastSeen, false) => "issue.last_seen_ms",
        (IssueOrder::FirstSeen, false) => "issue.first_seen_ms",
        (IssueOrder::Events, false) => "issue.event_count",
        (IssueOrder::LastSeen, true) => "there.last_seen_ms",
        (IssueOrder::FirstSeen, true) => "there.first_seen_ms",
        (IssueOrder::Events, true) => "there.event_count",
        (IssueOrder::Users, _) => "issue.user_count",
        (IssueOrder::Priority, _) => "issue.priority << 44 | issue.last_seen_ms",
        (IssueOrder::Trend, _) => "0",
    };
    let from = from_listed(there);
    format!("SELECT {value}, issue.id {from} AND (:project_id IS NULL OR issue.project_id = :project_id)")
}

fn from_listed(there: bool) -> String {
    if there {
        return format!(
            "FROM issue_environment AS there CROSS JOIN issue ON issue.id = there.issue_id
             WHERE there.environment = :environment AND {LISTED}"
        );
    }
    format!("FROM issue WHERE {LISTED}")
}

fn read_trends(connection: &Connection, search: &IssueSearch) -> Result<Vec<(i64, i64)>, StoreError> {
    let by_id = IssueSearch { order: IssueOrder::LastSeen, ..search.clone() };
    let mut places = read_places(connection, &by_id)?;
    let hour = hour_of(search.asker.now_ms);
    let recent_from_ms = search.asker.now_ms - 2 * 86_400_000;
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(iif(hour > :middle, event_count, -event_count)), 0) FROM issue_hour
         WHERE issue_id = :issue_id AND hour > :start AND hour <= :hour",
    )?;
    for (value, id) in &mut places {
        *value = match *value < recent_from_ms {
            // Not seen in either of the two days.
            true => 0,
            false => statement.query_row(
                named_params! { ":issue_id": *id, ":middle": hour - 24, ":start": hour - 48, ":hour": hour },
                |row| row.get(0),
            )?,
        };
    }
    Ok(places)
}

/// What an issue's events are known by: its own id and those of the issues merged into it.
pub(in super::super) fn members(connection: &Connection, issue: IssueId) -> Result<HashSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM issue WHERE id = :id OR merged_into = :id")?;
    let rows = statement.query_map(named_params! { ":id": issue.0 }, |row| row.get(0))?;
    let mut members: HashSet<i64> = rows.collect::<Result<_, _>>()?;
    members.insert(issue.0);
    Ok(members)
}

/// For tests: which issues match, in no order.
#[cfg(test)]
pub(super) fn matching(connection: &Connection, search: &IssueSearch) -> Result<BTreeSet<i64>, StoreError> {
    let found = find(connection, &FactCache::default(), search)?;
    Ok(found.places.into_iter().map(|(_, id)| id).collect())
}
