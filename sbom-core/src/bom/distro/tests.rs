//! What systems subjects of few files are found to hold.

use super::*;
use crate::{bom::test_image::TestImage, limits::Limits};

/// `root: qualifier version` of all systems.
fn check(image: &TestImage, forced: Option<&str>, expected: &[&str]) {
    let limits = Limits::default();
    let overlay = image.overlay(&limits);
    let distros = Distros::find(&overlay, forced, &mut Draft::default());
    let found: Vec<String> = distros
        .by_root
        .iter()
        .map(|(root, system)| {
            format!("{root}: {} {}", system.qualifier(), system.version.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(found, expected);
}

fn image(files: &[(&str, &str)]) -> TestImage {
    TestImage::default().layer(files)
}

fn main_system(image: &TestImage) -> OperatingSystem {
    let limits = Limits::default();
    let overlay = image.overlay(&limits);
    let distros = Distros::find(&overlay, None, &mut Draft::default());
    distros.of(&ImagePath::root()).cloned().unwrap()
}

#[test]
fn the_most_telling_file_names_the_system() {
    check(
        &image(&[
            ("etc/redhat-release", "CentOS release 5.7 (Final)"),
            ("usr/lib/os-release", "ID=fedora\nVERSION_ID=36"),
            ("etc/os-release", "ID=rocky\nVERSION_ID=9.1"),
        ]),
        None,
        &["/: rocky-9.1 9.1"],
    );
    check(&image(&[("etc/os-release", "NAME=x"), ("usr/lib/os-release", "ID=a")]), None, &["/: a -"]);
    check(&image(&[("etc/os-release", "ID_LIKE=\"debian x\"\nVERSION_ID=8")]), None, &["/: debian-8 8"]);
    check(&image(&[("etc/os-release", "")]), None, &[]);
}

#[test]
fn debian_is_refined_by_its_point_release_and_by_nothing_else() {
    let debian =
        |release: &str, version: &str| image(&[("etc/os-release", release), ("etc/debian_version", version)]);
    check(&debian("ID=debian\nVERSION_ID=12", "12.8\n"), None, &["/: debian-12 12.8"]);
    check(&debian("ID=debian\nVERSION_ID=12", "11.8\n"), None, &["/: debian-12 12"]);
    check(&debian("ID=debian\nVERSION_ID=12", "trixie/sid\n"), None, &["/: debian-12 12"]);
    check(&debian("ID=debian", "10.8\n"), None, &["/: debian-10 10.8"]);
    check(&debian("ID=debian", "trixie/sid\n"), None, &["/: debian-trixie -"]);
    check(&debian("ID=debian\nVERSION_CODENAME=forky", "forky/sid\n"), None, &["/: debian-forky -"]);
    check(&debian("ID=ubuntu\nVERSION_ID=24.04", "trixie/sid\n"), None, &["/: ubuntu-24.04 24.04"]);
    check(&image(&[("etc/debian_version", "12.8")]), None, &["/: debian-12 12.8"]);
    check(&image(&[("etc/debian_version", "trixie/sid")]), None, &["/: debian-trixie -"]);
}

#[test]
fn a_missing_version_does_not_lose_the_system() {
    check(&image(&[("etc/os-release", "ID=arch\nBUILD_ID=rolling")]), None, &["/: arch-rolling -"]);
    check(&image(&[("etc/os-release", "ID=kali\nID_LIKE=debian")]), None, &["/: kali -"]);
    let edge = "ID=alpine\nVERSION_ID=3.15.0_alpha20210804";
    check(
        &image(&[("etc/os-release", edge)]),
        None,
        &["/: alpine-3.15.0_alpha20210804 3.15.0_alpha20210804"],
    );
}

#[test]
fn derived_systems_override_what_they_derive_from() {
    let lsb = "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=20.04\nDISTRIB_CODENAME=focal";
    check(
        &image(&[("etc/debian_version", "bullseye/sid"), ("etc/lsb-release", lsb)]),
        None,
        &["/: ubuntu-20.04 20.04"],
    );
    check(
        &image(&[("etc/os-release", "ID=debian"), ("etc/lsb-release", lsb)]),
        None,
        &["/: ubuntu-20.04 20.04"],
    );
    check(
        &image(&[("etc/os-release", "ID=pop\nVERSION_ID=22"), ("etc/lsb-release", lsb)]),
        None,
        &["/: pop-22 22"],
    );
    let oracle = ("etc/oracle-release", "Oracle Linux Server release 7.9");
    check(
        &image(&[("etc/redhat-release", "Red Hat Enterprise Linux release 7.9"), oracle]),
        None,
        &["/: ol-7.9 7.9"],
    );
}

#[test]
fn links_are_followed_from_layer_to_layer() {
    let image = TestImage::default()
        .symlink("etc/os-release", "../usr/lib/os-release")
        .layer_without_files()
        .layer(&[("usr/lib/os-release", "ID=debian\nVERSION_ID=12")]);
    check(&image, None, &["/: debian-12 12"]);
    let image = TestImage::default()
        .layer(&[("usr/lib/os-release", "ID=debian\nVERSION_ID=12")])
        .symlink("jail/etc/os-release", "/usr/lib/os-release")
        .layer(&[("jail/etc/debian_version", "9.1")]);
    check(&image, None, &["/: debian-12 12", "/jail: debian-9 9.1"]);
    let image = image.layer(&[("jail/usr/lib/os-release", "ID=fedora\nVERSION_ID=36")]);
    check(&image, None, &["/: debian-12 12", "/jail: fedora-36 36"]);
}

#[test]
fn a_file_that_a_higher_layer_removes_still_tells_until_another_does() {
    let alpine = image(&[("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3")]);
    let removed = alpine.clone().whiteout("etc/os-release").layer_without_files();
    check(&removed, None, &["/: alpine-3.20.3 3.20.3"]);
    let replaced = removed.layer(&[("usr/lib/os-release", "ID=wolfi\nVERSION_ID=1")]);
    check(&replaced, None, &["/: wolfi-1 1"]);
}

#[test]
fn repositories_name_the_release_of_a_root_that_has_nothing_better() {
    for (line, expected) in [
        ("https://dl-cdn.alpinelinux.org/alpine/v3.19/main", "alpine-3.19 3.19"),
        ("http://mirror.example/pub/v3.9/community", "alpine-3.9 3.9"),
        ("@testing https://a/alpine/edge/testing\nhttp://a/alpine/edge/main", "alpine-edge edge"),
        ("https://packages.wolfi.dev/os", "wolfi -"),
        ("http://mirror.postmarketos.org/postmarketos/v24.06", "postmarketos-24.06 24.06"),
    ] {
        check(&image(&[("jail/etc/apk/repositories", line)]), None, &[&format!("/jail: {expected}")]);
    }
    check(&image(&[("jail/etc/apk/repositories", "/media/cdrom/apks")]), None, &[]);
    let list =
        ("jail/etc/apk/repositories.d/main.list", "https://dl-cdn.alpinelinux.org/alpine v3.23/main\n");
    check(
        &image(&[("jail/etc/apk/repositories", "/media/cdrom/apks"), list]),
        None,
        &["/jail: alpine-3.23 3.23"],
    );
}

#[test]
fn a_nested_root_never_takes_the_system_around_it() {
    let database = "P:musl\nV:1.2.5-r0\n";
    let image =
        image(&[("etc/os-release", "ID=debian\nVERSION_ID=12"), ("jail/lib/apk/db/installed", database)]);
    check(&image, None, &["/: debian-12 12", "/jail: alpine -"]);
}

#[test]
fn a_database_alone_infers_its_system_even_beside_busybox() {
    let image = image(&[("lib/apk/db/installed", "P:a\nV:1\n"), ("bin/busybox", "\0BusyBox v1.36.1 (x)")]);
    check(&image, None, &["/: alpine -"]);
    assert_eq!(main_system(&image).evidence, []);
    check(&self::image(&[("bin/busybox", "\0BusyBox v1.36.1 (x)")]), None, &["/: busybox-1.36.1 1.36.1"]);
}

#[test]
fn what_the_user_says_replaces_what_the_image_says() {
    let image = image(&[("etc/os-release", "ID=debian\nVERSION_ID=12")]);
    check(&image, Some("opensuse-leap-15.2"), &["/: opensuse-leap-15.2 15.2"]);
    check(&image, Some("Alpine"), &["/: alpine -"]);
    check(&image, Some("debian-sid"), &["/: debian-sid -"]);
}

#[test]
fn bottlerocket_keeps_its_system_below_a_directory_of_its_own() {
    let path = "x86_64-bottlerocket-linux-gnu/sys-root/usr/lib/os-release";
    let image = image(&[(path, "ID=bottlerocket\nVERSION_ID=1.20.0")]);
    assert_eq!(main_system(&image).qualifier(), "bottlerocket-1.20.0");
}

#[test]
fn links_names_and_places_are_kept() {
    let system = main_system(&image(&[(
        "etc/os-release",
        "ID=rhel\nVERSION_ID=\"8.1\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 8.1 (Ootpa)\"\nID_LIKE=\"fedora x\"\n\
         CPE_NAME=\"cpe:/o:redhat:enterprise_linux:8.1:GA\"\nHOME_URL=\"https://www.redhat.com/\"\nBUG_REPORT_URL=mailto:x@y\n",
    )]));
    assert_eq!(system.cpe.as_deref(), Some("cpe:2.3:o:redhat:enterprise_linux:8.1:ga:*:*:*:*:*:*"));
    assert_eq!(system.id_like, ["fedora", "x"]);
    assert_eq!(system.pretty_name.as_deref(), Some("Red Hat Enterprise Linux 8.1 (Ootpa)"));
    assert_eq!(system.supplier.unwrap().name, "Red Hat");
    assert_eq!(system.references.len(), 1);
    assert_eq!(system.evidence[0].path.to_text(), "/etc/os-release");
}

#[test]
fn an_unknown_system_is_supplied_by_whom_it_says() {
    let system = main_system(&image(&[(
        "etc/os-release",
        "ID=own\nVENDOR_NAME=\"Acme Ltd\"\nVENDOR_URL=https://acme.example",
    )]));
    assert_eq!(system.supplier.unwrap().name, "Acme Ltd");
}

#[test]
fn systems_of_nested_roots_become_components() {
    let limits = Limits::default();
    let image = image(&[("etc/os-release", "ID=debian\nVERSION_ID=12")])
        .layer(&[(
            "srv/jail/etc/os-release",
            "ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"",
        )])
        .whiteout("srv/jail")
        .layer_without_files();
    let overlay = image.overlay(&limits);
    let mut draft = Draft::default();
    Distros::find(&overlay, None, &mut draft);
    let (_, component) = draft.components().next().unwrap();
    assert_eq!(component.kind, ComponentKind::OperatingSystem);
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("alpine", Some("3.20.3")));
    assert_eq!((component.layers.introduced, component.layers.removed), (1, Some(2)));
    assert!(component.properties.contains(&("sbomctl:os:root".to_owned(), "/srv/jail".to_owned())));
    assert_eq!(component.evidence[0].path.to_text(), "/srv/jail/etc/os-release");
    assert_eq!(draft.components().count(), 1);
}
