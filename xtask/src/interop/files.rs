//! Attestations of files in bundles by keys, which no registry sees, and the client of the conformance suite.

use super::{Bench, matrix::Keys};

const ROOT: &str = "trusted_root.json";
const SAID: [&str; 4] = ["--type", "spdxjson", "--predicate", "predicate.json"];

/// All cases of one key.
pub(super) fn run(bench: &Bench, key: &Keys) {
    ours(bench, key);
    theirs(bench, key);
    for log in [1, 2] {
        if matches!(key.name.as_str(), "cosign" | "p256") {
            logged(bench, key, log);
        } else {
            bench.skip(format!("{} key, a file, Rekor v{log}", key.name), "docs/interop.md says why");
        }
    }
}

fn ours(bench: &Bench, key: &Keys) {
    let case = |what: &str| format!("{what} ({} key, a file)", key.name);
    let bundle = format!("{}-ours.json", key.name);
    let attest = ["attest", "blob", "artifact", "--key", &key.private, "--output-bundle", &bundle];
    if bench.succeeds(case("sbomctl attests"), bench.sbomctl(&[&attest, &SAID[..]].concat())).is_none() {
        return;
    }
    let verify = |public: &str| {
        let how = ["verify-blob-attestation", "--key", public, "--insecure-ignore-tlog=true"];
        bench.cosign(&[&how, &["--type", "spdxjson", "--bundle", &bundle, "artifact"][..]].concat())
    };
    bench.succeeds(case("cosign verifies ours"), verify(&key.public));
    let words = ["accepted signatures do not match threshold", "invalid signature", "could not verify"];
    bench.refuses(case("cosign refuses ours by a stranger's key"), verify(key.stranger()), &words);
}

fn theirs(bench: &Bench, key: &Keys) {
    let case = |what: &str| format!("{what} ({} key, a file)", key.name);
    let bundle = format!("{}-theirs.json", key.name);
    let attest = ["attest-blob", "-y", "--key", &key.private, "--signing-config", "no-services.json"];
    let attest = bench.cosign(&[&attest, &SAID[..], &["--bundle", &bundle, "artifact"]].concat());
    if bench.succeeds(case("cosign attests"), attest).is_none() {
        return;
    }
    let how = ["verify-blob-attestation", "--key", &key.public, "--insecure-ignore-tlog=true"];
    let verify = bench.cosign(&[&how, &["--type", "spdxjson", "--bundle", &bundle, "artifact"][..]].concat());
    let verified = bench.succeeds_or(case("cosign verifies its own"), verify, key.known());
    let verify = |public: &str, file: &str| {
        bench.sbomctl(&["verify", file, "--bundle", &bundle, "--key", public, "--type", "spdxjson"])
    };
    let code = key.our_code(verified.is_some());
    bench.ends_with(case("sbomctl verifies cosign's"), verify(&key.public, "artifact"), &[code]);
    bench.ends_with(
        case("sbomctl refuses cosign's by a stranger's key"),
        verify(key.stranger(), "artifact"),
        &[1],
    );
    bench.ends_with(
        case("sbomctl refuses cosign's of another file"),
        verify(&key.public, "predicate.json"),
        &[1],
    );
    // The suite's protocol knows no way to do without a log.
    let client =
        ["sigstore-conformance", "verify-bundle", "--bundle", &bundle, "--key", &key.public, "artifact"];
    bench.ends_with(case("the conformance client refuses what no log has"), bench.sbomctl(&client), &[1]);
}

/// By a key, and in a log.
fn logged(bench: &Bench, key: &Keys, log: u8) {
    let case = |what: &str| format!("{what} ({} key, a file, Rekor v{log})", key.name);
    let config = format!("signing_config_v{log}.json");
    let bundle = format!("{}-logged-{log}.json", key.name);
    let attest =
        ["attest-blob", "-y", "--key", &key.private, "--signing-config", &config, "--trusted-root", ROOT];
    let attest = bench.cosign(&[&attest, &SAID[..], &["--bundle", &bundle, "artifact"]].concat());
    if bench.succeeds(case("cosign attests"), attest).is_none() {
        return;
    }
    let verify = |public: &str, file: &str| {
        let client = ["sigstore-conformance", "verify-bundle", "--bundle", &bundle, "--key", public];
        bench.sbomctl(&[&client, &["--trusted-root", ROOT, file][..]].concat())
    };
    bench.succeeds(case("the conformance client verifies cosign's"), verify(&key.public, "artifact"));
    let refused = case("the conformance client refuses cosign's by a stranger's key");
    bench.ends_with(refused, verify(key.stranger(), "artifact"), &[1]);
    let refused = case("the conformance client refuses cosign's of another file");
    bench.ends_with(refused, verify(&key.public, "predicate.json"), &[1]);
}
