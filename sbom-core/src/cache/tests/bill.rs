//! Bills of whole images: what is found is what was made of the layers, for this image and these options alone.

use proptest::{collection::vec, option, prelude::*};

use super::{
    results::{licensing, maybe, path, text},
    *,
};
use crate::{
    bom::{
        Ancestor, Attribution, Component, ComponentKind, Edge, EdgeKind, EmbeddedDocument, Evidence,
        ExternalReference, FileDigest, FileEntry, FileKind, OperatingSystem, OwnedFile, Party, PartyKind,
        ReferenceKind, Scope, SourcePackage, Technique, Usage,
    },
    cache::{
        bill::{read, write},
        codec::Body,
    },
    detect::GapKind,
    digest::ContentDigests,
    purl::Purl,
};

/// Scans with whatever was kept.
fn again(kept: &Kept, source: &Memory) -> (Bom, usize, Option<String>) {
    scan_with(source, kept.cache())
}

#[test]
fn a_second_scan_finds_the_bill_and_asks_for_no_layer() {
    let (kept, image) = (Kept::new(), image());
    let expected = plain(&image);
    assert_eq!(again(&kept, &image), (expected.clone(), 2, None));
    for layer in kept.entries() {
        fs::remove_file(layer).unwrap();
    }
    assert_eq!(again(&kept, &image), (expected, 0, None));
}

#[test]
fn the_same_layers_under_another_name_have_their_bill_under_that() {
    let (kept, mut image) = (Kept::new(), image());
    again(&kept, &image);
    image.subject.name = "other".into();
    image.subject.tag = Some("v2".into());
    image.subject.layers[0].created_by = Some("RUN".into());
    let expected = plain(&image);
    assert_eq!(expected.subject.name, "other");
    assert_eq!(again(&kept, &image), (expected, 0, None));
}

#[test]
fn the_same_layers_in_another_order_are_another_image() {
    let (kept, image) = (Kept::new(), image());
    again(&kept, &image);
    let other = Memory::new(image.layers.iter().rev().cloned().collect());
    let expected = plain(&other);
    assert_eq!(again(&kept, &other), (expected, 0, None));
    assert_eq!(kept.bills().len(), 2);
}

#[test]
fn options_that_decide_the_bill_make_bills_of_their_own() {
    let (kept, image) = (Kept::new(), image());
    again(&kept, &image);
    let usual = assemble::Options::default;
    let others = [
        assemble::Options { scope: Scope::AllLayers, ..usual() },
        assemble::Options { files: FileScope::Owned, ..usual() },
        assemble::Options { files: FileScope::All, ..usual() },
        assemble::Options { distro: Some("alpine-3.19".into()), ..usual() },
        assemble::Options { ignore_embedded: true, ..usual() },
    ];
    for (number, bill) in (2..).zip(others) {
        let with = |cache| Options { bill: bill.clone(), ..options(cache) };
        let expected = scan(&image, &with(None), &Silent).unwrap();
        for _ in 0..2 {
            assert_eq!(scan(&image, &with(Some(kept.cache())), &Silent).unwrap(), expected);
        }
        assert_eq!(kept.bills().len(), number);
    }
}

#[test]
fn a_damaged_bill_is_made_again_of_the_layers_and_replaced() {
    let (kept, image) = (Kept::new(), image());
    let (expected, ..) = again(&kept, &image);
    let bill = kept.bills().remove(0);
    let whole = content(&bill);
    for damaged in [&whole[..whole.len() - 1], b"", &[&whole[..40], &whole[39..]].concat()] {
        fs::write(&bill, damaged).unwrap();
        assert_eq!(again(&kept, &image), (expected.clone(), 0, None));
        assert_eq!(content(&bill), whole);
    }
}

#[test]
fn whoever_reads_in_part_finds_no_bill_and_leaves_none() {
    let (kept, image) = (Kept::new(), image());
    let in_part = |cache| Options { partial: true, ..options(cache) };
    scan(&image, &in_part(Some(kept.cache())), &Silent).unwrap();
    assert_eq!(kept.bills(), Vec::<PathBuf>::new());
}

#[test]
fn the_layers_of_a_bill_that_is_used_stay_in_use() {
    let (kept, image) = (Kept::new(), image());
    again(&kept, &image);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for file in kept.entries().into_iter().chain(kept.bills()) {
        fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    let now = Timestamp::from_unix(90_000).unwrap();
    scan_with(&image, LayerCache::new(&kept.path(), DEFAULT_BYTES, now));
    for file in kept.entries().into_iter().chain(kept.bills()) {
        let used = fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(used, system_time(now), "{}", file.display());
    }
}

fn party() -> impl Strategy<Value = Party> {
    let kind = prop_oneof![Just(PartyKind::Person), Just(PartyKind::Organization)];
    (kind, text(), maybe(), maybe()).prop_map(|(kind, name, email, url)| Party { kind, name, email, url })
}

fn purl() -> impl Strategy<Value = Purl> {
    let qualifiers = proptest::collection::btree_map(text(), text(), 0..3);
    (text(), vec(text(), 0..3), text(), maybe(), qualifiers, vec(text(), 0..2)).prop_map(
        |(kind, namespace, name, version, qualifiers, subpath)| Purl {
            kind: kind.into(),
            namespace,
            name,
            version,
            qualifiers: qualifiers.into_iter().collect(),
            subpath,
        },
    )
}

fn reference() -> impl Strategy<Value = ExternalReference> {
    let kind = prop_oneof![
        Just(ReferenceKind::Website),
        Just(ReferenceKind::Vcs),
        Just(ReferenceKind::Documentation),
        Just(ReferenceKind::IssueTracker),
        Just(ReferenceKind::Support),
        Just(ReferenceKind::Distribution),
    ];
    (kind, text()).prop_map(|(kind, url)| ExternalReference { kind, url })
}

/// Of one of three layers.
fn evidence() -> impl Strategy<Value = Evidence> {
    let technique = prop_oneof![Just(Technique::ManifestAnalysis), Just(Technique::BinaryAnalysis)];
    (0..3_usize, path(), technique, any::<u8>(), maybe()).prop_map(
        |(layer, path, technique, confidence, detail)| Evidence {
            layer,
            path,
            technique,
            confidence,
            detail,
        },
    )
}

fn owned_file() -> impl Strategy<Value = OwnedFile> {
    let digest = prop_oneof![
        any::<[u8; 16]>().prop_map(FileDigest::Md5),
        any::<[u8; 20]>().prop_map(FileDigest::Sha1),
        any::<[u8; 32]>().prop_map(FileDigest::Sha256),
    ];
    (path(), option::of(digest), any::<bool>()).prop_map(|(path, digest, is_config)| OwnedFile {
        path,
        digest,
        is_config,
    })
}

fn component() -> impl Strategy<Value = Component> {
    let kind = prop_oneof![
        Just(ComponentKind::OsPackage),
        Just(ComponentKind::Application),
        Just(ComponentKind::Library),
        Just(ComponentKind::OperatingSystem),
    ];
    let names = (text(), kind, text(), maybe(), option::of(purl()), vec(text(), 0..3), maybe());
    let ancestor = (text(), maybe(), option::of(purl())).prop_map(|(name, version, purl)| Ancestor {
        name,
        version,
        purl,
    });
    let source = (text(), text()).prop_map(|(name, version)| SourcePackage { name, version });
    let whence = (
        licensing(),
        licensing(),
        option::of(party()),
        option::of(party()),
        option::of(source),
        vec(ancestor, 0..2),
        vec(reference(), 0..3),
    );
    let properties = proptest::collection::btree_set((text(), text()), 0..3);
    let layers = (0..3_usize, 0..3_usize, option::of(0..3_usize))
        .prop_map(|(introduced, changed, removed)| Attribution { introduced, changed, removed });
    let seen = (vec(owned_file(), 0..4), any::<[bool; 2]>(), properties, vec(evidence(), 0..3), layers);
    (names, whence, seen).prop_map(
        |(names, whence, (files, [built, requested], properties, evidence, layers))| {
            let (id, kind, name, version, purl, cpes, description) = names;
            let (licenses, concluded, supplier, originator, source, ancestors, references) = whence;
            let hashes = vec![Digest::of(name.as_bytes())];
            let usage = if built { Usage::BuildOnly } else { Usage::Required };
            Component {
                id,
                kind,
                name,
                version,
                purl,
                cpes,
                description,
                licenses,
                concluded,
                supplier,
                originator,
                source,
                ancestors,
                references,
                hashes,
                files: files.into(),
                usage,
                requested,
                properties,
                evidence,
                layers,
            }
        },
    )
}

fn operating_system() -> impl Strategy<Value = OperatingSystem> {
    (
        vec(text(), 0..3),
        vec(maybe(), 6..7),
        option::of(party()),
        vec(reference(), 0..2),
        vec(evidence(), 0..2),
    )
        .prop_map(|(id_like, mut fields, supplier, references, evidence)| {
            let mut next = || fields.pop().flatten();
            OperatingSystem {
                id: id_like.concat(),
                id_like,
                version: next(),
                version_id: next(),
                codename: next(),
                pretty_name: next(),
                cpe: next(),
                supplier,
                references,
                evidence,
            }
        })
}

fn file() -> impl Strategy<Value = FileEntry> {
    let digests = text().prop_map(|text| {
        let content = crate::digest::ContentReader::new(text.as_bytes());
        content.finish(&mut [0; 64]).unwrap().0
    });
    let regular = (any::<u64>(), any::<u32>(), option::of(digests)).prop_map(
        |(size, mode, digests): (u64, u32, Option<ContentDigests>)| FileKind::Regular { size, mode, digests },
    );
    let link = vec(any::<u8>(), 0..9).prop_map(|target| FileKind::Symlink { target: target.into() });
    (path(), prop_oneof![regular, link], 0..3_usize).prop_map(|(path, kind, layer)| FileEntry {
        path,
        kind,
        layer,
        owner: None,
    })
}

fn any_bom() -> impl Strategy<Value = Bom> {
    let kind = prop_oneof![
        Just(EdgeKind::DependsOn),
        Just(EdgeKind::DependsOnAlternative),
        Just(EdgeKind::Recommends),
        Just(EdgeKind::Suggests),
        Just(EdgeKind::Breaks),
        Just(EdgeKind::BuildDependsOn),
        Just(EdgeKind::Owns),
    ];
    let edges = vec((any::<usize>(), any::<usize>(), kind), 0..6);
    let embedded = vec((path(), 0..3_usize, vec(any::<u8>(), 0..20)), 0..3);
    let gap = (option::of(0..3_usize), option::of(path()), option::of(any::<u64>()), any::<bool>(), text());
    let parts = (vec(component(), 1..4), edges, vec(file(), 0..4), embedded, vec(gap, 0..4));
    (option::of(operating_system()), parts, any::<u64>(), any::<u64>()).prop_map(
        |(
            operating_system,
            (components, edges, mut files, embedded, gaps),
            files_not_listed,
            gaps_not_listed,
        )| {
            let count = components.len();
            if let Some(file) = files.first_mut() {
                file.owner = Some(count - 1);
            }
            let edge = |(from, to, kind)| Edge { from: from % count, to: to % count, kind };
            let gap = |(layer, path, offset, by_apk, message): (_, _, _, bool, String)| Gap {
                layer,
                path,
                offset,
                detector: by_apk.then_some("apk"),
                kind: GapKind::Unresolved,
                message,
            };
            Bom {
                subject: Memory::new(vec![Vec::new(); 3]).subject,
                operating_system,
                edges: edges.into_iter().map(edge).collect(),
                files,
                embedded: (embedded.into_iter())
                    .map(|(path, layer, bytes)| EmbeddedDocument { path, layer, bytes: bytes.into() })
                    .collect(),
                files_not_listed,
                gaps: gaps.into_iter().map(gap).collect(),
                gaps_not_listed,
                components,
            }
        },
    )
}

/// Reads `body` as it lies in an entry, behind other bytes.
fn read_from(body: &[u8], subject: &Subject, detectors: &[&'static str]) -> Result<Bom, Malformed> {
    let entry = Arc::new([b"head", body, b"digest"].concat());
    read(&Body { entry: &entry, at: 4..4 + body.len() }, subject, detectors)
}

#[test]
fn names_of_properties_that_swell_are_malformed() {
    let whole = plain(&image());
    for (values, fits) in [(1, true), (20, true), (4000, false)] {
        let mut bom = whole.clone();
        let name = "n".repeat(1000);
        bom.components[0].properties = (0..values).map(|value| (name.clone(), value.to_string())).collect();
        assert_eq!(write(&bom, usize::MAX).is_some(), fits, "{values}");
    }
}

#[test]
fn indices_of_nothing_are_malformed() {
    let whole = plain(&image());
    let body = |change: &dyn Fn(&mut Bom)| {
        let mut bom = whole.clone();
        change(&mut bom);
        write(&bom, usize::MAX).unwrap()
    };
    let detectors: Vec<&'static str> = builtin::detectors().iter().map(|detector| detector.id()).collect();
    let is_read = |body: &[u8]| read_from(body, &whole.subject, &detectors).is_ok();
    assert!(is_read(&body(&|_| {})));
    let edge = Edge { from: 0, to: 99, kind: EdgeKind::Owns };
    let changes: [&dyn Fn(&mut Bom); 5] = [
        &|bom| bom.edges.push(edge),
        &|bom| bom.components[0].layers.removed = Some(2),
        &|bom| bom.components[0].evidence[0].layer = 2,
        &|bom| bom.gaps[0].layer = Some(2),
        &|bom| {
            let kind = FileKind::Symlink { target: Box::default() };
            bom.files.push(FileEntry { path: "a".into(), kind, layer: 0, owner: Some(99) });
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        assert!(!is_read(&body(change)), "{number}");
    }
}

proptest! {
    #[test]
    fn bills_are_read_back(bom in any_bom()) {
        let body = write(&bom, usize::MAX).unwrap();
        prop_assert_eq!(read_from(&body, &bom.subject, &["dpkg", "apk"]).unwrap(), bom);
    }

    #[test]
    fn no_bytes_do_harm(bom in any_bom(), cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
        let body = write(&bom, usize::MAX).unwrap();
        let mut flipped = body.clone();
        flipped[flip.index(body.len())] ^= 1 << (cut.index(8));
        for bytes in [&body[..cut.index(body.len())], &flipped] {
            if let Ok(read) = read_from(bytes, &bom.subject, &["apk"]) {
                prop_assert!(write(&read, usize::MAX).is_some());
            }
        }
    }
}
