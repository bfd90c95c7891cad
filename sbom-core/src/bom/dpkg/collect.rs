//! The packages of all databases, each once, with the layers in which it came, changed and went.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::super::{Attribution, attribution::track, overlay::Overlay};
use crate::{
    detect::{
        Finding,
        dpkg::{DpkgFile, Kind, Package, place},
    },
    image_path::ImagePath,
};

/// A package that is, or was, installed.
#[derive(Debug)]
pub(super) struct Installed<'a> {
    /// The root that it is installed in.
    pub(super) root: ImagePath,
    /// The directory of its database.
    pub(super) home: ImagePath,
    /// Whether opkg manages it, not dpkg.
    pub(super) opkg: bool,
    /// What is recorded of it.
    pub(super) package: Cow<'a, Package>,
    /// When it came, changed and went.
    pub(super) layers: Attribution,
    /// The files that record it, and the layers in which they do so last.
    pub(super) evidence: Vec<(usize, &'a ImagePath)>,
}

impl Installed<'_> {
    /// The layer as of which to look at files beside the record: the last, or that of the last record.
    pub(super) fn as_of(&self) -> usize {
        let recorded = self.evidence.iter().map(|(layer, _)| *layer).max().unwrap_or_default();
        if self.layers.removed.is_some() { recorded } else { usize::MAX }
    }
}

/// A database: the kind of file, its place, and its versions.
struct Database<'a> {
    kind: Kind,
    path: &'a ImagePath,
    versions: Vec<(usize, &'a [Arc<Package>])>,
}

impl Database<'_> {
    /// What to believe first where several databases record a package.
    fn rank(&self) -> u8 {
        match self.kind {
            Kind::Status | Kind::OpkgStatus => 0,
            Kind::StatusD => 1,
            Kind::Chisel => 2,
            Kind::OpkgControl => 3,
            _ => 4,
        }
    }
}

type Key = (ImagePath, bool, String, Option<String>, String);

/// Collects the packages of all databases, sorted by root, name, architecture and version.
pub(super) fn collect<'a>(overlay: &'a Overlay<'_>) -> Vec<Installed<'a>> {
    let mut databases = databases(overlay);
    databases.sort_by_key(|database| (database.rank(), database.path));
    // Where opkg's database is there, control files only say more about what it records.
    let mut complete: BTreeSet<ImagePath> = BTreeSet::new();
    let mut packages: BTreeMap<Key, Installed<'a>> = BTreeMap::new();
    for database in &databases {
        let Some((home, root)) = place::home(database.path) else { continue };
        let opkg = matches!(database.kind, Kind::OpkgStatus | Kind::OpkgControl);
        if database.kind == Kind::OpkgStatus {
            complete.insert(root.clone());
        }
        let supplements = database.kind == Kind::OpkgControl && complete.contains(&root);
        let key = |package: &'a Arc<Package>| (&package.name, &package.architecture, &package.version);
        for tracked in track(&database.versions, key) {
            let package = tracked.record;
            let key = (
                root.clone(),
                opkg,
                package.name.clone(),
                package.architecture.clone(),
                package.version.clone(),
            );
            let evidence = (tracked.layer, database.path);
            if let Some(known) = packages.get_mut(&key) {
                known.evidence.push(evidence);
                known.layers = joined(known.layers, tracked.layers);
                supplement(&mut known.package, package);
            } else if !supplements {
                let installed = Installed {
                    root: root.clone(),
                    home: home.clone(),
                    opkg,
                    package: Cow::Borrowed(package),
                    layers: tracked.layers,
                    evidence: vec![evidence],
                };
                packages.insert(key, installed);
            }
        }
    }
    packages.into_values().collect()
}

fn databases<'a>(overlay: &'a Overlay<'_>) -> Vec<Database<'a>> {
    let mut databases = Vec::new();
    for (path, versions) in overlay.files() {
        let mut kind = None;
        let versions = versions.iter().map(|version| {
            let packages = overlay.findings(*version).iter().find_map(|finding| match finding {
                Finding::Dpkg(DpkgFile::Packages(of, packages)) => Some((*of, packages.as_slice())),
                Finding::Dpkg(DpkgFile::Chisel(chisel)) => Some((Kind::Chisel, chisel.packages.as_slice())),
                _ => None,
            });
            kind = kind.or(packages.map(|(kind, _)| kind));
            (version.layer, packages.map_or(&[] as &[Arc<Package>], |(_, packages)| packages))
        });
        let versions: Vec<_> = versions.collect();
        if let Some(kind) = kind {
            databases.push(Database { kind, path, versions });
        }
    }
    databases
}

/// The layers of a package that two databases record.
fn joined(a: Attribution, b: Attribution) -> Attribution {
    match (a.removed, b.removed) {
        (Some(_), None) => b,
        (None, Some(_)) => a,
        (a_removed, b_removed) => Attribution {
            introduced: a.introduced.min(b.introduced),
            changed: a.changed.max(b.changed),
            removed: a_removed.max(b_removed),
        },
    }
}

/// Adds what only the second record says.
fn supplement(known: &mut Cow<'_, Package>, other: &Package) {
    let fields = |p: &Package| {
        [&p.source, &p.section, &p.maintainer, &p.homepage, &p.license, &p.description].map(Option::is_some)
    };
    let adds = fields(other).iter().zip(fields(known)).any(|(other, known)| *other && !known);
    if !adds {
        return;
    }
    let known = known.to_mut();
    let pairs = [
        (&mut known.source, &other.source),
        (&mut known.section, &other.section),
        (&mut known.maintainer, &other.maintainer),
        (&mut known.homepage, &other.homepage),
        (&mut known.license, &other.license),
        (&mut known.description, &other.description),
    ];
    for (known, other) in pairs {
        if known.is_none() {
            known.clone_from(other);
        }
    }
}
