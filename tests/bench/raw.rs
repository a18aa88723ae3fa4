//! The raw limit: the same requests to a server that does only what cannot be left out. It receives, undoes gzip,
//! compresses, inserts into one table in group commits with `synchronous = FULL`, and answers after the commit.
//!
//! No decoding, no scrubbing, no grouping, no counters, no indexes. What trapline reaches of this is printed beside its
//! rates. A process of its own, so that its CPU time can be told.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

/// As the server's own.
const ZSTD_LEVEL: i32 = 1;
const COMMIT_REQUESTS_MAX: usize = 1_024;
const LINGER_STEPS: usize = 3;

struct Job {
    body: Vec<u8>,
    done: oneshot::Sender<()>,
}

/// Serves for ever.
pub fn serve(dir: &Path) -> ! {
    let (jobs, queue) = channel();
    let path = dir.join("raw.db");
    std::thread::spawn(move || write(&path, &queue));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("DSN http://none@{}/1", listener.local_addr().expect("a bound socket"));
        loop {
            let (stream, _) = listener.accept().await.expect("connections can be taken");
            let _ = stream.set_nodelay(true);
            let jobs = jobs.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| answer(request, jobs.clone()));
                // A connection that breaks is the generator ending.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>, jobs: Sender<Job>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_gzip = request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let bytes = request.into_body().collect().await.expect("a whole body").to_bytes();
    let body = if is_gzip { compress(&gunzip(&bytes)) } else { compress(&bytes) };
    drop(bytes);
    let (done, stored) = oneshot::channel();
    jobs.send(Job { body, done }).expect("the writer lives");
    stored.await.expect("the writer lives");
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}

thread_local! {
    static TOOLS: RefCell<(libdeflater::Decompressor, zstd::bulk::Compressor<'static>)> = RefCell::new((
        libdeflater::Decompressor::new(),
        zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("memory"),
    ));
}

/// One member that says how long it is, as our own generator makes it.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let length = u32::from_le_bytes(*bytes.last_chunk().expect("a gzip body"));
    let mut out = vec![0; length as usize];
    TOOLS.with_borrow_mut(|(inflater, _)| inflater.gzip_decompress(bytes, &mut out)).expect("own gzip");
    out
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    TOOLS.with_borrow_mut(|(_, compressor)| compressor.compress(bytes)).expect("memory")
}

fn write(path: &Path, queue: &Receiver<Job>) {
    let mut db = Connection::open(path).expect("a database can be made");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
         PRAGMA cache_size = -32768; CREATE TABLE kept (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    )
    .expect("a table can be made");
    while let Ok(first) = queue.recv() {
        let mut jobs = vec![first];
        jobs.extend(queue.try_iter().take(COMMIT_REQUESTS_MAX));
        // Alone it answers at once, in company it waits for more, as the server does.
        for _ in 0..if jobs.len() > 1 { LINGER_STEPS } else { 0 } {
            std::thread::sleep(Duration::from_millis(1));
            let before = jobs.len();
            jobs.extend(queue.try_iter().take(COMMIT_REQUESTS_MAX));
            if jobs.len() == before {
                break;
            }
        }
        let tx = db.transaction().expect("a transaction");
        {
            let mut insert = tx.prepare_cached("INSERT INTO kept (body) VALUES (?1)").expect("an insert");
            for job in &jobs {
                insert.execute(params![job.body]).expect("a row");
            }
        }
        tx.commit().expect("a commit");
        for job in jobs {
            // The generator may have ended.
            let _ = job.done.send(());
        }
    }
}
