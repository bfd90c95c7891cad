//! What a bill lists of files, seen through whole scans.

use std::io::{self, Read};

use sbomctl_testkit::{Compression, TarBuilder, compress};
use sha1::Digest as _;

use super::*;
use crate::{
    digest::{ContentDigests, Digest, hex},
    scan::{Options, Silent, scan},
    source::testing::Memory,
};

fn options(files: FileScope) -> Options {
    let mut options = Options::default();
    options.bill.files = files;
    options
}

fn bill(layers: Vec<Vec<u8>>, options: &Options) -> Bom {
    scan(&Memory::new(layers), options, &Silent).unwrap()
}

fn bill_of<const N: usize>(layers: [TarBuilder; N], files: FileScope) -> Bom {
    bill(layers.into_iter().map(TarBuilder::build).collect(), &options(files))
}

fn tar() -> TarBuilder {
    TarBuilder::new()
}

fn digests(content: &[u8]) -> ContentDigests {
    ContentDigests { sha1: sha1::Sha1::digest(content).into(), sha256: sha2::Sha256::digest(content).into() }
}

/// Compares the whole list with `PATH LAYER OWNER MODE CONTENT` for regular files, `-` for no owner, and
/// `PATH LAYER OWNER -> TARGET` for links.
fn check<const N: usize>(layers: [TarBuilder; N], files: FileScope, expected: &[&str]) {
    let bom = bill_of(layers, files);
    let shown: Vec<String> = bom
        .files
        .iter()
        .zip(expected)
        .map(|(file, expected)| {
            let owner = file.owner.map_or("-", |owner| &bom.components[owner].name);
            let begin = format!("{} {} {owner}", file.path, file.layer);
            match &file.kind {
                FileKind::Symlink { target } => format!("{begin} -> {}", String::from_utf8_lossy(target)),
                FileKind::Regular { size, mode, digests: found } => {
                    let content = expected.splitn(5, ' ').nth(4).unwrap_or_default();
                    assert_eq!(*found, Some(digests(content.as_bytes())), "{}: {content}", file.path);
                    assert_eq!(*size, content.len() as u64, "{}", file.path);
                    format!("{begin} {mode:o} {content}")
                }
            }
        })
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(bom.files.len(), expected.len(), "{:?}", bom.files.last());
    assert!(bom.files.is_sorted_by(|a, b| a.path < b.path));
}

const NO_PACKAGES: FileScope = FileScope::All;

#[test]
fn every_regular_file_and_link_is_listed_with_the_layer_that_put_it_there() {
    check(
        [
            tar().dir("d").file("d/empty", "").mode(0o4755).file("d/su", "setuid").symlink("d/link", "su"),
            tar().mode(0o600).file("top", "x y").fifo("pipe"),
        ],
        NO_PACKAGES,
        &["/d/empty 0 - 644 ", "/d/link 0 - -> su", "/d/su 0 - 4755 setuid", "/top 1 - 600 x y"],
    );
}

#[test]
fn paths_sort_by_their_bytes_and_not_directory_by_directory() {
    check(
        [tar().file("a/b", "1").file("a-b", "2").file("a.b", "3").file("a0", "4").file("a/b.c", "5")],
        NO_PACKAGES,
        &["/a-b 0 - 644 2", "/a.b 0 - 644 3", "/a/b 0 - 644 1", "/a/b.c 0 - 644 5", "/a0 0 - 644 4"],
    );
}

#[test]
fn a_hard_link_has_the_digests_and_mode_of_its_target_also_across_layers() {
    check(
        [
            tar().mode(0o755).file("a", "one").mode(0o644).hardlink("b", "a"),
            tar().hardlink("c", "a"),
            tar().file("a", "two").hardlink("d", "c"),
        ],
        NO_PACKAGES,
        &["/a 2 - 644 two", "/b 0 - 755 one", "/c 1 - 755 one", "/d 2 - 755 one"],
    );
}

#[test]
fn a_hard_link_to_a_link_is_a_link() {
    check([tar().symlink("a", "x").hardlink("b", "a")], NO_PACKAGES, &["/a 0 - -> x", "/b 0 - -> x"]);
}

#[test]
fn what_is_removed_and_added_again_is_what_was_added() {
    check(
        [
            tar().file("a", "old").file("b", "gone").file("o/x", "hidden"),
            tar().whiteout("a").whiteout("b").opaque("o"),
            tar().file("a", "new").file("o/y", "seen"),
        ],
        NO_PACKAGES,
        &["/a 2 - 644 new", "/o/y 2 - 644 seen"],
    );
}

#[test]
fn a_replaced_file_is_that_of_the_upper_layer_whatever_it_becomes() {
    check(
        [
            tar().file("a", "1").file("b", "1").file("c/d", "1"),
            tar().file("a", "22").symlink("b", "a").file("c", "file"),
        ],
        NO_PACKAGES,
        &["/a 1 - 644 22", "/b 1 - -> a", "/c 1 - 644 file"],
    );
}

#[test]
fn a_file_behind_a_linked_directory_is_listed_once_where_it_really_lies() {
    check(
        [tar().dir("usr/lib").symlink("lib", "usr/lib").file("usr/lib/x", "1"), tar().file("lib/x", "2")],
        NO_PACKAGES,
        &["/lib 0 - -> usr/lib", "/usr/lib/x 1 - 644 2"],
    );
}

/// A database of apk: for each package its name and files with their content.
fn apk(packages: &[(&str, &[(&str, &str)])]) -> String {
    let file = |(path, content): &(&str, &str)| {
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        format!("F:{directory}\nR:{file}\nZ:{}\n", hex(&sha1::Sha1::digest(content)))
    };
    let package = |(name, files): &(&str, &[(&str, &str)])| {
        format!("P:{name}\nV:1\n{}\n", files.iter().map(file).collect::<String>())
    };
    packages.iter().map(package).collect()
}

const DATABASE: &str = "usr/lib/apk/db/installed";

#[test]
fn the_owner_is_found_behind_links_and_only_owned_files_are_listed() {
    let database = apk(&[("libx", &[("lib/libx.so", "elf"), ("lib/liby.so", "liby.so.1")])]);
    check(
        [tar()
            .symlink("lib", "usr/lib")
            .file("usr/lib/libx.so", "elf")
            .symlink("usr/lib/liby.so", "liby.so.1")
            .file("stray", "")
            .file(DATABASE, database)],
        FileScope::Owned,
        &["/usr/lib/libx.so 0 libx 644 elf", "/usr/lib/liby.so 0 libx -> liby.so.1"],
    );
}

#[test]
fn a_file_of_two_packages_has_the_first_owner_and_counts_for_both() {
    let database = apk(&[("b", &[("x", "1")]), ("a", &[("x", "1")])]);
    let bom = bill_of([tar().file("x", "1").file(DATABASE, database)], FileScope::Owned);
    assert_eq!(bom.files.iter().map(|file| file.owner).collect::<Vec<_>>(), [Some(0)]);
    assert!(bom.components.iter().all(|component| bom.files_of(component).count() == 1));
    assert_eq!(bom.contents(&bom.components[0]), bom.contents(&bom.components[1]));
}

#[test]
fn what_was_removed_owns_nothing() {
    let layers =
        [tar().file("x", "1").file(DATABASE, apk(&[("a", &[("x", "1")])])), tar().file(DATABASE, "")];
    let mut options = options(FileScope::All);
    options.bill.scope = crate::bom::Scope::AllLayers;
    let bom = bill(layers.into_iter().map(TarBuilder::build).collect(), &options);
    assert_eq!(bom.components.len(), 1);
    assert!(bom.files.iter().all(|file| file.owner.is_none()));
    assert_eq!(bom.contents(&bom.components[0]), None);
}

#[test]
fn nothing_is_listed_or_hashed_unless_asked_for() {
    let bom = bill_of([tar().file("x", "1").file(DATABASE, apk(&[("a", &[("y", "1")])]))], FileScope::None);
    assert_eq!((bom.files.len(), bom.contents(&bom.components[0])), (0, None));
    assert!(bom.components[0].properties.iter().all(|(name, _)| !name.starts_with("sbomctl:files:")));
}

/// The `sbomctl:files:` properties of the only component.
fn changes(bom: &Bom) -> Vec<String> {
    let properties = bom.components[0].properties.iter();
    let ours = properties.filter_map(|(name, value)| Some((name.strip_prefix("sbomctl:files:")?, value)));
    ours.map(|(name, value)| format!("{name} {value}")).collect()
}

#[test]
fn files_that_differ_from_the_database_or_are_missing_are_named() {
    let files = [
        ("bin/same", "1"),
        ("bin/changed", "1"),
        ("bin/gone", "1"),
        ("bin/now-directory", "1"),
        ("etc/config", "1"),
        ("etc/gone", "1"),
    ];
    let database = apk(&[("a", &files)]);
    let layers = || {
        [
            tar()
                .file("bin/same", "1")
                .file("bin/changed", "1")
                .file("bin/gone", "1")
                .file(DATABASE, &database),
            tar()
                .whiteout("bin/gone")
                .file("bin/changed", "2")
                .file("etc/config", "2")
                .dir("bin/now-directory"),
        ]
    };
    for scope in [FileScope::Owned, FileScope::All] {
        assert_eq!(
            changes(&bill_of(layers(), scope)),
            [
                "missing /bin/gone",
                "missing /etc/gone",
                "missing-count 2",
                "modified /bin/changed",
                "modified /bin/now-directory",
                "modified-count 2",
            ]
        );
    }
    assert_eq!(changes(&bill_of(layers(), FileScope::None)), Vec::<String>::new());
}

#[test]
fn of_many_missing_files_the_first_are_named_and_all_are_counted() {
    let names: Vec<String> = (100..150).map(|n| format!("doc/{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let changes = changes(&bill_of([tar().file(DATABASE, apk(&[("a", &files)]))], FileScope::Owned));
    assert_eq!(changes.len(), NAMED_CHANGES + 1);
    assert_eq!((&*changes[0], &*changes[NAMED_CHANGES]), ("missing /doc/100", "missing-count 50"));
}

#[test]
fn beyond_the_limit_files_are_counted_and_what_lacks_some_has_no_digest() {
    let database = apk(&[("a", &[("a/1", "1"), ("a/2", "2")]), ("b", &[("a/0", "0")])]);
    let layer = || tar().file("a/0", "0").file("a/1", "1").file("a/2", "2").file(DATABASE, &database).build();
    for (limit, value) in [("files", 2), ("file-names-bytes", 6)] {
        let mut options = options(FileScope::All);
        assert!(options.limits.set(limit, value));
        let bom = bill(vec![layer()], &options);
        assert_eq!((bom.files.len(), bom.files_not_listed), (2, 2), "{limit}");
        assert!(bom.gaps.iter().any(|gap| gap.message.contains(&format!("--limit {limit}="))), "{limit}");
        assert_eq!(bom.contents(&bom.components[0]), None, "{limit}");
        assert!(bom.contents(&bom.components[1]).is_some(), "{limit}");
        assert_eq!(changes(&bom), Vec::<String>::new(), "{limit}");
    }
}

#[test]
fn holes_count_as_zeros_and_too_many_of_them_are_a_gap() {
    let sparse = |real: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_path("sparse").unwrap();
        header.set_mode(0o644);
        header.set_size(0);
        header.as_gnu_mut().unwrap().realsize.copy_from_slice(format!("{real:0>11}\0").as_bytes());
        header.set_cksum();
        tar().raw(header.as_bytes()).file("x", "1").build()
    };
    let bom = bill(vec![sparse("4000")], &options(FileScope::All));
    let kind = FileKind::Regular { size: 0o4000, mode: 0o644, digests: Some(digests(&[0; 0o4000])) };
    assert_eq!(bom.files[0].kind, kind);

    let bom = bill(vec![sparse("77777777777")], &options(FileScope::All));
    let kind = FileKind::Regular { size: 0o77_777_777_777, mode: 0o644, digests: None };
    assert_eq!((&bom.files[0].kind, bom.files.len()), (&kind, 2));
    let gap = bom.gaps.iter().find(|gap| gap.message.contains("--limit hole-bytes=")).unwrap();
    assert_eq!((gap.layer, gap.path.as_ref()), (Some(0), Some(&bom.files[0].path)));
}

#[test]
fn a_huge_file_is_hashed_as_it_passes() {
    let size = 64_u64 << 20;
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    let archive = header.as_bytes().chain(io::repeat(7).take(size)).chain(&[0; 1024][..]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut { archive }, &mut encoder).unwrap();
    let bom = bill(vec![encoder.finish().unwrap()], &options(FileScope::All));
    let mut expected = crate::digest::ContentReader::new(io::repeat(7).take(size));
    io::copy(&mut expected, &mut io::sink()).unwrap();
    let digests = Some(expected.finish(&mut [0]).unwrap().0);
    assert_eq!(bom.files[0].kind, FileKind::Regular { size, mode: 0o644, digests });
}

#[test]
fn a_database_is_both_read_and_hashed() {
    let database = apk(&[("a", &[("x", "1")])]);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let layer = tar().file("x", "1").file(DATABASE, &database).build();
        let bom = bill(vec![compress(&layer, compression)], &options(FileScope::All));
        let FileKind::Regular { digests: found, .. } = bom.files[0].kind else { panic!() };
        assert_eq!((found, bom.components.len()), (Some(digests(database.as_bytes())), 1));
    }
}

#[test]
fn the_digests_of_a_package_follow_from_those_of_its_files() {
    let files = [("bin/a", "first"), ("bin/b", "second"), ("lib/a\\ b", "third"), ("lib/link", "to")];
    let bom = bill_of(
        [tar()
            .file("bin/a", "first")
            .file("bin/b", "second")
            .file("lib/a\\ b", "third")
            .symlink("lib/link", "../some where")
            .file(DATABASE, apk(&[("a", &files)]))],
        FileScope::Owned,
    );
    let contents = bom.contents(&bom.components[0]).unwrap();
    let mut sha1s = ["first", "second", "third"].map(|content| hex(&sha1::Sha1::digest(content)));
    sha1s.sort();
    let code: [u8; 20] = sha1::Sha1::digest(sha1s.concat()).into();
    assert_eq!(contents.verification_code, Some(code));
    let sha256 = |content: &str| hex(&sha2::Sha256::digest(content));
    let lines = [
        format!("{}  /bin/a\n", sha256("first")),
        format!("{}  /bin/b\n", sha256("second")),
        format!("\\{}  /lib/a\\\\ b\n", sha256("third")),
        "\\l:../some\\ where  /lib/link\n".to_owned(),
    ];
    assert_eq!(contents.installed_files, Digest::of(lines.concat().as_bytes()));
}

/// Computed with `sha1sum` and `sha256sum`.
#[test]
fn the_digests_of_a_known_package_are_known() {
    let files = [("a", "hello\n"), ("b", ""), ("c", "b")];
    let bom = bill_of(
        [tar().file("a", "hello\n").file("b", "").symlink("c", "b").file(DATABASE, apk(&[("a", &files)]))],
        FileScope::Owned,
    );
    let contents = bom.contents(&bom.components[0]).unwrap();
    assert_eq!(&*hex(&contents.verification_code.unwrap()), "219c7df94ad22be03e3a1e17bdef9ea002858258");
    assert_eq!(
        contents.installed_files.hex(),
        "913fc37f89f3be377eb39ffa181b2068ad19e478830e6c866b35f3b31495799d"
    );
}

#[test]
fn a_package_of_links_alone_has_no_verification_code() {
    let database = apk(&[("a", &[("bin/sh", "/bin/busybox")]), ("none", &[])]);
    let bom = bill_of([tar().symlink("bin/sh", "/bin/busybox").file(DATABASE, database)], FileScope::Owned);
    let contents = bom.contents(&bom.components[0]).unwrap();
    assert_eq!(contents.verification_code, None);
    assert_eq!(contents.installed_files, Digest::of(b"l:/bin/busybox  /bin/sh\n"));
    assert_eq!(bom.contents(&bom.components[1]), None);
}
