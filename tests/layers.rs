//! Layers of every form, and what lies across them.

use sbomctl_testkit::{Compression, EntryType, ImageBuilder, LayerBuilder, TarBuilder};

use crate::program::{Document, cyclonedx};

const OS_RELEASE: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\n";

fn database(names: &[&str]) -> Vec<u8> {
    names.iter().map(|name| format!("P:{name}\nV:1-r0\nA:x86_64\n\n")).collect::<String>().into_bytes()
}

fn os(l: LayerBuilder) -> LayerBuilder {
    l.file("etc/os-release", OS_RELEASE)
}

fn scan(image: ImageBuilder) -> Document {
    let folder = tempfile::tempdir().unwrap();
    image.build().write_oci_layout(folder.path()).unwrap();
    cyclonedx(folder.path())
}

#[test]
fn every_compression_is_read() {
    for compression in [Compression::None, Compression::Gzip, Compression::GzipMultiMember, Compression::Zstd]
    {
        let image = ImageBuilder::new()
            .layer(|l| os(l).compression(compression).file("lib/apk/db/installed", database(&["a", "b"])));
        assert_eq!(scan(image).packages(), ["a 1-r0", "b 1-r0"], "{compression:?}");
    }
}

#[test]
fn a_database_that_engines_would_unpack_is_found_whatever_its_header_says() {
    const PATH: &str = "lib/apk/db/installed";
    let tar = TarBuilder::new;
    let long = |tar: TarBuilder, name: &str| tar.entry(EntryType::GNULongName, b"l", b"", name.as_bytes());
    let decoy = [("path", b"tmp/decoy".as_slice())];
    for (way, archive) in [
        (
            "behind a directory with a size",
            tar().dir("tmp").field(124, "00000002000\0").file(PATH, database(&["a"])),
        ),
        (
            "behind a link with a size",
            tar().symlink("x", "y").field(124, "00000002000\0").file(PATH, database(&["a"])),
        ),
        ("after an empty record", tar().pax([("path", b"".as_slice())]).file(PATH, database(&["a"]))),
        ("a long name before a record", long(tar().pax(decoy), PATH).file("z", database(&["a"]))),
        ("a record before a long name", long(tar(), PATH).pax(decoy).file("z", database(&["a"]))),
        ("a name with a slash", tar().file(format!("{PATH}/"), database(&["a"]))),
        ("a long name without a magic", long(tar(), PATH).field(257, [0; 8]).file("z", database(&["a"]))),
        ("a long name with a NUL", long(tar(), &format!("{PATH}\0/x\0")).file("z", database(&["a"]))),
        (
            "a sparse name without a map",
            tar().pax([("GNU.sparse.name", b"x".as_slice())]).file(PATH, database(&["a"])),
        ),
        ("below a name of AUFS", tar().file(format!("opt/.wh..wh.x/{PATH}"), database(&["a"]))),
    ] {
        let image = ImageBuilder::new().layer(|l| os(l).raw(archive.build()).without_end());
        assert_eq!(scan(image).packages(), ["a 1-r0"], "{way}");
    }
}

#[test]
fn a_database_reached_through_a_linked_directory_is_counted_once() {
    let image = ImageBuilder::new()
        .layer(|l| {
            os(l).symlink("lib", "usr/lib").dir("usr/lib").file("usr/lib/apk/db/installed", database(&["a"]))
        })
        .layer(|l| l.file("lib/apk/db/installed", database(&["a", "b"])));
    assert_eq!(scan(image).packages(), ["a 1-r0", "b 1-r0"]);
}

#[test]
fn a_database_behind_a_link_to_a_file_of_another_name_is_read() {
    let image = ImageBuilder::new()
        .layer(|l| os(l).file("data/packages", database(&["a"])))
        .layer(|l| l.symlink("lib/apk/db/installed", "/data/packages"));
    assert_eq!(scan(image).packages(), ["a 1-r0"]);
}

#[test]
fn a_database_behind_a_hard_link_is_read() {
    let image = ImageBuilder::new().layer(|l| {
        os(l).file("data/packages", database(&["a"])).hardlink("lib/apk/db/installed", "data/packages")
    });
    assert_eq!(scan(image).packages(), ["a 1-r0"]);
}

#[test]
fn a_database_in_a_linked_folder_of_another_name_is_read() {
    let image = ImageBuilder::new().layer(|l| {
        l.file("etc/os-release", b"ID=debian\nVERSION_ID=12\n")
            .file(
                "data/dpkg/status",
                b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
            )
            .symlink("var/lib/dpkg", "../../data/dpkg")
    });
    assert_eq!(scan(image).packages(), ["a 1"]);
}

#[test]
fn a_status_file_without_its_directory_entry_is_found() {
    let image = ImageBuilder::new().layer(|l| {
        l.file("usr/lib/os-release", b"ID=debian\nVERSION_ID=12\n")
            .symlink("etc/os-release", "../usr/lib/os-release")
            .file("./var/lib/dpkg/status.d/tzdata", b"Package: tzdata\nVersion: 2024a-0\nArchitecture: all")
    });
    assert_eq!(scan(image).purls(), ["pkg:deb/debian/tzdata@2024a-0?arch=all&distro=debian-12"]);
}

#[test]
fn whiteouts_and_opaque_directories_hide_packages() {
    let package = |name: &str| format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
    let hidden = || {
        ImageBuilder::new()
            .layer(|l| {
                l.file("etc/os-release", b"ID=debian\nVERSION_ID=12\n")
                    .file("var/lib/dpkg/status.d/a", package("a"))
                    .file("var/lib/dpkg/status.d/b", package("b"))
            })
            .layer(|l| l.whiteout("var/lib/dpkg/status.d/a"))
    };
    assert_eq!(scan(hidden()).packages(), ["b 1"]);
    let opaque =
        hidden().layer(|l| l.opaque("var/lib/dpkg/status.d").file("var/lib/dpkg/status.d/c", package("c")));
    assert_eq!(scan(opaque).packages(), ["c 1"]);
}

#[test]
fn the_same_path_twice_in_a_layer_is_the_later_one() {
    let image = ImageBuilder::new().layer(|l| {
        os(l).file("lib/apk/db/installed", database(&["a"])).file("lib/apk/db/installed", database(&["b"]))
    });
    assert_eq!(scan(image).packages(), ["b 1-r0"]);
}

#[test]
fn a_nested_root_keeps_its_own_distribution() {
    let image = ImageBuilder::new().layer(|l| {
        l.file("etc/os-release", b"ID=debian\nVERSION_ID=12\n")
            .file("srv/chroot/etc/os-release", OS_RELEASE)
            .file("srv/chroot/lib/apk/db/installed", database(&["a"]))
    });
    assert_eq!(scan(image).purls(), ["pkg:apk/alpine/a@1-r0?arch=x86_64&distro=alpine-3.20.3"]);
}

#[test]
fn an_image_of_300_000_empty_files_is_read() {
    let mut image = ImageBuilder::new().layer(|l| os(l).file("lib/apk/db/installed", database(&["a"])));
    for layer in 0..3 {
        image = image.layer(|mut l| {
            for file in 0..100_000 {
                l = l.file(format!("srv/{layer}/{}/{file}", file % 100), b"");
            }
            l
        });
    }
    assert_eq!(scan(image).packages(), ["a 1-r0"]);
}
