//! How bills are made of subjects: the options of every subcommand that scans, and what comes of them.

use std::num::NonZeroUsize;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use sbom_core::{
    bom::{Bom, FileScope, Scope, assemble},
    document::{Document, Inputs, Tool, model, stated::Stated},
    limits::Limits,
    oci::{Subject, SubjectKind},
    scan::Options,
    timestamp::Timestamp,
};

use crate::{
    args::{LimitArg, parse_distro},
    environment::Environment,
    exit_code::Failure,
    stamp::Stamp,
    stated::StatedArgs,
    terminal::Terminal,
};

/// Options of every subcommand that scans.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scan")]
pub(crate) struct BillArgs {
    /// List what a container sees, or also what higher layers remove or replace
    #[arg(long, value_name = "SCOPE", default_value = "squashed")]
    scope: ScopeArg,
    /// List no files, those that packages own, or all. With any, every regular file is hashed as its layer
    /// passes (SHA-1 and SHA-256), which takes time by the gigabyte and memory by the file
    #[arg(long, value_name = "FILES", default_value = "none")]
    files: FilesArg,
    /// Take this distribution for the one that the subject names, as ID or ID-VERSION (debian-12)
    #[arg(long, value_name = "DISTRO", value_parser = parse_distro)]
    distro: Option<String>,
    /// Leave out what the bills of materials say that an image carries of itself
    #[arg(long)]
    no_embedded_sboms: bool,
    /// Time to write into documents: RFC 3339, seconds since 1970, or `now`.
    /// Default: `SOURCE_DATE_EPOCH`, else when the image was built, else 1970
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// Threads that read layers and write the document [default: one for each processor]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Change a limit on what the subject may make sbomctl read or keep: `sbomctl limits` lists them
    #[arg(long, value_name = "NAME=VALUE", value_parser = LimitArg::parse)]
    limit: Vec<LimitArg>,
    #[command(flatten)]
    stated: StatedArgs,
}

/// See [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScopeArg {
    Squashed,
    AllLayers,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Squashed => Self::Squashed,
            ScopeArg::AllLayers => Self::AllLayers,
        }
    }
}

/// See [`FileScope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FilesArg {
    None,
    Owned,
    All,
}

impl From<FilesArg> for FileScope {
    fn from(files: FilesArg) -> Self {
        match files {
            FilesArg::None => Self::None,
            FilesArg::Owned => Self::Owned,
            FilesArg::All => Self::All,
        }
    }
}

/// [`BillArgs`], checked, with the files read that they name.
#[derive(Debug)]
pub(crate) struct BillMaker {
    pub(crate) options: Options,
    stamp: Stamp,
    stated: Stated,
    fingerprint: String,
    environment: Environment,
}

impl BillArgs {
    /// Reads what the options name.
    pub(crate) fn prepare(&self, environment: &Environment) -> Result<BillMaker, Failure> {
        let stamp = Stamp::parse(self.timestamp.as_deref(), environment)?;
        let options = self.options();
        let stated = self.stated.read(environment, &options.limits)?;
        let fingerprint = format!("{} stated={}", self.fingerprint(), stated.fingerprint());
        Ok(BillMaker { options, stamp, stated, fingerprint, environment: environment.clone() })
    }

    /// The limits as the options change them.
    pub(crate) fn limits(&self) -> Limits {
        LimitArg::apply(&self.limit)
    }

    fn options(&self) -> Options {
        let default = Options::default();
        Options {
            jobs: self.jobs.unwrap_or(default.jobs),
            limits: self.limits(),
            bill: assemble::Options {
                scope: self.scope.into(),
                distro: self.distro.clone(),
                files: self.files.into(),
                ignore_embedded: self.no_embedded_sboms,
            },
            ..default
        }
    }

    /// What, beside the subject, decides the content of a document: part of its identity.
    fn fingerprint(&self) -> String {
        let mut limits: Vec<String> =
            self.limit.iter().map(|limit| format!("{}={}", limit.name, limit.value)).collect();
        limits.sort();
        format!(
            "scope={:?} files={:?} distro={} embedded={} limits={}",
            self.scope,
            self.files,
            self.distro.as_deref().unwrap_or_default(),
            !self.no_embedded_sboms,
            limits.join(",")
        )
    }
}

impl BillMaker {
    /// Lets layers be read in part.
    pub(crate) fn read_in_part(&mut self) {
        self.options.partial = true;
        self.fingerprint.push_str(" partial");
    }

    /// The document of a bill, and what else is written into it.
    pub(crate) fn document(&self, bom: Bom) -> Result<(Document, Inputs), Failure> {
        let inputs = self.inputs(&bom.subject);
        let mut document = Document::of_within(bom, &self.options.limits);
        self.stated.apply(&mut document).map_err(|error| Failure::usage(anyhow!(error)))?;
        Ok((document, inputs))
    }

    /// What is written into the document about `subject` beside its content.
    pub(crate) fn inputs(&self, subject: &Subject) -> Inputs {
        Inputs {
            timestamp: self.stamp.or(created(subject)),
            tool: Tool { name: "sbomctl".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            options_fingerprint: self.fingerprint.clone(),
            columns: None,
            snapshot: self.environment.snapshot.clone(),
            jobs: self.options.jobs,
        }
    }

    /// The facts that are put into every document.
    pub(crate) fn stated(&self) -> &Stated {
        &self.stated
    }

    /// Whether the same question may be asked again, so that it is of use to keep the answer.
    pub(crate) fn may_come_again(&self) -> bool {
        !matches!(self.stamp, Stamp::Now(_))
    }
}

/// Says on standard error what is missing from a document with these gaps, and so many that it does not list. Whether nothing is.
pub(crate) fn report_gaps(gaps: &[model::Gap], not_listed: u64, terminal: &Terminal) -> bool {
    for gap in gaps {
        tracing::info!("{gap}");
    }
    let count = not_listed.saturating_add(gaps.len() as u64);
    if let (Some(first), 1..) = (gaps.first(), count) {
        let more =
            if count > 1 { format!(" (and {} more; -v lists them)", count - 1) } else { String::new() };
        terminal.warn(format_args!("the bill is incomplete: {first}{more}"));
    }
    count == 0
}

/// When the image was built.
fn created(subject: &Subject) -> Option<Timestamp> {
    match &subject.kind {
        SubjectKind::Image(image) => image.created.as_deref().and_then(|created| created.parse().ok()),
        SubjectKind::Folder | SubjectKind::File(_) => None,
    }
}
