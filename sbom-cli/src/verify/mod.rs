//! `sbomctl verify`: whether somebody who is trusted says something about an image or file.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use sbom_core::{
    attach::{self, Found, Spending, Stopwatch},
    attest::{
        Signed,
        predicate::PredicateType,
        statement::Statement,
        verify::{Demand, Need, Reason, Refusal, Revoked, Verified},
    },
    digest::Digest,
    limits::Limits,
    oci::{Platform, reference::Reference},
    source::locator::{Local, Locator},
};

mod gate;
mod image;
mod judge;
mod matches;
mod report;
mod summary;
mod text;
mod trusted;

pub(crate) use trusted::{TrustArgs, root};

use gate::Gate;
use judge::{candidates, judge};
use summary::SummaryArgs;

use crate::{
    args::RegistryArgs,
    attest::blob_subject,
    bill::BillArgs,
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    open::locator_failure,
    output,
    place::Image,
    policy::{self, report::ReportFormat},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl verify --key sbomctl.pub --type spdxjson ghcr.io/org/app@sha256:…
  sbomctl verify --certificate-identity-glob 'https://github.com/org/*/.github/workflows/release.yml@refs/tags/v*' \\
      --certificate-oidc-issuer https://token.actions.githubusercontent.com --type cyclonedx ghcr.io/org/app:1.2
  sbomctl verify --key sbomctl.pub --matches rescan oci:./layout
  sbomctl verify --key sbomctl.pub --bundle disk.sigstore.json disk.raw.zst

Exit codes: 0 verified, 1 not verified, 2 the command line is wrong, 3 the subject or the bundle cannot be read,
4 it cannot be decided: a registry, the network or a limit stands in the way.";

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

/// What became of one digest.
#[derive(Debug)]
struct Verdict {
    /// The subject as it was named.
    given: String,
    /// The digest that attestations are about.
    digest: Digest,
    /// Its platform, where every one is verified.
    platform: Option<Platform>,
    /// What counts, the newest first.
    verified: Vec<Verified<Statement>>,
    /// What does not, and why.
    refused: Vec<(Digest, Refusal)>,
    /// What is not signed at all.
    unsigned: Vec<String>,
    /// What was odd.
    notes: Vec<String>,
    /// What could not be looked at.
    incomplete: Vec<String>,
    /// Whether records that withdraw what counts may be among that.
    withdrawals_missed: bool,
    /// What a new scan finds otherwise; none if there was no scan.
    differences: Option<Vec<String>>,
    /// Whether that scan did not read all of the image.
    is_unread: bool,
    /// Whether of an index some platform has nothing that counts.
    is_uncovered: bool,
}

impl Verdict {
    fn exit(&self) -> Exit {
        match (&self.differences, self.verified.is_empty(), self.incomplete.is_empty()) {
            (Some(differences), ..) if !differences.is_empty() => Exit::No,
            (_, false, true) if self.is_uncovered => Exit::No,
            (_, false, _) if self.withdrawals_missed || self.is_unread || self.is_uncovered => {
                Exit::Environment
            }
            (_, false, _) => Exit::Done,
            (_, true, true) => Exit::No,
            (_, true, false) => Exit::Environment,
        }
    }
}

impl Verdict {
    /// Those of `verified` of which nobody can say which is the newest; one, if it is the newest without doubt.
    fn newest<'a>(verified: &[&'a Verified<Statement>]) -> Vec<&'a Verified<Statement>> {
        let time = verified.first().and_then(|first| first.time().verified());
        // What has no proven time may be newer than all that have one.
        let as_new = |verified: &&&Verified<Statement>| {
            verified.time().verified().is_none() || verified.time().verified() == time
        };
        verified.iter().filter(as_new).copied().collect()
    }
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
        return by_policy(arguments, policy, environment, terminal);
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
            Err(failure) => failed.add(subject, failure)?,
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

/// Subjects that could not be looked at. They keep the others from nothing.
#[derive(Default)]
struct Failed(Vec<(String, Failure)>);

impl Failed {
    /// Takes a failure down; a wrong command line ends all.
    fn add(&mut self, subject: &str, failure: Failure) -> Result<(), Failure> {
        if failure.exit == Exit::Usage {
            return Err(failure);
        }
        self.0.push((subject.to_owned(), failure));
        Ok(())
    }

    /// Tells of all of them, and ends as they and the others make it end.
    fn end(mut self, others: Exit, terminal: &Terminal) -> Result<Exit, Failure> {
        let exit = worst(std::iter::once(others).chain(self.0.iter().map(|(_, failure)| failure.exit)));
        let told = |(subject, failure): (String, Failure)| {
            let names_it = failure.source.to_string().contains(&subject);
            Failure { exit, source: if names_it { failure.source } else { failure.source.context(subject) } }
        };
        let Some(last) = self.0.pop() else { return Ok(exit) };
        for failure in self.0 {
            terminal.error(&told(failure).source);
        }
        Err(told(last))
    }
}

/// Judges images by a policy.
fn by_policy(
    arguments: &VerifyArgs,
    file: &Path,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    gate::check(arguments)?;
    let format = match arguments.told(terminal) {
        None => None,
        Some(Format::Text) => Some(ReportFormat::Text),
        Some(Format::Json) => Some(ReportFormat::Json),
        Some(Format::Sarif) => Some(ReportFormat::Sarif),
        Some(Format::Junit) => Some(ReportFormat::Junit),
        Some(Format::Github) => Some(ReportFormat::Github),
        Some(Format::Predicate | Format::Statement) => {
            return Err(Failure::usage(anyhow!("with --policy there is a verdict, and no one statement")));
        }
    };
    let policy = policy::load(file)?;
    if policy::carrier(file).is_some() {
        terminal.warn(format_args!(
            "whoever made the archive chose this policy and its keys: compare its digest, {}, with one that came another way",
            policy.digest
        ));
    }
    let now = environment::now();
    let mut summaries = arguments.summary.prepare(file, &policy, environment, now)?;
    let mut failed = Failed::default();
    let limits = &arguments.bill.limits();
    let gate = Gate { arguments, environment, terminal, limits, now, policy: &policy, file };
    let mut verdicts = Vec::new();
    for subject in &arguments.subjects {
        let judged = open(subject, arguments, environment, limits).and_then(|image| {
            let (verdict, heard) = gate.judge(&image)?;
            if let Some(summaries) = &mut summaries {
                summaries.add(&image, &verdict, &heard, limits)?;
            }
            Ok(verdict)
        });
        match judged {
            Ok(verdict) => verdicts.push(verdict),
            Err(failure) => {
                verdicts.push(gate.undecided(subject, &failure));
                failed.add(subject, failure)?;
            }
        }
    }
    let (name, style) = (file.display().to_string(), terminal.stdout_style(environment));
    match format {
        Some(format) => {
            output::to_stdout(|out| policy::report::write(&verdicts, &name, format, style, out))?;
        }
        None => terminal.errors(policy::report::faults_of(&verdicts)),
    }
    if let Some(summaries) = &summaries {
        summaries.finish()?;
    }
    failed.end(policy::exit_of(&verdicts), terminal)
}

/// A no outweighs what could not be read or decided, as there is nothing left to decide.
fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let weight = |exit: &Exit| match exit {
        Exit::Done => 0,
        Exit::Environment => 1,
        Exit::No => 3,
        _ => 2,
    };
    exits.max_by_key(weight).unwrap_or(Exit::Environment)
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
    let given = arguments.bundle.as_ref().map(|bundle| candidates(bundle, limits)).transpose()?;
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
    let mut verdict = empty(subject, digest.clone(), None);
    judge(candidates(bundle, limits)?, &demand(digest), limits, &mut verdict);
    check_readable(bundle, &verdict)?;
    Ok(verdict)
}

/// Fails if nothing of a file is an attestation at all: that somebody gave the wrong file is no verdict.
fn check_readable(bundle: &Path, verdict: &Verdict) -> Result<(), Failure> {
    if !verdict.verified.is_empty() || !verdict.incomplete.is_empty() {
        return Ok(());
    }
    let mut refused = verdict.refused.iter().map(|(_, refusal)| refusal);
    let first = match refused.next() {
        None => "it is empty",
        Some(first) if first.reason == Reason::Malformed => &first.message,
        Some(_) => return Ok(()),
    };
    if refused.all(|refusal| refusal.reason == Reason::Malformed) {
        let message = format!("{} holds no attestation: {first}", bundle.display());
        return Err(Failure { exit: Exit::BadInput, source: anyhow!(message) });
    }
    Ok(())
}

fn empty(given: &str, digest: Digest, platform: Option<Platform>) -> Verdict {
    Verdict {
        given: given.to_owned(),
        digest,
        platform,
        verified: Vec::new(),
        refused: Vec::new(),
        unsigned: Vec::new(),
        notes: Vec::new(),
        incomplete: Vec::new(),
        withdrawals_missed: false,
        differences: None,
        is_unread: false,
        is_uncovered: false,
    }
}

/// What of `found` counts: what is verified, and not withdrawn.
pub(crate) fn counting(found: Found, demand: &Demand, limits: &Limits) -> Vec<Verified<Statement>> {
    let mut verdict = empty("", demand.subject.clone(), None);
    let candidates = signed(found, None, &mut verdict);
    judge(candidates, demand, limits, &mut verdict);
    if verdict.exit() == Exit::Done { verdict.verified } else { Vec::new() }
}

/// Takes down what was found beside an image, and gives what of it somebody signed. What was not looked at matters only if it
/// may be of the type `wanted`.
fn signed(found: Found, wanted: Option<&PredicateType>, verdict: &mut Verdict) -> Vec<(Digest, Signed)> {
    verdict.withdrawals_missed |= found.withdrawals_missed;
    verdict.notes.extend(found.notes.iter().map(ToString::to_string));
    for incomplete in &found.incomplete {
        let is_other = wanted
            .zip(incomplete.hint())
            .is_some_and(|(wanted, hint)| !wanted.matches(&PredicateType::new(hint)));
        let list = if is_other { &mut verdict.notes } else { &mut verdict.incomplete };
        list.push(incomplete.to_string());
    }
    let mut signed = Vec::new();
    for attestation in found.attestations {
        match attestation.content {
            attach::Content::Signed(content) => signed.push((attestation.digest, content)),
            attach::Content::Unsigned(_) => {
                verdict.unsigned.push(format!("{} {}", attestation.kind.name(), attestation.digest));
            }
        }
    }
    signed
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
