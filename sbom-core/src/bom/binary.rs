//! What the components of Go and Rust programs have in common: a program comes, changes and goes with its file.

use super::{
    Attribution, Component, ComponentKind, Evidence, Technique,
    assemble::Context,
    attribution::{Tracked, track},
    overlay::FileVersion,
};
use crate::{detect::Finding, digest::Digest, image_path::ImagePath};

/// The versions of one file that hold programs, lowest layer first.
pub(super) struct Versions<'a, P> {
    /// The file.
    pub(super) path: &'a ImagePath,
    versions: Vec<(usize, Vec<&'a P>)>,
}

/// The files that hold programs which `pick` finds among what they say.
pub(super) fn files<'a, P>(
    context: &'a Context<'_>,
    pick: impl Fn(&'a Finding) -> Option<&'a P>,
) -> Vec<Versions<'a, P>> {
    let programs = |version: &FileVersion| -> (usize, Vec<&'a P>) {
        (version.layer, context.overlay.findings(*version).iter().filter_map(&pick).collect())
    };
    context
        .overlay
        .files()
        .map(|(path, versions)| Versions { path, versions: versions.iter().map(programs).collect() })
        .filter(|file: &Versions<'a, P>| file.versions.iter().any(|(_, programs)| !programs.is_empty()))
        .collect()
}

impl<'a, P: PartialEq> Versions<'a, P> {
    /// The programs, each in its last version, by `key`.
    pub(super) fn programs<K: Ord>(&self, key: impl Fn(&'a P) -> K) -> Vec<(&'a P, usize, Attribution)> {
        let versions: Vec<(usize, &[&'a P])> =
            self.versions.iter().map(|(layer, programs)| (*layer, programs.as_slice())).collect();
        track(&versions, |program: &&'a P| key(program))
            .into_iter()
            .map(|tracked| (*tracked.record, tracked.layer, tracked.layers))
            .collect()
    }

    /// The layers of what is in the programs, as `parts` names it: a library stays when its program is replaced
    /// by another that holds it too.
    pub(super) fn parts<R: Ord + Clone>(
        &self,
        parts: impl Fn(&'a P) -> Vec<R>,
    ) -> Vec<(R, usize, Attribution)> {
        let versions: Vec<(usize, Vec<R>)> = self
            .versions
            .iter()
            .map(|(layer, programs)| (*layer, programs.iter().flat_map(|program| parts(program)).collect()))
            .collect();
        let versions: Vec<(usize, &[R])> =
            versions.iter().map(|(layer, parts)| (*layer, parts.as_slice())).collect();
        track(&versions, Clone::clone)
            .into_iter()
            .map(|Tracked { record, layer, layers }| (record.clone(), layer, layers))
            .collect()
    }
}

/// A component for a program, or a library, found in the file at `path`.
pub(super) fn component(
    kind: ComponentKind,
    name: impl Into<String>,
    (path, layer, layers): (&ImagePath, usize, Attribution),
    confidence: u8,
    architecture: Option<&str>,
) -> Component {
    let mut component = Component::new(kind, name);
    component.layers = layers;
    component.evidence.push(Evidence {
        layer,
        path: path.clone(),
        technique: Technique::BinaryAnalysis,
        confidence,
        detail: architecture.map(|architecture| format!("architecture {architecture}")),
    });
    component
}

/// The component for the program itself, with the digest of its file.
pub(super) fn application(
    name: Option<&str>,
    place: (&ImagePath, usize, Attribution),
    confidence: u8,
    architecture: Option<&str>,
    digest: Option<&Digest>,
) -> Component {
    let file_name = String::from_utf8_lossy(place.0.file_name()).into_owned();
    let name = name.map_or(file_name, str::to_owned);
    let mut component = component(ComponentKind::Application, name, place, confidence, architecture);
    component.hashes.extend(digest.cloned());
    component
}
