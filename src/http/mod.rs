//! Everything that speaks HTTP: the one place with hyper.
//!
//! Owns the connection loop, who may ask ([`guard`]), the list of routes ([`route`]), bodies ([`body`]), the answers
//! and the embedded web app. Handlers are short: extract, one call down, map to a view. Knows no SQL.

mod assets;
mod blobs;
mod body;
mod directory;
mod download;
mod error;
mod error_page;
mod feedback;
mod fit;
mod grouping;
mod grpc;
mod guard;
mod health;
mod http2;
mod ingest_cron;
mod ingest_otlp;
mod ingest_security;
mod ingest_sentry;
mod jaeger;
mod jaeger_query;
mod ledger;
mod live;
mod missing;
mod monitors;
mod origins;
mod otlp_sender;
mod page;
mod peer;
mod projects;
mod refused;
mod releases;
mod respond;
mod route;
mod sentry_api;
mod sentry_events;
mod sentry_issues;
mod sentry_project;
mod sentry_trace;
mod sentry_workflow;
mod serve;
mod stats_api;
mod storage;
mod take;
mod ui;
mod ui_issues;
mod ui_logs;
mod ui_metrics;
mod ui_performance;
mod ui_search;
mod ui_spans;
mod ui_trace;
mod ui_traces;
mod ui_workflow;
pub mod view;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::clock::now_ms;
use crate::config::{LARGE_BODIES_AT_ONCE, Settings};
use crate::ingest::{OwnAddress, ServerPolicy};
use crate::model::ids::EventId;
use crate::store::ReadFacts;

use body::BodyRoom;
pub use directory::Ready;
use error::ApiError;
use ledger::{Arrival, Ending, Ledger};
pub use live::LiveHub;
use otlp_sender::Place;
use respond::Body;
use route::{Jaeger, Route, Sentry0};
pub use serve::serve;

/// What events are searched by, out of the bodies that the store keeps.
pub const READ_FACTS: ReadFacts = crate::sentry::event::read_facts;

/// What every handler may use.
pub struct Server {
    pub settings: Settings,
    pub live: Arc<LiveHub>,
    ledger: Ledger,
    room: BodyRoom,
    /// What holds for every project, whatever its own settings are.
    policy: ServerPolicy,
    /// Requests decompressed and decoded at one time: bounds both CPU and the memory of expanded bodies. A turn
    /// belongs to the work, not to the client that may hang up while it is done.
    decoding: Arc<Semaphore>,
    /// Turns to expand and decode large bodies; taken after one of `decoding`.
    decoding_large: Arc<Semaphore>,
    /// Empty until the database is open; requests wait, so that a client that starts first loses nothing.
    ready: watch::Sender<Option<Arc<Ready>>>,
    /// Held while a project is changed.
    changing: Mutex<()>,
}

impl Server {
    pub fn new(settings: Settings, live: Arc<LiveHub>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let own_address = OwnAddress {
            ports: settings.listen.iter().chain(&settings.grpc_listen).map(SocketAddr::port).collect(),
            names: settings.allowed_hosts.clone(),
        };
        let policy = ServerPolicy { scrub: settings.scrub, limits: settings.limits.clone(), own_address };
        Self {
            settings,
            live,
            ledger: Ledger::default(),
            room: BodyRoom::default(),
            policy,
            decoding: Arc::new(Semaphore::new(cores.max(2))),
            decoding_large: Arc::new(Semaphore::new(LARGE_BODIES_AT_ONCE)),
            ready: watch::Sender::new(None),
            changing: Mutex::new(()),
        }
    }

    async fn ready(&self) -> Result<Arc<Ready>, ApiError> {
        let mut ready = self.ready.subscribe();
        let found = ready.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some(ready)) => Ok(ready.clone()),
            _ => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping")),
        }
    }
}

/// Answers one request. Never fails: errors are answers too.
pub async fn handle(server: Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_string();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let route = route::route(&parts);
    if grpc::is_grpc(request.headers()) {
        return grpc::answer(&server, &route, request).await;
    }
    let origin = route.is_ingest().then(|| origins::granted(&server.settings, request.headers()));
    let mut response = match answer(&server, &route, request).await {
        Ok(response) => response,
        Err(error) => error.response(),
    };
    if let Some(origin) = origin {
        origins::allow(response.headers_mut(), &server.settings, origin);
    }
    respond::secure(response.headers_mut());
    response
}

async fn answer(
    server: &Arc<Server>,
    route: &Route<'_>,
    request: Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    if let Err(error) = guard::check_host(request.uri(), request.headers(), &server.settings.allowed_hosts) {
        if route.is_ingest() {
            let arrival = arrival(&request, "other");
            server.ledger.record(arrival, Ending::refused(&error, 0), &server.live);
        }
        return Err(error);
    }
    if *route == Route::Livez {
        return Ok(health::live());
    }
    if *route == Route::Readyz {
        return Ok(health::ready(server));
    }
    if *route == Route::Healthcheck {
        return Ok(respond::bytes(StatusCode::OK, "application/json", r#"{"is_healthy":true}"#));
    }
    if route.is_ingest() {
        return Ok(take_in(server, route, request).await);
    }
    // These two have pages of other origins for guests, and rules of their own about them.
    if *route == Route::ErrorPage {
        return Ok(error_page::answer(server, request).await);
    }
    if let Route::Sentry0(Sentry0::UserFeedback { organization, project }) = route
        && feedback::is_write(request.method())
    {
        return Ok(feedback::answer_write(server, organization, project, request).await);
    }
    let methods = route.methods();
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_known = methods.iter().any(|method| *method == request.method().as_str());
    if methods.contains(&"GET") && (is_reading || !is_known) {
        match route {
            Route::Jaeger(_) => guard::check_jaeger_reader(request.headers(), server.settings.jaeger_through_proxy)?,
            _ => guard::check_reader(request.headers())?,
        }
    } else {
        match route {
            Route::Sentry0(_) => guard::check_api_mutation(request.headers())?,
            _ => guard::check_mutation(request.headers())?,
        }
    }
    if !is_known {
        return Ok(wrong_method(server, route, &request));
    }
    if *route == Route::App {
        return Ok(match assets::serve(request.uri().path(), request.headers()) {
            Some(file) => file,
            None => page::answer(server, &request),
        });
    }
    let ready = server.ready().await?;
    let query = Query::of(&request);
    match route {
        Route::Boot => ui::boot(&ready).await,
        Route::Issues => ui_issues::issues(&ready, &query).await,
        Route::IssueCounts => ui_issues::counts(&ready, &query).await,
        Route::IssueEvents { issue } => ui_issues::issue_events(&ready, issue, &query).await,
        Route::IssueTags { issue } => ui_issues::tags(&ready, issue, &query).await,
        Route::IssueTag { issue, key } => ui_issues::tag(&ready, issue, key, &query).await,
        Route::IssueHistory { issue } => ui_issues::history(&ready, issue, &query).await,
        Route::IssueUsers { issue } => ui_issues::users(&ready, issue, &query).await,
        Route::IssueChanges { issue } => ui_issues::changes(&ready, issue).await,
        Route::Issue { issue } => ui::issue(&ready, issue).await,
        Route::IssueEvent { issue, event } => ui_issues::issue_event(&ready, issue, event, &query).await,
        Route::IssueActions => ui_workflow::act(server, &ready, request).await,
        Route::IssueUndo => ui_workflow::undo(server, &ready, request).await,
        Route::IssueActivity { issue } => ui_workflow::activity(&ready, issue).await,
        Route::IssueComments { issue } => ui_workflow::add_comment(server, &ready, issue, request).await,
        Route::IssueComment { issue, comment } => {
            ui_workflow::edit_comment(server, &ready, issue, comment, request).await
        }
        Route::IssueMerged { issue } => ui_workflow::merged(&ready, issue).await,
        Route::IssueSimilar { issue } => ui_workflow::similar(&ready, issue).await,
        Route::People => ui_workflow::people(&ready).await,
        Route::Discarded => ui_workflow::discarded(&ready, &query).await,
        Route::DiscardLift { discard } => ui_workflow::lift(&ready, discard).await,
        Route::Event { event } => ui::event(&ready, event).await,
        Route::EventGrouping { event } => grouping::of_event(&ready, event).await,
        Route::AttachmentText { event, attachment } => blobs::attachment_text(&ready, event, attachment).await,
        Route::Traces => ui::traces(&ready, &query).await,
        Route::Services => ui::services(&ready).await,
        Route::Trace { trace } => ui::trace(&ready, trace, &query).await,
        Route::TraceSql { trace } => ui_trace::sql(&ready, trace).await,
        Route::TraceFind { trace } => ui_trace::find(&ready, trace, &query).await,
        Route::TraceJson { trace } => ui_trace::whole(&ready, trace, &query).await,
        Route::Spans => ui_spans::list(&ready, &query).await,
        Route::QueryCallSites { key } => ui_spans::call_sites(&ready, key, &query).await,
        Route::TraceHeat => ui_traces::heat(&ready, &query).await,
        Route::TraceFacets => ui_traces::facets(&ready, &query).await,
        Route::TraceCompare => ui_traces::compare(&ready, &query).await,
        Route::TraceBreakdown => ui_traces::breakdown(&ready, &query).await,
        Route::Span { trace, span } => ui::span(&ready, trace, span).await,
        Route::SpanPlace { span } => ui::span_place(&ready, span).await,
        Route::Releases => releases::list(&ready, &query).await,
        Route::Logs => ui_logs::logs(&ready, &query).await,
        Route::LogVolume => ui_logs::volume(&ready, &query).await,
        Route::LogFacets => ui_logs::facets(&ready, &query).await,
        Route::SearchComplete => ui_search::complete(&ready, &query).await,
        Route::SearchKeys => ui_search::help(&query),
        Route::Log { log } => ui_logs::log(&ready, log).await,
        Route::Metrics => ui_metrics::metrics(&ready, &query).await,
        Route::Metric { name } => ui_metrics::metric(&ready, name, &query).await,
        Route::PerformanceList => ui_performance::list(&ready, &query).await,
        Route::Performance { key } => ui_performance::one(&ready, key, &query).await,
        Route::Feedback => feedback::list(&ready, &query).await,
        Route::FeedbackOne { feedback } => feedback::one(&ready, feedback).await,
        Route::Monitors => monitors::list(&ready, &query).await,
        Route::Monitor { monitor } => monitors::one(&ready, monitor, &query).await,
        Route::MonitorCheckIns { monitor } => monitors::check_ins(&ready, monitor, &query).await,
        Route::Ingest => {
            // What was refused a moment ago is to be seen.
            server.ledger.refused.write(&ready).await;
            ui::ingest(&ready, &server.ledger).await
        }
        Route::Storage => storage::storage(&ready).await,
        Route::Live => Ok(server.live.stream(live::cursor(request.headers(), query.get("after")))),
        Route::Sample => ingest_sentry::send_sample(server, &ready).await,
        Route::Projects => projects::create(server, request).await,
        Route::Project { project } => projects::rename(server, &ready, project, request).await,
        Route::ProjectSettings { project } => projects::settings(server, &ready, project, request).await,
        Route::ProjectKeys { project } => projects::add_key(server, &ready, project, request).await,
        Route::ProjectKey { project, key } => projects::edit_key(server, &ready, project, key, request).await,
        Route::ScrubPreview { project } => projects::scrub_preview(server, &ready, project, request).await,
        Route::Sentry0(Sentry0::Project { organization, project }) => {
            sentry_project::project(server, &ready, organization, project, request).await
        }
        Route::Sentry0(Sentry0::ProjectKeys { organization, project }) => {
            sentry_project::keys(server, &ready, organization, project, request).await
        }
        Route::Sentry0(Sentry0::ProjectKey { organization, project, key }) => {
            sentry_project::key(server, &ready, organization, project, key, request).await
        }
        Route::Sentry0(changed) if sentry_workflow::is_its(changed, request.method()) => {
            sentry_workflow::answer(server, &ready, changed, &query, request).await
        }
        Route::Sentry0(route) => sentry_api::answer(&ready, route, &query, request.headers()).await,
        Route::Jaeger(route) => Ok(jaeger::answer(&ready, route, &query).await),
        _ => Err(ApiError::not_found("address in the API")),
    }
}

/// Ingest routes: every request ends in the ledger, whatever becomes of it.
async fn take_in(server: &Arc<Server>, route: &Route<'_>, request: Request<Incoming>) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        return origins::preflight(request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS));
    }
    let protocol = match route {
        Route::Otlp { .. } | Route::SentryOtlp { .. } | Route::UnknownOtlp { .. } | Route::Grpc { .. } => "otlp",
        _ => "sentry",
    };
    let unanswered = server.ledger.begin(arrival(&request, protocol), &server.live);
    if let Err(error) = origins::check(&server.settings, request.headers()) {
        unanswered.end(Ending::refused(&error, 0));
        return error.response();
    }
    let (response, ending) = match route {
        Route::Envelope { project } => ingest_sentry::envelope(server, project, request).await,
        Route::Security { project } => ingest_security::report(server, project, request).await,
        Route::Store { project } => ingest_sentry::store(server, *project, request).await,
        Route::Minidump { project } => ingest_sentry::minidump(server, project, request).await,
        Route::EventAttachments { project, event } => ingest_sentry::attachments(server, project, event, request).await,
        Route::Otlp { project, signal } => {
            let place = project.map_or(Place::Anywhere, Place::Path);
            ingest_otlp::export(server, place, *signal, request).await
        }
        Route::SentryOtlp { project, signal } => {
            ingest_otlp::export(server, Place::Sentry(project), *signal, request).await
        }
        Route::UnknownOtlp { signal } => ingest_otlp::refuse_signal(signal, &request),
        Route::Grpc { .. } => ingest_otlp::refuse_other_than_grpc(&request),
        Route::Cron { project, slug, key } => ingest_cron::cron(server, project, slug, *key, request).await,
        Route::SentryOther { name } => ingest_sentry::refuse_other(name),
        _ => {
            let error = ApiError::not_found("ingest route");
            (error.response(), Ending::refused(&error, 0))
        }
    };
    unanswered.end(ending);
    response
}

fn arrival(request: &Request<Incoming>, protocol: &'static str) -> Arrival {
    Arrival::new(request.method(), request.uri().path(), protocol, request.headers(), now_ms())
}

/// A POST to an address that takes none is most often an SDK with a wrong URL: it goes to the ledger with the fix.
fn wrong_method(server: &Server, route: &Route<'_>, request: &Request<Incoming>) -> Response<Body> {
    // Jaeger's own agents send to where its traces are read.
    let is_elsewhere = matches!(route, Route::App | Route::Jaeger(Jaeger::Traces));
    let error = if *route == Route::UnknownApi || (is_elsewhere && request.method() == Method::POST) {
        // The host was checked to be ours before we got here.
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:4318");
        ApiError::new(StatusCode::NOT_FOUND, "nothing takes requests at this address").with_fix(format!(
            "Sentry SDKs need the DSN as the welcome page shows it; OpenTelemetry needs the endpoint without a path \
             (http://{host})"
        ))
    } else {
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
    };
    if request.method() == Method::POST {
        server.ledger.record(arrival(request, "other"), Ending::refused(&error, 0), &server.live);
    }
    let mut response = error.response();
    if error.status == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::from_str(&route.methods().join(", "))
    {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// The query string, decoded.
pub struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &Request<Incoming>) -> Self {
        Self::parse(request.uri().query().unwrap_or(""))
    }

    fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    /// The same query with another cursor, encoded again.
    fn with_cursor(&self, cursor: &str) -> String {
        let mut encoder = form_urlencoded::Serializer::new(String::new());
        encoder.extend_pairs(self.0.iter().filter(|(key, _)| key != "cursor"));
        encoder.append_pair("cursor", cursor).finish()
    }

    /// Every value of a key that is not empty, in the order sent.
    fn all<'q>(&'q self, key: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Whether a key is there, with or without a value.
    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(k, _)| k == key)
    }

    /// The first value of a key, also an empty one: an empty search asks for all, none for what is shown unasked.
    fn first(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The first value of a key, if it is not empty.
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }
}

/// A random id for an event that came without one.
fn fresh_event_id() -> EventId {
    let mut id = [0; 16];
    if let Err(error) = getrandom::fill(&mut id) {
        // Unreachable on any system that could make our key; the time is still unlikely to repeat.
        tracing::error!(%error, "the system gives no random bytes");
        id[..8].copy_from_slice(&now_ms().to_be_bytes());
    }
    EventId(id)
}
