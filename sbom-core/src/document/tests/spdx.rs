//! SPDX: what each version says of a document that has everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{comments, every_word, find, round_trip, samples, schema};
use crate::document::{Document, Format, Spdx2Version, SpdxVersion, write};

const V2_2: Format = Format::SpdxJson(SpdxVersion::V2_2);
const V2_3: Format = Format::SpdxJson(SpdxVersion::V2_3);
const V3: Format = Format::SpdxJson(SpdxVersion::V3_0);
const TAG_VALUE: Format = Format::SpdxTagValue(Spdx2Version::V2_3);
const TAG_VALUE_2_2: Format = Format::SpdxTagValue(Spdx2Version::V2_2);

fn text(document: &Document, format: Format) -> String {
    let mut bytes = Vec::new();
    write(document, format, &samples::inputs(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn json(document: &Document, format: Format) -> Value {
    serde_json::from_str(&text(document, format)).unwrap()
}

/// The lines of the block that begins with the line `first`.
fn block<'a>(text: &'a str, first: &str) -> BTreeSet<&'a str> {
    text.split("\n\n").find(|block| block.lines().next() == Some(first)).unwrap().lines().collect()
}

#[test]
fn all_that_a_document_can_say_is_read_back() {
    let mut document = every_word::document();
    // SPDX has one place for who makes the subject, and the document's header is not it.
    let root = document.root.unwrap();
    document.components[root].originator = document.header.manufacturer.take().map(Arc::new);
    for format in [V2_2, V2_3, V3, TAG_VALUE, TAG_VALUE_2_2] {
        round_trip::check("everything", &document, format);
    }
}

#[test]
fn everything_is_valid() {
    let Some(validators) = schema::validators() else { return };
    for (format, validator) in &validators {
        if matches!(format, Format::SpdxJson(_)) {
            let document = json(&every_word::document(), *format);
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{format}: {errors:#?}");
        }
    }
}

#[test]
fn the_header_names_all_who_made_the_document() {
    let document = json(&every_word::document(), V2_3);
    let info = &document["creationInfo"];
    let creators = [
        "Tool: sbomctl-0.1.0",
        "Tool: bare",
        "Tool: other-tool-1.2",
        "Person: Jane (a@example.org)",
        "Organization: Example (a@example.org)",
    ];
    assert_eq!(info["creators"], serde_json::json!(creators));
    let types =
        ["Design", "Source", "Build", "Analyzed", "Deployed"].map(|name| format!("SBOM Type: {name}\n"));
    assert!(info["comment"].as_str().unwrap().starts_with(&types.concat()));
    assert_eq!(document["comment"], "a remark\nof two lines");
    let root = &document["packages"][0];
    assert_eq!(root["supplier"], "Organization: Vendor (a@example.org)");
    assert_eq!(root["originator"], "Organization: Maker (a@example.org)");
    let said = comments(&document);
    assert!(said.contains("sbomctl:document:lifecycle: discovery"));
    assert!(said.iter().any(|comment| comment.starts_with("sbomctl:document:supplier: {")));
}

#[test]
fn a_package_has_all_its_identifiers_licences_and_links() {
    let document = json(&every_word::document(), V2_3);
    let package = find(&document["packages"], "name", "full");
    let references = package["externalRefs"].as_array().unwrap();
    let types: Vec<&str> = references.iter().map(|r| r["referenceType"].as_str().unwrap()).collect();
    assert_eq!(types, ["purl", "cpe23Type", "cpe22Type"]);
    assert_eq!(package["downloadLocation"], "https://example.org/distribution");
    assert_eq!(package["homepage"], "https://example.org/website");
    assert_eq!(package["licenseDeclared"], "MIT AND LicenseRef-own");
    assert_eq!(package["licenseConcluded"], "LicenseRef-read");
    assert_eq!(package["copyrightText"], "(c) A\n(c) B");
    let said = comments(package);
    assert!(said.contains("sbomctl:cpe: cpe of no form"));
    assert!(said.contains("sbomctl:reference:vcs: https://example.org/vcs"));
    assert!(said.contains("sbomctl:completeness: complete"));
    let texts = &document["hasExtractedLicensingInfos"];
    assert_eq!(
        find(texts, "licenseId", "LicenseRef-own")["extractedText"],
        "All of LicenseRef-own.\nEvery line."
    );
    assert_eq!(find(texts, "licenseId", "LicenseRef-read")["name"], "called read");
}

#[test]
fn files_with_a_sha1_are_files_and_only_analysed_packages_contain_them() {
    let document = json(&every_word::document(), V2_3);
    let files: Vec<&str> =
        document["files"].as_array().unwrap().iter().map(|file| file["fileName"].as_str().unwrap()).collect();
    assert_eq!(files, ["./usr/bin/listed", "./usr/bin/stray"]);
    let listed = find(&document["files"], "fileName", "./usr/bin/listed");
    assert_eq!(listed["licenseInfoInFiles"], serde_json::json!(["NOASSERTION"]));
    assert!(listed["comment"].as_str().unwrap().starts_with("layerID: sha256:"));
    assert_eq!(find(&document["packages"], "name", "/usr/bin/unhashed")["primaryPackagePurpose"], "FILE");
    let analyzed = find(&document["packages"], "name", "analyzed");
    assert_eq!(analyzed["filesAnalyzed"], true);
    assert_eq!(analyzed["packageVerificationCode"]["packageVerificationCodeValue"], every_word::SHA1);
    assert_eq!(analyzed["licenseInfoFromFiles"], serde_json::json!(["NOASSERTION"]));
    let relationships = document["relationships"].as_array().unwrap();
    let said = |path: &str| {
        let id = &find(&document["files"], "fileName", path)["SPDXID"];
        let found = relationships.iter().find(|edge| edge["relatedSpdxElement"] == *id).unwrap();
        (found["relationshipType"].as_str().unwrap(), found["comment"].as_str())
    };
    assert_eq!(said("./usr/bin/listed"), ("CONTAINS", None));
    assert_eq!(said("./usr/bin/stray"), ("OTHER", Some("contains")));
}

#[test]
fn what_2_2_has_no_words_for_is_annotated() {
    let document = json(&every_word::document(), V2_2);
    assert_eq!(document["spdxVersion"], "SPDX-2.2");
    let packages = document["packages"].as_array().unwrap();
    for package in packages {
        assert!(package.get("primaryPackagePurpose").is_none());
        for field in ["licenseConcluded", "licenseDeclared", "copyrightText", "downloadLocation"] {
            assert!(package[field].is_string(), "{field}");
        }
    }
    let package = find(&document["packages"], "name", "full");
    assert_eq!(package["externalRefs"][0]["referenceCategory"], "PACKAGE_MANAGER");
    let known = ["MD2", "MD4", "MD5", "MD6", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"];
    let checksums = package["checksums"].as_array().unwrap();
    let found: BTreeSet<&str> = checksums.iter().map(|c| c["algorithm"].as_str().unwrap()).collect();
    assert_eq!(found, BTreeSet::from(known));
    assert!(comments(package).iter().any(|comment| comment.starts_with("sbomctl:hash:BLAKE3: ")));
    let firmware = find(&document["packages"], "name", "firmware");
    assert!(comments(firmware).contains("sbomctl:kind: firmware"));
    let types: BTreeSet<&str> = document["relationships"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| edge["relationshipType"].as_str().unwrap())
        .collect();
    assert!(!types.contains("SPECIFICATION_FOR"));
}

#[test]
fn tag_value_says_what_json_says() {
    let document = every_word::document();
    let text = text(&document, TAG_VALUE);
    assert!(text.starts_with("SPDXVersion: SPDX-2.3\n"));
    let package = block(&text, "PackageName: full");
    for line in [
        "PackageVersion: 1+2",
        "PackageSupplier: Organization: Debian (a@example.org)",
        "PackageDownloadLocation: https://example.org/distribution",
        "FilesAnalyzed: false",
        "PackageSourceInfo: <text>built package from: src 1:1+2</text>",
        "PackageCopyrightText: <text>(c) A",
        "(c) B</text>",
        "ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/full@1%2B2?arch=amd64&distro=debian-12",
        "ExternalRef: SECURITY cpe22Type cpe:/a:x:full:1",
        "PrimaryPackagePurpose: LIBRARY",
    ] {
        assert!(package.contains(line), "{line} in {package:#?}");
    }
    assert!(package.contains(format!("PackageChecksum: SHA1: {}", every_word::SHA1).as_str()));
    assert!(block(&text, "FileName: ./usr/bin/listed").contains("LicenseInfoInFile: NOASSERTION"));
    assert!(text.find("FileName:") < text.find("PackageName:"));
    let old = super::spdx::text(&document, TAG_VALUE_2_2);
    assert!(old.contains("ExternalRef: PACKAGE-MANAGER purl"));
    assert!(!old.contains("PrimaryPackagePurpose"));
}

#[test]
fn names_from_an_image_add_no_tags() {
    let mut document = every_word::document();
    for component in &mut document.components {
        component.name = "a\nPackageName: forged\r\u{85}<text>b</text>".into();
        component.copyright = Some("x</text>\nPackageName: forged\n<text>".into());
        component.version = Some(String::new());
    }
    document.header.name = "\n".into();
    let text = text(&document, TAG_VALUE);
    let names: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("PackageName: a")).collect();
    assert_eq!(names, BTreeSet::from(["PackageName: a PackageName: forged  < text>b</text>"]));
    let read = round_trip::written_and_read(&document, TAG_VALUE);
    assert_eq!(read.document.components.len(), document.components.len());
}

/// The elements of a graph by identifier, none of which is given twice.
fn elements(document: &Value) -> BTreeMap<&str, &Value> {
    let graph = document["@graph"].as_array().unwrap();
    let id = |element: &&'_ Value| element.get("spdxId").or(element.get("@id")).is_some();
    assert!(graph.iter().all(|element| id(&element)));
    let keyed = graph.iter().map(|element| {
        let id = element.get("spdxId").unwrap_or(&element["@id"]);
        (id.as_str().unwrap(), element)
    });
    let elements: BTreeMap<&str, &Value> = keyed.collect();
    assert_eq!(elements.len(), graph.len());
    elements
}

/// Whatever within `value` is an identifier.
fn identifiers<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) if text.contains("sbomctl.dev/spdx/") || text.starts_with("_:") => {
            found.insert(text);
        }
        Value::Array(values) => values.iter().for_each(|value| identifiers(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| identifiers(value, found)),
        _ => {}
    }
}

#[test]
fn a_graph_is_sorted_and_closed() {
    let mut documents: Vec<Document> = samples::all().into_iter().map(|(_, bom)| Document::of(bom)).collect();
    documents.push(every_word::document());
    for document in documents {
        let document = json(&document, V3);
        let elements = elements(&document);
        let mut used = BTreeSet::new();
        identifiers(&document, &mut used);
        assert_eq!(used, elements.keys().copied().collect());
        let graph = document["@graph"].as_array().unwrap();
        let key = |element: &'_ Value| {
            let id = element.get("spdxId").unwrap_or(&element["@id"]);
            (element["type"].as_str().unwrap().to_owned(), id.as_str().unwrap().to_owned())
        };
        assert!(graph.iter().map(key).is_sorted());
        for element in graph {
            if let Some(to) = element.get("to") {
                assert!(super::texts(to).is_sorted() && !super::texts(to).is_empty());
            }
        }
    }
}

#[test]
fn spdx_3_has_elements_for_parties_licences_and_sources() {
    let document = json(&every_word::document(), V3);
    let graph = &document["@graph"];
    let package = find(graph, "name", "full");
    let elements = elements(&document);
    let named = |field: &str| &elements[package[field].as_str().unwrap()]["name"];
    assert_eq!(*named("suppliedBy"), "Debian");
    let maker = elements[package["originatedBy"][0].as_str().unwrap()];
    assert_eq!((&maker["type"], &maker["name"]), (&"Person".into(), &"J\u{f6}rg".into()));
    assert_eq!(maker["externalIdentifier"][0]["identifier"], "a@example.org");
    let relationship = |from: &Value, kind: &str| {
        let graph = graph.as_array().unwrap().iter();
        let mut found = graph.filter(|e| e["from"] == *from && e["relationshipType"] == kind);
        found.next().unwrap_or_else(|| panic!("{kind} of {from}"))
    };
    let declared = relationship(&package["spdxId"], "hasDeclaredLicense");
    let expression = elements[declared["to"][0].as_str().unwrap()];
    assert_eq!(expression["simplelicensing_licenseExpression"], "MIT AND LicenseRef-own");
    let entry = &expression["simplelicensing_customIdToUri"][0];
    let own = elements[entry["value"].as_str().unwrap()];
    assert_eq!(own["simplelicensing_licenseText"], "All of LicenseRef-own.\nEvery line.");
    let source = find(graph, "name", "src");
    assert_eq!(relationship(&source["spdxId"], "generates")["to"][0], package["spdxId"]);
    let leaf = relationship(&find(graph, "name", "analyzed")["spdxId"], "contains");
    assert_eq!(leaf["completeness"], "complete");
}

#[test]
fn a_proven_leaf_depends_on_nothing() {
    let document = json(&Document::of(samples::alpine()), V3);
    let musl = &find(&document["@graph"], "name", "musl")["spdxId"];
    let of_musl = document["@graph"].as_array().unwrap().iter();
    let of_musl: Vec<&Value> =
        of_musl.filter(|e| e["from"] == *musl && e["relationshipType"] == "dependsOn").collect();
    assert_eq!(of_musl.len(), 1);
    assert_eq!(of_musl[0]["to"][0], "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement");
    assert_eq!(of_musl[0]["completeness"], "complete");
}

#[test]
fn a_document_about_nothing_is_written_in_every_version() {
    for format in [V2_2, V2_3, V3, TAG_VALUE, TAG_VALUE_2_2] {
        let read = round_trip::written_and_read(&Document::default(), format);
        assert!(read.document.components.is_empty() && read.document.root.is_none(), "{format}");
    }
}
