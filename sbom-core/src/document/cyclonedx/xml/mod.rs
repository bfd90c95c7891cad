//! CycloneDX as XML: the document as a whole, its header, dependencies and compositions. Elements stand in the order
//! that the schemas demand.

use std::io::{self, Write};

use uuid::Uuid;

use super::{
    Composition, component, compositions, dependency, header, parts,
    record::{Metadata, Tool, Tools},
    version::CycloneDxVersion,
};
use crate::document::{Inputs, model::Document};
use markup::{Markup, reference};

mod markup;
mod object;

/// Writes `document` under the identifier `serial`.
pub(super) fn write(
    document: &Document,
    version: CycloneDxVersion,
    inputs: &Inputs,
    serial: Uuid,
    out: &mut dyn Write,
) -> io::Result<()> {
    let namespace = format!("http://cyclonedx.org/schema/bom/{}", version.as_str());
    let serial = serial.urn().to_string();
    let mut markup = Markup::new(out)?;
    let attributes = [("xmlns", namespace.as_str()), ("serialNumber", &serial), ("version", "1")];
    markup.element("bom", &attributes, |out| {
        metadata(out, &header::of(document, version, inputs))?;
        out.element("components", &[], |out| {
            let mut components = parts(document).filter_map(|index| component::of(document, index, version));
            components.try_for_each(|component| object::component(out, &component))
        })?;
        out.element("dependencies", &[], |out| {
            (0..document.components.len()).try_for_each(|from| needs(out, document, from))
        })?;
        out.element("compositions", &[], |out| {
            compositions(document).try_for_each(|composition| composed(out, document, composition))
        })
    })?;
    markup.finish()
}

fn metadata(out: &mut Markup<'_>, metadata: &Metadata<'_>) -> io::Result<()> {
    let Metadata {
        timestamp,
        lifecycles,
        tools,
        authors,
        component,
        manufacturer,
        manufacture,
        supplier,
        licenses,
        properties,
    } = metadata;
    out.element("metadata", &[], |out| {
        out.text("timestamp", &[], timestamp)?;
        out.list("lifecycles", lifecycles, |out, lifecycle| {
            out.element("lifecycle", &[], |out| out.text("phase", &[], lifecycle.phase))
        })?;
        out.element("tools", &[], |out| match tools {
            Tools::Components { components } => {
                out.list("components", components, |out, made_by| tool(out, "component", made_by))
            }
            Tools::List(tools) => tools.iter().try_for_each(|made_by| tool(out, "tool", made_by)),
        })?;
        out.list("authors", authors, |out, author| object::contact(out, "author", author))?;
        component.iter().try_for_each(|component| object::component(out, component))?;
        for (name, entity) in
            [("manufacturer", manufacturer), ("manufacture", manufacture), ("supplier", supplier)]
        {
            entity.iter().try_for_each(|entity| object::entity(out, name, entity))?;
        }
        object::licenses(out, licenses)?;
        object::properties(out, properties)
    })
}

fn tool(out: &mut Markup<'_>, name: &'static str, tool: &Tool<'_>) -> io::Result<()> {
    let kind = tool.kind.map(|kind| ("type", kind));
    out.element(name, kind.as_slice(), |out| {
        out.text("name", &[], tool.name)?;
        out.optional("version", tool.version)
    })
}

fn needs(out: &mut Markup<'_>, document: &Document, from: usize) -> io::Result<()> {
    let Some(dependency) = dependency(document, from) else { return Ok(()) };
    let from = reference(dependency.from);
    if dependency.depends_on.is_empty() {
        return out.empty("dependency", &[("ref", &from)]);
    }
    out.element("dependency", &[("ref", &from)], |out| {
        let mut needs = dependency.depends_on.iter();
        needs.try_for_each(|to| out.empty("dependency", &[("ref", &reference(to))]))
    })
}

fn composed(out: &mut Markup<'_>, document: &Document, composition: Composition) -> io::Result<()> {
    let (list, item) = match composition {
        Composition::Root(_) => ("assemblies", "assembly"),
        Composition::Graph(_) => ("dependencies", "dependency"),
    };
    out.element("composition", &[], |out| {
        out.text("aggregate", &[], composition.aggregate())?;
        out.element(list, &[], |out| {
            let mut members = composition.members(document);
            members.try_for_each(|id| out.empty(item, &[("ref", &reference(id))]))
        })
    })
}
