//! The names by which a layer hides what lies below it.
//! Source: OCI image specification, `layer.md`, "Whiteouts"; AUFS.

use super::{Entry, EntryKind};
use crate::image_path::ImagePath;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// AUFS keeps its own bookkeeping under names that begin like this; they are no part of the image.
const AUFS_INTERNAL: &[u8] = b".wh..wh.";

/// What the name of an entry says about lower layers.
#[derive(Debug, PartialEq, Eq)]
pub enum Marker {
    /// An ordinary entry.
    None,
    /// Hides something: what, and where.
    Hides(EntryKind, ImagePath),
    /// Bookkeeping of a storage driver, to be skipped.
    Internal,
}

/// Reads the marker in the name of `path`.
pub fn marker(path: &ImagePath) -> Marker {
    let name = path.file_name();
    let parent = || path.parent().unwrap_or_default();
    if path.components().any(|component| component.starts_with(AUFS_INTERNAL) && component != OPAQUE) {
        Marker::Internal
    } else if name == OPAQUE {
        Marker::Hides(EntryKind::OpaqueDirectory, parent())
    } else {
        match name.strip_prefix(PREFIX) {
            Some(hidden) if !matches!(hidden, b"" | b"." | b"..") => {
                Marker::Hides(EntryKind::Whiteout, parent().join(hidden))
            }
            _ => Marker::None,
        }
    }
}

/// The entry as a layer means it: what a whiteout hides in its place, and none for bookkeeping.
pub fn resolve(mut entry: Entry) -> Option<Entry> {
    match marker(&entry.path) {
        Marker::Internal => return None,
        Marker::Hides(kind, path) => (entry.kind, entry.path) = (kind, path),
        Marker::None => {}
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &Marker) {
        assert_eq!(&marker(&ImagePath::from(path)), expected, "{path}");
    }

    #[test]
    fn a_whiteout_hides_its_sibling() {
        check("etc/.wh.motd", &Marker::Hides(EntryKind::Whiteout, "etc/motd".into()));
        check(".wh.etc", &Marker::Hides(EntryKind::Whiteout, "etc".into()));
    }

    #[test]
    fn an_opaque_marker_hides_the_content_of_its_directory() {
        check("etc/.wh..wh..opq", &Marker::Hides(EntryKind::OpaqueDirectory, "etc".into()));
        check(".wh..wh..opq", &Marker::Hides(EntryKind::OpaqueDirectory, ImagePath::root()));
    }

    #[test]
    fn bookkeeping_of_aufs_is_no_whiteout() {
        check(".wh..wh.plnk/12.34", &Marker::Internal);
        check(".wh..wh.aufs", &Marker::Internal);
    }

    #[test]
    fn ordinary_names_are_not_whiteouts() {
        check("etc/wh.motd", &Marker::None);
        check("etc/.wh.", &Marker::None);
    }

    #[test]
    fn a_whiteout_of_dots_cannot_climb() {
        check("a/b/.wh...", &Marker::None);
        check("a/b/.wh..", &Marker::None);
    }
}
