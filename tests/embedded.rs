//! Bills of materials that an image carries of itself.

use sbomctl_testkit::ImageBuilder;

use crate::program::{cyclonedx, cyclonedx_with, sbomctl};

const INSTALLED: &[u8] = b"P:app\nV:1.2-r0\nA:x86_64\nF:usr/share/spdx\nR:app.json\n\n";

/// A document about `app` in `version`, which contains a library, and was made from a source archive.
fn claim(version: &str) -> String {
    format!(
        r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","dataLicense":"CC0-1.0","name":"app",
        "documentNamespace":"https://demo.example/app","creationInfo":{{"created":"2026-01-01T00:00:00Z","creators":["Tool: demo"]}},
        "packages":[
         {{"SPDXID":"SPDXRef-app","name":"app","versionInfo":"{version}","downloadLocation":"NOASSERTION","licenseDeclared":"MIT",
           "externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:apk/demo/app@{version}?arch=x86_64"}}]}},
         {{"SPDXID":"SPDXRef-lib","name":"bundled","versionInfo":"3.0.0","downloadLocation":"NOASSERTION",
           "externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/bundled@3.0.0"}}]}},
         {{"SPDXID":"SPDXRef-source","name":"app-source","versionInfo":"1.2","downloadLocation":"https://demo.example/app.tar.gz",
           "externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:generic/app-source@1.2"}}]}}],
        "relationships":[
         {{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-app"}},
         {{"spdxElementId":"SPDXRef-app","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-lib"}},
         {{"spdxElementId":"SPDXRef-app","relationshipType":"GENERATED_FROM","relatedSpdxElement":"SPDXRef-source"}}]}}"#
    )
}

fn image(claim: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", b"ID=demo\nVERSION_ID=1\n")
                .file("lib/apk/db/installed", INSTALLED)
                .file("usr/share/spdx/app.json", claim.as_bytes())
        })
        .build()
        .write_oci_layout(folder.path())
        .unwrap();
    folder
}

#[test]
fn a_claim_adds_to_what_was_found_and_doubles_nothing() {
    let folder = image(&claim("1.2-r0"));
    let document = cyclonedx(folder.path());
    assert_eq!(document.packages(), ["app 1.2-r0", "bundled 3.0.0"]);
    let claimed = ["/usr/share/spdx/app.json"];
    assert_eq!(document.properties("app", "sbomctl:claimed-by"), claimed);
    assert_eq!(document.component("app")["licenses"][0]["license"]["id"], "MIT");
    assert_eq!(document.properties("app", "sbomctl:claimed-only"), [""; 0]);
    assert_eq!(document.properties("bundled", "sbomctl:claimed-by"), claimed);
    assert_eq!(document.properties("bundled", "sbomctl:claimed-only"), ["true"]);
    assert_eq!(document.component("bundled")["evidence"]["identity"]["confidence"], 0.5);
    assert!(document.edges().contains("app -> bundled"), "{:?}", document.edges());
}

#[test]
fn claims_are_left_out_on_request() {
    let folder = image(&claim("1.2-r0"));
    let document = cyclonedx_with(folder.path(), &["--no-embedded-sboms"]);
    assert_eq!(document.packages(), ["app 1.2-r0"]);
    assert_eq!(document.properties("app", "sbomctl:claimed-by"), [""; 0]);
}

#[test]
fn the_database_decides_over_a_claim_of_another_version() {
    let folder = image(&claim("1.1-r0"));
    let document = cyclonedx(folder.path());
    assert_eq!(document.packages(), ["app 1.2-r0", "bundled 3.0.0"]);
    assert_eq!(document.properties("app", "sbomctl:claim-contradicts"), ["/usr/share/spdx/app.json: 1.1-r0"]);
}

#[test]
fn a_claim_that_cannot_be_read_is_a_gap() {
    let folder = image("{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{");
    let subject = format!("oci:{}", folder.path().display());
    let run = sbomctl(&["scan", &subject, "--strict", "-o", "cyclonedx-json"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(
        run.stderr.contains("/usr/share/spdx/app.json: what the image claims of itself"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("embedded-sbom"));
}
