//! An OCI layout that is there whole or not at all: it is written in a folder of its own, and put in its place at the end.

use std::{
    io,
    path::{Path, PathBuf},
};

use sbom_core::{attach::LayoutFolder, limits::Limits};
use tempfile::TempDir;

use crate::{exit_code::Failure, output::Unfinished};

/// What a layout consists of; what makes it one comes last.
const PARTS: [&str; 3] = ["blobs", "index.json", "oci-layout"];

/// A layout that is being written. Dropped before it is finished, it leaves nothing behind.
pub(super) struct NewLayout {
    target: PathBuf,
    folder: TempDir,
    /// The folder is to hold the layout beside what is in it.
    into: bool,
    _unfinished: Unfinished,
}

impl NewLayout {
    /// Begins a layout that is to be at `target`; none if one is there already, which is added to.
    pub(super) fn begin(target: &Path) -> Result<Option<Self>, Failure> {
        if target.join("oci-layout").is_file() {
            return Ok(None);
        }
        let into = target.is_dir();
        if into && let Some(part) = PARTS.iter().find(|part| target.join(part).exists()) {
            return Err(failed(target, &format!("there is no layout in it, but something called {part}")));
        }
        // Where it can be renamed from: on the same disk as the target.
        let near = if into { target } else { existing(target) };
        let folder = tempfile::Builder::new()
            .prefix(".sbomctl-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .tempdir_in(near)
            .map_err(|error| failed(target, &io::Error::from(error.kind())))?;
        let unfinished = Unfinished::new(folder.path());
        Ok(Some(Self { target: target.to_owned(), folder, into, _unfinished: unfinished }))
    }

    /// The empty layout to write into.
    pub(super) fn sink(&self, limits: &Limits) -> Result<LayoutFolder, Failure> {
        Ok(LayoutFolder::create(self.folder.path(), limits)?)
    }

    /// Puts the layout in its place.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let from = self.folder.path();
        let moved = || -> io::Result<()> {
            if self.into {
                return PARTS
                    .iter()
                    .try_for_each(|part| std::fs::rename(from.join(part), self.target.join(part)));
            }
            if let Some(parent) = self.target.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::rename(from, &self.target)
        };
        moved().map_err(|error| failed(&self.target, &error))
    }
}

fn failed(target: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::environment(anyhow::anyhow!("{} cannot be written: {why}", target.display()))
}

/// The nearest folder above `path` that is there.
fn existing(path: &Path) -> &Path {
    let above = path.ancestors().skip(1).find(|folder| folder.is_dir());
    above.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
