//! Components of Go programs: the program, the modules in it, and the standard library.

use std::collections::BTreeMap;

use super::{
    Ancestor, Attribution, Component, ComponentKind, EdgeKind, ExternalReference, Party, PartyKind,
    ReferenceKind,
    assemble::Context,
    binary::{self, Versions},
    draft::{Draft, Handle},
    linked::Linked,
};
use crate::{
    detect::{
        Finding,
        go_binary::{GoProgram, Module, release},
    },
    image_path::ImagePath,
    purl::Purl,
};

/// Adds what Go programs say to the draft, and hands back which libraries they name.
pub(super) fn assemble<'a>(context: &'a Context<'_>, draft: &mut Draft) -> Vec<Linked<'a>> {
    binary::files(context, pick).iter().flat_map(|file| add_file(file, draft)).collect()
}

fn pick(finding: &Finding) -> Option<&GoProgram> {
    match finding {
        Finding::Go(program) => Some(program),
        _ => None,
    }
}

/// A part of a program, told apart by the architecture that it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    StandardLibrary(Option<&'a str>, &'a str),
    Module(Option<&'a str>, &'a Module),
}

fn parts(program: &GoProgram) -> Vec<Part<'_>> {
    let architecture = program.architecture.as_deref();
    let modules = program.modules.iter().map(|module| Part::Module(architecture, module));
    let library = (!program.go_version.is_empty())
        .then_some(Part::StandardLibrary(architecture, program.go_version.as_str()));
    library.into_iter().chain(modules).collect()
}

fn add_file<'a>(file: &Versions<'a, GoProgram>, draft: &mut Draft) -> Vec<Linked<'a>> {
    let mut linked = Vec::new();
    let mut handles: BTreeMap<Part<'_>, Handle> = BTreeMap::new();
    for (part, layer, layers) in file.parts(parts) {
        let component = component(&part, (file.path, layer, layers));
        handles.insert(part, draft.add_shared(component));
    }
    let key = |program: &GoProgram| {
        let version = program.version.as_ref().map(|version| version.text.clone());
        (program.architecture.clone(), program.known_as().map(str::to_owned), version)
    };
    for (program, layer, layers) in file.programs(key) {
        let handle = draft.add(application(program, (file.path, layer, layers)));
        for part in parts(program) {
            if let Some(&part) = handles.get(&part) {
                draft.edge(handle, part, EdgeKind::DependsOn);
            }
        }
        linked.push(Linked { program: handle, libraries: &program.needed });
    }
    linked
}

fn application(program: &GoProgram, place: (&ImagePath, usize, Attribution)) -> Component {
    let name = program.known_as();
    let confidence = program.version.as_ref().map_or(100, |version| version.source.confidence());
    let architecture = program.architecture.as_deref();
    let mut component = binary::application(name, place, confidence, architecture, program.sha256.as_ref());
    if let Some(version) = &program.version {
        component.version = Some(version.text.clone());
        component.property("sbomctl:go:versionSource", version.source.code());
    }
    if let Some(name) = name {
        // The module alone: advisories are of modules, and a subpath would name another thing than they do.
        component.purl = module_purl(name, component.version.as_deref());
        component.references.extend(vcs(name));
    }
    if let Some(main) = &program.main {
        record_sum(&mut component, main);
        replaced(&mut component, main);
    }
    if !program.go_version.is_empty() {
        component.property("sbomctl:go:goVersion", &program.go_version);
    }
    if !program.path.is_empty() {
        component.property("sbomctl:go:path", &program.path);
    }
    for (key, value) in &program.settings {
        component.property(&format!("sbomctl:go:build:{key}"), value);
    }
    for library in &program.needed {
        component.property("sbomctl:elf:needed", library);
    }
    component
}

fn component(part: &Part<'_>, place: (&ImagePath, usize, Attribution)) -> Component {
    match part {
        Part::StandardLibrary(architecture, version) => standard_library(version, *architecture, place),
        Part::Module(architecture, module) => library(module, *architecture, place),
    }
}

fn standard_library(
    go_version: &str,
    architecture: Option<&str>,
    place: (&ImagePath, usize, Attribution),
) -> Component {
    let mut component = binary::component(ComponentKind::Library, "stdlib", place, 100, architecture);
    component.property("sbomctl:go:goVersion", go_version);
    component.supplier = Some(Party {
        kind: PartyKind::Organization,
        name: "The Go Authors".into(),
        email: None,
        url: Some("https://go.dev".into()),
    });
    component.references = [
        (ReferenceKind::Website, "https://go.dev"),
        (ReferenceKind::Vcs, "https://go.googlesource.com/go"),
        (ReferenceKind::Documentation, "https://pkg.go.dev/std"),
    ]
    .map(|(kind, url)| ExternalReference { kind, url: url.into() })
    .to_vec();
    // One between releases has no version that others know.
    if let Some(release) = release(go_version) {
        component.purl = Some(Purl::new("golang", "stdlib").version(&release.version));
        let (numbers, update) = &release.cpe;
        let update = update.as_deref().unwrap_or("-");
        component.cpes.push(format!("cpe:2.3:a:golang:go:{numbers}:{update}:*:*:*:*:*:*"));
        component.version = Some(release.version);
    }
    component
}

fn library(
    module: &Module,
    architecture: Option<&str>,
    place: (&ImagePath, usize, Attribution),
) -> Component {
    // What was built is the replacement, if it is a module and not a folder.
    let built = match &module.replacement {
        Some(replacement) if is_folder(replacement) => None,
        Some(replacement) => Some(&**replacement),
        None => Some(module),
    };
    let name = built.unwrap_or(module);
    let mut component =
        binary::component(ComponentKind::Library, name.path.as_str(), place, 100, architecture);
    if let Some(built) = built.filter(|built| is_version(&built.version)) {
        component.version = Some(built.version.clone());
        component.purl = module_purl(&built.path, Some(&built.version));
        component.references.extend(vcs(&built.path));
        component.references.extend(proxy(built));
        record_sum(&mut component, built);
    }
    replaced(&mut component, module);
    component
}

/// Records what a module stands in for.
fn replaced(component: &mut Component, module: &Module) {
    let Some(replacement) = &module.replacement else { return };
    if is_folder(replacement) {
        // The content of the folder is unknown; a version of the module that it replaces would be a lie.
        component.property("sbomctl:go:replacedByFolder", &replacement.path);
    }
    let version = Some(module.version.clone()).filter(|version| is_version(version));
    let purl = module_purl(&module.path, version.as_deref());
    component.ancestors.push(Ancestor { name: module.path.clone(), version, purl });
}

fn record_sum(component: &mut Component, module: &Module) {
    if let Some(sum) = &module.sum {
        component.property("sbomctl:go:h1", sum);
    }
}

/// Go tells a folder from a module by its beginning. Source: Go modules reference, `replace` directive.
fn is_folder(replacement: &Module) -> bool {
    let path = replacement.path.as_str();
    let drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with(['.', '/', '\\']) || drive || !is_version(&replacement.version)
}

fn is_version(version: &str) -> bool {
    version.starts_with('v')
}

/// The purl of a module: lower-case, the path's last element as name. The version keeps its case.
fn module_purl(path: &str, version: Option<&str>) -> Option<Purl> {
    let path = path.trim_matches('/').to_lowercase();
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", &path));
    (!name.is_empty())
        .then(|| Purl::new("golang", name).namespace(namespace).version(version.unwrap_or_default()))
}

/// The repository of a module at a host whose paths show it.
fn vcs(path: &str) -> Option<ExternalReference> {
    let mut parts = path.split('/');
    let host = parts.next().filter(|host| matches!(*host, "github.com" | "gitlab.com" | "bitbucket.org"))?;
    let (owner, name) = (parts.next()?, parts.next()?);
    let url = format!("https://{host}/{owner}/{name}");
    is_plain(&url).then_some(ExternalReference { kind: ReferenceKind::Vcs, url })
}

/// Where Go's module proxy has a module's documentation and content. Capitals are written as `!` and the small
/// letter. Source: Go modules reference, "Module proxies".
fn proxy(module: &Module) -> Vec<ExternalReference> {
    let (path, version) = (&module.path, &module.version);
    let hosted = path.split('/').next().is_some_and(|host| host.contains('.'));
    if !hosted || !is_plain(path) || !is_plain(version) {
        return Vec::new();
    }
    let escape = |text: &str| -> String {
        text.chars()
            .flat_map(|c| c.is_ascii_uppercase().then_some('!').into_iter().chain([c.to_ascii_lowercase()]))
            .collect()
    };
    vec![
        ExternalReference {
            kind: ReferenceKind::Documentation,
            url: format!("https://pkg.go.dev/{path}@{version}"),
        },
        ExternalReference {
            kind: ReferenceKind::Distribution,
            url: format!("https://proxy.golang.org/{}/@v/{}.zip", escape(path), escape(version)),
        },
    ]
}

fn is_plain(text: &str) -> bool {
    text.len() <= 1024 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/:+".contains(&b))
}

#[cfg(test)]
mod tests;
