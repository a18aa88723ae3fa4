//! What is taken out of messages: at least one row per placeholder, and what must stay.

use crate::grouping::v1::{PARAMETERISED_BYTES_MAX, first_lines, parameterise};

fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(parameterise(text), *expected, "{text:?}");
        let within = format!("ab {text} yz");
        assert_eq!(parameterise(&within), format!("ab {expected} yz"), "{within:?}");
    }
}

#[test]
fn email() {
    check(&[("ann@shop.example", "<email>"), ("to:a.b+c@x.co.uk", "to:<email>"), ("(ann@x.org)", "(<email>)")]);
}

#[test]
fn url() {
    check(&[
        ("http://localhost:8000/a?b=1#c", "<url>"),
        ("wss://x/y", "<url>"),
        ("ftp://x", "<url>"),
        ("tcp://a/b", "tcp://a/b"),
    ]);
}

#[test]
fn hostname() {
    check(&[
        ("db.shop.com:5432", "<hostname>:<int>"),
        ("DB.SHOP.COM", "<hostname>"),
        ("redis-1.internal", "<hostname>"),
        ("Db.Shop.Com", "Db.Shop.Com"),
        ("shop.views.checkout", "shop.views.checkout"),
        ("cart.id is None", "cart.id is None"),
        ("java.net.SocketException at db.shop.com.", "java.net.SocketException at <hostname>."),
    ]);
}

#[test]
fn ip() {
    check(&[
        ("192.168.0.1", "<ip>"),
        ("255.255.255.255:80", "<ip>:<int>"),
        ("::1", "<ip>"),
        ("fe80::1%eth0", "<ip>"),
        ("2001:db8::", "<ip>"),
        ("2001:db8:85a3:0:0:8a2e:370:7334", "<ip>"),
        ("1::2:3:4:5:6:7", "<ip>"),
        ("::ffff:10.0.0.1", "<ip>"),
        ("64:ff9b::10.0.0.1", "<ip>"),
        ("1:2:3:4:5:6:10.0.0.1", "<ip>"),
        ("Foo::bar()", "Foo::bar()"),
        ("std::vector", "std::vector"),
        ("Fee::add()", "<ip>()"),
        ("a :: b", "a :: b"),
    ]);
}

#[test]
fn traceparent() {
    check(&[
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "<traceparent>"),
        ("1-67891233-abcdef012345678912345678", "<traceparent>"),
    ]);
}

#[test]
fn uuid_sha1_md5() {
    check(&[
        ("7d1c4a1e-8f3b-4c56-9E0a-1b2c3d4e5f60", "<uuid>"),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "<sha1>"),
        ("D41D8CD98F00B204E9800998ECF8427E", "<md5>"),
    ]);
}

#[test]
fn date() {
    check(&[
        ("Mon, 02 Jan 2006 15:04:05 GMT", "<date>"),
        ("02 Jan 06 15:04 +0100", "<date>"),
        ("Monday, 02-Jan-06 15:04:05 MST", "<date>"),
        ("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)", "<date>"),
        ("Mon Jan  2 15:04:05 2006", "<date>"),
        ("2006-01-02T15:04:05Z", "<date>"),
        ("2006-01-02 15:04:05.123456+00:00", "<date>"),
        ("2006-01-02 15:04:05,123", "<date>"),
        ("2006-01-02T15:04", "<date>"),
        ("2006-01-02", "<date>"),
        ("20060102T150405Z", "<date>"),
        ("Mon Jan 02, 1999", "<date>"),
        ("January 2, 1999", "<date>"),
        ("2 January 1999", "<date>"),
        ("2006/01/02", "<date>"),
        ("1/2/2006", "<date>"),
        ("11:21", "<date>"),
        ("11:21:12 am", "<date>"),
        ("23:59:59.999", "<date>"),
        ("datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)", "<date>"),
        ("datetime.date(2024, 1, 2)", "<date>"),
        ("25:61", "<int>:<int>"),
        ("May", "May"),
    ]);
}

#[test]
fn duration() {
    check(&[("30s", "<duration>"), ("1.5s", "<duration>"), ("250ms", "<duration>"), ("3 seconds", "<int> seconds")]);
}

#[test]
fn swift_txn_id() {
    check(&[
        ("tx0123456789abcdef01234-0123456789", "<swift_txn_id>"),
        ("tx0123456789abcdef01234-0123456789-dfw1", "<swift_txn_id>"),
    ]);
}

#[test]
fn hex_and_git_sha() {
    check(&[
        ("0x7f3a", "<hex>"),
        ("0XAB", "<hex>"),
        ("9af8c3be", "<hex>"),
        ("ABCDEF12345", "<hex>"),
        ("abcdefabcdef1", "<hex>"),
        ("12345678", "<hex>"),
        ("at <Cart object at 0x7fbc2d0>", "at <Cart object at <hex>>"),
        ("9AF8c3be", "9AF8c3be"),
        ("feedface", "feedface"),
        ("a1b2c3d", "<git_sha>"),
        ("defaced", "defaced"),
        ("1234567", "<int>"),
    ]);
}

#[test]
fn random_id() {
    check(&[
        ("ch_3MtwBwLkdIwHu7ix0snN0B9I", "<random_id>"),
        ("no charge 4xKd93mQz71LpWvB", "no charge <random_id>"),
        ("Base64Utf16Encoder", "Base64Utf16Encoder"),
        ("InternationalizationError2", "InternationalizationError2"),
        ("handle_PaymentIntentSucceeded", "handle_PaymentIntentSucceeded"),
    ]);
}

/// What an alternative gives back is searched for the others.
#[test]
fn refused_matches_are_looked_into() {
    check(&[("java.10-2.net.SocketException", "java.<int>-<int>.net.SocketException")]);
}

#[test]
fn float_and_int() {
    check(&[
        ("3.14", "<float>"),
        ("-0.5", "<float>"),
        ("+1.5e-10", "<float>"),
        ("42", "<int>"),
        ("-42", "<int>"),
        ("(7)", "(<int>)"),
        ("1, 2, 3", "<int>, <int>, <int>"),
        ("utf-8", "utf-<int>"),
        ("utf8", "utf8"),
        ("python3", "python3"),
        ("item_5", "item_5"),
    ]);
}

#[test]
fn quoted_str_and_bool() {
    check(&[
        ("name='ann'", "name=<quoted_str>"),
        (r#"name="a \" b""#, "name=<quoted_str>"),
        ("'ann'", "'ann'"),
        ("open=True", "open=<bool>"),
        ("open=false", "open=<bool>"),
        ("True", "True"),
        ("x=Truest", "x=Truest"),
        ("n=5", "n=<int>"),
    ]);
}

#[test]
fn several_in_one_sentence() {
    check(&[(
        "user 12 (ann@x.org) from 10.0.0.1 got 502 after 3.2s: order 7d1c4a1e-8f3b-4c56-9e0a-1b2c3d4e5f60",
        "user <int> (<email>) from <ip> got <int> after <duration>: order <uuid>",
    )]);
}

#[test]
fn the_first_two_lines_that_say_something() {
    let rows = [
        ("", ""),
        (" \n ", ""),
        ("one", "one"),
        ("one\n", "one"),
        ("\n\none\r\n\r\ntwo\n", "one\ntwo"),
        ("one\ntwo\nthree", "one\ntwo..."),
    ];
    for (text, expected) in rows {
        assert_eq!(first_lines(text), expected);
    }
}

#[test]
fn work_is_bounded_however_long_the_message() {
    let long = "é1/".repeat(1_000_000);
    for text in [long.clone(), format!("{long}\n{long}\n{long}")] {
        let cut = first_lines(&text);
        assert!(cut.len() <= PARAMETERISED_BYTES_MAX + "...".len());
        assert!(cut.len() >= PARAMETERISED_BYTES_MAX - 3);
    }
}
