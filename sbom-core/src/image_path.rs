//! Paths inside an image: bytes, normalised, never above the root.

use std::{borrow::Cow, fmt, sync::Arc};

pub(crate) mod packed;

pub use packed::PathList;

/// A path inside an image, relative to its root: components joined by `/`, no empty, `.` or `..` component.
///
/// `..` at the root stays at the root, as it does in a chroot, so no path escapes. The root itself is empty.
/// Paths are bytes: Linux allows any byte but NUL and `/` in a name. Clones share them: of a database with many
/// packages each names its path as evidence.
///
/// ```
/// use sbom_core::image_path::ImagePath;
/// assert_eq!(ImagePath::new(b"./usr//lib/../bin/sh").as_bytes(), b"usr/bin/sh");
/// assert_eq!(ImagePath::new(b"../../etc/passwd").to_string(), "/etc/passwd");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImagePath(Arc<[u8]>);

impl ImagePath {
    /// Normalises `raw`, absolute or relative to the root.
    pub fn new(raw: &[u8]) -> Self {
        Self(normal(raw).into())
    }

    /// `path`, which is one as it stands.
    pub(crate) fn of_normal(path: &[u8]) -> Self {
        Self(path.into())
    }

    /// `path`, of which the first `known` bytes begin a path; none if it is no path as it stands.
    pub(crate) fn continued(path: &[u8], known: usize) -> Option<Self> {
        stays_normal(path, known).then(|| Self(path.into()))
    }

    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// The bytes, without a leading `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// `target` seen from this directory: an absolute target starts at the root, `..` climbs.
    #[must_use]
    pub fn join(&self, target: &[u8]) -> Self {
        let mut out = if target.first() == Some(&b'/') { Vec::new() } else { self.0.to_vec() };
        push_all(&mut out, target);
        Self(out.into())
    }

    /// The directory that holds this path; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0.get(..end).unwrap_or_default().into()))
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        file_name(&self.0)
    }

    /// The components from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|component| !component.is_empty())
    }

    /// What comes before `suffix`, if this path ends with those whole components:
    /// `usr/lib/apk/db/installed` without `lib/apk/db/installed` is `usr`.
    // Asked of every file, and few paths end so.
    #[inline]
    pub fn strip_suffix(&self, suffix: &str) -> Option<Self> {
        let head = self.0.strip_suffix(suffix.as_bytes())?;
        match head {
            [] => Some(Self::root()),
            [head @ .., b'/'] => Some(Self(head.into())),
            _ => None,
        }
    }

    /// The path below `directory`, without a leading `/`, if it lies there.
    pub fn strip_prefix(&self, directory: &Self) -> Option<Self> {
        if directory.is_root() {
            return Some(self.clone());
        }
        let tail = self.0.strip_prefix(directory.as_bytes())?;
        match tail {
            [] => Some(Self::root()),
            [b'/', tail @ ..] => Some(Self(tail.into())),
            _ => None,
        }
    }

    /// The path as text with a leading `/`; bytes that are not UTF-8 become U+FFFD.
    pub fn to_text(&self) -> String {
        ["/", &*String::from_utf8_lossy(&self.0)].concat()
    }
}

impl AsRef<[u8]> for ImagePath {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for ImagePath {
    fn from(path: &str) -> Self {
        Self::new(path.as_bytes())
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImagePath({self})")
    }
}

/// For people: a leading `/`, and control characters and bytes that are not UTF-8 escaped.
impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for chunk in self.0.utf8_chunks() {
            f.write_str(&escape_control(chunk.valid()))?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// `text` with everything escaped that could move a terminal's cursor, colour it or reverse its writing.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    let dangerous = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(dangerous) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if dangerous(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// The bytes of the path that `raw` is, absolute or relative to the root.
pub(crate) fn normal(raw: &[u8]) -> Cow<'_, [u8]> {
    let path = raw.strip_prefix(b"/").unwrap_or(raw);
    if is_normal(path) {
        return Cow::Borrowed(path);
    }
    let mut out: Vec<u8> = Vec::with_capacity(raw.len());
    push_all(&mut out, raw);
    Cow::Owned(out)
}

/// What comes behind the last `/`.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    path.get(start..).unwrap_or_default()
}

/// Whether `path`, of which the first `known` bytes begin a path, is one as it stands.
pub(crate) fn stays_normal(path: &[u8], known: usize) -> bool {
    let others = path.get(known..).unwrap_or_default().iter();
    let mut slashes = others.zip(known..).filter(|(byte, _)| **byte == b'/');
    path.is_empty()
        || ends_with_name(path) && slashes.all(|(_, slash)| path.get(..slash).is_some_and(ends_with_name))
}

/// Whether the last component of `path` is neither empty nor `.` nor `..`.
fn ends_with_name(path: &[u8]) -> bool {
    !matches!(path, [] | [.., b'/'] | b"." | [.., b'/', b'.'] | b".." | [.., b'/', b'.', b'.'])
}

fn is_normal(raw: &[u8]) -> bool {
    stays_normal(raw, 0)
}

fn push_all(out: &mut Vec<u8>, raw: &[u8]) {
    for component in raw.split(|&b| b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|&b| b == b'/').unwrap_or(0)),
            name => {
                if !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(raw: &str) -> ImagePath {
        ImagePath::from(raw)
    }

    #[test]
    fn dots_and_slashes_are_normalised() {
        for (raw, normal) in [
            ("/", ""),
            (".", ""),
            ("./", ""),
            ("./a/b/", "a/b"),
            ("a//b", "a/b"),
            ("a/./b/../c", "a/c"),
            ("../../x", "x"),
            ("a/../../../b", "b"),
            ("...", "..."),
        ] {
            assert_eq!(path(raw).as_bytes(), normal.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn links_resolve_from_their_directory() {
        assert_eq!(path("etc").join(b"../usr/lib/os-release"), path("usr/lib/os-release"));
        assert_eq!(path("etc").join(b"/usr/lib"), path("usr/lib"));
        assert_eq!(path("a").join(b"../../../b"), path("b"));
    }

    #[test]
    fn suffixes_and_prefixes_are_whole_components() {
        assert_eq!(path("usr/lib/apk").strip_suffix("lib/apk"), Some(path("usr")));
        assert_eq!(path("lib/apk").strip_suffix("lib/apk"), Some(ImagePath::root()));
        assert_eq!(path("mylib/apk").strip_suffix("lib/apk"), None);
        assert_eq!(path("usr/lib").strip_prefix(&path("usr")), Some(path("lib")));
        assert_eq!(path("usrlib").strip_prefix(&path("usr")), None);
    }

    #[test]
    fn a_path_goes_on_where_another_began() {
        for (path, known, is_path) in [
            ("", 0, true),
            ("a/b", 0, true),
            ("a/b", 1, true),
            ("a/b", 2, true),
            ("a/.b", 3, true),
            ("a/", 2, false),
            ("a/.", 3, false),
            ("a/../b", 3, false),
            ("a/b//c", 3, false),
            ("/a", 0, false),
            ("..", 0, false),
            ("...", 0, true),
            ("a../b", 2, true),
            ("a/./", 3, false),
        ] {
            assert_eq!(ImagePath::continued(path.as_bytes(), known).is_some(), is_path, "{path} {known}");
        }
    }

    #[test]
    fn what_people_see_is_escaped() {
        assert_eq!(ImagePath::new(b"a\x1b[31m/\xff").to_string(), "/a\\u{1b}[31m/\\xff");
        assert_eq!(escape_control("a\u{202e}b"), "a\\u{202e}b");
    }

    proptest! {
        #[test]
        fn no_path_has_a_component_that_climbs(raw in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()], 0..64)) {
            let normal = ImagePath::new(&raw);
            prop_assert!(normal.components().all(|c| !matches!(c, b"" | b"." | b"..")));
            prop_assert!(!normal.as_bytes().starts_with(b"/"));
            prop_assert_eq!(&ImagePath::new(normal.as_bytes()), &normal);
            prop_assert_eq!(&ImagePath::root().join(&raw), &normal);
        }
    }
}
