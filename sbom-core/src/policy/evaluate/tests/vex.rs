//! Vulnerabilities that VEX statements clear, and what they do not clear.

use super::*;

const RULE: &str = "    require: [{attestation: {type: vuln, by: [ci]}}]\n    deny: {vulns: {min: high, vex: {by: [ops]}}}\n";

/// What `ops` says of CVE-1 in a statement of `time`, with more fields before.
fn said(more: &str, status: &str, time: &str) -> String {
    format!(
        "by: ops, {more}type: openvex, predicate: {{statements: [{{vulnerability: {{name: CVE-1}}, status: {status}, timestamp: '{time}'}}]}}"
    )
}

#[test]
fn what_was_not_looked_at_may_take_back_what_vex_clears() {
    let report = trivy(HIGH);
    let cleared = statements(&[report.clone(), said("", "fixed", "2026-01-01T00:00:00Z")]);
    check(RULE, &cleared, Decision::Allow, &[]);
    let with = |case: &str, what: &str| format!("{case}    incomplete: [{{reason: LIMIT, type: {what}}}]\n");
    check(RULE, &with(&cleared, "openvex"), Decision::Undecided, &["LIMIT"]);
    check(RULE, &with(&cleared, "cyclonedx"), Decision::Allow, &[]);
    check(RULE, &format!("{cleared}    incomplete: [LIMIT]\n"), Decision::Undecided, &["LIMIT", "LIMIT"]);
    // What nothing clears is denied, and what is no matter without VEX is none with it.
    check(RULE, &with(&statements(std::slice::from_ref(&report)), "openvex"), Decision::Deny, &["VULN"]);
    let excepted = format!("{RULE}    exceptions: [{{id: CVE-1, until: 2026-12-31, reason: x}}]\n");
    check(&excepted, &with(&cleared, "openvex"), Decision::Allow, &[]);
    let nobodys = RULE.replace(", vex: {by: [ops]}", "").replace("min: high", "min: critical");
    check(&nobodys, &with(&statements(&[report]), "openvex"), Decision::Allow, &[]);
}

#[test]
fn a_vex_document_that_cannot_be_read_may_take_back_what_another_clears() {
    let unreadable = "by: ops, type: openvex, predicate: {statements: 1}".to_owned();
    let list = [trivy(HIGH), said("", "fixed", "2026-01-01T00:00:00Z"), unreadable];
    check(RULE, &statements(&list), Decision::Undecided, &["UNREADABLE"]);
    check(RULE, &statements(&[list[0].clone(), list[2].clone()]), Decision::Deny, &["VULN"]);
}

#[test]
fn a_vex_statement_of_unknown_or_future_time_hides_none_and_may_be_the_newest() {
    let fixed = said("", "fixed", "2026-01-01T00:00:00Z");
    for time in ["yesterday", "2099-01-01T00:00:00Z"] {
        let affected = said("", "affected", time);
        check(RULE, &statements(&[trivy(HIGH), fixed.clone(), affected]), Decision::Deny, &["VULN"]);
        let affected = said("", "affected", "2026-02-01T00:00:00Z");
        let fixed = said("", "fixed", time);
        check(RULE, &statements(&[trivy(HIGH), fixed.clone(), affected]), Decision::Deny, &["VULN"]);
        check(RULE, &statements(&[trivy(HIGH), fixed]), Decision::Allow, &[]);
    }
}

#[test]
fn vex_about_one_platform_clears_nothing_of_another() {
    let rule = RULE.replace("by: [ci]}", "by: [ci], coverage: platforms}");
    let platforms = format!(
        "    platforms: [{{platform: linux/amd64, digest: '{}'}}, linux/arm64]\n",
        Digest::of(b"amd64")
    );
    let clean =
        "by: ci, at: 2026-11-20, about: [image, linux/arm64], type: vuln, predicate: {scanner: {result: []}}";
    let reports = [trivy(HIGH).replace("type:", "about: [image, linux/amd64], type:"), clean.to_owned()];
    let decided = |word: String, decision: Decision| {
        let reasons: &[&str] = if decision == Decision::Deny { &["VULN"] } else { &[] };
        let list = [&reports[..], &[word]].concat();
        check(&rule, &format!("{platforms}{}", statements(&list)), decision, reasons);
    };
    let about = |about: &str| said(&format!("about: [{about}], "), "fixed", "2026-01-01T00:00:00Z");
    decided(about("linux/arm64"), Decision::Deny);
    decided(about("image, linux/arm64"), Decision::Deny);
    for subjects in ["linux/amd64", "image", "image, linux/amd64", "image, linux/amd64, linux/arm64"] {
        decided(about(subjects), Decision::Allow);
    }
    // A statement about the whole image may name a product that is one of its platforms.
    let product =
        |id: &str| about("image").replace("status:", &format!("products: [{{'@id': '{id}'}}], status:"));
    let of = |digest: &Digest| product(&format!("pkg:oci/app@{}", digest.to_string().replace(':', "%3A")));
    decided(of(&Digest::of(b"amd64")), Decision::Allow);
    decided(of(&Digest::of(b"ghcr.io/acme/app:v1")), Decision::Allow);
    decided(of(&Digest::of(b"ghcr.io/acme/app:v1 linux/arm64")), Decision::Deny);
    decided(product(&Digest::of(b"amd64").to_string()), Decision::Allow);
    decided(product(&Digest::of(b"ghcr.io/acme/app:v1 linux/arm64").to_string()), Decision::Deny);
    // What takes it back for one platform takes it back for that one.
    let taken_back = said("about: [linux/amd64], ", "affected", "2026-02-01T00:00:00Z");
    let list = [&reports[..], &[about("image"), taken_back]].concat();
    check(&rule, &format!("{platforms}{}", statements(&list)), Decision::Deny, &["VULN"]);
}

#[test]
fn vex_of_allowed_signers_clears_and_of_others_does_not() {
    let rule = format!("{VULN}    deny: {{vulns: {{min: high, vex: {{by: [ops]}}}}}}\n");
    let vex = |by: &str, status: &str, time: &str| {
        format!(
            "by: {by}, type: openvex, predicate: {{timestamp: '{time}T00:00:00Z', statements: [{{vulnerability: {{name: CVE-1}}, status: {status}}}]}}"
        )
    };
    let not_affected = "not_affected, justification: component_not_present";
    check(&rule, &statements(&[trivy(HIGH), vex("ops", not_affected, "2026-01-01")]), Decision::Allow, &[]);
    check(&rule, &statements(&[trivy(HIGH), vex("ops", "fixed", "2026-01-01")]), Decision::Allow, &[]);
    check(
        &rule,
        &statements(&[trivy(HIGH), vex("ci", not_affected, "2026-01-01")]),
        Decision::Deny,
        &["VULN"],
    );
    check(
        &rule,
        &statements(&[trivy(HIGH), vex("ops", "not_affected", "2026-01-01")]),
        Decision::Deny,
        &["VULN"],
    );
    check(
        &rule,
        &statements(&[trivy(HIGH), vex("ops", "under_investigation", "2026-01-01")]),
        Decision::Deny,
        &["VULN"],
    );
    let taken_back =
        [trivy(HIGH), vex("ops", not_affected, "2026-01-01"), vex("ops", "affected", "2026-02-01")];
    check(&rule, &statements(&taken_back), Decision::Deny, &["VULN"]);
    let product = |id: &str| {
        format!(
            "by: ops, type: openvex, predicate: {{statements: [{{vulnerability: CVE-1, products: [{id}], status: fixed}}]}}"
        )
    };
    for (id, decision, reasons) in [
        ("{'@id': 'pkg:deb/debian/zlib1g'}", Decision::Allow, &[][..]),
        ("{'@id': 'pkg:deb/debian/zlib1g@2'}", Decision::Deny, &["VULN"]),
        ("{'@id': 'pkg:oci/app'}", Decision::Allow, &[]),
        ("{'@id': 'pkg:oci/other'}", Decision::Deny, &["VULN"]),
        (
            "{'@id': 'pkg:oci/app', subcomponents: [{'@id': 'pkg:deb/debian/openssl'}]}",
            Decision::Deny,
            &["VULN"],
        ),
        ("{'@id': 'pkg:oci/app', subcomponents: [{'@id': 'pkg:deb/debian/zlib1g'}]}", Decision::Allow, &[]),
    ] {
        check(&rule, &statements(&[trivy(HIGH), product(id)]), decision, reasons);
    }
}
