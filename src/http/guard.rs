//! Who may ask: with no login, only somebody on this machine, and only a page of ours.
//!
//! A loopback address alone protects nothing: any web page may send the browser to 127.0.0.1, and a name that
//! resolves there (DNS rebinding) may even read the answers. So the `Host`, `Origin` and `Sec-Fetch-Site` headers
//! are looked at before anything else.

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use hyper::{StatusCode, Uri};

use crate::config::is_loopback_name;

use super::error::ApiError;

/// Every mutating call of the web app carries this header: a foreign page cannot send it without a preflight, which
/// is never granted.
pub const APP_HEADER: &str = "x-trapline";

/// Headers only a proxy adds.
pub(super) const PROXY_HEADERS: &[&str] =
    &["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"];

/// Refuses a `Host` that is not a loopback name: 421, for every route.
pub fn check_host(uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Result<(), ApiError> {
    // HTTP/2 carries the name in the URI.
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(""),
    };
    // A trailing dot makes a name absolute and changes nothing else.
    let name = host_name(host).trim_end_matches('.').to_ascii_lowercase();
    if is_loopback_name(&name) || allowed.contains(&name) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!(
            "this server answers to loopback names only, not to \"{}\": use localhost or 127.0.0.1, or add the name \
             to allowed_hosts",
            name.chars().take(100).collect::<String>()
        ),
    )
    .with_fix("use localhost or 127.0.0.1 in the address, or start trapline with --allowed-hosts NAME"))
}

/// Refuses reading from pages of another origin and through proxies.
pub fn check_reader(headers: &HeaderMap) -> Result<(), ApiError> {
    if PROXY_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "this request came through a proxy, and there is no login yet: whoever reaches the proxy could read \
             everything. Reach the server directly or through an SSH tunnel",
        ));
    }
    check_page(headers)
}

/// As [`check_reader`] for Jaeger's query API, which the operator may open to proxies: Grafana's data proxy is one.
pub fn check_jaeger_reader(headers: &HeaderMap, through_proxy: bool) -> Result<(), ApiError> {
    if through_proxy {
        return check_page(headers);
    }
    check_reader(headers).map_err(|mut error| {
        if PROXY_HEADERS.iter().any(|name| headers.contains_key(*name)) {
            error.detail.push_str("; if that proxy is Grafana, set jaeger_through_proxy = true");
        }
        error
    })
}

/// Refuses reading from pages of another origin.
fn check_page(headers: &HeaderMap) -> Result<(), ApiError> {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) {
        return Err(foreign_page());
    }
    if let Some(origin) = headers.get(ORIGIN) {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
        let same = origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(|(_, at)| at == host);
        if !same {
            return Err(foreign_page());
        }
    }
    Ok(())
}

/// As [`check_reader`], and the header that only our own page can send.
pub fn check_mutation(headers: &HeaderMap) -> Result<(), ApiError> {
    check_reader(headers)?;
    if headers.contains_key(APP_HEADER) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "this call changes something and needs the header X-Trapline: 1"))
}

/// As [`check_mutation`], for clients of Sentry's web API, which send a token with every call: neither header can be sent by
/// a foreign page without a preflight.
pub fn check_api_mutation(headers: &HeaderMap) -> Result<(), ApiError> {
    check_reader(headers)?;
    if headers.contains_key(APP_HEADER) || headers.contains_key(AUTHORIZATION) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "this call changes something and needs the header Authorization: Bearer (any token), or X-Trapline: 1",
    ))
}

fn foreign_page() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "a page of another origin may not read this: open the address itself")
}

/// The part before the port.
fn host_name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.find(']').map_or(host, |end| &host[..end + 2]),
        None => host.split(':').next().unwrap_or(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn host_is_fine(host: &'static str) -> bool {
        check_host(&Uri::from_static("/"), &headers(&[("host", host)]), &["host.docker.internal".to_string()]).is_ok()
    }

    #[test]
    fn only_loopback_and_configured_names_are_answered() {
        for host in [
            "localhost:4318",
            "127.0.0.1:4318",
            "[::1]:4318",
            "LOCALHOST",
            "localhost.:4318",
            "host.docker.internal:4318",
        ] {
            assert!(host_is_fine(host), "{host}");
        }
        for host in ["evil.test", "evil.test:4318", "0.0.0.0:4318", "", "[::", "127.0.0.1.evil.test"] {
            assert!(!host_is_fine(host), "{host}");
        }
    }

    #[test]
    fn pages_of_other_origins_may_not_read() {
        let foreign = [
            headers(&[("host", "localhost:4318"), ("origin", "http://localhost:8000")]),
            headers(&[("host", "localhost:4318"), ("origin", "null")]),
            headers(&[("host", "localhost:4318"), ("sec-fetch-site", "cross-site")]),
            headers(&[("host", "localhost:4318"), ("sec-fetch-site", "same-site")]),
        ];
        for foreign in foreign {
            assert!(check_reader(&foreign).is_err(), "{foreign:?}");
        }
        let own = headers(&[
            ("host", "localhost:4318"),
            ("origin", "http://localhost:4318"),
            ("sec-fetch-site", "same-origin"),
        ]);
        assert!(check_reader(&own).is_ok());
        assert!(check_reader(&headers(&[("host", "localhost"), ("sec-fetch-site", "none")])).is_ok());
    }

    #[test]
    fn a_proxy_in_front_is_refused_with_the_reason() {
        let error = check_reader(&headers(&[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")])).unwrap_err();
        assert!(error.detail.contains("proxy"));
    }

    #[test]
    fn jaegers_api_may_be_opened_to_proxies_and_to_no_page() {
        let proxied = headers(&[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]);
        let refused = check_jaeger_reader(&proxied, false).unwrap_err();
        assert!(refused.detail.contains("jaeger_through_proxy"), "{}", refused.detail);
        assert!(check_jaeger_reader(&proxied, true).is_ok());
        let foreign = headers(&[("host", "localhost"), ("origin", "http://evil.test")]);
        let refused = check_jaeger_reader(&foreign, false).unwrap_err();
        assert!(!refused.detail.contains("jaeger_through_proxy"), "{}", refused.detail);
        assert!(check_jaeger_reader(&foreign, true).is_err());
    }

    #[test]
    fn changing_something_needs_our_own_header() {
        assert!(check_mutation(&headers(&[("host", "localhost")])).is_err());
        assert!(check_mutation(&headers(&[("host", "localhost"), ("x-trapline", "1")])).is_ok());
        let with_token = [("host", "localhost"), ("authorization", "Bearer abc")];
        assert!(check_mutation(&headers(&with_token)).is_err());
        assert!(check_api_mutation(&headers(&with_token)).is_ok());
        assert!(check_api_mutation(&headers(&[("host", "localhost")])).is_err());
        let foreign = [("host", "localhost"), ("authorization", "Bearer abc"), ("origin", "http://evil.test")];
        assert!(check_api_mutation(&headers(&foreign)).is_err());
    }
}
