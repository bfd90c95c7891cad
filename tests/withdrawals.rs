//! What was withdrawn counts nowhere: whatever is demanded, wherever the record lies, and where it cannot be read.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sbomctl_testkit::{Blob, FaultKind, Registry, digest, index, sigstore::Sigstore};
use serde_json::{Value, json};

use crate::attest::{API, Bench, at, image, registry, two};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const RECORD: &str = "https://github.com/sbomctl/sbomctl/revocation/v1";

/// Puts a bundle beside `subject`, called `hint` if that is anything; the digest of its manifest.
fn refer(registry: &Registry, subject: &Blob, bytes: &[u8], hint: Option<&str>) -> String {
    refer_at(registry, subject, bytes, hint, None)
}

/// The same, called made at a time.
fn refer_at(
    registry: &Registry,
    subject: &Blob,
    bytes: &[u8],
    hint: Option<&str>,
    created: Option<&str>,
) -> String {
    let blob =
        |bytes: &[u8]| json!({ "digest": registry.insert_blob("team/app", bytes), "size": bytes.len() });
    let (mut layer, mut config) = (blob(bytes), blob(b"{}"));
    layer["mediaType"] = json!(BUNDLE);
    config["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": config, "layers": [layer],
        "subject": subject.descriptor(),
    });
    let annotations =
        [("dev.sigstore.bundle.predicateType", hint), ("org.opencontainers.image.created", created)];
    for (name, value) in annotations {
        if let Some(value) = value {
            manifest["annotations"][name] = json!(value);
        }
    }
    registry.insert_manifest("team/app", None, MANIFEST, manifest.to_string().as_bytes())
}

/// A bundle with a stamp over its signature.
fn stamped(sigstore: &Sigstore, bundle: &str) -> String {
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap().to_owned();
    let stamp = STANDARD.encode(sigstore.stamp_over(&STANDARD.decode(signature).unwrap()));
    bundle["verificationMaterial"]["timestampVerificationData"] =
        json!({ "rfc3161Timestamps": [{ "signedTimestamp": stamp }] });
    bundle.to_string()
}

/// A policy with one rule, which demands a bill of `k`.
fn policy(bench: &Bench, key: &str, more: &str) {
    bench.write(
        "p.yaml",
        format!(
            "version: 1\ndefault: deny\nsigners: {{k: {key}}}\nrules:\n  - images: ['**']\n    require: [{{sbom: {{by: [k]{more}}}}}]\n"
        ),
    );
}

/// Attests `name`: the digests of bundle and statement of what is said of its first image.
fn attested(bench: &Bench, name: &str) -> (String, String) {
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", name]);
    let of = |part: &str| said["attested"][0][part].as_str().unwrap().to_owned();
    (of("bundle"), of("statement"))
}

/// An index of two platforms of which `k` has withdrawn what it says of amd64, by a record beside the index alone.
fn withdrawn(bench: &Bench) -> (Registry, String) {
    let (registry, name) = registry(API, &two());
    let (_, statement) = attested(bench, &name);
    record(bench, &statement);
    bench.done(&["attest", "--key", "k.key", "--type", RECORD, "--predicate", "record.json", &name]);
    (registry, name)
}

/// Writes what a record says that withdraws `statement`.
fn record(bench: &Bench, statement: &str) {
    let revoked = json!({ "statement": { "sha256": statement.trim_start_matches("sha256:") } });
    bench.write("record.json", json!({ "revoked": [revoked] }).to_string());
}

fn revoke(bench: &Bench, key: &str, attestation: &str, name: &str) {
    bench.done(&["attest", "revoke", "--key", key, "--attestation", attestation, name]);
}

#[test]
fn a_record_without_stamp_or_log_entry_binds_where_statements_need_them() {
    let bench = Bench::new();
    let sigstore = Sigstore::new();
    let root = image("linux/amd64");
    let (registry, name) = registry(API, &root);
    bench.write("root.json", sigstore.trusted_root());
    bench.done(&["attest", "--key", "k.key", "--no-push", "--output-bundle", "b.json", &name]);
    let bytes = stamped(&sigstore, &bench.read("b.json"));
    refer(&registry, &root.manifest, bytes.as_bytes(), Some("https://spdx.dev/Document"));
    policy(&bench, "{key: k.pub, trustedRoot: root.json}", "");
    let plain = ["verify", "--key", "k.pub", "--trusted-root", "root.json", "--require-timestamp", &name];
    let gate = ["verify", "--policy", "p.yaml", "--require-timestamp", &name];
    bench.done(&plain);
    bench.done(&gate);
    revoke(&bench, "k.key", &digest(bytes.as_bytes()), &name);
    for arguments in [&plain[..], &gate] {
        assert!(bench.ends(1, arguments).contains("REVOKED"));
    }
}

#[test]
fn a_record_that_no_work_was_left_for_may_have_withdrawn_anything() {
    let bench = Bench::new();
    let (_registry, name) = withdrawn(&bench);
    let verify = |limit: &str, code: i32| {
        let plain = ["verify", "--key", "k.pub", "--platform", "linux/amd64", "--limit", limit, &name];
        bench.ends(code, &plain)
    };
    assert!(verify("signature-checks=16", 1).contains("REVOKED"));
    // The record comes first, whichever digest it lies beside.
    assert!(verify("signature-checks=2", 1).contains("REVOKED"));
    for limit in ["signature-checks=0", "signature-checks=1"] {
        assert!(verify(limit, 4).contains("signature-checks"));
    }
    policy(&bench, "{key: k.pub}", ", coverage: platforms");
    for (limit, code) in [(16, 1), (3, 4), (2, 4), (0, 4)] {
        let limit = format!("signature-checks={limit}");
        bench.ends(code, &["verify", "--policy", "p.yaml", "--limit", &limit, &name]);
    }
}

#[test]
fn what_is_called_nothing_and_was_not_looked_at_may_be_a_record() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &two());
    attested(&bench, &name);
    policy(&bench, "{key: k.pub}", ", select: any");
    let plain = ["verify", "--key", "k.pub", "--platform", "linux/amd64", &name];
    let gate = ["verify", "--policy", "p.yaml", &name];
    let manifest = refer(&registry, &two().manifest, b"{}", None);
    bench.done(&plain);
    bench.done(&gate);
    registry.fault(
        &format!("/manifests/{manifest}"),
        99,
        FaultKind::Status(403, String::new(), String::new()),
    );
    assert!(bench.ends(4, &plain).contains("403"));
    bench.ends(4, &gate);
    registry.clear_faults();
    refer(&registry, &two().manifest, b"{ }", None);
    let limit = ["--limit", "referrers=1"];
    assert!(bench.ends(4, &[&plain[..], &limit].concat()).contains("referrers"));
    // What calls itself something else keeps nothing back.
    let manifest = refer(&registry, &two().manifest, b"{  }", Some("https://a.test/other"));
    registry.fault(
        &format!("/manifests/{manifest}"),
        99,
        FaultKind::Status(403, String::new(), String::new()),
    );
    bench.done(&plain);
}

#[test]
fn a_record_that_nobody_can_read_leaves_it_undecided() {
    for of in [
        |statement: &str| json!({ "statement": { "sha256": statement.to_uppercase() } }),
        |statement: &str| json!({ "attestation": { "sha256": statement } }),
        |statement: &str| json!({ "statement": { "sha3": statement } }),
    ] {
        let bench = Bench::new();
        let (_registry, name) = registry(API, &image("linux/amd64"));
        let (_, statement) = attested(&bench, &name);
        let revoked = of(statement.trim_start_matches("sha256:"));
        bench.write("record.json", json!({ "revoked": [revoked] }).to_string());
        // Reading it back finds the same as everybody else will.
        bench.ends(4, &["attest", "--key", "k.key", "--type", RECORD, "--predicate", "record.json", &name]);
        let said = bench.ends(4, &["verify", "--key", "k.pub", &name]);
        assert!(said.contains("what it withdraws cannot be read"), "{said}");
        policy(&bench, "{key: k.pub}", "");
        assert!(bench.ends(4, &["verify", "--policy", "p.yaml", &name]).contains("WITHDRAWAL_UNKNOWN"));
    }
}

#[test]
fn a_record_in_a_file_binds_over_all_of_the_image() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &two());
    let file = |name: &str| ["--key", "k.key", "--no-push", "--output-bundle", name].map(str::to_owned);
    let attest = |file: [String; 5], more: &[&str]| {
        let file: Vec<&str> = file.iter().map(String::as_str).collect();
        bench.done(&[&["attest"], &file[..], more].concat());
    };
    attest(file("bill"), &["--platform", "linux/amd64", &name]);
    let said = bench.done(&[
        "verify",
        "--key",
        "k.pub",
        "--bundle",
        "bill",
        "-o",
        "json",
        "--platform",
        "linux/amd64",
        &name,
    ]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let statement = said["subjects"][0]["verified"][0]["statement"].as_str().unwrap();
    record(&bench, statement);
    attest(file("record"), &["--type", RECORD, "--predicate", "record.json", &name]);
    for more in [&[][..], &["--type", "spdxjson"]] {
        let said =
            bench.ends(1, &[&["verify", "--key", "k.pub", "--bundle", "record", &name], more].concat());
        assert!(said.contains("withdraws others"), "{said}");
    }
    bench.write("both", format!("{}\n{}\n", bench.read("bill").trim(), bench.read("record").trim()));
    let verify = ["verify", "--key", "k.pub", "--bundle", "both"];
    for subject in [&[name.as_str()][..], &["--platform", "linux/amd64", &name]] {
        assert!(bench.ends(1, &[&verify[..], subject].concat()).contains("REVOKED"), "{subject:?}");
    }
}

#[test]
fn an_index_is_one_whatever_it_says_of_its_images() {
    let plain = |platform: &str| image(platform).with("platform", Value::Null);
    let annotated = |platform| plain(platform).with_annotation("vnd.docker.reference.type", "x");
    let empty = |platform| plain(platform).with_platform(json!({ "os": "", "architecture": "" }));
    for root in [
        index([annotated("linux/amd64"), annotated("linux/arm64")]),
        index([empty("linux/amd64"), empty("linux/arm64")]),
    ] {
        let bench = Bench::new();
        let (_registry, name) = registry(API, &root);
        bench.done(&["attest", "--key", "k.key", "--no-push", "--output-bundle", "both", &name]);
        let both = bench.read("both");
        bench.write("half", both.lines().next().unwrap());
        let verify =
            |file: &str, code: i32| bench.ends(code, &["verify", "--key", "k.pub", "--bundle", file, &name]);
        let arm = image("linux/arm64").manifest.digest;
        assert!(verify("half", 1).contains(&arm));
        verify("both", 0);
        bench.done(&["attest", "--key", "k.key", &name]);
        bench.done(&["verify", "--key", "k.pub", &name]);
        // A record beside one of the images binds over the index.
        let list = bench.done(&["attest", "list", "--format", "json", &at(&name, &arm)]);
        let list: Value = serde_json::from_str(&list).unwrap();
        let bundle = list["attestations"][0]["digest"].as_str().unwrap();
        revoke(&bench, "k.key", bundle, &at(&name, &arm));
        assert!(bench.ends(1, &["verify", "--key", "k.pub", &name]).contains("REVOKED"));
    }
}

#[test]
fn what_its_signer_withdrew_is_not_attested_again_in_the_same_words() {
    let bench = Bench::new();
    let (_registry, name) = withdrawn(&bench);
    for again in [&["--force"][..], &[], &["--platform", "linux/amd64"]] {
        let said = bench.ends(1, &[&["attest", "--key", "k.key", &name], again].concat());
        assert!(said.contains("REVOKED") && said.contains("--timestamp now"), "{said}");
    }
    bench.ends(1, &["verify", "--key", "k.pub", "--platform", "linux/amd64", &name]);
    let time = ["--timestamp", "2024-01-01T00:00:00Z"];
    bench.done(&[&["attest", "--key", "k.key", &name], &time[..]].concat());
    bench.done(&["verify", "--key", "k.pub", "--platform", "linux/amd64", &name]);
}

#[test]
fn what_was_withdrawn_of_half_the_image_is_not_called_done() {
    let refused = || FaultKind::Status(403, String::new(), String::new());
    let arm = image("linux/arm64").manifest.digest;
    for (words, more) in [("taken away", &["--delete"][..]), ("withdrawn by", &["--key", "k.key"])] {
        let bench = Bench::new();
        let (registry, name) = registry(API, &index([two()]));
        let (bundle, _) = attested(&bench, &name);
        registry.fault(&format!("/referrers/{arm}"), 99, refused());
        let revoke = ["attest", "revoke", "--attestation", &bundle, &name];
        let said = bench.ends(4, &[&revoke[..], more].concat());
        assert!(said.contains(words) && said.contains("403"), "{said}");
    }
}

#[test]
fn what_a_nested_index_holds_is_withdrawn_with_the_rest() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &index([two()]));
    let (bundle, _) = attested(&bench, &name);
    let amd64 = at(&name, &image("linux/amd64").manifest.digest);
    bench.done(&["attest", "revoke", "--delete", "--attestation", &bundle, &name]);
    for subject in [&name, &amd64] {
        let list = bench.done(&["attest", "list", "--format", "json", subject]);
        assert!(!list.contains(&bundle), "{list}");
    }
}

/// A summary of `k` that says `result`, as a bundle.
fn summary(bench: &Bench, result: &str, time: &str, name: &str) -> String {
    said(bench, "vsa", &json!({ "verificationResult": result, "timeVerified": time }), name)
}

/// What `k` says, as a bundle.
fn said(bench: &Bench, kind: &str, predicate: &Value, name: &str) -> String {
    bench.write("said.json", predicate.to_string());
    let to = ["--predicate", "said.json", "--no-push", "--output-bundle", "said.b", name];
    bench.done(&[&["attest", "--key", "k.key", "--type", kind], &to[..]].concat());
    bench.read("said.b")
}

#[test]
fn a_summary_that_was_not_looked_at_may_say_no() {
    let bench = Bench::new();
    let root = image("linux/amd64");
    let (registry, name) = registry(API, &root);
    let put = |result: &str, time: &str, created: &str| {
        let bundle = summary(&bench, result, time, &name);
        refer_at(&registry, &root.manifest, bundle.as_bytes(), Some(SUMMARY), Some(created))
    };
    put("PASSED", "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let failed = put("FAILED", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z");
    let plain = ["verify", "--key", "k.pub", &name];
    let typed = ["verify", "--key", "k.pub", "--type", "vsa", &name];
    for arguments in [&plain[..], &typed] {
        assert!(bench.ends(1, arguments).contains("FAILED_SUMMARY"));
        for limit in ["referrers=1", "signature-checks=1", "attestations-bytes=1500"] {
            let said = bench.ends(4, &[arguments, &["--limit", limit]].concat());
            assert!(said.contains(limit.split('=').next().unwrap()), "{said}");
        }
        let refused = FaultKind::Status(403, String::new(), String::new());
        registry.fault(&format!("/manifests/{failed}"), 99, refused);
        assert!(bench.ends(4, arguments).contains("403"));
        registry.clear_faults();
    }
    // What says nothing of the kind does not depend on it.
    let (registry, name) = crate::attest::registry(API, &root);
    attested(&bench, &name);
    let bundle = summary(&bench, "FAILED", "", &name);
    refer_at(&registry, &root.manifest, bundle.as_bytes(), Some(SUMMARY), Some("2001-01-01T00:00:00Z"));
    bench.done(&["verify", "--key", "k.pub", "--limit", "referrers=1", &name]);
}

#[test]
fn a_no_needs_no_stamp_where_a_yes_needs_one() {
    let bench = Bench::new();
    let sigstore = Sigstore::new();
    bench.write("root.json", sigstore.trusted_root());
    bench.write(
        "p.yaml",
        "version: 1\ndefault: deny\nsigners: {k: {key: k.pub, trustedRoot: root.json}}\nrules:\n  - images: ['**']\n    require: [{attestation: {type: vsa, by: [k]}}]\n",
    );
    let root = image("linux/amd64");
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    for (yes, no, codes) in [(early, late, [1, 4]), (late, early, [0, 4])] {
        let (registry, name) = registry(API, &root);
        let passed = stamped(&sigstore, &summary(&bench, "PASSED", yes, &name));
        refer(&registry, &root.manifest, passed.as_bytes(), Some(SUMMARY));
        let plain = ["verify", "--key", "k.pub", "--trusted-root", "root.json", "--type", "vsa", &name];
        let gate = ["verify", "--policy", "p.yaml", &name];
        let demands = [&[][..], &["--require-timestamp"]];
        for more in demands {
            bench.done(&[&plain[..], more].concat());
            bench.done(&[&gate[..], more].concat());
        }
        let failed = summary(&bench, "FAILED", no, &name);
        refer(&registry, &root.manifest, failed.as_bytes(), Some(SUMMARY));
        for more in demands {
            bench.ends(codes[0], &[&plain[..], more].concat());
            bench.ends(codes[1], &[&gate[..], more].concat());
        }
        // What was withdrawn says nothing, either.
        revoke(&bench, "k.key", &digest(failed.as_bytes()), &name);
        for more in demands {
            bench.done(&[&plain[..], more].concat());
            bench.done(&[&gate[..], more].concat());
        }
    }
}

#[test]
fn what_takes_a_vex_statement_back_needs_no_stamp() {
    let bench = Bench::new();
    let sigstore = Sigstore::new();
    bench.write("root.json", sigstore.trusted_root());
    bench.write(
        "p.yaml",
        "version: 1\ndefault: deny\nsigners: {k: {key: k.pub, trustedRoot: root.json}}\nrules:\n  - images: ['**']\n    require: [{attestation: {type: vuln, by: [k]}}]\n    deny: {vulns: {min: high, vex: {by: [k]}}}\n",
    );
    let root = image("linux/amd64");
    let (registry, name) = registry(API, &root);
    let gate = ["verify", "--policy", "p.yaml", "--require-timestamp", &name];
    let report = json!({ "scanner": { "uri": "https://scanner.test", "result": { "Results": [{ "Vulnerabilities":
        [{ "VulnerabilityID": "CVE-1", "PkgName": "musl", "Severity": "HIGH" }] }] } } });
    let vex = |status: &str, time: &str| {
        let word = json!({ "vulnerability": { "name": "CVE-1" }, "status": status, "timestamp": time });
        said(&bench, "openvex", &json!({ "statements": [word] }), &name)
    };
    let put = |kind: &str, bundle: &str| refer(&registry, &root.manifest, bundle.as_bytes(), Some(kind));
    put(
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        &stamped(&sigstore, &said(&bench, "vuln", &report, &name)),
    );
    bench.ends(1, &gate);
    // It clears nothing without a stamp, and takes nothing back if it says the same.
    let cleared = vex("fixed", "2026-01-01T00:00:00Z");
    put(VEX, &cleared);
    bench.ends(1, &gate);
    put(VEX, &stamped(&sigstore, &cleared));
    bench.done(&gate);
    put(VEX, &vex("affected", "2026-01-02T00:00:00Z"));
    for arguments in [&gate[..], &["verify", "--policy", "p.yaml", &name]] {
        assert!(bench.ends(1, arguments).contains("CVE-1"));
    }
}
