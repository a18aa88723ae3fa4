//! The whole API in one list: path in, route out. Duplicate and missing slashes do not matter, and the Sentry
//! ingest routes may stand behind any path prefix, as a DSN may carry one.

use crate::model::project::ORGANISATION_SLUG;
use crate::otlp::Signal;

/// What a path means. Borrowed parts are still as the client wrote them.
#[derive(Clone, Debug, PartialEq)]
pub enum Route<'a> {
    // Answers as soon as the port is open.
    Livez,
    // Whether the database is open and takes what is sent.
    Readyz,
    // The same in the words of Sentry's Relay, which SDKs' own proxies and monitors ask.
    Healthcheck,

    // Ingest: any origin may write, nobody may read; bodies up to the limit.
    Envelope { project: &'a str },
    Store { project: Option<&'a str> },
    // A crash dump, by form or bare.
    Minidump { project: &'a str },
    // More files of an event, by form.
    EventAttachments { project: &'a str, event: &'a str },
    // The project may be named by its number or by a key.
    Otlp { project: Option<&'a str>, signal: Signal },
    // As Sentry's own SDKs send it, always with a key.
    SentryOtlp { project: &'a str, signal: Signal },
    // A signal there is not (yet).
    UnknownOtlp { signal: &'a str },
    // OTLP over gRPC.
    Grpc { signal: Signal },
    // Reports of browsers; the shape of the body says which kind, not the address.
    Security { project: &'a str },
    // The crash-report dialog: its script, and what people write into it.
    ErrorPage,
    // A job reports, by curl or wget.
    Cron { project: &'a str, slug: &'a str, key: Option<&'a str> },
    // A Sentry ingest route that this version does not have.
    SentryOther { name: &'a str },

    // Reading: our own pages only, no bodies.
    Boot,
    Issues,
    Issue { issue: &'a str },
    IssueEvent { issue: &'a str, event: &'a str },
    IssueCounts,
    IssueEvents { issue: &'a str },
    IssueTags { issue: &'a str },
    IssueTag { issue: &'a str, key: &'a str },
    IssueHistory { issue: &'a str },
    IssueUsers { issue: &'a str },
    // What was different when it began.
    IssueChanges { issue: &'a str },
    // What people do to issues, and what is told of that.
    IssueActions,
    IssueUndo,
    IssueActivity { issue: &'a str },
    IssueComments { issue: &'a str },
    IssueComment { issue: &'a str, comment: &'a str },
    IssueMerged { issue: &'a str },
    IssueSimilar { issue: &'a str },
    People,
    Discarded,
    DiscardLift { discard: &'a str },
    Event { event: &'a str },
    // Why an event belongs to its issue.
    EventGrouping { event: &'a str },
    AttachmentText { event: &'a str, attachment: &'a str },
    Traces,
    // The names of services, by which traces and logs are filtered.
    Services,
    Trace { trace: &'a str },
    SpanPlace { span: &'a str },
    Span { trace: &'a str, span: &'a str },
    // Of one trace: its queries, the spans that say something, all of it.
    TraceSql { trace: &'a str },
    TraceFind { trace: &'a str },
    TraceJson { trace: &'a str },
    // Of many: how long they took and when, what they have in common, where their time went.
    TraceHeat,
    TraceFacets,
    TraceCompare,
    TraceBreakdown,
    // Spans of all traces, and where the code asks a query.
    Spans,
    QueryCallSites { key: &'a str },
    Releases,
    Logs,
    LogVolume,
    LogFacets,
    // What may be typed next, and what there is to type.
    SearchComplete,
    SearchKeys,
    Log { log: &'a str },
    Metrics,
    Metric { name: &'a str },
    PerformanceList,
    Performance { key: &'a str },
    Feedback,
    FeedbackOne { feedback: &'a str },
    Monitors,
    Monitor { monitor: &'a str },
    MonitorCheckIns { monitor: &'a str },
    Ingest,
    // What takes how much room.
    Storage,
    Live,
    // Sends a sample event to ourselves.
    Sample,

    // Projects: read and changed, by id or slug.
    Projects,
    Project { project: &'a str },
    ProjectSettings { project: &'a str },
    ProjectKeys { project: &'a str },
    ProjectKey { project: &'a str, key: &'a str },
    ScrubPreview { project: &'a str },

    // Sentry's web API, reading.
    Sentry0(Sentry0<'a>),
    // Jaeger's query API, for Grafana and others that read Jaeger.
    Jaeger(Jaeger<'a>),

    // Under `/api/` but nothing of the above.
    UnknownApi,
    // The web app: a file, or a page of its router.
    App,
}

/// Routes under `/api/0/`.
#[derive(Clone, Debug, PartialEq)]
pub enum Sentry0<'a> {
    Root,
    Organizations,
    OrganizationEvents { organization: &'a str },
    Projects,
    Project { organization: &'a str, project: &'a str },
    ProjectKeys { organization: &'a str, project: &'a str },
    ProjectReleases { organization: &'a str, project: &'a str },
    OrganizationReleases { organization: &'a str },
    OrganizationSessions { organization: &'a str },
    OrganizationStats { organization: &'a str },
    ProjectKey { organization: &'a str, project: &'a str, key: &'a str },
    ProjectIssues { organization: &'a str, project: &'a str },
    ProjectEvent { organization: &'a str, project: &'a str, event: &'a str },
    ProjectEventGrouping { organization: &'a str, project: &'a str, event: &'a str },
    Attachments { organization: &'a str, project: &'a str, event: &'a str },
    Attachment { organization: &'a str, project: &'a str, event: &'a str, attachment: &'a str },
    Profile { organization: &'a str, project: &'a str, profile: &'a str },
    Replays { organization: &'a str },
    Replay { organization: &'a str, replay: &'a str },
    ProjectReplay { organization: &'a str, project: &'a str, replay: &'a str },
    RecordingSegments { organization: &'a str, project: &'a str, replay: &'a str },
    ReplayVideo { organization: &'a str, project: &'a str, replay: &'a str, segment: &'a str },
    OrganizationIssues { organization: &'a str },
    Issue { issue: &'a str },
    IssueComments { issue: &'a str },
    IssueComment { issue: &'a str, comment: &'a str },
    IssueActivities { issue: &'a str },
    IssueHashes { issue: &'a str },
    IssueEvents { issue: &'a str },
    IssueEvent { issue: &'a str, event: &'a str },
    IssueTags { issue: &'a str },
    IssueTag { issue: &'a str, key: &'a str },
    IssueTagValues { issue: &'a str, key: &'a str },
    // Its spans as a tree, its transactions alone, what there is of it.
    Trace { organization: &'a str, trace: &'a str },
    TraceTransactions { organization: &'a str, trace: &'a str },
    TraceMeta { organization: &'a str, trace: &'a str },
    // In any project.
    OrganizationEvent { organization: &'a str, event: &'a str },
    // Also takes reports: the one route of the web API that SDKs of old write to.
    UserFeedback { organization: &'a str, project: &'a str },
    IssueUserReports { issue: &'a str },
    // Of the organisation, or of one project.
    Monitors { organization: &'a str, project: Option<&'a str> },
    Monitor { organization: &'a str, project: Option<&'a str>, monitor: &'a str },
    MonitorCheckIns { organization: &'a str, project: Option<&'a str>, monitor: &'a str },
}

/// Jaeger's query API. Its names are no project's, which are numbers in the addresses that Sentry SDKs send to.
#[derive(Clone, Debug, PartialEq)]
pub enum Jaeger<'a> {
    Services,
    // Older: names alone. A service may have slashes in its name.
    OperationNames { service: Vec<&'a str> },
    Operations,
    Traces,
    Trace { trace: &'a str },
    Dependencies,
}

/// The route of a path, `/`-separated parts without empty ones.
pub fn route<'a>(parts: &[&'a str]) -> Route<'a> {
    match parts {
        ["livez"] => Route::Livez,
        ["readyz"] => Route::Readyz,
        [.., "api", "relay", "healthcheck", "live" | "ready"] => Route::Healthcheck,

        ["api", "ui", rest @ ..] => route_ui(rest),
        ["api", "0", rest @ ..] => route_sentry0(rest).map_or(Route::UnknownApi, Route::Sentry0),
        ["api", "services"] => Route::Jaeger(Jaeger::Services),
        ["api", "services", service @ .., "operations"] if !service.is_empty() => {
            Route::Jaeger(Jaeger::OperationNames { service: service.to_vec() })
        }
        ["api", "operations"] => Route::Jaeger(Jaeger::Operations),
        ["api", "traces"] => Route::Jaeger(Jaeger::Traces),
        ["api", "traces", trace] => Route::Jaeger(Jaeger::Trace { trace }),
        ["api", "dependencies"] => Route::Jaeger(Jaeger::Dependencies),

        ["v1" | "v1development", signal] => route_otlp(None, signal),
        ["opentelemetry.proto.collector.trace.v1.TraceService", "Export"] => Route::Grpc { signal: Signal::Traces },
        ["opentelemetry.proto.collector.logs.v1.LogsService", "Export"] => Route::Grpc { signal: Signal::Logs },
        ["opentelemetry.proto.collector.metrics.v1.MetricsService", "Export"] => {
            Route::Grpc { signal: Signal::Metrics }
        }

        [.., "api", "store"] => Route::Store { project: None },
        [.., "api", project, "envelope"] => Route::Envelope { project },
        [.., "api", project, "store"] => Route::Store { project: Some(project) },
        [.., "api", project, "cron", slug] => Route::Cron { project, slug, key: None },
        [.., "api", project, "cron", slug, key] => Route::Cron { project, slug, key: Some(key) },
        [.., "api", project, "integration", "otlp", "v1", signal] => match route_otlp(None, signal) {
            Route::Otlp { signal, .. } => Route::SentryOtlp { project, signal },
            unknown => unknown,
        },
        [.., "api", project, "otlp", "v1", signal] => route_otlp(Some(project), signal),
        [.., "api", project, "minidump"] => Route::Minidump { project },
        [.., "api", project, "events", event, "attachments"] => Route::EventAttachments { project, event },
        [.., "api", "embed", "error-page"] => Route::ErrorPage,
        [.., "api", project, "security" | "csp-report" | "nel"] => Route::Security { project },
        [.., "api", _, name @ ("unreal" | "upload")] | [.., "api", _, name @ "unreal", _] => {
            Route::SentryOther { name }
        }

        ["api", ..] => Route::UnknownApi,
        _ => Route::App,
    }
}

fn route_otlp<'a>(project: Option<&'a str>, signal: &'a str) -> Route<'a> {
    match signal {
        "traces" => Route::Otlp { project, signal: Signal::Traces },
        "logs" => Route::Otlp { project, signal: Signal::Logs },
        "metrics" => Route::Otlp { project, signal: Signal::Metrics },
        _ => Route::UnknownOtlp { signal },
    }
}

fn route_ui<'a>(parts: &[&'a str]) -> Route<'a> {
    match parts {
        ["boot"] => Route::Boot,
        ["issues"] => Route::Issues,
        ["issues", "counts"] => Route::IssueCounts,
        ["issues", issue, "events"] => Route::IssueEvents { issue },
        ["issues", issue, "tags"] => Route::IssueTags { issue },
        ["issues", issue, "tags", key] => Route::IssueTag { issue, key },
        ["issues", issue, "history"] => Route::IssueHistory { issue },
        ["issues", issue, "users"] => Route::IssueUsers { issue },
        ["issues", issue, "changes"] => Route::IssueChanges { issue },
        ["issues", "actions"] => Route::IssueActions,
        ["issues", "undo"] => Route::IssueUndo,
        ["issues", issue] => Route::Issue { issue },
        ["issues", issue, "activity"] => Route::IssueActivity { issue },
        ["issues", issue, "comments"] => Route::IssueComments { issue },
        ["issues", issue, "comments", comment] => Route::IssueComment { issue, comment },
        ["issues", issue, "merged"] => Route::IssueMerged { issue },
        ["issues", issue, "similar"] => Route::IssueSimilar { issue },
        ["people"] => Route::People,
        ["discarded"] => Route::Discarded,
        ["discarded", discard, "lift"] => Route::DiscardLift { discard },
        ["issues", issue, "events", event] => Route::IssueEvent { issue, event },
        ["events", event] => Route::Event { event },
        ["events", event, "grouping"] => Route::EventGrouping { event },
        ["events", event, "attachments", attachment, "text"] => Route::AttachmentText { event, attachment },
        ["traces"] => Route::Traces,
        ["services"] => Route::Services,
        ["spans"] => Route::Spans,
        ["performance", key, "call-sites"] => Route::QueryCallSites { key },
        ["traces", "heat"] => Route::TraceHeat,
        ["traces", "facets"] => Route::TraceFacets,
        ["traces", "compare"] => Route::TraceCompare,
        ["traces", "breakdown"] => Route::TraceBreakdown,
        ["traces", trace] => Route::Trace { trace },
        ["traces", trace, "sql"] => Route::TraceSql { trace },
        ["traces", trace, "find"] => Route::TraceFind { trace },
        ["traces", trace, "json"] => Route::TraceJson { trace },
        ["traces", trace, "spans", span] => Route::Span { trace, span },
        ["spans", span] => Route::SpanPlace { span },
        ["releases"] => Route::Releases,
        ["logs"] => Route::Logs,
        ["logs", "volume"] => Route::LogVolume,
        ["logs", "facets"] => Route::LogFacets,
        ["search", "complete"] => Route::SearchComplete,
        ["search", "keys"] => Route::SearchKeys,
        ["logs", log] => Route::Log { log },
        ["metrics"] => Route::Metrics,
        ["metrics", name] => Route::Metric { name },
        ["performance"] => Route::PerformanceList,
        ["performance", key] => Route::Performance { key },
        ["feedback"] => Route::Feedback,
        ["feedback", feedback] => Route::FeedbackOne { feedback },
        ["monitors"] => Route::Monitors,
        ["monitors", monitor] => Route::Monitor { monitor },
        ["monitors", monitor, "checkins"] => Route::MonitorCheckIns { monitor },
        ["ingest"] => Route::Ingest,
        ["storage"] => Route::Storage,
        ["live"] => Route::Live,
        ["sample"] => Route::Sample,
        ["projects"] => Route::Projects,
        ["projects", project] => Route::Project { project },
        ["projects", project, "settings"] => Route::ProjectSettings { project },
        ["projects", project, "keys"] => Route::ProjectKeys { project },
        ["projects", project, "keys", key] => Route::ProjectKey { project, key },
        ["projects", project, "scrub-preview"] => Route::ScrubPreview { project },
        _ => Route::UnknownApi,
    }
}

fn route_sentry0<'a>(parts: &[&'a str]) -> Option<Sentry0<'a>> {
    Some(match parts {
        // An issue has no organisation in its name: one that is not here has no issues.
        ["organizations", organization, "issues", _, ..] if *organization != ORGANISATION_SLUG => return None,
        [] => Sentry0::Root,
        ["organizations"] => Sentry0::Organizations,
        ["organizations", organization, "events"] => Sentry0::OrganizationEvents { organization },
        ["projects"] => Sentry0::Projects,
        ["projects", organization, project] => Sentry0::Project { organization, project },
        ["projects", organization, project, "keys", key] => Sentry0::ProjectKey { organization, project, key },
        ["projects", organization, project, "keys"] => Sentry0::ProjectKeys { organization, project },
        ["projects", organization, project, "issues"] => Sentry0::ProjectIssues { organization, project },
        ["projects", organization, project, "events", event] => Sentry0::ProjectEvent { organization, project, event },
        ["projects", organization, project, "events", event, "grouping-info"] => {
            Sentry0::ProjectEventGrouping { organization, project, event }
        }
        ["projects", organization, project, "releases"] => Sentry0::ProjectReleases { organization, project },
        ["organizations", organization, "releases"] => Sentry0::OrganizationReleases { organization },
        ["organizations", organization, "sessions"] => Sentry0::OrganizationSessions { organization },
        ["organizations", organization, "stats_v2"] => Sentry0::OrganizationStats { organization },
        ["projects", organization, project, "events", event, "attachments"] => {
            Sentry0::Attachments { organization, project, event }
        }
        ["projects", organization, project, "events", event, "attachments", attachment] => {
            Sentry0::Attachment { organization, project, event, attachment }
        }
        ["projects", organization, project, "profiling", "profiles", profile] => {
            Sentry0::Profile { organization, project, profile }
        }
        ["organizations", organization, "replays"] => Sentry0::Replays { organization },
        ["organizations", organization, "replays", replay] => Sentry0::Replay { organization, replay },
        ["projects", organization, project, "replays", replay] => {
            Sentry0::ProjectReplay { organization, project, replay }
        }
        ["projects", organization, project, "replays", replay, "recording-segments"] => {
            Sentry0::RecordingSegments { organization, project, replay }
        }
        ["projects", organization, project, "replays", replay, "videos", segment] => {
            Sentry0::ReplayVideo { organization, project, replay, segment }
        }
        ["projects", organization, project, "user-feedback" | "user-reports"] => {
            Sentry0::UserFeedback { organization, project }
        }
        ["issues", issue, "user-reports" | "user-feedback"]
        | ["organizations", _, "issues", issue, "user-reports" | "user-feedback"] => {
            Sentry0::IssueUserReports { issue }
        }
        ["organizations", organization, "issues"] => Sentry0::OrganizationIssues { organization },
        ["issues", issue, "comments" | "notes"] | ["organizations", _, "issues", issue, "comments" | "notes"] => {
            Sentry0::IssueComments { issue }
        }
        ["issues", issue, "comments" | "notes", comment]
        | ["organizations", _, "issues", issue, "comments" | "notes", comment] => {
            Sentry0::IssueComment { issue, comment }
        }
        ["issues", issue, "activities"] | ["organizations", _, "issues", issue, "activities"] => {
            Sentry0::IssueActivities { issue }
        }
        ["issues", issue, "hashes"] | ["organizations", _, "issues", issue, "hashes"] => Sentry0::IssueHashes { issue },
        // Sentry's newer clients put the organisation in front; there is only one.
        ["issues", issue] | ["organizations", _, "issues", issue] => Sentry0::Issue { issue },
        ["issues", issue, "events"] | ["organizations", _, "issues", issue, "events"] => Sentry0::IssueEvents { issue },
        ["issues", issue, "tags"] | ["organizations", _, "issues", issue, "tags"] => Sentry0::IssueTags { issue },
        ["issues", issue, "tags", key] | ["organizations", _, "issues", issue, "tags", key] => {
            Sentry0::IssueTag { issue, key }
        }
        ["issues", issue, "tags", key, "values"] | ["organizations", _, "issues", issue, "tags", key, "values"] => {
            Sentry0::IssueTagValues { issue, key }
        }
        ["organizations", organization, "trace", trace] => Sentry0::Trace { organization, trace },
        ["organizations", organization, "events-trace", trace] => Sentry0::TraceTransactions { organization, trace },
        ["organizations", organization, "trace-meta" | "events-trace-meta", trace] => {
            Sentry0::TraceMeta { organization, trace }
        }
        ["organizations", organization, "eventids", event] => Sentry0::OrganizationEvent { organization, event },
        ["issues", issue, "events", event] | ["organizations", _, "issues", issue, "events", event] => {
            Sentry0::IssueEvent { issue, event }
        }
        ["organizations", organization, "monitors"] => Sentry0::Monitors { organization, project: None },
        ["organizations", organization, "monitors", monitor] => {
            Sentry0::Monitor { organization, project: None, monitor }
        }
        ["organizations", organization, "monitors", monitor, "checkins"] => {
            Sentry0::MonitorCheckIns { organization, project: None, monitor }
        }
        ["projects", organization, project, "monitors"] => Sentry0::Monitors { organization, project: Some(project) },
        ["projects", organization, project, "monitors", monitor] => {
            Sentry0::Monitor { organization, project: Some(project), monitor }
        }
        ["projects", organization, project, "monitors", monitor, "checkins"] => {
            Sentry0::MonitorCheckIns { organization, project: Some(project), monitor }
        }
        _ => return None,
    })
}

impl Route<'_> {
    /// What a route takes; everything but GET changes something.
    pub fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Sample | Self::Projects | Self::ProjectKeys { .. } | Self::ScrubPreview { .. } => &["POST"],
            Self::IssueActions | Self::IssueUndo | Self::IssueComments { .. } | Self::DiscardLift { .. } => &["POST"],
            Self::Project { .. } => &["PUT"],
            Self::ProjectKey { .. } | Self::IssueComment { .. } => &["PUT", "DELETE"],
            Self::Sentry0(Sentry0::ProjectIssues { .. } | Sentry0::OrganizationIssues { .. }) => {
                &["GET", "HEAD", "PUT", "DELETE"]
            }
            Self::Sentry0(Sentry0::Issue { .. }) => &["GET", "HEAD", "PUT", "DELETE"],
            Self::Sentry0(Sentry0::IssueComments { .. }) => &["GET", "HEAD", "POST"],
            Self::Sentry0(Sentry0::IssueComment { .. }) => &["PUT", "DELETE"],
            Self::ProjectSettings { .. } | Self::Sentry0(Sentry0::Project { .. }) => &["GET", "HEAD", "PUT"],
            Self::Sentry0(Sentry0::ProjectKeys { .. }) => &["GET", "HEAD", "POST"],
            Self::Sentry0(Sentry0::ProjectKey { .. }) => &["GET", "HEAD", "PUT", "DELETE"],
            _ => &["GET", "HEAD"],
        }
    }

    /// Write-only routes, open to any origin.
    pub fn is_ingest(&self) -> bool {
        matches!(
            self,
            Self::Minidump { .. }
                | Self::EventAttachments { .. }
                | Self::Envelope { .. }
                | Self::Store { .. }
                | Self::Security { .. }
                | Self::Otlp { .. }
                | Self::SentryOtlp { .. }
                | Self::UnknownOtlp { .. }
                | Self::Grpc { .. }
                | Self::Cron { .. }
                | Self::SentryOther { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        format!("{:?}", route(&parts))
    }

    #[test]
    fn ingest_routes_take_any_slashes_and_prefixes() {
        for path in ["/api/1/envelope/", "/api/1/envelope", "//api//1/envelope/", "/errors/api/1/envelope/"] {
            assert_eq!(of(path), "Envelope { project: \"1\" }", "{path}");
        }
        assert_eq!(of("/api/1/store/"), "Store { project: Some(\"1\") }");
        assert_eq!(of("/api/store/"), "Store { project: None }");
        assert_eq!(of("/v1/traces"), "Otlp { project: None, signal: Traces }");
        assert_eq!(of("/v1/logs/"), "Otlp { project: None, signal: Logs }");
        assert_eq!(of("/x/api/1/otlp/v1/metrics"), "Otlp { project: Some(\"1\"), signal: Metrics }");
        assert_eq!(of("/api/1/integration/otlp/v1/traces/"), "SentryOtlp { project: \"1\", signal: Traces }");
        assert_eq!(of("/opentelemetry.proto.collector.trace.v1.TraceService/Export"), "Grpc { signal: Traces }");
        for path in ["/v1/profiles", "/v1development/profiles", "/api/1/integration/otlp/v1/profiles"] {
            assert_eq!(of(path), "UnknownOtlp { signal: \"profiles\" }", "{path}");
        }
        for path in ["/api/1/minidump", "/errors/api/1/minidump/"] {
            assert_eq!(of(path), "Minidump { project: \"1\" }", "{path}");
        }
        let late = "EventAttachments { project: \"1\", event: \"abc\" }";
        assert_eq!(of("/api/1/events/abc/attachments/"), late);
        for name in ["security", "csp-report", "nel"] {
            assert_eq!(of(&format!("/errors/api/1/{name}/")), "Security { project: \"1\" }");
        }
        assert_eq!(of("/errors/api/embed/error-page/"), "ErrorPage");
        for path in ["/api/1/unreal/0123456789abcdef0123456789abcdef/", "/api/1/unreal/"] {
            assert_eq!(of(path), "SentryOther { name: \"unreal\" }", "{path}");
        }
        for path in ["/api/relay/healthcheck/live/", "/x/api/relay/healthcheck/ready"] {
            assert_eq!(of(path), "Healthcheck", "{path}");
        }
        assert_eq!(of("/api/1/cron/nightly/"), "Cron { project: \"1\", slug: \"nightly\", key: None }");
        assert_eq!(of("/x/api/1/cron/a/b"), "Cron { project: \"1\", slug: \"a\", key: Some(\"b\") }");
    }

    #[test]
    fn reading_routes_are_told_apart() {
        assert_eq!(of("/api/ui/issues/SHOP-1/events/latest"), "IssueEvent { issue: \"SHOP-1\", event: \"latest\" }");
        assert_eq!(of("/api/0/issues/7/events/latest/"), "Sentry0(IssueEvent { issue: \"7\", event: \"latest\" })");
        assert_eq!(of("/api/traces/abc"), "Jaeger(Trace { trace: \"abc\" })");
        assert_eq!(of("/api/traces"), "Jaeger(Traces)");
        for (service, parts) in [("shop", "[\"shop\"]"), ("a/b", "[\"a\", \"b\"]"), ("cron", "[\"cron\"]")] {
            let expected = format!("Jaeger(OperationNames {{ service: {parts} }})");
            assert_eq!(of(&format!("/api/services/{service}/operations")), expected);
        }
        assert_eq!(of("/api/services/operations"), "UnknownApi");
        assert_eq!(of("/api/0/nothing"), "UnknownApi");
        assert_eq!(of("/issues/SHOP-1"), "App");
        assert_eq!(of("/"), "App");
    }
}
