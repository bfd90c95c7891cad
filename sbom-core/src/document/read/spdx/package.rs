//! A package or file of SPDX 2 → a component.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    statements::{Checksum, ExternalRef, File, Package},
    vocabulary,
};
use crate::{
    document::{
        model::{
            Component, ComponentKind, Hash, HashAlgorithm, Party, Property, Reference, ReferenceKind,
            SourcePackage,
        },
        read::{
            Losses,
            records::{Text, lose},
        },
        syntax,
    },
    purl::Purl,
};

/// The words before the name of a source package, which Trivy knows.
pub(in crate::document) const BUILT_FROM: &str = "built package from: ";

/// What the fields of `package` say of it by themselves: all but licences, annotations and files.
pub(super) fn package(
    package: &mut Package<'_>,
    mut party: impl FnMut(&str) -> Option<Arc<Party>>,
    losses: &mut Losses,
) -> Component {
    let take = std::mem::take::<Text<'_>>;
    let purpose = vocabulary::purpose(&package.purpose);
    if purpose.is_none() && package.purpose.known().is_some() {
        losses.add("packages[].primaryPackagePurpose");
    }
    let mut component = Component {
        kind: purpose.unwrap_or_else(|| vocabulary::kind_by_id(&package.id)),
        name: take(&mut package.name).into_inner().into_owned(),
        version: take(&mut package.version).into_known(),
        copyright: take(&mut package.copyright).into_known(),
        supplier: party(&package.supplier),
        originator: party(&package.originator),
        verification_code: take(&mut package.verification_code.value).into_known(),
        ..Component::default()
    };
    describe(&mut component, take(&mut package.summary), take(&mut package.description));
    checksums(&mut component, &package.checksums, "packages[].checksums[]", losses);
    locations(&mut component, package);
    source(&mut component, &package.source_info);
    for reference in package.external_refs.drain(..) {
        lose(losses, "packages[].externalRefs[].", &reference.unknown);
        external_ref(&mut component, &reference);
    }
    for (name, text) in [
        ("spdx:comment", &package.comment),
        ("spdx:licenseComments", &package.license_comments),
        ("spdx:packageFileName", &package.file_name),
    ] {
        property(&mut component, name, text);
    }
    for text in &package.attribution_texts {
        property(&mut component, "spdx:attributionText", text);
    }
    for excluded in &package.verification_code.excluded {
        property(&mut component, "spdx:packageVerificationCodeExcludedFile", excluded);
    }
    if package.license_from_files.iter().any(|license| license.known().is_some()) {
        losses.add("packages[].licenseInfoFromFiles");
    }
    lose(losses, "packages[].", &package.unknown);
    lose(losses, "packages[].packageVerificationCode.", &package.verification_code.unknown);
    component
}

/// What the fields of `file` say of it by themselves: all but licences and annotations.
pub(super) fn file(file: &mut File<'_>, losses: &mut Losses) -> Component {
    let mut component = Component {
        kind: ComponentKind::File,
        name: path(&file.name),
        copyright: std::mem::take(&mut file.copyright).into_known(),
        ..Component::default()
    };
    checksums(&mut component, &file.checksums, "files[].checksums[]", losses);
    for kind in &file.types {
        property(&mut component, "spdx:fileType", kind);
    }
    // Syft says so in which layer it found the file; as a property of CycloneDX, it gives that this name.
    match file.comment.strip_prefix("layerID: ") {
        Some(layer) => property(&mut component, "syft:location:0:layerID", &Text::from(layer)),
        None => property(&mut component, "spdx:comment", &file.comment),
    }
    property(&mut component, "spdx:noticeText", &file.notice);
    property(&mut component, "spdx:licenseComments", &file.license_comments);
    for text in &file.attribution_texts {
        property(&mut component, "spdx:attributionText", text);
    }
    lose(losses, "files[].", &file.unknown);
    component
}

/// The path of a file within its image. File names of SPDX are relative to the root, and begin with `./` or not.
pub(in crate::document::read) fn path(name: &str) -> String {
    if name.starts_with('/') || name.contains("://") {
        return name.to_owned();
    }
    format!("/{}", name.strip_prefix("./").unwrap_or(name))
}

/// Adds a property, if `value` says anything.
pub(in crate::document::read) fn property(component: &mut Component, name: &str, value: &str) {
    if !matches!(value.trim(), "" | "NOASSERTION") {
        component.properties.push(Property { name: name.to_owned(), value: value.to_owned() });
    }
}

/// Takes in a package URL: the first is the component's own, in the canonical form if it has one.
pub(in crate::document::read) fn add_purl(component: &mut Component, text: &str) {
    let canonical =
        text.trim().parse::<Purl>().map_or_else(|_| text.trim().to_owned(), |purl| purl.to_string());
    match &component.purl {
        None => component.purl = Some(canonical),
        Some(known) if *known == canonical => {}
        Some(_) => property(component, "spdx:purl", &canonical),
    }
}

/// Takes in a CPE name.
pub(in crate::document::read) fn add_cpe(component: &mut Component, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        component.cpes.push(text.to_owned());
    }
}

/// The model has a line for what a component is for; where there is a longer text, too, it goes beside it.
pub(in crate::document::read) fn describe(
    component: &mut Component,
    summary: Text<'_>,
    description: Text<'_>,
) {
    match (summary.into_known(), description.into_known()) {
        (Some(summary), Some(description)) => {
            if summary != description {
                property(component, "spdx:description", &description);
            }
            component.description = Some(summary);
        }
        (summary, description) => component.description = summary.or(description),
    }
}

/// Where it comes from and where to read about it.
fn locations(component: &mut Component, package: &Package<'_>) {
    if let Some(url) = package.homepage.known() {
        component.references.push(reference(ReferenceKind::Website, url));
    }
    if let Some(url) = package.download_location.known() {
        component.references.push(reference(download_kind(url), url));
    }
}

/// What lies at a download location: an archive, or a repository in the spelling `SYSTEM+SCHEME://…`.
pub(in crate::document::read) fn download_kind(url: &str) -> ReferenceKind {
    let system = url.split_once("://").and_then(|(scheme, _)| scheme.split('+').next());
    match system {
        Some("git" | "hg" | "svn" | "bzr") => ReferenceKind::Vcs,
        _ => ReferenceKind::Distribution,
    }
}

pub(in crate::document::read) fn reference(kind: ReferenceKind, url: &str) -> Reference {
    Reference { kind, url: url.to_owned(), comment: None, hashes: Vec::new() }
}

/// Takes in what is said about the source: the package that it was built from, in Trivy's words, or anything else.
pub(super) fn source(component: &mut Component, info: &Text<'_>) {
    let stated = info.strip_prefix(BUILT_FROM).and_then(|rest| rest.trim().rsplit_once(' '));
    match stated {
        Some((name, version)) if !name.trim().is_empty() => {
            let (name, version) = (name.trim().to_owned(), version.to_owned());
            component.source = Some(Box::new(SourcePackage { name, version }));
        }
        _ => property(component, "spdx:sourceInfo", info),
    }
}

fn external_ref(component: &mut Component, external: &ExternalRef<'_>) {
    let (category, kind, locator) = (external.category.trim(), external.kind.trim(), external.locator.trim());
    match kind {
        "purl" => add_purl(component, locator),
        "cpe22Type" | "cpe23Type" => add_cpe(component, locator),
        _ if syntax::is_address(locator) => {
            let known = vocabulary::reference(category, kind);
            let plain = (known == ReferenceKind::Other).then(|| kind.to_owned());
            let comment = external.comment.known().map(str::to_owned).or(plain);
            component.references.push(Reference { comment, ..reference(known, locator) });
        }
        _ => property(component, "spdx:externalRef", &format!("{category} {kind} {locator}")),
    }
}

/// Syft writes the sum of a Go module, which is a digest over digests of its files, as if it were that of an archive.
pub(super) fn module_sums(component: &mut Component) {
    if component.purl_type() != Some("golang") {
        return;
    }
    let is_sum = |hash: &Hash| hash.algorithm == HashAlgorithm::Sha256;
    let (sums, hashes): (Vec<Hash>, Vec<Hash>) =
        std::mem::take(&mut component.hashes).into_iter().partition(is_sum);
    component.hashes = hashes;
    for sum in sums {
        let digits = sum.hex.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.map(byte).collect();
        if let Some(bytes) = bytes {
            property(component, "sbomctl:go:h1", &format!("h1:{}", STANDARD.encode(bytes)));
        }
    }
}

fn checksums(component: &mut Component, checksums: &[Checksum<'_>], place: &str, losses: &mut Losses) {
    for checksum in checksums {
        match vocabulary::hash(&checksum.algorithm, &checksum.value) {
            Some(hash) => component.hashes.push(hash),
            None => losses.add(place),
        }
        lose(losses, "checksums[].", &checksum.unknown);
    }
}
