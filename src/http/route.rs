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
    /// Reports of browsers; the shape of the body says which kind, not the address.
    Security {
        project: &'a str,
    },
    /// The crash-report dialog: its script, and what people write into it.
    ErrorPage,
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
    Feedback,
    FeedbackOne {
        feedback: &'a str,
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
    /// Also takes reports: the one route of the web API that SDKs of old write to.
    UserFeedback {
        organization: &'a str,
        project: &'a str,
    },
    IssueUserReports {
        issue: &'a str,
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
        [.., "api", project, "integration", "otlp", "v1", signal] | [.., "api", project, "otlp", "v1", signal] => {
            route_otlp(Some(project), signal)
        }
        [.., "api", "embed", "error-page"] => Route::ErrorPage,
        [.., "api", project, "security" | "csp-report" | "nel"] => Route::Security { project },
        [.., "api", _, name @ ("cron" | "minidump" | "unreal" | "upload")]
        | [.., "api", _, name @ "cron", _]
        | [.., "api", _, name @ ("cron" | "unreal"), _, _] => Route::SentryOther { name },

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
        ["feedback"] => Route::Feedback,
        ["feedback", feedback] => Route::FeedbackOne { feedback },
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
        ["projects", organization, project, "user-feedback" | "user-reports"] => {
            Sentry0::UserFeedback { organization, project }
        }
        ["issues", issue, "user-reports" | "user-feedback"]
        | ["organizations", _, "issues", issue, "user-reports" | "user-feedback"] => {
            Sentry0::IssueUserReports { issue }
        }
        // Sentry's newer clients put the organisation in front; there is only one.
        ["issues", issue] | ["organizations", _, "issues", issue] => Sentry0::Issue { issue },
        ["issues", issue, "events"] | ["organizations", _, "issues", issue, "events"] => Sentry0::IssueEvents { issue },
        ["issues", issue, "events", event] | ["organizations", _, "issues", issue, "events", event] => {
            Sentry0::IssueEvent { issue, event }
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
                | Self::Security { .. }
                | Self::Otlp { .. }
                | Self::Grpc
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
        for name in ["security", "csp-report", "nel"] {
            assert_eq!(of(&format!("/errors/api/1/{name}/")), "Security { project: \"1\" }");
        }
        assert_eq!(of("/errors/api/embed/error-page/"), "ErrorPage");
        assert_eq!(of("/api/1/cron/nightly/"), "SentryOther { name: \"cron\" }");
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
