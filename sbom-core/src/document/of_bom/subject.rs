//! The subject of a scan, and its operating system, as components.

use super::{Parties, evidence, hash, reference};
use crate::{
    bom::{self, ExternalReference, Licensing, OperatingSystem, Party, PartyKind},
    digest::Digest,
    document::{
        model::{Component, ComponentKind, Evidence, Property},
        syntax,
    },
    license,
    oci::{Image, Subject, SubjectKind},
    purl::Purl,
};

/// What pins down the content of the subject; none for a folder, and for a file, whose scan depends on its name.
pub(super) fn origin(subject: &Subject) -> Option<String> {
    let SubjectKind::Image(image) = &subject.kind else { return None };
    let scanned = if let Some(digest) = image.manifest_digest.as_ref().or(image.config_digest.as_ref()) {
        digest.clone()
    } else {
        let digest = |layer: &crate::oci::LayerDescriptor| {
            layer.digest.as_ref().or(layer.diff_id.as_ref()).map(Digest::to_string)
        };
        let digests: Vec<String> = subject.layers.iter().map(digest).collect::<Option<_>>()?;
        if digests.is_empty() {
            return None;
        }
        Digest::of(digests.join("\n").as_bytes())
    };
    let tag = subject.tag.as_deref().unwrap_or_default();
    Some([&scanned.to_string(), &subject.name, tag].join("\0"))
}

/// The name that Trivy and the vulnerability databases behind it have for the distribution `id`.
pub(in crate::document) fn family(id: &str) -> &str {
    match id {
        "almalinux" => "alma",
        "amzn" => "amazon",
        "mariner" => "cbl-mariner",
        "ol" => "oracle",
        "rhel" => "redhat",
        "sl-micro" => "slem",
        _ => id,
    }
}

pub(super) fn system(system: &OperatingSystem, is_image: bool, parties: &mut Parties) -> Component {
    let version = system.version_id.as_deref().or(system.version.as_deref()).unwrap_or_default();
    let evidence: Vec<Evidence> =
        system.evidence.iter().cloned().map(|found| evidence(found, is_image)).collect();
    Component {
        id: format!("os:{}@{version}", system.id),
        kind: ComponentKind::OperatingSystem,
        name: family(&system.id).to_owned(),
        version: system.version.clone(),
        description: system.pretty_name.clone(),
        cpes: system.cpe.iter().cloned().collect(),
        supplier: system.supplier.clone().map(|party| parties.share(party)),
        references: system.references.iter().cloned().map(reference).collect(),
        evidence,
        ..Component::default()
    }
}

pub(super) fn component(subject: &Subject, has_system: bool, parties: &mut Parties) -> Component {
    let mut root = Component { name: subject.name.clone(), ..Component::default() };
    match &subject.kind {
        SubjectKind::Image(image) => {
            root.kind = ComponentKind::Container;
            describe_image(&mut root, image, subject.tag.as_deref(), parties);
            root.id = root.purl.clone().unwrap_or_else(|| format!("image:{}", subject.name));
        }
        SubjectKind::Folder => {
            root.kind = if has_system { ComponentKind::Container } else { ComponentKind::Application };
            root.id = format!("folder:{}", subject.name);
        }
        SubjectKind::File(digest) => {
            root.kind = ComponentKind::File;
            root.version = Some(digest.to_string());
            root.hashes.push(hash(digest));
            root.id = format!("file:{digest}:{}", subject.name);
        }
    }
    root
}

fn describe_image(root: &mut Component, image: &Image, tag: Option<&str>, parties: &mut Parties) {
    let label = |name: &str| {
        let value = image.labels.get(&format!("org.opencontainers.image.{name}"))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    };
    root.version = image.manifest_digest.as_ref().or(image.config_digest.as_ref()).map(Digest::to_string);
    root.purl = image.manifest_digest.as_ref().and_then(|digest| image_purl(&root.name, image, digest, tag));
    root.hashes.extend(image.manifest_digest.iter().chain(&image.manifest_sha512).map(hash));
    root.description = label("description").map(str::to_owned);
    let mut party = |kind, name: &str| parties.share(party(kind, name));
    root.supplier = label("vendor").map(|name| party(PartyKind::Organization, name));
    root.originator = label("authors").map(|name| party(PartyKind::Person, name));
    root.declared = label("licenses").map(declared).unwrap_or_default();
    let mut link = |kind, url: Option<String>| {
        root.references.extend(url.map(|url| reference(ExternalReference { kind, url })));
    };
    link(bom::ReferenceKind::Website, label("url").map(str::to_owned));
    link(bom::ReferenceKind::Documentation, label("documentation").map(str::to_owned));
    link(bom::ReferenceKind::Vcs, label("source").map(|source| vcs(source, label("revision"))));
    let digest = image.manifest_digest.as_ref();
    let pulled = image.repository.as_ref().zip(digest).map(|(name, digest)| format!("oci://{name}@{digest}"));
    link(bom::ReferenceKind::Distribution, pulled);
    properties(root, image, tag);
}

/// What an image says of itself and the model has no field for. What is said of its layers follows from
/// [`Document::layers`](crate::document::model::Document::layers).
fn properties(root: &mut Component, image: &Image, tag: Option<&str>) {
    let mut add = |name: &str, value: Option<String>| {
        let value = value.filter(|value| !value.is_empty());
        root.properties.extend(value.map(|value| Property { name: name.to_owned(), value }));
    };
    let digest = |digest: &Option<Digest>| digest.as_ref().map(Digest::to_string);
    add("sbomctl:oci:manifestDigest", digest(&image.manifest_digest));
    add("sbomctl:oci:indexDigest", digest(&image.index_digest));
    add("sbomctl:oci:configDigest", digest(&image.config_digest));
    add("sbomctl:oci:platform:os", Some(image.platform.os.clone()));
    add("sbomctl:oci:platform:architecture", Some(image.platform.architecture.clone()));
    add("sbomctl:oci:platform:variant", image.platform.variant.clone());
    add("sbomctl:oci:platform:osVersion", image.platform.os_version.clone());
    add("sbomctl:oci:created", image.created.clone());
    add("sbomctl:oci:repository", image.repository.clone());
    add("sbomctl:oci:tag", tag.map(str::to_owned));
    for (name, value) in &image.labels {
        add(&format!("sbomctl:oci:label:{name}"), Some(value.clone()));
    }
    add("aquasecurity:trivy:ImageID", digest(&image.config_digest));
    if let Some(repository) = &image.repository {
        let manifest = image.manifest_digest.as_ref();
        add("aquasecurity:trivy:RepoDigest", manifest.map(|digest| format!("{repository}@{digest}")));
        add("aquasecurity:trivy:RepoTag", tag.map(|tag| format!("{repository}:{tag}")));
    }
    for tag in &image.tags {
        add("aquasecurity:trivy:RepoTag", Some(tag.clone()));
    }
}

/// `pkg:oci/demo@sha256:…`: the type's definition wants the last segment of the repository in lower case and the
/// digest of the manifest.
fn image_purl(name: &str, image: &Image, digest: &Digest, tag: Option<&str>) -> Option<String> {
    let name = image.repository.as_deref().unwrap_or(name);
    let last = name.rsplit('/').next().filter(|last| !last.is_empty())?;
    let purl = Purl::new("oci", &last.to_lowercase())
        .version(&digest.to_string())
        .qualifier("arch", &image.platform.architecture)
        .qualifier("repository_url", image.repository.as_deref().unwrap_or_default())
        .qualifier("tag", tag.unwrap_or_default());
    Some(purl.to_string())
}

fn vcs(source: &str, revision: Option<&str>) -> String {
    let plain = source.starts_with("https://") || source.starts_with("http://");
    match revision {
        Some(revision) if plain => format!("git+{source}@{revision}"),
        _ => source.to_owned(),
    }
}

/// `Name <mail>` or a name alone.
fn party(kind: PartyKind, text: &str) -> Party {
    let (name, email) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, mail)) if syntax::is_mail(mail) => (name.trim(), Some(mail.to_owned())),
        _ => (text, None),
    };
    Party { kind, name: name.to_owned(), email, url: None }
}

/// A label is an SPDX expression by its definition; what is none is kept as a licence of that name.
fn declared(label: &str) -> Licensing {
    if spdx::Expression::parse(label).is_ok() && !label.contains("Ref-") {
        return Licensing { expression: Some(label.to_owned()), custom: Vec::new() };
    }
    license::custom(label, label).into()
}
