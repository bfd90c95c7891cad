//! `sbomctl diff`: what is different between two documents.

use clap::{Args, ValueEnum};
use sbom_core::diff::{Diff, json, markdown, text};

use crate::{
    documents::ReadArgs,
    environment::Environment,
    exit_code::{Exit, Failure},
    orders, output,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Packages are matched by their package URLs without versions, so documents of different formats compare. Where the
documents know of layers, the image's own are told from those that brought the operating system.

Examples:
  sbomctl diff old.cdx.json new.cdx.json
  sbomctl diff old.spdx.json new.cdx.json --format markdown >> comment.md
  sbomctl scan app:2 -o cyclonedx-json | sbomctl diff released.cdx.json - --exit-code";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// The earlier document, in any format that can be read; - for standard input
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The later document; - for standard input
    #[arg(value_name = "AFTER")]
    after: String,
    /// How to show what is different
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: DiffFormat,
    /// Exit with 1 if anything is different
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    read: ReadArgs,
}

/// Forms of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// A table for a terminal.
    Text,
    /// For programs; schemas/diff.schema.json describes it.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &DiffArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let inputs = arguments.read.read(&[&arguments.before, &arguments.after])?;
    let [before, after] = inputs.as_slice() else { return Ok(Exit::Done) };
    let diff = Diff::of(&before.read.document, &after.read.document);
    let style = terminal.stdout_style(environment);
    output::to_stdout(|out| match arguments.format {
        DiffFormat::Text => orders::write_without(out, |out| text::write(&diff, style, out)),
        DiffFormat::Json => json::write(&diff, out),
        DiffFormat::Markdown => markdown::write(&diff, out),
    })?;
    Ok(if arguments.exit_code && !diff.is_empty() { Exit::No } else { Exit::Done })
}
