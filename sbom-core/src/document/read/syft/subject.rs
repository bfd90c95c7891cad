//! What Syft has looked into: the image, folder or file, and its distribution.

use crate::{
    digest::Digest,
    document::{
        model::{
            Component, ComponentKind, Distribution, Hash, HashAlgorithm, LayerDescriptor, ReferenceKind,
        },
        read::{
            records::Text,
            spdx::{add_cpe, property, reference, vocabulary},
            value::{Object, Value},
        },
        syntax,
    },
};

/// The layers, and the subject with its identifier, if there is one. What `source` says beyond that remains in it.
pub(super) fn subject<'a>(source: &mut Object<'a>) -> (Vec<LayerDescriptor>, Option<(Text<'a>, Component)>) {
    let (id, kind) = (source.text("id"), source.text("type"));
    let mut metadata = source.object("metadata");
    let name = [source.text("name"), metadata.text("userInput"), metadata.text("path")];
    let name = name.iter().find_map(Text::known).unwrap_or_default().to_owned();
    if id.is_empty() && kind.is_empty() && name.is_empty() {
        return (Vec::new(), None);
    }
    let mut component = Component {
        kind: match &*kind {
            "image" => ComponentKind::Container,
            "file" => ComponentKind::File,
            _ => ComponentKind::Application,
        },
        name,
        version: source.text("version").into_known(),
        ..Component::default()
    };
    if let Some(supplier) = vocabulary::party(&source.text("supplier")) {
        component.supplier = Some(supplier.into());
    }
    let layers = if &*kind == "image" { image(&mut component, &mut metadata) } else { Vec::new() };
    for mut digest in metadata.objects("digests") {
        component.hashes.extend(vocabulary::hash(&digest.text("algorithm"), &digest.text("value")));
    }
    for (key, value) in metadata.rest() {
        if let Value::Text(value) = value {
            property(&mut component, &format!("syft:source:{}", &*key), &value);
        }
    }
    (layers, Some((id, component)))
}

/// What is said of an image, under the names that it has in the documents of a scan. The manifest and the configuration
/// themselves, which Syft repeats whole, are left out.
fn image(component: &mut Component, metadata: &mut Object<'_>) -> Vec<LayerDescriptor> {
    let manifest = metadata.text("manifestDigest");
    if let Ok(digest) = manifest.parse::<Digest>() {
        property(component, "sbomctl:oci:manifestDigest", &manifest);
        let hex = digest.hex().to_owned();
        component.hashes.extend(
            (manifest.starts_with("sha256:")).then_some(Hash { algorithm: HashAlgorithm::Sha256, hex }),
        );
    }
    for (key, name) in [
        ("imageID", "aquasecurity:trivy:ImageID"),
        ("architecture", "sbomctl:oci:platform:architecture"),
        ("os", "sbomctl:oci:platform:os"),
        ("variant", "sbomctl:oci:platform:variant"),
    ] {
        let text = metadata.text(key);
        property(component, name, &text);
    }
    for (key, name) in
        [("tags", "aquasecurity:trivy:RepoTag"), ("repoDigests", "aquasecurity:trivy:RepoDigest")]
    {
        for text in metadata.texts(key) {
            property(component, name, &text);
        }
    }
    for (label, value) in metadata.object("labels").rest() {
        if let Value::Text(value) = value {
            property(component, &format!("sbomctl:oci:label:{}", &*label), &value);
        }
    }
    for left_out in ["manifest", "config", "mediaType", "imageSize"] {
        metadata.take(left_out);
    }
    let layers = metadata.objects("layers").into_iter().enumerate();
    let described = layers.map(|(index, mut layer)| LayerDescriptor {
        index,
        diff_id: layer.text("digest").parse().ok(),
        media_type: (*layer.text("mediaType")).to_owned(),
        ..LayerDescriptor::default()
    });
    described.collect()
}

/// The operating system and what os-release says of it; none if there is none.
pub(super) fn system(distro: &mut Object<'_>) -> Option<(Component, Distribution)> {
    let id = distro.text("id").into_known()?;
    let version_id = distro.text("versionID").into_known();
    let distribution = Distribution {
        component: 0,
        id: id.clone(),
        id_like: distro.texts("idLike").iter().filter_map(Text::known).map(str::to_owned).collect(),
        version_id: version_id.clone(),
        codename: distro.text("versionCodename").into_known(),
        pretty_name: distro.text("prettyName").into_known(),
    };
    let mut component = Component {
        id: version_id.as_ref().map_or_else(|| format!("os:{id}"), |version| format!("os:{id}@{version}")),
        kind: ComponentKind::OperatingSystem,
        name: id,
        version: version_id,
        ..Component::default()
    };
    let cpe = distro.text("cpeName");
    add_cpe(&mut component, &cpe);
    for (key, kind) in [
        ("homeURL", ReferenceKind::Website),
        ("supportURL", ReferenceKind::Support),
        ("bugReportURL", ReferenceKind::IssueTracker),
    ] {
        let url = distro.text(key);
        if syntax::is_address(&url) {
            component.references.push(reference(kind, &url));
        }
    }
    // What os-release says in other words.
    for said in ["name", "version"] {
        distro.take(said);
    }
    Some((component, distribution))
}
