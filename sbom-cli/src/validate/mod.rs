//! `sbomctl validate`: documents against the official schemas and our own rules.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use sbom_core::{
    document::read::{self, Plain, ReadError, Syntax},
    limits::Limits,
    validate::{Broken, Input, Severity, Tree, TreeError, validate},
};

use crate::{
    documents::{self, ReadArgs},
    environment::Environment,
    exit_code::{Exit, Failure},
    orders, output,
    terminal::Terminal,
};

mod report;
mod schemas;

use schemas::{Outcome, Schemas};

const EXAMPLES: &str = "\
Official schemas are texts of others and no part of sbomctl. Put them into a folder under their own names
(bom-1.6.schema.json, spdx.schema.json, jsf-0.82.schema.json, spdx-v2.3.schema.json, spdx-3.0.1.schema.json); what is
missing, and where to get it, is said when it is needed.

Exit codes:
  0  all documents are valid: no rule that makes an error is broken, and the official schema accepts them
  1  a document is not valid
  3  a document cannot be read: it is not there, of no known format, or over a limit
  4  a document breaks no rule, but its schema was not at hand; --allow-skipped makes it 0

Examples:
  sbomctl validate sbom.cdx.json
  sbomctl validate --schemas ./schemas --format json *.json | jq '.documents[].verdict'
  sbomctl scan app:1 -o spdx-json | sbomctl validate -";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ValidateArgs {
    /// What to validate: CycloneDX or SPDX of any version, also in an attestation; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// Where the official schemas lie [default: `SBOMCTL_SCHEMAS`, else sbomctl/schemas in the data folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: Option<PathBuf>,
    /// Exit with 0 even if the official schema was not at hand
    #[arg(long)]
    pub(crate) allow_skipped: bool,
    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// For programs: schemas/validate.schema.json
    Json,
}

/// What was found out about one document.
#[derive(Debug)]
struct Verdict {
    name: String,
    /// As `CycloneDX 1.6 JSON`.
    format: String,
    schema: Outcome,
    broken: Vec<Broken>,
}

impl Verdict {
    fn count(&self, severity: Severity) -> u64 {
        let broken = self.broken.iter().filter(|broken| broken.rule.severity == severity);
        broken.map(|broken| broken.count).fold(0, u64::saturating_add)
    }

    /// `valid`, `invalid`, or `unchecked` if only the schema is missing to say so.
    fn word(&self) -> &'static str {
        match (self.count(Severity::Error), &self.schema) {
            (1.., _) => "invalid",
            (0, Outcome::Skipped { .. }) => "unchecked",
            (0, _) => "valid",
        }
    }
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &ValidateArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let files: Vec<&str> = arguments.files.iter().map(String::as_str).collect();
    documents::check_inputs(&files)?;
    let limits = arguments.read.limits();
    let folder = arguments.schemas.as_ref().or(environment.schemas.as_ref());
    let mut schemas = Schemas::new(folder.cloned());
    let mut exit = Exit::Done;
    let mut results = Vec::new();
    for file in files {
        match judge(file, &mut schemas, &limits) {
            Ok(verdict) => {
                exit = worse(exit, of_verdict(&verdict, arguments.allow_skipped));
                results.push(Ok(verdict));
            }
            Err(failure) if failure.exit == Exit::BadInput => {
                // One that cannot be read says nothing about the others.
                terminal.error(&failure.source);
                exit = worse(exit, failure.exit);
                results.push(Err((file.to_owned(), format!("{:#}", failure.source))));
            }
            Err(failure) => return Err(failure),
        }
    }
    output::to_stdout(|out| match arguments.format {
        ReportFormat::Text => orders::write_without(out, |out| report::text(&results, out)),
        ReportFormat::Json => report::json(&results, out),
    })?;
    Ok(exit)
}

fn of_verdict(verdict: &Verdict, allow_skipped: bool) -> Exit {
    match verdict.word() {
        "invalid" => Exit::No,
        "unchecked" if !allow_skipped => Exit::Environment,
        _ => Exit::Done,
    }
}

/// The code that says more: what cannot be read, then what is not valid, then what was not checked.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit| match exit {
        Exit::BadInput => 3,
        Exit::No => 2,
        Exit::Environment => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn judge(file: &str, schemas: &mut Schemas, limits: &Limits) -> Result<Verdict, Failure> {
    let (name, bytes) = documents::bytes(file, limits)?;
    let unreadable = |error: anyhow::Error| documents::unreadable(name, error);
    let plain = read::open(&bytes, limits).map_err(|error| unreadable(error.into()))?;
    let tree = tree(&plain, limits).map_err(unreadable)?;
    let read = match read::read(&bytes, limits) {
        Err(error) if !is_finding(&error) => return Err(unreadable(error.into())),
        read => read,
    };
    let (schema, violations) = match &tree {
        Some(Ok(tree)) => schemas.check(plain.syntax, tree)?,
        _ => (schemas::without(plain.syntax), Vec::new()),
    };
    let file_name = Path::new(file).file_name().filter(|_| file != "-");
    let broken = validate(&Input {
        plain: &plain,
        tree: tree.as_ref().map(Result::as_ref),
        read: read.as_ref(),
        file_name: file_name.map(|name| name.to_string_lossy()).as_deref(),
        violations: &violations,
    });
    let format = match &read {
        Ok(read) => read.format.to_string(),
        Err(_) => format!("{} {}", plain.syntax.family(), plain.syntax.notation()),
    };
    Ok(Verdict { name: name.to_owned(), format, schema, broken })
}

/// The tree that a document of JSON is, or why its text is none; an error if it is too large to become one.
fn tree(plain: &Plain<'_>, limits: &Limits) -> anyhow::Result<Option<Result<Tree, TreeError>>> {
    if matches!(plain.syntax, Syntax::CycloneDxXml | Syntax::SpdxTagValue) {
        return Ok(None);
    }
    limits.validate_bytes.check(plain.text.len() as u64)?;
    match Tree::read(plain.text.as_bytes(), limits.validate_memory) {
        Err(TreeError::Limit(exceeded)) => {
            Err(exceeded).context("as a tree, the document takes too much memory")
        }
        result => Ok(Some(result)),
    }
}

/// Whether an error of the reader is a finding about the document, rather than a reason not to judge it.
fn is_finding(error: &ReadError) -> bool {
    match error {
        ReadError::Syntax { .. } | ReadError::Content { .. } => true,
        ReadError::Wrapped { source, .. } => is_finding(source),
        _ => false,
    }
}
