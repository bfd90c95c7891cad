//! What the files of dpkg, opkg and apt become, over the layers of small images.

use crate::{
    bom::{
        Bom, Component, EdgeKind, Scope,
        assemble::{Options, assemble},
        overlay::{LayerContent, Overlay},
    },
    detect::{
        Captured, Detector, FileMeta, Findings, Want, copyright::CopyrightDetector, dpkg::DpkgDetector,
    },
    image_path::ImagePath,
    layer::{Entry, EntryKind, retain::Content},
    limits::Limits,
    oci::{Subject, SubjectKind},
};

/// What a test puts into a layer.
enum Put<'a> {
    File(&'a str),
    Bytes(&'a [u8]),
    Link(&'a str),
    Gone,
}
use Put::{Bytes, File, Gone, Link};

impl Put<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            File(text) | Link(text) => text.as_bytes(),
            Bytes(bytes) => bytes,
            Gone => &[],
        }
    }
}

fn bom(layers: &[&[(&str, Put<'_>)]], scope: Scope) -> Bom {
    let limits = Limits::default();
    let mut overlay = Overlay::new(&limits);
    for layer in layers {
        let mut content = LayerContent::default();
        for (index, (path, put)) in layer.iter().enumerate() {
            let path = ImagePath::from(*path);
            let kind = match put {
                File(_) | Bytes(_) => {
                    let findings = detect(&path, put.bytes(), &limits);
                    content.gaps.extend(findings.gaps);
                    if !findings.found.is_empty() {
                        content.findings.push((index, findings.found));
                    }
                    EntryKind::File
                }
                Link(target) => EntryKind::Symlink(target.as_bytes().into()),
                Gone => EntryKind::Whiteout,
            };
            content.entries.push(&Entry { path, kind, mode: 0o644, size: 0 });
        }
        overlay.fold(content).unwrap();
    }
    let subject =
        Subject { kind: SubjectKind::Folder, name: "test".to_owned(), tag: None, layers: Vec::new() };
    assemble(subject, overlay, &Options { scope, distro: None, ..Options::default() }, &limits)
}

fn detect(path: &ImagePath, bytes: &[u8], limits: &Limits) -> Findings {
    let mut findings = Findings::default();
    let detectors: [&dyn Detector; 2] = [&DpkgDetector, &CopyrightDetector];
    for detector in detectors {
        let size = bytes.len() as u64;
        let meta = FileMeta { path, size, mode: 0o644, head: bytes };
        if detector.wants(&meta) != Want::Nothing {
            let content = Content::new(bytes.to_vec());
            let file = Captured { path, size, mode: 0o644, content: &content, limits };
            detector.detect(&file, &mut findings).unwrap();
        }
    }
    findings
}

fn of_status(status: &str) -> Bom {
    bom(&[&[("var/lib/dpkg/status", File(status))]], Scope::Squashed)
}

fn purls(bom: &Bom) -> Vec<String> {
    bom.components.iter().map(|c| c.purl.as_ref().unwrap().to_string()).collect()
}

fn find<'a>(bom: &'a Bom, name: &str) -> &'a Component {
    bom.components.iter().find(|component| component.name == name).unwrap()
}

fn edges(bom: &Bom) -> Vec<String> {
    let label = |index: usize| {
        let component = &bom.components[index];
        let arch = component.purl.as_ref().and_then(|purl| purl.get_qualifier("arch")).unwrap_or_default();
        if arch.is_empty() { component.name.clone() } else { format!("{}:{arch}", component.name) }
    };
    let mut edges: Vec<String> = bom
        .edges
        .iter()
        .map(|edge| {
            let kind = match edge.kind {
                EdgeKind::DependsOn => "needs",
                EdgeKind::DependsOnAlternative => "may use",
                EdgeKind::Recommends => "recommends",
                EdgeKind::Suggests => "suggests",
                EdgeKind::Breaks => "breaks",
                _ => "?",
            };
            format!("{} {kind} {}", label(edge.from), label(edge.to))
        })
        .collect();
    edges.sort();
    edges
}

fn property<'a>(component: &'a Component, name: &str) -> Option<&'a str> {
    component.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn files(component: &Component) -> Vec<String> {
    component.files.iter().map(|file| file.path.to_string()).collect()
}

#[test]
fn a_purl_has_the_epoch_the_architecture_and_the_source() {
    let bom = of_status(
        "Package: attr\nVersion: 1:2.5.1-4+b1\nArchitecture: amd64\nSource: attr (1:2.5.1-4)\n\n\
         Package: libc6\nVersion: 2.36~rc1\nArchitecture: amd64\nSource: glibc\n\n\
         Package: bash\nVersion: 5\nArchitecture: amd64\n",
    );
    assert_eq!(
        purls(&bom),
        [
            "pkg:deb/debian/attr@1:2.5.1-4%2Bb1?arch=amd64&distro=debian&upstream=attr%401:2.5.1-4",
            "pkg:deb/debian/bash@5?arch=amd64&distro=debian",
            "pkg:deb/debian/libc6@2.36~rc1?arch=amd64&distro=debian&upstream=glibc",
        ]
    );
    assert_eq!(find(&bom, "libc6").source.as_ref().unwrap().name, "glibc");
}

#[test]
fn without_os_release_the_packages_show_the_distribution() {
    let bom = of_status("Package: a\nVersion: 1\n\nPackage: b\nVersion: 1-0ubuntu1\n");
    assert!(purls(&bom)[0].starts_with("pkg:deb/ubuntu/a@1?"));
}

#[test]
fn architectures_of_one_package_stay_apart() {
    let bom = of_status(
        "Package: libc6\nVersion: 2\nArchitecture: amd64\nMulti-Arch: same\n\n\
         Package: libc6\nVersion: 2\nArchitecture: i386\nMulti-Arch: same\n\n\
         Package: wine\nVersion: 1\nArchitecture: i386\nDepends: libc6\n\n\
         Package: app\nVersion: 1\nArchitecture: amd64\nDepends: libc6 (>= 1), libc6:i386\n",
    );
    assert_eq!(bom.components.len(), 4);
    assert_eq!(
        edges(&bom),
        ["app:amd64 needs libc6:amd64", "app:amd64 needs libc6:i386", "wine:i386 needs libc6:i386"]
    );
}

#[test]
fn qualifiers_versioned_provides_and_pre_depends_become_edges() {
    let bom = of_status(
        "Package: python3\nVersion: 3\nArchitecture: amd64\n\n\
         Package: libgcc-s1\nVersion: 12\nArchitecture: amd64\nProvides: libgcc1 (= 1:12)\n\n\
         Package: libc6\nVersion: 2\nArchitecture: amd64\n\n\
         Package: app\nVersion: 1\nArchitecture: all\nPre-Depends: libc6\nDepends: python3:any, libgcc1 (>= 1:3)\n",
    );
    assert_eq!(
        edges(&bom),
        ["app:all needs libc6:amd64", "app:all needs libgcc-s1:amd64", "app:all needs python3:amd64"]
    );
}

#[test]
fn alternatives_reach_all_that_are_installed() {
    let bom = of_status(
        "Package: app\nVersion: 1\nDepends: mta | exim | none, awk, mawk | missing\n\n\
         Package: exim\nVersion: 1\nProvides: mta\n\n\
         Package: postfix\nVersion: 1\nProvides: mta\n\n\
         Package: mawk\nVersion: 1\nProvides: awk\n\n\
         Package: gawk\nVersion: 1\nProvides: awk\n",
    );
    assert_eq!(
        edges(&bom),
        [
            "app may use exim",
            "app may use gawk",
            "app may use postfix",
            // `mawk | missing` needs it, whatever `awk` is.
            "app needs mawk",
        ]
    );
}

#[test]
fn versions_decide_between_candidates_and_never_lose_the_only_one() {
    let bom = of_status(
        "Package: app\nVersion: 1\nDepends: x (>= 2), y (>= 9)\n\n\
         Package: x\nVersion: 1\n\nPackage: newx\nVersion: 1\nProvides: x (= 3)\n\n\
         Package: oldx\nVersion: 1\nProvides: x\n\nPackage: y\nVersion: 1\n",
    );
    assert_eq!(edges(&bom), ["app needs newx", "app needs y"]);
}

#[test]
fn weak_relations_keep_their_kind() {
    let bom = of_status(
        "Package: app\nVersion: 1\nRecommends: a\nSuggests: b | a\nBreaks: c (<< 1)\nDepends: app\n\n\
         Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\n\nPackage: c\nVersion: 1\n",
    );
    assert_eq!(edges(&bom), ["app breaks c", "app recommends a", "app suggests a", "app suggests b"]);
}

#[test]
fn layers_tell_when_a_package_came_changed_and_went() {
    let layers: [&[(&str, Put<'_>)]; 3] = [
        &[("var/lib/dpkg/status", File("Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\n"))],
        &[(
            "var/lib/dpkg/status",
            File(
                "Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\nPriority: optional\n\nPackage: c\nVersion: 1\n",
            ),
        )],
        &[(
            "var/lib/dpkg/status",
            File(
                "Package: a\nVersion: 2\n\nPackage: b\nVersion: 1\nPriority: optional\n\nPackage: c\nVersion: 1\nStatus: deinstall ok config-files\n",
            ),
        )],
    ];
    let found = bom(&layers, Scope::AllLayers);
    let layers_of: Vec<_> = found
        .components
        .iter()
        .map(|c| {
            let layers = c.layers;
            (
                c.name.as_str(),
                c.version.as_deref().unwrap(),
                layers.introduced,
                layers.changed,
                layers.removed,
            )
        })
        .collect();
    assert_eq!(
        layers_of,
        [
            ("a", "1", 0, 0, Some(2)),
            ("a", "2", 2, 2, None),
            ("b", "1", 0, 1, None),
            ("c", "1", 1, 1, Some(2))
        ]
    );
    assert_eq!(bom(&layers, Scope::Squashed).components.len(), 2);
}

#[test]
fn a_removed_record_of_status_d_is_a_removed_package() {
    let layers: [&[(&str, Put<'_>)]; 2] = [
        &[
            ("var/lib/dpkg/status.d/a", File("Package: a\nVersion: 1")),
            ("var/lib/dpkg/status.d/b", File("Package: b\nVersion: 1")),
        ],
        &[("var/lib/dpkg/status.d/a", Gone)],
    ];
    assert_eq!(bom(&layers, Scope::Squashed).components.len(), 1);
    assert_eq!(find(&bom(&layers, Scope::AllLayers), "a").layers.removed, Some(1));
}

const MD5: &str = "00112233445566778899aabbccddeeff";

#[test]
fn owned_files_follow_links_and_diversions() {
    let status = format!(
        "Package: dash\nVersion: 1\nArchitecture: amd64\n\n\
         Package: bash\nVersion: 1\nArchitecture: amd64\nConffiles:\n /etc/bash.bashrc {MD5}\n /etc/old {MD5} obsolete\n /etc/gone {MD5} remove-on-upgrade\n"
    );
    let sums = format!("{MD5}  bin/bash\n{MD5}  bin/sh\n");
    let found = bom(
        &[&[
            ("bin", Link("usr/bin")),
            ("usr/bin/bash", File("")),
            ("usr/bin/sh", File("")),
            ("var/lib/dpkg/status", File(&status)),
            ("var/lib/dpkg/diversions", File("/bin/sh\n/bin/sh.distrib\ndash\n")),
            ("var/lib/dpkg/info/dash.list", File("/.\n/bin\n/bin/sh\n")),
            (
                "var/lib/dpkg/info/bash:amd64.list",
                File("/.\n/bin\n/bin/bash\n/bin/sh\n/etc\n/etc/bash.bashrc\n"),
            ),
            ("var/lib/dpkg/info/bash:amd64.md5sums", File(&sums)),
        ]],
        Scope::Squashed,
    );
    assert_eq!(files(find(&found, "dash")), ["/usr/bin/sh"]);
    let bash = find(&found, "bash");
    assert_eq!(files(bash), ["/etc/bash.bashrc", "/etc/old", "/usr/bin/bash", "/usr/bin/sh.distrib"]);
    assert!(bash.files.iter().all(|file| file.digest.is_some()));
    assert_eq!(bash.files.iter().map(|file| file.is_config).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(property(bash, "sbomctl:deb:obsolete-conffile"), Some("/etc/old"));
}

#[test]
fn without_a_list_the_checksums_say_what_is_owned() {
    let sums = format!("{MD5}  usr/lib/a b\n");
    for place in ["status.d", "info"] {
        let path = format!("var/lib/dpkg/{place}/base.md5sums");
        let record = ("var/lib/dpkg/status.d/base", File("Package: base\nVersion: 1"));
        let found = bom(&[&[record, (path.as_str(), File(&sums))]], Scope::Squashed);
        assert_eq!(files(find(&found, "base")), ["/usr/lib/a b"], "{place}");
    }
}

#[test]
fn copyright_is_found_through_links_and_sources() {
    let format =
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: ";
    let (one, two) = (format!("{format}Expat\n"), format!("{format}ISC\n\nFiles: x\nLicense: Zlib\n"));
    let found = bom(
        &[&[
            (
                "var/lib/dpkg/status",
                File(
                    "Package: own\nVersion: 1\n\nPackage: linked\nVersion: 1\n\nPackage: bin\nSource: src\nVersion: 1\n\n\
                     Package: one\nSource: both\nVersion: 1\n\nPackage: two\nSource: both\nVersion: 1\n",
                ),
            ),
            ("usr/share/doc/own/copyright", File(&one)),
            ("usr/share/doc/linked", Link("own")),
            ("usr/share/doc/src/copyright", File(&one)),
            ("usr/share/doc/two/copyright", File(&two)),
        ]],
        Scope::Squashed,
    );
    for (name, expected) in
        [("own", "MIT"), ("linked", "MIT"), ("bin", "MIT"), ("one", "ISC AND Zlib"), ("two", "ISC AND Zlib")]
    {
        assert_eq!(find(&found, name).licenses.expression.as_deref(), Some(expected), "{name}");
    }
    let one = find(&found, "one");
    assert_eq!(property(one, "sbomctl:deb:license-file"), Some("/usr/share/doc/two/copyright"));
    let parts = one.properties.iter().filter(|(name, _)| name == "sbomctl:deb:license-part").count();
    assert_eq!(parts, 2);
}

#[test]
fn a_text_is_declared_and_what_it_says_is_concluded() {
    let text = "This package was debianized by A.\n\nLicense:\n\nThis configure script is free software; the Free Software \
                Foundation gives unlimited permission to copy, distribute and modify it.\n";
    let machine_readable = "Format: x\n\nFiles: *\nLicense: Expat\n\nFiles: configure\nLicense: own\n This configure script \
                            is free software; the Free Software Foundation\n gives unlimited permission to copy, distribute \
                            and modify it.\n";
    let found = bom(
        &[&[
            (
                "var/lib/dpkg/status",
                File(
                    "Package: text\nVersion: 1\n\nPackage: named\nVersion: 1\n\nPackage: other\nVersion: 1\n",
                ),
            ),
            ("usr/share/doc/text/copyright", File(text)),
            ("usr/share/doc/named/copyright", File(machine_readable)),
            ("usr/share/doc/other/copyright", File("See /usr/share/common-licenses/GPL-2")),
        ]],
        Scope::Squashed,
    );
    for (name, declared, concluded) in [
        ("text", "LicenseRef-copyright-of-text-", Some("FSFUL")),
        ("named", "MIT AND LicenseRef-own-", Some("FSFUL AND MIT")),
        ("other", "GPL-2.0-only", None),
    ] {
        let package = find(&found, name);
        assert!(
            package.licenses.expression.as_deref().unwrap().starts_with(declared),
            "{name}: {:?}",
            package.licenses
        );
        assert_eq!(package.concluded.expression.as_deref(), concluded, "{name}");
        assert_eq!(package.concluded.custom, [], "{name}");
    }
}

#[test]
fn apt_says_who_asked_for_a_package_and_where_it_is_from() {
    let sha256 = "ab".repeat(32);
    let list = format!("Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: {sha256}\n");
    let lists = "var/lib/apt/lists/download.docker.com_linux_debian_dists_bookworm";
    let found = bom(
        &[&[
            (
                "var/lib/dpkg/status",
                File(
                    "Package: a\nVersion: 1\nArchitecture: amd64\n\nPackage: b\nVersion: 1\nArchitecture: all\n",
                ),
            ),
            ("var/lib/apt/extended_states", File("Package: b\nArchitecture: amd64\nAuto-Installed: 1\n")),
            (format!("{lists}_stable_binary-amd64_Packages").as_str(), File(&list)),
            (format!("{lists}_InRelease").as_str(), File("Origin: Docker\nSuite: bookworm\n")),
        ]],
        Scope::Squashed,
    );
    let a = find(&found, "a");
    assert_eq!(property(a, "sbomctl:deb:installed-as"), Some("manual"));
    assert_eq!(property(find(&found, "b"), "sbomctl:deb:installed-as"), Some("automatic"));
    assert_eq!((a.requested, find(&found, "b").requested), (true, false));
    assert_eq!(property(a, "sbomctl:deb:package-sha256"), Some(sha256.as_str()));
    assert_eq!(
        property(a, "sbomctl:deb:repository"),
        Some("download.docker.com/linux/debian/dists/bookworm stable")
    );
    assert_eq!(a.supplier.as_ref().unwrap().name, "Docker");
    assert!(a.hashes.is_empty());
}

#[test]
fn without_apt_the_essential_packages_are_the_wanted_ones() {
    let found =
        of_status("Package: a\nVersion: 1\nEssential: yes\nPriority: required\n\nPackage: b\nVersion: 1\n");
    assert_eq!((find(&found, "a").requested, find(&found, "b").requested), (true, false));
    assert_eq!(property(find(&found, "a"), "sbomctl:deb:essential"), Some("true"));
    assert_eq!(property(find(&found, "a"), "sbomctl:deb:priority"), Some("required"));
}

#[test]
fn opkg_packages_are_of_their_own_kind() {
    let found = bom(
        &[&[
            (
                "usr/lib/opkg/status",
                File(
                    "Package: busybox\nVersion: 1.36.1-r3\nDepends: libc\nStatus: install user installed\nArchitecture: x86_64\n\n\
                     Package: libc\nVersion: 1\nStatus: install hold unpacked\nArchitecture: x86_64\n",
                ),
            ),
            (
                "usr/lib/opkg/info/busybox.control",
                File(
                    "Package: busybox\nVersion: 1.36.1-r3\nArchitecture: x86_64\nLicense: GPL-2.0\nDescription: tools\n",
                ),
            ),
            ("usr/lib/opkg/info/busybox.list", File("/bin/busybox\n")),
            ("usr/lib/opkg/info/left-over.control", File("Package: left-over\nVersion: 1\n")),
        ]],
        Scope::Squashed,
    );
    assert_eq!(purls(&found), ["pkg:opkg/busybox@1.36.1-r3?arch=x86_64", "pkg:opkg/libc@1?arch=x86_64"]);
    let busybox = find(&found, "busybox");
    assert_eq!(busybox.licenses.expression.as_deref(), Some("GPL-2.0-only"));
    assert_eq!(busybox.description.as_deref(), Some("tools"));
    assert_eq!(files(busybox), ["/bin/busybox"]);
    assert_eq!(edges(&found), ["busybox:x86_64 needs libc:x86_64"]);
    assert_eq!(property(find(&found, "libc"), "sbomctl:opkg:status"), Some("unpacked"));
}

#[test]
fn a_chisel_manifest_and_a_record_of_one_package_are_one_component() {
    let sha256 = "ab".repeat(32);
    let manifest = format!(
        r#"{{"jsonwall":"1.0","schema":"1.0","count":4}}
{{"kind":"package","name":"libc6","version":"2.39","sha256":"{sha256}","arch":"amd64"}}
{{"kind":"package","name":"zlib1g","version":"1.3","sha256":"{sha256}","arch":"amd64"}}
{{"kind":"path","path":"/lib/libc.so.6","mode":"0755","slices":["libc6_libs"],"sha256":"{sha256}","size":1}}
"#
    );
    let manifest = zstd::encode_all(manifest.as_bytes(), 0).unwrap();
    let found = bom(
        &[&[
            ("lib", Link("usr/lib")),
            ("usr/lib/libc.so.6", File("")),
            ("var/lib/chisel/manifest.wall", Bytes(&manifest)),
            (
                "var/lib/dpkg/status.d/libc6",
                File("Package: libc6\nVersion: 2.39\nArchitecture: amd64\nSource: glibc"),
            ),
        ]],
        Scope::Squashed,
    );
    assert_eq!(found.components.len(), 2);
    let libc6 = find(&found, "libc6");
    assert_eq!(libc6.source.as_ref().unwrap().name, "glibc");
    assert_eq!(libc6.evidence.len(), 2);
    assert_eq!(files(libc6), ["/usr/lib/libc.so.6"]);
    assert_eq!(property(libc6, "sbomctl:deb:package-sha256"), Some(sha256.as_str()));
}

#[test]
fn services_of_ubuntu_pro_show_on_the_base_of_the_system() {
    let found = bom(
        &[&[
            ("var/lib/dpkg/status", File("Package: base-files\nVersion: 12ubuntu4\n")),
            (
                "var/lib/ubuntu-advantage/status.json",
                File(r#"{"services":[{"name":"esm-infra","status":"enabled"}]}"#),
            ),
        ]],
        Scope::Squashed,
    );
    assert_eq!(property(&found.components[0], "sbomctl:ubuntu-pro:service"), Some("esm-infra"));
}

#[test]
fn nested_roots_keep_to_themselves() {
    let found = bom(
        &[&[
            ("var/lib/dpkg/status", File("Package: a\nVersion: 1\nDepends: b\n")),
            ("srv/jail/var/lib/dpkg/status", File("Package: b\nVersion: 1\n")),
            ("srv/jail/var/lib/dpkg/info/b.list", File("/usr/b\n/lib/b.so\n")),
            ("usr/lib/b.so", File("")),
            ("srv/jail/usr/lib/b.so", File("")),
            ("srv/jail/lib", Link("/usr/lib")),
        ]],
        Scope::Squashed,
    );
    assert_eq!(edges(&found), Vec::<String>::new());
    assert_eq!(files(find(&found, "b")), ["/srv/jail/usr/b", "/srv/jail/usr/lib/b.so"]);
}

#[test]
fn one_duplicated_field_costs_no_package_and_shows_as_a_gap() {
    let found = of_status(
        "Package: a\nVersion: 1\n\nPackage: b\nVersion: 1\nSection: x\nSection: y\n\nPackage: c\nVersion: 1",
    );
    assert_eq!(found.components.len(), 3);
    assert_eq!(found.gaps.len(), 1);
}

#[test]
fn a_name_that_everything_provides_does_not_multiply_the_edges() {
    let stanza = |n| format!("Package: p{n}\nVersion: 1\nProvides: x\nDepends: x\n\n");
    let status: Vec<String> = (0..2000).map(stanza).collect();
    let status = status.concat();
    let found = of_status(&status);
    assert!(found.edges.len() <= 2000 * 256);
    assert_eq!(found.gaps.len(), 1);
}
