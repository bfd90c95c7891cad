//! An artifact or file of Syft → a component.

use std::{collections::HashMap, sync::Arc};

use crate::document::{
    model::{Component, ComponentKind, Evidence, PartyKind, ReferenceKind, SourcePackage},
    read::{
        Context, Losses,
        records::{Text, lose, records},
        spdx::{Licenses, Whose, add_cpe, add_purl, property, reference, vocabulary},
        value::{Object, Value},
    },
    syntax,
};

records! {
    /// A package.
    Artifact<'a> {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        version: Text<'a> = "version",
        kind: Text<'a> = "type",
        found_by: Text<'a> = "foundBy",
        locations: Vec<Location<'a>> = "locations",
        licenses: Vec<License<'a>> = "licenses",
        language: Text<'a> = "language",
        cpes: Vec<Value<'a>> = "cpes",
        purl: Text<'a> = "purl",
        metadata_type: Text<'a> = "metadataType",
        metadata: Object<'a> = "metadata",
    }

    /// A file in a layer.
    Location<'a> {
        path: Text<'a> = "path",
        layer: Text<'a> = "layerID",
        .. "accessPath" "annotations"
    }

    /// A licence.
    License<'a> {
        value: Text<'a> = "value",
        expression: Text<'a> = "spdxExpression",
        kind: Text<'a> = "type",
        contents: Text<'a> = "contents",
        .. "urls" "locations"
    }

    /// A file that Syft has looked into.
    File<'a> {
        id: Text<'a> = "id",
        location: Location<'a> = "location",
        digests: Vec<Digest<'a>> = "digests",
        metadata: Object<'a> = "metadata",
    }

    /// A digest.
    Digest<'a> {
        algorithm: Text<'a> = "algorithm",
        value: Text<'a> = "value",
    }
}

/// What an artifact says by itself: all but licences and where it was found.
pub(super) fn component(artifact: &mut Artifact<'_>, losses: &mut Losses) -> Component {
    let mut component = Component {
        kind: match &*artifact.kind {
            "binary" => ComponentKind::Application,
            _ => ComponentKind::Library,
        },
        name: (*artifact.name).to_owned(),
        version: artifact.version.known().map(str::to_owned),
        ..Component::default()
    };
    if artifact.purl.known().is_some() {
        add_purl(&mut component, &artifact.purl);
    }
    for cpe in artifact.cpes.drain(..) {
        match cpe {
            Value::Text(cpe) => add_cpe(&mut component, &cpe),
            Value::Object(mut cpe) => add_cpe(&mut component, &cpe.text("cpe")),
            _ => losses.add("artifacts[].cpes[]"),
        }
    }
    for (name, value) in [
        ("syft:package:type", &artifact.kind),
        ("syft:package:foundBy", &artifact.found_by),
        ("syft:package:language", &artifact.language),
        ("syft:package:metadataType", &artifact.metadata_type),
    ] {
        property(&mut component, name, value);
    }
    metadata(&mut component, std::mem::take(&mut artifact.metadata), losses);
    for location in &artifact.locations {
        lose(losses, "artifacts[].locations[].", &location.unknown);
    }
    lose(losses, "artifacts[].", &artifact.unknown);
    component
}

/// What a file says by itself, its identifier, and where it is.
pub(super) fn file<'a>(file: File<'a>, losses: &mut Losses) -> (Component, Text<'a>, Location<'a>) {
    let mut component = Component {
        kind: ComponentKind::File,
        name: (*file.location.path).to_owned(),
        ..Component::default()
    };
    lose(losses, "files[].location.", &file.location.unknown);
    for digest in &file.digests {
        lose(losses, "files[].digests[].", &digest.unknown);
        hash(&mut component, &digest.algorithm, &digest.value, "files[].digests[]", losses);
    }
    for (key, value) in file.metadata.rest() {
        match value {
            Value::Text(value) => property(&mut component, &format!("syft:metadata:{}", &*key), &value),
            _ => lose(losses, "files[].metadata.", &[key]),
        }
    }
    lose(losses, "files[].", &file.unknown);
    (component, file.id, file.location)
}

/// The licences of an artifact: all of each type apply at once.
pub(super) fn licenses<'a>(
    stated: Vec<License<'a>>,
    index: usize,
    licenses: &mut Licenses<'a>,
    context: &mut Context<'_>,
) {
    let (mut declared, mut concluded) = (Vec::new(), Vec::new());
    for license in stated {
        lose(&mut context.losses, "artifacts[].licenses[].", &license.unknown);
        let known = license.expression.known().is_some();
        if !known && license.contents.known().is_some() {
            licenses.define(license.value.clone().into_inner(), &license.value, &license.contents);
        }
        let list = if &*license.kind == "concluded" { &mut concluded } else { &mut declared };
        list.push(if known { license.expression } else { license.value });
    }
    licenses.state(index, Whose::Declared, declared, context, "artifacts[].licenses[]");
    licenses.state(index, Whose::Concluded, concluded, context, "artifacts[].licenses[]");
}

/// A location as evidence; `layers` gives the index of each layer by the digest of its uncompressed archive.
pub(super) fn evidence(location: &Location<'_>, layers: &HashMap<String, usize>) -> Evidence {
    Evidence {
        location: (*location.path).to_owned(),
        layer: layers.get(&*location.layer).copied(),
        technique: None,
        confidence: None,
        detail: None,
    }
}

/// What the database of packages says. Fields of the model come first; the rest is kept under Syft's names, unless it
/// is a list or record.
fn metadata(component: &mut Component, mut metadata: Object<'_>, losses: &mut Losses) {
    component.source = source(component, &mut metadata).map(Box::new);
    component.description = metadata.text("description").into_known();
    for key in ["homepage", "url"] {
        let url = metadata.text(key);
        if syntax::is_address(&url) {
            component.references.push(reference(ReferenceKind::Website, &url));
        } else {
            property(component, &format!("syft:metadata:{key}"), &url);
        }
    }
    for key in ["maintainer", "packager", "author"] {
        let text = metadata.text(key);
        match vocabulary::party(&text) {
            Some(mut party) if component.originator.is_none() => {
                party.kind = PartyKind::Person;
                component.originator = Some(Arc::new(party));
            }
            _ => property(component, &format!("syft:metadata:{key}"), &text),
        }
    }
    if let Some(vendor) = vocabulary::party(&metadata.text("vendor")) {
        component.supplier = Some(Arc::new(vendor));
    }
    let ours = [
        ("h1Digest", "sbomctl:go:h1"),
        ("pullChecksum", "sbomctl:apk:checksum"),
        ("gitCommitOfApkPort", "sbomctl:apk:commit"),
    ];
    for (key, name) in ours {
        let text = metadata.text(key);
        property(component, name, &text);
    }
    for (key, value) in metadata.rest() {
        match value {
            // What the artifact has said before.
            Value::Text(_) if matches!(&*key, "package" | "name" | "version") => {}
            Value::Text(value) => property(component, &format!("syft:metadata:{}", &*key), &value),
            _ => lose(losses, "artifacts[].metadata.", &[key]),
        }
    }
}

/// The source package: `source` of Debian, `originPackage` of Alpine, `sourceRpm`.
fn source(component: &Component, metadata: &mut Object<'_>) -> Option<SourcePackage> {
    let version = component.version.clone().unwrap_or_default();
    if let Some(name) = metadata.text("originPackage").into_known() {
        return Some(SourcePackage { name, version });
    }
    if component.purl_type() == Some("deb") {
        let name = metadata.text("source").into_known().unwrap_or_else(|| component.name.clone());
        let version = metadata.text("sourceVersion").into_known().unwrap_or(version);
        return Some(SourcePackage { name, version });
    }
    let file = metadata.text("sourceRpm");
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

fn hash(component: &mut Component, algorithm: &str, value: &str, place: &str, losses: &mut Losses) {
    match vocabulary::hash(algorithm, value) {
        Some(hash) => component.hashes.push(hash),
        None => losses.add(place),
    }
}
