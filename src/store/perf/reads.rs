//! What is read of performance data: everything of a kind in a time, and one endpoint, job or query.

use std::collections::{BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::super::readers::check_time;
use super::super::write::FindingTold;
use super::super::{Store, StoreError, Stretches};
use super::hour_minutes;
use crate::config::{PERF_MINUTES_HOURS, Performance};
use crate::model::ids::{EventId, ProjectId};
use crate::perf::stats::Slowest;
use crate::perf::{CallSites, Finding, MeasuredKind, Stats};

/// Whose numbers; `None` is everybody's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerfScope {
    pub project_id: Option<ProjectId>,
    pub service: Option<String>,
    pub environment: Option<String>,
    pub release: Option<String>,
}

/// Numbers of which time; minutes are used as far as they are kept, when no stretch is as long as an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct PerfQuery {
    pub scope: PerfScope,
    pub stretches: Stretches,
    pub now_ms: i64,
}

/// One endpoint, job or query.
#[derive(Clone, Debug, PartialEq)]
pub struct PerfRow {
    pub key: i64,
    pub name: String,
    pub stats: Stats,
    /// How many in each stretch.
    pub counts: Vec<u64>,
    pub services: BTreeSet<String>,
    /// Of a query: the lines that asked it last, in this time.
    pub call_sites: CallSites,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerfList {
    pub rows: Vec<PerfRow>,
    /// There is any performance data at all.
    pub has_any: bool,
    /// Everything that can be chosen from in this time, whatever is chosen.
    pub services: BTreeSet<String>,
    pub environments: BTreeSet<String>,
    pub releases: BTreeSet<String>,
}

/// Everything about one endpoint, job or query.
#[derive(Clone, Debug, PartialEq)]
pub struct PerfDetail {
    pub kind: MeasuredKind,
    pub name: String,
    pub stats: Stats,
    pub stretches: Vec<Stats>,
    pub releases: Vec<(String, Stats)>,
    /// Of an endpoint or job: its queries. Of a query: where it is made.
    pub others: Vec<PerfRow>,
    /// Requests and jobs of each of them, when it is a query.
    pub slowest: Vec<Slowest>,
    pub found: PerfFound,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerfFound {
    pub services: BTreeSet<String>,
    pub environments: BTreeSet<String>,
    pub releases: BTreeSet<String>,
}

/// Traces told of as slow: of each row, which is a minute or an hour of one group, the slowest is known alone.
const SLOWEST_MAX: usize = 10;

struct Group {
    name_key: i64,
    within_key: i64,
    service: String,
    environment: String,
    release: String,
    /// As they are kept: most groups are of another time or scope.
    call_sites: Option<String>,
}

impl Group {
    fn is_in(&self, scope: &PerfScope) -> bool {
        let passes = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        passes(&scope.service, &self.service)
            && passes(&scope.environment, &self.environment)
            && passes(&scope.release, &self.release)
    }

    fn call_sites_since(&self, hour: i64) -> CallSites {
        self.call_sites.as_deref().map(CallSites::from_json).unwrap_or_default().since(hour_minutes(hour))
    }
}

impl Store {
    /// What counts as fast, as slow and as a query too many.
    pub fn thresholds(&self) -> &Performance {
        &self.settings.performance
    }

    /// Everything of a kind, in no particular order.
    pub async fn performance(&self, kind: MeasuredKind, query: PerfQuery) -> Result<PerfList, StoreError> {
        self.readers.run(move |connection| read_list(connection, kind, &query)).await
    }

    /// `None` when nothing of that name was ever measured.
    pub async fn performance_of(&self, key: i64, query: PerfQuery) -> Result<Option<PerfDetail>, StoreError> {
        self.readers.run(move |connection| read_detail(connection, key, &query)).await
    }

    /// Mistakes found in traces that nobody was told of yet.
    pub async fn perf_findings(&self, limit: usize) -> Result<Vec<(FindingTold, Option<Finding>)>, StoreError> {
        self.readers.run(move |connection| read_findings(connection, limit)).await
    }
}

pub(in super::super) const GROUPS_SQL: &str =
    "SELECT perf_group.id, name_key, within_key, service, environment, release, call_sites
    FROM perf_name CROSS JOIN perf_group ON perf_group.name_key = perf_name.key
    WHERE perf_name.kind = :kind AND (:project_id IS NULL OR project_id = :project_id) AND last_hour >= :from_hour";
pub(in super::super) const GROUPS_OF_SQL: &str =
    "SELECT id, name_key, within_key, service, environment, release, call_sites
    FROM perf_group
    WHERE name_key = :key AND (:project_id IS NULL OR project_id = :project_id) AND last_hour >= :from_hour";
pub(in super::super) const GROUPS_WITHIN_SQL: &str =
    "SELECT id, name_key, within_key, service, environment, release, call_sites
    FROM perf_group
    WHERE within_key = :key AND within_key <> 0
        AND (:project_id IS NULL OR project_id = :project_id) AND last_hour >= :from_hour";

fn read_groups(
    connection: &Connection,
    sql: &str,
    bounds: &[(&str, &dyn rusqlite::ToSql)],
) -> Result<HashMap<i64, Group>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(bounds, |row| {
        let group = Group {
            name_key: row.get(1)?,
            within_key: row.get(2)?,
            service: row.get(3)?,
            environment: row.get(4)?,
            release: row.get(5)?,
            call_sites: row.get(6)?,
        };
        Ok((row.get(0)?, group))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(in super::super) const MINUTES_SQL: &str =
    "SELECT minute, group_id, body FROM perf_minute WHERE minute >= :from AND minute < :to";
pub(in super::super) const HOURS_SQL: &str =
    "SELECT hour, group_id, body FROM perf_hour WHERE hour >= :from AND hour < :to";

/// Calls `each` with the place of a stretch, the group and the sums, for every row in the time.
fn for_rows(
    connection: &Connection,
    query: &PerfQuery,
    is_wanted: impl Fn(i64) -> bool,
    mut each: impl FnMut(usize, i64, Stats),
) -> Result<(), StoreError> {
    let stretches = query.stretches;
    let (from, to) = (stretches.from_minute, stretches.to_minute());
    let minutes_from = query.now_ms / 60_000 - PERF_MINUTES_HOURS * 60;
    let is_by_minute = stretches.minutes < 60 && from >= minutes_from;
    let (sql, from, to) = match is_by_minute {
        true => (MINUTES_SQL, from, to),
        false => (HOURS_SQL, from.div_euclid(60), to.saturating_add(59).div_euclid(60)),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! { ":from": from, ":to": to })?;
    let mut read = 0;
    while let Some(row) = rows.next()? {
        read += 1;
        if read % 1_024 == 0 {
            check_time()?;
        }
        let group_id: i64 = row.get(1)?;
        if !is_wanted(group_id) {
            continue;
        }
        let at: i64 = row.get(0)?;
        let minute = if is_by_minute { at } else { hour_minutes(at) };
        let place = (minute - stretches.from_minute).max(0) / stretches.minutes.max(1);
        let place = usize::try_from(place).unwrap_or(0).min(stretches.count.saturating_sub(1));
        if let Some(stats) = row.get_ref(2)?.as_blob().ok().and_then(Stats::from_bytes) {
            each(place, group_id, stats);
        }
    }
    Ok(())
}

fn read_list(connection: &Connection, kind: MeasuredKind, query: &PerfQuery) -> Result<PerfList, StoreError> {
    let (kind, from_hour) = (kind.code(), query.stretches.from_minute.div_euclid(60));
    let project_id = query.scope.project_id.map(|id| id.0);
    let bounds = named_params! { ":kind": kind, ":project_id": project_id, ":from_hour": from_hour };
    let groups = read_groups(connection, GROUPS_SQL, bounds)?;
    let mut list = PerfList {
        has_any: connection.query_row("SELECT EXISTS (SELECT 1 FROM perf_group)", [], |row| row.get(0))?,
        ..PerfList::default()
    };
    let mut rows: HashMap<i64, PerfRow> = HashMap::new();
    let mut counted: HashSet<i64> = HashSet::new();
    for_rows(
        connection,
        query,
        |id| groups.contains_key(&id),
        |place, id, stats| {
            let Some(group) = groups.get(&id) else { return };
            remember(&mut list.services, &group.service);
            remember(&mut list.environments, &group.environment);
            remember(&mut list.releases, &group.release);
            if group.is_in(&query.scope) {
                let row = rows.entry(group.name_key).or_insert_with(|| new_row(group.name_key, query.stretches.count));
                row.stats.merge(&stats);
                row.counts[place] += stats.count;
                if counted.insert(id) {
                    remember(&mut row.services, &group.service);
                    row.call_sites.merge(&group.call_sites_since(from_hour));
                }
            }
        },
    )?;
    list.rows = with_names(connection, rows)?;
    Ok(list)
}

fn new_row(key: i64, stretches: usize) -> PerfRow {
    PerfRow {
        key,
        name: String::new(),
        stats: Stats::default(),
        counts: vec![0; stretches.max(1)],
        services: BTreeSet::new(),
        call_sites: CallSites::default(),
    }
}

fn remember(names: &mut BTreeSet<String>, name: &str) {
    if !name.is_empty() && !names.contains(name) {
        names.insert(name.to_owned());
    }
}

fn with_names(connection: &Connection, rows: HashMap<i64, PerfRow>) -> Result<Vec<PerfRow>, StoreError> {
    let mut named = Vec::with_capacity(rows.len());
    for row in rows.into_values() {
        if let Some((_, name)) = read_name(connection, row.key)? {
            named.push(PerfRow { name, ..row });
        }
    }
    Ok(named)
}

fn read_name(connection: &Connection, key: i64) -> Result<Option<(MeasuredKind, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT kind, name FROM perf_name WHERE key = :key")?;
    let found: Option<(i64, String)> =
        statement.query_row(named_params! { ":key": key }, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(kind, name)| Some((MeasuredKind::from_code(kind)?, name))))
}

fn read_detail(connection: &Connection, key: i64, query: &PerfQuery) -> Result<Option<PerfDetail>, StoreError> {
    let Some((kind, name)) = read_name(connection, key)? else { return Ok(None) };
    let from_hour = query.stretches.from_minute.div_euclid(60);
    let project_id = query.scope.project_id.map(|id| id.0);
    let bounds = named_params! { ":key": key, ":project_id": project_id, ":from_hour": from_hour };
    let own = read_groups(connection, GROUPS_OF_SQL, bounds)?;
    let within = match kind {
        MeasuredKind::Query => HashMap::new(),
        _ => read_groups(connection, GROUPS_WITHIN_SQL, bounds)?,
    };
    let count = query.stretches.count.max(1);
    let mut detail = PerfDetail {
        kind,
        name,
        stats: Stats::default(),
        stretches: vec![Stats::default(); count],
        releases: Vec::new(),
        others: Vec::new(),
        slowest: Vec::new(),
        found: PerfFound::default(),
    };
    let mut releases: HashMap<String, Stats> = HashMap::new();
    let mut others: HashMap<i64, PerfRow> = HashMap::new();
    let mut counted: HashSet<i64> = HashSet::new();
    for_rows(
        connection,
        query,
        |id| own.contains_key(&id) || within.contains_key(&id),
        |place, id, stats| {
            if let Some(group) = own.get(&id) {
                remember(&mut detail.found.services, &group.service);
                remember(&mut detail.found.environments, &group.environment);
                remember(&mut detail.found.releases, &group.release);
                // Releases are compared with each other whichever is chosen.
                let scope = PerfScope { release: None, ..query.scope.clone() };
                if group.is_in(&scope) {
                    releases.entry(group.release.clone()).or_default().merge(&stats);
                }
                if !group.is_in(&query.scope) {
                    return;
                }
                detail.stats.merge(&stats);
                detail.stretches[place].merge(&stats);
                detail.slowest.extend(stats.slowest);
                if group.within_key != 0 {
                    others
                        .entry(group.within_key)
                        .or_insert_with(|| new_row(group.within_key, count))
                        .stats
                        .merge(&stats);
                }
            } else if let Some(group) = within.get(&id).filter(|group| group.is_in(&query.scope)) {
                let row = others.entry(group.name_key).or_insert_with(|| new_row(group.name_key, count));
                row.stats.merge(&stats);
                if counted.insert(id) {
                    row.call_sites.merge(&group.call_sites_since(from_hour));
                }
            }
        },
    )?;
    detail.others = with_names(connection, others)?;
    detail.releases = releases.into_iter().collect();
    detail.slowest.sort_by_key(|slowest| std::cmp::Reverse((slowest.us, slowest.trace_id.0)));
    let mut seen = HashSet::new();
    detail.slowest.retain(|slowest| seen.insert(slowest.trace_id));
    detail.slowest.truncate(SLOWEST_MAX);
    Ok(Some(detail))
}

fn read_findings(connection: &Connection, limit: usize) -> Result<Vec<(FindingTold, Option<Finding>)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT event_id, project_id, body FROM perf_finding ORDER BY event_id LIMIT :limit")?;
    let rows = statement.query_map(named_params! { ":limit": limit as i64 }, |row| {
        let told = FindingTold { event_id: EventId(row.get(0)?), project_id: ProjectId(row.get(1)?) };
        Ok((told, row.get::<_, String>(2)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (told, body) = row?;
        // What cannot be read is taken off the list as well.
        found.push((told, serde_json::from_str(&body).ok()));
    }
    Ok(found)
}
