//! What the machine gives at most, measured beside the server in the same run: bare HTTP, bare commits, bare decoding.

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use rusqlite::{Connection, params};

use crate::errors::{event_json, gunzip};
use crate::seed::Seed;
use crate::spans::Template;

/// Reads each body and answers 200, for ever. Run as a process of its own, so that its CPU time can be told.
pub fn serve_bare() -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("DSN http://none@{}/1", listener.local_addr().expect("a bound socket"));
        loop {
            let (stream, _) = listener.accept().await.expect("connections can be taken");
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| async {
                    let _ = request.into_body().collect().await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                });
                // A connection that breaks is the generator ending.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

/// One thread inserting blobs of `row_bytes`, `batch` to a commit, each commit synced; rows per second.
pub fn commits(dir: &Path, row_bytes: usize, batch: usize, rows: usize, at_most: Duration) -> f64 {
    let path = dir.join("bare.db");
    let mut db = Connection::open(&path).expect("a database can be made");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
         CREATE TABLE kept (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    )
    .expect("a table can be made");
    // Compressed data is random to the disk.
    let mut seed = Seed::new(7, 7);
    let mut body: Vec<u8> =
        std::iter::repeat_with(|| seed.next().to_le_bytes()).take(row_bytes / 8 + 1).flatten().collect();
    body.truncate(row_bytes);
    let begin = Instant::now();
    let mut done = 0;
    while done < rows && begin.elapsed() < at_most {
        let tx = db.transaction().expect("a transaction");
        {
            let mut insert = tx.prepare_cached("INSERT INTO kept (body) VALUES (?1)").expect("an insert");
            for _ in 0..batch {
                insert.execute(params![body]).expect("a row");
            }
        }
        tx.commit().expect("a commit");
        done += batch;
    }
    let rate = done as f64 / begin.elapsed().as_secs_f64();
    drop(db);
    let _ = std::fs::remove_file(path);
    rate
}

/// Microseconds of one core per error envelope and per span batch, one thread, each alone.
pub struct Decoding {
    pub gunzip_us: f64,
    pub json_us: f64,
    pub zstd_us: f64,
    pub json_bytes: f64,
    pub protobuf_us: f64,
    pub spans_zstd_us: f64,
}

pub fn decoding(bodies: &[Vec<u8>], templates: &[Template], each: Duration) -> Decoding {
    let some = &bodies[..bodies.len().min(500)];
    let expanded: Vec<Vec<u8>> = some.iter().map(|body| gunzip(body)).collect();
    let json_bytes = expanded.iter().map(|envelope| event_json(envelope).len()).sum::<usize>() as f64;
    let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).expect("memory").len();
    Decoding {
        gunzip_us: micros(some, each, |body| gunzip(body).len()),
        json_us: micros(&expanded, each, |envelope| {
            serde_json::from_slice::<serde::de::IgnoredAny>(event_json(envelope)).is_ok() as usize
        }),
        zstd_us: micros(&expanded, each, |envelope| zstd(event_json(envelope))),
        json_bytes: json_bytes / expanded.len().max(1) as f64,
        protobuf_us: micros(templates, each, |template| {
            ExportTraceServiceRequest::decode(template.bytes()).expect("own protobuf").resource_spans.len()
        }),
        spans_zstd_us: micros(templates, each, |template| zstd(template.bytes())),
    }
}

fn micros<T>(over: &[T], at_least: Duration, work: impl Fn(&T) -> usize) -> f64 {
    let begin = Instant::now();
    let mut done = 0_u64;
    while begin.elapsed() < at_least {
        for one in over {
            std::hint::black_box(work(one));
        }
        done += over.len() as u64;
    }
    begin.elapsed().as_secs_f64() * 1e6 / done.max(1) as f64
}
