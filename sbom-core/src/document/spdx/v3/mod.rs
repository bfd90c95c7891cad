//! SPDX 3.0.1 as JSON-LD: one graph, sorted by type and then by identifier.
//!
//! Parties, licences and their texts are elements of their own, each once. What one component has to do with others
//! is one relationship for each type, which also says whether that is all. Facts without a field are properties in an
//! extension.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeSeq as _};
use uuid::Uuid;

use super::{Ids, SpdxVersion};
use crate::{
    document::{Format, Inputs, identity, json, model::Document},
    license::Licensing,
};

mod agent;
mod collection;
mod extension;
mod iri;
mod license;
mod package;
mod relationship;
mod source;
mod words;

use agent::Agents;
use iri::Iri;
use license::Licenses;
use relationship::Reversed;
use source::Sources;

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
const CREATION_INFO: &str = "_:creationInfo";

pub(super) fn write(model: &Document, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let data_license = Licensing { expression: Some("CC0-1.0".to_owned()), custom: Vec::new() };
    let mut graph = Graph::new(model, inputs, &data_license);
    let format = Format::SpdxJson(SpdxVersion::V3_0);
    let uuid = identity::document(model, format, inputs, |uuid, out| {
        graph.name(uuid);
        json::write(&graph.document(), out)
    })?;
    graph.name(uuid);
    json::write(&graph.document(), out)
}

/// What elements are made of, as they are asked for.
struct Graph<'a> {
    model: &'a Document,
    inputs: &'a Inputs,
    /// What all identifiers begin with.
    base: String,
    ids: Ids,
    /// Components in the order of their identifiers.
    order: Vec<usize>,
    agents: Agents<'a>,
    licenses: Licenses<'a>,
    sources: Sources<'a>,
    reversed: Reversed,
}

/// What all elements have, and what one has of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    spdx_id: Iri<'a>,
    creation_info: &'static str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct JsonLd<'a, 'g> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@graph")]
    graph: &'g Graph<'a>,
}

impl<'a> Graph<'a> {
    fn new(model: &'a Document, inputs: &'a Inputs, data_license: &'a Licensing) -> Self {
        let ids = Ids::new(model, "");
        let mut order: Vec<usize> = (0..model.components.len()).collect();
        order.sort_by(|&a, &b| ids.of(a).cmp(&ids.of(b)));
        Self {
            model,
            inputs,
            base: String::new(),
            ids,
            order,
            agents: Agents::of(model, inputs),
            licenses: Licenses::of(model, data_license),
            sources: Sources::of(model),
            reversed: Reversed::of(model),
        }
    }

    fn name(&mut self, uuid: Uuid) {
        let name = identity::slug(&self.model.header.name);
        self.base = format!("{}{name}/{uuid}#", identity::NAMESPACE);
    }

    fn document(&self) -> JsonLd<'a, '_> {
        JsonLd { context: CONTEXT, graph: self }
    }

    fn element<'i, T>(&'i self, kind: &'static str, fragment: &'i str, body: T) -> Element<'i, T> {
        Element { kind, spdx_id: self.iri(fragment), creation_info: CREATION_INFO, body }
    }

    fn iri<'i>(&'i self, fragment: &'i str) -> Iri<'i> {
        Iri::new(&self.base, fragment)
    }

    /// Of the component at `index`.
    fn iri_of(&self, index: usize) -> Option<Iri<'_>> {
        Some(self.iri(self.ids.of(index)?))
    }
}

impl Serialize for Graph<'_> {
    /// All elements, in the order of the names of their types.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut graph = serializer.serialize_seq(None)?;
        graph.serialize_element(&self.creation_info())?;
        for relationship in self.scoped_relationships() {
            graph.serialize_element(&relationship)?;
        }
        for agent in self.agents() {
            graph.serialize_element(&agent)?;
        }
        for relationship in self.relationships() {
            graph.serialize_element(&relationship)?;
        }
        if let Some(software) = self.software_agent() {
            graph.serialize_element(&software)?;
        }
        graph.serialize_element(&self.spdx_document())?;
        for tool in self.tools() {
            graph.serialize_element(&tool)?;
        }
        for expression in self.expressions() {
            graph.serialize_element(&expression)?;
        }
        for text in self.license_texts() {
            graph.serialize_element(&text)?;
        }
        for file in self.files() {
            graph.serialize_element(&file)?;
        }
        for package in self.packages() {
            graph.serialize_element(&package)?;
        }
        graph.serialize_element(&self.sbom())?;
        graph.end()
    }
}
