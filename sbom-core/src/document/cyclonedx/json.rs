//! CycloneDX as JSON: the document as a whole, its dependencies and compositions made as they are written.

use std::io::{self, Write};

use serde::Serialize;
use uuid::Uuid;

use super::{
    Composition, component, compositions, dependency, header, parts, record::Metadata,
    version::CycloneDxVersion,
};
use crate::document::{
    Inputs,
    json::{self, Seq},
    model::Document as Model,
};

/// Writes `model` under the identifier `serial`.
pub(super) fn write(
    model: &Model,
    version: CycloneDxVersion,
    inputs: &Inputs,
    serial: Uuid,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = Document {
        schema: version.schema(),
        bom_format: "CycloneDX",
        spec_version: version.as_str(),
        serial_number: serial.urn().to_string(),
        version: 1,
        metadata: header::of(model, version, inputs),
        components: Seq(|| parts(model).filter_map(|index| component::of(model, index, version))),
        dependencies: Seq(|| (0..model.components.len()).filter_map(|from| dependency(model, from))),
        compositions: Seq(|| {
            compositions(model).map(|composition| {
                let members = Seq(move || composition.members(model));
                let aggregate = composition.aggregate();
                match composition {
                    Composition::Root(_) => {
                        Composed { aggregate, assemblies: Some(members), dependencies: None }
                    }
                    Composition::Graph(_) => {
                        Composed { aggregate, assemblies: None, dependencies: Some(members) }
                    }
                }
            })
        }),
    };
    json::write(&document, out)
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
    compositions: O,
}

/// A [`Composition`] and its members.
#[derive(Serialize)]
struct Composed<M> {
    aggregate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assemblies: Option<M>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependencies: Option<M>,
}
