//! What the command line accepts.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use sbom_core::{
    document::{Format, FormatError},
    limits::{Limits, Unit},
    oci::Platform,
};

use crate::{
    bill::BillArgs, cache::CacheArgs, convert::ConvertArgs, diff::DiffArgs, documents::TemplateArgs,
    environment::Environment, merge::MergeArgs, query::QueryArgs, terminal::Terminal,
};

/// sbomctl says exactly what software is in a container image.
#[derive(Debug, Parser)]
#[command(name = "sbomctl", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the verdict is no
  2  the command line is wrong
  3  the subject is damaged, malformed, over a limit or not there
  4  the environment fails, or it could not be decided: network, registry, credentials, disk,
     daemon, or nobody reads standard output
  5  the bill is incomplete, or something was left out, and --strict asks for all
  130  interrupted";

/// Options of every subcommand.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print nothing but errors and the document
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,
    /// Say more on standard error; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Messages")]
    pub(crate) verbose: u8,
    /// Form of messages on standard error
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", help_heading = "Messages")]
    pub(crate) log_format: LogFormat,
    /// Whether to use colours; `auto` heeds `NO_COLOR` and whether there is a terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Messages")]
    pub(crate) color: When,
}

/// Form of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Tells what is wrong with the command line, in the form that it asks for as far as it can be read.
pub(crate) fn tell(error: &clap::Error) {
    let arguments: Vec<_> = std::env::args_os().take_while(|argument| argument != "--").collect();
    let asks_for_json = arguments.iter().any(|argument| argument == "--log-format=json")
        || arguments.windows(2).any(|pair| pair == ["--log-format", "json"]);
    if !asks_for_json {
        drop(error.print());
        return;
    }
    let global = Global { quiet: false, verbose: 0, log_format: LogFormat::Json, color: When::Never };
    let terminal = Terminal::new(&global, &Environment::default());
    terminal.error(&anyhow::Error::msg(one_line(&error.render().to_string())));
}

/// What clap says on several lines, without the usage that follows.
fn one_line(text: &str) -> String {
    let said = text.lines().map(str::trim).take_while(|line| {
        !["Usage:", "For more information"].iter().any(|follows| line.starts_with(follows))
    });
    let said: Vec<&str> = said.filter(|line| !line.is_empty()).collect();
    said.join(" ").trim_start_matches("error: ").to_owned()
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the bill of materials of an image, archive, folder or file
    Scan(Box<ScanArgs>),
    /// Sign what an image contains, and put it beside the image in its registry
    Attest(Box<crate::attest::AttestArgs>),
    /// Say whether somebody who is trusted says something about an image or file
    Verify(Box<crate::verify::VerifyArgs>),
    /// Show an image and everything about it as a tree: platforms, attestations, signatures
    Tree(Box<crate::tree::TreeArgs>),
    /// Carry images and what proves them to where there is no registry
    Airgap(Box<crate::airgap::AirgapArgs>),
    /// Write a document in other formats
    Convert(ConvertArgs),
    /// Write one document out of several
    Merge(MergeArgs),
    /// Show what is different between two documents
    Diff(DiffArgs),
    /// List what a document says, and why something is in it
    Query(Box<QueryArgs>),
    /// Say how well documents meet what authorities ask of them
    Score(crate::score::ScoreArgs),
    /// Say whether documents are valid: by the official schemas, and by rules that go further
    Validate(crate::validate::ValidateArgs),
    /// Check, test and explain the policies of the gate
    Policy(crate::policy::PolicyArgs),
    /// Make, import and show the keys that sign
    Key(crate::key::KeyArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  sbomctl completions bash > /etc/bash_completion.d/sbomctl")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Show and remove what scans keep of the layers that they read
    Cache(crate::cache::ManageArgs),
    /// List the limits that --limit raises or lowers
    #[command(after_help = "Examples:\n  sbomctl limits\n  sbomctl scan --limit file-bytes=2GiB alpine:3.20")]
    Limits,
    /// Talk to Sigstore's conformance suite
    #[command(hide = true)]
    SigstoreConformance(crate::conformance::ConformanceArgs),
}

const SCAN_EXAMPLES: &str = "\
Subjects:
  alpine:3.20                    an image in a registry, in Docker's short form
  registry:HOST/NAME@sha256:…    the same, never taken for a path
  oci:FOLDER[:TAG]               an OCI image layout
  oci-archive:FILE[:TAG]         an OCI image layout in a tar file
  docker-archive:FILE[:NAME:TAG] what `docker save` writes
  docker:NAME, podman:NAME       an image of the local daemon
  dir:FOLDER                     a root file system
  file:FILE                      a single program
  -                              an archive on standard input
A plain name is looked at: an existing path by its content, anything else is an image in a registry.

Examples:
  sbomctl scan alpine:3.20
  sbomctl scan oci:./layout -o cyclonedx-json=sbom.cdx.json -o spdx-json=sbom.spdx.json
  sbomctl scan --platform linux/arm64 ghcr.io/org/app@sha256:… -o cyclonedx-json | jq .
  docker save app | sbomctl scan - --strict";

#[derive(Debug, Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(crate) struct ScanArgs {
    /// What to scan
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// Write FORMAT to FILE, or to standard output; may be given several times.
    /// Formats: table, cyclonedx-json, cyclonedx-xml (@1.4 to @1.7), spdx-json (@2.2, @2.3, @3.0), spdx-tag-value
    /// (@2.2, @2.3), github, purls, csv, markdown, template
    #[arg(short, long, value_name = "FORMAT[=FILE]", default_value = "table", value_parser = Output::parse)]
    pub(crate) output: Vec<Output>,
    #[command(flatten)]
    pub(crate) template: TemplateArgs,
    /// Which platform of a multi-platform image to scan, as OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM", conflicts_with = "all_platforms")]
    pub(crate) platform: Option<Platform>,
    /// Scan every platform; each FILE gets the platform into its name, in the place of {platform} if it has that
    #[arg(long)]
    pub(crate) all_platforms: bool,
    /// Of an image in a registry, fetch only what is needed of its layers, where their form allows that: eStargz,
    /// zstd:chunked, uncompressed. The document says which were read in part: nothing proves the whole of those
    #[arg(long, conflicts_with = "files")]
    pub(crate) partial: bool,
    /// Exit with 5 if anything could not be read or nothing was recognised
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) bill: BillArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Socket of the Docker or Podman daemon [default: `DOCKER_HOST` or `CONTAINER_HOST`, else the usual places]
    #[arg(long, value_name = "PATH")]
    pub(crate) daemon_socket: Option<PathBuf>,
}

/// Options of every subcommand that talks to a registry.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArgs {
    /// Allow plain HTTP and unverified TLS certificates for any host; plain HTTP to this machine needs no leave
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Trust the certificate authorities in this PEM file, beside the system's; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_cert: Vec<PathBuf>,
    /// Read credentials from this file in place of `REGISTRY_AUTH_FILE`, the containers' auth.json and
    /// Docker's config.json
    #[arg(long, value_name = "FILE")]
    pub(crate) registry_config: Option<PathBuf>,
    /// Log in with this user name to the registries of the images named; the password is read from
    /// `SBOMCTL_REGISTRY_PASSWORD`
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Give up on a registry that sends nothing, or less than 4 KiB a second, for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

/// What a document is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// As one of the library's formats.
    Document(Format),
    /// As the user's template has it.
    Template,
}

/// A document to write, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: OutputFormat,
    /// None for standard output.
    pub(crate) file: Option<PathBuf>,
}

impl Output {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("no file name after `=`".to_owned()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = match format {
            "template" => OutputFormat::Template,
            format => OutputFormat::Document(format.parse().map_err(|error: FormatError| {
                let own = ", template";
                format!("{error}{}", if matches!(error, FormatError::Name { .. }) { own } else { "" })
            })?),
        };
        Ok(Self { format, file: file.filter(|file| file.as_os_str() != "-") })
    }
}

/// A change to one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitArg {
    pub(crate) name: String,
    pub(crate) value: u64,
}

impl LimitArg {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let mut limits = Limits::default();
        let value = parse_amount(value).ok_or_else(|| {
            format!("{value:?} is no number; a unit may follow: KiB, MiB, GiB, TiB (or K, M, G, T)")
        })?;
        if !limits.set(name, value) {
            return Err(format!("there is no limit {name:?}; `sbomctl limits` lists them"));
        }
        Ok(Self { name: name.to_owned(), value })
    }

    /// The limits as `changes` make them.
    pub(crate) fn apply(changes: &[Self]) -> Limits {
        let mut limits = Limits::default();
        for change in changes {
            // There is a limit of that name: else it would not have been parsed.
            limits.set(&change.name, change.value);
        }
        limits
    }
}

/// `ID` or `ID-VERSION`, of the characters that os-release allows in them.
pub(crate) fn parse_distro(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("expected ID or ID-VERSION, as in debian-12".to_owned())
}

/// A number with or without a binary unit.
pub(crate) fn parse_amount(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text.strip_prefix(digits)? {
        "" | "B" => 0,
        "K" | "k" | "KiB" => 1,
        "M" | "MiB" => 2,
        "G" | "GiB" => 3,
        "T" | "TiB" => 4,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1_u64.checked_shl(10 * power)?)
}

/// A limit's value with the unit that suits it.
pub(crate) fn show_amount(value: u64, unit: Unit) -> String {
    if unit != Unit::Bytes {
        return value.to_string();
    }
    let (power, name) = match value {
        v if v >= 1 << 30 && v.is_multiple_of(1 << 30) => (30, "GiB"),
        v if v >= 1 << 20 && v.is_multiple_of(1 << 20) => (20, "MiB"),
        v if v >= 1 << 10 && v.is_multiple_of(1 << 10) => (10, "KiB"),
        _ => (0, "B"),
    };
    format!("{}{name}", value >> power)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    /// A subcommand and those below it, without those that are hidden, each with its name.
    fn all(command: &clap::Command, name: &str) -> Vec<(String, String)> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let below =
            command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
        let below = below.flat_map(|below| all(below, &format!("{name} {}", below.get_name())));
        [(name.to_owned(), help)].into_iter().chain(below).collect()
    }

    /// The programs' arguments that a line of a shell gives: words in single quotes are whole, and what is after a pipe is
    /// another program, what is after `>` a file.
    fn words(line: &str) -> Vec<Vec<String>> {
        let mut programs = vec![Vec::new()];
        for (index, part) in line.split('\'').enumerate() {
            if index % 2 == 1 {
                programs.last_mut().unwrap().push(part.to_owned());
                continue;
            }
            let words = part.split_whitespace().take_while(|word| !word.starts_with(['>', '#']));
            for word in words {
                match word {
                    "|" => programs.push(Vec::new()),
                    word => programs.last_mut().unwrap().push(word.to_owned()),
                }
            }
        }
        programs
    }

    #[test]
    fn every_subcommand_has_examples_and_each_is_a_command_line() {
        let mut command = Cli::command();
        command.build();
        for (name, help) in
            all(&command, "sbomctl").into_iter().skip(1).filter(|(name, _)| name != "sbomctl help")
        {
            let (_, examples) =
                help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name}: no examples"));
            let examples = examples.replace("\\\n", " ").replace('…', &"0".repeat(64));
            let lines = examples.lines().take_while(|line| line.starts_with("  "));
            let programs = lines
                .flat_map(words)
                .map(|words| words.into_iter().skip_while(|word| word != "sbomctl").collect::<Vec<_>>());
            let own: Vec<Vec<String>> = programs.filter(|words| !words.is_empty()).collect();
            assert!(own.iter().any(|words| words.join(" ").starts_with(&name)), "{name}: {own:?}");
            for words in own {
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("{name}: {words:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn amounts_have_binary_units() {
        for (text, value) in [("0", 0), ("12", 12), ("2KiB", 2048), ("3M", 3 << 20), ("1TiB", 1 << 40)] {
            assert_eq!(parse_amount(text), Some(value), "{text}");
        }
        for text in ["", "x", "1KB", "1.5G", "-1", "99999999999T"] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }

    #[test]
    fn every_default_limit_is_shown_in_a_form_that_is_accepted() {
        for (limit, _) in Limits::default().all() {
            assert_eq!(
                parse_amount(&show_amount(limit.value, limit.unit)),
                Some(limit.value),
                "{}",
                limit.name
            );
        }
    }
}
