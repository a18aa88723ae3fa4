//! Containers of typed items (`{"version":2,"items":[…]}`), and the attributes that logs and metrics in them carry.
//!
//! Knows the frame and the typing of attributes (protocol notes, section 3.4), not what an item means. An item that
//! cannot be used costs itself, an attribute of a type nobody knows itself.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::{CONTAINER_BYTES_MAX, CONTAINER_ITEMS_MAX};
use crate::model::decoded::Refusal;
use crate::model::outcome::Reason;
use crate::model::span::{Attribute, AttributeValue, Resource};
use crate::sentry::event::{ItemError, environment, release};
use crate::sentry::json::lenient::{Key, cut};
use crate::sentry::json::{Entries, Object, Scalar, read_object, wire_object};
use crate::sentry::transaction::attributes::{ATTRIBUTES_MAX, AnyValue, KEY_CHARS_MAX};

/// What could be used of a container, and what not: one refusal per reason.
#[derive(Debug, PartialEq)]
pub(super) struct Contained<T> {
    pub(super) items: Vec<T>,
    pub(super) refused: Vec<Refusal>,
}

/// Reads every item with `read`. The number of items the item header promises does not matter.
pub(super) fn read_container<T>(
    payload: &[u8],
    category: &'static str,
    item_bytes_max: usize,
    depth_max: usize,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Contained<T>, ItemError> {
    if payload.len() > CONTAINER_BYTES_MAX {
        return Err(ItemError::TooLarge { bytes: payload.len(), max: CONTAINER_BYTES_MAX });
    }
    let (contained, _) = read_object(payload, depth_max, |text| {
        Ok(read_items(serde_json::from_str(text)?, category, item_bytes_max, &read))
    })?;
    Ok(contained)
}

/// As [`read_container`], for a list that has been found before.
pub(super) fn read_list<T>(
    list: &RawValue,
    items_max: usize,
    category: &'static str,
    item_bytes_max: usize,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> serde_json::Result<Contained<T>> {
    let container = ItemsUpTo(items_max).deserialize(&mut serde_json::Deserializer::from_str(list.get()))?;
    Ok(read_items(container, category, item_bytes_max, read))
}

fn read_items<T>(
    container: Container<'_>,
    category: &'static str,
    item_bytes_max: usize,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Contained<T> {
    let mut refused = Refused::of(category);
    let mut items = Vec::with_capacity(container.items.len());
    for raw in container.items {
        if raw.get().len() > item_bytes_max {
            refused.add(Reason::TooLarge, "larger than one item may be", 1);
            continue;
        }
        match read(raw.get()) {
            Ok(item) => items.push(item),
            Err(problem) => refused.add(Reason::Invalid, problem, 1),
        }
    }
    refused.add(Reason::TooLarge, "more items than one container may have", container.omitted);
    Contained { items, refused: refused.lines }
}

/// Items that could not be used, one line per problem.
#[derive(Debug)]
pub(super) struct Refused {
    category: &'static str,
    pub(super) lines: Vec<Refusal>,
}

impl Refused {
    pub(super) fn of(category: &'static str) -> Self {
        Self { category, lines: Vec::new() }
    }

    pub(super) fn add(&mut self, reason: Reason, problem: &str, quantity: u64) {
        if quantity == 0 {
            return;
        }
        match self.lines.iter_mut().find(|line| line.detail == problem) {
            Some(line) => line.quantity += quantity,
            None => {
                let (category, detail) = (self.category.to_owned(), problem.to_owned());
                self.lines.push(Refusal { category, reason, detail, quantity });
            }
        }
    }
}

/// The items as they stand in the text; those beyond the limit are only counted.
#[derive(Default)]
struct Container<'a> {
    items: Vec<&'a RawValue>,
    omitted: u64,
}

impl<'de> Deserialize<'de> for Container<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContainerVisitor;
        impl<'de> Visitor<'de> for ContainerVisitor {
            type Value = Container<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a container of items")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Container<'de>, A::Error> {
                let mut container = Container::default();
                while let Some(Key(key)) = map.next_key()? {
                    if key == "items" {
                        container = map.next_value_seed(ItemsUpTo(CONTAINER_ITEMS_MAX))?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(container)
            }
        }
        deserializer.deserialize_map(ContainerVisitor)
    }
}

/// The list, with at most so many items.
struct ItemsUpTo(usize);

impl<'de> DeserializeSeed<'de> for ItemsUpTo {
    type Value = Container<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Container<'de>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsUpTo {
    type Value = Container<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Container<'de>, A::Error> {
        let mut container = Container::default();
        while container.items.len() < self.0 {
            let Some(item) = list.next_element()? else { return Ok(container) };
            container.items.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            container.omitted += 1;
        }
        Ok(container)
    }
}

wire_object! {
    /// `{"value": …, "type": …}`
    WireAttribute {
        value: AnyValue = "value",
        ty: Scalar<'a> = "type",
    }
}

/// Attributes as sent.
pub(super) type WireAttributes<'a> = Entries<'a, Object<WireAttribute<'a>>>;

/// Attributes as kept, and how many are not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TypedAttributes {
    pub(super) kept: Vec<Attribute>,
    pub(super) dropped: u32,
}

/// Reads the attributes; `take` may keep one for itself.
pub(super) fn read_attributes(
    sent: WireAttributes<'_>,
    mut take: impl FnMut(&str, &AttributeValue) -> bool,
) -> TypedAttributes {
    let mut attributes = TypedAttributes::default();
    for (key, Object(wire)) in sent.0 {
        let Some(value) = wire.and_then(|wire| typed(wire.value.0, &wire.ty)) else {
            attributes.dropped += 1;
            continue;
        };
        if take(&key, &value) {
            continue;
        }
        if attributes.kept.len() < ATTRIBUTES_MAX {
            attributes.kept.push(Attribute { key: cut(&key, KEY_CHARS_MAX), value });
        } else {
            attributes.dropped += 1;
        }
    }
    attributes
}

/// The value as its type says; `None` when the type is unknown or the value is none of it.
fn typed(value: AttributeValue, ty: &Scalar<'_>) -> Option<AttributeValue> {
    use AttributeValue::{Bool, Double, Empty, Int, List, Map, Text};
    let fits = match (ty.as_str(), &value) {
        (_, Empty | Map(_)) => false,
        (Some("string"), Text(_)) | (Some("integer"), Int(_)) | (Some("double"), Double(_)) => true,
        (Some("boolean"), Bool(_)) => true,
        (Some("array" | "string[]" | "integer[]" | "double[]" | "boolean[]"), List(_)) => true,
        // JavaScript does not tell 3 from 3.0.
        (Some("double"), Int(n)) => return Some(Double(*n as f64)),
        (Some("integer"), Double(n)) if n.fract() == 0.0 && n.abs() < 9.0e15 => return Some(Int(*n as i64)),
        (Some("string"), Int(number)) => return Some(Text(number.to_string())),
        (Some("string"), Bool(flag)) => return Some(Text(flag.to_string())),
        // Beyond 64 bits; the reader has made a text of it.
        (Some("integer"), Text(digits)) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        (Some(_), _) => false,
        (None, _) => true,
    };
    fits.then_some(value)
}

/// Collects what describes the process rather than the item, which would otherwise be repeated in every item.
#[derive(Debug, Default)]
pub(super) struct ResourceParts {
    resource: Resource,
    sdk_version: Option<String>,
}

impl ResourceParts {
    /// True when the attribute was taken.
    pub(super) fn take(&mut self, key: &str, value: &AttributeValue) -> bool {
        let AttributeValue::Text(text) = value else { return false };
        let scalar = Scalar::Text(text.as_str().into());
        let resource = &mut self.resource;
        match key {
            "service.name" => resource.service = cut(text, 200),
            "sentry.release" => resource.release = release(&scalar),
            "sentry.environment" => resource.environment = environment(&scalar),
            "sentry.sdk.name" => resource.sdk = scalar.limited(128),
            "sentry.sdk.version" => self.sdk_version = scalar.limited(64),
            "server.address" | "process.runtime.name" | "process.runtime.version" | "service.version" => {
                resource.attributes.push(Attribute { key: key.to_owned(), value: value.clone() });
            }
            _ => return false,
        }
        true
    }

    /// Its place in `resources`, which gets it when it is new. Items of one process mostly follow each other.
    pub(super) fn place(self, resources: &mut Vec<Resource>) -> usize {
        let mut resource = self.resource;
        if let (Some(name), Some(version)) = (&mut resource.sdk, self.sdk_version) {
            *name = format!("{name}/{version}");
        }
        resource.place_in(resources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(json: &str) -> TypedAttributes {
        read_attributes(serde_json::from_str(json).unwrap(), |_, _| false)
    }

    #[test]
    fn attributes_are_kept_as_typed_and_dropped_when_nobody_knows_the_type() {
        let read = attributes(
            r#"{"s":{"value":"x","type":"string"},"i":{"value":3,"type":"integer"},"f":{"value":3,"type":"double"},
                "r":{"value":3.0,"type":"integer"},"b":{"value":true,"type":"boolean"},"l":{"value":["a"],"type":"array"},
                "u":{"value":18446744073709551615,"type":"integer","unit":"byte"},"n":{"value":"bare"},
                "bad":{"value":"x","type":"quaternion"},"odd":{"value":"x","type":"integer"},"none":3,"null":{"value":null,"type":"string"}}"#,
        );
        let kept: Vec<_> = read.kept.iter().map(|a| (a.key.as_str(), a.value.clone())).collect();
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        assert_eq!(
            kept,
            [
                ("s", text("x")),
                ("i", AttributeValue::Int(3)),
                ("f", AttributeValue::Double(3.0)),
                ("r", AttributeValue::Int(3)),
                ("b", AttributeValue::Bool(true)),
                ("l", AttributeValue::List(vec![text("a")])),
                ("u", text("18446744073709551615")),
                ("n", text("bare")),
            ]
        );
        assert_eq!(read.dropped, 4);
    }

    fn items(payload: &str, bytes_max: usize) -> Result<Contained<String>, ItemError> {
        let read = |text: &str| if text.starts_with('{') { Ok(text.to_owned()) } else { Err("not an object") };
        read_container(payload.as_bytes(), "log", bytes_max, 20, read)
    }

    #[test]
    fn a_bad_item_costs_itself() {
        let read = items(r#"{"version":2,"items":[{"a":1},3,{"b":"long enough"},null]}"#, 10).unwrap();
        assert_eq!(read.items, [r#"{"a":1}"#]);
        let refused: Vec<_> = read.refused.iter().map(|r| (r.reason, r.quantity)).collect();
        assert_eq!(refused, [(Reason::Invalid, 2), (Reason::TooLarge, 1)]);
    }

    #[test]
    fn what_is_no_container_is_an_error() {
        for payload in ["", "[]", r#"{"items":3}"#, r#"{"items":[{"#, &format!("{{\"items\":{}", "[".repeat(100_000))] {
            assert!(items(payload, 10).is_err(), "{payload:.40}");
        }
        assert_eq!(items("{}", 10).unwrap().items, [""; 0]);
    }

    #[test]
    fn items_beyond_the_limit_are_counted() {
        let payload = format!("{{\"items\":[{}{{}}]}}", "{},".repeat(CONTAINER_ITEMS_MAX + 4));
        let read = items(&payload, 10).unwrap();
        assert_eq!((read.items.len(), read.refused[0].quantity), (CONTAINER_ITEMS_MAX, 5));
    }

    #[test]
    fn items_of_one_process_share_a_resource() {
        let mut resources = Vec::new();
        let place = |name: &str, resources: &mut Vec<Resource>| {
            let mut parts = ResourceParts::default();
            assert!(parts.take("sentry.sdk.version", &AttributeValue::Text("2".into())));
            assert!(parts.take("sentry.sdk.name", &AttributeValue::Text(name.into())));
            assert!(!parts.take("user.id", &AttributeValue::Text("7".into())));
            parts.place(resources)
        };
        assert_eq!([place("a", &mut resources), place("b", &mut resources), place("a", &mut resources)], [0, 1, 0]);
        assert_eq!(resources[0].sdk.as_deref(), Some("a/2"));
    }
}
