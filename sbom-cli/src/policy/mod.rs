//! `sbomctl policy`: policies are checked, tested with cases, and explained.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use sbom_core::{
    attach::{
        Layout,
        archive::{self, Carried},
    },
    limits::{Limits, read_capped},
    policy::{Decision, Policy, PolicyErrors, Verdict, model::Source, signers::SignerError},
};

use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    terminal::{Lines, Terminal},
};

mod cases;
mod explain;
pub(crate) mod report;

use cases::TestArgs;
use explain::ExplainArgs;

const EXAMPLES: &str = "\
Exit codes:
  0  done: the policies are valid, the cases end as they should, the image is allowed
  1  a case does not end as it should; of `explain --cases` an image is denied
  2  a policy or a file of cases is wrong
  4  of `explain --cases`: it could not be decided

Examples:
  sbomctl policy check policy.yaml
  sbomctl policy test tests/
  sbomctl policy explain policy.yaml ghcr.io/acme/app:v1
  sbomctl policy explain policy.yaml --cases incident.yaml --format json";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say whether policies are valid and their keys can be read, and everything that is wrong with them
    #[command(after_help = "Examples:\n  sbomctl policy check policy.yaml")]
    Check {
        /// The policies
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Hold policies against cases: what is known of an image, and what the gate has to say of it
    Test(TestArgs),
    /// Say which rules are for an image and what they ask for, or what the gate says of the images of cases
    Explain(ExplainArgs),
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &PolicyArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match &arguments.command {
        PolicyCommand::Check { files } => check(files),
        PolicyCommand::Test(arguments) => cases::run(arguments, terminal),
        PolicyCommand::Explain(arguments) => explain::run(arguments, environment, terminal),
    }
}

fn check(files: &[PathBuf]) -> Result<Exit, Failure> {
    let mut wrong = Vec::new();
    let mut lines = Vec::new();
    for file in files {
        let checked = load(file).and_then(|policy| match untrusted(file, &policy) {
            faults if faults.is_empty() => Ok(policy),
            faults => Err(Failure::usage(Lines(faults))),
        });
        match checked {
            Ok(policy) => {
                let (signers, rules) = (policy.signers.len(), policy.rules.len());
                lines.push(format!("{}: valid, signers: {signers}, rules: {rules}", file.display()));
            }
            Err(failure) => match failure.source.downcast::<Lines>() {
                Ok(Lines(lines)) => wrong.extend(lines),
                Err(other) => wrong.push(format!("{other:#}")),
            },
        }
    }
    output::to_stdout(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    if wrong.is_empty() { Ok(Exit::Done) } else { Err(Failure::usage(Lines(wrong))) }
}

/// What is wrong with what the signers of a policy are trusted by, a line for each signer.
fn untrusted(file: &Path, policy: &Policy) -> Vec<String> {
    let mut faults = Vec::new();
    for name in policy.signers.keys() {
        let mut alone = policy.clone();
        alone.signers.retain(|other, _| other == name);
        let mut read = String::new();
        let mut open = |source: &Source| {
            read = match source {
                Source::File(name) => format!("{}: ", relative(file, name).display()),
                Source::Environment(name) => format!("env://{name}: "),
                Source::Inline(_) => String::new(),
            };
            open(file, source)
        };
        if let Err(SignerError { signer, fault }) = alone.trust_all(&mut open) {
            faults.push(format!("{}: signer {signer}: {read}{fault}", file.display()));
        }
    }
    faults
}

/// Reads a policy from its file.
pub(crate) fn load(file: &Path) -> Result<Policy, Failure> {
    Policy::parse(&text(file)?).map_err(|errors| wrong(file, &errors))
}

/// What verdicts end the program with: denied goes before undecided, as within one.
pub(crate) fn exit_of(verdicts: &[Verdict]) -> Exit {
    match verdicts.iter().map(|verdict| verdict.decision).max() {
        Some(Decision::Deny) => Exit::No,
        Some(Decision::Undecided) | None => Exit::Environment,
        Some(_) => Exit::Done,
    }
}

/// The archive that `file` stands for, if it is a policy that travels with an image.
pub(crate) fn carrier(file: &Path) -> Option<&Path> {
    file.to_str()?.strip_prefix("oci-archive:").map(Path::new)
}

/// What the archive at `path` carries.
fn carried(path: &Path, kind: &Carried) -> anyhow::Result<Vec<u8>> {
    let layout = Layout::archive(path, &Limits::default())?;
    let found = archive::carried(&layout, kind)?;
    let (_, bytes) = found.ok_or_else(|| anyhow!("{} carries no {}", path.display(), kind.file_name()))?;
    Ok(bytes)
}

fn text(file: &Path) -> Result<String, Failure> {
    let bytes = match carrier(file) {
        Some(path) => carried(path, &Carried::Policy),
        None => bytes(file),
    };
    let bytes = bytes.map_err(Failure::usage)?;
    String::from_utf8(bytes)
        .map_err(|_not_utf8| Failure::usage(anyhow!("{}: it is not UTF-8", file.display())))
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let open = || anyhow::Ok(read_capped(std::fs::File::open(file)?, Limits::default().document_bytes)?);
    open().map_err(|error| error.context(format!("reading {}", file.display())))
}

/// The content of what the policy in `file` names: of a file beside it, or of a variable.
pub(crate) fn open(file: &Path, source: &Source) -> Result<Vec<u8>, String> {
    match source {
        Source::Inline(text) => Ok(text.clone().into_bytes()),
        Source::File(name) => match carrier(file) {
            // What came with the policy: never a file that happens to lie where the archive was put.
            Some(path) => carried(path, &Carried::PolicyFile(name.clone())),
            None => bytes(&relative(file, name)),
        }
        .map_err(|error| format!("{error:#}")),
        Source::Environment(name) => {
            let value =
                environment::variable(name).ok_or_else(|| format!("the variable {name} is not set"))?;
            value
                .into_string()
                .map(String::into_bytes)
                .map_err(|_other| format!("the variable {name} is not UTF-8"))
        }
    }
}

/// Every error on a line of its own, as compilers write them.
fn wrong(file: &Path, errors: &PolicyErrors) -> Failure {
    let lines: Vec<String> = errors.0.iter().map(|error| format!("{}:{error}", file.display())).collect();
    Failure::usage(Lines(lines))
}

/// The file `name` that `beside` names.
fn relative(beside: &Path, name: &str) -> PathBuf {
    beside.parent().unwrap_or(Path::new("")).join(name)
}
