//! `sbomctl merge`: several documents in one.

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    image_path::escape_control,
    merge::{Contradiction, Merged, Options, merge},
};

use crate::{
    documents::{self, ReadArgs, WriteArgs},
    environment::Environment,
    exit_code::{Exit, Failure},
    terminal::Terminal,
};

/// Contradictions told one by one; -v tells all.
const TOLD: usize = 10;

const EXAMPLES: &str = "\
Components with the same package URL become one, with all that is said of them; without one, those of the same kind,
group, name, version and digests. Of facts that contradict each other all values are kept.

Examples:
  sbomctl merge api.cdx.json worker.spdx.json -o cyclonedx-json=shop.cdx.json --name shop --version 2.1
  sbomctl merge source.cdx.json image.cdx.json -o spdx-json --strict";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MergeArgs {
    /// The documents, in any formats that can be read; one may be -, for standard input
    #[arg(value_name = "FILE", num_args = 2.., required = true)]
    files: Vec<String>,
    #[command(flatten)]
    write: WriteArgs,
    /// Make the result about a component of this name, which contains what the documents are about
    /// [default: what all of them are about, else a component named after them]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Version of that component
    #[arg(long, value_name = "VERSION", requires = "name")]
    version: Option<String>,
    /// Exit with 1 if the documents contradict each other, with 5 if one says anything that is not kept
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    read: ReadArgs,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &MergeArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let stamp = arguments.write.prepare(environment)?;
    let paths: Vec<&str> = arguments.files.iter().map(String::as_str).collect();
    let inputs = arguments.read.read(&paths)?;
    let mut whole = true;
    let mut names = Vec::new();
    let mut documents = Vec::new();
    for input in inputs {
        whole &= input.report_losses(terminal);
        names.push(input.name);
        documents.push(input.read.document);
    }
    let options = Options { name: arguments.name.clone(), version: arguments.version.clone() };
    let Merged { document, contradictions } = merge(documents, &options);
    arguments.write.write(&document, stamp, "merge", environment)?;
    report(&contradictions, &names, terminal);
    match (arguments.strict, whole, contradictions.len()) {
        (true, false, _) => Err(documents::lossy()),
        (true, true, count @ 1..) => {
            let message = format!("{count} facts are contradicted, and --strict asks for none");
            Err(Failure { exit: Exit::No, source: anyhow!(message) })
        }
        _ => Ok(Exit::Done),
    }
}

fn report(contradictions: &[Contradiction], names: &[String], terminal: &Terminal) {
    for contradiction in contradictions.iter().take(TOLD) {
        terminal.warn(format_args!("{}", describe(contradiction, names)));
    }
    let rest = contradictions.get(TOLD..).unwrap_or_default();
    if !rest.is_empty() {
        terminal.warn(format_args!("{} more facts are contradicted; -v lists them", rest.len()));
    }
    for contradiction in rest {
        tracing::info!("{}", describe(contradiction, names));
    }
}

/// One line: what is contradicted, and which document says what.
fn describe(contradiction: &Contradiction, names: &[String]) -> String {
    let claims: Vec<String> = contradiction
        .claims
        .iter()
        .map(|(value, documents)| {
            let who: Vec<&str> =
                documents.iter().filter_map(|&place| names.get(place)).map(String::as_str).collect();
            let say = if who.len() == 1 { "says" } else { "say" };
            format!("{} {say} {value}", who.join(" and "))
        })
        .collect();
    let text = format!("{}, {}: {}", contradiction.component, contradiction.fact, claims.join("; "));
    escape_control(&text).into_owned()
}
