//! Which package of the operating system owns the file that a program was found in.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ComponentKind, EdgeKind,
    assemble::Context,
    draft::{Draft, Handle},
};
use crate::image_path::ImagePath;

/// Adds an edge from each package to the programs in its files. A program stays in the bill beside its package:
/// what is linked into it, no package database knows.
pub(super) fn assemble(context: &Context<'_>, draft: &mut Draft) {
    let mut programs: BTreeMap<ImagePath, Vec<Handle>> = BTreeMap::new();
    for (handle, component) in draft.components() {
        if component.kind == ComponentKind::Application {
            for evidence in &component.evidence {
                programs.entry(real(context, &evidence.path)).or_default().push(handle);
            }
        }
    }
    if programs.is_empty() {
        return;
    }
    let names: BTreeSet<Vec<u8>> = programs.keys().map(|path| path.file_name().to_vec()).collect();
    let mut edges: Vec<(Handle, Handle)> = Vec::new();
    for (package, component) in draft.components() {
        if component.kind != ComponentKind::OsPackage {
            continue;
        }
        for file in &component.files {
            // Most owned files are no programs, which their name already tells; resolving them all is dear.
            if names.contains(file.path.file_name())
                && let Some(owned) = programs.get(&real(context, &file.path))
            {
                edges.extend(owned.iter().map(|program| (package, *program)));
            }
        }
    }
    for (package, program) in edges {
        draft.edge(package, program, EdgeKind::Owns);
    }
}

/// Databases name files by the paths that packages shipped, where a directory may since have become a link:
/// `/lib/x` for what lies at `/usr/lib/x`.
fn real(context: &Context<'_>, path: &ImagePath) -> ImagePath {
    context.overlay.resolve_parent(path).unwrap_or_else(|| path.clone())
}
