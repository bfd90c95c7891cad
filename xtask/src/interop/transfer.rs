//! Several writers at once, lists that others wrote, copies between registries, and an image that travels as a file.

use std::process::Stdio;

use super::{
    Bench, keyed,
    matrix::{Keys, generate, push},
    services::Registry,
};

/// Writers at once.
const WRITERS: usize = 6;

/// Six processes attest one image at the same time, on a registry that keeps no lists: none is lost.
pub(super) fn six_writers(bench: &Bench, registry: &Registry) -> Result<(), String> {
    let image = push(bench, registry, "layout", "six")?;
    let keys: Vec<_> = (0..WRITERS).filter_map(|n| generate(bench, "p256", &format!("writer{n}"))).collect();
    let mut running = Vec::new();
    for key in &keys {
        let mut attest = bench.sbomctl(&["attest", &image, "--key", &key.private, "--type", "spdxjson"]);
        attest.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        running.push((&key.name, attest.spawn().map_err(|error| error.to_string())?));
    }
    for (name, child) in running {
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if output.status.success() {
            bench.pass();
        } else {
            bench.fail(format!("six writers at once: {name}"), super::last_words(&output));
        }
    }
    let list = bench.sbomctl(&["attest", "list", &image, "--format", "json"]);
    if let Some(output) = bench.succeeds("sbomctl lists what six wrote", list) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let listed = text.matches("https://spdx.dev/Document").count();
        bench.holds(format!("six writers at once: all are listed, of which {listed} are"), listed >= WRITERS);
    }
    for key in &keys {
        let verify = bench.sbomctl(&["verify", &image, "--key", &key.public, "--type", "spdxjson"]);
        bench.succeeds(format!("six writers at once: {} verifies", key.name), verify);
    }
    if let Some(output) = bench.succeeds("oras discovers what six wrote", keyed::discover(bench, &image)) {
        let listed =
            String::from_utf8_lossy(&output.stdout).matches("dev.sigstore.bundle.predicateType").count();
        bench.holds(format!("six writers at once: oras finds all, of which {listed} are"), listed == WRITERS);
    }
    six_cosigns(bench, registry, &keys)
}

/// The same with cosign, for comparison: nothing follows from it.
fn six_cosigns(bench: &Bench, registry: &Registry, keys: &[Keys]) -> Result<(), String> {
    let image = push(bench, registry, "layout", "six-cosigns")?;
    let mut running = Vec::new();
    for key in keys {
        let how = ["attest", "-y", "--key", &key.private, "--signing-config", "no-services.json"];
        let what = ["--type", "spdxjson", "--predicate", "predicate.json", &image];
        let mut attest = bench.cosign(&[&how[..], &what[..]].concat());
        attest.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        running.push(attest.spawn().map_err(|error| error.to_string())?);
    }
    let ends: Vec<_> =
        running.into_iter().map(|mut child| child.wait().is_ok_and(|end| end.success())).collect();
    let reported = ends.into_iter().filter(|success| *success).count();
    let kept = keys.iter().filter(|key| {
        let mut verify = bench.sbomctl(&["verify", &image, "--key", &key.public, "--type", "spdxjson"]);
        verify.output().is_ok_and(|output| output.status.success())
    });
    bench.figure(format!("six cosign at once: {reported} report success, {} are kept", kept.count()));
    Ok(())
}

/// A list that cosign wrote is put right, so that tools which choose by type find what is in it.
pub(super) fn repair(bench: &Bench, registry: &Registry) -> Result<(), String> {
    let image = format!("{}/theirs-cosign:1", registry.host());
    if listed(bench, &image)? == 0 {
        bench.tally().faults.push("oras discover --artifact-type finds nothing of cosign's (Tag)".to_owned());
    }
    bench.succeeds("sbomctl repairs a list", bench.sbomctl(&["attest", "repair", &image]));
    bench.holds("oras finds cosign's by its type after a repair", listed(bench, &image)? == 1);
    let verify = keyed::cosign_verifies(bench, &image, "cosign.pub", "spdxjson", &[]);
    bench.succeeds("cosign verifies its own after a repair", verify);
    let verify = bench.sbomctl(&["verify", &image, "--key", "cosign.pub", "--type", "spdxjson"]);
    bench.succeeds("sbomctl verifies cosign's after a repair", verify);
    Ok(())
}

/// How many bundles oras finds by their type.
fn listed(bench: &Bench, image: &str) -> Result<usize, String> {
    let output = keyed::discover(bench, image).output().map_err(|error| error.to_string())?;
    // The first is the image itself.
    Ok(String::from_utf8_lossy(&output.stdout).matches("\"digest\"").count().saturating_sub(1))
}

/// What lies in one registry verifies in the other after a copy.
pub(super) fn copy(bench: &Bench, from: &Registry, to: &Registry) -> Result<(), String> {
    let case = |what: &str| format!("{what} (from {:?} to {:?})", from.referrers, to.referrers);
    for (name, kind) in [("ours-p256", "spdxjson"), ("both-p256", "cyclonedx"), ("index", "spdxjson")] {
        let source = format!("{}/{name}:1", from.host());
        let target = format!("{}/copied-{name}:1", to.host());
        let copy = bench.sbomctl(&["attest", "copy", &source, &target]);
        if bench.succeeds(case(&format!("sbomctl copies {name}")), copy).is_none() {
            continue;
        }
        let verify = keyed::cosign_verifies(bench, &target, "p256.pub", kind, &[]);
        bench.succeeds(case(&format!("cosign verifies the copy of {name}")), verify);
        let verify =
            bench.sbomctl(&["verify", &target, "--key", "p256.pub", "--type", kind, "--all-platforms"]);
        bench.succeeds(case(&format!("sbomctl verifies the copy of {name}")), verify);
        let found = listed(bench, &target)?;
        bench.holds(
            case(&format!("oras finds the bundles of the copy of {name}, {found} of them")),
            found > 0,
        );
    }
    Ok(())
}

/// An image in a file verifies when the registry is gone.
pub(super) fn air_gap(bench: &Bench, registry: Registry) {
    let cases = [
        ("index", vec!["--key", "p256.pub", "--all-platforms"], 0),
        ("theirs-cosign", vec!["--key", "cosign.pub"], 0),
        ("old-cosign", vec!["--key", "cosign.pub"], 0),
        ("ours-p256", vec!["--key", "cosign.pub"], 1),
    ];
    for (name, ..) in &cases {
        let image = format!("{}/{name}:1", registry.host());
        let create = bench.sbomctl(&[
            "airgap",
            "create",
            &image,
            "-o",
            &format!("{name}.tar"),
            "--trusted-root",
            "trusted_root.json",
        ]);
        bench.succeeds(format!("sbomctl writes {name} into a file"), create);
    }
    drop(registry);
    for (name, trust, code) in &cases {
        let subject = format!("oci-archive:{name}.tar");
        let verify =
            bench.sbomctl(&[&["verify", &subject, "--offline", "--type", "spdxjson"], &trust[..]].concat());
        bench.ends_with(format!("sbomctl verifies {name} with no registry"), verify, &[*code]);
    }
}
