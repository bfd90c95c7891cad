//! A snapshot for GitHub's dependency submission API. Source: GitHub's REST API, “Dependency submission”.
//!
//! Components are grouped by the file they were found in, as GitHub shows them by manifest.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Write},
};

use serde::Serialize;

use crate::document::{
    Inputs, edges, facts, json,
    model::{Component, Document, RelationshipKind, Usage},
};

/// What a snapshot is for: GitHub takes it only with all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The commit, 40 hex digits.
    pub sha: String,
    /// The branch, as `refs/heads/main`.
    pub reference: String,
    /// The identifier of the run that makes it.
    pub job: String,
    /// What the run is one of: a snapshot takes the place of the one before with the same.
    pub correlator: String,
}

/// Writes a snapshot of `document`.
pub fn write(document: &Document, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let needed = needed_by_others(document);
    let mut manifests: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, component) in document.components.iter().enumerate() {
        if document.root == Some(index) || component.purl.is_none() {
            continue;
        }
        let place = component.evidence.first().map_or("", |evidence| evidence.location.as_str());
        manifests.entry(place).or_default().push(index);
    }
    let snapshot = &inputs.snapshot;
    json::write(
        &SnapshotDocument {
            version: 0,
            job: Job { id: &snapshot.job, correlator: &snapshot.correlator },
            sha: &snapshot.sha,
            reference: &snapshot.reference,
            detector: Detector {
                name: &inputs.tool.name,
                version: &inputs.tool.version,
                url: env!("CARGO_PKG_REPOSITORY"),
            },
            scanned: inputs.timestamp.to_string(),
            metadata: Metadata { completeness: facts::completeness_in_words(document) },
            manifests: json::Map(|| {
                manifests.iter().map(|(&place, indices)| {
                    let name = format!("{}:{place}", document.header.name);
                    (name, manifest(document, place, indices, &needed))
                })
            }),
        },
        out,
    )
}

#[derive(Serialize)]
struct SnapshotDocument<'a, M> {
    version: u32,
    job: Job<'a>,
    sha: &'a str,
    #[serde(rename = "ref")]
    reference: &'a str,
    detector: Detector<'a>,
    scanned: String,
    metadata: Metadata,
    manifests: M,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(rename = "sbomctl:completeness")]
    completeness: String,
}

#[derive(Serialize)]
struct Job<'a> {
    id: &'a str,
    correlator: &'a str,
}

#[derive(Serialize)]
struct Detector<'a> {
    name: &'a str,
    version: &'a str,
    url: &'static str,
}

#[derive(Serialize)]
struct Manifest<'a, R> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File<'a>>,
    resolved: R,
}

#[derive(Serialize)]
struct File<'a> {
    source_location: &'a str,
}

#[derive(Serialize)]
struct Resolved<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    package_url: Option<&'a str>,
    relationship: &'static str,
    scope: &'static str,
    dependencies: Vec<&'a str>,
}

fn manifest<'a>(
    document: &'a Document,
    place: &'a str,
    indices: &'a [usize],
    needed: &'a HashSet<usize>,
) -> impl Serialize + 'a {
    let resolved = move |&index: &usize| {
        let component = document.components.get(index)?;
        Some((component.id.as_str(), resolved(document, index, component, needed)))
    };
    Manifest {
        name: if place.is_empty() { document.header.name.as_str() } else { place },
        file: Some(place.trim_start_matches('/'))
            .filter(|place| !place.is_empty())
            .map(|source_location| File { source_location }),
        resolved: json::Map(move || indices.iter().filter_map(resolved)),
    }
}

fn resolved<'a>(
    document: &'a Document,
    index: usize,
    component: &'a Component,
    needed: &HashSet<usize>,
) -> Resolved<'a> {
    let needs = edges::needs(document, index).into_iter().filter_map(|to| document.components.get(to));
    Resolved {
        package_url: component.purl.as_deref(),
        relationship: if needed.contains(&index) { "indirect" } else { "direct" },
        scope: match component.usage {
            Usage::Required => "runtime",
            Usage::BuildOnly => "development",
        },
        dependencies: needs.filter(|need| need.purl.is_some()).map(|need| need.id.as_str()).collect(),
    }
}

/// What other components need, and the subject does not by itself.
fn needed_by_others(document: &Document) -> HashSet<usize> {
    let is_need = |kind: RelationshipKind| kind.is_need() && kind != RelationshipKind::Contains;
    let needs = || document.relationships.iter().filter(|relationship| is_need(relationship.kind));
    let direct: HashSet<usize> =
        needs().filter(|need| Some(need.from) == document.root).map(|need| need.to).collect();
    needs().map(|need| need.to).filter(|to| !direct.contains(to)).collect()
}
