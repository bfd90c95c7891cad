//! What bills say of Rust programs in images of few files.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

use super::*;
use crate::{
    bom::{
        Bom, Scope,
        assemble::{Options, assemble},
        overlay::LayerContent,
        test_image::TestImage,
    },
    detect::executable::testing::{AMD64, elf},
    digest::Digest,
    layer::{Entry, EntryKind},
    limits::Limits,
    oci::{Subject, SubjectKind},
};

const COMMENT: &[u8] = b"rustc version 1.95.0 (59807616e 2026-04-14)\0";

fn program(packages: &str, format: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
    write!(encoder, r#"{{"packages":[{packages}],"format":{format}}}"#).unwrap();
    elf(AMD64, &[(".dep-v0", &encoder.finish().unwrap()), (".comment", COMMENT)])
}

fn bom(bytes: &[u8]) -> Bom {
    let limits = Limits::default();
    let subject = Subject { kind: SubjectKind::Folder, name: "test".into(), tag: None, layers: Vec::new() };
    let image = TestImage::default().layer(&[("usr/bin/tool", bytes)]);
    let options = Options { scope: Scope::Squashed, distro: None, ..Options::default() };
    assemble(subject, image.overlay(&limits), &options, &limits)
}

fn find<'a>(bom: &'a Bom, name: &str) -> &'a Component {
    bom.components.iter().find(|component| component.name == name).unwrap()
}

fn property<'a>(component: &'a Component, name: &str) -> Option<&'a str> {
    component.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn edges(bom: &Bom) -> Vec<String> {
    let name = |index: usize| bom.components[index].name.as_str();
    let show = |edge: &crate::bom::Edge| format!("{} {:?} {}", name(edge.from), edge.kind, name(edge.to));
    let mut edges: Vec<String> = bom.edges.iter().map(show).collect();
    edges.sort();
    edges
}

const ROOT: &str = r#"{"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1,2]}"#;

#[test]
fn the_root_is_the_program_and_edges_are_those_of_the_list() {
    let bytes = program(
        &format!(
            r#"{ROOT},{{"name":"serde","version":"1.0.200","source":"crates.io","dependencies":[3]}},
            {{"name":"cc","version":"1.2.0","source":"crates.io","kind":"build"}},
            {{"name":"libc","version":"0.2.150","source":"crates.io"}}"#
        ),
        1,
    );
    let bom = bom(&bytes);
    let root = find(&bom, "app");
    assert_eq!((root.kind, root.version.as_deref()), (ComponentKind::Application, Some("0.1.0")));
    assert_eq!(root.hashes, [Digest::of(&bytes)]);
    assert_eq!(
        edges(&bom),
        ["app BuildDependsOn cc", "app DependsOn rust-std", "app DependsOn serde", "serde DependsOn libc"]
    );
}

#[test]
fn crates_of_the_build_are_kept_and_marked() {
    let packages = format!(
        r#"{ROOT},{{"name":"a","version":"1.0.0","source":"crates.io"}},
            {{"name":"cc","version":"1.2.0","source":"crates.io","kind":"build"}}"#
    );
    let bom = bom(&program(&packages, 1));
    assert_eq!(find(&bom, "cc").usage, Usage::BuildOnly);
    assert_eq!(find(&bom, "a").usage, Usage::Required);
}

#[test]
fn procedural_macros_of_the_first_format_count_as_of_the_build() {
    let packages = format!(
        r#"{ROOT},{{"name":"serde_derive","version":"1.0.0","source":"crates.io","dependencies":[3]}},
            {{"name":"libc","version":"0.2.150","source":"crates.io"}},
            {{"name":"syn","version":"2.0.0","source":"crates.io"}}"#
    );
    let bom = bom(&program(&packages, 0));
    assert_eq!(find(&bom, "syn").usage, Usage::BuildOnly);
    assert!(property(find(&bom, "syn"), "sbomctl:rust:buildOnly").is_some());
    assert_eq!(find(&bom, "libc").usage, Usage::Required);
}

#[test]
fn only_crates_of_crates_io_claim_its_identity() {
    for (source, expected) in [
        ("crates.io", Some("pkg:cargo/uv-auth@0.0.1")),
        ("git", None),
        ("local", None),
        ("registry", None),
        ("something new", None),
    ] {
        let packages = format!(r#"{ROOT},{{"name":"uv-auth","version":"0.0.1","source":"{source}"}}"#)
            .replace("[1,2]", "[1]");
        let bom = bom(&program(&packages, 1));
        let package = find(&bom, "uv-auth");
        assert_eq!(package.purl.as_ref().map(Purl::to_string).as_deref(), expected, "{source}");
        assert_eq!(property(package, "sbomctl:rust:source"), Some(source));
        assert_eq!(find(&bom, "app").purl, None);
    }
}

#[test]
fn the_standard_library_has_the_version_of_the_compiler() {
    let bom = bom(&program(&ROOT.replace("[1,2]", "[]"), 1));
    let library = find(&bom, "rust-std");
    assert_eq!(library.version.as_deref(), Some("1.95.0"));
    assert_eq!(library.cpes, ["cpe:2.3:a:rust-lang:rust:1.95.0:*:*:*:*:*:*:*"]);
}

#[test]
fn crates_that_show_in_paths_are_less_sure() {
    let path = b"/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/regex-1.10.2/src/lib.rs";
    let library = b"/rustc/b940084d7eb6a299eb4bfeb8e34901bc051e7ac4/library/core/src/fmt/mod.rs";
    let bom = bom(&elf(AMD64, &[(".rodata", &[&path[..], library].concat()), (".comment", COMMENT)]));
    let regex = find(&bom, "regex");
    assert_eq!(regex.purl.as_ref().map(Purl::to_string).as_deref(), Some("pkg:cargo/regex@1.10.2"));
    assert_eq!(regex.evidence[0].confidence, 70);
    assert_eq!(find(&bom, "tool").kind, ComponentKind::Application);
}

#[test]
fn a_program_needs_the_packages_of_the_libraries_it_names() {
    let limits = Limits::default();
    let mut overlay = TestImage::default()
        .layer(&[("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nF:lib\nR:libc.musl-x86_64.so.1\n")])
        .overlay(&limits);
    let needed = vec!["libc.musl-x86_64.so.1".to_owned()];
    let program = RustProgram { needed, ..RustProgram::default() };
    let path = ImagePath::from("usr/bin/tool");
    let entries = vec![Entry { path, kind: EntryKind::File, mode: 0o755, size: 1 }];
    let findings = vec![(0, vec![Finding::Rust(program)])];
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
