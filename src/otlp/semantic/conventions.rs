//! The attributes we understand, under every name they have had.
//!
//! Python's instrumentations send the old names by default, the stable ones on request
//! (`OTEL_SEMCONV_STABILITY_OPT_IN=http,database`), and both with `http/dup`. The stable one wins.

use crate::model::span::{Attribute, AttributeValue};

/// What the attributes of one span say, borrowed from them. Empty texts are absent.
#[derive(Debug, Default)]
pub(super) struct Conventions<'a> {
    pub(super) http_method: Option<&'a str>,
    pub(super) http_route: Option<&'a str>,
    pub(super) http_status: Option<u16>,
    pub(super) url_full: Option<&'a str>,
    /// Path, with the old name also a query.
    pub(super) url_path: Option<&'a str>,
    /// Host, with `http.host` also a port.
    pub(super) server: Option<&'a str>,
    pub(super) db_system: Option<&'a str>,
    pub(super) db_statement: Option<&'a str>,
    pub(super) db_namespace: Option<&'a str>,
    pub(super) messaging_system: Option<&'a str>,
    pub(super) messaging_operation: Option<&'a str>,
    /// Celery's.
    pub(super) task_name: Option<&'a str>,
    pub(super) rpc_system: Option<&'a str>,
}

impl<'a> Conventions<'a> {
    /// Reads the attributes once, in whatever order they come.
    pub(super) fn of(attributes: &'a [Attribute]) -> Self {
        let mut known = Self::default();
        // The same facts under names that count only when nothing better is said.
        let mut old = Self::default();
        let mut oldest = Self::default();
        for attribute in attributes {
            let value = &attribute.value;
            match attribute.key.as_str() {
                "http.request.method" => known.http_method = text(value),
                "http.method" => old.http_method = text(value),
                "http.route" => known.http_route = text(value),
                "http.response.status_code" => known.http_status = status(value),
                "http.status_code" => old.http_status = status(value),
                "url.full" => known.url_full = text(value),
                "http.url" => old.url_full = text(value),
                "url.path" => known.url_path = text(value),
                "http.target" => old.url_path = text(value),
                "server.address" => known.server = text(value),
                "http.host" => old.server = text(value),
                "net.peer.name" => oldest.server = text(value),
                "db.system.name" => known.db_system = text(value),
                "db.system" => old.db_system = text(value),
                "db.query.text" => known.db_statement = text(value),
                "db.statement" => old.db_statement = text(value),
                "db.namespace" => known.db_namespace = text(value),
                "db.name" => old.db_namespace = text(value),
                "messaging.system" => known.messaging_system = text(value),
                "messaging.operation.type" => known.messaging_operation = text(value),
                "messaging.operation" => old.messaging_operation = text(value),
                "messaging.operation.name" => oldest.messaging_operation = text(value),
                "celery.task_name" => known.task_name = text(value),
                "rpc.system.name" => known.rpc_system = text(value),
                "rpc.system" => old.rpc_system = text(value),
                _ => {}
            }
        }
        known.or(old).or(oldest)
    }

    fn or(self, other: Self) -> Self {
        Self {
            http_method: self.http_method.or(other.http_method),
            http_route: self.http_route.or(other.http_route),
            http_status: self.http_status.or(other.http_status),
            url_full: self.url_full.or(other.url_full),
            url_path: self.url_path.or(other.url_path),
            server: self.server.or(other.server),
            db_system: self.db_system.or(other.db_system),
            db_statement: self.db_statement.or(other.db_statement),
            db_namespace: self.db_namespace.or(other.db_namespace),
            messaging_system: self.messaging_system.or(other.messaging_system),
            messaging_operation: self.messaging_operation.or(other.messaging_operation),
            task_name: self.task_name.or(other.task_name),
            rpc_system: self.rpc_system.or(other.rpc_system),
        }
    }
}

fn text(value: &AttributeValue) -> Option<&str> {
    match value {
        AttributeValue::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A status code as a number or as text.
fn status(value: &AttributeValue) -> Option<u16> {
    let code = match value {
        AttributeValue::Int(code) => u16::try_from(*code).ok(),
        AttributeValue::Text(text) => text.parse().ok(),
        _ => None,
    };
    code.filter(|code| (100..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(key: &str, value: AttributeValue) -> Attribute {
        Attribute { key: key.to_owned(), value }
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
}
