//! The names by which a layer hides what lies below it.
//!
//! The last component of a name decides, as it does for containerd: below a directory whose own name looks like a marker
//! lie ordinary files, and nothing keeps them from being run.
//! Source: OCI image specification, `layer.md`, "Whiteouts".

use super::{Entry, EntryKind};
use crate::image_path::ImagePath;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What the name `path` hides in lower layers, and where; none for an ordinary name.
pub fn marker(path: &ImagePath) -> Option<(EntryKind, ImagePath)> {
    let hidden = path.file_name().strip_prefix(PREFIX)?;
    let parent = path.parent().unwrap_or_default();
    match hidden {
        _ if path.file_name() == OPAQUE => Some((EntryKind::OpaqueDirectory, parent)),
        b"" | b"." | b".." => None,
        hidden => Some((EntryKind::Whiteout, parent.join(hidden))),
    }
}

/// The entry as a layer means it: what a whiteout hides in its place.
pub fn resolve(mut entry: Entry) -> Entry {
    if let Some((kind, path)) = marker(&entry.path) {
        (entry.kind, entry.path) = (kind, path);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<(EntryKind, &str)>) {
        let expected = expected.map(|(kind, path)| (kind, ImagePath::from(path)));
        assert_eq!(marker(&ImagePath::from(path)), expected, "{path}");
    }

    #[test]
    fn a_whiteout_hides_its_sibling() {
        check("etc/.wh.motd", Some((EntryKind::Whiteout, "etc/motd")));
        check(".wh.etc", Some((EntryKind::Whiteout, "etc")));
    }

    #[test]
    fn an_opaque_marker_hides_the_content_of_its_directory() {
        check("etc/.wh..wh..opq", Some((EntryKind::OpaqueDirectory, "etc")));
        check(".wh..wh..opq", Some((EntryKind::OpaqueDirectory, "")));
    }

    #[test]
    fn what_lies_below_a_name_that_looks_like_a_marker_is_ordinary() {
        check(".wh..wh.plnk/12.34", None);
        check("opt/.wh..wh.x/lib/apk/db/installed", None);
        check(".wh..wh.plnk", Some((EntryKind::Whiteout, ".wh.plnk")));
    }

    #[test]
    fn ordinary_names_are_not_whiteouts() {
        check("etc/wh.motd", None);
        check("etc/.wh.", None);
    }

    #[test]
    fn a_whiteout_of_dots_cannot_climb() {
        check("a/b/.wh...", None);
        check("a/b/.wh..", None);
    }
}
