//! A package or file of SPDX 3 → a component.

use super::words;
use crate::document::{
    model::{Component, ComponentKind, Property, Reference, ReferenceKind},
    read::{
        Losses,
        records::Text,
        spdx::{add_cpe, add_purl, package, property, reference, vocabulary},
        value::{Object, Value},
    },
};

/// What `element` says of itself: all but who made it, and its licences. What it says beyond that remains in it.
pub(super) fn component(element: &mut Object<'_>, kind: &str, losses: &mut Losses) -> Component {
    let is_file = kind == "software_File";
    let name = element.text("name");
    let mut component = Component {
        kind: ComponentKind::File,
        name: if is_file { package::path(&name) } else { name.into_inner().into_owned() },
        version: element.text("software_packageVersion").into_known(),
        copyright: element.text("software_copyrightText").into_known(),
        ..Component::default()
    };
    purpose(&mut component, is_file, &element.text("software_primaryPurpose"), losses);
    package::describe(&mut component, element.text("summary"), element.text("description"));
    for purl in [element.text("software_packageUrl")] {
        if purl.known().is_some() {
            add_purl(&mut component, &purl);
        }
    }
    for key in ["externalIdentifier", "externalIdentifiers"] {
        for mut identifier in element.objects(key) {
            external_identifier(&mut component, &mut identifier);
            lose_rest(identifier, "externalIdentifier", losses);
        }
    }
    for key in ["externalRef", "externalRefs"] {
        for mut external in element.objects(key) {
            external_ref(&mut component, &mut external);
            lose_rest(external, "externalRef", losses);
        }
    }
    locations(&mut component, element);
    for integrity in element.objects("verifiedUsing") {
        verified_using(&mut component, integrity, losses);
    }
    for content in element.objects("software_contentIdentifier") {
        content_identifier(&mut component, content);
    }
    package::source(&mut component, &element.text("software_sourceInfo"));
    extensions(&mut component.properties, element);
    property(&mut component, "spdx:comment", &element.text("comment"));
    for (key, name) in [
        ("software_attributionText", "spdx:attributionText"),
        ("software_additionalPurpose", "spdx:additionalPurpose"),
        ("software_fileKind", "spdx:fileKind"),
        ("contentType", "spdx:contentType"),
        ("standardName", "spdx:standardName"),
        ("supportLevel", "spdx:supportLevel"),
    ] {
        for text in element.texts(key) {
            property(&mut component, name, &text);
        }
    }
    component
}

/// Takes the properties out that an element carries as an extension with the names of CycloneDX.
pub(super) fn extensions(properties: &mut Vec<Property>, element: &mut Object<'_>) {
    let mut others = Vec::new();
    for mut extension in element.objects("extension") {
        let entries = extension.objects("extension_cdxProperty");
        if entries.is_empty() {
            others.push(Value::Object(extension));
        }
        for mut entry in entries {
            let name = entry.text("extension_cdxPropName").into_inner().into_owned();
            let value = entry.text("extension_cdxPropValue").into_inner().into_owned();
            properties.push(Property { name, value });
        }
    }
    element.push("extension".into(), Value::List(others));
}

/// Counts what remains of an object within an element.
pub(super) fn lose_rest(object: Object<'_>, place: &str, losses: &mut Losses) {
    let known = ["type", "@type", "@id", "spdxId", "creationInfo"];
    let rest = object.rest().map(|(key, _)| key).filter(|key| !known.contains(&&**key));
    let fields: Vec<Text<'_>> = rest.collect();
    crate::document::read::records::lose(losses, &format!("{place}."), &fields);
}

fn purpose(component: &mut Component, is_file: bool, purpose: &Text<'_>, losses: &mut Losses) {
    if is_file {
        if !matches!(&**purpose, "" | "file") {
            property(component, "spdx:primaryPurpose", purpose);
        }
        return;
    }
    component.kind = ComponentKind::Library;
    match vocabulary::purpose(purpose) {
        Some(kind) => component.kind = kind,
        None if purpose.is_empty() => {}
        None => losses.add("software_Package.software_primaryPurpose"),
    }
}

fn external_identifier(component: &mut Component, identifier: &mut Object<'_>) {
    let kind = identifier.text("externalIdentifierType");
    let text = identifier.text("identifier");
    match &*kind {
        "packageUrl" | "packageURL" | "purl" => add_purl(component, &text),
        "cpe22" | "cpe23" => add_cpe(component, &text),
        _ if text.is_empty() => {}
        _ => property(component, "spdx:externalIdentifier", &format!("{} {}", &*kind, &*text)),
    }
}

fn external_ref(component: &mut Component, external: &mut Object<'_>) {
    let kind = external.text("externalRefType");
    let known = words::reference(&kind);
    let comment = external.text("comment").into_known().or_else(|| {
        let unnamed = known.is_none() && !kind.is_empty();
        unnamed.then(|| (*kind).to_owned())
    });
    for locator in external.texts("locator") {
        let kind = known.unwrap_or(ReferenceKind::Other);
        component.references.push(Reference { comment: comment.clone(), ..reference(kind, &locator) });
    }
}

fn locations(component: &mut Component, element: &mut Object<'_>) {
    if let Some(url) = element.text("software_homePage").known() {
        component.references.push(reference(ReferenceKind::Website, url));
    }
    if let Some(url) = element.text("software_downloadLocation").known() {
        component.references.push(reference(package::download_kind(url), url));
    }
}

fn verified_using(component: &mut Component, mut integrity: Object<'_>, losses: &mut Losses) {
    let kind = [integrity.text("type"), integrity.text("@type")];
    let value = integrity.text("hashValue");
    let algorithm = integrity.text("algorithm");
    if kind.iter().any(|kind| &**kind == "PackageVerificationCode") {
        component.verification_code = value.into_known();
        for excluded in integrity.texts("packageVerificationCodeExcludedFile") {
            property(component, "spdx:packageVerificationCodeExcludedFile", &excluded);
        }
    } else if let Some(hash) = vocabulary::hash(&algorithm, &value) {
        component.hashes.push(hash);
    } else {
        losses.add("verifiedUsing");
    }
    lose_rest(integrity, "verifiedUsing", losses);
}

fn content_identifier(component: &mut Component, mut content: Object<'_>) {
    let kind = content.text("software_contentIdentifierType");
    let value = content.text("software_contentIdentifierValue");
    if !value.is_empty() {
        property(component, "spdx:contentIdentifier", &format!("{} {}", &*kind, &*value));
    }
}
