//! `verify --policy`, end to end: what the gate lets through, what it does not, and how it tells.

use std::collections::BTreeSet;

use sbomctl_testkit::{Access, Blob, FaultKind, ReferrersApi, Registry, Root, index};
use serde_json::{Value, json};

use crate::{
    attest::{API, Bench, at, image, image_with, registry, two},
    program::{command, finish},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes a policy with one rule for all images.
fn policy(bench: &Bench, rule: &str) {
    bench.write(
        "p.yaml",
        format!(
            "version: 1\ndefault: deny\nsigners:\n  k: {{key: k.pub}}\n  s: {{key: s.pub}}\nrules:\n  - name: all\n    images: ['**']\n{rule}\n"
        ),
    );
}

/// What the gate says of `name` by a policy with this rule: the reasons of all checks that did not pass.
fn check(bench: &Bench, name: &str, rule: &str, decision: &str, reasons: &[&str]) {
    policy(bench, rule);
    let code = match decision {
        "allow" | "warn" => 0,
        "deny" => 1,
        _ => 4,
    };
    let document = bench.json("verdict", code, &["verify", "--policy", "p.yaml", "-o", "json", name]);
    let verdict = &document["verdicts"][0];
    assert_eq!(verdict["decision"], decision, "{rule}: {verdict:#}");
    let found: BTreeSet<&str> = verdict["rules"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| rule["checks"].as_array().unwrap())
        .filter(|check| check["outcome"] == "fail" || check["outcome"] == "undecided")
        .map(|check| check["reason"].as_str().unwrap())
        .collect();
    assert_eq!(found, reasons.iter().copied().collect(), "{rule}: {verdict:#}");
}

fn sbom(more: &str) -> String {
    format!("    require: [{{sbom: {{by: [k]{more}}}}}]")
}

/// A registry with an index that `k` has attested.
fn attested(bench: &Bench) -> (Registry, String) {
    let (registry, name) = registry(ReferrersApi::Off, &two());
    bench.done(&["attest", "--key", "k.key", &name]);
    (registry, name)
}

#[test]
fn a_signed_bill_of_every_platform_is_let_through() {
    let bench = Bench::new();
    let (registry, name) = attested(&bench);
    check(&bench, &name, &sbom(""), "allow", &[]);
    check(&bench, &name, &sbom(", formats: [spdx], coverage: platforms, matches: layers"), "allow", &[]);
    check(&bench, &name, &sbom(", matches: rescan"), "allow", &[]);
    check(&bench, &name, &sbom(", formats: [cyclonedx]"), "deny", &["WRONG_TYPE"]);
    check(&bench, &name, "    require: [{sbom: {by: [s]}}]", "deny", &["SIGNER_MISMATCH"]);
    check(&bench, &name, "    mode: warn\n    require: [{sbom: {by: [s]}}]", "warn", &["SIGNER_MISMATCH"]);
    drop(registry);
    let layout = bench.layout("layout");
    check(&bench, &layout, &sbom(""), "deny", &["NO_ATTESTATION"]);
    bench.done(&["attest", "--key", "k.key", &layout]);
    check(&bench, &layout, &sbom(""), "allow", &[]);
}

#[test]
fn a_platform_without_a_bill_is_missing() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &two());
    bench.done(&["attest", "--key", "k.key", "--platform", "linux/amd64", &name]);
    check(&bench, &name, &sbom(""), "deny", &["PLATFORM_MISSING"]);
    check(&bench, &name, &sbom(", coverage: index"), "deny", &["PLATFORM_MISSING"]);
    bench.done(&["attest", "--key", "k.key", "--platform", "linux/arm64", &name]);
    check(&bench, &name, &sbom(""), "allow", &[]);
}

#[test]
fn what_a_nested_index_lists_for_a_platform_must_be_covered_whatever_it_looks_like() {
    let bench = Bench::new();
    let posing = artifact(r#"{"mediaType":"application/vnd.example.thing"}"#)
        .with_platform(json!({ "os": "linux", "architecture": "arm64" }));
    let plain = artifact("{}");
    for (nested, decision, reasons) in [(posing, "deny", &["PLATFORM_MISSING"][..]), (plain, "allow", &[])] {
        let (_registry, name) = registry(API, &index([image("linux/amd64"), index([nested])]));
        bench.done(&["attest", "--key", "k.key", &name]);
        check(&bench, &name, &sbom(""), decision, reasons);
    }
}

/// A manifest of something that is no image, with this configuration.
fn artifact(config: &str) -> Root {
    let config = Blob::new("application/vnd.example.thing", config.as_bytes().to_vec());
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [] });
    Root::new(Blob::new(MANIFEST, manifest.to_string().into_bytes()), vec![config], &[])
}

#[test]
fn an_age_needs_a_time_that_somebody_proves_or_the_policy_says_otherwise() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench);
    // The bill says of itself that it is of 2023.
    check(&bench, &name, &sbom(", maxAge: 30d"), "undecided", &["TIME_UNVERIFIED"]);
    check(&bench, &name, &sbom(", maxAge: 30d, time: claimed"), "deny", &["STALE"]);
    check(&bench, &name, &sbom(", maxAge: 3000w, time: claimed"), "allow", &[]);
}

#[test]
fn packages_and_licences_are_denied() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench);
    let deny = |what: &str| format!("{}\n    deny: {what}", sbom(""));
    check(&bench, &name, &deny("{packages: ['pkg:apk/alpine/musl@<1.2.6']}"), "deny", &["PACKAGE_DENIED"]);
    check(&bench, &name, &deny("{packages: ['pkg:apk/alpine/musl@<1.2.5']}"), "allow", &[]);
    check(&bench, &name, &deny("{licenses: ['Zlib']}"), "deny", &["LICENSE_DENIED"]);
    check(&bench, &name, &deny("{licenses: ['AGPL-3.0-only']}"), "allow", &[]);
    let excepted = |until: &str| {
        format!(
            "{}\n    exceptions: [{{id: Zlib, until: {until}, reason: soon}}]",
            deny("{licenses: ['Zlib']}")
        )
    };
    check(&bench, &name, &excepted("2020-01-01"), "deny", &["LICENSE_DENIED"]);
    check(&bench, &name, &excepted("2199-01-01"), "allow", &[]);
}

#[test]
fn a_bill_that_lies_has_drifted() {
    let bench = Bench::new();
    let layout = bench.layout("layout");
    let bill = bench.done(&["scan", &layout, "-o", "spdx-json"]);
    for (from, to) in [("1.2.5-r0", "1.2.6-r0"), ("zlib", "curl")] {
        let bench = Bench::new();
        let layout = bench.layout("layout");
        bench.write("bill.json", bill.replace(from, to));
        bench.done(&["attest", "--key", "k.key", "--predicate", "bill.json", &layout]);
        check(&bench, &layout, &sbom(""), "allow", &[]);
        check(&bench, &layout, &sbom(", matches: rescan"), "deny", &["DRIFT"]);
    }
    // The layers that one bill names are not those of another image.
    let (_registry, name) = registry(API, &image_with("linux/amd64", "1.0-r0"));
    bench.write("bill.json", bill);
    bench.done(&["attest", "--key", "k.key", "--predicate", "bill.json", &name]);
    check(&bench, &name, &sbom(", matches: layers"), "deny", &["DRIFT"]);
}

#[test]
fn two_of_two_must_have_signed() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench);
    let both = "    require: [{sbom: {by: [k, s], threshold: 2, agree: true}}]";
    check(&bench, &name, both, "deny", &["THRESHOLD"]);
    bench.done(&["attest", "--key", "s.key", &name]);
    check(&bench, &name, both, "allow", &[]);
}

#[test]
fn what_the_policy_or_the_signer_withdrew_does_not_count() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &image("linux/amd64"));
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &name]);
    for digest in ["statement", "bundle"] {
        let digest = said["attested"][0][digest].as_str().unwrap();
        bench.write(
            "p.yaml",
            format!(
                "version: 1\ndefault: deny\nsigners:\n  k: {{key: k.pub, revoked: {{attestations: ['{digest}']}}}}\nrules:\n  - images: ['**']\n    require: [{{sbom: {{by: [k]}}}}]\n"
            ),
        );
        assert!(bench.ends(1, &["verify", "--policy", "p.yaml", &name]).contains("REVOKED"));
    }
    let bundle = said["attested"][0]["bundle"].as_str().unwrap();
    let revoke = ["attest", "revoke", "--attestation", bundle, &name, "--key"];
    // A stranger to this policy withdraws nothing.
    bench.done(&["key", "generate", "--no-password", "-o", "x"]);
    bench.done(&[&revoke[..], &["x.key", "--force"]].concat());
    check(&bench, &name, &sbom(""), "allow", &[]);
    bench.done(&[&revoke[..], &["k.key"]].concat());
    check(&bench, &name, &sbom(""), "deny", &["REVOKED"]);
}

/// Attests an index, and withdraws what is said of amd64 with a record beside the digest that `beside` chooses of index and
/// image.
fn withdrawn(bench: &Bench, beside: impl Fn(&str, String) -> String) -> (Registry, String) {
    let (registry, name) = registry(API, &two());
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &name]);
    let bundle = said["attested"][0]["bundle"].as_str().unwrap();
    let place = beside(&name, at(&name, &image("linux/amd64").manifest.digest));
    bench.done(&["attest", "revoke", "--key", "k.key", "--attestation", bundle, &place]);
    (registry, name)
}

#[test]
fn a_record_binds_whatever_it_withdraws_of_the_image_wherever_the_two_lie() {
    let bench = Bench::new();
    let (_registry, name) = withdrawn(&bench, |index, _| index.to_owned());
    check(&bench, &name, &sbom(""), "deny", &["REVOKED"]);
    let amd64 = ["verify", "--key", "k.pub", "--platform", "linux/amd64", &name];
    assert!(bench.ends(1, &amd64).contains("REVOKED"));
    bench.done(&["verify", "--key", "k.pub", "--platform", "linux/arm64", &name]);

    let (_registry, name) = withdrawn(&bench, |_, image| image);
    check(&bench, &name, &sbom(", coverage: index"), "deny", &["REVOKED"]);
    assert!(bench.ends(1, &["verify", "--key", "k.pub", &name]).contains("REVOKED"));
    // By a stranger it withdraws nothing.
    bench.done(&["verify", "--key", "s.pub", "--key", "k.pub", "--platform", "linux/arm64", &name]);
}

/// An image that says it is built on the image of `image("linux/amd64")` in another registry.
fn built_on(base: &str) -> Root {
    sbomctl_testkit::ImageBuilder::new()
        .label("org.opencontainers.image.base.name", base)
        .label("org.opencontainers.image.base.digest", &image("linux/amd64").manifest.digest)
        .layer(|l| {
            l.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.0\n").file("lib/apk/db/installed", "")
        })
        .build()
        .root()
}

#[test]
fn only_a_base_that_the_policy_allows_is_asked_about() {
    let bench = Bench::new();
    let other = Registry::start();
    let base = other.push("base/image", "1", &image("linux/amd64"));
    let (_registry, name) = registry(API, &built_on(&base));
    bench.done(&["attest", "--key", "k.key", &name]);
    other.clear_log();
    let rule = |base: &str| format!("{}\n    base: {base}", sbom(""));
    check(&bench, &name, &rule("{allow: ['ghcr.io/acme/*'], maxAge: 30d}"), "deny", &["BASE_DENIED"]);
    check(&bench, &name, &rule("{maxAge: 30d}"), "undecided", &["BASE_UNKNOWN"]);
    assert!(other.log().is_empty(), "{:?}", other.log());
    let allowed = rule(&format!("{{allow: ['{}/base/*'], maxAge: 30d}}", other.host()));
    check(&bench, &name, &allowed, "undecided", &["BASE_UNKNOWN"]);
    assert!(!other.log().is_empty());
}

#[test]
fn a_password_is_for_the_registry_of_the_image_and_not_for_one_that_the_image_names() {
    // user:pass, theirs:own
    let (given, kept) = ("Basic dXNlcjpwYXNz", "Basic dGhlaXJzOm93bg==");
    let (bench, other) = (Bench::new(), Registry::start());
    let base = other.push("base/image", "1", &image("linux/amd64"));
    let (registry, name) = registry(API, &built_on(&base));
    policy(&bench, "    base: {allow: ['**'], maxAge: 30d}");
    let auths = json!({ "auths": { (other.host()): { "auth": "dGhlaXJzOm93bg==" } } });
    bench.write("auths.json", auths.to_string());
    bench.write("none.json", "{}");
    registry.access(Access::Header(given.to_owned()));
    other.access(Access::Header(kept.to_owned()));
    for (file, proofs) in [("none.json", BTreeSet::from([""])), ("auths.json", BTreeSet::from(["", kept]))] {
        other.clear_log();
        let arguments = ["verify", "--policy", "p.yaml", "--username", "user", "--registry-config", file];
        let mut command = command(&[&arguments[..], &[&name]].concat());
        command.current_dir(bench.path(".")).env("SBOMCTL_REGISTRY_PASSWORD", "pass");
        let run = finish(command, &[]);
        assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
        let log = other.log();
        let sent: BTreeSet<&str> = log.iter().map(|line| line.header("authorization")).collect();
        assert_eq!(sent, proofs, "{file}");
    }
    assert!(registry.log().iter().any(|line| line.header("authorization") == given));
}

#[test]
fn what_a_registry_says_is_no_order_to_whoever_reads_the_log() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let said = r###"{"errors":[{"code":"DENIED","message":"##[set-output name=gate;]allowed"}]}"###;
    registry.fault("/manifests/", usize::MAX, FaultKind::Status(403, String::new(), said.to_owned()));
    policy(&bench, &sbom(""));
    let verify = ["verify", "--policy", "p.yaml", &name];
    let told = bench.ends(4, &verify);
    assert!(told.contains("set-output") && !told.contains("##["), "{told}");
    // A line of JSON says the same to whoever reads it as that.
    let run = bench.run(&[&["--log-format", "json"], &verify[..]].concat());
    assert!(!run.stderr.contains("##["), "{}", run.stderr);
    let line: Value = serde_json::from_str(run.stderr.lines().next().unwrap()).unwrap();
    assert!(line["message"].as_str().unwrap().contains("##[set-output"), "{line}");
}

#[test]
fn a_rescan_that_was_cut_short_agrees_with_nothing() {
    let bench = Bench::new();
    let layout = bench.layout("layout");
    let cut = ["--limit", "file-bytes=60"];
    let bill = bench.done(&[&["scan", &layout, "-o", "spdx-json"], &cut[..]].concat());
    assert!(!bill.contains("zlib"), "{bill}");
    bench.write("bill.json", bill);
    bench.done(&["attest", "--key", "k.key", "--predicate", "bill.json", &layout]);
    policy(&bench, &sbom(", matches: rescan"));
    let gate = ["verify", "--policy", "p.yaml", &layout];
    assert!(bench.ends(4, &[&gate[..], &cut].concat()).contains("DRIFT_UNKNOWN"));
    assert!(bench.ends(1, &gate).contains("DRIFT"));
    let plain = ["verify", "--key", "k.pub", "--matches", "rescan", &layout];
    assert!(bench.ends(4, &[&plain[..], &cut].concat()).contains("undecided"));
    bench.ends(1, &plain);
}

#[test]
fn what_only_calls_itself_large_keeps_nothing_from_being_decided() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    oversized(&registry, b"small", 65 << 20, None);
    check(&bench, &name, &sbom(""), "allow", &[]);
    let verify = ["verify", "--key", "k.pub", "--type", "spdxjson", &name];
    assert!(bench.done(&verify).contains("cannot be used"));
    // What is as large as it says is of consequence for what it is called only.
    let large = vec![b' '; (64 << 20) + 1];
    let vuln = "https://cosign.sigstore.dev/attestation/vuln/v1";
    oversized(&registry, &large, large.len(), Some(vuln));
    check(&bench, &name, &sbom(""), "allow", &[]);
    let two = "    require: [{sbom: {by: [k]}}, {attestation: {type: vuln, by: [k]}}]";
    check(&bench, &name, two, "undecided", &["LIMIT"]);
    bench.done(&verify);
    oversized(&registry, &large, large.len(), None);
    check(&bench, &name, &sbom(""), "undecided", &["LIMIT"]);
    check(&bench, &name, &sbom(", select: any"), "allow", &[]);
}

/// Puts a referrer beside the image whose bundle is called so many bytes long.
fn oversized(registry: &Registry, bytes: &[u8], size: usize, hint: Option<&str>) {
    const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let subject = image("linux/amd64").manifest;
    let layer =
        json!({ "mediaType": BUNDLE, "digest": registry.insert_blob("team/app", bytes), "size": size });
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": registry.insert_blob("team/app", b"{}"), "size": 2,
    });
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": config, "layers": [layer],
        "subject": { "mediaType": MANIFEST, "digest": subject.digest, "size": subject.bytes.len() },
    });
    if let Some(hint) = hint {
        manifest["annotations"] = json!({ "dev.sigstore.bundle.predicateType": hint });
    }
    registry.insert_manifest("team/app", None, MANIFEST, manifest.to_string().as_bytes());
}

#[test]
fn more_signatures_than_are_held_against_keys_leave_it_undecided() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    policy(&bench, &sbom(""));
    let limit = ["--limit", "signature-checks=0", &name];
    let said = bench.ends(4, &[&["verify", "--policy", "p.yaml"], &limit[..]].concat());
    assert!(said.contains("LIMIT") && said.contains("signature-checks"), "{said}");
    let said = bench.ends(4, &[&["verify", "--key", "k.pub"], &limit[..]].concat());
    assert!(said.contains("signature-checks"), "{said}");
}

#[test]
fn an_image_that_no_rule_is_for_ends_as_the_default_says() {
    let bench = Bench::new();
    let (registry, name) = attested(&bench);
    for (default, code) in [("deny", 1), ("warn", 0), ("allow", 0)] {
        bench.write("p.yaml", format!("version: 1\ndefault: {default}\nrules: []\n"));
        let said = bench.ends(code, &["verify", "--policy", "p.yaml", &name]);
        assert!(said.contains("no rule is for this image"), "{said}");
    }
    let rule = format!("  - images: ['{}/team/**']\n    require: [{{sbom: {{by: [k]}}}}]\n", registry.host());
    bench.write(
        "p.yaml",
        format!("version: 1\ndefault: deny\nsigners: {{k: {{key: k.pub}}}}\nrules:\n{rule}"),
    );
    bench.done(&["verify", "--policy", "p.yaml", &name]);
    let layout = bench.layout("layout");
    assert!(bench.ends(1, &["verify", "--policy", "p.yaml", &layout]).contains("no rule is for"));
}

#[test]
fn by_a_digest_an_image_has_no_tag_and_by_no_other_name_than_its_own() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench);
    let layout = format!("oci:{}:1", bench.path("named").display());
    bench.done(&["attest", "copy", &name, &layout]);
    bench.write(
        "tags.yaml",
        "version: 1\ndefault: deny\nsigners: {k: {key: k.pub}}\nrules:\n  - images: ['a.test/b:v*']\n    require: [{sbom: {by: [k]}}]\n",
    );
    let root = two().manifest.digest;
    let judged = |code: i32, called: &str| {
        bench.ends(code, &["verify", "--policy", "tags.yaml", "--as", called, &layout])
    };
    judged(0, "a.test/b:v1");
    assert!(judged(1, &format!("a.test/b:v1@{root}")).contains("no rule is for this image"));
    let other = format!("a.test/b:v1@sha256:{}", "0".repeat(64));
    let said = judged(2, &other);
    assert!(said.contains("--as"), "{said}");
}

#[test]
fn a_wrong_policy_ends_with_2_and_its_lines() {
    let bench = Bench::new();
    let layout = bench.layout("layout");
    bench.write("p.yaml", "version: 1\ndefault: deny\nrulez: []\n");
    let said = bench.ends(2, &["verify", "--policy", "p.yaml", &layout]);
    assert!(said.contains("p.yaml:3:1"), "{said}");
    bench.ends(2, &["verify", "--policy", "missing.yaml", &layout]);
    bench.write(
        "p.yaml",
        "version: 1\ndefault: deny\nsigners: {k: {key: gone.pub}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [k]}}]\n",
    );
    let said = bench.ends(2, &["verify", "--policy", "p.yaml", &layout]);
    assert!(said.contains("gone.pub"), "{said}");
    policy(&bench, &sbom(""));
    for option in
        [&["--key", "k.pub"][..], &["--type", "spdx"], &["--all-platforms"], &["--matches", "rescan"]]
    {
        bench.ends(2, &[&["verify", "--policy", "p.yaml", &layout], option].concat());
    }
    bench.ends(2, &["verify", "--policy", "p.yaml", "-o", "predicate", &layout]);
    bench.ends(2, &["verify", "--policy", "p.yaml", "--offline", "127.0.0.1:1/team/app:1"]);
}

#[test]
fn what_cannot_be_looked_at_is_undecided_and_in_every_report() {
    let bench = Bench::new();
    let (registry, name) = attested(&bench);
    let gone = format!("{}/team/app:1", Registry::start().host());
    policy(&bench, &sbom(""));
    let document = bench.json("verdict", 4, &["verify", "--policy", "p.yaml", "-o", "json", &gone, &name]);
    let decisions: Vec<&Value> =
        document["verdicts"].as_array().unwrap().iter().map(|verdict| &verdict["decision"]).collect();
    assert_eq!(decisions, ["undecided", "allow"]);
    for format in ["text", "sarif", "junit", "github"] {
        let run = bench.run(&["verify", "--policy", "p.yaml", "-o", format, &gone, &name]);
        assert_eq!(run.code, 4, "{format}: {}", run.stderr);
        let word = if format == "text" { "UNDECIDED" } else { "REGISTRY" };
        assert!(run.stdout.contains(word), "{format}: {}", run.stdout);
    }
    let layout = bench.layout("layout");
    bench.ends(1, &["verify", "--policy", "p.yaml", &gone, &layout]);
    bench.ends(3, &["verify", "--policy", "p.yaml", "oci:missing", &name]);
    let limit = ["verify", "--policy", "p.yaml", "--limit", "attestation-requests=1", &name];
    assert!(bench.ends(4, &limit).contains("LIMIT"));
    registry.fault_on("GET", "/manifests/sha256-", 99, FaultKind::Status(500, String::new(), String::new()));
    bench.ends(4, &["verify", "--policy", "p.yaml", &name]);
}

#[test]
fn junk_turns_no_yes_into_a_no() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    bench.done(&["attest", "--key", "s.key", &name]);
    bench.write("said.json", r#"{"bomFormat":"CycloneDX","components":17}"#);
    bench.done(&["attest", "--key", "s.key", "--type", "cyclonedx", "--predicate", "said.json", &name]);
    for tag in ["a", "b"] {
        registry.push("team/app", tag, &image("linux/arm64"));
    }
    check(&bench, &name, &sbom(""), "allow", &[]);
}

#[test]
fn reports_are_made_for_whoever_reads_them() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench);
    policy(&bench, &format!("{}\n    deny: {{licenses: ['Zlib']}}", sbom("")));
    let report = |format: &str| bench.ends(1, &["verify", "--policy", "p.yaml", "-o", format, &name]);
    assert!(report("text").contains("LICENSE_DENIED"));
    let sarif: Value = serde_json::from_str(&report("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "LICENSE_DENIED");
    let junit = report("junit");
    assert!(junit.starts_with("<?xml") && junit.contains("<failure type=\"LICENSE_DENIED\""), "{junit}");
    assert!(report("github").contains("::error file=p.yaml,line="));
}

#[test]
fn a_summary_says_what_the_gate_said_and_what_it_heard() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &index([image("linux/amd64")]));
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &name]);
    policy(&bench, &sbom(""));
    let summary = ["--vsa-key", "s.key", "--vsa-output", "vsa.json", "--vsa-push"];
    bench.done(&[&["verify", "--policy", "p.yaml", &name], &summary[..]].concat());
    let vsa = ["verify", "--key", "s.pub", "--type", "vsa", "-o", "predicate", &name];
    let predicate: Value = serde_json::from_str(&bench.done(&vsa)).unwrap();
    assert_eq!(predicate["verificationResult"], "PASSED");
    let input = predicate["inputAttestations"][0]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(said["attested"][0]["bundle"], format!("sha256:{input}"));
    assert_eq!(predicate["inputAttestations"].as_array().unwrap().len(), 1);
    bench.done(&["verify", "--key", "s.pub", "--type", "vsa", "--bundle", "vsa.json", &name]);
    bench.ends(1, &["verify", "--key", "k.pub", "--type", "vsa", &name]);

    policy(&bench, &format!("{}\n    deny: {{licenses: ['Zlib']}}", sbom("")));
    bench.ends(1, &["verify", "--policy", "p.yaml", "--vsa-key", "s.key", "--vsa-output", "no.json", &name]);
    // The summary of a no is signed, and lets nothing pass.
    let failed = bench.ends(1, &["verify", "--key", "s.pub", "--type", "vsa", "--bundle", "no.json", &name]);
    assert!(failed.contains("FAILED_SUMMARY"), "{failed}");
    bench.ends(2, &["verify", "--key", "k.pub", "--vsa-key", "s.key", &name]);
    bench.ends(2, &["verify", "--policy", "p.yaml", "--vsa-push", &name]);
}

#[test]
fn a_no_is_not_outlived_by_an_older_yes_of_the_same_signer() {
    let bench = Bench::new();
    let summary = |result: &str, time: &str, name: &str| {
        bench.write("vsa.json", format!(r#"{{"verificationResult":"{result}","timeVerified":"{time}"}}"#));
        bench.done(&["attest", "--key", "k.key", "--type", "vsa", "--predicate", "vsa.json", name]);
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    for (yes, no, code, decision, reasons) in [
        (early, late, 1, "deny", &["FAILED_SUMMARY"][..]),
        (early, early, 1, "undecided", &["TIME_UNVERIFIED"]),
        ("", late, 1, "undecided", &["TIME_UNVERIFIED"]),
        (late, early, 0, "allow", &[]),
    ] {
        let (_registry, name) = registry(API, &image("linux/amd64"));
        summary("PASSED", yes, &name);
        let plain = ["verify", "--key", "k.pub", "--type", "vsa", &name];
        bench.done(&plain);
        summary("FAILED", no, &name);
        let said = bench.ends(code, &plain);
        assert!(said.contains("FAILED_SUMMARY"), "{said}");
        let rule = "    require: [{attestation: {type: vsa, by: [k], time: claimed}}]";
        check(&bench, &name, rule, decision, reasons);
        let all = "    require: [{attestation: {type: vsa, by: [k], select: all}}]";
        check(&bench, &name, all, "deny", &["FAILED_SUMMARY"]);
        // By somebody else it says nothing of the first one's word.
        let (_registry, name) = registry(API, &image("linux/amd64"));
        summary("PASSED", yes, &name);
        bench.done(&["attest", "--key", "s.key", "--type", "vsa", "--predicate", "vsa.json", &name]);
        bench.write("vsa.json", r#"{"verificationResult":"FAILED"}"#);
        bench.done(&["attest", "--key", "s.key", "--type", "vsa", "--predicate", "vsa.json", &name]);
        bench.done(&["verify", "--key", "k.pub", "--key", "s.pub", "--type", "vsa", &name]);
    }
}

#[test]
fn a_summary_that_fails_hides_no_verdict() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    let gate = ["verify", "--policy", "p.yaml", "--vsa-key", "s.key", "--vsa-push", &name];
    for (licence, code, word) in [("Zlib", 1, "DENIED"), ("AGPL-3.0-only", 4, "allowed")] {
        policy(&bench, &format!("{}\n    deny: {{licenses: ['{licence}']}}", sbom("")));
        registry.fault_on("PUT", "/manifests/", 99, FaultKind::Status(403, String::new(), String::new()));
        let run = bench.run(&gate);
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        assert!(run.stdout.starts_with(word) && run.stderr.contains("403"), "{}{}", run.stdout, run.stderr);
        registry.clear_faults();
    }
    // Where nothing can be put, nothing is judged.
    bench.done(&["attest", "copy", &name, "oci-archive:a.tar"]);
    let archive = ["verify", "--policy", "p.yaml", "--vsa-key", "s.key", "--vsa-push", "oci-archive:a.tar"];
    let run = bench.run(&archive);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains("archive"), "{}", run.stderr);
    // What is wrong of a later one hides no verdict on the first.
    for (licence, code, word) in [("Zlib", 1, "DENIED"), ("AGPL-3.0-only", 2, "allowed")] {
        policy(&bench, &format!("{}\n    deny: {{licenses: ['{licence}']}}", sbom("")));
        let run = bench.run(&[&gate[..], &["oci-archive:a.tar"]].concat());
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        assert!(
            run.stdout.starts_with(word) && run.stderr.contains("archive"),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
    let run = bench.run(&["verify", "--key", "k.pub", "--type", "openvex", &name, "k.pub"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("WRONG_TYPE") && run.stderr.contains("--bundle"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

#[cfg(feature = "keyless")]
#[test]
fn an_identity_signs_for_the_gate_and_its_time_is_proven() {
    use sbomctl_testkit::sigstore::{Loopback, token};
    let bench = Bench::new();
    let sigstore = Loopback::start();
    let layout = bench.layout("layout");
    bench.write("token.jwt", token("https://issuer.test", "a@b.test"));
    bench.write("root.json", sigstore.trusted_root());
    bench.write("config.json", sigstore.signing_config(2));
    bench.done(&[
        "attest",
        "--identity-token",
        "token.jwt",
        "--signing-config",
        "config.json",
        "--trusted-root",
        "root.json",
        &layout,
    ]);
    let identity = |subject: &str| {
        format!(
            "version: 1\ndefault: deny\nsigners:\n  ci: {{issuer: 'https://issuer.test', subject: '{subject}', trustedRoot: root.json}}\nrules:\n  - images: ['**']\n    require: [{{sbom: {{by: [ci], maxAge: 3000w}}}}]\n"
        )
    };
    bench.write("p.yaml", identity("a@b.test"));
    bench.done(&["verify", "--policy", "p.yaml", &layout]);
    bench.write("p.yaml", identity("a@b.test").replace("3000w", "1d"));
    assert!(bench.ends(1, &["verify", "--policy", "p.yaml", &layout]).contains("STALE"));
    bench.write("p.yaml", identity("x@b.test"));
    assert!(bench.ends(1, &["verify", "--policy", "p.yaml", &layout]).contains("SIGNER_MISMATCH"));
    let verify =
        ["verify", "--trusted-root", "root.json", "--certificate-oidc-issuer", "https://issuer.test"];
    let who = ["--certificate-identity", "a@b.test", "-o", "json", &layout];
    let verdict = bench.json("verify", 0, &[&verify[..], &who].concat());
    let verified = &verdict["subjects"][0]["verified"][0];
    assert_eq!(verified["signers"][0]["subject"], "a@b.test");
    assert_ne!(verified["time"], json!(null));
    for (issuer, subject) in [("https://issuer.test", "b.test"), ("https://issuer", "a@b.test")] {
        let verify = ["verify", "--trusted-root", "root.json", "--certificate-oidc-issuer", issuer];
        bench.ends(1, &[&verify[..], &["--certificate-identity", subject, &layout]].concat());
    }
}
