//! What the same query is, statement by statement.

use proptest::prelude::*;

use super::Dialect::{MySql, Other, PostgreSql, SqlServer, Sqlite};
use super::*;

fn text(statement: &str, dialect: Dialect) -> String {
    Sql::read(statement, dialect).text
}

#[test]
fn values_and_placeholders_are_one_form() {
    for (dialect, statement, expected) in [
        (
            PostgreSql,
            r#"SELECT "shop_book"."id" FROM "shop_book" WHERE "shop_book"."id" = %s LIMIT 21"#,
            r#"SELECT "shop_book"."id" FROM "shop_book" WHERE "shop_book"."id" = ? LIMIT ?"#,
        ),
        (PostgreSql, "select a from t where b=$1 and c = $2::uuid", "SELECT a FROM t WHERE b = ? AND c = ?::uuid"),
        (PostgreSql, "SELECT %(id)s, %s, 100 %% 7", "SELECT ?, ?, ? % % ?"),
        (PostgreSql, "SELECT E'it\\'s', 'it''s', $$it's$$, $q$ $$ $q$, B'01', x'ff'", "SELECT ?, ?, ?, ?, ?, ?"),
        (PostgreSql, "SELECT a ?| array['x'], b ->> 'k', c @> '{}'", "SELECT a ?| ARRAY[?], b ->> ?, c @> ?"),
        (PostgreSql, "SELECT a[1:2], 'C:\\' || b", "SELECT a[? : ?], ? || b"),
        (
            PostgreSql,
            "SELECT INTERVAL '1 day', 1.5e-3, .5, 0xff, -7, 3 - 2, a -1",
            "SELECT INTERVAL ?, ?, ?, ?, ?, ? - ?, a - ?",
        ),
        (PostgreSql, "SELECT a IS NULL, true, b IS NOT TRUE", "SELECT a IS NULL, TRUE, b IS NOT TRUE"),
        (
            MySql,
            "SELECT `a` FROM `t` WHERE b = \"it\\\"s\" AND c = 'x\\'y' # done",
            "SELECT `a` FROM `t` WHERE b = ? AND c = ?",
        ),
        (MySql, "SELECT 5--1, @@version, @a -- b", "SELECT ? - ?, @@version, @a"),
        (MySql, "SELECT _utf8mb4'x'", "SELECT _utf8mb4 ?"),
        (
            Sqlite,
            "SELECT [a b], \"c\" FROM t WHERE d LIKE ? ESCAPE '\\' AND e = ?1",
            "SELECT [a b], \"c\" FROM t WHERE d LIKE ? ESCAPE ? AND e = ?",
        ),
        (Sqlite, "SELECT :name, @name, $name", "SELECT ?, ?, ?"),
        (
            SqlServer,
            "SELECT TOP (@p1) [id] FROM [dbo].[book] WHERE n = N'ä'",
            "SELECT TOP(?) [id] FROM [dbo].[book] WHERE n = ?",
        ),
        (Other, "SELECT a FROM t1 WHERE b=:b AND c2 = 'ž'", "SELECT a FROM t1 WHERE b = ? AND c2 = ?"),
    ] {
        assert_eq!(text(statement, dialect), expected, "{statement}");
    }
}

#[test]
fn what_does_not_matter_makes_no_difference() {
    let known = Sql::read("SELECT COUNT(*) FROM shop_book AS b WHERE b.id IN (%s) AND x = 1", PostgreSql);
    for statement in [
        "select COUNT(*) from shop_book as b where b.id in ($1,$2, $3) and x=2;",
        "/* a /* nested */ comment */ SELECT COUNT(*)\n FROM shop_book  AS b -- why\r\n WHERE b.id IN (1, -2, NULL) AND x = 'a' ; ",
        "SELECT COUNT( * ) FROM shop_book AS b WHERE b.id IN ('a'::uuid, 'b'::uuid) AND x = 1\0",
    ] {
        let read = Sql::read(statement, PostgreSql);
        let cast = statement.contains("::");
        let expected = if cast { known.text.replace("IN (?)", "IN (?::uuid)") } else { known.text.clone() };
        assert_eq!(read.text, expected, "{statement}");
        assert_eq!(read.fingerprint == known.fingerprint, !cast);
    }
    assert_eq!(known.text, "SELECT COUNT(*) FROM shop_book AS b WHERE b.id IN (?) AND x = ?");
}

#[test]
fn what_matters_makes_a_difference() {
    let statements = [
        "SELECT a FROM t WHERE b = 1",
        "SELECT a FROM t WHERE c = 1",
        "SELECT a FROM u WHERE b = 1",
        "SELECT a FROM t WHERE b IS NULL",
        "SELECT a FROM t WHERE b IN (1)",
        "SELECT a FROM t WHERE b = 1 LIMIT 1",
        "SELECT a, b FROM t WHERE b = 1",
    ];
    let mut fingerprints: Vec<u64> = statements.map(|text| Sql::read(text, PostgreSql).fingerprint).into();
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), statements.len());
}

#[test]
fn the_fingerprint_stays_what_it_is() {
    assert_eq!(Sql::read("SELECT 1", Sqlite).fingerprint, xxh3_64(b"SELECT ?"));
}

#[test]
fn lists_and_rows_are_one() {
    for (statement, expected) in [
        ("SELECT 1 WHERE a IN (1, 2, 3) AND b NOT IN ('x')", "SELECT ? WHERE a IN (?) AND b NOT IN (?)"),
        ("SELECT 1 WHERE (a, b) IN ((1, 2), (3, NULL))", "SELECT ? WHERE (a, b) IN ((?, ?))"),
        ("SELECT 1 WHERE a IN (1, b, 2)", "SELECT ? WHERE a IN (?, b, ?)"),
        ("SELECT 1 WHERE a IN ((1, 2), (3, f(4)))", "SELECT ? WHERE a IN ((?, ?), (?, f(?)))"),
        (
            "SELECT 1 WHERE a IN (SELECT b FROM t WHERE c IN (1,2))",
            "SELECT ? WHERE a IN (SELECT b FROM t WHERE c IN (?))",
        ),
        ("SELECT 1 WHERE a = ANY(ARRAY[1, 2])", "SELECT ? WHERE a = ANY (ARRAY[?])"),
        ("SELECT f(1, 2)", "SELECT f(?, ?)"),
        (
            "INSERT INTO t (a, b) VALUES (%s, %s), (%s, NULL), (f(%s, (1)), DEFAULT) RETURNING t.id",
            "INSERT INTO t (a, b) VALUES (?, ?) RETURNING t.id",
        ),
        ("INSERT INTO \"t\"(\"a\") VALUES (TRUE),(1)", "INSERT INTO \"t\" (\"a\") VALUES (?)"),
        ("INSERT INTO t VALUES (DEFAULT)", "INSERT INTO t VALUES (DEFAULT)"),
        (
            "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1",
            "INSERT INTO t VALUES (?) ON CONFLICT (a) DO UPDATE SET b = ?",
        ),
        ("SELECT 1 WHERE a IN (1, 2, 3", "SELECT ? WHERE a IN (?"),
        ("SELECT 1 WHERE a = 'cut in a str", "SELECT ? WHERE a = ?"),
    ] {
        assert_eq!(text(statement, PostgreSql), expected, "{statement}");
    }
    let update = "INSERT INTO t (a) VALUES (1),(2) ON DUPLICATE KEY UPDATE a=VALUES(a), b=VALUES(b)";
    let expected = "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES (a), b = VALUES (b)";
    assert_eq!(text(update, MySql), expected);
}

#[test]
fn names_made_for_one_use_are_one() {
    for (statement, expected) in [
        (r#"SAVEPOINT "s140735_x1""#, "SAVEPOINT ?"),
        ("RELEASE SAVEPOINT `s1_x2`", "RELEASE SAVEPOINT ?"),
        ("ROLLBACK TO SAVEPOINT s1", "ROLLBACK TO SAVEPOINT ?"),
        (
            r#"DECLARE "_django_curs_140_sync_1" NO SCROLL CURSOR FOR SELECT a FROM t"#,
            r#"DECLARE "_django_curs_?" NO SCROLL CURSOR FOR SELECT a FROM t"#,
        ),
        (r#"FETCH FORWARD 2000 FROM "_django_curs_140_sync_1""#, r#"FETCH FORWARD ? FROM "_django_curs_?""#),
    ] {
        assert_eq!(text(statement, PostgreSql), expected);
    }
}

#[test]
fn operation_and_table_are_the_short_name() {
    for (statement, expected) in [
        (r#"SELECT "shop_book"."id" FROM "shop_book" INNER JOIN "b" ON 1"#, "SELECT shop_book"),
        ("select 1", "SELECT"),
        ("SELECT a FROM public.\"book\" b", "SELECT public.book"),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT a FROM t LIMIT 3) subquery", "SELECT t"),
        ("SELECT EXTRACT(YEAR FROM created) FROM t", "SELECT t"),
        ("SELECT a IS DISTINCT FROM b FROM t", "SELECT t"),
        ("(SELECT a FROM t) UNION (SELECT a FROM u)", "SELECT t"),
        ("SELECT a FROM ONLY t FOR UPDATE OF u", "SELECT t"),
        ("WITH RECURSIVE c AS (SELECT a FROM t) SELECT * FROM c", "SELECT t"),
        ("WITH c AS (SELECT a FROM t), d AS (SELECT 1) UPDATE u SET a = 1 FROM c", "UPDATE u"),
        ("INSERT INTO shop_book (id) SELECT id FROM u", "INSERT shop_book"),
        ("INSERT OR IGNORE INTO t VALUES (1)", "INSERT t"),
        ("insert ignore into t values (1) on duplicate key update a = 1", "INSERT t"),
        ("UPDATE LOW_PRIORITY `t` SET a = 1", "UPDATE t"),
        ("UPDATE OR REPLACE t SET a = 1", "UPDATE t"),
        ("DELETE FROM t WHERE a IN (SELECT b FROM u)", "DELETE t"),
        ("CREATE TABLE IF NOT EXISTS t (a int)", "CREATE t"),
        ("TRUNCATE t, u", "TRUNCATE t"),
        ("COPY t FROM STDIN", "COPY t"),
        ("BEGIN", "BEGIN"),
        ("PRAGMA foreign_keys = ON", "PRAGMA"),
        ("vacuum", "VACUUM"),
        ("", ""),
        ("'", ""),
    ] {
        assert_eq!(Sql::read(statement, PostgreSql).summary(), expected, "{statement}");
    }
    assert_eq!(Sql::read("SELECT a FROM [dbo].[book]", SqlServer).summary(), "SELECT dbo.book");
}

#[test]
fn what_is_long_is_cut_and_says_so() {
    let columns = Sql::read(&format!("SELECT {} FROM t", "žluťoučký, ".repeat(4_000)), PostgreSql);
    assert!(columns.text.len() <= SQL_TEXT_BYTES_MAX && columns.text.ends_with('…'), "{}", columns.text.len());
    let values = Sql::read(&format!("SELECT a FROM t WHERE b IN ({})", vec!["1"; 200_000].join(",")), PostgreSql);
    assert_eq!(values.text, "SELECT a FROM t WHERE b IN (?…");
    let rows = Sql::read(&format!("INSERT INTO t VALUES {}", vec!["(1,'x')"; 9_000].join(", ")), MySql);
    assert_eq!(rows.text, "INSERT INTO t VALUES (?, ?)");
    let deep = Sql::read(&"(".repeat(60_000), Other);
    assert!(deep.text.len() <= SQL_TEXT_BYTES_MAX);
}

#[test]
fn systems_name_their_dialect() {
    for (system, dialect) in [
        ("postgresql", Some(PostgreSql)),
        ("mysql", Some(MySql)),
        ("sqlite", Some(Sqlite)),
        ("microsoft.sql_server", Some(SqlServer)),
        ("oracle", Some(Other)),
        ("redis", None),
    ] {
        assert_eq!(Dialect::of_system(system), dialect);
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    proptest::sample::select(&[PostgreSql, MySql, Sqlite, SqlServer, Other][..])
}

/// Pieces that statements are made of, and break at.
fn pieces() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(
        &[
            "SELECT",
            "FROM",
            "IN",
            "VALUES",
            "ARRAY",
            "SAVEPOINT",
            "WITH",
            "NULL",
            "(",
            ")",
            "[",
            "]",
            ",",
            ".",
            "::",
            "'",
            "\"",
            "`",
            "\\",
            "$",
            "$$",
            "$a$",
            "%s",
            "%(",
            "?",
            "?|",
            ":a",
            "@a",
            "--",
            "#",
            "/*",
            "*/",
            "\n",
            " ",
            "-",
            "1",
            "1.",
            "0x",
            "1e",
            "e",
            "E'",
            "ž",
            "…",
            "t",
            ";",
            "*",
            "=",
            "_django_curs_",
        ][..],
    );
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read(statement in "\\PC{0,200}", dialect in dialect()) {
        let _ = Sql::read(&statement, dialect);
    }

    #[test]
    fn any_pieces_are_read_and_bounded(statement in pieces(), dialect in dialect()) {
        let read = Sql::read(&statement, dialect);
        // At most a space for every token, and a name of cursors for a shorter one.
        prop_assert!(read.text.len() <= 4 * statement.len() + 4, "{}", read.text);
        prop_assert_eq!(read.fingerprint, xxh3_64(read.text.as_bytes()));
    }

    #[test]
    fn values_never_show(value in "[a-z0-9 ,()?%:-]{1,20}", dialect in dialect(), times in 1_usize..4) {
        let list = vec![format!("'secret{value}'"); times].join(", ");
        let read = Sql::read(&format!("SELECT a FROM t WHERE b = 'secret{value}' AND c IN ({list})"), dialect);
        prop_assert_eq!(read.text, "SELECT a FROM t WHERE b = ? AND c IN (?)");
    }

    #[test]
    fn what_was_read_reads_as_itself(ids in proptest::collection::vec("[a-z]{1,6}", 1..5), dialect in dialect()) {
        let columns = ids.iter().map(|id| format!("q_{id}")).collect::<Vec<_>>();
        let statement = format!("SELECT {} FROM q WHERE {} IN (1,2) AND f({}) > -1", columns.join(","), columns[0], columns[0]);
        let once = Sql::read(&statement, dialect).text;
        prop_assert_eq!(&Sql::read(&once, dialect).text, &once);
    }
}
