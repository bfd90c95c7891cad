//! Every rule, with a document that breaks it and one that does not.

use std::collections::BTreeMap;

use super::{Broken, Input, Severity, Tree, Violation, rules, validate};
use crate::{
    document::read::{self, Syntax},
    limits::Limits,
};

/// Judges `text`, whose file is called `name`.
fn judge(name: &str, text: &str, violations: &[Violation]) -> Vec<Broken> {
    let limits = Limits::default();
    let plain = read::open(text.as_bytes(), &limits).unwrap();
    let is_json = !matches!(plain.syntax, Syntax::CycloneDxXml | Syntax::SpdxTagValue);
    let tree = is_json.then(|| Tree::read(plain.text.as_bytes(), limits.validate_memory));
    let read = read::read(text.as_bytes(), &limits);
    validate(&Input {
        plain: &plain,
        tree: tree.as_ref().map(Result::as_ref),
        read: read.as_ref(),
        file_name: (!name.is_empty()).then_some(name),
        violations,
    })
}

/// The rules that `text` breaks, with how often.
fn broken(text: &str) -> BTreeMap<&'static str, u64> {
    judge("", text, &[]).iter().map(|broken| (broken.rule.id, broken.count)).collect()
}

/// A document of CycloneDX that breaks no rule, with `from` replaced by `to`.
fn cyclonedx(changes: &[(&str, &str)]) -> String {
    change(CYCLONEDX, changes)
}

fn spdx(changes: &[(&str, &str)]) -> String {
    change(SPDX, changes)
}

fn tag_value(changes: &[(&str, &str)]) -> String {
    change(TAG_VALUE, changes)
}

fn xml(changes: &[(&str, &str)]) -> String {
    change(XML, changes)
}

fn change(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the document");
        text.replacen(from, to, 1)
    })
}

const CYCLONEDX: &str = r#"{
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

const SPDX: &str = r#"{
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

const TAG_VALUE: &str = "SPDXVersion: SPDX-2.3
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

const XML: &str = r#"<?xml version="1.0"?>
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

/// Breaks `rule` as often as `text` does `count` times.
struct Case {
    rule: &'static str,
    count: u64,
    text: String,
}

fn case(rule: &'static str, count: u64, text: String) -> Case {
    Case { rule, count, text }
}

fn cases() -> Vec<Case> {
    let deep = r#""components": [{"bom-ref": "in", "type": "library", "name": "in", "version": "1"}], "name": "zlib""#;
    vec![
        case(
            "readable",
            1,
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\": 7}".to_owned(),
        ),
        case(
            "readable",
            1,
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\": [".to_owned(),
        ),
        case("duplicate-key", 1, cyclonedx(&[("\"name\": \"zlib\"", "\"name\": \"x\", \"name\": \"zlib\"")])),
        case("serial-form", 1, cyclonedx(&[("3e671687", "3E671687")])),
        case("serial-form", 1, cyclonedx(&[("urn:uuid:3e", "3e")])),
        case("serial-form", 1, xml(&[("urn:uuid:", "uuid:")])),
        case("serial-missing", 1, cyclonedx(&[("serialNumber", "comment")])),
        case("namespace-form", 1, spdx(&[("spdx/demo", "spdx#demo")])),
        case("namespace-form", 1, spdx(&[("https://example.org/spdx/demo", "demo")])),
        case("namespace-form", 1, spdx(&[("documentNamespace", "namespace")])),
        case("namespace-form", 1, tag_value(&[("spdx/demo", "spdx/demo#x")])),
        case("data-license", 1, spdx(&[("CC0-1.0", "MIT")])),
        case("data-license", 1, tag_value(&[("CC0-1.0", "CC0")])),
        case("timestamp-form", 1, cyclonedx(&[("2024-02-29T12:00:00Z", "2024-02-29 12:00:00Z")])),
        case("timestamp-form", 1, cyclonedx(&[("2024-02-29T12:00:00Z", "2023-02-29T12:00:00Z")])),
        case("timestamp-form", 1, spdx(&[("12:00:00Z", "12:00:00.5Z")])),
        case("timestamp-form", 1, spdx(&[("12:00:00Z", "12:00:00+00:00")])),
        case("timestamp-form", 1, xml(&[("12:00:00Z", "noon")])),
        case("creator-form", 1, spdx(&[("Tool: maker-1.0", "maker-1.0")])),
        case("creator-form", 1, spdx(&[("\"supplier\": \"Organization: A\"", "\"supplier\": \"Tool: A\"")])),
        case("creator-form", 1, spdx(&[("Person: B (b@example.org)", "Person: B <b@example.org>")])),
        case("mail-form", 1, cyclonedx(&[("a@example.org", "a at example.org")])),
        case("mail-form", 1, spdx(&[("b@example.org", "b@example..org")])),
        case("id-form", 1, spdx(&[("\"SPDXRef-File-a\"", "\"SPDXRef-File_a\"")])),
        case("id-form", 1, tag_value(&[("SPDXRef-Package-demo", "Package-demo")])),
        case("duplicate-id", 1, cyclonedx(&[("\"bom-ref\": \"musl\"", "\"bom-ref\": \"zlib\"")])),
        case("duplicate-id", 1, spdx(&[("\"SPDXRef-File-b\"", "\"SPDXRef-File-a\"")])),
        case("duplicate-id", 1, xml(&[("bom-ref=\"a\"", "bom-ref=\"root\"")])),
        case("dangling-reference", 1, cyclonedx(&[("[\"musl\"]", "[\"glibc\"]")])),
        case(
            "dangling-reference",
            1,
            cyclonedx(&[("\"assemblies\": [\"root\"]", "\"assemblies\": [\"x\"]")]),
        ),
        case(
            "dangling-reference",
            1,
            spdx(&[(
                "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
                "\"relatedSpdxElement\": \"SPDXRef-x\"",
            )]),
        ),
        case(
            "dangling-reference",
            1,
            spdx(&[(
                "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
                "\"relatedSpdxElement\": \"DocumentRef-x:SPDXRef-x\"",
            )]),
        ),
        case(
            "dangling-reference",
            1,
            tag_value(&[("DESCRIBES SPDXRef-Package-demo", "DESCRIBES SPDXRef-x")]),
        ),
        case(
            "dangling-reference",
            1,
            xml(&[("<dependency ref=\"a\"/></dependency>", "<dependency ref=\"b\"/></dependency>")]),
        ),
        case("subject-missing", 1, spdx(&[("\"DESCRIBES\"", "\"OTHER\"")])),
        case("subject-unnamed", 1, cyclonedx(&[("\"component\": {", "\"manufacture\": {")])),
        case(
            "subjects-many",
            1,
            spdx(&[
                ("\"relationshipType\": \"DEPENDS_ON\"", "\"relationshipType\": \"DESCRIBES\""),
                (
                    "{\"spdxElementId\": \"SPDXRef-Package-demo\", \"relationshipType\": \"DESCRIBES\"",
                    "{\"spdxElementId\": \"SPDXRef-DOCUMENT\", \"relationshipType\": \"DESCRIBES\"",
                ),
            ]),
        ),
        case(
            "subject-in-graph",
            1,
            cyclonedx(&[
                (
                    "{\"ref\": \"root\", \"dependsOn\": [\"os\", \"zlib\"]}",
                    "{\"ref\": \"root\", \"dependsOn\": []}",
                ),
                ("\"assemblies\": [\"root\"]", "\"assemblies\": []"),
            ]),
        ),
        case("reachable", 2, cyclonedx(&[("[\"os\", \"zlib\"]", "[\"os\"]")])),
        case("leaf-listed", 1, cyclonedx(&[(",\n    {\"ref\": \"musl\", \"dependsOn\": []}", "")])),
        case("leaf-listed", 1, cyclonedx(&[("\"dependencies\": [\n", "\"formulations\": [\n")])),
        case("leaf-listed", 1, xml(&[("    <dependency ref=\"a\"/>\n", "")])),
        case(
            "contains-circle",
            1,
            spdx(&[
                ("\"relationshipType\": \"DEPENDS_ON\"", "\"relationshipType\": \"CONTAINS\""),
                (
                    "\"relationships\": [",
                    "\"relationships\": [{\"spdxElementId\": \"SPDXRef-Package-part\", \"relationshipType\": \"CONTAINS\", \"relatedSpdxElement\": \"SPDXRef-Package-demo\"},",
                ),
            ]),
        ),
        case(
            "one-system",
            1,
            cyclonedx(&[(
                "\"type\": \"library\", \"name\": \"zlib\"",
                "\"type\": \"operating-system\", \"name\": \"zlib\"",
            )]),
        ),
        case("purl-form", 1, cyclonedx(&[("pkg:apk/alpine/zlib", "apk:alpine/zlib")])),
        case("purl-form", 1, spdx(&[("pkg:generic/demo@1", "pkg:demo")])),
        case("purl-form", 1, tag_value(&[("pkg:generic/demo@1", "demo")])),
        case(
            "purl-canonical",
            1,
            cyclonedx(&[("arch=x86_64&distro=alpine-3.20.3", "distro=alpine-3.20.3&arch=x86_64")]),
        ),
        case("purl-canonical", 1, xml(&[("pkg:generic", "pkg:GENERIC")])),
        case("purl-agrees", 1, cyclonedx(&[("\"version\": \"1.3.1-r1\"", "\"version\": \"1.3.2-r1\"")])),
        case("purl-agrees", 1, cyclonedx(&[("\"name\": \"zlib\"", "\"name\": \"openssl\"")])),
        case("purl-agrees", 1, spdx(&[("\"versionInfo\": \"v1.0.0\"", "\"versionInfo\": \"v1.0.1\"")])),
        case("purl-agrees", 1, tag_value(&[("PackageVersion: 1", "PackageVersion: 2")])),
        case("purl-agrees", 1, xml(&[("<name>a</name>", "<name>b</name>")])),
        case(
            "purl-repeated",
            1,
            cyclonedx(&[("pkg:apk/alpine/zlib@1.3.1-r1", "pkg:apk/alpine/musl@1.2.5-r0")]),
        ),
        case("cpe-form", 1, cyclonedx(&[("cpe:2.3:a:musl", "cpe:2.3:x:musl")])),
        case("cpe-form", 1, spdx(&[("cpe:2.3:a:demo:demo:1:*:*", "cpe:2.3:a:demo:demo:1:*")])),
        case("hash-form", 1, cyclonedx(&[("\"SHA-1\"", "\"SHA-256\"")])),
        case("hash-form", 1, cyclonedx(&[("da39a3ee", "Z2FzZGdo")])),
        case(
            "hash-form",
            1,
            spdx(&[("\"SHA1\", \"checksumValue\": \"da", "\"SHA1\", \"checksumValue\": \"")]),
        ),
        case("hash-form", 1, tag_value(&[("SHA1: da", "SHA1: ")])),
        case("hash-form", 1, xml(&[(">da39", ">39")])),
        case("verification-code", 1, spdx(&[("10a34637", "20a34637")])),
        case("verification-code", 1, spdx(&[("[\"./bill.spdx\"]", "[]")])),
        case(
            "document-id",
            1,
            spdx(&[("\"SPDXID\": \"SPDXRef-DOCUMENT\"", "\"SPDXID\": \"SPDXRef-DOCUMENT-demo\"")]),
        ),
        case("document-id", 1, spdx(&[("\"SPDXID\": \"SPDXRef-DOCUMENT\", ", "")])),
        case("document-id", 1, tag_value(&[("SPDXID: SPDXRef-DOCUMENT", "SPDXID: SPDXRef-Document")])),
        case("file-name-relative", 1, spdx(&[("\"./a\"", "\"/a\"")])),
        case(
            "file-digest",
            1,
            spdx(&[(
                "\"fileName\": \"./a\", \"licenseConcluded\": \"NOASSERTION\",\n      \"checksums\"",
                "\"fileName\": \"./a\", \"licenseConcluded\": \"NOASSERTION\",\n      \"sums\"",
            )]),
        ),
        case("license-expression", 1, cyclonedx(&[("Zlib AND", "Zlib AND AND")])),
        case("license-expression", 1, spdx(&[("MIT AND LicenseRef-own", "MIT, LicenseRef-own")])),
        case("license-listed", 1, cyclonedx(&[("\"id\": \"MIT\"", "\"id\": \"Expat\"")])),
        case("license-listed", 1, cyclonedx(&[("Zlib AND", "Expat AND")])),
        case("license-listed", 1, xml(&[("<id>MIT", "<id>mit")])),
        case("license-deprecated", 1, cyclonedx(&[("\"id\": \"MIT\"", "\"id\": \"GPL-2.0\"")])),
        case("license-deprecated", 1, cyclonedx(&[("Zlib AND", "LGPL-2.1+ AND")])),
        case(
            "license-text",
            1,
            spdx(&[("\"licenseId\": \"LicenseRef-own\"", "\"licenseId\": \"LicenseRef-other\"")]),
        ),
        case("license-text", 1, spdx(&[("Do as you like.", " ")])),
        case("license-text", 1, tag_value(&[("LicenseID: LicenseRef-own", "LicenseID: LicenseRef-other")])),
        case("distro-qualifier", 1, cyclonedx(&[("&distro=alpine-3.20.3", "")])),
        case(
            "epoch-in-purl",
            1,
            cyclonedx(&[("pkg:apk/alpine/zlib@1.3.1-r1", "pkg:rpm/alpine/zlib@1:1.3.1-r1")]),
        ),
        case("one-package-system", 1, cyclonedx(&[("pkg:apk/alpine/zlib", "pkg:deb/debian/zlib")])),
        case(
            "system-without-purl",
            1,
            cyclonedx(&[(
                "\"name\": \"alpine\"",
                "\"name\": \"alpine\", \"purl\": \"pkg:generic/alpine@3.20.3\"",
            )]),
        ),
        case("flat-components", 1, cyclonedx(&[("\"name\": \"zlib\"", deep)])),
        case(
            "flat-components",
            1,
            xml(&[(
                "<name>a</name>",
                "<name>a</name><components><component type=\"library\"><name>x</name></component><component type=\"library\"><name>y</name></component></components>",
            )]),
        ),
        case("identity-object", 1, cyclonedx(&[("{\"field\": \"purl\"}", "[{\"field\": \"purl\"}]")])),
        case(
            "one-expression",
            1,
            cyclonedx(&[("[{\"expression\"", "[{\"license\": {\"id\": \"MIT\"}}, {\"expression\"")]),
        ),
        case("one-expression", 1, xml(&[("<licenses>", "<licenses><expression>MIT</expression>")])),
        case("image-digest", 1, cyclonedx(&[("demo@sha256:ab", "demo@1")])),
        case(
            "package-id-prefix",
            1,
            spdx(&[
                ("\"SPDXID\": \"SPDXRef-Package-part\"", "\"SPDXID\": \"SPDXRef-part\""),
                (
                    "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
                    "\"relatedSpdxElement\": \"SPDXRef-part\"",
                ),
            ]),
        ),
        case(
            "go-module-hash",
            1,
            spdx(&[(
                "\"SHA1\", \"checksumValue\": \"da39a3ee5e6b4b0d3255bfef95601890afd80709\"}],\n      \"externalRefs\"",
                "\"SHA256\", \"checksumValue\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}],\n      \"externalRefs\"",
            )]),
        ),
        case("tag-value-start", 1, format!("# A comment\n{TAG_VALUE}")),
    ]
}

#[test]
fn what_follows_all_rules_breaks_none() {
    for text in [CYCLONEDX, SPDX, TAG_VALUE, XML] {
        let broken: Vec<_> = judge("", text, &[]);
        assert!(broken.is_empty(), "{text}\n{broken:#?}");
    }
}

#[test]
fn every_rule_is_broken_by_a_document_that_differs_in_one_thing() {
    for Case { rule, count, text } in cases() {
        assert!(rules().any(|known| known.id == rule), "{rule}");
        assert_eq!(broken(&text).get(rule), Some(&count), "{rule}\n{text}\n{:#?}", judge("", &text, &[]));
    }
}

#[test]
fn there_is_a_case_for_every_rule() {
    let cases = cases();
    for rule in rules().filter(|rule| !matches!(rule.id, "schema" | "file-name")) {
        assert!(cases.iter().any(|case| case.rule == rule.id), "{}", rule.id);
    }
}

#[test]
fn what_a_schema_objects_to_is_an_error() {
    let violation = Violation { place: "/components/0".to_owned(), message: "wrong".to_owned() };
    let broken = judge("", CYCLONEDX, &[violation]);
    assert_eq!(broken[0].rule.id, "schema");
    assert_eq!(broken[0].rule.severity, Severity::Error);
    assert_eq!(broken[0].findings[0].place, "/components/0");
}

#[test]
fn file_names_are_those_that_osv_scanner_knows() {
    let breaks =
        |name: &str, text: &str| judge(name, text, &[]).iter().any(|broken| broken.rule.id == "file-name");
    for (name, text) in [
        ("a.cdx.json", CYCLONEDX),
        ("bom.json", CYCLONEDX),
        ("bom.xml", XML),
        ("a.spdx.json", SPDX),
        ("a.spdx", TAG_VALUE),
        ("", CYCLONEDX),
    ] {
        assert!(!breaks(name, text), "{name}");
    }
    for (name, text) in
        [("a.json", CYCLONEDX), ("a.spdx", SPDX), ("a.cdx.json", XML), ("a.spdx.json", TAG_VALUE)]
    {
        assert!(breaks(name, text), "{name}");
    }
}

#[test]
fn findings_beyond_a_thousand_are_counted() {
    let many: String = (0..5000).map(|n| format!("\"x{n}\",")).collect();
    let text = cyclonedx(&[("[\"musl\"]", &format!("[{many}\"musl\"]"))]);
    let broken = judge("", &text, &[]);
    let dangling = broken.iter().find(|broken| broken.rule.id == "dangling-reference").unwrap();
    assert_eq!((dangling.count, dangling.findings.len()), (5000, 1000));
    assert_eq!(dangling.findings[0].place, "dependencies[2].dependsOn");
}

#[test]
fn texts_of_the_document_are_escaped_and_cut_in_messages() {
    let text = cyclonedx(&[("[\"musl\"]", &format!("[\"\\u001b[31m{}\"]", "x".repeat(10_000)))]);
    let broken = judge("", &text, &[]);
    let finding = &broken.iter().find(|broken| broken.rule.id == "dangling-reference").unwrap().findings[0];
    assert!(finding.message.contains("\\u{1b}[31m"), "{}", finding.message);
    assert!(finding.message.len() < 200, "{}", finding.message);
}

#[test]
fn references_out_of_the_document_are_not_dangling() {
    for text in [
        cyclonedx(&[("[\"musl\"]", "[\"musl\", \"urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x\"]")]),
        spdx(&[
            (
                "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
                "\"relatedSpdxElement\": \"DocumentRef-x:SPDXRef-x\"",
            ),
            (
                "\"packages\"",
                "\"externalDocumentRefs\": [{\"externalDocumentId\": \"DocumentRef-x\"}], \"packages\"",
            ),
        ]),
        spdx(&[(
            "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
            "\"relatedSpdxElement\": \"NOASSERTION\"",
        )]),
    ] {
        assert!(!broken(&text).contains_key("dangling-reference"), "{text}");
    }
}

#[test]
fn names_of_packages_agree_in_the_spellings_of_their_ecosystems() {
    for (name, group, version, purl) in [
        ("github.com/Azure/go-autorest", "", "v14.2.0", "pkg:golang/github.com/azure/go-autorest@v14.2.0"),
        ("crane", "", "v1", "pkg:golang/github.com/google/go-containerregistry@v1#cmd/crane"),
        ("Flask_Login", "", "1.0", "pkg:pypi/flask-login@1.0"),
        ("log4j-core", "org.apache", "2.0", "pkg:maven/org.apache/log4j-core@2.0"),
        ("org.apache:log4j-core", "", "2.0", "pkg:maven/org.apache/log4j-core@2.0"),
        ("core", "@angular", "1.0.0", "pkg:npm/%40angular/core@1.0.0"),
        ("@angular/core", "", "1.0.0", "pkg:npm/%40angular/core@1.0.0"),
        ("bind", "", "32:9.16-1", "pkg:rpm/redhat/bind@9.16-1?distro=rhel-9&epoch=32"),
        ("attr", "", "1:2.5-4+b1", "pkg:deb/debian/attr@1:2.5-4%2Bb1?distro=debian-12"),
        ("docker.io/library/demo", "", "1.0", "pkg:oci/demo@sha256:ab"),
        ("stdlib", "", "go1.22", "pkg:golang/stdlib@1.22"),
    ] {
        let component = format!(
            "{{\"bom-ref\": \"zlib\", \"type\": \"library\", \"name\": \"{name}\", \"group\": \"{group}\", \
             \"version\": \"{version}\", \"purl\": \"{purl}\", \"x\": {{"
        );
        let text = cyclonedx(&[
            ("{\"bom-ref\": \"zlib\", ", &component),
            ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0)\"}]}", "MIT)\"}]}}"),
        ]);
        let agrees = !broken(&text).contains_key("purl-agrees");
        assert_eq!(agrees, name != "stdlib", "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_document_makes_a_rule_fail(
        base in 0..4_usize,
        at in 0..3000_usize,
        length in 0..40_usize,
        with in "[\\PC\\x00-\\x1f]{0,20}",
    ) {
        let text = [CYCLONEDX, SPDX, TAG_VALUE, XML][base];
        let mut bytes: Vec<char> = text.chars().collect();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + length).min(bytes.len()), with.chars());
        let text: String = bytes.into_iter().collect();
        if read::open(text.as_bytes(), &Limits::default()).is_ok() {
            judge("x", &text, &[]);
        }
    }
}

#[test]
fn the_docs_have_every_rule() {
    let docs = include_str!("../../../docs/validate.md");
    for rule in rules() {
        let row = format!("| `{}` | {} | {} | {} |\n", rule.id, rule.severity.name(), rule.says, rule.mend);
        assert!(docs.contains(&row), "docs/validate.md lacks or differs in\n{row}");
    }
    let rows = docs.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, rules().count(), "docs/validate.md has rows of rules that are gone");
}
