//! `sbomctl attest`: says something about an image or file, signs it, puts it where others find it, and reads it back as
//! they would.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use sbom_core::{
    attach::{self, Attached, Attachment, Sink, Stopwatch},
    attest::{
        predicate::PredicateType,
        statement::{self, Subject},
    },
    digest::Digest,
    limits::Limits,
    oci::{Descriptor, Platform, SubjectKind, manifest::OCI_MANIFEST},
    source::Source as _,
};

mod author;
mod blob;
mod copy;
mod download;
mod known;
mod list;
mod new_layout;
mod read_back;
mod repair;
mod revoke;
mod said;
mod told;
pub(crate) mod unverified;

pub(crate) use self::{
    author::{Author, AuthorArgs},
    blob::subject as blob_subject,
    copy::write_archive,
    told::tell,
};

use crate::{
    args::RegistryArgs,
    bill::BillArgs,
    cache::{self, CacheArgs},
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    place::Image,
    terminal::Terminal,
};
use read_back::{check_standing, read_back, records, what_is_there};
use said::Said;

const EXAMPLES: &str = "\
Examples:
  sbomctl attest --key sbomctl.key ghcr.io/org/app:1.2
  sbomctl attest --key env://SIGNING_KEY --type cyclonedx --also-legacy ghcr.io/org/app@sha256:…
  sbomctl attest --key sbomctl.key --type slsaprovenance1 --predicate provenance.json ghcr.io/org/app:1.2
  sbomctl attest --key sbomctl.key --no-push --output-bundle app.sigstore.json oci:./layout
  sbomctl attest blob --key sbomctl.key --output-bundle disk.sigstore.json disk.raw.zst

Of an index, where it is scanned, every platform gets a statement of its own, about the platform's image and the index,
which is put beside both. With --predicate there is one statement, about the index alone; with --platform, about that
platform's image and the index. An image that is called like a subcommand is named with a prefix: registry:list.";

/// Sign what an image contains, and put it beside the image in its registry
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub(crate) struct AttestArgs {
    #[command(subcommand)]
    command: Option<AttestCommand>,
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE", required = true)]
    image: Option<String>,
    #[command(flatten)]
    what: WhatArgs,
    /// Attest one platform of an index, as OS/ARCHITECTURE[/VARIANT], in place of all
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// Write it under cosign's tag `sha256-….att` as well, for readers that know no referrers
    #[arg(long, conflicts_with = "no_push")]
    also_legacy: bool,
    /// Sign, but put nothing beside the image
    #[arg(long, requires = "output_bundle")]
    no_push: bool,
    /// Sign and add it even if the same key has said the very same of the image before
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    bill: BillArgs,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

#[derive(Debug, Subcommand)]
enum AttestCommand {
    /// Sign what a file contains, or something about it, into a bundle
    Blob(Box<blob::BlobArgs>),
    /// List what lies beside an image; nothing of it is verified
    List(Box<list::ListArgs>),
    /// Write what lies beside an image to files or standard output; nothing of it is verified
    Download(Box<download::DownloadArgs>),
    /// Copy an image with all platforms and everything about it to another registry, a layout or an archive
    Copy(Box<copy::CopyArgs>),
    /// Put lists of referrers right that other tools wrote so that nobody finds what is in them
    Repair(Box<repair::RepairArgs>),
    /// Say, signed, that attestations no longer hold, or take them away
    Revoke(Box<revoke::RevokeArgs>),
}

/// What to say.
#[derive(Debug, Args)]
pub(crate) struct WhatArgs {
    /// What is said: spdxjson, cyclonedx, slsaprovenance1, vuln, openvex, custom, link, vsa, or a URI. May be given
    /// several times where it is the bill, which is made here
    #[arg(long = "type", value_name = "TYPE", default_value = "spdxjson")]
    types: Vec<PredicateType>,
    /// Say what this file says, one JSON object, in place of the bill [default: scan, and say what was found]
    #[arg(long, value_name = "FILE")]
    predicate: Option<PathBuf>,
    /// Sign nothing unless the bill is complete
    #[arg(long)]
    strict: bool,
    /// Sign also what says of itself that layers were read in part (`scan --partial`)
    #[arg(long, requires = "predicate")]
    allow_partial: bool,
}

/// Where it goes, and how that is told.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// Write the bundle to this file; several go into it one a line
    #[arg(long, value_name = "FILE")]
    output_bundle: Option<PathBuf>,
    /// How to tell what was done
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How to tell what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Something that was signed.
#[derive(Debug)]
pub(crate) struct Done {
    said: Said,
    statement: Digest,
    bundle: Vec<u8>,
    attached: Vec<Attached>,
    /// Nothing was signed: the bundle was there, and counts.
    known: bool,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &AttestArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    match &arguments.command {
        None => attest(arguments, environment, terminal),
        Some(AttestCommand::Blob(arguments)) => blob::run(arguments, environment, terminal),
        Some(AttestCommand::List(arguments)) => list::run(arguments, environment, terminal),
        Some(AttestCommand::Download(arguments)) => download::run(arguments, environment, terminal),
        Some(AttestCommand::Copy(arguments)) => copy::run(arguments, environment, terminal),
        Some(AttestCommand::Repair(arguments)) => repair::run(arguments, environment, terminal),
        Some(AttestCommand::Revoke(arguments)) => revoke::run(arguments, environment, terminal),
    }
}

fn attest(arguments: &AttestArgs, environment: &Environment, terminal: &Terminal) -> Result<Exit, Failure> {
    let named = arguments.image.as_deref().unwrap_or_default();
    if let Some(file) = &arguments.out.output_bundle {
        output::check(file)?;
    }
    // Whoever cannot sign need not scan.
    let author = arguments.author.author(environment)?;
    let mut maker = arguments.bill.prepare(environment)?;
    maker.options.cache = arguments.cache.open(environment)?;
    let limits = &maker.options.limits;
    let image = Image::open(named, &arguments.registry, environment, limits)?;
    let sink = if arguments.no_push { None } else { Some(image.sink()?) };
    let said = match &arguments.what.predicate {
        Some(file) => {
            let (subjects, platform) = subjects_of(&image, arguments.platform.as_ref(), limits)?;
            vec![said::given(&arguments.what, file, limits, subjects, platform)?]
        }
        None => scanned(arguments, &image, &maker, terminal)?,
    };
    if said.is_empty() {
        let message = format!("{named}: there is no image in it that can be scanned; nothing was signed");
        return Err(Failure { exit: Exit::BadInput, source: anyhow!(message) });
    }
    // Where nothing is put, what lies there is none of its business.
    let trust = if sink.is_some() { author.trust()? } else { None };
    let records = trust.as_ref().map(|trust| records(&image, trust, limits)).transpose()?;
    let mut done = Vec::new();
    for said in said {
        let statement = statement(&image.naming.name, &said)?;
        let digest = Digest::of(&statement);
        check_standing(records.as_ref(), [&digest])?;
        let looks = sink.is_some() && !arguments.force;
        let known = if looks {
            known::bundle(&image, &author, &said, &digest, records.as_ref(), limits)?
        } else {
            None
        };
        done.push(match known {
            Some(bundle) => Done { said, statement: digest, bundle, attached: Vec::new(), known: true },
            None => sign(&author, statement, said, limits)?,
        });
    }
    if let Some(sink) = sink {
        let pushed = push(arguments, sink, &mut done, environment, limits);
        pushed.map_err(|failure| what_is_there(&image, &done, failure, limits))?;
        if trust.is_none() {
            terminal.warn(format_args!(
                "what was signed is in its place but was not verified: give --trusted-root FILE to have that done"
            ));
        }
        read_back(&image, trust.as_ref(), &done, limits)?;
    }
    tell(&arguments.out, &image.pinned(), &author, &done)?;
    Ok(Exit::Done)
}

/// What a scan says: of every platform, in every type that is asked for.
fn scanned(
    arguments: &AttestArgs,
    image: &Image,
    maker: &crate::bill::BillMaker,
    terminal: &Terminal,
) -> Result<Vec<Said>, Failure> {
    let formats = said::formats(&arguments.what)?;
    let bars = terminal.bars();
    let mut said = Vec::new();
    for source in image.sources(arguments.platform.as_ref(), &maker.options.limits)? {
        let SubjectKind::Image(about) = &source.subject().kind else { continue };
        let Some(digest) = about.manifest_digest.clone() else { continue };
        let subjects = subjects(image, &digest)?;
        let platform = (!image.platforms.is_empty()).then(|| about.platform.clone());
        let bom = sbom_core::scan::scan(&source, &maker.options, &bars)?;
        said.extend(said::bills(
            &arguments.what,
            &formats,
            bom,
            maker,
            terminal,
            &subjects,
            platform.as_ref(),
        )?);
    }
    cache::report(&maker.options, terminal);
    Ok(said)
}

/// What a given predicate is about: the image, or one platform of the index and the index.
fn subjects_of(
    image: &Image,
    platform: Option<&Platform>,
    limits: &Limits,
) -> Result<(Vec<Descriptor>, Option<Platform>), Failure> {
    let Some(wanted) = platform else { return Ok((vec![image.root.clone()], None)) };
    let sources = image.sources(Some(wanted), limits)?;
    let digests = sources.iter().filter_map(|source| match &source.subject().kind {
        SubjectKind::Image(about) => about.manifest_digest.clone(),
        SubjectKind::Folder | SubjectKind::File(_) => None,
    });
    let mut digests: Vec<Digest> = digests.collect();
    match (digests.pop(), digests.is_empty()) {
        (Some(digest), true) => Ok((subjects(image, &digest)?, Some(wanted.clone()))),
        _ => Err(Failure::usage(anyhow!("{wanted} does not choose one image of {}", image.given))),
    }
}

/// An image and the index that leads to it: whoever asks for either is to find what is said.
fn subjects(image: &Image, digest: &Digest) -> Result<Vec<Descriptor>, Failure> {
    if image.root.digest == *digest {
        return Ok(vec![image.root.clone()]);
    }
    Ok(vec![descriptor(image, digest)?, image.root.clone()])
}

/// What an index says of one of its images, or what is there if an index within it lists it.
fn descriptor(image: &Image, digest: &Digest) -> Result<Descriptor, Failure> {
    let listed = image.platforms.iter().find(|(_, entry)| entry.digest == *digest);
    if let Some((_, entry)) = listed {
        return Ok(Descriptor::new(entry.media_type.clone(), digest.clone(), entry.size));
    }
    let bytes = image.store.manifest(&Descriptor::new(OCI_MANIFEST, digest.clone(), 0))?;
    Ok(Descriptor::new(OCI_MANIFEST, digest.clone(), bytes.len() as u64))
}

/// The bytes of a statement.
fn statement(name: &str, said: &Said) -> Result<Vec<u8>, Failure> {
    let subjects: Vec<Subject> =
        said.subjects.iter().map(|subject| Subject::new(name, &subject.digest)).collect();
    statement::write(&subjects, &said.predicate_type, &said.predicate)
        .map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })
}

/// Signs a statement.
fn sign(author: &Author, statement: Vec<u8>, said: Said, limits: &Limits) -> Result<Done, Failure> {
    let digest = Digest::of(&statement);
    let bundle = author.sign(statement)?;
    limits.attestation_bytes.check(bundle.len() as u64).map_err(|error| {
        let error = anyhow::Error::new(error).context("what was signed is larger than readers take");
        Failure { exit: Exit::BadInput, source: error }
    })?;
    Ok(Done { said, statement: digest, bundle, attached: Vec::new(), known: false })
}

fn push(
    arguments: &AttestArgs,
    sink: &dyn Sink,
    done: &mut [Done],
    environment: &Environment,
    limits: &Limits,
) -> Result<(), Failure> {
    let clock = Stopwatch::default();
    let settings = attach::Settings {
        clock: &clock,
        seed: environment::entropy(),
        also_legacy: arguments.also_legacy,
        limits,
    };
    let created = environment.source_date_epoch.as_deref().and_then(|seconds| seconds.parse().ok());
    let created = created
        .and_then(|seconds| sbom_core::timestamp::Timestamp::from_unix(seconds).ok())
        .unwrap_or_else(environment::now);
    let attachments: Vec<Attachment<'_>> = done
        .iter()
        .map(|one| Attachment {
            bundle: &one.bundle,
            predicate_type: one.said.predicate_type.uri(),
            subjects: &one.said.subjects,
            created: Some(created),
        })
        .collect();
    let attached = attach::attach(sink, &attachments, &settings)?;
    for one in done {
        let bundle = Digest::of(&one.bundle);
        one.attached = attached.iter().filter(|attached| attached.bundle == bundle).cloned().collect();
    }
    Ok(())
}
