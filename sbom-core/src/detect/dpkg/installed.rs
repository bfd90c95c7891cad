//! Which files packages own: the lists, checksums and configuration files below `info`, and diversions.
//! Source: dpkg(1), deb-md5sums(5), deb-conffiles(5), dpkg-divert(1).

use std::{borrow::Cow, cmp::Ordering};

use super::{
    super::{Gap, GapKind},
    Report,
};
use crate::{
    digest::unhex,
    image_path::{ImagePath, PathList, normal},
    limits::{LimitExceeded, Limits},
};

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conffile {
    /// Where it lies.
    pub path: ImagePath,
    /// MD5 of the file as the package ships it; none where it is not recorded.
    pub md5: Option<[u8; 16]>,
    /// The installed version of the package no longer ships it.
    pub obsolete: bool,
    /// The package asks for its removal: it is not the package's any more.
    pub removed: bool,
}

/// A file that one package puts elsewhere for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// Where the others think it is.
    pub from: ImagePath,
    /// Where theirs is.
    pub to: ImagePath,
    /// The package whose own file is at `from`; none if no package's is.
    pub by: Option<String>,
}

impl Conffile {
    /// Reads a line of the field `Conffiles`: path, MD5 or `newconffile`, then flags. The path may hold blanks.
    pub(super) fn of_status(line: &str) -> Option<Self> {
        let mut conffile = Self { path: ImagePath::root(), md5: None, obsolete: false, removed: false };
        let mut rest = line;
        loop {
            let (before, word) = rest.rsplit_once(char::is_whitespace)?;
            rest = before.trim_end();
            match word {
                "obsolete" => conffile.obsolete = true,
                "remove-on-upgrade" => conffile.removed = true,
                "newconffile" => break,
                hash => {
                    conffile.md5 = Some(unhex(hash.as_bytes())?);
                    break;
                }
            }
        }
        conffile.path = ImagePath::new(rest.as_bytes());
        (rest.starts_with('/') && !conffile.path.is_root()).then_some(conffile)
    }
}

/// Reads the leaves of a list of paths: what is no directory of another path in it. `tabbed` lists, of opkg,
/// have the mode of the file behind a tab.
pub(super) fn list(bytes: &[u8], tabbed: bool, limits: &Limits, report: &mut Report<'_>) -> PathList {
    let most = limits.entries.as_usize();
    if let Some((offset, _)) = lines(bytes).nth(most) {
        let limit = LimitExceeded { limit: limits.entries };
        report.gap(Gap::new(GapKind::Limit, limit.to_string()).at(offset));
    }
    let mut paths: Vec<Cow<'_, [u8]>> = lines(bytes)
        .take(most)
        .map(|(_, line)| if tabbed { line.split(|&b| b == b'\t').next().unwrap_or_default() } else { line })
        .map(normal)
        .filter(|path| !path.is_empty())
        .collect();
    paths.sort_unstable_by(|a, b| tree_order(a, b));
    paths.dedup();
    let mut paths = paths.into_iter().peekable();
    PathList::of_normal(std::iter::from_fn(|| {
        loop {
            let path = paths.next()?;
            let is_directory = paths
                .peek()
                .is_some_and(|next| next.strip_prefix(&*path).is_some_and(|tail| tail.starts_with(b"/")));
            if !is_directory {
                return Some(path);
            }
        }
    }))
}

/// Paths with their MD5.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checksums {
    /// The paths, in the order of the file.
    pub paths: PathList,
    /// Of each its checksum.
    pub md5: Vec<[u8; 16]>,
}

impl Checksums {
    /// Each path with its checksum.
    pub fn iter(&self) -> impl Iterator<Item = (ImagePath, [u8; 16])> {
        self.paths.iter().zip(self.md5.iter().copied())
    }
}

impl FromIterator<(ImagePath, [u8; 16])> for Checksums {
    fn from_iter<I: IntoIterator<Item = (ImagePath, [u8; 16])>>(checksums: I) -> Self {
        let (paths, md5): (Vec<_>, _) = checksums.into_iter().unzip();
        Self { paths: paths.into_iter().collect(), md5 }
    }
}

/// The order of a walk through a tree: `/` comes before all other bytes, so that what lies below a path follows
/// it directly.
fn tree_order(a: &[u8], b: &[u8]) -> Ordering {
    let differing = a.iter().zip(b).find(|(a, b)| a != b);
    match differing {
        Some((b'/', _)) => Ordering::Less,
        Some((_, b'/')) => Ordering::Greater,
        Some((a, b)) => a.cmp(b),
        None => a.len().cmp(&b.len()),
    }
}

/// Reads `md5  path` or `md5 path`, one a line; the path may hold blanks and has no leading `/`.
pub(super) fn checksums(bytes: &[u8], report: &mut Report<'_>) -> Checksums {
    let (mut paths, mut md5) = (Vec::new(), Vec::new());
    for (offset, line) in lines(bytes) {
        let read = line.split_at_checked(32).and_then(|(hash, rest)| {
            let path = rest.strip_prefix(b" ")?;
            let path = path.strip_prefix(b" ").or_else(|| path.strip_prefix(b"*")).unwrap_or(path);
            Some((normal(path), unhex(hash)?)).filter(|(path, _)| !path.is_empty())
        });
        match read {
            Some((path, checksum)) => {
                paths.push(path);
                md5.push(checksum);
            }
            None => report.gap(
                Gap::new(GapKind::Malformed, "a line that is not an MD5 checksum and a path").at(offset),
            ),
        }
    }
    md5.shrink_to_fit();
    Checksums { paths: PathList::of_normal(paths), md5 }
}

/// Reads a `conffiles` file: a path a line, after `remove-on-upgrade` for a file that is to go.
pub(super) fn conffiles(bytes: &[u8], report: &mut Report<'_>) -> Vec<Conffile> {
    let mut conffiles = Vec::new();
    for (offset, line) in lines(bytes) {
        let line = line.trim_ascii();
        let flagged = line.strip_prefix(b"remove-on-upgrade").map(<[u8]>::trim_ascii_start);
        let path = flagged.unwrap_or(line);
        if path.starts_with(b"/") {
            let path = ImagePath::new(path);
            conffiles.push(Conffile { path, md5: None, obsolete: false, removed: flagged.is_some() });
        } else if !path.is_empty() {
            report.gap(Gap::new(GapKind::Malformed, "a configuration file without its path").at(offset));
        }
    }
    conffiles
}

/// Reads `diversions`: for each three lines, from where, to where and by which package, `:` for none.
pub(super) fn diversions(bytes: &[u8], report: &mut Report<'_>) -> Vec<Diversion> {
    let mut diversions = Vec::new();
    let mut lines = lines(bytes);
    while let Some((offset, from)) = lines.next() {
        let (Some((_, to)), Some((_, by))) = (lines.next(), lines.next()) else {
            report.gap(Gap::new(GapKind::Truncated, "a diversion of fewer than three lines").at(offset));
            break;
        };
        let by = (by != b":").then(|| String::from_utf8_lossy(by).into_owned());
        diversions.push(Diversion { from: ImagePath::new(from), to: ImagePath::new(to), by });
    }
    diversions
}

/// Reads the architectures of a system, one a line. Debian has a few dozen.
pub(super) fn architectures(bytes: &[u8]) -> Vec<String> {
    lines(bytes).take(100).map(|(_, line)| String::from_utf8_lossy(line.trim_ascii()).into_owned()).collect()
}

/// The lines that are not empty, with their offsets, without line ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut offset = 0;
    bytes
        .split(|&byte| byte == b'\n')
        .map(move |line| {
            let at = offset;
            offset += line.len() + 1;
            (at, line.strip_suffix(b"\r").unwrap_or(line))
        })
        .filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "00112233445566778899aabbccddeeff";

    fn reported<T>(read: impl FnOnce(&mut Report<'_>) -> T) -> (T, Vec<Gap>) {
        let mut gaps = Vec::new();
        let limits = Limits::default();
        let value = read(&mut Report::new(&mut gaps, &limits));
        (value, gaps)
    }

    fn check_list(text: &str, expected: &[&str]) {
        let (paths, _) = reported(|report| list(text.as_bytes(), false, &Limits::default(), report));
        let mut found: Vec<String> = paths.iter().map(|path| path.to_string()).collect();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn directories_of_other_paths_are_no_leaves() {
        check_list(
            "/.\n/usr\n/usr/bin\n/usr/bin/a b\n/usr/share/empty\n",
            &["/usr/bin/a b", "/usr/share/empty"],
        );
        // `-` and `.` sort before `/`.
        check_list("/a\n/a-b\n/a.c\n/a/d", &["/a-b", "/a.c", "/a/d"]);
        check_list("/x\r\n/x\r\n\n", &["/x"]);
    }

    #[test]
    fn a_list_of_opkg_may_have_modes() {
        let (paths, _) = reported(|report| list(b"/bin/a\t0100755\n", true, &Limits::default(), report));
        assert_eq!(paths.iter().collect::<Vec<_>>(), [ImagePath::from("bin/a")]);
    }

    #[test]
    fn a_bad_checksum_costs_no_other() {
        let text = format!("{MD5}  usr/a b\nnonsense\n{MD5} usr/c\n{MD5}  \n{MD5} *./usr/d");
        let (found, gaps) = reported(|report| checksums(text.as_bytes(), report));
        let paths: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["/usr/a b", "/usr/c", "/usr/d"]);
        assert_eq!(found.md5[0][15], 0xff);
        assert_eq!(gaps.iter().map(|gap| gap.offset).collect::<Vec<_>>(), [Some(42), Some(90)]);
    }

    #[test]
    fn conffiles_carry_their_flags() {
        let read = |line: &str| Conffile::of_status(line).unwrap();
        assert_eq!(read(&format!("/etc/a b {MD5}")).path, "etc/a b".into());
        assert!(read(&format!("/etc/a {MD5} obsolete")).obsolete);
        assert!(read(&format!("/etc/a {MD5} remove-on-upgrade")).removed);
        assert_eq!(read("/etc/a newconffile").md5, None);
        assert_eq!(Conffile::of_status("/etc/a"), None);
        assert_eq!(Conffile::of_status("obsolete obsolete"), None);
        let (found, gaps) = reported(|report| conffiles(b"/etc/a\nremove-on-upgrade /etc/b\nc\n", report));
        assert_eq!(found.iter().map(|c| c.removed).collect::<Vec<_>>(), [false, true]);
        assert_eq!(gaps.len(), 1);
    }

    #[test]
    fn a_cut_diversion_is_a_gap() {
        let text = b"/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n/c\n";
        let (found, gaps) = reported(|report| diversions(text, report));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].by.as_deref(), Some("dash"));
        assert_eq!(found[1].by, None);
        assert_eq!(gaps[0].kind, GapKind::Truncated);
    }
}
