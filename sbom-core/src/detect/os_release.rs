//! Reads files by which an operating system names itself.
//!
//! Sources: os-release(5); the release files of Red Hat and its relatives, Debian, Ubuntu and Amazon; the banner
//! of `BusyBox`.

use std::collections::BTreeMap;

use memchr::memmem;

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want};
use crate::{image_path::ImagePath, layer::retain::Needle};

/// Reads files by which an operating system names itself.
#[derive(Debug, Clone, Copy)]
pub struct OsReleaseDetector;

/// What a file says of an operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsRelease {
    /// Which kind of file says it.
    pub source: ReleaseFile,
    /// `ID`: lower-case letters, digits, `.`, `_` and `-`.
    pub id: Option<String>,
    /// `ID_LIKE`, in its order.
    pub id_like: Vec<String>,
    /// `NAME`.
    pub name: Option<String>,
    /// `PRETTY_NAME`, or the line of a file that is one line.
    pub pretty_name: Option<String>,
    /// `VERSION_ID`; of `debian_version` what it says, `12.8` or `trixie/sid`.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`.
    pub codename: Option<String>,
    /// `BUILD_ID`.
    pub build_id: Option<String>,
    /// `CPE_NAME`, as written.
    pub cpe_name: Option<String>,
    /// `HOME_URL`.
    pub home_url: Option<String>,
    /// `SUPPORT_URL`.
    pub support_url: Option<String>,
    /// `BUG_REPORT_URL`.
    pub bug_report_url: Option<String>,
    /// `DOCUMENTATION_URL`.
    pub documentation_url: Option<String>,
    /// `VENDOR_NAME`.
    pub vendor_name: Option<String>,
    /// `VENDOR_URL`.
    pub vendor_url: Option<String>,
}

/// Kinds of file that name an operating system, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ReleaseFile {
    /// os-release(5).
    #[default]
    OsRelease,
    /// `system-release-cpe`: a CPE name.
    SystemReleaseCpe,
    /// `oracle-release`.
    OracleRelease,
    /// `system-release` of Amazon Linux.
    SystemRelease,
    /// `redhat-release` of Red Hat and its relatives.
    RedHatRelease,
    /// `lsb-release`.
    LsbRelease,
    /// `debian_version`.
    DebianVersion,
    /// The `BusyBox` executable.
    BusyBox,
}

impl ReleaseFile {
    /// Where these files lie below the root that they speak of, the most telling first.
    pub const PATHS: &[(&str, Self)] = &[
        ("etc/os-release", Self::OsRelease),
        ("usr/lib/os-release", Self::OsRelease),
        ("etc/system-release-cpe", Self::SystemReleaseCpe),
        ("etc/oracle-release", Self::OracleRelease),
        ("etc/system-release", Self::SystemRelease),
        ("etc/redhat-release", Self::RedHatRelease),
        ("etc/lsb-release", Self::LsbRelease),
        ("etc/debian_version", Self::DebianVersion),
        ("bin/busybox", Self::BusyBox),
        ("usr/bin/busybox", Self::BusyBox),
    ];

    /// The root that a file at `path` speaks of, and what kind of file it is; none if it is none of these.
    pub fn at(path: &ImagePath) -> Option<(ImagePath, Self)> {
        // `bin/busybox` ends `usr/bin/busybox`, whose root is not `usr`.
        Self::PATHS.iter().rev().find_map(|(suffix, kind)| Some((path.strip_suffix(suffix)?, *kind)))
    }
}

const BANNER: &[u8] = b"BusyBox v";
/// More than any release file has; what lies beyond is not read.
const MAX_BYTES: usize = 5 << 20;
/// More than any value has.
const MAX_VALUE: usize = 4 << 10;

impl Detector for OsReleaseDetector {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        match ReleaseFile::at(file.path) {
            Some((root, ReleaseFile::BusyBox)) if root.is_root() => Want::Executable,
            Some((_, ReleaseFile::BusyBox)) | None => Want::Nothing,
            Some(_) => Want::Whole,
        }
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        let Some((root, source)) = ReleaseFile::at(file.path) else { return Ok(()) };
        if source == ReleaseFile::BusyBox {
            // Elsewhere its banner names a program, not the system.
            if !root.is_root() {
                return Ok(());
            }
            out.found.extend(busybox(file).map(Box::new).map(Finding::OsRelease));
            return Ok(());
        }
        let mut bytes = file.bytes()?;
        if let Some(head) = bytes.get(..MAX_BYTES) {
            bytes = head;
            out.gaps.push(
                Gap::new(GapKind::Limit, "only the first 5 MiB of this release file are read").at(MAX_BYTES),
            );
        }
        let text = String::from_utf8_lossy(bytes);
        if text.trim().is_empty() {
            return Ok(());
        }
        let release = match source {
            ReleaseFile::OsRelease => os_release(&text, out),
            ReleaseFile::LsbRelease => lsb_release(&text, out),
            ReleaseFile::SystemReleaseCpe => system_release_cpe(&text),
            ReleaseFile::DebianVersion => debian_version(&text),
            _ => red_hat_release(&text),
        };
        let Some(release) = release else {
            // Red Hat has files of this name that give the version of the LSB alone.
            if source == ReleaseFile::LsbRelease {
                return Ok(());
            }
            return Err(Gap::new(GapKind::Malformed, "this release file names no operating system"));
        };
        out.found.push(Finding::OsRelease(Box::new(OsRelease { source, ..release })));
        Ok(())
    }

    fn needles(&self) -> &'static [Needle] {
        &[Needle { pattern: BANNER, before: 0, after: 64, accept: |_, bytes| banner(bytes).is_some() }]
    }

    fn well_known(&self) -> &'static [&'static str] {
        &[
            "etc/os-release",
            "usr/lib/os-release",
            "etc/system-release-cpe",
            "etc/oracle-release",
            "etc/system-release",
            "etc/redhat-release",
            "etc/lsb-release",
            "etc/debian_version",
            "bin/busybox",
            "usr/bin/busybox",
        ]
    }
}

fn os_release(text: &str, out: &mut Findings) -> Option<OsRelease> {
    let mut values = assignments(text, out);
    if values.is_empty() {
        return None;
    }
    let mut take = |key: &str| values.remove(key);
    Some(OsRelease {
        source: ReleaseFile::OsRelease,
        id: take("ID").and_then(|id| identifier(&id)),
        id_like: take("ID_LIKE").unwrap_or_default().split_whitespace().filter_map(identifier).collect(),
        name: take("NAME"),
        pretty_name: take("PRETTY_NAME"),
        version_id: take("VERSION_ID"),
        codename: take("VERSION_CODENAME"),
        build_id: take("BUILD_ID"),
        cpe_name: take("CPE_NAME"),
        home_url: take("HOME_URL"),
        support_url: take("SUPPORT_URL"),
        bug_report_url: take("BUG_REPORT_URL"),
        documentation_url: take("DOCUMENTATION_URL"),
        vendor_name: take("VENDOR_NAME"),
        vendor_url: take("VENDOR_URL"),
    })
}

fn lsb_release(text: &str, out: &mut Findings) -> Option<OsRelease> {
    let mut values = assignments(text, out);
    let name = values.remove("DISTRIB_ID");
    Some(OsRelease {
        id: Some(identifier(name.as_deref()?)?),
        name,
        pretty_name: values.remove("DISTRIB_DESCRIPTION"),
        version_id: values.remove("DISTRIB_RELEASE"),
        codename: values.remove("DISTRIB_CODENAME"),
        ..OsRelease::default()
    })
}

/// `cpe:/o:centos:linux:6:GA`: the vendor, and the first field after it that is a number.
fn system_release_cpe(text: &str) -> Option<OsRelease> {
    let line = first_line(text)?;
    let fields = line.strip_prefix("cpe:/o:").or_else(|| line.strip_prefix("cpe:2.3:o:"))?;
    let (vendor, rest) = fields.split_once(':').unwrap_or((fields, ""));
    let id = match vendor {
        "redhat" => "rhel",
        "amazon" => "amzn",
        "oracle" => "ol",
        "fedoraproject" => "fedora",
        "scientificlinux" => "scientific",
        other => other,
    };
    Some(OsRelease {
        id: Some(identifier(id)?),
        version_id: rest.split(':').find(|field| starts_with_digit(field)).map(str::to_owned),
        cpe_name: Some(line.to_owned()),
        ..OsRelease::default()
    })
}

/// `CentOS release 5.7 (Final)`, `Red Hat Enterprise Linux release 8.10 (Ootpa)`, `Amazon Linux release 2 (Karoo)`.
fn red_hat_release(text: &str) -> Option<OsRelease> {
    const NAMES: &[(&str, &str)] = &[
        ("AlmaLinux", "almalinux"),
        ("Amazon Linux", "amzn"),
        ("CentOS", "centos"),
        ("CloudLinux", "cloudlinux"),
        ("EuroLinux", "eurolinux"),
        ("Fedora", "fedora"),
        ("Oracle Linux", "ol"),
        ("Red Hat Enterprise Linux", "rhel"),
        ("Rocky Linux", "rocky"),
        ("Scientific Linux", "scientific"),
    ];
    let line = first_line(text)?;
    let (name, rest) = line.split_once(" release ")?;
    let known = NAMES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, id)| (*id).to_owned());
    let version = rest.split_whitespace().next().filter(|version| starts_with_digit(version));
    let codename =
        rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(name, _)| name.trim());
    Some(OsRelease {
        id: Some(known.or_else(|| identifier(name))?),
        name: Some(name.to_owned()),
        pretty_name: Some(line.to_owned()),
        version_id: version.map(str::to_owned),
        codename: codename.filter(|name| !name.is_empty()).map(str::to_owned),
        ..OsRelease::default()
    })
}

/// `12.8`, or `trixie/sid` for what is not released.
fn debian_version(text: &str) -> Option<OsRelease> {
    let line = first_line(text)?;
    let codename = line.split_once('/').map(|(name, _)| name.to_owned()).filter(|name| !name.is_empty());
    Some(OsRelease {
        id: Some("debian".to_owned()),
        version_id: Some(line.to_owned()),
        codename,
        ..OsRelease::default()
    })
}

fn busybox(file: &Captured<'_>) -> Option<OsRelease> {
    let finder = memmem::Finder::new(BANNER);
    let version = file
        .content
        .parts()
        .find_map(|(_, bytes)| finder.find_iter(bytes).find_map(|at| banner(bytes.get(at..)?)))?;
    Some(OsRelease {
        source: ReleaseFile::BusyBox,
        id: Some("busybox".to_owned()),
        name: Some("BusyBox".to_owned()),
        pretty_name: Some(format!("BusyBox v{version}")),
        version_id: Some(version),
        ..OsRelease::default()
    })
}

/// The version in a banner such as `BusyBox v1.36.1 (2024-06-10 07:11:47 UTC)`.
fn banner(bytes: &[u8]) -> Option<String> {
    let version = bytes.strip_prefix(BANNER)?;
    let end = version.iter().take(16).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let version = std::str::from_utf8(version.get(..end)?).ok()?.trim_end_matches('.');
    (starts_with_digit(version) && version.contains('.')).then(|| version.to_owned())
}

/// The assignments of a file in the syntax of os-release(5); of two to one key the later counts, as in a shell.
/// Empty values are left out.
fn assignments(text: &str, out: &mut Findings) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let line = line.trim();
        let Some((key, raw)) = line.split_once('=') else { continue };
        let named = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named {
            continue;
        }
        let value = unquote(raw);
        if value.len() > MAX_VALUE {
            out.gaps.push(Gap::new(GapKind::Limit, format!("the value of {key:.40} is too long")).at(start));
        } else if value.is_empty() {
            values.remove(key);
        } else {
            values.insert(key.to_owned(), value);
        }
    }
    values
}

/// A value as a shell reads it: double quotes with `\` before `"`, `$`, `` ` `` and `\`, single quotes without
/// escapes, a comment after a blank. Blanks outside quotes, which a shell would not take, are kept. Control
/// characters are dropped.
fn unquote(raw: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = raw.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some('"')) => match chars.next_if(|c| matches!(c, '"' | '$' | '`' | '\\')) {
                Some(escaped) => value.push(escaped),
                None => value.push('\\'),
            },
            ('\\', None) => value.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('#', None) if value.ends_with(char::is_whitespace) => break,
            (c, _) if c.is_control() && c != '\t' => {}
            (c, _) => value.push(c),
        }
    }
    value.trim().to_owned()
}

/// `raw` as an identifier: lower-case, anything but letters, digits, `.` and `_` as `-`; none if nothing is left.
fn identifier(raw: &str) -> Option<String> {
    let mut id = String::new();
    for c in raw.trim().chars().take(100) {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            id.push(c.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_end_matches('-');
    (!id.is_empty()).then(|| id.to_owned())
}

/// The first line that is not blank, without control characters.
fn first_line(text: &str) -> Option<&str> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    (line.len() <= MAX_VALUE && !line.contains(char::is_control)).then_some(line)
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
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
    fn quotes_are_read_as_a_shell_reads_them() {
        for (raw, value) in [
            ("alpine", "alpine"),
            ("\"a b\"", "a b"),
            ("'a $b \\'", "a $b \\"),
            (r#""\"x\" \$y \`z\` \\ \n""#, r#""x" $y `z` \ \n"#),
            (r"a\ b", "a b"),
            ("\"a\"'b'c", "abc"),
            ("12 # twelve", "12"),
            ("a#b", "a#b"),
            ("\"open", "open"),
            ("\"a\u{1b}[31mb\"", "a[31mb"),
            ("\\", ""),
            ("", ""),
        ] {
            assert_eq!(unquote(raw), value, "{raw}");
        }
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
        assert_eq!(
            detect("etc/debian_version", b"trixie/sid").0.unwrap().codename.as_deref(),
            Some("trixie")
        );
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
}
