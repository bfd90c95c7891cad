//! Whether a signed bill is true: the image is scanned again, and compared with what the bill says.

use anyhow::anyhow;
use sbom_core::{
    attest::{predicate::Family, statement::Statement, verify::Verified},
    diff::{Aspect, Change, ChangeKind, Diff, State},
    document::read,
    oci::SubjectKind,
    source::Source as _,
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

/// What a new scan finds otherwise. The bill is the newest that was verified; without one there is a line, too.
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
    for source in image.sources(verdict.platform.as_ref(), &maker.options.limits)? {
        let SubjectKind::Image(about) = &source.subject().kind else { continue };
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
        // Where nobody can say which bill is the newest, none of those that may be it must lie.
        for bill in Verdict::newest(&about_it) {
            let signed = read::read(bill.value().predicate(), &maker.options.limits).map_err(|error| {
                Failure { exit: Exit::BadInput, source: anyhow!(error).context("the signed bill") }
            })?;
            let diff = Diff::of(&signed.document, &scanned);
            let matters = diff.changes.iter().filter(|change| matters(change) && is_known(change));
            lines.extend(matters.map(|change| format!("{digest}: {}", line(change))));
        }
        unread.extend(why.map(|why| format!("not all of {digest} was read to compare: {why}")));
    }
    Ok(Differences { lines, unread })
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
