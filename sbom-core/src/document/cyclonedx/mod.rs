//! Writes CycloneDX documents. Source: ECMA-424 and the schemas published with it.
//!
//! There is one shape for all versions, `record`, of which each leaves out what it does not have: what that is
//! stands in `version` alone. What a version has no field for becomes a property, which readers take back.

use std::io::{self, Write};

use super::{
    Format, Inputs, edges, identity,
    model::{Completeness, Document},
};
use record::Dependency;

mod component;
mod evidence;
mod header;
mod json;
mod license;
mod party;
mod record;
mod version;
mod xml;

pub use version::CycloneDxVersion;

/// Writes `document` as JSON.
pub(super) fn write_json(
    document: &Document,
    version: CycloneDxVersion,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let format = Format::CycloneDxJson(version);
    let serial = identity::document(document, format, inputs, |serial, out| {
        json::write(document, version, inputs, serial, out)
    })?;
    json::write(document, version, inputs, serial, out)
}

/// Writes `document` as XML.
pub(super) fn write_xml(
    document: &Document,
    version: CycloneDxVersion,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let serial = identity::document(document, Format::CycloneDxXml(version), inputs, |serial, out| {
        xml::write(document, version, inputs, serial, out)
    })?;
    xml::write(document, version, inputs, serial, out)
}

/// The components beside the root.
fn parts(document: &Document) -> impl Iterator<Item = usize> + '_ {
    (0..document.components.len()).filter(|&index| document.root != Some(index))
}

/// What the component at `from` needs. There is one of each component, also of those that need nothing.
fn dependency(document: &Document, from: usize) -> Option<Dependency<'_>> {
    let id = |index: usize| document.components.get(index).map(|component| component.id.as_str());
    let depends_on = edges::needs(document, from).into_iter().filter_map(id).collect();
    Some(Dependency { from: id(from)?, depends_on })
}

/// How much is known of what the root consists of, or of what some components need.
#[derive(Debug, Clone, Copy)]
enum Composition {
    /// Of what the root consists.
    Root(Completeness),
    /// Of what all components of which that much is known need.
    Graph(Completeness),
}

fn compositions(document: &Document) -> impl Iterator<Item = Composition> + '_ {
    let root = document.root().map(|root| Composition::Root(root.completeness));
    let graphs = [Completeness::Complete, Completeness::Incomplete, Completeness::Unknown];
    let graphs = graphs.map(Composition::Graph).into_iter();
    root.into_iter().chain(graphs.filter(|graph| graph.members(document).next().is_some()))
}

impl Composition {
    fn aggregate(self) -> &'static str {
        match self {
            Self::Root(Completeness::Complete) | Self::Graph(Completeness::Complete) => "complete",
            Self::Root(Completeness::Incomplete) | Self::Graph(Completeness::Incomplete) => "incomplete",
            Self::Root(Completeness::Unknown) | Self::Graph(Completeness::Unknown) => "unknown",
        }
    }

    /// The components that it is about.
    fn members(self, document: &Document) -> impl Iterator<Item = &str> {
        let is_member = move |(index, component): &(usize, &super::model::Component)| match self {
            Self::Root(_) => document.root == Some(*index),
            Self::Graph(completeness) => component.completeness == completeness,
        };
        document.components.iter().enumerate().filter(is_member).map(|(_, component)| component.id.as_str())
    }
}
