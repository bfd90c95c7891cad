//! Which files a package owns, and where they really lie.

use super::{
    super::{FileDigest, OwnedFile, OwnedFiles, directories::Directories, overlay::Overlay},
    collect::Installed,
    component::MayCopy,
    root::Root,
};
use crate::{
    detect::{
        Finding,
        dpkg::{Checksums, Conffile, DpkgFile},
    },
    image_path::{ImagePath, PathList},
};

/// Bytes that a file takes beside its path.
const FILE_WEIGHT: usize = 64;

/// The files that `package` owns.
///
/// Its list of paths is the authority. Where there is none, as in distroless images, its checksums stand in.
pub(super) fn files(
    package: &Installed<'_>,
    root: &Root<'_>,
    directories: &mut Directories<'_>,
    may_copy: MayCopy<'_>,
) -> OwnedFiles {
    let recorded = Recorded::find(package, root, directories.overlay());
    if !recorded.is_empty() && !may_copy("the files that they own", recorded.weight(&package.root)) {
        return OwnedFiles::default();
    }
    let mut checksums: Vec<_> = recorded.checksums.into_iter().flat_map(Checksums::iter).collect();
    checksums.sort();
    let mut files: Vec<OwnedFile> = Vec::new();
    let mut may_grow = true;
    let mut may_grow = |bytes| {
        may_grow = may_grow && may_copy("the real places of all files that they own", bytes);
        may_grow
    };
    let mut add = |path: &ImagePath, digest: Option<FileDigest>, is_config: bool| {
        let path = diverted(path, package, root);
        let path = if package.root.is_root() { path.clone() } else { package.root.join(path.as_bytes()) };
        files.push(OwnedFile { path: directories.locate(path, &mut may_grow), digest, is_config });
    };
    let digest_of = |path: &ImagePath| {
        let at = checksums.binary_search_by(|(known, _)| known.cmp(path)).ok()?;
        checksums.get(at).map(|(_, digest)| FileDigest::Md5(*digest))
    };
    for path in recorded.list.into_iter().flat_map(PathList::iter) {
        add(&path, digest_of(&path), false);
    }
    if recorded.list.is_none() {
        for (path, digest) in &checksums {
            add(path, Some(FileDigest::Md5(*digest)), false);
        }
    }
    for (path, digest) in recorded.chiselled {
        add(path, digest.map(FileDigest::Sha256), false);
    }
    for conffile in recorded.conffiles.into_iter().flatten().filter(|conffile| !conffile.removed) {
        let digest = digest_of(&conffile.path).or_else(|| conffile.md5.map(FileDigest::Md5));
        add(&conffile.path, digest, true);
    }
    // A stable sort: of two entries for one file the first has the digest to believe.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|again, file| {
        let same = again.path == file.path;
        if same {
            file.is_config |= again.is_config;
            file.digest = file.digest.or(again.digest);
        }
        same
    });
    files.into()
}

/// Where a path of the package lies, once another package has diverted it.
fn diverted<'a>(path: &'a ImagePath, package: &Installed<'_>, root: &'a Root<'_>) -> &'a ImagePath {
    match root.diversions.get(path) {
        Some(diversion) if diversion.by.as_deref() != Some(&package.package.name) => &diversion.to,
        _ => path,
    }
}

/// What is recorded of a package's files.
struct Recorded<'a> {
    list: Option<&'a PathList>,
    checksums: Option<&'a Checksums>,
    /// Those of the package's own record first: they have digests.
    conffiles: [&'a [Conffile]; 2],
    chiselled: &'a [(ImagePath, Option<[u8; 32]>)],
}

impl<'a> Recorded<'a> {
    fn find(package: &'a Installed<'_>, root: &'a Root<'_>, overlay: &'a Overlay<'_>) -> Self {
        let list = beside(package, overlay, "list", |file| match file {
            DpkgFile::List(list) => Some(list),
            _ => None,
        });
        let checksums = beside(package, overlay, "md5sums", |file| match file {
            DpkgFile::Checksums(checksums) => Some(checksums),
            _ => None,
        });
        let conffiles = beside(package, overlay, "conffiles", |file| match file {
            DpkgFile::Conffiles(conffiles) => Some(conffiles.as_slice()),
            _ => None,
        });
        let contents = root.chisel.and_then(|chisel| chisel.contents.get(&package.package.name));
        Self {
            list,
            checksums,
            conffiles: [&package.package.conffiles, conffiles.unwrap_or_default()],
            chiselled: contents.map_or(&[], |contents| &contents.files),
        }
    }

    fn is_empty(&self) -> bool {
        let [own, beside] = self.conffiles;
        self.listed().all(PathList::is_empty)
            && self.chiselled.is_empty()
            && own.is_empty()
            && beside.is_empty()
    }

    /// Bytes that the files may take, below `root`.
    fn weight(&self, root: &ImagePath) -> usize {
        let chiselled = self.chiselled.iter().map(|(path, _)| path);
        let conffiles = self.conffiles.into_iter().flatten().map(|conffile| &conffile.path);
        let each = FILE_WEIGHT + root.as_bytes().len();
        let listed = self.listed().map(|paths| paths.path_bytes() + paths.len() * each);
        listed.chain(chiselled.chain(conffiles).map(|path| path.as_bytes().len() + each)).sum()
    }

    /// The lists of paths that are files of their own.
    fn listed(&self) -> impl Iterator<Item = &'a PathList> {
        self.list.into_iter().chain(self.checksums.map(|checksums| &checksums.paths))
    }
}

/// What the file of a package with the extension `extension` says: it is called after the package, with or
/// without its architecture, or after the record of the package.
fn beside<'a, T: 'a>(
    package: &Installed<'_>,
    overlay: &'a Overlay<'_>,
    extension: &str,
    pick: impl Fn(&'a DpkgFile) -> Option<T>,
) -> Option<T> {
    let name = &package.package.name;
    if name.contains('/') {
        return None;
    }
    let mut places = Vec::new();
    for directory in ["info", "status.d"] {
        if let Some(architecture) = &package.package.architecture {
            places
                .push(package.home.join(format!("{directory}/{name}:{architecture}.{extension}").as_bytes()));
        }
        places.push(package.home.join(format!("{directory}/{name}.{extension}").as_bytes()));
    }
    for (_, record) in &package.evidence {
        let mut place = record.as_bytes().to_vec();
        place.extend_from_slice(format!(".{extension}").as_bytes());
        places.push(ImagePath::new(&place));
    }
    places.iter().find_map(|place| {
        overlay.findings_at(place, package.as_of()).iter().find_map(|finding| match finding {
            Finding::Dpkg(file) => pick(file),
            _ => None,
        })
    })
}
