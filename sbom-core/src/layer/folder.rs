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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl EntrySink for Seen {
        fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            let kind = match &entry.kind {
                EntryKind::File => format!("file {}", io::read_to_string(content).unwrap()),
                EntryKind::Symlink(target) => format!("link {}", String::from_utf8_lossy(target)),
                kind => format!("{kind:?}"),
            };
            self.0.push(format!("{} {kind}", entry.path));
            Ok(())
        }

        fn unreadable(&mut self, path: ImagePath, _: &io::Error) {
            self.0.push(format!("{path} unreadable"));
        }
    }

    #[test]
    fn a_folder_is_walked_in_the_order_of_names_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("b")).unwrap();
        fs::write(root.join("b/x"), "1").unwrap();
        fs::write(root.join("c"), "2").unwrap();
        symlink("/", root.join("a")).unwrap();
        symlink("..", root.join("b/up")).unwrap();
        let mut seen = Seen::default();
        walk_folder(root, &Limits::default(), &mut seen).unwrap();
        assert_eq!(seen.0, ["/a link /", "/b Directory", "/c file 2", "/b/up link ..", "/b/x file 1"]);
    }

    #[test]
    fn a_folder_may_be_named_by_a_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        fs::write(folder.path().join("real/x"), "1").unwrap();
        symlink("real", folder.path().join("link")).unwrap();
        let mut seen = Seen::default();
        walk_folder(&folder.path().join("link"), &Limits::default(), &mut seen).unwrap();
        assert_eq!(seen.0, ["/x file 1"]);
    }

    #[test]
    fn a_socket_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        let mut seen = Seen::default();
        walk_folder(folder.path(), &Limits::default(), &mut seen).unwrap();
        assert_eq!(seen.0, ["/s Special"]);
    }

    #[test]
    fn a_file_is_the_only_entry_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("program");
        fs::write(&file, "x").unwrap();
        let mut seen = Seen::default();
        walk_file(&file, &mut seen).unwrap();
        assert_eq!(seen.0, ["/program file x"]);
        assert!(walk_file(folder.path(), &mut seen).is_err());
        assert!(walk_folder(&folder.path().join("none"), &Limits::default(), &mut seen).is_err());
    }

    #[test]
    fn too_many_entries_hit_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut limits = Limits::default();
        limits.set("entries", 1);
        let error = walk_folder(folder.path(), &limits, &mut Seen::default()).unwrap_err();
        assert!(error.to_string().contains("--limit entries="), "{error}");
    }
}
