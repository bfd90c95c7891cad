//! The header of a document: who made it, when, of what.

use super::{
    component, license, party,
    record::{Contact, Lifecycle, Metadata, Property, Tool, Tools},
    version::{CycloneDxVersion, Feature},
};
use crate::document::{
    Inputs,
    facts::{self, Fact, beyond},
    model::{self, Document, Header, LifecyclePhase, Party, PartyKind},
};

/// The header of `document`.
pub(super) fn of<'a>(document: &'a Document, version: CycloneDxVersion, inputs: &'a Inputs) -> Metadata<'a> {
    let header = &document.header;
    let phase = |&phase: &LifecyclePhase| Lifecycle { phase: phase.name() };
    let lifecycles = header.lifecycles.iter().filter(|_| version.has(Feature::Lifecycles));
    let facts = facts::of_header(document).chain(without_field(document, version));
    Metadata {
        timestamp: inputs.timestamp.to_string(),
        lifecycles: lifecycles.map(phase).collect(),
        tools: tools(header, version, inputs),
        authors: authors(header, version).map(party::contact).filter(is_said).collect(),
        component: document.root.and_then(|root| component::of(document, root, version)),
        manufacturer: maker(header, version).map(party::entity),
        manufacture: header.manufacturer.as_ref().map(party::entity),
        supplier: header.supplier.as_ref().map(party::entity),
        licenses: [license::of_documents()],
        properties: facts.map(|(name, value)| Property { name, value }).collect(),
    }
}

fn is_said(contact: &Contact<'_>) -> bool {
    contact.name.is_some() || contact.email.is_some()
}

/// The tools that made what was read, and last the one that makes this.
fn tools<'a>(header: &'a Header, version: CycloneDxVersion, inputs: &'a Inputs) -> Tools<'a> {
    let as_components = version.has(Feature::ToolComponents);
    let others = header.tools.iter().filter(|tool| **tool != inputs.tool);
    let tool = |tool: &'a model::Tool| Tool {
        kind: as_components.then_some("application"),
        name: &tool.name,
        version: Some(tool.version.as_str()).filter(|version| !version.is_empty()),
    };
    let tools = others.chain([&inputs.tool]).map(tool).collect();
    if as_components { Tools::Components { components: tools } } else { Tools::List(tools) }
}

/// The organisation that made the document, if the version has a field for it.
fn maker(header: &Header, version: CycloneDxVersion) -> Option<&Party> {
    let mut organizations = header.authors.iter().filter(|author| author.kind == PartyKind::Organization);
    organizations.next().filter(|_| version.has(Feature::Makers))
}

/// All who made the document and have no other field.
fn authors(header: &Header, version: CycloneDxVersion) -> impl Iterator<Item = &Party> {
    let maker = maker(header, version);
    header.authors.iter().filter(move |author| Some(*author) != maker)
}

fn without_field(document: &Document, version: CycloneDxVersion) -> Vec<Fact<'_>> {
    let header = &document.header;
    let mut facts: Vec<Fact<'_>> = Vec::new();
    if let Some(comment) = &header.comment {
        facts.push(("sbomctl:document:comment".into(), comment.into()));
    }
    if document.root().is_none_or(|root| root.name != header.name) && !header.name.is_empty() {
        facts.push(("sbomctl:document:name".into(), (&header.name).into()));
    }
    if !version.has(Feature::Lifecycles) {
        let phases = header.lifecycles.iter();
        facts.extend(phases.map(|phase| ("sbomctl:document:lifecycle".into(), phase.name().into())));
    }
    let inexact = authors(header, version).filter(|author| !party::is_contact(author));
    let maker = maker(header, version).into_iter().filter(|maker| !party::is_entity(maker));
    facts.extend(inexact.chain(maker).map(|author| beyond::party("sbomctl:document:author", author)));
    for (name, party) in [
        ("sbomctl:document:manufacturer", &header.manufacturer),
        ("sbomctl:document:supplier", &header.supplier),
    ] {
        let inexact = party.as_ref().filter(|party| !party::is_entity(party));
        facts.extend(inexact.map(|party| beyond::party(name, party)));
    }
    facts
}
