//! A single file of this machine, such as an executable.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    LayerBytes, Source, SourceError,
    files::{base_name, open_regular},
};
use crate::{
    digest::{Algorithm, DigestReader},
    limits::Limits,
    oci::{LayerDescriptor, Subject, SubjectKind},
};

/// A file; its only layer holds the file and nothing else.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    subject: Subject,
}

impl FileSource {
    /// The regular file at `path`, which is read once for its digest; a link to one is followed.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let file = open_regular(path)?;
        let size = file.metadata().map_err(|source| SourceError::io(path, source))?.len();
        let what = || path.display().to_string();
        limits.layer_bytes.check(size).map_err(|source| SourceError::Limit { what: what(), source })?;
        let mut reader = DigestReader::new(file, Algorithm::Sha256);
        io::copy(&mut reader.by_ref().take(limits.layer_bytes.value), &mut io::sink())
            .map_err(|source| SourceError::io(path, source))?;
        let (digest, size) = reader.finish();
        let layer = LayerDescriptor { size: Some(size), ..LayerDescriptor::default() };
        let kind = SubjectKind::File(digest);
        let subject = Subject { kind, name: base_name(path), tag: None, layers: vec![layer] };
        Ok(Self { path: path.to_owned(), subject })
    }
}

impl Source for FileSource {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, _: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        Ok(LayerBytes::File(self.path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn a_file_is_known_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, "content").unwrap();
        let source = FileSource::open(&path, &Limits::default()).unwrap();
        assert_eq!(source.subject().kind, SubjectKind::File(Digest::of(b"content")));
        assert_eq!(source.subject().name, "program");
        assert_eq!(source.subject().layers[0].size, Some(7));
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = |path: &Path| FileSource::open(path, &Limits::default());
        assert!(matches!(open(folder.path()), Err(SourceError::FileType { .. })));
        assert!(matches!(open(Path::new("/dev/null")), Err(SourceError::FileType { .. })));
        assert!(matches!(open(&folder.path().join("none")), Err(SourceError::NoSuchPath { .. })));
    }
}
