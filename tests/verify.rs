//! `verify`, end to end: what passes, what does not, and what cannot be decided.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sbomctl_testkit::{FaultKind, Layout, ReferrersApi, Registry};
use serde_json::{Value, json};

use crate::{
    attest::{API, Bench, at, image, image_with, registry, two},
    program::finish,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SPDX: &str = "https://spdx.dev/Document";

/// Puts a referrer with these bytes as its bundle beside the image.
fn refer(registry: &Registry, bytes: &[u8], created: &str) -> String {
    let subject = image("linux/amd64").manifest;
    let layer = json!({ "mediaType": BUNDLE, "digest": registry.insert_blob("team/app", bytes), "size": bytes.len() });
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": registry.insert_blob("team/app", b"{}"), "size": 2,
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE, "config": config, "layers": [layer],
        "subject": { "mediaType": MANIFEST, "digest": subject.digest, "size": subject.bytes.len() },
        "annotations": { "dev.sigstore.bundle.predicateType": SPDX, "org.opencontainers.image.created": created },
    });
    registry.insert_manifest("team/app", None, MANIFEST, manifest.to_string().as_bytes())
}

/// An image in a registry that `k` has attested.
fn attested(bench: &Bench, api: ReferrersApi) -> (Registry, String) {
    let (registry, name) = registry(api, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    (registry, name)
}

#[test]
fn what_does_not_count_ends_with_1() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    assert!(bench.ends(1, &["verify", "--key", "k.pub", &name]).contains("there is no attestation"));
    refer(&registry, b"{}", "2026-01-01T00:00:00Z");
    assert!(bench.ends(1, &["verify", "--key", "k.pub", &name]).contains("MALFORMED"));
    bench.done(&["attest", "--key", "k.key", &name]);
    bench.done(&["verify", "--key", "k.pub", &name]);
    bench.done(&["verify", "--key", "s.pub", "--key", "k.pub", &name]);
    assert!(bench.ends(1, &["verify", "--key", "s.pub", &name]).contains("SIGNER_MISMATCH"));
    assert!(
        bench.ends(1, &["verify", "--key", "k.pub", "--type", "cyclonedx", &name]).contains("WRONG_TYPE")
    );
    bench.ends(1, &["verify", "--key", "k.pub", "--require-tlog", &name]);
    bench.ends(1, &["verify", "--key", "k.pub", "--require-timestamp", &name]);
    let said = bench.done(&["verify", "--key", "k.pub", "--type", "spdxjson", &name]);
    assert!(said.contains("not checked  log-inclusion") && said.contains("unverified time"), "{said}");
}

#[test]
fn what_nobody_signed_is_named_and_does_not_count() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let subject = image("linux/amd64").manifest;
    let bill = br#"{"spdxVersion":"SPDX-2.3"}"#;
    let layer = json!({
        "mediaType": "application/spdx+json", "digest": registry.insert_blob("team/app", bill), "size": bill.len(),
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/spdx+json", "layers": [layer],
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": registry.insert_blob("team/app", b"{}"), "size": 2 },
        "subject": { "mediaType": MANIFEST, "digest": subject.digest, "size": subject.bytes.len() },
    });
    registry.insert_manifest("team/app", None, MANIFEST, manifest.to_string().as_bytes());
    let verdict = bench.json("verify", 1, &["verify", "--key", "k.pub", "-o", "json", &name]);
    assert_eq!(verdict["subjects"][0]["unsigned"].as_array().unwrap().len(), 1, "{verdict:#}");
    let said = bench.ends(1, &["verify", "--key", "k.pub", &name]);
    assert!(said.contains("nothing that is said of it is signed"), "{said}");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    for (word, arguments) in [
        ("nobody is trusted", &["verify", &image][..]),
        ("certificate-oidc-issuer", &["verify", "--certificate-identity", "a@b.test", &image]),
        ("--policy", &["verify", "--key", "k.pub", "-o", "sarif", &image]),
        (
            "cannot be used with",
            &["verify", "--key", "k.pub", "--platform", "linux/amd64", "--all-platforms", &image],
        ),
        ("one subject", &["verify", "--key", "k.pub", "-o", "predicate", &image, &image]),
        ("one subject", &["verify", "--key", "k.pub", "--bundle", "-", &image, &image]),
        ("required", &["verify", "--key", "k.pub"]),
        ("--offline", &["verify", "--key", "k.pub", "--offline", "127.0.0.1:1/team/app:1"]),
    ] {
        let said = bench.ends(2, arguments);
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn what_cannot_be_read_ends_with_3() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    bench.write("file", "content");
    for (name, content, word) in [
        ("empty", "", "it is empty"),
        ("text", "no JSON at all", "holds no attestation"),
        ("lines", "{}\n{}\n", "holds no attestation"),
        (
            "cut",
            r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsse"#,
            "holds no attestation",
        ),
    ] {
        bench.write(name, content);
        for subject in [image.as_str(), "file"] {
            let said = bench.ends(3, &["verify", "--key", "k.pub", "--bundle", name, subject]);
            assert!(said.contains(word) && said.contains(name), "{word}: {said}");
        }
    }
    bench.ends(3, &["verify", "--key", "k.pub", "--bundle", "missing", &image]);
    bench.ends(3, &["verify", "--key", "k.pub", "oci:missing"]);
    bench.ends(3, &["verify", "--key", "missing.pub", &image]);
    let root = ["verify", "--key", "k.pub", "--trusted-root", "file", &image];
    assert!(bench.ends(3, &root).contains("trusted root"));
}

#[test]
fn what_cannot_be_decided_ends_with_4() {
    let bench = Bench::new();
    let gone = Registry::start().host();
    let said = bench.ends(4, &["verify", "--key", "k.pub", &format!("{gone}/team/app:1")]);
    assert!(said.contains(&gone), "{said}");
    let (registry, name) = attested(&bench, API);
    let verify = ["verify", "--key", "k.pub", "--type", "spdxjson", &name];
    for limit in ["referrers=0", "attestation-bytes=100", "attestation-requests=1", "attestations-bytes=100"]
    {
        let said = bench.ends(4, &[&verify[..], &["--limit", limit]].concat());
        assert!(said.contains("undecided") && said.contains(limit.split('=').next().unwrap()), "{said}");
    }
    registry.fault_on("GET", "/referrers/", 99, FaultKind::Status(403, String::new(), String::new()));
    let said = bench.ends(4, &verify);
    assert!(said.contains("undecided") && said.contains("403"), "{said}");
}

#[test]
fn one_subject_that_fails_keeps_the_others_from_nothing() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench, API);
    let other = bench.layout("layout");
    let gone = format!("{}/team/app:1", Registry::start().host());
    let verify = ["verify", "--key", "k.pub", "-o", "json"];
    let verdict = bench.json("verify", 0, &[&verify[..], &[&name, &name]].concat());
    assert_eq!(verdict["subjects"].as_array().unwrap().len(), 2);
    for (code, subjects) in [
        (4, [gone.as_str(), &name]),
        (1, [&gone, &other]),
        (3, ["oci:missing", &name]),
        (1, [&other, "oci:missing"]),
        (1, [&name, &other]),
    ] {
        let run = bench.run(&[&verify[..], &subjects].concat());
        assert_eq!(run.code, code, "{subjects:?}: {}", run.stderr);
        assert!(run.stdout.contains("\"result\""), "{subjects:?}");
    }
    bench.ends(3, &["verify", "--key", "k.pub", "oci:missing", &gone]);
}

#[test]
fn what_the_signer_withdrew_does_not_count() {
    let bench = Bench::new();
    for api in [API, ReferrersApi::Off] {
        let (_registry, name) = registry(api, &image("linux/amd64"));
        let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &name]);
        let bundle = said["attested"][0]["bundle"].as_str().unwrap().to_owned();
        let record = ["attest", "revoke", "--attestation", &bundle, &name, "--key"];
        let revoke = |key: &str| bench.done(&[&record[..], &[key]].concat());
        let verify = ["verify", "--key", "k.pub", &name];
        let said = bench.ends(1, &[&record[..], &["s.key"]].concat());
        assert!(said.contains("nothing was withdrawn") && said.contains("nothing of others"), "{said}");
        let said = bench.done(&[&record[..], &["s.key", "--force"]].concat());
        assert!(said.contains("NOT withdrawn, though named"), "{said}");
        bench.done(&verify);
        revoke("k.key");
        let said = bench.ends(1, &verify);
        assert!(said.contains("REVOKED") && said.contains("withdraws"), "{said}");
        assert!(bench.ends(1, &[&verify[..], &["--type", "spdxjson"]].concat()).contains("REVOKED"));
        // The next one is another: it stays if the statement was not withdrawn with it.
        let cyclonedx = ["--type", "cyclonedx", &name];
        bench.done(&[&["attest", "--key", "k.key"], &cyclonedx[..]].concat());
        bench.done(&[&["verify", "--key", "k.pub"], &cyclonedx[..]].concat());
    }
}

#[test]
fn offline_opens_no_socket() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    bench.done(&["attest", "--key", "k.key", &image]);
    let verify = ["verify", "--key", "k.pub", "--offline", "--matches", "rescan", &image];
    bench.done(&verify);
    let name = "offline_opens_no_socket";
    let Some(strace) = crate::interop::peer(name, "strace") else { return };
    let mut command = std::process::Command::new(strace);
    command.args(["-f", "-e", "trace=network", "-o", "calls", env!("CARGO_BIN_EXE_sbomctl")]).args(verify);
    command.current_dir(bench.path("")).env_clear();
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let run = finish(command, &[]);
    if run.stderr.contains("ptrace") {
        eprintln!("skipped: {name}: strace may not trace here");
        return;
    }
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let calls = bench.read("calls");
    let opened: Vec<&str> =
        calls.lines().filter(|line| line.contains("AF_INET") || line.contains("connect(")).collect();
    assert!(opened.is_empty(), "{opened:#?}");
}

/// Attests another bill than the image's, and verifies that it matches.
fn check_lie(words: &[&str], version: &str, change: impl FnOnce(&mut Value)) {
    let bench = Bench::new();
    let image = bench.layout("layout");
    let mut bill: Value =
        serde_json::from_str(&bench.done(&["scan", &image, "-o", "cyclonedx-json"])).unwrap();
    change(&mut bill);
    bench.write("bill.json", bill.to_string());
    bench.done(&["attest", "--key", "k.key", "--type", "cyclonedx", "--predicate", "bill.json", &image]);
    bench.done(&["verify", "--key", "k.pub", &image]);
    let said = bench
        .ends(i32::from(!words.is_empty()), &["verify", "--key", "k.pub", "--matches", "rescan", &image]);
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(version.is_empty() || said.contains(version), "{said}");
    let predicate = ["verify", "--key", "k.pub", "--matches", "rescan", "-o", "predicate", &image];
    assert_eq!(
        bench.run(&predicate).stdout.is_empty(),
        !words.is_empty(),
        "what does not hold is not handed on"
    );
}

#[test]
fn a_bill_that_lies_is_found_out() {
    let components = |bill: &mut Value| bill["components"].as_array_mut().unwrap().clone();
    check_lie(&[], "", |_| {});
    check_lie(&["the bill lacks", "zlib"], "1.3.1-r1", |bill| {
        let left = components(bill).into_iter().filter(|one| one["name"] != "zlib").collect();
        bill["components"] = Value::Array(left);
    });
    check_lie(&["the image lacks", "curl"], "8.0", |bill| {
        let one = json!({ "type": "library", "bom-ref": "x", "name": "curl", "version": "8.0", "purl": "pkg:apk/alpine/curl@8.0" });
        bill["components"].as_array_mut().unwrap().push(one);
    });
    for version in ["1.2.4-r0", "9.9.9-r9", "no version at all"] {
        let purl =
            format!("pkg:apk/alpine/musl@{}?arch=amd64&distro=alpine-3.20.0", version.replace(' ', "%20"));
        check_lie(&["musl", "1.2.5-r0"], version, |bill| {
            for one in
                bill["components"].as_array_mut().unwrap().iter_mut().filter(|one| one["name"] == "musl")
            {
                one["version"] = json!(version);
                one["purl"] = json!(purl);
            }
        });
    }
}

#[test]
fn of_two_images_for_one_platform_each_is_compared_with_its_own_bill() {
    let bench = Bench::new();
    let images = [image("linux/amd64"), image_with("linux/amd64", "1.2.6-r0")];
    let second = images[1].manifest.digest.clone();
    let (_registry, name) = registry(API, &sbomctl_testkit::index(images));
    bench.done(&["attest", "--key", "k.key", &name]);
    let both = ["verify", "--key", "k.pub", "--matches", "rescan", "--all-platforms", &name];
    bench.done(&both);
    // A second bill of the second image that is not true, where nobody knows which is the newer.
    let own = at(&name, &second);
    let bill = bench.done(&["scan", "-o", "spdx-json", &own]).replace("1.2.6-r0", "1.2.7-r0");
    bench.write("other.json", bill);
    bench.done(&["attest", "--key", "k.key", "--predicate", "other.json", &own]);
    let said = bench.ends(4, &both);
    assert!(said.contains(&second) && said.contains("nothing proves which"), "{said}");
}

#[test]
fn a_bill_of_another_platform_is_found_out() {
    let bench = Bench::new();
    let (_registry, name) =
        registry(API, &sbomctl_testkit::index([image("linux/amd64"), image_with("linux/arm64", "1.2.6-r0")]));
    let arm = ["--platform", "linux/arm64", &name];
    let bill = bench.done(&[&["scan", "-o", "spdx-json", "--platform", "linux/amd64"], &arm[2..]].concat());
    bench.write("amd64.json", bill);
    bench.done(&[&["attest", "--key", "k.key", "--predicate", "amd64.json"], &arm[..]].concat());
    bench.done(&[&["verify", "--key", "k.pub"], &arm[..]].concat());
    bench.ends(1, &[&["verify", "--key", "k.pub", "--matches", "rescan"], &arm[..]].concat());
    // The index has a bill, and that of one platform says nothing about the other.
    let said = bench.ends(1, &["verify", "--key", "k.pub", "--matches", "rescan", &name]);
    assert!(said.contains("no verified bill is about it"), "{said}");
}

#[test]
fn outputs_hand_on_what_was_signed_word_for_word() {
    let bench = Bench::new();
    let (_registry, name) = attested(&bench, API);
    let output = |format: &str| bench.done(&["verify", "--key", "k.pub", "-o", format, &name]);
    let statement = output("statement");
    assert!(statement.starts_with(r#"{"_type":"https://in-toto.io/Statement/v1""#), "{statement}");
    let predicate = output("predicate");
    assert!(statement.contains(predicate.trim_end()));
    let run = bench.run(&["verify", "--key", "s.pub", "-o", "predicate", &name]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("NOT verified"), "{}", run.stderr);
}

#[test]
fn five_hundred_junk_referrers_hide_nothing_and_cost_little() {
    let bench = Bench::new();
    for api in [API, ReferrersApi::On { filter: false, page: 50 }] {
        let (registry, name) = attested(&bench, api);
        for n in 0..500 {
            refer(&registry, format!("{{\"junk\":{n}}}").as_bytes(), "2001-01-01T00:00:00Z");
        }
        registry.clear_log();
        let began = Instant::now();
        bench.done(&["verify", "--key", "k.pub", "--type", "spdxjson", &name]);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert!(registry.log().len() < 600, "{}", registry.log().len());
    }
}

#[test]
fn junk_that_is_newer_than_all_else_makes_it_undecided_and_no_more() {
    let bench = Bench::new();
    let (registry, name) = attested(&bench, API);
    for n in 0..20 {
        refer(&registry, format!("{{\"junk\":{n}}}").as_bytes(), "2030-01-01T00:00:00Z");
    }
    registry.clear_log();
    let said =
        bench.ends(4, &["verify", "--key", "k.pub", "--type", "spdxjson", "--limit", "referrers=10", &name]);
    assert!(said.contains("undecided") && said.contains("referrers"), "{said}");
    assert!(registry.log().len() < 60, "{}", registry.log().len());
}

/// Verifies while the registry lies or stumbles.
fn check_lying(codes: &[i32], trouble: impl FnOnce(&Registry, &str)) {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &name]);
    trouble(&registry, said["attested"][0]["bundle"].as_str().unwrap());
    let began = Instant::now();
    let run = bench.run(&["verify", "--key", "k.pub", "--type", "spdxjson", &name]);
    assert!(codes.contains(&run.code), "{}: {}{}", run.code, run.stdout, run.stderr);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(
        run.code == 0
            || run.stdout.contains("NOT verified")
            || run.stdout.contains("undecided")
            || !run.stderr.is_empty()
    );
}

#[test]
fn a_registry_that_lies_never_makes_it_pass() {
    check_lying(&[1, 4], |registry, bundle| {
        registry.fault(&format!("/blobs/{bundle}"), 99, FaultKind::OtherBytes);
    });
    check_lying(&[1, 4], |registry, bundle| {
        registry.fault(&format!("/blobs/{bundle}"), 99, FaultKind::Endless);
    });
    check_lying(&[1, 4], |registry, bundle| {
        registry.fault(&format!("/blobs/{bundle}"), 99, FaultKind::Status(404, String::new(), String::new()));
    });
    check_lying(&[3, 4], |registry, _| registry.fault("/manifests/1", 99, FaultKind::Body(b"{}".to_vec())));
    check_lying(&[1, 3, 4], |registry, _| {
        registry.fault("/manifests/sha256:", 99, FaultKind::Body(b"{}".to_vec()));
    });
    check_lying(&[1, 4], |registry, _| registry.fault("/referrers/", 99, FaultKind::Body(b"[]".to_vec())));
    check_lying(&[4], |registry, _| registry.fault("/referrers/", 99, FaultKind::Endless));
}

#[test]
fn a_registry_that_stumbles_is_asked_again() {
    for status in [429, 503] {
        check_lying(&[0], |registry, bundle| {
            let busy = FaultKind::Status(status, "Retry-After: 0\r\n".to_owned(), String::new());
            for path in ["/manifests/1", "/referrers/", &format!("/blobs/{bundle}")] {
                registry.fault(path, 1, busy.clone());
            }
        });
    }
}

#[test]
fn a_list_that_names_what_refers_to_others_does_not_count() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let other = registry.push("team/app", "other", &image_with("linux/amd64", "1.0-r0"));
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", &other]);
    let manifest = said["attested"][0]["referrers"][0]["manifest"].as_str().unwrap();
    let size = registry.manifest("team/app", manifest).unwrap().bytes.len();
    let entry = json!({ "mediaType": MANIFEST, "digest": manifest, "size": size, "artifactType": BUNDLE });
    let list = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry] });
    registry.fault("/referrers/", 99, FaultKind::Body(list.to_string().into_bytes()));
    bench.ends(1, &["verify", "--key", "k.pub", &name]);
}

#[test]
fn names_in_what_others_wrote_do_not_steer_the_terminal() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "\u{1b}[2J", "predicate": {},
        "subject": [{ "name": "\u{1b}[2J", "digest": { "sha256": "\u{1b}[2J" } }],
    });
    let payload = STANDARD.encode(statement.to_string());
    let bundle = json!({
        "mediaType": BUNDLE, "verificationMaterial": { "publicKey": { "hint": "\u{1b}[2J" } },
        "dsseEnvelope": { "payload": payload, "payloadType": "\u{1b}[2J", "signatures": [{ "sig": "AAAA" }] },
    });
    refer(&registry, bundle.to_string().as_bytes(), "2026-01-01T00:00:00Z");
    let said = bench.ends(1, &["verify", "--key", "k.pub", &name]);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_large_bill_is_verified_from_a_layout() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    let component = |n: usize| json!({ "type": "library", "bom-ref": format!("r{n}"), "name": format!("n{n}"), "version": "1", "description": "x".repeat(900) });
    let components: Vec<Value> = (0..10_000).map(component).collect();
    let bill =
        json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components });
    bench.write("bill.json", bill.to_string());
    bench.done(&["attest", "--key", "k.key", "--type", "cyclonedx", "--predicate", "bill.json", &image]);
    bench.done(&["verify", "--key", "k.pub", "--type", "cyclonedx", &image]);
}

#[test]
fn an_index_without_images_is_not_verified_for_all_of_them() {
    let bench = Bench::new();
    Layout::new([sbomctl_testkit::index([])]).write(&bench.path("layout")).unwrap();
    bench.ends(3, &["verify", "--key", "k.pub", "--all-platforms", "oci:layout"]);
    bench.ends(3, &["attest", "--key", "k.key", "oci:layout"]);
}

#[test]
fn an_index_counts_if_each_platform_does_or_all_of_it_is_meant() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &two());
    let verify = ["verify", "--key", "k.pub", &name];
    bench.done(&["attest", "--key", "k.key", "--platform", "linux/amd64", &name]);
    let said = bench.ends(1, &verify);
    let arm = image("linux/arm64").manifest.digest;
    assert!(said.contains("linux/arm64") && said.contains(&arm), "{said}");
    assert!(!said.contains("about linux/amd64"), "{said}");
    bench.done(&["verify", "--key", "k.pub", "--platform", "linux/amd64", &name]);
    bench.done(&["attest", "--key", "k.key", "--platform", "linux/arm64", &name]);
    bench.done(&verify);
}

#[test]
fn each_platform_is_verified_by_its_own_name() {
    let bench = Bench::new();
    let (_registry, name) = registry(ReferrersApi::Off, &two());
    bench.done(&["attest", "--key", "k.key", &name]);
    let all = bench.json("verify", 0, &["verify", "--key", "k.pub", "--all-platforms", "-o", "json", &name]);
    let platforms: Vec<&Value> =
        all["subjects"].as_array().unwrap().iter().map(|one| &one["platform"]).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let arm = at(&name, &image("linux/arm64").manifest.digest);
    bench.done(&["verify", "--key", "k.pub", &arm]);
    assert!(Path::new(&bench.path("k.pub")).exists());
}
