//! The one order of a document's content.

use std::collections::{HashMap, HashSet};

use super::{Component, Document, Evidence};

impl Document {
    /// Brings the content into the order in which equal content is equal. Components whose identifiers are the
    /// same get a number behind all but the first, so that nothing refers to two; what points outside of the
    /// components or layers is dropped, as nothing can be said about it.
    pub fn normalise(&mut self) {
        for component in &mut self.components {
            normalise(component, self.layers.len());
        }
        self.sort_components();
        self.relationships.sort_unstable();
        self.relationships.dedup();
        self.gaps.sort();
        self.header.properties.sort();
        self.header.authors.sort();
        self.header.authors.dedup();
        self.header.tools.sort();
        self.header.tools.dedup();
        self.header.lifecycles.sort();
        self.header.lifecycles.dedup();
    }

    fn sort_components(&mut self) {
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        // Stable, so that of several with one identifier the first stays the first.
        order.sort_by(|&a, &b| self.id_at(a).cmp(self.id_at(b)));
        let mut place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            if let Some(slot) = place.get_mut(old) {
                *slot = new;
            }
        }
        let at = |old: usize| place.get(old).copied();
        self.root = self.root.and_then(at);
        self.distribution = self.distribution.take().and_then(|mut distribution| {
            distribution.component = at(distribution.component)?;
            Some(distribution)
        });
        self.relationships.retain_mut(|relationship| {
            let (Some(from), Some(to)) = (at(relationship.from), at(relationship.to)) else { return false };
            (relationship.from, relationship.to) = (from, to);
            true
        });
        // Components are large, and there may be many: they change places, and are not copied.
        for here in 0..place.len() {
            while let Some(&there) = place.get(here).filter(|&&there| there != here) {
                self.components.swap(here, there);
                place.swap(here, there);
            }
        }
        if self.tell_doubles_apart() {
            self.sort_components();
        }
    }

    fn id_at(&self, index: usize) -> &str {
        self.components.get(index).map_or("", |component| component.id.as_str())
    }

    /// Lengthens identifiers that are taken. Whether there were any.
    fn tell_doubles_apart(&mut self) -> bool {
        let doubled = |pair: &[Component]| matches!(pair, [a, b] if a.id == b.id);
        if !self.components.windows(2).any(doubled) {
            return false;
        }
        let mut uses: HashMap<String, usize> = HashMap::new();
        let taken: HashSet<String> = self.components.iter().map(|component| component.id.clone()).collect();
        for component in &mut self.components {
            let count = uses.entry(component.id.clone()).or_default();
            *count += 1;
            if *count == 1 {
                continue;
            }
            let mut id = format!("{}|{count}", component.id);
            while taken.contains(&id) || uses.contains_key(&id) {
                id.push('\'');
            }
            uses.insert(id.clone(), 1);
            component.id = id;
        }
        true
    }
}

fn normalise(component: &mut Component, layers: usize) {
    for text in [
        &mut component.group,
        &mut component.version,
        &mut component.purl,
        &mut component.description,
        &mut component.copyright,
    ] {
        // An empty text says as much as none.
        *text = text.take().filter(|text| !text.is_empty());
    }
    component.properties.sort();
    component.properties.dedup();
    component.references.sort();
    component.references.dedup();
    component.hashes.sort();
    component.hashes.dedup();
    component.ancestors.sort();
    component.ancestors.dedup();
    for evidence in &mut component.evidence {
        evidence.layer = evidence.layer.filter(|&layer| layer < layers);
        evidence.detail = evidence.detail.take().filter(|detail| !detail.is_empty());
    }
    level_confidence(&mut component.evidence);
    component.evidence.sort();
    component.evidence.dedup();
    let known = |index: usize| index < layers;
    component.layers = component.layers.filter(|attribution| {
        known(attribution.introduced) && known(attribution.changed) && attribution.removed.is_none_or(known)
    });
}

/// One technique is as sure of one file as the surest finding by it: formats do not tell findings in it apart.
fn level_confidence(evidence: &mut [Evidence]) {
    if evidence.len() < 2 {
        return;
    }
    let all_alike = |pair: &[Evidence]| matches!(pair, [a, b] if a.confidence == b.confidence);
    if evidence.windows(2).all(all_alike) {
        return;
    }
    let key = |evidence: &Evidence| (evidence.location.clone(), evidence.technique);
    let mut highest: HashMap<_, Option<u8>> = HashMap::new();
    for evidence in evidence.iter() {
        let confidence = highest.entry(key(evidence)).or_default();
        *confidence = evidence.confidence.max(*confidence);
    }
    for evidence in evidence {
        evidence.confidence = highest.get(&key(evidence)).copied().flatten();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::model::{Relationship, RelationshipKind};

    fn document(ids: &[&str], edges: &[(usize, usize)]) -> Document {
        let component = |id: &&str| Component { id: (*id).to_owned(), ..Component::default() };
        let edge =
            |&(from, to): &(usize, usize)| Relationship { from, to, kind: RelationshipKind::DependsOn };
        Document {
            components: ids.iter().map(component).collect(),
            relationships: edges.iter().map(edge).collect(),
            root: Some(0),
            ..Document::default()
        }
    }

    #[test]
    fn components_are_sorted_and_what_points_at_them_follows() {
        let mut document = document(&["c", "a", "b"], &[(0, 1), (0, 2), (0, 1), (0, 9)]);
        document.normalise();
        let ids: Vec<&str> = document.components.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert_eq!(document.root, Some(2));
        let ends: Vec<_> = document.relationships.iter().map(|r| (r.from, r.to)).collect();
        assert_eq!(ends, [(2, 0), (2, 1)]);
    }

    #[test]
    fn no_two_components_share_an_identifier() {
        let mut document = document(&["a", "a", "a|2", "a"], &[(0, 1), (1, 3)]);
        document.normalise();
        let ids: Vec<&str> = document.components.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["a", "a|2", "a|2'", "a|3"]);
        let ends: Vec<_> = document.relationships.iter().map(|r| (r.from, r.to)).collect();
        assert_eq!(ends, [(0, 2), (2, 3)]);
        let before = document.clone();
        document.normalise();
        assert_eq!(document, before);
    }
}
