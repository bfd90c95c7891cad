//! Which files matter, and which root they belong to, by their paths alone.

use crate::image_path::ImagePath;

/// What a file is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// dpkg's database.
    Status,
    /// The record of one package where dpkg itself is not there, as in distroless images.
    StatusD,
    /// opkg's database.
    OpkgStatus,
    /// The control file of a package that opkg installed.
    OpkgControl,
    /// The paths of a package.
    List,
    /// The paths of a package that opkg installed.
    OpkgList,
    /// The MD5 checksums of a package's files.
    Checksums,
    /// The configuration files of a package.
    Conffiles,
    /// dpkg's diversions.
    Diversions,
    /// The architectures that dpkg installs packages of.
    Architectures,
    /// The packages that dpkg knows to be available.
    Available,
    /// What apt installed for the sake of something else.
    AutoInstalled,
    /// The packages of a repository.
    Repository,
    /// What a repository says of itself.
    Release,
    /// The manifest of an image cut by chisel.
    Chisel,
    /// The packages of a snap base.
    Snap,
    /// The services of Ubuntu Pro.
    UbuntuPro,
}

/// What lies beside packages under their names and is no record of one.
const SCRIPTS: [&str; 9] =
    ["preinst", "postinst", "prerm", "postrm", "config", "templates", "triggers", "shlibs", "symbols"];

/// What the file at `path` is; none if it does not matter here.
pub fn kind(path: &ImagePath) -> Option<Kind> {
    let bytes = path.as_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/')?;
    let (directory, name) = (bytes.get(..slash)?, bytes.get(slash + 1..)?);
    let within = |tail: &str| {
        directory.strip_suffix(tail.as_bytes()).is_some_and(|head| head.is_empty() || head.ends_with(b"/"))
    };
    let extension = |extension: &str| {
        name.strip_suffix(extension.as_bytes()).is_some_and(|stem| stem.ends_with(b".") && stem.len() > 1)
    };
    if within("lib/dpkg") {
        match name {
            b"status" => Some(Kind::Status),
            b"diversions" => Some(Kind::Diversions),
            b"arch" => Some(Kind::Architectures),
            b"available" => Some(Kind::Available),
            _ => None,
        }
    } else if within("lib/dpkg/info") || within("lib/dpkg/status.d") {
        if extension("list") {
            Some(Kind::List)
        } else if extension("md5sums") {
            Some(Kind::Checksums)
        } else if extension("conffiles") {
            Some(Kind::Conffiles)
        } else {
            let script = SCRIPTS.into_iter().any(extension);
            (within("lib/dpkg/status.d") && !script).then_some(Kind::StatusD)
        }
    } else if within("lib/opkg") {
        (name == b"status").then_some(Kind::OpkgStatus)
    } else if within("lib/opkg/info") {
        if extension("control") {
            Some(Kind::OpkgControl)
        } else if extension("list") {
            Some(Kind::OpkgList)
        } else {
            extension("conffiles").then_some(Kind::Conffiles)
        }
    } else if within("var/lib/apt/lists") {
        if name.ends_with(b"_Packages") {
            Some(Kind::Repository)
        } else {
            (name.ends_with(b"_InRelease") || name.ends_with(b"_Release")).then_some(Kind::Release)
        }
    } else if within("var/lib/apt") {
        (name == b"extended_states").then_some(Kind::AutoInstalled)
    } else if within("var/lib/chisel") {
        (name == b"manifest.wall").then_some(Kind::Chisel)
    } else if within("usr/share/snappy") {
        (name == b"dpkg.yaml").then_some(Kind::Snap)
    } else if within("var/lib/ubuntu-advantage") {
        (name == b"status.json").then_some(Kind::UbuntuPro)
    } else {
        None
    }
}

/// The directory of the database that the file at `path` belongs to (`var/lib/dpkg`), and the root that it rules.
pub fn home(path: &ImagePath) -> Option<(ImagePath, ImagePath)> {
    let directory = path.parent()?;
    let home = ["status.d", "info", "lists"]
        .iter()
        .find_map(|part| directory.strip_suffix(part))
        .unwrap_or(directory);
    let root = [
        "var/lib/dpkg",
        "usr/lib/dpkg",
        "lib/dpkg",
        "var/lib/opkg",
        "usr/lib/opkg",
        "lib/opkg",
        "var/lib/apt",
        "var/lib/chisel",
        "usr/share/snappy",
        "var/lib/ubuntu-advantage",
    ]
    .iter()
    .find_map(|place| home.strip_suffix(place))?;
    Some((home, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(Kind, &str)>) {
        let path = ImagePath::from(path);
        let found = kind(&path);
        assert_eq!(found, expected.map(|(kind, _)| kind), "{path}");
        if let Some((_, root)) = expected {
            assert_eq!(home(&path).unwrap().1, root.into(), "{path}");
        }
    }

    #[test]
    fn databases_are_known_by_their_paths() {
        check("var/lib/dpkg/status", Some((Kind::Status, "")));
        check("srv/jail/var/lib/dpkg/status", Some((Kind::Status, "srv/jail")));
        check("lib/dpkg/status", Some((Kind::Status, "")));
        check("var/lib/dpkg/status-old", None);
        check("usr/lib/opkg/status", Some((Kind::OpkgStatus, "")));
        check("usr/lib/opkg/info/busybox.control", Some((Kind::OpkgControl, "")));
        check("var/lib/opkg/info/busybox.list", Some((Kind::OpkgList, "")));
        check("var/lib/chisel/manifest.wall", Some((Kind::Chisel, "")));
    }

    #[test]
    fn records_in_status_d_may_have_dots_in_their_names() {
        check("var/lib/dpkg/status.d/libpython3.11-minimal", Some((Kind::StatusD, "")));
        check("var/lib/dpkg/status.d/base-files", Some((Kind::StatusD, "")));
        check("x/var/lib/dpkg/status.d/base-files.md5sums", Some((Kind::Checksums, "x")));
        check("var/lib/dpkg/status.d/base-files.preinst", None);
    }

    #[test]
    fn what_says_more_about_packages_is_known() {
        check("var/lib/dpkg/info/libc6:amd64.list", Some((Kind::List, "")));
        check("var/lib/dpkg/info/libc6:amd64.md5sums", Some((Kind::Checksums, "")));
        check("var/lib/dpkg/info/libc6.postinst", None);
        check("var/lib/dpkg/diversions", Some((Kind::Diversions, "")));
        check("var/lib/dpkg/diversions-old", None);
        check("var/lib/apt/extended_states", Some((Kind::AutoInstalled, "")));
        check("var/lib/apt/lists/x_dists_y_main_binary-amd64_Packages", Some((Kind::Repository, "")));
        check("var/lib/apt/lists/x_dists_y_InRelease", Some((Kind::Release, "")));
    }
}
