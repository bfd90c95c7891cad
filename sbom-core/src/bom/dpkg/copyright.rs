//! Which copyright file speaks for a package.

use std::collections::BTreeMap;

use super::{super::overlay::Overlay, collect::Installed};
use crate::{
    detect::{Finding, copyright::Copyright},
    image_path::ImagePath,
};

/// A copyright file and where it lies.
type File<'a> = (ImagePath, &'a Copyright);

/// The copyright files of packages.
#[derive(Debug)]
pub(super) struct Copyrights<'a> {
    overlay: &'a Overlay<'a>,
    /// By root, source package and its version: the first that one of its packages has.
    of_source: BTreeMap<(ImagePath, String, String), File<'a>>,
}

impl<'a> Copyrights<'a> {
    /// Finds them.
    pub(super) fn find(overlay: &'a Overlay<'a>, installed: &[Installed<'_>]) -> Self {
        let mut copyrights = Self { overlay, of_source: BTreeMap::new() };
        for package in installed {
            let key = source_key(package);
            if !copyrights.of_source.contains_key(&key)
                && let Some(found) = copyrights.under(package, &package.package.name)
            {
                copyrights.of_source.insert(key, found);
            }
        }
        copyrights
    }

    /// The copyright file of a package: its own, else that under the name of its source package, else that of
    /// another package of the same source, which must say the same.
    pub(super) fn of(&self, package: &Installed<'_>) -> Option<File<'a>> {
        self.under(package, &package.package.name)
            .or_else(|| self.under(package, package.package.source().0))
            .or_else(|| self.of_source.get(&source_key(package)).cloned())
    }

    /// The copyright file in the documentation of `name`, whose directory may be a link.
    fn under(&self, package: &Installed<'_>, name: &str) -> Option<File<'a>> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        ["copyright", "copyright.gz"].iter().find_map(|file| {
            let path = package.root.join(format!("usr/share/doc/{name}/{file}").as_bytes());
            let found = self.overlay.findings_at(&path, package.as_of()).iter();
            let copyright = found.into_iter().find_map(|finding| match finding {
                Finding::Copyright(copyright) => Some(copyright),
                _ => None,
            })?;
            Some((path, copyright))
        })
    }
}

fn source_key(package: &Installed<'_>) -> (ImagePath, String, String) {
    let (name, version) = package.package.source();
    (package.root.clone(), name.to_owned(), version.to_owned())
}
