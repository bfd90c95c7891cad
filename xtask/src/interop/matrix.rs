//! The cases: who signs, with what, where it lies, and who verifies.

use std::path::{Path, PathBuf};

use sbomctl_testkit::ImageBuilder;

use super::{
    Bench,
    services::{Referrers, Registry},
};

/// Of all keys that are made here.
pub(super) const PASSWORD: &str = "interop";

const INSTALLED: &[u8] = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\n";
/// The exit code of `sbomctl` for a wrong command line.
const OUR_USAGE: i32 = 2;
/// cosign has no code of its own for that.
const NO_USAGE: i32 = i32::MIN;

/// A key pair in files.
#[derive(Debug)]
struct Keys {
    name: &'static str,
    private: String,
    public: String,
}

/// Runs every case that the programs at hand allow.
pub(super) fn run(bench: &mut Bench, say: &dyn Fn(&str)) -> Result<(), String> {
    let missing = |name: &str| format!("all of it: there is no {name}");
    for name in ["docker-registry", "cosign", "oras"] {
        if bench.program(name).is_none() {
            bench.skipped.push(missing(name));
            return Ok(());
        }
    }
    let keys = make_keys(bench)?;
    let layout = bench.folder.join("layout");
    ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n")
                .file("lib/apk/db/installed", INSTALLED)
        })
        .build()
        .write_oci_layout(&layout)
        .map_err(|error| error.to_string())?;
    write(&bench.folder.join("predicate.json"), r#"{"spdxVersion":"SPDX-2.3","name":"given"}"#)?;
    // What cosign signs with where nothing is to be logged.
    write(
        &bench.folder.join("no-services.json"),
        r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#,
    )?;
    for referrers in [Referrers::Tag, Referrers::Api] {
        let Some(proxy) = bench.proxy.clone().or((referrers == Referrers::Tag).then(PathBuf::new)) else {
            bench
                .skipped
                .push("registries with the referrers API: there is no faulty-registry.py".to_owned());
            continue;
        };
        let folder = bench.folder.join(format!("{referrers:?}"));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let registry = Registry::start(&folder, referrers, &proxy)?;
        for key in &keys {
            say(&format!("interop: {} key, {referrers:?}", key.name));
            with_key(bench, &registry, referrers, key)?;
        }
        say(&format!("interop: keyless, {referrers:?}"));
    }
    Ok(())
}

/// Keys of every kind, made by one program or the other.
fn make_keys(bench: &mut Bench) -> Result<Vec<Keys>, String> {
    let mut keys = Vec::new();
    let cosign = bench.program("cosign").unwrap_or_default();
    let prefix = |name: &str| bench.folder.join(name).display().to_string();
    let pair = |name: &'static str| Keys {
        name,
        private: format!("{}.key", prefix(name)),
        public: format!("{}.pub", prefix(name)),
    };
    let generated = pair("cosign");
    let command = bench.command(&cosign, &["generate-key-pair", "--output-key-prefix", &prefix("cosign")]);
    let mut commands = vec![("cosign generates a key", command, generated)];
    for kind in ["p256", "ed25519", "p384"] {
        let command = bench.sbomctl(&["key", "generate", "--type", kind, "--output", &prefix(kind)]);
        commands.push(("sbomctl generates a key", command, pair(kind)));
    }
    if let Some(openssl) = bench.program("openssl") {
        let (pem, output) = (format!("{}.pem", prefix("rsa")), prefix("rsa"));
        let made = bench.command(&openssl, &["genrsa", "-out", &pem, "2048"]).output();
        if made.is_ok_and(|output| output.status.success()) {
            let command = bench.sbomctl(&["key", "import", &pem, "--output", &output]);
            commands.push(("sbomctl imports an RSA key", command, pair("rsa")));
        }
    }
    for (case, command, pair) in commands {
        if bench.succeeds(format!("{case} ({})", pair.name), command).is_some() {
            keys.push(pair);
        }
    }
    if keys.len() < 2 { Err(bench.failed.join("\n")) } else { Ok(keys) }
}

/// Pushes the image to a repository of its own, and gives its reference.
fn push(bench: &Bench, registry: &Registry, name: &str) -> Result<String, String> {
    let oras = bench.program("oras").unwrap_or_default();
    let reference = format!("{}/{name}:1", registry.host());
    let from = format!("{}:latest", bench.folder.join("layout").display());
    let output = bench
        .command(&oras, &["cp", "--from-oci-layout", &from, "--to-plain-http", &reference])
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() { Ok(reference) } else { Err(super::last_words(&output)) }
}

fn with_key(bench: &mut Bench, registry: &Registry, referrers: Referrers, key: &Keys) -> Result<(), String> {
    let cosign = bench.program("cosign").unwrap_or_default();
    let oras = bench.program("oras").unwrap_or_default();
    let stranger = if key.name == "cosign" { "p256.pub" } else { "cosign.pub" };
    let case = |what: &str| format!("{what} ({} key, {referrers:?})", key.name);

    // Ours, read by all.
    let ours = push(bench, registry, &format!("ours-{}", key.name))?;
    let attest = bench.sbomctl(&["attest", &ours, "--key", &key.private, "--type", "spdxjson"]);
    bench.succeeds(case("sbomctl attests"), attest);
    for (what, public, holds) in
        [("its key", key.public.as_str(), true), ("a stranger's key", stranger, false)]
    {
        let theirs = bench.command(
            &cosign,
            &[
                "verify-attestation",
                "--key",
                public,
                "--insecure-ignore-tlog=true",
                "--type",
                "spdxjson",
                &ours,
            ],
        );
        let own = bench.sbomctl(&["verify", &ours, "--key", public, "--type", "spdxjson"]);
        if holds {
            bench.succeeds(case(&format!("cosign verifies ours by {what}")), theirs);
            bench.succeeds(case(&format!("sbomctl verifies ours by {what}")), own);
        } else {
            bench.refuses(case(&format!("cosign refuses ours by {what}")), theirs, NO_USAGE);
            bench.refuses(case(&format!("sbomctl refuses ours by {what}")), own, OUR_USAGE);
        }
    }
    let other = bench.sbomctl(&["verify", &ours, "--key", &key.public, "--type", "slsaprovenance1"]);
    bench.refuses(case("sbomctl refuses ours of another type"), other, OUR_USAGE);
    if let Some(output) = bench.succeeds(case("cosign tree"), bench.command(&cosign, &["tree", &ours])) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        bench.holds(case("cosign tree shows ours"), text.contains("https://spdx.dev/Document"));
    }
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let discover = bench
        .command(&oras, &["discover", "--plain-http", "--format", "json", "--artifact-type", kind, &ours]);
    if let Some(output) = bench.succeeds(case("oras discover"), discover) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        bench.holds(case("oras finds ours by its type"), text.contains("dev.sigstore.bundle.predicateType"));
    }

    // cosign's, read by us.
    let theirs = push(bench, registry, &format!("theirs-{}", key.name))?;
    let attest = bench.command(
        &cosign,
        &[
            "attest",
            "-y",
            "--key",
            &key.private,
            "--signing-config",
            "no-services.json",
            "--type",
            "spdxjson",
            "--predicate",
            "predicate.json",
            &theirs,
        ],
    );
    if bench.succeeds(case("cosign attests"), attest).is_some() {
        let verify = bench.sbomctl(&["verify", &theirs, "--key", &key.public, "--type", "spdxjson"]);
        bench.succeeds(case("sbomctl verifies cosign's"), verify);
        let verify = bench.sbomctl(&["verify", &theirs, "--key", stranger, "--type", "spdxjson"]);
        bench.refuses(case("sbomctl refuses cosign's by a stranger's key"), verify, OUR_USAGE);
    }

    // The old form, both ways.
    let old = push(bench, registry, &format!("old-{}", key.name))?;
    let attest = bench.command(
        &cosign,
        &[
            "attest",
            "-y",
            "--key",
            &key.private,
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--new-bundle-format=false",
            "--type",
            "spdxjson",
            "--predicate",
            "predicate.json",
            &old,
        ],
    );
    if bench.succeeds(case("cosign attests in the old form"), attest).is_some() {
        let verify = bench.sbomctl(&["verify", &old, "--key", &key.public, "--type", "spdxjson"]);
        bench.succeeds(case("sbomctl verifies cosign's .att"), verify);
    }
    let both = push(bench, registry, &format!("both-{}", key.name))?;
    let attest =
        bench.sbomctl(&["attest", &both, "--key", &key.private, "--type", "cyclonedx", "--also-legacy"]);
    if bench.succeeds(case("sbomctl attests in both forms"), attest).is_some() {
        for new in ["true", "false"] {
            let form = format!("--new-bundle-format={new}");
            let verify = bench.command(
                &cosign,
                &[
                    "verify-attestation",
                    "--key",
                    &key.public,
                    "--insecure-ignore-tlog=true",
                    &form,
                    "--type",
                    "cyclonedx",
                    &both,
                ],
            );
            bench.succeeds(case(&format!("cosign verifies ours with {form}")), verify);
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
