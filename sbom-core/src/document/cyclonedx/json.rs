//! CycloneDX as JSON: the document as a whole, its dependencies and compositions made as they are written.

use std::io::{self, Write};

use serde::Serialize;
use uuid::Uuid;

use super::{Composition, component, compositions, dependency, header, version::CycloneDxVersion};
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
    let count = model.components.len();
    let part = |index: usize| Some(index).filter(|index| model.root != Some(*index));
    json::write_object(inputs.jobs, out, |document| {
        document.add("$schema", &version.schema())?;
        document.add("bomFormat", &"CycloneDX")?;
        document.add("specVersion", &version.as_str())?;
        document.add("serialNumber", &serial.urn().to_string())?;
        document.add("version", &1)?;
        document.add("metadata", &header::of(model, version, inputs))?;
        document.add_each("components", count, |index| component::of(model, part(index)?, version))?;
        document.add_each("dependencies", count, |index| dependency(model, index))?;
        document
            .add("compositions", &Seq(|| compositions(model).map(|composition| composed(model, composition))))
    })
}

fn composed(model: &Model, composition: Composition) -> Composed<impl Serialize + '_> {
    let members = Seq(move || composition.members(model));
    let aggregate = composition.aggregate();
    match composition {
        Composition::Root(_) => Composed { aggregate, assemblies: Some(members), dependencies: None },
        Composition::Graph(_) => Composed { aggregate, assemblies: None, dependencies: Some(members) },
    }
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
