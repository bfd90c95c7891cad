//! What manifests and indexes are taken for, and refused for.

use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn parse(json: &str, expected: &str) -> Result<Document, ManifestError> {
    Document::parse(json.replace("$A", A).as_bytes(), expected)
}

fn manifest(config: &str, layers: &[&str]) -> Manifest {
    let descriptor = |kind: &&str| format!(r#"{{"mediaType":"{kind}","digest":"$A","size":1}}"#);
    let layers: Vec<String> = layers.iter().map(descriptor).collect();
    let json = format!(r#"{{"config":{},"layers":[{}]}}"#, descriptor(&config), layers.join(","));
    match parse(&json, "").unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => panic!("an index"),
    }
}

const CONFIG: &str =
    r#""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$A","size":2}"#;

#[test]
fn a_document_is_what_its_fields_or_its_media_type_say() {
    assert!(matches!(parse(&format!("{{{CONFIG}}}"), ""), Ok(Document::Manifest(_))));
    assert!(matches!(
        parse(&format!("{{{CONFIG},\"layers\":null}}"), OCI_MANIFEST),
        Ok(Document::Manifest(_))
    ));
    assert!(matches!(parse(r#"{"manifests":[]}"#, DOCKER_LIST), Ok(Document::Index(_))));
    let typed = format!(r#"{{"mediaType":"{OCI_INDEX}","manifests":[]}}"#);
    assert!(matches!(parse(&typed, "application/json; charset=utf-8"), Ok(Document::Index(_))));
}

#[test]
fn a_document_that_is_both_is_refused() {
    for json in [
        format!(r#"{{{CONFIG},"manifests":[]}}"#),
        r#"{"layers":[],"manifests":[]}"#.to_owned(),
        format!(r#"{{"mediaType":"{OCI_INDEX}",{CONFIG},"layers":[]}}"#),
        format!(r#"{{"mediaType":"{DOCKER_MANIFEST}","manifests":[]}}"#),
    ] {
        assert!(matches!(parse(&json, ""), Err(ManifestError::Ambiguous)), "{json}");
    }
    let twice = format!("{{{CONFIG},{CONFIG}}}");
    assert!(matches!(parse(&twice, ""), Err(ManifestError::Json(_))));
}

#[test]
fn a_document_that_was_announced_as_something_else_is_refused() {
    let error = parse(r#"{"manifests":[]}"#, OCI_MANIFEST).unwrap_err();
    assert!(matches!(error, ManifestError::Disagreement { .. }), "{error}");
    let error = parse(&format!("{{{CONFIG}}}"), DOCKER_LIST).unwrap_err();
    assert!(matches!(error, ManifestError::Disagreement { .. }), "{error}");
}

#[test]
fn what_is_no_document_at_all_is_refused() {
    assert!(matches!(parse("{}", ""), Err(ManifestError::Unrecognised(_))));
    assert!(matches!(parse(r#"{"layers":[]}"#, ""), Err(ManifestError::Unrecognised(_))));
    assert!(matches!(parse("[", ""), Err(ManifestError::Json(_))));
    assert!(matches!(parse(&"[".repeat(100_000), ""), Err(ManifestError::Json(_))));
    assert!(matches!(parse(r#"{"schemaVersion":1,"fsLayers":[]}"#, ""), Err(ManifestError::SchemaOne)));
    let artifact = r#"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"x/y"}"#;
    assert!(matches!(parse(artifact, ""), Err(ManifestError::Artifact(kind)) if kind == "x/y"));
    let climbing = r#"{"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}"#;
    assert!(matches!(parse(climbing, ""), Err(ManifestError::Digest { field: "manifests", .. })));
    assert!(parse(r#"{"manifests":[{"digest":"$A","size":-1}]}"#, "").is_err());
}

#[test]
fn images_are_told_from_artifacts() {
    let image = |config, layers: &[&str]| manifest(config, layers).check_is_image();
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    assert!(image(OCI_CONFIG, &[gzip, "application/vnd.oci.image.layer.v1.tar+zstd"]).is_ok());
    assert!(image(DOCKER_CONFIG, &["application/vnd.docker.image.rootfs.diff.tar.gzip"]).is_ok());
    assert!(image(DOCKER_CONFIG, &["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"]).is_ok());
    assert!(image("application/octet-stream", &[gzip]).is_ok());
    assert!(image(OCI_CONFIG, &[]).is_ok());
    for (config, layer) in [
        ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
        (OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
        (OCI_CONFIG, "application/vnd.in-toto+json"),
    ] {
        assert!(matches!(image(config, &[layer]), Err(ManifestError::Artifact(_))), "{config} {layer}");
    }
    let mixed = image(OCI_CONFIG, &[gzip, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"]);
    assert!(matches!(mixed, Err(ManifestError::LayerType { index: 1, .. })));
}

#[test]
fn attestations_are_not_platforms() {
    let json = r#"{"manifests":[
        {"digest":"$A","size":1,"platform":{"os":"unknown","architecture":"unknown"}},
        {"digest":"$A","size":1,"annotations":{"vnd.docker.reference.type":"attestation-manifest"}},
        {"digest":"$A","size":1,"platform":{"os":"linux","architecture":"arm","variant":""}},
        {"digest":"$A","size":1,"annotations":null},
        {"digest":"$A","size":1,"platform":{"os":"linux","architecture":"amd64"},
         "annotations":{"vnd.docker.reference.type":"attestation-manifest"}}]}"#;
    let Ok(Document::Index(index)) = parse(json, "") else { panic!("no index") };
    let attestations: Vec<bool> = index.manifests.iter().map(Descriptor::is_attestation).collect();
    assert_eq!(attestations, [true, true, false, false, false]);
    let for_none: Vec<bool> = index.manifests.iter().map(Descriptor::is_for_no_machine).collect();
    assert_eq!(for_none, [true, false, false, false, false]);
    assert_eq!(index.manifests[2].platform.as_ref().unwrap().variant, None);
}
