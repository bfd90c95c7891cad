//! What documents say of a component beyond the fields of their format: names and values, the same in every
//! format. Properties in CycloneDX, annotations `NAME: VALUE` in SPDX.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;

use super::{
    json,
    outline::{Outline, Role, family},
    syntax,
};
use crate::{
    bom::{Ancestor, Bom, Component, Evidence, Gap, ReferenceKind, Technique, Usage},
    image_path::ImagePath,
    oci::{Image, LayerDescriptor, SubjectKind},
};

/// Names and values, sorted.
pub(super) type Facts<'a> = BTreeSet<(Cow<'a, str>, Cow<'a, str>)>;

/// The longest build instruction that is repeated at each component; the image itself carries it whole.
const CREATED_BY_CHARS: usize = 256;

/// What is said of a component under the project's own names, and Syft's for the distribution.
pub(super) fn own<'a>(outline: &Outline<'a>, role: Role, component: &'a Component) -> Facts<'a> {
    let mut facts = Facts::new();
    let mut add = |name: Cow<'a, str>, value: Cow<'a, str>| {
        facts.insert((name, value));
    };
    for (name, value) in &component.properties {
        add(name.into(), value.into());
    }
    for reference in component.references.iter().filter(|reference| !syntax::is_address(&reference.url)) {
        add(format!("sbomctl:reference:{}", reference_name(reference.kind)).into(), (&reference.url).into());
    }
    let first = cpe(component);
    for other in component.cpes.iter().filter(|other| Some(other.as_str()) != first) {
        add("sbomctl:cpe".into(), other.into());
    }
    if component.usage == Usage::BuildOnly {
        add("sbomctl:usage".into(), "build-only".into());
    }
    match role {
        Role::Container | Role::Folder | Role::File => subject(outline.bom, &mut add),
        Role::System => distribution(outline.bom, &mut add),
        _ => layers(outline.bom, component, &mut add),
    }
    facts
}

/// What is said of a component under Trivy's names, without their prefix `aquasecurity:trivy:`. Trivy and
/// Dependency-Track find vulnerabilities by it.
pub(super) fn trivy(outline: &Outline<'_>, role: Role, component: &Component) -> Vec<(&'static str, String)> {
    let subject = &outline.bom.subject;
    let mut facts = Vec::new();
    match (role, &subject.kind) {
        (Role::Container, SubjectKind::Image(image)) => {
            trivy_image(image, subject.tag.as_deref(), &subject.layers, &mut facts);
        }
        (Role::System, _) => {
            facts.push(("Class", "os-pkgs".to_owned()));
            facts.push(("Type", component.name.clone()));
        }
        (Role::Package | Role::Program | Role::Library, _) => {
            facts.extend(package_type(outline, component).map(|name| ("PkgType", name.to_owned())));
            if let Some(source) = component.source.as_ref().filter(|_| role == Role::Package) {
                facts.push(("SrcName", source.name.clone()));
                facts.push(("SrcVersion", source.version.clone()));
            }
            if let Some(evidence) = component.evidence.first().filter(|_| role != Role::Package) {
                facts.push(("FilePath", evidence.path.to_text().trim_start_matches('/').to_owned()));
            }
            if let Some(layer) = layer(outline.bom, component.layers.introduced) {
                facts.extend(layer.digest.as_ref().map(|digest| ("LayerDigest", digest.to_string())));
                facts.extend(layer.diff_id.as_ref().map(|diff_id| ("LayerDiffID", diff_id.to_string())));
            }
        }
        _ => {}
    }
    // By name alone: diff ids stay in the order of the layers.
    facts.sort_by_key(|&(name, _)| name);
    facts
}

/// What is said of the document's gaps, in its root: each as a record of JSON, and how many there are.
pub(super) fn gaps<'a>(outline: &'a Outline<'_>) -> impl Iterator<Item = (&'static str, String)> + 'a {
    let bom = outline.bom;
    let listed = bom.gaps.iter().map(|gap| ("sbomctl:gap", gap_record(bom, gap)));
    let hidden =
        (bom.gaps_not_listed > 0).then(|| ("sbomctl:gaps:notListed", bom.gaps_not_listed.to_string()));
    listed.chain([("sbomctl:gaps:count", outline.gap_count().to_string())]).chain(hidden)
}

/// The place of a layer, as `layer=DIGEST index=N`; the digest is that of the uncompressed layer, if known.
pub(super) fn layer_place(bom: &Bom, index: usize) -> String {
    let digest = layer(bom, index).and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref()));
    match digest {
        Some(digest) => format!("layer={digest} index={index}"),
        None => format!("index={index}"),
    }
}

/// The first CPE name that is one.
pub(super) fn cpe(component: &Component) -> Option<&str> {
    component.cpes.iter().map(String::as_str).find(|cpe| syntax::is_cpe(cpe))
}

/// One piece of evidence as a record of JSON.
pub(super) fn evidence_record(bom: &Bom, evidence: &Evidence) -> String {
    json::line(&EvidenceRecord {
        technique: technique(evidence.technique),
        confidence: confidence(evidence.confidence),
        layer: evidence.layer,
        diff_id: diff_id(bom, evidence.layer),
        path: evidence.path.to_text(),
        detail: evidence.detail.as_deref(),
    })
}

/// One ancestor as a record of JSON.
pub(super) fn ancestor_record(ancestor: &Ancestor) -> String {
    json::line(&AncestorRecord {
        name: &ancestor.name,
        version: ancestor.version.as_deref(),
        purl: ancestor.purl.as_ref().map(ToString::to_string),
    })
}

/// CycloneDX's name of a technique.
pub(super) fn technique(technique: Technique) -> &'static str {
    match technique {
        Technique::ManifestAnalysis => "manifest-analysis",
        Technique::BinaryAnalysis => "binary-analysis",
    }
}

/// Hundredths as a number from 0 to 1.
pub(super) fn confidence(hundredths: u8) -> f64 {
    f64::from(hundredths.min(100)) / 100.0
}

/// CycloneDX's name of a kind of reference.
pub(super) fn reference_name(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Website => "website",
        ReferenceKind::Vcs => "vcs",
        ReferenceKind::Documentation => "documentation",
        ReferenceKind::IssueTracker => "issue-tracker",
        ReferenceKind::Support => "support",
        ReferenceKind::Distribution => "distribution",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GapRecord<'a> {
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detector: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceRecord<'a> {
    technique: &'static str,
    confidence: f64,
    layer: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff_id: Option<String>,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct AncestorRecord<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

fn gap_record(bom: &Bom, gap: &Gap) -> String {
    json::line(&GapRecord {
        kind: gap.kind.code(),
        message: &gap.message,
        layer: gap.layer,
        diff_id: gap.layer.and_then(|layer| diff_id(bom, layer)),
        path: gap.path.as_ref().map(ImagePath::to_text),
        offset: gap.offset,
        detector: gap.detector,
    })
}

/// A layer of an image; the pseudo-layers of folders and files mean nothing to a reader.
fn layer(bom: &Bom, index: usize) -> Option<&LayerDescriptor> {
    matches!(bom.subject.kind, SubjectKind::Image(_)).then(|| bom.subject.layers.get(index))?
}

fn diff_id(bom: &Bom, index: usize) -> Option<String> {
    layer(bom, index)?.diff_id.as_ref().map(ToString::to_string)
}

fn layers<'a>(bom: &'a Bom, component: &Component, add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>)) {
    if !matches!(bom.subject.kind, SubjectKind::Image(_)) {
        return;
    }
    let layers = component.layers;
    let changed = Some(layers.changed).filter(|&changed| changed != layers.introduced);
    let events = [("introduced", Some(layers.introduced)), ("changed", changed), ("removed", layers.removed)];
    for (event, index) in events {
        let Some(index) = index else { continue };
        add(format!("sbomctl:layer:{event}").into(), layer_place(bom, index).into());
        if let Some(instruction) = layer(bom, index).and_then(|layer| layer.created_by.as_deref()) {
            add(format!("sbomctl:layer:{event}:createdBy").into(), shortened(instruction));
        }
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(CREATED_BY_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn distribution<'a>(bom: &'a Bom, add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>)) {
    let Some(system) = &bom.operating_system else { return };
    add("syft:distro:id".into(), (&system.id).into());
    for (index, like) in system.id_like.iter().enumerate() {
        add(format!("syft:distro:idLike:{index}").into(), like.into());
    }
    for (name, value) in [
        ("syft:distro:versionID", &system.version_id),
        ("syft:distro:versionCodename", &system.codename),
        ("sbomctl:os:codename", &system.codename),
        ("syft:distro:prettyName", &system.pretty_name),
    ] {
        if let Some(value) = value {
            add(name.into(), value.into());
        }
    }
}

fn subject<'a>(bom: &'a Bom, add: &mut impl FnMut(Cow<'a, str>, Cow<'a, str>)) {
    let SubjectKind::Image(image) = &bom.subject.kind else { return };
    let platform = &image.platform;
    let digests = [
        ("sbomctl:oci:manifestDigest", &image.manifest_digest),
        ("sbomctl:oci:indexDigest", &image.index_digest),
        ("sbomctl:oci:configDigest", &image.config_digest),
    ];
    for (name, digest) in digests {
        if let Some(digest) = digest {
            add(name.into(), digest.to_string().into());
        }
    }
    for (name, value) in [
        ("sbomctl:oci:platform:os", Some(&platform.os)),
        ("sbomctl:oci:platform:architecture", Some(&platform.architecture)),
        ("sbomctl:oci:platform:variant", platform.variant.as_ref()),
        ("sbomctl:oci:platform:osVersion", platform.os_version.as_ref()),
        ("sbomctl:oci:created", image.created.as_ref()),
        ("sbomctl:oci:repository", image.repository.as_ref()),
        ("sbomctl:oci:tag", bom.subject.tag.as_ref()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            add(name.into(), value.into());
        }
    }
    for (name, value) in &image.labels {
        add(format!("sbomctl:oci:label:{name}").into(), value.into());
    }
    for (index, layer) in bom.subject.layers.iter().enumerate() {
        let mut fact = |name: &str, value: Option<Cow<'a, str>>| {
            if let Some(value) = value {
                add(format!("sbomctl:oci:layer:{index}:{name}").into(), value);
            }
        };
        fact("digest", layer.digest.as_ref().map(|digest| digest.to_string().into()));
        fact("diffId", layer.diff_id.as_ref().map(|digest| digest.to_string().into()));
        fact("size", layer.size.map(|size| size.to_string().into()));
        fact(
            "mediaType",
            Some(layer.media_type.as_str().into()).filter(|name: &Cow<'_, str>| !name.is_empty()),
        );
        fact("createdBy", layer.created_by.as_deref().map(Cow::Borrowed));
    }
}

fn trivy_image(
    image: &Image,
    tag: Option<&str>,
    layers: &[LayerDescriptor],
    facts: &mut Vec<(&'static str, String)>,
) {
    facts.extend(image.config_digest.as_ref().map(|digest| ("ImageID", digest.to_string())));
    facts.extend(layers.iter().filter_map(|layer| Some(("DiffID", layer.diff_id.as_ref()?.to_string()))));
    if let Some(repository) = &image.repository {
        let digest = image.manifest_digest.as_ref();
        facts.extend(digest.map(|digest| ("RepoDigest", format!("{repository}@{digest}"))));
        facts.extend(tag.map(|tag| ("RepoTag", format!("{repository}:{tag}"))));
    }
    facts.extend(image.tags.iter().map(|tag| ("RepoTag", tag.clone())));
}

/// Trivy's name of the kind of package: for one of an operating system the name of its family.
fn package_type<'a>(outline: &'a Outline<'_>, component: &'a Component) -> Option<&'a str> {
    let purl = component.purl.as_ref()?;
    match purl.kind() {
        "golang" => Some("gobinary"),
        "cargo" => Some("rustbinary"),
        _ if outline.is_of_system(component) => outline.system.as_ref().map(|system| system.name.as_str()),
        "apk" | "deb" => purl.namespace_segments().last().map(|id| family(id)),
        _ => None,
    }
}
