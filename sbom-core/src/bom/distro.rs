//! Which operating systems the subject holds, and which one a package database belongs to.

use std::collections::BTreeMap;

use super::{OperatingSystem, draft::Draft, overlay::Overlay};
use crate::image_path::ImagePath;

/// The operating systems of a subject, by the root they rule: `/`, and that of every chroot inside.
#[derive(Debug, Default)]
pub struct Distros {
    by_root: BTreeMap<ImagePath, OperatingSystem>,
}

impl Distros {
    /// Finds them. `forced`, as `ID-VERSION`, replaces what the main root says of itself.
    pub fn find(_overlay: &Overlay<'_>, _forced: Option<&str>, _draft: &mut Draft) -> Self {
        Self::default()
    }

    /// The operating system of the root `root`.
    pub fn of(&self, root: &ImagePath) -> Option<&OperatingSystem> {
        self.by_root.get(root)
    }
}
