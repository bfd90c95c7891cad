//! A folder of this machine, read as if it were a layer.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::Path,
};

use super::{Entry, EntryKind, EntrySink, LayerError};
use crate::{image_path::ImagePath, limits::Limits};

/// File systems that a kernel makes up; below the root of a running system they are no part of its software.
const PSEUDO: [&str; 3] = ["proc", "sys", "dev"];

/// Hands everything below `folder` to `sink`, each directory's entries by name. Symbolic links are not followed,
/// and nothing but regular files is opened. What cannot be read is told to the sink, and the walk goes on.
pub fn walk_folder(folder: &Path, limits: &Limits, sink: &mut dyn EntrySink) -> Result<(), LayerError> {
    let root = fs::symlink_metadata(folder)
        .and_then(|data| if data.is_symlink() { fs::metadata(folder) } else { Ok(data) });
    let device = root.map_err(|source| LayerError::Read { offset: 0, source })?.dev();
    let mut count = 0_u64;
    let mut pending = vec![ImagePath::root()];
    while let Some(directory) = pending.pop() {
        let names = match sorted_names(folder, &directory) {
            Ok(names) => names,
            Err(error) => {
                sink.unreadable(directory, &error);
                continue;
            }
        };
        let mut children = Vec::new();
        for name in names {
            let path = directory.join(&name);
            count += 1;
            limits.entries.check(count).map_err(|source| LayerError::Limit {
                offset: 0,
                path: path.clone(),
                source,
            })?;
            match one(folder, &path, device, sink)? {
                Visited::Directory => children.push(path),
                Visited::Other => {}
            }
        }
        // A stack: the last pushed is walked first.
        pending.extend(children.into_iter().rev());
    }
    Ok(())
}

/// Hands the single file `file` to `sink`, under its own name.
pub fn walk_file(file: &Path, sink: &mut dyn EntrySink) -> Result<(), LayerError> {
    let read = |source| LayerError::Read { offset: 0, source };
    let mut opened = File::open(file).map_err(read)?;
    let data = opened.metadata().map_err(read)?;
    if !data.is_file() {
        return Err(read(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let path = ImagePath::new(file.file_name().unwrap_or(file.as_os_str()).as_bytes());
    let entry = Entry { path, kind: EntryKind::File, mode: data.mode() & 0o7777, size: data.len() };
    sink.entry(entry, &mut opened)
}

enum Visited {
    Directory,
    Other,
}

fn one(
    folder: &Path,
    path: &ImagePath,
    device: u64,
    sink: &mut dyn EntrySink,
) -> Result<Visited, LayerError> {
    let real = host_path(folder, path);
    let entry = |kind, data: &fs::Metadata| Entry {
        path: path.clone(),
        size: if kind == EntryKind::File { data.len() } else { 0 },
        kind,
        mode: data.mode() & 0o7777,
    };
    let data = match fs::symlink_metadata(&real) {
        Ok(data) => data,
        Err(error) => {
            sink.unreadable(path.clone(), &error);
            return Ok(Visited::Other);
        }
    };
    let kind = data.file_type();
    if kind.is_dir() {
        sink.entry(entry(EntryKind::Directory, &data), &mut io::empty())?;
        let is_pseudo = data.dev() != device && PSEUDO.iter().any(|name| name.as_bytes() == path.as_bytes());
        return Ok(if is_pseudo { Visited::Other } else { Visited::Directory });
    }
    if kind.is_symlink() {
        match fs::read_link(&real) {
            Ok(target) => {
                let kind = EntryKind::Symlink(target.as_os_str().as_bytes().into());
                sink.entry(entry(kind, &data), &mut io::empty())?;
            }
            Err(error) => sink.unreadable(path.clone(), &error),
        }
    } else if kind.is_file() {
        match open_same(&real, &data) {
            // A file that grows while it is read is read to the length it had.
            Ok(file) => sink.entry(entry(EntryKind::File, &data), &mut file.take(data.len()))?,
            Err(error) => sink.unreadable(path.clone(), &error),
        }
    } else {
        debug_assert!(kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device());
        sink.entry(entry(EntryKind::Special, &data), &mut io::empty())?;
    }
    Ok(Visited::Other)
}

/// Opens the file that `data` was read of, and not what may have been put in its place since.
fn open_same(real: &Path, data: &fs::Metadata) -> io::Result<File> {
    let file = File::open(real)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) == (data.dev(), data.ino()) {
        Ok(file)
    } else {
        Err(io::Error::other("it was replaced while the folder was read"))
    }
}

fn sorted_names(folder: &Path, directory: &ImagePath) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(host_path(folder, directory))? {
        names.push(entry?.file_name().as_bytes().to_vec());
    }
    names.sort();
    Ok(names)
}

fn host_path(folder: &Path, path: &ImagePath) -> std::path::PathBuf {
    folder.join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}
