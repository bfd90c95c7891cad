//! A component as a package of SPDX 2.x.

use serde::Serialize;

use crate::document::{
    Inputs, facts,
    facts::Fact,
    model::{Component, ComponentKind, Document, Hash, HashAlgorithm, Party, PartyKind, ReferenceKind},
    syntax,
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
    license_concluded: &'a str,
    license_declared: &'a str,
    copyright_text: &'a str,
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
    locator: &'a str,
}

/// The component at `index` as a package of a document.
pub(super) fn of<'a>(
    document: &'a Document,
    index: usize,
    id: &'a str,
    stamp: &'a Stamp,
) -> Option<Package<'a>> {
    let component = document.components.get(index)?;
    let noassertion = || NOASSERTION.to_owned();
    Some(Package {
        id,
        name: &component.name,
        version_info: component.version.as_deref(),
        primary_package_purpose: purpose(component.kind),
        supplier: component.supplier.as_deref().and_then(party).unwrap_or_else(noassertion),
        originator: component.originator.as_deref().and_then(party),
        download_location: NOASSERTION,
        files_analyzed: false,
        checksums: component.hashes.iter().filter_map(checksum).collect(),
        homepage: homepage(component),
        source_info: source_info(component),
        license_concluded: component.concluded.expression.as_deref().unwrap_or(NOASSERTION),
        license_declared: component.declared.expression.as_deref().unwrap_or(NOASSERTION),
        copyright_text: component.copyright.as_deref().unwrap_or(NOASSERTION),
        summary: component.description.as_deref(),
        external_refs: external_refs(component),
        annotations: annotations(document, index, component, stamp),
    })
}

/// `OTHER` for what SPDX has no word for.
fn purpose(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Application => "APPLICATION",
        ComponentKind::Framework => "FRAMEWORK",
        ComponentKind::Library => "LIBRARY",
        ComponentKind::Container => "CONTAINER",
        ComponentKind::OperatingSystem => "OPERATING_SYSTEM",
        ComponentKind::Device => "DEVICE",
        ComponentKind::Firmware => "FIRMWARE",
        ComponentKind::File => "FILE",
        ComponentKind::Source => "SOURCE",
        ComponentKind::Archive => "ARCHIVE",
        ComponentKind::Install => "INSTALL",
        _ => "OTHER",
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

fn checksum(hash: &Hash) -> Option<Checksum<'_>> {
    let algorithm = match hash.algorithm {
        HashAlgorithm::Adler32 => "ADLER32",
        HashAlgorithm::Md2 => "MD2",
        HashAlgorithm::Md4 => "MD4",
        HashAlgorithm::Md5 => "MD5",
        HashAlgorithm::Md6 => "MD6",
        HashAlgorithm::Sha1 => "SHA1",
        HashAlgorithm::Sha224 => "SHA224",
        HashAlgorithm::Sha256 => "SHA256",
        HashAlgorithm::Sha384 => "SHA384",
        HashAlgorithm::Sha512 => "SHA512",
        HashAlgorithm::Sha3_256 => "SHA3-256",
        HashAlgorithm::Sha3_384 => "SHA3-384",
        HashAlgorithm::Sha3_512 => "SHA3-512",
        HashAlgorithm::Blake2b256 => "BLAKE2b-256",
        HashAlgorithm::Blake2b384 => "BLAKE2b-384",
        HashAlgorithm::Blake2b512 => "BLAKE2b-512",
        HashAlgorithm::Blake3 => "BLAKE3",
        HashAlgorithm::Streebog256 | HashAlgorithm::Streebog512 => return None,
    };
    Some(Checksum { algorithm, checksum_value: &hash.hex })
}

fn homepage(component: &Component) -> Option<&str> {
    let sites = component.references.iter().filter(|reference| reference.kind == ReferenceKind::Website);
    sites.map(|site| site.url.as_str()).find(|url| syntax::is_address(url))
}

/// The source package, in the words that Trivy reads.
fn source_info(component: &Component) -> Option<String> {
    let source = component.source.as_ref().filter(|_| component.is_os_package())?;
    Some(format!("built package from: {} {}", source.name, source.version))
}

fn external_refs(component: &Component) -> Vec<ExternalRef<'_>> {
    let purl = component.purl.as_deref().map(|purl| ExternalRef {
        category: "PACKAGE-MANAGER",
        kind: "purl",
        locator: purl,
    });
    let cpe = facts::cpe(component).map(|cpe| ExternalRef {
        category: "SECURITY",
        kind: "cpe23Type",
        locator: cpe,
    });
    purl.into_iter().chain(cpe).collect()
}

fn annotations<'a>(
    document: &Document,
    index: usize,
    component: &Component,
    stamp: &'a Stamp,
) -> Vec<Annotation<'a>> {
    let mut facts: Vec<Fact<'_>> = facts::of(document, index);
    if purpose(component.kind) == "OTHER" && component.kind != ComponentKind::Other {
        facts.push(("sbomctl:kind".into(), component.kind.name().into()));
    }
    facts.extend(facts::without_field_in_spdx(document, component, homepage(component)));
    let plain = |name: &str| name.strip_prefix(facts::TRIVY).unwrap_or(name).to_owned();
    let mut facts: Vec<(String, _)> = facts.into_iter().map(|(name, value)| (plain(&name), value)).collect();
    facts.sort_by(|a, b| a.0.cmp(&b.0));
    facts.dedup();
    facts.iter().map(|(name, value)| stamp.annotation(name, value)).collect()
}
