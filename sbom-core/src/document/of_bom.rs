//! A scan's bill → a document: the subject and its operating system become components beside the others, and
//! everything hangs together from the subject down.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    graph,
    model::{
        Completeness, Component, ComponentKind, Distribution, Document, Evidence, Gap, Hash, HashAlgorithm,
        Header, LifecyclePhase, Origin, Party, Property, Reference, ReferenceKind, Relationship,
        RelationshipKind, Technique,
    },
};
use crate::{
    bom::{self, Bom, EdgeKind, OperatingSystem},
    digest::{Algorithm, Digest},
    limits::Limits,
    oci::{LayerDescriptor, Subject, SubjectKind},
    purl::Purl,
};

mod claims;
mod files;
mod subject;

use claims::Claim;
pub(super) use subject::family;

impl Document {
    /// The document about what a scan found. The subject is its root, which contains the operating system, which
    /// contains its packages, which contain the programs that they own; what nothing else leads to, the root
    /// contains itself. What was asked for by name the root depends on as well.
    ///
    /// What bills of materials say that the image carries of itself is merged in. They are read within the default
    /// limits; [`Document::of_within`] takes others.
    pub fn of(bom: Bom) -> Self {
        Self::of_within(bom, &Limits::default())
    }

    /// As [`Document::of`], with limits on the documents that the image carries.
    pub fn of_within(mut bom: Bom, limits: &Limits) -> Self {
        let origin = subject::origin(&bom.subject).map_or(Origin::Content, Origin::Fixed);
        let is_image = matches!(bom.subject.kind, SubjectKind::Image(_));
        let completeness = Known::of(&bom);
        let mut parties = Parties::default();
        let mut document = Self {
            header: Header {
                name: bom.subject.name.clone(),
                origin,
                lifecycles: vec![LifecyclePhase::PostBuild],
                ..Header::default()
            },
            gaps: bom.gaps.iter().map(|gap| self::gap(gap, &bom.subject)).collect(),
            gaps_not_listed: bom.gaps_not_listed,
            ..Self::default()
        };
        let claims = claims_of(&mut bom);
        // The components of the bill come first, so that its edges need no translation.
        let count = bom.components.len();
        let files = files::of(&bom, count, is_image);
        let contents: Vec<_> =
            bom.components.iter().map(|component| files::contents(&bom, component)).collect();
        // Two more are the subject and its operating system.
        document.components.reserve_exact(count + 2);
        let mut requested = Vec::new();
        let mut of_system = Vec::new();
        for (index, (component, contents)) in bom.components.into_iter().zip(contents).enumerate() {
            if component.requested {
                requested.push(index);
            }
            if is_of(bom.operating_system.as_ref(), &component) {
                of_system.push(index);
            }
            let mut part = part(component, is_image, &mut parties);
            part.completeness = completeness.of_part(&part);
            part.verification_code = contents.0;
            part.properties.extend(contents.1);
            document.components.push(part);
        }
        document.components.extend(files.components);
        let root_at = document.components.len();
        let mut root = subject::component(&bom.subject, bom.operating_system.is_some(), &mut parties);
        root.completeness =
            if document.has_gaps() { Completeness::Incomplete } else { Completeness::Unknown };
        document.components.push(root);
        document.root = Some(root_at);
        let system = bom.operating_system.map(|system| {
            let mut component = subject::system(&system, is_image, &mut parties);
            component.completeness = completeness.packages;
            document.components.push(component);
            document.distribution = Some(Distribution {
                component: root_at + 1,
                id: system.id,
                id_like: system.id_like,
                version_id: system.version_id,
                codename: system.codename,
                pretty_name: system.pretty_name,
            });
            root_at + 1
        });
        document.relationships = bom.edges.iter().map(relationship).chain(files.relationships).collect();
        let mut link = |from, to, kind| document.relationships.push(Relationship { from, to, kind });
        if let Some(system) = system {
            link(root_at, system, RelationshipKind::Contains);
            for &package in &of_system {
                link(system, package, RelationshipKind::Contains);
            }
        }
        for &part in &requested {
            link(root_at, part, RelationshipKind::DependsOn);
        }
        claims::add(&mut document, claims, &bom.subject, is_image, limits);
        document.layers = if is_image { bom.subject.layers } else { Vec::new() };
        document.reach_all(root_at);
        document.normalise();
        document
    }

    /// Makes `root` contain what no other relationship leads to from there.
    fn reach_all(&mut self, root: usize) {
        self.relationships.sort_unstable();
        self.relationships.dedup();
        let mut missing = graph::tops(self, root);
        missing.retain(|&top| top != root);
        let contains = |to| Relationship { from: root, to, kind: RelationshipKind::Contains };
        self.relationships.extend(missing.into_iter().map(contains));
    }
}

/// Takes the documents that the image carries out of the bill, and finds what owns the files they lie in.
fn claims_of(bom: &mut Bom) -> Vec<Claim> {
    let documents = std::mem::take(&mut bom.embedded);
    let mut owners: HashMap<&[u8], Option<usize>> =
        documents.iter().map(|document| (document.path.as_bytes(), None)).collect();
    if !owners.is_empty() {
        for (index, component) in bom.components.iter().enumerate() {
            let mut files = component.files.unpack();
            while let Some(file) = files.next() {
                if let Some(owner) = owners.get_mut(file.path) {
                    owner.get_or_insert(index);
                }
            }
        }
    }
    let owners: Vec<Option<usize>> =
        documents.iter().map(|document| owners.get(document.path.as_bytes()).copied().flatten()).collect();
    documents.into_iter().zip(owners).map(|(document, owner)| Claim { document, owner }).collect()
}

/// Parties that are the same are kept once.
#[derive(Default)]
struct Parties(BTreeSet<Arc<Party>>);

impl Parties {
    fn share(&mut self, party: Party) -> Arc<Party> {
        if let Some(known) = self.0.get(&party) {
            return Arc::clone(known);
        }
        let party = Arc::new(party);
        self.0.insert(Arc::clone(&party));
        party
    }
}

/// Of which parts all needs are known.
struct Known {
    packages: Completeness,
    crates: Completeness,
}

impl Known {
    fn of(bom: &Bom) -> Self {
        let clean = |others: &[&str]| {
            let other = |gap: &bom::Gap| gap.detector.is_some_and(|detector| others.contains(&detector));
            let all = bom.gaps_not_listed == 0 && bom.gaps.iter().all(other);
            if all { Completeness::Complete } else { Completeness::Incomplete }
        };
        Self {
            packages: clean(&["copyright", "go-binary", "rust-binary", "unread"]),
            crates: clean(&["apk", "copyright", "dpkg", "go-binary", "os-release", "unread"]),
        }
    }

    /// Build information of Go lists modules without their needs; that of Rust has all.
    fn of_part(&self, part: &Component) -> Completeness {
        let sure = part.evidence.iter().all(|evidence| evidence.confidence.is_some_and(|sure| sure >= 100));
        match part.purl_type() {
            _ if part.is_os_package() => self.packages,
            Some("cargo") if sure => self.crates,
            _ => Completeness::Unknown,
        }
    }
}

/// Whether `component` is a package of `system`, and not of one in a nested root.
fn is_of(system: Option<&OperatingSystem>, component: &bom::Component) -> bool {
    let Some(system) = system else { return false };
    let distro = component.purl.as_ref().and_then(|purl| purl.get_qualifier("distro"));
    component.kind == bom::ComponentKind::OsPackage
        && distro.is_none_or(|distro| match distro.strip_prefix(system.id.as_str()) {
            Some(rest) => rest.strip_prefix('-') == system.version_id.as_deref(),
            None => false,
        })
}

fn part(component: bom::Component, is_image: bool, parties: &mut Parties) -> Component {
    Component {
        kind: match component.kind {
            bom::ComponentKind::OsPackage | bom::ComponentKind::Library => ComponentKind::Library,
            bom::ComponentKind::Application => ComponentKind::Application,
            bom::ComponentKind::OperatingSystem => ComponentKind::Platform,
        },
        id: component.id,
        name: match component.kind {
            bom::ComponentKind::OperatingSystem => family(&component.name).to_owned(),
            _ => component.name,
        },
        version: component.version,
        purl: component.purl.as_ref().map(Purl::to_text),
        cpes: component.cpes,
        description: component.description,
        declared: component.licenses,
        concluded: component.concluded,
        supplier: component.supplier.map(|party| parties.share(party)),
        originator: component.originator.map(|party| parties.share(party)),
        source: component.source.map(Box::new),
        ancestors: component.ancestors,
        references: component.references.into_iter().map(reference).collect(),
        hashes: component.hashes.iter().map(hash).collect(),
        usage: component.usage,
        properties: component.properties.into_iter().map(|(name, value)| Property { name, value }).collect(),
        evidence: component.evidence.into_iter().map(|evidence| self::evidence(evidence, is_image)).collect(),
        layers: is_image.then_some(component.layers),
        ..Component::default()
    }
}

fn evidence(evidence: bom::Evidence, is_image: bool) -> Evidence {
    Evidence {
        location: evidence.path.to_text(),
        layer: is_image.then_some(evidence.layer),
        technique: Some(match evidence.technique {
            bom::Technique::ManifestAnalysis => Technique::ManifestAnalysis,
            bom::Technique::BinaryAnalysis => Technique::BinaryAnalysis,
        }),
        confidence: Some(evidence.confidence.min(100)),
        detail: evidence.detail,
    }
}

fn reference(reference: bom::ExternalReference) -> Reference {
    Reference {
        kind: match reference.kind {
            bom::ReferenceKind::Website => ReferenceKind::Website,
            bom::ReferenceKind::Vcs => ReferenceKind::Vcs,
            bom::ReferenceKind::Documentation => ReferenceKind::Documentation,
            bom::ReferenceKind::IssueTracker => ReferenceKind::IssueTracker,
            bom::ReferenceKind::Support => ReferenceKind::Support,
            bom::ReferenceKind::Distribution => ReferenceKind::Distribution,
        },
        url: reference.url,
        comment: None,
        hashes: Vec::new(),
    }
}

fn hash(digest: &Digest) -> Hash {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => HashAlgorithm::Sha256,
        Algorithm::Sha512 => HashAlgorithm::Sha512,
    };
    Hash { algorithm, hex: digest.hex().to_owned() }
}

fn relationship(edge: &bom::Edge) -> Relationship {
    let kind = match edge.kind {
        EdgeKind::DependsOn => RelationshipKind::DependsOn,
        EdgeKind::DependsOnAlternative => RelationshipKind::DependsOnAlternative,
        EdgeKind::Recommends => RelationshipKind::Recommends,
        EdgeKind::Suggests => RelationshipKind::Suggests,
        EdgeKind::Breaks => RelationshipKind::Breaks,
        EdgeKind::BuildDependsOn => RelationshipKind::BuildDependsOn,
        EdgeKind::Owns => RelationshipKind::Contains,
    };
    Relationship { from: edge.from, to: edge.to, kind }
}

fn gap(gap: &bom::Gap, subject: &Subject) -> Gap {
    let is_image = matches!(subject.kind, SubjectKind::Image(_));
    let layer = gap.layer.filter(|_| is_image);
    let descriptor: Option<&LayerDescriptor> = layer.and_then(|layer| subject.layers.get(layer));
    Gap {
        kind: gap.kind.code().to_owned(),
        message: gap.message.clone(),
        layer,
        diff_id: descriptor.and_then(|layer| layer.diff_id.as_ref()).map(Digest::to_string),
        path: gap.path.as_ref().map(crate::image_path::ImagePath::to_text),
        offset: gap.offset,
        detector: gap.detector.map(str::to_owned),
    }
}
