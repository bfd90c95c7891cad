//! What apt and dpkg know of packages beyond the installed ones: which were asked for, from which repository
//! they come, and the digests of their archives.

use std::io::{self, Read};

use super::{
    super::{Gap, GapKind},
    Report,
    stanza::{Stanzas, each_stanza},
};
use crate::{digest::unhex, image_path::ImagePath};

/// Packages that are to be had, with the SHA-256 of their archives, in little space: a repository lists tens of
/// thousands of which an image has hundreds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Archives {
    /// Name, version and architecture joined by NUL, and the digest; sorted.
    entries: Vec<(Box<str>, [u8; 32])>,
}

/// What a repository says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release {
    /// `Origin`.
    pub origin: Option<String>,
    /// `Label`.
    pub label: Option<String>,
    /// `Suite`.
    pub suite: Option<String>,
}

impl Archives {
    /// Archives by [`key`]; of several with one key the lowest digest counts.
    pub fn new(mut entries: Vec<(Box<str>, [u8; 32])>) -> Self {
        entries.sort_unstable();
        entries.dedup_by(|a, b| a.0 == b.0);
        Self { entries }
    }

    /// The SHA-256 of each archive, by [`key`], sorted.
    pub fn sha256(&self) -> impl Iterator<Item = (&str, &[u8; 32])> {
        self.entries.iter().map(|(key, digest)| (&**key, digest))
    }
}

/// What an archive is known by.
pub fn key(name: &str, version: &str, architecture: &str) -> Box<str> {
    [name, version, architecture].join("\0").into()
}

/// Bytes of a list that are held at a time.
const PIECE: usize = 64 << 10;

/// Reads `available`, or the `Packages` of a repository. A stanza without digest, as dpkg itself writes it, is none.
/// It has `size` bytes; an error is one of `content`.
pub(super) fn archives(content: &mut dyn Read, size: u64, report: &mut Report<'_>) -> io::Result<Archives> {
    let mut entries = Vec::new();
    each_stanza(content, size, PIECE, |stanza| {
        let Some(sha256) = stanza.text("SHA256") else { return };
        let Some(digest) = unhex(sha256.as_bytes()) else {
            let message = format!("not a SHA-256 digest: {sha256:?}");
            return report.gap(Gap::new(GapKind::Malformed, message).at(stanza.offset));
        };
        if let (Some(name), Some(version)) = (stanza.text("Package"), stanza.text("Version")) {
            let architecture = stanza.text("Architecture").unwrap_or_default();
            entries.push((key(&name, &version, &architecture), digest));
        }
    })?;
    Ok(Archives::new(entries))
}

/// Reads `extended_states`: name and architecture of what apt installed for the sake of something else.
pub(super) fn automatic(bytes: &[u8], report: &mut Report<'_>) -> Vec<(String, String)> {
    let mut automatic = Vec::new();
    for stanza in Stanzas::new(bytes) {
        stanza.problems.iter().for_each(|problem| report.gap(problem.into()));
        if stanza.text("Auto-Installed").as_deref() == Some("1") {
            automatic.extend(stanza.text("Package").zip(stanza.text("Architecture")));
        }
    }
    automatic.sort();
    automatic
}

/// Reads a `Release` or, with its signature around it, an `InRelease`.
pub(super) fn release(bytes: &[u8]) -> Option<Release> {
    // The signature's own headers come first.
    let stanza =
        Stanzas::new(bytes).take(3).find(|stanza| stanza.get("Suite").or(stanza.get("Origin")).is_some())?;
    let (origin, label) = (stanza.text("Origin"), stanza.text("Label"));
    Some(Release { origin, label, suite: stanza.text("Suite").or_else(|| stanza.text("Codename")) })
}

/// The repository behind the name of a list, which apt makes of its address:
/// `deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages` is of
/// `deb.debian.org/debian/dists/bookworm`, component `main`.
pub fn repository(list: &ImagePath) -> Option<(String, String)> {
    let name = std::str::from_utf8(list.file_name()).ok()?;
    let name = name.strip_suffix("_Packages")?;
    let (name, _) = name.rsplit_once("_binary-")?;
    let (release, component) = name.rsplit_once('_')?;
    Some((release.to_owned(), component.to_owned()))
}

/// What apt writes as a file name, as the address that it was.
pub fn address(name: &str) -> String {
    name.replace('_', "/").replace("%5f", "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn reported<T>(read: impl FnOnce(&mut Report<'_>) -> T) -> (T, Vec<Gap>) {
        let mut gaps = Vec::new();
        let limits = Limits::default();
        let value = read(&mut Report::new(&mut gaps, &limits));
        (value, gaps)
    }

    #[test]
    fn an_archive_is_found_by_name_version_and_architecture() {
        let sha256 = "ab".repeat(32);
        let text = format!(
            "Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: {sha256}\n\nPackage: b\nVersion: 1\n\nPackage: c\nVersion: 1\nSHA256: 12\n"
        );
        let (archives, gaps) =
            reported(|report| archives(&mut text.as_bytes(), text.len() as u64, report).unwrap());
        let found: Vec<_> = archives.sha256().collect();
        assert_eq!(found, [(&*key("a", "1", "amd64"), &[0xab; 32])]);
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn automatically_installed_packages_are_named() {
        let text = b"Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: amd64\nAuto-Installed: 0\n";
        let (found, _) = reported(|report| automatic(text, report));
        assert_eq!(found, [("a".to_owned(), "amd64".to_owned())]);
    }

    #[test]
    fn a_signed_release_is_read_through_its_signature() {
        let text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\nSuite: stable\nSHA256:\n abc 1 main\n-----BEGIN PGP SIGNATURE-----\n";
        let release = release(text).unwrap();
        assert_eq!(release.origin.as_deref(), Some("Debian"));
        assert_eq!(release.label.as_deref(), Some("Debian-Security"));
    }

    #[test]
    fn the_name_of_a_list_says_the_repository() {
        let list = ImagePath::from(
            "var/lib/apt/lists/download.example.com_a%5fb_dists_x_main_binary-amd64_Packages",
        );
        let (release, component) = repository(&list).unwrap();
        assert_eq!(
            (address(&release).as_str(), component.as_str()),
            ("download.example.com/a_b/dists/x", "main")
        );
    }
}
