//! The whole API in one list: path in, route out. Duplicate and missing slashes do not matter, and the Sentry
//! ingest routes may stand behind any path prefix, as a DSN may carry one.

use crate::otlp::Signal;

/// What a path means. Borrowed parts are still as the client wrote them.
#[derive(Clone, Debug, PartialEq)]
pub enum Route<'a> {
    /// Answers as soon as the port is open.
    Livez,

    // Ingest: any origin may write, nobody may read; bodies up to the limit.
    Envelope {
        project: &'a str,
    },
    Store {
        project: Option<&'a str>,
    },
    Otlp {
        project: Option<&'a str>,
        signal: Signal,
    },
    /// OTLP over gRPC, which is answered with the way out.
    Grpc,
    /// A job reports, by curl or wget.
    Cron {
        project: &'a str,
        slug: &'a str,
        key: Option<&'a str>,
    },
    /// A Sentry ingest route that this version does not have.
    SentryOther {
        name: &'a str,
    },

    // Reading: our own pages only, no bodies.
    Boot,
    Issues,
    Issue {
        issue: &'a str,
    },
    IssueEvent {
        issue: &'a str,
        event: &'a str,
    },
    Event {
        event: &'a str,
    },
    Traces,
    Trace {
        trace: &'a str,
    },
    Span {
        trace: &'a str,
        span: &'a str,
    },
    Monitors,
    Monitor {
        monitor: &'a str,
    },
    MonitorCheckIns {
        monitor: &'a str,
    },
    Ingest,
    Live,
    /// The one mutation: sends a sample event to ourselves.
    Sample,

    // Sentry's web API, reading.
    Sentry0(Sentry0<'a>),
    /// Jaeger's query API, one trace.
    JaegerTrace {
        trace: &'a str,
    },

    /// Under `/api/` but nothing of the above.
    UnknownApi,
    /// The web app: a file, or a page of its router.
    App,
}

/// Routes under `/api/0/`.
#[derive(Clone, Debug, PartialEq)]
pub enum Sentry0<'a> {
    Root,
    Organizations,
    Projects,
    ProjectKeys {
        organization: &'a str,
        project: &'a str,
    },
    ProjectIssues {
        organization: &'a str,
        project: &'a str,
    },
    ProjectEvent {
        organization: &'a str,
        project: &'a str,
        event: &'a str,
    },
    Issue {
        issue: &'a str,
    },
    IssueEvents {
        issue: &'a str,
    },
    IssueEvent {
        issue: &'a str,
        event: &'a str,
    },
    /// Of the organisation, or of one project.
    Monitors {
        organization: &'a str,
        project: Option<&'a str>,
    },
    Monitor {
        organization: &'a str,
        project: Option<&'a str>,
        monitor: &'a str,
    },
    MonitorCheckIns {
        organization: &'a str,
        project: Option<&'a str>,
        monitor: &'a str,
    },
}

/// The route of a path, `/`-separated parts without empty ones.
pub fn route<'a>(parts: &[&'a str]) -> Route<'a> {
    match parts {
        ["livez"] => Route::Livez,

        ["api", "ui", rest @ ..] => route_ui(rest),
        ["api", "0", rest @ ..] => route_sentry0(rest).map_or(Route::UnknownApi, Route::Sentry0),
        ["api", "traces", trace] => Route::JaegerTrace { trace },

        ["v1", signal] => route_otlp(None, signal),
        ["opentelemetry.proto.collector.trace.v1.TraceService", "Export"]
        | ["opentelemetry.proto.collector.logs.v1.LogsService", "Export"]
        | ["opentelemetry.proto.collector.metrics.v1.MetricsService", "Export"] => Route::Grpc,

        [.., "api", "store"] => Route::Store { project: None },
        [.., "api", project, "envelope"] => Route::Envelope { project },
        [.., "api", project, "store"] => Route::Store { project: Some(project) },
        [.., "api", project, "cron", slug] => Route::Cron { project, slug, key: None },
        [.., "api", project, "cron", slug, key] => Route::Cron { project, slug, key: Some(key) },
        [.., "api", project, "integration", "otlp", "v1", signal] | [.., "api", project, "otlp", "v1", signal] => {
            route_otlp(Some(project), signal)
        }
        [.., "api", _, name @ ("security" | "csp-report" | "nel" | "minidump" | "unreal" | "upload")]
        | [.., "api", _, name @ "unreal", _, _] => Route::SentryOther { name },

        ["api", ..] => Route::UnknownApi,
        _ => Route::App,
    }
}

fn route_otlp<'a>(project: Option<&'a str>, signal: &str) -> Route<'a> {
    match signal {
        "traces" => Route::Otlp { project, signal: Signal::Traces },
        "logs" => Route::Otlp { project, signal: Signal::Logs },
        "metrics" => Route::Otlp { project, signal: Signal::Metrics },
        _ => Route::UnknownApi,
    }
}

fn route_ui<'a>(parts: &[&'a str]) -> Route<'a> {
    match parts {
        ["boot"] => Route::Boot,
        ["issues"] => Route::Issues,
        ["issues", issue] => Route::Issue { issue },
        ["issues", issue, "events", event] => Route::IssueEvent { issue, event },
        ["events", event] => Route::Event { event },
        ["traces"] => Route::Traces,
        ["traces", trace] => Route::Trace { trace },
        ["traces", trace, "spans", span] => Route::Span { trace, span },
        ["monitors"] => Route::Monitors,
        ["monitors", monitor] => Route::Monitor { monitor },
        ["monitors", monitor, "checkins"] => Route::MonitorCheckIns { monitor },
        ["ingest"] => Route::Ingest,
        ["live"] => Route::Live,
        ["sample"] => Route::Sample,
        _ => Route::UnknownApi,
    }
}

fn route_sentry0<'a>(parts: &[&'a str]) -> Option<Sentry0<'a>> {
    Some(match parts {
        [] => Sentry0::Root,
        ["organizations"] => Sentry0::Organizations,
        ["projects"] => Sentry0::Projects,
        ["projects", organization, project, "keys"] => Sentry0::ProjectKeys { organization, project },
        ["projects", organization, project, "issues"] => Sentry0::ProjectIssues { organization, project },
        ["projects", organization, project, "events", event] => Sentry0::ProjectEvent { organization, project, event },
        // Sentry's newer clients put the organisation in front; there is only one.
        ["issues", issue] | ["organizations", _, "issues", issue] => Sentry0::Issue { issue },
        ["issues", issue, "events"] | ["organizations", _, "issues", issue, "events"] => Sentry0::IssueEvents { issue },
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
    /// Write-only routes, open to any origin.
    pub fn is_ingest(&self) -> bool {
        matches!(
            self,
            Self::Envelope { .. }
                | Self::Store { .. }
                | Self::Otlp { .. }
                | Self::Grpc
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
        assert_eq!(of("/api/1/integration/otlp/v1/traces/"), "Otlp { project: Some(\"1\"), signal: Traces }");
        assert_eq!(of("/opentelemetry.proto.collector.trace.v1.TraceService/Export"), "Grpc");
        assert_eq!(of("/api/1/cron/nightly/"), "Cron { project: \"1\", slug: \"nightly\", key: None }");
        assert_eq!(of("/x/api/1/cron/a/b"), "Cron { project: \"1\", slug: \"a\", key: Some(\"b\") }");
    }

    #[test]
    fn reading_routes_are_told_apart() {
        assert_eq!(of("/api/ui/issues/SHOP-1/events/latest"), "IssueEvent { issue: \"SHOP-1\", event: \"latest\" }");
        assert_eq!(of("/api/0/issues/7/events/latest/"), "Sentry0(IssueEvent { issue: \"7\", event: \"latest\" })");
        assert_eq!(of("/api/traces/abc"), "JaegerTrace { trace: \"abc\" }");
        assert_eq!(of("/api/0/nothing"), "UnknownApi");
        assert_eq!(of("/v1/profiles"), "UnknownApi");
        assert_eq!(of("/issues/SHOP-1"), "App");
        assert_eq!(of("/"), "App");
    }
}
