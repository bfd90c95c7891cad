//! What a document says of one package in one version.

use super::{Aspect, layer_of};
use crate::{
    digest::Digest,
    document::model::{Component, Document, Hash},
    license,
    purl::Purl,
};

/// A package in one version, in all places where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct State {
    /// The version, with the epoch where it has one.
    pub version: Option<String>,
    /// The architecture that the package URL names.
    pub architecture: Option<String>,
    /// The package URL.
    pub purl: Option<String>,
    /// The licence it declares, else what was concluded.
    pub license: Option<String>,
    /// Who distributes it.
    pub supplier: Option<String>,
    /// Digests, sorted.
    pub hashes: Vec<Hash>,
    /// Where it was found, sorted.
    pub locations: Vec<String>,
    /// The layer it came in.
    pub place: Option<Place>,
    /// In how many places it is.
    pub copies: usize,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 0 for the lowest.
    pub index: usize,
    /// The digest of the uncompressed layer, else that of the stored one.
    pub digest: Option<String>,
    /// The instruction that made it.
    pub created_by: Option<String>,
}

impl State {
    /// What `component` of `document` is, by the package URL `purl`.
    pub(super) fn of(document: &Document, component: &Component, purl: Option<&Purl>) -> Self {
        let expression = component.declared.expression.as_ref().or(component.concluded.expression.as_ref());
        let mut locations: Vec<String> =
            component.evidence.iter().map(|evidence| evidence.location.clone()).collect();
        locations.retain(|location| !location.is_empty());
        locations.dedup();
        let place = layer_of(component).map(|index| {
            let layer = document.layers.get(index);
            let digest = layer.and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref()));
            Place {
                index,
                digest: digest.map(Digest::to_string),
                created_by: layer.and_then(|layer| layer.created_by.clone()),
            }
        });
        Self {
            version: version(component, purl),
            architecture: purl.and_then(|purl| purl.get_qualifier("arch")).map(str::to_owned),
            purl: component.purl.clone(),
            license: expression.cloned(),
            supplier: component.supplier.as_ref().map(|supplier| supplier.name.clone()),
            hashes: component.hashes.clone(),
            locations,
            place,
            copies: 1,
        }
    }

    /// Takes in another component of the same package and version.
    pub(super) fn add(&mut self, other: Self) {
        self.copies += other.copies;
        self.locations.extend(other.locations);
        self.hashes.extend(other.hashes);
        self.license = smaller(self.license.take(), other.license);
        self.supplier = smaller(self.supplier.take(), other.supplier);
        self.purl = smaller(self.purl.take(), other.purl);
        self.place = smaller(self.place.take(), other.place);
    }

    /// Brings what was added into order. A library that several programs hold is one component with several places
    /// for some tools, and several components for others; a package of a distribution has several files that tell of it.
    pub(super) fn settle(&mut self, ecosystem: &str) {
        self.locations.sort();
        self.locations.dedup();
        self.hashes.sort();
        self.hashes.dedup();
        if !matches!(ecosystem, "apk" | "deb" | "rpm" | "alpm" | "system") {
            self.copies = self.copies.max(self.locations.len());
        }
    }

    /// In what `self` and `other` are different, sorted. Digests count if the version is the same: another version
    /// has other digests.
    pub(super) fn differs(&self, other: &Self) -> Vec<Aspect> {
        let spelling = |state: &Self| state.license.as_deref().map(license::canonical);
        let same_version = self.version == other.version;
        let aspects = [
            (Aspect::Version, !same_version),
            (Aspect::Architecture, self.architecture != other.architecture),
            (Aspect::License, self.license != other.license && spelling(self) != spelling(other)),
            // Of a package whose supplier one document does not know, only that document is different.
            (
                Aspect::Supplier,
                self.supplier.is_some() && other.supplier.is_some() && self.supplier != other.supplier,
            ),
            (Aspect::Hash, same_version && self.contradicts(other)),
            (Aspect::Copies, self.copies != other.copies),
        ];
        aspects.into_iter().filter(|(_, differs)| *differs).map(|(aspect, _)| aspect).collect()
    }

    /// Whether both state digests of one algorithm, and not the same.
    fn contradicts(&self, other: &Self) -> bool {
        let of = |state: &Self, hash: &Hash| -> Vec<String> {
            let same = state.hashes.iter().filter(|other| other.algorithm == hash.algorithm);
            same.map(|hash| hash.hex.clone()).collect()
        };
        // A document that knows less of several copies does not contradict one that knows more.
        let algorithms = self.hashes.chunk_by(|a, b| a.algorithm == b.algorithm);
        algorithms.filter_map(|hashes| hashes.first()).any(|hash| {
            let others = of(other, hash);
            !others.is_empty() && self.copies == other.copies && of(self, hash) != others
        })
    }
}

/// The version of a component; rpm and Trivy keep the epoch in the package URL.
fn version(component: &Component, purl: Option<&Purl>) -> Option<String> {
    let version = component.version.as_deref().or_else(|| purl?.get_version())?;
    let epoch = purl.and_then(|purl| purl.get_qualifier("epoch")).filter(|epoch| *epoch != "0");
    match epoch {
        Some(epoch) if !version.contains(':') => Some(format!("{epoch}:{version}")),
        _ => Some(version.to_owned()),
    }
}

fn smaller<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
