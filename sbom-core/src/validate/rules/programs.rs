//! Rules about programs that are known to misread what formats allow. Each was seen in the program that is named.

use std::collections::BTreeSet;

use crate::{
    document::{
        model::{Component, ComponentKind, HashAlgorithm},
        read::Syntax,
    },
    purl::Purl,
    validate::{Examined, Findings, Quoted, Rule, Severity::Warning, raw::Kind},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "distro-qualifier",
        severity: Warning,
        says: "the package URL of an operating system's package has the qualifier `distro` (Grype, OSV-Scanner and \
               Dependency-Track find no weaknesses without it)",
        mend: "add `distro=ID-VERSION`, as `distro=debian-12`",
        check: distro_qualifier,
    },
    Rule {
        id: "epoch-in-purl",
        severity: Warning,
        says: "the epoch of an rpm package is a qualifier of its package URL, not part of the version there",
        mend: "write `@VERSION-RELEASE?epoch=N`",
        check: epoch_in_purl,
    },
    Rule {
        id: "one-package-system",
        severity: Warning,
        says: "packages are of one package manager of an operating system (Trivy gives up on several)",
        mend: "write a document for each operating system",
        check: one_package_system,
    },
    Rule {
        id: "system-without-purl",
        severity: Warning,
        says: "an operating system has no package URL (Trivy and Dependency-Track then do not take it for one)",
        mend: "leave its package URL out",
        check: system_without_purl,
    },
    Rule {
        id: "flat-components",
        severity: Warning,
        says: "components are not within one another (Trivy sees none of the inner ones, and does not say so)",
        mend: "list all components in the top level, and say what belongs to what in `dependencies`",
        check: flat_components,
    },
    Rule {
        id: "identity-object",
        severity: Warning,
        says: "`evidence.identity` is an object (Syft before 1.19 cannot read a document that has an array there)",
        mend: "keep the one piece of evidence that says most",
        check: identity_object,
    },
    Rule {
        id: "one-expression",
        severity: Warning,
        says: "a licence expression stands alone in its list (GUAC gives up otherwise, Dependency-Track drops all \
               but one; before CycloneDX 1.7 it is not allowed)",
        mend: "join the entries into one expression",
        check: one_expression,
    },
    Rule {
        id: "image-digest",
        severity: Warning,
        says: "the package URL of an image has the digest of its manifest as version (GUAC cannot place it otherwise)",
        mend: "write `pkg:oci/NAME@sha256:…?repository_url=…&tag=…`",
        check: image_digest,
    },
    Rule {
        id: "package-id-prefix",
        severity: Warning,
        says: "the identifier of a package begins with `SPDXRef-Package`, `SPDXRef-Application` or \
               `SPDXRef-OperatingSystem` (Trivy tells by it what a package is, and skips others; SPDX 2)",
        mend: "rename the identifiers, and whatever refers to them",
        check: package_id_prefix,
    },
    Rule {
        id: "go-module-hash",
        severity: Warning,
        says: "a Go module has no SHA-256 digest (Syft and Grype take it for the `h1:` digest of a go.sum; SPDX 2)",
        mend: "leave the digest out, or give another algorithm's",
        check: go_module_hash,
    },
    Rule {
        id: "tag-value-start",
        severity: Warning,
        says: "the first line of a tag-value document begins with `SPDX` (Trivy does not recognise it otherwise)",
        mend: "put `SPDXVersion: …` first",
        check: tag_value_start,
    },
    Rule {
        id: "file-name",
        severity: Warning,
        says: "the file is called what OSV-Scanner knows the format by: `*.cdx.json`, `bom.json`, `*.cdx.xml`, \
               `bom.xml`, `*.spdx.json`, `*.spdx`; SPDX 3 is not called `*.spdx.json`, which it cannot read",
        mend: "rename the file; `*.spdx3.json` suits SPDX 3",
        check: file_name,
    },
];

/// The components whose package URL can be parsed, with it.
fn purls<'a>(examined: &Examined<'a>) -> impl Iterator<Item = (&'a Component, Purl)> {
    let components = examined.document.into_iter().flat_map(|document| &document.components);
    components.filter_map(|component| Some((component, component.purl.as_deref()?.parse().ok()?)))
}

fn distro_qualifier(examined: &Examined<'_>, findings: &mut Findings) {
    for (component, purl) in purls(examined) {
        let wants = matches!(purl.kind(), "apk" | "deb" | "rpm");
        if wants && purl.get_qualifier("distro").is_none() {
            findings.add(|| component.id.clone(), || format!("{} has none", Quoted(&purl.to_string())));
        }
    }
}

fn epoch_in_purl(examined: &Examined<'_>, findings: &mut Findings) {
    for (component, purl) in purls(examined) {
        if purl.kind() == "rpm" && purl.get_version().is_some_and(|version| version.contains(':')) {
            findings.add(|| component.id.clone(), || format!("{} has it there", Quoted(&purl.to_string())));
        }
    }
}

fn one_package_system(examined: &Examined<'_>, findings: &mut Findings) {
    let components = examined.document.into_iter().flat_map(|document| &document.components);
    let packages = components.filter(|component| component.is_os_package());
    let kinds: BTreeSet<&str> = packages.filter_map(Component::purl_type).collect();
    if kinds.len() > 1 {
        let kinds: Vec<&str> = kinds.into_iter().collect();
        findings.add(String::new, || format!("there are packages of {}", kinds.join(", ")));
    }
}

fn system_without_purl(examined: &Examined<'_>, findings: &mut Findings) {
    for (component, purl) in purls(examined) {
        if component.kind == ComponentKind::OperatingSystem {
            findings.add(|| component.id.clone(), || format!("it has {}", Quoted(&purl.to_string())));
        }
    }
}

fn flat_components(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Nested) {
        findings.add(|| examined.raw.place(fact), || "there are components within a component".to_owned());
    }
}

fn identity_object(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::IdentityArray) {
        findings.add(|| examined.raw.place(fact), || "it is an array".to_owned());
    }
}

fn one_expression(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::MixedLicenses) {
        let message = || format!("there are {} entries, and an expression among them", fact.text);
        findings.add(|| examined.raw.place(fact), message);
    }
}

fn image_digest(examined: &Examined<'_>, findings: &mut Findings) {
    for (component, purl) in purls(examined) {
        let is_image = purl.kind() == "oci" && component.kind == ComponentKind::Container;
        if is_image && !purl.get_version().is_some_and(|version| version.starts_with("sha256:")) {
            findings.add(|| component.id.clone(), || format!("it is {}", Quoted(&purl.to_string())));
        }
    }
}

fn package_id_prefix(examined: &Examined<'_>, findings: &mut Findings) {
    // What has a package URL is a package. The model has no identifiers of SPDX.
    for fact in examined.raw.of(Kind::Purl).filter(|_| examined.is_spdx2()) {
        let id = examined.raw.items.get(fact.item).and_then(|item| item.id.as_deref()).unwrap_or_default();
        let name = id.strip_prefix("SPDXRef-").unwrap_or_default();
        // Trivy finds the image by the relationship that describes it.
        let known =
            ["Package", "Application", "OperatingSystem"].iter().any(|prefix| name.starts_with(prefix));
        if !known && !fact.text.starts_with("pkg:oci/") {
            findings.add(|| examined.raw.place(fact), || format!("{} begins otherwise", Quoted(id)));
        }
    }
}

fn go_module_hash(examined: &Examined<'_>, findings: &mut Findings) {
    for (component, purl) in purls(examined).filter(|_| examined.is_spdx2()) {
        let hashed = component.hashes.iter().any(|hash| hash.algorithm == HashAlgorithm::Sha256);
        if purl.kind() == "golang" && component.kind != ComponentKind::Application && hashed {
            findings.add(|| component.id.clone(), || "it has a SHA-256 digest".to_owned());
        }
    }
}

fn tag_value_start(examined: &Examined<'_>, findings: &mut Findings) {
    if examined.syntax == Syntax::SpdxTagValue && !examined.input.plain.text.starts_with("SPDX") {
        let first = examined.input.plain.text.lines().next().unwrap_or_default();
        findings.add(|| "line 1".to_owned(), || format!("it is {}", Quoted(first)));
    }
}

fn file_name(examined: &Examined<'_>, findings: &mut Findings) {
    let Some(name) = examined.input.file_name else { return };
    // What is wrapped in something else is no document to OSV-Scanner, whatever it is called.
    if !examined.input.plain.wrapped_in.is_empty() {
        return;
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let known = match examined.syntax {
        Syntax::CycloneDxJson => ends(&[".cdx.json"]) || name == "bom.json",
        Syntax::CycloneDxXml => ends(&[".cdx.xml"]) || name == "bom.xml",
        Syntax::SpdxJson => ends(&[".spdx.json"]),
        Syntax::SpdxTagValue => ends(&[".spdx"]),
        Syntax::SpdxJsonLd => !ends(&[".spdx.json"]),
        _ => true,
    };
    if !known {
        findings.add(String::new, || format!("it is called {}", Quoted(name)));
    }
}
