//! `sbomctl attest blob`: signs something about a file, into a bundle.

use std::{fs::File, io};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attest::Signed,
    digest::{Algorithm, DigestReader},
    oci::Descriptor,
    source::{Source, file::FileSource},
};

use super::{AuthorArgs, OutArgs, WhatArgs, read_back::check, said, sign, tell};
use crate::{
    bill::BillArgs,
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest blob --key sbomctl.key --output-bundle crane.sigstore.json crane
  sbomctl attest blob --key sbomctl.key --type custom --predicate said.json --output-bundle disk.sigstore.json disk.raw";

/// What to sign, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BlobArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    bill: BillArgs,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &BlobArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let Some(bundle_file) = &arguments.out.output_bundle else {
        let message = "a file has no place beside it for its attestation: give --output-bundle FILE";
        return Err(Failure::usage(anyhow!(message)));
    };
    output::check(bundle_file)?;
    let author = arguments.author.author(environment)?;
    let maker = arguments.bill.prepare(environment)?;
    let limits = &maker.options.limits;
    let subject = subject(&arguments.file)?;
    let name = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let subjects = std::slice::from_ref(&subject);
    let said = if let Some(file) = &arguments.what.predicate {
        vec![said::given(&arguments.what, file, limits, subjects.to_vec(), None)?]
    } else {
        let formats = said::formats(&arguments.what)?;
        let source: Box<dyn Source> = Box::new(FileSource::open(&arguments.file, limits)?);
        let bom = sbom_core::scan::scan(&*source, &maker.options, &terminal.bars())?;
        said::bills(&arguments.what, &formats, bom, &maker, terminal, subjects, None)?
    };
    let mut done = Vec::new();
    for said in said {
        let one = sign(&author, super::statement(&name, &said)?, said, limits)?;
        if let Some(trust) = author.trust()? {
            let signed = Signed::Bundle(one.bundle.clone());
            check(&signed, &subject.digest, &one.said.predicate_type, trust, limits)?;
        }
        done.push(one);
    }
    tell(&arguments.out, &format!("{name}@{}", subject.digest), &author, &done)?;
    Ok(Exit::Done)
}

/// The digest of a file, as a subject.
pub(crate) fn subject(path: &std::path::Path) -> Result<Descriptor, Failure> {
    let failed = |error: io::Error| Failure {
        exit: Exit::BadInput,
        source: anyhow::Error::new(error).context(format!("reading {}", path.display())),
    };
    // A device or a pipe has no content that stays the same, and may have no end.
    let is_file = std::fs::metadata(path).map_err(failed)?.is_file();
    if !is_file {
        let source = anyhow!("{} is no file: name a file, or an image with oci:FOLDER", path.display());
        return Err(Failure { exit: Exit::BadInput, source });
    }
    let mut reader = DigestReader::new(File::open(path).map_err(failed)?, Algorithm::Sha256);
    io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
    let (digest, size) = reader.finish();
    Ok(Descriptor::new("application/octet-stream", digest, size))
}
