//! Documents that subcommands read and write.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, ErrorKind},
};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    document::{
        self, Document, Inputs, Tool,
        read::{self, Read},
    },
    fidelity,
    limits::{self, Limits, read_capped},
};

use crate::{
    args::{LimitArg, Output},
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    stamp::Stamp,
    terminal::{self, Terminal},
};

/// Options of every subcommand that reads documents.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Change a limit on what a document may make sbomctl read or keep: `sbomctl limits` lists them
    #[arg(long, value_name = "NAME=VALUE", value_parser = LimitArg::parse)]
    limit: Vec<LimitArg>,
}

/// Options of every subcommand that writes documents made of others.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Write FORMAT to FILE, or to standard output; may be given several times. The formats are those of `scan`
    #[arg(short, long, value_name = "FORMAT[=FILE]", required = true, value_parser = Output::parse)]
    output: Vec<Output>,
    /// Time to write into documents: RFC 3339, seconds since 1970, or `now`.
    /// Default: `SOURCE_DATE_EPOCH`, else the latest that the documents name, else 1970
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
}

/// A document that was read, and what messages call it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) read: Read,
}

impl ReadArgs {
    /// Reads the documents at `paths`, of which one may be `-`.
    pub(crate) fn read(&self, paths: &[&str]) -> Result<Vec<Input>, Failure> {
        let limits = self.limits()?;
        if paths.iter().filter(|path| **path == "-").count() > 1 {
            return Err(Failure::usage(anyhow!("only one document can come from standard input")));
        }
        paths.iter().map(|path| open(path, &limits)).collect()
    }
}

impl ReadArgs {
    fn limits(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        for limit in &self.limit {
            if !limits.set(&limit.name, limit.value) {
                return Err(Failure::usage(anyhow!("there is no limit {:?}", limit.name)));
            }
        }
        Ok(limits)
    }
}

impl WriteArgs {
    /// Fails if the outputs cannot all be written, and gives what documents say beside their content but for the
    /// time of what they are made from.
    pub(crate) fn prepare(&self, environment: &Environment) -> Result<Stamp, Failure> {
        check_outputs(&self.output, false)?;
        Stamp::parse(self.timestamp.as_deref(), environment)
    }

    /// Writes `document` in all formats. `fingerprint` names what beside it decides the content.
    pub(crate) fn write(
        &self,
        document: &Document,
        stamp: Stamp,
        fingerprint: &str,
        environment: &Environment,
    ) -> Result<(), Failure> {
        let inputs = inputs(document, stamp, fingerprint, environment);
        self.output.iter().try_for_each(|output| write(document, output, &inputs, environment))
    }

    /// Says on standard error what of `document` the formats cannot take. Whether they take all of it; of lists
    /// nobody expects that.
    pub(crate) fn report_losses(
        &self,
        document: &Document,
        read: &ReadArgs,
        environment: &Environment,
        terminal: &Terminal,
    ) -> Result<bool, Failure> {
        let inputs = inputs(document, Stamp::OfSubject, "", environment);
        let limits = read.limits()?;
        let mut whole = true;
        for format in self.output.iter().map(|output| output.format) {
            match fidelity::left_out(document, format, &inputs, &limits) {
                Ok(Some(losses)) if losses.is_empty() => continue,
                Ok(Some(losses)) => {
                    terminal
                        .warn(format_args!("{format} cannot take all of it; left out or changed: {losses}"));
                }
                Ok(None) => tracing::info!("{format} is no format for whole documents, and says less"),
                Err(error) => {
                    terminal.warn(format_args!("whether {format} takes all of it cannot be told: {error}"));
                }
            }
            whole = false;
        }
        Ok(whole)
    }
}

fn inputs(document: &Document, stamp: Stamp, fingerprint: &str, environment: &Environment) -> Inputs {
    Inputs {
        timestamp: stamp.or(document.header.timestamp),
        tool: Tool { name: "sbomctl".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        options_fingerprint: fingerprint.to_owned(),
        columns: None,
        snapshot: environment.snapshot.clone(),
    }
}

impl Input {
    /// Says on standard error what the document says and cannot be kept. Whether there is nothing.
    pub(crate) fn report_losses(&self, terminal: &Terminal) -> bool {
        let losses = &self.read.losses;
        if !losses.is_empty() {
            terminal.warn(format_args!("{} says more than is kept; left out: {losses}", self.name));
        }
        losses.is_empty()
    }
}

/// The failure of a command that was to lose nothing.
pub(crate) fn lossy() -> Failure {
    let message = "something was left out, and --strict asks for all of it";
    Failure { exit: Exit::Incomplete, source: anyhow!(message) }
}

fn open(path: &str, limits: &Limits) -> Result<Input, Failure> {
    let name = if path == "-" { "standard input" } else { path };
    let failure =
        |exit: Exit, error: anyhow::Error| Failure { exit, source: error.context(format!("reading {name}")) };
    let reader: io::Result<Box<dyn io::Read>> = if path == "-" {
        Ok(Box::new(io::stdin()))
    } else {
        File::open(path).map(|file| Box::new(file) as _)
    };
    let io_failure = |error: io::Error| {
        let missing = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory);
        failure(if missing { Exit::BadInput } else { Exit::Environment }, error.into())
    };
    let bytes =
        read_capped(reader.map_err(io_failure)?, limits.document_bytes).map_err(|error| match error {
            limits::ReadError::Io(error) => io_failure(error),
            error => failure(Exit::BadInput, error.into()),
        })?;
    let read = read::read(&bytes, limits).map_err(|error| failure(Exit::BadInput, error.into()))?;
    tracing::info!("{name} is {}", read.format);
    Ok(Input { name: name.to_owned(), read })
}

/// Of several documents only one can have standard output, and each needs a file of its own.
pub(crate) fn check_outputs(outputs: &[Output], all_platforms: bool) -> Result<(), Failure> {
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        let message = "two documents cannot share standard output; give all but one a file: -o FORMAT=FILE";
        return Err(Failure::usage(anyhow!(message)));
    }
    let mut files = BTreeSet::new();
    for file in outputs.iter().filter_map(|output| output.file.as_ref()) {
        let special = std::fs::metadata(file).is_ok_and(|data| !data.is_file());
        if !files.insert(output::destination(file)) && !special {
            return Err(Failure::usage(anyhow!(
                "two documents cannot be written to one file, {}",
                file.display()
            )));
        }
        // Of several platforms each has a file of its own, whose name is not known yet.
        if !all_platforms {
            output::check(file)?;
        }
    }
    Ok(())
}

/// Writes one document where it belongs.
pub(crate) fn write(
    document: &Document,
    output: &Output,
    inputs: &Inputs,
    environment: &Environment,
) -> Result<(), Failure> {
    match &output.file {
        None => {
            let inputs = Inputs { columns: terminal::columns(environment), ..inputs.clone() };
            output::to_stdout(|out| document::write(document, output.format, &inputs, out))
        }
        Some(file) => output::to_file(file, |out| document::write(document, output.format, inputs, out)),
    }
}
