//! Wiring: the start list, read top to bottom, and the same list backwards at the end.
//!
//! Owns the order in which things start and stop, the lines printed for people, and the process's exit. Decides
//! nothing about events.

mod progress;
pub mod safety;
mod storage;

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::config::{LogFormat, Settings};
use crate::http::{LiveHub, Server, serve};
use crate::ingest::{Policy, ServerPolicy, tell_findings, watch_monitors};
use crate::model::project::Project;
use crate::model::project::settings::ProjectSettings;
use crate::store::transfer::TransferError;
use crate::store::{self, Store, StoreError, StoreOptions, StoreSettings, first_project};

/// `trapline serve`: until SIGINT or SIGTERM.
pub fn run_server(settings: Settings) -> anyhow::Result<()> {
    start_log(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = runtime.block_on(run(settings));
    // Whatever still reads is not waited for: everything acknowledged is on disk.
    runtime.shutdown_background();
    result
}

async fn run(mut settings: Settings) -> anyhow::Result<()> {
    let mut listeners = bind(&settings.listen, settings.listen_is_default).await?;
    // Port 0 has become a real one, by which calls to this server are known.
    settings.listen = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let address = listeners[0].local_addr().context("cannot tell the address listened on")?;
    let grpc_listeners = bind_grpc(&settings).await?;
    settings.grpc_listen = grpc_listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let grpc_address = grpc_listeners.first().and_then(|listener| listener.local_addr().ok());
    listeners.extend(grpc_listeners);
    let stop = stop_signal()?;

    let live = Arc::new(LiveHub::default());
    let server = Arc::new(Server::new(settings.clone(), live.clone()));
    let telling = tokio::spawn({
        let live = live.clone();
        async move { live.run().await }
    });
    let counting = tokio::spawn({
        let server = server.clone();
        async move { server.count_refused().await }
    });
    // Connections are taken from here on; requests wait until the database is open.
    let serving = tokio::spawn(serve(server.clone(), listeners, stop.clone()));

    let is_new = !settings.data_dir.join(crate::store::DATABASE_FILE).exists();
    let monitor_news = Arc::new(Notify::new());
    let store = open_store(&settings, address, live, monitor_news.clone()).await?;
    let ready = server.open(store.clone()).await?;
    let Some(first) = ready.projects.first() else { bail!("the database holds no project with an active key") };
    announce(&store, first, address, grpc_address, is_new);
    // What is told of monitors and queries is ours: no filter and no limit of a project holds it back.
    let server_policy = ServerPolicy { scrub: settings.scrub, ..ServerPolicy::default() };
    let policy = |server: &ServerPolicy| Policy::new(&ProjectSettings::default(), server, Arc::default());
    // Spans were scrubbed when they came; a statement read as the text of an event would look like a secret.
    let as_it_is = ServerPolicy { scrub: false, ..ServerPolicy::default() };
    let telling_findings = tokio::spawn(tell_findings(store.clone(), policy(&as_it_is), stop.clone()));
    let watching = tokio::spawn(watch_monitors(store.clone(), policy(&server_policy), monitor_news, stop));

    serving.await.context("the connection loop ended in a panic")?;
    watching.await.context("the clock of monitors ended in a panic")?;
    telling_findings.await.context("telling of queries ended in a panic")?;
    telling.abort();
    server.write_refused().await;
    counting.abort();
    store.close().await;
    tracing::info!("stopped; everything acknowledged is on disk");
    Ok(())
}

/// Whether a command failed because nobody reads what it prints any more (`| head -1`): nothing to tell anybody.
pub fn is_unread(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let is_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
        cause.downcast_ref().is_some_and(is_pipe) || matches!(cause.downcast_ref(), Some(TransferError::Unread))
    })
}

/// `trapline dsn`: prints the DSN alone.
pub fn print_dsn(settings: &Settings) -> anyhow::Result<()> {
    let is_new = !settings.data_dir.join(crate::store::DATABASE_FILE).exists();
    let (project, authority) = first_project(&settings.data_dir)?;
    let authority = authority.unwrap_or_else(|| settings.listen[0].to_string());
    if is_new {
        // To standard error, so that a script gets the DSN alone and a person who mistyped the directory is told.
        let path = std::path::absolute(&settings.data_dir).unwrap_or_else(|_| settings.data_dir.clone());
        let note =
            format!("trapline: made a new data directory, {}; start the server with the same one\n", path.display());
        let _ = std::io::stderr().write_all(note.as_bytes());
    }
    writeln!(std::io::stdout(), "{}", project.dsn(&authority)).context("cannot print the DSN")
}

/// `trapline storage`: what takes how much room.
pub fn print_storage(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let report = store::storage(&settings.data_dir, store_settings(settings))?;
    let text = match as_json {
        true => format!("{:#}\n", storage::to_json(&report)),
        false => storage::table(&report, std::io::stdout().is_terminal()),
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print")
}

/// `trapline storage --compact`: while no server runs.
pub fn compact_storage(settings: &Settings) -> anyhow::Result<()> {
    let (before, after) = store::compact(&settings.data_dir).map_err(|error| match error {
        StoreError::InUse(data_dir) => anyhow!(
            "a trapline is running in {}, and nothing was rewritten: stop it, and run this again before you start it",
            data_dir.display()
        ),
        other => other.into(),
    })?;
    let (before, after) = (storage::bytes(before), storage::bytes(after));
    writeln!(std::io::stdout(), "The database took {before} and takes {after} now.").context("cannot print")
}

fn store_settings(settings: &Settings) -> StoreSettings {
    StoreSettings {
        durability: settings.durability,
        keep: settings.keep.clone(),
        max_size_default: None,
        seal_after_s: settings.seal_after_s,
        performance: settings.performance.clone(),
    }
}

async fn open_store(
    settings: &Settings,
    address: SocketAddr,
    live: Arc<LiveHub>,
    monitor_news: Arc<Notify>,
) -> anyhow::Result<Store> {
    let data_dir: PathBuf = settings.data_dir.clone();
    let options = StoreOptions {
        settings: store_settings(settings),
        authority: address.to_string(),
        read_facts: crate::http::READ_FACTS,
        on_change: Box::new(move |change| {
            if change.monitors > 0 {
                monitor_news.notify_one();
            }
            live.changed(&change);
        }),
        on_death: Box::new(|why| {
            // A server that answers and stores nothing is worse than none: whoever supervises us starts it again.
            tracing::error!(%why, "storing has become impossible, stopping at once");
            std::process::exit(1);
        }),
    };
    let store = tokio::task::spawn_blocking(move || Store::open(&data_dir, options)).await??;
    Ok(store)
}

/// Every address, or an error that says which one and why. A machine without IPv6 is fine unless `[::1]` was asked
/// for by name.
async fn bind(addresses: &[SocketAddr], are_default: bool) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        let mut address = *address;
        // Port 0 picks a free one; the other family must get the same.
        if address.port() == 0
            && let Some(first) = listeners.first().and_then(|listener| listener.local_addr().ok())
        {
            address.set_port(first.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
                "port {} is taken: another program, perhaps another trapline, listens on {address}. Stop it, or choose \
                 another port: trapline serve --listen 127.0.0.1:{}",
                address.port(),
                free_port_near(address.port()),
            ),
            Err(error) if are_default && is_ipv6(address) && !listeners.is_empty() => {
                tracing::debug!(%error, "no IPv6 here, listening on 127.0.0.1 alone");
            }
            Err(error) => bail!("cannot listen on {address}: {error}"),
        }
    }
    Ok(listeners)
}

/// The addresses for gRPC. Those nobody asked for may be taken: by a Collector, or by another trapline.
async fn bind_grpc(settings: &Settings) -> anyhow::Result<Vec<TcpListener>> {
    if !settings.grpc_listen_is_default {
        return bind(&settings.grpc_listen, false).await;
    }
    let mut listeners = Vec::new();
    for address in &settings.grpc_listen {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if is_ipv6(*address) => tracing::debug!(%error, %address, "not listening for gRPC there"),
            Err(error) => tracing::info!(
                %error, %address, "not listening there: gRPC is taken on the main port all the same (grpc_listen)"
            ),
        }
    }
    Ok(listeners)
}

/// The next port nobody listens on at this moment; a suggestion, no promise.
fn free_port_near(port: u16) -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (port.saturating_add(1)..port.saturating_add(100)).find(is_free).unwrap_or(0)
}

fn is_ipv6(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(_))
}

/// Turns true at the first SIGINT or SIGTERM; a second one ends the process at once.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if last {
                std::process::exit(130);
            }
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}

fn start_log(settings: &Settings) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log_level)
        .with_context(|| format!("log_level \"{}\" is not a level or filter", settings.log_level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
    Ok(())
}

/// What a person needs in the first second. Printed to standard output, the log goes to standard error.
fn announce(store: &Store, project: &Project, address: SocketAddr, grpc: Option<SocketAddr>, is_new: bool) {
    let (bold, dim, plain) =
        if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let state = if is_new { " (new)" } else { "" };
    let grpc = grpc.map(|grpc| format!("; gRPC on port {} too", grpc.port())).unwrap_or_default();
    let text = format!(
        "\n  {bold}trapline {version}{plain}\n\n\
         \x20 Open   {bold}http://{address}{plain}\n\
         \x20 DSN    {dsn}\n\
         \x20 OTLP   http://{address}   {dim}(gRPC, http/protobuf, http/json{grpc}){plain}\n\
         \x20 Data   {path}{state}\n\n\
         \x20 {dim}Ctrl+C stops it; what was acknowledged stays on disk.{plain}\n\n",
        version = env!("CARGO_PKG_VERSION"),
        dsn = project.dsn(&address.to_string()),
        path = store.path().display(),
    );
    // Nobody may be reading; the server runs all the same.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}
