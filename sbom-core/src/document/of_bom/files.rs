//! The files of an image as components, each below the packages that own it.

use std::collections::HashMap;

use crate::{
    bom::{self, Bom, FileEntry, FileKind},
    digest::hex,
    document::model::{
        Attribution, Component, ComponentKind, Hash, HashAlgorithm, Property, Relationship, RelationshipKind,
    },
    image_path::escape_control,
};

/// The property that carries the digest of all that a package installed.
pub(super) const INSTALLED_FILES: &str = "sbomctl:installed-files-v1";

/// What files give: components, and which components of the bill own which of them.
pub(super) struct Files {
    pub(super) components: Vec<Component>,
    pub(super) relationships: Vec<Relationship>,
}

/// The files of `bom`; the first of them becomes the component at `first`.
pub(super) fn of(bom: &Bom, first: usize, is_image: bool) -> Files {
    let components = bom.files.iter().map(|file| component(file, is_image)).collect();
    let place: HashMap<*const FileEntry, usize> =
        bom.files.iter().zip(first..).map(|(file, index)| (std::ptr::from_ref(file), index)).collect();
    let owned = bom.components.iter().enumerate().flat_map(|(from, component)| {
        let files = bom.files_of(component).filter_map(|file| place.get(&std::ptr::from_ref(file)));
        files.map(move |&to| Relationship { from, to, kind: RelationshipKind::Contains })
    });
    Files { relationships: owned.collect(), components }
}

/// What the files of `component` amount to, where they were hashed: the verification code, and a property.
pub(super) fn contents(bom: &Bom, component: &bom::Component) -> (Option<String>, Option<Property>) {
    // Without a list of files nothing is known of any.
    match Some(component).filter(|_| !bom.files.is_empty()).and_then(|component| bom.contents(component)) {
        Some(contents) => {
            let property =
                Property { name: INSTALLED_FILES.to_owned(), value: contents.installed_files.to_string() };
            (contents.verification_code.map(|code| hex(&code).into()), Some(property))
        }
        None => (None, None),
    }
}

fn component(file: &FileEntry, is_image: bool) -> Component {
    let name = file.path.to_text();
    let mut component = Component {
        kind: ComponentKind::File,
        layers: is_image.then_some(Attribution {
            introduced: file.layer,
            changed: file.layer,
            removed: None,
        }),
        ..Component::default()
    };
    let mut note = |name: &str, value: String| {
        component.properties.push(Property { name: name.to_owned(), value });
    };
    match &file.kind {
        FileKind::Regular { size, mode, digests } => {
            note("sbomctl:file:size", size.to_string());
            note("sbomctl:file:mode", format!("{mode:04o}"));
            let digests = digests.as_ref();
            let sha1 = digests.map(|digests| (HashAlgorithm::Sha1, hex(&digests.sha1)));
            let sha256 = digests.map(|digests| (HashAlgorithm::Sha256, hex(&digests.sha256)));
            let hashes = sha1.into_iter().chain(sha256);
            component.hashes = hashes.map(|(algorithm, hex)| Hash { algorithm, hex: hex.into() }).collect();
        }
        FileKind::Symlink { target } => {
            note("sbomctl:file:target", escape_control(&String::from_utf8_lossy(target)).into_owned());
        }
    }
    component.id = format!("file:{name}");
    component.name = name;
    component
}
