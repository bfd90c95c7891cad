//! Reads the files of apk: the database of installed packages, the list of those that were asked for by name,
//! the repositories they may come from, and what those who built them say of their sources.
//!
//! Sources: apk-tools' `database.c`, `package.c` and `blob.c`; the manual pages apk-world(5) and apk-repositories(5).

use std::sync::Arc;

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want};
use crate::image_path::ImagePath;

mod checksum;
mod database;
mod dependency;
mod sbom;

pub use checksum::Checksum;
pub use dependency::{Dependency, Kind};
pub use sbom::{Sbom, Source};

/// Reads the files of apk.
#[derive(Debug, Clone, Copy)]
pub struct ApkDetector;

/// What a file of apk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApkFile {
    /// `lib/apk/db/installed`: the installed packages, in its order. Those that versions of it have alike may be shared.
    Installed(Vec<Arc<Package>>),
    /// `etc/apk/world`: what was asked for by name; all else was installed because something needs it.
    World(Vec<Dependency>),
    /// `etc/apk/repositories`, and since apk-tools 3 `etc/apk/repositories.d/NAME.list`: where packages come from.
    Repositories(Vec<Repository>),
    /// `var/lib/db/sbom/NAME-VERSION.spdx.json`: what a package was built from.
    Sbom(Sbom),
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// `P`.
    pub name: String,
    /// `V`; empty if the record has none.
    pub version: String,
    /// `A`.
    pub arch: Option<String>,
    /// `o`: the name of the source package.
    pub origin: Option<String>,
    /// `T`.
    pub description: Option<String>,
    /// `U`: the home page, as written.
    pub url: Option<String>,
    /// `L`: the licence, as written.
    pub license: Option<String>,
    /// `m`: `Name <mail>`.
    pub maintainer: Option<String>,
    /// `t`: seconds since 1970.
    pub build_time: Option<u64>,
    /// `c`: the commit of the build description, in hex.
    pub commit: Option<String>,
    /// `C`: identifies the control segment of the package file.
    pub checksum: Option<Checksum>,
    /// `S`: bytes of the package file.
    pub package_size: Option<u64>,
    /// `I`: bytes once installed.
    pub installed_size: Option<u64>,
    /// `D`.
    pub depends: Vec<Dependency>,
    /// `p`.
    pub provides: Vec<Dependency>,
    /// `r`: packages whose files it may overwrite.
    pub replaces: Vec<Dependency>,
    /// `i`: it is installed as soon as all of these are.
    pub install_if: Vec<Dependency>,
    /// `k`: among several providers of a name the highest is preferred.
    pub provider_priority: Option<u64>,
    /// `q`: of two packages that replace each other's files the higher keeps them.
    pub replaces_priority: Option<u64>,
    /// `s`: the tag of the repository that it was pinned to.
    pub repository_tag: Option<String>,
    /// `f`: what apk itself noted as broken: `f` files, `s` a script, `x` extended attributes.
    pub broken: Option<String>,
    /// `F` and `R`: its files and symbolic links, in the order of the record.
    pub files: Vec<File>,
}

impl Package {
    /// Whether it is a name for a set of dependencies and holds nothing itself: `.build-deps`, as `apk add
    /// --virtual` makes it.
    pub fn is_virtual(&self) -> bool {
        self.name.starts_with('.')
    }
}

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies, seen from the root of the database.
    pub path: ImagePath,
    /// `Z`: of a symbolic link, the digest of its target.
    pub checksum: Option<Checksum>,
}

/// A line of `etc/apk/repositories`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The tag by which packages ask for this repository.
    pub tag: Option<String>,
    /// Its address or path.
    pub url: String,
}

/// Where the database lies below its root; the longest first, as one ends the other.
const DATABASES: &[&str] = &["usr/lib/apk/db/installed", "var/lib/apk/db/installed", "lib/apk/db/installed"];
const WORLD: &str = "etc/apk/world";
const REPOSITORIES: &str = "etc/apk/repositories";
/// Directories of further lists; of two files of one name that in the first counts. The longest first, as one ends
/// the other.
const REPOSITORY_LISTS: &[&str] =
    &["etc/apk/repositories.d", "usr/lib/apk/repositories.d", "lib/apk/repositories.d"];
const SBOMS: &str = "var/lib/db/sbom";
const SBOM_SUFFIX: &str = ".spdx.json";

/// The root of the database at `path`; none if no database lies there.
pub fn database_root(path: &ImagePath) -> Option<ImagePath> {
    DATABASES.iter().find_map(|suffix| path.strip_suffix(suffix))
}

/// Where the list of what was asked for lies below `root`.
pub fn world_path(root: &ImagePath) -> ImagePath {
    root.join(WORLD.as_bytes())
}

/// Where the list of repositories lies below `root`.
pub fn repositories_path(root: &ImagePath) -> ImagePath {
    root.join(REPOSITORIES.as_bytes())
}

/// Where the builder of a package may have put its SPDX document below `root`.
pub fn sbom_path(root: &ImagePath, package: &Package) -> ImagePath {
    let name = format!("{}-{}{SBOM_SUFFIX}", package.name, package.version);
    root.join(SBOMS.as_bytes()).join(name.as_bytes())
}

/// `NAME-VERSION`, if an SPDX document of a package lies at `path`.
fn sbom_stem(path: &ImagePath) -> Option<&str> {
    let stem = std::str::from_utf8(path.file_name()).ok()?.strip_suffix(SBOM_SUFFIX)?;
    path.parent()?.strip_suffix(SBOMS).map(|_| stem)
}

/// The root of the list of repositories at `path`.
pub fn repositories_root(path: &ImagePath) -> Option<ImagePath> {
    path.strip_suffix(REPOSITORIES).or_else(|| {
        let directory = path.parent().filter(|_| path.file_name().ends_with(b".list"))?;
        REPOSITORY_LISTS.iter().find_map(|suffix| directory.strip_suffix(suffix))
    })
}

impl Detector for ApkDetector {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        let path = file.path;
        // Asked of every file: few go further than their name.
        let wanted = match path.file_name() {
            b"installed" => database_root(path).is_some(),
            b"world" => path.strip_suffix(WORLD).is_some(),
            b"repositories" => repositories_root(path).is_some(),
            name if name.ends_with(b".list") => repositories_root(path).is_some(),
            name => name.ends_with(SBOM_SUFFIX.as_bytes()) && sbom_stem(path).is_some(),
        };
        if wanted { Want::Whole } else { Want::Nothing }
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        let bytes = file.bytes()?;
        let found = if database_root(file.path).is_some() {
            ApkFile::Installed(database::parse(bytes, file.limits, &mut out.gaps))
        } else if file.path.strip_suffix(WORLD).is_some() {
            let text = String::from_utf8_lossy(bytes);
            ApkFile::World(text.split_whitespace().filter_map(Dependency::parse).collect())
        } else if repositories_root(file.path).is_some() {
            ApkFile::Repositories(repositories(&String::from_utf8_lossy(bytes), &mut out.gaps))
        } else if let Some(stem) = sbom_stem(file.path) {
            ApkFile::Sbom(sbom::parse(bytes, stem)?)
        } else {
            return Ok(());
        };
        out.found.push(Finding::Apk(found));
        Ok(())
    }

    fn well_known(&self) -> &'static [&'static str] {
        &["lib/apk/db/installed", "usr/lib/apk/db/installed", WORLD, REPOSITORIES]
    }
}

/// Lines of repositories read; real lists have a handful.
const MAX_REPOSITORIES: usize = 1000;
/// Longest line that names repositories.
const MAX_LINE: usize = 4096;

/// `https://…/main`, `@testing https://…/testing`, and, since apk-tools 3, `v3 https://…` and components after it.
/// Lines that set a variable name no repository.
fn repositories(text: &str, gaps: &mut Vec<Gap>) -> Vec<Repository> {
    let mut repositories = Vec::new();
    for line in text.lines() {
        if repositories.len() >= MAX_REPOSITORIES {
            let message = format!("repositories beyond the first {MAX_REPOSITORIES} are not read");
            gaps.push(Gap::new(GapKind::Limit, message));
            break;
        }
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#')).peekable();
        if words.peek() == Some(&"set") {
            continue;
        }
        let tag =
            words.next_if(|word| word.starts_with('@')).map(|tag| tag.trim_start_matches('@').to_owned());
        let Some(url) = words.find(|word| word.contains('/')) else { continue };
        if line.len() > MAX_LINE {
            gaps.push(Gap::new(GapKind::Malformed, "a repository of more words than any has"));
            continue;
        }
        let components: Vec<&str> = words.collect();
        if components.is_empty() {
            repositories.push(Repository { tag, url: url.to_owned() });
            continue;
        }
        for component in components {
            let url = format!("{}/{component}", url.trim_end_matches('/'));
            repositories.push(Repository { tag: tag.clone(), url });
        }
    }
    repositories
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layer::retain::Content, limits::Limits};

    fn detect(path: &str, text: &str) -> ApkFile {
        let path = ImagePath::from(path);
        let content = Content::new(text.as_bytes().to_vec());
        let limits = Limits::default();
        let size = text.len() as u64;
        let mut out = Findings::default();
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
        ApkDetector.detect(&file, &mut out).unwrap();
        assert_eq!(out.gaps, []);
        match out.found.pop() {
            Some(Finding::Apk(file)) => file,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_database_belongs_to_the_root_above_it() {
        let root = |path: &str| database_root(&ImagePath::from(path)).map(|root| root.to_text());
        assert_eq!(root("lib/apk/db/installed").as_deref(), Some("/"));
        assert_eq!(root("usr/lib/apk/db/installed").as_deref(), Some("/"));
        assert_eq!(root("var/lib/apk/db/installed").as_deref(), Some("/"));
        assert_eq!(root("srv/jail/lib/apk/db/installed").as_deref(), Some("/srv/jail"));
        assert_eq!(root("srv/jail/usr/lib/apk/db/installed").as_deref(), Some("/srv/jail"));
        assert_eq!(root("mylib/apk/db/installed"), None);
    }

    #[test]
    fn lists_of_repositories_may_lie_in_directories() {
        let root = |path: &str| repositories_root(&ImagePath::from(path)).map(|root| root.to_text());
        assert_eq!(root("etc/apk/repositories").as_deref(), Some("/"));
        assert_eq!(root("etc/apk/repositories.d/00-main.list").as_deref(), Some("/"));
        assert_eq!(root("usr/lib/apk/repositories.d/a.list").as_deref(), Some("/"));
        assert_eq!(root("jail/lib/apk/repositories.d/a.list").as_deref(), Some("/jail"));
        assert_eq!(root("etc/apk/repositories.d/a.list.bak"), None);
        let ApkFile::Repositories(found) = detect("etc/apk/repositories.d/a.list", "https://a/x\n") else {
            panic!()
        };
        assert_eq!(found[0].url, "https://a/x");
    }

    #[test]
    fn world_and_repositories_are_read() {
        let ApkFile::World(world) = detect("etc/apk/world", "busybox\n.deps=1\nfoo@edge\n!bar\n") else {
            panic!()
        };
        assert_eq!(
            world.iter().map(|dep| &*dep.name).collect::<Vec<_>>(),
            ["busybox", ".deps", "foo", "bar"]
        );
        let text = "set mirror=https://m/x\nhttps://a/v3.20/main\n#https://b/main\n@edge http://c/edge/testing # new\nv3 https://d/v1 main extra\n/media/cdrom/apks\n\n";
        let ApkFile::Repositories(found) = detect("etc/apk/repositories", text) else { panic!() };
        let found: Vec<_> = found.iter().map(|found| (found.tag.as_deref(), found.url.as_str())).collect();
        assert_eq!(
            found,
            [
                (None, "https://a/v3.20/main"),
                (Some("edge"), "http://c/edge/testing"),
                (None, "https://d/v1/main"),
                (None, "https://d/v1/extra"),
                (None, "/media/cdrom/apks"),
            ]
        );
    }
}
