//! x
use crate::model::span::{Attribute, Resource, SpanKind};
/// x
pub struct SpanMeaning {
    pub op: String,
    pub name: String,
    pub http_status: Option<u16>,
}
/// x
pub fn span_meaning(name: String, _kind: SpanKind, _attributes: &[Attribute]) -> SpanMeaning {
    SpanMeaning { op: String::new(), name, http_status: None }
}
/// x
pub fn resource_meaning(attributes: Vec<Attribute>) -> Resource {
    Resource { attributes, ..Resource::default() }
}
