//! Reads the files of dpkg, opkg and apt, and what stands in for them in images without these.

use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want};
use crate::{image_path::PathList, limits::Limits};

pub mod apt;
pub mod installed;
pub mod package;
pub mod place;
pub mod relation;
pub mod stanza;
pub mod ubuntu;
pub mod version;

pub use self::{
    apt::{Archives, Release},
    installed::{Checksums, Conffile, Diversion},
    package::Package,
    place::Kind,
    ubuntu::Chisel,
};

/// Reads the files of dpkg, opkg and apt.
#[derive(Debug, Clone, Copy)]
pub struct DpkgDetector;

/// What one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DpkgFile {
    /// Installed packages, and what kind of file says so. Those that versions of a database have alike may be shared.
    Packages(Kind, Vec<Arc<Package>>),
    /// The paths of a package, without directories that hold others of them.
    List(PathList),
    /// Paths of a package with their MD5.
    Checksums(Checksums),
    /// The configuration files of a package.
    Conffiles(Vec<Conffile>),
    /// Files that lie elsewhere than their packages say.
    Diversions(Vec<Diversion>),
    /// The architectures of the system, its own first.
    Architectures(Vec<String>),
    /// Name and architecture of what apt installed for the sake of something else; sorted.
    AutoInstalled(Vec<(String, String)>),
    /// Digests of packages' archives.
    Archives(Archives),
    /// What a repository says of itself.
    Release(Release),
    /// A manifest of chisel.
    Chisel(Chisel),
    /// The enabled services of Ubuntu Pro.
    UbuntuPro(Vec<String>),
}

impl DpkgFile {
    /// The distribution that packages of dpkg come from, as they show it: Ubuntu names itself in most versions,
    /// and maintains what it takes over unchanged; what does neither comes from Debian.
    pub fn distribution(&self) -> Option<&'static str> {
        let packages = match self {
            Self::Packages(Kind::Status | Kind::StatusD, packages) => packages,
            // Chisel cuts packages of Ubuntu alone.
            Self::Chisel(_) | Self::Packages(Kind::Snap, _) => return Some("ubuntu"),
            _ => return None,
        };
        let of_ubuntu = |package: &Arc<Package>| {
            let maintainer = package.maintainer.as_deref().unwrap_or_default();
            package.version.contains("ubuntu")
                || ["@lists.ubuntu.com", "@lists.canonical.com"].iter().any(|list| maintainer.contains(list))
        };
        Some(if packages.iter().any(of_ubuntu) { "ubuntu" } else { "debian" })
    }
}

impl Detector for DpkgDetector {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        match place::kind(file.path) {
            Some(Kind::Available | Kind::Repository) => Want::Passing,
            Some(_) => Want::Whole,
            None => Want::Nothing,
        }
    }

    fn well_known(&self) -> &'static [&'static str] {
        &["var/lib/dpkg/status", "var/lib/opkg/status", "usr/lib/opkg/status"]
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        let Some(kind) = place::kind(file.path) else { return Ok(()) };
        let bytes = file.bytes()?;
        let limits = file.limits;
        let mut report = Report::new(&mut out.gaps, limits);
        let report = &mut report;
        let found = match kind {
            Kind::Status | Kind::StatusD | Kind::OpkgStatus | Kind::OpkgControl => {
                DpkgFile::Packages(kind, package::read(bytes, limits, report))
            }
            Kind::Snap => DpkgFile::Packages(kind, ubuntu::snap(bytes, limits, report)),
            Kind::List => DpkgFile::List(installed::list(bytes, false, limits, report)),
            Kind::OpkgList => DpkgFile::List(installed::list(bytes, true, limits, report)),
            Kind::Checksums => DpkgFile::Checksums(installed::checksums(bytes, report)),
            Kind::Conffiles => DpkgFile::Conffiles(installed::conffiles(bytes, report)),
            Kind::Diversions => DpkgFile::Diversions(installed::diversions(bytes, report)),
            Kind::Architectures => DpkgFile::Architectures(installed::architectures(bytes)),
            Kind::AutoInstalled => DpkgFile::AutoInstalled(apt::automatic(bytes, report)),
            Kind::Available | Kind::Repository => DpkgFile::Archives(
                apt::archives(&mut &*bytes, file.size, report)
                    .map_err(|error| Gap::new(GapKind::Unreadable, error.to_string()))?,
            ),
            Kind::Release => match apt::release(bytes) {
                Some(release) => DpkgFile::Release(release),
                None => return Ok(()),
            },
            Kind::Chisel => DpkgFile::Chisel(ubuntu::chisel(bytes, limits, &mut out.taken, report)?),
            Kind::UbuntuPro => DpkgFile::UbuntuPro(ubuntu::pro(bytes)?),
        };
        out.found.push(Finding::Dpkg(found));
        Ok(())
    }

    fn detect_passing(
        &self,
        file: &FileMeta<'_>,
        content: &mut dyn Read,
        limits: &Limits,
        out: &mut Findings,
    ) -> io::Result<()> {
        let archives = apt::archives(content, file.size, &mut Report::new(&mut out.gaps, limits))?;
        out.found.push(Finding::Dpkg(DpkgFile::Archives(archives)));
        Ok(())
    }
}

/// Takes the gaps of one file: beyond `limits.gaps` of them they are counted, so that a file of nothing but bad
/// records does not become as many gaps.
#[derive(Debug)]
pub(super) struct Report<'a> {
    gaps: &'a mut Vec<Gap>,
    left: usize,
    beyond: u64,
}

impl<'a> Report<'a> {
    pub(super) fn new(gaps: &'a mut Vec<Gap>, limits: &Limits) -> Self {
        Self { gaps, left: limits.gaps.as_usize(), beyond: 0 }
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        if self.left > 0 {
            self.left -= 1;
            self.gaps.push(gap);
        } else {
            self.beyond += 1;
        }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if self.beyond > 0 {
            self.gaps.push(Gap::new(GapKind::Limit, format!("and {} more gaps in this file", self.beyond)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{image_path::ImagePath, layer::retain::Content};

    fn detect(path: &str, text: &[u8]) -> Findings {
        let path = ImagePath::from(path);
        let size = text.len() as u64;
        let meta = FileMeta { path: &path, size, mode: 0o644, head: text };
        assert_ne!(DpkgDetector.wants(&meta), Want::Nothing);
        let (content, limits) = (Content::new(text.to_vec()), Limits::default());
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
        let mut findings = Findings::default();
        DpkgDetector.detect(&file, &mut findings).unwrap();
        findings
    }

    #[test]
    fn each_file_becomes_one_finding() {
        let findings = detect("var/lib/dpkg/status", b"Package: a\nVersion: 1\n");
        assert!(
            matches!(findings.found.as_slice(), [Finding::Dpkg(DpkgFile::Packages(Kind::Status, packages))] if packages.len() == 1)
        );
        let findings = detect("var/lib/dpkg/info/a.list", b"/.\n/usr\n/usr/a\n");
        assert_eq!(
            findings.found,
            [Finding::Dpkg(DpkgFile::List([ImagePath::from("usr/a")].into_iter().collect()))]
        );
        assert_eq!(detect("var/lib/dpkg/status", b"").found.len(), 1);
    }

    #[test]
    fn a_list_that_passes_gives_what_one_that_is_kept_gives() {
        let path = "var/lib/apt/lists/x_dists_y_main_binary-amd64_Packages";
        let stanza = |n: usize| match n % 7 {
            0 => format!("Package: p{n}\nSHA256: 12\n\n"),
            1 => "no field\n\n".to_owned(),
            _ => format!("Package: p{n}\nVersion: 1\nDescription: {}\nSHA256: {n:064}\n\n", "x".repeat(n)),
        };
        let text = (0..2000).map(stanza).collect::<String>();
        let kept = detect(path, text.as_bytes());
        let stanzas = stanza::Stanzas::new(text.as_bytes()).filter(|stanza| stanza.text("Version").is_some());
        let Some(Finding::Dpkg(DpkgFile::Archives(archives))) = kept.found.first() else {
            panic!("{:?}", kept.found)
        };
        assert!(archives.sha256().count() == stanzas.count() && text.len() > 1 << 20);
        let path = ImagePath::from(path);
        let meta = FileMeta { path: &path, size: text.len() as u64, mode: 0o644, head: &[] };
        let mut passed = Findings::default();
        DpkgDetector.detect_passing(&meta, &mut text.as_bytes(), &Limits::default(), &mut passed).unwrap();
        assert_eq!((&passed.found, &passed.gaps), (&kept.found, &kept.gaps));
        assert_eq!(passed.gaps.len(), 2000 / 7 + 1);
        let begins_stanza = |gap: &Gap| {
            let rest = text.get(usize::try_from(gap.offset.unwrap()).unwrap()..).unwrap();
            rest.starts_with("Package: p")
        };
        assert!(passed.gaps.iter().all(begins_stanza));
    }

    #[test]
    fn a_file_of_nothing_but_bad_records_gives_a_bounded_number_of_gaps() {
        let text = b"x\n\n".repeat(30_000);
        let findings = detect("var/lib/dpkg/status", &text);
        assert_eq!(findings.gaps.len(), 10_001);
        assert!(findings.gaps[10_000].message.contains("50000 more"));
    }
}
