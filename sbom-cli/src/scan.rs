//! `sbomctl scan`: opens the subject, scans it, writes the documents.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::anyhow;
use sbom_core::{
    bom::{Bom, assemble},
    document::{self, Document, Format, Inputs, Timestamp, Tool, stated::Stated},
    limits::Limits,
    oci::{Platform, SubjectKind},
    scan::{Options, scan, scan_stream},
    source::{Source, locator::Opened},
};

use crate::{
    args::{Output, ScanArgs},
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    open::open,
    output,
    terminal::{self, Terminal},
};

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &ScanArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    check_outputs(&arguments.output, arguments.all_platforms)?;
    let stamp = Stamp::parse(arguments, environment)?;
    let options = options(arguments)?;
    let stated = arguments.stated.read(environment, &options.limits)?;
    let subject = open(arguments, environment, &options.limits)?;
    let bars = terminal.bars();
    let mut complete = true;
    let mut finish = |bom: Bom| {
        let timestamp = stamp.of(&bom);
        let platform = platform(&bom);
        let mut document = Document::of(bom);
        stated.apply(&mut document).map_err(|error| Failure::usage(anyhow!(error)))?;
        let inputs = inputs(arguments, timestamp, &stated, environment);
        write_all(&document, arguments, &inputs, &platform, environment)?;
        complete &= report_gaps(&document, terminal);
        Ok::<(), Failure>(())
    };
    match subject.opened {
        Opened::Sources(sources) => {
            check_platforms(arguments, &sources)?;
            check_stdout(&arguments.output, sources.len())?;
            for source in &sources {
                finish(scan(&**source, &options, &bars)?)?;
            }
        }
        Opened::Stream(stream, choice) => {
            let boms = scan_stream(*stream, &choice, &subject.selection, &options, &bars)?;
            check_stdout(&arguments.output, boms.len())?;
            boms.into_iter().try_for_each(finish)?;
        }
        _ => return Err(Failure::usage(anyhow!("this kind of subject cannot be scanned"))),
    }
    if arguments.strict && !complete {
        let message =
            "the bill is incomplete, and --strict asks for a complete one; -v lists what is missing";
        return Err(Failure { exit: Exit::Incomplete, source: anyhow!(message) });
    }
    Ok(Exit::Done)
}

fn options(arguments: &ScanArgs) -> Result<Options, Failure> {
    let mut limits = Limits::default();
    for limit in &arguments.limit {
        if !limits.set(&limit.name, limit.value) {
            return Err(Failure::usage(anyhow!("there is no limit {:?}", limit.name)));
        }
    }
    let default = Options::default();
    Ok(Options {
        jobs: arguments.jobs.unwrap_or(default.jobs),
        limits,
        bill: assemble::Options { scope: arguments.scope.into(), distro: arguments.distro.clone() },
        ..default
    })
}

/// Of the documents of one scan only one can have standard output.
fn check_outputs(outputs: &[Output], all_platforms: bool) -> Result<(), Failure> {
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

/// Folders and programs are for no platform that could be chosen.
fn check_platforms(arguments: &ScanArgs, sources: &[Box<dyn Source>]) -> Result<(), Failure> {
    let chosen = arguments.platform.is_some() || arguments.all_platforms;
    let is_image = |kind: &SubjectKind| matches!(kind, SubjectKind::Image(_));
    if chosen && sources.iter().any(|source| !is_image(&source.subject().kind)) {
        let message = format!("{} is no image: there is no platform to choose", arguments.subject);
        return Err(Failure::usage(anyhow!(message)));
    }
    Ok(())
}

/// Tables of several platforms may follow one another; documents for programs may not.
fn check_stdout(outputs: &[Output], documents: usize) -> Result<(), Failure> {
    let clash = outputs.iter().any(|output| output.file.is_none() && output.format != Format::Table);
    if documents > 1 && clash {
        let message = format!(
            "{documents} documents cannot share standard output; write them to files: -o FORMAT=FILE"
        );
        return Err(Failure::usage(anyhow!(message)));
    }
    Ok(())
}

fn inputs(arguments: &ScanArgs, timestamp: Timestamp, stated: &Stated, environment: &Environment) -> Inputs {
    Inputs {
        timestamp,
        tool: Tool { name: "sbomctl".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        options_fingerprint: format!("{} stated={}", fingerprint(arguments), stated.fingerprint()),
        columns: None,
        snapshot: environment.snapshot.clone(),
    }
}

fn write_all(
    document: &Document,
    arguments: &ScanArgs,
    inputs: &Inputs,
    platform: &Platform,
    environment: &Environment,
) -> Result<(), Failure> {
    for Output { format, file } in &arguments.output {
        let write =
            |inputs: &Inputs, out: &mut dyn std::io::Write| document::write(document, *format, inputs, out);
        match file {
            None => {
                let columns = terminal::columns(environment);
                let inputs = Inputs { columns, ..inputs.clone() };
                output::to_stdout(|out| write(&inputs, out))?;
            }
            Some(file) => {
                let file = if arguments.all_platforms {
                    output::file_for_platform(file, platform)
                } else {
                    file.clone()
                };
                output::to_file(&file, |out| write(inputs, out))?;
            }
        }
    }
    Ok(())
}

fn platform(bom: &Bom) -> Platform {
    match &bom.subject.kind {
        SubjectKind::Image(image) => image.platform.clone(),
        SubjectKind::Folder | SubjectKind::File(_) => Platform::default(),
    }
}

/// What, beside the subject, decides the content of a document: part of its identity.
fn fingerprint(arguments: &ScanArgs) -> String {
    let mut limits: Vec<String> =
        arguments.limit.iter().map(|limit| format!("{}={}", limit.name, limit.value)).collect();
    limits.sort();
    format!(
        "scope={:?} distro={} limits={}",
        arguments.scope,
        arguments.distro.as_deref().unwrap_or_default(),
        limits.join(",")
    )
}

/// Says on standard error what is missing from the document. Whether nothing is.
fn report_gaps(document: &Document, terminal: &Terminal) -> bool {
    for gap in &document.gaps {
        tracing::info!("{gap}");
    }
    let count = document.gap_count();
    if let (Some(first), 1..) = (document.gaps.first(), count) {
        let more =
            if count > 1 { format!(" (and {} more; -v lists them)", count - 1) } else { String::new() };
        terminal.warn(format_args!("the bill is incomplete: {first}{more}"));
    }
    count == 0
}

/// Where the time in a document comes from.
enum Stamp {
    Given(Timestamp),
    OfImage,
}

impl Stamp {
    fn parse(arguments: &ScanArgs, environment: &Environment) -> Result<Self, Failure> {
        let wrong = |what: &str, value: &str| {
            let form = "expected RFC 3339 as in 2024-02-29T12:00:00Z, seconds since 1970, or `now`";
            Failure::usage(anyhow!("{what} {value:?} is no time: {form}"))
        };
        let seconds = |text: &str| Timestamp::from_unix(text.parse().ok()?).ok();
        match (&arguments.timestamp, &environment.source_date_epoch) {
            (Some(text), _) if text == "now" => Ok(Self::Given(environment::now())),
            (Some(text), _) => {
                let time = seconds(text).or_else(|| text.parse().ok());
                time.map(Self::Given).ok_or_else(|| wrong("--timestamp", text))
            }
            (None, Some(text)) => {
                seconds(text).map(Self::Given).ok_or_else(|| wrong("SOURCE_DATE_EPOCH", text))
            }
            (None, None) => Ok(Self::OfImage),
        }
    }

    fn of(&self, bom: &Bom) -> Timestamp {
        let created = match &bom.subject.kind {
            SubjectKind::Image(image) => image.created.as_deref().and_then(|created| created.parse().ok()),
            SubjectKind::Folder | SubjectKind::File(_) => None,
        };
        match self {
            Self::Given(timestamp) => *timestamp,
            Self::OfImage => created.unwrap_or(Timestamp::UNKNOWN),
        }
    }
}
