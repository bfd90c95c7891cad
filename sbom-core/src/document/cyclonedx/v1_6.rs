//! CycloneDX 1.6: header, dependencies and compositions.

use std::io::{self, Write};

use serde::Serialize;
use uuid::Uuid;

use super::{
    CycloneDxVersion,
    component::{self, Component, Property},
    license::{self, LicenseChoice},
};
use crate::document::{
    Format, Inputs, edges, facts, identity,
    json::{self, Seq},
    model::{Completeness, Document as Model, LifecyclePhase},
};

pub(super) fn write(model: &Model, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let format = Format::CycloneDxJson(CycloneDxVersion::V1_6);
    let serial = identity::document(model, format, inputs, |serial, out| {
        json::write(&document(model, inputs, serial), out)
    })?;
    json::write(&document(model, inputs, serial), out)
}

fn document<'a>(model: &'a Model, inputs: &'a Inputs, serial: Uuid) -> impl Serialize + 'a {
    let parts = move || (0..model.components.len()).filter(move |&index| model.root != Some(index));
    Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: CycloneDxVersion::V1_6.as_str(),
        serial_number: format!("urn:uuid:{serial}"),
        version: 1,
        metadata: metadata(model, inputs),
        components: Seq(move || parts().filter_map(move |index| component::of(model, index))),
        dependencies: Seq(move || {
            (0..model.components.len()).filter_map(move |from| dependency(model, from))
        }),
        compositions: compositions(model),
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
    lifecycles: Vec<Lifecycle>,
    tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Component<'a>>,
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

fn metadata<'a>(model: &'a Model, inputs: &'a Inputs) -> Metadata<'a> {
    let phase = |&phase: &LifecyclePhase| Lifecycle { phase: phase.name() };
    Metadata {
        timestamp: inputs.timestamp.to_string(),
        lifecycles: model.header.lifecycles.iter().map(phase).collect(),
        tools: Tools {
            components: [Tool {
                kind: "application",
                name: &inputs.tool.name,
                version: &inputs.tool.version,
            }],
        },
        component: model.root.and_then(|root| component::of(model, root)),
        licenses: [license::of_documents()],
        properties: facts::of_header(model).map(|(name, value)| Property::new(name, value)).collect(),
    }
}

/// Every component once, also those that need nothing.
fn dependency(model: &Model, from: usize) -> Option<Dependency<'_>> {
    let id = |index: usize| model.components.get(index).map(|component| component.id.as_str());
    let depends_on = edges::needs(model, from).into_iter().filter_map(id).collect();
    Some(Dependency { from: id(from)?, depends_on })
}

fn compositions(model: &Model) -> Vec<impl Serialize + '_> {
    let alike = |completeness: Completeness| {
        move || {
            let alike = model.components.iter().filter(move |part| part.completeness == completeness);
            alike.map(|part| part.id.as_str())
        }
    };
    let assembly = model.root().map(|root| Composition {
        aggregate: aggregate(root.completeness),
        assemblies: Some([root.id.as_str()]),
        dependencies: None,
    });
    let graphs = [Completeness::Complete, Completeness::Incomplete, Completeness::Unknown]
        .into_iter()
        .filter(move |&completeness| alike(completeness)().next().is_some())
        .map(move |completeness| Composition {
            aggregate: aggregate(completeness),
            assemblies: None,
            dependencies: Some(Seq(alike(completeness))),
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
