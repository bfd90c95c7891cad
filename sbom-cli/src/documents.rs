//! Documents that subcommands read and write.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use sbom_core::{
    document::{
        self, Document, Inputs, Snapshot, Tool,
        read::{self, Read},
        template::Template,
    },
    fidelity,
    limits::{self, Limits, read_capped},
};

use crate::{
    args::{LimitArg, Output, OutputFormat},
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
    #[command(flatten)]
    template: TemplateArgs,
}

/// The template of the output `template`.
#[derive(Debug, Args)]
pub(crate) struct TemplateArgs {
    /// The template that `-o template` fills in: Jinja, with the document under `bom` as `CycloneDX` 1.6 has it
    #[arg(short, long, value_name = "FILE")]
    template: Option<PathBuf>,
}

impl TemplateArgs {
    /// Reads the template, which has to be there if one of `outputs` needs it, and only then.
    pub(crate) fn read(&self, outputs: &[Output]) -> Result<Option<Template>, Failure> {
        let is_needed = outputs.iter().any(|output| output.format == OutputFormat::Template);
        match &self.template {
            None if is_needed => {
                Err(Failure::usage(anyhow!("-o template needs a template: --template FILE")))
            }
            Some(path) if !is_needed => {
                let message = format!("nothing uses the template {}: add -o template", path.display());
                Err(Failure::usage(anyhow!(message)))
            }
            None => Ok(None),
            Some(path) => read_template(path)
                .with_context(|| format!("reading {}", path.display()))
                .map_err(Failure::usage)
                .map(Some),
        }
    }
}

fn read_template(path: &Path) -> anyhow::Result<Template> {
    let bytes = read_capped(File::open(path)?, Limits::default().config_bytes)?;
    let source = String::from_utf8(bytes).map_err(|_not_utf8| anyhow!("it is not UTF-8"))?;
    Ok(Template::parse(&path.display().to_string(), source)?)
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
        let limits = self.limits();
        check_inputs(paths)?;
        paths.iter().map(|path| open(path, &limits)).collect()
    }

    /// The limits as the arguments change them.
    pub(crate) fn limits(&self) -> Limits {
        LimitArg::apply(&self.limit)
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
        let template = self.template.read(&self.output)?;
        let write = |output| write(document, output, &inputs, template.as_ref(), environment);
        self.output.iter().try_for_each(write)
    }

    /// Says on standard error what of `document` the formats cannot take. Whether they take all of it; of lists
    /// nobody expects that.
    pub(crate) fn report_losses(
        &self,
        document: &Document,
        read: &ReadArgs,
        environment: &Environment,
        terminal: &Terminal,
    ) -> bool {
        let inputs = inputs(document, Stamp::OfSubject, "", environment);
        let limits = read.limits();
        let mut whole = true;
        for output in &self.output {
            // A template says what its author wants.
            let OutputFormat::Document(format) = output.format else { continue };
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
        whole
    }
}

fn inputs(document: &Document, stamp: Stamp, fingerprint: &str, environment: &Environment) -> Inputs {
    Inputs {
        timestamp: stamp.or(document.header.timestamp),
        tool: Tool { name: "sbomctl".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        options_fingerprint: fingerprint.to_owned(),
        snapshot: environment.snapshot.clone(),
        ..Inputs::default()
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

/// Standard input can be read once.
pub(crate) fn check_inputs(paths: &[&str]) -> Result<(), Failure> {
    if paths.iter().filter(|path| **path == "-").count() > 1 {
        return Err(Failure::usage(anyhow!("only one document can come from standard input")));
    }
    Ok(())
}

fn open(path: &str, limits: &Limits) -> Result<Input, Failure> {
    let (name, bytes) = bytes(path, limits)?;
    let read = read::read(&bytes, limits).map_err(|error| unreadable(name, error.into()))?;
    tracing::info!("{name} is {}", read.format);
    Ok(Input { name: name.to_owned(), read })
}

/// A document that is damaged, of no known format, or over a limit.
pub(crate) fn unreadable(name: &str, error: anyhow::Error) -> Failure {
    Failure { exit: Exit::BadInput, source: error.context(format!("reading {name}")) }
}

/// The bytes of the document at `path`, and what messages call it.
pub(crate) fn bytes<'a>(path: &'a str, limits: &Limits) -> Result<(&'a str, Vec<u8>), Failure> {
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
    Ok((name, bytes))
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
    template: Option<&Template>,
    environment: &Environment,
) -> Result<(), Failure> {
    match (output.format, template) {
        (OutputFormat::Document(format), _) => {
            let inputs = inputs_of(output, inputs, environment);
            put(output, |out| document::write(document, format, &inputs, out))
        }
        (OutputFormat::Template, Some(template)) => {
            let text = template.render(document, inputs).map_err(|error| Failure::usage(anyhow!(error)))?;
            put(output, |out| out.write_all(text.as_bytes()))
        }
        (OutputFormat::Template, None) => Err(Failure::usage(anyhow!("there is no template"))),
    }
}

/// What of `inputs` is written into the document for `output`. A table on a terminal has its width. What a snapshot says of the
/// run that makes it, which is different in each, no other format takes.
pub(crate) fn inputs_of(output: &Output, inputs: &Inputs, environment: &Environment) -> Inputs {
    let is_shown = output.file.is_none() && is_table(output);
    let columns = is_shown.then(|| terminal::columns(environment)).flatten();
    let is_snapshot = output.format == OutputFormat::Document(document::Format::Github);
    let snapshot = if is_snapshot { inputs.snapshot.clone() } else { Snapshot::default() };
    Inputs { columns, snapshot, ..inputs.clone() }
}

/// Puts what `write` writes where it belongs.
pub(crate) fn put(
    output: &Output,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match &output.file {
        None if is_table(output) => output::text_to_stdout(write),
        None => output::to_stdout(write),
        Some(file) => output::to_file(file, write),
    }
}

fn is_table(output: &Output) -> bool {
    output.format == OutputFormat::Document(document::Format::Table)
}
