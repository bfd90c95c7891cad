//! Reads CycloneDX documents. Source: ECMA-424 and the schemas published with it, 1.0 to 1.7.
//!
//! `records` says which objects there are, `json` and `xml` read them, `component`, `license` and `evidence` turn
//! them into the model's, and `builder` puts those together.

use self::{
    builder::Builder,
    record::{Lost, Outcome, Scope},
    records::{Bom, Composition, Dependency, Metadata},
};
use super::{Context, ReadError, shortened};
use crate::document::model::{
    Completeness, ComponentKind, Distribution, Document, LifecyclePhase, RelationshipKind, Tool,
};

mod builder;
mod component;
mod evidence;
mod json;
mod license;
mod nodes;
mod record;
mod records;
#[cfg(test)]
pub(super) mod tests;
mod values;
mod xml;

/// Reads JSON of the versions 1.2 to 1.7.
pub(super) fn read_json(text: &str, context: &mut Context<'_>) -> Result<Document, ReadError> {
    read(text, context, json::FORMAT, json::read, "1.2, 1.3, 1.4, 1.5, 1.6, 1.7")
}

/// Reads XML of the versions 1.0 to 1.7.
pub(super) fn read_xml(text: &str, context: &mut Context<'_>) -> Result<Document, ReadError> {
    read(text, context, nodes::FORMAT, xml::read, "1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7")
}

fn read(
    text: &str,
    context: &mut Context<'_>,
    format: &'static str,
    notation: fn(&str, &mut Scope<'_>) -> Result<Bom, ReadError>,
    known: &'static str,
) -> Result<Document, ReadError> {
    let mut scope = Scope {
        builder: Builder::new(context.limits, format),
        lost: Lost::new(&mut context.losses),
        failure: None,
    };
    let bom = notation(text, &mut scope)?;
    let version = bom.spec_version.clone().unwrap_or_default();
    if !known.split(", ").any(|known| known == version) {
        return Err(ReadError::Version { format, version: shortened(&version), known });
    }
    context.version = version;
    Ok(scope.document(bom))
}

impl Scope<'_> {
    /// The component at `index` was read.
    fn component(&mut self, index: usize, mut component: records::Component) -> Outcome {
        let id = component.id.clone().filter(|id| !id.is_empty());
        let swid = component.swid.take();
        let made = component::convert(component, &mut self.lost);
        if let (ComponentKind::OperatingSystem, None, Some(swid)) =
            (made.kind, &self.builder.document.distribution, swid)
        {
            self.builder.document.distribution = Some(Distribution {
                component: index,
                id: swid.name.or(swid.tag).unwrap_or_default(),
                version_id: swid.version.filter(|version| !version.is_empty()),
                ..Distribution::default()
            });
        }
        self.builder.finish(index, id.as_deref(), made, &mut self.lost)
    }

    fn dependency(&mut self, dependency: &Dependency) -> Outcome {
        let Some(from) = &dependency.from else {
            self.lost.add("ref: missing", 1);
            return Ok(());
        };
        self.builder.edges(from, &dependency.depends_on, RelationshipKind::DependsOn)?;
        self.builder.edges(from, &dependency.provides, RelationshipKind::Provides)
    }

    fn composition(&mut self, composition: &Composition) {
        let completeness = match composition.aggregate.as_deref() {
            Some("complete") => Completeness::Complete,
            Some("unknown" | "not_specified") => Completeness::Unknown,
            Some("incomplete") => Completeness::Incomplete,
            // Which part is missing has no place.
            Some(name) if name.starts_with("incomplete_") => {
                self.lost.add(&format!("aggregate: {name}"), 1);
                Completeness::Incomplete
            }
            name => {
                self.lost.add(&format!("aggregate: {}", name.unwrap_or("missing")), 1);
                return;
            }
        };
        if composition.assemblies.is_empty() && composition.dependencies.is_empty() {
            self.builder.complete(None, completeness);
        }
        for of in composition.assemblies.iter().chain(&composition.dependencies) {
            self.builder.complete(Some(of), completeness);
        }
    }

    /// Everything was read.
    fn document(mut self, bom: Bom) -> Document {
        let mut document = self.builder.build(&mut self.lost);
        let version = bom.version.unwrap_or_else(|| "1".to_owned());
        document.header.identity = bom.serial_number.filter(|serial| !serial.is_empty()).map(|serial| {
            // As BOM-Link writes it.
            match serial.strip_prefix("urn:uuid:") {
                Some(uuid) => format!("urn:cdx:{uuid}/{version}"),
                None => serial,
            }
        });
        document.header.name = document.root().map(|root| root.name.clone()).unwrap_or_default();
        document.header.properties = component::properties(bom.properties, &mut self.lost);
        if let Some(metadata) = bom.metadata {
            self.lost.enter("metadata", "");
            header(&mut document, metadata, &mut self.lost);
            self.lost.leave();
        }
        document
    }
}

fn header(document: &mut Document, metadata: Metadata, lost: &mut Lost<'_>) {
    let header = &mut document.header;
    if let Some(text) = metadata.timestamp {
        header.timestamp = text.parse().ok();
        lost.add("timestamp: invalid", u64::from(header.timestamp.is_none()));
    }
    for lifecycle in metadata.lifecycles {
        match lifecycle.phase.as_deref().map(LifecyclePhase::from_name) {
            Some(Some(phase)) => header.lifecycles.push(phase),
            Some(None) => lost.add("lifecycles[].phase", 1),
            None => {}
        }
    }
    let tools = metadata.tools.unwrap_or_default();
    for tool in tools.tool.into_iter().chain(tools.components).chain(tools.services) {
        let name = match (tool.group.filter(|group| !group.is_empty()), tool.name) {
            (_, None) => {
                lost.add("tools[]: no name", 1);
                continue;
            }
            (group, Some(name)) => {
                lost.add("tools[].group", u64::from(group.is_some()));
                name
            }
        };
        header.tools.push(Tool { name, version: tool.version.unwrap_or_default() });
    }
    header.authors = metadata.authors.into_iter().filter_map(component::person).collect();
    // The former made the document, the latter its subject.
    let maker = metadata.manufacturer.and_then(|entity| component::entity("manufacturer", entity, lost));
    header.authors.extend(maker);
    let maker = metadata.manufacture.and_then(|entity| component::entity("manufacture", entity, lost));
    header.manufacturer = maker;
    header.supplier = metadata.supplier.and_then(|entity| component::entity("supplier", entity, lost));
    let is_usual = |choice: &records::LicenseChoice| {
        let id = choice.license.as_ref().and_then(|license| license.id.as_deref());
        id == Some("CC0-1.0")
    };
    lost.add("licenses", metadata.licenses.iter().filter(|choice| !is_usual(choice)).count() as u64);
    header.properties.append(&mut component::properties(metadata.properties, lost));
}
