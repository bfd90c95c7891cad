//! Which operating systems the subject holds, and which one a package database belongs to.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Component, ComponentKind, Evidence, ExternalReference, OperatingSystem, Party, PartyKind, ReferenceKind,
    Technique, address, attribution, cpe,
    draft::Draft,
    overlay::{FileVersion, Overlay},
};
use crate::{
    detect::{
        Finding,
        apk::{self, ApkFile, Repository},
        dpkg::place,
        os_release::{OsRelease, ReleaseFile},
    },
    image_path::ImagePath,
};

/// The operating systems of a subject, by the root they rule: `/`, and that of every chroot inside.
#[derive(Debug, Default)]
pub struct Distros {
    by_root: BTreeMap<ImagePath, OperatingSystem>,
}

impl Distros {
    /// Finds them, and adds those of nested roots to the draft. `forced`, as `ID-VERSION` or `ID`, replaces what
    /// the main root says of itself.
    pub fn find(overlay: &Overlay<'_>, forced: Option<&str>, draft: &mut Draft) -> Self {
        let files = Files::new(overlay);
        let mut distros = Self::default();
        let databases = files.databases();
        for root in files.roots(&databases) {
            let named = files.named(&root);
            let inferred = || databases.get(&root).map(|id| OperatingSystem::new(id));
            if let Some(system) = named.or_else(inferred).or_else(|| files.busybox(&root)) {
                if !root.is_root() && !system.evidence.is_empty() && !is_bottlerocket(&root) {
                    draft.add(files.component(&root, &system));
                }
                distros.by_root.insert(root, system);
            }
        }
        if let Some(forced) = forced {
            distros.by_root.insert(ImagePath::root(), forced_system(forced));
        }
        let main =
            distros.by_root.iter().find(|(root, _)| is_bottlerocket(root)).map(|(_, found)| found.clone());
        if let Some(main) = main {
            distros.by_root.entry(ImagePath::root()).or_insert(main);
        }
        distros
    }

    /// The operating system of the root `root`: what its own files say, never those of a root around it. Of a root
    /// with nothing but a package database it is the one that this kind of database comes from.
    pub fn of(&self, root: &ImagePath) -> Option<&OperatingSystem> {
        self.by_root.get(root)
    }
}

impl OperatingSystem {
    /// A system of which only the identifier is known.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            id_like: Vec::new(),
            version: None,
            version_id: None,
            codename: None,
            pretty_name: None,
            cpe: None,
            supplier: supplier(id),
            references: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// The `distro` qualifier of package URLs: `alpine-3.20.3`, or `arch` where there is no version.
    pub fn qualifier(&self) -> String {
        match &self.version_id {
            Some(version) => format!("{}-{version}", self.id),
            None => self.id.clone(),
        }
    }
}

/// How sure the list of repositories makes: packages come from there, though the base may not have.
const REPOSITORIES_CONFIDENCE: u8 = 80;
/// How sure a banner makes: an image built around `BusyBox` alone shows nothing else.
const BUSYBOX_CONFIDENCE: u8 = 50;

/// The files that say something, with their versions.
struct Files<'a> {
    overlay: &'a Overlay<'a>,
    versions: BTreeMap<&'a ImagePath, &'a [FileVersion]>,
    /// Lists of repositories by their root.
    repositories: BTreeMap<ImagePath, Vec<&'a ImagePath>>,
}

/// What one file says of a system.
struct Source<'a> {
    finding: &'a Finding,
    path: ImagePath,
    layer: usize,
    /// Whether the file is still there in the end.
    present: bool,
}

impl<'a> Files<'a> {
    fn new(overlay: &'a Overlay<'a>) -> Self {
        let versions: BTreeMap<&ImagePath, &[FileVersion]> = overlay.files().collect();
        let mut repositories: BTreeMap<ImagePath, Vec<&ImagePath>> = BTreeMap::new();
        for &path in versions.keys() {
            if let Some(root) = apk::repositories_root(path) {
                repositories.entry(root).or_default().push(path);
            }
        }
        Self { overlay, versions, repositories }
    }

    /// All roots of which some file speaks.
    fn roots(&self, databases: &BTreeMap<ImagePath, &'static str>) -> BTreeSet<ImagePath> {
        let mut roots: BTreeSet<ImagePath> = databases.keys().cloned().collect();
        roots.insert(ImagePath::root());
        roots.extend(self.repositories.keys().cloned());
        for path in self.versions.keys() {
            roots.extend(ReleaseFile::at(path).map(|(root, _)| root));
        }
        roots
    }

    /// The roots of package databases, with the system that this kind of database comes from.
    fn databases(&self) -> BTreeMap<ImagePath, &'static str> {
        let mut found = BTreeMap::new();
        for (path, versions) in &self.versions {
            for finding in versions.iter().flat_map(|version| self.overlay.findings(*version)) {
                let (root, id) = match finding {
                    Finding::Apk(ApkFile::Installed(_)) => (apk::database_root(path), "alpine"),
                    Finding::Dpkg(file) => match (place::home(path), file.distribution()) {
                        (Some((_, root)), Some(id)) => (Some(root), id),
                        _ => continue,
                    },
                    _ => continue,
                };
                let Some(root) = root else { continue };
                // One record of Ubuntu's outweighs any number that it took over from Debian.
                if id == "ubuntu" {
                    found.insert(root, id);
                } else {
                    found.entry(root).or_insert(id);
                }
            }
        }
        found
    }

    /// What the file at `path`, which lies in the root `root`, says: in the end, else when it was last there.
    fn source(&self, root: &ImagePath, path: ImagePath) -> Option<Source<'a>> {
        let (path, versions) = if let Some(versions) = self.versions.get(&path) {
            (path, *versions)
        } else {
            // An absolute link in a nested root leads, seen from outside, to another root's file.
            let target = self.overlay.resolve_within(root, &path)?;
            let versions = *self.versions.get(&target)?;
            (target, versions)
        };
        let last = versions.last()?;
        let version = versions.iter().rev().find(|version| !self.overlay.findings(**version).is_empty())?;
        let finding = self.overlay.findings(*version).iter().find(|finding| {
            matches!(finding, Finding::OsRelease(_) | Finding::Apk(ApkFile::Repositories(_)))
        })?;
        Some(Source { finding, path, layer: version.layer, present: version == last })
    }

    /// The system that `root` names itself; files that are still there before those that no longer are.
    fn named(&self, root: &ImagePath) -> Option<OperatingSystem> {
        let sources: Vec<Source<'a>> = ReleaseFile::PATHS
            .iter()
            .filter(|(_, kind)| *kind != ReleaseFile::BusyBox)
            .filter_map(|(path, _)| self.source(root, root.join(path.as_bytes())))
            .collect();
        let lists = self.repositories.get(root).into_iter().flatten().map(|path| (*path).clone());
        let repositories: Vec<Source<'a>> = std::iter::once(apk::repositories_path(root))
            .chain(lists)
            .filter_map(|path| self.source(root, path))
            .collect();
        for present in [true, false] {
            let releases: Vec<(&OsRelease, &Source<'a>)> = sources
                .iter()
                .filter(|source| source.present == present)
                .filter_map(|source| Some((source.release()?, source)))
                .collect();
            let found = from_releases(&releases).or_else(|| {
                repositories.iter().filter(|source| source.present == present).find_map(from_repositories)
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn busybox(&self, root: &ImagePath) -> Option<OperatingSystem> {
        let source = ["bin/busybox", "usr/bin/busybox"]
            .iter()
            .find_map(|path| self.source(root, root.join(path.as_bytes())))?;
        let release = source.release()?;
        let mut system = OperatingSystem::new(release.id.as_deref()?);
        system.version.clone_from(&release.version_id);
        system.version_id.clone_from(&release.version_id);
        system.pretty_name.clone_from(&release.pretty_name);
        system.evidence.push(Evidence {
            technique: Technique::BinaryAnalysis,
            confidence: BUSYBOX_CONFIDENCE,
            ..source.evidence()
        });
        Some(system)
    }

    /// The component of a nested root's system.
    fn component(&self, root: &ImagePath, system: &OperatingSystem) -> Component {
        let mut component = Component::new(ComponentKind::OperatingSystem, system.id.clone());
        component.version.clone_from(&system.version);
        component.description.clone_from(&system.pretty_name);
        component.cpes.extend(system.cpe.clone());
        component.supplier.clone_from(&system.supplier);
        component.references.clone_from(&system.references);
        component.evidence.clone_from(&system.evidence);
        component.property("sbomctl:os:root", root.to_text());
        if let Some(codename) = &system.codename {
            component.property("sbomctl:os:codename", codename);
        }
        let versions = system.evidence.first().and_then(|evidence| self.versions.get(&evidence.path));
        let versions: Vec<(usize, &[Finding])> = versions
            .into_iter()
            .flat_map(|versions| versions.iter())
            .map(|version| (version.layer, self.overlay.findings(*version)))
            .collect();
        if let Some(tracked) = attribution::track(&versions, |_| ()).first() {
            component.layers = tracked.layers;
        }
        component
    }
}

impl<'a> Source<'a> {
    fn release(&self) -> Option<&'a OsRelease> {
        match self.finding {
            Finding::OsRelease(release) => Some(release),
            _ => None,
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            layer: self.layer,
            path: self.path.clone(),
            technique: Technique::ManifestAnalysis,
            confidence: 100,
            detail: None,
        }
    }
}

/// The system that the release files of one root name, the most telling first.
fn from_releases(sources: &[(&OsRelease, &Source<'_>)]) -> Option<OperatingSystem> {
    let of_kind = |kind| sources.iter().find(|(release, _)| release.source == kind);
    let named = sources.iter().find(|(release, _)| release.id.is_some());
    let mut main = named.or_else(|| sources.iter().find(|(release, _)| !release.id_like.is_empty()))?;
    // Files that a derived system adds beside those of the system it derives from.
    for (base, kind, derived) in [
        ("debian", ReleaseFile::LsbRelease, "ubuntu"),
        ("rhel", ReleaseFile::OracleRelease, "ol"),
        ("centos", ReleaseFile::OracleRelease, "ol"),
    ] {
        let other = of_kind(kind).filter(|(release, _)| release.id.as_deref() == Some(derived));
        if let Some(other) = other
            && main.0.id.as_deref() == Some(base)
        {
            main = other;
        }
    }
    let (release, source) = main;
    let id = release.id.as_ref().or_else(|| release.id_like.first())?;
    let mut system = OperatingSystem::new(id);
    system.id_like.clone_from(&release.id_like);
    system.version.clone_from(&release.version_id);
    system.version_id.clone_from(&release.version_id);
    system.codename.clone_from(&release.codename);
    system.pretty_name = release.pretty_name.clone().or_else(|| release.name.clone());
    system.supplier = system.supplier.or_else(|| vendor(release));
    system.references = references(release);
    system.evidence.push(source.evidence());
    let cpe = |(release, _): &(&OsRelease, _)| release.cpe_name.as_deref().and_then(cpe::to_2_3);
    system.cpe = cpe(main).or_else(|| of_kind(ReleaseFile::SystemReleaseCpe).and_then(cpe));
    if system.id == "debian"
        && let Some((debian, source)) = of_kind(ReleaseFile::DebianVersion)
        && refine_debian(&mut system, debian)
    {
        system.evidence.push(source.evidence());
    }
    if system.version_id.is_none() {
        system.version_id = release.build_id.clone().or_else(|| system.codename.clone());
    }
    system.evidence.sort();
    system.evidence.dedup();
    Some(system)
}

/// Takes from `debian_version` the point release (`12.8` of 12) or, of what is not released, the codename. What is
/// neither, or of another release, says nothing. Whether it said something.
fn refine_debian(system: &mut OperatingSystem, debian: &OsRelease) -> bool {
    let text = debian.version_id.as_deref().unwrap_or_default();
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(major) && digits(minor) {
        let known = system.version_id.as_deref().filter(|known| *known != text);
        if known.is_some_and(|known| known != major) {
            return false;
        }
        system.version = Some(text.to_owned());
        system.version_id = Some(major.to_owned());
        return true;
    }
    // Not a release: what was taken over from this file alone is no VERSION_ID.
    if system.version_id.as_deref() == Some(text) {
        system.version_id = None;
        system.version = None;
    }
    if system.codename.is_none() {
        system.codename.clone_from(&debian.codename);
        return debian.codename.is_some();
    }
    false
}

/// The system whose packages the repositories hold, as the first that is known names it.
fn from_repositories(source: &Source<'_>) -> Option<OperatingSystem> {
    let Finding::Apk(ApkFile::Repositories(repositories)) = source.finding else { return None };
    let (id, version) = repositories.iter().find_map(release_of)?;
    let mut system = OperatingSystem::new(id);
    system.version.clone_from(&version);
    system.version_id = version;
    system.evidence.push(Evidence { confidence: REPOSITORIES_CONFIDENCE, ..source.evidence() });
    Some(system)
}

/// `https://mirror/alpine/v3.20/main` is Alpine 3.20, `…/edge/main` its edge; the system's own mirrors differ in
/// all but that. A tagged repository is an addition, and says nothing of the rest.
fn release_of(repository: &Repository) -> Option<(&'static str, Option<String>)> {
    if repository.tag.is_some() {
        return None;
    }
    let (_, address) = repository.url.split_once("://")?;
    let segments: Vec<&str> = address.split('/').filter(|segment| !segment.is_empty()).collect();
    match *segments.first()? {
        "packages.wolfi.dev" => return Some(("wolfi", None)),
        "packages.cgr.dev" | "apk.cgr.dev" => return Some(("chainguard", None)),
        _ => {}
    }
    let version = segments.iter().rev().find_map(|segment| {
        let number = segment.strip_prefix('v')?;
        let (major, minor) = number.split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits(major) && digits(minor)).then(|| number.to_owned())
    });
    if segments.iter().any(|segment| segment.contains("postmarketos")) {
        return Some(("postmarketos", version));
    }
    let edge = || segments.contains(&"edge").then(|| "edge".to_owned());
    Some(("alpine", Some(version.or_else(edge)?)))
}

/// `ID-VERSION`, split at the last `-` before a digit, or `ID`.
fn forced_system(text: &str) -> OperatingSystem {
    let (id, version) = match text.rsplit_once('-') {
        Some((id, version)) if version.starts_with(|c: char| c.is_ascii_digit()) && !id.is_empty() => {
            (id, Some(version.to_owned()))
        }
        _ => (text, None),
    };
    let mut system = OperatingSystem::new(&id.to_ascii_lowercase());
    system.version.clone_from(&version);
    system.version_id = version;
    system
}

/// Bottlerocket keeps its root below a directory named for the target.
fn is_bottlerocket(root: &ImagePath) -> bool {
    root.file_name() == b"sys-root"
        && root.components().count() == 2
        && root.components().next().is_some_and(|name| name.ends_with(b"-bottlerocket-linux-gnu"))
}

fn references(release: &OsRelease) -> Vec<ExternalReference> {
    [
        (ReferenceKind::Website, &release.home_url),
        (ReferenceKind::Support, &release.support_url),
        (ReferenceKind::IssueTracker, &release.bug_report_url),
        (ReferenceKind::Documentation, &release.documentation_url),
    ]
    .into_iter()
    .filter_map(|(kind, url)| Some(ExternalReference { kind, url: address::http(url.as_deref()?)? }))
    .collect()
}

fn vendor(release: &OsRelease) -> Option<Party> {
    Some(Party {
        kind: PartyKind::Organization,
        name: release.vendor_name.clone()?,
        email: None,
        url: release.vendor_url.as_deref().and_then(address::http),
    })
}

/// Who distributes the system `id`.
fn supplier(id: &str) -> Option<Party> {
    const SUPPLIERS: &[(&str, &str, &str)] = &[
        ("almalinux", "AlmaLinux OS Foundation", "https://almalinux.org"),
        ("alpine", "Alpine Linux", "https://alpinelinux.org"),
        ("amzn", "Amazon Web Services", "https://aws.amazon.com"),
        ("arch", "Arch Linux", "https://archlinux.org"),
        ("azurelinux", "Microsoft", "https://www.microsoft.com"),
        ("bottlerocket", "Amazon Web Services", "https://aws.amazon.com"),
        ("centos", "The CentOS Project", "https://www.centos.org"),
        ("chainguard", "Chainguard, Inc.", "https://www.chainguard.dev"),
        ("debian", "Debian", "https://www.debian.org"),
        ("fedora", "Fedora Project", "https://fedoraproject.org"),
        ("gentoo", "Gentoo Foundation", "https://www.gentoo.org"),
        ("kali", "OffSec", "https://www.kali.org"),
        ("linuxmint", "Linux Mint", "https://linuxmint.com"),
        ("mariner", "Microsoft", "https://www.microsoft.com"),
        ("nixos", "NixOS Foundation", "https://nixos.org"),
        ("ol", "Oracle", "https://www.oracle.com"),
        ("opensuse", "openSUSE Project", "https://www.opensuse.org"),
        ("opensuse-leap", "openSUSE Project", "https://www.opensuse.org"),
        ("opensuse-tumbleweed", "openSUSE Project", "https://www.opensuse.org"),
        ("openwrt", "OpenWrt", "https://openwrt.org"),
        ("photon", "VMware", "https://vmware.github.io/photon"),
        ("pop", "System76", "https://system76.com"),
        ("postmarketos", "postmarketOS", "https://postmarketos.org"),
        ("raspbian", "Raspberry Pi Ltd", "https://www.raspberrypi.com"),
        ("rhel", "Red Hat", "https://www.redhat.com"),
        ("rocky", "Rocky Enterprise Software Foundation", "https://www.resf.org"),
        ("scientific", "Fermi National Accelerator Laboratory", "https://www.scientificlinux.org"),
        ("sle_hpc", "SUSE", "https://www.suse.com"),
        ("sles", "SUSE", "https://www.suse.com"),
        ("ubuntu", "Canonical", "https://canonical.com"),
        ("wolfi", "Chainguard, Inc.", "https://www.chainguard.dev"),
    ];
    let (_, name, url) = SUPPLIERS.iter().find(|(known, _, _)| *known == id)?;
    Some(Party {
        kind: PartyKind::Organization,
        name: (*name).to_owned(),
        email: None,
        url: Some((*url).to_owned()),
    })
}

#[cfg(test)]
mod tests;
