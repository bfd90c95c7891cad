//! What release files, real and made up, name.

use super::*;
use crate::{layer::retain::Content, limits::Limits};

fn detect(path: &str, bytes: &[u8]) -> (Option<OsRelease>, Vec<Gap>) {
    let path = ImagePath::from(path);
    let content = Content::new(bytes.to_vec());
    let limits = Limits::default();
    let size = bytes.len() as u64;
    let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
    let mut out = Findings::default();
    if let Err(gap) = OsReleaseDetector.detect(&file, &mut out) {
        out.gaps.push(gap);
    }
    let release = out.found.pop().map(|found| match found {
        Finding::OsRelease(release) => *release,
        other => panic!("{other:?}"),
    });
    (release, out.gaps)
}

fn check(path: &str, text: &str, expected: Option<(&str, &str)>) {
    let (release, _) = detect(path, text.as_bytes());
    let found =
        release.map(|release| (release.id.unwrap_or_default(), release.version_id.unwrap_or_default()));
    let expected = expected.map(|(id, version)| (id.to_owned(), version.to_owned()));
    assert_eq!(found, expected, "{path}: {text:.200}");
}

#[test]
fn the_later_of_two_assignments_counts() {
    check("etc/os-release", "ID=a\r\n# ID=c\r\nID=\"b\"\r\nVERSION_ID=1\r\n", Some(("b", "1")));
    check("etc/os-release", "ID=A/../B\nVERSION_ID=", Some(("a-..-b", "")));
    check("etc/os-release", "no assignment", None);
    check("etc/os-release", " \n\n", None);
}

#[test]
fn one_line_files_name_system_and_version() {
    check("etc/redhat-release", "Amazon Linux release 2 (Karoo)\n", Some(("amzn", "2")));
    check("etc/oracle-release", "Oracle Linux Server release 7.9", Some(("ol", "7.9")));
    check("etc/redhat-release", "CentOS Stream release 9", Some(("centos", "9")));
    check("etc/system-release", "Some Linux release 3", Some(("some-linux", "3")));
    check("etc/redhat-release", "nothing of the kind", None);
    check("etc/system-release-cpe", "cpe:2.3:o:amazon:linux:2", Some(("amzn", "2")));
    check("etc/debian_version", "trixie/sid\n", Some(("debian", "trixie/sid")));
    check(
        "etc/lsb-release",
        "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=20.04\nDISTRIB_CODENAME=focal\n",
        Some(("ubuntu", "20.04")),
    );
    assert_eq!(detect("etc/debian_version", b"trixie/sid").0.unwrap().codename.as_deref(), Some("trixie"));
}

#[test]
fn the_root_is_what_comes_before_the_well_known_path() {
    let at = |path: &str| ReleaseFile::at(&ImagePath::from(path)).map(|(root, _)| root.to_text());
    assert_eq!(at("etc/os-release").as_deref(), Some("/"));
    assert_eq!(at("srv/chroot/usr/lib/os-release").as_deref(), Some("/srv/chroot"));
    assert_eq!(at("usr/bin/busybox").as_deref(), Some("/"));
    assert_eq!(at("etc/os-release.bak"), None);
}

#[test]
fn a_busybox_elsewhere_is_a_program_and_no_system() {
    let wants = |path: &str| {
        let path = ImagePath::from(path);
        OsReleaseDetector.wants(&FileMeta { path: &path, size: 9, mode: 0o755, head: b"\x7fELF" })
    };
    assert_eq!(wants("bin/busybox"), Want::Executable);
    assert_eq!(wants("opt/bin/busybox"), Want::Nothing);
    assert_eq!(wants("opt/etc/os-release"), Want::Whole);
    check("bin/busybox", "BusyBox vX BusyBox v1.36.1 (2024-06-10)", Some(("busybox", "1.36.1")));
    check("bin/busybox", "nothing", None);
}

#[test]
fn oversized_files_and_values_are_gaps_and_the_rest_is_read() {
    let mut text = b"ID=debian\nNAME=".to_vec();
    text.resize(6 << 20, b'x');
    let (release, gaps) = detect("etc/os-release", &text);
    assert_eq!(release.unwrap().id.as_deref(), Some("debian"));
    assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [GapKind::Limit, GapKind::Limit]);
}

#[test]
fn real_files_name_their_systems() {
    let Some(folder) = sbomctl_testkit::shared("data/os-release") else { return };
    for (name, expected) in [
        ("bad-redhat-release", Some(("centos", "5"))),
        ("bad-system-release-cpe", Some(("centos", "6"))),
        ("centos-8", Some(("centos", "8"))),
        ("debian-8", Some(("debian", "8"))),
        ("os__almalinux__from-os-release__etc__os-release", Some(("almalinux", "8.4"))),
        ("os__almalinux__from-redhat-release__etc__redhat-release", Some(("almalinux", "8.10"))),
        ("os__alpine__etc__os-release", Some(("alpine", "3.11.6"))),
        ("os__amazon__etc__os-release", Some(("amzn", "2"))),
        ("os__arch__etc__os-release", Some(("arch", ""))),
        ("os__busybox__bin__busybox", Some(("busybox", "1.31.1"))),
        ("os__centos5__etc__redhat-release", Some(("centos", "5.7"))),
        ("os__centos6__etc__system-release-cpe", Some(("centos", "6"))),
        ("os__centos__usr__lib__os-release", Some(("centos", "8"))),
        ("os__custom__etc__os-release", Some(("scientific", "8"))),
        ("os__debian__from-debian_version__etc__debian_version", Some(("debian", "10.8"))),
        ("os__debian__from-debian_version__etc__os-release", Some(("debian", ""))),
        ("os__debian__from-os-release__usr__lib__os-release", Some(("debian", "8"))),
        ("os__debian__with-point-release__etc__debian_version", Some(("debian", "13.5"))),
        ("os__debian__with-point-release__etc__os-release", Some(("debian", "13"))),
        ("os__empty__etc__os-release", None),
        ("os__fedora__usr__lib__os-release", Some(("fedora", "36"))),
        ("os__mariner__etc__os-release", Some(("mariner", "1.0"))),
        ("os__opensuse-leap__etc__os-release", Some(("opensuse-leap", "15.2"))),
        ("os__oraclelinux__etc__os-release", Some(("ol", "8.3"))),
        ("os__photon__etc__os-release", Some(("photon", "2.0"))),
        ("os__redhat__from-os-release__usr__lib__os-release", Some(("rhel", "7.3"))),
        ("os__redhat__from-redhat-release__etc__redhat-release", Some(("rhel", "8.10"))),
        ("os__rockylinux__from-os-release__etc__os-release", Some(("rocky", "8.4"))),
        ("os__rockylinux__from-redhat-release__etc__redhat-release", Some(("rocky", "8.10"))),
        ("os__scientific__from-os-release__etc__os-release", Some(("scientific", "7.5"))),
        ("os__scientific__from-redhat-release__etc__redhat-release", Some(("scientific", "7.9"))),
        ("os__sles__etc__os-release", Some(("sles", "15.2"))),
        ("os__ubuntu__etc__os-release", Some(("ubuntu", "20.04"))),
        ("os__wolfi__etc__os-release", Some(("wolfi", "20220914"))),
        ("partial-fields__missing-id__usr__lib__os-release", Some(("", "8"))),
        ("partial-fields__missing-version__usr__lib__os-release", Some(("", ""))),
        ("partial-fields__unknown-id__usr__lib__os-release", Some(("my-awesome-distro", "8"))),
        ("rhel-8", Some(("rhel", "8.1"))),
        ("ubuntu-20.04", Some(("ubuntu", "20.04"))),
        ("unprintable", Some(("debian", "8"))),
    ] {
        // The name ends in the path that the file had; of some only the name of the test is left.
        let path = match name {
            "bad-redhat-release" => "etc/redhat-release".to_owned(),
            "bad-system-release-cpe" => "etc/system-release-cpe".to_owned(),
            _ => ReleaseFile::PATHS
                .iter()
                .map(|(path, _)| *path)
                .find(|path| name.ends_with(&format!("__{}", path.replace('/', "__"))))
                .unwrap_or("etc/os-release")
                .to_owned(),
        };
        let file = std::fs::File::open(folder.join(name)).unwrap();
        let bytes = crate::limits::read_capped(file, Limits::default().file_bytes).unwrap();
        check(&path, &String::from_utf8_lossy(&bytes), expected);
    }
}
