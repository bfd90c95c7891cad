//! Source packages, each once, with the packages that were built from them.

use std::collections::BTreeMap;

use super::{
    Element, Graph,
    iri::{Iri, fragment},
    package::{Package, package_url},
};
use crate::document::{
    facts,
    model::{Component, Document, SourcePackage},
};

/// Of which kind and whose a source package is, and the package itself.
type Key<'a> = (Option<&'a str>, String, &'a SourcePackage);

/// Source packages with their identifiers and what was built from them: indices of components, rising.
pub(super) struct Sources<'a>(BTreeMap<String, (Key<'a>, Vec<usize>)>);

impl<'a> Sources<'a> {
    pub(super) fn of(model: &'a Document) -> Self {
        let mut built: BTreeMap<Key<'a>, Vec<usize>> = BTreeMap::new();
        for (index, component) in model.components.iter().enumerate() {
            if let Some(source) = component.source.as_deref() {
                built.entry((component.purl_type(), family(component), source)).or_default().push(index);
            }
        }
        let named = built.into_iter().map(|(key, built)| {
            let (kind, family, source) = &key;
            let content = (kind, family, &source.name, &source.version);
            (fragment("Source", &source.name, &content), (key, built))
        });
        Self(named.collect())
    }
}

/// Namespace and distribution, which tell packages of one name apart.
fn family(component: &Component) -> String {
    let purl = component.purl.as_deref().unwrap_or_default();
    let namespace = purl.split(['@', '?', '#']).next().and_then(|path| path.rsplit_once('/'));
    let distro = purl.split(['?', '&', '#']).find_map(|part| part.strip_prefix("distro="));
    format!("{} {}", namespace.map_or("", |(namespace, _)| namespace), distro.unwrap_or_default())
}

/// What was built from a source package.
pub(super) struct Built<'a> {
    pub(super) id: &'a str,
    pub(super) packages: &'a [usize],
}

impl Graph<'_> {
    pub(super) fn sources(&self) -> impl Iterator<Item = Element<'_, Package<'_>>> {
        self.sources.0.iter().map(|(id, ((_, _, source), built))| {
            let built: Vec<&Component> =
                built.iter().filter_map(|&index| self.model.components.get(index)).collect();
            let version = Some(source.version.as_str()).filter(|version| !version.is_empty());
            let purl = built.first().and_then(|binary| facts::beyond::source_purl_text(binary, source));
            let body = Package {
                name: &source.name,
                version,
                identifiers: purl.iter().map(|purl| package_url(purl.clone().into())).collect(),
                purl: purl.map(Into::into),
                purpose: Some("source"),
                supplied_by: self.common_supplier(&built),
                ..Package::default()
            };
            self.element("software_Package", id, body)
        })
    }

    pub(super) fn built(&self) -> impl Iterator<Item = Built<'_>> {
        self.sources.0.iter().map(|(id, (_, packages))| Built { id, packages })
    }

    /// Whoever supplies all that was built supplies the source.
    fn common_supplier(&self, built: &[&Component]) -> Option<Iri<'_>> {
        let (first, rest) = built.split_first()?;
        let party = first.supplier.as_ref()?;
        let same = rest.iter().all(|other| other.supplier.as_ref() == Some(party));
        self.agent(party).filter(|_| same)
    }
}
