//! `sbomctl attest repair`: lists of referrers under tags, put right.

use clap::Args;
use sbom_core::attach::{Settings, Spending, Stopwatch, repair};

use super::unverified;
use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest repair --dry-run registry.example/app:1.2
  sbomctl attest repair registry.example/app:1.2";

/// What to repair.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RepairArgs {
    /// The image, in a registry that keeps no lists of referrers
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Say what is wrong, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &RepairArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let sink = image.sink()?;
    let clock = Stopwatch::default();
    let settings =
        Settings { clock: &clock, seed: environment::entropy(), also_legacy: false, limits: &limits };
    let mut lines = vec![image.pinned()];
    let mut exit = Exit::Done;
    for (platform, subject) in unverified::subjects(&image, None)? {
        let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
        let repaired = repair::repair(sink, &subject.digest, arguments.dry_run, &settings, &mut spending)?;
        let about = platform.map_or_else(|| "image".to_owned(), |platform| platform.to_string());
        lines.push(match (&repaired.tag, repaired.corrected.len()) {
            (None, _) => format!("  {about}: no list under a tag"),
            (Some(tag), 0) => format!("  {about}: {tag} is as it should be ({} entries)", repaired.entries),
            (Some(tag), wrong) if arguments.dry_run => {
                format!("  {about}: {tag} is wrong in {wrong} of {} entries", repaired.entries)
            }
            (Some(tag), wrong) => {
                format!("  {about}: {tag} put right in {wrong} of {} entries", repaired.entries)
            }
        });
        lines.extend(repaired.corrected.iter().map(|digest| format!("    {digest}")));
        if unverified::tell(&repaired.notes, &repaired.incomplete, terminal) == Exit::Environment {
            exit = Exit::Environment;
        }
    }
    output::to_stdout(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    Ok(exit)
}
