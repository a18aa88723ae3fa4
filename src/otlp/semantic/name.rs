//! The name a reader wants to see first: `GET /orders/<int:pk>/`, a statement, `GET api.example.com/v1/rates`.
//!
//! Owns the repair of names that instrumentations make for grouping rather than reading. Never shows a query string,
//! a fragment or the user in a URL: secrets live there.

use crate::model::conventions::Conventions;
use crate::model::sql::Sql;
use crate::otlp::attribute::cut_chars;

/// A statement is worth reading to about here; the whole of it stays in the attributes.
const NAME_CHARS_MAX: usize = 200;

/// The readable name of a span that was sent as `name` and does `op`.
pub(super) fn readable(name: String, op: &str, known: &Conventions<'_>, sql: Option<&Sql>) -> String {
    let better = match op {
        "http.server" => server_name(&name, known),
        "http.client" => client_name(known),
        "db" | "db.redis" | "cache" => statement_name(&name, known, sql).map(str::to_owned),
        "rpc.server" | "rpc.client" => rpc_name(&name, known),
        // `apply_async/shop.tasks.mail`: the op already says which half this is.
        _ if op.starts_with("queue") => known.task_name.map(str::to_owned).or_else(|| queue_name(&name, known)),
        _ => None,
    };
    let name = tidy(better.unwrap_or(name));
    if name.is_empty() { op.to_owned() } else { name }
}

/// `GET orders/<int:pk>/` (instrumentation-django: the route as written in urls.py) as `GET /orders/<int:pk>/`.
fn server_name(name: &str, known: &Conventions<'_>) -> Option<String> {
    let method = method(known)?;
    if let Some(route) = known.http_route {
        return Some(format!("{method} {}", with_slash(route)));
    }
    // Old instrumentations write `HTTP GET`.
    let rest = name.strip_prefix("HTTP ").unwrap_or(name).strip_prefix(method).map(str::trim);
    match rest {
        Some("") => {}
        Some(route) if !route.starts_with('/') && route.contains('/') && !route.contains(char::is_whitespace) => {
            return Some(format!("{method} {}", with_slash(route)));
        }
        _ if name.is_empty() || name == "HTTP" => {}
        // Readable already, Django's name of the url, or a name somebody chose.
        _ => return None,
    }
    // No route was matched. A path tells more than a bare method, but not those that bots try.
    let path = known.url_path.or_else(|| known.url_full.map(|url| split_url(url).1)).map(without_query)?;
    (known.http_status != Some(404)).then(|| format!("{method} {}", with_slash(path)))
}

/// Methods outside the known ones are sent as `_OTHER`; the conventions name such spans `HTTP`.
fn method<'a>(known: &Conventions<'a>) -> Option<&'a str> {
    known.http_method.map(|method| if method == "_OTHER" { "HTTP" } else { method })
}

/// Django's routes have no leading slash, and those of `re_path` have anchors: `^orders/(?P<pk>\d+)/$`.
fn with_slash(route: &str) -> String {
    let route = route.trim_start_matches('/').replace("/^", "/");
    format!("/{}", route.trim_start_matches('^').trim_end_matches("\\Z").trim_end_matches('$'))
}

/// `GET host/path`.
fn client_name(known: &Conventions<'_>) -> Option<String> {
    let method = method(known)?;
    let (host, path) = match known.url_full {
        Some(url) => split_url(url),
        None => (known.server?, known.url_path.unwrap_or_default()),
    };
    Some(format!("{method} {host}{}", without_query(path)))
}

/// Host with port, and path with what follows it. The scheme and any user are left out.
fn split_url(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    (authority.rsplit_once('@').map_or(authority, |(_, host)| host), path)
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

/// `Greeter/SayHello`: a method by itself is one of many of that name.
fn rpc_name(name: &str, known: &Conventions<'_>) -> Option<String> {
    let (service, method) = (known.rpc_service?, known.rpc_method?);
    (name.trim().is_empty() || name == method).then(|| format!("{service}/{method}"))
}

/// `send orders`: the operation by itself is that of every queue.
fn queue_name(name: &str, known: &Conventions<'_>) -> Option<String> {
    let destination = known.messaging_destination?;
    let name = name.trim();
    let is_poor = name.is_empty() || known.messaging_operation == Some(name) || known.messaging_system == Some(name);
    is_poor.then(|| format!("{name} {destination}").trim_start().to_owned())
}

/// The statement, when the name says less: its first word (dbapi), or that and the database (SQLAlchemy). Without its
/// values, where it is SQL: the same query has the same name, and a name shows nobody's data.
fn statement_name<'a>(name: &str, known: &Conventions<'a>, sql: Option<&'a Sql>) -> Option<&'a str> {
    let statement = sql.map(|sql| sql.text.as_str()).or(known.db_statement)?;
    let mut words = name.split_whitespace();
    let is_poor = match (words.next(), words.next(), words.next()) {
        (_, None, _) => true,
        (_, database, None) => database == known.db_namespace,
        _ => known.db_statement == Some(name),
    };
    (is_poor && (statement.trim().len() > name.len() || sql.is_some() && known.db_statement == Some(name)))
        .then_some(statement)
}

/// White space collapsed, at most [`NAME_CHARS_MAX`] characters.
fn tidy(name: String) -> String {
    let is_tidy = name.len() <= NAME_CHARS_MAX && !has_loose_space(&name);
    if is_tidy {
        return name;
    }
    let mut out = String::with_capacity(name.len().min(4 * NAME_CHARS_MAX));
    for word in name.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        // One character is at most four bytes, so here it is certainly too long already.
        if out.len() > 4 * NAME_CHARS_MAX {
            break;
        }
    }
    cut_chars(&out, NAME_CHARS_MAX)
}

fn has_loose_space(name: &str) -> bool {
    let mut after_space = true;
    for char in name.chars() {
        if char.is_whitespace() && (after_space || char != ' ') {
            return true;
        }
        after_space = char.is_whitespace();
    }
    after_space && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get() -> Conventions<'static> {
        Conventions { http_method: Some("GET"), ..Conventions::default() }
    }

    fn server(name: &str, known: Conventions<'_>) -> String {
        readable(name.to_owned(), "http.server", &known, None)
    }

    fn client(known: Conventions<'_>) -> String {
        readable("GET".to_owned(), "http.client", &known, None)
    }

    fn db(name: &str, statement: &str) -> String {
        let known = Conventions { db_statement: Some(statement), db_namespace: Some("shop"), ..Conventions::default() };
        readable(name.to_owned(), "db", &known, known.sql().as_ref())
    }

    #[test]
    fn server_spans_show_method_and_route() {
        let routed = |route| Conventions { http_route: Some(route), ..get() };
        assert_eq!(server("GET orders/<int:pk>/", routed("orders/<int:pk>/")), "GET /orders/<int:pk>/");
        assert_eq!(server("HTTP GET", routed("/orders")), "GET /orders");
        assert_eq!(server("GET x", routed("api/^orders/(?P<pk>[^/]+)/$")), "GET /api/orders/(?P<pk>[^/]+)/");
        assert_eq!(server("GET orders/<int:pk>/", get()), "GET /orders/<int:pk>/");
        assert_eq!(server("GET /orders", get()), "GET /orders");
        assert_eq!(server("GET home", get()), "GET home");
        assert_eq!(server("checkout of a/b", get()), "checkout of a/b");
        assert_eq!(server("checkout/a", get()), "checkout/a");
    }

    #[test]
    fn server_spans_without_route_show_the_path_unless_it_was_not_found() {
        let at = |path, http_status| Conventions { url_path: Some(path), http_status, ..get() };
        assert_eq!(server("GET", at("/?token=secret", Some(200))), "GET /");
        assert_eq!(server("GET ", at("/a/b#c", None)), "GET /a/b");
        assert_eq!(server("HTTP GET", at("/a", None)), "GET /a");
        assert_eq!(server("GET", at("/wp-admin.php", Some(404))), "GET");
        assert_eq!(server("GET", Conventions { url_full: Some("http://h:1/a?b"), ..get() }), "GET /a");
        assert_eq!(server("GET", get()), "GET");
        let other = Conventions { http_method: Some("_OTHER"), url_path: Some("/a"), ..Conventions::default() };
        assert_eq!(server("HTTP", other), "HTTP /a");
    }

    #[test]
    fn client_spans_show_host_and_path_and_no_secret() {
        let to = |url| client(Conventions { url_full: Some(url), ..get() });
        assert_eq!(to("https://user:pass@api.example.com:8443/v1/a?key=secret#x"), "GET api.example.com:8443/v1/a");
        assert_eq!(to("http://api.example.com?key=secret"), "GET api.example.com");
        assert_eq!(to("http://[::1]:80/a@b"), "GET [::1]:80/a@b");
        let parts = Conventions { server: Some("api"), url_path: Some("/a?b"), ..get() };
        assert_eq!(client(parts), "GET api/a");
        assert_eq!(client(get()), "GET");
    }

    #[test]
    fn database_spans_show_their_statement() {
        assert_eq!(
            db("SELECT", "SELECT *\n   FROM shop_book\t WHERE id = %s "),
            "SELECT * FROM shop_book WHERE id = ?"
        );
        assert_eq!(db("SELECT shop", "SELECT 1 FROM a"), "SELECT ? FROM a");
        assert_eq!(db("", "SELECT 1"), "SELECT ?");
        assert_eq!(db("SELECT shop_book", "SELECT 1 FROM shop_book"), "SELECT shop_book");
        assert_eq!(db("connect", ""), "connect");
        let own = "SELECT a FROM t WHERE email = 'jo@example.com'";
        assert_eq!(db(own, own), "SELECT a FROM t WHERE email = ?");
        let redis = Conventions { db_system: Some("redis"), db_statement: Some("GET ?"), ..Conventions::default() };
        assert_eq!(readable("GET".into(), "db.redis", &redis, redis.sql().as_ref()), "GET ?");
    }

    #[test]
    fn names_are_bounded_and_never_empty() {
        let long = db("SELECT", &format!("SELECT {}", "ž, ".repeat(5000)));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('…'));
        assert_eq!(readable(" ".into(), "internal", &Conventions::default(), None), "internal");
        assert_eq!(tidy("ž".repeat(150)), "ž".repeat(150));
    }

    #[test]
    fn calls_and_messages_say_where_they_go() {
        let rpc = Conventions { rpc_service: Some("Greeter"), rpc_method: Some("Hello"), ..Conventions::default() };
        assert_eq!(readable("Hello".into(), "rpc.client", &rpc, None), "Greeter/Hello");
        assert_eq!(readable("a.Greeter/Hello".into(), "rpc.server", &rpc, None), "a.Greeter/Hello");
        let queue = Conventions {
            messaging_operation: Some("send"),
            messaging_destination: Some("orders"),
            ..Conventions::default()
        };
        assert_eq!(readable("send".into(), "queue.publish", &queue, None), "send orders");
        assert_eq!(readable(String::new(), "queue.publish", &queue, None), "orders");
        assert_eq!(readable("orders publish".into(), "queue.publish", &queue, None), "orders publish");
    }

    #[test]
    fn tasks_are_named_after_themselves() {
        let known = Conventions { task_name: Some("shop.tasks.mail"), ..Conventions::default() };
        assert_eq!(readable("apply_async/shop.tasks.mail".into(), "queue.publish", &known, None), "shop.tasks.mail");
    }
}
