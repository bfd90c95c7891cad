//! The overlay and all that was found in it → one [`Bom`].

use std::sync::Arc;

use super::{
    Bom, EmbeddedDocument, FileScope, Gap, GapKind, Scope, Subject, apk, concluded, distro::Distros, dpkg,
    draft::Draft, files, go, linked, overlay::Overlay, ownership, rust,
};
use crate::{detect::Finding, image_path::ImagePath, limits::Limits};

/// What the ecosystems work from.
#[derive(Debug)]
pub struct Context<'a> {
    /// The files and what they say.
    pub overlay: &'a Overlay<'a>,
    /// The operating systems.
    pub distros: &'a Distros,
    /// The bounds to keep to.
    pub limits: &'a Limits,
}

/// What decides the content of a bill beside the subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Which components to list.
    pub scope: Scope,
    /// Which files to list.
    pub files: FileScope,
    /// Replaces the distribution that the image names, as `ID-VERSION` or `ID`.
    pub distro: Option<String>,
    /// Leave out the bills of materials that the image carries of itself.
    pub ignore_embedded: bool,
}

/// Brings together what was found. For files to be listed, the layers must have been hashed: see
/// [`LayerContent::hashed`](super::overlay::LayerContent::hashed).
pub fn assemble(subject: Subject, mut overlay: Overlay<'_>, options: &Options, limits: &Limits) -> Bom {
    let mut draft = Draft::with(overlay.take_gaps());
    let distros = Distros::find(&overlay, options.distro.as_deref(), &mut draft);
    let context = Context { overlay: &overlay, distros: &distros, limits };
    apk::assemble(&context, &mut draft);
    dpkg::assemble(&context, &mut draft);
    let mut linked = go::assemble(&context, &mut draft);
    linked.extend(rust::assemble(&context, &mut draft));
    ownership::assemble(&context, &mut draft);
    linked::assemble(&linked, &mut draft);
    concluded::assemble(limits, options.scope, overlay.readings(), &mut draft);
    if let Some(gap) = overlay.unresolved() {
        draft.gap(gap);
    }
    let embedded = if options.ignore_embedded { Vec::new() } else { embedded(&overlay) };
    let operating_system = distros.of(&ImagePath::root()).cloned();
    if operating_system.is_none() && draft.components().next().is_none() && embedded.is_empty() {
        draft.gap(Gap::new(
            GapKind::NothingRecognised,
            "no operating system and no package of any kind was recognised: this bill does not say what the subject holds",
        ));
    }
    let mut bom = draft.finish(subject, operating_system, options.scope, limits);
    bom.embedded = embedded;
    files::list(&mut bom, &overlay, options.files, limits);
    bom
}

/// The bills of materials that are there in the end.
fn embedded(overlay: &Overlay<'_>) -> Vec<EmbeddedDocument> {
    let last = overlay.files().filter_map(|(path, versions)| Some((path, *versions.last()?)));
    last.flat_map(|(path, version)| {
        overlay.findings(version).iter().filter_map(move |finding| match finding {
            Finding::Embedded(bytes) => {
                Some(EmbeddedDocument { path: path.clone(), layer: version.layer, bytes: Arc::clone(bytes) })
            }
            _ => None,
        })
    })
    .collect()
}
