//! `sbomctl score`: how well documents meet what authorities ask of them.

use clap::{Args, ValueEnum};
use sbom_core::{
    document::read::{self, Read},
    limits::Limits,
    score::{Profile, Report, Score, Unknowns, score},
};

use crate::{
    documents::{self, ReadArgs},
    exit_code::{Exit, Failure},
    orders, output,
    terminal::Terminal,
};

mod report;

const EXAMPLES: &str = "\
Profiles:
  ntia-2021        The Minimum Elements For a Software Bill of Materials, NTIA, 2021
  cisa-2026        2026 Minimum Elements for a Software Bill of Materials, CISA and others
  bsi-tr-03183-2   Technical Guideline TR-03183, part 2, version 2.1.0, BSI
  all              each of them

The score is 10 × the weighted share of what is asked for and there; docs/score.md lists every rule.

Exit codes:
  0  done
  1  a score is below --fail-below
  3  a document cannot be read

Examples:
  sbomctl score sbom.cdx.json
  sbomctl score --profile cisa-2026 --fail-below 9 sbom.spdx.json
  sbomctl scan app:1 -o cyclonedx-json | sbomctl score --format markdown -";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ScoreArgs {
    /// What to judge: a document of any format that can be read; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    /// By which profile; may be given several times
    #[arg(long, value_name = "PROFILE", default_value = "all", value_parser = Chosen::parse)]
    pub(crate) profile: Vec<Chosen>,
    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,
    /// Exit with 1 if any score is below this, from 0 to 10
    #[arg(long, value_name = "N")]
    pub(crate) fail_below: Option<Score>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// A profile, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    All,
    One(Profile),
}

impl Chosen {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::One).map_err(|error: sbom_core::score::ProfileError| format!("{error}, all"))
    }
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// For programs: schemas/score.schema.json
    Json,
    /// For pages and comments
    Markdown,
}

/// How one document fares.
#[derive(Debug)]
struct Scored {
    name: String,
    read: Read,
    reports: Vec<Report>,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &ScoreArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let files: Vec<&str> = arguments.files.iter().map(String::as_str).collect();
    documents::check_inputs(&files)?;
    let limits = arguments.read.limits();
    let profiles = profiles(&arguments.profile);
    let mut exit = Exit::Done;
    let mut results = Vec::new();
    for file in files {
        match judge(file, &profiles, &limits) {
            Ok(scored) => {
                let low = |report: &Report| arguments.fail_below.is_some_and(|least| report.score < least);
                if exit == Exit::Done && scored.reports.iter().any(low) {
                    exit = Exit::No;
                }
                results.push(scored);
            }
            Err(failure) if failure.exit == Exit::BadInput => {
                // One that cannot be read says nothing about the others.
                terminal.error(&failure.source);
                exit = failure.exit;
            }
            Err(failure) => return Err(failure),
        }
    }
    output::to_stdout(|out| match arguments.format {
        ReportFormat::Text => orders::write_without(out, |out| report::text(&results, out)),
        ReportFormat::Json => report::json(&results, out),
        ReportFormat::Markdown => report::markdown(&results, out),
    })?;
    Ok(exit)
}

fn profiles(chosen: &[Chosen]) -> Vec<Profile> {
    let is_chosen =
        |profile: &Profile| chosen.iter().any(|c| matches!(c, Chosen::All) || *c == Chosen::One(*profile));
    Profile::ALL.iter().copied().filter(is_chosen).collect()
}

fn judge(file: &str, profiles: &[Profile], limits: &Limits) -> Result<Scored, Failure> {
    let (name, bytes) = documents::bytes(file, limits)?;
    let unreadable = |error: read::ReadError| documents::unreadable(name, error.into());
    let unknowns = Unknowns::of(&read::open(&bytes, limits).map_err(unreadable)?);
    let read = read::read(&bytes, limits).map_err(unreadable)?;
    let reports = profiles.iter().map(|&profile| score(&read, &unknowns, profile)).collect();
    Ok(Scored { name: name.to_owned(), read, reports })
}
