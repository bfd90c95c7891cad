//! SPDX 2 as tag-value: one `Tag: value` in a line; texts of several lines between `<text>` and `</text>`.
//!
//! Files stand before the first package: behind one, they would count as its own.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write},
};

use uuid::Uuid;

use super::{
    Annotation, Content, File, Header, License, NOASSERTION, Package, Relationship, Spdx2Version,
    package::{Category, Checksum},
};
use crate::document::{Format, Inputs, identity, model::Document};

/// Writes `document` as tag-value.
pub(in crate::document) fn write(
    document: &Document,
    version: Spdx2Version,
    inputs: &Inputs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let content = Content::new(document, version, inputs);
    let format = Format::SpdxTagValue(version);
    let uuid = identity::document(document, format, inputs, |uuid, out| lines(&content, uuid, out))?;
    lines(&content, uuid, out)
}

fn lines(content: &Content<'_>, uuid: Uuid, out: &mut dyn Write) -> io::Result<()> {
    let mut tags = Tags(BufWriter::with_capacity(1 << 16, out));
    let header = content.header(uuid);
    tags.header(&header)?;
    content.annotations().try_for_each(|annotation| tags.annotation(header.id, &annotation))?;
    content.files().try_for_each(|file| tags.file(&file))?;
    content.packages().try_for_each(|package| tags.package(&package))?;
    content.licenses().try_for_each(|license| tags.license(&license))?;
    tags.gap()?;
    content.relationships().try_for_each(|relationship| tags.relationship(&relationship))?;
    tags.0.flush()
}

/// What lines are written to.
struct Tags<W: Write>(W);

impl<W: Write> Tags<W> {
    fn header(&mut self, header: &Header<'_>) -> io::Result<()> {
        self.line("SPDXVersion", header.spdx_version)?;
        self.line("DataLicense", header.data_license)?;
        self.line("SPDXID", header.id)?;
        self.line("DocumentName", header.name)?;
        self.line("DocumentNamespace", &header.namespace)?;
        self.text("DocumentComment", header.comment)?;
        self.gap()?;
        let info = &header.creation_info;
        self.line("LicenseListVersion", info.license_list_version)?;
        info.creators.iter().try_for_each(|creator| self.line("Creator", creator))?;
        self.line("Created", info.created)?;
        self.text("CreatorComment", Some(&info.comment))
    }

    fn package(&mut self, package: &Package<'_>) -> io::Result<()> {
        self.gap()?;
        // Every package has a name, and a value is never empty.
        let name = plain(package.name);
        self.line("PackageName", if name.is_empty() { "unnamed" } else { &name })?;
        self.line("SPDXID", package.id)?;
        self.some_line("PackageVersion", package.version_info)?;
        self.line("PackageSupplier", &package.supplier)?;
        self.some_line("PackageOriginator", package.originator.as_deref())?;
        self.line("PackageDownloadLocation", package.download_location)?;
        self.line("FilesAnalyzed", if package.files_analyzed { "true" } else { "false" })?;
        let code = package.verification_code.as_ref().map(|code| code.value);
        self.some_line("PackageVerificationCode", code)?;
        self.checksums("PackageChecksum", &package.checksums)?;
        self.some_line("PackageHomePage", package.homepage)?;
        self.text("PackageSourceInfo", package.source_info.as_deref())?;
        self.line("PackageLicenseConcluded", package.license_concluded)?;
        let from_files = package.license_info_from_files.iter().flatten();
        from_files.copied().try_for_each(|license| self.line("PackageLicenseInfoFromFiles", license))?;
        self.line("PackageLicenseDeclared", package.license_declared)?;
        self.assertion("PackageCopyrightText", package.copyright_text)?;
        self.text("PackageSummary", package.summary)?;
        for reference in &package.external_refs {
            let category = match reference.category {
                // Tag-value always had the hyphen.
                Category::PackageManager | Category::PackageManager2_2 => "PACKAGE-MANAGER",
                Category::Security => "SECURITY",
            };
            let (kind, locator) = (reference.kind, plain(reference.locator));
            writeln!(self.0, "ExternalRef: {category} {kind} {locator}")?;
        }
        self.some_line("PrimaryPackagePurpose", package.primary_package_purpose)?;
        package.annotations.iter().try_for_each(|annotation| self.annotation(package.id, annotation))
    }

    fn file(&mut self, file: &File<'_>) -> io::Result<()> {
        self.gap()?;
        self.line("FileName", &file.file_name)?;
        self.line("SPDXID", file.id)?;
        self.checksums("FileChecksum", &file.checksums)?;
        self.line("LicenseConcluded", file.license_concluded)?;
        file.license_info_in_files.iter().try_for_each(|license| self.line("LicenseInfoInFile", license))?;
        self.assertion("FileCopyrightText", file.copyright_text)?;
        self.text("FileComment", file.comment.as_deref())?;
        file.annotations.iter().try_for_each(|annotation| self.annotation(file.id, annotation))
    }

    fn license(&mut self, license: &License<'_>) -> io::Result<()> {
        self.gap()?;
        self.line("LicenseID", license.license_id)?;
        self.text("ExtractedText", Some(&license.extracted_text))?;
        self.line("LicenseName", license.name)
    }

    fn relationship(&mut self, relationship: &Relationship<'_>) -> io::Result<()> {
        let Relationship { from, kind, to, comment } = relationship;
        writeln!(self.0, "Relationship: {from} {kind} {to}")?;
        self.text("RelationshipComment", *comment)
    }

    fn annotation(&mut self, of: &str, annotation: &Annotation<'_>) -> io::Result<()> {
        self.gap()?;
        self.line("Annotator", annotation.annotator)?;
        self.line("AnnotationDate", annotation.date)?;
        self.line("AnnotationType", annotation.kind)?;
        self.line("SPDXREF", of)?;
        self.text("AnnotationComment", Some(&annotation.comment))
    }

    fn checksums(&mut self, tag: &str, checksums: &[Checksum<'_>]) -> io::Result<()> {
        checksums.iter().try_for_each(|checksum| {
            writeln!(self.0, "{tag}: {}: {}", checksum.algorithm, plain(checksum.value))
        })
    }

    fn line(&mut self, tag: &str, value: &str) -> io::Result<()> {
        let value = plain(value);
        // A tag without a value is none.
        let value = if value.is_empty() { NOASSERTION } else { &value };
        writeln!(self.0, "{tag}: {value}")
    }

    fn some_line(&mut self, tag: &str, value: Option<&str>) -> io::Result<()> {
        value.map_or(Ok(()), |value| self.line(tag, value))
    }

    /// A text of any number of lines, or `NOASSERTION`, which is none.
    fn assertion(&mut self, tag: &str, text: &str) -> io::Result<()> {
        match text {
            NOASSERTION => self.line(tag, text),
            text => self.text(tag, Some(text)),
        }
    }

    fn text(&mut self, tag: &str, text: Option<&str>) -> io::Result<()> {
        let Some(text) = text else { return Ok(()) };
        writeln!(self.0, "{tag}: <text>{}</text>", closed(text))
    }

    fn gap(&mut self) -> io::Result<()> {
        self.0.write_all(b"\n")
    }
}

/// A value on one line, which no reader takes for the beginning of a text.
fn plain(value: &str) -> Cow<'_, str> {
    let is_plain = !value.contains(char::is_control) && value.trim().len() == value.len();
    match (is_plain, value.contains("<text>")) {
        (true, false) => Cow::Borrowed(value),
        _ => Cow::Owned(crate::document::syntax::one_line(value).replace("<text>", "< text>")),
    }
}

/// A text that does not end before its end. There is no way to quote what ends it.
fn closed(text: &str) -> Cow<'_, str> {
    if text.contains("</text>") {
        Cow::Owned(text.replace("</text>", "< /text>"))
    } else {
        Cow::Borrowed(text)
    }
}
