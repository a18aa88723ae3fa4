//! Which names are told apart. What somebody sends as a name may be different every time (an id in a route, a value in a
//! statement): each service has room for so many, and what is beyond is counted together, so that it costs nobody else.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::super::StoreError;
use crate::config::{PERF_NAMES_MAX, PERF_SERVICE_NAMES_MAX, PERF_SERVICES_MAX};
use crate::model::ids::ProjectId;
use crate::perf::{MeasuredKind, RollupKey};

/// What everything beyond the limits is called.
pub(super) const OTHERS: &str = "(others)";

/// The names that are there.
#[derive(Default)]
pub(super) struct Names {
    of: HashMap<(ProjectId, String), HashSet<i64>>,
    count: usize,
    /// When they were read: what has been dropped since is not known.
    pub(super) read_hour: i64,
}

impl Names {
    pub(super) fn read(connection: &Connection, hour: i64) -> Result<Self, StoreError> {
        let mut names = Self { read_hour: hour, ..Self::default() };
        let mut statement =
            connection.prepare_cached("SELECT DISTINCT project_id, service, name_key FROM perf_group")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let service: String = row.get(1)?;
            names.of.entry((ProjectId(row.get(0)?), service)).or_default().insert(row.get(2)?);
            names.count += 1;
        }
        Ok(names)
    }

    /// The key to count under: with as much of what it says as there is room for.
    pub(super) fn settle(&mut self, project_id: ProjectId, mut key: RollupKey) -> RollupKey {
        if !self.of.contains_key(&(project_id, key.service.clone())) && self.of.len() >= PERF_SERVICES_MAX {
            key.service = OTHERS.to_owned();
        }
        if !self.has_room(project_id, &key.service, key.kind, &key.name) {
            return others(key);
        }
        if let Some((kind, name)) = &mut key.within
            && !self.has_room(project_id, &key.service, *kind, name)
        {
            *name = OTHERS.to_owned();
        }
        key
    }

    /// Takes a new name in, if it may be.
    fn has_room(&mut self, project_id: ProjectId, service: &str, kind: MeasuredKind, name: &str) -> bool {
        let names = self.of.entry((project_id, service.to_owned())).or_default();
        let key = kind.key(name);
        if names.contains(&key) {
            return true;
        }
        if names.len() >= PERF_SERVICE_NAMES_MAX || self.count >= PERF_NAMES_MAX {
            return false;
        }
        self.count += 1;
        names.insert(key)
    }
}

/// The same without its own name.
pub(super) fn others(key: RollupKey) -> RollupKey {
    RollupKey { name: OTHERS.to_owned(), within: None, ..key }
}

/// The same with nothing but what kind it is of.
pub(super) fn nothing_but_kind(key: RollupKey) -> RollupKey {
    let service = OTHERS.to_owned();
    RollupKey { service, environment: String::new(), release: String::new(), ..others(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(service: &str, name: &str, within: Option<&str>) -> RollupKey {
        RollupKey {
            kind: MeasuredKind::Query,
            name: name.to_owned(),
            within: within.map(|name| (MeasuredKind::Endpoint, name.to_owned())),
            service: service.to_owned(),
            environment: "production".to_owned(),
            release: "1".to_owned(),
        }
    }

    #[test]
    fn a_service_of_too_many_names_costs_no_other() {
        let mut names = Names::default();
        let project = ProjectId(1);
        for number in 0..PERF_SERVICE_NAMES_MAX {
            let key = key("loud", &format!("SELECT {number}"), None);
            assert_eq!(names.settle(project, key.clone()), key);
        }
        let settled = names.settle(project, key("loud", "SELECT more", Some("GET /")));
        assert_eq!(settled, key("loud", OTHERS, None));
        let known = key("loud", "SELECT 7", Some("GET /new"));
        assert_eq!(names.settle(project, known), key("loud", "SELECT 7", Some(OTHERS)));
        let quiet = key("quiet", "SELECT more", Some("GET /"));
        assert_eq!(names.settle(project, quiet.clone()), quiet);
    }

    #[test]
    fn services_without_end_are_counted_together() {
        let mut names = Names::default();
        for number in 0..PERF_SERVICES_MAX {
            names.settle(ProjectId(1), key(&format!("service-{number}"), "SELECT ?", None));
        }
        let settled = names.settle(ProjectId(1), key("one more", "SELECT ?", None));
        assert_eq!(settled, key(OTHERS, "SELECT ?", None));
        let known = key("service-7", "SELECT ?, ?", None);
        assert_eq!(names.settle(ProjectId(1), known.clone()), known);
    }
}
