//! Events and transactions as SDKs spell them, borrowed from the payload.
//!
//! Only what columns, grouping and titles need: variables, surrounding lines, breadcrumbs and most contexts are skipped
//! without being copied, because they stay in the body. Knows spelling and aliases, not meaning.

use serde_json::value::RawValue;

use crate::sentry::csp::WireCsp;
use crate::sentry::json::{Entries, Listed, Object, Scalar, wire_object};

/// Frames kept of one stack trace: the first 50 and the last 200, as Sentry does.
pub(super) type Frames<T> = Listed<T, 50, 200>;
/// Exceptions of one event. Sentry has no limit; a group of more says nothing new.
pub(super) type Exceptions<T> = Listed<T, 8, 120>;
/// Threads of one event.
pub(super) type Threads<T> = Listed<T, 100, 100>;
/// Feature flags of one event: the last ones evaluated.
const FLAGS_MAX: usize = crate::config::facts::FACT_LIMITS.flags;
/// Breadcrumbs of one event: the last ones before it happened.
pub(super) type Crumbs<T> = Listed<T, 0, 200>;

wire_object! {
    /// The top level of an event payload. The long names are those of the Sentry 5 era clients (raven).
    WireEvent {
        event_id: Scalar<'a> = "event_id",
        ty: Scalar<'a> = "type",
        timestamp: Scalar<'a> = "timestamp",
        level: Scalar<'a> = "level",
        platform: Scalar<'a> = "platform",
        logger: Scalar<'a> = "logger",
        logentry: Object<WireMessage<'a>> = "logentry" | "sentry.interfaces.Message",
        message: Object<WireMessage<'a>> = "message",
        exception: Exceptions<WireException<'a>> = "exception" | "sentry.interfaces.Exception",
        stacktrace: Object<WireStacktrace<'a>> = "stacktrace" | "sentry.interfaces.Stacktrace",
        threads: Threads<WireThread<'a>> = "threads",
        transaction: Scalar<'a> = "transaction",
        culprit: Scalar<'a> = "culprit",
        release: Scalar<'a> = "release",
        dist: Scalar<'a> = "dist",
        environment: Scalar<'a> = "environment",
        server_name: Scalar<'a> = "server_name",
        site: Scalar<'a> = "site",
        request: Object<WireRequest<'a>> = "request" | "sentry.interfaces.Http",
        tags: Entries<'a, Scalar<'a>> = "tags",
        /// As JSON: where it stands is where the client's address is written.
        user: Option<&'a RawValue> = "user" | "sentry.interfaces.User",
        contexts: Option<&'a RawValue> = "contexts" | "sentry.interfaces.Contexts",
        sdk: Object<WireSdk<'a>> = "sdk",
        extra: Option<&'a RawValue> = "extra",
        modules: Option<&'a RawValue> = "modules",
        breadcrumbs: Crumbs<WireCrumb<'a>> = "breadcrumbs" | "sentry.interfaces.Breadcrumbs",
        errors: Option<&'a RawValue> = "errors",
        fingerprint: Option<&'a RawValue> = "fingerprint",
        checksum: Scalar<'a> = "checksum",
        csp: Object<WireCsp<'a>> = "csp" | "sentry.interfaces.Csp",
        template: Object<WireTemplate<'a>> = "template" | "sentry.interfaces.Template",
    }
}

wire_object! {
    /// The line of a template that failed; raven sent it apart from the stack trace.
    WireTemplate {
        filename: Scalar<'a> = "filename",
        abs_path: Scalar<'a> = "abs_path",
        context_line: Scalar<'a> = "context_line",
    }
}

wire_object! {
    /// A log entry; a bare text is the formatted one.
    WireMessage {
        message: Scalar<'a> = "message",
        formatted: Scalar<'a> = "formatted",
        params: Option<&'a RawValue> = "params",
    }
    text message
}

wire_object! {
    /// One exception of the chain.
    WireException {
        ty: Scalar<'a> = "type",
        /// Any JSON: objects are shown as their text.
        value: Option<&'a RawValue> = "value",
        module: Scalar<'a> = "module",
        mechanism: Object<WireMechanism<'a>> = "mechanism",
        stacktrace: Object<WireStacktrace<'a>> = "stacktrace",
    }
}

wire_object! {
    WireMechanism {
        ty: Scalar<'a> = "type",
        handled: Scalar<'a> = "handled",
        synthetic: Scalar<'a> = "synthetic",
        exception_id: Scalar<'a> = "exception_id",
        parent_id: Scalar<'a> = "parent_id",
        is_exception_group: Scalar<'a> = "is_exception_group",
        source: Scalar<'a> = "source",
        description: Scalar<'a> = "description",
        help_link: Scalar<'a> = "help_link",
        data: Option<&'a RawValue> = "data",
        meta: Option<&'a RawValue> = "meta",
    }
}

wire_object! {
    WireMechanismMeta {
        ns_error: Object<WireNsError<'a>> = "ns_error",
    }
}

wire_object! {
    WireNsError {
        domain: Scalar<'a> = "domain",
        code: Scalar<'a> = "code",
    }
}

wire_object! {
    WireStacktrace {
        frames: Frames<WireFrame<'a>> = "frames",
    }
}

wire_object! {
    WireFrame {
        module: Scalar<'a> = "module",
        function: Scalar<'a> = "function",
        filename: Scalar<'a> = "filename",
        abs_path: Scalar<'a> = "abs_path",
        package: Scalar<'a> = "package",
        context_line: Scalar<'a> = "context_line",
        line: Scalar<'a> = "lineno",
        column: Scalar<'a> = "colno",
        in_app: Scalar<'a> = "in_app",
        /// These stay in the body; here only for their size.
        vars: Option<&'a RawValue> = "vars",
        pre_context: Option<&'a RawValue> = "pre_context",
        post_context: Option<&'a RawValue> = "post_context",
        platform: Scalar<'a> = "platform",
        data: Object<WireFrameData<'a>> = "data",
    }
}

wire_object! {
    WireFrameData {
        source_map: Scalar<'a> = "sourcemap",
    }
}

wire_object! {
    /// Of a breadcrumb only what may be too large.
    WireCrumb {
        message: Option<&'a RawValue> = "message",
        data: Option<&'a RawValue> = "data",
    }
}

wire_object! {
    WireThread {
        crashed: Scalar<'a> = "crashed",
        current: Scalar<'a> = "current",
        stacktrace: Object<WireStacktrace<'a>> = "stacktrace",
    }
}

wire_object! {
    WireRequest {
        url: Scalar<'a> = "url",
        method: Scalar<'a> = "method",
        env: Option<&'a RawValue> = "env",
        headers: Option<&'a RawValue> = "headers",
        cookies: Option<&'a RawValue> = "cookies",
        query: Option<&'a RawValue> = "query_string" | "query",
        data: Option<&'a RawValue> = "data",
    }
}

wire_object! {
    /// CGI variables; only the client's address is of use on the way in.
    WireEnv {
        remote_addr: Scalar<'a> = "REMOTE_ADDR",
    }
}

wire_object! {
    WireUser {
        id: Scalar<'a> = "id",
        name: Scalar<'a> = "name",
        username: Scalar<'a> = "username",
        email: Scalar<'a> = "email",
        ip_address: Scalar<'a> = "ip_address",
        geo: Object<WireGeo<'a>> = "geo",
    }
}

wire_object! {
    WireGeo {
        country_code: Scalar<'a> = "country_code",
        region: Scalar<'a> = "region",
        city: Scalar<'a> = "city",
    }
}

wire_object! {
    WireContexts {
        trace: Object<WireTrace<'a>> = "trace",
        response: Object<WireResponse<'a>> = "response",
        feedback: Object<WireFeedback<'a>> = "feedback",
        browser: Object<WireProduct<'a>> = "browser",
        os: Object<WireProduct<'a>> = "os",
        runtime: Object<WireProduct<'a>> = "runtime",
        device: Object<WireDevice<'a>> = "device",
        flags: Object<WireFlags<'a>> = "flags",
    }
}

wire_object! {
    /// A context that is a program and its version.
    WireProduct {
        name: Scalar<'a> = "name",
        version: Scalar<'a> = "version",
        raw_description: Scalar<'a> = "raw_description",
    }
}

wire_object! {
    WireDevice {
        family: Scalar<'a> = "family",
        model: Scalar<'a> = "model",
        name: Scalar<'a> = "name",
    }
}

wire_object! {
    WireFlags {
        values: Listed<WireFlag<'a>, 0, FLAGS_MAX> = "values",
    }
}

wire_object! {
    /// A feature flag and what it was evaluated to.
    WireFlag {
        flag: Scalar<'a> = "flag",
        result: Scalar<'a> = "result",
    }
}

wire_object! {
    /// `contexts.feedback`: what a person wrote, and about which event.
    WireFeedback {
        message: Scalar<'a> = "message",
        contact_email: Scalar<'a> = "contact_email",
        name: Scalar<'a> = "name",
        url: Scalar<'a> = "url",
        associated_event_id: Scalar<'a> = "associated_event_id",
        replay_id: Scalar<'a> = "replay_id",
    }
}

wire_object! {
    /// `contexts.trace`: where in a trace this happened; for transactions the segment span itself.
    WireTrace {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        parent_span_id: Scalar<'a> = "parent_span_id",
        op: Scalar<'a> = "op",
        status: Scalar<'a> = "status",
        origin: Scalar<'a> = "origin",
        data: Option<&'a RawValue> = "data",
        links: Listed<WireLink<'a>, 32, 0> = "links",
    }
}

wire_object! {
    WireResponse {
        status_code: Scalar<'a> = "status_code",
    }
}

wire_object! {
    WireSdk {
        name: Scalar<'a> = "name",
        version: Scalar<'a> = "version",
        settings: Object<WireSdkSettings<'a>> = "settings",
    }
}

wire_object! {
    WireSdkSettings {
        /// `auto` or `never`: whether the server may take the client's address for the user's.
        infer_ip: Scalar<'a> = "infer_ip",
    }
}

wire_object! {
    /// The top level of a transaction payload, spans apart.
    WireTransaction {
        event_id: Scalar<'a> = "event_id",
        transaction: Scalar<'a> = "transaction",
        transaction_info: Object<WireTransactionInfo<'a>> = "transaction_info",
        start_timestamp: Scalar<'a> = "start_timestamp",
        timestamp: Scalar<'a> = "timestamp",
        contexts: Object<WireContexts<'a>> = "contexts",
        request: Object<WireRequest<'a>> = "request",
        user: Object<WireUser<'a>> = "user",
        platform: Scalar<'a> = "platform",
        tags: Entries<'a, Scalar<'a>> = "tags",
        release: Scalar<'a> = "release",
        environment: Scalar<'a> = "environment",
        server_name: Scalar<'a> = "server_name",
        sdk: Object<WireSdk<'a>> = "sdk",
    }
}

wire_object! {
    WireTransactionInfo {
        /// What the name was made of: `route`, `url`, `view`, …
        source: Scalar<'a> = "source",
    }
}

wire_object! {
    /// A child span of a transaction.
    WireSpan {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        parent_span_id: Scalar<'a> = "parent_span_id",
        op: Scalar<'a> = "op",
        description: Scalar<'a> = "description",
        status: Scalar<'a> = "status",
        origin: Scalar<'a> = "origin",
        start_timestamp: Scalar<'a> = "start_timestamp",
        timestamp: Scalar<'a> = "timestamp",
        data: Option<&'a RawValue> = "data",
        tags: Entries<'a, Scalar<'a>> = "tags",
        links: Listed<WireLink<'a>, 32, 0> = "links",
    }
}

wire_object! {
    /// A link to a span of another trace.
    WireLink {
        trace_id: Scalar<'a> = "trace_id",
        span_id: Scalar<'a> = "span_id",
        attributes: Option<&'a RawValue> = "attributes",
    }
}
