//! Reads files by which an operating system names itself.
//!
//! Sources: os-release(5); the release files of Red Hat and its relatives, Debian, Ubuntu and Amazon; the banner
//! of `BusyBox`.

use memchr::memmem;

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want};
use crate::{image_path::ImagePath, layer::needles::Needle};

mod shell;

use shell::{MAX_VALUE, assignments};

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
        &[Needle {
            pattern: BANNER,
            before: 0,
            after: 64,
            accept: |_, bytes| banner(bytes).is_some(),
            is_optional: false,
        }]
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
mod tests;
