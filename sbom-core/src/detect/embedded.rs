//! Bills of materials that an image carries of itself. What they say is its own claim, and read as a document is.
//!
//! Sources: melange and apko (`var/lib/db/sbom`), Bitnami (`opt/bitnami`), SPDX's own example of a place
//! (`usr/share/spdx`, `usr/local/share/spdx`).

use std::sync::Arc;

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, Want};
use crate::image_path::ImagePath;

/// Knows bills of materials that an image carries.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedDetector;

/// Folders whose documents are about what the image holds, and the ends of names that documents have there.
const PLACES: &[(&str, &[&str])] = &[
    ("var/lib/db/sbom/", &[".spdx.json", ".cdx.json"]),
    ("usr/share/spdx/", &[".json", ".spdx"]),
    ("usr/local/share/spdx/", &[".json", ".spdx"]),
    ("opt/bitnami/", &[".spdx", ".spdx.json", ".cdx.json"]),
];

/// Whether a document lies at `path`: below one of the places, in the image's root.
pub fn is_document(path: &ImagePath) -> bool {
    let path = path.as_bytes();
    PLACES.iter().any(|(folder, ends)| {
        path.starts_with(folder.as_bytes()) && ends.iter().any(|end| path.ends_with(end.as_bytes()))
    })
}

impl Detector for EmbeddedDetector {
    fn id(&self) -> &'static str {
        "embedded-sbom"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        if file.size > 0 && is_document(file.path) { Want::Whole } else { Want::Nothing }
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        if is_document(file.path) {
            out.found.push(Finding::Embedded(Arc::from(file.bytes()?)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_their_place_and_the_end_of_their_name() {
        for (path, expected) in [
            ("var/lib/db/sbom/busybox-1.36.1-r2.spdx.json", true),
            ("var/lib/db/sbom/README", false),
            ("usr/share/spdx/deep/er/app.json", true),
            ("opt/bitnami/redis/.spdx-redis.spdx", true),
            ("opt/bitnami/redis/conf/redis.json", false),
            ("srv/var/lib/db/sbom/x.spdx.json", false),
        ] {
            assert_eq!(is_document(&ImagePath::from(path)), expected, "{path}");
        }
    }
}
