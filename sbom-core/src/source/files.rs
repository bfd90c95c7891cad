//! Files by name, wherever they lie: in a folder, in an archive, or in memory.

use std::{
    fmt::Debug,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::SourceError;
use crate::{
    image_path::ImagePath,
    limits::{Limit, read_capped},
};

/// What images are kept in.
pub(super) trait Files: Debug + Send + Sync {
    /// How messages call it.
    fn place(&self) -> &str;

    /// Length of a file; none if there is no such file.
    fn size(&self, name: &str) -> Result<Option<u64>, SourceError>;

    /// Opens a file; none if there is no such file.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError>;

    /// Whether two names are one, or of one file.
    fn are_same(&self, one: &str, other: &str) -> bool {
        ImagePath::from(one) == ImagePath::from(other)
    }
}

/// Reads a file of at most `limit` bytes; none if there is no such file.
pub(super) fn read(files: &dyn Files, name: &str, limit: Limit) -> Result<Option<Vec<u8>>, SourceError> {
    let what = || format!("{name} in {}", files.place());
    let Some(reader) = files.open(name)? else { return Ok(None) };
    read_capped(reader, limit).map(Some).map_err(|error| SourceError::read_from(what(), error))
}

/// A folder. Names must come from this library or from a checked digest: they are not looked at again.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    place: String,
}

impl Folder {
    /// The folder at `path`.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), place: path.display().to_string() }
    }

    /// The path of `name`, if a file lies there that no symbolic link leads to.
    fn find(&self, name: &str) -> Result<Option<PathBuf>, SourceError> {
        let mut path = self.path.clone();
        let mut components = name.split('/').peekable();
        while let Some(component) = components.next() {
            path.push(component);
            let found = match fs::symlink_metadata(&path) {
                Ok(found) => found.file_type(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(SourceError::Io { path, source }),
            };
            let last = components.peek().is_none();
            if last && !found.is_file() {
                return Err(SourceError::FileType { path, expected: "a regular file" });
            }
            if !last && !found.is_dir() {
                return Err(SourceError::FileType { path, expected: "a folder" });
            }
        }
        Ok(Some(path))
    }
}

impl Files for Folder {
    fn place(&self) -> &str {
        &self.place
    }

    fn size(&self, name: &str) -> Result<Option<u64>, SourceError> {
        let Some(path) = self.find(name)? else { return Ok(None) };
        Ok(Some(fs::metadata(&path).map_err(|source| SourceError::io(&path, source))?.len()))
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError> {
        let Some(path) = self.find(name)? else { return Ok(None) };
        Ok(Some(Box::new(open_regular(&path)?)))
    }
}

/// Opens a regular file. Anything else is refused before it is opened: a FIFO would wait for a writer.
pub(super) fn open_regular(path: &Path) -> Result<File, SourceError> {
    let check = |metadata: std::io::Result<fs::Metadata>| match metadata {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(SourceError::FileType { path: path.to_owned(), expected: "a regular file" }),
        Err(source) => Err(SourceError::io(path, source)),
    };
    check(fs::metadata(path))?;
    let file = File::open(path).map_err(|source| SourceError::io(path, source))?;
    check(file.metadata())?;
    Ok(file)
}

/// The last component of a path, for a subject's name: never more of a path of this machine.
pub(super) fn base_name(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    // `.` and `..` have no name of their own.
    last(path).or_else(|| last(&fs::canonicalize(path).ok()?)).unwrap_or_else(|| "root".to_owned())
}
