//! `sbomctl scan`: opens the subject, scans it, writes the documents.

use std::path::PathBuf;

use anyhow::anyhow;
use sbom_core::{
    bom::{Bom, assemble},
    document::{Document, Format, Inputs, Timestamp, Tool, stated::Stated},
    limits::Limits,
    oci::{Platform, SubjectKind},
    scan::{Options, scan, scan_stream},
    source::{Source, locator::Opened},
};

use crate::{
    args::{Output, OutputFormat, ScanArgs},
    documents,
    environment::Environment,
    exit_code::{Exit, Failure},
    open::open,
    output,
    stamp::Stamp,
    terminal::Terminal,
};

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &ScanArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    documents::check_outputs(&arguments.output, arguments.all_platforms)?;
    let template = arguments.template.read(&arguments.output)?;
    let stamp = Stamp::parse(arguments.timestamp.as_deref(), environment)?;
    let options = options(arguments)?;
    let stated = arguments.stated.read(environment, &options.limits)?;
    let subject = open(arguments, environment, &options.limits)?;
    let bars = terminal.bars();
    let mut complete = true;
    let mut finish = |bom: Bom| {
        let timestamp = stamp.or(created(&bom));
        let platform = platform(&bom);
        let mut document = Document::of_within(bom, &options.limits);
        stated.apply(&mut document).map_err(|error| Failure::usage(anyhow!(error)))?;
        let inputs = inputs(arguments, timestamp, &stated, environment);
        let write =
            |output: &Output| documents::write(&document, output, &inputs, template.as_ref(), environment);
        outputs(arguments, &platform).iter().try_for_each(write)?;
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
        bill: assemble::Options {
            scope: arguments.scope.into(),
            distro: arguments.distro.clone(),
            files: arguments.files.into(),
            ignore_embedded: arguments.no_embedded_sboms,
        },
        ..default
    })
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
    let clash = outputs
        .iter()
        .any(|output| output.file.is_none() && output.format != OutputFormat::Document(Format::Table));
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

/// Where the documents of one platform go.
fn outputs(arguments: &ScanArgs, platform: &Platform) -> Vec<Output> {
    let of_platform = |file: &PathBuf| {
        if arguments.all_platforms { output::file_for_platform(file, platform) } else { file.clone() }
    };
    let outputs = arguments.output.iter();
    outputs
        .map(|output| Output { format: output.format, file: output.file.as_ref().map(of_platform) })
        .collect()
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
        "scope={:?} files={:?} distro={} embedded={} limits={}",
        arguments.scope,
        arguments.files,
        arguments.distro.as_deref().unwrap_or_default(),
        !arguments.no_embedded_sboms,
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

/// When the image was built.
fn created(bom: &Bom) -> Option<Timestamp> {
    match &bom.subject.kind {
        SubjectKind::Image(image) => image.created.as_deref().and_then(|created| created.parse().ok()),
        SubjectKind::Folder | SubjectKind::File(_) => None,
    }
}
