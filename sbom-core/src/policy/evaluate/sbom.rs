//! What a signed bill of materials must be like: its format, its elements, and whether it is about this image.

use std::rc::Rc;

use super::{Judge, coverage::Target, requirement::Judged};
use crate::{
    attest::predicate::Family,
    diff::{Aspect, Change, ChangeKind, Diff},
    document::{
        Document,
        read::{self, Read, Syntax},
    },
    policy::{facts::Attestation, model::Matches, reason::Reason, verdict::Outcome},
    score::{self, Profile, Unknowns},
};

/// Packages that a message names.
const NAMED: usize = 5;

/// A bill of materials that was read.
#[derive(Debug)]
pub(super) struct Sbom {
    pub(super) read: Read,
    unknowns: Unknowns,
}

impl<'a> Judge<'a> {
    /// The bill of materials that a statement is, read once.
    pub(super) fn sbom(&self, attestation: &'a Attestation) -> Rc<Result<Sbom, String>> {
        if let Some(known) = self.sboms.borrow().get(&attestation.digest) {
            return Rc::clone(known);
        }
        let read = || -> Result<Sbom, read::ReadError> {
            let plain = read::open(&attestation.predicate, self.limits)?;
            let unknowns = Unknowns::of(&plain);
            Ok(Sbom { read: read::read(&attestation.predicate, self.limits)?, unknowns })
        };
        let sbom = Rc::new(read().map_err(|error| error.to_string()));
        self.sboms.borrow_mut().insert(&attestation.digest, Rc::clone(&sbom));
        sbom
    }

    /// Whether a bill of materials is as it should be.
    pub(super) fn sbom_content(
        &self,
        attestation: &'a Attestation,
        target: &Target<'a>,
        formats: &[Family],
        elements: Option<Profile>,
        matches: Matches,
    ) -> Judged {
        let sbom = self.sbom(attestation);
        let sbom = match &*sbom {
            Ok(sbom) => sbom,
            Err(error) => return Judged::new(Outcome::Fail, Reason::UNREADABLE, error.clone()),
        };
        // What it is called is one thing, what it is another.
        let format = match sbom.read.format.syntax {
            Syntax::CycloneDxJson | Syntax::CycloneDxXml => Some(Family::CycloneDx),
            Syntax::SpdxJson | Syntax::SpdxTagValue | Syntax::SpdxJsonLd => Some(Family::Spdx),
            Syntax::SyftJson => None,
        };
        if !format.is_some_and(|format| formats.contains(&format)) {
            let message = format!("{} is none of the formats that are accepted", sbom.read.format);
            return Judged::new(Outcome::Fail, Reason::FORMAT, message);
        }
        if let Some(missing) = elements.and_then(|profile| missing_elements(sbom, profile)) {
            return missing;
        }
        if matches != Matches::Off && !self.is_comparable(attestation, target) {
            let message =
                format!("it is about the index as a whole, and not comparable with {}", target.label);
            return Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, message);
        }
        match matches {
            Matches::Off => Judged::pass(),
            Matches::Layers => layers(&sbom.read.document, target),
            Matches::Rescan => self.rescan(&sbom.read.document, target),
        }
    }

    fn rescan(&self, document: &Document, target: &Target<'_>) -> Judged {
        let Some(scanned) = self.evidence.rescans.get(&target.manifest.digest) else {
            let message = format!("{} was not scanned to compare", target.label);
            return Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, message);
        };
        let diff = Diff::of(document, scanned);
        // What tools say of a package in different words is no drift; what is there, and in which version, is.
        let of_content =
            |change: &Change| change.kind != ChangeKind::Changed || change.aspects.contains(&Aspect::Version);
        // What a scan that was cut short did not see may be there. What it saw is.
        let unread = scanned.unread();
        let is_known = |change: &Change| unread.is_none() || change.kind != ChangeKind::Removed;
        let drifted: Vec<String> = diff
            .changes
            .iter()
            .filter(|change| of_content(change) && is_package(&change.ecosystem) && is_known(change))
            .map(|change| format!("{} {}", change.name, change.kind.name()))
            .collect();
        if drifted.is_empty() {
            return match unread {
                None => Judged::pass(),
                Some(why) => {
                    let message = format!("the scan of {} did not read all of it: {why}", target.label);
                    Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, message)
                }
            };
        }
        let named = drifted.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let message = format!("a scan differs in {} packages: {named}", drifted.len());
        Judged::new(Outcome::Fail, Reason::DRIFT, message)
    }
}

/// Whether it is a package rather than a file or the system.
fn is_package(ecosystem: &str) -> bool {
    !matches!(ecosystem, "file" | "system" | "other")
}

fn missing_elements(sbom: &Sbom, profile: Profile) -> Option<Judged> {
    let report = score::score(&sbom.read, &sbom.unknowns, profile);
    let missing: Vec<&str> = report
        .results
        .iter()
        .filter(|result| result.outcome == score::Outcome::Fail)
        .map(|result| result.rule.element)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!("{}: {} of 10; not met: {}", profile.title(), report.score, missing.join(", "));
    Some(Judged::new(Outcome::Fail, Reason::ELEMENTS_MISSING, message))
}

/// Whether the layers that it names are those of the image.
fn layers(document: &Document, target: &Target<'_>) -> Judged {
    let of_image = &target.manifest.layers;
    let named: Option<Vec<_>> = document.layers.iter().map(|layer| layer.diff_id.as_ref()).collect();
    match named {
        _ if of_image.is_empty() => {
            let message = format!("the layers of {} are not known", target.label);
            Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, message)
        }
        None => {
            Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, "it names layers without their digests")
        }
        Some(named) if named.is_empty() => {
            Judged::new(Outcome::Undecided, Reason::DRIFT_UNKNOWN, "it names no layers")
        }
        Some(named) if named.iter().copied().eq(of_image.iter()) => Judged::pass(),
        Some(_) => Judged::new(Outcome::Fail, Reason::DRIFT, "it names other layers than the image has"),
    }
}
