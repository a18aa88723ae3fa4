//! One name for every fact that spans state in their attributes, under whatever name they state it.
//!
//! OpenTelemetry renamed most of its attributes once and some twice; Python's instrumentations send the old names by
//! default, the stable ones on request (`OTEL_SEMCONV_STABILITY_OPT_IN=http,database`), and both with `http/dup`.
//! Sentry's SDKs use a mixture of both, and some of their own. The canonical name is the stable one. Attributes are kept
//! as sent: who looks for a fact looks under all of its names, here.

use crate::model::span::{Attribute, AttributeValue, Span, SpanSource};
use crate::model::sql::{Dialect, Sql};

/// How many nanoseconds before its start a span was sent as ending, a whole number above 0: kept of what was repaired.
pub const ENDED_BEFORE_START: &str = "trapline.ended_before_start_ns";

/// The fingerprint of a span's statement, as 16 hexadecimal digits: ours, not the sender's.
/// Equal statements have it in common, whatever their values and whoever sent them.
pub const QUERY_FINGERPRINT: &str = "trapline.query.fingerprint";

/// The names of one fact each: first the stable one, then those before it and Sentry's own, the better first.
/// From the registry of the semantic conventions 1.43 with what it calls deprecated, and Sentry's conventions 0.3.
const NAMES: &[&[&str]] = &[
    &["http.request.method", "http.method", "http.request_method", "method"],
    &["http.response.status_code", "http.status_code"],
    &["http.route"],
    &["http.request.body.size", "http.request_content_length"],
    &["http.response.body.size", "http.response_content_length", "http.response.header.content-length"],
    &["url.full", "http.url", "url"],
    &["url.path", "http.target"],
    &["url.query", "http.query"],
    &["url.fragment", "http.fragment"],
    &["url.scheme", "http.scheme"],
    &["server.address", "http.host", "http.server_name", "net.peer.name", "net.host.name"],
    &["server.port", "net.peer.port", "net.host.port"],
    &["client.address", "http.client_ip"],
    &["network.peer.address", "net.sock.peer.addr", "net.peer.ip"],
    &["network.peer.port", "net.sock.peer.port"],
    &["network.protocol.name", "net.protocol.name"],
    &["network.protocol.version", "net.protocol.version", "http.flavor"],
    &["network.transport", "net.transport"],
    &["user_agent.original", "http.user_agent"],
    &["db.system.name", "db.system"],
    &["db.namespace", "db.name", "db.redis.database_index"],
    &["db.query.text", "db.statement"],
    &["db.operation.name", "db.operation"],
    &["db.operation.batch.size"],
    &["db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table", "db.cosmosdb.container"],
    &["db.response.returned_rows", "db.cosmosdb.returned_rows"],
    &["messaging.destination.name", "messaging.destination"],
    &["messaging.operation.type", "messaging.operation"],
    &["messaging.message.id", "messaging.message_id", "celery.task_id", "messaging.celery.task_id"],
    &["messaging.message.conversation_id", "messaging.conversation_id"],
    &["messaging.message.body.size", "messaging.message.payload_size_bytes", "messaging.message_payload_size_bytes"],
    &["messaging.consumer.group.name", "messaging.kafka.consumer.group", "messaging.kafka.consumer_group"],
    &["messaging.client.id", "messaging.client_id", "messaging.kafka.client_id"],
    &["rpc.system.name", "rpc.system"],
    &["rpc.response.status_code", "rpc.grpc.status_code"],
    &["code.file.path", "code.filepath"],
    &["code.line.number", "code.lineno"],
    &["code.column.number", "code.column"],
    &["code.function.name", "code.function"],
    &["user.id", "enduser.id"],
    &["service.name", "sentry.service.name"],
    &["service.version", "sentry.release"],
    &["deployment.environment.name", "deployment.environment", "sentry.environment"],
    &["telemetry.sdk.name", "sentry.sdk.name"],
    &["telemetry.sdk.version", "sentry.sdk.version"],
    &["host.name", "server_name"],
];

/// All names of the fact that this is a name of; none when it has no other.
pub fn names_of(name: &str) -> &'static [&'static str] {
    NAMES.iter().find(|names| names.contains(&name)).copied().unwrap_or_default()
}

/// What the attributes of one span say, borrowed from them. Empty texts are absent.
#[derive(Clone, Debug, Default)]
pub struct Conventions<'a> {
    pub http_method: Option<&'a str>,
    pub http_route: Option<&'a str>,
    pub http_status: Option<u16>,
    pub url_full: Option<&'a str>,
    /// Path, with the old name also a query.
    pub url_path: Option<&'a str>,
    /// Host, with `http.host` also a port.
    pub server: Option<&'a str>,
    pub server_port: Option<u16>,
    pub db_system: Option<&'a str>,
    pub db_statement: Option<&'a str>,
    pub db_namespace: Option<&'a str>,
    pub db_operation: Option<&'a str>,
    pub db_collection: Option<&'a str>,
    pub query_fingerprint: Option<&'a str>,
    pub messaging_system: Option<&'a str>,
    pub messaging_operation: Option<&'a str>,
    pub messaging_destination: Option<&'a str>,
    /// Celery's.
    pub task_name: Option<&'a str>,
    pub rpc_system: Option<&'a str>,
    pub rpc_service: Option<&'a str>,
    pub rpc_method: Option<&'a str>,
    pub error_type: Option<&'a str>,
    /// Where in the application's code the span was made.
    pub code_file: Option<&'a str>,
    pub code_function: Option<&'a str>,
    pub code_line: Option<u32>,
}

impl<'a> Conventions<'a> {
    /// Reads the attributes once, in whatever order they come.
    pub fn of(attributes: &'a [Attribute]) -> Self {
        let mut known = Self::default();
        // The same facts under names that count only when nothing better is said.
        let mut old = Self::default();
        let mut oldest = Self::default();
        for attribute in attributes {
            let value = &attribute.value;
            match attribute.key.as_str() {
                "http.request.method" => known.http_method = text(value),
                "http.method" => old.http_method = text(value),
                "http.request_method" | "method" => oldest.http_method = text(value),
                "http.route" => known.http_route = text(value),
                "http.response.status_code" => known.http_status = status(value),
                "http.status_code" => old.http_status = status(value),
                "url.full" => known.url_full = text(value),
                "http.url" => old.url_full = text(value),
                "url" => oldest.url_full = text(value),
                "url.path" => known.url_path = text(value),
                "http.target" => old.url_path = text(value),
                "server.address" => known.server = text(value),
                "http.host" => old.server = text(value),
                "net.peer.name" => oldest.server = text(value),
                "server.port" => known.server_port = number(value),
                "net.peer.port" => oldest.server_port = number(value),
                "db.system.name" => known.db_system = text(value),
                "db.system" => old.db_system = text(value),
                "db.query.text" => known.db_statement = text(value),
                "db.statement" => old.db_statement = text(value),
                "db.namespace" => known.db_namespace = text(value),
                "db.name" => old.db_namespace = text(value),
                "db.operation.name" => known.db_operation = text(value),
                "db.operation" => old.db_operation = text(value),
                "db.collection.name" => known.db_collection = text(value),
                "db.sql.table" => old.db_collection = text(value),
                "db.mongodb.collection" | "db.cassandra.table" => oldest.db_collection = text(value),
                QUERY_FINGERPRINT => known.query_fingerprint = text(value),
                "messaging.system" => known.messaging_system = text(value),
                "messaging.operation.type" => known.messaging_operation = text(value),
                "messaging.operation" => old.messaging_operation = text(value),
                "messaging.operation.name" => oldest.messaging_operation = text(value),
                "messaging.destination.name" => known.messaging_destination = text(value),
                "messaging.destination" => old.messaging_destination = text(value),
                "celery.task_name" => known.task_name = text(value),
                "rpc.system.name" => known.rpc_system = text(value),
                "rpc.system" => old.rpc_system = text(value),
                "rpc.service" => known.rpc_service = text(value),
                "rpc.method" => known.rpc_method = text(value),
                "error.type" => known.error_type = text(value),
                "code.file.path" => known.code_file = text(value),
                "code.filepath" => old.code_file = text(value),
                "code.function.name" => known.code_function = text(value),
                "code.function" => old.code_function = text(value),
                "code.line.number" => known.code_line = number(value),
                "code.lineno" => old.code_line = number(value),
                _ => {}
            }
        }
        known.or(old).or(oldest)
    }

    /// The same of a whole span: what Sentry's SDKs say in a span's name alone belongs to it.
    pub fn of_span(span: &'a Span) -> Self {
        let mut known = Self::of(&span.attributes);
        known.http_status = span.http_status.or(known.http_status);
        if span.source == SpanSource::Sentry && span.is_db() {
            known.db_statement =
                known.db_statement.or_else(|| Some(span.name.as_str()).filter(|name| *name != span.op));
        }
        known
    }

    /// The statement without its values, when the database is one that takes SQL.
    pub fn sql(&self) -> Option<Sql> {
        let dialect = self.db_system.map_or(Some(Dialect::Other), Dialect::of_system)?;
        Some(Sql::read(self.db_statement?, dialect))
    }

    fn or(self, other: Self) -> Self {
        Self {
            http_method: self.http_method.or(other.http_method),
            http_route: self.http_route.or(other.http_route),
            http_status: self.http_status.or(other.http_status),
            url_full: self.url_full.or(other.url_full),
            url_path: self.url_path.or(other.url_path),
            server: self.server.or(other.server),
            server_port: self.server_port.or(other.server_port),
            db_system: self.db_system.or(other.db_system),
            db_statement: self.db_statement.or(other.db_statement),
            db_namespace: self.db_namespace.or(other.db_namespace),
            db_operation: self.db_operation.or(other.db_operation),
            db_collection: self.db_collection.or(other.db_collection),
            query_fingerprint: self.query_fingerprint.or(other.query_fingerprint),
            messaging_system: self.messaging_system.or(other.messaging_system),
            messaging_operation: self.messaging_operation.or(other.messaging_operation),
            messaging_destination: self.messaging_destination.or(other.messaging_destination),
            task_name: self.task_name.or(other.task_name),
            rpc_system: self.rpc_system.or(other.rpc_system),
            rpc_service: self.rpc_service.or(other.rpc_service),
            rpc_method: self.rpc_method.or(other.rpc_method),
            error_type: self.error_type.or(other.error_type),
            code_file: self.code_file.or(other.code_file),
            code_function: self.code_function.or(other.code_function),
            code_line: self.code_line.or(other.code_line),
        }
    }
}

/// The attribute by which a statement is found again.
pub fn fingerprint_attribute(sql: &Sql) -> Attribute {
    let value = AttributeValue::Text(format!("{:016x}", sql.fingerprint));
    Attribute { key: QUERY_FINGERPRINT.to_owned(), value }
}

fn text(value: &AttributeValue) -> Option<&str> {
    match value {
        AttributeValue::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A number, or one that was sent as text.
fn number<T: TryFrom<i64> + std::str::FromStr>(value: &AttributeValue) -> Option<T> {
    match value {
        AttributeValue::Int(number) => T::try_from(*number).ok(),
        AttributeValue::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn status(value: &AttributeValue) -> Option<u16> {
    number(value).filter(|code| (100..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(key: &str, value: AttributeValue) -> Attribute {
        Attribute { key: key.to_owned(), value }
    }

    fn texts(pairs: &[(&str, &str)]) -> Vec<Attribute> {
        pairs.iter().map(|(key, value)| attribute(key, AttributeValue::Text((*value).to_owned()))).collect()
    }

    fn http_status(values: &[(&str, AttributeValue)]) -> Option<u16> {
        let attributes: Vec<_> = values.iter().map(|(key, value)| attribute(key, value.clone())).collect();
        Conventions::of(&attributes).http_status
    }

    #[test]
    fn the_stable_name_wins_in_any_order() {
        let old = ("http.status_code", AttributeValue::Int(500));
        let new = ("http.response.status_code", AttributeValue::Int(404));
        assert_eq!(http_status(&[old.clone(), new.clone()]), Some(404));
        assert_eq!(http_status(&[new, old.clone()]), Some(404));
        assert_eq!(http_status(&[old]), Some(500));
    }

    #[test]
    fn statuses_are_numbers_or_text_in_range() {
        for (value, expected) in [
            (AttributeValue::Int(200), Some(200)),
            (AttributeValue::Text("302".into()), Some(302)),
            (AttributeValue::Int(0), None),
            (AttributeValue::Int(65_736), None),
            (AttributeValue::Int(600), None),
            (AttributeValue::Bool(true), None),
        ] {
            assert_eq!(http_status(&[("http.status_code", value.clone())]), expected, "{value:?}");
        }
    }

    #[test]
    fn empty_and_mistyped_texts_are_absent() {
        let attributes = [
            attribute("http.route", AttributeValue::Text(String::new())),
            attribute("http.method", AttributeValue::Int(1)),
        ];
        let known = Conventions::of(&attributes);
        assert_eq!((known.http_route, known.http_method), (None, None));
    }

    #[test]
    fn a_name_is_the_name_of_one_fact() {
        let mut all: Vec<&str> = NAMES.iter().flat_map(|names| names.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(names_of("db.statement"), ["db.query.text", "db.statement"]);
        assert_eq!(names_of("http.route"), ["http.route"]);
        assert!(names_of("shop.tenant").is_empty());
    }

    type Field = for<'c> fn(&'c Conventions<'_>) -> Option<&'c str>;

    #[test]
    fn a_fact_is_read_under_every_name_it_has() {
        let fields: &[(&[&str], Field)] = &[
            (&["http.request.method", "http.method", "http.request_method", "method"], |known| known.http_method),
            (&["http.route"], |known| known.http_route),
            (&["url.full", "http.url", "url"], |known| known.url_full),
            (&["url.path", "http.target"], |known| known.url_path),
            (&["server.address", "http.host", "net.peer.name"], |known| known.server),
            (&["db.system.name", "db.system"], |known| known.db_system),
            (&["db.query.text", "db.statement"], |known| known.db_statement),
            (&["db.namespace", "db.name"], |known| known.db_namespace),
            (&["db.operation.name", "db.operation"], |known| known.db_operation),
            (&["db.collection.name", "db.sql.table", "db.mongodb.collection"], |known| known.db_collection),
            (&["messaging.system"], |known| known.messaging_system),
            (&["messaging.operation.type", "messaging.operation", "messaging.operation.name"], |known| {
                known.messaging_operation
            }),
            (&["messaging.destination.name", "messaging.destination"], |known| known.messaging_destination),
            (&["celery.task_name"], |known| known.task_name),
            (&["rpc.system.name", "rpc.system"], |known| known.rpc_system),
            (&["rpc.service"], |known| known.rpc_service),
            (&["rpc.method"], |known| known.rpc_method),
            (&["error.type"], |known| known.error_type),
            (&["code.file.path", "code.filepath"], |known| known.code_file),
            (&["code.function.name", "code.function"], |known| known.code_function),
        ];
        for (names, field) in fields {
            for (at, name) in names.iter().enumerate() {
                let one = texts(&[(name, "x")]);
                assert_eq!(field(&Conventions::of(&one)), Some("x"), "{name}");
                // Both at once, as with `http/dup`, in either order: the better one counts.
                for worse in &names[at + 1..] {
                    for pair in [[(*name, "x"), (*worse, "y")], [(*worse, "y"), (*name, "x")]] {
                        let both = texts(&pair);
                        let found = Conventions::of(&both);
                        let is_of_one_rank = matches!(*name, "http.request_method" | "db.mongodb.collection");
                        assert!(is_of_one_rank || field(&found) == Some("x"), "{name} and {worse}");
                    }
                }
            }
        }
        let lines = [attribute("code.lineno", AttributeValue::Int(7))];
        assert_eq!(Conventions::of(&lines).code_line, Some(7));
    }

    #[test]
    fn sentrys_statement_stands_in_the_name() {
        let mut span = Span {
            op: "db".into(),
            name: "SELECT a FROM t WHERE b = %s".into(),
            attributes: texts(&[("db.system", "postgresql")]),
            ..Span::default()
        };
        let sentry = Conventions::of_span(&span).sql().unwrap();
        assert_eq!((sentry.text.as_str(), sentry.summary().as_str()), ("SELECT a FROM t WHERE b = ?", "SELECT t"));
        span.source = SpanSource::Otel;
        assert_eq!(Conventions::of_span(&span).sql(), None, "a name is no statement there");
        span.attributes = texts(&[("db.system.name", "postgresql"), ("db.query.text", "select a from t where b=$1")]);
        assert_eq!(Conventions::of_span(&span).sql().unwrap().fingerprint, sentry.fingerprint);
        span.attributes = texts(&[("db.system", "redis"), ("db.statement", "GET ?")]);
        assert_eq!(Conventions::of_span(&span).sql(), None);
    }
}
