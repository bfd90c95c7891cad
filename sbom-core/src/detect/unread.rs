//! Knows inventories that this version does not read, and says so.
//!
//! Each is known by one file that it always has, so that an inventory is one gap and not one for each package.
//! Package managers of programming languages are not among them: what a bill says of those is what the programs
//! themselves tell.

use super::{Captured, Detector, FileMeta, Findings, Gap, GapKind, Want};
use crate::image_path::ImagePath;

/// Knows inventories that this version does not read, and says so.
#[derive(Debug, Clone, Copy)]
pub struct UnreadDetector;

/// Files that are an inventory or stand for one, by the end of their path; a component `*` is any name.
const INVENTORIES: &[(&str, &str)] = &[
    ("var/lib/rpm/rpmdb.sqlite", "rpm packages"),
    ("var/lib/rpm/Packages", "rpm packages"),
    ("var/lib/rpm/Packages.db", "rpm packages"),
    ("usr/share/rpm/rpmdb.sqlite", "rpm packages"),
    ("usr/share/rpm/Packages", "rpm packages"),
    ("usr/share/rpm/Packages.db", "rpm packages"),
    ("usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm packages"),
    ("usr/lib/sysimage/rpm/Packages", "rpm packages"),
    ("usr/lib/sysimage/rpm/Packages.db", "rpm packages"),
    ("var/lib/rpmmanifest/container-manifest-2", "rpm packages"),
    ("var/lib/pacman/local/ALPM_DB_VERSION", "pacman packages"),
    ("var/db/pkg/*/*/PF", "a Portage package"),
    ("nix/var/nix/db/db.sqlite", "Nix store paths"),
    ("nix/store/*/lib/libc.so.6", "Nix store paths"),
    ("var/guix/db/db.sqlite", "Guix store paths"),
    ("var/db/xbps/pkgdb-0.38.plist", "XBPS packages"),
    ("etc/cos-package-info.json", "packages of Container-Optimized OS"),
    ("usr/share/clear/version", "bundles of Clear Linux"),
    ("usr/share/snappy/dpkg.yaml", "packages of a snap base"),
    ("snap/*/*/meta/snap.yaml", "a snap"),
    ("var/lib/snapd/state.json", "snaps"),
    ("var/lib/flatpak/repo/config", "flatpaks"),
    ("conda-meta/history", "conda packages"),
];

fn inventory(path: &ImagePath) -> Option<&'static str> {
    let name = path.file_name();
    // Asked of every file: few go further than the end of their name.
    INVENTORIES
        .iter()
        .filter(|(pattern, _)| pattern.as_bytes().last() == name.last())
        .filter(|(pattern, _)| pattern.as_bytes().strip_suffix(name).is_some_and(|head| head.ends_with(b"/")))
        .find(|(pattern, _)| ends_with(path, pattern))
        .map(|(_, what)| *what)
}

fn ends_with(path: &ImagePath, pattern: &str) -> bool {
    let mut components = path.as_bytes().rsplit(|&byte| byte == b'/');
    pattern
        .rsplit('/')
        .all(|wanted| components.next().is_some_and(|found| wanted == "*" || wanted.as_bytes() == found))
}

impl Detector for UnreadDetector {
    fn id(&self) -> &'static str {
        "unread"
    }

    /// No more than the least is asked for: that the file is there is all that matters.
    fn wants(&self, file: &FileMeta<'_>) -> Want {
        if file.size > 0 && inventory(file.path).is_some() { Want::Executable } else { Want::Nothing }
    }

    fn detect(&self, file: &Captured<'_>, _out: &mut Findings) -> Result<(), Gap> {
        let Some(what) = inventory(file.path).filter(|_| file.size > 0) else { return Ok(()) };
        Err(Gap::new(GapKind::Unsupported, format!("{what}: an inventory of this kind is not read yet")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layer::retain::Content, limits::Limits};

    fn gap(path: &str, bytes: &[u8]) -> Option<Gap> {
        let path = ImagePath::from(path);
        let size = bytes.len() as u64;
        let wanted =
            UnreadDetector.wants(&FileMeta { path: &path, size, mode: 0o644, head: bytes }) != Want::Nothing;
        let content = Content::new(bytes.to_vec());
        let limits = Limits::default();
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
        let gap = UnreadDetector.detect(&file, &mut Findings::default()).err();
        assert_eq!(wanted, gap.is_some());
        gap
    }

    #[test]
    fn inventories_that_are_not_read_are_gaps() {
        for path in [
            "var/lib/rpm/rpmdb.sqlite",
            "usr/lib/sysimage/rpm/Packages.db",
            "srv/jail/var/lib/rpm/Packages",
            "var/lib/rpmmanifest/container-manifest-2",
            "var/lib/pacman/local/ALPM_DB_VERSION",
            "var/db/pkg/sys-apps/baselayout-2.15/PF",
            "nix/store/0c7c96gikmzv87i7lv3vq5s1cmfjd6zf-glibc-2.31-74/lib/libc.so.6",
            "snap/core22/1/meta/snap.yaml",
            "opt/conda/conda-meta/history",
        ] {
            assert_eq!(gap(path, b"x").map(|gap| gap.kind), Some(GapKind::Unsupported), "{path}");
        }
        assert_eq!(
            gap("var/lib/rpm/Packages", b"x").unwrap().message,
            "rpm packages: an inventory of this kind is not read yet"
        );
    }

    #[test]
    fn other_files_and_empty_ones_are_none() {
        for path in [
            "var/lib/rpm/Name",
            "rpm/Packages",
            "xvar/lib/rpm/Packages",
            "usr/lib/libc.so.6",
            "PF",
            "meta/snap.yaml",
        ] {
            assert_eq!(gap(path, b"x"), None, "{path}");
        }
        assert_eq!(gap("var/lib/rpm/Packages", b""), None);
    }
}
