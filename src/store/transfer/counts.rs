//! Counts by hour of another store, and those that are here: what both hold counts once, also where one of them has summed
//! the hours that it keeps no more.
//!
//! Lines are collected in tables of their own (`temp.outcome_in`) and merged at the end, because it takes all of a
//! counter's lines to tell. Of the same hour the larger count holds. Hours before the later of the two sums' ends are
//! compared as a whole: the larger total holds, and hours that are still here one by one stay.

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};

use crate::store::retention::COUNTS_SUMMED_TO;

/// The tables, and what tells their counters apart besides the project.
const COUNTED: [(&str, &str); 2] = [("outcome", "category, reason"), ("client_discard", "kind, reason, category")];

/// Before the first line.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE outcome_in (project_id INTEGER NOT NULL, hour INTEGER NOT NULL, category TEXT NOT NULL,
             reason TEXT NOT NULL, quantity INTEGER NOT NULL, until_hour INTEGER);
         CREATE TEMP TABLE client_discard_in (project_id INTEGER NOT NULL, hour INTEGER NOT NULL, kind TEXT NOT NULL,
             reason TEXT NOT NULL, category TEXT NOT NULL, quantity INTEGER NOT NULL, until_hour INTEGER);",
    )
}

/// Behind the last line.
pub(super) fn merge(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut summed_to: i64 = tx
        .query_row(
            "SELECT CAST(value AS INTEGER) FROM setting WHERE key = :key",
            named_params! { ":key": COUNTS_SUMMED_TO },
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(0);
    for (table, key) in COUNTED {
        let same = |a: &str, b: &str| -> String {
            let columns = std::iter::once("project_id").chain(key.split(", "));
            columns.map(|column| format!("{a}.{column} = {b}.{column}")).collect::<Vec<_>>().join(" AND ")
        };
        let theirs: Option<i64> =
            tx.query_row(&format!("SELECT max(until_hour) FROM temp.{table}_in"), [], |row| row.get(0))?;
        // Of each counter: up to where hours may be summed, here or there, and what is known of those before it.
        tx.execute_batch("DROP TABLE IF EXISTS temp.summed")?;
        tx.execute(
            &format!(
                "CREATE TEMP TABLE summed AS SELECT project_id, {key},
                     max(max(coalesce(until_hour, 0)), :summed_to, 1) AS until_hour FROM temp.{table}_in
                 GROUP BY project_id, {key}"
            ),
            named_params! { ":summed_to": summed_to },
        )?;
        tx.execute_batch(&format!(
            "INSERT INTO {table} (project_id, hour, {key}, quantity)
                 SELECT project_id, 0, {key},
                     (SELECT coalesce(sum(quantity), 0) FROM temp.{table}_in AS line
                      WHERE {of_line} AND line.hour < summed.until_hour)
                     - (SELECT coalesce(sum(quantity), 0) FROM {table} AS here
                        WHERE {of_here} AND here.hour > 0 AND here.hour < summed.until_hour) AS more
                 FROM temp.summed WHERE more > 0
                 ON CONFLICT (project_id, hour, {key}) DO UPDATE SET quantity = max(quantity, excluded.quantity);
             INSERT INTO {table} (project_id, hour, {key}, quantity)
                 SELECT line.project_id, line.hour, {line_key}, line.quantity
                 FROM temp.{table}_in AS line JOIN temp.summed ON {of_line} WHERE line.hour >= summed.until_hour
                 ON CONFLICT (project_id, hour, {key}) DO UPDATE SET quantity = max(quantity, excluded.quantity);
             DELETE FROM temp.{table}_in;
             DROP TABLE temp.summed;",
            of_line = same("line", "summed"),
            of_here = same("here", "summed"),
            line_key = key.split(", ").map(|column| format!("line.{column}")).collect::<Vec<_>>().join(", "),
        ))?;
        summed_to = summed_to.max(theirs.unwrap_or(0));
    }
    if summed_to > 0 {
        crate::store::retention::remember_summed(tx, summed_to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrate;

    type Rows = Vec<(i64, i64)>;

    /// A store that has summed up to `summed_to`, with counts by hour.
    fn store(summed_to: i64, rows: &[(i64, i64)]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, std::path::Path::new("memory")).unwrap();
        begin(&connection).unwrap();
        if summed_to > 0 {
            crate::store::retention::remember_summed(&connection, summed_to).unwrap();
        }
        for row in rows {
            connection.execute("INSERT INTO outcome VALUES (1, ?1, 'event', 'accepted', ?2)", *row).unwrap();
        }
        connection
    }

    fn import(into: &mut Connection, until_hour: i64, lines: &[(i64, i64)]) -> Rows {
        let tx = into.transaction().unwrap();
        for (hour, quantity) in lines {
            let until = (*hour == 0).then_some(until_hour);
            let sql = "INSERT INTO temp.outcome_in VALUES (1, ?1, 'event', 'accepted', ?2, ?3)";
            tx.execute(sql, (hour, quantity, until)).unwrap();
        }
        merge(&tx).unwrap();
        tx.commit().unwrap();
        let mut statement = into.prepare("SELECT hour, quantity FROM outcome ORDER BY hour").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn hours_that_one_of_two_stores_has_summed_count_once() {
        let hours = [(10, 7), (11, 8), (20, 9)];
        let summed = [(0, 15), (20, 9)];
        // Into an empty one, as it is; and once more.
        let mut empty = store(0, &[]);
        assert_eq!(import(&mut empty, 12, &summed), summed);
        assert_eq!(import(&mut empty, 12, &summed), summed);
        // An older export, from before they were summed.
        assert_eq!(import(&mut empty, 0, &hours), summed);
        // The other way round: the hours are still here, and say the same.
        let mut detailed = store(0, &hours);
        assert_eq!(import(&mut detailed, 12, &summed), hours);
        assert_eq!(import(&mut detailed, 0, &hours), hours);
        // Counts from before what is here.
        assert_eq!(import(&mut detailed, 12, &[(0, 100), (20, 9)]), [(0, 85), (10, 7), (11, 8), (20, 9)]);
        assert_eq!(import(&mut detailed, 12, &[(0, 100), (20, 9)]), [(0, 85), (10, 7), (11, 8), (20, 9)]);
        // Both have summed, to different ends.
        let mut later = store(15, &[(0, 15), (20, 9)]);
        assert_eq!(import(&mut later, 11, &[(0, 7), (11, 8), (20, 9), (21, 1)]), [(0, 15), (20, 9), (21, 1)]);
    }
}
