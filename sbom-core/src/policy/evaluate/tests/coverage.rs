//! What a statement is about, and which of a signer's is the newest about a platform.

use super::*;

#[test]
fn every_platform_needs_its_own_or_the_index_one_for_all() {
    let platforms = "    platforms: [linux/amd64, linux/arm64, unknown/unknown]\n";
    let rule = |coverage: &str| format!("    require: [{{sbom: {{by: [ci], coverage: {coverage}}}}}]\n");
    let about = |about: &str| format!("by: ci, about: [{about}], {CLEAN}");
    let both = statements(&[about("linux/amd64, image"), about("linux/arm64, image")]);
    let one = statements(&[about("linux/amd64, image")]);
    let whole = statements(&[about("image")]);
    for coverage in ["platforms", "index", "any"] {
        check(&rule(coverage), &format!("{platforms}{both}"), Decision::Allow, &[]);
        check(&rule(coverage), &format!("{platforms}{one}"), Decision::Deny, &["PLATFORM_MISSING"]);
    }
    check(&rule("index"), &format!("{platforms}{whole}"), Decision::Allow, &[]);
    check(&rule("any"), &format!("{platforms}{whole}"), Decision::Allow, &[]);
    let verdict = verdict_of(&format!("{HEAD}{}", rule("platforms")), &format!("{platforms}{whole}"));
    assert_eq!(verdict.decision, Decision::Deny);
    let alone = statements(&[about("linux/amd64"), about("linux/arm64")]);
    check(&rule("any"), &format!("{platforms}{alone}"), Decision::Allow, &[]);
    assert_eq!(
        verdict_of(&format!("{HEAD}{}", rule("index")), &format!("{platforms}{alone}")).decision,
        Decision::Deny
    );
}

#[test]
fn an_image_without_platform_among_others_is_not_left_out_by_any_rule() {
    let base = "base: {name: 'cgr.dev/chainguard/static'}";
    let about = statements(&[
        format!("by: ci, about: [linux/amd64, image], {CLEAN}"),
        "by: ci, about: [linux/amd64, image], type: vuln, predicate: {scanner: {result: []}}".to_owned(),
    ]);
    let text = format!(
        "policy: p\nnow: 2026-11-21\ncases:\n  - name: x\n    image: ghcr.io/acme/app:v1\n    platforms: [{{platform: linux/amd64, {base}}}, unknown/unknown]\n{about}"
    );
    let fixture = Fixture::parse(&text, &mut |name: &str| Err(name.to_owned())).unwrap();
    let case = &fixture.cases[0];
    let judged = |rule: &str, subject: &Subject| {
        let policy = Policy::parse(&format!("{HEAD}{rule}")).unwrap();
        let verdict = evaluate(&policy, subject, &case.evidence, case.now, &Limits::default());
        (verdict.decision, verdict.reason.code().to_owned())
    };
    let vuln = "    require: [{attestation: {type: vuln, by: [ci]}}]\n    deny: {vulns: {min: high}}\n";
    for rule in [SBOM, vuln, "    base: {allow: ['cgr.dev/chainguard/*']}\n"] {
        assert_eq!(judged(rule, &case.subject).0, Decision::Allow, "{rule}");
        for (os, architecture) in [("", ""), ("unknown", ""), ("", "unknown")] {
            let mut subject = case.subject.clone();
            let platform = &mut subject.manifests[1].platform;
            (platform.os, platform.architecture) = (os.to_owned(), architecture.to_owned());
            assert_eq!(judged(rule, &subject), (Decision::Undecided, "NO_PLATFORM".to_owned()), "{rule}");
        }
    }
    // What a platform that has a name lacks is a violation whatever the other would be.
    let mut subject = case.subject.clone();
    subject.manifests[1].platform = crate::oci::Platform::default();
    assert_eq!(judged("    base: {allow: ['other.dev/**']}\n", &subject).0, Decision::Deny);
}

const TWO: &str = "    platforms: [linux/amd64, linux/arm64]\n";
const ONE: &str = "    platforms: [linux/amd64]\n";

/// A condition that holds or not, about something, signed at some time.
fn said(about: &str, at: &str, ok: bool) -> String {
    format!("by: ci, at: {at}, about: [{about}], type: 'https://a.b/c', predicate: {{ok: {ok}, at: '{at}'}}")
}

#[track_caller]
fn decided(coverage: &str, platforms: &str, list: &[String], decision: Decision) {
    let rule = format!(
        "    require: [{{attestation: {{type: 'https://a.b/c', by: [ci], coverage: {coverage}, where: 'predicate.ok'}}}}]\n"
    );
    let verdict = verdict_of(&format!("{HEAD}{rule}"), &format!("{platforms}{}", statements(list)));
    assert_eq!(verdict.decision, decision, "{coverage} {list:#?} {verdict:#?}");
}

#[test]
fn the_newest_word_about_a_platform_counts_whether_it_names_the_platform_or_the_index() {
    const OLD: &str = "2026-01-01";
    const NEW: &str = "2026-11-20";
    const ALL: &str = "image, linux/amd64, linux/arm64";
    let each = |at: &str, ok: bool| [said("image, linux/amd64", at, ok), said("image, linux/arm64", at, ok)];
    for coverage in ["any", "index"] {
        // Whatever was good, the newest of the same signer is bad, and the other way round.
        for (newest_is_good, decision) in [(false, Decision::Deny), (true, Decision::Allow)] {
            let (old, new) = (!newest_is_good, newest_is_good);
            let whole = |at: &str, ok: bool| vec![said("image", at, ok)];
            let all = |at: &str, ok: bool| vec![said(ALL, at, ok)];
            let pairs = [
                [whole(OLD, old), each(NEW, new).to_vec()],
                [whole(OLD, old), all(NEW, new)],
                [all(OLD, old), whole(NEW, new)],
                [each(OLD, old).to_vec(), whole(NEW, new)],
                [each(OLD, old).to_vec(), all(NEW, new)],
                [all(OLD, old), each(NEW, new).to_vec()],
            ];
            for pair in pairs {
                decided(coverage, TWO, &pair.concat(), decision);
            }
            let own = said("image, linux/amd64", OLD, old);
            decided(coverage, ONE, &[own, said("image", NEW, new)], decision);
            let own = said("image, linux/amd64", NEW, new);
            decided(coverage, ONE, &[own, said("image", OLD, old)], decision);
        }
        // What is newer about one platform says nothing of the other.
        let [amd64, _] = each(NEW, false);
        decided(coverage, TWO, &[said("image", OLD, true), amd64], Decision::Deny);
        let [amd64, arm64] = each(NEW, true);
        decided(coverage, TWO, &[said("image", OLD, false), amd64.clone()], Decision::Deny);
        decided(coverage, TWO, &[said("image", OLD, true), amd64], Decision::Allow);
        decided(coverage, TWO, &[said("image", OLD, false), arm64], Decision::Deny);
    }
    // Without the index only `any` hears it.
    let own = [said("linux/amd64", NEW, false), said("linux/arm64", NEW, false)];
    let pair = [&[said("image", OLD, true)], &own[..]].concat();
    decided("any", TWO, &pair, Decision::Deny);
    decided("index", TWO, &pair, Decision::Allow);
    // What is said of the index alone is nobody's own.
    decided(
        "platforms",
        TWO,
        &[each(OLD, true).to_vec(), vec![said("image", NEW, false)]].concat(),
        Decision::Allow,
    );
}

#[test]
fn of_several_signers_one_may_speak_of_the_index_and_another_of_its_platforms() {
    let rule = "    require: [{sbom: {by: [ci, ops], threshold: 2, coverage: any}}]\n";
    let whole = format!("by: ci, about: [image], {CLEAN}");
    let by_ops = |about: &str| format!("by: ops, about: [{about}], {CLEAN}");
    let list = [whole, by_ops("linux/amd64"), by_ops("linux/arm64")];
    check(rule, &format!("{TWO}{}", statements(&list)), Decision::Allow, &[]);
    check(rule, &format!("{TWO}{}", statements(&list[..2])), Decision::Deny, &["THRESHOLD"]);
}

#[test]
fn a_bill_of_the_index_is_not_compared_with_the_layers_of_one_of_its_platforms() {
    let layer = Digest::of(b"layer");
    let rule = "    require: [{sbom: {by: [ci], coverage: any, matches: layers}}]\n";
    let platforms = format!(
        "    platforms: [{{platform: linux/amd64, layers: ['{layer}']}}, {{platform: linux/arm64, layers: ['{layer}']}}]\n"
    );
    let whole = statements(&[format!("by: ci, about: [image], {CLEAN}")]);
    check(rule, &format!("{platforms}{whole}"), Decision::Undecided, &["DRIFT_UNKNOWN", "DRIFT_UNKNOWN"]);
}
