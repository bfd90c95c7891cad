//! What bills say of Go programs in images of few files.

use super::*;
use crate::{
    bom::{
        Bom, FileDigest, Scope,
        assemble::{Options, assemble},
        overlay::LayerContent,
        test_image::TestImage,
    },
    detect::executable::testing::{AMD64, CPU_AMD64, CPU_ARM64, counted, elf, fat, macho},
    digest::Digest,
    layer::{Entry, EntryKind},
    limits::Limits,
    oci::{Subject, SubjectKind},
};

/// Build information of Go 1.18 and later.
fn build_info(toolchain: &str, modules: &str) -> Vec<u8> {
    let mut out = b"\xff Go buildinf:\x08\x02".to_vec();
    out.resize(32, 0);
    let begin = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
    let end = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
    let marked = if modules.is_empty() { Vec::new() } else { [&begin[..], modules.as_bytes(), end].concat() };
    [out, counted(toolchain.as_bytes()), counted(&marked)].concat()
}

fn program(toolchain: &str, modules: &str) -> Vec<u8> {
    elf(AMD64, &[(".go.buildinfo", &build_info(toolchain, modules))])
}

fn bom(image: &TestImage) -> Bom {
    let limits = Limits::default();
    let subject = Subject { kind: SubjectKind::Folder, name: "test".into(), tag: None, layers: Vec::new() };
    let options = Options { scope: Scope::AllLayers, distro: None, ..Options::default() };
    assemble(subject, image.overlay(&limits), &options, &limits)
}

fn one(toolchain: &str, modules: &str) -> Bom {
    bom(&TestImage::default().layer(&[("usr/bin/tool", program(toolchain, modules))]))
}

/// `KIND NAME VERSION PURL` of all components.
fn check(bom: &Bom, expected: &[&str]) {
    let mut found: Vec<String> = bom
        .components
        .iter()
        .map(|component| {
            let kind = match component.kind {
                ComponentKind::Application => "program",
                ComponentKind::Library => "library",
                _ => "other",
            };
            let purl = component.purl.as_ref().map_or("-".to_owned(), Purl::to_string);
            format!("{kind} {} {} {purl}", component.name, component.version.as_deref().unwrap_or("-"))
        })
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

fn find<'a>(bom: &'a Bom, name: &str) -> &'a Component {
    bom.components.iter().find(|component| component.name == name).unwrap()
}

fn property<'a>(component: &'a Component, name: &str) -> Option<&'a str> {
    component.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_program_is_its_module_and_its_package_is_a_property() {
    let bom = one(
        "go1.22.1",
        "path\texample.org/App/cmd/tool\nmod\texample.org/App\tv1.2.3\th1:a=\ndep\tgithub.com/Azure/b/v2\tv2.0.0+incompatible\th1:b=\n",
    );
    check(
        &bom,
        &[
            "library github.com/Azure/b/v2 v2.0.0+incompatible pkg:golang/github.com/azure/b/v2@v2.0.0%2Bincompatible",
            "library stdlib 1.22.1 pkg:golang/stdlib@1.22.1",
            "program example.org/App v1.2.3 pkg:golang/example.org/app@v1.2.3",
        ],
    );
    let program = find(&bom, "example.org/App");
    assert_eq!(property(program, "sbomctl:go:path"), Some("example.org/App/cmd/tool"));
    assert_eq!(property(program, "sbomctl:go:versionSource"), Some("build-info"));
    assert_eq!(property(program, "sbomctl:go:h1"), Some("h1:a="));
    assert_eq!(bom.edges.len(), 2);
}

#[test]
fn the_hash_of_a_module_is_a_property_and_that_of_a_program_one_of_its_file() {
    let bytes = program("go1.22.1", "path\ta.org/a\nmod\ta.org/a\tv1.0.0\ndep\tb.org/b\tv1.0.0\th1:b=\n");
    let bom = bom(&TestImage::default().layer(&[("a", &bytes)]));
    assert_eq!(find(&bom, "a.org/a").hashes, [Digest::of(&bytes)]);
    let module = find(&bom, "b.org/b");
    assert_eq!((module.hashes.len(), property(module, "sbomctl:go:h1")), (0, Some("h1:b=")));
}

#[test]
fn a_module_that_replaces_another_counts_and_names_its_ancestor() {
    let bom = one(
        "go1.22.1",
        "path\ta.org/a\nmod\ta.org/a\tv1.0.0\ndep\tb.org/b\tv1.0.0\n=>\tc.org/fork\tv1.0.1\th1:c=\n",
    );
    let fork = find(&bom, "c.org/fork");
    assert_eq!(fork.version.as_deref(), Some("v1.0.1"));
    assert_eq!(fork.ancestors[0].name, "b.org/b");
    assert_eq!(fork.ancestors[0].version.as_deref(), Some("v1.0.0"));
}

#[test]
fn a_module_replaced_by_a_folder_claims_no_identity() {
    for folder in ["./local\t", "/src/b\t(devel)", "../b\t"] {
        let modules = format!("path\ta.org/a\nmod\ta.org/a\tv1.0.0\ndep\tb.org/b\tv1.0.0\n=>\t{folder}\n");
        let bom = one("go1.22.1", &modules);
        let module = find(&bom, "b.org/b");
        assert_eq!((&module.version, &module.purl), (&None, &None), "{folder}");
        assert!(property(module, "sbomctl:go:replacedByFolder").is_some());
    }
}

#[test]
fn a_program_built_without_modules_has_its_package_and_the_standard_library() {
    check(
        &one("go1.19.8", "path\tgithub.com/containers/buildah/cmd/buildah\nbuild\tGOOS=linux\n"),
        &[
            "library stdlib 1.19.8 pkg:golang/stdlib@1.19.8",
            "program github.com/containers/buildah/cmd/buildah - pkg:golang/github.com/containers/buildah/cmd/buildah",
        ],
    );
    check(&one("go1.19.8", ""), &["library stdlib 1.19.8 pkg:golang/stdlib@1.19.8", "program tool - -"]);
}

#[test]
fn a_version_that_is_none_stands_in_no_purl() {
    check(
        &one("go1.26-devel_36863d6194 2025-10-17 01:07:59 -0700", "path\ta.org/a\nmod\ta.org/a\t(devel)\n"),
        &["library stdlib - -", "program a.org/a - pkg:golang/a.org/a"],
    );
}

#[test]
fn the_standard_library_has_the_name_by_which_vulnerabilities_are_known() {
    let cpes = |toolchain: &str| find(&one(toolchain, "path\ta.org/a\n"), "stdlib").cpes.clone();
    assert_eq!(cpes("go1.22.1"), ["cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*"]);
    assert_eq!(cpes("go1.22rc1"), ["cpe:2.3:a:golang:go:1.22:rc1:*:*:*:*:*:*"]);
    assert_eq!(cpes("go1.26.1-X:jsonv2"), ["cpe:2.3:a:golang:go:1.26.1:-:*:*:*:*:*:*"]);
}

#[test]
fn settings_of_the_build_are_properties() {
    let bom = one(
        "go1.22.1",
        "path\ta.org/a\nbuild\tCGO_ENABLED=1\nbuild\tGOFIPS140=v1.0.0\nbuild\tvcs.revision=abc\n",
    );
    let program = find(&bom, "a.org/a");
    assert_eq!(property(program, "sbomctl:go:build:CGO_ENABLED"), Some("1"));
    assert_eq!(property(program, "sbomctl:go:build:GOFIPS140"), Some("v1.0.0"));
    assert_eq!(property(program, "sbomctl:go:build:vcs.revision"), Some("abc"));
}

#[test]
fn each_architecture_of_a_fat_file_has_its_modules() {
    let part = |cpu, version: &str| {
        let modules = format!("path\ta.org/a\nmod\ta.org/a\tv1.0.0\ndep\tb.org/b\t{version}\n");
        (cpu, macho(cpu, &[("__go_buildinfo", &build_info("go1.22.1", &modules))]))
    };
    let bytes = fat(&[part(CPU_AMD64, "v1.0.0"), part(CPU_ARM64, "v2.0.0")]);
    let bom = bom(&TestImage::default().layer(&[("a", bytes)]));
    let versions: Vec<_> =
        bom.components.iter().filter(|c| c.name == "b.org/b").map(|c| &c.version).collect();
    assert_eq!(versions.len(), 2);
    let programs: Vec<_> = bom.components.iter().filter(|c| c.name == "a.org/a").collect();
    assert_eq!(programs.len(), 2);
    let details: Vec<_> = programs.iter().filter_map(|c| c.evidence[0].detail.as_deref()).collect();
    assert!(
        details.contains(&"architecture amd64") && details.contains(&"architecture arm64"),
        "{details:?}"
    );
    assert_eq!(bom.edges.len(), 4);
}

#[test]
fn a_program_of_a_package_stays_and_the_package_owns_it() {
    let database =
        b"P:tool\nV:1.2-r0\nA:x86_64\nF:usr/bin\nR:tool\nZ:Q1myMNfd7u5v5UTgNHeq1e31qTjZU=\n\n".to_vec();
    let bom = bom(&TestImage::default().layer(&[
        ("lib/apk/db/installed", database),
        ("usr/bin/tool", program("go1.22.1", "path\ta.org/a\nmod\ta.org/a\tv1.0.0\n")),
    ]));
    let index = |name: &str| bom.components.iter().position(|component| component.name == name).unwrap();
    let owns = crate::bom::Edge { from: index("tool"), to: index("a.org/a"), kind: EdgeKind::Owns };
    assert!(bom.edges.contains(&owns), "{:?}", bom.edges);
    assert!(matches!(find(&bom, "tool").files.iter().next().unwrap().digest, Some(FileDigest::Sha1(_))));
}

#[test]
fn a_program_comes_changes_and_goes_with_its_file() {
    let version = |version: &str| {
        program("go1.22.1", &format!("path\ta.org/a\nmod\ta.org/a\t{version}\ndep\tb.org/b\tv1.0.0\n"))
    };
    let bom = bom(&TestImage::default()
        .layer(&[("a", version("v1.0.0"))])
        .layer(&[("a", version("v1.1.0"))])
        .whiteout("a")
        .layer_without_files());
    let layers = |name: &str, version: &str| {
        let same = |c: &&Component| c.name == name && c.version.as_deref() == Some(version);
        let found = bom.components.iter().find(same).unwrap();
        (found.layers.introduced, found.layers.removed)
    };
    assert_eq!(layers("a.org/a", "v1.0.0"), (0, Some(1)));
    assert_eq!(layers("a.org/a", "v1.1.0"), (1, Some(2)));
    assert_eq!(layers("b.org/b", "v1.0.0"), (0, Some(2)));
}

#[test]
fn a_program_needs_the_packages_of_the_libraries_it_names() {
    let limits = Limits::default();
    let mut overlay = TestImage::default()
        .layer(&[("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nF:lib\nR:libc.musl-x86_64.so.1\n")])
        .overlay(&limits);
    let needed = vec!["libc.musl-x86_64.so.1".to_owned()];
    let program =
        GoProgram { go_version: "go1.22.1".into(), path: "a.org/a".into(), needed, ..GoProgram::default() };
    let path = ImagePath::from("usr/bin/tool");
    let entries = vec![Entry { path, kind: EntryKind::File, mode: 0o755, size: 1 }];
    let findings = vec![(0, vec![Finding::Go(program)])];
    overlay
        .fold(LayerContent { entries: entries.into_iter().collect(), findings, ..LayerContent::default() })
        .unwrap();
    let subject = Subject { kind: SubjectKind::Folder, name: "test".into(), tag: None, layers: Vec::new() };
    let options = Options { scope: Scope::Squashed, distro: None, ..Options::default() };
    let bom = assemble(subject, overlay, &options, &limits);
    let to_musl = |edge: &&crate::bom::Edge| bom.components[edge.to].name == "musl";
    let edge = bom.edges.iter().find(to_musl).unwrap();
    assert_eq!(
        (edge.kind, bom.components[edge.from].kind),
        (EdgeKind::DependsOn, ComponentKind::Application)
    );
    assert_eq!(property(&bom.components[edge.from], "sbomctl:elf:needed"), Some("libc.musl-x86_64.so.1"));
}
