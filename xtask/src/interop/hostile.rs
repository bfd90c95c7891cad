//! A registry that lies, floods or does not answer: nothing passes that should not, nothing fails that should pass, and
//! time and requests are bounded.

use std::time::{Duration, Instant};

use sbomctl_testkit::digest;

use super::{Bench, keyed, matrix::push, services::Registry};

/// Time that one verification may take, with a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Requests that one verification may make.
const REQUESTS: usize = 600;
/// Referrers in front of the right one.
const JUNK: usize = 500;

/// All cases.
pub(super) fn run(bench: &Bench, registry: &Registry, compare: bool) -> Result<(), String> {
    let image = push(bench, registry, "layout", "evil")?;
    let attest = bench.sbomctl(&["attest", &image, "--key", "p256.key", "--type", "spdxjson"]);
    bench.succeeds("sbomctl attests (hostile registry)", attest);
    let other = push(bench, registry, "other", "other")?;
    let attest = bench.sbomctl(&["attest", &other, "--key", "p256.key", "--type", "spdxjson"]);
    bench.succeeds("sbomctl attests another image (hostile registry)", attest);

    let subject = subject(bench, "layout")?;
    let list = text(&registry.get(&format!("/v2/evil/referrers/{subject}"))?);
    let manifest = digests(&list).into_iter().next().ok_or("the registry lists nothing")?;
    let content = text(&registry.get(&format!("/v2/evil/manifests/{manifest}"))?);
    let bundle = digests(&content).into_iter().nth(1).ok_or("the attestation has no bundle")?;
    let elsewhere = format!("/v2/other/referrers/{}", self::subject(bench, "other")?);
    let rest = format!("/v2/evil/manifests/{manifest}");

    let rule = |path: &str, answer: &str| format!("[{{\"match\":\"{path}\",{answer}}}]");
    let blob = format!("/v2/evil/blobs/{bundle}");
    let endless = format!("\"body\":\"{}\",\"repeat\":2048", "A".repeat(64 << 10));
    let cases = [
        ("a wrong blob", rule(&blob, "\"body\":\"not the bundle\""), vec![1, 4]),
        ("an endless blob", rule(&blob, &endless), vec![1, 4]),
        ("a blob that is refused", rule(&blob, "\"status\":403"), vec![4]),
        ("a wrong manifest", rule(&rest, &format!("\"from\":\"/v2/evil/manifests/{subject}\"")), vec![1, 4]),
        (
            "a list about another image",
            rule("/v2/evil/referrers/", &format!("\"from\":\"{elsewhere}\"")),
            vec![1, 4],
        ),
        ("a list that is no list", rule("/v2/evil/referrers/", "\"body\":\"[]\""), vec![1, 4]),
        ("a list that is refused", rule("/v2/evil/referrers/", "\"status\":403"), vec![4]),
        (
            "429 without end",
            rule("/v2/evil/", "\"status\":429,\"headers\":{\"Retry-After\":\"1\"}"),
            vec![3, 4],
        ),
        ("503 for every list", rule("/v2/evil/referrers/", "\"status\":503"), vec![4]),
        ("nothing wrong any more", "[]".to_owned(), vec![0]),
    ];
    for (what, rules, codes) in cases {
        registry.play(&rules)?;
        bounded(bench, registry, what, &image, "p256.pub", &codes);
    }
    registry.play("[]")?;
    flood(bench, registry, compare)
}

/// Verifies `image` within bounds.
fn bounded(bench: &Bench, registry: &Registry, what: &str, image: &str, key: &str, codes: &[i32]) {
    let (requests, start) = (registry.requests(), Instant::now());
    let verify = bench.sbomctl(&["verify", image, "--key", key, "--type", "spdxjson"]);
    let code = bench.ends_with(format!("hostile registry: {what}"), verify, codes);
    let (requests, took) = (registry.requests() - requests, start.elapsed());
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let figure = format!("hostile registry: {what}: exit code {code}, {requests} requests, {took:.1?}");
    bench.holds(&figure, took < PATIENCE && requests < REQUESTS);
    bench.figure(figure);
}

/// Referrers of a stranger, of the same type: older than one right attestation, and newer than another.
fn flood(bench: &Bench, registry: &Registry, compare: bool) -> Result<(), String> {
    let name = "flood";
    let image = push(bench, registry, "layout", name)?;
    for key in ["ed25519.key", "cosign.key", "p256.key"] {
        let attest = bench.sbomctl(&["attest", &image, "--key", key, "--type", "spdxjson"]);
        bench.succeeds(format!("sbomctl attests what is flooded ({key})"), attest);
        if key == "cosign.key" {
            multiply(bench, registry, name)?;
        }
        // What is made within one second is equally old.
        std::thread::sleep(Duration::from_millis(1100));
    }
    bounded(bench, registry, &format!("{JUNK} older referrers of a stranger"), &image, "p256.pub", &[0]);
    // Beyond the bound nothing is known, which is not the same as nothing being there.
    bounded(bench, registry, &format!("{JUNK} newer referrers of a stranger"), &image, "ed25519.pub", &[4]);
    if !compare {
        return Ok(());
    }
    let (requests, start) = (registry.requests(), Instant::now());
    let verify = keyed::cosign_verifies(bench, &image, "p256.pub", "spdxjson", &[]);
    bench.succeeds(format!("cosign verifies among {JUNK} referrers of a stranger"), verify);
    let (requests, took) = (registry.requests() - requests, start.elapsed());
    bench.figure(format!("cosign, {JUNK} referrers of a stranger: {requests} requests, {took:.1?}"));
    Ok(())
}

/// Puts the last attestation in `repository` there again, [`JUNK`] times, each time under another digest.
fn multiply(bench: &Bench, registry: &Registry, repository: &str) -> Result<(), String> {
    let list = text(&registry.get(&format!("/v2/{repository}/referrers/{}", subject(bench, "layout")?))?);
    let newest = digests(&list).pop().ok_or("the registry lists nothing")?;
    let manifest = text(&registry.get(&format!("/v2/{repository}/manifests/{newest}"))?);
    for number in 1..=JUNK {
        let marked = format!("\"annotations\":{{\"junk\":\"{number}\",");
        let junk = manifest.replace("\"annotations\":{", &marked);
        registry.put_manifest(repository, &digest(junk.as_bytes()), junk.as_bytes())?;
    }
    Ok(())
}

fn subject(bench: &Bench, layout: &str) -> Result<String, String> {
    let text = bench.read(&format!("{layout}/index.json"))?;
    digests(&text).into_iter().next().ok_or_else(|| format!("{layout} has no image"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The digests of a document, in their order.
fn digests(text: &str) -> Vec<String> {
    let parts = text.split("\"digest\"").skip(1).filter_map(|rest| rest.split('"').nth(1));
    parts.map(str::to_owned).collect()
}
