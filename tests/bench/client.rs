//! The load: keep-alive HTTP/1.1 connections, one thread each, every answer read to its end and checked.
//!
//! Plain blocking sockets, because a generator that shares the cores with the server must cost as little as it can.
//! It stops at the first answer that is not 200: a rate that counts refusals would be worth nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::errors::ErrorMaker;
use crate::seed::Seed;
use crate::spans::Template;

/// What is sent.
pub enum Work<'a> {
    /// Each body once, so the run ends early when there are no more; or, to who does not mind, again and again.
    Errors { bodies: &'a [Vec<u8>], key: String, repeat: bool },
    /// Made as they are sent, for more than fit in memory.
    Made { maker: &'a ErrorMaker, key: String, count: usize, now_ms: u64 },
    /// Another seed gives other ids.
    Spans { templates: &'a [Template], seed: u64, count: usize },
}

pub struct Load {
    pub connections: usize,
    pub duration: Duration,
    /// Requests per second sent at fixed times, however long answers take; none sends as fast as answers come.
    pub rate: Option<f64>,
}

/// What came of it. `total` counts the warm-up too.
pub struct Sent {
    pub total: usize,
    pub measured: usize,
    pub elapsed: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
    pub ran_out: bool,
}

impl Sent {
    pub fn per_second(&self) -> f64 {
        self.measured as f64 / self.elapsed.as_secs_f64()
    }

    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let place = (self.latencies.len() as f64 * percent / 100.0) as usize;
        self.latencies.get(place.min(self.latencies.len().saturating_sub(1))).map_or(0.0, |l| l.as_secs_f64() * 1e3)
    }
}

impl Work<'_> {
    /// Appends request `no`; false when there is none.
    fn write(&self, no: usize, ids: &mut Seed, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Errors { bodies, key, repeat } => {
                let no = if *repeat { no % bodies.len() } else { no };
                let Some(body) = bodies.get(no) else { return false };
                write_envelope(key, "Content-Encoding: gzip\r\n", body, out);
            }
            Self::Made { maker, key, count, now_ms } => {
                if no >= *count {
                    return false;
                }
                write_envelope(key, "Content-Encoding: gzip\r\n", &maker.quick_envelope(no, *now_ms), out);
            }
            Self::Spans { templates, count, .. } => {
                if no >= *count {
                    return false;
                }
                let template = &templates[no % templates.len()];
                let _ = write!(
                    out,
                    "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: OTel-OTLP-Exporter-Python/1.45.1\r\n\
                     Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n\
                     Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
                    template.bytes().len()
                );
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
                template.write(ids, now.as_nanos() as u64, out);
            }
        }
        true
    }

    /// Requests before the clock starts, so that connections, caches and the writer's first pages are warm.
    pub fn warm_up(&self) -> usize {
        match self {
            Self::Errors { .. } | Self::Made { .. } => 200,
            Self::Spans { .. } => 40,
        }
    }

    fn seed(&self) -> u64 {
        match self {
            Self::Errors { .. } | Self::Made { .. } => 0,
            Self::Spans { seed, .. } => *seed,
        }
    }
}

/// A request as sentry-sdk sends it; `encoding` is a header line or nothing.
pub fn write_envelope(key: &str, encoding: &str, body: &[u8], out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "POST /api/1/envelope/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\nContent-Length: {}\r\n\
         Content-Type: application/x-sentry-envelope\r\n{encoding}User-Agent: sentry.python/2.75.0\r\n\
         X-Sentry-Auth: Sentry sentry_key={key}, sentry_version=7, sentry_client=sentry.python/2.75.0\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(body);
}

/// Sends until the time is over. `at_start` is called when the warm-up is done and the clock starts.
pub fn drive(address: SocketAddr, work: &Work<'_>, load: &Load, at_start: impl FnOnce()) -> Sent {
    let next = AtomicUsize::new(0);
    let taken =
        |limit: usize| next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |no| (no < limit).then_some(no + 1));
    let warmed = Barrier::new(load.connections + 1);
    let started = Barrier::new(load.connections + 1);
    let clock = std::sync::OnceLock::new();
    let connection = |worker: usize| {
        let mut connection = Connection::open(address);
        let mut ids = Seed::new(work.seed(), worker as u64);
        let mut request = Vec::with_capacity(256 << 10);
        while let Ok(no) = taken(work.warm_up()) {
            request.clear();
            if work.write(no, &mut ids, &mut request) {
                connection.exchange(&request);
            }
        }
        warmed.wait();
        started.wait();
        let start: Instant = *clock.get().expect("set before the second barrier");
        let mut latencies = Vec::with_capacity(1 << 16);
        loop {
            let no = next.fetch_add(1, Ordering::Relaxed);
            let mut begin = Instant::now();
            if let Some(rate) = load.rate {
                // From the time it was due, so that a slow answer shows in the requests waiting behind it.
                let due = start + Duration::from_secs_f64((no - work.warm_up()) as f64 / rate);
                std::thread::sleep(due.saturating_duration_since(begin));
                begin = due;
            }
            if start.elapsed() >= load.duration {
                return (latencies, false);
            }
            request.clear();
            if !work.write(no, &mut ids, &mut request) {
                return (latencies, true);
            }
            if load.rate.is_none() {
                begin = Instant::now();
            }
            connection.exchange(&request);
            latencies.push(begin.elapsed());
        }
    };
    std::thread::scope(|scope| {
        let connection = &connection;
        let workers: Vec<_> = (0..load.connections).map(|worker| scope.spawn(move || connection(worker))).collect();
        warmed.wait();
        at_start();
        let start = *clock.get_or_init(Instant::now);
        started.wait();
        let mut latencies = Vec::new();
        let mut ran_out = false;
        for worker in workers {
            let (mine, empty) = worker.join().expect("a connection failed, see above");
            latencies.extend(mine);
            ran_out |= empty;
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        let measured = latencies.len();
        Sent { total: measured + work.warm_up(), measured, elapsed, latencies, ran_out }
    })
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a TCP socket");
        Self { stream, buffer: vec![0; 16 << 10] }
    }

    /// One request, and its answer to the last byte, which must be a 200.
    pub fn exchange(&mut self, request: &[u8]) {
        let answer = self.ask(request);
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "not accepted: {}", String::from_utf8_lossy(answer));
    }

    /// Status and body.
    pub fn get(&mut self, path: &str) -> (u16, &[u8]) {
        let answer = self.ask(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").as_bytes());
        let status = std::str::from_utf8(&answer[9..12]).ok().and_then(|status| status.parse().ok());
        let body = memchr::memmem::find(answer, b"\r\n\r\n").expect("a head") + 4;
        (status.expect("a status"), &answer[body..])
    }

    fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).expect("the server reads");
        let mut length = 0;
        let mut expected = None;
        while expected.is_none_or(|expected| length < expected) {
            if length == self.buffer.len() {
                self.buffer.resize(length * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[length..]).expect("the server answers within 60 s");
            assert!(read > 0, "the server closed the connection: {}", String::from_utf8_lossy(&self.buffer[..length]));
            length += read;
            if expected.is_none() {
                expected = answer_length(&self.buffer[..length]);
            }
        }
        &self.buffer[..length]
    }
}

/// Head and body, once the head is whole.
fn answer_length(answer: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(answer, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).expect("heads are ASCII").to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:")).map_or("0", str::trim);
    Some(head + body.parse::<usize>().expect("a length"))
}
