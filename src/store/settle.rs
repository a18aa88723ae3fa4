//! What a search over spans or logs says of projects by their names, and of the newest release, settled by what is stored:
//! spans and logs know a project's number and a release's name alone.
//!
//! Issues need none of this: their keys are looked up where their tests are made ([`super::facts`]).

use std::collections::HashMap;

use rusqlite::Connection;

use super::facts::latest_releases;
use super::{Store, StoreError};
use crate::search::naive::{Fact, value_takes};
use crate::search::{Expr, Key, Known, Leaf, Op, Value};

impl Store {
    /// The same search, with numbers of projects for their names and releases for `latest`.
    pub async fn settled(&self, expr: Expr) -> Result<Expr, StoreError> {
        let mut is_open = false;
        expr.for_each_leaf(&mut |leaf| is_open |= is_to_settle(leaf));
        if !is_open {
            return Ok(expr);
        }
        self.readers
            .run(move |connection| {
                let known = Stored { projects: read_projects(connection)?, latest: latest_releases(connection)? };
                Ok(known.settle(&expr))
            })
            .await
    }
}

fn is_to_settle(leaf: &Leaf) -> bool {
    match leaf {
        Leaf::Compare { key: Key::Known(Known::Project), .. } => true,
        Leaf::Compare { value: Value::Latest, .. } => true,
        Leaf::Compare { value: Value::List(values), .. } => values.contains(&Value::Latest),
        _ => false,
    }
}

struct Stored {
    /// Number and short name.
    projects: Vec<(u32, String)>,
    latest: HashMap<u32, String>,
}

impl Stored {
    fn settle(&self, expr: &Expr) -> Expr {
        match expr {
            Expr::Everything => Expr::Everything,
            Expr::And(parts) => Expr::and(parts.iter().map(|part| self.settle(part))),
            Expr::Or(parts) => Expr::or(parts.iter().map(|part| self.settle(part))),
            Expr::Not(inner) => self.settle(inner).negated(),
            Expr::Leaf(leaf) if !is_to_settle(leaf) => expr.clone(),
            Expr::Leaf(Leaf::Compare { key, op, value }) => self.settle_one(key, *op, value),
            Expr::Leaf(_) => expr.clone(),
        }
    }

    fn settle_one(&self, key: &Key, op: Op, value: &Value) -> Expr {
        let is_project = |id: &u32| Expr::equals(Key::Known(Known::Project), &id.to_string());
        match value {
            Value::List(values) => {
                let one = |value: &Value| Leaf::Compare { key: key.clone(), op, value: value.clone() };
                let each = values.iter().map(|value| self.settle(&Expr::Leaf(one(value))));
                Expr::or(each.filter(|settled| *settled != Expr::nothing()))
            }
            // Of each project its own.
            Value::Latest => Expr::or(
                self.latest.iter().map(|(id, release)| Expr::and([is_project(id), Expr::equals(key.clone(), release)])),
            ),
            value => {
                let takes = |name: &str| value_takes(op, value, Fact::Text(name));
                let meant = self.projects.iter().filter(|(id, slug)| takes(slug) || takes(&id.to_string()));
                Expr::or(meant.map(|(id, _)| is_project(id)))
            }
        }
    }
}

fn read_projects(connection: &Connection) -> Result<Vec<(u32, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, slug FROM project")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Dataset, parse};

    #[test]
    fn names_and_the_newest_release_become_what_spans_know() {
        let stored = Stored {
            projects: vec![(1, "shop".into()), (2, "site".into())],
            latest: HashMap::from([(1, "shop@2".to_string())]),
        };
        for (text, settled) in [
            ("a project:shop", "a project:1"),
            ("project:s*", "project:1 OR project:2"),
            ("!project:2", "!project:2"),
            ("project:[shop, nothing]", "project:1"),
            ("project:nothing", "!*"),
            ("release:latest", "project:1 release:shop@2"),
            ("release:[latest, x]", "(project:1 release:shop@2) OR release:x"),
            ("has:project release:y", "has:project release:y"),
        ] {
            let expr = parse(text, Dataset::Spans, 0).unwrap();
            assert_eq!(stored.settle(&expr), parse(settled, Dataset::Spans, 0).unwrap(), "{text}");
        }
    }
}
