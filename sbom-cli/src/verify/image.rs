//! `sbomctl verify` of an image: what is said of which of its digests, and what of it nothing is said about.

use std::{collections::BTreeSet, path::Path};

use anyhow::anyhow;
use sbom_core::{
    attach::{self, Spending, Wanted},
    attest::{
        Signed,
        verify::{Demand, Work},
    },
    digest::Digest,
    limits::Limits,
    oci::Platform,
    source::{Member, Source as _},
};

use super::{
    Verdict, VerifyArgs, empty,
    judge::{Hearing, Withdrawn},
    signed,
};
use crate::{
    exit_code::{Exit, Failure},
    place::Image,
};

/// Judges what lies beside an image: a verdict for each digest that something must be said about.
pub(super) fn judge(
    image: &Image,
    arguments: &VerifyArgs,
    limits: &Limits,
    demand: &impl Fn(Digest) -> Demand,
    spending: &mut Spending,
) -> Result<Vec<Verdict>, Failure> {
    let members = if image.index().is_some() { image.members(limits)? } else { Vec::new() };
    let targets = targets(image, arguments, &members)?;
    let likely: Vec<String> =
        arguments.predicate.iter().map(|predicate| predicate.uri().to_owned()).collect();
    let (mut work, mut withdrawn) = (Work::new(limits), Withdrawn::default());
    let mut heard = Vec::new();
    for (digest, platform) in &targets {
        let mut verdict = empty(&image.given, digest.clone(), platform.clone());
        let wanted = Wanted { subject: digest, index: image.index(), likely: &likely };
        let found = attach::find(&*image.store, wanted, spending);
        let candidates = signed(found, arguments.predicate.as_ref(), &mut verdict);
        let hearing = Hearing::new(candidates, demand(digest.clone()), limits, &mut work);
        hearing.add_withdrawn(limits, &mut work, &mut withdrawn);
        heard.push((verdict, hearing));
    }
    // What lies beside the other digests of the image may withdraw something.
    let known: BTreeSet<&Digest> = targets.iter().map(|(digest, _)| digest).collect();
    let all: BTreeSet<&Digest> =
        members.iter().map(|member| &member.digest).chain([&image.root.digest]).collect();
    let mut elsewhere = empty(&image.given, image.root.digest.clone(), None);
    for digest in all.difference(&known) {
        let found = attach::find_records(&*image.store, digest, spending);
        let missed = found.withdrawals_missed;
        let mut verdict = empty(&image.given, (*digest).clone(), None);
        let hearing =
            Hearing::new(signed(found, None, &mut verdict), demand((*digest).clone()), limits, &mut work);
        hearing.add_withdrawn(limits, &mut work, &mut withdrawn);
        if missed {
            elsewhere.withdrawals_missed = true;
            elsewhere.incomplete.extend(verdict.incomplete);
        }
    }
    withdrawn.tell(&mut elsewhere);
    let ended = heard.into_iter().map(|(mut verdict, hearing)| {
        verdict.withdrawals_missed |= elsewhere.withdrawals_missed;
        verdict.incomplete.extend(elsewhere.incomplete.iter().cloned());
        hearing.end(&withdrawn, limits, &mut work, &mut verdict);
        if verdict.platform.is_none() && !verdict.verified.is_empty() {
            cover(&members, &mut verdict);
        }
        verdict
    });
    Ok(ended.collect())
}

/// The same for attestations that were given, which may say nothing of the image at all.
pub(super) fn judge_given(
    image: &Image,
    arguments: &VerifyArgs,
    limits: &Limits,
    demand: &impl Fn(Digest) -> Demand,
    bundle: &Path,
    given: &[(Digest, Signed)],
) -> Result<Vec<Verdict>, Failure> {
    let members = if image.index().is_some() { image.members(limits)? } else { Vec::new() };
    let mut verdicts = Vec::new();
    for (digest, platform) in targets(image, arguments, &members)? {
        let mut verdict = empty(&image.given, digest.clone(), platform);
        super::judge(given.to_vec(), &demand(digest), limits, &mut verdict);
        super::check_readable(bundle, &verdict)?;
        if verdict.platform.is_none() && !verdict.verified.is_empty() {
            cover(&members, &mut verdict);
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Holds what counts for an index against its platforms. What is said of one says nothing of the others; what is said of the
/// index alone is meant for all of it.
fn cover(members: &[Member], verdict: &mut Verdict) {
    let is_covered =
        |digest: &Digest| verdict.verified.iter().any(|verified| verified.value().is_about(digest));
    let left: Vec<&Member> = members.iter().filter(|member| !is_covered(&member.digest)).collect();
    let is_whole = verdict
        .verified
        .iter()
        .any(|verified| !members.iter().any(|member| verified.value().is_about(&member.digest)));
    let notes: Vec<String> = left
        .iter()
        .map(|Member { digest, platform }| {
            if is_whole {
                format!(
                    "nothing is about {platform} ({digest}) itself; what is said of the index stands for it"
                )
            } else {
                format!("nothing that counts is about {platform} ({digest})")
            }
        })
        .collect();
    verdict.notes.extend(notes);
    verdict.is_uncovered = !left.is_empty() && !is_whole;
}

/// The digests that something must be said about.
fn targets(
    image: &Image,
    arguments: &VerifyArgs,
    members: &[Member],
) -> Result<Vec<(Digest, Option<Platform>)>, Failure> {
    if !arguments.all_platforms && arguments.platform.is_none() {
        return Ok(vec![(image.root.digest.clone(), None)]);
    }
    let mut targets = Vec::new();
    for source in image.sources(arguments.platform.as_ref(), &arguments.bill.limits())? {
        let sbom_core::oci::SubjectKind::Image(about) = &source.subject().kind else { continue };
        if let Some(digest) = &about.manifest_digest {
            targets.push((digest.clone(), Some(about.platform.clone())));
        }
    }
    if targets.is_empty() {
        // Nothing that was looked at is nothing that was verified.
        let source = anyhow!("there is no image in it that can be run");
        return Err(Failure { exit: Exit::BadInput, source });
    }
    // What a machine may choose for the platform in place of the image must be spoken for, too.
    let wanted = arguments.platform.as_ref();
    for Member { digest, platform } in members {
        let is_wanted = wanted.is_none_or(|wanted| platform.is_unknown() || wanted.matches(platform));
        if is_wanted && !targets.iter().any(|(known, _)| known == digest) {
            targets.push((digest.clone(), Some(platform.clone())));
        }
    }
    Ok(targets)
}
