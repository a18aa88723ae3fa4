//! The map of an event: which rules hold where, and which names are the protocol's own.
//!
//! Names of the protocol are never judged as names of secrets; names that users choose always are.

use super::text::Style;

/// A place in an event, by what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// Not looked at: the protocol's own, or something a reader needs as it is.
    Skip,
    /// A value whose own name is harmless and which has no names of users within.
    Text(Style),
    /// Users' names and values, at any depth.
    Open(Style),
    /// `name: value` or `[name, value]`, values in lists at most.
    Pairs(Pairs),
    /// Gone when addresses are removed.
    Ip,
    Top,
    Message,
    Exceptions,
    Mechanism,
    Stack,
    Threads,
    Breadcrumbs,
    Request,
    User,
    Contexts,
    Feedback,
    Trace,
    Sdk,
    Spans,
    Meta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairs {
    Headers,
    Cookies,
    Query,
    Env,
}

impl Area {
    /// How a text is looked at that stands right here. `None`: not at all.
    pub(super) fn style(self) -> Option<Style> {
        match self {
            Self::Text(style) | Self::Open(style) => Some(style),
            Self::Exceptions => Some(Style::Cards),
            Self::Pairs(Pairs::Cookies) => Some(Style::Cookies),
            Self::Pairs(Pairs::Query) => Some(Style::Query),
            Self::Skip | Self::Ip | Self::Top | Self::Meta | Self::Stack | Self::Sdk => None,
            _ => Some(Style::Inline),
        }
    }

    /// What stands under a name here, and whether the name is a user's.
    pub(super) fn under(self, name: &[u8]) -> (Self, bool) {
        match self {
            Self::Open(_) => (self, true),
            Self::Skip | Self::Text(_) | Self::Ip | Self::Meta => (self, false),
            Self::Pairs(Pairs::Env) if name == b"REMOTE_ADDR" || name == b"HTTP_X_FORWARDED_FOR" => (Self::Ip, false),
            Self::Pairs(Pairs::Headers) if is_address_header(name) => (Self::Ip, false),
            Self::Pairs(Pairs::Headers) if name.eq_ignore_ascii_case(b"user-agent") => (Self::Skip, false),
            Self::Pairs(_) => (Self::Open(Style::Inline), true),
            Self::Contexts => match name {
                b"trace" => (Self::Trace, false),
                // Names of feature flags.
                b"flags" => (Self::Text(Style::Inline), false),
                b"feedback" => (Self::Feedback, false),
                b"response" => (Self::Request, false),
                _ => (Self::Open(Style::Whole), true),
            },
            Self::Feedback => match name {
                // What somebody chose to write to us, and where to answer.
                b"message" | b"name" | b"contact_email" => (Self::Open(Style::Inline), false),
                b"url" => (Self::Text(Style::Url), false),
                b"associated_event_id" | b"replay_id" => (Self::Skip, false),
                _ => (Self::Open(Style::Whole), true),
            },
            Self::User => match name {
                b"id" | b"email" | b"username" | b"name" | b"segment" | b"geo" => (Self::Skip, false),
                b"ip_address" => (Self::Ip, false),
                _ => (Self::Open(Style::Whole), true),
            },
            Self::Request => match name {
                b"url" => (Self::Text(Style::Url), false),
                b"query_string" | b"query" => (Self::Pairs(Pairs::Query), false),
                b"fragment" => (Self::Text(Style::Query), false),
                b"headers" => (Self::Pairs(Pairs::Headers), false),
                b"cookies" => (Self::Pairs(Pairs::Cookies), false),
                b"env" => (Self::Pairs(Pairs::Env), false),
                b"method" | b"inferred_content_type" | b"api_target" | b"type" => (Self::Skip, false),
                _ => (Self::Open(Style::Whole), true),
            },
            _ => (self.member(name), false),
        }
    }

    /// Where every name is the protocol's own.
    fn member(self, name: &[u8]) -> Self {
        match (self, name) {
            (Self::Top, name) => top(name),
            (Self::Exceptions | Self::Threads | Self::Breadcrumbs, b"values") => self,
            (Self::Exceptions, b"value") => Self::Text(Style::Cards),
            (Self::Exceptions, b"mechanism") => Self::Mechanism,
            (Self::Exceptions | Self::Threads, b"stacktrace" | b"raw_stacktrace") => Self::Stack,
            (Self::Mechanism, b"data") => Self::Open(Style::Inline),
            (Self::Stack, b"frames") => Self::Stack,
            (Self::Stack, b"vars") => Self::Open(Style::Whole),
            (Self::Breadcrumbs, b"message") | (Self::Spans | Self::Trace, b"description") => Self::Text(Style::Inline),
            (Self::Breadcrumbs, b"data") => Self::Open(Style::Whole),
            (Self::Message, b"params") => Self::Open(Style::Inline),
            (Self::Message, _) => Self::Text(Style::Inline),
            (Self::Trace | Self::Spans, b"data") => Self::Open(Style::Inline),
            (Self::Sdk, b"client_ip") => Self::Ip,
            _ => Self::Skip,
        }
    }
}

/// Headers that say where a request came from.
pub(super) fn is_address_header(name: &[u8]) -> bool {
    [&b"x-forwarded-for"[..], b"x-real-ip", b"forwarded", b"cf-connecting-ip", b"true-client-ip"]
        .iter()
        .any(|header| header.eq_ignore_ascii_case(name))
}

/// Fields of an event. Those nobody knows are users' own, as `extra` is.
fn top(name: &[u8]) -> Area {
    match name {
        b"exception" | b"sentry.interfaces.Exception" => Area::Exceptions,
        b"stacktrace" | b"sentry.interfaces.Stacktrace" => Area::Stack,
        b"threads" => Area::Threads,
        b"message" | b"logentry" | b"sentry.interfaces.Message" => Area::Message,
        b"breadcrumbs" | b"sentry.interfaces.Breadcrumbs" => Area::Breadcrumbs,
        b"request" | b"sentry.interfaces.Http" => Area::Request,
        b"user" | b"sentry.interfaces.User" => Area::User,
        b"contexts" | b"sentry.interfaces.Contexts" => Area::Contexts,
        b"sdk" => Area::Sdk,
        b"spans" => Area::Spans,
        b"_meta" => Area::Meta,
        b"csp" | b"sentry.interfaces.Csp" | b"hpkp" | b"expectct" | b"expectstaple" | b"nel" | b"errors" => {
            Area::Text(Style::Inline)
        }
        b"event_id"
        | b"type"
        | b"level"
        | b"version"
        | b"fingerprint"
        | b"culprit"
        | b"transaction"
        | b"transaction_info"
        | b"time_spent"
        | b"logger"
        | b"modules"
        | b"platform"
        | b"timestamp"
        | b"start_timestamp"
        | b"received"
        | b"server_name"
        | b"release"
        | b"dist"
        | b"environment"
        | b"site"
        | b"template"
        | b"sentry.interfaces.Template"
        | b"tags"
        | b"debug_meta"
        | b"ingest_path"
        | b"key_id"
        | b"project"
        | b"measurements"
        | b"breakdowns"
        | b"checksum"
        | b"profile_id"
        | b"_metrics_summary" => Area::Skip,
        _ => Area::Open(Style::Whole),
    }
}
