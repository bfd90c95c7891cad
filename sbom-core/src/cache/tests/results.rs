//! Results and the bodies of entries: what is written is read back, and no bytes do harm.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*};

use crate::{
    bom::{
        gaps::Gaps,
        overlay::{HashedFile, LayerContent, Reread},
    },
    cache::layer::{self, Place, RereadResult},
    detect::{
        Finding, Gap, GapKind, apk,
        copyright::{Copyright, Form, LicensedPart},
        dpkg::{
            self, Conffile, DpkgFile, Kind,
            apt::{Archives, Release},
            package::{Relations, Status},
            relation::{Constraint, Operator, Relation, Target},
            ubuntu::{Chisel, Contents},
        },
        go_binary::{GoProgram, MainVersion, Module, VersionSource},
        os_release::{OsRelease, ReleaseFile},
        rust_binary::{Audit, Crate, CrateSource, PathCrate, RustProgram, Toolchain, Whence},
    },
    digest::{ContentDigests, Digest},
    image_path::ImagePath,
    layer::{Entry, EntryKind},
    license::{CustomLicense, Licensing, text::Reading},
};

const PLACE: Place<'_> = Place { layer: 3, detectors: &["apk", "dpkg"] };

fn read(body: &[u8]) -> Option<LayerContent> {
    layer::read(body, PLACE).ok()
}

/// Compared by what they show: not all of it can be compared otherwise.
fn check(content: &LayerContent) -> Vec<u8> {
    let body = layer::write(content, usize::MAX).unwrap();
    let again = read(&body).unwrap();
    assert_eq!(format!("{again:?}"), format!("{content:?}"));
    body
}

pub(super) fn text() -> BoxedStrategy<String> {
    "\\PC{0,12}".boxed()
}

pub(super) fn maybe() -> BoxedStrategy<Option<String>> {
    option::of(text()).boxed()
}

pub(super) fn path() -> BoxedStrategy<ImagePath> {
    vec(any::<u8>(), 0..16).prop_map(|bytes| ImagePath::new(&bytes)).boxed()
}

pub(super) fn licensing() -> impl Strategy<Value = Licensing> {
    let custom =
        (text(), text(), text()).prop_map(|(id, name, text)| CustomLicense { id, name, text: text.into() });
    (maybe(), vec(custom, 0..3)).prop_map(|(expression, custom)| Licensing { expression, custom })
}

fn dependency() -> impl Strategy<Value = apk::Dependency> {
    (text(), any::<bool>(), option::of((text(), text())), maybe()).prop_map(
        |(name, conflict, version, tag)| apk::Dependency {
            name: name.into(),
            conflict,
            version: version.map(|(one, other)| (one.into(), other.into())),
            tag: tag.map(Into::into),
        },
    )
}

fn checksum() -> impl Strategy<Value = apk::Checksum> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(apk::Checksum::Md5),
        any::<[u8; 20]>().prop_map(apk::Checksum::Sha1),
        any::<[u8; 32]>().prop_map(apk::Checksum::Sha256),
        any::<[u8; 20]>().prop_map(apk::Checksum::Sha256Prefix),
    ]
}

fn apk_file() -> impl Strategy<Value = apk::ApkFile> {
    let file = (path(), option::of(checksum())).prop_map(|(path, checksum)| apk::File { path, checksum });
    let package = (text(), maybe(), option::of(any::<u64>()), vec(dependency(), 0..3), vec(file, 0..4))
        .prop_map(|(name, license, build_time, depends, files)| apk::Package {
            name,
            license,
            build_time,
            depends,
            files,
            ..apk::Package::default()
        });
    let source =
        (text(), maybe(), maybe()).prop_map(|(name, version, purl)| apk::Source { name, version, purl });
    let sbom = (vec(source, 0..3), maybe(), proptest::collection::btree_map(text(), text(), 0..3))
        .prop_map(|(sources, definition, licenses)| apk::Sbom { sources, definition, licenses });
    let repository = (maybe(), text()).prop_map(|(tag, url)| apk::Repository { tag, url });
    prop_oneof![
        vec(package.prop_map(Arc::new), 0..4).prop_map(apk::ApkFile::Installed),
        vec(dependency(), 0..4).prop_map(apk::ApkFile::World),
        vec(repository, 0..3).prop_map(apk::ApkFile::Repositories),
        sbom.prop_map(apk::ApkFile::Sbom),
    ]
}

fn dpkg_package() -> impl Strategy<Value = dpkg::package::Package> {
    let operator = prop_oneof![
        Just(Operator::Earlier),
        Just(Operator::EarlierOrEqual),
        Just(Operator::Equal),
        Just(Operator::LaterOrEqual),
        Just(Operator::Later)
    ];
    let constraint = (operator, text()).prop_map(|(operator, version)| Constraint { operator, version });
    let target = (text(), maybe(), option::of(constraint), vec(text(), 0..2)).prop_map(
        |(name, qualifier, constraint, architectures)| Target { name, qualifier, constraint, architectures },
    );
    let relation = vec(target, 0..3).prop_map(|alternatives| Relation { alternatives });
    let status = (text(), text(), text()).prop_map(|(want, flag, state)| Status { want, flag, state });
    (text(), text(), option::of(status), any::<bool>(), vec(relation, 0..3), vec(text(), 0..2)).prop_map(
        |(name, version, status, essential, depends, vcs)| dpkg::package::Package {
            name,
            version,
            status,
            essential,
            vcs,
            relations: Relations { depends, ..Relations::default() },
            ..dpkg::package::Package::default()
        },
    )
}

fn dpkg_file() -> impl Strategy<Value = DpkgFile> {
    let conffile = (path(), option::of(any::<[u8; 16]>()), any::<bool>(), any::<bool>())
        .prop_map(|(path, md5, obsolete, removed)| Conffile { path, md5, obsolete, removed });
    let archives = vec((text().prop_map(Into::into), any::<[u8; 32]>()), 0..4).prop_map(Archives::new);
    let contents = (option::of(any::<[u8; 32]>()), vec((path(), option::of(any::<[u8; 32]>())), 0..3))
        .prop_map(|(archive, files)| Contents { archive, files });
    let chisel = (
        vec(dpkg_package().prop_map(Arc::new), 0..2),
        proptest::collection::btree_map(text(), contents, 0..3),
    )
        .prop_map(|(packages, contents)| Chisel { packages, contents });
    prop_oneof![
        vec(dpkg_package().prop_map(Arc::new), 0..4)
            .prop_map(|packages| DpkgFile::Packages(Kind::StatusD, packages)),
        vec(path(), 0..6).prop_map(|paths| DpkgFile::List(paths.into_iter().collect())),
        vec((path(), any::<[u8; 16]>()), 0..6).prop_map(|all| DpkgFile::Checksums(all.into_iter().collect())),
        vec(conffile, 0..4).prop_map(DpkgFile::Conffiles),
        vec(text(), 0..4).prop_map(DpkgFile::Architectures),
        vec((text(), text()), 0..4).prop_map(DpkgFile::AutoInstalled),
        archives.prop_map(DpkgFile::Archives),
        (maybe(), maybe(), maybe()).prop_map(|(origin, label, suite)| DpkgFile::Release(Release {
            origin,
            label,
            suite
        })),
        chisel.prop_map(DpkgFile::Chisel),
        vec(text(), 0..3).prop_map(DpkgFile::UbuntuPro),
    ]
}

fn program() -> impl Strategy<Value = Finding> {
    let module =
        (text(), text(), maybe(), option::of((text(), text()))).prop_map(|(path, version, sum, by)| {
            let replacement =
                by.map(|(path, version)| Box::new(Module { path, version, ..Module::default() }));
            Module { path, version, sum, replacement }
        });
    let go = (maybe(), text(), vec(module, 0..4), vec((text(), text()), 0..3)).prop_map(
        |(architecture, text, modules, settings)| {
            Finding::Go(GoProgram {
                architecture,
                sha256: Some(Digest::of(text.as_bytes())),
                version: Some(MainVersion { text, source: VersionSource::Commit }),
                main: modules.first().cloned(),
                modules,
                settings,
                ..GoProgram::default()
            })
        },
    );
    let source = prop_oneof![Just(CrateSource::CratesIo), text().prop_map(CrateSource::Other)];
    let one = (text(), source, any::<bool>(), vec(any::<usize>(), 0..3)).prop_map(
        |(name, source, root, dependencies)| Crate {
            version: name.clone(),
            name,
            source,
            build_only: !root,
            concluded: root,
            dependencies,
            root,
        },
    );
    let rust = (vec(one, 0..4), vec(text(), 0..3)).prop_map(|(crates, texts)| {
        let seen = PathCrate { name: "a".into(), version: "1".into(), whence: Whence::Vendored };
        Finding::Rust(RustProgram {
            audit: Some(Audit { format: 7, crates }),
            toolchain: Toolchain { versions: texts.clone(), commits: texts.clone() },
            crates: vec![seen],
            checkouts: texts,
            ..RustProgram::default()
        })
    });
    prop_oneof![go, rust]
}

fn finding() -> impl Strategy<Value = Finding> {
    let os = (maybe(), vec(text(), 0..3), maybe()).prop_map(|(id, id_like, vendor_url)| {
        let source = ReleaseFile::LsbRelease;
        Finding::OsRelease(Box::new(OsRelease { source, id, id_like, vendor_url, ..OsRelease::default() }))
    });
    let part = (text(), text()).prop_map(|(patterns, expression)| LicensedPart { patterns, expression });
    let copyright = (licensing(), vec(part, 0..3)).prop_map(|(licenses, parts)| {
        Finding::Copyright(Copyright { form: Form::References, licenses, parts })
    });
    prop_oneof![
        os,
        apk_file().prop_map(Finding::Apk),
        dpkg_file().prop_map(Finding::Dpkg),
        copyright,
        program(),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Finding::Embedded(bytes.into())),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        6 => Just(EntryKind::File),
        1 => Just(EntryKind::Directory),
        1 => vec(any::<u8>(), 0..9).prop_map(|target| EntryKind::Symlink(target.into())),
        1 => path().prop_map(EntryKind::HardLink),
        1 => Just(EntryKind::Special),
        1 => Just(EntryKind::Whiteout),
        1 => Just(EntryKind::OpaqueDirectory),
    ];
    let mode = prop_oneof![3 => Just(0o644), 1 => any::<u32>()];
    let size = prop_oneof![Just(0), any::<u64>()];
    (path(), kind, mode, size).prop_map(|(path, kind, mode, size)| Entry { path, kind, mode, size })
}

fn gap() -> impl Strategy<Value = Gap> {
    (any::<bool>(), option::of(path()), option::of(any::<u64>()), option::of(0..2_usize), text()).prop_map(
        |(in_layer, path, offset, detector, message)| Gap {
            layer: in_layer.then_some(PLACE.layer),
            path,
            offset,
            detector: detector.map(|index| PLACE.detectors[index]),
            kind: GapKind::Truncated,
            message,
        },
    )
}

/// A result; of each finding and hashed file the flag says whether the entry of that number has it.
fn result() -> impl Strategy<Value = LayerContent> {
    let digests = any::<[u8; 32]>()
        .prop_map(|sha256| ContentDigests { sha1: sha256[..20].try_into().unwrap(), sha256 });
    let reading = option::of((proptest::collection::btree_set(text(), 0..3), any::<bool>()));
    let readings = vec((text(), reading), 0..4);
    let rows = vec((entry(), vec(finding(), 0..2), option::of(digests)), 0..12);
    (rows, vec(gap(), 0..3), readings, proptest::collection::btree_set(path(), 0..4)).prop_map(
        |(rows, gaps, readings, links)| {
            let mut content = LayerContent { gaps: gaps.into_iter().collect(), ..LayerContent::default() };
            for (index, (entry, found, digests)) in rows.into_iter().enumerate() {
                if let Some(digests) = digests {
                    content.hashed.push(HashedFile { entry: index, digests, path: entry.path.clone() });
                }
                if found.len() != 1 {
                    content.captured.push((index, entry.size / 2));
                }
                if !found.is_empty() {
                    content.findings.push((index, found));
                }
                content.entries.push(&entry);
            }
            let reading = |(expressions, complete)| Reading { expressions, complete };
            content.readings =
                readings.into_iter().map(|(text, read)| (text.into(), read.map(reading))).collect();
            content.links = links;
            content
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_result_is_read_back(content in result()) {
        check(&content);
    }

    #[test]
    fn damage_is_told_or_changes_values_and_does_no_harm(
        content in result(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = check(&content);
        assert!(read(&body[..cut.index(body.len())]).is_none());
        assert!(read(&[&body[..], &[0]].concat()).is_none());
        let at = at.index(body.len());
        body[at] = byte;
        if let Some(content) = read(&body) {
            // Whatever was read is a result like any other.
            layer::write(&content, usize::MAX);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..200)) {
        drop(read(&bytes));
        drop(layer::read_reread(&bytes, PLACE));
    }

    #[test]
    fn files_read_again_are_read_back(read in vec((path(), vec(finding(), 0..3), vec(gap(), 0..2), any::<u64>()), 0..4), further: u64) {
        let read = read.into_iter().map(|(path, found, gaps, captured)| Reread { path, found, gaps, captured });
        let result = RereadResult { read: read.collect(), further };
        let body = layer::write_reread(&result, usize::MAX).unwrap();
        assert_eq!(layer::read_reread(&body, PLACE).unwrap(), result);
    }
}

#[test]
fn a_gap_is_told_of_the_layer_that_it_is_found_in() {
    let gap = Gap { layer: Some(0), ..Gap::new(GapKind::Limit, "x") };
    let content = LayerContent { gaps: Gaps::from_iter([gap]), ..LayerContent::default() };
    let body = layer::write(&content, usize::MAX).unwrap();
    assert_eq!(read(&body).unwrap().gaps.iter().next().unwrap().layer, Some(3));
}

#[test]
fn a_gap_of_a_detector_that_is_not_there_makes_the_entry_malformed() {
    let gap = Gap { detector: Some("rpm"), ..Gap::new(GapKind::Limit, "x") };
    let content = LayerContent { gaps: Gaps::from_iter([gap]), ..LayerContent::default() };
    assert!(read(&layer::write(&content, usize::MAX).unwrap()).is_none());
}

#[test]
fn modules_nested_without_end_are_malformed() {
    let mut module = Module::default();
    for _ in 0..100 {
        module = Module { replacement: Some(Box::new(module)), ..Module::default() };
    }
    let program = GoProgram { modules: vec![module], ..GoProgram::default() };
    let entry = Entry { path: "a".into(), kind: EntryKind::File, mode: 0, size: 0 };
    let findings = vec![(0, vec![Finding::Go(program)])];
    let content =
        LayerContent { entries: [entry].into_iter().collect(), findings, ..LayerContent::default() };
    assert!(read(&layer::write(&content, usize::MAX).unwrap()).is_none());
}

#[test]
fn a_finding_without_its_entry_is_malformed() {
    let findings = vec![(0, vec![Finding::Embedded((*b"x").into())])];
    let content = LayerContent { findings, ..LayerContent::default() };
    assert!(read(&layer::write(&content, usize::MAX).unwrap()).is_none());
}
