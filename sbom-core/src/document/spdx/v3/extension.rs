//! What SPDX 3 has no field for: properties under the names of CycloneDX, as the extension that the specification
//! defines for them.

use std::borrow::Cow;

use serde::Serialize;

use super::{Graph, words};
use crate::document::{
    facts::{self, Fact},
    model::Component,
    syntax,
};

#[derive(Serialize)]
#[serde(tag = "type", rename = "extension_CdxPropertiesExtension")]
pub(super) struct Properties<'a> {
    #[serde(rename = "extension_cdxProperty")]
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "extension_CdxPropertyEntry")]
struct Entry<'a> {
    #[serde(rename = "extension_cdxPropName")]
    name: Cow<'a, str>,
    #[serde(rename = "extension_cdxPropValue")]
    value: Cow<'a, str>,
}

impl<'a> Properties<'a> {
    /// Sorted by name. None if there are none.
    fn of(mut facts: Vec<Fact<'a>>) -> Option<[Self; 1]> {
        facts.sort_by(|a, b| a.0.cmp(&b.0));
        let entries = facts.into_iter().map(|(name, value)| Entry { name, value }).collect();
        Some([Self { entries }]).filter(|[all]| !all.entries.is_empty())
    }
}

impl Graph<'_> {
    /// Of a component.
    pub(super) fn properties<'g>(
        &'g self,
        index: usize,
        component: &'g Component,
    ) -> Option<[Properties<'g>; 1]> {
        let mut facts = facts::of(self.model, index);
        // Trivy does not read SPDX 3; its names say again what others do, unless a document said them.
        facts.retain(|(name, _)| !name.starts_with(facts::TRIVY) || component.property(name).is_some());
        facts.retain(|(name, _)| name != "sbomctl:cpe");
        if words::purpose(component.kind).is_none() {
            facts.push(("sbomctl:kind".into(), component.kind.name().into()));
        }
        let wordless = component.hashes.iter().filter(|hash| words::algorithm(hash.algorithm).is_none());
        facts.extend(wordless.map(facts::beyond::hash));
        for reference in component.references.iter().filter(|reference| syntax::is_address(&reference.url)) {
            if words::reference(reference.kind).is_none() || !reference.hashes.is_empty() {
                facts.push(facts::beyond::reference(reference));
            }
        }
        facts.extend(facts::without_field_in_spdx(self.model, component));
        Properties::of(facts)
    }

    pub(super) fn properties_of_document(&self) -> Option<[Properties<'_>; 1]> {
        let facts = facts::of_header(self.model).chain(facts::of_header_in_spdx(self.model));
        Properties::of(facts.collect())
    }
}
