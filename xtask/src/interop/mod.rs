//! Attestations between this program and others, on real registries: what one makes the other has to accept, and what
//! is about another image or of another signer both have to refuse.
//!
//! Runs with cosign, oras and sigstore-go where they are: in the folder that `SBOMCTL_PEERS` names, or on the path.
//! What is missing is skipped by name.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::{Command, Output},
};

mod matrix;
mod services;

/// The image that everything is said about, and where its tools are.
#[derive(Debug)]
struct Bench {
    /// Everything that is made lies below it.
    folder: PathBuf,
    sbomctl: PathBuf,
    peers: Vec<PathBuf>,
    /// The proxy that gives a registry the referrers API.
    proxy: Option<PathBuf>,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

/// Runs all cases.
pub(crate) fn check(root: &Path, say: &dyn Fn(&str)) -> Result<(), String> {
    let folder = root.join("target/interop");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let mut bench = Bench {
        sbomctl: build(root)?,
        folder,
        peers: peers(root),
        proxy: sbomctl_testkit::shared("tools/faulty-registry.py"),
        passed: 0,
        failed: Vec::new(),
        skipped: Vec::new(),
    };
    matrix::run(&mut bench, say)?;
    for skipped in &bench.skipped {
        say(&format!("skipped: {skipped}"));
    }
    say(&format!(
        "interop: {} passed, {} failed, {} skipped",
        bench.passed,
        bench.failed.len(),
        bench.skipped.len()
    ));
    if bench.failed.is_empty() { Ok(()) } else { Err(bench.failed.join("\n")) }
}

/// The program under test, freshly built.
fn build(root: &Path) -> Result<PathBuf, String> {
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--package", "sbom-cli"])
        .current_dir(root)
        .status()
        .map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("sbomctl does not build".to_owned());
    }
    let folder = root.join("target/debug/sbomctl");
    folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))
}

/// Where other programs may lie beside the path.
fn peers(root: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "checks may be told where other programs are")]
    let named = std::env::var_os("SBOMCTL_PEERS").map(PathBuf::from);
    named.into_iter().chain([root.join("target/ci-tools/peers/bin")]).collect()
}

impl Bench {
    fn program(&self, name: &str) -> Option<PathBuf> {
        services::program(name, &self.peers)
    }

    /// A command of this program.
    fn sbomctl(&self, arguments: &[&str]) -> Command {
        self.command(&self.sbomctl, arguments)
    }

    /// A command that sees no settings but ours.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("COSIGN_PASSWORD", matrix::PASSWORD)
            .env("NO_COLOR", "1");
        command
    }

    /// Counts a case that has to succeed.
    fn succeeds(&mut self, case: impl Display, mut command: Command) -> Option<Output> {
        match command.output() {
            Ok(output) if output.status.success() => {
                self.passed += 1;
                Some(output)
            }
            Ok(output) => {
                self.failed.push(format!("{case}: {}", last_words(&output)));
                None
            }
            Err(error) => {
                self.failed.push(format!("{case}: {error}"));
                None
            }
        }
    }

    /// Counts a case that has to be refused, and not for being called wrongly.
    fn refuses(&mut self, case: impl Display, mut command: Command, usage: i32) {
        match command.output() {
            Ok(output) if output.status.success() => self.failed.push(format!("{case}: was accepted")),
            Ok(output) if output.status.code() == Some(usage) => {
                self.failed.push(format!("{case}: {}", last_words(&output)));
            }
            Ok(_) => self.passed += 1,
            Err(error) => self.failed.push(format!("{case}: {error}")),
        }
    }

    /// Counts a case that holds or not.
    fn holds(&mut self, case: impl Display, holds: bool) {
        if holds {
            self.passed += 1;
        } else {
            self.failed.push(format!("{case}: does not hold"));
        }
    }
}

/// The end of what a program had to say.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("{} {}", output.status, lines.join(" / "))
}
