//! Elements under the identifiers that a document gives them, and what they have to do with each other: collected
//! in the document's order, resolved once all are known.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{HashMap, HashSet},
};

use super::{Context, ReadError};
use crate::{
    document::model::{Component, Document, Relationship, RelationshipKind},
    limits::{Limit, LimitExceeded, Limits},
};

/// A number that stands for an identifier, whether or not an element has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Number(u32);

/// What is known so far. Identifiers are kept once however often they are named, and borrow from the document.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    format: &'static str,
    numbers: HashMap<Cow<'a, str>, Number>,
    /// The component of each number.
    defined: Vec<Option<usize>>,
    components: Vec<Component>,
    /// Components whose identifiers are to stay.
    named: HashSet<usize>,
    relationships: Vec<(Number, Number, RelationshipKind)>,
}

/// What is repeated in the model though the document says it once: a text that many components refer to. The bound on
/// the document's bytes holds for the sum of it.
#[derive(Debug)]
pub(super) struct Copies {
    limit: Limit,
    bytes: Cell<u64>,
}

impl Copies {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limit: limits.document_bytes, bytes: Cell::new(0) }
    }

    /// Counts a copy before it is made.
    pub(super) fn add(&self, text: &str) -> Result<(), LimitExceeded> {
        self.bytes.set(self.bytes.get().saturating_add(text.len() as u64));
        self.check()
    }

    /// Whether all copies so far were within the bound.
    pub(super) fn check(&self) -> Result<(), LimitExceeded> {
        self.limit.check(self.bytes.get())
    }
}

impl<'a> Elements<'a> {
    pub(super) fn new(format: &'static str) -> Self {
        Self {
            format,
            numbers: HashMap::new(),
            defined: Vec::new(),
            components: Vec::new(),
            named: HashSet::new(),
            relationships: Vec::new(),
        }
    }

    /// The number of an identifier.
    pub(super) fn number(&mut self, id: Cow<'a, str>) -> Number {
        if let Some(&number) = self.numbers.get(&id) {
            return number;
        }
        // No document within the bound on bytes names four thousand million identifiers.
        let number = Number(u32::try_from(self.defined.len()).unwrap_or(u32::MAX));
        self.defined.push(None);
        self.numbers.insert(id, number);
        number
    }

    /// Adds the element `id`; `place` is where the document gives it that identifier. An element without one can be
    /// referred to by nobody, and is fine.
    pub(super) fn add(
        &mut self,
        id: Cow<'a, str>,
        mut component: Component,
        limits: &Limits,
        place: impl FnOnce() -> String,
    ) -> Result<usize, ReadError> {
        let index = self.components.len();
        limits.document_components.check(index as u64 + 1)?;
        if component.id.is_empty() {
            component.id = id.clone().into_owned();
        }
        if !id.is_empty() {
            let name = super::shortened(&id);
            let number = self.number(id);
            if let Some(slot) = self.slot(number) {
                if slot.is_some() {
                    let message = format!("{name:?} is the identifier of more than one element");
                    return Err(ReadError::Content { format: self.format, place: place(), message });
                }
                *slot = Some(index);
            }
        }
        self.components.push(component);
        Ok(index)
    }

    /// Adds a relationship between elements that need not be known yet.
    pub(super) fn relate(
        &mut self,
        from: Number,
        to: Number,
        kind: RelationshipKind,
        limits: &Limits,
    ) -> Result<(), ReadError> {
        limits.document_relationships.check(self.relationships.len() as u64 + 1)?;
        self.relationships.push((from, to, kind));
        Ok(())
    }

    /// The place of the component that has the identifier with this number.
    pub(super) fn index(&self, number: Number) -> Option<usize> {
        self.defined.get(usize::try_from(number.0).ok()?).copied().flatten()
    }

    pub(super) fn component(&mut self, index: usize) -> Option<&mut Component> {
        self.components.get_mut(index)
    }

    pub(super) fn components(&mut self) -> &mut [Component] {
        &mut self.components
    }

    /// Gives a component the identifier that it had before the document was written.
    pub(super) fn name(&mut self, index: usize, id: &str) {
        if let Some(component) = self.components.get_mut(index) {
            id.clone_into(&mut component.id);
            self.named.insert(index);
        }
    }

    /// Resolves what refers to elements. Ends that no element has are counted as lost at `lost`.
    pub(super) fn resolve(mut self, context: &mut Context<'_>, lost: &str) -> Document {
        self.identify_by_purl();
        self.components.iter_mut().for_each(name_cpes_once);
        let mut relationships = Vec::with_capacity(self.relationships.len());
        for &(from, to, kind) in &self.relationships {
            match (self.index(from), self.index(to)) {
                (Some(from), Some(to)) => relationships.push(Relationship { from, to, kind }),
                _ => context.losses.add(lost),
            }
        }
        Document { components: self.components, relationships, ..Document::default() }
    }

    /// What has a package URL is identified by it, as other documents know it by that, too; unless another has the same
    /// and no identifier of its own.
    fn identify_by_purl(&mut self) {
        let mut uses: HashMap<&str, u32> = HashMap::new();
        for (index, component) in self.components.iter().enumerate() {
            let own = self.named.contains(&index).then_some(component.id.as_str());
            if let Some(id) = own.or(component.purl.as_deref()) {
                let count = uses.entry(id).or_default();
                *count = count.saturating_add(1);
            }
        }
        let is_alone = |(index, component): (usize, &Component)| {
            let once = component.purl.as_deref().is_some_and(|purl| uses.get(purl) == Some(&1));
            once && !self.named.contains(&index)
        };
        let alone: Vec<bool> = self.components.iter().enumerate().map(is_alone).collect();
        for (component, alone) in self.components.iter_mut().zip(alone) {
            if let Some(purl) = component.purl.as_ref().filter(|_| alone) {
                component.id.clone_from(purl);
            }
        }
    }

    fn slot(&mut self, number: Number) -> Option<&mut Option<usize>> {
        self.defined.get_mut(usize::try_from(number.0).ok()?)
    }
}

/// Keeps the first of every CPE name; their order tells which is the best.
fn name_cpes_once(component: &mut Component) {
    if component.cpes.len() > 1 {
        let mut seen = HashSet::new();
        component.cpes.retain(|cpe| seen.insert(cpe.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::read::Losses;

    /// Identifiers of components that are given as their own, if they have one, and their package URLs.
    fn check(components: &[(&str, &str)], expected: &[&str]) {
        let limits = Limits::default();
        let mut elements = Elements::new("test");
        for (place, (own, purl)) in components.iter().enumerate() {
            let component = Component { purl: Some((*purl).to_owned()), ..Component::default() };
            let id = format!("e{place}").into();
            let index = elements.add(id, component, &limits, String::new).unwrap();
            if !own.is_empty() {
                elements.name(index, own);
            }
        }
        let document = elements.resolve(&mut Context::new(&limits), "");
        let ids: Vec<&str> = document.components.iter().map(|component| component.id.as_str()).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn what_no_other_is_called_is_identified_by_its_package_url() {
        check(&[("", "pkg:a/a"), ("", "pkg:a/b")], &["pkg:a/a", "pkg:a/b"]);
        check(&[("", "pkg:a/a"), ("", "pkg:a/a")], &["e0", "e1"]);
        check(&[("", "pkg:a/a"), ("own", "pkg:a/a")], &["pkg:a/a", "own"]);
        check(&[("pkg:a/b", "pkg:a/a"), ("", "pkg:a/b")], &["pkg:a/b", "e1"]);
    }

    #[test]
    fn ends_that_no_element_has_are_counted() {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let mut elements = Elements::new("test");
        let (a, b) = (elements.number("a".into()), elements.number("b".into()));
        elements.relate(a, b, RelationshipKind::Contains, &limits).unwrap();
        elements.relate(b, b, RelationshipKind::Contains, &limits).unwrap();
        elements.add("b".into(), Component::default(), &limits, String::new).unwrap();
        let document = elements.resolve(&mut context, "ends");
        assert_eq!(
            (document.relationships.len(), context.losses),
            (1, Losses([("ends".to_owned(), 1)].into()))
        );
    }
}
