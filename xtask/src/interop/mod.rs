//! Attestations between this program and others, on real registries: what one makes the other has to accept, and what
//! is about another image or of another signer both have to refuse.
//!
//! Runs with cosign, oras and sigstore-go where they are: in the folder that `SBOMCTL_PEERS` names, or on the path.
//! What is missing is skipped by name. `docs/interop.md` tells what the cases are and what was found.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sbomctl_testkit::sigstore::Loopback;

mod files;
mod hostile;
mod keyed;
mod keyless;
mod matrix;
mod services;
mod transfer;

/// Where everything lies that the cases need, and what they came to.
#[derive(Debug)]
struct Bench {
    /// Everything that is made lies below it.
    folder: PathBuf,
    sbomctl: PathBuf,
    cosign: PathBuf,
    oras: PathBuf,
    /// The verifier of sigstore-go, if it is there.
    sigstore_go: Option<PathBuf>,
    /// The proxy that gives a registry the referrers API, if it is there.
    proxy: Option<PathBuf>,
    sigstore: Loopback,
    tally: Mutex<Tally>,
}

/// What the cases came to.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
    /// What others do wrong, and is known.
    faults: Vec<String>,
    /// What was measured on the way.
    figures: Vec<String>,
}

/// Runs all cases; with `compare` also what takes others minutes.
pub(crate) fn check(root: &Path, compare: bool, say: &dyn Fn(&str)) -> Result<(), String> {
    let tally = match Bench::set_up(root)? {
        Ok(bench) => {
            let run = matrix::run(&bench, compare);
            let mut tally = bench.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
            tally.failed.extend(run.err());
            let figures = tally.figures.join("\n") + "\n";
            std::fs::write(root.join("target/interop/figures.txt"), figures)
                .map_err(|error| error.to_string())?;
            tally
        }
        Err(missing) => {
            Tally { skipped: vec![format!("all of it: there is no {missing}")], ..Tally::default() }
        }
    };
    let told = [("skipped", &tally.skipped), ("known", &tally.faults), ("failed", &tally.failed)];
    for (what, cases) in told {
        for case in cases {
            say(&format!("{what}: {case}"));
        }
    }
    let (passed, failed, skipped) = (tally.passed, tally.failed.len(), tally.skipped.len());
    say(&format!("interop: {passed} passed, {failed} failed, {skipped} skipped"));
    if failed == 0 { Ok(()) } else { Err("interop: failed".to_owned()) }
}

impl Bench {
    /// Finds the programs and builds ours; the inner error is the name of a program that is missing.
    fn set_up(root: &Path) -> Result<Result<Self, &'static str>, String> {
        let peers = peers(root);
        if services::program("docker-registry", &peers).is_none() {
            return Ok(Err("docker-registry"));
        }
        let Some(cosign) = services::program("cosign", &peers) else { return Ok(Err("cosign")) };
        let Some(oras) = services::program("oras", &peers) else { return Ok(Err("oras")) };
        let folder = root.join("target/interop");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Ok(Self {
            folder: folder.canonicalize().map_err(|error| error.to_string())?,
            sbomctl: build(root)?,
            cosign,
            oras,
            sigstore_go: services::program("sigstore-go-verification", &peers),
            proxy: sbomctl_testkit::shared("tools/faulty-registry.py"),
            sigstore: Loopback::start(),
            tally: Mutex::default(),
        }))
    }

    /// A command of this program.
    fn sbomctl(&self, arguments: &[&str]) -> Command {
        self.command(&self.sbomctl, arguments)
    }

    fn cosign(&self, arguments: &[&str]) -> Command {
        self.command(&self.cosign, arguments)
    }

    fn oras(&self, arguments: &[&str]) -> Command {
        self.command(&self.oras, arguments)
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

    /// What is in a file that was made here.
    #[expect(clippy::disallowed_methods, reason = "files of the cases' own making")]
    fn read(&self, name: &str) -> Result<String, String> {
        std::fs::read_to_string(self.folder.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        self.tally().passed += 1;
    }

    fn fail(&self, case: impl Display, why: impl Display) {
        self.tally().failed.push(format!("{case}: {why}"));
    }

    /// Keeps what was measured, for `figures.txt`.
    fn figure(&self, figure: String) {
        self.tally().figures.push(figure);
    }

    fn skip(&self, case: impl Display, why: impl Display) {
        self.tally().skipped.push(format!("{case}: {why}"));
    }

    /// Counts a case that has to succeed.
    fn succeeds(&self, case: impl Display, mut command: Command) -> Option<Output> {
        match command.output() {
            Ok(output) if output.status.success() => {
                self.pass();
                return Some(output);
            }
            Ok(output) => self.fail(case, last_words(&output)),
            Err(error) => self.fail(case, error),
        }
        None
    }

    /// Counts a case that this program has to end with one of these exit codes.
    fn ends_with(&self, case: impl Display, mut command: Command, codes: &[i32]) -> Option<i32> {
        match command.output() {
            Ok(output) => {
                let code = output.status.code();
                if code.is_some_and(|code| codes.contains(&code)) {
                    self.pass();
                } else {
                    self.fail(case, format!("not {codes:?} but {}", last_words(&output)));
                }
                return code;
            }
            Err(error) => self.fail(case, error),
        }
        None
    }

    /// Counts a case that another program has to refuse, saying one of these words: it has no codes that would tell a
    /// refusal from a wrong command line.
    fn refuses(&self, case: impl Display, mut command: Command, words: &[&str]) {
        match command.output() {
            Ok(output) if output.status.success() => self.fail(case, "was accepted"),
            Ok(output) if says(&output, words) => self.pass(),
            Ok(output) => self.fail(case, last_words(&output)),
            Err(error) => self.fail(case, error),
        }
    }

    /// Counts a case that another program is known to fail wrongly, with these words, until it is mended there.
    fn succeeds_or(&self, case: impl Display, mut command: Command, words: &[&str]) -> Option<Output> {
        match command.output() {
            Ok(output) if output.status.success() => {
                self.pass();
                return Some(output);
            }
            Ok(output) if says(&output, words) => {
                self.pass();
                self.tally().faults.push(case.to_string());
            }
            Ok(output) => self.fail(case, last_words(&output)),
            Err(error) => self.fail(case, error),
        }
        None
    }

    /// Counts a case that holds or not.
    fn holds(&self, case: impl Display, holds: bool) {
        if holds { self.pass() } else { self.fail(case, "does not hold") }
    }
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
    let program = root.join("target/debug/sbomctl");
    program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))
}

/// Where other programs may lie beside the path.
fn peers(root: &Path) -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "checks may be told where other programs are")]
    let named = std::env::var_os("SBOMCTL_PEERS").map(PathBuf::from);
    named.into_iter().chain([root.join("target/ci-tools/peers/bin")]).collect()
}

fn says(output: &Output, words: &[&str]) -> bool {
    let text = String::from_utf8_lossy(&output.stderr);
    words.iter().any(|words| text.contains(words))
}

/// The end of what a program had to say.
fn last_words(output: &Output) -> String {
    let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("{} {}", output.status, lines.join(" / "))
}
