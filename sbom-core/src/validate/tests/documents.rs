//! Documents that break no rule, and what is changed in them.

/// A document of CycloneDX that breaks no rule, with each of `changes` made once.
pub(super) fn cyclonedx(changes: &[(&str, &str)]) -> String {
    change(CYCLONEDX, changes)
}

/// The same of SPDX 2 as JSON.
pub(super) fn spdx(changes: &[(&str, &str)]) -> String {
    change(SPDX, changes)
}

/// The same of SPDX 2 as tag-value.
pub(super) fn tag_value(changes: &[(&str, &str)]) -> String {
    change(TAG_VALUE, changes)
}

/// The same of CycloneDX as XML.
pub(super) fn xml(changes: &[(&str, &str)]) -> String {
    change(XML, changes)
}

/// The same of SPDX 3.
pub(super) fn spdx3(changes: &[(&str, &str)]) -> String {
    change(SPDX3, changes)
}

fn change(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the document");
        text.replacen(from, to, 1)
    })
}

pub(super) const CYCLONEDX: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  "metadata": {
    "timestamp": "2024-02-29T12:00:00Z",
    "authors": [{"name": "A", "email": "a@example.org"}],
    "component": {"bom-ref": "root", "type": "container", "name": "demo", "version": "sha256:ab",
      "purl": "pkg:oci/demo@sha256:ab?tag=1"}
  },
  "components": [
    {"bom-ref": "os", "type": "operating-system", "name": "alpine", "version": "3.20.3"},
    {"bom-ref": "musl", "type": "library", "name": "musl", "version": "1.2.5-r0",
      "purl": "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3",
      "cpe": "cpe:2.3:a:musl:musl:1.2.5:*:*:*:*:*:*:*",
      "hashes": [{"alg": "SHA-1", "content": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}],
      "licenses": [{"license": {"id": "MIT"}}],
      "evidence": {"identity": {"field": "purl"}}},
    {"bom-ref": "zlib", "type": "library", "name": "zlib", "version": "1.3.1-r1",
      "purl": "pkg:apk/alpine/zlib@1.3.1-r1?arch=x86_64&distro=alpine-3.20.3",
      "licenses": [{"expression": "Zlib AND (MIT OR GPL-2.0-only WITH Classpath-exception-2.0)"}]}
  ],
  "dependencies": [
    {"ref": "root", "dependsOn": ["os", "zlib"]},
    {"ref": "os", "dependsOn": []},
    {"ref": "zlib", "dependsOn": ["musl"]},
    {"ref": "musl", "dependsOn": []}
  ],
  "compositions": [{"aggregate": "complete", "dependencies": ["zlib"], "assemblies": ["root"]}]
}"#;

pub(super) const SPDX: &str = r#"{
  "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "demo", "dataLicense": "CC0-1.0",
  "documentNamespace": "https://example.org/spdx/demo",
  "creationInfo": {"created": "2024-02-29T12:00:00Z",
    "creators": ["Tool: maker-1.0", "Organization: A (a@example.org)"]},
  "packages": [
    {"SPDXID": "SPDXRef-Package-demo", "name": "demo", "versionInfo": "1", "downloadLocation": "NOASSERTION",
      "filesAnalyzed": true, "packageVerificationCode": {
        "packageVerificationCodeValue": "10a34637ad661d98ba3344717656fcc76209c2f8",
        "packageVerificationCodeExcludedFiles": ["./bill.spdx"]},
      "supplier": "Organization: A", "originator": "Person: B (b@example.org)",
      "licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT AND LicenseRef-own",
      "externalRefs": [
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:generic/demo@1"},
        {"referenceCategory": "SECURITY", "referenceType": "cpe23Type",
          "referenceLocator": "cpe:2.3:a:demo:demo:1:*:*:*:*:*:*:*"}]},
    {"SPDXID": "SPDXRef-Package-part", "name": "github.com/a/part", "versionInfo": "v1.0.0",
      "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
      "checksums": [{"algorithm": "SHA1", "checksumValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}],
      "externalRefs": [
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
          "referenceLocator": "pkg:golang/github.com/a/part@v1.0.0"}]}
  ],
  "files": [
    {"SPDXID": "SPDXRef-File-a", "fileName": "./a", "licenseConcluded": "NOASSERTION",
      "checksums": [{"algorithm": "SHA1", "checksumValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}]},
    {"SPDXID": "SPDXRef-File-b", "fileName": "./bill.spdx", "licenseConcluded": "NOASSERTION",
      "checksums": [{"algorithm": "SHA1", "checksumValue": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"}]}
  ],
  "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-own", "extractedText": "Do as you like."}],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Package-demo"},
    {"spdxElementId": "SPDXRef-Package-demo", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-a"},
    {"spdxElementId": "SPDXRef-Package-demo", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-File-b"},
    {"spdxElementId": "SPDXRef-Package-demo", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-Package-part"}
  ]
}"#;

pub(super) const TAG_VALUE: &str = "SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: demo
DocumentNamespace: https://example.org/spdx/demo
Creator: Tool: maker-1.0
Created: 2024-02-29T12:00:00Z

PackageName: demo
SPDXID: SPDXRef-Package-demo
PackageVersion: 1
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageSupplier: NOASSERTION
PackageChecksum: SHA1: da39a3ee5e6b4b0d3255bfef95601890afd80709
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: LicenseRef-own
PackageCopyrightText: <text>Copyright
SPDXID: not one
</text>
ExternalRef: PACKAGE-MANAGER purl pkg:generic/demo@1

LicenseID: LicenseRef-own
ExtractedText: <text>Do as
you like.</text>

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-Package-demo
";

pub(super) const XML: &str = r#"<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="1">
  <metadata>
    <timestamp>2024-02-29T12:00:00Z</timestamp>
    <component type="application" bom-ref="root"><name>demo</name><version>1</version></component>
  </metadata>
  <components>
    <component type="library" bom-ref="a"><name>a</name><version>1</version>
      <hashes><hash alg="SHA-1">da39a3ee5e6b4b0d3255bfef95601890afd80709</hash></hashes>
      <licenses><license><id>MIT</id></license></licenses>
      <purl>pkg:generic/a@1?x=1&amp;y=2</purl></component>
  </components>
  <dependencies>
    <dependency ref="root"><dependency ref="a"/></dependency>
    <dependency ref="a"/>
  </dependencies>
</bom>"#;

pub(super) const SPDX3: &str = r#"{
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": [
    {"@id": "_:info", "type": "CreationInfo", "specVersion": "3.0.1", "created": "2024-02-29T12:00:00Z",
      "createdBy": ["https://example.org/demo#a"]},
    {"type": "Organization", "spdxId": "https://example.org/demo#a", "creationInfo": "_:info", "name": "A",
      "externalIdentifier": [
        {"type": "ExternalIdentifier", "externalIdentifierType": "email", "identifier": "a@example.org"}]},
    {"type": "SpdxDocument", "spdxId": "https://example.org/demo#document", "creationInfo": "_:info",
      "rootElement": ["https://example.org/demo#bill"]},
    {"type": "software_Sbom", "spdxId": "https://example.org/demo#bill", "creationInfo": "_:info",
      "rootElement": ["https://example.org/demo#app"]},
    {"type": "software_Package", "spdxId": "https://example.org/demo#app", "creationInfo": "_:info",
      "name": "app", "software_packageVersion": "1", "software_packageUrl": "pkg:generic/app@1"},
    {"type": "software_Package", "spdxId": "https://example.org/demo#part", "creationInfo": "_:info",
      "name": "part", "software_packageVersion": "2",
      "externalIdentifier": [
        {"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": "pkg:generic/part@2"}],
      "verifiedUsing": [{"type": "Hash", "algorithm": "sha1",
        "hashValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}]},
    {"type": "Relationship", "spdxId": "https://example.org/demo#r1", "creationInfo": "_:info",
      "from": "https://example.org/demo#app", "relationshipType": "dependsOn",
      "to": ["https://example.org/demo#part"]},
    {"type": "Relationship", "spdxId": "https://example.org/demo#r2", "creationInfo": "_:info",
      "from": "https://example.org/demo#part", "relationshipType": "hasDeclaredLicense",
      "to": ["https://example.org/demo#license"]},
    {"type": "Relationship", "spdxId": "https://example.org/demo#r3", "creationInfo": "_:info",
      "from": "https://example.org/demo#part", "relationshipType": "dependsOn",
      "to": ["https://spdx.org/rdf/3.0.1/terms/Core/NoneElement"]},
    {"type": "simplelicensing_LicenseExpression", "spdxId": "https://example.org/demo#license",
      "creationInfo": "_:info", "simplelicensing_licenseExpression": "MIT AND LicenseRef-own",
      "simplelicensing_customIdToUri": [
        {"type": "DictionaryEntry", "key": "LicenseRef-own", "value": "https://example.org/demo#own"}]},
    {"type": "simplelicensing_SimpleLicensingText", "spdxId": "https://example.org/demo#own",
      "creationInfo": "_:info", "simplelicensing_licenseText": "Do as you like."}
  ]
}"#;
