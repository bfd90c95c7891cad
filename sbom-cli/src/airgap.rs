//! `sbomctl airgap`: an image with everything about it, and what is needed to judge it, in one file.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use sbom_core::{
    attach::{
        Layout, Spending, Stopwatch,
        archive::{Carried, carried, policy_files},
        copy,
    },
    digest::Digest,
    limits::Limits,
    oci::reference::Tag,
    policy::model::Source,
};

use crate::{
    attest::{unverified, write_archive},
    documents,
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    policy,
    terminal::Terminal,
    verify,
};

const EXAMPLES: &str = "\
The file is an OCI layout in a tar archive, so whatever reads images reads it: `sbomctl verify oci-archive:FILE`,
`sbomctl scan oci-archive:FILE`, and `sbomctl attest copy oci-archive:FILE HOST/NAME:TAG` where it arrives.

Examples:
  sbomctl airgap create ghcr.io/org/app:1.2 -o app.tar --trusted-root trusted_root.json --policy policy.yaml
  sbomctl verify --policy oci-archive:app.tar --as ghcr.io/org/app:1.2 oci-archive:app.tar
  sbomctl airgap show app.tar
  sbomctl airgap show app.tar --extract carried/";

/// Carry images and what proves them to where there is no registry
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AirgapArgs {
    #[command(subcommand)]
    command: AirgapCommand,
}

#[derive(Debug, Subcommand)]
enum AirgapCommand {
    /// Write an image with all platforms and everything about it into one file
    Create(Box<CreateArgs>),
    /// Say what a file carries beside its image
    Show(ShowArgs),
}

const CREATE_EXAMPLES: &str = "\
Examples:
  sbomctl airgap create ghcr.io/org/app:1.2 --output app.tar --policy policy.yaml
  sbomctl airgap create oci:./layout -o app.tar --trusted-root trusted_root.json";

/// What to carry.
#[derive(Debug, Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct CreateArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Carry this trust root along, as cosign and `sbomctl verify --trusted-root` read it
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Carry this policy along, with the keys and trusted roots that it names
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  sbomctl airgap show app.tar
  sbomctl airgap show app.tar --extract carried/";

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct ShowArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write what it carries beside its image into this folder
    #[arg(long, value_name = "FOLDER")]
    extract: Option<PathBuf>,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &AirgapArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match &arguments.command {
        AirgapCommand::Create(arguments) => create(arguments, environment, terminal),
        AirgapCommand::Show(arguments) => show(arguments),
    }
}

fn create(arguments: &CreateArgs, environment: &Environment, terminal: &Terminal) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    output::check(&arguments.output)?;
    // What cannot be used is found out here, and not where nobody can mend it; so with what the policy names.
    if let Some(root) = &arguments.trusted_root {
        verify::root(root, &limits)?;
    }
    let mut along = Vec::new();
    for (kind, file) in
        [(Carried::TrustedRoot, &arguments.trusted_root), (Carried::Policy, &arguments.policy)]
    {
        if let Some(file) = file {
            let (_, bytes) = documents::bytes(&file.display().to_string(), &limits)?;
            along.push((kind, bytes));
        }
    }
    if let Some(file) = &arguments.policy {
        along.extend(named_by(file)?);
    }
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
    let plan = copy::plan(&*image.store, &image.root, &mut spending)?;
    unverified::tell(&plan.notes, &[], terminal);
    let tag = image.naming.tag.as_deref().and_then(|tag| tag.parse::<Tag>().ok());
    write_archive(&image, plan, tag.as_ref(), &along, &arguments.output)?;
    output::to_stdout(|out| {
        writeln!(out, "{} -> {}", image.pinned(), arguments.output.display())?;
        along
            .iter()
            .try_for_each(|(kind, bytes)| writeln!(out, "  {} {}", kind.file_name(), Digest::of(bytes)))
    })?;
    Ok(Exit::Done)
}

fn show(arguments: &ShowArgs) -> Result<Exit, Failure> {
    let limits = Limits::default();
    let layout = Layout::archive(&arguments.file, &limits)?;
    let mut lines = Vec::new();
    for entry in layout.entries()? {
        let name = entry.annotations.get(sbom_core::oci::manifest::REF_NAME);
        let kind = entry.artifact_type.as_deref().or(name.map(String::as_str));
        lines.push(format!("{}  {}", entry.digest, kind.unwrap_or(&entry.media_type)));
    }
    let mut any = false;
    for kind in [Carried::TrustedRoot, Carried::Policy].into_iter().chain(policy_files(&layout)?) {
        let Some((digest, bytes)) = carried(&layout, &kind)? else { continue };
        any = true;
        lines.push(format!("{}  {digest}", kind.file_name()));
        if let Some(folder) = &arguments.extract {
            extract(folder, &kind, &bytes)?;
        }
    }
    if arguments.extract.is_some() && !any {
        let message = format!("{} carries neither trust root nor policy", arguments.file.display());
        return Err(Failure { exit: Exit::BadInput, source: anyhow!(message) });
    }
    output::to_stdout(|out| {
        lines.iter().try_for_each(|line| writeln!(out, "{}", sbom_core::columns::escaped(line)))
    })?;
    Ok(Exit::Done)
}

/// The files that the policy in `file` names. Variables of the environment are not carried: they are of this machine.
fn named_by(file: &Path) -> Result<Vec<(Carried, Vec<u8>)>, Failure> {
    let policy = policy::load(file)?;
    let mut along = BTreeMap::new();
    let mut read = |source: &Source| {
        let bytes = policy::open(file, source)?;
        if let Source::File(name) = source {
            if !stays_inside(name) {
                return Err(format!("{name} lies outside the policy's folder, and cannot be carried"));
            }
            along.insert(Carried::PolicyFile(name.clone()), bytes.clone());
        }
        Ok(bytes)
    };
    policy.trust_all(&mut read).map_err(|error| Failure::usage(anyhow!("{}: {error}", file.display())))?;
    Ok(along.into_iter().collect())
}

/// Whether a name leads to nowhere but into the folder that it is relative to.
fn stays_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    !name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn extract(folder: &Path, kind: &Carried, bytes: &[u8]) -> Result<(), Failure> {
    let name = kind.file_name();
    if !stays_inside(name) {
        let message = format!("{name:?} in it leads out of the folder, and is not written");
        return Err(Failure { exit: Exit::BadInput, source: anyhow!(message) });
    }
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(Failure::environment)?;
    output::to_file(&file, |out| out.write_all(bytes))
}
