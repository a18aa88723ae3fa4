//! The language by example, and what must hold for any text.

use proptest::prelude::*;

use super::naive::{Fact, Subject, matches};
use super::*;

const NOW_MS: i64 = 1_795_000_000_000; // 2026-11-18T11:06:40Z

fn read(text: &str, dataset: Dataset) -> Expr {
    match parse(text, dataset, NOW_MS) {
        Ok(expr) => expr,
        Err(error) => panic!("{text}: {error} at {}..{}", error.from, error.to),
    }
}

fn fails(text: &str, dataset: Dataset) -> SearchError {
    match parse(text, dataset, NOW_MS) {
        Ok(expr) => panic!("{text} was read as {expr}"),
        Err(error) => error,
    }
}

/// Each text means what the other one, written out, means.
#[track_caller]
fn assert_means(dataset: Dataset, pairs: &[(&str, &str)]) {
    for (text, written) in pairs {
        let expr = read(text, dataset);
        assert_eq!(expr.to_string(), *written, "{text} as {expr:?}");
        assert_eq!(read(written, dataset), expr, "{written} is read otherwise than {text}");
    }
}

#[test]
fn words_and_phrases_are_looked_for_one_by_one() {
    assert_means(
        Dataset::Issues,
        &[
            ("", ""),
            ("  \t ", ""),
            ("*", ""),
            ("checkout", "checkout"),
            ("invalid voucher", "invalid voucher"),
            ("\"invalid voucher\"", "\"invalid voucher\""),
            ("inval*", "inval"),
            ("*vou*er*", "vou*er"),
            (r"5\*3", r#""5\*3""#),
            (r#""say \"hi\"""#, r#""say \"hi\"""#),
            ("!checkout", "!checkout"),
            ("!\"a b\"", "!\"a b\""),
            ("NOT checkout", "!checkout"),
            ("naïve café", "naïve café"),
        ],
    );
}

/// What a Python developer pastes, and means as text.
#[test]
fn pasted_messages_are_text() {
    assert_means(
        Dataset::Issues,
        &[
            ("KeyError: 'sku'", "\"KeyError:\" \"'sku'\""),
            ("KeyError:'sku'", "\"KeyError:'sku'\""),
            ("django.db.utils.OperationalError:boom", "\"django.db.utils.OperationalError:boom\""),
            (
                "invalid literal for int() with base 10: 'abc'",
                "invalid literal for \"int()\" with base \"10:\" \"'abc'\"",
            ),
            ("shop/views.py:42", "\"shop/views.py:42\""),
            ("views.py:42:7", "\"views.py:42:7\""),
            ("localhost:8000", "\"localhost:8000\""),
            ("127.0.0.1:5432 refused", "\"127.0.0.1:5432\" refused"),
            ("https://shop.example/cart?id=5", "\"https://shop.example/cart?id=5\""),
            ("std::bad_alloc at 12:30", "\"std::bad_alloc\" at \"12:30\""),
            (r"C:\app\x.py", r#""C:\\app\\x.py""#),
            ("C:/app/x.py", "\"C:/app/x.py\""),
            (
                "NOT NULL constraint failed: shop_order.user_id",
                "\"NOT\" NULL constraint \"failed:\" shop_order.user_id",
            ),
            ("404 NOT FOUND", "404 \"NOT\" FOUND"),
            ("timed out and died or not", "timed out \"and\" died \"or\" \"not\""),
            ("{\"detail\": \"Not found.\"}", "\"{\\\"detail\\\":\" \"Not found.\" \"}\""),
            ("\"detail\": x", "detail \":\" x"),
            ("File \"a b.py\", line 12, in pay", "File \"a b.py\" \",\" line \"12,\" in pay"),
            ("Release: rolled back", "\"Release:\" rolled back"),
            ("user_id=5 a != b !", "\"user_id=5\" a \"!=\" b \"!\""),
            ("view(order) failed (in shop.views)", "\"view(order)\" failed in shop.views"),
            ("print( a ), b", "\"print(\" a \"),\" b"),
            ("a) b", "\"a)\" b"),
            ("order :id", "order \":id\""),
            ("!!", "\"!!\""),
            ("foo(bar baz)", "\"foo(bar\" \"baz)\""),
            ("<Response [404]>", "\"<Response\" \"[404]>\""),
        ],
    );
}

#[test]
fn filters_name_keys_tags_and_flags() {
    assert_means(
        Dataset::Issues,
        &[
            ("is:unresolved", "is:unresolved"),
            ("IS:Unresolved", "is:unresolved"),
            ("status:muted", "is:ignored"),
            ("is:archived", "is:ignored"),
            ("!is:assigned", "!has:assigned"),
            ("is:unassigned", "!has:assigned"),
            ("is:for_review", "is:new OR is:regressed"),
            ("is:linked", "!*"),
            ("is:open", "is:unresolved"),
            ("is:unlinked", ""),
            ("is:[resolved, ignored]", "is:resolved OR is:ignored"),
            ("assigned:me", "assigned:me"),
            ("assigned_or_suggested:[me, my_teams, none]", "assigned:me OR !has:assigned"),
            ("assigned:\"me\"", "assigned:\"me\""),
            ("assigned:#web", "assigned:\"#web\""),
            ("bookmarks:me", "bookmarks:me"),
            ("error.type:KeyError", "error.type:KeyError"),
            ("!error.type:KeyError", "!error.type:KeyError"),
            ("error.type:!=KeyError", "!error.type:KeyError"),
            ("error.type:=KeyError", "error.type:KeyError"),
            ("error.type:[KeyError, \"Value Error\"]", "error.type:[KeyError, \"Value Error\"]"),
            ("error.type:[KeyError, KeyError]", "error.type:KeyError"),
            ("error.type:*Error", "error.type:*Error"),
            ("error.value:sku", "error.value:*sku*"),
            ("message:\"a b*\"", "message:\"a b*\""),
            ("title:contains(\"a, b\")", "title:\"*a, b*\""),
            ("transaction:startsWith(/api/)", "transaction:\"/api/*\""),
            ("transaction:ends_with(pay, buy)", "transaction:[*pay, *buy]"),
            ("title:\u{f00d}Contains\u{f00d}voucher", "title:*voucher*"),
            ("http.method:get", "http.method:GET"),
            ("http.method:contains(e)", "http.method:*E*"),
            ("release:latest", "release:latest"),
            ("release:\"latest\"", "release:\"latest\""),
            ("release:[latest, 1.0]", "release:[latest, 1.0]"),
            ("release.version:>1.2", "release.version:>1.2"),
            ("release.version:1.2.*", "release.version:1.2.*"),
            ("level:warn", "level:warning"),
            ("level:>=warning", "level:[warning, error, fatal]"),
            ("level:>fatal", "!*"),
            ("level:!=error", "!level:error"),
            ("error.handled:no", "error.handled:false"),
            ("error.unhandled:true", "error.handled:false"),
            ("has:user.email", "has:user.email"),
            ("!has:user.email", "!has:user.email"),
            ("has:tags[my key]", "has:my-key"),
            ("has:\"my key\"", "has:my-key"),
            ("user.email:\"\"", "!has:user.email"),
            ("!user.email:\"\"", "has:user.email"),
            ("user.email:*", "has:user.email"),
            ("tenant:acme", "tenant:acme"),
            ("tenant:\"a b\"", "tenant:\"a b\""),
            ("tenant:>5", "tenant:>5"),
            ("tenant:>=5m", "tenant:>=5000000"),
            ("tenant:<300ms", "tenant:<300ms"),
            ("tenant:<5min", "tenant:<5min"),
            ("tenant:>10kb", "tenant:>10000"),
            ("tenant:\">5\"", "tenant:\">5\""),
            ("tags[my key]:v", "my-key:v"),
            ("tags[my odd tag]:\"a b:c\"", "my-odd-tag:\"a b:c\""),
            ("tags[\"a]b\"]:v", "tags[\"a]b\"]:v"),
            ("tags[level]:x", "tags[level]:x"),
            ("tags[total,number]:>5", "total:>5"),
            ("\"my key\":v", "my-key:v"),
            ("flags[\"x\"]:true", "flags[x]:true"),
            ("!flags[new checkout]:true", "!flags[new checkout]:true"),
            ("issue:shop-12", "issue:SHOP-12"),
            ("trace:0AF7651916cd43dd8448eb211c80319c", "trace:0af7651916cd43dd8448eb211c80319c"),
            ("trace:0af76*", "trace:0af76*"),
            ("id:11111111-1111-1111-1111-111111111111", "id:11111111111111111111111111111111"),
            (
                "0af7651916cd43dd8448eb211c80319c",
                "id:0af7651916cd43dd8448eb211c80319c OR trace:0af7651916cd43dd8448eb211c80319c",
            ),
            ("stack.filename:*/views.py", "stack.filename:*/views.py"),
            ("http.url:http://a/?b=c", "http.url:\"http://a/?b=c\""),
        ],
    );
}

#[test]
fn numbers_times_and_statuses_compare() {
    assert_means(
        Dataset::Issues,
        &[
            ("timesSeen:>100", "timesSeen:>100"),
            ("times_seen:<=5k", "timesSeen:<=5000"),
            ("timesSeen:3", "timesSeen:3"),
            ("timesSeen:!=3", "!timesSeen:3"),
            ("timesSeen:[1, 2]", "timesSeen:[1, 2]"),
            ("userCount:>1.5m", "userCount:>1500000"),
            ("http.status_code:5xx", "http.status_code:>=500 http.status_code:<600"),
            ("!http.status_code:5*", "!(http.status_code:>=500 http.status_code:<600)"),
            ("http.status_code:[404, 5xx]", "http.status_code:404 OR (http.status_code:>=500 http.status_code:<600)"),
            ("http.status_code:>=500", "http.status_code:>=500"),
            ("age:-24h", "firstSeen:>=2026-11-17T11:06:40.000Z"),
            ("age:+7d", "firstSeen:<=2026-11-11T11:06:40.000Z"),
            ("age:>7d", "firstSeen:<2026-11-11T11:06:40.000Z"),
            ("age:<=1h", "firstSeen:>=2026-11-18T10:06:40.000Z"),
            ("firstSeen:>2026-11-01T00:00:00", "firstSeen:>2026-11-01T00:00:00.000Z"),
            ("lastSeen:-1h", "lastSeen:>=2026-11-18T10:06:40.000Z"),
            ("timestamp:2026-11-01", "timestamp:>=2026-11-01T00:00:00.000Z timestamp:<2026-11-02T00:00:00.000Z"),
            ("timestamp:>=1793491200", "timestamp:>=2026-11-01T00:00:00.000Z"),
        ],
    );
    assert_means(
        Dataset::Spans,
        &[
            ("span.duration:>300ms", "span.duration:>300ms"),
            ("duration:>1.5s", "span.duration:>1500ms"),
            ("span.duration:>=300", "span.duration:>=300ms"),
            ("span.status:ERROR", "span.status:error"),
            ("shop.tenant=acme pay", "shop.tenant:acme pay"),
            ("url.full=http://a/?b=c", "http.url:\"http://a/?b=c\""),
            ("a == b", "a \"==\" b"),
            ("0af7651916cd43dd8448eb211c80319c", "trace:0af7651916cd43dd8448eb211c80319c"),
            ("flags[x]:true", "flag.evaluation.x:true"),
        ],
    );
    assert_means(
        Dataset::Logs,
        &[
            ("level:warning", "level:warn"),
            ("level:>=error", "level:[error, fatal]"),
            ("level:<debug", "level:trace"),
            ("body:paid logger.name:shop.*", "message:*paid* logger:shop.*"),
        ],
    );
}

#[test]
fn and_binds_closer_than_or() {
    assert_means(
        Dataset::Issues,
        &[
            ("a b OR c", "(a b) OR c"),
            ("a AND b", "a b"),
            ("a (b OR c)", "a (b OR c)"),
            ("(a OR b) (c OR d)", "(a OR b) (c OR d)"),
            ("((a))", "a"),
            ("(a b) c", "a b c"),
            ("!(a b)", "!(a b)"),
            ("NOT (a OR b)", "!(a OR b)"),
            ("NOT NOT a", "a"),
            ("!(!(a b))", "a b"),
            ("level:error or level:fatal", "level:error OR level:fatal"),
            ("level:error and (a or b)", "level:error a \"or\" b"),
            ("not level:error", "!level:error"),
            ("not (a b)", "!(a b)"),
            ("did not (a b)", "did \"not\" a b"),
            ("(level:error)", "level:error"),
            ("(int())", "\"int()\""),
            ("* a", "a"),
            ("a OR *", ""),
        ],
    );
}

#[test]
fn errors_point_at_the_word_and_say_what_to_do() {
    for (dataset, text, place, help) in [
        (Dataset::Issues, "a is:unresloved b", "unresloved", "did you mean `unresolved`?"),
        (Dataset::Issues, "levle:error", "levle", "did you mean `level`?"),
        (Dataset::Issues, "level:loud", "loud", "one of debug, info"),
        (Dataset::Issues, "level:error )", ")", "never opened"),
        (Dataset::Issues, ")", ")", "in quotes"),
        (Dataset::Issues, "(a))", ")", "never opened"),
        (Dataset::Issues, "a ( ) b", "( )", "nothing in these"),
        (Dataset::Issues, "!!level:error", "!!level:error", "write !level:error"),
        (Dataset::Issues, "a level :error", "level :error", "write level:error without"),
        (Dataset::Spans, "op :db", "op :db", "write op:db without"),
        (Dataset::Issues, "error.type:(ValueError", "(ValueError", "write error.type:[a, b]"),
        (Dataset::Issues, "error.type:(ValueError OR KeyError)", "(ValueError", "write error.type:[a, b]"),
        (Dataset::Issues, "error.type:ValueError)", ")", "never opened"),
        (Dataset::Issues, "tags[x", "tags[x", "write tags[name]:value"),
        (Dataset::Issues, "a flags[x y", "flags[x", "write flags[name]:value"),
        (Dataset::Issues, "is:closed", "closed", "archived_forever, archived_until_escalating"),
        (Dataset::Issues, "is:closed", "closed", "escalating, linked, unlinked"),
        (Dataset::Issues, "times_seen:many", "many", "`times_seen` is compared with a number"),
        (Dataset::Spans, "duration:soon", "soon", "`duration` is compared with a duration"),
        (Dataset::Spans, "is:new", "is", "`is` is a key of issues"),
        (Dataset::Issues, "level: error", "level:", "right behind the colon"),
        (Dataset::Issues, "timesSeen:many", "many", "timesSeen:>100"),
        (Dataset::Issues, "timesSeen:", "timesSeen:", "timesSeen:value"),
        (Dataset::Issues, "firstSeen:yesterday", "yesterday", "-24h"),
        (Dataset::Issues, "age:soon", "soon", "age:-24h"),
        (Dataset::Issues, "error.type:>5", ">5", "in quotes"),
        (Dataset::Issues, "tenant:>blue", ">blue", "in quotes"),
        (Dataset::Issues, "error.handled:maybe", "maybe", "error.handled:true"),
        (Dataset::Issues, "issue.priority:hihg", "hihg", "did you mean `high`?"),
        (Dataset::Issues, "a \"b c", "\"b c", "at its end"),
        (Dataset::Issues, "title:\"b c", "\"b c", "at its end"),
        (Dataset::Issues, "a (b OR c", "(", "write ) where it ends"),
        (Dataset::Issues, "release:[a, b", "[a, b", "write ]"),
        (Dataset::Issues, "release:[]", "[]", "between commas"),
        (Dataset::Issues, "timesSeen:contains(5)", "contains(5)", "compare it"),
        (Dataset::Issues, "title:contains(\"\")", "contains(\"\")", "what to look for"),
        (Dataset::Issues, "OR a", "OR", "take it away"),
        (Dataset::Issues, "a OR", "OR", "take it away"),
        (Dataset::Issues, "a AND AND b", "AND", "take it away"),
        (Dataset::Issues, "a NOT", "NOT", "take it away"),
        (Dataset::Issues, "(a OR )", "OR", "take it away"),
        (Dataset::Issues, "has:", "has:", "has:user.email"),
        (Dataset::Issues, "has:is", "is", "another key"),
        (Dataset::Issues, "trace:12", "12", "paste it whole"),
        (Dataset::Issues, "http.status_code:teapot", "teapot", "5xx"),
        (Dataset::Issues, "release.version:>blue", "blue", "release.version:>1.2"),
        (Dataset::Issues, "span.duration:>1s", "span.duration", "search there"),
        (Dataset::Spans, "is:unresolved", "is", "search there"),
        (Dataset::Spans, "span.duration:>soon", "soon", "ms, s, min"),
        (Dataset::Logs, "message:(a", "(a", "in quotes"),
        (Dataset::Logs, "timesSeen:>5", "timesSeen", "search there"),
        (Dataset::Spans, "span.kind:servre", "servre", "did you mean `server`?"),
    ] {
        let error = fails(text, dataset);
        assert_eq!(&text[error.from..error.to], place, "{text}: {error}");
        assert!(error.to_string().contains(help), "{text}: {error}");
    }
    let text = "é 😀 level:loud";
    assert_eq!(fails(text, Dataset::Issues).utf16(text), (11, 15));
    assert_eq!((byte_offset(text, 11), byte_offset(text, 3), byte_offset(text, 99)), (14, 3, text.len()));
}

#[test]
fn everything_is_bounded() {
    use crate::config::search::*;
    let long = "a".repeat(SEARCH_BYTES_MAX + 1);
    assert!(fails(&long, Dataset::Issues).message.contains("too long"));
    let words = "a ".repeat(SEARCH_TERMS_MAX + 1);
    assert!(fails(&words, Dataset::Issues).message.contains("too many words"));
    let deep = format!("{}a{}", "(".repeat(500), ")".repeat(500));
    assert!(fails(&deep, Dataset::Issues).message.contains("too deep"));
    assert!(fails(&"NOT ".repeat(500), Dataset::Issues).message.contains("too deep"));
    assert!(fails(&"!(".repeat(500), Dataset::Issues).message.contains("too deep"));
    let list = format!("release:[{}]", "a,".repeat(SEARCH_LIST_MAX + 1));
    assert!(fails(&list, Dataset::Issues).message.contains("too long"));
    let stars = format!("release:{}", "*a".repeat(SEARCH_WILDCARDS_MAX + 1));
    assert!(fails(&stars, Dataset::Issues).message.contains("wildcards"));
}

/// A thing with a few facts under a few keys.
#[derive(Clone, Debug, Default)]
struct Thing {
    facts: Vec<(Key, String)>,
    numbers: Vec<(Key, f64)>,
    texts: Vec<String>,
    states: Vec<IsState>,
    seen_ns: i64,
}

impl Subject for Thing {
    fn facts<'s>(&'s self, key: &Key, give: &mut dyn FnMut(Fact<'s>)) {
        self.facts.iter().filter(|(of, _)| of == key).for_each(|(_, text)| give(Fact::Text(text)));
        self.numbers.iter().filter(|(of, _)| of == key).for_each(|(_, number)| give(Fact::Number(*number)));
        if *key == Key::Known(Known::FirstSeen) {
            give(Fact::TimeNs(self.seen_ns));
        }
    }

    fn texts<'s>(&'s self, give: &mut dyn FnMut(&'s str)) {
        self.texts.iter().for_each(|text| give(text));
    }

    fn is(&self, state: IsState) -> bool {
        self.states.contains(&state)
    }
}

#[test]
fn an_expression_means_what_it_says() {
    let known = |known: Known, text: &str| (Key::Known(known), text.to_string());
    let thing = Thing {
        facts: vec![
            known(Known::ErrorType, "KeyError"),
            known(Known::ErrorType, "ValueError"),
            known(Known::Release, "shop@1.10.0+7"),
            known(Known::Level, "error"),
            known(Known::ErrorHandled, "false"),
            (Key::Tag("tenant".into()), "Acme".into()),
            (Key::Tag("empty".into()), String::new()),
            (Key::Tag("total".into()), "12.50".into()),
            (Key::Flag("x".into()), "true".into()),
        ],
        numbers: vec![(Key::Known(Known::TimesSeen), 120.0), (Key::Known(Known::HttpStatus), 503.0)],
        texts: vec!["KeyError: 'sku'".into(), "shop/views.py".into()],
        states: vec![IsState::Unresolved, IsState::New],
        seen_ns: (NOW_MS - 3_600_000) * 1_000_000,
    };
    for (text, is_met) in [
        ("", true),
        ("KeyError: 'sku'", true),
        ("keyerror VIEWS", true),
        ("\"KeyError: 'SKU'\"", true),
        ("keyerror nothing", false),
        ("key*sku", true),
        ("error.type:KeyError error.type:ValueError", true),
        ("!error.type:KeyError", false),
        ("error.type:keyerror", false),
        ("error.type:key*", true),
        ("tenant:Acme", true),
        ("tenant:acme", false),
        ("tenant:[x, Acme]", true),
        ("has:tenant", true),
        ("has:empty", false),
        ("empty:\"\"", true),
        ("missing:\"\"", true),
        ("!missing:x", true),
        ("total:>12", true),
        ("total:>12.5", false),
        ("total:12.50", true),
        ("total:12.5", false),
        ("tenant:>5", false),
        ("flags[x]:true", true),
        ("release.version:>1.9", true),
        ("release.version:1.10", true),
        ("release.version:<1.9", false),
        ("release.package:shop release.build:7", true),
        ("level:>=warning", true),
        ("error.unhandled:true", true),
        ("timesSeen:>100 timesSeen:<=120", true),
        ("http.status_code:5xx", true),
        ("http.status_code:503", true),
        ("is:new is:unresolved", true),
        ("is:resolved OR is:new", true),
        ("age:-24h", true),
        ("age:+24h", false),
        ("release:latest", false),
        ("is:linked", false),
        ("!(is:resolved OR tenant:x)", true),
    ] {
        assert_eq!(matches(&read(text, Dataset::Issues), &thing), is_met, "{text}");
    }
}

fn labels(text: &str, at: usize, dataset: Dataset) -> (Context, String, Vec<String>) {
    let found = complete(text, at, dataset);
    let replaced = text[found.from..found.to].to_string();
    (found.context, replaced, found.candidates.into_iter().map(|candidate| candidate.insert).collect())
}

#[test]
fn completion_knows_what_is_being_typed() {
    let (context, replaced, keys) = labels("a lev", 5, Dataset::Issues);
    assert_eq!((context, replaced.as_str()), (Context::Key { prefix: "lev".into() }, "lev"));
    assert_eq!(keys, ["level:"]);
    let (context, replaced, keys) = labels("level:err b", 9, Dataset::Issues);
    let of_level = |prefix: &str| Context::Value { key: Key::Known(Known::Level), prefix: prefix.into() };
    assert_eq!((context, replaced.as_str()), (of_level("err"), "err"));
    assert_eq!(keys, ["error"]);
    let (context, _, keys) = labels("level:", 6, Dataset::Issues);
    assert_eq!((context, keys.len()), (of_level(""), 5));
    let (context, replaced, _) = labels("!tenant:\"a b", 12, Dataset::Issues);
    let of_tag = |prefix: &str| Context::Value { key: Key::Tag("tenant".into()), prefix: prefix.into() };
    assert_eq!((context, replaced.as_str()), (of_tag("a b"), "\"a b"));
    assert_eq!(labels("tenant:", 7, Dataset::Issues).0, of_tag(""));
    let (context, replaced, _) = labels("tenant:[x, y]", 12, Dataset::Issues);
    assert_eq!((context, replaced.as_str()), (of_tag("y"), "y"));
    let (context, replaced, keys) = labels("has:user.e", 10, Dataset::Issues);
    assert_eq!((context, replaced.as_str()), (Context::KeyName { prefix: "user.e".into() }, "user.e"));
    assert_eq!(keys, ["user.email"]);
    let (context, replaced, keys) = labels("lev:error", 2, Dataset::Issues);
    assert_eq!((context, replaced.as_str()), (Context::Key { prefix: "le".into() }, "lev:"));
    assert_eq!(keys[0], "level:");
    let (context, _, keys) = labels("", 0, Dataset::Spans);
    assert_eq!(context, Context::Key { prefix: String::new() });
    assert!(keys.contains(&"span.duration:".to_string()) && !keys.contains(&"is:".to_string()));
    let (_, replaced, keys) = labels("span.duration:>3", 16, Dataset::Spans);
    assert_eq!((replaced.as_str(), keys), (">3", vec![">300ms".to_string()]));
    assert_eq!(labels("\"a b", 3, Dataset::Issues).0, Context::Nothing);
    assert_eq!(labels("(lev", 4, Dataset::Issues).2, ["level:"]);
    assert!(matches!(labels("level:error ", 12, Dataset::Issues).0, Context::Key { .. }));
}

fn dataset() -> impl Strategy<Value = Dataset> {
    prop::sample::select(Dataset::ALL.to_vec())
}

/// Texts that look like searches.
fn query() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "ab",
        " ",
        " ",
        " ",
        "\"",
        "\\",
        "*",
        ":",
        "(",
        ")",
        "[",
        "]",
        ",",
        "!",
        ">",
        "<=",
        "=",
        "-24h",
        "+7d",
        "is:",
        "has:",
        "level:",
        "tags[",
        "flags[",
        "timesSeen:",
        "span.duration:",
        "release.version:",
        "age:",
        "1.2",
        "5xx",
        "error",
        "me",
        "latest",
        "AND",
        "OR",
        "NOT",
        "or",
        "contains(",
        "é",
        "😀",
        "\u{f00d}",
        "KeyError:",
        "http.status_code:",
        "message:",
        "assigned:",
        "none",
        "2026-11-01",
        "true",
        "error.handled:",
        "300ms",
        "\n",
        "0af7651916cd43dd8448eb211c80319c",
        "trace:",
        "tenant:",
        "http.method:",
        "ſ",
        "İ",
    ]);
    prop_oneof![
        4 => prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        1 => "\\PC{0,60}",
    ]
}

fn thing() -> impl Strategy<Value = Thing> {
    let words = || prop::sample::select(vec!["a", "ab", "error", "true", "1.2", "5", "300ms", ""]);
    let fact = (prop::sample::select(vec!["tenant", "a"]), words())
        .prop_map(|(key, text)| (Key::Tag(key.to_string()), text.to_string()));
    let level = words().prop_map(|text| (Key::Known(Known::Level), text.to_string()));
    (prop::collection::vec(prop_oneof![fact, level], 0..5), prop::collection::vec(words(), 0..3), any::<i64>())
        .prop_map(|(facts, texts, seen_ns)| Thing {
            facts,
            texts: texts.into_iter().map(str::to_string).collect(),
            seen_ns,
            ..Thing::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_read_is_printed_so_that_it_is_read_again(text in query(), dataset in dataset()) {
        match parse(&text, dataset, NOW_MS) {
            Ok(expr) => {
                let written = expr.to_string();
                let again = parse(&written, dataset, NOW_MS + 5);
                prop_assert_eq!(again.as_ref(), Ok(&expr), "{:?} was printed as {:?}", text, written);
            }
            Err(error) => {
                prop_assert!(error.from <= error.to && error.to <= text.len(), "{:?} in {:?}", error, text);
                prop_assert!(text.is_char_boundary(error.from) && text.is_char_boundary(error.to));
                prop_assert!(!error.message.is_empty() && !error.help.is_empty());
                let (from, to) = error.utf16(&text);
                prop_assert!(to <= text.encode_utf16().count() && from <= to);
                prop_assert_eq!(byte_offset(&text, from), error.from);
            }
        }
    }

    #[test]
    fn completion_takes_any_place_of_any_text(text in query(), at in 0..80_usize, dataset in dataset()) {
        let found = complete(&text, at, dataset);
        prop_assert!(found.from <= found.to && found.to <= text.len());
        prop_assert!(text.get(found.from..found.to).is_some());
        if !text.is_empty() && at <= text.len() && text.is_char_boundary(at) {
            prop_assert!(found.from <= at && at <= found.to, "{:?}", found);
        }
    }

    #[test]
    fn negation_is_the_opposite(text in query(), other in query(), thing in thing()) {
        let (Ok(one), Ok(other)) = (parse(&text, Dataset::Issues, NOW_MS), parse(&other, Dataset::Issues, NOW_MS)) else {
            return Ok(());
        };
        let is = |expr: &Expr| matches(expr, &thing);
        prop_assert_eq!(is(&one.clone().negated()), !is(&one));
        let both = Expr::and([one.clone(), other.clone()]);
        prop_assert_eq!(is(&both), is(&one) && is(&other));
        let either = Expr::or([one.clone(), other.clone()]);
        prop_assert_eq!(is(&either), is(&one) || is(&other));
        // De Morgan's.
        prop_assert_eq!(is(&both.negated()), is(&Expr::or([one.negated(), other.negated()])));
    }
}
