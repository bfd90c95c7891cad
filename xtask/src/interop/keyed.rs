//! Attestations by keys: ours for cosign and oras, cosign's for us, in both forms, and an index of two platforms.

use std::process::Command;

use super::{
    Bench,
    matrix::{Keys, push},
    services::Registry,
};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What cosign says when nothing that it found is by that key.
const NOT_SIGNED: &[&str] =
    &["no matching attestations", "invalid signature", "no valid bundle", "could not verify"];
/// What it says when nothing that it found is of the type.
const NO_SUCH_TYPE: &[&str] =
    &["none of the attestations matched the predicate type", "no matching attestations"];

/// All cases of one key on one registry.
pub(super) fn run(bench: &Bench, registry: &Registry, key: &Keys) -> Result<(), String> {
    let cases = Cases { bench, registry, key };
    cases.ours()?;
    cases.cosigns()?;
    cases.old_forms()?;
    Ok(())
}

struct Cases<'a> {
    bench: &'a Bench,
    registry: &'a Registry,
    key: &'a Keys,
}

impl Cases<'_> {
    fn case(&self, what: &str) -> String {
        format!("{what} ({} key, {:?})", self.key.name, self.registry.referrers)
    }

    fn stranger(&self) -> &'static str {
        self.key.stranger()
    }

    fn push(&self, name: &str) -> Result<String, String> {
        push(self.bench, self.registry, "layout", &format!("{name}-{}", self.key.name))
    }

    fn cosign_verifies(&self, image: &str, public: &str, kind: &str, further: &[&str]) -> Command {
        cosign_verifies(self.bench, image, public, kind, further)
    }

    fn cosign_attests(&self, image: &str, further: &[&str]) -> Command {
        let common = ["attest", "-y", "--key", &self.key.private, "--type", "spdxjson"];
        self.bench.cosign(&[&common, further, &["--predicate", "predicate.json", image]].concat())
    }

    fn we_verify(&self, image: &str, public: &str, kind: &str) -> Command {
        self.bench.sbomctl(&["verify", image, "--key", public, "--type", kind])
    }

    /// Ours, read by all.
    fn ours(&self) -> Result<(), String> {
        let bench = self.bench;
        let image = self.push("ours")?;
        let attest = bench.sbomctl(&["attest", &image, "--key", &self.key.private, "--type", "spdxjson"]);
        bench.succeeds(self.case("sbomctl attests"), attest);
        let verify = self.cosign_verifies(&image, &self.key.public, "spdxjson", &[]);
        bench.succeeds(self.case("cosign verifies ours"), verify);
        let verify = self.we_verify(&image, &self.key.public, "spdxjson");
        bench.succeeds(self.case("sbomctl verifies ours"), verify);
        let verify = self.cosign_verifies(&image, self.stranger(), "spdxjson", &[]);
        bench.refuses(self.case("cosign refuses ours by a stranger's key"), verify, NOT_SIGNED);
        let verify = self.we_verify(&image, self.stranger(), "spdxjson");
        bench.ends_with(self.case("sbomctl refuses ours by a stranger's key"), verify, &[1]);
        let verify = self.cosign_verifies(&image, &self.key.public, "slsaprovenance1", &[]);
        bench.refuses(self.case("cosign refuses ours of another type"), verify, NO_SUCH_TYPE);
        let verify = self.we_verify(&image, &self.key.public, "slsaprovenance1");
        bench.ends_with(self.case("sbomctl refuses ours of another type"), verify, &[1]);
        let shows = [
            ("cosign tree shows ours", bench.cosign(&["tree", &image]), "https://spdx.dev/Document"),
            (
                "cosign download attestation gives ours",
                bench.cosign(&[
                    "download",
                    "attestation",
                    "--predicate-type",
                    "https://spdx.dev/Document",
                    &image,
                ]),
                "dsseEnvelope",
            ),
            (
                "oras discover finds ours by its type",
                discover(bench, &image),
                "dev.sigstore.bundle.predicateType",
            ),
        ];
        for (what, command, text) in shows {
            if let Some(output) = bench.succeeds(self.case(what), command) {
                bench.holds(self.case(what), String::from_utf8_lossy(&output.stdout).contains(text));
            }
        }
        Ok(())
    }

    /// cosign's, read by us.
    fn cosigns(&self) -> Result<(), String> {
        let bench = self.bench;
        let image = self.push("theirs")?;
        let attest = self.cosign_attests(&image, &["--signing-config", "no-services.json"]);
        if bench.succeeds(self.case("cosign attests"), attest).is_none() {
            return Ok(());
        }
        let verify = self.cosign_verifies(&image, &self.key.public, "spdxjson", &[]);
        let verified = bench.succeeds_or(self.case("cosign verifies its own"), verify, self.key.known());
        let verify = self.we_verify(&image, &self.key.public, "spdxjson");
        let code = self.key.our_code(verified.is_some());
        bench.ends_with(self.case("sbomctl verifies cosign's"), verify, &[code]);
        let verify = self.we_verify(&image, self.stranger(), "spdxjson");
        bench.ends_with(self.case("sbomctl refuses cosign's by a stranger's key"), verify, &[1]);
        let verify = self.we_verify(&image, &self.key.public, "cyclonedx");
        bench.ends_with(self.case("sbomctl refuses cosign's of another type"), verify, &[1]);
        if self.key.name == "cosign" {
            self.gate(&image)?;
        }
        Ok(())
    }

    /// The gate over what cosign attested.
    fn gate(&self, image: &str) -> Result<(), String> {
        for (signer, code) in [(self.key.public.as_str(), 0), (self.stranger(), 1)] {
            let policy = format!(
                "version: 1\ndefault: deny\nsigners:\n  ops: {{key: {signer}}}\nrules:\n  - images: [\"**\"]\n    \
                 mode: enforce\n    require:\n      - sbom: {{by: [ops], formats: [spdx]}}\n"
            );
            let name = format!("{signer}-{:?}.yaml", self.registry.referrers);
            super::matrix::write(&self.bench.folder.join(&name), &policy)?;
            let verify = self.bench.sbomctl(&["verify", "--policy", &name, image]);
            let case = self.case(&format!("the gate over cosign's with the signer {signer}"));
            self.bench.ends_with(case, verify, &[code]);
        }
        Ok(())
    }

    /// The old form, both ways.
    fn old_forms(&self) -> Result<(), String> {
        let bench = self.bench;
        let image = self.push("old")?;
        let further = ["--use-signing-config=false", "--tlog-upload=false", "--new-bundle-format=false"];
        let attest = self.cosign_attests(&image, &further);
        if bench.succeeds(self.case("cosign attests in the old form"), attest).is_some() {
            let verify =
                self.cosign_verifies(&image, &self.key.public, "spdxjson", &["--new-bundle-format=false"]);
            let verified =
                bench.succeeds_or(self.case("cosign verifies its own .att"), verify, self.key.known());
            let verify = self.we_verify(&image, &self.key.public, "spdxjson");
            let code = self.key.our_code(verified.is_some());
            bench.ends_with(self.case("sbomctl verifies cosign's .att"), verify, &[code]);
            let verify = self.we_verify(&image, self.stranger(), "spdxjson");
            bench.ends_with(self.case("sbomctl refuses cosign's .att by a stranger's key"), verify, &[1]);
        }
        let image = self.push("both")?;
        let attest = bench.sbomctl(&[
            "attest",
            &image,
            "--key",
            &self.key.private,
            "--type",
            "cyclonedx",
            "--also-legacy",
        ]);
        if bench.succeeds(self.case("sbomctl attests in both forms"), attest).is_some() {
            for form in ["--new-bundle-format=true", "--new-bundle-format=false"] {
                let verify = self.cosign_verifies(&image, &self.key.public, "cyclonedx", &[form]);
                bench.succeeds(self.case(&format!("cosign verifies ours with {form}")), verify);
                let verify = self.cosign_verifies(&image, self.stranger(), "cyclonedx", &[form]);
                let case = self.case(&format!("cosign refuses ours by a stranger's key with {form}"));
                bench.refuses(case, verify, NOT_SIGNED);
            }
        }
        Ok(())
    }
}

/// cosign verifies an image by a key.
pub(super) fn cosign_verifies(
    bench: &Bench,
    image: &str,
    public: &str,
    kind: &str,
    further: &[&str],
) -> Command {
    let common = ["verify-attestation", "--key", public, "--insecure-ignore-tlog=true", "--type", kind];
    bench.cosign(&[&common, further, &[image]].concat())
}

/// What oras lists of the type of bundles.
pub(super) fn discover(bench: &Bench, image: &str) -> Command {
    bench.oras(&["discover", "--plain-http", "--format", "json", "--artifact-type", BUNDLE, image])
}

/// An index of two platforms, attested once.
pub(super) fn index(bench: &Bench, registry: &Registry) -> Result<(), String> {
    let image = push(bench, registry, "index", "index")?;
    let case = |what: &str| format!("{what} ({:?})", registry.referrers);
    let attest = bench.sbomctl(&["attest", &image, "--key", "p256.key", "--type", "spdxjson"]);
    bench.succeeds(case("sbomctl attests an index"), attest);
    let text = bench.read("index/index.json")?;
    let top = digests(&text).into_iter().next().ok_or("the layout has no index")?;
    let hex = top.trim_start_matches("sha256:");
    let text = bench.read(&format!("index/blobs/sha256/{hex}"))?;
    let repository = image.trim_end_matches(":1");
    let mut named = vec![image.clone(), format!("{repository}@{top}")];
    named.extend(digests(&text).into_iter().map(|digest| format!("{repository}@{digest}")));
    bench.holds(case("the index has two platforms"), named.len() == 4);
    for name in &named {
        let verify = cosign_verifies(bench, name, "p256.pub", "spdxjson", &[]);
        bench.succeeds(case(&format!("cosign verifies {name} of an index")), verify);
        let verify = bench.sbomctl(&["verify", name, "--key", "p256.pub", "--type", "spdxjson"]);
        bench.succeeds(case(&format!("sbomctl verifies {name} of an index")), verify);
    }
    let every = |image: &str| bench.sbomctl(&["verify", image, "--key", "p256.pub", "--all-platforms"]);
    bench.succeeds(case("sbomctl verifies every platform"), every(&image));
    let half = push(bench, registry, "index", "half")?;
    let attest = bench.sbomctl(&[
        "attest",
        &half,
        "--key",
        "p256.key",
        "--type",
        "spdxjson",
        "--platform",
        "linux/amd64",
    ]);
    bench.succeeds(case("sbomctl attests one platform"), attest);
    bench.ends_with(case("sbomctl refuses an index with one platform unattested"), every(&half), &[1]);
    Ok(())
}

/// The digests of descriptors in a document, in their order.
fn digests(text: &str) -> Vec<String> {
    text.split("\"digest\":\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}
