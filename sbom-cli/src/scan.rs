//! `sbomctl scan`: opens the subject, scans it, writes the documents.

use std::{io, path::PathBuf};

use anyhow::anyhow;
use sbom_core::{
    bom::Bom,
    cache::Asked,
    document::{Format, template::Template},
    oci::{Platform, SubjectKind},
    scan::{KeptDocuments, Proved, scan, scan_proved, scan_stream},
    source::{Source, locator::Opened},
};

use crate::{
    args::{Output, OutputFormat, ScanArgs},
    bill::{BillMaker, report_gaps},
    cache, documents,
    environment::Environment,
    exit_code::{Exit, Failure},
    open::open,
    output,
    terminal::{Bars, Terminal},
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
    let task = Task { arguments, maker: &maker, template: template.as_ref(), environment, terminal };
    let mut complete = true;
    match subject.opened {
        Opened::Sources(sources) => {
            check_platforms(arguments, &sources)?;
            check_stdout(&arguments.output, sources.len())?;
            for source in &sources {
                complete &= task.scan(&**source, &bars)?;
            }
        }
        Opened::Stream(stream, choice) => {
            let boms = scan_stream(*stream, &choice, &subject.selection, options, &bars)?;
            check_stdout(&arguments.output, boms.len())?;
            for bom in boms {
                complete &= task.write(bom, None)?;
            }
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

/// What to write, and where.
struct Task<'a> {
    arguments: &'a ScanArgs,
    maker: &'a BillMaker,
    template: Option<&'a Template>,
    environment: &'a Environment,
    terminal: &'a Terminal,
}

impl Task<'_> {
    /// Writes the documents about `source`. Whether they are complete.
    fn scan(&self, source: &dyn Source, bars: &Bars) -> Result<bool, Failure> {
        let options = &self.maker.options;
        if !self.may_come_again() {
            return self.write(scan(source, options, bars)?, None);
        }
        if let Some(complete) = self.write_kept(source)? {
            return Ok(complete);
        }
        let (bom, proved) = scan_proved(source, options, bars)?;
        self.write(bom, proved.as_ref())
    }

    /// Whether all that is asked may be asked again, so that it is of use to keep the answers: what a template gives is not kept,
    /// and the snapshot of a workflow's run is that of no other.
    fn may_come_again(&self) -> bool {
        let is_of_run = !self.environment.snapshot.job.is_empty();
        let may_come_again = |output: &Output| match output.format {
            OutputFormat::Document(Format::Github) => !is_of_run,
            OutputFormat::Document(_) => true,
            OutputFormat::Template => false,
        };
        self.maker.may_come_again() && self.arguments.output.iter().all(may_come_again)
    }

    /// The same of documents that were kept; none unless all of them were, and nothing is written then.
    fn write_kept(&self, source: &dyn Source) -> Result<Option<bool>, Failure> {
        let Some(kept) = KeptDocuments::of(source, &self.maker.options) else { return Ok(None) };
        let outputs = self.outputs(&source.subject().kind);
        let inputs = self.maker.inputs(source.subject());
        let find = |output: &Output| {
            let OutputFormat::Document(format) = output.format else { return None };
            let inputs = documents::inputs_of(output, &inputs, self.environment);
            kept.find(&Asked { format, inputs: &inputs, stated: self.maker.stated() })
        };
        let Some(found) = outputs.iter().map(find).collect::<Option<Vec<_>>>() else { return Ok(None) };
        for (output, document) in outputs.iter().zip(&found) {
            let write = |out: &mut dyn io::Write| document.write(inputs.jobs, out);
            let is_there = |file: &PathBuf| output::holds_already(file, document.length(), write);
            if !output.file.as_ref().is_some_and(is_there) {
                documents::put(output, write)?;
            }
        }
        let gaps = found.first();
        Ok(gaps.map(|document| report_gaps(&document.gaps, document.gaps_not_listed, self.terminal)))
    }

    /// Writes the documents of a bill, and keeps them if it is `proved`. Whether they are complete.
    fn write(&self, bom: Bom, proved: Option<&Proved<'_>>) -> Result<bool, Failure> {
        let outputs = self.outputs(&bom.subject.kind);
        let (document, inputs) = self.maker.document(bom)?;
        for output in &outputs {
            if let (OutputFormat::Document(format), Some(proved)) = (output.format, proved) {
                let inputs = documents::inputs_of(output, &inputs, self.environment);
                let asked = Asked { format, inputs: &inputs, stated: self.maker.stated() };
                documents::put(output, |out| proved.write(&asked, &document, out))?;
            } else {
                documents::write(&document, output, &inputs, self.template, self.environment)?;
            }
        }
        Ok(report_gaps(&document.gaps, document.gaps_not_listed, self.terminal))
    }

    /// Where the documents of one platform go.
    fn outputs(&self, kind: &SubjectKind) -> Vec<Output> {
        let platform = match kind {
            SubjectKind::Image(image) => image.platform.clone(),
            SubjectKind::Folder | SubjectKind::File(_) => Platform::default(),
        };
        let of_platform = |file: &PathBuf| {
            let all = self.arguments.all_platforms;
            if all { output::file_for_platform(file, &platform) } else { file.clone() }
        };
        let outputs = self.arguments.output.iter();
        outputs
            .map(|output| Output { format: output.format, file: output.file.as_ref().map(of_platform) })
            .collect()
    }
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
