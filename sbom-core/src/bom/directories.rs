//! Where files really lie that a package database names by the paths which packages shipped.

use std::collections::HashMap;

use super::overlay::Overlay;
use crate::image_path::ImagePath;

/// Where the directories of one root really lie: `/lib` may be a link to `/usr/lib`. Each is looked up once.
#[derive(Debug)]
pub(super) struct Directories<'a> {
    overlay: &'a Overlay<'a>,
    root: ImagePath,
    resolved: HashMap<ImagePath, ImagePath>,
    /// The last one asked for: paths come directory by directory.
    last: (ImagePath, ImagePath),
}

impl<'a> Directories<'a> {
    /// Those of the nested root `root`, or of the image.
    pub(super) fn new(overlay: &'a Overlay<'a>, root: &ImagePath) -> Self {
        let last = (root.clone(), root.clone());
        Self { overlay, root: root.clone(), resolved: HashMap::new(), last }
    }

    /// The root.
    pub(super) fn root(&self) -> &ImagePath {
        &self.root
    }

    /// The files of the image.
    pub(super) fn overlay(&self) -> &'a Overlay<'a> {
        self.overlay
    }

    /// `path` with the links in its directory followed; as it is, if the directory is not there, or the path
    /// would take more bytes than `may_grow` allows: a few short links can lead very deep.
    pub(super) fn locate(&mut self, path: ImagePath, may_grow: &mut dyn FnMut(usize) -> bool) -> ImagePath {
        let bytes = path.as_bytes();
        let slash = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        if bytes.get(..slash) != Some(self.last.0.as_bytes()) {
            let parent = path.parent().unwrap_or_default();
            let (overlay, root) = (self.overlay, &self.root);
            let find = || overlay.resolve_within(root, &parent).unwrap_or_else(|| parent.clone());
            let real = self.resolved.entry(parent.clone()).or_insert_with(find).clone();
            self.last = (parent, real);
        }
        let (parent, real) = &self.last;
        let growth = real.as_bytes().len().saturating_sub(parent.as_bytes().len());
        if real == parent || (growth > 0 && !may_grow(growth)) { path } else { real.join(path.file_name()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bom::test_image::TestImage, limits::Limits};

    #[test]
    fn a_file_lies_behind_the_links_of_its_directory() {
        let limits = Limits::default();
        let image = TestImage::default().symlink("lib", "usr/lib").symlink("usr/lib/b", "a");
        let overlay = image.layer(&[("usr/lib/a", "")]).overlay(&limits);
        let mut directories = Directories::new(&overlay, &ImagePath::root());
        let mut locate = |path: &str, grow| directories.locate(path.into(), &mut |_| grow).to_string();
        assert_eq!(locate("lib/a", true), "/usr/lib/a");
        assert_eq!(locate("lib/b", true), "/usr/lib/b");
        assert_eq!(locate("lib/a", false), "/lib/a");
        assert_eq!(locate("usr/lib/a", false), "/usr/lib/a");
        assert_eq!(locate("none/a", true), "/none/a");
    }

    #[test]
    fn links_of_a_nested_root_lead_to_a_place_below_it() {
        let limits = Limits::default();
        let image = TestImage::default().symlink("jail/lib", "/usr/lib");
        let overlay = image.layer(&[("jail/usr/lib/a", ""), ("usr/lib/a", "")]).overlay(&limits);
        let mut directories = Directories::new(&overlay, &"jail".into());
        let real = directories.locate("jail/lib/a".into(), &mut |_| true);
        assert_eq!(real, "jail/usr/lib/a".into());
    }
}
