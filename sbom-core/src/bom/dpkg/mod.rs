//! Components of dpkg and opkg: packages, what they own, what they need, and what they declare.

use super::{assemble::Context, directories::Directories, draft::Draft};
use crate::image_path::ImagePath;

mod collect;
mod component;
mod copyright;
mod ownership;
mod relations;
mod root;

/// Adds what the files of dpkg, opkg and apt say to the draft.
pub(super) fn assemble(context: &Context<'_>, draft: &mut Draft) {
    let installed = collect::collect(context.overlay);
    if installed.is_empty() {
        return;
    }
    let roots = root::Root::all(context, &installed);
    let copyrights = copyright::Copyrights::find(context.overlay, &installed);
    let mut directories = Directories::new(context.overlay, &ImagePath::root());
    let mut handles = Vec::with_capacity(installed.len());
    for package in &installed {
        let Some(root) = roots.get(&package.root) else { continue };
        // Packages come root by root.
        if *directories.root() != package.root {
            directories = Directories::new(context.overlay, &package.root);
        }
        let mut may_copy = |what, bytes| draft.may_copy(what, bytes, context.limits);
        let mut component = component::component(package, root, &copyrights, &mut may_copy);
        component.files = ownership::files(package, root, &mut directories, &mut may_copy);
        handles.push(draft.add(component));
    }
    relations::connect(&installed, &handles, &roots, context.limits, draft);
}

#[cfg(test)]
mod tests;
