//! Which packages hold the libraries that programs ask the dynamic linker for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Component, ComponentKind, EdgeKind, Gap, GapKind,
    draft::{Draft, Handle},
};
use crate::image_path::ImagePath;

/// A program and the libraries that it names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linked<'a> {
    /// The program.
    pub(super) program: Handle,
    /// File names of libraries, without directory.
    pub(super) libraries: &'a [String],
}

/// Where dynamic linkers look, below the root or one directory, named for an architecture, further down. The longest
/// first, as one ends the other.
const DIRECTORIES: &[&str] =
    &["usr/local/lib", "usr/lib64", "usr/lib32", "usr/libx32", "usr/lib", "lib64", "lib32", "libx32", "lib"];
/// Packages that may own libraries of one name in one root; real ones are one for each architecture.
const MAX_OWNERS: usize = 16;
/// Directories above a program that are tried as its root, beside that of the image.
const MAX_DEPTH: usize = 64;

/// Adds an edge from each program to the packages that own the libraries it names, in the root nearest to it.
pub(super) fn assemble(linked: &[Linked<'_>], draft: &mut Draft) {
    let wanted: BTreeSet<&[u8]> =
        linked.iter().flat_map(|program| program.libraries).map(String::as_bytes).collect();
    if wanted.is_empty() {
        return;
    }
    let owners = Owners::find(&wanted, draft);
    let mut edges = Vec::new();
    let mut crowded: BTreeSet<&str> = BTreeSet::new();
    for Linked { program, libraries } in linked {
        let component = draft.get(*program).filter(|component| is_present(component));
        let Some(place) = component.and_then(|component| component.evidence.first()) else { continue };
        let above: Vec<ImagePath> = std::iter::successors(place.path.parent(), ImagePath::parent)
            .take(MAX_DEPTH)
            .chain([ImagePath::root()])
            .collect();
        for library in *libraries {
            let Some(found) = owners.of(library, &above) else { continue };
            if found.len() > MAX_OWNERS {
                crowded.insert(library);
            }
            let kind = if found.len() > 1 { EdgeKind::DependsOnAlternative } else { EdgeKind::DependsOn };
            edges.extend(found.iter().take(MAX_OWNERS).map(|package| (*program, *package, kind)));
        }
    }
    let message = |library: &str| {
        format!("more than {MAX_OWNERS} packages own a library {library}; edges reach the first")
    };
    for library in crowded {
        draft.gap(Gap::new(GapKind::Limit, message(library)));
    }
    for (program, package, kind) in edges {
        draft.edge(program, package, kind);
    }
}

/// The packages that own libraries: by the library's name, then by root.
struct Owners(BTreeMap<Vec<u8>, BTreeMap<ImagePath, BTreeSet<Handle>>>);

impl Owners {
    fn find(wanted: &BTreeSet<&[u8]>, draft: &Draft) -> Self {
        let mut owners = Self(BTreeMap::new());
        for (handle, component) in draft.components() {
            if component.kind != ComponentKind::OsPackage || !is_present(component) {
                continue;
            }
            let mut files = component.files.unpack();
            while let Some(file) = files.next() {
                let name = file.file_name();
                if wanted.contains(name)
                    && let Some(root) = root_of(&ImagePath::new(file.path))
                {
                    owners.0.entry(name.to_vec()).or_default().entry(root).or_default().insert(handle);
                }
            }
        }
        owners
    }

    /// The owners of `library` in the first of `roots` where it has any.
    fn of(&self, library: &str, roots: &[ImagePath]) -> Option<&BTreeSet<Handle>> {
        let by_root = self.0.get(library.as_bytes())?;
        roots.iter().find_map(|root| by_root.get(root))
    }
}

fn is_present(component: &Component) -> bool {
    component.layers.removed.is_none()
}

/// The root in which a library at `path` is found.
fn root_of(path: &ImagePath) -> Option<ImagePath> {
    let directory = path.parent()?;
    let above = directory.parent();
    [Some(directory), above]
        .iter()
        .flatten()
        .find_map(|directory| DIRECTORIES.iter().find_map(|known| directory.strip_suffix(known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bom::{Attribution, Evidence, OwnedFile, Technique};

    fn package(draft: &mut Draft, name: &str, files: &[&str]) -> Handle {
        let mut component = Component::new(ComponentKind::OsPackage, name);
        component.files = files
            .iter()
            .map(|path| OwnedFile { path: ImagePath::from(*path), digest: None, is_config: false })
            .collect();
        draft.add(component)
    }

    fn program(draft: &mut Draft, path: &str) -> Handle {
        let mut component = Component::new(ComponentKind::Application, "program");
        let path = ImagePath::from(path);
        let technique = Technique::BinaryAnalysis;
        component.evidence.push(Evidence { layer: 0, path, technique, confidence: 100, detail: None });
        draft.add(component)
    }

    /// `KIND PACKAGE` of the edges that leave a program at `path` that needs `library`.
    fn check(path: &str, library: &str, packages: &[(&str, &[&str])], expected: &[&str]) {
        let mut draft = Draft::default();
        for (name, files) in packages {
            package(&mut draft, name, files);
        }
        let program = program(&mut draft, path);
        assemble(&[Linked { program, libraries: &[library.to_owned()] }], &mut draft);
        assert_eq!(edges(draft), expected, "{path} {library}");
    }

    fn edges(draft: Draft) -> Vec<String> {
        let limits = crate::limits::Limits::default();
        let kind = crate::oci::SubjectKind::Folder;
        let subject = crate::oci::Subject { kind, name: "test".into(), tag: None, layers: Vec::new() };
        let bom = draft.finish(subject, None, crate::bom::Scope::AllLayers, &limits);
        bom.edges.iter().map(|edge| format!("{:?} {}", edge.kind, bom.components[edge.to].name)).collect()
    }

    #[test]
    fn a_program_needs_the_package_that_owns_its_library() {
        let libc: &[(&str, &[&str])] = &[("libc6", &["usr/lib/x86_64-linux-gnu/libc.so.6"])];
        check("usr/bin/tool", "libc.so.6", libc, &["DependsOn libc6"]);
        check("usr/bin/tool", "libm.so.6", libc, &[]);
        for directory in ["lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib", "lib/arm-linux-gnueabihf"]
        {
            let file = format!("{directory}/libz.so.1");
            check("opt/tool", "libz.so.1", &[("zlib", &[&file])], &["DependsOn zlib"]);
        }
        check("opt/tool", "libz.so.1", &[("docs", &["usr/share/doc/libz.so.1"])], &[]);
    }

    #[test]
    fn libraries_of_the_nearest_root_count() {
        let packages: &[(&str, &[&str])] =
            &[("outer", &["lib/libc.so.6"]), ("inner", &["srv/jail/lib/libc.so.6"])];
        check("srv/jail/usr/bin/tool", "libc.so.6", packages, &["DependsOn inner"]);
        check("usr/bin/tool", "libc.so.6", packages, &["DependsOn outer"]);
        check("usr/bin/tool", "libc.so.6", &packages[1..], &[]);
    }

    #[test]
    fn several_owners_are_alternatives() {
        let packages: &[(&str, &[&str])] =
            &[("a", &["usr/lib/x86_64-linux-gnu/libc.so.6"]), ("b", &["usr/lib/i386-linux-gnu/libc.so.6"])];
        let expected = ["DependsOnAlternative a", "DependsOnAlternative b"];
        check("usr/bin/tool", "libc.so.6", packages, &expected);
    }

    #[test]
    fn a_package_that_is_gone_holds_no_library() {
        let mut draft = Draft::default();
        let gone = package(&mut draft, "libc6", &["lib/libc.so.6"]);
        draft.get_mut(gone).unwrap().layers = Attribution { introduced: 0, changed: 0, removed: Some(1) };
        let program = program(&mut draft, "tool");
        assemble(&[Linked { program, libraries: &["libc.so.6".to_owned()] }], &mut draft);
        assert_eq!(edges(draft), [""; 0]);
    }

    #[test]
    fn a_library_that_everything_owns_hits_a_limit() {
        let mut draft = Draft::default();
        for number in 0..100 {
            package(&mut draft, &format!("p{number}"), &["lib/libc.so.6"]);
        }
        let program = program(&mut draft, "tool");
        assemble(&[Linked { program, libraries: &["libc.so.6".to_owned()] }], &mut draft);
        assert_eq!(edges(draft).len(), MAX_OWNERS);
    }
}
