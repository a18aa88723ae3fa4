//! Takes a transaction payload apart into its spans and the rest, without building a tree of either.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::sentry::json::lenient::Key;

/// The top-level members, by what becomes of them.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    /// The payload as JSON without `spans`; every other member exactly as sent.
    pub(super) rest: String,
    pub(super) spans: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a transaction object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
                let mut rest = String::from("{");
                let mut spans = None;
                while let Some(Key(key)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    if key == "spans" {
                        spans = Some(value);
                        continue;
                    }
                    if rest.len() > 1 {
                        rest.push(',');
                    }
                    rest.push_str(&serde_json::to_string(&key).map_err(serde::de::Error::custom)?);
                    rest.push(':');
                    rest.push_str(value.get());
                }
                rest.push('}');
                Ok(Parts { rest, spans })
            }
        }
        deserializer.deserialize_map(PartsVisitor)
    }
}
