//! What a document of SPDX 2 states, record by record, as JSON names it. Tag-value fills the same records.

use crate::document::read::records::{Text, records};

records! {
    /// A package.
    Package<'a> {
        id: Text<'a> = "SPDXID",
        name: Text<'a> = "name",
        version: Text<'a> = "versionInfo",
        file_name: Text<'a> = "packageFileName",
        purpose: Text<'a> = "primaryPackagePurpose",
        supplier: Text<'a> = "supplier",
        originator: Text<'a> = "originator",
        download_location: Text<'a> = "downloadLocation",
        verification_code: VerificationCode<'a> = "packageVerificationCode",
        checksums: Vec<Checksum<'a>> = "checksums",
        homepage: Text<'a> = "homepage",
        source_info: Text<'a> = "sourceInfo",
        license_concluded: Text<'a> = "licenseConcluded",
        license_declared: Text<'a> = "licenseDeclared",
        license_from_files: Vec<Text<'a>> = "licenseInfoFromFiles",
        license_comments: Text<'a> = "licenseComments",
        copyright: Text<'a> = "copyrightText",
        summary: Text<'a> = "summary",
        description: Text<'a> = "description",
        comment: Text<'a> = "comment",
        external_refs: Vec<ExternalRef<'a>> = "externalRefs",
        attribution_texts: Vec<Text<'a>> = "attributionTexts",
        annotations: Vec<Annotation<'a>> = "annotations",
        has_files: Vec<Text<'a>> = "hasFiles",
        .. "filesAnalyzed"
    }

    /// A digest over the files of a package.
    VerificationCode<'a> {
        value: Text<'a> = "packageVerificationCodeValue",
        excluded: Vec<Text<'a>> = "packageVerificationCodeExcludedFiles",
    }

    /// A digest.
    Checksum<'a> {
        algorithm: Text<'a> = "algorithm",
        value: Text<'a> = "checksumValue",
    }

    /// What a package is called or where it is spoken of elsewhere.
    ExternalRef<'a> {
        category: Text<'a> = "referenceCategory",
        kind: Text<'a> = "referenceType",
        locator: Text<'a> = "referenceLocator",
        comment: Text<'a> = "comment",
    }

    /// A file.
    File<'a> {
        id: Text<'a> = "SPDXID",
        name: Text<'a> = "fileName",
        types: Vec<Text<'a>> = "fileTypes",
        checksums: Vec<Checksum<'a>> = "checksums",
        license_concluded: Text<'a> = "licenseConcluded",
        licenses_found: Vec<Text<'a>> = "licenseInfoInFiles",
        license_comments: Text<'a> = "licenseComments",
        copyright: Text<'a> = "copyrightText",
        comment: Text<'a> = "comment",
        notice: Text<'a> = "noticeText",
        attribution_texts: Vec<Text<'a>> = "attributionTexts",
        annotations: Vec<Annotation<'a>> = "annotations",
    }

    /// A remark on an element.
    Annotation<'a> {
        annotator: Text<'a> = "annotator",
        comment: Text<'a> = "comment",
        .. "annotationDate" "annotationType"
    }

    /// What one element has to do with another.
    Relationship<'a> {
        from: Text<'a> = "spdxElementId",
        kind: Text<'a> = "relationshipType",
        to: Text<'a> = "relatedSpdxElement",
        comment: Text<'a> = "comment",
    }

    /// A licence that is not on the SPDX list.
    License<'a> {
        id: Text<'a> = "licenseId",
        name: Text<'a> = "name",
        text: Text<'a> = "extractedText",
        comment: Text<'a> = "comment",
        see_also: Vec<Text<'a>> = "seeAlsos",
    }

    /// Who made the document, and when.
    CreationInfo<'a> {
        created: Text<'a> = "created",
        creators: Vec<Text<'a>> = "creators",
        comment: Text<'a> = "comment",
        .. "licenseListVersion"
    }
}
