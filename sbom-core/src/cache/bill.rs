//! The bill of an image ↔ the body of an entry.
//!
//! What was scanned is left out and set on reading: an image is known by its layers here, whatever it is called.

use super::{
    codec::{Body, Malformed, Reader, Record, Writer},
    layer::{put_gap, take_gap},
    records::{choice, record},
};
use crate::{
    bom::{
        Ancestor, Attribution, Bom, Component, ComponentKind, Edge, EdgeKind, EmbeddedDocument, Evidence,
        ExternalReference, FileEntry, FileKind, OperatingSystem, OwnedFiles, Party, PartyKind, ReferenceKind,
        SourcePackage, Subject, Technique, Usage,
    },
    purl::Purl,
};

/// None if it would be more than `most` bytes.
pub(super) fn write(bom: &Bom, most: usize) -> Option<Vec<u8>> {
    let Bom {
        subject: _,
        operating_system,
        components,
        edges,
        files,
        embedded,
        files_not_listed,
        gaps,
        gaps_not_listed,
    } = bom;
    let mut out = Writer::within(most);
    operating_system.put(&mut out);
    components.put(&mut out);
    edges.put(&mut out);
    files.put(&mut out);
    embedded.put(&mut out);
    files_not_listed.put(&mut out);
    out.length(gaps.len());
    for gap in gaps {
        gap.layer.put(&mut out);
        put_gap(gap, &mut out);
    }
    gaps_not_listed.put(&mut out);
    out.finish()
}

/// `detectors` are the names that they have.
pub(super) fn read(body: &Body<'_>, subject: &Subject, detectors: &[&'static str]) -> Result<Bom, Malformed> {
    let mut input = Reader::within(body);
    let bom = Bom {
        subject: subject.clone(),
        operating_system: Record::take(&mut input)?,
        components: Record::take(&mut input)?,
        edges: Record::take(&mut input)?,
        files: Record::take(&mut input)?,
        embedded: Record::take(&mut input)?,
        files_not_listed: Record::take(&mut input)?,
        gaps: input.list(|input| {
            let layer = Record::take(input)?;
            take_gap(input, layer, detectors)
        })?,
        gaps_not_listed: Record::take(&mut input)?,
    };
    input.finish()?;
    if leads_nowhere(&bom) { Err(Malformed) } else { Ok(bom) }
}

/// Whether an index in `bom` is one of nothing.
fn leads_nowhere(bom: &Bom) -> bool {
    let (components, layers) = (bom.components.len(), bom.subject.layers.len());
    let edges = bom.edges.iter().flat_map(|edge| [edge.from, edge.to]);
    let owners = bom.files.iter().filter_map(|file| file.owner);
    let evidence = bom.components.iter().flat_map(|component| &component.evidence);
    let evidence = evidence.chain(bom.operating_system.iter().flat_map(|system| &system.evidence));
    let attributed = bom.components.iter().flat_map(|component| {
        let Attribution { introduced, changed, removed } = component.layers;
        [introduced, changed].into_iter().chain(removed)
    });
    let in_layers = (evidence.map(|evidence| evidence.layer))
        .chain(attributed)
        .chain(bom.files.iter().map(|file| file.layer))
        .chain(bom.embedded.iter().map(|document| document.layer))
        .chain(bom.gaps.iter().filter_map(|gap| gap.layer));
    edges.chain(owners).any(|index| index >= components) || in_layers.into_iter().any(|index| index >= layers)
}

record!(OperatingSystem {
    id,
    id_like,
    version,
    version_id,
    codename,
    pretty_name,
    cpe,
    supplier,
    references,
    evidence,
});
record!(Component {
    id,
    kind,
    name,
    version,
    purl,
    cpes,
    description,
    licenses,
    concluded,
    supplier,
    originator,
    source,
    ancestors,
    references,
    hashes,
    files,
    usage,
    requested,
    properties by properties,
    evidence,
    layers,
});
choice!(ComponentKind { 0 => OsPackage, 1 => Application, 2 => Library, 3 => OperatingSystem });
choice!(Usage { 0 => Required, 1 => BuildOnly });
record!(Party { kind, name, email, url });
choice!(PartyKind { 0 => Person, 1 => Organization });
record!(SourcePackage { name, version });
record!(Ancestor { name, version, purl });
record!(ExternalReference { kind, url });
choice!(ReferenceKind {
    0 => Website,
    1 => Vcs,
    2 => Documentation,
    3 => IssueTracker,
    4 => Support,
    5 => Distribution,
});
record!(Evidence { layer, path, technique, confidence, detail });
choice!(Technique { 0 => ManifestAnalysis, 1 => BinaryAnalysis });
record!(Attribution { introduced, changed, removed });
record!(Edge { from, to, kind });
choice!(EdgeKind {
    0 => DependsOn,
    1 => DependsOnAlternative,
    2 => Recommends,
    3 => Suggests,
    4 => Breaks,
    5 => BuildDependsOn,
    6 => Owns,
});
record!(EmbeddedDocument { path, layer, bytes });
record!(FileEntry { path, kind, layer, owner });

/// Facts by name: each name once, then its values.
mod properties {
    use std::collections::BTreeSet;

    use super::{Malformed, Reader, Record, Writer};

    /// Room that is made for values before they are seen.
    const USUAL: usize = 64;

    pub(super) fn put(properties: &BTreeSet<(String, String)>, out: &mut Writer) {
        let all = Vec::from_iter(properties);
        let named = all.chunk_by(|(a, _), (b, _)| a == b);
        out.length(named.clone().count());
        for values in named {
            let name = values.first().map_or("", |(name, _)| name);
            out.bytes(name.as_bytes());
            out.length(values.len());
            for (_, value) in values {
                out.repeats(name);
                value.put(out);
            }
        }
    }

    pub(super) fn take(input: &mut Reader<'_>) -> Result<BTreeSet<(String, String)>, Malformed> {
        let mut properties = Vec::new();
        for _ in 0..input.length()? {
            let name = input.str()?;
            let values = input.length()?;
            properties.reserve(values.min(USUAL));
            for _ in 0..values {
                input.repeats(name)?;
                properties.push((name.to_owned(), String::take(input)?));
            }
        }
        Ok(properties.into_iter().collect())
    }
}

record!(Purl { kind, namespace, name, version, qualifiers by qualifiers, subpath });

/// Pairs that are sorted by their keys, each of which is there once.
mod qualifiers {
    use super::{Malformed, Reader, Record, Writer};

    pub(super) fn put(qualifiers: &Vec<(String, String)>, out: &mut Writer) {
        qualifiers.put(out);
    }

    pub(super) fn take(input: &mut Reader<'_>) -> Result<Vec<(String, String)>, Malformed> {
        let qualifiers: Vec<(String, String)> = Record::take(input)?;
        let is_sorted = qualifiers.is_sorted_by(|(a, _), (b, _)| a < b);
        if is_sorted { Ok(qualifiers) } else { Err(Malformed) }
    }
}

impl Record for OwnedFiles {
    fn put(&self, out: &mut Writer) {
        out.owned_files(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.owned_files()
    }
}

impl Record for FileKind {
    fn put(&self, out: &mut Writer) {
        match self {
            Self::Regular { size, mode, digests } => {
                out.byte(0);
                size.put(out);
                mode.put(out);
                digests.put(out);
            }
            Self::Symlink { target } => {
                out.byte(1);
                target.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        match input.byte()? {
            0 => Ok(Self::Regular {
                size: Record::take(input)?,
                mode: Record::take(input)?,
                digests: Record::take(input)?,
            }),
            1 => Ok(Self::Symlink { target: Record::take(input)? }),
            _ => Err(Malformed),
        }
    }
}
