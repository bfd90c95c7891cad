//! Signing as an identity, by the program, with services on this machine: what comes out, and what is said if nothing
//! does.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sbomctl_testkit::{
    FaultKind,
    sigstore::{JOB_SECRET, Loopback, Sigstore, token},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Run, command, finish};

const ISSUER: &str = "https://issuer.test";
const SUBJECT: &str = "a@b.test";

/// A folder with all that a signature needs.
struct Bench {
    folder: TempDir,
    loopback: Loopback,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap(), loopback: Loopback::start() };
        bench.write("token.jwt", &token(ISSUER, SUBJECT));
        bench.write("trusted_root.json", &bench.loopback.trusted_root());
        bench.write("v1.json", &bench.loopback.signing_config(1));
        bench.write("v2.json", &bench.loopback.signing_config(2));
        bench.write("file", "file");
        bench.write("predicate.json", r#"{"is":"said"}"#);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Signs a custom predicate about a file, into `out.json`. `@` stands for the folder.
    fn sign(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let folder = self.folder.path().display().to_string();
        let arguments: Vec<String> =
            ["attest", "blob", "@/file", "--type", "custom", "--predicate", "@/predicate.json"]
                .iter()
                .chain(&["--output-bundle", "@/out.json"])
                .chain(arguments)
                .map(|argument| argument.replacen('@', &folder, usize::from(argument.starts_with('@'))))
                .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = command(&arguments);
        command.envs(variables.iter().copied()).env("XDG_CACHE_HOME", self.path("cache"));
        finish(command, b"")
    }

    fn bundle(&self) -> Value {
        let text = fs::File::open(self.path("out.json")).and_then(std::io::read_to_string).unwrap();
        assert_eq!(text.trim_end().lines().count(), 1);
        serde_json::from_str(&text).unwrap()
    }
}

fn entry(bundle: &Value) -> &Value {
    &bundle["verificationMaterial"]["tlogEntries"][0]
}

fn assert_fails(run: &Run, code: i32, words: &[&str], out: &Path) {
    assert_eq!(run.code, code, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("eyJ"), "a token is shown: {}", run.stderr);
    assert!(!out.exists(), "something is written");
}

#[test]
fn an_identity_signs_with_logs_of_both_versions() {
    let bench = Bench::new();
    for (config, version) in [("@/v1.json", "0.0.1"), ("@/v2.json", "0.0.2")] {
        let run = bench.sign(
            &[
                "--identity-token",
                "@/token.jwt",
                "--signing-config",
                config,
                "--trusted-root",
                "@/trusted_root.json",
            ],
            &[],
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
        let bundle = bench.bundle();
        assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
        assert_eq!(entry(&bundle)["kindVersion"]["version"], version);
        assert!(entry(&bundle)["logIndex"].is_string());
        assert_eq!(bundle["dsseEnvelope"]["signatures"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn services_are_named_one_by_one() {
    let bench = Bench::new();
    let (url, stamps) = (bench.loopback.url(), bench.loopback.timestamp_url());
    let services = ["--identity-token", "@/token.jwt", "--fulcio-url", &url, "--rekor-url", &url];
    let root = ["--trusted-root", "@/trusted_root.json"];
    let run = bench.sign(&[&services[..], &root].concat(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        bench.bundle()["verificationMaterial"].pointer("/timestampVerificationData/rfc3161Timestamps/0"),
        None
    );

    let second = ["--rekor-version", "2", "--timestamp-server-url", &stamps];
    let run = bench.sign(&[&services[..], &root, &second].concat(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(entry(&bench.bundle())["kindVersion"]["version"], "0.0.2");

    fs::remove_file(bench.path("out.json")).unwrap();
    let run = bench.sign(&[&services[..], &root, &second[..2]].concat(), &[]);
    assert_fails(&run, 2, &["time-stamp authority"], &bench.path("out.json"));
    let run = bench.sign(&["--identity-token", "@/token.jwt", "--fulcio-url", &url], &[]);
    assert_fails(&run, 2, &["--rekor-url"], &bench.path("out.json"));
}

#[test]
fn a_job_of_github_gets_its_token_by_itself() {
    let bench = Bench::new();
    let services = ["--signing-config", "@/v2.json", "--trusted-root", "@/trusted_root.json"];
    let url = bench.loopback.job_url();
    let run = bench.sign(
        &services,
        &[
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", JOB_SECRET),
        ],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    fs::remove_file(bench.path("out.json")).unwrap();

    let run = bench.sign(&services, &[("GITHUB_ACTIONS", "true")]);
    assert_fails(&run, 2, &["id-token: write"], &bench.path("out.json"));
    let run = bench.sign(
        &services,
        &[
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "stolen"),
        ],
    );
    assert_fails(&run, 4, &["401", "may this job"], &bench.path("out.json"));
    assert!(!run.stderr.contains("stolen"), "{}", run.stderr);
}

#[test]
fn a_variable_holds_the_token_of_other_systems() {
    let bench = Bench::new();
    let services = ["--signing-config", "@/v1.json", "--trusted-root", "@/trusted_root.json"];
    let run = bench.sign(&services, &[("SIGSTORE_ID_TOKEN", &token(ISSUER, SUBJECT))]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_token_of_no_use_asks_nobody() {
    let bench = Bench::new();
    bench.write("none.jwt", "eyJ.not a token.x");
    for token in ["@/none.jwt", "@/file", "@/missing"] {
        let run = bench.sign(&["--identity-token", token, "--signing-config", "@/v2.json"], &[]);
        assert_fails(&run, 2, &[], &bench.path("out.json"));
    }
    assert_eq!(bench.loopback.requests(), Vec::<String>::new());
}

#[test]
fn a_failing_service_is_named_soon_and_nothing_is_written() {
    let cases = [
        ("/api/v2/signingCert", "Fulcio"),
        ("/api/v2/log/entries", "Rekor"),
        ("/api/v1/timestamp", "the time-stamp authority"),
    ];
    for (path, name) in cases {
        for kind in [
            FaultKind::Status(403, String::new(), "no\u{1b}[2J".to_owned()),
            FaultKind::Raw(b"not HTTP".to_vec()),
            FaultKind::DropAfter(3),
            FaultKind::Silence(Duration::from_secs(10)),
        ] {
            let bench = Bench::new();
            bench.loopback.fault(path, 9, kind.clone());
            let began = Instant::now();
            let run = bench.sign(
                &[
                    "--identity-token",
                    "@/token.jwt",
                    "--signing-config",
                    "@/v2.json",
                    "--signing-timeout",
                    "4",
                ],
                &[],
            );
            assert!(began.elapsed() < Duration::from_secs(9), "{name} {kind:?}");
            assert_fails(&run, 4, &[name], &bench.path("out.json"));
            assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
        }
    }
}

#[test]
fn services_that_the_root_does_not_know_sign_nothing() {
    let bench = Bench::new();
    bench.write("other_root.json", &Sigstore::new().trusted_root());
    let run = bench.sign(
        &[
            "--identity-token",
            "@/token.jwt",
            "--signing-config",
            "@/v2.json",
            "--trusted-root",
            "@/other_root.json",
        ],
        &[],
    );
    assert_fails(&run, 4, &["does not verify against the trusted root"], &bench.path("out.json"));
}

#[test]
fn a_key_and_an_identity_are_not_both_the_author() {
    let bench = Bench::new();
    let run = bench.sign(&["--identity-token", "@/token.jwt", "--key", "@/key"], &[]);
    assert_fails(&run, 2, &["cannot be used with"], &bench.path("out.json"));
}
