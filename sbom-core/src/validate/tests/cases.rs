//! Documents that break one rule each.

use super::documents::{TAG_VALUE, cyclonedx, spdx, spdx3, tag_value, xml};

/// Breaks `rule` as often as `text` does `count` times.
pub(super) struct Case {
    pub(super) rule: &'static str,
    pub(super) count: u64,
    pub(super) text: String,
}

fn case(rule: &'static str, count: u64, text: String) -> Case {
    Case { rule, count, text }
}

/// At least one for every rule.
pub(super) fn cases() -> Vec<Case> {
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
        case("timestamp-form", 1, spdx3(&[("12:00:00Z", "12:00:00.1Z")])),
        case("mail-form", 1, spdx3(&[("a@example.org\"", "a\"")])),
        case("id-form", 1, spdx3(&[("\"spdxId\": \"https://example.org/demo#r3\"", "\"spdxId\": \"r3\"")])),
        case("duplicate-id", 1, spdx3(&[("#r2\"", "#r1\"")])),
        case(
            "dangling-reference",
            1,
            spdx3(&[(
                "\"to\": [\"https://example.org/demo#part\"]",
                "\"to\": [\"https://example.org/demo#x\"]",
            )]),
        ),
        case(
            "dangling-reference",
            1,
            spdx3(&[(
                "\"spdxId\": \"https://example.org/demo#r3\", \"creationInfo\": \"_:info\"",
                "\"spdxId\": \"https://example.org/demo#r3\", \"creationInfo\": \"_:other\"",
            )]),
        ),
        case(
            "reachable",
            1,
            spdx3(&[(
                "\"to\": [\"https://example.org/demo#part\"]",
                "\"to\": [\"https://example.org/demo#app\"]",
            )]),
        ),
        case("purl-form", 1, spdx3(&[("pkg:generic/app@1", "app@1")])),
        case("purl-agrees", 1, spdx3(&[("pkg:generic/part@2", "pkg:generic/part@3")])),
        case("hash-form", 1, spdx3(&[("\"sha1\"", "\"sha256\"")])),
        case("license-expression", 1, spdx3(&[("MIT AND", "MIT AND AND")])),
        case("license-text", 1, spdx3(&[("\"LicenseRef-own\"", "\"LicenseRef-other\"")])),
        case("license-text", 1, spdx3(&[("Do as you like.", "")])),
    ]
}
