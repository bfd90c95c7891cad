//! A component as a package or a file.

use std::borrow::Cow;

use serde::Serialize;

use super::{Element, Graph, extension::Properties, iri::Iri, words};
use crate::document::{
    model::{Component, ComponentKind, Party, Reference},
    spdx::v2,
    syntax,
};

/// What packages and files have; files are without the fields of packages alone.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<&'a str>,
    #[serde(rename = "software_packageVersion", skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(rename = "software_packageUrl", skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<Cow<'a, str>>,
    #[serde(rename = "externalIdentifier", skip_serializing_if = "Vec::is_empty")]
    pub(super) identifiers: Vec<Identifier<'a>>,
    #[serde(rename = "software_primaryPurpose", skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supplied_by: Option<Iri<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) originated_by: Option<[Iri<'a>; 1]>,
    #[serde(rename = "software_copyrightText", skip_serializing_if = "Option::is_none")]
    pub(super) copyright: Option<&'a str>,
    #[serde(rename = "software_homePage", skip_serializing_if = "Option::is_none")]
    pub(super) home_page: Option<&'a str>,
    #[serde(rename = "software_downloadLocation", skip_serializing_if = "Option::is_none")]
    pub(super) download_location: Option<&'a str>,
    #[serde(rename = "externalRef", skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<ExternalRef<'a>>,
    #[serde(rename = "verifiedUsing", skip_serializing_if = "Vec::is_empty")]
    pub(super) digests: Vec<Digest<'a>>,
    #[serde(rename = "extension", skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<[Properties<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "ExternalIdentifier", rename_all = "camelCase")]
pub(super) struct Identifier<'a> {
    external_identifier_type: &'static str,
    identifier: Cow<'a, str>,
}

pub(super) fn package_url(purl: Cow<'_, str>) -> Identifier<'_> {
    Identifier { external_identifier_type: "packageUrl", identifier: purl }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) struct ExternalRef<'a> {
    #[serde(rename = "externalRefType")]
    kind: &'static str,
    locator: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Digest<'a> {
    Hash {
        algorithm: &'static str,
        #[serde(rename = "hashValue")]
        value: &'a str,
    },
    PackageVerificationCode {
        algorithm: &'static str,
        #[serde(rename = "hashValue")]
        value: &'a str,
    },
}

impl Graph<'_> {
    pub(super) fn files(&self) -> impl Iterator<Item = Element<'_, Package<'_>>> {
        self.software(super::Graph::is_file, "software_File")
    }

    /// Components, then source packages.
    pub(super) fn packages(&self) -> impl Iterator<Item = Element<'_, Package<'_>>> {
        self.software(|graph, index| !graph.is_file(index), "software_Package").chain(self.sources())
    }

    fn software(
        &self,
        is_such: fn(&Self, usize) -> bool,
        class: &'static str,
    ) -> impl Iterator<Item = Element<'_, Package<'_>>> {
        let such = self.order.iter().copied().filter(move |&index| is_such(self, index));
        such.filter_map(move |index| {
            let body = self.package(index)?;
            Some(self.element(class, self.ids.of(index)?, body))
        })
    }

    /// Whether the component is no more than files have fields for.
    fn is_file(&self, index: usize) -> bool {
        self.model.components.get(index).is_some_and(|component| {
            component.kind == ComponentKind::File
                && self.model.root != Some(index)
                && component.version.is_none()
                && component.purl.is_none()
                && v2::is_path(&component.name)
                && component.verification_code.is_none()
                && v2::home_page(component).is_none()
                && v2::download_location(component).is_none()
        })
    }

    fn package(&self, index: usize) -> Option<Package<'_>> {
        let component = self.model.components.get(index)?;
        let is_root = self.model.root == Some(index);
        // What the document's own header says of its subject holds where the subject says nothing.
        let or_header = |party: Option<&'_ Party>, of_header: &'_ Option<Party>| {
            let party = party.and_then(|party| self.agent(party));
            party.or_else(|| of_header.as_ref().filter(|_| is_root).and_then(|party| self.agent(party)))
        };
        let header = &self.model.header;
        let purl = component.purl.as_deref().filter(|purl| syntax::is_purl(purl));
        let (home_page, download) = (v2::home_page(component), v2::download_location(component));
        Some(Package {
            name: &component.name,
            summary: component.description.as_deref(),
            version: component.version.as_deref(),
            purl: purl.map(Cow::Borrowed),
            identifiers: identifiers(purl, component),
            purpose: Some(words::purpose(component.kind).unwrap_or("other")),
            supplied_by: or_header(component.supplier.as_deref(), &header.supplier),
            originated_by: or_header(component.originator.as_deref(), &header.manufacturer)
                .map(|party| [party]),
            copyright: component.copyright.as_deref(),
            home_page: home_page.map(|site| site.url.as_str()),
            download_location: download.map(|place| place.url.as_str()),
            references: references(component, [home_page, download]),
            digests: digests(component),
            properties: self.properties(index, component),
        })
    }
}

fn identifiers<'a>(purl: Option<&'a str>, component: &'a Component) -> Vec<Identifier<'a>> {
    let cpes = component.cpes.iter().filter_map(|cpe| {
        let kind = match cpe {
            cpe if syntax::is_cpe(cpe) => "cpe23",
            cpe if syntax::is_cpe_22(cpe) => "cpe22",
            _ => return None,
        };
        Some(Identifier { external_identifier_type: kind, identifier: cpe.into() })
    });
    purl.map(|purl| package_url(purl.into())).into_iter().chain(cpes).collect()
}

/// All but the references `said`, which stand in fields.
fn references<'a>(component: &'a Component, said: [Option<&Reference>; 2]) -> Vec<ExternalRef<'a>> {
    let is_said =
        |reference: &Reference| said.into_iter().flatten().any(|said| std::ptr::eq(said, reference));
    let rest = component.references.iter();
    let rest = rest.filter(|reference| syntax::is_address(&reference.url) && !is_said(reference));
    let external = rest.map(|reference| ExternalRef {
        kind: words::reference(reference.kind).unwrap_or("other"),
        locator: [&reference.url],
        comment: reference.comment.as_deref(),
    });
    external.collect()
}

fn digests(component: &Component) -> Vec<Digest<'_>> {
    let hashes = component.hashes.iter().filter_map(|hash| {
        Some(Digest::Hash { algorithm: words::algorithm(hash.algorithm)?, value: &hash.hex })
    });
    let code = v2::verification_code(component);
    let code = code.map(|value| Digest::PackageVerificationCode { algorithm: "sha1", value });
    hashes.chain(code).collect()
}
