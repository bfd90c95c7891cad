//! What shows in a Rust program that states nothing: its toolchain, and the crates that can panic.
//!
//! A message of a panic names the source file, below the folder to which cargo unpacked the crate, as
//! `/registry/src/INDEX-HASH/NAME-VERSION/src/lib.rs`. The standard library's files lie below
//! `/rustc/COMMIT/library`. Builds that remap paths show less, or nothing.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    detect::{Gap, GapKind, executable::Program},
    layer::needles::Needle,
    limits::Limits,
};

/// What compiled a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Toolchain {
    /// Versions that the compiler left in the file (`1.95.0`), sorted; in general one.
    pub versions: Vec<String>,
    /// Commits of the standard library that is linked in, 40 hex digits, sorted; in general one.
    pub commits: Vec<String>,
}

/// A crate that shows in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathCrate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where the path leads.
    pub whence: Whence,
}

/// Where the source files of a crate lay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whence {
    /// In cargo's cache of crates.io.
    CratesIo,
    /// Among the crates that a Linux distribution packages, which it takes from crates.io.
    Distribution,
    /// In cargo's cache of another registry; which one does not show.
    Registry,
    /// In a folder of vendored crates, which may come from anywhere.
    Vendored,
}

impl Whence {
    /// The name in documents; stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Distribution => "distribution",
            Self::Registry => "registry",
            Self::Vendored => "vendored",
        }
    }
}

/// Bytes of a path that are looked at, from the mark in it on.
const PATH: usize = 256;
const LIBRARY: &[u8] = b"/rustc/";
const COMPILER: &[u8] = b"rustc version ";

/// Folders of crates: what marks them, and how to read what follows.
const FOLDERS: [(&[u8], Layout); 7] = [
    (b"/registry/src/", Layout::Cache),
    (b"\\registry\\src\\", Layout::Cache),
    (b"/git/checkouts/", Layout::Checkout),
    (b"\\git\\checkouts\\", Layout::Checkout),
    (b"/share/cargo/registry/", Layout::Distribution),
    (b"/vendor/", Layout::Vendored),
    (b"/cargo-vendor-dir/", Layout::Vendored),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `INDEX-HASH/NAME-VERSION/…`
    Cache,
    /// `REPOSITORY-HASH/COMMIT/…`
    Checkout,
    /// `NAME-VERSION/…`
    Distribution,
    /// `NAME-VERSION/…`
    Vendored,
}

/// What to keep of large files.
pub(super) const NEEDLES: [Needle; 9] = [
    Needle {
        pattern: LIBRARY,
        before: 0,
        after: 64,
        accept: |_, bytes| commit(bytes).is_some(),
        is_optional: false,
    },
    Needle {
        pattern: COMPILER,
        before: 0,
        after: 64,
        accept: |_, bytes| compiler(bytes).is_some(),
        is_optional: false,
    },
    folder(FOLDERS[0].0),
    folder(FOLDERS[1].0),
    folder(FOLDERS[2].0),
    folder(FOLDERS[3].0),
    folder(FOLDERS[4].0),
    folder(FOLDERS[5].0),
    folder(FOLDERS[6].0),
];

const fn folder(pattern: &'static [u8]) -> Needle {
    Needle { pattern, before: 0, after: PATH, accept: |_, _| true, is_optional: false }
}

/// The compiler and standard library of a program; nothing in a program that is not written in Rust.
pub(super) fn toolchain(program: &Program<'_>) -> Toolchain {
    let view = program.view;
    let mut versions: BTreeSet<String> = BTreeSet::new();
    let comments = program.sections.iter().filter(|section| *section.name == *b".comment");
    let mut ranges: Vec<Range<u64>> = comments.map(|section| section.range.clone()).collect();
    if program.sections.iter().all(|section| section.name.is_empty()) {
        // Without names of sections the mark may be anywhere.
        ranges.push(0..view.size());
    }
    for range in ranges {
        versions.extend(view.find(COMPILER, range).filter_map(|hit| compiler(view.window(hit, 64))));
    }
    if let Some(version) = program.producer("processed-by", "rustc") {
        versions.extend(release(&version));
    }
    let hits = view.find(LIBRARY, 0..view.size());
    let commits: BTreeSet<String> = hits.filter_map(|hit| commit(view.window(hit, 64))).collect();
    Toolchain { versions: versions.into_iter().collect(), commits: commits.into_iter().collect() }
}

/// `rustc version 1.95.0 (59807616e 2026-04-14)`
fn compiler(bytes: &[u8]) -> Option<String> {
    let text = bytes.strip_prefix(COMPILER)?.utf8_chunks().next()?.valid();
    release(text).filter(|version| text.get(version.len()..).is_some_and(|rest| rest.starts_with(" (")))
}

/// `1.95.0 (59807616e 2026-04-14)`, `1.96.0-nightly (…)`
fn release(text: &str) -> Option<String> {
    let version = text.split([' ', '\0']).next()?;
    is_semver(version.as_bytes()).then(|| version.to_owned())
}

/// `/rustc/` and 40 hex digits, then a separator.
fn commit(bytes: &[u8]) -> Option<String> {
    let (digits, rest) = bytes.strip_prefix(LIBRARY)?.split_at_checked(40)?;
    (is_hex(digits) && matches!(rest.first(), Some(b'/' | b'\\'))).then(|| to_text(digits))
}

/// The crates and git checkouts whose paths show in a program, each once, sorted.
pub(super) fn crates(
    program: &Program<'_>,
    limits: &Limits,
    gaps: &mut Vec<Gap>,
) -> (Vec<PathCrate>, Vec<String>) {
    let view = program.view;
    let mut crates: BTreeSet<PathCrate> = BTreeSet::new();
    let mut checkouts: BTreeSet<String> = BTreeSet::new();
    for (mark, layout) in FOLDERS {
        for hit in view.find(mark, 0..view.size()) {
            let path = view.window(hit, PATH as u64).get(mark.len()..).unwrap_or_default();
            let Some(path) = source_path(path) else { continue };
            if layout == Layout::Checkout {
                checkouts.extend(checkout(path));
            } else {
                crates.extend(crate_of(path, layout));
            }
            if limits.packages.check((crates.len() + checkouts.len()) as u64).is_err() {
                gaps.push(Gap::new(
                    GapKind::Limit,
                    "further crates that show in a Rust program are not listed",
                ));
                return (crates.into_iter().collect(), checkouts.into_iter().collect());
            }
        }
    }
    (crates.into_iter().collect(), checkouts.into_iter().collect())
}

/// The path that `bytes` begin with, up to `.rs`. Paths stand in a program without a mark at their end.
fn source_path(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memmem::find(bytes, b".rs")?;
    let path = bytes.get(..end)?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/\\._-+~@".contains(b);
    path.iter().all(plain).then_some(path)
}

fn crate_of(path: &[u8], layout: Layout) -> Option<PathCrate> {
    let mut folders = path.split(|b| matches!(b, b'/' | b'\\'));
    let whence = match layout {
        Layout::Cache => registry(folders.next()?)?,
        Layout::Distribution => Whence::Distribution,
        Layout::Vendored => Whence::Vendored,
        Layout::Checkout => return None,
    };
    let (name, version) = name_and_version(folders.next()?)?;
    // The folder must hold something: a file of its name is no crate.
    folders.next()?;
    Some(PathCrate { name, version, whence })
}

/// Which registry `INDEX-HASH` is the cache of. That of crates.io was on GitHub before it had a host of its own;
/// the hash, over its address, depends on the machine's width.
fn registry(folder: &[u8]) -> Option<Whence> {
    let (index, hash) = folder.split_at_checked(folder.len().checked_sub(16)?)?;
    let index = index.strip_suffix(b"-").filter(|index| !index.is_empty())?;
    if !is_hex(hash) {
        return None;
    }
    let on_github: [&[u8]; 3] = [b"1ecc6299db9ec823", b"88ac128001ac3a9a", b"0a35038f75765ae4"];
    let is_crates_io = index == b"index.crates.io" || (index == b"github.com" && on_github.contains(&hash));
    Some(if is_crates_io { Whence::CratesIo } else { Whence::Registry })
}

/// `REPOSITORY-HASH/COMMIT`
fn checkout(path: &[u8]) -> Option<String> {
    let mut folders = path.split(|b| matches!(b, b'/' | b'\\'));
    let (repository, commit) = (folders.next()?, folders.next()?);
    let (name, hash) = repository.split_at_checked(repository.len().checked_sub(16)?)?;
    let good = name.len() > 1 && name.ends_with(b"-") && is_hex(hash) && commit.len() >= 7 && is_hex(commit);
    (good && folders.next().is_some()).then(|| format!("{}/{}", to_text(repository), to_text(commit)))
}

/// Divides `NAME-VERSION` where what follows is a version. A name may hold digits and hyphens.
fn name_and_version(folder: &[u8]) -> Option<(String, String)> {
    let hyphens = folder.iter().enumerate().filter(|(_, b)| **b == b'-').map(|(at, _)| at);
    for at in hyphens {
        let (name, version) = (folder.get(..at)?, folder.get(at + 1..)?);
        if is_semver(version) {
            return is_crate_name(name).then(|| (to_text(name), to_text(version)));
        }
    }
    None
}

/// crates.io: a letter, then letters, digits, `_` and `-`; 64 at most.
fn is_crate_name(name: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    name.first().is_some_and(u8::is_ascii_alphabetic) && name.len() <= 64 && name.iter().all(plain)
}

/// Semantic Versioning 2.0.0: three numbers without leading zeros, `-` and identifiers, `+` and identifiers.
fn is_semver(text: &[u8]) -> bool {
    let (text, build) = split_once(text, b'+');
    let (core, pre) = split_once(text, b'-');
    let number = |part: &[u8]| {
        (1..=19).contains(&part.len())
            && part.iter().all(u8::is_ascii_digit)
            && (part.len() == 1 || !part.starts_with(b"0"))
    };
    let identifiers = |text: &[u8]| {
        text.split(|&b| b == b'.')
            .all(|part| !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-'))
    };
    core.split(|&b| b == b'.').count() == 3
        && core.split(|&b| b == b'.').all(number)
        && pre.is_none_or(identifiers)
        && build.is_none_or(identifiers)
}

fn split_once(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(separator, text).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head, tail.get(1..)),
        None => (text, None),
    }
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn to_text(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, layout: Layout, expected: Option<(&str, &str, Whence)>) {
        let found = source_path(path.as_bytes()).and_then(|path| crate_of(path, layout));
        let found = found.as_ref().map(|c| (c.name.as_str(), c.version.as_str(), c.whence));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn crates_show_in_paths() {
        let cache = |path: &str, expected| check(path, Layout::Cache, expected);
        let io = Whence::CratesIo;
        cache(
            "index.crates.io-1949cf8c6b5b557f/serde_json-1.0.1/src/de.rsinvalid",
            Some(("serde_json", "1.0.1", io)),
        );
        cache(
            "github.com-1ecc6299db9ec823/wasi-0.11.0+wasi-snapshot-preview1/src/lib.rs",
            Some(("wasi", "0.11.0+wasi-snapshot-preview1", io)),
        );
        cache("github.com-1234567890abcdef/own-1.0.0/src/lib.rs", Some(("own", "1.0.0", Whence::Registry)));
        cache(
            "index.crates.io-1949cf8c6b5b557f\\zstd-2-1.0.0-rc.1\\src\\lib.rs",
            Some(("zstd-2", "1.0.0-rc.1", io)),
        );
        cache("index.crates.io-1949cf8c6b5b557f/serde-1.0/src/lib.rs", None);
        cache("index.crates.io-1949cf8c6b5b557f/serde-01.0.0/src/lib.rs", None);
        cache("index.crates.io-1949cf8c6b5b557f/-1.0.0/src/lib.rs", None);
        cache("index.crates.io-1949cf8c6b5b557f/7zip-1.0.0/src/lib.rs", None);
        cache("index.crates.io-1949cf8c6b5b557f/serde-1.0.0.rs", None);
        cache("index.crates.io-1949cf8c6b5b557f/serde-1.0.0/src/ lib.rs", None);
        cache("index.crates.io/serde-1.0.0/src/lib.rs", None);
        check(
            "libc-0.2.150/src/lib.rs",
            Layout::Distribution,
            Some(("libc", "0.2.150", Whence::Distribution)),
        );
        check("libc/src/lib.rs", Layout::Vendored, None);
    }

    #[test]
    fn checkouts_and_toolchains_are_strict() {
        assert_eq!(
            checkout(b"ruff-0123456789abcdef/9f8e7d6/crates/a/src/lib").as_deref(),
            Some("ruff-0123456789abcdef/9f8e7d6")
        );
        assert_eq!(checkout(b"ruff/9f8e7d6/src"), None);
        assert_eq!(compiler(b"rustc version 1.95.0 (59807616e 2026-04-14)\0").as_deref(), Some("1.95.0"));
        assert_eq!(compiler(b"rustc version 1.96.0-nightly (59").as_deref(), Some("1.96.0-nightly"));
        assert_eq!(compiler(b"rustc version {}"), None);
        assert_eq!(compiler(b"rustc version 1.95.0 or newer"), None);
        let library = b"/rustc/b940084d7eb6a299eb4bfeb8e34901bc051e7ac4/library/core/src/lib.rs";
        assert_eq!(commit(library).as_deref(), Some("b940084d7eb6a299eb4bfeb8e34901bc051e7ac4"));
        assert_eq!(commit(b"/rustc/b940084d7eb6a299eb4bfeb8e34901bc051e7ac4"), None);
    }
}
