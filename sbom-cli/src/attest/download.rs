//! `sbomctl attest download`: what lies beside an image, into files or to standard output, as it is.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use sbom_core::{
    attach::{Attestation, Content, store::read_blob},
    attest::{Signed, predicate::PredicateType},
    limits::Limits,
    oci::Platform,
};

use super::unverified;
use crate::{
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest download --type spdxjson --part predicate ghcr.io/org/app:1.2 > app.spdx.json
  sbomctl attest download --output attestations/ oci:./layout";

/// What to download, and where to.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DownloadArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Only what is of this type: spdxjson, cyclonedx, … or a URI
    #[arg(long = "type", value_name = "TYPE")]
    predicate_type: Option<PredicateType>,
    /// Only what is about one platform of an index, as OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// What of each attestation: all of it, what was signed, or what that says
    #[arg(long, value_name = "PART", default_value = "bundle")]
    part: Part,
    /// Take what nobody has signed as well: bills as they are, statements of `BuildKit`
    #[arg(long)]
    unsigned: bool,
    /// Write each into a file of its own in this folder [default: one a line on standard output]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Part of an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The bundle, or the envelope of the old form.
    Bundle,
    /// The in-toto statement in it.
    Statement,
    /// The predicate of that: the bill itself, for one.
    Predicate,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &DownloadArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let mut taken: Vec<(String, Vec<u8>)> = Vec::new();
    let mut exit = Exit::Done;
    for (_, subject) in unverified::subjects(&image, arguments.platform.as_ref())? {
        let found = unverified::about(&image, &subject, arguments.predicate_type.as_ref(), &limits);
        for attestation in &found.attestations {
            let Some(one) = take(arguments, &image, attestation, &limits, terminal)? else { continue };
            // What is about platform and index lies beside both, and is the same.
            if !taken.contains(&one) {
                taken.push(one);
            }
        }
        if unverified::tell(&found.notes, &found.incomplete, terminal) == Exit::Environment {
            exit = Exit::Environment;
        }
    }
    if taken.is_empty() {
        let message = format!("nothing of that sort lies beside {}", image.pinned());
        let exit = if exit == Exit::Done { Exit::BadInput } else { exit };
        return Err(Failure { exit, source: anyhow!(message) });
    }
    terminal.warn(format_args!("nothing of this is verified; `sbomctl verify` does that"));
    write(arguments, &taken)?;
    Ok(exit)
}

/// The part of an attestation that is wanted, and a name for its file; none if the attestation is not wanted.
fn take(
    arguments: &DownloadArgs,
    image: &Image,
    attestation: &Attestation,
    limits: &Limits,
    terminal: &Terminal,
) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let hex: String = attestation.digest.hex().chars().take(16).collect();
    let is_wanted = |uri: Option<&str>| match &arguments.predicate_type {
        None => true,
        Some(wanted) => uri.is_some_and(|uri| wanted.matches(&PredicateType::new(uri))),
    };
    let signed = match &attestation.content {
        Content::Signed(signed) => signed,
        Content::Unsigned(_) if !arguments.unsigned => return Ok(None),
        Content::Unsigned(layer) => {
            if !is_wanted(attestation.predicate_type.as_deref()) {
                return Ok(None);
            }
            let reader = image.store.blob(&layer.digest, layer.size)?;
            let bytes = read_blob(reader, layer, limits.attestation_bytes)?;
            return Ok(Some((format!("{hex}.unsigned.json"), bytes)));
        }
    };
    let statement = unverified::statement(signed, limits);
    let said = statement.as_ref().map(|statement| statement.predicate_type().uri());
    if !is_wanted(said.or(attestation.predicate_type.as_deref())) {
        return Ok(None);
    }
    let whole = match signed {
        Signed::Bundle(bytes) => (format!("{hex}.sigstore.json"), bytes.clone()),
        Signed::Envelope { bytes, .. } => (format!("{hex}.dsse.json"), bytes.clone()),
    };
    Ok(match (arguments.part, statement) {
        (Part::Bundle, _) => Some(whole),
        (Part::Statement, Some(statement)) => Some((format!("{hex}.intoto.json"), statement.into_payload())),
        (Part::Predicate, Some(statement)) => {
            Some((format!("{hex}.predicate.json"), statement.predicate().to_vec()))
        }
        (_, None) => {
            terminal.warn(format_args!("{} holds no statement that can be read", attestation.digest));
            None
        }
    })
}

fn write(arguments: &DownloadArgs, taken: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let Some(folder) = &arguments.output else {
        return output::to_stdout(|out| {
            for (_, bytes) in taken {
                out.write_all(bytes.trim_ascii_end())?;
                writeln!(out)?;
            }
            Ok(())
        });
    };
    std::fs::create_dir_all(folder).map_err(Failure::environment)?;
    for (name, bytes) in taken {
        output::to_file(&folder.join(name), |out| out.write_all(bytes))?;
    }
    output::to_stdout(|out| {
        for (name, _) in taken {
            writeln!(out, "{}", folder.join(name).display())?;
        }
        Ok(())
    })
}
