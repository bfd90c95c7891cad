//! What holds for all packages of one root.

use std::collections::BTreeMap;

use super::{
    super::{OperatingSystem, assemble::Context},
    collect::Installed,
};
use crate::{
    detect::{
        Finding,
        dpkg::{Archives, Chisel, Diversion, DpkgFile, Release, apt, place},
    },
    image_path::ImagePath,
};

/// What holds for all packages of one root.
#[derive(Debug, Default)]
pub(super) struct Root<'a> {
    /// The operating system that rules it.
    pub(super) system: Option<&'a OperatingSystem>,
    /// The architecture of the system itself.
    pub(super) architecture: Option<&'a str>,
    /// Diversions by the path that they divert.
    pub(super) diversions: BTreeMap<&'a ImagePath, &'a Diversion>,
    /// What apt installed for the sake of something else, if apt says so.
    pub(super) automatic: Option<&'a [(String, String)]>,
    /// The archives that are to be had, by their keys: the SHA-256 and the list that names them. Of several lists
    /// the first that is one of a repository, for it says where the archive is from, as `available` does not.
    pub(super) archives: BTreeMap<&'a str, (&'a [u8; 32], &'a ImagePath)>,
    /// What repositories say of themselves, by their address as a file name.
    pub(super) releases: BTreeMap<String, &'a Release>,
    /// Enabled services of Ubuntu Pro.
    pub(super) pro: &'a [String],
    /// Chisel's manifest.
    pub(super) chisel: Option<&'a Chisel>,
}

impl<'a> Root<'a> {
    /// The roots that packages are installed in.
    pub(super) fn all(context: &Context<'a>, installed: &'a [Installed<'_>]) -> BTreeMap<ImagePath, Self> {
        let mut roots: BTreeMap<ImagePath, Self> = BTreeMap::new();
        for package in installed {
            let root = roots
                .entry(package.root.clone())
                .or_insert_with(|| Self { system: context.distros.of(&package.root), ..Self::default() });
            // The architecture of dpkg is that of the system; the file `arch`, where there is one, says more.
            if package.package.name == "dpkg" && package.layers.removed.is_none() {
                root.architecture = package.package.architecture.as_deref();
            }
        }
        for (path, versions) in context.overlay.files() {
            let Some(root) = place::home(path).and_then(|(_, root)| roots.get_mut(&root)) else { continue };
            for finding in versions.last().map_or(&[][..], |version| context.overlay.findings(*version)) {
                if let Finding::Dpkg(file) = finding {
                    root.add(path, file);
                }
            }
        }
        roots
    }

    fn add(&mut self, path: &'a ImagePath, file: &'a DpkgFile) {
        match file {
            DpkgFile::Diversions(diversions) => {
                self.diversions.extend(diversions.iter().map(|diversion| (&diversion.from, diversion)));
            }
            DpkgFile::Architectures(architectures) => {
                self.architecture = architectures.first().map(String::as_str).or(self.architecture);
            }
            DpkgFile::AutoInstalled(automatic) => self.automatic = Some(automatic),
            DpkgFile::Archives(archives) => self.add_archives(path, archives),
            DpkgFile::Release(release) => {
                let name = String::from_utf8_lossy(path.file_name());
                if let Some(address) = name.strip_suffix("_InRelease").or(name.strip_suffix("_Release")) {
                    self.releases.insert(address.to_owned(), release);
                }
            }
            DpkgFile::UbuntuPro(services) => self.pro = services,
            DpkgFile::Chisel(chisel) => self.chisel = Some(chisel),
            _ => {}
        }
    }

    fn add_archives(&mut self, list: &'a ImagePath, archives: &'a Archives) {
        let of_repository = apt::repository(list).is_some();
        for (key, sha256) in archives.sha256() {
            let known = self.archives.entry(key).or_insert((sha256, list));
            if of_repository && apt::repository(known.1).is_none() {
                *known = (sha256, list);
            }
        }
    }

    /// What the archive of a package is known by, and where it is to be had.
    pub(super) fn archive(&self, name: &str, version: &str, architecture: &str) -> Option<Archive<'_>> {
        let (&sha256, list) = *self.archives.get(&*apt::key(name, version, architecture))?;
        let repository = apt::repository(list);
        let release = repository.as_ref().and_then(|(release, _)| self.releases.get(release).copied());
        let repository =
            repository.map(|(release, component)| format!("{} {component}", apt::address(&release)));
        Some(Archive { sha256, repository, release })
    }
}

/// The archive that a package was installed from.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    /// Its SHA-256.
    pub(super) sha256: [u8; 32],
    /// The address of the repository and, after a blank, the component of it.
    pub(super) repository: Option<String>,
    /// What the repository says of itself.
    pub(super) release: Option<&'a Release>,
}
