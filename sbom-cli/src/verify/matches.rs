//! Whether a signed bill is true: the image is scanned again, and compared with what the bill says.

use anyhow::anyhow;
use sbom_core::{
    attest::{predicate::Family, statement::Statement, verify::Verified},
    diff::{Aspect, Change, ChangeKind, Diff, State},
    document::read,
    limits::Limits,
    oci::{Image as ImageFacts, SubjectKind},
    source::{ImageSource, Source as _},
};

use super::Verdict;
use crate::{
    bill::BillMaker,
    exit_code::{Exit, Failure},
    place::Image,
    terminal::Terminal,
};

/// What a new scan finds otherwise than a bill says.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What is in the image and not in the bill, or the other way round, one line each.
    pub(super) lines: Vec<String>,
    /// What of the image was not read, so that nothing follows from what was not found.
    pub(super) unread: Vec<String>,
}

/// What a new scan finds otherwise. The bill is the newest that was verified; without one there is a line, too. Where it is
/// not known which is the newest, and not all say what is in the image, it is not known whether the bill does.
pub(super) fn differences(
    image: &Image,
    verdict: &Verdict,
    maker: &BillMaker,
    terminal: &Terminal,
) -> Result<Differences, Failure> {
    let is_bill = |verified: &&Verified<Statement>| {
        matches!(verified.value().predicate_type().family(), Some(Family::Spdx | Family::CycloneDx))
    };
    let bills: Vec<_> = verdict.verified.iter().filter(is_bill).collect();
    if bills.is_empty() {
        let lines = vec!["no bill of materials was verified".to_owned()];
        return Ok(Differences { lines, ..Differences::default() });
    }
    let bars = terminal.bars();
    let Differences { mut lines, mut unread } = Differences::default();
    let sources = sources(image, verdict, &maker.options.limits)?;
    if sources.is_empty() {
        unread.push(format!("{} is no image that can be scanned to compare", verdict.digest));
    }
    for source in sources {
        let Some(about) = facts_of(&source) else { continue };
        let Some(digest) = &about.manifest_digest else { continue };
        // A bill of the index alone says nothing about one of its images.
        let about_it: Vec<_> = bills.iter().filter(|bill| bill.value().is_about(digest)).copied().collect();
        if about_it.is_empty() {
            lines.push(format!("{digest} ({}): no verified bill is about it", about.platform));
            continue;
        }
        let bom = sbom_core::scan::scan(&source, &maker.options, &bars)?;
        let (scanned, _) = maker.document(bom)?;
        let why = scanned.unread();
        // What a scan that was cut short did not see may be there. What it saw is.
        let is_known = |change: &Change| why.is_none() || change.kind != ChangeKind::Removed;
        let newest = Verdict::newest(&about_it);
        let mut otherwise = Vec::new();
        for bill in &newest {
            let signed = read::read(bill.value().predicate(), &maker.options.limits).map_err(|error| {
                Failure { exit: Exit::BadInput, source: anyhow!(error).context("the signed bill") }
            })?;
            let diff = Diff::of(&signed.document, &scanned);
            let matters = diff.changes.iter().filter(|change| matters(change) && is_known(change));
            let found: Vec<String> = matters.map(|change| format!("{digest}: {}", line(change))).collect();
            otherwise.extend(Some(found).filter(|found| !found.is_empty()));
        }
        if otherwise.len() == newest.len() {
            lines.extend(otherwise.into_iter().flatten());
        } else if !otherwise.is_empty() {
            unread.push(format!(
                "of {} bills about {digest} nothing proves which is the newest, and {} of them say otherwise than the image",
                newest.len(),
                otherwise.len()
            ));
        }
        unread.extend(why.map(|why| format!("not all of {digest} was read to compare: {why}")));
    }
    Ok(Differences { lines, unread })
}

/// The images that a verdict is about: for one platform the one of its digest, whichever others there are for it.
fn sources(image: &Image, verdict: &Verdict, limits: &Limits) -> Result<Vec<ImageSource>, Failure> {
    let Some(platform) = &verdict.platform else { return image.sources(None, limits) };
    let is_it = |source: &ImageSource| {
        facts_of(source).is_some_and(|facts| facts.manifest_digest.as_ref() == Some(&verdict.digest))
    };
    let first = image.sources(Some(platform), limits)?;
    let all = if first.iter().any(is_it) { first } else { image.sources(None, limits)? };
    Ok(all.into_iter().filter(is_it).collect())
}

fn facts_of(source: &ImageSource) -> Option<&ImageFacts> {
    match &source.subject().kind {
        SubjectKind::Image(facts) => Some(facts),
        SubjectKind::Folder | SubjectKind::File(_) => None,
    }
}

/// That a document says something otherwise is a matter of formats. Whether something is there, and in which version, is
/// not, even where nobody knows which version is the later one.
fn matters(change: &Change) -> bool {
    change.kind != ChangeKind::Changed || change.aspects.contains(&Aspect::Version)
}

fn line(change: &Change) -> String {
    let version = |state: &Option<State>| {
        state.as_ref().and_then(|state| state.version.clone()).unwrap_or_else(|| "without version".to_owned())
    };
    let what = format!("{} {}", change.ecosystem, change.name);
    match (&change.before, &change.after) {
        (Some(_), None) => {
            format!("the bill lists {what} {}, which the image lacks", version(&change.before))
        }
        (None, _) => format!("the image has {what} {}, which the bill lacks", version(&change.after)),
        (Some(_), Some(_)) => format!(
            "the image has {what} {}, and the bill says {}",
            version(&change.after),
            version(&change.before)
        ),
    }
}
