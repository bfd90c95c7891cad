//! The end of reading SPDX 3: all elements are known, and what refers to them is resolved.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{Gather, Made, Whose, sources};
use crate::document::{
    model::{Completeness, Component, Document, Header, Reference, ReferenceKind, RelationshipKind},
    read::{
        ReadError,
        elements::{Copies, Number},
        records::Text,
        spdx::{annotation, gather, reference},
    },
    syntax,
};

impl Gather<'_, '_, '_> {
    pub(super) fn finish(mut self) -> Result<Document, ReadError> {
        let header = self.header();
        let header = self.annotate(header);
        self.name_makers();
        self.license()?;
        self.complete();
        let root = self.root();
        let folded = self.distribute()?;
        self.licenses.resolve(self.elements.components(), self.context)?;
        let mut document = self.elements.resolve(self.context, "Relationship");
        document.header = header;
        document.root = root;
        drop_unless_needed(&mut document, &folded);
        let folded = sources::fold(&mut document, self.context.limits)?;
        remove(&mut document, &folded);
        Ok(document)
    }

    /// Of several documents in one graph, the first.
    fn header(&mut self) -> Header {
        let mut header = Header::default();
        let document = self.collections.iter().find(|collection| collection.is_document);
        let named = document.or(self.collections.first());
        if let Some(document) = named {
            header.identity = Some(document.id.clone().into_owned());
        }
        let creation = named.and_then(|document| document.creation.as_deref());
        self.creations.tell(creation, &mut header, &mut self.context.losses);
        let others = self.collections.iter().filter(|collection| !collection.is_document);
        for collection in document.into_iter().chain(others) {
            if header.name.is_empty() {
                (*collection.name).clone_into(&mut header.name);
            }
            gather::append(&mut header.comment, &collection.comment);
            header.lifecycles.extend(&collection.phases);
            header.properties.extend(collection.properties.iter().cloned());
        }
        for _ in self.collections.iter().filter(|collection| collection.is_document).skip(1) {
            self.context.losses.add("SpdxDocument");
        }
        header
    }

    /// Annotations of collections are about the document.
    fn annotate(&mut self, mut header: Header) -> Header {
        let tools = || header.tools.iter().map(|tool| tool.name.as_str());
        let tool =
            tools().find(|name| annotation::is_ours(name)).or(tools().next()).unwrap_or_default().to_owned();
        let collections: HashSet<&str> = self.collections.iter().map(|collection| &*collection.id).collect();
        for (subject, statement) in std::mem::take(&mut self.annotations) {
            let property =
                annotation::fact(&tool, &statement).unwrap_or_else(|| annotation::remark(&statement));
            if collections.contains(&*subject) {
                header.properties.push(property);
                continue;
            }
            let number = self.elements.number(subject);
            match self.elements.index(number) {
                None => self.context.losses.add("Annotation"),
                Some(index) if property.name == "sbomctl:id" => self.elements.name(index, &property.value),
                Some(index) => {
                    self.elements.component(index).into_iter().for_each(|component| {
                        component.properties.push(property.clone());
                    });
                }
            }
        }
        header
    }

    fn name_makers(&mut self) {
        for Made { index, supplier, originators } in std::mem::take(&mut self.made) {
            let supplier = self.party(supplier.as_ref());
            let originator = self.party(originators.first());
            for _ in originators.iter().skip(1) {
                self.context.losses.add("originatedBy");
            }
            if let Some(component) = self.elements.component(index) {
                component.supplier = supplier;
                component.originator = originator;
            }
        }
    }

    fn party(&mut self, id: Option<&Cow<'_, str>>) -> Option<std::sync::Arc<crate::document::model::Party>> {
        let id = id?;
        let party = self.creations.party(id);
        if party.is_none() && !id.ends_with("NoAssertionElement") && !self.creations.has_party(id) {
            self.context.losses.add("suppliedBy or originatedBy");
        }
        party
    }

    /// Relationships to licences become expressions, all of which apply.
    fn license(&mut self) -> Result<(), ReadError> {
        for _ in 0..self.terms.define(&mut self.licenses) {
            self.context.losses.add("simplelicensing_customIdToUri");
        }
        let copies = Copies::new(self.context.limits);
        let mut steps = 0;
        let mut known: HashMap<Cow<'_, str>, Option<String>> = HashMap::new();
        let mut stated: HashMap<(usize, bool), Vec<Text<'_>>> = HashMap::new();
        for (number, whose, terms) in std::mem::take(&mut self.licensed) {
            let Some(index) = self.elements.index(number) else {
                self.context.losses.add("Relationship");
                continue;
            };
            for term in terms {
                let expression =
                    known.entry(term).or_insert_with_key(|term| self.terms.expression(term, &mut steps));
                let Some(expression) = expression else {
                    self.context.losses.add("Relationship.to");
                    continue;
                };
                copies.add(expression)?;
                let list = stated.entry((index, whose == Whose::Declared)).or_default();
                list.push(Text(expression.clone().into()));
            }
        }
        for ((index, declared), terms) in stated {
            let (whose, place) = if declared {
                (Whose::Declared, "hasDeclaredLicense")
            } else {
                (Whose::Concluded, "hasConcludedLicense")
            };
            let owned = terms.into_iter().map(|term| Text(Cow::Owned(term.into_inner().into_owned())));
            self.licenses.state(index, whose, owned, self.context, place);
        }
        Ok(())
    }

    /// A component of which anything is incomplete is so as a whole.
    fn complete(&mut self) {
        for (number, completeness) in std::mem::take(&mut self.completeness) {
            let component = self.elements.index(number).and_then(|index| self.elements.component(index));
            if let Some(component) = component
                && component.completeness != Completeness::Incomplete
            {
                component.completeness = completeness;
            }
        }
    }

    /// The first root of the document, or of the collections that it has as roots. What collections describe comes
    /// after that; of a graph that names nothing, a single package.
    fn root(&mut self) -> Option<usize> {
        let by_id: HashMap<&str, usize> =
            self.collections.iter().enumerate().map(|(index, collection)| (&*collection.id, index)).collect();
        let mut order: Vec<usize> = (0..self.collections.len()).collect();
        order.sort_by_key(|&index| {
            !self.collections.get(index).is_some_and(|collection| collection.is_document)
        });
        order.reverse();
        let mut seen = HashSet::new();
        let mut roots: Vec<Cow<'_, str>> = Vec::new();
        while let Some(index) = order.pop() {
            let Some(collection) = self.collections.get(index).filter(|_| seen.insert(index)) else {
                continue;
            };
            for root in collection.roots.iter().rev() {
                order.extend(by_id.get(&**root));
            }
            roots.extend(collection.roots.iter().filter(|root| !by_id.contains_key(&***root)).cloned());
        }
        let described = self.described.iter().filter(|(from, _)| by_id.contains_key(&**from));
        roots.extend(described.map(|(_, to)| to.clone()));
        for _ in self.described.iter().filter(|(from, _)| !by_id.contains_key(&**from)) {
            self.context.losses.add("Relationship");
        }
        let numbers: Vec<Number> =
            roots.into_iter().map(|root| self.elements.number(root.into_owned().into())).collect();
        let mut known: Vec<usize> =
            numbers.iter().filter_map(|&number| self.elements.index(number)).collect();
        for _ in known.len()..numbers.len() {
            self.context.losses.add("rootElement");
        }
        let first = known.first().copied();
        known.sort_unstable();
        known.dedup();
        for _ in known.iter().skip(1) {
            self.context.losses.add("rootElement");
        }
        let only = match self.packages.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        first.or(only)
    }

    /// A file that is the form in which something is distributed becomes a reference to where it lies, if the file says
    /// that. Such files, by index.
    fn distribute(&mut self) -> Result<HashSet<usize>, ReadError> {
        let copies = Copies::new(self.context.limits);
        let mut folded = HashSet::new();
        for (from, to) in std::mem::take(&mut self.distributed) {
            let file = self.elements.index(to);
            let distribution =
                file.and_then(|index| self.elements.component(index)).and_then(|file| distribution(file));
            let package = self.elements.index(from);
            let package = package.and_then(|index| self.elements.component(index));
            let (Some(package), Some(distribution)) = (package, distribution) else {
                self.context.losses.add("Relationship.relationshipType");
                self.elements.relate(from, to, RelationshipKind::Other, self.context.limits)?;
                continue;
            };
            copies.add(&distribution.url)?;
            for hash in &distribution.hashes {
                copies.add(&hash.hex)?;
            }
            package.references.push(distribution);
            folded.extend(file);
        }
        Ok(folded)
    }
}

/// Where a file lies, with its digests.
fn distribution(file: &Component) -> Option<Reference> {
    let is_place = |kind| matches!(kind, ReferenceKind::Distribution | ReferenceKind::SourceDistribution);
    let known = file.references.iter().find(|reference| is_place(reference.kind));
    let plain = known.cloned().or_else(|| {
        syntax::is_address(&file.name).then(|| reference(ReferenceKind::Distribution, &file.name))
    })?;
    Some(Reference { hashes: file.hashes.clone(), ..plain })
}

/// Takes files out that have become references and of which nothing else is said.
fn drop_unless_needed(document: &mut Document, folded: &HashSet<usize>) {
    let ends = document.relationships.iter().flat_map(|relationship| [relationship.from, relationship.to]);
    let needed: HashSet<usize> = ends.chain(document.root).collect();
    let said = |component: &Component| {
        !component.properties.is_empty()
            || component.declared.expression.is_some()
            || component.concluded.expression.is_some()
            || component.copyright.is_some()
            || component.supplier.is_some()
            || component.originator.is_some()
            || component.references.len() > 1
    };
    let is_needless = |index: &usize| {
        let component = document.components.get(*index);
        !needed.contains(index) && component.is_some_and(|component| !said(component))
    };
    let needless = folded.iter().copied().filter(is_needless).collect();
    remove(document, &needless);
}

/// Takes out components that nothing refers to.
fn remove(document: &mut Document, gone: &HashSet<usize>) {
    if gone.is_empty() {
        return;
    }
    let mut place = vec![None; document.components.len()];
    let mut kept = Vec::with_capacity(document.components.len());
    for (index, component) in std::mem::take(&mut document.components).into_iter().enumerate() {
        if !gone.contains(&index) {
            if let Some(slot) = place.get_mut(index) {
                *slot = Some(kept.len());
            }
            kept.push(component);
        }
    }
    document.components = kept;
    let at = |old: usize| place.get(old).copied().flatten();
    document.root = document.root.and_then(at);
    for relationship in &mut document.relationships {
        if let (Some(from), Some(to)) = (at(relationship.from), at(relationship.to)) {
            relationship.from = from;
            relationship.to = to;
        }
    }
}
