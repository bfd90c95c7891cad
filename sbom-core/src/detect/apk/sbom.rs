//! The SPDX document that melange puts beside each package it builds: what the package was built from.
//!
//! The database stays the authority on the package itself. Source: melange's `pkg/sbom`; SPDX 2.3.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Gap, GapKind};

/// What the document of one package says beyond the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sbom {
    /// The sources it was built from, sorted.
    pub sources: Vec<Source>,
    /// The package URL of the build definition.
    pub definition: Option<String>,
    /// Texts of licences by their `LicenseRef-…`.
    pub licenses: BTreeMap<String, String>,
}

/// Something that a package was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version, as its own project writes it.
    pub version: Option<String>,
    /// Its package URL, as written.
    pub purl: Option<String>,
}

impl Sbom {
    /// Bytes that a component takes which has all of it.
    pub fn weight(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let sources = self
            .sources
            .iter()
            .map(|source| source.name.len() + optional(&source.version) + optional(&source.purl));
        let texts = self.licenses.values().map(String::len);
        optional(&self.definition) + sources.chain(texts).map(|bytes| bytes + 64).sum::<usize>()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    relationships: Vec<Relationship>,
    #[serde(default)]
    has_extracted_licensing_infos: Vec<LicenseText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    version_info: Option<String>,
    #[serde(default)]
    external_refs: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_type: String,
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    #[serde(rename = "relationshipType")]
    kind: String,
    related_spdx_element: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LicenseText {
    license_id: String,
    extracted_text: String,
}

impl Package {
    fn purl(&self) -> Option<&str> {
        let reference = self.external_refs.iter().find(|reference| reference.reference_type == "purl")?;
        Some(&reference.reference_locator)
    }
}

/// Reads the document of the package `stem` (`NAME-VERSION`).
pub(super) fn parse(bytes: &[u8], stem: &str) -> Result<Sbom, Gap> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| Gap::new(GapKind::Malformed, format!("the package's SPDX document: {error}")))?;
    let by_id: BTreeMap<&str, &Package> =
        document.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let itself = |package: &&Package| {
        let version = package.version_info.as_deref().unwrap_or_default();
        stem.strip_prefix(package.name.as_str()).and_then(|rest| rest.strip_prefix('-')) == Some(version)
    };
    let Some(package) = document.packages.iter().find(itself) else {
        return Err(Gap::new(
            GapKind::Malformed,
            "the package's SPDX document does not describe the package",
        ));
    };
    let related = |kind: &'static str| {
        document
            .relationships
            .iter()
            .filter(move |link| link.kind == kind && link.spdx_element_id == package.id)
            .filter_map(|link| by_id.get(link.related_spdx_element.as_str()).copied())
    };
    let sources: BTreeSet<Source> = related("GENERATED_FROM")
        .map(|source| Source {
            name: source.name.clone(),
            version: source.version_info.clone().filter(|version| !version.is_empty()),
            purl: source.purl().map(str::to_owned),
        })
        .collect();
    let definition = related("DESCRIBED_BY").find_map(|definition| definition.purl().map(str::to_owned));
    let licenses = document
        .has_extracted_licensing_infos
        .into_iter()
        .map(|license| (license.license_id, license.extracted_text))
        .collect();
    Ok(Sbom { sources: sources.into_iter().collect(), definition, licenses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, read_capped};

    fn shared(name: &str) -> Option<Vec<u8>> {
        let path = sbomctl_testkit::shared(&format!("data/spdx/wolfi-{name}.spdx.json"))?;
        Some(read_capped(std::fs::File::open(path).unwrap(), Limits::default().file_bytes).unwrap())
    }

    #[test]
    fn real_documents_name_sources_and_definition() {
        let Some(bytes) = shared("unbound-libs-1.23.0-r0") else { return };
        let sbom = parse(&bytes, "unbound-libs-1.23.0-r0").unwrap();
        assert_eq!(
            sbom.sources,
            [Source {
                name: "unbound".to_owned(),
                version: Some("release-1.23.0".to_owned()),
                purl: Some("pkg:github/nlnetlabs/unbound@release-1.23.0".to_owned()),
            }]
        );
        assert_eq!(
            sbom.definition.as_deref(),
            Some("pkg:github/wolfi-dev/os@23e8ff8479b39f3f2e97fdca28d814f0c434c39b#unbound.yaml")
        );
        let bytes = shared("libattr1-2.5.1-r2").unwrap();
        assert_eq!(parse(&bytes, "libattr1-2.5.1-r2").unwrap(), Sbom::default());
    }

    #[test]
    fn documents_that_say_nothing_of_the_package_are_gaps() {
        for text in ["", "[]", "{", "{}", r#"{"packages":[{"SPDXID":"a","name":"b","versionInfo":"1"}]}"#] {
            assert_eq!(parse(text.as_bytes(), "a-1").unwrap_err().kind, GapKind::Malformed, "{text}");
        }
    }

    #[test]
    fn licence_texts_are_kept_by_reference() {
        let text = r#"{"packages":[{"SPDXID":"a","name":"a","versionInfo":"1"}],
            "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-Own","extractedText":"do what you like"}]}"#;
        let sbom = parse(text.as_bytes(), "a-1").unwrap();
        assert_eq!(sbom.licenses["LicenseRef-Own"], "do what you like");
    }
}
