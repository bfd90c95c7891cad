//! What elements have to do with each other.

use serde::Serialize;

use super::{Content, DOCUMENT, NOASSERTION, Spdx2Version, file, package};
use crate::document::{
    model::{Component, Relationship as Edge, RelationshipKind},
    spdx::relationship::{Wording, wording},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship<'a> {
    #[serde(rename = "spdxElementId")]
    pub(super) from: &'a str,
    #[serde(rename = "relationshipType")]
    pub(super) kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    pub(super) to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<&'static str>,
}

impl Content<'_> {
    /// What the document describes, then what components have to do with each other.
    pub(super) fn relationships(&self) -> impl Iterator<Item = Relationship<'_>> {
        let subject = self.model.root.and_then(|root| self.ids.of(root)).unwrap_or(NOASSERTION);
        let describes = Relationship { from: DOCUMENT, kind: "DESCRIBES", to: subject, comment: None };
        let edges = self.model.relationships.iter().filter_map(|edge| self.relationship(edge));
        [describes].into_iter().chain(edges)
    }

    fn relationship(&self, edge: &Edge) -> Option<Relationship<'_>> {
        let (from, to) = (self.ids.of(edge.from)?, self.ids.of(edge.to)?);
        let Wording { name: kind, reversed, comment } = self.wording(edge);
        let (from, to) = if reversed { (to, from) } else { (from, to) };
        Some(Relationship { from, kind, to, comment })
    }

    fn wording(&self, edge: &Edge) -> Wording {
        let other = Wording { name: "OTHER", reversed: false, comment: Some(edge.kind.name()) };
        match edge.kind {
            // A package whose files were not analysed must not contain any.
            RelationshipKind::Contains
                if file::is_file(self.model, edge.to) && !self.is_analyzed(edge.from) =>
            {
                other
            }
            // Said from the other end: what an operating system's package `CONTAINS` counts as one of its packages
            // in Trivy, which then loses every Go module and crate of the program.
            RelationshipKind::Contains
                if self.component(edge.from).is_some_and(Component::is_os_package)
                    && !file::is_file(self.model, edge.to) =>
            {
                Wording { name: "CONTAINED_BY", reversed: true, comment: None }
            }
            // 2.2 has no `SPECIFICATION_FOR`.
            RelationshipKind::Provides if self.version == Spdx2Version::V2_2 => other,
            kind => wording(kind),
        }
    }

    /// Files contain what they contain; only of a package it is asked.
    fn is_analyzed(&self, index: usize) -> bool {
        file::is_file(self.model, index)
            || self.component(index).and_then(package::verification_code).is_some()
    }

    fn component(&self, index: usize) -> Option<&Component> {
        self.model.components.get(index)
    }
}
