//! Findings of all layers → one bill: components, edges, evidence, gaps.

use std::collections::BTreeSet;

pub use self::owned::{FileDigest, OwnedFile, OwnedFiles};
pub use crate::{
    detect::{Gap, GapKind},
    license::{CustomLicense, Licensing},
    oci::Subject,
};
use crate::{
    digest::{ContentDigests, Digest},
    image_path::ImagePath,
    purl::Purl,
};

mod address;
pub mod apk;
pub mod assemble;
pub mod attribution;
mod binary;
mod concluded;
pub mod contents;
mod cpe;
mod directories;
pub mod distro;
pub mod dpkg;
pub mod draft;
mod files;
pub mod gaps;
pub mod go;
mod linked;
pub mod overlay;
pub mod owned;
mod ownership;
pub mod rust;
#[cfg(test)]
mod test_image;

/// A bill of materials: what is in one subject.
///
/// The order of everything in it is a function of its content, so that a writer can go from front to back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bom {
    /// What was scanned.
    pub subject: Subject,
    /// The operating system, if one was recognised. Further ones, of nested roots, are ordinary components.
    pub operating_system: Option<OperatingSystem>,
    /// The components, sorted by [`Component::id`].
    pub components: Vec<Component>,
    /// The edges, sorted; indices into `components`.
    pub edges: Vec<Edge>,
    /// What a container sees of the files that [`FileScope`] asks for, sorted by path, each path once.
    pub files: Vec<FileEntry>,
    /// Bills of materials that the image carries of itself, sorted by path. What they say is not in `components`.
    pub embedded: Vec<EmbeddedDocument>,
    /// Files beyond those listed: all of them sort behind the last in `files`. A gap says so, too.
    pub files_not_listed: u64,
    /// What could not be read, sorted.
    pub gaps: Vec<Gap>,
    /// Gaps beyond those listed.
    pub gaps_not_listed: u64,
}

/// The operating system of the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatingSystem {
    /// `ID` of os-release, lower-case (`alpine`), or inferred from the package database.
    pub id: String,
    /// `ID_LIKE`, in its order.
    pub id_like: Vec<String>,
    /// `VERSION_ID`, refined where the distribution keeps a fuller one elsewhere (`12.8`).
    pub version: Option<String>,
    /// `VERSION_ID` as written, else what stands in for it; what the `distro` qualifier carries.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `CPE_NAME`, in the 2.3 form.
    pub cpe: Option<String>,
    /// Who distributes it.
    pub supplier: Option<Party>,
    /// `HOME_URL`, `SUPPORT_URL`, `BUG_REPORT_URL`.
    pub references: Vec<ExternalReference>,
    /// Where it says so; none if inferred.
    pub evidence: Vec<Evidence>,
}

/// Which components a bill lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// What a container started from the image sees.
    #[default]
    Squashed,
    /// Also what a lower layer holds and a higher one removes or replaces.
    AllLayers,
}

/// A bill of materials that an image carries of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedDocument {
    /// Where it lies.
    pub path: ImagePath,
    /// The layer that put it there; an index into the subject's layers.
    pub layer: usize,
    /// Its content, unread.
    pub bytes: std::sync::Arc<[u8]>,
}

/// Which files a bill lists. To list any, the scan hashes every regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileScope {
    /// None.
    #[default]
    None,
    /// The regular files and symbolic links that a package database says belong to a component.
    Owned,
    /// Every regular file and symbolic link.
    All,
}

/// A regular file or symbolic link that is there once all layers are laid over one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Where it lies, the links in its directory followed: [`OwnedFile::path`] is written the same way.
    pub path: ImagePath,
    /// What it is.
    pub kind: FileKind,
    /// The layer that put it there; an index into the subject's layers.
    pub layer: usize,
    /// The component that owns it, an index into [`Bom::components`]; the first where several do, as two
    /// packages may ship the same file.
    pub owner: Option<usize>,
}

/// What a [`FileEntry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file, under any of its names.
    Regular {
        /// Length in bytes, with the holes of a sparse file.
        size: u64,
        /// Permission bits with setuid, setgid and sticky.
        mode: u32,
        /// Digests of the content; none where it could not be read, which a gap tells.
        digests: Option<ContentDigests>,
    },
    /// A symbolic link, whether or not it leads anywhere.
    Symlink {
        /// Its target as written: absolute, seen from the image's root, or relative.
        target: Box<[u8]>,
    },
}

/// One piece of software.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Unique in the bill and the same in every scan of the same content: the purl, with a suffix where
    /// several components share it. Set by [`draft::Draft::finish`].
    pub id: String,
    /// What it is.
    pub kind: ComponentKind,
    /// The name its ecosystem uses, in its original case.
    pub name: String,
    /// The ecosystem's full version; none if unknown.
    pub version: Option<String>,
    /// Its package URL; none where there is no honest one.
    pub purl: Option<Purl>,
    /// CPE 2.3 names that are known, never guessed.
    pub cpes: Vec<String>,
    /// One line.
    pub description: Option<String>,
    /// What it declares about its licence.
    pub licenses: Licensing,
    /// What its licences are by our own reading of the texts that it ships, where what it declares is not on the SPDX
    /// list; see [`license::conclude`](crate::license::conclude).
    pub concluded: Licensing,
    /// Who distributes it.
    pub supplier: Option<Party>,
    /// Who made or maintains it.
    pub originator: Option<Party>,
    /// The source package it was built from.
    pub source: Option<SourcePackage>,
    /// What it was derived from, as a replaced Go module.
    pub ancestors: Vec<Ancestor>,
    /// Links.
    pub references: Vec<ExternalReference>,
    /// Digests of the file that the component is; never of something else.
    pub hashes: Vec<Digest>,
    /// Files that it owns.
    pub files: OwnedFiles,
    /// Whether it is there at run time.
    pub usage: Usage,
    /// Whether it was asked for by name, as the package manager records it, or nothing works without it: the
    /// subject needs it by itself, whatever else needs it too.
    pub requested: bool,
    /// Further facts by name; names of ours begin with `sbomctl:`.
    pub properties: BTreeSet<(String, String)>,
    /// Where and how it was found, sorted.
    pub evidence: Vec<Evidence>,
    /// In which layers it came, changed and went.
    pub layers: Attribution,
}

/// Kinds of component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// A package of the operating system (apk, deb).
    OsPackage,
    /// A program: a Go or Rust executable.
    Application,
    /// A library that is part of a program.
    Library,
    /// The operating system of a nested root.
    OperatingSystem,
}

/// Whether a component is there at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Usage {
    /// It is.
    #[default]
    Required,
    /// It served the build alone.
    BuildOnly,
}

/// A person or organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// Which of the two it is.
    pub kind: PartyKind,
    /// Its name.
    pub name: String,
    /// Its mail address.
    pub email: Option<String>,
    /// Its web site.
    pub url: Option<String>,
}

/// Kinds of [`Party`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartyKind {
    /// A person, or a team that maintains a package.
    Person,
    /// An organisation.
    Organization,
}

/// The source package of a binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, in full.
    pub version: String,
}

/// What a component was derived from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ancestor {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<Purl>,
}

/// A link, by what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalReference {
    /// What it leads to.
    pub kind: ReferenceKind,
    /// The address. Only what is a syntactically valid `http(s)`, `git` or `oci` address may stand here.
    pub url: String,
}

/// What an [`ExternalReference`] leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    /// The home page.
    Website,
    /// The version control system.
    Vcs,
    /// Documentation.
    Documentation,
    /// The issue tracker.
    IssueTracker,
    /// Support.
    Support,
    /// Where the artifact is to be had.
    Distribution,
}

/// Where and how a component was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// The layer, 0 the lowest.
    pub layer: usize,
    /// The file.
    pub path: ImagePath,
    /// How.
    pub technique: Technique,
    /// How sure, in hundredths: 100 for what a database or build information states.
    pub confidence: u8,
    /// What exactly was seen, where that is not the whole file.
    pub detail: Option<String>,
}

/// How a component was found; the names are CycloneDX's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Technique {
    /// A package database or other manifest states it.
    ManifestAnalysis,
    /// The build information or other content of an executable shows it.
    BinaryAnalysis,
}

/// The layers in which a component came, changed and went; indices into the subject's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Attribution {
    /// The first layer since which it has been there without a break.
    pub introduced: usize,
    /// The last layer in which what is recorded of it changed.
    pub changed: usize,
    /// The layer that removed it; none if it is still there.
    pub removed: Option<usize>,
}

/// An edge between two components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Index of the component it leaves.
    pub from: usize,
    /// Index of the component it reaches.
    pub to: usize,
    /// What it says.
    pub kind: EdgeKind,
}

/// What an [`Edge`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// `from` needs `to`.
    DependsOn,
    /// `from` needs `to` or another that it also has such an edge to.
    DependsOnAlternative,
    /// `from` recommends `to`.
    Recommends,
    /// `from` suggests `to`.
    Suggests,
    /// `from` breaks some versions of `to`.
    Breaks,
    /// `from` needs `to` to be built, and at no other time.
    BuildDependsOn,
    /// The package `from` owns the file that `to` was found in.
    Owns,
}
