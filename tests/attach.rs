//! Attestations put beside images, found again, copied, carried and taken away, by the program as users run it.

use std::path::Path;

use sbomctl_testkit::{ImageBuilder, ReferrersApi, Registry, index};
use serde_json::{Value, json};

use crate::program::{Run, command, finish};

const API: ReferrersApi = ReferrersApi::On { filter: true, page: 2 };

fn run(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.current_dir(folder).env("COSIGN_PASSWORD", "secret").env("SOURCE_DATE_EPOCH", "1700000000");
    finish(command, &[])
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let run = run(folder, arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
    run.stdout
}

fn listed(folder: &Path, image: &str) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&done(folder, &["attest", "list", "--format", "json", image])).unwrap();
    assert_eq!(list["verified"], false);
    assert_eq!(list["incomplete"], json!([]));
    list["attestations"].as_array().unwrap().clone()
}

/// A registry with an index of two platforms in it.
fn registry(api: ReferrersApi) -> (Registry, String) {
    let registry = Registry::start();
    registry.referrers_api(api);
    let image = |platform: &str| {
        let release = "ID=alpine\nVERSION_ID=3.20.0\n";
        let installed = format!("P:musl\nV:1.2.5-r0\nA:{platform}\nL:MIT\n\n");
        ImageBuilder::new()
            .layer(|l| l.file("etc/os-release", release).file("lib/apk/db/installed", installed))
            .platform(platform)
            .build()
            .root()
            .with_platform(json!({ "os": "linux", "architecture": platform.trim_start_matches("linux/") }))
    };
    let name = registry.push("team/app", "1", &index([image("linux/amd64"), image("linux/arm64")]));
    (registry, name)
}

#[test]
fn an_attested_index_survives_copies_to_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["key", "generate", "-o", "k"]);
    let (_first, name) = registry(API);
    done(folder, &["attest", "--key", "k.key", "--also-legacy", &name]);
    // Two of the index and one of each platform, as bundles and in the old form.
    assert_eq!(listed(folder, &name).len(), 8);

    std::fs::write(folder.join("p.yaml"), "version: 1\ndefault: deny\nsigners: {}\nrules: []\n").unwrap();

    let second = Registry::start();
    let there = format!("{}/mirror/app:2", second.host());
    done(folder, &["attest", "copy", &name, &there]);
    done(folder, &["attest", "copy", &there, "oci:layout:2"]);
    done(folder, &["airgap", "create", "oci:layout", "-o", "app.tar", "--policy", "p.yaml"]);
    done(folder, &["airgap", "create", &there, "-o", "again.tar", "--policy", "p.yaml"]);
    let bytes = |name: &str| {
        let mut bytes = Vec::new();
        std::io::copy(&mut std::fs::File::open(folder.join(name)).unwrap(), &mut bytes).unwrap();
        bytes
    };
    assert!(bytes("app.tar") == bytes("again.tar"), "the same content gives the same archive");

    let third = Registry::start();
    third.referrers_api(API);
    let arrived = format!("{}/arrived/app:2", third.host());
    done(folder, &["attest", "copy", "oci-archive:app.tar", &arrived]);
    for place in [there.as_str(), "oci:layout", "oci-archive:app.tar", &arrived] {
        assert_eq!(listed(folder, place).len(), 8, "{place}");
        let tree: Value = serde_json::from_str(&done(folder, &["tree", "--format", "json", place])).unwrap();
        assert_eq!(tree["notes"], json!([]), "{place}");
        let children = tree["root"]["children"].as_array().unwrap();
        let roles: Vec<&str> = children.iter().map(|child| child["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["platform", "platform", "referrer", "referrer", "tag"], "{place}");
        done(folder, &["verify", "--key", "k.pub", "--type", "spdxjson", place]);
    }
    done(folder, &["airgap", "show", "app.tar", "--extract", "carried"]);
    assert!(bytes("carried/policy.yaml") == bytes("p.yaml"));
}

#[test]
fn what_is_downloaded_is_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["key", "generate", "-o", "k"]);
    std::fs::write(folder.join("said.json"), r#"{ "said":  [1, 2] }"#).unwrap();
    let (_registry, name) = registry(ReferrersApi::Off);
    done(folder, &["attest", "--key", "k.key", "--type", "custom", "--predicate", "said.json", &name]);
    let download = run(folder, &["attest", "download", "--part", "predicate", "--type", "custom", &name]);
    assert_eq!(download.stdout, "{ \"said\":  [1, 2] }\n");
    assert!(download.stderr.contains("nothing of this is verified"), "{}", download.stderr);
    done(folder, &["attest", "download", "-o", "out", &name]);
    assert_eq!(std::fs::read_dir(folder.join("out")).unwrap().count(), 1);
    let none = run(folder, &["attest", "download", "--type", "cyclonedx", &name]);
    assert_eq!((none.code, none.stdout.as_str()), (3, ""));
}

#[test]
fn what_is_revoked_is_named_by_a_record_or_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["key", "generate", "-o", "k"]);
    std::fs::write(folder.join("said.json"), "{}").unwrap();
    for api in [API, ReferrersApi::Off] {
        let (_registry, name) = registry(api);
        done(folder, &["attest", "--key", "k.key", "--type", "custom", "--predicate", "said.json", &name]);
        let digest = listed(folder, &name)[0]["digest"].as_str().unwrap().to_owned();
        let revoke = ["attest", "revoke", "--attestation", &digest];
        done(folder, &[&revoke[..], &["--key", "k.key", "--reason", "a mistake", &name]].concat());
        let record = "https://github.com/sbomctl/sbomctl/revocation/v1";
        let said = done(folder, &["attest", "download", "--type", record, "--part", "predicate", &name]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(format!("sha256:{}", said["revoked"][0]["bundle"]["sha256"].as_str().unwrap()), digest);
        assert_eq!(said["reason"], "a mistake");
        done(folder, &[&revoke[..], &["--delete", &name]].concat());
        let left = listed(folder, &name);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["predicateType"], record);
        assert_eq!(run(folder, &[&revoke[..], &["--delete", &name]].concat()).code, 3);
    }
}

#[test]
fn an_image_that_nobody_vouched_for_does_not_pass_beside_one_that_somebody_did() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["key", "generate", "-o", "k"]);
    let policy = "version: 1\ndefault: deny\nsigners: {ci: {key: k.pub}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [ci], coverage: platforms}}]\n";
    std::fs::write(folder.join("p.yaml"), policy).unwrap();
    let image = |content: &str| {
        let release = format!("ID=alpine\nVERSION_ID=3.20.0\n# {content}\n");
        ImageBuilder::new().layer(|l| l.file("etc/os-release", release)).platform("linux/amd64")
    };
    let amd64 = || json!({ "os": "linux", "architecture": "amd64" });
    let good = || image("good").build().root().with_platform(amd64());
    let registry = Registry::start();
    let first = registry.push("team/app", "1", &index([good()]));
    done(folder, &["attest", "--key", "k.key", &first]);
    done(folder, &["verify", "--policy", "p.yaml", &first]);
    let evil = [
        image("marked")
            .build()
            .root()
            .with_platform(amd64())
            .with_annotation("vnd.docker.reference.type", "x"),
        image("unknown").platform("unknown/unknown").build().root().with_platform(amd64()),
        image("artifact")
            .edit_manifest(|manifest| manifest["config"]["mediaType"] = json!("application/vnd.example"))
            .build()
            .root()
            .with_platform(amd64()),
        image("silent").platform("unknown/unknown").build().root().with("platform", json!(null)),
    ];
    for (number, evil) in evil.into_iter().enumerate() {
        let name = registry.push("team/app", &format!("evil{number}"), &index([evil, good()]));
        let run = run(folder, &["verify", "--policy", "p.yaml", &name]);
        let (code, reason) = if number == 3 { (4, "NO_PLATFORM") } else { (1, "PLATFORM_MISSING") };
        assert_eq!(run.code, code, "{number}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(reason), "{number}: {}", run.stdout);
    }
    for option in [&["--insecure-ignore-tlog"][..], &["--trusted-root", "r.json"]] {
        let arguments = [&["verify", "--policy", "p.yaml", &first][..], option].concat();
        let run = run(folder, &arguments);
        assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("the policy says this"), "{}", run.stderr);
    }
}

#[test]
fn by_a_policy_a_signer_withdraws_its_own_words_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for key in ["ci", "ops"] {
        done(folder, &["key", "generate", "-o", key]);
    }
    let policy = "version: 1\ndefault: deny\nsigners: {ci: {key: ci.pub}, ops: {key: ops.pub}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [ci]}}]\n  - images: ['**']\n    mode: audit\n    require: [{attestation: {type: openvex, by: [ops]}}]\n";
    std::fs::write(folder.join("p.yaml"), policy).unwrap();
    let registry = Registry::start();
    registry.referrers_api(API);
    let release = "ID=alpine\nVERSION_ID=3.20.0\n";
    let image =
        ImageBuilder::new().layer(|l| l.file("etc/os-release", release)).platform("linux/amd64").build();
    let name = registry.push("team/app", "1", &image.root());
    done(folder, &["attest", "--key", "ci.key", &name]);
    let bundle = listed(folder, &name)[0]["digest"].as_str().unwrap().to_owned();
    for (key, code) in [("ops.key", 0), ("ci.key", 1)] {
        done(folder, &["attest", "revoke", "--force", "--attestation", &bundle, "--key", key, &name]);
        let run = run(folder, &["verify", "--policy", "p.yaml", &name]);
        assert_eq!(run.code, code, "{key}: {}{}", run.stdout, run.stderr);
        assert_eq!(run.stdout.contains("[REVOKED]"), code == 1, "{}", run.stdout);
    } // A limit leaves out what was withdrawn rather than the record that withdraws it.
    let run = run(folder, &["verify", "--key", "ci.pub", "--limit", "referrers=2", &name]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
}
