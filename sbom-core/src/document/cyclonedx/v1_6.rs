//! CycloneDX 1.6: header, dependencies and compositions.

use std::io::{self, Write};

use serde::Serialize;
use uuid::Uuid;

use super::{
    CycloneDxVersion,
    component::{self, Component, Property},
    license::{self, LicenseChoice},
};
use crate::{
    bom::Bom,
    document::{
        Format, Inputs, facts, graph, identity,
        json::{self, Seq},
        outline::{Completeness, Outline},
    },
};

pub(super) fn write(bom: &Bom, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let outline = Outline::new(bom);
    let format = Format::CycloneDxJson(CycloneDxVersion::V1_6);
    let serial = identity::document(&bom.subject, format, inputs, |serial, out| {
        json::write(&document(&outline, inputs, serial), out)
    })?;
    json::write(&document(&outline, inputs, serial), out)
}

fn document<'a>(outline: &'a Outline<'a>, inputs: &'a Inputs, serial: Uuid) -> impl Serialize + 'a {
    Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: CycloneDxVersion::V1_6.as_str(),
        serial_number: format!("urn:uuid:{serial}"),
        version: 1,
        metadata: metadata(outline, inputs),
        components: Seq(|| outline.parts().map(|(role, part)| component::of(outline, role, part))),
        dependencies: Seq(|| dependencies(outline)),
        compositions: compositions(outline),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, C, D, O> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: C,
    dependencies: D,
    compositions: Vec<O>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    lifecycles: [Lifecycle; 1],
    tools: Tools<'a>,
    component: Component<'a>,
    licenses: [LicenseChoice<'a>; 1],
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Lifecycle {
    phase: &'static str,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Tool<'a>; 1],
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    from: &'a str,
    depends_on: Vec<&'a str>,
}

/// How much is known of what `assemblies` consist of, or of what `dependencies` need.
#[derive(Serialize)]
struct Composition<A, D> {
    aggregate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assemblies: Option<A>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependencies: Option<D>,
}

fn metadata<'a>(outline: &'a Outline<'a>, inputs: &'a Inputs) -> Metadata<'a> {
    Metadata {
        timestamp: inputs.timestamp.to_string(),
        lifecycles: [Lifecycle { phase: "post-build" }],
        tools: Tools {
            components: [Tool {
                kind: "application",
                name: &inputs.tool.name,
                version: &inputs.tool.version,
            }],
        },
        component: component::of(outline, outline.root_role, &outline.root),
        licenses: [license::of_documents()],
        properties: facts::gaps(outline).map(|(name, value)| Property::new(name, value)).collect(),
    }
}

/// Every component once, also those that need nothing.
fn dependencies<'a>(outline: &'a Outline<'a>) -> impl Iterator<Item = Dependency<'a>> {
    let system = outline.system.as_ref().map(|system| system.id.as_str());
    let tops = outline.tops.iter().filter_map(|&index| outline.id(index));
    let root = Dependency { from: &outline.root.id, depends_on: system.into_iter().chain(tops).collect() };
    let system = system.map(|from| Dependency { from, depends_on: Vec::new() });
    let components = outline.bom.components.iter().enumerate().map(|(index, component)| {
        let needs =
            graph::outgoing(&outline.bom.edges, index).iter().filter(|edge| graph::is_need(edge.kind));
        let mut depends_on: Vec<&str> = needs.filter_map(|edge| outline.id(edge.to)).collect();
        depends_on.dedup();
        Dependency { from: &component.id, depends_on }
    });
    std::iter::once(root).chain(system).chain(components)
}

fn compositions<'a>(outline: &'a Outline<'a>) -> Vec<impl Serialize + 'a> {
    let of_root = Some(aggregate(outline.completeness(outline.root_role, &outline.root)));
    let dependencies = |completeness: Completeness| {
        move || {
            let nodes = outline.nodes();
            let alike = nodes.filter(move |&(role, node)| outline.completeness(role, node) == completeness);
            alike.map(|(_, node)| node.id.as_str())
        }
    };
    let assembly = of_root.map(|aggregate| Composition {
        aggregate,
        assemblies: Some([outline.root.id.as_str()]),
        dependencies: None,
    });
    let graphs = [Completeness::Complete, Completeness::Incomplete, Completeness::Unknown]
        .into_iter()
        .filter(move |&completeness| dependencies(completeness)().next().is_some())
        .map(move |completeness| Composition {
            aggregate: aggregate(completeness),
            assemblies: None,
            dependencies: Some(Seq(dependencies(completeness))),
        });
    assembly.into_iter().chain(graphs).collect()
}

fn aggregate(completeness: Completeness) -> &'static str {
    match completeness {
        Completeness::Complete => "complete",
        Completeness::Incomplete => "incomplete",
        Completeness::Unknown => "unknown",
    }
}
