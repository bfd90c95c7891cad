//! A component as a package of SPDX 2.x.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    bom::{Component, ComponentKind, Party, PartyKind, ReferenceKind},
    digest::{Algorithm, Digest},
    document::{
        Inputs, facts,
        outline::{Outline, Role},
        syntax,
    },
};

const NOASSERTION: &str = "NOASSERTION";

/// Who annotates, and when: the same in all annotations of a document.
pub(super) struct Stamp {
    pub(super) date: String,
    pub(super) tool: String,
}

impl Stamp {
    pub(super) fn new(inputs: &Inputs) -> Self {
        let tool = format!("Tool: {}-{}", inputs.tool.name, inputs.tool.version);
        Self { date: inputs.timestamp.to_string(), tool }
    }

    /// The annotation `NAME: VALUE`.
    pub(super) fn annotation(&self, name: &str, value: &str) -> Annotation<'_> {
        Annotation {
            date: &self.date,
            kind: "OTHER",
            annotator: &self.tool,
            comment: format!("{name}: {value}"),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Annotation<'a> {
    #[serde(rename = "annotationDate")]
    date: &'a str,
    #[serde(rename = "annotationType")]
    kind: &'static str,
    annotator: &'a str,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    primary_package_purpose: &'static str,
    supplier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: &'a str,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'static str,
    checksum_value: &'a str,
}

#[derive(Serialize)]
struct ExternalRef<'a> {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: Cow<'a, str>,
}

/// `component` as a package of a document.
pub(super) fn of<'a>(
    outline: &Outline<'a>,
    id: &'a str,
    role: Role,
    component: &'a Component,
    stamp: &'a Stamp,
) -> Package<'a> {
    Package {
        id,
        name: &component.name,
        version_info: component.version.as_deref(),
        primary_package_purpose: purpose(role),
        supplier: component.supplier.as_ref().and_then(party).unwrap_or_else(|| NOASSERTION.to_owned()),
        originator: component.originator.as_ref().and_then(party),
        download_location: NOASSERTION,
        files_analyzed: false,
        checksums: component.hashes.iter().map(checksum).collect(),
        homepage: homepage(component),
        source_info: source_info(component),
        license_concluded: NOASSERTION,
        license_declared: component.licenses.expression.as_deref().unwrap_or(NOASSERTION),
        copyright_text: NOASSERTION,
        summary: component.description.as_deref(),
        external_refs: external_refs(component),
        annotations: annotations(outline, role, component, stamp),
    }
}

fn purpose(role: Role) -> &'static str {
    match role {
        Role::Container => "CONTAINER",
        Role::Folder | Role::Program => "APPLICATION",
        Role::File => "FILE",
        Role::System | Role::NestedSystem => "OPERATING_SYSTEM",
        Role::Package | Role::Library => "LIBRARY",
    }
}

/// `Organization: NAME` or `Person: NAME (MAIL)`. Round brackets set off the mail address, so a name has others.
fn party(party: &Party) -> Option<String> {
    let plain = |text: &str| syntax::one_line(text).replace('(', "[").replace(')', "]");
    let kind = match party.kind {
        PartyKind::Person => "Person",
        PartyKind::Organization => "Organization",
    };
    let name = plain(&party.name);
    let mail = party.email.as_deref().map(plain).filter(|mail| !mail.is_empty());
    match (name.is_empty(), mail) {
        (false, Some(mail)) => Some(format!("{kind}: {name} ({mail})")),
        (false, None) => Some(format!("{kind}: {name}")),
        (true, Some(mail)) => Some(format!("{kind}: {mail}")),
        (true, None) => None,
    }
}

fn checksum(digest: &Digest) -> Checksum<'_> {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha512 => "SHA512",
    };
    Checksum { algorithm, checksum_value: digest.hex() }
}

fn homepage(component: &Component) -> Option<&str> {
    let sites = component.references.iter().filter(|reference| reference.kind == ReferenceKind::Website);
    sites.map(|site| site.url.as_str()).find(|url| syntax::is_address(url))
}

/// The source package, in the words that Trivy reads.
fn source_info(component: &Component) -> Option<String> {
    let source = component.source.as_ref().filter(|_| component.kind == ComponentKind::OsPackage)?;
    Some(format!("built package from: {} {}", source.name, source.version))
}

fn external_refs(component: &Component) -> Vec<ExternalRef<'_>> {
    let purl = component.purl.as_ref().map(|purl| ExternalRef {
        category: "PACKAGE-MANAGER",
        kind: "purl",
        locator: purl.to_string().into(),
    });
    let cpe = facts::cpe(component).map(|cpe| ExternalRef {
        category: "SECURITY",
        kind: "cpe23Type",
        locator: cpe.into(),
    });
    purl.into_iter().chain(cpe).collect()
}

fn annotations<'a>(
    outline: &Outline<'_>,
    role: Role,
    component: &Component,
    stamp: &'a Stamp,
) -> Vec<Annotation<'a>> {
    let mut facts: Vec<(String, String)> = Vec::new();
    for (name, value) in facts::trivy(outline, role, component) {
        facts.push((name.to_owned(), value));
    }
    for (name, value) in facts::own(outline, role, component) {
        facts.push((name.into_owned(), value.into_owned()));
    }
    for evidence in &component.evidence {
        facts.push(("sbomctl:evidence".to_owned(), facts::evidence_record(outline.bom, evidence)));
    }
    for ancestor in &component.ancestors {
        facts.push(("sbomctl:ancestor".to_owned(), facts::ancestor_record(ancestor)));
    }
    let home = homepage(component);
    for reference in component.references.iter().filter(|reference| Some(&*reference.url) != home) {
        let name = format!("sbomctl:reference:{}", facts::reference_name(reference.kind));
        facts.push((name, reference.url.clone()));
    }
    facts.sort_by(|a, b| a.0.cmp(&b.0));
    facts.dedup();
    facts.iter().map(|(name, value)| stamp.annotation(name, value)).collect()
}
