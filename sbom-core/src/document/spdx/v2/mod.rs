//! SPDX 2.2 and 2.3: what a document consists of, record by record. JSON and tag-value write the same records.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::Ids;
use crate::document::{
    Inputs, facts, identity,
    model::{CustomLicense, Document},
};

mod annotation;
mod file;
pub(super) mod json;
mod package;
mod relationship;
pub(in crate::document) mod tag_value;
mod words;

use annotation::{Annotation, Stamp};
use file::File;
pub(super) use file::is_path;
use package::Package;
pub(super) use package::{download_location, home_page, verification_code};
use relationship::Relationship;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const NOASSERTION: &str = "NOASSERTION";

/// A version of SPDX 2 that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Spdx2Version {
    /// 2.2.
    V2_2,
    /// 2.3.
    V2_3,
}

impl Spdx2Version {
    /// As documents name it: `2.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_2 => "2.2",
            Self::V2_3 => "2.3",
        }
    }
}

/// A document, of which records are made as they are asked for.
struct Content<'a> {
    model: &'a Document,
    version: Spdx2Version,
    ids: Ids,
    stamp: Stamp,
}

/// What stands at the head of a document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: &'a str,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    creation_info: CreationInfo<'a>,
}

/// Who made the document, and when.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo<'a> {
    created: &'a str,
    creators: Vec<String>,
    license_list_version: &'static str,
    comment: String,
}

/// A licence that is not on the SPDX list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the format")]
struct License<'a> {
    license_id: &'a str,
    name: &'a str,
    extracted_text: String,
}

impl<'a> Content<'a> {
    fn new(model: &'a Document, version: Spdx2Version, inputs: &Inputs) -> Self {
        Self { model, version, ids: Ids::new(model, "SPDXRef-"), stamp: Stamp::new(inputs) }
    }

    fn header(&self, uuid: Uuid) -> Header<'_> {
        let header = &self.model.header;
        Header {
            id: DOCUMENT,
            spdx_version: match self.version {
                Spdx2Version::V2_2 => "SPDX-2.2",
                Spdx2Version::V2_3 => "SPDX-2.3",
            },
            data_license: "CC0-1.0",
            name: if header.name.is_empty() { "unnamed" } else { &header.name },
            namespace: format!("{}{}/{uuid}", identity::NAMESPACE, identity::slug(&header.name)),
            comment: header.comment.as_deref(),
            creation_info: self.creation_info(),
        }
    }

    fn creation_info(&self) -> CreationInfo<'_> {
        let header = &self.model.header;
        let mut creators = vec![self.stamp.tool.clone()];
        let others = header.tools.iter().map(annotation::tool);
        for creator in others.chain(header.authors.iter().filter_map(words::party)) {
            if !creators.contains(&creator) {
                creators.push(creator);
            }
        }
        let types = header.lifecycles.iter().filter_map(|&phase| words::sbom_type(phase));
        let mut comment: String = types.map(|name| format!("SBOM Type: {name}\n")).collect();
        comment.push_str("Completeness: ");
        comment.push_str(&facts::completeness_in_words(self.model));
        // The list's version has two parts, its releases three.
        let list = spdx::license_version();
        CreationInfo {
            created: &self.stamp.date,
            creators,
            license_list_version: list.strip_suffix(".0").unwrap_or(list),
            comment,
        }
    }

    /// What is said of the document itself beyond its header.
    fn annotations(&self) -> impl Iterator<Item = Annotation<'_>> {
        let with_site = self.model.header.authors.iter().filter(|author| author.url.is_some());
        let authors = with_site.map(|author| facts::beyond::party("sbomctl:document:author", author));
        let facts = facts::of_header_in_spdx(self.model).chain(authors);
        let facts = facts.chain(facts::of_header(self.model));
        facts.map(|(name, value)| self.stamp.annotation(&name, &value))
    }

    /// The root first.
    fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        let root = self.model.root;
        let rest = (0..self.model.components.len()).filter(move |&index| root != Some(index));
        let packages = root.into_iter().chain(rest).filter(|&index| !file::is_file(self.model, index));
        packages.filter_map(|index| self.package(index))
    }

    fn files(&self) -> impl Iterator<Item = File<'_>> {
        let files = (0..self.model.components.len()).filter(|&index| file::is_file(self.model, index));
        files.filter_map(|index| self.file(index))
    }

    /// Every licence that an expression names and the SPDX list does not, once. Texts that differ are kept beside
    /// each other.
    fn licenses(&self) -> impl Iterator<Item = License<'_>> {
        let mut licenses: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
        let parts = self.model.components.iter();
        for CustomLicense { id, name, text } in
            parts.flat_map(|part| part.declared.custom.iter().chain(&part.concluded.custom))
        {
            let (known, texts) = licenses.entry(id).or_insert((name, BTreeSet::new()));
            *known = name.as_str().min(known);
            texts.insert(text);
        }
        licenses.into_iter().map(|(license_id, (name, texts))| License {
            license_id,
            name,
            extracted_text: texts.into_iter().collect::<Vec<_>>().join("\n\n"),
        })
    }
}
