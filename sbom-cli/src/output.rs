//! Where documents go: standard output, or a file that is there whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use anyhow::Context as _;
use sbom_core::oci::Platform;
use tempfile::NamedTempFile;

use crate::{exit_code::Failure, orders};

/// Files and folders being written; removed if the program is interrupted.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes what is being written. For the end by a signal.
pub(crate) fn remove_unfinished() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Whether this succeeds changes nothing about how the program ends. Into a folder somebody may still be writing.
        let gone = || std::fs::remove_file(&path).is_ok() || std::fs::remove_dir_all(&path).is_ok();
        let _ = (0..10).any(|_| gone());
    }
}

/// Writes to standard output through `write`.
pub(crate) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)
        .and_then(|()| out.flush())
        .context("writing to standard output")
        .map_err(Failure::environment)
}

/// The same for what people read, which must be no order to whoever reads it for them.
pub(crate) fn text_to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    to_stdout(|out| orders::write_without(out, write))
}

/// Writes the file `path` through `write`. It is there only once it is whole, and takes the place of another only once
/// it is on disk: where there is none, nothing can be lost that is worth waiting for. A device or pipe, which cannot be
/// replaced, is written to as it is.
pub(crate) fn to_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let attempt = || -> anyhow::Result<()> {
        let is_special = std::fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir());
        if is_special {
            let mut out = BufWriter::new(File::options().write(true).open(path)?);
            write(&mut out)?;
            return Ok(out.flush()?);
        }
        // A link is followed, as the shell's redirection would, so that it stays one.
        let target = destination(path);
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = new_file(folder).map_err(|error| without_name(&error))?;
        let unfinished = Unfinished::new(file.path());
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if target.exists() {
            file.as_file().sync_all()?;
        }
        file.persist(&target).map_err(|error| error.error)?;
        drop(unfinished);
        Ok(())
    };
    attempt().with_context(|| format!("writing {}", path.display())).map_err(Failure::environment)
}

/// Whether the file `path` holds the `length` bytes that `write` writes. Then nothing need be written: it becomes as new as if
/// it had been.
pub(crate) fn holds_already(
    path: &Path,
    length: u64,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> bool {
    let attempt = || -> io::Result<bool> {
        // To open a pipe may take for ever.
        let data = std::fs::metadata(path)?;
        if !data.is_file() || data.len() != length {
            return Ok(false);
        }
        let file = File::open(path)?;
        let mut held = Held { file: &file, buffer: Vec::new() };
        write(&mut held)?;
        let is_all = held.file.read(&mut [0])? == 0;
        if is_all {
            #[expect(clippy::disallowed_methods, reason = "a file system would read the clock as well")]
            file.set_modified(SystemTime::now())?;
        }
        Ok(is_all)
    };
    // Whatever fails here shows where it is written.
    attempt().unwrap_or(false)
}

/// Takes only what a file holds.
struct Held<'f> {
    file: &'f File,
    buffer: Vec<u8>,
}

impl Write for Held<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        self.file.read_exact(&mut self.buffer)?;
        if self.buffer != bytes {
            return Err(io::Error::other("the file holds something else"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `content` to the file `path`, which has the permissions `mode` from its beginning and is there whole or not at all. A file
/// that is there is replaced only if `replace` says so.
pub(crate) fn to_new_file(path: &Path, mode: u32, replace: bool, content: &[u8]) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let attempt = || -> anyhow::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".sbomctl-")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(folder)
            .map_err(|error| without_name(&error))?;
        let unfinished = Unfinished::new(file.path());
        file.write_all(content)?;
        file.as_file().sync_all()?;
        let done = if replace { file.persist(path) } else { file.persist_noclobber(path) };
        done.map_err(|error| error.error)?;
        drop(unfinished);
        Ok(())
    };
    attempt().with_context(|| format!("writing {}", path.display())).map_err(Failure::environment)
}

/// Fails if `path` cannot be written for a reason that is known beforehand: its folder is not there, or it is
/// a folder itself.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let target = destination(path);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = if target.is_dir() {
        "it is a folder"
    } else if !folder.is_dir() {
        "its folder does not exist"
    } else {
        return Ok(());
    };
    Err(Failure::environment(anyhow::anyhow!("{} cannot be written: {problem}", path.display())))
}

/// What `path` leads to, be it there or not: of a link, what it points at.
pub(crate) fn destination(path: &Path) -> PathBuf {
    if let Ok(real) = std::fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let target = match std::fs::read_link(path) {
        Ok(target) => folder.join(target),
        Err(_) => path.to_owned(),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (std::fs::canonicalize(folder), target.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => target,
    }
}

/// The error without the name of the file, which differs in every run.
fn without_name(error: &io::Error) -> io::Error {
    io::Error::from(error.kind())
}

/// A new file with the permissions that any other new file gets.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix(".sbomctl-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// Keeps a path in [`UNFINISHED`] while it lives.
pub(crate) struct Unfinished(PathBuf);

impl Unfinished {
    pub(crate) fn new(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}

/// `file` with the platform in its name: in the place of `{platform}`, else before the first dot.
pub(crate) fn file_for_platform(file: &Path, platform: &Platform) -> PathBuf {
    let platform = platform.to_string().replace('/', "-");
    let text = file.to_string_lossy();
    if text.contains("{platform}") {
        return PathBuf::from(text.replace("{platform}", &platform));
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = match name.split_once('.') {
        Some((stem, rest)) if !stem.is_empty() => format!("{stem}.{platform}.{rest}"),
        _ => format!("{name}.{platform}"),
    };
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_gets_the_platform() {
        let platform: Platform = "linux/arm/v7".parse().unwrap();
        for (file, expected) in [
            ("out/sbom.cdx.json", "out/sbom.linux-arm-v7.cdx.json"),
            ("sbom", "sbom.linux-arm-v7"),
            (".hidden", ".hidden.linux-arm-v7"),
            ("a/{platform}/sbom.json", "a/linux-arm-v7/sbom.json"),
        ] {
            assert_eq!(file_for_platform(Path::new(file), &platform), PathBuf::from(expected));
        }
    }

    #[test]
    fn a_link_stays_one_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink("target", &link).unwrap();
        for content in ["new", "again"] {
            to_file(&link, |out| out.write_all(content.as_bytes())).unwrap();
            assert_eq!(std::fs::File::open(&target).and_then(io::read_to_string).unwrap(), content);
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[test]
    fn what_cannot_be_written_is_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(&folder.path().join("file")).is_ok());
        assert!(check(Path::new("file")).is_ok());
        assert!(check(folder.path()).is_err());
        assert!(check(&folder.path().join("none/file")).is_err());
    }

    #[test]
    fn a_file_that_holds_it_already_only_becomes_newer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sbom.json");
        let holds = |content: &[u8]| {
            let pieces = content.chunks(2);
            let length = content.len() as u64;
            holds_already(&path, length, |out| pieces.into_iter().try_for_each(|piece| out.write_all(piece)))
        };
        assert!(!holds(b"first"), "there is none");
        std::fs::write(&path, b"first").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let modified = || std::fs::metadata(&path).unwrap().modified().unwrap();
        for other in [&b"firsT"[..], b"First", b"firs", b"first!", b""] {
            assert!(!holds(other));
        }
        assert!(!holds_already(&path, 5, |out| out.write_all(b"firs")), "it holds more than was written");
        let failing =
            |out: &mut dyn Write| out.write_all(b"first").and_then(|()| Err(io::Error::other("broken")));
        assert!(!holds_already(&path, 5, failing));
        assert_eq!(modified(), SystemTime::UNIX_EPOCH);
        assert!(holds(b"first"));
        assert!(modified() > SystemTime::UNIX_EPOCH);
        assert!(!holds_already(folder.path(), 0, |_| Ok(())));
    }

    #[test]
    fn a_file_is_replaced_only_by_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sbom.json");
        to_file(&path, |out| out.write_all(b"first")).unwrap();
        let failed = to_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("broken"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::File::open(&path).and_then(io::read_to_string).unwrap(), "first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
