//! What every format is written from: the bill, with its subject and operating system as components beside the
//! others, their roles, and where the graph begins.

use super::{graph, syntax};
use crate::{
    bom::{
        Bom, Component, ComponentKind, CustomLicense, ExternalReference, Gap, GapKind, Licensing,
        OperatingSystem, Party, PartyKind, ReferenceKind,
    },
    digest::Digest,
    oci::{Image, SubjectKind},
    purl::Purl,
};

/// A bill as documents see it.
pub(super) struct Outline<'a> {
    /// The bill.
    pub(super) bom: &'a Bom,
    /// The subject as a component.
    pub(super) root: Component,
    /// What the subject is.
    pub(super) root_role: Role,
    /// The operating system as a component, under the name that vulnerability scanners know.
    pub(super) system: Option<Component>,
    /// Indices of the components that the root needs by itself, sorted: what was asked for, and what else it takes
    /// to reach all.
    pub(super) tops: Vec<usize>,
    packages_complete: bool,
    crates_complete: bool,
}

/// What a component is in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The subject: an image, or a folder with an operating system.
    Container,
    /// The subject: any other folder.
    Folder,
    /// The subject: a single file.
    File,
    /// The operating system of the subject.
    System,
    /// The operating system of a nested root.
    NestedSystem,
    /// A package of an operating system.
    Package,
    /// A program.
    Program,
    /// A library.
    Library,
}

/// How much is known of what a component needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    /// All of it.
    Complete,
    /// Not all of it: there are gaps.
    Incomplete,
    /// Nobody says whether it is all.
    Unknown,
}

impl<'a> Outline<'a> {
    pub(super) fn new(bom: &'a Bom) -> Self {
        let root_role = match &bom.subject.kind {
            SubjectKind::Image(_) => Role::Container,
            SubjectKind::Folder if bom.operating_system.is_some() => Role::Container,
            SubjectKind::Folder => Role::Folder,
            SubjectKind::File(_) => Role::File,
        };
        let mut root = root(bom);
        root.id = unused(bom, root.id);
        let mut system = bom.operating_system.as_ref().map(system);
        if let Some(system) = &mut system {
            system.id = unused(bom, std::mem::take(&mut system.id));
        }
        let clean = |others: &[&str]| {
            bom.gaps_not_listed == 0
                && bom.gaps.iter().all(|gap| gap.detector.is_some_and(|detector| others.contains(&detector)))
        };
        Self {
            bom,
            root,
            root_role,
            system,
            tops: tops(bom),
            packages_complete: clean(&["copyright", "go-binary", "rust-binary", "unread"]),
            crates_complete: clean(&["apk", "copyright", "dpkg", "go-binary", "os-release", "unread"]),
        }
    }

    /// The root, the operating system and all components, in the order of documents.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (Role, &Component)> {
        std::iter::once((self.root_role, &self.root)).chain(self.parts())
    }

    /// The operating system and all components.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Role, &Component)> {
        let system = self.system.iter().map(|system| (Role::System, system));
        system.chain(self.bom.components.iter().map(|component| (role(component.kind), component)))
    }

    /// The identifier of the component at `index`.
    pub(super) fn id(&self, index: usize) -> Option<&str> {
        self.bom.components.get(index).map(|component| component.id.as_str())
    }

    /// Whether `component` is a package of the subject's operating system, and not of a nested one.
    pub(super) fn is_of_system(&self, component: &Component) -> bool {
        let Some(system) = &self.bom.operating_system else { return false };
        let distro = component.purl.as_ref().and_then(|purl| purl.get_qualifier("distro"));
        component.kind == ComponentKind::OsPackage
            && distro.is_none_or(|distro| match distro.strip_prefix(system.id.as_str()) {
                Some(rest) => rest.strip_prefix('-') == system.version_id.as_deref(),
                None => false,
            })
    }

    /// How much is known of what a component needs.
    pub(super) fn completeness(&self, role: Role, component: &Component) -> Completeness {
        let known = |complete| if complete { Completeness::Complete } else { Completeness::Incomplete };
        let is_crate = component.purl.as_ref().is_some_and(|purl| purl.kind() == "cargo")
            && component.evidence.iter().all(|evidence| evidence.confidence >= 100);
        match role {
            Role::Container | Role::Folder | Role::File if self.has_gaps() => Completeness::Incomplete,
            Role::System | Role::Package => known(self.packages_complete),
            Role::Program | Role::Library if is_crate => known(self.crates_complete),
            _ => Completeness::Unknown,
        }
    }

    /// Whether anything could not be read.
    pub(super) fn has_gaps(&self) -> bool {
        !self.bom.gaps.is_empty() || self.bom.gaps_not_listed > 0
    }

    /// The number of gaps, listed or not.
    pub(super) fn gap_count(&self) -> u64 {
        self.bom.gaps_not_listed.saturating_add(self.bom.gaps.len() as u64)
    }

    /// One sentence on how much of the subject the document lists.
    pub(super) fn completeness_in_words(&self) -> String {
        let nothing = |gap: &Gap| gap.kind == GapKind::NothingRecognised;
        if self.bom.gaps.iter().any(nothing) {
            return "unknown; nothing in the subject was recognised".to_owned();
        }
        match self.gap_count() {
            0 => "unknown; all that was recognised could be read".to_owned(),
            1 => "incomplete; 1 gap is listed".to_owned(),
            count if self.bom.gaps_not_listed == 0 => format!("incomplete; {count} gaps are listed"),
            count => {
                let listed = self.bom.gaps.len();
                format!("incomplete; there are {count} gaps, of which {listed} are listed")
            }
        }
    }
}

fn tops(bom: &Bom) -> Vec<usize> {
    let mut tops = graph::tops(bom.components.len(), &bom.edges);
    let requested = bom.components.iter().enumerate().filter(|(_, component)| component.requested);
    tops.extend(requested.map(|(index, _)| index));
    tops.sort_unstable();
    tops.dedup();
    tops
}

/// The name that Trivy and the vulnerability databases behind it have for the distribution `id`.
pub(super) fn family(id: &str) -> &str {
    match id {
        "almalinux" => "alma",
        "amzn" => "amazon",
        "mariner" => "cbl-mariner",
        "ol" => "oracle",
        "rhel" => "redhat",
        "sl-micro" => "slem",
        _ => id,
    }
}

fn role(kind: ComponentKind) -> Role {
    match kind {
        ComponentKind::OsPackage => Role::Package,
        ComponentKind::Application => Role::Program,
        ComponentKind::Library => Role::Library,
        ComponentKind::OperatingSystem => Role::NestedSystem,
    }
}

/// `id`, lengthened if a component has it already: identifiers of components are made from what images say.
fn unused(bom: &Bom, mut id: String) -> String {
    while bom.components.binary_search_by(|component| component.id.as_str().cmp(&id)).is_ok() {
        id.push_str("|subject");
    }
    id
}

fn system(system: &OperatingSystem) -> Component {
    let mut component = Component::new(ComponentKind::OperatingSystem, family(&system.id));
    let version = system.version_id.as_deref().or(system.version.as_deref()).unwrap_or_default();
    component.id = format!("os:{}@{version}", system.id);
    component.version.clone_from(&system.version);
    component.description.clone_from(&system.pretty_name);
    component.cpes.extend(system.cpe.clone());
    component.supplier.clone_from(&system.supplier);
    component.references.clone_from(&system.references);
    component.evidence.clone_from(&system.evidence);
    component
}

fn root(bom: &Bom) -> Component {
    let subject = &bom.subject;
    let mut root = Component::new(ComponentKind::Application, &subject.name);
    root.id = match &subject.kind {
        SubjectKind::Image(image) => {
            describe_image(&mut root, image, subject.tag.as_deref());
            root.purl.as_ref().map_or_else(|| format!("image:{}", subject.name), Purl::to_string)
        }
        SubjectKind::Folder => format!("folder:{}", subject.name),
        SubjectKind::File(digest) => {
            root.version = Some(digest.to_string());
            root.hashes.push(digest.clone());
            format!("file:{digest}:{}", subject.name)
        }
    };
    root
}

fn describe_image(root: &mut Component, image: &Image, tag: Option<&str>) {
    let label = |name: &str| {
        let value = image.labels.get(&format!("org.opencontainers.image.{name}"))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    };
    root.version = image.manifest_digest.as_ref().or(image.config_digest.as_ref()).map(Digest::to_string);
    root.purl = image.manifest_digest.as_ref().and_then(|digest| image_purl(root, image, digest, tag));
    root.hashes.extend(image.manifest_digest.iter().chain(&image.manifest_sha512).cloned());
    root.description = label("description").map(str::to_owned);
    root.supplier = label("vendor").map(|name| party(PartyKind::Organization, name));
    root.originator = label("authors").map(|name| party(PartyKind::Person, name));
    root.licenses = label("licenses").map(declared).unwrap_or_default();
    let mut link = |kind, url: Option<String>| {
        root.references.extend(url.map(|url| ExternalReference { kind, url }));
    };
    link(ReferenceKind::Website, label("url").map(str::to_owned));
    link(ReferenceKind::Documentation, label("documentation").map(str::to_owned));
    link(ReferenceKind::Vcs, label("source").map(|source| vcs(source, label("revision"))));
    let digest = image.manifest_digest.as_ref();
    let pulled = image.repository.as_ref().zip(digest).map(|(name, digest)| format!("oci://{name}@{digest}"));
    link(ReferenceKind::Distribution, pulled);
}

/// `pkg:oci/demo@sha256:…`: the type's definition wants the last segment of the repository in lower case and the
/// digest of the manifest.
fn image_purl(root: &Component, image: &Image, digest: &Digest, tag: Option<&str>) -> Option<Purl> {
    let name = image.repository.as_deref().unwrap_or(&root.name);
    let last = name.rsplit('/').next().filter(|last| !last.is_empty())?;
    Some(
        Purl::new("oci", &last.to_lowercase())
            .version(&digest.to_string())
            .qualifier("arch", &image.platform.architecture)
            .qualifier("repository_url", image.repository.as_deref().unwrap_or_default())
            .qualifier("tag", tag.unwrap_or_default()),
    )
}

fn vcs(source: &str, revision: Option<&str>) -> String {
    let plain = source.starts_with("https://") || source.starts_with("http://");
    match revision {
        Some(revision) if plain => format!("git+{source}@{revision}"),
        _ => source.to_owned(),
    }
}

/// `Name <mail>` or a name alone.
fn party(kind: PartyKind, text: &str) -> Party {
    let (name, email) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, mail)) if syntax::is_mail(mail) => (name.trim(), Some(mail.to_owned())),
        _ => (text, None),
    };
    Party { kind, name: name.to_owned(), email, url: None }
}

/// A label is an SPDX expression by its definition; what is none is kept as a licence of that name.
fn declared(label: &str) -> Licensing {
    if spdx::Expression::parse(label).is_ok() && !label.contains("Ref-") {
        return Licensing { expression: Some(label.to_owned()), custom: Vec::new() };
    }
    let hash: String = Digest::of(label.as_bytes()).hex().chars().take(12).collect();
    let id = format!("LicenseRef-{hash}");
    let custom = CustomLicense { id: id.clone(), name: label.to_owned(), text: label.into() };
    Licensing { expression: Some(id), custom: vec![custom] }
}
