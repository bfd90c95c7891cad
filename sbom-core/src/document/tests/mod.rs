//! Documents of whole bills: what they must say, in every format alike.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{bom::Bom, oci::SubjectKind};

mod any;
mod cyclonedx_xml;
mod every_word;
mod full;
mod round_trip;
mod samples;
mod schema;
mod spdx;

const CYCLONEDX: Format = Format::CycloneDxJson(CycloneDxVersion::V1_6);
const SPDX: Format = Format::SpdxJson(SpdxVersion::V2_3);

fn text(bom: &Bom, format: Format, inputs: &Inputs) -> String {
    let mut bytes = Vec::new();
    write(&Document::of(bom.clone()), format, inputs, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn json(bom: &Bom, format: Format) -> Value {
    serde_json::from_str(&text(bom, format, &samples::inputs())).unwrap()
}

/// The entry of `list` whose `key` is `value`.
fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|entry| entry[key] == value)
        .unwrap_or_else(|| panic!("no {key} {value}"))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry.as_str().unwrap()).collect()
}

fn property<'a>(component: &'a Value, name: &str) -> &'a Value {
    &find(&component["properties"], "name", name)["value"]
}

fn comments(element: &Value) -> BTreeSet<&str> {
    element["annotations"].as_array().unwrap().iter().map(|a| a["comment"].as_str().unwrap()).collect()
}

#[test]
fn formats_are_parsed_from_the_names_they_are_written_as() {
    for &format in Format::ALL {
        assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        let default = Format::ALL.iter().find(|other| other.name() == format.name());
        assert_eq!(format.name().parse::<Format>().ok().as_ref(), default);
    }
    assert_eq!("spdx-json@3.0.1".parse(), Ok(Format::SpdxJson(SpdxVersion::V3_0)));
    let error = |text: &str| text.parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        error("xml"),
        "\"xml\" is not a format; the formats are table, cyclonedx-json, cyclonedx-xml, spdx-json, spdx-tag-value, \
         github, purls, csv, markdown"
    );
    assert_eq!(error("spdx-json@9"), "spdx-json has no version \"9\" here; the versions are 2.3, 2.2, 3.0");
    assert_eq!(error("table@1"), "table has no version \"1\" here; it has no versions");
}

#[test]
fn identifiers_differ_whenever_anything_that_decides_the_content_does() {
    let mut ids = BTreeSet::new();
    let mut check = |what: &str, bom: &Bom, inputs: &Inputs| {
        for format in [CYCLONEDX, SPDX] {
            let document: Value = serde_json::from_str(&text(bom, format, inputs)).unwrap();
            let id = document.get("serialNumber").unwrap_or(&document["documentNamespace"]).to_string();
            let id = id.trim_matches('"').rsplit([':', '/']).next().unwrap().to_owned();
            assert!(ids.insert(id), "{what}");
        }
    };
    let (bom, inputs) = (samples::alpine(), samples::inputs());
    check("first", &bom, &inputs);
    check("options", &bom, &Inputs { options_fingerprint: "scope=all-layers".into(), ..inputs.clone() });
    check("time", &bom, &Inputs { timestamp: Timestamp::from_unix(0).unwrap(), ..inputs.clone() });
    check(
        "tool",
        &bom,
        &Inputs { tool: Tool { name: "sbomctl".into(), version: "9".into() }, ..inputs.clone() },
    );
    let mut tagged = bom.clone();
    tagged.subject.tag = Some("other".into());
    check("tag", &tagged, &inputs);
    check("folder", &samples::rootfs(), &inputs);
    let mut changed = samples::rootfs();
    changed.components.pop();
    changed.edges.clear();
    check("content of a folder", &changed, &inputs);
    check("archive", &samples::archive(), &inputs);
}

#[test]
fn documents_are_the_same_in_every_run() {
    for (name, bom) in samples::all() {
        for &format in Format::ALL {
            let first = text(&bom, format, &samples::inputs());
            assert_eq!(first, text(&bom, format, &samples::inputs()), "{name} {format}");
            let is_empty = format == Format::Purls && first.is_empty();
            assert!((first.ends_with('\n') || is_empty) && !first.contains('\r'), "{name} {format}");
        }
    }
}

#[test]
fn cyclonedx_names_the_image_by_its_manifest() {
    let document = json(&samples::debian(), CYCLONEDX);
    let root = &document["metadata"]["component"];
    assert_eq!(root["type"], "container");
    assert!(root["version"].as_str().unwrap().starts_with("sha256:"));
    assert!(root["purl"].as_str().unwrap().starts_with("pkg:oci/demo@sha256:"), "{}", root["purl"]);
    assert_eq!(root["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(
        find(&root["externalReferences"], "type", "vcs")["url"],
        "git+https://example.org/demo.git@abc"
    );
    assert_eq!(property(root, "aquasecurity:trivy:RepoTag"), "docker.io/library/Demo:1");
    assert!(property(root, "sbomctl:oci:layer:2:createdBy").as_str().unwrap().len() > 600);
}

#[test]
fn the_root_needs_what_was_asked_for_though_something_else_needs_it_too() {
    let mut bom = samples::alpine();
    let edge = bom.edges.iter().find(|edge| edge.kind == crate::bom::EdgeKind::DependsOn).unwrap();
    let needed = edge.to;
    let of_root = |bom: &Bom| {
        let document = json(bom, CYCLONEDX);
        let root = document["metadata"]["component"]["bom-ref"].as_str().unwrap();
        let needs = texts(&find(&document["dependencies"], "ref", root)["dependsOn"]).len();
        let document = json(bom, SPDX);
        let relationships = document["relationships"].as_array().unwrap();
        let root = &find(&document["relationships"], "relationshipType", "DESCRIBES")["relatedSpdxElement"];
        let depends = |r: &&Value| r["relationshipType"] == "DEPENDS_ON" && r["spdxElementId"] == *root;
        (needs, relationships.iter().filter(depends).count())
    };
    let (cyclonedx, spdx) = of_root(&bom);
    bom.components[needed].requested = true;
    assert_eq!(of_root(&bom), (cyclonedx + 1, spdx + 1));
}

#[test]
fn cyclonedx_has_one_operating_system_and_it_has_no_purl() {
    let document = json(&samples::debian(), CYCLONEDX);
    let components = document["components"].as_array().unwrap();
    let systems: Vec<&Value> = components.iter().filter(|c| c["type"] == "operating-system").collect();
    assert_eq!(systems.len(), 1);
    assert_eq!((&systems[0]["name"], &systems[0]["version"]), (&"debian".into(), &"12.8".into()));
    assert!(systems[0].get("purl").is_none());
    assert_eq!(systems[0]["swid"]["version"], "12");
    assert_eq!(property(systems[0], "sbomctl:os:codename"), "bookworm");
    assert_eq!(property(systems[0], "syft:distro:versionCodename"), "bookworm");
    assert_eq!(components.iter().filter(|c| c["type"] == "platform").count(), 1);
}

#[test]
fn cyclonedx_says_where_a_package_came_changed_and_went() {
    let document = json(&samples::debian(), CYCLONEDX);
    let openssl = find(&document["components"], "name", "openssl");
    let place = |index: u8| format!("layer={} index={index}", crate::digest::Digest::of(&[b'd', index]));
    assert_eq!(*property(openssl, "sbomctl:layer:introduced"), place(0));
    assert_eq!(*property(openssl, "sbomctl:layer:changed"), place(1));
    assert_eq!(openssl["evidence"]["occurrences"][0]["location"], "/var/lib/dpkg/status");
    assert_eq!(openssl["evidence"]["occurrences"][0]["additionalContext"], place(1));
    let curl = find(&document["components"], "name", "curl");
    assert_eq!(*property(curl, "sbomctl:layer:removed"), place(2));
    let instruction = property(curl, "sbomctl:layer:removed:createdBy").as_str().unwrap();
    assert_eq!(instruction.chars().count(), 257);
}

#[test]
fn a_licence_text_is_kept_beside_a_single_name_and_beside_an_expression() {
    let document = json(&samples::debian(), CYCLONEDX);
    let alone = &find(&document["components"], "name", "bash")["licenses"][0]["license"];
    assert_eq!(alone["text"]["content"], "All of it.\nEvery line.");
    let openssl = find(&document["components"], "name", "openssl");
    assert_eq!(openssl["licenses"][0]["expression"], "Apache-2.0 AND LicenseRef-openssl-extra");
    let text = &openssl["evidence"]["licenses"][0]["license"];
    assert_eq!(property(text, "sbomctl:license:id"), "LicenseRef-openssl-extra");
    let document = json(&samples::debian(), SPDX);
    let extracted = find(&document["hasExtractedLicensingInfos"], "licenseId", "LicenseRef-eula");
    assert_eq!(extracted["extractedText"], "All of it.\nEvery line.");
}

#[test]
fn everything_is_reached_from_the_root() {
    for (name, bom) in samples::all() {
        let document = json(&bom, CYCLONEDX);
        let dependencies = document["dependencies"].as_array().unwrap();
        assert_eq!(
            dependencies.len(),
            bom.components.len() + 1 + usize::from(bom.operating_system.is_some())
        );
        let mut reached = BTreeSet::new();
        let mut next = vec![document["metadata"]["component"]["bom-ref"].as_str().unwrap()];
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(texts(&find(&document["dependencies"], "ref", id)["dependsOn"]));
            }
        }
        assert_eq!(reached.len(), dependencies.len(), "{name}");
    }
}

#[test]
fn completeness_is_claimed_only_where_nothing_is_missing() {
    let aggregates = |bom: &Bom| {
        let document = json(bom, CYCLONEDX);
        let all = document["compositions"].as_array().unwrap().clone();
        all.into_iter().map(|c| c["aggregate"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(aggregates(&samples::alpine()), ["unknown", "complete", "unknown"]);
    assert_eq!(aggregates(&samples::debian()), ["incomplete", "incomplete", "unknown"]);
    assert_eq!(aggregates(&samples::nothing_recognised()), ["incomplete", "incomplete"]);
}

#[test]
fn gaps_are_listed_and_counted() {
    let bom = samples::debian();
    let document = json(&bom, CYCLONEDX);
    let metadata = &document["metadata"];
    let gap = property(metadata, "sbomctl:gap").as_str().unwrap();
    let gap: Value = serde_json::from_str(gap).unwrap();
    assert_eq!(gap["kind"], "unsupported");
    assert_eq!(property(metadata, "sbomctl:gaps:count"), "7");
    assert_eq!(property(metadata, "sbomctl:gaps:notListed"), "4");
    let document = json(&bom, SPDX);
    assert!(comments(&document).contains("sbomctl:gaps:count: 7"));
    let comment = document["creationInfo"]["comment"].as_str().unwrap();
    assert_eq!(
        comment,
        "SBOM Type: Analyzed\nCompleteness: incomplete; there are 7 gaps, of which 3 are listed"
    );
    assert!(text(&bom, Format::Table, &samples::inputs()).contains("7 things could not be read"));
}

#[test]
fn a_bill_of_nothing_says_so_in_every_format() {
    for &format in Format::ALL {
        let text = text(&samples::nothing_recognised(), format, &samples::inputs());
        match format {
            // A list of package URLs has no place for anything else.
            Format::Purls => assert!(text.is_empty()),
            Format::Github => assert!(text.contains("nothing in the subject was recognised")),
            _ => assert!(text.contains("nothing-recognised"), "{format}"),
        }
    }
}

#[test]
fn spdx_packages_say_what_scanners_read() {
    let document = json(&samples::debian(), SPDX);
    let attr = find(&document["packages"], "name", "libattr1");
    assert_eq!(attr["sourceInfo"], "built package from: attr 1:2.5.1-4");
    assert_eq!(attr["originator"], "Person: José \"J\" [team] (team+x@tracker.debian.org)");
    assert_eq!(attr["supplier"], "Organization: Debian");
    assert!(attr["SPDXID"].as_str().unwrap().starts_with("SPDXRef-Package-libattr1-"));
    assert!(comments(attr).contains("PkgType: debian"));
    assert!(comments(attr).contains("sbomctl:reference:vcs: https://not an address"));
    let system = find(&document["packages"], "primaryPackagePurpose", "OPERATING_SYSTEM");
    assert!(comments(system).contains("Class: os-pkgs"));
    assert_eq!(document["creationInfo"]["creators"], serde_json::json!(["Tool: sbomctl-0.1.0"]));
}

#[test]
fn identifiers_that_images_forge_stay_unique() {
    let mut bom = samples::alpine();
    let SubjectKind::Image(image) = &bom.subject.kind else { panic!("an image") };
    let forged = Document::of(bom.clone()).root().unwrap().id.clone();
    assert!(image.manifest_digest.is_some());
    bom.components[0].id.clone_from(&forged);
    bom.components[1].id = "os:alpine@3.20.3".into();
    bom.components.sort_by(|a, b| a.id.cmp(&b.id));
    let document = json(&bom, CYCLONEDX);
    let refs = document["dependencies"].as_array().unwrap().iter().map(|d| d["ref"].to_string());
    assert_eq!(refs.collect::<BTreeSet<_>>().len(), 4);
}
