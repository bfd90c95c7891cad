//! Bills made by hand, rich enough that a document of each uses every field of its format.

use crate::{
    bom::{
        Ancestor, Attribution, Bom, Component, ComponentKind, CustomLicense, EdgeKind, Evidence,
        ExternalReference, Gap, GapKind, Licensing, OperatingSystem, Party, PartyKind, ReferenceKind, Scope,
        SourcePackage, Subject, Technique, Usage,
        draft::{Draft, Handle},
    },
    digest::Digest,
    document::{Inputs, Timestamp, Tool},
    image_path::ImagePath,
    limits::Limits,
    oci::{Image, LayerDescriptor, Platform, SubjectKind},
    purl::Purl,
};

pub(super) fn inputs() -> Inputs {
    Inputs {
        timestamp: Timestamp::from_unix(1_732_147_200).unwrap(),
        tool: Tool { name: "sbomctl".into(), version: "0.1.0".into() },
        options_fingerprint: "scope=squashed".into(),
        ..Inputs::default()
    }
}

pub(super) fn all() -> Vec<(&'static str, Bom)> {
    vec![
        ("debian", debian()),
        ("alpine", alpine()),
        ("nothing", nothing_recognised()),
        ("folder", folder()),
        ("rootfs", rootfs()),
        ("file", file()),
        ("archive", archive()),
    ]
}

/// Debian with programs in Go and Rust, packages removed and changed, every kind of edge, gaps, and a root of
/// Alpine inside.
pub(super) fn debian() -> Bom {
    let mut draft = Draft::default();
    let libc = draft.add(deb("libc6", "2.36-9+deb12u9", ("glibc", "2.36-9+deb12u9"), 0));
    let attr = draft.add(deb("libattr1", "1:2.5.1-4+b1", ("attr", "1:2.5.1-4"), 0));
    let bash = draft.add(deb("bash", "5.2.15-2+b7", ("bash", "5.2.15-2"), 0));
    let mut openssl = deb("openssl", "3.0.15-1~deb12u1", ("openssl", "3.0.15-1~deb12u1"), 1);
    openssl.layers = Attribution { introduced: 0, changed: 1, removed: None };
    openssl.licenses = Licensing {
        expression: Some("Apache-2.0 AND LicenseRef-openssl-extra".into()),
        custom: vec![custom("LicenseRef-openssl-extra")],
    };
    let openssl = draft.add(openssl);
    let mut gone = deb("curl", "7.88.1-10", ("curl", "7.88.1-10"), 0);
    gone.layers = Attribution { introduced: 0, changed: 0, removed: Some(2) };
    let gone = draft.add(gone);
    draft.edge(attr, libc, EdgeKind::DependsOn);
    draft.edge(bash, libc, EdgeKind::DependsOn);
    draft.edge(bash, attr, EdgeKind::DependsOnAlternative);
    draft.edge(openssl, libc, EdgeKind::DependsOn);
    draft.edge(openssl, libc, EdgeKind::DependsOnAlternative);
    draft.edge(libc, openssl, EdgeKind::Recommends);
    draft.edge(libc, gone, EdgeKind::Suggests);
    draft.edge(libc, attr, EdgeKind::Breaks);
    let (one, other) =
        (draft.add(deb("one", "1", ("one", "1"), 0)), draft.add(deb("other", "1", ("one", "1"), 0)));
    draft.edge(one, other, EdgeKind::DependsOn);
    draft.edge(other, one, EdgeKind::DependsOn);
    let program = add_go(&mut draft);
    draft.edge(bash, program, EdgeKind::Owns);
    add_rust(&mut draft);
    add_nested_alpine(&mut draft);
    add_gaps(&mut draft);
    let limits =
        Limits { gaps: crate::limits::Limit { value: 3, ..Limits::default().gaps }, ..Limits::default() };
    draft.finish(image(), Some(debian_system()), Scope::AllLayers, &limits)
}

/// Alpine without gaps.
pub(super) fn alpine() -> Bom {
    let mut draft = Draft::default();
    let add = |draft: &mut Draft, name: &str, version: &str, source: &str| {
        let mut package = Component::new(ComponentKind::OsPackage, name);
        package.version = Some(version.into());
        package.purl = Some(
            Purl::new("apk", name)
                .namespace("alpine")
                .version(version)
                .qualifier("arch", "x86_64")
                .qualifier("distro", "alpine-3.20.3")
                .qualifier("upstream", if source == name { "" } else { source }),
        );
        package.source = Some(SourcePackage { name: source.into(), version: version.into() });
        package.licenses.expression = Some("MIT".into());
        package.supplier = Some(organization("Alpine Linux"));
        package.evidence.push(evidence("lib/apk/db/installed", Technique::ManifestAnalysis, 100));
        draft.add(package)
    };
    let musl = add(&mut draft, "musl", "1.2.5-r0", "musl");
    let ssl = add(&mut draft, "libcrypto3", "3.3.2-r0", "openssl");
    draft.edge(ssl, musl, EdgeKind::DependsOn);
    draft.finish(image(), Some(alpine_system()), Scope::Squashed, &Limits::default())
}

pub(super) fn nothing_recognised() -> Bom {
    let mut draft = Draft::default();
    draft.gap(Gap::new(GapKind::NothingRecognised, "nothing was recognised"));
    draft.finish(
        subject(SubjectKind::Image(Box::default()), "scratch"),
        None,
        Scope::Squashed,
        &Limits::default(),
    )
}

pub(super) fn folder() -> Bom {
    let mut draft = Draft::default();
    add_rust(&mut draft);
    draft.finish(subject(SubjectKind::Folder, "work tree"), None, Scope::Squashed, &Limits::default())
}

pub(super) fn rootfs() -> Bom {
    let subject = subject(SubjectKind::Folder, "rootfs");
    Bom { subject, ..alpine() }
}

pub(super) fn file() -> Bom {
    let mut draft = Draft::default();
    add_go(&mut draft);
    let kind = SubjectKind::File(Digest::of(b"crane"));
    draft.finish(subject(kind, "crane"), None, Scope::Squashed, &Limits::default())
}

/// An image of `docker save`: no manifest digest.
pub(super) fn archive() -> Bom {
    let mut bom = alpine();
    if let SubjectKind::Image(image) = &mut bom.subject.kind {
        image.manifest_digest = None;
        image.manifest_sha512 = None;
        image.repository = None;
        image.labels.insert("org.opencontainers.image.licenses".into(), "see the file COPYING".into());
    }
    "archive.tar".clone_into(&mut bom.subject.name);
    bom
}

fn debian_system() -> OperatingSystem {
    OperatingSystem {
        id: "debian".into(),
        id_like: Vec::new(),
        version: Some("12.8".into()),
        version_id: Some("12".into()),
        codename: Some("bookworm".into()),
        pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
        cpe: Some("cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*".into()),
        supplier: Some(organization("Debian")),
        references: vec![
            link(ReferenceKind::Website, "https://www.debian.org/"),
            link(ReferenceKind::IssueTracker, "https://bugs.debian.org/"),
        ],
        evidence: vec![evidence("etc/os-release", Technique::ManifestAnalysis, 100)],
    }
}

fn alpine_system() -> OperatingSystem {
    OperatingSystem {
        id: "alpine".into(),
        id_like: vec!["musl".into(), "busybox".into()],
        version: Some("3.20.3".into()),
        version_id: Some("3.20.3".into()),
        codename: None,
        pretty_name: None,
        cpe: Some("not a cpe".into()),
        supplier: None,
        references: Vec::new(),
        evidence: Vec::new(),
    }
}

fn deb(name: &str, version: &str, source: (&str, &str), layer: usize) -> Component {
    let mut package = Component::new(ComponentKind::OsPackage, name);
    package.version = Some(version.into());
    let upstream = match source {
        (source, of) if source == name && of == version => String::new(),
        (source, of) if of == version => source.to_owned(),
        (source, of) => format!("{source}@{of}"),
    };
    package.purl = Some(
        Purl::new("deb", name)
            .namespace("debian")
            .version(version)
            .qualifier("arch", "amd64")
            .qualifier("distro", "debian-12")
            .qualifier("upstream", &upstream),
    );
    package.description = Some(format!("what {name} is for"));
    package.licenses =
        Licensing { expression: Some("LicenseRef-eula".into()), custom: vec![custom("LicenseRef-eula")] };
    package.supplier = Some(Party { url: Some("https://www.debian.org/".into()), ..organization("Debian") });
    package.originator = Some(Party {
        kind: PartyKind::Person,
        name: "Jos\u{e9} \"J\" (team)".into(),
        email: Some("team+x@tracker.debian.org".into()),
        url: None,
    });
    package.source = Some(SourcePackage { name: source.0.into(), version: source.1.into() });
    package.references = vec![
        link(ReferenceKind::Website, &format!("https://example.org/{name}")),
        link(ReferenceKind::Vcs, "https://not an address"),
    ];
    package.property("sbomctl:dpkg:essential", "yes");
    package
        .evidence
        .push(Evidence { layer, ..evidence("var/lib/dpkg/status", Technique::ManifestAnalysis, 100) });
    package
}

fn add_go(draft: &mut Draft) -> Handle {
    let mut program = Component::new(ComponentKind::Application, "github.com/Google/crane");
    program.version = Some("v0.20.2".into());
    program.purl = Some(Purl::new("golang", "crane").namespace("github.com/google").version("v0.20.2"));
    program.hashes.push(Digest::of(b"crane"));
    let found = evidence("usr/bin/crane", Technique::BinaryAnalysis, 100);
    program.evidence.push(found.clone());
    let program = draft.add(program);
    let mut stdlib = Component::new(ComponentKind::Library, "stdlib");
    stdlib.version = Some("1.22.1".into());
    stdlib.purl = Some(Purl::new("golang", "stdlib").version("1.22.1"));
    stdlib.cpes =
        vec!["cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*".into(), "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*".into()];
    stdlib.evidence.push(found.clone());
    let stdlib = draft.add_shared(stdlib);
    let mut module = Component::new(ComponentKind::Library, "github.com/Azure/go-autorest");
    module.version = Some("v14.2.0+incompatible".into());
    let purl =
        Purl::new("golang", "go-autorest").namespace("github.com/azure").version("v14.2.0+incompatible");
    module.purl = Some(purl.clone());
    module.ancestors.push(Ancestor { name: "example.org/old".into(), version: None, purl: Some(purl) });
    module.property("sbomctl:go:h1", "h1:abc=");
    module.evidence.push(Evidence { detail: Some("dep".into()), ..found });
    let module = draft.add_shared(module);
    draft.edge(program, stdlib, EdgeKind::DependsOn);
    draft.edge(program, module, EdgeKind::DependsOn);
    program
}

fn add_rust(draft: &mut Draft) {
    let mut program = Component::new(ComponentKind::Application, "local");
    program.evidence.push(evidence("opt/local", Technique::BinaryAnalysis, 30));
    let program = draft.add(program);
    let mut add = |name: &str, usage| {
        let mut library = Component::new(ComponentKind::Library, name);
        library.version = Some("1.0.0".into());
        library.purl = Some(Purl::new("cargo", name).version("1.0.0"));
        library.usage = usage;
        library.evidence.push(evidence("opt/local", Technique::BinaryAnalysis, 100));
        draft.add_shared(library)
    };
    let (serde, cc) = (add("serde", Usage::Required), add("cc", Usage::BuildOnly));
    draft.edge(program, serde, EdgeKind::DependsOn);
    draft.edge(serde, cc, EdgeKind::BuildDependsOn);
}

fn add_nested_alpine(draft: &mut Draft) {
    let mut nested = Component::new(ComponentKind::OperatingSystem, "alpine");
    nested.version = Some("3.19.0".into());
    nested.evidence.push(evidence("srv/chroot/etc/os-release", Technique::ManifestAnalysis, 100));
    draft.add(nested);
}

fn add_gaps(draft: &mut Draft) {
    let mut gap = Gap::new(GapKind::Malformed, "a record without a name: \"\u{1b}[31m\"").at(12);
    gap.layer = Some(1);
    gap.path = Some(ImagePath::new(b"var/lib/dpkg/st\xffatus"));
    gap.detector = Some("dpkg");
    draft.gap(gap);
    for number in 0..6 {
        draft.gap(Gap::new(GapKind::Unsupported, format!("an inventory of kind {number} is not read")));
    }
}

fn image() -> Subject {
    let image = Image {
        manifest_digest: Some(Digest::of(b"manifest")),
        manifest_sha512: None,
        index_digest: Some(Digest::of(b"index")),
        config_digest: Some(Digest::of(b"config")),
        platform: Platform { os: "linux".into(), architecture: "amd64".into(), ..Platform::default() },
        created: Some("2024-11-20T00:00:00Z".into()),
        labels: [
            ("authors", "Jane Doe <jane@example.org>"),
            ("licenses", "MIT OR Apache-2.0"),
            ("revision", "abc"),
            ("source", "https://example.org/demo.git"),
            ("url", "https://example.org/"),
            ("vendor", "Example"),
        ]
        .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.to_owned()))
        .into(),
        repository: Some("docker.io/library/Demo".into()),
        tags: Vec::new(),
    };
    let mut subject = subject(SubjectKind::Image(Box::new(image)), "docker.io/library/Demo");
    subject.tag = Some("1".into());
    subject.layers = (0..3).map(layer).collect();
    subject
}

fn layer(index: usize) -> LayerDescriptor {
    LayerDescriptor {
        index,
        digest: Some(Digest::of(&[b'z', u8::try_from(index).unwrap()])),
        size: Some(1000),
        diff_id: Some(Digest::of(&[b'd', u8::try_from(index).unwrap()])),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".into(),
        created_by: Some(format!("RUN step {index} {}", "x".repeat(index * 300))),
        partial: (index == 1).then_some(crate::oci::Proof::Nothing),
    }
}

fn subject(kind: SubjectKind, name: &str) -> Subject {
    Subject { kind, name: name.into(), tag: None, layers: vec![LayerDescriptor::default()] }
}

fn evidence(path: &str, technique: Technique, confidence: u8) -> Evidence {
    Evidence { layer: 0, path: path.into(), technique, confidence, detail: None }
}

fn organization(name: &str) -> Party {
    Party { kind: PartyKind::Organization, name: name.into(), email: None, url: None }
}

fn link(kind: ReferenceKind, url: &str) -> ExternalReference {
    ExternalReference { kind, url: url.into() }
}

fn custom(id: &str) -> CustomLicense {
    CustomLicense {
        id: id.into(),
        name: "as the package says".into(),
        text: "All of it.\nEvery line.".into(),
    }
}
