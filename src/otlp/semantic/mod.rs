//! What attributes mean: the semantic conventions, old, stable and both at once, as the model's canonical fields.
//!
//! Owns the choice of `op` and of resource fields, and `name` what a reader wants to see. Under which names a fact is
//! stated is known to `model::conventions`. Attributes are only read: they are all kept as sent.

mod name;

use crate::model::conventions::Conventions;
use crate::model::span::{Attribute, Resource, SpanKind, text_attribute};
use crate::model::sql::Sql;

/// The canonical fields of a span that come from its attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanMeaning {
    /// `http.server`, `http.client`, `db`, `db.redis`, `cache`, `queue.publish`, `queue.receive`, `queue.process`,
    /// `rpc.server`, `rpc.client`; by kind alone `server`, `client`, `internal`.
    pub op: String,
    /// At most 200 characters, white space collapsed, never empty.
    pub name: String,
    /// 100 to 599.
    pub http_status: Option<u16>,
    /// The statement of a query without its values.
    pub sql: Option<Sql>,
}

/// Reads the meaning of a span from its name as sent, its kind and its attributes.
pub fn span_meaning(name: String, kind: SpanKind, attributes: &[Attribute]) -> SpanMeaning {
    let known = Conventions::of(attributes);
    let op = op_of(kind, &known);
    let sql = if op == "db" { known.sql() } else { None };
    let name = name::readable(name, op, &known, sql.as_ref());
    SpanMeaning { op: op.to_owned(), name, http_status: known.http_status, sql }
}

/// The most telling convention first: a query to Elasticsearch or DynamoDB is also an HTTP or RPC call, a message to
/// SQS also an RPC.
fn op_of(kind: SpanKind, known: &Conventions<'_>) -> &'static str {
    if let Some(system) = known.db_system {
        return match system {
            "redis" | "valkey" => "db.redis",
            "memcached" => "cache",
            _ => "db",
        };
    }
    if known.messaging_system.is_some() || known.task_name.is_some() {
        return match (known.messaging_operation, kind) {
            (Some("publish" | "send" | "create"), _) => "queue.publish",
            (Some("receive"), _) => "queue.receive",
            (Some("process" | "deliver"), _) => "queue.process",
            (_, SpanKind::Producer) => "queue.publish",
            (_, SpanKind::Consumer) => "queue.process",
            _ => "queue",
        };
    }
    let convention = if known.rpc_system.is_some() {
        ["rpc.server", "rpc.client"]
    } else if known.http_method.is_some() {
        ["http.server", "http.client"]
    } else {
        ["server", "client"]
    };
    match kind {
        SpanKind::Server => convention[0],
        SpanKind::Client => convention[1],
        SpanKind::Producer => "queue.publish",
        SpanKind::Consumer => "queue.process",
        SpanKind::Internal => "internal",
    }
}

/// Reads a resource from its attributes, which it keeps. The SDKs' placeholder `unknown_service` is no service.
pub fn resource_meaning(attributes: Vec<Attribute>) -> Resource {
    let text = |key| text_attribute(&attributes, key).filter(|text| !text.is_empty());
    let service = text("service.name").filter(|name| !is_placeholder(name)).unwrap_or_default().to_owned();
    let release = text("service.version").map(str::to_owned);
    let environment = text("deployment.environment.name").or_else(|| text("deployment.environment")).map(str::to_owned);
    let sdk = text("telemetry.sdk.name").map(|name| {
        let language = text("telemetry.sdk.language").map(|language| format!("/{language}")).unwrap_or_default();
        let version = text("telemetry.sdk.version").map(|version| format!(" {version}")).unwrap_or_default();
        format!("{name}{language}{version}")
    });
    Resource { service, release, environment, sdk, attributes }
}

/// `unknown_service`, or with the process's name behind a colon (resource conventions, `service.name`).
fn is_placeholder(service: &str) -> bool {
    service == "unknown_service" || service.starts_with("unknown_service:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::AttributeValue;

    fn attributes(pairs: &[(&str, &str)]) -> Vec<Attribute> {
        let text = |value: &str| AttributeValue::Text(value.to_owned());
        pairs.iter().map(|(key, value)| Attribute { key: (*key).to_owned(), value: text(value) }).collect()
    }

    fn op(kind: SpanKind, pairs: &[(&str, &str)]) -> String {
        span_meaning("n".into(), kind, &attributes(pairs)).op
    }

    #[test]
    fn ops_follow_the_most_telling_convention() {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        for (kind, pairs, expected) in [
            (Server, &[("http.method", "GET")][..], "http.server"),
            (Server, &[("http.request.method", "GET")], "http.server"),
            (Client, &[("http.request.method", "GET")], "http.client"),
            (Client, &[("db.system", "postgresql")], "db"),
            (Client, &[("db.system.name", "sqlite")], "db"),
            (Client, &[("db.system", "redis")], "db.redis"),
            (Internal, &[("db.system", "sqlite")], "db"),
            (Client, &[("db.system", "memcached")], "cache"),
            (Client, &[("db.system", "elasticsearch"), ("http.method", "GET")], "db"),
            (Producer, &[("celery.task_name", "shop.tasks.mail")], "queue.publish"),
            (Consumer, &[("celery.task_name", "shop.tasks.mail")], "queue.process"),
            (Client, &[("messaging.system", "rabbitmq"), ("messaging.operation.type", "receive")], "queue.receive"),
            (Client, &[("messaging.system", "aws_sqs"), ("messaging.operation", "publish")], "queue.publish"),
            (Client, &[("messaging.system", "kafka")], "queue"),
            (Client, &[("rpc.system", "grpc")], "rpc.client"),
            (Server, &[("rpc.system.name", "grpc"), ("http.method", "POST")], "rpc.server"),
            (Internal, &[("http.method", "GET")], "internal"),
            (Server, &[], "server"),
            (Client, &[], "client"),
            (Producer, &[], "queue.publish"),
            (Consumer, &[], "queue.process"),
            (Internal, &[], "internal"),
        ] {
            assert_eq!(op(kind, pairs), expected, "{kind:?} {pairs:?}");
        }
    }

    #[test]
    fn resources_are_read_with_old_and_new_keys() {
        let resource = resource_meaning(attributes(&[
            ("telemetry.sdk.language", "python"),
            ("telemetry.sdk.name", "opentelemetry"),
            ("telemetry.sdk.version", "1.38.0"),
            ("service.name", "shop"),
            ("service.version", "1.2.3"),
            ("deployment.environment", "old"),
            ("deployment.environment.name", "production"),
        ]));
        assert_eq!(resource.service, "shop");
        assert_eq!(resource.release.as_deref(), Some("1.2.3"));
        assert_eq!(resource.environment.as_deref(), Some("production"));
        assert_eq!(resource.sdk.as_deref(), Some("opentelemetry/python 1.38.0"));
        assert_eq!(resource.attributes.len(), 7);

        let old = resource_meaning(attributes(&[("deployment.environment", "staging"), ("service.version", "")]));
        assert_eq!((old.environment.as_deref(), old.release, old.sdk), (Some("staging"), None, None));
    }

    #[test]
    fn placeholder_services_are_unknown() {
        for name in ["unknown_service", "unknown_service:gunicorn"] {
            assert_eq!(resource_meaning(attributes(&[("service.name", name)])).service, "");
        }
        assert_eq!(resource_meaning(attributes(&[("service.name", "unknown_services")])).service, "unknown_services");
    }
}
