//! `sbomctl verify`: whether somebody who is trusted says something about an image or file.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use sbom_core::{
    attach::{Found, Spending, Stopwatch},
    attest::{
        predicate::PredicateType,
        statement::Statement,
        verify::{Demand, Need, Revoked, Verified},
    },
    digest::Digest,
    limits::Limits,
    oci::{Platform, reference::Reference},
    source::locator::{Local, Locator},
};

mod by_policy;
mod failed;
mod gate;
mod given;
mod hearing;
mod image;
mod matches;
mod records;
mod report;
mod summaries;
mod summary;
mod text;
mod trusted;
mod verdict;
mod withdrawn;

pub(crate) use self::{
    records::withdrawn,
    trusted::{TrustArgs, root},
    withdrawn::Withdrawn,
};

use self::{
    failed::Failed,
    hearing::{Candidate, Hearing},
    summary::SummaryArgs,
    verdict::{Verdict, worst},
};

use crate::{
    args::RegistryArgs,
    attest::blob_subject,
    bill::BillArgs,
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    open::locator_failure,
    place::Image,
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl verify --key sbomctl.pub --type spdxjson ghcr.io/org/app@sha256:…
  sbomctl verify --certificate-identity-glob 'https://github.com/org/*/.github/workflows/release.yml@refs/tags/v*' \\
      --certificate-oidc-issuer https://token.actions.githubusercontent.com --type cyclonedx ghcr.io/org/app:1.2
  sbomctl verify --key sbomctl.pub --matches rescan oci:./layout
  sbomctl verify --key sbomctl.pub --bundle disk.sigstore.json disk.raw.zst

Exit codes: 0 verified, 1 not verified, 2 the command line or the policy is wrong, 3 the subject, the bundle, the key or
the trusted root cannot be read, 4 it cannot be decided: a registry, the network or a limit stands in the way.";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// Images in registries or OCI layouts, or one file with --bundle
    #[arg(value_name = "IMAGE|FILE", required = true)]
    subjects: Vec<String>,
    /// What must be said: spdxjson, cyclonedx, slsaprovenance1, vuln, openvex, custom, link, vsa, or a URI
    /// [default: anything]
    #[arg(long = "type", value_name = "TYPE")]
    predicate: Option<PredicateType>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Let this policy say who is trusted and what must hold: docs/policy.md. With oci-archive:FILE, the one that an
    /// air-gap archive carries
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Judge the image by the policy's rules for this name, as in ghcr.io/org/app:1.2. For copies in layouts and
    /// archives, which have no repository; the digest decides what is said of it
    #[arg(long = "as", value_name = "NAME", requires = "policy")]
    named: Option<Reference>,
    /// Take attestations from this file, a bundle or an envelope or several, one a line, in place of the registry or
    /// layout
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Verify what is said of one platform of an index, as OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM", conflicts_with = "all_platforms")]
    platform: Option<Platform>,
    /// Verify what is said of every platform of an index: each must have an attestation
    #[arg(long)]
    all_platforms: bool,
    /// Scan the image, too, and compare it with the newest bill that was verified
    #[arg(long, value_name = "HOW", default_value = "off")]
    matches: Matches,
    /// Open no connection: subjects must be on this machine
    #[arg(long)]
    offline: bool,
    /// How to tell what was found [default: text, and with --quiet nothing but what is wrong]
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    summary: SummaryArgs,
    #[command(flatten)]
    bill: BillArgs,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// How a bill is compared with the image that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Matches {
    /// Not at all.
    Off,
    /// With a new scan.
    Rescan,
}

/// How to tell what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// What the newest verified statement says, alone.
    Predicate,
    /// The newest verified statement.
    Statement,
    /// With a policy: for code scanning, SARIF 2.1.0.
    Sarif,
    /// With a policy: for test reports, JUnit's XML.
    Junit,
    /// With a policy: for logs of GitHub Actions, annotations.
    Github,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &VerifyArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.bill.limits();
    let now = environment::now();
    if let Some(policy) = &arguments.policy {
        return by_policy::run(arguments, policy, environment, terminal);
    }
    if matches!(arguments.output, Some(Format::Predicate | Format::Statement))
        && (arguments.subjects.len() > 1 || arguments.all_platforms)
    {
        return Err(Failure::usage(anyhow!("-o predicate and -o statement are of one subject: name one")));
    }
    if matches!(arguments.output, Some(Format::Sarif | Format::Junit | Format::Github)) {
        return Err(Failure::usage(anyhow!("this form is one of verdicts of a policy: give --policy FILE")));
    }
    if arguments.bundle.as_deref().is_some_and(|file| file.as_os_str() == "-") && arguments.subjects.len() > 1
    {
        return Err(Failure::usage(anyhow!(
            "standard input can be read once: give one subject with --bundle -"
        )));
    }
    let signers = arguments.trust.signers(&limits, now, terminal)?;
    let demand = |subject: Digest| Demand {
        subject,
        predicate: arguments.predicate.clone(),
        signers: signers.clone(),
        log: arguments.trust.log(),
        time: arguments.trust.time(),
        revoked: Revoked::default(),
        now,
    };
    let mut verdicts = Vec::new();
    let mut failed = Failed::default();
    for subject in &arguments.subjects {
        let of_subject = || match (file(subject, &limits)?, &arguments.bundle) {
            (Some(path), Some(bundle)) => Ok(vec![of_file(subject, &path, bundle, &demand, &limits)?]),
            (Some(path), None) => {
                let message =
                    format!("{} is a file: give --bundle FILE with its attestation", path.display());
                Err(Failure::usage(anyhow!(message)))
            }
            (None, _) => {
                let image = open(subject, arguments, environment, &limits)?;
                of_image(&image, arguments, environment, &limits, &demand, terminal)
            }
        };
        match of_subject() {
            Ok(of_subject) => verdicts.extend(of_subject),
            Err(failure) => failed.add(subject, failure, !verdicts.is_empty())?,
        }
    }
    if verdicts.is_empty() {
        return failed.end(Exit::Environment, terminal);
    }
    match arguments.told(terminal) {
        Some(format) => report::write(&verdicts, format, terminal.stdout_style(environment))?,
        None => terminal.errors(report::faults(&verdicts)),
    }
    failed.end(worst(verdicts.iter().map(Verdict::exit)), terminal)
}

/// The path, if the subject is a file and no image.
fn file(subject: &str, limits: &Limits) -> Result<Option<PathBuf>, Failure> {
    Ok(match Locator::parse(subject, limits).map_err(locator_failure)? {
        Locator::Local(Local::File(path)) => Some(path),
        _ => None,
    })
}

fn open(
    subject: &str,
    arguments: &VerifyArgs,
    environment: &Environment,
    limits: &Limits,
) -> Result<Image, Failure> {
    let is_remote = matches!(Locator::parse(subject, limits), Ok(Locator::Registry(_)));
    if arguments.offline && is_remote {
        let message = format!(
            "{subject:?} is in a registry, and --offline opens no connection; \
             take a copy first: `sbomctl attest copy` or `sbomctl airgap create`"
        );
        return Err(Failure::usage(anyhow!(message)));
    }
    Image::open(subject, &arguments.registry, environment, limits)
}

/// Verifies what is said about an image, or about each of an index's.
fn of_image(
    image: &Image,
    arguments: &VerifyArgs,
    environment: &Environment,
    limits: &Limits,
    demand: &impl Fn(Digest) -> Demand,
    terminal: &Terminal,
) -> Result<Vec<Verdict>, Failure> {
    let mut spending = Spending::new(limits, Box::new(Stopwatch::default()));
    let given = arguments.bundle.as_ref().map(|bundle| given::candidates(bundle, limits)).transpose()?;
    let mut verdicts = match (&arguments.bundle, given) {
        (Some(bundle), Some(given)) => image::judge_given(image, arguments, limits, demand, bundle, &given)?,
        _ => image::judge(image, arguments, limits, demand, &mut spending)?,
    };
    if arguments.matches == Matches::Rescan {
        for verdict in verdicts.iter_mut().filter(|verdict| !verdict.verified.is_empty()) {
            let maker = arguments.bill.prepare(environment)?;
            let found = matches::differences(image, verdict, &maker, terminal)?;
            verdict.is_unread = !found.unread.is_empty();
            verdict.incomplete.extend(found.unread);
            verdict.differences = Some(found.lines);
        }
    }
    Ok(verdicts)
}

/// Verifies what a bundle says about a file.
fn of_file(
    subject: &str,
    path: &Path,
    bundle: &Path,
    demand: &impl Fn(Digest) -> Demand,
    limits: &Limits,
) -> Result<Verdict, Failure> {
    let digest = blob_subject(path)?.digest;
    let candidates = given::candidates(bundle, limits)?;
    let verdict = judge(&candidates, Verdict::new(subject, digest, None), demand, limits);
    given::check_readable(bundle, &candidates, &verdict)?;
    Ok(verdict)
}

/// Judges what lies beside one digest or was given for it, where nothing else is known of the subject.
fn judge(
    candidates: &[Candidate],
    verdict: Verdict,
    demand: &impl Fn(Digest) -> Demand,
    limits: &Limits,
) -> Verdict {
    let digest = verdict.digest.clone();
    let mut hearing = Hearing::new([digest.clone()].into());
    hearing.add(demand(digest), candidates);
    let (heard, withdrawn) = hearing.end(limits);
    heard.into_iter().fold(verdict, |verdict, heard| heard.end(&withdrawn, verdict))
}

/// What of `found` counts: what is verified, and not withdrawn.
pub(crate) fn counting(
    found: Found,
    subject: &Digest,
    demand: &impl Fn(Digest) -> Demand,
    limits: &Limits,
) -> Vec<Verified<Statement>> {
    let mut verdict = Verdict::new("", subject.clone(), None);
    let candidates = hearing::candidates(found, None, &mut verdict);
    let verdict = judge(&candidates, verdict, demand, limits);
    if verdict.exit() == Exit::Done { verdict.verified } else { Vec::new() }
}

impl VerifyArgs {
    /// In which form it is told what was found; in none if nobody asked and it is to be quiet.
    fn told(&self, terminal: &Terminal) -> Option<Format> {
        self.output.or((!terminal.is_quiet()).then_some(Format::Text))
    }
}

impl TrustArgs {
    fn log(&self) -> Need {
        match (self.require_tlog, self.insecure_ignore_tlog) {
            (true, _) => Need::Always,
            (_, true) => Need::Never,
            _ => Need::BySigner,
        }
    }

    fn time(&self) -> Need {
        if self.require_timestamp { Need::Always } else { Need::BySigner }
    }
}
