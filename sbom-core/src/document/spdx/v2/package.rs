//! A component as a package.

use serde::Serialize;

use super::{Annotation, Content, NOASSERTION, Spdx2Version, file, words};
use crate::document::{
    facts::{self, Fact},
    model::{Component, ComponentKind, Hash, Party, Reference, ReferenceKind},
    syntax,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) primary_package_purpose: Option<&'static str>,
    pub(super) supplier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) originator: Option<String>,
    pub(super) download_location: &'a str,
    pub(super) files_analyzed: bool,
    #[serde(rename = "packageVerificationCode", skip_serializing_if = "Option::is_none")]
    pub(super) verification_code: Option<VerificationCode<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) homepage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_info: Option<String>,
    pub(super) license_concluded: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) license_info_from_files: Option<[&'a str; 1]>,
    pub(super) license_declared: &'a str,
    pub(super) copyright_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_refs: Vec<ExternalRef<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<Annotation<'a>>,
}

/// A digest over the files of a package.
#[derive(Serialize)]
pub(super) struct VerificationCode<'a> {
    #[serde(rename = "packageVerificationCodeValue")]
    pub(super) value: &'a str,
}

#[derive(Serialize)]
pub(super) struct Checksum<'a> {
    pub(super) algorithm: &'static str,
    #[serde(rename = "checksumValue")]
    pub(super) value: &'a str,
}

#[derive(Serialize)]
pub(super) struct ExternalRef<'a> {
    #[serde(rename = "referenceCategory")]
    pub(super) category: Category,
    #[serde(rename = "referenceType")]
    pub(super) kind: &'static str,
    #[serde(rename = "referenceLocator")]
    pub(super) locator: &'a str,
}

/// What a reference serves; its one word with a hyphen has an underscore in the JSON of 2.2.
#[derive(Serialize, Clone, Copy)]
pub(super) enum Category {
    #[serde(rename = "PACKAGE-MANAGER")]
    PackageManager,
    #[serde(rename = "PACKAGE_MANAGER")]
    PackageManager2_2,
    #[serde(rename = "SECURITY")]
    Security,
}

impl Content<'_> {
    /// The component at `index` as a package.
    pub(super) fn package(&self, index: usize) -> Option<Package<'_>> {
        let component = self.model.components.get(index)?;
        let is_root = self.model.root == Some(index);
        // What the document's own header says of its subject holds where the subject says nothing.
        let of_header = |party: &'_ Option<Party>| party.as_ref().filter(|_| is_root).and_then(words::party);
        let supplier = component.supplier.as_deref().and_then(words::party);
        let originator = component.originator.as_deref().and_then(words::party);
        let verification_code = verification_code(component);
        let download = download_location(component);
        Some(Package {
            id: self.ids.of(index)?,
            name: &component.name,
            version_info: component.version.as_deref(),
            primary_package_purpose: match words::purpose(self.version, component.kind) {
                None if self.version != Spdx2Version::V2_2 => Some("OTHER"),
                purpose => purpose,
            },
            supplier: supplier
                .or_else(|| of_header(&self.model.header.supplier))
                .unwrap_or_else(|| NOASSERTION.to_owned()),
            originator: originator.or_else(|| of_header(&self.model.header.manufacturer)),
            download_location: download.map_or(NOASSERTION, |reference| &reference.url),
            files_analyzed: verification_code.is_some(),
            license_info_from_files: verification_code.is_some().then_some([NOASSERTION]),
            verification_code: verification_code.map(|value| VerificationCode { value }),
            checksums: self.checksums(component),
            homepage: home_page(component).map(|site| site.url.as_str()),
            source_info: source_info(component),
            license_concluded: component.concluded.expression.as_deref().unwrap_or(NOASSERTION),
            license_declared: component.declared.expression.as_deref().unwrap_or(NOASSERTION),
            copyright_text: component.copyright.as_deref().unwrap_or(NOASSERTION),
            summary: component.description.as_deref(),
            external_refs: self.external_refs(component),
            annotations: self.facts(index, component, [home_page(component), download]),
        })
    }

    pub(super) fn checksums<'c>(&self, component: &'c Component) -> Vec<Checksum<'c>> {
        let checksum = |hash: &'c Hash| {
            let algorithm = words::algorithm(self.version, hash.algorithm)?;
            Some(Checksum { algorithm, value: &hash.hex })
        };
        component.hashes.iter().filter_map(checksum).collect()
    }

    fn external_refs<'c>(&self, component: &'c Component) -> Vec<ExternalRef<'c>> {
        let category = match self.version {
            Spdx2Version::V2_2 => Category::PackageManager2_2,
            Spdx2Version::V2_3 => Category::PackageManager,
        };
        let purl = component.purl.as_deref().filter(|purl| syntax::is_purl(purl));
        let purl = purl.map(|locator| ExternalRef { category, kind: "purl", locator });
        let cpe = |cpe: &'c String| {
            let kind = cpe_type(cpe)?;
            Some(ExternalRef { category: Category::Security, kind, locator: cpe })
        };
        purl.into_iter().chain(component.cpes.iter().filter_map(cpe)).collect()
    }

    /// What neither a package nor a file has a field for. The references `said` stand in a field.
    pub(super) fn facts(
        &self,
        index: usize,
        component: &Component,
        said: [Option<&Reference>; 2],
    ) -> Vec<Annotation<'_>> {
        let mut facts: Vec<Fact<'_>> = facts::of(self.model, index);
        facts.retain(|(name, _)| name != "sbomctl:cpe");
        if !self.says_kind(index, component) {
            facts.push(("sbomctl:kind".into(), component.kind.name().into()));
        }
        for hash in &component.hashes {
            if words::algorithm(self.version, hash.algorithm).is_none() {
                facts.push(facts::beyond::hash(hash));
            }
        }
        facts.extend(facts::without_field_in_spdx(self.model, component));
        facts.extend(facts::without_field_in_spdx_2(component, said));
        let plain = |name: &str| name.strip_prefix(facts::TRIVY).unwrap_or(name).to_owned();
        let mut facts: Vec<(String, _)> =
            facts.into_iter().map(|(name, value)| (plain(&name), value)).collect();
        facts.sort_by(|a, b| a.0.cmp(&b.0));
        facts.dedup();
        facts.iter().map(|(name, value)| self.stamp.annotation(name, value)).collect()
    }

    /// Whether purpose or identifier tell the kind of the component.
    fn says_kind(&self, index: usize, component: &Component) -> bool {
        use ComponentKind::{Container, Library, OperatingSystem};
        match self.version {
            _ if file::is_file(self.model, index) => true,
            Spdx2Version::V2_2 => matches!(component.kind, Container | Library | OperatingSystem),
            Spdx2Version::V2_3 => words::purpose(self.version, component.kind).is_some(),
        }
    }
}

/// The type of reference that carries `cpe`, if it is a CPE name.
fn cpe_type(cpe: &str) -> Option<&'static str> {
    if syntax::is_cpe(cpe) {
        Some("cpe23Type")
    } else if syntax::is_cpe_22(cpe) {
        Some("cpe22Type")
    } else {
        None
    }
}

/// The code, if it is one: the hexadecimal digits of a SHA-1.
pub(in crate::document::spdx) fn verification_code(component: &Component) -> Option<&str> {
    component.verification_code.as_deref().filter(|code| syntax::is_sha1(code))
}

/// A remark on a link or a digest of what lies there have no place beside the address, so only a bare one has its own.
pub(in crate::document::spdx) fn home_page(component: &Component) -> Option<&Reference> {
    component.references.iter().find(|reference| {
        reference.kind == ReferenceKind::Website && is_bare(reference) && syntax::is_address(&reference.url)
    })
}

fn is_bare(reference: &Reference) -> bool {
    reference.comment.is_none() && reference.hashes.is_empty()
}

/// Where the artifact itself is to be had. A repository of its source is no such place.
pub(in crate::document::spdx) fn download_location(component: &Component) -> Option<&Reference> {
    component.references.iter().find(|reference| {
        let scheme = reference.url.split_once("://").map(|(scheme, _)| scheme);
        reference.kind == ReferenceKind::Distribution
            && is_bare(reference)
            && matches!(scheme, Some("https" | "http" | "ftp"))
            && syntax::is_address(&reference.url)
    })
}

/// The source package, in the words that Trivy reads.
fn source_info(component: &Component) -> Option<String> {
    let source = component.source.as_ref()?;
    Some(format!("built package from: {} {}", source.name, source.version).trim_end().to_owned())
}
