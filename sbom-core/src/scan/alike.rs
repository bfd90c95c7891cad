//! Packages that several layers record alike, held once.
//!
//! A layer that installs something has the whole database anew, and most of what it records is what the layer below it
//! recorded. All versions of a database are held until the bill is assembled.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    bom::overlay::LayerContent,
    detect::{
        Finding,
        apk::{self, ApkFile},
        dpkg::{self, DpkgFile},
    },
};

/// The packages that were met so far.
#[derive(Debug, Default)]
pub(super) struct Alike {
    dpkg: Met<dpkg::Package>,
    apk: Met<apk::Package>,
}

impl Alike {
    /// Drops what nobody else holds.
    pub(super) fn forget(&self) {
        self.dpkg.lock().clear();
        self.apk.lock().clear();
    }

    /// Lets one package stand for all that are equal, of those met before and those in `content`. That changes nothing in
    /// what it says.
    pub(super) fn share(&self, content: &mut LayerContent) {
        for finding in content.findings.iter_mut().flat_map(|(_, found)| found) {
            match finding {
                Finding::Dpkg(DpkgFile::Packages(_, packages)) => self.dpkg.share(packages, |package| {
                    (&package.name, &package.version, package.architecture.as_deref())
                }),
                Finding::Apk(ApkFile::Installed(packages)) => self
                    .apk
                    .share(packages, |package| (&package.name, &package.version, package.arch.as_deref())),
                _ => {}
            }
        }
    }
}

/// Name, version and architecture.
type Key<'p> = (&'p str, &'p str, Option<&'p str>);

/// Of packages with the same name, version and architecture the one that was met last.
#[derive(Debug)]
struct Met<P> {
    packages: Mutex<HashMap<u64, Arc<P>>>,
    hasher: RandomState,
}

impl<P> Default for Met<P> {
    fn default() -> Self {
        Self { packages: Mutex::default(), hasher: RandomState::new() }
    }
}

impl<P: Eq> Met<P> {
    fn share(&self, packages: &mut [Arc<P>], key: impl Fn(&P) -> Key<'_>) {
        let mut met = self.lock();
        for package in packages {
            let known = met.entry(self.hasher.hash_one(key(package))).or_insert_with(|| Arc::clone(package));
            if known == package {
                package.clone_from(known);
            } else {
                known.clone_from(package);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<P>>> {
        self.packages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::dpkg::Kind;

    fn layer(packages: &[(&str, &str)]) -> LayerContent {
        let package = |(name, section): &(&str, &str)| {
            let section = Some((*section).to_owned());
            Arc::new(dpkg::Package { name: (*name).to_owned(), section, ..dpkg::Package::default() })
        };
        let packages = packages.iter().map(package).collect();
        let found = vec![Finding::Dpkg(DpkgFile::Packages(Kind::Status, packages))];
        LayerContent { findings: vec![(0, found)], ..LayerContent::default() }
    }

    fn packages(layer: &LayerContent) -> &[Arc<dpkg::Package>] {
        match layer.findings.as_slice() {
            [(_, found)] => match found.as_slice() {
                [Finding::Dpkg(DpkgFile::Packages(_, packages))] => packages,
                _ => &[],
            },
            _ => &[],
        }
    }

    #[test]
    fn what_layers_record_alike_is_held_once_and_what_differs_stays() {
        let alike = Alike::default();
        let read = [layer(&[("a", "x"), ("b", "x")]), layer(&[("b", "x"), ("a", "y")]), layer(&[("a", "y")])];
        let mut shared = read.clone();
        for layer in &mut shared {
            alike.share(layer);
        }
        let [first, second, third] = shared.each_ref().map(packages);
        assert!(Arc::ptr_eq(&first[1], &second[0]) && Arc::ptr_eq(&second[1], &third[0]));
        for (shared, read) in shared.iter().zip(&read) {
            assert_eq!(packages(shared), packages(read));
        }
    }
}
