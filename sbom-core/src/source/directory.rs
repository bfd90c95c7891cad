//! A folder of this machine as a root file system.

use std::path::{Path, PathBuf};

use super::{LayerBytes, Source, SourceError, files::base_name};
use crate::oci::{LayerDescriptor, Subject, SubjectKind};

/// A root file system in a folder; its only layer is the folder.
#[derive(Debug, Clone)]
pub struct FolderSource {
    path: PathBuf,
    subject: Subject,
}

impl FolderSource {
    /// The folder at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let metadata = std::fs::metadata(path).map_err(|source| SourceError::io(path, source))?;
        if !metadata.is_dir() {
            return Err(SourceError::FileType { path: path.to_owned(), expected: "a folder" });
        }
        let layers = vec![LayerDescriptor::default()];
        let subject = Subject { kind: SubjectKind::Folder, name: base_name(path), tag: None, layers };
        Ok(Self { path: path.to_owned(), subject })
    }
}

impl Source for FolderSource {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, _: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        Ok(LayerBytes::Folder(self.path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_only_layer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rootfs");
        std::fs::create_dir(&path).unwrap();
        // Its name is its own, not that of the folders that it lies in.
        for spelling in [path.clone(), path.join("."), path.join("../rootfs/")] {
            let source = FolderSource::open(&spelling).unwrap();
            assert_eq!(source.subject().name, "rootfs");
            assert_eq!(source.subject().layers.len(), 1);
            assert!(matches!(source.open(&source.subject().layers[0]), Ok(LayerBytes::Folder(_))));
        }
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(FolderSource::open(&file), Err(SourceError::FileType { .. })));
        assert!(matches!(FolderSource::open(&file.join("none")), Err(SourceError::Io { .. })));
        assert!(matches!(FolderSource::open(Path::new("/no-such")), Err(SourceError::NoSuchPath { .. })));
    }
}
