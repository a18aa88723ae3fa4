//! trapline keeps and explains the errors and traces of an application: one process, one port, one SQLite file.
//!
//! It speaks the Sentry envelope protocol and OTLP (HTTP and gRPC), and serves its own web app. This page is the architecture:
//! the floors of the house, the route of an event through it, and the promises that hold everywhere. When a change
//! makes a line here false, the same commit mends the line.
//!
//! # Floors
//!
//! A module may mention only what lies below it. `tests/it/architecture.rs` reads the source and enforces this, as
//! well as which module owns which outside crate.
//!
//! ```text
//! 5  main  app              wiring: start list, reversed stop list, the command line
//! 4  http                   the only place with hyper: routes, guards, bodies, ledger, live stream, web app
//! 3  ingest                 decoded -> rows to be: filters, limits, scrubbing, grouping, summaries, compression
//! 2  store                  the only place with SQL: one writer thread, read-only readers, migrations
//! 1  sentry  otlp  grouping pure: bytes and values in, values out; no IO, no clock, no async
//!    scrub  traceback  perf  search
//! 0  model  config          the vocabulary; every limit and default with its reason
//! ```
//!
//! `sentry` and `otlp` do not know each other, nor the store; `store` does not know them. `traceback` reads stack traces
//! that come as text, for `otlp`. `gen` holds code generated
//! from `proto/`, our own format of spans at rest, and belongs to `store`.
//!
//! # The route of an event
//!
//! ```text
//! POST bytes
//!  http::guard       is the Host a name of ours?                                           421
//!  http::body        received and decompressed within bounds, memory shared by all         413 415 400 408
//!  sentry | otlp     model::Decoded: what was understood, and what was refused and why     400 401 403
//!  ingest            the project's filters and limits decide what comes in                  (200) 429
//!                    store::Write: scrubbed, grouped, titled, summarised by trace, compressed
//!  store::writer     one thread drains the queue: one transaction, one fsync               429 503
//!  http              200, so a 200 means: on disk
//!  http::live        open screens hear of it, at most four times a second
//! ```
//!
//! An error event is decoded on the thread that received it, because handing it to another would cost as much as the
//! work; anything larger goes to a blocking thread, as many at once as there are cores. The writer thread only writes
//! rows.
//!
//! Both protocols decode into the same [`model::decoded::Decoded`]. A Sentry transaction is a segment span and its
//! children; an OpenTelemetry span is a span. From there on nobody knows which it was, and spans and errors that share
//! a trace id stand in one waterfall, whoever sent them. Attributes are kept as sent: that `http.method` and
//! `http.request.method` are one fact is known to [`model::conventions`], and that two statements are one query to
//! [`model::sql`]. A span that came by both protocols is stored twice and read as one.
//!
//! The way out: address -> `http::ui` -> typed query -> `store` on a read-only connection, off the async threads and
//! cut after five seconds -> view -> JSON. The TypeScript types of the web app are generated from the view structs.
//!
//! What is typed into a query bar is read once, by [`search`], into a tree that knows the types of its values, and every
//! list answers that tree: issues and events from the columns of their facts, spans and logs from filters that rule chunks
//! out and columns that decide. What a tree means is said by [`search::naive`], which everything else is tested against.
//!
//! # Promises
//!
//! - **A 200 means on disk.** The answer waits for the fsync of the group commits that hold the rows: one, but for a
//!   large request, which is written in pieces so that others are served in between.
//! - **Writing twice changes nothing.** Events are unique by (project, event id), spans by the set of span ids a
//!   request carries for a trace, logs and metrics by the content of a request; every counter moves only when its
//!   row was new, in the row's own transaction.
//! - **One bad item costs that item.** Decoders return what they could read plus what they refused. One bad field
//!   costs that field. A row the database refuses costs that row: its request is answered with 500, all others and the
//!   rest of it are stored.
//! - **Nothing is dropped silently.** Whatever is not kept is counted with a reason, and the request is in the ledger.
//! - **Everything from outside is bounded**: bodies, items, depth, strings, queues, time. The limits are in
//!   [`config`].
//! - **A dead writer ends the process.** There is no state in which the server answers and stores nothing: a disk that
//!   failed or a damaged database ends it, with the reason; a full disk is answered with 503 until it has room again.
//! - **What looks like a secret is replaced before the first write** ([`scrub`]), and the reader is told where and why.
//! - **Loopback only**, until there is a login; `Host`, `Origin` and proxy headers are checked, because a loopback
//!   address alone keeps no web page out.
//!
//! # What a project decides
//!
//! Scrubbing, inbound filters, limits and grouping rules are a project's own
//! ([`model::project::settings::ProjectSettings`]), kept as JSON beside a version that every change is based on. They
//! are compiled once into an [`ingest::Policy`]; requests hold the directory of projects, keys and policies they began
//! with, and a change replaces it whole, so nothing on the way in takes a lock for it. Only a project that has limits
//! counts under a mutex, for as long as an addition takes. What each key was let in with is a row per day, from which
//! quotas are summed after a start.
//!
//! # How it is kept
//!
//! An event is a row: the columns lists need, and its JSON as sent but for secrets and what is too large, compressed.
//! Events of one bug are alike, so one of the first is the dictionary the others are compressed with; what is rare takes
//! one trained on the project. Dictionaries are kept by content hash, rows name theirs, and none goes before its rows. What
//! came in before its dictionary was there, or in haste, is compressed once more by the keeper, seconds later and once, and
//! put in the place of what it was if that is still there. A project that is trained anew changes nothing for what is kept.
//! Its issue is found by grouping hash, or computed from it ([`model::ids::IssueId::of`]), never allocated, so that any
//! node would give a bug the same id. What issues are called is searched by an index of three characters, which is filled
//! behind the transactions that change them; what it has not taken in yet is searched as it stands.
//!
//! An error that OpenTelemetry tells of is an event like any other, but others may tell of the same one. Within a trace it is
//! looked for by type and place (`store::reports`), in the transaction that would count it: the best report is the event,
//! the others are lines beside it, and it counts once in whatever order they come.
//!
//! Spans are kept as they were acknowledged, one compressed body per request (or several of a large one), until there
//! are enough of them; then the keeper packs them into chunks of columns (`proto/chunk.proto`), and small chunks into
//! larger ones, each in one transaction that puts the chunk in the place of what it was made of. A chunk stands for a
//! range of batches, so the index by trace, which names batches, stays as it is, and whether spans are sealed shows
//! nowhere. One merged, small row per trace is what the trace list reads; a search by attribute asks the chunks'
//! filters, then the columns of what is left. Logs are sealed likewise; metrics are kept as they were acknowledged:
//! beside a body of logs stand its times, levels, services and environments, so that a list passes it by unopened, and
//! counts by minute; beside one of metrics the sums and spreads by minute that charts are drawn from. What a
//! client counts up for as long as it runs is resolved when it is written: the last report of each such total is a row,
//! and a minute takes what was added.
//!
//! Logs wait half a minute like that; then they are sealed: the records of many batches, in the order of time, become
//! columns of one chunk, each group of columns a row that is read only when it is needed, with filters of the pieces of
//! its texts, of its attributes and of its traces. A record keeps the batch and the place it came with as its name. What
//! is sealed answers every question as it did before, and its content is known for a day when it is delivered again.
//!
//! Performance data is counted behind the acknowledgement, not in it: the keeper looks at each batch of spans once, in order,
//! when the rest of its traces has had time to come and before it may be sealed (`store::perf`). So a request knows queries
//! that came before it, a span that comes again in other company is known, a request that Sentry's SDK and OpenTelemetry both
//! tell of is one (`perf::twins`), and ingest pays nothing. The sums of a look and
//! the place it reached are one transaction. They are histograms of fixed buckets by minute and hour, which any two of add
//! up. Mistakes among the queries are found in the same look, left in a row, and become events on the route above.
//!
//! Releases are counters by environment and hour, with users as mergeable sketches; a single session has a row of its
//! own for as long as it may still move from one counter to another. What an SDK says it did not send is summed apart
//! from what became of what it sent.
//!
//! Attachments, profiles and replays are bytes as they came, cut into chunks; scrubbing does not look into them. Large
//! ones are written in commits of their own, after the event they came with and before the row that names them.
//!
//! What people write about an event is a row of its own, joined to event and issue when somebody looks, because it may
//! come before its event, or without one.
//!
//! A monitored job's check-ins are rows too, and what they make of their monitor (the next one due, failures in a row, an
//! incident) is written with them. What is missing is found by a clock that looks a few times a minute; nothing counts as
//! missed while the server was not there to hear it. News of an incident is left in the same transaction, and becomes an
//! event on the route above, told once.
//!
//! Nothing is kept for ever but issues and their numbers ([`model::storage`]). What is older than its kind is kept
//! goes; and before the room is used up, the oldest of the kind that is furthest above its share of it, so that a flood
//! of one kind costs that kind. The file and its log are the cap together (`store::room`): when dropping does not keep
//! up, senders wait at a gate before the queue, and the file cannot grow beyond its part in any case. Both are done by
//! the store's keeper in slices that hold up the writer for at most [`config::SLICE_MS`], and what went is counted. Age
//! is reckoned by a clock that is not believed when it jumps ahead. What each kind holds is counted by triggers,
//! whatever inserts, seals or drops; pages are only reckoned from it. Freed pages go back to the file system.
//!
//! Backups are made by the command that asks for them, beside the server: a read transaction of its own, copied page by
//! page and tested before it gets its name. What must hold between rows is a list (`store::safety::check`), and every new
//! table adds to it; what is carried to another store is one too (`store::transfer`). A schema's change keeps a copy of
//! the database first.
//!
//! # Absent on purpose
//!
//! No ORM, no web framework, no connection pool crate: there is one writer and a handful of readers. No trait with
//! one implementation; tests use the real binary and a temporary database. `serde_json::Value` is never built of
//! untrusted JSON on the way in, only when somebody looks at an event, and of the few fields
//! of a crash dump's form.
//!
//! Not here yet, and where it will stand: alerts (`alerts`, floor 3), sealing metrics into columnar chunks (`store`).

pub mod app;
pub mod config;
mod r#gen;
pub mod grouping;
pub mod http;
pub mod ingest;
pub mod model;
pub mod otlp;
pub mod perf;
pub mod scrub;
pub mod search;
pub mod sentry;
pub mod store;
pub mod traceback;
