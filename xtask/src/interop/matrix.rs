//! The order of the cases, and what all of them need: keys, an image, an index, a trust root.

use std::{path::Path, thread};

use sbomctl_testkit::{ImageBuilder, Layout, index};

use super::{
    Bench, files, hostile, keyed, keyless,
    services::{self, Referrers, Registry},
    transfer,
};

/// Of all keys that are made here.
pub(super) const PASSWORD: &str = "interop";

const INSTALLED: &[u8] = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\n";

/// A key pair in files.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) name: String,
    pub(super) private: String,
    pub(super) public: String,
}

impl Keys {
    /// A key that did not sign.
    pub(super) fn stranger(&self) -> &'static str {
        if self.name == "cosign" { "p256.pub" } else { "cosign.pub" }
    }

    /// With what words cosign refuses what it signed itself by this key. With Ed25519 it signs in the prehashed form
    /// (Ed25519ph) and verifies the plain one; with P-384 it signs a SHA-384 digest and verifies a SHA-256 one.
    pub(super) fn known(&self) -> &'static [&'static str] {
        match self.name.as_str() {
            "ed25519" | "p384" => &["accepted signatures do not match threshold"],
            _ => &[],
        }
    }

    /// Our exit code for what cosign signed. Ed25519ph nobody verifies in attestations, nor do we; P-384 we read with
    /// either digest, whatever cosign does.
    pub(super) fn our_code(&self, cosign_verifies: bool) -> i32 {
        i32::from(self.name == "ed25519" && !cosign_verifies)
    }
}

/// Runs every case that the programs at hand allow.
pub(super) fn run(bench: &Bench, compare: bool) -> Result<(), String> {
    layouts(bench)?;
    keyless::write_files(bench)?;
    let keys = make_keys(bench)?;
    let tag = Registry::start(&bench.folder.join("tag"), Referrers::Tag, None)?;
    let proxy = bench.proxy.as_deref();
    let api = proxy.map(|proxy| Registry::start(&bench.folder.join("api"), Referrers::Api, Some(proxy)));
    let api = api.transpose()?;
    if api.is_none() {
        bench.skip("registries with the referrers API", "there is no faulty-registry.py");
    }
    thread::scope(|scope| {
        let registries: Vec<_> = [Some(&tag), api.as_ref()].into_iter().flatten().collect();
        let runs: Vec<_> =
            registries.iter().map(|registry| scope.spawn(|| on_registry(bench, registry, &keys))).collect();
        runs.into_iter().try_for_each(|run| run.join().unwrap_or_else(|_| Err("a case panicked".to_owned())))
    })?;
    for key in &keys {
        files::run(bench, key);
    }
    transfer::six_writers(bench, &tag)?;
    transfer::repair(bench, &tag)?;
    if let Some(api) = &api {
        transfer::copy(bench, &tag, api)?;
        transfer::copy(bench, api, &tag)?;
        hostile::run(bench, api, compare)?;
    }
    transfer::air_gap(bench, tag);
    Ok(())
}

fn on_registry(bench: &Bench, registry: &Registry, keys: &[Keys]) -> Result<(), String> {
    for key in keys {
        keyed::run(bench, registry, key)?;
    }
    keyless::run(bench, registry)?;
    keyed::index(bench, registry)
}

/// Pushes what the layout `layout` has to a repository of its own, and gives its reference.
pub(super) fn push(bench: &Bench, registry: &Registry, layout: &str, name: &str) -> Result<String, String> {
    let reference = format!("{}/{name}:1", registry.host());
    let from = format!("{}:latest", bench.folder.join(layout).display());
    let mut command = bench.oras(&["cp", "--from-oci-layout", &from, "--to-plain-http", &reference]);
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(reference) } else { Err(super::last_words(&output)) }
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Two images, an index of two platforms, and what others are to say of them.
fn layouts(bench: &Bench) -> Result<(), String> {
    let image = |system: &str, platform: &str| {
        ImageBuilder::new()
            .platform(platform)
            .created("2024-05-06T07:08:09Z")
            .layer(|l| l.file("etc/os-release", system.as_bytes()).file("lib/apk/db/installed", INSTALLED))
            .build()
            .root()
    };
    let alpine = "ID=alpine\nVERSION_ID=3.20.3\n";
    let roots = [
        ("layout", image(alpine, "linux/amd64")),
        ("other", image("ID=alpine\nVERSION_ID=3.19.1\n", "linux/amd64")),
        ("index", index([image(alpine, "linux/amd64"), image(alpine, "linux/arm64")])),
    ];
    for (name, root) in roots {
        Layout::new([root.tag("latest")])
            .write(&bench.folder.join(name))
            .map_err(|error| error.to_string())?;
    }
    let scan = bench.sbomctl(&["scan", "oci:layout", "-o", "spdx-json=predicate.json"]);
    bench.succeeds("sbomctl scans", scan);
    // What cosign signs with where nothing is to be logged.
    write(
        &bench.folder.join("no-services.json"),
        r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#,
    )?;
    write(&bench.folder.join("artifact"), "an artifact\n")
}

/// Keys of every kind, made by one program or the other.
fn make_keys(bench: &Bench) -> Result<Vec<Keys>, String> {
    let mut keys = Vec::new();
    let made = bench.cosign(&["generate-key-pair", "--output-key-prefix", "cosign"]);
    if bench.succeeds("cosign generates a key", made).is_some() {
        keys.push(pair("cosign"));
    }
    for kind in ["p256", "ed25519", "p384"] {
        keys.extend(generate(bench, kind, kind));
    }
    let openssl = services::program("openssl", &[]).map(|openssl| {
        bench
            .command(&openssl, &["genrsa", "-out", "rsa.pem", "2048"])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if openssl == Some(true) {
        let made = bench.sbomctl(&["key", "import", "rsa.pem", "--output", "rsa"]);
        if bench.succeeds("sbomctl imports an RSA key", made).is_some() {
            keys.push(pair("rsa"));
        }
    } else {
        bench.skip("RSA keys", "there is no openssl");
    }
    if keys.len() < 2 { Err("no keys to go on with".to_owned()) } else { Ok(keys) }
}

/// A new key of this program's making.
pub(super) fn generate(bench: &Bench, kind: &str, name: &str) -> Option<Keys> {
    let made = bench.sbomctl(&["key", "generate", "--type", kind, "--output", name]);
    bench.succeeds(format!("sbomctl generates a key ({name})"), made).map(|_| pair(name))
}

fn pair(name: &str) -> Keys {
    Keys { name: name.to_owned(), private: format!("{name}.key"), public: format!("{name}.pub") }
}
