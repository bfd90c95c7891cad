//! `sbomctl attest revoke`: says, signed, that attestations no longer hold, or takes them away.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attach::{self, Attachment, Place, Settings, Sink, Stopwatch, repair, revocation},
    attest::{
        Signed,
        predicate::PredicateType,
        statement::{self, Subject},
        trust::Trust,
        verify::verify,
    },
    digest::Digest,
    limits::Limits,
    oci::Descriptor,
    timestamp::Timestamp,
};

use super::{
    Author, AuthorArgs,
    read_back::{demand, records},
    unverified,
};
use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest revoke --key sbomctl.key --attestation sha256:… --reason 'built from the wrong branch' ghcr.io/org/app:1.2
  sbomctl attest revoke --delete --attestation sha256:… oci:./layout";

/// What to withdraw.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RevokeArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The attestation: the digest of its bytes, of its statement or of its manifest, as `attest list` shows them. May
    /// be given several times
    #[arg(long = "attestation", value_name = "DIGEST", required = true)]
    attestations: Vec<Digest>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take the attestations away in place of signing that they are withdrawn. Copies of them elsewhere stay as they
    /// are
    #[arg(long)]
    delete: bool,
    /// Put the record there even if it withdraws nothing: one binds nothing but what its own signer has signed
    #[arg(long, conflicts_with = "delete")]
    force: bool,
    #[command(flatten)]
    author: AuthorArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

/// An attestation that is to be withdrawn, and where it lies.
struct Target {
    revoked: revocation::Revoked,
    /// The manifests that hold it, each with what it refers to.
    manifests: Vec<(Descriptor, Digest)>,
    subjects: BTreeMap<Digest, Descriptor>,
    legacy: bool,
    signed: Signed,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &RevokeArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let author = if arguments.delete { None } else { Some(arguments.author.author(environment)?) };
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let sink = image.sink()?;
    let (targets, seen) = targets(arguments, &image, &limits, terminal)?;
    let clock = Stopwatch::default();
    let settings =
        Settings { clock: &clock, seed: environment::entropy(), also_legacy: false, limits: &limits };
    let lines = match &author {
        None => delete(sink, &targets, &settings)?,
        Some(author) => withdraw(arguments, &image, sink, &targets, author, &settings, terminal)?,
    };
    output::to_stdout(|out| {
        writeln!(out, "{}", image.pinned())?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    })?;
    if seen != Exit::Done {
        let message = "not everything could be looked at, and what lies there stays as it was: run the command again when \
                       the cause is gone";
        return Err(Failure { exit: seen, source: anyhow!(message) });
    }
    Ok(Exit::Done)
}

/// Puts a record beside everything that each of `targets` is about, and looks for it as a consumer would.
fn withdraw(
    arguments: &RevokeArgs,
    image: &Image,
    sink: &dyn Sink,
    targets: &[Target],
    author: &Author,
    settings: &Settings<'_>,
    terminal: &Terminal,
) -> Result<Vec<String>, Failure> {
    let trust = author.trust()?;
    let foreign = foreign(targets, trust.as_ref(), settings.limits);
    check_own(&foreign, author, arguments.force)?;
    let at = environment::now();
    let mut lines = Vec::new();
    for target in targets {
        let bundle = &target.revoked.bundle;
        let effect = match &trust {
            _ if foreign.contains(bundle) => "NOT withdrawn, though named",
            None => "withdrawn, unverified,",
            Some(_) => "withdrawn",
        };
        let subjects: Vec<Descriptor> = target.subjects.values().cloned().collect();
        let signed = record(arguments, image, target, author, at)?;
        let attachment = Attachment {
            bundle: &signed,
            predicate_type: revocation::PREDICATE_TYPE,
            subjects: &subjects,
            created: Some(at),
        };
        for attached in attach::attach(sink, &[attachment], settings)? {
            lines.push(format!("  {bundle} {effect} by {} beside {}", attached.manifest, attached.subject));
        }
    }
    let Some(trust) = trust else {
        terminal.warn(format_args!(
            "the record is in its place but was not verified: give --trusted-root FILE to have that done"
        ));
        return Ok(lines);
    };
    let records = records(image, &trust, settings.limits)?;
    let own =
        || targets.iter().map(|target| &target.revoked.bundle).filter(|bundle| !foreign.contains(*bundle));
    match own().find(|bundle| records.record_of(bundle).is_none()) {
        None => Ok(lines),
        Some(bundle) => {
            let unseen: String =
                records.unread().iter().map(|one| format!("; not all could be looked at: {one}")).collect();
            Err(Failure::environment(anyhow!(
                "a record was put there, but whoever looks for it does not find that {bundle} is withdrawn{unseen}"
            )))
        }
    }
}

/// The signed record that withdraws `target`.
fn record(
    arguments: &RevokeArgs,
    image: &Image,
    target: &Target,
    author: &Author,
    at: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let revoked = std::slice::from_ref(&target.revoked);
    let predicate = revocation::predicate(revoked, arguments.reason.as_deref(), at);
    let subjects = target.subjects.keys().map(|digest| Subject::new(image.naming.name.clone(), digest));
    let subjects: Vec<Subject> = subjects.collect();
    let statement = statement::write(&subjects, &PredicateType::new(revocation::PREDICATE_TYPE), &predicate)
        .map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })?;
    author.sign(statement)
}

/// The attestations that are named, and whether all could be looked at; a failure if one is not there.
fn targets(
    arguments: &RevokeArgs,
    image: &Image,
    limits: &Limits,
    terminal: &Terminal,
) -> Result<(Vec<Target>, Exit), Failure> {
    let mut targets: BTreeMap<Digest, Target> = BTreeMap::new();
    let mut named: BTreeMap<&Digest, bool> =
        arguments.attestations.iter().map(|digest| (digest, false)).collect();
    let mut seen_all = Exit::Done;
    for subject in unverified::all_subjects(image, limits)? {
        let found = unverified::about(image, &subject, None, limits);
        for (attestation, signed) in found.signed() {
            let statement = unverified::statement(signed, limits).map(|statement| statement.digest());
            let digests = [Some(&attestation.digest), statement.as_ref(), Some(attestation.place.manifest())];
            let mut is_named = false;
            for name in digests.into_iter().flatten() {
                if let Some(seen) = named.get_mut(name) {
                    *seen = true;
                    is_named = true;
                }
            }
            if !is_named {
                continue;
            }
            // However it is listed, a record names it by the digest that readers know attestations by.
            let revoked = revocation::Revoked { statement, bundle: Digest::of(signed.bytes()) };
            let target = targets.entry(attestation.digest.clone()).or_insert_with(|| Target {
                revoked,
                manifests: Vec::new(),
                subjects: BTreeMap::new(),
                legacy: false,
                signed: signed.clone(),
            });
            let plain = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
            match &attestation.place {
                Place::Referrer(manifest) => target.manifests.push((plain.clone(), manifest.clone())),
                _ => target.legacy = true,
            }
            target.subjects.insert(subject.digest.clone(), plain);
        }
        if unverified::tell(&found.notes, &found.incomplete, terminal) != Exit::Done {
            seen_all = Exit::Environment;
        }
    }
    if let Some((digest, _)) = named.iter().find(|(_, seen)| !**seen) {
        let message =
            format!("no attestation {digest} lies beside {}; `attest list` shows them", image.pinned());
        let exit = if seen_all == Exit::Done { Exit::BadInput } else { seen_all };
        return Err(Failure { exit, source: anyhow!(message) });
    }
    Ok((targets.into_values().collect(), seen_all))
}

/// Those of `targets` that somebody else has signed. Where nobody can say whom to trust, there are none.
fn foreign(targets: &[Target], trust: Option<&Trust>, limits: &Limits) -> BTreeSet<Digest> {
    let Some(trust) = trust else { return BTreeSet::new() };
    let is_own = |target: &Target| {
        let mut subjects = target.subjects.keys();
        subjects.any(|subject| {
            verify(&target.signed, &demand(subject.clone(), None, trust.clone()), limits).is_ok()
        })
    };
    let foreign = targets.iter().filter(|target| !is_own(target));
    foreign.map(|target| target.revoked.bundle.clone()).collect()
}

/// Fails if a record would withdraw nothing of what it names.
fn check_own(foreign: &BTreeSet<Digest>, author: &Author, force: bool) -> Result<(), Failure> {
    if foreign.is_empty() || force {
        return Ok(());
    }
    let named: Vec<String> = foreign.iter().map(ToString::to_string).collect();
    let message = format!(
        "nothing was withdrawn: {author} has not signed {}, and a record withdraws nothing of others; \
         sign with the key that has, or take it away with --delete",
        named.join(", ")
    );
    Err(Failure { exit: Exit::No, source: anyhow!(message) })
}

/// Takes attestations away. What lies under the tag of the old form stays, and is a failure.
fn delete(sink: &dyn Sink, targets: &[Target], settings: &Settings<'_>) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for target in targets {
        for (subject, manifest) in &target.manifests {
            let removed = repair::remove(sink, &subject.digest, manifest, settings)?;
            lines.push(match removed.refused {
                Some(error) if removed.from_tag => {
                    format!("  {manifest} is no longer listed; the registry keeps it: {error}")
                }
                Some(error) => return Err(error.into()),
                None => format!("  {manifest} taken away"),
            });
        }
    }
    let left: Vec<String> = targets
        .iter()
        .filter(|target| target.legacy)
        .map(|target| target.revoked.bundle.to_string())
        .collect();
    if left.is_empty() {
        return Ok(lines);
    }
    let taken = if lines.is_empty() {
        "nothing was taken away".to_owned()
    } else {
        lines.join(";").trim().to_owned()
    };
    let message = format!(
        "{taken}; under a tag of the old form (.att), from which nothing is taken away, still lie {}: \
         withdraw them with a record, or delete the tag in the registry",
        left.join(", ")
    );
    Err(Failure::environment(anyhow!(message)))
}
