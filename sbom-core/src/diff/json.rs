//! A difference as JSON, for programs. `schemas/diff.schema.json` describes it; within one `schemaVersion` fields are
//! only added.

use std::io::{self, Write};

use serde::Serialize;

use super::{Aspect, Change, ChangeKind, Diff, Place, Side, State};
use crate::document::model::Gap;

const SCHEMA: &str = "https://sbomctl.dev/schemas/diff.schema.json";
const VERSION: u32 = 1;

/// Writes `diff` as JSON.
pub fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let root = Root {
        schema: SCHEMA,
        schema_version: VERSION,
        different: !diff.is_empty(),
        before: side(&diff.before),
        after: side(&diff.after),
        summary: Summary {
            added: diff.count(ChangeKind::Added),
            removed: diff.count(ChangeKind::Removed),
            upgraded: diff.count(ChangeKind::Upgraded),
            downgraded: diff.count(ChangeKind::Downgraded),
            changed: diff.count(ChangeKind::Changed),
            unchanged: diff.unchanged,
            gaps_added: diff.gaps_added.len(),
            gaps_removed: diff.gaps_removed.len(),
        },
        changes: diff.changes.iter().map(change).collect(),
        gaps_added: &diff.gaps_added,
        gaps_removed: &diff.gaps_removed,
    };
    serde_json::to_writer_pretty(&mut *out, &root)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Root<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    schema_version: u32,
    different: bool,
    before: SideRecord<'a>,
    after: SideRecord<'a>,
    summary: Summary,
    changes: Vec<ChangeRecord<'a>>,
    gaps_added: &'a [Gap],
    gaps_removed: &'a [Gap],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SideRecord<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<&'a str>,
    components: usize,
    gaps: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    added: usize,
    removed: usize,
    upgraded: usize,
    downgraded: usize,
    changed: usize,
    unchanged: usize,
    gaps_added: usize,
    gaps_removed: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeRecord<'a> {
    change: &'static str,
    #[serde(rename = "type")]
    ecosystem: &'a str,
    name: &'a str,
    layer_group: &'static str,
    aspects: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<StateRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<StateRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architecture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<&'a str>,
    hashes: Vec<HashRecord<'a>>,
    locations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerRecord<'a>>,
    copies: usize,
}

#[derive(Serialize)]
struct HashRecord<'a> {
    alg: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerRecord<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
}

fn side(side: &Side) -> SideRecord<'_> {
    SideRecord {
        name: &side.name,
        version: side.version.as_deref(),
        distribution: side.distribution.as_deref(),
        components: side.components,
        gaps: side.gaps,
    }
}

fn change(change: &Change) -> ChangeRecord<'_> {
    ChangeRecord {
        change: change.kind.name(),
        ecosystem: &change.ecosystem,
        name: &change.name,
        layer_group: change.origin.name(),
        aspects: change.aspects.iter().copied().map(Aspect::name).collect(),
        before: change.before.as_ref().map(state),
        after: change.after.as_ref().map(state),
    }
}

fn state(state: &State) -> StateRecord<'_> {
    StateRecord {
        version: state.version.as_deref(),
        architecture: state.architecture.as_deref(),
        purl: state.purl.as_deref(),
        license: state.license.as_deref(),
        supplier: state.supplier.as_deref(),
        hashes: state
            .hashes
            .iter()
            .map(|hash| HashRecord { alg: hash.algorithm.name(), content: &hash.hex })
            .collect(),
        locations: &state.locations,
        layer: state.place.as_ref().map(layer_record),
        copies: state.copies,
    }
}

fn layer_record(place: &Place) -> LayerRecord<'_> {
    LayerRecord {
        index: place.index,
        digest: place.digest.as_deref(),
        created_by: place.created_by.as_deref(),
    }
}
