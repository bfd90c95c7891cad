//! `sbomctl verify` of an image: what is said of which of its digests, and what of it nothing is said about.

use std::{collections::BTreeSet, path::Path};

use anyhow::anyhow;
use sbom_core::{
    attach::{self, Spending, Wanted},
    attest::verify::Demand,
    digest::Digest,
    limits::Limits,
    oci::Platform,
    source::{Member, Source as _},
};

use super::{
    Verdict, VerifyArgs, given,
    hearing::{Candidate, Hearing, candidates},
    records::Records,
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
    let members = members(image, limits)?;
    let targets = targets(image, arguments, &members)?;
    let likely: Vec<String> =
        arguments.predicate.iter().map(|predicate| predicate.uri().to_owned()).collect();
    let mut found: Vec<(Verdict, Vec<Candidate>)> = Vec::new();
    for (digest, platform) in targets {
        let mut verdict = Verdict::new(&image.given, digest.clone(), platform);
        let wanted = Wanted { subject: &digest, index: image.index(), likely: &likely };
        let all = attach::find(&*image.store, wanted, spending);
        let candidates = candidates(all, arguments.predicate.as_ref(), &mut verdict);
        found.push((verdict, candidates));
    }
    let all = digests(image, &members);
    let known: BTreeSet<&Digest> = found.iter().map(|(verdict, _)| &verdict.digest).collect();
    let elsewhere = Records::beside(image, all.iter().filter(|digest| !known.contains(digest)), spending);
    let mut hearing = Hearing::new(all.clone());
    for (verdict, candidates) in &found {
        hearing.add(demand(verdict.digest.clone()), candidates);
    }
    elsewhere.join(&mut hearing, demand);
    let (heard, mut withdrawn) = hearing.end(limits);
    elsewhere.tell(&mut withdrawn);
    // What was missed beside one of them may withdraw what lies beside the others.
    let missed = found.iter().filter(|(verdict, _)| verdict.missed.withdrawals && found.len() > 1);
    for (Verdict { digest, .. }, _) in missed {
        withdrawn.miss(format!("records that withdraw may be among what was not looked at beside {digest}"));
    }
    let verdicts = found.into_iter().map(|(verdict, _)| verdict).zip(heard);
    Ok(verdicts.map(|(verdict, heard)| covered(heard.end(&withdrawn, verdict), &members)).collect())
}

/// The same for attestations that were given, which may say nothing of the image at all.
pub(super) fn judge_given(
    image: &Image,
    arguments: &VerifyArgs,
    limits: &Limits,
    demand: &impl Fn(Digest) -> Demand,
    bundle: &Path,
    given: &[Candidate],
) -> Result<Vec<Verdict>, Failure> {
    let members = members(image, limits)?;
    let targets = targets(image, arguments, &members)?;
    let mut hearing = Hearing::new(digests(image, &members));
    for (digest, _) in &targets {
        hearing.add(demand(digest.clone()), given);
    }
    let (heard, withdrawn) = hearing.end(limits);
    let mut verdicts = Vec::new();
    for ((digest, platform), heard) in targets.into_iter().zip(heard) {
        let verdict = heard.end(&withdrawn, Verdict::new(&image.given, digest, platform));
        let verdict = covered(verdict, &members);
        given::check_readable(bundle, given, &verdict)?;
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// What of an index a machine may choose. An image is one, whatever it is.
fn members(image: &Image, limits: &Limits) -> Result<Vec<Member>, Failure> {
    if image.index().is_some() { image.members(limits) } else { Ok(Vec::new()) }
}

/// Every digest that names the image or a part of it.
fn digests(image: &Image, members: &[Member]) -> BTreeSet<Digest> {
    members.iter().map(|member| &member.digest).chain([&image.root.digest]).cloned().collect()
}

fn covered(mut verdict: Verdict, members: &[Member]) -> Verdict {
    if verdict.platform.is_none() && !verdict.verified.is_empty() {
        cover(members, &mut verdict);
    }
    verdict
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
