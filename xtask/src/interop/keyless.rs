//! Attestations by identities, with a Sigstore on this machine: a log of either version, ours for cosign and
//! sigstore-go, cosign's for us.

use std::process::Command;

use sbomctl_testkit::sigstore::token;

use super::{
    Bench,
    matrix::{push, write},
    services::{Referrers, Registry},
};

const ISSUER: &str = "https://issuer.sigstore.test";
const SUBJECT: &str = "me@sigstore.test";
const OTHER_ISSUER: &str = "https://other.sigstore.test";
const OTHER_SUBJECT: &str = "somebody@sigstore.test";
const ROOT: &str = "trusted_root.json";
/// What cosign says when a certificate is somebody else's.
const NOT_THEM: &[&str] = &["expected identities", "expected SAN", "expected issuer", "no matching"];

/// The trust root, signing configurations and a token, in files.
pub(super) fn write_files(bench: &Bench) -> Result<(), String> {
    let file = |name: &str| bench.folder.join(name);
    write(&file(ROOT), &bench.sigstore.trusted_root())?;
    write(&file("signing_config_v1.json"), &bench.sigstore.signing_config(1))?;
    write(&file("signing_config_v2.json"), &bench.sigstore.signing_config(2))?;
    write(&file("token.jwt"), &token(ISSUER, SUBJECT))
}

/// All cases on one registry.
pub(super) fn run(bench: &Bench, registry: &Registry) -> Result<(), String> {
    for log in [1, 2] {
        let cases = Cases { bench, registry, log, config: format!("signing_config_v{log}.json") };
        cases.ours()?;
        cases.cosigns()?;
        cases.files();
    }
    Ok(())
}

struct Cases<'a> {
    bench: &'a Bench,
    registry: &'a Registry,
    log: u8,
    config: String,
}

impl Cases<'_> {
    fn case(&self, what: &str) -> String {
        format!("{what} (keyless, Rekor v{}, {:?})", self.log, self.registry.referrers)
    }

    fn push(&self, name: &str) -> Result<String, String> {
        push(self.bench, self.registry, "layout", &format!("{name}-keyless-{}", self.log))
    }

    fn cosign_verifies(&self, image: &str, subject: &str, issuer: &str) -> Command {
        self.bench.cosign(
            &[&["verify-attestation"], &by(subject, issuer)[..], &["--type", "spdxjson", image]].concat(),
        )
    }

    fn we_verify(&self, image: &str, subject: &str, issuer: &str) -> Command {
        self.bench.sbomctl(&[&["verify"], &by(subject, issuer)[..], &["--type", "spdxjson", image]].concat())
    }

    /// Ours, read by all.
    fn ours(&self) -> Result<(), String> {
        let bench = self.bench;
        let image = self.push("ours")?;
        let bundle = format!("keyless-{}-{:?}.json", self.log, self.registry.referrers);
        let attest = bench.sbomctl(&[
            "attest",
            &image,
            "--identity-token",
            "token.jwt",
            "--signing-config",
            &self.config,
            "--trusted-root",
            ROOT,
            "--type",
            "spdxjson",
            "--output-bundle",
            &bundle,
        ]);
        if bench.succeeds(self.case("sbomctl attests"), attest).is_none() {
            return Ok(());
        }
        bench.succeeds(self.case("cosign verifies ours"), self.cosign_verifies(&image, SUBJECT, ISSUER));
        bench.succeeds(self.case("sbomctl verifies ours"), self.we_verify(&image, SUBJECT, ISSUER));
        for (what, subject, issuer) in
            [("identity", OTHER_SUBJECT, ISSUER), ("issuer", SUBJECT, OTHER_ISSUER)]
        {
            let case = self.case(&format!("cosign refuses ours of another {what}"));
            bench.refuses(case, self.cosign_verifies(&image, subject, issuer), NOT_THEM);
            let case = self.case(&format!("sbomctl refuses ours of another {what}"));
            bench.ends_with(case, self.we_verify(&image, subject, issuer), &[1]);
        }
        self.sigstore_go(&bundle)
    }

    /// Ours, read by sigstore-go; once for each log.
    fn sigstore_go(&self, bundle: &str) -> Result<(), String> {
        if self.registry.referrers != Referrers::Tag {
            return Ok(());
        }
        let Some(program) = &self.bench.sigstore_go else {
            self.bench.skip(self.case("sigstore-go verifies ours"), "there is no sigstore-go-verification");
            return Ok(());
        };
        let text = self.bench.read("layout/index.json")?;
        let hex = text.split("sha256:").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let verify = |subject: &str, issuer: &str| {
            let arguments = [
                "-artifact-digest",
                hex,
                "-expectedIssuer",
                issuer,
                "-expectedSAN",
                subject,
                "-trustedrootJSONpath",
                ROOT,
                bundle,
            ];
            self.bench.command(program, &arguments)
        };
        self.bench.succeeds(self.case("sigstore-go verifies ours"), verify(SUBJECT, ISSUER));
        let case = self.case("sigstore-go refuses ours of another identity");
        self.bench.refuses(case, verify(OTHER_SUBJECT, ISSUER), NOT_THEM);
        Ok(())
    }

    /// cosign's, read by us.
    fn cosigns(&self) -> Result<(), String> {
        let bench = self.bench;
        let image = self.push("theirs")?;
        let attest = bench.cosign(&[
            "attest",
            "-y",
            "--identity-token",
            "token.jwt",
            "--signing-config",
            &self.config,
            "--trusted-root",
            ROOT,
            "--type",
            "spdxjson",
            "--predicate",
            "predicate.json",
            &image,
        ]);
        if bench.succeeds(self.case("cosign attests"), attest).is_none() {
            return Ok(());
        }
        bench.succeeds(self.case("sbomctl verifies cosign's"), self.we_verify(&image, SUBJECT, ISSUER));
        for (what, subject, issuer) in
            [("identity", OTHER_SUBJECT, ISSUER), ("issuer", SUBJECT, OTHER_ISSUER)]
        {
            let case = self.case(&format!("sbomctl refuses cosign's of another {what}"));
            bench.ends_with(case, self.we_verify(&image, subject, issuer), &[1]);
        }
        self.gate(&image)
    }

    /// The gate over what cosign attested.
    fn gate(&self, image: &str) -> Result<(), String> {
        // The services' clock stands still, so that what they stamp is old.
        for (subject, further, code) in
            [(SUBJECT, "", 0), (OTHER_SUBJECT, "", 1), (SUBJECT, ", maxAge: 1d", 1)]
        {
            let policy = format!(
                "version: 1\ndefault: deny\nsigners:\n  ci: {{issuer: \"{ISSUER}\", subject: \"{subject}\", trustedRoot: \
                 {ROOT}}}\nrules:\n  - images: [\"**\"]\n    mode: enforce\n    require:\n      - sbom: {{by: [ci], \
                 formats: [spdx]{further}}}\n"
            );
            let name = format!("keyless-{}-{:?}.yaml", self.log, self.registry.referrers);
            write(&self.bench.folder.join(&name), &policy)?;
            let case = self.case(&format!("the gate over cosign's with the signer {subject}{further}"));
            self.bench.ends_with(case, self.bench.sbomctl(&["verify", "--policy", &name, image]), &[code]);
        }
        Ok(())
    }

    /// Bundles of files; once for each log.
    fn files(&self) {
        if self.registry.referrers != Referrers::Tag {
            return;
        }
        let bench = self.bench;
        let bundle = format!("keyless-{}-file.json", self.log);
        let attest = bench.cosign(&[
            "attest-blob",
            "-y",
            "--identity-token",
            "token.jwt",
            "--signing-config",
            &self.config,
            "--trusted-root",
            ROOT,
            "--type",
            "spdxjson",
            "--predicate",
            "predicate.json",
            "--bundle",
            &bundle,
            "artifact",
        ]);
        if bench.succeeds(self.case("cosign attests a file"), attest).is_none() {
            return;
        }
        let conformance = |subject: &str| {
            let client = ["sigstore-conformance", "verify-bundle", "--bundle", &bundle];
            bench.sbomctl(&[&client, &by(subject, ISSUER)[..], &["artifact"]].concat())
        };
        bench.succeeds(self.case("the conformance client verifies cosign's"), conformance(SUBJECT));
        let case = self.case("the conformance client refuses cosign's of another identity");
        bench.ends_with(case, conformance(OTHER_SUBJECT), &[1]);
    }
}

fn by<'a>(subject: &'a str, issuer: &'a str) -> [&'a str; 6] {
    ["--certificate-identity", subject, "--certificate-oidc-issuer", issuer, "--trusted-root", ROOT]
}
