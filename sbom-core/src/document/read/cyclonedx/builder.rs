//! Puts a document together from components and references as they come, in any order.

use std::collections::{BTreeMap, HashMap};

use super::record::{Lost, Outcome};
use crate::{
    document::{
        model::{Completeness, Component, Document, Relationship, RelationshipKind},
        read::{ReadError, shortened},
    },
    limits::Limits,
};

/// A reference: a number for each different one, since components may come before or after what refers to them.
type Ref = usize;

/// A document that is being read.
pub(super) struct Builder<'a> {
    pub(super) document: Document,
    pub(super) limits: &'a Limits,
    format: &'static str,
    refs: HashMap<Box<str>, Ref>,
    /// The component that each reference means.
    meanings: Vec<Option<usize>>,
    edges: Vec<(Ref, Ref, RelationshipKind)>,
    completeness: Vec<(Option<Ref>, Completeness)>,
    /// Where each component stands.
    places: Vec<Place>,
    /// Components that stand there again, and as which.
    repeated: BTreeMap<usize, usize>,
    root: Root,
    /// Whether the subject was there twice, and the two were put together.
    complemented: bool,
    /// The lists that are open: how many components each has had.
    lists: Vec<u32>,
}

/// Where a component stands: after how many others in the list, and within which other.
#[derive(Debug, Clone, Copy)]
struct Place {
    within: Option<usize>,
    number: u32,
    /// Whether it is the one that the document is about, which stands in no list.
    root: bool,
}

/// How far the component that the document is about was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Unknown,
    Next,
    Is(usize),
}

impl<'a> Builder<'a> {
    pub(super) fn new(limits: &'a Limits, format: &'static str) -> Self {
        Self {
            document: Document::default(),
            limits,
            format,
            refs: HashMap::new(),
            meanings: Vec::new(),
            edges: Vec::new(),
            completeness: Vec::new(),
            places: Vec::new(),
            repeated: BTreeMap::new(),
            root: Root::Unknown,
            complemented: false,
            lists: Vec::new(),
        }
    }

    /// The next component is what the document is about.
    pub(super) fn enter_root(&mut self) -> Outcome {
        if self.root != Root::Unknown {
            return Err(self.fault("metadata.component", "stands there twice".to_owned()));
        }
        self.root = Root::Next;
        Ok(())
    }

    /// The component that the document is about was read, if there is one.
    pub(super) fn leave_root(&mut self) {
        if self.root == Root::Next {
            self.root = Root::Unknown;
        }
    }

    /// A list of components begins.
    pub(super) fn enter_list(&mut self) -> Outcome {
        self.lists.push(0);
        self.limits.document_depth.check(self.lists.len() as u64)?;
        Ok(())
    }

    /// It ends.
    pub(super) fn leave_list(&mut self) {
        self.lists.pop();
    }

    /// Makes room for a component, which is part of `within`. Its index.
    pub(super) fn begin(&mut self, within: Option<usize>) -> Result<usize, ReadError> {
        let index = self.document.components.len();
        self.limits.document_components.check(index as u64 + 1)?;
        self.document.components.push(Component::default());
        let root = self.root == Root::Next;
        let number = if root {
            0
        } else {
            self.lists.last_mut().map_or(0, |count| std::mem::replace(count, *count + 1))
        };
        self.places.push(Place { within, number, root });
        if root {
            self.root = Root::Is(index);
        }
        if let Some(from) = within {
            self.relate(Relationship { from, to: index, kind: RelationshipKind::Contains })?;
        }
        Ok(index)
    }

    /// Fills the room at `index`. `id` is what others refer to it by.
    pub(super) fn finish(
        &mut self,
        index: usize,
        id: Option<&str>,
        component: Component,
        lost: &mut Lost<'_>,
    ) -> Outcome {
        if let Some(id) = id {
            let number = self.number(id);
            match self.meanings.get(number).copied().flatten() {
                Some(first) => return self.repeat(first, index, component, lost),
                None => self.mean(number, index),
            }
        }
        if let Some(slot) = self.document.components.get_mut(index) {
            *slot = component;
        }
        Ok(())
    }

    /// `from` needs or provides all of `to`.
    pub(super) fn edges(&mut self, from: &str, to: &[String], kind: RelationshipKind) -> Outcome {
        let count =
            self.edges.len().saturating_add(self.document.relationships.len()).saturating_add(to.len());
        self.limits.document_relationships.check(count as u64)?;
        let from = self.number(from);
        for to in to {
            let to = self.number(to);
            self.edges.push((from, to, kind));
        }
        Ok(())
    }

    /// How much is known of `of`; with none, of what the document is about.
    pub(super) fn complete(&mut self, of: Option<&str>, completeness: Completeness) {
        let of = of.map(|of| self.number(of));
        self.completeness.push((of, completeness));
    }

    /// Puts everything in its place. What refers to nothing is lost.
    pub(super) fn build(mut self, lost: &mut Lost<'_>) -> Document {
        if let Root::Is(index) = self.root {
            self.document.root = Some(index);
        }
        let meaning = |number: Ref| self.meanings.get(number).copied().flatten();
        for &(from, to, kind) in &self.edges {
            match (meaning(from), meaning(to)) {
                (Some(from), Some(to)) => self.document.relationships.push(Relationship { from, to, kind }),
                (None, _) => lost.add("dependencies[].ref: unknown reference", 1),
                (_, None) if kind == RelationshipKind::Provides => {
                    lost.add("dependencies[].provides: unknown reference", 1);
                }
                (_, None) => lost.add("dependencies[].dependsOn: unknown reference", 1),
            }
        }
        for &(of, completeness) in &self.completeness {
            let index = of.map_or(self.document.root, meaning);
            let Some(component) = index.and_then(|index| self.document.components.get_mut(index)) else {
                lost.add("compositions[]: unknown reference", 1);
                continue;
            };
            // Of several statements the least that they say together.
            component.completeness = match (component.completeness, completeness) {
                (Completeness::Unknown, said) => said,
                (Completeness::Incomplete, _) | (_, Completeness::Incomplete) => Completeness::Incomplete,
                (Completeness::Complete, said) => said,
            };
        }
        drop_repeated(&mut self.document, &self.repeated);
        self.document
    }

    fn relate(&mut self, relationship: Relationship) -> Outcome {
        let count = self.edges.len().saturating_add(self.document.relationships.len());
        self.limits.document_relationships.check(count as u64 + 1)?;
        self.document.relationships.push(relationship);
        Ok(())
    }

    fn number(&mut self, reference: &str) -> Ref {
        if let Some(&number) = self.refs.get(reference) {
            return number;
        }
        let number = self.meanings.len();
        self.refs.insert(reference.into(), number);
        self.meanings.push(None);
        number
    }

    fn mean(&mut self, number: Ref, index: usize) {
        if let Some(slot) = self.meanings.get_mut(number) {
            *slot = Some(index);
        }
    }

    /// The component at `index` has the reference of the one at `first`. That is right for what the document is
    /// about, and does no harm where both say the same.
    fn repeat(&mut self, first: usize, index: usize, component: Component, lost: &mut Lost<'_>) -> Outcome {
        let (is_root, was_root) = (self.root == Root::Is(index), self.root == Root::Is(first));
        let Some(other) = self.document.components.get_mut(first) else { return Ok(()) };
        if *other != component {
            if self.complemented || !is_root && !was_root {
                let message = format!("{:?} was used by {}", shortened(&component.id), self.place(first));
                return Err(self.fault(&format!("{}.bom-ref", self.place(index)), message));
            }
            let listed = if is_root { std::mem::replace(other, component) } else { component };
            lost.add("again in metadata.component: other values", complement(other, listed));
            self.complemented = true;
        }
        if is_root {
            self.root = Root::Is(first);
        }
        self.repeated.insert(index, first);
        Ok(())
    }

    fn fault(&self, place: &str, message: String) -> ReadError {
        ReadError::Content { format: self.format, place: place.to_owned(), message }
    }

    /// `components[12].components[0]`.
    fn place(&self, index: usize) -> String {
        let mut steps = Vec::new();
        let mut at = Some(index);
        while let Some(place) = at.and_then(|index| self.places.get(index)) {
            steps.push(if place.root {
                "metadata.component".to_owned()
            } else {
                format!("components[{}]", place.number)
            });
            at = place.within;
        }
        steps.reverse();
        steps.join(".")
    }
}

/// Takes over from `listed` what `component`, as the header has it, does not say; how much says something else.
fn complement(component: &mut Component, listed: Component) -> u64 {
    let mut others = 0;
    macro_rules! either {
        ($($field:ident),+) => {$(
            if component.$field.is_none() {
                component.$field = listed.$field;
            } else {
                others += u64::from(listed.$field.is_some() && listed.$field != component.$field);
            }
        )+};
    }
    either!(group, version, purl, description, copyright, supplier, originator, source);
    for cpe in listed.cpes {
        if !component.cpes.contains(&cpe) {
            component.cpes.push(cpe);
        }
    }
    // What both say is there once when the document is normalised.
    component.ancestors.extend(listed.ancestors);
    component.references.extend(listed.references);
    component.hashes.extend(listed.hashes);
    component.properties.extend(listed.properties);
    component.evidence.extend(listed.evidence);
    for (known, listed) in
        [(&mut component.declared, listed.declared), (&mut component.concluded, listed.concluded)]
    {
        if known.expression.is_none() {
            *known = listed;
        } else {
            others += u64::from(listed.expression.is_some() && listed != *known);
        }
    }
    others + u64::from(component.name != listed.name) + u64::from(component.kind != listed.kind)
}

/// Takes out the components that stand there again; what points to them points to the first then.
fn drop_repeated(document: &mut Document, repeated: &BTreeMap<usize, usize>) {
    if repeated.is_empty() {
        return;
    }
    let mut kept = 0;
    let mut moved: Vec<usize> = Vec::with_capacity(document.components.len());
    for index in 0..document.components.len() {
        // The first always comes before those that repeat it.
        if let Some(&first) = repeated.get(&index).and_then(|&first| moved.get(first)) {
            moved.push(first);
        } else {
            moved.push(kept);
            kept += 1;
        }
    }
    let mut index = 0;
    document.components.retain(|_| {
        index += 1;
        !repeated.contains_key(&(index - 1))
    });
    let at = |old: usize| moved.get(old).copied().unwrap_or(old);
    document.root = document.root.map(at);
    if let Some(distribution) = &mut document.distribution {
        distribution.component = at(distribution.component);
    }
    for relationship in &mut document.relationships {
        relationship.from = at(relationship.from);
        relationship.to = at(relationship.to);
    }
}
