//! Verdicts as facts: each case is a policy, what is known, and what the gate must say.

use super::*;
use crate::policy::fixture::Fixture;

mod coverage;
mod vex;

const HEAD: &str = "version: 1
default: deny
signers:
  ci: {key: a.pub}
  ops: {key: b.pub}
  old: {key: c.pub, notAfter: 2026-06-30}
  new: {key: d.pub, notBefore: 2026-06-01}
  revoked: {key: e.pub, revoked: {logIndexes: [7], attestations: [\"sha256:1111111111111111111111111111111111111111111111111111111111111111\"]}}
rules:
  - images: [\"ghcr.io/acme/**\"]
";

/// A clean bill of materials, and one with something in it.
const CLEAN: &str = "predicate: {bomFormat: CycloneDX, specVersion: '1.6', version: 1, components: []}";

fn with(component: &str) -> String {
    format!("predicate: {{bomFormat: CycloneDX, specVersion: '1.6', version: 1, components: [{component}]}}")
}

const LOG4J: &str = "{type: library, name: log4j-core, version: 2.14.0, purl: 'pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0'}";

fn verdict_of(policy: &str, case: &str) -> Verdict {
    let policy = Policy::parse(policy).unwrap_or_else(|errors| panic!("{errors}\n{policy}"));
    let text =
        format!("policy: p\nnow: 2026-11-21\ncases:\n  - name: x\n    image: ghcr.io/acme/app:v1\n{case}");
    let none = &mut |name: &str| Err(format!("no file {name}"));
    let fixture = Fixture::parse(&text, none).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let case = &fixture.cases[0];
    evaluate(&policy, &case.subject, &case.evidence, case.now, &Limits::default())
}

#[track_caller]
fn check(rule: &str, case: &str, decision: Decision, reasons: &[&str]) -> Verdict {
    let verdict = verdict_of(&format!("{HEAD}{rule}"), case);
    let found: Vec<&str> = verdict.reasons().map(Reason::code).collect();
    assert_eq!((verdict.decision, found.as_slice()), (decision, reasons), "{rule}\n{case}\n{verdict:#?}");
    verdict
}

const SBOM: &str = "    require: [{sbom: {by: [ci]}}]\n";

fn statements(list: &[String]) -> String {
    let lines: Vec<String> = list.iter().map(|statement| format!("      - {{{statement}}}\n")).collect();
    format!("    attestations:\n{}", lines.concat())
}

#[test]
fn an_empty_set_never_passes() {
    check(SBOM, "", Decision::Deny, &["NO_ATTESTATION"]);
    check(SBOM, "    platforms: [unknown/unknown]\n", Decision::Undecided, &["NO_PLATFORM"]);
    let other = "    image: quay.io/other/app\n";
    let policy = |default: &str| format!("version: 1\ndefault: {default}\nrules: []\n");
    for (default, decision) in
        [("deny", Decision::Deny), ("warn", Decision::Warn), ("allow", Decision::Allow)]
    {
        let verdict = verdict_of(&policy(default), "");
        assert_eq!((verdict.decision, verdict.reason.code()), (decision, "NO_RULE"), "{other}");
    }
}

#[test]
fn a_statement_by_a_named_signer_passes_and_no_other_does() {
    check(SBOM, &statements(&[format!("by: ci, {CLEAN}")]), Decision::Allow, &[]);
    check(SBOM, &statements(&[format!("by: ops, {CLEAN}")]), Decision::Deny, &["SIGNER_MISMATCH"]);
    check(
        SBOM,
        &statements(&["by: ci, type: vuln, predicate: {}".to_owned()]),
        Decision::Deny,
        &["WRONG_TYPE"],
    );
    check(SBOM, &statements(&["by: ci, predicate: {a: b}".to_owned()]), Decision::Deny, &["UNREADABLE"]);
    check(SBOM, &statements(&[format!("by: ci, type: spdx, {CLEAN}")]), Decision::Allow, &[]);
    let only_spdx = "    require: [{sbom: {by: [ci], formats: [spdx]}}]\n";
    check(only_spdx, &statements(&[format!("by: ci, type: spdx, {CLEAN}")]), Decision::Deny, &["FORMAT"]);
    let elsewhere = format!("by: ci, about: ['sha256:{}'], {CLEAN}", "2".repeat(64));
    check(SBOM, &statements(&[elsewhere]), Decision::Deny, &["NO_ATTESTATION"]);
}

#[test]
fn junk_never_turns_a_pass_into_a_fail_and_explains_a_fail() {
    let junk = "    refusals: [{reason: BAD_SIGNATURE, type: cyclonedx}, {reason: BAD_SIGNATURE}]\n";
    let good = statements(&[format!("by: ci, {CLEAN}"), format!("by: ops, {}", with(LOG4J))]);
    let deny =
        format!("{SBOM}    deny: {{packages: ['pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1']}}\n");
    check(&deny, &format!("{good}{junk}"), Decision::Allow, &[]);
    check(SBOM, junk, Decision::Deny, &["BAD_SIGNATURE"]);
    let mixed = "    refusals: [{reason: BAD_SIGNATURE}, {reason: TLOG_MISSING}]\n";
    check(SBOM, mixed, Decision::Deny, &["NO_ATTESTATION"]);
}

#[test]
fn a_replayed_old_clean_statement_does_not_hide_the_newest() {
    let deny = |select: &str| {
        format!(
            "    require: [{{sbom: {{by: [ci], select: {select}}}}}]\n    deny: {{packages: ['pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1']}}\n"
        )
    };
    let replayed = statements(&[
        format!("by: ci, at: 2026-11-01, {}", with(LOG4J)),
        format!("by: ci, at: 2025-01-01, {CLEAN}"),
    ]);
    check(&deny("latest"), &replayed, Decision::Deny, &["PACKAGE_DENIED"]);
    check(&deny("all"), &replayed, Decision::Deny, &["PACKAGE_DENIED"]);
    let mended = statements(&[
        format!("by: ci, at: 2026-11-01, {CLEAN}"),
        format!("by: ci, at: 2025-01-01, {}", with(LOG4J)),
    ]);
    check(&deny("latest"), &mended, Decision::Allow, &[]);
    let untimed =
        statements(&[format!("by: ci, at: 2026-11-01, {CLEAN}"), format!("by: ci, {}", with(LOG4J))]);
    check(&deny("latest"), &untimed, Decision::Deny, &["PACKAGE_DENIED"]);
}

#[test]
fn an_old_statement_that_was_stripped_of_its_time_is_not_taken_for_the_newest() {
    let rule = "    require: [{attestation: {type: 'https://a.b/c', by: [ci], where: 'predicate.ok'}}]\n";
    let of = |at: &str, ok: bool| format!("by: ci, {at}type: 'https://a.b/c', predicate: {{ok: {ok}}}");
    let (new, old, stripped) = (of("at: 2026-11-01, ", true), of("at: 2025-01-01, ", false), of("", false));
    check(rule, &statements(&[new.clone(), old, stripped.clone()]), Decision::Allow, &[]);
    check(rule, &statements(&[new, stripped]), Decision::Undecided, &["TIME_UNVERIFIED"]);
}

#[test]
fn an_old_statement_that_was_stamped_again_is_as_old_as_it_was() {
    let rule = "    require: [{attestation: {type: 'https://a.b/c', by: [ci], where: 'predicate.ok'}}]\n";
    let of = |at: &str, ok: bool| format!("by: ci, at: {at}, type: 'https://a.b/c', predicate: {{ok: {ok}}}");
    let signed =
        |at: &str, signature: &str| format!("signature: 'sha256:{}', {}", signature.repeat(64), of(at, true));
    // The bad one is the newest word, though the good one was stamped again since.
    let bad = of("2026-11-01", false);
    let replayed = [signed("2025-01-01", "4"), signed("2026-11-20", "4"), bad.clone()];
    check(rule, &statements(&replayed), Decision::Deny, &["CONDITION_FALSE"]);
    let signed_again = [signed("2025-01-01", "4"), signed("2026-11-20", "5"), bad];
    check(rule, &statements(&signed_again), Decision::Allow, &[]);
    for select in ["latest", "any", "all"] {
        let aged = rule.replace("by: [ci]", &format!("by: [ci], maxAge: 30d, select: {select}"));
        check(&aged, &statements(&replayed[..2]), Decision::Deny, &["STALE"]);
    }
    let aged = rule.replace("by: [ci]", "by: [ci], maxAge: 30d");
    check(&aged, &statements(&signed_again[..2]), Decision::Allow, &[]);
    let new = rule.replace("by: [ci]", "by: [new]");
    let by_new = |one: &String| one.replace("by: ci", "by: new");
    let replayed: Vec<String> = replayed[..2].iter().map(by_new).collect();
    check(&new, &statements(&replayed), Decision::Deny, &["SIGNER_EXPIRED"]);
}

#[test]
fn where_the_newest_cannot_be_told_all_must_be_as_they_should_be() {
    let rule = "    require: [{attestation: {type: 'https://a.b/c', by: [ci], where: 'predicate.ok'}}]\n";
    let of = |ok: bool, more: &str| format!("by: ci, type: 'https://a.b/c', predicate: {{ok: {ok}{more}}}");
    check(rule, &statements(&[of(true, ""), of(true, ", x: 1")]), Decision::Allow, &[]);
    check(rule, &statements(&[of(true, ""), of(false, "")]), Decision::Undecided, &["TIME_UNVERIFIED"]);
    check(rule, &statements(&[of(false, ""), of(false, ", x: 1")]), Decision::Deny, &["CONDITION_FALSE"]);
    check(
        rule,
        &statements(&["by: ci, type: 'https://a.b/c', predicate: {}".to_owned()]),
        Decision::Undecided,
        &["CONDITION_ERROR"],
    );
    let any = rule.replace("by: [ci]", "by: [ci], select: any");
    check(&any, &statements(&[of(true, ""), of(false, "")]), Decision::Allow, &[]);
}

#[test]
fn age_needs_a_time_that_is_proven_or_allowed_to_be_claimed() {
    let aged = "    require: [{sbom: {by: [ci], maxAge: 30d}}]\n";
    let claimed = "    require: [{sbom: {by: [ci], maxAge: 30d, time: claimed}}]\n";
    check(aged, &statements(&[format!("by: ci, at: 2026-11-01, {CLEAN}")]), Decision::Allow, &[]);
    check(aged, &statements(&[format!("by: ci, at: 2026-10-01, {CLEAN}")]), Decision::Deny, &["STALE"]);
    check(
        aged,
        &statements(&[format!("by: ci, claimed: 2026-11-01, {CLEAN}")]),
        Decision::Undecided,
        &["TIME_UNVERIFIED"],
    );
    check(
        aged,
        &statements(&[format!("by: ci, at: 2027-01-01, {CLEAN}")]),
        Decision::Undecided,
        &["TIME_FUTURE"],
    );
    check(claimed, &statements(&[format!("by: ci, claimed: 2026-11-01, {CLEAN}")]), Decision::Allow, &[]);
    check(
        claimed,
        &statements(&[format!("by: ci, claimed: 2026-10-01, {CLEAN}")]),
        Decision::Deny,
        &["STALE"],
    );
    // The document's own time is a claim as well.
    let dated = "by: ci, predicate: {bomFormat: CycloneDX, specVersion: '1.6', version: 1, metadata: {timestamp: '2026-11-20T00:00:00Z'}}";
    check(claimed, &statements(&[dated.to_owned()]), Decision::Allow, &[]);
}

#[test]
fn signers_count_only_within_their_time_and_unless_revoked() {
    let by = |name: &str| format!("    require: [{{sbom: {{by: [{name}]}}}}]\n");
    check(&by("old"), &statements(&[format!("by: old, at: 2026-06-30, {CLEAN}")]), Decision::Allow, &[]);
    check(
        &by("old"),
        &statements(&[format!("by: old, at: 2026-07-01, {CLEAN}")]),
        Decision::Deny,
        &["SIGNER_EXPIRED"],
    );
    check(&by("old"), &statements(&[format!("by: old, {CLEAN}")]), Decision::Deny, &["SIGNER_EXPIRED"]);
    check(&by("new"), &statements(&[format!("by: new, at: 2026-06-01, {CLEAN}")]), Decision::Allow, &[]);
    check(
        &by("new"),
        &statements(&[format!("by: new, at: 2026-05-01, {CLEAN}")]),
        Decision::Deny,
        &["SIGNER_EXPIRED"],
    );
    check(&by("new"), &statements(&[format!("by: new, {CLEAN}")]), Decision::Deny, &["TIME_UNVERIFIED"]);
    check(
        &by("revoked"),
        &statements(&[format!("by: revoked, logIndex: 7, {CLEAN}")]),
        Decision::Deny,
        &["REVOKED"],
    );
    check(&by("revoked"), &statements(&[format!("by: revoked, logIndex: 8, {CLEAN}")]), Decision::Allow, &[]);
    let digest = format!("by: revoked, digest: 'sha256:{}', {CLEAN}", "1".repeat(64));
    check(&by("revoked"), &statements(&[digest]), Decision::Deny, &["REVOKED"]);
}

#[test]
fn a_threshold_counts_distinct_signers() {
    let two = "    require: [{sbom: {by: [ci, ops], threshold: 2}}]\n";
    let agree = "    require: [{sbom: {by: [ci, ops], threshold: 2, agree: true}}]\n";
    let (ci, ops) = (format!("by: ci, {CLEAN}"), format!("by: ops, {CLEAN}"));
    check(two, &statements(&[ci.clone(), ops.clone()]), Decision::Allow, &[]);
    check(two, &statements(std::slice::from_ref(&ci)), Decision::Deny, &["THRESHOLD"]);
    check(
        two,
        &statements(&[ci.clone(), format!("by: ci, at: 2026-01-01, {CLEAN}")]),
        Decision::Deny,
        &["THRESHOLD"],
    );
    let one_key = [format!("by: ci, identity: k, {CLEAN}"), format!("by: ops, identity: k, {CLEAN}")];
    check(two, &statements(&one_key), Decision::Deny, &["THRESHOLD"]);
    check(agree, &statements(&[ci.clone(), ops]), Decision::Allow, &[]);
    check(agree, &statements(&[ci, format!("by: ops, {}", with(LOG4J))]), Decision::Deny, &["DISAGREE"]);
}

#[test]
fn what_could_not_be_read_leaves_it_undecided_unless_any_will_do() {
    let limit = "    incomplete: [LIMIT]\n";
    let good = statements(&[format!("by: ci, {CLEAN}")]);
    check(SBOM, &format!("{good}{limit}"), Decision::Undecided, &["LIMIT"]);
    check(SBOM, limit, Decision::Undecided, &["LIMIT"]);
    check(
        "    require: [{sbom: {by: [ci], select: any}}]\n",
        &format!("{good}{limit}"),
        Decision::Allow,
        &[],
    );
}

#[test]
fn denied_wins_over_undecided_and_warn_and_audit_never_deny() {
    let case = statements(&[format!("by: ci, {}", with(LOG4J))]);
    let rules = |first: &str| {
        format!(
            "    mode: {first}\n    require: [{{sbom: {{by: [ci]}}}}]\n    deny: {{packages: ['pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1']}}\n  - images: ['**']\n    require: [{{sbom: {{by: [ci], maxAge: 1d}}}}]\n"
        )
    };
    check(&rules("enforce"), &case, Decision::Deny, &["PACKAGE_DENIED", "TIME_UNVERIFIED"]);
    check(&rules("warn"), &case, Decision::Undecided, &["PACKAGE_DENIED", "TIME_UNVERIFIED"]);
    let alone = |mode: &str| rules(mode).split("  - images").next().unwrap().to_owned();
    check(&alone("warn"), &case, Decision::Warn, &["PACKAGE_DENIED"]);
    check(&alone("audit"), &case, Decision::Allow, &["PACKAGE_DENIED"]);
    assert_eq!(
        [0, 0, 4, 1],
        [Decision::Allow, Decision::Warn, Decision::Undecided, Decision::Deny].map(Decision::exit_code)
    );
}

#[test]
fn a_policy_that_has_expired_decides_nothing() {
    let policy = "version: 1\ndefault: allow\nexpires: 2026-11-20\nrules: []\n";
    let verdict = verdict_of(policy, "");
    assert_eq!((verdict.decision, verdict.reason), (Decision::Undecided, Reason::POLICY_EXPIRED));
    assert_eq!(verdict_of(&policy.replace("11-20", "11-21"), "").decision, Decision::Allow);
}

#[test]
fn an_exception_that_has_expired_excepts_nothing_and_says_so() {
    let rule = |until: &str, id: &str, more: &str| {
        format!(
            "{SBOM}    deny: {{packages: ['pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1']}}\n    exceptions: [{{id: '{id}', until: {until}, reason: x{more}}}]\n"
        )
    };
    let case = statements(&[format!("by: ci, {}", with(LOG4J))]);
    let id = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0";
    let used = check(&rule("2026-11-21", id, ""), &case, Decision::Allow, &[]);
    assert_eq!((used.exceptions[0].state, used.exceptions[0].findings), (ExceptionState::Used, 1));
    let expired = check(&rule("2026-11-20", id, ""), &case, Decision::Deny, &["PACKAGE_DENIED"]);
    assert_eq!((expired.exceptions[0].state, expired.exceptions[0].findings), (ExceptionState::Expired, 1));
    let other =
        check(&rule("2026-12-31", &id.replace("14", "15"), ""), &case, Decision::Deny, &["PACKAGE_DENIED"]);
    assert_eq!(other.exceptions[0].state, ExceptionState::Unused);
    check(
        &rule("2026-12-31", id, ", image: 'ghcr.io/acme/other'"),
        &case,
        Decision::Deny,
        &["PACKAGE_DENIED"],
    );
}

#[test]
fn packages_of_unknown_version_or_identity_are_undecided() {
    let rule = format!("{SBOM}    deny: {{packages: ['pkg:npm/lodash@<4.17.21']}}\n");
    let of = |component: &str| statements(&[format!("by: ci, {}", with(component))]);
    check(
        &rule,
        &of("{type: library, name: lodash, purl: 'pkg:npm/lodash@master'}"),
        Decision::Undecided,
        &["PACKAGE_UNKNOWN"],
    );
    check(
        &rule,
        &of("{type: library, name: lodash, purl: 'pkg:npm/lodash'}"),
        Decision::Undecided,
        &["PACKAGE_UNKNOWN"],
    );
    check(
        &rule,
        &of("{type: library, name: lodash, version: 4.17.20}"),
        Decision::Undecided,
        &["PACKAGE_UNKNOWN"],
    );
    check(&rule, &of("{type: library, name: lodash, purl: 'pkg:npm/lodash@4.17.21'}"), Decision::Allow, &[]);
    check(&rule, &of("{type: library, name: other, version: '1'}"), Decision::Allow, &[]);
}

#[test]
fn licences_are_judged_as_expressions() {
    let rule = format!("{SBOM}    deny: {{licenses: [AGPL-3.0-only, NOASSERTION]}}\n");
    let of = |license: &str| {
        statements(&[format!(
            "by: ci, {}",
            with(&format!("{{type: library, name: a, licenses: [{license}]}}"))
        )])
    };
    check(&rule, &of("{expression: MIT OR AGPL-3.0-only}"), Decision::Allow, &[]);
    check(&rule, &of("{expression: MIT AND AGPL-3.0-only}"), Decision::Deny, &["LICENSE_DENIED"]);
    check(&rule, &of("{expression: AGPL-3.0-or-later}"), Decision::Deny, &["LICENSE_DENIED"]);
    check(&rule, &of("{license: {id: MIT}}"), Decision::Allow, &[]);
    check(&rule, &of(""), Decision::Deny, &["LICENSE_DENIED"]);
    let excepted = format!("{rule}    exceptions: [{{id: AGPL-3.0-only, until: 2026-12-31, reason: x}}]\n");
    check(&excepted, &of("{expression: AGPL-3.0-only}"), Decision::Allow, &[]);
}

const VULN: &str = "    require: [{attestation: {type: vuln, by: [ci]}}]\n";

fn trivy(vulnerability: &str) -> String {
    format!(
        "by: ci, at: 2026-11-20, type: vuln, predicate: {{scanner: {{uri: trivy, result: {{SchemaVersion: 2, Results: [{{Vulnerabilities: [{vulnerability}]}}]}}}}}}"
    )
}

const HIGH: &str = "{VulnerabilityID: CVE-1, PkgName: zlib, PkgIdentifier: {PURL: 'pkg:deb/debian/zlib1g@1'}, InstalledVersion: '1', FixedVersion: '2', Severity: HIGH, PublishedDate: '2026-01-01T00:00:00Z'}";

#[test]
fn vulnerabilities_count_by_severity_fix_and_age() {
    let rule = |vulns: &str| format!("{VULN}    deny: {{vulns: {{{vulns}}}}}\n");
    let high = statements(&[trivy(HIGH)]);
    check(&rule("min: high"), &high, Decision::Deny, &["VULN"]);
    check(&rule("min: critical"), &high, Decision::Allow, &[]);
    check(&rule("min: high, fixableOnly: true"), &high, Decision::Deny, &["VULN"]);
    let unfixed = statements(&[trivy(&HIGH.replace("'2', S", "'', S"))]);
    check(&rule("min: high, fixableOnly: true"), &unfixed, Decision::Allow, &[]);
    check(&rule("min: high, grace: 14d"), &high, Decision::Deny, &["VULN"]);
    let fresh = statements(&[trivy(&HIGH.replace("2026-01-01", "2026-11-15"))]);
    check(&rule("min: high, grace: 14d"), &fresh, Decision::Allow, &[]);
    let ahead =
        statements(&[trivy(&HIGH.replace("2026-01-01", "2099-01-01")).replace("at: 2026-11-20, ", "")]);
    check(&rule("min: high, grace: 14d"), &ahead, Decision::Undecided, &["VULN_UNKNOWN"]);
    let unknown = statements(&[trivy(&HIGH.replace("HIGH", "UNKNOWN"))]);
    check(&rule("min: high"), &unknown, Decision::Undecided, &["VULN_UNKNOWN"]);
    let none =
        statements(&["by: ci, type: vuln, predicate: {scanner: {result: {SchemaVersion: 2}}}".to_owned()]);
    check(&rule("min: high"), &none, Decision::Allow, &[]);
    let foreign = statements(&["by: ci, type: vuln, predicate: {scanner: {result: {runs: []}}}".to_owned()]);
    check(&rule("min: high"), &foreign, Decision::Undecided, &["VULN_UNKNOWN"]);
    check(&rule("min: high"), "", Decision::Deny, &["NO_ATTESTATION"]);
    let excepted =
        format!("{}    exceptions: [{{id: CVE-1, until: 2026-12-31, reason: x}}]\n", rule("min: high"));
    check(&excepted, &high, Decision::Allow, &[]);
}

#[test]
fn reports_of_other_forms_say_what_they_can() {
    let rule = |vulns: &str| format!("{VULN}    deny: {{vulns: {{{vulns}}}}}\n");
    let in_toto = statements(&["by: ci, type: vulns, predicate: {scanner: {result: [{id: CVE-1, severity: [{method: nvd, score: '7.5'}]}]}}".to_owned()]);
    check(&rule("min: high"), &in_toto, Decision::Deny, &["VULN"]);
    check(&rule("min: critical"), &in_toto, Decision::Allow, &[]);
    check(&rule("min: high, fixableOnly: true"), &in_toto, Decision::Undecided, &["VULN_UNKNOWN"]);
    check(&rule("min: high, grace: 1d"), &in_toto, Decision::Undecided, &["VULN_UNKNOWN"]);
    let grype = |state: &str| {
        statements(&[format!(
            "by: ci, type: vuln, at: 2026-11-20, predicate: {{scanner: {{result: {{matches: [{{vulnerability: {{id: CVE-1, severity: High, fix: {{state: {state}}}}}, artifact: {{name: a, version: '1'}}}}]}}}}}}"
        )])
    };
    check(&rule("min: high, fixableOnly: true"), &grype("fixed"), Decision::Deny, &["VULN"]);
    check(&rule("min: high, fixableOnly: true"), &grype("wont-fix"), Decision::Allow, &[]);
    check(&rule("min: high, fixableOnly: true"), &grype("unknown"), Decision::Undecided, &["VULN_UNKNOWN"]);
    // Without a date of its own it is known since it was first reported.
    check(&rule("min: high, grace: 14d"), &grype("fixed"), Decision::Allow, &[]);
    // One that was not looked at may be older, unless it is something else.
    let any = |incomplete: &str| {
        let vuln = rule("min: high, grace: 14d").replace("by: [ci]", "by: [ci], select: any");
        (vuln, format!("{}    incomplete: [{{reason: LIMIT, type: {incomplete}}}]\n", grype("fixed")))
    };
    let ((vuln, cut), (_, other)) = (any("vuln"), any("spdx"));
    check(&vuln, &cut, Decision::Undecided, &["LIMIT"]);
    check(&vuln, &other, Decision::Allow, &[]);
}

#[test]
fn the_base_is_what_the_image_says_and_unknown_where_it_says_nothing() {
    let rule = "    base: {allow: ['cgr.dev/chainguard/*'], maxAge: 90d}\n";
    let base = |base: &str| format!("    platforms: [{{platform: linux/amd64, base: {{{base}}}}}]\n");
    check(rule, &base("name: 'cgr.dev/chainguard/static:latest', created: 2026-11-01"), Decision::Allow, &[]);
    check(
        rule,
        &base("name: 'docker.io/library/alpine:3', created: 2026-11-01"),
        Decision::Deny,
        &["BASE_DENIED"],
    );
    check(
        rule,
        &base("name: 'cgr.dev/chainguard/static:latest', created: 2026-01-01"),
        Decision::Deny,
        &["BASE_STALE"],
    );
    let ahead = base("name: 'cgr.dev/chainguard/static:latest', created: 2099-01-01");
    check(rule, &ahead, Decision::Undecided, &["TIME_FUTURE"]);
    check(rule, &base("name: 'cgr.dev/chainguard/static:latest'"), Decision::Undecided, &["BASE_UNKNOWN"]);
    check(rule, "", Decision::Undecided, &["BASE_UNKNOWN"]);
    check(rule, &base("name: '::'"), Decision::Undecided, &["BASE_UNKNOWN"]);
}

#[test]
fn a_bill_of_materials_is_compared_with_the_image() {
    let rule = |matches: &str| format!("    require: [{{sbom: {{by: [ci], matches: {matches}}}}}]\n");
    let case = statements(&[format!("by: ci, {CLEAN}")]);
    check(&rule("rescan"), &case, Decision::Undecided, &["DRIFT_UNKNOWN"]);
    check(&rule("layers"), &case, Decision::Undecided, &["DRIFT_UNKNOWN"]);
    let policy = Policy::parse(&format!("{HEAD}{}", rule("rescan"))).unwrap();
    let text =
        format!("policy: p\nnow: 2026-11-21\ncases:\n  - name: x\n    image: ghcr.io/acme/app:v1\n{case}");
    let mut case = Fixture::parse(&text, &mut |name| Err(name.to_owned())).unwrap().cases.remove(0);
    let scan =
        |text: String| crate::document::read::read(text.as_bytes(), &Limits::default()).unwrap().document;
    let empty = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#.to_owned();
    let found = empty.replace("[]", r#"[{"type":"library","name":"a","version":"1","purl":"pkg:npm/a@1"}]"#);
    for (scanned, decision) in [(empty, Decision::Allow), (found, Decision::Deny)] {
        case.evidence.rescans.insert(case.subject.digest.clone(), scan(scanned));
        let verdict = evaluate(&policy, &case.subject, &case.evidence, case.now, &Limits::default());
        assert_eq!(verdict.decision, decision, "{verdict:#?}");
    }
}

#[test]
fn minimum_elements_are_all_there_or_it_fails() {
    let rule = "    require: [{sbom: {by: [ci], elements: ntia}}]\n";
    check(rule, &statements(&[format!("by: ci, {CLEAN}")]), Decision::Deny, &["ELEMENTS_MISSING"]);
}

#[test]
fn the_order_of_the_evidence_does_not_matter() {
    let rule = "    require: [{sbom: {by: [ci, ops], threshold: 2, maxAge: 30d}}]\n";
    let list = [
        format!("by: ops, at: 2026-11-02, {CLEAN}"),
        format!("by: ci, at: 2026-11-01, {CLEAN}"),
        format!("by: ci, at: 2026-10-01, {}", with(LOG4J)),
    ];
    let policy = format!("{HEAD}{rule}");
    let forward = verdict_of(&policy, &statements(&list));
    let mut backward = list.to_vec();
    backward.reverse();
    assert_eq!(forward, verdict_of(&policy, &statements(&backward)));
    assert_eq!(forward.decision, Decision::Allow);
}
