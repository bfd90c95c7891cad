//! Who made something, and with what: organizations, people and tools, each once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Element, Graph,
    iri::{Iri, fragment},
};
use crate::document::{
    Inputs,
    model::{Document, Party, PartyKind, Tool},
    syntax,
};

/// The identifiers of the parties that have a name, and of the tools.
pub(super) struct Agents<'a> {
    parties: BTreeMap<&'a Party, String>,
    tools: BTreeMap<String, &'a Tool>,
}

impl<'a> Agents<'a> {
    pub(super) fn of(model: &'a Document, inputs: &'a Inputs) -> Self {
        let header = &model.header;
        let of_header = header.authors.iter().chain(&header.supplier).chain(&header.manufacturer);
        let of_parts = model.components.iter().flat_map(|part| [&part.supplier, &part.originator]);
        let mut parties = BTreeMap::new();
        for party in of_header.chain(of_parts.filter_map(|party| party.as_deref())) {
            if !parties.contains_key(party) {
                let name = name(party);
                if !name.is_empty() {
                    let content = (&party.name, &party.email, &party.url);
                    parties.insert(party, fragment(class(party), &name, &content));
                }
            }
        }
        let tools = header.tools.iter().chain([&inputs.tool]);
        let tools = tools.map(|tool| (fragment("Tool", &program(tool), &(&tool.name, &tool.version)), tool));
        Self { parties, tools: tools.collect() }
    }
}

/// An organization or a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_identifier: Option<[Mail<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_ref: Option<[Site<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "ExternalIdentifier", rename_all = "camelCase")]
struct Mail<'a> {
    external_identifier_type: &'static str,
    identifier: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "ExternalRef", rename_all = "camelCase")]
struct Site<'a> {
    external_ref_type: &'static str,
    locator: [&'a str; 1],
}

/// A tool, or what acts by itself.
#[derive(Serialize)]
pub(super) struct Program {
    name: String,
}

/// The agent that makes the document where nobody else answers for it.
const SOFTWARE: &str = "SoftwareAgent";

impl Graph<'_> {
    /// The agent that `party` is.
    pub(super) fn agent(&self, party: &Party) -> Option<Iri<'_>> {
        Some(self.iri(self.agents.parties.get(party)?))
    }

    /// Organizations, then people.
    pub(super) fn agents(&self) -> impl Iterator<Item = Element<'_, Agent<'_>>> {
        let agents = self.agents.parties.iter();
        let mut agents: Vec<_> = agents.map(|(party, id)| (class(party), id, *party)).collect();
        agents.sort_unstable();
        agents.into_iter().map(|(class, id, party)| self.element(class, id, agent(party)))
    }

    /// Those who answer for the document.
    pub(super) fn authors(&self) -> Vec<Iri<'_>> {
        let authors = self.model.header.authors.iter();
        let authors: Vec<_> = authors.filter_map(|party| self.agent(party)).collect();
        if authors.is_empty() { vec![self.iri(SOFTWARE)] } else { authors }
    }

    /// This program, where nobody answers for the document.
    pub(super) fn software_agent(&self) -> Option<Element<'_, Program>> {
        let has_author = self.model.header.authors.iter().any(|party| self.agent(party).is_some());
        let body = Program { name: program(&self.inputs.tool) };
        (!has_author).then(|| self.element(SOFTWARE, SOFTWARE, body))
    }

    /// This program, and those that made the documents that were read.
    pub(super) fn tools(&self) -> impl Iterator<Item = Element<'_, Program>> {
        let tools = self.agents.tools.iter();
        tools.map(|(id, tool)| self.element("Tool", id, Program { name: program(tool) }))
    }

    pub(super) fn tool_iris(&self) -> Vec<Iri<'_>> {
        self.agents.tools.keys().map(|id| self.iri(id)).collect()
    }
}

fn agent(party: &Party) -> Agent<'_> {
    let mail = party.email.as_deref().filter(|mail| !mail.is_empty());
    Agent {
        name: name(party),
        external_identifier: mail.map(|identifier| [Mail { external_identifier_type: "email", identifier }]),
        external_ref: party
            .url
            .as_deref()
            .map(|url| [Site { external_ref_type: "altWebPage", locator: [url] }]),
    }
}

fn class(party: &Party) -> &'static str {
    match party.kind {
        PartyKind::Organization => "Organization",
        PartyKind::Person => "Person",
    }
}

/// The mail address for one without a name.
fn name(party: &Party) -> String {
    let name = syntax::one_line(&party.name);
    let name =
        if name.is_empty() { syntax::one_line(party.email.as_deref().unwrap_or_default()) } else { name };
    name.into_owned()
}

/// `NAME-VERSION`.
fn program(tool: &Tool) -> String {
    match tool.version.as_str() {
        "" => tool.name.clone(),
        version => format!("{}-{version}", tool.name),
    }
}
