//! SPDX 2 as JSON.

use std::io::{self, Write};

use serde::Serialize;
use uuid::Uuid;

use super::{Content, Header, License, Spdx2Version};
use crate::document::{
    Format, Inputs, identity,
    json::{self, Seq},
    model::Document as Model,
    spdx::SpdxVersion,
};

pub(in crate::document::spdx) fn write(
    model: &Model,
    version: Spdx2Version,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let content = Content::new(model, version, inputs);
    let format = Format::SpdxJson(match version {
        Spdx2Version::V2_2 => SpdxVersion::V2_2,
        Spdx2Version::V2_3 => SpdxVersion::V2_3,
    });
    let uuid =
        identity::document(model, format, inputs, |uuid, out| json::write(&document(&content, uuid), out))?;
    json::write(&document(&content, uuid), out)
}

fn document<'a>(content: &'a Content<'_>, uuid: Uuid) -> impl Serialize + 'a {
    let licenses: Vec<License<'_>> = content.licenses().collect();
    Document {
        header: content.header(uuid),
        annotations: Seq(|| content.annotations()),
        packages: Seq(|| content.packages()),
        files: content.files().next().map(|_| Seq(|| content.files())),
        licenses,
        relationships: Seq(|| content.relationships()),
    }
}

#[derive(Serialize)]
struct Document<'a, A, P, F, R> {
    #[serde(flatten)]
    header: Header<'a>,
    annotations: A,
    packages: P,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<F>,
    #[serde(rename = "hasExtractedLicensingInfos", skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License<'a>>,
    relationships: R,
}
