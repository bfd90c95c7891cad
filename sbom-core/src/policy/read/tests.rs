//! What is read of policies, what is refused, and that the schema says the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../../../schemas/policy.schema.json");

/// A policy in which every key is used once.
const FULL: &str = include_str!("full.yaml");

#[track_caller]
fn errors(text: &str) -> String {
    Policy::parse(text).expect_err(text).to_string()
}

fn rule(rule: &str) -> String {
    format!(
        "version: 1\ndefault: deny\nsigners:\n  ci: {{key: a.pub}}\n  ops: {{key: b.pub}}\nrules:\n  - images: [\"**\"]\n{rule}"
    )
}

#[test]
fn a_policy_with_every_key_is_read() {
    let policy = Policy::parse(FULL).unwrap();
    assert_eq!(policy.rules.len(), 2);
    assert_eq!(policy.rules[0].require.len(), 3);
    assert_eq!(policy.rules[0].exceptions[0].until.to_string(), "2026-12-31T23:59:59Z");
    assert_eq!(policy.signers["ops"].not_before.unwrap().to_string(), "2026-01-01T00:00:00Z");
}

#[test]
fn every_error_is_told_with_its_line_and_what_was_meant() {
    let text =
        "version: 2\ndefault: dney\nsigners:\n  ci: {key: a.pub, isuer: x}\nrules:\n  - image: [\"**\"]\n";
    let lines: Vec<String> = errors(text).lines().map(str::to_owned).collect();
    for (line, expected) in [
        (0, "1:10: version: \"2\" is none of 1"),
        (1, "2:10: default: \"dney\" is none of deny, warn, allow (did you mean \"deny\"?)"),
        (2, "4:20: signers.ci: there is no key \"isuer\" here (did you mean \"issuer\"?)"),
        (3, "6:5: rules[0]: there is no key \"image\" here (did you mean \"images\"?)"),
    ] {
        assert!(lines[line].starts_with(expected), "{lines:#?}");
    }
}

#[test]
fn what_is_mandatory_must_be_there() {
    assert!(errors("version: 1\nrules: []").contains("the key \"default\" is missing"));
    assert!(errors("default: deny\nrules: []").contains("the key \"version\" is missing"));
    assert!(errors("version: 1\ndefault: deny").contains("the key \"rules\" is missing"));
    assert!(errors(&rule("    require: [{sbom: {formats: [spdx]}}]")).contains("the key \"by\" is missing"));
    assert!(errors("- a").contains("expected a mapping, found a list"));
}

#[test]
fn what_would_let_everything_pass_is_refused() {
    for (text, problem) in [
        ("    mode: enforce", "it would let everything pass"),
        ("    require: []", "the list is empty"),
        ("    require: [{sbom: {by: []}}]", "the list is empty"),
        ("    require: [{sbom: {by: [cii]}}]", "there is no signer \"cii\""),
        ("    deny: {packages: [\"pkg:npm/a\"]}", "says whose bill of materials"),
        ("    deny: {licenses: [MIT]}", "says whose bill of materials"),
        ("    deny: {vulns: {min: high}}", "says whose report"),
        ("    require: [{sbom: {by: [ci], threshold: 2}}]", "threshold is higher"),
        ("    require: [{sbom: {by: [ci], agree: true}}]", "agree needs a threshold"),
        ("    require: [{sbom: {by: [ci], maxAge: 30}}]", "expected a number and a unit"),
        (
            "    require: [{sbom: {by: [ci]}, attestation: {by: [ci], type: vuln}}]",
            "one of sbom and attestation",
        ),
        ("    require: [{attestation: {by: [ci], type: sbom}}]", "is no type of predicate"),
        ("    require: [{attestation: {by: [ci], type: vuln, where: 'predicate.x +'}}]", "expected"),
        ("    base: {}", "base needs allow or maxAge"),
        ("    base: {allow: [alpine]}", "docker.io/library/alpine"),
    ] {
        let found = errors(&rule(text));
        assert!(found.contains(problem), "{text}: {found}");
    }
    assert!(
        errors("version: 1\ndefault: deny\nrules: [{images: [], base: {maxAge: 1d}}]")
            .contains("the list is empty")
    );
}

#[test]
fn a_signer_is_a_key_or_an_issuer_with_a_subject() {
    for (signer, problem) in [
        ("{}", "a signer needs a key"),
        ("{issuer: https://a}", "the key \"subject\" is missing"),
        ("{subject: a}", "the key \"issuer\" is missing"),
        ("{key: a.pub, subject: a}", "not both"),
        ("{issuer: https://a, subject: {regex: '('}}", "regex parse error"),
        ("{issuer: https://a, subject: {regex: a, glob: b}}", "exactly one of"),
        ("{key: a.pub, notBefore: 2027-01-01, notAfter: 2026-01-01}", "no statement could ever count"),
        ("{key: a.pub, notAfter: tomorrow}", "expected a date"),
        ("{key: 'env://'}", "the name of the variable"),
        ("{key: a.pub, revoked: {attestations: [sha256:00]}}", "is not a digest"),
    ] {
        let found = errors(&format!("version: 1\ndefault: deny\nsigners:\n  a: {signer}\nrules: []\n"));
        assert!(found.contains(problem), "{signer}: {found}");
    }
}

#[test]
fn an_exception_has_an_end_and_a_reason() {
    let with = |exception: &str| rule(&format!("    base: {{maxAge: 1d}}\n    exceptions: [{exception}]"));
    assert!(errors(&with("{id: CVE-1, reason: x}")).contains("the key \"until\" is missing"));
    assert!(errors(&with("{id: CVE-1, until: 2026-01-01}")).contains("the key \"reason\" is missing"));
    assert!(errors(&with("{id: 'pkg:npm', until: 2026-01-01, reason: x}")).contains("package URL"));
    assert!(Policy::parse(&with("{id: CVE-1, until: 2026-01-01, reason: x}")).is_ok());
}

/// The mapping that the schema calls `name`.
fn mapping<'a>(schema: &'a Value, name: &str) -> &'a Value {
    if name == "policy" { schema } else { &schema["$defs"][name] }
}

#[test]
fn the_schema_has_the_keys_of_the_model_and_no_others() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (name, keys) in KEYS {
        let mapping = mapping(&schema, name);
        let in_schema: BTreeSet<&str> =
            mapping["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(in_schema, keys.iter().copied().collect(), "{name}");
        assert_eq!(mapping["additionalProperties"], false, "{name}");
    }
}

#[test]
fn schema_and_reader_accept_and_refuse_the_same() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let tree = |text: &str| yaml::parse(text).unwrap().to_json();
    let full = tree(FULL);
    let told: Vec<String> = validator.iter_errors(&full).map(|error| error.to_string()).collect();
    assert!(told.is_empty(), "{told:#?}");
    // Each mapping with a key too many is refused by both.
    let mut places = Vec::new();
    mappings(&full, "", &mut places);
    assert!(places.len() > 15, "{places:?}");
    for place in places {
        let mut wrong = full.clone();
        wrong.pointer_mut(&place).unwrap()["surplus"] = Value::Bool(true);
        assert!(!validator.is_valid(&wrong), "{place}");
        assert!(Policy::parse(&wrong.to_string()).is_err(), "{place}");
    }
}

fn mappings(value: &Value, place: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            // Names of signers are free.
            if place != "/signers" {
                into.push(place.to_owned());
            }
            members.iter().for_each(|(key, value)| mappings(value, &format!("{place}/{key}"), into));
        }
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(index, value)| mappings(value, &format!("{place}/{index}"), into));
        }
        _ => {}
    }
}
