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
        let mut files = component.files.unpack();
        while let Some(file) = files.next() {
            // Most owned files are no programs, which their name already tells; resolving them all is dear.
            if names.contains(file.file_name())
                && let Some(owned) = programs.get(&real(context, &ImagePath::new(file.path)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bom::{
            Component, Evidence, OwnedFile, Technique,
            distro::Distros,
            overlay::{LayerContent, Overlay},
        },
        layer::{Entry, EntryKind},
        limits::Limits,
        oci::{Subject, SubjectKind},
    };

    #[test]
    fn a_package_owns_the_program_behind_a_merged_directory() {
        let limits = Limits::default();
        let mut overlay = Overlay::new(&limits);
        let entry = |path: &str, kind| Entry { path: ImagePath::from(path), kind, mode: 0o755, size: 1 };
        let entries = vec![
            entry("bin", EntryKind::Symlink(b"usr/bin"[..].into())),
            entry("usr/bin/tool", EntryKind::File),
            entry("opt/tool", EntryKind::File),
        ];
        overlay
            .fold(LayerContent { entries: entries.into_iter().collect(), ..LayerContent::default() })
            .unwrap();
        let mut draft = Draft::default();
        let mut package = Component::new(ComponentKind::OsPackage, "package");
        package.files = ["bin/tool", "bin/other"]
            .map(|path| OwnedFile { path: ImagePath::from(path), digest: None, is_config: false })
            .into_iter()
            .collect();
        draft.add(package);
        for (name, path) in [("owned", "usr/bin/tool"), ("stray", "opt/tool")] {
            let mut program = Component::new(ComponentKind::Application, name);
            program.evidence.push(Evidence {
                layer: 0,
                path: ImagePath::from(path),
                technique: Technique::BinaryAnalysis,
                confidence: 100,
                detail: None,
            });
            draft.add(program);
        }
        let distros = Distros::default();
        assemble(&Context { overlay: &overlay, distros: &distros, limits: &limits }, &mut draft);
        let subject =
            Subject { kind: SubjectKind::Folder, name: String::new(), tag: None, layers: Vec::new() };
        let bom = draft.finish(subject, None, crate::bom::Scope::Squashed, &limits);
        let name = |index: usize| bom.components[index].name.as_str();
        let edges: Vec<_> =
            bom.edges.iter().map(|edge| (name(edge.from), name(edge.to), edge.kind)).collect();
        assert_eq!(edges, [("package", "owned", EdgeKind::Owns)]);
    }
}
