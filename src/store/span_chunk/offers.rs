//! Keys and values in the columns of a chunk, counted for completion.

use super::super::StoreError;
use super::super::asked::attribute_names;
use super::super::columns::{AttributeColumn, TextColumn, decode_integers};
use super::super::tally::Tally;
use super::OpenChunk;
use crate::search::{Key, Known};

impl OpenChunk<'_> {
    /// Names of attributes, as values of no key.
    pub(in crate::store) fn tally_keys(&mut self, tally: &mut Tally) -> Result<(), StoreError> {
        let count = self.index.span_count();
        AttributeColumn::decode(&self.attributes()?.attributes, count)?
            .for_each_key(|key, count| tally.add("", key, count))?;
        let spans = self.spans_by_resource()?;
        for (resource, count) in self.names()?.resources.iter().zip(spans) {
            for attribute in super::resource_from_pb(resource.clone()).attributes {
                tally.add("", &attribute.key, count);
            }
        }
        Ok(())
    }

    pub(in crate::store) fn tally_values(&mut self, key: &Key, tally: &mut Tally) -> Result<(), StoreError> {
        let count = self.index.span_count();
        let all = vec![true; count];
        let spans = self.spans_by_resource()?;
        let attributes = attribute_names(key);
        let names = self.names()?;
        match key {
            Key::Known(Known::SpanName) => {
                TextColumn::decode(&names.names, count)?.for_each_count(&all, |text, count| tally.add("", text, count));
            }
            Key::Known(Known::SpanOp) => {
                TextColumn::decode(&names.ops, count)?.for_each_count(&all, |text, count| tally.add("", text, count));
            }
            Key::Known(Known::HttpStatus) => {
                let statuses = decode_integers(&names.http_statuses, count)?;
                let known = statuses.iter().filter(|status| **status != 0);
                known.for_each(|status| tally.add("", &status.to_string(), 1));
            }
            _ => {}
        }
        for (resource, count) in names.resources.iter().zip(spans) {
            let resource = super::resource_from_pb(resource.clone());
            match key {
                Key::Known(Known::Service) => tally.add("", &resource.service, count),
                Key::Known(Known::Release) => tally.add("", resource.release.as_deref().unwrap_or(""), count),
                Key::Known(Known::Environment) => tally.add("", resource.environment.as_deref().unwrap_or(""), count),
                _ => {}
            }
            let named = resource.attributes.iter().filter(|attribute| attributes.contains(&attribute.key.as_str()));
            named.for_each(|attribute| tally.add_attribute("", &attribute.value, count));
        }
        if attributes.is_empty() {
            return Ok(());
        }
        AttributeColumn::decode(&self.attributes()?.attributes, count)?.for_each_count(
            &all,
            |name| attributes.contains(&name),
            |_, value, count| tally.add_attribute("", value, count),
        )
    }

    fn spans_by_resource(&mut self) -> Result<Vec<u64>, StoreError> {
        let count = self.index.span_count();
        let names = self.names()?;
        let mut spans = vec![0; names.resources.len()];
        for number in decode_integers(&names.resource, count)? {
            if let Some(spans) = usize::try_from(number).ok().and_then(|number| spans.get_mut(number)) {
                *spans += 1;
            }
        }
        Ok(spans)
    }
}
