//! The folder of a cache: entries found, put, used and removed, among other processes that do the same.
//!
//! An entry is written under a name of its own and then renamed, so that whoever reads sees all of it or none, and a
//! process that dies leaves at most a file that nobody takes for an entry.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    CacheError,
    key::{Key, Of},
    trust::{self, Expected},
};
use crate::limits::{Limit, ReadError, read_capped_sized};

/// What entries are called, behind their key in hex.
const SUFFIXES: [&str; 3] = [suffix(Of::Layer), suffix(Of::Image), suffix(Of::Document)];

const fn suffix(of: Of) -> &'static str {
    match of {
        Of::Layer => ".layer",
        Of::Image => ".bill",
        Of::Document => ".document",
    }
}

/// What files are called that are not yet entries.
const UNFINISHED: &str = ".unfinished-";
/// Tells programs that make copies that there is nothing to keep. Source: the Cache Directory Tagging Specification.
const TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds what sbomctl found in images.\n",
);

/// How the bytes of an entry get into a file; a test may fail here as a full disk does.
pub(super) type WriteAll = fn(&mut File, &[u8]) -> io::Result<()>;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    write_all: WriteAll,
}

/// An entry that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) bytes: Arc<Vec<u8>>,
    file: File,
    used: SystemTime,
}

/// An entry that is being written; nothing is left of it unless it is [put](Draft::put) in its place.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    folder: &'a Folder,
    path: PathBuf,
    /// None before the first bytes.
    file: Option<File>,
    /// Whether somebody removed the folder.
    is_gone: bool,
}

/// A file of the cache, as a list of the folder shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    /// When it was used or written last, to a day.
    pub(super) used: SystemTime,
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl Listed {
    pub(super) fn is_unfinished(&self) -> bool {
        self.name.starts_with(UNFINISHED)
    }
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), write_all: |file, bytes| file.write_all(bytes) }
    }

    #[cfg(test)]
    pub(super) fn writing_with(path: &Path, write_all: WriteAll) -> Self {
        Self { path: path.to_owned(), write_all }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is there. That others may have put something into it is an error.
    pub(super) fn exists(&self) -> Result<bool, CacheError> {
        match self.path.symlink_metadata() {
            Ok(metadata) => trust::check(&metadata, Expected::Folder)
                .map(|()| true)
                .map_err(|why| CacheError::Distrusted { path: self.path.clone(), why }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(CacheError::Read { path: self.path.clone(), source }),
        }
    }

    /// Makes the folder for the user alone, if it is not there.
    pub(super) fn make(&self) -> Result<(), CacheError> {
        if self.exists()? {
            return Ok(());
        }
        let failed = |source| CacheError::Write { path: self.path.clone(), source };
        private_folder().create(&self.path).map_err(failed)?;
        self.exists()?;
        let (name, content) = TAG;
        match private_file().open(self.path.join(name)) {
            Ok(mut file) => file.write_all(content).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The bytes of an entry of at most `most` bytes. None is a longer one, which
    /// somebody kept who could keep more.
    pub(super) fn read(&self, key: &Key, most: Limit) -> Result<Option<Found>, CacheError> {
        let path = self.entry(key);
        let failed = |source| CacheError::Read { path: path.clone(), source };
        let file = match open_no_link(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if is_link(&error) => {
                let why = trust::Distrust::Kind { expected: "file" };
                return Err(CacheError::Distrusted { path, why });
            }
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        trust::check(&metadata, Expected::File)
            .map_err(|why| CacheError::Distrusted { path: path.clone(), why })?;
        let used = metadata.modified().map_err(failed)?;
        match read_capped_sized(&file, metadata.len(), most) {
            Ok(bytes) => Ok(Some(Found { bytes: Arc::new(bytes), file, used })),
            Err(ReadError::Limit(_)) => Ok(None),
            Err(ReadError::Io(source)) => Err(failed(source)),
        }
    }

    /// Notes that an entry is of use, as [`Found::touch`] does.
    pub(super) fn touch(&self, key: &Key, now: SystemTime, span: Duration) {
        let path = self.entry(key);
        let used = path.symlink_metadata().and_then(|metadata| metadata.modified());
        if used.is_ok_and(|used| is_long_ago(used, now, span))
            && let Ok(file) = open_no_link(&path)
        {
            drop(file.set_modified(now));
        }
    }

    /// Puts an entry, given in parts, in the place of one that may be there. Where somebody removed the folder meanwhile,
    /// nothing is kept.
    pub(super) fn write(&self, key: &Key, parts: &[&[u8]]) -> Result<(), CacheError> {
        let mut draft = self.draft();
        for part in parts {
            draft.write(part)?;
        }
        draft.put(key)
    }

    /// An entry that is to be written.
    pub(super) fn draft(&self) -> Draft<'_> {
        let path = self.path.join(format!("{UNFINISHED}{:016x}", random()));
        Draft { folder: self, path, file: None, is_gone: false }
    }

    /// All files of the cache, what was used longest ago first. Anything else in the folder is passed over, whatever it is
    /// called.
    pub(super) fn list(&self) -> Result<Vec<Listed>, CacheError> {
        let failed = |source| CacheError::Read { path: self.path.clone(), source };
        let mut listed = Vec::new();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
            other => other.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
            let is_entry =
                key.is_some_and(|key| key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if !is_entry && !name.starts_with(UNFINISHED) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) if !metadata.is_file() => {}
                Ok(metadata) => {
                    let used = metadata.modified().map_err(failed)?;
                    listed.push(Listed { used, name, bytes: metadata.len() });
                }
                // Somebody else prunes.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        listed.sort();
        Ok(listed)
    }

    /// Removes a file of the cache, unless somebody else has.
    pub(super) fn remove(&self, listed: &Listed) -> Result<(), CacheError> {
        match fs::remove_file(self.path.join(&listed.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CacheError::Write { path: self.path.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.path.join(format!("{}{}", key.hex(), suffix(key.of())))
    }
}

impl Found {
    /// Notes that the entry was used, unless that was noted within the last `span`. On a disk that cannot be written
    /// to it stays as it is: nobody will make room there either.
    pub(super) fn touch(&self, now: SystemTime, span: Duration) {
        if is_long_ago(self.used, now, span) {
            drop(self.file.set_modified(now));
        }
    }
}

impl Draft<'_> {
    /// Adds `bytes` to the entry.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CacheError> {
        if self.is_gone {
            return Ok(());
        }
        let written = self.file().and_then(|(file, write_all)| write_all(file, bytes));
        self.check(written)
    }

    /// Puts the entry in its place.
    pub(super) fn put(mut self, key: &Key) -> Result<(), CacheError> {
        if self.is_gone {
            return Ok(());
        }
        let renamed = fs::rename(&self.path, self.folder.entry(key));
        if renamed.is_ok() {
            self.file = None;
        }
        self.check(renamed)
    }

    fn file(&mut self) -> io::Result<(&mut File, WriteAll)> {
        let file = match self.file.take() {
            Some(file) => file,
            None => private_file().open(&self.path)?,
        };
        Ok((self.file.insert(file), self.folder.write_all))
    }

    fn check(&mut self, done: io::Result<()>) -> Result<(), CacheError> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_gone = true;
                Ok(())
            }
            other => other.map_err(|source| CacheError::Write { path: self.folder.path.clone(), source }),
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Whoever prunes would find it, but a disk that is full needs the room now.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn is_long_ago(used: SystemTime, now: SystemTime, span: Duration) -> bool {
    now.duration_since(used).is_ok_and(|since| since > span)
}

/// Differs between all that write at one time.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(unix)]
fn open_no_link(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    // Whatever is no file must not hold up the scan either.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn open_no_link(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn private_folder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}
