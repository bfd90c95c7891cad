//! What a query found, for people and for programs.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Paths;
use crate::{
    columns::{Style, Table},
    digest::Digest,
    document::model::{Component, Document},
    image_path::escape_control,
};

/// The version of the JSON that is written; within one, fields are only added.
const VERSION: u32 = 1;
const SCHEMA: &str = "https://sbomctl.dev/schemas/query.schema.json";

/// Writes the components at `found` as a table.
pub fn text(document: &Document, found: &[usize], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&["NAME", "VERSION", "TYPE", "LICENSE", "LAYER", "FOUND IN"]);
    let mut components = components(document, found);
    components.sort_by_key(|component| (&component.name, &component.version, &component.id));
    for component in components {
        let license = license(component).unwrap_or("-");
        let layer = component.layers.map(|layers| layers.introduced.to_string()).unwrap_or_default();
        let mut places = component.evidence.iter().map(|evidence| evidence.location.as_str());
        let first = places.next().unwrap_or_default();
        let place = match places.count() {
            0 => first.to_owned(),
            more => format!("{first} and {more} more"),
        };
        let version = component.version.as_deref().unwrap_or("-");
        let kind = component.purl_type().unwrap_or(component.kind.name());
        table.push(None, [&component.name, version, kind, license, &layer, &place]);
    }
    let mut out = BufWriter::new(out);
    table.write(style, 0, &mut out)?;
    out.flush()
}

/// Writes the package URLs of the components at `found`, one a line. How many have none.
pub fn purls(document: &Document, found: &[usize], out: &mut dyn Write) -> io::Result<usize> {
    let mut out = BufWriter::new(out);
    let components = components(document, found);
    let mut purls: Vec<&str> = components.iter().filter_map(|component| component.purl.as_deref()).collect();
    // What does not look like one may hold line feeds.
    purls.retain(|purl| !purl.contains(char::is_control));
    let without = components.len() - purls.len();
    purls.sort_unstable();
    purls.dedup();
    for purl in purls {
        writeln!(out, "{purl}")?;
    }
    out.flush()?;
    Ok(without)
}

/// Writes the components at `found` as JSON, which `schemas/query.schema.json` describes.
pub fn json(document: &Document, found: &[usize], out: &mut dyn Write) -> io::Result<()> {
    let components = components(document, found).into_iter().map(|component| record(document, component));
    let root = Root {
        schema: SCHEMA,
        schema_version: VERSION,
        document: &document.header.name,
        components: Some(components.collect()),
        paths: None,
    };
    whole(&root, out)
}

/// Writes ways from the root, one after the other, as text.
pub fn paths_text(document: &Document, all: &[(usize, Paths)], out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for (place, (target, found)) in all.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", label(document, *target))?;
        for path in &found.paths {
            let names: Vec<String> = path.iter().map(|&index| label(document, index)).collect();
            writeln!(out, "  {}", names.join(" → "))?;
        }
        if found.paths.is_empty() {
            writeln!(out, "  nothing leads there from what the document is about")?;
        }
        if found.more {
            writeln!(out, "  … and more of the same length")?;
        }
    }
    out.flush()
}

/// Writes ways from the root as JSON, which `schemas/query.schema.json` describes.
pub fn paths_json(document: &Document, all: &[(usize, Paths)], out: &mut dyn Write) -> io::Result<()> {
    let step = |&index: &usize| {
        let component = document.components.get(index)?;
        Some(StepRecord {
            id: &component.id,
            name: &component.name,
            version: component.version.as_deref(),
            purl: component.purl.as_deref(),
        })
    };
    let path = |path: &Vec<usize>| path.iter().filter_map(step).collect::<Vec<_>>();
    let paths = all.iter().filter_map(|(target, found)| {
        Some(PathsRecord {
            component: step(target)?,
            paths: found.paths.iter().map(path).collect(),
            more: found.more,
        })
    });
    let root = Root {
        schema: SCHEMA,
        schema_version: VERSION,
        document: &document.header.name,
        components: None,
        paths: Some(paths.collect()),
    };
    whole(&root, out)
}

fn whole(root: &Root<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, root)?;
    out.write_all(b"\n")?;
    out.flush()
}

fn components<'a>(document: &'a Document, found: &[usize]) -> Vec<&'a Component> {
    found.iter().filter_map(|&index| document.components.get(index)).collect()
}

fn license(component: &Component) -> Option<&str> {
    component.declared.expression.as_deref().or(component.concluded.expression.as_deref())
}

/// Name and version, safe for a terminal.
fn label(document: &Document, index: usize) -> String {
    let Some(component) = document.components.get(index) else { return String::new() };
    let label = match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    };
    escape_control(&label).into_owned()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Root<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    schema_version: u32,
    document: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Vec<Record<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<PathsRecord<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    id: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_license: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concluded_license: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<&'a str>,
    hashes: Vec<HashRecord<'a>>,
    locations: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerRecord>,
}

#[derive(Serialize)]
struct HashRecord<'a> {
    alg: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct LayerRecord {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

#[derive(Serialize)]
struct StepRecord<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
}

#[derive(Serialize)]
struct PathsRecord<'a> {
    component: StepRecord<'a>,
    paths: Vec<Vec<StepRecord<'a>>>,
    more: bool,
}

fn record<'a>(document: &Document, component: &'a Component) -> Record<'a> {
    let mut locations: Vec<&str> =
        component.evidence.iter().map(|evidence| evidence.location.as_str()).collect();
    locations.retain(|location| !location.is_empty());
    locations.sort_unstable();
    locations.dedup();
    let layer = component.layers.map(|layers| {
        let layer = document.layers.get(layers.introduced);
        let digest = layer.and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref()));
        LayerRecord { index: layers.introduced, digest: digest.map(Digest::to_string) }
    });
    let hash = |hash: &'a crate::document::model::Hash| HashRecord {
        alg: hash.algorithm.name(),
        content: &hash.hex,
    };
    Record {
        id: &component.id,
        kind: component.kind.name(),
        group: component.group.as_deref(),
        name: &component.name,
        version: component.version.as_deref(),
        purl: component.purl.as_deref(),
        declared_license: component.declared.expression.as_deref(),
        concluded_license: component.concluded.expression.as_deref(),
        supplier: component.supplier.as_ref().map(|supplier| supplier.name.as_str()),
        hashes: component.hashes.iter().map(hash).collect(),
        locations,
        layer,
    }
}
