//! `sbomctl convert`: a document in another format.

use clap::Args;

use crate::{
    documents::{self, ReadArgs, WriteArgs},
    environment::Environment,
    exit_code::{Exit, Failure},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl convert sbom.cdx.json -o spdx-json=sbom.spdx.json
  sbomctl convert attestation.json -o cyclonedx-json -o table=sbom.txt
  syft alpine:3.20 -o syft-json | sbomctl convert - -o cyclonedx-json --strict";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConvertArgs {
    /// The document, in any format that can be read, also inside an attestation; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    write: WriteArgs,
    /// Exit with 5 if anything of the document is not kept; lists like `table` never keep all
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    read: ReadArgs,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &ConvertArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let stamp = arguments.write.prepare(environment)?;
    let mut whole = true;
    for input in arguments.read.read(&[&arguments.file])? {
        arguments.write.write(&input.read.document, stamp, "convert", environment)?;
        whole &= input.report_losses(terminal);
        let document = &input.read.document;
        whole &= arguments.write.report_losses(document, &arguments.read, environment, terminal);
    }
    if arguments.strict && !whole {
        return Err(documents::lossy());
    }
    Ok(Exit::Done)
}
