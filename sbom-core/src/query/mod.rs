//! A document → the components of it that someone asks for, what they need, what needs them, and why they are there.

use crate::document::model::{Component, ComponentKind, Document};

mod glob;
mod graph;
pub mod list;
mod pattern;
#[cfg(test)]
mod tests;

pub use glob::Glob;
pub use graph::{Paths, dependencies, dependents, paths};
pub use pattern::{LayerPattern, LicensePattern, PatternError, PurlPattern};

/// What a component must be to be selected: all of what is given here.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Its package URL.
    pub purl: Option<PurlPattern>,
    /// Its name; also with the group before it, `/` between them.
    pub name: Option<Glob>,
    /// Its licence, declared or concluded.
    pub license: Option<LicensePattern>,
    /// A place where it was found; of a file, its name.
    pub path: Option<Glob>,
    /// A layer that it came or changed in; where that is not known, one that it was found in.
    pub layer: Option<LayerPattern>,
    /// Its kind.
    pub kind: Option<ComponentKind>,
}

impl Filter {
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.purl.is_none()
            && self.name.is_none()
            && self.license.is_none()
            && self.path.is_none()
            && self.layer.is_none()
            && self.kind.is_none()
    }

    /// The components of `document` that it selects: indices, sorted.
    pub fn select(&self, document: &Document) -> Vec<usize> {
        let layers = self.layer.as_ref().map(|layer| layer.find(document));
        let selected = document.components.iter().enumerate().filter(|(_, component)| {
            self.purl.as_ref().is_none_or(|purl| purl.matches(component))
                && self.name.as_ref().is_none_or(|name| has_name(component, name))
                && self.license.as_ref().is_none_or(|license| license.matches(component))
                && self.path.as_ref().is_none_or(|path| is_at(component, path))
                && self.kind.is_none_or(|kind| component.kind == kind)
                && layers.as_ref().is_none_or(|layers| is_of_layer(component, layers))
        });
        selected.map(|(index, _)| index).collect()
    }
}

fn has_name(component: &Component, name: &Glob) -> bool {
    name.matches(&component.name)
        || component
            .group
            .as_deref()
            .is_some_and(|group| name.matches(&format!("{group}/{}", component.name)))
}

fn is_at(component: &Component, path: &Glob) -> bool {
    let is_file = component.kind == ComponentKind::File;
    (is_file && path.matches(&component.name))
        || component.evidence.iter().any(|evidence| path.matches(&evidence.location))
}

fn is_of_layer(component: &Component, layers: &[usize]) -> bool {
    match component.layers {
        Some(of) => layers.contains(&of.introduced) || layers.contains(&of.changed),
        // The evidence of a package is its database, which any layer may write anew.
        None => {
            component.evidence.iter().filter_map(|evidence| evidence.layer).any(|of| layers.contains(&of))
        }
    }
}
