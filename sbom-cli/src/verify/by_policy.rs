//! `sbomctl verify --policy`: lets the gate judge each image, and tells and signs what it says.

use std::path::Path;

use anyhow::anyhow;

use super::{
    Format, VerifyArgs,
    failed::Failed,
    gate::{self, Gate},
    open,
    summary::Summaries,
};
use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    policy::{self, report::ReportFormat},
    terminal::Terminal,
};

/// Judges images by the policy in `file`.
pub(super) fn run(
    arguments: &VerifyArgs,
    file: &Path,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    gate::check(arguments)?;
    let format = match arguments.told(terminal) {
        None => None,
        Some(Format::Text) => Some(ReportFormat::Text),
        Some(Format::Json) => Some(ReportFormat::Json),
        Some(Format::Sarif) => Some(ReportFormat::Sarif),
        Some(Format::Junit) => Some(ReportFormat::Junit),
        Some(Format::Github) => Some(ReportFormat::Github),
        Some(Format::Predicate | Format::Statement) => {
            return Err(Failure::usage(anyhow!("with --policy there is a verdict, and no one statement")));
        }
    };
    let policy = policy::load(file)?;
    if policy::carrier(file).is_some() {
        terminal.warn(format_args!(
            "whoever made the archive chose this policy and its keys: compare its digest, {}, with one that came another way",
            policy.digest
        ));
    }
    let now = environment::now();
    let mut summaries = arguments.summary.prepare(file, &policy, environment, now)?;
    let mut failed = Failed::default();
    let limits = &arguments.bill.limits();
    let gate = Gate { arguments, environment, terminal, limits, now, policy: &policy, file };
    let mut verdicts = Vec::new();
    for subject in &arguments.subjects {
        let judged = open(subject, arguments, environment, limits).and_then(|image| {
            if arguments.summary.pushes() {
                // Whether it can be put there is known before anything is judged.
                image.sink()?;
            }
            Ok((gate.judge(&image)?, image))
        });
        match judged {
            Ok(((verdict, heard), image)) => {
                let summed =
                    summaries.as_mut().map(|summaries| summaries.add(&image, &verdict, &heard, limits));
                verdicts.push(verdict);
                if let Some(Err(failure)) = summed {
                    failed.keep(subject, failure);
                }
            }
            Err(failure) => {
                let undecided = gate.undecided(subject, &failure);
                failed.add(subject, failure, !verdicts.is_empty())?;
                verdicts.push(undecided);
            }
        }
    }
    let (name, style) = (file.display().to_string(), terminal.stdout_style(environment));
    match format {
        Some(format) => {
            output::to_stdout(|out| policy::report::write(&verdicts, &name, format, style, out))?;
        }
        None => terminal.errors(policy::report::faults_of(&verdicts)),
    }
    if let Some(Err(failure)) = summaries.as_ref().map(Summaries::finish) {
        failed.keep("--vsa-output", failure);
    }
    failed.end(policy::exit_of(&verdicts), terminal)
}
