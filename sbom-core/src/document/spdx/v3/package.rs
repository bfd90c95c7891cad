//! A component as a package or a file.

use std::borrow::Cow;

use serde::Serialize;

use super::{Element, Graph, iri::Iri, words};
use crate::document::{
    model::{Component, ComponentKind, Hash, Party, Reference, ReferenceKind},
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
    #[serde(rename = "software_fileKind", skip_serializing_if = "Option::is_none")]
    pub(super) file_kind: Option<&'static str>,
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
    comment: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Digest<'a> {
    Hash {
        algorithm: &'static str,
        #[serde(rename = "hashValue")]
        value: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        comment: Option<&'static str>,
    },
    PackageVerificationCode {
        algorithm: &'static str,
        #[serde(rename = "hashValue")]
        value: &'a str,
    },
}

impl Graph<'_> {
    pub(super) fn files(&self) -> impl Iterator<Item = Element<'_, Package<'_>>> {
        self.software(|graph, index| graph.is_file(index), "software_File")
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
                && component.verification_code.is_none()
                && home_page(component).is_none()
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
        let (home_page, download) = (home_page(component), v2::download_location(component));
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
            file_kind: self.is_file(index).then_some("file"),
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

fn home_page(component: &Component) -> Option<&Reference> {
    let is_site = |site: &&Reference| site.kind == ReferenceKind::Website && syntax::is_address(&site.url);
    component.references.iter().find(is_site)
}

/// All but the references `said`, which stand in fields. Where SPDX has no word for what a link leads to, the
/// comment says it.
fn references<'a>(component: &'a Component, said: [Option<&Reference>; 2]) -> Vec<ExternalRef<'a>> {
    let is_said =
        |reference: &Reference| said.into_iter().flatten().any(|said| std::ptr::eq(said, reference));
    let rest = component.references.iter();
    let rest = rest.filter(|reference| syntax::is_address(&reference.url) && !is_said(reference));
    rest.map(|reference| {
        let kind = words::reference(reference.kind);
        let comment = match (kind, &reference.comment) {
            (Some(_), comment) => comment.as_deref().map(Cow::Borrowed),
            (None, None) => Some(reference.kind.name().into()),
            (None, Some(comment)) => Some(format!("{}: {comment}", reference.kind.name()).into()),
        };
        ExternalRef { kind: kind.unwrap_or("other"), locator: [&reference.url], comment }
    })
    .collect()
}

fn digests(component: &Component) -> Vec<Digest<'_>> {
    let hash = |hash: &Hash| {
        let (algorithm, comment) = match words::algorithm(hash.algorithm) {
            Some(algorithm) => (algorithm, None),
            None => ("other", Some(hash.algorithm.name())),
        };
        (algorithm, comment)
    };
    let hashes = component.hashes.iter().map(|digest| {
        let (algorithm, comment) = hash(digest);
        Digest::Hash { algorithm, value: &digest.hex, comment }
    });
    let code = v2::verification_code(component);
    let code = code.map(|value| Digest::PackageVerificationCode { algorithm: "sha1", value });
    hashes.chain(code).collect()
}
