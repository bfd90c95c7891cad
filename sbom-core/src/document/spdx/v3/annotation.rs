//! What SPDX 3 has no field for: one annotation for each element, whose statement is an object of JSON. A name that
//! has several values has a list.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Element, Graph, collection::DOCUMENT, iri::Iri, words};
use crate::document::{
    facts::{self, Fact},
    json,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Annotation<'a> {
    annotation_type: &'static str,
    subject: Iri<'a>,
    content_type: &'static str,
    statement: String,
}

impl Graph<'_> {
    /// Of components, then of the document.
    pub(super) fn annotations(&self) -> impl Iterator<Item = Element<'_, Annotation<'_>>> {
        let of_components =
            self.order.iter().filter_map(|&index| self.annotation(self.iri_of(index)?, self.facts(index)));
        of_components.chain(self.annotation(self.iri(DOCUMENT), self.facts_of_document()))
    }

    /// Sorted by name.
    fn facts(&self, index: usize) -> Vec<Fact<'_>> {
        let Some(component) = self.model.components.get(index) else { return Vec::new() };
        let mut facts = facts::of(self.model, index);
        // Trivy does not read SPDX 3; its names say again what other facts do, unless a document said them.
        facts.retain(|(name, _)| !name.starts_with(facts::TRIVY) || component.property(name).is_some());
        facts.retain(|(name, _)| name != "sbomctl:cpe");
        if words::purpose(component.kind).is_none() {
            facts.push(("sbomctl:kind".into(), component.kind.name().into()));
        }
        facts.extend(facts::without_field_in_spdx(self.model, component));
        facts.sort_by(|a, b| a.0.cmp(&b.0));
        facts
    }

    fn facts_of_document(&self) -> Vec<Fact<'_>> {
        let header = facts::of_header(self.model);
        let mut facts: Vec<Fact<'_>> = header.chain(facts::of_header_in_spdx(self.model)).collect();
        facts.sort_by(|a, b| a.0.cmp(&b.0));
        facts
    }

    fn annotation<'g>(
        &'g self,
        subject: Iri<'g>,
        facts: Vec<Fact<'_>>,
    ) -> Option<Element<'g, Annotation<'g>>> {
        (!facts.is_empty()).then(|| Element {
            kind: "Annotation",
            spdx_id: subject.about("Annotation-", ""),
            creation_info: super::CREATION_INFO,
            body: Annotation {
                annotation_type: "other",
                subject,
                content_type: "application/json",
                statement: json::line(&Statement(facts)),
            },
        })
    }
}

/// Facts by name.
struct Statement<'a>(Vec<Fact<'a>>);

impl Serialize for Statement<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for same in self.0.chunk_by(|a, b| a.0 == b.0) {
            match same {
                [(name, value)] => object.serialize_entry(name, value)?,
                [(name, _), ..] => {
                    let values: Vec<&str> = same.iter().map(|(_, value)| value.as_ref()).collect();
                    object.serialize_entry(name, &values)?;
                }
                [] => {}
            }
        }
        object.end()
    }
}
