//! Components of Go programs: the program, the modules in it, and the standard library.

use std::collections::BTreeMap;

use super::{
    Ancestor, Attribution, Component, ComponentKind, EdgeKind, ExternalReference, Party, PartyKind,
    ReferenceKind,
    assemble::Context,
    binary::{self, Versions},
    draft::{Draft, Handle},
};
use crate::{
    detect::{
        Finding,
        go_binary::{GoProgram, Module, release},
    },
    image_path::ImagePath,
    purl::Purl,
};

/// Adds what Go programs say to the draft.
pub(super) fn assemble(context: &Context<'_>, draft: &mut Draft) {
    for file in binary::files(context, pick) {
        add_file(&file, draft);
    }
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

fn add_file(file: &Versions<'_, GoProgram>, draft: &mut Draft) {
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
    }
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
        let purl = module_purl(name, component.version.as_deref());
        component.purl = purl.map(|purl| match program.path.strip_prefix(name) {
            Some(rest) if rest.starts_with('/') => purl.subpath(rest),
            _ => purl,
        });
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
        component.property("sbomctl:go:package", &program.path);
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
mod tests {
    use super::*;
    use crate::{
        bom::binary::tests::{bill, component, edges},
        detect::go_binary::{MainVersion, VersionSource},
    };

    fn module(path: &str, version: &str) -> Module {
        Module { path: path.into(), version: version.into(), sum: Some("h1:x=".into()), replacement: None }
    }

    fn program(version: &str, modules: Vec<Module>) -> GoProgram {
        GoProgram {
            go_version: "go1.22.1".into(),
            path: "example.org/App/cmd/tool".into(),
            main: Some(module("example.org/App", "(devel)")),
            version: Some(MainVersion { text: version.into(), source: VersionSource::LinkerFlags }),
            modules,
            ..GoProgram::default()
        }
    }

    fn purl(component: &Component) -> Option<String> {
        component.purl.as_ref().map(ToString::to_string)
    }

    #[test]
    fn a_program_its_modules_and_the_standard_library_are_components() {
        let program = program("v1.2.3", vec![module("github.com/Azure/go-autorest", "v14.2.0+incompatible")]);
        let bom = bill(vec![vec![("bin/tool", Some(Finding::Go(program)))]]);
        let app = component(&bom, "example.org/App");
        assert_eq!(purl(app).as_deref(), Some("pkg:golang/example.org/app@v1.2.3#cmd/tool"));
        assert_eq!((app.kind, app.evidence[0].confidence), (ComponentKind::Application, 90));
        let library = component(&bom, "github.com/Azure/go-autorest");
        assert_eq!(
            purl(library).as_deref(),
            Some("pkg:golang/github.com/azure/go-autorest@v14.2.0%2Bincompatible")
        );
        assert_eq!(library.version.as_deref(), Some("v14.2.0+incompatible"));
        assert_eq!(library.hashes, []);
        assert!(library.properties.contains(&("sbomctl:go:h1".into(), "h1:x=".into())));
        let urls: Vec<&str> = library.references.iter().map(|reference| reference.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "https://github.com/Azure/go-autorest",
                "https://pkg.go.dev/github.com/Azure/go-autorest@v14.2.0+incompatible",
                "https://proxy.golang.org/github.com/!azure/go-autorest/@v/v14.2.0+incompatible.zip",
            ]
        );
        let stdlib = component(&bom, "stdlib");
        assert_eq!(purl(stdlib).as_deref(), Some("pkg:golang/stdlib@1.22.1"));
        assert_eq!(stdlib.cpes, ["cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*"]);
        let mut found = edges(&bom);
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("example.org/App", "github.com/Azure/go-autorest", EdgeKind::DependsOn),
                ("example.org/App", "stdlib", EdgeKind::DependsOn),
            ]
        );
    }

    #[test]
    fn a_replacement_counts_and_names_what_it_replaces() {
        let mut remote = module("example.org/a", "v1.0.0");
        remote.replacement = Some(Box::new(module("example.org/fork", "v1.0.1")));
        let mut local = module("k8s.io/api", "v0.0.0");
        local.replacement = Some(Box::new(module("./staging/api", "(devel)")));
        let bom = bill(vec![vec![("tool", Some(Finding::Go(program("v1.0.0", vec![remote, local]))))]]);
        let fork = component(&bom, "example.org/fork");
        assert_eq!(purl(fork).as_deref(), Some("pkg:golang/example.org/fork@v1.0.1"));
        assert_eq!(fork.ancestors[0].name, "example.org/a");
        assert_eq!(fork.ancestors[0].version.as_deref(), Some("v1.0.0"));
        let api = component(&bom, "k8s.io/api");
        assert_eq!((&api.purl, &api.version), (&None, &None));
    }

    #[test]
    fn a_module_stays_when_its_program_is_replaced() {
        let stays = || module("example.org/stays", "v1.0.0");
        let old = program("v1.0.0", vec![stays(), module("example.org/goes", "v1.0.0")]);
        let new = program("v2.0.0", vec![stays(), module("example.org/comes", "v1.0.0")]);
        let bom = bill(vec![
            vec![("tool", Some(Finding::Go(old)))],
            vec![],
            vec![("tool", Some(Finding::Go(new)))],
            vec![("tool", None)],
        ]);
        let layers = |component: &Component| (component.layers.introduced, component.layers.removed);
        assert_eq!(layers(component(&bom, "example.org/stays")), (0, Some(3)));
        assert_eq!(layers(component(&bom, "example.org/goes")), (0, Some(2)));
        assert_eq!(layers(component(&bom, "example.org/comes")), (2, Some(3)));
        let mut programs: Vec<_> =
            bom.components.iter().filter(|c| c.name == "example.org/App").map(layers).collect();
        programs.sort_unstable();
        assert_eq!(programs, [(0, Some(2)), (2, Some(3))]);
    }

    #[test]
    fn each_architecture_of_a_file_has_its_own_modules() {
        let slice = |architecture: &str, dependency: &str| GoProgram {
            architecture: Some(architecture.into()),
            ..program("v1.0.0", vec![module(dependency, "v1.0.0")])
        };
        let mut programs = vec![slice("amd64", "example.org/a"), slice("arm64", "example.org/b")];
        let limits = crate::limits::Limits::default();
        let mut draft = Draft::default();
        let mut overlay = crate::bom::overlay::Overlay::new(&limits);
        let entry = crate::layer::Entry {
            path: ImagePath::from("tool"),
            kind: crate::layer::EntryKind::File,
            mode: 0o644,
            size: 1,
        };
        let findings = vec![(0, programs.drain(..).map(Finding::Go).collect())];
        overlay
            .fold(crate::bom::overlay::LayerContent { entries: vec![entry], findings, gaps: Vec::new() })
            .unwrap();
        let distros = crate::bom::distro::Distros::default();
        assemble(&Context { overlay: &overlay, distros: &distros, limits: &limits }, &mut draft);
        let applications = draft.components().filter(|(_, c)| c.kind == ComponentKind::Application);
        let details: Vec<_> = applications.map(|(_, c)| c.evidence[0].detail.clone()).collect();
        assert_eq!(details, [Some("architecture amd64".into()), Some("architecture arm64".into())]);
        let stdlib = draft.components().find(|(_, c)| c.name == "stdlib").unwrap().1;
        assert_eq!(stdlib.evidence.len(), 2);
    }

    #[test]
    fn a_toolchain_between_releases_has_no_version_that_others_know() {
        let mut program = program("v1.0.0", Vec::new());
        program.go_version = "devel go1.23-abcdef".into();
        let bom = bill(vec![vec![("tool", Some(Finding::Go(program)))]]);
        let stdlib = component(&bom, "stdlib");
        assert_eq!((&stdlib.purl, &stdlib.version, stdlib.cpes.len()), (&None, &None, 0));
    }
}
