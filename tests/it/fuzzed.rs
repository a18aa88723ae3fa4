//! The fuzz targets of `tests/fuzz` on random bytes and on captures that were damaged, for a bounded time.
//!
//! The sequence is the same in every run; how far it gets depends on the machine. A failure names its input by number
//! and shows it, so that it can become a test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::fixture::Fixture;

#[path = "../fuzz/targets.rs"]
#[allow(dead_code, reason = "each binary of cargo-fuzz uses one of them")]
mod targets;

/// For every target: long enough for some thousand inputs of an unoptimised build. `FUZZ_SECONDS` overrides it, and
/// `FUZZ_TARGET` names one to be run alone.
const TIME_S: u64 = 4;
/// However slow the machine is.
const INPUTS_MIN: u64 = 50;
/// Inputs that make the decoders do something, grown from these.
const SEEDS: [&str; 8] = [
    "{}\n{\"type\":\"event\"}\n{\"exception\":{\"values\":[{\"type\":\"E\",\"value\":\"row 7\"}]}}\n",
    "{\"exception\":[{\"type\":\"E\",\"mechanism\":{\"exception_id\":1,\"parent_id\":0,\"is_exception_group\":true}}]}",
    "{\"logentry\":{\"message\":\"%s of %(a)r {}\",\"params\":[1,\"x\"]},\"fingerprint\":[\"{{ default }}\",\"{{ tags.x }}\"]}",
    "{\"password\":\"hunter2\",\"a\":\"card 4111 1111 1111 1111 token=abc\",\"ip\":\"203.0.113.7\"}",
    "error.type:E* -> {{ type }} title=\"x {{ value }}\"\0path:**/x.py v-group ^+app max-frames=2\0{\"platform\":\"python\",\"exception\":[{\"type\":\"E\",\"stacktrace\":{\"frames\":[{\"abs_path\":\"/a/x.py\",\"function\":\"f\",\"in_app\":true}]}}]}",
    "Sentry sentry_key=0123456789abcdef0123456789abcdef, sentry_version=7, sentry_client=x/1",
    "Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6",
    "sentry_key=0123456789abcdef0123456789abcdef&sentry_version=7",
];
/// The same for OTLP; the captures of exporters besides.
const OTLP_SEEDS: [&str; 3] = [
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795256394359346176","severityNumber":"17","body":{"kvlistValue":{"values":[{"key":"a","value":{"bytesValue":"_-8"}}]}},"traceId":"0AF7651916cd43dd8448eb211c80319c","flags":1}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":9,"sum":1.5,"scale":20,"zeroCount":"1","positive":{"offset":-5,"bucketCounts":[1,"2"]},"negative":{"offset":3,"bucketCounts":["4"]}}]}},{"name":"b","summary":{"dataPoints":[{"count":1,"sum":2,"quantileValues":[{"quantile":0.5,"value":2}]}]}},{"name":"c","histogram":{"dataPoints":[{"count":"3","bucketCounts":["1","2"],"explicitBounds":[0.5],"min":-1,"max":"Infinity"}]}}]}]}]}"#,
    r#"{"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","start_time_unix_nano":"5","kind":"SPAN_KIND_SERVER","attributes":[{"key":"k","value":{"arrayValue":{}}}],"links":[{}],"events":null}]}]}]}"#,
];
/// The same for searches.
const SEARCH_SEEDS: [&str; 6] = [
    "is:unresolved !level:[info, \"debug\"] (user.email:*@a.example OR tags[my key]:\"a b\") NOT timesSeen:>=5k",
    "KeyError: 'sku' has:flags[\"x\"] age:-24h firstSeen:>2026-11-01T00:00:00 release:latest error.unhandled:true",
    "span.duration:>1.5s http.status_code:5xx span.op:db* shop.tenant=acme a or b and not (c)",
    "message:contains(\"a, b\") logger:startsWith(shop.) level:>=warn timestamp:+7d \\*\\\"",
    "release.version:>1.2-rc.1 assigned:[me, none] http.method:get trace:0af7651916cd43dd8448eb211c80319c",
    "title:\u{f00d}Contains\u{f00d}[a, b] is:for_review issue:shop-12 ñ 😀",
];
/// What the grammars know, to be put in anywhere.
const WORDS: [&[u8]; 25] = [
    b"\x0a\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"{\"arrayValue\":{\"values\":[",
    b"\"9223372036854775808\"",
    b"-9223372036854775808",
    b"\n",
    b"\0",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\xff",
    b"null",
    b"NaN",
    b"1e999",
    b"-1",
    b"{{ default }}",
    b"{{",
    b"->",
    b"\"type\":\"event\"",
    b"\"length\":9999999999",
    b",",
];

#[test]
fn no_input_breaks_a_decoder() {
    let readable = |fixture: &&Fixture| !matches!(fixture.header("content-encoding"), Some("br" | "deflate"));
    let (otlp, sentry): (Vec<Fixture>, Vec<Fixture>) = Fixture::all().into_iter().partition(Fixture::is_otlp);
    let captures: Vec<Vec<u8>> = sentry.iter().filter(readable).map(Fixture::plain_body).collect();
    let mut otlp_seeds: Vec<Vec<u8>> = otlp.iter().filter(readable).map(Fixture::plain_body).collect();
    otlp_seeds.extend(OTLP_SEEDS.iter().map(|seed| seed.as_bytes().to_vec()));
    assert!(otlp_seeds.len() > 10, "{}", otlp_seeds.len());
    let payloads =
        captures.iter().filter_map(|envelope| envelope.split(|byte| *byte == b'\n').nth(2)).map(<[u8]>::to_vec);
    let mut seeds: Vec<Vec<u8>> = payloads.filter(|payload| payload.len() < 64 << 10).collect();
    seeds.extend(captures.iter().cloned());
    seeds.extend(SEEDS.iter().map(|seed| seed.as_bytes().to_vec()));
    assert!(seeds.len() > 30, "{}", seeds.len());
    let searches: Vec<Vec<u8>> = SEARCH_SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    let only = std::env::var("FUZZ_TARGET").ok();
    let chosen: Vec<_> =
        targets::TARGETS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)).collect();
    assert!(!chosen.is_empty(), "there is no target {only:?}");
    std::thread::scope(|scope| {
        for (name, target) in chosen {
            let seeds = match name {
                "search" => &searches,
                name if name.starts_with("otlp") => &otlp_seeds,
                _ => &seeds,
            };
            scope.spawn(move || run(name, target, seeds));
        }
    });
}

fn run(name: &str, target: targets::Target, seeds: &[Vec<u8>]) {
    let begin = Instant::now();
    let time_s = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(TIME_S);
    for seed in seeds {
        check(name, target, seed, 0);
    }
    let mut number = 0;
    while number < INPUTS_MIN || begin.elapsed() < Duration::from_secs(time_s) {
        number += 1;
        let input = Mutator(number).input(seeds);
        check(name, target, &input, number);
    }
}

fn check(name: &str, target: targets::Target, input: &[u8], number: u64) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        let shown = String::from_utf8_lossy(&input[..input.len().min(4000)]).into_owned();
        panic!("target {name}, input {number}, {} bytes: {shown:?}", input.len());
    }
}

/// Chance, repeatable: SplitMix64.
struct Mutator(u64);

impl Mutator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        if self.below(8) == 0 {
            let length = self.below(200);
            return (0..length).map(|_| self.next() as u8).collect();
        }
        let at = self.below(seeds.len());
        let mut input = seeds[at].clone();
        for _ in 0..=self.below(6) {
            self.damage(&mut input, seeds);
        }
        input
    }

    fn damage(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(40)).min(input.len());
        match self.below(7) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => {
                let twice = input[at..end].to_vec();
                input.splice(at..at, twice);
            }
            3 if at < input.len() => input[at] ^= 1 << self.below(8),
            4 if at < input.len() => input[at] = self.next() as u8,
            5 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                let to = (from + self.below(400)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
}
