//! Components of apk: the packages of its databases, and what they need of one another.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ancestor, Component, ComponentKind, Evidence, ExternalReference, FileDigest, Gap, GapKind,
    OperatingSystem, OwnedFile, Party, PartyKind, ReferenceKind, SourcePackage, Technique, address,
    assemble::Context,
    attribution::{Tracked, track},
    directories::Directories,
    draft::{Draft, Handle},
    overlay::{FileVersion, Overlay},
};
use crate::{
    detect::{
        Finding,
        apk::{self, ApkFile, Checksum, Dependency, Package, Repository},
    },
    image_path::ImagePath,
    license,
    purl::Purl,
};

mod resolve;
pub mod version;

/// Adds what the files of apk say to the draft.
pub(super) fn assemble(context: &Context<'_>, draft: &mut Draft) {
    let mut databases: BTreeMap<ImagePath, Vec<VersionedFile<'_>>> = BTreeMap::new();
    let mut lists: BTreeMap<ImagePath, Vec<ImagePath>> = BTreeMap::new();
    for (path, versions) in context.overlay.files() {
        if let Some(root) = apk::database_root(path) {
            databases.entry(root).or_default().push((path, versions));
        } else if let Some(root) = apk::repositories_root(path) {
            lists.entry(root).or_default().push(path.clone());
        }
    }
    for (root, files) in databases {
        let mut repositories = lists.remove(&root).unwrap_or_default();
        repositories.push(apk::repositories_path(&root));
        repositories.sort();
        repositories.dedup();
        for files in apart(context.overlay, files) {
            let repositories = repositories.clone();
            Database { context, root: root.clone(), files, repositories }.assemble(draft);
        }
    }
}

/// Files that may be one database in turn. Where two are there at one time they are two databases.
fn apart<'a>(overlay: &Overlay<'_>, files: Vec<VersionedFile<'a>>) -> Vec<Vec<VersionedFile<'a>>> {
    let mut layers: Vec<(usize, usize, bool)> = Vec::new();
    for (file, (_, versions)) in files.iter().enumerate() {
        layers.extend(
            versions.iter().map(|version| (version.layer, file, !overlay.findings(*version).is_empty())),
        );
    }
    layers.sort_unstable();
    let mut present = BTreeSet::new();
    // Of one layer, what goes comes before what comes: the file may have moved.
    for changes in layers.chunk_by(|a, b| a.0 == b.0) {
        for (_, file, _) in changes {
            present.remove(file);
        }
        present.extend(changes.iter().filter(|(_, _, there)| *there).map(|(_, file, _)| *file));
        if present.len() > 1 {
            return files.into_iter().map(|file| vec![file]).collect();
        }
    }
    vec![files]
}

/// A file with its versions, lowest layer first.
type VersionedFile<'a> = (&'a ImagePath, &'a [FileVersion]);

/// Providers looked at for each package that a database may have, in resolving its dependencies.
const PROVIDERS_PER_PACKAGE: usize = 8;

/// Bytes that a file takes beside its path.
const FILE_WEIGHT: usize = 64;

/// The database of one root. It moves: of the places where apk has kept it, several may have had it in turn.
struct Database<'a> {
    context: &'a Context<'a>,
    root: ImagePath,
    files: Vec<VersionedFile<'a>>,
    /// Where the lists of repositories lie, sorted: `etc` before `lib`.
    repositories: Vec<ImagePath>,
}

/// A record and the file it stands in.
#[derive(Debug, Clone, Copy)]
struct Record<'a> {
    package: &'a Package,
    path: &'a ImagePath,
}

/// A record that moves to another file is the same.
impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.package == other.package
    }
}

/// What tells packages apart: name, version, architecture.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

fn key<'a>(record: &Record<'a>) -> Key<'a> {
    let package = record.package;
    (&package.name, &package.version, package.arch.as_deref())
}

impl<'a> Database<'a> {
    fn assemble(&self, draft: &mut Draft) {
        let snapshots = self.snapshots();
        let versions: Vec<(usize, &[Record<'a>])> =
            snapshots.iter().map(|(layer, records)| (*layer, records.as_slice())).collect();
        let tracked = track(&versions, key);
        let mut handles: BTreeMap<Key<'a>, Handle> = BTreeMap::new();
        let mut directories = Directories::new(self.context.overlay, &self.root);
        // The packages that each snapshot is the last to hold: their dependencies are looked up in it.
        let mut last_of: BTreeMap<usize, Vec<(Handle, &'a Package)>> = BTreeMap::new();
        for found in &tracked {
            let component = self.component(found, &mut directories, draft);
            let handle = draft.add(component);
            handles.insert(key(found.record), handle);
            let last = match found.layers.removed {
                Some(removed) => snapshots.iter().rposition(|(layer, _)| *layer < removed),
                None => snapshots.len().checked_sub(1),
            };
            if let Some(last) = last {
                last_of.entry(last).or_default().push((handle, found.record.package));
            }
        }
        for (snapshot, packages) in last_of {
            let Some((layer, records)) = snapshots.get(snapshot) else { continue };
            let present: Vec<(Handle, &'a Package)> = records
                .iter()
                .filter_map(|record| Some((*handles.get(&key(record))?, record.package)))
                .collect();
            let providers = resolve::Providers::of(&present);
            let budget = self.context.limits.packages.as_usize().saturating_mul(PROVIDERS_PER_PACKAGE);
            let left_out = resolve::add_edges(&packages, &providers, budget, draft);
            if left_out > 0 {
                let message =
                    format!("{left_out} dependencies are not resolved: too many packages provide them");
                let path = self.files.first().map(|(path, _)| (*path).clone());
                draft.gap(Gap { layer: Some(*layer), path, ..Gap::new(GapKind::Limit, message) });
            }
            // The list is read as of the layer before the next change to the database.
            let until = snapshots
                .get(snapshot + 1)
                .map_or(usize::MAX, |(next, _)| next.saturating_sub(1))
                .max(*layer);
            self.mark_direct(&packages, &providers, until, draft);
        }
    }

    /// The database as each layer that touches it leaves it, lowest first.
    fn snapshots(&self) -> Vec<(usize, Vec<Record<'a>>)> {
        let layers: BTreeSet<usize> = self
            .files
            .iter()
            .flat_map(|(_, versions)| versions.iter().map(|version| version.layer))
            .collect();
        layers.into_iter().map(|layer| (layer, self.records_at(layer))).collect()
    }

    fn records_at(&self, layer: usize) -> Vec<Record<'a>> {
        let mut records = Vec::new();
        for (path, versions) in &self.files {
            let Some(version) = versions.iter().rev().find(|version| version.layer <= layer) else {
                continue;
            };
            for finding in self.context.overlay.findings(*version) {
                if let Finding::Apk(ApkFile::Installed(packages)) = finding {
                    records.extend(packages.iter().map(|package| Record { package, path }));
                }
            }
        }
        records
    }

    /// Notes which of `packages` were asked for by name, if the list of those is known.
    fn mark_direct(
        &self,
        packages: &[(Handle, &Package)],
        providers: &resolve::Providers<'_>,
        layer: usize,
        draft: &mut Draft,
    ) {
        let world = self.context.overlay.findings_at(&apk::world_path(&self.root), layer);
        let Some(asked) = world.iter().find_map(|finding| match finding {
            Finding::Apk(ApkFile::World(asked)) => Some(asked),
            _ => None,
        }) else {
            return;
        };
        let wanted: BTreeSet<&str> =
            asked.iter().filter(|wish| !wish.conflict).map(|wish| &*wish.name).collect();
        let direct: BTreeSet<Handle> =
            wanted.into_iter().flat_map(|name| providers.asked_for(name)).collect();
        for (handle, _) in packages {
            if let Some(component) = draft.get_mut(*handle) {
                component.requested = direct.contains(handle);
                component.property("sbomctl:apk:direct", component.requested.to_string());
            }
        }
    }

    fn component(
        &self,
        found: &Tracked<'_, Record<'a>>,
        directories: &mut Directories<'_>,
        draft: &mut Draft,
    ) -> Component {
        let limits = self.context.limits;
        let package = found.record.package;
        let system = self.context.distros.of(&self.root);
        let mut component = Component::new(ComponentKind::OsPackage, package.name.clone());
        component.version = Some(package.version.clone()).filter(|version| !version.is_empty());
        component.purl = Some(purl(package, system));
        component.description.clone_from(&package.description);
        component.licenses = package.license.as_deref().map(license::declare).unwrap_or_default();
        component.supplier = system.and_then(|system| system.supplier.clone());
        component.originator = package.maintainer.as_deref().and_then(party);
        component.source = package
            .origin
            .as_ref()
            .map(|origin| SourcePackage { name: origin.clone(), version: package.version.clone() });
        component.references = references(package, system);
        let root = self.root.as_bytes().len();
        let weight = package.files.iter().map(|file| file.path.as_bytes().len() + root + FILE_WEIGHT).sum();
        if package.files.is_empty() || draft.may_copy("the files that they own", weight, limits) {
            let mut may_grow = true;
            let mut may_grow = |bytes| {
                let what = "the real places of all files that they own";
                may_grow = may_grow && draft.may_copy(what, bytes, limits);
                may_grow
            };
            let owned = |file| self.owned(file, directories, &mut may_grow);
            component.files = package.files.iter().map(owned).collect();
        }
        component.layers = found.layers;
        component.evidence.push(Evidence {
            layer: found.layer,
            path: found.record.path.clone(),
            technique: Technique::ManifestAnalysis,
            confidence: 100,
            detail: None,
        });
        add_properties(package, &mut component);
        // What is gone is read as of the layer before it went.
        let until = found.layers.removed.map_or(usize::MAX, |removed| removed.saturating_sub(1));
        self.add_sources(package, until, &mut component, draft);
        if let Some(tag) = &package.repository_tag {
            let tag = tag.trim_start_matches('@');
            component.property("sbomctl:apk:repository-tag", tag);
            for repository in self.repositories(until).filter(|known| known.tag.as_deref() == Some(tag)) {
                if draft.may_copy("all their repositories", repository.url.len() + FILE_WEIGHT, limits) {
                    component.property("sbomctl:apk:repository", &repository.url);
                }
            }
        }
        component
    }

    /// Adds what the package's builder says of its sources. The database knows better what the package is.
    fn add_sources(&self, package: &Package, layer: usize, component: &mut Component, draft: &mut Draft) {
        let findings = self.context.overlay.findings_at(&apk::sbom_path(&self.root, package), layer);
        for finding in findings {
            let Finding::Apk(ApkFile::Sbom(sbom)) = finding else { continue };
            if !draft.may_copy("what they were built from", sbom.weight(), self.context.limits) {
                continue;
            }
            component.ancestors.extend(sbom.sources.iter().map(|source| Ancestor {
                name: source.name.clone(),
                version: source.version.clone(),
                purl: source.purl.as_deref().and_then(|purl| purl.parse().ok()),
            }));
            if let Some(definition) = &sbom.definition {
                component.property("sbomctl:apk:build-definition", definition);
            }
            component.licenses = std::mem::take(&mut component.licenses).with_texts(&sbom.licenses);
        }
    }

    /// The repositories as of `layer`; of lists of one name only the first counts.
    fn repositories(&self, layer: usize) -> impl Iterator<Item = &'a Repository> {
        let mut seen = BTreeSet::new();
        let lists = self.repositories.iter().filter_map(move |path| {
            let findings = self.context.overlay.findings_at(path, layer);
            findings.iter().find_map(|finding| match finding {
                Finding::Apk(ApkFile::Repositories(list)) if seen.insert(path.file_name()) => Some(list),
                _ => None,
            })
        });
        lists.flatten()
    }

    fn owned(
        &self,
        file: &apk::File,
        directories: &mut Directories<'_>,
        may_grow: &mut dyn FnMut(usize) -> bool,
    ) -> OwnedFile {
        let path = directories.locate(self.root.join(file.path.as_bytes()), may_grow);
        let digest = file.checksum.and_then(|checksum| match checksum {
            Checksum::Md5(digest) => Some(FileDigest::Md5(digest)),
            Checksum::Sha1(digest) => Some(FileDigest::Sha1(digest)),
            Checksum::Sha256(digest) => Some(FileDigest::Sha256(digest)),
            Checksum::Sha256Prefix(_) => None,
        });
        // Of a link apk keeps the digest of its target's name, which is no digest of a file.
        let digest = digest.filter(|_| {
            let overlay = self.context.overlay;
            overlay.resolve_parent(&path).is_none_or(|itself| overlay.resolve(&path) == Some(itself))
        });
        OwnedFile { is_config: is_config(&file.path), path, digest }
    }
}

/// apk keeps what users change below `etc`, but for its own files and the links of init scripts.
fn is_config(path: &ImagePath) -> bool {
    let below = |directory: &str| path.strip_prefix(&ImagePath::from(directory)).is_some();
    below("etc") && !below("etc/apk") && !below("etc/init.d")
}

fn purl(package: &Package, system: Option<&OperatingSystem>) -> Purl {
    let namespace = system.map_or("alpine", |system| system.id.as_str());
    // A system that is inferred from the database alone names no release.
    let distro = system
        .filter(|system| system.version_id.is_some() || !system.evidence.is_empty())
        .map(OperatingSystem::qualifier)
        .unwrap_or_default();
    let upstream = package.origin.as_deref().filter(|origin| *origin != package.name).unwrap_or_default();
    Purl::new("apk", &package.name.to_lowercase())
        .namespace(namespace)
        .version(&package.version)
        .qualifier("arch", package.arch.as_deref().unwrap_or_default())
        .qualifier("distro", &distro)
        .qualifier("upstream", upstream)
}

/// `Name <mail>`, a name, or a mail address.
fn party(text: &str) -> Option<Party> {
    let text = text.trim();
    let (name, email) = match text.split_once('<') {
        Some((name, rest)) => {
            (name.trim(), rest.split('>').next().map(str::trim).filter(|mail| !mail.is_empty()))
        }
        None if text.contains('@') && !text.contains(' ') => ("", Some(text)),
        None => (text, None),
    };
    let name = if name.is_empty() { email? } else { name };
    Some(Party { kind: PartyKind::Person, name: name.to_owned(), email: email.map(str::to_owned), url: None })
}

fn references(package: &Package, system: Option<&OperatingSystem>) -> Vec<ExternalReference> {
    let mut references = Vec::new();
    if let Some(url) = package.url.as_deref().and_then(address::http) {
        references.push(ExternalReference { kind: ReferenceKind::Website, url });
    }
    let of_alpine = system.is_none_or(|system| system.id == "alpine");
    if let Some(commit) = package.commit.as_deref().filter(|commit| of_alpine && is_commit(commit)) {
        let url = format!("https://gitlab.alpinelinux.org/alpine/aports/-/commit/{commit}");
        references.push(ExternalReference { kind: ReferenceKind::Vcs, url });
    }
    references
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn add_properties(package: &Package, component: &mut Component) {
    let joined = |list: &[Dependency]| {
        let words: Vec<String> = list.iter().map(Dependency::to_text).collect();
        (!words.is_empty()).then(|| words.join(" "))
    };
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    for (name, value) in [
        ("sbomctl:apk:broken", package.broken.clone()),
        ("sbomctl:apk:build-time", number(package.build_time)),
        ("sbomctl:apk:checksum", package.checksum.as_ref().map(Checksum::to_text)),
        ("sbomctl:apk:commit", package.commit.clone()),
        ("sbomctl:apk:install-if", joined(&package.install_if)),
        ("sbomctl:apk:installed-size", number(package.installed_size)),
        ("sbomctl:apk:package-size", number(package.package_size)),
        ("sbomctl:apk:provider-priority", number(package.provider_priority)),
        ("sbomctl:apk:replaces", joined(&package.replaces)),
        ("sbomctl:apk:replaces-priority", number(package.replaces_priority)),
        ("sbomctl:apk:virtual", package.is_virtual().then(|| "true".to_owned())),
    ] {
        if let Some(value) = value {
            component.property(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
