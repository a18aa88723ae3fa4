//! Who sends: the public key, from wherever the SDK put it.
//!
//! Knows the four HTTP carriers and their grammar. Does not know whether a key is valid, nor HTTP's own types.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::model::ids::PublicKey;
use crate::sentry::dsn::parse_key;
use crate::sentry::json::lenient::cut;

/// The newest protocol version there is; SDKs send 2.0 to 7.
const VERSION_MAX: f64 = 7.0;

/// Where a request may carry its key. Absent headers are `None`; empty ones count as absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuthInputs<'a> {
    /// `X-Sentry-Auth: Sentry sentry_key=…, sentry_version=7, sentry_client=…`
    pub x_sentry_auth: Option<&'a str>,
    /// `Authorization: Sentry …` or `Basic base64("<key>:")`. Other schemes are not ours and are ignored.
    pub authorization: Option<&'a str>,
    /// The raw query string, without `?`.
    pub query: Option<&'a str>,
    /// The key in the path of cron routes.
    pub path_key: Option<&'a str>,
}

/// A key that was sent. Not yet known to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub public_key: PublicKey,
    /// `sentry.python/2.75.0`, as the SDK calls itself; at most 128 characters.
    pub client: Option<String>,
}

/// Why the key could not be read. The first is answered 401, the others 400 or 401.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    #[error("multiple authorization payloads detected")]
    Multiple,
    #[error("sentry_key is missing")]
    MissingKey,
    #[error("sentry_key is not 32 hex characters: {0:?}")]
    BadKey(String),
    #[error("unsupported sentry_version {0:?}")]
    BadVersion(String),
}

/// The credentials of a request; `None` when nothing carries any, in which case the envelope's own DSN may serve.
///
/// Exactly one carrier is allowed, as Sentry has it (protocol notes, section 1.3).
pub fn read_credentials(inputs: &AuthInputs<'_>) -> Result<Option<Credentials>, AuthError> {
    let carriers = [
        inputs.x_sentry_auth.and_then(not_blank).map(parse_header),
        inputs.authorization.and_then(not_blank).and_then(parse_authorization),
        inputs.query.and_then(parse_query),
        inputs.path_key.and_then(not_blank).map(|key| RawAuth { key: Some(key.into()), ..RawAuth::default() }),
    ];
    let mut found = carriers.into_iter().flatten();
    let Some(raw) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(AuthError::Multiple);
    }
    raw.check().map(Some)
}

#[derive(Default)]
struct RawAuth<'a> {
    key: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    client: Option<Cow<'a, str>>,
}

impl<'a> RawAuth<'a> {
    fn set(&mut self, name: &str, value: Cow<'a, str>) {
        match name {
            "sentry_key" => self.key = Some(value),
            "sentry_version" => self.version = Some(value),
            "sentry_client" => self.client = Some(value),
            // sentry_timestamp and sentry_secret mean nothing any more.
            _ => {}
        }
    }

    fn check(self) -> Result<Credentials, AuthError> {
        let version = self.version.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let is_known = version.is_none_or(|text| text.parse().is_ok_and(|v: f64| (0.0..=VERSION_MAX).contains(&v)));
        if !is_known {
            return Err(AuthError::BadVersion(cut(version.unwrap_or_default(), 32)));
        }
        let key = self.key.as_deref().and_then(not_blank).ok_or(AuthError::MissingKey)?;
        let public_key = parse_key(key).ok_or_else(|| AuthError::BadKey(cut(key, 64)))?;
        let client = self.client.as_deref().and_then(not_blank).map(|text| cut(text, 128));
        Ok(Credentials { public_key, client })
    }
}

/// `Sentry name=value, …`; the scheme may be missing or in lower case, as exporters send it that take their headers
/// from an environment variable (`x-sentry-auth=sentry sentry_key=…`).
fn parse_header(header: &str) -> RawAuth<'_> {
    let members = after_scheme(header, "sentry").unwrap_or(header);
    let mut raw = RawAuth::default();
    for member in members.split(',') {
        if let Some((name, value)) = member.split_once('=') {
            raw.set(name.trim(), Cow::Borrowed(value.trim().trim_matches('"')));
        }
    }
    raw
}

/// `None` when the header is meant for somebody else (Bearer and the like).
fn parse_authorization(header: &str) -> Option<RawAuth<'_>> {
    if after_scheme(header, "sentry").is_some() {
        return Some(parse_header(header));
    }
    let encoded = after_scheme(header, "basic")?;
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let key = decoded.map(|text| text.split(':').next().unwrap_or_default().to_owned().into());
    Some(RawAuth { key, ..RawAuth::default() })
}

/// `None` unless some `sentry_…` parameter makes the query a carrier. Of those, the CSP parameters `sentry_release`
/// and `sentry_environment` alone carry nothing, nor does the `sentry_data` of GET requests to the store endpoint.
fn parse_query(query: &str) -> Option<RawAuth<'_>> {
    let mut raw = RawAuth::default();
    let mut is_carrier = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        is_carrier |= matches!(name.as_ref(), "sentry_key" | "sentry_version" | "sentry_client" | "sentry_secret");
        raw.set(&name, value);
    }
    is_carrier.then_some(raw)
}

fn after_scheme<'a>(header: &'a str, scheme: &str) -> Option<&'a str> {
    let (first, rest) = header.split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn not_blank(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn key_of(inputs: AuthInputs<'_>) -> Result<Option<String>, AuthError> {
        read_credentials(&inputs).map(|found| found.map(|c| c.public_key.to_string()))
    }

    fn header(text: &str) -> AuthInputs<'_> {
        AuthInputs { x_sentry_auth: Some(text), ..AuthInputs::default() }
    }

    #[test]
    fn every_carrier_is_read() {
        let sentry = format!("Sentry sentry_key={KEY}, sentry_version=7, sentry_client=sentry.python/2.75.0");
        let lower = format!("sentry sentry_key={KEY}");
        let bare = format!("sentry_client=x,sentry_key={KEY}.flag");
        let basic = format!("Basic {}", STANDARD.encode(format!("{KEY}:")));
        let query = format!("sentry_version=7&sentry_key={KEY}&sentry_client=sentry.javascript.node%2F10.54.0");
        let none = AuthInputs::default();
        for inputs in [
            header(&sentry),
            header(&lower),
            header(&bare),
            AuthInputs { authorization: Some(&sentry), ..none },
            AuthInputs { authorization: Some(&basic), ..none },
            AuthInputs { query: Some(&query), ..none },
            AuthInputs { path_key: Some(KEY), ..none },
        ] {
            assert_eq!(key_of(inputs), Ok(Some(KEY.to_owned())), "{inputs:?}");
        }
        let client = read_credentials(&AuthInputs { query: Some(&query), ..none });
        assert_eq!(client.ok().flatten().and_then(|c| c.client).as_deref(), Some("sentry.javascript.node/10.54.0"));
    }

    #[test]
    fn nothing_of_ours_is_none() {
        for inputs in [
            AuthInputs::default(),
            header("  "),
            AuthInputs {
                authorization: Some("Bearer abc"),
                query: Some("page=2&sentry_release=1"),
                ..AuthInputs::default()
            },
        ] {
            assert_eq!(key_of(inputs), Ok(None), "{inputs:?}");
        }
    }

    #[test]
    fn two_carriers_are_refused_but_an_empty_one_does_not_count() {
        let auth = format!("Sentry sentry_key={KEY}");
        let query = format!("sentry_key={KEY}");
        let mut inputs = AuthInputs { x_sentry_auth: Some(&auth), query: Some(&query), ..AuthInputs::default() };
        assert_eq!(key_of(inputs), Err(AuthError::Multiple));
        inputs.x_sentry_auth = Some("");
        assert_eq!(key_of(inputs), Ok(Some(KEY.to_owned())));
    }

    #[test]
    fn bad_keys_and_versions_are_named() {
        assert_eq!(key_of(header("Sentry sentry_version=7")), Err(AuthError::MissingKey));
        assert_eq!(key_of(header("Sentry sentry_key=abc")), Err(AuthError::BadKey("abc".to_owned())));
        for version in ["8", "x", "-1", "NaN"] {
            let text = format!("Sentry sentry_key={KEY}, sentry_version={version}");
            assert_eq!(key_of(header(&text)), Err(AuthError::BadVersion(version.to_owned())));
        }
        assert!(key_of(header(&format!("Sentry sentry_key={KEY}, sentry_version=2.0"))).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(a in ".{0,80}", b in ".{0,80}", c in ".{0,80}") {
            let inputs = AuthInputs { x_sentry_auth: Some(&a), ..AuthInputs::default() };
            let _ = read_credentials(&inputs);
            let basic = format!("Basic {b}");
            let _ = read_credentials(&AuthInputs { authorization: Some(&basic), ..AuthInputs::default() });
            let _ = read_credentials(&AuthInputs { query: Some(&c), ..AuthInputs::default() });
        }
    }
}
