//! One table of layers for several documents: a layer that several images have is one layer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use crate::{
    digest::Digest,
    document::model::{Attribution, Document, LayerDescriptor},
};

/// What makes a layer the same in another image: its digests, else all that is said of it; and which of the layers of
/// that content it is, as an image may have one several times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    diff_id: Option<Digest>,
    digest: Option<Digest>,
    /// Only where there is no digest.
    description: Option<(Option<u64>, String, Option<String>)>,
    nth: usize,
}

/// The layers of all documents, those of each in their order. What points at layers in the documents points into the
/// result from now on.
pub(super) fn unite(documents: &mut [Document]) -> Vec<LayerDescriptor> {
    let keys: Vec<Vec<Key>> = documents.iter().map(|document| keys(&document.layers)).collect();
    let mut united: BTreeMap<&Key, LayerDescriptor> = BTreeMap::new();
    for (document, keys) in documents.iter_mut().zip(&keys) {
        for (layer, key) in document.layers.drain(..).zip(keys) {
            match united.get_mut(key) {
                None => drop(united.insert(key, layer)),
                Some(known) => unite_layer(known, layer),
            }
        }
    }
    let order = order(&keys);
    let place: BTreeMap<&Key, usize> = order.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    for (document, keys) in documents.iter_mut().zip(&keys) {
        let at = |index: usize| place.get(keys.get(index)?).copied();
        point(document, &at);
    }
    let layers = order.iter().enumerate().filter_map(|(index, key)| {
        let layer = united.remove(key)?;
        Some(LayerDescriptor { index, ..layer })
    });
    layers.collect()
}

/// How a layer is named where only a text can name it.
pub(super) fn label(layers: &[LayerDescriptor], index: usize) -> String {
    let digest = layers.get(index).and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref()));
    digest.map_or_else(|| "unknown".to_owned(), Digest::to_string)
}

/// An attribution as a text.
pub(super) fn describe(layers: &[LayerDescriptor], attribution: Attribution) -> String {
    let removed = attribution.removed.map(|layer| format!(" removed={}", label(layers, layer)));
    format!(
        "introduced={} changed={}{}",
        label(layers, attribution.introduced),
        label(layers, attribution.changed),
        removed.unwrap_or_default()
    )
}

fn keys(layers: &[LayerDescriptor]) -> Vec<Key> {
    let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
    let key = |layer: &LayerDescriptor| {
        let nameless = layer.diff_id.is_none() && layer.digest.is_none();
        let description = nameless.then(|| (layer.size, layer.media_type.clone(), layer.created_by.clone()));
        let mut key =
            Key { diff_id: layer.diff_id.clone(), digest: layer.digest.clone(), description, nth: 0 };
        let count = seen.entry(key.clone()).or_default();
        key.nth = *count;
        *count += 1;
        key
    };
    layers.iter().map(key).collect()
}

fn unite_layer(known: &mut LayerDescriptor, other: LayerDescriptor) {
    known.size = known.size.max(other.size);
    known.created_by = known.created_by.take().max(other.created_by);
    known.partial = known.partial.max(other.partial);
    if known.media_type < other.media_type {
        known.media_type = other.media_type;
    }
}

/// All keys, each after those below it in any of the images; where images disagree, or do not say, in the order of
/// the keys.
fn order(images: &[Vec<Key>]) -> Vec<&Key> {
    let all: BTreeSet<&Key> = images.iter().flatten().collect();
    let mut above: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
    let mut below: BTreeMap<&Key, usize> = all.iter().map(|key| (*key, 0)).collect();
    let neighbours = images.iter().flat_map(|image| image.iter().zip(image.iter().skip(1)));
    // Of one content the first stays the first, even where images contradict each other.
    let content = |key: &Key| Key { nth: 0, ..key.clone() };
    let alike = all.iter().zip(all.iter().skip(1)).filter(|(a, b)| content(a) == content(b));
    for (lower, higher) in neighbours.chain(alike.map(|(a, b)| (*a, *b))) {
        if above.entry(lower).or_default().insert(higher) {
            *below.entry(higher).or_default() += 1;
        }
    }
    let mut ready: BinaryHeap<Reverse<&Key>> =
        below.iter().filter(|&(_, &count)| count == 0).map(|(&key, _)| Reverse(key)).collect();
    let mut waiting = all;
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(next) = ready.pop().map(|Reverse(key)| key).or_else(|| waiting.first().copied()) {
        if !waiting.remove(next) {
            continue;
        }
        order.push(next);
        for &higher in above.get(next).into_iter().flatten() {
            if let Some(count) = below.get_mut(higher) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(Reverse(higher));
                }
            }
        }
    }
    order
}

fn point(document: &mut Document, at: &impl Fn(usize) -> Option<usize>) {
    for component in &mut document.components {
        for evidence in &mut component.evidence {
            evidence.layer = evidence.layer.and_then(at);
        }
        component.layers = component.layers.and_then(|layers| {
            Some(Attribution {
                introduced: at(layers.introduced)?,
                changed: at(layers.changed)?,
                removed: layers.removed.and_then(at),
            })
        });
    }
    for gap in &mut document.gaps {
        gap.layer = gap.layer.and_then(at);
    }
}
