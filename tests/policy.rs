//! `policy`: what is said of policies and cases, in which form, with which exit code.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::program::{Run, sbomctl};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy/policy.yaml");
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy/policy.test.yaml");

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn text(path: &str) -> String {
    fs::File::open(path).and_then(std::io::read_to_string).unwrap()
}

/// What the gate says of the cases, in `format`. The second is denied, so the run ends with 1.
fn explained(format: &str) -> Run {
    let run = sbomctl(&["policy", "explain", POLICY, "--cases", CASES, "--format", format]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    run
}

#[test]
fn a_policy_is_valid_or_all_that_is_wrong_is_told_with_its_line() {
    let run = sbomctl(&["policy", "check", POLICY]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.ends_with("policy.yaml: valid, signers: 2, rules: 2\n"), "{}", run.stdout);
    let folder = tempfile::tempdir().unwrap();
    let wrong = write(
        folder.path(),
        "p.yaml",
        "version: 1\ndefualt: deny\nrules:\n  - images: [alpine]\n    mod: warn\n",
    );
    let run = sbomctl(&["policy", "check", &wrong]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    for expected in [
        "p.yaml:2:1: there is no key \"defualt\" here (did you mean \"default\"?)",
        "p.yaml:4:14: rules[0].images[0]: \"alpine\"",
        "write \"docker.io/library/alpine\"",
        "p.yaml:5:5: rules[0]: there is no key \"mod\" here (did you mean \"mode\"?)",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
    assert_eq!(sbomctl(&["policy", "check", "/nowhere/p.yaml"]).code, 2);
}

#[test]
fn cases_end_as_they_should_or_the_test_fails() {
    let folder = Path::new(POLICY).parent().unwrap().display().to_string();
    let run = sbomctl(&["policy", "test", &folder]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with("\n5 cases, 0 of them not as they should be\n"), "{}", run.stdout);
    let own = tempfile::tempdir().unwrap();
    let policy = json!(POLICY);
    let case = "{name: a, image: ghcr.io/acme/app, expect: {decision: allow}}";
    write(own.path(), "x.test.yaml", &format!("policy: {policy}\nnow: 2026-11-21\ncases: [{case}]\n"));
    let run = sbomctl(&["policy", "test", &own.path().display().to_string()]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("expected allow, found deny"), "{}", run.stdout);
    write(own.path(), "y.test.yaml", &format!("policy: {policy}\nnow: 2026-11-21\ncases: [{{name: a}}]\n"));
    assert_eq!(sbomctl(&["policy", "test", &own.path().display().to_string()]).code, 2);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(
        sbomctl(&["policy", "test", &empty.path().display().to_string()]).code,
        2,
        "nothing was tested"
    );
}

#[test]
fn an_image_is_explained_without_a_registry() {
    let run = sbomctl(&["policy", "explain", POLICY, "ghcr.io/acme/app:v1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for expected in [
        "rule 0 production, line 9: whoever does not meet it is denied",
        "needs an SBOM (spdx or cyclonedx) by ci, of each the newest, about each platform by its own digest, not older than 30 days",
        "without the licences AGPL-3.0-only",
        "rule 1 base images, line 19: whoever does not meet it is warned of",
        "statements of these signers are looked for: ci\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let run = sbomctl(&["policy", "explain", POLICY, "alpine"]);
    assert!(
        run.stdout.contains("no rule is for it, so by the policy's default it is denied"),
        "{}",
        run.stdout
    );
}

#[test]
fn all_that_a_rule_asks_for_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(
        folder.path(),
        "p.yaml",
        "version: 1
default: deny
signers: {ci: {key: c.pub}, ops: {key: o.pub}}
rules:
  - images: ['**']
    require:
      - sbom: {by: [ci], maxAge: 90m, time: claimed, coverage: index, elements: ntia, matches: layers}
      - attestation: {type: vuln, by: [ci], maxAge: 36h}
    deny: {vulns: {min: high, fixableOnly: true, grace: 14d, vex: {by: [ops, ci]}}}
    base: {allow: ['cgr.dev/chainguard/*'], maxAge: 8w}
",
    );
    let run = sbomctl(&["policy", "explain", &policy, "ghcr.io/acme/app:v1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for expected in [
        "by ci, of each the newest, about each platform by the index, with the platform or with none, not older than 90 minutes, by its own word where no time is proven, with the NTIA Minimum Elements (2021), with the layers of the image\n",
        "about each platform by its own digest or by that of the index alone, not older than 36 hours\n",
        "without vulnerabilities from high up that can be fixed, known for more than 14 days, unless VEX by ops or ci clears them\n",
        "built on cgr.dev/chainguard/*, not older than 56 days, by its own word\n",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
}

#[test]
fn a_report_for_people_says_why_and_what_to_do() {
    let run = explained("text");
    for expected in [
        "allowed  ghcr.io/acme/app:v1@sha256:",
        "DENIED  ghcr.io/acme/app:v1@sha256:",
        "UNDECIDED, so not allowed  ghcr.io/acme/app:v1@sha256:",
        "by ci: nothing was found [NO_ATTESTATION]",
        "what to do: attest the image: sbomctl attest IMAGE",
        "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0: denied by",
        "AGPL-3.0-only until 2026-06-30T23:59:59Z: EXPIRED",
    ] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
}

#[test]
fn a_report_for_programs_follows_its_schema() {
    let document: Value = serde_json::from_str(&explained("json").stdout).unwrap();
    let schema = text(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/verdict.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let decisions: Vec<&Value> =
        document["verdicts"].as_array().unwrap().iter().map(|verdict| &verdict["decision"]).collect();
    assert_eq!(decisions, ["allow", "deny", "deny", "undecided", "deny"]);
    assert_eq!(document["verdicts"][2]["exceptions"][0]["state"], "expired");
}

#[test]
fn a_report_for_code_scanning_names_reason_line_and_image() {
    let document: Value = serde_json::from_str(&explained("sarif").stdout).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index], result["ruleId"], "{result}");
        let place = &result["locations"][0];
        assert!(place["physicalLocation"]["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(place["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap().starts_with("pkg:oci/"));
    }
    let of = |reason: &str| results.iter().filter(|result| result["ruleId"] == reason).collect::<Vec<_>>();
    assert_eq!(of("PACKAGE_DENIED")[0]["level"], "error");
    assert_eq!(of("BASE_UNKNOWN")[0]["level"], "warning");
    assert_eq!(of("NO_RULE").len(), 1);
}

#[test]
fn a_report_of_tests_has_a_suite_for_each_image() {
    let run = explained("junit");
    assert_eq!(run.stdout.matches("<testsuite ").count(), 5, "{}", run.stdout);
    assert!(run.stdout.contains("<failure type=\"PACKAGE_DENIED\""), "{}", run.stdout);
    assert!(run.stdout.contains("<error type=\"LIMIT\""), "{}", run.stdout);
    assert!(run.stdout.contains("<skipped message=\"warn only: it does not say"), "{}", run.stdout);
}

#[test]
fn annotations_stand_at_the_line_of_the_policy() {
    let run = explained("github");
    assert!(
        run.stdout
            .contains("policy.yaml,line=13,title=NO_ATTESTATION::ghcr.io/acme/app:v1 (linux/amd64): no SBOM"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("::warning file="), "{}", run.stdout);
}

#[test]
fn nothing_of_an_image_gets_out_of_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let policy = write(
        folder.path(),
        "p.yaml",
        "version: 1\ndefault: deny\nsigners: {a: {key: k}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [a]}}]\n    deny: {packages: ['pkg:npm/*']}\n",
    );
    let name = "\\u001b[31mx\\n::error::owned <b>&\\u0000";
    let case = format!(
        "policy: p.yaml\nnow: 2026-11-21\ncases:\n  - name: x\n    image: a.b/c\n    attestations:\n      - by: a\n        predicate: {{bomFormat: CycloneDX, specVersion: '1.6', version: 1, components: [{{type: library, name: \"{name}\"}}]}}\n",
    );
    let cases = write(folder.path(), "c.yaml", &case);
    for format in ["text", "github", "junit", "sarif"] {
        let run = sbomctl(&["policy", "explain", &policy, "--cases", &cases, "--format", format]);
        assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\0'), "{format}: {:?}", run.stdout);
        assert!(!run.stdout.lines().any(|line| line.starts_with("::error::")), "{format}: {}", run.stdout);
        assert!(format != "junit" || !run.stdout.contains("<b>"), "{}", run.stdout);
    }
}
