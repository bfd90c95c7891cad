//! `sbomctl attest revoke`: says, signed, that attestations no longer hold, or takes them away.

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attach::{self, Attachment, Place, Settings, Sink, Stopwatch, repair, revocation},
    attest::{
        predicate::PredicateType,
        statement::{self, Subject},
    },
    digest::Digest,
    limits::Limits,
    oci::Descriptor,
};

use super::{AuthorArgs, unverified};
use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

/// What to withdraw.
#[derive(Debug, Args)]
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
    let targets = targets(arguments, &image, &limits, terminal)?;
    let clock = Stopwatch::default();
    let settings =
        Settings { clock: &clock, seed: environment::entropy(), also_legacy: false, limits: &limits };
    let lines = match author {
        None => delete(sink, &targets, &settings, terminal)?,
        Some(author) => {
            let at = environment::now();
            let mut lines = Vec::new();
            for target in &targets {
                let subjects: Vec<Descriptor> = target.subjects.values().cloned().collect();
                let revoked = std::slice::from_ref(&target.revoked);
                let predicate = revocation::predicate(revoked, arguments.reason.as_deref(), at);
                let predicate_type = PredicateType::new(revocation::PREDICATE_TYPE);
                let named: Vec<Subject> = subjects
                    .iter()
                    .map(|subject| Subject::new(image.naming.name.clone(), &subject.digest))
                    .collect();
                let statement = statement::write(&named, &predicate_type, &predicate)
                    .map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })?;
                let bundle = author.sign(statement)?;
                let attachment = Attachment {
                    bundle: &bundle,
                    predicate_type: revocation::PREDICATE_TYPE,
                    subjects: &subjects,
                    created: Some(at),
                };
                for attached in attach::attach(sink, &[attachment], &settings)? {
                    lines.push(format!(
                        "  {} withdrawn by {} beside {}",
                        target.revoked.bundle, attached.manifest, attached.subject
                    ));
                }
            }
            lines
        }
    };
    output::to_stdout(|out| {
        writeln!(out, "{}", image.pinned())?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    })?;
    Ok(Exit::Done)
}

/// The attestations that are named; a failure if one is not there.
fn targets(
    arguments: &RevokeArgs,
    image: &Image,
    limits: &Limits,
    terminal: &Terminal,
) -> Result<Vec<Target>, Failure> {
    let mut targets: BTreeMap<Digest, Target> = BTreeMap::new();
    let mut named: BTreeMap<&Digest, bool> =
        arguments.attestations.iter().map(|digest| (digest, false)).collect();
    for (_, subject) in unverified::subjects(image, None)? {
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
            let revoked = revocation::Revoked { statement, bundle: attestation.digest.clone() };
            let target = targets.entry(attestation.digest.clone()).or_insert_with(|| Target {
                revoked,
                manifests: Vec::new(),
                subjects: BTreeMap::new(),
                legacy: false,
            });
            let plain = Descriptor::new(subject.media_type.clone(), subject.digest.clone(), subject.size);
            match &attestation.place {
                Place::Referrer(manifest) => target.manifests.push((plain.clone(), manifest.clone())),
                _ => target.legacy = true,
            }
            target.subjects.insert(subject.digest.clone(), plain);
        }
        unverified::tell(&found.notes, &found.incomplete, terminal);
    }
    if let Some((digest, _)) = named.iter().find(|(_, seen)| !**seen) {
        let message =
            format!("no attestation {digest} lies beside {}; `attest list` shows them", image.pinned());
        return Err(Failure { exit: Exit::BadInput, source: anyhow!(message) });
    }
    Ok(targets.into_values().collect())
}

/// Takes attestations away.
fn delete(
    sink: &dyn Sink,
    targets: &[Target],
    settings: &Settings<'_>,
    terminal: &Terminal,
) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for target in targets {
        if target.legacy {
            terminal.warn(format_args!(
                "{} also lies under a tag of the old form, from which nothing is taken away",
                target.revoked.bundle
            ));
        }
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
    Ok(lines)
}
