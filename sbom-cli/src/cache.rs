//! Where results of layers are kept between runs, and `sbomctl cache`, which shows and removes them.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use sbom_core::{
    cache::{CacheError, Contents, DEFAULT_BYTES, LayerCache, Prune},
    limits::Unit,
    scan::Options,
};
use serde_json::json;

use crate::{
    args::{parse_amount, show_amount},
    attest::Format,
    environment::{Environment, now},
    exit_code::{Exit, Failure},
    output,
    terminal::Terminal,
};

/// Options of the subcommands that find results in the cache and keep them there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheArgs {
    /// Read every layer, and keep nothing of what was found in it
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    folder: FolderArgs,
    /// Keep at most so many bytes, as in 500MiB; what was used longest ago goes first [default:
    /// `SBOMCTL_CACHE_SIZE`, else 1GiB]
    #[arg(long, value_name = "BYTES", value_parser = parse_size, conflicts_with = "no_cache")]
    cache_size: Option<u64>,
}

/// Where the cache is.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// Folder of the cache [default: `SBOMCTL_CACHE_DIR`, else sbomctl below `XDG_CACHE_HOME` or ~/.cache]
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
}

impl CacheArgs {
    /// The cache that is to be used; none where the user wants none, and where nothing says which folder it has.
    pub(crate) fn open(&self, environment: &Environment) -> Result<Option<LayerCache>, Failure> {
        let Some(folder) = self.folder.find(environment).filter(|_| !self.no_cache) else { return Ok(None) };
        Ok(Some(LayerCache::new(folder, size(self.cache_size, environment)?, now())))
    }
}

impl FolderArgs {
    fn find<'a>(&'a self, environment: &'a Environment) -> Option<&'a Path> {
        self.cache_dir.as_deref().or(environment.cache_folder.as_deref())
    }
}

/// How much may be kept: what the user says, else the environment.
fn size(named: Option<u64>, environment: &Environment) -> Result<u64, Failure> {
    match (named, environment.cache_size.as_deref()) {
        (Some(size), _) => Ok(size),
        (None, Some(text)) => {
            parse_size(text).map_err(|error| Failure::usage(anyhow!("SBOMCTL_CACHE_SIZE: {error}")))
        }
        (None, None) => Ok(DEFAULT_BYTES),
    }
}

/// Warns if the cache of a scan that is over could not be used as it should.
pub(crate) fn report(options: &Options, terminal: &Terminal) {
    let Some(cache) = &options.cache else { return };
    let counts = cache.counts();
    tracing::info!("results in the cache: {} found, {} not", counts.hits, counts.misses);
    if let Some(fault) = cache.fault() {
        terminal.warn(format_args!("the cache: {fault}; --no-cache does without, --cache-dir names another"));
    }
}

/// Shows and removes what scans keep of layers.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbomctl cache info\n  sbomctl cache prune --older-than 30d")]
pub(crate) struct ManageArgs {
    #[command(subcommand)]
    command: ManageCommand,
}

#[derive(Debug, Subcommand)]
enum ManageCommand {
    /// Say where the cache is, and how much is in it
    Info(InfoArgs),
    /// Remove what is in it; by default, what is too much
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbomctl cache info --format json")]
struct InfoArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbomctl cache prune --older-than 30d\n  sbomctl cache prune --all")]
struct PruneArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Remove everything
    #[arg(long, conflicts_with_all = ["older_than", "size"])]
    all: bool,
    /// Remove what was not used for this long: a number and d (days), h (hours) or m (minutes)
    #[arg(long, value_name = "TIME", value_parser = parse_span, conflicts_with = "size")]
    older_than: Option<u64>,
    /// Remove what was used longest ago, until the rest takes at most so many bytes [default: `SBOMCTL_CACHE_SIZE`,
    /// else 1GiB]
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    size: Option<u64>,
    /// How to show what was removed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &ManageArgs, environment: &Environment) -> Result<Exit, Failure> {
    match &arguments.command {
        ManageCommand::Info(arguments) => info(arguments, environment),
        ManageCommand::Prune(arguments) => prune(arguments, environment),
    }?;
    Ok(Exit::Done)
}

fn info(arguments: &InfoArgs, environment: &Environment) -> Result<(), Failure> {
    let folder = existing(&arguments.folder, environment)?;
    let contents = Contents::of(folder).map_err(failure)?;
    let oldest = contents.oldest.map(|time| time.to_string());
    let folder = folder.display().to_string();
    if arguments.format == Format::Json {
        return print(&json!({
            "folder": folder, "entries": contents.entries, "bytes": contents.bytes,
            "unfinished": contents.unfinished, "oldestUse": oldest,
        }));
    }
    output::to_stdout(|out| {
        writeln!(out, "folder      {}", sbom_core::columns::escaped(&folder))?;
        writeln!(out, "entries     {}", contents.entries)?;
        writeln!(out, "bytes       {}", amount(contents.bytes))?;
        if contents.unfinished > 0 {
            writeln!(out, "unfinished  {}", contents.unfinished)?;
        }
        oldest.iter().try_for_each(|oldest| writeln!(out, "oldest use  {oldest}"))
    })
}

fn prune(arguments: &PruneArgs, environment: &Environment) -> Result<(), Failure> {
    let folder = existing(&arguments.folder, environment)?;
    let which = match (arguments.all, arguments.older_than, arguments.size) {
        (true, ..) => Prune::All,
        (false, Some(seconds), _) => Prune::UnusedFor(seconds),
        (false, None, Some(size)) => Prune::To(size),
        (false, None, None) => Prune::To(size(None, environment)?),
    };
    let pruned = which.run(folder, now()).map_err(failure)?;
    if arguments.format == Format::Json {
        return print(&json!({ "files": pruned.files, "bytes": pruned.bytes, "left": pruned.left }));
    }
    output::to_stdout(|out| {
        writeln!(
            out,
            "removed {} files with {}; {} are left",
            pruned.files,
            amount(pruned.bytes),
            amount(pruned.left)
        )
    })
}

/// The folder that the user or the environment names.
fn existing<'a>(arguments: &'a FolderArgs, environment: &'a Environment) -> Result<&'a Path, Failure> {
    arguments.find(environment).ok_or_else(|| {
        Failure::usage(anyhow!("nothing says where the cache is: there is no HOME; name it with --cache-dir"))
    })
}

fn failure(error: CacheError) -> Failure {
    Failure::environment(error)
}

fn print(document: &serde_json::Value) -> Result<(), Failure> {
    output::to_stdout(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}

/// Bytes as people read them, to a tenth.
fn amount(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = (bytes % unit) * 10 / unit;
            format!("{}.{tenths} {name}", bytes / unit)
        }
        None => format!("{bytes} bytes"),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    parse_amount(text).ok_or_else(|| {
        let example = show_amount(500 << 20, Unit::Bytes);
        format!("{text:?} is no number of bytes; a unit may follow, as in {example}")
    })
}

fn parse_span(text: &str) -> Result<u64, String> {
    let units = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60)];
    let parsed = units
        .into_iter()
        .find_map(|(name, seconds)| text.strip_suffix(name)?.parse::<u64>().ok()?.checked_mul(seconds));
    parsed.ok_or_else(|| format!("{text:?} is no time; expected a number and d, h or m, as in 30d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, seconds) in [("30d", 2_592_000), ("0d", 0), ("5h", 18_000), ("7m", 420)] {
            assert_eq!(parse_span(text), Ok(seconds), "{text}");
        }
        for text in ["", "d", "30", "-1d", "1y", "99999999999999999999d"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_are_rounded_down_to_a_tenth() {
        let amounts = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ];
        for (bytes, text) in amounts {
            assert_eq!(amount(bytes), text);
        }
    }
}
