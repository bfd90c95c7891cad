//! Components of Rust programs: the program, the crates in it, and the standard library.

use std::collections::BTreeMap;

use super::{
    Attribution, Component, ComponentKind, EdgeKind, ExternalReference, ReferenceKind, Usage,
    assemble::Context,
    binary::{self, Versions},
    draft::{Draft, Handle},
    linked::Linked,
};
use crate::{
    detect::{
        Finding,
        rust_binary::{Audit, Crate, CrateSource, PathCrate, RustProgram, Toolchain, Whence},
    },
    image_path::ImagePath,
    purl::Purl,
};

/// How sure it is that a crate that shows in a path is linked in, in hundredths: the path is exact, but may stand
/// in a message that was copied from elsewhere.
const BY_PATH: u8 = 70;

/// Adds what Rust programs say to the draft, and hands back which libraries they name.
pub(super) fn assemble<'a>(context: &'a Context<'_>, draft: &mut Draft) -> Vec<Linked<'a>> {
    binary::files(context, pick).iter().flat_map(|file| add_file(file, draft)).collect()
}

fn pick(finding: &Finding) -> Option<&RustProgram> {
    match finding {
        Finding::Rust(program) => Some(program),
        _ => None,
    }
}

/// A part of a program, told apart by the architecture that it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part<'a> {
    architecture: Option<&'a str>,
    what: What<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What<'a> {
    /// The standard library, by versions and commits of the toolchain.
    StandardLibrary(&'a [String], &'a [String]),
    /// A crate of a list, by name, version and source, and whether it served the build alone.
    Listed { name: &'a str, version: &'a str, source: &'a CrateSource, build_only: bool, concluded: bool },
    /// A crate that shows in a path.
    Shown(&'a PathCrate),
}

fn listed(package: &Crate) -> What<'_> {
    What::Listed {
        name: &package.name,
        version: &package.version,
        source: &package.source,
        build_only: package.build_only,
        concluded: package.concluded,
    }
}

fn parts(program: &RustProgram) -> Vec<Part<'_>> {
    let part = |what| Part { architecture: program.architecture.as_deref(), what };
    let root = program.audit.as_ref().and_then(root);
    let of_list = program.audit.iter().flat_map(|audit| audit.crates.iter().enumerate());
    let of_list = of_list.filter(|(index, _)| Some(*index) != root).map(|(_, package)| part(listed(package)));
    let of_paths = program.crates.iter().map(|shown| part(What::Shown(shown)));
    std_part(&program.toolchain).into_iter().map(part).chain(of_list).chain(of_paths).collect()
}

fn std_part(toolchain: &Toolchain) -> Option<What<'_>> {
    let known = *toolchain != Toolchain::default();
    known.then_some(What::StandardLibrary(&toolchain.versions, &toolchain.commits))
}

/// The crate that the program was built from: the first that says so.
fn root(audit: &Audit) -> Option<usize> {
    audit.crates.iter().position(|package| package.root)
}

fn add_file<'a>(file: &Versions<'a, RustProgram>, draft: &mut Draft) -> Vec<Linked<'a>> {
    let mut linked = Vec::new();
    let mut handles: BTreeMap<Part<'_>, Handle> = BTreeMap::new();
    for (part, layer, layers) in file.parts(parts) {
        let component = component(&part, (file.path, layer, layers));
        handles.insert(part, draft.add_shared(component));
    }
    let key = |program: &RustProgram| {
        let root = program.audit.as_ref().and_then(|audit| audit.crates.get(root(audit)?));
        let identity = root.map(|root| (root.name.clone(), root.version.clone()));
        (program.architecture.clone(), identity)
    };
    for (program, layer, layers) in file.programs(key) {
        let handle = draft.add(application(program, (file.path, layer, layers)));
        add_edges(program, handle, &handles, draft);
        linked.push(Linked { program: handle, libraries: &program.needed });
    }
    linked
}

fn add_edges(
    program: &RustProgram,
    application: Handle,
    handles: &BTreeMap<Part<'_>, Handle>,
    draft: &mut Draft,
) {
    let architecture = program.architecture.as_deref();
    let find = |what| handles.get(&Part { architecture, what }).copied();
    if let Some(library) = std_part(&program.toolchain).and_then(find) {
        draft.edge(application, library, EdgeKind::DependsOn);
    }
    for shown in &program.crates {
        if let Some(library) = find(What::Shown(shown)) {
            draft.edge(application, library, EdgeKind::DependsOn);
        }
    }
    let Some(audit) = &program.audit else { return };
    let root = root(audit);
    let handle = |index: usize| {
        if Some(index) == root { Some(application) } else { find(listed(audit.crates.get(index)?)) }
    };
    let mut needed = vec![false; audit.crates.len()];
    for (index, package) in audit.crates.iter().enumerate() {
        let Some(from) = handle(index) else { continue };
        for &dependency in &package.dependencies {
            if let (Some(to), Some(of)) = (handle(dependency), audit.crates.get(dependency)) {
                draft.edge(from, to, edge_kind(package, of));
                if let Some(needed) = needed.get_mut(dependency) {
                    *needed = true;
                }
            }
        }
    }
    // In a list without a root the program stands in for it.
    if root.is_none() {
        for (index, package) in audit.crates.iter().enumerate() {
            if needed.get(index) == Some(&false)
                && let Some(to) = handle(index)
            {
                let kind = if package.build_only { EdgeKind::BuildDependsOn } else { EdgeKind::DependsOn };
                draft.edge(application, to, kind);
            }
        }
    }
}

/// Among crates that served the build alone, one still needs the other as any crate does.
fn edge_kind(from: &Crate, to: &Crate) -> EdgeKind {
    if to.build_only && !from.build_only { EdgeKind::BuildDependsOn } else { EdgeKind::DependsOn }
}

fn application(program: &RustProgram, place: (&ImagePath, usize, Attribution)) -> Component {
    let root = program.audit.as_ref().and_then(|audit| audit.crates.get(root(audit)?));
    let confidence = if program.audit.is_some() { 100 } else { BY_PATH };
    let name = root.map(|root| root.name.as_str());
    let architecture = program.architecture.as_deref();
    let mut component = binary::application(name, place, confidence, architecture, program.sha256.as_ref());
    if let Some(root) = root {
        component.version = Some(root.version.clone());
        component.property("sbomctl:rust:source", root.source.as_str());
        identify(&mut component, &root.name, &root.version, root.source == CrateSource::CratesIo);
    }
    if let Some(audit) = &program.audit {
        component.property("sbomctl:rust:auditFormat", audit.format.to_string());
    }
    for version in &program.toolchain.versions {
        component.property("sbomctl:rust:rustcVersion", version);
    }
    for commit in &program.toolchain.commits {
        component.property("sbomctl:rust:stdCommit", commit);
    }
    for library in &program.needed {
        component.property("sbomctl:elf:needed", library);
    }
    for checkout in &program.checkouts {
        component.property("sbomctl:rust:gitCheckout", checkout);
    }
    component
}

fn component(part: &Part<'_>, place: (&ImagePath, usize, Attribution)) -> Component {
    let library = |name: &str, confidence| {
        binary::component(ComponentKind::Library, name, place, confidence, part.architecture)
    };
    match part.what {
        What::StandardLibrary(versions, commits) => {
            standard_library(library("rust-std", 100), versions, commits)
        }
        What::Listed { name, version, source, build_only, concluded } => {
            let mut component = library(name, 100);
            component.version = Some(version.to_owned());
            component.property("sbomctl:rust:source", source.as_str());
            // Git and other registries would need an address in the purl, which the list does not record; a bare
            // purl would name a crate of crates.io that happens to be called the same.
            identify(&mut component, name, version, *source == CrateSource::CratesIo);
            if build_only {
                component.usage = Usage::BuildOnly;
            }
            if concluded {
                component.property("sbomctl:rust:buildOnly", "procedural macro, or needed by such alone");
            }
            component
        }
        What::Shown(shown) => {
            let mut component = library(&shown.name, BY_PATH);
            component.version = Some(shown.version.clone());
            component.property("sbomctl:rust:source", shown.whence.code());
            let from_crates_io = matches!(shown.whence, Whence::CratesIo | Whence::Distribution);
            identify(&mut component, &shown.name, &shown.version, from_crates_io);
            component
        }
    }
}

/// The version is that of the compiler; a program with parts of several has no single one.
fn standard_library(mut component: Component, versions: &[String], commits: &[String]) -> Component {
    if let [version] = versions {
        component.version = Some(version.clone());
        component.purl = Some(Purl::new("generic", "rust-std").version(version));
        let (numbers, update) = version.split_once('-').unwrap_or((version, "*"));
        // The dictionary knows releases alone.
        if update == "*" {
            component.cpes.push(format!("cpe:2.3:a:rust-lang:rust:{numbers}:*:*:*:*:*:*:*"));
        }
    }
    for commit in commits {
        component.property("sbomctl:rust:stdCommit", commit);
    }
    component.references = [
        (ReferenceKind::Website, "https://www.rust-lang.org"),
        (ReferenceKind::Vcs, "https://github.com/rust-lang/rust"),
    ]
    .map(|(kind, url)| ExternalReference { kind, url: url.into() })
    .to_vec();
    component
}

/// Gives a crate of crates.io its purl and where it is to be had.
fn identify(component: &mut Component, name: &str, version: &str, from_crates_io: bool) {
    if !from_crates_io {
        return;
    }
    component.purl = Some(Purl::new("cargo", name).version(version));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
    if plain(name) && plain(version) {
        let url = format!("https://static.crates.io/crates/{name}/{version}/download");
        component.references.push(ExternalReference { kind: ReferenceKind::Distribution, url });
    }
}

#[cfg(test)]
mod tests;
