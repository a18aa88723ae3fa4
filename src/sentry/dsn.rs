//! The text a user pastes into an SDK: `http://<key>@host:4318/<project>`.
//!
//! Knows the grammar only; whether key and project exist is somebody else's question.

use thiserror::Error;

use crate::model::ids::{ProjectId, PublicKey};
use crate::sentry::json::lenient::cut;

/// What is wrong with a DSN.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DsnError {
    #[error("dsn has no scheme: {0:?}")]
    NoScheme(String),
    #[error("dsn has no key before the host: {0:?}")]
    NoKey(String),
    #[error("dsn key is not 32 hex characters: {0:?}")]
    BadKey(String),
    #[error("dsn does not end in a project number: {0:?}")]
    BadProject(String),
}

/// Key and project of a DSN. A path prefix (`https://k@host/errors/42`) and the secret of old SDKs (`key:secret@`)
/// are accepted and ignored.
pub fn parse_dsn(dsn: &str) -> Result<(PublicKey, ProjectId), DsnError> {
    let shown = || cut(dsn, 200);
    let dsn = dsn.trim();
    let (_, rest) = dsn.split_once("://").ok_or_else(|| DsnError::NoScheme(shown()))?;
    let (userinfo, place) = rest.split_once('@').ok_or_else(|| DsnError::NoKey(shown()))?;
    let key = userinfo.split_once(':').map_or(userinfo, |(key, _secret)| key);
    let key = parse_key(key).ok_or_else(|| DsnError::BadKey(cut(key, 64)))?;
    let path = place.split(['?', '#']).next().unwrap_or_default();
    let (_, project) = path.trim_end_matches('/').rsplit_once('/').ok_or_else(|| DsnError::BadProject(shown()))?;
    let project = ProjectId::parse(project).ok_or_else(|| DsnError::BadProject(cut(project, 64)))?;
    Ok((key, project))
}

/// A public key as sent: 32 hex characters, with an optional `.flag` suffix that Sentry's loader script adds.
pub(super) fn parse_key(text: &str) -> Option<PublicKey> {
    let key = text.split_once('.').map_or(text, |(key, _flag)| key);
    if key.len() != 32 {
        return None;
    }
    PublicKey::parse(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn dsns_come_with_ports_prefixes_and_old_secrets() {
        for (dsn, project) in [
            (format!("http://{KEY}@127.0.0.1:4318/1"), 1),
            (format!("https://{KEY}@host/errors/sub/42"), 42),
            (format!("https://{KEY}:secret@host/42/"), 42),
            (format!(" https://{KEY}.flag@host/42 "), 42),
        ] {
            assert_eq!(
                parse_dsn(&dsn).map(|(key, id)| (key.to_string(), id.0)),
                Ok((KEY.to_owned(), project)),
                "{dsn}"
            );
        }
    }

    #[test]
    fn the_error_says_which_part_is_wrong() {
        assert!(matches!(parse_dsn("nonsense"), Err(DsnError::NoScheme(_))));
        assert!(matches!(parse_dsn("http://host/1"), Err(DsnError::NoKey(_))));
        assert_eq!(parse_dsn("http://abc@host/1"), Err(DsnError::BadKey("abc".to_owned())));
        assert!(matches!(parse_dsn(&format!("http://{KEY}@host")), Err(DsnError::BadProject(_))));
        assert_eq!(parse_dsn(&format!("http://{KEY}@host/shop")), Err(DsnError::BadProject("shop".to_owned())));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = parse_dsn(&text);
        }
    }
}
