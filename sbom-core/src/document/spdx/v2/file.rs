//! A component as a file.

use serde::Serialize;

use super::{Annotation, Content, NOASSERTION, package::Checksum};
use crate::document::model::{Component, ComponentKind, Document, HashAlgorithm, Licensing};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the format")]
pub(super) struct File<'a> {
    #[serde(rename = "SPDXID")]
    pub(super) id: &'a str,
    pub(super) file_name: String,
    pub(super) checksums: Vec<Checksum<'a>>,
    pub(super) license_concluded: &'a str,
    pub(super) license_info_in_files: [&'a str; 1],
    pub(super) copyright_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<Annotation<'a>>,
}

/// Whether the component at `index` is written as a file: one of which no more is known than files have fields for,
/// with the SHA-1 that they must have. Other files are packages with that purpose.
pub(super) fn is_file(document: &Document, index: usize) -> bool {
    let Some(component) = document.components.get(index) else { return false };
    component.kind == ComponentKind::File
        && document.root != Some(index)
        && component.hashes.iter().any(|hash| hash.algorithm == HashAlgorithm::Sha1)
        && is_path(&component.name)
        && component.version.is_none()
        && component.purl.is_none()
        && component.cpes.is_empty()
        && component.description.is_none()
        && is_single(&component.declared)
        && component.supplier.is_none()
        && component.originator.is_none()
        && component.source.is_none()
        && component.verification_code.is_none()
}

pub(in crate::document::spdx) fn is_path(name: &str) -> bool {
    name.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// What was found in a file is a list of single licences.
fn is_single(licensing: &Licensing) -> bool {
    licensing.expression.as_deref().is_none_or(|expression| !expression.contains(' '))
}

impl Content<'_> {
    /// The component at `index` as a file.
    pub(super) fn file(&self, index: usize) -> Option<File<'_>> {
        let component: &Component = self.model.components.get(index)?;
        let layer = component.layers.and_then(|layers| self.model.layers.get(layers.introduced));
        let diff_id = layer.and_then(|layer| layer.diff_id.as_ref());
        Some(File {
            id: self.ids.of(index)?,
            file_name: format!(".{}", component.name),
            checksums: self.checksums(component),
            license_concluded: component.concluded.expression.as_deref().unwrap_or(NOASSERTION),
            license_info_in_files: [component.declared.expression.as_deref().unwrap_or(NOASSERTION)],
            copyright_text: component.copyright.as_deref().unwrap_or(NOASSERTION),
            comment: diff_id.map(|diff_id| format!("layerID: {diff_id}")),
            annotations: self.facts(index, component, [None, None]),
        })
    }
}
