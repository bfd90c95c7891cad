//! `sbomctl scan`: opens the subject, scans it, writes the documents.

use std::path::PathBuf;

use anyhow::anyhow;
use sbom_core::{
    bom::Bom,
    document::Format,
    oci::{Platform, SubjectKind},
    scan::{scan, scan_stream},
    source::{Source, locator::Opened},
};

use crate::{
    args::{Output, OutputFormat, ScanArgs},
    bill::report_gaps,
    cache, documents,
    environment::Environment,
    exit_code::{Exit, Failure},
    open::open,
    output,
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
    let mut maker = arguments.bill.prepare(environment)?;
    maker.options.cache = arguments.cache.open(environment)?;
    if arguments.partial {
        maker.read_in_part();
    }
    let options = &maker.options;
    let subject = open(arguments, environment, &options.limits)?;
    let bars = terminal.bars();
    let mut complete = true;
    let mut finish = |bom: Bom| {
        let platform = platform(&bom);
        let (document, inputs) = maker.document(bom)?;
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
                finish(scan(&**source, options, &bars)?)?;
            }
        }
        Opened::Stream(stream, choice) => {
            let boms = scan_stream(*stream, &choice, &subject.selection, options, &bars)?;
            check_stdout(&arguments.output, boms.len())?;
            boms.into_iter().try_for_each(finish)?;
        }
        _ => return Err(Failure::usage(anyhow!("this kind of subject cannot be scanned"))),
    }
    cache::report(options, terminal);
    if arguments.strict && !complete {
        let message =
            "the bill is incomplete, and --strict asks for a complete one; -v lists what is missing";
        return Err(Failure { exit: Exit::Incomplete, source: anyhow!(message) });
    }
    Ok(Exit::Done)
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
