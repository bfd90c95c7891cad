//! Properties and annotations → the model's fields, for readers.

use std::{collections::HashSet, str::FromStr as _, sync::Arc};

use super::{
    AncestorRecord, EvidenceRecord, TRIVY,
    beyond::{self, Beyond},
    hundredths, of,
};
use crate::{
    digest::Digest,
    document::model::{
        Ancestor, Attribution, Completeness, Component, ComponentKind, Distribution, Document, Evidence, Gap,
        LayerDescriptor, Party, Property, ReferenceKind, SourcePackage, Technique, Usage,
    },
    oci::Proof,
    purl::Purl,
};

/// Layers beyond this number are no layers: images have at most a hundred and some.
const MOST_LAYERS: usize = 1024;
/// References of one component beyond this number stay properties: each is compared with those before it.
const MOST_REFERENCES: usize = 1024;

/// Takes out of the properties of `document`, as a reader left them, those that the model has fields for, and those
/// that a writer makes anew. Whatever is not understood stays a property.
pub(in crate::document) fn absorb(document: &mut Document) {
    header(document);
    find_layers(document);
    let layers = std::mem::take(&mut document.layers);
    for component in &mut document.components {
        let properties = std::mem::take(&mut component.properties);
        let mut beyond = Beyond::default();
        let rest =
            properties.into_iter().filter_map(|property| take(component, &mut beyond, property, &layers));
        let rest = rest.collect();
        component.properties = rest;
        beyond.settle(component);
        syft_locations(component, &layers);
        trivy_fields(component, &layers);
        beyond::source_is_no_ancestor(component);
    }
    document.layers = layers;
    find_distribution(document);
    drop_what_follows(document);
}

fn header(document: &mut Document) {
    let mut hidden = 0;
    let mut gaps = Vec::new();
    document.header.properties.retain(|property| match property.name.as_str() {
        "sbomctl:gap" => match serde_json::from_str::<Gap>(&property.value) {
            Ok(gap) => {
                gaps.push(gap);
                false
            }
            Err(_) => true,
        },
        "sbomctl:gaps:notListed" => match property.value.parse::<u64>() {
            Ok(count) => {
                hidden = count;
                false
            }
            Err(_) => true,
        },
        // Follows from the others.
        "sbomctl:gaps:count" => property.value.parse::<u64>().is_err(),
        _ => true,
    });
    let properties = std::mem::take(&mut document.header.properties);
    for property in properties {
        let name = property.name.strip_prefix("sbomctl:document:");
        let taken = name.and_then(|name| beyond::take_header(&mut document.header, name, &property.value));
        if taken.is_none() {
            document.header.properties.push(property);
        }
    }
    document.gaps.append(&mut gaps);
    document.gaps_not_listed = document.gaps_not_listed.saturating_add(hidden);
}

/// The table of layers: as the root lists them, else as Trivy's or Syft's properties name them.
fn find_layers(document: &mut Document) {
    if !document.layers.is_empty() {
        return;
    }
    if let Some(root) = document.root.and_then(|root| document.components.get_mut(root)) {
        let mut layers: Vec<LayerDescriptor> = Vec::new();
        root.properties.retain(|property| {
            if property.name == "sbomctl:oci:layers" {
                return layer_count(&mut layers, &property.value).is_none();
            }
            let Some(rest) = property.name.strip_prefix("sbomctl:oci:layer:") else { return true };
            layer_fact(&mut layers, rest, &property.value).is_none()
        });
        document.layers = layers;
    }
    if !document.layers.is_empty() {
        return;
    }
    let is_diff_id = |name: &str| {
        name.strip_prefix(TRIVY).is_some_and(|name| name == "DiffID" || name == "LayerDiffID")
            || name.strip_prefix("syft:location:").is_some_and(|rest| rest.ends_with(":layerID"))
    };
    let root = document.root.and_then(|root| document.components.get(root));
    let mut layers: Vec<LayerDescriptor> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for property in root.into_iter().chain(&document.components).flat_map(|component| &component.properties) {
        if is_diff_id(&property.name)
            && layers.len() < MOST_LAYERS
            && let Ok(digest) = Digest::from_str(&property.value)
            && seen.insert(digest.clone())
        {
            let index = layers.len();
            layers.push(LayerDescriptor { index, diff_id: Some(digest), ..LayerDescriptor::default() });
        }
    }
    document.layers = layers;
}

/// Makes place for as many layers as there are.
fn layer_count(layers: &mut Vec<LayerDescriptor>, count: &str) -> Option<()> {
    let count = count.parse().ok().filter(|&count: &usize| count <= MOST_LAYERS)?;
    while layers.len() < count {
        layers.push(LayerDescriptor { index: layers.len(), ..LayerDescriptor::default() });
    }
    Some(())
}

/// `0:diffId` and its value.
fn layer_fact(layers: &mut Vec<LayerDescriptor>, name: &str, value: &str) -> Option<()> {
    let (index, name) = name.split_once(':')?;
    let index = index.parse().ok().filter(|&index: &usize| index < MOST_LAYERS)?;
    let mut layer = LayerDescriptor::default();
    match name {
        "digest" => layer.digest = Some(value.parse().ok()?),
        "diffId" => layer.diff_id = Some(value.parse().ok()?),
        "size" => layer.size = Some(value.parse().ok()?),
        "mediaType" => value.clone_into(&mut layer.media_type),
        "createdBy" => layer.created_by = Some(value.to_owned()),
        "partial" => layer.partial = Some(Proof::from_code(value)?),
        _ => return None,
    }
    while layers.len() <= index {
        layers.push(LayerDescriptor { index: layers.len(), ..LayerDescriptor::default() });
    }
    let known = layers.get_mut(index)?;
    known.digest = known.digest.take().or(layer.digest);
    known.diff_id = known.diff_id.take().or(layer.diff_id);
    known.size = known.size.or(layer.size);
    known.created_by = known.created_by.take().or(layer.created_by);
    known.partial = known.partial.or(layer.partial);
    if known.media_type.is_empty() {
        known.media_type = layer.media_type;
    }
    Some(())
}

/// Puts `property` where the model has a field for it; gives it back if it has none.
fn take(
    component: &mut Component,
    beyond: &mut Beyond,
    property: Property,
    layers: &[LayerDescriptor],
) -> Option<Property> {
    let Some(name) = property.name.strip_prefix("sbomctl:") else { return Some(property) };
    if name.starts_with("reference") && component.references.len() >= MOST_REFERENCES {
        return Some(property);
    }
    let value = property.value.as_str();
    let taken = match name {
        "cpe" => {
            component.cpes.push(value.to_owned());
            Some(())
        }
        "group" => {
            component.group = Some(value.to_owned());
            Some(())
        }
        "usage" => (value == "build-only").then(|| component.usage = Usage::BuildOnly),
        "kind" => ComponentKind::from_name(value).map(|kind| component.kind = kind),
        "completeness" => match value {
            "complete" => {
                component.completeness = Completeness::Complete;
                Some(())
            }
            "incomplete" => {
                component.completeness = Completeness::Incomplete;
                Some(())
            }
            _ => None,
        },
        "purl" => component.purl.is_none().then(|| component.purl = Some(value.to_owned())),
        "supplier:url" => party_url(component.supplier.as_mut(), value),
        "originator:url" => party_url(component.originator.as_mut(), value),
        // Readers take it before anything refers to the component.
        "id" => (component.id == value).then_some(()),
        "evidence" => evidence(value, layers).map(|evidence| beyond.evidence.push(evidence)),
        "ancestor" => ancestor(value).map(|ancestor| component.ancestors.push(ancestor)),
        _ => match (name.strip_prefix("reference:"), name.strip_prefix("layer:")) {
            (Some(kind), _) => {
                ReferenceKind::from_name(kind).map(|kind| beyond::refer(component, kind, value))
            }
            (_, Some(event)) => layer_event(component, event, value, layers.len()),
            _ => Beyond::take(component, name, value),
        },
    };
    if taken.is_some() { None } else { Some(property) }
}

fn evidence(record: &str, layers: &[LayerDescriptor]) -> Option<Evidence> {
    let record: EvidenceRecord = serde_json::from_str(record).ok()?;
    Some(Evidence {
        location: record.path,
        layer: record.layer.filter(|&layer| layer < layers.len()),
        technique: match record.technique {
            Some(name) => Some(Technique::from_name(&name)?),
            None => None,
        },
        confidence: match record.confidence {
            Some(confidence) => Some(hundredths(confidence)?),
            None => None,
        },
        detail: record.detail,
    })
}

fn ancestor(record: &str) -> Option<Ancestor> {
    let record: AncestorRecord = serde_json::from_str(record).ok()?;
    let purl = match record.purl {
        Some(purl) => Some(purl.parse::<Purl>().ok()?),
        None => None,
    };
    Some(Ancestor { name: record.name, version: record.version, purl })
}

fn party_url(party: Option<&mut Arc<Party>>, url: &str) -> Option<()> {
    let party = party.filter(|party| party.url.is_none())?;
    Arc::make_mut(party).url = Some(url.to_owned());
    Some(())
}

/// `introduced` and the place of a layer.
fn layer_event(component: &mut Component, event: &str, place: &str, count: usize) -> Option<()> {
    let index = place.rsplit_once("index=")?.1.parse().ok().filter(|&index: &usize| index < count)?;
    let new = component.layers.is_none();
    let layers = component.layers.get_or_insert_with(Attribution::default);
    match event {
        "introduced" => {
            layers.introduced = index;
            // `changed` is said only where it is another.
            if new {
                layers.changed = index;
            }
        }
        // Properties may come in any order, but are written in this: `changed` before `introduced`.
        "changed" => layers.changed = index,
        "removed" => layers.removed = Some(index),
        _ => {
            if new {
                component.layers = None;
            }
            return None;
        }
    }
    Some(())
}

/// `syft:location:0:path` and `syft:location:0:layerID`: where Syft found the component.
fn syft_locations(component: &mut Component, layers: &[LayerDescriptor]) {
    let mut found: std::collections::BTreeMap<u64, (Option<String>, Option<usize>)> =
        std::collections::BTreeMap::new();
    component.properties.retain(|property| {
        let Some(rest) = property.name.strip_prefix("syft:location:") else { return true };
        let Some((number, what)) = rest.split_once(':') else { return true };
        let Ok(number) = number.parse::<u64>() else { return true };
        match what {
            "path" => found.entry(number).or_default().0 = Some(property.value.clone()),
            "layerID" => match layer_of(&property.value, layers) {
                Some(layer) => found.entry(number).or_default().1 = Some(layer),
                None => return true,
            },
            _ => return true,
        }
        false
    });
    for (path, layer) in found.into_values() {
        if let Some(location) = path {
            component.evidence.push(Evidence {
                location,
                layer,
                technique: None,
                confidence: None,
                detail: None,
            });
        }
        if let (Some(layer), None) = (layer, component.layers) {
            component.layers = Some(Attribution { introduced: layer, changed: layer, removed: None });
        }
    }
}

fn layer_of(diff_id: &str, layers: &[LayerDescriptor]) -> Option<usize> {
    let digest = Digest::from_str(diff_id).ok()?;
    layers.iter().position(|layer| layer.diff_id.as_ref() == Some(&digest))
}

/// What Trivy's properties say and the fields do not yet.
fn trivy_fields(component: &mut Component, layers: &[LayerDescriptor]) {
    let said = |name: &str| component.property(&format!("{TRIVY}{name}")).map(str::to_owned);
    let (source, path, diff_id) = (said("SrcName"), said("FilePath"), said("LayerDiffID"));
    if let (Some(name), None) = (source, &component.source) {
        let epoch = said("SrcEpoch").filter(|epoch| epoch != "0").map(|epoch| format!("{epoch}:"));
        let release = said("SrcRelease").map(|release| format!("-{release}"));
        let version = said("SrcVersion").unwrap_or_default();
        let version = format!("{}{version}{}", epoch.unwrap_or_default(), release.unwrap_or_default());
        component.source = Some(Box::new(SourcePackage { name, version }));
    }
    // CycloneDX has the source package among what the component was derived from, as well.
    if let Some(source) = component.source.as_ref().filter(|_| component.is_os_package()) {
        component.ancestors.retain(|ancestor| {
            ancestor.name != source.name || ancestor.version.as_ref() != Some(&source.version)
        });
    }
    let layer = diff_id.and_then(|diff_id| layer_of(&diff_id, layers));
    if let (Some(layer), None) = (layer, component.layers) {
        component.layers = Some(Attribution { introduced: layer, changed: layer, removed: None });
    }
    if let (Some(path), true) = (path, component.evidence.is_empty()) {
        component.evidence.push(Evidence {
            location: format!("/{}", path.trim_start_matches('/')),
            layer,
            technique: None,
            confidence: None,
            detail: None,
        });
    }
}

/// The distribution: as the one operating system says, in Syft's properties or in its name and version.
fn find_distribution(document: &mut Document) {
    if document.distribution.is_none() {
        let is_system = |index: &usize| {
            let component = document.components.get(*index);
            component.is_some_and(|component| component.kind == ComponentKind::OperatingSystem)
        };
        let mut systems = (0..document.components.len()).filter(is_system);
        let (Some(component), None) = (systems.next(), systems.next()) else { return };
        document.distribution = Some(Distribution { component, ..Distribution::default() });
    }
    let Some(distribution) = &mut document.distribution else { return };
    let Some(system) = document.components.get_mut(distribution.component) else { return };
    let mut like = std::collections::BTreeMap::new();
    system.properties.retain(|property| {
        let value = || Some(property.value.clone());
        match property.name.strip_prefix("syft:distro:") {
            Some("id") => property.value.clone_into(&mut distribution.id),
            Some("versionID") => distribution.version_id = value(),
            Some("versionCodename") => distribution.codename = value(),
            Some("prettyName") => distribution.pretty_name = value(),
            Some(name) => match name.strip_prefix("idLike:").and_then(|index| index.parse::<u64>().ok()) {
                Some(index) => drop(like.insert(index, property.value.clone())),
                None => return true,
            },
            None => return true,
        }
        false
    });
    if distribution.id.is_empty() {
        distribution.id = system.name.to_lowercase();
        distribution.version_id = distribution.version_id.take().or_else(|| system.version.clone());
    }
    if distribution.id_like.is_empty() {
        distribution.id_like = like.into_values().collect();
    }
}

/// Properties that writers make anew from the fields.
fn drop_what_follows(document: &mut Document) {
    for index in 0..document.components.len() {
        let Some(component) = document.components.get_mut(index) else { continue };
        if component.properties.is_empty() {
            continue;
        }
        // Taken away while the others are made, as they give way to what is stated under Trivy's names.
        let mut stated = std::mem::take(&mut component.properties);
        let follows = of(document, index);
        let follows: HashSet<(&str, &str)> =
            follows.iter().map(|(name, value)| (&**name, &**value)).collect();
        stated.retain(|property| !follows.contains(&(&*property.name, &*property.value)));
        if let Some(component) = document.components.get_mut(index) {
            component.properties = stated;
        }
    }
}
