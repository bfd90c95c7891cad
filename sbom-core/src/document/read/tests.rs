//! What formats and wrappers are told by, and what is said of what is neither.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use super::{cyclonedx::tests::FULL, *};

const BOM: &str = r#"{"components": [], "specVersion": "1.5", "bomFormat": "CycloneDX"}"#;

fn of(bytes: impl AsRef<[u8]>) -> Result<Read, ReadError> {
    read(bytes.as_ref(), &Limits::default())
}

fn error(bytes: impl AsRef<[u8]>) -> String {
    of(bytes).unwrap_err().to_string()
}

fn statement(predicate: &str) -> String {
    format!(
        r#"{{"_type": "https://in-toto.io/Statement/v1", "subject": [{{"name": "demo", "digest": {{"sha256": "ab"}}}}],
            "predicateType": "https://cyclonedx.org/bom", "predicate": {predicate}}}"#
    )
}

fn envelope(payload: &str) -> String {
    format!(
        r#"{{"payloadType": "application/vnd.in-toto+json", "payload": "{payload}", "signatures": [{{"sig": "eA=="}}]}}"#
    )
}

#[test]
fn the_content_alone_tells_the_format() {
    let reordered = of(BOM).unwrap();
    assert_eq!(reordered.format, SourceFormat { syntax: Syntax::CycloneDxJson, version: "1.5".to_owned() });
    let marked = of(format!("\u{feff}\n {BOM}\n")).unwrap();
    assert_eq!(marked.format, reordered.format);
    for (text, syntax) in [
        (r#"{"name": "a", "spdxVersion": "SPDX-2.3"}"#, Syntax::SpdxJson),
        (
            r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#,
            Syntax::SpdxJsonLd,
        ),
        (r#"{"artifacts": [], "artifactRelationships": []}"#, Syntax::SyftJson),
        (r#"{"schema": {}, "artifacts": []}"#, Syntax::SyftJson),
        ("# comment\n\nSPDXVersion: SPDX-2.3\n", Syntax::SpdxTagValue),
        (r#"<!-- --><b:bom xmlns:b="http://cyclonedx.org/schema/bom/1.4"/>"#, Syntax::CycloneDxXml),
    ] {
        assert_eq!(sniff::form(text).unwrap(), Form::Plain(syntax), "{text}");
    }
}

#[test]
fn documents_are_taken_out_of_what_they_are_wrapped_in() {
    let plain = of(FULL).unwrap();
    let check = |text: &str, wrappers: &[&str]| {
        let read = of(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let names: Vec<String> = read.wrapped_in.iter().map(ToString::to_string).collect();
        assert_eq!(names, wrappers);
        assert_eq!(read.document.components, plain.document.components);
        read
    };
    let quoted = serde_json::to_string(FULL).unwrap();
    let in_statement = r#"an in-toto statement of type "https://cyclonedx.org/bom""#;
    let in_envelope = r#"a DSSE envelope of "application/vnd.in-toto+json""#;
    for predicate in [
        FULL.to_owned(),
        quoted.clone(),
        format!(r#"{{"Data": {quoted}, "Timestamp": ""}}"#),
        format!(r#"{{"Data": {FULL}}}"#),
    ] {
        let read = check(&statement(&predicate), &[in_statement]);
        let Some(Wrapper::Statement { subjects, .. }) = read.wrapped_in.first() else { panic!("{read:?}") };
        assert_eq!((subjects[0].name.as_str(), subjects[0].digest["sha256"].as_str()), ("demo", "ab"));
    }
    assert_eq!(check(&statement(FULL), &[in_statement]).document.header.origin, plain.document.header.origin);
    for payload in [
        STANDARD.encode(statement(FULL)),
        URL_SAFE_NO_PAD.encode(statement(FULL)),
        STANDARD.encode(statement(FULL)).replace('I', "I\\n"),
    ] {
        check(&envelope(&payload), &[in_envelope, in_statement]);
    }
    let bundle = format!(
        r#"{{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {{}}, "dsseEnvelope": {}}}"#,
        envelope(&STANDARD.encode(statement(FULL)))
    );
    check(&bundle, &["a Sigstore bundle", in_envelope, in_statement]);
    check(&format!(r#"{{"sbom": {FULL}}}"#), &[r#"an object with the member "sbom""#]);
}

#[test]
fn errors_within_wrappers_say_in_which() {
    let inner = r#"{"bomFormat": "CycloneDX", "specVersion": 1}"#;
    assert_eq!(
        error(envelope(&STANDARD.encode(statement(inner)))),
        "inside a DSSE envelope of \"application/vnd.in-toto+json\": inside an in-toto statement of type \
         \"https://cyclonedx.org/bom\": CycloneDX JSON, line 1, column 43: invalid type: integer `1`, expected a string"
    );
    let provenance = error(statement(r#"{"buildDefinition": {}}"#));
    assert!(provenance.contains("it is a JSON object with the names buildDefinition"), "{provenance}");
    for (text, message) in [
        (envelope("*"), "the envelope, payload: is not base64: Invalid symbol 42, offset 0."),
        (r#"{"payloadType": "x"}"#.to_owned(), "the envelope, payload: is missing"),
        (
            r#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {}}"#
                .to_owned(),
            "the envelope, dsseEnvelope: is missing",
        ),
        (statement("1"), "the envelope, predicate: is no document"),
    ] {
        assert_eq!(error(text), message);
    }
    let lines = format!("{}\n{}", envelope("eA=="), envelope("eA=="));
    assert!(error(lines).contains("more than one JSON value"));
}

#[test]
fn wrappers_are_nested_no_deeper_than_the_limit() {
    let mut text = BOM.to_owned();
    for _ in 0..5 {
        text = envelope(&STANDARD.encode(text));
    }
    assert_eq!(of(&text).unwrap().wrapped_in.len(), 5);
    let mut limits = Limits::default();
    limits.set("document-depth", 4);
    let error = read(text.as_bytes(), &limits).unwrap_err().to_string();
    assert!(error.contains("--limit document-depth="), "{error}");
}

#[test]
fn what_is_no_bill_of_materials_is_said_to_be_what_it_is() {
    for (bytes, message) in [
        (&b""[..], "it is an empty file"),
        (b" \n", "it is an empty file"),
        (b"{}", "it is an empty JSON object"),
        (b"[]", "it is a JSON list"),
        (b"\x1f\x8b\x08", "decompress it first"),
        (b"PK\x03\x04", "a zip archive"),
        (br#"{"a": 1, "b\n": 2}"#, "it is a JSON object with the names a, b\u{fffd}"),
        (br#"{"SchemaVersion": 2, "ArtifactName": "a", "Results": []}"#, "a report of Trivy"),
        (br#"{"@context": "https://openvex.dev/ns", "statements": []}"#, "a VEX document"),
        (br#"{"bomFormat": "Other"}"#, "with the names bomFormat"),
        (b"NAME   VERSION  TYPE\na  1  deb\n", "a table, as Syft prints it"),
        (b"spdxVersion: \"SPDX-2.3\"\n", "SPDX as YAML"),
        (b"\x1b[1mHello", "it is a text that begins with \"\u{fffd}[1mHello\""),
        (b"<html><body/></html>", "XML with the element \"html\""),
        (b"<rdf:RDF xmlns:rdf=\"urn:r\"/>", "RDF as XML"),
        (b"<", "something like XML, but without an element"),
    ] {
        let found = error(bytes);
        assert!(found.starts_with("not a bill of materials that can be read: "), "{found}");
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn other_encodings_than_utf_8_are_refused() {
    let utf_16: Vec<u8> = BOM.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, at) in [(utf_16, 1), (b"\xff\xfe{\0".to_vec(), 0), (b"{\"a\xff\"".to_vec(), 3)] {
        let found = error(bytes);
        assert_eq!(found, format!("not UTF-8, first at byte {at}; convert the file (as with iconv) first"));
    }
}

#[test]
fn limits_are_named() {
    let check = |name: &str, value: u64, text: &str| {
        let mut limits = Limits::default();
        assert!(limits.set(name, value));
        let error = read(text.as_bytes(), &limits).unwrap_err().to_string();
        assert!(error.contains(&format!("--limit {name}=")), "{error}");
    };
    check("document-bytes", 10, FULL);
    check("document-components", 3, FULL);
    check("document-relationships", 2, FULL);
    check("document-depth", 1, FULL);
}

#[test]
fn places_of_losses_are_bounded() {
    let members: String = (0..5000).map(|n| format!(r#""{n}{}": 1,"#, "x".repeat(200))).collect();
    let twice = of(BOM.replace('{', &format!(r#"{{"{0}": 1, "{0}": 2, "#, "x".repeat(200)))).unwrap().losses;
    assert_eq!(twice.0.values().sum::<u64>(), 2);
    let losses = of(format!("{{{members}{}", BOM.trim_start_matches('{'))).unwrap().losses;
    assert_eq!(losses.0.len(), 1001);
    assert_eq!(losses.0.values().sum::<u64>(), 5000);
    assert!(losses.0.keys().all(|place| place.chars().count() <= 81));
}
