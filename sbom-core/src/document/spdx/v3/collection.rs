//! Who made the document and when, the document itself, and the bill that it holds.

use serde::Serialize;

use super::{CREATION_INFO, Element, Graph, extension::Properties, iri::Iri, words};
use crate::document::{facts, json::Seq};

const DOCUMENT: &str = "SpdxDocument";
const SBOM: &str = "Sbom";

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) struct CreationInfo<'a> {
    #[serde(rename = "@id")]
    id: &'static str,
    spec_version: &'static str,
    created: String,
    created_by: Vec<Iri<'a>>,
    created_using: Vec<Iri<'a>>,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpdxDocument<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_license: Option<Iri<'a>>,
    profile_conformance: [&'static str; 4],
    root_element: [Iri<'a>; 1],
    #[serde(rename = "extension", skip_serializing_if = "Option::is_none")]
    properties: Option<[Properties<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sbom<'a, E> {
    name: &'a str,
    #[serde(rename = "software_sbomType", skip_serializing_if = "Vec::is_empty")]
    types: Vec<&'static str>,
    root_element: [Iri<'a>; 1],
    element: E,
}

impl Graph<'_> {
    pub(super) fn creation_info(&self) -> CreationInfo<'_> {
        CreationInfo {
            id: CREATION_INFO,
            spec_version: "3.0.1",
            created: self.inputs.timestamp.to_string(),
            created_by: self.authors(),
            created_using: self.tool_iris(),
            comment: format!("Completeness: {}", facts::completeness_in_words(self.model)),
        }
    }

    pub(super) fn spdx_document(&self) -> Element<'_, SpdxDocument<'_>> {
        let body = SpdxDocument {
            name: self.document_name(),
            comment: self.model.header.comment.as_deref(),
            data_license: self.data_license(),
            profile_conformance: ["core", "extension", "simpleLicensing", "software"],
            root_element: [self.iri(SBOM)],
            properties: self.properties_of_document(),
        };
        self.element("SpdxDocument", DOCUMENT, body)
    }

    /// The bill, with all software that it lists.
    pub(super) fn sbom(&self) -> Element<'_, impl Serialize> {
        let types = self.model.header.lifecycles.iter().filter_map(|&phase| words::sbom_type(phase));
        let root = self.model.root.and_then(|root| self.iri_of(root));
        let body = Sbom {
            name: self.document_name(),
            types: types.collect(),
            root_element: [root.unwrap_or(Iri::NO_ASSERTION)],
            element: Seq(|| {
                let components = self.order.iter().filter_map(|&index| self.iri_of(index));
                components.chain(self.built().map(|built| self.iri(built.id)))
            }),
        };
        self.element("software_Sbom", SBOM, body)
    }

    fn document_name(&self) -> &str {
        let name = self.model.header.name.as_str();
        if name.is_empty() { "unnamed" } else { name }
    }
}
